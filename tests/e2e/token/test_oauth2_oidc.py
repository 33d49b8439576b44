"""At oidc-provider, a strict token service that others wrote: how clients authenticate, and refresh tokens of which one
double use ends the family."""

import json
import os
import random
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import support
from certificates import Authority
from judges import Proxy, oidc
from oauth2 import OAuth2
from service import Service
from test_oauth2_assertions import KEYS, part

SECRET = "of the client: 100 % \"safe\" +&="
PEOPLE, ORDERS = "https://people.example.org/api", "https://orders.example.org/api"


def client(name, method, *grants, **more):
    made = {"client_id": name, "token_endpoint_auth_method": method, "grant_types": list(grants), "redirect_uris": [],
            "response_types": [], "scope": "offline_access read write", **more}
    if "secret" in method:
        made["client_secret"] = SECRET
    return made


SIGNERS = {"RS256": "rsa.pem", "PS256": "rsa.pem", "ES256": "ec.pem", "EdDSA": "ed25519.pem"}
CLIENTS = [client(f"a client: {method}", method, "client_credentials", "refresh_token")
           for method in ("client_secret_basic", "client_secret_post")]
CLIENTS += [client(f"signs-{algorithm}", "private_key_jwt", "client_credentials", "refresh_token",
                   key_file=os.path.join(KEYS, key), token_endpoint_auth_signing_alg=algorithm)
            for algorithm, key in SIGNERS.items()]
CLIENTS += [client(name, "none", "refresh_token") for name in ("public", "keeps")]
BASIC = CLIENTS[0]["client_id"]


def setUpModule():
    global judge, proxy, authority
    authority = Authority(unittest.enterModuleContext(tempfile.TemporaryDirectory()))
    for name in ("judge", "known"):
        authority.server(name)
    authority.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=its own", "-keyout", made("own.key"),
                      "-out", made("own.pem"))
    judge = oidc(
        clients=CLIENTS + [
            client("known", "tls_client_auth", "client_credentials", tls_client_auth_subject_dn="CN=known"),
            client("own", "self_signed_tls_client_auth", "client_credentials", certificate_file=made("own.pem"))],
        resources=[PEOPLE, ORDERS], tls={"key": made("judge.key"), "cert": made("judge.pem"), "ca": authority.file})
    unittest.addModuleCleanup(judge.stop)
    proxy = Proxy(judge.url)
    unittest.addModuleCleanup(proxy.stop)


def made(name):
    return os.path.join(authority.folder, name)


class Judged(OAuth2):
    def setUp(self):
        super().setUp()
        proxy.before = proxy.after = None
        self.since = self.told("grant.success"), self.told("grant.error")
        self.env["BOOKS_SECRET"] = SECRET

    @staticmethod
    def told(event):
        return len(judge.told(event))

    def granted(self):
        """The grants of this test."""
        return judge.told("grant.success")[self.since[0]:]

    def refused(self):
        return judge.told("grant.error")[self.since[1]:]

    def consent(self, name=BASIC, **more):
        self.env["BOOKS_REFRESH"] = judge.act("consent", client=name, **more)

    def key(self, name):
        with open(os.path.join(KEYS, name), encoding="ascii") as file:
            return {"file": self.write(name, file.read())}


