"""`run --job`: what a job's script finds, how attempts follow one another, what is said and what is recorded."""

import json
import os
import signal
import sqlite3
import subprocess
import time
import unittest

from jobs import WAITS, JobCase, is_alive, pids_of
from support import JETON, JETON_FAULTY, wait_until


class Surroundings(JobCase):
    def test_a_script_finds_what_its_job_says(self):
        os.mkdir(self.path("place"))
        self.job("""
          local jeton, json = require "jeton", require "jeton.json"
          print(json.encode(jeton.args), jeton.args == jeton.job.args, select("#", ...))
          print(os.getenv "GREETING", os.date "%z")
          os.execute "pwd"
          print(io.read() or "no input")
        """, args={"group": "Sales", "top": 10, "list": [1, "a"]}, directory="place",
                 environment={"GREETING": "bonjour à tous = oui", "TZ": "Asia/Kolkata"})
        done = self.run_job(env={"GREETING": "hello"})
        self.assertEqual(done.stdout, '{"group":"Sales","list":[1,"a"],"top":10}\ttrue\t0\n'
                                      "bonjour à tous = oui\t+0530\n"
                                      f"{os.path.realpath(self.path('place'))}\nno input\n")

    def test_what_it_knows_of_its_run(self):
        self.job("""
          local job = require "jeton".job
          print(job.name, job.attempt, job.attempts, job.run, job.slot)
          print(job.deadline == require "jeton".deadline, job.deadline - os.time() > 290)
        """, timeout="5m", retries={"attempts": 2})
        done = self.run_job()
        self.assertEqual(done.stdout, f"job\t1\t2\t{self.row()['run']}\tnil\ntrue\ttrue\n")

    def test_without_args_there_are_none(self):
        self.job("print(next(require 'jeton'.args), next(require 'jeton'.job.args))")
        self.assertEqual(self.run_job().stdout, "nil\tnil\n")

    def test_single_args_are_replaced(self):
        shows = "print(require 'jeton.json'.encode(require 'jeton'.args), require 'jeton'.args == require 'jeton'.job.args)"
        self.job(shows, args={"group": "Sales", "top": 10, "of": {"a": 1}})
        done = self.run_job("--arg", "group=R&D = 1", "--arg-json", 'of=[2, null, "x"]', "--arg", "new=")
        self.assertEqual(done.stdout, '{"group":"R&D = 1","new":"","of":[2,null,"x"],"top":10}\ttrue\n')
        self.assertEqual(done.stderr, "")
        done = self.run_job("--dry-run", "--arg", "gruop=x", "--arg", "top=3")
        self.assertEqual(done.stdout, '{"group":"Sales","gruop":"x","of":{"a":1},"top":"3"}\ttrue\n')
        self.assertIn("warning: the args of job 'job' have no 'gruop'; did you mean 'group'?\n", done.stderr)
        self.assertIn("'top' of the args of job 'job' is no text; --arg makes it one, and --arg-json top=…", done.stderr)
        self.job(shows)
        self.assertEqual(self.run_job("--arg-json", "top=3").stdout, '{"top":3}\ttrue\n')
        self.job(shows, args=["a", "b"])
        self.assertEqual(self.run_job("--arg", "2=c", "--arg-json", "3=4").stdout, '["a","c",4]\ttrue\n')
        rows = len(self.rows())
        for key in ("4", "0", "group", "01", "99999999999999999999"):
            done = self.run_job("--arg", key + "=c", status=2)
            self.assertIn(f"are a list: expected a number from 1 to 3 in place of '{key}'", done.stderr)
        self.assertEqual(len(self.rows()), rows)

    def test_a_phone_number_stays_a_string(self):
        self.write("job.lua", "for _, value in ipairs(require 'jeton'.args) do print(math.type(value) or value) end")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs:\n  job: {{ script: job.lua, args: [+33100000001, 007, 7] }}\n")
        self.assertEqual(self.run_job().stdout, "+33100000001\n007\ninteger\n")

    def test_its_memory_is_limited(self):
        self.job("local t = {} for i = 1, 1e9 do t[i] = i end", memory="4MiB")
        done = self.run_job(status=1)
        self.assertIn("memory limit of 4 MiB (memory of the job)", done.stderr)
        self.assertEqual(self.row()["cause"], "script")

    def test_a_directory_or_script_that_is_not_there(self):
        self.job("", directory="nowhere")
        self.assertIn("cannot enter directory", self.run_job(status=3).stderr)
        self.job("")
        os.unlink(self.path("job.lua"))
        self.assertIn("job.lua", self.run_job(status=3).stderr)
        self.assertEqual([(row["exit"], row["cause"]) for row in self.rows()], [(3, "config"), (3, "config")])

    def test_a_dry_run_leaves_no_trace(self):
        self.job("""
          require "jeton.state".set("a", 1)
          print(require "jeton".dry_run, require "jeton".job.name, require "jeton".args.top, os.getenv "WORD")
        """, args={"top": 3}, environment={"WORD": "mot"})
        self.assertEqual(self.run_job("--dry-run").stdout, "true\tjob\t3\tmot\n")
        self.assertFalse(os.path.exists(self.state))


