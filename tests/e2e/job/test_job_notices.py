"""`on_failure` and `on_recovery`: a program that gets the run, or a message to a group; once, and only then."""

import json
import os
import shutil
import signal
import sqlite3
import unittest

import support
from jobs import WAITS, JobCase, is_alive, pids_of
from support import wait_until

# A program that keeps its arguments and what it reads, and prints.
TOLD = """#!/bin/sh
{ printf '%s|' "$@"; echo; cat; } >>told
echo "on standard output"
echo "on standard error" >&2
"""


class NoticeCase(JobCase):
    def setUp(self):
        super().setUp()
        self.tell = self.write("tell", TOLD, 0o700)

    def command(self, what):
        return {"command": [self.tell, what, "{job} {run} {exit} {cause} {other}", "{", ""]}

    def notify(self, script, **keys):
        self.job(script, **{"on_failure": self.command("failed"), "on_recovery": self.command("well"), **keys})

    def told(self):
        """[(arguments, run)] of what the program got, the oldest first."""
        if not os.path.exists(self.path("told")):
            return []
        with open(self.path("told"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        return [(lines[i].split("|")[:-1], json.loads(lines[i + 1])) for i in range(0, len(lines), 2)]

    def whats(self):
        return [(args[0], run["run"]) for args, run in self.told()]


class Commands(NoticeCase):
    def test_a_failure_is_told_as_it_is_recorded(self):
        self.notify("error 'it went wrong: $HOME; `id`'", environment={"WORD": "mot"})
        done = self.run_job(status=1)
        (args, run), = self.told()
        self.assertEqual(args, ["failed", f"job {run['run']} 1 script {{other}}", "{", ""])
        recorded, = json.loads(self.ok("history", "--json").stdout)
        self.assertEqual({key: run[key] for key in recorded}, recorded)
        self.assertEqual(run["message"], self.path("job.lua") + ":1: it went wrong: $HOME; `id`")
        self.assertEqual(done.stdout, "")
        self.assertIn("on standard output\n", done.stderr)
        self.assertIn("on standard error\n", done.stderr)

    def test_a_success_says_nothing_to_nobody(self):
        self.notify("return true")
        for _ in range(2):
            done = self.run_job()
            self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual(self.told(), [])

    def test_a_recovery_is_told_once(self):
        self.notify("return io.open 'good' ~= nil")
        runs = []
        for good in (False, False, True, True, False):
            if good:
                self.write("good", "")
            elif os.path.exists(self.path("good")):
                os.unlink(self.path("good"))
            self.run_job(status=0 if good else 1)
            runs.append(self.rows()[-1]["run"])
        self.assertEqual(self.whats(), [("failed", runs[0]), ("failed", runs[1]), ("well", runs[2]), ("failed", runs[4])])
        args, run = self.told()[2]
        self.assertEqual(args[1], f"job {runs[2]} 0  {{other}}")
        self.assertEqual((run["exit"], run["cause"]), (0, None))

    def test_once_after_the_last_attempt(self):
        self.notify("os.exit(({ 1, 5, 6 })[require 'jeton'.job.attempt])", retries={"attempts": 3, "delay": "1ms"})
        self.run_job(status=6)
        (args, run), = self.told()
        self.assertEqual((args[0], run["attempt"], run["exit"]), ("failed", 3, 6))

    def test_an_attempt_that_helped_is_no_failure(self):
        self.notify("os.exit(require 'jeton'.job.attempt == 1 and 1 or 0)", retries={"attempts": 3, "delay": "1ms"})
        self.run_job()
        self.assertEqual(self.told(), [])

    def test_an_interrupted_run_is_told_by_the_next_one(self):
        self.notify(WAITS + "io.open('begun', 'w'):close() wait_for 'go'")
        first = self.start_job()
        self.wait_for("begun")
        self.kill_job(first)
        self.assertEqual(self.told(), [])
        self.write("go", "")
        self.run_job()
        interrupted, good = (row["run"] for row in self.rows())
        self.assertEqual(self.whats(), [("failed", interrupted), ("well", good)])
        args, run = self.told()[0]
        self.assertEqual(args[1], f"job {interrupted}  interrupted {{other}}")
        self.assertEqual((run["exit"], run["cause"], run["ended_at"]), (None, "interrupted", None))
        self.run_job()
        self.assertEqual(len(self.told()), 2)

    def kill_at(self, point):
        done = self.jeton("run", "--job", "job", program=support.JETON_FAULTY, env={"JETON_FAULT": point + "=kill"})
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)

    def test_who_is_killed_before_it_could_tell_is_told_of_by_the_next_one(self):
        self.notify("return io.open 'good' ~= nil")
        self.kill_at("job-ended")
        self.assertEqual((self.told(), self.row()["exit"]), ([], 1))
        failed = self.row()["run"]
        self.write("good", "")
        self.kill_at("job-ended")
        self.assertEqual(self.whats(), [("failed", failed)])
        good = self.rows()[-1]["run"]
        self.assertIn(f"run {good} of ", self.run_job().stderr)
        self.assertEqual(self.whats(), [("failed", failed), ("well", good)])
        self.assertEqual(self.run_job().stderr, "")
        self.assertEqual(len(self.told()), 2)

    def test_who_is_killed_when_it_has_told_is_told_of_again_and_then_no_more(self):
        self.notify("return false")
        self.kill_at("job-told")
        self.write("job.lua", "")
        for _ in range(2):
            self.run_job()
        self.assertEqual([what for what, _ in self.whats()], ["failed", "failed", "well"])

    def test_who_is_killed_while_it_tells_of_several_leaves_only_the_rest(self):
        self.notify(WAITS + "io.open('begun', 'w'):close() wait_for 'go'", overlap="wait")
        several = [self.start_job()]
        self.wait_for("begun")
        for count in (2, 3):
            several.append(self.start_job())
            support.wait_until(lambda number=count: len(self.rows()) == number)
        for process in reversed(several):
            self.kill_job(process)
        ids = [row["run"] for row in self.rows()]
        self.write("tell", TOLD + "[ $(wc -l <told) = 4 ] || exit 0; until [ -s victim ]; do sleep 0.01; done\n"
                                  "kill -9 $(cat victim)\n", 0o700)
        teller = self.start_job()
        with open(self.path("victim.new"), "w", encoding="utf-8") as file:
            file.write(str(teller.pid))
        os.rename(self.path("victim.new"), self.path("victim"))
        self.assertEqual(teller.wait(30), -signal.SIGKILL)
        self.write("go", "")
        self.run_job()
        told = [run for what, run in self.whats() if what == "failed"]
        self.assertEqual(told, ids[:2] + ids[1:] + [self.rows()[3]["run"]])

    def test_a_skipped_run_is_no_failure_and_one_that_waited_too_long_is(self):
        self.notify(WAITS + "io.open('begun', 'w'):close() wait_for 'go'")
        first = self.start_job()
        self.wait_for("begun")
        self.run_job(status=7)
        self.assertEqual(self.told(), [])
        self.notify("", overlap="wait", timeout="200ms")
        self.run_job(status=8)
        self.write("go", "")
        self.finish_all([first])
        (args, run), = self.told()
        self.assertEqual((args[0], run["exit"], run["cause"]), ("failed", 8, "deadline"))

    def test_a_skipped_run_between_two_does_not_matter(self):
        self.notify(WAITS + "io.open('begun', 'w'):close() wait_for 'go' return io.open 'good' ~= nil")
        first = self.start_job()
        self.wait_for("begun")
        self.run_job(status=7)
        self.write("go", "")
        first.communicate(timeout=60)
        self.write("good", "")
        self.run_job()
        self.assertEqual([what for what, _ in self.whats()], ["failed", "well"])

    def test_a_signal_is_a_failure(self):
        self.notify(WAITS + "io.open('begun', 'w'):close() wait_for 'go'")
        process = self.start_job()
        self.wait_for("begun")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        (_, run), = self.told()
        self.assertEqual((run["exit"], run["cause"]), (143, "signal"))

    def test_a_dry_run_tells_nobody(self):
        self.notify("error 'no'")
        self.run_job("--dry-run", status=1)
        self.assertEqual(self.told(), [])

    def test_the_environment_is_the_jobs(self):
        self.job("return false", environment={"WORD": "mot juste"}, on_failure={"command": ["sh", "-c", "echo $WORD"]})
        self.assertIn("\nmot juste\n", self.run_job(status=1).stderr)

    def test_its_failure_is_said_and_changes_nothing(self):
        for command, says in ((["sh", "-c", "exit 9"], "on_failure: 'sh' ended with status 9"),
                              (["sh", "-c", "kill -KILL $$"], "on_failure: 'sh' ended with status 137"),
                              (["./not-there", "{run}"], "on_failure: cannot start './not-there': no such program")):
            with self.subTest(command=command):
                self.job("os.exit(4)", on_failure={"command": command})
                self.assertIn("jeton: error: job 'job': " + says, self.run_job(status=4).stderr)

    def test_much_input_is_not_read(self):
        """One that reads nothing, and one that prints much."""
        self.job("error(('x'):rep(100000))", on_failure={"command": ["sh", "-c", "exec 0<&-; seq 100000"]})
        self.assertIn("\n100000\n", self.run_job(status=1).stderr)

    def test_one_that_hangs_is_killed_with_all_that_it_started(self):
        """A clock that runs twenty times as fast stands for the minute."""
        self.job("return false", on_failure={"command": ["sh", "-c", "echo pid $$ >&2; sleep 1000000 & echo pid $! >&2; wait"]})
        env = self.faketime("+0 x20")
        del env["FAKETIME_DONT_FAKE_MONOTONIC"]
        done = self.run_job(status=1, env=env)
        self.assertIn("on_failure: 'sh': it did not end within 60 s and was killed", done.stderr)
        pids = pids_of(done.stderr)
        self.assertEqual(len(pids), 2)
        wait_until(lambda: not any(map(is_alive, pids)))

    def test_what_it_leaves_in_the_background_lives_on(self):
        """As mail does, which sends after it has ended."""
        self.job("return false", on_failure={"command": ["sh", "-c", "(while ! test -e go; do sleep 0.05; done; echo >sent) 2>&- >&- &"]})
        self.run_job(status=1)
        self.write("go", "")
        self.wait_for("sent")

    def test_its_time_is_not_the_jobs(self):
        self.job("io.open('begun', 'w'):close() require 'jeton.task'.sleep(1000)")
        first = self.start_job()
        self.wait_for("begun")
        self.kill_job(first)
        self.job("return true", timeout="4s", on_failure={"command": ["sleep", "4"]})
        self.run_job()

    def test_it_dies_with_its_run(self):
        self.job("return false", on_failure={"command": ["sh", "-c", "echo $$ >pid.new; mv pid.new pid; exec sleep 1000"]})
        process = self.start_job()
        self.wait_for("pid")
        with open(self.path("pid"), encoding="utf-8") as file:
            pid = int(file.read())
        process.kill()
        process.wait()
        wait_until(lambda: not is_alive(pid))


class Messages(JobCase):
    """A sandbox of its own: what arrives in the group."""

    def setUp(self):
        super().setUp()
        self.server = self.sandbox("--rate-limit", "0", "--db", self.path("sandbox.db"))
        with open(self.configure(self.server.base), encoding="utf-8") as file:
            text = file.read()
        self.connectors = text[text.index("connectors:"):]

    def notify(self, script, group=support.GROUP, by=None, **keys):
        message = {"group": group, **({"connector": by} if by else {})}
        self.job(script, connectors=self.connectors,
                 **{"on_failure": {"message": message}, "on_recovery": {"message": message}, **keys})

    def messages(self):
        db = sqlite3.connect(self.path("sandbox.db"), timeout=20)
        try:
            return [text for (text,) in db.execute("SELECT text FROM messages ORDER BY number")]
        finally:
            db.close()

    def test_by_id_and_by_name(self):
        for group in (support.GROUP, "Sales"):
            with self.subTest(group=group):
                self.notify("error 'no luck'", group=group)
                done = self.run_job(status=1)
                row = self.rows()[-1]
                lines = self.messages()[-1].splitlines()
                self.assertEqual(lines[:3], ["Job job failed", "Cause: script, exit status 1",
                                             self.path("job.lua") + ":1: no luck"])
                self.assertRegex(lines[3], r"^Started: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, took .+ m?s$")
                self.assertEqual(lines[4:], [f"More: jeton logs {row['run']}"])
                self.assertNotIn("on_failure", done.stderr)

    def test_a_recovery(self):
        self.notify("return io.open 'good' ~= nil")
        self.run_job(status=1)
        self.write("good", "")
        done = self.run_job()
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.run_job()
        failed, good, _ = (row["run"] for row in self.rows())
        first, second = self.messages()
        self.assertIn("Job job failed\n", first)
        self.assertTrue(second.startswith("Job job succeeded again\nStarted: "), second)
        self.assertIn(f"\nPrevious run: {failed} of ", second)
        self.assertTrue(second.endswith(f"\nMore: jeton logs {good}"), second)

    def test_retries_and_an_interrupted_run(self):
        self.notify(WAITS + """
          if not io.open 'begun' then io.open('begun', 'w'):close() wait_for 'go' end
          return false
        """, retries={"attempts": 2, "delay": "1ms"})
        first = self.start_job()
        self.wait_for("begun")
        self.kill_job(first)
        self.run_job(status=1)
        one, other = self.messages()
        self.assertTrue(one.startswith("Job job was interrupted\nCause: interrupted\nStarted: "), one)
        self.assertIn("Job job failed\n", other)
        self.assertIn(", attempt 2\n", other)

    def test_the_longest_text_fits(self):
        self.notify("error(('é'):rep(50000))", name="j" * 64)
        self.run_job(status=1, name="j" * 64)
        text, = self.messages()
        self.assertLess(len(text), 4000)
        self.assertIn("é" * 100, text)
        self.assertTrue(text.endswith(self.row()["run"]))

    def test_a_text_that_is_no_text(self):
        self.notify(r'error("caf\xe9 \xff\27[2J", 0)')
        self.run_job(status=1)
        message, = self.messages()
        self.assertIn("caf? ?\\x1b[2J", message)

    def test_secrets_are_masked(self):
        self.notify(f"error 'the token is {support.TENANT_TOKEN}, ok?'")
        self.run_job(status=1)
        text, = self.messages()
        self.assertIn("the token is ********, ok?", text)

    def test_secrets_are_masked_for_a_program_too(self):
        self.notify(f"error 'the token is {support.TENANT_TOKEN}, ok?'", on_failure={"command": ["cat"]})
        done = self.run_job(status=1)
        self.assertIn("the token is ********, ok?\",\"requests\":", done.stderr)
        self.assertNotIn(support.TENANT_TOKEN, done.stderr)

    def test_a_group_that_is_not_there(self):
        for group, says in (("Nobody", "has access to no group of this name"),
                            ("00000000-9d4e-4a53-8c11-1f7f7d1c0a01", "there is no group with this id (POST ")):
            with self.subTest(group=group):
                self.notify("os.exit(9)", group=group)
                done = self.run_job(status=9)
                self.assertIn(f"jeton: error: job 'job': on_failure: group '{group}' was not notified: ", done.stderr)
                self.assertIn(says, done.stderr)
        self.assertEqual(self.messages(), [])

    def test_in_crons_mail_its_log_has_the_jobs_level(self):
        self.notify("return false", schedule="* * * * *")
        for options, shown in ((["--scheduled"], False), ([], True)):
            self.server.steer("faults", [{"match": {"path": "/accessToken"}, "status": 503, "times": 1}])
            done = self.run_job(*options, status=1)
            self.assertIs("jeton: info: " in done.stderr and "trying again" in done.stderr, shown, done.stderr)
            shutil.rmtree(self.state)  # the next one exchanges a token, too
        self.assertEqual(len(self.messages()), 2)

    def test_two_groups_of_one_name(self):
        self.write("more.lua", "require 'kaizala'.connect():create_group { name = 'Sales' }")
        self.notify("return false", group="Sales")
        self.ok("run", "more.lua")
        self.assertIn("has access to 2 groups of this name; use an id: 'Sales' (", self.run_job(status=1).stderr)
        self.assertEqual(self.messages(), [])

    def test_another_connector(self):
        self.connectors += self.connectors.partition("\n")[2].replace("  contoso:", "  other:").replace(
            support.TENANT_TOKEN, support.GROUP_TOKEN)
        for says, options in (("was not notified: ", {}), ("", {"connector": "contoso"}), ("", {"by": "other"})):
            self.notify("return false", **options)
            self.assertIn(says, self.run_job(status=1).stderr)
        self.assertEqual(len(self.messages()), 2)
        self.assertEqual({row["generation"] for row in self.query("SELECT generation FROM token")}, {65536})
        self.assertEqual(self.server.exchanges(), 2)  # one of each connector

    def test_a_service_that_hangs(self):
        """A clock that runs four times as fast stands for the minute."""
        self.server.steer("faults", [{"match": {"path": "/accessToken"}, "times": 100, "delay_ms": 600000}])
        self.notify("return false")
        env = self.faketime("+0 x4")
        del env["FAKETIME_DONT_FAKE_MONOTONIC"]
        done = self.run_job(status=1, env=env)
        self.assertIn("on_failure: group '" + support.GROUP + "' was not notified: ", done.stderr)


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
