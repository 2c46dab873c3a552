/*
 * A PKCS#11 library that hands one string to the C_Initialize of another.
 *
 * Some modules take their configuration as pReserved of C_Initialize, NSS softokn among them, and refuse to
 * start without. Neither python-pkcs11 nor `p11-kit server --provider` can pass one, so this stands in front:
 * HIL_MODULE names the module, HIL_MODULE_ARGUMENT is the string. All other calls go to the module itself.
 * Rejected: p11-kit's module files with x-init-reserved. Version 0.24 reads those of a user only where that
 * is not root, and those of the machine are not ours to write.
 */
#include <dlfcn.h>
#include <stdlib.h>

typedef unsigned long rv_t;
enum { GENERAL_ERROR = 5, FUNCTIONS = 68 }; /* of PKCS#11 2.40 */

struct arguments { /* CK_C_INITIALIZE_ARGS */
    void *create_mutex, *destroy_mutex, *lock_mutex, *unlock_mutex;
    unsigned long flags;
    void *reserved;
};

struct functions { /* CK_FUNCTION_LIST: C_Initialize is the first, C_GetFunctionList the fourth */
    unsigned char version[2];
    void *call[FUNCTIONS];
};

static struct functions ours;
static rv_t (*theirs)(void *);

static rv_t initialise(void *given)
{
    struct arguments arguments = {0};
    if (given != NULL)
        arguments = *(struct arguments *)given;
    arguments.reserved = getenv("HIL_MODULE_ARGUMENT");
    return theirs(&arguments);
}

rv_t C_GetFunctionList(struct functions **list)
{
    const char *path = getenv("HIL_MODULE");
    void *module = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    rv_t (*get)(struct functions **) = NULL;
    struct functions *whole = NULL;
    rv_t code;

    if (module != NULL)
        *(void **)&get = dlsym(module, "C_GetFunctionList");
    if (get == NULL)
        return GENERAL_ERROR;
    code = get(&whole);
    if (code != 0)
        return code;
    ours = *whole;
    *(void **)&theirs = whole->call[0];
    *(rv_t (**)(void *))&ours.call[0] = initialise;
    *(rv_t (**)(struct functions **))&ours.call[3] = C_GetFunctionList;
    *list = &ours;
    return 0;
}
