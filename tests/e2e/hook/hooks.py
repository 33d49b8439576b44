"""A webhook's worker with the tests in place of the listener: they add events, and wake it."""

import json
import os
import sqlite3
import subprocess
import time

import support

PEER = os.path.join(os.path.dirname(support.JETON), "tests", "hook-peer")


class Hooks(support.Case):
    def setUp(self):
        super().setUp()
        self.config = self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")
        self.env["JETON_CONFIG"] = self.config
        self.workers = []

    def peer(self, *args, **options):
        return subprocess.Popen([PEER, *args], env=self.env, cwd=self.folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, **options)

    def add(self, *events, hook="h"):
        """Each an id, or (id, type, order key, body). What became of them: "stored 1", …"""
        lines = []
        for event in events:
            event = (event,) if isinstance(event, str) else event
            one = [*event, "", "", ""][:4]
            one[3] = one[3] or json.dumps({"id": one[0]})
            lines.append("\t".join(one) + "\n")
        peer = self.peer("add", hook)
        out, err = peer.communicate("".join(lines), timeout=60)
        self.assertEqual(peer.returncode, 0, err)
        return out.splitlines()

    def text(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def handlers(self, text):
        return self.write("handlers.lua", 'local state = require "jeton.state"\nlocal task = require "jeton.task"\n' + text)

    def work(self, *, script=None, script_path=None, hook="h", **options):
        """Starts a worker, which ends with the test."""
        if script_path is not None:
            options["script"] = script_path
        if script is not None:
            options["script"] = self.handlers(script)
        worker = self.peer("work", hook, *(f"{name}={value}" for name, value in options.items()))
        self.workers.append(worker)
        self.addCleanup(self.end, worker)
        return worker

    def end(self, worker):
        """Lets it stop as at the end of the listener. Its status and standard error."""
        if worker.stdin and not worker.stdin.closed:
            _, err = worker.communicate(timeout=60)
            worker.said = err
        return worker.returncode, getattr(worker, "said", "")

    def wake(self, worker):
        worker.stdin.write("x")
        worker.stdin.flush()

    def rows(self, columns="state"):
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"), timeout=60)
        database.text_factory = lambda text: text.decode(errors="replace")
        try:
            return [row[0] if len(row) == 1 else row
                    for row in database.execute(f"SELECT {columns} FROM event ORDER BY seq")]
        finally:
            database.close()

    def until(self, *states, seconds=30):
        """Waits until all events have one of these states."""
        end = time.monotonic() + seconds
        while not set(self.rows()) <= set(states):
            self.assertLess(time.monotonic(), end, self.rows("seq, state, attempt, error"))
            time.sleep(0.02)

    def keys(self):
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        try:
            return {key: json.loads(value) for key, value in
                    database.execute("SELECT key, value FROM kv WHERE scope LIKE 'hook:%'")}
        finally:
            database.close()
