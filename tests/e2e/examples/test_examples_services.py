"""The examples for live services, each against a stand-in that answers as the service's documentation says."""

import base64
import json
import os
import re
import time
import unittest
import urllib.parse

from examples import Example
from oauth2 import Grants
from service import Service
from support import SOURCE

KEYS = os.path.join(SOURCE, "tests", "unit", "crypto", "keys")


def claims_of(token):
    text = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def iso(days, now=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((now or time.time()) + days * 86400))


class WithService(Example):
    """Each test says of its service: name (of the example), token_path, places, secrets, token(), api()."""

    places = {}   # what the stand-in takes: of the example's YAML, or URLs of its preset by "key: "
    secrets = {}

    def setUp(self):
        super().setUp()
        self.number = 0
        self.tokens = []   # (path, form, headers) of the token requests
        self.service = Service(self.answer)
        self.addCleanup(self.service.stop)
        for name, value in self.secrets.items():
            self.write("secrets/" + name, value)
        self.yaml = self.name + ".yaml"
        with open(self.example(self.yaml), encoding="utf-8") as file:
            text = file.read()
        for key, url in self.places.items():
            here = self.service.url + "/" + url.removeprefix("https://")
            if url in text:
                text = text.replace(url, here)
            else:  # the connector's own URL is taken before the preset's
                text = re.sub(r"\n    preset: .*", rf"\g<0>\n    {key}: {here}", text)
        self.write(self.yaml, text)

    def new_token(self):
        self.number += 1
        return f"access-token-{self.number}"

    def answer(self, request):
        path = urllib.parse.unquote(request["path"].partition("?")[0])
        if path.endswith(self.token_path):
            self.tokens.append((path, Grants.read(request), request["headers"]))
            return self.token(*self.tokens[-1][1:])
        if path.startswith("/page"):
            return self.page, {}, b"a page"
        body = json.loads(request["body"]) if request["headers"]["Content-Type"] == "application/json" else None
        return self.api(request, path, body)

    def allowed(self, request, number=None):
        return request["headers"].get("Authorization") == f"Bearer access-token-{number or self.number}"

    def run_job(self, job, status=0, says=None):
        """From elsewhere, as cron does; what it prints."""
        command = ["-c", self.example(self.yaml), "run", "--job", job]
        if status:
            return self.fails(status, *command, says=says).stdout
        return self.ok(*command).stdout

    def run_script(self, *args):
        return self.ok("-c", self.example(self.yaml), "run", *args).stdout


class Rotating(WithService):
    """A token service whose refresh tokens are good for one use."""

    current = "refresh-token-0"

    def token(self, form, _headers):
        if form["refresh_token"] != self.current:
            return self.refusal
        access = self.new_token()
        self.current = f"refresh-token-{self.number}"
        return 200, {}, {"ok": True, "access_token": access, "refresh_token": self.current, "expires_in": 43200,
                         "token_type": "bot"}


