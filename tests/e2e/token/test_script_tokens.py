"""Scripts and tokens: one exchange for all tasks, what a dry run sends, where a secret may go."""

import os
import unittest

import support
from support import GROUP, TENANT_TOKEN
from tcp_server import Listener
from test_tokens import expire_cache

TASKS = """\
local kaizala = require "kaizala"
local task = require "jeton.task"
local token = require "jeton.token"
local kz = kaizala.connect()
local list = {}
for i = 1, 64 do list[i] = i end
local sources = {}
local names = task.map(list, function(i)
  if i % 2 == 0 then
    sources[assert(token.get()).source] = true
  end
  return kz:me().name
end, { limit = 64 })
print(#names, names[1], names[64])
"""


BOT = """\
local kz = require "kaizala".connect()
local token = kz:create_bot{ name = "Reporter" }:token().access_token
print(token)
require "jeton.log".info("the bot's token is " .. token)
error("failed with " .. token)
"""


class Bots(support.Case):
    def test_a_bots_token_is_masked(self):
        self.configure(self.sandbox().base)
        done = self.jeton("-vv", "run", self.write("bot.lua", BOT))
        token = done.stdout.strip()
        self.assertGreater(len(token), 100, done.stderr)
        self.assertIn("the bot's token is ***", done.stderr)
        self.assertIn("failed with ***", done.stderr)
        self.assertNotIn(token, done.stderr)


