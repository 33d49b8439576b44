"""The examples leaderboard.lua and notice.lua: what they make of their CSV files, and what a second run does."""

import collections
import unittest

import support
from examples import ALICE, WithSandbox, zone

NEWS = "c9a7e0d4-2b8f-4f3e-b1d6-9e4a7c5d8f03@1"
NOBODY = "+33100000099"


class Leaderboard(WithSandbox):
    def run_it(self, *args, day=0):
        return self.ok("run", "leaderboard.lua", *args, env={"TZ": zone(day)}).stdout

    def posted(self):
        return [action["body"] for action in self.actions("Announcement")]

    def test_the_sample(self):
        text = ("🥇 Alice Martin: 120\n🥇 Chitra Rao: 120\n🥉 Keller, Bruno: 98.5\n"
                '4. Eve "Ace" Lund: 87\n4. Farid Aziz: 87')
        self.assertEqual(self.run_it(), text + "\n")
        self.assertEqual([body["message"] for body in self.posted()], [text])
        self.assertRegex(self.posted()[0]["title"], r"^Leaderboard, \d{4}-\d\d-\d\d$")

    def test_once_a_day_and_who_rose_and_fell(self):
        self.write("scores.csv", "name,score\nA,3\nB,2\nC,1\n")
        self.assertEqual(self.run_it("scores.csv"), "🥇 A: 3\n🥈 B: 2\n🥉 C: 1\n")
        self.write("scores.csv", "score,name\n5,D\n4,C\n4,B\n3,A\n")
        self.assertEqual(self.run_it("scores.csv"), "")
        self.assertEqual(self.run_it("scores.csv", day=1), "🥇 D: 5 new\n🥈 B: 4\n🥈 C: 4 ▲1\n4. A: 3 ▼3\n")
        self.assertEqual(self.run_it("scores.csv", day=1), "")
        self.assertEqual(len(self.posted()), 2)

    def test_the_same_score_makes_the_list_longer(self):
        self.write("scores.csv", "name,score\nA,3\nB,2\nC,2\nD,1\n")
        self.assertEqual(self.run_it("scores.csv", "2"), "🥇 A: 3\n🥈 B: 2\n🥈 C: 2\n")

    def test_a_post_that_failed_is_made_by_the_next_run(self):
        self.service.steer("faults", [{"match": {"path": "/groups/*/actions"}, "status": 500}])
        self.fails(6, "run", "leaderboard.lua")
        self.assertIn("🥇", self.run_it())
        self.assertEqual(len(self.posted()), 1)

    def test_what_is_wrong(self):
        for text, says in (("name,score\nA,1\nB,many\n", "scores.csv:3: the score must be a number such as 12 or 7.5, got 'many'"),
                           ('name,score\n"A\nB",1\nC,0x1F\n', "scores.csv:4: the score must be a number"),
                           ("name,score\nA,1\nB,2\nA,3\n", "scores.csv:4: duplicate name 'A'; first in line 2"),
                           ("name,score\n,1\n", "scores.csv:2: the name is missing"),
                           ("name,points\nA,1\n", "scores.csv:1: there is no column 'score'; there are: 'name', 'points'"),
                           ("name,score\n", "scores.csv: no scores below the first line")):
            self.write("scores.csv", text)
            self.fails(1, "run", "leaderboard.lua", "scores.csv", says=says)
        self.fails(1, "run", "leaderboard.lua", "none.csv", says="none.csv: No such file")
        self.fails(1, "run", "leaderboard.lua", "data/scores.csv", "0", says="TOP must be a whole number of at least 1, got 0")
        self.assertEqual(self.posted(), [])


