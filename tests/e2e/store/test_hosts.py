"""Four hosts, each with process IDs and a network of its own, run 20 jobs; some die or freeze meanwhile. The long form
(JETON_SOAK) runs `jeton cron run` on each for ten minutes, while the database restarts too."""

import collections
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
# A line a run: what has run, and where. The pause is for whoever kills.
JOB = """\
local job = require "jeton".job
local turn = os.getenv "TURN" -- a slot is moved into the past before the next turn
local s = require "jeton.state"
s.set("n", (s.get("n") or 0) + 1)
require "jeton.task".sleep({pause})
local file = io.open("{folder}/ran", "a")
file:write(job.name, " ", job.slot, " ", turn, "\\n"):close()
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
        super().setUp()
        self.write("job.lua", JOB.format(folder=self.folder, pause="math.random() * 20" if SOAK else 0.5))
        self.write("alone.lua", ALONE.format(folder=self.folder))
        self.env["TURN"] = "0"
        jobs = f"jobs:\n  alone: {{ script: {self.folder}/alone.lua, overlap: wait }}\n"
        jobs += "".join(f"  job{n}:\n    script: {self.folder}/job.lua\n    schedule: \"* * * * *\"\n"
                        f"    timezone: UTC\n    overlap: {'wait' if n % 2 else 'skip'}\n"
                        + ("    timeout: 50s\n" if SOAK else "    timeout: 10m\n    catch_up: true\n") for n in range(JOBS))
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
        """Each slot has one run, and each run one row; nobody ran one twice."""
        rows = self.sql("SELECT job, slot_ms, count(DISTINCT run) FROM @run WHERE slot_ms IS NOT NULL GROUP BY 1, 2")
        self.assertEqual({row[2] for row in rows}, {"1"})
        self.assertEqual(set(self.ran().values()), {1})
        return rows

    def forget(self, number):
        """As if the two minutes had passed. What the host had sent before is done first."""
        wait_until(lambda: self.super("SELECT 1 FROM pg_stat_activity WHERE application_name = 'jeton' AND state <> 'idle'")
                   == [], 60)
        self.sql(f"UPDATE @lease SET until = clock_timestamp() - interval '1 second' WHERE host = '{self.host_id(number)}'")

    @unittest.skipIf(SOAK, "the short form")
    def test_three_slots(self):
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
        # A frozen one that goes on finds a key changed meanwhile.
        odd = ("SELECT job, exit, cause, convert_from(message, 'UTF8') FROM @run"
               " WHERE cause NOT IN ('interrupted', 'lost', 'locked', 'conflict')")
        self.assertEqual(self.sql(odd), [])

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
        for minute in range(MINUTES):
            time.sleep(60 - time.time() % 60 + random.random() * 15)
            victim = random.randrange(HOSTS - 1)
            if minute in (1, 4, 7):
                hosts[victim].kill()
                hosts[victim].wait()
                time.sleep(5)
                hosts[victim] = start(victim)
            elif minute in (2, 8):
                self.postgres("restart", "fast" if minute == 2 else "immediate")
            elif minute == 3:  # the last one; it goes on when others have long taken over
                signal_all(hosts[-1], signal.SIGSTOP)
                thawed = time.monotonic() + FROZEN_S
            if minute >= 5 and thawed and time.monotonic() >= thawed:
                signal_all(hosts[-1], signal.SIGCONT)
                thawed = 0
        last = int(time.time()) // 60
        time.sleep(50)
        for host in hosts:
            signal_all(host, signal.SIGTERM)
        for host in hosts:
            host.wait(120)
        rows = self.check_slots()
        have = {(row[0], int(row[1]) // 60000) for row in rows}
        want = {(f"job{n}", minute) for n in range(JOBS) for minute in range(first, last)}
        self.assertEqual(want - have, set(), f"seed {seed}")
        self.assertGreater(sum(self.ran().values()), 0.8 * len(want))
        self.assertGreater(int(self.sql("SELECT count(*) FROM @run WHERE cause = 'interrupted'")[0][0]), 0)
        open_rows = self.sql("SELECT count(*) FROM @run WHERE exit IS NULL AND cause IS NULL")
        self.assertLessEqual(int(open_rows[0][0]), JOBS, open_rows)  # of the last kill, until a job runs again
        print(f"\n{len(want)} slots, {sum(self.ran().values())} runs to their end; causes:",
              self.sql("SELECT coalesce(cause, 'well'), count(*) FROM @run GROUP BY 1 ORDER BY 1"), f"seed {seed}")


if __name__ == "__main__":
    unittest.main()
