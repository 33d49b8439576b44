#!/usr/bin/env python3
"""`jeton cron install` and `remove` change their own block of a crontab and nothing else.

The crontab is a file that a `crontab` of this test's own keeps; the real one is in test_cron_real.py.
"""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import unittest

from support import JETON, PATIENCE, Case, wait_until

CRONTAB = """\
#!/bin/sh
# Keeps one crontab in a file, and a count of what was written.
file=$FAKE_CRONTAB
case ${1-} in
-l) if [ -n "${FAKE_WAITS-}" ]; then
     : >"$FAKE_WAITS.waits"; until [ -e "$FAKE_WAITS" ]; do sleep 0.05; done
   fi
   if [ -e "$file" ]; then cat "$file"; else echo "${FAKE_NONE-no crontab for tester}" >&2; exit 1; fi ;;
-r) rm "$file"; echo r >>"$file.calls" ;;
-) [ -z "${FAKE_REFUSES-}" ] || { echo '"-":3: bad minute' >&2; exit 1; }
   if [ -n "${FAKE_FORGETS-}" ]; then cat >/dev/null; else cat >"$file"; fi; echo w >>"$file.calls" ;;
*) echo "usage" >&2; exit 2 ;;
esac
"""
JOBS = """\
version: 1
state: {state}
jobs:
  report: {{ script: report.lua, schedule: "0 12 * * 1-5" }}
  nightly: {{ script: report.lua, schedule: "15 3 * * *", timezone: UTC, catch_up: true }}
  by-hand: {{ script: report.lua }}
"""
FORMER = b"MAILTO=ops@example.org\n# jobs of mine\n\n5 4 * * * true  # trailing blanks  \n\t\xff\xfe not UTF-8\n"


