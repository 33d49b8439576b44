#include "ascii.h"
#include "fd.h"
#include "http_transfer.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Results of OpenSSL's verification (x509_vfy.h: X509_V_ERR_…), by CURLINFO_SSL_VERIFYRESULT. */
enum {
    X509_NO_ISSUER = 2,
    X509_NOT_YET_VALID = 9,
    X509_EXPIRED = 10,
    X509_SELF_SIGNED = 18,
    X509_SELF_SIGNED_IN_CHAIN = 19,
    X509_NO_LOCAL_ISSUER = 20,
    X509_NO_CHAIN = 21,
    X509_WRONG_NAME = 62,
    X509_WRONG_ADDRESS = 64,
};

#define DURATION_SIZE 32

static void format_duration(int64_t ms, char out[DURATION_SIZE])
{
    if (ms % 1000 == 0)
        snprintf(out, DURATION_SIZE, "%lld s", (long long)(ms / 1000));
    else
        snprintf(out, DURATION_SIZE, "%lld ms", (long long)ms);
}

/* libcurl's own words, on one line. */
static const char *curl_words(struct http_transfer *transfer, CURLcode code)
{
    if (transfer->curl_message[0] == '\0')
        return transfer->api->easy_strerror(code);
    ascii_blank_controls(transfer->curl_message, strlen(transfer->curl_message), ' ');
    return transfer->curl_message;
}

static const struct {
    const char *text;
    bool retryable;
} faults[] = {
    [HTTP_FAULT_HEADER_BAD] = {"the reply has a header line that is not a header field", false},
    [HTTP_FAULT_HEADER_NUL] = {"the reply has a NUL byte in its header", false},
    [HTTP_FAULT_HEADER_CUT] = {"the reply was cut short within its header", true},
    [HTTP_FAULT_LENGTH] = {"the reply's Content-Length is not one number", false},
    [HTTP_FAULT_LONG] = {"the reply is longer than its Content-Length", false},
    [HTTP_FAULT_BODY_PART] = {"the reply is only a part (status 206), and the whole was asked for",
                              false},
    [HTTP_FAULT_TRANSFER_CODING] =
        {"the reply has a Transfer-Encoding other than chunked, which was not asked for", false},
    [HTTP_FAULT_CODING_BAD] = {"the compressed reply cannot be read: it is damaged", false},
    [HTTP_FAULT_CODING_BOMB] = {"the compressed reply holds too much that is not its content",
                                false},
    [HTTP_FAULT_CODING_RATIO] = {"the reply is compressed more than once, and holds far more than "
                                 "its size can explain",
                                 false},
    [HTTP_FAULT_CODING_CUT] = {"the compressed reply was cut short", true},
    [HTTP_FAULT_LOST] = {"the server closed the kept-alive connection without a reply; it may have "
                         "done what was asked",
                         true},
};

static void explain_cut(struct http_transfer *transfer)
{
    struct err *err = &transfer->result.err;
    err_set(err, ERR_NETWORK, "the reply was cut short after %zu bytes", http_body_bytes(transfer));
    err->retryable = true;
}

static void explain_timeout(struct http_transfer *transfer)
{
    char limit[DURATION_SIZE];
    if (!transfer->result.sent) {
        format_duration(
            transfer->timeout_ms < HTTP_CONNECT_MS ? transfer->timeout_ms : HTTP_CONNECT_MS, limit);
        err_set(&transfer->result.err, ERR_NETWORK, "timed out: no connection to '%s' after %s",
                transfer->url.host, limit);
        return;
    }
    if (http_has_files(transfer)) {
        format_duration(transfer->timeout_ms, limit);
        err_set(&transfer->result.err, ERR_NETWORK, "timed out: nothing moved for %s", limit);
        return;
    }
    format_duration(transfer->timeout_ms, limit);
    err_set(&transfer->result.err, ERR_NETWORK,
            "timed out after %s (%zu bytes of the reply's body had arrived)", limit,
            http_body_bytes(transfer));
}

