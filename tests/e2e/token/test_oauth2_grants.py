"""Grants that give another service's token in exchange (RFC 8693), and clients that show a certificate (RFC 8705)."""

import json
import os
import shutil
import ssl
import tempfile
import unittest

from certificates import Authority
from oauth2 import ID, OAuth2, REFRESH, SECRET

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"


class TokenExchange(OAuth2):
    def workload(self, grants, **keys):
        """Connector `books` with a subject token from a file, as Kubernetes mounts it: behind a link."""
        self.put("subject-token-1")
        link = os.path.join(self.folder, "id")
        if not os.path.lexists(link):
            os.symlink("id.real", link)
        self.daemon(grants, **{"grant": "token_exchange", "client_id": None, "client_secret": None,
                               "subject_token": {"file": link}, **keys})

    def put(self, token):
        os.chmod(self.write("id.real", token + "\n"), 0o644)

    def test_the_subject_is_read_at_each_exchange(self):
        grants = self.grants(issued_token_type=TYPE + "access_token")
        self.workload(grants, subject_token_type="jwt", audience="https://sts.example.org/pool",
                      resource=["https://r.example.org/1", "https://r.example.org/2"], scope=["read", "write"])
        wanted = {"grant_type": GRANT, "subject_token": "subject-token-1", "subject_token_type": TYPE + "jwt",
                  "audience": "https://sts.example.org/pool", "scope": "read write",
                  "resource": ["https://r.example.org/1", "https://r.example.org/2"]}
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertIsNone(grants.headers[0]["Authorization"])
        self.put("subject-token-2")
        self.assertEqual(self.token()["source"], "cache")
        run = self.ok("-vvv", "token", "books", "--refresh")
        self.assertEqual(grants.forms, [wanted, {**wanted, "subject_token": "subject-token-2"}])
        self.assertNotIn("subject-token-2", run.stdout + run.stderr)

    def test_an_actor_and_a_client(self):
        grants = self.grants()
        self.env["ACTOR"] = "actor-token-1"
        self.workload(grants, client_id=ID, client_secret=SECRET, client_auth="post",
                      subject_token={"command": ["echo", "subject-token-3"]},
                      actor_token={"env": "ACTOR"}, actor_token_type="urn:example:robot",
                      params={"requested_token_type": TYPE + "jwt"})
        self.token()
        self.assertEqual(grants.forms, [{
            "grant_type": GRANT, "subject_token": "subject-token-3", "subject_token_type": TYPE + "access_token",
            "actor_token": "actor-token-1", "actor_token_type": "urn:example:robot", "client_id": ID,
            "client_secret": SECRET, "requested_token_type": TYPE + "jwt"}])

    def test_another_subject_makes_another_access_token(self):
        grants = self.grants()
        self.workload(grants)
        self.token()
        self.env["SUBJECT"] = "subject-token-1"
        self.workload(grants, subject_token={"env": "SUBJECT"})
        self.assertEqual(self.token()["source"], "exchange")
        self.workload(grants, subject_token={"env": "SUBJECT"}, subject_token_type="id_token")
        self.assertEqual(self.token()["source"], "exchange")
        self.assertEqual(self.token()["source"], "cache")

    def test_a_refused_subject(self):
        grants = self.grants()
        grants.answers = [(400, {}, {"error": "invalid_request", "error_description": "subject-token-1 is over"})]
        self.workload(grants)
        run = self.fails(4, "token", "books", says="invalid_request")
        self.assertNotIn("subject-token-1", run.stderr)
        self.fails(4, "token", "books", says="nothing was sent")
        self.put("subject-token-2")
        self.assertEqual(self.token()["access_token"], "access-token-1")  # a new one is tried at once

    def test_a_subject_that_is_gone(self):
        grants = self.grants()
        self.workload(grants)
        os.unlink(os.path.join(self.folder, "id.real"))
        self.fails(3, "token", "books", says="subject_token of connector 'books'")
        self.assertEqual(grants.forms, [])

    def test_what_is_missing_or_too_much(self):
        grants = self.grants()
        for keys, says in (
                ({"subject_token": None}, "connector 'books' lacks 'subject_token'"),
                ({"actor_token_type": "jwt"}, "connector 'books' lacks 'actor_token'"),
                ({"client_id": ID}, "connector 'books' lacks 'client_secret'"),
                ({"grant": "client_credentials", "client_id": ID, "client_secret": SECRET},
                 "'subject_token' of connector 'books' is not used with grant: client_credentials")):
            with self.subTest(says=says):
                self.workload(grants, **keys)
                self.fails(3, "token", "books", says=says)
        self.workload(grants, grant="token_exchage", subject_token=None)
        self.assertIn("did you mean 'token_exchange'?", self.ok("check").stdout)


