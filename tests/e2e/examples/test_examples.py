"""The examples and the README's script do what they say."""

import csv
import json
import os
import re
import sqlite3
import unittest

from examples import ALICE, BOB, Example, WithSandbox
from support import APPLICATION_ID, APPLICATION_SECRET, JETON, SOURCE, TENANT_TOKEN


class Hello(Example):
    def test_against_the_sandbox(self):
        done = self.ok("run", "--sandbox", self.example("hello.lua"), "Hello, it is me")
        lines = done.stdout.splitlines()
        self.assertEqual(done.stderr, "")
        self.assertTrue(lines[0].startswith("token      from the exchange, valid until "), lines)
        posted = next(line for line in lines if line.startswith("posted "))
        self.assertRegex(posted, r'^posted     "Hello, it is me" to .+, as [0-9a-f-]{36}(@\d)?$')
        self.assertGreaterEqual(sum(line.startswith("group ") for line in lines), 1)
        self.assertGreaterEqual(sum(line.startswith("member     +") for line in lines), 2)
        self.assertEqual(sum(line.startswith('received   "Hello, it is me" from +') for line in lines), 1)

    def test_its_configuration(self):
        env = {"KAIZALA_ID": "an-id", "KAIZALA_SECRET": "a-secret", "KAIZALA_REFRESH_TOKEN": "a-token"}
        self.ok("-c", self.example("hello.yaml"), "check", env=env)

    def test_of_the_readme(self):
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
            script = file.read().split("```lua\n")[2].split("```")[0]  # the first is for a live service
        done = self.ok("run", "--sandbox", self.write("readme.lua", script))
        self.assertRegex(done.stdout, r"^.+\t[0-9a-f-]{36}")


def df(percent):
    return f"""\
Filesystem           1024-blocks      Used Available Capacity Mounted on
udev                     4000000         0   4000000       0% /dev
tmpfs                     800000    800000         0     100% /run
/dev/sda1               51343840  46209456   2097152      {percent}% /
/dev/loop3                 65000     65000         0     100% /snap/core/1
//nas/all of it       1000000000 990000000  10485760      99% /srv/all of it
"""


class DiskAlert(Example):
    """With a df that says what the test wants."""

    def setUp(self):
        super().setUp()
        self.write("bin/df", '#!/bin/sh\nexec cat "$DF"\n', mode=0o700)
        self.write("fine", df(50).replace("99%", "89%"))
        self.write("full", df(95))
        self.env.update(PATH=f"{self.folder}/bin:{self.env['PATH']}", JETON=JETON, SCRIPT=self.example("disk-alert.lua"))

    def in_sandbox(self, command):
        """What a shell prints that has a sandbox beside it."""
        return self.ok("sandbox", "--exec", "sh", "-ec", command).stdout

    def test_posts_once_until_all_is_well(self):
        out = self.in_sandbox('''
            for df in full full fine full; do echo "$df:"; DF=$df "$JETON" run "$SCRIPT"; done
            echo state:; "$JETON" api "$JETON_SANDBOX_URL/_sandbox/state"''')
        runs, state = out.split("state:\n")
        with open("/proc/sys/kernel/hostname", encoding="utf-8") as file:
            host = file.read().strip()
        alert = f"{host}: / is 95 % full, 2.0 GiB left\n{host}: /srv/all of it is 99 % full, 10.0 GiB left\n"
        self.assertEqual(runs, f"full:\n{alert}full:\nfine:\nfull:\n{alert}")
        self.assertEqual([message["text"] for message in json.loads(state)["messages"]], 2 * alert.splitlines())

    def test_makes_no_request_while_all_is_well(self):
        out = self.in_sandbox('DF=fine "$JETON" run "$SCRIPT"; "$JETON" api "$JETON_SANDBOX_URL/_sandbox/requests"')
        requests = json.loads(out)["requests"]
        # The exchange is that of `api`, which asks.
        self.assertEqual([r["path"] for r in requests if not r["path"].startswith("/_sandbox")], ["/v1/accessToken"])

    def test_a_threshold_of_ones_own(self):
        self.assertNotEqual(self.in_sandbox('DF=fine "$JETON" run "$SCRIPT" 89'), "")
        self.assertEqual(self.in_sandbox('DF=full "$JETON" run "$SCRIPT" 100'), "")

    def test_no_file_system_at_all(self):
        self.write("none", "")
        self.fails(1, "run", "--sandbox", "disk-alert.lua", env={"DF": "none"}, says="df listed no file system")

    def test_a_threshold_that_is_none(self):
        for threshold in ("0", "101", "much", "9.5"):
            self.fails(1, "run", "--sandbox", self.example("disk-alert.lua"), threshold,
                       says="the threshold must be a whole percentage from 1 to 100, got " + threshold)


