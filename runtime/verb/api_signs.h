/* What is in the body of a reply where a list goes on, or ends. */
#ifndef JETON_API_SIGNS_H
#define JETON_API_SIGNS_H

#include "json.h"

/* The pointer of what says that the list goes on; NULL: nothing does. *value: what is there, which
 * may lead to the next page; NULL where it is only a number or a yes. beside: root is not the whole
 * body, but an object around the list. */
const char *api_signs_find(const struct json *root, bool beside, const struct json **value);

#endif
