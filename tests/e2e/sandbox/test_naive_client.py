"""The sandbox as a client sees it that was written for the hosted service: one behaviour a test."""

import json
import re
import unittest

import naive
from naive import ALICE, BOB, CHITRA, NEWS, NOTHING, UNKNOWN
from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, GROUP_TOKEN, TENANT_TOKEN

GUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(@\d+)?$"
MESSAGES = f"/groups/{GROUP}/messages"


class Paths(naive.Case):
    def test_naive_join(self):
        self.assertTrue(self.tenant.endpoint.endswith("/"))
        self.done(self.tenant.get("/users/me"))
        self.assertEqual(self.sandbox.requests("/users/me")[-1]["path"], "//v1/users/me")

    def test_careful_join(self):
        url = self.tenant.endpoint.rstrip("/") + "/v1/users/me"
        self.done(naive.send(url, headers={"accessToken": self.tenant.token}))

    def test_trailing_slashes(self):
        for path in ("/users/me/", "/groups/", f"/groups/{GROUP}/", f"/groups/{GROUP}/members/",
                     "/groups/?showDetails=true"):
            self.done(self.tenant.get(path))
        member = self.members()[BOB]["id"]
        self.done(self.tenant.call("DELETE", f"/groups/{GROUP}/members/{member}/"))

    def test_one_group_without_v1(self):
        for path in (f"groups/{GROUP}", f"/groups/{GROUP}"):
            reply = self.done(naive.send(self.tenant.endpoint + path, headers={"accessToken": self.tenant.token}))
            self.assertEqual(reply["groupId"], GROUP)

    def test_paths_in_any_case(self):
        for path in ("/Groups", "/GROUPS", "/USERS/ME", f"/groups/{GROUP.upper()}", f"/Groups/{GROUP}/Members"):
            self.done(self.tenant.get(path))
        self.done(self.tenant.exchange())
        self.done(naive.send(self.root + "/V1/ACCESSTOKEN", headers=self.tenant.credentials))

    def test_shard_suffix(self):
        for written in (NEWS, NEWS.replace("@", "%40")):
            self.assertEqual(self.done(self.tenant.get(f"/groups/{written}"))["groupId"], NEWS)
            self.assertIn(ALICE, self.members(written))
            self.done(self.tenant.call("POST", f"/groups/{written}/messages", {"message": "x"}))
            self.assertEqual(self.newest()["group"], NEWS)

    def test_shard_suffix_is_part_of_the_id(self):
        for other in (NEWS.split("@")[0], NEWS[:-1] + "2", GROUP + "@1"):
            self.refused(self.tenant.get(f"/groups/{other}"), 404)

    def test_query(self):
        for query in ("showDetails=true", "showDetail=True", "showdetails=false&fetchallgroups=TRUE",
                      "showDetails=&fetchAllGroups=", "unknown=1", "&&"):
            self.done(self.tenant.get("/groups?" + query))
        self.refused(self.tenant.get("/groups?fetchAllGroups=perhaps"), 400, "InvalidParameters")


