"""At Django's OAuth toolkit: a reply that was lost heals where the service knows a period of grace, and elsewhere a person
is asked for, and nobody else."""

import shutil
import tempfile
import unittest
import urllib.parse

import support
from judges import Proxy, django
from oauth2 import ID, OAuth2

SECRET = "client-secret: 100 %"


class Toolkit(OAuth2):
    grace = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="jeton-django-")
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.judge = django(folder=folder, grace=cls.grace, id=ID, secret=SECRET)
        cls.addClassCleanup(cls.judge.stop)

    def setUp(self):
        super().setUp()
        self.proxy = Proxy(self.judge.url)
        self.addCleanup(self.proxy.stop)
        self.since = len(self.judge.told("app_authorized"))
        self.env.update(BOOKS_SECRET=SECRET, BOOKS_REFRESH=self.judge.act("consent"))
        self.books(self.proxy, token_url=self.proxy.url + "/token/")
        self.token()

    def granted(self):
        return len(self.judge.told("app_authorized")) - self.since

    def lose(self):
        """The next reply is lost, after the service has granted."""
        replies = ["cut"]
        self.proxy.after = lambda one: replies.pop() if replies else None

    def tokens(self):
        """Of the requests until now."""
        return [urllib.parse.parse_qs(one.request.decode())["refresh_token"][0] for one in self.proxy.passes]

    def goes_on(self):
        self.assertTrue(self.judge.act("lives", token=self.row()["refresh_token"]))
        self.assertEqual((self.token("--refresh")["source"], self.intents()), ("exchange", 0))


class Grace(Toolkit):
    grace = 30

    def healed(self):
        """The same token was sent once more, and all goes on with what came then."""
        before, sent, again = self.tokens()
        self.assertEqual((sent, self.row()["refresh_previous"]), (again, sent))
        self.assertNotEqual(sent, before)
        self.goes_on()

    def test_in_the_same_run(self):
        self.lose()
        self.token("--refresh")
        self.healed()

    def test_in_a_later_run(self):
        self.books(self.proxy, token_url=self.proxy.url + "/token/", retries=0)
        self.lose()
        self.fails(5, "token", "books", "--refresh", says="before a reply came")
        self.assertEqual(self.intents(), 1)
        self.sql("UPDATE token SET lifetime_ms = 1")
        self.token()
        self.healed()

    def test_of_a_process_that_was_killed(self):
        done = self.jeton("token", "books", "--refresh", program=support.JETON_FAULTY,
                          env={"JETON_FAULT": "token-received=kill"})
        self.assertEqual(done.returncode, -9)
        self.sql("UPDATE token SET lifetime_ms = 1")
        self.finish_all([self.start("token", "books") for _ in range(16)])
        self.healed()


class NoGrace(Toolkit):
    grace = 0

    def test_a_person_is_needed(self):
        self.lose()
        self.fails(4, "token", "books", "--refresh", says=["reply lost at 20", "invalid_grant"])
        sent, granted = len(self.proxy.passes), self.granted()
        row = self.row()
        self.assertEqual((row["stop_kind"], self.intents(), granted), (2, 0, 2))
        self.assertIn("reply lost at 20", row["stop_reason"])
        self.sql("UPDATE token SET lifetime_ms = 1")
        for _ in range(100):
            self.fails(4, "token", "books", says=["needs a person since 20", "reply lost at 20", "nothing was sent"])
        self.assertEqual((len(self.proxy.passes), self.granted()), (sent, granted))
        self.env["BOOKS_REFRESH"] = self.judge.act("consent")
        self.token()
        self.goes_on()

    def test_signing_out(self):
        self.books(self.proxy, token_url=self.proxy.url + "/token/", revoke_url=self.proxy.url + "/revoke_token/")
        last = self.row()["refresh_token"]
        self.assertTrue(self.judge.act("lives", token=last))
        self.ok("logout", "books")
        self.assertFalse(self.judge.act("lives", token=last))
        self.fails(4, "token", "books", says="logged out at 20")

    def test_a_chain(self):
        for _ in range(5):
            self.goes_on()
        self.assertEqual((len(set(self.tokens())), self.granted()), (6, 6))


if __name__ == "__main__":
    unittest.main()
