"""`jeton connector add`: all of a connector's files or none, against the sandbox."""

import glob
import json
import os
import shutil
import signal
import sqlite3
import stat
import unittest

import support

ID = support.APPLICATION_ID
SECRET = support.APPLICATION_SECRET
TOKEN = support.TENANT_TOKEN


class AddCase(support.Case):

    def setUp(self):
        super().setUp()
        self.box = self.sandbox("--rate-limit", "0")
        self.home = os.path.join(self.folder, "xdg-config", "jeton")

    def tree(self, root=None):
        """Every file and folder of the configuration, with its mode and content."""
        found = {}
        for folder, folders, files in os.walk(root or self.home):
            for name in folders + files:
                path = os.path.join(folder, name)
                content = None
                if os.path.isfile(path):
                    with open(path, encoding="utf-8") as file:
                        content = file.read()
                found[os.path.relpath(path, root or self.home)] = (stat.S_IMODE(os.stat(path).st_mode), content)
        return found

    def options(self, name="contoso", *more):
        return ("connector", "add", name, "--token-service", self.box.base, *more)

    def lines(self, token=TOKEN, secret=SECRET, application_id=ID):
        return f"{application_id}\n{secret}\n{token}\n"

    def add(self, name="contoso", *more, input=None, **options):
        done = self.ok(*self.options(name, *more), input=self.lines() if input is None else input, **options)
        for secret in (SECRET, TOKEN):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def refused(self, status, *args, input=None, says=None, before=None, **options):
        """It fails, says why without any secret, and leaves the files as they were."""
        before = self.tree() if before is None else before
        done = self.fails(status, *(args or self.options()), input=self.lines() if input is None else input,
                          says=says, **options)
        for secret in (SECRET, TOKEN, *(input or "").split("\n")):
            if len(secret) >= 6:
                self.assertNotIn(secret, done.stdout + done.stderr)
        self.assertEqual(self.tree(), before)
        return done

    def user(self, *before):
        return json.loads(self.ok(*before, "api", "-C", "contoso", "users/me").stdout)["mobileNumber"]


class Written(AddCase):

    def test_without_any_configuration(self):
        done = self.add()
        self.assertIn("jeton token contoso", done.stdout)
        tree = self.tree()
        self.assertEqual({name: mode for name, (mode, _) in tree.items()}, {
            "jeton.yaml": 0o600, "conf.d": 0o700, "conf.d/contoso.yaml": 0o600, "secrets": 0o700,
            "secrets/contoso.secret": 0o600, "secrets/contoso.refresh_token": 0o600})
        self.assertEqual(tree["secrets/contoso.secret"][1], SECRET + "\n")
        self.assertEqual(tree["secrets/contoso.refresh_token"][1], TOKEN + "\n")
        for secret in (SECRET, TOKEN):
            self.assertNotIn(secret, tree["conf.d/contoso.yaml"][1])
        self.assertEqual(self.box.exchanges(), 1)
        # The token that the trial gave is the connector's.
        shown = json.loads(self.ok("token", "contoso", "--json").stdout)
        self.assertEqual(shown["source"], "cache")
        self.assertEqual(self.box.exchanges(), 1)
        self.ok("check", "--online")
        self.assertEqual(self.user(), "+33100000001")

    def test_beside_the_configuration_that_is_used(self):
        main = self.write("etc/jeton.yaml", f"version: 1\nstate: {self.state}\n")
        done = self.add("contoso", "--allow-host", "*.example.org", "--allow-host", "[::1]:8443",
                        env={"JETON_CONFIG": main})
        self.assertNotIn(" -c ", done.stdout)
        self.assertFalse(os.path.exists(self.home))
        self.assertIn('["*.example.org", "[::1]:8443"]',
                      self.tree(os.path.dirname(main))["conf.d/contoso.yaml"][1])
        self.ok("-c", main, "check")
        self.assertEqual(self.user("-c", main), "+33100000001")

    def test_in_the_working_directory(self):
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")
        done = self.add("contoso")
        self.assertIn("  conf.d/contoso.yaml\n", done.stdout)
        self.assertEqual(self.user(), "+33100000001")
        self.write("a.lua", "")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs: {{ poll: {{ script: a.lua }}, b: {{ script: a.lua }} }}\n")
        done = self.ok("-c", "jeton.yaml", *self.options("other"), input=self.lines())
        self.assertIn("-c jeton.yaml token other", done.stdout)
        self.assertIn("warning: job 'poll' (and 1 more) names no connector and used 'contoso', the only one of kaizala, ", done.stderr)
        self.assertNotIn("warning", self.ok("-c", "jeton.yaml", *self.options("third"), input=self.lines()).stderr)

    def test_one_that_is_named_as_its_id(self):
        self.assertIn(f"conf.d/{ID}.yaml", self.add(ID).stdout)

    def test_what_was_pasted_may_have_blanks_around_it(self):
        self.add(input=f"  {ID}\t\n\t{SECRET}  \r\n {TOKEN}")
        self.assertEqual(self.tree()["secrets/contoso.refresh_token"][1], TOKEN + "\n")

    def test_names_that_yaml_knows_otherwise(self):
        for name in ("null", "123", "no"):
            with self.subTest(name):
                self.add(name)
                self.ok("token", name, "--refresh")

    def test_where_conf_d_is_a_link(self):
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")
        os.makedirs(os.path.join(self.folder, "elsewhere/fragments"), 0o700)
        os.symlink("elsewhere/fragments", os.path.join(self.folder, "conf.d"))
        self.add()
        self.assertEqual(json.loads(self.ok("token", "contoso", "--json").stdout)["source"], "cache")

    def test_a_rotated_refresh_token_is_kept(self):
        self.box.steer("switches", {"single_use_refresh_tokens": True})
        self.add()
        self.ok("token", "contoso", "--refresh")
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(self.tree()["secrets/contoso.refresh_token"][1], TOKEN + "\n")

    def test_a_rotated_refresh_token_outlives_a_failed_write(self):
        self.box.steer("switches", {"single_use_refresh_tokens": True})
        blocked = os.path.join(self.home, "secrets/contoso.refresh_token")
        self.write("xdg-config/jeton/jeton.yaml", "version: 1\n")
        os.makedirs(blocked, 0o700)
        before = self.tree()
        self.refused(3, *self.options("contoso", "--force"), says="contoso.refresh_token", before=before)
        self.assertEqual(self.box.exchanges(), 1)
        os.rmdir(blocked)
        # The token that was typed is spent; the one that replaced it is in the state.
        self.add()
        self.ok("token", "contoso", "--refresh")


