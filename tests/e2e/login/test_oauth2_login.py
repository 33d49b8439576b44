"""`jeton login` at OAuth 2.0 services: by a device's code, with a browser, by a pasted URL."""

import base64
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import support
from oauth2 import ID, OAuth2, Grants

CODE = "code-of-the-test"
DEVICE = "device-code-of-the-test"
SHOWN = "WDJB-MJHT"


class Signs(Grants):
    """A token service where people sign in. What a test says in `steps` is answered first."""

    def __init__(self, **device):
        super().__init__()
        self.device = device  # members of the reply to a device
        self.steps = []
        self.times = []       # of the token requests
        self.revocations = []  # answers; 200 after them
        self.asked = []       # (path, form) of all others

    def answer(self, request):
        path = request["path"].partition("?")[0]
        if path == "/revoke":
            self.asked.append((path, self.read(request)))
            return self.revocations.pop(0) if self.revocations else (200, {}, b"")
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
        self.fails(3, "token", "books", says="jeton login books (--device | --import)")
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
        least = [5, 5, 10, 10, 20, 20]
        self.assertEqual(len(pauses), len(least))
        self.assertTrue(all(a > b - 0.5 for a, b in zip(pauses, least)), pauses)
        late = [a > b + 15 for a, b in zip(pauses, least)]
        self.assertLess(sum(late), 3, pauses)  # a busy machine may hold up one or two

    def test_pending_in_other_shapes(self):
        service = self.service()
        service.steps = [(200, {}, {"error": "authorization_pending"}), (428, {}, {"error": "authorization_pending"}),
                         (429, {"Retry-After": "1"}, {"error": "slow_down"}), (200, {}, {"error": "slow_down", "interval": 9})]
        self.configure(service)
        done = self.ok("login", "books", "--device", env=self.quick())
        self.assertNotIn("tried again", done.stderr)
        self.assertEqual(len(service.forms), 5)

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
        self.assertIn(len(service.forms), (1, 2))  # it is asked again, where there is time
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

    def test_a_url_with_the_code_in_it(self):
        """RFC 8628, 3.3.1: it saves the typing, and is never needed."""
        whole = "https://id.example.org/device?user_code=" + SHOWN
        for url, lines in ((whole, [whole]), ("http://127.0.0.1:1/d?c=1", ["http://127.0.0.1:1/d?c=1"]),
                           ("http://id.example.org/d", []), ("https://id.example.org/\x1b[2J", []), (7, []), ("", []),
                           ("javascript:alert(1)", []), ("https://id.example.org/a\nb", [])):
            with self.subTest(url=url):
                service = self.service(verification_uri_complete=url)
                self.configure(service)
                done = self.ok("login", "books", "--device", env=self.quick())
                self.assertEqual(done.stdout.splitlines()[:-1], ["https://id.example.org/device", SHOWN, *lines])

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
        self.configure(service, refresh_lifetime="90d")
        row = json.loads(self.ok("token", "--json").stdout)[0]
        self.assertEqual((row["status"], row["refresh_expires_at"], row["source"]), ("fresh", None, None))
        self.sql("UPDATE token SET received_wall_ms = received_wall_ms - 600000, received_boot_id = ''")
        row = json.loads(self.fails(4, "token", "--json").stdout)[0]
        self.assertEqual((row["status"], row["refresh_expires_at"]), ("needs_person", None))
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"})
        self.assertEqual(json.loads(self.ok("token", "--json").stdout)[0]["status"], "due")

    def test_scopes_that_were_not_granted(self):
        """A person may untick some. Services leave out, shorten and order what they granted."""
        calendar, mail = "https://api.example.org/auth/calendar", "https://api.example.org/auth/mail.send"
        for asked, granted, lacks in (([calendar, mail, "openid"], "openid " + calendar, mail), (["a", "b", "c"], "c", "a b"),
                                      (["a"], ["b", "c"], "a"), (["Mail.Read"], "https://graph.example.org/Mail.ReadBasic", "Mail.Read"),
                                      ([calendar, mail, "email"], f"{mail} {calendar}", None), (["a", "b"], None, None), (["a"], "", None),
                                      (["repo", "user:email"], "user,repo", None), (["offline_access", "Mail.Read"], "mail.read", None),
                                      (["https://graph.example.org/Mail.Read"], "Mail.Read", None), (["https://x.example/.default"], "Y", None),
                                      (["a", "b"], ["b", "a"], None)):
            with self.subTest(asked=asked, granted=granted):
                service = self.service()
                service.first = {"scope": granted} if granted is not None else {"scope": ...}
                self.configure(service, scope=asked)
                done = self.ok("login", "books", "--device")
                said = re.search(r"does not name: (.*?); they may have been left out, or be implied by others", done.stderr)
                self.assertEqual(said and said[1], lacks)
                service.service.stop()

    def test_check_knows_that_nobody_has_signed_in(self):
        service = self.service()
        says = "connector 'books' has no refresh token, and nobody has signed in: jeton login books (--device | --import)"

        def warnings():
            found = json.loads(self.ok("check", "--json").stdout)["problems"]
            return [(problem["severity"], problem["message"]) for problem in found]
        self.configure(service)
        self.assertEqual(warnings(), [("warning", says)])
        self.assertFalse(os.path.exists(self.state))  # it is not made to look
        self.ok("login", "books", "--device")
        self.sql("UPDATE token SET access_token = NULL")
        self.assertEqual(warnings(), [])
        with open(os.path.join(self.folder, "jeton.yaml"), encoding="utf-8") as file:
            self.write("jeton.yaml", "name: shop\n" + file.read())
        self.assertEqual(warnings(), [])  # what belongs to the path will be moved
        self.configure(service)
        self.ok("logout", "books", "--local")
        self.assertEqual(warnings(), [("warning", says)])
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"})
        self.assertEqual(warnings(), [])
        self.configure(service, grant="client_credentials", device_url=None)
        self.assertEqual(warnings(), [])

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


