/* jeton test: runs tests of scripts. */
#include "test_child.h"
#include "verb.h"

#include <string.h>

int verb_test(struct app *app, int argc, char **argv, struct err *err)
{
    if (argc == 3 && strcmp(argv[1], "--child") == 0)
        return test_child(app, argv[2], err);
    return err_set(err, ERR_USAGE, "usage: jeton test --child JSON");
}
