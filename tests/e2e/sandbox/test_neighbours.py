"""Who else is on this machine: web pages in the user's browser reach the sandbox, and may neither use it nor read by it."""

import contextlib
import http.server
import json
import os
import re
import sqlite3
import subprocess
import threading
import unittest

import support
from service import Service
from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, TENANT_TOKEN

APP, OTHER = "http://localhost:3000", "https://other.example"
BOB = "+33100000002"
CREDENTIALS = {"applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET, "refreshToken": TENANT_TOKEN}
# What browsers say of a page that is not the sandbox's.
FOREIGN = ({"Origin": OTHER}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
           {"Origin": OTHER, "Sec-Fetch-Site": "cross-site"})


class Files(http.server.BaseHTTPRequestHandler):
    """A server of somebody else on this machine."""

    def do_GET(self):
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/pdf")
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"payroll")

    def log_message(self, *_):
        pass


class Pages(support.Case):
    def token(self, sandbox):
        return json.loads(sandbox.call("GET", "/v1/accessToken", headers=CREDENTIALS)[2])["accessToken"]

    def preflight(self, sandbox, path, **headers):
        return sandbox.call("OPTIONS", path, headers={
            "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "accesstoken,x-other",
            **{name.replace("_", "-"): value for name, value in headers.items()}})

    def test_no_page_may_read_by_default(self):
        sandbox = self.sandbox()
        token = self.token(sandbox)
        for path in ("/v1/groups", "/v1/accessToken", "/v1/nothing"):
            for origin in (APP, OTHER, "null"):
                for status, headers, _ in (
                        sandbox.call("GET", path, headers={"Origin": origin, "accessToken": token, **CREDENTIALS}),
                        self.preflight(sandbox, path, Origin=origin)):
                    self.assertIsNone(headers["Access-Control-Allow-Origin"], (path, origin, status))
                    self.assertIsNone(headers["Access-Control-Allow-Headers"])

    def test_pages_of_an_origin_that_is_named(self):
        sandbox = self.sandbox("--cors", "http://127.0.0.1:5173", "--cors", APP)
        token = self.token(sandbox)
        for origin in (APP, "http://127.0.0.1:5173"):
            status, headers, _ = self.preflight(sandbox, "/v1/groups", Origin=origin,
                                                Access_Control_Request_Private_Network="true")
            self.assertEqual((status, headers["Access-Control-Allow-Origin"], headers["Vary"]), (200, origin, "Origin"))
            self.assertEqual(headers["Access-Control-Allow-Private-Network"], "true")
            self.assertIn("DELETE", headers["Access-Control-Allow-Methods"])
            allowed = headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
            self.assertLessEqual({"accesstoken", "applicationid", "applicationsecret", "refreshtoken", "authorization",
                                  "content-type", "x-other"}, set(allowed))
            for path, expected in (("/v1/groups", 200), ("/v1/nothing", 404)):
                status, headers, _ = sandbox.call("GET", path, headers={
                    "accessToken": token, "Origin": origin, "Sec-Fetch-Site": "cross-site"})
                self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (expected, origin))
                self.assertIn("Retry-After", headers["Access-Control-Expose-Headers"])
            status, _, _ = sandbox.call("POST", "/v1/generatePin", {"mobileNumber": BOB, "applicationId": APPLICATION_ID},
                                        {"Origin": origin, "Content-Type": "text/plain"})
            self.assertEqual(status, 200)
        for origin in (OTHER, "null", APP + "0", APP.upper(), "http://localhost"):
            for _, headers, _ in (self.preflight(sandbox, "/v1/groups", Origin=origin),
                                  sandbox.call("GET", "/v1/groups", headers={"accessToken": token, "Origin": origin})):
                self.assertIsNone(headers["Access-Control-Allow-Origin"], origin)
                self.assertEqual(headers["Vary"], "Origin")
        # Nowhere else: the portal and the control routes are for their own pages.
        for path in ("/", "/_sandbox/state", f"/groups/{GROUP}"):
            self.assertIsNone(sandbox.call("GET", path, headers={"Origin": APP})[1]["Access-Control-Allow-Origin"], path)
        self.assertEqual(sandbox.call("GET", "/_sandbox/state", headers={"Origin": APP})[0], 403)

    def test_what_a_page_may_send_without_asking_changes_nothing(self):
        sandbox = self.sandbox()
        fault = {"match": {"path": "*"}, "times": 1, "status": 503}
        pin = {"mobileNumber": BOB, "applicationId": APPLICATION_ID}
        calls = [("GET", "/v1/groups", None), ("GET", "/v1/accessToken", None), ("GET", "/groups", None),
                 ("GET", "/moved/v1/groups", None), ("POST", "/v1/generatePin", pin), ("POST", "/generatePin", pin),
                 ("POST", "/v1/loginWithPinAndApplicationId", {**pin, "pin": "000000"}),
                 ("POST", "/api/oauth/token", {"client_id": APPLICATION_ID, "client_secret": "x", "code": "x"}),
                 ("POST", "/v1/media/url", {"mediaUrl": "http://127.0.0.1:1/x.pdf"})]
        for browser in FOREIGN:
            for kind in ("text/plain", "application/x-www-form-urlencoded;charset=UTF-8", "multipart/form-data; boundary=b"):
                sandbox.steer("faults", [fault])
                sandbox.call("DELETE", "/_sandbox/requests")
                for method, path, body in calls:
                    status, _, _ = sandbox.call(method, path, body, {**browser, "Content-Type": kind})
                    self.assertEqual(status, 403, (browser, kind, method, path))
                self.assertEqual(sandbox.requests(), [])
                self.assertEqual(len(json.loads(sandbox.call("GET", "/_sandbox/faults")[2])["faults"]), 1)
        sandbox.steer("faults", [])
        self.assertEqual(json.loads(sandbox.call("GET", "/_sandbox/sms")[2])["sms"], [])
        # Programs say none of this.
        self.assertEqual(sandbox.call("POST", "/v1/generatePin", pin, {"Content-Type": "text/plain"})[0], 200)

    def test_no_page_reads_other_servers_by_it(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        server.asked = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        sandbox = self.sandbox("--cors", APP)
        body = {"mediaUrl": f"http://127.0.0.1:{server.server_address[1]}/payroll.pdf"}
        token = {"accessToken": self.token(sandbox)}
        for browser in FOREIGN:
            self.assertEqual(sandbox.call("POST", "/v1/media/url", body, {**token, **browser})[0], 403, browser)
        self.assertEqual(server.asked, 0)
        for browser in ({}, {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"},
                        {"Origin": APP, "Sec-Fetch-Site": "cross-site"}):
            self.assertEqual(sandbox.call("POST", "/v1/media/url", body, {**token, **browser})[0], 200, browser)

    def test_origins_that_no_browser_sends(self):
        for text in ("*", "null", "localhost:3000", "http://", "http://LOCALHOST:3000", "http://localhost:3000/",
                     "http://localhost:80", "https://x.example:443", "http://a b", "http://u@x.example", ""):
            self.fails(2, "sandbox", "--cors", APP, "--cors", text, "--exec", "true", says="--cors")


class Secrets(support.Case):
    SHOW = ["--exec", "sh", "-c", "env | sort | grep ^JETON_SANDBOX_ | grep -v _URL="]

    def of(self, *options):
        """The variables of --exec."""
        text = self.ok("sandbox", *options, *self.SHOW).stdout
        return dict(line.removeprefix("JETON_SANDBOX_").split("=", 1) for line in text.splitlines())

    def printed(self, *options):
        """What a start without --exec says."""
        process = self.start("sandbox", "--listen", "127.0.0.1:0", *options)
        text = b""
        while b"/_sandbox/state" not in text:
            text += process.stdout.readline()
        support.end_process(process)
        return text.decode()

    def test_those_of_the_demo_are_new_at_each_start(self):
        starts = [self.of(), self.of()]
        for name in ("APPLICATION_SECRET", "REFRESH_TOKEN", "USER_REFRESH_TOKEN", "GROUP_REFRESH_TOKEN"):
            values = {start[name] for start in starts}
            self.assertEqual(len(values), 2, name)
            for value in values:
                self.assertRegex(value, "^[A-Z0-9]{10}$" if name == "APPLICATION_SECRET" else "^[A-Za-z0-9_-]{60,}$")
        self.assertEqual(starts[0]["APPLICATION_ID"], starts[1]["APPLICATION_ID"])

    def test_a_database_keeps_them(self):
        db = os.path.join(self.folder, "db")
        first = self.of("--db", db)
        self.assertEqual(self.of("--db", db), first)
        text = self.printed("--db", db)
        for name in ("APPLICATION_ID", "APPLICATION_SECRET", "REFRESH_TOKEN", "GROUP_ID"):
            self.assertIn(first[name] + "\n", text)
        self.assertIn("keeps everything", text)
        reset = ('curl -sS -o /dev/null -X POST -H "Content-Type: application/json" -d "{}" '
                 '"$JETON_SANDBOX_URL/_sandbox/reset"')
        self.ok("sandbox", "--db", db, "--exec", "sh", "-c", reset)
        self.assertEqual(self.of("--db", db), first)

    def test_those_of_a_seed_are_as_written(self):
        seed = self.write("seed.yaml", support.SEED)
        self.assertEqual(self.of("--seed", seed), {
            "APPLICATION_ID": APPLICATION_ID, "APPLICATION_SECRET": APPLICATION_SECRET, "REFRESH_TOKEN": TENANT_TOKEN,
            "USER_REFRESH_TOKEN": support.MEMBER_TOKEN, "GROUP_REFRESH_TOKEN": support.GROUP_TOKEN, "GROUP_ID": GROUP})

    def test_what_is_printed_works(self):
        text = self.printed()
        self.assertEqual(text.splitlines()[1], "It forgets everything when it stops; --db FILE keeps it.")
        yaml = re.search(r"As a jeton.yaml:\n((?:  .*\n)+)", text).group(1)
        self.write("jeton.yaml", "\n".join(line[2:] for line in yaml.splitlines()) + "\n")
        self.assertIn("good (1 connector", self.ok("check").stdout)


LOOK = """
import json, os, time, urllib.error, urllib.request
def call(path, data=None, headers={}):
    body = data and json.dumps(data).encode()
    request = urllib.request.Request(os.environ["JETON_SANDBOX_URL"] + path, body, {"Content-Type": "application/json", **headers})
    try:
        return json.loads(urllib.request.urlopen(request, timeout=20).read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())
given = json.loads(os.environ["CREDENTIALS"])
token = call("/v1/accessToken", None, given)["accessToken"]
hook = {"objectId": os.environ["GROUP"], "objectType": "Group", "eventTypes": ["MemberAdded"],
        "callBackUrl": "https://metadata.example/"}
print(call("/v1/webhook", hook, {"accessToken": token})["message"])
call("/_sandbox/trigger", {"event": "JobCreated", "group": os.environ["GROUP"]})
while not (tries := call("/_sandbox/deliveries")["deliveries"][0]["attempts"]):
    time.sleep(0.02)
print(tries[0]["error"])
"""


class Receivers(support.Case):
    def test_a_name_that_resolves_to_a_link_local_address(self):
        """Neither at the subscription nor at a delivery: the name may resolve to something else by then."""
        command = support.mount_namespace()
        if command is None:
            self.skipTest("no mount namespaces here")
        receiver = Service(lambda request: (200, {}, request["path"].rpartition("validationToken=")[2].encode()))
        self.addCleanup(receiver.stop)
        db = os.path.join(self.folder, "box.db")
        box = self.sandbox("--db", db)
        token = json.loads(box.call("GET", "/v1/accessToken", headers=CREDENTIALS)[2])["accessToken"]
        status, _, text = box.call("POST", "/v1/webhook", {
            "objectId": GROUP, "objectType": "Group", "eventTypes": ["JobCreated"], "callBackUrl": receiver.url},
            {"accessToken": token})
        self.assertEqual(status, 200, text)
        box.stop()
        with contextlib.closing(sqlite3.connect(db)) as file, file:
            file.execute("UPDATE webhooks SET url = 'https://metadata.example/'")
        hosts = self.write("hosts", "127.0.0.1 localhost\n169.254.169.254 metadata.example\n")
        look = self.write("look.py", LOOK)
        run = f"mount --bind {hosts} /etc/hosts && exec {support.JETON} sandbox --db {db} --exec python3 {look}"
        env = {**self.env, "GROUP": GROUP, "CREDENTIALS": json.dumps(CREDENTIALS)}
        done = subprocess.run([*command, "sh", "-c", run], capture_output=True, text=True, timeout=60, env=env,
                              cwd=self.folder, check=False)
        self.assertEqual(done.stdout.count("metadata.example:443: its address is link-local"), 2, done)


if __name__ == "__main__":
    unittest.main()
