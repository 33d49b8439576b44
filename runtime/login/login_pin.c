/* jeton login --pin: a PIN that comes by SMS. */
#include "json.h"
#include "login.h"
#include "mem.h"

#include <string.h>
#include <unistd.h>

#define BODY_MAX      ((size_t)1024 * 1024)
#define PIN_TRIES     3 /* at a terminal */
#define PIN_MAX       32
#define PHONE_MIN     7
#define PHONE_MAX     15 /* E.164 */
#define GENERATE_PATH "/generatePin"
#define LOGIN_PATH    "/loginWithPinAndApplicationId"
#define JSON_TYPE     "application/json"

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

static int check_phone(const char *phone, struct err *err)
{
    size_t digits = phone[0] == '+' ? count_digits(phone + 1) : 0;
    if (digits < PHONE_MIN || digits > PHONE_MAX || phone[1] == '0' || phone[1 + digits] != '\0')
        return err_set(err, ERR_USAGE,
                       "--pin: '%s' is no phone number; write it with + and country code, as "
                       "+33100000001",
                       phone);
    return 0;
}

static int put_member(struct buf *body, const char *name, const char *value, struct err *err)
{
    buf_printf(body, "%s\"%s\":", body->len == 0 ? "{" : ",", name);
    if (json_write_string(body, value, strlen(value)) != 0)
        return err_set(err, ERR_CONFIG, "%s is not valid UTF-8", name);
    return 0;
}

static int put_who(const struct login *login, const char *phone, struct buf *body, struct err *err)
{
    if (put_member(body, "mobileNumber", phone, err) != 0)
        return -1;
    return put_member(body, "applicationId", login->application_id, err);
}

static int ask_for_pin(const struct login *login, const char *phone, char **base, struct err *err)
{
    struct buf body;
    buf_create_secret(&body, BODY_MAX);
    int result = put_who(login, phone, &body, err);
    if (result == 0) {
        buf_putc(&body, '}');
        result = login_post(login, base, GENERATE_PATH, JSON_TYPE, &body, NULL, err);
    }
    buf_destroy(&body);
    return result;
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

static int send_pin(const struct login *login, const char *phone, const char *pin, char **base,
                    char **refresh_token, struct err *err)
{
    struct buf body;
    buf_create_secret(&body, BODY_MAX);
    int result = put_who(login, phone, &body, err);
    if (result == 0)
        result = put_member(&body, "applicationSecret", login->application_secret, err);
    if (result == 0)
        result = put_member(&body, "pin", pin, err);
    if (result == 0) {
        buf_putc(&body, '}');
        result = login_post(login, base, LOGIN_PATH, JSON_TYPE, &body, refresh_token, err);
    }
    buf_destroy(&body);
    return result;
}

static int read_and_send_pin(const struct login *login, const char *phone, char **base,
                             char **refresh_token, struct err *err)
{
    struct buf line;
    char pin[PIN_MAX + 1] = "";
    buf_create_secret(&line, LOGIN_LINE_MAX);
    int result = -1;
    for (int tries = isatty(STDIN_FILENO) == 1 ? PIN_TRIES : 1; tries > 0; tries--) {
        result = read_pin(login, &line, pin, err);
        if (result == 0)
            result = send_pin(login, phone, pin, base, refresh_token, err);
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
    char *base = mem_strdup(login->connector->token_service);
    int result = ask_for_pin(login, phone, &base, err);
    if (result == 0) {
        log_msg(login->app->log, LOG_INFO, "a PIN goes to %s by SMS", phone);
        result = read_and_send_pin(login, phone, &base, &out->refresh_token, err);
    }
    if (result == 0 && strcmp(base, login->connector->token_service) != 0)
        out->token_service = mem_strdup(base);
    mem_free(base);
    return result;
}
