"""One refresh token that is good once, at a token service that others wrote, and many processes on four hosts with
process IDs and a network each: one exchange a round, whatever dies, freezes or is restarted in the middle of it."""

import collections
import contextlib
import glob
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

from judges import Proxy, oidc
from namespaces import Host, Relay, below, has_namespaces
from postgres import HOSTS, OwnServer
from support import JETON, SOAK, end_process, side_by_side, wait_until

PROCESSES = 16 if SOAK else 4
FAULTS = ("nothing", "kill", "stall", "fast", "immediate")
TURNS = 4 if SOAK else 1
CLIENT, SECRET = "hosts", "of the client"
DATABASE, STANDBY, SERVICE = 5432, 5433, 8000  # ports in each host's network
STALL_S = 2
KILLED = 137


@unittest.skipUnless(has_namespaces(), "no namespaces of processes and networks here")
class HostsTokens(OwnServer):
    def setUp(self):
        super().setUp()
        self.seed = random.randrange(1 << 32)
        random.seed(self.seed)
        self.judge = oidc(clients=[{"client_id": CLIENT, "client_secret": SECRET, "grant_types": ["refresh_token"],
                                    "redirect_uris": [], "response_types": [], "scope": "offline_access read",
                                    "token_endpoint_auth_method": "client_secret_basic"}])
        self.addCleanup(self.judge.stop)
        self.consent()
        text = ("connectors:\n  books:\n    provider: oauth2\n    client_id: hosts\n"
                f"    token_url: http://127.0.0.1:{SERVICE}/token\n    client_secret: {SECRET}\n"
                f"    refresh_token: {{ file: {self.folder}/refresh }}\n    endpoint: http://127.0.0.1:{SERVICE}\n")
        self.hosts, self.relays, self.standbys, self.proxies = [], [], [], []
        for number in range(HOSTS):
            self.host(number, text, url=f"postgresql://jeton@127.0.0.1:{DATABASE},127.0.0.1:{STANDBY}/jeton")
            self.hosts.append(Host(self))
            self.relays.append(Relay(self.server + "/.s.PGSQL.5432"))
            self.standbys.append(Relay(self.server + "/standby/.s.PGSQL.5432"))
            self.proxies.append(Proxy(self.judge.url))
            self.addCleanup(self.proxies[number].stop)
            self.hosts[number].listen(DATABASE, self.relays[number].serve)
            self.hosts[number].listen(STANDBY, self.standbys[number].serve)
            self.hosts[number].listen(SERVICE, self.proxies[number].pass_on)
        # One that is never disturbed.
        self.host(HOSTS, text, url=f"postgresql://jeton@/jeton?host={self.server},{self.server}/standby")

    def consent(self):
        self.write("refresh", self.judge.act("consent", client=CLIENT) + "\n")

    def token_on(self, number):
        return self.hosts[number].start(JETON, "--config", f"{self.folder}/etc{number}/jeton.yaml", "token", "books", "--show",
                                        "--json")

    def crowd(self, skip=None):
        return [(number, self.token_on(number)) for _ in range(PROCESSES) for number in range(HOSTS) if number != skip]

    def processes(self, number):
        found = []
        for pid in below(self.hosts[number].shell.pid):
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                    if file.read().strip() == "jeton":
                        found.append(pid)
            except OSError:
                pass
        return found

    def holders(self):
        """(host, process) of those that hold their host's lock of the token: one of them exchanges."""
        files, found = {}, []
        for number in range(HOSTS):
            folder = f"{self.folder}/host{number}/locks"
            if os.path.exists(folder):
                files.update({os.stat(f"{folder}/{name}").st_ino: number for name in os.listdir(folder)})
        with open("/proc/locks", encoding="ascii") as locks:
            for line in locks:
                fields = line.split()
                inode = int(fields[5].rpartition(":")[2]) if fields[1] == "FLOCK" else 0
                if inode in files:
                    found.append((files[inode], int(fields[4])))
        return found

    # What goes wrong, in a thread beside the round. `self.victims` are hosts whose exchanging process has ended by it.

    def nothing(self):
        pass

    def kill(self):
        """One that holds its host's lock, or anyone."""
        wait_until(lambda: self.holders() or self.over.is_set(), 60)
        time.sleep(random.random() / 10)
        holders, everybody = self.holders(), [(n, pid) for n in range(HOSTS) for pid in self.processes(n)]
        for number, pid in random.sample(holders or everybody, 1 if holders or everybody else 0):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
                self.victims.append(number)

    def in_the_middle(self, act):
        """Of the first exchange: before the service has seen its request."""
        first = threading.Lock()

        def before(number):
            if first.acquire(blocking=False):
                act(number)

        for number, proxy in enumerate(self.proxies):
            proxy.before = lambda _, number=number: before(number)

    def stall(self):
        """For less than the lock lasts."""
        def act(number):
            self.hosts[number].plug(False)
            time.sleep(STALL_S)
            self.hosts[number].plug(True)
        self.in_the_middle(act)

    def fast(self):
        self.in_the_middle(lambda _: self.postgres("restart", "fast"))

    def immediate(self):
        self.in_the_middle(lambda _: self.postgres("restart", "immediate"))

    def promote(self):
        self.postgres("standby", "sync")
        wait_until(lambda: self.super("SELECT sync_state FROM pg_stat_replication") == [["sync"]], 60)
        self.addCleanup(setattr, self, "server", self.server)

        def act(_):
            self.postgres("promote")
            self.server += "/standby"
            for relay in self.relays[1:] if self.standbys[0].path != self.relays[0].path else ():
                relay.cut()  # there nobody says that the first one is away
        self.in_the_middle(act)

    def granted(self):
        return len(self.judge.told("grant.success"))

    def expire(self):
        self.sql("UPDATE @token SET received_wall_ms = 0, received_boot_ms = 0, received_boot_id = 'gone'")

    def stored(self):
        """By one that exchanges nothing."""
        done = self.on(HOSTS, "token", "books", "--show", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(found["source"], "cache")
        return found["access_token"]

    def round(self, fault):
        for proxy in self.proxies:
            proxy.before = proxy.after = None
            proxy.passes.clear()
        self.victims, self.over = [], threading.Event()
        granted, revoked = self.granted(), len(self.judge.told("grant.revoked"))
        self.expire()
        trouble = threading.Thread(target=getattr(self, fault), daemon=True)
        trouble.start()
        if fault == "promote":
            trouble.join()
        crowd = self.crowd()
        statuses = collections.Counter(process.status() for _, process in crowd)
        self.over.set()
        trouble.join()
        said = "".join(process.text(".err") for _, process in crowd)
        self.assertLessEqual(statuses[KILLED], len(self.victims), said)
        self.assertEqual(self.granted() - granted, 1, said)
        if len(self.judge.told("grant.revoked")) == revoked:
            self.assertEqual(set(statuses) - {KILLED}, {0}, said)
            shown = {json.loads(process.text(".out"))["access_token"] for _, process in crowd if process.status() == 0}
            self.assertEqual(shown, {self.stored()})
            return
        # The service's reply has died with its receiver: whoever came next has sent the same token once more.
        served = [number for number, proxy in enumerate(self.proxies) for one in proxy.passes if one.status == 200]
        self.assertEqual((served, set(statuses)), (self.victims, {4, KILLED}), said)
        self.assertIn("reply lost at 20", said)
        self.consent()
        self.lost += 1

    def rounds(self, faults):
        self.lost = 0
        self.assertEqual(self.token_on(0).status(), 0)
        for turn, fault in enumerate(faults):
            with self.subTest(turn=turn, fault=fault, seed=self.seed):
                self.round(fault)
        for number in range(HOSTS):
            self.assertEqual(self.token_on(number).status(), 0)
            self.assertEqual(glob.glob(f"{self.folder}/host{number}/spool/*"), [])
        # That of a process that was killed behind all others runs out by itself.
        wait_until(lambda: self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp()") == [["0"]], 60)
        if SOAK:
            print(f"\n{len(faults)} rounds of {HOSTS * PROCESSES} processes, {self.lost} replies died with their receivers")

    def test_one_exchange_a_round(self):
        self.rounds(FAULTS * TURNS + ("promote", "kill"))
        self.assertEqual(self.super("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jeton'"), [["0"]])

    def through_pooler(self, mode):
        self.postgres("pooler", mode)
        for relay in self.relays + self.standbys:
            relay.path = self.server + "/pooler/.s.PGSQL.5432"
        self.rounds(FAULTS * TURNS + ("promote", "kill") if SOAK else ("kill", "fast"))
        self.assertEqual(self.super("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jeton' AND state <> 'idle'"),
                         [["0"]])

    def test_through_a_pooler_of_sessions(self):
        self.through_pooler("session")

    def test_through_a_pooler_of_transactions(self):
        self.through_pooler("transaction")

    def in_exchange(self, when, act):
        """A process of the first host, when the service is about to see its request, or has answered it."""
        self.assertEqual(self.token_on(0).status(), 0)
        self.expire()
        reached = threading.Event()
        proxy = self.proxies[0]
        proxy.passes.clear()

        def hook(_):
            setattr(proxy, when, None)
            act()
            reached.set()
            return "cut" if when == "before" else None

        setattr(proxy, when, hook)
        process = self.token_on(0)
        self.assertTrue(reached.wait(60))
        return process

    def all_have(self, crowd):
        """One token that is stored; the family lives."""
        self.assertEqual({process.status() for process in crowd}, {0}, "".join(process.text(".err") for process in crowd))
        self.assertEqual({json.loads(process.text(".out"))["access_token"] for process in crowd}, {self.stored()})
        self.assertEqual((self.granted(), self.judge.told("grant.error")), (2, []))

    def test_a_host_that_is_cut_off_stops_by_itself(self):
        """Before the service has seen its request. When another may exchange, nothing of it comes late."""
        cut_off = self.in_exchange("before", lambda: self.hosts[0].plug(False))
        crowd = [process for _, process in self.crowd(skip=0)]
        self.all_have(crowd)
        self.hosts[0].plug(True)
        self.assertEqual(cut_off.status(), 5, cut_off.text(".err"))
        self.all_have(crowd + [self.token_on(0)])
        self.assertEqual([one.status for one in self.proxies[0].passes], [None])

    def test_no_request_is_begun_that_could_outlast_the_lock(self):
        """The service has dropped the first one late, and the lock cannot be renewed."""
        crowd = []

        def act():
            self.relays[0].cut()
            crowd.extend(process for _, process in self.crowd(skip=0))
            time.sleep(18)
            self.proxies[0].before = lambda _: time.sleep(16)

        cut_off = self.in_exchange("before", act)
        self.assertEqual(cut_off.status(), 5, cut_off.text(".err"))
        self.assertEqual(len(self.proxies[0].passes), 1)
        self.sql("UPDATE @lease SET until = clock_timestamp() WHERE until IS NOT NULL")  # the others need not wait for that
        self.all_have(crowd)
        self.assertEqual(len(self.proxies[0].passes), 1)

    def not_stored(self, break_it, mend_it, ends=False):
        """The reply has come, and cannot be stored for longer than a call of the state takes; others of its host wait
        meanwhile. ends: by a signal, before it can be stored."""
        crowd = []

        def act():
            crowd.extend(self.token_on(number) for number in range(HOSTS))
            idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jeton' AND state = 'idle'"
            wait_until(lambda: self.super(idle) == [[str(HOSTS + 1)]], 60)
            break_it()

        late = self.in_exchange("after", act)
        wait_until(lambda: "trying for up to 300 s: what came is kept in" in late.text(".err"), 60)
        if ends:
            pid, = (pid for number, pid in self.holders() if number == 0)
            os.kill(pid, signal.SIGTERM)
            self.assertEqual((late.status(), late.text(".out")), (128 + signal.SIGTERM, ""))
            self.assertEqual(len(glob.glob(f"{self.folder}/host0/spool/*")), 1)
        mend_it()
        self.all_have(crowd + ([] if ends else [late]))
        self.assertEqual(glob.glob(f"{self.folder}/host0/spool/*"), [])

    def test_the_database_is_out_of_reach_for_a_while(self):
        self.not_stored(self.relays[0].cut, self.relays[0].mend)

    def test_whoever_waits_for_the_database_is_ended(self):
        self.not_stored(self.relays[0].cut, self.relays[0].mend, ends=True)

    def lock(self):
        """The table of tokens, against writing: what ends it."""
        held = subprocess.Popen(["psql", "-qh", self.server, "-U", "jeton", "-d", "jeton"], stdin=subprocess.PIPE, text=True,
                                stdout=subprocess.DEVNULL)
        self.addCleanup(end_process, held)
        held.stdin.write(f"BEGIN; LOCK TABLE {self.schema}.token IN SHARE MODE;\n")
        held.stdin.flush()
        wait_until(lambda: self.super("SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND relation = '@token'::regclass"), 60)
        return held.communicate

    def test_the_database_refuses_for_a_while(self):
        """As when its disk is full: connections live on."""
        unlock = []
        self.not_stored(lambda: unlock.append(self.lock()), lambda: unlock.pop()())
        # Nothing is sent that could not be stored.
        self.write("refresh", "no token\n")
        self.expire()
        self.lock()
        unsent = self.token_on(0)
        self.assertEqual(unsent.status(), 5, unsent.text(".err"))
        self.assertIn("lock timeout", unsent.text(".err"))
        self.assertEqual(glob.glob(f"{self.folder}/host0/spool/*"), [])


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
