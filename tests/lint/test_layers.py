#!/usr/bin/env python3
"""layers.py on small trees: each rule finds what breaks it, and nothing else."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

LAYERS = pathlib.Path(__file__).with_name("layers.py")


class Layers(unittest.TestCase):
    def run_on(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            run = subprocess.run([sys.executable, LAYERS, root], capture_output=True, text=True)
        return run.returncode, run.stderr

    def assert_broken(self, files, *said):
        status, text = self.run_on(files)
        self.assertEqual(status, 1, text)
        for words in said:
            self.assertIn(words, text)

    def assert_clean(self, files):
        self.assertEqual(self.run_on(files), (0, ""))

    def test_private_header_of_another_folder(self):
        header = {"core/token/token_private.h": ""}
        include = '#include "token_private.h"\n'
        self.assert_clean(header | {"core/token/token.c": include})
        for place in ("core/client/client.c", "bindings/vm/vm.c", "runtime/main.c"):
            self.assert_broken(header | {place: include},
                               f"{place}:1: token_private.h is private to token/")

    def test_lua_in_the_core(self):
        self.assert_clean({"bindings/vm/vm.c": "#include <lua.h>\n"})
        for header in ("<lua.h>", '"lauxlib.h"', "<lua5.4/lualib.h>"):
            self.assert_broken({"core/net/url.c": f"\n#include {header}\n"},
                               "core/net/url.c:2: core knows no Lua")

    def test_who_yields_and_resumes(self):
        self.assert_clean({"bindings/task/task.c": "return lua_yieldk(L, 0, 0, k);\nrun_resume(L);\n",
                           "bindings/base/run_hook.c": "lua_resume(co, from, 0, &n);\n"})
        self.assert_broken({"bindings/lib/lhttp.c": "    return lua_yield(L, 0);\n"},
                           "lhttp.c:1: only the scheduler yields")
        self.assert_broken({"bindings/vm/vm.c": "lua_resume (co, L, 0, &n);\n"},
                           "vm.c:1: only run_resume resumes")
        self.assert_broken({"bindings/lib/lstate.c": "run_resume(co);\n"},
                           "only tasks and coroutine.* resume")

    def test_who_decodes_base64(self):
        call = "sodium_base642bin(bytes, 3, text, 4, 0, 0, 0, 1);\n"
        self.assert_clean({"core/base/base64.c": call})
        self.assert_broken({"core/hook/hook.c": call}, "hook.c:1: only base64_decode decodes base64")

    def test_who_exits_and_prints(self):
        self.assert_clean({"runtime/main.c": "exit(1); puts(x);\nfprintf(stderr, x);\n",
                           "core/os/fd.c": "/* exit(1) */\nerr_exit(1);\nfprintf(file, x);\n"})
        for call in ("exit(1);", "_exit(1);", "_Exit(0);", "quick_exit(2);"):
            self.assert_broken({"core/os/fd.c": call}, "nobody below main exits")
        for call in ("printf(x);", "puts(x);", "perror(x);", "fputs(x, stdout);",
                     'fprintf(stderr, "x");'):
            self.assert_broken({"runtime/verb/verb_run.c": call}, "nobody below main prints")


if __name__ == "__main__":
    unittest.main()
