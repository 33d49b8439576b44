"""Four hosts, each with process IDs and a network of its own, run 20 jobs; some die or freeze meanwhile. The long form
(JETON_SOAK) runs `jeton cron run` on each for ten minutes, while the database restarts too, and its clock gains on theirs."""

import collections
import json
import random
import signal
import subprocess
import time
import unittest

from namespaces import ENTER, has_namespaces, signal_all
from postgres import HOSTS, OwnServer
from support import JETON, SOAK, end_process, wait_until

JOBS = 20
MINUTES = 10
TURNS = 4  # of a job that hosts want at once, each
HOUR_MS = 3600000
FROZEN_S = 150  # longer than a job's lock lasts
TIMEOUT_S = 300  # of a job, with its wait for others
BROKEN = ("interrupted", "lost")
WAITED_S = 14  # a run that takes longer than a minute ends so much later, if it began in time
GAIN_S = 2  # of the server's clock a minute; a lock bears 25 seconds while it lasts
# A line a run: what has run, and where. The pause is for whoever kills.
JOB = """\
local job = require "jeton".job
local turn = os.getenv "TURN" -- a slot is moved into the past before the next turn
local s = require "jeton.state"
s.set("n", (s.get("n") or 0) + 1)
require "jeton.task".sleep(0.5)
local file = io.open("{folder}/ran", "a")
file:write(job.name, " ", job.slot, " ", turn, "\\n"):close()
"""
# Some take longer than a minute. Lines are in the order in which runs of one job begin and end.
LONG_JOB = """\
local job = require "jeton".job
local s = require "jeton.state"
local function tell(what)
  local file = io.open("{folder}/told", "a")
  file:write(job.name, " ", job.slot, " ", what, "\\n"):close()
end
tell "in"
s.set("n", (s.get("n") or 0) + 1)
local number = tonumber(job.name:match "%d+")
require "jeton.task".sleep((job.slot // 60 + number) % 5 == 0 and 75 or math.random() * 20)
print(job.slot)
tell "out"
"""
ALONE = """\
assert(not io.open "{folder}/inside", "not alone")
io.open("{folder}/inside", "w"):close()
require "jeton.task".sleep(0.05)
assert(os.remove "{folder}/inside")
"""


