#!/usr/bin/env python3
"""The compiler keeps the order of the rooms: with the flags that a room is compiled with, no header
of a room above it, or beside it, can be included.

JETON_BUILD is the build folder, JETON_SOURCE the source tree.
"""
import collections
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

import rooms_picture

SOURCE = pathlib.Path(os.environ["JETON_SOURCE"])
BUILD = pathlib.Path(os.environ["JETON_BUILD"])

# Who may know whom, beside core/base and core/os. Written once more than in CMakeLists.txt, so that
# a room that is let in there by mistake fails here.
CORE = {
    "core/base": "",
    "core/os": "",
    "core/text": "",
    "core/mask": "text",
    "core/crypto": "text",
    "core/schedule": "",
    "core/net": "",
    "core/hook": "crypto net text",
    "core/http": "net mask text",
    "core/server": "crypto net http mask",
    "core/store": "",
    "core/config": "hook net schedule mask text",
    "core/provider": "config crypto http net schedule mask text",
    "core/token": "provider store config http net schedule mask text",
    "core/client": "token provider store config http net schedule mask text",
}
CLIENT = " ".join(room.removeprefix("core/") for room in CORE if room != "core/server")
ALL = CLIENT + " server"
KNOWN = CORE | {
    "bindings/base": ALL,
    "bindings/task": ALL + " bindings/base",
    "bindings/vm": ALL + " bindings/base bindings/task",
    "bindings/lib": ALL + " bindings/base bindings/task bindings/vm",
    "runtime/app": CLIENT,
    "runtime/history": "store text",
    "runtime/login": ALL + " crypto runtime/app",
    "runtime/job": CLIENT + " bindings/vm runtime/history runtime/app",
    "runtime/cron": CLIENT + " runtime/job runtime/app",
    "runtime/hook": CLIENT + " bindings/vm runtime/app",
    "runtime/listen": ALL + " bindings/vm runtime/hook runtime/app",
    "runtime/repl": CLIENT + " bindings/base bindings/task bindings/vm",
    "runtime/verb": ALL + " bindings/base bindings/task bindings/vm bindings/lib runtime/app"
                          " runtime/history runtime/login runtime/job runtime/cron runtime/hook runtime/listen runtime/repl",
}


def rooms_known(room):
    known = {name if "/" in name else f"core/{name}" for name in KNOWN[room].split()}
    return known | {"core/base"} | ({"core/os"} if room != "core/base" else set())


class Rooms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands = {}
        for entry in json.loads((BUILD / "compile_commands.json").read_text()):
            path = pathlib.Path(entry["file"])
            room = path.relative_to(SOURCE).parent.as_posix() if path.is_relative_to(SOURCE) else ""
            if f"{room.replace('/', '_')}.dir/" in entry["command"]:  # as a part of its room
                cls.commands[room] = entry["command"]
        cls.headers = collections.defaultdict(list)
        for storey in ("core", "bindings", "runtime"):
            for header in sorted((SOURCE / storey).rglob("*.h")):
                cls.headers[header.relative_to(SOURCE).parent.as_posix()].append(header.name)

    def compile(self, flags, text):
        with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
            file.write(text)
            file.flush()
            return subprocess.run(["cc", *flags, "-fsyntax-only", file.name], cwd=BUILD,
                                  capture_output=True, text=True)

    def flags(self, room):
        """The include path of a room, as its files are compiled."""
        words = shlex.split(self.commands[room])
        flags = [word for word in words if word.startswith(("-I", "-D", "-std"))]
        for at, word in enumerate(words):
            if word == "-isystem":
                flags += words[at:at + 2]
        return flags

    def headers_seen(self, flags):
        names = [name for headers in self.headers.values() for name in headers]
        run = self.compile(flags, "".join(
            f'#if __has_include("{name}")\n#warning seen:{name}:\n#endif\n' for name in names))
        self.assertEqual(run.returncode, 0, run.stderr)
        return set(re.findall(r"warning: #warning seen:(.*?):", run.stderr))

    def rooms_seen(self, room):
        """The rooms of which a file of this room can include a header: the compiler's own answer."""
        seen = self.headers_seen(self.flags(room)) - self.headers_seen([]) # yaml.h is libyaml's, too
        return {other for other, headers in self.headers.items() if other != room and seen & {*headers}}

    def test_nothing_above_is_seen(self):
        for room in KNOWN:
            with self.subTest(room=room):
                self.assertEqual(self.rooms_seen(room) - rooms_known(room), set())

    def test_every_room_is_here(self):
        self.assertEqual({*KNOWN, "runtime"}, {
            path.relative_to(SOURCE).parent.as_posix() for storey in ("core", "bindings", "runtime")
            for path in (SOURCE / storey).rglob("*.c")})

    def test_the_picture_is_of_the_table(self):
        known = rooms_picture.rooms((SOURCE / "CMakeLists.txt").read_text())
        self.assertEqual({*known}, {*KNOWN} - {*rooms_picture.GROUND})
        for room, others in known.items():
            self.assertLessEqual(others, rooms_known(room))
        self.assertEqual((SOURCE / "docs/pictures/architecture.svg").read_text(), rooms_picture.draw(known),
                         "./dev pictures architecture")

    def test_an_include_upwards_does_not_compile(self):
        """The same, said by the error that a person would see."""
        for room, header in (("core/net", "token.h"), ("core/server", "config.h"),
                             ("core/token", "client.h"), ("bindings/task", "vm.h"),
                             ("bindings/base", "opt.h"), ("runtime/cron", "vm.h")):
            with self.subTest(room=room, header=header):
                run = self.compile(self.flags(room), f'#include "{header}"\n')
                self.assertNotEqual(run.returncode, 0)
                self.assertIn(f"{header}: No such file or directory", run.stderr)
        run = self.compile(self.flags("core/token"), '#include "http.h"\n')
        self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    unittest.main()
