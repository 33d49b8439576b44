"""Whatever a handler does ends with its own event: its hook handles the next one."""

import json
import os
import signal
import unittest

import listening
import service
import support

LOOP = "function() while true do end end"
REPLACED = {
    "format": "string.format", "gsub": "string.gsub", "match": "string.match", "concat": "table.concat",
    "pcall": "pcall", "type": "type", "tostring": "tostring", "error": "error", "pairs": "pairs",
    "next": "next", "setmetatable": "setmetatable", "getmetatable": "getmetatable", "time": "os.time",
    "max": "math.max", "require": "require", "open": "io.open", "load": "load", "loaded": "package.searchpath",
    "encode": "require 'jeton.json'.encode", "warn": "require 'jeton.log'.warn",
    "spawn": "require 'jeton.task'.spawn", "finish": "require 'jeton.hook'.finish",
    "own": "require 'hook.own'.pcall",
}
# In a session of its own, without a parent.
LEAVE = '(setsid sh -c "echo \\$\\$ >>pids; exec sleep 600" >/dev/null 2>&1 &)'
# What a handler does with the event x; it fails afterwards, so that the worker has to say how.
WAYS = {
    **{f"{name}-loops": f"{path} = {LOOP} fail('mine')" for name, path in REPLACED.items()},
    **{f"{name}-{what}": f"{REPLACED[name]} = {fn} fail('mine')" for name in ("pcall", "format", "type", "finish", "own")
       for what, fn in (("raises", "function() fail('x') end"), ("lies", "function() return true end"))},
    "strings": f"getmetatable('').__index = {LOOP} fail('mine')",
    "strings-raise": "getmetatable('').__index = nil fail('mine')",
    "strings-show": f"getmetatable('').__tostring = {LOOP} fail('mine')",
    "strings-lie": "getmetatable('').__tostring = function() return 5 end fail('mine')",
    "waits": "require 'jeton.hook'.wait(nil, 100000)",
    "globals": "for name in pairs(_G) do _G[name] = nil end local x = nil + 1",
    "libraries": "for _, its in pairs { string, table, math, os, io, coroutine, package } do"
                 " for name in pairs(its) do its[name] = nil end end fail('mine')",
    "event": f"local its = getmetatable(event) its.__index = {LOOP} its.__gc = {LOOP} fail('mine')",
    "finalizer": f"setmetatable({{}}, {{__gc = {LOOP}}}) fail('mine')",
    "finalizers": f"for i = 1, 9 do setmetatable({{}}, {{__gc = {LOOP}}}) end collectgarbage() fail('mine')",
    "closing": f"KEPT = setmetatable({{}}, {{__gc = {LOOP}}}) os.exit(0)",
    "close": f"local its <close> = setmetatable({{}}, {{__close = {LOOP}}}) fail('mine')",
    "exit": "os.exit(3)",
    "registry": "local its = debug.getregistry() for key in pairs(its) do its[key] = nil end",
    "pattern": "string.find(('a'):rep(40), ('a*'):rep(30) .. 'b')",
    "long": "for i = 1, 1e9 do ('x'):rep(1e8) end",
    "tasks": "for i = 1, 1e5 do require 'jeton.task'.spawn(require 'jeton.task'.sleep, 100) end",
    "cycle": "local its = {} its.its = its require 'jeton.json'.encode(its) fail('mine')",
    "wrap": "coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()",
    "catch": "while true do pcall(require 'jeton.task'.sleep, 9) end",
    "fifo": "os.execute('mkfifo fifo') io.open('fifo'):read 'a'",
    "input": "io.read('a') io.read('n') fail('mine')",
    "program": "io.popen('sleep 60'):read 'a'",
    "stopped": "os.execute('kill -STOP $PPID')",
    "stopped-later": "os.execute('(sleep 1; kill -STOP '..io.open('/proc/self/stat'):read 'n'..') >/dev/null 2>&1 &')",
    "leaves": f"os.execute [[{LEAVE}; sleep 60]]",
    "leaves-killed": f"os.execute [[{LEAVE}; sleep 1; kill -9 $PPID]]",
    "killed": "os.execute('kill -9 $PPID')",
}


