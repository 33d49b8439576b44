"""No byte of a secret, refresh or access token in output, or in any file but the store: whatever goes wrong."""

import base64
import hashlib
import json
import os
import unittest
import urllib.parse

import support
from service import Service

SECRET = "SECRET/of+the=app"
REFRESH = "refresh-token/of+contoso==0123"
ACCESS = "access.token/of+contoso==4567"
ROTATED = "rotated-refresh/token+of==89ab"
LONG = "".join(hashlib.sha256(b"%d" % i).hexdigest() for i in range(24))  # 1536 bytes: a JWT is no shorter
PIECE = 12  # bytes of a secret that tell something of it


def forms(secret):
    """What a leak may look like."""
    raw = secret.encode()
    yield raw
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote(secret, safe="/").encode()
    yield json.dumps(secret)[1:-1].replace("/", "\\/").encode()
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")


class Secrets(support.Case):
    def setUp(self):
        super().setUp()
        self.api = None
        self.exchange = None
        self.service = Service(self.answer)
        self.addCleanup(self.service.stop)
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  contoso:
    provider: kaizala
    token_service: {self.service.base}
    application_id: {support.APPLICATION_ID}
    application_secret: "{SECRET}"
    refresh_token: {{ file: refresh }}
    retries: 1
""")
        self.write("refresh", REFRESH + "\n")

    def answer(self, request):
        if request["path"].lower().endswith("/accesstoken"):
            if self.exchange is not None:
                return self.exchange(request)
            return 200, {}, self.service.token(accessToken=ACCESS, refreshToken=ROTATED)
        return self.api(request) if self.api is not None else None

    def assert_nothing_leaks(self, *args, **options):
        """In text and as JSON, with all that -vv shows."""
        statuses = set()
        for form in ("text", "json"):
            done = self.jeton("-vv", "--log-format", form, *args, **options)
            statuses.add(done.returncode)
            for where, text in (("stdout", done.stdout), ("stderr", done.stderr)):
                for secret in (SECRET, REFRESH, ACCESS, ROTATED):
                    for leak in forms(secret):
                        self.assertNotIn(leak, text.encode(errors="surrogateescape"), f"{where}: {text}")
            self.assertGreater(len(done.stderr), 0)
            if form == "json":
                for line in done.stderr.splitlines():
                    json.loads(line)
        for root, _, files in os.walk(self.folder):
            for name in files:
                if name.startswith("jeton.db") or name in ("jeton.yaml", "refresh"):
                    continue
                with open(os.path.join(root, name), "rb") as file:
                    data = file.read()
                for secret in (SECRET, REFRESH, ACCESS, ROTATED):
                    self.assertNotIn(secret.encode(), data, name)
        return statuses

    @staticmethod
    def echo(request):
        """A reply that plays back every secret that came with the request, as it was and encoded."""
        found = [value for name, value in request["headers"].items()
                 if name.lower() in ("applicationid", "applicationsecret", "refreshtoken", "accesstoken")]
        return {"message": "bad " + " ".join(found), "errorCode": found[0],
                "encoded": [urllib.parse.quote(value, safe="") for value in found] +
                           [base64.b64encode(value.encode()).decode() for value in found]}

    def test_success(self):
        self.assertEqual(self.assert_nothing_leaks("api", "users/me"), {0})
        self.assertEqual(self.assert_nothing_leaks("token", "contoso"), {0})
        self.assertEqual(self.assert_nothing_leaks("token", "contoso", "--refresh"), {0})

    def test_show_shows_it_when_asked(self):
        self.assertIn(ACCESS, self.ok("token", "contoso", "--show").stdout)
        self.assertNotIn(ACCESS, self.ok("token", "contoso").stdout)

    def test_refusals_that_play_it_back(self):
        for status, expected in ((400, 6), (401, 4), (403, 4), (404, 6), (500, 6)):
            self.api = lambda r, status=status: (status, {"X-Echo": ACCESS}, self.echo(r))
            with self.subTest(status=status):
                self.assertEqual(self.assert_nothing_leaks("api", "users/me"), {expected})

    def test_an_exchange_that_plays_it_back(self):
        for status, expected in ((400, 4), (401, 4), (403, 4), (404, 6), (500, 6), (200, 6)):
            self.exchange = lambda r, status=status: (status, {"X-Echo": REFRESH}, self.echo(r))
            with self.subTest(status=status):
                self.assertEqual(self.assert_nothing_leaks("token", "contoso"), {expected})

    def test_a_moved_service_that_plays_it_back(self):
        place = urllib.parse.quote(REFRESH, safe="")
        for location in (f"https://elsewhere.example/{place}", f"http://127.0.0.1:1/{place}?x={place}", f"ftp://{place}"):
            self.exchange = lambda r, location=location: (308, {"Location": location}, {})
            with self.subTest(location=location):
                self.assertTrue(self.assert_nothing_leaks("token", "contoso") <= {4, 6})

    def test_an_endpoint_that_is_not_allowed(self):
        self.exchange = lambda r: (200, {}, self.service.token(accessToken=ACCESS, refreshToken=ROTATED,
                                                               endpointUrl="https://elsewhere.example/" + ROTATED))
        self.assertEqual(self.assert_nothing_leaks("api", "users/me"), {4})

    def test_bad_secrets(self):
        self.write("refresh", "bad\x01" + REFRESH)
        self.assertEqual(self.assert_nothing_leaks("token", "contoso"), {3})

    def test_a_script_that_fails_with_it(self):
        script = self.write("fail.lua", """
            local t = assert(require "jeton.token".get())
            require "jeton.log".error("the token is " .. t.access_token, { token = t.access_token })
            local function deep(token) error("no good: " .. token) end
            deep(t.access_token)
            """)
        self.assertEqual(self.assert_nothing_leaks("run", script), {1})

    def assert_no_piece_leaks(self, *args):
        for form in ("text", "json"):
            done = self.jeton("-vv", "--log-format", form, *args)
            for start in range(len(LONG) - PIECE):
                self.assertNotIn(LONG[start:start + PIECE], done.stdout + done.stderr)
        return done.returncode

    def test_no_cut_leaves_the_beginning_of_a_token(self):
        self.exchange = lambda r: (200, {}, self.service.token(accessToken=LONG, refreshToken=ROTATED))
        for before in ("", "x" * 40, "x" * 450, "x" * 2000):
            with self.subTest(before=len(before)):
                self.api = lambda r, before=before: (400, {}, {"message": before + LONG, "errorCode": LONG})
                self.assertEqual(self.assert_no_piece_leaks("api", "users/me"), 6)
                self.assertEqual(self.assert_no_piece_leaks("api", "users/me/" + before + LONG), 6)
        self.exchange = lambda r: (400, {}, {"message": "x" * 30 + LONG, "errorCode": "x" + LONG})
        self.assertEqual(self.assert_no_piece_leaks("api", "users/me"), 6)  # from the cache
        self.assertEqual(self.assert_no_piece_leaks("token", "contoso", "--refresh"), 4)

    def test_no_cut_of_an_error_in_a_script(self):
        self.exchange = lambda r: (200, {}, self.service.token(accessToken=LONG))
        self.api = lambda r: (400, {}, {"message": LONG, "errorCode": LONG})
        for line in ("error('token ' .. t)", "error(('x'):rep(900) .. t)", "error { message = t }",
                     "load('local t = \"' .. t .. '\" error(t)')()", "load('local \"' .. t .. '\"', '=' .. t)()",
                     "assert(load('local \"' .. t .. '\"'))", "require(t)", "io.open(t .. '/x'):read()",
                     "assert(http.request { connector = true, path = 'x/' .. t })",
                     "assert(http.request { connector = true, path = 'x', query = { t = t } })",
                     "assert(http.request { url = 'http://127.0.0.1:1/' .. t })",
                     "assert(http.request { url = 'http://a b/' .. t })",
                     "assert(require 'jeton.json'.decode(t))", "require 'jeton.state'.get(t)",
                     "assert(require 'jeton.token'.get(t))"):
            script = self.write("fail.lua", """
                local http = require "jeton.http"
                local t = assert(require "jeton.token".get()).access_token
                """ + line + "\n")
            with self.subTest(line=line):
                self.assertGreater(self.assert_no_piece_leaks("run", script), 0)

    def test_a_configuration_that_cannot_be_read(self):
        for wrong in (f"application_secret: {{{SECRET}}}", f"application_secret: {{ {SECRET}: }}",
                      f"application_secret: [{SECRET}]", f"application_secret {SECRET}",
                      f"application_secret: {{ command: {SECRET} }}", f"application_secret: {{ env: '{SECRET}' }}",
                      f"application_secret: {SECRET}: 1", f"application_secret: '{SECRET}"):
            self.write("jeton.yaml", f"""\
