#include "server_head.h"

#include "ascii.h"
#include "field.h"
#include "mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define EMPTY_LINES_MAX 2  /* before a request line, as old clients send after a body */
#define LENGTH_DIGITS   19 /* of a Content-Length that fits 64 bits, whatever its digits */
#define HTTP            "HTTP/"
#define VERSION_LEN     8 /* "HTTP/1.1" */

#define BAD_LINE       "The request line is malformed: expected METHOD target HTTP/1.1"
#define BAD_FIELD      "A header is malformed: expected Name: value"
#define BAD_END        "A line of the head ends without a carriage return: expected CR LF"
#define BAD_VALUE      "A header holds a control character"
#define BAD_HOST       "The request line and Host name different hosts: expected the same"
#define TOO_LARGE      "The headers of the request are too large"
#define TOO_LARGE_CODE "RequestHeaderFieldsTooLarge"

static int refuse(struct server_head_problem *problem, int status, const char *code,
                  const char *message)
{
    *problem = (struct server_head_problem){status, code, message};
    return -1;
}

static int malformed(struct server_head_problem *problem, const char *message)
{
    return refuse(problem, 400, "BadRequest", message);
}

/* ---- what says where a message ends ---- */

struct tally {
    const struct server_options *limits;
    bool is_old; /* HTTP/1.0 */
    size_t hosts, lengths, codings, cookies;
    size_t cookie; /* bytes of them */
};

static bool is_name(const char *name, size_t len, const char *expected)
{
    return len == strlen(expected) && strncasecmp(name, expected, len) == 0;
}

static int tally_add(struct tally *tally, const char *name, size_t name_len, const char *value,
                     size_t len, struct server_head_problem *problem)
{
    while (len > 0 && (*value == ' ' || *value == '\t')) /* at its end the library keeps it */
        value++, len--;
    if (is_name(name, name_len, "Host")) {
        tally->hosts++;
    } else if (is_name(name, name_len, "Cookie")) {
        for (size_t i = 0; i < len; i++)
            tally->cookies += value[i] == ';';
        tally->cookie += len;
        if (tally->cookies > tally->limits->max_cookies ||
            tally->cookie > tally->limits->max_cookie)
            return refuse(problem, 431, TOO_LARGE_CODE,
                          "The request has too many or too long cookies");
    } else if (is_name(name, name_len, "Content-Length")) {
        tally->lengths++;
        size_t digits = 0;
        while (digits < len && isdigit((unsigned char)value[digits]))
            digits++;
        if (digits == 0 || digits < len)
            return malformed(problem, "Content-Length is malformed: expected a number");
        if (digits > LENGTH_DIGITS)
            return refuse(problem, 413, "RequestEntityTooLarge",
                          "The body of the request is too large");
    } else if (is_name(name, name_len, "Transfer-Encoding")) {
        tally->codings++;
        if (!is_name(value, len, "chunked"))
            return refuse(problem, 501, "NotImplemented",
                          "Transfer-Encoding is not supported: expected chunked");
    }
    return 0;
}

static int tally_check(const struct tally *tally, struct server_head_problem *problem)
{
    if (tally->hosts > 1 || (tally->hosts == 0 && !tally->is_old))
        return malformed(problem, "Host is missing or repeated: expected it once");
    if (tally->lengths > 1 || tally->codings > 1 || (tally->codings > 0 && tally->lengths > 0) ||
        (tally->codings > 0 && tally->is_old))
        return malformed(problem, "The length of the body is ambiguous: expected one "
                                  "Content-Length, or Transfer-Encoding: chunked alone");
    return 0;
}

/* ---- lines ---- */

/* A line without its end; NULL: it is not all there. */
static const char *next_line(const char **at, const char *end, size_t *len)
{
    const char *line = *at;
    const char *lf = memchr(line, '\n', (size_t)(end - line));
    if (lf == NULL)
        return NULL;
    *at = lf + 1;
    *len = (size_t)(lf - line);
    if (*len > 0 && line[*len - 1] == '\r')
        (*len)--;
    return line;
}

static int check_version(const char *text, size_t len, struct server_head_problem *problem)
{
    if (len != VERSION_LEN || memcmp(text, HTTP, sizeof HTTP - 1) != 0 ||
        !isdigit((unsigned char)text[5]) || text[6] != '.' || !isdigit((unsigned char)text[7]))
        return malformed(problem, BAD_LINE);
    if (text[5] != '1')
        return refuse(problem, 505, "HttpVersionNotSupported",
                      "The version of HTTP is not supported: expected HTTP/1.1 or HTTP/1.0");
    return 0;
}

static int check_request_line(const char *line, size_t len, struct tally *tally,
                              struct server_head_problem *problem)
{
    size_t method = field_token_length(line, len);
    const char *target = line + method + 1, *end = line + len;
    if (method == 0 || method >= len || line[method] != ' ')
        return malformed(problem, BAD_LINE);
    const char *space = target;
    while (space < end && !ascii_is_control(*space) && *space != ' ')
        space++;
    if (space == target || space == end || *space != ' ')
        return malformed(problem, BAD_LINE);
    tally->is_old = end[-1] == '0';
    return check_version(space + 1, (size_t)(end - space - 1), problem);
}

