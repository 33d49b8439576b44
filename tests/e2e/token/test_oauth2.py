"""The provider oauth2: what is asked, what replies mean, and where tokens go."""

import base64
import json
import os
import shutil
import socket
import time
import unittest
import urllib.parse

import support
from certificates import Authority
from oauth2 import ID, OAuth2, REFRESH, SECRET
from service import RawService, reply


class Asked(OAuth2):
    def test_a_refresh_token_that_rotates(self):
        grants = self.grants()
        self.books(grants, scope=["read", "write"], audience="https://api.example.org")
        token = self.token()
        self.assertEqual((token["access_token"], token["source"]), ("access-token-1", "exchange"))
        self.assertEqual(grants.forms, [{"grant_type": "refresh_token", "refresh_token": REFRESH,
                                         "scope": "read write", "audience": "https://api.example.org"}])
        self.assertEqual(grants.headers[0]["Accept"], "application/json")
        self.assertEqual(self.token()["source"], "cache")
        self.assertEqual(self.token("--refresh")["access_token"], "access-token-2")
        self.assertEqual(grants.forms[1]["refresh_token"], "refresh-token-1")
        self.assertEqual(self.row()["refresh_token"], "refresh-token-2")

    def test_one_that_stays(self):
        grants = self.grants()
        grants.rotates = False
        self.books(grants)
        self.token()
        self.token("--refresh")
        self.assertEqual([form["refresh_token"] for form in grants.forms], [REFRESH, REFRESH])

    def test_a_changed_one_takes_the_place_of_the_rotated(self):
        grants = self.grants()
        self.books(grants)
        self.token()
        grants.current = self.env["BOOKS_REFRESH"] = "refresh-token-by-hand"
        self.assertEqual(self.token("--refresh")["access_token"], "access-token-2")
        self.env["BOOKS_REFRESH"] = "one-that-is-dead"
        self.assertNotIn("another process", self.fails(4, "-v", "token", "books", "--refresh").stderr)
        self.assertEqual([form["refresh_token"] for form in grants.forms[2:]], ["one-that-is-dead"])  # sent once

    def test_without_any(self):
        grants = self.grants()
        self.books(grants, refresh_token=None)
        self.fails(3, "token", "books", says="no refresh token is known; set 'refresh_token' in")
        self.assertEqual(grants.forms, [])

    def test_client_authentication(self):
        def encoded(text):
            return urllib.parse.quote(text, safe="-._~")
        basic = "Basic " + base64.b64encode(f"{ID}:{encoded(SECRET)}".encode()).decode()
        raw = "Basic " + base64.b64encode(f"{ID}:{SECRET}".encode()).decode()
        for auth, header, form in ((None, basic, {}), ("basic", basic, {}), ("basic_raw", raw, {}),
                                   ("post", None, {"client_id": ID, "client_secret": SECRET})):
            with self.subTest(auth=auth):
                grants = self.grants()
                self.daemon(grants, client_auth=auth)
                self.token()
                self.assertEqual(grants.headers[0]["Authorization"], header)
                self.assertEqual(grants.forms, [{"grant_type": "client_credentials", **form}])
        grants = self.grants()
        self.daemon(grants, client_id="54321", client_auth="post")  # an ID is no secret, and may be short
        self.token()
        self.assertEqual(grants.forms[0]["client_id"], "54321")
        self.fails(3, "token", "books", "--refresh", env={"BOOKS_SECRET": "54321"}, says="could not be masked")
        grants = self.grants()
        self.books(grants, client_auth="none", client_secret=None)
        self.token()
        self.assertIsNone(grants.headers[0]["Authorization"])
        self.assertEqual(grants.forms[0]["client_id"], ID)

    def test_check_spends_no_refresh_token_for_nothing(self):
        grants = self.grants()
        self.books(grants)
        self.assertIn("token exchanged", self.ok("check", "--online").stdout)
        self.assertIn("--refresh exchanges it", self.ok("check", "--online").stdout)
        self.assertEqual(json.loads(self.ok("check", "--online", "--json").stdout)["not_exchanged"], ["books"])
        self.assertEqual(len(grants.forms), 1)
        self.assertIn("token exchanged", self.ok("check", "--online", "--refresh").stdout)
        self.assertEqual(len(grants.forms), 2)
        self.fails(2, "check", "--refresh", says="--refresh needs --online")
        self.books(grants, client_secret={"command": ["false"]})  # read although nothing is exchanged
        self.assertIn("client_secret of connector 'books'", self.jeton("check", "--online").stdout)
        self.assertEqual(len(grants.forms), 2)
        self.daemon(grants)  # its grant spends nothing
        for count in (3, 4):
            self.assertEqual(json.loads(self.ok("check", "--online", "--json").stdout)["not_exchanged"], [])
            self.assertEqual(len(grants.forms), count)

    def test_a_command_that_fails_once(self):
        """As it may where it asks somebody over a network."""
        grants = self.grants()
        once = self.folder + "/once"
        self.daemon(grants, client_secret={"command": ["sh", "-c", f"[ -e {once} ] || {{ touch {once}; exit 1; }}; echo {SECRET}"]})
        self.fails(3, "token", "books", says="command: 'sh': it ended with status 1")
        self.token()

    def test_check_tries_tls_and_keys_though_the_token_is_fresh(self):
        authority = Authority(self.folder)
        body = b'{"access_token": "access-token-1", "refresh_token": "refresh-token-1"}'
        service = RawService(lambda connection, head: connection.sendall(reply(body)), authority.server("good"))
        self.addCleanup(service.stop)
        with open(os.path.join(support.SOURCE, "tests/unit/crypto/keys/ed25519.pem"), encoding="ascii") as file:
            key = self.write("key.pem", file.read())
        keys = {"token_url": service.url + "/token", "endpoint": service.url, "ca_file": authority.file, "client_secret": None,
                "client_auth": "private_key_jwt", "key": {"file": key}, "retries": 0, "default_lifetime": "1h"}
        grants = self.grants()
        self.books(grants, **keys)
        self.token()
        self.assertIn("token of the state", self.ok("check", "--online").stdout)
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            closed = f"https://127.0.0.1:{nobody.getsockname()[1]}"
        other = os.path.join(self.folder, "other")
        os.mkdir(other)
        self.write("bad.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        for changes, status, says in (
                ({"ca_file": Authority(other).file}, 5, ["the token service cannot be reached", "the API cannot be", "not trusted"]),
                ({"endpoint": closed}, 5, ["the API cannot be reached", "connection refused"]),
                ({"key": {"command": ["cat", os.path.join(self.folder, "bad.pem")]}}, 3,
                 ["3: key of connector 'books': it holds no private key"]), # which check alone does not run
                ({"key": {"file": os.path.join(self.folder, "bad.pem")}}, 3, ["key of connector 'books': it holds no private key"])):
            with self.subTest(changes=changes):
                self.books(grants, **{**keys, **changes})
                self.token()  # of the state
                done = self.fails(status, "check", "--online")
                for part in says:
                    self.assertIn(part, done.stdout)
        self.assertEqual(len(service.heads), 1)

    def test_check_of_one_that_is_left_alone_after_a_refusal(self):
        grants = self.grants()
        self.books(grants)
        grants.answers = [(401, {}, {"error": "invalid_client"})]
        self.fails(4, "token", "books", says="invalid_client")
        done = self.fails(4, "check", "--online")
        self.assertIn("refused at 20", done.stdout)
        self.assertIn("invalid_client; check client_id, client_auth and the secret or key", done.stdout)
        self.assertIn("(nothing was sent; it is tried again at 20", done.stdout)
        self.assertIn("or by `jeton token books --refresh`)", done.stdout)
        self.assertNotIn("cannot be reached", done.stdout)
        self.assertEqual(len(grants.forms), 1)
        self.assertIn("token exchanged", self.ok("check", "--online", "--refresh").stdout)

    def test_bodies(self):
        keys = {"client_auth": "post", "scope": "a b", "resource": ["https://r.example.org/1", "https://r.example.org/2"]}
        wanted = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET, "scope": "a b",
                  "resource": keys["resource"]}
        for body, kind in (("form", "application/x-www-form-urlencoded"), ("json", "application/json"), ("query", None)):
            with self.subTest(body=body):
                grants = self.grants()
                self.daemon(grants, body=body, **keys)
                self.token()
                self.assertEqual(grants.forms, [wanted])
                self.assertEqual(grants.headers[0]["Content-Type"], kind)

    def test_parameters_and_headers(self):
        grants = self.grants()
        self.env["ACCOUNT"] = "account-secret-9"
        self.daemon(grants, grant="account_credentials", scope=["x", "y"], scope_separator=",",
                    params={"account_id": {"env": "ACCOUNT"}, "flag": "on", "audience": ""}, audience="gone",
                    refresh_params={"not": "sent"}, headers={"User-Agent": "cron:books:1", "Accept": "*/*"})
        self.token()
        self.assertEqual(grants.forms, [{"grant_type": "account_credentials", "scope": "x,y",
                                         "account_id": "account-secret-9", "flag": "on"}])
        self.assertEqual((grants.headers[0]["User-Agent"], grants.headers[0]["Accept"]), ("cron:books:1", "*/*"))
        done = self.ok("-vv", "token", "books", "--refresh")
        self.assertNotIn("account-secret-9", done.stderr)

    def test_parameters_and_a_url_for_refreshing(self):
        grants = self.grants()
        self.books(grants, refresh_url=grants.url + "/token/refresh/", scope="a", refresh_params={"scope": "", "x": "y"})
        self.token()
        self.assertEqual(grants.service.received[0]["path"], "/token/refresh/")
        self.assertEqual(grants.forms, [{"grant_type": "refresh_token", "refresh_token": REFRESH, "x": "y"}])

    def test_what_is_asked_decides_which_access_token_is_used(self):
        grants = self.grants()
        self.books(grants, scope=["a", "b"])
        self.token()
        self.books(grants, scope="b a", client_secret="another-secret-plain")
        self.assertEqual(self.token()["source"], "cache")
        self.books(grants, scope="b a c")
        self.assertEqual(self.token()["source"], "exchange")
        self.assertEqual(grants.forms[1]["refresh_token"], "refresh-token-1")

    def test_another_source_of_what_is_sent_is_another_request(self):
        grants = self.grants()
        for value in ("alice", "bob"):
            self.daemon(grants, params={"as": {"command": ["/bin/echo", value + "-of-books"]}})
            self.assertEqual(self.token()["source"], "exchange", value)
        self.assertEqual([form["as"] for form in grants.forms], ["alice-of-books", "bob-of-books"])


