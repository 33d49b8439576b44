"""All that jeton writes obeys one rule: links of one's own are followed, those of others refused, devices and /proc left
alone, and a kill leaves nothing."""

import json
import os
import shutil
import signal
import tempfile
import unittest

from jobs import JobCase
from service import RawService, Service
from support import JETON, wait_until

STRANGER = 4321


class Written(JobCase):
    def setUp(self):
        super().setUp()
        self.service = Service(lambda request: (200, {}, b"new"))
        self.addCleanup(self.service.stop)
        self.job("print 'ran'", metrics="metrics.prom")
        self.run_job()

    def save(self, path):
        self.write("save.lua", f"""
          local response, err = require("jeton.http").get("{self.service.url}/", {{ save_to = {json.dumps(path)} }})
          if err then error(err.message, 0) end
        """)
        return self.jeton("run", "save.lua")

    def page(self, path):
        return self.jeton("history", "--html", path)

    def metrics(self, path):
        self.job("print 'ran'", metrics=path)
        return self.jeton("run", "--job", "job")

    def database(self, path):
        self.write("db.lua", f"""
          local db, err = require("jeton.sqlite").open({json.dumps(path)})
          if err then error(err.message, 0) end
          db:exec "CREATE TABLE IF NOT EXISTS t (x)" db:close()
        """)
        return self.jeton("run", "db.lua")

    def ways(self):
        return (self.save, self.page, self.metrics, self.database)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def test_links_of_ones_own_are_followed(self):
        os.mkdir(self.path("folder"))
        for way in self.ways():
            for link, target in (("link", "folder/there"), ("dangling", "folder/none")):
                with self.subTest(way=way.__name__, link=link):
                    self.write("folder/there", "")
                    os.symlink(target, self.path(link))
                    done = way(link)
                    self.assertNotIn("error", done.stderr)
                    self.assertTrue(os.path.islink(self.path(link)))
                    self.assertNotEqual(self.read(target), b"")
                    os.unlink(self.path(link))
                    for name in os.listdir(self.path("folder")):
                        os.unlink(self.path("folder/" + name))

    def test_standard_output_is_no_file(self):
        """It is a regular file here; by its name below /proc it would be replaced under whoever writes it."""
        for way in self.ways():
            for path in ("/dev/stdout", "/proc/self/fd/1", "stdout"):
                with self.subTest(way=way.__name__, path=path):
                    if not os.path.lexists(self.path("stdout")):
                        os.symlink("/proc/self/fd/1", self.path("stdout"))
                    before = os.readlink("/dev/stdout")
                    done = way(path)
                    self.assertIn("nothing is written below /dev, /proc and /sys", done.stderr)
                    self.assertEqual(os.readlink("/dev/stdout"), before)

    def test_devices_and_pipes_stay(self):
        os.mkfifo(self.path("pipe"))
        for way in self.ways():
            for path in ("/dev/null", "pipe"):
                with self.subTest(way=way.__name__, path=path):
                    self.assertIn("found a device, pipe or socket", way(path).stderr)
        self.assertFalse(os.path.isfile("/dev/null") or os.path.isfile(self.path("pipe")))

    @unittest.skipUnless(os.geteuid() == 0, "only root can lay links for others")
    def test_links_in_folders_of_others_are_refused(self):
        os.mkdir(self.path("theirs"))
        os.chown(self.path("theirs"), STRANGER, STRANGER)
        for way in self.ways():
            with self.subTest(way=way.__name__):
                self.write("precious", "precious")
                os.symlink("../precious", self.path("theirs/link"))
                os.lchown(self.path("theirs/link"), STRANGER, STRANGER)
                done = way("theirs/link")
                self.assertIn("a link is followed only where every folder and link belongs to you or root", done.stderr)
                self.assertEqual(self.read("precious"), b"precious")
                os.unlink(self.path("theirs/link"))
                self.assertNotIn("error", way("theirs/file").stderr)
                for name in os.listdir(self.path("theirs")):
                    os.unlink(self.path("theirs/" + name))

    @unittest.skipUnless(os.geteuid() == 0, "only root can lay links for others")
    def test_nor_does_csv_follow_them(self):
        """It writes row by row, so to a pipe, too."""
        self.write("csv.lua", "local csv, path = require 'jeton.csv', ...; csv.write(path, { { 'a' } }); print(path)")
        os.mkdir(self.path("theirs"))
        os.chown(self.path("theirs"), STRANGER, STRANGER)
        self.write("precious", "precious")
        os.symlink("../precious", self.path("theirs/link"))
        os.lchown(self.path("theirs/link"), STRANGER, STRANGER)
        os.symlink("precious", self.path("own"))
        self.fails(1, "run", "csv.lua", "theirs/link",
                   says=["theirs/link: cannot be written: ", "a link is followed only where every folder and link belongs"])
        self.assertEqual(self.read("precious"), b"precious")
        for path in ("theirs/file", "own", "precious"):
            self.ok("run", "csv.lua", path)
            self.assertEqual(self.read(path), b"a\r\n")
        self.assertEqual(self.ok("run", "csv.lua", "/dev/stdout").stdout, "a\n/dev/stdout\n")
        with tempfile.TemporaryDirectory(dir="/dev/shm") as shared:
            os.symlink(self.path("precious"), os.path.join(shared, "link"))
            os.chown(shared, STRANGER, STRANGER)
            self.write("precious", "precious")
            self.fails(1, "run", "csv.lua", os.path.join(shared, "link"), says="a link is followed only where every folder")
            self.assertEqual(self.read("precious"), b"precious")

    def test_csv_goes_on_where_standard_output_is(self):
        """A file that it is redirected to is not emptied: a log that cron's line appends to."""
        self.write("csv.lua", """
          print "before"
          require("jeton.csv").write(..., { { "a" } })
          print "behind"
        """)
        for path in ("/dev/stdout", "/dev/fd/1"):
            for redirect, old in ((">>", b"old\n"), (">", b"")):
                with self.subTest(path, redirect=redirect):
                    self.write("log", "old\n")
                    self.ok("-c", f'exec "$0" run csv.lua {path} {redirect} log', JETON, program="/bin/sh")
                    self.assertEqual(self.read("log"), old + b"before\na\r\nbehind\n")
        self.fails(1, "run", "csv.lua", "/dev/fd/77", says="/dev/fd/77: Bad file descriptor")

    def test_a_file_at_its_limit_is_an_error(self):
        """It is like a full disk, and no signal that ends a run. What a run starts has the signal as from a shell."""
        service = Service(lambda request: (200, {}, b"x" * 300000))
        self.addCleanup(service.stop)
        self.write("save.lua", f"""
          local response, err = require("jeton.http").get("{service.url}/", {{ save_to = "saved" }})
          print(response, err and err.message)
          local file = io.open("own", "wb")
          file:setvbuf "no"
          print(file:write(("x"):rep(300000)))
          print(os.execute "yes | head -c 300000 > beside")
        """)
        done = self.ok("-c", 'ulimit -f 400; exec "$0" run save.lua', JETON, program="/bin/sh")
        saved, own, beside = done.stdout.splitlines()
        self.assertRegex(saved, "^nil\t.*saved.*: File too large$")
        self.assertRegex(own, "^nil\tFile too large\t")
        self.assertEqual(beside, f"nil\texit\t{128 + signal.SIGXFSZ}")
        self.assertNotIn("saved", os.listdir(self.folder))
        shutil.rmtree(self.state)
        done = self.jeton("-c", 'ulimit -f 8; exec "$0" run --job job', JETON, program="/bin/sh")
        self.assertIn("files may be no larger here (ulimit -f)", done.stderr)
        self.assertEqual(done.returncode, 3)

    def test_the_end_of_a_csv_file_at_its_limit_is_an_error(self):
        """The last row is written when the file is closed. Who closes the writer gets an err, else the log has it."""
        for end in ("", "collectgarbage()", "it:close()"):
            with self.subTest(end):
                self.write("rows.lua", f"""
                  local it = require("jeton.csv").writer "rows.csv"
                  for _ = 1, 201 do it:write {{ ("x"):rep(1022) }} end
                  {end.replace("collect", "it = nil collect")}
                  print "went on"
                """)
                done = self.jeton("-c", 'ulimit -f 400; exec "$0" run rows.lua', JETON, program="/bin/sh")
                self.assertIn("error: ", done.stderr)
                self.assertIn("rows.csv: cannot be written: File too large", done.stderr)
                closed = end == "it:close()"
                self.assertEqual((done.returncode, done.stdout), (1, "") if closed else (0, "went on\n"))

    def test_init_replaces_no_link(self):
        os.mkdir(self.path("new"))
        os.symlink("../elsewhere.yaml", self.path("new/jeton.yaml"))
        done = self.jeton("init", "new")
        self.assertEqual(done.returncode, 3)
        self.assertIn("new/jeton.yaml exists already", done.stderr)
        self.assertFalse(os.path.exists(self.path("elsewhere.yaml")))

    def test_a_kill_leaves_nothing(self):
        def half(connection, _head):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            connection.recv(1)

        service = RawService(half)
        self.addCleanup(service.stop)
        self.write("half.lua", f"require('jeton.http').get('{service.url}/', {{ save_to = 'saved' }})")
        before = set(os.listdir(self.folder))
        process = self.start("run", "half.lua")
        wait_until(lambda: service.heads)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.save("saved")  # where a file cannot be without a name, the next one takes the first one's over
        self.assertEqual(set(os.listdir(self.folder)), before | {"saved", "save.lua"})
        self.assertEqual(self.read("saved"), b"new")


if __name__ == "__main__":
    unittest.main()
