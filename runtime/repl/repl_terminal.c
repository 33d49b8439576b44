#include "repl_terminal.h"

#include "buf.h"
#include "edit_api.h"
#include "fd.h"
#include "mem.h"
#include "utf8.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define HISTORY_MAX       1000 /* entries that the up key finds */
#define INPUT_CHUNK       4096
#define TERMINAL_LINE_MAX 4095 /* what is longer comes cut, without a word */
#define CLEAR_LINE        "\r\x1b[J"
#define CTRL_D            4

struct repl_terminal {
    struct loop *loop;
    struct repl_terminal_use use;
    struct loop_fd input;
    struct loop_fd resumed;  /* SIGCONT; its fd is -1 where it cannot be watched */
    struct loop_timer again; /* plain lines: one is there already */
    bool reading;
    bool hidden; /* what is being typed */
    bool ended;  /* no more input comes */
    char *prompt;
    struct edit_api api;
    struct edit_line *line; /* NULL: plain lines */
    struct edit_history *history;
    struct buf typed; /* plain lines: what has come and was not taken */
};

/*
 * The one mutable variable: libedit's callbacks are given its handle only, and what finds ours by
 * that handle is a function of the library that was opened at run time.
 */
static int (*get_of_line)(struct edit_line *, int, ...);

static struct repl_terminal *terminal_of(struct edit_line *line)
{
    struct repl_terminal *terminal = NULL;
    get_of_line(line, EDIT_CLIENTDATA, &terminal);
    return terminal;
}

static char *prompt_of(struct edit_line *line)
{
    return terminal_of(line)->prompt;
}

/* One byte; false at the end of the input. */
static bool read_byte(struct repl_terminal *terminal, char *byte)
{
    ssize_t got;
    do
        got = read(STDIN_FILENO, byte, 1);
    while (got < 0 && errno == EINTR);
    terminal->ended = terminal->ended || got <= 0;
    return got > 0;
}

/* For libedit, which cannot tell the end of the input from a key without effect. */
static int read_char(struct edit_line *line, wchar_t *out)
{
    struct repl_terminal *terminal = terminal_of(line);
    char bytes[UTF8_BYTES_MAX];
    size_t len = 0;
    uint32_t code = 0;
    while (len < sizeof bytes && read_byte(terminal, &bytes[len])) {
        unsigned char first = (unsigned char)bytes[0];
        size_t wanted = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (++len < wanted)
            continue;
        *out = utf8_decode(bytes, len, &code) == len ? (wchar_t)code : L'?';
        return 1;
    }
    return 0;
}

static unsigned char complete(struct edit_line *line, int key)
{
    struct repl_terminal *terminal = terminal_of(line);
    const struct edit_info *info = terminal->api.line(line);
    struct buf insert;
    (void)key;
    buf_create(&insert, INPUT_CHUNK);
    bool listed = terminal->use.complete(terminal->use.arg, info->buffer,
                                         (size_t)(info->cursor - info->buffer), &insert);
    bool inserted = insert.len > 0 && terminal->api.insertstr(line, insert.data) == 0;
    buf_destroy(&insert);
    return listed ? EDIT_REDISPLAY : inserted ? EDIT_REFRESH : EDIT_ERROR;
}

static void bind(struct repl_terminal *terminal)
{
    static const char *const keys[][2] = {
        {"^R", "em-inc-search-prev"},         {"\\e[5~", "ed-search-prev-history"},
        {"\\e[6~", "ed-search-next-history"}, {"\\e[3~", "ed-delete-next-char"},
        {"\\e[1;5C", "em-next-word"},         {"\\e[1;5D", "ed-prev-word"},
    };
    struct edit_api *api = &terminal->api;
    api->set(terminal->line, EDIT_EDITOR, "emacs");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        api->set(terminal->line, EDIT_BIND, keys[i][0], keys[i][1], NULL);
    if (terminal->use.complete == NULL)
        return;
    api->wset(terminal->line, EDIT_ADDFN, L"jeton-complete", L"completes a name", complete);
    api->set(terminal->line, EDIT_BIND, "^I", "jeton-complete", NULL);
}

