"""How a run ends: exit status, traceback, os.exit, deadline, memory, signals; and what a script finds around it."""

import json
import os
import resource
import signal
import subprocess
import time
import unittest

import support
from support import JETON, JETON_FAULTY, SANITIZED, SOURCE, Case, wait_until

CLOSING = """
local function closing(fn) return setmetatable({}, { __close = fn }) end
local task = require "jeton.task"
"""


def blocks(process, signo):
    """Whether the process takes the signal as an event, by signalfd."""
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        mask = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk:"))
    return mask >> (signo - 1) & 1 == 1


class RunCase(Case):
    def script(self, text, *args, status=0, options=(), says=None, prints=None, **more):
        """Runs a script from a file; checks its exit status, and parts of its standard error."""
        path = self.write("script.lua", text)
        done = self.fails(status, "run", *options, path, *args, says=says, **more)
        if prints is not None:
            self.assertEqual(done.stdout, prints)
        return done


class Status(RunCase):
    def test_what_the_script_returns(self):
        for text, status in (("", 0), ("return", 0), ("return nil", 0), ("return nil, nil", 0), ("return true", 0),
                             ("return 0", 0), ("return 'x', 'y'", 0), ("return false", 1)):
            done = self.script(text, status=status)
            self.assertEqual(done.stderr, "", text)

    def test_args_by_name(self):
        text = "local args = require 'jeton'.args print(args[1], args.group, math.type(args.top), ...)"
        self.script(text, "--arg", options=("--arg", "group=a=b", "--arg-json", "top=10"), prints="--arg\ta=b\tinteger\t--arg\n")
        for late, warned in ((("--arg", "a=1"), "--arg"), (("--arg-json=a=1",), "--arg-json"), (("--dry", "a=1"), None)):
            done = self.script("print(...)", *late, prints="\t".join(late) + "\n")
            self.assertEqual([line.split(" after ")[0] for line in done.stderr.splitlines()],
                             [f"jeton: warning: {warned}"] if warned else [])
        for text, late, warned in (("print(1)", ["--dry-run"], "--dry-run"), ("print(1)", ["x", "--timeout=5s"], "--timeout"),
                                   ("print(1)", ["--sandbox"], "--sandbox"), ("print(1)", ["--", "--dry-run"], None),
                                   ("print(1) -- knows --dry-run", ["--dry-run"], None), ("print(1)", ["--dry"], None),
                                   ("for _, a in ipairs { ... } do print(a:match '^%-%-') end", ["--dry-run"], None)):
            done = self.script(text, *late)
            self.assertEqual([line.split(" after ")[0] for line in done.stderr.splitlines()],
                             [f"jeton: warning: {warned}"] if warned else [])
        for code, warned in (("print(...)", True), ("print(...) -- dry-run", False)):
            done = self.ok("run", "-e", code, "x", "--dry-run")
            says = "jeton: warning: --dry-run after x is an argument of the script; options of run stand before it\n"
            self.assertEqual((done.stdout, done.stderr), ("x\t--dry-run\n", says if warned else ""))
        for options, says in ((["--arg", "group"], "--arg: expected KEY=VALUE, not 'group'"),
                              (["--arg-json", "=1"], "--arg-json: expected KEY=JSON, not '=1'"),
                              (["--arg-json", "top=x"], "--arg-json top=x: invalid JSON at 1:1"),
                              (["--arg-json", "top="], "--arg-json top=: "),
                              (["--arg", "a=1", "--arg-json", "a=1"], "--arg-json: 'a' is given twice")):
            self.script("", status=2, options=options, says=says)

    def test_nil_and_an_err_exits_by_its_kind(self):
        for kind, status in (("config", 3), ("auth", 4), ("network", 5), ("http", 6), ("throttled", 6), ("deadline", 8),
                             ("cancelled", 1), ("invalid", 1)):
            make = f"require('jeton.http').error {{ kind = '{kind}', message = 'the message' }}"
            done = self.script(f"return nil, {make}", status=status)
            self.assertEqual(done.stderr, "jeton: error: the message\n")
            self.script(f"error({make})", status=status, says=["jeton: error: the message\nstack traceback:"])

    def test_nil_and_a_message(self):
        done = self.script("return nil, 'no luck'", status=1)
        self.assertEqual(done.stderr, "jeton: error: no luck\n")

    def test_a_nul_ends_no_message(self):
        log = "require('jeton.log').warn"
        make = r"local e = require('jeton.http').error { kind = 'http', message = '' } e.message = 'be\0fore' "
        for text, status, shown in (
                (log + r"('\0be\0\0fore\0')", 0, r"jeton: warning: \x00be\x00\x00fore\x00" + "\n"),
                (log + r"('m', { ['a\0b'] = 'c\0d', e = setmetatable({}, { __tostring = function() return 'f\0g' end }) })",
                 0, r'jeton: warning: m a\x00b="c\\x00d" e="f\\x00g"' + "\n"),
                (r"return nil, 'be\0fore'", 1, r"jeton: error: be\x00fore" + "\n"),
                (make + "return nil, e", 6, r"jeton: error: be\x00fore" + "\n")):
            self.assertEqual(self.script(text, status=status).stderr, shown, text)
        self.script(r"error('be\0fore')", status=1, says=[r"script.lua:1: be\x00fore" + "\nstack traceback:"])
        self.script(r"require('jeton.http').request { url = 'http://127.0.0.1', ['a\0b'] = 1 }", status=1, says=[r"'a\x00b'"])
        self.script("""local http = require "jeton.http"
            local server = require "jeton.server".listen { handler = function() error("be\\0fore") end }
            http.get("http://127.0.0.1:" .. server.port)
            server:close()""", says=[r"failed: ", r"be\x00fore"])

    def test_uncaught_error(self):
        text = "local function inner()\n  error 'boom'\nend\ninner()\n"
        self.script(text, status=1, says=["script.lua:2: boom\nstack traceback:", "script.lua:2: in local 'inner'",
                                          "script.lua:4: in main chunk"])

    def test_error_of_several_lines_keeps_them(self):
        self.script("error('one\\ntwo\\nthree', 0)", status=1, says="jeton: error: one\ntwo\nthree\n")

    def test_a_message_without_a_position_gets_no_traceback(self):
        for text in ("error('the disk is full', 0)", "local function deep() error('the disk is full', 0) end deep()",
                     "require('jeton.task').spawn(error, 'the disk is full', 0)",
                     "require('jeton.task').spawn(function() error('the disk is full', 0) end):join()"):
            done = self.script(text, status=1)
            self.assertEqual(done.stderr, "jeton: error: the disk is full\n", text)

    def test_a_traceback_has_the_frames_of_the_script_only(self):
        path = os.path.join(self.folder, "script.lua")
        for text, status in (("error 'boom'", 1), ("table.sort({ 2, 1 }, function() error 'boom' end)", 1),
                             ("require('jeton.task').map({ 1 }, function() error 'boom' end)", 1),
                             ("require('kaizala').connect()", 3)):  # in Lua of the executable
            done = self.script("local function f()\n" + text + "\nend\nf()\n", status=status)
            frames = [line for line in done.stderr.splitlines() if line.startswith("\t")]
            self.assertTrue(frames, done.stderr)
            for frame in frames:
                self.assertTrue(frame.startswith(f"\t{path}:"), done.stderr)
            self.assertTrue(any(frame.startswith(f"\t{path}:4: in main chunk") for frame in frames), done.stderr)

    def test_error_values_of_all_kinds(self):
        self.script("error()", status=1, says="jeton: error: nil\n")
        self.script("error({})", status=1, says="jeton: error: table: 0x")
        self.script("error(setmetatable({}, { __tostring = function() return 'mine' end }))", status=1,
                    says="jeton: error: mine\n")
        self.script("error(setmetatable({}, { __tostring = function() error 'again' end }))", status=1,
                    says="cannot be shown as text")

    def test_stack_overflow(self):
        self.script("local function f() return f() + 1 end f()", status=1, says="stack overflow")

    def test_no_text_forges_a_line_of_the_log(self):
        forged = r"x\njeton: error: forged\u{202e}\r."
        shown = r"x\njeton: error: forged\u202e\r."
        self.script(f"""require "jeton.log".warn("{forged}")""", says=f"jeton: warning: {shown}\n")
        self.script(f"""error("{forged}", 0)""", status=1, says="jeton: error: x\n\tjeton: error: forged\\u202e\\r.\n")
        self.script(f"""local make = require "jeton.http".error
                        print(make {{ kind = "invalid", message = "{forged}" }})""", prints=f"invalid: {shown}\n")
        with open(os.path.join(self.folder, "a\njeton: error: forged.lua"), "w", encoding="utf-8") as file:
            file.write("error 'boom'")
        done = self.fails(1, "run", "a\njeton: error: forged.lua")
        self.assertNotIn("\njeton: error: forged", done.stderr)

    def test_in_json_the_traceback_is_a_field(self):
        path = self.write("script.lua", "error(require('jeton.http').error { kind = 'auth', status = 403, message = 'm' })")
        done = self.fails(4, "--log-format", "json", "run", path)
        line = json.loads(done.stderr)
        self.assertEqual((line["level"], line["message"], line["kind"], line["status"]), ("error", "m", "auth", 403))
        self.assertIn("script.lua:1: in main chunk", line["traceback"])

    def test_secrets_are_masked_in_errors_and_tracebacks(self):
        config = self.configure("http://127.0.0.1:1/v1")
        path = self.write("script.lua", """
            local ok, err = require('jeton.token').get()
            assert(not ok)
            error('here is SLS3T38IL0\\nand SLS3T38IL0')
        """)
        done = self.fails(1, "-c", config, "run", path, says="********")
        self.assertNotIn("SLS3T38IL0", done.stderr)

    def test_full_disk_is_a_failure(self):
        path = self.write("script.lua", "require('jeton.state').set('a', 1) print 'x'")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([JETON, "run", path], stdout=full, stderr=subprocess.PIPE, env=self.env, check=False,
                                  stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write to standard output", done.stderr)
        check = self.write("check.lua", "print(require('jeton.state').get 'a')")
        os.rename(check, path)
        self.assertEqual(self.ok("run", path).stdout, "nil\n")


class Tasks(RunCase):
    def test_the_run_waits_for_all(self):
        self.script(CLOSING + "task.spawn(function() task.sleep(0.05) print 'later' end) print 'first'",
                    prints="first\nlater\n")

    def test_a_failure_that_nobody_joins_fails_the_run(self):
        self.script(CLOSING + """
            task.spawn(function() task.yield() error 'second' end)
            task.spawn(function() error 'first' end)
            task.spawn(function() task.sleep(0.02) print 'went on' end)
        """, status=1, says="first\nstack traceback:", prints="went on\n")

    def test_a_collected_handle_hides_nothing(self):
        self.script(CLOSING + "task.spawn(error, 'lost') task.yield() collectgarbage() task.yield()", status=1, says="lost")

    def test_a_joined_failure_is_the_joiner_s(self):
        self.script(CLOSING + "local t = task.spawn(error, 'x') task.yield() task.yield() assert(not pcall(t.join, t))")

    def test_a_cancelled_one_fails_nothing(self):
        self.script(CLOSING + "local t = task.spawn(task.sleep, 100) task.yield() t:cancel()")

    def test_the_script_s_own_failure_ends_the_others(self):
        began = time.monotonic()
        self.script(CLOSING + """
            task.spawn(function()
              local _ <close> = closing(function(_, e) task.sleep(0.01) print(e.kind, e.message) end)
              task.sleep(100)
            end)
            task.yield()
            error 'boom'
        """, status=1, says="boom", prints="cancelled\tthe script failed\n")
        self.assertLess(time.monotonic() - began, 20)

    def test_an_uncaught_error_of_a_mapped_task(self):
        self.script(CLOSING + """
            local function culprit(n) if n == 2 then error 'boom' end end
            task.map({ 1, 2, 3 }, function(n) task.yield() culprit(n) end)
        """, status=1, says=["boom\nstack traceback:", "in upvalue 'culprit'", "script.lua:6: in main chunk"])


class Exit(RunCase):
    def test_statuses(self):
        for argument, status in (("", 0), ("true", 0), ("false", 1), ("0", 0), ("7", 7), ("255", 255)):
            self.script(f"os.exit({argument}) print 'not reached'", status=status, prints="")
        self.script("os.exit(256)", status=1, says="a status from 0 to 255 expected")

    def test_it_cleans_up(self):
        self.script(CLOSING + """
            local _ <close> = closing(function() print 'main closed' end)
            task.spawn(function()
              local _ <close> = closing(function() print 'task closed' end)
              pcall(task.sleep, 100)
              print 'not reached'
            end)
            task.yield()
            finalizer = setmetatable({}, { __gc = function() print 'finalized' end })
            io.open('out.txt', 'w'):write 'flushed'
            io.write 'written '
            os.exit(3)
        """, status=3, prints="written task closed\nmain closed\nfinalized\n")
        with open(self.folder + "/out.txt", encoding="utf-8") as out:
            self.assertEqual(out.read(), "flushed")

    def test_each_finalizer_is_called_at_the_end_the_newest_first(self):
        self.script("""
            kept = {}
            for i = 1, 1000 do
              kept[i] = setmetatable({}, { __gc = function()
                if i % 2 == 0 then error 'not its neighbours' end
                io.write(i, ' ')
              end })
            end
            collectgarbage "generational"
            collectgarbage()
            waits = coroutine.create(function()
              local _ <close> = setmetatable({}, { __close = function() print 'a coroutine nobody closes' end })
              coroutine.yield()
            end)
            coroutine.resume(waits)
        """, prints="".join(f"{i} " for i in range(999, 0, -2)))

    def test_from_a_task(self):
        self.script(CLOSING + """
            local _ <close> = closing(function() print 'closed' end)
            task.spawn(function() os.exit(4) end)
            task.sleep(100)
        """, status=4, prints="closed\n")

    def test_no_pcall_holds_it_up(self):
        caught = "pcall(os.exit, 5)"
        for text in (
                caught,
                f"coroutine.wrap(function() {caught} print 'on' end)()",
                f"pcall(coroutine.wrap(function() {caught} print 'on' end))",
                f"coroutine.resume(coroutine.create(function() {caught} print 'on' end))",
                f"table.sort({{ 2, 1 }}, function() {caught} print 'on' end)",
                "xpcall(table.sort, function() return 1 end, { 2, 1 }, function() os.exit(5) end)",
                f"string.gsub('x', 'x', function() {caught} print 'on' end)"):
            self.script(CLOSING + f"local _ <close> = closing(function() print 'closed' end) {text} print 'went on'",
                        status=5, prints="closed\n")

    def test_close_may_use_pcall_while_unwinding(self):
        self.script(CLOSING + """
            table.sort({ 2, 1 }, function()
              local _ <close> = closing(function() print(pcall(error, 'own', 0)) end)
              os.exit(6)
            end)
        """, status=6, prints="false\town\n")

    def test_where_c_swallows_the_error_the_hook_ends_it(self):
        self.script("load(function() os.exit(7) end) while true do pcall(function() end) end", status=7)

    def test_clean_up_that_never_ends_is_cut(self):
        began = time.monotonic()
        self.script(CLOSING + "local _ <close> = closing(function() while true do end end) os.exit(5)", status=5)
        self.assertLess(time.monotonic() - began, 30)

    def test_waiting_in_the_last_clean_up_is_refused(self):
        self.script(CLOSING + """
            local _ <close> = closing(function() print(pcall(task.sleep, 1)) end)
            os.exit(8)
        """, status=8, prints="false\ttask.sleep waits: the run is ending, and clean-up cannot wait any more\n")

    def test_success_keeps_the_state_and_failure_drops_it(self):
        self.script("require('jeton.state').set('a', 1) os.exit(0)")
        self.script("require('jeton.state').set('a', 2) os.exit(9)", status=9)
        self.script("require('jeton.state').set('a', 3) error 'x'", status=1)
        self.script("print(require('jeton.state').get 'a')", prints="1\n")

    def test_a_lock_is_free_again(self):
        self.script(CLOSING + """
            local lock = task.lock()
            lock:with(function() task.spawn(function() lock:with(print, 'no') end) task.yield() os.exit(2) end)
        """, status=2, prints="")


class Deadline(RunCase):
    def runaway(self, text, timeout="1s", watchdog_ms=60000, **more):
        """On a machine under load the watchdog could end a run before its script has looked: it gets time."""
        began = time.monotonic()
        done = self.script(text, status=8, options=("--timeout", timeout), program=JETON_FAULTY,
                           env={"JETON_FAULT": f"run-watchdog={watchdog_ms}"}, **more)
        self.assertLess(time.monotonic() - began, 30)
        return done

    def test_endless_loop(self):
        self.runaway("while true do end", timeout="2s",
                     says=["the run's deadline of 2 s passed (--timeout)\nstack traceback:", "script.lua:1: in main chunk"])

    def test_nobody_reads(self):
        """What the watchdog has to say is not waited for, either."""
        path = self.write("script.lua", 'for _ = 1, 200 do print(("x"):rep(1023)) end')
        for options, status in ((("--timeout", "1s"), 8), ((), -signal.SIGTERM)):
            with self.subTest(options):
                out, full = os.pipe()
                self.addCleanup(os.close, out)
                process = subprocess.Popen([JETON, "run", *options, path], stdin=subprocess.DEVNULL, stdout=full, stderr=full,
                                           env=self.env, cwd=self.folder)
                self.addCleanup(support.end_process, process)
                os.close(full)
                if status < 0:
                    time.sleep(1)
                    process.terminate()
                self.assertEqual(process.wait(30), status if status > 0 else 128 - status)

    def test_endless_loop_behind_pcall(self):
        self.runaway("while true do pcall(function() while true do end end) end", timeout="2s",
                     says=["the run's deadline of 2 s passed", "stack traceback:", "script.lua:1:"])

    def test_pathological_find(self):
        done = self.runaway("print 'before' io.write 'unflushed' string.find(('a'):rep(300000), ('.-'):rep(100) .. 'b')",
                            timeout="2s", watchdog_ms=0,
                            says="jeton: error: the run's deadline passed, and a call did not return")
        self.assertEqual(done.stdout, "before\nunflushed")

    def test_in_coroutines_and_sorts(self):
        self.runaway("coroutine.wrap(function() while true do end end)()", says="stack traceback:")
        self.runaway("while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end",
                     says="stack traceback:")
        self.runaway("table.sort({ 2, 1 }, function() while true do end end)", says="stack traceback:")

    def test_every_state_below_is_interrupted(self):
        endless = "while true do end"
        for text in (
                # the inner one's error is caught: those that resumed it go on, and are interrupted too
                f"coroutine.wrap(function() pcall(function() {endless} end) end)() {endless}",
                f"coroutine.wrap(function() coroutine.wrap(function() pcall(function() {endless} end) end)() {endless} end)()",
                f"coroutine.resume(coroutine.create(function() {endless} end)) {endless}",
                f"task.spawn(function() coroutine.resume(coroutine.create(function() {endless} end)) {endless} end):join()"):
            done = self.runaway(CLOSING + f"local _ <close> = closing(function() print 'closed' end) {text}", timeout="300ms",
                                says="stack traceback:")
            self.assertEqual(done.stdout, "closed\n")

    def test_states_that_were_suspended_are_interrupted(self):
        for later in ("coroutine.resume(late)", "wrapped()", "coroutine.close(late)", "task.sleep(0)"):
            done = self.runaway(CLOSING + f"""
                local _ <close> = closing(function() print 'closed' end)
                local function endless() while true do end end
                local late = coroutine.create(function()
                  local _ <close> = closing(endless)
                  coroutine.yield()
                  endless()
                end)
                local wrapped = coroutine.wrap(function() coroutine.yield() endless() end)
                coroutine.resume(late)
                wrapped()
                task.spawn(function() task.yield() task.yield() endless() end)
                task.yield()
                pcall(endless)
                pcall(function() {later} end)
                endless()
            """, timeout="300ms", says="the run's deadline of 300 ms passed")
            self.assertEqual(done.stdout, "closed\n")

    def test_a_coroutine_that_fails_may_clean_up_for_ever(self):
        self.runaway(CLOSING + """
            coroutine.wrap(function()
              local _ <close> = closing(function() while true do end end)
              error 'x'
            end)()
        """, says="stack traceback:")

    def test_many_tasks_that_never_wait(self):
        done = self.runaway(CLOSING + """
            for i = 1, 20 do
              task.spawn(function()
                local _ <close> = closing(function() print 'closed' end)
                while true do task.yield() end
              end)
            end
        """, timeout="1s")
        self.assertEqual(done.stdout, "closed\n" * 20)

    def test_a_waiting_script_cleans_up_and_may_wait(self):
        done = self.runaway(CLOSING + """
            local _ <close> = closing(function() task.sleep(0.05) print 'closed' end)
            local ok, err = pcall(task.sleep, 100)
            task.sleep(0.05)
            print(ok, err.kind, err)
        """, timeout="300ms", says="the run's deadline of 300 ms passed (--timeout)")
        self.assertEqual(done.stdout, "false\tdeadline\tdeadline: the run's deadline of 300 ms passed (--timeout)\nclosed\n")

    def test_what_a_late_script_returns_does_not_count(self):
        for last in ("", "return true", "return false", "error 'other'"):
            self.runaway(CLOSING + f"pcall(task.sleep, 100) {last}", timeout="200ms")

    def test_a_script_that_waits_again_and_again(self):
        self.runaway(CLOSING + "while true do pcall(task.sleep, 0.05) end", timeout="500ms", says="stack traceback:")

    def test_all_tasks_hear_of_it(self):
        done = self.runaway(CLOSING + """
            for i = 1, 3 do task.spawn(function() print(pcall(task.sleep, 100)) end) end
            task.sleep(100)
        """, timeout="1s", says="in main chunk")
        self.assertEqual(done.stdout.count("deadline: "), 3)

    def test_finalizers_do_not_outlive_it(self):
        self.runaway("x = setmetatable({}, { __gc = function() while true do end end })", watchdog_ms=0)

    def test_a_script_in_time_is_left_alone(self):
        began = time.monotonic()
        self.script("print(math.type(require('jeton').deadline))", options=("--timeout", "1h"), prints="integer\n")
        self.assertLess(time.monotonic() - began, 30)

    def test_the_watchdog_writes_json_where_asked(self):
        path = self.write("script.lua", "string.find(('a'):rep(300000), ('.-'):rep(100) .. 'b')")
        done = self.fails(8, "--log-format", "json", "run", "--timeout", "100ms", path)
        self.assertEqual(json.loads(done.stderr)["kind"], "deadline")


class Memory(RunCase):
    def test_databases_count(self):
        big = "'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) '"
        for use in (f"db:exec({big} .. 'INSERT INTO t SELECT randomblob(1000000) FROM n')",
                    "db:row 'SELECT length(randomblob(300000000))'",
                    "for _ = 1, 100 do local other = sqlite.open ':memory:' kept[#kept + 1] = other "
                    "other:exec 'CREATE TABLE t (v); INSERT INTO t SELECT randomblob(10000000)' end"):
            self.script("local sqlite = require 'jeton.sqlite' local db, kept = sqlite.open ':memory:', {} "
                        f"db:exec 'CREATE TABLE t (v)' {use}", status=1, options=("--memory", "32MiB"),
                        says="SQLITE_NOMEM")
        # Others may write on.
        self.script("local sqlite = require 'jeton.sqlite' local db = sqlite.open ':memory:' "
                    "pcall(db.row, db, 'SELECT length(randomblob(300000000))') "
                    "require('jeton.state').set('big', ('x'):rep(1000000)) ", options=("--memory", "32MiB"))

    def test_buffers_of_cjson_count(self):
        memory = ("--memory", "32MiB")
        says = "the script reached its memory limit of 32 MiB"
        text = "local cjson, text = require 'cjson', ('x'):rep(4000000) "
        self.script(text + "print(#cjson.encode { text, text })", options=memory)
        for use in ("local t = {} for i = 1, 100 do t[i] = text end cjson.encode(t)",
                    "local t = text for _ = 1, 60 do t = { t, t } end require('cjson.safe').encode(t)",
                    "cjson.encode { ('\\1'):rep(8000000) }",
                    "local kept = {} for i = 1, 100 do kept[i] = cjson.new() kept[i].encode(text) end",
                    "cjson.encode_sparse_array(false, 0) cjson.encode { [900000000] = 1 }"):
            self.script(text + use, status=1, options=memory, says=says)
        self.script("local cjson = require 'cjson' cjson.encode_sparse_array(true) "
                    "print(cjson.encode { [900000000] = 1 }) cjson.encode_sparse_array(false, 2, 3) "
                    "print(cjson.encode { [3] = 1 }, cjson.encode { a = 'x/', 1.5, true, cjson.null })", options=memory)

    def test_the_default_limit(self):
        self.script("local t = {} while true do t[#t + 1] = ('x'):rep(1000000) .. #t end", status=1,
                    says="jeton: error: the script reached its memory limit of 512 MiB (--memory)", timeout=120)

    def test_in_tasks_and_coroutines(self):
        fill = "local s = ('x'):rep(100000) while true do s = s .. s end"
        for text in (f"task.spawn(function() {fill} end)", f"task.map({{ 1 }}, function() {fill} end)",
                     f"coroutine.wrap(function() {fill} end)()"):
            self.script(CLOSING + text, status=1, options=("--memory", "16MiB"), says="memory limit of 16 MiB (--memory)")

    def test_a_map_that_cannot_start_all_its_tasks_does_nothing(self):
        self.script(CLOSING + """
            local list, ballast = {}, {}
            for i = 1, 1000 do list[i] = i end
            repeat
              for _ = 1, 16 do ballast[#ballast + 1] = ('x'):rep(1024) .. #ballast end
              collectgarbage()
            until collectgarbage 'count' > 7 * 1024
            local done = 0
            print(pcall(task.map, list, function() done = done + 1 end, { limit = 1000 }))
            ballast = nil
            collectgarbage()
            task.yield()
            task.yield()
            print(done)
        """, options=("--memory", "8MiB"), prints="false\tnot enough memory\n0\n")

    def test_a_caught_one_is_a_lua_error(self):
        self.script("print(pcall(function() local s = ('x'):rep(100000) while true do s = s .. s end end)) print 'on'",
                    options=("--memory", "16MiB"), prints="false\tnot enough memory\non\n")

    def test_many_small_objects(self):
        self.script("local t while true do t = { t } end", status=1, options=("--memory", "16MiB"), says="memory limit")


class Signals(RunCase):
    def interrupted(self, text, signo, again=False):
        """Sends the signal when the script has printed `ready`: (status, rest of the output, errors, seconds)."""
        path = self.write("script.lua", text)
        process = self.start("run", path, stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        began = time.monotonic()
        process.send_signal(signo)
        if again:
            time.sleep(0.6)
            process.send_signal(signo)
        process.wait(30)
        return process.returncode, process.stdout.read().decode(), process.stderr.read().decode(), time.monotonic() - began

    WAITS = CLOSING + """
        local _ <close> = closing(function(_, e) task.sleep(0.05) print('closed', e.kind) end)
        print 'ready' io.stdout:flush()
        task.sleep(100)
    """

    def test_each_ends_it_after_clean_up(self):
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            status, out, _, seconds = self.interrupted(self.WAITS, signo)
            self.assertEqual((status, out), (128 + signo, "closed\tcancelled\n"))
            self.assertLess(seconds, 20)

    def test_a_busy_script_hears_it(self):
        for loop in ("while true do end", "coroutine.wrap(function() while true do end end)()"):
            status, _, _, seconds = self.interrupted(f"print 'ready' {loop}", signal.SIGTERM)
            self.assertEqual(status, 128 + signal.SIGTERM)
            self.assertLess(seconds, 20)

    def test_a_second_one_does_not_wait(self):
        stubborn = CLOSING + "print 'ready' while true do pcall(task.sleep, 0.5) end"
        status, _, _, seconds = self.interrupted(stubborn, signal.SIGINT, again=True)
        self.assertEqual(status, 128 + signal.SIGINT)
        self.assertLess(seconds, 4)
        endless = "while true do end"
        for busy in (f"while true do pcall(function() {endless} end) end",
                     f"coroutine.resume(coroutine.create(function() {endless} end)) {endless}",
                     f"coroutine.wrap(function() pcall(coroutine.wrap(function() {endless} end)) {endless} end)()"):
            status, _, _, seconds = self.interrupted(f"print 'ready' {busy}", signal.SIGINT, again=True)
            self.assertEqual(status, 128 + signal.SIGINT)
            self.assertLess(seconds, 4)

    def test_a_stubborn_script_has_five_seconds(self):
        status, _, _, seconds = self.interrupted(CLOSING + "print 'ready' while true do pcall(task.sleep, 0.5) end",
                                                 signal.SIGTERM)
        self.assertEqual(status, 128 + signal.SIGTERM)
        self.assertGreater(seconds, 4.5)
        self.assertLess(seconds, 20)

    def test_a_blocking_call_does_not_hold_it_up(self):
        status, _, errors, seconds = self.interrupted("print 'ready' io.read()", signal.SIGINT)
        self.assertEqual(status, 128 + signal.SIGINT)
        self.assertIn("ended by signal 2", errors)
        self.assertLess(seconds, 20)

    def test_ignored_ones_stay_ignored(self):
        path = self.write("script.lua", CLOSING + "print 'ready' task.sleep(0.5) print 'done'")
        process = subprocess.Popen(["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", JETON, "run", path],
                                   stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=self.env)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.stdout.read(), b"done\n")
        self.assertEqual(process.wait(10), 0)


class Script(RunCase):
    def test_arguments(self):
        self.script("print(...) print(table.unpack(require('jeton').args))", "a", "-b", "--timeout", "",
                    prints="a\t-b\t--timeout\t\na\t-b\t--timeout\t\n")

    def test_standard_input(self):
        done = self.ok("run", "-", "x", input="#!/usr/bin/env jeton\nprint(..., package.path:match '^[^;]*')\n")
        self.assertEqual(done.stdout, f"x\t{os.path.realpath(self.folder)}/?.lua\n")
        self.assertEqual(self.ok("run", "-", input="print(require('jeton').folder)").stdout, "nil\n")
        self.fails(1, "run", "-", input="\nerror 'x'", says="stdin:2: x")
        self.assertEqual(self.ok("run", "-", input="").stdout, "")

    def test_standard_input_that_does_not_end(self):
        process = self.start("run", "--timeout", "100ms", "-", stdin=subprocess.PIPE)
        self.assertEqual(process.wait(30), 8)
        self.assertIn(b"the run's deadline of 100 ms passed", process.stderr.read())
        for signo in (signal.SIGINT, signal.SIGTERM):
            process = self.start("run", "-", stdin=subprocess.PIPE)
            wait_until(lambda: blocks(process, signo))
            process.send_signal(signo)
            self.assertEqual(process.wait(30), 128 + signo)

    def test_lines_count_from_the_first(self):
        self.script("#!/usr/bin/env jeton\nerror 'x'", status=1, says="script.lua:2: x")
        self.script("\ufeff#!x\nerror 'x'", status=1, says="script.lua:2: x")

    def test_modules_beside_the_script(self):
        self.write("lib/mine.lua", "return 'mine'")
        self.write("lib/folder/init.lua", "return 'folder'")
        self.write("other.lua", "return 'from the working directory'")
        path = self.write("lib/main.lua", "print(require 'mine', require 'folder', pcall(require, 'other'))")
        done = self.ok("run", path, env={"LUA_PATH": self.folder + "/?.lua", "LUA_PATH_5_4": self.folder + "/?.lua"})
        self.assertTrue(done.stdout.startswith(f"mine\t{os.path.realpath(self.folder)}/lib/mine.lua\tfolder\t")
                        or done.stdout.startswith("mine\tfolder\tfalse\t"), done.stdout)
        self.assertIn("module 'other' not found", done.stdout)

    def test_a_module_with_the_name_of_one_inside_does_not_hide_it(self):
        self.write("kaizala.lua", "error 'not this one'")
        self.script("print(type(require('kaizala').connect))", prints="function\n")

    def test_a_copied_script_without_its_modules_says_so_in_one_line(self):
        done = self.script("local csv = require 'lib.csv'", status=1)
        first, second = done.stderr.splitlines()[:2]
        self.assertIn(f"script.lua:1: module 'lib.csv' not found: no file 'lib/csv.lua' in the executable, and no "
                      f"'{self.folder}/lib/csv.lua'; a script that was copied needs its modules there too", first)
        self.assertEqual(second, "stack traceback:")

    def test_scripts_from_a_folder(self):
        self.write("sdk/kaizala/init.lua", "return { sub = require 'kaizala.sub' }")
        self.write("sdk/kaizala/sub.lua", "return debug.getinfo(1, 'S').source")
        env = {"JETON_SCRIPTS": self.folder + "/sdk"}
        self.script("print(require('kaizala').sub)", env=env, prints=f"@{self.folder}/sdk/kaizala/sub.lua\n")
        self.script("require 'kaizala.absent'", env=env, status=1,
                    says=["module 'kaizala.absent' not found", "no file 'kaizala/absent.lua' in $JETON_SCRIPTS"])
        self.script("print(1)", options=("--sandbox",), env=env, status=1, says="module 'sandbox.main' not found")
        self.script("print(require('kaizala').connect():me().name)", options=("--sandbox",),
                    env={"JETON_SCRIPTS": os.path.join(SOURCE, "scripts")}, prints="Alice Martin\n")

    def test_missing_and_unsafe_files(self):
        self.fails(3, "run", self.folder + "/absent.lua", says=["absent.lua", "No such file"])
        self.fails(3, "run", self.folder, says="regular file")
        for mode in (0o666, 0o622):
            path = self.write("open.lua", "print 'ran'", mode=mode)
            done = self.fails(3, "run", path, says=["open.lua", "chmod"])
            self.assertEqual(done.stdout, "")

    def test_bytecode_is_refused(self):
        path = self.write("script.lua", "")
        for prefix in (b"", b"#!x\n"):
            with open(path, "wb") as file:
                file.write(prefix + b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n")
            self.fails(3, "run", path, says="precompiled Lua is refused")

    def test_files_of_dofile_and_loadfile_obey_the_rules_of_modules(self):
        self.write("open.lua", "return 'ran'", mode=0o666)
        self.write("fine.lua", "#!x\nreturn shown, ...")
        self.write("waits.lua", "require 'jeton.task'.sleep(0.001) return 'waited', nil")
        self.write("none.lua", "return 7")
        with open(self.write("code.lua", ""), "wb") as file:
            file.write(b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n")
        unsafe = "open.lua: group or others can write it; run: chmod go-w open.lua"
        code = "attempt to load a binary chunk (mode is 't')"
        self.script("""
for _, name in ipairs { "open.lua", "code.lua", "absent.lua" } do
  print(loadfile(name))
  print(pcall(dofile, name))
end
print(loadfile("fine.lua", "t", { shown = 1 })(2))
print(loadfile("fine.lua")(3))
print(loadfile("none.lua", nil, {})())
print(dofile "waits.lua")
print(dofile())""", input="return 'from standard input'", prints=f"""nil\t{unsafe}
false\t{unsafe}
nil\t{code}
false\t{code}
nil\tabsent.lua: No such file or directory
false\tabsent.lua: No such file or directory
1\t2
nil\t3
7
waited\tnil
from standard input
""")

    def test_syntax_error(self):
        done = self.script("\nx = = 1", status=1, says="script.lua:2: unexpected symbol near '='")
        self.assertNotIn("traceback", done.stderr)

    def test_a_folder_that_cannot_stand_in_a_path(self):
        path = self.write("a;b/script.lua", "")
        self.fails(3, "run", path, says="must not contain ';' or '?'")

    def test_usage(self):
        self.fails(2, "run", says="SCRIPT")
        self.fails(2, "run", "--timout", "1s", "x.lua", says="--timeout")
        self.fails(2, "run", "--timeout", "soon", "x.lua", says="soon")
        self.fails(2, "run", "--memory", "lots", "x.lua", says="lots")
        self.fails(2, "run", "--timeout", "0s", "x.lua", says="--timeout")
        for size in ("0", "64", "1023KiB"):
            self.fails(2, "run", "--memory", size, "x.lua", says="--memory")
        self.fails(2, "run", "--sandbox", "-C", "x", "x.lua", says="--connector")
        help_text = self.ok("run", "--help").stdout
        for option in ("--connector", "--timeout", "--memory", "--dry-run", "--sandbox"):
            self.assertIn(option, help_text)

    def test_an_unknown_connector_is_said_before_the_script_runs(self):
        config = self.configure("http://127.0.0.1:1/v1")
        path = self.write("script.lua", "print 'ran'")
        done = self.fails(3, "-c", config, "run", "-C", "contosso", path, says="contoso")
        self.assertEqual(done.stdout, "")

    def test_dry_run_still_waits(self):
        self.script(CLOSING + "task.sleep(0.01) print(require('jeton').dry_run)", options=("--dry-run",), prints="true\n")

    def test_a_script_without_connectors_leaves_no_trace(self):
        self.script("print 'x'")
        self.assertEqual(sorted(os.listdir(self.folder)), ["script.lua"])

    def test_the_log_of_a_script(self):
        done = self.script("local log = require 'jeton.log' log.info('hello', { b = 2, a = true }) log.debug 'hidden'")
        self.assertEqual(done.stderr, "jeton: info: hello a=true b=2\n")
        done = self.script("require('jeton.log').info(1.5, { a = 1767355200123456.0, b = 2.0, c = 1 / 0 })")
        self.assertEqual(done.stderr, "jeton: info: 1.5 a=1767355200123456.0 b=2.0 c=inf\n")
        self.script("require('jeton.log').info('x', { 'y' })", status=1, says="fields must have names as keys")


class Sandbox(RunCase):
    def test_a_dry_run_of_what_is_sent_and_read(self):
        """What the SDK gives for what was not sent can be used on."""
        path = self.write("script.lua", """
            local group = require("kaizala").connect():groups():next()
            local survey = group:create_survey { title = "S", questions = { { title = "Q" } } }
            print(survey.id, #survey:details().responses, survey.questions[1].title)
            print(table.unpack(group:send_message("x").reference_ids))
            print(survey:respond { answers = { Q = "x" } })""")
        done = self.ok("run", "--sandbox", "--dry-run", path)
        told = [line for line in done.stdout.splitlines() if not line.startswith(("POST ", "{"))]
        self.assertEqual(told, ["dry-run\t0\tQ", "dry-run", "dry-run"])

    def test_a_call_is_told_once(self):
        path = self.write("script.lua", 'require("kaizala").connect():groups():next()')
        done = self.ok("-v", "run", "--sandbox", path)
        self.assertEqual(done.stderr.count("/v1/groups"), 1, done.stderr)

    def test_run_in_it(self):
        path = self.write("script.lua", "print(os.getenv 'JETON_SANDBOX_URL' ~= nil, require('jeton').connector, ...) "
                          "error 'boom'")
        bad = self.write("bad.yaml", "not: a configuration")
        done = self.fails(1, "-c", bad, "--no-color", "run", "--sandbox", "--timeout", "20s", path, "--sandbox", "x",
                          says="boom")
        self.assertEqual(done.stdout, "true\tsandbox\t--sandbox\tx\n")

    def test_the_script_s_streams_and_signals(self):
        path = self.write("script.lua", "print(io.read 'a') io.stdout:flush() require('jeton.task').sleep(100)")
        process = self.start("run", "--sandbox", path, stdin=subprocess.PIPE)
        process.stdin.write(b"typed")
        process.stdin.close()
        self.assertEqual(process.stdout.readline(), b"typed\n")
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: process.poll() is not None)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)


class Typed(RunCase):
    """run -e CODE"""

    def prints(self, code, *args, status=0, says=None):
        return self.fails(status, "run", "-e", code, *args, says=says).stdout

    def test_an_expression_prints_its_value(self):
        for code, shown in (
                ("1 + 1", "2\n"), ("'a\\27b'", "a\x1bb\n"), ("{ b = { 1, 2 }, a = 9007199254740993 }",
                                                           '{"a":9007199254740993,"b":[1,2]}\n'),
                ("nil", "null\n"), ("1 == 2", "false\n"), ("json.null, 1 / 0", "null\tinf\n"), ("", ""),
                ("ipairs { 5, 6 }", "1\t5\n2\t6\n"), ("('a b'):gmatch '%a'", "a\nb\n"),
                ("each({ { n = 1 }, { n = 2 }, {} }, 'n')", "1\n2\n"),
                ("each(each({ 1, 2 }, function(n) return n * 2 end))", "2\n4\n"),
                ("task.sleep(0.001), task.now() > 0", "null\ttrue\n"),
                ("local a = 2; a * 3", "6\n"), ("for i = 1, 2 do print(i) end; 'x'", "1\n2\nx\n"),
                ("x = 1; tostring(x);", "1\n"), ("x = 1\ntostring(x) -- of x; y", "1\n"),
                ("local l = { { n = 1 } } table.sort(l) each(l, 'n')", "1\n"), ("f = tostring\n(2)", ""),
                ("local l = { 5 } return each(l);", "5\n"), ("x = 1 if x then return x, 'b' end", "1\tb\n"), ("return true", ""),
                ("x = 1 -- tostring(x)", ""), ("x = 'a' x = [[ b ]] .. tostring(x)", ""), ("for i = 1, 2 do tostring(i) end", ""),
                ("print(jeton.args[1], ...)", "x\tx\n"), ("io.write(1, '\\n')", "1\n")):
            self.assertEqual(self.prints(code, "x"), shown, code)
        for code in ("print", "local n = 0; function f() n = n + 1 print 'called' end; f", "load 'print(1)'",
                     "local n = 0; function f() n = n + 1 print 'called' return n end return (f)"):
            self.assertRegex(self.prints(code), "^function: ")

    def test_several_are_lines_of_one(self):
        self.assertEqual(self.ok("run", "-e", "local x = 4", "-e", "x * 2").stdout, "8\n")
        self.assertEqual(self.ok("run", "-e", "print(1)", "-e", "math.abs(-2)").stdout, "1\n2\n")
        self.fails(1, "run", "-e", "x = 1", "-e", "", "-e", "error 'boom'", says="-e:3: boom")

    def test_the_status(self):
        for code, status, says in (
                ("nil, 'no luck'", 1, "jeton: error: no luck\n"), ("return false", 1, ""), ("return 1", 0, ""),
                ("token.get 'x'", 3, "x"), ("error 'boom'", 1, "-e:1: boom"), ("x(", 1, "-e:1: unexpected symbol"),
                ("os.exit(9)", 9, ""), ("each(5)", 1, "each: a list or an iterator expected, got number\n"),
                ("task.sleep(60)", 8, "deadline")):
            self.fails(status, "run", "--timeout", "200ms", "-e", code, says=says)

    def test_with_a_job_or_nothing(self):
        self.fails(2, "run", "--job", "x", "-e", "1", says="drop one of them")
        self.fails(2, "run", says="a script, -e CODE or --job NAME")

    def test_against_a_sandbox(self):
        """What the SDK gives has no second copy of it; a secret is masked where its value is printed."""
        done = self.ok("run", "--sandbox", "-e", "print((os.getenv 'JETON_SANDBOX_REFRESH_TOKEN'))", "-e", "kz:groups()")
        secret, *groups = done.stdout.splitlines()
        self.assertEqual(json.loads(groups[0])["name"], "Sales")
        self.assertNotIn("raw", json.loads(groups[0]))
        self.configure("http://127.0.0.1:1/v1")
        self.assertNotIn("*", secret)
        self.assertEqual(self.prints(f"'<{support.TENANT_TOKEN}>'"), "<********>\n")

    def test_a_terminal_is_not_steered(self):
        self.assertEqual(self.at_terminal("run", "-e", r"'a\27[2J\u{202e}b'"), b"a\\x1b[2J\\u202eb\r\n")


class Cores(RunCase):
    def start(self, *command, **env):
        return subprocess.Popen(
            ["sh", "-c", "ulimit -c unlimited; exec \"$@\"", "sh", *command], stdout=subprocess.PIPE,
            env={**self.env, **env}, cwd=self.folder)

    def dumps_core(self, process):
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.stdout.close()
        process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -os.WTERMSIG(status)
        return os.WCOREDUMP(status)

    @unittest.skipIf(resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY, "cores are limited here")
    def test_secrets_are_in_no_core(self):
        path = self.write("script.lua", "print 'ready' io.stdout:flush() require('jeton.task').sleep(100)")
        self.assertFalse(self.dumps_core(self.start(JETON, "run", path)))
        # Where any program dumps one, as the kernel's core_pattern says.
        if not SANITIZED and self.dumps_core(self.start("sh", "-c", "echo ready; exec sleep 100")):
            self.assertTrue(self.dumps_core(self.start(JETON, "run", path, JETON_CORE="1")))

    def test_programs_that_it_starts_are_as_ever(self):
        self.script('os.execute [[python3 -c "import ctypes; print(ctypes.CDLL(None).prctl(3))"]]', prints="1\n")


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
