"""What is installed: one program that runs alone wherever it is put, hardened; manuals, examples, stubs."""

import fnmatch
import glob
import os
import re
import shutil
import subprocess
import unittest

import support

BUILD = os.environ["JETON_BUILD"]
WITH_LIBC = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"}  # and the loader; all else is in the program


def read(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


class Installed(support.Case):
    def setUp(self):
        super().setUp()
        self.prefix = os.path.join(self.folder, "usr")
        read("cmake", "--install", BUILD, "--prefix", self.prefix)

    def test_the_files(self):
        for path in ("bin/jeton", "share/man/man1/jeton.1", "share/man/man1/jeton-run.1",
                     "share/man/man5/jeton.yaml.5",
                     "share/jeton/examples/hello.lua", "share/jeton/examples/hello.yaml",
                     "share/jeton/examples/disk-alert.lua", "share/jeton/examples/data/logo.png",
                     "share/jeton/examples/lib/xml.lua",
                     "share/bash-completion/completions/jeton", "share/zsh/site-functions/_jeton",
                     "share/fish/vendor_completions.d/jeton.fish", "share/jeton/meta/jeton/http.lua", "share/jeton/meta/kaizala/group.lua",
                     "share/doc/jeton/README.md", "share/doc/jeton/docs/lua-api.md"):
            self.assertTrue(os.path.isfile(os.path.join(self.prefix, path)), path)

    def test_documents_lead_to_what_is_there(self):
        """Files, pictures, and headings, which are named as GitHub names them."""
        documents, seen, dead = os.path.join(self.prefix, "share/doc/jeton"), 0, []

        def text_of(path):
            with open(os.path.join(documents, path), encoding="utf-8") as file:
                return re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)

        def headings(path):
            return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
                    for title in re.findall(r"^#+ (.*?) *$", text_of(path), re.M)}

        for path in glob.glob("**/*.md", root_dir=documents, recursive=True):
            links = re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", text_of(path))
            links += [(link, "") for link in re.findall(r'(?:src|srcset|href)="([^"#]+)"', text_of(path))]
            for link, heading in links:
                if ":" not in link:
                    target = os.path.normpath(os.path.join(os.path.dirname(path), link)) if link else path
                    fine = os.path.exists(os.path.join(documents, target)) and not target.startswith("..")
                    if not fine or heading and heading not in headings(target):
                        dead.append((path, link, heading))
                    seen += 1
        self.assertEqual(dead, [])
        self.assertGreater(seen, 70)

    def test_the_program_needs_nothing_else_of_it(self):
        alone = os.path.join(self.folder, "elsewhere", "renamed")
        os.mkdir(os.path.dirname(alone))
        os.rename(os.path.join(self.prefix, "bin/jeton"), alone)
        shutil.rmtree(self.prefix)
        script = self.write("script.lua", 'print(require("kaizala").connect():me().name)\n')
        done = self.ok("run", "--sandbox", script, program=alone)
        self.assertEqual(done.stdout, "Alice Martin\n")

    def test_examples_run_where_they_are(self):
        for name, status in (("hello", 0), ("rss", 0), ("leaderboard", 0), ("survey", 0), ("tickets", 0),
                             ("attendance", 0), ("notice", 1)):  # one of its sample does not subscribe
            example = os.path.join(self.prefix, f"share/jeton/examples/{name}.lua")
            done = self.fails(status, "run", "--sandbox", example, program=os.path.join(self.prefix, "bin/jeton"))
            self.assertNotEqual(done.stdout, "", name)
            self.assertEqual(done.stderr, "", name)


class Hardened(unittest.TestCase):
    def setUp(self):
        if support.SANITIZED:
            self.skipTest("a build with sanitizers")

    def test_libraries(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", read("readelf", "--dynamic", support.JETON))
        self.assertIn("libc.so.6", needed)
        self.assertLessEqual({name for name in needed if not name.startswith("ld-linux")}, WITH_LIBC)
        self.assertNotRegex(read("readelf", "--dynamic", support.JETON), r"\((RPATH|RUNPATH)\)")

    def test_position_independent(self):
        self.assertRegex(read("readelf", "--file-header", support.JETON), r"Type:\s+DYN")
        self.assertRegex(read("readelf", "--dynamic", support.JETON), r"FLAGS_1\).*\bPIE\b")

    def test_full_relro_and_no_executable_stack(self):
        segments = read("readelf", "--program-headers", "--wide", support.JETON)
        self.assertIn("GNU_RELRO", segments)
        self.assertRegex(segments, r"GNU_STACK\s+(0x\w+\s+){5}RW ")
        self.assertRegex(read("readelf", "--dynamic", support.JETON), r"FLAGS_1\).*\bNOW\b")

    def test_addresses_to_be_moved_are_packed(self):
        if support.cached("JETON_PACKED_RELOCATIONS") != "1":
            self.skipTest("this system's loader cannot move packed addresses")
        size = re.search(r"\(RELASZ\)\s+(\d+)", read("readelf", "--dynamic", support.JETON))
        self.assertLess(int(size.group(1)), 4096)

    def test_code_that_a_run_does_not_execute_lies_together(self):
        if support.cached("JETON_ASIDE") != "1":
            self.skipTest("this system's linker cannot put it there")
        section = re.search(r" \.text\.aside +PROGBITS +(\w+) +\w+ +(\w+)", read("readelf", "--sections", "--wide", support.JETON))
        self.assertIsNotNone(section)
        begin, size = (int(number, 16) for number in section.groups())
        aside = {name for address, kind, name in re.findall(r"^(\w+) (\w) (\w+)$", read("nm", support.JETON), re.M)
                 if kind == "T" and 0 <= int(address, 16) - begin < size}
        self.assertFalse(aside & {"main", "verb_run", "lua_pcallk", "sqlite3_step", "store_open", "redact_new", "sodium_memzero"})
        with open(os.path.join(support.SOURCE, "cmake/aside.ld"), encoding="utf-8") as file:
            lines = re.findall(r"\*(lib(?:core|bindings|runtime)_\w+\.a):(\S+?)\(", file.read())
        self.assertGreater(len(lines), 10)
        for archive, pattern in lines:  # each still finds something
            symbols = re.findall(r"^\S+:(\S+):\w+ T (\w+)$", read("nm", "-A", os.path.join(BUILD, archive)), re.M)
            self.assertTrue({name for member, name in symbols if fnmatch.fnmatchcase(member, pattern)} & aside, (archive, pattern))

    def test_stack_protector_and_fortify(self):
        # In the project's own objects: the libraries linked in are hardened by those who built them.
        archives = glob.glob(os.path.join(BUILD, "lib*.a"))
        self.assertGreater(len(archives), 20)
        checked = set()
        for archive in archives:
            undefined = set(read("nm", "--undefined-only", "--just-symbols", archive).split())
            self.assertIn("__stack_chk_fail", undefined, archive)
            checked |= undefined
        if support.cached("CMAKE_BUILD_TYPE") == "RelWithDebInfo":
            self.assertIn("__snprintf_chk", checked)
            self.assertNotIn("sprintf", checked)


if __name__ == "__main__":
    unittest.main()
