"""Tokens as a third-party client sees them: what is in them, how long they live, what ends them."""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import tempfile
import time
import unittest
import urllib.request
from email.utils import parsedate_to_datetime

import naive
from naive import ALICE, BOB, CHITRA
from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, GROUP_TOKEN, MEMBER_TOKEN, TENANT_TOKEN

DAY = 86400
TENANT = "6f1c2f0a-55a4-4b0e-9a58-0d8b0b7f4c11"
ALL = "2.30:3.30:4.10:6.22:5.4:9.2:15.30:14.30:19.30:24.30"
SCOPES = [f"{resource}.{verb}" for resource, verbs in (
    ("groupinfo", "write read remove update"), ("groupmember", "write read remove update"),
    ("textmessage", "write remove"), ("action", "write read update"), ("profile", "read"), ("media", "write"),
    ("webhook", "write read remove update"), ("o365", "write read remove update"),
    ("bot", "write read remove update"), ("reactions", "write read remove update")) for verb in verbs.split()]


def unpack(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims_of(token):
    """The claims, the credentials in them, and the data in those: JSON in strings in JSON."""
    claims = json.loads(unpack(token.split(".")[1]))
    credentials = json.loads(claims["urn:microsoft:credentials"])
    return claims, credentials, json.loads(credentials["data"])


class Case(naive.Case):
    def advance(self, seconds):
        self.steer("clock", {"advance_s": seconds})

    def make_tokens(self, *tokens):
        made = self.steer("connectors", {"id": APPLICATION_ID, "tokens": list(tokens)})
        return [token["refresh_token"] for token in made["tokens"]]

    def works(self, refresh_token, **headers):
        return self.done(self.tenant.exchange(refreshToken=refresh_token, **headers))

    def ended(self, refresh_token, **headers):
        reply = self.tenant.exchange(refreshToken=refresh_token, **headers)
        self.refused(reply, 401)
        self.assertEqual(reply.json["errorCategoryKey"], "AuthException")


class Exchange(Case):
    def test_fields(self):
        reply = self.tenant.exchange()
        value = self.done(reply)
        self.assertEqual(set(value), {"accessToken", "endpointUrl", "accessTokenExpiry", "refreshToken", "scope"})
        self.assertEqual(value["endpointUrl"], self.root + "/")
        self.assertIn(value["refreshToken"], ("", None))
        self.assertIs(type(value["accessTokenExpiry"]), int)
        date = parsedate_to_datetime(reply.headers["Date"]).timestamp()
        self.assertEqual(value["accessTokenExpiry"], (date + DAY) * 1000)
        self.assertLess(abs(date - time.time()), 60)

    def test_scopes(self):
        self.assertEqual(self.done(self.tenant.exchange())["scope"].split(","), SCOPES)
        self.steer("connectors", {"id": APPLICATION_ID, "permissions": ["textmessage", "groupinfo.read"]})
        value = self.done(self.tenant.exchange())
        self.assertEqual(value["scope"], "groupinfo.read,textmessage.write,textmessage.remove")
        self.assertEqual(claims_of(value["accessToken"])[1]["permissions"], "2.4:4.10")

    def test_claims(self):
        value = self.done(self.tenant.exchange())
        claims, credentials, _ = claims_of(value["accessToken"])
        header = json.loads(unpack(value["accessToken"].split(".")[0]))
        self.assertEqual((header["alg"], header["typ"]), ("HS256", "JWT"))
        self.assertEqual(set(claims), {"urn:microsoft:credentials", "uid", "ver", "nbf", "exp", "iat", "iss", "aud"})
        self.assertEqual({claims["iss"], claims["aud"]}, {"urn:microsoft:windows-azure:zumo"})
        self.assertEqual(claims["ver"], "2")
        self.assertRegex(claims["uid"], "^MobileAppsService:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(claims["exp"] * 1000, value["accessTokenExpiry"])
        self.assertEqual((claims["exp"] - claims["iat"], claims["nbf"]), (DAY, claims["iat"]))
        self.assertEqual(set(credentials), {"phoneNumber", "cId", "testSender", "appName", "applicationId",
                                            "permissions", "applicationType", "data"})
        self.assertEqual(credentials["permissions"], ALL)
        self.assertEqual((credentials["testSender"], credentials["appName"]), ("false", "Demo"))
        self.assertEqual(credentials["applicationId"], APPLICATION_ID)
        for name, text in credentials.items():
            self.assertIsInstance(text, str, name)

    def test_data_of_each_kind(self):
        _, credentials, data = claims_of(self.group.token)
        self.assertEqual(credentials["phoneNumber"], ALICE)
        self.assertEqual(data, {"GroupId": GROUP, "AppName": "Demo", "UserTenantIds": [TENANT]})
        _, credentials, data = claims_of(self.member.token)
        self.assertEqual((credentials["phoneNumber"], data), (BOB, {"AppName": "Demo"}))
        _, credentials, data = claims_of(self.tenant.token)
        self.assertEqual(set(data), {"TenantId", "O365UserId", "IsTenantAdmin", "O365UserEmailId", "AppName"})
        self.assertEqual((data["TenantId"], data["O365UserEmailId"]), (TENANT, "alice@contoso.example"))
        self.assertIs(data["IsTenantAdmin"], True)

    def test_a_connector_of_the_older_form(self):
        made = self.steer("connectors", {"id": "0123456789ABCDEF" * 4, "name": "Old", "owner": ALICE,
                                         "tokens": [{"user": BOB}]})
        self.assertRegex(made["secret"], "^[A-Z0-9]{10}$")
        client = naive.Naive(self.root, made["tokens"][0]["refresh_token"], made["id"], made["secret"])
        self.assertEqual(claims_of(client.token)[1]["applicationId"], made["id"])

    def test_the_signature(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sandbox.db")
            sandbox = self.another("--db", path)
            token = naive.Naive(sandbox.url, TENANT_TOKEN).token
            database = sqlite3.connect(path)
            value, = database.execute("SELECT value FROM settings WHERE name = 'signing_key'").fetchone()
            database.close()
            signed, _, signature = token.rpartition(".")
            key = bytes.fromhex(json.loads(value))
            self.assertEqual(hmac.new(key, signed.encode(), hashlib.sha256).digest(), unpack(signature))
            sandbox.stop()

    def test_pictures_are_where_the_sandbox_listens_now(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sandbox.db")
            urls = []
            for start in range(2):
                sandbox = self.another("--db", path)
                client = naive.Naive(sandbox.url, TENANT_TOKEN)
                if start == 0:
                    picture = base64.b64encode(b"\x89PNG\r\n" + bytes(5000)).decode()
                    group = self.done(client.call("POST", "/groups", {"name": "Painters", "groupPhoto": picture}))
                    bot = self.done(client.call("POST", "/bot", {"name": "Painter", "profilePic": picture}))
                    self.done(client.call("POST", f"/groups/{group['groupId']}/bot", bot))
                path_of = f"/groups/{group['groupId']}"
                found = [self.done(client.get(path_of))["groupImageUrl"],
                         self.done(client.get("/bot"))["bots"][0]["profilePic"],
                         self.done(client.get(path_of + "/members"))["members"][1]["profilePic"]]
                for url in found:
                    self.assertTrue(url.startswith(sandbox.url.rstrip("/") + "/"), url)
                    with urllib.request.urlopen(url, timeout=60) as reply:
                        self.assertEqual(len(reply.read()), 5006)
                urls.append(found)
                sandbox.stop()
            self.assertNotEqual(urls[0], urls[1])

    def test_on_all_addresses_the_endpoint_is_the_one_that_was_called(self):
        with tempfile.TemporaryDirectory() as folder:
            password = os.path.join(folder, "password")
            with open(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write("open sesame\n")
            sandbox = self.another("--listen", "0.0.0.0:0", "--password-file", password)
            root = sandbox.url.replace("0.0.0.0", "127.0.0.1")
            client = naive.Naive(root, TENANT_TOKEN)
            self.assertEqual(client.endpoint, root + "/")
            steered = naive.send(root + "/_sandbox/switches", "POST",
                                 b'{"token_redirect": "full", "api_redirect": "base"}',
                                 {"Authorization": "Basic " + base64.b64encode(b":open sesame").decode(),
                                  "Content-Type": "application/json"})
            self.done(steered)
            moved = naive.bare(root, "GET", "/v1/accessToken", client.credentials.items())
            self.assertEqual(moved.headers["Location"], root + "/moved/v1/accessToken")
            moved = naive.bare(root, "GET", "/v1/groups", [("accessToken", client.token)])
            self.assertEqual(moved.headers["Location"], root + "/moved")
            sandbox.stop()


class Lives(Case):
    def test_an_access_token_lives_24_hours(self):
        self.advance(DAY - 30)
        self.done(self.tenant.get("/users/me"))
        self.advance(30)
        self.refused(self.tenant.get("/users/me"), 401, "InvalidToken")
        self.done(naive.Naive(self.root, TENANT_TOKEN).get("/users/me"))

    def test_a_refresh_token_lives_365_days(self):
        for token in (TENANT_TOKEN, MEMBER_TOKEN, GROUP_TOKEN):
            self.works(token)
        self.advance(365 * DAY - 30)
        self.works(MEMBER_TOKEN)
        self.advance(30)
        for token in (TENANT_TOKEN, MEMBER_TOKEN, GROUP_TOKEN):
            self.ended(token)

    def test_a_successor_once_90_percent_have_passed(self):
        self.advance(328 * DAY - 30)
        self.assertIn(self.works(TENANT_TOKEN)["refreshToken"], ("", None))
        self.advance(30)
        successor = self.works(TENANT_TOKEN)["refreshToken"]
        self.assertNotIn(successor, ("", None, TENANT_TOKEN))
        self.works(successor)
        self.works(TENANT_TOKEN)  # the old one works beside it
        self.advance(37 * DAY)
        self.ended(TENANT_TOKEN)
        self.assertIn(self.works(successor)["refreshToken"], ("", None))
        self.advance(328 * DAY)  # a life of its own
        self.ended(successor)

    def test_date_follows_the_clock(self):
        self.advance(400 * DAY)
        for reply in (self.tenant.exchange(), self.tenant.get("/groups"), self.tenant.get("/nothing")):
            date = parsedate_to_datetime(reply.headers["Date"]).timestamp()
            self.assertAlmostEqual(date - time.time(), 400 * DAY, delta=60)


class Ends(Case):
    def test_a_new_one_for_the_same_user(self):
        fresh, = self.make_tokens({"user": ALICE})
        self.ended(TENANT_TOKEN)
        for token in (fresh, MEMBER_TOKEN, GROUP_TOKEN):
            self.works(token)

    def test_a_new_one_for_the_same_group(self):
        fresh, = self.make_tokens({"user": ALICE, "group": GROUP})
        self.ended(GROUP_TOKEN)
        for token in (fresh, MEMBER_TOKEN, TENANT_TOKEN):
            self.works(token)

    def test_a_new_one_ends_the_announced_successor_too(self):
        self.advance(330 * DAY)
        successor = self.works(TENANT_TOKEN)["refreshToken"]
        fresh, = self.make_tokens({"user": ALICE})
        for token in (TENANT_TOKEN, successor):
            self.ended(token)
        self.works(fresh)

    def test_a_new_one_of_another_connector_ends_nothing(self):
        self.steer("connectors", {"name": "Other", "owner": ALICE,
                                  "tokens": [{"user": ALICE}, {"user": ALICE, "group": GROUP}]})
        for token in (TENANT_TOKEN, MEMBER_TOKEN, GROUP_TOKEN):
            self.works(token)

    def test_the_connector_deleted(self):
        status, _, _ = self.sandbox.call("DELETE", "/_sandbox/connectors/" + APPLICATION_ID)
        self.assertEqual(status, 200)
        for token in (TENANT_TOKEN, MEMBER_TOKEN, GROUP_TOKEN):
            self.ended(token)
        self.refused(self.tenant.get("/groups"), 401, "InvalidToken")

    def test_a_new_secret(self):
        self.steer("connectors", {"id": APPLICATION_ID, "secret": "ABCDEFGHI0"})
        self.ended(TENANT_TOKEN)
        self.ended(TENANT_TOKEN, applicationSecret="ABCDEFGHI0")
        fresh, = self.make_tokens({"user": ALICE})
        self.works(fresh, applicationSecret="ABCDEFGHI0")
        self.ended(fresh, applicationSecret=APPLICATION_SECRET)

    def test_of_another_connector(self):
        other = self.steer("connectors", {"name": "Other", "owner": ALICE, "tokens": [{"user": ALICE}]})
        self.ended(other["tokens"][0]["refresh_token"])
        self.ended(TENANT_TOKEN, applicationId=other["id"], applicationSecret=other["secret"])

    def test_a_tenant_admin_no_more(self):
        self.steer("users", {"phone": CHITRA, "tenant_admin": True})
        token, = self.make_tokens({"user": CHITRA})
        fields = {"name": "Public", "welcomeMessage": "x", "groupType": "ConnectGroup"}
        client = naive.Naive(self.root, token)
        self.done(client.call("POST", "/groups", fields))
        self.steer("users", {"phone": CHITRA, "tenant_admin": False})
        self.refused(client.call("POST", "/groups", fields), 403)
        self.refused(client.get(f"/groups/{GROUP}"), 403)

    def test_the_group_deleted(self):
        status, _, _ = self.sandbox.call("DELETE", "/_sandbox/groups/" + GROUP)
        self.assertEqual(status, 200)
        self.ended(GROUP_TOKEN)
        self.refused(self.group.get("/groups"), 401, "InvalidToken")
        self.refused(self.tenant.get("/groups/" + GROUP), 404)


if __name__ == "__main__":
    unittest.main()
