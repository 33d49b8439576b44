"""What the bench talks to, all on loopback: nginx as the neutral server, the sandbox, a slow line, a trust store."""

import collections
import http.client
import http.server
import json
import os
import random
import re
import shutil
import socket
import string
import subprocess
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM_CERTIFICATES = "/etc/ssl/certs"
GROUPS = 110
GROUP_ID = "7d4c1a52-0b1e-4c7f-9a8d-{:012d}"
SUBSCRIBERS = 100_000
PAGE = 50  # subscribers in a page of the service
LETTERS = random.Random(1)

NGINX = """\
user root; # as which it may run in a name space; for others it means nothing
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  log_format counted '$request_method $request_uri $status';
  access_log {folder}/access.log counted;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  keepalive_requests 10000000;
  default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen 127.0.0.1:{tls_port} ssl http2;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/server.key;
    location = /v1/accessToken {{
      return 200 '{{"accessToken":"{token}","accessTokenExpiry":{expiry},"endpointUrl":"$scheme://$http_host/","scope":"{scope}"}}';
    }}
    location = /token {{ return 200 '{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}'; }}
    location = /v1/groups {{ alias {folder}/groups.json; }}
    location ~ ^/v1/groups/[^/]+/messages$ {{ return 200 '{{"referenceId":"00000000-1111-2222-3333-444444444444"}}'; }}
    location ~ ^/v1/groups/[^/]+/subscribers$ {{ root {folder}/subscribers; try_files /$arg_cursor.json /first.json =404; }}
    location = /v1/users/me {{ return 200 '{me}'; }}
    location ~ ^/item/([0-9]+)$ {{ return 200 '{{"id":$1,"name":"Item $1","tags":["one","two"],"price":12.5,"open":true}}'; }}
  }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit(f"bench: nothing listens on port {port}")


def stop(process):
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_of(pid):
    """Seconds of the processor up to now, of all its threads. By the clock of the process: /proc/PID/stat counts ticks of 10 ms."""
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes it, which Python does not offer


# --- what nginx has to say -------------------------------------------------------------------

def group(number):
    return {"groupId": GROUP_ID.format(number), "groupName": f"Shop {number}, deliveries and returns",
            "groupImageUrl": f"https://pictures.example/{number}.png", "groupType": "Group", "hasSubGroups": number % 3 == 0,
            "hasParentGroups": number % 5 == 0, "isMappedToTenant": True, "isEditable": True, "isDetailsReadable": True,
            "welcomeMessage": "Welcome. Say what arrived, and when.", "callerRole": "Admin"}


def subscriber(number):
    return {"id": f"9b1d3c77-5a0e-4d55-8f10-{number:012d}", "name": f"Subscriber {number}",
            "mobileNumber": f"+9198{number:08d}", "profilePic": "", "isProvisioned": number % 2 == 0}


def write_subscribers(folder):
    """A file a page; each names the next one."""
    os.mkdir(folder)
    pages = SUBSCRIBERS // PAGE
    for page in range(pages):
        body = {"subscribers": [subscriber(page * PAGE + i) for i in range(PAGE)],
                "cursor": f"page-{page + 1}" if page + 1 < pages else ""}
        name = f"page-{page}.json" if page else "first.json"
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(body, file)


def kind(line):
    """A line of the log, with numbers, ids and queries taken out."""
    line = re.sub(r"\?[^ ]*", "", line)
    line = re.sub(r"/item/\d+", "/item/N", line)
    return re.sub(r"/groups/[^/ ]+/", "/groups/ID/", line)


def credential(length):
    """As services make them; the same in each run of the bench."""
    return "".join(LETTERS.choices(string.ascii_letters + string.digits, k=length))


class Nginx:
    """The neutral server: one worker, the same replies by HTTP and HTTPS, and a log of what it was asked."""

    ID, SECRET, REFRESH, TOKEN = "bench-application", credential(40), credential(900), credential(900)
    ME = json.dumps({"id": "4f0e6a1b-1111-4222-8333-000000000001", "name": "Bench", "mobileNumber": "+919800000000",
                     "email": "bench@example.com", "profilePic": "", "tenantId": "a" * 36, "isProvisioned": True,
                     "isTenantAdmin": True})

    def __init__(self, folder, authority):
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.url, self.tls_url = f"http://127.0.0.1:{self.port}", f"https://127.0.0.1:{self.tls_port}"
        authority.server(os.path.join(folder, "server.key"), os.path.join(folder, "chain.pem"))
        with open(os.path.join(folder, "groups.json"), "w", encoding="utf-8") as file:
            json.dump({"groups": [group(i) for i in range(GROUPS)]}, file)
        write_subscribers(os.path.join(folder, "subscribers"))
        scope = "profile.read groupinfo.read groupmember.read textmessage.write"
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=folder, port=self.port, tls_port=self.tls_port, token=self.TOKEN, scope=scope,
                                    expiry=int(time.time() + 86400) * 1000, me=self.ME))
        self.process = subprocess.Popen([program(), "-p", folder, "-c", os.path.join(folder, "nginx.conf")])
        wait_for(self.tls_port)
        self.log = open(os.path.join(folder, "access.log"), encoding="utf-8")

    def forget(self):
        """Begins to count anew."""
        self.log.seek(0, os.SEEK_END)

    def counted(self, expected):
        """What was asked since, by kind. A request is logged after its reply: the last lines may be awaited."""
        seen = collections.Counter()
        for _ in range(100):
            seen.update(kind(line.rstrip("\n")) for line in self.log)
            if sum(seen.values()) >= sum(expected.values()):
                break
            time.sleep(0.01)
        return seen

    def stop(self):
        self.log.close()
        stop(self.process)


def program():
    """Debian has it in a folder that is not in everybody's PATH; ./dev unpacks it where it is not installed."""
    unpacked = os.path.join(os.environ["BUILD"], "nginx/usr/sbin/nginx")
    for path in (shutil.which("nginx"), "/usr/sbin/nginx", unpacked):
        if path and os.path.exists(path):
            return path
    raise SystemExit("bench: there is no nginx")


