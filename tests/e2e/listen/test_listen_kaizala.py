"""The sandbox and a listener, as two processes, HTTPS between them: subscriptions are made, renewed and taken back, and
every type of event arrives."""

import json
import os
import socket
import unittest

import certificates
import listening
import support
from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, TENANT_TOKEN

EVENTS = ("ActionCreated ActionResponse SurveyCreated SurveyResponse JobCreated JobResponse PollCreated PollResponse "
          "LetsMeetCreated LetsMeetResponse TextMessageCreated AttachmentCreated Announcement MemberAdded MemberRemoved "
          "GroupAdded GroupRemoved").split()
FIELDS = {"subscriptionId", "objectId", "objectType", "eventType", "eventId", "data", "context", "fromUser", "fromUserId",
          "fromUserName", "isBotfromUser", "groupId", "sourceGroupId"}
HANDLER = """\
local json = require "jeton.json"
local state = require "jeton.state"
return function(event)
  state.set(event.type, json.encode(event.data))
end
"""


class Kaizala(listening.Case):
    def setUp(self):
        super().setUp()
        authority = certificates.Authority(self.folder)
        authority.server("hooks")
        self.env["SSL_CERT_FILE"] = authority.file  # the sandbox trusts it
        self.server = self.sandbox("--rate-limit", "0")
        del self.env["SSL_CERT_FILE"]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.write("handler.lua", HANDLER)
        self.configure_hook()

    def configure_hook(self, objects='[{ group: Sales }]', more=""):
        self.write("jeton.yaml", f"""\
version: 1
name: test
state: {self.state}
listen: {{ address: "127.0.0.1:{self.port}", certificate: hooks.pem, key: hooks.key }}
connectors:
  contoso:
    provider: kaizala
    token_service: {self.server.base}
    application_id: {APPLICATION_ID}
    application_secret: {APPLICATION_SECRET}
    refresh_token: {TENANT_TOKEN}
webhooks:
  chat:
    from: kaizala
    connector: contoso
    public_url: https://127.0.0.1:{self.port}/chat
    objects: {objects}
    script: handler.lua
{more}""")

    def subscriptions(self):
        token = json.loads(self.server.call("GET", "/v1/accessToken", headers={
            "applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET, "refreshToken": TENANT_TOKEN})[2])
        return json.loads(self.server.call("GET", "/v1/webhook", headers={
            "accessToken": token["accessToken"]})[2])["webhooks"]

    def subscribed(self):
        listener = listening.Listener(self, popen=self.start("listen"))
        try:
            support.wait_until(self.subscriptions, 30)
        except AssertionError as error:
            raise AssertionError(listener.log()) from error
        return listener

    def test_every_type_arrives(self):
        listener = self.subscribed()
        one, = self.subscriptions()
        self.assertEqual((one["objectId"], one["callbackContext"]), (GROUP, "jeton:test:chat"))
        self.assertEqual(sorted(one["events"]), sorted(EVENTS))
        for event in EVENTS:
            self.ok("sandbox", "trigger", "--url", self.server.url, "--group", GROUP, event)
        self.wait_done(len(EVENTS))
        arrived = {key: json.loads(json.loads(value)) for key, value in
                   self.rows("SELECT key, value FROM kv WHERE scope LIKE 'hook:%'")}
        self.assertEqual(sorted(arrived), sorted(EVENTS), listener.log())
        for event, envelope in arrived.items():
            self.assertLessEqual(FIELDS, set(envelope), event)
            self.assertEqual((envelope["context"], envelope["groupId"]), ("jeton:test:chat", GROUP))
        self.assertEqual(self.states(), {"done": len(EVENTS)})
        headers = self.rows("SELECT headers FROM event LIMIT 1")[0][0]
        self.assertEqual(json.loads(headers)["kz-callback-token"], "***")
        context = listening.ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))
        self.assertEqual(listener.ask("POST", "/chat", b"{}", {"kz-callback-token": "x"}, context)[0], 401)

    def test_subscriptions_are_made_renewed_and_taken_back(self):
        self.subscribed()
        self.assertEqual(self.ok("listen", "--sync").stdout, "webhook 'chat': group Sales: unchanged\n")
        self.configure_hook(objects=f'[{{ group: "{GROUP}" }}]', more="    events: [JobCreated, JobResponse]\n")
        self.assertIn("updated (events)", self.ok("listen", "--sync").stdout)
        self.assertEqual(sorted(self.subscriptions()[0]["events"]), ["JobCreated", "JobResponse"])
        in_21_days = self.faketime("+1814400")
        done = self.ok("listen", "--sync", env=in_21_days)
        self.assertIn("updated (validity)", done.stdout)
        self.assertEqual(self.ok("listen", "--unsubscribe").stdout, "webhook 'chat': 1 unsubscribed\n")
        self.assertEqual(self.subscriptions(), [])
        self.assertIn("0 unsubscribed", self.ok("listen", "--unsubscribe").stdout)

    def test_usage(self):
        self.fails(2, "listen", "--sync", "--unsubscribe", says="only one")
        self.fails(2, "listen", "--trigger", "chat", "handler.lua", says="TLS")
        self.hooks()
        self.fails(3, "listen", "--sync", says="kaizala")


class Trigger(listening.Case):
    def test_trigger(self):
        self.write("bot.key", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n")
        self.hooks(more=f"""\
  bot:
    from: discord
    secret: {{ file: {self.folder}/bot.key }}
    script: {self.folder}/handler.lua
""")
        listener = self.listener()
        at = ("--listen", f"127.0.0.1:{listener.port}")
        body = self.write("body.json", '{"id": "by-hand", "type": "order.created"}')
        self.assertEqual(self.ok("listen", "--trigger", "orders", *at, body).stdout, "200\n")
        self.wait_done(1)
        self.assertEqual(self.handled(), {"by-hand": 1})
        self.assertEqual(self.ok("listen", "--trigger", "orders", *at, "-", input='{"id":"two"}').stdout, "200\n")
        self.write("sender.secret", "another-secret-0123456789\n")
        self.fails(6, "listen", "--trigger", "orders", *at, body, says="401")
        self.fails(2, "listen", "--trigger", "orders", *at, says="FILE")
        self.fails(2, "listen", body, says="--trigger")
        self.fails(2, "listen", "--trigger", "orders", "-H", "novalue", *at, body, says="NAME:VALUE")
        self.fails(2, "listen", "--trigger", "bot", *at, body, says="sign")
        self.fails(3, "listen", "--trigger", "other", *at, body, says="other")
        self.fails(3, "listen", "--trigger", "orders", *at, "nowhere.json", says="nowhere.json")
        self.fails(5, "listen", "--trigger", "orders", "--listen", "127.0.0.1:9", body)


if __name__ == "__main__":
    unittest.main()
