"""Runs commands in turns and keeps what they cost. What counts are the ratios within one run, not the times."""

import collections
import os
import re
import statistics
import subprocess
import tempfile
import time

ROUNDS_MIN, ROUNDS_MAX = 3, 25
TIMEOUT_S = 240
JOB_S = 8  # of one job: no further round begins after that

# What a goal or a ratio is about, and how it is shown.
UNITS = {"wall": "ms", "cpu": "ms", "memory": "MiB", "instructions": "M", "rate": "/s", "count": ""}


class WorkDiffers(Exception):
    """A peer has not done the same work as the others: its numbers would mean nothing."""


class Peer:
    """One way to do a job. `work`: what nginx is asked by it, if not what the job says. `count`: its instructions, too."""

    def __init__(self, name, command, work=None, prepare=None, count=True, env=None):
        self.name, self.command, self.work, self.prepare = name, command, work, prepare
        self.count, self.env = count, env or {}


class Goal:
    """What is to be reached: `what` of jeton's, divided by that of `peer` if one is given."""

    def __init__(self, what, peer, limit, least=False):
        self.what, self.peer, self.limit, self.least = what, peer, limit, least

    def of(self, row):
        """As the report has it; None if it was not measured."""
        ratio = row["ratios"].get(self.peer, {}).get(self.what) if self.peer else None
        value = ratio["value"] if ratio else None if self.peer else row["results"]["jeton"].get(self.what)
        if value is None:
            return None
        missed = (self.limit / value if value else 100) if self.least else value / self.limit if self.limit else value
        return {"what": self.what, "peer": self.peer, "limit": self.limit, "least": self.least,
                "value": value, "missed": round(missed, 3), "met": value >= self.limit if self.least else value <= self.limit}


class Job:
    """A line of the report: the same work done by jeton, the first peer, and by others. `work`: what nginx is asked;
    `says`: all print the same; `own`: jeton is only compared with itself, doing less or more."""

    def __init__(self, name, title, peers, goals=(), work=None, says=False, own=False, rounds=ROUNDS_MAX):
        self.name, self.title, self.peers, self.goals = name, title, peers, goals
        self.work, self.says, self.own, self.rounds = work, says, own, rounds


def perf_counts():
    """Whether perf can count instructions here; virtual machines often hide the counter."""
    done = run_quietly(["perf", "stat", "-x,", "-e", "instructions:u", "true"])
    return done is not None and re.search(r"^\d+,", done.stderr, re.M) is not None


def run_quietly(command, **options):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, **options)
    except FileNotFoundError:
        return None


class Bench:
    """Where jobs run: the environment of all peers, a folder, the neutral server, a sandbox without limits."""

    def __init__(self, folder, env, nginx, sandbox):
        self.folder, self.env, self.nginx, self.sandbox = folder, env, nginx, sandbox
        self.with_perf = perf_counts()
        self.said = {}

    def execute(self, command, env):
        """Milliseconds of wall clock and of the processor, MiB at the peak of the largest process."""
        output = os.path.join(self.folder, "output")
        done = run_quietly([os.environ["MEASURE"], output, *command], env=env)
        if done.returncode != 0:
            raise WorkDiffers(f"{' '.join(command)} failed ({done.returncode}): {done.stderr.strip()[-2000:]}")
        wall, cpu, memory = (float(value) for value in done.stdout.split())
        return {"wall": wall * 1e3, "cpu": cpu * 1e3, "memory": memory / 1024}

    def output(self):
        with open(os.path.join(self.folder, "output"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def once(self, job, peer):
        """One run, which must have done the job."""
        if peer.prepare:
            peer.prepare()
        self.nginx.forget()
        cost = self.execute(peer.command, {**self.env, **peer.env})
        self.check(job, peer)
        return cost

    def check(self, job, peer):
        work = peer.work if peer.work is not None else job.work
        if work is not None:
            seen = self.nginx.counted(work)
            if seen != collections.Counter(work):
                asked = str(dict(seen.most_common(5)))
                raise WorkDiffers(f"{job.name}: {peer.name} asked {asked}, expected {work}")
        if job.says:
            said = self.output()
            if said != self.said.setdefault(job.name, said):
                raise WorkDiffers(f"{job.name}: {peer.name} printed {said[:200]!r}, jeton {self.said[job.name][:200]!r}")

    def instructions(self, job, peer):
        """Millions of instructions of a run, with all that it starts."""
        if peer.prepare:
            peer.prepare()
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            if self.with_perf:
                counter = ["perf", "stat", "-x,", "-o", folder + "/perf", "-e", "instructions:u", "--"]
            else:
                counter = ["valgrind", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null",
                           f"--log-file={folder}/%p"]
            self.nginx.forget()
            self.execute([*counter, *peer.command], {**self.env, **peer.env})
            self.check(job, peer)
            return sum(counted(os.path.join(folder, name)) for name in os.listdir(folder)) / 1e6

    def run(self, job):
        """The row of a job: rounds in turns after one to warm up, then instructions."""
        samples = {peer.name: [] for peer in job.peers}
        for peer in job.peers:
            self.once(job, peer)
        start, done = time.monotonic(), 0
        while done < job.rounds and (done < min(ROUNDS_MIN, job.rounds) or time.monotonic() - start < JOB_S):
            for i in range(len(job.peers)):
                peer = job.peers[(i + done) % len(job.peers)]
                samples[peer.name].append(self.once(job, peer))
            done += 1
        results = {name: medians(costs) for name, costs in samples.items()}
        for peer in job.peers:
            if peer.count:
                results[peer.name]["instructions"] = round(self.instructions(job, peer), 2)
        made = row(job.name, job.title, results, job.goals, samples, done)
        return {**made, "own": True} if job.own else made


def counted(path):
    """What perf or callgrind wrote: of callgrind a file each process."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    found = re.search(r"Collected : (\d+)", text) or re.search(r"^(\d+),+instructions", text, re.M)
    return int(found.group(1)) if found else 0


def medians(samples):
    return {what: round(statistics.median(sample[what] for sample in samples), 2) for what in samples[0]}


def spread(values):
    """The median, and the quarters beside it."""
    if len(values) < 2:
        return {"value": round(values[0], 3)}
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"value": round(statistics.median(values), 3), "low": round(low, 3), "high": round(high, 3)}


def ratios(results, samples):
    """jeton's divided by each peer's. What was measured in turns is compared round by round: each had its own noise."""
    found, ours = {}, results["jeton"]
    for name, theirs in results.items():
        if name == "jeton":
            continue
        found[name] = {}
        for what in (what for what in ours if what in theirs):
            pairs = [(a[what], b[what]) for a, b in zip(samples["jeton"], samples[name]) if what in a] if samples else []
            values = [a / b for a, b in pairs or [(ours[what], theirs[what])] if b > 0]
            if values:
                found[name][what] = spread(values)
    return found


def row(name, title, results, goals=(), samples=None, rounds=1, note=None):
    """What the report knows of a job."""
    made = {"name": name, "title": title, "rounds": rounds, "results": results, "ratios": ratios(results, samples)}
    made["goals"] = [goal for goal in (goal.of(made) for goal in goals) if goal]
    if note:
        made["note"] = note
    return made
