"""A state on PostgreSQL behind what breaks: connections that are cut at any byte, a server that restarts, a pooler."""

import os
import socket
import threading
import unittest

from postgres import HOSTS, SOCKET, TOKEN, OwnServer, PostgresCase
from support import SOAK, wait_until

# A cut is this many bytes into what one side sends; so many places of a run are tried, or all.
PLACES = 8


class Proxy:
    """Between jeton and the server. Cuts the first connection after so many bytes of one side; then passes on."""

    def __init__(self, folder):
        self.folder = folder
        self.passed = {"up": 0, "down": 0}
        self.ends = {"up": [], "down": []}  # of what was sent at once
        self.asked = b""  # by the client
        self.side, self.after = None, 0
        self.open = threading.Event()  # unless it is set, nothing gets through, and nobody is told
        self.open.set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(folder + "/.s.PGSQL.5432")
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, side, after):
        self.passed = {"up": 0, "down": 0}
        self.ends = {"up": [], "down": []}
        self.side, self.after = side, after

    def round_trips(self):
        """How often the client of one connection, the first one that it was, has waited for answers: its Syncs."""
        at, count = int.from_bytes(self.asked[:4], "big"), 0  # behind the startup message, which has no type
        while at < len(self.asked):
            count += self.asked[at:at + 1] == b"S"
            at += 1 + int.from_bytes(self.asked[at + 1:at + 5], "big")
        return count

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(SOCKET + "/.s.PGSQL.5432")
            for side, source, target in (("up", client, server), ("down", server, client)):
                threading.Thread(target=self.pass_on, args=(side, source, target), daemon=True).start()

    def pass_on(self, side, source, target):
        try:
            while data := source.recv(65536):
                self.open.wait()
                self.asked += data if side == "up" else b""
                if side == self.side and self.passed[side] + len(data) >= self.after:
                    self.side = None
                    target.sendall(data[:self.after - self.passed[side]])
                    break
                target.sendall(data)
                self.passed[side] += len(data)
                self.ends[side].append(self.passed[side])
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()  # the other one is for the thread that reads from it


class Cut(PostgresCase):
    def test_a_run_with_a_cached_token_waits_once_before_its_request(self):
        os.mkdir(self.folder + "/proxy", 0o700)
        proxy = Proxy(self.folder + "/proxy")
        self.addCleanup(proxy.listener.close)
        script = self.write("me.lua", 'require "kaizala".connect "contoso":me()')
        url, lines = f"postgresql://jeton@/jeton?host={self.folder}/proxy", self.connector(self.sandbox().url)

        def round_trips(rate, before):
            self.host(0, lines + rate, url=url)
            self.assertEqual(self.on(0, "run", script).returncode, 0)
            self.sql(before)
            proxy.asked = b""
            self.assertEqual(self.on(0, "run", script).returncode, 0)
            return proxy.round_trips()

        unlimited = "    rate_limit: {per_minute: 0, tenant_per_minute: 0}\n"
        self.assertEqual(round_trips(unlimited, ""), 1)  # what it begins with, and the token
        # and its limit, of which nobody has taken anything lately; then what is left is given back
        self.assertEqual(round_trips("", "DELETE FROM @bucket"), 3)
        self.assertEqual(round_trips("", "UPDATE @bucket SET slots = '1764241200250:3'"), 3)
        self.assertEqual(round_trips("", ""), 4)  # somebody has
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])

    def test_a_run_whose_connection_is_cut_anywhere_counts_once(self):
        os.mkdir(self.folder + "/proxy", 0o700)
        proxy = Proxy(self.folder + "/proxy")
        self.addCleanup(proxy.listener.close)
        self.write("job.lua", 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit()\n'
                              'print(s.get("n"))')
        self.host(0, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n",
                  url=f"postgresql://jeton@/jeton?host={self.folder}/proxy")
        runs = 2
        for _ in range(runs):
            self.assertEqual(self.on(0, "run", "--job", "job").returncode, 0)
            lengths = dict(proxy.passed)
            ends = {side: list(places) for side, places in proxy.ends.items()}
            proxy.arm(None, 0)
        cuts = 0
        for side in ("up", "down"):
            places = range(1, lengths[side] + 1) if SOAK else sorted(
                {max(1, end + more) for end in ends[side] for more in (-7, 0, 1)})
            step = 1 if SOAK else max(1, len(places) // PLACES)
            for after in places[::step]:
                proxy.arm(side, after)
                done = self.on(0, "run", "--job", "job")
                runs += 1
                cuts += proxy.side is None
                self.assertEqual((done.returncode, done.stdout), (0, f"{runs}\n"), f"{side} {after} {done.stderr}")
        self.assertGreater(cuts, PLACES)
        rows = self.sql("SELECT count(*), count(exit), count(DISTINCT run), sum(exit) FROM @run")
        self.assertEqual(rows, [[str(runs), str(runs), str(runs), "0"]])
        self.assertEqual(self.sql("SELECT runs, failures FROM @job_counter"), [])  # no metrics, no counters
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])


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

    def test_poolers_may_be_between(self):
        sandbox = self.sandbox()
        script = self.write("token.lua", TOKEN)
        for mode in ("session", "transaction"):
            self.postgres("pooler", mode)
            pooled = f"postgresql://jeton@/jeton?host={self.server}/pooler"
            for number in range(HOSTS):
                self.host(number, self.connector(sandbox.url), url=pooled, schema="pooled_" + mode)
            outs = self.finish_all([self.start_on(number, "run", script) for number in range(HOSTS) for _ in range(3)])
            self.assertEqual(len(set(outs)), 1)
            self.schema = "pooled_" + mode
            self.assertEqual(self.sql("SELECT max(generation) FROM @token"), [["1"]])
            self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])
            self.postgres("stop")
            self.postgres("start")


if __name__ == "__main__":
    unittest.main()
