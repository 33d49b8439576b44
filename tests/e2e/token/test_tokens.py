"""The promises about tokens: one exchange for all, nothing lost, whoever dies and whenever."""

import json
import os
import signal
import sqlite3
import threading
import time
import unittest

import support
from service import Service
from support import SOAK, TENANT_TOKEN

DAY_S = 86400
ROUNDS = 200 if SOAK else 20


def expire_cache(state):
    """Makes every cached access token look a day older than it is."""
    with sqlite3.connect(os.path.join(state, "jeton.db"), timeout=10) as db:
        db.execute("UPDATE token SET received_boot_ms = received_boot_ms - 86400000,"
                   " received_wall_ms = received_wall_ms - 86400000")
    db.close()


def stored(state, column):
    db = sqlite3.connect(os.path.join(state, "jeton.db"), timeout=10)
    rows = db.execute(f"SELECT {column} FROM token ORDER BY owner").fetchall()
    db.close()
    return [row[0] for row in rows]


class OneExchange(support.Case):
    def test_64_processes_on_an_empty_cache(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        self.finish_all([self.start("token", "contoso") for _ in range(64)])
        self.assertEqual(sandbox.exchanges(), 1)

    def test_64_processes_on_an_expired_cache(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        self.ok("token", "contoso")
        expire_cache(self.state)
        self.finish_all([self.start("api", "users/me") for _ in range(64)])
        self.assertEqual(sandbox.exchanges(), 2)

    def test_64_processes_whose_token_the_service_refuses(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        self.ok("token", "contoso")
        sandbox.steer("clock", {"advance_s": DAY_S + 60})
        self.finish_all([self.start("api", "users/me") for _ in range(64)])
        self.assertEqual(sandbox.exchanges(), 2)

    def test_a_fresh_token_needs_no_network(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        first = json.loads(self.ok("token", "contoso", "--json").stdout)
        self.assertEqual(first["source"], "exchange")
        sandbox.stop()
        second = json.loads(self.ok("token", "contoso", "--json").stdout)
        self.assertEqual(second["source"], "cache")
        self.assertEqual(second["expires_at"][:15], first["expires_at"][:15])

    def test_a_fresh_token_needs_no_secret(self):
        sandbox = self.sandbox()
        path = self.configure(sandbox.base)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text.replace(f"refresh_token: {TENANT_TOKEN}",
                                              "refresh_token: { file: refresh }"))
        self.write("refresh", TENANT_TOKEN + "\n")
        self.ok("token", "contoso")
        os.unlink(os.path.join(self.folder, "refresh"))
        self.ok("token", "contoso")
        self.fails(3, "token", "contoso", "--refresh", says="refresh")

    def test_a_refusal_is_shown_beside_a_fresh_token(self):
        path = self.configure(self.sandbox().base)
        self.ok("token", "contoso")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIsNone(json.loads(self.ok("token", "--json").stdout)[0]["reason"])
        self.write("jeton.yaml", text.replace(support.APPLICATION_SECRET, "another-secret"))
        self.fails(4, "token", "contoso", "--refresh")
        shown, = json.loads(self.ok("token", "--json").stdout)
        self.assertEqual(shown["status"], "fresh")
        self.assertIn("401", shown["reason"])
        self.assertIsNotNone(shown["since"])
        self.assertIn("  but the last exchange was refused: " + shown["reason"], self.ok("token").stdout)
        self.write("jeton.yaml", text)
        self.ok("token", "contoso", "--refresh")
        self.assertIsNone(json.loads(self.ok("token", "--json").stdout)[0]["reason"])


class Rotation(support.Case):
    def test_single_use_refresh_tokens_in_rounds_of_16(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        sandbox.steer("switches", {"single_use_refresh_tokens": True})
        self.ok("token", "contoso")
        for round_number in range(1, ROUNDS + 1):
            expire_cache(self.state)
            self.finish_all([self.start("token", "contoso") for _ in range(16)])
            self.assertEqual(sandbox.exchanges(), round_number + 1)

    def test_the_successor_that_the_service_announces_is_kept(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        self.ok("token", "contoso")
        self.assertEqual(stored(self.state, "refresh_token"), [None])
        sandbox.steer("clock", {"advance_s": 330 * DAY_S})
        self.ok("token", "contoso", "--refresh")
        successor, before = stored(self.state, "refresh_token")[0], stored(self.state, "refresh_previous")[0]
        self.assertIsNotNone(successor)
        self.assertEqual(before, TENANT_TOKEN)
        sandbox.steer("clock", {"advance_s": 40 * DAY_S})  # the configured token is dead by now
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(stored(self.state, "refresh_previous"), [None])

    def test_an_unchanged_configured_token_does_not_win(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        sandbox.steer("switches", {"single_use_refresh_tokens": True})
        self.ok("token", "contoso")
        self.ok("token", "contoso", "--refresh")  # the configured one is used up: only the stored one can do this
        refused = [r for r in sandbox.requests("/accessToken") if r["status"] != 200]
        self.assertEqual(refused, [])

    def test_a_changed_configured_token_wins(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        sandbox.steer("switches", {"single_use_refresh_tokens": True})
        self.ok("token", "contoso")
        rotated = stored(self.state, "refresh_token")[0]
        self.configure(sandbox.base, refresh_token=support.MEMBER_TOKEN)
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(stored(self.state, "refresh_previous"), [support.MEMBER_TOKEN])
        self.assertNotEqual(stored(self.state, "refresh_token")[0], rotated)
        self.assertIn("+33100000002", self.ok("api", "users/me").stdout)


class Accidents(support.Case):
    def test_kill_9_of_the_lock_holder(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        holder = self.start("token", "contoso", program=support.JETON_FAULTY, env={"JETON_FAULT": "token-locked=stop"})
        support.wait_stopped(holder)
        others = [self.start("token", "contoso") for _ in range(8)]
        time.sleep(0.3)  # they wait for the lock now
        self.assertTrue(all(p.poll() is None for p in others))
        holder.send_signal(signal.SIGKILL)
        self.finish_all(others)
        self.assertEqual(sandbox.exchanges(), 1)

    def test_power_fails_between_reply_and_store(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        self.ok("token", "contoso")
        sandbox.steer("clock", {"advance_s": 330 * DAY_S})  # a successor comes with each exchange
        cut = self.jeton("token", "contoso", "--refresh", program=support.JETON_FAULTY,
                         env={"JETON_FAULT": "token-received=kill"})
        self.assertEqual(cut.returncode, -signal.SIGKILL)
        self.assertEqual(sandbox.exchanges(), 2)
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(sandbox.exchanges(), 3)

    def test_power_fails_after_the_store(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        sandbox.steer("switches", {"single_use_refresh_tokens": True})
        cut = self.jeton("token", "contoso", program=support.JETON_FAULTY, env={"JETON_FAULT": "token-stored=kill"})
        self.assertEqual(cut.returncode, -signal.SIGKILL)
        self.ok("token", "contoso")  # from the cache
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(sandbox.exchanges(), 2)

    def test_a_refused_successor_falls_back_to_the_token_before_it(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        sandbox.steer("clock", {"advance_s": 330 * DAY_S})
        self.ok("token", "contoso")
        with sqlite3.connect(os.path.join(self.state, "jeton.db")) as db:
            db.execute("UPDATE token SET refresh_token = 'a-successor-that-the-service-has-lost'")
        db.close()
        self.ok("token", "contoso", "--refresh")

    def test_sigint_in_the_exchange_loses_no_refresh_token(self):
        asked, signalled = threading.Event(), threading.Event()

        def answer(request):
            if request["headers"]["refreshToken"] != TENANT_TOKEN:
                return None
            asked.set()
            signalled.wait(20)
            return 200, {}, service.token(refreshToken="the-only-one-that-works-from-now-on")

        service = Service(answer)
        self.addCleanup(service.stop)
        self.configure(service.base)
        script = self.write("wait.lua", 'require("jeton.token").refresh("contoso")\n')
        run = self.start("run", script)
        self.assertTrue(asked.wait(20))
        run.send_signal(signal.SIGINT)
        signalled.set()
        run.communicate(timeout=10)
        self.assertEqual(run.returncode, 128 + signal.SIGINT)
        self.assertEqual(stored(self.state, "refresh_token"), ["the-only-one-that-works-from-now-on"])

    def test_a_signal_in_the_exchange_of_any_verb_loses_no_refresh_token(self):
        for number, (verb, signo) in enumerate(((("token", "contoso", "--refresh"), signal.SIGINT),
                                                (("token", "contoso", "--refresh"), signal.SIGTERM),
                                                (("check", "--online"), signal.SIGTERM),
                                                (("api", "users/me"), signal.SIGHUP))):
            with self.subTest(verb=verb, signo=signo):
                asked, signalled = threading.Event(), threading.Event()
                good = [TENANT_TOKEN]

                def answer(request):
                    if not request["path"].endswith("/accessToken"):
                        return None
                    if request["headers"]["refreshToken"] != good[-1]:
                        return 400, {}, {"errorCode": "InvalidRefreshToken"}
                    if len(good) == 2:
                        asked.set()
                        signalled.wait(20)
                    good.append(f"the-only-one-that-works-number-{len(good)}")
                    return 200, {}, service.token(refreshToken=good[-1])

                service = Service(answer)
                self.addCleanup(service.stop)
                self.state = os.path.join(self.folder, f"state{number}")
                self.configure(service.base)
                self.ok("token", "contoso")
                expire_cache(self.state)
                run = self.start(*verb)
                self.assertTrue(asked.wait(20))
                run.send_signal(signo)
                signalled.set()
                run.communicate(timeout=10)
                self.assertEqual(run.returncode, -signo)
                self.assertEqual(stored(self.state, "refresh_token"), good[-1:])
                self.ok("token", "contoso", "--refresh")

    def test_a_signal_does_not_wait_for_a_service_that_hangs(self):
        asked, over = threading.Event(), threading.Event()

        def hang(_):
            asked.set()
            over.wait(30)

        service = Service(hang)
        self.addCleanup(service.stop)
        self.addCleanup(over.set)
        self.configure(service.base)
        run = self.start("token", "contoso")
        self.assertTrue(asked.wait(20))
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=20)
        self.assertEqual(run.returncode, -signal.SIGINT)


class Isolation(support.Case):
    def test_two_configurations_with_one_state(self):
        sandbox = self.sandbox()
        first = self.configure(sandbox.base, name="a/jeton.yaml")
        second = self.configure(sandbox.base, name="b/jeton.yaml", refresh_token=support.MEMBER_TOKEN)
        users = []
        for path in (first, second, first, second):
            users.append(json.loads(self.ok("-c", path, "api", "users/me").stdout))
        self.assertEqual(users[0], users[2])
        self.assertEqual(users[1], users[3])
        self.assertNotEqual(users[0], users[1])
        self.assertEqual(sandbox.exchanges(), 2)

    def test_another_application_id_does_not_see_the_token(self):
        sandbox = self.sandbox()
        path = self.configure(sandbox.base)
        self.ok("token", "contoso")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text.replace(support.APPLICATION_ID, "00000000-0000-0000-0000-000000000000"))
        self.fails(4, "token", "contoso")


class Clocks(support.Case):
    def test_a_service_a_year_ahead(self):
        sandbox = self.sandbox()
        sandbox.steer("clock", {"advance_s": 300 * DAY_S})
        self.configure(sandbox.base)
        reply = json.loads(self.ok("token", "contoso", "--json").stdout)
        self.assertEqual(reply["source"], "exchange")
        self.assertEqual(json.loads(self.ok("token", "contoso", "--json").stdout)["source"], "cache")
        self.assertAlmostEqual(stored(self.state, "lifetime_ms")[0], DAY_S * 1000, delta=3000)

    def test_a_local_clock_a_day_off(self):
        for offset in ("-86400", "+86400"):
            with self.subTest(offset=offset):
                sandbox = self.sandbox()
                self.state = os.path.join(self.folder, "state" + offset)
                self.configure(sandbox.base)
                self.ok("token", "contoso", env=self.faketime(offset))
                self.assertAlmostEqual(stored(self.state, "lifetime_ms")[0], DAY_S * 1000, delta=3000)
                # With the clock put right, as with it still wrong, the token lives as long as the service said.
                for env in ({}, self.faketime(offset)):
                    self.ok("api", "users/me", env=env)
                self.assertEqual(sandbox.exchanges(), 1)
                expire_cache(self.state)
                self.ok("api", "users/me", env=self.faketime(offset))
                self.assertEqual(sandbox.exchanges(), 2)


if __name__ == "__main__":
    unittest.main()
