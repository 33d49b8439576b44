"""What a state belongs to: the path of a configuration, or its name. Nothing of one is mixed with another's."""

import json
import os
import shutil
import signal
import sqlite3
import unittest

import support
from jobs import JobCase
from listening import HOOK, SECRET, Listener

COUNTS = """
local state = require "jeton.state"
local n = (state.get "n" or 0) + 1
state.set("n", n)
print(n)
"""
TABLES = ("run", "slot", "job", "job_counter", "kv")


class NameCase(JobCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.realpath(self.folder)

    def configure_at(self, path, name=None, service=None, more="", extra="", token="old-refresh-token"):
        """A configuration with the job `count`, its script beside it, and a connector where there is a service."""
        connector = f"""\
connectors:
  contoso:
    token_service: {service}
    application_id: {support.APPLICATION_ID}
    application_secret: {support.APPLICATION_SECRET}
    refresh_token: {token}
    retries: 0
""" if service else ""
        self.write(os.path.join(os.path.dirname(path), "count.lua"), COUNTS)
        return self.write(path, "version: 1\n" + (f"name: {name}\n" if name else "") + f"state: {self.state}\n"
                          + connector + "jobs:\n  count: { script: count.lua" + more + " }\n" + extra)

    def count(self, path, *options, status=0, **more):
        done = self.jeton("-c", path, "run", "--job", "count", *options, **more)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return int(done.stdout) if status == 0 else done.stderr

    def homes(self):
        """Of all tables: what rows belong to."""
        found = set()
        for table in TABLES:
            for row in self.query(f"SELECT DISTINCT scope FROM {table}"):
                kind, rest = row["scope"].split(":", 1)
                found.add(rest.split(":", 1)[1] if kind in ("job", "shared") else rest)
        return found

    def snapshot(self):
        """All rows but what they belong to."""
        return {table: sorted((str({**row, "scope": None}) for row in self.query(f"SELECT * FROM {table}")))
                for table in TABLES + ("token",)}

    def token(self, path, *options, status=0):
        done = self.jeton("-c", path, "token", "contoso", "--json", *options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr


class Releases(NameCase):
    def test_a_named_configuration_goes_on_at_another_path(self):
        for n in (1, 2):
            self.configure_at(f"releases/{n}/jeton.yaml", name="shop", more=", schedule: '* * * * *'")
        os.symlink("releases/1", self.path("current"))
        self.assertEqual([self.count("current/jeton.yaml") for _ in range(2)], [1, 2])
        self.count("releases/1/jeton.yaml")
        os.unlink(self.path("current"))
        os.symlink("releases/2", self.path("current"))
        self.assertEqual(self.count("current/jeton.yaml"), 4)
        os.rename(self.path("releases/2/jeton.yaml"), self.path("releases/2/shop.yaml"))
        self.assertEqual(self.count("releases/2/shop.yaml"), 5)
        self.assertEqual(self.homes(), {"name:shop"})
        self.assertEqual(len(json.loads(self.ok("-c", "releases/2/shop.yaml", "history", "--json").stdout)), 5)

    def test_in_a_volume_of_kubernetes(self):
        """There each pod, and each change, has the files in another folder, to which links lead: it is no other configuration."""
        counts = []
        for n in range(3):
            self.configure_at(f"etc/..{n}/jeton.yaml")
            self.write(f"etc/..{n}/conf.d/more.yaml", "jobs: { more: { script: ../count.lua } }\n")
            if n == 0:
                for name in ("jeton.yaml", "count.lua", "conf.d"):
                    os.symlink("..data/" + name, self.path("etc/" + name))
            else:
                os.unlink(self.path("etc/..data"))
                shutil.rmtree(self.path(f"etc/..{n - 1}"))
            os.symlink(f"..{n}", self.path("etc/..data"))
            path = self.path("etc/jeton.yaml")
            counts += [self.count(path), int(self.ok("-c", path, "run", "--job", "more").stdout),
                       int(self.ok("-c", path, "run", "etc/count.lua").stdout)]
        self.assertEqual(counts, [1] * 3 + [2] * 3 + [3] * 3)
        self.assertEqual(self.homes(), {path, self.path("etc/conf.d/more.yaml"), self.path("etc/count.lua")})
        self.assertEqual(self.ok("-c", path, "state", "keys", "get", "--script", "etc/count.lua", "n").stdout, "3\n")
        # What a file names is looked for beside the links, too: after a change the former folder is not there.
        self.write("etc/..2/conf.d/bad.yaml", "jobs: { bad: { script: ../gone.lua } }\n")
        self.assertIn("job 'bad': etc/gone.lua: No such file", self.jeton("-c", path, "check").stdout)

    def test_a_path_that_gets_a_name_takes_all_along(self):
        path = self.configure_at("jeton.yaml", more=", metrics: m.prom, shared: [board]")
        self.write("conf.d/other.yaml", "jobs: { other: { script: ../count.lua } }\n")
        self.write("conf.d/gone.yaml", "jobs: { gone: { script: ../count.lua } }\n")
        for job in ("count", "other", "gone"):
            self.ok("run", "--job", job)
        os.unlink(self.path("conf.d/gone.yaml"))
        self.ok("run", "count.lua")  # keys of a script
        self.ok("state", "keys", "set", "--shared", "board", "k", "5")
        before = self.snapshot()
        self.configure_at("jeton.yaml", name="shop", more=", metrics: m.prom, shared: [board]")
        done = self.ok("run", "--job", "count")
        self.assertEqual(done.stdout, "2\n")
        self.assertIn(f"the state of {path} belongs to name 'shop' from now on", done.stderr)
        self.assertEqual(self.ok("run", "--job", "other").stdout, "2\n")
        self.assertEqual(self.ok("state", "keys", "get", "--shared", "board", "k").stdout, "5\n")
        self.assertEqual(self.ok("run", "count.lua").stdout, "2\n")
        self.assertEqual(self.homes(), {"name:shop", "name:shop:count.lua", self.path("count.lua")})
        for row in before["run"]:
            self.assertIn(row, self.snapshot()["run"])
        with open(self.path("m.prom"), encoding="utf-8") as file:
            self.assertRegex(file.read(), r"jeton_job_runs_total\{.*\} 2\n")
        self.assertEqual(len(json.loads(self.ok("history", "gone", "--json").stdout)), 1)

    def test_runs_and_events_that_move_in_parts(self):
        """More than one statement moves, and each of another home between them, which stays."""
        one, two = self.configure_at("jeton.yaml"), self.configure_at("two/jeton.yaml")
        self.count(one)
        self.count(two)
        with sqlite3.connect(os.path.join(self.state, "jeton.db")) as db:
            for home in (one, two):
                db.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)"
                           " INSERT INTO run (run, scope, job, attempt, started_ms, ended_ms, exit, requests, exchanges,"
                           " peak_kib, pid, pid_start, boot_id, output_bytes) SELECT hex(randomblob(5)), 'job:count:' || ?, 'count', 1,"
                           " started_ms - i, ended_ms - i, 0, 0, 0, 0, 0, 0, '', 0 FROM run, n WHERE run.row = (SELECT min(row) FROM run)", (home,))
                db.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)"
                           " INSERT INTO event (scope, id, part, state, received_ms, next_ms, attempt, conflicts, duplicates,"
                           " alone) SELECT 'hook:h:' || ?, 'e' || i, 0, 'ready', 1, 1, 0, 0, 0, 0 FROM n", (home,))
        db.close()
        tables = ("SELECT row, scope FROM run ORDER BY row", "SELECT seq, scope FROM event ORDER BY seq")
        before = [self.query(table) for table in tables]
        self.configure_at("jeton.yaml", name="shop")
        self.ok("-c", one, "run", "--job", "count")
        for table, rows in zip(tables, before, strict=True):
            moved = [{**row, "scope": row["scope"].removesuffix(one) + "name:shop"} if row["scope"].endswith(":" + one) else row
                     for row in rows]
            self.assertEqual(self.query(table)[:len(rows)], moved)

    def test_a_job_that_begins_anew_says_so(self):
        """At another path without a name: in check, and at its first run, but at no other time."""
        old = self.configure_at("releases/1/jeton.yaml")
        self.count(old)
        new = self.configure_at("releases/2/jeton.yaml", more=", schedule: '0 0 29 2 *'",
                                extra="  other: { script: count.lua }\n")
        says = f"job 'count' begins anew, without the keys and the history of job 'count' of {old}; "
        how = f"a line `name: NAME` in the configuration and `jeton state adopt {old}` brings them along"
        self.assertIn(f"jeton.yaml:4:3: warning: {says}", self.ok("-c", new, "check").stdout)
        self.assertNotIn("begins anew", self.ok("-c", new, "run", "--job", "other").stderr)  # there was none
        self.assertEqual(self.ok("-c", new, "check").stdout.count("begins anew"), 0)  # its own choice, it seems
        os.unlink(self.path("releases/1/jeton.yaml"))
        self.assertIn(how, self.ok("-c", new, "check").stdout)  # but not if the other one is gone
        self.assertEqual(self.ok("-c", new, "run", "--job", "count", "--scheduled").stderr, "")  # nothing was due
        self.assertIn(says, self.ok("-c", new, "run", "--job", "count").stderr)
        self.assertEqual(self.ok("-c", new, "run", "--job", "count").stderr, "")
        self.assertNotIn("begins anew", self.ok("-c", new, "check").stdout)

    def test_many_jobs_that_begin_anew_are_one_warning(self):
        many = "".join(f"  j{n}: {{ script: count.lua }}\n" for n in range(3))
        old = self.configure_at("a/jeton.yaml", extra=many)
        for name in ("count", "j0", "j2"):
            self.ok("-c", old, "run", "--job", name)
        done = self.ok("-c", self.configure_at("b/jeton.yaml", extra=many), "check")
        self.assertEqual(done.stdout.count("warning"), 1)
        self.assertIn("brings them along (and so do 2 more jobs)\n", done.stdout)

    def test_events_that_wait_elsewhere_are_told_of(self):
        """Of a webhook that begins anew: by check and by the listener, until it has events of its own."""
        self.write("sender.secret", SECRET + "\n")
        hooks = "webhooks:\n  orders:\n" + HOOK + "    retries: {{ attempts: 9, delay: 1h }}\n"
        for folder in ("releases/1", "releases/2"):
            self.write(folder + "/handler.lua", "return function() error('not today') end")
            self.write(folder + "/sender.secret", SECRET + "\n")

        def configure(folder, name=None):
            return self.configure_at(folder + "/jeton.yaml", name, extra=hooks.format(folder=self.path(folder)))

        def post(path, *names):
            listener = Listener(self, popen=self.start("-c", path, "listen", "--listen", "127.0.0.1:0"))
            for name in names:
                self.assertEqual(listener.post({"id": name, "type": "t"})[0], 200)
            listener.stop()
            return listener.log()
        old = configure("releases/1")
        self.assertNotIn("nobody handles", post(old, "one", "two"))
        new = configure("releases/2")
        says = f"2 events of webhook 'orders' of {old} wait, and nobody handles them here; if that is the same one at another path, "
        how = f"a line `name: NAME` in the configuration and `jeton state adopt {old}` brings them along"
        self.assertIn(f"warning: {says}removing that file, {how}\n", self.ok("-c", new, "check").stdout)
        os.unlink(old)
        self.assertIn(f"warning: {says}{how}\n", post(new, "three"))
        self.assertIn(says + how, self.ok("-c", new, "check").stdout)  # the file is gone
        configure("releases/2", "shop")
        self.assertIn(f"{says}`jeton state adopt {old}` brings", post(new))
        self.ok("-c", new, "state", "adopt", old, "--replace")
        self.assertNotIn("nobody handles", self.ok("-c", new, "check").stdout)
        configure("releases/2", "other")
        self.assertIn("3 events of webhook 'orders' of name:shop wait", post(new, "four"))
        self.assertNotIn("nobody handles", post(new))  # two configurations, it seems
        self.assertEqual(self.ok("-c", new, "state", "adopt", "name:shop", "--replace").stderr, "")
        self.assertEqual(self.ok("-c", new, "events").stdout.count("\n"), 5)

    def test_a_webhook_that_begins_anew_says_so(self):
        """None of its events waits, but its keys are not there, and it does not know what it has handled."""
        handler = "local state = require 'jeton.state' return function() state.set('n', (state.get('n') or 0) + 1) print(state.get('n')) end"
        for folder in ("releases/1", "releases/2", "others"):
            self.write(folder + "/handler.lua", handler)
            self.write(folder + "/sender.secret", SECRET + "\n")

        def configure(folder, name=None, hooks=("orders",)):
            text = "".join(f"  {hook}:\n{HOOK}" for hook in hooks).format(folder=self.path(folder))
            return self.configure_at(folder + "/jeton.yaml", name, extra="webhooks:\n" + text)

        def post(path, *names, hook="orders"):
            listener = Listener(self, popen=self.start("-c", path, "listen", "--listen", "127.0.0.1:0"))
            for name in names:
                self.assertEqual(listener.post({"id": name, "type": "t"}, "/" + hook)[0], 200)
            support.wait_until(lambda: self.query("SELECT count(*) FROM event WHERE ended_ms IS NULL") == [{"count(*)": 0}])
            listener.stop()
            return listener.log()
        old = configure("releases/1")
        self.assertNotIn("begins anew", post(old, "one", "two"))
        new = configure("releases/2")
        says = f"webhook 'orders' begins anew, without the keys and the events of webhook 'orders' of {old}; if that is the same one at another path, "
        how = f"a line `name: NAME` in the configuration and `jeton state adopt {old}` brings them along"
        self.assertIn(f"warning: {says}removing that file, {how}\n", self.ok("-c", new, "check").stdout)
        os.unlink(old)
        self.assertIn(f"warning: {says}{how}\n", self.ok("-c", new, "check").stdout)
        self.assertIn(f"warning: {says}{how}\n", post(new, "one"))  # a second time
        self.assertNotIn("begins anew", self.ok("-c", new, "check").stdout + post(new))
        configure("releases/2", "shop")
        self.assertNotIn("begins anew", post(new, "three"))  # it takes along what is its own
        configure("releases/2", "other")
        self.assertIn("webhook 'orders' of name:shop; if", self.ok("-c", new, "check").stdout)
        self.ok("-c", new, "state", "adopt", "name:shop")
        self.assertNotIn("begins anew", post(new, "four"))
        self.assertEqual(self.ok("-c", new, "state", "keys", "get", "--hook", "orders", "n").stdout, "3\n")
        post(configure("others", hooks=("more",)), "one", hook="more")
        self.assertNotIn("begins anew", self.ok("-c", configure("others", hooks=("more", "orders")), "check").stdout)  # it is another

    def test_two_configurations_on_one_state(self):
        paths = [self.configure_at("a/jeton.yaml"), self.configure_at("b/jeton.yaml", name="b"),
                 self.configure_at("c/jeton.yaml", name="c")]
        for n in (1, 2):
            self.assertEqual([self.count(path) for path in paths], [n, n, n])
        self.assertEqual(self.homes(), {paths[0], "name:b", "name:c"})