static void explain_fault(struct http_transfer *transfer)
{
    struct err *err = &transfer->result.err;
    switch (transfer->fault) {
    case HTTP_FAULT_HEADER_COUNT:
        err_set(err, ERR_NETWORK, "the reply has too many header fields: more than %d",
                HTTP_HEADERS_MAX);
        break;
    case HTTP_FAULT_HEADER_BYTES:
        err_set(err, ERR_NETWORK, "the header of the reply is too large: more than %zu bytes",
                HTTP_HEADER_BYTES_MAX);
        break;
    case HTTP_FAULT_BODY_BYTES:
        err_set(err, ERR_NETWORK, "the reply is over %zu bytes", transfer->max_body);
        break;
    case HTTP_FAULT_MEMORY:
        err_set(err, ERR_NETWORK,
                "the replies under way are over %zu bytes together, the limit of the run's memory; "
                "save_to keeps them in files",
                transfer->memory->limit);
        err->retryable = transfer->memory->used > 0; /* by others */
        break;
    case HTTP_FAULT_CUT:
        explain_cut(transfer);
        break;
    case HTTP_FAULT_LATE:
        explain_timeout(transfer);
        err->retryable = true;
        break;
    case HTTP_FAULT_CODING_UNKNOWN:
        err_set(err, ERR_NETWORK,
                "the reply's Content-Encoding is not known: expected gzip or deflate, and was '%s'",
                http_response_header(&transfer->result.response, "Content-Encoding"));
        break;
    case HTTP_FAULT_FILE_READ:
        err_set(err, ERR_INVALID, "cannot read '%s': %s", transfer->file_path,
                strerror(transfer->file_error));
        break;
    case HTTP_FAULT_FILE_CUT:
        err_set(err, ERR_INVALID, "'%s' became shorter while it was sent", transfer->file_path);
        break;
    case HTTP_FAULT_FILE_WRITE:
        err_set(err, ERR_INVALID, "cannot write '%s': %s", transfer->request->save_path,
                strerror(transfer->file_error));
        break;
    default:
        err_set(err, ERR_NETWORK, "%s", faults[transfer->fault].text);
        err->retryable = faults[transfer->fault].retryable;
        break;
    }
}

static void explain_certificate(struct http_transfer *transfer)
{
    struct err *err = &transfer->result.err;
    const char *host = transfer->url.host;
    long verdict = 0, proxy_verdict = 0;
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &proxy_verdict);
    if (proxy_verdict != 0) {
        err_set(err, ERR_NETWORK, "the certificate of the proxy (https_proxy) is not trusted: %s",
                curl_words(transfer, CURLE_PEER_FAILED_VERIFICATION));
        return;
    }
    if (transfer->request->only_certificate != NULL && verdict != X509_EXPIRED &&
        verdict != X509_NOT_YET_VALID) {
        err_set(err, ERR_NETWORK, "'%s' shows another certificate than the configured one", host);
        return;
    }
    switch (verdict) {
    case X509_EXPIRED:
        err_set(err, ERR_NETWORK,
                "the certificate of '%s' has expired; its owner must renew it (or this machine's "
                "clock is wrong)",
                host);
        break;
    case X509_NOT_YET_VALID:
        err_set(err, ERR_NETWORK,
                "the certificate of '%s' is not yet valid; check this machine's clock", host);
        break;
    case X509_NO_ISSUER:
    case X509_SELF_SIGNED:
    case X509_SELF_SIGNED_IN_CHAIN:
    case X509_NO_LOCAL_ISSUER:
    case X509_NO_CHAIN:
        err_set(err, ERR_NETWORK, "the certificate of '%s' is not trusted: %s; %s", host,
                verdict == X509_SELF_SIGNED || verdict == X509_SELF_SIGNED_IN_CHAIN
                    ? "it is self-signed, or its authority is unknown here"
                    : "its authority is unknown here",
                transfer->request->ca_file != NULL
                    ? "the connector's ca_file does not hold that authority's certificate"
                    : "set ca_file on the connector if the authority is your own");
        break;
    case 0: /* the chain is good */
    case 1: /* as libcurl 7.88 leaves it then */
    case X509_WRONG_NAME:
    case X509_WRONG_ADDRESS:
        err_set(err, ERR_NETWORK,
                "the certificate is for another host name than '%s'; use the name that it is made "
                "for",
                host);
        break;
    default:
        err_set(err, ERR_NETWORK, "the certificate of '%s' was refused: %s", host,
                curl_words(transfer, CURLE_PEER_FAILED_VERIFICATION));
        break;
    }
}

