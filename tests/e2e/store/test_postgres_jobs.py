"""Tests of jobs that are killed, and that are many at once, with their state on PostgreSQL."""

import json
import unittest

import test_jobs_killed
import test_jobs_turns
from postgres import PostgresCase
from support import SOAK, side_by_side


class OnPostgres(PostgresCase):
    def setUp(self):
        super().setUp()
        state = {"url": f"postgresql://jeton@/jeton?host={self.server}", "key": {"file": self.folder + "/state.key"},
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


# By this host's clock, of which PostgreSQL knows nothing; or of configurations without a name.
for test in ("of_many_that_claim_a_slot_one_runs", "a_run_by_hand_while_crons_is_due", "other_jobs_do_not_wait"):
    setattr(Turns, "test_" + test, None)

load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
