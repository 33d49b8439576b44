"""`jeton login` at OAuth 2.0 services: by a device's code."""

import json
import signal
import time
import unittest

import support
from oauth2 import ID, OAuth2, Grants

DEVICE = "device-code-of-the-test"
SHOWN = "WDJB-MJHT"


class Signs(Grants):
    """A token service where people sign in. What a test says in `steps` is answered first."""

    def __init__(self, **device):
        super().__init__()
        self.device = device  # members of the reply to a device
        self.steps = []
        self.times = []       # of the token requests
        self.asked = []       # (path, form) of all others

    def answer(self, request):
        path = request["path"].partition("?")[0]
        if path == "/device":
            self.asked.append((path, self.read(request)))
            reply = {"device_code": DEVICE, "user_code": SHOWN, "expires_in": 600, "interval": 1,
                     "verification_uri": "https://id.example.org/device", **self.device}
            return 200, {}, {name: value for name, value in reply.items() if value is not ...}
        return super().answer(request)

    def grant(self, form):
        self.times.append(time.monotonic())
        if self.steps:
            return self.steps.pop(0)
        if form["grant_type"] != "refresh_token":
            self.current = f"refresh-token-of-login-{self.number + 1}"
            self.number += 1
            reply = {"access_token": f"access-token-{self.number}", "expires_in": 3600, "token_type": "Bearer",
                     "refresh_token": self.current, **self.first}
            return 200, {}, {name: value for name, value in reply.items() if value is not ...}
        return super().grant(form)


QUICK = 20
PENDING = 400, {}, {"error": "authorization_pending"}
SLOWER = 400, {}, {"error": "slow_down"}


class Login(OAuth2):
    def service(self, **device):
        service = Signs(**device)
        self.addCleanup(service.service.stop)
        return service

    def configure(self, service, **keys):
        self.books(service, **{"refresh_token": None, "device_url": service.url + "/device",
                               "scope": ["read", "write"], **keys})

    def quick(self):
        """An environment in which time runs QUICK times as fast."""
        return {**self.faketime(f"+0 x{QUICK}"), "FAKETIME_DONT_FAKE_MONOTONIC": "0"}


