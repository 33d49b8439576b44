"""`jeton login` and `logout`, with oidc-provider as the judge: its own pages are filled in as a browser would."""

import html
import http.cookiejar
import re
import subprocess
import unittest
import urllib.error
import urllib.parse
import urllib.request

from judges import oidc
from oauth2 import OAuth2

GRANTS = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
SECRET = "secret-of-the-web-app-0123456789"
BACK = "https://books.example.org/back"
CLIENTS = [
    {"client_id": "native-app", "token_endpoint_auth_method": "none", "application_type": "native", "grant_types": GRANTS,
     "redirect_uris": ["http://127.0.0.1/callback"], "response_types": ["code"]},
    {"client_id": "web-app", "client_secret": SECRET, "grant_types": GRANTS, "redirect_uris": [BACK],
     "response_types": ["code"]}]


def setUpModule():
    global judge
    judge = oidc(clients=CLIENTS)
    unittest.addModuleCleanup(judge.stop)


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows redirects at the judge and to jeton."""

    def redirect_request(self, request, file, code, message, headers, url):
        if url.startswith(BACK):
            return None
        return super().redirect_request(request, file, code, message, headers, url)


class Judged(OAuth2):
    def setUp(self):
        super().setUp()
        self.browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), Stay(),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.page, self.at = "", ""

    def configure(self, client, **keys):
        self.env["BOOKS_SECRET"] = SECRET
        self.books(judge, **{"issuer": judge.url, "token_url": None, "client_id": client, "refresh_token": None,
                             "scope": ["openid", "offline_access"], "authorize_params": {"prompt": "consent"}, **keys})

    def native(self):
        self.configure("native-app", client_auth="none", client_secret=None)

    def visit(self, url, form=None):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self.browser.open(urllib.parse.urljoin(self.at, url), data, timeout=20) as page:
                self.page, self.at = page.read().decode(), page.geturl()
        except urllib.error.HTTPError as error:
            with error:
                self.page, self.at = error.read().decode(), error.headers.get("Location", "")

    def submit(self, **fields):
        action = html.unescape(re.search(r'action="([^"]+)"', self.page).group(1))
        hidden = re.findall(r'name="([^"]+)"\s+value="([^"]*)"', self.page)
        self.visit(action, {**dict(hidden), **fields})

    def agree(self):
        self.submit(login="alice", password="x")
        self.submit()

    def grants(self):
        """What the judge has granted since the last call, by grant."""
        judge.act("nothing")
        found = [event["grant"] for event in judge.events if event["event"] == "grant.success"]
        judge.events.clear()
        return found

    def live_and_end(self, grant):
        """It is used and renewed, and after the logout the judge knows it no more."""
        self.ok("token", "books", "--refresh")
        self.ok("token", "books", "--refresh")
        self.assertEqual(self.grants(), [grant, "refresh_token", "refresh_token"])
        last = self.row()["refresh_token"]
        self.assertTrue(judge.act("lives", token=last))
        self.assertIn("is revoked at the service", self.ok("logout", "books").stdout)
        self.assertFalse(judge.act("lives", token=last))
        self.fails(4, "token", "books", says="logged out")
        self.assertEqual(self.grants(), [])

    def test_browser(self):
        self.native()
        process = self.start("login", "books", "--browser")
        self.visit(process.stdout.readline().decode().strip())
        self.agree()
        self.assertIn("You can close this page", self.page)
        self.assertIn("iss=", self.at)
        self.finish_all([process])
        self.live_and_end("authorization_code")

    def test_paste(self):
        self.configure("web-app", redirect_uri=BACK)
        process = self.start("login", "books", "--paste", stdin=subprocess.PIPE)
        self.visit(process.stdout.readline().decode().strip())
        self.agree()
        self.assertTrue(self.at.startswith(BACK + "?code="))
        _, err = process.communicate(self.at.encode() + b"\n", timeout=30)
        self.assertEqual(process.returncode, 0, err)
        self.live_and_end("authorization_code")

    def test_device(self):
        self.native()
        process = self.start("login", "books", "--device",
                             env={**self.faketime("+0 x10"), "FAKETIME_DONT_FAKE_MONOTONIC": "0"})
        self.visit(process.stdout.readline().decode().strip())
        self.submit(user_code=process.stdout.readline().decode().strip())
        self.submit(confirm="yes")
        self.agree()
        self.assertIn("you can now close this page", self.page)
        self.finish_all([process])
        self.live_and_end(GRANTS[2])

    def test_no(self):
        self.native()
        process = self.start("login", "books", "--browser")
        self.visit(process.stdout.readline().decode().strip())
        self.visit(re.search(r'href="([^"]*/abort)"', self.page).group(1))
        self.assertIn("Not signed in", self.page)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 4, err)
        self.assertIn(b"access_denied", err)
        self.assertEqual(self.grants(), [])


if __name__ == "__main__":
    unittest.main()
