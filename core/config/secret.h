/* Where a secret comes from, and reading it. Reading may block (file, command). */
#ifndef JETON_SECRET_H
#define JETON_SECRET_H

#include "buf.h"
#include "err.h"
#include "problems.h"
#include "redact.h"

#include <stdint.h>

#define SECRET_COMMAND_TIMEOUT_MS 30000
#define SECRET_BYTES_MAX          ((size_t)64 * 1024)

enum secret_kind {
    SECRET_NONE,
    SECRET_PLAIN,
    SECRET_ENV,
    SECRET_FILE,
    SECRET_COMMAND,
    SECRET_CREDENTIAL
};

struct secret {
    enum secret_kind kind;
    const char *key; /* of the connector's mapping; it lives as long as the connector */
    bool is_id;  /* it may stand where others can read it, and be sent to anybody; one that is plain
                    is no secret at all: at many services it is a word, that any data may hold */
    bool is_key; /* a private key or a certificate, which may have many lines */
    char *text;  /* plain value, variable, absolute path, or credential's name */
    char *value; /* SECRET_FILE that is a pipe, <(…) of a shell: what came out of it, which can
                    be read once, with the configuration. NULL: it is read when needed */
    char **command;     /* argv, NULL-terminated */
    char *name;         /* for messages: "refresh_token of connector 'contoso'" */
    bool private_file;  /* SECRET_FILE: written by jeton (`secrets/` beside the configuration), so
                           that nobody else may read it */
    const char *absent; /* advice for where its file is not there; NULL: none */
    const char *file;   /* where it is configured, as messages show it; borrowed; NULL: nowhere */
    int line, col;
};

void secret_destroy(struct secret *secret);
/*
 * Reads the value into out (a secret buffer), without trailing newlines, and registers it with
 * redact. ERR_CONFIG when it is missing, unreadable, empty, shorter than REDACT_MIN_BYTES (but for
 * an ID, which is not masked then), over SECRET_BYTES_MAX, holds control characters, its file has
 * unsafe modes, or the command fails or takes over 30 s. ERR_DEADLINE when the command runs into
 * deadline_ms (monotonic, 0 for none) before that. No message ever holds the value or the command's
 * output. redact may be NULL.
 */
int secret_read(const struct secret *secret, struct redact *redact, int64_t deadline_ms,
                struct buf *out, struct err *err);
/* Where the file of a SECRET_FILE is a pipe, it is read to its end into `value`; this waits for its
 * writer, at most SAFEFILE_PIPE_MS. 0 too where it is something else; -1 with err, as secret_read
 * has it. */
int secret_read_pipe(struct secret *secret, struct err *err);
/* ERR_CONFIG says what is wrong with a value, without showing it: empty, short, control characters.
 */
int secret_check_value(const struct secret *secret, const char *value, size_t len, struct err *err);
/* The part of a value that counts: without the byte order mark (of a key it stays) and the ends of
 * lines behind it, which editors add. */
const char *secret_trim(const struct secret *secret, const char *value, size_t *len);
/*
 * Registers the part that counts of a value as that owner's (redact_add_owned); an ID as
 * REDACT_NO_SECRET, and one that is plain not at all. Of a key, also each line of base64, and of a
 * file of keys each of them: a message may hold a part of it. NULL redact is fine.
 */
void secret_hide(const struct secret *secret, const char *value, size_t len, const char *owner,
                 struct redact *redact);
/* The same of the value that is at hand (secret_at_hand), if one is. */
void secret_hide_at_hand(const struct secret *secret, const char *owner, struct redact *redact);
/* The same of the value that a file or a credential holds, if it can be read; runs nothing. */
void secret_hide_file(const struct secret *secret, const char *owner, struct redact *redact);
/* The file that it is read from (mem_free); NULL: it comes from elsewhere. */
char *secret_path(const struct secret *secret);
/* The value where it can be had without reading or running anything (plain, env); else NULL. */
const char *secret_at_hand(const struct secret *secret);
/* Without running anything: what is wrong or risky about it. A file is read, and its value
 * forgotten; a variable that is not good here is a warning. */
void secret_check(const struct secret *secret, struct problems *problems);
/* Whether a program is in one of these folders (as $PATH, which may be NULL). */
bool secret_finds_program(const char *path, const char *program);

#endif
