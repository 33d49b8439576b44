"""Refresh tokens that are good for one use: whatever dies or is lost, none is lost that could be kept, and none is
sent twice but for the one time after a lost reply."""

import base64
import email.utils
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time
import unittest
import urllib.parse

import support
from oauth2 import ID, OAuth2, REFRESH, SECRET
from service import RawService, reply

DESCRIPTION = "it was used before"


class Lost(Exception):
    """Ends a connection without a reply."""


class SingleUse(OAuth2):
    def lose(self, grants, granted):
        """The next token request gets no reply; it is granted before that, or not."""
        def answer(form):
            if granted:
                grants.grant(form)
            raise Lost
        grants.answers.append(answer)

    def sent(self, grants):
        return [form.get("refresh_token") for form in grants.forms]

    def fault(self, where, *args):
        done = self.jeton(*args, program=support.JETON_FAULTY, env={"JETON_FAULT": where + "=kill"})
        self.assertEqual(done.returncode, -9, done.stderr)


class Ends(SingleUse):
    ENDS = (("error 'it failed'", 1), ("os.exit(3)", 3), ("asker:cancel()", 0), ("task.map({ 1 }, error)", 1),
            ("for _ = 1, 10000 do print(('x'):rep(100)) end", 128 + signal.SIGPIPE),
            ("os.execute 'kill -TERM $PPID' task.sleep(60)", 128 + signal.SIGTERM))

    SLOW = (("for _ = 1, 10000 do print(('x'):rep(100)) end", 128 + signal.SIGPIPE), ("os.exit(200)", 200))
    TWICE = "local held <close> = setmetatable({}, { __close = function() task.sleep(60) end }) task.sleep(60)"

    def ending(self, grants, line):
        """A script that asks for a token in a task, and ends by this line while the reply is on its way."""
        self.write("ends.lua", f"""\
local task, token = require "jeton.task", require "jeton.token"
local asker = task.spawn(token.refresh)
while not io.open "asked" do task.sleep(0.01) end
{line}
""")
        self.books(grants)

    def ends(self, grants, line):
        self.ending(grants, line)
        return self.start("run", "ends.lua")

    def test_whoever_ends_waits_for_what_is_on_its_way(self):
        """The refresh token is spent, whether somebody wants the access token any more or not."""
        for number, (line, status) in enumerate(self.ENDS):
            with self.subTest(line=line):
                grants = self.grants()
                self.state = os.path.join(self.folder, f"state{number}")

                def late(form, grants=grants):
                    answer = grants.grant(form)
                    self.write("asked", "")
                    time.sleep(1)
                    return answer

                grants.answers.append(late)
                run = self.ends(grants, line)
                run.stdout.close()
                self.assertEqual(run.wait(support.PATIENCE), status, run.stderr.read())
                os.unlink(os.path.join(self.folder, "asked"))
                self.token("--refresh")
                self.assertEqual((self.sent(grants), grants.dead), ([REFRESH, "refresh-token-1"], False))

    def waits(self, seconds):
        """A service that says when it is asked, and answers so much later."""
        grants, over = self.grants(), threading.Event()
        self.addCleanup(over.set)

        def late(form):
            answer = grants.grant(form)
            self.write("asked", "")
            over.wait(seconds)
            return answer

        grants.answers.append(late)
        return grants

    def test_only_a_signal_shortens_it(self):
        """A high status is none, nor is a reader that has gone."""
        for number, (line, status) in enumerate(self.SLOW):
            with self.subTest(line=line):
                self.state = os.path.join(self.folder, f"state{number}")
                grants = self.waits(6.5)
                run = self.ends(grants, line)
                run.stdout.close()
                self.assertEqual(run.wait(support.PATIENCE), status, run.stderr.read())
                os.unlink(os.path.join(self.folder, "asked"))
                self.token("--refresh")
                self.assertFalse(grants.dead)

    def test_a_deadline_waits_as_a_signal_does(self):
        for args in (("run", "--timeout", "3s", "ends.lua"), ("run", "--job", "ends")):
            with self.subTest(args=args):
                grants = self.past_its_deadline(args)
                self.token("--refresh")
                self.assertEqual((self.sent(grants), grants.dead), ([REFRESH, "refresh-token-1"], False))

    def past_its_deadline(self, args):
        """A busy machine may not come to ask before that, but not each time."""
        asked = os.path.join(self.folder, "asked")
        while not os.path.exists(asked):
            self.tries += 1
            self.state = os.path.join(self.folder, f"state{self.tries}")
            grants = self.waits(5)
            self.ending(grants, "task.sleep(60)")
            with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
                file.write("jobs: { ends: { script: ends.lua, connector: books, timeout: 3s } }\n")
            done = self.jeton(*args)
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertNotIn("killed", done.stderr)
        os.unlink(asked)
        return grants

    def test_a_second_signal_after_one_that_has_ended_the_script(self):
        """Also where the second comes during clean-up. A busy machine may take long itself, but not each time."""
        for line in (self.TWICE, "task.sleep(60)"):
            with self.subTest(line=line):
                self.assertTrue(any(self.ended_twice(line) < 3 for _ in range(3)))

    tries = 0

    def ended_twice(self, line):
        """How long the second signal took."""
        self.tries += 1
        self.state = os.path.join(self.folder, f"state{self.tries}")
        run = self.ends(self.waits(60), line)
        while not os.path.exists(os.path.join(self.folder, "asked")):
            time.sleep(0.01)
        for _ in range(2):
            time.sleep(1)
            self.assertIsNone(run.poll())
            run.send_signal(signal.SIGTERM)
            began = time.monotonic()
        self.assertEqual(run.wait(support.PATIENCE), 128 + signal.SIGTERM)
        os.unlink(os.path.join(self.folder, "asked"))
        return time.monotonic() - began

    def test_a_signal_that_comes_twice_is_one(self):
        """timeout(1) signals its child and then the group, a closed terminal does so twice, and systemd may send SIGHUP behind
        SIGTERM. Whether the script still cleans up then, or has ended."""
        cleans = self.TWICE.replace("60", "0.4", 1)
        for line in (cleans, "task.sleep(60)"):
            for second in (signal.SIGTERM, signal.SIGHUP):
                for args in (("run", "ends.lua"), ("run", "--job", "ends")):
                    with self.subTest(line=line, second=second, args=args):
                        self.signal_twice(args, second, line, 128 + signal.SIGTERM)

    def test_a_signal_behind_the_script(self):
        """While what it has left is collected, before the wait for the reply begins."""
        grants = self.waits(1.5)
        run = self.ends(grants, """setmetatable({}, { __gc = function()
  io.open("collected", "w"):close()
  local over = os.clock() + 0.2 -- of the processor: after a second such a run is ended
  while os.clock() < over do end
end })
os.exit(0, true)""")
        support.wait_until(lambda: os.path.exists(os.path.join(self.folder, "collected")))
        run.send_signal(signal.SIGTERM)
        said = run.communicate(timeout=support.PATIENCE)[1].decode()
        self.assertEqual(run.returncode, 0, said)
        self.token("--refresh")
        self.assertEqual((self.sent(grants), grants.dead), ([REFRESH, "refresh-token-1"], False))

    def test_a_signal_that_comes_twice_to_a_verb(self):
        self.signal_twice(("token", "books"), signal.SIGHUP, "", -signal.SIGTERM)

    def signal_twice(self, args, second, line, status):
        """On a busy machine the second may come late, but not each time."""
        took, tries = 1, 0
        while took > 0.4 and tries < 5:
            tries += 1
            self.tries += 1
            self.state = os.path.join(self.folder, f"state{self.tries}")
            grants = self.waits(1.5)
            self.ending(grants, line)
            with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
                file.write("jobs: { ends: { script: ends.lua, connector: books } }\n")
            run = self.start(*args)
            support.wait_until(lambda: os.path.exists(os.path.join(self.folder, "asked")))
            time.sleep(0.3)
            began = time.monotonic()
            run.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            run.send_signal(second)
            took = time.monotonic() - began
            said = run.communicate(timeout=support.PATIENCE)[1].decode()
            os.unlink(os.path.join(self.folder, "asked"))
        self.assertEqual(run.returncode, status, said)
        self.token("--refresh")
        self.assertEqual((self.sent(grants), grants.dead), ([REFRESH, "refresh-token-1"], False))

    def test_a_job_that_is_stuck_with_a_program(self):
        """What came in the meantime is read once the program has been ended. A busy machine may take longer than the eight
        seconds after which it is killed, but not each time."""
        for timeout, status in (("3s", 8), ("60s", 128 + signal.SIGTERM)):
            with self.subTest(timeout=timeout):
                said, tries = "killed 8 s after", 0
                while "killed 8 s after" in said and tries < 3:
                    tries += 1
                    grants, said = self.stuck(timeout, status, f"state{timeout}{tries}")
                self.assertIn("that the script left running", said)
                self.token("--refresh")
                self.assertEqual((self.sent(grants), grants.dead), ([REFRESH, "refresh-token-1"], False))

    def stuck(self, timeout, status, state):
        self.state = os.path.join(self.folder, state)
        grants = self.waits(0.5)
        self.ending(grants, "io.popen('sleep 300; true'):read 'a'")
        with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
            file.write(f"jobs: {{ ends: {{ script: ends.lua, connector: books, timeout: {timeout} }} }}\n")
        run = self.start("run", "--job", "ends")
        if status != 8:
            support.wait_until(lambda: os.path.exists(os.path.join(self.folder, "asked")))
            time.sleep(1)
            run.send_signal(signal.SIGTERM)
        said = run.communicate(timeout=60)[1].decode()
        self.assertEqual(run.returncode, status, said)
        os.unlink(os.path.join(self.folder, "asked"))
        return grants, said

    def test_a_second_signal_does_not_wait(self):
        grants, over = self.grants(), threading.Event()
        self.addCleanup(over.set)

        def never(form):
            self.write("asked", "")
            over.wait(60)
            return grants.grant(form)

        grants.answers.append(never)
        run = self.ends(grants, "os.exit(3)")
        while not os.path.exists(os.path.join(self.folder, "asked")):
            time.sleep(0.01)
        time.sleep(0.3)
        for _ in range(2):
            self.assertIsNone(run.poll())
            run.send_signal(signal.SIGTERM)
            began = time.monotonic()
            time.sleep(0.6)
        self.assertEqual(run.wait(support.PATIENCE), 3)
        self.assertLess(time.monotonic() - began, 4)
        self.assertIn(b"waiting up to 5 s for the reply of the token service", run.stderr.read())


