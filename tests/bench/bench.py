#!/usr/bin/env python3
"""Benchmarks against peers, in turns within one run: what counts are the ratios, not the times of this machine.

usage: bench.py [ROUNDS]    JETON is the program, MEASURE and MASK what was made of measure.c and mask.c; 15 rounds
                            by default
"""

import http.server
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading

JETON, MEASURE, MASK = os.environ["JETON"], os.environ["MEASURE"], os.environ["MASK"]
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
JOBS = 500
CONNECTORS = 200
MIB = 1024 * 1024

CONFIGURATION = """\
version: 1
state: {state}
connectors:
  sandbox:
    provider: kaizala
    token_service: {url}/v1
    application_id: {id}
    application_secret: {secret}
    refresh_token: {token}
    rate_limit: {{ per_minute: 0, tenant_per_minute: 0 }}
"""

POST_LUA = """\
local group = require "kaizala".connect():groups():next()
group:send_message "Hello"
"""

# What people do without jeton.
POST_SH = """\
set -euo pipefail
reply=$(curl -sf -H "applicationId: {id}" -H "applicationSecret: {secret}" -H "refreshToken: {token}" {url}/v1/accessToken)
token=$(jq -r .accessToken <<<"$reply")
endpoint=$(jq -r .endpointUrl <<<"$reply")
group=$(curl -sf -H "accessToken: $token" "${{endpoint%/}}/v1/groups" | jq -r '.groups[0].groupId')
jq -n --arg text Hello '{{message: $text}}' |
    curl -sf -H "accessToken: $token" -H "Content-Type: application/json" -d @- \\
        "${{endpoint%/}}/v1/groups/$group/messages" >/dev/null
"""

FIB = "local function f(n) if n < 2 then return n end return f(n - 1) + f(n - 2) end print(f(27))\n"


class Sandbox:
    def __init__(self):
        self.process = subprocess.Popen([JETON, "sandbox", "--listen", "127.0.0.1:0", "--rate-limit", "0"],
                                        stdout=subprocess.PIPE, text=True)
        said = {}
        for line in self.process.stdout:
            found = re.match(r"(listening on|application ID|secret|refresh token)\s+(\S+)$", line)
            if found:
                said[found.group(1)] = found.group(2)
            elif line.startswith("An access token:"):
                self.url = said["listening on"]
                self.id, self.secret, self.token = said["application ID"], said["secret"], said["refresh token"]
                return
        raise SystemExit("bench: the sandbox did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run(command, env):
    """Seconds of wall clock, of the processor, and the peak of its largest process in KiB."""
    done = subprocess.run([MEASURE, *command], env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)} failed ({done.returncode})")
    return [float(value) for value in done.stdout.split()]


def compare(name, ours, peer, env, fresh=None):
    """One row of the table: both in turns."""
    results = {"ours": [], "peer": []}
    for _ in range(ROUNDS):
        if fresh:
            fresh()
        results["ours"].append(run(ours, env))
        results["peer"].append(run(peer, env))
    columns = []
    for i, unit in enumerate((1e-3, 1e-3, 1024)):
        mine, other = (statistics.median(result[i] for result in results[who]) / unit for who in ("ours", "peer"))
        columns.append(f"{mine:8.1f} {other:8.1f} {mine / other:6.2f}")
    print(f"{name:<48} {'  '.join(columns)}", flush=True)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


def many_jobs(state):
    zones = ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney"]
    lines = [f"version: 1\nstate: {state}\njobs:\n"]
    for i in range(JOBS):
        lines.append(f"  job-{i}:\n    script: fib.lua\n    schedule: \"{i % 60} {i % 24} * * 1-5\"\n"
                     f"    timezone: {zones[i % len(zones)]}\n    args: {json.dumps({'number': i})}\n")
    return "".join(lines)


