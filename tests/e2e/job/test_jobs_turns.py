"""Runs of one job at once: one claims a slot, one holds the lock, and none is lost."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import unittest

import support
from jobs import WAITS, JobCase
from support import JETON, SANITIZED, SOAK, wait_until

MANY = 300 if SOAK else 50
AT_EIGHT = "@2026-01-05 08:00:01"
LONG = 900 if SOAK else 300 if SANITIZED else 120  # seconds for all of them


class Turns(JobCase):
    many = MANY

    def end_all(self, processes):
        return sorted(process.wait(timeout=LONG) for process in processes)

    def test_of_many_that_claim_a_slot_one_runs(self):
        clock = self.faketime(AT_EIGHT)
        self.job("io.open('ran', 'a'):write('x'):close()", schedule="0 8 * * *", overlap="wait")
        statuses = self.end_all([self.start_silent("--scheduled", env=clock) for _ in range(self.many)])
        self.assertEqual(statuses, [0] * self.many)
        with open(self.path("ran"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "x")
        self.assertEqual(self.row()["exit"], 0)

    def test_many_that_wait_run_one_after_the_other(self):
        """Each adds one to a counter, without any care, and looks that it is alone."""
        self.job("""
          local state = require "jeton.state"
          local count = state.get "count" or 0
          assert(not io.open "inside", "not alone")
          io.open("inside", "w"):close()
          require "jeton.task".sleep(0.001)
          assert(os.remove "inside")
          state.set("count", count + 1)
        """, overlap="wait")
        self.assertEqual(self.end_all([self.start_silent() for _ in range(self.many)]), [0] * self.many)
        self.assertEqual([row["exit"] for row in self.rows()], [0] * self.many)
        self.assertEqual(self.counted(), str(self.many))
        times = [(row["started_ms"], row["ended_ms"]) for row in self.rows()]
        self.assertEqual(times, sorted(times))

    def state_of_another(self):
        return self.state

    def counted(self):
        return self.query("SELECT value FROM kv")[0]["value"]

    def test_a_second_run_is_skipped_and_recorded(self):
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'")
        first = self.start_job()
        self.wait_for("ready")
        done = self.run_job(status=7)
        self.assertIn("job 'job': not run: another run of it holds its lock", done.stderr)
        self.write("go", "")
        self.finish_all([first])
        rows = self.rows()
        self.assertEqual(sorted((row["exit"], row["cause"] or "") for row in rows), [(0, ""), (7, "locked")])
        self.assertEqual(len({row["run"] for row in rows}), 2)

    def test_of_skipped_runs_as_many_are_kept_as_of_others(self):
        """A long run was begun before those that it kept out: its own record went as it ended, and what follows of it."""
        told = {"command": ["sh", "-c", "echo {cause} >> told"]}
        keys = {"history": "history: { keep: 2 }\n", "on_failure": told, "on_recovery": told}
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go' error 'late'", **keys)
        first = self.start_job()
        self.wait_for("ready")
        for _ in range(4):
            self.run_job(status=7)
        self.write("go", "")
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, 1)
        self.assertEqual([row["cause"] for row in self.rows()], ["script", "locked", "locked"])
        self.job("", **keys)
        for _ in range(2):
            self.run_job()
        self.assertEqual([row["cause"] for row in self.rows()], ["locked", "locked", None, None])
        with open(self.path("told"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "script\n\n")
        self.job("", **{**keys, "history": "history: { keep: 0, days: 0 }\n"})
        self.run_job()
        self.assertEqual([row["cause"] for row in self.rows()], [None])

    def test_a_run_by_hand_while_crons_is_due(self):
        """Cron's is skipped, its slot is claimed all the same; the one by hand claims nothing."""
        clock = self.faketime(AT_EIGHT)
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'", schedule="0 8 * * *")
        first = self.start_job(env=clock)
        self.wait_for("ready")
        self.run_job("--scheduled", status=7, env=clock)
        self.write("go", "")
        self.finish_all([first])
        self.assertEqual(self.run_job("--scheduled", env=clock).stderr, "")
        self.assertEqual(sorted((row["exit"], row["slot_ms"] is None) for row in self.rows()), [(0, True), (7, False)])

    def test_other_jobs_do_not_wait(self):
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'")
        first = self.start_job()
        self.wait_for("ready")
        self.write("other.lua", "")
        self.write("other.yaml", f"version: 1\nstate: {self.state_of_another()}\njobs: {{ job: {{ script: other.lua }} }}\n")
        self.ok("-c", "other.yaml", "run", "--job", "job")  # of the same name, in another configuration
        self.write("go", "")
        self.finish_all([first])

    def test_the_deadline_covers_the_wait(self):
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'")
        first = self.start_job()
        self.wait_for("ready")
        self.job("error 'never'", overlap="wait", timeout="300ms")
        done = self.run_job(status=8)
        self.assertIn("300 ms passed while another run of the job held its lock", done.stderr)
        self.assertRegex(done.stderr, r"job 'job' failed: status 8 \(deadline\); run \w{10}\n$")
        self.assertIn((8, "deadline"), [(row["exit"], row["cause"]) for row in self.rows()])
        self.write("go", "")
        self.finish_all([first])

    def test_a_signal_ends_the_wait(self):
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'", overlap="wait")
        first = self.start_job()
        self.wait_for("ready")
        second = self.start_job()
        wait_until(lambda: len(self.rows()) == 2, 30)
        second.send_signal(signal.SIGTERM)
        _, errors = second.communicate(timeout=30)
        self.assertEqual(second.returncode, 143)
        self.assertRegex(errors, rb"job 'job' failed: status 143 \(signal\), ended by signal 15 .* before it started; run \w{10}\n$")
        self.write("go", "")
        self.finish_all([first])
        self.assertIn((143, "signal"), [(row["exit"], row["cause"]) for row in self.rows()])

    def test_who_waits_is_not_taken_for_interrupted(self):
        self.job(WAITS + "io.open('ready' .. require 'jeton'.job.run, 'w'):close() wait_for 'go'", overlap="wait")
        first = self.start_job()
        wait_until(lambda: any(name.startswith("ready") for name in os.listdir(self.folder)), 30)
        others = [self.start_job() for _ in range(3)]
        wait_until(lambda: len(self.rows()) == 4, 30)
        first.kill()
        self.write("go", "")
        self.finish_all(others)
        self.assertEqual(sorted(row["cause"] or "" for row in self.rows()), ["", "", "", "interrupted"])

    def stop(self, pid):
        """Not amid a use of the state, which others could not use then."""
        def stopped():
            os.kill(pid, signal.SIGSTOP)
            path = self.state + "/jeton.db"
            if not os.path.exists(path):
                return True  # the state is in a database
            try:
                with contextlib.closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as db:
                    db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                return False
            return True
        wait_until(stopped)

    def test_who_waits_in_another_container_is_alive_too(self):
        """There its process has another number, or none."""
        apart = next((command for command in (["unshare", "-pf", "--mount-proc"], ["unshare", "-rpf", "--mount-proc"])
                      if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True,
                                                                    check=False).returncode == 0), None)
        if apart is None:
            self.skipTest("no namespaces of processes here")
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'", overlap="wait")
        first = self.start_job()
        self.wait_for("ready")
        away = self.start(*apart[1:], JETON, "run", "--job", "job", program=apart[0])
        wait_until(lambda: len(self.rows()) == 2, 30)
        with open(f"/proc/{away.pid}/task/{away.pid}/children", encoding="utf-8") as file:
            supervisor, = map(int, file.read().split())
        self.stop(supervisor)
        second = self.start_job()
        wait_until(lambda: len(self.rows()) == 3, 30)
        self.write("go", "")
        self.finish_all([first])
        self.assertEqual(second.communicate(timeout=60)[1], b"")
        rows = json.loads(self.ok("history", "--json").stdout)
        self.assertEqual(sorted((row["exit"], row["cause"]) for row in rows if row["exit"] is not None), [(0, None)] * 2)
        self.assertEqual([row["cause"] for row in rows if row["exit"] is None], [None])
        os.kill(supervisor, signal.SIGKILL)
        away.communicate(timeout=60)
        self.assertIn("was interrupted", self.run_job().stderr)


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
