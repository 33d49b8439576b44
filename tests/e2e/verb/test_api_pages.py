"""`jeton api --paginate` against the sandbox: every operation that comes in pages is one valid document."""

import json
import re
import resource
import unittest
import urllib.parse

import support
from oauth2 import OAuth2
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

    def test_a_search_goes_on_after_a_short_page(self):
        groups = [{"groupId": f"g{i}", "groupName": f"a{i}"} for i in range(5)]
        def answer(request):
            if "find" not in request["path"]:
                return None
            offset = int(re.search(r"resultsOffset=(\d+)", request["path"]).group(1)) if pages else 0
            return 200, {}, {"groups": groups[offset:offset + 2]}
        service = Service(answer)
        self.addCleanup(service.stop)
        self.configure(service.base)
        for pages, found in ((True, 5), (False, 2)):  # False: it takes no offset, and gives the same again
            self.assertEqual(self.ok("run", "-e", "print(#require('kaizala').connect():find_groups('a'):all())").stdout, f"{found}\n")

    def test_a_cursor_that_cannot_be_sent_back(self):
        """What follows it is not left out with status 0."""
        for cursor in ({}, [], True, 0.5, 2 ** 64):
            with self.subTest(cursor=cursor):
                page = {"reactionDetails": [{"reactionId": "r"}], "summary": [
                    {"referenceId": "r", "reactionsCountMap": {}}], "cursor": cursor}
                service = Service(lambda request, page=page: (200, {}, page) if "/reaction" in request["path"] else None)
                self.addCleanup(service.stop)
                self.configure(service.base)
                self.fails(1, "api", "--paginate", "groups/g/reaction/r?sourceGroupId=g",
                           says="page 1: 'cursor' is neither a text nor a whole number of 64 bits")
                for call in ("reactions('r')", "reaction_summaries()"):
                    self.fails(1, "run", "-e", f"print(#require('kaizala').connect():group('g'):{call}:all())",
                               says="the reply's cursor is no whole number")

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

    def test_what_an_item_costs_is_bounded(self):
        """Seconds of CPU: each item that was compared with all others would take a minute."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        items = [{"referenceId": f"r{i}", "creationTime": 200} for i in range(200000)]
        service = Service(lambda request: (200, {}, {"actions": items, "hasMore": False})
                          if "/actions" in request["path"] else None)
        self.addCleanup(service.stop)
        self.configure(service.base)
        done = self.ok("api", "--paginate", "groups/g/actions?actionType=Job")
        self.assertEqual(done.stdout.count("referenceId"), len(items))
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, 20)

    def test_a_service_that_does_not_list_on(self):
        done = self.list_actions([200] * 1200 + [300], limit=1000)
        self.assertEqual(done.returncode, 1)
        self.assertIn("more than 1000 actions have the same second", done.stderr)
        self.assertIn("fromDate=201", done.stderr)


class Links(OAuth2):
    """Lists of other services go on where the reply's Link says (RFC 8288)."""

    def serve(self, *pages, **keys):
        """Page n at /api/items?page=n: (body, what follows `Link: `)."""
        def answer(request):
            number = int(dict(urllib.parse.parse_qsl(request["path"].partition("?")[2])).get("page", 1))
            body, link = self.bodies[number - 1]
            return 200, {"Link": link.replace("URL", grants.url)} if link else {}, body
        self.bodies = list(pages)
        grants = self.grants(answer)
        self.daemon(grants, **keys)
        self.grants_now = grants

    def pages(self, *options, path="items?per=2"):
        return json.loads(self.ok("api", "--paginate", *options, path).stdout)

    def paths(self):
        return [r["path"] for r in self.grants_now.service.received if not r["path"].startswith("/token")]

    def test_lists_are_joined(self):
        self.serve(([1, {"a": 2}], '<URL/api/items?page=2&cursor=a%2Cb>; rel="next", <URL/x>; rel="last"'),
                   ([], '<?page=3>; rel=next'), ([3], '<URL/api/items?page=1>; rel="first"'))
        self.assertEqual(self.pages(), [1, {"a": 2}, 3])
        self.assertEqual(self.paths(), ["/api/items?per=2", "/api/items?page=2&cursor=a%2Cb", "/api/items?page=3"])
        self.assertEqual({r["headers"]["Authorization"] for r in self.grants_now.service.received[1:]},
                         {"Bearer access-token-1"})
        self.assertEqual(self.ok("api", "items?per=2").stdout, '[1, {"a": 2}]')

    def test_an_object_with_one_list(self):
        self.serve(({"total": 3, "items": [1, 2]}, "<?page=2>; rel=next"), ({"total": 4, "items": [3], "more": {}}, None))
        self.assertEqual(self.pages(), {"total": 4, "items": [1, 2, 3], "more": {}})

    def test_which_list_is_said(self):
        self.serve(({"data": {"a/b": [1], "x": [9]}, "errors": []}, "<?page=2>; rel=next"),
                   ({"data": {"a/b": [2], "x": [8]}, "errors": []}, None))
        self.assertEqual(self.pages("--list", "/data/a~1b"), {"data": {"a/b": [1, 2], "x": [8]}, "errors": []})
        self.fails(2, "api", "--paginate", "items", "--list", "/data/c", says="--list: there is no list at '/data/c'")
        self.fails(2, "api", "--paginate", "items", "--list", "data", says="expected a JSON Pointer")
        self.fails(2, "api", "items", "--list", "/data", says="--list needs --paginate")
        self.fails(2, "api", "--paginate", "POST", "items", says="followed by GET, not by POST")

    def test_no_list_is_clear(self):
        for body in ({"a": [], "b": []}, {"a": 1}, "text"):
            with self.subTest(body=body):
                self.serve((body, None))
                self.fails(2, "api", "--paginate", "items", says="--list POINTER")

    def test_links_that_lead_elsewhere(self):
        other = self.grants(lambda request: (200, {}, []))
        for link, status, says in ((f"<{other.url}/api/items>", 4, "allow_hosts"),
                                   ("<http://api.example.org/items>", 4, "not encrypted"),
                                   (f"<//{other.url[7:]}/x>", 4, "allow_hosts"),
                                   ("<https://user:pw@127.0.0.1/x>", 1, "user information"),
                                   ("<file:///etc/passwd>", 1, "Link"), ("<http://>", 1, "Link")):
            with self.subTest(link=link):
                self.serve(([1], link + '; rel="next"'))
                self.fails(status, "api", "--paginate", "items", says=says)
                self.assertEqual((len(self.paths()), other.service.received), (1, []))

    def test_the_body_names_the_next_page(self):
        for first in ({"@odata.nextLink": "URL"}, {"nextLink": "URL"}, {"next": "URL"}, {"links": {"next": "URL"}},
                      {"_links": {"next": {"href": "URL"}}}, {"links": {"pages": {"last": "x", "next": "URL"}}},
                      {"_metadata": {"next": "URL"}}, {"next_href": "URL"}, {"after_url": "URL", "end_of_stream": False}):
            with self.subTest(first=first):
                self.serve(({}, None), ({"value": [3], "next": None, "links": {}, "has_more": False, "isLast": True}, None))
                first = json.loads(json.dumps(first).replace("URL", self.grants_now.url + "/api/items?page=2"))
                self.bodies[0] = {"value": [1, 2], **first}, None
                self.assertEqual(self.pages()["value"], [1, 2, 3])
                self.assertEqual(self.paths(), ["/api/items?per=2", "/api/items?page=2"])
        other = self.grants(lambda request: (200, {}, []))
        self.serve(({"value": [1], "@odata.nextLink": other.url + "/items"}, None))
        self.fails(4, "api", "--paginate", "items", says="allow_hosts")
        self.serve(({"value": [1], "next": "http://127.0.0.1:1/x"}, "<?page=2>; rel=next"), ({"value": [2]}, None))
        self.assertEqual(self.pages(), {"value": [1, 2]})  # a Link comes first
        for end in ({"startAt": 50, "maxResults": 50, "total": 100}, {"offset": 0, "limit": 0, "total_count": 9},
                    {"offset": 0, "limit": 2**63 - 1, "total": 2**63 - 1}, {"offset": "0", "limit": 1, "total": 9},
                    {"total_count": 9, "incomplete_results": False}, {"next": "", "links": {"next": None}, "has_more": {}},
                    {"startAt": 0, "maxResults": 50, "total": 51, "isLast": True}, {"info": {"more_records": False}},
                    {"pagination": {"page": 2, "pageSize": 100, "pageCount": 2}}, {"page_number": 2, "page_count": 2},
                    {"page_number": 0, "page_count": 1}, {"next_cursor": 0, "next_page": "0", "nextPage": False},
                    {"after": "2026-01-01"},  # the request's own, at the top
                    {"page_context": {"page": 2, "per_page": 25, "has_more_page": False}}, {"has-more": False, "vid-offset": 7},
                    {"nextPage": "https://example.org/worklog/updated?since=9", "lastPage": True}, {"last": True, "page": 0, "totalPages": 1},
                    {"isLastPage": True, "_links": {"next": "https://example.org/2"}}, {"last": "https://example.org/9"},
                    {"startIndex": 1, "itemsPerPage": 2, "totalResults": 2}, {"startIndex": 3, "itemsPerPage": 2, "totalResults": 4},
                    {"Page": 2, "PerPage": 50, "TotalCount": 100}, {"Page": 2**62, "PerPage": 4, "TotalCount": 2**62},
                    {"page": 3, "pages": 3}, {"page": 1, "total_pages": 0}, {"offset": "100", "cursor": ""}, {"cursor": None, "offset": 7},
                    {"more": False, "limit": 25, "offset": 0, "total": None}, {"last_page": 1}, {"last_page": True},
                    {"metadata": {"continue": ""}}, {"meta": {"next_page": None, "current_page": 2, "total_pages": 2, "links": {"next": ""}}},
                    {"cursor": "c", "has_more": False}, {"result_info": {"page": 2, "total_pages": 2, "cursors": {}}},
                    {"additional_data": {"pagination": {"more_items_in_collection": False}, "next_cursor": None}},
                    {"after_url": "https://example.org/3", "end_of_stream": True}, {"page": {"size": 2, "number": 2, "totalPages": 3}},
                    {"paging": {"start": 10, "count": 10, "total": 20, "links": [{"rel": "prev", "href": "/items"}]}},
                    {"result_info": {"cursor": ""}}):
            with self.subTest(end=end):
                self.serve(({"value": [1], **end}, None))
                self.assertEqual(self.pages(), {"value": [1], **end})

    def test_a_body_that_says_how_to_go_on_is_not_the_whole_list(self):
        """It was printed as if there were no more."""
        for more, name in (({"nextPageToken": "CAE="}, "nextPageToken"), ({"next": "/services/2"}, "next"),
                           ({"paging": {"next": {"after": "525", "link": "?after=525"}}}, "paging/next"),
                           ({"response_metadata": {"next_cursor": "dXNlcjpV"}}, "next_cursor"), ({"has_more": True}, "has_more"),
                           ({"next_marker": "AAA"}, "next_marker"), ({"meta": {"has_more": True}}, "has_more"), ({"isLast": False}, "isLast"),
                           ({"startAt": 0, "maxResults": 50, "total": 51}, "total"),
                           ({"offset": 100, "limit": 100, "total_count": 201}, "total_count"),
                           ({"start": 0, "limit": 50, "total": 51}, "total"), ({"info": {"more_records": True}}, "more_records"),
                           ({"pagination": {"page": 1, "pageSize": 100, "pageCount": 2}}, "pageCount"),
                           ({"page_number": 1, "page_count": 2}, "page_count"), ({"paging": {"page": 1, "pages": 2}}, "pages"),
                           ({"nextUri": "/envelopes?start_position=1"}, "nextUri"),
                           ({"page_context": {"page": 1, "per_page": 200, "has_more_page": True}}, "has_more_page"),
                           ({"page_info": {"page": 1, "has_next_page": True}}, "has_next_page"), ({"pageToken": "BE5I4", "totalRows": "9"}, "pageToken"),
                           ({"nextPageUrl": "/services/data/v62.0/x?page=1", "total": 90}, "nextPageUrl"), ({"has-more": True, "vid-offset": 7}, "has-more"),
                           ({"startIndex": 1, "itemsPerPage": 2, "totalResults": 3}, "totalResults"),
                           ({"startIndex": 3, "itemsPerPage": 2, "totalResults": 5}, "totalResults"),
                           ({"Page": 2, "PerPage": 50, "TotalCount": 101}, "TotalCount"), ({"page": 1, "pages": 2, "size": 50}, "pages"),
                           ({"cursor": "CAAS"}, "cursor"), ({"offset": "itr/rec"}, "offset"), ({"more": True, "limit": 25, "offset": 0, "total": None}, "more"),
                           ({"last_page": False}, "last_page"), ({"skip": 0, "limit": 100, "total": 101}, "total"),
                           ({"result_info": {"page": 1, "total_pages": 2}}, "total_pages"), ({"result_info": {"cursors": {"after": "x"}}}, "after"),
                           ({"meta": {"pagination": {"page": 1, "pageCount": 2}}}, "pageCount"), ({"meta": {"current_page": 1, "total_pages": 2}}, "total_pages"),
                           ({"meta": {"pagination": {"next_page": 2}}}, "next_page"), ({"meta": {"links": {"next": "bmV4"}}}, "next"),
                           ({"additional_data": {"pagination": {"more_items_in_collection": True, "next_start": 1}}}, "more_items"),
                           ({"page": {"size": 2, "number": 0, "totalPages": 2}}, "page/totalPages"), ({"paging": {"start": 0, "count": 10, "total": 11}}, "paging/total"),
                           ({"paging": {"links": [{"rel": "next", "href": "/rest/items?start=10"}]}}, "paging/links"), ({"result_info": {"cursor": "6Ck"}}, "cursor"),
                           ({"NextToken": "t"}, "NextToken"), ({"metadata": {"continue": "ey"}}, "continue"), ({"has_next": True}, "has_next"),
                           ({"last": False, "number": 0}, "last"), ({"isLastPage": False, "nextPageStart": 25}, "isLastPage")):
            with self.subTest(more=more):
                self.serve(({"value": [1], **more}, None))
                done = self.fails(1, "api", "--paginate", "items", says=["page 1", name, "goes on"])
                self.assertEqual(json.loads(done.stdout), {"value": [1], **more})

    def test_what_is_beside_the_list_says_how_to_go_on(self):
        """Spotify's searches have a URL there, Reddit an ID."""
        self.serve(({}, None), ({"tracks": {"items": [2], "next": None}}, None))
        self.bodies[0] = {"tracks": {"items": [1], "next": self.grants_now.url + "/api/items?page=2"}}, None
        self.assertEqual(self.pages("--list", "/tracks/items"), {"tracks": {"items": [1, 2], "next": None}})
        self.serve(({"kind": "Listing", "data": {"after": "t3_x", "children": [1]}}, None))
        self.fails(1, "api", "--paginate", "items", "--list", "/data/children", says="'after' that the list goes on")
        self.serve(({"kind": "Listing", "data": {"after": None, "children": [1]}}, None))
        self.assertEqual(self.pages("--list", "/data/children")["data"]["children"], [1])

    def test_a_list_of_links(self):
        """PayPal's lists, and bundles of FHIR."""
        for name, rel, url in (("links", "rel", "href"), ("link", "relation", "url")):
            with self.subTest(name=name):
                before = [{rel: "self", url: "https://api.example.org/items"}, "x", {}, {rel: "next"}]
                self.serve(({}, None), ({"value": [2], name: before}, None))
                self.bodies[0] = {"value": [1], "has_more": True, name: [*before, {rel: "next", url: self.grants_now.url + "/api/items?page=2"}]}, None
                self.assertEqual(self.pages("--list", "/value")["value"], [1, 2])
                self.assertEqual(len(self.paths()), 2)

    def test_a_body_that_says_that_it_is_the_last(self):
        """Though it still has a cursor, or the URL of a page that would be empty."""
        for last in ({"has_more": False, "next_cursor": "c"}, {"hasMore": False, "nextCursor": "c"}, {"isLast": True, "nextPageToken": "t"},
                     {"meta": {"has_more": False}, "links": {"next": "https://elsewhere.example.org/3"}}):
            with self.subTest(last=last):
                self.serve(({"value": [1]}, "<?page=2>; rel=next"), ({"value": [2], **last}, None))
                self.assertEqual(self.pages(), {"value": [1, 2], **last})

    def test_a_circle_ends(self):
        self.serve(([1], "<?page=2>; rel=next"), ([2], "<?page=1>; rel=next"))
        self.fails(1, "api", "--paginate", "items?page=1", says="leads back to page 1")
        for link in ("<items?x>", "<>", "<#x>"):
            self.serve(([1], link + "; rel=next"))
            self.fails(1, "api", "--paginate", "items?x", says="leads back to page 1")

    def test_pages_without_an_item(self):
        """Some are not the end of a list; a thousand in a row are that of our patience."""
        empty = [([], f"<?page={n + 2}>; rel=next") for n in range(1200)]
        self.serve(*empty[:999], ([1], "<?page=1001>; rel=next"), *empty[1000:1100], ([2], None))
        self.assertEqual(self.pages(), [1, 2])
        self.serve(*empty)
        self.fails(1, "api", "--paginate", "items", says="page 1000: 1000 pages without an item have come")
        self.assertEqual(len(self.paths()), 1000)

    def test_links_that_are_none(self):
        for link in ('<?page=2>; rel="prev next-but-one"', '<?page=2; rel=next', '<?page=2>; rel=next; anchor="/x"', ",;,"):
            with self.subTest(link=link):
                self.serve(([1], link))
                self.assertEqual(self.pages(), [1])


if __name__ == "__main__":
    unittest.main()
