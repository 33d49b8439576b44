#include "zone.h"

#include "mem.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Characters of a zone's name; no dot, so that no path leads out of the folder. */
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789+-/"

#define DAY     86400
#define CHUNK   ((int64_t)1 << 25) /* seconds that are read at once: 388 days */
#define QUARTER 900
#define WEEK    ((int64_t)7 * DAY)
/* No two changes that undo each other are as near: America/Recife had an hour less than a week
 * between two. */
#define STEP ((int64_t)6 * DAY)

struct chunk {
    int64_t index; /* starts at index × CHUNK */
    struct zone_span *spans;
    size_t count;
};

/* Of the file with a zone's data; zeroed: there is none. */
struct mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct zone {
    char *name;
    char *tz; /* for $TZ; NULL: as it is */
    struct mark mark;
    struct chunk *chunks;
    size_t count;
    size_t last; /* chunk of the last query */
};

/* The folder also holds tables and other files: a zone's starts with "TZif". */
static bool is_zone_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char magic[4];
    bool good = fd >= 0 && read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
                memcmp(magic, "TZif", sizeof magic) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

bool zone_known(const char *name)
{
    if (name[0] == '\0' || name[0] == '/' || name[strspn(name, NAME_CHARS)] != '\0')
        return false;
    char *path = mem_printf("%s/%s", ZONE_FOLDER, name);
    bool known = is_zone_file(path);
    mem_free(path);
    return known;
}

static bool is_utc(const char *name)
{
    return strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0;
}

/* The name in a path below the folder, wherever that is ("../usr/share/zoneinfo/Etc/UTC"). */
static char *name_in_path(const char *path)
{
    static const char folder[] = "/zoneinfo/";
    const char *found = strstr(path, folder);
    if (found == NULL || !zone_known(found + strlen(folder)))
        return NULL;
    return mem_strdup(found + strlen(folder));
}

static char *system_name(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink(ZONE_SYSTEM, path, sizeof path - 1);
    if (len < 0)
        return access(ZONE_SYSTEM, F_OK) != 0 ? mem_strdup("Etc/UTC") : NULL;
    path[len] = '\0';
    return name_in_path(path);
}

static char *local_name(void)
{
    const char *tz = getenv("TZ");
    if (tz == NULL)
        return system_name();
    if (tz[0] == ':')
        tz++;
    if (strcmp(tz, ZONE_SYSTEM) == 0)
        return system_name();
    if (tz[0] == '\0')
        return mem_strdup("Etc/UTC");
    if (tz[0] == '/')
        return name_in_path(tz);
    return zone_known(tz) || is_utc(tz) ? mem_strdup(tz) : NULL;
}

/* --- names that nobody knows ------------------------------------------------------------------ */

static bool means_utc(const char *name)
{
    static const char *const names[] = {"UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich"};
    if (strncmp(name, "Etc/", 4) == 0)
        name += 4;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* POSIX: a name of three letters or more, or <…>, and an offset. What follows is summer time. */
static bool has_offset(const char *tz)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t len = tz[0] == '<' ? strcspn(tz, ">") + 1 : strspn(tz, letters);
    if (len < 3 || len > strlen(tz))
        return false;
    tz += len;
    tz += *tz == '+' || *tz == '-';
    return *tz >= '0' && *tz <= '9';
}