def query_of(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, strict_parsing=True))


class Browsers(Login):
    def configure(self, service, **keys):
        super().configure(service, **{"device_url": None, "authorize_url": service.url + "/authorize", **keys})

    def open(self, *options):
        """A login that waits, and the URL that it printed."""
        process = self.start("-vv", "login", "books", *(options or ("--browser",)), stdin=subprocess.PIPE)
        return process, process.stdout.readline().decode().strip()

    def come_back(self, url, status=200, at=None, **query):
        """As a browser that is redirected; gives the page."""
        asked = query_of(url)
        query = {name: value for name, value in {"code": CODE, "state": asked["state"], **query}.items() if value}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open((at or asked["redirect_uri"]) + "?" + urllib.parse.urlencode(query), timeout=20) as page:
                found, text = page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                found, text = error.code, error.read().decode()
        self.assertEqual(found, status, text)
        return text

    def end(self, process, status=0, says=""):
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, status, err.decode())
        self.assertIn(says, (out + err).decode())
        for secret in (CODE, "access-token-1", "refresh-token-of-login", "client-secret: 100"):
            self.assertNotIn(secret, (out + err).decode())
        return err.decode()


class Browser(Browsers):
    def test_a_code_with_pkce(self):
        service = self.service()
        self.configure(service, audience="a", resource="urn:r", authorize_params={"prompt": "consent", "scope": "all"})
        process, url = self.open()
        asked = query_of(url)
        self.assertTrue(url.startswith(service.url + "/authorize?response_type=code&client_id=" + ID))
        self.assertRegex(asked["redirect_uri"], r"^http://127\.0\.0\.1:[1-9][0-9]*/callback$")
        self.assertEqual({name: asked[name] for name in ("code_challenge_method", "audience", "resource", "prompt", "scope")},
                         {"code_challenge_method": "S256", "audience": "a", "resource": "urn:r", "prompt": "consent",
                          "scope": "all"})
        self.assertRegex(asked["state"], "^[0-9a-f]{32}$")
        self.assertIn("You can close this page", self.come_back(url, iss=service.url))
        err = self.end(process, 0, "is signed in: its refresh token is stored")
        [form] = service.forms
        verifier = form.pop("code_verifier")
        self.assertNotIn(verifier, err)
        self.assertRegex(verifier, "^[A-Za-z0-9_-]{43}$")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        self.assertEqual(asked["code_challenge"], challenge)
        self.assertEqual(form, {"grant_type": "authorization_code", "code": CODE, "redirect_uri": asked["redirect_uri"],
                                "resource": "urn:r"})
        self.assertEqual(self.token()["source"], "cache")
        self.ok("token", "books", "--refresh")

    def test_the_scope_by_another_name(self):
        """Slack: `scope` is the bot's, and a person's is user_scope, with commas."""
        service = self.service()
        keys = {"preset": "slack-user", "client_id": "the-client", "client_secret": "secret-of-books",
                "token_url": service.url + "/token", "authorize_url": service.url + "/authorize"}
        for scope, asked in ((["chat:write", "users:read"], {"user_scope": "chat:write,users:read"}), (None, {})):
            self.write("jeton.yaml", json.dumps({"version": 1, "state": self.state, "connectors": {
                "books": {**keys, **({"scope": scope} if scope else {})}}}))
            process, url = self.open()
            self.assertEqual({name: text for name, text in query_of(url).items() if "scope" in name}, asked)
            process.terminate()
            process.communicate(timeout=30)

    def test_without_pkce_at_a_port(self):
        service = self.service()
        self.configure(service, pkce=False, client_auth="post", redirect_uri="http://localhost:0", scope=None)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process, url = self.open("--browser", "--port", str(port))
        self.assertEqual(sorted(query_of(url)), ["client_id", "redirect_uri", "response_type", "state"])
        self.assertEqual(query_of(url)["redirect_uri"], f"http://localhost:{port}")
        self.come_back(url, at=f"http://127.0.0.1:{port}/")
        self.end(process)
        self.assertEqual(service.forms[0], {"grant_type": "authorization_code", "code": CODE, "client_id": ID,
                                            "redirect_uri": f"http://localhost:{port}", "client_secret": "client-secret: 100 % é"})

    def test_what_is_not_of_this_sign_in(self):
        service = self.service()
        service.answers = [lambda form: time.sleep(1) or service.grant(form)]
        self.configure(service)
        process, url = self.open()
        asked = query_of(url)
        for query in ({"state": "0" * 32}, {"state": None}, {"state": asked["state"][:-1]}, {"code": None},
                      {"state": asked["state"] + "\0x"}, {"code": "a\0b"},
                      {"state": "0" * 32, "error": "access_denied", "code": None}, {"code": "a\nb"},
                      {"error": "access_denied", "code": None, "state": None}):
            self.come_back(url, 400, **query)
        self.come_back(url, 404, at=asked["redirect_uri"] + "/x")
        self.come_back(url, 404, at=asked["redirect_uri"].replace("/callback", "/"))
        self.assertEqual(service.forms, [])
        self.come_back(url)
        self.come_back(url, 404)                     # the same again, while the code is exchanged
        self.come_back(url, 404, code="another-code")
        self.end(process)
        self.assertEqual([form["code"] for form in service.forms], [CODE])
        with self.assertRaises(urllib.error.URLError):  # and nobody listens afterwards
            self.come_back(url)

    def test_the_issuer(self):
        service = self.service()
        self.configure(service, issuer="https://id.example.org/a")
        for issuer, status in (("https://id.example.org/", 4), (service.url, 4), ("https://id.example.org/a", 0)):
            process, url = self.open()
            self.come_back(url, iss=issuer)
            self.end(process, status)

    def test_no(self):
        for query, says in (({"error": "access_denied", "error_description": "nobody\x1b[31m said so"},
                             "the sign-in page answered: access_denied: nobody [31m said so"),
                            ({"iss": "https://other.example"}, "from another service (iss): https://other.example"),
                            ({"iss": "nothing"}, "from another service"),
                            ({"iss": "https://127.0.0.1"}, "from another service")):
            service = self.service()
            self.configure(service)
            process, url = self.open()
            self.assertIn("Not signed in", self.come_back(url, **query))
            self.end(process, 4, says)
            self.assertEqual(service.forms, [])
            self.assertIsNone(self.row())

    def test_a_code_that_the_service_does_not_take(self):
        def cut(_form):
            raise ConnectionError
        for answer, status, says in (((400, {}, {"error": "invalid_grant"}), 4, "invalid_grant"),
                                     ((200, {}, b"<html>Sign in</html>"), 6, "not JSON"),
                                     ((503, {}, b""), 6, "503 server error"),
                                     ((200, {}, {"access_token": ""}), 6, "makes no sense"), (cut, 5, "")):
            with self.subTest(says=says):
                service = self.service()
                service.answers = [answer]
                self.configure(service)
                process, url = self.open()
                self.come_back(url)
                self.end(process, status, says)
                self.assertEqual(len(service.forms), 1)  # a code is for one use
                self.assertIsNone(self.row())

    def test_a_url_that_is_pasted(self):
        service = self.service()
        self.configure(service, redirect_uri="https://books.example.org/back")
        process, url = self.open("--paste")
        self.assertEqual(query_of(url)["redirect_uri"], "https://books.example.org/back")
        back = f"https://books.example.org/back?code={CODE}&state={query_of(url)['state']}"
        process.stdin.write(back.encode() + b"#x \r\n")
        process.stdin.flush()
        self.end(process, 0, "is signed in")
        self.assertEqual(service.forms[0]["redirect_uri"], "https://books.example.org/back")

    def test_a_url_of_this_machine_that_is_pasted(self):
        taken = socket.create_server(("127.0.0.1", 0))  # here; the browser may be elsewhere
        self.addCleanup(taken.close)
        port = str(taken.getsockname()[1])
        for options, uri, expected in (((), None, "http://127.0.0.1:[1-9][0-9]*/callback"),
                                       (("--port", port), None, f"http://127.0.0.1:{port}/callback"),
                                       ((), f"http://localhost:{port}/x", f"http://localhost:{port}/x"),
                                       ((), "http://localhost", "http://localhost")):
            service = self.service()
            self.configure(service, redirect_uri=uri)
            process, url = self.open("--paste", *options)
            back = query_of(url)["redirect_uri"]
            self.assertRegex(back, f"^{expected}$")
            process.stdin.write(f"{back}?code={CODE}&state={query_of(url)['state']}".encode())
            self.end(process, 0, "is signed in")
            self.assertEqual(service.forms[0]["redirect_uri"], back)

    def test_what_is_pasted_and_is_not_it(self):
        service = self.service()
        self.configure(service, redirect_uri="https://books.example.org/back")
        for change, status, says in (
                (lambda back, url: CODE, 2, "does not begin with https://books.example.org/back?"),
                (lambda back, url: back.replace("books.example", "books.example.evil"), 2, "does not begin with"),
                (lambda back, url: back.replace("back?", "backs?"), 2, "does not begin with"),
                (lambda back, url: back[:-1], 2, "not from this sign-in (state)"),
                (lambda back, url: back.replace("code=", "kode="), 2, "holds no code"),
                (lambda back, url: back + "&error=access_denied", 4, "answered: access_denied"),
                (lambda back, url: back + "&iss=https://other.example", 4, "from another service"),
                (lambda back, url: "", 2, "does not begin with"), (lambda back, url: "x" * 20000, 2, "a line of over")):
            process, url = self.open("--paste")
            back = f"https://books.example.org/back?code={CODE}&state={query_of(url)['state']}"
            process.stdin.write(change(back, url).encode() + b"\n")
            process.stdin.flush()
            self.end(process, status, says)
        self.assertEqual(service.forms, [])

    def test_at_a_terminal(self):
        """Without a flag; what is pasted is not shown; there is another try."""
        service = self.service()
        self.configure(service, redirect_uri="https://books.example.org/back")
        terminal = self.start_at_terminal("login", "books")
        terminal.read_until(b"URL that the browser ended at: ")
        [url] = [line for line in terminal.shown.decode().split() if line.startswith(service.url)]
        terminal.type("https://nowhere.example/")
        terminal.read_until(b"does not begin with")
        terminal.shown = terminal.shown.split(b"does not begin with", 1)[1]
        terminal.read_until(b"URL that the browser ended at: ")
        terminal.type(f"https://books.example.org/back?code={CODE}&state={query_of(url)['state']}")
        terminal.read_until(b"is signed in")
        self.assertNotIn(CODE.encode(), terminal.shown)
        self.assertEqual(terminal.status(), 0)

    def test_others_do_not_keep_the_browser_out(self):
        """A program of this machine that opens connections and says nothing, or nonsense."""
        service = self.service()
        self.configure(service)
        process, url = self.open()
        there = urllib.parse.urlsplit(query_of(url)["redirect_uri"])
        held = [socket.create_connection((there.hostname, there.port)) for _ in range(100)]
        for number, connection in enumerate(held):
            self.addCleanup(connection.close)
            connection.settimeout(10)
            if number % 3:
                connection.sendall(b"GET / HTTP/1.1\r\nX: " if number % 3 == 1 else b"nonsense\r\n\r\n")
        self.assertEqual(held[0].recv(1), b"", "100 connections are open")
        self.come_back(url)
        self.end(process, 0, "is signed in")

    def test_nobody_comes(self):
        service = self.service()
        self.configure(service)
        self.fails(5, "login", "books", "--browser", says="nobody signed in within 10 minutes",
                   env={**self.quick(), "FAKETIME": "+0 x1000"})