# --- certificates ----------------------------------------------------------------------------

class Authority:
    """A root, an intermediate that it signed, and a server's certificate signed by that."""

    def __init__(self, folder):
        self.folder = folder
        self.root = self.make("root", "CN=jeton bench root", None, "basicConstraints=critical,CA:TRUE")
        self.middle = self.make("middle", "CN=jeton bench intermediate", self.root, "basicConstraints=critical,CA:TRUE")

    def make(self, name, subject, signer, extension):
        base = os.path.join(self.folder, name)
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/" + subject,
                "-keyout", base + ".key", "-out", base + ".csr")
        with open(base + ".ext", "w", encoding="utf-8") as file:
            file.write(extension + "\n")
        by = ["-CA", signer + ".pem", "-CAkey", signer + ".key", "-CAcreateserial"] if signer else ["-signkey", base + ".key"]
        openssl("x509", "-req", "-in", base + ".csr", "-days", "2", "-extfile", base + ".ext", "-out", base + ".pem", *by)
        return base

    def server(self, key, chain):
        made = self.make("leaf", "CN=jeton bench server", self.middle, "subjectAltName=IP:127.0.0.1,DNS:localhost")
        shutil.copy(made + ".key", key)
        with open(chain, "w", encoding="utf-8") as file:
            for base in (made, self.middle):
                with open(base + ".pem", encoding="utf-8") as part:
                    file.write(part.read())


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def trust(folder, root):
    """Puts the root beside all others of the system, for this process and its children only: its own mount of a copy."""
    copy = os.path.join(folder, "certs")
    shutil.copytree(SYSTEM_CERTIFICATES, copy, symlinks=True)
    with open(root, encoding="utf-8") as file:
        certificate = file.read()
    with open(os.path.join(copy, "ca-certificates.crt"), "a", encoding="utf-8") as file:
        file.write(certificate)
    name = openssl("x509", "-hash", "-noout", "-in", root).strip()
    shutil.copy(root, os.path.join(copy, name + ".0"))
    return subprocess.run(["mount", "--bind", copy, SYSTEM_CERTIFICATES], check=False).returncode == 0


# --- the sandbox -----------------------------------------------------------------------------

SEED_ID = "5f0c6f0e-1d7f-4e6a-b3c4-5f8e9d0a7b16"


