"""Signed assertions in place of secrets: of grants (RFC 7523, GitHub Apps) and of clients; verified by PyJWT."""

import base64
import json
import os
import subprocess
import unittest

from oauth2 import ID, OAuth2
from support import SOURCE

KEYS = os.path.join(SOURCE, "tests", "unit", "crypto", "keys")
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def part(token, index):
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Assertions(OAuth2):
    def key(self, name):
        """A private copy of a key, and its public half for the peer."""
        with open(os.path.join(KEYS, name), encoding="ascii") as file:
            return {"file": self.write(name, file.read())}

    def verified(self, token, name, algorithm):
        public = os.path.join(self.folder, f"{name}.pub")
        subprocess.run(["openssl", "pkey", "-in", os.path.join(KEYS, name), "-pubout", "-out", public], check=True)
        run = subprocess.run(["/usr/bin/python3", "-c", "import sys, jwt; print(jwt.decode(sys.argv[1], "
                              "open(sys.argv[2]).read(), algorithms=[sys.argv[3]], "
                              "options={'verify_aud': False})['iss'])", token, public, algorithm],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(part(token, 0)["alg"], algorithm)
        return part(token, 1)

    def asserts(self, grants, **keys):
        self.books(grants, **{"grant": "jwt_bearer", "refresh_token": None, "client_secret": None,
                              "client_auth": "none", **keys})

    def test_a_jwt_for_a_token(self):
        grants = self.grants()
        self.asserts(grants, key=self.key("rsa.pem"), key_id="k1", scope=["read", "write"],
                     assertion={"subject": "alice", "lifetime": "60s", "claims": {"n": 1, "kind": "user"}})
        self.assertEqual(self.token()["access_token"], "access-token-1")
        form = grants.forms[0]
        self.assertEqual((form["grant_type"], form["scope"], form["client_id"]), (GRANT, "read write", ID))
        claims = self.verified(form["assertion"], "rsa.pem", "RS256")
        self.assertEqual(part(form["assertion"], 0)["kid"], "k1")
        self.assertEqual({name: claims[name] for name in ("iss", "sub", "aud", "n", "kind")},
                         {"iss": ID, "sub": "alice", "aud": grants.url + "/token", "n": 1, "kind": "user"})
        self.assertEqual(claims["exp"] - claims["iat"], 60)
        self.token("--refresh")
        self.assertNotEqual(claims["jti"], part(grants.forms[1]["assertion"], 1)["jti"])

    def test_each_try_has_its_own(self):
        grants = self.grants()
        grants.answers = [(503, {}, {}), (503, {}, {})]
        self.asserts(grants, key=self.key("ed25519.pem"), retries=3)
        self.token()
        self.assertEqual(len({part(form["assertion"], 1)["jti"] for form in grants.forms}), 3)

    def test_a_service_account(self):
        grants = self.grants()
        self.asserts(grants, client_id=None, key=self.key("service_account.json"), scope="read",
                     assertion={"scope_claim": True})
        self.token()
        self.assertNotIn("scope", grants.forms[0])
        claims = self.verified(grants.forms[0]["assertion"], "rsa.pem", "RS256")
        self.assertEqual((claims["iss"], claims["scope"]), ("robot@demo.iam.example", "read"))
        self.assertEqual(part(grants.forms[0]["assertion"], 0)["kid"], "9f3b")

    def test_the_audience_of_docusign(self):
        """The host alone, not the URL that the assertion is sent to."""
        grants = self.grants()
        for stage in ("account", "account-d"):
            self.books(grants, preset="docusign-jwt", vars={"stage": stage}, key=self.key("rsa.pem"), client_secret=None,
                       refresh_token=None, assertion={"subject": "alice"})
            self.token("--refresh")
            claims = part(grants.forms[-1]["assertion"], 1)
            self.assertEqual((claims["aud"], claims["scope"]), (f"{stage}.docusign.com", "signature impersonation"))

    def test_an_app(self):
        grants = self.grants()
        grants.answers = [(201, {}, {"token": "token-of-the-installation", "expires_at": "2099-01-31T08:00:00Z"})]
        self.asserts(grants, grant="app_jwt", key=self.key("ec.pem"), assertion={"backdate": "60s", "lifetime": "9m"},
                     reply={"access_token": "/token", "expires_at": "/expires_at", "unit": "iso8601"})
        self.assertEqual(self.token()["access_token"], "token-of-the-installation")
        kind, token = grants.headers[0]["Authorization"].split(" ")
        claims = self.verified(token, "ec.pem", "ES256")
        self.assertEqual((kind, claims["exp"] - claims["iat"]), ("Bearer", 540))
        self.assertNotIn("aud", claims)

    def test_a_token_that_is_not_known_everywhere_yet(self):
        """GitHub may answer 401 for some seconds; elsewhere, and to a token that is older, a 401 is one."""
        token = 201, {}, {"access_token": "token-of-the-installation", "expires_in": 3600}
        for grant, early, status, calls in (("app_jwt", 2, 0, 3), ("app_jwt", 99, 4, 4), ("jwt_bearer", 2, 4, 1)):
            with self.subTest(grant=grant, early=early):
                left = [(401, {}, {"message": "Bad credentials"})] * early
                grants = self.grants(api=lambda _, left=left: left.pop() if left else (200, {}, {"it": "works"}))
                grants.answers = [token] * 9
                self.asserts(grants, grant=grant, key=self.key("ec.pem"))
                done = self.jeton("api", "POST", "things")
                self.assertEqual((done.returncode, len(grants.forms)), (status, 1), done.stderr)
                self.assertEqual(sum(r["path"] == "/api/things" for r in grants.service.received), calls)
                if early == 2:  # from another replica, while the token is in the cache
                    left[:] = [(401, {}, {})]
                    self.assertEqual(self.jeton("api", "things").returncode, status)
                self.sql("UPDATE token SET received_boot_ms = received_boot_ms - 20000")
                left[:] = [(401, {}, {})]
                self.fails(4, "api", "things")
                self.assertEqual((len(grants.forms), left), (1, []))

    def test_a_client_that_signs(self):
        for name, algorithm in (("rsa.pem", "PS256"), ("ec.pem", "ES256"), ("ed25519.pem", "EdDSA")):
            with self.subTest(algorithm=algorithm):
                grants = self.grants()
                self.daemon(grants, client_auth="private_key_jwt", client_secret=None, key=self.key(name),
                            algorithm=algorithm, client_assertion={"audience": "https://issuer.example.org"})
                self.token()
                form = grants.forms[0]
                self.assertEqual(form["client_assertion_type"],
                                 "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                self.assertNotIn("Authorization", grants.headers[0].keys())
                claims = self.verified(form["client_assertion"], name, algorithm)
                self.assertEqual((claims["iss"], claims["sub"], claims["aud"]), (ID, ID, "https://issuer.example.org"))

    def test_a_certificate_is_named(self):
        grants = self.grants()
        self.daemon(grants, client_auth="private_key_jwt", client_secret=None, key=self.key("rsa.pem"),
                    certificate=self.key("rsa_certificate.pem"))
        self.token()
        self.assertEqual(part(grants.forms[0]["client_assertion"], 0)["x5t"], "o2s1GxYcFWuWZP7L_YXTX-2IuaY")

    def test_nothing_of_it_is_shown(self):
        grants = self.grants()
        self.asserts(grants, key=self.key("ed25519.pem"))
        run = self.ok("-vvv", "token", "books", "--show")
        for secret in (grants.forms[0]["assertion"], grants.forms[0]["assertion"].split(".")[2], "MC4CAQAwBQYDK2Vw"):
            self.assertNotIn(secret, run.stdout + run.stderr)

    def test_keys_that_do_not_do(self):
        for name, keys, says in (
                ("rsa_encrypted.pem", {}, "key of connector 'books': it is encrypted, and jeton asks for no password"),
                ("rsa_1024.pem", {}, "it is an RSA key of 1024 bits"),
                ("ec.pem", {"algorithm": "RS256"}, "it is a P-256 key, and RS256 needs an RSA key")):
            with self.subTest(name=name):
                grants = self.grants()
                self.asserts(grants, key=self.key(name), **keys)
                self.fails(3, "token", "books", says=says)
                self.assertEqual(grants.forms, [])

    def test_nobody_says_who_it_is_of(self):
        """A key in PEM has no name beside it."""
        for keys in ({"grant": "jwt_bearer"}, {"grant": "app_jwt"}, {"preset": "google-service-account", "scope": "read"}):
            with self.subTest(keys=keys):
                grants = self.grants()
                self.books(grants, **{"client_id": None, "refresh_token": None, "client_secret": None,
                                      "client_auth": "none", "key": self.key("rsa.pem"), **keys})
                self.ok("check")
                says = "connector 'books' does not say who its assertion is of: set client_id or assertion.issuer"
                self.fails(3, "token", "books", says=says)
                self.assertIn(says, self.fails(3, "check", "--online").stdout)
                self.assertEqual(grants.forms, [])

    def test_what_the_configuration_lacks(self):
        grants = self.grants()
        for keys, says in (
                ({}, "connector 'books' lacks 'key'"),
                ({"key": self.key("ec.pem"), "algorithm": "HS256"},
                 "'algorithm' of connector 'books' must be RS256, PS256, ES256 or EdDSA"),
                ({"key": self.key("ec.pem"), "assertion": {"lifetime": "1m", "backdate": "60s"}},
                 "'backdate' must be less than 'lifetime'")):
            with self.subTest(says=says):
                self.asserts(grants, **keys)
                self.fails(3, "token", "books", says=says)


if __name__ == "__main__":
    unittest.main()