int zone_check_system(struct err *err)
{
    char path[PATH_MAX];
    ssize_t len = readlink(ZONE_SYSTEM, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    const char *name = strstr(path, "/zoneinfo/");
    struct stat st;
    if ((len < 0 && lstat(ZONE_SYSTEM, &st) != 0) || is_zone_file(ZONE_SYSTEM) ||
        (name != NULL && means_utc(name + strlen("/zoneinfo/"))))
        return 0;
    return err_set(
        err, ERR_CONFIG,
        ZONE_SYSTEM
        "%s%s is no time zone, so that local time is UTC; install tzdata, or repair the link",
        len > 0 ? ", a link to " : "", path);
}

int zone_check_local(struct err *err)
{
    const char *tz = getenv("TZ");
    return tz != NULL ? zone_check_variable(tz, err) : zone_check_system(err);
}

int zone_check_variable(const char *tz, struct err *err)
{
    const char *name = tz[0] == ':' ? tz + 1 : tz;
    if (strcmp(name, ZONE_SYSTEM) == 0)
        return zone_check_system(err);
    const char *folder = getenv("TZDIR");
    char *path = name[0] == '/' ? mem_strdup(name)
                                : mem_printf("%s/%s", folder != NULL ? folder : ZONE_FOLDER, name);
    bool good = name[0] == '\0' || is_zone_file(path) || means_utc(name) || has_offset(name);
    mem_free(path);
    if (good)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "TZ=%s names no time zone of " ZONE_FOLDER
                   ", so that local time is UTC; expected "
                   "a name such as Asia/Kolkata (where it is missing: install tzdata)",
                   tz);
}

/* The file that glibc reads for the zone (mem_free). */
static char *data_path(const struct zone *zone)
{
    const char *tz = zone->tz != NULL ? zone->tz : getenv("TZ");
    if (tz == NULL)
        return mem_strdup(ZONE_SYSTEM);
    if (tz[0] == ':')
        tz++;
    return tz[0] == '/' ? mem_strdup(tz) : mem_printf("%s/%s", ZONE_FOLDER, tz);
}