class Slack(Rotating):
    name, token_path = "slack-alert", "/oauth.v2.access"
    places = {"token_url": "https://slack.com/api/oauth.v2.access", "endpoint": "https://slack.com/api"}
    secrets = {"slack-id": "12345.67890", "slack-secret": "the-secret-of-the-app", "slack-refresh-token": "refresh-token-0"}
    refusal = 200, {}, {"ok": False, "error": "invalid_refresh_token"}
    page = 200

    def setUp(self):
        super().setUp()
        self.posted, self.error = [], None
        with open(self.example(self.yaml), encoding="utf-8") as file:
            text = file.read()
        self.write(self.yaml, re.sub(r"urls: .*", f"urls: [{self.service.url}/page, {self.service.url}/page2]", text))

    def api(self, request, path, body):
        self.assertEqual((request["method"], path), ("POST", "/slack.com/api/chat.postMessage"))
        if not self.allowed(request) or self.error:
            return 200, {}, {"ok": False, "error": self.error or "invalid_auth"}
        self.posted.append((body["channel"], body["text"]))
        return 200, {}, {"ok": True, "channel": body["channel"], "ts": "1503435956.000247", "message": {}}

    def test_gone_and_back(self):
        self.assertEqual(self.run_job("watch"), "")
        self.assertEqual(self.tokens, [])
        self.page = 503
        for url, line in zip(("/page", "/page2"), self.run_job("watch").splitlines()):
            self.assertEqual(line, f"{self.service.url}{url} does not answer: status 503")
        self.assertEqual(self.run_job("watch"), "")
        self.page = 200
        self.assertEqual(self.run_job("watch").count(" is back\n"), 2)
        self.assertEqual(len(self.posted), 4)
        self.assertEqual({channel for channel, _ in self.posted}, {"C0123456789"})
        self.assertEqual([(path, form["refresh_token"], form["client_id"]) for path, form, _ in self.tokens],
                         [("/slack.com/api/oauth.v2.access", "refresh-token-0", "12345.67890")])

    def test_what_slack_refuses_is_reported_later(self):
        self.page, self.error = 500, "not_in_channel"
        self.run_job("watch", 6, "Slack answered not_in_channel")
        self.error = None
        self.assertEqual(self.run_job("watch").count("status 500"), 2)

    def test_by_hand(self):
        url = "http://127.0.0.1:1/?a=1&b=<x>"
        self.assertIn("does not answer: ", self.run_script(self.example("slack-alert.lua"), "C1", url))
        self.assertTrue(self.posted[0][1].startswith("http://127.0.0.1:1/?a=1&amp;b=&lt;x&gt; does not answer: "))
        self.fails(1, "run", self.example("slack-alert.lua"), "C1", says="usage: slack-alert.lua CHANNEL URL")


class Teams(Rotating):
    name, token_path = "teams-report", "/oauth2/v2.0/token"
    places = {"token_url": "https://login.microsoftonline.com/oauth2/v2.0/token",
              "device_url": "https://login.microsoftonline.com/oauth2/v2.0/devicecode",
              "endpoint": "https://graph.microsoft.com/v1.0"}
    refusal = 400, {}, {"error": "invalid_grant"}

    def setUp(self):
        super().setUp()
        self.tasks, self.posted = [], []
        done = self.ok("-c", self.example(self.yaml), "login", "graph", "--device")
        self.assertIn("https://login.microsoft.com/device\nABCDEFGHJ\n", done.stdout)

    def token(self, form, headers):
        if form["grant_type"].endswith(":device_code"):
            form["refresh_token"] = self.current
        return super().token(form, headers)

    def task(self, title, percent, due):
        self.tasks.append({"title": title, "percentComplete": percent, "dueDateTime": due})

    def api(self, request, path, body):
        if path.endswith("/devicecode"):
            self.asked = Grants.read(request)
            return 200, {}, {"user_code": "ABCDEFGHJ", "device_code": "code-of-the-device", "expires_in": 900,
                             "interval": 1, "verification_uri": "https://login.microsoft.com/device"}
        if not self.allowed(request):
            return 401, {}, {"error": {"code": "InvalidAuthenticationToken"}}
        if path.endswith("/messages"):
            self.posted.append((path, body))
            return 201, {}, {"id": "1616991463150"}
        self.assertEqual(path, "/graph.microsoft.com/v1.0/planner/plans/xqQg5FS2LkCp935s-FIFm2QAFkHM/tasks")
        first = int(urllib.parse.parse_qs(request["path"].partition("?")[2]).get("$skiptoken", ["0"])[0])
        page = {"value": self.tasks[first:first + 2]}
        if first + 2 < len(self.tasks):
            page["@odata.nextLink"] = f"{self.service.url}{path}?$skiptoken={first + 2}"
        return 200, {}, page

    def test_once_a_day(self):
        self.task("Paint <the> wall", 50, iso(-3))
        self.task("Done", 100, iso(-9))
        self.task("No date", 0, None)
        self.task("Later", 0, iso(3))
        self.task("Order chairs", 0, iso(-5))
        self.assertEqual(self.run_job("tasks"), "4 open, 2 overdue\n")
        [(path, body)] = self.posted
        self.assertEqual(path, "/graph.microsoft.com/v1.0/teams/11111111-1111-1111-1111-111111111111/channels/"
                               "19:4a95f7d8db4c4e7fae857bcebe0623e6@thread.tacv2/messages")
        self.assertEqual(body["body"], {"contentType": "html", "content":
                         f"<p>4 open, 2 overdue</p><ul><li>Order chairs, due {iso(-5)[:10]}</li>"
                         f"<li>Paint &lt;the&gt; wall, due {iso(-3)[:10]}</li></ul>"})
        self.assertEqual(self.run_job("tasks"), "")
        self.assertEqual(self.asked["scope"], "offline_access https://graph.microsoft.com/.default")

    def test_nothing_is_open(self):
        self.task("Done", 100, iso(-9))
        self.assertEqual((self.run_job("tasks"), self.posted), ("", []))

    def test_many_are_overdue(self):
        for day in range(1, 23):
            self.task(f"Task {day}", 0, iso(-day))
        self.assertEqual(self.run_job("tasks"), "22 open, 22 overdue\n")
        content = self.posted[0][1]["body"]["content"]
        self.assertEqual(content.count("<li>"), 21)
        self.assertIn("<li>and 2 more</li>", content)


