#!/usr/bin/env python3
"""Every slot of two years is among the times that a crontab, a systemd timer or a CronJob in another zone is told.

How those read their lines is modelled here by what they are sure to do, no more: cron runs a line without `*` in minute
or hour only the first time that a local time comes (cron(8)), and a simpler one (busybox's, say) at each; systemd and
Kubernetes run what they are told in a zone of its own at each local time that exists, the first time at least.
"""

import datetime
import random
import unittest
import zoneinfo

import schedules
from support import SOAK

SEED = 20260201
COUNT = 5000 if SOAK else 250
SLOTS_MAX = 120  # of one schedule that are looked at: those near changes, and others
YEARS = 2
START = 1798761600  # 2027-01-01
END = START + YEARS * 365 * 86400
CHANGE_NEAR = 30 * 3600
UTC = datetime.timezone.utc

ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo",
         "Africa/Casablanca", "America/St_Johns", "Pacific/Chatham", "Pacific/Kiritimati", "Etc/GMT+12", "UTC",
         "America/Santiago", "Europe/Dublin", "Atlantic/Azores", "Antarctica/Troll")
HOURS = (0, 1, 2, 2, 3, 4, 8, 22, 23)


class Line:
    """A line of a crontab in a zone."""

    def __init__(self, text):
        self.schedule = schedules.Schedule(text)

    def fires(self, local, again):
        """cron(8), and one that does not know about repeated times."""
        return (self.schedule.wildcard or not again) and self.schedule.matches(local)


class Cover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rng = random.Random(SEED)
        cls.asked = []
        while len(cls.asked) < COUNT:
            schedule = schedules.random_schedule(rng, HOURS)
            if schedules.Schedule(schedule).is_possible():
                cls.asked.append((schedule, rng.choice(ZONES), rng.choice(ZONES)))
        changes = {zone: schedules.changes(zone, 2027, 2028) for zone in ZONES}
        answers = schedules.ask_jeton([f"all|{zone}|{schedule}|{START}|{END}" for schedule, zone, _ in cls.asked])
        cls.slots = []
        for (_, zone, where), slots in zip(cls.asked, answers, strict=True):
            edges = changes[zone] + changes[where]
            near = [slot for slot in slots if any(abs(slot - edge) < CHANGE_NEAR for edge in edges)]
            cls.slots.append(near[:SLOTS_MAX] + rng.sample(slots, min(len(slots), SLOTS_MAX)))

    def uncovered(self, lines, zone, slots):
        info = zoneinfo.ZoneInfo(zone)
        lines = [Line(line) for line in lines]
        for slot in slots:
            local = datetime.datetime.fromtimestamp(slot, UTC).astimezone(info)
            if not any(line.fires(local, bool(local.fold)) for line in lines):
                yield f"{local} ({slot})"

    def check(self, question, zone_of):
        lines = schedules.ask_jeton_lines([question(*asked) for asked in self.asked])
        for asked, text, slots in zip(self.asked, lines, self.slots, strict=True):
            missed = list(self.uncovered(text.split(";")[:-1], zone_of(*asked), slots))
            self.assertEqual(missed[:3], [], f"{asked}: {text}")

    def test_the_slots_are_many(self):
        self.assertGreater(sum(map(len, self.slots)), 50 * COUNT)

    def test_crontab(self):
        self.check(lambda schedule, zone, where: f"cover|{zone}|{schedule}|{START}|{where}", lambda s, z, where: where)

    def test_crontab_of_own_zone(self):
        self.check(lambda schedule, zone, where: f"cover|{zone}|{schedule}|{START}|{zone}", lambda s, zone, w: zone)

    def test_one_line_in_utc(self):
        self.check(lambda schedule, zone, where: f"merge|{zone}|{schedule}|{START}|UTC", lambda s, z, w: "UTC")

    def test_own_schedule_where_that_is_plain(self):
        """The line is the schedule: run the first time, never when skipped."""
        plain = schedules.ask_jeton_lines([f"plain|{zone}|{schedule}|{START}|" for schedule, zone, _ in self.asked])
        seen = 0
        for (schedule, zone, _), answer, slots in zip(self.asked, plain, self.slots, strict=True):
            if answer != "1":
                continue
            info = zoneinfo.ZoneInfo(zone)
            fields = schedules.Schedule(schedule)
            for slot in slots:
                local = datetime.datetime.fromtimestamp(slot, UTC).astimezone(info)
                self.assertTrue(fields.matches(local) and not local.fold, f"{schedule} in {zone}: {local}")
            seen += 1
        self.assertGreater(seen, COUNT / 10)

    def test_not_much_more_than_needed(self):
        """In zones with a change a year each, each time of a schedule becomes few."""
        fixed = [(f"{minute} {hour} * * *", zone, where) for minute, hour in ((0, 8), (30, 2), (45, 23))
                 for zone in ZONES for where in ZONES]
        lines = schedules.ask_jeton_lines([f"cover|{zone}|{schedule}|{START}|{where}"
                                           for schedule, zone, where in fixed])
        for asked, text in zip(fixed, lines, strict=True):
            times = [len(line.sets[0]) * len(line.sets[1]) * len(line.sets[3]) / 12
                     for line in map(schedules.Schedule, text.split(";")[:-1])]
            self.assertLessEqual(sum(times), 7, f"{asked}: {text}")


if __name__ == "__main__":
    unittest.main()
