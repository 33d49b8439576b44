#!/usr/bin/env python3
"""What systemd and Kubernetes are told: their own rules hold, and no slot is missed."""

import datetime
import json
import os
import re
import shutil
import subprocess
import unittest
import zoneinfo

import judges
import schedules
from support import PATIENCE, SOURCE, Case

UTC = datetime.timezone.utc
YEARS = 2
WINDOW = 36 * 3600

# Each way of telling: in its own zone, or in UTC; both days; over midnight and a month's end there.
JOBS = {
    "plain": ("0 8 * * 1-5", "Asia/Kolkata"),
    "plain-dst": ("5,35 8-18/5 * jan-jun *", "Europe/Paris"),
    "skipped": ("30 2 * * *", "Europe/Paris"),
    "Wild_Card": ("*/30 */12 * * *", "America/New_York"),
    "half": ("15 2 * * *", "Australia/Lord_Howe"),
    "midnight": ("0 0 * * *", "Africa/Cairo"),
    "either-day": ("45 23 1,31 * mon,fri", "America/Santiago"),
    "both-days": ("15 1 */3 * sat", "Pacific/Apia"),
    "sunday": ("0 12 * * 7", "UTC"),
    "local": ("10 5 29 2 *", None),
}


def text_of_jobs(extra=""):
    lines = ["jobs:"]
    for name, (schedule, zone) in JOBS.items():
        timezone = f", timezone: {zone}" if zone else ""
        lines.append(f'  {name}: {{ script: report.lua, schedule: "{schedule}"{timezone}{extra} }}')
    return "\n".join(lines) + "\n"


class Show(Case):
    def setUp(self):
        super().setUp()
        self.write("report.lua", "print 'hello'\n")

    def show(self, config, output="systemd", *options):
        self.write("jeton.yaml", config)
        return self.ok("cron", "show", "--format", output, *options).stdout

    def slots(self):
        """{job: slots of two years from now}, as `cron next` says."""
        found = {}
        for name in JOBS:
            count, at = 100, []
            while not at or at[-1] < at[0] + datetime.timedelta(days=366 * YEARS):
                count *= 3
                times = json.loads(self.ok("cron", "next", "--json", "-n", str(count), name).stdout)
                at = [datetime.datetime.fromisoformat(time["at"]) for time in times]
            end = at[0] + datetime.timedelta(days=366 * YEARS)
            found[name] = [int(time.timestamp()) for time in at if time < end]
        return found


class Calendar:
    """An OnCalendar= expression of the kind that jeton writes: [WEEKDAYS] *-MONTHS-DAYS HOURS:MINUTES:00 [ZONE]."""

    WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()

    def __init__(self, text):
        found = re.fullmatch(r"(?:([A-Z][\w.,]+) )?\*-(\S+)-(\S+) (\S+):(\S+):00(?: (\S+))?", text)
        self.zone = zoneinfo.ZoneInfo(found[6] or "UTC")
        self.sets = [self.read(found[i] or "*") for i in range(1, 6)]

    def read(self, text):
        values = set(range(60)) if text == "*" else set()
        for element in text.split(",") if text != "*" else []:
            ends = [self.WEEKDAYS.index(end) if end.isalpha() else int(end) for end in element.split("..")]
            values.update(range(ends[0], ends[-1] + 1))
        return values

    def elapses(self, instant):
        """The first time that a local time comes."""
        local = datetime.datetime.fromtimestamp(instant, UTC).astimezone(self.zone)
        values = local.weekday(), local.month, local.day, local.hour, local.minute
        return not local.fold and all(value in values_of for value, values_of in zip(values, self.sets, strict=True))


@unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
class Systemd(Show):
    def units(self, config):
        """{file name: text}, as the comments of the output name them."""
        parts = re.split(r"^# /etc/systemd/system/(\S+)\n", self.show(config), flags=re.M)
        self.assertEqual(parts[0], "")
        return dict(zip(parts[1::2], parts[2::2], strict=True))

    def verify(self, units):
        folder = os.path.join(self.folder, "units")
        os.mkdir(folder)
        for name, text in units.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *(os.path.join(folder, name) for name in units)],
                              capture_output=True, text=True, check=False,
                              env={**self.env, "SYSTEMD_LOG_LEVEL": "warning"})
        shutil.rmtree(folder)
        return done.returncode, "".join(line for line in done.stderr.splitlines(True) if folder in line or "jeton-" in line)

    def test_units_are_good(self):
        os.makedirs(self.folder + "/srv/reports", mode=0o700)
        more = f", directory: {self.folder}/srv, metrics: '{self.folder}/srv/reports/a b%.prom', catch_up: true"
        connector = """\
connectors:
  contoso:
    provider: kaizala
    token_service: https://kaizala.example.org/v1
    application_id: { credential: contoso-id }
    application_secret: { credential: contoso-secret }
    refresh_token: { credential: contoso-id }
"""
        units = self.units("version: 1\nstate: /var/lib/jeton-test\n" + connector + text_of_jobs(more) +
                           '  boot: { script: report.lua, schedule: "@reboot" }\n')
        self.assertEqual(len(units), 2 * len(JOBS) + 2)
        self.assertEqual(self.verify(units), (0, ""))
        service, timer = units["jeton-plain.service"], units["jeton-plain.timer"]
        self.assertIn('\nStateDirectory="jeton-test"\nStateDirectoryMode=0700\n', service)
        self.assertIn(f'\nReadWritePaths="{self.folder}/srv"\nReadWritePaths="{self.folder}/srv/reports"\n', service)
        self.assertEqual(service.count("LoadCredential="), 2)
        self.assertIn("\nProtectSystem=strict\n", service)
        self.assertIn("\nOnCalendar=Mon..Fri *-*-* 08:00:00 Asia/Kolkata\n", timer)
        self.assertIn("\nPersistent=yes\n", timer)
        self.assertIn("\nOnBootSec=0\n", units["jeton-boot.timer"])

    def test_named_configurations(self):
        found = []
        for name, job in (("shop", "a-b"), ("shop-a", "b"), ("Shop-a", "b")):
            units = self.units(f"version: 1\nname: {name}\nstate: ./state\n"
                               f"jobs: {{ {job}: {{ script: report.lua, schedule: '@daily' }} }}\n")
            self.assertEqual(self.verify(units), (0, ""))
            found += units
        self.assertEqual(len(set(found)), 6, found)
        self.assertEqual(found[:2], ["jeton-shop.a-b.service", "jeton-shop.a-b.timer"])
        self.assertIn("Description=jeton: job b of Shop-a\n", units["jeton-Shop-a.b.service"])

    def test_odd_paths(self):
        """What is special to systemd, in paths; a state that it does not make."""
        odd = os.path.join(self.folder, 'a "b" $HOME %h')
        os.mkdir(odd, 0o700)
        os.rename(self.write("jeton.yaml", f"version: 1\nstate: '{odd}/state'\n"
                                           f"jobs: {{ a: {{ script: ../report.lua, schedule: '@daily' }} }}\n"),
                  os.path.join(odd, "jeton.yaml"))
        shown = self.ok("-c", os.path.join(odd, "jeton.yaml"), "cron", "show", "--format", "systemd").stdout
        parts = re.split(r"^# /etc/systemd/system/(\S+)\n", shown, flags=re.M)
        units = dict(zip(parts[1::2], parts[2::2], strict=True))
        self.assertEqual(self.verify(units), (0, ""))
        service = units["jeton-a.service"]
        self.assertIn(f'--config "{self.folder}/a \\"b\\" $$HOME %%h/jeton.yaml" run', service)
        self.assertIn(f'\nReadWritePaths="{self.folder}/a \\"b\\" $HOME %%h/state"\n', service)

    def test_verify_would_say_so(self):
        units = self.units("version: 1\nstate: ./state\n" + text_of_jobs())
        units["jeton-half.timer"] = units["jeton-half.timer"].replace("OnCalendar=*-*", "OnCalendar=*-13")
        self.assertNotEqual(self.verify(units)[1], "")

    def analyzed(self, calendar, start, end):
        """systemd's own times of an expression, in [start, end)."""
        found, count = [], 8
        while not found or found[-1] < end:
            count *= 2
            done = subprocess.run(["systemd-analyze", "calendar", f"--base-time=@{start - 1}", f"--iterations={count}",
                                   calendar], capture_output=True, text=True, check=True, env={**self.env, "TZ": "UTC"})
            times = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ (\S+ \S+) UTC", done.stdout)
            found = [int(datetime.datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) for at in times]
            if len(found) < count:
                break  # it never comes again
        return [at for at in found if at < end]

    def test_no_slot_is_missed(self):
        """By the meaning of the expressions (systemd.time(7)), over all of the time; by systemd itself, near each
        change of local time."""
        units = self.units("version: 1\nstate: ./state\n" + text_of_jobs())
        windows = 0
        for name, slots in self.slots().items():
            lines = re.findall(r"^OnCalendar=(.*)$", units[f"jeton-{name}.timer"], flags=re.M)
            calendars = [Calendar(line) for line in lines]
            missed = [slot for slot in slots if not any(calendar.elapses(slot) for calendar in calendars)]
            self.assertEqual(missed, [], f"{name}: {lines}")
            years = [datetime.datetime.fromtimestamp(slot, UTC).year for slot in (slots[0], slots[-1])]
            for change in schedules.changes(JOBS[name][1] or "UTC", *years):
                start, end = change - WINDOW, change + WINDOW
                expected = {slot for slot in slots if start <= slot < end}
                times = {at for line in lines for at in self.analyzed(line, start, end)}
                self.assertEqual(expected - times, set(), f"{name}: {lines}")
                windows += bool(expected)
        self.assertGreater(windows, 10)


