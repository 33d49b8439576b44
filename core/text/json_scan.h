/* Strings and numbers of the reader. Private to json.c. */
#ifndef JETON_JSON_SCAN_H
#define JETON_JSON_SCAN_H

#include "json_reader.h"

/* At the opening quote. Sets the token's text. */
int json_scan_string(struct json_reader *reader, struct json_token *token, struct err *err);
/* At '-' or a digit. */
int json_scan_number(struct json_reader *reader, struct json_token *token, struct err *err);

#endif
