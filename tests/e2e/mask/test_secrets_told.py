"""The failures of the other files once more, with all that -vv tells, as JSON: no byte of a secret in it."""

import json
import os
import sqlite3
import subprocess
import unittest
import urllib.parse

import oauth2
import support
import test_hostile
import test_oauth2_login
import test_policy
import test_store
import test_tls
import test_tokens

CONFIGURED = (support.APPLICATION_SECRET, support.TENANT_TOKEN, support.MEMBER_TOKEN, support.GROUP_TOKEN,
              "access-token-of-the-service")
TELL_ALL = ("-vv", "--log-format", "json")


class Told(support.Case):
    """Put before a class of tests: their runs tell all, and are looked through."""

    def jeton(self, *args, **options):
        done = super().jeton(*TELL_ALL, *args, **options)
        self.look_through(done.stdout, done.stderr)
        return done

    def secrets(self):
        """Those that the tests configure, and what the store has got."""
        secrets = set(CONFIGURED)
        try:
            db = sqlite3.connect(f"file:{self.state}/jeton.db?mode=ro", uri=True)
            for row in db.execute("SELECT access_token, refresh_token, refresh_previous FROM token"):
                secrets.update(value for value in row if value)
            db.close()
        except sqlite3.Error:
            pass  # none yet, or one that a test has damaged
        return secrets

    def look_through(self, stdout, stderr):
        secrets = self.secrets()
        for line in stderr.splitlines():
            json.loads(line)
        for secret in secrets:
            self.assertNotIn(secret, stdout)
            self.assertNotIn(secret, stderr)
        for root, _, files in os.walk(self.folder):
            for name in files:
                if name.startswith("jeton.db") or name.endswith((".yaml", ".lua", ".pem")) or name == "refresh":
                    continue
                with open(os.path.join(root, name), "rb") as file:
                    data = file.read()
                for secret in secrets:
                    self.assertNotIn(secret.encode(), data, name)


class Refusals(Told, test_policy.Refusals):
    pass


class Throttling(Told, test_policy.Throttling):
    pass


class Moved(Told, test_policy.Moved):
    pass


class Hosts(Told, test_policy.Hosts):
    pass


class Tls(Told, test_tls.Tls):
    pass


class Store(Told, test_store.State):
    pass


class Accidents(Told, test_tokens.Accidents):
    pass


class Hostile(Told, test_hostile.Hostile):
    def measure(self, *args):
        done = self.jeton(*args)
        return done.returncode, done.stderr, 0


SENT = ("client_secret", "refresh_token", "code", "code_verifier", "device_code", "assertion", "client_assertion",
        "subject_token", "actor_token")
TELLS = """\
local token, log = require "jeton.token", require "jeton.log"
local text = assert(token.get "books").access_token
log.warn("the token is " .. text)
print(text, os.getenv "BOOKS_SECRET", os.getenv "BOOKS_REFRESH")
error("failed with " .. text)
"""


