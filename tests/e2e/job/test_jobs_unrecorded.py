"""Runs that cannot be recorded, because the state cannot be used: they do not begin, and are heard of all the same."""

import json
import os
import shutil
import subprocess
import unittest

import support
from jobs import JobCase
from test_job_heartbeat import Monitor

TOLD = """#!/bin/sh
echo "$@" >>told
cat >>told
"""


class Unrecorded(JobCase):
    def setUp(self):
        super().setUp()
        self.tell = self.write("tell", TOLD, 0o700)

    def notify(self, script="print 'it ran'", **keys):
        self.job(script, on_failure={"command": [self.tell, "failed"]}, on_recovery={"command": [self.tell, "well"]},
                 metrics="job.prom", **keys)

    def break_state(self):
        """Whoever runs the test: root is not kept out by modes."""
        shutil.rmtree(self.state, ignore_errors=True)
        self.write("state", "no folder")

    def told(self):
        """[(what, run)], the oldest first."""
        if not os.path.exists(self.path("told")):
            return []
        with open(self.path("told"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        return [(lines[i], json.loads(lines[i + 1])) for i in range(0, len(lines), 2)]

    def metrics(self):
        with open(self.path("job.prom"), encoding="utf-8") as file:
            lines = [line.split() for line in file if not line.startswith("#")]
        return {name.split("{")[0].removeprefix("jeton_job_"): float(value) for name, value in lines}

    def test_a_state_that_is_no_folder(self):
        monitor = Monitor()
        self.addCleanup(monitor.end)
        self.notify(heartbeat=monitor.url)
        self.break_state()
        done = self.run_job(status=3)
        self.assertNotIn("it ran", done.stdout)
        self.assertIn(f"job 'job': it did not start, because it cannot be recorded: state folder (`state:` chooses it): {self.state}: ", done.stderr)
        (what, run), = self.told()
        self.assertEqual((what, run["job"], run["attempt"], run["slot"]), ("failed", "job", 1, None))
        self.assertEqual((run["exit"], run["cause"]), (3, "config"))
        self.assertTrue(run["message"].startswith(f"it did not start, because it cannot be recorded: state folder (`state:` chooses it): {self.state}: "), run)
        self.assertTrue(run["started_at"] and run["ended_at"], run)
        self.assertEqual([path.partition("?")[0][-5:] for path in monitor.seen], ["/fail"])

    def test_an_end_that_cannot_be_recorded(self):
        self.notify(f"print 'it ran' os.rename('{self.state}', 'gone') io.open('{self.state}', 'w'):close()")
        done = self.run_job(status=3)
        self.assertEqual(done.stdout, "it ran\n")
        self.assertRegex(done.stderr, "the end of run .* could not be recorded")
        os.unlink(self.state)
        os.rename(self.path("gone"), self.state)
        self.write("job.lua", "")
        self.assertIn("its end could not be recorded", self.run_job().stderr)

    def test_a_sign_of_life_that_cannot_be_had(self):
        """The row may be there all the same: it is the failed run's, and nobody takes it for one that was interrupted."""
        self.notify()
        self.run_job()
        shutil.rmtree(os.path.join(self.state, "locks"))
        self.write("state/locks", "no folder")
        self.assertIn("it did not start, because it cannot be recorded", self.run_job(status=3).stderr)
        self.assertEqual([(row["exit"], row["cause"]) for row in self.rows()], [(0, None), (3, "config")])
        os.unlink(os.path.join(self.state, "locks"))
        self.run_job()
        self.assertEqual([what for what, _ in self.told()], ["failed", "well"])

    def test_metrics_tell_of_the_run_and_not_what_was_counted(self):
        self.notify()
        self.run_job()
        counted = self.metrics()
        self.assertEqual((counted["last_run_exit_status"], counted["runs_total"]), (0, 1))
        self.break_state()
        self.run_job(status=3)
        values = self.metrics()
        self.assertEqual((values["last_run_exit_status"], values["last_run_attempts"]), (3, 1))
        self.assertGreater(values["last_run_timestamp_seconds"], counted["last_run_timestamp_seconds"])
        self.assertEqual([name for name in values if not name.startswith("last_run_")], [])

    def test_a_slot_that_is_due(self):
        """And nobody hears of those that are not, however often cron asks."""
        self.notify(schedule="30 8 * * *", timezone="UTC")
        self.break_state()
        for time in ("08:00:01", "08:29:59", "08:35:31"):
            done = self.run_job("--scheduled", status=3, env=self.faketime(f"@2026-07-01 {time}"))
            self.assertIn(self.state, done.stderr)
        self.assertEqual(self.told(), [])
        self.run_job("--scheduled", status=3, env=self.faketime("@2026-07-01 08:30:01"))
        (what, run), = self.told()
        self.assertEqual((what, run["slot"]), ("failed", "2026-07-01T08:30:00.000+00:00"))

    def test_a_state_that_was_removed_meanwhile(self):
        """What follows finds a new one, which does not know the run, but may have another's row of its number."""
        remove = f"""for name in io.popen("ls {self.state}/jeton.db*"):lines() do os.remove(name) end"""
        another = f"""assert(os.execute "{support.JETON} -c {self.path('other.yaml')} run --job another")"""
        self.write("another.lua", "")
        self.write("other.yaml", f"version: 1\nstate: {self.state}\njobs: {{ another: {{ script: another.lua }} }}\n")
        for script in (remove, f"{remove} {another}"):
            self.notify(script)
            done = self.run_job(status=3)
            self.assertRegex(done.stderr, r"the end of run \S+ could not be recorded: .*removed or replaced")
        self.assertEqual([(row["job"], row["exit"]) for row in self.rows()], [("another", 0)])

    def test_a_boot(self):
        self.notify(schedule="@reboot")
        self.break_state()
        self.run_job("--scheduled", status=3)
        self.assertEqual([what for what, _ in self.told()], ["failed"])

    def test_a_job_without_a_schedule_is_no_run(self):
        self.notify()
        self.run_job("--scheduled", status=3)
        self.assertEqual(self.told(), [])

    def test_a_damaged_store(self):
        """A new one takes its place: the run is recorded there, and the next one recovers."""
        self.notify()
        self.run_job()
        for name in os.listdir(self.state):
            if name.startswith("jeton.db"):
                os.unlink(os.path.join(self.state, name))
        with open(os.path.join(self.state, "jeton.db"), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(b"not a database " * 500)
        self.assertIn("is damaged", self.run_job(status=3).stderr)
        self.assertEqual((self.row()["exit"], self.row()["cause"]), (3, "config"))
        self.assertIn("is damaged", self.row()["message"])
        self.run_job()
        (first, run), (second, _) = self.told()
        self.assertEqual((first, second), ("failed", "well"))
        self.assertEqual(run["run"], self.rows()[0]["run"])

    def test_a_full_disk(self):
        command = support.mount_namespace()
        if command is None:
            self.skipTest("no mount namespaces here")
        self.notify(schedule="* * * * *")
        os.makedirs(self.state, mode=0o700)
        run = f"{support.JETON} run --job job"
        done = subprocess.run(
            [*command, "sh", "-c", f"mount -t tmpfs -o size=1m,mode=700 tmpfs {self.state} && {run} && "
                                   f"{{ cat /dev/zero >{self.state}/fill 2>/dev/null; {run} --scheduled; }}"],
            capture_output=True, text=True, timeout=60, env=self.env, cwd=self.folder, check=False)
        self.assertEqual((done.returncode, done.stdout), (5, "it ran\n"), done.stderr)
        (what, run), = self.told()
        self.assertEqual((what, run["exit"], run["cause"]), ("failed", 5, "network"))
        self.assertIn("the disk is full", run["message"])
        self.assertIsNotNone(run["slot"])

    def test_a_disk_that_was_filled_meanwhile(self):
        """There is room for the record: it was kept free."""
        command = support.mount_namespace()
        if command is None:
            self.skipTest("no mount namespaces here")
        self.notify(f"""
          local file = io.open("{self.state}/fill", "w")
          file:setvbuf "no"
          repeat until not file:write(("x"):rep(512))
          print(("y"):rep(60000))
          return false
        """, retries={"attempts": 2, "delay": "0s"})
        os.makedirs(self.state, mode=0o700)
        done = subprocess.run(
            [*command, "sh", "-c", f"mount -t tmpfs -o size=1m,mode=700 tmpfs {self.state} && "
                                   f"{support.JETON} run --job job; {support.JETON} history --json"],
            capture_output=True, text=True, timeout=60, env=self.env, cwd=self.folder, check=False)
        rows = json.loads(done.stdout[done.stdout.index("["):])
        self.assertEqual([(row["attempt"], row["exit"], row["cause"]) for row in rows], [(2, 5, "network"), (1, 1, "script")])
        self.assertEqual(rows[1]["output_bytes"], 60001)
        self.assertIn("the disk is full", rows[0]["message"])
        self.assertNotIn("could not be recorded", done.stderr)
        self.assertEqual([run["attempt"] for _, run in self.told()], [2])

    def test_a_script_that_is_not_there(self):
        self.notify()
        os.unlink(self.path("job.lua"))
        self.run_job(status=3)
        (what, run), = self.told()
        self.assertEqual((what, run["exit"], run["cause"], run["run"]), ("failed", 3, "config", self.row()["run"]))
        self.assertIn("job.lua: No such file", run["message"])

    def test_a_message_needs_the_state(self):
        """Its token comes from there. What says so is standard error."""
        sandbox = self.sandbox()
        with open(self.configure(sandbox.base), encoding="utf-8") as file:
            text = file.read()
        self.job("", connectors=text[text.index("connectors:"):], on_failure={"message": {"group": support.GROUP}})
        self.break_state()
        self.assertIn(f"on_failure: group '{support.GROUP}' was not notified: state folder (`state:` chooses it): {self.state}", self.run_job(status=3).stderr)


if __name__ == "__main__":
    unittest.main()
