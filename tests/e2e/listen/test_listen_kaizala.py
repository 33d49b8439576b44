"""The sandbox and a listener, as two processes, HTTPS between them: subscriptions are made, renewed and taken back, and
every type of event arrives."""

import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

import certificates
import listening
import support
from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, TENANT_TOKEN
from tcp_server import Listener

EVENTS = ("ActionCreated ActionResponse SurveyCreated SurveyResponse JobCreated JobResponse PollCreated PollResponse "
          "LetsMeetCreated LetsMeetResponse TextMessageCreated AttachmentCreated Announcement MemberAdded MemberRemoved "
          "GroupAdded GroupRemoved").split()
FIELDS = {"subscriptionId", "objectId", "objectType", "eventType", "eventId", "data", "context", "fromUser", "fromUserId",
          "fromUserName", "isBotfromUser", "groupId", "sourceGroupId"}
QUESTIONS = "actionId groupId title questions"
ANSWERS = ("actionId actionPackageId packageId groupId sourceGroupId responseId isUpdateResponse responder responderId creatorId "
           "responderName responderProfilePic isAnonymous responseDetails Properties")
MEMBER = "member memberId memberName type memberProfilePic"
# Documented of `data`, by type.
DATA = {"TextMessageCreated": "text", "AttachmentCreated": "media actionType caption", "Announcement": "title text media",
        "JobCreated": "title assignedTo dueDate actionId groupId", "JobResponse": "actionId groupId responseId responseDetails",
        "SurveyResponse": ANSWERS, "ActionResponse": ANSWERS, "PollResponse": ANSWERS, "LetsMeetResponse": ANSWERS,
        "SurveyCreated": QUESTIONS, "ActionCreated": QUESTIONS, "PollCreated": QUESTIONS, "LetsMeetCreated": QUESTIONS,
        "MemberAdded": MEMBER, "MemberRemoved": MEMBER, "GroupAdded": "groupId groupName", "GroupRemoved": "groupId groupName"}
