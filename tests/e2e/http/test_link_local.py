"""`no_link_local` holds on connections that were kept, too."""

import shutil
import subprocess
import unittest

import support

SERVER = """
import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        print(self.path, self.client_address[1], flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("169.254.9.9", 8080), Handler)
open("ready", "w").close()
server.serve_forever()
"""

SCRIPT = """
local http = require "jeton.http"
local url = "http://169.254.9.9:8080"
assert(http.get(url .. "/free").body == "secret")
print(http.get(url .. "/guarded", { no_link_local = true }))
assert(http.get(url .. "/free-again").body == "secret")
"""

RUN = """
ip link set lo up && ip address add 169.254.9.9/32 dev lo
python3 server.py > asked & server=$!
while ! test -e ready; do sleep 0.05; done
"$JETON" run script.lua
kill $server
"""


class LinkLocal(support.Case):
    def test_a_kept_connection(self):
        enter = ["unshare", "-n"]
        if not shutil.which("ip") or subprocess.run([*enter, "ip", "link", "set", "lo", "up"], capture_output=True,
                                                    check=False).returncode != 0:
            self.skipTest("no network namespaces here")
        self.write("server.py", SERVER)
        self.write("script.lua", SCRIPT)
        done = subprocess.run([*enter, "sh", "-c", RUN], capture_output=True, text=True, timeout=60, cwd=self.folder,
                              env={**self.env, "JETON": support.JETON}, check=False)
        self.assertEqual(done.stdout, "nil\tnetwork: cannot connect to 169.254.9.9:8080: its address is link-local "
                                      "(GET http://169.254.9.9:8080/guarded)\n", done.stderr)
        with open(f"{self.folder}/asked", encoding="utf-8") as file:
            self.assertEqual([line.split()[0] for line in file], ["/free", "/free-again"])


if __name__ == "__main__":
    unittest.main()
