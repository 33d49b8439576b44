"""The sandbox as a process: --exec, --db, --seed, who may talk to it, and how it ends."""

import base64
import contextlib
import http.client
import http.server
import json
import os
import queue
import signal
import sqlite3
import stat
import threading
import unittest
import urllib.parse

import support
from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, JETON, TENANT_TOKEN

SHOW = """
import json, os, stat, sys
config = os.environ["JETON_CONFIG"]
folder = os.path.dirname(config)
def mode(path):
    return oct(stat.S_IMODE(os.stat(path).st_mode))
print(json.dumps({
    "env": {k: v for k, v in os.environ.items() if k.startswith("JETON_")},
    "argv": sys.argv[1:],
    "config": open(config, encoding="utf-8").read(),
    "modes": {"config": mode(config), "folder": mode(folder), "state": mode(os.path.join(folder, "state"))},
}))
"""


class Exec(support.Case):
    def show(self, *options, args=()):
        script = self.write("show.py", SHOW)
        done = self.ok("sandbox", *options, "--exec", "python3", script, *args)
        return json.loads(done.stdout)

    def test_environment_configuration_and_modes(self):
        shown = self.show(args=("--db", "x", "--exec"))
        env = shown["env"]
        self.assertRegex(env["JETON_SANDBOX_URL"], r"^http://127\.0\.0\.1:\d+$")
        for name in ("APPLICATION_ID", "APPLICATION_SECRET", "REFRESH_TOKEN", "GROUP_ID"):
            self.assertTrue(env["JETON_SANDBOX_" + name])
        self.assertEqual(shown["argv"], ["--db", "x", "--exec"])
        self.assertIn(env["JETON_SANDBOX_URL"] + "/v1", shown["config"])
        self.assertEqual(shown["modes"], {"config": "0o600", "folder": "0o700", "state": "0o700"})
        self.assertFalse(os.path.exists(os.path.dirname(env["JETON_CONFIG"])))

    def test_the_configuration_works(self):
        done = self.ok("sandbox", "--exec", JETON, "token", "sandbox", "--json")
        self.assertEqual(json.loads(done.stdout)["connector"], "sandbox")

    def test_the_limits_are_those_of_the_sandbox(self):
        config = self.show("--rate-limit", "7,9")["config"]
        self.assertIn("per_minute: 7,", config)
        self.assertIn("tenant_per_minute: 9 ", config)

    def test_exit_status(self):
        for status in (0, 1, 7, 255):
            done = self.jeton("sandbox", "--exec", "sh", "-c", f"exit {status}")
            self.assertEqual(done.returncode, status, done.stderr)
        done = self.jeton("sandbox", "--exec", "sh", "-c", "kill -9 $$")
        self.assertEqual(done.returncode, 128 + 9)

    def test_standard_streams(self):
        done = self.ok("sandbox", "--exec", "sh", "-c", "cat; echo to-err >&2", input="to-out\n")
        self.assertEqual(done.stdout, "to-out\n")
        self.assertEqual(done.stderr, "to-err\n")

    def test_calls_are_lines_of_the_log(self):
        call = 'curl -s -o /dev/null -H "accessToken: hush-hush" "$JETON_SANDBOX_URL/v1/groups?token=hush-hush"'
        done = self.jeton("-v", "sandbox", "--exec", "sh", "-c", call)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"GET /v1/groups 401 .*operation=groups\.list .*refused=\S.*took_ms=\d+")
        self.assertNotIn("hush-hush", done.stderr)
        self.assertEqual(self.jeton("sandbox", "--exec", "sh", "-c", call).stderr, "")

    def test_a_command_that_is_not_there(self):
        self.fails(3, "sandbox", "--exec", "no-such-command", says="no-such-command")
        self.fails(2, "sandbox", "--exec", says="--exec")
        self.fails(2, "sandbox", "--db", "--exec", "true", says="--db")

    def test_signals_end_the_command_and_leave_nothing(self):
        for signo in (signal.SIGTERM, signal.SIGINT):
            script = self.write("wait.sh", 'echo "$JETON_CONFIG"\nexec sleep 60\n')
            process = self.start("sandbox", "--exec", "sh", script)
            config = process.stdout.readline().decode().strip()
            self.assertTrue(os.path.exists(config))
            process.send_signal(signo)
            self.assertEqual(process.wait(10), 128 + signo)
            self.assertFalse(os.path.exists(os.path.dirname(config)))

    def test_trigger(self):
        sandbox = self.sandbox()
        got = queue.Queue()

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["validationToken"][0])

            def do_POST(self):
                got.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer("")

            def answer(self, text):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        token = json.loads(sandbox.call("GET", "/v1/accessToken", headers={
            "applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET,
            "refreshToken": TENANT_TOKEN})[2])["accessToken"]
        status, _, body = sandbox.call("POST", "/v1/webhook", headers={"accessToken": token}, data={
            "objectId": GROUP, "objectType": "Group", "eventTypes": ["TextMessageCreated"],
            "callBackUrl": f"http://127.0.0.1:{receiver.server_address[1]}/"})
        self.assertEqual(status, 200, body)
        url = ("--url", sandbox.url + "/")
        done = self.ok("sandbox", "trigger", *url, "--group", GROUP, "-f", "text=a=b", "-F", "n=[1]",
                       "TextMessageCreated")
        self.assertRegex(done.stdout, r"^TextMessageCreated: 1 delivery \(\d+\)\n$")
        event = got.get(timeout=30)
        self.assertEqual((event["eventType"], event["data"]), ("TextMessageCreated", {"text": "a=b", "n": [1]}))
        self.env["JETON_SANDBOX_URL"] = sandbox.url
        self.assertIn("no webhook", self.ok("sandbox", "trigger", "JobCreated").stdout)
        self.fails(2, "sandbox", "trigger", "NoSuchThing", says="event")
        self.fails(2, "sandbox", "trigger", "-f", "text", "JobCreated", says="key=value")
        self.fails(2, "sandbox", "trigger", "-F", "text=x", "JobCreated", says="-F text")
        self.fails(2, "sandbox", "trigger", says="EVENT")
        self.fails(6, "sandbox", "trigger", "--group", "12345678-1234-1234-1234-123456789012", "JobCreated",
                   says="no group")
        self.fails(5, "sandbox", "trigger", "--url", "http://127.0.0.1:9", "JobCreated", says="is a sandbox running")

    def test_seed(self):
        seed = self.write("seed.yaml", support.SEED)
        env = self.show("--seed", seed)["env"]
        self.assertEqual(env["JETON_SANDBOX_APPLICATION_ID"], APPLICATION_ID)
        self.assertEqual(env["JETON_SANDBOX_APPLICATION_SECRET"], APPLICATION_SECRET)
        self.assertEqual(env["JETON_SANDBOX_REFRESH_TOKEN"], TENANT_TOKEN)
        self.assertEqual(env["JETON_SANDBOX_GROUP_ID"], GROUP)

    def test_a_used_database_gives_credentials_that_work(self):
        seed = self.write("seed.yaml", support.SEED)
        db = os.path.join(self.folder, "sandbox.db")
        first = self.show("--db", db, "--seed", seed)["env"]
        again = self.show("--db", db, "--seed", seed)["env"]
        self.assertEqual(again["JETON_SANDBOX_REFRESH_TOKEN"], first["JETON_SANDBOX_REFRESH_TOKEN"])
        other = self.show("--db", db)["env"]  # the demo's secrets are none of this database
        self.assertNotEqual(other["JETON_SANDBOX_APPLICATION_ID"], APPLICATION_ID)
        self.assertEqual(other["JETON_SANDBOX_GROUP_ID"], GROUP)
        self.ok("sandbox", "--db", db, "--exec", JETON, "token", "sandbox")
        self.ok("sandbox", "--db", db, "--seed", seed, "--exec", JETON, "token", "sandbox")

    def test_run_sandbox(self):
        script = self.write("status.lua", "print(...) os.exit(9)\n")
        done = self.fails(9, "run", "--sandbox", script, "a", "b")
        self.assertEqual(done.stdout, "a\tb\n")


