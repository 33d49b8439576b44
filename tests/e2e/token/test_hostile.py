"""Replies that no good service sends: a clear error, the right exit code, bounded memory, nothing stored."""

import email.utils
import json
import os
import sqlite3
import subprocess
import tempfile
import time
import unittest

import support
from oauth2 import OAuth2, REFRESH
from service import RawService, Service, reply

PEAK_KIB = 64 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def token(url, **changes):
    fields = {"accessToken": "access-token-of-the-service", "endpointUrl": url + "/",
              "accessTokenExpiry": int(time.time() * 1000) + 86400000, "refreshToken": "", "scope": "profile.read"}
    fields.update(changes)
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def send_forever(connection, chunk):
    while True:
        connection.sendall(chunk)


def drip(connection, data):
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(1)


class Hostile(support.Case):
    def measure(self, *args):
        """Exit status, standard error and peak memory (KiB) of one run."""
        with tempfile.TemporaryFile() as stderr:
            child = subprocess.Popen([support.JETON, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=stderr, env=self.env, cwd=self.folder)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            stderr.seek(0)
            return child.returncode, stderr.read().decode(errors="replace"), usage.ru_maxrss

    def check(self, script, status, says, **more):
        service = RawService(script)
        self.addCleanup(service.stop)
        self.service = service
        self.state = os.path.join(self.folder, "state" + str(service.port))
        self.configure(service.base, retries=0, **{"timeout": "2s", **more})
        began = time.monotonic()
        exit_status, stderr, peak = self.measure("token", "contoso")
        self.assertEqual(exit_status, status, stderr)
        self.assertIn(says, stderr)
        self.assertNotIn("\0", stderr)
        self.assertLess(time.monotonic() - began, 30)
        if not support.SANITIZED:
            self.assertLess(peak, PEAK_KIB)
        db = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        self.assertEqual(db.execute("SELECT * FROM token").fetchall(), [])
        db.close()

    def test_a_body_cut_short(self):
        self.check(lambda c, h: c.sendall(reply(b'{"accessToken":', length=1000)), 5, "cut short")

    def test_no_reply_at_all(self):
        self.check(lambda c, h: None, 5, "contoso")

    def test_an_endless_body(self):
        def script(connection, _):
            connection.sendall(HEAD + b"Connection: close\r\n\r\n")
            send_forever(connection, b" " * 65536)
        self.check(script, 5, "over")

    def test_an_endless_head(self):
        def script(connection, _):
            connection.sendall(HEAD)
            send_forever(connection, b"X-A: " + b"b" * 1000 + b"\r\n")
        self.check(script, 5, "header")

    def test_one_byte_a_second(self):
        self.check(lambda c, h: drip(c, reply(b"{}")), 5, "timed out")

    def test_a_body_of_one_byte_a_second(self):
        def script(connection, _):
            connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n")
            drip(connection, b" " * 100)
        self.check(script, 5, "timed out")

    def test_10_000_headers(self):
        extra = b"".join(b"X-%d: y\r\n" % i for i in range(10000))
        self.check(lambda c, h: c.sendall(reply(token(self.service.url), extra=extra)), 5, "header")

    def test_nul_bytes(self):
        self.check(lambda c, h: c.sendall(HEAD + b"X-A: b\0c\r\nContent-Length: 2\r\n\r\n{}"), 5, "NUL")
        self.check(lambda c, h: c.sendall(reply(b'{"accessToken":"abc\0defghi"}')), 6, "JSON")

    def test_no_http(self):
        self.check(lambda c, h: c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), 5, "contoso")
        self.check(lambda c, h: c.sendall(b"\x15\x03\x01\x00\x02\x02\x16"), 5, "contoso")

    def test_bad_json(self):
        for body in (b"", b"{", b"<html>", b"{'accessToken': 'x'}", b"\xff\xfe{}", b"nul", b"{} {}", b"\xef\xbb\xbf"):
            with self.subTest(body=body):
                self.check(lambda c, h, body=body: c.sendall(reply(body)), 6, "JSON")

    def test_deep_nesting(self):
        self.check(lambda c, h: c.sendall(reply(b"[" * 30000)), 6, "JSON")
        self.check(lambda c, h: c.sendall(reply(b'{"a":' * 10000 + b"1" + b"}" * 10000)), 6, "JSON")

    def test_wrong_shapes(self):
        for changes, says in (
                ({"accessToken": ""}, "accessToken"), ({"accessToken": ...}, "accessToken"),
                ({"accessToken": 5}, "accessToken"), ({"accessToken": ["x" * 20]}, "accessToken"),
                ({"accessToken": "with\r\nEvil: header"}, "accessToken"),
                ({"endpointUrl": ...}, "endpointUrl"), ({"endpointUrl": "not a url"}, "endpointUrl"),
                ({"endpointUrl": "https://user:pw@host/"}, "endpointUrl"), ({"endpointUrl": "file:///etc"}, "endpointUrl"),
                ({"endpointUrl": "http://127.0.0.1:9/?x=1"}, "endpointUrl"),
                ({"endpointUrl": "http://127.0.0.1:9/#x"}, "endpointUrl"),
                ({"endpointUrl": "https://b\u00fccher.example/"}, "xn-- form"),
                ({"endpointUrl": ["x"]}, "endpointUrl"), ({"accessTokenExpiry": 2 ** 63 - 1}, "accessTokenExpiry"),
                ({"accessTokenExpiry": -2 ** 63}, "accessTokenExpiry"), ({"accessTokenExpiry": 0}, "accessTokenExpiry"),
                ({"accessTokenExpiry": {}}, "accessTokenExpiry"),
                ({"accessTokenExpiry": ...}, "accessTokenExpiry"),
                ({"accessTokenExpiry": str(int(time.time() * 1000) + 86400000)}, "accessTokenExpiry"),
                ({"accessTokenExpiry": 1e400}, "accessTokenExpiry"), ({"accessTokenExpiry": True}, "accessTokenExpiry"),
                ({"accessTokenExpiry": -1}, "accessTokenExpiry"),
                ({"refreshToken": {}}, "refreshToken"), ({"scope": ["a"]}, "scope")):
            with self.subTest(changes=changes):
                self.check(lambda c, h, changes=changes: c.sendall(reply(token(self.service.url, **changes))), 6, says)
        for body in (b"[]", b"5", b'"x"', b"null"):
            with self.subTest(body=body):
                self.check(lambda c, h, body=body: c.sendall(reply(body)), 6, "JSON object")

    def test_expired_by_the_replys_own_date(self):
        future = email.utils.formatdate(time.time() + 90000, usegmt=True).encode()
        self.check(lambda c, h: c.sendall(reply(token(self.service.url), date=False, extra=b"Date: " + future + b"\r\n")),
                   6, "accessTokenExpiry")

    def test_no_date_at_all_means_local_time(self):
        service = RawService(lambda c, h: c.sendall(reply(token(service.url), date=False)))
        self.addCleanup(service.stop)
        self.configure(service.base, retries=0)
        self.ok("token", "contoso")

    def test_an_api_reply_is_bounded_too(self):
        def script(connection, head):
            if b"/accessToken" in head:
                connection.sendall(reply(token(service.url)))
                return
            connection.sendall(HEAD + b"Connection: close\r\n\r\n")
            send_forever(connection, b" " * 1048576)
        service = RawService(script)
        self.addCleanup(service.stop)
        self.configure(service.base, retries=0)
        status, stderr, peak = self.measure("api", "users/me")
        self.assertEqual(status, 5, stderr)
        self.assertIn("over", stderr)
        if not support.SANITIZED:
            self.assertLess(peak, 3 * PEAK_KIB)


