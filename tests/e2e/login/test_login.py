"""`jeton login`: by PIN and by OAuth, against the sandbox."""

import contextlib
import html
import http.cookiejar
import json
import os
import re
import sqlite3
import subprocess
import unittest
import urllib.error
import urllib.parse
import urllib.request

import support

PHONE = "+33100000002"
SECRETS = (support.APPLICATION_SECRET, support.MEMBER_TOKEN)


class LoginCase(support.Case):

    def setUp(self):
        super().setUp()
        self.box = self.sandbox("--rate-limit", "0")
        self.configure()

    def configure(self, refresh_token=None):
        line = f"    refresh_token: {refresh_token}\n" if refresh_token else ""
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  contoso:
    token_service: {self.box.base}
    application_id: {support.APPLICATION_ID}
    application_secret: {support.APPLICATION_SECRET}
{line}""")

    def messages(self, phone=PHONE):
        _, _, body = self.box.call("GET", "/_sandbox/sms?phone=" + urllib.parse.quote(phone))
        return json.loads(body)["sms"]

    def pin(self, count=1, phone=PHONE):
        """The PIN of the count-th SMS, when it is there."""
        support.wait_until(lambda: len(self.messages(phone)) >= count)
        return re.search(r"\d{6}", self.messages(phone)[count - 1]["text"]).group()

    def me(self):
        return json.loads(self.ok("api", "users/me").stdout)["mobileNumber"]

    def login(self, *args):
        return self.start("-vv", "login", "contoso", *args, stdin=subprocess.PIPE)

    def end(self, process, text=b"", status=0, *secrets):
        """Sends the text, waits; gives both outputs. They hold no secret."""
        out, err = process.communicate(text, timeout=60)
        self.assertEqual(process.returncode, status, err.decode())
        for secret in (*SECRETS, *secrets):
            self.assertNotIn(secret, (out + err).decode())
        self.assertNotRegex(err.decode(), r"eyJ[\w-]{10}")
        return out.decode(), err.decode()

    def stored(self):
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"))) as db:
            return db.execute("SELECT refresh_token FROM token").fetchall()


    def place(self):
        """Where the token service has moved to, as it is remembered."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"))) as db:
            return db.execute("SELECT service_override FROM token").fetchone()[0]


class Pin(LoginCase):

    def test_on_standard_input(self):
        self.fails(3, "token", "contoso", says=["no refresh token", "jeton login contoso"])
        process = self.login("--pin", PHONE)
        pin = self.pin()
        out, err = self.end(process, f" {pin} \n".encode(), 0, pin)
        self.assertIn("contoso", out)
        self.assertIsNone(self.place())
        (token,), = self.stored()
        self.assertNotIn(token, out + err)
        self.assertEqual(self.me(), PHONE)

    def test_a_wrong_one(self):
        process = self.login("--pin", PHONE)
        pin = self.pin()
        wrong = str((int(pin) - 100000 + 1) % 900000 + 100000)
        _, err = self.end(process, f"{wrong}\n".encode(), 4, wrong)
        self.assertIn("InvalidPin", err)
        self.assertIn("contoso", err)
        self.fails(3, "token", "contoso")

    def test_what_is_no_pin(self):
        for text in (b"", b"\n", b"twelve\n", b"12 34\n"):
            with self.subTest(text):
                process = self.login("--pin", PHONE)
                _, err = self.end(process, text, 2)
                self.assertIn("PIN", err)

    def test_a_bad_number_sends_nothing(self):
        for phone in ("0100000002", "+0100000002", "+33", "+33100000002x", ""):
            self.fails(2, "login", "contoso", "--pin", phone, says="+33100000001")
        self.assertEqual(self.messages(), [])

    def test_the_service_refuses(self):
        for _ in range(5):
            self.box.call("POST", "/v1/generatePin",
                          {"mobileNumber": PHONE, "applicationId": support.APPLICATION_ID})
        _, err = self.end(self.login("--pin", PHONE), b"", 6)
        self.assertIn("429", err)

    def test_a_service_that_moved(self):
        self.box.steer("switches", {"api_redirect": "full"})
        process = self.login("--pin", PHONE)
        self.end(process, f"{self.pin()}\n".encode())
        self.assertEqual([request["path"] for request in self.box.requests()],
                         ["/v1/generatePin", "/moved/v1/generatePin", "/moved/v1/loginWithPinAndApplicationId",
                          "/moved/v1/accessToken"])
        self.assertEqual(self.place(), self.box.url + "/moved/v1")
        self.assertEqual(self.me(), PHONE)

    def test_a_service_that_moved_to_a_host_that_is_not_allowed(self):
        self.box.steer("switches", {"api_redirect": {"kind": "full", "to": "https://evil.example"}})
        _, err = self.end(self.login("--pin", PHONE), b"", 4)
        self.assertIn("evil.example", err)

    def test_at_a_terminal_without_echo(self):
        terminal = self.start_at_terminal("login", "contoso", "--pin", PHONE)
        terminal.read_until(b"PIN (it came by SMS): ")
        pin = self.pin()
        wrong = str((int(pin) - 100000 + 1) % 900000 + 100000)
        terminal.type(wrong)
        terminal.read_until(b"InvalidPin")
        terminal.shown = terminal.shown.split(b"InvalidPin", 1)[1]
        terminal.read_until(b"PIN (it came by SMS): ")
        terminal.type(pin)
        terminal.read_until(b"is signed in")
        self.assertNotIn(pin.encode(), terminal.shown)
        self.assertEqual(terminal.status(), 0)


