"""`jeton history` and `jeton logs`: what is shown of past runs."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import unittest
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

from jobs import WAITS, JobCase
from support import JETON, wait_until

FAILS_TWICE = """
local job = require "jeton".job
print("attempt " .. job.attempt)
if job.attempt < 3 then error("no. " .. job.attempt, 0) end
"""


class HistoryCase(JobCase):
    def history(self, *options):
        return json.loads(self.ok("history", "--json", *options).stdout)

    def kill_one(self):
        """A run whose supervisor was killed."""
        self.job(WAITS + 'io.open("begun", "w"):close() wait_for "never"')
        process = self.start_job()
        self.wait_for("begun")
        self.kill_job(process)
        # What ends the script's programs has the run's lease a moment longer.
        wait_until(lambda: self.history("--limit", "1")[0]["cause"] == "interrupted", 20)
        os.unlink(self.path("begun"))


def grow(test, numbers, **given):
    """Rows like the first one, one for each number i."""
    db = sqlite3.connect(os.path.join(test.state, "jeton.db"))
    with db:
        names = [row[1] for row in db.execute("PRAGMA table_info(run)") if row[1] != "row"]
        db.execute(f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {numbers}) "
                   f"INSERT INTO run ({', '.join(names)}) SELECT {', '.join(given.get(name, name) for name in names)} "
                   "FROM n, (SELECT * FROM run ORDER BY row LIMIT 1)")
    db.close()


class AsJson(HistoryCase):
    def test_nothing_yet(self):
        self.job("")
        self.assertEqual(self.history(), [])
        self.assertEqual(self.history("job"), [])

    def test_the_fields_of_each_attempt_newest_first(self):
        self.job(FAILS_TWICE, retries={"attempts": 3, "delay": "1ms"})
        self.run_job()
        rows = self.history()
        self.assertEqual([row["attempt"] for row in rows], [3, 2, 1])
        self.assertEqual([row["exit"] for row in rows], [0, 1, 1])
        self.assertEqual([row["cause"] for row in rows], [None, "script", "script"])
        self.assertEqual([row["message"] for row in rows], [None, "no. 2", "no. 1"])
        self.assertEqual({(row["run"], row["job"], row["slot"]) for row in rows}, {(self.rows()[0]["run"], "job", None)})
        for row in rows:
            self.assertEqual(set(row), {"run", "job", "slot", "attempt", "started_at", "ended_at", "exit", "cause",
                                        "configuration", "host", "message", "requests", "exchanges", "peak_kib", "output_bytes"})
            started, ended = (datetime.fromisoformat(row[name]) for name in ("started_at", "ended_at"))
            self.assertIsNotNone(started.tzinfo)
            self.assertLessEqual(started, ended)
            self.assertEqual((row["requests"], row["exchanges"]), (0, 0))
            self.assertGreater(row["peak_kib"], 0)

    def test_requests_and_exchanges_are_counted(self):
        sandbox = self.sandbox()
        self.configure(sandbox.url + "/v1")
        with open(self.path("jeton.yaml"), "a", encoding="utf-8") as file:
            file.write("jobs: { job: { script: job.lua } }\n")
        self.write("job.lua", 'local kz = require "kaizala".connect() kz:me() kz:me()')
        self.run_job()
        self.assertEqual([(row["requests"], row["exchanges"]) for row in self.history()], [(2, 1)])

    def test_a_slot_has_its_time(self):
        self.job("", schedule="* * * * *")
        self.run_job("--scheduled")
        slot = datetime.fromisoformat(self.history()[0]["slot"])
        self.assertEqual((slot.second, slot.microsecond), (0, 0))

    def test_a_limit_and_a_job(self):
        for name in ("one", "two"):
            self.job("", name=name)
            for _ in range(3):
                self.run_job(name=name)
        self.assertEqual(len(self.history()), 6)
        self.assertEqual([row["job"] for row in self.history("--limit", "4")], ["two"] * 3 + ["one"])
        # Not configured any more; what it did is still known.
        self.assertEqual([row["job"] for row in self.history("one", "--limit", "2")], ["one"] * 2)

    def test_more_than_64_mib(self):
        self.job("error('no', 0)")
        self.run_job(status=1)
        grow(self, 12000, run="printf('old%05d', i)", message="replace(hex(zeroblob(500)), '0', char(1))")
        self.assertEqual(len(self.history("--limit", "20000")), 12001)

    def test_interrupted(self):
        self.kill_one()
        self.assertEqual([(row["exit"], row["cause"], row["ended_at"]) for row in self.history()],
                         [(None, "interrupted", None)])
        self.job("")
        self.run_job()
        self.assertEqual([(row["exit"], row["cause"]) for row in self.history()], [(0, None), (None, "interrupted")])


class AsText(HistoryCase):
    def table(self, *options):
        return [line.split() for line in self.ok("history", *options).stdout.splitlines()]

    def test_nothing_yet(self):
        self.job("")
        done = self.ok("history")
        self.assertEqual((done.stdout, done.stderr), ("", "jeton: info: no runs yet\n"))

    def test_where_runs_of_several_hosts_ran(self):
        self.job("")
        for _ in range(2):
            self.run_job()
        page = self.path("page.html")

        def shown():
            self.ok("history", "--html", page)
            with open(page, encoding="utf-8") as file:
                text = file.read()
            return self.ok("history").stdout, ">Host<" in text, ">elsewhere<" in text

        self.assertEqual(("HOST" in shown()[0], *shown()[1:]), (False, False, False))
        first, db = self.rows()[0]["run"], sqlite3.connect(os.path.join(self.state, "jeton.db"))
        with db:
            db.execute("UPDATE run SET host = CASE run WHEN ? THEN 'elsewhere' ELSE 'here' END", (first,))
        db.close()
        table, *on_page = shown()
        head, *rows = (line.split() for line in table.splitlines()[:3])
        self.assertEqual((head[:3], on_page), (["RUN", "JOB", "HOST"], [True, True]))
        self.assertEqual({row[1]: row[3] for row in rows}[first], "elsewhere")
        self.assertEqual({row[3] for row in rows}, {"here", "elsewhere"})

    def test_good_failed_and_the_summary(self):
        self.job(FAILS_TWICE, retries={"attempts": 3, "delay": "1ms"})
        self.run_job()
        run = self.rows()[0]["run"]
        table = self.table()
        self.assertEqual(table[0], ["RUN", "JOB", "STARTED", "TOOK", "EXIT", "WHY"])
        self.assertEqual(table[1][:3] + table[1][-3:], ["✓", run, "job", "0", "3", "attempts"])
        self.assertEqual([row[:3] for row in table[2:5]],
                         [["✗", "attempt", "1"], ["✗", "attempt", "2"], ["✓", "attempt", "3"]])
        self.assertEqual(table[2][-4:], ["1", "script:", "no.", "1"])
        self.assertEqual(table[5], [])
        self.assertRegex(" ".join(table[6]), "^job [▁-█] 1 good, 0 failed; median .+, longest .+")

    def test_a_long_message_is_cut_between_characters(self):
        self.job("error(('é'):rep(300), 0)")
        self.run_job(status=1)
        self.assertEqual(self.table()[1][-2:], ["script:", "é" * 99 + "…"])

    def test_a_run_counts_once_as_it_ended(self):
        """With the time of all its attempts, and of the delays between them."""
        self.job(FAILS_TWICE, retries={"attempts": 3, "delay": "1s"})
        self.run_job()
        self.job(FAILS_TWICE, retries={"attempts": 2, "delay": "1ms"})
        self.run_job(status=1)
        table = self.table()
        self.assertEqual([row[0] for row in table[1:8]], ["✗", "✗", "✗", "✓", "✗", "✗", "✓"])
        self.assertEqual(table[1][-6:], ["1", "script,", "2", "attempts:", "no.", "2"])
        self.assertRegex(" ".join(table[9]), r"^job [▁-█]{2} 1 good, 1 failed; median [2-9]\.\d s, longest [2-9]\.\d s")
        self.assertEqual([row[0] for row in self.table("--limit", "1")[1:4]], ["✗", "✗", "✗"])
        self.assertEqual(len(self.history("--limit", "2")), 5)
        self.assertEqual(len(self.history("--limit", "1")), 2)

    def test_running_and_skipped(self):
        self.job(WAITS + 'io.open("begun", "w"):close() wait_for "go"')
        process = self.start_job()
        self.wait_for("begun")
        self.run_job(status=7)
        marks = {row[0]: row for row in self.table() if row and row[0] in "●–"}
        self.assertEqual(marks["–"][-2:], ["7", "locked"])
        self.assertEqual(marks["●"][-2:], ["-", "running"])
        open(self.path("go"), "w", encoding="utf-8").close()
        self.finish_all([process])
        self.assertEqual(sorted(row[0] for row in self.table()[1:3]), ["–", "✓"])

    def test_interrupted(self):
        self.kill_one()
        self.assertEqual((self.table()[1][0], self.table()[1][-2:]), ("✗", ["-", "interrupted"]))


class Picked(HistoryCase):
    """--failed and --since, which look at runs, not at attempts."""

    def three(self):
        """Two that failed, the second of them by a kill, and one that succeeded after two failures."""
        self.job("error 'boom'", retries={"attempts": 2, "delay": "1ms"})
        self.run_job(status=1)
        self.kill_one()
        self.job(FAILS_TWICE, name="other", retries={"attempts": 3, "delay": "1ms"})
        self.run_job(name="other")

    def shift(self, job, hours):
        """As if it had run so long ago."""
        db = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        with db:
            db.execute("UPDATE run SET started_ms = started_ms - ?1, ended_ms = ended_ms - ?1 WHERE job = ?2",
                       (hours * 3600 * 1000, job))
        db.close()

    def test_runs_that_failed_in_the_end(self):
        self.three()
        self.assertEqual([(row["job"], row["attempt"], row["cause"]) for row in self.history("--failed")],
                         [("job", 1, "interrupted"), ("job", 2, "script"), ("job", 1, "script")])
        self.assertEqual([row["cause"] for row in self.history("--failed", "--limit", "1")], ["interrupted"])
        self.assertEqual(self.history("--failed", "other"), [])
        done = self.ok("history", "--failed")
        self.assertEqual([line[0] for line in done.stdout.splitlines()], [" ", "✗", "✗", " ", " "])
        self.assertNotIn("good", done.stdout)
        done = self.ok("history", "--failed", "other")
        self.assertEqual((done.stdout, done.stderr), ("", "jeton: info: no run failed\n"))

    def test_runs_that_ended_since(self):
        self.three()
        self.shift("job", 48)
        for since in ("1d", "47h", "2000m"):
            self.assertEqual({row["job"] for row in self.history("--since", since)}, {"other"})
        for since in ("49h", "3d", "2026-01-31", "2026-01-31 08:00", "2026-01-31T08:00:00+05:30", "2026-01-31T08:00:00Z"):
            self.assertEqual({row["job"] for row in self.history("--since", since)}, {"job", "other"})
        self.assertEqual([row["cause"] for row in self.history("--since", "3d", "--failed", "--limit", "1")],
                         ["interrupted"])
        done = self.ok("history", "--since", "1d", "--failed")
        self.assertEqual((done.stdout, done.stderr), ("", "jeton: info: no run failed since 1d\n"))

    def test_times_are_local_where_they_name_no_offset(self):
        self.job("")
        self.run_job()
        started = datetime.fromisoformat(self.history()[0]["started_at"])
        ended = datetime.fromisoformat(self.history()[0]["ended_at"])
        self.env["TZ"] = "Asia/Kolkata"
        for moment, found in ((started.replace(microsecond=0), 1), (ended + timedelta(seconds=1), 0)):
            there = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
            for text in (there.isoformat("T", "seconds"), there.strftime("%Y-%m-%d %H:%M:%S"), there.strftime("%H:%M:%S")):
                if found == 0:
                    wait_until(lambda: datetime.now().timestamp() > moment.timestamp())
                self.assertEqual(len(self.history("--since", text)), found, text)

    def test_without_a_limit_all_of_them(self):
        self.job("")
        for _ in range(21):
            self.run_job()
        self.assertEqual(len(self.history()), 20)
        self.assertEqual(len(self.history("--since", "1h")), 21)

    def test_a_list_that_is_cut_says_so(self):
        more = "jeton: info: the newest 20; --limit N shows more\n"
        self.job("error('no', 0)", retries={"attempts": 2, "delay": "1ms"})
        self.run_job(status=1)
        grow(self, 19, run="printf('old%05d', i)")
        for args in (), ("--failed",):
            self.assertEqual(self.ok("history", *args).stderr, "")
        grow(self, 1, run="'one_more'")
        for args, says in (((), more), (("--failed",), more), (("--limit", "20"), ""), (("--since", "1h"), ""), (("--json",), "")):
            self.assertEqual(self.ok("history", *args).stderr, says)

    def test_what_is_no_time(self):
        self.job("")
        for text, says in (("soon", "expected a duration such as 12h"), ("2026-13-01", "not '2026-13-01'"),
                           ("2026-02-30", "not '2026-02-30'"), ("2026-02-01T08:00:00+25:00", "not '2026-02-01T08:00:00+25:00'"),
                           ("2026-02-29T08:00:00Z", "not '2026-02-29T08:00:00Z'"),
                           ("08:00 or so", "not '08:00 or so'"), ("2999-01-01", "2999-01-01 is yet to come")):
            self.fails(2, "history", "--since", text, says=says)


class Followed(HistoryCase):
    """logs -f"""

    SCRIPT = WAITS + """
