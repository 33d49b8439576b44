"""Token services that others wrote, as processes of a test, and a proxy that loses replies before them."""

import json
import os
import shutil
import socket
import subprocess

from support import SOURCE
from tcp_server import Listener

JUDGES = os.path.join(SOURCE, "tests", "judges")
PACKAGES = os.path.join(SOURCE, "build", "judges")


def node():
    """Debian's own; elsewhere what there is."""
    return "/usr/bin/node" if os.path.exists("/usr/bin/node") else shutil.which("node")


class Judge:
    """A token service. `events` is what it says of grants."""

    def __init__(self, command, settings):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL,
                                        env={"PATH": os.environ["PATH"], "JETON_JUDGES": PACKAGES})
        self.events = []
        self.asked = 0
        self.write(settings)
        started = self.read()
        self.url, self.tls = started["issuer"], started.get("tls")

    def write(self, value):
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the judge has ended: {self.process.wait(10)}")
        return json.loads(line)

    def act(self, act, **values):
        """Also reads all events until now."""
        self.asked += 1
        self.write({"id": self.asked, "act": act, **values})
        while True:
            said = self.read()
            if said.get("id") == self.asked:
                return said["result"]
            self.events.append(said)

    def told(self, event):
        """The events of this name until now."""
        self.act("nothing")
        return [said for said in self.events if said["event"] == event]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def package(name):
    """Its folder."""
    folder = os.path.join(PACKAGES, "node_modules", name)
    if not os.path.exists(folder):
        raise AssertionError("the packages of tests/judges/package.json are missing: ./dev test")
    return folder


def oidc(**settings):
    """oidc-provider, with these clients and resources."""
    package("oidc-provider")
    return Judge([node(), os.path.join(JUDGES, "oidc.mjs")], settings)


def django(**settings):
    """Django's OAuth toolkit with one client."""
    return Judge(["/usr/bin/python3", os.path.join(JUDGES, "django_toolkit.py")], settings)


def whole_message(connection):
    """The bytes of a request or reply with a Content-Length; b"" if the other side went away before its end."""
    data, length = b"", None
    while length is None or len(data) < length:
        try:
            more = connection.recv(65536)
        except OSError:
            return b""
        if not more:
            return b""
        data += more
        head, end, _ = data.partition(b"\r\n\r\n")
        if end and length is None:
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            length = len(head) + 4 + int(fields.get(b"content-length", 0))
    return data


def gone(connection):
    """Whether the other side has closed it."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Pass:
    """A request on its way: what the server said of it, and whether that came to the client."""

    def __init__(self, request):
        self.request = request
        self.status = None  # the server's; None: it has not seen the request
        self.passed = False


class Proxy(Listener):
    """Before a token service, one request a connection. `before(pass)` and `after(pass)` may return "cut": then the
    connection ends there."""

    def __init__(self, url):
        host, _, port = url.rpartition("//")[2].partition(":")
        self.target = (host, int(port))
        self.passes = []
        self.before = self.after = None
        super().__init__(self.pass_on)

    def pass_on(self, connection):
        request = whole_message(connection)
        if not request:
            return
        one = Pass(request)
        self.passes.append(one)
        if self.before is not None and self.before(one) == "cut" or gone(connection):
            return
        with socket.create_connection(self.target) as server:
            server.sendall(request)
            answer = whole_message(server)
        one.status = int(answer.split()[1])
        if self.after is not None and self.after(one) == "cut" or gone(connection):
            return
        connection.sendall(answer)
        one.passed = True
