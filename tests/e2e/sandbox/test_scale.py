"""A tenant with very many groups, subscribers and actions: what calls cost, and the memory of both sides."""

import json
import os
import unittest

from support import SANITIZED, SOAK, SOURCE, Case

TESTS = os.path.join(SOURCE, "tests/lua/sandbox/data")
WALK = os.path.join(TESTS, "large_walk.lua")
PARTS = 20 if SANITIZED else 1 if SOAK else 4  # how much less is walked through
GROUPS, SUBSCRIBERS, ACTIONS, MEMBERS, RESPONSES = (n // PARTS for n in (1000, 50000, 20000, 5000, 5000))
PROGRAMS = 1000 // PARTS  # webhooks, and bots
LISTED_TYPES = 7
SANDBOX_MAX_MIB, CLIENT_MAX_MIB = 64, 64


def peak_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


class Scale(Case):
    def test_what_calls_cost_does_not_grow_out_of_proportion(self):
        self.ok("run", os.path.join(TESTS, "scale.lua"), timeout=300)

    def test_a_client_walks_through_all_of_it(self):
        database = os.path.join(self.folder, "large.db")
        size = {"groups": GROUPS, "subscribers": SUBSCRIBERS, "actions": ACTIONS, "members": MEMBERS,
                "responses": RESPONSES, "webhooks": PROGRAMS}
        self.ok("run", WALK, "plant", database, json.dumps(size), timeout=300)
        sandbox = self.sandbox("--rate-limit", "0", "--db", database)
        config = self.configure(sandbox.base)
        found = json.loads(self.ok("--config", config, "run", WALK, "walk", timeout=300).stdout)
        peak = peak_mib(sandbox.process)
        jobs = (ACTIONS + LISTED_TYPES - 1) // LISTED_TYPES
        counts = found["counts"]
        self.assertEqual({name: counts[name] for name in counts if name not in ("found", "wide", "jobs")}, {
            "groups": GROUPS, "all_groups": GROUPS, "subgroups": GROUPS - 3, "members": MEMBERS + 1,
            "subscribers": SUBSCRIBERS + 1, "actions": ACTIONS + 1, "responses": RESPONSES,
            "reactions": RESPONSES + RESPONSES // 10, "summaries": ACTIONS + 1, "bots": PROGRAMS, "webhooks": PROGRAMS})
        self.assertAlmostEqual(counts["jobs"], jobs, delta=1)
        self.assertAlmostEqual(counts["found"], GROUPS / 5, delta=2)
        if not SANITIZED:
            self.assertLess(peak, SANDBOX_MAX_MIB)
            self.assertLess(found["peak_kib"] / 1024, CLIENT_MAX_MIB)


if __name__ == "__main__":
    unittest.main()