class History(NameCase):
    """Only of this configuration, unless all are asked for."""

    def setUp(self):
        super().setUp()
        self.one, self.two = self.configure_at("a/jeton.yaml"), self.configure_at("b/jeton.yaml", name="b")
        self.count(self.one)
        self.count(self.two)
        self.count(self.two)

    def listed(self, path, *options):
        return json.loads(self.ok("-c", path, "history", "--json", *options).stdout)

    def test_json(self):
        host = os.uname().nodename
        self.assertEqual([(row["configuration"], row["host"]) for row in self.listed(self.one)], [(self.one, host)])
        self.assertEqual([row["configuration"] for row in self.listed(self.two, "count")], ["b", "b"])
        self.assertEqual([row["configuration"] for row in self.listed(self.one, "--all")], ["b", "b", self.one])
        self.assertEqual(len(self.listed(self.one, "count", "--all", "--limit", "1")), 1)

    def test_tables(self):
        own, every = (self.ok("-c", self.one, "history", *options).stdout for options in ((), ("--all",)))
        self.assertNotIn("CONFIGURATION", own)
        self.assertEqual((own.count("✓"), every.count("✓")), (1, 3))
        self.assertRegex(every, "RUN +JOB +CONFIGURATION +STARTED")
        self.assertEqual((every.count(self.one), every.count(" b ")), (2, 3))  # and a line of each below
        self.assertRegex(every, f"count  {self.one} +. +1 good")

    def test_pages(self):
        for path, options, shown, hidden in ((self.one, (), [self.one], ["<th scope=\"col\">Configuration"]),
                                             (self.two, ("--all",), ["Configuration</th>", self.one, "count · b"], [])):
            self.ok("-c", path, "history", "--html", "page.html", *options)
            with open(self.path("page.html"), encoding="utf-8") as file:
                text = file.read()
            for part in shown:
                self.assertIn(part, text)
            for part in hidden:
                self.assertNotIn(part, text)

    def test_logs(self):
        run = self.listed(self.two)[0]["run"]
        self.assertEqual(self.ok("-c", self.one, "logs", "count").stdout, "1\n")
        self.assertEqual(self.ok("-c", self.two, "logs", "count").stdout, "2\n")
        self.fails(3, "-c", self.one, "logs", run)
        self.assertEqual(self.ok("-c", self.one, "logs", run, "--all").stdout, "2\n")

    def test_none_of_this_one(self):
        self.configure_at("c/jeton.yaml")
        self.assertIn("jeton history --all", self.ok("-c", "c/jeton.yaml", "history").stderr)
        self.fails(3, "-c", "c/jeton.yaml", "history", "other")


