"""docs/guide-listen.md as it stands: its first webhook, its units and Deployment, and nginx and Caddy before a listener."""

import json
import os
import re
import shutil
import socket
import subprocess
import textwrap
import unittest

import certificates
import listening
import support

PULL_REQUEST = {"action": "opened", "number": 7, "sender": {"login": "alice"}, "pull_request": {"title": "Fix it"}}


def blocks():
    with open(os.path.join(support.SOURCE, "docs/guide-listen.md"), encoding="utf-8") as file:
        found = re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
    return [(language, textwrap.dedent(block)) for language, block in found]


def answers(port):
    with socket.socket() as it:
        return it.connect_ex(("127.0.0.1", port)) == 0


def block(language, number=0):
    return [text for name, text in blocks() if name == language][number]


def server(name, folder):
    """The program of one that ./dev may have unpacked."""
    unpacked = os.path.join(support.SOURCE, "build/bench", name, "usr", folder, name)
    return shutil.which(name) or shutil.which(f"/usr/{folder}/{name}") or shutil.which(unpacked)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as it:
        return it.getsockname()[1]


class Guide(listening.Case):
    def test_first_webhook(self):
        self.write("jeton.yaml", block("yaml").replace("version: 1\n", f"version: 1\nstate: {self.state}\n"))
        subprocess.run(["sh", "-ec", block("sh")], cwd=self.folder, check=True)
        self.write("review.lua", block("lua"))
        self.ok("check")
        listener = self.listener()
        body = self.write("body.json", json.dumps(PULL_REQUEST))
        self.ok("listen", "--trigger", "github", "--listen", f"127.0.0.1:{listener.port}", "-H",
                "X-GitHub-Event:pull_request", body)
        self.wait_done(1)
        listener.stop()
        self.assertIn("alice opened #7: Fix it\n", listener.process.stdout.read().decode() + listener.log())

    def test_units(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        service = block("service").replace("/usr/local/bin/jeton", support.JETON)
        service = service.replace("User=jeton\n", "User=nobody\n").replace("Documentation=man:jeton(1)\n", "")
        paths = [self.write("jeton-listen.socket", block("socket")), self.write("jeton-listen.service", service)]
        done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False,
                              env={**self.env, "SYSTEMD_LOG_LEVEL": "warning"})
        said = [line for line in done.stderr.splitlines() if "jeton-listen" in line]
        self.assertEqual((done.returncode, said), (0, []), done.stderr)

    def first(self, words, secret, listen):
        """The words of a command of the guide, for a configuration of this test that has its first webhook."""
        self.write("review.lua", block("lua"))
        config = self.write("jeton.yaml", f"version: 1\nstate: {self.state}\nlisten: {listen}\nwebhooks:\n  github: {{ from: github, "
                            f"{secret}, script: review.lua, allow_unsigned_ids: true }}\n")
        self.assertIn("/etc/jeton/jeton.yaml", words)
        return [config if word == "/etc/jeton/jeton.yaml" else word for word in words]

    def takes(self, listener):
        body = json.dumps(PULL_REQUEST).encode()
        self.assertEqual(listener.ask("POST", "/github", body, {
            "X-Hub-Signature-256": "sha256=" + listening.sign(body), "X-GitHub-Event": "pull_request", "X-GitHub-Delivery": "d"})[0], 200)
        self.wait_done(1)
        listener.stop()

    def test_the_units_command_on_its_socket(self):
        activate = shutil.which("systemd-socket-activate")
        if not activate:
            self.skipTest("no systemd-socket-activate")
        port = free_port()
        address = re.search(r"^ListenStream=(.*)$", block("socket"), re.MULTILINE)[1].replace("8490", str(port))
        words = re.search(r"^ExecStart=/usr/local/bin/jeton (.*)$", block("service"), re.MULTILINE)[1].split()
        words = self.first(words, f"secret: {{ file: {self.folder}/sender.secret }}", "{ address: 127.0.0.1:1 }")
        process = self.start("-l", address, support.JETON, *words, program=activate)
        support.wait_until(lambda: answers(port))  # which starts it
        listener = self.listener(popen=process)
        self.assertEqual(listener.port, port)
        self.takes(listener)

    def test_the_deployments_command(self):
        with open(os.path.join(support.SOURCE, "docs/guide-listen.md"), encoding="utf-8") as file:
            said = re.search(r"Its configuration says `listen: (.*?)`.*?is `(secret: .*?)`", file.read(), re.DOTALL)
        manifest, port = block("kubernetes"), free_port()
        words = json.loads(re.search(r"args: (\[.*\])", manifest)[1])
        name = re.search(r"- name: (\w+)\n +valueFrom: ", manifest)[1]
        words = self.first(words, said[2], said[1].replace("0.0.0.0:8490", f"127.0.0.1:{port}"))
        listener = self.listener(popen=self.start(*words, env={name: listening.SECRET}))
        for path, number in re.findall(r"Probe: \{ httpGet: \{ path: (\S+), port: (\d+) \}", manifest):
            self.assertEqual((listener.ask("GET", path)[0], number), (200, "8490"))
        self.assertIn("containerPort: 8490", manifest)
        self.takes(listener)

    def behind(self, name, port, authority, listener):
        """What a proxy passes on, as it was sent."""
        support.wait_until(lambda: answers(port))
        context = listening.ssl.create_default_context(cafile=authority.file)
        listener.port, listener.scheme = port, "https"
        self.assertEqual(listener.post({"id": name, "type": "t", "text": "é" * 100_000}, context=context)[0], 200)
        self.assertEqual(listener.ask("POST", "/orders", b"{}", {"X-Sig": "00"}, context)[0], 401)
        self.wait_done(1)
        self.assertEqual(self.handled(), {name: 1})

    def test_nginx(self):
        nginx = server("nginx", "sbin")
        if not nginx:
            self.skipTest("no nginx")
        authority = certificates.Authority(self.folder)
        authority.server("hooks")
        self.hooks()
        listener = self.listener()
        port = free_port()
        site = (block("nginx").replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
                  .replace("/etc/ssl/", self.folder + "/").replace("127.0.0.1:8490", f"127.0.0.1:{listener.port}"))
        temporary = "".join(f"{name}_temp_path {self.folder}/{name};\n"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.getuid() == 0 else ""
        config = self.write("nginx.conf", f"{user}daemon off;\nmaster_process off;\npid {self.folder}/nginx.pid;\nerror_log stderr;\n"
                            f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}\n}}\n")
        self.start("-e", "stderr", "-c", config, program=nginx)
        self.behind("by nginx", port, authority, listener)

    def test_caddy(self):
        caddy = server("caddy", "bin")
        if not caddy:
            self.skipTest("no caddy")
        authority = certificates.Authority(self.folder)
        authority.server("hooks")
        self.hooks()
        listener = self.listener()
        port = free_port()
        # In place of a certificate that Caddy would fetch for the name, and of its own ports.
        site = (block("caddy").replace("hooks.example.org {", f"https://127.0.0.1:{port} {{\n\ttls hooks.pem hooks.key")
                .replace("127.0.0.1:8490", f"127.0.0.1:{listener.port}"))
        config = self.write("Caddyfile", "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
        self.start("run", "--config", config, "--adapter", "caddyfile", program=caddy)
        self.behind("by Caddy", port, authority, listener)


if __name__ == "__main__":
    unittest.main()
