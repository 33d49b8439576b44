"""Access of a group that only this process's user is in, as fsGroup of Kubernetes gives it, is accepted with a warning."""

import grp
import os
import re
import subprocess
import unittest

import support
from support import JETON

USER = 10001
NAMED = "games"


@unittest.skipUnless(os.geteuid() == 0, "only root can be two users")
class Groups(support.Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        for name in ("cfg", "st"):
            os.mkdir(os.path.join(self.folder, name))
        self.write("cfg/x.lua", "print 'ran'")
        self.write("cfg/jeton.yaml", f"""\
version: 1
state: {self.folder}/st
connectors:
  c:
    token_service: http://127.0.0.1:1/v1
    application_id: abcdefgh1
    application_secret: plain-secret-1
    refresh_token: {{ file: refresh }}
jobs:
  j: {{ script: x.lua, schedule: "@daily" }}
""")
        self.write("cfg/refresh", "refresh-token-1")

    def kubelet(self, group, folder=0o2770):
        """What it does at each mount: root's, with access of the group."""
        for path, mode in (("cfg/jeton.yaml", 0o440), ("cfg/x.lua", 0o440), ("cfg/refresh", 0o440), ("st", folder)):
            path = os.path.join(self.folder, path)
            os.chown(path, -1, group)
            os.chmod(path, mode)

    def jeton_as(self, *args, gid=USER, groups="--clear-groups"):
        return subprocess.run(["setpriv", "--reuid", str(USER), "--regid", str(gid), groups, JETON, "-c",
                               self.folder + "/cfg/jeton.yaml", *args], capture_output=True, text=True, check=False,
                              cwd=self.folder, env={**self.env, "HOME": "/nonexistent"})

    def assert_ran(self, done):
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("ran\n", "", 0))

    def assert_refused(self, done, words):
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn(words, done.stdout + done.stderr)

    def test_a_group_without_a_name(self):
        self.kubelet(USER)
        self.assert_ran(self.jeton_as("run", "--job", "j"))
        done = self.jeton_as("check")
        self.assertEqual(done.returncode, 0, done.stdout)
        words = "its group has access to it; that is accepted, as only this user is in that group"
        self.assertEqual(done.stdout.count(words), 3, done.stdout)
        # At the next mount all that is in the volume is made g+rw.
        for root, folders, files in os.walk(self.folder + "/st"):
            for name in folders + files:
                path = os.path.join(root, name)
                os.chmod(path, os.stat(path).st_mode | (0o2070 if name in folders else 0o060))
        self.assert_ran(self.jeton_as("run", "--job", "j"))

    def test_the_root_of_a_volume_is_0755_and_what_fsgroup_adds(self):
        self.kubelet(USER, 0o2775)
        self.assert_ran(self.jeton_as("run", "--job", "j"))
        self.assert_ran(self.jeton_as("run", "--job", "j"))
        self.assertIn("its group has access to it", self.jeton_as("check").stdout)
        for root, _, files in os.walk(self.folder + "/st"):
            for name in files:
                self.assertEqual(os.stat(os.path.join(root, name)).st_mode & 0o007, 0, name)
        os.chmod(self.folder + "/st/jeton.db", 0o664)
        self.assert_refused(self.jeton_as("run", "--job", "j"), "group or others can")

    def test_as_a_supplementary_group(self):
        self.kubelet(4711)
        self.assert_ran(self.jeton_as("run", "--job", "j", groups="--groups=4711"))
        os.chmod(self.folder + "/cfg/jeton.yaml", 0o444)
        os.chmod(self.folder + "/cfg/x.lua", 0o444)
        self.assert_refused(self.jeton_as("run", "--job", "j"), "group or others can")

    def test_others_are_others(self):
        self.kubelet(USER)
        for path, mode, words in (("st", 0o2777, "group or others can enter"), ("st", 0o3777, "group or others can enter"),
                                  ("st", 0o755, "group or others can enter"), ("cfg/x.lua", 0o446, "group or others can write"),
                                  ("cfg/jeton.yaml", 0o444, "plain text")):
            path = os.path.join(self.folder, path)
            before = os.stat(path).st_mode
            os.chmod(path, mode)
            self.assert_refused(self.jeton_as("run", "--job", "j"), words)
            os.chmod(path, before)

    def test_a_group_with_a_name_is_somebodys(self):
        gid = grp.getgrnam(NAMED).gr_gid
        self.kubelet(gid, 0o2775)
        self.assert_refused(self.jeton_as("run", "--job", "j", groups=f"--groups={gid}"), "group or others can")
        os.chmod(self.folder + "/cfg/jeton.yaml", 0o640)
        done = self.jeton_as("run", "--job", "j", groups=f"--groups={gid}")
        self.assert_refused(done, "plain text")

    def test_the_private_group_of_a_user(self):
        """With umask 002: the user's files, which its group can write. The user database is one of a mount namespace."""
        def run(path, users, groups, *args):
            users = self.write("passwd", "root:x:0:0::/:/bin/sh\n" + users, 0o644)
            groups = self.write("group", "root:x:0:\n" + groups, 0o644)
            os.chmod(self.folder + "/cfg/" + path, 0o664)
            script = f"mount --bind {users} /etc/passwd && mount --bind {groups} /etc/group && exec \"$@\""
            return subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", "setpriv", "--reuid", str(USER), "--regid",
                                   str(USER), "--clear-groups", JETON, *args], capture_output=True, text=True,
                                  check=False, cwd=self.folder + "/cfg", env={**self.env, "HOME": "/nonexistent"})
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no mount namespaces here")
        self.write("cfg/uses.lua", "require 'module'", 0o644)
        self.write("cfg/module.lua", "print 'ran'", 0o644)
        for root, _, files in os.walk(self.folder + "/cfg"):
            for path in (root, *(os.path.join(root, name) for name in files)):
                os.chown(path, USER, USER)
        ann, hers = f"ann:x:{USER}:{USER}::/:/bin/sh\n", f"ann:x:{USER}:\n"
        self.assert_ran(run("x.lua", ann, hers, "run", "x.lua"))
        self.assert_ran(run("module.lua", ann, hers, "run", "uses.lua"))
        self.assert_ran(run("x.lua", ann, f"ann:x:{USER}:ann\n", "run", "x.lua"))
        for users, groups in ((ann, f"ann:x:{USER}:ann,bob\n"), (ann, f"staff:x:{USER}:\n"),
                              (ann + f"bob:x:{USER + 1}:{USER}::/:/bin/sh\n", hers),
                              (f"ann:x:{USER}:{USER + 1}::/:/bin/sh\n", hers)):
            self.assert_refused(run("x.lua", users, groups, "run", "x.lua"), "group or others can write it")
        os.chmod(self.folder + "/cfg/x.lua", 0o666)
        done = run("uses.lua", ann, hers, "run", "x.lua")
        self.assert_refused(done, "group or others can write it")
        self.assert_refused(run("refresh", ann, hers, "sandbox", "--password-file", "refresh", "--exec", "true"), "chmod")

    def test_the_manifest_gives_that_group(self):
        text = self.ok("-c", "cfg/jeton.yaml", "cron", "show", "--format", "kubernetes").stdout
        for key in ("runAsUser", "runAsGroup", "fsGroup"):
            number = int(re.search(rf"^ *{key}: (\d+)", text, re.M)[1])
            self.assertEqual(number, USER)
            self.assertRaises(KeyError, grp.getgrgid, number)


if __name__ == "__main__":
    unittest.main()
