"""A server that closes a connection without a reply may have acted: what may not be done twice was sent once, also on a
connection that was kept, where libcurl would send again by itself."""

import itertools
import json
import os
import shutil
import subprocess
import unittest

import support
from certificates import Authority
from judges import JUDGES, node, whole_message
from tcp_server import Listener

SCRIPT = """
local http, url, method, how, lost, ca = require "jeton.http", ...
local bodies = { none = {}, body = { body = "text" }, json = { json = { x = 1 } }, form = { form = { x = 1 } },
  file = { body_file = "file" }, parts = { multipart = { { name = "f", file = "file" } } } }
local options = bodies[how]
options.method = method
local first, second = {}, options
if url == "" then
  first.connector, first.path, second.connector, second.path = true, "kept", true, "lost"
else
  first.url, second.url = url .. "/kept", url .. (lost or "/lost")
  first.ca_file, second.ca_file = ca, ca
end
assert(http.request(first))
local response, err = http.request(second)
print(response, err.kind)
"""


class Counting(Listener):
    """Keeps connections, but for requests of `lost`: these end there, unanswered. `seen`: each request's connection,
    method and path."""

    def __init__(self):
        self.seen = []
        self.lost = {"/lost", "/token/lost"}
        self.numbers = itertools.count()
        super().__init__(self.answer)

    def answer(self, connection):
        number = next(self.numbers)
        while True:
            request = whole_message(connection)
            if not request:
                return
            method, path = request.decode().split()[:2]
            self.seen.append((number, method, path))
            if path in self.lost:
                return
            body = json.dumps({"access_token": "access-token", "expires_in": 3600}).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(body), body))


class SentOnce(support.Case):
    def setUp(self):
        super().setUp()
        self.server = Counting()
        self.addCleanup(self.server.stop)
        self.write("file", "text")
        self.write("s.lua", SCRIPT)

    def connectors(self, url=None, **more):
        keys = {"provider": "oauth2", "grant": "client_credentials", "client_id": "client-id", "client_secret": "secret-of-it",
                "endpoint": self.server.url, **more}
        lines = "".join(f"  {name}: {json.dumps({**keys, 'token_url': url or self.server.url + '/token/' + name})}\n"
                        for name in ("kept", "lost"))
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\nconnectors:\n{lines}")

    def lost(self):
        """The requests without a reply: on how many connections each, and whether on the first one's."""
        first = [number for number, _, path in self.server.seen if path == "/kept"]
        return [number in first for number, _, path in self.server.seen if path == "/lost"]

    def run_script(self, *args):
        self.server.seen.clear()
        return self.ok("run", *args).stdout

    def test_by_url(self):
        for method in ("POST", "PATCH"):
            for how in ("none", "body", "json", "form", "file", "parts"):
                with self.subTest(method=method, how=how):
                    self.assertEqual(self.run_script("s.lua", self.server.url, method, how), "nil\tnetwork\n")
                    self.assertEqual(self.lost(), [True])

    def test_by_connector(self):
        self.connectors()
        for method in ("POST", "PATCH"):
            for how in ("none", "json", "file", "parts"):
                with self.subTest(method=method, how=how):
                    self.assertEqual(self.run_script("--connector", "kept", "s.lua", "", method, how), "nil\tnetwork\n")
                    self.assertEqual(self.lost(), [True])

    def test_what_may_be_repeated_is(self):
        """That this server would tell."""
        self.assertEqual(self.run_script("s.lua", self.server.url, "GET", "none"), "nil\tnetwork\n")
        self.assertEqual(self.lost(), [True, False])

    def test_at_a_terminal(self):
        self.connectors()
        self.fails(5, "api", "--connector", "kept", "POST", "lost", says="before a reply came")
        self.assertEqual(len(self.lost()), 1)

    def test_tokens(self):
        self.connectors(retries=0)
        self.write("t.lua", """
local http = require "jeton.http"
assert(http.request{ connector = "kept", path = "kept" })
local response, err = http.request{ connector = "lost", path = "kept" }
print(response, err.kind)
""")
        self.assertEqual(self.run_script("t.lua"), "nil\tnetwork\n")
        tokens = {path: number for number, _, path in self.server.seen if path.startswith("/token")}
        self.assertEqual([path for _, _, path in self.server.seen], ["/token/kept", "/kept", "/token/lost"])
        self.assertEqual(len(set(tokens.values())), 2, tokens)  # each on a new connection,
        self.assertEqual(self.server.seen[1][0], tokens["/token/kept"])  # which a call to the same host may use then

    def test_what_follows_an_exchange(self):
        """Only what can be sent again goes on the exchange's connection, which a server might close right after."""
        self.connectors()
        self.write("t.lua", 'assert(require "jeton.http".request { connector = "kept", method = ..., path = "kept" })')
        for method, same in (("GET", True), ("DELETE", True), ("POST", False), ("PATCH", False)):
            with self.subTest(method=method):
                self.run_script("t.lua", method)
                self.assertEqual([path for _, _, path in self.server.seen], ["/token/kept", "/kept"])
                self.assertEqual(self.server.seen[0][0] == self.server.seen[1][0], same)
                shutil.rmtree(self.state)

    def test_connections_that_were_idle(self):
        """A server that ends them after as long as a script waits between two requests would get none of them."""
        self.write("t.lua", """
local http, task, url = require "jeton.http", require "jeton.task", ...
for _, method in ipairs { "GET", "GET", "POST" } do
  assert(http.request { method = method, url = url .. "/kept" })
  task.sleep(2.1)
end""")
        self.run_script("t.lua", self.server.url)
        first, again, once = (number for number, _, _ in self.server.seen)
        self.assertEqual((again == first, once == first), (True, False))

    def test_http2(self):
        """Node's server: its streams end in ways of their own."""
        authority = Authority(self.folder)
        authority.server("server")
        server = subprocess.Popen([node(), os.path.join(JUDGES, "http2.mjs"), f"{self.folder}/server.key",
                                   f"{self.folder}/server.pem"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(support.end_process, server)
        url = json.loads(server.stdout.readline())
        for method, how, ways in (("GET", "none", "refused"), ("POST", "json", "refused closed goaway reset"),
                                  ("POST", "none", "closed"), ("POST", "file", "closed"), ("PATCH", "parts", "closed")):
            for way in ways.split():
                with self.subTest(method=method, how=how, way=way):
                    out = self.run_script("s.lua", url, method, how, "/lost/" + way, authority.file)
                    self.assertEqual(out, "nil\tnetwork\n")
                    seen = self.seen_until_now(server, url, authority)
                    lost = [number for number, _, path in seen if path.startswith("/lost")]
                    self.assertEqual((seen[0][2], lost[0]), ("/kept", seen[0][0]))
                    self.assertEqual(len(lost), 6 if method == "GET" else 1, seen)  # libcurl's tries
        self.connectors(url + "/lost/refused", retries=0, ca_file=authority.file)
        self.fails(5, "token", "lost")
        self.assertEqual([path for _, _, path in self.seen_until_now(server, url, authority)], ["/lost/refused", "/end"])

    def seen_until_now(self, server, url, authority):
        self.ok("run", "-", url + "/end", authority.file, input="""
local url, ca = ...
assert(require "jeton.http".get(url, { ca_file = ca }))""")
        seen = []
        while not seen or seen[-1][2] != "/end":
            seen.append(json.loads(server.stdout.readline()))
        return seen


if __name__ == "__main__":
    unittest.main()
