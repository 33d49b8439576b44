/* The process that runs the tests of one file. */
#ifndef JETON_TEST_CHILD_H
#define JETON_TEST_CHILD_H

#include "app.h"

#define TEST_CHILD_REPORT 3 /* the descriptor that gets a line of JSON for each event */

/*
 * json says which file, and which of its tests (scripts/test/child.lua reads it). Without a
 * configuration; the folder that JETON_TEST_FOLDER names is its own, and its parent removes that.
 * The exit status: 0 whatever became of the tests, 3 where the file cannot be read; -1 with err.
 */
int test_child(struct app *app, const char *json, struct err *err);

#endif
