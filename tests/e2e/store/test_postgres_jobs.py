"""Tests of jobs that are killed, and that are many at once, with their state on PostgreSQL."""

import datetime
import json
import signal
import time
import unittest

import test_jobs_killed
import test_jobs_slots
import test_jobs_turns
from postgres import OwnServer, PostgresCase
from support import SOAK, side_by_side


class OnPostgres(PostgresCase):
    def setUp(self):
        super().setUp()
        state = {"url": f"postgresql://jeton@/jeton?host={self.server}{self.pooler}", "key": {"file": self.folder + "/state.key"},
                 "schema": self.schema, "folder": self.folder + "/host"}
        self.state = json.dumps(state) + "\nname: shared"  # as it stands in the configuration

    def rows(self):
        rows = self.sql("SELECT row_to_json(its) FROM (SELECT run, job, attempt, exit, cause, slot_ms, started_ms, ended_ms"
                        " FROM @run ORDER BY row) AS its")
        return [json.loads("|".join(row)) for row in rows]

    def key(self, job, name):
        done = self.jeton("state", "keys", "get", "--job", job, name)
        return done.stdout.strip() if done.returncode == 0 else None

    def nothing_is_left(self):
        self.assertEqual(self.sql("SELECT kind, host FROM @lease WHERE until > clock_timestamp() AND kind <> 2"), [])


class Killed(OnPostgres, test_jobs_killed.Killed):
    kills = 200 if SOAK else 40
    check_state = OnPostgres.nothing_is_left

    def cursor(self, name):
        return int(self.key(name, "cursor") or 0)


class Turns(OnPostgres, test_jobs_turns.Turns):
    many = 150 if SOAK else 50  # connections; the server has 200

    def counted(self):
        self.nothing_is_left()
        return self.key("job", "count")

    def state_of_another(self):
        return self.state.replace("name: shared", "name: another")


class OwnClock(OnPostgres, OwnServer):
    """Whether a slot is due is said by the server's clock, which stands where that of the host begins."""

    def setUp(self):
        self.own_clock()
        super().setUp()


class TurnsOfSlots(OwnClock, test_jobs_turns.Turns):
    many = Turns.many

    def job(self, *args, **keys):
        path = super().job(*args, **keys)
        self.ok("state", "check")  # those who make the tables at once need a clock that goes: for the deadlock's end
        return path

    def faketime(self, when):
        if ":" in when:
            self.set_clock(when.lstrip("@"))
        return super().faketime(when)


OF_SLOTS = ("test_of_many_that_claim_a_slot_one_runs", "test_a_run_by_hand_while_crons_is_due")
for test in (name for name in dir(test_jobs_turns.Turns) if name.startswith("test_")):
    setattr(Turns if test in OF_SLOTS else TurnsOfSlots, test, None)


class Slots(OwnClock, test_jobs_slots.Slots):
    def run_job(self, *options, env=None, **more):
        when = (env or {}).get("FAKETIME", "")
        if ":" in when:
            self.set_clock(when.lstrip("@"))
        return super().run_job(*options, env=env, **more)

    def test_the_hosts_clock_does_not_count(self):
        self.job("", schedule="0 8 * * *")
        for server, host, rows in (("07:00:00", "08:00:10", 0), ("08:00:10", "07:00:00", 1), ("08:00:20", "08:00:10", 1)):
            self.set_clock(f"{test_jobs_slots.MONDAY} {server}")
            super().run_job("--scheduled", env=self.faketime(f"@{test_jobs_slots.MONDAY} {host}"))
            self.assertEqual(len(self.rows()), rows, f"{server} {host}")

    def test_a_host_whose_clock_is_a_little_ahead(self):
        """Who goes by that clock starts the job too early, and starts it again for the next slot only."""
        def clocks(day, ahead, seconds=0.2):
            here = eight + day * 86400 + seconds - time.time()
            self.set_clock(f"{here - ahead:+.3f}")
            return self.faketime(f"{here:+.3f}s")

        def waits(rows, env):
            process = self.start("-v", "run", "--job", "job", "--scheduled", env=env)
            while b"waits" not in process.stderr.readline():
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGTERM)  # nothing is claimed: another host may have it
            self.assertEqual((process.wait(60), len(self.rows())), (143, rows))

        self.job("", schedule="0 8 * * *")
        eight = datetime.datetime.now(datetime.timezone.utc).replace(hour=8, minute=0, second=0, microsecond=0).timestamp()
        for day, ahead, rows, words in ((1, 2, 1, "^$"), (2, 400, 1, "'job': no slot is due by the state's clock, which is (399|40.) s "
                                                                     "behind this host's; set the clocks right"), (3, 0.5, 2, "^$")):
            self.assertRegex(super().run_job("--scheduled", env=clocks(day, ahead)).stderr, words)
            self.assertEqual(len(self.rows()), rows, ahead)
        self.assertEqual([row["slot_ms"] for row in self.rows()], [(eight + day * 86400) * 1000 for day in (1, 3)])
        waits(2, clocks(4, 60))
        self.job("", schedule="* * * * *")  # the next slot is due here before the server's clock is there
        super().run_job("--scheduled", env=clocks(5, 61, 118.5), timeout=20)
        super().run_job("--scheduled", env=clocks(6, 123, 121), timeout=20)  # several are due here: the one there does not wait
        self.assertEqual([row["slot_ms"] for row in self.rows()[2:]],
                         [(eight + day * 86400 + seconds) * 1000 for day, seconds in ((5, 60), (6, -60))])
        waits(4, clocks(6, 123, 121))


# Each has a server of its own; the short form tries some.
for test in (name for name in dir(test_jobs_slots.Slots) if name.startswith("test_")):
    if test == "test_jitter_delays_scheduled_runs_only" or not SOAK and test not in (
            "test_a_slot_is_due_once", "test_a_late_one_within_five_minutes", "test_the_clock_goes_back_an_hour"):
        setattr(Slots, test, None)

@unittest.skipUnless(SOAK, "the long form")
class KilledThroughSessions(Killed, OwnServer):
    mode = "session"


class KilledThroughTransactions(KilledThroughSessions):
    mode = "transaction"


@unittest.skipUnless(SOAK, "the long form")
class TurnsThroughSessions(Turns, OwnServer):
    mode = "session"
    many = 70  # two connections each; the pool has 150


class TurnsThroughTransactions(TurnsThroughSessions):
    mode = "transaction"


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