class Survey(Example):
    def test_sends_and_collects(self):
        done = self.ok("run", "--sandbox", self.example("survey.lua"), "demo", self.folder)
        self.assertRegex(done.stdout, r"^sent [0-9a-f-]{36} to .+\nwrote 1 responses to .+\n$")
        with open(os.path.join(self.folder, "survey.csv"), encoding="utf-8", newline="") as file:
            head, row = list(csv.reader(file))
        self.assertEqual(head[3:], ["Did you like it?", "What was best?", "How many stars?", "Anything else?"])
        self.assertEqual(row[1:4], ["+33100000001", "Alice Martin", "Yes"])
        self.assertEqual(row[4:], ["Starter; Dessert", "5", 'More "bread", please'])
        database = sqlite3.connect(os.path.join(self.folder, "survey.db"))
        self.addCleanup(database.close)
        rows = database.execute("SELECT question, answer FROM answers WHERE responder = '+33100000001'").fetchall()
        self.assertEqual(dict(rows), dict(zip(head[3:], row[3:])))

    def test_the_id_is_kept_between_runs(self):
        out = self.ok("sandbox", "--exec", "sh", "-ec",
                      '"$JETON" run "$1" send; "$JETON" run "$1" collect "$2"; "$JETON" run "$1" collect "$2"',
                      "sh", self.example("survey.lua"), self.folder, env={"JETON": JETON}).stdout
        self.assertEqual(out.count("wrote 0 responses"), 2)

    def test_what_is_wrong(self):
        self.fails(1, "run", "--sandbox", self.example("survey.lua"), "sned", says="expected send, collect or demo, got sned")
        self.fails(1, "run", "--sandbox", self.example("survey.lua"), "collect", says="nothing has been sent yet")

    def test_without_an_argument(self):
        done = self.ok("run", "--sandbox", self.example("survey.lua"))
        self.assertIn("wrote 1 responses to ./survey.csv", done.stdout)
        out = self.ok("sandbox", "--exec", "sh", "-ec", 'unset JETON_SANDBOX_URL; "$JETON" run "$1"; "$JETON" run "$1"',
                      "sh", self.example("survey.lua"), env={"JETON": JETON}).stdout
        self.assertRegex(out, r"^sent [0-9a-f-]{36} to Sales\nwrote 0 responses to ./survey.csv and survey.db\n$")


class Configurations(Example):
    def test_all_but_hello(self):
        names = sorted(name for name in os.listdir(self.folder) if name.endswith(".yaml") and name != "hello.yaml")
        self.assertGreaterEqual(len(names), 11)
        keys = {}
        for name in ("rsa.pem", "service_account.json"):
            with open(os.path.join(SOURCE, "tests/unit/crypto/keys", name), encoding="ascii") as file:
                keys[os.path.splitext(name)[1]] = file.read()
        for name in names:
            with self.subTest(name):
                script = name.replace(".yaml", ".lua")
                with open(self.example(name), encoding="utf-8") as file:
                    text = file.read()
                self.assertIn(f"script: {script}\n", text)
                for secret in re.findall(r"secrets/[\w.-]+", text):
                    self.write(secret, keys.get(os.path.splitext(secret)[1], "any value\n"))
                self.ok("-c", self.example(name), "check")