class Headers(naive.Case):
    def test_names_in_any_case(self):
        for spell in (str.upper, str.lower, str.title):
            headers = [(spell(name), value) for name, value in self.tenant.credentials.items()]
            token = self.done(naive.bare(self.root, "GET", "/v1/accessToken", headers))["accessToken"]
            self.done(naive.bare(self.root, "GET", "/v1/users/me", [(spell("accessToken"), token)]))

    def test_bearer(self):
        for scheme in ("Bearer", "bearer"):
            headers = {"Authorization": f"{scheme} {self.tenant.token}"}
            self.done(naive.send(self.tenant.endpoint + "/v1/groups", headers=headers))
            self.done(naive.send(self.tenant.endpoint + f"/v1{MESSAGES}", "POST", b'{"message": "x"}', headers))

    def test_bearer_beside_an_empty_header(self):
        headers = {"accessToken": "", "Authorization": "Bearer " + self.tenant.token}
        self.done(naive.send(self.tenant.endpoint + "/v1/groups", headers=headers))

    def test_white_space_around_what_was_pasted(self):
        for around in (" %s ", "\t%s", "%s \t"):
            headers = [(name, around % value) for name, value in self.tenant.credentials.items()]
            token = self.done(naive.bare(self.root, "GET", "/v1/accessToken", headers))["accessToken"]
            self.done(naive.bare(self.root, "GET", "/v1/users/me", [("accessToken", around % token)]))

    def test_application_id_on_ordinary_calls(self):
        for value in (APPLICATION_ID, NOTHING, "x"):
            self.done(self.tenant.get("/groups", applicationId=value))

    def test_no_user_agent(self):
        self.done(naive.bare(self.root, "GET", "/v1/accessToken", self.tenant.credentials.items()))
        self.done(naive.bare(self.root, "GET", "/v1/groups", [("accessToken", self.tenant.token)]))
        self.assertNotIn("user-agent", self.sandbox.requests("/groups")[-1]["headers"])

    def test_content_type_without_a_body(self):
        for content_type in ("application/json", "application/x-www-form-urlencoded",
                             "application/json; charset=utf-8"):
            self.done(self.tenant.get("/groups", **{"Content-Type": content_type}))
            self.done(self.tenant.exchange(**{"Content-Type": content_type}))
        self.done(self.tenant.call("GET", "/groups", body=b""))
        member = self.members()[BOB]["id"]
        self.done(self.tenant.call("DELETE", f"/groups/{GROUP}/members/{member}", body=b"",
                                   headers={"Content-Type": "application/x-www-form-urlencoded"}))

    def test_content_type_of_a_body(self):
        for content_type in ("application/json;charset=utf-8", "application/json; charset=UTF-8", "text/plain",
                             "application/x-www-form-urlencoded"):
            self.done(self.tenant.call("POST", MESSAGES, {"message": "x"}, {"Content-Type": content_type}))
        for headers in ([], [("Content-Type", "")]):  # none at all
            self.done(naive.bare(self.root, "POST", "/v1" + MESSAGES, [("accessToken", self.tenant.token), *headers],
                                 b'{"message": "x"}'))
        pin = json.dumps({"mobileNumber": BOB, "applicationId": APPLICATION_ID}).encode()
        self.done(naive.send(self.root + "/v1/generatePin", "POST", pin, {"Content-Type": "text/json"}))

    def test_replies(self):
        for reply in (self.tenant.exchange(), self.tenant.get("/groups"), self.tenant.get("/nothing"),
                      naive.send(self.root + "/v1/groups"), naive.send(self.root + "/v1/accessToken")):
            self.assertIsNone(reply.headers["Access-Control-Allow-Origin"])
            self.assertEqual(reply.headers["Content-Type"], "application/json; charset=utf-8")
            self.assertEqual(len(reply.headers.get_all("Date")), 1)


