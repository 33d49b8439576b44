"""What 0.1.0 left is used as it is: a state, a crontab, configurations. kept_0_1_0 was made by that version.

The clock stands at the day of the kept state, so that its token lives and its slot is due.
"""

import hashlib
import json
import os
import re
import sqlite3
import unittest

import support

KEPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kept_0_1_0")
NOW = "@2026-11-20 08:01:30"
SERVICE = "http://127.0.0.1:18481/v1"  # nobody is there: an exchange would fail
APPLICATION_ID = "2ab9b820-1d7f-4e6a-b3c4-5f8e9d0a7b16"
CRONTAB = """#!/bin/sh
case $1 in
  -l) cat "$HOME/crontab" ;;
  -) cat >"$HOME/crontab" ;;
esac
"""


class Kept(support.Case):
    def setUp(self):
        super().setUp()
        self.env.update(self.faketime(NOW))
        # The path counts in the owner of a token and in the scope of a job: the test's own stands for it.
        self.folder = os.path.realpath(self.folder)
        self.config = os.path.join(self.folder, "jeton.yaml")
        self.write("jeton.yaml", self.kept("jeton.yaml"))
        self.state = os.path.join(self.folder, "state")
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        self.file = os.path.join(self.state, "jeton.db")
        self.write("state/jeton.db", "")
        with sqlite3.connect(self.file) as database:
            database.executescript(self.kept("state.sql"))
        database.close()
        self.before = self.rows()

    def owner(self):
        """Of the connector's row, as 0.1.0 made it."""
        texts = (self.config, "contoso", SERVICE), (APPLICATION_ID, APPLICATION_ID)
        places, ids = (b"".join(text.encode() + b"\0" for text in part) for part in texts)
        return hashlib.sha256(places + b"\1" + ids).hexdigest()

    def kept(self, name):
        with open(os.path.join(KEPT, name), encoding="utf-8") as file:
            text = file.read()
        for word, value in (("FOLDER", self.folder), ("JETON", support.JETON), ("OWNER", self.owner())):
            text = text.replace(f"@{word}@", value)
        return text

    def rows(self):
        """All that is in the state, by the names of its columns: later versions add some."""
        database = sqlite3.connect(self.file)
        database.row_factory = sqlite3.Row
        tables = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]
                for table in tables}
        database.close()
        return {table: found for table, found in rows.items() if found}

    def run_lua(self, text, *options):
        """By the job that left its keys."""
        self.write("report.lua", text)
        return self.ok("run", "--job", "report", *options)

    def test_nothing_is_lost(self):
        self.ok("history")
        after = self.rows()
        for table, rows in self.before.items():
            with self.subTest(table=table):
                self.assertGreater(len(rows), 0)
                for row in rows:
                    self.assertTrue(any(row.items() <= found.items() for found in after[table]), row)
        self.assertEqual({table: len(rows) for table, rows in after.items() if table != "meta"},
                         {table: len(rows) for table, rows in self.before.items() if table != "meta"})

    def test_0_1_0_could_go_on(self):
        self.ok("history")
        database = sqlite3.connect(self.file)
        self.addCleanup(database.close)
        self.assertEqual(database.execute("PRAGMA user_version").fetchone(), (4,))
        self.assertEqual(database.execute("SELECT value FROM meta WHERE key = 'version'").fetchone(), (11,))

    def test_the_token_is_used_without_an_exchange(self):
        token = json.loads(self.ok("token", "contoso", "--json", "--show").stdout)
        [row] = self.before["token"]
        self.assertEqual((token["source"], token["access_token"]), ("cache", row["access_token"]))
        self.assertEqual(token["endpoint_url"], "http://127.0.0.1:18481")
        self.assertEqual(token["refresh_token_since"], "2026-11-20T08:00:10.095+00:00")

    def test_a_failed_exchange_keeps_the_rotated_refresh_token(self):
        """The configured one was spent by 0.1.0."""
        [row] = self.before["token"]
        self.assertNotIn("demo-tenant-token", row["refresh_token"])
        self.fails(5, "token", "contoso", "--refresh")
        [after] = self.rows()["token"]
        self.assertLessEqual(row.items(), after.items())

    def test_the_slot_is_not_run_again(self):
        self.write("report.lua", 'print "again"')
        done = self.ok("run", "--job", "report", "--scheduled")
        self.assertEqual((done.stdout, len(self.rows()["run"])), ("", len(self.before["run"])))

    def test_the_keys_are_read(self):
        done = self.run_lua('local state = require "jeton.state"\n'
                            'print(state.get "cursor", table.concat(state.keys(), ","), state.get("seen").names[2])')
        self.assertEqual(done.stdout, "636674054802000002\tcursor,seen\tZoé\n")

    def test_the_history_is_listed(self):
        rows = json.loads(self.ok("history", "--json").stdout)
        self.assertEqual([(row["run"], row["attempt"], row["exit"], row["cause"], row["slot"]) for row in rows],
                         [("rzon0au1es", 1, 0, None, None),
                          ("q1a5cw7qfx", 2, 0, None, "2026-11-20T08:00:00.000+00:00"),
                          ("q1a5cw7qfx", 1, 1, "script", "2026-11-20T08:00:00.000+00:00")])
        self.assertIn("report 2 of http://127.0.0.1:18481", self.ok("logs", "q1a5cw7qfx").stdout)

    def test_the_counters_go_on(self):
        self.run_lua("")
        with open(self.folder + "/report.prom", encoding="utf-8") as file:
            text = file.read()
        self.assertRegex(text, r'jeton_job_runs_total\{jeton_job="report",[^}]*\} 3\n')
        self.assertRegex(text, r'jeton_job_exchanges_total\{jeton_job="report",[^}]*\} 1\n')

    def test_the_crontab_block_is_replaced(self):
        self.env["HOME"] = self.folder
        self.write("bin/crontab", CRONTAB, 0o700)
        self.env["PATH"] = self.folder + "/bin:" + self.env["PATH"]
        self.write("crontab", self.kept("crontab.txt").replace("0 8 * * *", "0 7 * * *"))
        self.write("report.lua", "")
        self.ok("cron", "install")
        with open(self.folder + "/crontab", encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.splitlines()[0], "MAILTO=ops@example.org")
        self.assertEqual((text.count(">>> jeton "), text.count("<<< jeton ")), (1, 1))
        self.assertEqual(len(re.findall(r"^0 8 \* \* \* .* --job report --scheduled$", text, re.MULTILINE)), 1)
        self.assertNotIn("0 7 * * *", text)
        self.assertEqual(self.rows()["job"], self.before["job"])  # since when slots count

    def test_the_configurations_of_its_manuals_are_right(self):
        self.write("reports/morning.lua", "")
        self.write("contoso-secret", "secret")
        for program in ("pass", "mail"):
            self.write("bin/" + program, "#!/bin/sh\n", 0o700)
        self.env.update(CONTOSO_ID=APPLICATION_ID, PATH=self.folder + "/bin:" + self.env["PATH"])
        for name in ("manual.yaml", "guides.yaml"):
            with self.subTest(name=name):
                self.write(name, self.kept(name).replace("/run/secrets", self.folder))
                done = self.jeton("--config", name, "check", "--json")
                self.assertEqual((done.returncode, json.loads(done.stdout)["problems"]), (0, []), done.stderr)


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