class WithoutConnector(JobCase):
    KAIZALA = "{provider: kaizala, token_service: 'http://127.0.0.1:1/v1', application_id: an-app-id, " \
              "application_secret: hunter2-and-more, refresh_token: the-refresh-token}"
    OTHER = "{provider: oauth2, token_url: 'http://127.0.0.1:1/t', client_id: the-client, " \
            "client_secret: hunter2-and-more, grant: client_credentials, endpoint: 'http://127.0.0.1:1/api'}"
    SDK = "print(require 'kaizala'.connect().connector)"
    TOKEN = "error(select(2, require 'jeton.token'.connector()))"

    def begin(self, script, one, other, **keys):
        self.job(script, connectors=f"connectors:\n  a: {one}\n  b: {other}\n", **keys)

    def test_the_sdk_takes_the_only_one_of_its_service(self):
        for one, other, name in ((self.OTHER, self.KAIZALA, "b"), (self.KAIZALA, self.OTHER, "a")):
            self.begin(self.SDK, one, other)
            self.assertEqual(self.run_job().stdout, name + "\n")
            self.assertNotIn("connectors", self.ok("check").stdout.replace("(2 connectors", ""))
        self.assertEqual(self.ok("run", "-e", "kz.connector").stdout, "a\n")
        self.begin(self.SDK, self.OTHER, self.OTHER)
        self.assertIn("2 connectors are configured, and none is of provider 'kaizala'", self.run_job(status=3).stderr)

    def test_several_are_said_with_the_key_and_before_it_runs(self):
        key = "are configured; set `connector` of job 'job', as in connector: a"
        self.begin(self.TOKEN, self.OTHER, self.KAIZALA)
        self.assertIn("2 connectors " + key, self.run_job(status=3).stderr)
        self.begin(self.SDK, self.KAIZALA, self.KAIZALA)
        says = "2 connectors of provider kaizala " + key
        self.assertIn(says, self.run_job(status=3).stderr)
        self.assertRegex(self.ok("check").stdout, r"jeton\.yaml:\d+:\d+: warning: job 'job': its script calls connect\(\) "
                                                  "without a name, and " + says)
        self.begin(self.SDK, self.KAIZALA, self.KAIZALA, connector="b")
        self.assertNotIn("warning", self.ok("check").stdout)

    def test_a_notice_has_a_key_of_its_own(self):
        self.begin("error 'no luck'", self.KAIZALA, self.KAIZALA, on_failure={"message": {"group": "Sales"}})
        says = "2 connectors of provider kaizala are configured; set `connector` of on_failure, as in connector: a"
        self.assertIn(says, self.run_job(status=1).stderr)
        self.assertIn("job 'job' could not send its notice: " + says, self.ok("check").stdout)


class Usage(JobCase):
    def test_what_a_job_decides_itself(self):
        self.job("")
        for options, says in ((["-C", "x"], "--connector"), (["--timeout", "5s"], "--timeout"),
                              (["--memory", "1MiB"], "--memory"), (["--sandbox", "--scheduled"], "--sandbox"),
                              (["--scheduled", "--dry-run"], "--dry-run"), (["x.lua"], "x.lua"),
                              (["--scheduled", "--arg", "a=1"], "--arg")):
            self.fails(2, "run", "--job", "job", *options, says=says)
        self.fails(2, "run", "--scheduled", "x.lua", says="--job")
        self.fails(2, "run", says="--job")
        self.assertFalse(os.path.exists(self.state))

    def test_a_job_is_no_script(self):
        self.job("")
        says = "there is no script 'job', but a job, which is run by: jeton run --job job"
        self.fails(2, "run", "job", says=says)
        os.mkdir(self.path("job"))
        self.fails(2, "run", "job", says=says)

    def test_a_job_that_is_not_there(self):
        """As after it was renamed: cron's line is heard of."""
        self.job("", schedule="* * * * *")
        self.assertIn("job", self.run_job("--scheduled", name="jop", status=3).stderr)

    def test_a_job_without_a_schedule_is_never_due(self):
        self.job("")
        self.assertIn("no schedule", self.run_job("--scheduled", status=3).stderr)

    def test_a_configuration_that_became_invalid(self):
        self.job("", timeout="soon")
        self.assertIn("timeout", self.run_job("--scheduled", status=3).stderr)


