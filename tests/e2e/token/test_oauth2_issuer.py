"""`issuer`: where a service says that its token endpoint is, asked once a day, and believed in nothing else."""

import base64
import json
import os
import queue
import shutil
import socket
import threading
import time
import unittest

import support
from oauth2 import OAuth2
from service import Service

FIRST = "/.well-known/oauth-authorization-server"
SECOND = "/.well-known/openid-configuration"


class Issuer(OAuth2):
    def setUp(self):
        super().setUp()
        self.asked = []     # paths of the metadata, as they were asked for
        self.kill = None    # a queue: the process in it is killed when it asks
        self.documents = {}  # path → (status, headers, body), or what is added to a good one
        self.service = self.grants(api=self.metadata)

    def metadata(self, request):
        path = request["path"]
        if "/.well-known/" not in path:
            return None
        self.asked.append(path)
        if self.kill is not None:
            self.kill.get(timeout=60).kill()
        answer = self.documents.get(path, (404, {}, {"error": "not_found"}))
        return answer if isinstance(answer, tuple) else (200, {}, {**self.good(), **answer})

    def good(self):
        return {"issuer": self.service.url, "token_endpoint": self.service.url + "/token",
                "grant_types_supported": ["client_credentials"]}

    def configure_issuer(self, **keys):
        self.daemon(self.service, **{"token_url": None, "issuer": self.service.url, "retries": 0, **keys})

    def test_two_places(self):
        self.documents[SECOND] = {}
        self.configure_issuer()
        self.ok("check")
        self.assertEqual(self.token()["access_token"], "access-token-1")
        self.assertEqual(self.asked, [FIRST, SECOND])
        self.token()             # fresh: nothing is asked
        self.token("--refresh")  # the metadata is kept
        self.assertEqual((self.asked, len(self.service.forms)), ([FIRST, SECOND], 2))

    def test_path(self):
        """The path of an issuer stands behind the well-known one of OAuth, and before that of OpenID."""
        issuer = self.service.url + "/realms/staff"
        self.documents["/realms/staff" + SECOND] = {"issuer": issuer}
        self.configure_issuer(issuer=issuer)
        self.token()
        self.assertEqual(self.asked, [FIRST + "/realms/staff", "/realms/staff" + SECOND])
        self.asked.clear()
        issuer += "/"  # counts where issuers are compared, not where the place is made
        self.documents["/realms/staff" + SECOND] = {"issuer": issuer}
        self.configure_issuer(issuer=issuer)
        self.token()
        self.assertEqual(self.asked, [FIRST + "/realms/staff", "/realms/staff" + SECOND])

    def test_configured(self):
        """What is configured is not asked for."""
        self.configure_issuer(token_url=self.service.url + "/token")
        self.token()
        self.books(self.service, token_url=None, issuer=self.service.url, refresh_url=self.service.url + "/token")
        self.token()
        self.assertEqual(self.asked, [])

    def test_a_day(self):
        self.documents[FIRST] = {}
        self.configure_issuer()
        self.token()
        almost, later = self.faketime("+86000"), self.faketime("+86500")
        self.ok("token", "books", "--refresh", env=almost)
        self.assertEqual(self.asked, [FIRST])
        self.ok("token", "books", "--refresh", env=later)
        self.assertEqual(self.asked, [FIRST, FIRST])
        # It cannot be had any more: what is known is used, with a warning, and asked for again next time.
        for answer in ((503, {}, b""), (200, {}, {**self.good(), "issuer": "https://evil.example.org"})):
            self.documents[FIRST] = self.documents[SECOND] = answer
            late = self.faketime("+200000")
            done = self.ok("token", "books", "--refresh", env=late)
            self.assertIn("metadata of the service: ", done.stderr)
            self.assertIn("is used", done.stderr)
        self.assertEqual(len(self.service.forms), 5)

    def test_a_token_url_that_is_gone(self):
        """The service may have moved, and say so: it is asked at once, and once in an exchange."""
        self.documents[FIRST] = {}
        self.configure_issuer(grant=None, refresh_token={"env": "BOOKS_REFRESH"})
        self.token()
        self.documents[FIRST] = {"token_endpoint": self.service.url + "/token/moved"}
        for status in (404, 405, 410, 301):
            self.service.answers = [(status, {"Location": "/"}, b"")]
            self.token("--refresh")
        self.service.answers = [(404, {}, b"")] * 2
        self.fails(6, "token", "books", "--refresh", says="404")
        self.assertEqual((self.asked, len(self.service.forms), self.intents()), ([FIRST] * 6, 11, 0))
        self.service.answers = [(401, {}, {"error": "invalid_client"})]
        self.fails(4, "token", "books", "--refresh", says="invalid_client")
        self.assertEqual(len(self.asked), 6)
        self.assertEqual([request["path"] for request in self.service.service.received if request["method"] == "POST"][:3],
                         ["/token", "/token", "/token/moved"])

    def test_a_token_host_that_is_gone(self):
        """Nothing could be sent: the service may be elsewhere by now, and say so. If it says the same, or nothing, that
        costs one request."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            gone = "127.0.0.1:%d" % closed.getsockname()[1]
        self.documents[FIRST] = {}
        self.configure_issuer(grant=None, token_hosts=[gone, self.service.url.split("//")[1]], refresh_token={"env": "BOOKS_REFRESH"})
        self.token()
        self.documents[FIRST] = {"token_endpoint": f"http://{gone}/token"}
        self.service.answers = [(404, {}, b"")]
        self.fails(5, "token", "books", "--refresh", says="onnect")
        self.assertEqual((len(self.asked), self.intents()), (2, 0))
        self.fails(5, "token", "books", "--refresh", says="onnect")
        self.assertEqual(len(self.asked), 3)
        self.documents[FIRST] = (503, {}, b"")
        self.fails(5, "token", "books", "--refresh", says="is used")
        self.documents[FIRST] = {}
        self.token("--refresh")
        self.assertEqual((self.asked.count(FIRST), len(self.service.forms), self.intents()), (5, 3, 0))

    def test_another_issuer(self):
        """What was kept of one issuer is not used for another, whose row is another one, too."""
        self.documents[FIRST] = {}
        self.configure_issuer()
        self.token()
        other = self.service.url + "/other"
        self.documents[FIRST + "/other"] = {"issuer": other}
        self.configure_issuer(issuer=other)
        self.assertEqual(self.token()["access_token"], "access-token-2")
        self.assertEqual(self.asked, [FIRST, FIRST + "/other"])

    def test_hostile(self):
        url = self.service.url
        for document, status, says in (
                ({"issuer": "https://evil.example.org"}, 4,
                 f"its issuer is 'https://evil.example.org'; expected '{url}', as configured, to the byte"),
                ({"issuer": url + "/"}, 4, "to the byte"),
                ({"issuer": None}, 4, "it has no issuer"),
                ({"issuer": [url]}, 4, "it has no issuer"),
                ({"token_endpoint": None}, 6, "it has no token_endpoint; set 'token_url' in its place"),
                ({"token_endpoint": "http://id.example.org/token"}, 6, "token_endpoint: "),
                ({"token_endpoint": "https://me:pw@id.example.org/token"}, 6, "token_endpoint: "),
                ({"token_endpoint": "file:///etc/passwd"}, 6, "token_endpoint: "),
                ({"token_endpoint": "https://" + "x" * 9000}, 6, "token_endpoint: "),
                ((302, {"Location": "https://evil.example.org/x"}, b""), 6,
                 "302 redirect to https://evil.example.org/x: redirects of a token service are not followed"),
                ((307, {"Location": self.service.url + "/elsewhere"}, b""), 6, "307 redirect to"),
                ((404, {}, b"nothing here"), 6, "404 not found"),
                ((500, {}, b"oops"), 6, "500 server error"),
                ((200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>"), 6,
                 "it is not a JSON object"),
                ((200, {}, b'["' + url.encode() + b'"]'), 6, "it is not a JSON object"),
                ((200, {}, json.dumps(self.good()).encode()[:-10]), 6, "it is not a JSON object"),
                ((200, {}, b"[" * 100000), 6, "it is not a JSON object"),
                ((200, {}, {**self.good(), "x": "y" * 300000}), 5, "the reply is over 262144 bytes"),
        ):
            with self.subTest(document=str(document)[:80]):
                self.documents = {FIRST: document, SECOND: document}
                self.configure_issuer()
                done = self.fails(status, "token", "books", says=says)
                self.assertIn(f"(GET {url}/.well-known/", done.stderr)
                self.assertEqual(self.service.forms, [])  # no secret went anywhere

    def test_another_host(self):
        """A token endpoint on a host that is not in token_hosts gets nothing; the error says how to allow it."""
        other = self.grants()
        self.documents[FIRST] = {"token_endpoint": other.url + "/token"}
        self.configure_issuer()
        host = other.url.partition("//")[2]
        self.fails(4, "token", "books", says=[host, "token_hosts"])
        self.assertEqual(other.forms, [])
        self.configure_issuer(token_hosts=[host])
        self.token()
        self.assertEqual(len(other.forms), 1)

    def test_slow_and_cut(self):
        """A byte now and then, a reply that is cut, a port where nobody listens: exit 5, nothing sent."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        cut, url = [], f"http://127.0.0.1:{listener.getsockname()[1]}"

        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(65536)
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{")
                    for _ in range(0 if cut else 60):
                        try:
                            peer.sendall(b" ")
                        except OSError:
                            break
                        time.sleep(0.05)
        threading.Thread(target=serve, daemon=True).start()
        self.configure_issuer(issuer=url, timeout="400ms")
        self.fails(5, "token", "books", says=["metadata of the service: ", f"(GET {url}/.well-known/"])
        cut.append(True)
        self.fails(5, "token", "books", says=["metadata of the service: ", f"(GET {url}/.well-known/"])
        gone = Service()
        gone.stop()
        self.configure_issuer(issuer=gone.url)
        self.fails(5, "token", "books", says=["metadata of the service: ", f"(GET {gone.url}/.well-known/"])

    def test_an_exchange_that_fails(self):
        """A refresh token is not spent, nor said to be lost, where the service could not be found."""
        self.env.update(BOOKS_SECRET="secret-of-books", BOOKS_REFRESH="refresh-token-0")
        self.books(self.service, token_url=None, issuer=self.service.url, retries=0)
        self.fails(6, "token", "books", says="404 not found")
        self.assertEqual(self.intents(), 0)
        self.documents[FIRST] = {}
        self.assertEqual(self.token()["access_token"], "access-token-1")

    def test_killed_while_the_service_is_looked_for(self):
        """Nothing was about to be spent: when the token is refused later, no reply was lost."""
        self.books(self.service, token_url=None, issuer=self.service.url)
        self.kill = queue.Queue()
        process = self.start("token", "books")
        self.kill.put(process)
        self.assertEqual((process.wait(60), self.asked, self.service.forms), (-9, [FIRST], []))
        self.assertEqual(self.intents(), 0)
        self.kill = None
        self.documents[FIRST] = {}
        self.service.current = "another"
        self.assertNotIn("reply lost", self.fails(4, "token", "books", says="invalid_grant").stderr)

    def test_check_online(self):
        """Asked for anew, though the token is fresh: what the next exchange would meet."""
        self.env.update(BOOKS_SECRET="secret-of-books", BOOKS_REFRESH="refresh-token-0")
        self.documents[FIRST] = {}
        self.books(self.service, token_url=None, issuer=self.service.url, retries=0)
        self.token()
        self.ok("check", "--online")
        self.assertEqual((self.asked, len(self.service.forms)), ([FIRST, FIRST], 1))
        self.documents[FIRST] = {"token_endpoint": "https://id.example.org/token"}
        done = self.jeton("check", "--online")
        self.assertEqual(done.returncode, 4, done.stdout)
        self.assertIn("token_hosts", done.stdout)
        self.documents = {FIRST: {"issuer": "https://evil.example.org"}, SECOND: {"issuer": "https://evil.example.org"}}
        done = self.jeton("check", "--online")
        self.assertEqual(done.returncode, 4, done.stdout)
        self.assertIn("connector 'books': metadata of the service: its issuer is 'https://evil.example.org'", done.stdout)
        self.assertEqual(len(self.service.forms), 1)

    def test_audience(self):
        """An assertion may be for the issuer, by that word; else for the address that it has named."""
        for audience, expected in (("issuer", self.service.url), ("token_url", self.service.url + "/token")):
            self.documents[FIRST] = {}
            self.configure_issuer(client_auth="private_key_jwt", client_secret=None, key=self.key("rsa.pem"),
                                  client_assertion={"audience": audience})
            self.token("--refresh")
            assertion = self.service.forms[-1]["client_assertion"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(assertion + "=" * (-len(assertion) % 4)))
            self.assertEqual(claims["aud"], expected)
        self.daemon(self.service, client_auth="private_key_jwt", client_secret=None, key=self.key("rsa.pem"),
                    client_assertion={"audience": "issuer"})
        self.fails(3, "token", "books", says="connector 'books' has an assertion for its 'issuer', and none is configured")

    def key(self, name):
        path = os.path.join(self.folder, name)
        shutil.copy(os.path.join(support.SOURCE, "tests", "unit", "crypto", "keys", name), path)
        os.chmod(path, 0o600)
        return {"file": path}

    def test_wrong(self):
        self.daemon(self.service, token_url=None)
        self.fails(3, "token", "books", says="connector 'books' lacks 'token_url'; expected a URL such as "
                   "https://id.example.org/oauth2/token, or 'issuer'")
        for issuer, says in (("http://id.example.org", "'issuer' of connector 'books': "),
                             ("https://id.example.org/?a=b", "'issuer' of connector 'books': ")):
            self.configure_issuer(issuer=issuer)
            self.fails(3, "token", "books", says=says)


if __name__ == "__main__":
    unittest.main()