class Bodies(naive.Case):
    def sent(self, body):
        """The text that arrives when this is posted as a message."""
        self.done(self.tenant.call("POST", MESSAGES, body=body if isinstance(body, bytes) else body.encode()))
        return self.newest()["text"]

    def test_loose_json(self):
        for body in ("{message: 'text'}", "{'message': 'text'}", '{"message": \'text\'}', "{message: \"text\"}",
                     '{"message": "text",}', '/* c */ {"message": /* d */ "text" // e\n}',
                     "// first\n{'message':'text'}", "{'subscribers': null, 'x': [1, 2,], message: 'text', }",
                     '\n {"message":"text"}\r\n'):
            self.assertEqual(self.sent(body), "text", body)

    def test_python_dictionaries(self):
        for text in ("text", "it's", 'say "hi"', "it's \"both\"", "back\\slash", "two\nlines\tand a tab", "Été €", "😀",
                     "\x85\xa0\xad", "\x7f", "\u2028", "\U000e0001"):
            value = {"message": text, "sendToAllSubscribers": False, "replyToReferenceId": None,
                     "x": [True, 1, -2.5, {"y": []}]}
            self.assertEqual(self.sent(str(value)), text, str(value))

    def test_text_put_between_quotes(self):
        for text in ("disk full\non db1", "a\r\nb\tc\n"):
            self.assertEqual(self.sent(f'{{"message": "{text}"}}'), text)
            self.assertEqual(self.sent(f"{{'message': '{text}'}}"), text)

    def test_latin_1(self):
        for text in ("Été à Zürich", "£ ÿ"):
            self.assertEqual(self.sent(json.dumps({"message": text}, ensure_ascii=False).encode("latin-1")), text)
            self.assertEqual(self.sent(str({"message": text}).encode("latin-1")), text)

    def test_byte_order_marks(self):
        text = "Été 😀 \ud7ff"
        for encoding in ("utf-8-sig", "utf-16"):
            self.assertEqual(self.sent(json.dumps({"message": text}, ensure_ascii=False).encode(encoding)), text)
        self.assertEqual(self.sent(b"\xfe\xff" + json.dumps({"message": text}).encode("utf-16-be")), text)

    def test_nothing_between_quotes(self):
        self.assertEqual(self.sent('{"message": "f", "sendToAllSubscribers": "", "replyToReferenceId": ""}'), "f")
        meeting = {"title": "x", "startingTime": "2030-07-02T10:30:00Z", "duration": "", "isSenderOnly": ""}
        for fields in ({"actionType": "LetsMeet", "actionBody": meeting},
                       {"actionType": "", "id": "com.contoso.x", "actionBody": {"validity": ""}}):
            self.done(self.tenant.call("POST", f"/groups/{GROUP}/actions", fields))
        job = {"actionType": "Job", "actionBody": {"title": "x", "assignedTo": [BOB]}}
        action = self.done(self.tenant.call("POST", f"/groups/{GROUP}/actions", job))["actionId"]
        self.refused(self.member.call("POST", f"/groups/{GROUP}/actions/{action}/responses",
                                      {"actionType": "Job", "actionBody": {"isCompleted": ""}}), 400)

    def test_keys_in_any_case_with_nulls(self):
        self.assertEqual(self.sent(str({"Message": "a", "Subscribers": None, "SendToAllSubscribers": None})), "a")
        self.assertEqual(self.sent(json.dumps({"MESSAGE": "b", "replytoreferenceid": None, "subscribers": None})), "b")

    def test_unknown_keys(self):
        self.assertEqual(self.sent(json.dumps({"message": "c", "odata.type": "x", "Extra": {"message": "d"}})), "c")

    def test_booleans_as_strings(self):
        for written in ("false", "False"):
            self.assertEqual(self.sent(json.dumps({"message": "e", "sendToAllSubscribers": written})), "e")

    def test_malformed(self):
        before = self.state()
        for body in (b"", b"{", b"null", b"[]", b"5", b'"text"', b"message=x", b"<message/>", b'{"message" "x"}',
                     b'{"message": "x"} {}', b'{"message": "x', b"\x00", b"\xff\xfe", b"[" * 5000, b'{"a":' * 5000):
            self.refused(self.tenant.call("POST", MESSAGES, body=body), 400, "InvalidParameters")
        self.assertEqual(self.state(), before)


class Errors(naive.Case):
    def test_unknown_paths(self):
        for path in ("", "/", "/nothing", "/groups/x/y/z", f"/groups/{GROUP}/nothing", "/users", "/" + "a/" * 500,
                     "/groups/%00", "/groups/%ff", "/groups/%", "/groups/..%2f..", "/groups?" + "x" * 20000):
            self.refused(self.tenant.get(path), 404)

    def test_wrong_methods(self):
        for method, path in (("POST", "/accessToken"), ("DELETE", "/groups"), ("PATCH", f"/groups/{GROUP}"),
                             ("GET", MESSAGES), ("FOO", "/users/me")):
            reply = self.tenant.call(method, path, body=b"{}")
            self.refused(reply, 405)
            self.assertTrue(reply.headers["Allow"])

    def test_too_large(self):
        for size in (2 << 20, 17 << 20):
            body = json.dumps({"message": "x" * size}).encode()
            self.refused(self.tenant.call("POST", MESSAGES, body=body), 413, "RequestEntityTooLarge")

    def test_no_access_token(self):
        for headers in ({}, {"accessToken": ""}, {"applicationId": APPLICATION_ID}, {"Authorization": "Basic eDp5"}):
            reply = naive.send(self.root + "/v1/groups", headers=headers)
            self.assertEqual(self.refused(reply, 401, "InvalidToken"),
                             "Token missing. Header should have token as value of ACCESSTOKEN")
            self.assertEqual(reply.json["errorCategoryKey"], "AuthException")

    def test_bad_access_token(self):
        head, payload, signature = self.tenant.token.split(".")
        other = self.member.token.split(".")
        for token in ("x", TENANT_TOKEN, "a.b.c", self.tenant.token[:-4], f"{head}.{other[1]}.{signature}",
                      f"{head}.{payload}.", f"eyJhbGciOiJub25lIn0.{payload}.", self.tenant.token + "x"):
            reply = naive.send(self.root + "/v1/groups", headers={"accessToken": token})
            self.assertEqual(self.refused(reply, 401, "InvalidToken"),
                             "Invalid token. Failure reason:Token validation failed due to unknown reason!")
            self.assertEqual(reply.json["errorCategoryKey"], "AuthException")

    def test_bad_credentials(self):
        for change in ({"applicationId": NOTHING}, {"applicationId": ""}, {"applicationSecret": "AAAAAAAAAA"},
                       {"applicationSecret": APPLICATION_SECRET.lower()}, {"applicationSecret": ""}):
            self.assertEqual(self.refused(self.tenant.exchange(**change), 401),
                             "Dont have correct applicationId and secret in header!")
        self.refused(naive.send(self.root + "/v1/accessToken"), 401)
        self.refused(self.tenant.exchange(refreshToken=TENANT_TOKEN + "x"), 401, "InvalidToken")
        self.refused(self.tenant.exchange(refreshToken=""), 401, "InvalidToken")

    def test_permission_missing(self):
        calls = (("GET", "/users/me", None, "profile"), ("GET", "/groups", None, "groupinfo"),
                 ("POST", "/groups", {"name": "x", "welcomeMessage": "y"}, "groupinfo"),
                 ("GET", f"/groups/{GROUP}", None, "groupinfo"),
                 ("GET", f"/groups/{GROUP}/members", None, "groupmember"),
                 ("PUT", f"/groups/{GROUP}/members", {"members": [UNKNOWN]}, "groupmember"),
                 ("POST", MESSAGES, {"message": "x"}, "textmessage"))
        self.steer("connectors", {"id": APPLICATION_ID, "permissions": ["media"]})
        before = self.state()
        for method, path, value, resource in calls:
            self.assertIn(resource, self.refused(self.tenant.call(method, path, value), 403))
        self.assertEqual(self.state(), before)