# What a group can be sent, and what comes of it.
CREATE = f"""\
local group = require("kaizala").connect():group "{GROUP}"
local questions = {{ {{ title = "Well?", options = {{ "Yes", "No" }} }} }}
local job = group:create_job {{ title = "Water", assigned_to = {{ "+33100000001" }} }}
local survey = group:create_survey {{ title = "Lunch", questions = questions }}
local visit = group:send_action {{ id = "com.example.visit", title = "Visit", questions = questions }}
"""
THE_REST = CREATE + """\
local args, add = require("jeton").args, { "+33100000009" }
group:send_message "Hello"
group:announce { title = "News", message = "Rain" }
group:send_image "picture.png"
group:create_poll { question = "Tea?", choices = { "Yes", "No" } }
group:schedule_meeting { title = "Review", starts_at = os.time() + 86400 }
group:remove_subgroup(group:create_subgroup { name = "East" })
group:add_members(add)
for member in group:members() do
  if member.mobile_number == add[1] then group:remove_member(member.id) end
end
group:action(args[1]):respond { completed = true }
for _, id in ipairs { args[2], args[3] } do
  group:action(id):respond { answers = { ["Well?"] = "Yes" } }
end
"""
HANDLER = """\
local json = require "jeton.json"
local state = require "jeton.state"
return function(event)
  state.set(event.type, json.encode(event.data))
end
"""


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


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

    def of_hook(self, name):
        """What the hook's handler has kept: {type: envelope}."""
        return {key: json.loads(json.loads(value)) for key, value in
                self.rows("SELECT key, value FROM kv WHERE scope LIKE ?", f"hook:{name}:%")}

    def run_script(self, script, *args):
        return self.ok("run", self.write("script.lua", script), *args).stdout.split()

    def test_what_happens_in_a_group_and_to_actions_arrives(self):
        job, survey, visit = self.run_script(CREATE + "print(job.id, survey.id, visit.id)")
        self.configure_hook(more=f"""\
  asked:
    from: kaizala
    connector: contoso
    public_url: https://127.0.0.1:{self.port}/asked
    objects: [{{ action: {job} }}, {{ action: {survey} }}, {{ action: {visit} }}]
    script: handler.lua
""")
        listener = listening.Listener(self, popen=self.start("listen"))
        support.wait_until(lambda: len(self.subscriptions()) == 4, 30)
        shutil.copyfile(os.path.join(support.SOURCE, "scripts/examples/data/logo.png"),
                        os.path.join(self.folder, "picture.png"))
        self.run_script(THE_REST, job, survey, visit)
        told = sorted(set(EVENTS) - {"PollResponse", "LetsMeetResponse"})  # people answer those in the app
        self.wait_done(len(told) + 3)
        self.assertEqual(self.states(), {"done": len(told) + 3}, listener.log())
        in_group, asked = self.of_hook("chat"), self.of_hook("asked")
        self.assertEqual(sorted(in_group), told)
        self.assertEqual({event: one["objectId"] for event, one in asked.items()},
                         {"JobResponse": job, "SurveyResponse": survey, "ActionResponse": visit})
        for kind, arrived in (("Group", in_group), ("Action", asked)):
            for event, envelope in arrived.items():
                self.assertLessEqual(FIELDS, set(envelope), event)
                self.assertLessEqual(set(DATA[event].split()), set(envelope["data"]), event)
                self.assertEqual((envelope["objectType"], envelope["eventType"], envelope["groupId"]), (kind, event, GROUP))
        answer, = asked["SurveyResponse"]["data"]["responseDetails"]["responseWithQuestions"]
        self.assertEqual((answer["title"], answer["answer"]), ("Well?", ["Yes"]))
        self.assertEqual(asked["SurveyResponse"]["data"], in_group["SurveyResponse"]["data"])

    def deliveries(self):
        return json.loads(self.server.call("GET", "/_sandbox/deliveries")[2])["deliveries"]

    def tried(self, times):
        """Waits until the first delivery that waits was tried so often, and returns it."""
        def found():
            waiting = [one for one in self.deliveries() if one["state"] == "waiting"]
            return bool(waiting) and len(waiting[0]["attempts"]) >= times and waiting[0]
        support.wait_until(found, 30)
        return found()

    def test_two_days_without_a_receiver_lose_nothing(self):
        listener = self.subscribed()
        say = 'require("kaizala").connect():group("{}"):send_message "{}"'
        self.run_script(say.format(GROUP, "before"))
        self.wait_done(1)
        listener.stop()
        self.run_script(say.format(GROUP, "first"))
        began = self.tried(1)["attempts"][0]["at"]
        for tried in range(1, 7):
            due = self.tried(tried)["next_at"]
            now = json.loads(self.server.call("GET", "/_sandbox/clock")[2])["now"]
            self.server.steer("clock", {"advance_s": max(0, int(when(due)) - now) + 1})
        last = self.tried(7)["attempts"][6]
        self.assertEqual(len(self.tried(7)["attempts"]), 7)
        self.assertTrue(all("error" in one for one in self.tried(7)["attempts"]))
        self.assertTrue(36 * 3600 < when(last["at"]) - when(began) <= 48 * 3600, (began, last))
        self.assertEqual([one["active"] for one in self.subscriptions()], [False])
        for text in ("second", "third"):
            self.run_script(say.format(GROUP, text))
        listener = listening.Listener(self, popen=self.start("listen"))  # a PUT wakes the subscription
        self.wait_done(4)
        texts = [json.loads(body)["data"]["text"] for body, in self.rows("SELECT body FROM event ORDER BY seq")]
        self.assertEqual(texts, ["before", "first", "second", "third"], listener.log())
        self.assertEqual([one["active"] for one in self.subscriptions()], [True])
        self.assertEqual({one["state"] for one in self.deliveries()}, {"delivered"})

    def test_one_object_that_is_not_there_costs_the_others_nothing(self):
        self.configure_hook(objects="[{ group: Gone }, { group: Lost }, { group: Sales }]")
        self.subscribed()
        done = self.jeton("listen", "--sync")
        while done.returncode == 7:  # the listener has subscribed, and ends its turn
            done = self.jeton("listen", "--sync")
        for name in ("Gone", "Lost"):  # each is told
            self.assertIn(name, done.stderr)
        self.assertEqual([webhook["objectId"] for webhook in self.subscriptions()], [GROUP])

    def test_a_reload_while_subscriptions_are_looked_after(self):
        """Whoever does so goes on until its exchange has ended, and the next one waits for that."""
        self.server.steer("faults", [{"match": {"path": "/accessToken"}, "delay_ms": 4000, "times": 1}])
        listener = listening.Listener(self, popen=self.start("-v", "listen"))
        listener.wait_log("subscriptions: process")
        time.sleep(0.5)
        for begun in (2, 3):  # the second meets one that waits
            listener.process.send_signal(signal.SIGHUP)
            support.wait_until(lambda: listener.log().count("subscriptions: process") >= begun)
        support.wait_until(self.subscriptions, 30)
        self.assertNotIn("error: ", listener.log())

    def test_a_reload_while_one_of_several_objects_is_subscribed_to(self):
        """All of them are the next process's."""
        self.configure_hook(objects="[{ group: Gone }, { group: Sales }]")
        self.server.steer("faults", [{"match": {"path": "/v1/groups"}, "delay_ms": 4000, "times": 1}])
        listener = listening.Listener(self, popen=self.start("-v", "listen"))
        listener.wait_log("/v1/webhook status=200")
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"subscriptions: process \d+ has ended")
        self.assertEqual(self.subscriptions(), [])
        self.assertNotIn("error: ", listener.log())
        support.wait_until(self.subscriptions, 30)

    def test_subscriptions_are_made_renewed_and_taken_back(self):
        self.subscribed()
        done = self.jeton("listen", "--sync")
        while done.returncode == 7:  # the listener has subscribed, and ends its turn
            done = self.jeton("listen", "--sync")
        self.assertEqual((done.returncode, done.stdout), (0, "webhook 'chat': group Sales: unchanged\n"), done.stderr)
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
        self.assertEqual(self.ok("listen", "--trigger", "orders", *at, body).stdout,
                         "200 stored as event 1\n")
        self.wait_done(1)
        self.assertEqual(self.handled(), {"by-hand": 1})
        self.assertEqual(self.ok("listen", "--trigger", "orders", *at, "-", input='{"id":"two"}').stdout,
                         "200 stored as event 2\n")
        self.assertEqual(self.ok("listen", "--trigger", "orders", *at, body).stdout,
                         "200 not stored: event 1 has the same ID\n")
        self.write("sender.secret", "another-secret-0123456789\n")
        self.fails(6, "listen", "--trigger", "orders", *at, body, says="401")
        self.fails(2, "listen", "--trigger", "orders", *at, says="FILE")
        self.fails(2, "listen", body, says="--trigger")
        self.fails(2, "listen", "--trigger", "orders", "-H", "novalue", *at, body, says="NAME:VALUE")
        self.fails(2, "listen", "--trigger", "bot", *at, body, says="sign")
        self.fails(3, "listen", "--trigger", "other", *at, body, says="other")
        self.fails(3, "listen", "--trigger", "orders", *at, "nowhere.json", says="nowhere.json")
        self.fails(5, "listen", "--trigger", "orders", "--listen", "127.0.0.1:9", body)
        listener.stop()
        taken = []
        other = Listener(taken.append)  # a program that has the port now
        self.addCleanup(other.stop)
        self.fails(5, "listen", "--trigger", "orders", "--listen", f"127.0.0.1:{other.port}", body, says="no `jeton listen` of it runs")
        self.assertEqual(taken, [])

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be another user")
    def test_trigger_sends_nothing_to_another_user(self):
        """Who has the port that is configured, while the listener serves at another one."""
        squatter = subprocess.Popen(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "python3", "-c",
             "import socket\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\n"
             "print(s.accept()[0].recv(9999), flush=True)"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(support.end_process, squatter)
        port = int(squatter.stdout.readline())
        path = self.hooks()
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text.replace("address: 127.0.0.1:0", f"address: 127.0.0.1:{port}"))
        listener, body = self.listener(), self.write("body.json", '{"id": "by-hand"}')
        self.fails(5, "listen", "--trigger", "orders", body, says="another user's (nothing was sent)")
        self.assertEqual(self.ok("listen", "--trigger", "orders", "--listen", f"127.0.0.1:{listener.port}", body).stdout,
                         "200 stored as event 1\n")
        listener.stop()
        squatter.terminate()
        self.assertEqual(squatter.communicate()[0], "")

    def test_trigger_by_tls(self):
        authority = certificates.Authority(self.folder)
        for name in ("hooks", "other"):
            authority.server(name, subject="DNS:hooks.example")
        with open(os.path.join(self.folder, "hooks.pem"), "a", encoding="ascii") as chain:
            with open(authority.file, encoding="ascii") as file:
                chain.write(file.read())
        def use(name):
            self.hooks(listen=f"  certificate: {name}.pem\n  key: {name}.key\n")
        use("hooks")
        listener = self.listener()
        trigger = ("listen", "--trigger", "orders", "--listen", f"127.0.0.1:{listener.port}", "-")
        self.assertEqual(self.ok(*trigger, input='{"id":"one"}').stdout, "200 stored as event 1\n")
        use("other")
        self.fails(5, *trigger, input='{"id":"two"}', says="another certificate")
        listener.stop()
        listener = self.listener()  # whose certificate the authority has signed, too
        use("hooks")
        trigger = (*trigger[:4], f"127.0.0.1:{listener.port}", "-")
        self.fails(5, *trigger, input='{"id":"two"}', says="another certificate")
        self.wait_done(1)
        self.assertEqual(self.states(), {"done": 1})

    def test_trigger_tells_what_was_not_run(self):
        self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
