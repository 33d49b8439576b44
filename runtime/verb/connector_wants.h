/* What a connector is to be added by, and which values it needs. */
#ifndef JETON_CONNECTOR_WANTS_H
#define JETON_CONNECTOR_WANTS_H

#include "app.h"
#include "connector_values.h"

struct connector_wants {
    const struct provider *provider;
    bool need[PROVIDER_GIVEN]; /* of its values: empty is refused */
    bool take[PROVIDER_GIVEN]; /* anything but empty is taken */
};

/* By values->service, preset or issuer. Sets values->provider. ERR_USAGE: there is no such preset,
 * its variables are wrong, or it needs more than these values. */
int connector_wants_find(const struct app *app, struct connector_values *values,
                         struct connector_wants *wants, struct err *err);
/* The connector that the values make, without a file (connector_free). ERR_USAGE. */
struct connector *connector_wants_make(const struct app *app, const struct connector_values *values,
                                       struct err *err);

#endif
