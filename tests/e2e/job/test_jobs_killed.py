"""`kill -9` at random moments in jobs that advance a cursor by one for each message that they post."""

import collections
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

import support
from jobs import JobCase

JOBS = ("a", "b", "c", "d")
KILLS = 2000 if support.SOAK else 40 if support.SANITIZED else 200
MORE = 5  # times as many, where a slow machine kills most runs before they post
SEED = int(os.environ.get("JETON_KILL_SEED", "0")) or random.randrange(1 << 32)

SCRIPT = f"""
local jeton, state = require "jeton", require "jeton.state"
local group = require "kaizala".connect():group "{support.GROUP}"
while not io.open "enough" do
  local next = (state.get "cursor" or 0) + 1
  group:send_message(("%s %d %s"):format(jeton.job.name, next, jeton.job.run))
  state.set("cursor", next)
  state.commit()
end
"""


class Killed(JobCase):
    kills = KILLS

    def start_and_kill(self, name, longest, chance):
        """One run, killed at a random moment: it, its script's process, or both."""
        process = subprocess.Popen([support.JETON, "run", "--job", name], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env, cwd=self.folder)
        try:
            time.sleep(chance.uniform(0, longest))
            if chance.random() < 0.3:
                for child in self.children(process.pid):
                    os.kill(child, signal.SIGKILL)
            process.kill()
            return process.communicate(timeout=60)[1].decode()
        finally:
            support.end_process(process)

    @staticmethod
    def children(pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
                return [int(child) for child in file.read().split()]
        except FileNotFoundError:
            return []

    def kill_many(self, name, count, chance):
        """Within a time that suits the machine: most runs get to post, and few post much."""
        longest, cursor, kills = 0.15, 0, 0
        while kills < count or (cursor <= count // 3 and kills < MORE * count):
            self.said[name] += self.start_and_kill(name, longest, chance)
            before, cursor = cursor, self.cursor(name)
            longest *= 1.3 if cursor == before else 0.9 if cursor > before + 3 else 1
            kills += 1

    def cursor(self, name):
        rows = self.query("SELECT value FROM kv WHERE scope LIKE ?", f"job:{name}:%")
        return int(rows[0]["value"]) if rows else 0

    def posted(self):
        """For each job the (number, run) of its messages, in their order."""
        found = collections.defaultdict(list)
        db = sqlite3.connect(self.path("sandbox.db"))
        try:
            for (text,) in db.execute("SELECT text FROM messages ORDER BY number"):
                name, number, run = text.split()
                found[name].append((int(number), run))
        finally:
            db.close()
        return found

    def check_messages(self, name, messages, rows):
        """All numbers from 1 on, and again only what a killed run posted last."""
        first = []
        for number, _ in messages:
            if number not in first:
                first.append(number)
        self.assertEqual(first, list(range(1, len(first) + 1)))
        by_run = collections.OrderedDict()
        for number, run in messages:
            by_run.setdefault(run, []).append(number)
        ends = {row["run"]: row for row in rows}
        reached = 0
        for run, numbers in by_run.items():
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
            self.assertIn(numbers[0], (reached, reached + 1), f"{name} {run}: from {numbers[0]} after {reached}")
            if numbers[0] == reached:  # again: by the run before, which was killed before it could commit
                self.assertNotEqual(ends[before]["exit"], 0)
            reached, before = numbers[-1], run
        return reached

    def test_every_message_is_posted(self):
        sandbox = self.sandbox("--rate-limit", "0", "--db", self.path("sandbox.db"))
        with open(self.configure(sandbox.base), encoding="utf-8") as file:
            text = file.read()
        self.write("job.lua", SCRIPT)
        self.write("jeton.yaml", text + "jobs:\n" + "".join(f"  {name}: {{ script: job.lua, overlap: wait }}\n" for name in JOBS))
        self.ok("token", "contoso")
        self.said = {name: "" for name in JOBS}
        threads = [threading.Thread(target=self.kill_many, args=(name, self.kills // len(JOBS), random.Random(SEED + i)))
                   for i, name in enumerate(JOBS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        self.write("enough", "")
        for name in JOBS:
            self.said[name] += self.run_job(name=name).stderr  # no lock stays
        sandbox.stop()
        posted = self.posted()
        for name in JOBS:
            with self.subTest(job=name, seed=SEED):
                rows = [row for row in self.rows() if row["job"] == name]
                reached = self.check_messages(name, posted[name], rows)
                self.assertIn(self.cursor(name), (reached, reached - 1))
                self.assertGreater(reached, self.kills // len(JOBS) // 3)
                self.check_rows(rows, self.said[name])
        self.check_state()

    def check_state(self):
        self.assertEqual(self.query("PRAGMA integrity_check"), [{"integrity_check": "ok"}])

    def check_rows(self, rows, said):
        """Killed with its supervisor: interrupted, and that is said. Killed alone: ended by a signal."""
        self.assertEqual((rows[-1]["exit"], rows[-1]["cause"]), (0, None))
        causes = collections.Counter(row["cause"] for row in rows[:-1])
        self.assertEqual(set(causes) - {"interrupted", "signal"}, set())
        self.assertGreater(causes["interrupted"], len(rows) // 4)
        for row in rows:
            self.assertEqual(row["exit"], {"interrupted": None, "signal": 137, None: 0}[row["cause"]])
            self.assertEqual(f"run {row['run']} of " in said, row["cause"] == "interrupted", row["run"])


if __name__ == "__main__":
    unittest.main()
