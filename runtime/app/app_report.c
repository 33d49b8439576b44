/* How an error is shown on standard error. */
#include "app.h"

#include "visible.h"

#include <stdio.h>
#include <string.h>

/* One line for the error, and the traceback below it. */
static void report_text(struct app *app, const struct err *err, const char *traceback)
{
    char line[ERR_LINE_MAX];
    struct buf shown;
    err_line(err, line);
    buf_create_secret(&shown, VISIBLE_GROWTH * sizeof line);
    visible_append(&shown, line, strlen(line), VISIBLE_LINE);
    log_lines(app->log, LOG_ERROR, traceback != NULL ? "%s\n%s" : "%s%s", shown.data,
              traceback != NULL ? traceback : "");
    buf_destroy(&shown);
}

int app_report(struct app *app, const struct err *err, const char *traceback)
{
    if (app->log_format == LOG_TEXT) {
        report_text(app, err, traceback);
        return err_exit_code(err->kind);
    }
    char status[16];
    snprintf(status, sizeof status, "%d", err->status);
    const struct log_field fields[] = {
        {"kind", err_kind_name(err->kind), false},
        {"status", err->status != 0 ? status : NULL, true},
        {"code", err->code[0] != '\0' ? err->code : NULL, false},
        {"request", err->request[0] != '\0' ? err->request : NULL, false},
        {"traceback", traceback, false},
    };
    log_event(app->log, LOG_ERROR, err->msg, fields, sizeof fields / sizeof fields[0]);
    return err_exit_code(err->kind);
}
