"""Programs of os.execute and io.popen end with the run: at its deadline and by a signal."""

import os
import signal
import time
import unittest

import support
from jobs import is_alive
from support import Case, JETON, wait_until

LONG = "echo $$ >>pids; exec sleep 300"
STUBBORN = "echo $$ >>pids; trap : TERM; while :; do sleep 300; done"
SESSION = "setsid sh -c 'echo $$ >>pids; exec sleep 300' & echo $$ >>pids; sleep 300 | cat"
WAYS = {
    "execute": "os.execute [[{command}]]",
    "background": "os.execute [[({command}) & sleep 0.2]] require('jeton.task').sleep(60)",
    "read": "print(io.popen([[{command}]]):read 'a')",
    "unread": "local p = io.popen [[{command}]] require('jeton.task').sleep(60)",
    "busy": "local p = io.popen [[{command}]] while true do end",
    "closed": "io.popen([[{command}]], 'w'):close()",
}


class Programs(Case):
    def pids(self):
        path = os.path.join(self.folder, "pids")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [int(line) for line in file.read().split()]

    def forget(self):
        for pid in self.pids():
            self.assertFalse(is_alive(pid), pid)
        if os.path.exists(os.path.join(self.folder, "pids")):
            os.unlink(os.path.join(self.folder, "pids"))

    def cases(self):
        for name, way in WAYS.items():
            for command in (LONG, STUBBORN, SESSION):
                if command is LONG or name in ("execute", "read"):
                    self.write("script.lua", way.format(command=command))
                    with self.subTest(way=name, command=command):
                        yield name
                    self.forget()

    def test_at_the_deadline(self):
        for _ in self.cases():
            done = self.jeton("run", "--timeout", "700ms", "script.lua")
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertIn("the run's deadline of 700 ms passed (--timeout)", done.stderr)
            self.assertIn("that the script left running", done.stderr)
            self.assertGreater(len(self.pids()), 0)

    def test_by_a_signal(self):
        for _ in self.cases():
            process = self.start("run", "script.lua")
            wait_until(self.pids)
            time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 128 + signal.SIGTERM)
            self.assertIn("that the script left running", process.stderr.read().decode())

    def test_a_waiting_script_cleans_up(self):
        self.write("script.lua", """
          local guard <close> = setmetatable({}, { __close = function()
            print("closed", os.execute "exit 3")
          end })
          print "ready" io.stdout:flush()
          os.execute "echo $$ >>pids; exec sleep 300"
        """)
        process = self.start("run", "script.lua")
        wait_until(self.pids)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 128 + signal.SIGTERM)
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(process.stdout.read(), b"ready\nclosed\tnil\texit\t3\n")
        self.forget()

    def test_clean_up_waits_for_none_longer_than_its_time(self):
        for name in ("execute", "read", "closed"):
            with self.subTest(way=name):
                self.write("script.lua", f"""
                  local guard <close> = setmetatable({{}}, {{ __close = function() {WAYS[name].format(command=LONG)} end }})
                  print "ready" io.stdout:flush()
                  require("jeton.task").sleep(60)
                """)
                process = self.start("run", "script.lua")
                self.assertEqual(process.stdout.readline(), b"ready\n")
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(30), 128 + signal.SIGTERM)
                self.assertGreater(time.monotonic() - began, 5)
                self.assertIn("that the script left running", process.stderr.read().decode())
                self.forget()

    def test_nor_does_a_call_that_no_signal_ends(self):
        self.write("script.lua", """
          local function compute() return ("a"):rep(30):find(("a*"):rep(30) .. "b") end
          local guard <close> = setmetatable({}, { __close = compute })
          print "ready" io.stdout:flush()
          require("jeton.task").sleep(60)
        """)
        process = self.start("run", "script.lua")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 128 + signal.SIGTERM)
        self.assertIn("ended by signal 15: its clean-up did not end within 5 s", process.stderr.read().decode())

    def test_what_a_run_leaves_that_ends_by_itself_goes_on(self):
        """As from a shell: a script by hand may start a daemon."""
        self.write("script.lua", "os.execute [[(echo $$ >/dev/null; exec sleep 300) >/dev/null 2>&1 & echo $! >>pids]]")
        done = self.ok("run", "--timeout", "20s", "script.lua")
        self.assertEqual(done.stderr, "")
        pid, = self.pids()
        self.assertTrue(is_alive(pid))
        os.kill(pid, signal.SIGKILL)

    def test_ctrl_c_is_the_program_s(self):
        """As with system(): who waits for a program in front lets it have the key."""
        self.write("script.lua", """print(os.execute "echo $$ >>pids; trap 'exit 7' INT; while :; do sleep 0.1; done")""")
        process = self.start(JETON, "run", "script.lua", program="setsid")  # a group of its own, as at a terminal
        wait_until(self.pids)
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(process.stdout.read(), b"nil\texit\t7\n")

    def test_they_are_as_lua_has_them(self):
        self.write("script.lua", """
          print(os.execute()) print(os.execute "exit 3") print(os.execute "kill -9 $$") print(os.execute "true")
          local p = io.popen "echo hi; exit 4" print(p:read "a") print(p:close())
          local w = io.popen("cat; kill $$", "w") w:write "to cat\\n" print(w:close())
          print(pcall(io.popen, "x", "rw")) print(io.type(p), pcall(p.close, p))
          for line in io.popen("seq 3"):lines() do io.write(line, " ") end
        """)
        self.assertEqual(self.ok("run", "script.lua").stdout.splitlines(), [
            "true", "nil\texit\t3", "nil\tsignal\t9", "true\texit\t0", "hi", "", "nil\texit\t4", "to cat", "nil\tsignal\t15",
            "false\tbad argument #2 to 'io.popen' (invalid mode)", "closed file\tfalse\tattempt to use a closed file", "1 2 3 "])

    def test_a_parent_that_ignores_their_end(self):
        """SIG_IGN of SIGCHLD outlives an exec, and then the system keeps no status."""
        self.write("script.lua", """
          print(os.execute "exit 3") print(io.popen("exit 4"):close())
          print(require "jeton.exec".run { argv = { "sh", "-c", "exit 5" } })
        """)
        ignoring = ("-c", "trap '' CHLD; exec \"$0\" run script.lua", JETON)
        self.assertEqual(self.ok(*ignoring, program="bash").stdout.splitlines(), ["nil\texit\t3", "nil\texit\t4", "5"])


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
