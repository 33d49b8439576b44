"""A client of the Kaizala API as third parties wrote them: urllib, naive joins, redirects followed by themselves.

It knows nothing of jeton. Its expectations are those of the published reference: success is 200 with a JSON
object that has neither errorCode nor message, an error is JSON that has both.
"""

import http.client
import json
import urllib.error
import urllib.request

import support

ALICE, BOB, CHITRA, UNKNOWN = "+33100000001", "+33100000002", "+33100000003", "+33100000099"
NEWS = "c9a7e0d4-2b8f-4f3e-b1d6-9e4a7c5d8f03@1"  # a public group: a ConnectGroup
NOTHING = "00000000-0000-4000-8000-000000000000"


class Reply:
    def __init__(self, status, headers, content):
        self.status = status
        self.headers = headers
        self.content = content
        self.json = json.loads(content)


class Naive:
    """One refresh token, exchanged when the client is made."""

    def __init__(self, root, refresh_token, application_id=support.APPLICATION_ID,
                 secret=support.APPLICATION_SECRET):
        self.root = root
        self.credentials = {"applicationId": application_id, "applicationSecret": secret,
                            "refreshToken": refresh_token}
        self.login = self.exchange().json
        if "errorCode" in self.login:
            raise AssertionError(self.login)
        self.token = self.login["accessToken"]
        self.endpoint = self.login["endpointUrl"]

    def exchange(self, **headers):
        return send(self.root + "/v1/accessToken", headers={**self.credentials, **headers})

    def call(self, method, path, value=None, headers=None, body=None):
        """`path` is joined to the endpoint as clients do: without a look at its slash."""
        if value is not None:
            body = json.dumps(value).encode()
        return send(self.endpoint + "/v1" + path, method, body,
                    {"accessToken": self.token, "Content-Type": "application/json", **(headers or {})})

    def get(self, path, **headers):
        return self.call("GET", path, headers=headers)


def send(url, method="GET", body=None, headers=None):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as reply:
            return Reply(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())


def bare(url, method, path, headers=(), body=None):
    """A request with these headers and no others but Host and Content-Length: no User-Agent, no Accept."""
    connection = http.client.HTTPConnection(url.split("//")[1].rstrip("/"), timeout=60)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    reply = connection.getresponse()
    got = Reply(reply.status, reply.headers, reply.read())
    connection.close()
    return got


class Case(support.Case):
    """One sandbox for all tests of a class; each test finds it as it started, with a public group."""

    options = ("--rate-limit", "0")
    sandbox = holder = None

    @classmethod
    def setUpClass(cls):
        holder = support.Case("run")
        holder.setUp()
        cls.addClassCleanup(holder.doCleanups)
        cls.holder = holder
        cls.sandbox = cls.another(*cls.options)

    @classmethod
    def another(cls, *options):
        """One more sandbox, of other options."""
        sandbox = support.Sandbox(cls.holder.folder, cls.holder.env, *options)
        cls.addClassCleanup(sandbox.stop)
        return sandbox

    def setUp(self):
        self.root = self.sandbox.url
        self.steer("reset", {})
        self.steer("users", {"phone": CHITRA, "name": "Chitra Rao"})
        self.steer("groups", {"id": NEWS, "name": "News", "type": "ConnectGroup", "admins": [ALICE],
                              "members": [CHITRA], "subscribers": [BOB, CHITRA]})
        self.tenant = Naive(self.root, support.TENANT_TOKEN)
        self.member = Naive(self.root, support.MEMBER_TOKEN)
        self.group = Naive(self.root, support.GROUP_TOKEN)

    def steer(self, path, value):
        return self.sandbox.steer(path, value)

    def state(self):
        state = json.loads(self.sandbox.call("GET", "/_sandbox/state")[2])
        del state["clock"]
        state["counts"].pop("requests")
        state["counts"].pop("exchanges")
        return state

    def newest(self):
        return self.state()["messages"][-1]

    def done(self, reply):
        """The body of a success, as every success must be."""
        self.assertEqual(reply.status, 200, reply.content)
        self.assertEqual(reply.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertIsInstance(reply.json, dict)
        self.assertNotIn("errorCode", reply.json)
        self.assertNotIn("message", reply.json)
        return reply.json

    def refused(self, reply, status, code=None):
        """The message of an error, as every error must be."""
        self.assertEqual(reply.status, status, reply.content)
        self.assertEqual(reply.headers["Content-Type"], "application/json; charset=utf-8")
        for name in ("errorCode", "message"):
            self.assertIsInstance(reply.json[name], str)
            self.assertTrue(reply.json[name])
        if code:
            self.assertEqual(reply.json["errorCode"], code)
        return reply.json["message"]

    def members(self, group=support.GROUP):
        return {m["mobileNumber"]: m for m in self.done(self.tenant.get(f"/groups/{group}/members"))["members"]}
