"""All that jeton reads is read to its end, whatever its size claims, and by its kind; code and trust anchors that others
can write are refused."""

import os
import subprocess
import unittest

from certificates import Authority
from jobs import JobCase
from service import RawService, Service, reply
from support import APPLICATION_ID, APPLICATION_SECRET, JETON, TENANT_TOKEN

BOOT_ID = "/proc/sys/kernel/random/boot_id"
SYS = "/sys/kernel/mm/transparent_hugepage/enabled"  # a page by its size, and shorter


class Sent(JobCase):
    """Files whose size means nothing."""

    def test_they_are_sent_whole(self):
        service = Service(lambda request: (200, {}, request["body"]))
        self.addCleanup(service.stop)
        self.write("script.lua", f"""
          local http, path = require "jeton.http", ...
          local real = assert(io.open(path)):read "a"
          local url = "{service.url}/"
          assert(#real > 0)
          assert(http.post(url, {{ body_file = path }}).body == real, "body_file")
          local parts = http.post(url, {{ multipart = {{ {{ name = "f", file = path }} }} }}).body
          assert(parts:find("\\r\\n\\r\\n" .. real .. "\\r\\n", 1, true), "multipart")
          local server = require("jeton.server").listen {{ handler = function() return {{ file = path }} end }}
          local got = http.get("http://127.0.0.1:" .. server.port .. "/")
          assert(got.body == real and got.headers["content-length"] == tostring(#real), "server")
          server:close()
          print "all"
        """)
        for path in filter(os.path.exists, ("/proc/version", "/proc/filesystems", SYS)):
            with self.subTest(path=path):
                self.assertEqual(self.ok("run", "script.lua", path).stdout, "all\n")

    def test_one_without_end_is_an_error(self):
        self.write("script.lua", "print(require('jeton.http').post('http://127.0.0.1:1/', { body_file = ... }))")
        done = self.ok("run", "script.lua", "/proc/self/pagemap")
        self.assertIn("'/proc/self/pagemap': it does not tell its size and is larger than 64 MiB", done.stdout)

    def test_empty_files_stay_empty(self):
        service = Service(lambda request: (200, {}, {"length": request["headers"]["Content-Length"]}))
        self.addCleanup(service.stop)
        self.write("empty", "")
        self.write("script.lua", f"print(require('jeton.http').post('{service.url}/', {{ body_file = 'empty' }}).body)")
        self.assertEqual(self.ok("run", "script.lua").stdout, '{"length": "0"}\n')

    def test_check_believes_no_size(self):
        path = self.write("jeton.yaml", f"""\
version: 1
state: {self.state}
connectors:
  c:
    token_service: http://127.0.0.1:1/v1
    application_id: abcdefgh1
    application_secret: {{ file: {BOOT_ID} }}
    refresh_token: {{ file: empty }}
""")
        self.write("empty", "")
        done = self.jeton("-c", path, "check")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stdout.count("it is empty"), 1, done.stdout)
        self.assertIn("refresh_token of connector 'c': it is empty", done.stdout)


