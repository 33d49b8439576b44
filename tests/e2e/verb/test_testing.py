"""`jeton test`: which files and tests are run, and what is said of them."""

import fcntl
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest
import urllib.parse
import xml.etree.ElementTree

import support

GOOD = """\
local test = require "jeton.test"
test("adds", function(t) t:equal(1 + 1, 2) end)
test("waits", function(t) require "jeton.task".sleep(0) end)
"""
BAD = """\
local test = require "jeton.test"
test("fits", function(t) t:like({ a = 1 }, { a = t.any }) end)
test("it's wrong", function(t)
  t:log("seen", 7)
  t:equal({ items = { { price = 3.0 } } }, { items = { { price = 3 } } })
end)
test.skip("later", function() end)
"""


class TestParent(support.Case):
    def test_what_people_see(self):
        self.write("good_test.lua", GOOD)
        self.write("deep/bad_test.lua", BAD)
        self.write("deep/helper.lua", "error 'no test'")
        self.write("deep/.hidden/x_test.lua", "error 'hidden'")
        done = self.fails(1, "test", "-j", "1")
        self.assertIn("✓ good_test.lua  2 passed", done.stdout)
        self.assertIn("✗ deep/bad_test.lua  1 passed, 1 failed, 1 skipped", done.stdout)
        self.assertIn("✗ it's wrong\n  deep/bad_test.lua:5: not equal\n"
                      "    items[1].price: got 3.0 (float), want 3 (integer)\n  log:\n    seen 7\n"
                      "  again: jeton test deep/bad_test.lua -k 'it'\\''s wrong'\n", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "3 passed, 1 failed, 1 skipped")
        again = done.stdout.split("again: ")[1].splitlines()[0].replace("jeton", support.JETON, 1)
        alone = subprocess.run(["sh", "-c", again], env=self.env, cwd=self.folder, capture_output=True, text=True,
                               check=False, timeout=support.PATIENCE)
        self.assertEqual(alone.stdout.splitlines()[-1], "0 passed, 1 failed, 0 skipped")
        self.assertEqual(self.ok("test", "good_test.lua").stdout.splitlines()[-1], "2 passed, 0 failed, 0 skipped")
        self.assertEqual(self.ok("test", "-q", "good_test.lua").stdout, "2 passed, 0 failed, 0 skipped\n")
        os.chmod(os.path.join(self.folder, "good_test.lua"), 0o666)
        self.assertIn("\n  good_test.lua: group or others can write it", self.fails(3, "test", "good_test.lua").stdout)

    def test_a_secret_that_is_in_a_name_or_is_a_word_of_the_report(self):
        self.write("x_test.lua", """\
local test = require "jeton.test"
local function bad(secret)
  return function(t)
    local login = t:oauth("https://login.example.com", { refresh_token = secret })
    t:connector("x", login:connector { endpoint = "https://api.example.com" })
    error "must fail"
  end
end
test("the rotation of tokens", bad "rotation")
test("goes on", bad "result")
test("passes", function() end)
""")
        for more in (), ("--failed",):
            done = self.fails(1, "test", "--report=json=report", *more)
            self.assertEqual(done.stdout.splitlines()[-1], "1 passed, 2 failed, 0 skipped")
            self.assertIn("✗ the ******** of tokens\n  x_test.lua:6: must fail\n  again: jeton test x_test.lua\n",
                          done.stdout)
            self.assertNotIn("rotation", done.stdout)
            with open(os.path.join(self.folder, "report"), encoding="utf-8") as report:
                tests = json.load(report)["files"][0]["tests"]
            self.assertEqual([(each["name"], each["status"]) for each in tests],
                             [("the ******** of tokens", "fail"), ("goes on", "fail"), ("passes", "pass")])

    def test_nothing_to_run(self):
        self.fails(3, "test", says="no test: there is no file *_test.lua below .")
        for name, said in (("a\x9b_test.lua", "a\\x9b_test.lua"), ("a\nok 1_test.lua", "a\\nok 1_test.lua")):
            path = self.write(name, GOOD)
            for words in ("--report=tap",), ("--list",), (name,):
                done = self.fails(3, "test", *words, says=said + ": its path holds a control character; rename it")
                self.assertEqual(done.stdout, "")
            os.remove(path)
        self.write("good_test.lua", GOOD)
        self.fails(3, "test", "nowhere", says="nowhere: No such file")
        self.fails(3, "test", "-k", "nonsense", says="no test has 'nonsense' in its name")
        self.fails(2, "test", "--fail-fast=x", says="--fail-fast")
        self.fails(2, "test", "--shuffle=x", says="--shuffle")
        self.fails(2, "test", "--report", "html", says="tap, junit or json")
        self.fails(2, "test", "--report", "tap", "--report", "json", says="only one")
        self.fails(2, "test", "--timeout", "0s", says="--timeout")
        for jobs in ("0", "257"):
            self.fails(2, "test", f"--jobs={jobs}", says="--jobs: expected 1 to 256")

    def test_a_named_file_may_have_any_name(self):
        self.write("checks.lua", GOOD)
        self.assertIn("2 passed", self.ok("test", "checks.lua").stdout)

    def test_files_that_cannot_be_run(self):
        self.write("good_test.lua", GOOD)
        self.write("a_test.lua", "local x = = 1\n")
        self.write("b_test.lua", "error 'on loading'\n")
        done = self.fails(3, "test")
        self.assertIn("a_test.lua:1: unexpected symbol near '='", done.stdout)
        self.assertIn("on loading", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 2 failed, 0 skipped")

    def test_a_process_that_ends_early_is_a_failure_of_the_test_under_way(self):
        self.write("dies_test.lua", """\
local test = require "jeton.test"
test("good", function() end)
test("dies", function() print "last words"; io.stdout:flush(); os.execute "kill -KILL $PPID" end)
test("never", function() end)
""")
        done = self.fails(1, "test")
        self.assertIn("✗ dies\n  dies_test.lua:3: its process was ended by a signal: Killed", done.stdout)
        self.assertIn("last words", done.stdout)
        self.assertIn("– never  not run", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "1 passed, 1 failed, 1 skipped")

    def test_a_file_that_does_not_end(self):
        self.write("endless_test.lua", 'require "jeton.test"("spins", function() while true do end end)\n')
        done = self.fails(1, "test", "--timeout", "300ms")
        self.assertIn("it did not end within 0.3 s (--timeout)", done.stdout)

    def test_nothing_is_left_behind(self):
        folder = self.write("tmp/keep", "")
        self.write("x_test.lua", """\
local test = require "jeton.test"
test("leaves a program", function() os.execute "sleep 600 & echo $! > /proc/self/fd/1" end)
test("dies", function() os.execute "kill -KILL $PPID" end)
""")
        done = self.jeton("test", "--report", "json", env={"TMPDIR": os.path.dirname(folder)})
        self.assertEqual(done.returncode, 1)
        output = json.loads(done.stdout)["files"][0]["tests"][1]["failure"]["output"]
        sleeper = int(output.split()[0])
        support.wait_until(lambda: not os.path.exists(f"/proc/{sleeper}/fd/0"))  # it has ended, or is a zombie
        self.assertEqual(os.listdir(os.path.dirname(folder)), ["keep"])

    def test_failed_ones_again(self):
        self.write("good_test.lua", GOOD)
        self.write("bad_test.lua", BAD)
        self.fails(1, "test")
        done = self.fails(1, "test", "--failed")
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed, 0 skipped")
        self.fails(1, "test", "-k", "wrong")
        self.write("bad_test.lua", BAD.replace("price = 3.0", "price = 3"))
        self.assertEqual(self.ok("test", "--failed").stdout.splitlines()[-1], "1 passed, 0 failed, 0 skipped")
        self.assertEqual(self.ok("test", "--failed").stdout, "no test failed the last time\n")
        kept = os.path.join(self.folder, "xdg-state/jeton/test.json")
        self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)
        with open(kept, "w", encoding="utf-8") as file:
            file.write("{damaged")
        self.ok("test")

    def test_fail_fast_leaves_the_rest(self):
        for name in "abcdef":
            self.write(f"{name}_test.lua", BAD)
        done = self.fails(1, "test", "-j", "1", "--fail-fast=2")
        self.assertIn("4 files not run (--fail-fast)", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 2 failed, 2 skipped")

    def test_what_was_not_run_has_failed_all_the_same(self):
        self.write("x_test.lua", """\
local test = require "jeton.test"
test("one", function(t) t:equal(1, 2) end)
test("two", function(t) t:equal(1, 2) end)
""")
        self.fails(1, "test")
        self.fails(1, "test", "--fail-fast")
        done = self.fails(1, "test", "--failed")
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 2 failed, 0 skipped")

    def test_reports(self):
        self.write("bad_test.lua", BAD.replace("it's wrong", "a & <b> #1"))
        done = self.fails(1, "test", "--report", "tap", "--report", "junit=j.xml", "--report=json=r.json")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:4], ["TAP version 14", "1..3", "ok 1 - bad_test.lua: fits",
                                     "not ok 2 - bad_test.lua: a & <b> \\#1"])
        self.assertIn("ok 3 - bad_test.lua: later # SKIP", lines)
        suite = xml.etree.ElementTree.parse(os.path.join(self.folder, "j.xml")).getroot().find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("3", "1", "1"))
        case = suite.findall("testcase")[1]
        self.assertEqual(case.get("name"), "a & <b> #1")
        self.assertIn("items[1].price", case.find("failure").text)
        with open(os.path.join(self.folder, "r.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual((report["passed"], report["failed"], report["skipped"]), (1, 1, 1))
        self.assertEqual(report["files"][0]["tests"][1]["failure"]["where"], "bad_test.lua:5")

    def test_what_tests_print_cannot_steer_a_terminal(self):
        self.write("x_test.lua", """\
require "jeton.test"("x", function(t) t:log("\\27[2J") error("\\27]0;title\\7 \\u{9B}2J") end)
""")
        for options in (), ("--report=tap",), ("--report=junit",):
            done = self.fails(1, "test", *options)
            for steering in "\x1b", "\x07", "\x9b":
                self.assertNotIn(steering, done.stdout)
        # Nor turn the direction of what stands around a name, or pretend to be another line.
        turned = "\u202enrut \u2028 \u2066"
        self.write(f"{turned}_test.lua", f"""\
local test = require "jeton.test"
test("{turned} bad", function() error("{turned}") end)
test.skip("{turned} skipped", function() end)
""")
        for options in ("--list",), (), ("-v",), ("--report=tap",):
            done = self.jeton("test", *options)
            self.assertIn(r"\u202enrut \u2028 \u2066", done.stdout.replace(r"\\u", r"\u"), options)
            for mark in "\u202e\u2028\u2066":
                self.assertNotIn(mark, done.stdout + done.stderr, options)
        os.remove(os.path.join(self.folder, f"{turned}_test.lua"))
        self.write("x_test.lua", 'require "jeton.test"("\\u{9D}0;x", function() end)\n')
        done = self.fails(3, "test")
        self.assertIn("a name (one line of text) expected", done.stdout)
        self.assertNotIn("\x9d", done.stdout)

    def test_anything_but_nil(self):
        self.write("x_test.lua", 'require "jeton.test"("x", function(t) t:like({}, { a = t.any }) end)\n')
        self.assertIn("a: missing: want anything but nil", self.fails(1, "test").stdout)

    def test_list(self):
        self.write("good_test.lua", GOOD + 'print "loaded"\n')
        self.assertEqual(self.ok("test", "--list").stdout, "good_test.lua:2  adds\ngood_test.lua:3  waits\n")

    def test_shuffled_runs_beside_each_other_have_one_result(self):
        for number in range(8):
            self.write(f"f{number}_test.lua", f"""\
local test = require "jeton.test"
local crypto = require "jeton.crypto"
for i = 1, 4 do
  test("number " .. i, function(t)
    io.open("own.txt", "w"):write("{number}"):close()
    require "jeton.task".sleep(0)
    t:equal(io.open("own.txt"):read "a", "{number}")
    t:equal(#crypto.random(8), 8)
    if i == 3 and {number} == 5 then t:equal("{number}", i) end
  end)
end
""")
        results, orders = set(), set()
        for _ in range(100 if support.SOAK else 12):
            done = self.fails(1, "test", "-j", "8", "--shuffle", "--report", "json")
            report = json.loads(done.stdout)
            orders.add(tuple(test["name"] for file in report["files"] for test in file["tests"]))
            results.add(tuple(sorted((file["file"], test["name"], test["status"], json.dumps(test.get("failure")))
                                     for file in report["files"] for test in file["tests"])))
        self.assertEqual(len(results), 1)
        self.assertEqual(len(next(iter(results))), 32)
        self.assertGreater(len(orders), 3)

    def test_a_seed_gives_its_order_again(self):
        self.write("x_test.lua", 'local test = require "jeton.test"\n'
                   'for i = 1, 20 do test("n" .. i, function() end) end\n')

        def order(*options):
            report = json.loads(self.ok("test", "--report", "json", *options).stdout)
            return report["seed"], [test["name"] for test in report["files"][0]["tests"]]

        seed, names = order("--shuffle")
        self.assertEqual(order(f"--shuffle={seed}"), (seed, names))
        self.assertNotEqual(order(f"--shuffle={seed ^ 1}")[1], names)
        self.assertEqual(order()[1], [f"n{i}" for i in range(1, 21)])

    def test_a_signal_ends_all(self):
        self.write("x_test.lua", """\
require "jeton.test"("x", function(t)
  os.execute "sleep 600"
end)
""")
        mark = os.path.join(self.folder, "tmp")
        os.mkdir(mark)
        process = self.start("test", env={"TMPDIR": mark})
        support.wait_until(lambda: os.listdir(mark))
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 130)
        self.assertEqual(os.listdir(mark), [])

    def test_watch(self):
        self.write("helper.lua", "return 2\n")
        self.write("x_test.lua", """\
local test = require "jeton.test"
local helper = require "helper"
test("adds", function(t) t:equal(1 + 1, helper) end)
test("other", function(t) end)
""")
        self.write("y_test.lua", GOOD)
        terminal = self.start_at_terminal("test", "--watch")
        terminal.read_until(b"4 passed, 0 failed, 0 skipped")
        terminal.read_until(b"q quit\r\n")
        terminal.shown = b""
        self.write("helper.lua", "return 3 -- now\n")
        terminal.read_until(b"q quit\r\n")
        self.assertIn(b"1 passed, 1 failed, 0 skipped", terminal.shown)
        self.assertNotIn(b"y_test.lua", terminal.shown)
        terminal.shown = b""
        os.write(terminal.end, b"f")
        terminal.read_until(b"q quit\r\n")
        self.assertIn(b"0 passed, 1 failed, 0 skipped", terminal.shown)
        terminal.shown = b""
        os.write(terminal.end, b"totx\x7fher\n")
        terminal.read_until(b"only 'other'")
        self.assertIn(b"1 passed, 0 failed, 0 skipped", terminal.shown)
        terminal.shown = b""
        self.write("z_test.lua", GOOD.replace("adds", "another one"))
        terminal.read_until(b"z_test.lua")
        terminal.read_until(b"q quit")
        os.write(terminal.end, b"q")
        self.assertEqual(terminal.status(), 0)


class Snapshots(support.Case):
    TEXT = """\
local test = require "jeton.test"
test("page", function(t)
  t:snapshot("Hello\\n\\tworld \\\\ \\27[1m \\u{9B}1m\\n")
  t:snapshot("parsed", { items = { 1, 2.0, "x" }, ok = true })
end)
test("other", function(t) t:snapshot { "other" } end)
"""

    def snap(self):
        with open(os.path.join(self.folder, "x_test.snap"), encoding="utf-8") as file:
            return file.read()

    def test_it_is_written_and_compared(self):
        self.write("x_test.lua", self.TEXT)
        done = self.fails(1, "test")
        self.assertIn("there is no snapshot 'page / 1' yet; write it with: jeton test x_test.lua --update", done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "x_test.snap")))
        self.ok("test", "--update")
        self.assertEqual(self.snap(), """\
# Snapshots, written by: jeton test --update

[other / 1]: value
  | { "other" }

[page / 1]: text
  | Hello
  | \tworld \\\\ \\x1B[1m \\xC2\\x9B1m
  |

[page / parsed]: value
  | { items = { 1, 2.0, "x" }, ok = true }
""")
        self.ok("test")
        self.write("x_test.lua", self.TEXT.replace("2.0", "2").replace("Hello", "Hallo"))
        done = self.fails(1, "test")
        self.assertIn("x_test.lua:3: it is not as in the snapshot 'page / 1'", done.stdout)
        self.assertIn("    - Hello\n    + Hallo\n", done.stdout)

    def test_unused_ones_are_named_and_removed(self):
        self.write("x_test.lua", self.TEXT)
        self.ok("test", "--update")
        self.write("x_test.lua", self.TEXT.replace('t:snapshot("parsed"', '-- t:snapshot("parsed"')
                   .replace('"other", f', '"another", f'))
        whole = self.snap()
        done = self.fails(1, "test")
        self.assertIn("there is no snapshot 'another / 1' yet", done.stdout)
        self.assertIn('snapshot "page / parsed" is not used any more', done.stdout)
        self.assertIn('snapshot "other / 1" is not used any more', done.stdout)
        self.assertEqual(self.snap(), whole)
        self.ok("test", "--update")
        self.assertEqual([line for line in self.snap().splitlines() if line.startswith("[")],
                         ["[another / 1]: value", "[page / 1]: text"])
        self.assertNotIn("not used", self.ok("test", "-k", "another").stdout)

    def test_what_differs_in_each_run_is_not_written(self):
        self.write("x_test.lua", """\
local test = require "jeton.test"
test("function", function(t) t:snapshot(print) end)
test("field", function(t) t:snapshot { a = { b = { 1, "0x12", coroutine.create(print) } } } end)
test("userdata", function(t) t:snapshot { b = io.stdout } end)
test("key", function(t) t:snapshot { [{}] = 1 } end)
test("others", function(t)
  local list = { require "jeton.json".null, 1.5, true, "0x12" }
  list[5], list[6] = list, { {} }
  t:snapshot(list)
end)
""")
        done = self.fails(1, "test", "--update")
        for kind in ("the value is a function", "field 3 is a thread", 'field "b" is a userdata', "a key is a table"):
            self.assertIn(f"t:snapshot: {kind}, whose address differs from run to run", done.stdout)
        self.assertIn("1 passed, 4 failed", done.stdout)

    def test_a_secret_is_not_written(self):
        self.write("x_test.lua", """\
local test = require "jeton.test"
test("registered", function(t)
  require "jeton.token".exchange { provider = "oauth2", token_url = "http://127.0.0.1:1/token", client_id = "app",
                                   grant = "client_credentials", client_secret = "s3cret-s3cret" }
  t:snapshot { key = "s3cret-s3cret" }
end)
test("signed", function(t) t:snapshot("a\\nb eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.x") end)
test("named", function(t) t:snapshot("of s3cret-s3cret", 1) end)
""")
        done = self.fails(1, "test", "--update")
        self.assertIn("the snapshot 'registered / 1' would hold a secret of this run, in line 1", done.stdout)
        self.assertIn("the snapshot 'signed / 1' would hold a signed token (JWT), in line 2", done.stdout)
        self.assertIn("the name of a snapshot, 'named / of ********', holds a secret of this run", done.stdout)
        self.assertNotIn("s3cret-s3cret", done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "x_test.snap")))

    def test_a_damaged_file_is_not_replaced(self):
        self.write("x_test.lua", self.TEXT)
        self.write("x_test.snap", "<<<<<<< HEAD\n")
        done = self.fails(1, "test", "--update")
        self.assertIn("x_test.snap:1: this is no line of a snapshot", done.stdout)
        self.assertEqual(self.snap(), "<<<<<<< HEAD\n")

    def test_a_byte_order_mark(self):
        self.write("x_test.lua", self.TEXT)
        self.ok("test", "--update")
        self.write("x_test.snap", "\ufeff" + self.snap())
        self.ok("test")

    def test_one_that_cannot_be_written(self):
        self.write("x_test.lua", self.TEXT)
        os.symlink("missing/x", os.path.join(self.folder, "x_test.snap"))
        done = self.fails(1, "test", "--update")
        self.assertIn("x_test.lua: the snapshots cannot be written: ", done.stdout)
        self.assertNotIn("its process ended", done.stdout)