/* libcurl names the host that it could not reach: where that is not the URL's, it is the proxy. */
static bool was_proxy(const struct http_transfer *transfer)
{
    static const char words[] = "Failed to connect to ";
    const char *at = strstr(transfer->curl_message, words);
    return at != NULL && strstr(at, transfer->url.host) == NULL;
}

static void explain_connect(struct http_transfer *transfer)
{
    long number = 0;
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    char *at = mem_printf(strchr(transfer->url.host, ':') != NULL ? "[%s]:%d" : "%s:%d",
                          transfer->url.host, transfer->url.port);
    const char *why = transfer->refused_address ? "its address is link-local"
                      : number == ECONNREFUSED  ? "connection refused"
                      : number != 0             ? strerror((int)number)
                                                : curl_words(transfer, CURLE_COULDNT_CONNECT);
    if (was_proxy(transfer))
        err_set(&transfer->result.err, ERR_NETWORK,
                "cannot connect to the proxy that https_proxy names, on the way to %s: %s", at,
                why);
    else
        err_set(&transfer->result.err, ERR_NETWORK, "cannot connect to %s: %s", at, why);
    mem_free(at);
}

enum {
    PROXY_CONNECTED = 200,
    PROXY_ASKS_WHO = 407,
};

/* What the proxy answered to CONNECT; 0: none was asked, or it answered nothing. */
static long proxy_status(struct http_transfer *transfer)
{
    long status = 0;
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return status;
}

static void explain_broken(struct http_transfer *transfer, CURLcode code)
{
    const struct http_response *response = &transfer->result.response;
    long refused = transfer->result.sent ? 0 : proxy_status(transfer);
    if (refused != 0 && refused != PROXY_CONNECTED)
        err_set(&transfer->result.err, ERR_NETWORK,
                "the proxy that https_proxy names does not connect to '%s': it answered %ld%s",
                transfer->url.host, refused,
                refused == PROXY_ASKS_WHO
                    ? ", as it wants a user name and password (http://USER:PASSWORD@HOST:PORT; "
                      "@, :, / and # in them as %40, %3A, %2F and %23)"
                    : "");
    else if (!transfer->result.sent) /* TLS broke, or the proxy closed the connection */
        err_set(&transfer->result.err, ERR_NETWORK, "no connection to '%s': %s", transfer->url.host,
                curl_words(transfer, code));
    else if (response->nheaders > 0 || response->body.len > 0)
        err_set(&transfer->result.err, ERR_NETWORK, "the reply was cut short after %zu bytes (%s)",
                http_body_bytes(transfer), curl_words(transfer, code));
    else
        err_set(&transfer->result.err, ERR_NETWORK, "the connection broke before a reply came (%s)",
                curl_words(transfer, code));
}

/* The server's reply is not valid HTTP for us; sending again would not help. */
static void explain_bad_reply(struct http_transfer *transfer, CURLcode code)
{
    struct err *err = &transfer->result.err;
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
        err_set(err, ERR_NETWORK, "the reply is not HTTP (HTTP/0.9 is not accepted)");
        break;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        if (strstr(transfer->curl_message, "Nul byte") != NULL)
            err_set(err, ERR_NETWORK, "the reply has a NUL byte in its header");
        else
            err_set(err, ERR_NETWORK, "the reply is not valid HTTP: %s",
                    curl_words(transfer, code));
        break;
    case CURLE_FILESIZE_EXCEEDED:
        err_set(err, ERR_NETWORK, "the reply is over %zu bytes", transfer->max_body);
        break;
    default: /* CURLE_OUT_OF_MEMORY: one header line passes libcurl's own limit */
        err_set(err, ERR_NETWORK, "the header of the reply is too large");
        break;
    }
}

