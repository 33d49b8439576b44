#!/usr/bin/env python3
"""Runs a file of end-to-end tests, as ctest does; by hand, too:

    tests/e2e/run.py tests/e2e/cron/test_crontab.py [-v] [-k PATTERN]

The build is that of JETON_BUILD, else build/. What stands in this folder, and in the folder of any test, can be imported.
"""

import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: run.py FILE [ARGUMENT OF unittest…]")
    build = os.environ.setdefault("JETON_BUILD", os.path.join(SOURCE, "build"))
    os.environ.setdefault("JETON_SOURCE", SOURCE)
    os.environ.setdefault("JETON", os.path.join(build, "jeton"))
    os.environ.setdefault("JETON_FAULTY", os.path.join(build, "tests", "jeton-fault"))
    folders = [folder for folder, _, files in os.walk(HERE) if any(name.endswith(".py") for name in files)]
    sys.path[:1] = folders
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)  # for a test that starts itself once more
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


main()