class Handlers(listening.Case):
    def test_what_ends_with_its_event(self):
        hooks = ""
        directory = f"    directory: {self.folder}\n"
        for name, code in WAYS.items():
            self.write(f"{name}.lua", f"local fail = error\nreturn function(event)\n  if event.id == 'x' then\n    {code}\n  end\nend\n")
            hook = listening.HOOK.format(folder=self.folder).replace("handler.lua", f"{name}.lua")
            hooks += f"  {name}:\n{hook}    timeout: 1s\n    retries: {{ attempts: 1 }}\n    memory: 64MiB\n{directory}"
        self.hooks(more=hooks, listen="  grace: 5s\n")
        served = self.listener()
        for number, event in enumerate(("x", "y", "z")):
            for name in WAYS:
                self.assertEqual(served.post({"id": event}, path=f"/{name}")[0], 200, name)
            def left(count=(number + 1) * len(WAYS)):
                ended = self.rows("SELECT count(*) FROM event WHERE state IN ('done', 'dead')")[0][0]
                return ended >= count
            try:
                support.wait_until(left, 120)
            except AssertionError:
                self.fail(self.rows("SELECT scope, id, state FROM event WHERE ended_ms IS NULL"))
        lost = self.rows("SELECT scope, id, error FROM event WHERE id <> 'x' AND state <> 'done'")
        self.assertEqual(lost, [])
        with open(f"{self.folder}/pids", encoding="ascii") as file:
            left = file.read().split()
        self.assertGreater(len(left), 1)
        for pid in left:
            support.wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
        served.stop()

    def test_headers_that_repeat_the_secret_of_the_path(self):
        """As a proxy's do. A receiver gets the event without them: with them nothing would be sent to it."""
        receiver = service.Service(lambda _: (204, {}, b""))
        self.addCleanup(receiver.stop)
        secret = "{ file: %s/sender.secret }, verify: { kind: none }, allow_unsigned: true, id: none" % self.folder
        self.write("path.lua", """return function(event)
  require "jeton.state".set("headers", event.headers)
end""")
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
listen: {{ address: "127.0.0.1:0" }}
connectors: {{ books: {{ provider: oauth2, endpoint: "https://books.example/", token_url: "https://books.example/token",
  grant: client_credentials, client_id: {{ env: BOOKS_ID }}, client_secret: {{ file: "{self.folder}/sender.secret" }} }} }}
webhooks:
  sent: {{ path: "/sent/{{secret}}", secret: {secret}, forward: "{receiver.url}/there" }}
  read: {{ path: "/read/{{secret}}", secret: {secret}, script: path.lua }}
""")
        self.env["BOOKS_ID"] = "the-id-of-an-application"  # it is no secret
        listener = self.listener()
        for name in ("sent", "read"):
            path = f"/{name}/{listening.SECRET}"
            headers = {"X-Original-URI": path, "X-Replaced-Path": path.replace("-", "%2D"), "X-Kept": self.env["BOOKS_ID"]}
            self.assertEqual(listener.ask("POST", path, b"{}", headers)[0], 200)
        self.wait_done(2)
        [head] = [request["headers"] for request in receiver.received]
        self.assertEqual((head["X-Kept"], head["X-Original-URI"], head["X-Replaced-Path"]), (self.env["BOOKS_ID"], None, None))
        [[kept]] = self.rows("SELECT value FROM kv WHERE key = 'headers'")
        kept = json.loads(kept)
        self.assertEqual([kept[name] for name in ("x-kept", "x-original-uri", "x-replaced-path")],
                         [self.env["BOOKS_ID"], "/read/***", "/read/***"])
        listener.stop()

    def test_a_body_that_repeats_the_secret_of_the_path(self):
        """As Eventbrite's do, which sign nothing: they name the URL that they were sent to."""
        receiver = service.Service(lambda _: (204, {}, b""))
        self.addCleanup(receiver.stop)
        self.write("other", "kept-by-a-connector")
        secret = "{ file: %s/sender.secret }, verify: { kind: none }, allow_unsigned: true, id: none" % self.folder
        self.write("path.lua", """return function(event)
  require "jeton.state".set("body", event.body)
end""")
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
listen: {{ address: "127.0.0.1:0" }}
connectors: {{ books: {{ provider: oauth2, endpoint: "{receiver.url}", token_url: "https://books.example/token",
  grant: client_credentials, client_id: id, client_secret: {{ file: "{self.folder}/other" }},
  allow_hosts: ["127.0.0.1:{receiver.url.rsplit(':', 1)[1]}"] }} }}
webhooks:
  sent: {{ path: "/sent/{{secret}}", secret: {secret}, forward: "{receiver.url}/there" }}
  read: {{ path: "/read/{{secret}}", secret: {secret}, script: path.lua }}
