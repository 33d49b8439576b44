/*
 * The sandbox on any request: its router, its checks of what arrives and its operations, all in Lua
 * (router.lua has their world, the form of an input, and what must hold). libFuzzer does not see
 * into Lua: a hook counts the lines for it.
 */
#include "buf.h"
#include "config_load.h"
#include "engine.h"
#include "lserver_message.h"
#include "modules.h"
#include "provider_list.h"
#include "vm_private.h"

#include <lauxlib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTERS    (1U << 16)
#define SOURCES_MAX 256 /* Lua files whose names are hashed once */
#define STEP        1000
#define STEPS_MAX   (20 * 1000 * 1000) /* instructions of one input */
#define HEADERS_MAX 100                /* lines of a request */
#define PARTS_MAX   40
#define PART_FIELDS 4
#define PART_HASH   "%064zx"

const char *__asan_default_options(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/* libFuzzer's; not there when a corpus is replayed. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* libFuzzer looks into what stands in this section as if it were its own. */
__attribute__((used, section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

enum words { VALUES, KEYS, LINES, REQUESTS, WORDS };

static struct {
    lua_State *L;  /* stack: router.run, parse, check, four lists of words */
    uint32_t line; /* hash of the line before */
    long steps;
    struct {
        const char *name;
        uint32_t hash;
    } sources[SOURCES_MAX];
} fuzz;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "fuzz_router: %s: %s\n", what, why);
    abort();
}

/* ---- coverage and steps ---- */

/* By the text, for a name's address is another in each run. */
static uint32_t source_hash(const char *name)
{
    size_t at = ((uintptr_t)name >> 4) % SOURCES_MAX;
    if (fuzz.sources[at].name != name) {
        uint32_t hash = 2166136261U;
        for (const char *c = name; *c != '\0'; c++)
            hash = (hash ^ (uint8_t)*c) * 16777619U;
        fuzz.sources[at].name = name;
        fuzz.sources[at].hash = hash;
    }
    return fuzz.sources[at].hash;
}

/* An edge is a line and the one before it, as the fuzzer's own are of blocks. */
static void hook(lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKCOUNT) {
        fuzz.steps += STEP;
        if (fuzz.steps > STEPS_MAX) {
            luaL_traceback(L, L, "", 0);
            die("an input takes too many steps", lua_tostring(L, -1));
        }
        return;
    }
    lua_getinfo(L, "S", ar);
    uint32_t line = (source_hash(ar->source) + (uint32_t)ar->currentline) * 2654435761U;
    uint8_t *counter = &counters[(line ^ fuzz.line >> 1) >> 16];
    if (*counter < UINT8_MAX)
        ++*counter;
    fuzz.line = line;
}

/* ---- requests ---- */

/* A line of *at without its end, which is moved behind it; NULL at the end of the header. What a
 * client cannot send in one is cut off. */
static char *next_line(char **at)
{
    char *line = *at;
    size_t len = strcspn(line, "\n");
    if (len == 0)
        return NULL;
    *at = line + len + (line[len] == '\n' ? 1 : 0);
    line[len] = '\0';
    for (char *c = line; *c != '\0'; c++) {
        if ((*c > 0 && *c < ' ') || *c == 0x7f)
            *c = ' ';
    }
    return line;
}

/* name|filename|content type|size */
static void read_part(char *text, size_t number, struct server_part *part)
{
    char *fields[PART_FIELDS] = {0};
    for (size_t i = 0; i < PART_FIELDS && text != NULL; i++) {
        fields[i] = text;
        text = strchr(text, '|');
        if (text != NULL)
            *text++ = '\0';
    }
    part->name = fields[0];
    part->filename = fields[1];
    part->content_type = fields[2] != NULL && *fields[2] != '\0' ? fields[2] : NULL;
    part->size = fields[3] != NULL ? strtoul(fields[3], NULL, 10) : 0;
    part->path = "/nowhere/media/upload-1";
    snprintf(part->sha256, sizeof part->sha256, PART_HASH, number);
}

struct message {
    struct server_request request;
    struct http_header headers[HEADERS_MAX];
    struct server_part parts[PARTS_MAX];
    const char *keep;
};

static void read_header(struct message *message, char *line)
{
    struct server_request *request = &message->request;
    char *value = strchr(line, ':');
    if (value == NULL || value == line)
        return;
    *value++ = '\0';
    value += strspn(value, " ");
    if (strcmp(line, "keep") == 0) {
        message->keep = value;
    } else if (strcmp(line, "malformed") == 0) {
        request->is_form = true;
        request->malformed = value;
    } else if (strcmp(line, "part") == 0) {
        request->is_form = true;
        if (request->nparts < PARTS_MAX)
            read_part(value, request->nparts, &message->parts[request->nparts]);
        request->nparts += request->nparts < PARTS_MAX ? 1 : 0;
    } else if (request->nheaders < HEADERS_MAX) {
        message->headers[request->nheaders++] = (struct http_header){line, value};
    }
}

/* text → request, what to keep of its reply */
static int parse(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    char *at = lua_newuserdatauv(L, len + 1, 0);
    char *end = at + len;
    memcpy(at, text, len + 1);
    struct message *message = lua_newuserdatauv(L, sizeof *message, 0);
    *message = (struct message){.keep = ""};
    struct server_request *request = &message->request;
    char *line = next_line(&at);
    char *target = line != NULL ? strchr(line, ' ') : NULL;
    request->method = target != NULL ? line : "GET";
    request->target = target != NULL && target[1] == '/' ? target + 1 : "/";
    if (target != NULL) {
        *target++ = '\0';
        target[strcspn(target, " ")] = '\0';
    }
    request->version = "HTTP/1.1";
    request->remote = "127.0.0.1";
    request->headers = message->headers;
    request->parts = message->parts;
    while ((line = next_line(&at)) != NULL)
        read_header(message, line);
    if (request->malformed != NULL)
        request->nparts = 0;
    at += at < end && *at == '\n' ? 1 : 0;
    request->body = request->is_form ? "" : at;
    request->body_len = request->is_form ? 0 : (size_t)(end - at);
    lserver_message_push(L, request);
    lua_pushstring(L, message->keep);
    return 2;
}

