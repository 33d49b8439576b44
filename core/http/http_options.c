#include "clock.h"
#include "field.h"
#include "http_method.h"
#include "http_transfer.h"
#include "mem.h"
#include "safefile.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define METHOD_MAX      32
#define TRUST_DIR       "/etc/ssl/certs"
#define TRUST_FILE      "/etc/ssl/certs/ca-certificates.crt"
#define TRUST_FILES_MAX 4096 /* that are looked at in a folder of the user's */
#define TRUST_AGE_S     60L  /* what was read of the system's bundle counts for so long */
#define KEEPALIVE_S     60L
/* Of a file at a time; libcurl itself takes 64 KiB. */
#define UPLOAD_BYTES (512 * 1024L)

/* libcurl sets these itself; a second copy could make two servers on the way read two different
 * requests. */
static const char *const reserved[] = {
    "Connection", "Content-Length",   "Expect",  "Keep-Alive",        "Proxy-Authorization",
    "TE",         "Proxy-Connection", "Upgrade", "Transfer-Encoding", "Trailer",
};

static const char *environment(const char *lower, const char *upper)
{
    const char *value = getenv(lower);
    if (value == NULL || *value == '\0')
        value = getenv(upper);
    return value != NULL && *value != '\0' ? value : NULL;
}

/* "" for none: libcurl would look into the environment by itself for NULL. */
static const char *proxy_for(const struct url *url)
{
    if (strcmp(url->scheme, "https") != 0 || url_is_loopback(url))
        return "";
    const char *proxy = environment("https_proxy", "HTTPS_PROXY");
    return proxy != NULL ? proxy : "";
}

int http_proxy_check(const struct url *url, struct err *err)
{
    const char *proxy = proxy_for(url);
    if (strstr(proxy, "://") == NULL || strncasecmp(proxy, "http://", 7) == 0 ||
        strncasecmp(proxy, "https://", 8) == 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "https_proxy: expected an HTTP proxy (http://HOST:PORT), or no such variable");
}

static bool is_hashed_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
           isdigit((unsigned char)name[9]);
}

static bool is_hashed_dir(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;
    if (dir == NULL)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;)
        found = is_hashed_name(entry->d_name);
    closedir(dir);
    return found;
}

struct http_trust http_trust_system(void)
{
    struct http_trust trust = {environment("SSL_CERT_FILE", "SSL_CERT_FILE"),
                               environment("SSL_CERT_DIR", "SSL_CERT_DIR"), false};
    trust.dir_is_own = trust.dir != NULL;
    if (trust.file == NULL && trust.dir == NULL) {
        /* Certificates are looked up by name there; loading the whole bundle takes 25 ms. */
        if (is_hashed_dir(TRUST_DIR))
            trust.dir = TRUST_DIR;
        else
            trust.file = TRUST_FILE;
    }
    return trust;
}

/* 0 for what is not there: libcurl tells of it. It would wait for a pipe, and read a device for
 * ever. */
static int anchor_check(const char *path, bool *is_dir, struct err *err)
{
    struct stat st;
    *is_dir = false;
    if (stat(path, &st) != 0)
        return 0;
    *is_dir = S_ISDIR(st.st_mode);
    if (!*is_dir && !S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG,
                       "%s: expected a file or a folder, found a device, pipe or socket", path);
    return safefile_check_mode(path, &st, SAFEFILE_NOT_WRITABLE, err);
}

/* The files that OpenSSL would find in there; of links, what they lead to. */
static int anchors_check(const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    int result = 0, count = 0;
    if (dir == NULL)
        return err_set(err, ERR_CONFIG, "%s: cannot list it: %s", path, strerror(errno));
    for (struct dirent *entry; result == 0 && (entry = readdir(dir)) != NULL;) {
        bool is_dir;
        if (!is_hashed_name(entry->d_name))
            continue;
        if (++count > TRUST_FILES_MAX) {
            result =
                err_set(err, ERR_CONFIG, "%s: more than %d certificates", path, TRUST_FILES_MAX);
            break;
        }
        char *file = mem_printf("%s/%s", path, entry->d_name);
        result = anchor_check(file, &is_dir, err);
        mem_free(file);
    }
    closedir(dir);
    return result;
}

/* To OpenSSL, SSL_CERT_DIR is a list with ':' between the folders. */
static int folders_check(const struct http_trust *trust, struct err *err)
{
    int result = 0;
    for (const char *at = trust->dir; at != NULL && *at != '\0' && result == 0;) {
        size_t len = strcspn(at, ":");
        bool is_dir;
        char *path = mem_strndup(at, len);
        result = anchor_check(path, &is_dir, err);
        if (result == 0 && is_dir && trust->dir_is_own)
            result = anchors_check(path, err);
        mem_free(path);
        at += len + (at[len] == ':');
    }
    return result;
}

