/* jeton login --device: a code that is typed into a browser on any device (RFC 8628). */
#include "login.h"
#include "mem.h"

#include <string.h>

#define DEVICE_PAUSE_MAX_MS 60000 /* after tries that broke */

struct wait {
    const struct login *login;
    int64_t pause_ms;
    int64_t until_ms; /* monotonic: the code's end */
};

/* The URL and the code, each alone on its line, and then the URL with the code in it, where the
 * service has one that may be shown. None is a secret: whoever signs in compares the code. */
static int show(const struct login *login, const struct provider_device *device, struct err *err)
{
    if (login_check_url(device->url, err) != 0)
        return -1;
    int64_t life_ms = device->life_ms > 0 ? device->life_ms : LOGIN_WAIT_MS;
    log_msg(login->app->log, LOG_INFO,
            "open this URL in a browser on any device, sign in, and type the code below it within "
            "%lld minutes:",
            (long long)((life_ms + 59999) / 60000));
    struct err ignored;
    bool whole = device->url_shown != NULL && login_check_url(device->url_shown, &ignored) == 0;
    char *text = mem_printf("%s\n%s\n%s%s", device->url, device->shown,
                            whole ? device->url_shown : "", whole ? "\n" : "");
    int result = app_print_secret(text, strlen(text), err);
    mem_free(text);
    return result;
}

static void passed(void *arg)
{
    *(bool *)arg = true;
}

/* Until the next try. ERR_AUTH: there is none before the code's end. */
static int wait_for(const struct wait *wait, struct err *err)
{
    struct engine *engine = wait->login->engine;
    struct loop_timer timer = {0};
    bool done = false;
    if (loop_now_ms(engine->loop) + wait->pause_ms >= wait->until_ms)
        return err_set(err, ERR_AUTH, "nobody signed in while the code was good; start again");
    loop_timer_start(engine->loop, &timer, wait->pause_ms, passed, &done);
    int result = app_wait(engine, &done, err);
    loop_timer_stop(engine->loop, &timer);
    return result;
}

/* Slower after each try that broke, and never quicker again. */
static void slow_down(struct wait *wait, const struct login_answer *answer,
                      const struct provider_device *device)
{
    if (answer->reply.pending) {
        wait->pause_ms += answer->reply.slower ? device->slower_ms : 0;
        return;
    }
    int64_t longer_ms = 2 * wait->pause_ms;
    if (longer_ms > DEVICE_PAUSE_MAX_MS)
        longer_ms = DEVICE_PAUSE_MAX_MS;
    if (answer->retry_after_ms > longer_ms)
        longer_ms = answer->retry_after_ms;
    if (longer_ms > wait->pause_ms)
        wait->pause_ms = longer_ms;
}

static int poll_for(struct wait *wait, const struct provider_device *device,
                    struct login_result *out, struct err *err)
{
    const struct login *login = wait->login;
    struct provider_ask ask = login_ask(login, PROVIDER_DEVICE_CODE, out);
    struct login_answer answer;
    char line[ERR_LINE_MAX];
    ask.code = device->code;
    while (wait_for(wait, err) == 0) {
        if (login_call(login, &ask, &answer, err) == 0) {
            out->token = answer.reply.token;
            return 0;
        }
        if (answer.meaning != PROVIDER_WAIT)
            return -1;
        if (!answer.reply.pending)
            log_msg(login->app->log, LOG_WARN, "%s; it is tried again", err_line(err, line));
        slow_down(wait, &answer, device);
    }
    return -1;
}

int login_device(const struct login *login, struct login_result *out, struct err *err)
{
    struct wait wait = {.login = login};
    struct login_answer answer;
    struct provider_ask ask = login_ask(login, PROVIDER_DEVICE, out);
    if (login_call(login, &ask, &answer, err) != 0)
        return -1;
    struct provider_device *device = &answer.reply.device;
    wait.pause_ms = device->pause_ms;
    wait.until_ms =
        loop_now_ms(login->engine->loop) + (device->life_ms > 0 ? device->life_ms : LOGIN_WAIT_MS);
    int result = show(login, device, err);
    if (result == 0)
        result = poll_for(&wait, device, out, err);
    provider_device_destroy(device);
    return result;
}
