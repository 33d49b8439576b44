/* Events of webhooks as JSON, for `jeton events`. */
#ifndef JETON_EVENTS_JSON_H
#define JETON_EVENTS_JSON_H

#include "buf.h"
#include "redact.h"
#include "store_events.h"

/* Appends an object. attempts: the most that its webhook allows; 0: not known. content: with
 * headers and body, NULL: without; secrets that it knows are masked in the body, which is JSON in
 * JSON here; a body that is no UTF-8 is base64, as `body_base64`. */
void events_json(const struct store_event *event, int64_t attempts, const struct redact *content,
                 struct buf *out);

#endif
