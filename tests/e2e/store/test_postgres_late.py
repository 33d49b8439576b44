"""A refresh token that has come while the database is away, or its row is locked: whoever has it goes on storing it, and no
other host sends the one before. Its service takes a second use for a theft, and ends all that came of it."""

import os
import select
import signal
import subprocess
import threading
import time
import unittest

from cuts import Proxy
from listening import HOOK, Listener
from namespaces import below
from oauth2 import REFRESH, Grants
from postgres import SOCKET, TOKEN, PostgresCase
from support import JETON_FAULTY, SOAK, end_process, side_by_side, wait_until
from test_postgres import contoso

TRYING = "a new refresh token has come and cannot be stored; trying for up to"
# So that a call of the state fails soon, and what follows it is seen.
SOON = {"program": JETON_FAULTY, "env": {"JETON_FAULT": "store-call=2000"}}


class Late(PostgresCase):
    def setUp(self):
        super().setUp()
        self.grants = Grants()
        self.addCleanup(self.grants.service.stop)
        self.proxies = [Proxy(f"{self.folder}/proxy{number}", SOCKET) for number in range(2)]
        for number, proxy in enumerate(self.proxies):
            self.addCleanup(proxy.listener.close)
            self.configure(number)
        self.says(0, 0, "token", "contoso")
        self.sql("UPDATE @token SET received_wall_ms = 0, received_boot_ms = 0, received_boot_id = 'gone'")

    def configure(self, number, more=""):
        self.host(number, contoso(self.grants) + more, url=f"postgresql://jeton@/jeton?host={self.folder}/proxy{number}")

    def away(self, away=True):
        for proxy in self.proxies:
            proxy.away = away

    def lock(self):
        """The row, against whoever writes it: what ends that."""
        held = subprocess.Popen(["psql", "-qh", SOCKET, "-U", "jeton", "-d", "jeton"], stdin=subprocess.PIPE, text=True,
                                stdout=subprocess.PIPE)
        self.addCleanup(end_process, held)
        held.stdin.write(f"BEGIN; SELECT 'locked' FROM {self.schema}.token FOR UPDATE;\n")
        held.stdin.flush()
        while "locked" not in held.stdout.readline():
            pass
        return held.communicate

    def reply_comes(self, then, *args, **options):
        """A process of the first host, whose exchange is answered when `then` has happened."""
        def answer(form):
            then()
            return self.grants.grant(form)

        self.grants.answers.append(answer)
        process = self.start_on(0, *(args or ("token", "contoso", "--show")), **(options or SOON))
        wait_until(lambda: not self.grants.answers, 60)
        return process

    def until_said(self, process, words):
        """What it has written to standard error until then."""
        said, end = b"", time.monotonic() + 60
        while words.encode() not in said:
            self.assertTrue(select.select([process.stderr], [], [], max(0, end - time.monotonic()))[0], said)
            more = os.read(process.stderr.fileno(), 65536)
            self.assertTrue(more, said)
            said += more
        return said.decode()

    def others(self):
        """Tries without an end on the second host; what ends them returns how each ended."""
        over, statuses = threading.Event(), []

        def work():
            while not over.is_set():
                process = self.start_on(1, "token", "contoso", "--show", **SOON)
                process.communicate(timeout=120)
                statuses.append(process.returncode)

        thread = threading.Thread(target=work)
        thread.start()

        def end():
            over.set()
            thread.join()
            return statuses
        self.addCleanup(end)
        return end

    def spool(self, number=0):
        folder = f"{self.folder}/host{number}/spool"
        return os.listdir(folder) if os.path.exists(folder) else []

    def all_is_well(self, left=False):
        """One exchange, and both hosts have what it brought; the next one works. left: the lock was left to run out."""
        self.assertEqual((len(self.grants.forms), self.grants.dead, self.spool()), (2, False, []))
        for number in range(2):
            self.says(0, number, "token", "contoso", "--show", words="access-token-2")
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE kind = 0 AND until > clock_timestamp()"), [[str(int(left))]])
        self.sql("UPDATE @lease SET until = NULL")
        self.says(0, 1, "token", "contoso", "--refresh", "--show", words="access-token-3")
        self.assertEqual((len(self.grants.forms), self.grants.dead), (3, False))
        self.assertEqual(self.sql("SELECT count(*) FROM @token_spare"), [["0"]])

    def has_it(self, process):
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, b"access-token-2\n" in out), (0, True), err)

    def outlast(self, seconds, lapse=False):
        late = self.reply_comes(self.away)
        end = self.others()
        self.until_said(late, TRYING)
        time.sleep(seconds)
        if lapse:  # as if that had been half a minute
            self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        self.away(False)
        self.has_it(late)
        self.assertEqual(set(end()) - {0, 5}, set())
        self.all_is_well()

    def test_the_database_is_away(self):
        self.outlast(15 if SOAK else 2)

    def test_the_database_is_away_until_the_lock_has_run_out(self):
        """Both hosts find it again at the same moment."""
        self.outlast(25 if SOAK else 2, lapse=True)

    @unittest.skipUnless(SOAK, "takes a minute")
    def test_the_database_is_away_for_longer_than_the_lock_lasts(self):
        self.outlast(50)

    def test_another_host_waits_for_what_may_have_come(self):
        """It has the lock, as that has run out: the first host comes a little later."""
        late = self.reply_comes(self.away)
        self.until_said(late, TRYING)
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        self.proxies[1].away = False
        other = self.start_on(1, "token", "contoso", "--show", env={"JETON_LOG": "info"})
        wait_until(lambda: self.sql("SELECT epoch FROM @lease WHERE until > clock_timestamp()") == [["3"]], 60)
        time.sleep(1)
        self.assertIsNone(other.poll())
        self.away(False)
        self.has_it(late)
        self.has_it(other)
        self.all_is_well()

    def waiter_ends(self, sig):
        """The next process of its host waits as well, until the lock has run out or what was to come is there."""
        late = self.reply_comes(self.away)
        self.until_said(late, TRYING)
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        self.proxies[1].away = False
        first = self.start_on(1, "token", "contoso", env={"JETON_LOG": "info"})
        self.until_said(first, "waiting up to")
        first.send_signal(sig)
        first.communicate(timeout=60)
        second = self.start_on(1, "token", "contoso", "--show")
        time.sleep(2)
        self.assertIsNone(second.poll())
        self.away(False)
        self.has_it(late)
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        self.has_it(second)
        self.all_is_well()

    def test_who_waits_for_another_host_is_stopped(self):
        self.waiter_ends(signal.SIGTERM)

    def test_who_waits_for_another_host_is_killed(self):
        self.waiter_ends(signal.SIGKILL)

    def test_another_host_waits_no_longer_than_that(self):
        """The first one has died before the service saw its request."""
        self.grants.answers.append(lambda form: os.kill(late.pid, signal.SIGKILL) or (500, {}, {}))
        late = self.start_on(0, "token", "contoso")
        late.communicate(timeout=60)
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        start = time.monotonic()
        self.says(0, 1, "token", "contoso", "--show", words="access-token-2")
        self.assertGreater(time.monotonic() - start, 9)
        self.assertEqual((len(self.grants.forms), self.grants.dead), (3, False))

    def test_the_row_is_locked(self):
        unlock = []
        late = self.reply_comes(lambda: unlock.append(self.lock()), env={})
        end = self.others()
        self.until_said(late, TRYING)
        time.sleep(25 if SOAK else 1)
        unlock.pop()()
        self.has_it(late)
        end()
        self.all_is_well()

    def signs_in(self, *way, stdin=subprocess.DEVNULL):
        """The database is away when that has brought tokens."""
        login = self.reply_comes(self.away, "login", "contoso", *way, stdin=stdin, **SOON)
        end = self.others()
        self.until_said(login, TRYING)
        time.sleep(2)
        self.away(False)
        said = login.communicate(timeout=120)
        self.assertEqual((login.returncode, b"is signed in" in said[0]), (0, True), said)
        self.assertEqual(set(end()) - {0, 5}, set())

    def test_a_token_that_a_person_gave_has_been_spent(self):
        self.grants.current = "refresh-of-somebody"
        with open(self.write("typed", "refresh-of-somebody\n"), "rb") as typed:
            self.signs_in("--import", stdin=typed)
        self.all_is_well()

    def test_somebody_has_signed_in(self):
        """The lock is not held yet."""
        self.grants.api = lambda request: (200, {}, {
            "device_code": "device-code", "user_code": "SHOWN", "expires_in": 600, "interval": 1,
            "verification_uri": "https://id.example.org/device"}) if request["path"] == "/device" else None
        self.grants.first = {"refresh_token": "refresh-of-somebody"}
        self.configure(0, f"    device_url: {self.grants.url}/device\n")
        self.signs_in("--device")
        self.grants.first, self.grants.current = {}, "refresh-of-somebody"
        self.says(0, 1, "token", "contoso", "--refresh")
        self.assertEqual((self.grants.forms[-1]["refresh_token"], self.grants.dead, self.spool()), ("refresh-of-somebody", False, []))

    def test_whoever_waits_is_killed(self):
        late = self.reply_comes(self.away)
        self.until_said(late, TRYING)
        late.kill()
        late.communicate(timeout=60)
        self.assertEqual(len(self.spool()), 1)
        self.away(False)
        self.says(0, 0, "token", "contoso", "--show", words="access-token-2")
        self.all_is_well(left=True)

    def test_a_signal_ends_the_waiting(self):
        script = self.write("token.lua", TOKEN)
        for args, number in ((("token", "contoso"), signal.SIGTERM), (("run", script), signal.SIGINT)):
            late = self.reply_comes(self.away, *args, **SOON)
            said = self.until_said(late, TRYING)
            self.assertIn("what came is kept in", said)
            start = time.monotonic()
            late.send_signal(number)
            late.communicate(timeout=60)
            self.assertLess(time.monotonic() - start, 20)
            self.assertIn(late.returncode, (-number, 128 + number))
            self.assertEqual(len(self.spool()), 1)
            self.away(False)
            self.says(0, 0, "token", "contoso")
            self.sql("UPDATE @token SET received_wall_ms = 0, received_boot_ms = 0, received_boot_id = 'gone'")
        self.assertEqual((len(self.grants.forms), self.grants.dead, self.spool()), (3, False, []))

    def left(self):
        """By a process that has ended, while the database is away."""
        late = self.reply_comes(self.away)
        self.until_said(late, TRYING)
        late.kill()
        late.communicate(timeout=60)
        self.assertEqual(len(self.spool()), 1)

    def test_nothing_moves_to_another_name_before_what_is_left(self):
        self.left()
        self.away(False)
        self.rename(1, "other")
        for _ in range(2):
            self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
            self.says(7, 1, "state", "adopt", "name:shared", words="whose end is not known")
        self.says(0, 0, "state", "check")
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        self.says(0, 1, "state", "adopt", "name:shared")
        self.says(0, 1, "token", "contoso", "--show", words="access-token-2")
        self.rename(0, "other")
        self.all_is_well()

    def test_a_key_cannot_go_before_what_is_left(self):
        self.left()
        self.away(False)
        unlock = self.lock()
        self.says(5, 0, "state", "rekey", words="lock timeout")
        unlock()
        self.says(0, 0, "state", "rekey", words="0 values are now sealed")
        self.says(0, 0, "token", "contoso", "--show", words="access-token-2")
        self.all_is_well(left=True)

    def test_what_may_be_left_is_given_up_for_another_name(self):
        self.left()
        self.away(False)
        self.rename(1, "other")
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        self.says(0, 1, "state", "adopt", "name:shared", "--replace")

    def scheduler(self):
        """One that has nothing to do, but finds what others leave."""
        self.configure(0, f"jobs: {{ job: {{ script: {self.write('job.lua', '')}, schedule: '0 0 1 1 *', timezone: UTC }} }}\n")
        scheduler = self.start_on(0, "-v", "cron", "run")
        self.until_said(scheduler, "token --keep-alive: process")  # has ended: it would store what is left, too
        self.left()
        wait_until(lambda: below(scheduler.pid), 60)
        return scheduler

    def end(self, process):
        """By a signal, and soon."""
        start = time.monotonic()
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertLess(time.monotonic() - start, 20)

    def test_a_scheduler_stores_what_is_left(self):
        scheduler = self.scheduler()
        self.away(False)
        self.until_said(scheduler, "is stored")
        self.assertEqual(self.spool(), [])
        self.end(scheduler)
        self.all_is_well(left=True)

    def test_a_scheduler_ends_at_once_though_something_is_left(self):
        self.end(self.scheduler())
        self.assertEqual(len(self.spool()), 1)

    def test_a_listener_finds_what_others_leave(self):
        """Its connection is there all the time."""
        self.write("sender.secret", "a-secret-of-the-hook\n")
        self.write("handler.lua", "return function() end")
        self.configure(0, "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder))
        Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        unlock = []
        late = self.reply_comes(lambda: unlock.append(self.lock()), env={})
        self.until_said(late, TRYING)
        late.kill()
        late.communicate(timeout=60)
        self.assertEqual(len(self.spool()), 1)
        unlock.pop()()
        wait_until(lambda: not self.spool(), 60)
        self.all_is_well(left=True)

    def test_there_is_a_limit(self):
        """And it says what was wrong, with the status of that."""
        unlock = []
        late = self.reply_comes(lambda: unlock.append(self.lock()), program=JETON_FAULTY,
                                env={"JETON_FAULT": "token-store=2000"})
        out, err = late.communicate(timeout=60)
        self.assertEqual((late.returncode, out), (5, b""), err)
        self.assertIn(TRYING + " 2 s", err.decode())
        self.assertIn("what came is kept in", err.decode())
        self.assertEqual(len(self.spool()), 1)
        unlock.pop()()
        self.says(0, 0, "token", "contoso", "--show", words="access-token-2")
        self.all_is_well(left=True)

    def begin_anew(self):
        """No row stands for the configured token, and the second host has another name for the connector."""
        self.says(0, 0, "logout", "contoso", "--local")
        self.sql("DELETE FROM @token")
        self.grants.number, self.grants.current = 1, REFRESH
        self.grants.forms.clear()
        self.host(1, contoso(self.grants).replace("contoso", "ledger"), url=f"postgresql://jeton@/jeton?host={self.folder}/proxy1")

    def test_another_name_of_the_connector_waits_for_what_is_left(self):
        self.begin_anew()
        unlock = []

        def lock():
            held = subprocess.Popen(["psql", "-qh", SOCKET, "-U", "jeton", "-d", "jeton"], stdin=subprocess.PIPE, text=True)
            self.addCleanup(end_process, held)
            held.stdin.write(f"BEGIN; LOCK TABLE {self.schema}.token IN SHARE MODE;\n")
            held.stdin.flush()
            wait_until(lambda: self.super("SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND relation = '@token'::regclass"), 60)
            unlock.append(held.communicate)

        late = self.reply_comes(lock, program=JETON_FAULTY, env={"JETON_FAULT": "token-store=100"})
        _, err = late.communicate(timeout=60)
        self.assertEqual(late.returncode, 5, err)
        other = self.start_on(1, "token", "ledger", "--show")
        unlock.pop()()
        time.sleep(2)
        self.assertEqual((other.poll(), len(self.grants.forms)), (None, 1))
        self.says(0, 0, "token", "contoso", "--show", words="access-token-2")
        self.sql("UPDATE @lease SET until = NULL")
        self.has_it(other)  # the row has another name now
        self.assertEqual((self.grants.dead, len(self.grants.forms)), (False, 1))

    def test_another_name_of_the_connector_waits_for_what_may_have_come(self):
        self.begin_anew()
        late = self.reply_comes(self.away)
        self.until_said(late, TRYING)
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")
        self.proxies[1].away = False
        other = self.start_on(1, "token", "ledger", "--show")
        time.sleep(3)
        self.assertEqual((other.poll(), len(self.grants.forms)), (None, 1))
        self.away(False)
        self.has_it(late)
        self.has_it(other)  # the row has another name now
        self.assertEqual((self.grants.dead, len(self.grants.forms)), (False, 1))

    def test_no_longer_than_the_run_may_take(self):
        script = self.write("token.lua", 'assert(require "jeton.token".get "contoso")')
        self.configure(0, f"jobs: {{ job: {{ script: {script}, timeout: 9s }} }}\n")
        start = time.monotonic()
        late = self.reply_comes(self.away, "run", "--job", "job", **SOON)
        _, err = late.communicate(timeout=60)
        self.assertEqual((late.returncode, TRYING in err.decode(), len(self.spool())), (5, True, 1), err)
        self.assertLess(time.monotonic() - start, 20)
        self.away(False)
        self.says(0, 0, "token", "contoso", "--show", words="access-token-2")

    def test_others_of_a_run_go_on_meanwhile(self):
        """Also where nobody waits any more for what is to be stored."""
        script = self.write("tasks.lua", """
            local task, token = require "jeton.task", require "jeton.token"
            local waits = task.spawn(token.get, "contoso")
            task.sleep(4)
            waits:cancel()
            io.stderr:write("goes on\\n")
            task.sleep(4)
            print(token.get("contoso").access_token)""")
        late = self.reply_comes(self.away, "run", script, **SOON)
        self.until_said(late, "goes on")
        self.away(False)
        self.has_it(late)
        self.all_is_well()


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
