#include "assertion.h"

#include "json.h"

#include <sodium.h>
#include <string.h>

#define JTI_BYTES 16
#define SECOND_MS 1000

struct claims {
    const struct json *given; /* by the configuration, in place of ours; NULL: none */
    struct buf *out;
    bool any;
    bool failed; /* too large, or not UTF-8 */
};

static void add_name(struct claims *claims, const char *name, size_t len)
{
    if (claims->any)
        buf_putc(claims->out, ',');
    claims->any = true;
    if (json_write_string(claims->out, name, len) != 0 || buf_putc(claims->out, ':') != 0)
        claims->failed = true;
}

static void add_text(struct claims *claims, const char *name, const char *value)
{
    if (value == NULL || json_get(claims->given, name) != NULL)
        return;
    add_name(claims, name, strlen(name));
    if (json_write_string(claims->out, value, strlen(value)) != 0)
        claims->failed = true;
}

static void add_time(struct claims *claims, const char *name, int64_t seconds)
{
    if (json_get(claims->given, name) != NULL)
        return;
    add_name(claims, name, strlen(name));
    if (json_write_int(claims->out, seconds) != 0)
        claims->failed = true;
}

static void add_given(struct claims *claims)
{
    const struct json *member = claims->given != NULL ? claims->given->child : NULL;
    for (; member != NULL; member = member->next) {
        add_name(claims, member->key, member->key_len);
        if (json_write(claims->out, member) != 0)
            claims->failed = true;
    }
}

static struct json *read_given(const char *text, struct err *err)
{
    const struct json_options options = {.max_bytes = ASSERTION_CLAIMS_MAX};
    struct json *given = json_parse(text, strlen(text), &options, err);
    if (given != NULL && given->type == JSON_OBJECT_BEGIN)
        return given;
    json_free(given);
    err_set(err, ERR_CONFIG, "the claims are not a JSON object");
    return NULL;
}

int assertion_claims(const struct assertion *assertion, int64_t now_ms, const char *jti,
                     struct buf *out, struct err *err)
{
    struct claims claims = {.out = out};
    int64_t issued = (now_ms - assertion->backdate_ms) / SECOND_MS;
    struct json *given = NULL;
    if (assertion->claims != NULL && (given = read_given(assertion->claims, err)) == NULL)
        return -1;
    claims.given = given;
    buf_putc(out, '{');
    add_text(&claims, "iss", assertion->issuer);
    add_text(&claims, "sub", assertion->subject);
    add_text(&claims, "aud", assertion->audience);
    add_time(&claims, "iat", issued);
    add_time(&claims, "exp", issued + assertion->lifetime_ms / SECOND_MS);
    add_text(&claims, "jti", jti);
    add_text(&claims, "scope", assertion->scope);
    add_given(&claims);
    json_free(given);
    if (buf_putc(out, '}') != 0 || claims.failed)
        return err_set(err, ERR_CONFIG,
                       "the claims of its assertion are not UTF-8, or larger than %zu bytes",
                       out->limit);
    return 0;
}

int assertion_sign(const struct assertion *assertion, const struct private_key *key,
                   const struct jwt_header *header, const struct clock *clock, struct buf *out,
                   struct err *err)
{
    unsigned char random[JTI_BYTES];
    char jti[ASSERTION_JTI_SIZE];
    struct buf claims;
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(jti, sizeof jti, random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    buf_create(&claims, ASSERTION_CLAIMS_MAX);
    int result = assertion_claims(assertion, clock_now_ms(clock, CLOCK_WALL), jti, &claims, err);
    if (result == 0)
        result = jwt_sign(key, header, claims.data, out, err);
    buf_destroy(&claims);
    return result;
}
