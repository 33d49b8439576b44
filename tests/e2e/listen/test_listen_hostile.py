"""jeton listen and those who mean it harm: what they send is refused or bounded, and others are served meanwhile."""

import gzip
import json
import re
import socket
import ssl
import sys
import time
import unittest
import warnings

import certificates
import listening
from listening import sign

BODY = json.dumps({"id": "e1", "type": "t"}).encode()
MAX = 65536

# What a service manager does: two sockets, and few descriptors for all connections together.
FEW = """\
import os, resource, socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
for i, s in enumerate(sockets):
    os.dup2(s.fileno(), 10 + i)
for i in range(2):
    os.dup2(10 + i, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
os.execv(sys.argv[1], sys.argv[1:])
"""


def head(*fields, line="POST /orders HTTP/1.1"):
    return "\r\n".join([line, "Host: x", *fields, "", ""]).encode()


class Hostile(listening.Case):
    context = None  # of TLS
    more = ""

    def setUp(self):
        super().setUp()
        self.prepare()
        self.hooks(hook="    max_body: 64KiB\n", listen="  max_connections: 300\n" + self.more)
        self.served = self.listener()

    def prepare(self):
        pass

    def dial(self, encrypted=True):
        it = socket.create_connection(("127.0.0.1", self.served.port), timeout=30)
        if self.context and encrypted:
            it = self.context.wrap_socket(it, server_hostname="127.0.0.1")
        self.addCleanup(it.close)
        return it

    def ask(self, body, path="/orders", **headers):
        return self.served.ask("POST", path, body, {"X-Sig": sign(body), **headers}, self.context)[0]

    def status(self, *parts, replies=1):
        """Of the last of the replies to raw bytes; None: the connection ended without it."""
        it = self.dial()
        try:
            for part in parts:
                it.sendall(part)
        except OSError:
            pass
        got = b""
        try:
            while got.count(b"\r\n\r\n") < replies:
                piece = it.recv(4096)
                if not piece:
                    break
                got += piece
        except OSError:
            pass
        found = re.findall(rb"^HTTP/1\.1 (\d+)", got, re.M)
        return int(found[replies - 1]) if len(found) >= replies else None

    def serves(self, number=1):
        status = self.served.post({"id": f"good{number}", "type": "t"}, context=self.context)[0]
        self.assertEqual(status, 200, self.served.log())

    def test_bodies(self):
        signed = f"X-Sig: {sign(BODY)}"
        too_long = f"Content-Length: {MAX + 1}"
        self.assertEqual(self.status(head(signed, too_long)), 413)
        chunk = b"%x\r\n%s\r\n" % (8192, b"x" * 8192)
        for chunks in (9, 40, 400):
            self.assertEqual(self.status(head(signed, "Transfer-Encoding: chunked"), *[chunk] * chunks), 413, chunks)
        told = r"webhook 'orders': refused with 413: the body has more than its max_body \(65536 bytes\)"
        self.served.wait_log(f"(?s)({told}.*){{4}}")  # its sender may not come again
        self.assertEqual(self.status(head(too_long, line="POST /elsewhere HTTP/1.1")), 404)
        self.assertEqual(self.ask(b"x" * MAX), 200)
        bomb = gzip.compress(b"\0" * 10_000_000)
        self.assertEqual(self.ask(bomb, **{"Content-Encoding": "gzip"}), 415)
        self.assertEqual(self.ask(b"x" * 1_000_000, "/nowhere"), 404)
        chunked = head(signed, "Transfer-Encoding: chunked", "Connection: close")
        self.assertEqual(self.status(chunked, b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)), 200)
        self.serves()

    def test_shapes_that_smuggle(self):
        signed, length = f"X-Sig: {sign(BODY)}", f"Content-Length: {len(BODY)}"
        for fields in ((length, "Transfer-Encoding: chunked"), (length, "Content-Length: 3"),
                       ("Transfer-Encoding: chunked, identity",), ("Transfer-Encoding : chunked",),
                       ("Content-Length: +28",), (length, " folded: x"), ("Content-Length: 0x1c",)):
            status = self.status(head(signed, *fields), BODY)
            self.assertIn(status, (400, 411, 501), fields)
        for line in ("POST /orders HTTP/1.1 x", "POST  /orders HTTP/1.1", "POST /orders HTTP/2.0", "POST /or\0ders HTTP/1.1"):
            self.assertIn(self.status(head(signed, length, line=line), BODY), (400, 505), line)
        for text in ("X-A: a\rTransfer-Encoding: chunked", "X-A: a\x01", "X-A: \x7f"):  # in a connection's second request, too
            asked = head(signed, length, text) + BODY
            self.assertEqual(self.status(asked), 400, text)
            self.assertEqual(self.status(head(signed, length) + BODY + asked, replies=2), 400, text)
        self.assertEqual(self.status(head(*[f"X-{i}: {i}" for i in range(500)]), BODY), 431)
        for size, status in ((100_000, 431), (16_400, 431), (15_000, 200)):
            fields = (signed, length, "Connection: close", "X-Long: " + "x" * size)
            self.assertEqual(self.status(head(*fields), BODY), status, size)
        for cookie, status in (("x" * 4000, 200), ("x" * 4100, 431), ("a;" * 21, 431)):
            asked = head(signed, length, "Connection: close", "Cookie: " + cookie) + BODY
            self.assertEqual(self.status(asked), status, cookie[:5])
            self.assertEqual(self.status(head(signed, length) + BODY + asked, replies=2), status, cookie[:5])
        self.serves()

    def test_signatures_that_repeat(self):
        right, length = f"X-Sig: {sign(BODY)}", f"Content-Length: {len(BODY)}"
        for fields in ((right, right), (right, "X-Sig: 00"), ("x-sig: 00", right)):
            self.assertIn(self.status(head(length, *fields), BODY), (400, 401), fields)
        self.assertEqual(self.status(head(length, right, "Connection: close"), BODY), 200)

    def test_slow_and_idle_ones(self):
        slow = [self.dial() for _ in range(20)]
        for it in slow:
            it.sendall(head(f"Content-Length: {len(BODY)}", f"X-Sig: {sign(BODY)}")[:-10])
        idle = [self.dial(encrypted=False) for _ in range(1000)]
        started = time.monotonic()
        for number in range(20):
            self.serves(number)
        self.assertLess(time.monotonic() - started, 25)  # a slow one has 30 s
        self.assertEqual(len(idle), 1000)

    def test_half_sent_bodies(self):
        """They hold all places, and some wait for one."""
        half = [self.dial(encrypted=number < 300) for number in range(330)]
        for it in half[:300]:
            it.sendall(head("Content-Length: 100", f"X-Sig: {sign(BODY)}") + b"{")
        started = time.monotonic()
        for number in range(20):
            self.serves(number)
        self.assertLess(time.monotonic() - started, 25)  # a body has 60 s


