"""jeton.state over several runs: kept when a run succeeds, dropped when it fails."""

import os
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
