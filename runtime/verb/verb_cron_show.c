/* jeton cron show: what cron, systemd or Kubernetes would be told. */
#include "cron_plan.h"
#include "mem.h"
#include "nearest.h"
#include "verb.h"
#include "verb_lua.h"

#include <string.h>

#define JSON_MAX   ((size_t)64 * 1024 * 1024)
#define OUTPUT_MAX ((size_t)256 * 1024 * 1024)

#define KUBERNETES "cron.kubernetes"

static const struct {
    const char *name;
    const char *module; /* that writes it; NULL: C, which installs it too */
} formats[] = {
    {"crontab", NULL},
    {"systemd", "cron.systemd"},
    {"kubernetes", KUBERNETES},
};
#define FORMATS (sizeof formats / sizeof formats[0])

static int render(struct cron_plan *plan, const char *module, const char *image, struct buf *out,
                  struct err *err)
{
    if (module == NULL)
        return crontab_block(plan, out, err);
    struct buf view;
    buf_create(&view, JSON_MAX);
    int status = cron_view(plan, strcmp(module, KUBERNETES) == 0, image, &view, err);
    if (status == 0)
        status = verb_lua(plan->app, plan->config, module, "render", view.data, out, err);
    buf_destroy(&view);
    return status;
}

static int show(struct app *app, size_t format, const char *image, struct err *err)
{
    struct cron_plan plan;
    struct buf out;
    buf_create(&out, OUTPUT_MAX);
    int status = cron_plan_create(&plan, app, err);
    if (status == 0 && plan.count == 0)
        log_msg(app->log, LOG_INFO, "no job of %s has a schedule", plan.config->path);
    else if (status == 0)
        status = render(&plan, formats[format].module, image, &out, err);
    if (status == 0)
        status = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    if (mem_is_watched()) /* the process ends, and hundreds of jobs take a while */
        cron_plan_destroy(&plan);
    return status;
}

static int find_format(const char *name, size_t *format, struct err *err)
{
    const char *names[FORMATS];
    for (*format = 0; *format < FORMATS; (*format)++) {
        if (strcmp(formats[*format].name, name) == 0)
            return 0;
        names[*format] = formats[*format].name;
    }
    const char *nearest = nearest_name(name, names, FORMATS);
    return err_set(err, ERR_USAGE,
                   "--format: '%s' is not a format; expected crontab, systemd or "
                   "kubernetes%s%s%s",
                   name, nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "'?" : "");
}

/* REGISTRY/NAME:TAG or @DIGEST; only what such a name may be made of is looked at. */
static int check_image(const char *image, size_t format, struct err *err)
{
    if (image == NULL)
        return 0;
    const char *module = formats[format].module;
    if (module == NULL || strcmp(module, KUBERNETES) != 0)
        return err_set(err, ERR_USAGE, "--image is for --format kubernetes only");
    size_t good = strspn(image, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "._-/:@[]");
    if (good == 0 || image[good] != '\0')
        return err_set(err, ERR_USAGE,
                       "--image '%s': expected the name of an image, such as "
                       "registry.example.org/jeton:" JETON_VERSION,
                       image);
    return 0;
}

int verb_cron_show(struct app *app, int argc, char **argv, struct err *err)
{
    const char *name = "crontab";
    const char *image = NULL;
    const struct opt opts[] = {
        {0, "format", OPT_STRING, &name, "crontab|systemd|kubernetes",
         "crontab (default); systemd: a service and a timer for each job; kubernetes: a CronJob "
         "for each job"},
        {0, "image", OPT_STRING, &image, "IMAGE", "the container's, with --format kubernetes"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton cron show [--format crontab|systemd|kubernetes] [--image IMAGE]",
        .description = "Prints the schedule for cron or another scheduler. These schedule only in "
                       "their own time zone, so they start a job whenever it may be due, and `run "
                       "--scheduled` decides whether it is.",
        .opts = opts,
        .min_operands = 0,
        .max_operands = 0,
    };
    int parsed = app_options_alone(app, &spec, argc, argv, err);
    if (parsed <= 0)
        return parsed;
    size_t format;
    int status = find_format(name, &format, err);
    if (status == 0)
        status = check_image(image, format, err);
    if (status == 0)
        status = show(app, format, image, err);
    return status;
}
