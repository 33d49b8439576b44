#!/usr/bin/env python3
"""Draws the rooms and who may know whom, from the table in CMakeLists.txt: docs/pictures/architecture.svg.

usage: rooms_picture.py >FILE
"""
import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2]
STOREYS = ("runtime", "bindings", "core")
GROUND = ("core/os", "core/base")  # every room knows them: drawn as a floor, without arrows
WIDTH, LEFT, ROW, BOX_W, BOX_H, GAP = 860, 96, 54, 76, 28, 14
SWEEPS = 60

STYLE = """\
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f } .room, .floor { text-anchor: middle }
  .storey { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
  .band { fill: #f3f6f4 } .box { fill: #fff; stroke: #2f7d4f } .arrow { stroke: #6e7781; fill: none } .head { fill: #6e7781 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .band { fill: #1a211d } .box { fill: #0d1117; stroke: #4fb477 } .arrow { stroke: #848d97 } .head { fill: #848d97 }
  }
</style>
<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"
  class="head"/></marker>
"""


def rooms(text):
    """{room: the rooms that it may know}, without the ground: what jeton_room and set() in CMakeLists.txt say."""
    lists, known = {}, {}
    for command, body in re.findall(r"^(jeton_room|set)\(([^)]*)\)", text, re.M):
        name, *words = re.sub(r"\$\{(\w+)\}", r"$\1", body).split()
        words = [word for item in words for word in lists.get(item.removeprefix("$"), [item])]
        if command == "set":
            lists[name] = words
        elif name not in GROUND:
            heads = [i for i, word in enumerate(words) if word.isupper()] + [len(words)]
            given = {words[a]: words[a + 1:b] for a, b in zip(heads, heads[1:])}
            known[name] = {room for room in given["KNOWS"] if room not in GROUND}
    return known


def drawn(known):
    """The arrows that are needed: one that a longer way stands for is left out."""
    def below(room):
        return {room}.union(*map(below, known[room]))
    return {room: sorted(other for other in others if not any(other in below(via) for via in others - {other}))
            for room, others in known.items()}


def levels(arrows):
    """{room: its row, from the top}: below all that know it, and within the rows of its storey."""
    rows, first = {}, 0
    for storey in STOREYS:
        inside = [room for room in arrows if room.startswith(storey + "/")]

        def height(room, inside=inside):
            return max((height(other) + 1 for other in arrows[room] if other in inside), default=0)
        top = max(map(height, inside))
        rows |= {room: first + top - height(room) for room in inside}
        first += top + 1
    return rows


def ways(arrows, rows):
    """Each arrow as the points that it goes through: a point of its own in each row that it crosses."""
    return [[room, *((room, other, row) for row in range(rows[room] + 1, rows[other])), other]
            for room, others in arrows.items() for other in others]


def width(point):
    return BOX_W if isinstance(point, str) else 10


def place(points, wish):
    """The points of one row from left to right in the order of their wishes, near to these, none over another."""
    order = sorted(points, key=lambda point: (wish[point], str(point)))

    def push(order, sign):
        at, edge = {}, float("-inf")
        for point in order:
            at[point] = max(sign * wish[point], edge + width(point) / 2)
            edge = at[point] + width(point) / 2 + GAP
        return at
    right, left = push(order, 1), push(reversed(order), -1)
    return {point: (right[point] - left[point]) / 2 for point in order}


def layout(arrows, rows):
    """{point: x}: each moves to the middle of its neighbours, over and over."""
    paths, table = ways(arrows, rows), {}
    for point in dict.fromkeys(point for path in paths for point in path):
        table.setdefault(rows[point] if isinstance(point, str) else point[2], []).append(point)
    near = {}
    for path in paths:
        for one, two in zip(path, path[1:]):
            near.setdefault(one, []).append(two)
            near.setdefault(two, []).append(one)
    x = {point: float(i) for row in table.values() for i, point in enumerate(row)}
    for sweep in range(SWEEPS):
        for row in sorted(table, reverse=sweep % 2 == 1):
            wish = {point: sum(x[other] for other in near[point]) / len(near[point]) for point in table[row]}
            x |= place(table[row], wish)
    left, right = (end(x[point] + sign * width(point) / 2 for point in x) for end, sign in ((min, -1), (max, 1)))
    stretch = (WIDTH - 14 - LEFT - BOX_W) / (right - left - BOX_W)
    return {point: LEFT + BOX_W / 2 + (at - left - BOX_W / 2) * stretch for point, at in x.items()}, paths


def curve(way):
    """Through all points without a corner: at each in the direction from the one before to the one after; upright at the ends."""
    steps = [(0, ROW / 4), *(((c - a) / 6, (d - b) / 6) for (a, b), (c, d) in zip(way, way[2:])), (0, ROW / 4)]
    return "".join(f"C{a + dx:.0f} {b + dy:.0f} {c - ex:.0f} {d - ey:.0f} {c:.0f} {d:.0f}"
                   for (a, b), (c, d), (dx, dy), (ex, ey) in zip(way, way[1:], steps, steps[1:]))


def draw(known):
    arrows = drawn(known)
    rows = levels(arrows)
    x, paths = layout(arrows, rows)
    parts, floor = [], 12 + ROW * (max(rows.values()) + 1)

    def y(point):
        return 12 + ROW * (rows[point] if isinstance(point, str) else point[2])
    for storey in STOREYS:
        inside = [row for room, row in rows.items() if room.startswith(storey + "/")]
        top, bottom = 12 + ROW * min(inside) - 6, 12 + ROW * (max(inside) + 1) - 16
        parts += [f'<rect x="4" y="{top}" width="{WIDTH - 8}" height="{bottom - top}" rx="6" class="band"/>',
                  f'<text x="14" y="{top + 24}" class="storey">{storey}/</text>']
    for path in paths:
        way = [(x[path[0]], y(path[0]) + BOX_H), *((x[point], y(point) + BOX_H / 2) for point in path[1:-1]),
               (x[path[-1]], y(path[-1]))]
        parts.append(f'<path d="M{way[0][0]:.0f} {way[0][1]:.0f}{curve(way)}" class="arrow" marker-end="url(#head)"/>')
    for room in arrows:
        parts += [f'<rect x="{x[room] - BOX_W / 2:.0f}" y="{y(room)}" width="{BOX_W}" height="{BOX_H}" rx="5" class="box"/>',
                  f'<text x="{x[room]:.0f}" y="{y(room) + 19}" class="room">{room.split("/")[1]}</text>']
    parts += [f'<rect x="{LEFT}" y="{floor}" width="{WIDTH - LEFT - 10}" height="{BOX_H}" rx="5" class="box"/>',
              f'<text x="{(LEFT + WIDTH - 10) / 2}" y="{floor + 19}" class="floor">os, base: known to all rooms</text>',
              f'<text x="{LEFT}" y="{floor + 54}" class="small">An arrow: may include the headers of. Left out are those that '
              "a longer way stands for.</text>"]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {floor + 66}" role="img">\n{STYLE}'
            + "\n".join(parts) + "\n</svg>\n")


if __name__ == "__main__":
    print(draw(rooms((SOURCE / "CMakeLists.txt").read_text(encoding="utf-8"))), end="")