# What the schema does not say: names are those of
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/; the schedule's syntax is that of
# https://pkg.go.dev/github.com/robfig/cron/v3 (ParseStandard).
LABEL = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
LABEL_KEY = r"([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
CRONJOB_NAME_MAX = 52  # the controller appends 11 characters, and a Job's name has 63 at most
FIELD = r"(\*|\d+(-\d+)?)(/\d+)?"
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))  # 7 is no Sunday there


class Variables(Show):
    def test_those_that_services_lack(self):
        self.write("jeton.yaml", "version: 1\nname: shop\nstate: {url: 'postgresql://jeton@db/jeton', password: {env: DB_PASSWORD},"
                                 f" key: {{file: {self.folder}/key}}, folder: /srv/jeton/state}}\n"
                                 "connectors:\n  books:\n    provider: oauth2\n"
                                 "    token_url: https://books.example.org/token\n    client_id: us\n"
                                 "    client_secret: {env: BOOKS_SECRET}\n    refresh_token: {credential: books}\n"
                                 "    endpoint: https://books.example.org\n"
                                 "jobs: { a: { script: report.lua, schedule: '@daily', timezone: UTC } }\n")
        said = self.ok("cron", "show", "--format", "systemd").stderr
        self.assertEqual(re.findall(r"comes from the variable (\w+), which the services do not have", said),
                         ["DB_PASSWORD", "BOOKS_SECRET"])
        for output in ("crontab", "kubernetes"):
            self.assertNotIn("the services", self.ok("cron", "show", "--format", output).stderr)