class ClientCertificates(OAuth2):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Authority(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.context = cls.authority.server("server")
        cls.context.verify_mode = ssl.CERT_REQUIRED
        cls.context.load_verify_locations(cls.authority.file)
        for name in ("client", "other"):
            cls.authority.server(name, subject="DNS:" + name)

    def secret(self, name):
        path = os.path.join(self.authority.folder, name)
        os.chmod(path, 0o600)
        return {"file": path}

    def shows(self, grants, name="client", **keys):
        self.daemon(grants, **{"client_auth": "tls", "client_secret": None, "ca_file": self.authority.file, "retries": 0,
                               "tls": {"certificate": self.secret(name + ".pem"), "key": self.secret(name + ".key")},
                               **keys})

    def test_a_client_that_shows_its_certificate(self):
        grants = self.grants(context=self.context)
        self.shows(grants)
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertEqual(grants.forms, [{"grant_type": "client_credentials", "client_id": ID}])
        self.assertIsNone(grants.headers[0]["Authorization"])
        self.assertIn((("commonName", "client"),), grants.service.received[0]["peer"]["subject"])
        self.shows(grants, name="other")  # in the same state: nothing is kept of the first
        run = self.ok("-vvv", "token", "books", "--refresh")
        self.assertIn((("commonName", "other"),), grants.service.received[1]["peer"]["subject"])
        with open(os.path.join(self.authority.folder, "other.key"), encoding="ascii") as key:
            for line in key.read().splitlines()[1:-1]:
                self.assertNotIn(line, run.stdout + run.stderr)

    def test_tokens_that_are_bound_to_it(self):
        """The API answers only to the certificate that the token was asked for with, and asks for it (RFC 8705)."""
        def api(request):
            owners = {f"Bearer access-token-{n + 1}": peer for n, peer in enumerate(peers)}
            good = owners.get(request["headers"]["Authorization"]) == request["peer"]["subject"]
            return (200, {}, {"it": "is bound"}) if good else (401, {}, {"error": "invalid_token"})

        def grant(form):
            peers.append(grants.service.received[-1]["peer"]["subject"])
            return grants.grant(form)

        peers = []
        grants = self.grants(api, context=self.context)
        grants.answers = [grant] * 4
        self.shows(grants)
        lent = {"endpoint": grants.url + "/api", "ca_file": self.authority.file}
        with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
            for name, keys in (("borrower", {"token_of": "books"}), ("slot", {"token_of": "other", "scope": ["b"]}),
                               ("other", {"provider": "oauth2", "token_url": grants.url + "/token", "client_id": "other",
                                          "grant": "client_credentials", "client_auth": "tls",
                                          "tls": {"certificate": self.secret("other.pem"), "key": self.secret("other.key")}})):
                file.write(f"  {name}: {json.dumps({**lent, **keys})}\n")
        for name in ("books", "borrower", "slot", "other"):
            self.assertIn("is bound", self.ok("api", "-C", name, "/it").stdout)
        self.assertEqual([peer[-1][0][1] for peer in peers], ["client", "other", "other"])
        # In one process: no connection that was made for one is used for the other.
        self.write("all.lua", 'local http = require "jeton.http"\nfor _, name in ipairs {"books", "other", "books"} do\n'
                   '  print(assert(http.request {connector = name, path = "/it"}).status)\nend\n')
        self.assertEqual(self.ok("run", "all.lua").stdout.split(), ["200"] * 3)
        self.assertEqual(len(grants.forms), 3)
        self.ok("check", "--online")

    def test_a_certificate_that_is_renewed(self):
        """While a process runs, with a token that stays good: the former one is not taken any more."""
        class Context:
            now = self.context

            def wrap_socket(self, *args, **keys):
                return self.now.wrap_socket(*args, **keys)

        def api(request):
            if request["path"] != "/api/switch":
                return (200, {"Connection": "close"}, {})
            context.now = context.then
            return (200, {"Connection": "close"}, {})

        folder = os.path.join(self.authority.folder, "renewed")
        os.mkdir(folder)
        authority = Authority(folder)
        authority.server("client", subject="DNS:client")
        context = Context()
        context.then = self.authority.server("then")
        context.then.verify_mode = ssl.CERT_REQUIRED
        context.then.load_verify_locations(authority.file)
        own = {name: {"file": shutil.copy(self.secret("client" + end)["file"], self.folder + "/own" + end)}
               for name, end in (("certificate", ".pem"), ("key", ".key"))}
        grants = self.grants(api, context=context)
        self.shows(grants, tls=own)
        self.write("renewed.lua", """\
local http, task = require "jeton.http", require "jeton.task"
local new, own = ...
print(assert(http.request {connector = "books", path = "/switch"}).status)
print(http.request {connector = "books", path = "/it", method = "POST", body = "x"})
for _, ending in ipairs {".pem", ".key"} do
  local from, to = assert(io.open(new .. ending)), assert(io.open(own .. ending, "w"))
  assert(to:write(from:read "a"))
  to:close()
end
print(table.unpack(task.map({1, 2, 3, 4}, function()
  return assert(http.request {connector = "books", path = "/it", method = "POST", body = "x"}).status
end)))
""")
        lines = self.ok("run", "renewed.lua", folder + "/client", self.folder + "/own").stdout.splitlines()
        self.assertEqual((lines[0], lines[2]), ("200", "\t".join(["200"] * 4)), lines)
        self.assertIn("lets in only clients with a certificate that it knows", lines[1])
        self.assertEqual(len(grants.forms), 1)

    def test_a_key_that_is_gone(self):
        """It is needed for the API, but not to tell what the state holds."""
        grants = self.grants(context=self.context)
        key = os.path.join(self.folder, "own.key")
        shutil.copy(self.secret("client.key")["file"], key)
        self.shows(grants, tls={"certificate": self.secret("client.pem"), "key": {"file": key}})
        self.token()
        os.unlink(key)
        self.assertEqual(self.token()["source"], "cache")
        self.fails(3, "api", "/it", says="key of tls of connector 'books'")
        self.assertEqual(len(grants.service.received), 1)

    def test_urls_that_an_issuer_has_for_it(self):
        def metadata(request):
            return (200, {}, {"issuer": grants.url, "token_endpoint": "http://127.0.0.1:1/token", "mtls_endpoint_aliases":
                              {"token_endpoint": grants.url + "/token/mtls"}}) if "well-known" in request["path"] else None
        grants = self.grants(metadata, context=self.context)
        # The metadata is asked for without the certificate.
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.addCleanup(setattr, self.context, "verify_mode", ssl.CERT_REQUIRED)
        self.shows(grants, token_url=None, issuer=grants.url)
        self.token()
        self.assertEqual(grants.service.received[-1]["path"], "/token/mtls")
        self.shows(grants, token_url=None, issuer=grants.url, tls=None, client_auth="post", client_secret=SECRET)
        self.fails(4, "token", "books", "--refresh", says="token_hosts")  # the other one, of another host

    def test_beside_another_proof_and_from_variables(self):
        grants = self.grants(context=self.context)
        for end in (".pem", ".key"):
            with open(os.path.join(self.authority.folder, "client" + end), encoding="ascii") as file:
                self.env["CLIENT" + end[1:]] = file.read().replace("\n", "\\n")
        self.shows(grants, client_auth="post", client_secret=SECRET,
                   tls={"certificate": {"env": "CLIENTpem"}, "key": {"env": "CLIENTkey"}})
        self.token()
        self.assertEqual(grants.forms[0]["client_secret"], SECRET)
        self.assertIn((("commonName", "client"),), grants.service.received[0]["peer"]["subject"])

    def test_a_server_that_wants_one_and_gets_none(self):
        grants = self.grants(context=self.context)
        self.shows(grants, client_auth="none", tls=None)
        self.fails(5, "token", "books", says=["lets in only clients with a certificate", "certificate required"])
        self.assertEqual(grants.forms, [])
        self.books(grants, ca_file=self.authority.file)
        self.fails(5, "token", "books", says="lets in only clients with a certificate")
        self.assertEqual(self.intents(), 0)  # the refresh token was not sent
        stranger = Authority(self.enterContext(tempfile.TemporaryDirectory()))
        stranger.server("stranger", subject="DNS:stranger")
        self.shows(grants, tls={"certificate": {"file": os.path.join(stranger.folder, "stranger.pem")},
                                "key": {"file": os.path.join(stranger.folder, "stranger.key")}})
        self.fails(5, "token", "books", says=["lets in only clients with a certificate", "unknown ca"])
        self.assertEqual(grants.forms, [])

    def test_keys_that_do_not_do(self):
        grants = self.grants(context=self.context)
        encrypted = self.write("encrypted.key", "")
        self.authority.openssl("pkey", "-in", os.path.join(self.authority.folder, "client.key"), "-aes256",
                               "-passout", "pass:password", "-out", encrypted)
        for certificate, key, says in (
                ("client.pem", {"file": encrypted},
                 "tls.key of connector 'books': it is encrypted, and jeton asks for no password"),
                ("client.pem", self.secret("other.key"),
                 "tls.certificate of connector 'books': it is not the certificate of this key"),
                ("client.key", self.secret("client.key"), "tls.certificate of connector 'books': it holds no certificate"),
                ("client.pem", self.secret("client.pem"), "tls.key of connector 'books': it is a certificate")):
            with self.subTest(says=says):
                self.shows(grants, tls={"certificate": self.secret(certificate), "key": key})
                self.fails(3, "token", "books", says=says)
        self.assertEqual(grants.service.received, [])

    def test_what_is_missing_or_too_much(self):
        grants = self.grants(context=self.context)
        plain = self.grants()
        for at, keys, says in (
                (grants, {"tls": None}, "connector 'books' lacks 'tls'"),
                (grants, {"tls": {"key": self.secret("client.key")}}, "tls of connector 'books' lacks 'certificate'"),
                (grants, {"client_secret": SECRET}, "'client_secret' of connector 'books' is not used with client_auth: tls"),
                (grants, {"client_id": None}, "connector 'books' lacks 'client_id'"),
                (plain, {}, "'tls' of connector 'books' is not used with http://127.0.0.1:")):
            with self.subTest(says=says):
                self.shows(at, **keys)
                self.fails(3, "token", "books", says=says)


class ByHand(OAuth2):
    """token.exchange of Lua, with a connector's keys."""

    def exchange(self, values, then="", **env):
        self.env.update(env)
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")
        self.write("by-hand.lua", f"""\
local token, json = require "jeton.token", require "jeton.json"
local t, err = token.exchange({values})
if err then print(err.kind, err.message) return end
print(json.encode(t))
{then}""")
        return self.jeton("-v", "run", "by-hand.lua")

    def test_a_refresh_token(self):
        grants = self.grants()
        done = self.exchange(f'''{{ provider = "oauth2", token_url = "{grants.url}/token", client_id = "{ID}",
            client_secret = "secret-by-hand", refresh_token = {{ env = "HAND" }}, client_auth = "post", timeout = 2.5,
            scope = {{ "a", "b" }}, params = {{ tenant = "t1" }}, endpoint = "{grants.url}/api" }}''',
            then='''local http = require "jeton.http"
print(assert(http.get(os.getenv "API", { headers = { Authorization = "Bearer " .. t.access_token } })).status)
print(select(2, http.get("http://127.0.0.1:1/x", { headers = { Authorization = t.refresh_token } })).kind)
require "jeton.log".info("seen: " .. t.refresh_token .. " secret-by-hand")''', HAND=REFRESH, API=grants.url + "/api/x")
        self.assertEqual(done.returncode, 0, done.stderr)
        token, status, kind = done.stdout.splitlines()
        token = json.loads(token)
        self.assertEqual((token["access_token"], token["refresh_token"], status, kind),
                         ("access-token-1", "refresh-token-1", "200", "auth"))
        self.assertEqual(grants.forms, [{"grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": ID,
                                         "client_secret": "secret-by-hand", "scope": "a b", "tenant": "t1"}])
        self.assertIn("seen: ******** ********", done.stderr)
        self.assertIsNone(self.row())

    def test_other_grants_and_refusals(self):
        grants = self.grants()
        done = self.exchange(f'''{{ provider = "oauth2", token_url = "{grants.url}/token", grant = "token_exchange",
            subject_token = "subject-by-hand", subject_token_type = "jwt" }}''')
        self.assertEqual(json.loads(done.stdout)["access_token"], "access-token-1", done.stderr)
        self.assertEqual(grants.forms[0]["subject_token"], "subject-by-hand")
        grants.answers = [(401, {}, {"error": "invalid_client"})]
        done = self.exchange(f'''{{ provider = "oauth2", token_url = "{grants.url}/token", grant = "client_credentials",
            client_id = "{ID}", client_secret = "secret-by-hand" }}''')
        self.assertEqual(done.stdout.split("\t")[0], "auth", done.stderr)
        self.assertEqual(len(grants.forms), 2)

    def test_misuse(self):
        service = 'provider = "oauth2", token_url = "https://id.example.org/token"'
        for values, says in ((f'{{ {service}, client_idd = "abcdefg" }}', "unknown key 'client_idd'"),
                             (f'{{ {service}, client_id = "abcdefg", client_secret = "abcdefg" }}', "refresh_token is missing"),
                             ('{ provider = "oauth2", grant = "client_credentials", client_id = 5 }', "lacks 'token_url'"),
                             ('{ provider = "oaut" }', "'provider' of connector 'token.exchange' must be"),
                             ('{ token_of = "books", endpoint = "https://a.example.org" }', "token_of"),
                             (f'{{ {service}, params = {{ print }} }}', "a function"),
                             (f'{{ {service}, token_url = "http://id.example.org/" }}', "http:// is not encrypted"),
                             (f'{{ {service}, timeout = 4294969 }}', "must be between 10ms and 1h"),
                             ('{ provider = "kaizala" }', "token_service is missing")):
            with self.subTest(values=values):
                done = self.exchange(values)
                self.assertIn(says, done.stderr + done.stdout)

    def test_kaizala_connects_to_no_other(self):
        grants = self.grants()
        self.books(grants)
        with open(self.folder + "/jeton.yaml", "a", encoding="utf-8") as file:
            file.write(f"  mail: {{ token_of: books, endpoint: {grants.url} }}\n")
        self.write("s.lua", 'require "kaizala".connect(...)')
        self.fails(3, "run", "s.lua", "books", says=["is of provider 'oauth2', not of provider 'kaizala'", "http.request{"])
        self.fails(3, "run", "s.lua", "mail", says="connector 'mail' has the token of 'books', not of provider 'kaizala'")


if __name__ == "__main__":
    unittest.main()
