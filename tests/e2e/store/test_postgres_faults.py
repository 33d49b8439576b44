"""A server that is not what it should be: the wrong certificate, one that cannot write, a full disk, strange settings."""

import glob
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

import certificates
import listening
import tcp_server
from cuts import Proxy
from listening import HOOK, SECRET, Listener
from oauth2 import ID, REFRESH, SECRET as CLIENT_SECRET, Grants
from postgres import OwnServer, PostgresCase
from support import JETON, JETON_FAULTY, end_process, side_by_side, wait_until
from test_hosts import has_namespaces

JOB = 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1); s.commit(); print(s.get("n"))'


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as it:
        return it.getsockname()[1]


class Faults(OwnServer):
    def setUp(self):
        super().setUp()
        self.script = self.write("job.lua", JOB)

    def says(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_certificates_are_checked(self):
        authority, other = (certificates.Authority(self.mkdir(name)) for name in ("ours", "others"))
        authority.server("good", "DNS:localhost")
        authority.server("stranger", "DNS:db.example.org")
        port = free_port()
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

        def serve(name):
            for end in ("key", "pem"):
                path = f"{self.server}/data/server.{end}"
                shutil.copy(f"{authority.folder}/{name}.{end}", path)
                os.chmod(path, 0o600)
                os.chown(path, owner.pw_uid, owner.pw_gid)
            self.set_server("listen_addresses = 'localhost'", f"port = {port}", "ssl = on", "ssl_cert_file = 'server.pem'",
                            "ssl_key_file = 'server.key'", f"unix_socket_directories = '{self.server}'")

        url = f"postgresql://jeton@localhost:{port}/jeton?sslmode=verify-full"
        serve("good")
        self.host(0, url=url, ca_file=authority.file)
        self.assertEqual(self.on(0, "run", self.script).stdout, "1\n")
        self.host(1, url=url, ca_file=other.file)
        self.says(self.on(1, "run", self.script), 3, "certificate")
        self.host(1, url=url)
        self.says(self.on(1, "run", self.script), 3, "certificate")
        pipe = os.path.join(authority.folder, "pipe")
        os.mkfifo(pipe, 0o600)
        self.host(1, url=url, ca_file=pipe)  # libpq would wait for a writer
        self.says(self.on(1, "run", self.script), 3, "ca_file: " + pipe + ": expected a regular file")
        loose = shutil.copy(authority.file, os.path.join(authority.folder, "loose.pem"))
        os.chmod(loose, 0o666)
        self.host(1, url=url, ca_file=loose)
        self.says(self.on(1, "run", self.script), 3, "run: chmod go-w " + loose)
        serve("stranger")
        self.says(self.on(0, "run", self.script), 3, "certificate")
        self.host(2, url=f"postgresql://jeton@db.example.org:{port}/jeton?hostaddr=127.0.0.1&sslmode=require")
        self.says(self.on(2, "run", self.script), 3, "needs sslmode=verify-full")
        self.host(2, url=f"postgresql://jeton@db.example.org:{port}/jeton?hostaddr=127.0.0.1", ca_file=authority.file)
        self.assertEqual(self.on(2, "run", self.script).stdout, "2\n")
        serve("good")  # each of several hosts has its own port and name
        self.host(0, url=f"postgresql://jeton@127.0.0.1:1,localhost:{port}/jeton", ca_file=authority.file)
        self.assertEqual(self.on(0, "run", self.script).stdout, "3\n")

    def test_handshakes_that_break(self):
        """As where a server is restarted, or another one takes its place: that passes, like a connection that is refused."""
        internal_error = b"\x15\x03\x03\x00\x02\x02\x50"  # an alert
        for linger, says in ((0, b""), (1, b""), (0, internal_error)):  # its end, or a reset
            tried = []

            def shake(connection, linger=linger, tried=tried, says=says):
                tried.append(connection.recv(8))
                connection.sendall(b"S")
                connection.recv(2000)
                connection.sendall(says)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", linger, 0))
                connection.close()

            server = tcp_server.Listener(shake, "postgresql")
            self.addCleanup(server.stop)
            self.host(0, url=f"postgresql://jeton@localhost:{server.port}/jeton?sslmode=verify-full&hostaddr=127.0.0.1")
            done = self.on(0, "run", self.script, program=JETON_FAULTY, env={"JETON_FAULT": "store-call=2000"})
            self.says(done, 5, "cannot connect")
            self.assertGreater(len(tried), 1)

    def test_the_server_looks_whether_its_client_is_there(self):
        """While it waits for the rest of a transaction no timeout counts, and rows stay locked."""
        port = free_port()
        self.set_server("listen_addresses = '127.0.0.1'", f"port = {port}", f"unix_socket_directories = '{self.server}'")
        self.host(0, url=f"postgresql://jeton@127.0.0.1:{port}/jeton?sslmode=disable")
        self.assertEqual(self.on(0, "run", self.script).stdout, "1\n")
        lock = subprocess.Popen(["psql", "-h", self.server, "-p", str(port), "-U", "jeton", "-d", "jeton", "-q"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(end_process, lock)
        lock.stdin.write(f"BEGIN; LOCK TABLE {self.schema}.kv;\n\\echo locked\n".encode())
        lock.stdin.flush()
        lock.stdout.readline()
        run = self.start_on(0, "run", self.script)

        def timers():
            """Of the server's ends: what is running, and for how many hundredths of a second yet."""
            with open("/proc/net/tcp", encoding="ascii") as table:
                rows = [line.split() for line in table]
            return [tuple(int(part, 16) for part in row[5].split(":")) for row in rows[1:]
                    if row[1].endswith(f":{port:04X}") and row[3] == "01"]

        wait_until(lambda: any(kind == 2 and left <= 1000 for kind, left in timers()), 9)
        lock.stdin.write(b"ROLLBACK;\n")
        lock.stdin.close()
        self.finish_all([run])

    def test_who_is_not_let_in_loses_nothing(self):
        """Before the database is open, no refresh token is spent."""
        grants = Grants()
        self.addCleanup(grants.service.stop)
        books = (f"connectors:\n  books: {{ provider: oauth2, token_url: {grants.url}/token, client_id: {ID}, client_secret:"
                 f" {json.dumps(CLIENT_SECRET)}, refresh_token: {REFRESH}, endpoint: '{grants.url}' }}\n")
        self.host(0, books)
        self.assertEqual(self.on(0, "token", "books", "--show").stdout.splitlines()[-1].split()[-1], "access-token-1")
        self.super("UPDATE @token SET received_wall_ms = 0, received_boot_ms = 0, received_boot_id = 'gone'")
        self.super("ALTER ROLE jeton PASSWORD 'correct-horse'; CREATE ROLE other LOGIN PASSWORD 'correct-horse'")
        with open(self.server + "/data/pg_hba.conf", "w", encoding="ascii") as file:
            file.write("local all postgres trust\nlocal all all scram-sha-256\n")
        self.postgres("restart", "fast")
        for name, text in (("right", "correct-horse"), ("wrong", "battery-staple")):
            os.chmod(self.write(name, text + "\n"), 0o600)

        def asked(word="right", role="jeton", database="jeton"):
            password = {"password": {"file": f"{self.folder}/{word}"}} if word else {}
            self.host(0, books, url=f"postgresql://{role}@/{database}?host={self.server}", **password)
            done = self.on(0, "token", "books", "--show")
            self.assertNotIn("correct-horse", done.stderr)
            self.assertNotIn("battery-staple", done.stderr)
            return done

        self.says(asked("wrong"), 3, 'password authentication failed for user "jeton"')
        self.says(asked(None), 3, "no password supplied")
        self.says(asked(role="nobody"), 3, 'password authentication failed for user "nobody"')
        self.says(asked(role="other"), 3, "permission denied for schema")
        self.says(asked(database="nowhere"), 3, 'database "nowhere" does not exist')
        self.assertEqual(len(grants.forms), 1)
        self.assertEqual(asked().stdout.splitlines()[-1].split()[-1], "access-token-2")
        self.assertEqual([form["refresh_token"] for form in grants.forms], [REFRESH, "refresh-token-1"])
        self.changes_its_password()

    def changes_its_password(self):
        """What runs on reads it again once the one that it has is refused."""
        script = self.write("runs.lua", f"""\
local state, task = require "jeton.state", require "jeton.task"
local function wait_for(name) repeat task.sleep(0.05) until io.open("{self.folder}/" .. name) end
state.set("kept", 1) state.commit()
io.open("{self.folder}/begun", "w"):close()
wait_for "changed"
state.set("kept", 2) state.commit()
""")
        run = self.start_on(0, "run", script)
        wait_until(lambda: os.path.exists(self.folder + "/begun"), 30)
        time.sleep(5)  # it is not read more often
        self.super("ALTER ROLE jeton PASSWORD 'other-horse'")
        self.write("right", "other-horse\n")
        self.postgres("restart", "fast")
        self.write("changed", "")
        self.finish_all([run])
        self.assertEqual(self.on(0, "state", "keys", "get", "kept", "--script", script).stdout, "2\n")

    @unittest.skipUnless(has_namespaces(), "no namespaces of networks here")
    def test_a_resolver_that_says_nothing_is_not_waited_for(self):
        self.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
        self.write("silent.py", "import socket, time\nname = socket.socket(type=socket.SOCK_DGRAM)\n"
                                "name.bind(('127.0.0.1', 53))\nopen('bound', 'w').close()\ntime.sleep(600)\n")
        self.host(0, url="postgresql://jeton@db.example.org/jeton")
        # The thread that asks is left behind, with what it has.
        self.env["ASAN_OPTIONS"] = self.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        done = subprocess.run(
            ["unshare", "-m", "-n", "-p", "-f", "--kill-child", "sh", "-c",
             "ip link set lo up; mount --bind resolv.conf /etc/resolv.conf; python3 silent.py &\n"
             f"while ! [ -e bound ]; do sleep 0.1; done; exec {JETON} --config etc0/jeton.yaml run {self.script}"],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=100, check=False)
        self.says(done, 5, "its address was not found within 10 s")

    def mkdir(self, name):
        os.mkdir(f"{self.folder}/{name}")
        return f"{self.folder}/{name}"

    def test_a_standby_cannot_be_written(self):
        self.host(0)
        self.assertEqual(self.on(0, "run", self.script).stdout, "1\n")
        self.postgres("standby")
        standby = f"{self.server}/standby"
        self.host(1, url=f"postgresql://jeton@/jeton?host={standby}")
        self.says(self.on(1, "run", self.script), 5, "read-only")
        # Of both, the one that can be written is found; after the first has gone and the other was promoted, that one.
        self.host(2, url=f"postgresql://jeton@/jeton?host={standby},{self.server}")
        self.assertEqual(self.on(2, "run", self.script).stdout, "2\n")
        self.super("SELECT pg_current_wal_lsn()")
        waiting = self.start_on(2, "run", self.script)
        waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0)
        wait_until(lambda: subprocess.run(
            ["psql", "-h", standby, "-U", "jeton", "-d", "jeton", "-qAtc", f"SELECT version FROM {self.schema}.kv"],
            capture_output=True, text=True, check=True).stdout.strip() == self.sql("SELECT version FROM @kv")[0][0], 60)
        with open(self.server + "/data/postmaster.pid", encoding="ascii") as file:
            os.kill(int(file.readline()), signal.SIGQUIT)
        subprocess.run(["psql", "-h", standby, "-U", "postgres", "-d", "jeton", "-qAtc", "SELECT pg_promote(true)"],
                       capture_output=True, check=True)
        self.assertEqual(self.on(2, "run", self.script).stdout, "4\n")

    def test_settings_of_server_and_role_change_nothing(self):
        for setting in ("statement_timeout = 100", "default_transaction_read_only = on", "search_path = nowhere",
                        "default_transaction_isolation = serializable", "synchronous_commit = off", "bytea_output = escape",
                        "standard_conforming_strings = off", "lock_timeout = 1", "DateStyle = 'SQL, DMY'"):
            self.super("ALTER ROLE jeton SET " + setting)
        self.host(0)
        held = subprocess.Popen(["psql", "-qh", self.server, "-U", "jeton", "-d", "jeton"], stdin=subprocess.PIPE, text=True,
                                stdout=subprocess.DEVNULL)
        self.addCleanup(end_process, held)
        self.assertEqual(self.on(0, "run", self.script).stdout, "1\n")
        # A table that another transaction has for longer than the role's timeouts is waited for.
        held.stdin.write("SET statement_timeout = 0; SET lock_timeout = 0; SET transaction_read_only = off; BEGIN READ WRITE;"
                         f" LOCK TABLE {self.schema}.kv_write;\n")
        held.stdin.flush()
        locks = "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = '@kv_write'::regclass"
        wait_until(lambda: self.super(locks + " AND granted") != [])
        waiting = self.start_on(0, "run", self.script)
        wait_until(lambda: self.super(locks.replace("mode =", "mode <>") + " AND NOT granted") != [])
        time.sleep(0.5)
        held.stdin.write("COMMIT;\n")
        held.stdin.flush()
        self.assertEqual(waiting.communicate(timeout=60)[0], b"2\n")

    def test_events_go_through_poolers(self):
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", listening.HANDLER)
        for mode in ("session", "transaction"):
            self.schema = "pooled_" + mode
            self.postgres("pooler", mode)
            listeners = []
            for number in range(2):
                self.host(number, "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder),
                          url=f"postgresql://jeton@/jeton?host={self.server}/pooler")
                listeners.append(Listener(self, popen=self.start_on(number, "listen", "--listen", "127.0.0.1:0")))
            for n in range(40):
                for listener in listeners:
                    self.assertEqual(listener.post({"id": f"e{n}", "type": "t"})[0], 200)
            wait_until(lambda: self.sql("SELECT count(*) FROM @event WHERE state = 4") == [["40"]], 60)
            self.assertEqual(self.sql("SELECT sum(duplicates), max(attempt) FROM @event"), [["40", "1"]])
            rows = [json.loads(line) for line in self.on(0, "events", "--json").stdout.splitlines() if line.startswith("{")]
            self.assertLessEqual(len(rows), 40)
            for listener in listeners:
                listener.stop()
            self.postgres("stop")
            self.postgres("start")


class Away(PostgresCase):
    def test_a_job_gives_up_soon_after_anything_else(self):
        self.host(0, f"jobs:\n  job:\n    script: {self.write('job.lua', JOB)}\n",
                  url=f"postgresql://jeton@/jeton?host={self.folder}/nowhere")
        begun = time.monotonic()
        done = self.on(0, "run", "--job", "job")
        self.assertLess(time.monotonic() - begun, 19)  # 12, and not twice 10
        self.assertEqual(done.returncode, 5)
        self.assertIn("did not start, because it cannot be recorded", done.stderr)


    def test_the_second_host_is_found_however_long_the_first_says_nothing(self):
        """It is asked again and again for as long as a call takes; the second one refuses at first."""
        os.mkdir(self.folder + "/silent", 0o700)
        silent = socket.socket(socket.AF_UNIX)
        self.addCleanup(silent.close)
        silent.bind(self.folder + "/silent/.s.PGSQL.5432")
        silent.listen(64)
        proxy = Proxy(self.folder + "/proxy", self.server)
        self.addCleanup(proxy.listener.close)
        self.host(0, url=f"postgresql://jeton@/jeton?host={self.folder}/silent,{self.folder}/proxy")
        script = self.write("tries.lua", """
            local s, tries = require "jeton.state", 0
            repeat
              tries = tries + 1
              io.stderr:write("try ", tries, "\\n")
              s.set("n", tries)
            until pcall(s.commit) or tries == 60
            print(tries)""")
        proxy.away = True
        process = self.start_on(0, "run", script, program=JETON_FAULTY, env={"JETON_FAULT": "store-call=1000"})
        while process.stderr.readline() != b"try 6\n":
            pass
        proxy.away = False
        out, err = process.communicate(timeout=60)
        self.assertLess(int(out), 30, err)

    def test_a_listener_that_reloads_meanwhile(self):
        """It tells senders, and by itself when events can be stored again: a balancer sends none until then."""
        proxy = Proxy(self.folder + "/proxy", self.server)
        self.addCleanup(proxy.listener.close)
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", "return function() end\n")
        self.host(0, "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder),
                  url=f"postgresql://jeton@/jeton?host={self.folder}/proxy")
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0", program=JETON_FAULTY,
                                                      env={"JETON_FAULT": "store-call=3000"}))
        self.assertEqual(listener.post({"id": "e1", "type": "t"})[0], 200)
        proxy.away = True
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("configuration reloaded(.|\n)*error: events cannot be stored: .*cannot connect")
        self.assertEqual(listener.post({"id": "e2", "type": "t"})[0], 503)
        self.assertEqual(listener.ask("GET", "/healthz")[0], 503)
        proxy.away = False
        wait_until(lambda: listener.ask("GET", "/healthz")[0] == 200)
        self.assertEqual(listener.post({"id": "e2", "type": "t"})[0], 200)
        listener.stop()


