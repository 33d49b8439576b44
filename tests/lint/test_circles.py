"""circles.py finds the circles that are there, and no others."""

import os
import subprocess
import sys
import tempfile
import unittest

import circles

SCRIPT = circles.__file__

# Each pair of these files is in order: the first knows the second, and not the other way round.
SOUND = {
    "core/text/json.h": "int json_parse(const char *text);\n",
    "core/text/json.c": '#include "json.h"\n#include "json_private.h"\n'
    "int json_parse(const char *text) { return json_scan(text); }\n"
    "static int helper(void) { return 0; } // scan.c has one of this name, too\n",
    "core/text/json_private.h": "int json_scan(const char *text);\n",
    "core/text/json_scan.c": '#include "json_private.h"\n'
    "static int helper(void) { return 1; }\n"
    "struct state { int (*json_parse)(void); };\n"
    "int json_scan(const char *text)\n{\n"
    "    /* json_parse() is above. */\n"
    "    struct state *state = look(\"json_parse\");\n"
    "    const char *json_parse = text;\n"
    "    return helper() + state->json_parse() + *json_parse;\n}\n",
    "scripts/kaizala/init.lua": 'local names = require "kaizala.names"\n',
    "scripts/kaizala/names.lua": '-- require "kaizala" would be a circle\n'
    'local text = "require \'kaizala\'"\nlocal long = [[ require "kaizala" ]]\n',
    "scripts/sandbox/portal/init.lua": 'local page = require("sandbox.portal.pages." .. name)\n',
    "scripts/sandbox/portal/pages/home.lua": 'local reply = require "sandbox.http.reply"\n',
    "scripts/sandbox/http/reply.lua": 'local json = require "jeton.json"\n',
}


class Circles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        for path, text in SOUND.items():
            self.write(path, text)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)

    def circles(self, *options):
        return subprocess.run(
            [sys.executable, SCRIPT, "--root", self.root, *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False)

    def finds(self, *parts):
        done = self.circles()
        self.assertEqual(done.returncode, 1, done.stdout)
        for part in parts:
            self.assertIn(part, done.stdout)

    def test_no_circle(self):
        done = self.circles()
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_a_call_that_goes_back(self):
        self.write("core/text/json_scan.c", "int json_again(void) { return json_parse(0); }\n")
        self.finds("a circle among 2 C files, by calls:", "core/text/json.c → core/text/json_scan.c",
                   "core/text/json_scan.c:11: names json_parse")

    def test_a_function_in_a_table(self):
        self.write("core/text/json_scan.c", "const struct row rows[] = {\n{json_parse}};\n")
        self.finds("core/text/json_scan.c:12: names json_parse")

    def test_modules_that_include_each_other(self):
        self.write("core/text/reader.h", "struct reader;\n")
        self.write("core/text/reader.c", '#include "reader.h"\n#include "json.h"\n')
        self.assertEqual(self.circles().returncode, 0)
        self.write("core/text/json.c", '#include "reader.h"\n')
        self.finds("a circle among 2 C modules, by includes:", "core/text/reader.c:2: includes json.h")

    def test_a_header_that_parts_share_is_no_module(self):
        self.write("core/text/json_private.h", '#include "json.h"\n')
        self.assertEqual(self.circles().returncode, 0)

    def test_a_lazy_require(self):
        self.write("scripts/kaizala/names.lua", 'local function f() return require "kaizala" end\n')
        self.finds("a circle among 2 Lua files", "scripts/kaizala/names.lua:4: requires kaizala")

    def test_a_computed_require(self):
        self.write("scripts/sandbox/portal/pages/home.lua", "local up = require('sandbox.portal')\n")
        self.finds("scripts/sandbox/portal/init.lua:1: requires sandbox.portal.pages.",
                   "scripts/sandbox/portal/pages/home.lua:2: requires sandbox.portal")

    def test_rooms_of_the_sandbox(self):
        graph = circles.lua_graph(self.root)
        self.assertEqual(circles.room_faults(graph, ("portal", "http")), [])
        [fault] = circles.room_faults(graph, ("http", "portal"))
        self.assertTrue(fault.startswith("scripts/sandbox/portal/pages/home.lua:1: requires sandbox.http.reply"))
        [fault] = circles.room_faults(graph, ("portal",))
        self.assertIn("'http' is not in ROOMS", fault)

    def test_edges(self):
        done = self.circles("--edges", "json", "json_scan")
        self.assertEqual((done.returncode, done.stdout), (0, "core/text/json.c:3: names json_scan\n"))


if __name__ == "__main__":
    unittest.main()