class Attempts(JobCase):
    def test_after_1_5_and_6_others_follow(self):
        self.job("os.exit(({ 1, 5, 6, 0 })[require 'jeton'.job.attempt])", retries={"attempts": 9, "delay": "1ms"})
        self.run_job()
        rows = self.rows()
        self.assertEqual([row["exit"] for row in rows], [1, 5, 6, 0])
        self.assertEqual([row["attempt"] for row in rows], [1, 2, 3, 4])
        self.assertEqual([row["cause"] for row in rows], ["script", "script", "script", None])
        self.assertEqual(len({row["run"] for row in rows}), 1)

    def test_after_others_none(self):
        for status in (0, 2, 3, 4, 7, 8, 9):
            self.job(f"os.exit({status})", retries={"attempts": 3, "delay": "1ms"})
            self.run_job(status=status)
        self.assertEqual([row["attempt"] for row in self.rows()], [1] * 7)

    def test_they_are_at_most_as_many(self):
        self.job("error 'boom'", retries={"attempts": 3, "delay": "1ms"})
        done = self.run_job(status=1)
        self.assertEqual(len(self.rows()), 3)
        for attempt in (1, 2, 3):
            self.assertEqual(done.stderr.count(f"job 'job', attempt {attempt} of 3: {self.path('job.lua')}:1: boom"), 1)
        self.assertEqual(done.stderr.count("the next one begins"), 2)
        self.assertEqual(done.stderr.count("failed after 3 attempts: status 1 (script)"), 1)
        self.assertNotIn("no time", done.stderr)

    def test_none_begins_that_would_be_past_the_deadline(self):
        self.job("os.exit(1)", timeout="30s", retries={"attempts": 3, "delay": "60s"})
        self.assertIn("; its timeout leaves no time for attempt 2 of 3\n", self.run_job(status=1).stderr)
        self.assertEqual(self.row()["exit"], 1)

    def test_the_deadline_is_that_of_all(self):
        """The second attempt has what the first one left: not all of the time again."""
        self.job("""
          local jeton = require "jeton"
          print(jeton.deadline)
          if jeton.job.attempt == 1 then os.exit(1) end
        """, retries={"attempts": 2, "delay": "2s"})
        first, second = map(int, self.run_job().stdout.split())
        self.assertLessEqual(abs(second - first), 1)  # rounded

    def test_at_the_deadline_the_script_ends(self):
        self.job("require 'jeton.task'.sleep(60)", timeout="300ms", retries={"attempts": 3, "delay": "1ms"})
        done = self.run_job(status=8)
        self.assertIn("deadline of 300 ms passed (timeout of the job)", done.stderr)
        self.assertEqual((self.row()["exit"], self.row()["cause"]), (8, "deadline"))

    def test_a_state_is_that_of_the_attempt_that_succeeds(self):
        self.job("""
          local state, attempt = require "jeton.state", require "jeton".job.attempt
          print(attempt, state.get "cursor", state.get "early")
          state.set("early", attempt) state.commit()
          state.set("cursor", attempt)
          if attempt < 3 then os.exit(attempt) end
        """, retries={"attempts": 3, "delay": "1ms"})
        self.run_job(status=2)
        self.assertEqual(self.run_job(status=2).stdout, "1\tnil\t2\n2\tnil\t1\n")
        self.job("""
          local state, attempt = require "jeton.state", require "jeton".job.attempt
          if attempt == 2 then print(state.get "cursor", state.get "early") return end
          state.set("cursor", 7) error "no"
        """, retries={"attempts": 2, "delay": "1ms"})
        self.assertEqual(self.run_job().stdout, "nil\t2\n")


