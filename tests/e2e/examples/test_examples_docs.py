"""docs/examples.md: its lines do what they show, and it names every example."""

import os
import re
import subprocess
import unittest

from examples import Example
from support import JETON, SOURCE


class Docs(Example):
    def setUp(self):
        super().setUp()
        with open(os.path.join(SOURCE, "docs/examples.md"), encoding="utf-8") as file:
            self.text = file.read()
        os.mkdir(os.path.join(self.folder, "bin"))
        os.symlink(JETON, os.path.join(self.folder, "bin/jeton"))
        self.env["PATH"] = f"{self.folder}/bin:{self.env['PATH']}"

    def test_console(self):
        blocks = re.findall(r"```console\n(.*?)```", self.text, re.DOTALL)
        self.assertGreaterEqual(len(blocks), 6)
        for block in blocks:
            with self.subTest(block):
                script = "\n".join(line[2:] for line in block.splitlines() if line.startswith("$ "))
                shown = "".join(line + "\n" for line in block.splitlines() if not line.startswith("$ "))
                done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=self.env,
                                      cwd=self.folder, timeout=60, check=False)
                self.assertEqual(done.stderr, "")
                self.assertRegex(done.stdout, "^" + re.escape(shown).replace("…", ".+") + r"\Z")

    def test_every_example_is_named(self):
        scripts = {name for name in os.listdir(self.folder) if name.endswith(".lua")}
        self.assertGreaterEqual(len(scripts), 8)
        self.assertEqual(set(re.findall(r"\]\(\.\./scripts/examples/(\w[\w-]*\.lua)\)", self.text)), scripts)


if __name__ == "__main__":
    unittest.main()
