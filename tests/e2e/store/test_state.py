"""jeton.state over several runs: kept when a run succeeds, dropped when it fails."""

import json
import os
import subprocess
import unittest

import support


class State(support.Case):
    def setUp(self):
        super().setUp()
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")

    def run_script(self, text, *options, name="script.lua", status=0):
        path = self.write(name, 'local state = require "jeton.state"\n' + text)
        done = self.jeton("run", *options, path)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_changes_are_kept_when_the_run_succeeds(self):
        self.run_script("state.set('cursor', 636674054802000001) state.set('t', { a = { 1, 2 } })")
        self.assertEqual(self.run_script("print(state.get 'cursor', #state.get('t').a)"), "636674054802000001\t2\n")
        self.run_script("state.set('cursor', nil)")
        self.assertEqual(self.run_script("print(state.get 'cursor', table.concat(state.keys(), ','))"), "nil\tt\n")

    def test_changes_are_dropped_when_it_fails(self):
        self.run_script("state.set('a', 1)")
        self.run_script("state.set('a', 2) error 'no'", status=1)
        self.run_script("state.set('a', 3) return false", status=1)
        self.assertEqual(self.run_script("print(state.get 'a')"), "1\n")

    def test_commit_writes_early(self):
        self.run_script("state.set('a', 1) state.commit() state.set('a', 2) error 'no'", status=1)
        self.assertEqual(self.run_script("print(state.get 'a')"), "1\n")

    RACER = """
local n = state.get "n" or 0
io.stdout:write(n, "\\n") io.stdout:flush()
io.stdin:read "l"
state.set("n", n + 1) state.set("only_set", n)
"""

    def test_of_two_that_read_a_key_one_writes(self):
        path = self.write("script.lua", 'local state = require "jeton.state"\n' + self.RACER)
        racers = [self.start("run", path, stdin=subprocess.PIPE) for _ in range(2)]
        for racer in racers:
            self.assertEqual(racer.stdout.readline(), b"0\n")
        _, stderr = racers[0].communicate(b"go\n")
        self.assertEqual(racers[0].returncode, 0, stderr)
        _, stderr = racers[1].communicate(b"go\n")
        self.assertEqual(racers[1].returncode, 1, stderr)
        self.assertIn(b"key 'n' of jeton.state was read here, and has been changed by another run since", stderr)
        self.assertEqual(self.run_script("print(state.get 'n', state.get 'only_set')"), "1\t0\n")

    def test_a_conflict_can_be_begun_anew(self):
        self.write("other.lua", "")
        self.run_script(f"""
            state.set("n", 5) state.commit() assert(state.get "n" == 5) assert(state.get "none" == nil)
            state.set("n", 6) state.commit() -- what it wrote itself is no conflict
            local sqlite = require "jeton.sqlite"
            local db <close> = assert(sqlite.open("{self.state}/jeton.db"))
            assert(db:exec("INSERT OR REPLACE INTO kv (scope, key, value) SELECT scope, 'none', 1 FROM kv WHERE key = 'n'"))
            state.set("n", 7)
            local ok, err = pcall(state.commit)
            assert(not ok and err.kind == "conflict", tostring(err))
            assert(state.get "n" == 6 and state.get "none" == 1)
            state.set("n", 8) state.commit()""")
        self.assertEqual(self.run_script("print(state.get 'n')"), "8\n")

    def test_the_last_task_counts_too(self):
        self.run_script("require 'jeton.task'.spawn(function() require 'jeton.task'.sleep(0.1) state.set('a', 1) end)")
        self.assertEqual(self.run_script("print(state.get 'a')"), "1\n")

    def test_a_dry_run_writes_nothing(self):
        self.assertEqual(self.run_script("state.set('a', 1) state.commit() print(state.get 'a')", "--dry-run"), "1\n")
        self.assertEqual(self.run_script("print(state.get 'a')"), "nil\n")

    def test_scripts_do_not_share(self):
        self.run_script("state.set('a', 1)")
        self.assertEqual(self.run_script("print(state.get 'a')", name="other.lua"), "nil\n")
        os.symlink("script.lua", os.path.join(self.folder, "link.lua"))
        self.run_script("print(state.get 'a')")
        done = self.jeton("run", os.path.join(self.folder, "link.lua"))
        self.assertEqual(done.stdout, "1\n", done.stderr)

    def test_a_script_from_standard_input_has_none(self):
        done = self.jeton("run", "-", input='require "jeton.state".set("a", 1)')
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("standard input", done.stderr)

    def test_a_script_that_only_loads_it_leaves_no_trace(self):
        self.run_script("")
        self.assertFalse(os.path.exists(self.state))

    def test_a_key_that_is_not_there_yet(self):
        self.write("jeton.yaml", "version: 1\nname: n\nstate: {url: 'postgresql://u@127.0.0.1:1/d', key: {file: k}}\n")
        for args in (("state", "check"), ("check",)):
            done = self.jeton("--config", "jeton.yaml", *args)
            self.assertEqual(done.returncode, 3)
            self.assertIn("k: No such file or directory; `jeton state keygen FILE` makes it", done.stdout + done.stderr)
        self.write("jeton.yaml", "version: 1\nname: n\nstate: here\n")
        self.fails(3, "--config", "jeton.yaml", "state", "copy", "--to", "postgresql://u@127.0.0.1:1/d", "--key", "k",
                   says="k: No such file or directory; `jeton state keygen k` makes it")

    def test_a_broken_state_is_no_empty_one(self):
        self.run_script("state.set('a', 1)")
        with open(os.path.join(self.state, "jeton.db"), "wb") as file:
            file.write(b"not a database" * 100)
        path = self.write("script.lua", "print(require 'jeton.state'.get 'a')")
        done = self.jeton("run", path)
        self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)


