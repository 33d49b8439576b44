/* What a server allows, where its options say nothing else. */
#ifndef JETON_SERVER_LIMITS_H
#define JETON_SERVER_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define SERVER_BODY_MAX         ((size_t)16 * 1024 * 1024)
#define SERVER_HEAD_MAX         ((size_t)32 * 1024) /* request line and headers, as sent */
#define SERVER_HEADERS_MAX      100
#define SERVER_COOKIES_MAX      500 /* by their semicolons */
#define SERVER_REPLY_HEADER_MAX ((size_t)16 * 1024)
#define SERVER_CONNECTIONS_MAX  1000 /* or three quarters of the descriptors that there may be */

/* Time. A request or a reply that is slower ends its connection; 300 MB may take three and a half
 * days. */
#define SERVER_IDLE_MS  60000 /* nothing at all moves, or no next request begins */
#define SERVER_HEAD_MS  30000 /* for a whole head */
#define SERVER_BODY_MS  60000 /* for a body or a reply, and a second more for each … */
#define SERVER_RATE_MIN 1024  /* … bytes of it */
/* While all places are taken, with end_idle: one that is slower than this makes room for others. */
#define SERVER_PRESSED_MS   1000 /* for a head or a body, and a second more for each … */
#define SERVER_PRESSED_RATE ((uint64_t)128 * 1024) /* … bytes of a body or a reply */
/* While bodies in memory have used up theirs: what was sent at once and is held there gives no more
 * time than this, or a few large ones would keep out all others for minutes. */
#define SERVER_PRESSED_BODY_MS 4000
/* After a reply that came before its request was read, we read the rest away, for so long and so
 * far, so that the client sees the reply and not a reset. */
#define SERVER_LINGER_MS  30000
#define SERVER_RETIRE_MS  1000 /* for the first request on a connection, after server_retire, … */
#define SERVER_KEPT_MS    250  /* … and for the next one: at a restart nobody listens meanwhile */
#define SERVER_LINGER_MAX ((uint64_t)1 << 30)

/* Limits for all bodies under way together; beyond them, 503. */
#define SERVER_MEMORY_MAX  ((uint64_t)256 << 20) /* bytes of those in memory */
#define SERVER_FILES_MAX   ((uint64_t)32 << 30)  /* bytes of those in files */
#define SERVER_UPLOADS_MAX 64                    /* of those in files */

/* Replies in memory may together take as much as bodies; beyond that, 503 in place of one that is
 * larger than this. */
#define SERVER_REPLY_SMALL ((size_t)64 * 1024)

#define SERVER_UPLOAD_MAX ((uint64_t)8 << 30) /* the largest max_upload */

#endif
