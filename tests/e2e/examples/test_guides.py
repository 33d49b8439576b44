"""The guides, typed as they stand: each block does what the page says, against a sandbox at another port."""

import os
import re
import socket
import stat
import subprocess
import textwrap
import unittest
import urllib.parse
import urllib.request

import support
from oauth2 import Grants

PORT_OF_THE_PAGES = "127.0.0.1:8480"
# A crontab(1) that keeps the user's file in the test's folder.
CRONTAB = """#!/bin/sh
case $1 in
  -l) cat "$HOME/crontab" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; } ;;
  -r) rm "$HOME/crontab" ;;
  -) cat > "$HOME/crontab" ;;
  *) cat "$1" > "$HOME/crontab" ;;
esac
"""


class Page(support.Case):
    def setUp(self):
        super().setUp()
        self.at = self.folder  # where the lines are typed
        self.env["PATH"] = f"{self.folder}/bin:{self.env['PATH']}"
        self.env["XDG_CONFIG_HOME"] = self.folder + "/.config"
        os.mkdir(self.folder + "/bin")
        os.symlink(support.JETON, self.folder + "/bin/jeton")
        self.write("bin/crontab", CRONTAB, mode=0o700)

    def blocks(self, page):
        """(language, text) of each block, with the sandbox's address, and files in the test's folder."""
        with open(os.path.join(support.SOURCE, page), encoding="utf-8") as file:
            text = file.read()
        text = text.replace(PORT_OF_THE_PAGES, self.server.url.removeprefix("http://"))
        text = text.replace("/tmp/", self.folder + "/")
        return [(language, textwrap.dedent(block))
                for language, block in re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)]

    def type(self, block, status=0, leave_out=r"^(\./dev|export PATH|jeton sandbox( --seed [^ ]+)? *(#.*)?$)|example\.org"):
        """Types the lines in a shell; what they print. Left out: the installation, a sandbox that stays, a service."""
        lines = [line for line in block.splitlines() if not re.search(leave_out, line)]
        done = subprocess.run(["sh", "-ec", "\n".join(lines)], capture_output=True, text=True, env=self.env,
                              input="\n".join((support.APPLICATION_ID, support.APPLICATION_SECRET,
                                               support.TENANT_TOKEN, "")),
                              cwd=self.at, timeout=60, check=False)
        self.assertEqual(done.returncode, status, "\n".join(lines) + "\n" + done.stdout + done.stderr)
        return done.stdout

    def crontab(self):
        with open(self.folder + "/crontab", encoding="utf-8") as file:
            return file.read()