class LateReplies(SingleUse):
    """The state is locked when the reply comes, for longer than a call of it waits."""

    def setUp(self):
        super().setUp()
        self.grant = self.grants()
        self.books(self.grant)
        self.token()
        self.folder_kept = os.path.join(self.state, "kept")

    def lock_at_reply(self, reply=None):
        state = sqlite3.connect(os.path.join(self.state, "jeton.db"), isolation_level=None, check_same_thread=False)
        self.addCleanup(state.close)

        def lock(form):
            state.execute("BEGIN IMMEDIATE")
            return (reply or self.grant.grant)(form)

        self.grant.answers.append(lock)
        return state

    def kept(self):
        return os.listdir(self.folder_kept) if os.path.exists(self.folder_kept) else []

    def goes_on_with(self, *sent):
        self.token("--refresh")
        self.assertEqual((self.sent(self.grant), self.grant.dead, self.kept()), ([REFRESH, *sent], False, []))

    def test_what_came_is_used_meanwhile_and_brought_in_later(self):
        state = self.lock_at_reply()
        self.assertEqual(self.token("--refresh")["access_token"], "access-token-2")
        [name] = self.kept()
        kept = os.stat(os.path.join(self.folder_kept, name))
        self.assertEqual((stat.S_IMODE(kept.st_mode), stat.S_IMODE(os.stat(self.folder_kept).st_mode)), (0o600, 0o700))
        self.assertEqual(self.token()["access_token"], "access-token-2")
        state.execute("ROLLBACK")
        self.assertEqual(self.token()["access_token"], "access-token-2")
        self.assertEqual((self.kept(), len(self.grant.forms)), ([], 2))
        self.goes_on_with("refresh-token-1", "refresh-token-2")

    def test_the_largest_fits_where_the_disk_is_full(self):
        """As much of it as a lock keeps for what comes."""
        def large(form):
            status, headers, reply = self.grant.grant(form)
            reply = {**reply, **{name: reply[name].ljust(16384, "x") for name in ("access_token", "refresh_token")}}
            self.grant.current = reply["refresh_token"]
            return status, headers, reply

        self.grant.answers += [large, large]
        self.token("--refresh")
        self.token("--refresh")
        locks = [os.path.join(self.state, "locks", name) for name in os.listdir(os.path.join(self.state, "locks"))]
        reserved = []

        def reply(form):
            reserved.append(max(os.path.getsize(path) for path in locks))
            return large(form)

        state = self.lock_at_reply(reply)
        self.token("--refresh")
        [name] = self.kept()
        self.assertLess(os.path.getsize(os.path.join(self.folder_kept, name)) + 16384, reserved[0])
        state.execute("ROLLBACK")

    def test_a_signal_does_not_lose_it(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number=number):
                self.setUp()
                state = self.lock_at_reply()
                process = self.start("token", "books", "--refresh")
                support.wait_until(lambda: len(self.grant.forms) == 2)
                process.send_signal(number)
                process.communicate(timeout=60)
                self.assertEqual((process.returncode, len(self.kept())), (-number, 1))
                state.execute("ROLLBACK")
                self.goes_on_with("refresh-token-1", "refresh-token-2")

    def test_nor_does_the_end_of_its_run(self):
        self.write("books.lua", 'require "jeton.token".get("books")\n')
        self.sql("UPDATE token SET lifetime_ms = 1")
        state = self.lock_at_reply()
        self.ok("run", "--timeout", "5s", "books.lua")
        self.assertEqual(len(self.kept()), 1)
        state.execute("ROLLBACK")
        self.goes_on_with("refresh-token-1", "refresh-token-2")

    def test_one_that_came_for_a_connector_with_its_token(self):
        """The access token is the other one's, the refresh token the owner's."""
        with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
            file.write(f"  lent: {{ token_of: books, scope: other, endpoint: {self.grant.url}/api }}\n")
        self.sql("UPDATE token SET generation = 1")  # as it was counted once
        spent = []
        for number in (1, 2, 3):
            state = self.lock_at_reply()
            self.ok("token", "lent", "--refresh")
            self.assertEqual(len(self.kept()), 1)
            state.execute("ROLLBACK")
            spent.append(f"refresh-token-{number}")
        self.assertEqual(json.loads(self.ok("token", "books", "--json").stdout)["source"], "cache")
        self.goes_on_with(*spent, "refresh-token-4")

    def test_nothing_is_sent_after_the_deadline(self):
        """The state could not be written until then, and now the run ends."""
        self.write("books.lua", """print "begun" io.stdout:flush()
require "jeton.token".refresh("books")
""")
        state = sqlite3.connect(os.path.join(self.state, "jeton.db"), isolation_level=None)
        self.addCleanup(state.close)
        state.execute("BEGIN IMMEDIATE")
        run = self.start("run", "--timeout", "1s", "books.lua")
        self.assertEqual(run.stdout.readline(), b"begun\n")
        time.sleep(1.4)
        state.execute("ROLLBACK")
        run.communicate(timeout=60)
        self.assertEqual((run.returncode, len(self.grant.forms)), (8, 1))
        self.goes_on_with("refresh-token-1")

    def test_it_goes_with_the_sign_in(self):
        state = self.lock_at_reply()
        self.token("--refresh")
        self.assertEqual(len(self.kept()), 1)
        state.execute("ROLLBACK")
        self.ok("logout", "books", "--local")
        self.assertEqual(self.kept(), [])

    def test_a_name_takes_it_along(self):
        state = self.lock_at_reply()
        self.token("--refresh")
        state.execute("ROLLBACK")
        self.books(self.grant)
        with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
            file.write("name: shop\n")
        self.goes_on_with("refresh-token-1", "refresh-token-2")

    def test_of_a_sign_in_that_ends_meanwhile_nothing_is_brought_in(self):
        state = self.lock_at_reply()
        self.token("--refresh")
        [name] = self.kept()
        self.env["BOOKS_REFRESH"] = "another"
        other = self.grants()
        other.current = "another"
        self.books(other, token_url=other.url + "/token/other")
        looks = self.start("token", "books")  # whether "another" is known, for which all is brought in
        time.sleep(1)
        state.execute("DELETE FROM token")
        os.unlink(os.path.join(self.folder_kept, name))
        state.execute("COMMIT")
        looks.communicate(timeout=60)
        self.assertEqual(state.execute("SELECT refresh_token FROM token").fetchall(), [("refresh-token-1",)])
        self.assertEqual((looks.returncode, self.sent(other)), (0, ["another"]))

    def test_what_a_database_keeps_in_this_folder_is_left_alone(self):
        """It is, by default, the folder of a state in a database, too."""
        spool = os.path.join(self.state, "spool")
        os.mkdir(spool, 0o700)
        with open(os.path.join(spool, "0" * 64 + ".7"), "w", encoding="ascii") as file:
            file.write("jeton spool 1\n")
        state = self.lock_at_reply()
        self.token("--refresh")
        self.assertEqual(os.listdir(spool), ["0" * 64 + ".7"])
        state.execute("ROLLBACK")
        self.goes_on_with("refresh-token-1", "refresh-token-2")
        self.assertEqual(os.listdir(spool), ["0" * 64 + ".7"])

    def test_one_that_is_damaged_is_told_and_kept_aside(self):
        state = self.lock_at_reply()
        self.token("--refresh")
        state.execute("ROLLBACK")
        [name] = self.kept()
        with open(os.path.join(self.folder_kept, name), "r+b") as file:
            file.write(b"not a database".ljust(200, b"!"))
        self.fails(3, "token", "books", "--refresh", says=["damaged", "kept/" + name, "configure a new refresh token"])
        self.assertEqual([kept.split("-")[0] for kept in self.kept()], [name + ".corrupt"])

    def test_where_it_cannot_be_kept_it_is_tried_again(self):
        with open(self.folder_kept, "wb"):
            pass  # where the folder should be
        state = self.lock_at_reply()
        process = self.start("token", "books", "--refresh", "--show")
        said = process.stderr.readline()
        state.execute("ROLLBACK")
        out, err = process.communicate(timeout=60)
        self.assertIn(b"a new refresh token has come and cannot be stored; trying for up to 300 s", said)
        self.assertEqual((process.returncode, b"access-token-2" in out), (0, True), err)
        os.unlink(self.folder_kept)
        self.goes_on_with("refresh-token-1", "refresh-token-2")


