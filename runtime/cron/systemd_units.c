/* systemd: a service and a timer for each scheduled job. */
#include "cron_plan.h"

#include "connector.h"
#include "mem.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define FOLDER     "/etc/systemd/system"
#define STATE_ROOT "/var/lib/"
#define RUN_MIN    3 /* values in a row that are written as a range */

/* A job may write where it is configured to: the rest of the system is read-only to it. */
static const char sandboxing[] = "NoNewPrivileges=yes\n"
                                 "PrivateDevices=yes\n"
                                 "PrivateTmp=yes\n"
                                 "ProtectClock=yes\n"
                                 "ProtectControlGroups=yes\n"
                                 "ProtectHome=read-only\n"
                                 "ProtectHostname=yes\n"
                                 "ProtectKernelLogs=yes\n"
                                 "ProtectKernelModules=yes\n"
                                 "ProtectKernelTunables=yes\n"
                                 "ProtectSystem=strict\n"
                                 "LockPersonality=yes\n"
                                 "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
                                 "RestrictNamespaces=yes\n"
                                 "RestrictRealtime=yes\n"
                                 "RestrictSUIDSGID=yes\n"
                                 "SystemCallArchitectures=native\n"
                                 "SystemCallFilter=@system-service\n"
                                 "UMask=0077\n";

/* A word, with what is special to systemd escaped; `variables`: where it expands those. */
static void put_word(const char *word, bool variables, struct buf *out)
{
    buf_puts(out, "\"");
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else if (*c == '%' || (*c == '$' && variables))
            buf_printf(out, "%c%c", *c, *c);
        else if (*c == '\n')
            buf_puts(out, "\\n");
        else
            buf_putc(out, *c);
    }
    buf_puts(out, "\"");
}

static void put_path(const char *key, const char *path, struct buf *out)
{
    buf_printf(out, "%s=", key);
    put_word(path, false, out);
    buf_puts(out, "\n");
}

/* Values as a list: "01,08..17"; `*` for all of them. */
static void put_values(uint64_t bits, int low, int high, struct buf *out)
{
    uint64_t all = (((uint64_t)2 << (high - low)) - 1) << low;
    if ((bits & all) == all) {
        buf_puts(out, "*");
        return;
    }
    const char *comma = "";
    for (int value = low; value <= high; value++) {
        int end = value;
        if (!(bits >> value & 1))
            continue;
        while (end < high && (bits >> (end + 1) & 1))
            end++;
        buf_printf(out, "%s%02d", comma, value);
        if (end - value + 1 >= RUN_MIN) {
            buf_printf(out, "..%02d", end);
            value = end;
        }
        comma = ",";
    }
}

static void put_weekdays(unsigned bits, struct buf *out)
{
    static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    const char *comma = "";
    for (int i = 0; i < 7; i++) { /* from Monday */
        int end = i;
        if (!(bits >> (i + 1) % 7 & 1))
            continue;
        while (end < 6 && (bits >> (end + 2) % 7 & 1))
            end++;
        buf_printf(out, "%s%s", comma, names[(i + 1) % 7]);
        if (end - i + 1 >= RUN_MIN) {
            buf_printf(out, "..%s", names[(end + 1) % 7]);
            i = end;
        }
        comma = ",";
    }
    buf_puts(out, " ");
}

/* One calendar expression: weekday and date both have to match. */
static void put_calendar(const struct cron *line, uint32_t days, unsigned weekdays,
                         const char *zone, struct buf *out)
{
    buf_puts(out, "OnCalendar=");
    if (weekdays != 0x7F)
        put_weekdays(weekdays, out);
    buf_puts(out, "*-");
    put_values(line->months, 1, 12, out);
    buf_puts(out, "-");
    put_values(days, 1, 31, out);
    buf_puts(out, " ");
    put_values(line->hours, 0, 23, out);
    buf_puts(out, ":");
    put_values(line->minutes, 0, 59, out);
    buf_printf(out, ":00%s%s\n", zone != NULL ? " " : "", zone != NULL ? zone : "");
}

static void put_line(const struct cron *line, const char *zone, struct buf *out)
{
    const uint32_t every_day = UINT32_C(0xFFFFFFFE);
    if (line->any_day || line->any_weekday) {
        put_calendar(line, line->days, line->weekdays, zone, out);
    } else { /* either */
        put_calendar(line, line->days, 0x7F, zone, out);
        put_calendar(line, every_day, line->weekdays, zone, out);
    }
}

