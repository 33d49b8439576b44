/* Kubernetes: a CronJob for each scheduled job. */
#include "cron_plan.h"

#include "json.h"
#include "mem.h"

#include <string.h>

#define NAME_MAX_CRONJOB 52   /* the controller adds 11 characters for a Job */
#define DEADLINE_S       300  /* a slot is claimed up to five minutes after its time */
#define CATCH_UP_S       3600 /* later starts; below 100 missed ones, or none is started */
#define GRACE_S          180  /* after the job's own deadline: clean-up, heartbeat, notice */
#define FNV_BASIS        UINT32_C(2166136261)
#define FNV_PRIME        UINT32_C(16777619)

/* A name as Kubernetes wants it (RFC 1123). What had to be changed gets a mark of its own, so that
 * no two jobs share a name. */
static char *object_name(const char *job)
{
    uint32_t hash = FNV_BASIS;
    bool changed = false;
    char *name = mem_printf("jeton-%s", job);
    for (char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * FNV_PRIME;
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        else if (*c == '_')
            *c = '-';
        else
            continue;
        changed = true;
    }
    size_t len = strlen(name), room = NAME_MAX_CRONJOB;
    if (!changed && len <= room && name[len - 1] != '-')
        return name;
    room -= strlen("-01234567");
    char *marked = mem_printf("%.*s-%08x", (int)(len < room ? len : room), name, hash);
    mem_free(name);
    return marked;
}

/* JSON's strings are YAML's, too. */
static void put_string(const char *before, const char *text, struct buf *out)
{
    buf_puts(out, before);
    json_write_string(out, text, strlen(text));
    buf_puts(out, "\n");
}

static int put_schedule(struct cron_plan *plan, const struct job *job, struct buf *out,
                        struct err *err)
{
    struct zone *zone = cron_plan_zone(plan, job, plan->local, err);
    if (zone == NULL)
        return -1;
    const char *name = zone_name(zone);
    if (name == NULL)
        return err_set(err, ERR_CONFIG,
                       "%s:%d:%d: job '%s' is in the local zone, which has no name here; give it "
                       "one, as in timezone: Europe/Paris",
                       job->shown, job->line, job->col, job->name);
    struct cron_cover cover;
    bool plain = cron_cover_is_plain(&job->cron, zone, plan->now);
    cron_cover_create(&cover, &job->cron, cron_plan_compare(plan, zone, plain ? zone : plan->utc));
    cron_cover_merge(&cover);
    if (!plain)
        buf_printf(out,
                   "  # %s, %s: in UTC no time is skipped or comes twice; jeton knows which "
                   "of these is due.\n",
                   job->schedule, name);
    buf_puts(out, "  schedule: \"");
    cron_cover_text(&cover.lines[0], out);
    buf_puts(out, "\"\n");
    put_string("  timeZone: ", plain ? name : "Etc/UTC", out);
    cron_cover_destroy(&cover);
    return 0;
}

static void put_container(const struct cron_plan *plan, const struct job *job, struct buf *out)
{
    buf_puts(out, "            - name: jeton\n"
                  "              image: jeton:" JETON_VERSION
                  " # yours, with jeton, the scripts and tzdata\n"
                  "              command: [jeton, --config, ");
    json_write_string(out, plan->path, strlen(plan->path));
    buf_printf(out, ", run, --job, \"%s\", --scheduled]\n", job->name);
    if (job->timezone == NULL || plan->state_home != NULL)
        buf_puts(out, "              env:\n");
    if (job->timezone == NULL) { /* jeton's local zone there: this one */
        buf_puts(out, "                - name: TZ\n");
        put_string("                  value: ", zone_name(plan->local), out);
    }
    if (plan->state_home != NULL) {
        buf_puts(out, "                - name: XDG_STATE_HOME\n");
        put_string("                  value: ", plan->state_home, out);
    }
    buf_puts(out, "              securityContext:\n"
                  "                allowPrivilegeEscalation: false\n"
                  "                capabilities: { drop: [ALL] }\n"
                  "                readOnlyRootFilesystem: true\n"
                  "              volumeMounts:\n");
    char *folder = mem_strndup(plan->path, (size_t)(strrchr(plan->path, '/') - plan->path));
    buf_puts(out, "                - name: config\n");
    put_string("                  mountPath: ", folder[0] != '\0' ? folder : "/", out);
    buf_puts(out, "                  readOnly: true\n"
                  "                - name: state\n");
    put_string("                  mountPath: ", plan->config->state, out);
    mem_free(folder);
}

static int put_job(struct cron_plan *plan, const struct job *job, struct buf *out, struct err *err)
{
    char *name = object_name(job->name);
    buf_puts(out, "---\n"
                  "apiVersion: batch/v1\n"
                  "kind: CronJob\n"
                  "metadata:\n");
    buf_printf(out, "  name: %s\n", name);
    mem_free(name);
    buf_puts(out,
             "  labels: { app.kubernetes.io/name: jeton, app.kubernetes.io/component: job }\n");
    put_string("  annotations: { jeton/job: ", job->name, out);
    out->len--; /* the line goes on */
    buf_puts(out, " }\nspec:\n");
    if (put_schedule(plan, job, out, err) != 0)
        return -1;
    buf_printf(out, "  concurrencyPolicy: %s\n", job->overlap == OVERLAP_WAIT ? "Allow" : "Forbid");
    buf_printf(out, "  startingDeadlineSeconds: %d\n", job->catch_up ? CATCH_UP_S : DEADLINE_S);
    int64_t deadline_s = (job->timeout_ms + job->jitter_ms + 999) / 1000 + GRACE_S;
    buf_printf(out,
               "  jobTemplate:\n"
               "    spec:\n"
               "      backoffLimit: 0 # jeton itself retries\n"
               "      activeDeadlineSeconds: %lld\n"
               "      template:\n"
               "        spec:\n"
               "          restartPolicy: Never\n"
               "          securityContext:\n"
               "            runAsNonRoot: true\n"
               "            seccompProfile: { type: RuntimeDefault }\n"
               "          containers:\n",
               (long long)deadline_s);
    put_container(plan, job, out);
    buf_puts(out, "          volumes:\n"
                  "            - name: config\n"
                  "              secret: { secretName: jeton-config, defaultMode: 256 } # 0400\n"
                  "            - name: state # one for all jobs: slots and locks are in it\n"
                  "              persistentVolumeClaim: { claimName: jeton-state }\n");
    return 0;
}

int kubernetes_manifests(struct cron_plan *plan, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct job *job = plan->jobs[i];
        if (job->cron.reboot)
            log_msg(plan->app->log, LOG_WARN,
                    "job '%s' is left out: Kubernetes has nothing like @reboot", job->name);
        else if (put_job(plan, job, out, err) != 0)
            return -1;
    }
    return 0;
}
