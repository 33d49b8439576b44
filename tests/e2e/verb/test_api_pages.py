"""`jeton api --paginate` against the sandbox: every operation that comes in pages is one valid document."""

import json
import unittest
import urllib.parse

import support
from service import Service

NEWS = "c9a7e0d4-2b8f-4f3e-b1d6-9e4a7c5d8f03@1"
SUBSCRIBERS, ACTIONS, REACTIONS, GROUPS = 70, 35, 120, 60

# Operations whose rows say that a list goes on: a cursor, hasMore, or an offset of results.
FIND_PAGED = """
local operations, json = require "sandbox.operations", require "jeton.json"
local out = {}
for _, operation in ipairs(operations) do
  local pages = false
  for _, list in ipairs { operation.reply, operation.query or {} } do
    for _, field in ipairs(list) do
      pages = pages or field[1] == "cursor" or field[1] == "hasMore" or field[1] == "resultsOffset"
    end
  end
  if pages then out[operation.name] = operation.path end
end
print(json.encode(out))
"""


class Pages(support.Case):
    def setUp(self):
        super().setUp()
        self.server = self.sandbox("--rate-limit", "0")
        self.configure(self.server.base)

    def fill(self):
        """More of everything than a page holds."""
        phones = [f"+33170{i:06}" for i in range(SUBSCRIBERS)]
        self.server.steer("groups", {"id": NEWS, "name": "News", "type": "ConnectGroup",
                                     "admins": ["+33100000001"], "subscribers": phones})
        for i in range(GROUPS):
            self.server.steer("groups", {"name": f"Team {i:02}", "admins": ["+33100000001"]})
        token = json.loads(self.ok("token", "contoso", "--json", "--show").stdout)["access_token"]
        self.headers = {"accessToken": token}
        for _ in range(ACTIONS):  # several pages of them in one second
            self.post("actions", {"actionType": "Announcement", "actionBody": {"message": "x"}})
        self.reference = self.post("messages", {"message": "x"})["referenceId"]
        for reference in [self.reference] * REACTIONS + [
                self.post("messages", {"message": "x"})["referenceId"] for _ in range(REACTIONS)]:
            self.post("reaction", {"referenceId": reference, "sourceGroupId": support.GROUP,
                                   "reactionType": "Comment", "comment": "y"})

    def post(self, path, value):
        status, _, body = self.server.call("POST", f"/v1/groups/{support.GROUP}/{path}", value, self.headers)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def test_every_paged_operation(self):
        self.fill()
        group, source = f"groups/{support.GROUP}", f"sourceGroupId={support.GROUP}"
        cases = {
            "subscribers.list": (["POST", f"groups/{NEWS}/subscribers"], "subscribers", SUBSCRIBERS),
            "subscribers.list_by_get": ([f"groups/{NEWS}/subscribers"], "subscribers", SUBSCRIBERS),
            "actions.list": ([f"{group}/actions?actionType=Announcement&count=10"], "actions", ACTIONS),
            "reactions.summaries": ([f"{group}/reaction/summary?{source}"], "summary", REACTIONS + 1),
            "reactions.details": ([f"{group}/reaction/{self.reference}?{source}"], "reactionDetails", REACTIONS),
            "tenant.find_groups": (["tenant/findGroupsByQuery?query=Team&pageSize=25"], "groups", GROUPS),
        }
        self.write("paged.lua", FIND_PAGED)
        paged = json.loads(self.ok("run", "paged.lua").stdout)
        self.assertEqual(sorted(cases), sorted(paged))
        for name, (words, field, count) in cases.items():
            with self.subTest(name):
                document = json.loads(self.ok("api", "--paginate", *words).stdout)
                self.assertEqual(len(document[field]), count)
                self.assertEqual(len({json.dumps(item) for item in document[field]}), count)

    def test_a_head_and_fields_from_standard_input(self):
        done = self.ok("api", "POST", f"groups/{support.GROUP}/messages", "--input", "-", "--include",
                       input="{'message': 'from a pipe',}")
        head, body = done.stdout.split("\n\n")
        self.assertTrue(head.startswith("HTTP 200\n"))
        self.assertEqual(list(json.loads(body)), ["referenceId"])


class OddValues(support.Case):
    def test_one_bad_value_does_not_hide_the_list(self):
        page = (b'{"actions": [{"groupName": "Sales \\ud83d", "seq": 18446744073709551615, "x": 1e400, "y": 1.50,'
                b' "z": NaN}, {"groupName": "Caf\xe9"}]}')
        service = Service(lambda request: (200, {}, page) if "/actions" in request["path"] else None)
        self.addCleanup(service.stop)
        self.configure(service.base)
        done = self.ok("api", "--paginate", "groups/g/actions?actionType=Job")
        self.assertEqual(done.stdout.strip(),
                         '{"actions":[{"groupName":"Sales \ufffd","seq":18446744073709551615,"x":1e400,"y":1.50,'
                         '"z":"NaN"},{"groupName":"Caf\ufffd"}]}')


    def test_an_offset_that_no_integer_holds(self):
        service = Service(lambda request: (200, {}, {"groups": [{"groupName": "a"}]}) if "find" in request["path"] else None)
        self.addCleanup(service.stop)
        self.configure(service.base)
        for offset, requests in ((2 ** 63 - 3, 3), (2 ** 63 - 1, 1), (10 ** 30, 1)):
            with self.subTest(offset=offset):
                service.received.clear()
                self.fails(1, "api", "--paginate", f"tenant/findGroupsByQuery?query=a&resultsOffset={offset}",
                           says=f"resultsOffset: no page follows: it would be over {2 ** 63 - 1}")
                self.assertEqual(len(service.paths("")) - len(service.paths("/accessToken")), requests)


class OneSecond(support.Case):
    """More actions are of one second than fit a page; the cursor of the list knows seconds alone."""

    def list_actions(self, times, limit):
        """Serves actions of these times, at most `limit` a page; what jeton says of them."""
        def answer(request):
            path, _, query = request["path"].partition("?")
            if not path.endswith("/actions"):
                return None
            query = dict(urllib.parse.parse_qsl(query))
            count = int(query.get("count", 3))
            found = [{"referenceId": f"r{i}", "actionType": "Job", "creationTime": time, "actionBody": {}}
                     for i, time in enumerate(times) if time >= int(query.get("fromDate", 0))]
            page = found[:min(count, limit)]
            return 200, {}, {"actions": page, "hasMore": len(page) < len(found)}
        service = Service(answer)
        self.addCleanup(service.stop)
        self.configure(service.base)
        return self.jeton("api", "--paginate", "groups/g/actions?actionType=Job")

    def test_all_come_once(self):
        times = [100, 100] + [200] * 40 + [300, 400, 400]
        done = self.list_actions(times, limit=1000)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([a["referenceId"] for a in json.loads(done.stdout)["actions"]],
                         [f"r{i}" for i in range(len(times))])

    def test_a_service_that_does_not_list_on(self):
        done = self.list_actions([200] * 1200 + [300], limit=1000)
        self.assertEqual(done.returncode, 1)
        self.assertIn("more than 1000 actions have the same second", done.stderr)
        self.assertIn("fromDate=201", done.stderr)


if __name__ == "__main__":
    unittest.main()
