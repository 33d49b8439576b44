"""Uploads that the server reads a byte a second: they end at the deadline, whatever the body is made of."""

import socket
import time
import unittest

import support
from support import PATIENCE
from service import RawService, Service

BYTES = 6_000_000  # more than the sockets' buffers hold; read a byte a second, they take weeks
MOVES = 3  # seconds, longer than a timeout

SCRIPT = """
local http, url, how, seconds = require "jeton.http", ...
local text = ("x"):rep(%d)
local bodies = { body = { body = text }, json = { json = { x = text } }, form = { form = { x = text } },
  file = { body_file = "large" }, parts = { multipart = { { name = "f", file = "large" }, { name = "g", value = text } } } }
local options = bodies[how]
options.method, options.timeout = "POST", tonumber(seconds)
if url == "" then options.connector, options.path = true, "groups" else options.url = url end
local response, err = http.request(options)
print(response, err.kind)
error(err)
""" % BYTES


def read_slowly(connection, _):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while connection.recv(1):
        time.sleep(1)


def read_a_part(connection, _):
    """One that moves, for longer than a timeout, and then moves no more."""
    until = time.monotonic() + MOVES
    while time.monotonic() < until:
        connection.recv(20_000)
        time.sleep(0.05)
    time.sleep(2 * PATIENCE)


class Uploads(support.Case):
    def setUp(self):
        super().setUp()
        self.slow = RawService(read_slowly)
        self.addCleanup(self.slow.stop)
        tokens = Service(lambda request: (200, {}, tokens.token(endpointUrl=self.slow.url + "/")))
        self.addCleanup(tokens.stop)
        self.write("large", "x" * BYTES)
        self.write("s.lua", SCRIPT)
        self.write("job.lua", "loadfile 's.lua'('', 'file')")
        config = self.configure(tokens.base, retries=0, allow_hosts=[f"127.0.0.1:{self.slow.port}"])
        with open(config, "a", encoding="utf-8") as file:
            file.write('jobs: { up: { script: job.lua, schedule: "@daily", timeout: 1s } }\n')

    def finish(self, started, status, says, *outputs):
        for process in started:
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, status, err)
            self.assertIn(says, err.decode())
            self.assertIn(out.decode(), outputs)

    def test_the_deadline_of_the_run(self):
        started = [self.start("run", "--timeout", "2s", "s.lua", url, how) for url in (self.slow.url, "")
                   for how in ("body", "json", "form", "file", "parts")]
        self.finish(started, 8, "the run's deadline", "", "nil\tdeadline\n")  # the latter where it passed before the call

    def test_the_timeout_of_a_job(self):
        self.finish([self.start("run", "--job", "up")], 8, "deadline", "")

    def test_the_timeout_of_a_request(self):
        started = [self.start("run", "s.lua", url, how, "1") for url in (self.slow.url, "") for how in ("body", "json", "form")]
        self.finish(started, 5, "timed out after 1 s", "nil\tnetwork\n")

    def test_a_file_that_does_not_move(self):
        """`timeout` is how long nothing may move."""
        stuck = RawService(lambda connection, _: time.sleep(2 * PATIENCE))
        part = RawService(read_a_part)
        for service in (stuck, part):
            self.addCleanup(service.stop)
        began = time.monotonic()
        started = [(least, self.start("run", "s.lua", service.url, how, "2")) for how in ("file", "parts")
                   for service, least in ((stuck, 2), (part, MOVES))]
        for least, process in sorted(started, key=lambda one: one[0]):
            err = process.communicate(timeout=PATIENCE)[1]
            self.assertIn("timed out: nothing moved for 2 s", err.decode())
            self.assertGreaterEqual(time.monotonic() - began, least)


if __name__ == "__main__":
    unittest.main()