class Notice(WithSandbox):
    """65 subscribers: three requests, of 30, 30 and 5."""

    def setUp(self):
        super().setUp()
        self.numbers = [f"+331000010{n:02}" for n in range(65)]
        self.make_group(self.numbers)
        self.write("numbers.csv", "phone\n" + "".join(number + "\n" for number in self.numbers))

    def make_group(self, subscribers):
        self.service.steer("groups", {"id": NEWS, "name": "News", "type": "ConnectGroup", "admins": [ALICE],
                                      "subscribers": subscribers})

    def received(self):
        """How often each number got a notice."""
        return collections.Counter(phone for message in self.messages() for phone in message["recipients"])

    def fault_at_second(self, **fault):
        match = {"path": "/groups/*/messages"}
        self.service.steer("faults", [{"match": match, "headers": {"X-First": "passes"}}, {"match": match, **fault}])

    def test_everybody_once_however_often_it_runs(self):
        done = self.ok("run", "notice.lua", "data/notice.txt", "numbers.csv")
        self.assertEqual(done.stdout, "65 of 65 have it\n")
        self.assertEqual([len(message["recipients"]) for message in self.messages()], [30, 30, 5])
        with open(self.example("data/notice.txt"), encoding="utf-8") as file:
            self.assertEqual({message["text"] for message in self.messages()}, {file.read()})
        for numbers in ("numbers.csv", "all"):
            self.assertEqual(self.ok("run", "notice.lua", "data/notice.txt", numbers).stdout, "65 of 65 have it\n")
        self.assertEqual(self.received(), dict.fromkeys(self.numbers, 1))
        self.assertEqual(self.read_csv("failed.csv"), [["phone", "reason"]])

    def test_all_subscribers_and_another_text(self):
        self.ok("run", "notice.lua", "data/notice.txt", "all")
        self.assertEqual(self.received(), dict.fromkeys(self.numbers, 1))
        self.write("other.txt", "Something else")
        self.ok("run", "notice.lua", "other.txt", "all", NEWS)
        self.assertEqual(self.received(), dict.fromkeys(self.numbers, 2))

    def test_those_whom_the_service_left_out(self):
        numbers = [NOBODY, *self.numbers[:3], self.numbers[0]]
        self.write("some.csv", "name,phone\n" + "".join(f"X,{number}\n" for number in numbers))
        done = self.fails(1, "run", "notice.lua", "data/notice.txt", "some.csv", NEWS, "left-out.csv")
        self.assertEqual(done.stdout, "3 of 4 have it; for the others see left-out.csv\n")
        self.assertEqual(self.read_csv("left-out.csv"),
                         [["phone", "reason"], [NOBODY, "Not a subscriber of this group"]])
        # What was written can be read: now he subscribes.
        self.make_group([*self.numbers, NOBODY])
        self.assertEqual(self.ok("run", "notice.lua", "data/notice.txt", "left-out.csv").stdout, "1 of 1 have it\n")
        self.assertEqual(self.messages()[-1]["recipients"], [NOBODY])
        self.assertEqual(self.received(), dict.fromkeys([*self.numbers[:3], NOBODY], 1))

    def test_a_request_that_was_refused(self):
        self.fault_at_second(status=400)
        done = self.fails(6, "run", "notice.lua", "data/notice.txt", "numbers.csv")
        self.assertEqual(done.stdout, "30 of 65 have it; for the others see failed.csv\n")
        rows = self.read_csv("failed.csv")[1:]
        self.assertEqual([row[0] for row in rows], self.numbers[30:])
        self.assertEqual([row[1] for row in rows[30:]], ["not tried"] * 5)
        self.assertIn("400", rows[0][1])
        self.assertEqual(self.ok("run", "notice.lua", "data/notice.txt", "numbers.csv").stdout, "65 of 65 have it\n")
        self.assertEqual(self.received(), dict.fromkeys(self.numbers, 1))

    def test_a_reply_that_was_lost(self):
        self.fault_at_second(drop="after")
        self.fails(5, "run", "notice.lua", "data/notice.txt", "numbers.csv")
        done = self.fails(1, "run", "notice.lua", "data/notice.txt", "numbers.csv")
        self.assertEqual(done.stdout, "35 of 65 have it; for the others see failed.csv\n")
        rows = self.read_csv("failed.csv")[1:]
        self.assertEqual([row[0] for row in rows], self.numbers[30:60])
        self.assertEqual({row[1] for row in rows}, {"unknown: the request of an earlier run had no reply"})
        self.assertEqual(self.received(), dict.fromkeys(self.numbers, 1))

    def test_a_run_that_was_killed_while_it_sent(self):
        self.fault_at_second(drop="after", delay_ms=600000)
        process = self.start("run", "notice.lua", "data/notice.txt", "numbers.csv")
        support.wait_until(lambda: len(self.messages()) == 1 and not self.state_of_service()["faults"])
        process.kill()
        process.wait()
        done = self.fails(1, "run", "notice.lua", "data/notice.txt", "numbers.csv")
        self.assertEqual(done.stdout, "35 of 65 have it; for the others see failed.csv\n")
        self.assertLessEqual(set(self.received().values()), {1})

    def test_what_is_wrong(self):
        self.write("numbers.csv", "phone,name\n" + self.numbers[0] + ",A\n0612345678,B\n")
        self.fails(1, "run", "notice.lua", "data/notice.txt", "numbers.csv",
                   says="numbers.csv:3: '0612345678' is not a number with + and country code")
        self.fails(1, "run", "notice.lua", "none.txt", says="none.txt: No such file")
        self.write("long.txt", "x" * 4001)
        self.fails(1, "run", "notice.lua", "long.txt", "all", says="the service takes at most 4000")
        self.assertRegex(self.read_csv("failed.csv")[1][1], "^(invalid: )?send_message: text has 4001 characters")
        self.service.call("DELETE", "/_sandbox/groups/" + NEWS)
        self.fails(1, "run", "notice.lua", says="the connector has access to no public group")
        self.assertEqual(self.messages(), [])

    def test_a_dry_run_writes_nothing(self):
        done = self.ok("run", "--dry-run", "notice.lua", "data/notice.txt", "numbers.csv")
        self.assertEqual(done.stdout.count("POST "), 3)
        self.assertRaises(FileNotFoundError, self.read_csv, "failed.csv")
        self.ok("run", "notice.lua", "data/notice.txt", "numbers.csv")
        self.assertEqual(self.received(), dict.fromkeys(self.numbers, 1))


if __name__ == "__main__":
    unittest.main()
