"""How costs grow: of a script with its requests and tasks, of the sandbox with what it holds and has served."""

import os
import statistics
import tempfile

import servers
from jobs import JETON, ours, peer
from measure import Job, Peer
from rates import COUNTED, WARM_UP, instructions, wrk

LINEAR = 0.15  # how far the cost of one more may differ between few and many
REQUESTS = (1, 10, 100, 1000, 10_000)
TASKS = (1, 10, 100, 1000)
OPEN = 64  # connections that jeton opens at most
GROUPS = (3, 30, 300, 2500)
POSTED, FILL_S = 200, (0, 2, 4)  # messages that are counted, and seconds in which others are sent before
SLOTS, SLOT_S = 8, 1
DIFFERING = ("-s", peer("differ.lua"))  # so that the sandbox works anew for each
LONG = 1_000_000  # requests, where the bench may take longer


def series(name, title, x, unit, points, grown, limit=LINEAR):
    """`points`: [x, y], of which y should be about the same everywhere; `grown`: by how much it is not."""
    return {"name": name, "title": title, "x": x, "unit": unit, "points": [[x, round(y, 3)] for x, y in points],
            "grown": round(grown, 3), "limit": limit, "met": grown <= limit}


def range_of(points):
    values = [y for _, y in points]
    return max(values) / min(values) - 1


def trend_of(points, of=statistics.median):
    """Of many points, each of which has its own noise: the later half beside the earlier one."""
    values, half = [y for _, y in points], len(points) // 2
    return of(values[half:]) / of(values[:half]) - 1


def one_more(costs):
    """The cost of each beyond the first, which also pays for the start: of [n, cost]."""
    _, first = costs[0]
    return [[n, (cost - first) / (n - 1)] for n, cost in costs[1:]]


def in_script(bench, name, title, x, numbers, make, before=0):
    """By thousands of instructions, as time is too short for one and too noisy for few. `before`: requests that come first."""
    costs = []
    for n in numbers:
        job = Job(name, title, [], work={"GET /item/N 200": before + n})
        costs.append([n, bench.instructions(job, Peer("jeton", make(n))) * 1e3])
    points = one_more(costs)
    return series(name, title, x, "thousand instructions", points, range_of(points))


def requests(bench):
    return in_script(bench, "grow-requests", "Another request, in turn", "requests in the run", REQUESTS,
                     lambda n: [JETON, "run", ours("gets.lua"), bench.nginx.url, str(n)])


def tasks(bench):
    """Each of the first ones also opens a connection, as many as there may be: this is done before."""
    return in_script(bench, "grow-tasks", "Another task, all at once, connections open", "tasks at once", TASKS,
                     lambda n: [JETON, "run", ours("tasks.lua"), bench.nginx.url, str(n), str(OPEN)], OPEN)


# --- the sandbox: microseconds of the processor a request ------------------------------------

def cost(sandbox, url, token):
    """Of one request, and how many there were."""
    before = sandbox.cpu()
    _, count = wrk(url, token, SLOT_S, DIFFERING)
    return (sandbox.cpu() - before) / count * 1e6, count


def by_groups(bench):
    """By instructions: each number has a sandbox of its own, and their times differ by more than what is looked for."""
    path = f"/v1/groups/{servers.GROUP_ID.format(1)}"
    points = [[groups, instructions(bench, path, COUNTED, differing=True, groups=groups) * 1e3] for groups in GROUPS]
    return series("grow-groups", "Sandbox: GET of a group", "groups of the tenant", "thousand instructions", points,
                  range_of(points))


def by_messages(bench):
    """By instructions, too. The file is in memory: to fill it, no disk is waited for."""
    path, points = f"/v1/groups/{servers.GROUP_ID.format(1)}/messages", []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        kept = ("--db", os.path.join(folder, "sandbox.db"))
        for seconds in FILL_S:
            messages = fill(bench, path, kept, seconds) + WARM_UP
            points.append([messages, instructions(bench, path, POSTED, *kept, groups=GROUPS[0], body='{"message":"Hello"}') * 1e3])
    return series("grow-messages", "Sandbox: POST of a message", "messages of the group", "thousand instructions", points,
                  range_of(points))


def fill(bench, path, kept, seconds):
    """Posts messages for so long; returns how many there are then."""
    sandbox = servers.Sandbox("--rate-limit", "0", *kept, groups=GROUPS[0], folder=bench.folder)
    try:
        if seconds:
            wrk(sandbox.url + path, sandbox.exchange(), seconds, ("-s", peer("post.lua")))
        return sandbox.state()["counts"]["messages"]
    finally:
        sandbox.stop()


def by_requests(bench):
    """By time; and the memory."""
    long = bool(os.environ.get("BENCH_LONG"))
    sandbox = servers.Sandbox("--rate-limit", "0", groups=GROUPS[0], folder=bench.folder)
    try:
        token, done, points, memory = sandbox.exchange(), 0, [], []
        while len(points) <= SLOTS or (long and done < LONG):
            each, count = cost(sandbox, sandbox.url + "/v1/users/me", token)
            done += count
            points.append([done, each])
            memory.append([done, sandbox.memory()])
    finally:
        sandbox.stop()
    points, memory = points[1:], memory[1:]  # the first slot warms up
    return [series("grow-served", "Sandbox: GET of users/me", "requests served", "µs of the processor", points, trend_of(points)),
            series("grow-memory", "Sandbox: memory", "requests served", "MiB", memory, trend_of(memory, max))]


GROWTH = {"grow-requests": requests, "grow-tasks": tasks, "grow-groups": by_groups, "grow-messages": by_messages,
          "grow-served": by_requests}
