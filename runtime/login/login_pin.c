/* jeton login --pin: a PIN that comes by SMS. */
#include "login.h"

#include <string.h>
#include <unistd.h>

#define PIN_TRIES 3 /* at a terminal */
#define PIN_MAX   32
#define PHONE_MIN 7
#define PHONE_MAX 15 /* E.164 */

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

static int check_phone(const char *phone, struct err *err)
{
    size_t digits = phone[0] == '+' ? count_digits(phone + 1) : 0;
    if (digits < PHONE_MIN || digits > PHONE_MAX || phone[1] == '0' || phone[1 + digits] != '\0')
        return err_set(err, ERR_USAGE,
                       "--pin: '%s' is not a phone number; write it with + and country code, as "
                       "+33100000001",
                       phone);
    return 0;
}

/* Trims; what is left must be digits. */
static int read_pin(const struct login *login, struct buf *line, char pin[PIN_MAX + 1],
                    struct err *err)
{
    buf_clear(line);
    if (login_read_hidden("PIN (it came by SMS): ", line, err) != 0)
        return err_wrap(err, "the PIN");
    const char *text = line->data + strspn(line->data, " \t\r");
    size_t digits = count_digits(text);
    if (digits == 0 || digits > PIN_MAX || text[digits + strspn(text + digits, " \t\r")] != '\0')
        return err_set(err, ERR_USAGE, "the PIN: expected digits");
    memcpy(pin, text, digits);
    pin[digits] = '\0';
    redact_add(login->app->redact, pin, digits);
    return 0;
}

static int send_pin(const struct login *login, const char *phone, const char *pin,
                    struct login_result *out, struct err *err)
{
    struct provider_ask ask = login_ask(login, PROVIDER_PIN, out);
    ask.phone = phone;
    ask.pin = pin;
    return login_post(ask, login, out, err);
}

static int read_and_send_pin(const struct login *login, const char *phone, struct login_result *out,
                             struct err *err)
{
    struct buf line;
    char pin[PIN_MAX + 1] = "";
    buf_create_secret(&line, LOGIN_LINE_MAX);
    int result = -1;
    for (int tries = isatty(STDIN_FILENO) == 1 ? PIN_TRIES : 1; tries > 0; tries--) {
        result = read_pin(login, &line, pin, err);
        if (result == 0)
            result = send_pin(login, phone, pin, out, err);
        bool again = result != 0 && tries > 1 && (err->kind == ERR_AUTH || err->kind == ERR_USAGE);
        if (!again)
            break;
        char text[ERR_LINE_MAX];
        log_msg(login->app->log, LOG_WARN, "%s", err_line(err, text));
    }
    explicit_bzero(pin, sizeof pin);
    buf_destroy(&line);
    return result;
}

int login_pin(const struct login *login, const char *phone, struct login_result *out,
              struct err *err)
{
    if (check_phone(phone, err) != 0)
        return -1;
    struct provider_ask ask = login_ask(login, PROVIDER_SEND_PIN, out);
    ask.phone = phone;
    if (login_post(ask, login, out, err) != 0)
        return -1;
    log_msg(login->app->log, LOG_INFO, "a PIN was sent to %s by SMS", phone);
    return read_and_send_pin(login, phone, out, err);
}
