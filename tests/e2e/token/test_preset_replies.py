"""Each preset against the replies of its service: good, rotated, too many requests, dead."""

import json
import os
import re
import time
import unittest

from oauth2 import OAuth2
from preset_connectors import connector, refreshes
from preset_replies import PERSON, REPLIES, WORDS
from service import Service


class Replies(OAuth2):
    def setUp(self):
        super().setUp()
        self.presets = {preset["name"]: preset for preset in json.loads(self.ok("presets", "--json").stdout)
                        if preset["kind"] == "service"}
        self.answers = {name: [] for name in self.presets}  # statuses, headers and replies to come
        self.sent = {name: [] for name in self.presets}     # refresh tokens that came; None: none
        self.counts = dict.fromkeys(self.presets, 0)
        self.service = Service(self.answer)
        self.addCleanup(self.service.stop)

    def answer(self, request):
        name = request["path"].split("?")[0].rpartition("/")[2]
        body = request["body"].decode()
        found = re.search(r'refresh_token(?:=|": *")([^&"]+-refresh-\d+)', body)
        self.sent[name].append(found and found[1])
        for refused in REPLIES[name]["refuses"]:
            if re.search(rf'(^|[&"]){refused}["=]', body):
                return 400, {}, {"error": "invalid_request", "error_description": f"{refused} parameter not supported"}
        return self.answers[name].pop(0)

    def fill(self, name, value):
        if isinstance(value, dict):
            return {key: self.fill(name, inner) for key, inner in value.items()}
        at = time.time() + 3600
        return {"@access": f"{name}-access-{self.counts[name]}", "@refresh": f"{name}-refresh-{self.counts[name]}",
                "@iso": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), "@epoch": int(at),
                "@ms": str(int(at * 1000))}.get(value, value) if isinstance(value, str) else value

    def good(self, name):
        self.counts[name] += 1
        return 200, {}, self.fill(name, REPLIES[name]["good"])

    def all(self, *options, status=0):
        """`jeton token NAME` for all at once; their outputs."""
        running = {name: self.start("token", name, "--json", "--show", *options) for name in self.presets}
        ended = {}
        for name, process in running.items():
            out, err = process.communicate(timeout=60)
            self.assertIn(process.returncode, (status(name) if callable(status) else status,), (name, out, err))
            ended[name] = json.loads(out) if out else err.decode()
        return ended

    def told(self):
        return {row["connector"]: row for row in json.loads(self.jeton("token", "--json").stdout)}

    def check_first(self):
        for name, token in self.all().items():
            with self.subTest(name):
                expected = REPLIES[name]
                self.assertEqual(token["access_token"], name + "-access-1")
                endpoint = self.presets[name]["connector"]["endpoint"]
                if "{" not in endpoint:
                    self.assertEqual(token["endpoint_url"], expected.get("endpoint", endpoint))
                self.assertEqual(token["endpoint_url"] or "", expected.get("endpoint", token["endpoint_url"]))
                left = time.mktime(time.strptime(token["expires_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.time()
                self.assertAlmostEqual(left, expected["life"] or 3600, delta=60)
                self.assertEqual(self.sent[name], [name + "-refresh-0" if refreshes(self.presets[name]) else None])

    def check_lifetimes(self):
        for name, row in self.told().items():
            if "refresh" in REPLIES[name]:
                left = time.mktime(time.strptime(row["refresh_expires_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.time()
                self.assertAlmostEqual(left, REPLIES[name]["refresh"], delta=60, msg=name)

    def latest(self, name, count):
        """The refresh token after so many good replies."""
        if not refreshes(self.presets[name]):
            return None
        return f"{name}-refresh-{count if '@refresh' in json.dumps(REPLIES[name]['good']) else 0}"

    def test_replies(self):
        self.env["TZ"] = "UTC"
        os.environ["TZ"] = "UTC"
        time.tzset()
        self.assertEqual(sorted(REPLIES), sorted(self.presets))
        self.write("jeton.yaml", json.dumps({"version": 1, "state": self.state, "connectors": {
            name: {**connector(preset, self.folder), "token_url": f"{self.service.url}/{name}", "retries": 1}
            for name, preset in self.presets.items()}}))
        for name in self.presets:
            self.answers[name].append(self.good(name))
        self.check_first()
        self.check_lifetimes()

        # Too many requests: waited for where the service says it by its status, and never taken for a dead grant.
        waits = {name: REPLIES[name]["throttled"][0] == 429 for name in self.presets}
        for name in self.presets:
            status, body = REPLIES[name]["throttled"]
            self.answers[name] = [(status, {"Retry-After": "0"}, body)] + ([self.good(name)] if waits[name] else [])
        self.all("--refresh", status=lambda name: 0 if waits[name] else 4)
        for name, row in self.told().items():
            with self.subTest(name, part="throttled"):
                self.assertEqual(self.answers[name], [])
                self.assertEqual(self.sent[name][1:], [self.latest(name, 1)] * (2 if waits[name] else 1))
                self.assertNotEqual(row["status"], PERSON)

        # Rotated: the one that came last is sent. Dead: what a person has to do with, and what ends by itself.
        for name in self.presets:
            status, body = REPLIES[name]["dead"]
            self.sent[name].clear()
            self.answers[name] = [(status, {}, body)]
        said = self.all("--refresh", status=4)
        for name, row in self.told().items():
            with self.subTest(name, part="dead"):
                self.assertEqual(self.sent[name], [self.latest(name, 2 if waits[name] else 1)])
                self.assertEqual(row["status"] == PERSON, REPLIES[name]["ends"] == PERSON, said[name])
                self.assertNotIn("the-secret-of", said[name])
                self.assertNotIn("-refresh-", said[name])

    def test_unsure(self):
        """What was not read at the service says so in the preset."""
        for name, preset in self.presets.items():
            self.assertEqual({WORDS[part] for part in REPLIES[name]["unsure"]},
                             set(WORDS.values()) & set(preset["about"]["unsure"]), name)


if __name__ == "__main__":
    unittest.main()