class Substituted(JobCase):
    """`<(…)`: a pipe without a name, whose mode says nothing."""

    def bash(self, command, status=0, **env):
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=self.folder, check=False,
                              env={**self.env, "J": JETON, **env}, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_a_script(self):
        self.write("neighbour.lua", "return 'found'")
        done = self.bash("""$J run <(sleep 0.2; echo 'print(..., (require "neighbour"))') one""")
        self.assertEqual(done.stdout, "one\tfound\n")

    def test_a_configuration(self):
        self.job("print 'ran'")
        self.assertEqual(self.bash("$J -c <(sleep 0.2; cat jeton.yaml) run --job job").stdout, "ran\n")
        self.assertEqual(self.bash("$J -c <(cat jeton.yaml) run --job job").stdout, "ran\n")
        self.assertEqual(len({row["scope"] for row in self.rows()}), 1)
        self.assertIn("good", self.bash("$J -c <(cat jeton.yaml) check").stdout)
        self.assertIn("a pipe, which nobody can read again", self.bash("$J -c <(cat jeton.yaml) cron show", 3).stderr)

    def test_a_file_that_is_open(self):
        """Its paths are beside it, wherever jeton stands; one without a name is as a pipe."""
        self.write("its/jeton.yaml", 'version: 1\nname: its\nstate: state\njobs: { j: { script: j.lua, schedule: "@daily" } }\n',
                   mode=0o600)
        self.write("its/j.lua", "print 'ran'")
        for command in ("-c /dev/fd/7 run --job j 7<its/jeton.yaml", "-c /dev/stdin run --job j <its/jeton.yaml"):
            self.assertEqual(self.bash("$J " + command).stdout, "ran\n")
        self.assertTrue(os.path.isdir(self.path("its/state")))
        self.write("j.lua", "print 'from here'")
        nameless = "exec 8<>nameless 7<nameless; rm nameless; cat its/jeton.yaml >&8; chmod 600 /dev/fd/8; "
        self.assertEqual(self.bash(nameless + "$J -c /dev/fd/7 run --job j").stdout, "from here\n")
        self.assertTrue(os.path.isdir(self.path("state")))

    def test_a_secret(self):
        """Read once, to its end, and kept for every exchange; `check` takes no byte of it."""
        service = Service()
        self.addCleanup(service.stop)
        path = self.configure(service.base)
        with open(path, "r+", encoding="utf-8") as file:
            text = file.read().replace("secret: " + APPLICATION_SECRET, "secret: { file: /dev/fd/7 }")
            file.seek(0)
            file.write(text + 'jobs: { job: { script: s.lua, schedule: "@daily" } }\n')
        self.write("s.lua", "local token = require 'jeton.token'\nassert(token.refresh()) assert(token.refresh())")
        secret = "secret-of-the-pipe"
        for count, command in ((1, "check --online"), (1, "token contoso --refresh"), (2, "-vv run s.lua"), (2, "run --job job")):
            with self.subTest(command=command):
                service.received.clear()
                done = self.bash(f"$J {command} 7< <(printf secret-of-; sleep 0.1; echo the-pipe) 2>&1")
                self.assertNotIn(secret, done.stdout)
                self.assertEqual([r["headers"]["applicationSecret"] for r in service.received], [secret] * count)
        for bad, says in (("true", "it is empty"), ("echo short", "it is shorter"), ("printf 'nul\\0byte'", "a control"),
                          ("head -c 70000 /dev/zero", "/dev/fd/7: larger than 65536 bytes")):
            done = self.bash(f"$J check 7< <({bad})", 3)
            self.assertIn(says, done.stdout)
            self.assertEqual(done.stdout.count("application_secret"), 1, done.stdout)

    def test_one_that_does_not_end(self):
        """A helper that hangs holds nobody up for longer than half a minute."""
        self.job("print 'ran'")
        with open(self.path("jeton.yaml"), "a", encoding="utf-8") as file:
            file.write("connectors: { c: { token_service: http://127.0.0.1:1, application_id: abcdefgh1, "
                       "application_secret: { file: /dev/fd/7 }, refresh_token: a-refresh-token } }\n")
        quick = {**self.faketime("+0 x100"), "FAKETIME_DONT_FAKE_MONOTONIC": "0"}
        for command, says in (("check", "/dev/fd/7: the pipe did not end within 30 s"),
                              ("-c /dev/fd/7 check", "/dev/fd/7: the pipe did not end within 30 s"),
                              ("run /dev/fd/7", "/dev/fd/7: the pipe did not end within 30 s")):
            with self.subTest(command=command):
                endless = "exec 7< <(echo a-part-of-it; exec sleep 3000)"
                done = self.bash(f"{endless}; $J {command} 2>&1; s=$?; kill $!; exit $s", 3, **quick)
                self.assertIn(says, done.stdout)

    def test_the_password_of_the_sandbox(self):
        self.write("ask.py", "import base64, os, urllib.request as r\n"
                             "q = r.Request(os.environ['JETON_SANDBOX_URL'] + '/_sandbox/state')\n"
                             "q.add_header('Authorization', 'Basic ' + base64.b64encode(b':the password').decode())\n"
                             "print(r.urlopen(q).status)")
        done = self.bash("$J sandbox --listen 127.0.0.1:0 --password-file <(echo 'the password') --exec python3 ask.py")
        self.assertIn("200\n", done.stdout)

    def test_a_pipe_with_a_name_is_refused(self):
        os.mkfifo(self.path("pipe"), 0o600)
        done = self.jeton("run", "pipe")
        self.assertEqual(done.returncode, 3)
        self.assertIn("expected a regular file", done.stderr)
        os.mkfifo(self.path("mod.lua"), 0o600)
        os.mkfifo(self.path("lib.so"), 0o600)
        self.write("script.lua", """
          print(pcall(require, "mod"))
          package.cpath = "./?.so"
          print(pcall(require, "lib"))
          print(require("jeton.http").get("https://127.0.0.1:1/", { ca_file = "pipe" }))
        """)
        done = self.ok("run", "script.lua")
        for name in ("mod.lua: expected a regular file", "lib.so: expected a regular file", "pipe: expected a file or a folder"):
            self.assertIn(f"{name}, found a device, pipe or socket", done.stdout)


