/* --help from an option table. */
#include "opt.h"

#include <stdio.h>
#include <string.h>

#define WIDTH       90 /* columns of the page */
#define INDENT      2
#define GAP         2  /* between names and what they do */
#define NAMES_WIDTH 34 /* wider names get a line of their own */

static const struct opt help_opt = {'h', "help", OPT_FLAG, NULL, NULL, "show this help"};

/* Columns that text takes: characters, not bytes. */
static int columns(const char *text, size_t len)
{
    int count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* "-C, --connector NAME", "--shuffle[=SEED]" */
static void format_names(const struct opt *opt, char *out, size_t size)
{
    char letter[8] = "    ";
    if (opt->short_name != '\0')
        snprintf(letter, sizeof letter, "-%c, ", opt->short_name);
    bool may = opt->type == OPT_OPTIONAL;
    snprintf(out, size, "%s--%s%s%s%s", letter, opt->long_name,
             opt->arg != NULL ? (may ? "[=" : " ") : "", opt->arg != NULL ? opt->arg : "",
             may ? "]" : "");
}

static void pad(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_putc(out, ' ');
}

/* One paragraph; the first line begins at column `col`, further ones at `indent`. */
static void wrap(struct buf *out, const char *text, size_t len, int col, int indent)
{
    bool first = true;
    for (size_t pos = 0; pos < len;) {
        size_t word = strcspn(text + pos, " \n");
        if (word > len - pos)
            word = len - pos;
        int width = columns(text + pos, word);
        if (!first && col + 1 + width > WIDTH) {
            buf_putc(out, '\n');
            pad(out, indent);
            col = indent;
            first = true;
        }
        if (!first) {
            buf_putc(out, ' ');
            col++;
        }
        buf_append(out, text + pos, word);
        col += width;
        first = false;
        pos += word;
        pos += strspn(text + pos, " \n");
    }
    buf_putc(out, '\n');
}

/* Paragraphs are separated by an empty line; a line that begins with a space stays as it is. */
static void describe(struct buf *out, const char *text)
{
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");
        if (line == 0 || text[0] == ' ') {
            buf_append(out, text, line);
            buf_putc(out, '\n');
            text += line + (text[line] == '\n');
            continue;
        }
        const char *end = text + line;
        while (end[0] == '\n' && end[1] != '\n' && end[1] != ' ' && end[1] != '\0')
            end += 1 + strcspn(end + 1, "\n");
        wrap(out, text, (size_t)(end - text), 0, 0);
        text = end + (*end == '\n');
    }
}

static void write_option(struct buf *out, const struct opt *opt, int width)
{
    char names[128];
    format_names(opt, names, sizeof names);
    int used = columns(names, strlen(names));
    pad(out, INDENT);
    buf_puts(out, names);
    if (used > width) {
        buf_putc(out, '\n');
        used = -INDENT;
    }
    pad(out, width + GAP - used);
    int col = INDENT + width + GAP;
    wrap(out, opt->help, strlen(opt->help), col, col);
}

void opt_help(const struct opt_spec *spec, struct buf *out)
{
    const char *label = "Usage: ";
    int width = 0;
    bool own_help = false;
    for (const char *line = spec->usage; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        buf_printf(out, "%s%.*s\n", label, (int)len, line);
        label = "       ";
        line += len + (line[len] == '\n');
    }
    if (spec->description != NULL) {
        buf_putc(out, '\n');
        describe(out, spec->description);
    }
    for (const struct opt *opt = spec->opts;; opt++) {
        char names[128];
        format_names(opt->long_name != NULL ? opt : &help_opt, names, sizeof names);
        int used = columns(names, strlen(names));
        if (used > width && used <= NAMES_WIDTH)
            width = used;
        if (opt->long_name == NULL)
            break;
        own_help = own_help || strcmp(opt->long_name, help_opt.long_name) == 0;
    }
    buf_puts(out, "\nOptions:\n");
    for (const struct opt *opt = spec->opts; opt->long_name != NULL; opt++)
        write_option(out, opt, width);
    if (!own_help)
        write_option(out, &help_opt, width);
}
