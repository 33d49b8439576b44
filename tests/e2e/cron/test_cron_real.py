#!/usr/bin/env python3
"""Debian's own cron runs the jobs of a crontab that `jeton cron install` wrote.

In a mount namespace of its own, so that the machine's crontabs, /etc and mail stay as they are: the spool, /run and
cron.d are empty there, the system's zone is Asia/Kathmandu, and sendmail is a script. Clocks are set by libfaketime so
that a minute begins soon. Needs root; skipped where there is none, or no such namespaces.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import faketime
from support import Case, SANITIZED, wait_until

IN_NAMESPACE = "JETON_TEST_CRON_NAMESPACE"
SKIPPED = 77
PATIENCE_S = 90
START = 1782887397  # 2026-07-01 06:29:57 UTC: 08:29:57 in Paris, 12:14:57 in Kathmandu
FORMER = b"# of before\nMAILTO=\"\"\n0 0 1 1 * true 100\\%\n"

REPORT = """\
local jeton, json = require "jeton", require "jeton.json"
local names = { "HOME", "SHELL", "PATH", "LOGNAME", "TZ", "LANG", "GREETING", "JETON_CONFIG" }
local seen = {}
for _, name in ipairs(names) do seen[name] = os.getenv(name) end
local file <close> = assert(io.open(jeton.args.file, "a"))
file:write(json.encode { environment = seen, slot = jeton.job.slot, clock = os.date "%H:%M" }, "\\n")
print "hello from the job"
"""
SENDMAIL = """\
#!/bin/sh
cat >"{folder}/mail.$$.part" && mv "{folder}/mail.$$.part" "{folder}/mail.$$"
"""


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def enter():
    """Makes the namespace and starts this file in it; or exits as skipped."""
    needed = [program for program in ("unshare", "cron", "crontab") if shutil.which(program) is None]
    if os.geteuid() != 0 or needed or not faketime.library():
        print(f"skipped: needs root, cron and libfaketime (missing: {needed})")
        sys.exit(SKIPPED)
    probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    if probe.returncode != 0:
        print("skipped: no mount namespaces here")
        sys.exit(SKIPPED)
    os.environ[IN_NAMESPACE] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


class RealCron(Case):
    def setUp(self):
        super().setUp()
        self.layers = tempfile.mkdtemp(prefix="jeton-cron-")
        self.addCleanup(shutil.rmtree, self.layers, ignore_errors=True)
        self.mail = os.path.join(self.folder, "mail")
        os.mkdir(self.mail)
        for name in ("etc", "sbin"):
            os.mkdir(os.path.join(self.layers, name))
        os.symlink("/usr/share/zoneinfo/Asia/Kathmandu", os.path.join(self.layers, "etc/localtime"))
        with open(os.path.join(self.layers, "etc/crontab"), "w", encoding="utf-8"):
            pass
        sendmail = os.path.join(self.layers, "sbin/sendmail")
        with open(sendmail, "w", encoding="utf-8") as script:
            script.write(SENDMAIL.format(folder=self.mail))
        os.chmod(sendmail, 0o755)
        for folder in ("/var/spool/cron", "/run"):
            mount("-t", "tmpfs", "none", folder)
            self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        spool = "/var/spool/cron/crontabs"
        os.mkdir(spool)
        os.chmod(spool, 0o1730)
        for folder, layer in (("/etc", "etc"), ("/usr/sbin", "sbin")):
            try:
                mount("-t", "overlay", "overlay", "-o", f"lowerdir={self.layers}/{layer}:{folder}", folder)
            except subprocess.CalledProcessError as error:
                self.skipTest(f"no overlay of {folder}: {error.stderr}")
            self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        mount("-t", "tmpfs", "none", "/etc/cron.d")
        self.addCleanup(subprocess.run, ["umount", "-l", "/etc/cron.d"], check=False)
        self.env.pop("TZ", None)
        self.clock = {"LD_PRELOAD": faketime.library(), "FAKETIME": f"@{START}", "FAKETIME_FMT": "%s"}
        if SANITIZED:
            self.clock["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"
        self.write("report.lua", REPORT)

    def crontab(self, *arguments, **options):
        return subprocess.run(["crontab", *arguments], capture_output=True, check=False, env=self.env, **options)

    def lines(self, name):
        """What the job has written so far."""
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def start_cron(self):
        process = subprocess.Popen(["cron", "-f"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**self.env, **self.clock})

        def stop():
            process.terminate()
            process.wait()
        self.addCleanup(stop)
        return process

    def test_runs_what_is_due(self):
        # Variables of the crontab come to the jobs: here their clock, too, which starts with each process.
        clock = {**self.clock, "FAKETIME": f"@{START + 5}"}
        head = "".join(f"{name}={value}\n" for name, value in clock.items()).encode() + b"GREETING=hello\n"
        former = head + FORMER.replace(b'MAILTO=""', b"MAILTO=ops@example.org")
        self.assertEqual(self.crontab("-", input=former).returncode, 0)
        former = self.crontab("-l").stdout
        self.write("it's 100% odd/jeton.yaml", f"""\