class Groups(naive.Case):
    FIELDS = {
        "groupId": str, "groupName": str, "groupImageUrl": str, "hasSubGroups": bool, "hasParentGroups": bool,
        "callerRole": str, "currentLevelSubGroupCount": int, "currentLevelParentGroupCount": int, "userCount": int,
        "uniqueUserCount": int, "currentLevelUserCount": int, "currentLevelUnProvisionedUserCount": int,
        "unProvisionedUserCount": int, "isMappedToTenant": bool, "groupType": str, "isDuplicate": bool,
        "isEditable": bool, "isDetailsReadable": bool, "welcomeMessage": str}

    def ids(self, client, query=""):
        return {g["groupId"] for g in self.done(client.get("/groups" + query))["groups"]}

    def test_fields(self):
        for group in self.done(self.tenant.get("/groups?showDetails=true"))["groups"]:
            for name, kind in self.FIELDS.items():
                self.assertIs(type(group[name]), kind, name)

    def test_one_group_at_the_top_and_in_the_list(self):
        reply = self.done(self.tenant.get(f"/groups/{GROUP}"))
        self.assertEqual(reply["groupName"], "Sales")
        self.assertEqual([g["groupId"] for g in reply["groups"]], [GROUP])

    def test_what_each_token_reaches(self):
        self.assertEqual(self.ids(self.tenant), {GROUP, NEWS})
        self.assertEqual(self.ids(self.member), {GROUP})
        self.assertEqual(self.ids(self.group), {GROUP})

    def test_a_tenant_token_administers_groups_it_is_not_in(self):
        group = self.done(self.member.call("POST", "/groups", {"name": "Bob's", "welcomeMessage": ""}))["groupId"]
        self.assertNotIn(ALICE, self.members(group))
        self.done(self.tenant.call("PUT", f"/groups/{group}/members", {"members": [CHITRA]}))
        self.done(self.tenant.call("POST", f"/groups/{group}/messages", {"message": "x"}))

    def test_a_group_token_reaches_its_group_only(self):
        self.done(self.group.call("POST", MESSAGES, {"message": "x"}))
        self.done(self.group.call("PUT", f"/groups/{GROUP}/members", {"members": [CHITRA]}))
        for method, path, value in (("GET", "", None), ("GET", "/members", None),
                                    ("POST", "/messages", {"message": "x"}), ("PUT", "/members", {"members": [BOB]})):
            self.refused(self.group.call(method, f"/groups/{NEWS}{path}", value), 403)

    def test_a_user_token_has_the_rights_of_the_user(self):
        self.done(self.member.call("POST", MESSAGES, {"message": "x"}))
        self.refused(self.member.get(f"/groups/{NEWS}"), 403)
        reply = self.member.call("PUT", f"/groups/{GROUP}/members", {"members": [CHITRA]})
        self.assertIn("admin", self.refused(reply, 403))

    def test_create(self):
        reply = self.done(self.member.call("POST", "/groups", {
            "name": "Été", "welcomeMessage": "Hi", "members": [ALICE, UNKNOWN], "groupType": "Group",
            "groupPhoto": None}))
        self.assertRegex(reply["groupId"], GUID)
        self.assertEqual((reply["groupName"], reply["membersAdded"]), ("Été", True))
        self.assertNotIn("isAddedAsSubGroup", reply)
        members = self.members(reply["groupId"])
        self.assertEqual({phone: member["role"] for phone, member in members.items()},
                         {BOB: "Admin", ALICE: "Member", UNKNOWN: "Member"})
        self.assertFalse(members[UNKNOWN]["isProvisioned"])

    def test_create_as_others_write_it(self):
        group = self.done(self.tenant.call("POST", "/groups", body=str({
            "Name": "Pascal", "WelcomeMessage": "x", "Members": None, "GroupType": "group",
            "LongDescriptionString": "l"}).encode()))
        self.assertEqual(self.done(self.tenant.get("/groups/" + group["groupId"]))["groupType"], "Group")

    def test_a_group_token_creates_a_subgroup(self):
        reply = self.done(self.group.call("POST", "/groups", {"name": "South", "welcomeMessage": "x"}))
        self.assertIs(reply["isAddedAsSubGroup"], True)
        parent = self.done(self.tenant.get(f"/groups/{GROUP}"))
        self.assertEqual((parent["hasSubGroups"], parent["currentLevelSubGroupCount"]), (True, 1))
        self.assertTrue(self.done(self.tenant.get("/groups/" + reply["groupId"]))["hasParentGroups"])
        self.assertEqual(self.ids(self.group), {GROUP})
        self.assertEqual(self.ids(self.group, "?fetchAllGroups=true"), {GROUP, reply["groupId"]})

    def test_connect_groups_need_a_tenant_token(self):
        fields = {"name": "Public", "welcomeMessage": "x", "groupType": "ConnectGroup"}
        for client in (self.member, self.group):
            self.refused(client.call("POST", "/groups", fields), 403)
        group = self.done(self.tenant.call("POST", "/groups", fields))["groupId"]
        self.assertEqual(self.done(self.tenant.get("/groups/" + group))["groupType"], "ConnectGroup")

    def test_refusals_change_nothing(self):
        before = self.state()
        for fields in ({}, {"name": None}, {"name": ""}, {"name": 5}, {"name": "x", "groupType": "Chat"},
                       {"name": "x", "members": "+33100000042"}, {"name": "x", "members": ["+33100000042", "0142"]},
                       {"name": "x", "admins": ["+33100000042", None]},
                       {"name": "x", "members": ["+33100000042"], "memberUserIds": [NOTHING]}):
            self.refused(self.tenant.call("POST", "/groups", fields), 400, "InvalidParameters")
        self.assertEqual(self.state(), before)