class Kubernetes(Show):
    def manifests(self, config, *options):
        """Each document of the output."""
        documents = re.split(r"^---\n", self.show(config, "kubernetes", *options), flags=re.M)
        self.assertEqual(documents[0], "")
        return [self.read(document) for document in documents[1:]]

    def read(self, document):
        """By jeton's own YAML parser, without its configuration."""
        self.write("read.lua", 'local yaml, json = require "jeton.yaml", require "jeton.json"\n'
                               'print(json.encode(yaml.decode(io.read "a")))\n')
        self.write("none.yaml", "version: 1\n")
        return json.loads(self.ok("--config", "none.yaml", "run", "read.lua", input=document).stdout)

    def check_kinds(self, manifests):
        """By types that are made of Kubernetes' OpenAPI schema: what their compiler says of these."""
        lines = [f'import type * as {group} from "{judges.PACKAGES}/node_modules/kubernetes-types/{group}/v1";'
                 for group in ("apps", "batch")]
        for number, manifest in enumerate(manifests):
            kind = f"{manifest['apiVersion'].partition('/')[0]}.{manifest['kind']}"
            lines.append(f"const m{number}: {kind} & {{ apiVersion: {kind}['apiVersion'] }} = {json.dumps(manifest)};")
        compiler = judges.package("typescript") + "/bin/tsc"
        return subprocess.run([judges.node(), compiler, "--noEmit", "--strict", "--skipLibCheck", "--lib", "es5",
                               self.write("manifests.ts", "\n".join(lines))], capture_output=True, text=True, timeout=PATIENCE,
                              cwd=self.folder, check=False).stdout

    def check_schedule(self, schedule):
        fields = schedule.split(" ")
        self.assertEqual(len(fields), 5, schedule)
        for field, (low, high) in zip(fields, BOUNDS, strict=True):
            for element in field.split(","):
                self.assertRegex(element, f"^{FIELD}$", schedule)
                for number in re.findall(r"\d+", element.partition("/")[0]):
                    self.assertTrue(low <= int(number) <= high, schedule)

    def check_manifests(self, manifests):
        self.assertEqual(self.check_kinds(manifests), "")
        for manifest in manifests:
            self.check_manifest(manifest)

    def check_manifest(self, manifest):
        self.assertEqual((manifest["apiVersion"], manifest["kind"]), ("batch/v1", "CronJob"))
        metadata, spec = manifest["metadata"], manifest["spec"]
        self.assertRegex(metadata["name"], f"^{LABEL}$")
        self.assertLessEqual(len(metadata["name"]), CRONJOB_NAME_MAX)
        for key, value in {**metadata["labels"], **metadata["annotations"]}.items():
            self.assertRegex(key, f"^{LABEL_KEY}$")
            self.assertIsInstance(value, str)
        self.check_schedule(spec["schedule"])
        zoneinfo.ZoneInfo(spec["timeZone"])
        self.assertNotEqual(spec["timeZone"], "Local")
        self.assertIn(spec["concurrencyPolicy"], ("Allow", "Forbid", "Replace"))
        self.assertGreaterEqual(spec["startingDeadlineSeconds"], 10)  # below, the controller may never start it
        template = spec["jobTemplate"]["spec"]["template"]["spec"]
        self.assertIn(template["restartPolicy"], ("Never", "OnFailure"))
        mounts = {mount["name"] for mount in template["containers"][0]["volumeMounts"]}
        self.assertEqual(mounts, {volume["name"] for volume in template["volumes"]})
        self.assertTrue(template["containers"][0]["securityContext"]["readOnlyRootFilesystem"])
        self.assertIn({"name": "tmp", "mountPath": "/tmp"}, template["containers"][0]["volumeMounts"])  # os.tmpname

    def test_manifests(self):
        found = self.manifests("version: 1\nstate: /var/lib/jeton\n" + text_of_jobs())
        self.assertEqual(len(found), len(JOBS))
        self.check_manifests(found)
        self.assertEqual(len({manifest["metadata"]["name"] for manifest in found}), len(JOBS))
        first = found[0]
        self.assertEqual((first["spec"]["schedule"], first["spec"]["timeZone"]), ("0 8 * * 1-5", "Asia/Kolkata"))
        container = first["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["command"], ["jeton", "--config", self.folder + "/jeton.yaml", "run", "--job",
                                                "plain", "--scheduled"])

    def test_the_schema_would_say_so(self):
        """A field that is misspelt, in the wrong place or of another type, one that lacks, another kind or version."""
        good, = self.manifests("version: 1\nstate: /var/lib/jeton\n"
                               "jobs: { a: { script: report.lua, schedule: '@daily', timezone: UTC } }\n")
        pod = "spec/jobTemplate/spec/template/spec"
        wrong = {"spec/timezone": "UTC", pod + "/schedule": "* * * * *", pod + "/containers/0/command": "jeton",
                 pod + "/volumes/0/secret/defaultMode": "0400", pod + "/securityContext/fsgroup": 1, pod + "/containers": None,
                 "spec/jobTemplate": None, "kind": "CronTab", "apiVersion": "batch/v1beta1"}
        manifests = []
        for path, value in wrong.items():
            manifests.append(json.loads(json.dumps(good)))
            *parents, last = path.split("/")
            at = manifests[-1]
            for name in parents:
                at = at[int(name) if name.isdigit() else name]
            if value is None:
                del at[last]
            else:
                at[last] = value
        said = self.check_kinds([good] + manifests)
        self.assertEqual({int(line) for line in re.findall(r"^manifests\.ts\((\d+),", said, re.MULTILINE)},
                         set(range(4, 4 + len(wrong))), said)

    def test_choices(self):
        long = "x" * 60
        found = self.manifests(f"""\
version: 1
state: /var/lib/jeton
jobs:
  a_B: {{ script: report.lua, schedule: "@daily", timezone: UTC, overlap: wait, timeout: 90s, jitter: 30s }}
  a-b: {{ script: report.lua, schedule: "@daily", timezone: UTC, catch_up: true }}
  {long}: {{ script: report.lua, schedule: "@daily" }}
  {long}y: {{ script: report.lua, schedule: "@daily" }}
  boot: {{ script: report.lua, schedule: "@reboot" }}
""")
        self.check_manifests(found)
        self.assertEqual(len({manifest["metadata"]["name"] for manifest in found}), 4)  # and none for boot
        wait, catch_up, local = found[0]["spec"], found[1]["spec"], found[2]["spec"]
        self.assertEqual(wait["concurrencyPolicy"], "Allow")
        self.assertEqual(wait["jobTemplate"]["spec"]["activeDeadlineSeconds"], 300)
        self.assertEqual(catch_up["concurrencyPolicy"], "Forbid")
        self.assertGreater(catch_up["startingDeadlineSeconds"], wait["startingDeadlineSeconds"])
        env = local["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["env"]
        self.assertEqual(env, [{"name": "TZ", "value": "UTC"}])  # there, local time is this one

    def test_folders_that_the_pods_lack(self):
        self.write("jeton.yaml", """\
version: 1
state: /var/lib/jeton
jobs:
  a: { script: report.lua, schedule: "@daily", metrics: /srv/a.prom, directory: /srv }
  b: { script: report.lua, schedule: "@daily", metrics: /var/lib/jeton/b.prom, directory: . }
  c: { script: report.lua, schedule: "@daily", metrics: /var/lib/jeton2/c.prom, directory: /tmp }
  d: { script: report.lua, schedule: "@daily", directory: FOLDER }
""".replace("FOLDER", os.path.realpath(self.folder)))
        said = self.ok("cron", "show", "--format", "kubernetes").stderr
        self.assertEqual(re.findall("job '(.)': its (pod cannot write the metrics|directory) (.*?)(?:,| must)", said),
                         [("a", "pod cannot write the metrics", "/srv/a.prom"), ("a", "directory", "/srv"),
                          ("c", "pod cannot write the metrics", "/var/lib/jeton2/c.prom")])
        self.assertNotIn("pod", self.ok("cron", "show", "--format", "systemd").stderr)
        # Volumes hide what the image has there: of the configuration's folder there are only the files that it names.
        os.mkdir(self.folder + "/jobs")
        self.write("jobs/own.lua", "")
        self.write("jeton.yaml", """\
version: 1
state: /var/lib/jeton
jobs:
  a: { script: jobs/own.lua, schedule: "@daily", directory: work }
  b: { script: jobs/own.lua, schedule: "@daily", directory: jobs }
  c: { script: jobs/own.lua, schedule: "@daily", directory: /var/lib/jeton/work }
  d: { script: jobs/own.lua, schedule: "@daily", directory: /tmp/work }
  e: { script: jobs/own.lua, schedule: "@daily", directory: /var/lib/jeton }
  f: { script: jobs/own.lua, schedule: "@daily", directory: . }
""")
        said = self.ok("cron", "show", "--format", "kubernetes").stderr
        self.assertEqual(re.findall("job '(.)': its pod does not have the directory (.*?),", said),
                         [("a", os.path.realpath(self.folder) + "/work"), ("d", "/tmp/work")])

    def test_named_configurations(self):
        """No two share an object, however their names and those of their jobs are put together."""
        found = []
        for name, job in (("shop", "report"), ("shop", "a-b"), ("shop-a", "b"), ("shop_a", "b"), ("Shop-a", "b"),
                          ("x" * 64, "y" * 64), ("x" * 64, "y" * 63 + "z"), ("end-", "b")):
            found += self.manifests(f"version: 1\nname: {name}\nstate: /var/lib/jeton\n"
                                    f"jobs: {{ {job}: {{ script: report.lua, schedule: '@daily' }} }}\n")
        names = [manifest["metadata"]["name"] for manifest in found]
        secrets = {volume["secret"]["secretName"] for manifest in found
                   for volume in manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]
                   if "secret" in volume}
        self.check_manifests(found)
        self.assertEqual((len(set(names)), len(secrets)), (8, 6), names)
        self.assertEqual(names[:2], ["jeton-shop-report", "jeton-shop-a-b"])
        self.assertIn("jeton-shop-config", secrets)
        self.assertEqual(found[0]["metadata"]["annotations"], {"jeton/job": "report", "jeton/configuration": "shop"})

    def test_secrets_are_referred_to(self):
        """Those from variables by key, files where the configuration says; no value is printed."""
        self.env["DB_PASSWORD"] = self.env["CLIENT"] = "value-of-a-variable"
        for path in ("state.key", "secrets/refresh", "elsewhere/client"):
            os.makedirs(os.path.dirname(f"{self.folder}/{path}"), 0o700, exist_ok=True)
            os.chmod(self.write(path, "value-of-a-file\n"), 0o600)
        os.makedirs(self.folder + "/etc")
        text = ("version: 1\nname: shop\nstate: { url: 'postgresql://jeton@db.example.org/automation', key: { file: ../etc/state.key },\n"
                "  password: { env: DB_PASSWORD }, folder: /var/lib/jeton/host }\nconnectors:\n"
                "  three: { provider: oauth2, token_url: 'https://id.example.org/three', client_id: { credential: three },\n"
                "    client_secret: { credential: books.key }, grant: client_credentials, endpoint: 'https://api.example.org' }\n")
        for name in ("one", "two"):
            text += (f"  {name}: {{ provider: oauth2, token_url: 'https://id.example.org/{name}', client_id: {{ env: CLIENT }},\n"
                     "    client_secret: { file: ../elsewhere/client }, refresh_token: { file: secrets/refresh },\n"
                     "    endpoint: 'https://api.example.org' }\n")
        text += "jobs: { a: { script: report.lua, schedule: '@daily', timezone: UTC } }\n"
        for path in ("state.key", "secrets"):
            os.rename(f"{self.folder}/{path}", f"{self.folder}/etc/{path}")
        self.write("etc/report.lua", "")
        self.write("etc/jeton.yaml", text)
        shown = self.ok("--config", "etc/jeton.yaml", "cron", "show", "--format", "kubernetes").stdout
        self.assertNotIn("value-of", shown)
        manifest = self.read(shown.removeprefix("---\n"))
        self.check_manifests([manifest])
        pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        container = pod["containers"][0]
        env = [one for one in container["env"] if "valueFrom" in one]
        self.assertEqual(env, [{"name": name, "valueFrom": {"secretKeyRef": {"name": "jeton-shop-env", "key": name}}}
                               for name in ("DB_PASSWORD", "CLIENT")])
        self.assertIn({"name": "config", "mountPath": self.folder + "/elsewhere/client", "subPath": "client", "readOnly": True},
                      container["volumeMounts"])
        self.assertIn({"name": "CREDENTIALS_DIRECTORY", "value": "/run/credentials/jeton"}, container["env"])
        self.assertIn({"name": "credentials", "mountPath": "/run/credentials/jeton", "readOnly": True}, container["volumeMounts"])
        self.assertIn({"name": "credentials", "secret": {"secretName": "jeton-shop-credentials", "defaultMode": 0o400}},
                      pod["volumes"])
        secrets = [source["secret"] for volume in pod["volumes"] if volume["name"] == "config"
                   for source in volume["projected"]["sources"]]
        self.assertEqual(secrets, [{"name": "jeton-shop-config"}, {"name": "jeton-shop-config", "items": [
            {"key": "refresh", "path": "secrets/refresh"}]}])
        os.rename(self.folder + "/elsewhere/client", self.folder + "/elsewhere/refresh")
        self.write("etc/jeton.yaml", text.replace("elsewhere/client", "elsewhere/refresh"))
        self.fails(3, "--config", "etc/jeton.yaml", "cron", "show", "--format", "kubernetes", says="files of the same name")
        self.write("etc/jeton.yaml", text.replace("credential: three", "credential: 'three@1'"))
        self.fails(3, "--config", "etc/jeton.yaml", "cron", "show", "--format", "kubernetes",
                   says="'three@1' can be no key of a Secret of Kubernetes; rename the credential")

    def test_files_of_conf_d(self):
        """`connector add` makes one: without it, no job has its connector."""
        self.write("jeton.yaml", "version: 1\njobs: { a: { script: a.lua, schedule: '@daily', timezone: UTC, connector: books } }\n")
        part = ("version: 1\nconnectors: { books: { provider: oauth2, token_url: 'https://id.example.org/', client_id: books,\n"
                "  client_secret: { file: ../secrets/%s }, refresh_token: { file: ../secrets/books }, endpoint: 'https://api.example.org' } }\n")
        self.write("a.lua", "")
        self.write("conf.d/books.yaml", part % "client")
        shown = self.ok("cron", "show", "--format", "kubernetes").stdout
        manifest = self.read(shown.removeprefix("---\n"))
        self.check_manifests([manifest])
        pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        items = [source["secret"]["items"] for volume in pod["volumes"] if volume["name"] == "config"
                 for source in volume["projected"]["sources"] if "items" in source["secret"]]
        self.assertEqual(items, [[{"key": "books.yaml", "path": "conf.d/books.yaml"}, {"key": "client", "path": "secrets/client"},
                                  {"key": "books", "path": "secrets/books"}]])
        self.write("conf.d/books.yaml", part % "books.yaml")
        self.fails(3, "cron", "show", "--format", "kubernetes", says="books.yaml are files of the same name")
        os.rename(self.folder + "/conf.d/books.yaml", self.folder + "/conf.d/my books.yaml")
        self.fails(3, "cron", "show", "--format", "kubernetes", says="can be no key of a Secret of Kubernetes; rename the file")

    def test_scripts_in_folders(self):
        """The volume hides what an image has there; one beside the configuration comes with it, one elsewhere is the image's."""
        text = ("version: 1\nstate: /var/lib/jeton\nconnectors: { c: { provider: oauth2, token_url: 'https://id.example.org/', ca_file: %s,\n"
                "  client_id: { file: etc/id }, client_secret: { env: SECRET }, grant: client_credentials,\n"
                "  endpoint: 'https://api.example.org' } }\njobs:\n")
        for name, script in (("a", "reports/a.lua"), ("b", "./b.lua"), ("c", "../c.lua"), ("d", "x/y/a.lua")):
            text += f"  {name}: {{ script: {script}, schedule: '{'@reboot' if name == 'd' else '@daily'}', timezone: UTC }}\n"

        def shown(certificate):
            self.write("app/jeton.yaml", text % certificate)
            found = {}
            for part in self.ok("-c", "app/jeton.yaml", "cron", "show", "--format", "kubernetes").stdout.split("---\n")[1:]:
                manifest = self.read(part)
                self.check_manifests([manifest])
                pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
                self.assertEqual([mount["name"] for mount in pod["containers"][0]["volumeMounts"]], ["config", "state", "tmp"])
                source = pod["volumes"][0]["projected"]["sources"][1]["secret"]
                found[manifest["metadata"]["name"]] = {item["key"]: item["path"] for item in source["items"]}
            return found

        often = {"id": "etc/id"}
        self.assertEqual(shown("/etc/ssl/ca.pem"), {"jeton-a": {**often, "a.lua": "reports/a.lua"}, "jeton-b": often, "jeton-c": often})
        often["ca.pem"] = "etc/ca.pem"
        self.assertEqual(shown("etc/ca.pem"), {"jeton-a": {**often, "a.lua": "reports/a.lua"}, "jeton-b": often, "jeton-c": often})
        self.write("app/jeton.yaml", text % "/etc/ssl/ca.pem" + "  f: { script: ./reports//a.lua, schedule: '@daily', timezone: UTC }\n")
        shown = self.ok("-c", "app/jeton.yaml", "cron", "show", "--format", "kubernetes").stdout
        self.assertEqual(len(re.findall(r'key: "a.lua", path: "reports/+a.lua"', shown)), 2)  # one file, written in two ways
        for certificate, script, says in (("x/../ca.pem", "a.lua", "x/../ca.pem has; write it without"), ("ca.pem", "x/../e.lua", "x/../e.lua has")):
            self.write("app/jeton.yaml", text % certificate + f"  e: {{ script: {script}, schedule: '@daily', timezone: UTC }}\n")
            self.fails(3, "-c", "app/jeton.yaml", "cron", "show", "--format", "kubernetes", says=says)
        for certificate, says in (("other/id", "files of the same name"), ("other/a.lua", "files of the same name"),
                                  ("other/jeton.yaml", "files of the same name"), ("'other/a b'", "can be no key")):
            self.write("app/jeton.yaml", text % certificate)
            self.fails(3, "-c", "app/jeton.yaml", "cron", "show", "--format", "kubernetes", says=says)

    def blocks(self, guide, kind):
        with open(f"{SOURCE}/docs/{guide}.md", encoding="utf-8") as file:
            part = re.search(r"^## (In )?Kubernetes$.*?(?=^## )", file.read(), re.DOTALL | re.MULTILINE)[0]
        return [text for its, text in re.findall(r"^```(\w*)\n(.*?)^```$", part, re.DOTALL | re.MULTILINE) if its == kind]

    def check_deployment(self, manifest):
        self.assertEqual(self.check_kinds([manifest]), "")
        self.assertEqual((manifest["apiVersion"], manifest["kind"]), ("apps/v1", "Deployment"))
        template = manifest["spec"]["template"]
        self.assertEqual(manifest["spec"]["selector"]["matchLabels"], template["metadata"]["labels"])
        container, = template["spec"]["containers"]
        ports = {port["containerPort"] for port in container["ports"]}
        self.assertEqual({container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")}, ports)
        self.assertEqual({mount["name"] for mount in container["volumeMounts"]},
                         {volume["name"] for volume in template["spec"]["volumes"]})
        return container, {volume["name"]: volume for volume in template["spec"]["volumes"]}

    def test_the_guides_deployments(self):
        """With the configuration and the command of the guide, its CronJobs use the Secret, image and folders of its listener."""
        for guide in ("guide-listen", "guide-many-hosts"):
            manifest, = self.blocks(guide, "kubernetes")
            container, volumes = self.check_deployment(self.read(manifest))
        config, = self.blocks("guide-many-hosts", "yaml")
        commands, = self.blocks("guide-many-hosts", "")
        created, folder = re.search(r"create secret generic (\S+) --from-file=(\S+)$", commands, re.MULTILINE).groups()
        image = re.search(r"--image (\S+)", commands)[1]
        config += "jobs: { a: { script: report.lua, schedule: '@daily', timezone: UTC } }\n"
        found, = self.manifests(config, "--image", image)
        self.check_manifests([found])
        pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        self.assertEqual(image, container["image"])
        self.assertEqual(image, pod["containers"][0]["image"])
        self.assertEqual(created, volumes["config"]["secret"]["secretName"])
        own = {volume["name"]: volume for volume in pod["volumes"]}
        self.assertEqual(own["config"]["secret"]["secretName"], created)
        self.assertEqual((own["state"]["emptyDir"], volumes["state"]["emptyDir"]), ({}, {}))
        mounts, theirs = ({mount["name"]: mount["mountPath"] for mount in its["volumeMounts"]}
                          for its in (container, pod["containers"][0]))
        self.assertEqual((mounts["state"], mounts["config"]), (theirs["state"], folder))

    def test_an_image(self):
        text = "version: 1\nstate: /var/lib/jeton\njobs: { a: { script: report.lua, schedule: '@daily', timezone: UTC } }\n"

        def image(*options):
            found, = self.manifests(text, *options)
            self.check_manifests([found])
            return found["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"]

        self.assertRegex(image(), r"^jeton:[0-9.]+$")
        for name in ("jeton", "[::1]:5000/a_b/c-d:1.0", "r.example.org/j@sha256:" + "0" * 64):
            self.assertEqual(image("--image", name), name)
        for name in ("", "a b", "a#b", "a\nb", 'a"b', "$path"):
            self.fails(2, "cron", "show", "--format", "kubernetes", "--image", name, says="--image")
        for output in ("crontab", "systemd"):
            self.fails(2, "cron", "show", "--format", output, "--image", "jeton", says="--format kubernetes only")

    def test_local_zone_without_a_name(self):
        self.write("jeton.yaml", "version: 1\njobs: { a: { script: report.lua, schedule: '@daily' } }\n")
        self.fails(3, "cron", "show", "--format", "kubernetes", env={"TZ": "XYZ-3:15"},
                   says=["jeton.yaml:2:9: job 'a'", "set one, as in timezone: Europe/Paris"])

    def test_no_slot_is_missed(self):
        found = self.manifests("version: 1\nstate: ./state\n" + text_of_jobs())
        told = {manifest["metadata"]["annotations"]["jeton/job"]: manifest["spec"] for manifest in found}
        for name, slots in self.slots().items():
            schedule = schedules.Schedule(told[name]["schedule"])
            zone = zoneinfo.ZoneInfo(told[name]["timeZone"])
            for slot in slots:
                local = datetime.datetime.fromtimestamp(slot, UTC).astimezone(zone)
                self.assertTrue(schedule.matches(local), f"{name}: {local} is not in {told[name]}")


if __name__ == "__main__":
    unittest.main()