class Said(JobCase):
    def test_a_quiet_success_says_nothing(self):
        self.job("return true")
        done = self.run_job()
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        row = self.row()
        self.assertEqual((row["exit"], row["cause"], row["message"], row["output"]), (0, None, None, None))
        self.assertGreater(row["peak_kib"], 100)
        self.assertGreaterEqual(row["ended_ms"], row["started_ms"])

    def test_a_failure_says_why_and_which_run(self):
        self.job("error 'boom'")
        done = self.run_job(status=1)
        self.assertIn("jeton: error: job 'job': ", done.stderr)
        self.assertIn("stack traceback:", done.stderr)
        self.assertIn(f"job 'job' failed: status 1 (script); run {self.row()['run']}", done.stderr)
        self.assertEqual(self.row()["message"], self.path("job.lua") + ":1: boom")

    def test_a_status_without_a_word_is_heard_of(self):
        self.job("return false")
        self.assertIn("failed: status 1 (script)", self.run_job(status=1).stderr)

    def test_the_cause_is_the_kind_of_the_error(self):
        for kind, status in (("auth", 4), ("network", 5), ("throttled", 6), ("invalid", 1)):
            self.job(f"return nil, require('jeton.http').error {{ kind = '{kind}', message = 'the message' }}")
            self.run_job(status=status)
            row = self.rows()[-1]
            self.assertEqual((row["exit"], row["cause"], row["message"]), (status, kind, "the message"))

    def test_as_json_each_line_is_an_object(self):
        self.job("error 'boom'", retries={"attempts": 2, "delay": "1ms"})
        done = self.jeton("--log-format", "json", "run", "--job", "job")
        self.assertEqual([json.loads(line)["level"] for line in done.stderr.splitlines()],
                         ["error", "warning", "error", "error"])

    def test_output_is_passed_on_and_kept_in_its_order(self):
        self.job("""
          print "one" io.stderr:write "two\\n" print "three" os.execute "echo four" io.stderr:write "five\\n"
        """)
        done = self.run_job()
        self.assertEqual((done.stdout, done.stderr), ("one\nthree\nfour\n", "two\nfive\n"))
        self.assertEqual(sorted(self.output().split()), sorted("one two three four five".split()))
        self.assertEqual(self.row()["output_bytes"], len("one\ntwo\nthree\nfour\nfive\n"))

    def test_nobody_reads_the_output(self):
        self.job("for _ = 1, 100 do print(('x'):rep(10000)) end return true")
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([JETON, "run", "--job", "job"], stdout=write, stderr=subprocess.PIPE, text=True,
                              cwd=self.folder, env=self.env, timeout=60, check=False)
        os.close(write)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("cannot pass on"), 1)
        self.assertEqual(self.row()["output_bytes"], 1000100)


class Tried(JobCase):
    """With --sandbox: the job as it is, but for where Kaizala and the state are."""

    CONNECTORS = """\
connectors:
  contoso:
    provider: kaizala
    token_service: https://kaizala.example.org/v1
    application_id: app-id-of-it
    application_secret: { file: /nowhere/at/all }
    refresh_token: { env: NOT_SET_AT_ALL }
  lent: { token_of: contoso, endpoint: "https://kaizala.example.org/v1" }
  books:
    provider: oauth2
    token_url: https://id.example.org/token
    grant: client_credentials
    client_id: app
    client_secret: { env: NOT_SET_AT_ALL }
    endpoint: https://api.example.org
"""
    SCRIPT = """
local jeton, state, kaizala = require "jeton", require "jeton.state", require "kaizala"
local kz = kaizala.connect()
print(jeton.job.name, jeton.args.group, os.getenv "WORD", os.getenv "JETON_SANDBOX_JOB", state.get "n")
state.set("n", 1)
kz:group_named(jeton.args.group):send_message "Hello"
print(kaizala.connect "contoso":me().name, kaizala.connect "lent":me().name)
print(require "jeton.http".request { connector = "books", path = "/x" })
if jeton.args.fails then error "boom" end
"""

    def tried(self, *options, connector="contoso", **more):
        self.job(self.SCRIPT, connectors=self.CONNECTORS, connector=connector, args={"group": "Sales"},
                 environment={"WORD": "mot"}, heartbeat="https://hc.example.org/1", metrics="job.prom",
                 on_failure={"command": ["touch", "failed"]}, retries={"attempts": 3, "delay": "1ms"})
        return self.run_job("--sandbox", *options, **more)

    def test_with_its_own_settings(self):
        for options in ((), ("-q",)):
            done = self.tried(*options)
            lines = done.stdout.splitlines()
            self.assertEqual(lines[0], "job\tSales\tmot\tnil\tnil")
            self.assertEqual(lines[1], "Alice Martin\tAlice Martin")
            self.assertIn("books", lines[2])  # is not there
            self.assertEqual(done.stderr, "")
        self.assertEqual(sorted(os.listdir(self.folder)), ["jeton.yaml", "job.lua"])

    def test_with_other_args(self):
        done = self.tried("--arg", "group=Sales North", "--dry-run")
        self.assertIn("Sales North", done.stdout)
        self.assertIn("dry run: 1 request was printed, not sent", done.stderr)

    def test_a_failure_is_told_to_nobody(self):
        done = self.tried("--arg", "fails=1", status=1)
        self.assertEqual(done.stderr.count("boom"), 1)
        self.assertIn("job 'job': ", done.stderr)
        self.assertEqual(sorted(os.listdir(self.folder)), ["jeton.yaml", "job.lua"])

    def test_from_another_folder(self):
        self.tried()
        done = self.fails(0, "-c", self.path("jeton.yaml"), "run", "--sandbox", "--job", "job", "--arg", "group=Sales",
                          env={"JETON_CONFIG": "/nowhere"})
        self.assertIn("Alice", done.stdout)

    def test_another_service_has_no_sandbox(self):
        self.assertIn("connector 'books' of job 'job' is of another service", self.tried(connector="books", status=2).stderr)
        self.fails(3, "run", "--sandbox", "--job", "jop", says="did you mean 'job'?")

    def test_without_connectors_there_is_one(self):
        self.job("print(require 'kaizala'.connect():me().name)")
        self.assertEqual(self.run_job("--sandbox").stdout, "Alice Martin\n")


