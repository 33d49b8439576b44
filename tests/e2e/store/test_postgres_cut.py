"""A state on PostgreSQL behind what breaks: connections that are cut at any byte, a server that restarts, a pooler."""

import concurrent.futures
import json
import os
import signal
import subprocess
import time
import unittest

from cuts import PARTS, Proxy
from oauth2 import ID, REFRESH, SECRET, Grants
from postgres import HOSTS, SOCKET, TOKEN, OwnServer, PostgresCase
from support import JETON, JETON_FAULTY, SOAK, end_process, side_by_side, wait_until

# So many places of a run are tried on each side; in the long form, each part of each message.
PLACES = 8
# Of a loss that stays, each place takes the time after which a run gives up: so many, or each message, at a time.
STAYS = 12 if SOAK else 5
CALL_MS = 10000 if SOAK else 2500
# A token that has come is tried to be stored until shortly before this end of a run.
STAYS_MORE = f", timeout: {3 * CALL_MS // 1000 + 2}s"
# A run that claims a slot, and has to exchange its refresh token, which is good for one use.
EXCHANGES = """\
local s = require "jeton.state"
s.set("n", (s.get("n") or 0) + 1)
local file = io.open("{folder}/ran", "a")
file:write((require "jeton.token".get "books").access_token, "\\n"):close()
s.commit()
print(s.get("n"))
"""
STAYS_JOB = """\
local s, job = require "jeton.state", require "jeton".job
s.set("n", (s.get("n") or 0) + 1)
local token = assert(require "jeton.token".get "books")
local file = io.open("{folder}/ran", "a")
file:write(os.getenv "TURN", " ", job.slot, " ", token.access_token, "\\n"):close()
s.commit()
print(s.get("n"))
"""
SCHEDULED = """\
history: {{ keep: 1000000 }}
connectors:
  books: {{ provider: oauth2, token_url: {url}/token, client_id: {id}, client_secret: {secret}, refresh_token: {refresh},
           endpoint: "{url}" }}
jobs:
  job: {{ script: {folder}/job.lua, connector: books, schedule: "* * * * *", timezone: UTC, catch_up: true{more} }}
"""
# As if the slot and the token were an hour old.
AGO = """\
DELETE FROM @slot WHERE slot_ms < (SELECT max(slot_ms) FROM @slot);
UPDATE @slot SET slot_ms = slot_ms - 3600000;
UPDATE @token SET received_wall_ms = 0, received_boot_ms = 0, received_boot_id = 'gone'
"""


