"""What tests on PostgreSQL share: hosts, which are folders with a configuration each, and the tables."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import uuid

from support import APPLICATION_ID, APPLICATION_SECRET, JETON, SOURCE, TENANT_TOKEN, Case, end_process

SOCKET = os.environ.get("JETON_POSTGRES", "")
HOSTS = 4
KEY = base64.b64encode(bytes(range(32))).decode()
TOKEN = 'print((require "jeton.token".get("contoso")).access_token)'


@unittest.skipUnless(SOCKET, "ctest starts the server")
class PostgresCase(Case):
    server = SOCKET  # the folder of its socket
    pooler = ""  # below that, of what hosts connect to
    name = "shared"

    def setUp(self):
        super().setUp()
        self.schema = "e" + uuid.uuid4().hex
        self.write("state.key", f"# ours\n{KEY}\n")

    def host(self, number, text="", url=None, **state):
        """The configuration of one host; its path is its own."""
        state = {"url": url or f"postgresql://jeton@/jeton?host={self.server}{self.pooler}",
                 "key": {"file": self.folder + "/state.key"}, "schema": self.schema, "folder": f"{self.folder}/host{number}", **state}
        state = {name: value for name, value in state.items() if value is not None}
        return self.write(f"etc{number}/jeton.yaml", f"version: 1\nname: {self.name}\nstate: {json.dumps(state)}\n{text}")

    def rename(self, number, name):
        """The configuration on that host."""
        path = f"{self.folder}/etc{number}/jeton.yaml"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.write(path, re.sub("^name: .*$", "name: " + name, text, flags=re.MULTILINE))

    def says(self, status, number, *args, words="", **options):
        done = self.on(number, *args, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(words, done.stdout + done.stderr)
        return done

    def super(self, text):
        return self.sql(text, role="postgres")

    def sql(self, text, role="jeton"):
        """@ stands for the schema. Rows of texts."""
        done = subprocess.run(["psql", "-h", self.server, "-U", role, "-d", "jeton", "-v", "ON_ERROR_STOP=1",
                               "-qAtF", "|", "-c", text.replace("@", self.schema + ".")], capture_output=True, text=True, check=True)
        return [line.split("|") for line in done.stdout.splitlines()]

    def planner(self):
        """The URL of a role whose plans stand in the server's log: check_plans looks at those from now on."""
        role = "planner" + self.schema[1:]
        self.super(f"CREATE ROLE {role} LOGIN SUPERUSER" + "".join(
            f"; ALTER ROLE {role} SET {name} = '{value}'" for name, value in (
                ("session_preload_libraries", "auto_explain"), ("auto_explain.log_min_duration", "0"),
                ("auto_explain.log_analyze", "on"), ("auto_explain.log_timing", "off"), ("auto_explain.log_format", "json"))))
        self.addCleanup(self.super, f"DROP ROLE {role}")
        self.planned = os.path.getsize(self.server + "/log")
        return f"postgresql://{role}@/jeton?host={self.server}"

    def check_plans(self, tables, most):
        """Each statement since then that looks into these tables, which have thousands of rows, does so by an index, and
        reads fewer rows than that. How many looked into each."""
        with open(self.server + "/log", encoding="utf-8") as log:
            log.seek(self.planned)
            logged = re.findall(r"  plan:\n((?:\t.*\n)+)", log.read())
        seen = dict.fromkeys(tables, 0)

        def look(node, text):
            for part in node.get("Plans", ()):
                look(part, text)
            table = node.get("Relation Name")
            if table not in seen or node["Node Type"] == "ModifyTable":
                return
            seen[table] += 1
            self.assertNotEqual(node["Node Type"], "Seq Scan", f"{table}: {text}")
            read = sum(node.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"))
            self.assertLess(read * node["Actual Loops"], most, f"{table}: {text}\n{json.dumps(node, indent=1)}")

        for text in logged:
            if self.schema in text:
                plan = json.loads(text.replace("\n\t", "\n"), strict=False)
                look(plan["Plan"], plan["Query Text"])
        return seen

    def connector(self, url):
        return (f"connectors:\n  contoso:\n    provider: kaizala\n    token_service: {url}\n"
                f"    application_id: {APPLICATION_ID}\n    application_secret: {APPLICATION_SECRET}\n"
                f"    refresh_token: {TENANT_TOKEN}\n")

    def start_on(self, number, *args, program=JETON, env=None, stdin=subprocess.DEVNULL):
        process = subprocess.Popen([program, "--config", f"{self.folder}/etc{number}/jeton.yaml", *args],
                                   stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.folder, env={**self.env, **(env or {})})
        self.addCleanup(end_process, process)
        return process

    def on(self, number, *args, **options):
        return self.jeton("--config", f"{self.folder}/etc{number}/jeton.yaml", *args, **options)


class OwnServer(PostgresCase):
    """Those that disturb all who use the server have one of their own, and perhaps a pooler before it."""

    mode = None  # of the pooler

    def setUp(self):
        super().setUp()
        self.server = f"/tmp/jeton-own-{self.schema[:16]}"
        self.postgres("start")
        self.addCleanup(self.postgres, "stop")
        if self.mode:
            self.postgres("pooler", self.mode)
            self.pooler = "/pooler"

    server_env = {}

    def own_clock(self):
        """Before the server starts: what its clock shows is what `set_clock` says."""
        folder = tempfile.mkdtemp(prefix="jeton-clock-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        self.clock = folder + "/clock"
        self.set_clock("+0")
        self.env = {}
        self.server_env = {**self.faketime("+0"), "FAKETIME_TIMESTAMP_FILE": self.clock}

    def set_clock(self, when):
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(when)
        os.rename(self.clock + ".new", self.clock)

    def postgres(self, command, *args):
        subprocess.run([SOURCE + "/tests/postgres.sh", command, self.server, *args], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, **self.server_env})

    def set_server(self, *lines):
        with open(self.server + "/data/postgresql.conf", "a", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        self.postgres("restart", "fast")
