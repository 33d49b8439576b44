"""The state file when it is newer, damaged, locked, read-only, loosened, or the disk is full."""

import fcntl
import os
import shlex
import sqlite3
import stat
import subprocess
import unittest

import support


class State(support.Case):
    def setUp(self):
        super().setUp()
        self.service = self.sandbox()
        self.configure(self.service.base)
        self.file = os.path.join(self.state, "jeton.db")

    def test_folder_and_files_are_private(self):
        self.ok("api", "users/me", umask=0)
        for root, folders, files in os.walk(self.state):
            self.assertEqual(stat.S_IMODE(os.stat(root).st_mode), 0o700)
            for name in files:
                self.assertEqual(stat.S_IMODE(os.stat(os.path.join(root, name)).st_mode), 0o600, name)
            self.assertLessEqual(len(folders), 1)

    def test_loosened_modes_are_refused_with_the_chmod(self):
        self.ok("token", "contoso")
        os.chmod(self.file, 0o644)
        self.fails(3, "token", "contoso", says=["chmod", self.file])
        os.chmod(self.file, 0o600)
        os.chmod(self.state, 0o750)
        self.fails(3, "token", "contoso", says=["chmod", self.state])

    def test_a_folder_that_other_hosts_may_have(self):
        """Whether it is there yet or not. This host's own are none, nor is that of a database."""
        for kind, name in ((0x6969, "nfs"), (0xFE534D42, "smb")):
            for folder in ("none/yet", "there"):
                with self.subTest(name=name, folder=folder):
                    state = os.path.join(self.folder, folder)
                    if folder == "there":
                        os.makedirs(state, mode=0o700, exist_ok=True)
                    path = self.write("shared.yaml", f"version: 1\nstate: {state}\n")
                    done = self.jeton("-c", path, "check", program=support.JETON_FAULTY, env={"JETON_FAULT": f"state-fs={kind}"})
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn(f"is on a file system of the network ({name})", done.stdout)
        self.assertNotIn("network", self.jeton("-c", path, "check").stdout)

    def test_a_newer_version(self):
        self.ok("token", "contoso")
        with sqlite3.connect(self.file) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        self.fails(3, "token", "contoso", says=["version 99", self.file])
        with sqlite3.connect(self.file) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM token").fetchone(), (1,))
        db.close()

    def test_a_damaged_file_is_kept_aside(self):
        self.ok("token", "contoso")
        with open(self.file, "r+b") as file:
            file.write(b"these bytes may be wanted again".ljust(8192, b"!"))
        self.fails(3, "token", "contoso", says=["damaged", "corrupt-"])
        [kept] = [name for name in os.listdir(self.state) if "corrupt" in name and name[-4:] not in ("-wal", "-shm")]
        with open(os.path.join(self.state, kept), "rb") as file:
            self.assertTrue(file.read().startswith(b"these bytes may be wanted again"))
        self.ok("token", "contoso")

    def test_check_says_so(self):
        """It may be the first to meet the damage, and sets the file aside: nobody else would say so."""
        self.ok("token", "contoso")
        with open(self.file, "rb") as file:
            whole = file.read()
        for damaged in (whole.replace(b"SQLite", b"SQLate", 1), whole[:4096].ljust(len(whole), b"\xff")):
            with open(self.file, "wb") as file:
                file.write(damaged)
            done = self.jeton("check")
            self.assertEqual(done.returncode, 3, done)
            self.assertIn("is damaged; it is kept as", done.stdout)
            self.ok("check")
            self.ok("token", "contoso")

    def test_check_of_a_state_that_cannot_be_used(self):
        self.ok("token", "contoso")
        db = sqlite3.connect(self.file)
        db.execute("PRAGMA user_version=99")
        db.close()
        done = self.jeton("check")
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("is of version 99", done.stdout)

    def test_damage_in_the_middle(self):
        self.ok("token", "contoso")
        with open(self.file, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (os.path.getsize(self.file) - 4096))
        self.fails(3, "token", "contoso", says="damaged")
        self.ok("token", "contoso")

    def test_a_newer_format_of_sqlite(self):
        """Which can be read, and not written."""
        self.ok("token", "contoso")
        with open(self.file, "r+b") as file:
            file.seek(18)
            self.assertEqual(file.read(1), b"\2")
            file.seek(18)
            file.write(b"\x09")
        done = self.fails(3, "token", "contoso", "--refresh", says="is of version 9 of SQLite's format")
        self.assertNotIn("read-only", done.stderr)
        with open(self.file, "r+b") as file:
            file.seek(18)
            file.write(b"\2")
        self.ok("token", "contoso", "--refresh")

    def test_a_lock_that_stays(self):
        self.ok("token", "contoso")
        db = sqlite3.connect(self.file)
        db.execute("BEGIN EXCLUSIVE")
        self.addCleanup(db.close)
        self.fails(5, "token", "contoso", "--refresh", says="locked")

    def in_namespace(self, mounts, *args):
        """Runs jeton where `mounts` (shell) has been done first."""
        command = support.mount_namespace()
        if command is None:
            self.skipTest("mounting is not allowed here")
        line = f"{mounts} && exec {shlex.join([support.JETON, *args])}"
        return subprocess.run([*command, "sh", "-c", line], capture_output=True, text=True, env=self.env, check=False,
                              cwd=self.folder, timeout=60)

    def test_a_read_only_folder(self):
        self.ok("token", "contoso")
        mounts = f"mount --bind {self.state} {self.state} && mount -o remount,ro,bind {self.state}"
        done = self.in_namespace(mounts, "token", "contoso", "--refresh")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("read-only", done.stderr.lower())
        self.assertIn("state:", done.stderr)

    def test_a_read_only_folder_after_a_killed_run(self):
        """What it left lets the state file be read; the lock is what cannot be made then."""
        self.ok("token", "contoso")
        db = sqlite3.connect(self.file)
        self.addCleanup(db.close)
        db.execute("SELECT count(*) FROM token").fetchall()
        mounts = f"mount --bind {self.state} {self.state} && mount -o remount,ro,bind {self.state}"
        done = self.in_namespace(mounts, "token", "contoso", "--refresh")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("lock file", done.stderr)
        self.assertIn("read-only", done.stderr.lower())
        self.assertIn("state:", done.stderr)

    def test_nothing_else_need_be_writable(self):
        """As in a pod of Kubernetes whose root is read-only: SQLite's temporary files would be in /var/tmp or /tmp."""
        script = self.write("many.lua", 'local state = require "jeton.state"\n'
                                        'for i = 1, 4000 do state.set("key" .. i, ("x"):rep(1000)) end\n')
        self.ok("token", "contoso")
        mounts = "mount --bind /tmp /tmp && mount --bind /var/tmp /var/tmp && mount -o remount,ro,bind /var/tmp && " \
                 f"mount --bind {self.state} {self.state} && mount -o remount,ro,bind /tmp && cd /proc"
        done = self.in_namespace(mounts, "-c", os.path.join(self.folder, "jeton.yaml"), "run", script)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(self.ok("state", "keys", "list", "--script", script).stdout.splitlines()), 4000)

    def test_a_full_disk(self):
        for size, fill in (("4k", ""), ("256k", f" && (cat /dev/zero > {self.state}/fill; true) 2>/dev/null")):
            with self.subTest(size=size):
                self.env["HOME"] = self.folder
                os.makedirs(self.state, mode=0o700, exist_ok=True)
                mounts = f"mount -t tmpfs -o size={size},mode=700 tmpfs {self.state}"
                if fill:
                    mounts += f" && {shlex.join([support.JETON, 'token', 'contoso'])} >/dev/null" + fill
                done = self.in_namespace(mounts, "token", "contoso", "--refresh")
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertIn("disk is full", done.stderr)

    def test_what_only_reads_does_so_on_a_full_disk(self):
        """Where nobody else has the state open: SQLite then has no room for the file that they would share."""
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        jeton = shlex.quote(support.JETON)
        fill = f"(cat /dev/zero > {self.state}/fill; true) 2>/dev/null"
        mounts = (f"mount -t tmpfs -o size=512k,mode=700 tmpfs {self.state}"
                  f" && {jeton} token contoso >/dev/null && {fill}")
        for verb, says in ((("token",), "fresh"), (("history",), "no runs yet"), (("jobs", "--json"), "[]"),
                           (("events",), "no such events")):
            with self.subTest(verb):
                done = self.in_namespace(mounts, *verb)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(says, done.stdout + done.stderr)
        done = self.in_namespace(f"{mounts} && {jeton} history && {jeton} token", "token", "contoso", "--refresh")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("disk is full", done.stderr)
        done = self.in_namespace(f"{mounts} && sed -i '1i name: sales' jeton.yaml", "token")
        self.assertEqual(done.returncode, 5, done.stderr)  # what there is would be moved to the name
        self.assertIn("disk is full", done.stderr)

    def test_a_lock_that_stays_may_pass(self):
        """While another process makes the store or migrates it; a clock twenty times as fast stands for ten seconds."""
        os.mkdir(self.state, mode=0o700)
        os.mkdir(os.path.join(self.state, "locks"), mode=0o700)
        env = self.faketime("+0 x20")
        del env["FAKETIME_DONT_FAKE_MONOTONIC"]
        with open(os.path.join(self.state, "locks/store.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.fails(5, "history", says="stayed locked by another process for over 10 s", env=env)

    def test_a_full_disk_spends_no_refresh_token(self):
        self.service.steer("switches", {"single_use_refresh_tokens": True})
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        script = self.write("fill.lua", """
            local token, state = require "jeton.token", ...
            assert(token.get())
            assert(token.refresh())
            local fill = assert(io.open(state .. "/fill", "w"))
            fill:setvbuf "no"
            repeat until not fill:write(("x"):rep(512))
            for _ = 1, 20 do
              local t, err = token.refresh()
              assert(not t and err.kind == "network" and err.message:find "disk is full", tostring(err))
            end
            fill:close()
            os.remove(state .. "/fill")
            assert(token.refresh())
            """)
        mounts = f"mount -t tmpfs -o size=384k,mode=700 tmpfs {self.state}"
        done = self.in_namespace(mounts, "run", script, self.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.service.exchanges(), 3)


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
