"""What follows a refusal, a moved service and a full one; and where tokens never go."""

import json
import os
import time
import unittest

import support
from service import Service

ERROR_401 = {"message": "Invalid token. Failure reason:Token validation failed due to unknown reason!",
             "errorCode": "InvalidToken", "errorCategoryKey": "AuthException"}


class PolicyCase(support.Case):
    def service(self, script=None):
        service = Service(script)
        self.addCleanup(service.stop)
        return service

    def assert_no_token_sent(self, service):
        """Nothing that reached it held a token or a secret; mostly, nothing reached it at all."""
        self.assertEqual(service.received, [])


class Refusals(PolicyCase):
    def test_401_then_one_exchange_and_one_retry(self):
        answers = iter([(401, {}, ERROR_401)])
        service = self.service(lambda r: next(answers, None) if r["path"] == "/v1/users/me" else None)
        self.configure(service.base)
        self.ok("api", "users/me")
        self.assertEqual(service.paths(), ["/v1/accessToken", "/v1/users/me", "/v1/accessToken", "/v1/users/me"])

    def test_a_second_401_is_final(self):
        service = self.service(lambda r: (401, {}, ERROR_401) if r["path"] == "/v1/users/me" else None)
        self.configure(service.base)
        done = self.fails(4, "api", "users/me", says=["401", "InvalidToken"])
        self.assertEqual(json.loads(done.stdout), ERROR_401)  # the body is shown all the same
        self.assertEqual(service.paths(), ["/v1/accessToken", "/v1/users/me", "/v1/accessToken", "/v1/users/me"])

    def test_403_names_the_permission(self):
        service = self.service(lambda r: (403, {}, {"message": "No.", "errorCode": "Forbidden"})
                               if r["path"].endswith("/messages") else None)
        self.configure(service.base)
        self.fails(4, "api", "POST", "groups/1/messages", "-f", "message=Hello", says=["403", "textmessage.write"])
        self.assertEqual(len(service.paths("/messages")), 1)

    def test_a_refused_exchange_is_final(self):
        service = self.service(lambda r: (401, {}, ERROR_401))
        self.configure(service.base)
        self.fails(4, "token", "contoso", says=["contoso", "401", "InvalidToken"])
        self.assertEqual(len(service.received), 1)

    def test_a_refused_exchange_says_why_in_the_words_of_oauth(self):
        service = self.service(lambda r: (400, {}, {
            "error": "invalid_grant",
            "error_description": "Expired\n\u001b[31m; sent: " + r["headers"]["refreshToken"] + "x" * 5000}))
        self.configure(service.base)
        done = self.fails(4, "token", "contoso", says=["400 bad request: invalid_grant: Expired  [31m; sent: "])
        self.assertNotIn(service.received[0]["headers"]["refreshToken"], done.stderr)
        self.assertLess(len(done.stderr.splitlines()[-1]), 2000)
        script = self.write("why.lua", 'print(select(2, require("jeton.token").get("contoso")))\n')
        told = self.ok("run", script).stdout
        self.assertIn("invalid_grant: Expired", told)
        self.assertNotIn(service.received[0]["headers"]["refreshToken"], told)

    def test_a_secret_that_comes_back_is_masked_for_scripts(self):
        """In every field of an err: scripts print them. Whole, cut in the middle, and of the API too."""
        secrets = {support.TENANT_TOKEN, "access-token-of-the-service"}
        script = self.write("all.lua", """
            local call = ({ token = require("jeton.token").refresh, api = function()
              return require("jeton.http").request { connector = true, path = "users/me" } end })[...]
            local _, err = call()
            for key, value in pairs(err) do print(key, value) end
            print(err)""")
        for name, header in (("token", "refreshToken"), ("api", "accessToken")):
            for pad in ("", "p" * 40):
                def answer(request, name=name, header=header, pad=pad):
                    if request["path"].endswith("/accessToken") != (name == "token"):
                        return None
                    said = pad + request["headers"][header]
                    return 409, {"Content-Type": "application/json"}, {"errorCode": said, "message": said}
                with self.subTest(name=name, pad=pad):
                    service = self.service(answer)
                    self.configure(service.base, retries=0)
                    told = self.ok("run", script, name)
                    self.assertIn("code\t" + pad + "********", told.stdout)
                    for secret in secrets:
                        self.assertNotIn(secret[:8], told.stdout + told.stderr)

    def test_5xx_is_repeated_for_get_and_not_for_post(self):
        answers = iter([(500, {}, {}), (502, {}, {})])
        service = self.service(lambda r: next(answers, None) if r["path"] == "/v1/users/me" else None)
        self.configure(service.base)
        self.ok("api", "users/me")
        self.assertEqual(len(service.paths("/users/me")), 3)

        service.script = lambda r: (500, {}, {}) if r["path"].endswith("/messages") else None
        self.fails(6, "api", "POST", "groups/1/messages", "-f", "message=Hello", says="500")
        self.assertEqual(len(service.paths("/messages")), 1)

    def test_a_post_is_repeated_after_503_with_retry_after(self):
        answers = iter([(503, {"Retry-After": "1"}, {})])
        service = self.service(lambda r: next(answers, None) if r["path"].endswith("/messages") else None)
        self.configure(service.base)
        self.ok("api", "POST", "groups/1/messages", "-f", "message=Hello")
        bodies = [r["body"] for r in service.received if r["path"].endswith("/messages")]
        self.assertEqual([json.loads(body) for body in bodies], [{"message": "Hello"}] * 2)

    def test_no_retries_for_nobody(self):
        """An exchange whose only task was cancelled does not go on while it holds the lock."""
        asked, cancelled = os.path.join(self.folder, "asked"), os.path.join(self.folder, "cancelled")

        def answer(_):
            self.write(asked, "")
            support.wait_until(lambda: os.path.exists(cancelled))
            return 500, {}, {}

        service = self.service(answer)
        self.configure(service.base)
        script = self.write("cancel.lua", """
            local task, token = require "jeton.task", require "jeton.token"
            local asked, cancelled = ...
            local t = task.spawn(token.get, "contoso")
            while not io.open(asked) do task.sleep(0.02) end
            t:cancel()
            task.sleep(0.02)
            io.open(cancelled, "w"):close()
            task.sleep(2.5)
            """)
        self.ok("run", script, asked, cancelled)
        self.assertEqual(len(service.received), 1)

    def test_retries_are_counted(self):
        service = self.service(lambda r: (500, {}, {}) if r["path"] == "/v1/users/me" else None)
        self.configure(service.base, retries=1)
        self.fails(6, "api", "users/me", says="500")
        self.assertEqual(len(service.paths("/users/me")), 2)

    def test_nobody_listens(self):
        service = self.service()
        self.configure(service.base, retries=1)
        service.stop()
        self.fails(5, "token", "contoso", says="contoso")


