"""Grants that give another service's token in exchange (RFC 8693)."""

import os
import unittest

from oauth2 import ID, OAuth2, SECRET

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"


class TokenExchange(OAuth2):
    def workload(self, grants, **keys):
        """Connector `books` with a subject token from a file, as Kubernetes mounts it: behind a link."""
        self.put("subject-token-1")
        link = os.path.join(self.folder, "id")
        if not os.path.lexists(link):
            os.symlink("id.real", link)
        self.daemon(grants, **{"grant": "token_exchange", "client_id": None, "client_secret": None,
                               "subject_token": {"file": link}, **keys})

    def put(self, token):
        os.chmod(self.write("id.real", token + "\n"), 0o644)

    def test_the_subject_is_read_at_each_exchange(self):
        grants = self.grants(issued_token_type=TYPE + "access_token")
        self.workload(grants, subject_token_type="jwt", audience="https://sts.example.org/pool",
                      resource=["https://r.example.org/1", "https://r.example.org/2"], scope=["read", "write"])
        wanted = {"grant_type": GRANT, "subject_token": "subject-token-1", "subject_token_type": TYPE + "jwt",
                  "audience": "https://sts.example.org/pool", "scope": "read write",
                  "resource": ["https://r.example.org/1", "https://r.example.org/2"]}
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertIsNone(grants.headers[0]["Authorization"])
        self.put("subject-token-2")
        self.assertEqual(self.token()["source"], "cache")
        run = self.ok("-vvv", "token", "books", "--refresh")
        self.assertEqual(grants.forms, [wanted, {**wanted, "subject_token": "subject-token-2"}])
        self.assertNotIn("subject-token-2", run.stdout + run.stderr)

    def test_an_actor_and_a_client(self):
        grants = self.grants()
        self.env["ACTOR"] = "actor-token-1"
        self.workload(grants, client_id=ID, client_secret=SECRET, client_auth="post",
                      subject_token={"command": ["echo", "subject-token-3"]},
                      actor_token={"env": "ACTOR"}, actor_token_type="urn:example:robot",
                      params={"requested_token_type": TYPE + "jwt"})
        self.token()
        self.assertEqual(grants.forms, [{
            "grant_type": GRANT, "subject_token": "subject-token-3", "subject_token_type": TYPE + "access_token",
            "actor_token": "actor-token-1", "actor_token_type": "urn:example:robot", "client_id": ID,
            "client_secret": SECRET, "requested_token_type": TYPE + "jwt"}])

    def test_another_subject_makes_another_access_token(self):
        grants = self.grants()
        self.workload(grants)
        self.token()
        self.env["SUBJECT"] = "subject-token-1"
        self.workload(grants, subject_token={"env": "SUBJECT"})
        self.assertEqual(self.token()["source"], "exchange")
        self.workload(grants, subject_token={"env": "SUBJECT"}, subject_token_type="id_token")
        self.assertEqual(self.token()["source"], "exchange")
        self.assertEqual(self.token()["source"], "cache")

    def test_a_refused_subject(self):
        grants = self.grants()
        grants.answers = [(400, {}, {"error": "invalid_request", "error_description": "subject-token-1 is over"})]
        self.workload(grants)
        run = self.fails(4, "token", "books", says="invalid_request")
        self.assertNotIn("subject-token-1", run.stderr)
        self.fails(4, "token", "books", says="nothing was sent")
        self.put("subject-token-2")
        self.assertEqual(self.token()["access_token"], "access-token-1")  # a new one is tried at once

    def test_a_subject_that_is_gone(self):
        grants = self.grants()
        self.workload(grants)
        os.unlink(os.path.join(self.folder, "id.real"))
        self.fails(3, "token", "books", says="subject_token of connector 'books'")
        self.assertEqual(grants.forms, [])

    def test_what_is_missing_or_too_much(self):
        grants = self.grants()
        for keys, says in (
                ({"subject_token": None}, "connector 'books' lacks 'subject_token'"),
                ({"actor_token_type": "jwt"}, "connector 'books' lacks 'actor_token'"),
                ({"client_id": ID}, "connector 'books' lacks 'client_secret'"),
                ({"grant": "client_credentials", "client_id": ID, "client_secret": SECRET},
                 "'subject_token' of connector 'books' is not used with grant: client_credentials")):
            with self.subTest(says=says):
                self.workload(grants, **keys)
                self.fails(3, "token", "books", says=says)
        self.workload(grants, grant="token_exchage", subject_token=None)
        self.assertIn("did you mean 'token_exchange'?", self.ok("check").stdout)


if __name__ == "__main__":
    unittest.main()