class Brief(JobCase):
    """With --scheduled, as cron mails it: a line for each attempt, and nothing of a success."""

    SCRIPT = """
local log = require "jeton.log"
log.info "info of the script" log.debug "debug of the script"
local function inner() %s end
inner()
return true
"""

    def scheduled(self, *options, status=0, what="", **keys):
        self.job(self.SCRIPT % what, schedule="* * * * *", **keys)
        if os.path.exists(self.state):
            db = sqlite3.connect(os.path.join(self.state, "jeton.db"))
            with db:
                db.execute("DELETE FROM slot")
            db.close()
        return self.fails(status, *options, "run", "--job", "job", "--scheduled")

    def test_a_line_for_each_attempt(self):
        done = self.scheduled(status=1, what="error 'boom'", retries={"attempts": 2, "delay": "1ms"})
        run = self.rows()[0]["run"]
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.splitlines(), [
            f"jeton: warning: job 'job': attempt 1 of 2 ended with status 1 (script): {self.path('job.lua')}:4: boom "
            "(at job.lua:5); the next one begins in 0.001 s",
            f"jeton: error: job 'job' failed after 2 attempts: status 1 (script): {self.path('job.lua')}:4: boom "
            f"(at job.lua:5); all of it: jeton logs {run}"])
        for row in self.rows():
            self.assertEqual(row["message"], self.path("job.lua") + ":4: boom")
            for kept in ("info of the script", ":4: boom\nstack traceback:\n\t", "in local 'inner'"):
                self.assertIn(kept, row["output"].decode())
            self.assertEqual(row["output_bytes"], len(row["output"]))
        self.assertIn("stack traceback:", self.ok("logs", run).stdout)

    def test_the_command_names_the_configuration(self):
        config = os.path.relpath(self.path("jeton.yaml"), self.folder)
        done = self.scheduled("-c", config, status=1, what="error({}, 0)")
        self.assertIn(f"; all of it: jeton -c {config} logs {self.row()['run']}\n", done.stderr)

    def test_errors_of_all_kinds(self):
        make = "require 'jeton.http'.error { kind = 'auth', message = 'no permission' }"
        for what, status, says in (
                ("error('no luck', 0)", 1, "status 1 (script): no luck; all"),
                ("return nil", 1, None),
                (f"error({make})", 4, "status 4 (auth): no permission (at job.lua:4, job.lua:5); all"),
                ("table.sort({ 2, 1 }, function() error 'boom' end)", 1, "job.lua:4: boom (at job.lua:5); all"),
                ("os.exit(3)", 3, "status 3 (script); all"),
                ("require 'no.such.module'", 1, None),
                ("io.stderr:write 'its own\\n' os.exit(9)", 9, "its own\njeton: error: job 'job' failed: status 9 (script); all")):
            done = self.scheduled(status=status if says else 0 if what == "return nil" else status, what=what)
            if says:
                self.assertIn(says, done.stderr)
                self.assertEqual(done.stderr.count("jeton: "), 1, done.stderr)
            self.assertNotIn("traceback", done.stderr)

    def test_before_the_script(self):
        self.job("", schedule="* * * * *", directory="nowhere")
        done = self.run_job("--scheduled", status=3)
        self.assertRegex(done.stderr, r"^jeton: error: job 'job' failed: status 3 \(config\): cannot enter directory .*\n$")

    def test_a_success_says_nothing(self):
        done = self.scheduled()
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual(self.output(), "jeton: info: info of the script\n")

    def test_the_level_is_the_jobs(self):
        warns = "log.warn 'warning of the script'"
        info, warning, debug = (f"jeton: {level}: {level} of the script\n" for level in ("info", "warning", "debug"))
        for level, passed, kept in ((None, warning, info + warning), ("warn", warning, info + warning),
                                    ("error", "", info + warning),
                                    ("info", info + warning, info + warning), ("debug", info + debug + warning, info + debug + warning)):
            done = self.scheduled(what=warns, **({"log_level": level} if level else {}))
            self.assertEqual(done.stderr, passed, level)
            self.assertEqual(sorted(self.rows()[-1]["output"].decode().splitlines()), sorted(kept.splitlines()), level)
        done = self.scheduled(status=1, what="error 'boom'", log_level="error", retries={"attempts": 3, "delay": "1ms"})
        self.assertRegex(done.stderr, r"^jeton: error: job 'job' failed after 3 attempts: [^\n]*\n$")
        self.assertEqual(self.run_job(status=1).stderr.count("\n\t"), 6)  # by hand the tracebacks are shown
        self.assertNotIn("info of", self.run_job(status=1).stderr)

    def test_verbose_is_all_of_it(self):
        done = self.scheduled("-v", status=1, what="error 'boom'", log_level="error")
        for says in ("stack traceback:", "jeton: debug: debug of the script", f"failed: status 1 (script); run {self.row()['run']}"):
            self.assertIn(says, done.stderr)

    def test_what_secrets_are_in_it_are_masked(self):
        self.job("error(require 'jeton.token'.get 'contoso' or 'it was hunter2-and-more')", schedule="* * * * *",
                 connectors=Masking.CONNECTORS.replace("application_id: app", "application_id: app-id-of-it"))
        done = self.run_job("--scheduled", status=1, env={"APP_SECRET": "hunter2-and-more"})
        self.assertIn("it was ********", done.stderr)
        self.assertNotIn("hunter2", done.stderr + self.output())

    def test_as_json(self):
        done = self.scheduled("--log-format", "json", status=1, what="error 'boom'")
        line, = map(json.loads, done.stderr.splitlines())
        self.assertEqual(line["level"], "error")
        self.assertIn("boom (at job.lua:5); all of it: jeton logs", line["message"])
        self.assertIn("traceback", json.loads(self.output().splitlines()[-1]))