class LostReplies(SingleUse):
    def test_one_that_was_never_granted_is_sent_once_more(self):
        grants = self.grants()
        self.books(grants)
        self.lose(grants, granted=False)
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertEqual((self.sent(grants), self.intents()), ([REFRESH, REFRESH], 0))

    def test_twice_in_a_run_and_no_more(self):
        grants = self.grants()
        self.books(grants)
        for run in (2, 4):
            self.lose(grants, granted=False)
            self.lose(grants, granted=False)
            self.fails(5, "token", "books", says="before a reply came")
            self.assertEqual((len(grants.forms), self.intents()), (run, 1))
        self.token()
        self.assertEqual((self.sent(grants), self.intents()), ([REFRESH] * 5, 0))

    def test_the_number_of_retries_may_be_none(self):
        grants = self.grants()
        self.books(grants, retries=0)
        self.lose(grants, granted=False)
        self.fails(5, "token", "books")
        self.assertEqual((len(grants.forms), self.intents()), (1, 1))

    def test_a_connection_sees_one_request(self):
        raw = RawService(lambda connection, head: None)
        self.addCleanup(raw.stop)
        grants = self.grants()
        for keys, count in (({"retries": 0}, 1), ({}, 2)):
            with self.subTest(keys=keys):
                raw.heads.clear()
                self.books(grants, token_url=raw.url + "/token", **keys)
                self.fails(5, "token", "books")
                self.assertEqual(len(raw.heads), count)

    def test_a_server_error_is_no_answer(self):
        for answer in ((500, {}, b"<html>"), (502, {}, {"error": "invalid_grant"}), (200, {}, b"<html>")):
            with self.subTest(answer=answer):
                grants = self.grants()
                grants.answers = [answer, answer]
                self.state = os.path.join(self.folder, "state" + str(grants.service.port))
                self.books(grants)
                self.fails(6, "token", "books")
                self.assertEqual((len(grants.forms), self.intents()), (2 if answer[0] >= 500 else 1, 1))
                grants.answers = []
                self.token()
                self.assertEqual((set(self.sent(grants)), self.intents()), ({REFRESH}, 0))

    def test_one_that_was_granted_needs_a_person(self):
        grants = self.grants()
        self.books(grants)
        self.token()
        self.lose(grants, granted=True)
        self.fails(4, "token", "books", "--refresh", says=["reply lost at 20", "invalid_grant: " + DESCRIPTION])
        self.assertEqual(self.sent(grants), [REFRESH, "refresh-token-1", "refresh-token-1"])
        row = self.row()
        self.assertEqual((row["stop_kind"], row["refresh_token"], self.intents()), (2, "refresh-token-1", 0))
        self.assertIn("reply lost at 20", row["stop_reason"])
        self.sql("UPDATE token SET access_token = NULL")
        for _ in range(20):
            self.fails(4, "token", "books", says=["needs a person since 20", "reply lost at 20", "nothing was sent"])
        self.assertEqual(len(grants.forms), 3)
        self.fails(4, "token", "books", "--refresh", says="invalid_grant")
        self.assertEqual(len(grants.forms), 4)
        # Somebody signs in elsewhere, and configures what came of it.
        grants.dead, grants.current = False, "refresh-token-of-a-person"
        self.env["BOOKS_REFRESH"] = grants.current
        self.assertEqual(self.token()["source"], "exchange")
        self.assertEqual((self.row()["stop_kind"], self.row()["stop_reason"]), (0, None))

    def test_one_beside_an_access_token_without_sense_is_kept(self):
        """For who has it and for who borrows it: the next exchange sends it."""
        def spoil(form):
            status, headers, reply = grants.grant(form)
            return status, headers, {**reply, "access_token": 7}
        grants = self.grants()
        self.books(grants)
        with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
            file.write(f"  child: {{ token_of: books, endpoint: '{grants.url}/c', scope: more }}\n")
        for connector in ("child", "books", "child"):
            grants.answers = [spoil]
            self.fails(6, "token", connector, "--refresh", says="'access_token' is not a token")
            self.assertEqual(self.intents(), 0)
            self.ok("token", connector)
        self.assertEqual(self.sent(grants), [REFRESH] + [f"refresh-token-{i}" for i in range(1, 6)])

    def test_another_refresh_token_was_not_lost(self):
        grants = self.grants()
        self.books(grants, retries=0)
        self.lose(grants, granted=True)
        self.fails(5, "token", "books")
        self.assertEqual(self.intents(), 1)
        self.env["BOOKS_REFRESH"] = "refresh-token-with-a-typo"
        done = self.fails(4, "token", "books", says="invalid_grant")
        self.assertNotIn("reply lost", done.stderr)
        self.assertEqual((self.sent(grants), self.intents()), ([REFRESH, "refresh-token-with-a-typo"], 0))

    def test_the_one_before_is_only_tried_after_a_lost_reply(self):
        grants = self.grants()
        self.books(grants)
        self.token()
        self.token("--refresh")
        self.sql("UPDATE token SET refresh_previous = 'refresh-token-1'")
        grants.answers = [(400, {}, {"error": "invalid_grant"})]
        self.fails(4, "token", "books", "--refresh", says="is dead")
        self.assertEqual(self.sent(grants)[2:], ["refresh-token-2"])

    def test_one_that_another_process_has_stored_meanwhile(self):
        """What the state holds is looked at again before a refresh token is called dead."""
        grants = self.grants()
        self.books(grants)
        self.token()
        fields = "refresh_token = 'refresh-token-1b', generation = generation + 65536"

        def elsewhere(more):
            def answer(_):
                grants.current = "refresh-token-1b"
                self.sql(f"UPDATE token SET {fields} {more}")
                return 400, {}, {"error": "invalid_grant"}
            return answer
        grants.answers = [elsewhere(", access_token = 'access-token-1b'")]
        token = self.token("--refresh")
        self.assertEqual((token["access_token"], token["source"], self.intents()), ("access-token-1b", "cache", 0))
        self.sql("UPDATE token SET refresh_token = 'refresh-token-1'")
        grants.answers = [elsewhere(", lifetime_ms = 1")]
        self.assertEqual(self.token("--refresh")["source"], "exchange")
        self.assertEqual(self.sent(grants)[1:], ["refresh-token-1", "refresh-token-1", "refresh-token-1b"])
        self.assertEqual((self.row()["refresh_token"], self.intents(), grants.dead), ("refresh-token-2", 0, False))
        grants.answers = [elsewhere(", lifetime_ms = 1"), (400, {}, {"error": "invalid_grant"})]
        self.fails(4, "token", "books", "--refresh", says="is dead")  # it is looked at once


