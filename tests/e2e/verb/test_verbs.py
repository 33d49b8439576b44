"""`token` and `api` against a small service in this process, which answers what the test wants."""

import http.server
import json
import os
import sqlite3
import subprocess
import threading
import time
import unittest

import support

ACCESS_TOKEN = "an-access-token-of-the-small-service"
DAY_MS = 86400 * 1000


class Service:
    """Grants tokens; `reply(method, path, query, body)` answers the rest: (status, object or bytes)."""

    def __init__(self, reply, refresh_token=None):
        service = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = self.path.partition("?")
                if path == "/v1/accessToken":
                    status, answer = 200, service.grant(refresh_token)
                else:
                    service.seen.append((self.command, path, query, body, self.headers))
                    status, answer = reply(self.command, path, query, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        self.base = self.root + "/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def grant(self, refresh_token):
        return {"accessToken": ACCESS_TOKEN, "endpointUrl": self.root,
                "accessTokenExpiry": int(time.time() * 1000) + DAY_MS, "refreshToken": refresh_token,
                "scope": "groupinfo.read,textmessage.write"}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class ServiceCase(support.Case):
    def service(self, reply=lambda *_: (200, {"ok": True}), **options):
        service = Service(reply, **options)
        self.addCleanup(service.stop)
        self.configure(service.base)
        return service


class Token(ServiceCase):
    def test_text(self):
        self.service()
        done = self.ok("token", "contoso")
        self.assertRegex(done.stdout, r"(?m)^expires +\d{4}-\d\d-\d\dT.* \(in (23h 59m|24h 0m)\)$")
        self.assertRegex(done.stdout, r"(?m)^scopes +groupinfo\.read\n +textmessage\.write$")
        self.assertRegex(done.stdout, r"(?m)^source +exchange$")
        self.assertRegex(done.stdout, r"(?m)^refresh token +age not known$")
        self.assertNotIn(ACCESS_TOKEN, done.stdout + done.stderr)

    def test_json(self):
        service = self.service()
        document = json.loads(self.ok("token", "--json", "contoso").stdout)
        self.assertEqual(set(document), {"connector", "endpoint_url", "expires_at", "scopes", "source"})
        self.assertEqual(document["connector"], "contoso")
        self.assertEqual(document["endpoint_url"], service.root)
        self.assertEqual(document["scopes"], ["groupinfo.read", "textmessage.write"])
        self.assertEqual(document["source"], "exchange")
        self.assertRegex(document["expires_at"], r"[+-]\d\d:\d\d$")

    def test_show(self):
        self.service()
        document = json.loads(self.ok("token", "contoso", "--json", "--show").stdout)
        self.assertEqual(document["access_token"], ACCESS_TOKEN)
        self.assertIn(ACCESS_TOKEN, self.ok("token", "contoso", "--show").stdout)

    def test_refresh(self):
        self.service()
        self.ok("token", "contoso")
        source = "source         "
        self.assertIn(source + "cache", self.ok("token", "contoso").stdout)
        self.assertIn(source + "exchange", self.ok("token", "contoso", "--refresh").stdout)

    def test_age_of_the_refresh_token(self):
        self.service(refresh_token="the-next-refresh-token")
        done = self.ok("token", "contoso")
        self.assertIn("(0 days old)", done.stdout)
        self.assertNotIn("warning", done.stderr)
        self.assertIn("refresh_token_since", json.loads(self.ok("token", "contoso", "--json").stdout))
        for age, warned in ((334, False), (336, True), (366, True)):
            with sqlite3.connect(os.path.join(self.state, "jeton.db")) as db:
                db.execute("UPDATE token SET refresh_since_ms = ?", (int(time.time() * 1000) - age * DAY_MS,))
            db.close()
            done = self.ok("token", "contoso")
            self.assertIn(f"({age} days old)", done.stdout)
            self.assertEqual("warning" in done.stderr and "the refresh token of" in done.stderr, warned, done.stderr)


class Api(ServiceCase):
    def test_ways_to_write_a_path(self):
        service = self.service()
        for path in ("groups", "/groups", "/v1/groups", "v1/groups", service.base + "/groups"):
            self.ok("api", path)
        self.assertEqual({(m, p) for m, p, *_ in service.seen}, {("GET", "/v1/groups")})
        self.assertEqual(len(service.seen), 5)

    def test_another_host_is_refused(self):
        self.service()
        self.fails(4, "api", "http://127.0.0.2:1/v1/groups", says="127.0.0.2")

    def test_fields_are_the_body(self):
        service = self.service()
        self.ok("api", "groups", "-f", "name=5 \"ü\"", "-F", "count=5", "-F", 'members=["+33100000001"]')
        method, _, query, body, headers = service.seen[0]
        self.assertEqual((method, query), ("POST", ""))
        self.assertEqual(json.loads(body), {"name": '5 "ü"', "count": 5, "members": ["+33100000001"]})
        self.assertTrue(headers["Content-Type"].startswith("application/json"))
        self.assertEqual(headers["accessToken"], ACCESS_TOKEN)

    def test_fields_of_a_get_are_the_query(self):
        service = self.service()
        self.ok("api", "get", "groups?a=1&showDetails=no", "-f", "q=x y&z", "-F", "showDetails=true", "-F", 's="t"')
        method, _, query, body, _ = service.seen[0]
        self.assertEqual((method, body), ("GET", b""))
        self.assertEqual(query.split("&"), ["a=1", "showDetails=true", "q=x%20y%26z", "s=t"])

    def test_input(self):
        service = self.service()
        self.write("body.json", '{"a": 1.50}')
        self.ok("api", "PUT", "groups/1", "--input", "body.json")
        self.ok("api", "groups", "--input", "-", input="{'lenient': 1}")
        self.assertEqual([(m, b) for m, _, _, b, _ in service.seen],
                         [("PUT", b'{"a": 1.50}'), ("POST", b"{'lenient': 1}")])

    def test_the_body_as_it_came(self):
        body = b'{"n": 636674054802000001,  "x": [1.0]}'
        self.service(lambda *_: (200, body))
        self.assertEqual(self.ok("api", "groups").stdout.encode(), body)

    def test_a_path_does_not_leave_the_version(self):
        service = self.service()
        for path in ("../../x", "groups/%2e%2e/%2E./x", "..\\x", "//..//../../x"):
            self.fails(1, "api", path, says="'..'")
        script = """
            local kz = require "kaizala".connect()
            local ok, err = pcall(kz.request, kz, { path = "../../x" })
            print(ok, err.kind, require "jeton.http".request { connector = true, path = "../x" })
        """
        done = self.ok("run", self.write("out.lua", script))
        self.assertTrue(done.stdout.startswith("false\tinvalid\tnil\tinvalid: path '../x'"), done.stdout)
        self.assertEqual(service.seen, [])
        self.ok("api", "groups/../users/me")
        self.assertEqual(service.seen[-1][1], "/v1/users/me")

    def test_an_error_status(self):
        error = {"message": "no such group", "errorCode": "NotFound", "errorCategoryKey": "x"}
        service = self.service(lambda *_: (404, error))
        done = self.fails(6, "api", "groups/1")
        self.assertEqual(done.stderr, "jeton: error: 404 not found: NotFound: no such group "
                                      f"(GET {service.base}/groups/1)\n")
        self.assertEqual(json.loads(done.stdout), error)

    def test_include(self):
        self.service()
        head, body = self.ok("api", "groups", "--include").stdout.split("\n\n")
        self.assertEqual(head.splitlines()[0], "HTTP 200")
        self.assertIn("Content-Type: application/json; charset=utf-8", head.splitlines())
        self.assertEqual(body, '{"ok": true}')

    def test_control_characters_are_visible_on_a_terminal_alone(self):
        sent = '{"a":"\u009b31m \u202e"}\r\n\x1b]0;title\x07 lone\r.\t\n'.encode()
        self.service(lambda *_: (200, sent))
        with open(os.path.join(self.folder, "out"), "wb") as out:
            subprocess.run([support.JETON, "api", "groups"], stdin=subprocess.DEVNULL, stdout=out, env=self.env,
                           cwd=self.folder, check=True)
        with open(os.path.join(self.folder, "out"), "rb") as out:
            self.assertEqual(out.read(), sent)
        shown = self.at_terminal("api", "groups").replace(b"\r\r\n", b"\r\n")
        self.assertEqual(shown, b'{"a":"\\x9b31m \\u202e"}\r\n\\x1b]0;title\\x07 lone\\r.\t\r\n')

    def test_what_a_service_says_is_one_line(self):
        self.service(lambda *_: (404, {"errorCode": "x\njeton: error: forged", "message": "\u009b31m\njeton: error: forged"}))
        self.assertEqual(len(self.fails(6, "api", "groups/1").stderr.splitlines()), 1)
        self.assertNotIn("\u009b", self.fails(6, "api", "groups/1").stderr)
        done = self.fails(2, "x\njeton: error: forged \u202e")
        self.assertEqual(done.stderr, "jeton: error: unknown verb 'x\\njeton: error: forged \\u202e'; "
                                      "`jeton --help` lists them\n")

    def test_a_token_in_the_reply_is_masked(self):
        self.service(lambda *_: (200, {"echo": ACCESS_TOKEN, "and": "more"}))
        self.assertEqual(json.loads(self.ok("api", "groups").stdout), {"echo": "********", "and": "more"})


class Pages(ServiceCase):
    def joined(self, *words):
        return json.loads(self.ok("api", "--paginate", *words).stdout)

    def test_a_cursor_in_the_query_keeps_every_digit(self):
        pages = {"": ([1, 2], 636674054802000001), "636674054802000001": ([3], 636674054802000002),
                 "636674054802000002": ([], 636674054802000002)}

        def reply(_, __, query, ___):
            cursor = dict(pair.split("=") for pair in query.split("&")).get("cursor", "")
            items, following = pages[cursor]
            return 200, {"summary": [{"referenceId": str(i)} for i in items], "cursor": following}

        service = self.service(reply)
        document = self.joined("groups/1/reaction/summary?sourceGroupId=1")
        self.assertEqual([item["referenceId"] for item in document["summary"]], ["1", "2", "3"])
        self.assertEqual(document["cursor"], 636674054802000002)
        self.assertEqual(len(service.seen), 3)

    def test_a_cursor_in_the_body(self):
        def reply(method, _, query, body):
            self.assertEqual((method, query), ("POST", ""))
            sent = json.loads(body)
            self.assertEqual(sent["count"], 2)
            return 200, {"subscribers": [{"id": "b"}]} if sent.get("cursor") == 'a"1' else \
                {"cursor": 'a"1', "subscribers": [{"id": "a"}]}

        self.service(reply)
        expected = {"subscribers": [{"id": "a"}, {"id": "b"}]}
        self.assertEqual(self.joined("POST", "/v1/groups/1/Subscribers", "-F", "count=2"), expected)
        self.write("body.json", '{"count": 2}')
        self.assertEqual(self.joined("groups/1/subscribers", "--input", "body.json"), expected)

    def test_an_offset(self):
        """Until a page has nothing new: the service may give fewer a page than are asked for, or take no offset."""
        def reply(_, __, query, ___):
            start = int(dict(pair.split("=") for pair in query.split("&")).get("resultsOffset", 0)) if heeded else 0
            return 200, {"groups": [{"groupId": str(i)} for i in range(start, min(start + 3, 7))], "total": 7}

        for heeded, size, found, requests in ((True, 3, 7, 4), (True, 50, 7, 4), (False, 50, 3, 2)):
            with self.subTest(heeded=heeded, size=size):
                service = self.service(reply)
                document = self.joined("GET", "tenant/findGroupsByQuery", "-f", "query=s", "-F", f"pageSize={size}")
                self.assertEqual([group["groupId"] for group in document["groups"]], [str(i) for i in range(found)])
                self.assertEqual(document["total"], 7)
                self.assertEqual(len(service.seen), requests)

    def test_by_date_without_doubles(self):
        actions = [{"referenceId": f"r{i}", "creationTime": 1500000000 + i // 2} for i in range(9)]

        def reply(_, __, query, ___):
            since = int(dict(pair.split("=") for pair in query.split("&")).get("fromDate", 0))
            later = [action for action in actions if action["creationTime"] >= since]
            return 200, {"actions": later[:4], "hasMore": len(later) > 4}

        self.service(reply)
        document = self.joined("groups/1/actions?actionType=Poll")
        self.assertEqual(document, {"actions": actions, "hasMore": False})

    def test_a_list_that_does_not_go_on(self):
        page = {"actions": [{"referenceId": "r", "creationTime": 5}], "hasMore": True}
        self.service(lambda *_: (200, page))
        self.fails(1, "api", "--paginate", "groups/1/actions?actionType=Poll", says="returned nothing new")

    def test_a_page_of_another_shape(self):
        self.service(lambda *_: (200, {"summary": {}}))
        self.fails(1, "api", "--paginate", "groups/1/reaction/summary",
                   says="expected an object with the list 'summary'")

    def test_an_error_on_a_later_page(self):
        def reply(_, __, query, ___):
            if "cursor" in query:
                return 400, {"message": "bad cursor", "errorCode": "InvalidParameters"}
            return 200, {"subscribers": [{"id": "a"}], "cursor": "c"}

        self.service(reply)
        done = self.fails(6, "api", "--paginate", "groups/1/subscribers", says="bad cursor")
        self.assertEqual(json.loads(done.stdout)["errorCode"], "InvalidParameters")

    def test_a_list_that_comes_whole(self):
        service = self.service(lambda *_: (200, {"groups": [], "cursor": "c"}))
        self.assertEqual(self.joined("groups"), {"groups": [], "cursor": "c"})
        self.assertEqual(len(service.seen), 1)


if __name__ == "__main__":
    unittest.main()