class Masking(JobCase):
    CONNECTORS = """\
connectors:
  contoso:
    provider: kaizala
    token_service: http://127.0.0.1:1/v1
    application_id: app
    application_secret: { env: APP_SECRET }
    refresh_token: configured-refresh-token
    retries: 0
"""

    def test_secrets_are_masked_in_what_is_kept(self):
        """Known ones, ones that came during the run, and across writes."""
        self.job("""
          print "configured-refresh-token"
          require "jeton.token".get "contoso" -- reads the secret
          io.write "hunter" io.flush() io.write "2-and-more\\n"
          io.stderr:write(require "jeton.crypto".base64("hunter2-and-more"), "\\n")
          error "it was hunter2-and-more"
        """, connectors=self.CONNECTORS.replace("application_id: app", "application_id: app-id-of-it"))
        done = self.run_job(status=1, env={"APP_SECRET": "hunter2-and-more"})
        self.assertIn("configured-refresh-token", done.stdout)  # a script's own print is its own affair
        self.assertIn("hunter2-and-more", done.stdout)
        row = self.row()
        for secret in (b"configured-refresh", b"hunter2", b"aHVudGVyMi1hbmQ"):
            self.assertNotIn(secret, row["output"])
        self.assertGreaterEqual(row["output"].count(b"********"), 4)
        self.assertIn("it was ********", row["message"])
        with open(os.path.join(self.state, "jeton.db"), "rb") as file:
            self.assertNotIn(b"hunter2-and-more", file.read())

    def test_lines_stay_whole(self):
        """The end of each of the first two may be the beginning of a secret in base64, which may go on in the next line."""
        self.job("""
          local pause = require "jeton.task".sleep
          require "jeton.token".get "contoso"
          print "output aHVudG" pause(0.2)
          io.stderr:write "error aHVudG\\n" pause(0.2)
          io.stderr:write "another\\n" pause(0.2)
          io.write "open" io.flush() pause(0.2) io.stderr:write "one\\n" pause(0.2)
          print " line"
        """, connectors=self.CONNECTORS.replace("application_id: app", "application_id: app-id-of-it"))
        self.run_job(env={"APP_SECRET": "hunter2-and-more"})
        lines = self.row()["output"].decode().splitlines()
        self.assertEqual(sorted(lines), [" line", "another", "error aHVudG", "openone", "output aHVudG"], lines)
        self.assertLess(lines.index("error aHVudG"), lines.index("another"))

    def test_a_line_of_any_length(self):
        self.job("""io.write(("0123456789"):rep(1000)) io.flush() require "jeton.task".sleep(0.1) print "end" """)
        self.run_job()
        self.assertEqual(self.row()["output"], b"0123456789" * 1000 + b"end\n")

    def test_even_where_the_script_is_killed(self):
        self.job("""
          require "jeton.token".get "contoso"
          print(os.getenv "APP_SECRET") io.flush()
          os.execute "kill -9 $PPID"
        """, connectors=self.CONNECTORS.replace("application_id: app", "application_id: app-id-of-it"))
        self.run_job(status=137, env={"APP_SECRET": "hunter2-and-more"})
        row = self.row()
        self.assertEqual((row["exit"], row["cause"]), (137, "signal"))
        self.assertIn(b"********", row["output"])
        self.assertNotIn(b"hunter2", row["output"])

    def test_even_half_of_one(self):
        self.job("""
          require "jeton.token".get "contoso"
          io.write("it is ", (os.getenv "APP_SECRET"):sub(1, 11)) io.flush()
          os.execute "kill -9 $PPID"
        """, connectors=self.CONNECTORS.replace("application_id: app", "application_id: app-id-of-it"))
        self.run_job(status=137, env={"APP_SECRET": "hunter2-and-more"})
        self.assertEqual(self.row()["output"], b"it is ********")