class Members(naive.Case):
    PATH = f"/groups/{GROUP}/members"

    def test_list(self):
        for member in self.members().values():
            self.assertRegex(member["id"], GUID)
            self.assertIn(member["role"], ("Admin", "Member"))
            self.assertIsInstance(member["name"], str)
            self.assertIsInstance(member["isProvisioned"], bool)
        self.assertEqual(self.members()[ALICE]["role"], "Admin")

    def test_add(self):
        self.assertEqual(self.done(self.tenant.call("PUT", self.PATH, {"members": [UNKNOWN, BOB]})), {"result": "true"})
        self.assertEqual(self.members()[UNKNOWN]["role"], "Member")
        self.assertEqual(len(self.members()), 3)

    def test_role(self):
        bob = f"{self.PATH}/{self.members()[BOB]['id']}"
        self.done(self.tenant.call("PUT", bob, {"role": "Admin"}))
        self.assertEqual(self.members()[BOB]["role"], "Admin")
        self.done(self.member.call("PUT", bob, {"role": "Member"}))
        self.refused(self.member.call("PUT", bob, {"role": "Admin"}), 403)

    def test_remove(self):
        bob = f"{self.PATH}/{self.members()[BOB]['id']}"
        self.assertEqual(self.done(self.tenant.call("DELETE", bob)), {"result": "true"})
        self.assertNotIn(BOB, self.members())
        self.refused(self.tenant.call("DELETE", bob), 404)
        self.refused(self.member.get(self.PATH), 403)

    def test_refusals_change_nothing(self):
        before = self.state()
        for value in ({}, {"members": None}, {"members": UNKNOWN}, {"members": [UNKNOWN, "33100000042"]},
                      {"members": [[]]}):
            self.refused(self.tenant.call("PUT", self.PATH, value), 400, "InvalidParameters")
        self.refused(self.tenant.call("PUT", f"{self.PATH}/{NOTHING}", {"role": "Admin"}), 404)
        self.refused(self.tenant.call("PUT", f"{self.PATH}/{NOTHING}", {"role": "Owner"}), 400, "InvalidParameters")
        self.refused(self.member.call("PUT", self.PATH, {"members": [UNKNOWN]}), 403)
        self.assertEqual(self.state(), before)

    def test_me(self):
        me = self.done(self.member.get("/users/me"))
        self.assertEqual((me["mobileNumber"], me["id"]), (BOB, self.members()[BOB]["id"]))