static int check_field(const char *line, size_t len, struct tally *tally,
                       struct server_head_problem *problem)
{
    if (*line == ' ' || *line == '\t')
        return malformed(problem, "A header is continued on a second line, which is obsolete");
    size_t name = field_token_length(line, len);
    if (name == 0 || name == len || line[name] != ':')
        return malformed(problem, BAD_FIELD);
    if (!field_is_value(line + name + 1, len - name - 1))
        return malformed(problem, BAD_VALUE);
    return tally_add(tally, line, name, line + name + 1, len - name - 1, problem);
}

/* The data may not be HTTP at all (a TLS handshake), and never contain the end of a line. */
static int check_beginning(const char *line, const char *end, struct server_head_problem *problem)
{
    size_t len = (size_t)(end - line), method = field_token_length(line, len);
    if (method < len && (line[method] != ' ' || method == 0) && *line != '\r')
        return malformed(problem, BAD_LINE);
    return 0;
}

static int too_large(bool in_line, struct server_head_problem *problem)
{
    return in_line ? refuse(problem, 414, "RequestUriTooLong", "The request line is too long")
                   : refuse(problem, 431, TOO_LARGE_CODE, TOO_LARGE);
}

enum server_head_state server_head_check(const struct server_options *limits, const char *data,
                                         size_t len, struct server_head_problem *problem)
{
    size_t most = limits->max_head;
    const char *at = data, *end = data + (len < most ? len : most);
    const char *line;
    size_t size = 0, fields = 0;
    struct tally tally = {.limits = limits};
    bool in_line = true; /* the request line is still to come */
    int empty = 0;
    while ((line = next_line(&at, end, &size)) != NULL) {
        /* RFC 9112 allows a bare LF, which a proxy in front may see otherwise. */
        if (line + size + 2 != at) {
            malformed(problem, BAD_END);
            return SERVER_HEAD_REFUSED;
        }
        if (in_line && size == 0 && ++empty <= EMPTY_LINES_MAX)
            continue;
        if (!in_line && size == 0)
            return tally_check(&tally, problem) == 0 ? SERVER_HEAD_WHOLE : SERVER_HEAD_REFUSED;
        if (in_line ? check_request_line(line, size, &tally, problem) != 0
                    : check_field(line, size, &tally, problem) != 0)
            return SERVER_HEAD_REFUSED;
        if (!in_line && ++fields > SERVER_HEADERS_MAX) {
            too_large(false, problem);
            return SERVER_HEAD_REFUSED;
        }
        in_line = false;
    }
    if (len > most) {
        too_large(in_line, problem);
        return SERVER_HEAD_REFUSED;
    }
    if (in_line && at < end && check_beginning(at, end, problem) != 0)
        return SERVER_HEAD_REFUSED;
    return SERVER_HEAD_PARTIAL;
}

bool server_head_line(const char *data, size_t len, const char **method, size_t *method_len,
                      const char **target, size_t *target_len)
{
    const char *at = data, *line;
    size_t size = 0;
    struct tally tally = {0};
    struct server_head_problem problem;
    do
        line = next_line(&at, data + len, &size);
    while (line != NULL && size == 0);
    if (line == NULL ||
        (check_request_line(line, size, &tally, &problem) != 0 && problem.status == 400))
        return false;
    *method = line;
    *method_len = field_token_length(line, size);
    *target = line + *method_len + 1;
    /* There is a space: the line is good. Nothing ends the data with a NUL. */
    const char *space = memchr(*target, ' ', size - *method_len - 1);
    *target_len = (size_t)(space - *target);
    return true;
}

/* The host and port of a target that is a whole URL (RFC 9112, 3.2.2); NULL: it is none. */
static const char *authority(const char *target, size_t *len)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t scheme = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], scheme) == 0) {
            *len = strcspn(target + scheme, "/?#");
            return target + scheme;
        }
    }
    return NULL;
}

char *server_head_origin(const char *target)
{
    size_t len = 0;
    const char *host = authority(target, &len);
    if (host == NULL || host[len] == '/')
        return mem_strdup(host == NULL ? target : host + len);
    size_t query = strlen(host + len);
    char *origin = mem_alloc(query + 2); /* RFC 9110, 4.2.3: no path is "/" */
    origin[0] = '/';
    memcpy(origin + 1, host + len, query + 1);
    return origin;
}

int server_head_check_parsed(const struct server_options *limits, const char *target,
                             const char *version, const struct http_header *fields, size_t nfields,
                             struct server_head_problem *problem)
{
    struct tally tally = {.limits = limits, .is_old = strcmp(version, "HTTP/1.0") == 0};
    size_t size = strlen(target) + strlen(version), named = 0;
    const char *host = authority(target, &named);
    for (; *target != '\0'; target++) {
        if (ascii_is_control(*target) || *target == ' ')
            return malformed(problem, BAD_LINE);
    }
    if (size > limits->max_head)
        return too_large(true, problem);
    for (size_t i = 0; i < nfields; i++) {
        const char *name = fields[i].name, *value = fields[i].value;
        size += strlen(name) + strlen(value) + strlen(":\r\n");
        if (i >= SERVER_HEADERS_MAX || size > limits->max_head)
            return too_large(false, problem);
        if (!field_is_token(name))
            return malformed(problem, BAD_FIELD);
        if (!field_is_value(value, strlen(value)))
            return malformed(problem, BAD_VALUE);
        if (tally_add(&tally, name, strlen(name), value, strlen(value), problem) != 0)
            return -1;
        if (host != NULL && strcasecmp(name, "Host") == 0 && !is_name(host, named, value))
            return malformed(problem, BAD_HOST);
    }
    return tally_check(&tally, problem);
}
