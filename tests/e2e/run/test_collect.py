"""The Lua tests against the sandbox under lua/stress.lua, with a collection at every allocation of C code.

`stress.sandbox_*` do so at some: a collection of a whole sandbox takes milliseconds, and a test has many thousands.
"""

import glob
import os
import subprocess
import unittest

import support
from support import SOAK, SOURCE

SHORT = ("lib/sandbox_http.lua", "lib/sandbox_http_files.lua", "lib/sandbox_token.lua")
LUA = os.path.join(SOURCE, "tests/lua")
SECONDS = 3600  # for one file


class Collect(support.Case):
    def test_nothing_that_is_in_use_is_collected(self):
        names = SHORT
        if SOAK:
            paths = glob.glob(LUA + "/**/sandbox_*.lua", recursive=True)
            names = [os.path.relpath(path, LUA) for path in sorted(paths)]
        for name in names:
            with self.subTest(name):
                done = subprocess.run(
                    [os.environ["JETON_FAULTY"], "run", "--sandbox", os.path.join(LUA, "stress.lua"), os.path.join(LUA, name)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                    errors="replace", timeout=SECONDS, cwd=os.path.dirname(LUA), check=False,
                    env={**self.env, "JETON_FAULT": "collect=1", "JETON": os.environ["JETON"], "JETON_SOURCE": SOURCE,
                         "JETON_FAULTY": os.environ["JETON_FAULTY"], "JETON_BUILD": os.environ["JETON_BUILD"]})
                self.assertEqual(done.returncode, 0, done.stdout[-4000:])
                self.assertRegex(done.stdout, r"(?m)^Ran [1-9]")


if __name__ == "__main__":
    unittest.main()
