"""The examples and the README's script do what they say."""

import json
import os
import shutil
import unittest

import support
from support import JETON, SOURCE

EXAMPLES = os.path.join(SOURCE, "scripts/examples")


class Example(support.Case):
    def copy(self, name):
        """Into the private folder, whatever the modes of the sources are."""
        path = os.path.join(self.folder, name)
        shutil.copyfile(os.path.join(EXAMPLES, name), path)
        os.chmod(path, 0o600)
        return path


class Hello(Example):
    def test_against_the_sandbox(self):
        done = self.ok("run", "--sandbox", self.copy("hello.lua"), "Hello, it is me")
        lines = done.stdout.splitlines()
        self.assertEqual(done.stderr, "")
        self.assertTrue(lines[0].startswith("token      from the exchange, good until "), lines)
        posted = next(line for line in lines if line.startswith("posted "))
        self.assertRegex(posted, r'^posted     "Hello, it is me" to .+, as [0-9a-f-]{36}(@\d)?$')
        self.assertGreaterEqual(sum(line.startswith("group ") for line in lines), 1)
        self.assertGreaterEqual(sum(line.startswith("member     +") for line in lines), 2)
        self.assertEqual(sum(line.startswith('received   "Hello, it is me" from +') for line in lines), 1)

    def test_its_configuration(self):
        env = {"KAIZALA_ID": "an-id", "KAIZALA_SECRET": "a-secret", "KAIZALA_REFRESH_TOKEN": "a-token"}
        self.ok("-c", self.copy("hello.yaml"), "check", env=env)

    def test_of_the_readme(self):
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
            script = file.read().split("```lua\n")[1].split("```")[0]
        done = self.ok("run", "--sandbox", self.write("readme.lua", script))
        self.assertRegex(done.stdout, r"^.+\t[0-9a-f-]{36}")


DF = """\
Filesystem     1024-blocks     Used Available Capacity Mounted on
udev               4014328        0   4014328       0% /dev
/dev/vda1         61796348 40157924  18467032      69% /
/dev/sda 2         1000000   999999         1     100% /mnt/with space
/dev/loop0           56832    56832         0     100% /snap/core
tmpfs               806184     1180    805004       1% /run
"""


class DiskAlert(Example):
    def setUp(self):
        super().setUp()
        # What the machine's own file systems hold is its own affair: a chroot has none, a full disk is no failure.
        self.write("bin/df", "#!/bin/sh\ncat <<'END'\n" + DF + "END\n", mode=0o700)
        self.env["PATH"] = self.folder + "/bin:" + self.env["PATH"]

    def in_sandbox(self, command):
        """What a shell prints that has $JETON and the script as $1, beside a sandbox of its own."""
        return self.ok("sandbox", "--exec", "sh", "-ec", command, "sh", self.copy("disk-alert.lua"),
                       env={"JETON": JETON}).stdout

    def test_posts_once_until_all_is_well(self):
        out = self.in_sandbox('"$JETON" run "$1" 60; echo again; "$JETON" run "$1" 60; '
                              '"$JETON" api "$JETON_SANDBOX_URL/_sandbox/state"')
        posted, rest = out.split("again\n")
        lines = posted.splitlines()
        host = os.uname().nodename
        self.assertEqual(lines, [f"{host}: / is 69 % full, 17.6 GiB left",
                                 f"{host}: /mnt/with space is 100 % full, 0.0 GiB left"])
        state = json.loads(rest)  # so the second run printed nothing
        self.assertEqual([message["text"] for message in state["messages"]], lines)

    def test_is_quiet_while_all_is_well(self):
        self.write("bin/df", "#!/bin/sh\ncat <<'END'\n" + DF.replace("100%", "99%") + "END\n", mode=0o700)
        out = self.in_sandbox('"$JETON" run "$1" 100; "$JETON" api "$JETON_SANDBOX_URL/_sandbox/requests"')
        requests = json.loads(out)["requests"]
        # The exchange is that of `api`, which asks: the script made no request at all.
        self.assertEqual([r["path"] for r in requests if not r["path"].startswith("/_sandbox")], ["/v1/accessToken"])

    def test_a_threshold_that_is_none(self):
        for threshold in ("0", "101", "much", "9.5"):
            self.fails(1, "run", "--sandbox", self.copy("disk-alert.lua"), threshold,
                       says="the threshold must be a whole percentage from 1 to 100, got " + threshold)

    def test_its_configuration(self):
        self.copy("disk-alert.lua")
        path = self.copy("disk-alert.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("/etc/jeton/secrets", self.folder)
        self.write("disk-alert.yaml", text)
        for name in ("contoso-id", "contoso-secret", "contoso-refresh-token"):
            self.write(name, "any value\n")
        self.ok("-c", path, "check")


if __name__ == "__main__":
    unittest.main()