@unittest.skipUnless(has_namespaces(), "no namespaces of processes and networks here")
class Hosts(OwnServer):
    def setUp(self):
        self.long = self._testMethodName == "test_ten_minutes"
        if self.long:
            self.own_clock()
        super().setUp()
        self.write("job.lua", (LONG_JOB if self.long else JOB).format(folder=self.folder))
        self.write("alone.lua", ALONE.format(folder=self.folder))
        self.env["TURN"] = "0"
        jobs = f"jobs:\n  alone: {{ script: {self.folder}/alone.lua, overlap: wait }}\n"
        jobs += "".join(f"  job{n}:\n    script: {self.folder}/job.lua\n    schedule: \"* * * * *\"\n"
                        f"    timezone: UTC\n    overlap: {'wait' if n % 2 else 'skip'}\n"
                        + (f"    timeout: {TIMEOUT_S}s\n" if self.long else "    timeout: 10m\n    catch_up: true\n") for n in range(JOBS))
        for number in range(HOSTS):
            self.host(number, jobs)
        self.assertEqual(self.on(0, "state", "check").returncode, 0)

    def enter(self, number, *args):
        """A process on the host; when it is killed, all of the host is."""
        process = subprocess.Popen([*ENTER, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, cwd=self.folder, env=self.env)
        self.addCleanup(end_process, process)
        return process

    def everything(self, number, alone):
        """All jobs at once, as cron would start them; and one that many want at once."""
        run = f"{JETON} --config {self.folder}/etc{number}/jeton.yaml run --job"
        text = f"for n in $(seq 0 {JOBS - 1}); do {run} job$n --scheduled & done\n" + f"{run} alone &\n" * alone + "wait"
        return self.enter(number, "sh", "-c", text)

    def host_id(self, number):
        with open(f"{self.folder}/host{number}/host-id", encoding="ascii") as file:
            return file.read(32)

    def ran(self):
        with open(self.folder + "/ran", encoding="ascii") as file:
            return collections.Counter(tuple(line.split()) for line in file)

    def check_slots(self):
        """Each slot has one run; nobody ran one twice. Whoever had no answer in time has a row, too, but no slot."""
        slots = "SELECT job, slot_ms FROM @run WHERE slot_ms IS NOT NULL GROUP BY 1, 2"
        twice = self.sql("SELECT job, slot_ms, run, attempt, host, made, row, started_ms, ended_ms, exit, cause, message FROM @run"
                         f" WHERE (job, slot_ms) IN ({slots} HAVING count(DISTINCT run)"
                         " FILTER (WHERE cause IS DISTINCT FROM 'network') > 1)")
        self.assertEqual(twice, [], self.ran())
        self.assertEqual(set(self.ran().values()), {1})
        return self.sql(slots)

    def forget(self, number):
        """As if the two minutes had passed. What the host had sent before is done first."""
        wait_until(lambda: self.super("SELECT 1 FROM pg_stat_activity WHERE application_name = 'jeton' AND state <> 'idle'")
                   == [], 60)
        self.sql(f"UPDATE @lease SET until = clock_timestamp() - interval '1 second' WHERE host = '{self.host_id(number)}'")

    @unittest.skipIf(SOAK, "the short form")
    def test_three_slots(self):
        self.three_slots()

    def three_slots(self):
        self.on(0, "run", "--job", "job0", "--scheduled")  # notes when jobs were installed
        self.sql("UPDATE @job SET installed_ms = 0")
        for turn in ("well", "one dies", "one freezes", "well again"):
            if turn != "well":  # as if that had been an hour ago
                self.sql(f"UPDATE @slot SET slot_ms = slot_ms - {HOUR_MS}; UPDATE @run SET slot_ms = slot_ms - {HOUR_MS}")
            self.env["TURN"] = turn.replace(" ", "-")  # a frozen process keeps its own
            # The frozen one is one host still: nothing else runs there.
            hosts = [self.everything(number, TURNS if turn == "well" else 0) for number in range(HOSTS)
                     if turn != "well again" or number != 1]
            if turn == "well again":
                wait_until(lambda: int(self.sql("SELECT count(*) FROM @run WHERE cause = 'interrupted'")[0][0]) > 0 or
                           all(host.poll() is not None for host in hosts), 120)
            elif turn != "well":
                claimed = f"SELECT 1 FROM @run WHERE host_id = '{self.host_id(1)}' AND exit IS NULL AND cause IS NULL"
                wait_until(lambda claimed=claimed: self.sql(claimed) != [] or hosts[1].poll() is not None, 60)
                if turn == "one dies":
                    hosts[1].kill()
                else:
                    signal_all(hosts[1], signal.SIGSTOP)
                    frozen = hosts[1]
            for host in hosts:
                if turn != "one freezes" or host is not hosts[1]:
                    host.wait(120)
            if turn in ("one dies", "one freezes"):
                self.forget(1)
        signal_all(frozen, signal.SIGCONT)
        frozen.wait(120)
        self.assertEqual(self.sql("SELECT exit, count(*) FROM @run WHERE job = 'alone' GROUP BY 1"), [["0", str(HOSTS * TURNS)]])
        slots = self.check_slots()
        self.assertEqual(len({row[0] for row in slots}), JOBS)
        # Signs of life (kind 2) that the dead host had sent in its last moment run out by themselves.
        left = "SELECT kind, host, until - clock_timestamp() FROM @lease WHERE until > clock_timestamp() AND kind <> 2"
        self.assertEqual(self.sql(left), [])
        # A frozen one that goes on finds a key changed meanwhile. A busy server may have no answer in time.
        odd = ("SELECT job, exit, cause, convert_from(message, 'UTF8') FROM @run"
               " WHERE cause NOT IN ('interrupted', 'lost', 'locked', 'conflict')"
               " AND coalesce(convert_from(message, 'UTF8'), '') NOT LIKE '%: no answer within 10 s'")
        self.assertEqual(self.sql(odd), [])

    def trouble(self, number):
        """(host, when): from then on what it had begun may not end well."""
        return self.host_id(number), int(self.sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")[0][0])

    def disturb(self, hosts, start):
        """For ten minutes. What happened to hosts."""
        happened, thawed = [], None
        for minute in range(MINUTES):
            time.sleep(60 - time.time() % 60 + random.random() * 15)
            self.set_clock(f"+{GAIN_S * minute}")
            victim = random.randrange(HOSTS - 1)
            if minute in (1, 4, 7):
                hosts[victim].kill()
                hosts[victim].wait()
                happened.append(self.trouble(victim))
                time.sleep(5)
                hosts[victim] = start(victim)
            elif minute in (2, 8):
                self.postgres("restart", "fast" if minute == 2 else "immediate")
            elif minute == 3:  # the last one; it goes on when others have long taken over
                happened.append(self.trouble(HOSTS - 1))
                signal_all(hosts[-1], signal.SIGSTOP)
                thawed = time.monotonic() + FROZEN_S
            if minute >= 5 and thawed and time.monotonic() >= thawed:
                signal_all(hosts[-1], signal.SIGCONT)
                thawed = None
        return happened

    def check_order(self, job, runs):
        """Of its runs none begins while another one goes on, but where that one's host is dead or frozen."""
        inside, begun = None, set()
        with open(self.folder + "/told", encoding="ascii") as file:
            lines = [line.split() for line in file if line.startswith(job + " ")]
        for _, slot, what in lines:
            if what == "in":
                self.assertNotIn(slot, begun, f"{job} {slot} ran twice")
                self.assertTrue(inside is None or runs[inside]["cause"] in BROKEN, f"{job}: {inside} and {slot}")
                begun.add(slot)
                inside = slot
            elif inside == slot:
                inside = None
            else:
                self.assertIn(runs[slot]["cause"], BROKEN, f"{job} {slot} ended late")
        ended = {slot for _, slot, what in lines if what == "out"}
        well = {slot for slot, run in runs.items() if run["exit"] == 0}
        stopped = {slot for slot, run in runs.items() if run["cause"] in (*BROKEN, "signal")}
        self.assertEqual((well - ended, ended - well - stopped, begun - well - stopped), (set(), set(), set()), job)
        self.assertEqual({runs[slot]["output_bytes"] for slot in well}, {len("1234567890\n")})
        count = int(self.on(0, "state", "keys", "get", "--job", job, "n").stdout)
        self.assertTrue(len(well) <= count <= len(ended), f"{job}: {len(well)} {count} {len(ended)}")

    def check_overlap(self, job, runs):
        """A run is skipped only where another one of its job goes on; one that waits runs."""
        for slot, run in runs.items():
            if run["cause"] != "locked":
                continue
            self.assertEqual((run["exit"], int(job[3:]) % 2), (7, 0), f"{job} {slot}")
            self.assertTrue(any(other["started_ms"] < run["ended_ms"] + 1000 * GAIN_S
                                and (other["cause"] in BROKEN or other["ended_ms"] > run["started_ms"] - 1000 * GAIN_S)
                                for other in runs.values() if other["cause"] != "locked"),
                            f"{job} {slot} was skipped, and nothing ran")

    @unittest.skipUnless(SOAK, "the long form")
    def test_ten_minutes(self):
        def start(number):
            return self.enter(number, JETON, "--config", f"{self.folder}/etc{number}/jeton.yaml", "cron", "run")

        time.sleep(61 - time.time() % 60)
        hosts = [start(number) for number in range(HOSTS)]
        time.sleep(60 - time.time() % 60 - 1)
        first = int(time.time()) // 60 + 1
        seed = random.SystemRandom().randrange(1 << 32)
        random.seed(seed)
        happened = self.disturb(hosts, start)
        last = int(time.time()) // 60
        time.sleep(50)
        for host in hosts:
            signal_all(host, signal.SIGTERM)
        for host in hosts:
            host.wait(120)
        print(f"\nseed {seed};", self.sql("SELECT job ~ '[13579]$' AS waits, coalesce(cause, 'well'), count(*) FROM @run"
                                           " GROUP BY 1, 2 ORDER BY 1, 2"))
        self.assertEqual({row[2] for row in self.sql("SELECT job, slot_ms, count(*) FROM @run GROUP BY 1, 2")}, {"1"})
        jobs = {}
        for (text,) in self.sql("SELECT row_to_json(its) FROM (SELECT job, slot_ms / 1000 AS slot, started_ms, ended_ms, exit,"
                                " cause, host_id, output_bytes FROM @run ORDER BY row) AS its"):
            row = json.loads(text)
            jobs.setdefault(row["job"], {})[str(row["slot"])] = row
        everything = [row for runs in jobs.values() for row in runs.values()]
        self.assertEqual([row for row in everything if row["exit"] is row["cause"] is None], [])
        have = {(row["job"], row["slot"] // 60) for row in everything}
        want = {(f"job{n}", minute) for n in range(JOBS) for minute in range(first, last)}
        self.assertEqual(want - have, set())
        for row in everything:
            if row["cause"] in BROKEN:
                self.assertTrue(any(host == row["host_id"] and 0 < when + 1000 * GAIN_S - row["started_ms"] < 1000 * TIMEOUT_S
                                    for host, when in happened), f"{row} {happened}")
            elif row["slot"] // 60 < last - 2:  # those after it are ended by SIGTERM
                self.assertIn(row["cause"], (None, "locked"), row)
        causes = collections.Counter(row["cause"] for row in everything)
        self.assertGreater(causes["interrupted"], 0)
        self.assertGreater(causes["locked"], 0)
        self.assertTrue(any(int(job[3:]) % 2 and run["started_ms"] > 1000 * run["slot"] + 1000 * WAITED_S
                            for job, runs in jobs.items() for run in runs.values()), "none has waited")
        for job, runs in jobs.items():
            with self.subTest(job=job):
                self.check_order(job, runs)
                self.check_overlap(job, runs)
        listed = self.on(1, "history", "--json", "--limit", "100000").stdout.splitlines()
        self.assertEqual(len(listed), len(everything))
        self.assertEqual(self.sql("SELECT kind, host FROM @lease WHERE until > clock_timestamp()"), [])
        idle = " AND state <> 'idle'" if self.mode else ""  # a pooler keeps its connections
        self.assertEqual(self.super("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jeton'" + idle), [["0"]])


class ThroughSessions(Hosts):
    mode = "session"

    @unittest.skipUnless(SOAK, "the long form")
    def test_three_slots(self):
        self.three_slots()


class ThroughTransactions(ThroughSessions):
    mode = "transaction"


if __name__ == "__main__":
    unittest.main()