class Throttling(PolicyCase):
    def test_429_waits_as_long_as_the_service_says(self):
        answers = iter([(429, {"Retry-After": "1"}, {})])
        service = self.service(lambda r: next(answers, None) if r["path"].endswith("/messages") else None)
        self.configure(service.base)
        began = time.monotonic()
        self.ok("api", "POST", "groups/1/messages", "-f", "message=Hello")
        self.assertGreaterEqual(time.monotonic() - began, 1)
        self.assertEqual(len(service.paths("/messages")), 2)

    def test_429_on_the_exchange_waits_too(self):
        answers = iter([(429, {"Retry-After": "1"}, {})])
        service = self.service(lambda r: next(answers, None))
        self.configure(service.base)
        self.ok("token", "contoso")
        self.assertEqual(len(service.received), 2)

    def test_it_gives_up_at_once_when_the_deadline_is_nearer(self):
        service = self.service(lambda r: (429, {"Retry-After": "60"}, {}) if r["path"] == "/v1/users/me" else None)
        self.configure(service.base)
        script = self.write("me.lua", 'require("kaizala").connect():me()\n')
        began = time.monotonic()
        self.fails(6, "run", "--timeout", "30s", script, says="429")
        self.assertLess(time.monotonic() - began, 25)
        self.assertEqual(len(service.paths("/users/me")), 1)

    def test_a_wait_of_over_15_minutes_fails(self):
        service = self.service(lambda r: (429, {"Retry-After": "901"}, {}) if r["path"] == "/v1/users/me" else None)
        self.configure(service.base)
        self.fails(6, "api", "users/me", says=["429", "15 minutes"])


    def test_retry_after_next_to_nothing_is_no_invitation_to_hammer(self):
        for path, after in (("/v1/users/me", "0"), ("/v1/users/me", "0.001"), ("/v1/accessToken", "0"), ("/v1/accessToken", "0.001")):
            with self.subTest(path=path, after=after):
                service = self.service(lambda r, path=path, after=after: (429, {"Retry-After": after}, {})
                                       if r["path"] == path else None)
                self.state = os.path.join(self.folder, f"state{service.port}")
                self.configure(service.base)
                script = self.write("me.lua", 'require("kaizala").connect():me()\n')
                done = self.jeton("run", "--timeout", "4s", script)
                # No wait is begun that would pass the deadline (6); on a slow machine it can pass during a request (8).
                self.assertIn(done.returncode, (6, 8))
                self.assertIn("429", done.stderr)
                self.assertIn(len(service.paths(path)), range(2, 20))


