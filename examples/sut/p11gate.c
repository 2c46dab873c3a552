/* A PKCS#11 module that stands in front of another one, and lets the bench see every call before and after it.
 *
 * A call is told by unlink("$P11GATE_CALLS/C_WrapKey-before"), a file that is not there: nothing happens, but the
 * kernel stops the process and asks the bench, as it does for every durable system call. So PKCS#11 calls and
 * system calls stand in one order, and either can be the crash point. Without a bench the gate is of no effect.
 *
 * P11GATE_MODULE   the library behind it
 * P11GATE_PARAMS   what C_Initialize is given where the caller gives nothing; NSS softokn needs its own string
 *
 * Rejected: p11-kit's client with a relay. It refuses CKM_AES_CBC and CKM_AES_CBC_PAD, which Barbican needs.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef unsigned long word; /* CK_ULONG, CK_RV, or a pointer; a CK_BBOOL stands in its lowest byte */

/* CK_C_INITIALIZE_ARGS as NSS has it (pkcs11t.h): the reserved field is the parameter string. */
struct initialize {
    void *mutexes[4];
    word flags;
    const char *parameters;
    void *reserved;
};

/* CK_FUNCTION_LIST: a version, then every function in the order of the standard (PKCS#11 v2.40, section 5). */
struct functions {
    word version;
    void *place[68];
};

static struct functions *module(void)
{
    static struct functions *loaded;
    if (!loaded) {
        const char *path = getenv("P11GATE_MODULE");
        void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
        word (*list)(struct functions **) =
            library ? (word(*)(struct functions **))dlsym(library, "C_GetFunctionList") : NULL;
        if (!list || list(&loaded) != 0) {
            fprintf(stderr, "p11gate: %s\n", path ? dlerror() : "P11GATE_MODULE is not set");
            abort();
        }
    }
    return loaded;
}

static void tell(const char *name, const char *when)
{
    char path[4096];
    const char *folder = getenv("P11GATE_CALLS");
    if (folder && snprintf(path, sizeof path, "%s/%s-%s", folder, name, when) < (int)sizeof path)
        (void)unlink(path);
}

#define GATE(number, name, parameters, arguments)           \
    word name parameters                                   \
    {                                                      \
        word(*behind) parameters = (word(*) parameters)module()->place[number]; \
        tell(#name, "before");                             \
        word result = behind arguments;                    \
        tell(#name, "after");                              \
        return result;                                     \
    }

#define P1 (word a)
#define P2 (word a, word b)
#define P3 (word a, word b, word c)
#define P4 (word a, word b, word c, word d)
#define P5 (word a, word b, word c, word d, word e)
#define P6 (word a, word b, word c, word d, word e, word f)
#define P8 (word a, word b, word c, word d, word e, word f, word g, word h)

word C_Initialize(struct initialize *given)
{
    struct initialize own = {{NULL}, 0, getenv("P11GATE_PARAMS"), NULL};
    word (*behind)(struct initialize *) = (word(*)(struct initialize *))module()->place[0];
    tell("C_Initialize", "before");
    word result = behind(given || !own.parameters ? given : &own);
    tell("C_Initialize", "after");
    return result;
}

/* What Barbican calls, by place in that order. */
GATE(1, C_Finalize, P1, (a))
GATE(2, C_GetInfo, P1, (a))
GATE(4, C_GetSlotList, P3, (a, b, c))
GATE(5, C_GetSlotInfo, P2, (a, b))
GATE(6, C_GetTokenInfo, P2, (a, b))
GATE(12, C_OpenSession, P5, (a, b, c, d, e))
GATE(13, C_CloseSession, P1, (a))
GATE(15, C_GetSessionInfo, P2, (a, b))
GATE(18, C_Login, P4, (a, b, c, d))
GATE(10, C_InitPIN, P3, (a, b, c))
GATE(24, C_GetAttributeValue, P4, (a, b, c, d))
GATE(25, C_SetAttributeValue, P4, (a, b, c, d))
GATE(22, C_DestroyObject, P2, (a, b))
GATE(26, C_FindObjectsInit, P3, (a, b, c))
GATE(27, C_FindObjects, P4, (a, b, c, d))
GATE(28, C_FindObjectsFinal, P1, (a))
GATE(58, C_GenerateKey, P5, (a, b, c, d, e))
GATE(60, C_WrapKey, P6, (a, b, c, d, e, f))
GATE(61, C_UnwrapKey, P8, (a, b, c, d, e, f, g, h))
GATE(29, C_EncryptInit, P3, (a, b, c))
GATE(30, C_Encrypt, P5, (a, b, c, d, e))
GATE(33, C_DecryptInit, P3, (a, b, c))
GATE(34, C_Decrypt, P5, (a, b, c, d, e))
GATE(42, C_SignInit, P3, (a, b, c))
GATE(43, C_Sign, P5, (a, b, c, d, e))
GATE(48, C_VerifyInit, P3, (a, b, c))
GATE(49, C_Verify, P5, (a, b, c, d, e))
GATE(64, C_GenerateRandom, P3, (a, b, c))
GATE(63, C_SeedRandom, P3, (a, b, c))
