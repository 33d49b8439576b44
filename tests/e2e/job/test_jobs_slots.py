"""`run --job --scheduled`: which slot is due, and that each is claimed once, whatever the clock does."""

import json
import os
import re
import unittest

from jobs import WAITS, JobCase

MONDAY = "2026-01-05"
UTC_MIDNIGHT_MS = 1767571200 * 1000  # of that Monday
MINUTE_MS = 60000


class Slots(JobCase):
    def at(self, time, *options, day=MONDAY, status=0, late=False):
        """Runs as cron would at that time: the attempts that this has added."""
        before = len(self.rows()) if self.ran_before else 0
        self.ran_before = True
        self.last = self.run_job("--scheduled", *options, env=self.faketime(f"@{day} {time}"), status=status)
        self.assertEqual(self.last.stderr if status == 0 and not late else "", "")
        return self.rows()[before:]

    def setUp(self):
        super().setUp()
        self.ran_before = False
        self.last = None

    def slots(self):
        """In minutes after that midnight."""
        return [(row["slot_ms"] - UTC_MIDNIGHT_MS) / MINUTE_MS for row in self.rows()]

    def test_a_slot_is_due_once(self):
        self.job("print(require 'jeton'.job.slot)", schedule="0 8 * * *")
        self.assertEqual(self.at("07:59:55"), [])
        self.assertEqual(len(self.at("08:00:00")), 1)
        self.assertEqual(self.last.stdout, f"{UTC_MIDNIGHT_MS // 1000 + 8 * 3600}\n")
        self.assertEqual(self.at("08:00:30"), [])
        self.assertEqual(self.at("08:04:00"), [])
        self.assertEqual(self.slots(), [480])

    def test_a_late_one_within_five_minutes(self):
        self.job("", schedule="0 8 * * *")
        self.assertEqual(len(self.at("08:04:30")), 1)
        row, = self.at("08:05:01", day="2026-01-06", late=True)
        self.assertEqual((row["exit"], row["cause"]), (None, "late"))
        self.assertRegex(self.last.stderr, "'job' did not run: it was due at 2026-01-06 08:00:00 and started 5 min 01 s "
                                           "later; without catch_up, more than 5 min 00 s is too late")
        self.assertEqual(self.at("08:04:00", day="2026-01-06"), [])  # it is claimed

    def test_at_the_very_edge(self):
        """With a clock that stands still: five minutes are not too late, a second more is."""
        self.job("if require 'jeton'.job.attempt == 1 then return false end", schedule="0 8 * * *",
                 retries={"attempts": 2, "delay": "1ms"})
        for day, time, causes in ((MONDAY, "07:59:59", []), (MONDAY, "08:05:01", ["late"]),
                                  ("2026-01-06", "08:05:00", ["late", "script", None])):
            self.run_job("--scheduled", env=self.faketime(f"{day} {time}"))
            self.assertEqual([row["cause"] for row in self.rows()], causes, time)
        self.assertEqual(self.slots(), [480, 480 + 1440, 480 + 1440])  # both attempts have it

    def test_what_is_late_is_told(self):
        self.job("print 'ran'", schedule="0 8 * * *", on_failure={"command": ["sh", "-c", "cat >>told"]},
                 on_recovery={"command": ["sh", "-c", "echo again >>told"]}, metrics="job.prom")
        self.assertEqual(self.at("07:00:00"), [])
        self.assertEqual(len(self.at("09:30:00", late=True)), 1)  # by a RANDOM_DELAY, say
        self.assertEqual(self.at("09:31:00"), [])
        with open(self.path("told"), encoding="utf-8") as file:
            told, = [json.loads(line) for line in file]
        self.assertEqual((told["exit"], told["cause"], told["output_bytes"]), (None, "late", 0))
        self.assertIn("started 1 h 30 min later", told["message"])
        self.assertIn("slot", told)
        shown, = json.loads(self.ok("history", "--json").stdout)
        self.assertEqual((shown["exit"], shown["cause"]), (None, "late"))
        self.assertRegex(self.ok("history").stdout, r"✗  \w+  job  2026-01-05 09:30:00 +-  late: it was due at ")
        logs = self.ok("logs", "job")
        self.assertEqual(logs.stdout, "")
        self.assertIn("no exit status, late: it was due at", logs.stderr)
        self.ok("history", "--html", "page.html")
        with open(self.path("page.html"), encoding="utf-8") as file:
            self.assertIn("1 h 30 min later", file.read())
        with open(self.path("job.prom"), encoding="utf-8") as file:
            metrics = file.read()
        self.assertRegex(metrics, r"last_run_exit_status\{.*\} NaN\n")
        self.assertRegex(metrics, r"last_run_duration_seconds\{.*\} NaN\n")
        self.assertEqual(len(self.at("08:00:00", day="2026-01-06")), 1)
        with open(self.path("told"), encoding="utf-8") as file:
            self.assertTrue(file.read().endswith("\nagain\n"))

    def test_what_was_missed_while_nothing_ran_is_not_told(self):
        """Nor is a line that the crontab has for the other half of the year."""
        self.job("", schedule="0 8 * * *", timezone="Europe/Paris")
        self.assertEqual(self.at("05:00:00", day="2026-07-05"), [])
        self.assertEqual(self.at("09:01:01", day="2026-07-06"), [])  # over three hours
        self.assertEqual(self.at("07:00:00", day="2026-07-07"), [])  # where it is due in winter
        self.assertEqual(len(self.at("06:40:00", day="2026-07-08", late=True)), 1)

    def test_of_several_the_latest(self):
        self.job("", schedule="* * * * *")
        self.at("08:00:00")
        self.at("08:03:20")
        self.at("08:03:40")
        self.assertEqual(self.slots(), [480, 483])

    def test_in_the_zone_of_the_job(self):
        self.job("", schedule="0 8 * * 1-5", timezone="Asia/Kolkata")
        self.assertEqual(self.at("08:00:00"), [])
        self.assertEqual(len(self.at("02:30:00")), 1)

    def test_a_failed_run_has_used_its_slot(self):
        self.job("error 'no'", schedule="0 8 * * *")
        self.at("08:00:00", status=1)
        self.assertEqual(self.at("08:00:10"), [])

    def test_a_missed_slot_is_caught_up_once(self):
        self.job("", schedule="0 8 * * *", catch_up=True)
        self.assertEqual(self.at("09:00:00"), [])  # before it was installed: not missed
        self.assertEqual(len(self.at("17:00:00", day="2026-01-09")), 1)
        self.assertEqual(self.slots(), [480 + 4 * 1440])  # the latest one of them
        self.assertEqual(self.at("17:01:00", day="2026-01-09"), [])
        self.assertEqual(len(self.at("08:00:00", day="2026-01-10")), 1)

    def test_without_catch_up_it_is_missed(self):
        self.job("", schedule="0 8 * * *")
        self.at("09:00:00")
        self.assertEqual(self.at("17:00:00", day="2026-01-09"), [])

    def test_once_a_boot(self):
        self.job("", schedule="@reboot")
        self.assertEqual(len(self.at("08:00:00")), 1)
        self.assertEqual(self.at("08:00:00"), [])
        self.assertEqual(self.at("09:00:00", day="2026-02-01"), [])

    def test_a_schedule_that_changed_between_two_slots(self):
        """Slots are times and nothing else."""
        self.job("", schedule="0 8 * * *")
        self.at("08:00:00")
        self.job("", schedule="*/5 * * * *")
        self.assertEqual(self.at("08:00:30"), [])
        self.assertEqual(len(self.at("08:05:00")), 1)

    def test_a_job_of_another_name_is_another_job(self):
        self.job("", schedule="0 8 * * *")
        self.at("08:00:00")
        self.job("", schedule="0 8 * * *", name="renamed")
        self.run_job("--scheduled", name="renamed", env=self.faketime(f"@{MONDAY} 08:00:10"))
        self.assertEqual([row["job"] for row in self.rows()], ["job", "renamed"])

    def test_by_hand_nothing_is_claimed(self):
        self.job("", schedule="0 8 * * *")
        self.run_job(env=self.faketime(f"@{MONDAY} 08:00:10"))
        self.ran_before = True
        self.assertEqual(len(self.at("08:00:20")), 1)
        self.assertEqual([row["slot_ms"] is None for row in self.rows()], [True, False])

    def test_the_clock_goes_back_an_hour(self):
        self.job("", schedule="*/10 * * * *")
        for time in ("08:50:00", "09:00:00", "08:00:05", "08:50:00", "09:00:00", "09:10:00"):
            self.at(time)
        self.assertEqual(self.slots(), [530, 540, 480, 550])

    def test_the_clock_was_a_day_ahead(self):
        """What was claimed there silences nothing when it is put right, with catch_up or without."""
        for catch_up in (False, True):
            self.job("", schedule="0 * * * *", catch_up=catch_up, name=f"job{int(catch_up)}")
            ran = []
            for day, time in ((5, "08:00:00"), (6, "08:00:00"), (5, "09:00:00"), (5, "10:00:00"), (6, "08:00:00"),
                              (6, "09:00:00")):
                self.run_job("--scheduled", name=f"job{int(catch_up)}", env=self.faketime(f"@2026-01-0{day} {time}"))
                ran.append(len([r for r in self.rows() if r["job"] == f"job{int(catch_up)}"]))
            with self.subTest(catch_up=catch_up):
                # The slot of the day ahead is done: at its own time it does not come again.
                self.assertEqual(ran, [1, 2, 3, 4, 4, 5])

    def test_the_clock_is_set_while_a_job_runs(self):
        """Neither its deadline nor its record cares, and nobody takes it for another's."""
        for step in ("-3600", "+86400"):
            with self.subTest(step=step):
                self.job(WAITS + "io.open('ready', 'w'):close() wait_for 'go'", schedule="* * * * *", timeout="10m",
                         name="job" + step[1:])
                clock = {**self.faketime(""), "FAKETIME_TIMESTAMP_FILE": self.write("clock", "+0"),
                         "FAKETIME_NO_CACHE": "1"}
                del clock["FAKETIME"]
                process = self.start_job("--scheduled", name="job" + step[1:], env=clock)
                self.wait_for("ready")
                self.write("clock.new", step)
                os.rename(self.path("clock.new"), self.path("clock"))
                self.run_job(name="job" + step[1:], status=7, env=clock)
                self.write("go", "")
                self.finish_all([process])
                rows = [row for row in self.rows() if row["job"] == "job" + step[1:]]
                self.assertEqual(sorted(row["exit"] for row in rows), [0, 7])
                self.assertEqual(self.run_job("--scheduled", name="job" + step[1:], env=clock).stderr, "")
                self.ok("history", "job" + step[1:])
                for name in ("ready", "go"):
                    os.unlink(self.path(name))

    def test_jitter_delays_scheduled_runs_only(self):
        self.job("", schedule="* * * * *", jitter="40ms", timeout="30s")
        waits = []
        for minute in range(4):
            done = self.jeton("-v", "run", "--job", "job", "--scheduled",
                              env=self.faketime(f"@{MONDAY} 08:0{minute}:00"))
            self.assertEqual(done.returncode, 0, done.stderr)
            waits.append(int(re.search(r"waits (\d+) ms \(jitter\)", done.stderr).group(1)))
        self.assertLessEqual(max(waits), 40)
        self.assertGreater(len(set(waits)), 1)  # one in 68,921 fails: all four alike
        done = self.jeton("-v", "run", "--job", "job")
        self.assertNotIn("jitter", done.stderr)

    def test_jitter_is_not_the_timeouts(self):
        self.job("", schedule="* * * * *", jitter="24h", timeout="100ms")
        process = self.start("-v", "run", "--job", "job", "--scheduled", env=self.faketime(f"@{MONDAY} 08:00:00"))
        while b"(jitter)" not in process.stderr.readline():
            pass
        process.terminate()  # hours before its time
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 143)
        self.assertEqual((self.row()["exit"], self.row()["cause"]), (143, "signal"))


if __name__ == "__main__":
    unittest.main()
