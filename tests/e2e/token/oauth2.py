"""A configuration with OAuth 2.0 connectors, and a token service that answers as a test tells it."""

import json
import sqlite3
import os
import urllib.parse

import support
from service import Service

ID = "client-id-of-the-test"
SECRET = "client-secret: 100 % \u00e9"
REFRESH = "refresh-token-0"


class Grants:
    """A strict token service: each refresh token is good for one use, a second use ends the family."""

    def __init__(self, api=None, context=None, **first):
        self.number = 0
        self.forms = []       # of the token requests, as they came
        self.headers = []
        self.answers = []     # (status, headers, body) or a function, in place of the next grants
        self.first = first    # members of each good reply
        self.current = REFRESH
        self.rotates = True
        self.dead = False
        self.api = api
        self.service = Service(self.answer, context=context)
        self.url = self.service.url

    def answer(self, request):
        if not request["path"].startswith("/token"):
            return self.answer_api(request)
        self.headers.append(request["headers"])
        self.forms.append(self.read(request))
        if self.answers:
            answer = self.answers.pop(0)
            return answer(self.forms[-1]) if callable(answer) else answer
        return self.grant(self.forms[-1])

    def answer_api(self, request):
        if self.api is not None:
            answer = self.api(request)
            if answer is not None:
                return answer
        good = request["headers"].get("Authorization") == f"Bearer access-token-{self.number}"
        return (200, {}, {"it": "works"}) if good else (401, {}, {"error": "invalid_token"})

    @staticmethod
    def read(request):
        path, _, query = request["path"].partition("?")
        kind = request["headers"].get("Content-Type") or ""
        if kind.startswith("application/json"):
            return json.loads(request["body"])
        text = query if "form" not in kind else request["body"].decode()
        return {name: values[0] if len(values) == 1 else values
                for name, values in urllib.parse.parse_qs(text, strict_parsing=True).items()}

    def grant(self, form):
        refreshes = form["grant_type"] == "refresh_token"
        if refreshes and (self.dead or form["refresh_token"] != self.current):
            self.dead = True
            return 400, {}, {"error": "invalid_grant", "error_description": "it was used before"}
        self.number += 1
        reply = {"access_token": f"access-token-{self.number}", "token_type": "Bearer", "expires_in": 3600}
        if refreshes and self.rotates:
            self.current = reply["refresh_token"] = f"refresh-token-{self.number}"
        reply.update(self.first)
        return 200, {}, {name: value for name, value in reply.items() if value is not ...}


class OAuth2(support.Case):
    def grants(self, api=None, **first):
        grants = Grants(api, **first)
        self.addCleanup(grants.service.stop)
        return grants

    def books(self, grants, **keys):
        """The configuration's one connector, `books`; None leaves a key out."""
        found = {"provider": "oauth2", "token_url": grants.url + "/token", "client_id": ID,
                 "client_secret": {"env": "BOOKS_SECRET"}, "refresh_token": {"env": "BOOKS_REFRESH"},
                 "endpoint": grants.url + "/api", **keys}
        self.env.setdefault("BOOKS_SECRET", SECRET)
        self.env.setdefault("BOOKS_REFRESH", REFRESH)
        lines = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in found.items() if value is not None)
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\nconnectors:\n  books:\n{lines}")

    def daemon(self, grants, **keys):
        self.books(grants, **{"grant": "client_credentials", "refresh_token": None, **keys})

    def token(self, *options):
        return json.loads(self.ok("token", "books", "--json", "--show", *options).stdout)

    def row(self):
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM token").fetchall()
        database.close()
        return dict(rows[0]) if rows else None

    def sql(self, text):
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        with database:
            database.execute(text)
        database.close()

    def intents(self):
        database = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        [(count,)] = database.execute("SELECT count(*) FROM token_intent").fetchall()
        database.close()
        return count