class Finalizers(support.Case):
    def test_a_request_that_is_cancelled_as_its_fake_is_told_of_it(self):
        """At the n-th allocation, so at each one of those that the telling makes."""
        self.write("x_test.lua", """
          local test, http, task = require "jeton.test", require "jeton.http", require "jeton.task"
          test("cancelled", function(t)
            t:fake "https://api.example.com" { ["POST /"] = { json = {} } }
            for n = 1, 80 do
              local posts = task.spawn(http.post, "https://api.example.com/", { body = "text", headers = { ["X-A"] = "b" } })
              local calls = 0
              local function arm()
                setmetatable({}, { __gc = function()
                  calls = calls + 1
                  if calls == n then posts:cancel() end
                  if posts:status() == "waiting" then arm() end
                end })
              end
              task.yield()
              arm()
              pcall(posts.join, posts)
            end
          end)
        """)
        self.ok("test", program=support.JETON_FAULTY, env={"JETON_FAULT": "collect=1"})


class Events(support.Case):
    HANDLERS = """\
local state = require "jeton.state"
return {
  order = function(event)
    event:step("tell", function() print("told", event.id) end)
    state.set("count", (state.get "count" or 0) + 1)
    print(event.attempt, event.data.a, os.getenv "X")
  end,
  late = function(event) if event.attempt < 3 then error "not yet" end end,
  never = function() error("never", 0) end,
  busy = function()
    local began = os.clock()
    while os.clock() - began < 1.5 do end
  end,
  endless = function() while true do end end,
  asks = function(event)
    require "jeton.task".sleep(event.data.wait)
    return { status = 202, headers = { ["X-A"] = "b" }, json = { text = "pong" } }
  end,
  leaves = function(event) if event.attempt < event.data.times then os.exit(event.data.status) end end,
}
"""
    TEST = """\
local test = require "jeton.test"
test("an event is handled once", function(t)
  local options = { type = "order", id = "o1", data = { a = 5 }, hook = { environment = { X = "y" } } }
  local event = t:event("h.lua", options)
  t:like(event, { verdict = "stored", status = 200, state = "done", attempts = 1, keys = { count = 1 },
    stdout = "told\\to1\\n1\\t5\\ty\\n" })
  t:like(event:again(), { verdict = "duplicate", status = 200, stdout = "" })
end)
test("a worker that dies leaves it to the next", function(t)
  local event = t:event("h.lua", { type = "order", data = { a = 1 }, crash = "after step tell" })
  t:like(event, { state = "done", attempts = 2, keys = { count = 1 }, stdout = "told\\tevent-1\\n2\\t1\\tnil\\n" })
  t:like(event:crash "before step tell", { state = "done", stdout = "^told\\tevent.2\\ntold\\tevent.2\\n2" })
  t:like(event:crash "before the end", { state = "done", attempts = 2, keys = { count = 3 } })
end)
test("attempts", function(t)
  t:like(t:event("h.lua", { type = "late" }), { state = "done", attempts = 3 })
  t:equal(t:elapsed() < 60 and t:elapsed() > 1, true)
  t:like(t:event("h.lua", { type = "never", hook = { retries = { attempts = 2 } } }),
    { state = "dead", attempts = 2, error = "never" })
end)
test("a handler that ends its process costs its event an attempt", function(t)
  local function leaves(times, status)
    return t:event("h.lua", { type = "leaves", data = { times = times, status = status }, hook = { retries = { attempts = 4 } } })
  end
  t:like(leaves(3, 1), { state = "done", attempts = 3 })
  t:like(leaves(3, 0), { state = "done", attempts = 3 })
  t:like(leaves(9, 1), { state = "dead", attempts = 4, error = t.any })
end)
test("time is up when it is", function(t)
  for i = 1, 30 do
    local event = t:event("h.lua", { type = "never", data = { i = i }, hook = { retries = { attempts = 2 } } })
    t:like(event, { state = "dead", attempts = 2, error = "never" })
  end
  t:like(t:event("h.lua", { type = "busy" }), { state = "done", attempts = 1 })
  t:like(t:event("h.lua", { type = "endless", hook = { timeout = "200ms", retries = { attempts = 2 } } }),
    { state = "dead", attempts = 2, error = "^deadline: the time for this event is up" })
end)
test("who signed it", function(t)
  t:like(t:event("h.lua", { type = "order", forged = true }), { verdict = "refused", status = 401, why = t.any })
  for _, preset in ipairs { "kaizala", "telegram", "gitlab-token", "github" } do -- tokens; and a signature
    t:like(t:event("h.lua", { preset = preset, forged = true }), { verdict = "refused", status = 401 })
  end
  t:like(t:event("h.lua", { preset = "stripe", type = "order" }), { verdict = "stored", state = "done" })
  t:like(t:event("h.lua", { type = "order", hook = { events = { "other.*" } } }), { verdict = "skipped", status = 200 })
  t:like(t:event("h.lua", { preset = "github", type = "order", data = { a = 9 } }), { state = "done" })
  t:like(t:event("h.lua", { preset = "github", type = "order", data = { a = 9 } }), { verdict = "held" })
end)
test("what the sender hears", function(t)
  local function asks(wait, answer)
    return t:event("h.lua", { type = "asks", data = { wait = wait }, hook = { answer = answer } })
  end
  t:like(asks(1, { handler = "2500ms" }), { status = 202, headers = { ["X-A"] = "b" }, body = '{"text":"pong"}', attempts = 1 })
  t:like(asks(3, { handler = "2500ms" }), { status = 200, headers = {}, body = "", state = "done" })
  t:like(asks(0), { status = 200, body = "", state = "done" })
  t:like(t:event("h.lua", { preset = "slack", data = { type = "url_verification", challenge = "c" } }),
    { verdict = "answered", status = 200, body = "c" })
end)
test("mistakes", function(t)
  t:fails(function() t:event("h.lua", { crahs = "x" }) end, "did you mean 'crash'?")
  t:fails(function() t:event("h.lua", { crash = "somewhere" }) end, "is none of")
  t:fails(function() t:event("h.lua", { preset = "nobody" }) end, "there is no preset 'nobody'")
  t:fails(function() t:event("h.lua", { preset = "discord" }) end, "only its sender can sign")
  t:fails(function() t:event("h.lua", { preset = "linear" }) end, "x_test.lua:63: t:event: the body has no 'webhookTimestamp'")
  t:event("h.lua", { type = "late", crash = "after step tell" })
end)
test("no handlers", function(t) t:event("none.lua", {}) end)
test("handlers that do not compile", function(t) t:event("bad.lua", {}) end)
"""

    def test_through_signature_store_and_handler(self):
        self.write("h.lua", self.HANDLERS)
        self.write("bad.lua", "return {")
        self.write("x_test.lua", self.TEST)
        done = self.fails(1, "test")
        self.assertIn("✗ mistakes\n  x_test.lua:64: the handler did not come to 'after step tell'", done.stdout)
        self.assertIn("x_test.lua:66: the handlers cannot be run: none.lua: No such file", done.stdout)
        self.assertIn("x_test.lua:67: the handlers cannot be run: bad.lua:1: unexpected symbol", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "7 passed, 3 failed, 0 skipped")