class Clients(Judged):
    def test_secrets(self):
        for auth in ("basic", "post"):
            with self.subTest(auth=auth):
                self.state = os.path.join(self.folder, auth)
                method = f"client_secret_{auth}"
                self.daemon(judge, client_id=f"a client: {method}", client_auth=auth)
                self.assertEqual(self.token()["source"], "exchange")
                self.assertEqual((self.granted()[-1]["auth"], self.granted()[-1]["grant"]),
                                 (method, "client_credentials"))
        # Unencoded, such a secret is refused, as the standard demands.
        self.daemon(judge, client_id=BASIC, client_auth="basic_raw")
        self.fails(4, "token", "books", "--refresh", says="")
        self.assertEqual((len(self.granted()), len(self.refused())), (2, 1))

    def test_a_public_client(self):
        self.consent("public")
        self.books(judge, client_id="public", client_auth="none", client_secret=None)
        self.token()
        self.token("--refresh")
        self.assertEqual([said["auth"] for said in self.granted()], ["none"] * 2)

    def test_what_the_service_says_of_itself(self):
        self.daemon(judge, token_url=None, issuer=judge.url, client_id=BASIC)
        self.assertEqual(self.token()["source"], "exchange")
        self.assertEqual(self.granted()[-1]["auth"], "client_secret_basic")

    def test_certificates(self):
        for name, method in (("known", "tls_client_auth"), ("own", "self_signed_tls_client_auth")):
            with self.subTest(method=method):
                files = {}
                for kind, end in (("certificate", "pem"), ("key", "key")):
                    with open(made(f"{name}.{end}"), encoding="ascii") as file:
                        files[kind] = {"file": self.write(f"{name}.{end}", file.read())}
                self.state = os.path.join(self.folder, name)
                self.daemon(judge, token_url=judge.tls + "/token", client_id=name, client_auth="tls", client_secret=None,
                            tls=files, ca_file=authority.file)
                self.assertEqual(self.token()["source"], "exchange")
                self.assertEqual(self.granted()[-1]["auth"], method)
        # Both certificates are good, and each is of one client.
        self.daemon(judge, token_url=judge.tls + "/token", client_id="known", client_auth="tls", client_secret=None,
                    tls=files, ca_file=authority.file)
        self.fails(4, "token", "books", "--refresh", says="invalid_client")

    def signer(self, algorithm, **keys):
        self.state = os.path.join(self.folder, algorithm)
        self.daemon(proxy, client_id=f"signs-{algorithm}", client_auth="private_key_jwt", client_secret=None,
                    key=self.key(SIGNERS[algorithm]), algorithm=algorithm, **keys)

    def test_signed_assertions(self):
        for algorithm in SIGNERS:
            for audience in ("token_url", judge.url):
                with self.subTest(algorithm=algorithm, audience=audience):
                    self.signer(algorithm, client_assertion={"audience": audience})
                    self.token("--refresh")
        said = [event["auth"] for event in self.granted()]
        self.assertEqual({(one["method"], one["alg"]) for one in said},
                         {("private_key_jwt", algorithm) for algorithm in SIGNERS})
        self.assertEqual([one["aud"] for one in said], [proxy.url + "/token", judge.url] * len(SIGNERS))
        self.assertEqual(len({one["jti"] for one in said}), 2 * len(SIGNERS))

    def test_none_is_sent_twice(self):
        self.signer("ES256")
        proxy.passes.clear()
        replies = iter(["cut", "cut", None])
        proxy.after = lambda one: next(replies)
        self.token()
        self.assertEqual((len(self.granted()), self.refused()), (3, []))  # those that the judge has seen and answered
        body = proxy.passes[-1].request.partition(b"\r\n\r\n")[2]
        proxy.after = None
        self.assertEqual(self.post(body), 401)  # what was sent last, once more
        self.assertIn("only be used once", self.refused()[-1]["detail"])
        jti = part(urllib.parse.parse_qs(body.decode())["client_assertion"][0], 1)["jti"]
        self.assertEqual(self.refused()[-1]["auth"]["jti"], jti)

    @staticmethod
    def post(body):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(proxy.url + "/token", data=body, timeout=20) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def test_the_wrong_audience(self):
        self.signer("RS256", client_assertion={"audience": "https://another.example.org"})
        self.fails(4, "token", "books", says="invalid_client")
        self.assertIn("audience", self.refused()[-1]["detail"])
        self.signer("RS256")
        self.token("--refresh")


    def test_a_refresh_token_from_elsewhere(self):
        self.books(judge, client_id=BASIC, refresh_token=None)
        token = judge.act("consent", client=BASIC)
        done = self.ok("login", "books", "--import", input=token + "\n")
        self.assertNotIn(token, done.stdout + done.stderr)
        self.assertEqual((len(self.granted()), self.token()["source"]), (1, "cache"))
        self.token("--refresh")
        self.assertEqual((len(self.granted()), self.refused()), (2, []))
        # It was spent then; to bring it once more ends it all, and this judge would say so.
        self.fails(4, "login", "books", "--import", input=token + "\n", says="invalid_grant")
        self.assertEqual(self.refused()[-1]["detail"], "refresh token already used")