local job = require "jeton".job
print("first of " .. job.attempt) io.write "half" io.flush()
io.open("begun" .. job.attempt, "w"):close()
wait_for("go" .. job.attempt)
print " line"
if job.attempt < job.attempts then error("no. " .. job.attempt, 0) end
"""

    def go(self, attempt):
        open(self.path(f"go{attempt}"), "w", encoding="utf-8").close()

    def read_until(self, process, text):
        shown = b""
        while not shown.endswith(text):
            byte = os.read(process.stdout.fileno(), 1)
            self.assertNotEqual(byte, b"", shown)
            shown += byte
        return shown

    def live(self):
        return os.listdir(os.path.join(self.state, "live"))

    def test_while_it_runs(self):
        self.job(self.SCRIPT, retries={"attempts": 2, "delay": "1ms"})
        process = self.start_job()
        self.wait_for("begun1")
        run = self.rows()[0]["run"]
        self.assertEqual(os.stat(os.path.join(self.state, "live", run + "-1")).st_mode & 0o777, 0o600)
        follower = self.start("logs", "-f", "job")
        self.assertEqual(self.read_until(follower, b"half"), b"first of 1\nhalf")
        self.go(1)
        self.assertEqual(self.read_until(follower, b"half"), b" line\njeton: error: job 'job', attempt 1 of 2: no. 1\nfirst of 2\nhalf")
        self.go(2)
        out, err = follower.communicate(timeout=30)
        self.assertEqual((follower.returncode, out), (0, b" line\n"))
        said = err.decode().splitlines()
        self.assertEqual(len(said), 4, said)
        self.assertRegex(said[0], f"run {run} of job 'job', attempt 1, .*: running$")
        self.assertRegex(said[1], r"attempt 1, .*: exit 1 after .*, script: no. 1$")
        self.assertRegex(said[3], r"attempt 2, .*: exit 0 after [^,]*$")
        self.finish_all([process])
        self.assertEqual(self.live(), [])
        self.assertEqual(self.ok("logs", "-f", run).stdout, self.ok("logs", run).stdout)

    def test_a_fifo_among_them_stops_nobody(self):
        self.job("print 'done'")
        self.ok("run", "--job", "job")
        os.makedirs(os.path.join(self.state, "live"), 0o700, exist_ok=True)
        os.mkfifo(os.path.join(self.state, "live", "left"), 0o600)
        self.assertEqual(self.ok("run", "--job", "job").stdout, "done\n")

    def test_a_secret_is_masked_before_it_gets_there(self):
        self.configure("http://127.0.0.1:1/v1")
        with open(self.path("jeton.yaml"), "a", encoding="utf-8") as file:
            file.write("jobs: { job: { script: job.lua } }\n")
        self.write("job.lua", WAITS + 'io.write "SLS3T" io.flush() print "38IL0" io.flush() '
                                      'io.open("begun", "w"):close() wait_for "go"')
        process = self.start_job()
        self.wait_for("begun")
        follower = self.start("logs", "-f", "job")
        self.assertEqual(self.read_until(follower, b"\n"), b"********\n")
        name, = self.live()
        self.assertNotIn(b"SLS3T", self.bytes_of(name))
        open(self.path("go"), "w", encoding="utf-8").close()
        self.finish_all([process])
        follower.communicate(timeout=30)

    def bytes_of(self, name):
        with open(os.path.join(self.state, "live", name), "rb") as file:
            return file.read()

    def test_more_than_is_kept(self):
        self.job(WAITS + """
          for i = 1, 20000 do print(("%06d é"):format(i)) end io.flush() io.open("begun", "w"):close() wait_for "go"
        """)
        process = self.start_silent()
        self.wait_for("begun")
        name, = self.live()
        wait_until(lambda: b"020000 " in self.bytes_of(name), 60)  # the supervisor has read all of it
        follower = self.start("logs", "-f", "job")
        shown = self.read_until(follower, "020000 é\n".encode())
        self.assertLessEqual(len(shown), 65536)
        self.assertGreater(len(shown), 65000)
        self.assertTrue(shown.endswith("019999 é\n020000 é\n".encode()))
        open(self.path("go"), "w", encoding="utf-8").close()
        process.wait(30)
        out, err = follower.communicate(timeout=30)
        self.assertEqual((follower.returncode, out), (0, b""))
        self.assertIn(b"bytes before this are gone", err)

    def test_one_that_is_killed(self):
        self.job(self.SCRIPT)
        process = self.start_job()
        self.wait_for("begun1")
        follower = self.start("logs", "-f", "job")
        self.read_until(follower, b"half")
        self.kill_job(process)
        out, err = follower.communicate(timeout=30)
        self.assertEqual((follower.returncode, out), (0, b"\n"))
        self.assertIn(b"no exit status, interrupted", err)
        self.assertEqual(len(self.live()), 1)
        self.job("")
        self.run_job()  # clears what the other left
        self.assertEqual(self.live(), [])

    def test_one_that_has_ended(self):
        self.job("print 'all of it'")
        self.run_job()
        self.assertEqual(self.ok("logs", "-f", "job").stdout, "all of it\n")
        self.fails(3, "logs", "-f", "jop", says="there is no run 'jop'")


class Jobs(HistoryCase):
    def jobs(self, jobs):
        for name, (script, _) in jobs.items():
            self.write(name + ".lua", script)
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs:\n" + "".join(
            f"  {name}: {json.dumps({'script': name + '.lua', **keys})}\n" for name, (_, keys) in jobs.items()))

    def listed(self, **more):
        return {job["job"]: job for job in json.loads(self.ok("jobs", "--json", **more).stdout)}

    def test_when_each_is_due_and_how_it_ended(self):
        self.jobs({"good": ("", {"schedule": "30 8 * * *", "timezone": "Asia/Kolkata"}),
                   "bad": ("error 'boom'", {"retries": {"attempts": 2, "delay": "1ms"}}),
                   "boot": ("", {"schedule": "@reboot"})})
        never = {"last_run": None, "last_exit": None, "last_cause": None, "last_at": None}
        for job in self.listed().values():
            self.assertEqual(job, {**job, **never})
        self.assertFalse(os.path.exists(self.state))
        self.run_job(name="good")
        self.run_job(name="bad", status=1)
        listed, rows = self.listed(env={"TZ": "UTC"}), self.history()
        self.assertEqual(list(listed), ["good", "bad", "boot"])
        self.assertEqual((listed["good"]["schedule"], listed["good"]["timezone"]), ("30 8 * * *", "Asia/Kolkata"))
        self.assertRegex(listed["good"]["next_at"], r"T03:00:00\+00:00$")
        self.assertEqual([listed[name]["next_at"] for name in ("bad", "boot")], [None, None])
        self.assertEqual({key: listed["bad"][key] for key in never},
                         {"last_run": rows[0]["run"], "last_exit": 1, "last_cause": "script",
                          "last_at": listed["bad"]["last_at"]})
        self.assertEqual(datetime.fromisoformat(listed["bad"]["last_at"]), datetime.fromisoformat(rows[0]["started_at"]))
        self.assertEqual((listed["good"]["last_exit"], listed["good"]["last_cause"]), (0, None))
        self.assertEqual(listed["boot"], {**listed["boot"], **never})

    def test_as_a_table(self):
        self.jobs({"good": ("", {"schedule": "0   8 * * *"}), "bad": ("error('no luck', 0)", {}),
                   "boot": ("", {"schedule": "@reboot"})})
        self.run_job(name="good")
        self.run_job(name="bad", status=1)
        table = [line.split() for line in self.ok("jobs").stdout.splitlines()]
        runs = {row["job"]: row["run"] for row in self.history()}
        self.assertEqual(table[0], ["JOB", "SCHEDULE", "NEXT", "LAST", "RUN", "EXIT", "WHY"])
        self.assertEqual(table[1][:7] + table[1][8:9], ["✓", "good", "0", "8", "*", "*", "*", "08:00"])
        self.assertEqual(table[1][-2:], [runs["good"], "0"])
        self.assertEqual(table[2][:4] + table[2][-5:], ["✗", "bad", "-", "-", runs["bad"], "1", "script:", "no", "luck"])
        self.assertEqual(table[3], ["boot", "@reboot", "at", "boot", "never"])

    def test_one_that_runs_while_another_run_is_skipped(self):
        self.jobs({"job": (WAITS + 'io.open("begun", "w"):close() wait_for "go"', {})})
        process = self.start_job()
        self.wait_for("begun")
        self.run_job(status=7)
        self.assertRegex(self.ok("jobs").stdout, r"\n●  job .* -     running\n")
        self.assertEqual((self.listed()["job"]["last_exit"], self.listed()["job"]["last_cause"]), (None, None))
        open(self.path("go"), "w", encoding="utf-8").close()
        self.finish_all([process])
        self.assertEqual(self.listed()["job"]["last_exit"], 0)

    def test_without_jobs(self):
        self.jobs({})
        self.write("jeton.yaml", "version: 1\n")
        done = self.ok("jobs")
        self.assertEqual((done.stdout, done.stderr), ("", "jeton: info: no jobs in jeton.yaml; `man jeton.yaml` says what one is\n"))
        self.assertEqual(self.listed(), {})
        self.fails(2, "jobs", "x", says="a job's runs are listed by: jeton history JOB")


class Parts(HTMLParser):
    """What a page is made of; every tag must be closed in its order."""

    VOID = {"meta", "br", "input"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rects, self.words = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)

    def classes(self, tag):
        return [attributes.get("class") for name, attributes in self.tags if name == tag]


class AsPage(HistoryCase):
    def page(self, *options):
        path = self.path("page.html")
        done = self.ok("history", "--html", path, *options)
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_nothing_yet(self):
        self.job("")
        self.assertIn("0 runs of 0 jobs", self.page())

    def test_the_zone_is_said_once(self):
        self.job("")
        for zone, said in (("UTC", "UTC"), ("Asia/Kolkata", "IST, UTC+05:30"), ("America/Sao_Paulo", "UTC-03:00")):
            self.env["TZ"] = zone
            self.assertIn(f"({said}).", self.page())

    def test_a_calendar_a_timeline_and_tables(self):
        self.job(FAILS_TWICE, retries={"attempts": 3, "delay": "1ms"})
        self.run_job()
        self.job("", name="other")
        self.run_job(name="other")
        parts = Parts(self.page())
        rects = parts.classes("rect")
        # The day, and the bars of two runs.
        self.assertEqual(rects.count("failed"), 0)
        self.assertEqual(rects.count("good"), 1 + 2)
        self.assertEqual(parts.classes("circle"), [])
        self.assertEqual(parts.classes("b").count("failed"), 2)
        words = " ".join(parts.words)
        self.assertIn("2 runs of 2 jobs", words)
        self.assertIn("3 attempts", parts.words)
        self.assertIn("script: no. 1", words)
        self.assertRegex(words, r"\d{4}-\d\d-\d\d: 2 runs, 0 failed")
        self.assertNotIn("other", " ".join(Parts(self.page("job")).words))

    def test_it_needs_nothing_else(self):
        self.job("")
        self.run_job()
        tags = Parts(self.page()).tags
        leads = [attributes["href"] for tag, attributes in tags if "href" in attributes]
        self.assertEqual([where for where in leads if not where.startswith("#")], [])
        self.assertEqual([tag for tag, attributes in tags if {"src", "style"} & set(attributes)], [])
        self.assertNotIn("script", [tag for tag, _ in tags])

    def test_what_a_script_said_is_text(self):
        self.job("""error('<script>alert(1)</script> & "x"', 0)""")
        self.run_job(status=1)
        page = self.page()
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;", page)
        self.assertNotIn("<script", page)

    def test_a_day_on_which_all_failed_is_a_disc_and_nothing_more(self):
        self.job("os.exit(1)")
        self.run_job(status=1)
        parts = Parts(self.page())
        self.assertEqual((parts.classes("circle"), parts.classes("rect").count("good")), (["failed disc"], 0))

    def test_a_long_message_is_cut_between_characters(self):
        self.job("error('x' .. ('é'):rep(400), 0)")
        self.run_job(status=1)
        self.assertIn("x" + "é" * 99 + "…<", self.page())

    def test_a_run_that_began_before_the_timeline(self):
        self.job("")
        self.run_job()
        day = 86400000
        db = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        db.execute("UPDATE run SET started_ms = started_ms - ?, ended_ms = ended_ms - ?", (8 * day, 6 * day))
        db.commit()
        db.close()
        bar, = [attributes for tag, attributes in Parts(self.page()).tags if attributes.get("rx") == "1"]
        self.assertEqual(bar["x"], "0")
        self.assertAlmostEqual(int(bar["width"]), 120, delta=2)  # a day of seven

    def test_the_language_of_the_environment(self):
        self.job("error('no', 0)")
        self.run_job(status=1)
        for given, lang, says in (({"LC_ALL": "", "LANG": "fr_CA.UTF-8"}, "fr", "1 exécution de 1 tâche"),
                                  ({"LC_MESSAGES": "fr"}, "fr", "script\u00a0: no"),
                                  ({"LC_ALL": "C.UTF-8"}, "en", "1 run of 1 job"),
                                  ({"LC_ALL": "de_DE", "LANG": "fr"}, "en", "script: no")):
            self.env.update(given)
            page = self.page()
            self.assertIn(f'<html lang="{lang}">', page)
            self.assertIn(says, " ".join(Parts(page).words))

    def test_not_with_json(self):
        self.job("")
        self.fails(2, "history", "--json", "--html", "x", says="exclude each other")

    def test_a_day_leads_to_its_runs_and_a_bar_to_its_own(self):
        self.job("error('no', 0)")
        self.run_job(status=1)
        tags = Parts(self.page()).tags
        ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
        leads = {attributes["href"][1:] for _, attributes in tags if "href" in attributes}
        run = self.rows()[0]["run"]
        self.assertEqual(leads - ids, set())
        self.assertIn("run-" + run, leads)
        self.assertTrue(any(name.startswith("day-") for name in leads))

    def test_what_a_failed_run_printed_is_in_it(self):
        self.job("print('at the beginning') print(('é'):rep(3000)) print('the end') os.exit(1)")
        self.run_job(status=1)
        self.job("print 'all is well'", name="other")
        self.run_job(name="other")
        page = self.page()
        self.assertIn("the end", page)
        self.assertNotIn("at the beginning", page)  # only the end of it
        self.assertNotIn("all is well", page)
        self.assertIn("It printed", page)

    def test_runs_of_one_moment_are_one_bar(self):
        self.job("")
        for _ in range(3):
            self.run_job()
        bars = [attributes for tag, attributes in Parts(self.page()).tags if attributes.get("rx") == "1"]
        self.assertEqual(len(bars), 1)
        self.assertIn("3 runs succeeded", " ".join(Parts(self.page()).words))


class Live(HistoryCase):
    """`jeton history --serve`"""

    def open_it(self, *options):
        process = self.start("history", "--serve", *options)
        self.address = process.stdout.readline().decode().strip()
        self.assertRegex(self.address, r"^http://127\.0\.0\.1:\d+/\?token=[\w-]{43}$")
        self.base, self.key = self.address.split("/?")
        return process

    def get(self, path, headers=None, method="GET"):
        connection = http.client.HTTPConnection(self.base.split("//")[1], timeout=300)
        connection.request(method, path, headers=headers or {})
        reply = connection.getresponse()
        body = reply.read().decode()
        connection.close()
        return reply, body

    def sign_in(self):
        reply, _ = self.get("/?" + self.key)
        self.assertEqual((reply.status, reply.headers["Location"]), (303, "/"))
        cookie = reply.headers["Set-Cookie"]
        self.assertIn("; HttpOnly; SameSite=Strict; Path=/", cookie)
        self.assertNotIn(self.key.split("=")[1], cookie)
        return {"Cookie": cookie.split(";")[0]}

    def test_from_the_page_to_what_a_run_printed(self):
        self.job("print '<b>bold</b>' error('no', 0)")
        self.run_job(status=1)
        self.job("print 'well'", name="other")
        self.run_job(name="other")
        process = self.open_it()
        cookie = self.sign_in()
        reply, body = self.get("/", cookie)
        self.assertEqual(reply.status, 200)
        self.assertEqual((reply.headers["Cache-Control"], reply.headers["Referrer-Policy"]), ("no-store", "no-referrer"))
        self.assertIn("default-src 'none'", reply.headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", reply.headers["Content-Security-Policy"])
        failed = next(row["run"] for row in self.rows() if row["job"] == "job")
        self.assertIn(f'href="/run/{failed}"', body)
        _, body = self.get("/run/" + failed, cookie)
        self.assertIn("&lt;b&gt;bold&lt;/b&gt;", body)
        Parts(body)
        for query, count in ("failed=1", 1), ("job=other", 1), ("job=none", 0), ("day=2001-01-01", 0), ("page=9", 2):
            _, body = self.get("/?" + query, cookie)
            self.assertEqual(Parts(body).classes("tr").count("run failed") + Parts(body).classes("tr").count("run good"),
                             count, query)
        self.run_job(name="other")  # and it is live
        _, body = self.get("/", cookie)
        self.assertIn("3 runs of 2 jobs", body)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)

    def test_a_long_cookie_without_a_name_costs_its_length_once(self):
        self.job("")
        process = self.open_it()
        reply, _ = self.get("/", {"Cookie": "a" * 30000})
        self.assertEqual(reply.status, 403)
        with open(f"/proc/{process.pid}/stat") as stat:
            ticks = sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
        self.assertLess(ticks / os.sysconf("SC_CLK_TCK"), 4)

    def test_its_language(self):
        self.job("")
        self.run_job()
        self.open_it()
        cookie = self.sign_in()

        def lang(path="/", accepts="de, fr;q=0.8, en;q=0.5", more=""):
            reply, body = self.get(path, {"Cookie": cookie["Cookie"] + more, "Accept-Language": accepts})
            self.assertIn(f'<html lang="{reply.headers["Content-Language"]}">', body)
            return reply.headers["Content-Language"], reply.headers["Set-Cookie"]

        self.assertEqual(lang(), ("fr", None))
        self.assertEqual(lang(accepts="de"), ("en", None))
        self.assertEqual(lang(more="; jeton_language=en"), ("en", None))
        self.assertEqual(lang("/?lang=de", more="; jeton_language=de"), ("fr", None))
        self.assertEqual(lang("/?page=1&lang=en"),
                         ("en", "jeton_language=en; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000"))

    def test_no_page_is_heavy_with_many_runs(self):
        self.job("error(('long <reason> '):rep(100), 0)", retries={"attempts": 2, "delay": "1ms"})
        self.run_job(status=1)
        db = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        with db:
            db.execute("UPDATE run SET row = row + 10000")
            names = [row[1] for row in db.execute("PRAGMA table_info(run)")]
            for i in range(1, 301):  # each 35 minutes earlier; from the 121st, a day
                earlier = i * 35 if i <= 120 else (i - 116) * 1440
                given = {"row": f"row - {5 * i}", "run": f"'old{i:04}'"}
                given |= {name: f"{name} - {earlier * 60000}" for name in ("started_ms", "ended_ms")}
                db.execute(f"INSERT INTO run SELECT {', '.join(given.get(name, name) for name in names)} FROM run "
                           "WHERE run NOT LIKE 'old%'")
        db.close()
        self.open_it()
        cookie, seen, path = self.sign_in(), 0, "/"
        while path:
            _, body = self.get(path, cookie)
            self.assertLess(len(body.encode()), 60000, path)
            seen += Parts(body).classes("tr").count("run failed")
            path = next((attributes["href"].split("#")[0] for _, attributes in Parts(body).tags
                         if attributes.get("rel") == "next"), None)
        self.assertEqual(seen, 301)

    def test_no_page_is_heavy_whatever_the_runs_are(self):
        """A thousand jobs and ten thousand runs, with long names, on each day, and texts that grow as they are escaped."""
        self.job("print 'x' os.exit(1)")
        self.run_job(status=1)
        earlier = "(10001 - i) * 25 * 60000"
        grow(self, 10000, run="printf('old%05d', i)", job="printf('j%03d-', i % 1000) || replace(hex(zeroblob(29)), '0', 'n')",
                  scope="'job:job:/' || replace(hex(zeroblob(500)), '0', '\"') || '/jeton.yaml'", host="'host' || (i % 3)",
                  started_ms=f"started_ms - {earlier}", ended_ms=f"ended_ms - {earlier}",
                  exit="i / 10 % 2", message="replace(hex(zeroblob(500)), '0', '\"')")
        grow(self, 100, run="'heavy'", attempt="i", message="replace(hex(zeroblob(9000)), '0', '\"')",
                  output="replace(hex(zeroblob(32768)), '0', '&')", output_bytes="65536")
        self.open_it("--all")
        cookie = self.sign_in()

        def page(path):
            _, body = self.get(path, cookie)
            self.assertLess(len(body.encode()), 60000, path)
            parts = Parts(body)
            return " ".join(parts.words), [attributes["href"] for _, attributes in parts.tags if "href" in attributes]

        words, leads = page("/")
        self.assertIn("10,002 runs of 1,001 jobs of all configurations", words)
        self.assertIn("The 10 jobs that ran last, of 1,001.", words)
        self.assertIn("/?page=1&jobs=2#jobs", leads)
        words, leads = page("/?jobs=101&lang=fr&page=2")
        self.assertIn("j001-nnn", words)  # which ran last so long ago
        self.assertIn("/?page=2&jobs=100#jobs", leads)
        self.assertNotIn("/?page=2&jobs=102#jobs", leads)
        job, = {lead for lead in leads if lead.startswith("/?job=j001-")}
        self.assertIn("10 runs.", page(job.replace("#runs", "&lang=en"))[0])
        self.assertIn("100 runs.", page("/?job=j00")[0])
        self.assertIn("5,000 runs.", page("/?job=n&failed=1&page=100")[0])
        words, leads = page("/run/heavy")
        self.assertRegex(words, r"The last \d+ attempts of 100\.")
        self.assertIn("/run/heavy/100", leads)
        reply, body = self.get("/run/heavy/100", cookie)
        self.assertEqual((reply.headers["Content-Type"], body), ("text/plain; charset=utf-8", "&" * 65536))
        self.assertEqual(self.get("/run/heavy/101", cookie)[0].status, 404)

    def test_no_page_is_heavy_with_long_runs(self):
        """Ten jobs of every hour, of 50 minutes each: no bar of the timeline lies over another."""
        self.job("")
        self.run_job()
        hours = "(1679 - i) / 10 * 3600000"
        grow(self, 1670, run="printf('old%04d', i)", job="'long' || (i % 10)", started_ms=f"started_ms - {hours}",
                  ended_ms=f"started_ms - {hours} + 3000000")
        self.open_it()
        _, body = self.get("/", self.sign_in())
        self.assertLess(len(body.encode()), 60000)
        bars = [attributes for _, attributes in Parts(body).tags if attributes.get("rx") == "1"]
        self.assertTrue(10 <= len(bars) <= 50, len(bars))
        seen = sum(int(bar["width"]) for bar in bars)  # no hour is left out: a lane is 840 wide
        self.assertTrue(9 * 800 < seen <= 10 * 840 + 3, seen)

    def test_nobody_else_may_look(self):
        self.job("")
        self.run_job()
        self.open_it()
        for headers in {"Host": "evil.example.org"}, {"Sec-Fetch-Site": "cross-site"}:
            self.assertEqual(self.get("/?" + self.key, headers)[0].status, 403)
        self.assertIn("it has the key, which works once", self.get("/?token=wrong")[1])
        cookie = self.sign_in()
        reply, body = self.get("/?" + self.key)  # by another browser
        self.assertEqual((reply.status, reply.headers["Set-Cookie"]), (403, None))
        self.assertIn("start it again", body)
        reply, _ = self.get("/?" + self.key, cookie)  # by the same one
        self.assertEqual((reply.status, reply.headers["Location"], reply.headers["Set-Cookie"]), (303, "/", None))
        for path, headers in (("/", {}), ("/?token=wrong", {}), ("/?token=", {}), ("/", {"Cookie": "jeton_history=x"}),
                              ("/run/" + self.rows()[0]["run"], {}), ("/", {**cookie, "Host": "evil.example.org"}),
                              ("/", {**cookie, "Sec-Fetch-Site": "cross-site"})):
            reply, body = self.get(path, headers)
            self.assertEqual((reply.status, reply.headers["Set-Cookie"]), (403, None), (path, headers))
            self.assertNotIn("1 run", body)
        self.assertEqual(self.get("/", cookie, "POST")[0].status, 405)
        for path in "/run/nothing", "/run/..%2f", "/other":
            self.assertEqual(self.get(path, cookie)[0].status, 404, path)

    def test_only_this_machine(self):
        self.job("")
        for address in "0.0.0.0:0", "example.org:80", "8080", "127.0.0.1:99999":
            self.fails(2, "history", "--serve=" + address, says="expected HOST:PORT of this machine")
        self.fails(2, "history", "--serve", "0.0.0.0:1", says="expected HOST:PORT of this machine")
        self.fails(2, "history", "--serve", "--failed", says="takes only --all")
        for word in ("127.0.0.1", "8080", "localhost", "nightly"):
            self.fails(2, "history", "--serve", word, says=f"--serve expects HOST:PORT, such as 127.0.0.1:8080, or nothing, not '{word}'")


class Logs(HistoryCase):
    def test_every_attempt_the_oldest_first(self):
        self.job(FAILS_TWICE, retries={"attempts": 3, "delay": "1ms"})
        self.run_job()
        done = self.ok("logs", self.rows()[0]["run"])
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith("attempt")],
                         ["attempt 1", "attempt 2", "attempt 3"])
        said = done.stderr.splitlines()
        self.assertEqual(len(said), 3)
        self.assertIn("attempt 1, ", said[0])
        self.assertIn("exit 1 after ", said[0])
        self.assertTrue(said[0].endswith(", script: no. 1"), said[0])
        self.assertIn("exit 0 after ", said[2])

    def test_a_job_s_name_is_its_newest_run(self):
        self.job('print "first"')
        self.run_job()
        self.job('print "second"')
        self.run_job()
        self.assertEqual(self.ok("-q", "logs", "job").stdout, "second\n")
        self.assertEqual(self.ok("logs", self.rows()[0]["run"]).stdout, "first\n")

    def test_what_was_not_kept_is_said(self):
        self.job('io.write(("x"):rep(99999), "\\n")')
        self.run_job()
        done = self.ok("logs", "job")
        self.assertEqual(len(done.stdout), 65536)
        self.assertIn("it printed 100000 bytes; the last 65536 were kept", done.stderr)

    def test_one_that_runs(self):
        self.job(WAITS + 'print "begins" io.stdout:flush() io.open("begun", "w"):close() wait_for "go"')
        process = self.start_job()
        self.wait_for("begun")
        self.assertIn("its output is stored when it ends", self.ok("logs", "job").stderr)
        open(self.path("go"), "w", encoding="utf-8").close()
        self.finish_all([process])
        wait_until(lambda: self.ok("logs", "job").stdout == "begins\n")

    def test_secrets_are_masked(self):
        secret = "a-secret-of-the-connector"
        self.job(f'print("it is {secret}")', connectors=f"""connectors:
  contoso:
    provider: kaizala
    token_service: http://127.0.0.1:9/v1
    application_id: not-so-secret
    application_secret: {secret}
    refresh_token: another-one