class OAuth2(Told, test_oauth2_login.Browsers):
    """The service says all that it is sent once more, in refusals and failures."""

    def setUp(self):
        super().setUp()
        self.told = self.service()
        self.more = {"client-secret: 100", "client-secret%3A%20100"}  # of oauth2.SECRET

    def secrets(self):
        found = self.more | (super().secrets() - set(CONFIGURED))
        for form in self.told.forms + [form for _, form in self.told.asked]:
            found.update(value for name, value in form.items() if name in SENT)
        for headers in self.told.headers:
            found.update(value[-24:] for value in (headers["Authorization"] or "Basic").split()[1:])  # of the secret
        found.discard(oauth2.SECRET)  # its last letter may be escaped
        return found

    def look_through(self, stdout, stderr):
        super().look_through(stdout, stderr)
        kept = ("access_token", "refresh_token", "refresh_previous")  # with the mode 0600, as the manual says
        tokens = {row[name] for row in self.rows() for name in kept} if os.path.exists(self.state) else set()
        for root, _, files in os.walk(self.state):
            for name in files:
                self.assertEqual(os.stat(os.path.join(root, name)).st_mode & 0o77, 0, name)
                with open(os.path.join(root, name), "rb") as file:
                    data = file.read()
                for secret in self.secrets() - tokens:
                    if not secret.startswith(("access-token-", "refresh-token-")):  # deleted, yet in a free page
                        self.assertNotIn(secret.encode(), data, name)

    def rows(self):
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM token").fetchall()
        database.close()
        return rows

    def echo(self, status):
        def answer(form):
            said = " ".join([*map(str, form.values()), self.told.headers[-1]["Authorization"] or ""])
            return status, {"X-Said": urllib.parse.quote(said)}, {"error": "invalid_request", "error_description": said}
        return answer

    def tell(self):
        """All that shows what has been."""
        for args in (("token", "books"), ("token", "--json"), ("check", "--online", "--json"), ("api", "x"),
                     ("history", "--json"), ("history",)):
            self.jeton(*args)

    def exchanges(self):
        self.told.answers = [self.echo(503), self.echo(400)]
        done = self.jeton("token", "books", "--refresh")
        self.assertNotEqual(done.returncode, 0, done.stderr)
        self.tell()
        self.ok("token", "books", "--refresh")
        self.tell()
        return self.told.forms[-1]

    def test_a_job(self):
        self.configure(self.told, refresh_token={"env": "BOOKS_REFRESH"})
        self.write("tells.lua", TELLS)
        with open(self.folder + "/jeton.yaml", "a", encoding="utf-8") as file:
            file.write("jobs:\n  tells:\n    script: tells.lua\n    connector: books\n")
        done = support.Case.jeton(self, *TELL_ALL, "run", "--job", "tells")  # its output is the script's own
        self.assertNotEqual(done.returncode, 0)
        self.look_through("", done.stderr)
        self.tell()
        self.assertIn("failed with ***", self.ok("logs", "tells").stdout)

    def test_refreshing(self):
        self.configure(self.told, refresh_token={"env": "BOOKS_REFRESH"})
        self.assertIn("refresh_token", self.exchanges())

    def test_a_secret_in_the_body(self):
        self.configure(self.told, refresh_token={"env": "BOOKS_REFRESH"}, client_auth="post")
        self.assertIn("client_secret", self.exchanges())

    def test_assertions(self):
        with open(os.path.join(support.SOURCE, "tests/unit/crypto/keys/ed25519.pem"), encoding="ascii") as file:
            pem = file.read()
        key = self.write("key.pem", pem)
        self.more.add(pem.splitlines()[1])
        self.daemon(self.told, grant="jwt_bearer", client_auth="private_key_jwt", client_secret=None, key={"file": key})
        self.assertEqual({"assertion", "client_assertion"} - self.exchanges().keys(), set())

    def test_a_token_for_a_token(self):
        self.env.update(SUBJECT="subject-token-of-the-test", ACTOR="actor-token-of-the-test")
        self.daemon(self.told, grant="token_exchange", subject_token={"env": "SUBJECT"}, actor_token={"env": "ACTOR"})
        self.assertEqual({"subject_token", "actor_token"} - self.exchanges().keys(), set())

    def test_a_device(self):
        self.configure(self.told, device_url=self.told.url + "/device", authorize_url=None)
        self.told.answers = [self.echo(400)]
        self.assertNotEqual(self.jeton("login", "books", "--device").returncode, 0)
        self.ok("login", "books", "--device")
        self.assertIn("device_code", self.told.forms[-1])
        self.tell()

    def test_a_browser(self):
        self.configure(self.told)
        for refused in (True, False):
            self.told.answers = [self.echo(400)] if refused else []
            process = self.start(*TELL_ALL, "login", "books", "--browser", stdin=subprocess.PIPE)
            url = process.stdout.readline().decode().strip()
            page = self.come_back(url)
            out, err = process.communicate(timeout=30)
            self.assertEqual(process.returncode != 0, refused, err.decode())
            self.look_through(page + url + out.decode(), err.decode())
        self.assertIn("code_verifier", self.told.forms[-1])
        self.tell()


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