class Shared(support.Case):
    """`shared` of jobs, and state.shared."""

    def setUp(self):
        super().setUp()
        self.write("jeton.yaml", f"""version: 1
state: {self.state}
jobs:
  poll: {{ script: poll.lua, shared: [board, other] }}
  summary: {{ script: summary.lua, shared: [board] }}
  alone: {{ script: alone.lua }}
""")
        self.write("conf.d/more.yaml", "jobs: { third: { script: ../summary.lua, shared: [board] } }\n")
        for name, text in (("poll", "state.set('own', 1) board.set('n', (board.get 'n' or 0) + 1) board.set('m', { 1 })"),
                           ("summary", "print(board.get 'n', table.concat(board.keys(), ','), #state.keys())")):
            self.write(name + ".lua", f"local state = require 'jeton.state' local board = state.shared 'board' {text}")

    def job(self, name, status=0, **more):
        done = self.jeton("run", "--job", name, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_what_one_writes_others_read(self):
        self.job("poll")
        self.job("poll")
        self.assertEqual(self.job("summary"), "2\tm,n\t0\n")
        self.assertEqual(self.job("third"), "2\tm,n\t0\n")
        done = self.jeton("state", "keys", "list", "--job", "poll")
        self.assertEqual(done.stdout, "own\n", done.stderr)
        done = self.jeton("state", "keys", "export", "--shared", "board")
        self.assertEqual(done.stdout, '{"key":"m","value":[1]}\n{"key":"n","value":2}\n', done.stderr)

    def test_who_does_not_name_it_has_none(self):
        self.write("alone.lua", "require 'jeton.state'.shared 'board'")
        self.assertIn("this job does not share 'board'; its configuration needs shared: [board]", self.job("alone", 3))
        done = self.jeton("run", "alone.lua")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("only jobs and webhooks share keys", done.stderr)
        self.assertIn("'shared'", self.jeton("state", "keys", "list", "--shared", "boart").stderr)
        self.assertIn("job 'poll' shares 'other', which no other job or webhook names", self.jeton("check").stdout)

    def test_own_and_shared_keys_are_seen_at_once_and_dropped_together(self):
        self.write("poll.lua", """
            local state = require 'jeton.state' local board, other = state.shared 'board', state.shared 'other'
            state.set('k', 1) board.set('k', 2) other.set('k', 3)
            assert(state.get 'k' == 1 and board.get 'k' == 2 and other.get 'k' == 3)
            assert(#state.keys() == 1 and #board.keys() == 1)
            board.set('k', nil) assert(board.get 'k' == nil and #board.keys() == 0 and #other.keys() == 1)
            error 'no'""")
        self.job("poll", 1)
        self.assertEqual(self.job("summary"), "nil\t\t0\n")

    def test_a_shared_key_that_was_read_must_stay(self):
        self.write("poll.lua", """
            local state = require 'jeton.state' local board = state.shared 'board'
            local n = board.get 'n' or 0
            assert(os.execute(arg_program .. ' state keys set --shared board n 40'))
            state.set('own', n) board.set('n', n + 1)
            local ok, err = pcall(state.commit)
            assert(not ok and err.kind == 'conflict' and state.get 'own' == nil)
            assert(err.message:find("key 'n' of state.shared 'board' was read here", 1, true), err.message)
            state.set('own', board.get 'n') board.set('n', board.get 'n' + 2)
            """.replace("arg_program", f"'{support.JETON}'"))
        self.job("poll")
        self.assertEqual(self.job("summary"), "42\tn\t0\n")
        done = self.jeton("state", "keys", "get", "--job", "poll", "own")
        self.assertEqual(done.stdout, "40\n", done.stderr)


class Keys(support.Case):
    """`jeton state keys`."""

    JOBS = """jobs:
  poll: {script: poll.lua}
  other: {script: poll.lua}
webhooks:
  orders: {script: poll.lua, from: github, secret: {env: HOOK}}
"""

    def setUp(self):
        super().setUp()
        self.config = self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n{self.JOBS}")
        self.write("poll.lua", "print((require 'jeton.json'.encode(require 'jeton.state'.get('k'))))")

    def keys(self, *args, status=0, **more):
        done = self.jeton("state", "keys", *args, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_what_is_set_is_what_the_job_gets(self):
        for text, as_json in (("5", "5"), ("1e2", "100.0"), ("636674054802000001", "636674054802000001"),
                              ('"é"', '"é"'), ('{"b": [1, null]}', '{"b":[1,null]}'), ("\ufefftrue", "true")):
            self.keys("set", "--job", "poll", "k", text)
            self.assertEqual(self.keys("get", "--job", "poll", "k"), as_json + "\n")
            done = self.jeton("run", "--job", "poll")
            self.assertEqual((done.returncode, done.stdout), (0, as_json + "\n"), done.stderr)
        self.assertEqual(self.keys("list", "--job", "poll"), "k\n")
        self.assertEqual(self.keys("list", "--job", "other"), "")
        self.assertEqual(self.keys("list", "--job", "other", "--json"), "[]\n")

    def test_text_is_never_guessed(self):
        said = self.keys("set", "--job", "poll", "k", "2026-01-01", status=1)
        self.assertIn("--text takes it as a text", said)
        self.keys("set", "--job", "poll", "k", "2026-01-01", "--text")
        self.assertEqual(self.keys("get", "--job", "poll", "k"), '"2026-01-01"\n')
        self.assertEqual(self.keys("get", "--job", "poll", "k", "--text"), "2026-01-01\n")
        self.keys("set", "--job", "poll", "--text", "k", "-", input="a\nb\n")
        self.assertEqual(self.keys("get", "--job", "poll", "k"), '"a\\nb"\n')
        self.keys("set", "--job", "poll", "k", "-", input="[1]\n")
        self.assertEqual(self.keys("get", "--job", "poll", "--text", "k"), "[1]\n")

    def test_export_and_import(self):
        lines = '{"key":"a \\"b\\"","value":[1,2.5]}\n{"key":"é","value":null}\n'
        said = self.keys("import", "--hook", "orders", input="\ufeff" + lines.replace("\n", "\r\n\n"))
        self.assertEqual(said, "set 2 keys of webhook 'orders'\n")
        self.assertEqual(self.keys("export", "--hook", "orders"), lines)
        self.assertEqual(self.keys("list", "--hook", "orders", "--json"), '["a \\"b\\"",\n "é"]\n')
        path = self.write("keys.jsonl", lines + '{"key":"c"}\n')
        self.assertIn("keys.jsonl: line 3: expected {", self.keys("import", "--job", "poll", path, status=1))
        for bad in ('{"key":1,"value":1}', '{"key":"","value":1}', '{"key":"k","value":1,"more":1}', "[]", '{"key":"k"',
                    '{"key":"a\\u0000b","value":1}', '{"key":"%s","value":1}' % ("k" * 513)):
            self.assertIn("line 1: ", self.keys("import", "--job", "poll", input=bad, status=1))
        self.assertEqual(self.keys("list", "--job", "poll"), "")

    def test_a_key_that_json_cannot_hold(self):
        self.write("poll.lua", 'local state = require "jeton.state" state.set("caf\\xE9", 1) state.set("ok", 2)')
        self.ok("run", "--job", "poll")
        for command in (("export",), ("list", "--json")):
            self.assertIn("'caf\\xe9' is not UTF-8", self.keys(*command, "--job", "poll", status=1))
        self.assertEqual(self.keys("get", "--job", "poll", "caf\udce9"), "1\n")
        self.keys("delete", "--job", "poll", "caf\udce9")
        self.assertEqual(self.keys("export", "--job", "poll"), '{"key":"ok","value":2}\n')

    def test_delete(self):
        for key in ("a", "b", "c"):
            self.keys("set", "--job", "poll", key, "1")
        self.assertIn("no key 'x'", self.keys("delete", "--job", "poll", "a", "x", status=1))
        self.assertEqual(self.keys("list", "--job", "poll"), "a\nb\nc\n")
        self.keys("delete", "--job", "poll", "c", "a")
        self.assertEqual(self.keys("list", "--job", "poll"), "b\n")
        self.assertIn("no key 'a'", self.keys("get", "--job", "poll", "a", status=1))
        self.keys("delete", "--job", "poll", "--all")
        self.assertEqual(self.keys("list", "--job", "poll"), "")
        self.keys("delete", "--job", "poll", status=2)
        self.keys("delete", "--job", "poll", "a", "--all", status=2)

    def test_a_run_keeps_its_keys_for_itself(self):
        self.write("poll.lua", "io.stdout:write('on\\n') io.stdout:flush()\n"
                               "while not io.open 'go' do require 'jeton.task'.sleep(0.02) end")
        self.keys("set", "--job", "poll", "k", "1")
        run = self.start("run", "--job", "poll")
        self.assertEqual(run.stdout.readline(), b"on\n")
        for args in (["set", "k", "2"], ["delete", "k"], ["import", self.write("none.jsonl", "")]):
            said = self.keys(args[0], "--job", "poll", *args[1:], status=7)
            self.assertIn("job 'poll' is running", said)
        self.assertEqual(self.keys("get", "--job", "poll", "k"), "1\n")
        self.keys("set", "--job", "other", "k", "3")
        self.write("go", "")
        self.assertEqual(run.wait(30), 0)
        self.keys("set", "--job", "poll", "k", "2")

    def test_a_renamed_job_is_still_found(self):
        self.keys("set", "--job", "poll", "k", "1")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n{self.JOBS.replace('poll:', 'pull:')}")
        self.keys("import", "--job", "pull", input=self.keys("export", "--job", "poll"))
        self.assertEqual(self.keys("get", "--job", "pull", "k"), "1\n")
        self.keys("delete", "--job", "poll", "k")
        self.assertIn("unknown job 'poll'", self.keys("list", "--job", "poll", status=3))

    def test_a_secret_is_not_printed(self):
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n{self.JOBS}connectors:\n  contoso:\n"
                                 "    token_service: https://kaizala.example.org/v1\n    application_id: an-application\n"
                                 "    application_secret: very-secret-text\n    refresh_token: {file: refresh}\n")
        os.chmod(self.config, 0o600)
        self.write("refresh", "very-secret-in-a-file")
        for secret in "very-secret-text", "very-secret-in-a-file":
            self.keys("set", "--job", "poll", "k", json.dumps([secret]))
            self.assertNotIn("very-secret", self.keys("get", "--job", "poll", "k"))
            said = self.keys("export", "--job", "poll", status=1)
            self.assertIn("'k' holds a secret", said)
            self.assertNotIn("very-secret", said)

    def test_a_script_without_a_job(self):
        self.write("poll.lua", "local state = require 'jeton.state' state.set('k', (state.get 'k' or 0) + 1)")
        self.assertEqual(self.jeton("run", "poll.lua").returncode, 0)
        self.assertEqual(self.keys("get", "--script", "poll.lua", "k"), "1\n")
        self.keys("set", "--script", "./poll.lua", "k", "41")
        self.assertEqual(self.jeton("run", "poll.lua").returncode, 0)
        self.assertEqual(self.keys("export", "--script", "poll.lua"), '{"key":"k","value":42}\n')
        self.assertEqual(self.keys("list", "--job", "poll"), "")
        self.keys("list", "--script", "none.lua", status=3)
        for step in range(2):  # the name takes them along, once
            self.write("jeton.yaml", f"version: 1\nname: shop\nstate: {self.state}\n")
            self.assertEqual(self.keys("list", "--script", "poll.lua"), "k\n" if step == 0 else "")
            self.keys("delete", "--script", "poll.lua", "--all")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")
        self.assertEqual(self.keys("get", "--script", "poll.lua", "k"), "42\n")  # and they stay with the path
        os.unlink(self.config)
        self.assertEqual(self.keys("list", "--script", "poll.lua"), "")  # another state

    def test_reading_makes_no_state(self):
        self.assertEqual(self.keys("list", "--job", "poll"), "")
        self.assertEqual(self.keys("export", "--hook", "orders"), "")
        self.keys("get", "--job", "poll", "k", status=1)
        self.keys("list", "--job", "none", status=3)
        self.keys("list", status=2)
        self.keys("list", "--job", "poll", "--hook", "orders", status=2)
        self.assertFalse(os.path.exists(self.state))


if __name__ == "__main__":
    unittest.main()