class Hostile(SingleUse):
    """Replies of no good service: bounded, with a clear error, and the refresh token is not lost."""

    def check(self, script, status, says, sends, **keys):
        raw = RawService(script)
        self.addCleanup(raw.stop)
        grants = self.grants()
        self.state = os.path.join(self.folder, f"state{raw.port}")
        self.books(grants, **{"token_url": raw.url + "/token", "timeout": "1s", **keys})
        began = time.monotonic()
        self.fails(status, "token", "books", says=says)
        self.assertLess(time.monotonic() - began, 30)
        support.wait_until(lambda: len(raw.heads) >= sends)  # the last one may be read later than it was given up
        self.assertEqual((len(raw.heads), self.intents(), self.row()), (sends, 1, None))

    def test_too_large(self):
        def script(connection, _):
            connection.sendall(reply(b'{"access_token": "' + b"x" * 10_000_000 + b'"}'))
        self.check(script, 5, "over 65536 bytes", 1, timeout="1m")

    def test_a_byte_now_and_then(self):
        def script(connection, _):
            for byte in reply(b'{"access_token": "access-token-1"}'):
                connection.sendall(bytes([byte]))
                time.sleep(0.2)
        self.check(script, 5, "timed out after 1 s", 2)

    def test_cut_in_the_middle(self):
        def script(connection, _):
            connection.sendall(reply(b'{"access_token": "access-tok', length=100))
        self.check(script, 5, "cut short", 2)

    def test_nothing_at_all_within_the_time(self):
        self.check(lambda connection, _: time.sleep(3), 5, "timed out after 1 s", 2)

    def test_each_form_of_retry_after(self):
        soon = email.utils.formatdate(time.time() + 1, usegmt=True)
        for code in (429, 503):
            for value in ("1", "0", soon, "Thu, 01 Jan 1970 00:00:00 GMT", "soon"):
                with self.subTest(code=code, value=value):
                    grants = self.grants()
                    grants.answers = [(code, {"Retry-After": value}, {})]
                    self.state = os.path.join(self.folder, f"state{grants.service.port}")
                    self.books(grants)
                    self.token()
                    self.assertEqual((self.sent(grants), self.intents()), ([REFRESH, REFRESH], 0))

    def test_a_wait_that_is_too_long_is_not_begun(self):
        grants = self.grants()
        grants.answers = [(429, {"Retry-After": "1000"}, {})]
        self.books(grants)
        self.fails(6, "token", "books", says="over 15 minutes")
        self.assertEqual((len(grants.forms), self.intents()), (1, 0))  # it was an answer: nothing was done

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]
        grants = self.grants()
        self.books(grants, token_url=f"http://127.0.0.1:{port}/token", retries=1)
        self.fails(5, "token", "books", says="connection refused")
        self.assertEqual((self.intents(), self.row()), (0, None))


