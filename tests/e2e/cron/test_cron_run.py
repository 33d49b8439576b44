"""`jeton cron run`: due jobs run, once; signals, steps of the clock, and what is left of killed ones."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import support
from jobs import WAITS, JobCase, is_alive
from support import JETON, end_process, wait_until

DAY_MS = 1767571200 * 1000  # midnight of 2026-01-05, UTC
MINUTE_MS = 60000
LONG = 60  # what is waited for comes far sooner; machines may be busy


class Scheduler:
    """`jeton -v cron run` with a wall clock that can be set."""

    def __init__(self, case, *options, at="08:00:05", env=None, before=()):
        self.case = case
        self.log = case.path(f"log.{len(case.schedulers)}")
        self.clock = case.path(f"clock.{len(case.schedulers)}")
        case.schedulers.append(self)
        fake = case.faketime("")
        del fake["FAKETIME"]
        self.set_clock(at)
        fake["JETON_CORE"] = "1"  # to look into its /proc without being root
        fake.update(FAKETIME_TIMESTAMP_FILE=self.clock, FAKETIME_NO_CACHE="1", **(env or {}))
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*before, JETON, "-v", "cron", "run", *options], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, env={**case.env, **fake}, cwd=case.folder, start_new_session=True)
        case.addCleanup(end_process, self.process)

    def set_clock(self, moment, day="2026-01-05"):
        with open(self.clock + ".new", "w", encoding="utf-8") as file:
            file.write(f"@{day} {moment}\n")
        os.rename(self.clock + ".new", self.clock)

    def since_its_start(self, now):
        """What to set the clock to for this time now: a time that is set counts from the start of the process."""
        then = time.strptime(now, "%H:%M:%S")
        passed = int(time.monotonic() - self.started)
        return time.strftime("%H:%M:%S", time.gmtime(then.tm_hour * 3600 + then.tm_min * 60 + then.tm_sec - passed))

    def text(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def wait_said(self, pattern, times=1):
        """Until its log has so many matches; their texts."""
        found = []

        def said():
            found[:] = re.findall(pattern, self.text())
            return len(found) >= times
        try:
            wait_until(said, LONG)
        except AssertionError:
            raise AssertionError(f"not said {times}×: {pattern}\n{self.text()}") from None
        return found

    def look(self):
        """Has it look at the clock at once (the next time by itself is within a minute)."""
        looked = len(re.findall("configuration reloaded|the previous configuration", self.text()))
        self.process.send_signal(signal.SIGHUP)
        self.wait_said("configuration reloaded|the previous configuration", looked + 1)

    def end(self, status=0):
        self.process.terminate()
        self.ended(status)

    def ended(self, status=0):
        self.case.assertEqual(self.process.wait(LONG), status, self.text())
        self.case.assertNotIn("Sanitizer", self.text())


class CronRun(JobCase):
    def setUp(self):
        super().setUp()
        self.schedulers = []

    def faketime(self, when):
        """Without LeakSanitizer, whose thread now and then waits for ever below libfaketime."""
        env = super().faketime(when)
        env["ASAN_OPTIONS"] += ":detect_leaks=0"
        return env

    def jobs(self, **jobs):
        """Each a script and the job's keys. Their files are replaced as an editor does it."""
        lines = [f"version: 1\nstate: {self.state}\njobs:\n"]
        for name, (script, keys) in jobs.items():
            self.write(name + ".lua", script)
            lines.append(f"  {name}:\n    script: {name}.lua\n")
            lines += [f"    {key}: {json.dumps(value)}\n" for key, value in keys.items()]
        self.write("jeton.yaml.new", "".join(lines))
        os.rename(self.path("jeton.yaml.new"), self.path("jeton.yaml"))

    def installed(self, *names):
        """The jobs are known since before eight, at a time when none was due."""
        for name in names:
            self.run_job("--scheduled", name=name, env=self.faketime("@2026-01-05 07:06:30"))

    def one_job(self, script, **keys):
        self.jobs(job=(script, {"schedule": "*/10 * * * *", **keys}))
        self.installed("job")

    def schedule(self, *options, **more):
        return Scheduler(self, *options, **more)

    def slots(self, job=None):
        """Of all runs, the oldest first, in minutes after midnight."""
        return [(row["slot_ms"] - DAY_MS) / MINUTE_MS for row in self.rows() if job in (None, row["job"])]

    def wait_ended(self, count):
        """Until so many attempts have ended, and all have."""
        def ended():
            try:
                return len([row for row in self.rows() if row["ended_ms"]]) >= count
            except sqlite3.OperationalError:  # it is being made
                return False
        try:
            wait_until(ended, LONG)
        except AssertionError:
            raise AssertionError("\n".join([f"{count} attempts have not ended", *map(str, self.rows()),
                                            *(scheduler.text() for scheduler in self.schedulers)])) from None

    def wait_waits(self, name="began"):
        self.wait_for(name, LONG)