class Kept(LoginCase):

    def sign_in(self, phone=PHONE, count=1):
        process = self.login("--pin", phone)
        self.end(process, f"{self.pin(count, phone)}\n".encode())

    def test_it_stands_in_for_the_configured_one_until_that_changes(self):
        self.configure(support.TENANT_TOKEN)
        self.assertEqual(self.me(), "+33100000001")
        self.sign_in()
        self.assertEqual(self.me(), PHONE)
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(self.me(), PHONE)
        self.configure(support.GROUP_TOKEN)
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(self.me(), "+33100000001")

    def test_one_that_is_configured_later_wins(self):
        self.sign_in()
        self.configure(support.TENANT_TOKEN)
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(self.me(), "+33100000001")

    def test_it_takes_the_place_of_the_one_before(self):
        self.sign_in()
        self.sign_in("+33100000001")
        self.assertEqual(self.me(), "+33100000001")
        self.assertEqual(len(self.stored()), 1)

    def test_it_rotates_like_others(self):
        self.sign_in()
        before = self.stored()
        self.box.steer("switches", {"single_use_refresh_tokens": True})
        for _ in range(3):
            self.ok("token", "contoso", "--refresh")
        self.assertNotEqual(self.stored(), before)
        self.assertEqual(self.me(), PHONE)


class Oauth(LoginCase):

    def open(self):
        """A login that waits: the process and the address that it printed."""
        process = self.login("--oauth")
        return process, process.stdout.readline().decode().strip()

    def browse(self, url, follow):
        """Signs in as a browser would; gives the final address."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *args):
                return super().redirect_request(*args) if follow else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), Stay(),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

        def submit(page, **more):
            hidden = re.findall(r'name="([^"]*)" type="hidden" value="([^"]*)"', page)
            fields = {**{html.unescape(n): html.unescape(v) for n, v in hidden}, **more}
            return opener.open(url.split("?")[0], urllib.parse.urlencode(fields).encode(), timeout=20)
        with opener.open(url, timeout=20) as page:
            page = page.read().decode()
        with submit(page, phone=PHONE) as page:
            page = page.read().decode()
        try:
            with submit(page, pin=self.pin()) as page:
                return page.geturl(), page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.headers["Location"], ""

    def code_of(self, location):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"][0]

    def test_the_redirect(self):
        process, url = self.open()
        location, page = self.browse(url, follow=True)
        self.assertIn("You can close this page", page)
        self.assertNotIn("Signed in", page)  # that is known once the code is exchanged
        out, _ = self.end(process, b"", 0, self.code_of(location))
        self.assertIn("is signed in", out)
        self.assertEqual(self.me(), PHONE)

    def test_a_pasted_code(self):
        process, url = self.open()
        location, _ = self.browse(url, follow=False)
        code = self.code_of(location)
        self.end(process, f"\n  {code} \n".encode(), 0, code)
        self.assertEqual(self.me(), PHONE)

    def test_a_service_that_moved(self):
        process, url = self.open()
        location, _ = self.browse(url, follow=False)
        self.box.steer("switches", {"api_redirect": "full"})
        self.end(process, f"{self.code_of(location)}\n".encode())
        self.assertEqual(self.place(), self.box.url + "/moved/v1")
        self.assertEqual([request["path"] for request in self.box.requests("/accessToken")],
                         ["/moved/v1/accessToken"])
        self.assertEqual(self.me(), PHONE)

    def test_a_pasted_address(self):
        process, url = self.open()
        location, _ = self.browse(url, follow=False)
        self.end(process, location.encode(), 0, self.code_of(location))
        self.assertEqual(self.me(), PHONE)

    def test_a_code_that_is_wrong(self):
        process, _ = self.open()
        _, err = self.end(process, b"no-such-code\n", 4)
        self.assertIn("InvalidCode", err)

    def test_what_comes_with_another_state_is_not_taken(self):
        process, url = self.open()
        back = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"][0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for tail in ("?code=forged-code", "?code=forged-code&state=", "?code=forged-code&state=" + "0" * 32,
                     "?error=no&state=0", "", "other?code=forged-code"):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                opener.open(back + tail, timeout=20)
            raised.exception.close()
            self.assertIn(raised.exception.code, (400, 404))
        process.stdin.write((back + "?code=forged-code&state=1\n").encode())
        process.stdin.flush()
        location, _ = self.browse(url, follow=True)
        self.end(process, b"", 0, self.code_of(location))
        self.assertEqual(self.me(), PHONE)

    def test_the_page_says_no(self):
        process, url = self.open()
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{query['redirect_uri'][0]}?error=access_denied&state={query['state'][0]}",
                         timeout=20) as page:
            self.assertIn("Not signed in", page.read().decode())
        _, err = self.end(process, b"", 4)
        self.assertIn("access_denied", err)


class Usage(LoginCase):

    def test_one_way_is_needed(self):
        for more in ((), ("--oauth", "--pin", PHONE)):
            self.fails(2, "login", "contoso", *more, says="--pin PHONE")
        self.fails(2, "login", "--oauth")
        self.fails(3, "login", "other", "--oauth", says="other")

    def test_secrets_are_read_before_anybody_is_asked(self):
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  contoso:
    token_service: {self.box.base}
    application_id: {support.APPLICATION_ID}
    application_secret: {{ file: none }}
""")
        self.fails(3, "login", "contoso", "--pin", PHONE, says="application_secret")
        self.assertEqual(self.messages(), [])


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
