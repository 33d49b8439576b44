"""The jobs that are commands: what jeton runs, and what its peers run for the same work."""

import json
import os
import random
import subprocess

import servers
from measure import Goal, Job, Peer

HERE = os.path.dirname(os.path.abspath(__file__))
JETON, BUILD = os.environ["JETON"], os.environ["BUILD"]
PYTHON = "/usr/bin/python3"  # whatever else is in PATH: this one has Debian's packages
NODE = "/usr/bin/node"
MIB = 1024 * 1024

GETS, PARALLEL, AT_ONCE = 2000, 5000, 50
SCHEDULED, CONNECTORS = 500, 200
JSON_ROWS = 96_300
UPLOAD_MIB = 200

COLD = {"GET /v1/accessToken 200": 1, "GET /v1/groups 200": 1, "POST /v1/groups/ID/messages 200": 1}
ONE_CALL = {"GET /v1/users/me 200": 1}

CONFIGURATION = """\
version: 1
state: {state}
connectors:
  service:
    provider: kaizala
    token_service: {url}/v1
    application_id: {id}
    application_secret: {secret}
    refresh_token: {refresh}
    rate_limit: {{ per_minute: {limit}, tenant_per_minute: {limit} }}
"""
OAUTH2 = """\
version: 1
state: {state}
connectors:
  service:
    provider: oauth2
    token_url: {url}/token
    endpoint: {api}
    client_id: {id}
    client_secret: {secret}
    refresh_token: {refresh}
"""


def ours(name):
    return os.path.join(HERE, "ours", name)


def peer(name):
    return os.path.join(HERE, "peers", name)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


class Connector:
    """A configuration with one connector, and a state of its own."""

    def __init__(self, folder, name, url, account, limit=60_000, template=CONFIGURATION):
        self.state = os.path.join(folder, "state-" + name)
        self.file = write(folder, name + ".yaml", template.format(
            state=self.state, url=url, id=account.ID, secret=account.SECRET, refresh=account.REFRESH, limit=limit))

    def run(self, script, *arguments):
        return [JETON, "-c", self.file, "run", ours(script), *arguments]

    def forget(self):
        """Makes the next run exchange anew, in a state that is there already, as it is for all runs but one."""
        subprocess.run(self.run("forget.lua"), check=True)


# --- exchange, list, message -----------------------------------------------------------------

def cold(bench, name, title, url, goals):
    """The cold job over one of nginx's ports, and what people do without jeton."""
    account = bench.nginx
    connector = Connector(bench.folder, name, url, account)
    folder = os.path.join(bench.folder, "kept-" + name)
    os.makedirs(folder, exist_ok=True)
    bare = [os.path.join(BUILD, "cold"), url, account.REFRESH]
    others = [url, account.REFRESH]
    return Job(name, title, [
        Peer("jeton", connector.run("cold.lua"), prepare=connector.forget),
        Peer("bare C, storing", [*bare, folder]),
        Peer("bare C", bare),
        Peer("bash, curl, jq", ["bash", peer("cold.sh"), *others]),
        Peer("lua5.4, luasec" if url.startswith("https") else "lua5.4, luasocket", ["lua5.4", peer("cold.lua"), *others]),
        Peer("python3, requests", [PYTHON, peer("cold.py"), *others], count=False),
        Peer("node, fetch", [NODE, "--use-openssl-ca", peer("cold.mjs"), *others], count=False),
    ], goals, COLD)


def cold_http(bench):
    return cold(bench, "cold-http", "exchange, list of 110 groups, message; token stored", bench.nginx.url, [
        Goal("wall", "bare C, storing", 1.25), Goal("wall", "bare C", 1.40), Goal("wall", "bash, curl, jq", 0.12),
        Goal("memory", None, 12.8), Goal("instructions", None, 24)])


def cold_https(bench):
    return cold(bench, "cold-https", "the same over HTTPS, all roots of the system trusted", bench.nginx.tls_url,
                [Goal("wall", "bare C", 0.65)])


def cached_https(bench):
    nginx = bench.nginx
    connector = Connector(bench.folder, "cached-https", nginx.tls_url, nginx)
    subprocess.run(connector.run("me.lua"), env=bench.env, check=True)
    return Job("cached-https", "one call, token cached, HTTPS", [
        Peer("jeton", connector.run("me.lua")),
        Peer("curl, token in hand", ["curl", "-sf", "-H", "accessToken: " + nginx.TOKEN, nginx.tls_url + "/v1/users/me"]),
    ], [Goal("wall", "curl, token in hand", 0.4)], ONE_CALL)


