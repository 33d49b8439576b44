/* jeton init: a commented configuration and a first script, to start from. */
#include "verb.h"

#include "embed.h"
#include "fd.h"
#include "json.h"
#include "mem.h"
#include "newfile.h"
#include "path.h"
#include "visible.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)64 * 1024)

#define CONFIG_FILE "jeton.yaml"
#define SCRIPT_FILE "hello.lua"
#define TEST_FILE   "hello_test.lua"
#define SEED_FILE   "sandbox.yaml"
#define EDITOR_FILE ".luarc.json"

/* What stands for them in the templates. */
#define SECRET_MARK   "@SECRET@"
#define TOKEN_MARK    "@REFRESH_TOKEN@"
#define META_MARK     "@META@"
#define SECRET_LENGTH 10
#define TOKEN_LENGTH  64
#define TEMPLATE_MAX  ((size_t)64 * 1024)
#define META_DEFAULT  "/usr/share/jeton/meta"

/* The configuration is written after the files that it names. */
static const struct template
{
    const char *name;
    const char *embedded;
    mode_t mode;
    bool optional; /* one that is there already stays */
}
templates[] = {
    {SCRIPT_FILE, "init/" SCRIPT_FILE, 0644, false},
    {SEED_FILE, "init/" SEED_FILE, 0600, false},
    {TEST_FILE, "init/" TEST_FILE, 0644, false},
    {CONFIG_FILE, "init/" CONFIG_FILE, 0600, false}, /* secrets may be written into it */
    {EDITOR_FILE, "init/luarc.json", 0644, true},
};
#define TEMPLATES (sizeof templates / sizeof templates[0])

/* With its parents, as mkdir -p does it. */
static int make_folder(const char *path, struct err *err)
{
    char *copy = mem_strdup(path);
    int result = 0;
    for (char *slash = copy; result == 0 && slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        struct stat st;
        if (mkdir(copy, 0755) != 0 &&
            (errno != EEXIST || stat(copy, &st) != 0 || !S_ISDIR(st.st_mode)))
            result = err_set(err, ERR_CONFIG, "cannot make the folder %s: %s", copy,
                             strerror(errno == EEXIST ? ENOTDIR : errno));
        if (slash != NULL)
            *slash = '/';
    }
    mem_free(copy);
    return result;
}

/* What stands in place of the marks. The connector's secrets are of this folder only: a page in a
 * browser would know fixed ones. */
struct drawn {
    char secret[SECRET_LENGTH + 1];
    char token[TOKEN_LENGTH + 1];
    struct buf meta; /* as JSON: the folder of annotations for editors */
};

/* The annotations of the program as it is installed, or as it was built. */
static char *find_meta(const char *self)
{
    static const char *const places[] = {"../share/jeton/meta", "../scripts/meta"};
    const char *slash = strrchr(self, '/');
    char *found = NULL;
    for (size_t i = 0; found == NULL && slash != NULL && i < sizeof places / sizeof places[0];
         i++) {
        char *path = mem_printf("%.*s%s", (int)(slash - self) + 1, self, places[i]);
        found = realpath(path, NULL);
        mem_free(path);
    }
    char *meta = mem_strdup(found != NULL ? found : META_DEFAULT);
    free(found);
    return meta;
}

static void draw(char *text, size_t length)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
    text[length] = '\0';
}

static void fill(struct buf *out, const struct embedded_file *file, const struct drawn *drawn)
{
    const struct {
        const char *mark, *value;
    } marks[] = {
        {SECRET_MARK, drawn->secret}, {TOKEN_MARK, drawn->token}, {META_MARK, drawn->meta.data}};
    const char *at = (const char *)file->data, *end = at + file->size;
    while (at < end) {
        size_t len = 1;
        const char *value = at;
        for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
            size_t mark_len = strlen(marks[i].mark);
            if (mark_len <= (size_t)(end - at) && memcmp(at, marks[i].mark, mark_len) == 0) {
                len = mark_len;
                value = marks[i].value;
            }
        }
        buf_append(out, value, value == at ? len : strlen(value));
        at += len;
    }
}

/* Never replaces a file, and leaves no partial one. */
static int write_template(const char *path, const struct template *template,
                          const struct drawn *drawn, struct err *err)
{
    struct buf text;
    buf_create_secret(&text, TEMPLATE_MAX);
    fill(&text, embed_find(template->embedded), drawn);
    struct newfile out;
    int result = newfile_open(&out, path, err);
    if (result == 0 && fd_write(out.fd, text.data, text.len) != 0)
        result = err_set(err, ERR_CONFIG, "%s", strerror(errno));
    if (result == 0) /* whatever the umask is: jeton refuses files that others may write */
        result = newfile_publish(&out, template->mode, NEWFILE_DURABLE | NEWFILE_EXCLUSIVE, err);
    newfile_close(&out);
    buf_destroy(&text);
    return result == 0 ? 0 : err_wrap(err, "cannot write %s", path);
}

