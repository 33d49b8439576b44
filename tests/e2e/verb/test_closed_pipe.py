"""Standard output that nobody reads any more, as of `jeton … | head -n 1`: the end is quiet, with SIGPIPE's status."""

import os
import subprocess
import unittest

import support
from service import Service

ENDED = 141  # 128 + SIGPIPE


class ClosedPipe(support.Case):
    def unread(self, *args):
        """Runs with a pipe that was closed at its other end: status and standard error."""
        read_end, write_end = os.pipe()
        os.close(read_end)
        try:
            done = subprocess.run([support.JETON, *args], stdin=subprocess.DEVNULL, stdout=write_end,
                                  stderr=subprocess.PIPE, env=self.env, cwd=self.folder, timeout=60, check=False)
        finally:
            os.close(write_end)
        return done.returncode, done.stderr.decode()

    def read_one_line(self, script, status=ENDED):
        """Reads one line of what a script prints, and no more; its standard error."""
        self.write("x.lua", script)
        process = self.start("run", "x.lua")
        self.assertEqual(process.stdout.readline(), b"1\n")
        process.stdout.close()
        self.assertEqual(process.wait(60), status)
        return process.stderr.read().decode()

    def test_verbs(self):
        service = Service(lambda request: (200, {}, {"groups": []}) if request["path"].endswith("/groups") else None)
        self.addCleanup(service.stop)
        self.configure(service.base)
        for words in (("--help",), ("--version",), ("api", "--help"), ("api", "groups"), ("check",),
                      ("token", "contoso"), ("token", "contoso", "--json", "--show")):
            with self.subTest(words):
                self.assertEqual(self.unread(*words), (ENDED, ""))

    def test_an_error_is_told_all_the_same(self):
        service = Service(lambda request: (404, {}, {"message": "no", "errorCode": "NotFound"})
                          if request["path"].endswith("/groups") else None)
        self.addCleanup(service.stop)
        self.configure(service.base)
        status, said = self.unread("api", "groups")
        self.assertEqual(status, 6)
        self.assertIn("404 not found", said)

    def test_a_script_that_prints_on(self):
        for statement in ("print(i)", "io.write(i, '\\n')", "io.stdout:write(i, '\\n')",
                          "print(i) require('jeton.task').sleep(0.001)", "pcall(print, i)"):
            with self.subTest(statement):
                said = self.read_one_line(f"local i = 0 while true do i = i + 1 {statement} end")
                self.assertEqual(said, "")

    def test_its_clean_up_runs_and_its_state_is_dropped(self):
        self.read_one_line("""
            local state, task = require "jeton.state", require "jeton.task"
            state.set("k", 1)
            local _ <close> = setmetatable({}, { __close = function()
              task.sleep(0.01)
              io.open("cleaned", "w"):close()
            end })
            local i = 0
            while true do i = i + 1 print(i) end""")
        self.assertTrue(os.path.exists(self.folder + "/cleaned"))
        self.write("x.lua", "print(require('jeton.state').get 'k')")
        self.assertEqual(self.ok("run", "x.lua").stdout, "nil\n")

    def test_what_is_in_the_buffer_at_the_end(self):
        self.write("x.lua", "io.write 'never read'")
        self.assertEqual(self.unread("run", "x.lua"), (ENDED, ""))

    def test_a_dry_run(self):
        self.write("x.lua", """
            local http, task = require "jeton.http", require "jeton.task"
            while true do http.post("http://127.0.0.1:1/", { body = "x" }) task.yield() end""")
        self.assertEqual(self.unread("run", "--dry-run", "x.lua"), (ENDED, ""))

    def test_another_pipe_is_the_scripts_affair(self):
        self.write("x.lua", """
            local pipe = io.popen("exec true", "w")
            local ok, why
            repeat ok, why = pipe:write(("x"):rep(100000)) until not ok
            print(why)""")
        self.assertEqual(self.ok("run", "x.lua").stdout, "Broken pipe\n")

    def test_a_sandbox_serves_on(self):
        server = self.sandbox()
        server.process.stdout.close()
        self.assertEqual(server.call("GET", "/_sandbox/clock")[0], 200)

    def test_a_full_disk_is_an_error(self):
        self.write("x.lua", "for i = 1, 10000 do print(i) end")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([support.JETON, "run", "x.lua"], stdout=full, stderr=subprocess.PIPE, env=self.env,
                                  cwd=self.folder, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.decode(),
                         "jeton: error: cannot write to standard output: No space left on device\n")

    def test_mistakes_are_told_as_ever(self):
        self.write("x.lua", """
            print(pcall(function() io.write({}) end))
            print(pcall(function() io.stdout:write("", {}) end))
            print(pcall(function() io.stdout.write("x") end))
            local file = io.tmpfile()
            file:close()
            print(pcall(function() file:write("x") end))
            print(pcall(print, setmetatable({}, { __tostring = function() return {} end })))
            print(1, nil, "a\\0b", 2.0)
            io.write(2.0, 3, "4", 0.5, "\\n")
            io.stdout:write(2.0, "\\n"):write("x\\n")""")
        self.assertEqual(self.ok("run", "x.lua").stdout.replace("false\tx.lua", "x"), """\
x:2: bad argument #1 to 'write' (string expected, got table)
x:3: bad argument #2 to 'write' (string expected, got table)
x:4: bad argument #1 to 'write' (FILE* expected, got string)
x:7: attempt to use a closed file
false\t'__tostring' must return a string
1\tnil\ta\0b\t2.0
2340.5
2
x
""")


if __name__ == "__main__":
    unittest.main()
