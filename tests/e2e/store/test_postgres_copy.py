"""A state in a folder is copied to a database, as a whole or not; afterwards only one of them is used."""

import contextlib
import fcntl
import glob
import json
import os
import signal
import sqlite3
import subprocess
import threading
import unittest
from urllib.parse import parse_qs

from listening import HOOK, SECRET, Listener
from postgres import TOKEN, PostgresCase
from service import Service
from support import side_by_side, wait_until

JOB = 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit(); print(s.get("n"))'
HANDLER = """\
return function(event)
  event:step("once", function() return 1 end)
  error("not today")
end
"""


class Copy(PostgresCase):
    def setUp(self):
        super().setUp()
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", HANDLER)
        self.write("job.lua", JOB)
        self.token = self.write("token.lua", TOKEN)
        self.url = f"postgresql://jeton@/jeton?host={self.server}"
        self.rest = (f"jobs:\n  job:\n    script: {self.folder}/job.lua\n    schedule: \"* * * * *\"\n    timezone: UTC\n"
                     "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder) + '    order: "json:key"\n'
                     "    retries: { attempts: 9, delay: 1h }\n")

    def before(self, more=""):
        """The configuration with its state in a folder."""
        return self.write("etc0/jeton.yaml", f"version: 1\nname: shared\nstate: {self.folder}/host0\n{self.rest}{more}")

    def copy(self, *more, **options):
        return self.on(0, "state", "copy", "--to", self.url, "--key", self.folder + "/state.key", "--schema",
                       self.schema, *more, **options)

    def fails_with(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_all_goes_along(self):
        connector = self.connector(self.sandbox().url)
        self.before(connector)
        token = self.on(0, "run", self.token).stdout
        for number in range(1, 4):
            self.assertEqual(self.on(0, "run", "--job", "job").stdout, f"{number}\n")
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        for number in range(3):
            self.assertEqual(listener.post({"id": f"e{number}", "type": "t", "key": "k"})[0], 200)
        wait_until(lambda: "not today" in self.on(0, "events", "--json").stdout, 60)
        self.fails_with(self.copy(timeout=60), 7, "the listener")
        listener.stop()
        before = json.loads(self.on(0, "events", "--json").stdout)

        done = self.copy()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("copied: 1 key, 1 token, 3 past attempts, 3 events; ", done.stdout)
        for words in (["run", "--job", "job"], ["token", "contoso"], ["run", "--job", "job", "--scheduled"],
                      ["listen", "--listen", "127.0.0.1:0"], ["cron", "run"], ["state", "check"],
                      ["events", "--retry", "all"], ["events", "--retry", "1"], ["events", "--drop", "1"]):
            self.fails_with(self.on(0, *words, timeout=30), 3, "was moved to " + self.url, "unmove")
        check = self.on(0, "check")
        self.assertEqual((check.returncode, "was moved to " + self.url in check.stdout), (3, True), check.stdout)
        again = self.copy()
        self.assertEqual((again.returncode, "already" in again.stdout), (0, True), again.stderr)
        # Nothing is in another schema: whoever took that for the copy would begin anew there, and spend spent tokens.
        for more in (["--schema", self.schema + "b"], ["--schema", "jeton"]):
            self.fails_with(self.copy(*more), 3, f"was moved to {self.url} (schema: {self.schema})")

        for number in range(2):
            self.host(number, self.rest + connector)
        self.assertEqual(self.on(1, "run", self.token).stdout, token)
        self.assertEqual(self.on(1, "run", "--job", "job").stdout, "4\n")
        self.assertEqual(self.on(0, "run", "--job", "job").stdout, "5\n")
        self.assertEqual(len(self.on(1, "history", "--json").stdout.splitlines()), 5)
        after = json.loads(self.on(1, "events", "--json").stdout)
        kept = [{key: row[key] for key in ("event_id", "type", "state", "attempt", "received_at", "error")} for row in before]
        self.assertEqual([{key: row[key] for key in kept[0]} for row in after], kept)
        self.assertEqual(self.sql("SELECT count(*) FROM @step"), [["1"]])
        self.write("handler.lua", "return function(event) local n = event:step('once', function() return 2 end)\n"
                                  f"io.open('{self.folder}/handled', 'a'):write(event.id, n, '\\n'):close() end")
        listener = Listener(self, popen=self.start_on(1, "listen", "--listen", "127.0.0.1:0"))
        self.assertEqual(self.on(0, "events", "--retry", str(after[-1]["seq"])).returncode, 0)
        wait_until(lambda: self.sql("SELECT count(*) FROM @event WHERE state = 4") == [["3"]], 60)
        with open(self.folder + "/handled", encoding="ascii") as file:
            self.assertEqual(file.read(), "e01\ne12\ne22\n")
        listener.stop()

    def test_tokens_go_on_where_they_were(self):
        """What is configured is known there, too: it is not taken for new, and spent again."""
        answers = iter([{"access_token": f"access-{n}", "refresh_token": f"refresh-{n}", "expires_in": 3600} for n in range(1, 7)])
        state = None

        def answer(_):
            if state is not None and not state.in_transaction:
                state.execute("BEGIN IMMEDIATE")
            return 200, {}, next(answers)

        service = Service(answer)
        self.addCleanup(service.stop)
        connector = (f"connectors:\n  books:\n    provider: oauth2\n    token_url: {service.url}/token\n    client_id: client-1\n"
                     f"    client_auth: none\n    refresh_token: refresh-0\n    endpoint: {service.url}\n")
        self.before(connector)
        self.assertEqual(self.on(0, "token", "books", "--refresh").returncode, 0)
        state = sqlite3.connect(self.folder + "/host0/jeton.db", isolation_level=None, check_same_thread=False)
        self.assertEqual(self.on(0, "token", "books", "--refresh").returncode, 0)
        self.assertEqual(len(os.listdir(self.folder + "/host0/kept")), 1)  # it comes along, too
        state.close()
        state = None
        self.assertEqual(self.copy().returncode, 0)
        for number in range(2):
            self.host(number, self.rest + connector)
            done = self.on(number, "token", "books", "--refresh")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        # Nor under another name of the connector, whose row has fingerprints of another salt.
        for name in ("ledger", "books"):
            self.host(1, self.rest + connector.replace("  books:", f"  {name}:"))
            done = self.on(1, "token", name, "--refresh")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"connector '{name}' goes on with what the state had of its refresh token", done.stderr)
        spent = [parse_qs(request["body"].decode())["refresh_token"] for request in service.received]
        self.assertEqual(spent, [[f"refresh-{n}"] for n in range(6)])
        self.assertEqual(self.sql("SELECT convert_from(value, 'UTF8') FROM @meta WHERE key = 'oldest'"), [["5"]])

    def test_who_waited_for_a_token_does_not_spend_what_was_moved(self):
        """Nor revokes it, nor gives up for it what a person brought, which could not be stored."""
        answers = iter([(200, {}, {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 3600}), (500, {}, {})])
        service = Service(lambda request: next(answers))
        self.addCleanup(service.stop)
        self.before(f"connectors:\n  books:\n    provider: oauth2\n    token_url: {service.url}/token\n    client_id: client-1\n"
                    f"    client_auth: none\n    refresh_token: refresh-0\n    retries: 0\n    endpoint: {service.url}\n"
                    f"    revoke_url: {service.url}/revoke\n")
        self.assertEqual(self.on(0, "token", "books").returncode, 0)
        self.assertEqual(self.on(0, "token", "books", "--refresh").returncode, 6)  # in doubt: its intent stays
        with contextlib.closing(sqlite3.connect(self.folder + "/host0/jeton.db")) as state:
            [(owner,)] = state.execute("SELECT owner FROM token")
        lock = f"{self.folder}/host0/locks/token-{owner[:32]}.lock"
        with open(lock, "r+b") as file, open(self.write("typed", "refresh-9\n"), "rb") as typed:
            fcntl.flock(file, fcntl.LOCK_EX)  # as the copy has it
            waiting = [self.start_on(0, *words, stdin=typed) for words in (
                ("token", "books", "--refresh"), ("login", "books", "--import"), ("logout", "books"))]
            for process in waiting:
                wait_until(lambda: lock in [os.path.realpath(path) for path in glob.glob(f"/proc/{process.pid}/fd/*")], 60)
            with contextlib.closing(sqlite3.connect(self.folder + "/host0/jeton.db")) as state, state:
                state.execute("INSERT INTO meta (key, value) VALUES ('moved name:shared', ?)", [self.url])
        for process in waiting:
            _, said = process.communicate(timeout=60)
            self.assertEqual((process.returncode, b"was moved to" in said), (3, True), said)
        self.assertEqual(len(service.received), 2)

    def test_it_can_be_taken_back(self):
        self.before()
        self.assertEqual(self.on(0, "run", "--job", "job").stdout, "1\n")
        self.assertEqual(self.copy("--keys-only").returncode, 0)
        self.assertEqual(self.on(0, "run", "--job", "job").stdout, "2\n")
        self.fails_with(self.copy(), 3, "there are rows of name:shared there already")
        self.sql("DELETE FROM @kv")
        self.assertEqual(self.copy().returncode, 0)
        self.fails_with(self.on(0, "state", "unmove"), 2, "--yes")
        self.assertEqual(self.on(0, "state", "unmove", "--yes").returncode, 0)
        self.assertEqual(self.on(0, "run", "--job", "job").stdout, "3\n")
        self.fails_with(self.copy(), 3, "there are rows of name:shared there already")

    def test_scripts_elsewhere_keep_their_keys(self):
        self.before()
        self.write("etc0/beside.lua", JOB)
        elsewhere = self.write("job.lua", JOB)
        for _ in range(2):
            for script in (self.folder + "/etc0/beside.lua", elsewhere):
                self.on(0, "run", script)
        done = self.copy()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("copied: 1 key, ", done.stdout)
        self.assertIn("\n1 key of scripts outside of the configuration's folder", done.stdout)
        lines = self.on(0, "state", "keys", "export", "--script", elsewhere).stdout
        self.assertEqual(json.loads(lines), {"key": "n", "value": 2})
        self.fails_with(self.on(0, "state", "keys", "import", "--script", elsewhere, self.write("lines", lines)), 3, "was moved")
        self.host(0, self.rest)
        self.assertEqual(self.on(0, "state", "keys", "import", "--script", elsewhere, self.folder + "/lines").returncode, 0)
        for script in (self.folder + "/etc0/beside.lua", elsewhere):
            self.assertEqual(self.on(0, "run", script).stdout, "3\n")

    def test_one_that_was_interrupted_is_repeated(self):
        self.before()
        self.assertEqual(self.on(0, "run", "--job", "job").stdout, "1\n")
        self.host(1, self.rest)
        self.assertEqual(self.on(1, "state", "check").returncode, 0)
        self.sql("INSERT INTO @meta VALUES ('copy name:shared', ''); INSERT INTO @kv (scope, key, value, version)"
                 " VALUES ('job:job:name:shared', 'left', '', 1)")
        self.fails_with(self.on(1, "run", "--job", "job"), 3, "has not ended")
        self.assertEqual(self.on(0, "run", "--job", "job").stdout, "2\n")
        self.assertEqual(self.copy().returncode, 0)
        self.assertEqual(self.sql("SELECT convert_from(key, 'UTF8') FROM @kv"), [["n"]])
        self.assertEqual(self.on(1, "run", "--job", "job").stdout, "3\n")

    def test_what_cannot_be_copied_is_said(self):
        self.before()
        self.fails_with(self.on(0, "state", "copy"), 2, "--to URL and --key FILE")
        self.write("job.lua", 'io.open("on", "w"):close() while true do require "jeton.task".sleep(1) end')
        process = self.start_on(0, "run", "--job", "job")
        wait_until(lambda: os.path.exists(self.folder + "/on"), 60)
        self.fails_with(self.copy(timeout=60), 7, "job 'job' is at work")
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        self.host(0, self.rest)
        self.fails_with(self.copy(), 3, "a database already")
        self.write("etc0/jeton.yaml", f"version: 1\nstate: {self.folder}/host0\n{self.rest}")
        self.fails_with(self.copy(), 3, "has no name")

    def test_a_listener_without_the_name_is_waited_for(self):
        self.before()
        self.assertEqual(self.on(0, "run", "--job", "job").returncode, 0)
        self.write("etc0/jeton.yaml", f"version: 1\nstate: {self.folder}/host0\n{self.rest}")
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        self.before()
        self.fails_with(self.copy(timeout=60), 7, "a listener that was started without `name:`")
        self.assertEqual(listener.post({"id": "e1", "type": "t", "key": "k"})[0], 200)
        listener.stop()
        done = self.copy()  # the name had rows, so nothing has moved to it
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"others of {self.folder}/etc0/jeton.yaml", done.stderr)

    def test_another_file_with_the_same_name_is_waited_for(self):
        """Its exchange ends in the folder, and what came is copied; its job must have ended."""
        answers = iter([{"access_token": f"access-{n}", "refresh_token": f"refresh-{n}", "expires_in": 3600} for n in range(1, 5)])
        may_answer = threading.Event()
        may_answer.set()
        service = Service(lambda request: (may_answer.wait(60), (200, {}, next(answers)))[1])
        self.addCleanup(service.stop)
        self.addCleanup(may_answer.set)
        connector = (f"connectors:\n  books:\n    provider: oauth2\n    token_url: {service.url}/token\n    client_id: client-1\n"
                     f"    client_auth: none\n    refresh_token: refresh-0\n    endpoint: {service.url}\n")
        self.before()
        self.write("etc2/jeton.yaml", f"version: 1\nname: shared\nstate: {self.folder}/host0\n{connector}jobs:\n"
                                      f"  night: {{ script: {self.folder}/night.lua, schedule: '@daily' }}\n")
        self.write("night.lua", 'io.open("on", "w"):close() while true do require "jeton.task".sleep(1) end')
        night = self.start_on(2, "run", "--job", "night")
        wait_until(lambda: os.path.exists(self.folder + "/on"), 60)
        self.fails_with(self.copy(timeout=60), 7, "job 'night' of another file with the name 'shared' is at work")
        night.send_signal(signal.SIGTERM)
        night.wait(30)
        self.assertEqual(self.on(2, "token", "books").returncode, 0)
        may_answer.clear()
        exchange = self.start_on(2, "token", "books", "--refresh")
        wait_until(lambda: len(service.received) == 2, 60)
        copy = self.start_on(0, "state", "copy", "--to", self.url, "--key", self.folder + "/state.key", "--schema", self.schema)
        with contextlib.suppress(subprocess.TimeoutExpired):
            copy.wait(2)
        may_answer.set()
        self.assertEqual((exchange.wait(30), copy.wait(30)), (0, 0))
        self.host(1, connector)
        self.assertEqual(self.on(1, "token", "books", "--refresh").returncode, 0)
        spent = [parse_qs(request["body"].decode())["refresh_token"] for request in service.received]
        self.assertEqual(spent, [["refresh-0"], ["refresh-1"], ["refresh-2"]])


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