class GitHub(WithService):
    name, token_path = "github-stale", "/access_tokens"
    places = {"token_url": "https://api.github.com/app/installations/1/access_tokens",
              "endpoint": "https://api.github.com"}

    def setUp(self):
        with open(KEYS + "/rsa.pem", encoding="ascii") as file:
            self.secrets = {"github-app.pem": file.read()}
        super().setUp()
        self.issues, self.comments = {}, []

    def token(self, _form, headers):
        claims = claims_of(headers["Authorization"].removeprefix("Bearer "))
        self.assertEqual(claims["iss"], "Iv23liExample")
        self.assertLessEqual(claims["exp"] - claims["iat"], 600)
        return 201, {}, {"token": self.new_token(), "expires_at": iso(1 / 24), "permissions": {"issues": "write"}}

    def issue(self, number, age, labels=(), **more):
        self.issues[number] = {"number": number, "title": f"Issue {number}", "updated_at": iso(-age), "state": "open",
                               "labels": [{"name": name} for name in labels], **more}

    def listed(self, path, query):
        found = [issue for issue in self.issues.values() if issue["state"] == query["state"]
                 and query.get("labels") in [None, *(label["name"] for label in issue["labels"])]]
        if query.get("sort") == "updated":
            found.sort(key=lambda issue: issue["updated_at"])
        page = int(query.get("page", 1))
        headers = {}
        if page * 2 < len(found):
            following = urllib.parse.urlencode({**query, "page": page + 1})
            headers["Link"] = f'<{self.service.url}{path}?{following}>; rel="next", <{self.service.url}>; rel="last"'
        return 200, headers, found[page * 2 - 2:page * 2]

    def api(self, request, path, body):
        if not self.allowed(request):
            return 401, {}, {"message": "Bad credentials"}
        self.assertEqual(request["headers"]["Accept"], "application/vnd.github+json")
        base = "/api.github.com/repos/example/project/issues"
        self.assertTrue(path.startswith(base))
        if path == base:
            return self.listed(path, dict(urllib.parse.parse_qsl(request["path"].partition("?")[2])))
        number, _, rest = path[len(base) + 1:].partition("/")
        issue = self.issues[int(number)]
        if request["method"] == "GET":
            return 200, {}, issue
        issue["updated_at"] = iso(0)
        if rest == "comments":
            self.comments.append((issue["number"], body["body"]))
        elif rest == "labels":
            issue["labels"] += [{"name": name} for name in body["labels"]]
        elif request["method"] == "DELETE":
            issue["labels"] = [label for label in issue["labels"] if "labels/" + label["name"] != rest]
        else:
            issue.update(body)
        return 200, {}, issue

    def test_the_life_of_an_issue(self):
        self.issue(1, 3)
        self.issue(2, 90)
        self.issue(3, 70)
        self.issue(4, 80, ["pinned"])
        self.issue(5, 100, pull_request={})
        self.issue(6, 61)
        command = ["-c", self.example(self.yaml), "run", "--dry-run", self.example("github-stale.lua"), "example/project"]
        dry = self.ok(*command).stdout
        self.assertEqual((dry.count("POST "), self.comments), (6, []))
        self.assertEqual(self.run_job("stale"), "stale #2 Issue 2\nstale #3 Issue 3\nstale #6 Issue 6\n")
        self.assertEqual([number for number, _ in self.comments], [2, 3, 6])
        self.assertIn("for 60 days", self.comments[0][1])
        self.assertEqual(self.run_job("stale"), "")
        # Somebody answers in one; nobody in the others, for eight days.
        self.issues[3]["updated_at"] = iso(1)
        with_time = self.faketime("+8d")
        done = self.ok("-c", self.example(self.yaml), "run", "--job", "stale", env=with_time)
        self.assertEqual(done.stdout, "closed #2 Issue 2\nchanged #3 Issue 3\nclosed #6 Issue 6\n")
        self.assertEqual(self.issues[2]["state_reason"], "not_planned")
        self.assertEqual(self.issues[3]["labels"], [])

    def test_a_label_of_somebody_else(self):
        self.issue(1, 5, ["stale"])
        self.issue(2, 8, ["stale"])
        self.assertEqual(self.run_job("stale"), "closed #2 Issue 2\n")

    def test_usage(self):
        for args in ([], ["project"], ["a/b/c"], ["a/b", "many"], ["a/b", "0"]):
            self.fails(1, "-c", self.example(self.yaml), "run", self.example("github-stale.lua"), *args, says="usage: ")