class Service(http.server.BaseHTTPRequestHandler):
    """Gives a token for a secret, and a list for the token."""

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        answer = {}
        if form.get("grant_type") == ["refresh_token"]:
            if form["refresh_token"] != [self.server.refresh]:
                return self.reply({"error": "invalid_grant"}, 400)
            self.server.refresh = answer["refresh_token"] = f"refresh-token-number-{self.server.count}"
        self.server.count += 1
        time.sleep(self.server.wait)
        self.reply({**answer, "access_token": f"real-token-{self.server.count}-abc", "token_type": "Bearer", "expires_in": 3600})

    def do_GET(self):
        if self.path == "/cut":
            return None
        if "/.well-known/" in self.path:
            url = f"http://127.0.0.1:{self.server.server_port}"
            return self.reply({"issuer": url, "token_endpoint": url + "/token"})
        newest = f"Bearer real-token-{self.server.count}-abc"  # ends those before, unless they are lasting
        if not self.server.lasting and self.headers["Authorization"] != newest:
            return self.reply({"error": "unauthorized"}, 401)
        if self.path == "/bytes":
            return self.reply(bytes(range(256)))
        if self.path == "/nothing":
            return self.reply({"error": {"code": "gone", "message": "there is nothing"}}, 404)
        if self.server.busy > 0:
            self.server.busy -= 1
            return self.reply({}, 429, fields=[("Retry-After", "1")])
        return self.reply({"path": self.path, "n": 9007199254740993, "leak": self.server.leak},
                          fields=[("Set-Cookie", "a=first-cookie; Path=/"), ("Set-Cookie", "b=second-cookie")])

    def reply(self, value, status=200, fields=()):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in fields:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Cassettes(support.Case):
    TEXT = """\
local test = require "jeton.test"
local http = require "jeton.http"
local url = "URL"
test("flow", function(t)
  t:cassette("flow", { MORE })
  local reply = assert(http.post(url .. "/token", { form = { client_secret = "s3cret-s3cret", scope = "all" } }))
  local token = reply:json().access_token
  local headers = { Authorization = "Bearer " .. token }
  local list = assert(http.get(url .. "/list?page=1", { headers = headers }))
  t:equal(list:json().n, 9007199254740993)
  t:equal(list.headers["set-cookie"]:gsub("[^,]", ""), ",")
  t:log("at", t:clock())
  WRONG
end)
"""

    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
        self.server.count, self.server.leak, self.server.busy, self.server.refresh = 0, "", 0, None
        self.server.wait, self.server.lasting = 0, False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.file()

    def file(self, *changes, wrong="", more=""):
        text = self.TEXT.replace("URL", f"http://127.0.0.1:{self.server.server_port}").replace("WRONG", wrong)
        text = text.replace("MORE", more)
        for before, after in changes:
            self.assertIn(before, text)
            text = text.replace(before, after)
        self.write("x_test.lua", text)

    def cassette(self):
        path = os.path.join(self.folder, "x_test.flow.cassette.yaml")
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_a_flow_is_recorded_and_replayed(self):
        done = self.fails(1, "test")
        self.assertIn("there is no cassette 'flow' yet; record it with: jeton test x_test.lua -k 'flow' --record",
                      done.stdout)
        self.ok("test", "x_test.lua", "--record")
        self.assertEqual(self.server.count, 1)
        text = self.cassette()
        for secret in ("real-token", "s3cret-s3cret", "first-cookie", "second-cookie"):
            self.assertNotIn(secret, text)
        self.assertIn("client_secret={{secret:client_secret}}&scope=all", text)
        self.assertIn("Bearer {{token:1}}", text)
        for _ in range(2):
            self.ok("test")
        self.ok("test", "x_test.lua", "--record")  # it is there
        self.assertEqual(self.server.count, 1)
        self.assertEqual(self.cassette(), text)
        self.ok("test", "x_test.lua", "--record=all")
        self.assertEqual(self.server.count, 2)

    def test_a_script_does_the_same_against_the_service_and_the_cassette(self):
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  svc:
    {{provider: oauth2, grant: client_credentials, token_url: "{url}/token", client_id: app,
     client_secret: s3cret-s3cret, endpoint: "{url}"}}
