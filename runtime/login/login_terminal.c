/* Reading a line, with or without showing it. */
#include "login.h"

#include "utf8.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* While the echo is off, signals that end or stop the process stay pending, so that the terminal is
 * restored first. */
struct hidden {
    struct termios before;
    sigset_t mask;
    int signals;
};

static int hide(struct hidden *hidden, struct err *err)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        sigaddset(&mask, ending[i]);
    hidden->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (hidden->signals < 0)
        return err_set(err, ERR_CONFIG, "cannot watch signals: %s", strerror(errno));
    sigprocmask(SIG_BLOCK, &mask, &hidden->mask);
    struct termios quiet = hidden->before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON); /* a line that it edits is cut after 4095 bytes */
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    return 0;
}

static void show(const struct hidden *hidden)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden->before);
    close(hidden->signals);
    sigprocmask(SIG_SETMASK, &hidden->mask, NULL); /* a signal that waited strikes here */
}

/* The next byte; 0 at the end, -1 with err. signals -1: none are watched. */
static int next_byte(int signals, char *c, struct err *err)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = signals, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return err_set(err, ERR_CONFIG, "cannot read standard input: %s", strerror(errno));
        }
        if (fds[1].revents != 0)
            return err_set(err, ERR_SCRIPT, "interrupted");
        ssize_t n = fds[0].revents != 0 ? read(STDIN_FILENO, c, 1) : -1;
        if (n >= 0)
            return (int)n;
        if (fds[0].revents != 0 && errno != EINTR && errno != EAGAIN)
            return err_set(err, ERR_CONFIG, "cannot read standard input: %s", strerror(errno));
    }
}

static void erase(struct buf *line)
{
    while (line->len > 0 && ((unsigned char)line->data[--line->len] & 0xC0) == 0x80)
        ; /* a character of several bytes */
    line->data[line->len] = '\0';
}

/* Whether it is a key that the terminal would have used to edit the line; its work is done then. */
static bool edit(const struct termios *keys, char c, struct buf *line)
{
    const cc_t key = (cc_t)c;
    if (key == keys->c_cc[VKILL] || key == keys->c_cc[VWERASE]) /* a secret is one word */
        buf_clear(line);
    else if (key == keys->c_cc[VERASE] || c == '\b' || c == '\x7f')
        erase(line);
    else
        return key == keys->c_cc[VEOF]; /* which ends the input only where the line is empty */
    return true;
}

/* keys: those of a terminal that does not edit lines itself, or NULL. */
static int read_line(int signals, const struct termios *keys, struct buf *line, struct err *err)
{
    char c = 0;
    int n;
    while ((n = next_byte(signals, &c, err)) > 0 && c != '\n') {
        bool ends = keys != NULL && line->len == 0 && (cc_t)c == keys->c_cc[VEOF];
        if (ends) {
            n = 0;
            break;
        }
        if ((keys == NULL || !edit(keys, c, line)) && buf_append(line, &c, 1) != 0)
            return err_set(err, ERR_USAGE, "standard input: a line of over %zu bytes",
                           LOGIN_LINE_MAX);
    }
    if (n < 0)
        return -1;
    if (n == 0 && line->len == 0)
        return err_set(err, ERR_USAGE, "standard input ended; expected a line");
    buf_drop(line, utf8_mark(line->data, line->len)); /* of the file that standard input is */
    return 0;
}

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored; /* nowhere to say so */
}

int login_read_shown(const char *prompt, struct buf *line, struct err *err)
{
    if (isatty(STDIN_FILENO) == 1)
        say(prompt);
    return read_line(-1, NULL, line, err);
}

int login_read_hidden(const char *prompt, struct buf *line, struct err *err)
{
    struct hidden hidden;
    if (tcgetattr(STDIN_FILENO, &hidden.before) != 0)
        return read_line(-1, NULL, line, err);
    if (hide(&hidden, err) != 0) /* before the prompt: input typed at once is not echoed either */
        return -1;
    say(prompt);
    int result = read_line(hidden.signals, &hidden.before, line, err);
    say("\n");
    show(&hidden);
    return result;
}