class Move(NameCase):
    """Of the rows of a path to its name."""

    def setUp(self):
        super().setUp()
        self.config = self.configure_at("jeton.yaml")
        self.assertEqual([self.count(self.config) for _ in range(2)], [1, 2])

    def test_a_kill_in_its_middle_changes_nothing(self):
        before = self.snapshot()
        self.configure_at("jeton.yaml", name="shop")
        done = self.jeton("run", "--job", "count", program=support.JETON_FAULTY, env={"JETON_FAULT": "home-moved=kill"})
        self.assertEqual(done.returncode, -9, done.stderr)
        self.assertEqual((self.snapshot(), self.homes()), (before, {self.config}))
        self.assertEqual(self.count(self.config), 3)
        self.assertEqual(self.homes(), {"name:shop"})

    def test_rows_on_both_sides_stay_where_they_are_and_check_says_so(self):
        self.configure_at("elsewhere/jeton.yaml", name="shop")
        self.assertEqual(self.count("elsewhere/jeton.yaml"), 1)
        self.configure_at("jeton.yaml", name="shop")
        self.assertEqual(self.count(self.config), 2)
        self.assertEqual(self.homes(), {self.config, "name:shop"})
        done = self.ok("check")
        self.assertIn("name 'shop'", done.stdout)
        self.assertIn(f"jeton state adopt {self.config} --replace", done.stdout)
        self.fails(3, "state", "adopt", self.config)
        self.ok("state", "adopt", self.config, "--replace")
        self.assertEqual((self.homes(), self.count(self.config)), ({"name:shop"}, 3))
        self.assertNotIn("shop", self.ok("check").stdout)

    def test_a_run_under_way_is_waited_for(self):
        self.write("count.lua", COUNTS + 'io.open("begun", "w"):close() require "jeton.task".sleep(2)')
        process = self.start("run", "--job", "count")
        self.wait_for("begun")
        self.configure_at("jeton.yaml", name="shop")
        self.assertEqual(self.count(self.config), 4)
        self.assertEqual(process.wait(20), 0)
        self.assertEqual(self.homes(), {"name:shop"})

    def add_the_name_under_a_listener(self, *before):
        """It goes on storing for the path: no event that it has accepted may stay there."""
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", "return function() error('not today') end")
        hooks = "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder) + "    retries: { attempts: 9, delay: 1h }\n"
        self.configure_at("jeton.yaml", extra=hooks)
        listener = Listener(self)
        for name in before:
            self.assertEqual(listener.post({"id": name, "type": "t"})[0], 200)
        self.configure_at("jeton.yaml", name="shop", extra=hooks)
        self.assertIn(f"without name 'shop' still serves {self.config}", self.count(self.config, status=7))
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("another `name` needs a restart; the previous configuration stays in use")
        self.assertEqual(listener.post({"id": "under", "type": "t"})[0], 200)
        listener.stop()
        listener = Listener(self)
        self.assertEqual(listener.post({"id": "after", "type": "t"})[0], 200)
        listener.stop()
        self.assertEqual([(row["scope"], row["id"]) for row in self.query("SELECT scope, id FROM event ORDER BY seq")],
                         [("hook:orders:name:shop", name) for name in (*before, "under", "after")])
        self.assertEqual(self.homes(), {"name:shop"})

    def test_a_listener_from_before_the_name_keeps_it_from_moving(self):
        self.add_the_name_under_a_listener("before")

    def test_a_listener_that_has_no_rows_yet_does_too(self):
        shutil.rmtree(self.state)
        self.add_the_name_under_a_listener()

    def test_a_listener_that_comes_late_to_its_lock_looks_again(self):
        """It has read the configuration before it had a name, and what belonged to the path may have moved since."""
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", "return function() error('not today') end")
        hooks = "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder) + "    retries: { attempts: 9, delay: 1h }\n"
        self.configure_at("jeton.yaml", extra=hooks)
        process = self.start("listen", "--listen", "127.0.0.1:0", program=support.JETON_FAULTY,
                             env={"JETON_FAULT": "listen-read=stop"})
        os.waitpid(process.pid, os.WUNTRACED)
        self.configure_at("jeton.yaml", name="shop", extra=hooks)
        self.count(self.config)
        process.send_signal(signal.SIGCONT)
        listener = Listener(self, popen=process)
        self.assertEqual(listener.post({"id": "late", "type": "t"})[0], 200)
        listener.stop()
        self.assertEqual([row["scope"] for row in self.query("SELECT scope FROM event")], ["hook:orders:name:shop"])
        self.assertEqual(self.homes(), {"name:shop"})

    def test_a_path_that_is_gone_is_adopted(self):
        os.makedirs(self.path("new"))
        os.rename(self.path("jeton.yaml"), self.path("new/jeton.yaml"))
        self.fails(3, "-c", "new/jeton.yaml", "state", "adopt", "jeton.yaml")  # has no name yet
        self.configure_at("new/jeton.yaml", name="shop")
        done = self.ok("-c", "new/jeton.yaml", "state", "adopt", "jeton.yaml")
        self.assertIn(self.config, done.stdout)
        self.assertEqual(self.count("new/jeton.yaml"), 3)
        self.fails(3, "-c", "new/jeton.yaml", "state", "adopt", "nowhere.yaml")

    def test_a_path_that_still_exists_is_refused(self):
        self.configure_at("new/jeton.yaml", name="shop")
        for options in ([], ["--replace"]):
            self.fails(3, "-c", "new/jeton.yaml", "state", "adopt", "jeton.yaml", *options,
                       says=[f"{self.config} still exists", "remove or rename that file first"])
        self.assertEqual((self.count(self.config), self.homes()), (3, {self.config}))

    def test_another_name_is_adopted(self):
        self.configure_at("jeton.yaml", name="shop")
        self.count(self.config)
        self.configure_at("jeton.yaml", name="store")
        self.ok("state", "adopt", "name:shop")
        self.assertEqual((self.count(self.config), self.homes()), (4, {"name:store"}))