class Database(support.Case):
    def setUp(self):
        super().setUp()
        self.db = os.path.join(self.folder, "sandbox.db")

    def access_token(self, sandbox):
        status, _, body = sandbox.call("GET", "/v1/accessToken", headers={
            "applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET, "refreshToken": TENANT_TOKEN})
        self.assertEqual(status, 200, body)
        return json.loads(body)["accessToken"]

    def test_everything_is_kept(self):
        sandbox = self.sandbox("--db", self.db)
        token = self.access_token(sandbox)
        sandbox.steer("clock", {"advance_s": 3600})
        status, _, body = sandbox.call("POST", f"/v1/groups/{GROUP}/messages", {"message": "kept"},
                                       {"accessToken": token})
        self.assertEqual(status, 200, body)
        sandbox.stop()
        self.assertEqual(sandbox.process.returncode, 128 + signal.SIGTERM)
        self.assertEqual(stat.S_IMODE(os.stat(self.db).st_mode), 0o600)

        sandbox = self.sandbox("--db", self.db)
        self.assertEqual(sandbox.call("GET", "/v1/users/me", headers={"accessToken": token})[0], 200)
        state = json.loads(sandbox.call("GET", "/_sandbox/state")[2])
        self.assertEqual(state["messages"][-1]["text"], "kept")
        self.assertEqual(state["clock"]["advance_s"], 3600)
        self.assertEqual(state["counts"]["groups"], 1)

    def test_what_another_process_writes_is_seen(self):
        sandbox = self.sandbox("--db", self.db)
        sandbox.steer("clock", {"stands_at": 1767603600})
        headers = {"accessToken": self.access_token(sandbox)}
        before = [json.loads(sandbox.call("GET", "/v1/users/me", headers=headers)[2])["name"] for _ in range(2)]
        with contextlib.closing(sqlite3.connect(self.db)) as other, other:
            other.execute("UPDATE users SET name = name || ' II'")
        after = json.loads(sandbox.call("GET", "/v1/users/me", headers=headers)[2])["name"]
        self.assertEqual([*before, after], [before[0], before[0], before[0] + " II"])

    def test_one_sandbox_a_database(self):
        first = self.sandbox("--db", self.db)
        options = ("sandbox", "--listen", "127.0.0.1:0", "--db", self.db, "--exec", "true")
        for _ in range(2):  # one that is refused leaves the folder by which the first is known
            done = self.fails(7, *options, says=f"another sandbox uses {self.db}")
            self.assertEqual(done.stdout, "")
        link = os.path.join(self.folder, "link.db")
        os.symlink(self.db, link)
        self.fails(7, "sandbox", "--listen", "127.0.0.1:0", "--db", link, "--exec", "true", says=f"another sandbox uses {self.db}")
        self.assertFalse(os.path.exists(link + ".media"))
        self.access_token(first)  # it goes on
        first.process.kill()
        first.process.wait()
        self.ok(*options)
        self.ok(*options)
        os.unlink(self.db)
        os.rmdir(self.db + ".media")
        self.write("sandbox.db", "no database" * 100)
        self.fails(3, *options, says="sandbox.db")
        self.assertFalse(os.path.exists(self.db + ".media"))  # which would have been made for nothing

    def test_no_secret_in_the_file(self):
        sandbox = self.sandbox("--db", self.db)
        token = self.access_token(sandbox)
        sandbox.stop()
        with open(self.db, "rb") as file:
            content = file.read()
        for secret in (APPLICATION_SECRET, TENANT_TOKEN, support.GROUP_TOKEN, token):
            self.assertNotIn(secret.encode(), content)

    def test_files_that_are_not_its_own(self):
        with open(self.db, "wb") as file:
            file.write(b"this is no database, but long enough to have a header of one" * 20)
        self.fails(3, "sandbox", "--db", self.db, "--exec", "true", says="sandbox.db")
        os.unlink(self.db)
        db = sqlite3.connect(self.db)
        db.execute("CREATE TABLE other (x)")
        db.commit()
        self.fails(3, "sandbox", "--db", self.db, "--exec", "true", says="not of the sandbox")
        for version in (1, 4, 999):  # which other programs count, too
            db.execute(f"PRAGMA user_version = {version}")
            self.fails(3, "sandbox", "--db", self.db, "--exec", "true", says="not of the sandbox")
            self.assertEqual(db.execute("SELECT name FROM sqlite_master").fetchall(), [("other",)])
            self.assertEqual(db.execute("PRAGMA user_version").fetchone(), (version,))
        db.execute("CREATE TABLE tenants (x)")
        db.commit()
        db.close()
        self.fails(3, "sandbox", "--db", self.db, "--exec", "true", says="newer")
        self.fails(3, "sandbox", "--db", os.path.join(self.folder, "none", "x.db"), "--exec", "true", says="--db")
        self.fails(2, "sandbox", "--db", "", "--exec", "true", says="--db: expected a file")
        for path in ("/dev/stdout", "/dev/null", self.folder):  # a pipe, a device, a folder
            self.fails(3, "sandbox", "--db", path, "--exec", "true", says=f"--db: {path} is no regular file")


class Seeds(support.Case):
    def refused(self, text, *says):
        seed = self.write("seed.yaml", text)
        return self.fails(3, "sandbox", "--seed", seed, "--exec", "true", says=("seed.yaml", *says))

    def test_all_mistakes_at_once(self):
        self.refused("""\
tenant: { name: Contoso, colour: blue }
users:
  - { phone: 33100000001, name: Alice }
  - { phone: "+33100000002", name: 5 }
  - { phone: "+33100000003" }
  - { phone: "+33100000003" }
groups:
  - { id: not-a-guid, name: Sales }
  - { name: "" }
  - { name: News, type: Chat }
connectors:
  - { name: A, owner: "+33100000009" }
  - { name: B, owner: "+33100000003", permissions: [cooking] }
  - { name: C, owner: "+33100000003", tokens: [{ refresh_token: short, user: "+33100000003" }] }
""", "tenant: unknown key 'colour'", "users[0].phone", "put it in quotes", "users[1].name", "users[3].phone: given twice",
                     "groups[0].id", "groups[1].name", "groups[2].type", "connectors[0].owner", "'cooking'",
                     "connectors[2].tokens[0].refresh_token")

    def test_what_would_never_work(self):
        group = "853654b2-9d4e-4a53-8c11-1f7f7d1c0a01"
        start = f"""\
tenant: {{ name: C }}
users: [{{ phone: "+33100000001", tenant_admin: true }}, {{ phone: "+33100000002" }}]
groups: [{{ id: {group}, name: Sales }}]
connectors:
  - id: A1
    owner: "+33100000001"
"""
        user, other = '{ user: "+33100000001" }', '{ user: "+33100000002" }'
        in_group = f'{{ user: "+33100000001", group: {group} }}'
        self.refused(f"{start}    tokens: [{user}, {other}, {user}]\n", "connectors[0].tokens[2]", "tokens[0]", "same user")
        self.refused(f"{start}    tokens: [{in_group}, {in_group.replace(group, group.upper())}]\n", "tokens[1]", "same group")
        self.refused(f'{start}    secret: " SLS3T38IL0"\n', "connectors[0].secret", "header")
        self.refused(f"{start}    secret: |\n      SLS3T38IL0\n", "connectors[0].secret", "header")
        same = start.replace('true }', 'true, email: a@c.example }').replace('02" }', '02", email: A@c.example }')
        self.refused(same, "users[1].email: given twice")  # only the first could sign in to the portal
        self.ok("sandbox", "--seed", self.write("seed.yaml", same.replace("a@", "").replace("A@", "").replace("c.example", '""')),
                "--exec", "true")
        seed = self.write("seed.yaml", f"{start}    tokens: [{user}, {other}, {in_group}]\n")
        self.ok("sandbox", "--seed", seed, "--exec", "true")

    def test_a_mistake_in_a_user_is_no_mistake_of_who_names_them(self):
        done = self.refused("""\
tenant: { name: C }
users: [{ phone: "+33100000001", admin: true }]
connectors: [{ name: A, owner: "+33100000001" }]
""", "users[0]: unknown key 'admin'", "1 error")
        self.assertNotIn("owner", done.stderr)

    def test_phone_numbers_without_quotes_and_a_connector_of_another_form(self):
        seed = self.write("seed.yaml", """\
tenant: { name: Contoso }
users:
  - { phone: +33100000001, name: Alice, email: alice@contoso.example, tenant_admin: true }
groups:
  - name: Sales
    admins: [+33100000001]
    members:
      - +33100000002
connectors:
  - id: 2AB9B82044683484EE9D958E7
    secret: ABCDEFGHI1
    owner: +33100000001
    permissions: all
    tokens: [{ user: +33100000001, refresh_token: demo-tenant-token }]
""")
        script = self.write("who.lua", """
local group = require("kaizala").connect():groups():next()
for member in group:members() do print(member.mobile_number, member.role) end
print(os.getenv "JETON_SANDBOX_APPLICATION_ID")
""")
        done = self.ok("sandbox", "--seed", seed, "--exec", JETON, "run", "-C", "sandbox", script)
        self.assertEqual(done.stdout.split(), ["+33100000001", "Admin", "+33100000002", "Member",
                                               "2AB9B82044683484EE9D958E7"])

    def test_parts_that_do_not_fit_together(self):
        start = 'tenant: { name: C }\nusers: [{ phone: "+33100000001", tenant_admin: true }]\n'
        group = "853654b2-9d4e-4a53-8c11-1f7f7d1c0a01"
        self.refused(f"{start}groups: [{{ id: {group}, name: A, subgroups: [{group}] }}]\n", "groups[0]", "ancestor")
        self.refused(f"{start}groups: [{{ name: A, subgroups: [{group}] }}]\n", "groups[0].subgroups[0]")
        self.refused(f'{start}groups: [{{ name: A, subscribers: ["+33100000001"] }}]\n', "ConnectGroup")
        self.refused(f"""{start}connectors: [{{ name: A, owner: "+33100000001",
  tokens: [{{ user: "+33100000001", group: {group} }}] }}]\n""", "connectors[0].tokens[0].group")

    def test_no_seed_at_all(self):
        self.refused("")
        self.refused("[]")
        self.refused("tenant: { name: C }\nusers: []\n", "users")
        self.refused("tenant: {\n", "seed.yaml")
        self.fails(3, "sandbox", "--seed", os.path.join(self.folder, "none.yaml"), "--exec", "true", says="none.yaml")

    def test_a_refused_seed_leaves_the_database_empty(self):
        db = os.path.join(self.folder, "sandbox.db")
        seed = self.write("bad.yaml", """\
tenant: { name: C }
users: [{ phone: "+33100000001" }]
groups: [{ name: A, subgroups: [853654b2-9d4e-4a53-8c11-1f7f7d1c0a01] }]
""")
        self.fails(3, "sandbox", "--db", db, "--seed", seed, "--exec", "true", says="bad.yaml")
        good = self.write("good.yaml", support.SEED)
        self.ok("sandbox", "--db", db, "--seed", good, "--exec", "true")


class WhoMay(support.Case):
    def ask(self, sandbox, method, path, headers, body=None):
        """A request with exactly these headers, Host too; (status, body)."""
        connection = http.client.HTTPConnection(sandbox.url.split("//")[1], timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, content

    def test_host(self):
        sandbox = self.sandbox()
        port = sandbox.url.rsplit(":", 1)[1]
        for path in ("/", "/_sandbox/state"):
            for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
                self.assertEqual(self.ask(sandbox, "GET", path, {"Host": host})[0], 200, host)
            for host in ("127.0.0.1", "localhost", "127.0.0.1:1", f"evil.example:{port}", "evil.example",
                         f"127.0.0.1.evil.example:{port}", f"x@127.0.0.1:{port}", f"192.168.0.1:{port}", ""):
                self.assertEqual(self.ask(sandbox, "GET", path, {"Host": host})[0], 403, host)
        status, body = self.ask(sandbox, "GET", "/v1/groups", {"Host": f"evil.example:{port}"})
        self.assertEqual(status, 403)
        self.assertTrue(json.loads(body)["errorCode"])

    def test_origin(self):
        sandbox = self.sandbox()
        host = sandbox.url.split("//")[1]
        for origin, status in ((f"http://{host}", 200), ("https://evil.example", 403), ("null", 403),
                               (f"https://{host}", 403), ("http://127.0.0.1", 403)):
            headers = {"Host": host, "Origin": origin, "Content-Type": "application/json"}
            self.assertEqual(self.ask(sandbox, "GET", "/_sandbox/state", headers)[0], status, origin)
            self.assertEqual(self.ask(sandbox, "POST", "/_sandbox/reset", headers, b"{}")[0], status, origin)

    def test_a_page_that_sends_no_origin(self):
        sandbox = self.sandbox()
        host = sandbox.url.split("//")[1]
        for site, status in (("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)):
            headers = {"Host": host, "Sec-Fetch-Site": site}
            self.assertEqual(self.ask(sandbox, "GET", "/_sandbox/state", headers)[0], status, site)

    def test_proxied(self):
        sandbox = self.sandbox()
        host = sandbox.url.split("//")[1]
        for name in ("Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Anything"):
            headers = {"Host": host, name: "1", "Content-Type": "application/json"}
            self.assertEqual(self.ask(sandbox, "POST", "/_sandbox/reset", headers, b"{}")[0], 403, name)

    def test_content_type(self):
        sandbox = self.sandbox()
        host = sandbox.url.split("//")[1]
        for content_type, status in (("application/json", 200), ("Application/JSON; charset=utf-8", 200),
                                     ("text/plain", 415), ("application/x-www-form-urlencoded", 415)):
            headers = {"Host": host, "Content-Type": content_type}
            self.assertEqual(self.ask(sandbox, "POST", "/_sandbox/reset", headers, b"{}")[0], status, content_type)
        self.assertEqual(self.ask(sandbox, "POST", "/_sandbox/reset", {"Host": host}, b"{}")[0], 415)

    @staticmethod
    def basic(host, text):
        return {"Host": host, "Authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    def test_password(self):
        password = self.write("password", "open sesame\n")
        sandbox = self.sandbox("--password-file", password)
        host = sandbox.url.split("//")[1]
        self.assertEqual(self.ask(sandbox, "GET", "/_sandbox/state", {"Host": host})[0], 401)
        for wrong in (":open", "open sesame", ":", "x:open sesame "):
            self.assertEqual(self.ask(sandbox, "GET", "/_sandbox/state", self.basic(host, wrong))[0], 401, wrong)
        self.assertEqual(self.ask(sandbox, "GET", "/_sandbox/state", self.basic(host, "any:open sesame"))[0], 200)
        self.assertEqual(self.ask(sandbox, "GET", "/v1/groups", {"Host": host})[0], 401)

    def test_a_hash_instead_of_the_password(self):
        script = os.path.join(support.SOURCE, "scripts/examples/hash-password.lua")
        made = self.ok("run", script, input="open sesame\n").stdout
        self.assertTrue(made.startswith("$argon2id$"), made)
        self.assertNotEqual(self.ok("run", script, input="open sesame\n").stdout, made)
        sandbox = self.sandbox("--password-file", self.write("hash", made))
        host = sandbox.url.split("//")[1]
        for text, status in ((":open sesame", 200), (":open", 401), (":" + made.strip(), 401)):
            self.assertEqual(self.ask(sandbox, "GET", "/_sandbox/state", self.basic(host, text))[0], status, text)

    def test_a_byte_order_mark_is_no_part_of_the_password(self):
        script = os.path.join(support.SOURCE, "scripts/examples/hash-password.lua")
        marked = "\ufeffopen sesame\r\n"
        for text in (marked, "\ufeff" + self.ok("run", script, input=marked).stdout):
            sandbox = self.sandbox("--password-file", self.write("password", text))
            host = sandbox.url.split("//")[1]
            for given, status in ((":open sesame", 200), (":\ufeffopen sesame", 401)):
                answer = self.ask(sandbox, "GET", "/_sandbox/state", self.basic(host, given))
                self.assertEqual(answer[0], status, (text, given))

    def test_hashes_that_are_none(self):
        for line in ("$argon2id$", "$argon2id$v=19$m=65536,t=2,p=1$c2FsdA",
                     "$argon2id$v=19$m=4194304,t=2,p=1$" + "A" * 60,
                     "$argon2id$v=19$m=65536,t=1000000,p=1$" + "A" * 60, "$argon2id$" + "A" * 200):
            hashed = self.write("hash", line + "\n")
            self.fails(3, "sandbox", "--password-file", hashed, "--exec", "true", says="argon2id")

    def test_only_the_hash_stays_in_memory(self):
        self.env["JETON_CORE"] = "1"  # to read its memory without being root
        sandbox = self.sandbox("--password-file", self.write("password", "a-password-nobody-else-has\n"))
        if support.SANITIZED:
            self.skipTest("what is freed is kept aside by the sanitizer")
        pid = sandbox.process.pid
        found = {b"a-password-nobody-else-has": 0, b"$argon2id$v=19$": 0}
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                if line.split()[1].startswith("rw"):
                    memory.seek(start)
                    content = memory.read(end - start)
                    for text in found:
                        found[text] += content.count(text)
        self.assertEqual(found.pop(b"a-password-nobody-else-has"), 0)
        self.assertGreater(found.pop(b"$argon2id$v=19$"), 0)

    def test_wrong_passwords_are_limited(self):
        sandbox = self.sandbox("--password-file", self.write("password", "open sesame\n"))
        host = sandbox.url.split("//")[1]

        def state(text):
            return sandbox.call("GET", "/_sandbox/state", headers=self.basic(host, text))

        def clock(**change):
            headers = {**self.basic(host, "me:open sesame"), "Content-Type": "application/json"}
            body = json.dumps(change).encode()
            self.assertEqual(self.ask(sandbox, "POST", "/_sandbox/clock", headers, body)[0], 200)
        clock(stands_at=1_800_000_000)  # a hundred checks may take a busy machine over a minute
        self.assertEqual(state("me:open sesame")[0], 200)
        for attempt in range(10):
            self.assertEqual(state(f"me:wrong {attempt}")[0], 401)
        status, headers, body = state("me:wrong again")
        self.assertEqual(status, 429, body)
        self.assertTrue(1 <= int(headers["Retry-After"]) <= 60, headers["Retry-After"])
        # The right one is not even looked at, but who was let in before still is, and so are other names.
        self.assertEqual(state("me:open sesame")[0], 200)
        self.assertEqual(state("other:open sesame")[0], 200)
        self.assertEqual(state("me:open sesame")[0], 200)
        self.assertEqual(self.ask(sandbox, "GET", "/_sandbox/state", {"Host": host})[0], 401)
        for attempt in range(10):
            self.assertEqual(state(f"third:wrong {attempt}")[0], 401)
        self.assertEqual(state("third:open sesame")[0], 429)
        for name in ("me", "other", "fourth"):
            self.assertEqual(state(name + ":open sesame")[0], 200)
        # Names are what the sender says: new ones do not give more tries without end.
        for attempt in range(80):
            self.assertEqual(state(f"name {attempt}:wrong")[0], 401)
        self.assertEqual(state("fifth:open sesame")[0], 429)
        self.assertEqual(state("fourth:open sesame")[0], 200)
        clock(advance_s=61)
        for name in ("third", "fifth"):
            self.assertEqual(state(name + ":open sesame")[0], 200)

    def test_off_loopback_only_with_a_password(self):
        self.fails(2, "sandbox", "--listen", "0.0.0.0:0", "--exec", "true", says=["--password-file", "TLS"])
        short = self.write("short", "12345\n")
        self.fails(3, "sandbox", "--listen", "0.0.0.0:0", "--password-file", short, "--exec", "true", says="6 bytes")
        open_to_all = self.write("open", "open sesame\n", 0o644)
        self.fails(3, "sandbox", "--password-file", open_to_all, "--exec", "true", says="chmod")


class Start(support.Case):
    def test_what_it_prints(self):
        process = self.start("sandbox", "--listen", "127.0.0.1:0")
        lines = []
        while not lines or "/_sandbox/state" not in lines[-1]:
            lines.append(process.stdout.readline().decode())
        self.assertRegex(lines[0], r"^listening on http://127\.0\.0\.1:\d+\n$")
        text = "".join(lines)
        for part in ("It forgets everything when it stops", "applicationSecret", "token_service:"):
            self.assertIn(part, text)

    def test_options(self):
        for option, value in (("--listen", "127.0.0.1"), ("--listen", ":80"), ("--listen", "::1:80"),
                              ("--listen", "127.0.0.1:65536"), ("--rate-limit", "x"), ("--rate-limit", "1,"),
                              ("--rate-limit", "-1"), ("--rate-limit", "1,2,3")):
            self.fails(2, "sandbox", option, value, "--exec", "true", says=option)
        self.fails(2, "sandbox", "--sed", "x", says="--seed")
        self.assertIn("--exec", self.ok("sandbox", "--help").stdout)

    def test_a_port_that_is_taken(self):
        sandbox = self.sandbox()
        port = sandbox.url.rsplit(":", 1)[1]
        done = self.jeton("sandbox", "--listen", f"127.0.0.1:{port}", "--exec", "true")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn(port, done.stderr)

    def test_a_configuration_of_the_user_plays_no_part(self):
        self.write("jeton.yaml", "version: 999\n")
        self.ok("sandbox", "--exec", "true")

    def test_throttles_of_the_command_line(self):
        sandbox = self.sandbox("--rate-limit", "2")
        token = json.loads(sandbox.call("GET", "/v1/accessToken", headers={
            "applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET,
            "refreshToken": TENANT_TOKEN})[2])["accessToken"]
        answers = [sandbox.call("GET", "/v1/users/me", headers={"accessToken": token}) for _ in range(3)]
        self.assertEqual([status for status, _, _ in answers], [200, 200, 429])
        self.assertLessEqual(int(answers[2][1]["Retry-After"]), 60)

    def test_ipv6(self):
        process = self.start("sandbox", "--listen", "[::1]:0")
        line = process.stdout.readline().decode()
        if not line:
            self.skipTest("no IPv6 loopback here")
        self.assertRegex(line, r"^listening on http://\[::1\]:\d+\n$")


if __name__ == "__main__":
    unittest.main()