webhooks:
  github:
    from: github
    secret: {{ file: {self.folder}/sender.secret }}
    events: [pull_request, "issue*"]
    script: {self.folder}/handler.lua
  list:
    secret: {{ file: {self.folder}/sender.secret }}
    verify: {{ kind: hmac, in: "header:X-Sig" }}
    each: "json:all"
    id: "item:id"
    type: "{{json:type}}"
    script: {self.folder}/handler.lua
""")
        listener = self.listener()
        body = self.write("body.json", '{"zen": "Keep it logically awesome."}')
        def trigger(*options):
            return self.ok("listen", "--trigger", "github", "--listen", f"127.0.0.1:{listener.port}", *options,
                           body).stdout
        self.assertEqual(trigger(), "200 skipped: no type, wanted pull_request, issue*\n")
        self.assertEqual(trigger("-H", "X-GitHub-Event: push"),
                         "200 skipped: type 'push', wanted pull_request, issue*\n")
        body = self.write("body.json", '{"zen": "Half measures are as bad as nothing at all."}')
        self.assertEqual(trigger("-H", "X-GitHub-Event: issues"), "200 stored as event 3\n")
        self.assertEqual(trigger("-H", "X-GitHub-Event: issues"), "200 held as event 4, not run: an earlier one has the "
                         "same content, and another ID\n")
        self.assertEqual(self.ok("listen", "--trigger", "list", "--listen", f"127.0.0.1:{listener.port}", "-",
                                 input='{"all": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}').stdout,
                         "200 of 3 events 2 stored (the first as 5), 0 held, 1 known already\n")
        listener.wait_log("webhook 'github': skipped: no type")
        listener.wait_log("event 4 is held: .*--retry 4")
        listener.stop()
        self.assertNotIn("'push'", listener.log())  # as it is configured


if __name__ == "__main__":
    unittest.main()
