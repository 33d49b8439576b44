"""Events of a webhook and their handlers: each once, whatever the handlers do and whoever dies."""

import contextlib
import email.utils
import gzip
import json
import os
import signal
import sqlite3
import time
import unittest

import hooks
import service
import support

COUNT = 'return function(event) state.set(event.id, (state.get(event.id) or 0) + 1) end'


class Handling(hooks.Hooks):
    def test_each_is_handled_once_with_what_it_brought(self):
        self.add(("a", "made"), ("b", "gone"), ("c",))
        worker = self.work(script="""
            return {
              made = function(event)
                assert(event.data.id == "a" and event.body == '{"id": "a"}' and event.headers["x-kept"] == "1")
                assert(event.attempt == 1 and event.attempts == 8 and #event.key == 64)
                assert(math.abs(event.received_at - os.time()) < 100)
                state.set("made", event.seq)
              end,
              ["*"] = function(event) state.set(event.id, event.type or "none") return true end,
            }""")
        self.until("done")
        self.add(("a", "made"), ("d", "x"))
        self.wake(worker)
        self.until("done")
        self.assertEqual(self.keys(), {"made": 1, "b": "gone", "c": "none", "d": "x"})
        self.assertEqual(self.rows("duplicates"), [1, 0, 0, 0])
        self.assertEqual(self.end(worker)[0], 0)

    def test_a_failure_is_tried_again_and_then_dead(self):
        self.add("later", "never", "false", "err", "rejected", "caught", "nil", "task", "invalid", "no-handler")
        self.add(("typed", "t"))
        worker = self.work(attempts=3, script="""
            local http = require "jeton.http"
            local ways = {
              later = function(event) state.set("tried", event.attempt) if event.attempt < 3 then error "not yet" end end,
              never = function() state.set("lost", 1) error("no\\nsecond line") end,
              ["false"] = function() return false end,
              err = function() return nil, "it says no" end,
              rejected = function(event) event:reject "not for us" end,
              caught = function(event) pcall(event.reject, event, "not at all") state.set("lost", 2) return true end,
              ["nil"] = function(event) pcall(event.reject, event) error "another" end,
              task = function(event) require "jeton.task".spawn(function() pcall(event.reject, event, "of a task") end) end,
              invalid = function() return nil, http.error { kind = "invalid", message = "bad" } end,
            }
            return { t = function() end, ["*"] = function(event)
              return (ways[event.id] or function() return nil, http.error { kind = "config", message = "none" } end)(event)
            end }""")
        self.until("done", "dead")
        rows = {row[0]: row[1:] for row in self.rows("id, state, attempt, error")}
        self.assertEqual(rows["later"], ("done", 3, None))
        self.assertEqual(rows["never"][:2], ("dead", 3))
        self.assertRegex(rows["never"][2], r"handlers\.lua:\d+: no$")
        self.assertEqual(rows["false"], ("dead", 3, "the handler returned false"))
        self.assertEqual(rows["err"], ("dead", 3, "it says no"))
        self.assertEqual(rows["rejected"], ("dead", 1, "not for us"))
        self.assertEqual([rows[name] for name in ("caught", "nil", "task")],
                         [("dead", 1, "not at all"), ("dead", 1, "rejected"), ("dead", 1, "of a task")])
        self.assertEqual(rows["invalid"][:2], ("dead", 1))
        self.assertEqual(rows["no-handler"][:2], ("dead", 1))
        self.assertEqual(rows["typed"][0], "done")
        self.assertEqual(self.keys(), {"tried": 3})
        _, said = self.end(worker)
        self.assertIn("webhook 'h', event 1, attempt 1 of 3: ", said)
        self.assertIn("given up", said)

    def test_a_service_that_throttles_says_when(self):
        def answer(request):
            if request["path"] == "/token":
                return 200, {}, {"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 3600}
            return int(request["path"][1:]), {"Retry-After": "2000"}, {}
        server = service.Service(answer)
        self.addCleanup(server.stop)
        self.write("jeton.yaml", f"""version: 1
state: {self.state}
connectors:
  api: {{ provider: oauth2, grant: client_credentials, token_url: "{server.url}/token", endpoint: "{server.url}/",
          client_id: i, client_secret: {{ env: CLIENT_SECRET }} }}
""")
        self.env["CLIENT_SECRET"] = "a-long-secret"
        self.add("429", "503")
        self.work(connector="api", delay=1, max_delay=1, script="""
            local http = require "jeton.http"
            return function(event) return http.request { connector = true, path = "/" .. event.id } end""")
        support.wait_until(lambda: self.rows("state, attempt") == [("ready", 1)] * 2)
        self.assertGreater(min(self.rows("next_ms")) / 1000, time.time() + 1900)

    def test_a_secrets_command_that_fails_once(self):
        """As it may where it asks somebody over a network."""
        server = service.Service(lambda _: (200, {}, {"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 3600}))
        self.addCleanup(server.stop)
        once = self.folder + "/once"
        secret = f"[ -e {once} ] || {{ touch {once}; exit 1; }}; echo a-long-secret"
        self.write("jeton.yaml", f"""version: 1
state: {self.state}
connectors:
  api: {{ provider: oauth2, grant: client_credentials, token_url: "{server.url}/token", endpoint: "{server.url}/",
          client_id: i, client_secret: {{ command: [sh, -c, {json.dumps(secret)}] }} }}
""")
        self.add("a")
        self.work(connector="api", delay=1, script="""
            local http = require "jeton.http"
            return function() return http.request { connector = true, path = "/" } end""")
        self.until("done")
        self.assertEqual(self.rows("attempt"), [2])

    def test_what_a_task_beside_handlers_has_not_committed_is_lost(self):
        """Not written over what handlers have set since, as the process ends."""
        self.add("a")
        worker = self.work(script="""
            task.spawn(function() state.set("key", "beside") state.set("alone", 1) task.sleep(0.3) end)
            state.set("loaded", 1)
            return function() task.sleep(0.6) state.set("key", "handler") end""")
        self.until("done")
        self.assertEqual(self.end(worker)[0], 0)
        self.assertEqual(self.keys(), {"key": "handler", "loaded": 1})

    def test_no_handler_for_a_type(self):
        self.add(("a", "x"))
        self.work(script="return { y = function() end }")
        self.until("dead")
        self.assertIn("no handler for events of type 'x'", self.rows("error")[0])

    def test_steps_are_not_run_again(self):
        self.add("a")
        self.work(script="""
            return function(event)
              local n = event:step("one", function() return { event.attempt } end)
              local none = event:step("nil", function() return nil end)
              local null = require "jeton.json".null
              assert(event:step("null", function() return null end) == null)
              local no = event:step("false", function() return event.attempt > 1 end)
              assert(no == false and not pcall(event.step, event, "one\\0two", function() return 1 end))
              local ok, err = event:step("fails", function() if event.attempt < 3 then return nil, "no" end return true end)
              assert(none == nil and n[1] == 1)
              if not ok then return nil, err end
              state.set("first", n[1]) state.set("attempt", event.attempt)
            end""")
        self.until("done")
        self.assertEqual(self.keys(), {"first": 1, "attempt": 3})

    def test_a_step_cannot_set_what_a_later_attempt_would_not_have(self):
        self.add("a")
        self.work(shared="board", script="""
            return function(event)
              local function refused(set) return not pcall(set, "lost", 1) end
              local beside = task.spawn(function() task.sleep(0.01) state.set("beside", 1) end)
              local all = event:step("outer", function()
                local inner = event:step("inner", function() return refused(state.set) end)
                local fails = pcall(event.step, event, "fails", error)
                beside:join()
                return inner and not fails and refused(state.set) and refused(state.shared "board".set)
              end)
              assert(all and not pcall(event.step, event, "raises", function() state.set("lost", 1) end))
              state.set("set", event.attempt)
              if event.attempt == 1 then error "not yet" end
            end""")
        self.until("done")
        self.assertEqual(self.keys(), {"beside": 1, "set": 2})

    def test_a_step_is_kept_though_the_state_is_locked_meanwhile(self):
        self.add("a")
        self.work(script=f"""
            return function(event)
              event:step("pay", function()
                local file = io.open("{self.folder}/paid", "a")
                file:write "x" file:close()
                task.sleep(0.5)
                return true
              end)
            end""")
        support.wait_until(lambda: os.path.exists(os.path.join(self.folder, "paid")))
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"), isolation_level=None, timeout=60)
        self.addCleanup(database.close)
        database.execute("BEGIN IMMEDIATE")
        time.sleep(11)  # longer than a write waits
        database.execute("ROLLBACK")
        self.until("done")
        self.assertEqual((self.text("paid"), self.rows("attempt, error")), ("x", [(1, None)]))

    def test_its_tasks_count_too(self):
        self.add("good", "bad")
        self.work(attempts=1, script="""
            return function(event)
              task.spawn(function() task.sleep(0.05) state.set(event.id, 1) if event.id == "bad" then error "late" end end)
            end""")
        self.until("done", "dead")
        self.assertEqual(self.rows(), ["done", "dead"])
        self.assertEqual(self.keys(), {"good": 1})

    def test_shared_keys_end_with_the_event_too(self):
        self.add(*(str(number) for number in range(20)), "fails")
        self.work(concurrency=8, attempts=1, shared="board", script="""
            local board = state.shared "board"
            return function(event)
              board.set("n", (board.get "n" or 0) + 1)
              task.sleep(0.01)
              if event.id == "fails" then error "no" end
              state.set(event.id, true)
            end""")
        self.until("done", "dead")
        self.assertEqual(len(self.keys()), 20)
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        self.addCleanup(database.close)
        self.assertEqual(database.execute("SELECT scope, key, value FROM kv WHERE scope LIKE 'shared:%'").fetchall(),
                         [(f"shared:board:{self.config}", "n", "20")])

    def test_many_conflicts_are_an_attempt(self):
        """The last of 20, which are none: it is tried again later, as others that fail. Where many events change a key it was
        given up then, whatever `retries` said."""
        self.add("a", "b")
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"))) as database:
            database.execute("UPDATE event SET conflicts = 20")
            database.commit()
        self.work(concurrency=2, attempts=2, delay=10, script="""
            return function(event)
              local n = (state.get "n" or 0) + 1
              task.sleep(0.3)
              state.set("n", n)
            end""")
        self.until("done", "dead")
        self.assertEqual((sorted(self.rows("state, attempt, conflicts")), self.keys()), ([("done", 1, 20), ("done", 2, 20)], {"n": 2}))

    def test_what_its_owner_has_ended_meanwhile_was_not_left(self):
        """A worker that is ending ends an event between the look at what is left, and the taking over."""
        self.add("a", "b", "c")
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"))) as database:
            database.execute("UPDATE event SET state = 'running', owner = 'gone', next_ms = NULL, attempt = 1")
            database.execute("CREATE TRIGGER its_owner AFTER UPDATE ON event WHEN NEW.error LIKE 'the process ended%' BEGIN"
                             " UPDATE event SET state = 'done', owner = NULL, ended_ms = 1 WHERE owner = 'gone'; END")
            database.commit()
        worker = self.work(script="return function(event) state.set(event.id, 1) end")
        self.until("done")
        self.assertIn("1 event was being handled when the process ended", self.end(worker)[1])
        self.assertEqual(self.keys(), {"c": 1})

    def test_a_conflict_is_no_attempt(self):
        self.add(*(str(n) for n in range(30)))
        worker = self.work(concurrency=8, attempts=1, script="""
            return function(event)
              local n = state.get "n" or 0
              task.sleep(0.002)
              state.set("n", n + 1)
            end""")
        self.until("done", "dead")
        done = self.rows().count("done")
        self.assertEqual(self.keys()["n"], done)
        self.assertGreater(sum(self.rows("conflicts")), 0)
        self.assertEqual(set(self.rows("attempt")), {1})
        self.assertEqual(self.end(worker)[1].count("runs anew, as a key of jeton.state"), 1)

    def test_the_order_of_a_key(self):
        self.add(*((f"{key}{n}", "", key) for n in range(5) for key in "ab"))
        self.work(concurrency=8, script="""
            local at = {}
            return function(event)
              local key, n = event.id:match "(.)(.)"
              assert(not at[key], "two at a time")
              at[key] = true
              task.sleep(0.005)
              at[key] = nil
              if n == "2" and event.attempt == 1 then error "again" end
              state.set(key, (state.get(key) or "") .. n)
            end""")
        self.until("done")
        self.assertEqual(self.keys(), {"a": "01234", "b": "01234"})

    def test_answers(self):
        self.add("a", "b", "c", "d")
        worker = self.work(answers=1, attempts=1, concurrency=1, script="""
            return function(event)
              if event.id == "b" then error "no" end
              if event.id == "d" then return { headers = { ["content-type"] = "application/vnd.a+json" }, json = {} } end
              return event.id == "a" and { status = 202, headers = { ["X-A"] = "1" }, body = "hello" } or nil
            end""")
        lines = [json.loads(worker.stdout.readline()) for _ in range(4)]
        self.assertEqual(lines, [{"seq": 1, "status": 202, "headers": {"X-A": "1"}, "body": "hello"}, {"seq": 2},
                                 {"seq": 3, "status": 200},
                                 {"seq": 4, "status": 200, "headers": {"content-type": "application/vnd.a+json"}, "body": "{}"}])

    def test_an_answer_that_cannot_be_sent_is_told(self):
        answers = {"status = 'no'": "status is a whole number", "status = 4294967496": "from 200 to 599", # which is 200 as an int
                   "body = 5": "body is a text", "headers = 1": "headers is a table",
                   "headers = { ['X-A'] = {} }": "headers are texts by name", "body = '\\255'": "not UTF-8",
                   "json = { f = print }": "function", "body = ('x'):rep(70000)": "over 64 KiB"}
        self.add(*(str(n) for n in range(len(answers))), "last")
        worker = self.work(answers=1, attempts=1, concurrency=1, script=f"""
            local answers = {{ {', '.join(f'{{ {text} }}' for text in answers)} }}
            return function(event)
              return answers[tonumber(event.id) and event.id + 1] or {{ status = 201.0, headers = {{ ["X-A"] = 1 }}, json = {{}} }}
            end""")
        lines = [json.loads(worker.stdout.readline()) for _ in range(len(answers) + 1)]
        self.assertEqual(lines[:-1], [{"seq": n + 1} for n in range(len(answers))])
        self.assertEqual({**lines[-1], "seq": 0}, {"seq": 0, "status": 201, "body": "{}",
                                                  "headers": {"X-A": "1", "Content-Type": "application/json"}})
        _, errors = self.end(worker)
        told = [line for line in errors.splitlines() if "cannot be sent" in line]
        self.assertEqual(len(told), len(answers), errors)
        for line, says in zip(told, answers.values()):
            self.assertIn(says, line)

    def test_an_answer_that_is_no_table_is_told(self):
        self.add("'a text'", "5", "true", "nil")
        worker = self.work(answers=1, attempts=1, concurrency=1, script="""
            return function(event) return load("return " .. event.id)() end""")
        self.assertEqual([json.loads(worker.stdout.readline()) for _ in range(4)],
                         [{"seq": 1}, {"seq": 2}, {"seq": 3, "status": 200}, {"seq": 4, "status": 200}])
        _, errors = self.end(worker)
        self.assertEqual(errors.count("cannot be sent"), 2, errors)
        self.assertIn("event 1: the handler's reply cannot be sent (its sender hears that the event is stored): it is a string, not "
                      "a table with status, headers, body or json", errors)

    def test_an_answer_that_nobody_has_asked_for_is_told_once(self):
        self.add("true", "{ ok = 1, body = 'x' }", "{}", "setmetatable({ body = 'x' }, {})")
        worker = self.work(attempts=1, script="""return function(event) return load("return " .. event.id)() end""")
        self.until("done")
        self.add("{ body = 'x' }", "{ status = 201 }")
        self.wake(worker)
        self.until("done")
        _, errors = self.end(worker)
        self.assertEqual(errors.count("webhook 'h': its handler returns a reply, which a sender hears only with `answer:"), 1, errors)

    def test_an_answer_with_a_key_that_says_nothing_is_told(self):
        self.add("{ text = 'x' }", "{ 'x' }", "{ body = 'x' }", "setmetatable({ body = 'x', path = 'p' }, {})", "true")
        worker = self.work(answers=1, attempts=1, concurrency=1, script="""
            return function(event) return load("return " .. event.id)() end""")
        bodies = [json.loads(worker.stdout.readline()).get("body") for _ in range(5)]
        self.assertEqual(bodies, [None, None, "x", "x", None])
        _, errors = self.end(worker)
        self.assertEqual(errors.count("says nothing"), 2, errors)
        self.assertIn("webhook 'h', event 1: the handler's reply has the key 'text', which says nothing; status, headers, body", errors)
        self.assertIn("event 2: the handler's reply has the key '1'", errors)

    def test_a_key_that_says_nothing_is_told_in_brief(self):
        self.add("{ [('k'):rep(100000)] = 1 }", "{ [setmetatable({}, { __tostring = error })] = 1, body = 'x' }")
        worker = self.work(answers=1, attempts=1, concurrency=1, script="""
            return function(event) return load("return " .. event.id)() end""")
        self.assertEqual([json.loads(worker.stdout.readline()).get("body") for _ in range(2)], [None, "x"])
        _, errors = self.end(worker)
        self.assertIn("event 1: the handler's reply has the key '" + "k" * 64 + "...', which says nothing", errors)
        self.assertIn("event 2: the handler's reply has the key '(a table)', which says nothing", errors)

    def test_nobody_reads_what_handlers_print(self):
        worker = self.work(attempts=1, script="return function(event) print(event.id) io.write(event.id, '\\n') end")
        worker.stdout.close()
        self.add("a", "b")
        self.wake(worker)
        self.until("done")
        status, errors = self.end(worker)
        self.assertEqual((status, errors.count("what handlers print is lost")), (0, 1), errors)

    def test_what_is_raised_may_be_of_any_kind(self):
        raised = {"error(404)": "404", "error(true)": "true", "error(nil)": "nil", "error(print)": "function: ",
                  "return nil, 42": "42", "error { kind = 'odd', message = 'told' }": "odd: told", "error { message = 5 }": "5",
                  "error { kind = 'odd' }": "odd", "error { kind = {} }": "table: ", "error 'a\\0b'": r"a\\0b",
                  "error { kind = 'throttled', retry_after = 0/0 }": "throttled",
                  "error(setmetatable({}, { __index = function() error(1) end }))": "cannot be shown",
                  "error(setmetatable({}, { __tostring = function() error 'own' end }))": "cannot be shown: .*own",
                  "local t = setmetatable({}, { __tostring = print }) task.spawn(function() error(t) end)": "cannot be shown"}
        self.add(*(str(n + 1) for n in range(len(raised))))
        worker = self.work(attempts=1, script=f"""
            local ways = {{ {", ".join(f"function() {way} end" for way in raised)} }}
            return function(event) return ways[tonumber(event.id)]() end""")
        self.until("dead")
        self.assertEqual(self.end(worker)[0], 0)
        for row, (way, says) in zip(self.rows("attempt, error"), raised.items()):
            self.assertEqual(row[0], 1, way)
            self.assertRegex(row[1], says, way)

    def test_what_is_raised_or_answered_may_compute_for_ever(self):
        hostile = "setmetatable({}, { %s = function() while true do end end })"
        raised = [f"error({hostile % '__tostring'})", f"return nil, {hostile % '__index'}"]
        replies = [f"return {{ headers = {hostile % '__pairs'} }}", f"return {hostile % '__index'}"]
        self.add(*(str(n + 1) for n in range(len(raised) + len(replies))))
        for _ in range(len(raised) + len(replies)): # each ends when it has been slow
            worker = self.work(answers=1, attempts=1, concurrency=1, script=f"""
                local ways = {{ {", ".join(f"function() {way} end" for way in raised + replies)} }}
                return function(event) return ways[tonumber(event.id)]() end""")
            support.wait_until(lambda: worker.poll() is not None or set(self.rows()) <= {"done", "dead"})
        self.assertEqual(self.rows("state, attempt"), [("dead", 1)] * len(raised) + [("done", 1)] * len(replies))
        for error in self.rows("error")[:len(raised)]:
            self.assertIn("the error value cannot be shown: the time", error)

    def test_a_form_is_known_as_the_check_knows_it(self):
        database_headers = ["Application/X-WWW-Form-Urlencoded", "application/x-www-form-urlencoded; charset=utf-8",
                            "application/x-www-form-urlencodedx", "text/plain; application/x-www-form-urlencoded"]
        self.add(*((str(n), "", "", "a=b%20c") for n in range(len(database_headers))))
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        with database:
            for n, kind in enumerate(database_headers):
                database.execute("UPDATE event SET headers = ? WHERE id = ?", (json.dumps({"content-type": kind}), str(n)))
        database.close()
        self.work(script="return function(event) state.set(event.id, event.data and event.data.a or 'none') end")
        self.until("done")
        self.assertEqual(self.keys(), {"0": "b c", "1": "b c", "2": "none", "3": "none"})

    def test_json_in_the_only_field_of_a_form_is_the_data(self):
        bodies = ["payload=%7B%22action%22%3A%22opened%22%7D", "payload=%7B%22action%22%3A%22opened%22%7D&token=x",
                  "payload=[1]", "payload=hello", "payload=null", "payload=%7B%22payload%22%3A5%7D", "payload="]
        self.add(*((str(n), "", "", body) for n, body in enumerate(bodies)))
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        with database:
            database.execute("UPDATE event SET headers = ?", (json.dumps({"content-type": "application/x-www-form-urlencoded"}),))
        database.close()
        self.work(script="""
            return function(event) state.set(event.id, { event.data.action or "none", event.data.payload }) end""")
        self.until("done")
        opened = '{"action":"opened"}'
        self.assertEqual(self.keys(), {"0": ["opened", opened], "1": ["none", opened], "2": ["none", "[1]"], "3": ["none", "hello"],
                                       "4": ["none", "null"], "5": ["none", 5], "6": ["none", ""]})

    def test_one_bad_value_does_not_hide_the_data(self):
        bad = [r'"\ud83d"', "12345678901234567890123", "1e999", '"\x01"', "NaN"] # each of which json.decode refuses
        self.add(*((str(n), "", "", f'{{"bad": {text}, "a": {n}}}') for n, text in enumerate(bad)))
        self.work(script="return function(event) state.set(event.id, event.data.a) end")
        self.until("done")
        self.assertEqual(self.keys(), {str(n): n for n in range(len(bad))})


class Ends(hooks.Hooks):
    def test_a_stop_gives_back_what_is_left(self):
        self.add("quick", "slow")
        worker = self.work(grace=300, script="""
            return function(event) task.sleep(event.id == "quick" and 0.2 or 60) state.set(event.id, 1) end""")
        support.wait_until(lambda: self.rows() == ["running", "running"])
        for signo in signal.SIGTERM, signal.SIGINT, signal.SIGHUP: # systemd tells all processes
            worker.send_signal(signo)
        status, _ = self.end(worker)
        self.assertEqual((status, self.rows("state, attempt")), (0, [("done", 1), ("ready", 0)]))
        self.assertEqual(self.keys(), {"quick": 1})

    def test_killed_inside_handlers(self):
        self.add(*(f"e{n}" for n in range(40)))
        script = """
            return function(event)
              task.sleep(0.01)
              state.set(event.id, (state.get(event.id) or 0) + 1)
              task.sleep(0.02)
            end"""
        for n in range(20 * (5 if support.SOAK else 1)):
            worker = self.work(script=script, concurrency=3, attempts=30)
            support.wait_until(lambda: "running" in self.rows() or set(self.rows()) == {"done"})
            time.sleep(0.003 * (n % 10))
            worker.kill()
            worker.wait()
        self.work(script=script, concurrency=3, attempts=30)
        self.until("done")
        self.assertEqual(self.keys(), {f"e{n}": 1 for n in range(40)})

    def test_one_that_kills_its_process_takes_no_other_along(self):
        self.add("killer", *(f"e{n}" for n in range(6)))
        script = """
            return function(event)
              if event.id == "killer" then os.execute "kill -9 $PPID" end
              task.sleep(0.05)
            end"""
        for _ in range(12):
            worker = self.work(script=script, attempts=2, concurrency=4)
            support.wait_until(lambda: worker.poll() is not None or set(self.rows()) <= {"done", "dead"})
            if worker.poll() is None:
                break
        self.assertEqual(self.rows(), ["dead"] + ["done"] * 6)
        self.assertEqual(self.rows("attempt"), [2] + [1] * 6)

    def test_the_deadline_of_one_that_waits(self):
        self.add("waits", "stubborn", "other")
        worker = self.work(timeout=2000, attempts=1, script="""
            return function(event)
              if event.id == "waits" then task.sleep(60) end
              while event.id == "stubborn" do pcall(task.sleep, 0.01) end
              task.sleep(0.1)
            end""")
        self.until("done", "dead")
        self.assertEqual(self.rows(), ["dead", "dead", "done"])
        self.assertIn("the time for this event is up", self.rows("error")[0])
        worker.wait(timeout=20)

    def test_one_that_computes_for_ever(self):
        self.add("loops", *(f"e{n}" for n in range(3)))
        script = """
            return function(event) while event.id == "loops" do end task.sleep(0.01) end"""
        for _ in range(3):
            worker = self.work(script=script, timeout=2000, attempts=1)
            support.wait_until(lambda: worker.poll() is not None or set(self.rows()) <= {"done", "dead"})
        self.assertEqual(self.rows(), ["dead"] + ["done"] * 3)
        self.assertEqual(self.rows("attempt"), [1] * 4)

    def test_a_call_into_c_that_does_not_return(self):
        self.add("stuck", *(f"e{n}" for n in range(3)))
        script = """
            return function(event)
              task.sleep(0.01)
              if event.id == "stuck" then string.find(("a"):rep(100000), (".-"):rep(30) .. "b") end
            end"""
        for _ in range(4):
            worker = self.work(script=script, timeout=2000, attempts=1)
            support.wait_until(lambda: worker.poll() is not None or set(self.rows()) <= {"done", "dead"})
            if worker.poll() is None:
                break
            self.assertEqual(worker.returncode, 8)
        self.assertEqual(self.rows(), ["dead"] + ["done"] * 3)

    def test_a_program_that_does_not_return(self):
        self.add("stuck", "other")
        script = f"""
            return function(event)
              if event.id == "stuck" then
                os.execute "echo $$ >>{self.folder}/pids; exec sleep 600"
              end
            end"""
        for _ in range(5):
            worker = self.work(script=script, timeout=2000, attempts=1)
            support.wait_until(lambda: worker.poll() is not None or set(self.rows()) <= {"done", "dead"})
            if worker.poll() is None:
                break
        self.assertEqual(self.rows(), ["dead", "done"])
        with open(f"{self.folder}/pids", encoding="ascii") as file:
            pids = file.read().split()
        self.assertTrue(pids)
        self.assertEqual([pid for pid in pids if os.path.exists("/proc/" + pid)], [])

    def test_one_that_fills_its_memory(self):
        self.add("hog", *(f"e{n}" for n in range(5)))
        while not set(self.rows()) <= {"done", "dead"}:  # a process that has reached its limit ends
            worker = self.work(memory=8 << 20, attempts=2, concurrency=3, script="""
                return function(event)
                  local kept = {}
                  while event.id == "hog" do kept[#kept + 1] = ("x"):rep(100000) .. #kept end
                  task.sleep(0.01)
                end""")
            support.wait_until(lambda: worker.poll() is not None or set(self.rows()) <= {"done", "dead"}, 30)
        self.assertEqual(self.rows(), ["dead"] + ["done"] * 5)
        self.assertIn("not enough memory", self.rows("error")[0])

    def test_a_script_that_does_not_load_harms_no_event(self):
        self.add("a")
        worker = self.work(script="return 1 +")
        worker.wait(timeout=20)
        self.assertEqual((worker.returncode, self.rows("state, attempt")), (1, [("ready", 0)]))
        worker = self.work(script="return 1")
        worker.wait(timeout=20)
        self.assertIn("a function expected", self.end(worker)[1])

    def test_a_script_that_ends_the_process_is_told(self):
        """With status 0 a process asks to be started anew, which would go on for ever."""
        self.add("a")
        for status in (0, 3):
            worker = self.work(script=f"os.exit({status})")
            worker.wait(timeout=20)
            self.assertEqual((worker.returncode, self.rows("state, attempt")), (1, [("ready", 0)]))
            self.assertRegex(self.end(worker)[1], r"webhook 'h': .*handlers\.lua has called os\.exit, which ends ")

    def test_a_script_or_module_that_was_mended_is_loaded_by_the_next_process(self):
        def module(text):
            self.write("helper.lua", text)
        module('return function() error "not mended" end')
        script = 'local help = require "helper" return function(event) help(event.id, state) end'
        self.add("a")
        worker = self.work(script=script, attempts=1)
        self.until("dead")
        module("return function(id, state) state.set(id, ")  # half of it
        self.add("b")
        self.wake(worker)
        self.until("dead")
        module("return function(id, state) state.set(id, 1) end")
        self.ok("events", "--retry", "1")
        with contextlib.suppress(BrokenPipeError):  # it may have looked by itself
            self.wake(worker)
        worker.wait(timeout=20)
        self.assertEqual((worker.returncode, self.rows("state")), (0, ["ready", "dead"]))
        said = self.end(worker)[1]
        self.assertRegex(said, r"helper\.lua:1: .*stays in use")
        self.assertRegex(said, r"helper\.lua has changed; starting anew")
        self.work(script=script)
        self.until("done", "dead")
        self.assertEqual(self.keys(), {"a": 1})

    def test_what_a_script_sets_as_it_is_loaded_is_there_for_its_handlers(self):
        script = """state.set("reset", 0) if not state.get "first" then state.set("first", 10) end
            return function(event)
              state.set("reset", state.get "reset" + 1)
              state.set("first", state.get "first" + 1)
            end"""
        for ids, first in (("ab", 12), ("cde", 15)):
            self.add(*ids)
            worker = self.work(script=script)
            self.until("done")
            self.assertEqual(self.end(worker)[0], 0)
            self.assertEqual(self.keys(), {"reset": len(ids), "first": first})

    def test_a_conflict_as_a_script_is_loaded_ends_the_process(self):
        """A fresh one loads it anew; the values were lost without a word otherwise."""
        self.add("a")
        script = f"""local n = state.get "n" or 0
            io.open("{self.folder}/read", "w"):close()
            while not io.open("{self.folder}/go") do task.sleep(0.01) end
            state.set("n", n + 1)
            return function() end"""
        worker = self.work(script=script)
        support.wait_until(lambda: os.path.exists(self.folder + "/read"), 30)
        self.work(hook="h", script_path=self.write("other.lua", """local state = require "jeton.state"
            state.set("n", 10)
            return function() require "jeton.task".sleep(3600) end"""))
        support.wait_until(lambda: self.keys().get("n") == 10, 30)
        self.write("go", "")
        worker.wait(30)
        self.assertEqual(self.end(worker)[0], 1)
        self.assertIn("changed by another run", worker.said)
        self.assertEqual(self.keys(), {"n": 10})

    def test_a_task_that_the_script_has_started_keeps_no_process(self):
        script = """task.spawn(function() while true do pcall(task.sleep, 0.01) end end)
            return function(event) state.set(event.id, 1) end"""
        self.add("a")
        worker = self.work(script=script)
        self.until("done")
        self.handlers(script + " -- mended")
        with contextlib.suppress(BrokenPipeError):
            self.wake(worker)
        worker.wait(timeout=20)
        self.add("b")
        next_one = self.work(script=script)
        self.until("done")
        self.assertEqual((worker.returncode, self.end(next_one)[0], self.keys()), (0, 0, {"a": 1, "b": 1}))

    def test_a_task_that_the_script_has_started_and_that_fails_is_told_at_once(self):
        self.add("a")
        worker = self.work(script="""
            task.spawn(function() task.sleep(0.2) error({ message = "gone" .. "!" }) end)
            task.spawn(function() task.sleep(0.1) error "text\\nmore" end)
            return function() task.sleep(0.01) end""")
        self.until("done")
        lines = (line for line in worker.stderr if "a task that its script has started" in line)
        told = sorted(next(lines).rpartition(": ")[2] for _ in range(2))  # while it runs
        self.assertEqual(told, ["gone!\n", "text\n"])
        self.add("b")
        self.wake(worker)
        self.until("done", "done")
        self.assertEqual(self.end(worker)[0], 0)

    def test_a_module_that_changes_while_the_handler_runs_that_loaded_it(self):
        self.write("late.lua", "return 1")
        self.add("a")
        worker = self.work(script="""return function(event)
            local late = require "late"
            io.open(os.getenv "HOME" .. "/runs", "w"):close()
            while not io.open(os.getenv "HOME" .. "/changed") do task.sleep(0.02) end
            state.set(event.id, late)
        end""")
        support.wait_until(lambda: os.path.exists(self.folder + "/runs"))
        self.write("late.lua", "return 2")
        self.write("changed", "")
        self.until("done")
        self.add("b")
        with contextlib.suppress(BrokenPipeError):
            self.wake(worker)
        worker.wait(timeout=20)
        self.assertEqual((worker.returncode, self.keys()["a"], self.rows("state")), (0, 1, ["done", "ready"]))


class Homes(hooks.Hooks):
    def test_a_configuration_that_gets_a_name_keeps_its_events(self):
        self.add("a", "b")
        first = self.work(concurrency=1, script="""
            return function(event) if event.id == "b" then error "not yet" end state.set(event.id, 1) end""", delay=60000,
                          max_delay=60000)
        support.wait_until(lambda: self.rows("state, attempt") in ([("done", 1), ("ready", 1)],))
        self.end(first)
        self.write("jeton.yaml", f"version: 1\nname: moved\nstate: {self.state}\n")
        self.ok("events", "--retry", "2")
        self.work(script="return function(event) state.set(event.id, (state.get 'a' or 0) + 1) end")
        self.until("done")
        self.assertEqual((self.keys(), set(self.rows("scope"))), ({"a": 1, "b": 2}, {"hook:h:name:moved"}))


class Programs(hooks.Hooks):
    def test_a_url(self):
        answers = [(500, {}), (302, {"Location": "/elsewhere"}), (429, {"Retry-After": "0"}), (204, {})]
        server = service.Service(lambda _: (*answers[len(server.received) - 1], b""))
        self.addCleanup(server.stop)
        self.add(("a", "made", "", '{"n": 1}'))
        self.work(forward=f"{server.url}/there")
        self.until("done")
        self.assertEqual([(request["method"], request["path"], request["body"]) for request in server.received],
                         [("POST", "/there", b'{"n": 1}')] * 4)
        heads = [request["headers"] for request in server.received]
        self.assertEqual([head["jeton-event-attempt"] for head in heads], ["1", "2", "3", "4"])
        self.assertEqual(len({head["idempotency-key"] for head in heads}), 1)
        self.assertEqual((heads[0]["content-type"], heads[0]["x-kept"]), ("application/json", "1"))

    def test_a_url_whose_reply_is_long(self):
        server = service.Service(lambda _: (200, {}, b"x" * 70_000_000)) # more than jeton takes of a reply
        self.addCleanup(server.stop)
        self.add("a")
        self.work(forward=f"{server.url}/there", attempts=1)
        self.until("done")
        self.assertEqual(len(server.received), 1)

    def test_a_url_whose_reply_cannot_be_read(self):
        """Its status is enough: a further attempt would do twice what the receiver has done."""
        ways = [({"Content-Length": "1000"}, b"half"), ({"Content-Encoding": "gzip"}, b"damaged"),
                ({"Content-Encoding": "br"}, b"unasked"), ({"Content-Encoding": "gzip"}, gzip.compress(b"x" * 999)[:20])]
        def answer(request):
            headers, body = ways[json.loads(request["body"])["id"]]
            return 200, {"Connection": "close", **headers}, body
        server = service.Service(answer)
        self.addCleanup(server.stop)
        self.add(*((str(n), "", "", json.dumps({"id": n})) for n in range(len(ways))))
        self.work(forward=f"{server.url}/there", attempts=1)
        self.until("done")
        self.assertEqual(len(server.received), len(ways))

    def test_a_url_that_says_a_date(self):
        server = service.Service(lambda _: (503, {"Retry-After": email.utils.formatdate(time.time() + 3600, usegmt=True)}, b""))
        self.addCleanup(server.stop)
        self.add("a")
        self.work(forward=f"{server.url}/there", attempts=2, delay=1, max_delay=1)
        support.wait_until(lambda: self.rows("state, attempt") == [("ready", 1)], 60)
        self.assertAlmostEqual(self.rows("next_ms")[0] / 1000, time.time() + 3600, delta=60)

    def test_a_url_that_takes_its_time(self):
        def slow(_):
            time.sleep(61 if support.SOAK else 1)  # longer than requests of scripts wait
            return 200, {}, b""
        server = service.Service(slow)
        self.addCleanup(server.stop)
        self.add("a")
        self.work(forward=f"{server.url}/there", attempts=2, timeout=90_000)
        self.until("done", seconds=90)
        self.assertEqual((len(server.received), self.rows("attempt")), (1, [1]))

    def test_a_url_that_wants_to_wait_for_ever(self):
        asks = ["9" * 400, "9223372036854775807", "9999999999999", "0"]
        server = service.Service(lambda request: (503, {"Retry-After": asks[json.loads(request["body"])["id"]]}, b""))
        self.addCleanup(server.stop)
        self.add(*((str(n), "", "", json.dumps({"id": n})) for n in range(len(asks))))
        worker = self.work(forward=f"{server.url}/there", attempts=2, delay=86400_000, max_delay=86400_000)
        support.wait_until(lambda: self.rows("state, attempt") == [("ready", 1)] * len(asks), 60)
        days = [round((due - time.time() * 1000) / 86400_000, 1) for due in self.rows("next_ms")]
        self.assertEqual(days[:3], [7, 7, 7])
        self.assertLessEqual(days[3], 1)
        self.assertIsNone(worker.poll())
        self.assertEqual(len(json.loads(self.ok("events", "--json").stdout)), len(asks))

    def test_errors_that_are_no_time(self):
        waits = ["math.huge", "-math.huge", "0/0", "-5", "2^62", "math.maxinteger", "'x'"]
        self.add(*(str(n) for n in range(len(waits))))
        worker = self.work(attempts=2, delay=86400_000, max_delay=86400_000, script=f"""
            local waits = {{ {', '.join(waits)} }}
            return function(event) error({{ kind = "throttled", message = "m", retry_after = waits[event.id + 1] }}, 0) end""")
        support.wait_until(lambda: self.rows("state, attempt") == [("ready", 1)] * len(waits), 60)
        self.assertIsNone(worker.poll())
        self.assertLess(max(self.rows("next_ms")), (time.time() + 8 * 86400) * 1000)

    def test_a_url_is_not_told_by_the_sender_what_jeton_says(self):
        server = service.Service(lambda _: (204, {}, b""))
        self.addCleanup(server.stop)
        self.add("a")
        sent = {"jeton-event-id": "other", "jeton-event-attempt": "9", "content-encoding": "gzip", "x-kept": "1"}
        dropped = {"jeton_event_id": "other", "idempotency_key": "other", "x-forwarded-for": "10.0.0.1", "x_forwarded_host": "other",
                   "forwarded": "for=10.0.0.1", "x-real-ip": "10.0.0.1", "via": "1.1 proxy", "proxy-authorization": "x",
                   "connection": "close, X-Hop", "x-hop": "1", "x_hop": "1", "authorization": "***"}
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        with database:
            database.execute("UPDATE event SET headers = ?", (json.dumps({**sent, **dropped}),))
        database.close()
        self.work(forward=f"{server.url}/there")
        self.until("done")
        [head] = [request["headers"] for request in server.received]
        self.assertEqual([head.get_all(name) for name in sent], [["a"], ["1"], None, ["1"]])
        self.assertEqual([name for name in dropped if head.get_all(name)], [])

    def test_a_program_leaves_nobody_beside_the_next_attempt(self):
        """In sessions of their own, with a parent and without one, deaf to SIGTERM, and those who clear their environment."""
        run = f"sh -c 'echo $$ >>{self.folder}/pids; exec sleep 600'"
        program = self.write("slow.sh", f"""#!/bin/sh
setsid {run} &
(setsid {run} &)
env -i setsid {run} &
trap '' TERM
setsid {run} &
wait
sleep 600
""")
        os.chmod(program, 0o700)
        self.add("a")
        self.work(command=program, attempts=1, timeout=1000)
        self.until("dead", seconds=60)
        with open(f"{self.folder}/pids", encoding="ascii") as file:
            pids = file.read().split()
        self.assertEqual(len(pids), 4)
        for pid in pids:
            support.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10)

    def test_a_command_beyond_its_time(self):
        self.add("slow")
        program = self.write("slow.sh", f"#!/bin/sh\nsh -c 'echo $$ >{self.folder}/pid; exec sleep 600'\n:\n")
        os.chmod(program, 0o700)
        self.work(command=program, attempts=1, timeout=1000)
        self.until("dead")
        with open(f"{self.folder}/pid", encoding="ascii") as file:
            pid = file.read().strip()
        support.wait_until(lambda: not os.path.exists("/proc/" + pid))

    def test_a_command(self):
        self.add(("a", "made", "", '{"n": "{dir}"}'), "b")
        program = self.write("run.sh", '#!/bin/sh\ncat >"$JETON_EVENT_ID.body"\nenv >"$JETON_EVENT_ID.env"\n'
                                       '[ "$JETON_EVENT_ID" = a ] || exit 3\n', mode=0o700)
        self.work(command=program, attempts=2)
        self.until("done", "dead")
        self.assertEqual(self.text("a.body"), '{"n": "{dir}"}')
        env = dict(line.split("=", 1) for line in self.text("a.env").splitlines() if "=" in line)
        self.assertEqual((env["JETON_EVENT_TYPE"], env["JETON_EVENT_ATTEMPTS"], env["JETON_EVENT_HOOK"]), ("made", "2", "h"))
        self.assertEqual(json.loads(env["JETON_EVENT_HEADERS"])["x-kept"], "1")
        self.assertEqual(self.rows("state, attempt, error"),
                         [("done", 1, None), ("dead", 2, "the command ended with status 3")])

    def test_a_signal_does_not_end_a_command(self):
        """The listener sends it at its end and at a reload; a handler has the grace then, whatever it is."""
        self.add("a")
        program = self.write("slow.sh", "#!/bin/sh\ntouch began\nsleep 0.5\ntouch ended\n", mode=0o700)
        worker = self.work(command=program, attempts=1)
        support.wait_until(lambda: os.path.exists(f"{self.folder}/began"))
        worker.send_signal(signal.SIGTERM)
        self.end(worker)
        self.assertEqual(self.rows("state, attempt, error"), [("done", 1, None)])
        self.assertTrue(os.path.exists(f"{self.folder}/ended"))

    def test_a_command_that_is_being_replaced(self):
        self.add("a")
        program = os.path.join(self.folder, "run")
        self.work(command=program, attempts=100, delay=100, max_delay=100)
        support.wait_until(lambda: self.rows("error")[0])
        self.assertEqual(self.rows("error"), [f"cannot start '{program}': no such program"])
        self.write("run", "#!/bin/sh\n", mode=0o700)
        self.until("done")


if __name__ == "__main__":
    unittest.main()
