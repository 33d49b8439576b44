"""jeton.server and jeton.exec seen from outside: the log, signals, a real terminal, what is left behind."""

import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

from support import Case, JETON

WAIT_S = 20

SERVING = """\
local server = require "jeton.server"
local s = assert(server.listen { handler = function(request) %s end })
print(s.port)
io.stdout:flush()
s:wait()
"""

# A child that writes down each signal that it gets (a shell's trap would see two as one), for a
# while after the first. Then it ends by itself.
CHILD = """\
import os, select, signal
out = os.environ["OUT"]
inner, outer = os.pipe()
os.set_blocking(outer, False)
signal.set_wakeup_fd(outer)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: None)
with open(out + ".dir", "w") as file:
    file.write(os.environ["DIR"])
wait = 20
while select.select([inner], [], [], wait)[0]:
    with open(out, "a") as file:
        file.writelines(signal.Signals(byte).name + chr(10) for byte in os.read(inner, 100))
    wait = 0.5
os._exit(42)
"""

COUNTING = """\
local exec = require "jeton.exec"
os.exit(assert(exec.run {
  argv = { PREFIX "%s", os.getenv "OUT" .. ".py" },
  env = { OUT = os.getenv "OUT", DIR = "{dir}" },
}))
""" % sys.executable

# A child that lasts until it is told to end, and takes its time over it.
LASTING = """\
local exec = require "jeton.exec"
local task = require "jeton.task"
task.spawn(function()
  exec.run {
    argv = { "sh", "-c", [[
      trap 'sleep 0.2; echo TERM >> "$OUT"; exit 0' TERM
      echo "$DIR" > "$OUT.dir"
      while :; do sleep 0.02; done
    ]] },
    env = { OUT = os.getenv "OUT", DIR = "{dir}" },
  }
end)
local file = os.getenv "OUT" .. ".dir"
while not io.open(file) do task.sleep(0.02) end
error "the script fails"
"""


class Serving(Case):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.folder, "out")
        self.env.update(OUT=self.out, TMPDIR=self.folder + "/tmp")
        os.mkdir(self.env["TMPDIR"])
        self.write("out.py", CHILD)

    def start(self, text, **options):
        process = subprocess.Popen([JETON, "run", self.write("script.lua", text)], env=self.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def read_soon(self, path):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if os.path.exists(path) and os.path.getsize(path) > 0:
                with open(path, encoding="utf-8") as file:
                    return file.read().strip()
            time.sleep(0.02)
        raise AssertionError(f"{path} does not come")

    def left(self):
        return os.listdir(self.env["TMPDIR"])

    @staticmethod
    def ask(port, target):
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            reply = b""
            while chunk := connection.recv(4096):
                reply += chunk
            return reply.decode()

    def test_an_error_in_the_handler_is_logged_with_its_traceback(self):
        process = self.start(SERVING % 'local function deep() error "what happened" end deep()')
        port = int(process.stdout.readline())
        reply = self.ask(port, "/path?key=value-of-a-query")
        self.assertIn("HTTP/1.1 500 ", reply)
        self.assertNotIn("what happened", reply)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=WAIT_S)
        text = log.decode()
        self.assertRegex(text, r"the handler of GET /path failed: .*script\.lua:2: what happened")
        self.assertIn("stack traceback:", text)
        self.assertIn("'deep'", text)
        self.assertNotIn("value-of-a-query", text)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)

    def test_the_end_of_a_run_drops_what_waits(self):
        process = self.start(SERVING % 'require "jeton.task".sleep(100)')
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(connection.recv(4096), b"")
        self.assertEqual(process.wait(WAIT_S), 128 + signal.SIGTERM)

    def test_a_port_can_be_taken_again_at_once(self):
        first = self.start(SERVING % "return {}")
        port = int(first.stdout.readline())
        self.assertIn("200 OK", self.ask(port, "/"))
        first.send_signal(signal.SIGTERM)
        first.wait(WAIT_S)
        again = self.start(SERVING.replace("{ handler", "{ port = %d, handler" % port) % "return {}")
        self.assertEqual(int(again.stdout.readline()), port)

    def test_a_signal_to_the_process_reaches_the_child(self):
        process = self.start(COUNTING.replace("PREFIX", ""))
        folder = self.read_soon(self.out + ".dir")
        self.assertTrue(os.path.isdir(folder))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(WAIT_S), 42)
        self.assertEqual(self.read_soon(self.out), "SIGTERM")
        self.assertEqual(self.left(), [])

    def test_a_script_that_fails_ends_its_child_first(self):
        process = self.start(LASTING)
        _, log = process.communicate(timeout=WAIT_S)
        self.assertIn("the script fails", log.decode())
        self.assertEqual(process.returncode, 1)
        self.assertEqual(self.read_soon(self.out), "TERM")
        self.assertEqual(self.left(), [])

    def in_terminal(self, text):
        """Runs the script in the foreground of a terminal of its own; (its pid, the other end)."""
        path = self.write("script.lua", text)
        self.need_terminal()
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(JETON, [JETON, "run", path], self.env)
        self.addCleanup(os.close, terminal)
        return pid, terminal

    def wait_in_terminal(self, pid, terminal):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.02)[0]:
                try:
                    os.read(terminal, 4096)  # so that nothing blocks on a full terminal
                except OSError:
                    pass  # the other side has closed it
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise AssertionError("it does not end")

    def test_control_c_reaches_the_child_once(self):
        pid, terminal = self.in_terminal(COUNTING.replace("PREFIX", ""))
        self.read_soon(self.out + ".dir")
        os.write(terminal, b"\x03")
        self.assertEqual(self.wait_in_terminal(pid, terminal), 42)
        self.assertEqual(self.read_soon(self.out), "SIGINT")
        self.assertEqual(self.left(), [])

    def test_control_c_reaches_a_child_in_a_group_of_its_own(self):
        pid, terminal = self.in_terminal(COUNTING.replace("PREFIX", '"setsid",'))
        self.read_soon(self.out + ".dir")
        os.write(terminal, b"\x03")
        self.assertEqual(self.wait_in_terminal(pid, terminal), 42)
        self.assertEqual(self.read_soon(self.out), "SIGINT")
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main()