def write_seed(folder, groups):
    """A tenant of two people, a connector, and groups to which both belong. JSON is YAML, too."""
    alice, bruno = "+33100000001", "+33100000002"
    seed = {"tenant": {"name": "Bench"},
            "users": [{"phone": alice, "name": "Alice", "tenant_admin": True}, {"phone": bruno, "name": "Bruno"}],
            "groups": [{"id": GROUP_ID.format(i), "name": f"Shop {i}", "admins": [alice], "members": [bruno]}
                       for i in range(groups)],
            "connectors": [{"id": SEED_ID, "secret": Nginx.SECRET, "name": "bench", "owner": alice, "permissions": "all",
                            "tokens": [{"user": alice, "refresh_token": Nginx.REFRESH}]}]}
    path = os.path.join(folder, f"seed-{groups}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(seed, file)
    return path


class Sandbox:
    """`jeton sandbox` on a free port, with the demo tenant, or so many groups. `prefix`: a program that watches it."""

    def __init__(self, *options, groups=None, folder=None, prefix=()):
        if groups:
            options = (*options, "--seed", write_seed(folder, groups))
        self.process = subprocess.Popen([*prefix, os.environ["JETON"], "sandbox", "--listen", "127.0.0.1:0", *options],
                                        stdout=subprocess.PIPE, text=True)
        said = {"application ID": SEED_ID, "secret": Nginx.SECRET, "refresh token": Nginx.REFRESH} if groups else {}
        for line in self.process.stdout:
            found = re.match(r"(listening on|application ID|secret|refresh token)\s+(\S+)$", line)
            if found:
                said[found.group(1)] = found.group(2)
            if len(said) == 4:
                break
        if len(said) < 4:
            raise SystemExit("bench: the sandbox did not start")
        self.url = said["listening on"]
        self.ID, self.SECRET, self.REFRESH = (said[key] for key in ("application ID", "secret", "refresh token"))

    def exchange(self):
        """An access token."""
        request = urllib.request.Request(self.url + "/v1/accessToken", headers={
            "applicationId": self.ID, "applicationSecret": self.SECRET, "refreshToken": self.REFRESH})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)["accessToken"]

    def count(self, switch):
        """Where callgrind watches it: instructions are counted from now on, or no more."""
        subprocess.run(["callgrind_control", "-i", switch, str(self.process.pid)], check=True, capture_output=True)

    def ask_many(self, path, token, number, differing=False, first=0, body=None):
        """So many on one connection, POSTs where there is a body; the sandbox keeps replies, but not for those that differ."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"))
        headers = {"accessToken": token, **({"Content-Type": "application/json"} if body else {})}
        for i in range(first, first + number):
            connection.request("POST" if body else "GET", path + (f"?n={i}" if differing else ""), body, headers)
            reply = connection.getresponse()
            if reply.read() == b"" or reply.status >= 300:
                raise SystemExit(f"bench: the sandbox answers {reply.status} to {path}")
        connection.close()

    def state(self):
        with urllib.request.urlopen(self.url + "/_sandbox/state") as reply:
            return json.load(reply)

    def cpu(self):
        """Seconds of the processor up to now."""
        return cpu_of(self.process.pid)

    def memory(self):
        """MiB that it has now."""
        with open(f"/proc/{self.process.pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self):
        stop(self.process)


# --- a slow line, and a token service for many connectors ------------------------------------

class Relay:
    """A port in front of another one, from which each round trip takes so many milliseconds; `file` counts them."""

    def __init__(self, port, round_trip_ms, file=None):
        self.port = free_port()
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "relay.py"), str(self.port), str(port),
                                         str(round_trip_ms), *([file] if file else [])])
        wait_for(self.port)

    def stop(self):
        stop(self.process)


class TokenService(http.server.BaseHTTPRequestHandler):
    """Gives each connector a token and rotates its refresh token."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        reply = json.dumps({"access_token": "a" * 900 + self.path, "token_type": "Bearer", "expires_in": 3600,
                            "refresh_token": "r" * 900 + self.path, "scope": "read write"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def token_service(at_once):
    http.server.ThreadingHTTPServer.request_queue_size = 2 * at_once  # they all come at once
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenService)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
