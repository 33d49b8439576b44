/* Strings and numbers of the reader. Private to json.c. */
#ifndef JETON_JSON_SCAN_H
#define JETON_JSON_SCAN_H

#include "json_reader.h"

/* At the opening quote. Leaves the text in reader->scratch. */
int json_scan_string(struct json_reader *reader, struct err *err);
/* At '-' or a digit. */
int json_scan_number(struct json_reader *reader, struct json_token *token, struct err *err);

#endif
