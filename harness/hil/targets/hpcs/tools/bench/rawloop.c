/* The yardstick of `hil bench`: unwrap, wrap, destroy in a loop, in the process of the PKCS#11 library.
 *
 *     rawloop LIBRARY LABEL OLD NEW    OLD, NEW: CKA_ID of the master keys, in hex
 *
 * stdin: the user PIN and a line feed, then blobs of 40 bytes, AES_KEY_WRAP of 32 bytes under OLD.
 * stdout: the same blobs under NEW, after the last of them has been made.
 * stderr: one line, seconds of the loop by the clock and of processor time; or what went wrong.
 *
 * Nothing is done here that a rewrap does not need: no size query, no look at a handle. What stands below of
 * the PKCS#11 ABI is from the OASIS specification 2.40; nothing of its headers is needed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOB = 40, FUNCTIONS = 68, SLOTS = 64, LABEL_BYTES = 32 };
/* Places in CK_FUNCTION_LIST. */
enum { INITIALIZE = 0, FINALIZE = 1, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, OPEN_SESSION = 12, LOGIN = 18,
       DESTROY_OBJECT = 22, FIND_INIT = 26, FIND = 27, FIND_FINAL = 28, WRAP_KEY = 60, UNWRAP_KEY = 61 };
enum { CKA_CLASS = 0, CKA_TOKEN = 1, CKA_PRIVATE = 2, CKA_KEY_TYPE = 0x100, CKA_ID = 0x102,
       CKA_SENSITIVE = 0x103, CKA_EXTRACTABLE = 0x162 };

typedef unsigned long word;
typedef word (*function)();
struct version { unsigned char major, minor; };
struct function_list { struct version version; function at[FUNCTIONS]; };
struct mechanism { word type; void *parameter; word length; };
struct attribute { word type; void *value; word length; };

static function *call;

static void check(word rv, const char *what) {
    if (rv) {
        fprintf(stderr, "%s: CKR 0x%lX\n", what, rv);
        exit(1);
    }
}

static word slot_of(const char *label) {
    word slots[SLOTS], count = SLOTS;
    unsigned char info[512], padded[LABEL_BYTES]; /* CK_TOKEN_INFO begins with the label and has 208 bytes */
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label) < LABEL_BYTES ? strlen(label) : LABEL_BYTES);
    check(call[GET_SLOT_LIST]((unsigned char)1, slots, &count), "C_GetSlotList");
    for (word i = 0; i < count; i++) {
        check(call[GET_TOKEN_INFO](slots[i], info), "C_GetTokenInfo");
        if (!memcmp(info, padded, LABEL_BYTES))
            return slots[i];
    }
    fprintf(stderr, "no token %s\n", label);
    exit(1);
}

static word key_of(word session, const char *hex) {
    unsigned char id[64];
    word length = 0, key = 0, found = 0, class = 4 /* CKO_SECRET_KEY */;
    for (unsigned byte; length < sizeof id && sscanf(hex + 2 * length, "%2x", &byte) == 1; length++)
        id[length] = (unsigned char)byte;
    struct attribute wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, length}};
    check(call[FIND_INIT](session, wanted, 2UL), "C_FindObjectsInit");
    check(call[FIND](session, &key, 1UL, &found), "C_FindObjects");
    check(call[FIND_FINAL](session), "C_FindObjectsFinal");
    check(found != 1, "master key not found");
    return key;
}

static double now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void rewrap(word session, word old, word new, unsigned char *blobs, size_t count) {
    unsigned char yes = 1, no = 0;
    word class = 4, aes = 0x1F /* CKK_AES */;
    struct mechanism key_wrap = {0x2109 /* CKM_AES_KEY_WRAP */, NULL, 0};
    struct attribute carried[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &aes, sizeof aes},
        {CKA_TOKEN, &no, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &yes, 1}};
    for (size_t i = 0; i < count; i++) {
        word key = 0, length = BLOB;
        unsigned char *blob = blobs + i * BLOB;
        check(call[UNWRAP_KEY](session, &key_wrap, old, blob, (word)BLOB, carried, 6UL, &key), "C_UnwrapKey");
        check(call[WRAP_KEY](session, &key_wrap, new, key, blob, &length), "C_WrapKey");
        check(call[DESTROY_OBJECT](session, key), "C_DestroyObject");
    }
}

int main(int argc, char **argv) {
    if (argc != 5)
        return fprintf(stderr, "usage: rawloop LIBRARY LABEL OLD NEW < PIN and blobs\n"), 64;
    char pin[256];
    size_t room = 1 << 20, size = 0, got;
    unsigned char *blobs = malloc(room);
    struct function_list *list = NULL;
    void *library = dlopen(argv[1], RTLD_NOW);
    function get = library ? (function)dlsym(library, "C_GetFunctionList") : NULL;
    if (!get || !blobs || !fgets(pin, sizeof pin, stdin))
        return fprintf(stderr, "%s: no PKCS#11 library, or no PIN\n", argv[1]), 1;
    pin[strcspn(pin, "\n")] = 0;
    while ((got = fread(blobs + size, 1, room - size, stdin)) > 0)
        if ((size += got) == room && !(blobs = realloc(blobs, room *= 2)))
            return 1;
    check(get(&list), "C_GetFunctionList");
    call = list->at;
    check(call[INITIALIZE](NULL), "C_Initialize");
    word session, slot = slot_of(argv[2]);
    check(call[OPEN_SESSION](slot, 4UL /* serial */, NULL, NULL, &session), "C_OpenSession");
    check(call[LOGIN](session, 1UL /* user */, pin, (word)strlen(pin)), "C_Login");
    word old = key_of(session, argv[3]), new = key_of(session, argv[4]);
    double clock = now(CLOCK_MONOTONIC), busy = now(CLOCK_PROCESS_CPUTIME_ID);
    rewrap(session, old, new, blobs, size / BLOB);
    fprintf(stderr, "%.6f %.6f\n", now(CLOCK_MONOTONIC) - clock, now(CLOCK_PROCESS_CPUTIME_ID) - busy);
    fwrite(blobs, 1, size, stdout);
    return fflush(stdout) ? 1 : (call[FINALIZE](NULL), 0);
}
