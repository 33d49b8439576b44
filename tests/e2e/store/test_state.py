"""jeton.state over several runs: kept when a run succeeds, dropped when it fails."""

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
        self.assertIn(b"has been changed by another run", stderr)
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

    def test_a_broken_state_is_no_empty_one(self):
        self.run_script("state.set('a', 1)")
        with open(os.path.join(self.state, "jeton.db"), "wb") as file:
            file.write(b"not a database" * 100)
        path = self.write("script.lua", "print(require 'jeton.state'.get 'a')")
        done = self.jeton("run", path)
        self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)


if __name__ == "__main__":
    unittest.main()
