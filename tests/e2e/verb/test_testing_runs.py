"""Scripts that tests run: t:run, t:connector, t:oauth. What is under test in them is real: tokens, retries, pacing,
masking."""

import os
import time
import unittest

import testing
from testing import API

SERVICE = f"""
local function service(t, options, keys, fake)
  local login = t:oauth("https://login.example.com", options)
  local api = t:fake("{API}", {{ login = login }}) {{ ["GET /invoices"] = fake or {{ json = {{ 1, 2 }} }} }}
  keys = keys or {{}}
  keys.endpoint = "{API}"
  t:connector("billing", login:connector(keys))
  return login, api
end
"""
INVOICES = """
local http, task, jeton = require "jeton.http", require "jeton.task", require "jeton"
local tasks = {}
for i = 1, jeton.args.tasks or 1 do tasks[i] = i end
task.map(tasks, function() assert(http.request { connector = "billing", path = "/invoices" }) end)
"""


class Runs(testing.Case):
    def test_what_a_run_is(self):
        self.write("script.lua", """
local jeton, log, state = require "jeton", require "jeton.log", require "jeton.state"
print("args", jeton.args[1], jeton.args.top, jeton.args.list and jeton.args.list[2], ...)
print(jeton.job and jeton.job.name, jeton.job and jeton.job.attempt, os.date "!%H:%M")
io.write("read ", io.read "a")
io.stderr:write("plain\\n")
log.warn("careful", { n = 1 })
state.set("cursor", (state.get "cursor" or 0) + 1)
if jeton.args.status then os.exit(jeton.args.status) end
if jeton.args.fail then error "on purpose" end
""")
        self.passes("""
test("its output, log and state", function(t)
  local run = t:run("script.lua", { args = { "a", top = 3, list = { 1, 2 } }, stdin = "line" })
  t:equal(run, {
    status = 0, stdout = "args\\ta\\t3\\t2\\ta\\nnil\\tnil\\t09:00\\nread line",
    stderr = "plain\\njeton: warning: careful n=1\\n",
    log = { { level = "warn", message = "careful n=1" } }, state = { cursor = 1 },
  })
  t:equal(t:run("script.lua").state, { cursor = 2 })
end)
test("its state is empty in the next test", function(t)
  t:equal(t:run("script.lua").state, { cursor = 1 })
end)
test("how it ends", function(t)
  t:equal(t:run("script.lua", { args = { status = 7 } }).status, 7)
  local run = t:run("script.lua", { args = { fail = true } })
  t:like(run, { status = 1, kind = "script", message = "^.*script.lua:10: on purpose$", state = {} })
  t:like(run.stderr, "^.*jeton: error: .*on purpose")
  t:like(t:run("missing.lua"), { status = 3, kind = "config" })
end)
test("a job", function(t)
  local run = t:run("script.lua", { job = { name = "poll", attempt = 2, args = { top = 9 } } })
  t:like(run, { status = 0, stdout = "^.*args\\tnil\\t9.*poll\\t2", state = { cursor = 1 } })
  t:equal(t:run("script.lua", { job = { name = "poll" } }).state, { cursor = 2 })
  t:equal(t:run("script.lua").state, { cursor = 1 })
end)
test("mistakes", function(t)
  t:fails(function() t:run("script.lua", { arg = {} }) end, "unknown option 'arg'; did you mean 'args'?")
  t:fails(function() t:run("script.lua", { job = { name = "x", tiemout = 1 } }) end, "tiemout")
  t:fails(function() t:connector("x", { provider = "oauth2", tokn_url = "y" }) end, "^.*t:connector: 'x': .*tokn_url")
  t:like(t:run("script.lua", { connector = "nobody" }), { status = 3, kind = "config" })
end)
""")

    def test_its_own_world(self):
        self.write("leaves.lua", "x = 1; string.rep = nil; package.loaded['jeton.http'] = 1")
        self.write("sleeps.lua", "require('jeton.task').sleep(3600); print(os.time())")
        self.write("asks.lua", f'assert(require "jeton.http".get("{API}/x"))')
        self.write("tests.lua", 'require "jeton.test"')
        self.write("computes.lua", "while true do end")
        began = time.monotonic()
        self.passes("""
test("leaves nothing behind", function(t)
  t:run "leaves.lua"
  t:equal({ x, string.rep("a", 2), http == require "jeton.http" }, { nil, "aa", true })
end)
test("has the test's clock", function(t)
  t:clock "2026-03-29"
  t:equal(t:run("sleeps.lua").stdout, "1774746000\\n")
  t:equal(t:elapsed(), 3600)
end)
test("ends at its deadline", function(t)
  t:like(t:run("sleeps.lua", { timeout = 60 }), { status = 8, kind = "deadline" })
  t:like(t:run("sleeps.lua", { job = { name = "x", timeout = "5m" } }), { status = 8, kind = "deadline" })
  t:equal(t:elapsed(), 360)
  t:like(t:run("computes.lua", { timeout = 0.2 }), { status = 8, kind = "deadline" })
  t:equal(t:elapsed(), 360)
end)
test("several at once", function(t)
  local runs = task.map({ 1, 2, 3 }, function() return t:run "sleeps.lua" end)
  t:equal({ #runs, runs[3].status, t:elapsed() }, { 3, 0, 3600 })
end)
test("in a route of another", function(t)
  t:fake("%s") { ["GET /x"] = function() return t:run("sleeps.lua").stdout end }
  t:equal(http.get("%s/x", { timeout = 3601 }).body, "1767607200\\n")
end)
test("is cancelled", function(t)
  local job = task.spawn(t.run, t, "sleeps.lua")
  task.sleep(10)
  job:cancel()
  t:fails(function() job:join() end, { kind = "cancelled" })
  t:equal(t:elapsed(), 10)
end)
test("has no tests", function(t)
  t:like(t:run("tests.lua"), { status = 1, stderr = "^.*is for test files" })
end)
""" % (API, API))
        self.assertLess(time.monotonic() - began, testing.support.PATIENCE)  # not the hours that passed
        failure = self.failure('test("x", function(t) t:run "asks.lua" end)')
        self.assertEqual(failure["message"], f"no route for GET {API}/x")
        self.assertEqual(failure["where"], "asks.lua:1")

    def test_its_environment_and_programs(self):
        self.write("env.lua", """
print(os.getenv "GREETING", os.getenv "HOME" ~= nil)
os.execute 'echo "of the shell: $GREETING"; echo problem >&2'
local pipe <close> = io.popen('cat; echo done', "w")
pipe:write "piped "
""")
        self.passes("""
test("of the run", function(t)
  local run = t:run("env.lua", { env = { GREETING = "it's me" } })
  t:equal(run.stdout, "it's me\\ttrue\\nof the shell: it's me\\npiped done\\n")
  t:equal(run.stderr, "problem\\n")
  t:equal(os.getenv "GREETING", nil)
end)
test("of the job", function(t)
  local job = { name = "x", environment = { GREETING = "hi" } }
  t:like(t:run("env.lua", { job = job }).stdout, "^hi\\ttrue")
  t:fails(function() t:run("env.lua", { env = { ["A-B"] = "x" } }) end, "^.*env must have texts")
end)
""")

    def test_what_tests_print_is_masked(self):
        self.passes(SERVICE + """
test("x", function(t)
  service(t)
  local token = require "jeton.token".get("billing").access_token
  print("out", token)
  io.stderr:write(token:sub(1, 15))
  io.stderr:write(token:sub(16), "\\n")
end)""")
        self.assertEqual(sorted(self.output.splitlines()), ["********", "out	********"])

    def test_what_is_watched(self):
        self.write("script.lua", 'require "part"')
        self.write("part.lua", 'require "jeton.http"')
        self.write("helper.lua", "")
        events = self.child('require "helper"\ntest("x", function(t) t:run "script.lua" t:run "script.lua" end)')
        folder = os.path.realpath(self.folder)
        self.assertEqual(events[-1]["loaded"], [f"{folder}/{name}.lua" for name in ("a_test", "helper", "part", "script")])

    def test_a_run_that_is_left(self):
        self.write("sleeps.lua", "require('jeton.task').sleep(3600)")
        failure = self.failure('test("x", function(t) task.spawn(t.run, t, "sleeps.lua") end)')
        self.assertIn("a task is still under way", failure["message"])

    def test_a_wait_of_fifteen_minutes(self):
        self.write("invoices.lua", INVOICES)
        results = self.results(SERVICE + """
test("is over at once", function(t)
  local _, api = service(t, {}, {}, { { status = 429, headers = { ["Retry-After"] = "900" } }, { json = {} } })
  t:equal(t:run("invoices.lua").status, 0)
  t:equal({ t:elapsed(), api:count() }, { 900, 2 })
end)""")
        self.assertEqual(results["is over at once"]["status"], "pass", self.report)
        self.assertLess(results["is over at once"]["ms"], 30_000)  # some 20 on a machine with nothing else to do

    def test_pacing(self):
        self.write("invoices.lua", INVOICES)
        self.passes(SERVICE + """
test("ten a minute", function(t)
  local _, api = service(t, {}, { rate_limit = { per_minute = 10 } })
  t:equal(t:run("invoices.lua", { args = { tasks = 25 } }).status, 0)
  t:equal(api:count(), 25)
  t:like(t:elapsed(), function(seconds) return seconds >= 119 and seconds <= 125 end)
end)""")

    def test_tokens(self):
        self.write("invoices.lua", INVOICES)
        self.passes(SERVICE + """
test("renewed once, however many tasks ask", function(t)
  local login = service(t, { rotate = true, client_id = "app-of-test", client_secret = "s3cret-s3cret" })
  t:equal(t:run("invoices.lua", { args = { tasks = 30 } }).status, 0)
  t:equal(login:count "refresh", 1)
  t:equal(t:run("invoices.lua").status, 0)
  t:equal(login:count "refresh", 1)
  t:advance "61m"
  t:equal(t:run("invoices.lua").status, 0)
  t:equal({ login:count "refresh", login:count() }, { 2, 2 })
end)
test("and however many runs", function(t)
  local login = service(t, { rotate = true })
  for _, run in ipairs(task.map({ 1, 2, 3 }, function() return t:run "invoices.lua" end)) do
    t:equal(run.status, 0)
  end
  t:equal(login:count "refresh", 1)
end)
test("a token that ended early is renewed after its 401", function(t)
  local login, api = service(t)
  t:run "invoices.lua"
  login:expire()
  t:advance "5m"
  t:equal(t:run("invoices.lua").status, 0)
  t:equal({ login:count "refresh", api:count() }, { 2, 3 })
end)
test("the test itself has the connectors", function(t)
  local login = service(t)
  t:equal(http.request { connector = "billing", path = "/invoices" }:json(), { 1, 2 })
  t:equal(t:run("invoices.lua").status, 0)
  t:equal(login:count "refresh", 1)
end)
test("client credentials", function(t)
  local login = service(t, { client_id = "app-of-test", client_secret = "s3cret-s3cret" },
    { grant = "client_credentials" })
  t:equal(t:run("invoices.lua").status, 0)
  t:equal({ login:count "client_credentials", login:count "refresh" }, { 1, 0 })
end)
test("a wrong secret", function(t)
  service(t, { client_secret = "right-right" }, { client_secret = "wrong-wrong" })
  t:like(t:run("invoices.lua"), { status = 4, kind = "auth", message = "^.*invalid_client" })
end)
test("a dead refresh token is not tried again", function(t)
  local login = service(t, { dead = true })
  t:like(t:run("invoices.lua"), { kind = "auth", message = "^.*sign in again" })
  t:like(t:run("invoices.lua"), { kind = "auth", message = "^.*needs a person" })
  t:equal(login:count(), 1)
end)
test("a lost reply heals within the grace", function(t)
  local login = service(t, { rotate = true, grace = 30 })
  login:lose()
  t:equal(t:run("invoices.lua").status, 0)
  t:equal(login:count "refresh", 2)
end)
test("and not without one", function(t)
  local login = service(t, { rotate = true, revokes = true })
  login:lose()
  t:like(t:run("invoices.lua"), { kind = "auth", message = "^.*reply" })
end)
test("a service that is down", function(t)
  local login = service(t)
  login:once(503)
  t:equal(t:run("invoices.lua").status, 0)
  t:equal(login:count(), 2)
end)
test("discovery", function(t)
  local login = t:oauth "https://login.example.com"
  t:fake("%s", { login = login }) { ["GET /invoices"] = 200 }
  local keys = login:connector { endpoint = "%s", issuer = login.url }
  keys.token_url = nil
  t:connector("billing", keys)
  t:equal(t:run("invoices.lua").status, 0)
end)
test("mistakes", function(t)
  t:fails(function() t:oauth("https://x.example", { rotates = true }) end, "did you mean 'rotate'?")
  t:fails(function() t:oauth("https://x.example", { lifetime = "1h" }) end, "lifetime must be a number")
end)
""" % (API, API))

    def test_a_secret_in_what_a_script_prints(self):
        self.write("leak.lua", """
print "harmless"
local token = require "jeton.token".get("billing").access_token
io[require "jeton".args.to or "stdout"]:write(token:sub(1, 20), token:sub(21), "\\n")
""")
        failure = self.failure(SERVICE + 'test("x", function(t) service(t) t:run "leak.lua" end)')
        self.assertEqual(failure["message"], "a secret stands in line 2 of what leak.lua wrote to standard output")
        failure = self.failure(SERVICE + """
test("x", function(t) service(t) t:run("leak.lua", { args = { to = "stderr" } }) end)""")
        self.assertEqual(failure["message"], "a secret stands in line 1 of what leak.lua wrote to standard error")
        self.assertNotIn("access-", self.report)


if __name__ == "__main__":
    unittest.main()
