"""`jeton connector add --preset` and `--issuer`: what is asked for, tried, written, and said to do next."""

import json
import os
import sqlite3
import unittest

import support
from oauth2 import OAuth2

ID, SECRET, REFRESH = "the-client-of-books", "the-secret-of-books", "refresh-token-0"


class Added(OAuth2):
    def setUp(self):
        super().setUp()
        self.service = self.grants(self.metadata)
        self.home = os.path.join(self.folder, "xdg-config", "jeton")
        # The preset of a real service, at the test's: presets come from here, as all scripts do.
        for name, more in (("xero", ""), ("hubspot", f", device_url: '{self.service.url}/device', scope: [all]"),
                           ("zoom", ", grant: client_credentials"), ("google", ", client_auth: none")):
            self.write(f"scripts/presets/services/{name}.yaml", f"""\
about: {{ title: Books, sources: [], unsure: [] }}
vars: {{ company: {{ pattern: "*", about: "yours" }} }}
connector: {{ provider: oauth2, token_url: "{self.service.url}/token/{{company}}", endpoint: "{self.service.url}/api"{more} }}
""")
        self.env["JETON_SCRIPTS"] = os.path.join(self.folder, "scripts")

    def metadata(self, request):
        if request["path"] == "/.well-known/oauth-authorization-server":
            return 200, {}, {"issuer": self.service.url, "token_endpoint": self.service.url + "/token"}
        return None

    def text(self, name):
        with open(os.path.join(self.home, name), encoding="utf-8") as file:
            return file.read()

    def files(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.home)
                      for folder, _, names in os.walk(self.home) for name in names)

    def add(self, *options, lines=(ID, SECRET, REFRESH)):
        return self.ok("connector", "add", "books", *options, input="".join(line + "\n" for line in lines))

    def refused(self, *options, lines=(ID, SECRET, REFRESH), says, status=2):
        done = self.fails(status, "connector", "add", "books", *options, input="".join(line + "\n" for line in lines),
                          says=says)
        self.assertEqual((self.files(), self.service.forms), ([], []))
        return done

    def test_one_that_is_replaced_is_good_until_then(self):
        """Also where its refresh token was replaced, and the program ends before the new one's files are there."""
        families = {}

        def grant(form):
            family, _, number = form["refresh_token"].rpartition("-")
            if families.setdefault(family, number) != number:
                return 400, {}, {"error": "invalid_grant"}
            families[family] = str(int(number) + 1)
            return 200, {}, {"access_token": f"access-of-{family}-{families[family]}", "token_type": "Bearer", "expires_in": 3600,
                             "refresh_token": f"{family}-{families[family]}"}

        def used(*options):
            return json.loads(self.ok("token", "books", "--show", "--json", *options).stdout)["access_token"]

        def rows():
            database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
            self.addCleanup(database.close)
            return database.execute("SELECT count(*) FROM token").fetchone()[0]

        self.service.grant = grant
        self.state = os.path.join(self.folder, "xdg-state", "jeton")
        add = ("connector", "add", "books", "--force", "--issuer", self.service.url)
        self.add("--issuer", self.service.url, lines=(ID, SECRET, "the-former-0"))
        self.assertEqual(used("--refresh"), "access-of-the-former-2")
        for turn, place in enumerate(("token-stored", "connector-secret", "connector-refresh")):
            killed = self.jeton(*add, program=support.JETON_FAULTY, env={"JETON_FAULT": place + "=kill"},
                                input=f"{ID}\n{SECRET}\nthe-later-0\n")
            self.assertEqual((killed.returncode, used("--refresh")), (-9, f"access-of-the-former-{3 + turn}"))
        self.ok(*add, input=f"{ID}\n{SECRET}\nthe-later-0\n")
        self.assertEqual((used(), used("--refresh"), rows()), ("access-of-the-later-4", "access-of-the-later-5", 1))
        # The files of the new one are there, and its tokens are found at the first exchange.
        killed = self.jeton(*add, program=support.JETON_FAULTY, env={"JETON_FAULT": "connector-yaml=kill"},
                            input=f"{ID}\n{SECRET}\nthe-last-0\n")
        self.assertEqual((killed.returncode, used("--refresh")), (-9, "access-of-the-last-2"))
        # One that is refused is called by its name.
        self.fails(4, *add, input=f"{ID}\n{SECRET}\nthe-former-0\n", says=["connector 'books': ", "(jeton login books)"])
        # Only the secret changes.
        self.ok(*add, input=f"{ID}\nanother-{SECRET}\nthe-last-0\n")
        self.assertEqual((used(), used("--refresh"), rows()), ("access-of-the-last-3", "access-of-the-last-4", 1))

    def test_one_that_signs_in_by_itself_is_replaced(self):
        """It has no refresh token that says whose the access token is."""
        add = ("--preset", "zoom", "--var", "company=acme")
        self.add(*add, lines=(ID, SECRET, ""))
        self.add(*add, "--force", lines=("another-client", SECRET, ""))
        shown = json.loads(self.ok("token", "books", "--show", "--json").stdout)
        self.assertEqual((shown["access_token"], shown["source"], len(self.service.forms)), ("access-token-2", "cache", 2))

    def test_preset(self):
        done = self.add("--preset", "xero", "--var", "company=acme", "--scope", "read", "--scope", "write",
                        "--allow-host", "files.example.org")
        self.assertIn("connector 'books' is added: the exchange returned an access token until ", done.stdout)
        self.assertIn("next: jeton token books\n      jeton run -C books SCRIPT\n", done.stdout)
        for secret in (SECRET, REFRESH):
            self.assertNotIn(secret, done.stdout + done.stderr + self.text("conf.d/books.yaml"))
        self.assertEqual(self.text("conf.d/books.yaml").partition("\n")[2], f"""\
connectors:
  books:
    preset: "xero"
    vars: {{ "company": "acme" }}
    client_id: "{ID}"
    client_secret: {{ file: "../secrets/books.secret" }}
    refresh_token: {{ file: "../secrets/books.refresh_token" }}
    scope: ["read", "write"]
    allow_hosts: ["files.example.org"]
""")
        self.assertEqual(self.service.forms[0]["scope"], "read write")
        self.assertEqual(self.service.service.received[0]["path"], "/token/acme")
        self.assertEqual(json.loads(self.ok("token", "books", "--json").stdout)["source"], "cache")
        # Another one of the name, without a refresh token: that of before is named by nothing. A changed file stays.
        self.refused_again("--preset", "xero", "--var", "company=acme", says="--force")
        self.add("--preset", "hubspot", "--var", "company=acme", "--force", lines=(ID, SECRET, ""))
        self.assertNotIn("refresh_token", self.text("conf.d/books.yaml"))
        self.assertEqual(self.files(), ["conf.d/books.yaml", "jeton.yaml", "secrets/books.refresh_token",
                                        "secrets/books.secret", "secrets/books.secret.2"])
        self.write("xdg-config/jeton/conf.d/books.yaml", self.text("conf.d/books.yaml") + "    retries: 1\n")
        self.refused_again("--preset", "xero", "--var", "company=acme", "--force", says="changed by hand")

    def refused_again(self, *options, says):
        before = self.text("conf.d/books.yaml")
        self.fails(3, "connector", "add", "books", *options, input=f"{ID}\n{SECRET}\n{REFRESH}\n", says=says)
        self.assertEqual(self.text("conf.d/books.yaml"), before)

    def test_without_a_refresh_token(self):
        done = self.add("--preset", "hubspot", "--var", "company=acme", lines=(ID, SECRET, ""))
        self.assertIn("connector 'books' is added; it has no refresh token yet\n", done.stdout)
        self.assertIn("next: jeton login books\n", done.stdout)
        self.assertEqual(self.service.forms, [])
        self.assertNotIn("refresh_token:", self.text("conf.d/books.yaml"))
        self.ok("check")
        os.unlink(os.path.join(self.home, "conf.d/books.yaml"))
        done = self.add("--preset", "xero", "--var", "company=acme", "--force", lines=(ID, SECRET, ""))
        self.assertIn("next: set refresh_token in ", done.stdout)  # there is no way to sign in

    def test_other_grants(self):
        done = self.add("--preset", "zoom", "--var", "company=acme", lines=(ID, SECRET, ""))
        self.assertIn("the exchange returned an access token", done.stdout)
        self.assertEqual(self.service.forms[0]["grant_type"], "client_credentials")
        self.add("--preset", "google", "--var", "company=acme", "--force", lines=(ID, "", REFRESH))
        self.assertNotIn("client_secret", self.text("conf.d/books.yaml"))

    def test_public(self):
        """A client without a secret, whatever the preset's own client_auth is; an ID of a few digits, as Strava's."""
        self.add("--preset", "xero", "--var", "company=acme", lines=("12345", "", REFRESH))
        self.assertIn('    client_auth: none\n    client_id: "12345"\n', self.text("conf.d/books.yaml"))
        self.assertEqual(self.files(), ["conf.d/books.yaml", "jeton.yaml", "secrets/books.refresh_token"])
        self.assertEqual(self.service.forms[0]["client_id"], "12345")
        self.assertNotIn("client_secret", self.service.forms[0])
        self.assertIsNone(self.service.service.received[0]["headers"]["Authorization"])
        self.ok("check")
        self.add("--preset", "xero", "--var", "company=acme", "--force", lines=(ID, SECRET, "refresh-token-1"))  # still ours
        self.assertNotIn("client_auth", self.text("conf.d/books.yaml"))

    def test_issuer(self):
        self.add("--issuer", self.service.url, "--scope", "read")
        self.assertIn(f'    provider: oauth2\n    issuer: "{self.service.url}"\n', self.text("conf.d/books.yaml"))
        self.ok("token", "books", "--refresh")
        # A public client has no secret.
        self.add("--issuer", self.service.url, "--force", lines=(ID, "", "refresh-token-2"))
        self.assertIn("    client_auth: none\n", self.text("conf.d/books.yaml"))
        self.assertEqual(self.files(), ["conf.d/books.yaml", "jeton.yaml", "secrets/books.refresh_token",
                                        "secrets/books.refresh_token.2", "secrets/books.secret"])
        self.add("--issuer", self.service.url, "--force", lines=(ID, SECRET, "refresh-token-3"))
        # Without a refresh token nothing is tried; the sign-in asks the issuer where to go.
        count = len(self.service.forms)
        done = self.add("--issuer", self.service.url, "--force", lines=(ID, SECRET, ""))
        self.assertIn("next: jeton login books\n      set endpoint, the URL of the API, in ", done.stdout)
        self.assertEqual(len(self.service.forms), count)
        self.fails(6, "connector", "add", "wrong", "--issuer", self.service.url + "/other",
                   input=f"{ID}\n{SECRET}\nrefresh-token-of-another\n", says=["not added", "metadata of the service: "])
        self.assertNotIn("conf.d/wrong.yaml", self.files())

    def test_refused(self):
        vars = ("--var", "company=acme")
        for options, lines, says in (
                ((), (), "expected --preset NAME, --issuer URL, or --token-service URL"),
                (("--preset", "xero", "--issuer", "https://id.example.org"), (), "expected --preset NAME, --issuer URL"),
                (("--preset", "xreo", *vars), (), "no preset 'xreo'; did you mean 'xero'?"),
                (("--preset", "xero"), (), "lacks variable 'company' of preset 'xero'"),
                (("--preset", "xero", "--var", "company"), (), "--var: expected NAME=VALUE"),
                (("--preset", "xero", "--var", "company=a/b"), (), "cannot be 'a/b'"),
                (("--preset", "xero", *vars, *vars), (), "'company' is given twice"),
                (("--preset", "xero", *vars, "--var", "other=x"), (), "unknown variable 'other'"),
                (("--issuer", "https://id.example.org", *vars), (), "--var needs --preset"),
                (("--issuer", "http://id.example.org"), (), "'issuer' of connector 'books'"),
                (("--token-service", self.service.url, "--scope", "x"), (), "--scope needs --preset or --issuer"),
                (("--preset", "zoom", *vars), (ID, "", ""), "the client secret"),
                (("--preset", "xero", *vars), (ID, "short", REFRESH), "the client secret"),
                (("--preset", "xero", *vars), ("", SECRET, REFRESH), "the client ID"),
                (("--preset", "xero", *vars), (ID, SECRET), "expected three lines: client ID, client secret, "),
                (("--preset", "zoom", *vars), (ID, SECRET, REFRESH), "preset 'zoom' takes no refresh token"),
                (("--preset", "google", *vars), (ID, SECRET, ""), "preset 'google' takes no client secret"),
        ):
            with self.subTest(options=options, lines=lines):
                self.refused(*options, lines=lines, says=says)
        del self.env["JETON_SCRIPTS"]
        for name, needs in (("box-jwt", "(key_id, assertion.subject)"), ("github-app", ""),
                            ("google-service-account", "(scope)"),
                            ("microsoft-certificate", "(certificate)"), ("zoom", "(params.account_id)"),
                            ("box-ccg", "(params.box_subject_id)")):
            words = f"preset '{name}' needs more than an ID, a secret and a refresh token{needs and ' ' + needs}: write "
            self.refused("--preset", name, lines=(), says=words)

    def test_what_the_service_refuses(self):
        self.service.answers.append((400, {}, {"error": "invalid_grant"}))
        done = self.fails(4, "connector", "add", "books", "--preset", "xero", "--var", "company=acme",
                          input=f"{ID}\n{SECRET}\n{REFRESH}\n", says=["not added", "invalid_grant"])
        self.assertNotIn(SECRET, done.stderr)
        self.assertEqual(self.files(), [])

    def test_terminal(self):
        """Only what is of use is asked for; then the sign-in is offered."""
        terminal = self.start_at_terminal("connector", "add", "books", "--preset", "hubspot", "--var", "company=acme")
        for prompt, answer in ((b"Client ID: ", ID), (b"Client secret (or none): ", SECRET),
                               (b"Refresh token (or none): ", ""), (b"Sign in now? [Y/n] ", "n")):
            terminal.read_until(prompt)
            terminal.type(answer)
        terminal.read_until(None)
        self.assertEqual(terminal.status(), 0, terminal.shown)
        self.assertNotIn(SECRET.encode(), terminal.shown)
        self.assertIn(b"jeton login books", terminal.shown)


if __name__ == "__main__":
    unittest.main()
