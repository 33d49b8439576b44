#include "pem.h"

#include "utf8.h"

void pem_text(const char *text, size_t len, struct buf *out)
{
    size_t i = utf8_mark(text, len);
    while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
        i++;
    for (; i < len; i++) { /* no backslash belongs to PEM */
        bool escape = text[i] == '\\' && i + 1 < len && (text[i + 1] == 'n' || text[i + 1] == 'r');
        if (!escape)
            buf_putc(out, text[i]);
        else if (text[++i] == 'n')
            buf_putc(out, '\n');
    }
}