class Sheet(WithService):
    name, token_path = "sheet-to-chat", "/token"
    places = {"token_url": "https://oauth2.googleapis.com/token", "sheet": "https://sheets.googleapis.com",
              "chat": "https://chat.googleapis.com"}

    def setUp(self):
        with open(KEYS + "/service_account.json", encoding="ascii") as file:
            self.secrets = {"google-service-account.json": file.read()}
        super().setUp()
        self.rows, self.messages, self.scopes, self.lost = [["Name", "Room", "Remark"]], {}, {}, 0

    def token(self, form, _headers):
        claims = claims_of(form["assertion"])
        self.assertEqual((claims["aud"], form["grant_type"]), (self.service.url + "/oauth2.googleapis.com/token",
                                                               "urn:ietf:params:oauth:grant-type:jwt-bearer"))
        access = self.new_token()
        self.scopes["Bearer " + access] = claims["scope"].removeprefix("https://www.googleapis.com/auth/")
        return 200, {}, {"access_token": access, "expires_in": 3599, "token_type": "Bearer"}

    def api(self, request, path, body):
        scope = self.scopes.get(request["headers"].get("Authorization"))
        if path == ("/sheets.googleapis.com/v4/spreadsheets/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/values/A:Z"):
            self.assertEqual(scope, "spreadsheets.readonly")
            return 200, {}, {"range": "Form!A1:Z1000", "majorDimension": "ROWS", **({"values": self.rows} if self.rows else {})}
        self.assertEqual((path, scope), ("/chat.googleapis.com/v1/spaces/AAAAexample/messages", "chat.bot"))
        request_id = urllib.parse.parse_qs(request["path"].partition("?")[2])["requestId"][0]
        self.messages.setdefault(request_id, body["text"])
        if self.lost:
            self.lost -= 1
            return 503, {}, {"error": {"code": 503, "status": "UNAVAILABLE"}}
        return 200, {}, {"name": "spaces/AAAAexample/messages/1", "text": body["text"]}

    def test_new_rows(self):
        self.rows.append(["Alice", "4", ""])
        self.assertEqual(self.run_job("answers"), "1 rows; those that follow will be posted\n")
        self.assertEqual(self.run_job("answers"), "")
        self.rows += [["Bob", "", "lamp is broken"], ["Chitra"]]
        self.lost = 1  # the message is there, its reply is not
        self.assertEqual(self.run_job("answers"), "posted row 3\nposted row 4\n")
        self.assertEqual(list(self.messages.values()), ["*Name*: Bob\n*Remark*: lamp is broken", "*Name*: Chitra"])
        self.assertEqual(self.run_job("answers"), "")
        self.assertEqual(len(self.tokens), 2)  # one for each scope

    def test_an_empty_sheet_and_many_rows(self):
        self.rows = []
        self.assertEqual(self.run_job("answers"), "0 rows; those that follow will be posted\n")
        self.rows = [["Text"]] + [["é" * 600] for _ in range(12)]
        self.assertEqual(self.run_job("answers").count("posted row"), 10)
        self.assertEqual(self.run_job("answers"), "posted row 12\nposted row 13\n")
        self.assertEqual(set(self.messages.values()), {"*Text*: " + "é" * 500 + "…"})


if __name__ == "__main__":
    unittest.main()