int http_trust_check(const struct url *url, const char *ca_file, const struct http_trust *system,
                     struct err *err)
{
    bool is_dir;
    int result = 0;
    if (strcmp(url->scheme, "https") != 0)
        return 0;
    if (ca_file != NULL)
        result = anchor_check(ca_file, &is_dir, err);
    /* ca_file is not for the proxy. */
    bool uses_system = ca_file == NULL || strncasecmp(proxy_for(url), "https://", 8) == 0;
    if (result == 0 && uses_system && system->file != NULL)
        result = anchor_check(system->file, &is_dir, err);
    if (result == 0 && uses_system)
        result = folders_check(system, err);
    return result == 0 ? 0 : err_wrap(err, "certificates that are trusted");
}

static bool has_body(const struct http_request *request)
{
    return request->has_body || request->body_path != NULL || request->nparts > 0;
}

int http_method_check(const struct http_request *request, struct err *err)
{
    if (request->method == NULL || !field_is_token(request->method) ||
        strlen(request->method) > METHOD_MAX)
        return err_set(err, ERR_INVALID, "bad HTTP method: expected a word such as GET or POST");
    if (strcmp(request->method, "CONNECT") == 0)
        return err_set(err, ERR_INVALID, "the method CONNECT is for proxies; use another");
    if (has_body(request) && strcmp(request->method, "HEAD") == 0)
        return err_set(err, ERR_INVALID, "a HEAD request cannot have a body");
    return 0;
}

bool http_is_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcasecmp(name, reserved[i]) == 0)
            return true;
    }
    return false;
}

static int header_check(const struct http_header *header, struct err *err)
{
    if (header->name == NULL || !field_is_token(header->name))
        return err_set(err, ERR_INVALID,
                       "bad header name: expected letters, digits and '-', without ':'");
    if (http_is_reserved(header->name))
        return err_set(err, ERR_INVALID, "header '%s' cannot be set: leave it out", header->name);
    if (!field_is_value(header->value, strlen(header->value)))
        return err_set(err, ERR_INVALID,
                       "header '%s': its value holds a line break or control character",
                       header->name);
    return 0;
}

static void append(struct http_transfer *transfer, const char *line)
{
    struct curl_slist *list = transfer->api->slist_append(transfer->headers, line);
    if (list == NULL)
        abort(); /* out of memory */
    transfer->headers = list;
}

/* Without a length these methods are refused by some servers (411). */
static bool sends_empty_body(const struct http_request *request)
{
    const char *method = request->method;
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

int http_headers_copy(struct http_transfer *transfer, const struct http_request *request,
                      struct err *err)
{
    bool has_type = false;
    if (request->nheaders > HTTP_HEADERS_MAX)
        return err_set(err, ERR_INVALID, "more than %d header fields in a request",
                       HTTP_HEADERS_MAX);
    for (size_t i = 0; i < request->nheaders; i++) {
        const struct http_header *header = &request->headers[i];
        if (header_check(header, err) != 0)
            return -1;
        /* libcurl's way to write an empty value is "Name;". */
        bool empty = header->value[strspn(header->value, " \t")] == '\0';
        char *line = empty ? mem_printf("%s;", header->name)
                           : mem_printf("%s: %s", header->name, header->value);
        append(transfer, line);
        mem_free_secret(line);
        has_type = has_type || strcasecmp(header->name, "Content-Type") == 0;
        transfer->asks_range = transfer->asks_range || strcasecmp(header->name, "Range") == 0;
    }
    if (!has_body(request) && !sends_empty_body(request))
        return 0;
    append(transfer, "Expect:");
    if (has_type && request->nparts > 0)
        return err_set(err, ERR_INVALID,
                       "header 'Content-Type' cannot be set with a multipart body: leave it out");
    if (!has_type && request->nparts == 0)
        append(transfer, "Content-Type:"); /* or libcurl would call a body a form */
    return 0;
}

void http_headers_free(struct http_transfer *transfer)
{
    for (struct curl_slist *item = transfer->headers; item != NULL; item = item->next)
        sodium_memzero(item->data, strlen(item->data));
    if (transfer->headers != NULL)
        transfer->api->slist_free_all(transfer->headers);
    transfer->headers = NULL;
}

static bool is_link_local(const struct sockaddr *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff},
                               nat64[12] = {0, 0x64, 0xff, 0x9b},
                               to_6to4[4] = {0x20, 0x02, 169, 254};
    unsigned char bytes[16] = {0};
    if (address->sa_family == AF_INET) {
        memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        memcpy(bytes, mapped, sizeof mapped);
    } else if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    }
    bool holds_v4 = memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, nat64, 12) == 0;
    return (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) ||
           memcmp(bytes, to_6to4, sizeof to_6to4) == 0 ||
           (holds_v4 && bytes[12] == 169 && bytes[13] == 254);
}