class Replies(OAuth2):
    def lifetime(self, body, headers=None, **keys):
        """Seconds that the token of such a reply lives; None: it is not said."""
        grants = self.grants()
        reply = {"access_token": "access-token-1", **body} if isinstance(body, dict) else body
        grants.answers = [(200, headers or {}, reply)]
        self.daemon(grants, **keys)
        expires = self.token()["expires_at"]
        if expires is None:
            return None
        seconds = time.mktime(time.strptime(expires[:19], "%Y-%m-%dT%H:%M:%S")) - time.time()
        return round(seconds / 600) * 600  # to ten minutes: a busy machine takes some for the test itself

    def test_expiry_in_all_its_shapes(self):
        now = int(time.time())
        iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + 7200))
        east = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + 7200 + 19800))
        at = {"reply": {"expires_at": "/expires_at"}}
        at_iso = {"reply": {"expires_at": "/expires_at", "unit": "iso8601"}}
        for body, keys, expected in (
                ({"expires_in": 7200}, {}, 7200), ({"expires_in": "7200"}, {}, 7200), ({"expires_in": 7200.0}, {}, 7200),
                ({"expires_in": "7200.5"}, {}, 7200), ({"expires_in": 7200000}, {"reply": {"unit": "ms"}}, 7200),
                ({"expires_at": now + 7200}, at, 7200), ({"expires_at": str(now + 7200)}, at, 7200),
                ({"expires_at": (now + 7200) * 1000}, {"reply": {"expires_at": "/expires_at", "unit": "ms"}}, 7200),
                ({"expires_at": iso + "Z"}, at_iso, 7200), ({"expires_at": iso + ".123+00:00"}, at_iso, 7200),
                ({"expires_at": east + "+05:30"}, at_iso, 7200), ({"expires_at": iso + "Z"}, at, 7200),
                ({}, {}, None), ({}, {"default_lifetime": "2h"}, 7200), ({"expires_in": None}, {}, None),
                ({"expires_in": 0}, {}, None), ({"expires_in": -5}, {"default_lifetime": "2h"}, 7200),
                ({"expires_in": "soon"}, {}, None), ({"expires_at": 86400}, at, None),
                ({"expires_at": "1970-01-01T00:00:00Z"}, at_iso, None), ({"expires_in": 1e30}, {}, None)):
            with self.subTest(body=body, keys=keys):
                self.assertEqual(self.lifetime(body, **keys), expected)

    def test_an_absolute_time_is_compared_with_the_date_of_the_reply(self):
        self.assertEqual(self.lifetime({"expires_at": 1000000000 + 7200}, {"Date": "Sun, 09 Sep 2001 01:46:40 GMT"},
                                       reply={"expires_at": "/expires_at"}), 7200)

    def test_one_without_expiry_stays_until_it_is_refused(self):
        refused = []
        grants = self.grants(lambda r: (401, {}, {}) if refused.pop() else None, expires_in=...)
        self.books(grants)
        for answer, number in (([False], 1), ([False], 1)):
            refused[:] = answer
            self.ok("api", "things")
            self.assertEqual(grants.number, number)

    def test_nested_members_and_lists(self):
        grants = self.grants()
        grants.answers = [(200, {}, {"ok": True, "authed_user": {"access_token": "nested-token", "scope": ["a", "b"],
                                                                 "refresh_token": "nested-refresh"}, "access_token": ""})]
        self.books(grants, reply={"access_token": "/authed_user/access_token", "scope": "/authed_user/scope",
                                  "refresh_token": "/authed_user/refresh_token"})
        token = self.token()
        self.assertEqual((token["access_token"], token["scopes"]), ("nested-token", ["a", "b"]))
        self.assertEqual(self.row()["refresh_token"], "nested-refresh")

    def test_a_refresh_is_answered_as_the_standard_says_where_a_sign_in_is_not(self):
        grants = self.grants()
        grants.answers = [(200, {}, {"ok": True, "token_type": "user", "access_token": "plain-token", "expires_in": 43200,
                                     "scope": "a b", "refresh_token": "plain-refresh", "authed_user": {"id": "U1"}})]
        self.books(grants, reply={"access_token": "/authed_user/access_token", "scope": "/authed_user/scope",
                                  "refresh_token": "/authed_user/refresh_token", "expires_in": "/authed_user/expires_in"})
        token = self.token()
        self.assertEqual((token["access_token"], token["scopes"]), ("plain-token", ["a", "b"]))
        self.assertEqual(self.row()["refresh_token"], "plain-refresh")
        expires = time.mktime(time.strptime(token["expires_at"][:19], "%Y-%m-%dT%H:%M:%S"))
        self.assertAlmostEqual(expires - time.time(), 43200, delta=60)

    def test_a_refresh_that_says_a_duration_where_a_sign_in_says_a_time(self):
        grants = self.grants()
        grants.answers = [(200, {}, {"access_token": "plain-token", "expires_in": 43200})]
        self.books(grants, reply={"access_token": "/data/access_token", "expires_at": "/data/expires_at", "unit": "ms"})
        expires = time.mktime(time.strptime(self.token()["expires_at"][:19], "%Y-%m-%dT%H:%M:%S"))
        self.assertAlmostEqual(expires - time.time(), 43200, delta=60)

    def test_a_member_that_nobody_reads_may_be_deep(self):
        deep = 1
        for _ in range(60):
            deep = [deep]
        grants = self.grants()
        grants.answers = [(200, {}, {"access_token": "deep-token-1", "refresh_token": "deep-refresh-2", "profile": deep})]
        self.books(grants)
        self.assertEqual((self.token()["access_token"], self.row()["refresh_token"]), ("deep-token-1", "deep-refresh-2"))

    def test_a_form_encoded_reply(self):
        form = b"access_token=a%2Bform+is%3Dno&expires_in=7200&scope=a+b"
        self.assertEqual(self.lifetime(b"access_token=form-token&expires_in=7200",
                                       {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}), 7200)
        self.assertEqual(self.lifetime(b"access_token=form-token&scope=%ED%A0%80+a%FF&expires_in=7200",  # half a surrogate
                                       {"Content-Type": "application/x-www-form-urlencoded"}), 7200)
        for odd in (b"&access_token=form-token&&scope&expires_in=7200\r\n", b"expires_in=7200&access_token=form-token\n"):
            self.assertEqual(self.lifetime(odd, {"Content-Type": "text/plain"}), 7200)
        grants = self.grants()
        grants.answers = [(200, {"Content-Type": "application/x-www-form-urlencoded"}, form)]
        self.daemon(grants)
        self.fails(6, "token", "books", says="'access_token' is not a token")  # it has a space

    def test_nothing_in_other_words(self):
        for nothing in (False, [], {}):
            with self.subTest(nothing=nothing):
                grants = self.grants(refresh_token=nothing, error=nothing, scope=nothing)
                grants.rotates = False
                self.books(grants)
                self.assertEqual(self.token("--refresh")["access_token"], "access-token-1")

    def test_what_is_no_token(self):
        for body, status, says in (
                (b"<html>please sign in</html>", 6, "not JSON"), (b"", 6, "not JSON"), (b"[]", 6, "a JSON object"),
                ({"token": "x"}, 6, "'access_token' is not a token"), ({"access_token": ""}, 6, "'access_token'"),
                ({"access_token": "with a space"}, 6, "'access_token'"), ({"access_token": 5}, 6, "'access_token'"),
                ({"access_token": "http:/"}, 6, "a token (8 to"), ({"access_token": "https://"}, 6, "no URL"),
                ({"access_token": "y" * 20000}, 6, "'access_token'"),
                ({"ok": False, "error": "invalid_refresh"}, 4, "200, but invalid_refresh"),
                ({"ok": False, "access_token": "access-token-x"}, 4, "it is a refusal"),
                ({"error": "bad_verification_code", "error_description": "gone\nby"}, 4, "bad_verification_code: gone by"),
                ({"error": {"code": 17, "message": "no"}, "access_token": "access-token-x"}, 4, "200, but 17: no")):
            with self.subTest(body=body):
                grants = self.grants()
                grants.answers = [(200, {}, body)]
                self.daemon(grants)
                self.fails(status, "token", "books", says=says)
                self.assertEqual(len(grants.forms), 1)

    def test_refusals(self):
        for code, body, status, says in (
                (400, {"error": "invalid_scope"}, 4, "400 bad request: invalid_scope; check scope"),
                (401, {"error": "invalid_client", "error_description": "who?"}, 4, "401 not authenticated: invalid_client: who?; check client_id, client_auth and the secret"),
                (403, {"error": "access_denied"}, 4, "403 forbidden: access_denied"),
                (400, {"error": 400, "message": "Bad Request"}, 4, "400: Bad Request"),
                (400, {"status": 400, "message": "Invalid refresh token"}, 4, "Invalid refresh token"),
                (400, {"errors": [{"resource": "x", "message": "invalid"}]}, 4, "400 bad request: invalid"),
                (404, b"<html>", 6, "404 not found"), (405, {}, 6, "405 refused")):
            with self.subTest(code=code, body=body):
                grants = self.grants()
                grants.answers = [(code, {}, body)]
                self.daemon(grants)
                self.fails(status, "token", "books", says=says)
                self.assertEqual(len(grants.forms), 1)

    def test_a_scope_that_is_taken_back(self):
        """It lifts the pause after the refusal of another one."""
        grants = self.grants()
        self.books(grants, scope="read")
        self.ok("token", "books")
        self.books(grants, scope="read write")
        grants.answers = [(400, {}, {"error": "invalid_scope"})]
        self.fails(4, "token", "books", says="invalid_scope")
        self.fails(4, "token", "books", says="refused at 20")
        self.books(grants, scope="read")
        self.ok("token", "books")
        self.assertEqual([form["scope"] for form in grants.forms], ["read", "read write", "read"])

    def test_redirects_are_not_followed(self):
        elsewhere = self.grants()
        for code in (301, 302, 303, 307, 308):
            with self.subTest(code=code):
                grants = self.grants()
                grants.answers = [(code, {"Location": elsewhere.url + "/token?x=secret-in-query"}, {})]
                self.books(grants)
                done = self.fails(6, "token", "books", says=[f"{code} redirect to {elsewhere.url}/token:", "token_url"])
                self.assertNotIn("secret-in-query", done.stderr)
                self.assertEqual((len(grants.forms), elsewhere.forms), (1, []))

    def test_what_passes_is_waited_for(self):
        for answer in ((429, {"Retry-After": "1"}, {}), (503, {"Retry-After": "1"}, b"<html>"), (500, {}, {}),
                       (400, {}, {"error": "temporarily_unavailable"}), (400, {}, {"error": "internal_failure"})):
            with self.subTest(answer=answer):
                grants = self.grants()
                grants.answers = [answer]
                self.daemon(grants)
                self.assertEqual(self.token()["access_token"], "access-token-1")
                self.assertEqual(len(grants.forms), 2)

    def test_what_passes_is_no_dead_grant(self):
        """Salesforce of a refresh token that is just being exchanged; Slack, by 200. Who gives up ends with status 6."""
        busy = {"error": "invalid_grant", "error_description": "token request is already being processed"}
        for status, body in ((400, busy), (200, {"ok": False, "error": "internal_error"})):
            with self.subTest(body=body):
                grants = self.grants()
                grants.answers = [(status, {}, body)] * 2
                self.books(grants)
                self.assertEqual(self.token("--refresh")["access_token"], "access-token-1")
                self.assertEqual({form["refresh_token"] for form in grants.forms}, {"refresh-token-0"})
                grants.answers = [(status, {}, body)]
                self.books(grants, retries=0)
                self.fails(6, "token", "books", "--refresh", says=body["error"])
                self.ok("token", "books", "--refresh")
                shutil.rmtree(self.state)

    def test_a_reply_that_is_lost_meanwhile(self):
        """The exchange whose reply was lost is still at work, then done: its refresh token was not replaced."""
        grants = self.grants()
        grants.rotates = False
        grants.answers = [(503, {}, {}), (400, {}, {"error": "invalid_grant", "error_description":
                                                    "token request is already being processed"})]
        self.books(grants)
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertEqual(len(grants.forms), 3)

    def test_when_to_come_again_is_told_where_nothing_is_tried_again(self):
        """Of a POST that may have been done, and of a refresh token that has been sent twice: who retries knows it."""
        script = self.write("when.lua", """
            local _, err = require("jeton.http").request { connector = true, method = "POST", path = "things" }
            print(err.status, err.retry_after)""")
        grants = self.grants(api=lambda _: (500, {"Retry-After": "7"}, {}))
        self.daemon(grants)
        self.assertEqual(self.ok("run", script).stdout.split(), ["500", "7"])
        grants = self.grants()
        grants.answers = [(503, {"Retry-After": "0"}, {}), (503, {"Retry-After": "7"}, {})]
        self.books(grants)
        self.assertEqual(self.ok("run", script).stdout.split(), ["503", "7"])
        self.assertEqual(len(grants.forms), 2)


