"""Limits of calls a minute: all processes on one state keep to them together, so that the service need not."""

import glob
import sqlite3
import time
import unittest

import support

# Calls until there is none left before the deadline; prints how many there were.
SCRIPT = """
local http, calls = require "jeton.http", 0
while true do
  local response, err = http.request{ connector = true, path = "users/me" }
  if not response then
    assert(err.kind == "throttled", err.message)
    break
  end
  calls = calls + 1
end
print(calls)
"""

# Once all have made a call: so many tasks call until there is none left.
TASKS = """
local http, task = require "jeton.http", require "jeton.task"
local folder, name, tasks = ...
local calls = 0
local function call()
  local response, err = http.request{ connector = true, path = "users/me" }
  assert(response or err.kind == "throttled", err and err.message)
  if response then calls = calls + 1 end
  return response
end
call()
io.open(folder .. "/ready-" .. name, "w"):close()
while not io.open(folder .. "/go") do task.sleep(0.01) end
local numbers = {}
for i = 1, tonumber(tasks) do numbers[i] = i end
task.map(numbers, function() while call() do end end, { limit = #numbers })
print(calls)
"""


class Limits(support.Case):
    def setUp(self):
        super().setUp()
        self.script = self.write("calls.lua", SCRIPT)

    def start_calls(self):
        return self.start("run", "--timeout", "20s", self.script)

    def kept(self):
        """Of each bucket, the calls that count."""
        with sqlite3.connect(f"{self.state}/jeton.db") as database:
            rows = database.execute("SELECT key, slots FROM bucket").fetchall()
        return {key.split()[0]: sum(int(slot.split(":")[1]) for slot in slots.split()) for key, slots in rows}

    def test_eight_processes_use_all_of_it_and_get_no_429(self):
        box = self.sandbox("--rate-limit", "200,150")
        self.configure(box.base, rate_limit={"per_minute": 200, "tenant": "contoso", "tenant_per_minute": 150})
        processes = [self.start_calls() for _ in range(8)]
        calls = [int(out) for out in self.finish_all(processes)]
        statuses = [r["status"] for r in box.requests("/users/me")]
        self.assertEqual(sum(calls), 150, calls)
        self.assertEqual(statuses, [200] * 150)
        self.assertEqual(box.exchanges(), 1)
        self.assertEqual(self.kept(), {"connector": 150, "tenant": 150})

    def test_who_has_many_tasks_leaves_the_others_their_part(self):
        box = self.sandbox("--rate-limit", "0")
        self.configure(box.base, rate_limit={"per_minute": 800, "tenant_per_minute": 0})
        script = self.write("tasks.lua", TASKS)
        processes = [self.start("run", "--timeout", "30s", script, self.folder, str(n), "50" if n == 0 else "2") for n in range(8)]
        support.wait_until(lambda: len(glob.glob(f"{self.folder}/ready-*")) == 8)
        self.write("go", "")
        calls = [int(out) for out in self.finish_all(processes)]
        self.assertEqual(sum(calls), 800, calls)
        self.assertGreater(min(calls), 50, calls)
        self.assertLess(max(calls), 300, calls)  # of the 800, where they are not fair nearly 500

    def test_who_is_killed_holds_nothing_up(self):
        box = self.sandbox("--rate-limit", "0")
        self.configure(box.base, rate_limit={"per_minute": 1000000, "tenant_per_minute": 0})
        process = self.start_calls()
        support.wait_until(lambda: len(box.requests("/users/me")) > 20)
        process.kill()
        process.wait()
        self.configure(box.base, rate_limit={"per_minute": 20, "tenant_per_minute": 0})
        began = time.monotonic()
        self.assertEqual(self.ok("run", "--timeout", "50s", self.script).stdout, "0\n")
        self.assertLess(time.monotonic() - began, 40)  # no wait is begun that would be in vain
        later = self.faketime("+62")
        self.assertEqual(self.ok("run", "--timeout", "20s", self.script, env=later).stdout, "20\n")

    def test_one_call_gives_back_what_it_does_not_need(self):
        box = self.sandbox("--rate-limit", "0")
        self.configure(box.base, rate_limit={"per_minute": 3, "tenant_per_minute": 0})
        for count in (1, 2, 3):
            self.ok("api", "users/me")
            self.assertEqual(self.kept(), {"connector": count})


if __name__ == "__main__":
    unittest.main()
