"""A server that closes a connection without a reply may have acted: what may not be done twice was sent once, also on a
connection that was kept, where libcurl would send again by itself."""

import contextlib
import json
import socket
import threading
import unittest

import support
from judges import whole_message

SCRIPT = """
local http, url, method, how = require "jeton.http", ...
local bodies = { none = {}, body = { body = "text" }, json = { json = { x = 1 } }, form = { form = { x = 1 } },
  file = { body_file = "file" }, parts = { multipart = { { name = "f", file = "file" } } } }
local options = bodies[how]
options.method = method
local first, second = {}, options
if url == "" then
  first.connector, first.path, second.connector, second.path = true, "kept", true, "lost"
else
  first.url, second.url = url .. "/kept", url .. "/lost"
end
assert(http.request(first))
local response, err = http.request(second)
print(response, err.kind)
"""


class Counting:
    """Keeps connections, but for requests of `lost`: these end there, unanswered. `seen`: each request's connection,
    method and path."""

    def __init__(self):
        self.seen = []
        self.lost = {"/lost", "/token/lost"}
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        for number in range(1_000_000):
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection, number), daemon=True).start()

    def serve(self, connection, number):
        with connection, contextlib.suppress(OSError):
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

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class SentOnce(support.Case):
    def setUp(self):
        super().setUp()
        self.server = Counting()
        self.addCleanup(self.server.stop)
        self.write("file", "text")
        self.write("s.lua", SCRIPT)

    def connectors(self, **more):
        keys = {"provider": "oauth2", "grant": "client_credentials", "client_id": "client-id", "client_secret": "secret-of-it",
                "endpoint": self.server.url, **more}
        lines = "".join(f"  {name}: {json.dumps({**keys, 'token_url': self.server.url + '/token/' + name})}\n"
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
        self.assertEqual(len({number for number, _, _ in self.server.seen}), 3, tokens)  # each on its own connection


if __name__ == "__main__":
    unittest.main()
