"""What the bench says: a table for the terminal, JSON, docs/speed.md, and what has got worse."""

import datetime
import json
import os
import platform
import re
import subprocess

import bounds
import chart
from measure import UNITS

WORSE = 0.10
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
COLUMNS = ("wall", "cpu", "memory", "instructions", "rate")
OTHERS = ("count", "share", "refused")  # of a few jobs only
WIDTHS = (46, 18, 9, 9, 8, 9, 9)
# Of what is worse when there is less of it.
MORE_IS_BETTER = {"rate", "share"}
# These differ little from run to run, and from machine to machine.
STEADY = {"memory", "instructions"}
# A start of a few milliseconds and a process of a few MiB: less than this is no news.
LEAST = {"wall": 1, "cpu": 2, "memory": 0.5, "instructions": 0.05, "rate": 0, "count": 0, "share": 0.01, "refused": 10}


def number(value):
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def head():
    names = ("job", "peer", "wall ms", "CPU ms", "MiB", "M instr", "per s")
    return cells(names) + "  jeton/peer (quarters), goals"


def cells(texts):
    shown = [f"{text[:width]:<{width}}" if i < 2 else f"{text:>{width}}" for i, (text, width) in enumerate(zip(texts, WIDTHS))]
    return " ".join(shown)


def main_ratio(row, peer):
    """What a peer is compared by first: time, or calls in a time."""
    found = row["ratios"].get(peer, {})
    for what in ("wall", "rate", "count"):
        if what in found:
            return what, found[what]
    return None, None


def ratio_text(row, peer):
    what, ratio = main_ratio(row, peer)
    if not what:
        return ""
    quarters = f" ({ratio['low']:.2f}–{ratio['high']:.2f})" if "low" in ratio else ""
    return f"{ratio['value']:.2f}{quarters}"


def goal_text(goal):
    """`instructions 6.7 misses ≤ 1.35`."""
    unit = f" {UNITS.get(goal['what'], '')}" if not goal["peer"] else ""
    sign = "≥" if goal["least"] else "≤"
    verdict = "reaches" if goal["met"] else "misses"
    return f"{goal['what']} {number(goal['value'])} {verdict} {sign} {number(goal['limit'])}{unit}".rstrip()


def goals_of(row, peer):
    return [goal for goal in row["goals"] if (goal["peer"] or "jeton") == peer]


def others_text(row, peer):
    """What has no column, unless a goal says it."""
    said = {goal["what"] for goal in goals_of(row, peer)}
    return [f"{what} {number(value)}" for what, value in row["results"][peer].items() if what in OTHERS and what not in said]


def lines(row):
    out = []
    for i, (peer, result) in enumerate(row["results"].items()):
        said = [ratio_text(row, peer), *others_text(row, peer), *map(goal_text, goals_of(row, peer))]
        if i == 0 and "note" in row:
            said.append(f"[{row['note']}]")
        out.append(cells((row["title"] if i == 0 else "", peer, *(number(result.get(what)) for what in COLUMNS)))
                   + "  " + "; ".join(text for text in said if text))
    return "\n".join(out)


def series_line(series):
    points = "  ".join(f"{number(x)}: {number(y)}" for x, y in series["points"])
    verdict = "within" if series["met"] else "not within"
    return (f"{series['title']} ({series['unit']}; {series['x']}): {points}\n"
            f"    changes by {series['grown']:.0%}, {verdict} {series['limit']:.0%}")


def by_miss(made):
    """Goals that are missed, the worst first: (how much, row, goal)."""
    missed = [(goal["missed"], row, goal) for row in made["rows"] for goal in row["goals"] if not goal["met"]]
    return sorted(missed, key=lambda miss: -miss[0])


def miss_text(row, goal):
    beside = f" of {goal['peer']}'s" if goal["peer"] else ""
    sign = "at least" if goal["least"] else "at most"
    unit = f" {UNITS.get(goal['what'], '')}".rstrip() if not goal["peer"] else ""
    return (f"{row['title']}: {goal['what']} is {number(goal['value'])}{unit}{beside}, "
            f"the goal is {sign} {number(goal['limit'])}")