class Killed(SingleUse):
    def test_before_it_is_sent(self):
        for where, intents in (("token-locked", 0), ("token-intent", 1)):
            with self.subTest(where=where):
                grants = self.grants()
                self.state = os.path.join(self.folder, where)
                self.books(grants)
                self.fault(where, "token", "books")
                self.assertEqual((grants.forms, self.intents()), ([], intents))
                self.token()
                self.assertEqual((self.sent(grants), self.intents()), ([REFRESH], 0))

    def test_while_it_waits(self):
        """What the service has put off is not spent: no reply was lost."""
        grants = self.grants()
        grants.answers = [(429, {"Retry-After": "600"}, {})]
        self.books(grants)
        process = self.start("token", "books")
        support.wait_until(lambda: len(grants.forms) == 1 and self.intents() == 0)
        process.kill()
        process.wait(60)
        grants.current = "another"
        self.assertNotIn("reply lost", self.fails(4, "token", "books", says="invalid_grant").stderr)

    def test_while_it_waits_after_a_lost_reply(self):
        grants = self.grants()
        self.books(grants)
        self.lose(grants, granted=True)
        grants.answers.append((429, {"Retry-After": "600"}, {}))
        process = self.start("token", "books")
        support.wait_until(lambda: len(grants.forms) == 2)
        process.kill()
        process.wait(60)
        self.assertEqual(self.intents(), 1)
        self.fails(4, "token", "books", says="reply lost at 20")

    def test_between_the_grant_and_the_commit(self):
        grants = self.grants()
        self.books(grants)
        self.fault("token-received", "token", "books")
        self.assertEqual(self.intents(), 1)
        self.fails(4, "token", "books", says="reply lost at 20")
        self.fails(4, "token", "books", says="needs a person")
        self.assertEqual(self.sent(grants), [REFRESH, REFRESH])

    def test_after_the_commit(self):
        grants = self.grants()
        self.books(grants)
        self.fault("token-stored", "token", "books")
        self.assertEqual(self.intents(), 0)
        self.assertEqual(self.token()["source"], "cache")
        self.assertEqual(self.sent(grants), [REFRESH])

    def test_a_grant_that_spends_nothing_writes_nothing_first(self):
        grants = self.grants()
        self.daemon(grants)
        self.fault("token-intent", "token", "books")
        self.assertEqual((self.intents(), self.row()), (0, None))

    def test_at_random(self):
        """Of many at once, one is killed at any moment. The family lives unless that was between grant and commit."""
        random.seed(7)
        grants = self.grants()
        self.books(grants)
        self.token()
        for turn in range(20 if support.SOAK else 3):
            with self.subTest(turn=turn):
                self.sql("UPDATE token SET lifetime_ms = 1")
                before, sent = grants.number, len(grants.forms)
                crowd = [self.start("token", "books", program=support.JETON_FAULTY if n == 0 else support.JETON,
                                    env={"JETON_FAULT": random.choice(("token-intent", "token-received", "token-stored"))
                                         + "=kill"} if n == 0 else None) for n in range(16)]
                time.sleep(random.random() / 20)
                random.choice(crowd).kill()
                statuses = [process.wait(60) for process in crowd]
                self.assertLessEqual(statuses.count(-9), 2)
                self.assertLessEqual(grants.number - before, 2)
                # One that is granted and killed; after it twice the token and the one before, for one more is killed.
                self.assertLessEqual(len(grants.forms) - sent, 5)
                if grants.dead:  # the next ones knew it, and sent nothing
                    self.assertIn("reply lost at 20", self.row()["stop_reason"])
                    self.assertEqual((self.row()["stop_kind"], self.intents()), (2, 0))
                    grants.dead, grants.current = False, f"refresh-token-by-a-person-{turn}"
                    self.env["BOOKS_REFRESH"] = grants.current
                    self.token("--refresh")
                else:
                    self.token()
                self.assertEqual((self.row()["refresh_token"], self.intents()), (grants.current, 0))

    def test_many_at_once(self):
        grants = self.grants()
        self.books(grants)
        outputs = self.finish_all([self.start("token", "books", "--json", "--show") for _ in range(16)])
        self.assertEqual({b'"access_token":"access-token-1"' in output for output in outputs}, {True})
        self.assertEqual(self.sent(grants), [REFRESH])