""")
        listener = self.listener()
        urls = [json.dumps({"url": f"https://h.example/{name}/{listening.SECRET}"}) for name in ("sent", "read")]
        others = b'{"known": "kept-by-a-connector"}'  # it may go there
        for name, body in (("sent", urls[0].encode()), ("sent", others), ("read", urls[1].encode())):
            self.assertEqual(listener.ask("POST", f"/{name}/{listening.SECRET}", body, {})[0], 200)
        self.wait_done(3)
        self.assertEqual(sorted(request["body"] for request in receiver.received),
                         sorted([urls[0].replace(listening.SECRET, "***").encode(), others]))
        self.assertEqual(self.rows("SELECT value FROM kv WHERE key = 'body'"), [(json.dumps(urls[1]),)])
        listener.stop()

    def test_a_receiver_whose_url_is_a_secret(self):
        """Known to the receiver alone: not to the log, the list of events, or whoever reads the configuration."""
        receiver = service.Service(lambda _: (500, {}, b""))
        self.addCleanup(receiver.stop)
        hidden = "/hooks/catch/1234567/for-the-receiver-alone"
        url = f"{receiver.url}{hidden}?code=opensesame"
        self.write("url", f"{url}\n")
        hook = "{{ secret: {{ file: sender.secret }}, verify: {{ kind: hmac, in: 'header:X-Sig' }}," \
            " id: ['json:id'], retries: {{ attempts: 1 }}, forward: {} }}"
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
listen: {{ address: "127.0.0.1:0" }}
webhooks:
  file: {hook.format("{ file: url }")}
  text: {hook.format(f"'https://127.0.0.1:1{hidden}?code=opensesame'")}
""")
        listener = self.listener("-v", "-v")
        for name in ("file", "text"):
            self.assertEqual(listener.post({"id": "1"}, path=f"/{name}")[0], 200)
        support.wait_until(lambda: len(self.rows("SELECT 1 FROM event WHERE state = 'dead'")) == 2)
        self.assertEqual([request["path"] for request in receiver.received], [url[len(receiver.url):]])
        self.write("url", "http://198.51.100.1/not-by-https")
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("the previous configuration stays in use")
        listener.stop()
        told = self.rows("SELECT error FROM event")
        for text in (listener.log(), json.dumps(told)):
            self.assertNotIn("/hooks/catch", text)
            self.assertNotIn("opensesame", text)
            self.assertNotIn("not-by-https", text)
        self.assertIn("127.0.0.1:1", json.dumps(told))

    def test_what_keeps_memory_costs_no_other_event(self):
        ways = {
            "global": ("its = {}", "its[#its + 1] = ('x'):rep(2e7) .. event.id"),
            "local": ("", "local its = {} while event.id == '0' do its[#its + 1] = ('x'):rep(1e4) .. #its end"
                          " for i = 1, 100 do its[i] = ('y'):rep(1e4) .. i end"),
            "sqlite": ("its = require 'jeton.sqlite'.open(':memory:') its:exec 'create table t (x)'",
                       "its:exec('insert into t values (?)', ('x'):rep(1e7) .. event.id)"),
            "tasks": ("local task = require 'jeton.task'",
                      "while event.id == '0' do task.spawn(task.sleep, 100) end task.sleep(0)"),
        }
        hooks = ""
        for name, (before, code) in ways.items():
            self.write(f"{name}.lua", f"{before}\nreturn function(event) {code} end\n")
            hook = listening.HOOK.format(folder=self.folder).replace("handler.lua", f"{name}.lua")
            hooks += f"  {name}:\n{hook}    retries: {{ attempts: 1 }}\n    memory: 64MiB\n"
        self.hooks(more=hooks)
        served = self.listener()
        for number in range(8):
            for name in ways:
                self.assertEqual(served.post({"id": str(number)}, path=f"/{name}")[0], 200, name)
        support.wait_until(lambda: not self.rows("SELECT 1 FROM event WHERE ended_ms IS NULL"), 120)
        lost = self.rows("SELECT scope, id, error FROM event WHERE state <> 'done'")
        self.assertEqual(sorted((scope.split(":")[1], its) for scope, its, _ in lost), [("local", "0"), ("tasks", "0")], lost)
        served.stop()

    def test_who_waits_beside_one_that_fills_the_memory(self):
        """It was the first of its process, and lacks memory when the other one has ended."""
        self.write("handler.lua", """
local task = require "jeton.task"
return function(event)
  if event.id == "full" then its = {} while true do its[#its + 1] = ("x"):rep(1e4) .. #its end end
  for _ = 1, 300 do if its then break end task.sleep(0.01) end
  task.sleep(0.3)
  local own = {} for i = 1, 100 do own[i] = ("y"):rep(1e5) .. i end
end
""")
        self.hooks(more="  beside:\n" + listening.HOOK.format(folder=self.folder)
                   + "    retries: { attempts: 1 }\n    memory: 64MiB\n    concurrency: 2\n")
        served = self.listener()
        for name in ("first", "full", "last"):
            self.assertEqual(served.post({"id": name}, path="/beside")[0], 200)
        support.wait_until(lambda: not self.rows("SELECT 1 FROM event WHERE ended_ms IS NULL"), 120)
        self.assertEqual(self.rows("SELECT id FROM event WHERE state <> 'done'"), [("full",)])
        served.stop()


if __name__ == "__main__":
    unittest.main()