class Refused(AddCase):

    def test_what_the_token_service_refuses(self):
        """It says which of the values to check, and not the others."""
        application, token = "; check application_id and application_secret (", "; check refresh_token: it expires"
        for lines, says in ((self.lines(token="no-such-refresh-token"), token),
                            (self.lines(secret="WRONGSECRET"), application),
                            (self.lines(application_id="00000000-0000-4000-8000-000000000000"), application)):
            with self.subTest(lines):
                done = self.refused(4, input=lines, says=["not added", "contoso", says], before={})
                self.assertEqual(done.stderr.count("; check "), 1)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "xdg-config")))

    def test_no_token_service(self):
        self.box.stop()
        self.refused(5, says="not added", before={})

    def test_what_is_no_value(self):
        for text, says in (("", "application ID"), ("\n\n\n", "application ID"), (f"{ID}\n", "application secret"),
                           (f"{ID}\nabc\n{TOKEN}\n", "application secret"), (f"{ID}\n{SECRET}\n", "refresh token"),
                           (f"{ID}\n{SECRET}\nwith\x01control\n", "refresh token")):
            with self.subTest(text):
                self.refused(2, input=text, says=says, before={})
        self.assertEqual(self.box.requests("/accessToken"), [])

    def test_bad_arguments(self):
        for args in (("-x", "--token-service", self.box.base), ("--", "-x", "--token-service", self.box.base),
                     ("a b", "--token-service", self.box.base), ("../x", "--token-service", self.box.base),
                     ("x" * 65, "--token-service", self.box.base), ("x", "--token-service", "http://example.org/v1"),
                     ("x", "--token-service", "https://u:p@example.org/v1"), ("x",), (),
                     ("x", "--token-service", self.box.base, "--allow-host", "https://example.org")):
            with self.subTest(args):
                self.refused(2, "connector", "add", *args, before={})
        self.assertEqual(self.box.requests("/accessToken"), [])

    def test_a_host_that_is_not_allowed(self):
        self.box.steer("switches", {"endpoint_url": "http://localhost:1"})
        self.refused(4, says=["allow_hosts", "--allow-host"], before={})
        self.add("contoso", "--allow-host", "localhost:1")

    def test_a_name_that_is_defined_elsewhere(self):
        for place in ("jeton.yaml", "conf.d/contoso.yaml", "conf.d/other.yaml"):
            for force in ((), ("--force",)):
                with self.subTest(place=place, force=force):
                    self.write("xdg-config/jeton/jeton.yaml", "version: 1\n")
                    path = self.write("xdg-config/jeton/" + place, f"""\
version: 1
connectors:
  contoso:
    token_service: {self.box.base}
    application_id: {ID}
    application_secret: {SECRET}
""")
                    self.refused(3, *self.options("contoso", *force), says=place + ":3:3")
                    os.unlink(path)
        self.assertEqual(self.box.requests("/accessToken"), [])

    def test_files_that_hold_something_else(self):
        self.write("xdg-config/jeton/jeton.yaml", "version: 1\n")
        path = self.write("xdg-config/jeton/conf.d/contoso.yaml", "connectors: {}\n")
        self.refused(3, *self.options("contoso", "--force"), says="conf.d/contoso.yaml exists")
        os.unlink(path)
        self.write("xdg-config/jeton/secrets/contoso.secret", "of somebody else\n")
        self.refused(3, says="secrets/contoso.secret exists")
        self.add("contoso", "--force")

    def test_a_configuration_that_is_broken(self):
        self.write("xdg-config/jeton/jeton.yaml", "version: 1\nconnectrs: {}\n")
        self.refused(3, says="did you mean 'connectors'")

    def test_folders_that_others_can_write(self):
        self.write("xdg-config/jeton/jeton.yaml", "version: 1\n")
        os.mkdir(os.path.join(self.home, "secrets"))
        os.chmod(os.path.join(self.home, "secrets"), 0o777)
        self.refused(3, says="chmod go-w")
        self.assertEqual(self.box.requests("/accessToken"), [])

    def test_a_write_that_fails_leaves_nothing(self):
        for blocked in ("conf.d/contoso.yaml", "secrets/contoso.refresh_token", "secrets/contoso.secret"):
            with self.subTest(blocked):
                self.write("xdg-config/jeton/jeton.yaml", "version: 1\n")
                folder = os.path.join(self.home, blocked)
                os.makedirs(folder, 0o700)
                if blocked.startswith("conf.d"):
                    # Asked about before anything is sent.
                    self.refused(3, *self.options("contoso", "--force"), says=blocked)
                else:
                    self.refused(3, *self.options("contoso", "--force"), says=["not added", blocked])
                os.rmdir(folder)
                self.assertFalse(os.path.exists(os.path.join(self.home, "conf.d/contoso.yaml")))
        self.add()