""")
        self.write("list.lua", """\
local http = require "jeton.http"
for page = 1, 3 do
  local reply, err = http.request { connector = true, path = "/list", query = { page = page } }
  print(page, reply and reply:json().path, err)
end
print(#http.request { connector = true, path = "/bytes" }.body)
print(http.get("URL/cut"))
local reply, err = http.request { connector = true, path = "/nothing" }
print(err.kind, err.status, err.message)
return nil, err
""".replace("URL", url))
        self.write("x_test.lua", f"""\
local test = require "jeton.test"
test("flow", function(t)
  t:cassette "flow"
  t:connector("svc", {{ provider = "oauth2", grant = "client_credentials", token_url = "{url}/token",
    client_id = "app", client_secret = "s3cret-s3cret", endpoint = "{url}" }})
  local run = t:run("list.lua")
  t:snapshot("stdout", run.stdout)
  t:snapshot("ended", {{ run.status, run.kind, run.message }})
end)
""")
        self.server.busy = 1
        real = self.jeton("run", "list.lua")
        self.assertEqual((real.returncode, real.stdout.count("\n")), (6, 6), real.stderr)
        self.server.busy = 1
        self.ok("test", "x_test.lua", "--record", "--update")
        with open(os.path.join(self.folder, "x_test.snap"), encoding="utf-8") as file:
            snapshot = file.read()
        for line in real.stdout.splitlines():
            self.assertIn("  | " + line, snapshot)
        self.assertIn("{ 6, \"http\"", snapshot)
        self.server.shutdown()
        self.server.server_close()
        report = json.loads(self.ok("test", "--report", "json").stdout)
        self.assertEqual(report["passed"], 1)
        self.assertNotIn("s3cret", self.cassette())
        self.assertNotIn("real-token", self.cassette())

    def test_recording_uses_the_real_configuration_and_state(self):
        """Refresh tokens are good for one use: what the recording gets must not be lost."""
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.server.refresh = "refresh-token-of-a-person"
        self.write("secrets/refresh", self.server.refresh + "\n")
        real = f"""\
version: 1
state: {self.state}
connectors:
  svc: {{provider: oauth2, token_url: "{url}/token", client_id: its-real-id, client_secret: s3cret-s3cret, endpoint: "{url}",
        client_auth: post, refresh_token: {{file: secrets/refresh}}}}
"""
        self.write("jeton.yaml", real)
        self.write("list.lua", """\
local http = require "jeton.http"
local state = require "jeton.state"
print(state.get "kept", assert(http.request { connector = true, path = "/list" }):json().path)
state.set("kept", true)
""")
        self.write("x_test.lua", f"""\
local test = require "jeton.test"
test("flow", function(t)
  t:cassette "flow"
  t:connector("svc", {{ provider = "oauth2", token_url = "{url}/token", client_id = "app", endpoint = "{url}",
    client_auth = "post", client_secret = "of-the-tests", refresh_token = "of-the-tests-too" }})
  t:equal(t:run("list.lua").stdout, "nil\\t/list\\n")
  t:equal(t:run("list.lua").stdout, "true\\t/list\\n")
end)
""")
        self.ok("run", "list.lua")  # the cached token and the key are not the recording's
        self.ok("test", "x_test.lua", "--record")
        self.assertEqual(self.server.count, 2)
        text = self.cassette()
        for secret in ("refresh-token", "s3cret", "real-token"):
            self.assertNotIn(secret, text)
        self.assertIn("{{secret:svc.client_secret}}", text)
        self.ok("token", "svc", "--refresh")  # by the token that the recording got
        self.assertEqual(self.server.count, 3)
        kept = sorted(os.listdir(self.state))
        self.server.shutdown()
        self.server.server_close()
        self.write("jeton.yaml", "broken: yes\n")
        self.ok("test")
        self.assertEqual(sorted(os.listdir(self.state)), kept)

    def test_what_is_exchanged_for_the_recording_is_so_in_a_replay(self):
        """Also where the state knows what the service says of itself; where two connectors have one token, one is not
        used at all; and where the test exchanges by itself."""
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.server.lasting = True
        keys = f"""provider: oauth2, grant: client_credentials, issuer: "{url}", client_id: app, client_secret: s3cret-s3cret,
       endpoint: "{url}\""""
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  svc: {{{keys}}}
  "123": {{{keys}}}
  lent: {{token_of: svc, endpoint: "{url}/lent"}}
""")
        self.write("x_test.lua", f"""\
local test = require "jeton.test"
local http = require "jeton.http"
local token = require "jeton.token"
test("flow", function(t)
  local keys = {{ provider = "oauth2", grant = "client_credentials", issuer = "{url}", client_id = "app",
    client_secret = "of-the-tests", endpoint = "{url}" }}
  t:connector("svc", keys)
  t:cassette "flow"
  t:connector("123", keys)
  t:connector("lent", {{ token_of = "svc", endpoint = "{url}/lent" }})
  local one = assert(token.refresh "svc").access_token
  local two = assert(token.refresh "lent").access_token
  t:equal(one == two, false)
  t:equal(assert(http.request {{ connector = "lent", path = "list" }}):json().path, "/lent/list")
end)
""")
        for name in "svc", "123":
            self.ok("token", name)
        for _ in range(2):
            self.ok("test", "x_test.lua", "--record=all")
            self.assertIn('exchanged: ["svc", "123", "lent"]\n', self.cassette())
            self.ok("test")

    def test_each_of_two_recordings_has_its_exchange(self):
        url = f"http://127.0.0.1:{self.server.server_port}"
        keys = f"""provider: oauth2, grant: client_credentials, token_url: "{url}/token", client_id: app,
        client_secret: s3cret-s3cret, endpoint: "{url}\""""
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\nconnectors:\n  svc: {{{keys}}}\n")
        self.write("list.lua", 'assert(require "jeton.http".request { connector = true, path = "/list" })')
        for name in "x", "y":
            self.write(f"{name}_test.lua", f"""\
local test = require "jeton.test"
test("flow", function(t)
  t:cassette "flow"
  t:connector("svc", {{ provider = "oauth2", grant = "client_credentials", token_url = "{url}/token",
    client_id = "app", client_secret = "of-the-tests", endpoint = "{url}" }})
  t:equal(t:run("list.lua").status, 0)
end)
""")
        files = ("x_test.lua", "y_test.lua")
        self.server.wait = 0.5  # so long does the one have the lock that the other waits for
        self.server.lasting = True
        self.ok("test", "-j", "2", *files, "--record")
        self.assertEqual(self.server.count, 2)
        self.ok("test", *files)
        both = [self.start("test", name, "--record=all") for name in files]
        for process in both:
            self.assertEqual(process.wait(timeout=support.PATIENCE), 0)
        self.assertEqual(self.server.count, 4)
        self.ok("test", *files)

    def test_the_clock_is_that_of_the_recording(self):
        self.ok("test", "x_test.lua", "--record")
        self.write("x_test.flow.cassette.yaml", re.sub("recorded: .*", "recorded: 2026-03-29T01:30:00Z",
                                                       self.cassette()))
        self.file(wrong='error "see"')
        self.assertIn("at 1774747800", self.fails(1, "test").stdout)
        listed = self.ok("test", "--stale", "30d").stdout
        self.assertRegex(listed, r"^x_test.flow.cassette.yaml  recorded 2026-03-29, \d+ days ago\n$")
        self.assertEqual(self.ok("test", "--stale", "36500d").stdout, "")

    def test_what_differs_is_told(self):
        self.ok("test", "x_test.lua", "--record")
        self.file(('scope = "all"', 'scope = "some"'))
        out = self.fails(1, "test").stdout
        self.assertRegex(out, r"x_test.lua:6[^\n]*: no call of the cassette 'flow' is POST http://127.0.0.1:\d+/token")
        self.assertIn('scope: got "some", want "all"', out)
        self.file(('scope = "all"', 'scope = "some"'), more='match = { "method", "url" }')
        self.ok("test")
        self.file(("/list?page=1", "/list?page=2"))
        self.assertRegex(self.fails(1, "test").stdout, r"nearest: GET http://127.0.0.1:\d+/list\?page=1")
        self.file(wrong='http.get(url .. "/list?page=1", { headers = headers })')
        self.assertIn("call 2 of the cassette is this one, but it was used already", self.fails(1, "test").stdout)
        self.file(("local list", "do return end local list"))
        out = self.fails(1, "test").stdout
        self.assertRegex(out, r"x_test.lua:5: 1 call of the cassette 'flow' was not asked for\n +call 2: GET http://127.0.0.1:\d+/list")

    def test_more_than_can_be_read_again_is_not_written(self):
        for words, status in ((500000, 0), (800000, 1)):
            self.server.leak = "a word " * words
            done = self.jeton("test", "x_test.lua", "--record=all", "--timeout", f"{support.PATIENCE}s")
            self.assertEqual(done.returncode, status, done.stdout)
        self.assertIn("the cassette 'flow' would have more than 4 MiB", done.stdout)
        self.ok("test", "x_test.lua")

    def test_a_failed_test_writes_none(self):
        self.file(wrong='error "wrong"')
        self.fails(1, "test", "-k", "flow", "--record")
        self.assertIsNone(self.cassette())

    def test_a_secret_is_refused(self):
        for leak, said in (("AKIAIOSFODNN7EXAMPLE", "what looks like a key"),
                           ("aZ3kQ9xT1mB7nV5cL2pR8sW4yH6jD0fG", "what looks like a secret"),
                           ("-----BEGIN PRIVATE KEY-----", "a private key")):
            self.server.leak = leak
            out = self.fails(1, "test", "x_test.lua", "--record").stdout
            self.assertIn(f"x_test.lua:5: the cassette 'flow' would hold {said}, in line 21 (leak); nothing", out)
            self.assertNotIn(leak, out)
            self.assertIsNone(self.cassette())
        self.server.leak = "a word " * 100000
        self.file(wrong='http.get(url .. "/AKIAIOSFODNN7EXAMPLE", { headers = headers })')
        out = self.fails(1, "test", "x_test.lua", "--record").stdout  # for hours, when it looked at the long line often
        self.assertRegex(out, r"hold what looks like a key, in line \d+ \(request… after \".*http://127.0.0.1:\d+/\"\); nothing")
        self.file(wrong='http.get(url .. "/gh" .. "p_0123456789abcdefghij/AKIAIOSFODNN7EXAMPLE", { headers = headers })')
        out = self.fails(1, "test", "x_test.lua", "--record").stdout  # before it stands another one
        self.assertRegex(out, r"hold what looks like a key, in line \d+ \(request…\); nothing")
        self.server.leak = "aZ3kQ9xT1mB7nV5cL2pR8sW4yH6jD0fG"
        self.file(more='mask = { "leak" }')
        self.ok("test", "x_test.lua", "--record")
        self.assertIn("{{masked:1}}", self.cassette())
        self.ok("test")
        self.file(('"flow", { ', '"s3cret-s3cret", { '), more='mask = { "leak" }', wrong="""
  require "jeton.token".exchange { provider = "oauth2", token_url = url .. "/token", client_id = "app",
                                   grant = "client_credentials", client_secret = "s3cret-s3cret" }""")
        out = self.fails(1, "test", "x_test.lua", "--record").stdout
        self.assertIn("the name of the cassette '********' holds a secret of this run; nothing was written", out)
        self.assertFalse([name for name in os.listdir(self.folder) if "s3cret" in name])

    def test_a_snapshot_holds_nothing_that_the_cassette_masks(self):
        self.file(wrong="t:snapshot(list.headers['set-cookie'])")
        out = self.fails(1, "test", "x_test.lua", "--record", "--update").stdout
        self.assertIn("the snapshot 'flow / 1' would hold what the cassette masks, in line 1; nothing was written", out)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "x_test.snap")))

    def test_when_nothing_is_recorded(self):
        self.fails(2, "test", "--record", says="name the file")
        self.fails(2, "test", "--record", "x_test.lua", env={"CI": "1"}, says="CI is set")
        self.fails(2, "test", "--record=some", "x_test.lua", says="--record: expected nothing or 'all'")
        with open(os.path.join(self.folder, "x_test.lua"), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            out = self.fails(1, "test", "--record", "x_test.lua").stdout
            self.assertIn("another process is recording the cassettes of this file", out)
        self.assertEqual(self.server.count, 0)
        self.write("x_test.flow.cassette.yaml", "recorded: yesterday\n")
        self.assertIn("no cassette: 'recorded' and 'calls' expected", self.fails(1, "test").stdout)


load_tests = support.side_by_side


if __name__ == "__main__":
    unittest.main()