static bool is_link_local_text(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return is_link_local((const struct sockaddr *)(const void *)&v4);
    return inet_pton(AF_INET6, address, &v6.sin6_addr) == 1 &&
           is_link_local((const struct sockaddr *)(const void *)&v6);
}

/* After the name was resolved, and before anything is sent there. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct http_transfer *transfer = arg;
    if (is_link_local(&address->addr)) {
        transfer->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * Called when the connection is up, TLS included, and the request goes out next. libcurl sends
 * again by itself when a kept-alive connection breaks before the first byte of a reply. The server
 * may have acted on the first request by then, so this is only for methods that may be repeated.
 * A connection may also be one that was kept by a request that could go anywhere.
 */
static int on_send(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    (void)local_ip, (void)remote_port, (void)local_port;
    struct http_transfer *transfer = arg;
    if (transfer->request->no_link_local && is_link_local_text(remote_ip)) {
        transfer->refused_address = true;
        return CURL_PREREQFUNC_ABORT;
    }
    /* libcurl looks at no limit once it is connected. Where this process has stood still meanwhile,
     * the request would be sent, and nobody wait for its reply. */
    transfer->moved_ms = clock_mono_ms();
    if (transfer->request->ahead)
        return CURL_PREREQFUNC_ABORT;
    if (!http_has_files(transfer) &&
        transfer->moved_ms - transfer->started_ms >= transfer->timeout_ms) {
        transfer->fault = HTTP_FAULT_LATE;
        return CURL_PREREQFUNC_ABORT;
    }
    bool repeatable =
        !transfer->request->alone && http_method_is_repeatable(transfer->request->method);
    transfer->result.sent = true;
    if (++transfer->sends == 1 || repeatable)
        return CURL_PREREQFUNC_OK;
    transfer->fault = HTTP_FAULT_LOST;
    return CURL_PREREQFUNC_ABORT;
}

/* The first option that is refused ends a chain of these; `code` says so. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = transfer->api->easy_setopt(transfer->easy, option, value);                      \
    } while (0)

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct http_meter *meter = arg;
    meter->moved = down + up;
    meter->total = down_total + up_total;
    return 0;
}

/* The same for all transfers. */
static CURLcode set_basics(struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a cancel does not wait for the resolver's thread */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_USERAGENT, "jeton/" JETON_VERSION);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_HTTP_CONTENT_DECODING, 0L); /* http_decode.c */
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
    SET(CURLOPT_HEADERFUNCTION, http_on_header);
    SET(CURLOPT_WRITEFUNCTION, http_on_body);
    SET(CURLOPT_PREREQFUNCTION, on_send);
    return code;
}

/* Of this transfer. All that a plain one sets is set by each, whatever its value. */
static CURLcode set_own(struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    const struct http_request *request = transfer->request;
    long connect_ms =
        transfer->timeout_ms < HTTP_CONNECT_MS ? (long)transfer->timeout_ms : HTTP_CONNECT_MS;
    SET(CURLOPT_CURLU, transfer->url.parsed); /* in its place, where there is none: */
    SET(CURLOPT_URL, transfer->address);
    SET(CURLOPT_PRIVATE, (void *)transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->curl_message);
    /* Of a stream of HTTP/2 that breaks at once, libcurl 7.88 hands on not even the status. */
    SET(CURLOPT_HTTP_VERSION,
        (long)(request->any_body ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_FRESH_CONNECT, request->alone || request->fresh || request->ahead ? 1L : 0L);
    SET(CURLOPT_MAXAGE_CONN, transfer->idle_s);
    SET(CURLOPT_FORBID_REUSE, request->connect_only ? 1L : 0L);
    SET(CURLOPT_CONNECT_ONLY, request->connect_only ? 1L : 0L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    SET(CURLOPT_HEADERDATA, (void *)transfer);
    SET(CURLOPT_WRITEDATA, (void *)transfer);
    SET(CURLOPT_PREREQDATA, (void *)transfer);
    if (http_has_files(transfer))
        SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    if (request->no_link_local) {
        SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
        SET(CURLOPT_OPENSOCKETDATA, (void *)transfer);
    }
    if (request->meter != NULL) {
        SET(CURLOPT_NOPROGRESS, 0L);
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, (void *)request->meter);
    }
    return code;
}

static CURLcode set_method(struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    const char *method = transfer->request->method;
    if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return code;
    }
    if (!transfer->request->cut)
        SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->max_body);
    if (transfer->request->nparts > 0) {
        code = code == CURLE_OK ? http_set_parts(transfer) : code;
    } else if (transfer->nsources > 0) {
        code = code == CURLE_OK ? http_set_file(transfer) : code;
    } else if (transfer->request->has_body || sends_empty_body(transfer->request)) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, transfer->request->has_body ? transfer->request->body : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->request->body_len);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, method);
    return code;
}

