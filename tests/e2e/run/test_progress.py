"""The progress of long work: a bar on a terminal, which the log and the output keep clear of; no bar elsewhere."""

import contextlib
import http.server
import threading
import time
import unittest

import support

SCRIPT = """
local log, task = require "jeton.log", require "jeton.task"
local list = {}
for i = 1, 40 do list[i] = i end
task.map(list, function(i)
  task.sleep(0.04)
  if i == 20 then log.warn "half way" end
  if i == 30 then print "printed" end
end, { limit = 1, progress = "items\\27[2J" })
"""
CLEAR = b"\r\x1b[K"


TRANSFER = """
local http, task, how, url = require "jeton.http", require "jeton.task", ...
if how == "cancel" then
  local call = task.spawn(http.get, url, { save_to = "part.bin" })
  task.sleep(1)
  call:cancel()
  print(pcall(call.join, call))
elseif how == "get" then
  assert(http.get(url, { save_to = "saved.bin" }))
else
  assert(http.post(url, { multipart = { { name = "file", file = "sent.bin" } } }))
end
"""
SIZE = 2 * 1024 * 1024


class Slow(http.server.BaseHTTPRequestHandler):
    """Sends and receives 2 MiB in about a second and a half."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(16):
                self.wfile.write(bytes(SIZE // 16))
                time.sleep(0.1)

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, SIZE // 2)))
            time.sleep(0.1)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Progress(support.Case):
    def setUp(self):
        super().setUp()
        self.script = self.write("work.lua", SCRIPT)
        self.env["TERM"] = "xterm"

    def shown(self, *options, env=None):
        self.env.update(env or {})
        terminal = self.start_at_terminal(*options, "run", self.script)
        terminal.read_until(None)
        self.assertEqual(terminal.status(), 0, terminal.shown)
        return terminal.shown

    def test_a_bar(self):
        text = self.shown("--no-color")
        frames = [part for part in text.split(CLEAR) if b"[#" in part]
        self.assertGreater(len(frames), 3, text)
        self.assertLess(len(frames), 30, text)
        self.assertRegex(frames[0].decode(), r"^items\\x1b\[2J \[#+\.+\] +\d+ % \d+ of 40, \d+/s, \d s left$")
        self.assertIn(CLEAR + b"jeton: warning: half way\r\n" + CLEAR, text)
        self.assertIn(CLEAR + b"printed\r\n", text)
        self.assertTrue(text.endswith(CLEAR + b"jeton: info: items\\x1b[2J: 40 in 2 s\r\n") or
                        b"40 in 3 s" in text or b"40 in 4 s" in text, text)

    def test_a_wide_label_stays_in_its_line(self):
        """Of the 80 columns of a terminal that does not say how many it has, one is left for the cursor."""
        for letter, most in (("漢", 39), ("🎉", 39), ("e\u0301", 79), ("é", 79)):
            with self.subTest(letter):
                self.write("work.lua", SCRIPT.replace("items\\27[2J", letter * 80))
                frames = [part for part in self.shown("--no-color").decode().split(CLEAR.decode()) if letter in part]
                self.assertEqual(frames[0], letter * most)

    def test_files_on_their_way(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        script = self.write("transfer.lua", TRANSFER)
        self.write("sent.bin", "x" * (8 * SIZE))  # more than what the system takes at once
        for how, name in (("get", "saved.bin"), ("post", "sent.bin"), ("cancel", "part.bin")):
            with self.subTest(how):
                terminal = self.start_at_terminal("--no-color", "run", script, how,
                                                  f"http://127.0.0.1:{server.server_port}/")
                terminal.read_until(None)
                self.assertEqual(terminal.status(), 0, terminal.shown)
                text = terminal.shown.decode()
                self.assertRegex(text, name + r" \[#*\.+\] +\d+ % [\d.]+ [KM]iB of [\d.]+ MiB, [\d.]+ [KM]iB/s, ")
                self.assertRegex(text, r"\r\x1b\[Kjeton: info: " + name + r": [\d.]+ [KM]iB")
                self.assertEqual("cancelled" in text, how == "cancel", text)
        done = self.ok("run", script, "get", f"http://127.0.0.1:{server.server_port}/")
        self.assertEqual(done.stderr, "")

    def test_where_there_is_none(self):
        for options, env in ((("--progress", "never"), {}), (("-q",), {}), (("--log-format", "json"), {}),
                             ((), {"TERM": "dumb"}), ((), {"CI": "true"})):
            with self.subTest(options=options, env=env):
                before = dict(self.env)
                self.assertNotIn(b"[#", self.shown(*options, env=env))
                self.env = before
        done = self.ok("run", self.script)
        self.assertEqual((done.stdout, done.stderr), ("printed\n", "jeton: warning: half way\n"))
        self.assertIn("[#", self.ok("--progress", "always", "run", self.script).stderr)
        self.fails(2, "--progress", "now", "run", self.script, says="'now' is not one of auto, always and never")

    def test_a_job_keeps_none(self):
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs:\n  work: {{ script: work.lua }}\n")
        self.ok("--progress", "always", "run", "--job", "work")
        self.assertNotIn("[#", self.ok("logs", "work").stdout)


if __name__ == "__main__":
    unittest.main()