class Messages(naive.Case):
    def send(self, client, group, **fields):
        return client.call("POST", f"/groups/{group}/messages", fields)

    def test_reference_id(self):
        first = self.done(self.send(self.tenant, GROUP, message="x"))
        self.assertEqual(list(first), ["referenceId"])
        answer = self.done(self.send(self.tenant, GROUP, message="y", replyToReferenceId=first["referenceId"]))
        self.assertNotEqual(answer, first)
        self.assertEqual(self.newest()["reply_to"], first["referenceId"])

    def test_4000_characters_not_bytes(self):
        for character in ("x", "é", "€", "😀"):
            for encode in (True, False):
                body = json.dumps({"message": character * 4000}, ensure_ascii=encode).encode()
                self.done(self.tenant.call("POST", MESSAGES, body=body))
                self.assertEqual(self.newest()["text"], character * 4000)
            self.refused(self.send(self.tenant, GROUP, message=character * 4001), 400, "InvalidParameters")

    def test_subscribers_mean_nothing_in_other_groups(self):
        for fields in ({"subscribers": [BOB]}, {"subscribers": []}, {"sendToAllSubscribers": True}):
            self.assertEqual(list(self.done(self.send(self.tenant, GROUP, message="x", **fields))), ["referenceId"])

    def test_subscribers_only_by_admins(self):
        made = self.steer("connectors", {"id": APPLICATION_ID, "tokens": [{"user": CHITRA}]})
        client = naive.Naive(self.root, made["tokens"][0]["refresh_token"])
        self.done(self.send(client, NEWS, message="as a member"))
        before = self.state()
        for fields in ({"subscribers": [BOB]}, {"subscribers": []}, {"sendToAllSubscribers": True}):
            self.refused(self.send(client, NEWS, message="x", **fields), 403)
        self.assertEqual(self.state(), before)

    def test_some_subscribers(self):
        self.assertEqual(list(self.done(self.send(self.tenant, NEWS, message="x", subscribers=[BOB]))), ["referenceId"])
        self.assertEqual(self.newest()["recipients"], [BOB])
        self.assertFalse(self.newest()["to_all_subscribers"])

    def test_all_subscribers(self):
        for fields in ({}, {"subscribers": [BOB]}, {"subscribers": []}):
            self.done(self.send(self.tenant, NEWS, message="x", sendToAllSubscribers=True, **fields))
            self.assertTrue(self.newest()["to_all_subscribers"])

    def test_nobody(self):
        self.done(self.send(self.tenant, NEWS, message="x", subscribers=[]))
        newest = self.newest()
        self.assertEqual((newest["to_group"], newest["to_all_subscribers"], newest["recipients"]), (False, False, []))

    def test_partial_failure(self):
        reply = self.done(self.send(self.tenant, NEWS, message="x", subscribers=[BOB, UNKNOWN]))
        self.assertTrue(reply["referenceId"])
        failed, = reply["failedResult"]
        self.assertEqual(set(failed), {"subscriber", "subscriberId", "errorReason", "errorCode"})
        self.assertEqual(failed["subscriber"], UNKNOWN)
        self.assertTrue(failed["errorReason"] and failed["errorCode"])
        self.assertEqual(self.newest()["recipients"], [BOB])

    def test_refusals_change_nothing(self):
        before = self.state()
        for fields in ({}, {"message": None}, {"message": ""}, {"message": 5}, {"message": ["x"]},
                       {"message": "x", "replyToReferenceId": NOTHING}):
            self.refused(self.send(self.tenant, GROUP, **fields), 400, "InvalidParameters")
        self.refused(self.send(self.tenant, NOTHING, message="x"), 404)
        self.refused(self.send(self.member, NEWS, message="x"), 403)
        self.assertEqual(self.state(), before)