static struct curl_blob blob(const char *text)
{
    return (struct curl_blob){(char *)(uintptr_t)text, strlen(text), CURL_BLOB_NOCOPY};
}

/* The certificate itself is the only anchor: whoever shows it has its key, so its names do not
 * matter. */
static CURLcode set_only_certificate(const struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    struct curl_blob certificate = blob(transfer->request->only_certificate);
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CAINFO_BLOB, &certificate);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 0L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return code;
}

/* By itself libcurl goes by what it has read of a file for a day: an authority that was renewed
 * would be unknown as long. A bundle takes 25 ms to read. */
static CURLcode set_trust_age(const struct http_transfer *transfer)
{
    long age_s = transfer->request->ca_file != NULL ? 0 : TRUST_AGE_S;
    CURLcode code = transfer->api->easy_setopt(transfer->easy, CURLOPT_CA_CACHE_TIMEOUT, age_s);
    return code == CURLE_UNKNOWN_OPTION ? CURLE_OK : code; /* before 7.87: it keeps nothing */
}

static CURLcode set_trust(const struct http_transfer *transfer, const struct http_trust *system)
{
    CURLcode code = CURLE_OK;
    if (transfer->request->only_certificate != NULL)
        return set_only_certificate(transfer);
    struct http_trust own = {.file = transfer->request->ca_file};
    const struct http_trust *trust = transfer->request->ca_file != NULL ? &own : system;
    /* Both are set, as each has a default compiled into libcurl. */
    SET(CURLOPT_CAINFO, trust->file);
    SET(CURLOPT_CAPATH, trust->dir);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return code == CURLE_OK ? set_trust_age(transfer) : code;
}

static CURLcode set_certificate(const struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    if (transfer->request->certificate == NULL)
        return code;
    struct curl_blob certificate = blob(transfer->request->certificate);
    struct curl_blob key = blob(transfer->request->key);
    SET(CURLOPT_SSLCERT_BLOB, &certificate);
    SET(CURLOPT_SSLKEY_BLOB, &key);
    SET(CURLOPT_KEYPASSWD, ""); /* or OpenSSL would ask at the terminal */
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    return code;
}

static CURLcode set_proxy(const struct http_transfer *transfer, const struct http_trust *system)
{
    CURLcode code = CURLE_OK;
    const char *proxy = proxy_for(&transfer->url);
    const char *except = environment("no_proxy", "NO_PROXY");
    SET(CURLOPT_PROXY, proxy);
    SET(CURLOPT_NOPROXY, except != NULL ? except : "");
    if (*proxy == '\0')
        return code;
    SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    SET(CURLOPT_PROXY_CAINFO, system->file);
    SET(CURLOPT_PROXY_CAPATH, system->dir);
    SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return code;
}

void http_options_forget(struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_ERRORBUFFER, NULL);
    SET(CURLOPT_HTTPHEADER, NULL);
    SET(CURLOPT_POSTFIELDS, NULL);
    SET(CURLOPT_CURLU, NULL);
    SET(CURLOPT_PRIVATE, NULL);
    SET(CURLOPT_HEADERDATA, NULL);
    SET(CURLOPT_WRITEDATA, NULL);
    SET(CURLOPT_PREREQDATA, NULL);
}

#undef SET

bool http_options_are_plain(const struct http_transfer *transfer)
{
    const struct http_request *request = transfer->request;
    return !http_has_files(transfer) && request->nparts == 0 && request->meter == NULL &&
           !request->no_link_local && !request->cut && request->ca_file == NULL &&
           request->only_certificate == NULL && request->certificate == NULL &&
           strcmp(request->method, "HEAD") != 0 && *proxy_for(&transfer->url) == '\0';
}

int http_options_set(struct http_transfer *transfer, const struct http_trust *system, bool kept)
{
    CURLcode code = set_own(transfer);
    if (code == CURLE_OK)
        code = set_method(transfer);
    if (code == CURLE_OK && !kept)
        code = set_basics(transfer);
    if (code == CURLE_OK && !kept)
        code = set_trust(transfer, system);
    if (code == CURLE_OK && !kept)
        code = set_certificate(transfer);
    if (code == CURLE_OK && !kept)
        code = set_proxy(transfer, system);
    if (code == CURLE_OK)
        return 0;
    return err_set(&transfer->result.err, ERR_CONFIG,
                   "%s does not know an option that jeton needs (%s); install the package %s of "
                   "Debian 12 or newer",
                   CURL_API_LIBRARY, transfer->api->easy_strerror(code), CURL_API_PACKAGE);
}
