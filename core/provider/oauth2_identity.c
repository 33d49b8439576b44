#include "oauth2_identity.h"

#include "base64.h"
#include "mem.h"

#include <sodium.h>
#include <string.h>

#define CLAIMS_DEPTH 16

static const struct json_options strict = {.max_depth = CLAIMS_DEPTH};

char *oauth2_identity_read(const struct json *id_token, struct redact *redact)
{
    const char *text = json_string(id_token);
    if (text == NULL)
        return NULL;
    if (redact != NULL)
        redact_add(redact, text, strlen(text));
    const char *claims = strchr(text, '.');
    size_t len = claims != NULL ? strcspn(++claims, ".") : 0;
    unsigned char *decoded = mem_alloc(len + 1);
    size_t decoded_len = 0;
    char *subject = NULL;
    struct err ignored;
    if (len > 0 && base64_decode(sodium_base64_VARIANT_URLSAFE_NO_PADDING, claims, len, NULL,
                                 decoded, len, &decoded_len)) {
        struct json *root = json_parse((const char *)decoded, decoded_len, &strict, &ignored);
        const char *issuer = json_string(json_get(root, "iss"));
        const char *sub = json_string(json_get(root, "sub"));
        if (sub != NULL)
            subject = mem_printf("%s %s", issuer != NULL ? issuer : "", sub);
        json_free(root);
    }
    sodium_memzero(decoded, len + 1);
    mem_free(decoded);
    return subject;
}