class Limits(OAuth2):
    """A limit that a service tells by 403: GitHub's first and second, Google's."""

    GOOGLE = {"error": {"code": 403, "message": "Rate Limit Exceeded", "errors": [
        {"domain": "usageLimits", "reason": "userRateLimitExceeded", "message": "Rate Limit Exceeded"}]}}

    def api(self, *answers):
        """What the API answers in turn, then 200; X-RateLimit-Reset is given as seconds from now."""
        left, times = list(answers), []

        def answer(_):
            times.append(time.monotonic())
            if not left:
                return 200, {}, {"it": "works"}
            status, headers, body = left.pop(0)
            if "X-RateLimit-Reset" in headers:
                headers = {**headers, "X-RateLimit-Reset": str(int(time.time()) + headers["X-RateLimit-Reset"])}
            return status, headers, body
        self.daemon(self.grants(api=answer))
        return times

    def test_it_is_waited_for(self):
        used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": 3}
        for answer, least in (((403, {"Retry-After": "2"}, {"message": "secondary rate limit"}), 2),
                              ((403, used_up, {"message": "API rate limit exceeded"}), 1.9),
                              ((429, used_up, {"message": "API rate limit exceeded"}), 1.9),
                              ((403, {}, self.GOOGLE), 0)):
            with self.subTest(answer=answer):
                times = self.api(answer)
                self.ok("api", "POST", "things", "-f", "a=b")
                self.assertEqual(len(times), 2)
                self.assertGreaterEqual(times[1] - times[0], least)

    def test_too_long_a_wait_is_no_matter_of_rights(self):
        used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": 3000}
        times = self.api(*[(403, used_up, {"message": "API rate limit exceeded"})] * 9)
        self.fails(6, "api", "things", says=["API rate limit exceeded", "15 minutes"])
        self.assertEqual(len(times), 1)

    def test_that_of_a_day(self):
        """Of Google and Salesforce. It is no matter of rights, and nobody waits for it; that of concurrent requests passes."""
        script = self.write("day.lua", """
            local _, err = require "jeton.http".request { connector = true, path = "things" }
            print(err.kind, err.retryable, err.retry_after)
        """)
        google = lambda reason: {"error": {"code": 403, "message": "m", "errors": [{"domain": "usageLimits", "reason": reason}]}}
        salesforce = lambda words: [{"message": words + " Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
        for body in (google("dailyLimitExceeded"), google("quotaExceeded"), salesforce("TotalRequests")):
            with self.subTest(body=body):
                times = self.api((403, {}, body), (403, {}, body))
                self.assertEqual(self.ok("run", script).stdout.split(), ["throttled", "true", "3600"])
                self.fails(6, "api", "things", says="403 forbidden")
                self.assertEqual(len(times), 2)
        times = self.api((403, {}, salesforce("ConcurrentRequests (Concurrent API Requests)")))
        self.ok("api", "things")
        self.assertEqual(len(times), 2)
        self.api((403, {}, google("dailyLimitExceededUnreg")))  # nobody is signed in
        self.fails(4, "api", "things", says="403 forbidden")

    def test_the_second_one_may_be_told_by_words_alone(self):
        script = self.write("second.lua", """
            local _, err = require "jeton.http".request { connector = true, path = "things" }
            print(err.kind, err.retryable, err.retry_after)
        """)
        for status in (403, 429):
            for headers in ({}, {"X-RateLimit-Remaining": "4990", "X-RateLimit-Reset": 3000}):
                with self.subTest(status=status, headers=headers):
                    self.api((status, headers, {"message": "You have exceeded a secondary rate limit. Please wait"}))
                    done = self.ok("run", "--timeout", "9s", script)  # it would wait for a minute
                    self.assertEqual(done.stdout.split(), ["throttled", "true", "60"])

    def test_what_an_api_says(self):
        """In the words of Dropbox, Jira, Confluence, Okta, Salesforce, Xero, QuickBooks, Zendesk, Shopify."""
        for body, says in (({"error_summary": "path/not_found/..", "error": {".tag": "path", "path": {".tag": "not_found"}}},
                            "409 refused: path: path/not_found/.."),
                           ({"errorMessages": ["The value does not exist."], "errors": {}}, "409 refused: The value does not"),
                           ({"errors": [{"status": 409, "title": "Not now", "detail": None}]}, "409 refused: Not now"),
                           ({"errorCode": "E0000001", "errorSummary": "Api validation failed: login", "errorCauses": []},
                            "409 refused: E0000001: Api validation failed: login"),
                           ([{"message": "unable to obtain exclusive access", "errorCode": "UNABLE_TO_LOCK_ROW"}],
                            "409 refused: UNABLE_TO_LOCK_ROW: unable to obtain"),
                           ({"Title": "Conflict", "Status": 409, "Detail": "TokenExpired: at noon"}, "refused: TokenExpired"),
                           ({"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred"},
                            "409 refused: A validation exception occurred"),
                           ({"Fault": {"Error": [{"Message": "Stale Object Error", "code": "5010"}]}}, "refused: Stale Object"),
                           ({"error": "RecordInvalid", "description": "Record validation errors", "details": {}},
                            "409 refused: RecordInvalid: Record validation errors"),
                           ({"errors": "Not Found"}, "409 refused: Not Found")):
            with self.subTest(body=body):
                self.api((409, {}, body))
                self.fails(6, "api", "things", says=says)

    def test_another_403_is(self):
        for headers in ({}, {"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": 3}, {"X-RateLimit-Remaining": "0"},
                        {"Retry-After": "0"}):  # as caches have it in whatever they refuse
            with self.subTest(headers=headers):
                times = self.api((403, headers, {"message": "Resource not accessible by integration"}))
                self.fails(4, "api", "things", says="not accessible")
                self.assertEqual(len(times), 1)

    def test_of_an_exchange(self):
        grants = self.grants()
        grants.answers = [(403, {"Retry-After": "1"}, {"message": "secondary rate limit"})]
        self.books(grants)
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertEqual([form["refresh_token"] for form in grants.forms], ["refresh-token-0"] * 2)


class Promised(OAuth2):
    """Box answers so where a file has just been uploaded: an empty one was saved."""

    def test_a_file_that_is_not_ready_yet(self):
        answers = []
        grants = self.grants(api=lambda _: answers.pop(0) if answers else (200, {}, b"the file"))
        self.books(grants, retries=2)
        self.write("kept", "former")
        script = self.write("save.lua", """
            local response, err = require("jeton.http").request { connector = true, path = "file", save_to = "kept" }
            print(response and response.status, err and err.kind, err and err.retry_after)
            local file <close> = io.open "kept"
            print(file:read "a")
        """)
        later = (202, {"Retry-After": "1"}, b"")
        for given, says in (([later, later], ["200", "nil", "nil", "the", "file"]), ([later] * 3, ["nil", "http", "1", "former"]),
                            ([(202, {}, b"")], ["202", "nil", "nil"]),
                            ([(202, {"Retry-After": "1"}, b"all")], ["202", "nil", "nil", "all"])):
            with self.subTest(given=given):
                self.write("kept", "former")
                answers[:] = given
                self.assertEqual(self.ok("run", script).stdout.split(), says)
                self.assertEqual(answers, [])
        self.write("kept", "former")
        self.write("plain.lua", f"""
            local response = assert(require("jeton.http").get("{grants.url}/api/file", {{ save_to = "kept" }}))
            print(response.status, response.path, io.open("kept"):read "a")
        """)
        answers[:] = [later]
        self.assertEqual(self.ok("run", "plain.lua").stdout.split(), ["202", "nil", "former"])


class Hosts(OAuth2):
    def test_an_endpoint_that_a_reply_names(self):
        grants, foreign = self.grants(), self.grants()
        grants.first["instance_url"] = grants.url + "/instance/"
        keys = {"endpoint": None, "reply": {"endpoint": "/instance_url"}}
        self.books(grants, allow_hosts=[grants.url.split("//")[1]], **keys)
        self.assertEqual(self.token()["endpoint_url"], grants.url + "/instance")
        self.ok("api", "things?x=1")
        self.assertEqual(grants.service.received[-1]["path"], "/instance/things?x=1")
        # One elsewhere: the refresh token that came is kept, and no token goes there.
        grants.first["instance_url"] = foreign.url
        done = self.fails(4, "token", "books", "--refresh", says="add '" + foreign.url.split("//")[1] + "' to allow_hosts")
        self.assertIn("the endpoint that came with the token", done.stderr)
        self.assertEqual((self.row()["refresh_token"], self.row()["access_token"]), ("refresh-token-2", None))
        grants.first["instance_url"] = grants.url + "/instance?x=1"
        self.fails(6, "token", "books", "--refresh", says="'/instance_url' is not a URL without query and fragment")
        self.assertEqual((self.row()["refresh_token"], self.row()["access_token"]), ("refresh-token-3", None))
        self.assertEqual(foreign.service.received, [])

    def test_token_hosts(self):
        grants = self.grants()
        self.books(grants, token_hosts=["id.example.org"])
        self.fails(4, "token", "books", says="add '" + grants.url.split("//")[1] + "' to token_hosts")
        self.assertEqual(grants.forms, [])
        self.books(grants, token_hosts=[grants.url.split("//")[1]])
        self.token()

    def test_no_endpoint(self):
        grants = self.grants()
        self.books(grants, endpoint=None)
        self.fails(3, "api", "things", says="lacks 'endpoint'")
        self.fails(4, "api", "https://elsewhere.example/x", says="allow_hosts")

    def test_how_the_token_is_carried(self):
        for keys, name, value in (({}, "Authorization", "Bearer access-token-1"),
                                  ({"authorization": "Zoho-oauthtoken {token}"}, "Authorization", "Zoho-oauthtoken access-token-1"),
                                  ({"header": "X-Access-Token"}, "X-Access-Token", "access-token-1"),
                                  ({"header": "X-Key: t={token};"}, "X-Key", "t=access-token-1;")):
            with self.subTest(keys=keys):
                grants = self.grants(lambda r: (200, {}, {}))
                self.daemon(grants, **keys)
                self.write("s.lua", 'local r = require "jeton.http".request{connector="books", path="/v2/things"}\n'
                                    "assert(r.status == 200)")
                self.ok("run", "s.lua")
                self.assertEqual(grants.service.received[-1]["path"], "/api/v2/things")
                self.assertEqual(grants.service.received[-1]["headers"][name], value)

    def test_no_limit_of_calls_by_itself(self):
        grants = self.grants(lambda r: (200, {}, {}))
        self.daemon(grants)
        self.write("s.lua", 'local http = require "jeton.http"\nfor i = 1, 120 do\n'
                            '  assert(http.request{connector="books", path="x"})\nend')
        began = time.monotonic()
        self.ok("run", "s.lua")
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(len(grants.service.received), 121)


class TokenOf(OAuth2):
    """A connector with the token of another."""

    def both(self, grants, **keys):
        self.books(grants)
        lent = {"token_of": "books", "endpoint": grants.url + "/mail", **keys}
        lines = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in lent.items() if value is not None)
        with open(self.folder + "/jeton.yaml", "a", encoding="utf-8") as file:
            file.write(f"  mail:\n{lines}")

    def test_one_token_two_apis(self):
        grants = self.grants()
        self.both(grants)
        self.ok("api", "-C", "mail", "inbox")
        self.ok("api", "-C", "books", "invoices")
        self.assertEqual([r["path"] for r in grants.service.received], ["/token", "/mail/inbox", "/api/invoices"])
        token = json.loads(self.ok("token", "mail", "--json").stdout)
        self.assertEqual((token["connector"], token["token_of"], token["endpoint_url"], token["token_type"]),
                         ("mail", "books", grants.url + "/mail", "Bearer"))
        done = self.ok("token", "mail", "--refresh")
        self.assertIn("has the token of 'books', which is exchanged", done.stderr)
        self.assertIn("token of       books", done.stdout)
        self.assertEqual(self.ok("token", "mail", "--header").stdout, "Authorization: Bearer access-token-2\n")
        self.assertEqual(len(grants.forms), 2)
        self.assertIn("token of the state", self.ok("check", "--online").stdout)
        self.assertEqual(len(grants.forms), 2)
        self.assertIn("token exchanged", self.ok("check", "--online", "--refresh").stdout)
        self.assertEqual(len(grants.forms), 3)

    def test_its_own_header_and_hosts(self):
        grants, other = self.grants(), self.grants(lambda r: (200, {}, {}))
        self.both(grants, endpoint=other.url, header="X-Token")
        self.ok("api", "-C", "mail", "inbox")
        self.assertEqual(other.service.received[-1]["headers"]["X-Token"], "access-token-1")
        self.fails(4, "api", "-C", "mail", grants.url + "/x", says="allow_hosts")
        self.fails(4, "api", "-C", "books", other.url + "/x", says="allow_hosts")

    def test_a_401_is_the_lenders(self):
        grants = self.grants(lambda r: (401, {}, {}))
        self.both(grants)
        self.fails(4, "api", "-C", "mail", "inbox")
        self.fails(4, "api", "-C", "mail", "inbox")
        self.assertEqual(len(grants.forms), 1)

    def test_an_access_token_of_its_own(self):
        """For one refresh token, one after the other, whoever asks."""
        grants = self.grants()
        self.both(grants, scope="mail.read", resource="https://mail.example.org")
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.ok("api", "-C", "mail", "inbox")
        self.assertEqual(grants.forms[1], {"grant_type": "refresh_token", "refresh_token": "refresh-token-1",
                                           "scope": "mail.read", "resource": "https://mail.example.org"})
        self.ok("api", "-C", "mail", "inbox")
        self.assertEqual([self.token()["source"], len(grants.forms)], ["cache", 2])
        self.token("--refresh")
        self.assertEqual((grants.forms[2]["refresh_token"], "scope" in grants.forms[2]), ("refresh-token-2", False))
        self.assertEqual(self.ok("token", "mail", "--header").stdout, "Authorization: Bearer access-token-2\n")
        self.both(grants, scope="mail.write", resource="https://mail.example.org")
        self.assertEqual(self.ok("token", "mail", "--header").stdout, "Authorization: Bearer access-token-4\n")
        self.assertEqual((grants.forms[3]["refresh_token"], self.token()["source"]), ("refresh-token-3", "cache"))
        self.ok("check", "--online")
        self.assertEqual(len(grants.forms), 4)
        self.ok("check", "--online", "--refresh")
        self.assertEqual((len(grants.forms), grants.dead), (6, False))

    def test_it_is_not_used_beside_one_of_another_account(self):
        """Whoever asks first, when another refresh token is configured."""
        def shown(name, *options):
            return self.ok("token", name, "--header", *options).stdout.split()[-1]

        for first, second in (("books", "mail"), ("mail", "books")):
            with self.subTest(first=first):
                grants = self.grants()
                self.state = os.path.join(self.folder, "state-" + first)
                self.env["BOOKS_REFRESH"] = REFRESH
                self.both(grants, scope="mail.read")
                before = {shown("books"), shown("mail")}
                grants.current = self.env["BOOKS_REFRESH"] = "refresh-token-of-another-account"
                after = {shown(first, "--refresh"), shown(second)}
                self.assertEqual((len(after), before & after, len(grants.forms)), (2, set(), 4))
                self.assertEqual({shown("books"), shown("mail"), len(grants.forms)}, after | {4})

    def test_it_is_forgotten_with_the_other(self):
        grants = self.grants()
        self.both(grants, scope="mail.read")
        self.write("forget.lua", 'assert(require "jeton.token".forget "books")')
        self.ok("token", "mail")
        grants.current = REFRESH
        self.ok("run", "forget.lua")
        self.assertIsNone(self.row())
        self.ok("token", "mail")
        self.assertEqual([form["refresh_token"] for form in grants.forms], [REFRESH, REFRESH])

    def test_both_at_once(self):
        grants = self.grants()
        self.both(grants, scope="mail.read")
        self.finish_all([self.start("token", name) for name in ("books", "mail") * 6])
        self.assertEqual(([form.get("scope") for form in grants.forms].count("mail.read"), len(grants.forms)), (1, 2))
        self.assertFalse(grants.dead)

    def test_its_refusal_is_its_own(self):
        grants = self.grants()
        self.both(grants, scope="mail.read")
        grants.answers = [(400, {}, {"error": "invalid_scope"})]
        self.fails(4, "token", "mail", says="invalid_scope")
        self.fails(4, "token", "mail", says="refused at 20")
        self.token()
        self.assertEqual(len(grants.forms), 2)
        grants.answers = [(400, {}, {"error": "invalid_grant"})]
        self.fails(4, "token", "mail", "--refresh", says="is dead")
        self.assertIn("needs a person", self.fails(4, "token", "mail").stderr)
        self.assertEqual(self.token()["source"], "cache")

    def test_what_is_wrong(self):
        grants = self.grants()
        for keys, says in (({"token_of": "book"}, "unknown connector 'book'; did you mean 'books'?"),
                           ({"token_of": "mail"}, "connector 'mail' has no token itself"),
                           ({"endpoint": None}, "connector 'mail' lacks 'endpoint'"),
                           ({"provider": "oauth2"}, "'provider' and 'token_of'"),
                           ({"client_id": "abcdefg"}, "unknown key 'client_id' in connector 'mail'"),
                           ({"header": "a b"}, "'header' of connector 'mail' must be")):
            with self.subTest(keys=keys):
                self.both(grants, **keys)
                self.fails(3, "token", "books", says=says)

    def test_two_with_one_refresh_token_are_warned_of(self):
        grants = self.grants()
        self.books(grants)
        with open(self.folder + "/jeton.yaml", encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text + text[text.index("  books:"):].replace("books", "more"))
        self.assertIn("connectors 'books' and 'more' have the same refresh token", self.ok("check").stdout)

    def test_when_it_ends(self):
        grants = self.grants(refresh_token_expires_in=86400 * 90)
        self.books(grants, login_lifetime="20d")
        done = self.ok("token", "books", "--json")
        token = json.loads(done.stdout)
        self.assertIn("refresh_expires_at", token)
        self.assertIn("login_expires_at", token)
        self.assertNotIn("expires soon", done.stderr)
        done = self.ok("token", "books", env=self.faketime("+1500000"))
        self.assertIn("the sign-in of connector 'books' expires soon", done.stderr)
        self.assertIn("sign-in ends   20", done.stdout)


class KeptAlive(OAuth2):
    DAY = 86400

    def at(self, days):
        return self.faketime(f"+{days * self.DAY}")

    def test_in_the_last_third(self):
        grants = self.grants()
        self.books(grants, refresh_lifetime="90d", login_lifetime="100d")
        self.ok("token", "--keep-alive")
        self.assertFalse(os.path.exists(self.state))  # nothing was exchanged yet: nothing is known
        self.ok("token", "books")
        for days, exchanges in ((0, 1), (59, 1), (61, 2), (62, 2), (130, 3)):
            for options in ((), ("books",)):
                done = self.ok("token", *options, "--keep-alive", env=self.at(days))
                self.assertEqual(done.stdout, "")
            self.assertEqual(len(grants.forms), exchanges, days)
        self.assertEqual([form["refresh_token"] for form in grants.forms],
                         ["refresh-token-0", "refresh-token-1", "refresh-token-2"])

    def test_as_the_service_says(self):
        grants = self.grants(refresh_token_expires_in=90 * self.DAY)
        self.books(grants)
        self.ok("token", "books")
        self.ok("token", "--keep-alive", env=self.at(59))
        self.assertEqual(len(grants.forms), 1)
        self.assertIn("now lives, unused, until 20", self.ok("-v", "token", "--keep-alive", env=self.at(61)).stderr)
        self.assertEqual(len(grants.forms), 2)

    def test_a_failure_and_who_needs_a_person(self):
        grants = self.grants()
        self.books(grants, refresh_lifetime="90d")
        self.ok("token", "books")
        grants.answers = [(400, {}, {"error": "invalid_grant"})]
        self.fails(4, "token", "--keep-alive", env=self.at(61), says="invalid_grant")
        self.ok("token", "--keep-alive", env=self.at(62))
        self.assertEqual(len(grants.forms), 2)

    def test_the_scheduler_does_it(self):
        grants = self.grants()
        self.books(grants, refresh_lifetime="90d")
        self.ok("token", "books")
        process = self.start("-v", "cron", "run", env=self.at(61))
        support.wait_until(lambda: len(grants.forms) == 2 and self.row()["refresh_token"] == "refresh-token-2")
        process.terminate()
        self.assertEqual(process.wait(20), 0)

    def test_usage(self):
        self.books(self.grants())
        for option in ("--json", "--refresh", "--show", "--header"):
            self.fails(2, "token", "books", "--keep-alive", option, says="--keep-alive stands alone")
        self.fails(3, "token", "nobody", "--keep-alive", says="nobody")
        for option in ("--json", "--show"):
            self.fails(2, "token", "books", "--header", option, says="--header prints only that field")


class Configured(OAuth2):
    def problems(self, **keys):
        grants = self.grants()
        self.books(grants, **keys)
        found = json.loads(self.jeton("check", "--json").stdout)["problems"]
        found = [problem for problem in found if "BOOKS" not in problem["message"]]
        self.assertTrue(all(problem["line"] > 0 and problem["column"] > 0 for problem in found), found)
        return [problem["message"] for problem in found]

    def test_what_is_missing_or_too_much(self):
        for keys, says in (
                ({"token_url": None}, "connector 'books' lacks 'token_url'; expected a URL"),
                ({"client_id": None}, "connector 'books' lacks 'client_id'"),
                ({"client_secret": None}, "lacks 'client_secret'; expected a string, {env: NAME}"),
                ({"client_auth": "none"}, "'client_secret' of connector 'books' is not used"),
                ({"client_auth": "bsic"}, "'client_auth' of connector 'books' must be basic, basic_raw, post"),
                ({"grant": "client_credentials"}, "'refresh_token' of connector 'books' is not used with grant"),
                ({"grant": "refresh_tokn", "refresh_token": None}, "did you mean 'refresh_token'?"),
                ({"token_url": "http://id.example.org/token"}, "'token_url' of connector 'books': http:// is not encrypted"),
                ({"authorization": "Bearer"}, "must hold {token} once"),
                ({"authorization": "{token}", "header": "X-Key"}, "'authorization' and 'header'; expected one"),
                ({"header": "X Key"}, "'header' of connector 'books' must be the name"),
                *(({"header": name}, f"'header' of connector 'books' cannot be '{name.partition(':')[0]}'")
                  for name in ("host", "Content-Length", "transfer-encoding: {token}", "Connection", "TE")),
                ({"header": "X-Key: a\r\nHost: b {token}"}, "'header' of connector 'books' must be the name"),
                ({"authorization": "a\n{token}"}, "must hold {token} once, on one line"),
                *(({"headers": {name: "x"}}, f"'headers' of connector 'books' cannot set '{name}'")
                  for name in ("Authorization", "HOST", "Content-Length", "Transfer-Encoding", "Connection", "Expect")),
                *(({"headers": {"X-A": value}}, "'headers.X-A' of connector 'books' holds a line break or control character")
                  for value in ("a\r\nHost: evil", "a\n", "a\u0001", "a\u007f")),
                ({"reply": {"access_token": "access"}}, "must be a JSON Pointer such as /access_token, not 'access'"),
                ({"reply": {"unit": "iso8601"}}, "unit iso8601 needs 'expires_at'"),
                ({"reply": {"expires_in": "/a", "expires_at": "/b"}}, "expected one"),
                ({"reply": {"acess_token": "/a"}}, "unknown key 'acess_token' in reply of connector 'books'; did you mean"),
                ({"token_hosts": ["https://x"]}, "'token_hosts' of connector 'books': bad host pattern"),
                ({"scopes": "a"}, "unknown key 'scopes' in connector 'books'; did you mean 'scope'?"),
                ({"token_service": "https://x"}, "unknown key 'token_service'"),
                ({"early": "yes"}, "'early' of connector 'books' must be a duration"),
                ({"params": ["a"]}, "'params' of connector 'books' must be a mapping"),
                ({"device_url": "http://id.example.org/d"}, "'device_url' of connector 'books': http:// is not encrypted"),
                ({"authorize_url": "https://id.example.org/?a=b"}, "'authorize_url' of connector 'books': a query"),
                ({"revoke_url": "x"}, "'revoke_url' of connector 'books': not an https:// URL"),
                ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, "'redirect_uri' of connector 'books': not an https://"),
                ({"pkce": "no"}, "'pkce' of connector 'books' must be true or false, not 'no'"),
                ({"authorize_params": {"state": "x"}}, "cannot set 'state', which is jeton's"),
                ({"authorize_params": {"hint": {"env": "HOME"}}}, "'authorize_params.hint' of connector 'books' must be")):
            with self.subTest(keys=keys):
                found = self.problems(**keys)
                self.assertEqual(len(found), 1, found)
                self.assertIn(says, found[0])

    def test_a_good_one(self):
        self.assertEqual(self.problems(reply={"error": "/errors/0/code"}, dead_errors=["gone"], early="1m"), [])
        self.ok("check")
        self.assertEqual(self.problems(
            authorize_url="https://id.example.org/authorize", device_url="https://id.example.org/device",
            revoke_url="https://id.example.org/revoke", redirect_uri="http://127.0.0.1:0/callback", pkce=False,
            authorize_params={"prompt": "consent"}, login_lifetime="180d"), [])
        self.ok("check")

    def test_kaizala_is_not_meant(self):
        grants = self.grants()
        self.books(grants)
        self.fails(2, "login", "books", "--oauth", says="provider 'oauth2'")
        self.write("s.lua", 'require "kaizala".connect()')
        self.fails(3, "run", "s.lua", says="connector 'books' is of provider 'oauth2'")


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
