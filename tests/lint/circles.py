#!/usr/bin/env python3
"""Finds circles among the files of jeton.

    tests/lint/circles.py                  every circle; exit 1 if there is one
    tests/lint/circles.py --edges A B      why A depends on B: each include, call and require
    tests/lint/circles.py --root FOLDER    another source tree

C, in two ways. By calls: a.c depends on b.c if it names a function that b.c defines (a call, or a
pointer in a table). By includes: a.c and a.h are one module, that depends on each module whose header
it includes. A header that no .c file of its name goes with is no module: parts of one thing share it.
Lua: below scripts/, a file depends on what it requires, lazily too. require("a.b." .. name) is
every module of a/b. Among the rooms of scripts/sandbox the arrows only go down, see ROOMS.
"""

import argparse
import collections
import os
import re
import sys

C_FOLDERS = ("core", "bindings", "runtime")
LUA_FOLDER = "scripts"
LUA_FILES = (".lua", ".css", ".js", ".svg")  # what `require` finds there

# The rooms of scripts/sandbox, top to bottom: each may require only those after it. "." is the
# files that stand in no room.
SANDBOX = "scripts/sandbox"
ROOMS = (
    ".", "oauth", "portal", "control", "reference", "calls", "operations", "events", "actions", "rules",
    "seed", "data", "http", "base",
)

C_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
C_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
C_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
C_ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)", re.DOTALL)
C_NAME = re.compile(r"(\w+)\s*\(")
# An identifier that is neither a member nor the name of a pointer: `.x`, `->x`, `(*x)(`.
C_USE = re.compile(r"(?<!\.)(?<!->)(?<!\(\*)\b[A-Za-z_]\w*")
# A variable or parameter: a type before its name, and no call.
C_DECLARED = r"\b(?!return\b|else\b|case\b|goto\b)\w+[\s*]+{}\b(?!\s*\()"

# Comments and strings are matched so that a require inside of them is none.
LUA_TOKEN = re.compile(
    r"--\[(?P<c>=*)\[.*?\](?P=c)\]|--[^\n]*"
    r"|\brequire\s*\(?\s*(?P<quote>[\"'])(?P<module>[\w.]+)(?P=quote)(?P<more>\s*\.\.)?"
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|\[(?P<s>=*)\[.*?\](?P=s)\]",
    re.DOTALL,
)


class Graph:
    """Who depends on whom, and why: edges[a][b] is a list of "place: reason"."""

    def __init__(self):
        self.edges = collections.defaultdict(lambda: collections.defaultdict(list))

    def add(self, start, end, reason):
        if start != end and reason not in self.edges[start][end]:
            self.edges[start][end].append(reason)

    def circles(self):
        """The strongly connected components of more than one node (Tarjan), each sorted."""
        index, low, stack, found = {}, {}, [], []

        def visit(node):
            index[node] = low[node] = len(index)
            stack.append(node)
            for other in list(self.edges[node]):
                if other not in index:
                    visit(other)
                    low[node] = min(low[node], low[other])
                elif other in stack:
                    low[node] = min(low[node], index[other])
            if low[node] == index[node]:
                at = stack.index(node)
                if len(stack) - at > 1:
                    found.append(sorted(stack[at:]))
                del stack[at:]

        for node in sorted(self.edges):
            if node not in index:
                visit(node)
        return sorted(found)


