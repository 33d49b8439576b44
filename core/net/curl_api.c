#include "curl_api.h"

#include "fd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/*
 * The only mutable global of the core, and an accepted exception: the library is loaded, and
 * curl_global_init called, once in a process by the first caller (url_parse has no struct to keep
 * it in). Written under the mutex, constant from then on.
 */
static struct {
    pthread_mutex_t mutex;
    bool tried;
    struct curl_api api;
    struct err err; /* ERR_NONE: loaded */
} loaded = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int find_functions(void *library)
{
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define CURL_API_ENTRY(name) {"curl_" #name, offsetof(struct curl_api, name)},
        CURL_API_FUNCTIONS(CURL_API_ENTRY)
#undef CURL_API_ENTRY
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *symbol = dlsym(library, functions[i].name);
        if (symbol == NULL)
            return err_set(&loaded.err, ERR_CONFIG,
                           "%s has no %s; install the package %s of Debian 12 or newer",
                           CURL_API_LIBRARY, functions[i].name, CURL_API_PACKAGE);
        memcpy((char *)&loaded.api + functions[i].offset, &symbol, sizeof symbol);
    }
    return 0;
}

/*
 * Libraries of libcurl's, as Debian builds it. A name is looked for in all libraries that were
 * opened together, in turn: opened before libcurl, these look through their own few, not through
 * all of libcurl's thirty. A quarter of the instructions of loading. One that is missing is no
 * loss; the order matters, and each of these is worth it (others, with few names to look for, cost
 * more to open than they save).
 */
static void load_large(void)
{
    static const char *const names[] = {
        "libhogweed.so.6",  "libunistring.so.2", "libcrypto.so.3",
        "libssl.so.3",      "libgnutls.so.30",   "libgssapi_krb5.so.2",
        "libldap-2.5.so.0", "libssh2.so.1",      "libzstd.so.1",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
}

static void load(void)
{
    load_large();
    void *library = dlopen(CURL_API_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    loaded.tried = library != NULL || !fd_few_left(); /* else a later call may succeed */
    if (library == NULL) {
        err_set(&loaded.err, ERR_CONFIG,
                loaded.tried ? "%s cannot be loaded: %s; install the package %s"
                             : "%s cannot be loaded: %s",
                CURL_API_LIBRARY, dlerror(), CURL_API_PACKAGE);
        return;
    }
    err_clear(&loaded.err);
    if (find_functions(library) != 0)
        return;
    const curl_version_info_data *version = loaded.api.version_info(CURLVERSION_NOW);
    if (version->version_num < CURL_API_MIN_VERSION) {
        err_set(&loaded.err, ERR_CONFIG,
                "%s is version %s, too old; install the package %s of Debian 12 or newer",
                CURL_API_LIBRARY, version->version, CURL_API_PACKAGE);
        return;
    }
    CURLcode code = loaded.api.global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        err_set(&loaded.err, ERR_CONFIG, "%s cannot be initialised: %s", CURL_API_LIBRARY,
                loaded.api.easy_strerror(code));
}

const struct curl_api *curl_api(struct err *err)
{
    pthread_mutex_lock(&loaded.mutex);
    if (!loaded.tried)
        load();
    pthread_mutex_unlock(&loaded.mutex);
    if (loaded.err.kind != ERR_NONE) {
        *err = loaded.err;
        return NULL;
    }
    return &loaded.api;
}
