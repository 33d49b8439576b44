"""What the sandbox refuses by the head of a request alone, before it takes any of the body; and how it says so."""

import json
import os
import re
import resource
import socket
import unittest

from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, MEMBER_TOKEN, TENANT_TOKEN, Case

WAIT_S = 20
MIB = 1 << 20
UPLOAD = 300 * MIB
NARROW = "7d1f0a3c-2b64-4c11-8d0e-5b5a4c3d2e1f"
FORM = "multipart/form-data; boundary=b"
JSON = "application/json"


class Early(Case):
    def setUp(self):
        super().setUp()
        database = os.path.join(self.folder, "sandbox.db")
        self.media = database + ".media"
        self.box = self.sandbox("--db", database)
        self.port = int(self.box.url.rpartition(":")[2])
        self.token = self.exchange(APPLICATION_ID, APPLICATION_SECRET, TENANT_TOKEN)

    def exchange(self, application, secret, token):
        status, _, body = self.box.call("GET", "/v1/accessToken", headers={
            "applicationId": application, "applicationSecret": secret, "refreshToken": token})
        self.assertEqual(status, 200, body)
        return json.loads(body)["accessToken"]

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), WAIT_S)
        self.addCleanup(connection.close)
        return connection

    def head(self, method, path, *lines, token=None, length=UPLOAD, content_type=FORM):
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Type: {content_type}",
                 *lines]
        if token:
            lines.append(f"accessToken: {token}")
        lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @staticmethod
    def hear(connection):
        """All until the connection ends: status, headers, body."""
        text = b""
        while piece := connection.recv(65536):
            text += piece
        head, _, body = text.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return int(first.split()[1]), headers, body.decode()

    def check_refusal(self, reply, status, code, path="/v1/"):
        got, headers, body = reply
        self.assertEqual(got, status, body)
        value = json.loads(body)
        self.assertEqual(sorted(value), ["errorCategoryKey", "errorCode", "message"])
        self.assertEqual(value["errorCode"], code, body)
        self.assertEqual(headers["content-type"], "application/json; charset=utf-8")
        self.assertEqual(headers["connection"].lower(), "close")
        self.assertIn("date", headers)
        self.assertNotIn("access-control-allow-origin", headers)
        return value["message"]

    def refuse(self, status, code, method, path, *lines, **options):
        """Only the head is sent."""
        connection = self.connect()
        connection.sendall(self.head(method, path, *lines, **options))
        message = self.check_refusal(self.hear(connection), status, code, path)
        self.assertEqual(os.listdir(self.media), [])
        return message

    def test_an_upload_is_refused_before_it_comes(self):
        for lines in ([], ["Expect: 100-continue"]):
            for length in (UPLOAD, 5, None):
                options = {"length": length}
                self.refuse(401, "InvalidToken", "POST", "/v1/media", *lines, **options)
                self.refuse(401, "InvalidToken", "POST", "/v1/media", *lines, token="x.y.z", **options)
                self.refuse(404, "NotFound", "POST", "/v1/nowhere", *lines, **options)
                self.refuse(404, "NotFound", "POST", "/nowhere", *lines, **options)
                self.refuse(405, "MethodNotAllowed", "PATCH", "/v1/media", *lines, **options)
                self.refuse(400, "InvalidParameters", "POST", f"/v1/groups/{GROUP}/messages", *lines,
                            token=self.token, **options)
        self.refuse(413, "RequestEntityTooLarge", "POST", "/v1/media", token=self.token, length=1 << 40)
        self.refuse(415, "UnsupportedMediaType", "POST", "/v1/media", token=self.token, content_type="image/png")
        last = self.box.requests("/media")[-1]
        self.assertEqual((last["status"], last["operation"], last["body"]), (415, "media.upload", "not read"))

    def test_who_may_not_is_refused_before_it_comes(self):
        self.box.steer("connectors", {
            "id": NARROW, "secret": "NARROW1234", "name": "Narrow", "owner": "+33100000001",
            "permissions": ["groupinfo"], "tokens": [{"user": "+33100000001", "refresh_token": "narrow-refresh"}]})
        narrow = self.exchange(NARROW, "NARROW1234", "narrow-refresh")
        self.assertIn("media.write", self.refuse(403, "PermissionDenied", "POST", "/v1/media", token=narrow))
        member = self.exchange(APPLICATION_ID, APPLICATION_SECRET, MEMBER_TOKEN)
        self.refuse(403, "PermissionDenied", "PUT", f"/v1/groups/{GROUP}/members", token=member,
                    content_type=JSON, length=20000)
        self.box.steer("switches", {"per_minute": 2})
        self.refuse(403, "PermissionDenied", "POST", "/v1/media", token=narrow)  # such calls count, too
        self.refuse(403, "PermissionDenied", "POST", "/v1/media", token=narrow)
        self.refuse(429, "TooManyRequests", "POST", "/v1/media", token=narrow)
        self.refuse(429, "TooManyRequests", "POST", "/v1/media", token=narrow)
        self.box.steer("clock", {"advance_s": 86400})
        self.refuse(401, "InvalidToken", "POST", "/v1/media", token=self.token)

    def test_a_call_that_passes_is_counted_once(self):
        self.box.steer("switches", {"per_minute": 2})
        for status in (200, 200, 429):
            reply = self.upload(self.token)
            self.assertEqual(reply[0], status, reply)

    def upload(self, token):
        body = (b'--b\r\nContent-Disposition: form-data; name="1"; filename="a.png"\r\nContent-Type: image/png\r\n'
                b"\r\nPNG\r\n--b--\r\n")
        connection = self.connect()
        connection.sendall(self.head("POST", "/v1/media", "Connection: close", token=token, length=len(body)))
        connection.sendall(body)
        return self.hear(connection)

    def test_connections_leave_descriptors_for_files(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        try:
            box = self.sandbox("--db", os.path.join(self.folder, "small.db"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.port = int(box.url.rpartition(":")[2])
        self.box = box
        token = self.exchange(APPLICATION_ID, APPLICATION_SECRET, TENANT_TOKEN)
        crowd = [self.connect() for _ in range(80)]
        for connection in crowd:
            connection.sendall(b"GET /v1/users/me HTTP/1.1\r\n")
        reply = self.upload(token)  # one of the crowd, which is slow by then, makes room
        self.assertEqual(reply[0], 200, reply)
        for connection in crowd:
            connection.close()
        self.assertEqual(self.upload(token)[0], 200)

    def test_json_is_refused_before_it_comes(self):
        path = f"/v1/groups/{GROUP}/messages"
        self.refuse(401, "InvalidToken", "POST", path, length=MIB, content_type=JSON)
        self.refuse(401, "InvalidToken", "POST", path, "Expect: 100-continue", length=10, content_type=JSON)
        self.refuse(413, "RequestEntityTooLarge", "POST", path, token=self.token, length=MIB + 1, content_type=JSON)
        self.refuse(413, "RequestEntityTooLarge", "POST", "/v1/generatePin", length=MIB + 1, content_type=JSON)
        for token, rest, status, code in (
                (None, b"5000\r\n" + b"x" * 0x5000, 401, "InvalidToken"),
                (self.token, b"100001\r\n" + b"x" * 0x100001, 413, "RequestEntityTooLarge")):
            connection = self.connect()
            connection.sendall(self.head("POST", path, token=token, length=None, content_type=JSON))
            connection.sendall(rest)
            self.check_refusal(self.hear(connection), status, code)

    def test_a_small_body_is_read_and_recorded(self):
        status, _, _ = self.box.call("POST", f"/v1/groups/{GROUP}/messages", {"message": "hello"})
        self.assertEqual(status, 401)
        self.assertEqual(self.box.requests("/messages")[-1]["body"], {"message": "hello"})

    def test_who_sends_it_all_first_sees_the_reply(self):
        piece = b"x" * MIB
        connection = self.connect()
        connection.sendall(self.head("POST", "/v1/media", length=40 * MIB))
        for _ in range(40):
            connection.sendall(piece)
        self.check_refusal(self.hear(connection), 401, "InvalidToken")
        self.assertEqual(os.listdir(self.media), [])

    def test_elsewhere(self):
        self.refuse(415, "UnsupportedMediaType", "POST", "/_sandbox/faults")
        self.refuse(404, "NotFound", "POST", "/_sandbox/nowhere", content_type=JSON)
        self.refuse(403, "Forbidden", "POST", "/_sandbox/faults", "Origin: http://evil.example", content_type=JSON)
        self.refuse(413, "RequestEntityTooLarge", "POST", "/_sandbox/faults", content_type=JSON)
        self.refuse(415, "UnsupportedMediaType", "DELETE", "/_sandbox/faults")
        self.refuse(405, "MethodNotAllowed", "POST", "/")
        for path in ("/portal/sign-in", "/api/oauth/authorize"):
            connection = self.connect()
            connection.sendall(self.head("POST", path))
            status, headers, _ = self.hear(connection)
            self.assertEqual((status, headers["content-type"]), (400, "text/html; charset=utf-8"))

    def test_a_redirect_and_a_fault_come_as_ever(self):
        self.box.steer("faults", {"match": {"path": "/media"}, "status": 503})
        connection = self.connect()
        connection.sendall(self.head("POST", "/v1/media", "Connection: close", length=5) + b"--b--")
        status, _, body = self.hear(connection)
        self.assertEqual((status, json.loads(body)["errorCode"]), (503, "SandboxFault"))
        self.box.steer("switches", {"api_redirect": {"kind": "base", "times": 1}})
        self.refuse(308, "EndpointMoved", "POST", "/v1/media", token=self.token)
        self.refuse(401, "InvalidToken", "POST", "/v1/media")

    def test_what_is_no_http_is_refused_in_json(self):
        host = f"Host: 127.0.0.1:{self.port}\r\n".encode()
        cases = [
            (b"GET /v1/users/me HTTP/9.9\r\n", 505, "HttpVersionNotSupported"),
            (b"GET /v1/users/me HTTP/1.1\r\nno header\r\n", 400, "InvalidParameters"),
            (b"GET /v1/users/me HTTP/1.1\r\n" + host + b"Big: " + b"x" * 40000, 431, "RequestHeaderFieldsTooLarge"),
            (b"GET /v1/users/me HTTP/1.1\r\n" + host + b"Cookie: " + b"a;" * 1000 + b"\r\n\r\n", 431,
             "RequestHeaderFieldsTooLarge"),
            (b"POST /v1/users/me HTTP/1.1\r\n" + host + b"Content-Length: x\r\n\r\n", 400, "InvalidParameters"),
            (b"GET /v1/users/me HTTP/1.1\r\n\r\n", 400, "InvalidParameters"),
        ]
        for text, status, code in cases:
            connection = self.connect()
            connection.sendall(text)
            self.check_refusal(self.hear(connection), status, code)
        for text, status in ((b"hello\r\n", 400), (b"GET /" + b"x" * 40000, 414)):
            connection = self.connect()
            connection.sendall(text)
            got, _, body = self.hear(connection)
            self.assertEqual(got, status)
            self.assertEqual(sorted(json.loads(body)), ["errorCategoryKey", "errorCode", "message"])

    def test_cookies_within_the_limits_are_read(self):
        """Also where they fill the head, with as many headers as there may be, on one connection after another."""
        for cookie in (b"a;" * 500, b"x=" + b"y" * 30000, b"x=" + b"y" * 29000 + b";a" * 500):
            connection = self.connect()
            for _ in range(2):
                connection.sendall(b"GET /v1/users/me HTTP/1.1\r\n" + f"Host: 127.0.0.1:{self.port}\r\n".encode()
                                   + b"A: b\r\n" * 98 + b"Cookie: " + cookie + b"\r\n\r\n")
                reply = b""
                while b"InvalidToken" not in reply or not reply.endswith(b"}"):
                    more = connection.recv(65536)
                    self.assertTrue(more, reply)
                    reply += more
                self.assertTrue(reply.startswith(b"HTTP/1.1 401 "), reply)
        # A second request on a connection is refused as the first.
        connection = self.connect()
        request = b"GET /v1/users/me HTTP/1.1\r\n" + f"Host: 127.0.0.1:{self.port}\r\n".encode()
        connection.sendall(request + b"\r\n")
        while not connection.recv(65536).endswith(b"}"):
            pass
        connection.sendall(request + b"Cookie: " + b"a;" * 1000 + b"\r\n\r\n")
        self.check_refusal(self.hear(connection), 431, "RequestHeaderFieldsTooLarge", "/v1/")

    def test_the_date_is_the_sandboxs(self):
        self.box.steer("clock", {"advance_s": 400 * 86400})
        connection = self.connect()
        connection.sendall(b"hello\r\n")
        _, headers, _ = self.hear(connection)
        _, others, _ = self.box.call("GET", "/v1/nowhere")
        year = re.compile(r"\d{4}")
        self.assertEqual(year.search(headers["date"])[0], year.search(others["Date"])[0])

    def test_bytes_that_are_no_text_are_recorded(self):
        connection = self.connect()
        connection.sendall(b"POST /v1/%ff/\xfe HTTP/1.1\r\nHost: 127.0.0.1:" + str(self.port).encode() +
                           b"\r\naccessToken: \xe9\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\xff\0\xfe")
        status, _, body = self.hear(connection)
        self.assertEqual((status, json.loads(body)["errorCode"]), (404, "NotFound"))
        self.assertEqual(self.box.requests()[-1]["status"], 404)  # the reply of that is JSON

    def test_who_half_closes_gets_the_reply(self):
        connection = self.connect()
        connection.sendall(f"GET /_sandbox/state HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        status, headers, body = self.hear(connection)  # until it ends, at once
        self.assertEqual(status, 200)
        self.assertEqual(len(body.encode()), int(headers["content-length"]))


if __name__ == "__main__":
    unittest.main()
