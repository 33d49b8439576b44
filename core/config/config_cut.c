/* "schedule: #daily", "url: https://example.org/a #b": YAML takes what follows for a comment. */
#include "config_file.h"

#include <string.h>

#define WARNINGS_MAX 10 /* of one file: they count towards PROBLEMS_MAX */

static void warn(struct problems *problems, const char *file, const struct yaml_node *node,
                 int *left)
{
    const char *text = NULL;
    if (node->cut && node->len == 0)
        text = "no value: '#' begins a comment; quote the text if it is the value";
    else if (node->cut && strstr(node->text, "://") != NULL)
        text = "the URL ends before ' #', which begins a comment; quote the whole text if it is a "
               "part";
    if (text == NULL || --*left < 0)
        return;
    problems_warn(problems, file, node->line, node->col, "%s", text);
}

/* Not deeper than YAML_DEPTH_MAX. */
static void visit(struct problems *problems, const char *file, const struct yaml_node *node,
                  int *left)
{
    if (node->kind == YAML_SCALAR)
        warn(problems, file, node, left);
    for (size_t i = 0; i<node->count && * left> 0; i++)
        visit(problems, file, node->kind == YAML_MAPPING ? node->pairs[i].value : node->items[i],
              left);
}

void config_cut_warn(struct problems *problems, const char *file, const struct yaml_node *root)
{
    int left = WARNINGS_MAX;
    if (root != NULL)
        visit(problems, file, root, &left);
}