BEGUN = """
local function begin(name) assert(io.open(name, "w")):close() end
"""
UNTIL_TOLD = WAITS + BEGUN + "begin 'began' wait_for 'go'"
FOR_EVER = WAITS + BEGUN + "begin 'began' wait_for 'never'"


class Times(CronRun):
    def test_it_waits_for_the_slot_and_runs_the_job_once(self):
        self.jobs(job=("print('ran at ' .. require 'jeton'.job.slot)", {"schedule": "0 8 * * *"}))
        self.installed("job")
        scheduler = self.schedule(at="07:59:57")
        scheduler.wait_said("1 scheduled job")
        self.wait_ended(1)
        self.assertGreaterEqual(self.row()["started_ms"], self.row()["slot_ms"])
        self.assertEqual(self.slots(), [480])
        scheduler.end()
        self.assertIn(f"ran at {DAY_MS // 1000 + 8 * 3600}\n", scheduler.text())
        self.assertEqual(len(self.rows()), 1)

    def test_minute_by_minute(self):
        """It looks at the clock two seconds before each slot, and waits for that by itself."""
        self.jobs(job=("", {"schedule": "* * * * *"}))
        scheduler = self.schedule(at="08:00:58")
        self.wait_ended(1)
        for minute in (1, 2):
            scheduler.set_clock(scheduler.since_its_start(f"08:0{minute}:58"))
            scheduler.look()
            self.wait_ended(minute + 1)
        scheduler.end()
        slots = self.slots()
        self.assertEqual(slots, [481, 482, 483])
        for row in self.rows():
            self.assertGreaterEqual(row["started_ms"], row["slot_ms"])

    def test_one_seen_for_the_first_time_has_missed_nothing(self):
        self.jobs(job=("", {"schedule": "0 8 * * *", "catch_up": True}), other=("", {"schedule": "0 8 * * *"}))
        scheduler = self.schedule()
        scheduler.wait_said("'other': next 2026-01-06T08:00:00")
        scheduler.end()
        self.assertEqual(self.rows(), [])
        self.assertEqual([row["installed_ms"] // MINUTE_MS * MINUTE_MS for row in self.query("SELECT * FROM job")],
                         [DAY_MS + 480 * MINUTE_MS] * 2)

    def test_missed_while_nothing_ran(self):
        self.jobs(late=("", {"schedule": "0 7-8 * * *"}), caught=("", {"schedule": "0 8 * * *", "catch_up": True}),
                  missed=("", {"schedule": "0 8 * * *"}))
        self.installed("caught", "missed")
        scheduler = self.schedule(at="17:00:00")
        self.wait_ended(1)
        scheduler.end()
        self.assertEqual([row["job"] for row in self.rows()], ["caught"])

    def test_steps_of_the_clock_wake_it(self):
        """A timer of the wall clock that the kernel cancels when that is set; nobody may set it here."""
        self.one_job("")
        scheduler = self.schedule()
        self.wait_ended(1)
        folder = f"/proc/{scheduler.process.pid}/fdinfo"
        texts = []
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                texts.append(file.read())
        self.assertEqual(len([text for text in texts if re.search(r"clockid: 0\n(.*\n)*settime flags: 03\n", text)]), 1,
                         texts)
        scheduler.end()

    def test_at_the_boot(self):
        self.jobs(job=("", {"schedule": "@reboot"}))
        for _ in range(2):
            scheduler = self.schedule()
            scheduler.wait_said("'job': process [0-9]+ has ended")
            scheduler.end()
        self.assertEqual(len(self.rows()), 1)

    def test_the_clock_is_set(self):
        """Back an hour, and again through what was; a day ahead, and back."""
        self.one_job("")
        scheduler = self.schedule(at="08:50:05")
        self.wait_ended(1)
        for moment, day, runs, processes in (("09:00:05", 5, 2, 2), ("08:00:05", 5, 2, 2), ("08:50:05", 5, 2, 3),
                                             ("08:50:05", 6, 3, 4), ("09:10:05", 5, 3, 4), ("09:20:05", 5, 4, 5)):
            scheduler.set_clock(moment, f"2026-01-0{day}")
            scheduler.look()
            scheduler.wait_said("'job': process [0-9]+ has ended", processes)
            self.wait_ended(runs)
        scheduler.end()
        self.assertEqual(self.slots(), [530, 540, 530 + 1440, 560])
        self.assertEqual({row["exit"] for row in self.rows()}, {0})

    def test_the_zone_is_another(self):
        """As after `timedatectl set-timezone`, or an update of tzdata, which no signal tells of."""
        def use(zone):
            shutil.copy("/usr/share/zoneinfo/" + zone, self.path("zone.new"))
            os.rename(self.path("zone.new"), self.path("zone"))
        use("Etc/UTC")
        self.jobs(job=("", {"schedule": "0 8 * * *"}))
        scheduler = self.schedule(at="02:25:05", env={"TZ": ":" + self.path("zone"), "NO_FAKE_STAT": "1"})
        scheduler.wait_said(r"'job': next 2026-01-05T08:00:00\+00:00")
        use("Asia/Kolkata")
        scheduler.process.send_signal(signal.SIGCHLD)  # it looks at the clock; within a minute it does by itself
        scheduler.wait_said(r"'job': next 2026-01-05T08:00:00\+05:30")
        scheduler.set_clock("08:00:05")  # libfaketime reads it in this zone
        scheduler.process.send_signal(signal.SIGCHLD)
        self.wait_ended(1)
        scheduler.end()
        self.assertEqual(self.slots(), [150])


class Once(CronRun):
    def test_two_schedulers_and_cron(self):
        self.one_job(BEGUN + "begin 'began'")
        schedulers = [self.schedule() for _ in range(2)]
        self.run_job("--scheduled", env=self.faketime("@2026-01-05 08:00:05"))
        for scheduler in schedulers:
            scheduler.wait_said("'job': process [0-9]+ has ended")
            scheduler.end()
        self.assertEqual(self.slots(), [480])

    def test_a_scheduler_that_was_killed(self):
        self.one_job(UNTIL_TOLD)
        killed = self.schedule()
        self.wait_waits()
        killed.process.kill()
        killed.process.wait()
        scheduler = self.schedule()
        scheduler.wait_said("'job': process [0-9]+ has ended")
        self.write("go", "")
        self.wait_ended(1)
        scheduler.end()
        self.assertEqual((self.row()["exit"], self.row()["cause"]), (0, None))

    def test_one_that_still_runs_is_skipped(self):
        self.one_job(UNTIL_TOLD)
        scheduler = self.schedule()
        self.wait_waits()
        scheduler.set_clock("08:10:05")
        scheduler.look()
        scheduler.wait_said("warning: job 'job': process [0-9]+ ended with status 7")
        self.write("go", "")
        self.wait_ended(2)
        scheduler.end()
        self.assertEqual(sorted((row["slot_ms"] - DAY_MS, row["exit"]) for row in self.rows()),
                         [(480 * MINUTE_MS, 0), (490 * MINUTE_MS, 7)])


class Reload(CronRun):
    def test_a_job_is_added_while_a_long_one_runs(self):
        added = ("print 'new'", {"schedule": "*/10 * * * *"})
        self.jobs(job=(UNTIL_TOLD, {"schedule": "*/10 * * * *"}), added=added)
        self.installed("job", "added")
        self.jobs(job=(UNTIL_TOLD, {"schedule": "*/10 * * * *"}))
        scheduler = self.schedule()
        self.wait_waits()
        self.jobs(job=(UNTIL_TOLD, {"schedule": "*/10 * * * *"}), added=added)
        scheduler.process.send_signal(signal.SIGHUP)
        self.wait_ended(1)
        self.assertEqual([row["job"] for row in self.rows() if row["ended_ms"]], ["added"])
        self.write("go", "")
        self.wait_ended(2)
        scheduler.end()
        self.assertEqual([row["exit"] for row in self.rows()], [0, 0])

    def test_a_job_is_taken_away(self):
        self.jobs(job=("", {"schedule": "*/10 * * * *"}), other=("", {"schedule": "0 12 * * *"}))
        self.installed("job")
        scheduler = self.schedule(at="07:58:00")
        scheduler.wait_said("2 scheduled jobs")
        self.jobs(other=("", {"schedule": "0 12 * * *"}))
        scheduler.look()
        scheduler.set_clock("12:00:05")
        scheduler.look()
        self.wait_ended(1)
        scheduler.end()
        self.assertEqual([row["job"] for row in self.rows()], ["other"])

    def test_it_stays_with_the_file_that_it_has_found(self):
        self.one_job("")
        os.makedirs(self.path("config/jeton"))
        self.write("config/jeton/jeton.yaml", f"version: 1\nstate: {self.state}\njobs: {{}}\n")
        scheduler = self.schedule(env={"XDG_CONFIG_HOME": self.path("config")})
        self.wait_ended(1)
        os.rename(self.path("jeton.yaml"), self.path("away.yaml"))
        scheduler.look()
        self.assertRegex(scheduler.text(), "error: jeton.yaml: .*No such file.*; jobs continue with the previous configuration")
        os.rename(self.path("away.yaml"), self.path("jeton.yaml"))
        scheduler.look()
        self.assertRegex(scheduler.text(), "configuration reloaded: 1 scheduled job")
        scheduler.end()

    def test_an_invalid_configuration_changes_nothing(self):
        self.one_job("")
        scheduler = self.schedule()
        self.wait_ended(1)
        self.write("jeton.yaml", "version: 1\njobs:\n  job: { script: job.lua, schedule: '61 * * * *' }\n")
        scheduler.look()
        self.assertRegex(scheduler.text(), r"error: \S*jeton.yaml:3:\d+: .*61.*; jobs continue with the previous configuration")
        scheduler.set_clock("08:10:05")
        scheduler.look()
        self.wait_ended(2)
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs: {{}}\n")
        scheduler.look()
        scheduler.wait_said("warning: configuration reloaded: 0 scheduled jobs")
        scheduler.end()
        self.assertEqual(self.slots(), [480, 490])
        self.assertEqual([row["exit"] for row in self.rows()], [0, 0])

    def test_at_the_start_it_must_be_valid(self):
        self.fails(3, "cron", "run", says="no configuration")
        self.write("jeton.yaml", "version: 1\njobs:\n  job: { script: job.lua, schedule: '61 * * * *' }\n")
        self.fails(3, "cron", "run", says="jeton.yaml:3:")

    def test_no_descriptor_is_left_open(self):
        self.one_job("")
        scheduler = self.schedule()
        self.wait_ended(1)

        def descriptors():
            return sorted(os.listdir(f"/proc/{scheduler.process.pid}/fd"))
        scheduler.look()
        before = descriptors()
        for minute in (10, 20, 30):
            scheduler.set_clock(f"08:{minute}:05")
            scheduler.look()
            self.wait_ended(minute // 10 + 1)
        scheduler.wait_said("'job': process [0-9]+ has ended", 4)
        self.assertEqual(descriptors(), before)
        scheduler.end()


class End(CronRun):
    def test_a_running_job_may_finish(self):
        """SIGINT is sent to the whole group, as a terminal does."""
        for signo, send in ((signal.SIGTERM, os.kill), (signal.SIGINT, os.killpg)):
            with self.subTest(signo=signo):
                self.one_job(UNTIL_TOLD)
                scheduler = self.schedule("--grace", "1h")
                self.wait_waits()
                send(scheduler.process.pid, signo)
                scheduler.wait_said("waiting up to 3600 s for 1 job process")
                self.write("go", "")
                scheduler.ended(0)
                self.assertEqual((self.row()["exit"], self.row()["cause"]), (0, None))
            for name in ("go", "began", "state/jeton.db"):
                os.unlink(self.path(name))

    def test_after_the_grace_it_is_ended(self):
        self.one_job(FOR_EVER)
        scheduler = self.schedule("--grace", "50ms")
        self.wait_waits()
        scheduler.end(143)
        self.assertIn("ending 1 job process with SIGTERM", scheduler.text())
        self.assertEqual((self.row()["exit"], self.row()["cause"]), (143, "signal"))

    def test_a_second_signal_ends_all_at_once(self):
        script = BEGUN + "os.execute 'sleep 1000 & echo $! >pid.new; mv pid.new pid; wait'"
        self.one_job(script)
        scheduler = self.schedule("--grace", "1h")
        self.wait_waits("pid")
        for signo in (signal.SIGINT, signal.SIGTERM):  # at once: both wait, and SIGINT is taken first
            scheduler.process.send_signal(signo)
        scheduler.wait_said("waiting up to 3600 s")
        time.sleep(0.6)
        self.assertIsNone(scheduler.process.poll())
        scheduler.process.send_signal(signal.SIGINT)
        scheduler.ended(130)
        with open(self.path("pid"), encoding="utf-8") as file:
            self.assertFalse(is_alive(int(file.read())))
        self.assertEqual((self.row()["exit"], self.row()["ended_ms"]), (None, None))  # interrupted, by the next run

    def test_what_a_killed_run_leaves_behind(self):
        """Its processes become the scheduler's, which reaps them, and ends them when it ends."""
        # In sessions of their own: what is in the script's group dies with the supervisor.
        script = """os.execute [[
          setsid sh -c 'echo $$ >one; exec sleep 1000' &
          setsid sh -c 'until test -s one; do sleep 0.01; done; echo $$ >two.new; mv two.new two; exec sleep 1000' &
          wait]]"""
        self.one_job(script)
        scheduler = self.schedule()
        self.wait_waits("two")
        supervisor = int(scheduler.wait_said("'job': due at .*: process ([0-9]+)")[0])
        os.kill(supervisor, signal.SIGKILL)
        scheduler.wait_said(rf"error: job 'job': process {supervisor} was ended by signal 9")
        pids = []
        for name in ("one", "two"):
            with open(self.path(name), encoding="utf-8") as file:
                pids.append(int(file.read()))
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pids[0]}"), LONG)
        scheduler.end()
        self.assertFalse(os.path.exists(f"/proc/{pids[1]}"))

    def test_as_the_first_process_of_a_container(self):
        unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        if os.geteuid() != 0:
            unshare.append("--map-root-user")
        try:
            subprocess.run([*unshare, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("no process namespace of its own here")
        self.one_job(UNTIL_TOLD)
        scheduler = self.schedule(before=unshare)
        self.wait_waits()
        with open(f"/proc/{scheduler.process.pid}/task/{scheduler.process.pid}/children", encoding="utf-8") as file:
            first = int(file.read().split()[0])
        os.kill(first, signal.SIGTERM)
        scheduler.wait_said("waiting up to 25 s")
        self.write("go", "")
        scheduler.ended(0)
        self.assertEqual(self.row()["exit"], 0)


class Many(CronRun):
    def test_500_jobs_and_few_at_once(self):
        jobs = {f"job{i}": ("", {"schedule": f"0 {8 if i % 25 == 0 else 12} * * *"}) for i in range(500)}
        self.jobs(**jobs)
        self.schedule(at="07:00:30").wait_said("500 scheduled jobs")
        self.schedulers[0].end()
        scheduler = self.schedule("--at-once", "3")
        self.wait_ended(20)
        scheduler.end()
        rows = self.rows()
        self.assertEqual(sorted(row["job"] for row in rows), sorted(f"job{i}" for i in range(0, 500, 25)))
        for row in rows:
            at_once = [r for r in rows if r["started_ms"] <= row["started_ms"] < r["ended_ms"]]
            self.assertLessEqual(len(at_once), 3)

    def test_one_that_waits_for_its_place(self):
        waits = {"schedule": "*/10 * * * *"}
        self.jobs(job=(UNTIL_TOLD, {"schedule": "0 8 * * *"}), other=("", waits), late=("", {"schedule": "0 8 * * *"}))
        self.installed("job", "other", "late")
        scheduler = self.schedule("--at-once", "1")
        self.wait_waits()
        scheduler.set_clock("08:10:05")
        scheduler.look()
        scheduler.wait_said("'other': its run of 2026-01-05T08:00:00.* until the next one was due")
        said = "warning: job '(?:other|late)' has waited for over a minute to start, others that wait: 1; processes under way: 1"
        scheduler.wait_said(said)
        scheduler.look()
        self.assertEqual(len(scheduler.wait_said(said)), 1)
        self.write("go", "")
        self.wait_ended(2)
        scheduler.wait_said("'late' did not run: it was due at 2026-01-05 08:00:00 .* too late")
        scheduler.end()
        self.assertEqual(sorted((row["job"], row["exit"], row["cause"]) for row in self.rows()),
                         [("job", 0, None), ("late", None, "late"), ("other", 0, None)])
        self.assertEqual(self.slots("other"), [490])

    def test_a_zone_that_is_none(self):
        self.jobs(job=("", {"schedule": "0 8 * * *"}))
        scheduler = self.schedule(env={"TZ": "Asia/Kolkatta"})
        scheduler.wait_said("warning: job 'job' has no timezone, and TZ=Asia/Kolkatta names no time zone")
        scheduler.end()

    def test_wrong_options(self):
        self.one_job("")
        self.fails(2, "cron", "run", "--at-once", "0", says="from 1 to 1000")
        self.fails(2, "cron", "run", "--grace", "2d", says="at most 24 h")
        self.fails(2, "cron", "run", "job", says="jeton cron run")


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