class Redirects(naive.Case):
    def test_a_client_that_follows_by_itself(self):
        for switch in ("full", True, {"times": 2}):
            self.steer("switches", {"token_redirect": switch})
            client = naive.Naive(self.root, GROUP_TOKEN)  # urllib follows, and sends its headers again
            self.assertEqual(self.sandbox.requests("/accessToken")[-2]["status"], 308)
            self.steer("switches", {"token_redirect": "off", "api_redirect": switch})
            self.done(client.get("/groups?showDetails=true"))
            self.assertEqual(self.sandbox.requests("/groups")[-2]["status"], 308)
            self.steer("switches", {"api_redirect": "off"})

    def test_a_client_that_looks_at_the_location(self):
        self.steer("switches", {"token_redirect": "base", "api_redirect": "base"})
        headers = list(self.tenant.credentials.items())
        moved = naive.bare(self.root, "GET", "/v1/accessToken", headers)
        self.refused(moved, 308)
        token = self.done(naive.send(moved.headers["Location"] + "/accessToken", headers=dict(headers)))["accessToken"]
        body = b'{"message": "moved"}'
        moved = naive.bare(self.root, "POST", f"//v1{MESSAGES}", [("accessToken", token)], body)
        self.refused(moved, 308)
        self.done(naive.send(moved.headers["Location"] + f"/v1{MESSAGES}", "POST", body, {"accessToken": token}))
        self.assertEqual(self.newest()["text"], "moved")

    def test_a_post_at_the_full_location(self):
        self.steer("switches", {"api_redirect": "full"})
        body = b'{"message": "moved"}'
        moved = naive.bare(self.root, "POST", f"//v1{MESSAGES}", [("accessToken", self.tenant.token)], body)
        self.assertEqual(moved.status, 308)
        self.assertTrue(moved.headers["Location"].endswith("/v1" + MESSAGES))
        self.assertEqual(self.state()["counts"]["messages"], 0)
        self.done(naive.send(moved.headers["Location"], "POST", body, {"accessToken": self.tenant.token}))


class Throttles(naive.Case):
    options = ()  # as documented: 100 a minute for a connector, 300 for a tenant

    def connector(self):
        made = self.steer("connectors", {"name": "Other", "owner": ALICE, "tokens": [{"user": ALICE}]})
        return naive.Naive(self.root, made["tokens"][0]["refresh_token"], made["id"], made["secret"])

    def until_refused(self, client, most=400):
        for count in range(most):
            reply = client.get("/users/me")
            if reply.status != 200:
                self.refused(reply, 429)
                self.assertTrue(re.fullmatch(r"\d+", reply.headers["Retry-After"]))
                return count, int(reply.headers["Retry-After"])
        self.fail("never refused")

    def test_100_a_minute_for_a_connector(self):
        count, wait = self.until_refused(self.tenant)
        self.assertEqual(count, 100)
        self.assertTrue(0 < wait <= 60)
        self.refused(self.member.get("/groups"), 429)  # another token of the same connector
        self.steer("clock", {"advance_s": wait})
        self.done(self.tenant.get("/users/me"))

    def test_300_a_minute_for_a_tenant(self):
        others = [self.connector() for _ in range(3)]
        self.assertEqual([self.until_refused(client)[0] for client in (self.tenant, *others)], [100, 100, 100, 0])

    def test_a_refused_call_does_nothing(self):
        self.until_refused(self.tenant)
        before = self.state()
        self.refused(self.tenant.call("POST", MESSAGES, {"message": "x"}), 429)
        self.assertEqual(self.state(), before)


if __name__ == "__main__":
    unittest.main()
