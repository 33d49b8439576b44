"""The charts of docs/speed.md: SVG, without libraries, readable on light and dark pages.

usage: chart.py FILE.json    draws what a bench has written there, beside it
"""

import html
import json
import math
import pathlib
import sys

STYLE = """\
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .small { font-size: 10px; fill: #57606a } .title { font-weight: 600 }
  .ok { fill: #2f7d4f } .missed { fill: #c2571a } .plain { fill: #6e7781 }
  .line { stroke: #2f7d4f; fill: none; stroke-width: 2 } .bad { stroke: #c2571a }
  .grid { stroke: #d0d7de } .goal { stroke: #24292f; stroke-width: 2 } .spread { stroke: #24292f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .ok { fill: #4fb477 } .missed { fill: #f0883e } .plain { fill: #848d97 }
    .line { stroke: #4fb477 } .bad { stroke: #f0883e }
    .grid { stroke: #3d444d } .goal, .spread { stroke: #e6edf3 }
  }
</style>
"""
WIDTH, LEFT, BAR, GAP = 860, 400, 16, 6
TICKS = (0.03, 0.1, 0.3, 1, 3, 10)
CELL_W, CELL_H, COLUMNS = 280, 170, 3


def document(height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">\n{STYLE}'
            + "\n".join(parts) + "\n</svg>\n")


def text(x, y, what, css="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{html.escape(what)}</text>'


def line(x1, y1, x2, y2, css):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def compared(made):
    """(row, peer, ratio, goal): of each peer that is another program, and compared by time."""
    for row in made["rows"]:
        if row.get("own"):
            continue
        for peer, ratios in row["ratios"].items():
            what = "wall" if "wall" in ratios else "rate" if "rate" in ratios else None
            if what:
                goal = next((goal for goal in row["goals"] if goal["peer"] == peer and goal["what"] == what), None)
                yield row, peer, ratios[what], goal


def ratios(made):
    """Bars on a logarithmic scale, the goal as a stroke across, the middle half of the rounds as a thin line."""
    low, high, right = math.log(TICKS[0]), math.log(TICKS[-1]), WIDTH - 50

    def x(value):
        return LEFT + (min(max(math.log(value), low), high) - low) / (high - low) * (right - LEFT)

    parts, y, last = [text(10, 20, "jeton's time divided by the peer's (calls a second for servers)", "title")], 34, None
    rows = list(compared(made))
    bottom = y + 16 + sum(BAR + GAP for _ in rows) + len({row["name"] for row, *_ in rows}) * (BAR + 2)
    for tick in TICKS:
        parts += [line(x(tick), y + 16, x(tick), bottom, "grid"), text(x(tick), y + 10, f"{tick:g}", "small", "middle")]
    y += 16
    for row, peer, ratio, goal in rows:
        if row["name"] != last:
            parts.append(text(10, y + BAR - 3, row["title"]))
            y, last = y + BAR + 2, row["name"]
        css = "plain" if goal is None else "ok" if goal["met"] else "missed"
        start, end = sorted((x(1), x(ratio["value"])))
        parts += [text(LEFT - 8, y + BAR - 4, "beside " + peer, "small", "end"),
                  f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 1):.1f}" height="{BAR}" class="{css}"/>',
                  text(right + 6, y + BAR - 4, f"{ratio['value']:.2f}")]
        if "low" in ratio:
            parts.append(line(x(ratio["low"]), y + BAR / 2, x(ratio["high"]), y + BAR / 2, "spread"))
        if goal:
            parts.append(line(x(goal["limit"]), y - 2, x(goal["limit"]), y + BAR + 2, "goal"))
        y += BAR + GAP
    parts.append(text(10, bottom + 18, "green: the goal (stroke across) is reached; orange: it is missed; grey: no goal", "small"))
    return document(bottom + 28, parts)


def growth(made):
    """A small plot each, whose y axis begins at zero: a flat line is a cost that does not grow."""
    parts = []
    for i, series in enumerate(made["series"]):
        parts += plot(series, 20 + i % COLUMNS * CELL_W, 10 + i // COLUMNS * CELL_H)
    return document(10 + math.ceil(len(made["series"]) / COLUMNS) * CELL_H, parts)


def plot(series, left, top):
    xs, ys = zip(*series["points"])
    is_wide = xs[-1] / xs[0] > 50
    scale = math.log if is_wide else float
    first, last, most = scale(xs[0]), scale(xs[-1]), max(ys) * 1.15
    width, height, base = CELL_W - 40, CELL_H - 80, top + CELL_H - 45

    def at(x, y):
        return left + (scale(x) - first) / (last - first or 1) * width, base - y / most * height

    points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in series["points"])
    css = "line" if series["met"] else "line bad"
    return [text(left, top + 12, series["title"], "title"),
            text(left, top + 27, f"{series['unit']}, up to {max(ys):,.3g}", "small"),
            line(left, base, left + width, base, "grid"), f'<polyline points="{points}" class="{css}"/>',
            text(left, base + 14, f"{xs[0]:,}", "small"), text(left + width, base + 14, f"{xs[-1]:,}", "small", "end"),
            text(left + width / 2, base + 14, series["x"], "small", "middle")]


def write(made, folder):
    for name, picture in (("speed.svg", ratios(made)), ("speed-growth.svg", growth(made))):
        (pathlib.Path(folder) / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    numbers = pathlib.Path(sys.argv[1])
    write(json.loads(numbers.read_text(encoding="utf-8")), numbers.parent)