class PowerFails(AddCase):
    """A process that is killed between two files: what is there can be loaded, and added again."""

    def killed(self, place, *more, input=None):
        done = self.jeton(*self.options("contoso", *more), input=input or self.lines(),
                          program=support.JETON_FAULTY, env={"JETON_FAULT": f"connector-{place}=kill"})
        self.assertEqual(done.returncode, -9, done.stderr)
        self.ok("check")

    def test_while_one_is_added(self):
        for place in ("main", "secret", "refresh", "yaml"):
            with self.subTest(place):
                self.killed(place)
                self.assertEqual(os.path.exists(os.path.join(self.home, "conf.d/contoso.yaml")), place == "yaml")
                self.add("contoso", "--force")
                self.ok("token", "contoso", "--refresh")
                shutil.rmtree(self.home)

    def test_while_one_is_replaced(self):
        self.add()
        for place in ("secret", "refresh", "yaml"):
            with self.subTest(place):
                self.killed(place, "--force", input=self.lines(support.MEMBER_TOKEN))
                self.ok("token", "contoso", "--refresh")
                self.assertEqual(self.user(), "+33100000002" if place == "yaml" else "+33100000001")
                self.add("contoso", "--force")
                self.assertEqual(len(self.secrets()), 4)  # those of before stay until the next time
                self.assertEqual(self.user(), "+33100000001")

    def secrets(self):
        return sorted(os.listdir(os.path.join(self.home, "secrets")))

    def test_what_a_kill_left_goes_with_the_connector(self):
        for place in ("secret", "refresh", "yaml"):
            with self.subTest(place):
                self.add()
                self.killed(place, "--force", input=self.lines(support.MEMBER_TOKEN))
                done = self.ok("connector", "remove", "contoso", "--yes")
                self.assertIn("secrets/contoso.secret.2\n", done.stdout)
                self.assertEqual(self.secrets(), [])
                self.add()
                self.assertEqual(self.secrets(), ["contoso.refresh_token", "contoso.secret"])
                self.ok("connector", "remove", "contoso", "--yes")


