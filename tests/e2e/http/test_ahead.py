"""While a token is fetched, the connection to where the call goes is made, and nothing is sent over it before."""

import json
import socket
import subprocess
import time
import unittest

import support
from certificates import Authority
from judges import JUDGES, node
from oauth2 import OAuth2
from service import Service

TRIES = 5  # a connection that has been idle for three seconds is not used: a busy machine may be so slow
SCRIPT = """
local response, err = require "jeton.http".request { connector = "books", method = ..., path = "/it" }
print(response and response.status, err and err.kind)
"""


class Ahead(OAuth2):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.context = self.authority.server("server")

    def http2(self, *options):
        server = subprocess.Popen([node(), f"{JUDGES}/http2.mjs", f"{self.folder}/server.key", f"{self.folder}/server.pem",
                                   "connections", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(support.end_process, server)
        return server, json.loads(server.stdout.readline())

    @staticmethod
    def answers_after(grants, server):
        """The token comes once the connection to the API is there."""
        def answer(form):
            told.append(json.loads(server.stdout.readline()))
            return grants.grant(form)
        told = []
        grants.answers = [answer]
        return told

    def fetch(self, grants, api, method="GET", **keys):
        self.books(grants, endpoint=api, ca_file=self.authority.file, **keys)
        self.write("call.lua", SCRIPT)
        return self.ok("run", "call.lua", method).stdout

    def test_a_connection_is_open_before_the_token_has_come(self):
        for method in ("GET", "POST"):
            with self.subTest(method=method):
                want, seen = [[0], [0, method, "/it"]], []
                while want not in seen and len(seen) < TRIES:
                    seen.append(self.connections(method, len(seen)))
                self.assertIn(want, seen)

    def connections(self, method, attempt):
        """What the server tells of them until it has a request."""
        server, url = self.http2()
        grants = self.grants()
        told = self.answers_after(grants, server)
        self.env["BOOKS_REFRESH"] = grants.current = f"refresh-of-{method}-{attempt}"
        self.assertEqual(self.fetch(grants, url, method), "200\tnil\n")
        while len(told[-1]) == 1:
            told.append(json.loads(server.stdout.readline()))
        self.assertEqual(self.rest(server), "")
        return told

    @staticmethod
    def rest(server):
        server.stdin.close()
        return server.stdout.read()

    def test_nothing_is_sent_where_no_token_comes(self):
        server, url = self.http2()
        grants = self.grants()

        def answer(form):
            self.assertEqual(json.loads(server.stdout.readline()), [0])
            return 400, {}, {"error": "invalid_grant"}
        grants.answers = [answer]
        self.assertEqual(self.fetch(grants, url), "nil\tauth\n")
        self.assertEqual(self.rest(server), "")

    def test_a_cached_token_needs_none(self):
        server, url = self.http2()
        grants = self.grants()
        told = self.answers_after(grants, server)
        self.fetch(grants, url)
        self.fetch(grants, url)
        server.stdin.close()
        told += [json.loads(line) for line in server.stdout]
        self.assertEqual([one for one in told if len(one) == 1], [[0], [1]])
        self.assertEqual(len(grants.forms), 1)

    def test_a_connection_that_was_closed_before_the_token_came(self):
        """Nor a later request meets it, which could not be repeated."""
        for method in ("GET", "POST"):
            with self.subTest(method=method):
                server, url = self.http2("500")
                grants = self.grants()
                told = self.answers_after(grants, server)
                answer = grants.answers[0]
                grants.answers = [lambda form, answer=answer: (time.sleep(4.5), answer(form))[1]]
                self.env["BOOKS_REFRESH"] = grants.current = f"refresh-of-{method}"
                self.assertEqual(self.fetch(grants, url, method, retries=0), "200\tnil\n")
                self.assertEqual(told, [[0]])
                self.assertEqual([json.loads(line) for line in self.rest(server).splitlines()], [[1], [1, method, "/it"]])

    def test_after_a_401_there_is_one_already(self):
        server, url = self.http2()
        grants = self.grants()
        self.books(grants, endpoint=url, ca_file=self.authority.file)
        self.token()
        self.sql("UPDATE token SET received_boot_ms = received_boot_ms - 120000")
        self.fails(4, "api", "GET", url + "/lost/unauthorized")
        self.assertEqual(len(grants.forms), 2)
        told = [json.loads(line) for line in self.rest(server).splitlines()]
        self.assertEqual(told, [[0], [0, "GET", "/lost/unauthorized"], [0, "GET", "/lost/unauthorized"]])

    def test_http_1(self):
        """The connection is given up; the call makes its own."""
        api = Service(lambda request: (200, {}, {}), context=self.context)
        self.addCleanup(api.stop)
        self.assertEqual(self.fetch(self.grants(), api.url), "200\tnil\n")

    def test_a_service_that_is_not_there(self):
        """Said by the call itself."""
        grants = self.grants()
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"https://127.0.0.1:{server.getsockname()[1]}"
        self.assertEqual(self.fetch(grants, url, retries=0), "nil\tnetwork\n")
        self.assertEqual(len(grants.forms), 1)

    def test_many_tasks_make_one(self):
        server, url = self.http2()
        grants = self.grants()
        self.assertEqual(self.answers_after(grants, server), [])
        self.books(grants, endpoint=url, ca_file=self.authority.file)
        self.write("call.lua", """
local http, task = require "jeton.http", require "jeton.task"
for _, response in ipairs(task.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(n)
  return http.request { connector = "books", method = "GET", path = "/" .. n }
end)) do
  assert(response)
end
""")
        self.ok("run", "call.lua")
        server.stdin.close()
        told = [json.loads(line) for line in server.stdout]
        self.assertEqual([one for one in told if len(one) == 1], [])  # nor later: all went over it
        self.assertEqual(sorted(one[0] for one in told), [0] * 8)


if __name__ == "__main__":
    unittest.main()
