"""Senders' presets behind a real listener: challenges, copies under other IDs, and no answer that is a signature."""

import base64
import datetime
import hashlib
import hmac
import json
import time
import unittest

import listening
from listening import sign

MORE = """\
  few: {{ from: github, secret: few-secret, events: [issues], script: {folder}/handler.lua }}
  hub: {{ from: github, secret: hub-secret, script: {folder}/handler.lua }}
  form: {{ verify: {{ kind: hmac, in: "header:X-Sig" }}, id: "form:id", secret: form-secret, script: {folder}/handler.lua }}
  x: {{ from: x, secret: x-secret, script: {folder}/handler.lua }}
  graph: {{ from: microsoft-graph, secret: graph-secret, script: {folder}/handler.lua }}
  shop: {{ from: woocommerce, secret: shop-secret, script: {folder}/handler.lua }}
  kaizala: {{ from: kaizala, secret: callback-token, script: {folder}/handler.lua }}
"""

OTHERS = """\
  box: {{ from: box, secret: box-secret, script: {folder}/handler.lua }}
  docusign: {{ from: docusign, secret: docusign-secret, script: {folder}/handler.lua }}
  linear: {{ from: linear, secret: linear-secret, script: {folder}/handler.lua }}
  xero: {{ from: xero, secret: xero-secret, script: {folder}/handler.lua }}
  voice: {{ from: twilio-voice, secret: voice-secret, public_url: "https://a.example/voice", script: {folder}/voice.lua }}
  gitea: {{ from: gitea, secret: gitea-secret, script: {folder}/handler.lua }}
  calendly: {{ from: calendly, secret: calendly-secret, script: {folder}/handler.lua }}
  mailgun: {{ from: mailgun, secret: mailgun-secret, script: {folder}/handler.lua }}
"""


