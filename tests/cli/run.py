#!/usr/bin/env python3
"""Golden tests of the command line.

A case is a folder cases/NAME:
  cmd       one command line for sh; the word `jeton` is $JETON
  stdout, stderr, status   what is expected; without the file: nothing, nothing, 0
  setup.sh  optional, run by sh before cmd in the same place (modes, links, odd bytes)
All other files are copied into a fresh folder (0700, files 0600), which is the working directory.
There the environment is clean, and $DIR stands for the folder's path in what is printed.

usage: run.py [--update] [NAME…]
--update writes what came out as what is expected: read the difference before it is kept.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = Path(__file__).resolve().parent / "cases"
EXPECTED = ("stdout", "stderr", "status")
NOT_COPIED = (*EXPECTED, "cmd", "setup.sh")
TIMEOUT_S = 60


def environment(folder: str, jeton: str) -> dict:
    clean = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": folder,
        "XDG_CONFIG_HOME": f"{folder}/.config",
        "XDG_STATE_HOME": f"{folder}/.state",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "DIR": folder,
        "JETON": jeton,
    }
    # What a sanitizer's run needs; nothing else comes in.
    return clean | {k: v for k, v in os.environ.items() if re.fullmatch(r"[A-Z]*SAN_OPTIONS", k)}


def copy_files(case: Path, folder: str) -> None:
    for source in sorted(case.rglob("*")):
        relative = source.relative_to(case)
        if str(relative) in NOT_COPIED:
            continue
        target = Path(folder, relative)
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            shutil.copyfile(source, target)


def shell(text: str, folder: str, env: dict) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["/bin/sh", "-c", text],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def run_case(case: Path, jeton: str) -> dict:
    """The case's stdout, stderr and status, as bytes."""
    command = re.sub(r"(?<![\w./-])jeton(?![\w.-])", '"$JETON"', (case / "cmd").read_text())
    with tempfile.TemporaryDirectory(prefix="jeton-cli-") as folder:
        folder = os.path.realpath(folder)
        env = environment(folder, jeton)
        copy_files(case, folder)
        setup = case / "setup.sh"
        if setup.exists():
            done = shell(setup.read_text(), folder, env)
            if done.returncode != 0:
                raise RuntimeError(f"setup.sh ended with {done.returncode}: {done.stderr.decode()}")
        done = shell(command, folder, env)
        place = folder.encode()
        return {
            "stdout": done.stdout.replace(place, b"$DIR"),
            "stderr": done.stderr.replace(place, b"$DIR"),
            "status": b"%d\n" % done.returncode,
        }


def expected(case: Path, name: str) -> bytes:
    path = case / name
    if path.exists():
        return path.read_bytes()
    return b"0\n" if name == "status" else b""


def update(case: Path, result: dict) -> None:
    for name in EXPECTED:
        path = case / name
        if result[name] == (b"0\n" if name == "status" else b""):
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(result[name])


def difference(case: Path, result: dict) -> str:
    text = ""
    for name in EXPECTED:
        want, got = expected(case, name), result[name]
        if want != got:
            lines = [b.decode("utf-8", "backslashreplace").splitlines(True) for b in (want, got)]
            text += "".join(difflib.unified_diff(*lines, f"{name} expected", f"{name} found"))
    return text


def main(arguments: list) -> int:
    updating = "--update" in arguments
    names = [a for a in arguments if a != "--update"]
    jeton = os.path.abspath(os.environ.get("JETON", "build/jeton"))
    os.umask(0o077)
    cases = [CASES / n for n in names] or sorted(p.parent for p in CASES.glob("*/cmd"))
    passed = failed = 0
    for case in cases:
        try:
            result = run_case(case, jeton)
            if updating:
                update(case, result)
            text = difference(case, result)
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            text = f"{error}\n"
        if text:
            print(f"--- {case.name}\n{text}")
        failed += bool(text)
        passed += not text
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
