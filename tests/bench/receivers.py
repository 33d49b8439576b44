"""Receivers of webhooks under load: storing durably what is signed, running a command, doing nothing."""

import contextlib
import glob
import json
import os
import re
import sqlite3
import subprocess
import threading
import time

import servers
from jobs import JETON, NODE, peer
from measure import Goal, WorkDiffers, medians, row
from rates import CONNECTIONS, loaded

SECRET = "a-secret-of-the-sender-0123456789"  # as in peers/signed.lua
PATH = "/hooks/orders"  # as webhook has it
STORE_ROUNDS, STORE_S = 3, 2
RUN_ROUNDS, RUN_S, RUN_CONNECTIONS = 3, 1, 16
RUNS_MAX_S = 60
IDLE_S = 10


class Receiver:
    """A process with a folder and a port of its own."""

    def __init__(self, bench):
        self.folder = os.path.join(bench.folder, type(self).__name__.lower())
        os.mkdir(self.folder, 0o700)
        self.port, self.rounds, self.busy = servers.free_port(), 0, 0
        command = self.command()
        with open(self.path("log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, env={**bench.env, "BUILD": os.environ["BUILD"]}, stdout=log, stderr=log)
        servers.wait_for(self.port)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def processes(self):
        """It, and those below it."""
        found = [self.process.pid]
        for pid in found:  # a command may have ended
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        return found

    def memory(self):
        """MiB: what is in memory for all processes together. What they share is counted once: of their own memory, which a
        fork shares, each has its part; of a file, such as the program or a library, what the one with most of it has."""
        own, files = 0, {}
        for pid in self.processes():
            with contextlib.suppress(OSError):
                anonymous, mapped = pages(pid)
                own += anonymous
                for name, size in mapped.items():
                    files[name] = max(files.get(name, 0), size)
        return (own + sum(files.values())) / 1024

    def cpu(self):
        """Seconds of the processor up to now, of all."""
        return sum(servers.cpu_of(pid) for pid in self.processes())

    def load(self, seconds, connections):
        """Events a second, and how many were answered; what it had then is in `busy`."""
        self.rounds += 1
        def look():
            self.busy = self.memory()
        threading.Timer(seconds * 0.75, look).start()
        return loaded(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", peer("signed.lua"),
                       f"http://127.0.0.1:{self.port}{PATH}", "--", str(self.rounds)])

    def stop(self):
        servers.stop(self.process)


def pages(pid):
    """KiB in memory: what is the process's own, or its part of it where a fork shares it; and what is of each file."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        own = int(re.search(r"^Pss_Anon:\s+(\d+)", file.read(), re.M).group(1))
    files = {}
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for name, rss, anonymous in re.findall(r"^[0-9a-f]+-\S+ \S+ \S+ \S+ \d+ *(.*)\n(?:.*\n)*?Rss: +(\d+)(?:.*\n)*?Anonymous: +(\d+)",
                                               file.read(), re.M):
            files[name] = files.get(name, 0) + int(rss) - int(anonymous)
    return own, files


def stored(pattern, what):
    path, = glob.glob(pattern)
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
        return db.execute(f"SELECT count(*) FROM {what}").fetchone()[0]


class Jeton(Receiver):
    """`jeton listen`; each event runs a handler."""

    def handler(self):
        return "script: " + self.write("handler.lua", "return function() end\n")

    def command(self):
        return [JETON, "listen", "-c", self.write("jeton.yaml", f"""\
version: 1
state: {self.path("state")}
listen: {{ address: 127.0.0.1:{self.port} }}
webhooks:
  orders:
    path: {PATH}
    secret: {{ file: {self.write("secret", SECRET)} }}
    verify: {{ kind: hmac, in: "header:X-Sig" }}
    id: "json:id"
    type: "{{json:type}}"
    max_waiting: 1000000
    {self.handler()}
""")]

    def stored(self):
        return stored(self.path("state/*.db"), "event")

    def handled(self):
        return stored(self.path("state/*.db"), "event WHERE state = 'done'")


class Express(Receiver):
    """Node with express and better-sqlite3: peers/receiver.mjs."""

    def command(self):
        return [NODE, peer("receiver.mjs"), self.folder, str(self.port), PATH]

    def stored(self):
        return stored(self.path("express.db"), "event")


def runs(receiver):
    """A command that leaves a byte."""
    return receiver.write("run.sh", f'#!/bin/sh\necho >>{receiver.path("runs")}\n', 0o700)


class JetonRunning(Jeton):
    def handler(self):
        return f"command: [{runs(self)}]"


class Webhook(Receiver):
    """adnanh/webhook, of Debian: checks the signature, and runs a command. It keeps nothing."""

    def command(self):
        rule = {"match": {"type": "payload-hmac-sha256", "secret": SECRET, "parameter": {"source": "header", "name": "X-Sig"}}}
        hooks = self.write("hooks.json", json.dumps([{"id": "orders", "execute-command": runs(self), "trigger-rule": rule,
                                                      "trigger-rule-mismatch-http-response-code": 401}]))
        return ["webhook", "-hooks", hooks, "-ip", "127.0.0.1", "-port", str(self.port)]


def store(bench):
    """What a receiver does before it may answer: check, and store so that a power failure loses nothing."""
    with contextlib.ExitStack() as running:
        ours, theirs = Jeton(bench), Express(bench)
        samples, answered = {"jeton": [], "node, express": []}, {}
        for receiver in (ours, theirs):
            running.callback(receiver.stop)
            receiver.load(1, CONNECTIONS)
            answered[receiver] = receiver.stored()
        for _ in range(STORE_ROUNDS):
            for name, receiver in (("jeton", ours), ("node, express", theirs)):
                rate, count = receiver.load(STORE_S, CONNECTIONS)
                answered[receiver] += count
                samples[name].append({"rate": rate, "memory": round(receiver.busy, 2)})
        for receiver in (ours, theirs):
            if not 0 <= receiver.stored() - answered[receiver] <= (STORE_ROUNDS + 1) * CONNECTIONS:  # cut off at the end of a load
                raise WorkDiffers(f"listen: {receiver.stored()} events are stored, {answered[receiver]} were answered")
        note = ("signed events, stored by SQLite with synchronous = FULL; jeton also runs a handler for each. Memory: of all processes, "
            "under load, what they share (the program, libraries, pages since a fork) counted once")
    return row("listen", f"webhooks: verify and store, wrk -c{CONNECTIONS}", {name: medians(costs) for name, costs in samples.items()},
               [Goal("rate", "node, express", 2, least=True), Goal("memory", "node, express", 0.2)], samples, STORE_ROUNDS, note)


def run_all(receiver):
    """Commands a second, from the first event until the last command has ended."""
    before, began = lines(receiver.path("runs")), time.monotonic()
    _, count = receiver.load(RUN_S, RUN_CONNECTIONS)
    while lines(receiver.path("runs")) - before < count:
        if time.monotonic() - began > RUNS_MAX_S:
            raise WorkDiffers(f"listen-command: {lines(receiver.path('runs')) - before} of {count} commands have run")
        time.sleep(0.01)
    return (lines(receiver.path("runs")) - before) / (time.monotonic() - began)


def lines(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def command(bench):
    with contextlib.ExitStack() as running:
        samples = {"jeton": [], "webhook": []}
        receivers = {"jeton": JetonRunning(bench), "webhook": Webhook(bench)}
        for receiver in receivers.values():
            running.callback(receiver.stop)
        for _ in range(RUN_ROUNDS):
            for name, receiver in receivers.items():
                samples[name].append({"rate": round(run_all(receiver), 2), "memory": round(receiver.busy, 2)})
    note = "signed events, a command for each, until all have run. jeton stores each event before and after; webhook keeps nothing"
    return row("listen-command", "webhooks: verify and run a command", {name: medians(costs) for name, costs in samples.items()},
               (), samples, RUN_ROUNDS, note)


class Idle(Jeton):
    pass


def idle(bench):
    """One that has handled an event, and waits."""
    receiver = Idle(bench)
    try:
        receiver.load(1, 1)
        while receiver.handled() < receiver.stored():
            time.sleep(0.1)
        before = receiver.cpu()
        time.sleep(IDLE_S)
        cost = (receiver.cpu() - before) * 1e3 * 60 / IDLE_S
    finally:
        receiver.stop()
    return row("idle-listen", "a listener that nobody calls", {"jeton": {"cpu": round(cost, 2)}}, [Goal("cpu", None, 20)], None, 1,
               f"of a minute, measured over {IDLE_S} s")


RECEIVERS = {"listen": store, "listen-command": command, "idle-listen": idle}
