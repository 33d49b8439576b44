"""A state on PostgreSQL: what runs on several hosts, each with a folder of its own, share."""

import base64
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import unittest

from namespaces import below
from oauth2 import ID, REFRESH, SECRET, Grants
from postgres import HOSTS, KEY, SOCKET, TOKEN, PostgresCase
from support import JETON, JETON_FAULTY, SOAK, SOURCE, end_process, side_by_side, wait_until


def contoso(grants, more="    rate_limit: {per_minute: 0}\n"):
    """A connector at the token service."""
    return (f"connectors:\n  contoso:\n    provider: oauth2\n    token_url: {grants.url}/token\n"
            f"    client_id: {ID}\n    client_secret: {json.dumps(SECRET)}\n    refresh_token: {REFRESH}\n"
            f"    endpoint: {grants.url}\n{more}")


# It gives up soon to store what came.
SOON = {"program": JETON_FAULTY, "env": {"JETON_FAULT": "token-store=100"}}


def ended(pid):
    """A child that nobody has waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"


class Postgres(PostgresCase):
    def expire(self):
        self.sql("UPDATE @token SET received_wall_ms = 0, received_boot_ms = 0, received_boot_id = 'gone'")

    def test_a_folder_of_the_host_that_is_taken_away(self):
        """Beneath a process, which makes it again."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        script = self.write("away.lua", "local state = require 'jeton.state'\nstate.set('a', 1)\nstate.commit()\n"
                            f"assert(os.execute 'rm -r {self.folder}/host0')\nprint(require('jeton.token').get('contoso').source)\n")
        self.host(0, contoso(grants) + f"jobs:\n  away: {{ script: {script} }}\n")
        self.assertEqual(self.says(0, 0, "run", "--job", "away").stdout, "exchange\n")

    def test_cron_lacks_variables_of_the_state(self):
        job = "jobs:\n  j: { script: /dev/null, schedule: '@daily', environment: { STATE_PASSWORD: set-too-late } }\n"
        self.host(0, job, password={"env": "STATE_PASSWORD"}, key={"env": "STATE_KEY"})
        path = self.write("bin/crontab", '#!/bin/sh\n[ "$1" = -l ] && exec cat tab; exec cat >tab\n')
        self.write("tab", "STATE_KEY=x\n")
        os.chmod(path, 0o700)
        self.env.update(PATH=f"{self.folder}/bin:{self.env['PATH']}", STATE_PASSWORD="a-password", STATE_KEY=KEY)
        done = self.says(0, 0, "cron", "install", words="password of state comes from the variable STATE_PASSWORD")
        self.assertNotIn("STATE_KEY", done.stderr)

    def test_many_jobs_are_noted_in_parts(self):
        """Each has ten seconds, which a busy server took for some thousand rows: each time, so that none was ever noted."""
        self.host(0, "jobs:\n" + "".join(f"  j{i}: {{ script: /dev/null, schedule: '@daily' }}\n" for i in range(600)))
        path = self.write("bin/crontab", '#!/bin/sh\n[ "$1" = -l ] && exec cat tab; exec cat >tab\n')
        self.write("tab", "")
        os.chmod(path, 0o700)
        self.env["PATH"] = f"{self.folder}/bin:{self.env['PATH']}"

        def noted(known, what):
            rows = self.sql(f"SELECT count(*) FROM @job WHERE (installed_ms IS NOT NULL) = {known} GROUP BY {what}")
            return sorted(int(row[0]) for row in rows)

        self.says(0, 0, "cron", "install")
        self.assertEqual(noted(True, "xmin::text"), [100, 250, 250])
        self.sql("UPDATE @job SET installed_ms = NULL WHERE scope NOT LIKE 'job:j1%'")  # as if a part had failed
        self.says(0, 0, "cron", "install")
        self.assertEqual((noted(False, "installed_ms IS NULL"), noted(True, "installed_ms IS NULL")), ([], [600]))
        self.assertLessEqual(max(noted(True, "xmin::text")), 250)
        self.says(0, 0, "cron", "remove")
        self.assertEqual(noted(False, "xmin::text"), [100, 250, 250])

    def test_hosts_exchange_once_and_share_what_came(self):
        sandbox = self.sandbox()
        for number in range(HOSTS):
            self.host(number, self.connector(sandbox.url))
        script = self.write("token.lua", TOKEN)
        for _ in range(3):
            outs = self.finish_all([self.start_on(number, "run", script) for number in range(HOSTS) for _ in range(3)])
            self.assertEqual(len(set(outs)), 1)
            (generation, sealed), = self.sql("SELECT max(generation), string_agg(encode(access_token, 'hex'), '')"
                                              " FROM @token WHERE access_token IS NOT NULL")
            self.assertNotIn(outs[0].strip().hex(), sealed)
            self.expire()
        self.assertEqual(generation, str(3 * 65536))
        spools = [os.path.join(self.folder, f"host{number}", "spool") for number in range(HOSTS)]
        self.assertEqual([name for spool in spools if os.path.exists(spool) for name in os.listdir(spool)], [])
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["0"]])

    def test_a_refresh_token_of_one_use_is_spent_once_a_round(self):
        """Its service takes a second use for a theft, and ends all that came of it."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        for number in range(HOSTS):
            self.host(number, contoso(grants))
        script = self.write("token.lua", TOKEN)
        rounds = 20 if SOAK else 5
        for count in range(1, rounds + 1):
            processes = 16 if SOAK else 4
            outs = self.finish_all([self.start_on(number, "run", script) for number in range(HOSTS)
                                    for _ in range(processes)])
            self.assertEqual(set(outs), {f"access-token-{count}\n".encode()})
            self.assertEqual((len(grants.forms), grants.dead), (count, False))
            self.expire()
        for where in ("token-locked", "token-intent", "token-stored"):  # nothing was sent, or all is stored
            done = self.on(0, "run", script, program=JETON_FAULTY, env={"JETON_FAULT": where + "=kill"})
            self.assertEqual(done.returncode, -9, done.stderr)
            outs = self.finish_all([self.start_on(0, "run", script) for _ in range(2)])
            outs += self.finish_all([self.start_on(number, "run", script) for number in range(HOSTS)])
            rounds += 1
            self.assertEqual(set(outs), {f"access-token-{rounds}\n".encode()})
            self.assertFalse(grants.dead)
            self.expire()

    def test_a_connector_that_is_renamed_on_some_hosts_sends_its_first_token_once(self):
        grants = Grants()
        self.addCleanup(grants.service.stop)
        for number in range(HOSTS):
            self.host(number, contoso(grants).replace("contoso", "contoso" if number % 2 else "ledger"))
        self.assertEqual(self.on(0, "state", "check").returncode, 0)

        def slow(form):
            time.sleep(1)  # whoever does not wait comes meanwhile
            return grants.grant(form)

        grants.answers = [slow]
        self.finish_all([self.start_on(number, "token", "contoso" if number % 2 else "ledger")
                         for number in range(HOSTS) for _ in range(2)])
        self.assertEqual(([form["refresh_token"] for form in grants.forms], grants.dead), ([REFRESH], False))

    def test_a_token_that_came_too_late_is_kept_for_whoever_exchanges_next(self):
        """Its host stands still in the middle of an exchange, and the service lets another one use the same token."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        for number in range(2):
            self.host(number, contoso(grants))
        script = self.write("token.lua", 'print(assert(require "jeton.token".get("contoso")).access_token)')
        late = self.start_on(0, "run", script, program=JETON_FAULTY, env={"JETON_FAULT": "token-received=stop"})
        os.waitpid(late.pid, os.WUNTRACED)
        self.sql("UPDATE @lease SET until = clock_timestamp()")
        grants.answers.append(lambda form: (200, {}, {"access_token": "access-of-another", "token_type": "Bearer", "expires_in": 3600,
                                                      "refresh_token": "refresh-of-another"}))
        done = self.on(1, "run", script)
        self.assertEqual(done.stdout, "access-of-another\n", done.stderr)
        self.expire()

        said = []

        def refuse(_form):
            if late.poll() is None:
                late.send_signal(signal.SIGCONT)
                said.append(late.communicate(timeout=60))
            return 400, {}, {"error": "invalid_grant"}

        grants.answers += [refuse, refuse]
        done = self.on(1, "run", script)
        self.assertEqual(done.stdout, "access-token-2\n", done.stderr)
        self.assertEqual([form["refresh_token"] for form in grants.forms],
                         [REFRESH] * 2 + ["refresh-of-another"] * 2 + ["refresh-token-1"])
        self.assertEqual((late.returncode, said[0][0]), (7, b""), said)
        self.assertEqual(self.sql("SELECT count(*) FROM @token_spare"), [["0"]])
        self.assertEqual(os.listdir(self.folder + "/host0/spool"), [])

    def late_beside(self, status, *args):
        """Both hosts' service, and what host 1 does with a connector that host 0 has an exchange of under way."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        for number in range(2):
            self.host(number, contoso(grants))
        late = self.start_on(0, "token", "contoso", program=JETON_FAULTY, env={"JETON_FAULT": "token-received=stop"})
        os.waitpid(late.pid, os.WUNTRACED)
        self.sql("UPDATE @lease SET until = clock_timestamp()")
        grants.answers.append((200, {}, {"access_token": "access-of-a-person", "token_type": "Bearer", "expires_in": 3600,
                                         "refresh_token": "refresh-of-a-person"}))
        with open(self.write("typed", "refresh-typed\n"), "rb") as typed:
            process = self.start_on(1, *args, stdin=typed)
            said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, said)
        late.send_signal(signal.SIGCONT)
        late.communicate(timeout=60)
        self.assertEqual(late.returncode, status)
        grants.answers = [(400, {}, {"error": "invalid_grant"})]
        grants.forms.clear()
        return grants

    def test_a_token_that_came_too_late_is_not_used_after_a_sign_in(self):
        """It is perhaps another person's."""
        grants = self.late_beside(0, "login", "contoso", "--import")  # it uses what is there
        self.says(4, 1, "token", "contoso", "--refresh", words="invalid_grant")
        self.assertEqual([form["refresh_token"] for form in grants.forms], ["refresh-of-a-person"])

    def test_a_token_that_came_too_late_is_not_used_after_a_logout(self):
        grants = self.late_beside(7, "logout", "contoso")
        self.says(4, 1, "token", "contoso", "--refresh", words="logged out")
        self.host(1, contoso(grants).replace(REFRESH, "refresh-configured-anew"))
        self.says(4, 1, "token", "contoso", words="invalid_grant")
        self.assertEqual([form["refresh_token"] for form in grants.forms], ["refresh-configured-anew"])

    def test_what_is_kept_is_stored_before_anything_is_exchanged(self):
        """The database's disk has filled between the request and its reply: the token in the row is spent."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        self.host(0, contoso(grants))
        self.says(0, 0, "token", "contoso")
        self.expire()

        def full(form):
            self.sql("CREATE FUNCTION @full() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END'; CREATE TRIGGER"
                     " filled BEFORE INSERT OR UPDATE ON @token FOR EACH STATEMENT EXECUTE FUNCTION @full()")
            return grants.grant(form)

        grants.answers.append(full)
        script = self.write("twice.lua", 'local get = require "jeton.token".get\nfor _ = 1, 2 do print(get "contoso") end')
        kept = "nothing is exchanged until the refresh token"
        done = self.on(0, "run", script, **SOON)
        self.assertEqual([done.stdout.count(words) for words in ("what came is kept in", kept)], [1, 1], done.stdout + done.stderr)
        for args in ([], ["--refresh"], ["--refresh"]):
            self.says(5, 0, "token", "contoso", *args, words=kept)
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()"), [["1"]])  # other hosts wait
        self.assertEqual((len(grants.forms), len(os.listdir(self.folder + "/host0/spool"))), (2, 1))
        self.sql("DROP FUNCTION @full CASCADE")
        self.says(0, 0, "token", "contoso", "--show", words="access-token-2")
        self.says(0, 0, "token", "contoso", "--refresh", "--show", words="access-token-3")
        self.assertEqual([form["refresh_token"] for form in grants.forms], [REFRESH, "refresh-token-1", "refresh-token-2"])
        self.assertEqual(self.sql("SELECT count(*) FROM @token_spare"), [["0"]])
        self.assertEqual(os.listdir(self.folder + "/host0/spool"), [])

    def test_another_host_sends_nothing_while_the_row_cannot_be_written(self):
        """It does not see what the first host keeps, and could not store what came."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        for number in range(2):
            self.host(number, contoso(grants))
        self.says(0, 0, "token", "contoso")
        self.expire()
        held = subprocess.Popen(["psql", "-qh", self.server, "-U", "jeton", "-d", "jeton"], stdin=subprocess.PIPE, text=True)
        self.addCleanup(end_process, held)

        def lock(form):
            held.stdin.write(f"BEGIN; LOCK TABLE {self.schema}.token IN SHARE MODE;\n")
            held.stdin.flush()
            wait_until(lambda: self.super("SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND relation = '@token'::regclass"), 60)
            return grants.grant(form)

        grants.answers.append(lock)
        self.says(5, 0, "token", "contoso", words="what came is kept in", **SOON)
        self.sql("UPDATE @lease SET until = clock_timestamp()")
        self.says(5, 1, "token", "contoso", words="lock timeout")
        held.communicate()
        self.says(0, 0, "token", "contoso", "--show", words="access-token-2")
        self.says(0, 1, "token", "contoso", "--refresh", "--show", words="access-token-3")
        self.assertEqual([form["refresh_token"] for form in grants.forms], [REFRESH, "refresh-token-1", "refresh-token-2"])

    def test_a_token_that_no_key_opens_is_replaced_or_forgotten(self):
        grants = Grants()
        self.addCleanup(grants.service.stop)
        for number in range(2):
            self.host(number, contoso(grants))
        keys = {}
        for name in ("old", "new"):
            self.jeton("state", "keygen", name + ".key")
            with open(f"{self.folder}/{name}.key", encoding="ascii") as file:
                keys[name] = file.read()

        def says(status, *args, words="", **options):
            done = self.on(0, *args, **options)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            self.assertIn(words, done.stdout + done.stderr)

        def keep():
            def away(form):
                self.sql("ALTER TABLE @token RENAME TO gone")
                return grants.grant(form)
            grants.answers.append(away)
            says(3, "token", "contoso", "--refresh", words="/spool/")
            self.sql("ALTER TABLE @gone RENAME TO token")
            kept(1)

        def kept(count):
            self.assertEqual(len(os.listdir(self.folder + "/host0/spool")), count)

        # While the old key is there, what was kept is stored, sealed with the new one.
        self.write("state.key", keys["old"])
        keep()
        self.write("state.key", keys["new"] + keys["old"])
        says(0, "state", "rekey")
        says(0, "state", "rekey", words="0 values")
        self.write("state.key", keys["new"])
        says(0, "token", "contoso", "--show", words="access-token-1")
        kept(0)
        # Once its key is gone, the file stays, and the token that is spent is not sent again; until the key comes back.
        keep()
        self.write("state.key", keys["old"] + keys["new"])
        self.assertEqual(self.on(1, "state", "rekey").returncode, 0)
        self.write("state.key", keys["old"])
        says(3, "state", "rekey", words="/spool' has refresh tokens that cannot be stored: no key")
        says(3, "token", "contoso", words="/spool/")
        says(3, "token", "contoso", "--refresh", words="/spool/")
        kept(1)
        self.assertEqual((len(grants.forms), grants.dead), (2, False))
        self.write("state.key", keys["old"] + keys["new"])
        says(0, "token", "contoso", "--show", words="access-token-2")
        kept(0)

        # A row that no key opens.
        def shut():
            self.sql("UPDATE @token SET refresh_token = set_byte(refresh_token, 1, 255 - get_byte(refresh_token, 1))")

        shut()
        says(3, "token", "contoso", words="jeton login")
        says(3, "token", "contoso", "--refresh", words="jeton login")
        says(4, "token", words="no key")
        says(3, "logout", "contoso", words="--local")
        says(0, "login", "contoso", "--import", input=grants.current + "\n")
        says(0, "token", "contoso", "--refresh", "--show", words=f"access-token-{grants.number + 1}")
        shut()
        says(0, "logout", "contoso", "--local")
        says(4, "token", words="logged out")
        says(0, "login", "contoso", "--import", input=grants.current + "\n")
        keep()
        self.write("state.key", keys["new"] + keys["old"])
        self.assertEqual(self.on(1, "state", "rekey").returncode, 0)
        self.write("state.key", keys["new"])
        says(3, "logout", "contoso", words="--local")
        says(0, "logout", "contoso", "--local")
        says(0, "login", "contoso", "--import", input=grants.current + "\n")
        says(0, "token", "contoso", "--refresh")

    def test_a_slot_runs_once_on_all_hosts(self):
        jobs = "jobs:\n" + "".join(f"  job{n}:\n    script: {self.folder}/job.lua\n    schedule: \"* * * * *\"\n"
                                   f"    timezone: UTC\n    catch_up: true\n" for n in range(3))
        self.write("job.lua", 'print("ran")')
        for number in range(HOSTS):
            self.host(number, jobs)
        self.on(0, "run", "--job", "job0", "--scheduled")
        self.sql("UPDATE @job SET installed_ms = 0")
        started = [self.start_on(number, "run", "--job", f"job{job}", "--scheduled")
                   for number in range(HOSTS) for job in range(3)]
        for process in started:
            process.communicate(timeout=60)
        rows = self.sql("SELECT job, slot_ms, count(*) FROM @run WHERE slot_ms IS NOT NULL GROUP BY job, slot_ms")
        self.assertTrue(rows)
        self.assertEqual({row[2] for row in rows}, {"1"})

    def test_the_job_and_its_history_are_shared(self):
        self.write("job.lua", 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit()\n'
                              'print("secret output", s.get("n"))')
        for number in range(2):
            self.host(number, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n")
        self.assertEqual(self.on(0, "run", "--job", "job").returncode, 0)
        done = self.on(1, "run", "--job", "job")
        self.assertEqual((done.returncode, done.stdout), (0, "secret output\t2\n"))
        rows = json.loads(self.on(0, "history", "--json").stdout)
        self.assertEqual([row["exit"] for row in rows], [0, 0])
        self.assertTrue(all(row["host"] for row in rows))
        dump = subprocess.run(["pg_dump", "-h", SOCKET, "-U", "jeton", "-n", self.schema, "--inserts", "jeton"],
                              capture_output=True, check=True).stdout
        self.assertNotIn(b"secret output".hex().encode(), dump)

    def test_a_history_that_is_much_shorter_now_goes_in_parts(self):
        """By the planner without statistics each of tens of thousands was looked for among all: no run's end was recorded."""
        script = self.write("job.lua", "print 'done'")
        text = f"history: {{ keep: KEEP }}\njobs:\n  job: {{ script: {script} }}\n"
        self.host(0, text.replace("KEEP", "100000"))
        self.says(0, 0, "run", "--job", "job")
        self.sql("INSERT INTO @run (row, run, scope, job, attempt, started_ms, ended_ms, exit, requests, exchanges,"
                 " peak_kib, pid, pid_start, boot_id, output_bytes, untold, host_id, made)"
                 " SELECT n - 20000, 'r' || n, scope, job, 1, started_ms, ended_ms, 0, 0, 0, 0, 1, 1, '', 0, false, '', ''"
                 " FROM @run, generate_series(1, 20000) AS n")
        self.host(0, text.replace("KEEP", "1000"))
        for left in (15002, 10003, 5004, 1000, 1000):
            self.says(0, 0, "run", "--job", "job")
            self.assertEqual(self.sql("SELECT count(*) FROM @run"), [[str(left)]])
        self.assertEqual(self.sql("SELECT count(*), min(row) FROM @run WHERE row <= 0"), [["994", "-993"]])  # the newest

    def test_of_skipped_runs_as_many_are_kept_as_of_others(self):
        script = self.write("job.lua", "io.open('ready', 'w'):close()\n"
                                       "while not io.open('go') do require 'jeton.task'.sleep(0.02) end\nerror 'late'")
        self.host(0, f"history: {{ keep: 2 }}\njobs:\n  job: {{ script: {script}, directory: {self.folder} }}\n")
        first = self.start_on(0, "run", "--job", "job")
        wait_until(lambda: os.path.exists(os.path.join(self.folder, "ready")))
        for _ in range(4):
            self.says(7, 0, "run", "--job", "job")
        self.write("go", "")
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, 1)
        self.assertEqual([row["cause"] for row in json.loads(self.on(0, "history", "--json").stdout)],
                         ["locked", "locked", "script"])

    def test_its_keys_are_shown_and_changed_from_any_host(self):
        self.write("job.lua", "")
        for number in range(2):
            self.host(number, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n")
        lines = "".join(f'{{"key":"k{n:03}","value":"secret {n}"}}\n' for n in range(250))
        done = self.on(0, "state", "keys", "import", "--job", "job", input=lines)
        self.assertEqual((done.returncode, done.stdout), (0, "set 250 keys of job 'job'\n"), done.stderr)
        self.assertEqual(self.on(1, "state", "keys", "export", "--job", "job").stdout, lines)
        self.assertEqual(self.on(1, "state", "keys", "delete", "--job", "job", "k000").returncode, 0)
        self.assertEqual(self.on(0, "state", "keys", "get", "--job", "job", "k000").returncode, 1)
        self.assertEqual(self.on(0, "state", "keys", "list", "--job", "job").stdout.count("\n"), 249)

    def test_jobs_of_several_hosts_share_keys(self):
        self.write("job.lua", """
            local state, task = require "jeton.state", require "jeton.task"
            local board, other = state.shared "board", state.shared "other"
            while true do
              board.set("n", (board.get "n" or 0) + 1) other.set("n", (other.get "n" or 0) + 1) state.set("own", true)
              task.sleep(0.01)
              local ok, err = pcall(state.commit)
              if ok then break end
              assert(err.kind == "conflict" and err.message:find "key 'n' of state.shared '%a+' ", tostring(err))
            end""")
        for number in range(HOSTS):  # two of them name the spaces in another order
            shared = "[board, other]" if number % 2 else "[other, board]"
            self.host(number, "jobs:\n" + "".join(f"  job{n}: {{script: {self.folder}/job.lua, shared: {shared}}}\n"
                                                  for n in range(HOSTS)))
        self.finish_all([self.start_on(number, "run", "--job", f"job{number}") for number in range(HOSTS)])
        for space in ("board", "other"):
            done = self.on(0, "state", "keys", "export", "--shared", space)
            self.assertEqual(done.stdout, f'{{"key":"n","value":{HOSTS}}}\n', done.stderr)

    def test_one_host_runs_a_job_at_a_time(self):
        self.write("job.lua", f'local t = require "jeton.task"\nio.open("{self.folder}/on", "w"):close()\n'
                              f'while not io.open("{self.folder}/go") do t.sleep(0.02) end')
        for number in range(2):
            self.host(number, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n")
        first = self.start_on(0, "run", "--job", "job")
        while not os.path.exists(self.folder + "/on"):
            self.assertIsNone(first.poll(), first.stderr)
        self.assertEqual(self.on(1, "run", "--job", "job").returncode, 7)
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE kind = 2")
        self.write("go", "")
        self.finish_all([first])
        self.assertEqual(self.on(1, "run", "--job", "job").returncode, 0)

    def test_hosts_that_boot_together_all_run_what_is_due_at_boot(self):
        """A boot that another host's run has kept from running would be lost."""
        self.write("job.lua", f'local t = require "jeton.task"\nio.open("{self.folder}/on", "w"):close()\n'
                              f'while not io.open("{self.folder}/go") do t.sleep(0.02) end')
        for number in range(3):
            self.host(number, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n    schedule: \"@reboot\"\n"
                              + ("    timeout: 300ms\n" if number == 1 else ""))
        runs = [self.start_on(0, "run", "--job", "job", "--scheduled")]
        wait_until(lambda: os.path.exists(self.folder + "/on"), 60)
        self.says(8, 1, "run", "--job", "job", "--scheduled", words="while another run of the job held its lock")
        self.says(7, 1, "run", "--job", "job", words="another run of it holds its lock")  # by hand: no boot
        runs.append(self.start_on(2, "run", "--job", "job", "--scheduled"))
        wait_until(lambda: self.sql("SELECT count(*) FROM @run") == [["4"]], 60)
        self.write("go", "")
        self.finish_all(runs)

    def test_what_a_run_writes_after_its_lock_was_lost_is_refused(self):
        """Its host was frozen, and its script goes on before anybody can stop it."""
        self.write("job.lua", f"""
            local s, host = require "jeton.state", os.getenv "HOST"
            s.set("n", (s.get "n" or 0) + 1)
            io.open("{self.folder}/on" .. host, "w"):close()
            while not io.open("{self.folder}/go" .. host) do require "jeton.task".sleep(0.02) end""")
        runs = []
        for number in range(2):
            self.host(number, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n")
            runs.append(self.start_on(number, "run", "--job", "job", env={"HOST": str(number)}))
            wait_until(lambda number=number: os.path.exists(f"{self.folder}/on{number}"), 60)
            if number == 0:
                script, = below(runs[0].pid)
                for pid in (runs[0].pid, script):
                    os.kill(pid, signal.SIGSTOP)
                self.sql("UPDATE @lease SET until = clock_timestamp() WHERE kind = 1")
        self.write("go0", "")
        os.kill(script, signal.SIGCONT)
        wait_until(lambda: below(runs[0].pid) == [] or ended(script), 60)
        self.write("go1", "")
        self.finish_all(runs[1:])
        runs[0].send_signal(signal.SIGCONT)
        _, said = runs[0].communicate(timeout=60)
        self.assertEqual((runs[0].returncode, self.sql("SELECT exit, cause FROM @run ORDER BY row")),
                         (7, [["7", "lost"], ["0", ""]]), said)
        self.assertIn(b"the lock was lost to somebody else", said)
        self.says(0, 0, "state", "keys", "get", "--job", "job", "n", words="1")

    def test_no_table_is_read_as_a_whole(self):
        """At 10,000 rows of each: the plan of every statement."""
        self.write("job.lua", 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit()')
        jobs = "jobs:\n" + "".join(
            f"  {name}: {{ script: {self.folder}/job.lua, schedule: '* * * * *', timezone: UTC, catch_up: true,"
            f" metrics: {self.folder}/{name}.prom }}\n" for name in ("job", "fresh"))
        text = self.connector(self.sandbox().url) + jobs
        self.host(0, text)
        self.assertEqual(self.on(0, "run", "--job", "job", "--scheduled").returncode, 0)
        of_other = "SELECT convert_to('job:other' || n % 100 || ':name:others', 'UTF8')"
        each = "FROM generate_series(1, 10000) AS n"
        self.sql("INSERT INTO @run (row, run, scope, job, attempt, started_ms, ended_ms, exit, requests, exchanges,"
                 " peak_kib, pid, pid_start, boot_id, output_bytes, untold, host_id, made)"
                 " SELECT nextval('@run_row'), 'r' || n / 2, convert_to('job:other' || n / 2 % 100 || ':name:others', 'UTF8'),"
                 f" 'other' || n / 2 % 100, 1 + n % 2, n, n, 0, 0, 0, 0, 1, 1, '', 0, false, '', '' {each};"
                 f"INSERT INTO @slot {of_other}, n, 'r' {each};"
                 f"INSERT INTO @boot {of_other}, n, '', 'r' {each};"
                 f"INSERT INTO @kv {of_other}, convert_to('k' || n, 'UTF8'), '', 1 {each};"
                 f"INSERT INTO @kv_write SELECT convert_to('job:other' || n, 'UTF8'), 1, false {each};"
                 f"INSERT INTO @job SELECT convert_to('job:other' || n, 'UTF8'), 1 {each};"
                 f"INSERT INTO @job_counter SELECT convert_to('job:other' || n, 'UTF8'), 1, 1, 1, 1, 1, 1, '' {each};"
                 f"INSERT INTO @bucket SELECT convert_to('b' || n, 'UTF8'), '' {each};"
                 f"INSERT INTO @lease SELECT 1, sha256(convert_to('k' || n, 'UTF8')), 1, '', '', '' {each};"
                 "INSERT INTO @token (owner, generation, lifetime_ms, received_wall_ms, received_boot_ms, received_boot_id,"
                 " refresh_since_ms, refresh_expires_ms, login_since_ms, barred, metadata_ms, stop_kind, stop_since_ms,"
                 f" stop_times) SELECT 'o' || n, 1, 1, 1, 1, 'h', 1, 1, 1, 0, 0, 0, 0, 0 {each};"
                 f"INSERT INTO @token_spare SELECT 'o' || n, 1, '' {each};"
                 f"INSERT INTO @token_intent SELECT 'o' || n, 'i', 1, 1, 'h' {each}")
        self.sql("ANALYZE")
        self.sql("UPDATE @slot SET slot_ms = slot_ms - 3600000 WHERE slot_ms > 1000000")
        self.host(0, text, url=self.planner())
        for words in (["run", "--job", "job", "--scheduled"], ["run", "--job", "job"], ["run", "--job", "fresh"], ["jobs"],
                      ["history"], ["history", "job"], ["history", "--all", "--limit", "20"], ["history", "other7", "--all"],
                      ["history", "--json", "job"], ["history", "--failed", "job"], ["logs", "job"], ["logs", "--all", "r17"],
                      ["token", "contoso", "--refresh"], ["token"], ["run", "-e", 'require "kaizala".connect "contoso":me()'],
                      ["state", "keys", "list", "--job", "job"], ["state", "keys", "set", "--job", "job", "k", "1"],
                      ["state", "keys", "delete", "--job", "job", "k"]):
            done = self.on(0, *words)
            self.assertEqual(done.returncode, 0, f"{words} {done.stderr}")
        seen = self.check_plans(("run", "slot", "kv", "kv_write", "job", "job_counter", "bucket", "lease", "token", "token_spare",
                                 "token_intent"), 1000)
        self.assertGreater(min(seen.values()), 0, seen)

    def test_what_is_configured_wrongly_is_said(self):
        script = self.write("key.lua", 'print(require "jeton.state".get("k"))')
        for says, state in [("holds a password", {"url": "postgresql://jeton:hunter2@db.example/jeton"}),
                            ("verify-full", {"url": "postgresql://jeton@db.example/jeton?sslmode=require"}),
                            ("'key'", {"key": None}),
                            ("state.schema", {"schema": "No"}),
                            ("unknown key 'password_file'", {"password_file": "x"})]:
            self.host(0, **state)
            done = self.on(0, "run", script)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(says, done.stderr)
            self.assertNotIn("hunter2", done.stderr)
        self.host(0)
        self.assertEqual(self.on(0, "run", script).returncode, 0)
        self.write("state.key", base64.b64encode(b"x" * 32).decode() + "\n")
        done = self.on(0, "run", script)
        self.assertEqual(done.returncode, 3)
        self.assertIn("no key of `state.key`", done.stderr)
        self.host(0, key={"file": "other.key"})
        self.write("etc0/other.key", "too short a line\n")
        self.assertIn("/other.key: line 1 is no key", self.on(0, "run", script).stderr)
        self.write("unnamed.yaml", f"version: 1\nstate: {{url: 'postgresql://jeton@/jeton?host={SOCKET}',"
                                   " key: {file: state.key}}\n")
        done = self.jeton("--config", "unnamed.yaml", "run", script)
        self.assertEqual(done.returncode, 3)
        self.assertIn("`name:`", done.stderr)

    def test_a_database_that_cannot_hold_every_text(self):
        name = "latin" + self.schema
        self.super(f"CREATE DATABASE {name} OWNER jeton ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        self.addCleanup(self.super, f"DROP DATABASE {name}")
        self.host(0, url=f"postgresql://jeton@/{name}?host={self.server}")
        for command in (("state", "check"), ("history",)):
            self.says(3, 0, *command, words="its encoding is LATIN1")

    def test_check_asks_no_database(self):
        """Unless --online; so it does not wait for one that is away."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.setblocking(False)
            self.host(0, url="postgresql://jeton@127.0.0.1:%d/jeton" % silent.getsockname()[1])
            self.assertIn("was not asked", self.on(0, "check").stdout)
            with self.assertRaises(BlockingIOError):
                silent.accept()

    def test_a_key_is_made_and_the_state_with_it(self):
        self.ok("state", "keygen", "new.key")
        self.assertEqual(os.stat(self.folder + "/new.key").st_mode & 0o777, 0o600)
        with open(self.folder + "/new.key", encoding="utf-8") as file:
            self.assertEqual(len(base64.b64decode(file.read())), 32)
        self.fails(3, "state", "keygen", "new.key", says="new.key")
        self.host(0, key={"file": self.folder + "/new.key"})
        done = self.on(0, "check").stdout  # makes nothing
        self.assertIn("good", done)
        self.assertIn("was not asked, nor whether state.key is the one it was made with: jeton state check", done)
        with self.assertRaises(subprocess.CalledProcessError):
            self.sql("SELECT 1 FROM @meta")
        self.assertIn("good", self.on(0, "state", "check").stdout)
        self.assertEqual(self.sql("SELECT count(*) FROM @token"), [["0"]])
        self.host(1)
        self.assertIn("no key of `state.key`", self.on(1, "check", "--online").stdout)
        self.assertNotIn("was not asked", self.on(0, "check", "--online").stdout)

    def test_a_run_that_has_lost_its_lock_is_stopped(self):
        """Its supervisor renews every 20 seconds, and is told then that another one has taken it."""
        for name in ("stop", "go_on"):
            self.write(name + ".lua", f'local t = require "jeton.task"\nio.open("{self.folder}/{name}", "w"):close()\n'
                                      f'local ok, err = pcall(function() while not io.open("{self.folder}/go") do t.sleep(0.02) end end)\n'
                                      f'if not ok then io.open("{self.folder}/kind", "w"):write(err.kind):close() error(err, 0) end')
        self.host(0, "jobs:\n" + "".join(f"  {name}:\n    script: {self.folder}/{name}.lua\n    lost: {name}\n"
                                         "    retries: {attempts: 3, delay: 0s}\n" for name in ("stop", "go_on")))
        processes = {name: self.start_on(0, "run", "--job", name) for name in ("stop", "go_on")}
        for name in processes:
            wait_until(lambda name=name: os.path.exists(f"{self.folder}/{name}"))
        self.sql("UPDATE @lease SET epoch = epoch + 1, holder = 'other', host = 'other' WHERE kind = 1")
        _, said = processes["stop"].communicate(timeout=60)
        self.assertEqual(processes["stop"].returncode, 7, said)
        self.assertIn(b"it is stopped", said)
        with open(self.folder + "/kind", encoding="ascii") as file:
            self.assertEqual(file.read(), "lost")
        self.write("go", "")
        _, said = processes["go_on"].communicate(timeout=60)
        self.assertEqual(processes["go_on"].returncode, 0, said)
        self.assertIn(b"it goes on", said)
        self.assertEqual(self.sql("SELECT job, attempt, exit, cause FROM @run ORDER BY job"),
                         [["go_on", "1", "0", ""], ["stop", "1", "7", "lost"]])

    def test_tables_are_added_while_others_use_those_that_are_there(self):
        """Whoever adds an event has locked its webhook, and waits for the events."""
        self.host(0)
        self.says(0, 0, "state", "check")
        self.sql("DROP INDEX @event_turn; ALTER TABLE @event DROP COLUMN reserved_for, DROP COLUMN reserved_until_ms;"
                 " UPDATE @meta SET value = '6' WHERE key = 'version'")
        tables = [row[0] for row in self.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{self.schema}'")]
        others = ", ".join("@" + table for table in tables if table != "event")
        user = subprocess.Popen(["psql", "-h", self.server, "-U", "jeton", "-d", "jeton", "-qAt"], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(end_process, user)
        user.stdin.write(f"BEGIN; LOCK TABLE {others} IN ROW EXCLUSIVE MODE; SELECT 'locked';\n".replace("@", self.schema + "."))
        user.stdin.flush()
        self.assertEqual(user.stdout.readline(), "locked\n")
        self.says(0, 0, "state", "check")
        self.assertEqual(self.sql("SELECT convert_from(value, 'UTF8') >= '7' FROM @meta WHERE key = 'version'"), [["t"]])
        self.sql("SELECT reserved_for, reserved_until_ms FROM @event")

    def test_tables_are_made_by_whoever_may(self):
        """By what is printed; then a role that may only use them works, and one that may not is told what to do."""
        self.host(0)
        self.write("job.lua", 'require "jeton.state".set("k", 1); require "jeton.state".commit(); print(1)')
        sql = self.on(0, "state", "upgrade", "--print-sql")
        self.assertEqual(sql.returncode, 0, sql.stderr)
        role = "r" + self.schema
        self.sql(sql.stdout)
        self.super(f"CREATE ROLE {role} LOGIN")
        self.host(1, url=f"postgresql://{role}@/jeton?host={self.server}")
        done = self.on(1, "run", self.folder + "/job.lua")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("give its role the rights", done.stderr)
        for line in sql.stdout.splitlines():
            if line.startswith("-- GRANT"):
                self.sql(line[3:].replace("TO role", "TO " + role))
        self.says(0, 1, "state", "check")
        self.sql(f"REVOKE INSERT, DELETE ON @event FROM {role}; REVOKE UPDATE ON @lease FROM {role};"
                 f" REVOKE INSERT ON @meta FROM {role}; REVOKE USAGE ON SEQUENCE @run_row FROM {role}")
        self.says(3, 1, "state", "check", words=f"role '{role}' lacks rights in schema '{self.schema}': INSERT, DELETE on event;"
                  " UPDATE on lease; USAGE on run_row; give them")
        self.sql(f"GRANT INSERT, DELETE ON @event TO {role}; GRANT UPDATE ON @lease TO {role};"
                 f" GRANT USAGE ON SEQUENCE @run_row TO {role}")
        self.assertEqual(self.on(1, "run", self.folder + "/job.lua").stdout, "1\n")
        self.assertEqual(self.on(0, "run", self.folder + "/job.lua").stdout, "1\n")
        self.sql("UPDATE @meta SET value = '1' WHERE key = 'version'")
        done = self.on(1, "state", "check")
        self.assertEqual((done.returncode, "jeton state upgrade" in done.stderr), (3, True), done.stderr)
        self.assertEqual(self.on(0, "state", "upgrade").returncode, 0)
        self.assertEqual(self.on(1, "state", "check").returncode, 0)
        self.super(f"DROP OWNED BY {role}; DROP ROLE {role}")

    def test_a_pod_needs_no_volume(self):
        """The pod of the printed manifest: its user and groups, its volumes as the kubelet makes them, a root that is
        read only. Two pods run two slots, and a third finds nothing to do."""
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no mount namespaces here")
        pod = self.folder + "/pod"
        os.mkdir(pod)
        self.write("job.lua", 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit()\n'
                              'assert(require "jeton.token".get "books")\nprint(s.get("n"))')
        grants = Grants()
        self.addCleanup(grants.service.stop)
        books = (f"connectors:\n  books: {{ provider: oauth2, token_url: '{grants.url}/token', grant: client_credentials, client_id: us,\n"
                 f"    client_secret: {{ credential: books.key }}, endpoint: '{grants.url}' }}\n")
        path = self.host(0, books + f"jobs:\n  job:\n    script: {self.folder}/etc0/job.lua\n    schedule: \"* * * * *\"\n"
                         "    timezone: UTC\n    catch_up: true\n", folder=pod + "/host",
                         key={"file": self.folder + "/etc0/state.key"})
        for name in ("job.lua", "state.key"):
            os.rename(f"{self.folder}/{name}", f"{self.folder}/etc0/{name}")
        text = self.on(0, "cron", "show", "--format", "kubernetes").stdout
        self.assertIn("emptyDir: {}", text)
        self.assertNotIn("persistentVolumeClaim", text)
        user, mount, command = (re.search(pattern, text, re.M)[1] for pattern in (
            r"fsGroup: (\d+)", r"name: state\n *mountPath: \"(.*)\"", r"^ *command: \[jeton, (.*)\]$"))
        credentials = re.search(r"name: CREDENTIALS_DIRECTORY\n *value: \"(.*)\"", text)[1]
        self.assertIn(f"name: credentials\n                  mountPath: {credentials}\n", text)
        self.assertEqual((mount, f'"{path}"' in command), (pod, True))
        os.chmod(self.folder, 0o755)
        os.chmod(self.folder + "/etc0", 0o3777)  # as of a Secret with defaultMode 0400
        os.chown(self.folder + "/etc0", 0, int(user))
        for name in os.listdir(self.folder + "/etc0"):
            os.chown(f"{self.folder}/etc0/{name}", 0, int(user))
            os.chmod(f"{self.folder}/etc0/{name}", 0o440)
        # Where the test's folder is another mount than the root, that is read only, too.
        script = (f"mount --make-rprivate / && mount -t tmpfs -o mode=2777,gid={user} none {pod} &&"
                  f" mount --bind {self.folder}/etc0 {self.folder}/etc0 && mount -o remount,bind,ro {self.folder}/etc0"
                  f" && mount -o remount,bind,ro / && ! touch {self.folder}/etc0/x 2>/dev/null"
                  " && ! touch /x 2>/dev/null && exec \"$@\"")
        script = (f"mkdir -p /run && mount -t tmpfs none /run && mkdir -p {credentials} && echo of-the-books >{credentials}/books.key"
                  f" && chown 0:{user} {credentials}/books.key && chmod 0440 {credentials}/books.key && " + script)
        words = [word.strip('"') for word in command.split(", ")]

        def start():
            return subprocess.run(
                ["unshare", "-m", "sh", "-ec", script, "sh", "setpriv", "--reuid", user, "--regid", user, "--groups", user,
                 "--bounding-set=-all", "--no-new-privs", JETON, *words], capture_output=True, text=True, check=False,
                cwd="/", env={"PATH": os.environ["PATH"], "TZ": "UTC", "CREDENTIALS_DIRECTORY": credentials},
                timeout=60)

        first = start()
        self.assertEqual((first.returncode, first.stdout), (0, "1\n"), first.stderr)
        self.sql("UPDATE @slot SET slot_ms = slot_ms - 3600000")
        minute = time.time() // 60
        done = start()
        self.assertEqual((done.returncode, done.stdout), (0, "2\n"), done.stderr)
        third = start().stdout
        self.assertIn(third, ("",) if time.time() // 60 == minute else ("", "3\n"))
        self.assertEqual(os.listdir(pod), [])
        runs = "3" if third else "2"
        self.assertEqual(self.sql("SELECT count(DISTINCT host_id), count(*) FROM @run"), [[runs, runs]])
        self.host(1, "jobs: { job: { script: job.lua, schedule: '@daily' } }\n", folder=self.folder + "/etc1/host")
        done = self.on(1, "cron", "show", "--format", "kubernetes")
        self.assertEqual((done.returncode, "nothing else in it" in done.stderr), (3, True), done.stderr)

    def start_unit(self, number, text, variables):
        """The service as systemd would start it on that host: its command and user, its folder and credentials; all else can
        only be read."""
        def settings(name):
            return re.findall(f"^{name}=(.*)$", text, re.MULTILINE)

        user, = settings("User")
        state, = (shlex.split(value)[0] for value in settings("StateDirectory"))
        mode, umask = settings("StateDirectoryMode")[0], settings("UMask")[0]
        words = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(settings("ExecStart")[0])]
        environment = [f"{name}={value}" for name, value in {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME": "/", "USER": user, "LOGNAME": user,
            "CREDENTIALS_DIRECTORY": "/run/credentials/unit", **variables}.items()] + [
                shlex.split(value)[0] for value in settings("Environment")]
        lib = f"{self.folder}/lib{number}"
        os.makedirs(lib, exist_ok=True)
        script = (f"mount --make-rprivate / && mount --bind {lib} /var/lib && install -d -o {user} -m {mode} /var/lib/{state}"
                  f" && mount --bind /var/lib/{state} /var/lib/{state} && mount -o remount,bind,ro /var/lib"
                  f" && mount -t tmpfs none /run && install -d -o {user} -m 0500 /run/credentials/unit")
        for credential in settings("LoadCredential"):
            name, _, path = credential.partition(":")
            source = path or f"/etc/credstore/{name}"
            script += f" && install -o {user} -m 0400 {self.folder}{source} /run/credentials/unit/{name}"
        script += (f" && mount -o remount,ro /run && mount -o remount,bind,ro / && umask {umask} && cd / && ! touch /x 2>/dev/null"
                   " && exec \"$@\"")
        return subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", "setpriv", "--reuid", user, "--regid", "nogroup",
                               "--clear-groups", "--bounding-set=-all", "--no-new-privs", "env", "-i", *environment, *words],
                              capture_output=True, text=True, check=False, timeout=60)

    def test_units_on_two_hosts(self):
        """The guide's configuration and drop-in, and the units that are printed for it."""
        if os.geteuid() != 0 or not shutil.which("systemd-analyze") or subprocess.run(
                ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode != 0:
            self.skipTest("needs root, mount namespaces and systemd-analyze")
        with open(SOURCE + "/docs/guide-many-hosts.md", encoding="utf-8") as file:
            part = re.search(r"^## With systemd$.*?(?=^## )", file.read(), re.DOTALL | re.MULTILINE)[0]
        config, dropin = (re.search(rf"^```{block}\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)[1] for block in ("yaml", "ini"))
        config = re.sub(r"url: .*", f"url: postgresql://jeton@/jeton?host={self.server}\n  schema: {self.schema}", config)
        config += ("jobs:\n  daily: { script: daily.lua, schedule: '* * * * *', timezone: UTC, catch_up: true }\n")
        self.write("etc/jeton/daily.lua", 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit()\n'
                                          'print(s.get("n"))', 0o644)
        for folder in ("etc/credstore", "etc/jeton-secrets"):
            self.write(folder + "/state.key", KEY + "\n")
        self.write("etc/credstore/db.password", "a-password\n")
        for folder in ("", "/etc", "/etc/jeton"):
            os.chmod(self.folder + folder, 0o755)
        folder = self.folder + "/units"
        os.mkdir(folder)

        def units(config):
            path = self.write("etc/jeton/jeton.yaml", config, 0o644)
            done = subprocess.run(["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", JETON, "-c", path, "cron",
                                   "show", "--format", "systemd"], capture_output=True, text=True, check=True, env=self.env)
            parts = re.split(r"^# /etc/systemd/system/(\S+)\n", done.stdout, flags=re.MULTILINE)
            for name, text in zip(parts[1::2], parts[2::2], strict=True):
                self.write("units/" + name, text)
            self.assertEqual(parts[1::2], ["jeton-reports.daily.service", "jeton-reports.daily.timer"])
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", *(f"{folder}/{name}" for name in parts[1::2])],
                                  capture_output=True, text=True, check=False, env={**self.env, "SYSTEMD_LOG_LEVEL": "warning"})
            self.assertEqual([line for line in said.stderr.splitlines() if folder in line or "jeton-" in line], [])
            return parts[2]

        def slot(number, *unit, result):
            self.sql("UPDATE @slot SET slot_ms = slot_ms - 3600000" if result > 1 else "")
            done = self.start_unit(number, *unit)
            self.assertEqual((done.returncode, done.stdout), (0, f"{result}\n"), done.stderr)

        first = units(config)
        slot(0, first, {}, result=1)
        slot(1, first, {}, result=2)
        self.write("units/jeton-.service.d/secrets.conf", dropin)
        second = units(config.replace("{ credential: db.password }", "{ env: DB_PASSWORD }")) + dropin
        second = second.replace("LoadCredential=state.key\n", "")  # a later one of that name is the one that counts
        self.assertEqual(self.start_unit(0, second, {}).returncode, 3)
        slot(0, second, {"DB_PASSWORD": "a-password"}, result=3)
        self.assertEqual(self.sql("SELECT count(DISTINCT host_id), count(*) FROM @run"), [["2", "3"]])

    def test_a_copied_folder_is_another_host(self):
        """An image that was built after `jeton state check` and runs twice on one machine: boot and copied ID are the same."""
        self.write("job.lua", f'io.open("{self.folder}/began", "w"):close()\n'
                              f'while not io.open "{self.folder}/go" do require "jeton.task".sleep(0.05) end\n')
        for number in range(3):
            self.host(number, f"jobs: {{ job: {{ script: {self.folder}/job.lua }} }}\n")
        self.ok("--config", self.folder + "/etc0/jeton.yaml", "state", "check")
        shutil.copytree(self.folder + "/host0", self.folder + "/host1")
        first = self.start_on(0, "run", "--job", "job")
        wait_until(lambda: os.path.exists(self.folder + "/began"), 60)
        done = self.on(1, "run", "--job", "job")
        self.assertEqual((done.returncode, "lock" in done.stderr), (7, True), done.stderr)
        self.write("go", "")
        self.assertEqual((first.communicate()[1], first.returncode), (b"", 0))
        for number in (1, 1, 0):  # a copy keeps the name that it has got
            self.assertEqual(self.on(number, "run", "--job", "job").returncode, 0)
        os.rename(self.folder + "/host0", self.folder + "/host2")
        self.assertEqual(self.on(2, "run", "--job", "job").returncode, 0)
        rows = [row[0] for row in self.sql("SELECT host_id FROM @run WHERE exit = 0 ORDER BY started_ms")]
        self.assertEqual((rows[2], rows[3:], len(set(rows))), (rows[1], [rows[0]] * 2, 2))

    def test_an_id_without_a_place_is_kept(self):
        """As versions before wrote it."""
        self.host(0, f"jobs: {{ job: {{ script: {self.write('job.lua', '')} }} }}\n")
        os.mkdir(self.folder + "/host0", 0o700)
        self.write("host0/host-id", "0123456789abcdef" * 2)
        os.chmod(self.folder + "/host0/host-id", 0o600)
        for _ in range(2):
            self.assertEqual(self.on(0, "run", "--job", "job").returncode, 0)
        self.assertEqual(self.sql("SELECT DISTINCT host_id FROM @run"), [["0123456789abcdef" * 2]])

    def test_another_name_is_told_what_brings_its_rows_back(self):
        grants = Grants()
        self.addCleanup(grants.service.stop)
        script = self.write("job.lua", 'assert(require "jeton.token".get "contoso")')
        self.host(0, contoso(grants, f"jobs: {{ job: {{ script: {script} }} }}\n"))
        self.says(0, 0, "run", "--job", "job")
        self.rename(0, "other")
        done = self.says(4, 0, "run", "--job", "job",
                         words="if that is the same one by another name, `jeton state adopt name:shared` brings them along")
        self.assertIn("token of connector 'contoso' for name:shared: if that was the name before, `jeton state adopt name:shared`",
                      done.stderr)
        self.says(3, 0, "state", "adopt", self.folder + "/gone.yaml", words="a database has no rows of a path, but of names")

    def test_another_name_takes_all_that_a_name_had(self):
        grants = Grants()
        self.addCleanup(grants.service.stop)
        self.write("job.lua", f"""
            local s = require "jeton.state"
            s.set("n", (s.get "n" or 0) + 1)
            io.open("{self.folder}/on", "w"):close()
            while not io.open("{self.folder}/go") do require "jeton.task".sleep(0.02) end
            print(require "jeton.token".get("contoso").access_token, s.get "n")""")
        for number in range(2):
            self.host(number, contoso(grants, f"jobs:\n  job:\n    script: {self.folder}/job.lua\n    schedule: \"* * * * *\"\n"
                                              "    timezone: UTC\n    catch_up: true\n    metrics: "
                                              f"{self.folder}/job.prom\n"))
        alone = [self.write(f"etc{number}/alone.lua", 'local s = require "jeton.state"; s.set("a", (s.get "a" or 0) + 1)'
                            ' s.commit() print(s.get "a")') for number in range(2)]
        self.write("go", "")
        self.says(0, 0, "run", "--job", "job", "--scheduled", words="access-token-1\t1")
        self.says(0, 0, "run", alone[0], words="1")
        os.unlink(self.folder + "/on")
        os.unlink(self.folder + "/go")
        running = self.start_on(1, "run", "--job", "job")
        wait_until(lambda: os.path.exists(self.folder + "/on"), 60)
        for number in range(2):
            self.rename(number, "other")
        waits = self.start_on(0, "state", "adopt", "name:shared")
        time.sleep(0.3)
        self.assertIsNone(waits.poll())
        self.write("go", "")
        self.assertEqual(self.finish_all([running, waits]),
                         [b"access-token-1\t2\n", b"what belonged to name:shared belongs to name 'other' now\n"])
        rows = self.sql("SELECT count(*), (SELECT count(*) FROM @slot), (SELECT count(*) FROM @job_counter) FROM @run")
        self.assertEqual(rows, [["2", "1", "1"]])
        left = ("SELECT encode(scope, 'escape') AS it FROM (SELECT scope FROM @run UNION SELECT scope FROM @slot UNION SELECT scope"
                " FROM @job UNION SELECT scope FROM @kv UNION SELECT home FROM @token UNION SELECT scope FROM @job_counter) AS its"
                " ORDER BY 1")
        self.assertEqual(self.sql(left), [["job:job:name:other"], ["name:other"], ["script:name:other:alone.lua"]])
        self.assertEqual(self.sql("SELECT max(runs) FROM @job_counter"), [["2"]])
        self.says(0, 1, "run", "--job", "job", words="access-token-1\t3")
        self.assertEqual(self.sql("SELECT max(runs) FROM @job_counter"), [["3"]])
        self.says(0, 1, "run", alone[1], words="2")
        self.expire()
        self.says(0, 0, "run", "--job", "job", words="access-token-2\t4")
        self.assertEqual((len(grants.forms), grants.dead), (2, False))
        self.assertEqual(self.on(1, "history", "--json").stdout.count("\n"), 4)
        self.says(3, 0, "state", "adopt", "name:shared", words="belongs to name:shared; ")
        # Both have rows: nothing moves, unless that is asked for.
        self.rename(1, "shared")
        self.says(0, 1, "state", "keys", "set", "--job", "job", "n", "100")
        self.says(3, 0, "state", "adopt", "name:shared", words="both name:shared and name 'other' have rows")
        self.assertEqual(self.sql("SELECT count(*) FROM @kv WHERE convert_from(scope, 'UTF8') = 'job:job:name:shared'"), [["1"]])
        self.says(0, 0, "state", "adopt", "name:shared", "--replace")
        self.says(0, 0, "run", "--job", "job", words="access-token-2\t101")
        self.assertEqual((len(grants.forms), self.sql(left)), (2, [["job:job:name:other"], ["name:other"],
                                                                  ["script:name:other:alone.lua"]]))

    def test_a_state_of_the_first_version_is_used_and_still_fits_that(self):
        """What its program stored is there, and what that one writes can be written: hosts are upgraded one after the other."""
        columns = ("SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
                   f" WHERE table_schema = '{self.schema}'")
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kept_postgres_1.sql"), encoding="ascii") as file:
            self.sql(file.read().replace("CREATE SCHEMA kept;", f"CREATE SCHEMA {self.schema};").replace("kept.", "@"))
        before = {tuple(row) for row in self.sql(columns)}
        self.write("job.lua", 'local s = require "jeton.state"; s.set("n", s.get("n") + 1); s.commit(); print(s.get("n"))')
        self.host(0, "connectors:\n  books: { provider: oauth2, token_url: 'http://127.0.0.1:18481/token', client_id: client,\n"
                     "    client_secret: a-secret-of-the-client, refresh_token: the-first-refresh-token,\n"
                     "    endpoint: 'http://127.0.0.1:18481' }\n"
                     f"jobs:\n  job: {{ script: {self.folder}/job.lua, schedule: '* * * * *', timezone: UTC, catch_up: true }}\n")
        self.says(0, 0, "token", "books", "--show", words="access-token-kept")  # nobody is at its service's port
        rows = json.loads(self.on(0, "history", "--json").stdout)
        self.assertEqual([(row["run"], row["exit"]) for row in rows], [("nxsus3n7kv", 0), ("fym53so1e9", 0)])
        self.assertEqual(self.sql("SELECT count(*) FROM @slot WHERE slot_ms = 1795818180000"), [["1"]])
        self.says(0, 0, "run", "--job", "job", words="3")
        self.assertEqual(self.sql("SELECT convert_from(value, 'UTF8') FROM @meta WHERE key = 'oldest'"), [["1"]])
        self.assertEqual(self.sql("SELECT count(*) FROM @meta WHERE key = 'version' AND value > '2'"), [["1"]])
        after = {tuple(row) for row in self.sql(columns)}
        self.assertEqual(before - after, set())
        old_tables = {table for table, *_ in before}
        self.assertEqual([row for row in after - before if row[0] in old_tables and row[3:] == ("NO", "")], [])

    def test_a_folder_loads_no_library(self):
        self.write("jeton.yaml", "version: 1\nname: n\nstate: state\n")
        script = self.write("maps.lua", 'require "jeton.state".set("k", 1); require "jeton.state".commit()\n'
                                        'print(io.open("/proc/self/maps"):read("a"))')
        self.assertNotIn("libpq", self.ok("run", script).stdout)
        self.host(0)
        self.assertIn("libpq", self.on(0, "run", script).stdout)


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
