#!/usr/bin/env python3
"""What the compiler cannot see of who may do what in the C sources. The compiler itself keeps the
order of the rooms (cmake/rooms.cmake).

usage: layers.py [ROOT]    prints each line that breaks a rule; exit status 1 if there is one
"""
import pathlib
import re
import sys

STOREYS = ("core", "bindings", "runtime")
INCLUDE = re.compile(r'\s*#\s*include\s*["<](?:.*/)?([^">]+)[">]')

# (what is said, where it is forbidden, pattern, the files that may)
RULES = (
    ("core knows no Lua", "core", r"#\s*include\s*[\"<](.*/)?(lua|lauxlib|lualib|luaconf)\.h", ()),
    ("only the scheduler yields", "", r"\blua_yieldk?\s*\(", ("bindings/task/task.c",)),
    # One place knows what runs, so that a deadline can interrupt it: tasks, and plain coroutines.
    ("only run_resume resumes", "", r"\blua_resume\s*\(", ("bindings/base/run_hook.c",)),
    ("only tasks and coroutine.* resume", "", r"\brun_resume\s*\(",
     ("bindings/base/run.h", "bindings/base/run_hook.c", "bindings/task/task.c",
      "bindings/vm/vm_coroutine.c")),
    # libsodium's takes bytes above 0x7f for digits.
    ("only base64_decode decodes base64", "", r"\bsodium_base642bin\s*\(", ("core/base/base64.c",)),
    # The watchdog ends a process that does not come back to main, a helper process ends where it
    # began; a fault point is a power cut.
    ("nobody below main exits", "", r"\b(_?exit|_Exit|quick_exit)\s*\(",
     ("runtime/main.c", "runtime/job/job_helper.c", "bindings/vm/vm_watchdog.c",
      "core/base/fault_env.c")),
    # Lua's print; and a dry run's requests are among what the script prints, in its order.
    ("nobody below main prints", "",
     r"\b(printf|puts|putchar|perror|vprintf)\s*\("
     r"|\bf(printf|puts|putc|write)\s*\([^;]*\bstd(out|err)\b",
     ("runtime/main.c", "runtime/app/app.c", "bindings/vm/vm_output.c", "bindings/lib/lhttp_call.c")),
)


def sources(root):
    for storey in STOREYS:
        yield from sorted((root / storey).rglob("*.[ch]"))


def broken_rules(name, lines):
    """Comment lines aside: a comment may name what is forbidden."""
    for said, where, pattern, allowed in RULES:
        if not name.startswith(where) or name in allowed:
            continue
        for number, line in enumerate(lines, 1):
            if re.search(pattern, line) and not re.match(r"\s*(/\*|\*|//)", line):
                yield f"{name}:{number}: {said}: {line.strip()}"


def foreign_private_headers(path, name, lines, private):
    for number, line in enumerate(lines, 1):
        included = INCLUDE.match(line)
        header = included and included.group(1)
        if header in private and private[header] != path.parent:
            yield f"{name}:{number}: {header} is private to {private[header].name}/"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    private = {path.name: path.parent for path in sources(root) if path.name.endswith("_private.h")}
    found = []
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        lines = path.read_text().splitlines()
        found += broken_rules(name, lines)
        found += foreign_private_headers(path, name, lines, private)
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
