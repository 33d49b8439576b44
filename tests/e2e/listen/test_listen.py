"""jeton listen as a process: what is stored and answered, who is refused, how it reloads and ends."""

import concurrent.futures
import contextlib
import glob
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

import certificates
import listening
import support
from listening import JETON, SECRET, sign

ACTIVATOR = """\
import os, socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets), flush=True)
for i, s in enumerate(sockets):
    os.dup2(s.fileno(), 10 + i)
for i in range(2):
    os.dup2(10 + i, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web:metrics")
os.execv(sys.argv[1], sys.argv[1:])
"""


def text(number, **more):
    return {"id": f"e{number}", "type": "order.created", **more}


class Listen(listening.Case):
    def test_an_event_is_stored_answered_and_handled_once(self):
        self.hooks()
        listener = self.listener("--print")
        status, headers, body = listener.post(text(1))
        self.assertEqual((status, body), (200, b""), listener.log())
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(listener.post(text(1))[0], 200)  # again
        self.assertEqual(listener.post(text(2, note=SECRET))[0], 200)
        self.wait_done(2)
        self.assertEqual(self.handled(), {"e1": 1, "e2": 1})
        self.assertEqual(self.rows("SELECT id, type, duplicates FROM event ORDER BY seq"),
                         [("e1", "order.created", 1), ("e2", "order.created", 0)])
        listener.stop()
        printed = listener.process.stdout.read().decode()
        self.assertEqual(len(re.findall(r"^\S+ orders #\d+ order.created e\d+$", printed, re.M)), 2, printed)
        self.assertNotIn(SECRET, printed)
        self.assertNotIn(SECRET, listener.log())

    def test_texts_that_turn_a_line_round_are_shown_as_escapes(self):
        self.hooks()
        listener = self.listener()
        self.assertEqual(listener.post({**text(1), "type": "a\u202eb\u2066"})[0], 200)
        self.wait_done(1)
        for words in ((), ("--show", "1")):
            self.assertIn("a\\u202eb\\u2066", self.ok("events", *words).stdout.split("\n\n")[0])

    def test_refusals_say_nothing_and_the_log_says_which_part(self):
        self.hooks()
        listener = self.listener()
        good = json.dumps(text(1)).encode()
        right = sign(good)
        bad = right[:-1] + ("0" if right[-1] != "0" else "1")
        for headers in ({}, {"X-Sig": bad}, {"X-Sig": "zz"}, {"X-Sig": sign(good, "other-secret-0123456789")}):
            status, _, body = listener.ask("POST", "/orders", good, headers)
            self.assertEqual(status, 401)
            self.assertNotIn(right, body.decode())
        self.assertEqual(listener.post(text(1), path="/other")[0], 404)
        self.assertEqual(listener.ask("DELETE", "/orders", good, {"X-Sig": right})[0], 405)
        self.assertEqual(listener.ask("POST", "/orders?x=1", good, {"X-Sig": right})[0], 200)
        self.wait_done(1)
        self.assertEqual(self.handled(), {"e1": 1})
        for _ in range(30):
            listener.ask("POST", "/orders", good, {"X-Sig": bad})
        listener.stop()
        refused = [line for line in listener.lines if "refused" in line]
        parts = ("the signature is missing", *(f"no signature fits (1 signature of {n} characters" for n in (64, 2, 64)))
        self.assertGreaterEqual(len(refused), len(parts))
        for line, says in zip(refused, parts):
            self.assertIn("webhook 'orders'", line)
            self.assertIn(says, line)
        self.assertEqual(self.states(), {"done": 1})
        self.assertLessEqual(len(refused), 12)  # ten of one kind, how many more there were, and the 405
        for line in refused:
            self.assertNotIn(right, line)

    def test_health_and_metrics(self):
        self.hooks(listen="  metrics: 127.0.0.1:0\n")
        listener = self.listener()
        metrics_port = int(listener.wait_log(r"metrics on port (\d+)").group(1))
        self.assertEqual(listener.ask("GET", "/healthz")[::2], (200, b"ok\n"))
        self.assertEqual(listener.ask("GET", "/metrics")[0], 404)
        listener.post(text(1))
        listener.post(text(1))
        listener.ask("POST", "/orders", b"{}")
        self.wait_done(1)
        listener.port = metrics_port
        self.assertEqual(listener.ask("GET", "/healthz")[0], 200)
        status, headers, body = listener.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        for result, count in (("stored", 1), ("duplicate", 1), ("refused", 1), ("full", 0)):
            self.assertIn(f'jeton_webhook_received_total{{webhook="orders",result="{result}"}} {count}\n', body.decode())
        self.assertIn('jeton_webhook_events{webhook="orders",state="ready"} 0\n', body.decode())
        self.assertIn("jeton_listen_storing 1\n", body.decode())
        for line in body.decode().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) jeton_\w+ .+|jeton_\w+(\{[^}]*\})? [0-9.]+)$')

    def test_metrics_only_under_names_of_this_machine(self):
        """A page whose own name leads to 127.0.0.1 (DNS rebinding) reads nothing."""
        self.hooks(listen="  metrics: 127.0.0.1:0\n")
        listener = self.listener()
        port = listener.port = int(listener.wait_log(r"metrics on port (\d+)").group(1))
        for host in (f"127.0.0.1:{port}", "localhost", f"LocalHost:{port}", "[::1]", "[::1]:9", "127.9.9.9"):
            self.assertEqual(listener.ask("GET", "/metrics", headers={"Host": host})[0], 200, host)
        for host in (f"rebound.example.org:{port}", "localhost.example.org", "192.0.2.1", "127.0.0.1.example.org:80", "::1",
                     "[::2]:80", "127.0.0.1:80:80", ":80", "x" * 400):
            self.assertEqual(listener.ask("GET", "/metrics", headers={"Host": host})[0], 403, host)

    def test_one_listener_a_configuration(self):
        self.hooks()
        self.listener()
        self.fails(7, "listen", "--listen", "127.0.0.1:0", says="another `jeton listen`")

    def test_usage(self):
        self.fails(3, "listen", says="configuration")
        self.hooks()
        for wrong in ("8490", "127.0.0.1:x", "127.0.0.1:99999", ":1", "::1:1"):
            self.fails(2, "listen", "--listen", wrong, says="HOST:PORT")
        self.fails(2, "listen", "--listen", "0.0.0.0:0", says="behind_proxy")
        self.fails(2, "listen", "--listen", "127.0.0.1:0", "-H", "a:b", says="it is sent with --trigger")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")
        self.fails(3, "listen", says="webhooks")

    def test_a_handler_delays_no_other_hook(self):
        """Of a webhook that computes for ever, one that fills its memory, one that kills its process."""
        ways = {"loops": "while true do end", "hoards": 'local t = {} while true do t[#t + 1] = ("x"):rep(1e6) end',
                "dies": 'os.execute "kill -9 $PPID"'}
        more = ""
        for name, way in ways.items():
            self.write(name + ".lua", f"return function() {way} end\n")
            more += f"  {name}:\n" + listening.HOOK.format(folder=self.folder).replace("handler.lua", name + ".lua")
            more += "    memory: 64MiB\n    timeout: 5m\n    retries: { attempts: 2, delay: 10ms }\n"
        self.hooks(more=more)
        listener = self.listener()
        for name in ways:
            self.assertEqual(listener.post(text(name), path="/" + name)[0], 200)
        running = "SELECT count(*) FROM event WHERE id = 'eloops' AND state = 'running'"
        support.wait_until(lambda: self.rows(running) == [(1,)])
        for i in range(20):
            self.assertEqual(listener.post(text(i))[0], 200)
        self.wait_done(20)
        self.assertEqual(self.rows(running), [(1,)])  # it computes still
        support.wait_until(lambda: self.states().get("dead") == 2, 60)
        errors = dict(self.rows("SELECT id, error FROM event WHERE state = 'dead'"))
        self.assertIn("not enough memory", errors["ehoards"])
        self.assertEqual(set(errors), {"ehoards", "edies"})
        self.assertEqual(set(self.handled().values()), {1})
        listener.process.kill()  # who waits for the end of the loop has 25 s to wait

    def test_full(self):
        self.write("handler.lua", "return function() require('jeton.task').sleep(60) end\n")
        self.hooks(hook="    max_waiting: 2\n    concurrency: 1\n")
        listener = self.listener()
        replies = [listener.post(text(i)) for i in range(3)]
        self.assertEqual([reply[0] for reply in replies], [200, 200, 503])
        self.assertTrue(int(replies[2][1]["Retry-After"]) > 0)
        listener.wait_log(r"refused with 503: max_waiting events wait \(2\)")  # its sender may not come again
        self.assertEqual(listener.post(text(0))[0], 200)  # known already: no place is needed
        self.assertEqual(sum(self.states().values()), 2)

    def test_a_state_that_another_program_has_locked(self):
        """From the first event on that could not be stored, /healthz does not wait as long as that for each."""
        self.hooks()
        listener = self.listener()
        self.assertEqual(listener.post(text(0))[0], 200)
        self.wait_done(1)
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"), isolation_level=None,
                                                check_same_thread=False)) as db:
            db.execute("BEGIN EXCLUSIVE")
            self.assertEqual(listener.post(text(1))[0], 503)
            begun = time.monotonic()
            for i in range(2, 4):
                self.assertEqual((listener.post(text(i))[0], listener.ask("GET", "/healthz")[0]), (503, 503))
            self.assertLess(time.monotonic() - begun, 15)  # it was 20 s
            db.execute("ROLLBACK")
            self.assertEqual(listener.post(text(1))[0], 200)
            self.assertEqual(listener.ask("GET", "/healthz")[0], 200)
            db.execute("BEGIN EXCLUSIVE")  # it is waited for as before
            unlock = threading.Timer(5, db.execute, ["ROLLBACK"])
            unlock.start()
            self.assertEqual(listener.post(text(4))[0], 200)
            unlock.join()

    def remove_state(self):
        """Again where the listener has made a file in it meanwhile."""
        def gone():
            shutil.rmtree(self.state, ignore_errors=True)
            return not os.path.exists(self.state)
        support.wait_until(gone)

    def test_a_state_that_is_taken_away_or_put_back(self):
        """What is stored afterwards is in the file that others find, and what waits there is handled."""
        self.hooks()
        listener = self.listener()
        self.assertEqual(listener.post(text(0))[0], 200)
        self.wait_done(1)
        backup = self.folder + "/backup"
        with contextlib.closing(sqlite3.connect(self.state + "/jeton.db", timeout=30)) as db:
            db.execute("VACUUM INTO ?", (backup,))
        with contextlib.closing(sqlite3.connect(backup)) as db, db:
            db.execute("UPDATE event SET state = 'ready', ended_ms = NULL, attempt = 0, next_ms = received_ms")
            db.execute("PRAGMA journal_mode = WAL")
        os.chmod(backup, 0o600)
        self.remove_state()
        self.assertEqual(listener.post(text(1))[0], 200)
        self.wait_done(1)
        self.assertEqual(self.handled(), {"e1": 1})
        self.remove_state()
        os.mkdir(self.state, 0o700)
        shutil.move(backup, self.state + "/jeton.db")
        support.wait_until(lambda: self.handled() == {"e0": 2})  # nothing came: it looks every five seconds
        self.assertEqual(listener.post(text(2))[0], 200)
        self.wait_done(2)
        self.assertEqual(self.handled(), {"e0": 2, "e2": 1})
        # Others would take its sign of life, which was in the folder, for gone, and run again what it has under way.
        self.assertIn("the sign of life was lost; starting anew", listener.log())
        listener.stop()

    def test_a_full_disk_and_its_end(self):
        self.hooks()
        listener = self.listener()
        self.assertEqual(listener.post(text(0))[0], 200)
        self.wait_done(1)
        front = listener.children()[0]
        subprocess.run(["prlimit", f"--pid={front}", "--fsize=1:unlimited"], check=True)
        for i in range(1, 3):
            status, headers, _ = listener.post(text(i))
            self.assertEqual(status, 503, listener.log())
            self.assertIn("Retry-After", headers)
        self.assertEqual(listener.ask("GET", "/healthz")[0], 503)
        subprocess.run(["prlimit", f"--pid={front}", "--fsize=unlimited:unlimited"], check=True)
        support.wait_until(lambda: listener.ask("GET", "/healthz")[0] == 200)  # without an event: a balancer sends none until then
        self.assertEqual(self.rows("SELECT count(*) FROM kv WHERE scope NOT LIKE 'hook:%'"), [(0,)])
        for i in range(1, 3):
            self.assertEqual(listener.post(text(i))[0], 200, listener.log())
        self.wait_done(3)
        self.assertEqual(set(self.handled().values()), {1})

    def test_a_batch_of_which_a_part_is_stored(self):
        """What is stored is handled at once, and the rest where its sender comes again."""
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\nwebhooks:\n  orders:\n    each: \"json:\"\n"
                   + listening.HOOK.format(folder=self.folder).replace("json:id", "item:id"))
        listener = self.listener()
        batch = [{"id": f"e{n}"} for n in range(600)]
        listener.post(batch[:1])
        self.wait_done(1)
        with contextlib.closing(sqlite3.connect(self.state + "/jeton.db", timeout=30)) as db:
            db.execute("CREATE TRIGGER full BEFORE INSERT ON event WHEN NEW.id = 'e501' BEGIN SELECT RAISE(ABORT, 'full'); END")
            time.sleep(7)  # it looks every five seconds whether others have written, and wakes its workers then
            self.assertEqual(listener.post(batch)[0], 503)
            self.wait_done(2, 12)
            db.execute("DROP TRIGGER full")
        self.assertEqual(listener.post(batch)[0], 200)
        self.wait_done(600)
        self.assertEqual(set(self.handled().values()), {1})
        listener.stop()

    def test_sockets_of_a_service_manager(self):
        self.hooks()
        script = self.write("activate.py", ACTIVATOR)
        process = self.start(script, JETON, "listen", program=sys.executable)
        port, metrics_port = map(int, process.stdout.readline().split())
        early = socket.create_connection(("127.0.0.1", port))  # before anybody listens to it
        body = json.dumps(text(1)).encode()
        early.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Sig: %s\r\nContent-Length: %d\r\n\r\n%s"
                      % (sign(body).encode(), len(body), body))
        self.addCleanup(early.close)
        listener = self.listener(popen=process)
        self.assertEqual(listener.port, port)
        early.settimeout(30)
        self.assertTrue(early.recv(1000).startswith(b"HTTP/1.1 200 "))
        self.wait_done(1)
        listener.port = metrics_port
        self.assertEqual(listener.ask("GET", "/metrics")[0], 200)
        listener.stop()

    def test_a_unix_socket_of_the_service_manager(self):
        """As nginx may be in front of it."""
        self.hooks()
        path = self.folder + "/listen.socket"
        script = self.write("activate.py", f"""\
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind({path!r})
s.listen(8)
os.dup2(os.dup(s.fileno()), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[1], sys.argv[1:])
""")
        process = self.start(script, JETON, "listen", program=sys.executable)
        self.assertIn(b"listening on a Unix socket of the service manager, by http (1 webhook)", process.stderr.readline())
        body = json.dumps(text(1)).encode()
        for signature, status in ((sign(body), b"200"), ("0" * 64, b"401")):
            with socket.socket(socket.AF_UNIX) as sender:
                sender.settimeout(30)
                sender.connect(path)
                sender.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Sig: %s\r\nContent-Length: %d\r\n\r\n%s"
                               % (signature.encode(), len(body), body))
                self.assertTrue(sender.recv(1000).startswith(b"HTTP/1.1 %s " % status))
        self.assertIn(b"(from a Unix socket): no signature fits", process.stderr.readline())
        self.wait_done(1)
        process.terminate()
        self.assertEqual(process.wait(40), 0)

    def test_a_socket_of_the_service_manager_that_others_reach(self):
        cases = [(0, "", "0.0.0.0 can be reached by others"), (0, "  behind_proxy: true\n", "anybody who reaches 0.0.0.0"),
                 (1, "", "the socket of metrics has the address 0.0.0.0")]
        for place, listen, says in cases:
            self.hooks(listen=listen, more=f"""\
  open: {{ verify: {{ kind: none }}, allow_unsigned: true, id: none, script: {self.folder}/handler.lua }}
""")
            hosts = ["127.0.0.1", "127.0.0.1"]
            hosts[place] = "0.0.0.0"
            script = self.write("activate.py", ACTIVATOR.replace('("127.0.0.1", 0)) for _ in range(2)',
                                                                 f'(host, 0)) for host in {hosts}'))
            self.fails(3, script, JETON, "listen", program=sys.executable, says=says)

    def test_the_service_manager_is_told(self):
        self.hooks()
        for name in (self.folder + "/notify", "\0" + self.folder):
            manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.addCleanup(manager.close)
            manager.settimeout(30)
            manager.bind(name)
            self.env["NOTIFY_SOCKET"] = name.replace("\0", "@")
            listener = self.listener()
            self.assertEqual(manager.recv(1000), b"READY=1")
            self.assertEqual(listener.ask("GET", "/healthz")[0], 200)
            listener.process.send_signal(signal.SIGHUP)
            self.assertEqual([manager.recv(1000) for _ in range(2)], [b"RELOADING=1", b"READY=1"])
            listener.stop()
            self.assertEqual(manager.recv(1000), b"STOPPING=1")
            manager.setblocking(False)
            with self.assertRaises(BlockingIOError):  # nobody else has spoken
                manager.recv(1000)

    def test_a_signal_as_soon_as_it_listens(self):
        self.hooks()
        for _ in range(20):
            listener = self.listener()
            listener.process.send_signal(signal.SIGHUP)
            listener.wait_log("configuration reloaded: 1 webhook")
            listener.stop()

    def one_waits(self):
        """For its second attempt: a listener whose first event has failed."""
        self.hooks()
        self.write("handler.lua", "return function() error('no', 0) end")
        listener = self.listener()
        self.assertEqual(listener.post(text(1))[0], 200)
        listener.wait_log("attempt 1 of 8: no")
        return listener

    def test_events_of_a_webhook_that_is_renamed(self):
        listener = self.one_waits()
        path = os.path.join(self.folder, "jeton.yaml")
        with open(path, encoding="utf-8") as file:
            renamed = file.read().replace("  orders:", "  bills:")
        self.write("jeton.yaml", renamed)
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(f"'orders' of {path} is not configured any more: events that wait for it are not handled")
        listener.stop()
        says = f"1 event of webhook 'orders' of {path} waits for it, which is not configured any more"
        listener = self.listener()
        listener.wait_log(says)
        listener.stop()
        self.assertIn(says, self.ok("check").stdout)
        self.assertIn("event 1 waits until its webhook is configured again", self.ok("events", "--retry", "1").stderr)
        self.ok("events", "--drop", "1")
        self.assertNotIn("orders", self.ok("check").stdout)

    def test_events_of_a_configuration_that_gets_a_name(self):
        """The next run takes them along: nobody is told to drop them."""
        self.one_waits().stop()
        with open(os.path.join(self.folder, "jeton.yaml"), encoding="utf-8") as file:
            self.write("jeton.yaml", file.read().replace("version: 1", "version: 1\nname: shop"))
        self.assertNotIn("not configured any more", self.ok("check").stdout)
        self.write("handler.lua", "return function() end")
        listener = self.listener()
        self.wait_done(1)
        listener.stop()
        self.assertNotIn("not configured any more", listener.log())

    def test_many_events_of_webhooks_that_are_gone(self):
        """What is said of them costs no more than reading them."""
        self.one_waits().stop()
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n")
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"))) as database:
            columns = [row[1] for row in database.execute("PRAGMA table_info(event)")]
            copied = {"seq": "seq + n", "id": "id || n", "scope": "replace(scope, 'orders', iif(n > 30000, 'stars', 'bills'))"}
            more = f"""WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {{}})
                INSERT INTO event ({', '.join(columns)}) SELECT {', '.join(copied.get(column, column) for column in columns)}
                FROM event, many"""
            database.execute(more.format(60000))
            database.commit()

        def cost(*args):
            """What it printed, and its time of the processor."""
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            return self.ok(*args).stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

        said, seconds = cost("check")
        self.assertLess(seconds, 5 * cost("events", "--waiting", "--json")[1])
        for says in ("30000 events of webhook 'bills'", "30000 events of webhook 'stars'", "1 event of webhook 'orders'"):
            self.assertEqual(said.count(says), 1, said)
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jeton.db"))) as database:
            database.execute("DELETE FROM event WHERE scope NOT LIKE '%orders%'")
            database.execute(more.format(110000))
            database.commit()
        self.assertIn("80000 or more events of webhook 'stars'", self.ok("check").stdout)

    def test_reload(self):
        authority = certificates.Authority(self.folder)
        for name in ("old", "new"):
            authority.server(name)
        def use(name, more=""):
            self.hooks(more=more, listen=f"  certificate: {self.folder}/{name}.pem\n  key: {self.folder}/{name}.key\n")
        def subject():
            connection = listener.connection(context)
            connection.connect()
            subject = dict(field[0] for field in connection.sock.getpeercert()["subject"])
            connection.close()
            return subject["commonName"]
        use("old")
        listener = self.listener()
        self.assertEqual(listener.scheme, "https")
        context = listening.ssl.create_default_context(cafile=authority.file)
        self.assertEqual(listener.post(text(1), context=context)[0], 200)
        self.assertEqual(subject(), "old")
        kept = listener.connection(context)
        kept.request("GET", "/healthz")
        self.assertEqual(kept.getresponse().read(), b"ok\n")
        self.write("jeton.yaml", "version: 1\nno_such_key: 1\n")
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("the previous configuration stays in use")
        self.assertEqual(listener.post(text(2), context=context)[0], 200)
        os.chmod(os.path.join(self.folder, "new.key"), 0o644)
        use("new")
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"new\.key")
        self.assertEqual(subject(), "old")
        os.chmod(os.path.join(self.folder, "new.key"), 0o600)
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"configuration reloaded: 1 webhook\s")
        support.wait_until(lambda: subject() == "new")
        self.assertEqual(listener.post(text(3), path="/second", context=context)[0], 404)
        shutil.copy(f"{self.folder}/old.pem", f"{self.folder}/half.pem")
        shutil.copy(f"{self.folder}/new.key", f"{self.folder}/half.key")  # with its mode
        use("half")  # a renewal of which only one file is there
        self.assertIn("which do not fit", self.jeton("check").stdout)
        self.fails(3, "listen", "--trigger", "orders", "/dev/null", says="which do not fit")
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"half\.key: .*, which do not fit or are not PEM; the previous configuration stays in use")
        self.assertEqual(listener.post(text(3), path="/second", context=context)[0], 404)
        self.assertEqual(subject(), "new")
        use("new", more="  second:\n" + listening.HOOK.format(folder=self.folder))
        listener.process.send_signal(signal.SIGHUP)
        support.wait_until(lambda: listener.post(text(3), path="/second", context=context)[0] == 200)
        for i in range(4, 6):
            self.assertEqual(listener.post(text(i), context=context)[0], 200)
        self.wait_done(5)
        kept.close()
        listener.stop()
        self.assertEqual(set(self.handled().values()), {1})

    def test_a_reload_with_another_address(self):
        """Told as long as the socket is another one than the configuration says, and no longer."""
        ports = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as free:
                ports.append(free.getsockname()[1])
        said = []
        self.hooks()
        with open(os.path.join(self.folder, "jeton.yaml"), encoding="utf-8") as file:
            config = file.read()
        self.write("jeton.yaml", config.replace("127.0.0.1:0", f"127.0.0.1:{ports[0]}"))
        listener = listening.Listener(self, popen=self.start("listen"))
        for turn, port in enumerate((ports[1], ports[1], ports[0], ports[0])):
            self.write("jeton.yaml", config.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
            listener.process.send_signal(signal.SIGHUP)
            listener.wait_log(r"(?s)(configuration reloaded.*){%d}" % (turn + 1))
            said.append(listener.log().count("another address to listen on needs a restart"))
        self.assertEqual(said, [1, 2, 2, 2])
        listener.stop()

    def test_a_reload_while_the_state_cannot_be_opened(self):
        """The processes in use have it open, and go on; new ones would serve nobody."""
        self.hooks()
        listener = self.listener()
        self.assertEqual(listener.post(text(1))[0], 200)
        self.wait_done(1)
        path = os.path.join(self.state, "jeton.db")
        os.rename(path, path + ".away")
        os.symlink(path + ".away", path)  # as no user's permissions keep root from it
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"jeton\.db.*; the previous configuration stays in use")
        self.assertEqual(listener.ask("GET", "/nothing")[0], 404)
        os.rename(path + ".away", path)
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("configuration reloaded: 1 webhook")
        self.assertEqual(listener.post(text(2))[0], 200)
        self.wait_done(2)
        listener.stop()

    def test_a_reload_with_a_script_that_cannot_be_loaded(self):
        """Of handlers, too, the former ones stay in use: new ones would handle nothing until somebody mends them."""
        self.hooks()
        listener = self.listener()
        self.assertEqual(listener.post(text(1))[0], 200)
        self.wait_done(1)
        self.write("handler.lua", "return function(event\n")
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"webhook 'orders': .*handler\.lua:\d+: .*; the previous configuration stays in use")
        os.unlink(os.path.join(self.folder, "handler.lua"))
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"webhook 'orders': .*handler\.lua: No such file or directory; the previous configuration")
        self.assertEqual(listener.post(text(2))[0], 200)
        self.wait_done(2)
        self.write("handler.lua", listening.HANDLER)
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("configuration reloaded: 1 webhook")
        self.assertEqual(listener.post(text(3))[0], 200)
        self.wait_done(3)
        listener.stop()
        self.assertEqual(set(self.handled().values()), {1})

    def test_a_reload_beside_a_script_that_has_never_loaded(self):
        """It holds up no other webhook, nor what else is new."""
        def use(script, more=""):
            hook = listening.HOOK.format(folder=self.folder)
            self.hooks(more=f"  never:\n{hook.replace('handler.lua', script)}{more}")

        self.write("broken.lua", "return function(event\n")
        use("broken.lua")
        listener = self.listener()
        listener.wait_log(r"webhook 'never': (.|\s)*webhook 'never': ")
        use("broken.lua", more="  second:\n" + listening.HOOK.format(folder=self.folder))
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"webhook 'never': .*broken\.lua:\d+: .*; so it was before")
        listener.wait_log("configuration reloaded: 3 webhooks")
        support.wait_until(lambda: listener.post(text(1), path="/second")[0] == 200)
        self.write("handler.lua", "return function(event\n")  # this one has
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"webhook 'orders': .*handler\.lua:\d+: .*; the previous configuration stays in use")

    def test_a_reload_with_a_directory_that_is_not_there(self):
        place = os.path.join(self.folder, "place")
        os.mkdir(place)
        self.hooks(hook=f"    directory: {place}\n")
        listener = self.listener()
        self.assertEqual(listener.post(text(1))[0], 200)
        self.wait_done(1)
        os.rmdir(place)
        for says in "No such file or directory", "Not a directory":
            listener.process.send_signal(signal.SIGHUP)
            listener.wait_log(f"webhook 'orders': cannot enter directory '{place}': {says}; the previous configuration stays in use")
            self.write("place", "")
        self.assertEqual(listener.post(text(2))[0], 200)
        self.wait_done(2)
        os.unlink(place)
        os.mkdir(place)
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("configuration reloaded: 1 webhook")

    def test_a_reload_by_another_path(self):
        """As where `current` leads to the next release."""
        config, current = self.hooks(), os.path.join(self.folder, "current")
        for release in "release1", "release2":
            os.mkdir(os.path.join(self.folder, release))
            shutil.copy(config, os.path.join(self.folder, release))
        os.symlink("release1", current)
        self.env["JETON_CONFIG"] = os.path.join(current, "jeton.yaml")
        listener = self.listener()
        os.unlink(current)
        os.symlink("release2", current)
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log(r"the configuration was \S+/release1/jeton.yaml and is \S+/release2/jeton.yaml, and has no `name`: .*needs "
                          "a restart; the previous configuration stays in use")

    def test_requests_that_are_coming_at_a_reload_and_at_the_end(self):
        """They are finished: some senders do not come again."""
        self.hooks()
        listener = self.listener()
        for number, signo in enumerate((signal.SIGHUP, signal.SIGTERM)):
            requests = []
            for its, sent in ((number, 10), (number + 2, -5)):  # of one the head has not come yet, of one the body
                body = json.dumps(text(its)).encode()
                request = b"POST /orders HTTP/1.1\r\nHost: x\r\nX-Sig: %s\r\nContent-Length: %d\r\n\r\n%s" % (
                    sign(body).encode(), len(body), body)
                sender = socket.create_connection(("127.0.0.1", listener.port))
                self.addCleanup(sender.close)
                sender.sendall(request[:sent])
                requests.append((sender, request[sent:]))
            self.assertEqual(listener.ask("GET", "/healthz")[0], 200)  # those before it have been accepted
            listener.process.send_signal(signo)
            listener.wait_log("configuration reloaded" if signo == signal.SIGHUP else "Terminated: ending")
            for sender, rest in requests:
                sender.sendall(rest)
                sender.settimeout(30)
                self.assertTrue(sender.recv(1000).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(listener.process.wait(40), 0)
        self.listener()
        self.wait_done(4)
        self.assertEqual(set(self.handled().values()), {1})

    def test_an_end_that_loses_nothing(self):
        self.write("handler.lua", """\
local state = require "jeton.state"
return function(event)
  require("jeton.task").sleep(1)
  state.set(event.id, 1)
end
""")
        self.hooks(hook="    concurrency: 1\n")
        listener = self.listener()
        for i in range(3):
            self.assertEqual(listener.post(text(i))[0], 200)
        support.wait_until(lambda: self.states().get("running"))
        started = time.monotonic()
        listener.stop()
        self.assertLess(time.monotonic() - started, 20)  # the grace is 25 s
        self.assertEqual(self.handled(), {"e0": 1})
        self.assertEqual(self.states(), {"done": 1, "ready": 2})
        self.assertEqual(self.rows("SELECT max(attempt) FROM event WHERE state = 'ready'"), [(0,)])
        self.listener()
        self.wait_done(3)

    def test_replies_by_the_handler(self):
        self.write("late.lua", "return function() require('jeton.task').sleep(1) return { status = 201 } end\n")
        self.write("handler.lua", """\
return function(event)
  local long = event.data.long and ("x"):rep(event.data.long)
  return { status = 201, headers = { ["Content-Type"] = "text/x-reply", ["X-Long"] = long }, body = "you said " .. event.data.say }
end
""")
        late = listening.HOOK.format(folder=self.folder).replace("handler.lua", "late.lua")
        self.hooks(hook="    answer: { handler: 1m }\n", more=f"  late:\n{late}    answer: {{ handler: 200ms }}\n")
        listener = self.listener()
        status, headers, body = listener.post(text(1, say="hello"))
        self.assertEqual((status, headers["Content-Type"], body), (201, "text/x-reply", b"you said hello"), listener.log())
        self.assertEqual(listener.post(text(2), path="/late")[::2], (200, b""))
        self.assertEqual(listener.post(text(1, say="hello"))[::2], (200, b""))  # a duplicate runs nothing
        self.assertEqual(listener.post(text(3, say="x", long=4000))[0], 201)
        self.assertEqual(listener.post(text(4, say="x", long=4096))[::2], (200, b""))  # stored, and handled
        listener.wait_log("headers of a reply")

    def test_replies_of_handlers_that_run_again_for_a_conflict(self):
        self.hooks("    answer: { handler: 30s }\n")
        self.write("handler.lua", """\
local state = require "jeton.state"
return function()
  local n = (state.get "n" or 0) + 1
  require("jeton.task").sleep(0.1)
  state.set("n", n)
  return { status = 201, body = tostring(n) }
end
""")
        listener = self.listener()
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            replies = list(pool.map(lambda n: listener.post(text(n)), range(5)))
        self.assertEqual(sorted((status, body) for status, _, body in replies), [(201, b"%d" % n) for n in range(1, 6)])
        listener.stop()

    def test_senders_whose_worker_ends_before_their_turn(self):
        """They hear at once that their event is stored, not at the end of the grace."""
        self.hooks("    answer: { handler: 30s }\n    concurrency: 1\n")
        self.write("handler.lua", 'return function() require("jeton.task").sleep(1) return { status = 201 } end\n')
        listener = self.listener()
        since = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for stored, how in ((2, signal.SIGHUP), (4, signal.SIGTERM)):
                replies = [pool.submit(listener.post, text(f"{how}.{n}")) for n in range(2)]
                support.wait_until(lambda: sum(self.states().values()) == stored and self.states().get("running"))
                listener.process.send_signal(how)
                self.assertEqual(sorted(reply.result()[0] for reply in replies), [200, 201])
                support.wait_until(lambda: set(self.states()) == {"done"} or how == signal.SIGTERM)
        self.assertEqual(listener.process.wait(10), 0)
        self.assertLess(time.monotonic() - since, 20)
        self.assertNotIn("Killed", listener.log())

    def test_replies_that_do_not_fit_into_the_socket_at_once(self):
        """Between the worker and the listener there is room for a few of them."""
        self.write("handler.lua", 'return function(event) return { body = event.data.say .. ("x"):rep(50000) } end\n')
        self.hooks(hook="    answer: { handler: 20s }\n    concurrency: 50\n")
        listener = self.listener()
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            replies = list(pool.map(lambda i: listener.post(text(i, say=f"{i}"))[2], range(100)))
        self.assertEqual(replies, [b"%d" % i + b"x" * 50000 for i in range(100)])

    def test_a_handler_at_work_replies_though_the_listener_reloads_or_ends(self):
        self.write("handler.lua", f"""\
return function(event)
  io.open("{self.folder}/begun", "w"):close()
  require("jeton.task").sleep(1)
  return {{ body = event.data.say }}
end
""")
        self.hooks(hook="    answer: { handler: 20s }\n")
        listener = self.listener()
        for number in (signal.SIGHUP, signal.SIGTERM):
            with self.subTest(number=number), concurrent.futures.ThreadPoolExecutor() as pool:
                asking = pool.submit(listener.post, text(number, say="done"))
                support.wait_until(lambda: os.path.exists(self.folder + "/begun"))
                os.unlink(self.folder + "/begun")
                listener.process.send_signal(number)
                self.assertEqual(asking.result()[::2], (200, b"done"), listener.log())
        self.assertEqual(listener.process.wait(30), 0)

    @unittest.skipUnless(support.SOAK, "the long form")
    def test_a_connection_that_a_proxy_keeps(self):
        """For as long as balancers do, a minute and more: if it ended before, what they send at that moment would be lost."""
        self.hooks()
        listener = self.listener()
        kept = listener.connection()
        kept.connect()
        kept.auto_open = False  # it is the one and only
        for number, pause in enumerate((0, 65, 125)):
            time.sleep(pause)
            body = json.dumps(text(number)).encode()
            kept.request("POST", "/orders", body, {"X-Sig": sign(body)})
            reply = kept.getresponse()
            self.assertEqual((reply.status, reply.read()), (200, b""))
        kept.close()
        listener.stop()

    def test_events_that_are_tried_again(self):
        """By hand: the worker is woken for it."""
        self.write("handler.lua", "return function(event) if event.attempt == 1 and not io.open '" + self.folder + "/again' then error 'x' end end")
        self.hooks(hook="    retries: { attempts: 1 }\n")
        listener = self.listener()
        listener.post(text(1))
        support.wait_until(lambda: self.states() == {"dead": 1})
        self.write("again", "")
        self.ok("events", "--retry", "1")
        before = time.monotonic()
        self.wait_done(1)
        self.assertLess(time.monotonic() - before, 25)  # it looks by itself after 30 s

    def test_idle(self):
        hook = listening.HOOK.format(folder=self.folder)
        self.hooks(more="".join(f"  more{i}:\n{hook}" for i in range(19 if support.SOAK else 0)))
        listener = self.listener()
        listener.post(text(1))
        self.wait_done(1)
        def used():
            """Nanoseconds of the processor, of all threads."""
            total = 0
            for pid in [listener.process.pid, *listener.children()]:
                for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                    with open(path, encoding="ascii") as file:
                        total += int(file.read().split()[0])
            return total
        def is_quiet():
            before = used()
            time.sleep(0.5)
            return used() == before
        support.wait_until(is_quiet, 60)  # what comes after the event takes longer on a busy machine
        before, seconds = used(), 60 if support.SOAK else 3
        time.sleep(seconds)
        self.assertLess(used() - before, 20e6 * seconds / 60)  # 20 ms a minute


if __name__ == "__main__":
    unittest.main()
