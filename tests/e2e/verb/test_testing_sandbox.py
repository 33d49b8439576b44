"""t:sandbox: a Kaizala in a process of its own, which goes by the test's clock."""

import json
import os
import signal
import subprocess
import unittest

import support
import testing

POST = """
local kz = require "kaizala".connect()
local group = kz:groups():all()[1]
group:send_message(require "jeton".args[1] or "Hello")
print(os.date "!%H:%M:%S")
"""
FAULT = """
{ match = { method = "POST", path = "*/messages" }, times = 1, status = 429, headers = { ["Retry-After"] = "900" } }
"""


def sandboxes_of(pid):
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", "sandbox --listen"], capture_output=True, text=True,
                           check=False)
    return [int(pid) for pid in found.stdout.split()]


def is_alive(pid):
    return os.path.exists(f"/proc/{pid}")


class TestSandbox(testing.Case):
    def test_no_process_but_a_sandbox_of_the_test_is_ended(self):
        other = subprocess.Popen(["sleep", "60"])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.passes(f"""
test("what is not its own", function(t)
  local finish = require "jeton.test_native".end_sandbox
  for _, pid in ipairs {{ {other.pid}, 1, 0, -1 }} do
    t:fails(function() finish(pid) end, "a sandbox of this test expected")
  end
end)
""")
        self.assertIsNone(other.poll())

    def test_a_script_against_it(self):
        self.write("post.lua", POST)
        self.write("seed.yaml", support.SEED)
        self.passes("""
test("what was asked, and posted", function(t)
  local kz = t:sandbox()
  t:equal(t:run("post.lua", { args = { "Good morning" } }), {
    status = 0, stdout = "09:00:00\\n", stderr = "", log = {}, state = {} })
  t:like(kz:messages(), { { text = "Good morning" } })
  t:equal(#kz:requests "/v1/accessToken", 1)
  t:equal(kz:requests "*/messages"[1].method, "POST")
  t:equal(kz:groups():all()[1].name, "Sales")
end)
test("is reset for the next test", function(t)
  local kz = t:sandbox()
  t:equal({ #kz:requests(), #kz:messages() }, { 0, 0 })
end)
test("waits as long as it says, by the clock of both", function(t)
  local kz = t:sandbox { faults = { %s } }
  t:clock "2026-03-29T01:30:00+01:00"
  t:equal(t:run("post.lua").stdout, "00:45:00\\n")
  t:equal(t:elapsed(), 900)
  t:equal(kz:steer("GET", "clock").at, "2026-03-29T00:45:01Z")
  t:equal(#kz:requests "*/messages", 2)
end)
test("tokens end there too", function(t)
  local kz = t:sandbox()
  t:equal(t:run("post.lua").status, 0)
  t:advance "400d"
  t:equal(t:run("post.lua").status, 0)
  t:equal(#kz:requests "/v1/accessToken", 2)
end)
test("its call limits go by the clock", function(t)
  local kz = t:sandbox { rate_limit = 5 }
  local group = kz:groups():all()[1]
  for i = 1, 12 do group:send_message(tostring(i)) end
  t:equal(#kz:messages(), 12)
  t:like(t:elapsed(), function(seconds) return seconds >= 120 and seconds <= 200 end)
end)
test("a tenant of one's own", function(t)
  local kz = t:sandbox { seed = "seed.yaml" }
  t:equal(#kz:groups():all(), 1)
  t:fails(function() t:sandbox() end, "^.*this test has one already")
end)
test("mistakes", function(t)
  t:fails(function() t:sandbox { fault = {} } end, "^.*did you mean 'faults'")
  t:fails(function() t:sandbox { seed = "missing.yaml" } end, "^.*the sandbox did not start: .*missing.yaml: No such file")
  t:fails(function() t:sandbox { faults = { { status = "x" } } } end, "^.*the sandbox refused 'faults'")
end)
""" % FAULT)

    def test_it_ends_with_the_tests(self):
        self.passes("""
test("x", function(t)
  t:sandbox()
  io.stderr:write(io.popen "pgrep -P $PPID -f '[s]andbox --listen'":read "a")
end)""")
        self.assertFalse(is_alive(int(self.output)))

    def test_it_is_closed_where_a_test_has_none(self):
        failure = self.results("""
local url
test("opens one", function(t) url = t:sandbox().url end)
test("has none", function(t) http.get(url .. "/_sandbox/state") end)
""")["has none"]["failure"]
        self.assertIn("no route for GET http://127.0.0.1", failure["message"])

    def test_it_ends_with_a_process_that_is_killed(self):
        self.write("a_test.lua", testing.HEAD + """
test("x", function(t)
  t:sandbox()
  io.stderr:write("ready\\n")
  while true do end
end)""")
        os.makedirs(self.folder + "/tmp", exist_ok=True)
        child = subprocess.Popen(
            [support.JETON, "test", "--child", json.dumps({"file": "a_test.lua", "seed": 1})], cwd=self.folder,
            env={**self.env, "JETON_TEST_FOLDER": self.folder + "/tmp"}, pass_fds=(), preexec_fn=lambda: os.dup2(1, 3),
            close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.assertEqual(child.stderr.readline(), b"ready\n")
        (sandbox,) = sandboxes_of(child.pid)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stderr.close()
        support.wait_until(lambda: not is_alive(sandbox))


if __name__ == "__main__":
    unittest.main()