class Tokens(NameCase):
    """With a service that takes a refresh token once."""

    def test_a_rotated_token_is_found_by_the_name(self):
        sandbox = self.sandbox()
        sandbox.steer("switches", {"single_use_refresh_tokens": True})
        paths = [self.configure_at(f"releases/{n}/jeton.yaml", name="shop", service=sandbox.base,
                                   token=support.TENANT_TOKEN) for n in (1, 2)]
        first = self.token(paths[0])
        self.assertEqual((first["source"], self.token(paths[1])["source"]), ("exchange", "cache"))
        self.assertEqual(self.token(paths[1], "--refresh")["source"], "exchange")

    def test_a_path_whose_token_is_elsewhere_says_so(self):
        sandbox = self.sandbox()
        sandbox.steer("switches", {"single_use_refresh_tokens": True})
        paths = [self.configure_at(f"releases/{n}/jeton.yaml", service=sandbox.base, token=support.TENANT_TOKEN)
                 for n in (1, 2)]
        self.token(paths[0])
        said = self.token(paths[1], status=4)
        self.assertIn(f"the state holds a token of connector 'contoso' for {paths[0]}", said)
        self.assertIn("`name: NAME`", said)
        self.configure_at("releases/2/jeton.yaml", name="shop", service=sandbox.base, token=support.TENANT_TOKEN)
        self.assertIn(f"`jeton state adopt {paths[0]}`", self.token(paths[1], status=4))
        os.unlink(paths[0])
        self.ok("-c", paths[1], "state", "adopt", paths[0])
        self.assertEqual(self.token(paths[1])["source"], "cache")
        self.assertEqual(self.token(paths[1], "--refresh")["source"], "exchange")

    def test_a_token_moves_with_its_path(self):
        sandbox = self.sandbox()
        sandbox.steer("switches", {"single_use_refresh_tokens": True})
        path = self.configure_at("jeton.yaml", service=sandbox.base, token=support.TENANT_TOKEN)
        self.token(path)
        self.configure_at("jeton.yaml", name="shop", service=sandbox.base, token=support.TENANT_TOKEN)
        self.assertEqual(self.token(path)["source"], "cache")
        self.assertEqual([row["home"] for row in self.query("SELECT home FROM token")], ["name:shop"])


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
