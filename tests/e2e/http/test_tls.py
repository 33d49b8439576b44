"""TLS: who is not believed, and why; and an authority of one's own."""

import contextlib
import json
import os
import ssl
import threading
import unittest

import faketime
import support
from certificates import Authority
from service import RawService, Service, reply
from test_hostile import token


class Tls(support.Case):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)

    def serve(self, context):
        service = RawService(lambda c, h: c.sendall(reply(token(service.url) if b"/accessToken" in h else b"{}")), context)
        self.addCleanup(service.stop)
        return service

    def test_an_authority_of_ones_own(self):
        service = self.serve(self.authority.server("good"))
        self.configure(service.base, ca_file=self.authority.file)
        self.ok("api", "users/me")
        self.assertEqual(len(service.heads), 2)

    def test_an_untrusted_certificate(self):
        service = self.serve(self.authority.server("good"))
        self.configure(service.base, retries=0)
        self.fails(5, "token", "contoso", says=["not trusted", "ca_file"])
        self.assertEqual(service.heads, [])

    def test_authorities_that_the_environment_names(self):
        folder = os.path.join(self.folder, "certs")
        os.mkdir(folder)
        name = self.authority.openssl("x509", "-subject_hash", "-noout", "-in", self.authority.file).stdout.decode().strip()
        os.symlink(self.authority.file, os.path.join(folder, name + ".0"))
        service = self.serve(self.authority.server("good"))
        self.configure(service.base, retries=0)
        self.ok("token", "contoso", "--refresh", env={"SSL_CERT_DIR": folder})
        self.ok("token", "contoso", "--refresh", env={"SSL_CERT_FILE": self.authority.file})
        os.rename(os.path.join(folder, name + ".0"), os.path.join(folder, "unhashed.pem"))
        self.fails(5, "token", "contoso", "--refresh", env={"SSL_CERT_DIR": folder}, says="not trusted")

    def test_connections_at_once_share_their_sessions(self):
        """Each after the first one resumes its session, whichever handle it is made by; but not that of a connector
        that trusts another authority."""
        os.mkdir(self.folder + "/other", 0o700)
        other, resumed, together = Authority(self.folder + "/other"), [], threading.Barrier(4, timeout=60)

        def answer(connection, head):
            resumed.append(connection.session_reused)
            if b"/held" in head:
                together.wait()
            connection.sendall(reply(token(service.url) if b"/accessToken" in head else b"{}", extra=b"Connection: close\r\n"))
            with contextlib.suppress(OSError):
                connection.unwrap()  # the session of a connection that is cut is no good
        context = self.authority.server("good")
        # With TLS 1.3 a session is good once: of calls that begin before the next one has come, some have none.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        service = RawService(answer, context)
        self.addCleanup(service.stop)
        connectors = {name: {"provider": "kaizala", "token_service": service.base, "application_id": "one",
                             "application_secret": "of many", "refresh_token": "of " + name, "ca_file": file, "retries": 0}
                      for name, file in (("good", self.authority.file), ("bad", other.file))}
        self.write("jeton.yaml", json.dumps({"version": 1, "state": self.state, "connectors": connectors}))
        script = self.write("held.lua", """
            local http, task = require "jeton.http", require "jeton.task"
            task.map({ 1, 2, 3, 4 }, function(i)
              assert(http.request { connector = "good", path = "/held/" .. i })
            end)
            local reply, err = http.request { connector = "bad", path = "/" }
            print(reply, err.kind, err.message)
            """)
        self.assertRegex(self.ok("run", script).stdout, "^nil\tnetwork\t.*not trusted")
        self.assertEqual(resumed, [False, True, True, True, True])

    def test_an_authority_that_is_renewed_while_a_run_goes_on(self):
        """Its file is read for each connection, as it is then."""
        os.mkdir(self.folder + "/renewed", 0o700)
        renewed = Authority(self.folder + "/renewed")
        end = reply(b"{}", extra=b"Connection: close\r\n")
        urls = []
        for authority in (self.authority, renewed):
            service = RawService(lambda c, h: c.sendall(end), authority.server("good"))
            self.addCleanup(service.stop)
            urls.append(service.url)
        script = self.write("renewed.lua", f"""
            local http = require "jeton.http"
            local before, after = table.unpack {{ "{urls[0]}", "{urls[1]}" }}
            local function ask(url)
              local response, err = http.get(url, {{ ca_file = "{self.folder}/trusted.pem" }})
              print(response and response.status or err.message)
            end
            local function trust(path)
              local from, to <close> = io.open(path), io.open("{self.folder}/trusted.pem", "w")
              to:write(from:read "a")
            end
            trust "{self.authority.file}"
            ask(before) ask(after)
            trust "{renewed.file}"
            ask(after)
            """)
        said = self.ok("run", script).stdout.splitlines()
        self.assertEqual([said[0], said[2]], ["200", "200"])
        self.assertIn("not trusted", said[1])

    def test_an_expired_certificate(self):
        service = self.serve(self.authority.server("old", days=-1))
        self.configure(service.base, ca_file=self.authority.file, retries=0)
        self.fails(5, "token", "contoso", says="expired")
        self.assertEqual(service.heads, [])

    @unittest.skipUnless(faketime.library(), "libfaketime is not installed")
    def test_a_certificate_that_is_not_yet_valid(self):
        service = self.serve(self.authority.server("new", starts_in=10))
        self.configure(service.base, ca_file=self.authority.file, retries=0)
        done = self.fails(5, "token", "contoso", says=["not yet valid", "check this machine's clock"])
        self.assertNotIn("expired", done.stderr)
        self.assertEqual(service.heads, [])

    def test_a_certificate_for_another_name(self):
        service = self.serve(self.authority.server("other", subject="DNS:other.example"))
        self.configure(service.base, ca_file=self.authority.file, retries=0)
        self.fails(5, "token", "contoso", says=["another host name", "127.0.0.1"])
        self.assertEqual(service.heads, [])

    def test_another_authority_does_not_make_it_good(self):
        os.mkdir(self.folder + "/other", 0o700)
        other = Authority(self.folder + "/other")
        service = self.serve(self.authority.server("good"))
        self.configure(service.base, ca_file=other.file, retries=0)
        self.fails(5, "token", "contoso", says="not trusted")
        self.assertEqual(service.heads, [])

    def test_it_is_not_tried_again(self):
        """A certificate does not get better by waiting."""
        service = self.serve(self.authority.server("good"))
        self.configure(service.base, retries=4)
        done = self.fails(5, "-v", "token", "contoso", says="not trusted")
        self.assertNotIn("trying again", done.stderr)

    def test_a_server_without_tls(self):
        """https:// to a port where plain HTTP is spoken."""
        service = Service()
        self.addCleanup(service.stop)
        self.configure(service.base.replace("http:", "https:"), retries=0)
        self.fails(5, "token", "contoso", says=f"what answers at port {service.port} does not speak TLS")

    def test_a_ca_file_that_is_missing(self):
        service = self.serve(self.authority.server("good"))
        self.configure(service.base, ca_file="/nonexistent/ca.pem", retries=0)
        done = self.jeton("token", "contoso")
        self.assertIn(done.returncode, (3, 5), done.stderr)
        self.assertIn("/nonexistent/ca.pem", done.stderr)


if __name__ == "__main__":
    unittest.main()