static void open_line(struct repl_terminal *terminal)
{
    const char *term = getenv("TERM");
    struct edit_api *api = &terminal->api;
    struct edit_event event;
    if (term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0 || !edit_api_open(api))
        return;
    setlocale(LC_CTYPE, "C.UTF-8"); /* how wide a character is, and how it is written */
    get_of_line = api->get;
    terminal->line = api->init("jeton", stdin, stdout, stderr);
    if (terminal->line == NULL)
        return;
    terminal->history = api->history_init();
    api->history(terminal->history, &event, EDIT_H_SETSIZE, HISTORY_MAX);
    api->set(terminal->line, EDIT_CLIENTDATA, terminal);
    api->set(terminal->line, EDIT_PROMPT, prompt_of);
    api->set(terminal->line, EDIT_GETCFN, read_char);
    api->set(terminal->line, EDIT_HIST, api->history, terminal->history);
    bind(terminal);
}

/* --- reading --- */

static void write_text(const char *text)
{
    if (fd_write(STDOUT_FILENO, text, strlen(text)) != 0) {
        /* a terminal that is gone is found at the next read */
    }
}

static void stop(struct repl_terminal *terminal)
{
    loop_fd_stop(terminal->loop, &terminal->input);
    loop_timer_stop(terminal->loop, &terminal->again);
    if (terminal->reading && terminal->line != NULL)
        terminal->api.set(terminal->line, EDIT_UNBUFFERED, 0);
    terminal->reading = false;
}

/* text is copied: a callback may begin to read. */
static void finish(struct repl_terminal *terminal, enum repl_input what, const char *text,
                   size_t len)
{
    char *copy = mem_strndup(text, len);
    if (what == REPL_END)
        write_text("\n");
    stop(terminal);
    terminal->use.done(terminal->use.arg, what, copy, len);
    mem_free(copy);
}

/* A whole line among what was typed; false: there is none yet. */
static bool take_plain(struct repl_terminal *terminal)
{
    struct buf *typed = &terminal->typed;
    const char *end = memchr(typed->data, '\n', typed->len);
    if (end == NULL)
        return false;
    size_t len = (size_t)(end - typed->data);
    if (len >= TERMINAL_LINE_MAX) {
        buf_clear(typed);
        tcflush(STDIN_FILENO, TCIFLUSH);
        write_text("jeton: error: this terminal cuts a line after 4,095 bytes; nothing of the "
                   "entry is run\n");
        finish(terminal, REPL_INTERRUPTED, "", 0);
        return true;
    }
    char *line = mem_strndup(typed->data, len);
    buf_drop(typed, len + 1);
    finish(terminal, REPL_LINE, line, len);
    mem_free(line);
    return true;
}

static void take_again(void *arg)
{
    take_plain(arg);
}

static void read_plain(struct repl_terminal *terminal)
{
    char chunk[INPUT_CHUNK];
    ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0 || buf_append(&terminal->typed, chunk, (size_t)got) != 0)
        finish(terminal, REPL_END, "", 0);
    else
        take_plain(terminal);
}