class Modes(JobCase):
    """Code obeys the modes of scripts."""

    def test_modules(self):
        self.write("script.lua", "print(pcall(require, ...))")
        os.mkdir(self.path("deep"))
        for name, path in (("mod", "mod.lua"), ("deep.mod", "deep/mod.lua"), ("deep", "deep/init.lua")):
            file = self.write(path, "return 'loaded'", 0o666)
            done = self.ok("run", "script.lua", name)
            self.assertIn(f"{file}: group or others can write it; run: chmod go-w {file}", done.stdout)
            os.chmod(file, 0o644)
            self.assertTrue(self.ok("run", "script.lua", name).stdout.startswith("true\tloaded"))

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_modules_of_others(self):
        self.write("script.lua", "print(pcall(require, 'mod'))")
        os.chown(self.write("mod.lua", "return 1"), 4321, 4321)
        self.assertIn("it belongs to user 4321", self.ok("run", "script.lua").stdout)

    def test_modules_are_source(self):
        self.write("script.lua", "print(pcall(require, 'mod'))")
        self.write("mod.lua", "\x1bLua")
        self.assertIn("binary chunk", self.ok("run", "script.lua").stdout)
        self.write("mod.lua", "\ufeff#!/usr/bin/lua " + "x" * 10000 + "\nreturn debug.getinfo(1).currentline")
        self.assertIn("true\t2", self.ok("run", "script.lua").stdout)

    def test_the_folder_of_scripts(self):
        os.mkdir(self.path("scripts"))
        self.write("script.lua", "print(pcall(require, ...))")
        env = {"JETON_SCRIPTS": self.path("scripts")}
        for path, text in (("scripts/mine.lua", "return 'loaded'"), ("scripts/mine.css", "loaded")):
            file = self.write(path, text, 0o606)
            self.assertIn(f"{file}: group or others can write it", self.ok("run", "script.lua", "mine", env=env).stdout)
            os.chmod(file, 0o600)
            self.assertIn("true\tloaded", self.ok("run", "script.lua", "mine", env=env).stdout)
            os.unlink(file)

    def test_trust_anchors(self):
        authority = Authority(self.folder)
        service = RawService(lambda socket, head: socket.sendall(reply(b"{}")), authority.server("service"))
        self.addCleanup(service.stop)
        self.write("script.lua", f"""
          local response, err = require("jeton.http").get("{service.url}/", {{ ca_file = ... }})
          print(err or response.status)
        """)
        env = {"SSL_CERT_FILE": authority.file}
        self.assertEqual(self.ok("run", "script.lua", authority.file).stdout, "200\n")
        self.assertEqual(self.ok("run", "script.lua", env=env).stdout, "200\n")
        os.chmod(authority.file, 0o666)
        refused = f"config: certificates that are trusted: {authority.file}: group or others can write it"
        self.assertIn(refused, self.ok("run", "script.lua", authority.file).stdout)
        self.assertIn(refused, self.ok("run", "script.lua", env=env).stdout)
        path = self.write("jeton.yaml", f"""\
version: 1
connectors:
  c:
    token_service: {service.base}
    application_id: abcdefgh1
    application_secret: abcdefgh2
    refresh_token: abcdefgh3
    ca_file: {authority.file}
""")
        self.assertIn("ca_file of connector 'c': ca.pem: group or others can write it", self.jeton("-c", path, "check").stdout)

    def test_folders_of_trust_anchors(self):
        authority = Authority(self.folder)
        service = RawService(lambda socket, head: socket.sendall(reply(b"{}")), authority.server("service"))
        self.addCleanup(service.stop)
        self.write("script.lua", f"""
          local response, err = require("jeton.http").get("{service.url}/", {{ ca_file = ... }})
          print(err or response.status)
        """)
        name = authority.openssl("x509", "-subject_hash", "-noout", "-in", authority.file).stdout.decode().strip() + ".0"
        authority.server("other")
        good, empty, other = self.path("good"), self.path("empty"), self.path("other.pem")
        for folder in (good, empty):
            os.mkdir(folder, 0o755)
        link = os.path.join(good, name)
        os.symlink(authority.file, link)
        self.write("good/README", "of no use to OpenSSL", 0o666)

        def refused(path, why, *arguments, **env):
            text = self.ok("run", "script.lua", *arguments, env=env).stdout
            self.assertIn(f"config: certificates that are trusted: {path}: {why}", text)

        # Both variables are used, and each folder of a list.
        for env in ({"SSL_CERT_DIR": f":{empty}:{good}"}, {"SSL_CERT_DIR": good, "SSL_CERT_FILE": other}):
            self.assertEqual(self.ok("run", "script.lua", env=env).stdout, "200\n")
        others = "group or others can write it"
        os.chmod(empty, 0o777)
        refused(empty, others, SSL_CERT_DIR=empty, SSL_CERT_FILE=authority.file)
        refused(empty, others, SSL_CERT_DIR=f"{good}:{empty}")
        # The proxy is not among those that ca_file is for; loopback has none.
        env = {"SSL_CERT_DIR": empty, "https_proxy": "https://127.0.0.1:9"}
        self.assertEqual(self.ok("run", "script.lua", authority.file, env=env).stdout, "200\n")
        self.write("elsewhere.lua", "print(require('jeton.http').get('https://host.invalid', { ca_file = ... }))")
        self.assertIn(f"{empty}: {others}", self.ok("run", "elsewhere.lua", authority.file, env=env).stdout)
        # A link is as good as what it leads to.
        os.chmod(authority.file, 0o646)
        refused(link, others, SSL_CERT_DIR=good)
        os.chmod(authority.file, 0o644)
        os.chown(authority.file, 4321, 4321)
        refused(link, "it belongs to user 4321", SSL_CERT_DIR=f"{self.path('missing')}:{good}")


class Marks(JobCase):
    def test_a_byte_order_mark_is_no_part_of_a_line(self):
        sandbox = self.sandbox()
        lines = f"\ufeff{APPLICATION_ID}\n\ufeff{APPLICATION_SECRET}\n\ufeff{TENANT_TOKEN}\n"
        done = self.jeton("connector", "add", "contoso", "--token-service", sandbox.base, input=lines)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