class Import(Login):
    def test_one_that_is_replaced(self):
        service = self.service()
        self.configure(service)
        service.current = "refresh-token-of-somebody"
        done = self.ok("-vv", "login", "books", "--import", input="  refresh-token-of-somebody \r\n")
        self.assertIn("whoever else holds it loses it", done.stderr)
        self.assertIn("is signed in", done.stdout)
        self.assertNotIn("refresh-token-of-somebody", done.stdout + done.stderr)
        self.assertEqual(len(service.forms), 1)
        self.assertEqual(self.token()["source"], "cache")
        self.ok("token", "books", "--refresh")
        self.assertEqual([form["refresh_token"] for form in service.forms], ["refresh-token-of-somebody", "refresh-token-1"])

    def test_one_that_stays(self):
        service = self.service()
        service.rotates = False
        service.current = "refresh-token-of-somebody"
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"})
        self.ok("login", "books", "--import", input="refresh-token-of-somebody")
        self.ok("token", "books", "--refresh")
        self.assertEqual(service.forms[1]["refresh_token"], "refresh-token-of-somebody")

    def test_what_fails_changes_nothing(self):
        service = self.service()
        service.current = "refresh-token-0"
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"})
        self.ok("token", "books")
        before = self.row()
        for text in ("", "\n", "short\n", "refresh token of\n", "refresh-\x01token\n", "r\u00e9fresh-token\n"):
            self.fails(2, "login", "books", "--import", input=text)
        self.assertEqual(len(service.forms), 1)
        for answer, status in (((400, {}, {"error": "invalid_grant"}), 4), ((503, {}, b""), 6), ((200, {}, b"<html>"), 6)):
            service.answers = [answer]
            self.fails(status, "login", "books", "--import", input="refresh-token-of-somebody")
        self.assertEqual(len(service.forms), 4)
        self.assertEqual(self.row(), before)


    def all_intents(self):
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"))) as database:
            return database.execute("SELECT * FROM token_intent").fetchall()

    def imports(self, status, **options):
        return self.fails(status, "login", "books", "--import", input="refresh-token-of-somebody", **options)

    def test_what_is_spent_is_written_down_first(self):
        """As for every exchange: killed before it is sent, nothing is lost; after it, the next one says so."""
        service = self.service()
        service.current = "refresh-token-of-somebody"
        self.configure(service)
        self.imports(-9, program=support.JETON_FAULTY, env={"JETON_FAULT": "token-intent=kill"})
        self.assertEqual((service.forms, self.intents(), self.row()), ([], 1, None))

        def lose(form):
            service.grant(form)
            raise ConnectionError
        service.answers = [lose]
        self.imports(5, says=["the reply was lost", "before a reply came"])
        self.assertEqual((len(service.forms), self.intents(), self.row()), (1, 1, None))
        self.imports(4, says="reply lost at 20")
        self.assertEqual((len(service.forms), self.intents(), self.row()), (2, 0, None))
        service.dead, service.current = False, "refresh-token-of-somebody"
        self.imports(0)
        self.assertEqual(self.intents(), 0)

    def test_what_an_exchange_has_written_stays(self):
        service = self.service()
        service.current = "refresh-token-0"
        self.configure(service, refresh_token={"env": "BOOKS_REFRESH"}, retries=0)
        service.answers = [(503, {}, b"")]
        self.fails(6, "token", "books")
        before = self.all_intents()
        service.answers = [(400, {}, {"error": "invalid_grant"})]
        self.assertNotIn("reply lost", self.imports(4).stderr)
        self.assertEqual(self.all_intents(), before)
        self.assertEqual(self.token()["access_token"], "access-token-1")

    def test_a_disk_without_room(self):
        """What could not be stored is not asked for."""
        service = self.service()
        service.current = "refresh-token-of-somebody"
        self.configure(service)
        command = support.mount_namespace()
        if command is None:
            self.skipTest("needs a mount namespace, which is not to be had here")
        os.makedirs(self.state, mode=0o700)
        login = f"echo refresh-token-of-somebody | {support.JETON} login books --import"
        done = subprocess.run(
            [*command, "sh", "-c", f"mount -t tmpfs -o size=1m,mode=700 tmpfs {self.state} && {{ {support.JETON} token books; "
                                   f"cat /dev/zero >{self.state}/fill 2>/dev/null; {login}; }}"],
            capture_output=True, text=True, timeout=60, env=self.env, cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("the disk is full", done.stderr)
        self.assertEqual(service.forms, [])

    def test_what_came_for_one_that_is_spent_is_kept(self):
        service = self.service()
        service.current = "refresh-token-of-somebody"
        service.first = {"access_token": ""}
        self.configure(service)
        self.fails(6, "login", "books", "--import", input="refresh-token-of-somebody", says="the refresh token is kept")
        service.first = {}
        self.ok("token", "books", "--refresh")
        self.assertFalse(service.dead)
        service.first = {"where": "https://other.example/"}
        self.configure(service, reply={"endpoint": "/where"})
        self.fails(4, "login", "books", "--import", input=service.current, says="the refresh token is kept")
        service.first = {}
        self.ok("token", "books", "--refresh")
        self.assertFalse(service.dead)


class Who(Login):
    def sign_in(self, service, claims):
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)]
        service.first = {"id_token": ".".join(parts) + ".signature"}
        done = self.ok("-vv", "login", "books", "--device", env=self.quick())
        self.assertNotIn(parts[1], done.stdout + done.stderr)
        return "was signed in as somebody else before" in done.stderr

    def test_somebody_else(self):
        service = self.service()
        self.configure(service)
        alice = {"iss": service.url, "sub": "alice"}
        self.assertFalse(self.sign_in(service, alice))
        self.ok("token", "books", "--refresh")
        self.assertFalse(self.sign_in(service, alice))
        self.ok("logout", "books")
        self.assertTrue(self.sign_in(service, {**alice, "sub": "bob"}))
        self.assertFalse(self.sign_in(service, {**alice, "sub": "bob"}))
        self.assertTrue(self.sign_in(service, {**alice, "iss": "https://other.example"}))

    def test_what_says_nobody(self):
        service = self.service()
        self.configure(service)
        for token in ("x", "x.y", "..", ".e30.", "a.W10.b", "a.!!.b", 7, None, {"sub": "x"}, "a." + "A" * 1001 + ".b"):
            service.first = {"id_token": token}
            self.ok("login", "books", "--device", env=self.quick())
            self.assertIsNone(self.row()["subject_fingerprint"])


