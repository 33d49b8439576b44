"""What tests of scripts/examples share: the examples in a private folder, and what a sandbox received of them."""

import base64
import csv
import json
import os
import shutil
import time

import support

EXAMPLES = os.path.join(support.SOURCE, "scripts/examples")
ALICE, BOB = "+33100000001", "+33100000002"  # of the seed; the connector is Alice's


class Example(support.Case):
    def setUp(self):
        super().setUp()
        # Whatever the modes of the sources are.
        shutil.copytree(EXAMPLES, self.folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        for folder, _, files in os.walk(self.folder):
            os.chmod(folder, 0o700)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o600)

    def example(self, name):
        return os.path.join(self.folder, name)


class WithSandbox(Example):
    """One sandbox for several runs; the examples use it by the configuration in their folder."""

    def setUp(self):
        super().setUp()
        self.service = self.sandbox()
        self.service.steer("switches", {"per_minute": 0, "tenant_per_minute": 0})
        self.configure(self.service.base)

    def state_of_service(self):
        return json.loads(self.service.call("GET", "/_sandbox/state")[2])

    def actions(self, kind):
        return [action for action in self.state_of_service()["actions"] if action["type"] == kind]

    def messages(self):
        return self.state_of_service()["messages"]

    def call_as(self, refresh_token, method, path, data=None):
        """A call of somebody else's client; its reply."""
        headers = {"applicationId": support.APPLICATION_ID, "applicationSecret": support.APPLICATION_SECRET,
                   "refreshToken": refresh_token}
        token = json.loads(self.service.call("GET", "/v1/accessToken", headers=headers)[2])["accessToken"]
        status, _, body = self.service.call(method, "/v1" + path, data, {"accessToken": token})
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def respond_as_bob(self, action, body):
        return self.call_as(support.MEMBER_TOKEN, "POST", f"/groups/{action['group']}/actions/{action['id']}/responses",
                            {"actionType": action["type"], "actionBody": body})

    def content(self, media_resource):
        """The bytes of a picture that was uploaded."""
        resource = json.loads(base64.b64decode(media_resource))
        status, _, body = self.service.call("GET", "/v1/media/" + resource["id"])
        self.assertEqual(status, 200)
        return body

    def read_csv(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8", newline="") as file:
            return list(csv.reader(file))


def zone(days):
    """A TZ in which a day has just begun: today's (0), or tomorrow's (1), whenever the test runs."""
    return f"LOC{time.gmtime().tm_hour - 24 * days}"
