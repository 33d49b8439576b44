"""The examples of webhooks' handlers, each with events as the services' documentation shows them."""

import json
import os
import shutil
import sqlite3
import unittest
import urllib.parse

import hooks
import service
import support
from examples import Example

KEY = os.path.join(support.SOURCE, "tests/unit/crypto/keys/service_account.json")
EXAMPLES = os.path.join(support.SOURCE, "scripts/examples/hooks")


class Handlers(hooks.Hooks):
    def setUp(self):
        super().setUp()
        self.posted = []
        self.service = service.Service(self.answer)
        self.addCleanup(self.service.stop)
        self.write("jeton.yaml", f"""version: 1
state: {self.state}
connectors:
  api:
    provider: oauth2
    grant: client_credentials
    token_url: {self.service.url}/token
    endpoint: {self.service.url}/api
    client_id: id
    client_secret: {{ env: CLIENT_SECRET }}
""")
        self.env["CLIENT_SECRET"] = "a-long-secret"

    def answer(self, request):
        if request["path"] == "/token":
            return 200, {}, {"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 3600}
        self.posted.append((request["path"], json.loads(request["body"] or b"null")))
        return self.reply(request)

    def reply(self, _):
        return 200, {}, {}

    def handle(self, name, *events, connector="api"):
        """Each event (type, body); all have been handled when it returns."""
        shutil.copyfile(os.path.join(EXAMPLES, name), os.path.join(self.folder, name))
        os.chmod(os.path.join(self.folder, name), 0o600)
        self.add(*((f"{name}{n}", kind, "k", json.dumps(body)) for n, (kind, body) in enumerate(events)))
        worker = self.work(script_path=os.path.join(self.folder, name), connector=connector)
        self.until("done", "dead")
        _, said = self.end(worker)
        self.assertEqual(set(self.rows()), {"done"}, said)


class Configuration(Example):
    def test_it_is_valid(self):
        for name in ("slack", "github", "stripe", "contoso-id", "contoso-secret", "contoso-refresh-token"):
            self.write(f"hooks/secrets/{name}", "a-secret-of-some-length\n")
        with open(KEY, encoding="utf-8") as file:
            self.write("hooks/secrets/google-service-account.json", file.read())
        done = self.ok("-c", self.example("hooks/hooks.yaml"), "check")
        self.assertIn("webhook 'reviews' takes its ids from what is not signed", done.stderr + done.stdout)


class GitHub(Handlers):
    def reply(self, _):
        return 200, {}, {"ok": True, "ts": f"1.{len(self.posted)}"}

    def test_a_review_lands_where_its_request_is(self):
        self.env["CHANNEL"] = "C1"
        pull = {"number": 7, "title": "a < b", "html_url": "https://github.com/o/r/pull/7"}
        base = {"repository": {"full_name": "o/r"}, "pull_request": pull}
        self.handle("github-review.lua",
                    ("pull_request", {**base, "action": "review_requested", "requested_reviewer": {"login": "ann"}}),
                    ("pull_request_review", {**base, "action": "submitted",
                                             "review": {"state": "approved", "user": {"login": "ann"}}}),
                    ("push", {}))
        link = "<https://github.com/o/r/pull/7|#7 a &lt; b>"
        self.assertEqual(self.posted, [
            ("/api/chat.postMessage", {"channel": "C1", "text": f"ann is asked to review {link}"}),
            ("/api/chat.postMessage", {"channel": "C1", "text": f"ann approved {link}", "thread_ts": "1.1"})])
        self.assertEqual(self.keys(), {"o/r#7": "1.1"})


class Stripe(Handlers):
    def test_payments_are_counted_once(self):
        self.env["SPACE"] = "AAA"
        session = {"payment_status": "paid", "amount_total": 1250, "currency": "eur", "customer": "cus_1",
                   "customer_details": {"email": "a@example.org"}}
        invoice = {"amount_due": 500, "currency": "jpy", "attempt_count": 2, "customer": None, "customer_email": None,
                   "hosted_invoice_url": None}
        debit = {**session, "payment_status": "unpaid", "amount_total": 5120, "currency": "kwd"}
        day = {"created": 1700000000}
        self.handle("stripe-to-chat.lua", ("checkout.session.completed", {**day, "data": {"object": session}}),
                    ("checkout.session.completed", {**day, "data": {"object": session}}),
                    ("invoice.payment_failed", {**day, "data": {"object": invoice}}),
                    ("checkout.session.completed", {**day, "data": {"object": debit}}),
                    ("checkout.session.async_payment_succeeded",
                     {**day, "data": {"object": {**debit, "payment_status": "paid"}}}))
        self.assertEqual([body["text"] for _, body in self.posted], [
            "a@example.org paid 12.50 EUR; today 12.50 EUR", "a@example.org paid 12.50 EUR; today 25.00 EUR",
            "somebody could not pay 500 JPY (attempt 2): no link", "a@example.org paid 5.120 KWD; today 5.120 KWD"])
        ids = {urllib.parse.parse_qs(path.partition("?")[2])["requestId"][0] for path, _ in self.posted}
        self.assertEqual(len(ids), 4)
        self.assertEqual(self.keys(), {"2023-11-14 eur": 2500, "2023-11-14 kwd": 5120})


def response(answers, **more):
    return {"eventType": "SurveyResponse", "data": {
        "actionId": "s1", "responseId": "r1", "responder": "+33100000002", "responderName": "Bob",
        "responseDetails": {"responseWithQuestions": answers}, **more}}


class Survey(Handlers):
    def reply(self, _):
        return 200, {}, b"a picture"

    def test_answers_and_pictures_are_kept(self):
        os.mkdir(os.path.join(self.folder, "pictures"))
        self.env["FOLDER"] = self.folder
        answers = [{"title": "Well?", "type": "SingleOption", "answer": ["Yes"]}, {"title": "n", "type": "Numeric", "answer": 3.5},
                   {"title": "where", "type": "Location", "answer": {"lt": 1.5, "lg": 2, "n": "x"}},
                   {"title": "photo", "type": "AttachmentList",
                    "answer": [{"mediaUrl": f"{self.service.url}/api/m", "mediaFileName": "../../a b.jpg"}]},
                   {"title": "hidden", "type": "Text", "answer": "x", "isInvisible": True}]
        self.handle("survey-answers.lua", ("SurveyResponse", response(answers)),
                    ("SurveyResponse", response([{**answers[0], "answer": ["No"]}, *answers[1:]])))
        database = sqlite3.connect(os.path.join(self.folder, "answers.db"))
        rows = dict(database.execute("SELECT question, answer FROM answers"))
        database.close()
        path = os.path.join(self.folder, "pictures", "r1-1-_._.._a_b.jpg")
        [kept] = os.listdir(os.path.join(self.folder, "pictures"))
        self.assertNotIn("/", kept)
        self.assertEqual(rows, {"Well?": "No", "n": "3.5", "where": "1.5, 2", "photo": os.path.join(os.path.dirname(path), kept)})


class Approval(Handlers):
    def test_a_wish_is_decided(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        with open(self.config, "a", encoding="utf-8") as file:
            file.write(f"\nstate: {self.state}\n" if "state:" not in self.text("jeton.yaml") else "")
        asking = json.loads(self.ok("api", "groups").stdout)["groups"][0]["groupId"]
        made = self.ok("run", self.write("make.lua", """
            print(require("kaizala").connect():create_group { name = "Deciders", members = { "+33100000002" } }.id)"""))
        deciding = made.stdout.strip()
        self.env["DECIDERS"] = deciding
        self.handle("approval.lua", ("TextMessageCreated", {"groupId": asking, "fromUserName": "Ann",
                                                            "data": {"text": "please a new chair"}}),
                    ("TextMessageCreated", {"groupId": asking, "fromUserName": "Ann", "data": {"text": "hello"}}),
                    connector="contoso")
        [(survey, asked)] = self.keys().items()
        self.assertEqual(asked, {"group": asking, "wish": "a new chair", "name": "Ann"})
        answer = response([{"title": "Approve?", "type": "SingleOption", "answer": ["Yes"]}], actionId=survey)
        self.add(("answer", "SurveyResponse", "k", json.dumps(answer)))
        worker = self.work(script_path=os.path.join(self.folder, "approval.lua"), connector="contoso")
        self.until("done")
        self.end(worker)
        self.assertEqual(self.keys(), {})
        state = json.loads(sandbox.call("GET", "/_sandbox/state")[2])
        self.assertIn('Ann: "a new chair" was approved by Bob', [message["text"] for message in state["messages"]])


class Attendance(Handlers):
    def test_managers_are_told_and_nobody_counts_twice(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        self.env["MANAGERS"] = support.GROUP
        def answered(who, place, title="Where are you today?"):
            return "SurveyResponse", response([{"title": title, "type": "SingleOption", "answer": [place]}],
                                              responderId=who, responderName=who.title())
        with open(os.path.join(EXAMPLES, "attendance.lua"), encoding="utf-8") as file:
            script = self.write("attendance.lua", file.read())
        # Of one order each, as in hooks.yaml: one is handled after the other.
        events = (answered("ann", "Home"), answered("bob", "Office"), answered("cid", "Office"), answered("ann", "Away"),
                  answered("bob", "Yes", title="Did you like it?"), ("TextMessageCreated", {"data": {"text": "hello"}}))
        self.add(*((f"a{n}", kind, "group", json.dumps(body)) for n, (kind, body) in enumerate(events)))
        worker = self.work(script_path=script, connector="contoso")
        self.until("done", "dead")
        _, said = self.end(worker)
        self.assertEqual(set(self.rows()), {"done"}, said)
        self.assertEqual(self.keys()["today"]["answers"], {"ann": "Away", "bob": "Office", "cid": "Office"})
        state = json.loads(sandbox.call("GET", "/_sandbox/state")[2])
        self.assertEqual({message["text"] for message in state["messages"]}, {
            "Ann: Home. Today: 1 Home", "Bob: Office. Today: 1 Home, 1 Office", "Cid: Office. Today: 2 Office, 1 Home",
            "Ann: Away. Today: 2 Office, 1 Away"})


if __name__ == "__main__":
    unittest.main()