class Webhooks(Page):
    def test_webhooks(self):
        with open(os.path.join(support.SOURCE, "docs/guide-webhooks.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
        yaml = [block for language, block in blocks if language == "yaml"]
        self.assertIn("webhook:", self.type("".join(block for language, block in blocks if language == "sh")))
        self.write("payments.lua", "".join(block for language, block in blocks if language == "lua"))
        self.env |= {"STRIPE_SECRET": "sesame-1", "ACME_NEW": "sesame-2", "ACME_OLD": "sesame-3"}
        whole = yaml[1] + textwrap.indent("verify_token: sesame-4\n" + yaml[2], "    ")
        for text in (yaml[0], yaml[1], whole):
            self.write("jeton.yaml", "version: 1\n" + text)
            self.assertEqual(self.type("jeton check"), "jeton.yaml: good (0 connectors, 0 jobs, 1 webhook)\n")


class Guide(Page):
    def setUp(self):
        super().setUp()
        self.server = self.sandbox("--rate-limit", "0")

    def test_first_script(self):
        blocks = self.blocks("docs/guide-first-script.md")
        scripts = [block for language, block in blocks if language == "lua"]
        jobs = [block for language, block in blocks if language == "yaml"]
        shell = [block for language, block in blocks if language == "sh"]
        self.assertEqual((len(scripts), len(jobs), len(shell)), (1, 1, 9))
        self.write("new-lines.lua", scripts[0])
        self.assertRegex(self.type(shell[0]), r"^jeton \d")
        self.assertEqual(self.type(shell[1]), "posted to Sales: 1 new\n")
        self.assertEqual(self.type(shell[2]), "posted to Sales: 1 new\n")
        self.type(shell[3])
        self.assertIn("'contoso' is added", self.type(shell[4]))
        self.assertIn("token of the state", self.type(shell[5]))
        out = self.type(shell[6])
        self.assertIn("POST ", out)
        self.assertEqual(out.count("posted to Sales: 1 new"), 2)
        self.assertIn("app.log: 1 new, the last: error: disk full", out)  # what the sandbox received
        with open(self.folder + "/.config/jeton/jeton.yaml", "a", encoding="utf-8") as file:
            file.write(jobs[0])
        out = self.type(shell[7])
        self.assertIn("posted to Sales: 2 new", out)
        self.assertIn("new-lines", self.crontab())
        self.assertIn("jeton connector add production", shell[8])  # needs the service

    def test_cron(self):
        blocks = [block for language, block in self.blocks("docs/guide-cron.md") if language == "sh"]
        begin, run, check, nxt, install, look = blocks[:6]
        self.write(".config/jeton/jeton.yaml", "version: 1\n")  # of the other guides
        self.assertIn("posted to Sales: Hello from jeton, no. 1", self.type(begin))
        # The connector that init writes is that of the tests' seed here, and listens elsewhere.
        self.at = self.folder + "/morning"
        path = self.at + "/jeton.yaml"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = text.replace(PORT_OF_THE_PAGES, self.server.url.removeprefix("http://"))
        for key, value in (("application_id", support.APPLICATION_ID), ("refresh_token", support.TENANT_TOKEN),
                           ("application_secret", support.APPLICATION_SECRET)):
            text = re.sub(key + ": .*", f"{key}: {value}", text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(self.type(run), "posted to Sales: Good morning, no. 1\n")
        self.assertIn("good (1 connector, 1 job)", self.type(check))
        self.assertEqual(self.type(nxt).count("hello"), 3)
        self.assertIn("run --job hello --scheduled", self.type(install))
        self.assertIn("run --job hello --scheduled", self.crontab())
        self.assertIn("posted to Sales: Good morning", self.type(look))
        self.assertTrue(os.path.getsize(self.at + "/runs.html") > 0)
        keys = next(block for block in blocks if "state keys" in block)
        self.assertEqual(self.type(keys), "number\n1\n")
        with open(self.at + "/hello.jsonl", encoding="utf-8") as file:
            self.assertEqual(file.read(), '{"key":"number","value":100}\n')


class Testing(support.Case):
    def test_testing(self):
        with open(os.path.join(support.SOURCE, "docs/guide-testing.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
        due, due_test, report_test, event_test, real_test = [block for language, block in blocks if language == "lua"]
        run, update, pipeline = [block for language, block in blocks if language == "sh"]
        shown, missed = [block for language, block in blocks if language == "text"]
        self.write("due.lua", due)
        self.write("due_test.lua", due_test)

        def lines(text):
            """Without what tells of a slow machine."""
            return [line for line in re.sub(r"\d+ ms|\d+\.\d s", "…", text).splitlines() if not line.startswith("slow: ")]

        self.assertEqual(lines(self.ok(*run.split()[1:]).stdout), lines(shown))
        self.write("due.lua", due.replace('"/notes"', '"/note"'))
        self.assertIn("\n".join(lines(missed)[:3]), "\n".join(lines(self.fails(1, "test").stdout)))
        self.write("due.lua", due)
        self.write("report.lua", 'print "a report"')
        self.write("report_test.lua", report_test)
        self.ok(*update.split()[1:])
        self.write("event_test.lua", event_test)
        self.write("orders.lua", 'return { ["invoice.paid"] = function(event) print(event.data.amount) end }')
        self.ok("test", "event_test.lua")
        self.write("real_test.lua", real_test)
        self.assertIn("there is no cassette 'invoices' yet", self.fails(1, "test").stdout)
        os.remove(os.path.join(self.folder, "real_test.lua"))
        self.ok(*pipeline.split()[1:])
        with open(self.folder + "/results.xml", encoding="utf-8") as file:
            self.assertIn('tests="4" failures="0"', file.read())


class StandIn(Grants):
    """GitLab, Microsoft and Google, as far as the page needs them."""

    def answer(self, request):
        path = request["path"].partition("?")[0]
        if path == "/gitlab/device":
            return 200, {}, {"device_code": "device-code-of-the-page", "user_code": "WDJB-MJHT", "expires_in": 300,
                             "verification_uri": "https://gitlab.com/oauth/device", "interval": 1}
        if path == "/gitlab/revoke":
            self.dead = True
            return 200, {}, {}
        if path.endswith("/token"):
            self.forms.append(self.read(request))
            return self.grant(self.forms[-1])
        if request["headers"].get("Authorization") != f"Bearer access-token-{self.number}":
            return 401, {}, {"error": "invalid_token"}
        if path == "/gitlab/api/todos":
            return 200, {}, [{"id": 7, "body": "Please review", "target_url": "https://gitlab.com/x/y/-/merge_requests/1"}]
        if path == "/gitlab/api/issues":
            return 200, {}, [{"due_date": "2026-11-20", "title": "Renew it", "web_url": "https://gitlab.com/x/y/-/issues/1"}]
        return 200, {}, {"value": [{"displayName": "Alice Martin"}]}

    def grant(self, form):
        if not form["grant_type"].endswith(("device_code", "authorization_code")):
            return super().grant(form)
        self.number += 1
        self.dead = False
        self.current = f"refresh-token-{self.number}"
        return 200, {}, {"access_token": f"access-token-{self.number}", "token_type": "Bearer", "expires_in": 7200,
                         "refresh_token": self.current, "scope": "read_api"}


class Services(Page):
    def setUp(self):
        super().setUp()
        self.server = StandIn()
        self.addCleanup(self.server.service.stop)

    def here(self, yaml):
        """The same connectors at the stand-in; the presets are kept else."""
        for preset, name in (("gitlab", "gitlab"), ("microsoft-daemon", "graph"), ("google-service-account", "sheets")):
            urls = f"\n    token_url: {self.server.url}/{name}/token\n    endpoint: {self.server.url}/{name}/api"
            if name == "gitlab":
                urls += f"\n    device_url: {self.server.url}/gitlab/device\n    authorize_url: {self.server.url}/gitlab/ask"
                urls += f"\n    revoke_url: {self.server.url}/gitlab/revoke"
            yaml = re.sub(rf"\n    preset: {preset}( .*)?(?=\n)", rf"\g<0>{urls}", yaml)
        return yaml.replace("    endpoint: https://sheets.googleapis.com/v4\n", "")

    def sign_in(self, block):
        """Types the line of a sign-in, at a port that is free, and does what the browser and the person do."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        self.assertIn("--port 8400", block)
        process = self.start(*block.replace("8400", port).split()[1:], stdin=subprocess.PIPE)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(process.stdout.readline().decode().strip()).query)
        back = f"{query['redirect_uri'][0]}?code=code-of-the-page&state={query['state'][0]}"
        self.assertTrue(back.startswith(f"http://127.0.0.1:{port}/callback?"), back)
        if "--browser" in block:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(back, timeout=20).close()
        out, err = process.communicate(f"{back}\n".encode(), timeout=30)
        self.assertEqual(process.returncode, 0, err.decode())
        self.assertIn("is signed in", out.decode())
        self.assertEqual(self.server.forms[-1]["grant_type"], "authorization_code")

    def test_readme(self):
        (_, script), (_, yaml), (_, shell) = self.blocks("README.md")[:3]
        self.write("due.lua", script)
        self.write(".config/jeton/jeton.yaml", self.here(yaml))
        self.assertTrue(self.type(shell).endswith("2026-11-20\tRenew it\thttps://gitlab.com/x/y/-/issues/1\n"))

    def test_oauth2(self):
        blocks = self.blocks("docs/guide-oauth2.md")
        [script] = [block for language, block in blocks if language == "lua"]
        main, job, daemon, account, other = [block for language, block in blocks if language == "yaml"]
        shell = [block for language, block in blocks if language == "sh"]
        (install, check, login, token, paste, browse, given, run, cron, person, again, alive, secret, graph, sheets,
         renewed, end) = shell
        self.assertIn("GitLab", self.type(install))
        path = self.write(".config/jeton/jeton.yaml", self.here(main))
        self.assertIn("good (1 connector, 0 jobs)", self.type(check))
        out = self.type(login)
        self.assertIn("https://gitlab.com/oauth/device\nWDJB-MJHT\n", out)
        out = self.type(token)
        self.assertIn("read_api", out)
        self.assertIn("Please review", out)
        self.sign_in(paste)
        self.sign_in(browse)
        self.assertEqual(given, "jeton login gitlab --import\n")
        self.ok(*given.split()[1:], input=self.server.current + "\n")
        self.write("todos.lua", script, mode=0o644)
        line = "Please review\thttps://gitlab.com/x/y/-/merge_requests/1\n"
        self.assertEqual((self.type(run), self.type(run)), (line, ""))
        with open(path, "a", encoding="utf-8") as file:
            file.write(job)
        self.assertTrue(self.type(cron).startswith(line))
        self.assertIn("run --job todos --scheduled", self.crontab())
        self.assertEqual(len(self.server.forms), 4)
        # Somebody withdraws it: one run finds out, the others send nothing.
        self.server.dead = True
        later = {**self.faketime("+3h"), "FAKETIME_DONT_FAKE_MONOTONIC": "0"}
        for says in ("invalid_grant", "needs a person"):
            self.fails(4, "run", "--job", "todos", says=says, env=later)
        self.assertEqual(len(self.server.forms), 5)
        out = self.type(person)
        self.assertRegex(out, r"(?s)gitlab +needs.person.*somebody must sign in")
        self.assertIn("WDJB-MJHT", self.type(again))
        self.assertNotIn("somebody", self.type(person))
        sent = len(self.server.forms)
        self.type(alive)
        self.assertEqual(len(self.server.forms), sent)
        # The other kinds.
        self.write(".config/jeton/conf.d/graph.yaml", self.here(daemon), mode=0o644)
        self.type(secret.replace("touch ", "echo the-secret-of-the-daemon > "))
        self.assertIn("good", self.type(graph.splitlines()[0]))
        self.assertIn("Alice Martin", self.type(graph.splitlines()[1]))
        with open(os.path.join(support.SOURCE, "tests/unit/crypto/keys/service_account.json"), encoding="utf-8") as file:
            self.write(".config/jeton/secrets/google.json", file.read())
        self.write(".config/jeton/conf.d/sheets.yaml", self.here(account), mode=0o644)
        self.assertIn("connector", self.type(sheets))
        self.assertIn("graph", self.type(renewed.replace("cat > ", "echo another-secret > ")))
        self.assertEqual(self.server.forms[-1]["client_secret"], "another-secret")
        self.write(".config/jeton/conf.d/books.yaml", other)
        self.write(".config/jeton/secrets/books", "any value\n")
        self.assertIn("4 connectors", self.type("jeton check"))
        self.assertIn("evoked", self.type(end))
        self.assertTrue(self.server.dead)
        self.assertFalse(os.path.exists(self.folder + "/crontab"))


class Snippets(support.Case):
    def pages(self):
        """(name, text) of README.md and the pages of docs/."""
        for page in ["README.md"] + ["docs/" + name for name in sorted(os.listdir(support.SOURCE + "/docs"))
                                     if name.endswith(".md")]:
            with open(os.path.join(support.SOURCE, page), encoding="utf-8") as file:
                yield page, file.read()

    def test_configurations_of_the_pages_are_good(self):
        """Those that are whole: keys, values, presets and their variables; and others are YAML."""
        whole = 0
        self.env["CREDENTIALS_DIRECTORY"] = self.folder + "/conf"
        with open(os.path.join(support.SOURCE, "tests/unit/crypto/keys/service_account.json"), encoding="ascii") as file:
            google = file.read()
        for page, text in self.pages():
            for block in re.findall(r"^ *```yaml\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
                block = textwrap.dedent(block)
                with self.subTest(page + ": " + block):
                    self.write("block.yaml", block)
                    self.ok("run", "-", input='assert(require "jeton.yaml".load "block.yaml")')
                    if "version: 1\n" not in block:
                        continue
                    whole += 1
                    for secret in re.findall(r"\.\./(secrets/[\w.-]+)", block):
                        self.write(secret, google if secret.endswith(".json") else "any value\n")
                    for mine in re.findall(r"file: (secrets/[\w.-]+)|script: ([\w/.-]+\.lua)", block):
                        self.write("conf/" + "".join(mine), "-- any value\n")
                    if "postgresql:" in block:
                        self.write("conf/db.password", "any value\n")
                        if not os.path.exists(self.folder + "/conf/state.key"):
                            self.ok("state", "keygen", "conf/state.key")
                    self.write("conf/block.yaml", re.sub(r"/run/secrets/|/var/lib/jeton", self.folder + "/secrets/", block))
                    self.ok("-c", self.folder + "/conf/block.yaml", "check")
        self.assertGreater(whole, 4)

    def test_pictures_of_the_readme(self):
        with open(os.path.join(support.SOURCE, "README.md"), encoding="utf-8") as file:
            pictures = re.findall(r'<img src="([^"]+)"[^>]* alt="[^"]+">', file.read())
        self.assertEqual(len(pictures), 2)
        for picture in pictures:
            with open(os.path.join(support.SOURCE, picture), "rb") as file:
                data = file.read()
            self.assertTrue(data.startswith(b"\x89PNG") and len(data) < 150_000, picture)

    def test_lua_of_the_pages_is_lua(self):
        """Of README.md and docs/: syntax, and no name that is misspelled in `require`."""
        found = 0
        for page, text in self.pages():
            for block in re.findall(r"^ *```lua\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
                found += 1
                with self.subTest(page + ": " + block):
                    self.write("block.lua", block)
                    self.write("x.lua", f"""
                        assert(loadfile "{self.folder}/block.lua")
                        for line in io.lines "{self.folder}/block.lua" do
                          for name in line:gmatch 'require "?%(?"?([%w.]+)"' do
                            if name ~= "jeton.test" then require(name) end -- that is there in tests only
                          end
                        end""")
                    self.ok("run", "x.lua")
        self.assertGreater(found, 4)


if __name__ == "__main__":
    unittest.main()
