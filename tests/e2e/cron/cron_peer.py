"""What croniter (Debian's python3-croniter) says about schedules: the peer that test_cron_oracle.py asks.

Run with Debian's own /usr/bin/python3, whose package it is. A line of standard input is SCHEDULE|AFTER|N, with
AFTER in epoch seconds; a line of output holds the N slots that follow, in UTC.
"""

import sys

from croniter import croniter

for line in sys.stdin:
    schedule, after, count = line.rstrip("\n").split("|")
    times = croniter(schedule, int(after), max_years_between_matches=41)
    print(*(int(times.get_next(float)) for _ in range(int(count))))