# --- without a network -----------------------------------------------------------------------

def start(_bench):
    return Job("start", "start: return true", [
        Peer("jeton", [JETON, "run", ours("start.lua")]), Peer("lua5.4", ["lua5.4", ours("start.lua")]),
    ], [Goal("wall", "lua5.4", 1.2)])


def fib(_bench):
    return Job("fib", "fib(27)", [
        Peer("jeton", [JETON, "run", ours("fib.lua")]), Peer("lua5.4", ["lua5.4", ours("fib.lua")]),
    ], says=True, rounds=10)


def decode(bench):
    rows = [{"id": i, "name": f"Row {i} of the report", "email": f"person.{i}@example.com", "price": i * 0.25,
             "tags": ["new", "open"], "open": i % 2 == 0, "note": None} for i in range(JSON_ROWS)]
    file = write(bench.folder, "rows.json", json.dumps({"rows": rows}, separators=(",", ":")))
    size = os.path.getsize(file) / 1e6
    return Job("json", f"{size:.1f} MB of JSON decoded", [
        Peer("jeton", [JETON, "run", ours("decode.lua"), file]),
        Peer("python3, json", [PYTHON, peer("decode.py"), file]),
        Peer("lua5.4, cjson", ["lua5.4", peer("decode.lua"), file], count=False),
        Peer("node, JSON.parse", [NODE, peer("decode.mjs"), file], count=False),
    ], [Goal("wall", "python3, json", 0.7), Goal("memory", "python3, json", 0.6)], says=True, rounds=10)


def scheduled(bench):
    """A configuration of many jobs, which `cron` reads."""
    zones = ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney"]
    lines = [f"version: 1\nstate: {bench.folder}/state-jobs\njobs:\n"]
    for i in range(SCHEDULED):
        lines.append(f"  job-{i}:\n    script: {ours('start.lua')}\n    schedule: \"{i % 60} {i % 24} * * 1-5\"\n"
                     f"    timezone: {zones[i % len(zones)]}\n    args: {json.dumps({'number': i})}\n")
    return write(bench.folder, "jobs.yaml", "".join(lines))


def cron(verb):
    def make(bench):
        return Job("cron-" + verb, f"cron {verb} of {SCHEDULED} jobs", [
            Peer("jeton", [JETON, "-c", scheduled(bench), "cron", verb]), Peer("jeton --version", [JETON, "--version"]),
        ], [Goal("wall", "jeton --version", 2)])
    return make


def many_connectors(bench):
    """A configuration of many connectors, each with a token in the state."""
    service = servers.token_service(CONNECTORS)
    url = f"http://127.0.0.1:{service.server_port}"
    lines = [f"version: 1\nstate: {bench.folder}/state-connectors\nconnectors:\n"]
    for i in range(CONNECTORS):
        lines.append(f"  service-{i}:\n    provider: oauth2\n    token_url: {url}/{i}/token\n"
                     f"    client_id: client-{i}\n    client_secret: {{ env: SECRET_{i} }}\n"
                     f"    refresh_token: {{ env: REFRESH_{i} }}\n    scope: [read, write]\n    endpoint: {url}/{i}/v2\n")
    file = write(bench.folder, "connectors.yaml", "".join(lines))
    secrets = {f"{name}_{i}": f"{name}-{i}" for name in ("SECRET", "REFRESH") for i in range(CONNECTORS)}
    subprocess.run([JETON, "-c", file, "check", "--online"], env={**bench.env, **secrets}, check=True,
                   stdout=subprocess.DEVNULL)
    service.shutdown()
    return file


def token_table(bench):
    return Job("token-table", f"token --json of {CONNECTORS} connectors", [
        Peer("jeton", [JETON, "-c", many_connectors(bench), "token", "--json"]),
        Peer("jeton --version", [JETON, "--version"]),
    ], [Goal("wall", "jeton --version", 3)])


# --- many requests ---------------------------------------------------------------------------

def gets(bench):
    arguments = [bench.nginx.url, str(GETS)]
    return Job("gets", f"{GETS:,} GETs one after the other", [
        Peer("jeton", [JETON, "run", ours("gets.lua"), *arguments]),
        Peer("bare C", [os.path.join(BUILD, "gets"), *arguments]),
        Peer("python3, requests", [PYTHON, peer("gets.py"), *arguments], count=False),
    ], [Goal("wall", "bare C", 1.10), Goal("instructions", "bare C", 1.35)],
        {"GET /item/N 200": GETS}, says=True, rounds=10)


