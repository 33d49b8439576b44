#!/usr/bin/env python3
"""Benchmarks against what a user would pick instead, in turns within one run: what counts are the ratios.

JETON, MEASURE and BUILD are the program, the one made of measure.c, and the folder of the other programs of the bench:
`./dev bench` sets them.
"""

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

import growth
import jobs
import measure
import rates
import receivers
import report
import servers
import shared

INSIDE = "BENCH_MOUNTS"  # set once this process has mounts of its own


def own_mounts():
    """Starts this program anew where it may put a root beside those of the system: in mounts that nobody else sees."""
    if INSIDE in os.environ:
        return
    for way in (["unshare", "-m"], ["unshare", "-rm"]):
        if subprocess.run([*way, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            os.execvpe(way[0], [*way, sys.executable, *sys.argv], {**os.environ, INSIDE: "yes"})
    os.environ[INSIDE] = ""


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Compares jeton's cost with that of its peers.")
    parser.add_argument("-k", metavar="NAME", action="append",
                        help="only this job, or those whose first words are NAME (far: far-cached, far-exchange); "
                             "may be repeated")
    parser.add_argument("-l", "--list", action="store_true", help="list the jobs")
    parser.add_argument("--json", metavar="FILE", help="write the numbers to FILE")
    parser.add_argument("--compare", metavar="FILE",
                        help="say what has got over 10 %% worse than in FILE, and fail if anything has")
    parser.add_argument("--write", action="store_true", help="write docs/speed.md, docs/speed.json and docs/speed*.svg")
    parser.add_argument("--long", action="store_true", help="a million requests to the sandbox, not some hundred thousand")
    options = parser.parse_args()
    if options.write and options.k:
        parser.error("--write needs all jobs")
    return options


def environment(folder):
    """Nothing of the user's, here and in all that is started: no CA files, no proxies, no configuration."""
    clean = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": folder,
             "ID": servers.Nginx.ID, "SECRET": servers.Nginx.SECRET}
    for name in set(os.environ) - {"JETON", "MEASURE", "BUILD", "BENCH_LONG", "BENCH_CLOCK", INSIDE}:
        del os.environ[name]
    os.environ.update(clean)
    return clean


class Results:
    """Rows and series, said as they are made."""

    def __init__(self):
        self.rows, self.series, self.began = [], [], time.monotonic()

    def add(self, made, where, say):
        for one in made if isinstance(made, list) else [made]:
            where.append(one)
            print(say(one), flush=True)
        if os.environ.get("BENCH_CLOCK"):  # which job takes the ten minutes
            print(f"    after {time.monotonic() - self.began:.0f} s", flush=True)


def is_wanted(name, patterns):
    return not patterns or any(name == pattern or name.startswith(pattern + "-") for pattern in patterns)


def measure_all(bench, patterns, can_tls):
    results = Results()
    print(report.head(), flush=True)
    for name, make in jobs.JOBS.items():
        if is_wanted(name, patterns) and (can_tls or not name.endswith("https")):
            results.add(bench.run(make(bench)), results.rows, report.lines)
    for name, make in {**rates.RATES, **receivers.RECEIVERS, **shared.SHARED}.items():
        if is_wanted(name, patterns) and (can_tls or not name.startswith("far")):
            results.add(make(bench), results.rows, report.lines)
    for name, make in {**growth.GROWTH, **shared.SHARED_GROWTH}.items():
        if is_wanted(name, patterns):
            results.add(make(bench), results.series, report.series_line)
    return results


def run(options, folder):
    began, env = time.monotonic(), environment(folder)
    authority = servers.Authority(folder)
    can_tls = bool(os.environ[INSIDE]) and servers.trust(folder, authority.root + ".pem")
    if not can_tls:
        print("bench: no mounts of its own here, so no HTTPS: the root would have to be put among the system's", file=sys.stderr)
    with contextlib.ExitStack() as running:
        nginx = servers.Nginx(folder, authority)
        running.callback(nginx.stop)
        sandbox = servers.Sandbox("--rate-limit", "0")
        running.callback(sandbox.stop)
        bench = measure.Bench(folder, env, nginx, sandbox)
        results = measure_all(bench, options.k, can_tls)
    return report.made(results.rows, results.series, bench.with_perf, time.monotonic() - began)


def publish(options, made):
    """Writes what was asked for; the exit status is 1 if something has got worse."""
    if options.json:
        report.write_json(options.json, made)
    print(report.summary(made))
    worse = report.compare(json_of(options.compare), made) if options.compare else []
    for line in worse:
        print("worse: " + line)
    if options.compare and not worse:
        print(f"nothing is over {report.WORSE:.0%} worse than in {options.compare}")
    if options.write:
        report.write_docs(made)
    return 1 if worse else 0


def json_of(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    options = arguments()
    names = [*jobs.JOBS, *rates.RATES, *receivers.RECEIVERS, *shared.SHARED, *growth.GROWTH, *shared.SHARED_GROWTH]
    for pattern in options.k or ():
        if not any(is_wanted(name, [pattern]) for name in names):
            print(f"bench: there is no job '{pattern}'; -l lists them", file=sys.stderr)
            return 2
    if options.list:
        print("\n".join(names))
        return 0
    own_mounts()
    os.environ["BENCH_LONG"] = "yes" if options.long else ""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # with the servers stopped, and the folder gone
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))  # a thousand tasks have a thousand connections
    with tempfile.TemporaryDirectory(prefix="jeton-bench-") as folder:
        try:
            made = run(options, folder)
        except measure.WorkDiffers as why:
            print(f"bench: {why}", file=sys.stderr)
            return 2
    return publish(options, made)


if __name__ == "__main__":
    sys.exit(main())