class Device(Login):
    def test_a_code_that_is_typed_elsewhere(self):
        service = self.service()
        service.steps = [PENDING]
        self.configure(service)
        self.fails(3, "token", "books", says="jeton login books (--device)")
        done = self.ok("-vv", "login", "books", "--device")
        self.assertEqual(done.stdout.splitlines()[:2], ["https://id.example.org/device", SHOWN])
        self.assertIn("is signed in: its refresh token is stored", done.stdout)
        self.assertIn("within 10 minutes", done.stderr)
        for secret in (DEVICE, "access-token-1", "refresh-token-of-login", "client-secret: 100"):
            self.assertNotIn(secret, done.stdout + done.stderr)
        [(path, form)] = service.asked
        self.assertEqual((path, form), ("/device", {"scope": "read write"}))
        self.assertEqual(service.forms, 2 * [{"grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                                              "device_code": DEVICE}])
        self.assertEqual(len({headers["Authorization"] for headers in service.headers}), 1)
        token = self.token()
        self.assertEqual((token["access_token"], token["source"]), ("access-token-1", "cache"))
        self.assertEqual(json.loads(self.ok("api", "x").stdout), {"it": "works"})
        self.ok("token", "books", "--refresh")
        self.assertEqual(service.forms[-1]["refresh_token"], "refresh-token-of-login-1")
        self.assertEqual(len(service.forms), 3)

    def test_what_others_have_for_the_refresh_token_before_is_gone(self):
        service = self.service()
        self.configure(service)
        with open(self.folder + "/jeton.yaml", "a", encoding="utf-8") as file:
            file.write(f"  mail: {{ token_of: books, endpoint: {service.url}/mail, scope: mail.read }}\n")
        self.ok("login", "books", "--device")
        self.ok("token", "mail")
        self.ok("login", "books", "--device")
        self.ok("token", "mail")
        self.assertEqual([form.get("refresh_token") for form in service.forms],
                         [None, "refresh-token-of-login-1", None, "refresh-token-of-login-3"])

    def test_a_public_client(self):
        service = self.service()
        self.configure(service, client_auth="none", client_secret=None, body="json", audience="a", resource="urn:r",
                       params={"more": "1"}, scope_separator=",")
        self.ok("login", "books", "--device", env=self.quick())
        self.assertEqual(service.asked[0][1], {"client_id": ID, "scope": "read,write", "audience": "a", "resource": "urn:r"})
        self.assertEqual(service.forms[0], {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "more": "1",
                                            "device_code": DEVICE, "client_id": ID, "resource": "urn:r"})

    def test_pauses(self):
        """None said: 5 s; slow_down: 5 s more; what breaks: twice as long."""
        service = self.service(interval=...)
        service.steps = [PENDING, SLOWER, PENDING, (503, {}, b"<html>busy</html>"), PENDING]
        self.configure(service)
        begin = time.monotonic()
        done = self.ok("login", "books", "--device", env=self.quick())
        self.assertIn("503 server error", done.stderr)
        times = [begin, *service.times]
        pauses = [QUICK * (b - a) for a, b in zip(times, times[1:])]
        for pause, least in zip(pauses, [5, 5, 10, 10, 20, 20], strict=True):
            self.assertGreater(pause, least - 0.5, pauses)
            self.assertLess(pause, least + 15, pauses)

    def test_a_connection_that_breaks(self):
        service = self.service()
        self.configure(service, timeout="300ms")

        def late(_form):
            time.sleep(0.5)
            return PENDING
        service.answers = [late]
        done = self.ok("login", "books", "--device")
        self.assertIn("it is tried again", done.stderr)
        self.assertEqual(len(service.forms), 2)

    def test_the_end_of_the_code(self):
        service = self.service(expires_in=3)
        service.steps = 9 * [PENDING]
        self.configure(service)
        self.fails(4, "login", "books", "--device", says="nobody signed in while the code was good", env=self.quick())
        self.assertEqual(len(service.forms), 2)
        self.assertIsNone(self.row())

    def test_no(self):
        for error in ("access_denied", "expired_token", "authorization_declined"):
            service = self.service()
            service.steps = [(400, {}, {"error": error, "error_description": "no \x1b[31m"})]
            self.configure(service)
            done = self.fails(4, "login", "books", "--device", says=error, env=self.quick())
            self.assertNotIn("\x1b", done.stderr)
            self.assertIsNone(self.row())

    def test_nothing_changes_when_it_fails(self):
        service = self.service()
        service.current = "refresh-token-0"
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"})
        self.ok("token", "books")
        before = self.row()
        service.steps = [PENDING, (400, {}, {"error": "access_denied"})]
        self.fails(4, "login", "books", "--device", env=self.quick())
        self.assertEqual(self.row(), before)
        service.first = {"instance_url": "https://other.example"}
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"}, reply={"endpoint": "/instance_url"})
        self.fails(4, "login", "books", "--device", env=self.quick(), says="the endpoint that came with the token")
        self.assertEqual(self.row(), before)

    def test_urls_and_codes_that_are_not_shown(self):
        for device, status, says in (
                ({"verification_uri": "http://id.example.org/device"}, 6, "not https://"),
                ({"verification_uri": "https://id.example.org/\x1b]0;x\x07"}, 6, "more than visible ASCII"),
                ({"verification_uri": "https://id.example.org/\u202ecod"}, 6, "more than visible ASCII"),
                ({"verification_uri": "javascript:alert(1)"}, 6, "expected https"),
                ({"verification_uri": "https://a:b@id.example.org/"}, 6, "user information"),
                ({"verification_uri": ...}, 6, "'verification_uri' is not a URL"),
                ({"user_code": "A\nB"}, 6, "'user_code' is not a code"),
                ({"user_code": "A" * 65}, 6, "'user_code' is not a code"),
                ({"user_code": 7}, 6, "'user_code' is not a code"),
                ({"device_code": ...}, 6, "'device_code' is not a code"),
                ({"device_code": ""}, 6, "'device_code' is not a code")):
            with self.subTest(device=device):
                service = self.service(**device)
                self.configure(service)
                done = self.fails(status, "login", "books", "--device", says=says)
                self.assertEqual(done.stdout, "")
                self.assertEqual(service.forms, [])
        service = self.service(verification_uri=..., verification_url="http://127.0.0.1:1/device", expires_in="90", interval=0)
        self.configure(service)
        self.assertEqual(self.ok("login", "books", "--device", env=self.quick()).stdout.split("\n")[0],
                         "http://127.0.0.1:1/device")

    def test_a_service_that_answers_something_else(self):
        for answer, status, says in (((200, {}, b"<html>"), 6, "not JSON"), ((200, {}, []), 6, "a JSON object"),
                                     ((404, {}, {"error": "not_found"}), 6, "404 not found: not_found"),
                                     ((200, {}, {"error": "unauthorized_client"}), 4, "unauthorized_client"),
                                     ((302, {"Location": "https://x.example/"}, b""), 6, "not followed")):
            with self.subTest(answer=answer):
                service = self.service()
                service.answer = None
                service.service.script = lambda request, answer=answer: answer
                self.configure(service)
                self.fails(status, "login", "books", "--device", says=says)
                service.service.stop()

    def test_without_a_refresh_token(self):
        service = self.service()
        service.first = {"refresh_token": ..., "expires_in": 600}
        self.configure(service)
        done = self.ok("login", "books", "--device")
        self.assertIn("the service gave no refresh token", done.stderr)
        self.assertIn("an access token is stored", done.stdout)
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.fails(3, "token", "books", "--refresh", says="no refresh token is known")

    def test_an_interrupt_leaves_nothing(self):
        service = self.service()
        service.steps = 99 * [PENDING]
        self.configure(service)
        process = self.start("login", "books", "--device")
        support.wait_until(lambda: service.forms)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), -signal.SIGINT)
        self.assertIsNone(self.row())
        service.steps = []
        self.ok("login", "books", "--device")

    def test_who_waits_does_not_hold_the_lock(self):
        service = self.service()
        service.steps = 99 * [PENDING]
        service.current = "refresh-token-0"
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"})
        process = self.start("login", "books", "--device")
        support.wait_until(lambda: service.forms)
        service.steps = []
        self.ok("token", "books")
        self.assertEqual(process.wait(20), 0)

    def test_usage(self):
        service = self.service()
        self.configure(service)
        for way in ("--oauth", "--pin=+33100000001"):
            self.fails(2, "login", "books", way, says="provider 'oauth2'; the ways to sign in there: --device")
        self.configure(service, device_url=None)
        self.fails(3, "login", "books", "--device", says="--device needs 'device_url'")
        self.daemon(service, device_url=service.url + "/device")
        self.fails(3, "login", "books", "--device", says="grant: refresh_token")


if __name__ == "__main__":
    unittest.main()
