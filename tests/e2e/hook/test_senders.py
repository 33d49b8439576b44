"""Webhooks that the senders' own packages sign, or publish: taken as they are, and refused with any bit changed that is
covered (of a form: any that changes a field)."""

import json
import os
import subprocess
import unittest

import support
from judges import JUDGES, PACKAGES, node

ORACLE = os.path.join(os.environ["JETON_BUILD"], "tests", "hook-oracle")

CONFIGURATION = {
    "stripe": {"from": "stripe", "secrets": ["stripe-secret-2", "stripe-secret-1"]},
    "svix": {"from": "svix", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    "standard": {"from": "standard", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    "github": {"from": "github", "secret": "github-secret"},
    "twilio-form": {"from": "twilio-form", "secret": "twilio-secret", "public_url": "https://hooks.example.org/sms"},
    "twilio-json": {"from": "twilio-json", "secret": "twilio-secret", "public_url": "https://hooks.example.org/sms"},
    "twilio-events": {"from": "twilio-events", "secret": "twilio-secret", "public_url": "https://hooks.example.org/sms"},
}

BOX = {
    "box-delivery-timestamp": "2020-01-01T00:00:00-07:00",
    "box-signature-primary": "6TfeAW3A1PASkgboxxA5yqHNKOwFyMWuEXny/FPD5hI=",
    "box-signature-secondary": "v+1CD1Jdo3muIcbpv5lxxgPglOqMfsNHPV899xWYydo=",
}
BOX_BODY = ('{"type":"webhook_event","webhook":{"id":"1234567890"},"trigger":"FILE.UPLOADED",'
            '"source":{"id":"1234567890","type":"file","name":"Test.txt"}}')

# Of the tests of their SDKs: name, preset, secret, headers, body, when; and the URL, where it is signed.
PUBLISHED = [
    ("box-1", "box", "SamplePrimaryKey", BOX, BOX_BODY, 1577862000),
    ("box-2", "box", "SampleSecondaryKey", BOX, BOX_BODY, 1577862000),
    ("paddle", "paddle", "VALID_SECRET",
     {"Paddle-Signature": "ts=1698796800;h1=a300428748dce5c70e4da19bffd60769591ea969c99dea3105d0ec9612cf43f9"},
     '{"data": ["1", "2"]}', 1698796800),
    ("paddle-new", "paddle", "VALID_SECRET",
     {"Paddle-Signature": "ts=1698796800;" + 2 * "h1=28981e941fae76e53db32f3d2a83cb69db41476595e84e1970a1b5d98f62b261;"
                          + "h2=RANDOM_HASH"},
     '{"data": "value"}', 1698796800),
    ("razorpay", "razorpay", "123456",
     {"X-Razorpay-Signature": "2fe04e22977002e6c7cb553adab8b460cb9e2a4970d5953cb27a8472752e3bbc"},
     '{"a":1,"b":2,"c":{"d":3}}', 0),
    ("sendgrid", "sendgrid", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw"
                             "+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
     {"X-Twilio-Email-Event-Webhook-Signature": "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+lu"
                                                "QAbPIqHh89M15TluLtEZtM=",
      "X-Twilio-Email-Event-Webhook-Timestamp": "1600112502"},
     '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":'
     '"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-'
     '756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":'
     '1600112492}]\r\n', 1600112502),
    ("square", "square", "Ibxx_5AKakO-3qeNVR61Dw",
     {"x-square-hmacsha256-signature": "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4="},
     '{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification","event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f",'
     '"created_at":"2022-07-13T20:30:59.037339943Z","data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}',
     0, "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9"),
]


class Senders(support.Case):
    def judge(self, hooks, calls):
        """The oracle's lines: {hook: (status, how many bits were changed, how many of these were taken)}"""
        for hook in hooks.values():
            hook.update(script="handler.lua", allow_unsigned_ids=True)
        self.write("jeton.yaml", json.dumps({"version": 1, "webhooks": hooks}), mode=0o600)
        done = subprocess.run([ORACLE, self.folder + "/jeton.yaml"], input=json.dumps(calls), capture_output=True, text=True,
                              timeout=60, env=os.environ, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [(line.split()[0], *map(int, line.split()[1:])) for line in done.stdout.splitlines()]

    def test_what_they_publish(self):
        hooks, calls = {}, []
        for name, preset, secret, headers, body, now, *url in PUBLISHED:
            hooks[name] = {"from": preset, "secret": secret, **({"public_url": url[0]} if url else {})}
            calls.append({"hook": name, "target": "/" + name, "headers": headers, "body": body, "now": now * 1000,
                          "covered": ["body"]})
        seen = self.judge(hooks, calls)
        self.assertEqual([(line[0], line[1], line[3]) for line in seen], [(row[0], 200, 0) for row in PUBLISHED])
        for name, _, tried, _ in seen:
            self.assertGreater(tried, 100, name)

    def test_their_own_packages_sign(self):
        self.assertTrue(os.path.exists(os.path.join(PACKAGES, "installed.json")),
                        "the packages of tests/judges/package.json are missing: ./dev test")
        signed = subprocess.run([node(), os.path.join(JUDGES, "senders.mjs")], capture_output=True, text=True, timeout=60,
                                env={"PATH": os.environ["PATH"], "JETON_JUDGES": PACKAGES}, check=False)
        self.assertEqual(signed.returncode, 0, signed.stderr)
        seen = set()
        for hook, status, tried, wrong in self.judge(CONFIGURATION, json.loads(signed.stdout)):
            with self.subTest(hook):
                self.assertEqual((status, wrong), (200, 0))
                self.assertGreater(tried, 200)
                seen.add(hook)
        self.assertEqual(seen, set(CONFIGURATION))


if __name__ == "__main__":
    unittest.main()
