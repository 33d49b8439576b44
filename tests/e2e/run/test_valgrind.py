"""The Lua tests under Valgrind: no use of memory that is not there or has no value, and none that nobody owns at the end.

Only Valgrind's findings count: assertions may fail there that depend on time, or on how a process starts.
"""

import glob
import os
import shutil
import subprocess
import unittest

import support
from support import SOAK, SOURCE

SHORT = ("lib/test_http.lua", "lib/test_sqlite.lua", "lib/test_state.lua")
LUA = os.path.join(SOURCE, "tests/lua")
PROGRAM = os.path.join(os.environ["JETON_BUILD"], "tests/jeton-valgrind")
SECONDS = 1800  # for one file


@unittest.skipIf(support.SANITIZED, "Valgrind cannot run a program of AddressSanitizer")
@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Valgrind(support.Case):
    def check(self, name):
        sandbox = ["--sandbox"] if os.path.basename(name).startswith("sandbox_") else []
        logs = os.path.join(self.folder, os.path.basename(name))
        done = subprocess.run(
            ["valgrind", "-q", "--trace-children=yes", "--trace-children-skip=/bin/*,/usr/*", "--leak-check=full",
             "--show-leak-kinds=definite", "--suppressions=" + os.path.join(SOURCE, "tests/valgrind/libraries.supp"),
             f"--log-file={logs}.%p", PROGRAM, "run", *sandbox, os.path.join(LUA, name)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=SECONDS, cwd=os.path.dirname(LUA), check=False,
            env={**self.env, "JETON_FAULT": "tidy=1", "JETON": PROGRAM, "JETON_SOURCE": SOURCE, "JETON_BUILD": os.environ["JETON_BUILD"]})
        self.assertRegex(done.stdout, r"(?m)^Ran [1-9]", "it did not come to its end")
        paths = glob.glob(logs + ".*")
        self.assertTrue(paths)
        for path in paths:
            with open(path, encoding="utf-8", errors="replace") as log:
                self.assertEqual(log.read(), "")

    def test_it_finds_nothing(self):
        names = SHORT
        if SOAK:
            paths = glob.glob(LUA + "/*/**/*.lua", recursive=True)
            names = [os.path.relpath(path, LUA) for path in sorted(paths)
                     if os.path.basename(path).startswith(("test_", "sandbox_"))]
        for name in names:
            with self.subTest(name):
                self.check(name)


if __name__ == "__main__":
    unittest.main()