def files(root, folders, endings):
    """The files below the folders, relative to the root."""
    for folder in folders:
        for path, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(path, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def blank(match):
    """As much white space, on as many lines."""
    return re.sub(r"[^\n]", " ", match.group())


def line(text, offset):
    return text.count("\n", 0, offset) + 1


# --- C ---------------------------------------------------------------------------------------


def c_blocks(text):
    """What stands in braces at the top level: (what is before the brace, offset of the body, body)."""
    depth = boundary = start = 0
    for match in re.finditer(r"[{};]", text):
        if match.group() == "{":
            if depth == 0:
                start = match.start()
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if depth == 0:
                yield text[boundary:start], start, text[start : match.end()]
                boundary = match.end()
        elif depth == 0:
            boundary = match.end()


def c_function(head):
    """The name of the function whose body follows, or None: a table, a struct."""
    head = C_ATTRIBUTE.sub("", head)
    name = None if "=" in head else C_NAME.search(head)
    return name and name.group(1)


def c_uses(head, body):
    """(name, offset) of each identifier in the body that the function does not declare itself."""
    own = {}
    for match in C_USE.finditer(body):
        name = match.group()
        if name not in own:
            own[name] = re.search(C_DECLARED.format(name), head + body)
        if not own[name]:
            yield name, match.start()


class Source:
    def __init__(self, root, path):
        self.path = path
        self.stem, self.ending = os.path.splitext(path)
        self.text = read(root, path)
        self.blocks = list(c_blocks(C_DIRECTIVE.sub(blank, C_NOISE.sub(blank, self.text))))

    def place(self, offset):
        return f"{self.path}:{line(self.text, offset)}"


def c_calls(sources):
    defined = collections.defaultdict(set)
    for source in sources:
        for head, _, _ in source.blocks:
            name = c_function(head)
            if name and "static" not in head.split():
                defined[name].add(source.path)
    graph = Graph()
    for source in sources:
        for head, offset, body in source.blocks:
            if not c_function(head) and "=" not in head:
                continue  # a struct: its members are no uses
            for name, at in c_uses(head, body):
                for other in defined.get(name, ()):
                    graph.add(source.path, other, f"{source.place(offset + at)}: names {name}")
    return graph


def c_includes(sources):
    paths = {source.path for source in sources}
    modules = {os.path.basename(source.path): source.stem for source in sources
               if source.ending == ".h" and source.stem + ".c" in paths}
    graph = Graph()
    for source in sources:
        for match in C_INCLUDE.finditer(source.text):
            name = os.path.basename(match.group(1))
            if name in modules:
                graph.add(source.stem, modules[name], f"{source.place(match.start())}: includes {name}")
    return graph


# --- Lua -------------------------------------------------------------------------------------


def lua_modules(root):
    """File by module name: sandbox.http.reply → scripts/sandbox/http/reply.lua."""
    modules = {}
    for path in files(root, (LUA_FOLDER,), LUA_FILES):
        name = os.path.splitext(os.path.relpath(path, LUA_FOLDER))[0].replace(os.sep, ".")
        modules[re.sub(r"\.init$", "", name)] = path
    return modules


def lua_graph(root):
    modules, graph = lua_modules(root), Graph()
    for path in modules.values():
        if not path.endswith(".lua"):
            continue
        text = read(root, path)
        for match in LUA_TOKEN.finditer(text):
            module = match.group("module")
            if not module:
                continue
            ends = [modules[module]] if module in modules else []
            if match.group("more"):
                ends = [file for name, file in modules.items()
                        if name.startswith(module) and "." not in name[len(module):]]
            for end in ends:
                graph.add(path, end, f"{path}:{line(text, match.start())}: requires {module}")
    return graph


def room(path):
    """The room of a file of the sandbox: "http", or "." for one in no room; None elsewhere."""
    parts = os.path.relpath(path, SANDBOX).split(os.sep)
    if parts[0] == "..":
        return None
    return parts[0] if len(parts) > 1 else "."


def room_faults(graph, rooms):
    """Requires that go up, or to a room that the table does not know."""
    faults = []
    for start, ends in sorted(graph.edges.items()):
        for end, reasons in sorted(ends.items()):
            pair = (room(start), room(end))
            if None in pair or pair[0] == pair[1]:
                continue
            unknown = [name for name in pair if name not in rooms]
            if unknown:
                faults += [f"{reasons[0]}: '{unknown[0]}' is not in ROOMS of {__file__}"]
            elif rooms.index(pair[0]) > rooms.index(pair[1]):
                faults += [f"{reason}: {pair[0]} stands below {pair[1]}" for reason in reasons]
    return faults


# --- main ------------------------------------------------------------------------------------


def report(kind, graph):
    circles = graph.circles()
    for circle in circles:
        print(f"a circle among {len(circle)} {kind}:")
        for start in circle:
            for end in sorted(set(graph.edges[start]) & set(circle)):
                reasons = graph.edges[start][end]
                more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
                print(f"  {start} → {end}\n      {reasons[0]}{more}")
    return len(circles)


def edges(graphs, start, end):
    """Prints why start depends on end. Both may be given without their folder."""

    def same(node, name):
        return node == name or os.path.splitext(node)[0].endswith("/" + name) or node.endswith("/" + name)

    for graph in graphs:
        for node in sorted(graph.edges):
            for other in sorted(graph.edges[node]):
                if same(node, start) and same(other, end):
                    print("\n".join(graph.edges[node][other]))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Finds circles among the files of jeton.")
    parser.add_argument("--root", default=os.path.join(here, "..", ".."))
    parser.add_argument("--edges", nargs=2, metavar=("A", "B"), help="why A depends on B")
    parser.add_argument("--only", choices=("c", "lua"), help="only the C files, or only the Lua ones")
    options = parser.parse_args()
    sys.setrecursionlimit(10000)

    graphs = {}
    if options.only != "lua":
        sources = [Source(options.root, path) for path in files(options.root, C_FOLDERS, (".c", ".h"))]
        graphs["C files, by calls"] = c_calls(sources)
        graphs["C modules, by includes"] = c_includes(sources)
    if options.only != "c":
        graphs["Lua files"] = lua_graph(options.root)
    if options.edges:
        edges(graphs.values(), *options.edges)
        return 0
    count = sum(report(kind, graph) for kind, graph in graphs.items())
    faults = room_faults(graphs["Lua files"], ROOMS) if "Lua files" in graphs else []
    for fault in faults:
        print(fault)
    return 1 if count or faults else 0


if __name__ == "__main__":
    sys.exit(main())