class Discovered(Browsers):
    def discovers(self, **change):
        service = self.service()
        found = {"issuer": service.url, "token_endpoint": service.url + "/token",
                 "authorization_endpoint": service.url + "/authorize",
                 "device_authorization_endpoint": service.url + "/device", **change}
        answer = service.answer
        service.service.script = lambda request: (
            (200, {}, found) if request["path"].startswith("/.well-known/") else answer(request))
        self.configure(service, issuer=service.url, token_url=None, authorize_url=None, device_url=None)
        return service

    def test_device(self):
        service = self.discovers()
        self.ok("login", "books", "--device")
        self.assertEqual(self.token()["source"], "cache")
        self.ok("token", "books", "--refresh")
        self.assertEqual(len(service.forms), 2)

    def test_browser(self):
        service = self.discovers()
        process, url = self.open()
        self.assertTrue(url.startswith(service.url + "/authorize?"))
        self.come_back(url, iss=service.url)
        self.end(process)

    def test_an_issuer_that_every_redirect_names(self):
        for promise, iss, status in ((True, None, 4), (True, ..., 0), (False, None, 0), ("true", None, 0)):
            service = self.discovers(authorization_response_iss_parameter_supported=promise)
            process, url = self.open()
            self.come_back(url, iss=service.url if iss is ... else None)
            self.end(process, status, "does not say which service" if status else "")

    def test_hosts_that_are_not_allowed(self):
        service = self.discovers(device_authorization_endpoint="https://other.example/device",
                                 authorization_endpoint="https://other.example/authorize")
        for way in ("--device", "--browser"):
            done = self.fails(4, "login", "books", way, says="token_hosts")
            self.assertNotIn("other.example", done.stdout)
        self.assertEqual(service.forms, [])

    def test_what_it_does_not_say(self):
        self.discovers(device_authorization_endpoint=None)
        self.fails(3, "login", "books", "--device", says="it needs 'device_url'")
        self.discovers(issuer="https://other.example")
        self.fails(4, "login", "books", "--device", says="as configured, to the byte")