def some(places):
    return places[::1 if SOAK else max(1, len(places) // (2 * PLACES))]


class CutCase(PostgresCase):
    def cut_anywhere(self, behind):
        """Of a run, through a proxy before that server or pooler: at each part of each message, or at some."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        proxy = Proxy(self.folder + "/proxy-" + self.schema, behind)
        self.addCleanup(proxy.listener.close)
        self.write("job.lua", EXCHANGES.format(folder=self.folder))
        self.host(0, SCHEDULED.format(url=grants.url, id=ID, secret=json.dumps(SECRET), refresh=REFRESH, folder=self.folder, more=""),
                  url=f"postgresql://jeton@/jeton?host={self.folder}/proxy-{self.schema}")
        self.assertEqual(self.on(0, "run", "--job", "job", "--scheduled").returncode, 0)  # notes when it was installed
        self.sql("UPDATE @job SET installed_ms = 0")
        runs = len(self.sql("SELECT 1 FROM @run"))

        def run(where):
            self.sql(AGO)
            done = self.on(0, "run", "--job", "job", "--scheduled")
            self.assertEqual((done.returncode, done.stdout), (0, f"{runs}\n"), f"{where} {done.stderr}")
            self.assertEqual((len(grants.forms), grants.dead), (runs, False), f"{where} {done.stderr}")

        for _ in range(2):
            proxy.arm(None, 0, None)
            runs += 1
            run("whole")
        cuts = 0
        for side, number, part in some(proxy.places()):
            proxy.arm(side, number, part)
            runs += 1
            run(f"{side} {number}")
            cuts += proxy.side is None
        self.assertGreater(cuts, PLACES)
        rows = self.sql("SELECT count(*), count(exit), count(DISTINCT run), count(slot_ms), sum(exit) FROM @run")
        self.assertEqual(rows, [[str(runs)] * 4 + ["0"]])
        with open(self.folder + "/ran", encoding="ascii") as file:
            self.assertEqual(file.read().split(), [f"access-token-{n + 1}" for n in range(runs)])
        os.unlink(self.folder + "/ran")
        self.assertEqual(self.sql("SELECT runs, failures FROM @job_counter"), [])  # no metrics, no counters
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])
        self.assertEqual(self.sql("SELECT count(*) FROM @token_spare"), [["0"]])
        if SOAK:
            print(f"\n{cuts} cuts of runs")


class Stays(PostgresCase):
    """A database that goes at some place of a run, and is back when the next one begins."""

    def setUp(self):
        super().setUp()
        self.grants = Grants()
        self.addCleanup(self.grants.service.stop)
        self.proxy = Proxy(self.folder + "/proxy", SOCKET)
        self.addCleanup(self.proxy.listener.close)
        self.write("job.lua", STAYS_JOB.format(folder=self.folder))
        self.host(0, SCHEDULED.format(url=self.grants.url, id=ID, secret=json.dumps(SECRET), refresh=REFRESH, folder=self.folder,
                                      more=STAYS_MORE),
                  url=f"postgresql://jeton@/jeton?host={self.folder}/proxy")
        self.scheduled()
        self.sql("UPDATE @job SET installed_ms = 0")
        self.counted = 0
        self.whole("first")

    def scheduled(self, turn="", program=JETON, **env):
        return self.on(0, "run", "--job", "job", "--scheduled", program=program, env={"TURN": turn, **env})

    def ran(self):
        """(turn, slot, access token) of each time that the script has come so far."""
        with open(self.folder + "/ran", encoding="ascii") as file:
            return [tuple(line.split()) for line in file]

    def whole(self, turn):
        """A run that nothing disturbs: it counts on, and has the newest token."""
        self.sql(AGO)
        done = self.scheduled(turn)
        self.assertEqual(done.returncode, 0, f"{turn} {done.stderr}")
        before, self.counted = self.counted, int(done.stdout)
        self.assertTrue(before < self.counted <= len(self.ran()), turn)  # what was lost may have counted
        self.assertEqual(self.ran()[-1][::2], (turn, f"access-token-{len(self.grants.forms)}"))
        self.assertFalse(self.grants.dead, turn)
        self.assertEqual(os.listdir(self.folder + "/host0/spool"), [])
        self.assertEqual(self.sql("SELECT * FROM @run WHERE exit IS NULL AND cause IS NULL"), [])
        # A sign of life (kind 2) that nobody could take back runs out by itself.
        self.assertEqual(self.sql("SELECT kind FROM @lease WHERE until > clock_timestamp() AND kind <> 2"), [])

    def lost_at(self, side, number):
        where = f"{side}-{number}"
        self.sql(AGO)
        known, sent, rows = len(self.ran()), len(self.grants.forms), len(self.sql("SELECT 1 FROM @run"))
        self.proxy.arm(side, number, PARTS["middle"])
        self.proxy.stays = True
        lost = self.scheduled(where, JETON_FAULTY, JETON_FAULT=f"store-call={CALL_MS}")
        reached, self.proxy.stays, self.proxy.away = self.proxy.away, False, False
        self.proxy.arm(None, 0, None)
        after = self.scheduled(where + "-next")  # of this slot, if nobody has claimed it; or of the next minute
        self.assertEqual(after.returncode, 0, f"{where} {after.stderr}")
        slots = [slot for _, slot, _ in self.ran()[known:]]
        self.assertEqual(len(set(slots)), len(slots), where)
        ended = [["0"]] == self.sql("SELECT exit FROM @run ORDER BY row LIMIT 1 OFFSET " + str(rows))
        self.assertIn(lost.returncode, (0, 5) if ended else (5,), f"{where} {lost.stderr}")
        self.assertLessEqual(len(self.grants.forms) - sent, len(slots) + 1, where)
        self.whole(where + "-whole")
        return reached


class StaysAnywhere(PostgresCase):
    def test_a_loss_that_stays(self):
        """At each message of a run, or at some: status 5, no slot runs twice, no refresh token is lost, the next run heals."""
        probe = self.world()
        probe.sql(AGO)
        probe.proxy.arm(None, 0, None)
        self.assertEqual(probe.scheduled("probe").returncode, 0)
        places = [(side, number) for side, passed in probe.proxy.passed.items() for number in range(len(passed))]
        places = places[::1 if SOAK else len(places) // STAYS][:None if SOAK else STAYS]
        queue, reached, wrong = list(reversed(places)), [], []

        def work():
            world = self.world()
            while queue:
                try:
                    reached.append(world.lost_at(*queue.pop()))
                except AssertionError as error:
                    wrong.append(str(error))
                    world = self.world()

        with concurrent.futures.ThreadPoolExecutor(STAYS) as pool:
            for one in [pool.submit(work) for _ in range(STAYS)]:
                one.result()
        self.assertEqual(wrong, [])
        self.assertGreater(sum(reached), len(places) // 2)
        if SOAK:
            print(f"\n{sum(reached)} losses that stayed")

    def world(self):
        world = Stays()
        self.addCleanup(world.doCleanups)
        world.setUp()
        return world


class Cut(CutCase):
    def test_a_run_with_a_cached_token_waits_once_before_its_request(self):
        proxy = Proxy(self.folder + "/proxy", SOCKET)
        self.addCleanup(proxy.listener.close)
        script = self.write("me.lua", 'require "kaizala".connect "contoso":me()')
        url, lines = f"postgresql://jeton@/jeton?host={self.folder}/proxy", self.connector(self.sandbox().url)

        def round_trips(rate, before):
            self.host(0, lines + rate, url=url)
            self.assertEqual(self.on(0, "run", script).returncode, 0)
            self.sql(before)
            proxy.round_trips = 0
            self.assertEqual(self.on(0, "run", script).returncode, 0)
            return proxy.round_trips

        unlimited = "    rate_limit: {per_minute: 0, tenant_per_minute: 0}\n"
        self.assertEqual(round_trips(unlimited, ""), 1)  # what it begins with, and the token
        # and its limit, of which nobody has taken anything lately; then what is left is given back
        self.assertEqual(round_trips("", "DELETE FROM @bucket"), 3)
        self.assertEqual(round_trips("", "UPDATE @bucket SET slots = '1764241200250:3'"), 3)
        self.assertEqual(round_trips("", ""), 4)  # somebody has
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])

    def test_a_run_of_a_job_has_two_connections(self):
        proxy = Proxy(self.folder + "/proxy", SOCKET)
        self.addCleanup(proxy.listener.close)
        self.write("me.lua", 'require "kaizala".connect "contoso":me()')
        self.host(0, self.connector(self.sandbox().url) + "    rate_limit: {per_minute: 0, tenant_per_minute: 0}\n"
                  f"jobs:\n  job: {{ script: {self.folder}/me.lua, connector: contoso, schedule: '* * * * *', timezone: UTC,\n"
                  "    catch_up: true }\n", url=f"postgresql://jeton@/jeton?host={self.folder}/proxy")
        for asks, extra in (((), 0), (("--scheduled",), 1)):
            self.assertEqual(self.on(0, "run", "--job", "job", *asks).returncode, 0)
            self.sql("DELETE FROM @slot; UPDATE @job SET installed_ms = 0")
            proxy.connections = proxy.round_trips = 0
            proxy.far_s = 0.1
            done = self.on(0, "run", "--job", "job", *asks)
            proxy.far_s = 0
            self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])
            self.assertEqual((done.returncode, proxy.connections), (0, 2), done.stderr)
            # its row; its lock; that it begins; its script's token; its end; and what it held
            self.assertEqual(proxy.round_trips, 6 + extra)

    def test_a_run_whose_connection_is_cut_anywhere_counts_once(self):
        self.cut_anywhere(SOCKET)


    def test_a_change_of_names_whose_connection_is_cut_anywhere_is_made_once(self):
        proxy = Proxy(self.folder + "/proxy", SOCKET)
        self.addCleanup(proxy.listener.close)
        self.host(0, f"jobs: {{ job: {{ script: {self.write('job.lua', '')} }} }}\n",
                  url=f"postgresql://jeton@/jeton?host={self.folder}/proxy")
        self.says(0, 0, "run", "--job", "job")
        self.says(0, 0, "state", "keys", "set", "--job", "job", "k", "1")
        names = ["shared", "other"]

        def change(*cut):
            names.reverse()
            self.rename(0, names[0])
            proxy.arm(*cut)
            self.says(0, 0, "state", "adopt", "name:" + names[1])
            self.assertEqual(self.sql("SELECT convert_from(scope, 'UTF8') FROM @kv UNION SELECT convert_from(scope, 'UTF8') FROM"
                                      " @run"), [[f"job:job:name:{names[0]}"]], cut)

        change(None, 0, None)
        places = proxy.places()
        for place in some(places) + places[-3:]:
            change(*place)
        self.says(0, 0, "state", "keys", "get", "--job", "job", "k", words="1")


class Poolers(OwnServer, CutCase):
    MODES = ("session", "transaction")

    def pooled(self, mode):
        """A pooler, before tables of its own: its folder."""
        self.postgres("pooler", mode)
        self.schema = "pooled_" + mode
        return self.server + "/pooler"

    def again(self):
        self.postgres("stop")
        self.postgres("start")

    def test_a_run_that_is_cut_anywhere_before_a_pooler_of_sessions(self):
        self.cut_anywhere(self.pooled("session"))

    def test_a_run_that_is_cut_anywhere_before_a_pooler_of_transactions(self):
        self.cut_anywhere(self.pooled("transaction"))

    def test_a_pooler_that_has_too_many_clients_is_asked_again(self):
        pooler = self.pooled("session")
        self.host(0, url=f"postgresql://jeton@/jeton?host={pooler}")
        self.says(0, 0, "state", "check")
        with open(pooler + "/pgbouncer.ini", "a", encoding="ascii") as file:
            file.write("max_client_conn = 1\n")
        with open(pooler + "/pid", encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGHUP)

        def ask(database="jeton"):
            return subprocess.run(["psql", "-h", pooler, "-U", "jeton", "-d", database, "-c", "SELECT 1"], capture_output=True,
                                  text=True, check=False).stderr

        one = subprocess.Popen(["psql", "-h", pooler, "-U", "jeton", "-d", "jeton"], stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.PIPE)
        self.addCleanup(end_process, one)
        one.stdin.write("SELECT 1;\n")
        one.stdin.flush()
        one.stdout.readline()
        wait_until(lambda: "no more connections allowed" in ask(), 60)
        waits = self.start_on(0, "state", "check")
        time.sleep(0.5)
        self.assertIsNone(waits.poll())
        one.stdin.close()
        self.finish_all([waits])
        self.host(0, url=f"postgresql://jeton@/nowhere?host={pooler}")
        self.says(3, 0, "state", "check", words="config error")

    def test_slots_through_poolers(self):
        self.write("job.lua", f'local f = io.open("{self.folder}/ran", "a"); f:write(require "jeton".job.name, "\\n"):close()')
        jobs = "jobs:\n" + "".join(f"  job{n}:\n    script: {self.folder}/job.lua\n    schedule: \"* * * * *\"\n"
                                   f"    timezone: UTC\n    catch_up: true\n" for n in range(3))
        for mode in self.MODES:
            pooler = self.pooled(mode)
            for number in range(HOSTS):
                self.host(number, jobs, url=f"postgresql://jeton@/jeton?host={pooler}")
            self.assertEqual(self.on(0, "run", "--job", "job0", "--scheduled").returncode, 0)
            self.sql("UPDATE @job SET installed_ms = 0")
            started = [self.start_on(number, "run", "--job", f"job{job}", "--scheduled")
                       for number in range(HOSTS) for job in range(3)]
            self.assertLessEqual({process.wait(60) for process in started}, {0, 7})
            rows = self.sql("SELECT job, slot_ms, count(DISTINCT run), min(exit) FROM @run WHERE slot_ms IS NOT NULL"
                            " AND cause IS NULL GROUP BY job, slot_ms")
            self.assertTrue(rows)
            self.assertEqual({(row[2], row[3]) for row in rows}, {("1", "0")})
            with open(self.folder + "/ran", encoding="ascii") as file:
                self.assertEqual(len(file.readlines()), len(rows))
            os.unlink(self.folder + "/ran")
            self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])
            self.again()

    def test_tokens_through_poolers(self):
        sandbox = self.sandbox()
        script = self.write("token.lua", TOKEN)
        for mode in self.MODES:
            pooler = self.pooled(mode)
            for number in range(HOSTS):
                self.host(number, self.connector(sandbox.url), url=f"postgresql://jeton@/jeton?host={pooler}")
            outs = self.finish_all([self.start_on(number, "run", script) for number in range(HOSTS) for _ in range(3)])
            self.assertEqual(len(set(outs)), 1)
            self.assertEqual(self.sql("SELECT max(generation) FROM @token"), [["65536"]])
            self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])
            self.again()


class Restarts(OwnServer):
    def test_a_restart_ends_no_lease(self):
        self.write("job.lua", f'local t = require "jeton.task"\nio.open("{self.folder}/on", "w"):close()\n'
                              f'while not io.open("{self.folder}/go") do t.sleep(0.02) end\n'
                              'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit()')
        for number in range(2):
            self.host(number, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n")
        for turn, mode in enumerate(("fast", "immediate"), 1):
            first = self.start_on(0, "run", "--job", "job")
            wait_until(lambda: os.path.exists(self.folder + "/on"), 60)
            self.postgres("restart", mode)
            self.assertEqual(self.on(1, "run", "--job", "job").returncode, 7)
            self.write("go", "")
            self.finish_all([first])
            os.unlink(self.folder + "/on")
            os.unlink(self.folder + "/go")
            self.assertEqual(self.sql("SELECT count(*) FROM @run WHERE exit = 0"), [[str(turn)]])


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