def summary(made):
    missed = by_miss(made)
    goals = sum(len(row["goals"]) for row in made["rows"])
    uneven = [series["name"] for series in made["series"] if not series["met"]]
    said = [f"\n{goals - len(missed)} of {goals} goals are reached, in {made['seconds']:.0f} s."]
    said += [f"missed: {miss_text(row, goal)}" for _, row, goal in missed]
    if uneven:
        said.append("not flat: " + ", ".join(uneven))
    return "\n".join(said)


# --- the machine, and JSON -------------------------------------------------------------------

def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "missing"
    return (done.stdout or done.stderr).strip().split("\n")[0]


def read(path, pattern, default="unknown"):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.M)
    except OSError:
        return default
    return found.group(1) if found else default


def machine():
    memory = int(read("/proc/meminfo", r"^MemTotal:\s+(\d+)", "0")) / 2**20
    return {"processor": read("/proc/cpuinfo", r"^model name\s*: (.*)$"), "processors": os.cpu_count(),
            "memory": f"{memory:.0f} GiB", "system": read("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
            "kernel": platform.release(), "load": os.getloadavg()[0],
            "programs": {"curl": " ".join(first_line(["curl", "--version"]).split()[:2]),
                         "lua5.4": " ".join(first_line(["lua5.4", "-v"]).split()[:2]),
                         "python3": first_line(["/usr/bin/python3", "--version"]),
                         "node": first_line(["/usr/bin/node", "--version"]),
                         "jq": first_line(["jq", "--version"])}}


def made(rows, series, with_perf, seconds):
    """All that is known of a run of the bench."""
    return {"made": datetime.datetime.now().astimezone().date().isoformat(), "seconds": round(seconds), "machine": machine(),
            "counter": "perf" if with_perf else "callgrind", "long": bool(os.environ.get("BENCH_LONG")), "rows": rows,
            "series": series}


def write_json(path, made):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1, ensure_ascii=False)
        file.write("\n")


# --- compare ---------------------------------------------------------------------------------

def is_worse(what, old, new, least):
    low, high = (new, old) if what in MORE_IS_BETTER else (old, new)
    return high > low * (1 + WORSE) and high - low > least


def changes(old, new):
    """Where the instructions are known, they stand for the time, which is noisier and the machine's own. Elsewhere time
    counts beside a peer's: a machine that is slow today is slow for both."""
    ours, before = new["results"]["jeton"], old["results"]["jeton"]
    counted = "instructions" in ours and "instructions" in before
    for what in ours:
        if what in before and (what in STEADY or what in OTHERS or (not counted and not new["ratios"])):
            yield what, before[what], ours[what], ""
    if counted:
        return
    for peer, ratios in new["ratios"].items():
        for what in ("wall", "rate"):
            was, now = old["ratios"].get(peer, {}).get(what), ratios.get(what)
            if was and now and not overlap(was, now):
                yield what, was["value"], now["value"], f" beside {peer}"


def overlap(one, other):
    """Whether the quarters of the two have something in common: then it may be noise."""
    return (one.get("low", one["value"]) <= other.get("high", other["value"])
            and other.get("low", other["value"]) <= one.get("high", one["value"]))


def compare(old, new):
    """A line for each that is over 10 % worse."""
    worse, before = [], {row["name"]: row for row in old["rows"]}
    for row in new["rows"]:
        for what, was, now, beside in changes(before[row["name"]], row) if row["name"] in before else ():
            if is_worse(what, was, now, 0 if beside else LEAST[what]):
                change = f"{now / was - 1:+.0%}" if was else "from none"
                worse.append(f"{row['name']}: {what}{beside} {number(was)} → {number(now)} ({change})")
    before = {series["name"]: series for series in old["series"]}
    for series in new["series"]:
        if series["name"] in before and before[series["name"]]["met"] and not series["met"]:
            worse.append(f"{series['name']}: no longer flat, changes by {series['grown']:.0%}")
    return worse


# --- docs/speed.md ---------------------------------------------------------------------------

INTRODUCTION = """\
# Speed

Made by `./dev bench --write`; do not edit. What counts are the ratios: each job and its peers ran in turns on one machine,
against the same server on loopback, after a run to warm up. Smaller is better, except for calls a second.

"""

COLUMNS_TEXT = """\
- wall, CPU: medians, in milliseconds; memory: the peak of the largest process, in MiB, with what it shares with others. Of
  programs and libraries the kernel maps 64 KiB around what is touched, from an address that is another one in each run: the
  same run has up to 0.3 MiB more or less; instructions: millions in user mode, counted by {counter} in a run of its own
- ratio: jeton's wall time (or calls a second) divided by the peer's, in the same round; the median, and in brackets the middle
  half
- goal: **bold** where it is missed. Without a peer it is about jeton alone

"""