class TokenService(http.server.BaseHTTPRequestHandler):
    """Gives each connector a token and rotates its refresh token."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        reply = json.dumps({"access_token": "a" * 900 + self.path, "token_type": "Bearer", "expires_in": 3600,
                            "refresh_token": "r" * 900 + self.path, "scope": "read write"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def fill_state(folder, env):
    """The configuration of many connectors, each with a token in the state."""
    http.server.ThreadingHTTPServer.request_queue_size = 2 * CONNECTORS  # they all come at once
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenService)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    configuration = write(folder, "connectors.yaml", many_connectors(
        os.path.join(folder, "connectors"), f"http://127.0.0.1:{server.server_port}"))
    secrets = {f"{name}_{i}": f"{name}-{i}" for name in ("SECRET", "REFRESH") for i in range(CONNECTORS)}
    subprocess.run([JETON, "-c", configuration, "check", "--online"], env={**env, **secrets}, check=True,
                   stdout=subprocess.DEVNULL)
    server.shutdown()
    return configuration


def many_connectors(state, service):
    lines = [f"version: 1\nstate: {state}\nconnectors:\n"]
    for i in range(CONNECTORS):
        lines.append(f"  service-{i}:\n    provider: oauth2\n    token_url: {service}/{i}/token\n"
                     f"    client_id: client-{i}\n    client_secret: {{ env: SECRET_{i} }}\n"
                     f"    refresh_token: {{ env: REFRESH_{i} }}\n    scope: [read, write]\n"
                     f"    endpoint: {service}/{i}/v2\n")
    return "".join(lines)


def lines_with_secrets(size, secrets):
    """Lines of words; every hundredth or so has a secret in it."""
    words = ["".join(random.choices("etaoinshrdlucm", k=random.randint(2, 9))) for _ in range(5000)]
    out = []
    while size > 0:
        line = random.choices(words, k=12)
        if random.random() < 0.01:
            line.append(random.choice(secrets))
        out.append(" ".join(line) + "\n")
        size -= len(out[-1])
    return "".join(out)


def compare_masking(folder, env):
    """Against grep; and against itself on twice the text: 0.5 is linear, and 0.25 would be quadratic."""
    random.seed(1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    secrets = ["".join(random.choices(letters, k=40)) for _ in range(1000)]
    many, alike = write(folder, "many", "\n".join(secrets) + "\n"), write(folder, "alike", "a" * 16000 + "\n")
    text = lines_with_secrets(64 * MIB, secrets)
    half, whole = write(folder, "half", text[:len(text) // 2]), write(folder, "whole", text)
    # Into a pipe: it stops at the first match where its output goes to /dev/null.
    grep = ["sh", "-c", 'LC_ALL=C grep -F -f "$0" "$1" | wc -c', many, whole]
    compare("mask 1000 secrets in 64 MiB | grep -F -f", [MASK, many, whole], grep, env)
    compare("mask 32 MiB | 64 MiB", [MASK, many, half], [MASK, many, whole], env)
    for name, unit in (("a", "a"), ("%61", "%61"), ("\\u0061", "\\u0061"), ("YWFh", "YWFh")):
        once, twice = (write(folder, f"same-{n}", unit * (n * 4 * MIB // len(unit))) for n in (1, 2))
        compare(f"mask 16000 times a in 4 MiB of {name} | 8 MiB", [MASK, alike, once], [MASK, alike, twice], env)


def main():
    clean = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    with tempfile.TemporaryDirectory(prefix="jeton-bench-") as folder:
        env = {**clean, "HOME": folder}
        sandbox = Sandbox()
        try:
            values = {"url": sandbox.url, "id": sandbox.id, "secret": sandbox.secret, "token": sandbox.token}
            state = os.path.join(folder, "state")
            database = os.path.join(state, "jeton.db")
            configuration = write(folder, "jeton.yaml", CONFIGURATION.format(state=state, **values))
            post, shell = write(folder, "post.lua", POST_LUA), write(folder, "post.sh", POST_SH.format(**values))
            fib = write(folder, "fib.lua", FIB)
            jobs = write(folder, "jobs.yaml", many_jobs(state))
            connectors = fill_state(folder, env)

            def forget():
                for end in ("", "-wal", "-shm", "-journal"):
                    if os.path.exists(database + end):
                        os.unlink(database + end)

            print(f"{ROUNDS} rounds in turns, medians: jeton, its peer, and the ratio\n")
            print(f"{'':<48} {'  '.join(f'{head:>24}' for head in ('wall ms', 'CPU ms', 'largest process MiB'))}")
            scripted = [JETON, "-c", configuration, "run", post]
            compare("exchange, list, post | bash, curl, jq", scripted, ["bash", shell], env, forget)
            compare("the same, token cached | bash, curl, jq", scripted, ["bash", shell], env)
            compare("--version | lua5.4 -e ''", [JETON, "--version"], ["lua5.4", "-e", ""], env)
            compare("fib(27) | lua5.4", [JETON, "run", fib], ["lua5.4", fib], env)
            for verb in ("next", "show"):
                compare(f"cron {verb}, {JOBS} jobs | jeton --version", [JETON, "-c", jobs, "cron", verb],
                        [JETON, "--version"], env)
            compare(f"token --json, {CONNECTORS} cached | jeton --version",
                    [JETON, "-c", connectors, "token", "--json"], [JETON, "--version"], env)
            compare_masking(folder, env)
        finally:
            sandbox.stop()


if __name__ == "__main__":
    main()