# Values of a member, as JSON has them; None: the member is not there.
ABSENT = (None, "null", '""')
NOTHING = (*ABSENT, "false", "[]", "{}")  # as some languages write it
NUL = r'"a\u0000d"'
NO_TEXTS = ("true", "-1", "0", "9007199254740993", "9223372036854775807", "18446744073709551616", "1e400", "5e-324",
            "[]", "{}", '{"a": {"b": [1]}}', '["x", 5, null]', "false")
# NaN is no JSON, and read as a text. The last one makes the whole reply too large.
TEXTS = (NUL, "NaN", '"NaN"', '"-1"', '"2e308"', '"9e99 0"', r'"a\nb\u001b[31mc"', r'"\ud800 half"', '"\udc80"', '"\x07bell"',
         '"' + "y" * 20000 + '"', '"' + "y" * 1000000 + '"')


class Fields(OAuth2):
    """Each member of a token reply in turn is something else: its documented meaning or a clear error, and a new refresh
    token that came is kept, whatever is wrong with the rest."""

    def try_all(self, fields, connector, grant):
        """grant(body, headers) answers one exchange; fields: {name: status by value}."""
        self.held = REFRESH
        for number, (field, status_of) in enumerate(fields.items()):
            for at, value in enumerate((*ABSENT, *NO_TEXTS, *TEXTS)):
                with self.subTest(field=field, value=value and value[:40]):
                    came = f"refresh-token-{number}-{at}"
                    members = {name: json.dumps(good) for name, good in self.good(came).items()}
                    members[field] = value
                    grant(", ".join(f'"{name}": {text}' for name, text in members.items() if text is not None))
                    self.try_one(connector, 5 if value and len(value) > 65536 else status_of(value),
                                 self.held if "refresh" in field.lower() and "expires" not in field else came)

    def try_one(self, connector, status, came):
        done = self.jeton("token", connector, "--refresh", "--json", "--show")
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertTrue(all(c.isprintable() or c == "\n" for c in done.stderr), ascii(done.stderr))
        self.assertNotIn(came, done.stderr)
        self.assertEqual(self.sent[-1], self.held)
        if status == 0:
            self.assertEqual(json.loads(done.stdout)["access_token"], "access-token-1")
        else:
            self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))
        if status in (0, 6):
            self.held = came
        self.assertEqual(self.row()["refresh_token"], self.held)

    def test_oauth2(self):
        def good(refresh):
            return {"access_token": "access-token-1", "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600,
                    "refresh_token_expires_in": 86400, "scope": "a b", "endpoint": grants.url + "/api", "ok": True}

        def answer(body):
            grants.answers = [(200, {}, ("{" + body + "}").encode("utf-8", "surrogateescape"))]
        grants = self.grants()
        self.good, self.sent = good, []
        self.books(grants, reply={"endpoint": "/endpoint"}, retries=0)
        answers = grants.answer
        grants.service.script = lambda request: (self.sent.append(grants.read(request)["refresh_token"]), answers(request))[1]
        passes = lambda value: 0
        self.try_all({
            "access_token": lambda value: 6, "token_type": passes, "expires_in": passes, "refresh_token_expires_in": passes,
            "refresh_token": lambda value: 0 if value in NOTHING else 6, "scope": passes, "error_description": passes,
            "endpoint": lambda value: 0 if value in NOTHING else 6, "ok": lambda value: 4 if value == "false" else 0,
            "error": lambda value: 0 if value in (*NOTHING, "0") else 4}, "books", answer)

    def test_oauth2_tokens_in_the_words_of_an_error(self):
        grants = self.grants()
        self.books(grants, retries=0)
        for name in ("access_token", "refresh_token", "id_token"):
            body = {"error": "busy", name: "a-token-beside-an-error", "error_description": "not a-token-beside-an-error, sorry"}
            grants.answers = [(400, {}, json.dumps(body).encode())]
            self.fails(4, "token", "books", "--refresh", says="busy: not ********, sorry")

    def test_kaizala(self):
        def good(refresh):
            return {**service.token(), "accessToken": "access-token-1", "refreshToken": refresh}

        def answer(body):
            service.script = lambda request: (self.sent.append(request["headers"]["refreshToken"]), (
                200, {}, ("{" + body + "}").encode("utf-8", "surrogateescape")))[1]
        service = Service()
        self.addCleanup(service.stop)
        self.good, self.sent = good, []
        self.configure(service.base, REFRESH, retries=0)
        refused = lambda value: 6
        self.try_all({"accessToken": refused, "endpointUrl": refused, "accessTokenExpiry": refused,
                      "refreshToken": lambda value: 0 if value in ABSENT else 6,
                      "scope": lambda value: 0 if value in (*ABSENT, *TEXTS) and value != NUL else 6}, "contoso", answer)


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
