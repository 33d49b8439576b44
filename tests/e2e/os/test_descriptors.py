"""When descriptors are used up, the error says so, nothing is lost, nothing spins, and later all works again."""

import os
import resource
import signal
import socket
import subprocess
import time
import unittest

import support
from support import JETON

WORDS = "Too many open files"
ENOUGH = 24  # for all that is run here


def at_most(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def ticks(pid):
    """Processor time, in hundredths of a second."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class Descriptors(support.Case):
    def with_at_most(self, count, *args):
        return subprocess.run([JETON, *args], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False, preexec_fn=at_most(count))

    def configure(self, base="http://127.0.0.1:1/v1"):
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  c:
    token_service: {base}
    application_id: {support.APPLICATION_ID}
    application_secret: {support.APPLICATION_SECRET}
    refresh_token: {support.TENANT_TOKEN}
    retries: 0
jobs:
  count: {{ script: count.lua, schedule: "@reboot" }}
""")
        self.write("count.lua", """
          local state = require "jeton.state"
          local count = state.get "count" or 0
          if ... then print(count) else state.set("count", count + 1) end
        """)

    def each_limit(self, *args, failures=(3,)):
        """How often it succeeded. It fails with the reason until there are enough, and then no more."""
        good = 0
        for count in range(4, ENOUGH + 1):
            done = self.with_at_most(count, *args)
            if done.returncode == 0:
                good += 1
            else:
                self.assertIn(done.returncode, failures, f"{count}: {done.stderr}")
                self.assertIn(WORDS, done.stderr, count)
                self.assertNotIn("install", done.stderr, count)
        self.assertEqual(done.returncode, 0, done.stderr)
        return good

    def test_a_run_does_all_or_says_why(self):
        self.configure()
        good = self.each_limit("-c", "jeton.yaml", "run", "count.lua")
        self.assertEqual(self.ok("-c", "jeton.yaml", "run", "count.lua", "show").stdout, f"{good}\n")

    def test_a_job(self):
        self.configure()
        self.each_limit("-c", "jeton.yaml", "run", "--job", "count")

    def test_a_call(self):
        sandbox = support.Sandbox(self.folder, self.env)
        self.addCleanup(sandbox.stop)
        self.configure(sandbox.base)
        good = self.each_limit("-c", "jeton.yaml", "token", "c", "--refresh", failures=(3, 5))
        self.assertEqual(sandbox.exchanges(), good)
        self.each_limit("-c", "jeton.yaml", "api", "groups", failures=(3, 5))

    def test_the_scheduler(self):
        self.configure()
        for count in range(4, 9):
            done = self.with_at_most(count, "-c", "jeton.yaml", "cron", "run")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(WORDS, done.stderr)

    def test_a_listener_of_many_webhooks(self):
        self.write("hook.lua", "return function() end")
        hooks = "".join(f"  h{n}: {{ path: /{n}, script: hook.lua, secret: s3cret-s3cret, "
                        "verify: { kind: token, in: 'header:X' } }\n" for n in range(50))
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\nlisten: {{ address: '127.0.0.1:0' }}\nwebhooks:\n{hooks}")
        done = self.with_at_most(100, "-c", "jeton.yaml", "listen")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("cannot make a pipe for each of 50 webhooks: Too many open files; raise the limit of open files "
                      "(ulimit -n, LimitNOFILE= of systemd) to 1288", done.stderr)

    def test_a_script_that_opened_too_many(self):
        sandbox = support.Sandbox(self.folder, self.env)
        self.addCleanup(sandbox.stop)
        self.configure(sandbox.base)
        self.write("script.lua", """
          local function all()
            local held, file = {}, nil
            repeat
              file = io.open "/dev/null"
              held[#held + 1] = file
            until not file
            return held
          end
          local exec, http, sqlite, token = require "jeton.exec", require "jeton.http", require "jeton.sqlite",
            require "jeton.token"
          local function try()
            print("popen", io.popen "true")
            print("sqlite", select(2, pcall(sqlite.open, "new.db")))
            print("exec", select(2, exec.run { argv = { "true" } }))
            print("get", select(2, http.get "http://127.0.0.1:1/"))
            print("name", select(2, http.get "http://localhost:1/"))
            print("token", select(2, token.get()))
          end
          local held = all() -- nothing was loaded yet
          try()
          for _, file in ipairs(held) do file:close() end
          assert(token.get())
          local db = sqlite.open "data.db"
          held = all()
          try()
          print("table", select(2, pcall(db.exec, db, "CREATE TABLE t (v)")))
          for _, file in ipairs(held) do file:close() end
          collectgarbage()
          db:exec "CREATE TABLE IF NOT EXISTS t (v); INSERT INTO t VALUES (1)"
          assert(token.get())
          assert(io.popen "true"):close()
          print "as before"
        """)
        done = self.with_at_most(40, "-c", "jeton.yaml", "run", "script.lua")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        for line in lines[:-1]:
            if line not in ("table\tnil", "token"):  # the table is made, the token in the cache is good
                self.assertIn(WORDS, line)
        self.assertEqual(lines[-1], "as before")
        self.assertEqual(sandbox.exchanges(), 1)

    def test_a_server(self):
        process = subprocess.Popen([JETON, "sandbox", "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, preexec_fn=at_most(16))
        port = int(process.stdout.readline().decode().rpartition(":")[2])
        peers = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(40)]
        before = ticks(process.pid)
        time.sleep(0.5)
        self.assertLess(ticks(process.pid) - before, 15)
        for peer in peers:
            peer.close()
        with socket.create_connection(("127.0.0.1", port), 10) as peer:
            peer.sendall(b"GET /_sandbox/state HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
            self.assertEqual(peer.recv(15), b"HTTP/1.1 200 OK")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


if __name__ == "__main__":
    unittest.main()
