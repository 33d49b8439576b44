"""While a cached token is used no secret is read; yet one that lies in a file is masked, and does not leave."""

import os
import unittest

from jobs import JobCase
from service import Service

SECRET, REFRESH = "the-secret-in-a-file", "the-refresh-token-in-a-file"
READ = f"""
local function read(name)
  local file <close> = assert(io.open(name))
  return file:read "l"
end
local secret, refresh = read "secret", read "refresh"
"""


class Unread(JobCase):
    def setUp(self):
        super().setUp()
        self.service = Service()
        self.addCleanup(self.service.stop)
        self.write("secret", SECRET + "\n")
        self.write("refresh", REFRESH + "\n")
        self.connectors = f"""\
connectors:
  contoso:
    token_service: {self.service.base}
    application_id: an-application
    application_secret: {{ file: secret }}
    refresh_token: {{ file: refresh }}
"""
        self.configuration("")
        self.ok("token", "contoso")  # from now on there is a cached token

    def configuration(self, script, **keys):
        self.job(READ + script, connectors=self.connectors, **keys)

    def run_script(self, script, *options):
        self.write("x.lua", READ + script)
        return self.jeton(*options, "run", "x.lua")

    def assert_hidden(self, *texts):
        for text in texts:
            self.assertNotIn(SECRET, text)
            self.assertNotIn(REFRESH, text)

    def test_it_goes_to_no_other_host(self):
        other = Service()
        self.addCleanup(other.stop)
        for what in ('body = secret', 'headers = { x = refresh }', 'query = { q = secret }', 'form = { f = refresh }'):
            with self.subTest(what):
                done = self.run_script(f"return require('jeton.http').post('{other.url}/', {{ {what} }})")
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn("a secret of connector 'contoso'", done.stderr)
                self.assert_hidden(done.stderr)
        self.assertEqual(other.received, [])

    def test_that_of_a_webhook(self):
        """It may go nowhere, until a script says to whom it belongs: one that sets the webhook up tells it to the sender."""
        self.write("hook", "the-secret-of-a-webhook\n")
        self.connectors += "webhooks: { hook: { from: github, secret: { file: hook }, script: x.lua } }\n"
        self.configuration("")
        call = f"assert(require('jeton.http').post('{self.service.url}/', {{ body = read 'hook' }}))"
        done = self.run_script(call)
        self.assertIn("a secret that belongs to no connector (token.hide gives it to one)", done.stderr)
        self.assertEqual(done.returncode, 4)
        done = self.run_script(f"assert(require('jeton.token').hide(read 'hook', 'contoso')) {call}")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_jeton_writes_is_masked(self):
        for statement in ("require('jeton.log').info(secret .. refresh)", "error(secret)", "error(refresh, 0)",
                          "return nil, secret", "require('jeton.log').info('x', { field = secret })"):
            with self.subTest(statement):
                done = self.run_script(statement)
                self.assertIn("********", done.stderr)
                self.assert_hidden(done.stdout, done.stderr)

    def test_one_that_is_replaced_while_a_script_runs(self):
        other = Service()
        self.addCleanup(other.stop)
        done = self.run_script(f"""
            local log, http, task = require 'jeton.log', require 'jeton.http', require 'jeton.task'
            log.info('before ' .. secret)
            local file <close> = assert(io.open('secret', 'w'))
            assert(file:write 'the-secret-that-came-later'):close()
            task.sleep(1.1)
            secret = read 'secret'
            log.info('after ' .. secret)
            return http.post('{other.url}/', {{ body = secret }})""")
        self.assertRegex(done.stderr, r"before \*+\n(.*\n)*.*after \*+\n")
        self.assertIn("a secret of connector 'contoso'", done.stderr)
        self.assertEqual((done.returncode, other.received), (4, []), done.stderr)

    def test_a_dry_run(self):
        self.write("x.lua", READ + f"require('jeton.http').post('{self.service.url}/', {{ body = secret }})")
        done = self.ok("run", "--dry-run", "x.lua")
        self.assertIn("********", done.stdout)
        self.assert_hidden(done.stdout, done.stderr)

    def test_what_is_kept_of_a_job(self):
        for statement in ("print(secret)", "io.write(refresh, '\\n')", "io.stderr:write(secret, '\\n')",
                          "os.execute 'cat secret'", "error(refresh)"):
            with self.subTest(statement):
                self.configuration(statement)
                self.jeton("run", "--job", "job")
                done = self.ok("logs", "job")
                self.assertIn("********", done.stdout)
                self.assert_hidden(done.stdout, self.ok("history", "--json").stdout)

    def test_a_run_without_need_reads_none(self):
        """What cannot be read is no failure, either, when there is a need."""
        os.remove(self.folder + "/secret")
        os.remove(self.folder + "/refresh")
        self.write("x.lua", "print(require('kaizala').connect():me().id) require('jeton.log').info 'on'")
        done = self.ok("run", "x.lua")
        self.assertEqual(done.stdout, "1\n")
        self.assertEqual(len(self.service.paths("/accessToken")), 1)


if __name__ == "__main__":
    unittest.main()
