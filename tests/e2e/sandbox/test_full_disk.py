"""The sandbox whose disk is full for a while: what it says, and what it goes on with then."""

import contextlib
import json
import os
import resource
import sqlite3
import time
import unittest

import support
from service import Service
from support import APPLICATION_ID, APPLICATION_SECRET, GROUP, TENANT_TOKEN


class FullDisk(support.Case):
    def setUp(self):
        super().setUp()
        self.db = os.path.join(self.folder, "sandbox.db")
        self.box = self.sandbox("--db", self.db)

    @contextlib.contextmanager
    def full(self):
        """Nothing can be written to files meanwhile."""
        pid = self.box.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
        yield
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    def get(self, path):
        return json.loads(self.box.call("GET", "/_sandbox/" + path)[2])

    def test_the_clock_does_not_move(self):
        for body in ({"advance_s": 3600}, {"stands_at": 1_800_000_000}):
            with self.full():
                self.assertEqual(self.box.call("POST", "/_sandbox/clock", body)[0], 500)
            clock = self.get("clock")
            self.assertEqual(clock["advance_s"], 0)
            self.assertLess(abs(clock["now"] - time.time()), 60)
        self.assertEqual(self.box.steer("clock", {"advance_s": 3600})["advance_s"], 3600)

    def test_a_reset_changes_nothing(self):
        upload = os.path.join(self.db + ".media", "5" * 64)
        with open(upload, "wb") as file:
            file.write(b"an upload")
        with contextlib.closing(sqlite3.connect(self.db)) as file, file:
            file.execute("INSERT INTO media (id, type, name, content_type, hash, size, created_at) "
                         "VALUES ('1', 'Document', 'x', '', ?, 9, 0)", ("5" * 64,))
        self.box.steer("clock", {"advance_s": 3600})
        self.box.steer("switches", {"per_minute": 7})
        with self.full():
            self.assertEqual(self.box.call("POST", "/_sandbox/reset", {})[0], 500)
        self.assertTrue(os.path.exists(upload))
        self.assertEqual((self.get("clock")["advance_s"], self.get("switches")["per_minute"]), (3600, 7))
        self.box.steer("reset", {})
        self.assertFalse(os.path.exists(upload))
        self.assertEqual(self.get("clock")["advance_s"], 0)

    def test_a_delivery_is_made_again(self):
        """After a pause, not at once: what came of it could not be written."""
        sent = []

        def receive(request):
            if request["method"] == "GET":
                return 200, {}, request["path"].rpartition("validationToken=")[2].encode()
            sent.append(time.monotonic())
            self.limits.enter_context(self.full())
            return 200, {}, b""
        receiver = Service(receive)
        self.addCleanup(receiver.stop)
        self.limits = contextlib.ExitStack()
        token = json.loads(self.box.call("GET", "/v1/accessToken", headers={
            "applicationId": APPLICATION_ID, "applicationSecret": APPLICATION_SECRET,
            "refreshToken": TENANT_TOKEN})[2])["accessToken"]
        status, _, text = self.box.call("POST", "/v1/webhook", {
            "objectId": GROUP, "objectType": "Group", "eventTypes": ["JobCreated"], "callBackUrl": receiver.url},
            {"accessToken": token})
        self.assertEqual(status, 200, text)
        self.box.steer("trigger", {"event": "JobCreated"})
        support.wait_until(lambda: sent)
        time.sleep(2)
        self.assertEqual((len(sent), self.get("deliveries")["deliveries"][0]["state"]), (1, "waiting"))
        with self.limits:
            pass
        support.wait_until(lambda: len(sent) == 2)
        self.assertGreater(sent[1] - sent[0], 4)
        with self.limits:
            pass
        support.wait_until(lambda: len(sent) == 3, 30)
        self.assertGreater(sent[2] - sent[1], 9)


if __name__ == "__main__":
    unittest.main()