class Counted(JobCase):
    def test_requests_and_exchanges(self):
        sandbox = self.sandbox()
        with open(self.configure(sandbox.base), encoding="utf-8") as file:
            connectors = file.read().split("connectors:")[1]
        self.job("local kz = require 'kaizala'.connect() kz:me() kz:me()", connectors="connectors:" + connectors)
        self.run_job()
        self.run_job()
        self.assertEqual([(row["requests"], row["exchanges"]) for row in self.rows()], [(2, 1), (2, 0)])


class Retention(JobCase):
    def test_as_long_as_the_configuration_says(self):
        self.job("", history="history: { days: 3 }\n")
        for time in ("01 12:00:00", "02 13:00:00", "05 12:00:00"):
            self.run_job(env=self.faketime(f"@2026-01-{time}"))
        self.assertEqual([row["started_ms"] // 86400000 - 20454 for row in self.rows()], [1, 4])  # days after the 1st

    def test_as_many_runs_as_the_configuration_says(self):
        self.job("os.exit(require 'jeton'.job.attempt - 1)", history="history: { keep: 3 }\n")
        for _ in range(5):
            self.run_job()
        self.assertEqual(len(self.rows()), 3)
        self.job("", history="history: { keep: 0, days: 0 }\n")
        self.run_job()
        self.assertEqual(len(self.rows()), 1)


class Signals(JobCase):
    def test_a_signal_is_passed_on_and_recorded(self):
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.job("""
              local task = require "jeton.task"
              local _ <close> = setmetatable({}, { __close = function() print "cleaned up" end })
              io.open("ready", "w"):close()
              task.sleep(60)
            """, retries={"attempts": 3, "delay": "1ms"})
            process = self.start_job()
            self.wait_for("ready")
            process.send_signal(signo)
            out, err = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 128 + signo, err)
            self.assertEqual(out, b"cleaned up\n")
            os.unlink(self.path("ready"))
        self.assertEqual([(row["exit"], row["cause"]) for row in self.rows()],
                         [(130, "signal"), (143, "signal"), (129, "signal")])

    def test_a_program_in_front_keeps_none_from_the_script(self):
        """A terminal's Ctrl-C is its supervisor's: the program is in another group, and hears nothing of it."""
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.job("""
              local _ <close> = setmetatable({}, { __close = function() print "cleaned up" end })
              os.execute "echo >ready; exec sleep 300"
            """)
            process = self.start_job()
            self.wait_for("ready")
            time.sleep(0.2)
            process.send_signal(signo)
            out, err = process.communicate(timeout=30)
            self.assertEqual((process.returncode, out), (128 + signo, b"cleaned up\n"), err)
            os.unlink(self.path("ready"))

    def test_a_signal_to_all_processes_is_one_signal(self):
        """As systemd stops a service: the script hears it twice, and has its time to clean up all the same."""
        self.job("""
          local task = require "jeton.task"
          local function clean_up() task.sleep(0.3) print "cleaned up" end
          local _ <close> = setmetatable({}, { __close = clean_up })
          print("pid " .. io.open("/proc/self/stat"):read "n")
          task.sleep(60)
        """)
        process = self.start_job()
        os.kill(pids_of(process.stdout.readline().decode())[0], signal.SIGTERM)
        process.terminate()
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (143, b"cleaned up\n"), err)

    def test_a_signal_between_attempts_ends_the_run(self):
        self.job("io.open('ready', 'w'):close() os.exit(1)", retries={"attempts": 2, "delay": "50s"})
        process = self.start_job()
        self.wait_for("ready")
        wait_until(lambda: self.rows()[0]["exit"] == 1, 30)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 143)
        self.assertEqual([(row["exit"], row["cause"]) for row in self.rows()], [(1, "script"), (143, "signal")])

    def test_a_signal_that_was_ignored_stays_so(self):
        self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'")
        old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            process = self.start_job()
        finally:
            signal.signal(signal.SIGHUP, old)
        self.wait_for("ready")
        process.send_signal(signal.SIGHUP)
        self.write("go", "")
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0)