class Logout(Login):
    def configure(self, service, **keys):
        super().configure(service, **{"revoke_url": service.url + "/revoke", "refresh_token": {"env": "BOOKS_REFRESH"}, **keys})

    def status(self):
        [found] = json.loads(self.jeton("token", "--json").stdout)
        return found["status"], found["reason"]

    def test_revoked_and_forgotten(self):
        service = self.service()
        service.current = "refresh-token-0"
        self.configure(service, client_auth="post")
        self.ok("token", "books")
        done = self.ok("-vv", "logout", "books")
        self.assertEqual(done.stdout, "connector 'books': its token is revoked at the service, and forgotten\n")
        self.assertNotIn("refresh-token-1", done.stderr)
        self.assertEqual(service.asked, [("/revoke", {"token": "refresh-token-1", "token_type_hint": "refresh_token",
                                                      "client_id": ID, "client_secret": "client-secret: 100 % \u00e9"})])
        row = self.row()
        self.assertEqual((row["refresh_token"], row["refresh_previous"], row["access_token"]), (None, None, None))
        self.assertEqual(self.status(), ("needs_person", "logged out"))
        for options in ((), ("--refresh",)):
            self.fails(4, "token", "books", *options, says="logged out at 20")
        self.assertEqual(len(service.forms), 1)
        self.assertIn("there was no token to revoke", self.ok("logout", "books").stdout)
        self.assertEqual(len(service.asked), 1)
        self.env["BOOKS_REFRESH"] = service.current  # another one than before
        self.ok("token", "books")
        self.assertEqual(self.status(), ("fresh", None))

    def test_a_login_ends_it(self):
        service = self.service()
        self.configure(service, refresh_token=None)
        self.ok("login", "books", "--device")
        self.ok("logout", "books")
        self.fails(4, "token", "books", says="sign in (jeton login)")
        self.ok("login", "books", "--device")
        self.ok("token", "books", "--refresh")
        self.assertEqual(service.asked[1][1]["token"], "refresh-token-of-login-1")

    def test_a_configured_one_that_was_never_used(self):
        service = self.service()
        self.configure(service)
        self.ok("logout", "books")
        self.assertEqual(service.asked[0][1]["token"], "refresh-token-0")
        self.fails(4, "token", "books", says="logged out")

    def test_a_service_that_fails(self):
        service = self.service()
        service.current = "refresh-token-0"
        self.configure(service)
        self.ok("token", "books")
        before = self.row()
        for answer, status in (((503, {}, b""), 5), ((429, {}, {"error": "slow"}), 5), ((400, {}, {"error": "invalid_client"}), 4),
                               ((404, {}, b"<html>"), 6), ((302, {"Location": "/"}, b""), 6),
                               ((200, {"Content-Type": "text/html"}, b"<html>"), 6), ((200, {}, {"error": "no"}), 4)):
            service.revocations = [answer]
            self.fails(status, "logout", "books", says="nothing was forgotten")
            self.assertEqual(self.row(), before)
        self.configure(service, revoke_url="http://127.0.0.1:1/revoke")
        self.fails(5, "logout", "books", says="nothing was forgotten")
        self.assertEqual(self.row(), before)
        self.ok("token", "books")
        done = self.ok("logout", "books", "--local")
        self.assertIn("forgotten here only: what was granted lives on", done.stdout)
        self.assertEqual(self.status(), ("needs_person", "logged out"))

    def test_what_was_dead_already(self):
        for answer in ((400, {}, {"error": "invalid_token"}), (204, {}, b""), (200, {}, {"ok": True})):
            service = self.service()
            self.configure(service)
            service.revocations = [answer]
            self.assertIn("is revoked", self.ok("logout", "books").stdout)

    def test_without_a_place_to_ask(self):
        service = self.service()
        service.current = "refresh-token-0"
        self.configure(service, revoke_url=None)
        self.ok("token", "books")
        self.assertIn("forgotten here only, for no revoke_url is known", self.ok("logout", "books").stdout)
        self.assertEqual(self.status(), ("needs_person", "logged out"))

    def test_discovered(self):
        service = self.service()
        answer = service.answer
        found = {"issuer": service.url, "token_endpoint": service.url + "/token", "revocation_endpoint": service.url + "/revoke"}
        service.service.script = lambda request: (
            (200, {}, found) if request["path"].startswith("/.well-known/") else answer(request))
        self.configure(service, revoke_url=None, token_url=None, issuer=service.url)
        self.assertIn("is revoked", self.ok("logout", "books").stdout)
        self.assertEqual(len(service.asked), 1)

    def test_it_waits_for_an_exchange(self):
        service = self.service()
        service.current = "refresh-token-0"
        service.answers = [lambda form: time.sleep(1) or service.grant(form)]
        self.configure(service)
        process = self.start("token", "books")
        support.wait_until(lambda: service.forms)
        self.ok("logout", "books")
        self.assertEqual(process.wait(20), 0)
        self.assertEqual(service.asked[0][1]["token"], "refresh-token-1")

    def test_other_grants_and_kaizala(self):
        service = self.service()
        self.daemon(service, revoke_url=service.url + "/revoke")
        self.ok("token", "books")
        self.ok("logout", "books")
        self.assertIsNone(self.row())
        self.ok("token", "books")
        box = self.sandbox()
        support.Case.configure(self, box.base)
        self.ok("token", "contoso")
        self.assertIn("forgotten here only: what was granted lives on at the service; end it there, in the settings of the "
                      "account; the next use takes the configured refresh token", self.ok("logout", "contoso").stdout)
        self.assertEqual(json.loads(self.ok("token", "contoso", "--json").stdout)["source"], "exchange")


