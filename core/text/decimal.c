#include "decimal.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double decimal_parse(const char *text)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return value;
}

void decimal_format(double value, char out[DECIMAL_SIZE])
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale(c_locale);
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(out, DECIMAL_SIZE, "%.*g", precision, value);
        if (strtod(out, NULL) == value)
            break;
    }
    uselocale(before);
    freelocale(c_locale);
    if (strpbrk(out, ".e") == NULL)
        strcat(out, ".0"); /* at most 24 characters come before it */
}
