"""The jobs that are not one command: servers under load, a slow line, a shared limit, and doing nothing."""

import contextlib
import os
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time

import servers
from jobs import JETON, OAUTH2, Connector, ours, peer
from measure import Goal, WorkDiffers, counted, medians, row

LOAD_S, LOAD_ROUNDS, CONNECTIONS = 2, 3, 50
WARM_UP, COUNTED = 100, 400  # requests before and while instructions are counted
ROUND_TRIP_MS, LINE_ROUNDS = 50, 5
MESSAGES, PER_MINUTE, SENDERS = 10_000, 6_000, 8
SEND_TIMEOUT_S = 150
IDLE_S = 10


def wrk(url, token, seconds=LOAD_S, options=()):
    """Requests a second, and how many there were; all must have succeeded."""
    return loaded(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{int(seconds)}s", *options, "-H", "accessToken: " + token, url])


def loaded(command):
    """What wrk says of it: requests a second, and how many."""
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise WorkDiffers(f"{' '.join(command)}: {said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), int(re.search(r"(\d+) requests in", said).group(1))


# --- the sandbox under load ------------------------------------------------------------------

def instructions(bench, path, requests, *options, differing=False, groups=None, body=None):
    """Millions of instructions that the sandbox needs for one: of so many, after some to warm up, in which the collector has
    begun to go round. `groups`: of a tenant of so many, not the demo's. With a body they are POSTs."""
    log = os.path.join(bench.folder, "callgrind")
    sandbox = servers.Sandbox("--rate-limit", "0", *options, groups=groups, folder=bench.folder, prefix=(
        "valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null", "--log-file=" + log))
    try:
        token = sandbox.exchange()
        sandbox.ask_many(path, token, WARM_UP, differing, body=body)
        sandbox.count("on")
        sandbox.ask_many(path, token, requests, differing, WARM_UP, body)
        sandbox.count("off")
    finally:
        sandbox.stop()
    return round(counted(log) / 1e6 / requests, 4)


def note_of(bench, path):
    differing = instructions(bench, path, COUNTED, differing=True)
    return f"instructions: of one request that is the same again; of one that differs from those before: {differing:.2f}"


def users_me(bench):
    """Beside nginx with a reply of the same kind and about the same length."""
    sandbox, samples = bench.sandbox, {"jeton": [], "nginx, one worker": []}
    targets = (("jeton", sandbox.url, sandbox.exchange()), ("nginx, one worker", bench.nginx.url, bench.nginx.TOKEN))
    for _ in range(LOAD_ROUNDS):
        for name, url, token in targets:
            samples[name].append({"rate": wrk(url + "/v1/users/me", token)[0]})
    results = {name: medians(costs) for name, costs in samples.items()}
    results["jeton"].update(memory=round(sandbox.memory(), 2), instructions=instructions(bench, "/v1/users/me", COUNTED))
    return row("sandbox-me", f"sandbox, GET /v1/users/me, wrk -c{CONNECTIONS}", results,
               [Goal("rate", "nginx, one worker", 0.4, least=True)], samples, LOAD_ROUNDS, note_of(bench, "/v1/users/me"))


def groups(bench):
    token = bench.sandbox.exchange()
    samples = [{"rate": wrk(bench.sandbox.url + "/v1/groups", token)[0]} for _ in range(LOAD_ROUNDS)]
    result = {**medians(samples), "instructions": instructions(bench, "/v1/groups", COUNTED)}
    return row("sandbox-groups", f"sandbox, GET /v1/groups, demo tenant, wrk -c{CONNECTIONS}", {"jeton": result},
               [Goal("rate", None, 10_000, least=True)], None, LOAD_ROUNDS, note_of(bench, "/v1/groups"))


# --- round trips -----------------------------------------------------------------------------

def timed(bench, command, prepare):
    if prepare:
        prepare()
    return bench.execute(command, bench.env)["wall"]


CRITICAL = "count: round trips on the critical path"


def round_trips(bench, name, title, make, goals, target=None, round_trip_ms=ROUND_TRIP_MS, rounds=LINE_ROUNDS, note=CRITICAL):
    """How many are waited for one after the other: the time that a slow line adds, in units of its round trip."""
    lines = [servers.Relay(target or bench.nginx.tls_port, ms) for ms in (0, round_trip_ms)]
    walls = {}
    try:
        ways = [make(f"{name}-{i}", line.port) for i, line in enumerate(lines)]
        for _ in range(rounds + 1):
            for who in ways[0]:
                walls.setdefault(who, []).append([timed(bench, *way[who]) for way in ways])
    finally:
        for line in lines:
            line.stop()
    results = {}
    for who, pairs in walls.items():
        near, far = map(min, zip(*pairs[1:]))  # what a busy machine adds is no round trip
        results[who] = {"count": round((far - near) / round_trip_ms), "wall": round(far, 2)}
    samples = {who: [{"wall": far} for _, far in pairs[1:]] for who, pairs in walls.items()}
    return row(name, title, results, goals, samples, rounds, note)


def cached_far(bench):
    def make(name, port):
        url = f"https://127.0.0.1:{port}"
        connector = Connector(bench.folder, name, url, bench.nginx)
        curl = ["curl", "-sf", "-H", "accessToken: " + bench.nginx.TOKEN, url + "/v1/users/me"]
        return {"jeton": (connector.run("me.lua"), None), "curl, token in hand": (curl, None)}
    return round_trips(bench, "far-cached", f"{ROUND_TRIP_MS} ms round trips, HTTPS: first reply, token cached", make,
                       [Goal("count", None, 3)])


def exchange_far(bench):
    def make(name, port):
        url = f"https://127.0.0.1:{port}"
        connector = Connector(bench.folder, name, url, bench.nginx)
        shell = ["bash", peer("me.sh"), url, bench.nginx.REFRESH]
        return {"jeton": (connector.run("me.lua"), connector.forget), "bash, curl, jq": (shell, None)}
    return round_trips(bench, "far-exchange", f"{ROUND_TRIP_MS} ms round trips, HTTPS: first reply after an exchange", make,
                       [Goal("count", None, 4)], note=CRITICAL + "; token service and API are one host here")


def two_hosts_far(bench):
    """Each host has a line of its own: 127.0.0.1 and localhost are two to a client."""
    def make(name, port):
        connector = Connector(bench.folder, name, f"https://127.0.0.1:{port}", bench.nginx, template=OAUTH2.replace(
            "{api}", f"https://localhost:{port}"))
        return {"jeton": (connector.run("call.lua"), connector.forget)}
    return round_trips(bench, "far-two-hosts", f"{ROUND_TRIP_MS} ms round trips, HTTPS: the same, the API at another host", make,
                       [Goal("count", None, 4)], note=CRITICAL + "; HTTP/2, so that the connection to the API is made while the "
                       "token is fetched. With HTTP/1.1 libcurl closes it, and there are two round trips more")


# --- a limit that processes share ------------------------------------------------------------

def throttled(bench):
    """So many messages by several processes of one state, to a sandbox that allows no more than the limit a minute."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        kept = os.path.join(folder, "sandbox.db")
        sandbox = servers.Sandbox("--rate-limit", f"{PER_MINUTE},{PER_MINUTE}", "--db", kept)
        try:
            took, refused = send_all(bench, sandbox)
        finally:
            sandbox.stop()
        with contextlib.closing(sqlite3.connect(kept)) as db:
            sent = [at for (at,) in db.execute("SELECT sent_at FROM messages ORDER BY number")]
    results = {"jeton": {"rate": round(len(sent) / took, 2), "share": share_of(sent), "refused": refused}}
    note = (f"{len(sent):,} messages in {took:.0f} s: a minute's may go at once; share: of the limit, by how long after a message "
            f"the {PER_MINUTE:,}th behind it comes, which may be after a minute; refused: answers 429")
    return row("throttled", f"{MESSAGES:,} messages at {PER_MINUTE:,} a minute, {SENDERS} processes", results,
               [Goal("share", None, 0.97, least=True), Goal("refused", None, 0)], None, 1, note)


def share_of(sent, limit=PER_MINUTE):
    """Of what may be sent in a minute; by the times of all, in seconds, as the sandbox counts."""
    waits = [later - at for at, later in zip(sent, sent[limit:])]
    return round(60 / statistics.mean(waits), 4) if waits else 0.0


def send_all(bench, sandbox):
    """How long it took, and how many calls were refused."""
    connector = Connector(bench.folder, "throttled", sandbox.url, sandbox, PER_MINUTE)
    subprocess.run(connector.run("me.lua"), env=bench.env, check=True)
    command = connector.run("send.lua", str(MESSAGES // SENDERS))
    log = os.path.join(bench.folder, "throttled.log")
    began = time.monotonic()
    with open(log, "w", encoding="utf-8") as file:
        running = [subprocess.Popen(command, env=bench.env, stderr=file) for _ in range(SENDERS)]
        end_all(running, began + SEND_TIMEOUT_S)
    took = time.monotonic() - began
    with open(log, encoding="utf-8") as file:
        return took, sum("429" in line for line in file)


def end_all(running, until):
    """Those that are not done by then are stopped: what was sent until then counts."""
    for process in running:
        try:
            process.wait(timeout=max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
    for process in running:
        if process.poll() is None:
            servers.stop(process)


# --- doing nothing ---------------------------------------------------------------------------

def cpu_of(bench, seconds):
    return bench.execute([JETON, "run", ours("sleep.lua"), str(seconds)], bench.env)["cpu"]


def idle(bench):
    """What a minute of waiting costs, by a part of it: of a script without its start, and of a sandbox."""
    sandbox = servers.Sandbox()
    try:
        start = min(cpu_of(bench, 0) for _ in range(5))
        before = sandbox.cpu()
        script = max(0.0, cpu_of(bench, IDLE_S) - start)
        server = (sandbox.cpu() - before) * 1e3
    finally:
        sandbox.stop()
    share = 60 / IDLE_S
    return [row("idle-" + name, title, {"jeton": {"cpu": round(cost * share, 2)}}, [Goal("cpu", None, 20)], None, 1,
                f"of a minute, measured over {IDLE_S} s")
            for name, title, cost in (("run", "a script that sleeps", script), ("sandbox", "a sandbox that nobody asks", server))]


RATES = {"sandbox-me": users_me, "sandbox-groups": groups, "far-cached": cached_far, "far-exchange": exchange_far, "far-two-hosts": two_hosts_far,
         "throttled": throttled, "idle": idle}
