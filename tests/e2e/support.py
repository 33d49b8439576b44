"""What end-to-end tests share: a private folder, a clean environment, jeton and its sandbox as processes."""

import concurrent.futures
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import faketime

JETON = os.environ["JETON"]
JETON_FAULTY = os.environ["JETON_FAULTY"]
SOURCE = os.environ["JETON_SOURCE"]


def cached(name):
    """A variable of CMake's cache, or None."""
    with open(os.path.join(os.environ["JETON_BUILD"], "CMakeCache.txt"), encoding="utf-8") as cache:
        for line in cache:
            if line.startswith(name + ":"):
                return line.rstrip("\n").partition("=")[2]
    return None


SANITIZED = cached("JETON_SANITIZE") == "ON"  # slower, and far larger
PATIENCE = 240  # seconds that something may take before it counts as hanging: nothing is said of its speed
SOAK = bool(os.environ.get("JETON_SOAK"))  # the long form: ./dev soak

APPLICATION_ID = "2ab9b820-7a1c-4d65-9b3e-0f1d2c3b4a59"
APPLICATION_SECRET = "SLS3T38IL0"
TENANT_TOKEN = "demo-tenant-refresh-token"
GROUP_TOKEN = "demo-group-refresh-token"
MEMBER_TOKEN = "demo-member-refresh-token"
GROUP = "853654b2-9d4e-4a53-8c11-1f7f7d1c0a01"

SEED = f"""\
tenant: {{ id: 6f1c2f0a-55a4-4b0e-9a58-0d8b0b7f4c11, name: Contoso }}
users:
  - {{ phone: "+33100000001", name: Alice Martin, email: alice@contoso.example, tenant_admin: true }}
  - {{ phone: "+33100000002", name: Bob Durand, email: bob@contoso.example }}
groups:
  - {{ id: {GROUP}, name: Sales, type: Group, admins: ["+33100000001"], members: ["+33100000002"], subgroups: [] }}
connectors:
  - id: {APPLICATION_ID}
    secret: {APPLICATION_SECRET}
    name: Demo
    owner: "+33100000001"
    permissions: all
    tokens:
      - {{ user: "+33100000001", refresh_token: {TENANT_TOKEN} }}
      - {{ user: "+33100000002", refresh_token: {MEMBER_TOKEN} }}
      - {{ group: {GROUP}, user: "+33100000001", refresh_token: {GROUP_TOKEN} }}
"""


class SideBySide(unittest.TestSuite):
    """Runs some of its tests at a time. They must have no fixtures of classes and modules."""

    AT_A_TIME = 2 if SANITIZED else 4

    def run(self, result, debug=False):
        def run_one(test):
            own = unittest.TestResult()
            test.run(own)
            return own
        with concurrent.futures.ThreadPoolExecutor(self.AT_A_TIME) as pool:
            for own in pool.map(run_one, self):
                result.testsRun += own.testsRun
                for name in ("failures", "errors", "skipped", "expectedFailures", "unexpectedSuccesses"):
                    getattr(result, name).extend(getattr(own, name))
        return result


def side_by_side(_, tests, __):
    """`load_tests = side_by_side` in a file whose tests mostly wait."""
    def flatten(suite):
        for test in suite:
            yield from flatten(test) if isinstance(test, unittest.TestSuite) else [test]
    return SideBySide(flatten(tests))