version: 1
connectors:
  contoso:
    token_service: {self.service.base}
    application_id: {support.APPLICATION_ID}
    refresh_token: {{ file: refresh }}
    {wrong}
""")
            with self.subTest(wrong=wrong):
                for args in (["check"], ["check", "--json"], ["token", "contoso"]):
                    done = self.jeton(*args)
                    self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                    self.assertNotIn(SECRET, done.stdout + done.stderr)

    def test_a_dry_run(self):
        script = self.write("dry.lua", """
            local t = assert(require "jeton.token".get())
            assert(require "jeton.http".request{ connector = true, method = "POST", path = "x",
              json = { token = t.access_token } })
            """)
        self.assertEqual(self.assert_nothing_leaks("run", "--dry-run", script), {0})
        self.assertEqual([r for r in self.service.received if r["method"] == "POST"], [])

    def test_a_command_that_fails(self):
        with open(os.path.join(self.folder, "jeton.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text.replace("{ file: refresh }",
                                              f"{{ command: [sh, -c, 'echo {REFRESH}; echo {REFRESH} >&2; exit 3'] }}"))
        # The command line itself is the user's own text; the test looks at what the command printed.
        done = self.jeton("token", "contoso")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("3", done.stderr)
        self.assertNotIn(REFRESH, done.stdout + done.stderr)


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
