"""The command line: help, usage errors, the choice of the configuration, where output goes."""

import json
import os
import pty
import subprocess
import unittest

import support
from support import JETON

VERBS = ("run", "token", "api", "check", "sandbox")
CONFIGURATION = """\
version: 1
connectors:
  %s:
    provider: kaizala
    token_service: https://kaizala.example.org/v1
    application_id: { env: ID }
    application_secret: { env: SECRET }
    refresh_token: { env: REFRESH }
"""


class Help(support.Case):
    def test_names_every_verb(self):
        done = self.ok("--help")
        self.assertEqual(done.stderr, "")
        for verb in VERBS:
            self.assertRegex(done.stdout, rf"(?m)^  {verb} +\w")
        self.assertIn("--log-format text|json", done.stdout)

    def test_of_each_verb(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                done = self.ok(verb, "--help")
                self.assertIn(f"jeton {verb}", done.stdout)
                self.assertEqual(done.stderr, "")

    def test_needs_no_configuration(self):
        self.write("jeton.yaml", "not: [a, configuration\n")
        for verb in VERBS:
            self.ok(verb, "-h")

    def test_a_full_disk_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([JETON, "--help"], stdout=full, stderr=subprocess.PIPE, env=self.env, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write to standard output: No space left on device", done.stderr)


class Version(support.Case):
    def test_is_one_line(self):
        self.assertRegex(self.ok("--version").stdout, r"^jeton \d+\.\d+\.\d+\n$")

    def test_loads_no_library_of_a_later_need(self):
        done = self.ok("--version", env={"LD_DEBUG": "files"})
        self.assertIn("libc.so.6", done.stderr)  # so the loader did report
        for library in ("libcurl", "libmicrohttpd"):
            self.assertNotIn(library, done.stderr)

    def assert_not_loaded(self, *args, libraries=("libcurl", "libmicrohttpd")):
        done = self.ok(*args, env={"LD_DEBUG": "files"})
        self.assertIn("libc.so.6", done.stderr)
        for library in libraries:
            self.assertNotIn(library, done.stderr)

    def test_a_cached_token_needs_no_libcurl(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        done = self.ok("token", "contoso", env={"LD_DEBUG": "files"})
        self.assertIn("libcurl", done.stderr)  # so the test below can fail
        self.assert_not_loaded("token", "contoso", "--json")
        script = self.write("token.lua", 'assert(require("jeton.token").get().source == "cache")\n')
        self.assert_not_loaded("run", script)

    def test_a_script_without_requests_loads_neither(self):
        self.configure("https://kaizala.example.org/v1", allow_hosts=["*.example.org"])
        names = ("jeton", "jeton.token", "jeton.http", "jeton.json", "jeton.task", "jeton.state", "jeton.yaml",
                 "jeton.server", "jeton.crypto", "jeton.log", "cjson", "kaizala")
        script = self.write("idle.lua", "".join(f'require "{name}"\n' for name in names) +
                            'require("jeton.task").sleep(0.01)\nrequire("kaizala").connect()\n')
        self.assert_not_loaded("run", script)
        self.assert_not_loaded("check")

    def test_a_request_loads_no_libmicrohttpd(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        self.assert_not_loaded("api", "users/me", libraries=["libmicrohttpd"])

    def test_with_closed_standard_streams(self):
        def status(words, closed):
            done = subprocess.run(["sh", "-c", f'"$0" {words} {closed}', JETON], cwd=self.folder, env=self.env,
                                  check=False)
            return done.returncode

        self.write("a_test.lua", 'require "jeton.test" ("a", function() end)')
        self.assertEqual(status("--version", "<&- 2>&-"), 0)
        for words in "--version", "test", "test --report=tap", "presets", "run -e 1":
            with self.subTest(words):
                self.assertEqual(status(words, "<&- >&- 2>&-"), 1)


class Usage(support.Case):
    def test_errors(self):
        for words, says in (
            ((), "no verb given"),
            (("tokn",), "unknown verb 'tokn'; did you mean 'token'?"),
            (("zzzzzzzz",), "unknown verb 'zzzzzzzz'; `jeton --help` lists them"),
            (("--verbos", "token"), "--verbose"),
            (("--config",), "--config"),
            (("--log-format", "xml", "check"), "--log-format: 'xml' is not a log format; expected text or json"),
            (("token", "--refresh"), "jeton token"),
            (("token", "a", "b"), "jeton token"),
            (("token", "a", "--jsn"), "--json"),
            (("api",), "jeton api"),
            (("api", "POST"), "the path is missing: jeton api POST PATH"),
            (("api", "PO ST", "groups"), "'PO ST' is not a method"),
            (("api", "groups", "-f", "name"), "expected key=value"),
            (("api", "groups", "-f", "\udced\udca0\udc80=a"), "-f: the name of a field is not UTF-8"),
            (("api", "groups", "-F", "\udce9=1"), "-F: the name of a field is not UTF-8"),
            (("api", "groups", "-F", "a=nonsense"), "-F a: invalid JSON at 1:1"),
            (("api", "groups", "-f", "a=1", "-F", "A=1"), "twice"),
            (("api", "groups", "-f", "a=1", "--input", "-"), "both give the body"),
            (("api", "GET", "groups", "--input", "-"), "a GET request has no body"),
            (("api", ""), "the path is empty"),
            (("run",), "jeton run"),
            (("run", "--timeout", "5 parsecs", "x.lua"), "--timeout"),
            (("run", "--memory", "much", "x.lua"), "--memory"),
            (("sandbox", "--bd", "x"), "--db"),
        ):
            with self.subTest(words=words):
                done = self.fails(2, *words, says=says)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr.startswith("jeton: error: "), done.stderr)

    def test_an_unknown_log_format_in_the_environment(self):
        self.fails(2, "--version", env={"JETON_LOG_FORMAT": "xml"}, says="$JETON_LOG_FORMAT: 'xml'")

    def test_a_script_that_is_missing(self):
        self.fails(3, "run", "missing.lua", says="missing.lua")

    def test_an_input_that_is_missing(self):
        self.fails(3, "api", "groups", "--input", "missing.json", says="--input missing.json: cannot be read")


class Log(support.Case):
    def error(self, *words, **options):
        return json.loads(self.fails(2, *words, **options).stderr)

    def test_json_by_option(self):
        line = self.error("--log-format", "json", "tokn")
        self.assertEqual((line["level"], line["kind"]), ("error", "usage"))
        self.assertIn("did you mean 'token'?", line["message"])
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*[+-]\d\d:\d\d$")

    def test_json_by_environment(self):
        self.assertEqual(self.error("tokn", env={"JETON_LOG_FORMAT": "json"})["level"], "error")

    def test_the_option_wins(self):
        self.fails(2, "--log-format=text", "tokn", env={"JETON_LOG_FORMAT": "json"}, says="jeton: error: ")

    def terminal(self, *words, env=None):
        self.need_terminal()
        main, side = pty.openpty()
        subprocess.run([JETON, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=side,
                       env={**self.env, **(env or {})}, cwd=self.folder, check=False)
        os.close(side)
        with os.fdopen(main, "rb", 0) as file:
            return file.read(4096)

    def test_colours_on_a_terminal_alone(self):
        self.assertIn(b"\x1b[", self.terminal("tokn"))
        self.assertNotIn("\x1b[", self.jeton("tokn").stderr)

    def test_no_colours(self):
        self.assertNotIn(b"\x1b[", self.terminal("--no-color", "tokn"))
        self.assertNotIn(b"\x1b[", self.terminal("tokn", env={"NO_COLOR": "1"}))
        self.assertIn(b"\x1b[", self.terminal("tokn", env={"NO_COLOR": ""}))
        self.assertNotIn(b"\x1b[", self.terminal("tokn", env={"TERM": "dumb"}))
        self.assertIn(b"\x1b[", self.terminal("tokn", env={"TERM": "vt100"}))


class Configuration(support.Case):
    def chosen(self, *words, env=None):
        """The path that -v names. The connector does not exist, so that nothing else happens."""
        done = self.jeton(*words, "-v", "token", "no-such-connector", env=env)
        self.assertEqual(done.returncode, 3, done.stderr)
        line = next(line for line in done.stderr.splitlines() if "configuration: " in line)
        return line.split("configuration: ")[1]

    def test_the_first_of_its_places(self):
        os.makedirs(self.folder + "/xdg-config/jeton", mode=0o700)
        user = self.write("xdg-config/jeton/jeton.yaml", CONFIGURATION % "user")
        self.assertEqual(self.chosen(), user)
        self.write("jeton.yaml", CONFIGURATION % "here")
        self.assertEqual(os.path.realpath(os.path.join(self.folder, self.chosen())),
                         os.path.realpath(self.folder + "/jeton.yaml"))
        variable = self.write("variable.yaml", CONFIGURATION % "variable")
        self.assertEqual(self.chosen(env={"JETON_CONFIG": variable}), variable)
        option = self.write("option.yaml", CONFIGURATION % "option")
        self.assertEqual(self.chosen("-c", option, env={"JETON_CONFIG": variable}), option)

    def test_one_that_is_named_must_be_there(self):
        self.write("jeton.yaml", CONFIGURATION % "here")
        self.fails(3, "-c", "missing.yaml", "token", "here", says="missing.yaml")
        self.fails(3, "token", "here", env={"JETON_CONFIG": "missing.yaml"}, says="missing.yaml")

    def test_none_at_all(self):
        self.fails(3, "token", "contoso", says=["no configuration", "--config", "jeton run --sandbox"])

    def test_every_error_is_said_then_their_number(self):
        self.write("jeton.yaml", CONFIGURATION.replace("provider", "provide").replace("env: ID", "envi: ID") % "c")
        done = self.fails(3, "token", "c", says=["provide", "envi", "configuration "])
        places = [line for line in done.stderr.splitlines() if "jeton.yaml:" in line]
        self.assertGreaterEqual(len(places), 2, done.stderr)

    def test_the_nearest_connector(self):
        self.write("jeton.yaml", CONFIGURATION % "contoso")
        self.fails(3, "token", "contosso", says="contoso")


if __name__ == "__main__":
    unittest.main()