class Jobs(WithSandbox):
    """The configurations as they are, but for the places of the service and of the feed."""

    def setUp(self):
        super().setUp()
        for name, value in (("id", APPLICATION_ID), ("secret", APPLICATION_SECRET), ("refresh-token", TENANT_TOKEN)):
            self.write("secrets/contoso-" + name, value + "\n")
        self.service.steer("groups", {"name": "News", "type": "ConnectGroup", "admins": [ALICE], "subscribers": [BOB]})

    def job(self, name, job):
        with open(self.example(name + ".yaml"), encoding="utf-8") as file:
            text = file.read().replace("https://kaizala.example.org/v1", self.service.base)
        text = text.replace("https://news.example.org/feed.xml", self.example("data/feed.xml"))
        self.write(name + ".yaml", text)
        # From elsewhere, as cron does.
        command = ["-C", "/", JETON, "-c", self.example(name + ".yaml"), "run", "--job", job]
        return [self.ok(*command, program="env", env={"TZ": "UTC"}).stdout for _ in range(2)]

    def test_two_runs_of_each(self):
        first, second = self.job("rss", "newsroom")
        self.assertEqual((first.count("posted "), second), (3, ""))
        first, second = self.job("leaderboard", "leaderboard")
        self.assertEqual((first.count("\n"), second), (5, ""))
        first, second = self.job("survey", "lunch-survey")
        self.assertRegex(first + second, r"^sent \S+ to Sales\nwrote 0 responses to \./survey.csv and survey.db\n$")
        self.assertEqual(self.job("notice", "notice"), ["1 of 1 have it\n"] * 2)
        self.assertEqual([message["recipients"] for message in self.messages()], [[BOB]])
        first, second = self.job("tickets", "tickets")
        self.assertEqual((first.count("opened #"), second), (2, ""))
        self.assertEqual(len(self.actions("Job")), 2)
        for name in ("survey.csv", "survey.db", "failed.csv"):
            self.assertTrue(os.path.exists(self.example(name)), name)

    def test_attendance_in_the_zone_of_the_job(self):
        first, second = self.job("attendance", "attendance")
        self.assertEqual(first, "asked Sales\n")
        if second == first:
            self.skipTest("a day began in Kolkata between the two runs")
        self.respond_as_bob(self.actions("Survey")[0], {"answers": [["Home"]]})
        report = re.search(r"wrote \./(\S+)", self.job("attendance", "attendance")[0]).group(1)
        self.assertRegex(self.read_csv(report)[2][3], r"^\d{4}-\d\d-\d\d \d\d:\d\d IST$")


class Permissions(WithSandbox):
    def test_those_that_a_configuration_names_are_enough_and_needed(self):
        self.service.steer("groups", {"name": "News", "type": "ConnectGroup", "admins": [ALICE], "subscribers": [BOB]})
        for name in ("rss", "leaderboard", "survey", "notice", "tickets", "attendance"):
            with open(self.example(name + ".yaml"), encoding="utf-8") as file:
                named = re.search(r"^# Permissions of the connector: (.+)\.$", file.read(), re.MULTILINE).group(1)
            permissions = re.findall(r"\w+", re.sub(r"\(.*?\)", "", named))
            commands = {"survey": [["demo"]], "notice": [["data/notice.txt", "all"]],
                        "tickets": [[], ["done", "102"], []]}.get(name, [[], []])
            for missing in [*permissions, None]:
                self.service.steer("connectors", {"id": APPLICATION_ID,
                                                  "permissions": [p for p in permissions if p != missing]})
                with self.subTest(name=name, missing=missing):
                    runs = [self.jeton("run", name + ".lua", *args) for args in commands]
                    statuses = [done.returncode for done in runs]
                    self.assertEqual(4 in statuses, missing is not None, [done.stderr for done in runs])
                    if missing is None:
                        self.assertEqual(set(statuses), {0})


if __name__ == "__main__":
    unittest.main()
