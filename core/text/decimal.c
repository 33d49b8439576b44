#include "decimal.h"

#include <float.h>
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Powers of ten that a double holds exactly. */
static const double exact_tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define EXACT_DIGITS 15 /* an integer of so many is below 2^53 */

/*
 * What most numbers are: few digits and no exponent. Digits and power of ten are exact doubles
 * then, and one division rounds correctly.
 */
static bool parse_short(const char *text, double *value)
{
    int64_t digits = 0;
    size_t count = 0, after_dot = 0;
    bool dot = false;
    const char *c = text + (*text == '-');
    for (; *c == '.' || (*c >= '0' && *c <= '9'); c++) {
        dot = dot || *c == '.';
        if (*c == '.')
            continue;
        if (++count > EXACT_DIGITS)
            return false;
        digits = digits * 10 + (*c - '0');
        after_dot += dot;
    }
    if (*c != '\0' || FLT_EVAL_METHOD != 0)
        return false;
    *value = (double)digits / exact_tens[after_dot];
    *value = *text == '-' ? -*value : *value;
    return true;
}

double decimal_parse(const char *text)
{
    double short_value;
    if (parse_short(text, &short_value))
        return short_value;
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