@unittest.skipUnless(has_namespaces(), "no namespaces here")
class Clocks(PostgresCase):
    """Of hosts, each with a boot of its own: no time since boot is another's."""

    def setUp(self):
        super().setUp()
        self.grants = Grants()
        self.addCleanup(self.grants.service.stop)
        for number in range(2):
            self.write(f"boot{number}", f"{number:08}-7a1c-4d65-9b3e-0f1d2c3b4a59\n")
            self.host(number, "connectors:\n  books:\n    provider: oauth2\n"
                              f"    client_id: {ID}\n    client_auth: none\n    refresh_token: {REFRESH}\n"
                              f"    token_url: {self.grants.url}/token\n    endpoint: {self.grants.url}\n")

    def token(self, number, ahead, *options):
        command = (f"mount --bind {self.folder}/boot{number} /proc/sys/kernel/random/boot_id && hostname host{number}"
                   f" && exec {JETON} --config {self.folder}/etc{number}/jeton.yaml token books --json {' '.join(options)}")
        return subprocess.run(["unshare", "-m", "-u", "sh", "-c", command], env={**self.env, **self.faketime(f"{ahead:+d}s")},
                              capture_output=True, text=True, check=False)

    def test_a_token_is_as_old_on_each_host(self):
        for ahead in (2, 600, -3500, 86400):
            with self.subTest(ahead=ahead):
                number = self.grants.number
                sources = [json.loads(self.token(host, ahead if host == 0 else 0, *options).stdout)["source"]
                           for host, options in ((0, ["--refresh"]), (1, []), (0, []), (1, []))]
                self.assertEqual((sources, self.grants.number - number), (["exchange"] + 3 * ["cache"], 1))

    def test_a_refusal_is_as_old_on_each_host(self):
        self.grants.answers.append((401, {}, {"error": "invalid_client"}))
        for host, ahead, words in ((0, 600, "invalid_client"), (1, 0, "nothing was sent"), (1, -600, "nothing was sent")):
            done = self.token(host, ahead)
            self.assertEqual((done.returncode, len(self.grants.forms)), (4, 1), done.stderr)
            self.assertIn(words, done.stderr)


