"""`jeton api`: what is sent, and what is shown of the reply."""

import json
import os
import re
import unittest

import support
from oauth2 import OAuth2
from service import Service


class Api(support.Case):
    def serve(self, body=b'{"id":"1"}', status=200):
        """A service that answers every call so."""
        def answer(request):
            return None if request["path"].lower().endswith("/accesstoken") else (status, {}, body)
        self.service = Service(answer)
        self.addCleanup(self.service.stop)
        self.configure(self.service.base)

    def sent(self):
        return self.service.received[-1]


class Sent(Api):
    def test_headers_and_method(self):
        self.serve()
        self.ok("api", "-X", "patch", "-H", "X-A:b: c", "-H", "Accept:  text/csv", "-H", "content-type: text/plain", "x",
                "-f", "a=@b")
        self.assertEqual((self.sent()["method"], self.sent()["body"]), ("PATCH", b'{"a":"@b"}'))
        self.assertEqual([self.sent()["headers"].get_all(name) for name in ("X-A", "Accept", "Content-Type")],
                         [["b: c"], ["text/csv"], ["text/plain"]])
        self.ok("api", "-X", "GET", "x", "-f", "a=1")
        self.assertTrue(self.sent()["path"].endswith("/x?a=1"))

    def test_refused_before_anything_is_sent(self):
        self.serve()
        for words, says in (((["-H", "X-A"]), "NAME:VALUE"), ((["-H", "a b: c"]), "NAME:VALUE"),
                            ((["-H", "Host: x"]), "-H Host: jeton sets this"),
                            ((["-H", "authorization: x"]), "-H authorization: jeton sets this"),
                            ((["-H", "ACCESStoken: x"]), "-H: header 'ACCESStoken' carries the token of connector 'contoso'"),
                            ((["-H", "X: a\nY: b"]), "line break"), ((["-X", "PUT", "POST"]), "both a method"),
                            ((["--lua", "x("]), "--lua: code:1: unexpected symbol"),
                            ((["--lua", "it", "--silent"]), "--silent prints nothing"),
                            ((["-F", "a=@data.bin"]), "-F a: data.bin is no text in UTF-8")):
            with self.subTest(words=words):
                with open(os.path.join(self.folder, "data.bin"), "wb") as file:
                    file.write(b"\xff\0")
                self.fails(2, "api", *words, "x", says=says)
        self.fails(3, "api", "-F", "a=@missing", "x", says="-F a: missing cannot be read: No such file")
        self.assertEqual(self.service.received, [])

    def test_text_of_a_file(self):
        self.serve()
        self.write("notice.txt", '\ufeffOne "two"\nthree\n')
        self.ok("api", "x", "-F", "a=@notice.txt", "-F", "b=@-", "-F", "c=[1]", input="typed")
        self.assertEqual(json.loads(self.sent()["body"]), {"a": 'One "two"\nthree\n', "b": "typed", "c": [1]})

    def test_no_file_of_a_connector(self):
        self.serve()
        self.write("refresh", support.TENANT_TOKEN)
        os.symlink("refresh", os.path.join(self.folder, "innocent.txt"))
        self.configure(self.service.base, refresh_token={"file": "refresh"})
        with open(self.configure(self.service.base), encoding="utf-8") as file:
            text = re.sub("refresh_token: .*", "refresh_token: {file: refresh}", file.read())
        self.write("jeton.yaml", text)
        self.fails(2, "api", "x", "-F", "a=@innocent.txt",
                   says="-F @innocent.txt: this is the refresh_token of connector 'contoso', which is sent to nobody")
        os.link(os.path.join(self.folder, "refresh"), os.path.join(self.folder, "body"))
        for name in "refresh", "innocent.txt", "body":
            self.fails(2, "api", "x", "--input", name,
                       says=f"--input {name}: this is the refresh_token of connector 'contoso', which is sent to nobody")
        self.write("hook", "a-secret-of-a-hook")
        self.write("jeton.yaml", text + "webhooks:\n  h: {from: github, path: /h, secret: {file: hook}, command: ['true']}\n")
        self.fails(2, "api", "x", "-F", "a=@hook", says="-F @hook: this is the secret of webhook 'h'")
        self.assertEqual(self.service.received, [])

    def test_a_secret_in_a_reply_is_masked_with_a_kept_token_too(self):
        self.serve(b'{"echo":"%s"}' % support.TENANT_TOKEN.encode())
        self.write("refresh", support.TENANT_TOKEN)
        with open(self.configure(self.service.base), encoding="utf-8") as file:
            self.write("jeton.yaml", re.sub("refresh_token: .*", "refresh_token: {file: refresh}", file.read()))
        for _ in range(2):
            self.assertNotIn(support.TENANT_TOKEN, self.ok("api", "x").stdout)

    def test_an_id_is_no_secret(self):
        """At many services it is a word, which the service's data may hold."""
        body = json.dumps({"words": [support.APPLICATION_ID], support.APPLICATION_ID + "_line": 1}).encode()
        self.serve(body)
        for _ in range(2):  # after an exchange, and with a kept token
            self.assertEqual(self.ok("api", "x").stdout, body.decode())
            self.assertIn(support.APPLICATION_ID, self.ok("run", "-e", "http.request { connector = true, path = 'x' }:json().words[1]").stdout)

    def test_in_a_sandbox(self):
        done = self.ok("api", "--sandbox", "groups", "--lua", "each(it.groups, 'groupName')")
        self.assertIn("Sales\n", done.stdout)
        bad = self.write("bad.yaml", "not: a configuration")
        self.assertEqual(self.ok("api", "--sandbox", "-c", bad, "-vq", "groups", "--silent").stdout, "")
        self.fails(2, "api", "--sandbox", "-C", "contoso", "groups", says="drop --connector")