/* Raises where the server could not send a response. */
static int check(lua_State *L)
{
    struct server_exchange *nobody = NULL;
    lserver_message_answer(L, 1, &nobody);
    return 0;
}

/* ---- the state ---- */

static void set_up(void)
{
    static struct engine engine;
    static struct problems problems;
    sigset_t signals;
    pthread_sigmask(SIG_SETMASK, NULL, &signals);
    problems_create(&problems);
    struct config *config = config_load(NULL, provider_list, NULL, &problems);
    struct redact *redact = redact_new();
    engine_create(&engine, config, log_new(STDERR_FILENO, LOG_ERROR, LOG_TEXT, false, redact),
                  redact);
    static struct vm_options options = {.engine = &engine, .modules = modules};
    static struct vm *vm; /* reachable until the end */
    vm = vm_new(&options);
    pthread_sigmask(SIG_SETMASK, &signals, NULL); /* vm_new blocks those that end a fuzzer */
    lua_State *L = vm->L;
    struct err err;
    if (vm_modules_path(L, JETON_TESTS "/lua", &err) != 0)
        die("set up", err.msg);
    if (luaL_dofile(L, JETON_TESTS "/fuzz/router.lua") != LUA_OK)
        die("router.lua", lua_tostring(L, -1));
    lua_getfield(L, -1, "run"); /* router run */
    lua_pushcfunction(L, parse);
    lua_pushcfunction(L, check);
    lua_getfield(L, -4, "words"); /* router run parse check words */
    if (lua_pcall(L, 0, WORDS, 0) != LUA_OK)
        die("words", lua_tostring(L, -1));
    lua_remove(L, 1); /* run parse check values keys lines requests */
    lua_sethook(L, hook, LUA_MASKLINE | LUA_MASKCOUNT, STEP);
    fuzz.L = L;
}

/* AddressSanitizer's: memory that Lua frees would be used again only when it has left the cache.
 * The vm lives until the end, and its pool's pages are not looked through for what they point to.
 */
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=8:detect_leaks=0";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fuzz.L == NULL)
        set_up();
    lua_State *L = fuzz.L;
    fuzz.steps = 0;
    fuzz.line = 0;
    int top = lua_gettop(L);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_pushlstring(L, (const char *)data, size);
    if (lua_pcall(L, 3, 0, 0) != LUA_OK)
        die("an input fails", luaL_tolstring(L, -1, NULL));
    lua_settop(L, top);
    return 0;
}

/* ---- the mutator ---- */

static const char *any_word(enum words kind, unsigned *seed, size_t *len)
{
    lua_State *L = fuzz.L;
    int list = 4 + (int)kind;
    lua_rawgeti(L, list, 1 + rand_r(seed) % (int)lua_rawlen(L, list));
    const char *word = lua_tolstring(L, -1, len); /* the list keeps it */
    lua_pop(L, 1);
    return word;
}

/* Puts a word in place of `gone` bytes at `at`. */
static size_t put(uint8_t *data, size_t size, size_t max_size, size_t at, size_t gone,
                  const char *word, size_t len)
{
    if (size - gone + len > max_size)
        return size;
    memmove(data + at + len, data + at + gone, size - at - gone);
    memcpy(data + at, word, len);
    return size - gone + len;
}

/* The place behind one of the bytes of `marks`, from a place at random on; size: there is none. */
static size_t find_behind(const uint8_t *data, size_t size, const char *marks, unsigned *seed)
{
    size_t start = size > 0 ? (size_t)rand_r(seed) % size : 0;
    for (size_t i = 0; i < size; i++) {
        size_t at = (start + i) % size;
        if (data[at] != '\0' && strchr(marks, data[at]) != NULL)
            return at + 1;
    }
    return size;
}

static size_t span_to(const uint8_t *data, size_t size, size_t at, const char *ends)
{
    size_t len = 0;
    while (at + len < size && (data[at + len] == '\0' || strchr(ends, data[at + len]) == NULL))
        len++;
    return len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static const char part[] = "\n%%\n";
    size_t len, at;
    const char *word;
    switch (rand_r(&seed) % 8) {
    case 0: /* one more request */
        word = any_word(REQUESTS, &seed, &len);
        size = put(data, size, max_size, size, 0, part, sizeof part - 1);
        return put(data, size, max_size, size, 0, word, len);
    case 1: /* another value */
    case 2:
        word = any_word(VALUES, &seed, &len);
        at = find_behind(data, size, ":[=", &seed);
        return put(data, size, max_size, at, span_to(data, size, at, ",]}&\n"), word, len);
    case 3: /* one more key and value, first in an object */
        at = find_behind(data, size, "{", &seed);
        size = put(data, size, max_size, at, 0, ",", 1);
        word = any_word(VALUES, &seed, &len);
        size = put(data, size, max_size, at, 0, word, len);
        word = any_word(KEYS, &seed, &len);
        return put(data, size, max_size, at, 0, word, len);
    case 4: /* another line of a header */
        word = any_word(LINES, &seed, &len);
        at = find_behind(data, size, "\n", &seed);
        return put(data, size, max_size, at, span_to(data, size, at, "\n"), word, len);
    default:
        return LLVMFuzzerMutate(data, size, max_size);
    }
}
