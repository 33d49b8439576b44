"""docs/guide-listen.md as it stands: its first webhook, its units, and nginx in front of a listener."""

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


def block(language, number=0):
    return [text for name, text in blocks() if name == language][number]


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

    def test_nginx(self):
        unpacked = os.path.join(support.SOURCE, "build/bench/nginx/usr/sbin/nginx")  # by ./dev
        nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx") or shutil.which(unpacked)
        if not nginx:
            self.skipTest("no nginx")
        authority = certificates.Authority(self.folder)
        authority.server("hooks")
        self.hooks()
        listener = self.listener()
        port = free_port()
        server = (block("nginx").replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
                  .replace("/etc/ssl/", self.folder + "/").replace("127.0.0.1:8490", f"127.0.0.1:{listener.port}"))
        temporary = "".join(f"{name}_temp_path {self.folder}/{name};\n"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.getuid() == 0 else ""
        config = self.write("nginx.conf", f"{user}daemon off;\nmaster_process off;\npid {self.folder}/nginx.pid;\nerror_log stderr;\n"
                            f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{server}\n}}\n")
        self.start("-e", "stderr", "-c", config, program=nginx)
        def is_up():
            with socket.socket() as it:
                return it.connect_ex(("127.0.0.1", port)) == 0
        support.wait_until(is_up)
        context = listening.ssl.create_default_context(cafile=authority.file)
        listener.port, listener.scheme = port, "https"
        self.assertEqual(listener.post({"id": "by nginx", "type": "t", "text": "é" * 100_000}, context=context)[0], 200)
        self.assertEqual(listener.ask("POST", "/orders", b"{}", {"X-Sig": "00"}, context)[0], 401)
        self.wait_done(1)
        self.assertEqual(self.handled(), {"by nginx": 1})


if __name__ == "__main__":
    unittest.main()