class Resources(Judged):
    """Resource indicators: an access token is for whom it was asked for."""

    @staticmethod
    def audience(token):
        return part(token, 1)["aud"]

    def test_of_a_client(self):
        for resource in (PEOPLE, ORDERS):
            self.daemon(judge, client_id=BASIC, resource=resource, scope="read")
            self.assertEqual(self.audience(self.token()["access_token"]), resource)  # the other one's is not used
        self.daemon(judge, client_id=BASIC, resource="https://nobody.example.org/api", scope="read")
        self.fails(4, "token", "books", says="invalid_target")

    def test_two_with_one_refresh_token(self):
        self.consent(resource=[PEOPLE, ORDERS])
        self.books(judge, client_id=BASIC, resource=PEOPLE)
        with open(os.path.join(self.folder, "jeton.yaml"), "a", encoding="utf-8") as file:
            file.write(f"  orders: {{ token_of: books, endpoint: 'https://orders.example.org', resource: '{ORDERS}' }}\n")
        for _ in range(2):  # each in turn spends what the other has stored
            for name, resource in (("books", PEOPLE), ("orders", ORDERS)):
                self.sql_if_there("UPDATE token SET lifetime_ms = 1")
                token = json.loads(self.ok("token", name, "--json", "--show").stdout)["access_token"]
                self.assertEqual(self.audience(token), resource)
        both = [self.start("token", name, "--show") for name in ("books", "orders") * 8]
        self.finish_all(both)
        self.assertEqual((len(self.granted()), self.refused()), (5, []))

    def sql_if_there(self, text):
        if os.path.exists(self.state):
            self.sql(text)