class Forced(AddCase):

    def test_an_existing_one_needs_force(self):
        self.add()
        self.refused(3, says=["conf.d/contoso.yaml:3:3", "--force"], input=self.lines(support.MEMBER_TOKEN))
        self.add("contoso", "--force", "--allow-host", "*.example.org", input=self.lines(support.MEMBER_TOKEN))
        self.assertEqual(self.user(), "+33100000002")
        self.assertIn("secrets/contoso.refresh_token.2", self.tree()["conf.d/contoso.yaml"][1])
        self.add("contoso", "--force")
        self.assertNotIn(".2", self.tree()["conf.d/contoso.yaml"][1])
        self.assertEqual(self.user(), "+33100000001")
        self.assertNotIn("allow_hosts", self.tree()["conf.d/contoso.yaml"][1])

    def test_one_that_fails_leaves_the_former(self):
        self.add()
        self.refused(4, *self.options("contoso", "--force"), input=self.lines("no-such-refresh-token"))
        self.ok("token", "contoso", "--refresh")

    def test_what_runs_meanwhile_goes_on(self):
        """It reads its secrets at its next exchange."""
        self.add()
        self.write("long.lua", """
            local task, token = require "jeton.task", require "jeton.token"
            io.open("begun", "w"):close()
            while not io.open "go" do task.sleep(0.02) end
            print(token.refresh())
        """)
        run = self.start("run", "-C", "contoso", "long.lua")
        support.wait_until(lambda: os.path.exists(os.path.join(self.folder, "begun")))
        self.add("contoso", "--force")
        self.write("go", "")
        said = run.communicate(timeout=support.PATIENCE)
        self.assertNotIn(b"nil", said[0], said)

    def test_a_write_that_fails_leaves_the_former(self):
        self.add()
        target = os.path.join(self.home, "secrets/contoso.refresh_token.2")
        os.mkdir(target, 0o700)
        self.refused(3, *self.options("contoso", "--force"), says="contoso.refresh_token.2",
                     input=self.lines(support.MEMBER_TOKEN))
        os.rmdir(target)
        self.ok("token", "contoso", "--refresh")
        self.assertEqual(self.user(), "+33100000001")

    def test_what_a_person_changed_is_not_replaced(self):
        self.add()
        path = os.path.join(self.home, "conf.d/contoso.yaml")
        with open(path, encoding="utf-8") as file:
            written = file.read()
        for changed in (written + "    timeout: 5s\n", written + "jobs: {}\n",
                        written.replace("# Written by", "# Once written by")):
            with self.subTest(changed):
                self.write(os.path.relpath(path, self.folder), changed)
                self.refused(3, *self.options("contoso", "--force"), says="contoso.yaml:3:3")


class Terminal(AddCase):

    def test_prompts_show_the_id_only(self):
        terminal = self.start_at_terminal(*self.options())
        for prompt, answer in ((b"Application ID: ", ID), (b"Application secret: ", SECRET), (b"Refresh token: ", TOKEN)):
            terminal.read_until(prompt)
            terminal.type(answer)
        terminal.read_until(b"is added")
        self.assertEqual(terminal.status(), 0)
        self.assertIn(b"Application ID: " + ID.encode(), terminal.shown)
        for value in (SECRET, TOKEN):
            self.assertNotIn(value.encode(), terminal.shown)
        self.ok("token", "contoso")

    def test_lines_that_are_not_shown_are_edited_and_may_be_long(self):
        """The terminal would cut a line after 4,095 bytes, and say nothing."""
        long = "s" * 6000 + "end"
        typed = "wrong \x15wrong\x17" + long + "xé\x7f\b"
        terminal = self.start_at_terminal("connector", "add", "lab", "--preset", "gitlab", "--var", "host=gitlab.com")
        for prompt, answer in ((b"lient ID: ", ID), (b"lient secret (or none): ", typed), (b"efresh token (or none): ", ""),
                               (b"Sign in now?", "n")):
            terminal.read_until(prompt)
            terminal.type(answer)
        terminal.read_until(None)
        self.assertEqual(terminal.status(), 0)
        self.assertEqual(self.tree()["secrets/lab.secret"][1], long + "\n")

    def test_the_end_of_input_at_a_prompt(self):
        terminal = self.start_at_terminal(*self.options())
        for prompt, answer in ((b"Application ID: ", ID + "\n"), (b"Application secret: ", "\x04")):
            terminal.read_until(prompt)
            os.write(terminal.end, answer.encode())
        terminal.read_until(b"standard input ended")
        self.assertEqual((terminal.status(), self.tree()), (2, {}))

    def test_interrupted_at_a_prompt(self):
        terminal = self.start_at_terminal(*self.options())
        terminal.read_until(b"Application ID: ")
        os.write(terminal.end, b"\x03")
        terminal.read_until(None)
        self.assertNotEqual(terminal.status(), 0)
        self.assertEqual(self.tree(), {})