class Crontab(Case):
    def setUp(self):
        super().setUp()
        self.crontab = os.path.join(self.folder, "crontab.txt")
        self.write("bin/crontab", CRONTAB, 0o700)
        self.env.update(PATH=os.path.join(self.folder, "bin") + ":" + self.env["PATH"], FAKE_CRONTAB=self.crontab)
        self.write("report.lua", "print 'hello'\n")
        self.config = self.write("jeton.yaml", JOBS.format(state=self.state))

    def put(self, text):
        with open(self.crontab, "wb") as file:
            file.write(text)

    def get(self):
        with open(self.crontab, "rb") as file:
            return file.read()

    def writes(self):
        try:
            with open(self.crontab + ".calls", encoding="utf-8") as calls:
                return len(calls.readlines())
        except FileNotFoundError:
            return 0

    def installed(self):
        """Names of the jobs whose installation the store knows."""
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        self.addCleanup(database.close)
        rows = database.execute("SELECT scope, installed_ms FROM job WHERE installed_ms IS NOT NULL")
        return {scope.split(":")[1]: installed for scope, installed in rows}

    def shown(self, *options):
        return self.ok(*options, "cron", "show").stdout.encode()

    def test_round_trip(self):
        for former in (FORMER, FORMER.rstrip(b"\n"), b"", b"\n", b"\n\n", b"* * * * * x", b"a\r\nb\r\n"):
            with self.subTest(former=former):
                self.put(former)
                self.ok("cron", "install")
                text = self.get()
                self.assertTrue(text.startswith(former))
                self.assertTrue(text.endswith(b"\n"))
                self.assertGreaterEqual(text.count(b"--scheduled\n"), 3)
                self.ok("cron", "install")
                self.assertEqual(self.get(), text)
                self.ok("cron", "remove")
                self.assertEqual(self.get(), former)

    def test_no_crontab_before(self):
        self.ok("cron", "install")
        self.assertEqual(self.get(), self.shown())
        self.ok("cron", "remove")
        self.assertFalse(os.path.exists(self.crontab))
        self.ok("cron", "remove")
        self.assertFalse(os.path.exists(self.crontab))

    def named(self, name):
        """The same configuration with a name; its block as it is shown."""
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(JOBS.format(state=self.state).replace("version: 1", f"version: 1\nname: {name}"))
        shown = self.shown()
        self.assertTrue(shown.startswith(f"# >>> jeton name {name}\n".encode()))
        self.assertTrue(shown.endswith(f"# <<< jeton name {name}\n".encode()))
        return shown

    def test_a_name_takes_over_the_block_of_the_path(self):
        self.put(FORMER)
        self.ok("cron", "install")
        self.put(self.get() + b"1 1 * * * after\n")
        by_path, since = self.shown(), self.installed()
        shown = self.named("shop")
        self.ok("cron", "install")
        self.assertEqual(self.get(), FORMER + shown + b"1 1 * * * after\n")
        self.assertEqual(self.installed(), since)  # and the jobs count as installed since then
        self.put(by_path + self.get())  # a program of before wrote its block again
        self.ok("cron", "install")
        self.assertEqual(self.get(), FORMER + shown + b"1 1 * * * after\n")
        self.ok("cron", "remove")
        self.assertEqual(self.get(), FORMER + b"1 1 * * * after\n")

    def test_a_named_block_belongs_to_its_name(self):
        """Another path of the name has the same block; another name, which begins alike, its own."""
        self.put(FORMER)
        first = self.named("shop")
        self.ok("cron", "install")
        os.rename(self.config, os.path.join(self.folder, "moved.yaml"))
        done = self.ok("-c", "moved.yaml", "cron", "install")
        self.assertNotIn("does not exist", done.stderr)
        moved = first.replace(b"/jeton.yaml'", b"/moved.yaml'")
        self.assertEqual(self.get(), FORMER + moved)
        second = self.named("shop-2")
        self.ok("cron", "install")
        self.assertEqual(self.get(), FORMER + moved + second)
        self.ok("-c", "moved.yaml", "cron", "remove")
        self.assertEqual(self.get(), FORMER + second)

    def test_another_name_takes_over_the_block_of_the_former_one(self):
        """Its lines run this configuration: they would run the jobs of a block that was removed."""
        self.put(FORMER)
        former = self.named("shop")
        self.ok("cron", "install")
        self.put(self.get() + b"1 1 * * * after\n")
        block = self.named("store")
        self.ok("cron", "install")
        self.assertEqual(self.get(), FORMER + block + b"1 1 * * * after\n")
        self.assertNotIn("block", self.ok("check").stdout)
        self.put(self.get() + former)  # as a jeton of before left it there
        self.assertIn("a second block of this configuration, 'name shop'", self.ok("check").stdout)
        self.put(FORMER + former + b"1 2 * * * between\n" + block + former.replace(b"shop", b"shoe"))
        self.ok("cron", "install")
        self.assertEqual(self.get(), FORMER + b"1 2 * * * between\n" + block)
        self.put(FORMER + former)
        self.write("jeton.yaml", JOBS.format(state=self.state))  # and none
        shown = self.shown()
        self.ok("cron", "install")
        self.assertEqual(self.get(), FORMER + shown)
        self.put(FORMER + former)
        self.ok("cron", "remove")
        self.assertEqual(self.get(), FORMER)

    def test_the_name_s_block_runs_another_path(self):
        """As after a new release into another folder; a link to the same file is none."""
        self.named("shop")
        self.ok("cron", "install")
        os.symlink("jeton.yaml", os.path.join(self.folder, "link.yaml"))
        self.assertNotIn("the block", self.ok("-c", "link.yaml", "check").stdout)
        self.write("new it's 5%/report.lua", "")
        shutil.copy(self.config, os.path.join(self.folder, "new it's 5%/jeton.yaml"))
        new, says = "new it's 5%/jeton.yaml", "the block in the crontab runs the jobs of "
        self.assertIn(says, self.ok("-c", new, "check").stdout)
        self.ok("-c", new, "cron", "install")
        self.assertNotIn(says, self.ok("-c", new, "check").stdout)
        self.assertIn(f"{says}{os.path.realpath(self.folder)}/{new};", self.ok("check").stdout)
        shutil.rmtree(os.path.join(self.folder, "new it's 5%"))
        other = self.write("other.yaml", JOBS.format(state=self.state).replace("version: 1", "version: 1\nname: other"))
        self.assertIn(f"a block of {os.path.realpath(self.folder)}/{new}, a configuration that does not exist",
                      self.ok("-c", other, "cron", "install").stderr)

    def test_the_block_of_a_path_that_is_gone(self):
        self.ok("cron", "install")
        os.rename(self.config, os.path.join(self.folder, "moved.yaml"))
        says = f"the crontab has a block of {os.path.realpath(self.folder)}/jeton.yaml, a configuration that does not exist"
        self.assertIn(says, self.ok("-c", "moved.yaml", "cron", "install").stderr)
        self.assertIn(says, self.ok("-c", "moved.yaml", "check").stdout)
        self.ok("-c", "moved.yaml", "cron", "remove")

    def test_in_its_place(self):
        """A block that is there stays where it is, with what comes after it."""
        self.put(FORMER)
        self.ok("cron", "install")
        self.put(self.get() + b"1 1 * * * after")
        with open(self.config, "a", encoding="utf-8") as config:
            config.write('  more: { script: report.lua, schedule: "@hourly" }\n')
        self.ok("cron", "install")
        self.assertEqual(self.get(), FORMER + self.shown() + b"1 1 * * * after")
        self.assertIn(b"run --job more --scheduled\n", self.get())
        self.ok("cron", "remove")
        self.assertEqual(self.get(), FORMER + b"1 1 * * * after")

    def test_line_without_end_and_one_added_later(self):
        self.put(b"1 1 * * * x")
        self.ok("cron", "install")
        self.put(self.get() + b"2 2 * * * y\n")
        self.ok("cron", "remove")
        self.assertEqual(self.get(), b"1 1 * * * x\n2 2 * * * y\n")

    def test_idempotent_and_backed_up(self):
        self.put(FORMER)
        self.ok("cron", "install")
        backup = os.path.join(self.state, "crontab.bak")
        with open(backup, "rb") as file:
            self.assertEqual(file.read(), FORMER)
        self.assertEqual(stat.S_IMODE(os.stat(backup).st_mode), 0o600)
        self.assertEqual(self.writes(), 1)
        done = self.ok("cron", "install")
        self.assertIn("already installed", done.stderr)
        self.assertEqual(self.writes(), 1)
        with open(backup, "rb") as file:
            self.assertEqual(file.read(), FORMER)

    def test_two_configurations(self):
        other = self.write("other/jeton.yaml", JOBS.format(state=self.state + "2"))
        self.write("other/report.lua", "print 'hello'\n")
        self.put(FORMER)
        self.ok("cron", "install")
        self.ok("-c", other, "cron", "install")
        self.assertEqual(self.get(), FORMER + self.shown() + self.shown("-c", other))
        self.ok("cron", "remove")
        self.assertEqual(self.get(), FORMER + self.shown("-c", other))
        self.ok("-c", "other/../other/jeton.yaml", "cron", "remove")
        self.assertEqual(self.get(), FORMER)

    def test_two_at_one_moment(self):
        """Whoever comes second reads what the first one wrote, whatever its state folder."""
        other = self.write("other/jeton.yaml", JOBS.format(state=self.state + "2"))
        self.write("other/report.lua", "print 'hello'\n")
        self.put(FORMER)
        first = self.start("cron", "install", env={"FAKE_WAITS": self.folder + "/go"})
        wait_until(lambda: os.path.exists(self.folder + "/go.waits"), 60)
        second = self.start("-c", other, "cron", "install")
        self.assertIn(b"another jeton is changing the crontab", second.stderr.readline())
        self.write("go", "")
        self.finish_all([first, second])
        self.assertEqual(self.get(), FORMER + self.shown() + self.shown("-c", other))

    def test_damaged_markers(self):
        self.ok("cron", "install")
        block = self.get()
        begin, end = block.splitlines(True)[0], block.splitlines(True)[-1]
        cases = {
            b"a\n" + block[:-len(end)]: "has no last line",
            b"a\n" + block[len(begin):]: "line 8: the block ends without a beginning",
            block + block: "begins twice",
            begin + block: "line 2: the block begins twice",
            begin + b"# >>> jeton /elsewhere.yaml\n" + end: "line 2: another block is inside",
        }
        for text, says in cases.items():
            with self.subTest(says=says):
                self.put(text)
                for verb in ("install", "remove"):
                    self.fails(3, "cron", verb, says=[says, "crontab -e"])
                    self.assertEqual(self.get(), text)

    def test_a_block_with_other_line_ends_is_replaced(self):
        """Its lines do not run; a second block beside it would be in the way for ever."""
        self.put(FORMER)
        self.ok("cron", "install")
        block = self.get()[len(FORMER):]
        for verb, after in ("install", block), ("remove", b""):
            self.put(FORMER + block.replace(b"\n", b"\r\n"))
            self.ok("cron", verb)
            self.assertEqual(self.get(), FORMER + after)

    def test_a_folder_that_no_script_runs_in(self):
        """Each run would end with the error that the installation has."""
        self.put(FORMER)
        for place in ("a;b", "a?b", "linked"):
            with self.subTest(place):
                if place == "linked":
                    os.symlink("a;b/report.lua", os.path.join(self.folder, "linked.lua"))
                script = "linked.lua" if place == "linked" else self.write(f"{place}/report.lua", "print 'hello'\n")
                self.write("jeton.yaml", JOBS.format(state=self.state).replace("report.lua", json.dumps(script)))
                says = "the path of a script's folder must not contain ';' or '?'"
                self.fails(3, "run", "--job", "report", says=says)
                self.fails(3, "cron", "install", says=["job 'report'", says])
                self.assertEqual(self.get(), FORMER)
        script = json.dumps(self.write("%a 'b' & #c/report;1.lua", "print 'hello'\n"))
        self.write("jeton.yaml", JOBS.format(state=self.state).replace("report.lua", script))
        self.ok("run", "--job", "report")
        self.ok("cron", "install")

    def test_refused(self):
        """What the crontab command says is passed on; nothing is noted."""
        self.put(FORMER)
        self.fails(3, "cron", "install", says='"-":3: bad minute', env={"FAKE_REFUSES": "1"})
        self.assertEqual(self.get(), FORMER)
        self.fails(3, "cron", "install", says="does not show the new crontab", env={"FAKE_FORGETS": "1"})
        self.assertFalse(os.path.exists(os.path.join(self.state, "jeton.db")))

    def test_the_name_of_an_open_file(self):
        """Another process has another file by that name, or none."""
        for words in (["cron", "install"], *(["cron", "show", "--format", name] for name in ("crontab", "systemd", "kubernetes"))):
            for path, redirect in (("/dev/fd/7", "7< jeton.yaml"), ("/dev/stdin", "< jeton.yaml")):
                with self.subTest(words=words, path=path):
                    done = subprocess.run(["sh", "-c", f'"$0" -c {path} "$@" {redirect}', JETON, *words], capture_output=True,
                                          text=True, env=self.env, cwd=self.folder, timeout=PATIENCE, check=False)
                    self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)
                    self.assertIn(f"{path} is the name of a file that this process has open", done.stderr)
        self.assertFalse(os.path.exists(self.crontab))

    def test_only_a_crontab_that_is_not_there_is_none(self):
        for says in ("crontab: can't open 'tester': No such file or directory", "no crontab for tester"):
            with self.subTest(says):
                self.ok("cron", "install", env={"FAKE_NONE": says})
                os.remove(self.crontab)
        says = "crontab: /opt/site/helper: No such file or directory"  # a wrapper's
        self.fails(3, "cron", "install", says=["'crontab -l' ended with status 1", says], env={"FAKE_NONE": says})
        self.assertFalse(os.path.exists(self.crontab))

    def test_more_than_a_crontab_may_have_is_not_written(self):
        line = b"# " + b"x" * 4093 + b"\n"  # long ones: AddressSanitizer reads on to the text's end for each
        former = line * (4 * 1024 * 1024 // len(line) - 1) + b"# " + b"x" * 4000 + b"\n5 4 * * * true\n"
        self.put(former)
        self.assertRegex(self.fails(3, "cron", "install").stderr, "the crontab would have [0-9]+ bytes, and may have 4194304")
        self.assertEqual(self.get(), former)
        self.assertEqual(self.writes(), 0)

    def test_installation_is_noted(self):
        self.ok("cron", "install")
        first = self.installed()
        self.assertEqual(set(first), {"report", "nightly"})
        with open(self.config, "a", encoding="utf-8") as config:
            config.write('  more: { script: report.lua, schedule: "@hourly" }\n')
        self.ok("cron", "install")
        second = self.installed()
        self.assertEqual({name: second[name] for name in first}, first)
        self.assertGreater(second["more"], first["report"])
        self.ok("cron", "remove")
        self.assertEqual(self.installed(), {})
        self.ok("cron", "install")
        self.assertGreater(self.installed()["report"], first["report"])

    def test_times_of_before_are_seen_by_check(self):
        stale = "warning: the crontab is out of date"
        self.assertNotIn(stale, self.ok("check").stdout)
        self.assertFalse(os.path.exists(self.state))  # it makes none
        self.ok("cron", "install")
        self.assertNotIn(stale, self.ok("check").stdout)
        self.write("jeton.yaml", JOBS.format(state=self.state).replace("0 12", "0 13"))
        self.assertIn(stale, self.ok("check").stdout)
        problem, = json.loads(self.ok("check", "--json").stdout)["problems"]
        self.assertEqual(problem["severity"], "warning")
        self.ok("cron", "install")
        self.assertNotIn(stale, self.ok("check").stdout)
        self.write("jeton.yaml", JOBS.format(state=self.state))
        self.ok("cron", "remove")
        self.assertNotIn(stale, self.ok("check").stdout)

    def test_no_scheduled_job_left(self):
        self.put(FORMER)
        self.ok("cron", "install")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs: {{ x: {{ script: report.lua }} }}\n")
        self.assertIn("no job", self.ok("cron", "install").stderr)
        self.assertEqual(self.get(), FORMER)

    def test_variables_that_cron_lacks(self):
        connector = """\
connectors:
  contoso:
    provider: kaizala
    token_service: https://kaizala.example.org/v1
    application_id: { env: CONTOSO_ID }
    application_secret: { credential: contoso }
    refresh_token: { env: CONTOSO_TOKEN }
"""
        self.write("jeton.yaml", JOBS.format(state=self.state) + connector)
        self.put(b"CONTOSO_TOKEN = x\n")
        done = self.ok("cron", "install")
        self.assertIn("application_id of connector 'contoso' comes from the variable CONTOSO_ID", done.stderr)
        self.assertIn("credential of systemd", done.stderr)
        self.assertNotIn("CONTOSO_TOKEN", done.stderr)

    def test_zone_of_a_shell(self):
        done = self.ok("cron", "install", env={"TZ": "XYZ-3:15"})
        self.assertIn("job 'report' has no timezone", done.stderr)
        self.assertIn("TZ=XYZ-3:15", done.stderr)
        self.assertEqual(self.shown("-q"), self.ok("cron", "show", env={"TZ": "XYZ-3:15"}).stdout.encode())

    def test_a_line_means_the_same_below_any_other(self):
        """As cron starts it, whatever the crontab has above the block."""
        self.write("jeton.yaml", f"version: 1\njobs: {{ x: {{ script: report.lua, schedule: '* * * * *' }} }}\n")
        self.put(b"TZ=America/New_York\nHOME=/nowhere\nXDG_STATE_HOME=/nowhere\n")
        self.ok("cron", "install")
        command = self.get().decode().splitlines()[-2].split(" ", 5)[5]
        env = {**self.env, "TZ": "America/New_York", "HOME": "/nowhere", "XDG_STATE_HOME": "/nowhere"}
        for shell in ("sh", "bash"):
            done = subprocess.run([shell, "-c", command.replace("--scheduled", "--scheduled; date +%Z")], env=env,
                                  cwd=self.folder, capture_output=True, text=True, check=True)
            self.assertIn(done.stdout, ("hello\nEST\n", "hello\nEDT\n", "EST\n", "EDT\n"))  # the shell's is as it was
        self.assertEqual({run["exit"] for run in json.loads(self.ok("history", "--json").stdout)}, {0})

    def test_the_local_time_of_a_script_is_the_systems(self):
        """Also where the job has a timezone, which is the schedule's: TZ= above the block does not change it."""
        self.write("report.lua", "print(os.getenv 'TZ')")
        for timezone in ("", ", timezone: Asia/Kathmandu"):
            self.write("jeton.yaml",
                       f"version: 1\njobs: {{ x: {{ script: report.lua, schedule: '* * * * *'{timezone} }} }}\n")
            self.put(b"TZ=America/New_York\n")
            self.ok("cron", "install")
            command = self.get().decode().splitlines()[-2].split(" ", 5)[5].replace("--scheduled", "")
            done = subprocess.run(["sh", "-c", command], env={**self.env, "TZ": "America/New_York"}, cwd=self.folder,
                                  capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout, ":/etc/localtime\n")
            service = self.ok("cron", "show", "--format", "systemd").stdout
            self.assertIn("ExecStart=/usr/bin/env TZ=:/etc/localtime ", service)

    def test_what_stands_above(self):
        """Is told by install, and by check, which reads the crontab only where a block was installed."""
        cases = {
            b"CRON_TZ=Asia/Kathmandu": "CRON_TZ=Asia/Kathmandu stands above", b" CRON_TZ = 'No/Where' ": "CRON_TZ=No/Where",
            b"CRON_TZ=Asia/Kathmandu\nCRON_TZ=": None, b"#CRON_TZ=Asia/Kathmandu": None,
            b"0 1 * * * CRON_TZ=Asia/Kathmandu x": None, b"RANDOM_DELAY=45": "RANDOM_DELAY=45 stands above",
            b'"RANDOM_DELAY" = "6"': "RANDOM_DELAY=6", b"RANDOM_DELAY=4": None, b"SHELL=/bin/false": "SHELL=/bin/false",
            b"SHELL=/bin/sh": None, b"HOME=/srv/jobs": "HOME=/srv/jobs", b"MAILTO=": "an empty MAILTO",
            b'MAILTO=""': "job 'report' fails", b"MAILTO=me": None, b"PATH=/opt/bin": None, b"TZ=Asia/Kathmandu": None,
        }
        for line, says in cases.items():
            with self.subTest(line=line):
                self.put(line + b"\n")
                for said in (self.ok("cron", "install").stderr, self.ok("check").stdout):
                    self.assertEqual("above the block" in said, says is not None, said)
                    self.assertIn(says or "", said)
                self.put(self.get()[len(line) + 1:] + line + b"\n")  # below it
                self.assertNotIn("above the block", self.ok("check").stdout)
                self.ok("cron", "remove")
                self.assertNotIn("above the block", self.ok("check").stdout)

    def test_a_block_that_is_gone(self):
        self.ok("cron", "install")
        self.put(FORMER)
        self.assertIn("the crontab has lost the block", self.ok("check").stdout)

    def test_a_zone_that_is_none(self):
        """glibc takes UTC, and says nothing."""
        for zone in ("Asia/Kolkatta", ":Asia/Kolkatta", "/usr/share/zoneinfo/Asia/Kolkatta", "Asia", "../UTC"):
            says, env = f"job 'report' has no timezone, and TZ={zone} names no time zone", {"TZ": zone}
            self.assertIn(says, self.ok("check", env=env).stdout)
            self.assertIn(says, self.ok("cron", "install", env=env).stderr)
            self.assertIn(says, self.ok("run", "--job", "report", "--scheduled", env=env).stderr)
        self.assertNotIn("no timezone", self.ok("run", "--job", "nightly", "--scheduled", env=env).stderr)
        for zone in ("Asia/Kolkata", ":Asia/Kolkata", "/usr/share/zoneinfo/Asia/Kolkata", "", "UTC", "EST5EDT",
                     "CET-1CEST,M3.5.0,M10.5.0/3", "<+0545>-5:45"):
            self.assertNotIn("no time zone", self.ok("check", env={"TZ": zone}).stdout)

    def test_a_zone_of_the_scripts_that_is_none(self):
        self.write("h.lua", "return {}")
        for zone, bad in (("Asia/Kolkatta", True), ("Asia/Kolkata", False), ("CET-1CEST", False)):
            self.write("jeton.yaml", f"""\
version: 1
jobs:
  x: {{script: report.lua, environment: {{A: b, TZ: {zone}}}}}
webhooks:
  h: {{script: h.lua, from: github, secret: sesame-sesame, environment: {{TZ: {zone}}}}}
""")
            said = self.ok("check").stdout
            for place in ("jeton.yaml:3:51: warning: environment of job 'x'",
                          "jeton.yaml:5:77: warning: environment of webhook 'h'"):
                self.assertEqual(f"{place}: TZ={zone} names no time zone of" in said, bad, said)

    def test_state_of_a_login(self):
        self.write("jeton.yaml", "version: 1\njobs:\n  x: { script: report.lua, schedule: '0 12 * * *' }\n")
        home = self.env["XDG_STATE_HOME"]
        self.ok("cron", "install")
        self.assertIn(f"0 12 * * * /usr/bin/env TZ=:/etc/localtime XDG_STATE_HOME='{home}' '/".encode(), self.get())
        # Without the variable it is in the home: a crontab may set another.
        self.env.pop("XDG_STATE_HOME")
        self.ok("cron", "install")
        self.assertIn(f"XDG_STATE_HOME='{self.folder}/.local/state'".encode(), self.get())


if __name__ == "__main__":
    unittest.main()