static void on_input(void *arg, short revents)
{
    struct repl_terminal *terminal = arg;
    if ((revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) { /* libedit would not say so */
        finish(terminal, REPL_END, "", 0);
        return;
    }
    if (terminal->line == NULL) {
        read_plain(terminal);
        return;
    }
    int count = 0;
    const char *text = terminal->api.gets(terminal->line, &count);
    bool any = text != NULL && count > 0;
    if (terminal->ended || (any && count == 1 && text[0] == CTRL_D))
        finish(terminal, REPL_END, "", 0);
    else if (any && (text[count - 1] == '\n' || text[count - 1] == '\r'))
        finish(terminal, REPL_LINE, text, (size_t)count - 1);
}

/* After Ctrl-Z and fg: the shell has set the terminal as it likes it, which libedit does not know.
 */
static void on_resumed(void *arg, short revents)
{
    struct repl_terminal *terminal = arg;
    struct signalfd_siginfo info;
    (void)revents;
    while (read(terminal->resumed.fd, &info, sizeof info) > 0)
        continue;
    if (!terminal->reading)
        return;
    terminal->api.set(terminal->line, EDIT_PREP_TERM, 0);
    terminal->api.set(terminal->line, EDIT_PREP_TERM, 1);
    write_text(CLEAR_LINE);
    terminal->api.set(terminal->line, EDIT_REFRESH_LINE);
}

static void watch_resumed(struct repl_terminal *terminal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    terminal->resumed.fd = -1;
    int fd = terminal->line != NULL ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC) : -1;
    if (fd < 0)
        return;
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    loop_fd_start(terminal->loop, &terminal->resumed, fd, POLLIN, on_resumed, terminal);
}

static void stop_resumed(struct repl_terminal *terminal)
{
    int fd = terminal->resumed.fd;
    if (fd < 0)
        return;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    loop_fd_stop(terminal->loop, &terminal->resumed);
    close(fd);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

struct repl_terminal *repl_terminal_new(struct loop *loop, const struct repl_terminal_use *use)
{
    struct repl_terminal *terminal = mem_alloc(sizeof *terminal);
    *terminal = (struct repl_terminal){.loop = loop, .use = *use};
    buf_create(&terminal->typed, REPL_LINE_MAX);
    open_line(terminal);
    watch_resumed(terminal);
    return terminal;
}

void repl_terminal_free(struct repl_terminal *terminal)
{
    if (terminal == NULL)
        return;
    stop(terminal);
    stop_resumed(terminal);
    if (terminal->line != NULL)
        terminal->api.end(terminal->line);
    if (terminal->history != NULL)
        terminal->api.history_end(terminal->history);
    edit_api_close(&terminal->api);
    buf_destroy(&terminal->typed);
    mem_free(terminal->prompt);
    mem_free(terminal);
}

void repl_terminal_read(struct repl_terminal *terminal, const char *prompt)
{
    mem_free(terminal->prompt);
    terminal->prompt = mem_strdup(prompt);
    terminal->reading = true;
    loop_fd_start(terminal->loop, &terminal->input, STDIN_FILENO, POLLIN, on_input, terminal);
    if (terminal->line == NULL) {
        write_text(prompt);
        if (memchr(terminal->typed.data, '\n', terminal->typed.len) != NULL)
            loop_timer_start(terminal->loop, &terminal->again, 0, take_again, terminal);
        return;
    }
    terminal->api.resize(terminal->line);
    terminal->api.set(terminal->line, EDIT_UNBUFFERED, 1);
}

void repl_terminal_stop(struct repl_terminal *terminal)
{
    stop(terminal);
}

bool repl_terminal_interrupt(struct repl_terminal *terminal)
{
    if (!terminal->reading)
        return false;
    buf_clear(&terminal->typed);
    write_text(terminal->line != NULL ? "^C\n" : "\n");
    finish(terminal, REPL_INTERRUPTED, "", 0);
    return true;
}

void repl_terminal_prints(struct repl_terminal *terminal, bool begins)
{
    if (!terminal->reading || terminal->line == NULL || terminal->hidden == begins)
        return;
    terminal->hidden = begins;
    if (begins)
        write_text(CLEAR_LINE);
    else
        terminal->api.set(terminal->line, EDIT_REFRESH_LINE);
}

void repl_terminal_remember(struct repl_terminal *terminal, const char *entry)
{
    struct edit_event event;
    if (terminal->history != NULL)
        terminal->api.history(terminal->history, &event, EDIT_H_ENTER, entry);
}