class Moved(PolicyCase):
    """308: both forms, on the token call and on an API call."""

    def test_the_token_service_moved(self):
        for form in ("/accessToken", ""):
            with self.subTest(form=form):
                new = self.service()
                old = self.service(lambda r, new=new, form=form: (308, {"Location": new.url + "/shard/v1" + form}, {}))
                self.state = os.path.join(self.folder, "state" + str(len(form)))
                self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
                self.ok("token", "contoso")
                self.assertEqual(new.paths(), ["/shard/v1/accessToken"])
                self.assertEqual(new.received[0]["headers"]["refreshToken"], support.TENANT_TOKEN)
                self.ok("token", "contoso", "--refresh")  # stored: the old place is not asked again
                self.assertEqual(len(old.received), 1)
                self.assertEqual(len(new.received), 2)

    def test_a_query_in_the_location(self):
        """That of the request is of the request; where the service is has none."""
        new = self.service()
        old = self.service(lambda r: (308, {"Location": new.base + "/accessToken?x=1"}, {}))
        self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
        self.ok("token", "contoso")
        new.script = lambda r: (308, {"Location": "/shard" + r["path"] + "&more=1"}, {}) \
            if r["path"].startswith("/v1/groups") else None
        self.ok("api", "groups?showDetails=true&x=%26")
        self.ok("api", "users/me")
        self.assertEqual([r["path"] for r in new.received[1:]], [
            "/v1/groups?showDetails=true&x=%26", "/shard/v1/groups?showDetails=true&x=%26", "/shard/v1/users/me"])
        new.script = lambda r: (308, {"Location": "/other?x=1"}, {})
        self.fails(6, "api", "groups", says="an endpoint with a query or fragment")
        self.fails(6, "token", "contoso", "--refresh", says=["308", "an endpoint with a query or fragment"])
        self.assertEqual(new.paths("other?x=1"), [])

    def test_a_place_that_fails_is_forgotten(self):
        new = self.service()
        moved = iter([(308, {"Location": new.base}, {})])
        old = self.service(lambda r: next(moved, None))
        self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
        self.ok("token", "contoso")
        new.stop()
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(len(old.received), 2)

    def test_a_place_that_makes_no_sense_any_more_is_forgotten(self):
        for answer in ((200, {}, b"<html>This domain is for sale."), (200, {}, {}), (404, {}, {}), (308, {}, {}),
                       (308, {"Location": "/parked"}, {})):
            with self.subTest(answer=answer):
                new = self.service()
                moved = iter([(308, {"Location": new.base}, {})])
                old = self.service(lambda r, moved=moved: next(moved, None))
                self.state = os.path.join(self.folder, f"state{new.port}")
                self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
                self.ok("token", "contoso")
                new.script = lambda r, answer=answer: answer
                self.ok("token", "contoso", "--refresh")
                self.assertEqual(len(old.received), 2)

    def test_a_refusal_at_the_new_place_is_a_refusal(self):
        new = self.service(lambda r: (401, {}, ERROR_401))
        old = self.service(lambda r: (308, {"Location": new.base}, {}))
        self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
        self.fails(4, "token", "contoso", says=["401", "InvalidToken"])
        self.assertEqual((len(old.received), len(new.received)), (1, 1))

    def test_a_new_place_that_is_busy_is_waited_for(self):
        answers = iter([(503, {}, {}), (502, {}, {}), (503, {}, {}), (503, {}, {})])
        new = self.service(lambda r: next(answers, None))
        old = self.service(lambda r: (308, {"Location": new.base}, {}))
        self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
        self.ok("token", "contoso")
        self.assertEqual((len(old.received), len(new.received)), (1, 5))

    def test_a_path_that_location_writes_in_another_way(self):
        for asked, location in (("groups/a@1/x", "/shard/V1/Groups/a%401/x"), ("groups/1/", "/shard/v1/groups/1"),
                                ("groups/é", "/shard/v1/groups/%c3%a9/")):
            with self.subTest(asked=asked):
                new = self.service()
                old = self.service(lambda r, new=new, location=location:
                                   (308, {"Location": new.url + location}, {}) if "/groups" in r["path"] else None)
                self.state = os.path.join(self.folder, f"state{new.port}")
                self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
                self.ok("api", asked)
                self.ok("api", "users/me")
                self.assertEqual(new.paths()[-1], "/shard/v1/users/me")

    def test_a_place_that_fails_is_forgotten_when_all_else_fails_too(self):
        new = self.service()
        moved = iter([(308, {"Location": new.base}, {})])
        old = self.service(lambda r: next(moved, (404, {}, {})))
        self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
        self.ok("token", "contoso")
        new.script = lambda r: (404, {}, {})
        self.fails(6, "token", "contoso", "--refresh", says="404")
        new.script = old.script = None
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(len(new.received), 2)  # the move and the failure: the third run did not start there

    def test_the_endpoint_moved(self):
        for form in ("/v1/groups/1/messages", ""):
            with self.subTest(form=form):
                new = self.service()
                old = self.service(lambda r, new=new, form=form:
                                   (308, {"Location": new.url + "/shard" + form}, {})
                                   if "/groups" in r["path"] else None)
                self.state = os.path.join(self.folder, "state" + str(len(form)))
                self.configure(old.base, allow_hosts=[f"127.0.0.1:{new.port}"])
                self.ok("api", "POST", "groups/1/messages", "-f", "message=Hello")
                [sent] = new.received
                self.assertEqual((sent["method"], sent["path"]), ("POST", "/shard/v1/groups/1/messages"))
                self.assertEqual(json.loads(sent["body"]), {"message": "Hello"})
                self.assertIn("accessToken", sent["headers"])
                self.ok("api", "groups")
                self.assertEqual(new.paths()[-1], "/shard/v1/groups")
                self.assertEqual(len(old.paths("/groups")), 0)

    def test_to_a_host_that_is_not_allowed(self):
        for call in ("token", "api"):
            with self.subTest(call=call):
                elsewhere = self.service()
                old = self.service(lambda r, call=call, to=elsewhere: (308, {"Location": to.base}, {})
                                   if call == "token" or "users" in r["path"] else None)
                self.state = os.path.join(self.folder, "state-" + call)
                self.configure(old.base)
                args = ("token", "contoso") if call == "token" else ("api", "users/me")
                self.fails(4, *args, says=["127.0.0.1", "allow_hosts"])
                self.assert_no_token_sent(elsewhere)

    def test_to_plain_http_off_loopback(self):
        for path, args in (("/v1/accessToken", ("token", "contoso")), ("/v1/users/me", ("api", "users/me"))):
            with self.subTest(path=path):
                old = self.service(lambda r, path=path: (308, {"Location": "http://kaizala.example.org/v1"}, {})
                                   if r["path"] == path else None)
                self.configure(old.base, allow_hosts=["kaizala.example.org"])
                self.fails(4, *args, says="http")
                self.assertEqual(len(old.paths(path)), 1)

    def test_an_endpoint_that_is_not_allowed(self):
        elsewhere = self.service()
        service = self.service()
        service.script = lambda r: (200, {}, service.token(endpointUrl=elsewhere.url))
        self.configure(service.base)
        self.fails(4, "api", "users/me", says="allow_hosts")
        self.assert_no_token_sent(elsewhere)

    def test_three_moves_and_no_more(self):
        service = self.service(lambda r: (308, {"Location": f"/x{len(service.received)}/v1"}, {}))
        self.configure(service.base)
        self.fails(6, "token", "contoso", says="308")
        self.assertEqual(len(service.received), 4)

    def test_other_redirects_are_errors(self):
        elsewhere = self.service()
        for status in (301, 302, 303, 307):
            to = elsewhere.base + "?state=of-nobody"
            service = self.service(lambda r, status=status, to=to: (status, {"Location": to}, {}))
            self.configure(service.base)
            done = self.fails(6, "token", "contoso", says=[f"{status} redirect to {elsewhere.base}:", "token_service"])
            self.assertNotIn("of-nobody", done.stderr)
        self.assert_no_token_sent(elsewhere)

    def test_an_absolute_url_that_moved(self):
        service = self.service()
        service.script = lambda r: (308, {"Location": service.base}, {}) if "/users" in r["path"] else None
        self.configure(service.base)
        done = self.fails(6, "api", service.base + "/users/me?key=of-nobody",
                          says="redirects of an absolute URL are not followed")
        error = done.stderr.splitlines()[-1]  # with -vv, the request itself is above it
        self.assertIn(f"GET {service.base}/users/me", error)
        self.assertNotIn("of-nobody", error)

    def test_308_without_location(self):
        service = self.service(lambda r: (308, {}, {}))
        self.configure(service.base)
        self.fails(6, "token", "contoso", says="Location")


