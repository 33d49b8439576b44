"""The process that runs the tests of one file, `jeton test --child JSON`: what becomes of each test, and what is
said of one that fails."""

import os
import socket
import time
import unittest

import testing
from testing import API


class Child(testing.Case):
    def test_each_test_has_its_result(self):
        results = self.results("""
test("passes", function(t) t:log("unseen") print("unseen") end)
test("fails", function(t)
  t:log("hello", 1) print("and", nil)
  error("no \\xff")
end)
test.skip("later", function() end)
test("goes on", function() end)
""")
        self.assertEqual({name: result["status"] for name, result in results.items()},
                         {"passes": "pass", "fails": "fail", "later": "skip", "goes on": "pass"})
        self.assertEqual(results["fails"]["failure"], {
            "message": "no \\xff", "where": "a_test.lua:6", "log": ["hello 1", "and\tnil"],
            "rerun": "jeton test a_test.lua -k 'fails'"})
        self.assertEqual(results["goes on"]["line"], 9)
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
        for text, message, where in (("x =", "unexpected symbol near <eof>", "a_test.lua:3"),
                                     ('error "ouch"', "ouch", "a_test.lua:2"),
                                     ('test("x", 1)', "test: a function expected after the name", "a_test.lua:2")):
            events = self.child(text + "\n")
            self.assertEqual([event["event"] for event in events], ["broken", "end"])
            self.assertEqual((events[0]["message"], events[0].get("where")), (message, where))
            self.assertEqual(self.status, 3)

    def test_memory_that_runs_out_is_a_failure(self):
        fill = 'local function fill() return ("x"):rep((1 << 31) - 1) end\n'
        results = self.results(fill + """
test("body", function() fill() end)
test("defer", function(t) t:defer(fill) end)
test("task", function() require "jeton.task".spawn(fill) end)
test("fake", function(t)
  t:fake "http://a.example" { ["GET /"] = function() fill() end }
  require "jeton.http".get "http://a.example/"
end)
""")
        for name, result in results.items():
            self.assertEqual((result["status"], result.get("failure", {}).get("message")),
                             ("fail", "not enough memory"), name)
        events = self.child(fill + 'test("x", function() end)\nfill()\n')
        self.assertEqual([(event["event"], event.get("message")) for event in events],
                         [("broken", "not enough memory"), ("end", None)])

    def test_a_table_that_is_raised(self):
        failure = self.failure('test("x", function() error { code = 5, "why" } end)')
        self.assertEqual((failure["where"], failure["message"]), ("a_test.lua:2", '{ "why", code = 5 }'))

    def test_none_is_added_by_another(self):
        failure = self.failure('test("x", function() test("y", error) end)')
        self.assertEqual((failure["where"], failure["message"]),
                         ("a_test.lua:2", "test: inside of another test it would not be run; put it beside that one"))

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

    def test_what_is_random_follows_from_the_seed(self):
        text = """
local crypto = require "jeton.crypto"
test("a", function() error(crypto.hex(crypto.random(8)) .. crypto.uuid() .. math.random(1 << 60)) end)
test("b", function() error(crypto.uuid()) end)
"""
        first = {name: result["failure"]["message"] for name, result in self.results(text).items()}
        self.assertNotIn(first["b"], first["a"])
        alone = self.results(text, names=["b"])
        self.assertEqual(alone["b"]["failure"]["message"], first["b"])
        self.assertEqual(self.results(text)["a"]["failure"]["message"], first["a"])
        self.assertNotEqual(self.results(text, seed=8)["b"]["failure"]["message"], first["b"])

    def test_the_clock(self):
        began = time.monotonic()
        self.passes("""
test("begins on a Monday", function(t)
  t:equal(os.date "!%a %Y-%m-%dT%H:%M:%S", "Mon 2026-01-05T09:00:00")
  t:equal(t:clock(), 1767603600)
  t:equal(t:elapsed(), 0)
end)
test("is set, and no time passes by that", function(t)
  t:equal(t:clock "2026-03-29T01:30:00+01:00", 1774744200)
  t:equal(os.date "!%H:%M", "00:30")
  t:equal(t:clock "2024-02-29", 1709164800)
  t:equal(t:clock(1709164800.5), 1709164800)
  t:equal(t:elapsed(), 0)
  t:equal(t:clock "2000-02-29 23:59:59.9Z", 951868799)
  t:equal(t:clock "2026-12-31T00:15-0030", 1798677900)
  for _, none in ipairs { "yesterday", "2026-13-45", "2026-00-01", "2026-01-00", "2026-02-29", "2100-02-29",
    "2026-04-31", "2026-02-31T99:99:99Z", "2026-03-01T24:00:00Z", "2026-03-01T01:60", "2026-03-01T01:30:60",
    "2026-03-01T01:30:5", "2026-03-01T01:30:", "2026-03-01T01:305", "2026-03-01T", "2026-03-01T01:30+24:00",
    "2026-03-01T01:30+01:60", "2026-03-01T01:30 CET" } do
    t:fails(function() t:clock(none) end, "a time expected")
  end
end)
test("jumps, timer by timer, while all tasks wait", function(t)
  local order = {}
  local function note_after(seconds)
    return task.spawn(function()
      task.sleep(seconds)
      order[#order + 1] = ("%d at %d"):format(seconds, t:elapsed())
    end)
  end
  local tasks = { note_after(3600), note_after(60), note_after(1800) }
  t:advance "45m"
  t:equal(order, { "60 at 60", "1800 at 1800" })
  tasks[1]:join()
  t:equal(t:elapsed(), 3600)
  t:equal(os.time(), t:clock())
end)
test("something comes true", function(t)
  local done
  task.spawn(function() task.sleep(50) done = "yes" end)
  t:equal(t:eventually(function() return done end), "yes")
end)
test("durations", function(t)
  t:advance "1h30m"
  t:advance(0.5)
  t:equal(t:elapsed(), 5400)
  for _, bad in ipairs { "", "5", "5 m", "m5", -1, "1y" } do
    t:fails(function() t:advance(bad) end, "a duration expected")
  end
end)
""")
        self.assertLess(time.monotonic() - began, testing.support.PATIENCE)  # not the hours that passed
        failure = self.failure('test("x", function(t) t:eventually(function() return false end, "10s") end)')
        self.assertEqual(failure["message"], "it did not come true within 10s")

    def test_fakes(self):
        self.passes(f"""
local function get(path, options) return http.get("{API}" .. path, options) end
test("routes: in turn, the last one stays; what says more is meant", function(t)
  local api = t:fake "{API}" {{
    ["GET /invoices"] = {{ json = {{ next = "/invoices?page=2" }} }},
    ["GET /invoices?page=2"] = {{ {{ status = 401 }}, {{ json = {{ items = {{}} }} }} }},
    ["GET /invoices/*"] = "any",
    ["GET /invoices/7"] = {{ body = "seven", headers = {{ ["X-Of"] = {{ "a", "b" }} }} }},
    ["DELETE /invoices/7"] = 204,
  }}
  t:equal(get("/invoices"):json().next, "/invoices?page=2")
  t:equal(get("/invoices?page=3"):json().next, "/invoices?page=2")
  for _, status in ipairs {{ 401, 200, 200 }} do
    t:equal(get("/invoices", {{ query = {{ page = 2, all = "yes" }} }}).status, status)
  end
  t:equal(get("/invoices/8/lines").body, "any")
  local seven = get "/invoices/7"
  t:equal(seven.body, "seven")
  t:equal(seven.headers["x-of"], "a, b")
  t:equal(seven.headers.date, "Mon, 05 Jan 2026 09:00:00 GMT")
  t:equal(http.request {{ method = "DELETE", url = "{API}/invoices/7" }}.status, 204)
  t:equal(api:count(), 8)
  t:equal(api:count "GET /invoices?page=2", 3)
  t:fails(function() api:requests "GET /invoice" end, "did you mean 'GET /invoices'")
end)
test("functions, and what was asked", function(t)
  local api = t:fake "{API}/v2/" {{
    ["POST /notes"] = function(request)
      task.sleep(1)
      return {{ status = 201, json = request:json() }}
    end,
    ["POST /form"] = function(request) return request:form().a end,
  }}
  local reply = http.post("{API}/v2/notes", {{ json = {{ invoice = 1 }}, headers = {{ ["Idempotency-Key"] = "k" }} }})
  t:equal(reply:json(), {{ invoice = 1 }})
  t:like(api:requests "POST /notes", {{ {{ json = {{ invoice = 1 }}, headers = {{ ["idempotency-key"] = "k" }} }} }})
  t:equal(http.post("{API}/v2/form", {{ form = {{ a = "x y" }} }}).body, "x y")
  t:equal(api:requests "POST /form"[1].form, {{ a = "x y" }})
end)
test("files", function(t)
  assert(io.open("up", "w")):write("content"):close()
  local api = t:fake "{API}" {{ ["PUT /f"] = 200, ["POST /m"] = 200, ["GET /f"] = "saved" }}
  http.request {{ method = "PUT", url = "{API}/f", body_file = "up" }}
  t:equal(api:requests "PUT /f"[1].body, "content")
  assert(get("/f", {{ save_to = "down" }}))
  local down <close> = io.open "down"
  t:equal(down:read "a", "saved")
end)
test("paths are compared without their escapes, and HEAD has no body", function(t)
  local api = t:fake "{API}" {{ ["GET /a b@1"] = "x", ["HEAD /h"] = "body" }}
  t:equal(get("/a%20b%401").body, "x")
  t:equal(api:requests "GET /a b@1"[1].path, "/a b@1")
  t:equal(http.request {{ method = "HEAD", url = "{API}/h" }}.body, "")
end)
test("no more than is asked for", function(t)
  t:fake "{API}" {{ ["GET /long"] = ("x"):rep(3000000) }}
  t:equal(#get("/long").body, 3000000)
  t:like(select(2, get("/long", {{ max_body = 10 }})), {{ kind = "network", message = "the reply is over 10 bytes" }})
  t:equal(get("/long", {{ max_body = 10, cut = true }}).body, ("x"):rep(10))
end)
test("late, and broken", function(t)
  t:fake "{API}" {{ ["GET /late"] = {{ wait = 900 }}, ["GET /broken"] = {{ broken = true, times = 1 }} }}
  t:equal(get("/late", {{ timeout = 901 }}).status, 200)
  t:equal(t:elapsed(), 900)
  t:like(select(2, get "/late"), {{ kind = "network", message = "timed out after 60 s", retryable = true }})
  t:equal(t:elapsed(), 960)
  t:like(select(2, get "/broken"), {{ kind = "network", retryable = true }})
end)
""")

    def test_mistakes_in_fakes(self):
        for fake, says in (('t:fake "example.com"', "t:fake: "),
                           (f't:fake "{API}" {{ ["/x"] = 200 }}', "route '/x': expected a method and a path"),
                           (f't:fake "{API}" {{ ["GET /x"] = {{ stauts = 1 }} }}', "did you mean 'status'?"),
                           (f't:fake "{API}" {{ ["GET /x"] = true }}', "a reply expected")):
            failure = self.failure(f'test("x", function(t) {fake} end)')
            self.assertIn(says, failure["message"])
            self.assertEqual(failure["where"], "a_test.lua:2")

    def test_a_miss_explains_itself(self):
        text = f"""
local function note()
  http.post("{API}/note?a=1", {{ json = {{}} }}) -- that it failed is not looked at
end
test("x", function(t)
  t:fake "{API}" {{ %s }}
  t:fake "https://other.example.com" {{ ["GET /"] = 200 }}
  note()
end)"""
        failure = self.failure(text % '["POST /notes"] = 200, ["GET /note"] = 200')
        self.assertEqual(failure["message"], f"no route for POST {API}/note?a=1")
        self.assertEqual(failure["where"], "a_test.lua:4 in function 'note'")
        self.assertEqual(failure["requests"], [
            f"POST {API}/note?a=1 → no route for POST {API}/note in this test"])
        for routes, diff in (
                ('["POST /notes"] = 200', "nearest: POST /notes      method ✓   path ✗ /note, want /notes "
                                          "(did you mean it?)   body not compared"),
                ('["GET /note"] = 200', "nearest: GET /note      method ✗ POST, want GET   path ✓   body not"),
                ('["POST /note?a=2"] = 200', "method ✓   path ✓   query ✗ a=1, want a=2"),
                ("", "service ✗ https://api.example.com:443, want https://other.example.com:443")):
            self.assertIn(diff, self.failure(text % routes)["diff"])

    def test_a_route_that_fails(self):
        for route, message in (('function() error "oops" end', "oops"),
                               ("function() end", "route 'GET /x': a reply expected (a table, a status or a text), "
                                                  "got nil")):
            failure = self.failure(f"""
test("x", function(t)
  t:fake "{API}" {{ ["GET /x"] = {route} }}
  t:like(select(2, http.get "{API}/x"), {{ kind = "network" }})
end)""")
            self.assertEqual(failure["message"], message)

    def test_the_network_is_closed(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.1)
            failure = self.failure(f"""
test("x", function(t)
  local _, err = http.get "http://127.0.0.1:{server.getsockname()[1]}/"
  t:like(err, {{ kind = "invalid", retryable = false }})
end)""")
            self.assertRaises(TimeoutError, server.accept)
        self.assertIn("no route for GET http://127.0.0.1", failure["message"])
        self.assertIn("nothing answers in this test", failure["diff"])

    def test_replies_that_had_to_be_given(self):
        text = f"""
test("x", function(t)
  local api = t:fake "{API}" {{ ["GET /x"] = {{ {{ status = 500 }}, {{ times = 2 }} }} }}
  for _ = 1, %d do http.get "{API}/x" end
end)"""
        self.assertIn("was asked 2 times, and had to be asked more often", self.failure(text % 2)["message"])
        self.passes(text % 3)
        self.assertIn("used up: it was asked 3 times", self.failure(text % 4)["diff"])

    def test_files_that_are_left(self):
        failure = self.failure('test("x", function() io.open("left", "w") end)')
        self.assertEqual(failure["message"], "file 'left' (a_test.lua:2) is still open at the end of the test")

    def test_files_of_others(self):
        other = self.write("other", "kept")
        self.write("script.lua", """
local function says(...) print(select(2, ...)) end
says(io.open(arg_of_test or OTHER, "a"))
says(os.remove(OTHER))
says(os.rename(OTHER, "mine"))
print(pcall(io.output, OTHER))
print(io.open(OTHER):read "a")
assert(io.open("mine", "w")):close()
assert(os.remove("mine"))
assert(os.remove(os.tmpname()))
io.output "/dev/null":close()
""".replace("arg_of_test or OTHER", repr(other)).replace("OTHER", repr(other)))
        failure = self.failure("""
test("x", function(t)
  assert(not io.open("%s", "r+"))
  local run = t:run "script.lua"
  t:equal(run.status, 0)
  local _, times = run.stdout:gsub("outside of the test's folder", "")
  t:equal(times, 4)
  t:like(run.stdout, "^.*kept")
end)""" % other)
        self.assertEqual(failure["message"],
                         f"it writes to '{other}', which is outside of the test's folder (a_test.lua:4)")
        self.assertEqual([line.split("'")[0] for line in failure["log"]],
                         ["also: it writes to ", "also: it removes ", "also: it renames ", "also: it writes to "])
        with open(other, encoding="utf-8") as file:
            self.assertEqual(file.read(), "kept")

    def test_what_modules_write(self):
        other = self.write("other", "kept")
        self.write("script.lua", """
local http, sqlite = require "jeton.http", require "jeton.sqlite"
print(http.request { url = "http://127.0.0.1:9/", save_to = "OTHER" })
print(http.get("http://127.0.0.1:9/", { save_to = "OTHER" }))
print(http.post("http://127.0.0.1:9/", { save_to = "OTHER" }))
print(sqlite.open "OTHER.db")
print(require("jeton.server").listen { handler = print, folder = "OTHER.d" })
assert(sqlite.open ":memory:")
local db = assert(sqlite.open "mine.db")
assert(sqlite.open "too.db"):exec "ATTACH 'mine.db' AS a"
db:exec "ATTACH 'too.db' AS a; ATTACH '' AS b; ATTACH ':memory:' AS c; VACUUM; VACUUM INTO 'copy.db'"
print(pcall(db.exec, db, "ATTACH 'OTHER.db' AS o"))
print(pcall(db.exec, db, "ATTACH ? AS o", "OTHER.db"))
print(pcall(db.exec, db, "ATTACH 'OTHER'||'.db' AS o"))
print(pcall(db.exec, db, "VACUUM INTO ?", "OTHER.db"))
""".replace("OTHER", other))
        failure = self.failure("""
local http = require "jeton.http"
test("x", function(t)
  local fake = t:fake "https://files.example" { ["GET /a"] = "new" }
  assert(http.get("https://files.example/a", { save_to = "mine" }))
  local _, err = http.request { url = "https://files.example/a", save_to = "%s" }
  t:equal(err.kind, "config")
  t:equal(fake:count "GET /a", 1)
  local run = t:run "script.lua"
  t:equal(run.status, 0)
  local _, times = run.stdout:gsub("outside of the test's folder", "")
  t:equal(times, 5)
  t:equal(select(2, run.stdout:gsub("SQLite error 23", "")), 4)
end)""" % other)
        self.assertEqual(failure["message"],
                         f"it writes to '{other}', which is outside of the test's folder (a_test.lua:7)")
        self.assertEqual([line.split(", which")[0] for line in failure["log"]],
                         [f"also: it writes to '{other}{end}'" for end in ("", "", "", ".db", ".d")]
                         + [f"also: SQL attaches {what}" for what in (f"'{other}.db'", *["a database whose path is no literal"] * 2, f"'{other}.db'")])
        with open(other, encoding="utf-8") as file:
            self.assertEqual(file.read(), "kept")
        self.assertFalse(os.path.exists(other + ".db"))

    def test_links_to_files_of_others(self):
        other = self.write("other", "kept")
        failure = self.failure("""
test("x", function(t)
  os.execute "ln -s %s a; ln -s %s/missing b"
  for _, name in ipairs { "a", "b" } do assert(not io.open(name, "w")) end
end)""" % (other, self.folder))
        self.assertIn("it writes to 'a'", failure["message"])
        self.assertIn("it writes to 'b'", failure["log"][0])

    def test_servers(self):
        head = """
local server = require "jeton.server"
local function listen(handler) return server.listen { port = 0, handler = handler } end
"""
        self.passes(head + """
test("one that is closed, and may wait", function(t)
  local s <close> = listen(function() task.sleep(0.1) return { status = 200, body = "x" } end)
  t:equal(http.get(("http://127.0.0.1:%d/"):format(s.port)).body, "x")
end)
test("or at the end", function(t)
  local s = listen(function() return { status = 204 } end)
  t:defer(function() s:close() end)
  t:equal(http.get(("http://127.0.0.1:%d/"):format(s.port)).status, 204)
end)
""")
        failure = self.failure(head + 'test("x", function() listen(print) end)')
        self.assertIn("a server is still open at the end of the test", failure["message"])

    def test_programs(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.1)
            events = self.child("""
test("x", function(t)
  t:equal({ os.execute "exit 4" }, { nil, "exit", 4 })
  local pipe <close> = io.popen [[echo "it's" $((1 + 1))]]
  t:equal(pipe:read "l", "it's 2")
  local call = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d' 2>/dev/null"
  os.execute(call)
  local secret = { command = { "sh", "-c", call .. "; echo secret-of-a-program" } }
  t:connector("asked", { provider = "oauth2", token_url = "https://login.test/token", client_id = "client-1",
    client_auth = "post", grant = "client_credentials", client_secret = secret, params = { more = secret, command = "stays" },
    endpoint = "https://api.test" })
  local login = t:fake "https://login.test" { ["POST /token"] = { json = { access_token = "access-1", expires_in = 60 } } }
  t:equal((require "jeton.token").get("asked").access_token, "access-1")
  t:like(login:requests()[1].form, { client_secret = "secret-of-a-program", more = "secret-of-a-program", command = "stays" })
end)""" % server.getsockname()[1])
            self.assertEqual(events[-2]["event"], "result", events)
            if "notes" in events[-1] and events[-1]["notes"]:
                self.assertIn("programs that tests start can reach the network", events[-1]["notes"][0])
            else:
                self.assertRaises(TimeoutError, server.accept)
        self.assertEqual(events[-2]["status"], "pass", events[-2])

    def test_what_can_never_go_on(self):
        self.write("stuck.lua", """
local task = require "jeton.task"
local a, b = task.lock(), task.lock()
local one = task.spawn(function() a:with(function() task.sleep(1) b:with(print) end) end)
b:with(function() task.sleep(1) a:with(print) end)
one:join()
""")
        began = time.monotonic()
        results = self.results("""
test("a script", function(t) t:run "stuck.lua" end)
test("a test", function(t)
  local lock = task.lock()
  lock:with(function() task.spawn(lock.with, lock, print):join() end)
end)
test("goes on", function() end)
""")
        for name in ("a script", "a test"):
            self.assertEqual(results[name]["failure"]["message"],
                             "every task waits, and nothing that they wait for can come")
        self.assertEqual(results["goes on"]["status"], "pass")
        self.assertLess(time.monotonic() - began, testing.support.PATIENCE)  # not the hours that passed

    def test_many_tests_in_a_file(self):
        self.passes("""
for i = 1, 150 do
  test("test " .. i, function(t)
    local login = t:oauth "https://login.example.com"
    t:connector("billing", login:connector())
  end)
end""")

    def test_jeton_test_elsewhere(self):
        self.write("a.lua", 'require "jeton.test"')
        self.fails(1, "run", "a.lua", says="jeton.test is for the files that `jeton test` runs")


if __name__ == "__main__":
    unittest.main()