load_tests = support.side_by_side  # most of their time is waiting

class ListAndRemove(AddCase):
    def configure_by_hand(self, text):
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        path = os.path.join(self.home, "jeton.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"version: 1\nstate: {self.state}\n" + text)
        os.chmod(path, 0o600)

    def rows(self):
        db = sqlite3.connect(os.path.join(self.state, "jeton.db"))
        try:
            return db.execute("SELECT count(*) FROM token").fetchone()[0]
        finally:
            db.close()

    BY_HAND = """\
connectors:
  hand: { provider: kaizala, token_service: "https://k.example.org/v1", application_id: app-of-it,
          application_secret: { file: secrets/contoso.secret }, refresh_token: { env: NOT_SET } }
  lent: { token_of: hand, endpoint: "https://api.example.org/v2" }
"""

    def test_what_is_there_and_what_uses_it(self):
        self.configure_by_hand("")
        self.add()
        self.configure_by_hand(self.BY_HAND + "jobs:\n  one: { script: x.lua, connector: contoso }\n"
                               "  two: { script: x.lua, on_failure: { message: { connector: contoso, group: Ops } } }\n")
        listed = {one["connector"]: one for one in json.loads(self.ok("connector", "list", "--json").stdout)}
        self.assertEqual(list(listed), ["hand", "lent", "contoso"])
        self.assertEqual(listed["contoso"], {
            "connector": "contoso", "provider": "kaizala", "token_of": None, "url": self.box.base,
            "file": os.path.join(self.home, "conf.d", "contoso.yaml"), "line": listed["contoso"]["line"], "added": True,
            "jobs": ["one", "two"], "webhooks": [], "connectors": []})
        self.assertEqual((listed["hand"]["added"], listed["hand"]["connectors"]), (False, ["lent"]))
        self.assertEqual(listed["lent"]["token_of"], "hand")
        table = [line.split() for line in self.ok("connector", "list").stdout.splitlines()]
        self.assertEqual([row[0] for row in table], ["CONNECTOR", "hand", "lent", "contoso"])
        self.assertEqual(table[3][-3:], ["job", "one,", "two"])
        self.assertEqual(table[1][-2:], ["connector", "lent"])

    def test_none(self):
        self.configure_by_hand("")
        done = self.ok("connector", "list")
        self.assertEqual(done.stdout, "")
        self.assertIn("no connectors in", done.stderr)
        self.assertEqual(self.ok("connector", "list", "--json").stdout, "[]\n")

    def test_all_of_it_goes_and_it_can_be_added_again(self):
        self.configure_by_hand("")
        self.add("other")
        before = self.tree()
        self.add()
        self.assertEqual(self.rows(), 2)
        done = self.ok("connector", "remove", "contoso", "--yes")
        self.assertIn("connector 'contoso' is removed", done.stdout)
        self.assertIn("secrets/contoso.refresh_token\n", done.stdout)
        self.assertEqual(self.tree(), before)
        self.assertEqual(self.rows(), 1)
        self.fails(3, "connector", "remove", "contoso", "--yes", says="contoso")
        self.add()
        self.assertEqual(self.user(), "+33100000001")

    def test_what_an_exchange_brings_meanwhile_goes_too(self):
        self.configure_by_hand("")
        self.add()
        exchange = self.start("token", "contoso", "--refresh", program=support.JETON_FAULTY,
                              env={"JETON_FAULT": "token-received=stop"})
        os.waitpid(exchange.pid, os.WUNTRACED)
        [lock] = glob.glob(os.path.join(self.state, "locks", "token-*"))
        removal = self.start("connector", "remove", "contoso", "--yes")
        support.wait_until(lambda: removal.poll() is not None or lock in [
            os.path.realpath(path) for path in glob.glob(f"/proc/{removal.pid}/fd/*")], 60)
        exchange.send_signal(signal.SIGCONT)
        self.assertEqual(exchange.wait(60), 0)
        self.assertEqual(removal.wait(60), 0)
        self.assertEqual(self.rows(), 0)

    def test_not_while_something_uses_it(self):
        for text, says in (("jobs: { one: { script: x.lua, connector: contoso } }\n", "is used by job 'one'; "),
                           ("jobs: { one: { script: x.lua, on_recovery: { message: { connector: contoso, group: Ops } } } }\n",
                            "is used by job 'one'; "),
                           ("connectors: { lent: { token_of: contoso, endpoint: 'https://api.example.org/v2' } }\n",
                            "is used by connector 'lent'; ")):
            self.configure_by_hand("")
            self.add("contoso", "--force")
            self.configure_by_hand(text)
            self.refused(3, "connector", "remove", "contoso", "--yes", says=says)
            self.assertEqual(self.rows(), 1)

    def test_not_one_of_hand(self):
        self.configure_by_hand(self.BY_HAND)
        self.refused(3, "connector", "remove", "lent", "--yes", says="by hand: take it away there")
        self.add()
        with open(os.path.join(self.home, "conf.d", "contoso.yaml"), "a", encoding="utf-8") as file:
            file.write("    retries: 2\n")
        self.refused(3, "connector", "remove", "contoso", "--yes", says="changed by hand")

    def test_a_secret_that_another_one_reads_stays(self):
        self.configure_by_hand(self.BY_HAND)
        self.add()
        done = self.ok("connector", "remove", "contoso", "--yes")
        self.assertIn("contoso.secret stays: it is the application_secret of connector 'hand' too", done.stdout)
        self.assertEqual(os.listdir(os.path.join(self.home, "secrets")), ["contoso.secret"])
        self.assertEqual(os.listdir(os.path.join(self.home, "conf.d")), [])

    def test_a_secret_that_another_one_reads_is_replaced_where_it_is(self):
        self.configure_by_hand(self.BY_HAND)
        self.add()
        done = self.add("contoso", "--force")
        self.assertIn("secrets/contoso.secret\n", done.stdout)
        self.assertEqual(sorted(os.listdir(os.path.join(self.home, "secrets"))),
                         ["contoso.refresh_token", "contoso.refresh_token.2", "contoso.secret"])

    def test_a_secret_that_a_webhook_reads_stays(self):
        self.configure_by_hand("webhooks: { shop: { from: shopify, secret: { file: secrets/contoso.secret }, command: [cat] } }\n")
        self.add()
        done = self.ok("connector", "remove", "contoso", "--yes")
        self.assertIn("contoso.secret stays: it is the secret of webhook 'shop' too", done.stdout)
        self.assertEqual(os.listdir(os.path.join(self.home, "secrets")), ["contoso.secret"])

    def test_it_asks(self):
        self.configure_by_hand("")
        self.add()
        self.refused(2, "connector", "remove", "contoso", says="--yes removes 'contoso' without a question")
        before = self.tree()
        for answer in ("", "n"):
            terminal = self.start_at_terminal("connector", "remove", "contoso")
            terminal.read_until(b"[y/N]")
            self.assertIn(b"secrets/contoso.secret", terminal.shown)
            terminal.type(answer)
            self.assertEqual(terminal.status(), 0)
            self.assertEqual(self.tree(), before)
        terminal = self.start_at_terminal("connector", "remove", "contoso")
        terminal.read_until(b"[y/N]")
        terminal.type("y")
        self.assertEqual(terminal.status(), 0)
        self.assertEqual(os.listdir(os.path.join(self.home, "conf.d")), [])

    def test_a_state_that_cannot_be_used(self):
        self.configure_by_hand("")
        self.add()
        os.chmod(self.state, 0o755)
        self.refused(3, "connector", "remove", "contoso", "--yes", says="nothing is removed")


if __name__ == "__main__":
    unittest.main()