class Rotation(Judged):
    def setUp(self):
        super().setUp()
        self.consent()
        self.books(proxy, client_id=BASIC)
        self.token()
        proxy.passes.clear()

    def expire(self):
        self.sql("UPDATE token SET lifetime_ms = 1")

    def lives(self):
        return judge.act("lives", token=self.row()["refresh_token"])

    def holder(self, crowd):
        """Which of these processes exchanges, or None: who does holds the lock."""
        folder = os.path.join(self.state, "locks")
        files = {os.stat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)}
        pids = {process.pid: process for process in crowd}
        with open("/proc/locks", encoding="ascii") as locks:
            for line in locks:
                fields = line.split()
                if fields[1] == "FLOCK" and int(fields[5].rpartition(":")[2]) in files and int(fields[4]) in pids:
                    return pids[int(fields[4])]
        return None

    def test_a_chain(self):
        for _ in range(5):
            self.token("--refresh")
        self.assertEqual(({said["auth"] for said in self.granted()}, len(self.granted()), self.refused()),
                         ({"client_secret_basic"}, 6, []))
        self.assertTrue(self.lives())

    def test_one_that_is_not_rotated(self):
        self.consent("keeps")
        self.books(proxy, client_id="keeps", client_auth="none", client_secret=None)
        for _ in range(3):
            self.token("--refresh")
        self.assertTrue(judge.act("lives", token=self.env["BOOKS_REFRESH"]))
        self.assertEqual((len(self.granted()), self.refused()), (4, []))

    def on_a_disk(self, prepare):
        """An exchange with the state on a disk of its own, after a shell's command there: the status."""
        command = support.mount_namespace()
        if command is None:
            self.skipTest("needs a mount namespace, which is not to be had here")
        disk = os.path.join(self.folder, "disk")
        os.makedirs(disk, exist_ok=True)
        script = f"""mount -t tmpfs -o size=1m,mode=700 tmpfs {disk} && cp -a {self.state}/. {disk} && cd {disk} &&
            mount --bind {disk} {self.state} && {prepare} && cd {self.folder} || exit 99
            {support.JETON} token books; status=$?
            umount {self.state} && mount -o remount,rw {disk} && rm -f {disk}/fill && cp -a {disk}/. {self.state} || exit 99
            exit $status"""
        return subprocess.run([*command, "sh", "-c", script], env=self.env, capture_output=True, text=True, check=False)

    def test_a_disk_that_is_nearly_full(self):
        """Nothing is sent if what comes could not be stored; and what came is."""
        if support.mount_namespace() is None:
            self.skipTest("needs a mount namespace, which is not to be had here")
        done = set()
        for pages in (0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 64):
            with self.subTest(pages=pages):
                self.expire()
                proxy.passes.clear()
                run = self.on_a_disk(f"(cat /dev/zero >fill 2>&-; truncate -s -{4 * pages}k fill)")
                self.assertIn((run.returncode, len(proxy.passes)), ((0, 1), (5, 0)), run.stderr)
                done.add(run.returncode)
                self.token()
                self.assertEqual((self.lives(), self.refused()), (True, []))
        self.assertEqual(done, {0, 5})

    def test_a_disk_that_is_filled_meanwhile(self):
        """While the request is on its way: room was made for the reply before."""
        go, full = os.path.join(self.folder, "go"), os.path.join(self.folder, "full")
        for name in (go, full):
            os.mkfifo(name)

        def fill(_):
            with open(go, "w", encoding="ascii"):
                pass
            with open(full, encoding="ascii") as file:
                self.filled = file.read()

        self.expire()
        proxy.passes.clear()
        proxy.before = fill
        run = self.on_a_disk(f"{{ (cat {go}; cat /dev/zero >fill; df -k . >{full}) 2>&- & }}")
        proxy.before = None
        self.assertEqual((run.returncode, len(proxy.passes)), (0, 1), run.stderr)
        self.assertRegex(self.filled, " 0 100% ")
        self.assertEqual((self.token()["source"], self.lives(), self.refused()), ("cache", True, []))

    def test_a_state_that_cannot_be_written(self):
        self.expire()
        proxy.passes.clear()
        run = self.on_a_disk("mount -o remount,ro .")
        self.assertEqual((run.returncode, proxy.passes), (3, []), run.stderr)
        self.token()
        self.assertTrue(self.lives())

    def test_many_at_once(self):
        self.expire()
        outputs = self.finish_all([self.start("token", "books", "--json", "--show") for _ in range(64)])
        self.assertEqual(len({json.loads(output)["access_token"] for output in outputs}), 1)
        self.assertEqual((len(self.granted()), self.refused()), (2, []))
        self.assertTrue(self.lives())

    def test_signing_out(self):
        self.books(proxy, client_id=BASIC, revoke_url=proxy.url + "/token/revocation")
        granted = len(self.granted())
        # What is lost on its way changes nothing here; the judge has heard it or not.
        for lost in ("before", "after"):
            setattr(proxy, lost, lambda one: "cut")
            self.fails(5, "logout", "books", says="nothing was forgotten")
            self.assertEqual(self.lives(), lost == "before")
            proxy.before = proxy.after = None
        spent = self.row()["refresh_token"]
        self.ok("logout", "books")
        self.assertEqual((self.row()["refresh_token"], judge.act("lives", token=spent)), (None, False))
        self.fails(4, "token", "books", "--refresh", says="logged out at 20")
        self.assertEqual((len(self.granted()), self.refused()), (granted, []))
        self.consent()
        self.token()
        self.assertTrue(self.lives())

    def test_a_double_use_is_seen(self):
        """That this judge would tell."""
        spent = self.row()["refresh_token"]
        self.token("--refresh")
        self.sql(f"UPDATE token SET refresh_token = '{spent}'")
        self.fails(4, "token", "books", "--refresh", says="invalid_grant")
        self.assertEqual(self.refused()[-1]["detail"], "refresh token already used")

    def test_the_holder_is_killed(self):
        """Of many at once, the one that exchanges is killed at any moment: the family dies only if it was between the
        grant and the commit, and then that is said, and nothing is sent."""
        random.seed(11)
        proxy.before = lambda one: time.sleep(random.random() / 50)
        proxy.after = lambda one: time.sleep(random.random() / 50)
        turns, kills, wanted = 0, 0, 20 if support.SOAK else 4
        while kills < wanted:
            turns += 1
            self.assertLess(turns, 10 * wanted)
            with self.subTest(turn=turns):
                kills += self.killed_holder()

    def killed_holder(self):
        """Whether it was killed before it had ended."""
        self.expire()
        proxy.passes.clear()
        before = len(self.granted())
        crowd = [self.start("token", "books") for _ in range(16)]
        killed = None
        while killed is None and any(process.poll() is None for process in crowd):
            killed = self.holder(crowd)
        time.sleep(random.random() / 25)
        if killed is not None:
            killed.kill()
        statuses = [process.wait(60) for process in crowd]
        self.assertLessEqual(statuses.count(-9), 1)
        self.assertLessEqual(len(self.granted()) - before, 1)
        lost = [one for one in proxy.passes if one.status == 200 and not one.passed]
        reached = [one for one in proxy.passes if one.status is not None]
        if lost:
            self.assertFalse(self.lives())
        if self.lives():
            self.assertEqual((set(statuses) <= {0, -9}, len(reached), self.row()["stop_kind"]), (True, 1, 0), statuses)
            return -9 in statuses
        # One was granted, and its process killed; one who came after sent it once more, and then the one before.
        row = self.row()
        sent = [row["refresh_token"]] * 2 + [previous for previous in [row["refresh_previous"]] if previous]
        self.assertEqual([urllib.parse.parse_qs(one.request.decode())["refresh_token"][0] for one in reached], sent)
        self.assertEqual((set(statuses), reached[0].status), ({4, -9}, 200))
        self.assertIn("reply lost at 20", row["stop_reason"])
        for _ in range(5):
            self.fails(4, "token", "books", says=["needs a person since 20", "reply lost at 20", "nothing was sent"])
        self.assertEqual(len(reached), len([one for one in proxy.passes if one.status is not None]))
        self.consent()
        self.token()
        self.assertTrue(self.lives())
        return True

    def test_killed_anywhere_else(self):
        """No other point of an exchange loses the family."""
        def api(_):
            support.wait_until(lambda: self.victim)
            self.victim.kill()
            return 200, {}, {}

        def wire(_):
            if self.point != "on the wire":
                return None
            support.wait_until(lambda: self.victim)
            self.victim.kill()
            return "cut"

        service = Service(api)
        self.addCleanup(service.stop)
        self.point = None
        self.books(proxy, client_id=BASIC, endpoint=service.url)
        proxy.before = wire
        for point in ("token-locked", "token-intent", "on the wire", "token-stored", "before use"):
            for turn in range(20 if support.SOAK else 3):
                with self.subTest(point=point, turn=turn):
                    self.expire()
                    self.kill_at(point)
                    self.point = None
                    self.token()
                    self.assertEqual((self.lives(), self.refused()), (True, []))

    def kill_at(self, point):
        self.point, self.victim = point, None
        if point.startswith("token-"):
            done = self.jeton("token", "books", program=support.JETON_FAULTY, env={"JETON_FAULT": point + "=kill"})
            self.assertEqual(done.returncode, -9, done.stderr)
        else:
            self.victim = self.start("api", "things") if point == "before use" else self.start("token", "books")
            self.assertEqual(self.victim.wait(60), -9)


if __name__ == "__main__":
    unittest.main()
