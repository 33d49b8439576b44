"""docs/editors.md: its snippets are scripts, tests and handlers that work as they are inserted."""

import json
import os
import re
import unittest

import support


def snippets():
    with open(os.path.join(support.SOURCE, "docs/jeton.code-snippets"), encoding="utf-8") as file:
        return {snippet["prefix"]: snippet for snippet in json.load(file).values()}


def inserted(prefix):
    text = "\n".join(snippets()[prefix]["body"]) + "\n"
    return re.sub(r"\$\{\w+:([^}]*)\}|\$\d", lambda found: found[1] or "", text)


class Snippets(support.Case):
    def test_all_are_tried_here(self):
        self.assertEqual(set(snippets()), {"jeton-script", "jeton-kaizala", "jeton-test", "jeton-handler"})
        self.assertTrue(all(snippet["scope"] == "lua" for snippet in snippets().values()))

    def test_script_and_its_test(self):
        self.write("script.lua", inserted("jeton-script"))
        self.write("script_test.lua", inserted("jeton-test"))
        done = self.ok("test")
        self.assertIn("1 passed", done.stdout + done.stderr)

    def test_kaizala(self):
        self.write("script.lua", inserted("jeton-kaizala"))
        self.assertIn("Sales", self.ok("run", "--sandbox", "script.lua").stdout)

    def test_handler(self):
        self.write("handler.lua", inserted("jeton-handler"))
        self.write("try.lua", """
local handlers = dofile "handler.lua"
local event = { type = "other", data = { id = 7 } }
function event:step(name, fn) print(self.data.id, name, fn()) end
function event:reject(why) print(why) end
handlers["order.created"](event)
handlers["*"](event)
""")
        self.assertEqual(self.ok("run", "try.lua").stdout, "7\ttell\ttrue\nnot expected: other\n")
        self.ok("check", "handler.lua")


if __name__ == "__main__":
    unittest.main()