def goal_cell(goal):
    unit = "" if goal["peer"] else f" {UNITS.get(goal['what'], '')}".rstrip()
    text = f"{goal['what']} {number(goal['value'])}{unit} {'≥' if goal['least'] else '≤'} {number(goal['limit'])}"
    return text if goal["met"] else f"**{text.replace('≥', '< goal').replace('≤', '> goal')}**"


def table(made):
    out = ["| job | peer | wall | CPU | memory | instructions | a second | ratio | goals |",
           "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |"]
    for row in made["rows"]:
        for i, (peer, result) in enumerate(row["results"].items()):
            goals = [*map(goal_cell, goals_of(row, peer)), *others_text(row, peer)]
            out.append("| " + " | ".join([row["title"] if i == 0 else "", peer, *(number(result.get(what)) for what in COLUMNS),
                                           ratio_text(row, peer), "; ".join(goals)]) + " |")
    return "\n".join(out) + "\n"


def notes(made):
    return "".join(f"- {row['title']}: {row['note']}\n" for row in made["rows"] if "note" in row)


def bounds_text(made):
    """Why goals are missed, a line for each job of which it is known."""
    rows = {row["name"]: row for _, row, _ in by_miss(made)}
    known = [f"- {row['title']}: {bounds.BOUNDS[name]}\n" for name, row in rows.items() if name in bounds.BOUNDS]
    return "\n## What bounds what is missed\n\n" + "".join(known) if known else ""


def growth_text(made):
    out = ["| cost | | from | to | changes by | at most |", "| --- | --- | --- | --- | ---: | ---: |"]
    for series in made["series"]:
        (x0, y0), (x1, y1) = series["points"][0], series["points"][-1]
        grown = f"{series['grown']:.0%}" if series["met"] else f"**{series['grown']:.0%}**"
        out.append(f"| {series['title']} | {series['unit']} | {number(y0)} at {number(x0)} {series['x']} | "
                   f"{number(y1)} at {number(x1)} | {grown} | {series['limit']:.0%} |")
    known = [f"- {series['title']}: {bounds.GROWTH[series['name']]}\n" for series in made["series"] if series["name"] in bounds.GROWTH]
    return "\n".join(out) + "\n" + ("\n" + "".join(known) if known else "")


def machine_text(made):
    on = made["machine"]
    programs = ", ".join(f"{name} ({version})" for name, version in on["programs"].items())
    busy = f" The machine was not idle (load {on['load']:.1f}): times are worth less than usual, instructions are not." \
        if on["load"] > on["processors"] * 1.5 else ""
    long = " (--long: a million requests to the sandbox)" if made.get("long") else ""
    return (f"{made['made']}, in {made['seconds'] // 60} min {made['seconds'] % 60} s{long}: {on['processors']} × {on['processor']}, "
            f"{on['memory']}, {on['system']}, Linux {on['kernel']}; {programs}.{busy}\n")


def missed_text(made):
    missed = by_miss(made)
    goals = sum(len(row["goals"]) for row in made["rows"])
    if not missed:
        return f"All {goals} goals are reached.\n"
    out = [f"{goals - len(missed)} of {goals} goals are reached. Missed most:\n"]
    out += [f"{i}. {miss_text(row, goal)}" for i, (_, row, goal) in enumerate(missed[:2], 1)]
    return "\n".join(out) + "\n"


def write_docs(made):
    write_json(os.path.join(DOCS, "speed.json"), made)
    chart.write(made, DOCS)
    text = (
        INTRODUCTION + missed_text(made) + "\n" + machine_text(made)
        + "\n![jeton's time beside that of its peers](speed.svg)\n\n" + COLUMNS_TEXT.format(counter=made["counter"])
        + table(made) + "\n" + notes(made) + bounds_text(made)
        + "\n## Growth\n\nWhat one more costs, and how far that changes with the number.\n\n"
        + "![cost against number](speed-growth.svg)\n\n" + growth_text(made))
    with open(os.path.join(DOCS, "speed.md"), "w", encoding="utf-8") as file:
        file.write(text)
