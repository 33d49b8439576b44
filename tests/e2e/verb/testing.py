"""What the tests of `jeton test`'s child process share: files with tests in them, and what was reported of each."""

import json
import os
import shutil
import subprocess

import support

HEAD = 'local test, http, task = require "jeton.test", require "jeton.http", require "jeton.task"\n'
API = "https://api.example.com"


class Case(support.Case):
    def child(self, text, env=None, **options):
        """Runs a file with this text below HEAD; what was reported."""
        self.write("a_test.lua", HEAD + text)
        temporary = os.path.join(self.folder, "tmp")
        os.makedirs(temporary, mode=0o700, exist_ok=True)
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" 3>report', "sh", support.JETON, "test", "--child",
             json.dumps({"file": "a_test.lua", "seed": 7, **options})],
            cwd=self.folder, env={**self.env, "TZ": "UTC", "JETON_TEST_FOLDER": temporary, **(env or {})},
            capture_output=True, text=True, timeout=support.PATIENCE, check=False)
        shutil.rmtree(temporary)
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
        self.assertEqual(self.status, 0, self.output + self.report)

    def failure(self, text, **options):
        """Of the only test."""
        (result,) = self.results(text, **options).values()
        self.assertEqual(result["status"], "fail", result)
        return result["failure"]