static int put_times(struct cron_plan *plan, const struct job *job, struct buf *out,
                     struct err *err)
{
    struct zone *zone = cron_plan_zone(plan, job, plan->system, err);
    if (zone == NULL)
        return -1;
    if (job->cron.reboot) {
        buf_puts(out, "OnBootSec=0\n");
    } else if (cron_cover_is_plain(&job->cron, zone, plan->now)) {
        put_line(&job->cron, job->timezone, out);
    } else { /* in UTC no time is skipped or comes twice */
        struct cron_cover cover;
        cron_cover_create(&cover, &job->cron, cron_plan_compare(plan, zone, plan->utc));
        for (size_t i = 0; i < cover.count; i++)
            put_line(&cover.lines[i], "UTC", out);
        cron_cover_destroy(&cover);
    }
    return 0;
}

/* systemd creates folders below /var/lib; others have to exist. */
static void put_state(const struct cron_plan *plan, struct buf *out)
{
    const char *state = plan->config->state;
    if (strncmp(state, STATE_ROOT, strlen(STATE_ROOT)) == 0) {
        put_path("StateDirectory", state + strlen(STATE_ROOT), out);
        buf_puts(out, "StateDirectoryMode=0700\n");
    } else {
        put_path("ReadWritePaths", state, out);
    }
}

static void put_credential(const struct secret *secret, struct buf *out)
{
    if (secret->kind != SECRET_CREDENTIAL)
        return;
    char *line = mem_printf("LoadCredential=%s\n", secret->text);
    if (strstr(out->data, line) == NULL)
        buf_puts(out, line);
    mem_free(line);
}

static void put_credentials(const struct config *config, struct buf *out)
{
    struct buf lines;
    buf_create(&lines, out->limit);
    for (size_t i = 0; i < config->nconnectors; i++) {
        const struct secret *secret;
        for (size_t n = 0; (secret = connector_secret_at(config->connectors[i], n)) != NULL; n++)
            put_credential(secret, &lines);
    }
    buf_puts(out, lines.data);
    buf_destroy(&lines);
}

static void put_service(const struct cron_plan *plan, const struct job *job, struct buf *out)
{
    const struct passwd *user = geteuid() != 0 ? getpwuid(geteuid()) : NULL;
    buf_printf(out,
               "# " FOLDER "/jeton-%s.service\n"
               "[Unit]\n"
               "Description=jeton: job %s\n"
               "Documentation=man:jeton(1)\n"
               "Wants=network-online.target\n"
               "After=network-online.target\n"
               "\n"
               "[Service]\n"
               "Type=oneshot\n",
               job->name, job->name);
    if (user != NULL)
        buf_printf(out, "User=%s\n", user->pw_name);
    buf_puts(out, "ExecStart=");
    put_word(plan->self, true, out);
    buf_puts(out, " --config ");
    put_word(plan->path, true, out);
    buf_printf(out, " run --job %s --scheduled\n", job->name);
    if (plan->state_home != NULL) {
        char *variable = mem_printf("XDG_STATE_HOME=%s", plan->state_home);
        put_path("Environment", variable, out);
        mem_free(variable);
    }
    buf_puts(out, "# The first signal lets the script clean up.\nKillMode=mixed\n");
    put_credentials(plan->config, out);
    buf_puts(out, "# What the job may write; the rest is read-only to it.\n");
    put_state(plan, out);
    if (job->directory != NULL)
        put_path("ReadWritePaths", job->directory, out);
    if (job->metrics != NULL) {
        char *folder =
            mem_strndup(job->metrics, (size_t)(strrchr(job->metrics, '/') - job->metrics));
        put_path("ReadWritePaths", folder[0] != '\0' ? folder : "/", out);
        mem_free(folder);
    }
    buf_puts(out, sandboxing);
}

static int put_timer(struct cron_plan *plan, const struct job *job, struct buf *out,
                     struct err *err)
{
    buf_printf(out,
               "# " FOLDER "/jeton-%s.timer\n"
               "[Unit]\n"
               "Description=jeton: times of job %s (%s%s%s)\n"
               "Documentation=man:jeton(1)\n"
               "\n"
               "[Timer]\n",
               job->name, job->name, job->schedule, job->timezone != NULL ? ", " : "",
               job->timezone != NULL ? job->timezone : "");
    if (put_times(plan, job, out, err) != 0)
        return -1;
    buf_puts(out, "AccuracySec=1s\n");
    if (job->catch_up && !job->cron.reboot)
        buf_puts(out, "Persistent=yes\n");
    buf_puts(out, "\n[Install]\nWantedBy=timers.target\n");
    return 0;
}

int systemd_units(struct cron_plan *plan, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (i > 0)
            buf_puts(out, "\n");
        put_service(plan, plan->jobs[i], out);
        buf_puts(out, "\n");
        if (put_timer(plan, plan->jobs[i], out, err) != 0)
            return -1;
    }
    return 0;
}