def parallel(bench):
    url = bench.nginx.url
    arguments = [url, str(PARALLEL), str(AT_ONCE)]
    curl = ["curl", "-sf", "--parallel", "--parallel-max", str(AT_ONCE), "-o", bench.folder + "/item",
            f"{url}/item/[1-{PARALLEL}]"]
    return Job("parallel", f"{PARALLEL:,} GETs, {AT_ONCE} at once, decoded (curl does not decode)", [
        Peer("jeton", [JETON, "run", ours("parallel.lua"), *arguments]),
        Peer("curl --parallel", curl),
        Peer("python3, aiohttp", [PYTHON, peer("parallel.py"), *arguments], count=False),
        Peer("node, fetch", [NODE, peer("parallel.mjs"), *arguments], count=False),
    ], [Goal("wall", "curl --parallel", 0.6), Goal("wall", "python3, aiohttp", 0.1)],
        {"GET /item/N 200": PARALLEL}, rounds=8)


def subscribers(bench):
    connector = Connector(bench.folder, "subscribers", bench.nginx.url, bench.nginx)
    subprocess.run(connector.run("me.lua"), env=bench.env, check=True)
    group, page = servers.GROUP_ID.format(1), "GET /v1/groups/ID/subscribers 200"
    walk = connector.run("subscribers.lua", group)
    work = {page: servers.SUBSCRIBERS // servers.PAGE}
    return Job("subscribers", f"{servers.SUBSCRIBERS:,} subscribers walked by iterator", [
        Peer("jeton", [*walk, str(servers.SUBSCRIBERS)], work, count=False),
        Peer("its first page", [*walk, str(servers.PAGE)], {page: 1}, count=False),
    ], [Goal("memory", None, 14), Goal("memory", "its first page", 1.1)], own=True, rounds=3)


def upload(bench):
    """Into sandboxes of their own, as each keeps what it gets. The file is written, not sparse."""
    sandbox = bench.sandbox
    connector = Connector(bench.folder, "upload", sandbox.url, sandbox)
    film = os.path.join(bench.folder, "film.mp4")
    with open(film, "wb") as file:
        for _ in range(UPLOAD_MIB):
            file.write(random.randbytes(MIB))
    curl = ["curl", "-sf", "-H", "accessToken: " + sandbox.exchange(), "-F", f"files=@{film};type=video/mp4",
            sandbox.url + "/v1/media"]
    return Job("upload", f"{UPLOAD_MIB} MiB uploaded to the sandbox", [
        Peer("jeton", connector.run("upload.lua", film), count=False), Peer("curl -F", curl, count=False),
    ], [Goal("wall", "curl -F", 0.85)], rounds=3)


# --- masking ---------------------------------------------------------------------------------

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


def mask(bench):
    """Against grep, which removes nothing, and for which the output is counted only so that it reads all."""
    random.seed(1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    secrets = ["".join(random.choices(letters, k=40)) for _ in range(1000)]
    many = write(bench.folder, "many", "\n".join(secrets) + "\n")
    text = write(bench.folder, "text", lines_with_secrets(4 * MIB, secrets))
    return Job("mask", "1,000 secrets masked in 4 MiB", [
        Peer("jeton", [BUILD + "/mask", many, text]),
        Peer("grep -F -f", ["sh", "-c", 'LC_ALL=C grep -F -f "$0" "$1" | wc -c', many, text], count=False),
    ], rounds=6)


def mask_alike(unit):
    """Texts that are all alike: half of the work is 0.5 if the cost is linear, and 0.25 if it is quadratic."""
    def make(bench):
        alike = write(bench.folder, "alike", "a" * 16000 + "\n")
        once, twice = (write(bench.folder, f"same-{n}", unit * (n * 2 * MIB // len(unit))) for n in (1, 2))
        return Job("mask-" + unit.strip("\\%"), f"16,000 times a, masked in 2 MiB of {unit}", [
            Peer("jeton", [BUILD + "/mask", alike, once], count=False),
            Peer("the same in 4 MiB", [BUILD + "/mask", alike, twice], count=False),
        ], own=True, rounds=5)
    return make


JOBS = {
    "cold-http": cold_http, "cold-https": cold_https, "cached-https": cached_https, "start": start, "gets": gets,
    "parallel": parallel, "json": decode, "upload": upload, "subscribers": subscribers, "cron-next": cron("next"),
    "cron-show": cron("show"), "token-table": token_table, "fib": fib, "mask": mask, "mask-a": mask_alike("a"),
    "mask-61": mask_alike("%61"), "mask-u0061": mask_alike("\\u0061"), "mask-YWFh": mask_alike("YWFh"),
}