class FullDisk(PostgresCase):
    def test_nothing_is_lost_on_a_full_disk(self):
        """The server's data is on a small file system of its own mount namespace."""
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no mount namespaces here")
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.server = f"/tmp/jeton-full-{os.getpid()}"
        os.mkdir(self.server)
        self.addCleanup(shutil.rmtree, self.server)
        os.chmod(self.server, 0o777)
        os.mkdir(self.server + "/data")
        script = (f"mount -t tmpfs -o size=80m,mode=0700,uid=65534,gid=65534 none {self.server}/data && cd {self.server} &&"
                  f" exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -ec '{binaries}/initdb -D data/db -U postgres"
                  f" -A trust -E UTF8 --locale=C --no-sync --wal-segsize=1 >/dev/null && exec {binaries}/postgres -D data/db"
                  f" -c listen_addresses= -c unix_socket_directories={self.server} -c fsync=off -c max_wal_size=4MB"
                  " -c min_wal_size=2MB -c autovacuum=off -c shared_buffers=4MB'")
        process = subprocess.Popen(["unshare", "-m", "sh", "-ec", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(end_process, process)
        for text in ("CREATE ROLE jeton LOGIN", "CREATE DATABASE jeton OWNER jeton"):
            deadline = time.monotonic() + 60
            while subprocess.run(["psql", "-qh", self.server, "-U", "postgres", "-d", "postgres", "-c", text],
                                 capture_output=True, check=False).returncode != 0:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.2)
        self.host(0)
        script = self.write("job.lua", 'local s = require "jeton.state"; s.set("n", (s.get("n") or 0) + 1)\n'
                                       's.set("big", require "jeton.crypto".random(300000):gsub(".", function(c)\n'
                                       '  return ("%02x"):format(c:byte()) end)); s.commit(); print(s.get("n"))')
        self.assertEqual(self.on(0, "run", script).stdout, "1\n")
        fill = ("CREATE UNLOGGED TABLE IF NOT EXISTS fill (x text); ALTER TABLE fill ALTER x SET STORAGE EXTERNAL;"
                " INSERT INTO fill SELECT repeat('x', {0}) FROM generate_series(1, 100)")
        for size in (1000000, 100000, 10000, 1000, 100):
            for _ in range(100):
                if subprocess.run(["psql", "-qh", self.server, "-U", "jeton", "-d", "jeton", "-v", "ON_ERROR_STOP=1", "-c",
                                   fill.format(size)], capture_output=True, check=False).returncode != 0:
                    break
        done = self.on(0, "run", script)
        self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
        self.assertIn("No space left on device", done.stderr)
        self.sql("DROP TABLE public.fill")
        self.assertEqual(self.on(0, "run", script).stdout, "2\n")


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
