#include "http_method.h"

#include <string.h>

bool http_method_is_repeatable(const char *method)
{
    return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}
