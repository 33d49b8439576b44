"""The JSON facts of lua/lib/test_json_facts.lua where no script reads or writes: token replies, `api`, the sandbox."""

import json
import unittest

import support
from service import Service

DEEP = "[" * 10000 + "]" * 10000
EXACT = ("636674054802000001", "-9223372036854775808", "-0", "5.0", "[]", "{}", "[[],{}]", '"\\ud83d\\ude00"')
INEXACT = ("1e400", "18446744073709551615", "1e-400", "NaN", '"\\ud800"', "1.50")
REFUSED = (("1e400", "beyond the range"), ("NaN", "NaN"), ("-Infinity", "Infinity"), ('"\\ud800"', "other half"),
           (DEEP, "nested deeper"))


class Facts(support.Case):
    def service(self, script):
        service = Service(script)
        self.addCleanup(service.stop)
        self.configure(service.base)
        return service

    def test_token_replies(self):
        more = [None]

        def script(request):
            if request["path"].endswith("/accessToken"):
                reply = json.dumps(service.token())
                return 200, {}, (reply[:-1] + ', "more": ' + more[0] + "}").encode()
            return None

        service = self.service(script)
        for text in EXACT + INEXACT:
            more[0] = text
            self.ok("token", "contoso", "--refresh")
        for text, says in ((DEEP, "nested deeper"), ('"' + "x" * 64 * 1024 * 1024 + '"', "over 65536 bytes")):
            more[0] = text
            done = self.jeton("token", "contoso", "--refresh")
            self.assertIn(done.returncode, (5, 6), text[:20])
            self.assertIn(says, done.stderr)

    def test_fields_of_api(self):
        service = self.service(lambda request: (200, {}, request["body"]) if request["method"] == "POST" else None)
        for text in EXACT:
            done = self.ok("api", "groups", "-F", "x=" + text)
            self.assertEqual(service.received[-1]["body"].decode(), '{"x":' + text + "}")
            self.assertEqual(done.stdout, '{"x":' + text + "}")
        sent = len(service.received)
        for text, says in REFUSED:
            self.fails(2, "api", "groups", "-F", "x=" + text, says=says)
        self.assertEqual(len(service.received), sent)

    def test_input_of_api_goes_as_it_is(self):
        service = self.service(lambda request: (200, {}, b"{}") if request["method"] == "POST" else None)
        long = '{"x": "' + "x" * (64 * 1024 * 1024 - 9) + '"}'
        self.ok("api", "groups", "--input", self.write("long.json", long))
        self.assertEqual(service.received[-1]["body"].decode(), long)
        self.fails(3, "api", "groups", "--input", self.write("longer.json", long + " "), says="longer.json")

    def test_bodies_of_the_sandbox(self):
        sandbox = self.sandbox()
        self.configure(sandbox.base)
        path = f"groups/{support.GROUP}/messages"
        for text in EXACT:
            self.ok("api", "POST", path, "--input", "-", input='{"message": "x", "unknown": %s}' % text)
        for text, says in REFUSED + (('"' + "x" * 63 * 1024 * 1024 + '"', "RequestEntityTooLarge"),):
            done = self.fails(6, "api", "POST", path, "--input", "-",
                              input='{"message": "x", "unknown": %s}' % text)
            self.assertIn(says, done.stdout)


if __name__ == "__main__":
    unittest.main()
