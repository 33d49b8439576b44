"""A state that hosts share: what a run costs beside one whose state is a folder, and a million events beside few."""

import hashlib
import hmac
import http.client
import json
import os
import re
import statistics
import subprocess
import tempfile
import time

import servers
from growth import series
from jobs import CONFIGURATION, JETON, ONE_CALL, Connector, ours, write
from measure import Goal, Job, Peer, WorkDiffers, row

SECRET = "a-secret-of-the-sender-0123456789"
SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "postgres.sh")
ROUND_TRIP_MS = 5
FAR_ROUNDS = 15
SEAM = {"store.c", "store_lease.c", "store_runs.c", "store_kv.c", "store_sqlite_engine.c"}  # what is there for two engines
EVENTS = (1_000, 1_000_000)
MANY = 3  # times as much as few events may many cost
DUE, OLD, LISTS = 20, 200, 10  # how many are added and claimed, and pruned; how often they are listed
WAIT_S = 60


class Postgres:
    """The server of the tests, with TLS on a port, and a pgbouncer before its socket."""

    def __init__(self, folder):
        self.folder = f"/tmp/jeton-bench-postgres-{os.getpid()}"  # where others may look, as the server is not root
        self.port = servers.free_port()
        self.root = os.path.join(folder, "root.pem")
        self.run("start")
        try:
            self.serve_tls(folder)
        except BaseException:
            self.stop()
            raise

    def serve_tls(self, folder):
        data, own = self.folder + "/data", os.path.join(folder, "postgres")
        os.mkdir(own)
        authority = servers.Authority(own)
        self.root = authority.root + ".pem"
        authority.server(data + "/server.key", data + "/server.pem")
        for name in ("server.key", "server.pem"):
            os.chmod(f"{data}/{name}", 0o600)
            os.chown(f"{data}/{name}", os.stat(data).st_uid, os.stat(data).st_gid)
        with open(data + "/postgresql.conf", "a", encoding="ascii") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nssl = on\nssl_cert_file = 'server.pem'\n"
                       "ssl_key_file = 'server.key'\nlog_line_prefix = ''\n")
        self.run("restart", "fast")

    def run(self, command, *arguments):
        subprocess.run([SCRIPT, command, self.folder, *arguments], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.run("stop")

    def sql(self, text, role="jeton"):
        done = subprocess.run(["psql", "-h", self.folder, "-p", str(self.port), "-U", role, "-d", "jeton", "-qAt",
                               "-v", "ON_ERROR_STOP=1", "-c", text], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def state(self, folder, schema, port=None, host="127.0.0.1"):
        """What `state:` says, and the name that it needs."""
        key = write(folder, "state.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
        found = {"url": f"postgresql://jeton@{host}:{port or self.port}/jeton?sslmode=verify-full", "key": {"file": key},
                 "ca_file": self.root, "schema": schema, "folder": os.path.join(folder, "host-" + schema)}
        return json.dumps(found) + "\nname: bench"


class Shared(Connector):
    """A connector whose state is in the database; of no limit of calls, unless it is said."""

    def __init__(self, bench, name, state, limit=0):
        self.file = write(bench.folder, name + ".yaml", CONFIGURATION.format(
            state=state, url=bench.nginx.url, id=bench.nginx.ID, secret=bench.nginx.SECRET, refresh=bench.nginx.REFRESH,
            limit=limit))
        subprocess.run(self.run("me.lua"), env=bench.env, check=True)


def with_server(make):
    def run(bench):
        server = Postgres(bench.folder)
        try:
            return make(bench, server)
        finally:
            server.stop()
            subprocess.run(["rm", "-r", os.path.join(bench.folder, "postgres")], check=True)
    return run


# --- a run -----------------------------------------------------------------------------------

@with_server
def cached(bench, server):
    server.run("pooler", "transaction", str(server.port))
    state = server.state(bench.folder, "cached")
    pooled = re.sub(r'"postgresql:[^"]*"', f'"postgresql://jeton@/jeton?host={server.folder}/pooler"', state)
    alone = Connector(bench.folder, "alone", bench.nginx.url, bench.nginx, limit=0)
    subprocess.run(alone.run("me.lua"), env=bench.env, check=True)
    job = Job("state-cached", "one call, token cached: state in PostgreSQL, TLS", [
        Peer("jeton", Shared(bench, "cached", state).run("me.lua")),
        Peer("through pgbouncer", Shared(bench, "pooled", pooled).run("me.lua")),
        Peer("state in a folder", alone.run("me.lua")),
    ], [], ONE_CALL, own=True)
    return bench.run(job)


@with_server
def a_job(bench, server):
    """A run of a job, whose script makes the same call: its lock, its row, its sign of life, and its end."""
    server.run("pooler", "transaction", str(server.port))
    peers = []
    for name, state in (("jeton", server.state(bench.folder, "job")), ("through pgbouncer", server.state(bench.folder, "job_pooled")),
                        ("state in a folder", os.path.join(bench.folder, "job-state"))):
        if name == "through pgbouncer":
            state = re.sub(r'"postgresql:[^"]*"', f'"postgresql://jeton@/jeton?host={server.folder}/pooler"', state)
        file = write(bench.folder, f"job-{len(peers)}.yaml", CONFIGURATION.format(
            state=state, url=bench.nginx.url, id=bench.nginx.ID, secret=bench.nginx.SECRET, refresh=bench.nginx.REFRESH, limit=0)
            + f"jobs: {{ me: {{ script: {ours('me.lua')} }} }}\n")
        command = [JETON, "-c", file, "run", "--job", "me"]
        subprocess.run(command, env=bench.env, check=True, stdout=subprocess.DEVNULL)
        peers.append(Peer(name, command, count=False))  # valgrind knows no pidfd
    return bench.run(Job("state-job", "a job, one call, token cached: state in PostgreSQL, TLS", peers, [], ONE_CALL, own=True))


def self_costs(path):
    """Instructions of each source file in what callgrind wrote, without those of what it calls."""
    names, costs, file, called = {}, {}, None, False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if where := re.match(r"(c?)f[lie]=\((\d+)\)(?: (.*))?$", line):  # c: of what is called
                names[where[2]] = where[3] or names[where[2]]
                file = file if where[1] else os.path.basename(names[where[2]])
            elif line.startswith("calls="):
                called = True
            elif cost := re.match(r"[+*-]?\d* ?(\d+)$", line):
                if not called:
                    costs[file] = costs.get(file, 0) + int(cost[1])
                called = False
    return costs


def seam(bench):
    """What a run with a state in a folder spends in the functions that stand between it and the engine."""
    connector = Connector(bench.folder, "seam", bench.nginx.url, bench.nginx)
    subprocess.run(connector.run("me.lua"), env=bench.env, check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        bench.execute(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", f"--log-file={folder}/log",
                       *connector.run("me.lua")], bench.env)
        costs = self_costs(folder + "/out")
    spent, whole = sum(costs.get(name, 0) for name in SEAM), sum(costs.values())
    if not spent:
        raise WorkDiffers("no function of the store was seen")
    return row("state-seam", "one call, token cached, state in a folder: the seam of the state",
               {"jeton": {"share": round(spent / whole, 6), "instructions": round(whole / 1e6, 2)}}, [Goal("share", None, 0.01)],
               None, 1, f"share: {spent:,} instructions in {', '.join(sorted(SEAM))}, of all")


@with_server
def far(bench, server):
    """The connection to the database takes five: TCP, what TLS is asked for, TLS, who it is, and that it may."""
    def make(name, port):
        schema = name.replace("-", "_")
        free = Shared(bench, name, server.state(bench.folder, schema, port))
        limited = Shared(bench, name + "-limited", server.state(bench.folder, schema + "_limited", port), 60_000)
        return {"jeton": (free.run("me.lua"), None), "with a limit of calls": (
            limited.run("me.lua"), lambda: server.sql(f"DELETE FROM {schema}_limited.bucket"))}
    file = write(bench.folder, "waits", "")
    line = servers.Relay(server.port, ROUND_TRIP_MS, file)
    results, samples = {}, {}
    try:
        for who, (command, prepare) in make("far", line.port).items():
            samples[who] = []
            for _ in range(FAR_ROUNDS):
                if prepare:
                    prepare()
                before = os.path.getsize(file)
                cost = bench.execute(command, bench.env)
                samples[who].append({"wall": cost["wall"], "count": os.path.getsize(file) - before})
            results[who] = {what: statistics.median(one[what] for one in samples[who]) for what in ("count", "wall")}
            results[who]["wall"] = round(results[who]["wall"], 2)
    finally:
        line.stop()
    return row("state-far", f"{ROUND_TRIP_MS} ms round trips to PostgreSQL, TLS: one call, token cached", results,
               [Goal("count", None, 6)], samples, FAR_ROUNDS, "count: round trips that are waited for")


# --- many events -----------------------------------------------------------------------------

# Indexes are made afterwards: that is several times as quick.
FILL = """\
CREATE TEMP TABLE kept AS SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = '{schema}' AND tablename = 'event'
  AND indexname NOT LIKE '%_pkey';
DO $$ DECLARE one record; BEGIN FOR one IN SELECT * FROM kept LOOP
  EXECUTE 'DROP INDEX {schema}.' || one.indexname; END LOOP; END $$;
INSERT INTO {schema}.event (hook, id, part, type, state, received_ms, next_ms, ended_ms, attempt, conflicts, duplicates,
  alone, made) SELECT (SELECT max(id) FROM {schema}.hook), convert_to('x' || n, 'UTF8'), 0, 'orders', state, n,
  CASE WHEN state = 1 THEN 9000000000000 END,
  CASE WHEN state > 1 THEN CASE WHEN n <= {old} THEN 1 ELSE 9000000000000 END END, 1, 0, 0, false, ''
  FROM (SELECT n, CASE WHEN n <= {old} OR n % 10 < 7 THEN 4 WHEN n % 10 = 7 THEN 8 ELSE 1 END AS state
    FROM generate_series(1, {number}) AS n) AS its;
DO $$ DECLARE one record; BEGIN FOR one IN SELECT * FROM kept LOOP EXECUTE one.indexdef; END LOOP; END $$;
ANALYZE {schema}.event;
"""


def statements(log):
    """Milliseconds of the server of each statement that the program has sent: parsed, planned, executed."""
    spent, found = 0.0, []
    for took, step, text in re.findall(r"LOG:  duration: ([\d.]+) ms  (parse|bind|execute) <unnamed>: (.*)", log):
        spent = float(took) if step == "parse" else spent + float(took)
        if step == "execute":
            found.append((text, spent))
    return found


def post(port, number):
    body = json.dumps({"id": f"due{number}"}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request("POST", "/orders", body, {"X-Sig": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()})
    if connection.getresponse().status != 200:
        raise WorkDiffers("an event was not stored")
    connection.close()


def use(bench, server, file, schema, port):
    """Adds and claims events, prunes what is old, lists; the log of that."""
    begun = os.path.getsize(server.folder + "/log")
    with open(os.path.join(bench.folder, "listen.log"), "w", encoding="utf-8") as log:
        listener = subprocess.Popen([JETON, "-c", file, "listen"], env=bench.env, stderr=log)
    try:
        servers.wait_for(port)
        for number in range(DUE):
            post(port, number)
        until = time.monotonic() + WAIT_S
        while int(server.sql(f"SELECT count(*) FROM {schema}.event WHERE state = 4 AND ended_ms < 9000000000000")) != DUE:
            if time.monotonic() > until:
                raise WorkDiffers(f"{schema}: the due events are not claimed, or the old ones not pruned")
            time.sleep(0.2)
        for _ in range(LISTS):
            subprocess.run([JETON, "-c", file, "events", "--limit", "100"], env=bench.env, check=True, stdout=subprocess.DEVNULL)
    finally:
        servers.stop(listener)
    with open(server.folder + "/log", encoding="utf-8") as log:
        log.seek(begun)
        return log.read()


@with_server
def many_events(bench, server):
    kinds = {"add": ("added AS (INSERT", []), "list": ("FROM unnest", []),
             "claim": ("FOR UPDATE SKIP LOCKED), counted", []), "prune": ("WITH those AS", [])}
    for number in EVENTS:
        schema = f"events_{number}"
        handler, port = write(bench.folder, "handler.lua", "return function() end\n"), servers.free_port()
        file = write(bench.folder, schema + ".yaml", f"version: 1\nstate: {server.state(bench.folder, schema)}\n"
                     f"listen: {{ address: 127.0.0.1:{port} }}\nwebhooks:\n  orders:\n    secret: {SECRET}\n"
                     "    verify: { kind: hmac, in: 'header:X-Sig' }\n    id: json:id\n"
                     f"    script: {handler}\n    max_waiting: 10000000\n")
        server.sql("ALTER ROLE jeton RESET log_min_duration_statement", "postgres")
        subprocess.run([JETON, "-c", file, "state", "check"], env=bench.env, check=True, stdout=subprocess.DEVNULL)
        server.sql(f"INSERT INTO {schema}.hook (key, scope) SELECT sha256(s), s FROM"
                   " (SELECT convert_to('hook:orders:name:bench', 'UTF8') AS s) AS its")
        server.sql(FILL.format(schema=schema, number=number, old=OLD))
        server.sql("ALTER ROLE jeton SET log_min_duration_statement = 0", "postgres")
        spent = statements(use(bench, server, file, schema, port))
        for sign, points in kinds.values():
            points.append([number, statistics.median(took for text, took in spent if sign in text)])
    return [series(f"state-events-{name}", f"PostgreSQL: {name} events", "events", "ms of the server", points,
                   points[1][1] / points[0][1] - 1, MANY - 1) for name, (_, points) in kinds.items()]


SHARED = {"state-cached": cached, "state-job": a_job, "state-seam": seam, "state-far": far}
SHARED_GROWTH = {"state-events": many_events}