class Refused(SingleUse):
    def test_a_dead_grant(self):
        for answer in ((400, {}, {"error": "invalid_grant"}), (403, {}, {"error": "invalid_grant"}),
                       (200, {}, {"ok": False, "error": "token_gone"}), (400, {}, {"error": "server_error"})):
            with self.subTest(answer=answer):
                grants = self.grants()
                grants.answers = [answer]
                self.state = os.path.join(self.folder, "state" + str(grants.service.port))
                self.books(grants, dead_errors=["token_gone", "server_error"])
                done = self.fails(4, "token", "books", says=["connector 'books': token exchange", "the refresh token is dead"])
                self.assertNotIn("reply lost", done.stderr)
                self.fails(4, "token", "books", says=["needs a person since", "`jeton token books --refresh` tries once"])
                self.assertEqual(len(grants.forms), 1)
        grants = self.grants()
        self.books(grants)
        self.token()
        self.sql("UPDATE token SET received_wall_ms = 0, received_boot_ms = 0, received_boot_id = 'gone'")
        grants.answers = [(400, {}, {"error": "invalid_grant"})]
        self.fails(4, "token", "books", "--refresh", says="is dead")
        self.renamed("ledger", grants)
        self.assertNotIn("books", self.fails(4, "token", "ledger", says="is dead").stderr)

    def test_what_is_configured_and_taken_back_loses_no_token(self):
        """The configured refresh token, which is spent, is not sent again: the stored one works on."""
        def wrong_token(grants):
            self.env["BOOKS_REFRESH"] = "refresh-token-with-a-typo"
            grants.answers = [(400, {}, {"error": "invalid_grant"})]
            self.fails(4, "token", "books", "--refresh", says="is dead")
            self.fails(4, "token", "books", "--refresh", says="is dead")
            self.env["BOOKS_REFRESH"] = REFRESH

        def wrong_client(grants):
            self.books(grants, client_id="client-with-a-typo")
            self.fails(3, "token", "books", "--refresh", says="was issued to another client ID")

        def no_token(grants):
            self.books(grants, refresh_token=None)
            self.token("--refresh")

        def signed_in(grants):
            self.books(grants, refresh_token=None)
            self.ok("login", "books", "--import", input=grants.current + "\n")

        for change in (wrong_token, wrong_client, no_token, signed_in):
            with self.subTest(change=change.__name__):
                grants = self.grants()
                self.state = os.path.join(self.folder, "state" + str(grants.service.port))
                self.books(grants)
                for _ in range(2):
                    self.token("--refresh")
                grants.grant, grant = lambda form: grant(form) if "typo" not in form["refresh_token"] else (
                    400, {}, {"error": "invalid_grant"}), grants.grant
                change(grants)
                self.books(grants)
                self.assertEqual(self.token("--refresh")["source"], "exchange")
                self.assertEqual((self.sent(grants).count(REFRESH), grants.dead), (1, False))

    def test_what_another_home_has_replaced_is_not_sent(self):
        """Of a former name, or path: `state adopt` brings the token that is good along. One of another sign-in is sent."""
        def home(name, **keys):
            self.books(grants, **keys)
            path = os.path.join(self.folder, "jeton.yaml")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            return self.write("jeton.yaml", f"name: {name}\n" + text)

        grants = self.grants()
        home("shop")
        for _ in range(2):
            self.token("--refresh")
        home("store")
        for _ in range(2):
            self.fails(4, "token", "books", "--refresh", says=["which belongs to name:shop (nothing was sent)",
                                                                "`jeton state adopt name:shop`"])
        self.assertEqual(len(grants.forms), 2)
        self.ok("state", "adopt", "name:shop")
        self.token("--refresh")
        home("other")
        grants.current = self.env["BOOKS_REFRESH"] = "refresh-token-of-others"
        self.token()
        self.assertEqual((self.sent(grants)[-1], grants.dead), ("refresh-token-of-others", False))

    def renamed(self, name, grants, **keys):
        self.books(grants, **keys)
        path = os.path.join(self.folder, "jeton.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text.replace("  books:\n", f"  {name}:\n"))

    def test_a_spent_one_is_not_sent_under_another_name(self):
        """What came in its place goes along with the name or the URL; not to another client, host or sign-in."""
        grants = self.grants()
        self.books(grants)
        for _ in range(2):
            self.token("--refresh")
        path = grants.url + "/token/v2"
        for name, keys in (("ledger", {}), ("books", {"token_url": path}), ("ledger", {"token_url": path}), ("books", {})):
            self.renamed(name, grants, **keys)
            shown = json.loads(self.ok("token", name, "--json", "--refresh").stdout)
            self.assertEqual((shown["source"], grants.dead), ("exchange", False))
        self.assertEqual((self.sent(grants).count(REFRESH), len(grants.forms)), (1, 6))
        self.renamed("ledger", grants)
        self.assertEqual(json.loads(self.ok("token", "ledger", "--json").stdout)["source"], "cache")
        other = grants.url.replace("127.0.0.1", "localhost") + "/token"
        for keys in ({"client_id": "another-client"}, {"token_url": other}):
            self.renamed("books", grants, **keys)
            self.fails(4, "token", "books", says=["is spent: another one has replaced it", "jeton login books"])
        self.renamed("ledger", grants, authorize_url=grants.url + "/authorize")
        self.ok("logout", "ledger", "--local")
        self.renamed("books", grants)
        self.fails(4, "token", "books", says="is spent")
        self.assertEqual(len(grants.forms), 6)

    def test_a_logout_after_a_rename_leaves_nothing_behind(self):
        """The live token stands under the former name until the connector is used."""
        grants = self.grants()
        self.books(grants)
        self.token("--refresh")
        self.renamed("ledger", grants)
        for options in ((), ("--local",)):
            self.fails(3, "logout", "ledger", *options, says=["nothing was forgotten", "jeton token ledger"])
        self.ok("token", "ledger")
        self.ok("logout", "ledger", "--local")
        for name in ("ledger", "books"):
            self.renamed(name, grants)
            self.fails(4, "token", name)
        self.renamed("journal", grants)  # and where nothing is left anywhere, there is nothing to do first
        self.ok("logout", "journal", "--local")
        self.assertEqual(len(grants.forms), 1)

    def test_a_spent_one_is_not_sent_when_it_is_configured_again(self):
        grants = self.grants()
        self.books(grants)
        self.token()
        grants.current = self.env["BOOKS_REFRESH"] = "refresh-token-of-another-sign-in"
        self.token("--refresh")
        self.env["BOOKS_REFRESH"] = REFRESH
        self.fails(4, "token", "books", "--refresh", says="is spent")
        self.env["BOOKS_REFRESH"] = "refresh-token-of-another-sign-in"
        self.token("--refresh")
        self.assertEqual((self.sent(grants).count(REFRESH), len(grants.forms), grants.dead), (1, 3, False))

    def test_one_that_was_imported_is_not_sent_when_it_is_configured(self):
        grants = self.grants()
        self.books(grants, refresh_token=None)
        self.ok("login", "books", "--import", input=REFRESH + "\n")
        self.books(grants)
        self.token("--refresh")
        self.renamed("ledger", grants)
        self.ok("token", "ledger", "--refresh")
        self.assertEqual((self.sent(grants).count(REFRESH), grants.dead), (1, False))

    def test_a_signal_waits_for_what_an_imported_one_brings(self):
        for wait, number in ((0.3, signal.SIGTERM), (1.5, signal.SIGINT)):
            with self.subTest(wait=wait, number=number):
                grants = self.grants()
                self.state = os.path.join(self.folder, f"state{number}")

                def late(form, grants=grants, wait=wait):
                    time.sleep(wait)
                    return grants.grant(form)

                grants.answers.append(late)
                self.books(grants, refresh_token=None)
                process = self.start("login", "books", "--import", stdin=subprocess.PIPE)
                process.stdin.write(REFRESH.encode() + b"\n")
                process.stdin.close()
                support.wait_until(lambda grants=grants: len(grants.forms) == 1)
                process.send_signal(number)
                self.assertEqual(process.wait(support.PATIENCE), -number, process.stderr.read())
                self.token("--refresh")
                self.assertEqual((self.sent(grants), grants.dead), ([REFRESH, "refresh-token-1"], False))

    def test_two_connectors_that_begin_with_one_token_at_once(self):
        """While one sends it, the other waits, and goes on with what came."""
        grants, begun = self.grants(), threading.Event()

        def slow(form):
            begun.set()
            time.sleep(1)  # whoever does not wait comes meanwhile
            return grants.grant(form)

        grants.answers = [slow]
        self.books(grants)
        path = os.path.join(self.folder, "jeton.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text + "  other:\n" + text.partition("  books:\n")[2])
        first = self.start("token", "books")
        self.assertTrue(begun.wait(60))
        self.finish_all([first, self.start("token", "other")])
        self.assertEqual((self.sent(grants), grants.dead), ([REFRESH], False))

    @staticmethod
    def locks_of(process):
        """Those of tokens that it has or waits for."""
        folder = f"/proc/{process.pid}/fd"
        paths = {os.path.realpath(os.path.join(folder, name)) for name in os.listdir(folder)}
        return {path for path in paths if "/locks/token-" in path}

    def test_two_that_wait_for_one_another_do_not(self):
        """One has the row and begins with the token that it had, the other goes on with it under another name."""
        grants = self.grants()
        self.books(grants)
        self.token()
        holder = self.start("token", "books", "--refresh", program=support.JETON_FAULTY,
                            env={"JETON_FAULT": "token-locked=stop"})
        support.wait_stopped(holder)
        path = os.path.join(self.folder, "jeton.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text.replace("  books:\n", "  renamed:\n"))
        other = self.start("token", "renamed")
        support.wait_until(lambda: self.locks_of(holder) < self.locks_of(other), 30)
        # Meanwhile another token was configured and used.
        self.sql("UPDATE token SET spent = configured_fingerprint || ' ', configured_fingerprint = 'of another one'")
        holder.send_signal(signal.SIGCONT)
        for process in (holder, other):
            self.assertIn("is spent", process.communicate(timeout=15)[1].decode())
            self.assertEqual(process.returncode, 4)
        self.assertEqual((self.sent(grants), grants.dead), ([REFRESH], False))

    def test_two_connectors_that_change_their_names(self):
        """Neither loses what the other one takes."""
        grants, live = self.grants(), {"refresh-a", "refresh-b"}

        def grant(form):
            if form["refresh_token"] not in live:
                grants.dead = True
                return 400, {}, {"error": "invalid_grant"}
            live.remove(form["refresh_token"])
            live.add(form["refresh_token"] + "+")
            return 200, {}, {"access_token": "access-" + form["refresh_token"], "expires_in": 3600,
                             "refresh_token": form["refresh_token"] + "+"}

        grants.grant = grant
        for first, second in ("ab", "ba"):
            self.env["BOOKS_REFRESH"], self.env["OTHER_REFRESH"] = "refresh-" + first, "refresh-" + second
            self.books(grants)
            path = os.path.join(self.folder, "jeton.yaml")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            books = text.partition("  books:\n")[2]
            self.write("jeton.yaml", text + "  other:\n" + books.replace("BOOKS_REFRESH", "OTHER_REFRESH"))
            for name, letter in (("books", first), ("other", second)):
                token = json.loads(self.ok("token", name, "--json", "--show", "--refresh").stdout)["access_token"]
                self.assertTrue(token.startswith("access-refresh-" + letter), token)
        self.assertEqual((live, grants.dead), ({"refresh-a++", "refresh-b++"}, False))

    def test_what_was_left_is_not_sent_for_another_client(self):
        grants = self.grants()
        self.books(grants, authorize_url=grants.url + "/authorize")
        self.token()
        self.ok("logout", "books", "--local")
        self.books(grants, authorize_url=grants.url + "/authorize", client_id="another-client")
        self.fails(4, "token", "books", says="logged out")
        self.assertEqual(self.sent(grants), [REFRESH])

    def test_a_client_that_is_refused_is_tried_again_later(self):
        grants = self.grants()
        for make in (self.books, self.daemon):
            with self.subTest(make=make):
                grants.answers = [(401, {}, {"error": "invalid_client"})] * 2
                del grants.forms[:]
                self.state = os.path.join(self.folder, make.__name__)
                self.env["BOOKS_SECRET"] = SECRET
                make(grants)
                self.fails(4, "token", "books", says="invalid_client")
                self.fails(4, "token", "books", says=["refused at 20", "nothing was sent; it is tried again at 20"])
                self.assertEqual(len(grants.forms), 1)
                self.sql("UPDATE token SET stop_since_ms = stop_since_ms - 61000")
                self.fails(4, "token", "books", says="401 not authenticated")
                self.sql("UPDATE token SET stop_since_ms = stop_since_ms - 61000")
                self.fails(4, "token", "books", says="refused at 20")  # two minutes by now
                self.assertEqual(len(grants.forms), 2)
                self.env["BOOKS_SECRET"] = "another-client-secret"
                self.assertEqual(self.token()["source"], "exchange")

    def test_how_a_first_exchange_is_made_may_be_tried_out(self):
        grants = self.grants()
        grants.answers = [(401, {}, {"error": "invalid_client"})] * 3
        self.daemon(grants, client_auth="basic")
        self.fails(4, "token", "books", says="401 not authenticated")
        self.fails(4, "token", "books", says="refused at 20")
        self.daemon(grants, client_auth="post")
        self.fails(4, "token", "books", says="401 not authenticated")
        self.fails(4, "token", "books", says="refused at 20")
        self.daemon(grants, client_auth="post", headers={"X-Tenant": "contoso"})
        self.fails(4, "token", "books", says="401 not authenticated")
        self.daemon(grants, client_auth="post", body="json")
        self.assertEqual(self.token()["source"], "exchange")
        self.assertEqual(self.token()["source"], "cache")
        self.daemon(grants, client_auth="basic")  # the same token
        self.assertEqual(self.token()["source"], "cache")

    def test_how_a_first_reply_is_read_and_lent_may_be_tried_out(self):
        grants = self.grants()
        grants.answers = [(200, {}, {"status": "good"})] + [(401, {}, {"error": "invalid_client"})] * 2
        self.daemon(grants, reply={"error": "/status"})
        self.fails(4, "token", "books", says="200, but good")
        self.fails(4, "token", "books", says="refused at 20")
        self.daemon(grants)
        self.fails(4, "token", "books", says="401 not authenticated")

        def lend(client_auth):
            self.daemon(grants, client_auth=client_auth)
            with open(self.folder + "/jeton.yaml", "a", encoding="utf-8") as file:
                file.write(f"  mail: {{ token_of: books, endpoint: '{grants.url}/mail', scope: a }}\n")

        self.state += "-2"
        lend("basic")
        self.fails(4, "token", "mail", says="token exchange: 401 not authenticated")
        self.fails(4, "token", "mail", says="refused at 20")
        lend("post")
        self.ok("token", "mail")
        self.token()

    def test_invalid_grant_of_another_grant_needs_nobody(self):
        grants = self.grants()
        grants.answers = [(400, {}, {"error": "invalid_grant"})]
        self.daemon(grants)
        self.fails(4, "token", "books", says="invalid_grant")
        self.fails(4, "token", "books", says="refused at 20")


class Table(SingleUse):
    """jeton token without a name."""

    def table(self, status=0):
        done = self.jeton("token", "--json")
        self.assertEqual(done.returncode, status, done.stderr)
        [row] = json.loads(done.stdout)
        return row

    def test_from_new_to_needing_a_person(self):
        grants = self.grants(refresh_token_expires_in=86400)
        self.books(grants, endpoint="https://api.example.org/v2")
        self.assertEqual(self.table(), {
            "connector": "books", "provider": "oauth2", "token_of": None, "status": "new", "reason": None, "since": None,
            "expires_at": None, "refresh_expires_at": None, "login_expires_at": None, "last_exchange_at": None,
            "endpoint_url": "https://api.example.org/v2", "scopes": None, "source": "configuration"})
        self.assertFalse(os.path.exists(self.state))  # to look makes none
        self.token()
        row = self.table()
        self.assertEqual((row["status"], row["source"]), ("fresh", "state"))
        self.assertTrue(row["expires_at"] and row["refresh_expires_at"] and row["last_exchange_at"])
        del self.env["BOOKS_SECRET"], self.env["BOOKS_REFRESH"]  # no secret is read
        self.assertEqual(self.table()["status"], "fresh")
        self.sql("UPDATE token SET lifetime_ms = 1")
        self.assertEqual(self.table()["status"], "due")
        self.env.update(BOOKS_SECRET=SECRET, BOOKS_REFRESH=REFRESH)
        grants.answers = [(401, {}, {"error": "invalid_client"})]
        self.fails(4, "token", "books")
        row = self.table()
        self.assertEqual(row["status"], "refused")
        self.assertIn("invalid_client", row["reason"])
        grants.dead = True
        self.fails(4, "token", "books", "--refresh")
        row = self.table(4)
        self.assertEqual(row["status"], "needs_person")
        self.assertTrue(row["since"])
        self.assertEqual(len(grants.forms), 3)
        done = self.jeton("token")
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stdout, r"(?m)^books +needs_person +20")
        self.assertIn("invalid_grant: " + DESCRIPTION, done.stdout)
        self.fails(2, "token", "--refresh", says="need the name of a connector")

    def test_a_state_that_cannot_be_read(self):
        grants = self.grants()
        self.books(grants)
        self.token()
        os.chmod(self.state, 0o777)
        self.fails(3, "token", says="state folder")

    def test_kaizala_and_one_with_its_token(self):
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  contoso:
    token_service: https://kaizala.example.org/v1
    application_id: {support.APPLICATION_ID}
    application_secret: {{ env: NOT_SET }}
  more: {{ token_of: contoso, endpoint: "https://more.example.org" }}
""")
        rows = json.loads(self.ok("token", "--json").stdout)
        self.assertEqual([(row["connector"], row["provider"], row["token_of"], row["endpoint_url"], row["source"])
                          for row in rows], [("contoso", "kaizala", None, None, None),
                                             ("more", "kaizala", "contoso", "https://more.example.org", None)])


class Unauthorized(SingleUse):
    """401 of the API."""

    def age(self, seconds=120):
        self.sql(f"UPDATE token SET received_boot_ms = received_boot_ms - {seconds * 1000},"
                 f" received_wall_ms = received_wall_ms - {seconds * 1000}")

    def test_a_young_token_is_not_exchanged(self):
        grants = self.grants(lambda r: (401, {}, {"error": "no_such_scope"}))
        self.books(grants)
        for _ in range(3):
            done = self.fails(4, "api", "things", says="401 not authenticated: no_such_scope")
            self.assertIn("no_such_scope", done.stdout)
        self.assertEqual(len(grants.forms), 1)

    def test_what_only_the_header_says(self):
        """RFC 6750; what the service was sent is masked, and nothing is longer than the words of a body."""
        words = 'Bearer realm="api", error="invalid_token", error_description="access-token-1 is over, ' + 900 * "x" + '"'
        grants = self.grants(lambda r: (401, {"WWW-Authenticate": words}, {}))
        self.books(grants)
        done = self.fails(4, "api", "things", says="401 not authenticated: invalid_token: ******** is over, xxx")
        self.assertIn("x…", done.stderr)
        self.assertLess(len(done.stderr), 900)
        script = self.write("a.lua", """\
local response, err = require "jeton.http".request { connector = "books", path = "/things" }
print(response, err.kind, err.status, err.code)
""")
        self.assertEqual(self.ok("run", script).stdout, "nil\tauth\t401\tinvalid_token\n")

    def test_one_whose_successor_was_refused_too_is_not_exchanged(self):
        grants = self.grants(lambda r: (401, {}, {}))
        self.books(grants)
        self.token()
        self.age()
        self.fails(4, "api", "things")
        self.assertEqual(len(grants.forms), 2)
        self.age()
        for _ in range(3):
            self.fails(4, "api", "things")
        self.assertEqual(len(grants.forms), 2)
        self.assertEqual(len([r for r in grants.service.received if r["path"] == "/api/things"]), 5)

    def test_one_that_was_refused_at_first_is_exchanged_once_it_ends(self):
        """The API refused good tokens for a moment; the new one worked then, and was ended before its time."""
        for lifetime in (7200, ...):
            with self.subTest(lifetime=lifetime):
                left = []
                grants = self.grants(lambda r, left=left: left.pop(0) if left else None, expires_in=lifetime)
                self.books(grants)
                self.token()
                self.age()
                left += [(401, {}, {})] * 2
                self.fails(4, "api", "things")
                self.ok("api", "things")
                self.age(14 * 60)
                left += [(401, {}, {})]
                self.fails(4, "api", "things")
                self.assertEqual(len(grants.forms), 2)
                self.age(60)
                left += [(401, {}, {})]
                self.ok("api", "things")
                self.assertEqual(len(grants.forms), 3)
                shutil.rmtree(self.state)

    def test_an_old_one_is_exchanged_once(self):
        grants = self.grants()
        self.books(grants)
        self.token()
        self.age()
        grants.grant({"grant_type": "other"})  # the API knows a newer one
        self.ok("api", "things")
        self.assertEqual(len(grants.forms), 2)

    def test_what_passes_behind_an_exchange_is_waited_for(self):
        """The call asked for a token newer than the new one, and ended with the 401."""
        for passes in ((429, {"Retry-After": "0"}, {}), (503, {"Retry-After": "0"}, {}), (500, {}, {})):
            with self.subTest(passes=passes[0]):
                left = []
                grants = self.grants(lambda _, left=left: left.pop(0) if left else None)
                self.daemon(grants, retries=2)
                self.token()
                self.age()
                left += [(401, {}, {"error": "invalid_token"}), passes, passes]
                self.ok("api", "things")
                self.assertEqual((len(grants.forms), left), (2, []))
                self.age()
                left += [(401, {}, {}), passes, (401, {}, {"error": "no_such_scope"})]
                self.fails(4, "api", "things", says="no_such_scope")
                self.assertEqual((len(grants.forms), left), (3, []))

    def test_the_store_is_looked_at_first(self):
        grants = self.grants()
        self.books(grants)
        self.token()
        self.age()

        def peer(request):
            if len(grants.forms) == 1:
                self.token("--refresh")  # which ends the old access token
            return None
        grants.api = peer
        self.ok("api", "things")
        self.assertEqual(len(grants.forms), 2)


class Secrets(SingleUse):
    def forms_of(self, text):
        encoded = base64.b64encode(text.encode()).decode().rstrip("=")
        return [text, urllib.parse.quote(text, safe=""), encoded[:-2] if len(encoded) > 8 else encoded]

    def check(self, grants, statuses, *args):
        """At all levels and in the state, nothing that is a secret is said."""
        known = {SECRET, REFRESH, *(f"{kind}-token-{n}" for kind in ("access", "refresh") for n in range(1, 9))}
        for header in grants.headers:
            if header["Authorization"]:
                known.add(header["Authorization"].split()[1])
        for form in ("text", "json"):
            done = self.jeton("-vv", "--log-format", form, *args)
            self.assertIn(done.returncode, statuses, done.stderr)
            known.update(h["Authorization"].split()[1] for h in grants.headers if h["Authorization"])
            for secret in known:
                for leak in self.forms_of(secret):
                    self.assertNotIn(leak, done.stdout + done.stderr)
        if self.row() is not None:
            for secret in known:
                self.assertNotIn(secret, self.row()["stop_reason"] or "")

    def test_of_a_service_that_plays_back_all_it_hears(self):
        for auth in ("basic", "basic_raw", "post"):
            for code in (200, 400, 401, 500, 302):
                with self.subTest(auth=auth, code=code):
                    grants = self.grants(lambda r: (500, {}, {"message": r["headers"]["Authorization"]}))
                    self.state = os.path.join(self.folder, f"state-{auth}-{code}")

                    def echo(form, grants=grants, code=code):
                        heard = [*form.values(), grants.headers[-1]["Authorization"] or ""]
                        return code, {"Location": "/" + urllib.parse.quote(" ".join(heard))}, {
                            "error": "invalid_grant" if code == 400 else heard[1], "error_description": " ".join(heard)}
                    self.books(grants, client_auth=auth, retries=0)
                    self.check(grants, {0}, "token", "books", "--refresh")
                    self.check(grants, {6}, "api", "things")
                    grants.answers = [echo, echo]
                    self.check(grants, {4, 6}, "token", "books", "--refresh")


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
