#include "jwt.h"

#include "json.h"

#include <sodium.h>
#include <string.h>

#define HEADER_MAX ((size_t)4 * 1024)

static void write_text(struct buf *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    json_write_string(out, value, strlen(value));
}

static void write_header(const struct jwt_header *header, struct buf *out)
{
    const struct certificate_thumbprints *certificate = header->certificate;
    buf_putc(out, '{');
    write_text(out, "alg", private_key_algorithms[header->algorithm]);
    write_text(out, "typ", "JWT");
    write_text(out, "kid", header->key_id);
    write_text(out, "x5t", certificate != NULL ? certificate->x5t : NULL);
    write_text(out, "x5t#S256", certificate != NULL ? certificate->x5t_s256 : NULL);
    buf_putc(out, '}');
}

static int append_base64(struct buf *out, const void *data, size_t len)
{
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    struct buf text;
    size_t size = sodium_base64_encoded_len(len, variant); /* with a NUL */
    buf_create_secret(&text, size);
    for (size_t i = 0; i < size; i++)
        buf_putc(&text, '\0');
    sodium_bin2base64(text.data, size, data, len, variant);
    int result = buf_append(out, text.data, size - 1);
    buf_destroy(&text);
    return result;
}

static int write(const struct private_key *key, const struct jwt_header *header, const char *claims,
                 struct buf *out, struct err *err)
{
    struct buf piece;
    buf_create(&piece, HEADER_MAX);
    write_header(header, &piece);
    bool fits = append_base64(out, piece.data, piece.len) == 0 && buf_putc(out, '.') == 0 &&
                append_base64(out, claims, strlen(claims)) == 0;
    buf_clear(&piece);
    int result =
        fits ? private_key_sign(key, header->algorithm, out->data, out->len, &piece, err) : -1;
    if (fits && result == 0)
        fits = buf_putc(out, '.') == 0 && append_base64(out, piece.data, piece.len) == 0;
    buf_destroy(&piece);
    return fits ? result
                : err_set(err, ERR_CONFIG, "the token that it should sign is larger than %zu bytes",
                          out->limit);
}

int jwt_sign(const struct private_key *key, const struct jwt_header *header, const char *claims,
             struct buf *out, struct err *err)
{
    struct buf token; /* the signature is of what is in it alone */
    buf_create_secret(&token, JWT_MAX);
    int result = write(key, header, claims, &token, err);
    if (result == 0 && buf_append(out, token.data, token.len) != 0)
        result = err_set(err, ERR_CONFIG, "the token that it should sign is larger than %zu bytes",
                         out->limit);
    buf_destroy(&token);
    return result;
}