class Shown(Api):
    def test_lua(self):
        self.serve(b'\xef\xbb\xbf{"n":9007199254740993,"l":[{"a":"x\\u001b"},{"a":[1,{}]},{}],"none":null}')
        for code, shown in (("it.n", "9007199254740993\n"), ("each(it.l, 'a')", "x\x1b\n[1,{}]\n"), ("it.none", "null\n"),
                            ("it.nothing", "null\n"), ("#it.l, it.l[1].a", "3\tx\x1b\n"), ("it.l[3]", "{}\n"),
                            ("for i = 1, 2 do print(i) end", "1\n2\n"),
                            ("for _, e in ipairs(it.l) do e.b = e.a end each(it.l, 'b')", "x\x1b\n[1,{}]\n"),
                            ("local l = it.l; return #l", "3\n")):
            self.assertEqual(self.ok("api", "x", "--lua", code).stdout, shown, code)
        self.assertTrue(self.ok("api", "x", "-i", "--lua", "it.n").stdout.startswith("HTTP 200\n"))
        self.fails(1, "api", "x", "--lua", "it.a.b", says="--lua:1: attempt to index a nil value (field 'a')")
        self.fails(1, "api", "x", "--lua", "return it.n == 1")
        self.assertEqual(self.ok("api", "x", "--silent", "--include").stdout.splitlines()[0], "HTTP 200")
        self.assertEqual(self.ok("api", "x", "--silent").stdout, "")

    def test_lua_of_what_is_no_json(self):
        self.serve(b"plain")
        self.fails(1, "api", "x", "--lua", "it", says="--lua: the reply is no JSON: ")
        self.serve(b"")
        self.assertEqual(self.ok("api", "x", "--lua", "it == nil").stdout, "true\n")

    def test_an_error_is_shown_as_it_came(self):
        self.serve(b'{"errorCode":"Odd"}', 400)
        done = self.fails(6, "api", "x", "--lua", "it.groups")
        self.assertEqual(done.stdout, '{"errorCode":"Odd"}')

    def test_at_a_terminal(self):
        body = b'{"a":[],"b":{},"c":[1.0,-0,1e3,18446744073709551616,true,null],"\xe2\x80\xaek":"\\u001b[2J\xc2\x9b"}'
        self.serve(body)
        self.assertEqual(self.ok("api", "x").stdout, body.decode())
        plain = self.at_terminal("--no-color", "api", "x")
        self.assertEqual(plain.decode().split("\r\n"), [
            "{", '  "a": [],', '  "b": {},', '  "c": [', "    1.0,", "    -0,", "    1e3,", "    18446744073709551616,",
            "    true,", "    null", "  ],", r'  "\u202ek": "\u001b[2J\u009b"', "}", ""])
        self.assertIn(b'\x1b[1;34m"a"\x1b[0m: []', self.at_terminal("api", "x"))

    def test_at_a_terminal_no_json(self):
        self.serve(b"\x1b[2Jno " + support.TENANT_TOKEN.encode())
        self.assertEqual(self.at_terminal("api", "x"), b"\\x1b[2Jno ********\r\n")
        self.serve(json.dumps({"a": support.TENANT_TOKEN}).encode())
        self.assertIn(b'"********"', self.at_terminal("api", "x"))
        self.serve(b"[" * 200)
        self.assertEqual(self.at_terminal("api", "x"), b"[" * 200 + b"\r\n")


class OwnHeader(OAuth2):
    def test_what_carries_the_token_is_known_by_the_connector(self):
        grants = self.grants(lambda request: (200, {}, {}))
        self.daemon(grants, header="X-Key")
        self.fails(2, "api", "-H", "x-key: mine", "x", says="-H: header 'x-key' carries the token")
        self.ok("api", "-H", "accessToken: mine", "x")
        headers = grants.service.received[-1]["headers"]
        self.assertEqual((headers["accessToken"], len(headers.get_all("X-Key"))), ("mine", 1))


class Pages(OAuth2):
    def test_lua_sees_all_of_them(self):
        def answer(request):
            last = "page=2" in request["path"]
            return 200, {} if last else {"Link": "<?page=2>; rel=next"}, [3] if last else [1, 2]
        self.daemon(self.grants(answer))
        self.assertEqual(self.ok("api", "--paginate", "items", "--lua", "#it").stdout, "3\n")


load_tests = support.side_by_side

if __name__ == "__main__":
    unittest.main()
