#include "verb_owner.h"

#include "config_load.h"

int verb_owner(struct app *app, const char *name, const char *became, verb_owner_fn *run, void *arg,
               struct err *err)
{
    int status = -1;
    struct config *config = app_config(app, true, err);
    const struct connector *connector = config != NULL ? config_connector(config, name, err) : NULL;
    if (connector != NULL && connector->lender != NULL) {
        log_msg(app->log, LOG_WARN, "connector '%s' has the token of '%s', which is %s", name,
                connector->lender->name, became);
        connector = connector->lender;
    }
    if (connector != NULL)
        status = run(app, config, connector, arg, err);
    config_free(config);
    return status;
}
