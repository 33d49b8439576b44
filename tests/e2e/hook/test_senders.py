"""Webhooks that the senders' own packages sign: taken as they are, and refused with any bit changed that is covered
(of a form: any that changes a field)."""

import json
import os
import subprocess
import unittest

import support
from judges import JUDGES, PACKAGES, node

ORACLE = os.path.join(os.environ["JETON_BUILD"], "tests", "hook-oracle")

CONFIGURATION = {
    "version": 1,
    "webhooks": {
        "stripe": {"from": "stripe", "secrets": ["stripe-secret-2", "stripe-secret-1"]},
        "svix": {"from": "svix", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        "standard": {"from": "standard", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        "github": {"from": "github", "secret": "github-secret"},
        "twilio-form": {"from": "twilio-form", "secret": "twilio-secret", "public_url": "https://hooks.example.org/sms"},
        "twilio-json": {"from": "twilio-json", "secret": "twilio-secret", "public_url": "https://hooks.example.org/sms"},
    },
}


class Senders(support.Case):
    def test_their_own_packages_sign(self):
        self.assertTrue(os.path.exists(os.path.join(PACKAGES, "installed.json")),
                        "the packages of tests/judges/package.json are missing: ./dev test")
        for hook in CONFIGURATION["webhooks"].values():
            hook["script"] = "handler.lua"
        self.write("jeton.yaml", json.dumps(CONFIGURATION), mode=0o600)
        signed = subprocess.run([node(), os.path.join(JUDGES, "senders.mjs")], capture_output=True, text=True, timeout=60,
                                env={"PATH": os.environ["PATH"], "JETON_JUDGES": PACKAGES}, check=False)
        self.assertEqual(signed.returncode, 0, signed.stderr)
        done = subprocess.run([ORACLE, self.folder + "/jeton.yaml"], input=signed.stdout, capture_output=True, text=True,
                              timeout=60, env=os.environ, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        seen = set()
        for line in done.stdout.splitlines():
            with self.subTest(line):
                hook, status, tried, wrong = line.split()
                self.assertEqual((status, wrong), ("200", "0"))
                self.assertGreater(int(tried), 200)
                seen.add(hook)
        self.assertEqual(seen, set(CONFIGURATION["webhooks"]))


if __name__ == "__main__":
    unittest.main()
