"""What the tests of `jeton listen` share: a listener as a process, and senders that sign."""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import sqlite3
import ssl
import threading

import support
from support import JETON

SECRET = "a-secret-of-the-sender-0123456789"

# Signs its body, has its id in it, and so cannot be replayed under another one.
HOOK = """\
    secret: {{ file: {folder}/sender.secret }}
    verify: {{ kind: hmac, in: "header:X-Sig" }}
    id: "json:id"
    type: "{{json:type}}"
    script: {folder}/handler.lua
"""

HANDLER = """\
local state = require "jeton.state"
return function(event)
  state.set(event.id, (state.get(event.id) or 0) + 1)
end
"""


def sign(body, secret=SECRET):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Listener:
    """`jeton listen` on a free port."""

    def __init__(self, case, *options, popen=None, program=JETON):
        self.case = case
        self.process = popen or case.start("listen", "--listen", "127.0.0.1:0", *options, program=program)
        self.lines = []
        self.heard = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.port = self.metrics = None
        found = self.wait_log(r"listening on (https?)://\S*:(\d+)")
        self.scheme, self.port = found.group(1), int(found.group(2))

    def read(self):
        with contextlib.suppress(ValueError):
            for line in self.process.stderr:
                with self.heard:
                    self.lines.append(line.decode(errors="replace"))
                    self.heard.notify_all()
        with self.heard:
            self.lines.append("")  # its end
            self.heard.notify_all()

    def log(self):
        return "".join(self.lines)

    def wait_log(self, pattern, timeout=30):
        with self.heard:
            if not self.heard.wait_for(lambda: re.search(pattern, self.log()) or "" in self.lines, timeout):
                raise AssertionError(f"not in the log: {pattern}\n{self.log()}")
        found = re.search(pattern, self.log())
        if not found:
            raise AssertionError(f"it ended without: {pattern}\n{self.log()}")
        return found

    def connection(self, context=None, timeout=30):
        if self.scheme == "https":
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                               context=context or ssl.create_default_context())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, context=None):
        """(status, headers, body)"""
        connection = self.connection(context)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def post(self, data, path="/orders", secret=SECRET, headers=None, context=None):
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return self.ask("POST", path, body, {"X-Sig": sign(body, secret), **(headers or {})}, context)

    def children(self):
        """The processes below it: {name of what it does: pid}; only those that run."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def stop(self, status=0):
        self.process.terminate()
        self.case.assertEqual(self.process.wait(40), status, self.log())
        self.reader.join(10)  # what it said last


class Case(support.Case):
    def setUp(self):
        super().setUp()
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", HANDLER)

    def hooks(self, hook="", listen="", more=""):
        """The configuration with the hook `orders`, and lines for it, for `listen`, and for other hooks."""
        return self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
listen:
  address: 127.0.0.1:0
{listen}webhooks:
  orders:
{HOOK.format(folder=self.folder)}{hook}{more}""")

    def listener(self, *options, **how):
        return Listener(self, *options, **how)

    def rows(self, sql, *values):
        path = [os.path.join(self.state, name) for name in os.listdir(self.state) if name.endswith(".db")]
        with contextlib.closing(sqlite3.connect(f"file:{path[0]}?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(sql, values).fetchall()

    def states(self):
        """How many events are in which state."""
        return dict(self.rows("SELECT state, count(*) FROM event GROUP BY state"))

    def wait_done(self, count, timeout=60):
        support.wait_until(lambda: self.states().get("done", 0) >= count, timeout)

    def handled(self):
        """By the handler above: id → how often."""
        return {key: json.loads(value) for key, value in self.rows("SELECT key, value FROM kv WHERE scope LIKE 'hook:%'")}