class FewDescriptors(listening.Case):
    def test_silent_ones_do_not_use_them_up(self):
        self.hooks()
        script = self.write("few.py", FEW)
        process = self.start(script, listening.JETON, "listen", program=sys.executable)
        served = self.listener(popen=process)
        served.wait_log(r"(?s)listening on .*listening on ")
        ports = [int(port) for port in re.findall(r"listening on \S*:(\d+)", served.log())]
        silent = [socket.create_connection(("127.0.0.1", ports[number % 2]), 10) for number in range(200)]
        for number, served.port in enumerate(ports * 3):
            body = json.dumps({"id": f"good{number}", "type": "t"}).encode()
            connection = served.connection(timeout=10)
            connection.request("POST", "/orders", body, {"X-Sig": sign(body)})
            self.assertEqual(connection.getresponse().status, 200, served.log())
            connection.close()
        for it in silent:
            it.close()
        served.stop()


class HostileInTls(Hostile):
    more = "  certificate: hooks.pem\n  key: hooks.key\n"

    def prepare(self):
        authority = certificates.Authority(self.folder)
        authority.server("hooks")
        self.context = ssl.create_default_context(cafile=authority.file)

    @unittest.skipUnless(ssl.HAS_TLSv1_1, "this Python cannot speak TLS 1.1")
    def test_old_versions(self):
        """RFC 8996."""
        self.context.set_ciphers("ALL:@SECLEVEL=0")
        for version, taken in ((ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False),
                               (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            with self.subTest(version=version.name), warnings.catch_warnings(action="ignore"):
                self.context.minimum_version = ssl.TLSVersion.TLSv1
                self.context.maximum_version = version
                self.context.minimum_version = version
                if taken:
                    self.serves(version.name)
                else:
                    self.assertRaises(ssl.SSLError, self.dial)


if __name__ == "__main__":
    unittest.main()