static bool stands_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static int write_all(char *const paths[TEMPLATES], const struct drawn *drawn,
                     bool written[TEMPLATES], struct err *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < TEMPLATES; i++) {
        if (templates[i].optional && stands_there(paths[i]))
            continue;
        result = write_template(paths[i], &templates[i], drawn, err);
        written[i] = result == 0;
    }
    for (size_t i = 0; result != 0 && i < TEMPLATES; i++) {
        if (written[i])
            unlink(paths[i]);
    }
    return result;
}

static int write_templates(const char *self, char *const paths[TEMPLATES], bool written[TEMPLATES],
                           struct err *err)
{
    for (size_t i = 0; i < TEMPLATES; i++) { /* before anything is written */
        if (!templates[i].optional && stands_there(paths[i]))
            return err_set(err, ERR_CONFIG,
                           "%s exists already; name another folder: jeton init DIR", paths[i]);
    }
    struct drawn drawn;
    char *meta = find_meta(self);
    draw(drawn.secret, SECRET_LENGTH);
    draw(drawn.token, TOKEN_LENGTH);
    buf_create(&drawn.meta, TEMPLATE_MAX);
    json_write_string(&drawn.meta, meta, strlen(meta));
    int result = write_all(paths, &drawn, written, err);
    buf_destroy(&drawn.meta);
    mem_free(meta);
    explicit_bzero(&drawn, sizeof drawn);
    return result;
}

/* A path as people are shown it: of a folder with a line feed in its name, too. */
static char *shown(char *path)
{
    struct buf text;
    buf_create(&text, REPORT_MAX);
    visible_append(&text, path, strlen(path), VISIBLE_LINE);
    mem_free(path);
    return buf_take(&text);
}

static int say_next(struct app *app, char *const paths[TEMPLATES], const bool written[TEMPLATES],
                    bool here, struct err *err)
{
    static const size_t order[TEMPLATES] = {3, 0, 2, 1, 4};
    struct buf out;
    char *script = shown(path_word(paths[0])), *seed = shown(path_word(paths[1])),
         *test = shown(path_word(paths[2])), *config = shown(path_word(paths[3]));
    buf_create(&out, REPORT_MAX);
    size_t count = TEMPLATES - !written[TEMPLATES - 1]; /* the others are written or fail */
    for (size_t i = 0; i < count; i++) {
        const char *path = paths[order[i]];
        buf_puts(&out, i == 0 ? "wrote " : i + 1 < count ? ", " : " and ");
        visible_append(&out, path, strlen(path), VISIBLE_LINE);
    }
    buf_printf(&out, "; next:\n\n");
    buf_printf(&out, "  jeton run --sandbox %s\n      tries the script, without an account\n",
               script);
    buf_printf(&out, "  jeton test %s\n      runs its tests\n", test);
    buf_printf(&out,
               "  jeton sandbox --seed %s\n      in another terminal: a sandbox for the job; it "
               "forgets what it received\n      when it stops (--db FILE keeps it)\n",
               seed);
    buf_printf(&out, "  jeton %s%s%srun --job hello\n      runs the job against it\n",
               here ? "" : "-c ", here ? "" : config, here ? "" : " ");
    int result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    mem_free(script);
    mem_free(seed);
    mem_free(test);
    mem_free(config);
    return result;
}

int verb_init(struct app *app, int argc, char **argv, struct err *err)
{
    const struct opt opts[] = {{0, NULL, OPT_FLAG, NULL, NULL, NULL}};
    const struct opt_spec spec = {
        .usage = "jeton init [DIR]",
        .description =
            "Writes into DIR (default: the current folder): " CONFIG_FILE
            ", a configuration with one connector and one job; " SCRIPT_FILE
            ", the job's script; " TEST_FILE ", its tests; " SEED_FILE
            ", a tenant for jeton sandbox --seed; " EDITOR_FILE
            ", for editors with lua-language-server. Then it shows what to type next. Existing "
            "files are not changed.",
        .opts = opts,
        .max_operands = 1,
        .operands = "DIR",
    };
    struct opt_result result = {0};
    char *paths[TEMPLATES] = {NULL};
    bool written[TEMPLATES] = {false};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status <= 0)
        goto cleanup;
    const char *folder = result.count > 0 ? result.operands[0] : ".";
    bool here = strcmp(folder, ".") == 0;
    if (folder[0] == '\0') {
        status = err_set(err, ERR_USAGE, "jeton init: expected a folder, not an empty name");
        goto cleanup;
    }
    for (size_t i = 0; i < TEMPLATES; i++)
        paths[i] = here ? mem_strdup(templates[i].name)
                        : mem_printf("%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/",
                                     templates[i].name);
    status = here ? 0 : make_folder(folder, err);
    if (status == 0)
        status = write_templates(app->self, paths, written, err);
    if (status == 0)
        status = say_next(app, paths, written, here, err);
cleanup:
    for (size_t i = 0; i < TEMPLATES; i++)
        mem_free(paths[i]);
    mem_free(result.operands);
    return status;
}
