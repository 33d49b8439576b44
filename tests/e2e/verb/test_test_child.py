"""The process that runs the tests of one file, `jeton test --child JSON`: what becomes of each test, and what is
said of one that fails."""

import json
import os
import subprocess
import unittest

import support

HEAD = 'local test = require "jeton.test"\nlocal task = require "jeton.task"\n'


class Child(support.Case):
    def child(self, text, env=None, **options):
        """Runs a file with this text below HEAD; what was reported."""
        self.write("a_test.lua", HEAD + text)
        temporary = os.path.join(self.folder, "tmp")
        os.makedirs(temporary, mode=0o700, exist_ok=True)
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" 3>report', "sh", support.JETON, "test", "--child",
             json.dumps({"file": "a_test.lua", "seed": 7, **options})],
            cwd=self.folder, env={**self.env, "TZ": "UTC", "JETON_TEST_FOLDER": temporary, **(env or {})},
            capture_output=True, text=True, timeout=60, check=False)
        self.output = done.stdout + done.stderr
        self.status = done.returncode
        with open(os.path.join(self.folder, "report"), encoding="utf-8") as report:
            self.report = report.read()
        return [json.loads(line) for line in self.report.splitlines()]

    def results(self, text, **options):
        """The results by the tests' names."""
        events = self.child(text, **options)
        self.assertEqual(events[-1]["event"], "end", self.output)
        return {event["test"]: event for event in events if event["event"] == "result"}

    def passes(self, text, **options):
        for name, result in self.results(text, **options).items():
            self.assertEqual(result["status"], "pass", f"{name}: {result} {self.output}")
        self.assertEqual(self.status, 0, self.output)

    def failure(self, text, **options):
        """Of the only test."""
        (result,) = self.results(text, **options).values()
        self.assertEqual(result["status"], "fail", result)
        return result["failure"]

    def test_each_test_has_its_result(self):
        results = self.results("""
test("passes", function(t) t:log("unseen") end)
test("fails", function(t)
  t:log("hello", 1)
  error("no \\xff")
end)
test.skip("later", function() end)
test("goes on", function() end)
""")
        self.assertEqual({name: result["status"] for name, result in results.items()},
                         {"passes": "pass", "fails": "fail", "later": "skip", "goes on": "pass"})
        self.assertEqual(results["fails"]["failure"], {
            "message": "no \\xff", "where": "a_test.lua:7", "log": ["hello 1"],
            "rerun": "jeton test a_test.lua -k 'fails'"})
        self.assertEqual(results["goes on"]["line"], 10)
        self.assertEqual(self.status, 0)

    def test_some_tests_are_chosen(self):
        text = "".join(f'test("{name}", function() end)\n' for name in ("one", "two", "three", "four", "five"))
        self.assertEqual(list(self.results(text, filter="o")), ["one", "two", "four"])
        self.assertEqual(list(self.results(text, names=["five", "two"])), ["two", "five"])
        shuffled = list(self.results(text, shuffle=True))
        self.assertEqual(list(self.results(text, shuffle=True)), shuffled)
        self.assertEqual(sorted(shuffled), ["five", "four", "one", "three", "two"])
        events = self.child(text, list=True)
        self.assertEqual([event["event"] for event in events], ["plan", "end"])
        self.assertEqual([each["name"] for each in events[0]["tests"]], ["one", "two", "three", "four", "five"])

    def test_only(self):
        text = 'test("a", function() end)\ntest.only("b", function() end)\n'
        self.assertEqual([r["status"] for r in self.results(text).values()], ["skip", "pass"])
        self.assertEqual([r["status"] for r in self.results(text, env={"CI": "1"}).values()], ["pass", "fail"])

    def test_a_file_that_cannot_be_run(self):
        for text, message, where in (("x =", "unexpected symbol near <eof>", "a_test.lua:4"),
                                     ('error "ouch"', "ouch", "a_test.lua:3"),
                                     ('test("x", 1)', "test: a function expected after the name", "a_test.lua:3")):
            events = self.child(text + "\n")
            self.assertEqual([event["event"] for event in events], ["broken", "end"])
            self.assertEqual((events[0]["message"], events[0].get("where")), (message, where))
            self.assertEqual(self.status, 3)

    def test_its_own_folder_and_what_is_done_at_the_end(self):
        self.passes("""
local order = {}
test("one", function(t)
  t:defer(function() order[#order + 1] = "first" end)
  t:defer(function() task.sleep(0.001) order[#order + 1] = "last" end)
  assert(io.open("left.txt", "w")):close()
end)
test("two", function(t)
  assert(table.concat(order, " ") == "last first")
  assert(not io.open("left.txt"))
end)
""")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "left.txt")))

    def test_tasks_that_are_left(self):
        failure = self.failure('test("x", function() task.spawn(task.sleep, 1000) end)')
        self.assertIn("a task is still under way at the end of the test", failure["message"])
        failure = self.failure("""
test("x", function()
  task.spawn(function() error("alone") end)
  task.sleep(0.01)
end)""")
        self.assertIn("alone", failure["message"])

    def test_jeton_test_elsewhere(self):
        self.write("a.lua", 'require "jeton.test"')
        self.fails(1, "run", "a.lua", says="jeton.test is for the files that `jeton test` runs")


if __name__ == "__main__":
    unittest.main()