""")
        self.assertIn(secret, self.run_job().stdout)
        self.assertEqual(self.ok("logs", "job").stdout, "it is ********\n")

    def test_bytes_of_any_kind(self):
        """As they were, but for a terminal; and the list of runs stays JSON."""
        self.job(r"""
          io.write "\0 \xff \27[2J \xc2\x9b \u{202e} \u{e9}\ttab\rback\n"
          error("\xff \27[31m \"red\"", 0)
        """)
        self.run_job(status=1)
        row, = self.history()
        self.assertEqual(row["cause"], "script")
        self.assertEqual(row["message"], '? \x1b[31m "red"')
        with open(self.path("out"), "wb") as out:
            subprocess.run([JETON, "-q", "logs", "job"], stdin=subprocess.DEVNULL, stdout=out, env=self.env,
                           cwd=self.folder, check=True)
        with open(self.path("out"), "rb") as out:
            self.assertEqual(out.readline(), b"\0 \xff \x1b[2J \xc2\x9b \xe2\x80\xae \xc3\xa9\ttab\rback\n")

        text = self.at_terminal("-q", "logs", "job")
        self.assertTrue(text.startswith(b"\\x00 \\xff \\x1b[2J \\x9b \\u202e \xc3\xa9\ttab\\rback\r\n"), text)
        self.assertNotIn(b"\x1b", text)
        text = self.at_terminal("history", "--json")
        self.assertNotIn(b"\x1b", text)
        self.assertIn(b"red", text)

    def test_neither_a_run_nor_a_job(self):
        self.job("")
        self.fails(3, "logs", "abcdefghij", says="there is no run 'abcdefghij'")


if __name__ == "__main__":
    unittest.main()