class Usage(Browsers):
    def test_ways(self):
        service = self.service()
        self.configure(service)
        ways = "the ways to sign in there: --browser | --paste | --import"
        for way in ("--oauth", "--pin=+33100000001"):
            self.fails(2, "login", "books", way, says="provider 'oauth2'; " + ways)
        self.fails(2, "login", "books",
                   says="there is no terminal; say how connector 'books' signs in: --browser | --paste | --import\n")
        self.fails(2, "login", "books", "--device", "--browser", says="expected one of")
        self.fails(2, "login", "books", "--device", "--port", "1", says="--port is for --browser and --paste")
        self.fails(2, "login", "books", "--browser", "--port", "65536", says="--port: expected 0 to 65535")
        self.fails(3, "login", "books", "--device", says="it needs 'device_url'")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.fails(5, "login", "books", "--browser", "--port", str(taken.getsockname()[1]), says="in use")
        self.configure(service, authorize_url=None)
        for way in ("--browser", "--paste"):
            self.fails(3, "login", "books", way, says="it needs 'authorize_url'")
        self.fails(3, "token", "books", says="or sign in: jeton login books (--import)")
        self.configure(service, redirect_uri="https://books.example.org/back")
        self.fails(2, "login", "books", "--browser", says="not a port of this machine: use --paste")
        self.fails(2, "login", "books", "--paste", "--port", "1", says="use --paste, without --port")
        self.daemon(service, device_url=service.url + "/device")
        self.fails(3, "login", "books", "--device", says="grant: refresh_token")
        self.fails(2, "login", "books", "--pin=+33100000001", says="the ways to sign in there: none")
        self.configure_kaizala()
        for way in ("--device", "--browser", "--paste"):
            self.fails(2, "login", "contoso", way, says="the ways to sign in there: --pin PHONE | --oauth")
        self.fails(2, "login", "contoso", says="say how connector 'contoso' signs in: --pin PHONE | --oauth")

    def configure_kaizala(self):
        support.Case.configure(self, "http://127.0.0.1:1/v1")


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
