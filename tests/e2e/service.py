"""A small scripted stand-in for the token service and the platform, where the sandbox would behave too well."""

import contextlib
import email.utils
import http.server
import json
import os
import socket
import threading
import time

from tcp_server import Listener


class Service:
    """Answers with what `script(request)` returns: (status, headers, body). Remembers every request."""

    def __init__(self, script=None, host="127.0.0.1", context=None):
        service = self
        self.received = []
        self.script = script

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or the body waits 40 ms for the head's acknowledgement

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = {"method": self.command, "path": self.path, "headers": self.headers,
                           "body": self.rfile.read(length),
                           "peer": self.connection.getpeercert() if context else None}
                service.received.append(request)
                status, headers, body = service.respond(request)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response_only(status)
                for name, value in {"Date": email.utils.formatdate(usegmt=True),
                                    "Content-Type": "application/json; charset=utf-8",
                                    "Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                connection, address = super().get_request()
                if context:  # the handshake is done by the first read, in the connection's thread
                    connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                return connection, address

            def shutdown_request(self, request):
                if context:  # what is unread would make the kernel reset the connection, and an alert be lost
                    with contextlib.suppress(OSError):
                        request.shutdown(socket.SHUT_WR)
                        while os.read(request.fileno(), 65536):
                            pass
                super().shutdown_request(request)

            def handle_error(self, *_):
                pass  # the client has had enough: many tests are about that

        self.server = Server((host, 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if context else 'http'}://{host}:{self.port}"
        self.base = self.url + "/v1"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def respond(self, request):
        if self.script is not None:
            answer = self.script(request)
            if answer is not None:
                return answer
        if request["path"].lower().endswith("/accesstoken"):
            return 200, {}, self.token()
        return 200, {}, {"id": "1"}

    def token(self, **changes):
        reply = {"accessToken": "access-token-of-the-service", "endpointUrl": self.url + "/",
                 "accessTokenExpiry": int(time.time() * 1000) + 86400000, "refreshToken": "",
                 "scope": "groupinfo.read,profile.read"}
        reply.update(changes)
        return {name: value for name, value in reply.items() if value is not ...}

    def paths(self, ending=""):
        return [r["path"] for r in self.received if r["path"].lower().endswith(ending.lower())]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class RawService(Listener):
    """Reads a request's head and hands the socket to `script(socket, head)`, which may do what no server does."""

    def __init__(self, script, context=None):
        self.script = script
        self.heads = []
        self.context = context
        super().__init__(self.read_head, "https" if context else "http")
        self.base = self.url + "/v1"

    def read_head(self, connection):
        with contextlib.ExitStack() as stack:
            connection.settimeout(20)
            if self.context is not None:
                connection = stack.enter_context(self.context.wrap_socket(connection, server_side=True))
            head = b""
            while b"\r\n\r\n" not in head:
                more = connection.recv(65536)
                if not more:
                    return
                head += more
            self.heads.append(head)
            self.script(connection, head)


def reply(body, length=None, date=True, extra=b""):
    """The bytes of a 200 reply."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    if date:
        head += b"Date: " + email.utils.formatdate(usegmt=True).encode() + b"\r\n"
    return head + extra + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body