static struct mark mark_of(const struct zone *zone)
{
    struct mark mark = {0};
    struct stat st;
    char *path = data_path(zone);
    if (stat(path, &st) == 0)
        mark = (struct mark){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
    mem_free(path);
    return mark;
}

static bool is_same(const struct mark *one, const struct mark *other)
{
    return one->device == other->device && one->inode == other->inode && one->size == other->size &&
           one->changed.tv_sec == other->changed.tv_sec &&
           one->changed.tv_nsec == other->changed.tv_nsec;
}

struct zone *zone_new(const char *name, struct err *err)
{
    char *tz = NULL;
    if (name != NULL && zone_known(name)) {
        tz = mem_printf(":%s/%s", ZONE_FOLDER, name);
    } else if (name != NULL && is_utc(name)) {
        tz = mem_strdup("UTC0"); /* needs no zone data */
    } else if (name != NULL) {
        err_set(err, ERR_CONFIG,
                "there is no time zone '%s' in " ZONE_FOLDER
                "; expected a name such as Asia/Kolkata (where it is missing: install tzdata)",
                name);
        return NULL;
    }
    struct zone *zone = mem_alloc(sizeof *zone);
    zone->tz = tz;
    zone->name = name != NULL ? mem_strdup(name) : local_name();
    zone->mark = mark_of(zone);
    return zone;
}

struct zone *zone_new_system(void)
{
    struct zone *zone = mem_alloc(sizeof *zone);
    zone->tz = mem_strdup(":" ZONE_SYSTEM);
    zone->name = system_name();
    zone->mark = mark_of(zone);
    return zone;
}

static void forget(struct zone *zone)
{
    for (size_t i = 0; i < zone->count; i++)
        mem_free(zone->chunks[i].spans);
    mem_free(zone->chunks);
    zone->chunks = NULL;
    zone->count = zone->last = 0;
}

void zone_free(struct zone *zone)
{
    if (zone == NULL)
        return;
    forget(zone);
    mem_free(zone->name);
    mem_free(zone->tz);
    mem_free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

/* --- reading: between enter and leave, localtime_r is the zone's ----------------------------- */

/* What $TZ was (mem_free), for leave. */
static char *enter(const struct zone *zone)
{
    char *former = NULL;
    if (zone->tz != NULL) {
        former = mem_strdup(getenv("TZ"));
        setenv("TZ", zone->tz, 1);
    }
    tzset();
    return former;
}

static void leave(const struct zone *zone, char *former)
{
    if (zone->tz == NULL)
        return;
    if (former != NULL)
        setenv("TZ", former, 1);
    else
        unsetenv("TZ");
    tzset();
    mem_free(former);
}

bool zone_refresh(struct zone *zone)
{
    static const struct mark none;
    struct mark mark = mark_of(zone);
    if (is_same(&mark, &zone->mark) || is_same(&mark, &none)) /* none: it is being replaced */
        return false;
    zone->mark = mark;
    forget(zone);
    if (zone->tz == NULL || strcmp(zone->tz, ":" ZONE_SYSTEM) == 0) {
        mem_free(zone->name);
        zone->name = zone->tz == NULL ? local_name() : system_name();
    }
    /* For as long as TZ has one value, glibc does not look at its file again. */
    char utc[] = "UTC0";
    const struct zone other = {.tz = utc};
    leave(&other, enter(&other));
    return true;
}

static int32_t probe(int64_t at)
{
    time_t instant = (time_t)at;
    struct tm local;
    return localtime_r(&instant, &local) != NULL ? (int32_t)local.tm_gmtoff : 0;
}

/* The first instant in (low, high] whose offset is not low's; high's is not. Most changes are at a
 * quarter of an hour, which takes half as many probes. */
static int64_t find_change(int64_t low, int64_t high, int32_t offset)
{
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (high - low > 2 * QUARTER)
            middle -= middle % QUARTER;
        else if (high % QUARTER == 0 && probe(high - 1) == offset)
            return high;
        if (probe(middle) == offset)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static void add_span(struct chunk *chunk, struct zone_span span)
{
    chunk->spans = mem_realloc(chunk->spans, (chunk->count + 1) * sizeof *chunk->spans);
    chunk->spans[chunk->count++] = span;
}

static struct chunk read_chunk(int64_t index)
{
    struct chunk chunk = {.index = index};
    const int64_t from = index * CHUNK, until = from + CHUNK;
    int64_t at = from - WEEK; /* a change just before it matters to what comes just after */
    struct zone_span span = {.from = from, .until = until, .changed = at, .offset = probe(at)};
    span.before = span.offset;
    while (at < until - 1) {
        int64_t next = at + STEP < until ? at + STEP : until - 1;
        int32_t offset = probe(next);
        if (offset == span.offset) {
            at = next;
            continue;
        }
        at = find_change(at, next, span.offset);
        if (at > from) {
            span.until = at;
            add_span(&chunk, span);
        }
        span = (struct zone_span){.from = at > from ? at : from,
                                  .until = until,
                                  .changed = at,
                                  .before = span.offset,
                                  .offset = probe(at)};
    }
    add_span(&chunk, span);
    return chunk;
}

static const struct chunk *chunk_at(struct zone *zone, int64_t at)
{
    int64_t index = at >= 0 ? at / CHUNK : -((-at + CHUNK - 1) / CHUNK);
    if (zone->count > 0 && zone->chunks[zone->last].index == index)
        return &zone->chunks[zone->last];
    for (size_t i = 0; i < zone->count; i++) {
        if (zone->chunks[i].index == index) {
            zone->last = i;
            return &zone->chunks[i];
        }
    }
    zone->chunks = mem_realloc(zone->chunks, (zone->count + 1) * sizeof *zone->chunks);
    char *former = enter(zone);
    zone->chunks[zone->count] = read_chunk(index);
    leave(zone, former);
    zone->last = zone->count++;
    return &zone->chunks[zone->last];
}

struct zone_span zone_at(struct zone *zone, int64_t at)
{
    const struct chunk *chunk = chunk_at(zone, at);
    size_t i = 0;
    while (at >= chunk->spans[i].until)
        i++;
    return chunk->spans[i];
}

void zone_format(struct zone *zone, int64_t at, char out[ZONE_RFC3339_SIZE])
{
    int32_t offset = zone_at(zone, at).offset;
    time_t local = (time_t)(at + offset);
    int minutes = abs(offset) / 60;
    struct tm tm;
    gmtime_r(&local, &tm);
    char date[24];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, ZONE_RFC3339_SIZE, "%s%c%02d:%02d", date, offset < 0 ? '-' : '+',
             minutes / 60 % 100, minutes % 60);
}