class Tasks(support.Case):
    def run_script(self, text, *args, options=(), **more):
        path = self.write("script.lua", text)
        return self.jeton("run", *options, path, *args, **more)

    def test_64_tasks_on_an_empty_cache(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        done = self.run_script(TASKS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split("\t"), ["64", "Alice Martin", "Alice Martin\n"])
        self.assertEqual(sandbox.exchanges(), 1)
        self.assertEqual(len(sandbox.requests("/users/me")), 64)

    def test_64_tasks_on_an_expired_cache(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        self.ok("token", "contoso")
        expire_cache(self.state)
        done = self.run_script(TASKS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sandbox.exchanges(), 2)

    def test_64_tasks_whose_token_the_service_refuses(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        self.ok("token", "contoso")
        sandbox.steer("clock", {"advance_s": 86400 + 60})
        done = self.run_script(TASKS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sandbox.exchanges(), 2)

    def test_a_cancelled_task_takes_no_exchange_from_the_others(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        done = self.run_script("""\
local task = require "jeton.task"
local token = require "jeton.token"
local function get() return assert(token.get()).source end
local first = task.spawn(get)
local others = {}
for i = 1, 8 do others[i] = task.spawn(get) end
task.yield()
first:cancel()
print((pcall(first.join, first)))
for i = 1, 8 do others[i]:join() end
print "done"
""")
        self.assertEqual((done.returncode, done.stdout), (0, "false\ndone\n"), done.stderr)
        self.assertEqual(sandbox.exchanges(), 1)

    def test_a_deadline_ends_a_request_in_flight(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        sandbox.steer("faults", [{"match": {"path": "/v1/users/me"}, "times": 9, "delay_ms": 30000}])
        done = self.run_script("require 'kaizala'.connect():me()", options=["--timeout", "1s"], timeout=20)
        self.assertEqual(done.returncode, 8, done.stderr)

    def test_a_script_that_ends_with_calls_in_flight(self):
        sandbox = self.sandbox("--rate-limit", "0")
        self.configure(sandbox.base)
        self.ok("token", "contoso")
        sandbox.steer("faults", [{"match": {"path": "/v1/users/me"}, "times": 0, "delay_ms": 20000},
                                 {"match": {"path": "/v1/accessToken"}, "times": 0, "delay_ms": 2000}])
        done = self.run_script("""\
local http = require "jeton.http"
local task = require "jeton.task"
local token = require "jeton.token"
task.spawn(http.request, { connector = true, path = "/users/me" })
task.spawn(http.request, { connector = true, path = "/users/me", method = "POST", json = {} })
task.spawn(http.get, os.getenv "BASE" .. "/v1/users/me")
task.spawn(token.refresh)
task.sleep(1) -- all have been sent
collectgarbage()
os.exit(3)
""", env={"BASE": sandbox.url}, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (3, ""))
        self.assertEqual(sandbox.exchanges(), 2)  # which is waited for, as what it brings may be needed


class Connect(support.Case):
    """Which connector a script gets."""

    SCRIPT = """\
local kaizala = require "kaizala"
local kz = kaizala.connect((...))
print(kz.connector, kz:me().name)
"""

    def setUp(self):
        super().setUp()
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        self.script = self.write("script.lua", self.SCRIPT)
        self.second = self.configure(sandbox.base, name="conf.d/second.yaml", connector="fabrikam",
                                     refresh_token=support.MEMBER_TOKEN)
        with open(self.second, encoding="utf-8") as file:
            text = file.read()
        self.write("conf.d/second.yaml", text.replace(f"state: {self.state}\n", ""))

    def test_the_only_one(self):
        os.unlink(self.second)
        self.assertEqual(self.ok("run", self.script).stdout, "contoso\tAlice Martin\n")

    def test_the_runs(self):
        self.assertEqual(self.ok("run", "-C", "fabrikam", self.script).stdout, "fabrikam\tBob Durand\n")

    def test_the_named_one(self):
        self.assertEqual(self.ok("run", self.script, "fabrikam").stdout, "fabrikam\tBob Durand\n")
        self.assertEqual(self.ok("run", "-C", "fabrikam", self.script, "contoso").stdout, "contoso\tAlice Martin\n")

    def test_several_and_none_named(self):
        self.fails(3, "run", self.script, says=["2 connectors", "-C contoso"])

    def test_one_that_there_is_not(self):
        self.fails(3, "run", self.script, "fabrikan", says="fabrikam")
        self.fails(3, "run", "-C", "fabrikan", self.script, says="fabrikam")


class DryRun(support.Case):
    SCRIPT = f"""\
local http = require "jeton.http"
local kz = require "kaizala".connect()
print(#kz:groups():all())
local group = kz:group "{GROUP}"
local sent = group:send_message("Bonjour é", {{ reply_to = "r1" }})
print(sent.reference_id, sent.dry_run)
print(group:add_members {{ "+33100000003" }})
local new = kz:create_group {{ name = "New" }}
print(new.id, new.name)
local response = assert(http.post(os.getenv "BASE" .. "/plain", {{ query = {{ a = 1 }}, json = {{ x = 1 }} }}))
print(response.status, response.body, response.dry_run)
"""

    def test_what_is_printed_and_what_goes_out(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        path = self.write("script.lua", self.SCRIPT)
        done = self.jeton("run", "--dry-run", path, env={"BASE": sandbox.url})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"""\
1
POST {sandbox.url}/v1/groups/{GROUP}/messages
{{"message":"Bonjour é","replyToReferenceId":"r1"}}
dry-run\ttrue
PUT {sandbox.url}/v1/groups/{GROUP}/members
{{"members":["+33100000003"]}}
true
POST {sandbox.url}/v1/groups
{{"name":"New","welcomeMessage":""}}
dry-run\tNew
POST {sandbox.url}/plain?a=1
{{"x":1}}
200\t{{}}\ttrue
""")
        self.assertEqual(done.stderr, "jeton: info: dry run: 4 requests were printed, not sent\n")
        self.assertEqual({r["method"] for r in sandbox.requests()}, {"GET"})

    def test_a_secret_is_masked(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        path = self.write("script.lua", f"""\
local token = require "jeton.token"
local http = require "jeton.http"
assert(token.get())
assert(http.request {{ connector = true, method = "POST", path = "/x", body = "is {TENANT_TOKEN} here" }})
""")
        done = self.jeton("run", "--dry-run", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"POST {sandbox.url}/v1/x\nis ******** here\n")
        self.assertEqual(done.stderr, "jeton: info: dry run: 1 request was printed, not sent\n")

    def test_no_refresh_token_is_spent_or_forgotten(self):
        """The script could not keep what came in its place: jeton.state writes nothing."""
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        asked = []
        listener = Listener(asked.append)
        self.addCleanup(listener.stop)
        path = self.write("script.lua", """\
local token = require "jeton.token"
local keys = { provider = "oauth2", token_url = ... .. "/token", client_id = "app", client_secret = "a-secret" }
local function try(refresh_token)
  keys.refresh_token = refresh_token
  print(select(2, token.exchange(keys)).kind)
end
try "once-only"
keys.grant = "client_credentials"
try(nil)
assert(token.get())
print(token.forget(), token.get().source)
""")
        done = self.jeton("run", "--dry-run", path, listener.url)
        self.assertEqual((done.returncode, done.stdout), (0, "invalid\nnetwork\ntrue\tcache\n"), done.stderr)
        self.assertIn("dry run: the tokens of connector 'contoso' are not forgotten\n", done.stderr)
        self.assertEqual((len(asked), sandbox.exchanges()), (1, 1))
        done = self.jeton("run", path, listener.url)
        self.assertEqual((done.returncode, done.stdout), (0, "network\nnetwork\ntrue\texchange\n"), done.stderr)

    def test_what_may_be_good_for_one_use_is_not_sent_by_another_name(self):
        asked = []
        listener = Listener(asked.append)
        self.addCleanup(listener.stop)
        path = self.write("script.lua", """\
local token = require "jeton.token"
local url = ... .. "/token"
local function try(keys)
  keys.provider, keys.token_url, keys.client_id = "oauth2", url, "app"
  keys.client_secret = "a-secret"
  print(select(2, token.exchange(keys)).kind)
end
try { grant = "client_credentials", params = { grant_type = "refresh_token", refresh_token = "once-only" } }
try { grant = "client_credentials", params = { grant_type = "refresh_token", token = { env = "ONCE" } } }
try { grant = "client_credentials", params = { grant_type = { env = "GRANT" } } }
try { grant = "client_credentials", params = { grant_type = "", refresh_token = "once-only" } }
try { grant = "authorization_code", params = { code = "once-only" } }
try { grant = "token_exchange", subject_token = "once-only" }
try { grant = "own_grant", params = { ticket = "once-only" } }
try { grant = "client_credentials", params = { assertion = "once-only" } }
try { grant = "password", params = { username = "amy", password = "a-password", grant_type = "password" } }
try { grant = "account_credentials", params = { account_id = "7" } }
""")
        env = {"ONCE": "once-only", "GRANT": "refresh_token"}
        done = self.jeton("run", "--dry-run", path, listener.url, env=env)
        self.assertEqual((done.returncode, done.stdout), (0, 8 * "invalid\n" + 2 * "network\n"), done.stderr)
        self.assertEqual(len(asked), 2)

    def test_the_end_of_a_run_that_fails_or_holds_nothing_back(self):
        self.configure("http://127.0.0.1:1")
        none = self.jeton("run", "--dry-run", self.write("script.lua", "print 'posted'"))
        self.assertEqual((none.returncode, none.stderr),
                         (0, "jeton: info: dry run: no request was held back\n"))
        posts = "assert(require('jeton.http').post 'http://127.0.0.1:1/x') print 'posted' "
        failed = self.jeton("run", "--dry-run", self.write("script.lua", posts + "error('no', 0)"))
        self.assertEqual(failed.stderr.splitlines(), ["jeton: info: dry run: 1 request was printed, not sent",
                                                      "jeton: error: no"])
        left = self.jeton("-q", "run", "--dry-run", self.write("script.lua", posts + "os.exit(3)"))
        self.assertEqual((left.returncode, left.stderr), (3, ""))


class Secrets(support.Case):
    def setUp(self):
        super().setUp()
        self.service = self.sandbox()
        self.connections = []
        self.listener = Listener(self.connections.append)
        self.addCleanup(self.listener.stop)
        self.elsewhere = self.listener.url

    def try_request(self, expression, configured=True):
        if configured:
            self.configure(self.service.base)
        path = self.write("script.lua", f"""\
local http = require "jeton.http"
local token = require "jeton.token"
local t = assert(token.get "contoso")
local response, err = http.request({expression})
if err then print(err.kind, err.message) else print(response.status) end
""")
        return self.jeton("run", path, env={"ELSEWHERE": self.elsewhere, "SERVICE": self.service.url})

    def test_no_secret_leaves_for_a_host_that_is_not_allowed(self):
        target = "url = os.getenv 'ELSEWHERE'"
        for expression in (f"{{ {target}, headers = {{ accessToken = t.access_token }} }}",
                           f"{{ {target}, headers = {{ Authorization = 'Bearer ' .. t.access_token }} }}",
                           f"{{ {target} .. '/' .. t.access_token }}",
                           f"{{ {target}, method = '{TENANT_TOKEN}' }}",
                           f"{{ {target}, query = {{ q = '{TENANT_TOKEN}' }} }}",
                           f"{{ {target}, method = 'POST', json = {{ x = '{TENANT_TOKEN}' }} }}",
                           f"{{ {target}, method = 'POST', form = {{ x = t.access_token }} }}",
                           f"{{ {target}, method = 'POST', body = "
                           "require 'jeton.crypto'.base64('user:' .. t.access_token) }"):
            with self.subTest(expression):
                done = self.try_request(expression)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout.startswith("auth\t"), done.stdout)
                self.assertIn(f"127.0.0.1:{self.listener.port}", done.stdout)
                self.assertNotIn(TENANT_TOKEN, done.stdout + done.stderr)
        self.assertEqual(self.connections, [])

    def test_http_off_loopback_is_refused(self):
        self.configure(self.service.base, allow_hosts=["*.example.org"])
        done = self.try_request("{ url = 'http://api.example.org/', headers = { accessToken = t.access_token } }",
                                configured=False)
        self.assertTrue(done.stdout.startswith("auth\t"), done.stdout + done.stderr)

    def test_a_secret_goes_where_its_connector_allows(self):
        done = self.try_request("{ url = os.getenv 'SERVICE' .. '/v1/users/me',"
                                " headers = { accessToken = t.access_token } }")
        self.assertEqual(done.stdout, "200\n", done.stderr)
        self.configure(self.service.base, allow_hosts=[f"127.0.0.1:{self.listener.port}"])
        done = self.try_request("{ url = os.getenv 'ELSEWHERE', headers = { accessToken = t.access_token } }",
                                configured=False)
        self.assertTrue(done.stdout.startswith("network\t"), done.stdout + done.stderr)
        self.assertEqual(len(self.connections), 1)

    def test_without_a_secret_any_host_will_do(self):
        done = self.try_request("{ url = os.getenv 'ELSEWHERE', headers = { x = 'y' } }")
        self.assertTrue(done.stdout.startswith("network\t"), done.stdout + done.stderr)
        self.assertEqual(len(self.connections), 1)

    def test_the_id_of_an_application_is_no_secret(self):
        """At many services it is a word, that may stand in anything."""
        for more, kind in (("", "network"), (support.APPLICATION_SECRET, "auth")):
            done = self.try_request(f"{{ url = os.getenv 'ELSEWHERE' .. '/{support.APPLICATION_ID}', method = 'POST',"
                                    f" json = {{ x = '{support.APPLICATION_ID}{more}' }} }}")
            self.assertTrue(done.stdout.startswith(kind + "\t"), done.stdout + done.stderr)
        self.assertEqual(len(self.connections), 1)
        self.configure(self.service.base)
        self.write("conf.d/other.yaml", f"""\
version: 1
connectors:
  fabrikam:
    provider: kaizala
    token_service: {self.service.base}
    application_id: the-same-text
    application_secret: the-same-text
    refresh_token: the-same-text
""")
        done = self.try_request("{ url = os.getenv 'ELSEWHERE' .. '/the-same-text' }", configured=False)
        self.assertTrue(done.stdout.startswith("auth\t"), done.stdout + done.stderr)

    def test_the_header_host_leads_nowhere_else(self):
        own, other = self.service.url.removeprefix("http://"), "api.example.org"
        url, headers = "url = os.getenv 'SERVICE' .. '/v1/users/me'", "accessToken = t.access_token"
        for expression, says in (
                (f"{{ connector = 'contoso', path = '/users/me', headers = {{ host = '{own}' }} }}", "invalid\theader 'Host'"),
                (f"{{ {url}, headers = {{ HOST = '{other}', {headers} }} }}", f"auth\ta header holds what must not go to {other}"),
                (f"{{ {url}, headers = {{ Host = 'a b', {headers} }} }}", "invalid\theader 'Host'"),
                (f"{{ {url}, headers = {{ Host = '{own}', {headers} }} }}", "200"),
                (f"{{ {url}, headers = {{ Host = '{other}' }} }}", "403")):  # the sandbox's own answer
            with self.subTest(expression):
                done = self.try_request(expression)
                self.assertTrue(done.stdout.startswith(says), done.stdout + done.stderr)

    def test_one_connectors_secret_does_not_go_to_another_service(self):
        self.configure(self.service.base)
        other = f"""\
version: 1
connectors:
  fabrikam:
    provider: kaizala
    token_service: {self.elsewhere}/v1
    application_id: {{ env: OTHER_ID }}
    application_secret: {{ env: OTHER_ID }}
    refresh_token: {{ env: OTHER_ID }}
"""
        self.write("conf.d/other.yaml", other)
        done = self.try_request(f"{{ connector = 'fabrikam', path = '/x', query = {{ a = '{TENANT_TOKEN}' }} }}",
                                configured=False)
        self.assertTrue(done.stdout.startswith("auth\t"), done.stdout + done.stderr)
        self.assertEqual(self.connections, [])

    def test_nor_to_where_the_others_calls_really_go(self):
        self.configure(self.service.base, allow_hosts=[f"127.0.0.1:{self.listener.port}"])
        self.write("conf.d/other.yaml", f"""\
version: 1
connectors:
  fabrikam:
    provider: kaizala
    token_service: {self.service.base}
    application_id: fabrikam-application
    application_secret: fabrikam-secret
    refresh_token: fabrikam-refresh-token
""")
        done = self.try_request("{ connector = 'contoso', path = os.getenv 'ELSEWHERE' .. '/v1/x',"
                                " headers = { x = 'fabrikam-secret' } }", configured=False)
        self.assertTrue(done.stdout.startswith("auth\t"), done.stdout + done.stderr)
        self.assertIn("fabrikam", done.stdout)
        self.assertEqual(self.connections, [])

    def test_a_secret_in_a_host_name_is_one_too(self):
        done = self.try_request("{ url = 'http://" + support.APPLICATION_SECRET + ".localhost:1/' }")
        self.assertTrue(done.stdout.startswith("auth\t"), done.stdout + done.stderr)

    def test_an_absolute_url_must_be_allowed(self):
        done = self.try_request("{ connector = true, path = os.getenv 'ELSEWHERE' .. '/v1/groups' }")
        self.assertTrue(done.stdout.startswith("auth\t"), done.stdout + done.stderr)
        self.assertEqual(self.connections, [])

    def test_what_was_exchanged_by_hand_goes_to_its_service_alone(self):
        path = self.write("script.lua", f"""\
local http = require "jeton.http"
local t = assert(require "jeton.token".exchange {{
  token_service = os.getenv "SERVICE" .. "/v1",
  application_id = "{support.APPLICATION_ID}",
  application_secret = "{support.APPLICATION_SECRET}",
  refresh_token = "{TENANT_TOKEN}",
}})
local headers = {{ accessToken = t.access_token }}
print(assert(http.get(t.endpoint_url .. "/v1/users/me", {{ headers = headers }})).status)
print(select(2, http.get(os.getenv "ELSEWHERE", {{ headers = headers }})).kind)
print(select(2, http.get(os.getenv "ELSEWHERE", {{ query = {{ a = "{TENANT_TOKEN}" }} }})).kind)
""")
        done = self.jeton("run", path, env={"ELSEWHERE": self.elsewhere, "SERVICE": self.service.url})
        self.assertEqual((done.returncode, done.stdout), (0, "200\nauth\nauth\n"), done.stderr)
        self.assertEqual(self.connections, [])


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
