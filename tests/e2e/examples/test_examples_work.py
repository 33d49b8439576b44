"""The examples tickets.lua and attendance.lua: what they ask of people, and what they make of the answers."""

import re
import time
import unittest

import support
from examples import ALICE, BOB, WithSandbox, zone

HOUR_S = 3600


class Tickets(WithSandbox):
    def run_it(self, *args):
        return self.ok("run", "tickets.lua", *args).stdout

    def test_the_sample_from_opened_to_closed(self):
        self.assertEqual(self.run_it(), f'opened #101 for {BOB}: Replace the printer in room 4\n'
                                        f'opened #102 for {ALICE}: Reset the badge of "Guest 7", then test it\n')
        printer, badge = self.actions("Job")
        self.assertEqual((printer["body"]["title"], printer["body"]["assignedTo"], printer["body"]["dueDate"]),
                         ("#101 Replace the printer in room 4", [BOB], 24))
        self.assertEqual(badge["body"]["assignedTo"], [ALICE])
        self.assertEqual(self.run_it(), "")

        self.respond_as_bob(printer, {"isCompleted": True})
        self.assertEqual(self.run_it(), "closed #101 Replace the printer in room 4: done by Bob Durand\n")
        self.assertEqual([message["text"] for message in self.messages()],
                         ["#101 Replace the printer in room 4: done by Bob Durand"])
        self.assertEqual(self.run_it("done", "102"), "")
        self.assertIn("closed #102 ", self.run_it())
        self.assertEqual(self.run_it(), "")
        self.assertEqual((len(self.actions("Job")), len(self.messages())), (2, 2))

    def test_a_job_that_is_not_done(self):
        self.run_it()
        self.respond_as_bob(self.actions("Job")[0], {"isCompleted": False})
        self.assertEqual(self.run_it(), "")

    def test_a_late_one_is_reminded_of_once(self):
        self.service.steer("clock", {"advance_s": -5 * HOUR_S})
        self.run_it()
        self.assertEqual(self.run_it(), 'reminded of #102 Reset the badge of "Guest 7", then test it\n')
        self.assertEqual(self.run_it(), "")
        self.assertEqual([job["reminders"] for job in self.actions("Job")], [0, 1])

    def test_one_that_the_service_refuses_does_not_stop_the_others(self):
        self.write("queue.csv", f"id,title,assignee,hours\n1,First,{ALICE},1\n2,Second,{BOB},1\n")
        refusal = {"match": {"method": "POST", "path": "/groups/*/actions"}, "status": 400,
                   "body": {"message": "nobody has this number", "errorCode": "InvalidParameters"}}
        for out in (f"opened #2 for {BOB}: Second\n", ""):
            self.service.steer("faults", [refusal])
            done = self.fails(1, "run", "tickets.lua", "queue.csv", says=["ticket was not opened id=1", "nobody has"])
            self.assertEqual(done.stdout, out)
        self.assertEqual([job["body"]["title"] for job in self.actions("Job")], ["#2 Second"])

    def test_what_was_opened_before_a_failure_is_not_opened_again(self):
        path = "/groups/*/actions"
        self.service.steer("faults", [{"match": {"path": path}, "headers": {"X-First": "passes"}},
                                      {"match": {"path": path}, "drop": True}])
        self.fails(5, "run", "tickets.lua")
        self.assertIn("opened #102", self.run_it())
        self.assertEqual(len(self.actions("Job")), 2)

    def test_what_is_wrong(self):
        self.write("queue.csv", f"id,title,assignee,hours\n1,First,{BOB},1\n2,Second,{BOB},soon\n")
        self.fails(1, "run", "tickets.lua", "queue.csv",
                   says="queue.csv:3: hours must be a whole number of at least 1, got 'soon'")
        self.fails(1, "run", "tickets.lua", "done", "7", says="there is no ticket with the id 7")
        self.assertEqual(self.actions("Job"), [])


class Attendance(WithSandbox):
    def run_it(self, *args, tz=None):
        return self.ok("run", "attendance.lua", *args, env={"TZ": tz or zone(0)}).stdout

    def report(self, out):
        """The rows of the report that a run says it has written."""
        return self.read_csv(re.search(r"wrote \./(attendance-\d{4}-\d\d-\d\d\.csv)", out).group(1))

    def test_asks_reports_and_reminds_once(self):
        self.assertEqual(self.run_it(), "asked Sales\n")
        survey, = self.actions("Survey")
        self.assertEqual(survey["body"]["questions"][0]["title"], "Where are you today?")
        out = self.run_it()
        self.assertRegex(out, r"^0 of 2 answered; wrote \./attendance-\S+\nreminded 2\n$")
        self.assertEqual(self.report(out), [["name", "phone", "answer", "answered_at"],
                                            ["Alice Martin", ALICE, "", ""], ["Bob Durand", BOB, "", ""]])
        self.respond_as_bob(survey, {"answers": [["Home"]]})
        out = self.run_it()
        self.assertRegex(out, r"^1 of 2 answered; wrote \S+\n$")
        self.assertEqual(self.report(out)[2][:3], ["Bob Durand", BOB, "Home"])
        self.assertEqual([action["reminders"] for action in self.actions("Survey")], [1])

    def test_times_are_those_of_the_zone(self):
        ahead_s = (12 - time.gmtime().tm_hour) * HOUR_S + HOUR_S // 2  # about noon there
        minutes = abs(ahead_s) // 60
        noon = f"LOC{'-' if ahead_s > 0 else ''}{minutes // 60}:{minutes % 60}"
        self.run_it(tz=noon)
        survey, = self.actions("Survey")
        self.respond_as_bob(survey, {"answers": [["Office"]]})
        details = self.call_as(support.TENANT_TOKEN, "GET",
                               f"/groups/{survey['group']}/actions/{survey['id']}?getDetails=true")["actionDetails"]
        at = details["responses"][0]["lastModifiedTime"] // 1000 + ahead_s
        rows = self.report(self.run_it(tz=noon))
        self.assertEqual(rows[2][3], time.strftime("%Y-%m-%d %H:%M LOC", time.gmtime(at)))

    def test_the_next_day_it_asks_again(self):
        self.run_it()
        self.assertEqual(self.run_it(tz=zone(1)), "asked Sales\n")
        first, second = (action["body"]["title"] for action in self.actions("Survey"))
        self.assertLess(first, second)

    def test_a_public_group(self):
        other = "+33100000044"
        group = self.service.steer("groups", {"name": "News", "type": "ConnectGroup", "admins": [ALICE],
                                              "subscribers": [BOB, other]})["id"]
        self.assertEqual(self.run_it(group), "asked News\n")
        survey, = self.actions("Survey")
        self.assertEqual(survey["to_all_subscribers"], True)
        self.respond_as_bob(survey, {"answers": [["Away"]]})
        out = self.run_it(group)
        self.assertRegex(out, r"^1 of 2 answered; .*\nreminded 1\n$")
        reminders = self.service.requests("/reminder")
        self.assertEqual(len(reminders), 1)
        self.assertIn(other, str(reminders[0]["body"]))
        self.assertNotIn(BOB, str(reminders[0]["body"]))

    def test_a_folder_that_is_not_there(self):
        self.run_it()
        group = self.actions("Survey")[0]["group"]
        self.fails(1, "run", "attendance.lua", group, "none", env={"TZ": zone(0)}, says="No such file")
        self.assertEqual(self.actions("Survey")[0]["reminders"], 0)


if __name__ == "__main__":
    unittest.main()