class Sandbox:
    """`jeton sandbox` on a free port, with the seed above, steered by its own routes."""

    def __init__(self, folder, env, *options):
        seed = os.path.join(folder, "seed.yaml")
        with open(seed, "w", encoding="utf-8") as file:
            file.write(SEED)
        os.chmod(seed, 0o600)
        self.log = open(os.path.join(folder, "sandbox.log"), "ab")
        self.process = subprocess.Popen(
            [JETON, "sandbox", "--listen", "127.0.0.1:0", "--seed", seed, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, env=env)
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening on http://"):
            self.stop()
            with open(self.log.name, encoding="utf-8") as log:
                raise AssertionError(f"the sandbox did not start: {line!r} {log.read()}")
        self.url = line.split()[-1].rstrip("/")
        self.base = self.url + "/v1"

    def call(self, method, path, data=None, headers=None):
        """Any request; (status, headers, body)."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, data=body, method=method,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=20) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def steer(self, path, data):
        status, _, body = self.call("POST", "/_sandbox/" + path, data)
        if status != 200:
            raise AssertionError(f"POST {path}: {status} {body!r}")
        return json.loads(body)

    def requests(self, path=None):
        status, _, body = self.call("GET", "/_sandbox/requests")
        if status != 200:
            raise AssertionError(f"requests: {status} {body!r}")
        found = json.loads(body)["requests"]
        return [r for r in found if path is None or r["path"].lower().rstrip("/").endswith(path.lower())]

    def exchanges(self):
        """How many exchanges the token service has granted."""
        return sum(1 for r in self.requests("/accessToken") if r["status"] == 200)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Terminal:
    """The other end of a terminal that jeton runs at. `shown` is what it has printed, in bytes."""

    def __init__(self, case, args):
        self.case = case
        self.shown = b""
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.chdir(case.folder)
            os.execve(JETON, [JETON, *args], case.env)
        case.addCleanup(os.close, self.end)

    def read_until(self, text):
        """None: until the program has ended."""
        deadline = time.monotonic() + 20
        while text is None or text not in self.shown:
            self.case.assertLess(time.monotonic(), deadline, self.shown)
            if select.select([self.end], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.end, 4096)
                except OSError:
                    break  # the program has ended
        if text is not None:
            self.case.assertIn(text, self.shown)

    def type(self, line):
        os.write(self.end, line.encode() + b"\n")

    def status(self):
        """Waits for its end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Case(unittest.TestCase):
    """A test with a folder of its own (0700), where the configuration and the state live."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="jeton-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = os.path.join(self.folder, "state")
        self.env = {name: os.environ[name] for name in ("PATH", "LC_ALL", "TZ", "ASAN_OPTIONS",
                                                        "LSAN_OPTIONS") if name in os.environ}
        self.env.update(HOME=self.folder, XDG_CONFIG_HOME=self.folder + "/xdg-config",
                        XDG_STATE_HOME=self.folder + "/xdg-state")

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def configure(self, token_service, refresh_token=TENANT_TOKEN, name="jeton.yaml", connector="contoso", **more):
        """A configuration with one connector; `more` adds keys to it."""
        more.setdefault("rate_limit", {"per_minute": 0, "tenant_per_minute": 0})
        extra = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in more.items())
        return self.write(name, f"""\
version: 1
state: {self.state}
connectors:
  {connector}:
    provider: kaizala
    token_service: {token_service}
    application_id: {APPLICATION_ID}
    application_secret: {APPLICATION_SECRET}
    refresh_token: {refresh_token}
{extra}""")

    def sandbox(self, *options):
        sandbox = Sandbox(self.folder, self.env, *options)
        self.addCleanup(sandbox.stop)
        return sandbox

    def at_terminal(self, *args, status=0):
        """What jeton prints to a terminal, as bytes."""
        self.need_terminal()
        main, side = os.openpty()
        done = subprocess.run([JETON, *args], stdin=subprocess.DEVNULL, stdout=side, stderr=side, env=self.env,
                              cwd=self.folder, check=False)
        os.close(side)
        with os.fdopen(main, "rb", 0) as file:
            text = file.read(65536)
        self.assertEqual(done.returncode, status, text)
        return text

    def need_terminal(self):
        """Skips the test where there are no pseudo-terminals, as in a bare chroot."""
        try:
            for end in os.openpty():
                os.close(end)
        except OSError as error:
            self.skipTest(f"no pseudo-terminal: {error}")

    def start_at_terminal(self, *args):
        """Starts jeton at a terminal of its own: a Terminal. Skips the test where there are none."""
        self.need_terminal()
        return Terminal(self, args)

    def faketime(self, when):
        """An environment in which the wall clock is off ("+3600"), or starts at a time ("@2026-01-05 08:00:00")."""
        library = faketime.library()
        if library is None:
            self.skipTest("libfaketime is not installed")
        asan = self.env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return {"LD_PRELOAD": library, "FAKETIME": when, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "ASAN_OPTIONS": asan}

    def start(self, *args, program=JETON, env=None, stdin=subprocess.DEVNULL):
        process = subprocess.Popen([program, *args], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**self.env, **(env or {})}, cwd=self.folder)
        self.addCleanup(end_process, process)
        return process

    def jeton(self, *args, program=JETON, env=None, input=None, timeout=PATIENCE, umask=-1):
        """Runs to the end: a CompletedProcess whose output is text."""
        stdin = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run([program, *args], **stdin, capture_output=True, text=True, errors="surrogateescape",
                              timeout=timeout, env={**self.env, **(env or {})}, cwd=self.folder, check=False, umask=umask)

    def ok(self, *args, **options):
        """As jeton(), and it must exit 0."""
        done = self.jeton(*args, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def fails(self, status, *args, says=None, **options):
        """As jeton(), and it must exit with this status and say this on standard error."""
        done = self.jeton(*args, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for part in [says] if isinstance(says, str) else says or []:
            self.assertIn(part, done.stderr)
        return done

    def finish_all(self, processes, timeout=PATIENCE):
        """Waits for all; every one must exit 0. Their outputs."""
        outputs = []
        deadline = time.monotonic() + timeout
        for process in processes:
            out, err = process.communicate(timeout=max(1, deadline - time.monotonic()))
            self.assertEqual(process.returncode, 0, err.decode(errors="replace"))
            outputs.append(out)
        return outputs


def mount_namespace():
    """The command that runs a shell where it may mount, or None."""
    for command in (["unshare", "-m"], ["unshare", "-rm"]):
        if shutil.which("unshare") and subprocess.run([*command, "sh", "-c", "mount -t tmpfs tmpfs /mnt"],
                                                      capture_output=True, check=False).returncode == 0:
            return command
    return None


def end_process(process):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def wait_until(condition, timeout=PATIENCE):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("what the test waits for did not happen")
        time.sleep(0.02)


def wait_stopped(process):
    """Until the process has stopped itself (SIGSTOP)."""
    def stopped():
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"
    wait_until(stopped)