version: 1
state: {self.state}
jobs:
  minutely: {{ script: ../report.lua, schedule: "* * * * *", args: {{ file: {self.folder}/minutely }} }}
  paris: {{ script: ../report.lua, schedule: "30 8 * * *", timezone: Europe/Paris, args: {{ file: {self.folder}/paris }} }}
  later: {{ script: ../report.lua, schedule: "31 9 * * *", timezone: Europe/Paris, args: {{ file: {self.folder}/later }} }}
  boot: {{ script: ../report.lua, schedule: "@reboot", args: {{ file: {self.folder}/boot }} }}
""")
        config = os.path.join(self.folder, "it's 100% odd/jeton.yaml")
        self.ok("-c", config, "cron", "install", env=self.clock)
        installed = self.crontab("-l").stdout.decode()
        self.assertIn("\n15 12,13 * * * /usr/bin/env TZ=:/etc/localtime '", installed)  # 08:30 in Paris, summer and winter
        self.start_cron()
        wait_until(lambda: self.lines("minutely") and self.lines("paris") and self.lines("boot"), PATIENCE_S)

        paris = self.lines("paris")
        self.assertEqual([run["slot"] for run in paris], [START + 3])
        self.assertEqual(paris[0]["clock"], "12:15")  # the script's local time is the system's
        self.assertEqual(paris[0]["environment"], {
            "HOME": "/root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "LOGNAME": "root", "GREETING": "hello",
            "TZ": ":/etc/localtime"})
        self.assertEqual(self.lines("minutely")[0]["slot"], START + 3)
        self.assertEqual(len(self.lines("boot")), 1)
        self.assertEqual(self.lines("later"), [])

        # What a job prints is mailed; one that is not due says nothing.
        wait_until(lambda: len([name for name in os.listdir(self.mail) if not name.endswith(".part")]) >= 3, PATIENCE_S)
        for name in os.listdir(self.mail):
            with open(os.path.join(self.mail, name), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("To: ops@example.org", text)
            self.assertTrue(text.endswith("\n\nhello from the job\n"), text)

        self.ok("-c", config, "cron", "remove", env=self.clock)
        self.assertEqual(self.crontab("-l").stdout, former)

    def test_crontab_is_as_before(self):
        """Through the real command: none at all before, an empty one, and one of the user's own."""
        self.configure("https://kaizala.example.org/v1")
        with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as config:
            # With `*` at the beginning of lists, as another zone may need.
            config.write("jobs:\n  a: { script: report.lua, schedule: '30 */24,2,3 */31,5 * */7,1' }\n"
                         "  b: { script: report.lua, schedule: '7-59/13 1 1 feb-jun sat-sun' }\n")
        self.ok("cron", "install")
        self.assertEqual(self.crontab("-l").stdout.count(b"--scheduled\n"), 2)
        self.ok("cron", "remove")
        self.assertIn(b"no crontab", self.crontab("-l").stderr)

        self.assertEqual(self.crontab("-", input=b"").returncode, 0)
        for _ in range(2):
            self.ok("cron", "install")
        self.ok("cron", "remove")
        self.assertEqual((self.crontab("-l").returncode, self.crontab("-l").stdout), (0, b""))

        self.assertEqual(self.crontab("-", input=FORMER).returncode, 0)
        self.ok("cron", "install")
        self.ok("cron", "remove")
        self.assertEqual(self.crontab("-l").stdout, FORMER)
        self.assertEqual(stat.S_IMODE(os.stat("/var/spool/cron/crontabs/root").st_mode), 0o600)


if __name__ == "__main__":
    if IN_NAMESPACE not in os.environ:
        enter()
    unittest.main()