class Hosts(PolicyCase):
    def test_an_absolute_url_must_be_allowed(self):
        elsewhere = self.service()
        service = self.service()
        self.configure(service.base)
        self.fails(4, "api", elsewhere.url + "/v1/users/me", says="allow_hosts")
        self.assert_no_token_sent(elsewhere)
        self.ok("api", service.url + "/v1/users/me")

    def test_a_script_cannot_send_the_token_elsewhere(self):
        elsewhere = self.service()
        service = self.service()
        self.configure(service.base)
        script = self.write("leak.lua", """
            local http, token = require "jeton.http", require "jeton.token"
            local t = assert(token.get())
            local url = ...
            for _, options in ipairs {
              { url = url, headers = { accessToken = t.access_token } },
              { url = url .. "?t=" .. t.access_token },
            } do
              local reply, err = http.request(options)
              assert(not reply and err.kind == "auth", tostring(err))
            end
            """)
        self.ok("run", script, elsewhere.url + "/v1/x")
        self.assert_no_token_sent(elsewhere)

    def test_proxies_get_nothing_for_loopback(self):
        proxy = self.service()
        service = self.service()
        self.configure(service.base)
        env = {}
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            env[name] = proxy.url
        self.ok("api", "users/me", env=env)
        self.assert_no_token_sent(proxy)
        self.assertEqual(len(service.received), 2)

    def test_no_token_crosses_a_proxy_in_clear(self):
        proxy = self.service(lambda r: (405, {}, {}))
        # An allowed https host behind the proxy: only CONNECT may reach it.
        self.configure("https://kaizala.example.org/v1", retries=0)
        env = {name: proxy.url for name in ("http_proxy", "https_proxy", "all_proxy")}
        self.fails(5, "token", "contoso", env=env)
        for request in proxy.received:
            self.assertEqual(request["method"], "CONNECT")
            self.assertNotIn("refreshToken", request["headers"])
            self.assertNotIn("applicationSecret", request["headers"])


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
