#include "sha1.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#define BLOCK  64
#define ROUNDS 80

struct state {
    uint32_t h[5];
    uint64_t total;
    unsigned char block[BLOCK];
    size_t used; /* of the block */
};

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static void put32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* FIPS 180-4, 6.1.2. */
static void mix(uint32_t h[5], const unsigned char *block)
{
    static const uint32_t constants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[ROUNDS], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 16; t++, block += 4)
        w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 |
               block[3];
    for (int t = 16; t < ROUNDS; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (int t = 0; t < ROUNDS; t++) {
        uint32_t f = t < 20 ? (b & c) | (~b & d)
                            : (t >= 40 && t < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d);
        uint32_t next = rotate(a, 5) + f + e + constants[t / 20] + w[t];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
    sodium_memzero(w, sizeof w);
}

static void begin(struct state *state)
{
    *state = (struct state){.h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

static void add(struct state *state, const void *data, size_t len)
{
    const unsigned char *from = data;
    state->total += len;
    while (len > 0) {
        size_t part = len < BLOCK - state->used ? len : BLOCK - state->used;
        memcpy(state->block + state->used, from, part);
        state->used += part;
        from += part;
        len -= part;
        if (state->used == BLOCK) {
            mix(state->h, state->block);
            state->used = 0;
        }
    }
}

static void end(struct state *state, unsigned char out[SHA1_BYTES])
{
    unsigned char tail[BLOCK + 8] = {0x80};
    uint64_t bits = state->total * 8;
    size_t zeros = (state->used < BLOCK - 8 ? BLOCK : 2 * BLOCK) - 8 - state->used;
    put32(tail + zeros, (uint32_t)(bits >> 32));
    put32(tail + zeros + 4, (uint32_t)bits);
    add(state, tail, zeros + 8);
    for (int i = 0; i < 5; i++)
        put32(out + 4 * (size_t)i, state->h[i]);
    sodium_memzero(state, sizeof *state);
}

void sha1_hash(const void *data, size_t len, unsigned char out[SHA1_BYTES])
{
    struct state state;
    begin(&state);
    add(&state, data, len);
    end(&state, out);
}

void sha1_hmac(const void *key, size_t key_len, const void *data, size_t len,
               unsigned char out[SHA1_BYTES])
{
    struct state state;
    unsigned char pad[BLOCK] = {0}, inner[SHA1_BYTES];
    if (key_len > BLOCK)
        sha1_hash(key, key_len, pad);
    else if (key_len > 0)
        memcpy(pad, key, key_len);
    for (int i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    begin(&state);
    add(&state, pad, BLOCK);
    add(&state, data, len);
    end(&state, inner);
    for (int i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    begin(&state);
    add(&state, pad, BLOCK);
    add(&state, inner, sizeof inner);
    end(&state, out);
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(inner, sizeof inner);
}
