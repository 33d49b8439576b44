"""Documents that are larger than the memory they may take: up, and back byte for byte."""

import contextlib
import hashlib
import http.server
import json
import os
import sqlite3
import subprocess
import threading
import unittest

from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, SOAK, TENANT_TOKEN, Case, wait_until

MIB = 1 << 20
DOCUMENT_MIB = 300 if SOAK else 100
SANITIZED_DOCUMENT_MIB = 20
RUNNER_MAX_MIB = 32
SANDBOX_MAX_MIB = 64
SANITIZED_KIB = 1 << 30  # AddressSanitizer reserves terabytes, and keeps freed memory

SCRIPT = """\
local id, source, target = ...
local http = require "jeton.http"
local group = require "kaizala".connect():group(id)
group:send_document(source, { caption = "All of it" })
local reply = require "kaizala".connect():request {
  path = "/groups/" .. id .. "/actions", query = { actionType = "document" },
}
local body = reply.actions[#reply.actions].actionBody
local response = assert(http.get(body.mediaUrl, { save_to = target }))
assert(response.status == 200 and response.path == target, "not saved")
for line in io.lines "/proc/self/status" do print(line) end
"""


def status_kib(lines, name):
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def sha256(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(MIB):
            found.update(piece)
    return found.hexdigest()


class Large(Case):
    def memory_of(self, process):
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
            return status.readlines()

    def make_document(self, mebibytes):
        path = os.path.join(self.folder, "large.pdf")
        piece = os.urandom(MIB)
        with open(path, "wb") as file:
            for number in range(mebibytes):
                file.write(number.to_bytes(8, "big") + piece[8:])
            file.write(b"and a piece")
        return path

    def round_trip(self, *options):
        sandbox = self.sandbox("--rate-limit", "0", *options)
        config = self.configure(sandbox.base)
        is_sanitized = status_kib(self.memory_of(sandbox.process), "VmSize") > SANITIZED_KIB
        document = self.make_document(SANITIZED_DOCUMENT_MIB if is_sanitized else DOCUMENT_MIB)
        back = os.path.join(self.folder, "back.pdf")
        script = self.write("media.lua", SCRIPT)
        done = self.ok("--config", config, "run", script, GROUP, document, back, timeout=280)
        self.assertEqual(os.path.getsize(back), os.path.getsize(document))
        self.assertEqual(sha256(back), sha256(document))
        if not is_sanitized:
            self.assertLess(status_kib(done.stdout.splitlines(), "VmHWM") / 1024, RUNNER_MAX_MIB)
            self.assertLess(status_kib(self.memory_of(sandbox.process), "VmHWM") / 1024, SANDBOX_MAX_MIB)
        return sandbox, document

    def test_a_document_goes_up_and_comes_back(self):
        sandbox, _ = self.round_trip()
        sandbox.stop()

    def test_beside_the_database_it_is_kept_by_its_hash(self):
        database = os.path.join(self.folder, "sandbox.db")
        sandbox, document = self.round_trip("--db", database)
        sandbox.stop()
        self.assertEqual(os.listdir(database + ".media"), [sha256(document)])
        self.assertEqual(os.stat(database + ".media").st_mode & 0o777, 0o700)


class Fetched(Case):
    def test_of_what_is_refused_after_all_nothing_is_left(self):
        """The connector goes while its file is fetched; and a type that is refused."""
        database = os.path.join(self.folder, "sandbox.db")
        sandbox = self.sandbox("--db", database)

        class Pictures(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/a.png":
                    sandbox.call("DELETE", "/_sandbox/connectors/" + APPLICATION_ID)
                self.send_response(200)
                self.send_header("Content-Type", "image/png" if self.path == "/a.png" else "text/html")
                self.send_header("Content-Length", "3")
                self.end_headers()
                self.wfile.write(b"PNG")

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Pictures)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        headers = {"accessToken": json.loads(sandbox.call("GET", "/v1/accessToken", headers={
            "applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET,
            "refreshToken": TENANT_TOKEN})[2])["accessToken"]}
        for name, status in (("a.html", 415), ("a.png", 401)):
            url = f"http://127.0.0.1:{server.server_port}/{name}"
            got, _, body = sandbox.call("POST", "/v1/media/url", {"mediaUrl": url}, headers)
            self.assertEqual(got, status, body)
            self.assertEqual(os.listdir(database + ".media"), [])


SEND = """\
local id, source = ...
local kz = require "kaizala".connect()
local resource = kz:upload(source)
local body = { actionType = "Document", actionBody = { mediaResource = resource } }
local function send()
  return pcall(kz.request, kz, { method = "POST", path = "/groups/" .. id .. "/actions", json = body })
end
assert(send())
io.read "l"
local ok, err = send()
print(ok, ok or err.status, ok or err.message)
"""


class Foreign(Case):
    def test_media_of_another_tenant_are_refused(self):
        database = os.path.join(self.folder, "sandbox.db")
        sandbox = self.sandbox("--db", database)
        config = self.configure(sandbox.base)
        document = self.write("a.pdf", "x")
        process = self.start("--config", config, "run", self.write("send.lua", SEND), GROUP, document,
                             stdin=subprocess.PIPE)
        with contextlib.closing(sqlite3.connect(database)) as connection:
            wait_until(lambda: connection.execute("SELECT count(*) FROM actions").fetchone()[0] == 1)
            with connection:
                connection.execute("UPDATE media SET tenant_id = 'another'")
        output, errors = process.communicate(b"\n", timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertRegex(output.decode(), "^false\t400\t.*no upload of this tenant returned this mediaResource")


if __name__ == "__main__":
    unittest.main()
