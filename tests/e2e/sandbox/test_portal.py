"""The portal of a sandbox as a process: its password, its files, databases from before it."""

import base64
import os
import shutil
import sqlite3
import unittest

import support
from support import APPLICATION_ID, APPLICATION_SECRET, SOURCE, TENANT_TOKEN

HTML = {"Accept": "text/html"}


class Portal(support.Case):
    def page(self, sandbox, path="/portal/sign-in", **headers):
        return sandbox.call("GET", path, headers={**HTML, **headers})

    def test_the_password(self):
        sandbox = self.sandbox("--password-file", self.write("password", "open sesame\n"))
        asset = "/portal/assets/style.css"
        for path in ("/", "/portal/sign-in", "/portal/connectors", "/portal/none", asset):
            status, headers, body = self.page(sandbox, path)
            self.assertEqual(status, 401, path)
            self.assertIn("Basic", headers["WWW-Authenticate"])
            self.assertNotIn(b"Contoso", body)
            self.assertNotIn("Set-Cookie", headers)
        right = {"Authorization": "Basic " + base64.b64encode(b"me:open sesame").decode()}
        status, _, body = self.page(sandbox, **right)
        self.assertEqual(status, 200)
        self.assertIn("no other password is needed", body.decode())
        self.assertEqual(self.page(sandbox, asset, **right)[0], 200)
        wrong = {"Authorization": "Basic " + base64.b64encode(b"me:open").decode()}
        self.assertEqual(self.page(sandbox, **wrong)[0], 401)
        self.assertEqual(sandbox.call("POST", "/portal/sign-in", {})[0], 401)

    def test_files_from_a_folder(self):
        scripts = os.path.join(self.folder, "scripts")
        shutil.copytree(os.path.join(SOURCE, "scripts"), scripts)
        with open(os.path.join(scripts, "sandbox/portal/assets/style.css"), "w", encoding="utf-8") as file:
            file.write("/* mine */" * 1000)
        self.env["JETON_SCRIPTS"] = scripts
        status, headers, body = self.page(self.sandbox(), "/portal/assets/style.css")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/css; charset=utf-8")
        self.assertEqual(body, b"/* mine */" * 1000)

    def test_the_start_names_it(self):
        sandbox = self.sandbox()
        sandbox.process.terminate()
        self.assertIn(f"In a browser:\n  {sandbox.url}/\n", sandbox.process.stdout.read().decode())

    def test_a_database_from_before_it(self):
        path = os.path.join(self.folder, "sandbox.db")
        db = sqlite3.connect(path)
        with open(os.path.join(SOURCE, "tests/e2e/sandbox/sandbox_7.sql"), encoding="utf-8") as script:
            db.executescript(script.read())
        number, sender = db.execute("SELECT (SELECT number FROM groups LIMIT 1), (SELECT id FROM users LIMIT 1)").fetchone()
        with db:
            for at in (5, 2, 5):
                db.execute("INSERT INTO messages (reference_id, group_number, sender_id, connector_id, text, reply_to,"
                           " to_group, to_all_subscribers, sent_at) VALUES (hex(randomblob(8)), ?, ?, '', '', '', 1, 0, ?)",
                           (number, sender, at))
            for at in (3, 5):
                db.execute("INSERT INTO actions (id, reference_id, group_number, type, package_id, sender_id, connector_id,"
                           " body, to_group, to_all_subscribers, created_at) VALUES (hex(randomblob(8)),"
                           " hex(randomblob(8)), ?, 'Job', '', ?, '', '{}', 1, 0, ?)", (number, sender, at))
        db.close()
        os.chmod(path, 0o600)
        sandbox = self.sandbox("--db", path)
        status, _, body = sandbox.call("GET", "/v1/accessToken", headers={
            "applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET, "refreshToken": TENANT_TOKEN})
        self.assertEqual(status, 200, body)
        self.assertEqual(self.page(sandbox)[0], 200)
        status, _, body = sandbox.call("POST", "/v1/generatePin",
                                       {"mobileNumber": "+33100000001", "applicationId": APPLICATION_ID})
        self.assertEqual(status, 200, body)
        sandbox.stop()
        db = sqlite3.connect(path)
        self.assertEqual(db.execute("SELECT phone, connector_id, user_id, hash, ended FROM pins ORDER BY number")
                         .fetchone(), ("+33100000002", APPLICATION_ID, None, "00:00", 0))
        self.assertEqual(db.execute("SELECT phone_added_at FROM users").fetchall(), [(0,), (0,)])
        self.assertEqual(db.execute("SELECT description FROM connectors").fetchall(), [("",)])
        # What was said has one order: by time, messages before actions of the same second.
        said = "SELECT position FROM %s ORDER BY number"
        self.assertEqual(db.execute(said % "messages").fetchall(), [(3,), (1,), (4,)])
        self.assertEqual(db.execute(said % "actions").fetchall(), [(2,), (5,)])
        used = db.execute("SELECT last_used_at IS NOT NULL FROM refresh_tokens ORDER BY id").fetchall()
        self.assertEqual(used, [(1,), (0,), (0,)])
        self.assertEqual(db.execute("PRAGMA foreign_key_check").fetchall(), [])
        db.close()


if __name__ == "__main__":
    unittest.main()
