#!/usr/bin/env python3
"""The slots of many random schedules, against croniter and against a walk over every minute.

croniter is right about the calendar, in UTC; over changes of local time it keeps other promises than cron(8) does. The
walk knows both: see schedules.py.
"""

import bisect
import calendar
import os
import random
import subprocess
import unittest

import schedules
from support import SOAK

SEED = 20260131
COUNT = 100_000 if SOAK else 10_000
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cron_peer.py")
DEBIAN_PYTHON = "/usr/bin/python3"  # another one on PATH has no croniter

DAY = 86400
BEFORE, MINUTES = 30 * 3600, 3 * 1440  # the walk starts so long before a change, and takes so long
ZONES = {
    "Europe/Paris": (2024, 2028),
    "America/New_York": (2024, 2028),
    "Australia/Lord_Howe": (2024, 2028),  # half an hour
    "Asia/Kathmandu": (1985, 1986),  # to +5:45
    "Pacific/Apia": (2010, 2012),  # skipped a day
    "Africa/Cairo": (2024, 2025),  # at midnight
    "Pacific/Kwajalein": (1993, 1993),  # skipped a day, too
}
HOURS = (0, 1, 2, 2, 3, 4, 12, 23)  # where changes are


def random_schedules(rng, hours=None):
    found = []
    while len(found) < COUNT:
        schedule = schedules.random_schedule(rng, hours)
        if schedules.Schedule(schedule).is_possible():
            found.append(schedule)
    return found


def croniter_agrees(schedule):
    """To it a step in a day's field is no `*`, a list of all days is one, no range ends with Sunday's
    7, in February it goes astray between 28 and a later day of a list, and beside a day that none of the
    months has (31 April) it finds no weekday."""
    _, _, day, _, weekday = schedule.split()
    if "-7" in weekday or day.startswith("*/") or weekday.startswith("*/"):
        return False
    sets = schedules.Schedule(schedule).sets
    if min(sets[2]) > max(calendar.monthrange(2024, month)[1] for month in sets[3]):
        return False
    return (day == "*" or len(sets[2]) == 1 or max(sets[2]) <= 28) and (weekday == "*" or not sets[4] >= set(range(7)))


class Oracle(unittest.TestCase):
    def test_calendar_against_croniter(self):
        probe = subprocess.run([DEBIAN_PYTHON, "-c", "import croniter"], capture_output=True, check=False)
        if probe.returncode != 0:
            self.skipTest("needs Debian's python3-croniter")
        rng = random.Random(SEED)
        asked = []
        for schedule in random_schedules(rng):
            if not croniter_agrees(schedule):
                continue
            year = rng.choice((1999, 2000, 2023, 2024, 2027, 2028, 2095, 2099, 2100))
            after = calendar.timegm((year, rng.randint(1, 12), rng.randint(1, 28), 0, 0, 0)) + rng.randrange(DAY)
            asked.append((schedule, after))
        self.assertGreater(len(asked), COUNT / 2)
        count = 2
        done = subprocess.run([DEBIAN_PYTHON, PEER], text=True, capture_output=True, check=False,
                              input="".join(f"{schedule}|{after}|{count}\n" for schedule, after in asked))
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = [[int(n) for n in line.split()] for line in done.stdout.splitlines()]
        answers = schedules.ask_jeton([f"next|UTC|{schedule}|{after}|{count}" for schedule, after in asked])
        self.assertEqual(len(expected), len(asked))
        for (schedule, after), theirs, ours in zip(asked, expected, answers, strict=True):
            self.assertEqual(ours, theirs, f"{schedule} after {after}")

    def test_changes_against_walk(self):
        """Over a window around a change: all slots in it, and the latest one at any moment."""
        rng = random.Random(SEED + 1)
        windows = [(zone, at - at % 60 - BEFORE) for zone, years in ZONES.items()
                   for at in schedules.changes(zone, *years)]
        self.assertGreater(len(windows), 40)
        asked, questions = [], []
        for schedule in random_schedules(rng, HOURS):
            zone, start = rng.choice(windows)
            end = start + 60 * MINUTES
            at = rng.randrange(start + BEFORE - 2 * 3600, start + BEFORE + 6 * 3600)
            asked.append((schedule, zone, start, at))
            questions.append(f"all|{zone}|{schedule}|{start}|{end}")
            questions.append(f"latest|{zone}|{schedule}|{at}|{start}")
        answers = schedules.ask_jeton(questions)
        self.assertEqual(len(answers), len(questions))
        over_change = 0
        for (schedule, zone, start, at), following, latest in zip(asked, answers[::2], answers[1::2], strict=True):
            slots = schedules.walk(schedules.Schedule(schedule), zone, start, MINUTES)
            self.assertEqual(following, slots, f"{schedule} in {zone} from {start}")
            earlier = slots[:bisect.bisect_right(slots, at)]
            self.assertEqual(latest, earlier[-1:], f"latest of {schedule} in {zone} at {at} from {start}")
            over_change += bool(slots)
        self.assertGreater(over_change, COUNT / 3)


if __name__ == "__main__":
    unittest.main()
