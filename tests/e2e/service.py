"""A small scripted stand-in for the token service and the platform, where the sandbox would behave too well."""

import email.utils
import http.server
import json
import threading
import time


class Service:
    """Answers with what `script(request)` returns: (status, headers, body). Remembers every request."""

    def __init__(self, script=None, host="127.0.0.1"):
        service = self
        self.received = []
        self.script = script

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = {"method": self.command, "path": self.path, "headers": self.headers,
                           "body": self.rfile.read(length)}
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

            do_GET = do_POST = do_PUT = do_DELETE = do_CONNECT = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server((host, 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://{host}:{self.port}"
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
