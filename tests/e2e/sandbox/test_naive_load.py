"""The sandbox under clients that are many, large or broken: it answers, survives, and its memory is bounded."""

import collections
import concurrent.futures
import http.client
import json
import os
import random
import socket
import threading
import unittest

import naive
from support import GROUP, TENANT_TOKEN

MIB = 1 << 20
MESSAGES = f"/v1/groups/{GROUP}/messages"
MEMORY_MAX_MIB = 128  # at its highest: a body of 1 MiB may become 350,000 values
SANITIZED_KIB = 1 << 30  # AddressSanitizer reserves terabytes, and keeps freed memory


class Case(naive.Case):
    def setUp(self):
        super().setUp()
        self.address = ("127.0.0.1", int(self.root.rsplit(":", 1)[1]))

    def memory(self, name):
        with open(f"/proc/{self.sandbox.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))

    def bounded(self, work):
        """Runs it; then the sandbox must still work, and never have been large."""
        work()
        self.assertIsNone(self.sandbox.process.poll())
        self.done(naive.Naive(self.root, TENANT_TOKEN).get("/users/me"))
        if self.memory("VmSize") < SANITIZED_KIB:
            self.assertLess(self.memory("VmHWM") / 1024, MEMORY_MAX_MIB)

    def raw(self, *parts):
        """Sends bytes as they are; what comes back, b"" where the connection was closed without."""
        with socket.create_connection(self.address, timeout=30) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                return connection.recv(65536)
            except ConnectionError:
                return b""


class Many(Case):
    def test_200_at_once(self):
        start = threading.Barrier(200)

        def client(number):
            start.wait()
            mine = naive.Naive(self.root, TENANT_TOKEN)
            texts = (f"{number}.{n}" for n in range(2))
            replies = [mine.call("POST", f"/groups/{GROUP}/messages", {"message": text}) for text in texts]
            return [reply.json["referenceId"] for reply in replies]

        def work():
            with concurrent.futures.ThreadPoolExecutor(200) as pool:
                ids = [i for found in pool.map(client, range(200)) for i in found]
            self.assertEqual(len(set(ids)), 400)
        self.bounded(work)
        self.assertEqual(self.state()["counts"]["messages"], 400)

    def test_connections_that_never_finish_their_request(self):
        held = []
        self.addCleanup(lambda: [connection.close() for connection in held])

        def work():
            for start in (b"", b"GET /v1/gro",
                          b"POST /v1/groups HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"):
                for _ in range(100):
                    held.append(socket.create_connection(self.address, timeout=30))
                    held[-1].sendall(start)
            self.done(self.tenant.get("/groups"))
        self.bounded(work)

    def test_clients_that_hang_up(self):
        body = b'{"message": "gone"}'
        request = (f"POST {MESSAGES} HTTP/1.1\r\nHost: {self.root[7:]}\r\naccessToken: {self.tenant.token}\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n").encode() + body

        def work():
            for cut in range(0, len(request), 7):
                with socket.create_connection(self.address, timeout=30) as connection:
                    connection.sendall(request[:cut])
        self.bounded(work)
        self.assertEqual(self.state()["counts"]["messages"], 0)


class Junk(Case):
    def post(self, connection, body, token=None):
        connection.request("POST", MESSAGES, body, {"accessToken": token or self.tenant.token})
        reply = connection.getresponse()
        content = json.loads(reply.read())
        self.assertEqual("errorCode" in content, reply.status != 200)
        return reply.status

    def keep_alive(self):
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        self.addCleanup(connection.close)
        return connection

    def test_bodies_of_a_megabyte(self):
        numbers = random.Random(1)
        unit = {"noise": numbers.randbytes(MIB), "nuls": bytes(MIB), "lists": b"[" * MIB,
                "objects": b'{"a":' * (MIB // 5), "quotes": b'"' * MIB, "comments": b"/*" * (MIB // 2),
                "backslashes": b'{"message": "' + b"\\" * (MIB - 20), "latin-1": b"\xff" * MIB,
                "digits": b'{"message": ' + b"9" * (MIB - 20), "commas": b"{" + b"," * (MIB - 1),
                "keys": ("{" + ",".join(f"k{n}:1" for n in range(90000)) + "}").encode(),
                "values": b'{"x": [' + b"{}," * 340000 + b"]}", "message": b'{"message": "' + b"x" * (MIB - 20) + b'"}',
                "phones": b'{"message": "x", "subscribers": [' + b'"+33100000001",' * 65000 + b"]}"}

        def work():
            connection = self.keep_alive()
            for name, body in unit.items():
                for _ in range(3):
                    self.assertEqual(self.post(connection, body), 400, name)
                self.assertEqual(self.post(connection, body, "forged"), 401, name)
        self.bounded(work)

    def test_very_many_small_requests(self):
        body = b'{"a": [' + b"{}," * 1300 + b"{}]}"

        def work():
            connection = self.keep_alive()
            for _ in range(1500):
                self.assertEqual(self.post(connection, body, "forged"), 401)
        self.bounded(work)
        self.sandbox.requests()

    def test_long_and_deep_paths(self):
        def work():
            connection = self.keep_alive()
            for path, status in (("/v1" + "/a" * 4000, 404), ("/v1/groups/" + "%2f" * 2000, 404), ("/" * 8000, 200),
                                 ("/v1/groups?" + "a&" * 4000, 200), ("/v1/groups?" + "?" * 30000, 404),
                                 ("/v1/groups/" + "x" * 8000, 404), ("/v1/groups" + "/.." * 2000, 404),
                                 ("/_sandbox" + "/a" * 4000, 404), ("/_sandbox/state?" + "a&" * 4000, 200)):
                for _ in range(100):
                    connection.request("GET", path, headers={"accessToken": self.tenant.token})
                    reply = connection.getresponse()
                    content = json.loads(reply.read())
                    self.assertEqual((reply.status, "errorCode" in content), (status, status != 200), path[:20])
            self.sandbox.requests()
        self.bounded(work)

    def test_what_is_no_http(self):
        numbers = random.Random(2)
        host = f"Host: {self.root[7:]}\r\n".encode()
        cases = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n" * 1000, b"GET\r\n\r\n",
                 b"GET /v1/groups\r\n\r\n", b"GET /v1/groups HTTP/9.9\r\n\r\n", b"GET /v1/groups HTTP/1.1\r\n\r\n",
                 b"GET /" + b"a" * MIB,
                 b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * MIB + b"\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + host + b"X: a\r\n" * 100000 + b"\r\n",
                 b"POST /v1/groups HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
                 b"POST /v1/groups HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999\r\n\r\n",
                 b"POST /v1/groups HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
                 *(numbers.randbytes(numbers.randrange(1, 5000)) + b"\r\n\r\n" for _ in range(50))]

        def work():
            answers = collections.Counter()
            for case in cases:
                with socket.create_connection(self.address, timeout=0.3) as connection:
                    try:
                        connection.sendall(case)
                        answers[connection.recv(10)] += 1
                    except TimeoutError:  # it waits for the rest of a request
                        answers[b""] += 1
                    except ConnectionError:
                        answers[b""] += 1
            self.assertGreater(answers[b"HTTP/1.1 4"], 5)
            self.assertEqual(answers[b"HTTP/1.1 5"], 1)  # 505 for HTTP/9.9
            self.assertEqual(sum(answers.values()), answers[b""] + answers[b"HTTP/1.1 4"] + 1, answers)
        self.bounded(work)

    def test_a_body_without_end(self):
        request = (f"POST {MESSAGES} HTTP/1.1\r\nHost: {self.root[7:]}\r\naccessToken: {self.tenant.token}\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n").encode()
        chunk = b"100000\r\n" + os.urandom(MIB) + b"\r\n"
        self.bounded(lambda: self.raw(request, *[chunk] * 200))


if __name__ == "__main__":
    unittest.main()
