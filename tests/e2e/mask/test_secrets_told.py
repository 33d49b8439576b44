"""The failures of the other files once more, with all that -vv tells, as JSON: no byte of a secret in it."""

import json
import os
import sqlite3
import unittest

import support
import test_hostile
import test_policy
import test_store
import test_tls
import test_tokens

CONFIGURED = (support.APPLICATION_SECRET, support.TENANT_TOKEN, support.MEMBER_TOKEN, support.GROUP_TOKEN,
              "access-token-of-the-service")
TELL_ALL = ("-vv", "--log-format", "json")


class Told(support.Case):
    """Put before a class of tests: their runs tell all, and are looked through."""

    def jeton(self, *args, **options):
        done = super().jeton(*TELL_ALL, *args, **options)
        self.look_through(done.stdout, done.stderr)
        return done

    def secrets(self):
        """Those that the tests configure, and what the store has got."""
        secrets = set(CONFIGURED)
        try:
            db = sqlite3.connect(f"file:{self.state}/jeton.db?mode=ro", uri=True)
            for row in db.execute("SELECT access_token, refresh_token, refresh_previous FROM token"):
                secrets.update(value for value in row if value)
            db.close()
        except sqlite3.Error:
            pass  # none yet, or one that a test has damaged
        return secrets

    def look_through(self, stdout, stderr):
        secrets = self.secrets()
        for line in stderr.splitlines():
            json.loads(line)
        for secret in secrets:
            self.assertNotIn(secret, stdout)
            self.assertNotIn(secret, stderr)
        for root, _, files in os.walk(self.folder):
            for name in files:
                if name.startswith("jeton.db") or name.endswith((".yaml", ".lua")) or name == "refresh":
                    continue
                with open(os.path.join(root, name), "rb") as file:
                    data = file.read()
                for secret in secrets:
                    self.assertNotIn(secret.encode(), data, name)


class Refusals(Told, test_policy.Refusals):
    pass


class Throttling(Told, test_policy.Throttling):
    pass


class Moved(Told, test_policy.Moved):
    pass


class Hosts(Told, test_policy.Hosts):
    pass


class Tls(Told, test_tls.Tls):
    pass


class Store(Told, test_store.State):
    pass


class Accidents(Told, test_tokens.Accidents):
    pass


class Hostile(Told, test_hostile.Hostile):
    def measure(self, *args):
        done = self.jeton(*args)
        return done.returncode, done.stderr, 0


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
