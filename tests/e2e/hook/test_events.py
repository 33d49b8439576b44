"""jeton events: what webhooks brought, for people and programs; and by hand again."""

import json
import os
import unittest

import hooks
import service


class Events(hooks.Hooks):
    def events(self, *args):
        return json.loads(self.ok("events", *args, "--json").stdout)

    def receiver(self, status=200):
        server = service.Service(lambda _: (status, {}, {}))
        self.addCleanup(server.stop)
        return server

    def handled(self, script="return function(event) if event.id:find 'bad' then error 'no' end end"):
        worker = self.work(attempts=1, script=script)
        self.until("done", "dead")
        self.end(worker)

    def test_the_list(self):
        self.add(("a", "made"), ("bad", "x"), ("a", "made"))
        self.handled()
        self.add("other", hook="g")
        all_of_them = self.events()
        self.assertEqual([(e["seq"], e["hook"], e["state"]) for e in all_of_them],
                         [(3, "g", "ready"), (2, "h", "dead"), (1, "h", "done")])
        self.assertEqual(set(all_of_them[0]), {"seq", "hook", "event_id", "part", "type", "state", "attempt", "attempts",
                                               "received_at", "next_at", "ended_at", "duplicates", "error"})
        first = all_of_them[2]
        self.assertEqual((first["event_id"], first["part"], first["type"], first["attempt"], first["duplicates"]),
                         ("a", 0, "made", 1, 1))
        self.assertRegex(first["received_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$")
        self.assertEqual([e["seq"] for e in self.events("--failed")], [2])
        self.assertEqual([e["seq"] for e in self.events("--waiting")], [3])
        self.assertEqual(self.events("--held"), [])
        self.assertEqual([e["seq"] for e in self.events("h")], [2, 1])
        self.assertEqual([e["seq"] for e in self.events("--limit", "1")], [3])
        table = self.ok("events", "h").stdout
        self.assertRegex(table, r"(?m)^ID +HOOK +STATE +TYPE")
        self.assertRegex(table, r"(?m)^2 +h +dead +x .*handlers\.lua:3: no$")
        self.assertRegex(table, r"(?m)^1 +h +done +made .* came again: 1$")
        self.assertRegex(self.ok("events", "--show", "1").stdout, r"(?m)^came again: +1$")
        self.fails(3, "events", "nobody", says="unknown webhook 'nobody'")

    def test_a_list_that_is_cut_says_so(self):
        self.add(*(f"e{i}" for i in range(100)))
        self.assertEqual(self.ok("events").stderr, "")
        self.add("one more")
        done = self.ok("events")
        self.assertEqual((len(done.stdout.splitlines()), done.stderr), (101, "jeton: info: the newest 100; --limit N shows more\n"))
        for args in ("--limit", "100"), ("--json",):
            self.assertEqual(self.ok("events", *args).stderr, "")

    def test_what_came_makes_no_lines_of_its_own(self):
        self.add(("a\r9  h  done", "x\x1b[31m"))
        self.assertRegex(self.ok("events").stdout, r"(?m)\A.*\n1 +h +ready +x\\x1b\[31m .*\n\Z")
        self.assertIn("a\\r9  h  done", self.ok("events", "--show", "1").stdout)

    def test_an_error_that_is_not_utf_8(self):
        self.add("bad")
        self.handled("return function() error('not \\xff\\xc3, \\27[31mbut', 0) end")
        self.assertEqual(self.events()[0]["error"], "not \ufffd\ufffd, \x1b[31mbut")
        self.assertIn("not \ufffd\ufffd, \\x1b[31mbut", self.ok("events").stdout)
        self.assertIn("not \ufffd\ufffd, \\x1b[31mbut", self.ok("events", "--show", "1").stdout)

    def test_others_are_not_shown(self):
        self.add("a")
        other = self.write("other.yaml", f"version: 1\nstate: {self.state}\n")
        self.assertEqual(self.ok("--config", other, "events", "--json").stdout, "[]\n")
        self.fails(2, "--config", other, "events", "--show", "1", says="there is no event 1")

    def test_show_masks_secrets(self):
        self.write("jeton.yaml", f"""version: 1
state: {self.state}
connectors:
  c: {{ provider: oauth2, token_url: https://t.example/, client_id: i, client_secret: {{ file: secret }} }}
webhooks:
  h: {{ from: github, secret: {{ file: of-the-hook }}, script: h.lua, retries: {{ attempts: 5 }} }}
""")
        self.write("secret", "hushhushhush\n")
        self.write("of-the-hook", "shush-shush-shush\n")
        self.add(("a", "made", "", '{"key": "hushhushhush", "b": 1, "its": "shush-shush-shush"}'))
        self.assertEqual(self.events()[0]["attempts"], 5)
        self.fails(3, "events", "x", says="unknown webhook 'x'")
        shown = self.ok("events", "--show", "1").stdout
        self.assertIn("x-kept: 1", shown)
        self.assertNotIn("hush", shown)
        self.assertNotIn("shush", shown)
        event = json.loads(self.ok("events", "--show", "1", "--json").stdout)
        self.assertEqual((event["headers"]["x-kept"], json.loads(event["body"])["b"]), ("1", 1))
        self.write("secret", 'quoted"quoted\n')
        self.add(("q", "made", "", '{"key": "quoted\\"quoted"}'))
        self.assertNotIn("quoted", self.ok("events", "--show", "2").stdout)
        event = json.loads(self.ok("events", "--show", "2", "--json").stdout)
        self.assertEqual(json.loads(event["body"]), {"key": "********"})
        self.fails(2, "events", "--show", "9", says="there is no event 9")
        self.fails(2, "events", "--show", "x", says="'x' is no event")
        self.fails(2, "events", "--show", "1", "2", says="--show: the number of one event expected")

    def test_retry_and_drop(self):
        self.add("bad1", "bad2", "a", "bad3")
        self.handled()
        self.fails(2, "events", "h", "--retry", "1", says="'h' is no event")
        self.assertEqual(self.rows("state, attempt")[0], ("dead", 1))
        self.ok("events", "--retry", "1", "3")
        self.assertEqual(self.rows("state, attempt"), [("ready", 0), ("dead", 1), ("ready", 0), ("dead", 1)])
        self.ok("events", "--drop", "2")
        self.assertIn("1 event to be tried again", self.ok("events", "h", "--retry", "all").stderr)
        self.assertEqual(self.rows(), ["ready", "done", "ready", "ready"])
        self.handled("return function() end")
        self.assertEqual(self.rows(), ["done"] * 4)
        self.assertEqual(self.events()[2]["error"], "dropped by hand")
        self.assertEqual(self.add("bad2"), ["duplicate 2"])
        self.fails(2, "events", "--retry", "2", says="has no body any more")
        for change in "--retry", "--drop":  # all or none
            self.fails(2, "events", change, "1", "3", "9", "4", says="there is no event 9")
        self.fails(2, "events", "--retry", "1", "2", says="event 2 has no body any more")
        self.assertEqual(self.rows(), ["done"] * 4)
        self.assertEqual([event["error"] for event in self.events()], [None, None, "dropped by hand", None])
        self.assertIn("3 events dropped", self.ok("events", "--drop", "1", "2", "1").stderr)
        self.fails(2, "events", "--retry", "all", "--drop", "1", says="only one of")
        self.fails(2, "events", "--retry", "all", "h", "i", says="--retry all: one webhook at most")

    def test_one_whose_process_has_died_can_be_dropped(self):
        self.add("a", "b")
        worker = self.work(script="return function() task.sleep(60) end")
        self.until("running")
        self.fails(7, "events", "--drop", "1", says="is being handled")
        self.add("c")
        self.fails(7, "events", "--drop", "3", "1", says="event 1 is being handled; the 1 before it is done")
        worker.kill()
        worker.wait()
        self.ok("events", "--drop", "1")
        self.ok("events", "--retry", "2")
        self.assertEqual(self.rows("state, attempt, error"), [("done", 1, "dropped by hand"), ("ready", 0, None),
                                                                ("done", 0, "dropped by hand")])

    def test_run_changes_nothing(self):
        server = self.receiver()
        self.add(("a", "made", "", '{"n": 5}'))
        script = self.handlers(f"""
            local http = require "jeton.http"
            return {{ made = function(event)
              print(event.id, event.data.n, event:step("s", function() print "s" return 7 end))
              assert(http.request {{ method = "POST", url = "{server.url}/x", body = "b" }})
              state.set("n", event.data.n)
            end }}""")
        done = self.ok("events", "--run", script, "1")
        self.assertEqual(done.stdout.count("s\na\t5\t7\n"), 1)
        self.assertEqual((server.received, self.keys(), self.rows("state, attempt")), ([], {}, [("ready", 0)]))
        for _ in range(2):  # no step is kept
            self.assertIn("s\na\t5\t7\n", self.ok("events", "--run", script, "1", "--really").stdout)
        self.assertEqual((len(server.received), self.keys(), self.rows("state, attempt")), (2, {"n": 5}, [("ready", 0)]))
        self.write("handlers.lua", "return { x = function() end }")
        self.fails(1, "events", "--run", script, "1", says="no handler for events of type 'made'")

    def test_run_as_the_webhook_is_configured(self):
        os.mkdir(os.path.join(self.folder, "work"))
        self.write("configured.lua", "return function() end")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\nwebhooks: {{ h: {{ verify: {{ kind: none }}, allow_unsigned: true,\n"
                                 "  script: configured.lua, environment: { PLACE: here }, directory: work, memory: 8MiB } }\n")
        self.add(("a", "made", "", "{}"))
        self.handlers('return function() print(os.getenv "PLACE") io.open("left", "w"):close() local s = ("x"):rep(16 << 20) end')
        self.fails(1, "events", "--run", "handlers.lua", "1", says="memory limit of 8 MiB (memory of the webhook)")
        self.handlers('return function() print(os.getenv "PLACE") io.open("left", "w"):close() end')
        self.assertEqual(self.ok("events", "--run", "handlers.lua", "1").stdout, "here\n")
        self.assertTrue(os.path.exists(os.path.join(self.folder, "work", "left")))
        self.write("work/other.lua", "return function() end")
        self.fails(3, "events", "--run", "other.lua", "1", says="other.lua: No such file or directory")

    def test_run_waits_for_what_the_handler_has_started(self):
        self.add("a")
        script = self.handlers("""
            task.spawn(function() while true do task.sleep(60) end end)
            return function() task.spawn(function() task.sleep(0.2) state.set("n", 1) print "end" end) end""")
        self.assertEqual(self.ok("events", "--run", script, "1", "--really").stdout, "end\n")
        self.assertEqual(self.keys(), {"n": 1})
        self.handlers("return function() task.spawn(function() task.sleep(0.1) error 'late' end) end")
        self.fails(1, "events", "--run", script, "1", says="handlers.lua:")
        self.handlers("return function() return nil, 'not so' end")
        self.fails(1, "events", "--run", script, "1", says="not so")
        self.handlers("return function(event) pcall(event.reject, event, 'not for us') end")
        self.fails(1, "events", "--run", script, "1", says="not for us")

    def test_forward(self):
        server = self.receiver()
        self.add(("a", "made", "", '{"n": 5}'))
        self.ok("events", "--forward", f"{server.url}/there", "1")
        [request] = server.received
        self.assertEqual((request["method"], request["path"], request["body"]), ("POST", "/there", b'{"n": 5}'))
        self.assertEqual((request["headers"]["x-kept"], request["headers"]["jeton-event-id"]), ("1", "a"))
        self.fails(2, "events", "--forward", "https://other.example/", "1", says="--yes sends the event there")
        self.fails(2, "events", "--forward", "http://other.example/", "1", "--yes", says="only by https")


if __name__ == "__main__":
    unittest.main()
