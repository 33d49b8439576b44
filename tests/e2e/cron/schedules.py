"""crontab(5) once more, slowly: schedules at random, and what they mean minute by minute, with Python's own zones.
Knows nothing of how jeton does it."""

import datetime
import functools
import os
import subprocess
import zoneinfo

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
CHANGE_MAX = datetime.timedelta(hours=3)  # a longer change is a correction, says cron(8)
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
NAMES = (None, None, None, "jan feb mar apr may jun jul aug sep oct nov dec".split(),
         "sun mon tue wed thu fri sat".split())
ORACLE = os.path.join(os.environ["JETON_BUILD"], "tests", "cron-oracle")


def ask_jeton_lines(questions):
    """The answer to each line."""
    done = subprocess.run([ORACLE], input="\n".join(questions) + "\n", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.splitlines()


def ask_jeton(questions):
    """The answer to each line, as a list of numbers."""
    return [[int(n) for n in line.split()] for line in ask_jeton_lines(questions)]


def random_schedule(rng, hours=None):
    """Five fields. `hours`: most of the schedules are for one of these."""
    texts = []
    for field, (low, high) in enumerate(BOUNDS):
        kind = rng.random()
        if field == 1 and hours and kind < 0.7:
            texts.append(str(rng.choice(hours)))
        elif field >= 2 and kind < 0.65 or kind < 0.25:
            texts.append("*")
        elif kind < 0.75 and field < 2 or kind < 0.72:
            texts.append(f"*/{rng.randint(2, (high - low) // 2 + 2)}")
        else:
            texts.append(",".join(random_element(rng, field, low, high) for _ in range(rng.choice((1, 1, 2, 3)))))
    return " ".join(texts)


def random_element(rng, field, low, high):
    first = rng.randint(low, high)
    if rng.random() < 0.6:
        names = NAMES[field]
        return names[first - low] if names and first - low < len(names) and rng.random() < 0.3 else str(first)
    last = rng.randint(first, high)
    step = f"/{rng.randint(1, 9)}" if rng.random() < 0.4 else ""
    return f"{first}-{last}{step}"


def value(text, field):
    return BOUNDS[field][0] + NAMES[field].index(text) if NAMES[field] and text in NAMES[field] else int(text)


class Schedule:
    def __init__(self, text):
        self.text = text
        self.fields = text.split()
        self.sets = [self.read(i, field) for i, field in enumerate(self.fields)]
        if 7 in self.sets[4]:
            self.sets[4].add(0)
        star = [field.startswith("*") for field in self.fields]
        self.both_days = star[2] or star[4]
        self.wildcard = star[0] or star[1]

    @staticmethod
    def read(index, field):
        found = set()
        for element in field.split(","):
            span, _, step = element.partition("/")
            low, high = BOUNDS[index]
            if span == "*":
                high = 6 if index == 4 else high
            else:
                ends = [value(end, index) for end in span.split("-")]
                low, high = ends[0], ends[-1]
            found.update(range(low, high + 1, int(step or 1)))
        return found

    def is_possible(self):
        """Not of 30 February alone, which is refused."""
        lengths = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
        return not self.both_days or any(day <= lengths[month - 1] for month in self.sets[3] for day in self.sets[2])

    def matches_hour(self, hour, day, month, weekday):
        sets = self.sets
        if hour not in sets[1] or month not in sets[3]:
            return False
        if self.both_days:
            return day in sets[2] and weekday in sets[4]
        return day in sets[2] or weekday in sets[4]

    def matches(self, local):
        return local.minute in self.sets[0] and self.matches_hour(*hour_of(local))


def hour_of(local):
    """Hour, day, month and weekday (from Sunday)."""
    return local.hour, local.day, local.month, local.isoweekday() % 7


@functools.lru_cache(maxsize=None)
def zone_minutes(name, start, count):
    """Each of the minutes from the instant on (epoch seconds). Those of a local hour together, as (hour_of, [(instant,
    minute, whether a fixed time was there already)]); and the skips of at most CHANGE_MAX, as (instant right after it,
    local minutes that were skipped)."""
    zone = zoneinfo.ZoneInfo(name)
    at = datetime.datetime.fromtimestamp(start - 60, UTC)
    before = at.astimezone(zone).replace(tzinfo=None)
    hours, skips, latest = [], [], None
    for instant in range(start, start + 60 * count, 60):
        at += MINUTE
        local = at.astimezone(zone).replace(tzinfo=None)
        if MINUTE < local - before <= CHANGE_MAX + MINUTE:
            skips.append((instant, [before + n * MINUTE for n in range(1, (local - before) // MINUTE)]))
        if before - local > CHANGE_MAX:
            latest = None  # corrected
        repeated = latest is not None and local <= latest
        if not repeated:
            latest = local
        hour = hour_of(local)
        if not hours or hours[-1][0] != hour:
            hours.append((hour, []))
        hours[-1][1].append((instant, local.minute, repeated))
        before = local
    return hours, skips


def walk(schedule, zone, start, count):
    """The slots of these minutes, as epoch seconds."""
    slots = set()
    hours, skips = zone_minutes(zone, start, count)
    for hour, minutes in hours:
        if schedule.matches_hour(*hour):
            slots.update(instant for instant, minute, repeated in minutes
                         if minute in schedule.sets[0] and (schedule.wildcard or not repeated))
    if not schedule.wildcard:
        slots.update(instant for instant, skipped in skips if any(map(schedule.matches, skipped)))
    return sorted(slots)


def changes(zone, first_year, last_year):
    """Instants (epoch seconds) at which the zone's offset changes."""
    info = zoneinfo.ZoneInfo(zone)
    found = []
    low = datetime.datetime(first_year, 1, 1, tzinfo=UTC)
    end = datetime.datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while low < end:
        high = low + datetime.timedelta(days=5)
        offset = low.astimezone(info).utcoffset()
        left, right = int(low.timestamp()), int(high.timestamp())
        if high.astimezone(info).utcoffset() != offset:
            while right - left > 1:
                middle = (left + right) // 2
                same = datetime.datetime.fromtimestamp(middle, UTC).astimezone(info).utcoffset() == offset
                left, right = (middle, right) if same else (left, middle)
            found.append(right)
        low = high
    return found