class Interrupted(JobCase):
    def test_the_script_dies_with_its_supervisor(self):
        self.job(WAITS + """
          local file = io.open("/proc/self/stat")
          print("pid " .. file:read "n")
          io.open("ready", "w"):close()
          wait_for "go"
        """)
        process = self.start_job()
        pid = int(process.stdout.readline().split()[1])
        self.wait_for("ready")
        process.kill()
        process.wait()
        wait_until(lambda: not is_alive(pid), 20)
        self.assertEqual((self.row()["exit"], self.row()["cause"]), (None, None))

        self.write("go", "")
        done = self.run_job()  # the lock is free
        self.assertIn(f"run {self.rows()[0]['run']}", done.stderr)
        self.assertIn("was interrupted: it was killed, the machine went down, or its end could not be recorded", done.stderr)
        first, second = self.rows()
        self.assertEqual((first["exit"], first["cause"], first["ended_ms"]), (None, "interrupted", None))
        self.assertEqual((second["exit"], second["cause"]), (0, None))
        self.assertEqual(self.run_job().stderr, "")

    def test_killed_between_two_attempts(self):
        """The run did not end with the first one: it is not left at that."""
        self.job("io.open('ready', 'w'):close() os.exit(1)", retries={"attempts": 2, "delay": "50m"})
        process = self.start_job()
        self.wait_for("ready")
        wait_until(lambda: len(self.rows()) == 2, 30)
        process.kill()
        process.wait()
        self.job("")
        self.assertIn("was interrupted", self.run_job().stderr)
        self.assertEqual([(row["attempt"], row["exit"], row["cause"]) for row in self.rows()],
                         [(1, 1, "script"), (2, None, "interrupted"), (1, 0, None)])

    def test_killed_as_soon_as_the_first_attempt_is_recorded(self):
        self.job("os.exit(1)", retries={"attempts": 2, "delay": "0s"})
        done = self.jeton("run", "--job", "job", program=JETON_FAULTY, env={"JETON_FAULT": "job-again=kill"})
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        self.job("")
        self.assertIn("was interrupted", self.run_job().stderr)
        self.assertEqual([(row["attempt"], row["exit"], row["cause"]) for row in self.rows()],
                         [(1, 1, "script"), (2, None, "interrupted"), (1, 0, None)])


if __name__ == "__main__":
    unittest.main()
