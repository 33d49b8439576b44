"""Presets in connectors: all of them load; what a connector must say beside its preset."""

import json
import os
import unittest

from oauth2 import OAuth2, REFRESH
from preset_connectors import connector


def secret(name):
    return {"env": name}


class Presets(OAuth2):
    def all(self):
        return [preset for preset in json.loads(self.ok("presets", "--json").stdout) if preset["kind"] == "service"]

    def configure_all(self, connectors):
        self.write("jeton.yaml", json.dumps({"version": 1, "state": self.state, "connectors": connectors}))

    def refused(self, **options):
        """What `check` says is wrong."""
        return [problem["message"] for problem in json.loads(self.jeton("check", "--json", **options).stdout)["problems"]
                if problem["severity"] == "error"]

    def test_all_load(self):
        presets = self.all()
        self.assertGreater(len(presets), 30)
        self.configure_all({preset["name"]: connector(preset, self.folder) for preset in presets})
        self.assertEqual(json.loads(self.ok("check", "--json").stdout)["problems"], [])
        table = {row["connector"]: row for row in json.loads(self.ok("token", "--json").stdout)}
        self.assertEqual(sorted(table), sorted(preset["name"] for preset in presets))
        self.assertEqual({row["provider"] for row in table.values()}, {"oauth2"})
        self.assertEqual({row["status"] for row in table.values()}, {"new"})

    def test_an_endpoint_of_its_own(self):
        """A reply's, which the preset looks for, does not take its place: Zoho's products are at hosts of their own."""
        grants = self.grants(api_domain="https://www.zohoapis.eu")
        keys = {"preset": "zoho", "vars": {"region": "eu"}, "authorization": "Bearer {token}"}
        self.books(grants, endpoint=None, **keys)
        self.assertEqual(self.token()["endpoint_url"], "https://www.zohoapis.eu")
        self.books(grants, **keys)  # also not with the token that is there
        self.assertEqual(self.token()["endpoint_url"], grants.url + "/api")
        for reply in (None, {"scope": "/scopes"}, {}):
            self.books(grants, reply=reply, **keys)
            self.assertEqual(json.loads(self.ok("api", "x").stdout), {"it": "works"})
            self.assertEqual(self.token("--refresh")["endpoint_url"], grants.url + "/api")
        self.books(grants, reply={"endpoint": "/api_domain"}, **keys)
        self.assertEqual(self.token()["endpoint_url"], "https://www.zohoapis.eu")

    def test_needs(self):
        """What only the customer knows is asked for before anything is sent; nothing, and an empty text, are no answer."""
        needs = {preset["name"]: preset for preset in self.all() if "needs" in preset}
        self.assertEqual(sorted(needs), ["box-ccg", "box-jwt", "docusign-jwt", "google-service-account",
                                         "microsoft-certificate", "salesforce-jwt", "zoom"])
        for name, preset in needs.items():
            for need in preset["needs"]:
                key, _, inner = need.partition(".")
                for value in (..., None, ""):
                    own = connector(preset, self.folder)
                    place = own[key] if inner else own
                    place[inner or key] = value
                    if value is ...:
                        del place[inner or key]
                    self.configure_all({"books": own})
                    self.assertIn(f"connector 'books' lacks '{need}', which preset '{name}' needs", self.refused())
        self.configure_all({"books": {"preset": "zoom", "client_id": "the-client", "client_secret": "the-secret-of-zoom"}})
        self.fails(3, "token", "books", says="lacks 'params.account_id', which preset 'zoom' needs")

    def test_needs_of_another_way(self):
        """What a preset needs is of its own grant and client_auth."""
        zoom = {"preset": "zoom", "client_id": "the-client", "client_secret": "the-secret-of-zoom"}
        for keys, wrong in (({"grant": "client_credentials"}, False), ({"client_auth": "post"}, False),
                            ({"grant": "account_credentials"}, True), ({"grant": None, "client_auth": None}, True),
                            ({"client_auth": "basic"}, True)):
            with self.subTest(keys=keys):
                self.configure_all({"books": {**zoom, **keys}})
                self.assertEqual([text for text in self.refused() if "which preset 'zoom' needs" in text] != [], wrong)

    def test_exchange(self):
        """What the connector says wins; the preset's reply is read as it says; the row is the preset's."""
        grants = self.grants(ok=True)
        slack = {"preset": "slack", "token_url": grants.url + "/token", "client_id": "the-client",
                 "client_secret": secret("BOOKS_SECRET"), "refresh_token": secret("BOOKS_REFRESH"),
                 "endpoint": grants.url + "/api"}
        self.env.update(BOOKS_SECRET="secret-of-books", BOOKS_REFRESH=REFRESH)
        self.configure_all({"books": slack})
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertEqual(grants.forms[0]["client_secret"], "secret-of-books")  # client_auth: post is the preset's
        grants.answers.append((200, {}, {"ok": False, "error": "invalid_refresh_token"}))
        self.fails(4, "token", "books", "--refresh", says="invalid_refresh_token")
        table = json.loads(self.jeton("token", "--json").stdout)
        self.assertEqual(table[0]["status"], "needs_person")

    def test_joined(self):
        """Mappings key by key, lists and texts as a whole; nothing takes the preset's away."""
        self.write("scripts/presets/services/mine.yaml", """\
about: { title: Mine, sources: [], unsure: [] }
vars: { part: { pattern: "*", about: "yours" } }
connector:
  provider: oauth2
  token_url: https://mine.example.org/{part}/t
  client_auth: none
  grant: client_credentials
  scope: [one, two]
  audience: everybody
  params: { a: one, b: two, path: "{part}", other: "{token} {nobody}" }
  reply: { ok: /ok, error: /wrong }
  authorization: "Mine {token}"
""")
        self.env["JETON_SCRIPTS"] = os.path.join(self.folder, "scripts")
        calls = []
        grants = self.grants(lambda request: calls.append(request["headers"]) or (200, {}, {}), ok=True)
        own = {"preset": "mine", "vars": {"part": "a-b"}, "token_url": grants.url + "/token", "client_id": "the-client",
               "endpoint": grants.url + "/api"}
        self.configure_all({"books": {**own, "scope": ["three"], "params": {"b": "drei", "c": "vier"}, "audience": None,
                                      "authorization": None, "header": "X-Token", "reply": {"error": "/error"}}})
        self.ok("api", "GET", "/it")
        form = grants.forms[0]
        self.assertEqual((form["a"], form["b"], form["c"], form["scope"]), ("one", "drei", "vier", "three"))
        self.assertEqual((form["path"], form["other"]), ("a-b", "{token} {nobody}"))
        self.assertNotIn("audience", form)
        self.assertEqual((calls[0]["X-Token"], calls[0]["Authorization"]), ("access-token-1", None))
        self.configure_all({"books": own})
        self.ok("api", "GET", "/it")
        self.assertEqual(grants.forms[1]["scope"], "one two")
        self.assertEqual(grants.forms[1]["audience"], "everybody")
        self.assertEqual(calls[1]["Authorization"], "Mine access-token-2")

    def test_owner(self):
        """Rows belong to the preset and its variables, however they are written down; to nothing else."""
        grants = self.grants()
        self.env.update(BOOKS_SECRET="secret-of-books", BOOKS_REFRESH=REFRESH)
        own = {"client_id": "the-client", "client_secret": secret("BOOKS_SECRET"), "refresh_token": secret("BOOKS_REFRESH")}

        def owners():
            return {row["connector"]: row["status"] for row in json.loads(self.jeton("token", "--json").stdout)}
        # A refresh_url leaves the service the preset's; 127.0.0.1 in place of it is where the test can answer.
        keycloak = {"preset": "keycloak", "vars": {"realm": "staff", "host": "ID.example.org"}, **own,
                    "refresh_url": grants.url + "/token", "endpoint": grants.url + "/api"}
        self.configure_all({"books": keycloak})
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertEqual(owners(), {"books": "fresh"})
        self.configure_all({"books": {**keycloak, "vars": {"host": "id.example.org", "realm": "staff"},
                                      "client_auth": "post"}})
        self.assertEqual(owners(), {"books": "fresh"})
        for other in ({"vars": {"host": "id.example.org", "realm": "guests"}},
                      {"token_url": "https://id.example.org/realms/staff/protocol/openid-connect/token"},
                      {"issuer": "https://id.example.org/realms/staff"}):
            self.configure_all({"books": {**keycloak, **other}})
            self.assertEqual(owners(), {"books": "new"}, other)

    def test_the_case_of_a_path_is_kept(self):
        """An authorization server of Okta has an ID of both cases, and realms may be named in any."""
        for preset, name, value in (("okta", "server", "ausbvo8rpnZzXDZoX0h7"), ("keycloak", "realm", "My_Realm.2~x")):
            self.configure_all({"books": {"preset": preset, "vars": {"host": "ID.example.org", name: value},
                                          "client_id": "the-client", "client_secret": secret("S")}})
            done = self.jeton("login", "books", "--paste", env={"S": "secret-of-books"})
            self.assertRegex(done.stdout, f"^https://id.example.org/(oauth2|realms)/{value}/", done.stderr)

    def test_scripts_folder(self):
        """With JETON_SCRIPTS, presets come from there, as all scripts do."""
        folder = os.path.join(self.folder, "scripts")
        self.write("scripts/presets/services/mine.yaml", "about: { title: Mine, sources: [], unsure: [] }\n"
                   "vars: {}\nconnector: { provider: oauth2, token_url: https://mine.example.org/t, client_auth: none }\n")
        self.configure_all({"books": {"preset": "mine", "client_id": "the-client", "refresh_token": secret("R")}})
        self.env["R"] = "a-refresh-token"
        self.assertEqual(self.refused(env={"JETON_SCRIPTS": folder}), [])
        self.assertEqual(self.refused(), ["unknown preset 'mine' in connector 'books'; `jeton presets` lists them"])

    def test_wrong(self):
        own = {"client_id": "the-client", "client_secret": secret("S"), "refresh_token": secret("R")}
        for keys, says in (
                ({"preset": "xreo"}, "unknown preset 'xreo' in connector 'books'; did you mean 'xero'?"),
                ({"preset": "../services/xero"}, "unknown preset '../services/xero'"),
                ({"preset": ["xero"]}, "'preset' of connector 'books' must be a name, not a list"),
                ({"preset": "xero", "provider": "kaizala"},
                 "'provider' of connector 'books' must be 'oauth2': preset 'xero' is"),
                ({"preset": "xero", "provider": ["x"]},
                 "'provider' of connector 'books' must be 'oauth2': preset 'xero' is"),
                ({"preset": "xero", "token_of": "other"}, "connector 'books' has 'preset' and 'token_of'"),
                ({"preset": "xero", "vars": {"tenant": "x"}},
                 "unknown variable 'tenant' in vars of connector 'books'; preset 'xero' has none"),
                ({"preset": "zoho"}, "connector 'books' lacks variable 'region' of preset 'zoho'; expected 'com', 'eu', "),
                ({"preset": "zoho", "vars": {"region": "evil.example.org"}},
                 "'region' in vars of connector 'books' cannot be 'evil.example.org'; preset 'zoho' expects 'com', "),
                ({"preset": "zoho", "vars": ["eu"]}, "'vars' of connector 'books' must be a mapping, not a list"),
                ({"preset": "zoho", "vars": {"region": {"env": "REGION"}}},
                 "'region' in vars of connector 'books' must be a plain text, not a mapping"),
                ({"preset": "zoho", "vars": {"regoin": "eu", "region": "eu"}},
                 "unknown variable 'regoin' in vars of connector 'books'; preset 'zoho' has 'region'"),
                ({"preset": "salesforce", "vars": {"domain": "a/../b"}}, "'*.demo' or '*.patch', where '*' is one"),
                ({"preset": "salesforce", "vars": {"domain": "a..sandbox"}}, "(My Domain: what precedes"),
                ({"preset": "salesforce", "vars": {"domain": "evil.example"}}, "cannot be 'evil.example'"),
                ({"preset": "keycloak", "vars": {"realm": "staff", "host": "id.example.org/x"}},
                 "'host' in vars of connector 'books' cannot be 'id.example.org/x'; preset 'keycloak' expects a host"),
                ({"preset": "keycloak", "vars": {"realm": "staff", "host": "*.example.org"}}, "cannot be '*.example.org'"),
                ({"preset": "keycloak", "vars": {"realm": "staff", "host": "me@example.org"}}, "cannot be 'me@example.org'"),
                ({"preset": "keycloak", "vars": {"realm": "a/b", "host": "id.example.org"}},
                 "'realm' in vars of connector 'books' cannot be 'a/b'; preset 'keycloak' expects letters, digits, '-'"),
                ({"preset": "keycloak", "vars": {"realm": "..", "host": "id.example.org"}}, "cannot be '..'"),
                ({"preset": "keycloak", "vars": {"realm": "a%2fb", "host": "id.example.org"}}, "cannot be 'a%2fb'"),
                ({"provider": "oauth2", "token_url": "https://id.example.org/t", "vars": {"x": "y"}},
                 "connector 'books' has 'vars', which needs a 'preset'"),
                ({"preset": "xero", "scopes": ["x"]}, "unknown key 'scopes' in connector 'books'; did you mean 'scope'?"),
        ):
            self.configure_all({"books": {**own, **keys}, "other": {"preset": "xero", **own}})
            said = self.refused()
            self.assertEqual(len(said), 1, said)
            self.assertIn(says, said[0])
        self.configure_all({"books": {**own, "preset": "zoho", "vars": {"region": "xx"}, "retries": -1, "tiemout": "1s"}})
        said = self.refused()  # all that is wrong, in one go
        self.assertEqual(len(said), 3, said)
        for says in ("cannot be 'xx'", "'retries' of connector 'books'", "did you mean 'timeout'?"):
            self.assertIn(says, "\n".join(said))


if __name__ == "__main__":
    unittest.main()