static void explain(struct http_transfer *transfer, CURLcode code)
{
    struct err *err = &transfer->result.err;
    bool retryable = true;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        err_set(err, ERR_NETWORK, "could not resolve host '%s'", transfer->url.host);
        break;
    case CURLE_COULDNT_RESOLVE_PROXY:
        err_set(err, ERR_NETWORK,
                "could not resolve the host of https_proxy; @, :, / and # in its user name or "
                "password are written as %%40, %%3A, %%2F and %%23");
        break;
    case CURLE_COULDNT_CONNECT:
        explain_connect(transfer);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        explain_timeout(transfer);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        explain_certificate(transfer);
        retryable = false;
        break;
    case CURLE_SSL_CACERT_BADFILE:
        err_set(err, ERR_CONFIG, "cannot read certificates from '%s'; expected PEM",
                transfer->request->ca_file != NULL ? transfer->request->ca_file
                                                   : "SSL_CERT_FILE or SSL_CERT_DIR");
        retryable = false;
        break;
    case CURLE_SSL_CONNECT_ERROR:
        if (strstr(transfer->curl_message, "wrong version number") != NULL)
            err_set(err, ERR_NETWORK,
                    "no TLS connection to '%s': what answers at port %d does not speak TLS; an "
                    "http:// address, or another port?",
                    transfer->url.host, transfer->url.port);
        else
            err_set(err, ERR_NETWORK, "no TLS connection to '%s': %s", transfer->url.host,
                    curl_words(transfer, code));
        break;
    case CURLE_PARTIAL_FILE:
        explain_cut(transfer);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: /* newer ones refuse other transfer codings by themselves */
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_OUT_OF_MEMORY:
        explain_bad_reply(transfer, code);
        retryable = false;
        break;
    default: /* CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_HTTP2 … */
        explain_broken(transfer, code);
        break;
    }
    err->retryable = retryable;
}

/*
 * The server wants to know who we are. In TLS 1.3 it says so when our request is on its way, which
 * it has not read then.
 */
static bool wants_certificate(const struct http_transfer *transfer)
{
    static const char *const alerts[] = {"alert certificate", "alert bad certificate",
                                         "alert unsupported certificate", "alert unknown ca"};
    const struct http_response *response = &transfer->result.response;
    bool found = false;
    for (size_t i = 0; response->nheaders == 0 && i < sizeof alerts / sizeof alerts[0]; i++)
        found = found || strstr(transfer->curl_message, alerts[i]) != NULL;
    return found;
}

/* libcurl has no words for that. */
static bool no_descriptor(const struct http_transfer *transfer, CURLcode code)
{
    static const CURLcode codes[] = {CURLE_COULDNT_CONNECT,       CURLE_COULDNT_RESOLVE_HOST,
                                     CURLE_COULDNT_RESOLVE_PROXY, CURLE_SSL_CACERT_BADFILE,
                                     CURLE_FAILED_INIT,           CURLE_OUT_OF_MEMORY};
    long number = 0;
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    if (number != 0 && number != EMFILE && number != ENFILE)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (code == codes[i])
            return fd_few_left();
    }
    return false;
}

void http_explain(struct http_transfer *transfer, CURLcode code)
{
    struct err *err = &transfer->result.err;
    if (transfer->fault != HTTP_FAULT_NONE) {
        explain_fault(transfer);
    } else if (transfer->refused_address && code == CURLE_ABORTED_BY_CALLBACK) {
        explain_connect(transfer);
    } else if (no_descriptor(transfer, code)) {
        err_set(err, ERR_NETWORK, "cannot connect to '%s': %s", transfer->url.host,
                strerror(EMFILE));
        err->retryable = true;
    } else if (wants_certificate(transfer)) {
        transfer->result.sent = false;
        err_set(err, ERR_NETWORK,
                "'%s' lets in only clients with a certificate that it knows, which a connector's "
                "'tls' is for: %s",
                transfer->url.host, curl_words(transfer, code));
        err->hint = ERR_HINT_CERTIFICATE;
    } else {
        explain(transfer, code);
    }
    http_name_request(transfer);
}