class Presets(listening.Case):
    def test_presets(self):
        self.hooks(more=MORE.format(folder=self.folder))
        listener = self.listener()

        # The same content under an ID that nobody signs.
        body = b'{"id":"h1"}'
        for delivery in ("d1", "d1", "d2"):
            headers = {"X-Hub-Signature-256": "sha256=" + sign(body, "hub-secret"), "X-GitHub-Delivery": delivery}
            self.assertEqual(listener.ask("POST", "/hub", body, headers)[0], 200)
        self.wait_done(1)
        self.assertEqual(self.rows("SELECT id, state, duplicates FROM event ORDER BY seq"),
                         [("d1", "done", 1), ("d2", "held", 0)])

        # Without an ID, or with an empty one, and the other way round.
        for number, tries in ((1, ("d3", None, "")), (2, (None, "d4", "")), (3, ("", "d5", None))):
            body = b'{"id":"%d"}' % number
            for delivery in tries:
                headers = {"X-Hub-Signature-256": "sha256=" + sign(body, "hub-secret")}
                if delivery is not None:
                    headers["X-GitHub-Delivery"] = delivery
                self.assertEqual(listener.ask("POST", "/hub", body, headers)[0], 200)
        self.wait_done(4)
        digest = [hashlib.sha256(b'{"id":"%d"}' % number).hexdigest() for number in (1, 2, 3)]
        self.assertEqual(self.rows("SELECT id, state, duplicates FROM event WHERE seq > 2 ORDER BY seq"),
                         [("d3", "done", 0), (digest[0], "held", 1), (digest[1], "done", 1), ("d4", "held", 0),
                          (digest[2], "done", 1), ("d5", "held", 0)])

        # What is signed decides about the ID in a way that the sender has not: the form is none.
        form = b"id=f1"
        for kind in ("application/x-www-form-urlencoded", "text/plain"):
            headers = {"X-Sig": sign(form, "form-secret"), "Content-Type": kind}
            self.assertEqual(listener.ask("POST", "/form", form, headers)[0], 200)
        self.wait_done(5)
        self.assertEqual(self.rows("SELECT id, state FROM event WHERE seq > 8 ORDER BY seq"),
                         [("f1", "done"), (hashlib.sha256(form).hexdigest(), "held")])

        # What was skipped, under a type that is wanted and that nobody signs; with an ID, and without.
        body = b'{"id":"s1"}'
        for kind, delivery in (("push", "s1"), ("push", "s1"), ("issues", "s2"), ("issues", "s1"), ("issues", "")):
            headers = {"X-Hub-Signature-256": "sha256=" + sign(body, "few-secret"), "X-GitHub-Event": kind,
                       "X-GitHub-Delivery": delivery}
            self.assertEqual(listener.ask("POST", "/few", body, headers)[0], 200)
        listed = json.loads(self.ok("events", "few", "--json").stdout)
        self.assertEqual([event["state"] for event in listed], ["held", "held"])

        # What a challenge is answered with signs no event.
        status, headers, answer = listener.ask("GET", "/x?crc_token=abc")
        mac = json.loads(answer)["response_token"]
        self.assertEqual((status, headers["X-Content-Type-Options"]), (200, "nosniff"))
        self.assertEqual(mac, "sha256=" + base64.b64encode(bytes.fromhex(sign(b"abc", "x-secret"))).decode())
        self.assertEqual(listener.ask("POST", "/x", b"abc", {"x-twitter-webhooks-signature": mac})[0], 401)
        self.assertEqual(listener.ask("GET", "/x?crc_token=%7B%22a%22%3A1%7D")[0], 400)
        listener.wait_log("what is signed could be the answer to a challenge")

        # The ping of a shop that saves its webhook is not signed; events are.
        form = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        self.assertEqual(listener.ask("POST", "/shop", b"webhook_id=1", form)[0], 200)
        for body, headers in ((b"webhook_id=1", {}), (b"id=1", form), (b'{"id":1}', {"X-WC-Webhook-Topic": "order.created"})):
            self.assertEqual(listener.ask("POST", "/shop", body, headers)[0], 401)

        # Notifications without an ID, all alike, and one that has one.
        body = b'{"value":[{"subscriptionId":"1","resource":"/me/drive/root","changeType":"updated","clientState":"graph-secret"}]}'
        named = body.replace(b'{"sub', b'{"id":"n1","sub')
        for sent in (body, body, named, named):
            self.assertEqual(listener.ask("POST", "/graph", sent, {})[0], 200)
        listed = json.loads(self.ok("events", "graph", "--json").stdout)
        self.assertEqual([(event["event_id"] == "n1", event["duplicates"]) for event in listed], [(True, 1), (False, 0), (False, 0)])

        # A token, and a URL that is validated; no connector is needed where nothing is subscribed to.
        status, headers, answer = listener.ask("GET", "/kaizala?validationToken=v-1")
        self.assertEqual((status, headers["Content-Type"], answer), (200, "text/plain", b"v-1"))
        event = b'{"eventId":"k1","eventType":"SurveyCreated"}'
        self.assertEqual(listener.ask("POST", "/kaizala", event, {"kz-callback-token": "another-token"})[0], 401)
        self.assertEqual(listener.ask("POST", "/kaizala", event, {"kz-callback-token": "callback-token"})[0], 200)
        self.wait_done(10)  # one of them was skipped
        kept = self.rows("SELECT id, type, headers FROM event WHERE id = 'k1'")
        self.assertEqual([row[:2] for row in kept], [("k1", "SurveyCreated")])
        self.assertIn('"kz-callback-token":"***"', kept[0][2])
        listener.stop()

    def test_retries_and_bodies_as_the_senders_have_them(self):
        def signature(body, secret):
            return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()

        self.write("voice.lua", 'return function(event) return { body = "<Response/>", headers = { ["Content-Type"] = "text/xml" } } end')
        self.hooks(more=OTHERS.format(folder=self.folder))
        listener = self.listener()

        # Box: what is sent again has another delivery's ID and another time.
        body = b'{"type":"webhook_event","id":"b1","trigger":"FILE.UPLOADED"}'
        zone = datetime.timezone(datetime.timedelta(hours=-7))
        for number in range(2):
            sent = (datetime.datetime.now(zone) + datetime.timedelta(seconds=number)).isoformat(timespec="seconds")
            headers = {"BOX-DELIVERY-ID": f"delivery-{number}", "BOX-DELIVERY-TIMESTAMP": sent,
                       "BOX-SIGNATURE-PRIMARY": signature(body + sent.encode(), b"box-secret")}
            self.assertEqual(listener.ask("POST", "/box", body, headers)[0], 200)

        # DocuSign: the documents are in the body, and how often it was sent.
        for event, recipient, count in (("envelope-completed", None, 0), ("envelope-completed", None, 1),
                                        ("recipient-completed", "1", 0), ("recipient-completed", "2", 0)):
            data = {"envelopeId": "e1", "recipientId": recipient, "PDFBytes": "A" * (2 << 20)}
            body = json.dumps({"event": event, "retryCount": count, "generatedDateTime": "2026-11-28T18:03:50.4233752Z",
                               "data": data}).encode()
            headers = {"X-DocuSign-Signature-1": signature(body, b"docusign-secret")}
            self.assertEqual(listener.ask("POST", "/docusign", body, headers)[0], 200)

        # Calendly: what is sent again is signed anew; the time of an event has whole seconds.
        for number, changed in ((0, "51.327602Z"), (1, "51.327602Z"), (2, "51.927602Z")):
            body = json.dumps({"event": "contact.updated", "created_at": "2026-11-28T17:51:51.000000Z",
                               "payload": {"uri": "https://api.calendly.com/contacts/C1",
                                           "updated_at": "2026-11-28T17:51:" + changed}}).encode()
            sent = str(int(time.time()) + number)
            headers = {"Calendly-Webhook-Signature": f"t={sent},v1=" + sign(f"{sent}.".encode() + body, "calendly-secret")}
            self.assertEqual(listener.ask("POST", "/calendly", body, headers)[0], 200)

        # Mailgun: a subaccount's event, by the key of the account above.
        now = str(int(time.time()))
        signed = {"timestamp": now, "token": "m1", "signature": sign(f"{now}m1".encode(), "another-key"),
                  "parent-signature": sign(f"{now}m1".encode(), "mailgun-secret")}
        body = json.dumps({"signature": signed, "event-data": {"event": "delivered"}}).encode()
        self.assertEqual(listener.ask("POST", "/mailgun", body, {})[0], 200)
        signed["parent-signature"] = signed["signature"]
        body = json.dumps({"signature": signed, "event-data": {"event": "delivered"}}).encode()
        self.assertEqual(listener.ask("POST", "/mailgun", body, {})[0], 401)

        # Linear: what is sent again after a minute, an hour and six hours has the first time, and so the first signature.
        now = int(time.time() * 1000)
        for minutes in (422, 422, 62, 1):
            body = json.dumps({"action": "create", "type": "Issue", "webhookTimestamp": now - 60_000 * minutes}).encode()
            headers = {"Linear-Signature": sign(body, "linear-secret"), "Linear-Delivery": f"l{minutes}"}
            self.assertEqual(listener.ask("POST", "/linear", body, headers)[0], 200)

        # Xero: another random text in what is sent again, and perhaps more events.
        events = [{"resourceId": "r1", "tenantId": "t1", "eventCategory": "CONTACT", "eventType": kind,
                   "eventDateUtc": "2026-11-28T01:15:39.902"} for kind in ("CREATE", "UPDATE")]
        for number in (1, 2):
            body = json.dumps({"events": events[:number], "entropy": f"e{number}"}).encode()
            headers = {"x-xero-signature": signature(body, b"xero-secret")}
            self.assertEqual(listener.ask("POST", "/xero", body, headers)[0], 200)

        # Twilio: what is asked twice in a call is answered twice.
        mac = hmac.new(b"voice-secret", b"https://a.example/voiceCallSidC1Digits1", hashlib.sha1).digest()
        for number in (1, 2):
            headers = {"X-Twilio-Signature": base64.b64encode(mac).decode(), "I-Twilio-Idempotency-Token": f"i{number}",
                       "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
            self.assertEqual(listener.ask("POST", "/voice", b"Digits=1&CallSid=C1", headers)[::2], (200, b"<Response/>"))

        # Gitea: the files of a large push.
        body = json.dumps({"commits": [{"added": ["vendor/file.c"] * 100_000}]}).encode()
        headers = {"X-Gitea-Signature": sign(body, "gitea-secret"), "X-Gitea-Event": "push", "X-Gitea-Delivery": "g1"}
        self.assertEqual(listener.ask("POST", "/gitea", body, headers)[0], 200)

        self.wait_done(15)
        self.assertEqual(self.rows("SELECT type, state, duplicates FROM event ORDER BY seq"),
                         [("FILE.UPLOADED", "done", 1), ("envelope-completed", "done", 1), ("recipient-completed", "done", 0),
                          ("recipient-completed", "done", 0), ("contact.updated", "done", 1),
                          ("contact.updated", "done", 0), ("delivered", "done", 0), ("Issue.create", "done", 1),
                          ("Issue.create", "done", 0), ("Issue.create", "done", 0), ("CONTACT.CREATE", "done", 1),
                          ("CONTACT.UPDATE", "done", 0), (None, "done", 0), (None, "done", 0), ("push", "done", 0)])
        listener.stop()


if __name__ == "__main__":
    unittest.main()
