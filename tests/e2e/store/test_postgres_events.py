"""Events of webhooks in a state that hosts share: several listeners, each event handled once, whatever dies."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import listening
from cuts import Proxy
from listening import HOOK, SECRET, Listener
from namespaces import ENTER, end_host, has_namespaces
from postgres import KEY, SOCKET, OwnServer, PostgresCase
from support import JETON, SOAK, SOURCE, side_by_side, wait_until

EVENTS = 2000 if SOAK else 600
KEYS = 7
PLACES = 3  # of cuts on each side, or all
KILLS = 200 if SOAK else 10  # a slow machine would kill workers faster than it starts them
ROWS = 10000

# What has been handled, by whom and in which order; and how often, in the state.
HANDLER = """\
local state = require "jeton.state"
return function(event)
  state.set(event.id, (state.get(event.id) or 0) + 1)
  if event.data.wait then
    local file = io.open("{folder}/waiting", "w"); file:close()
    while not io.open("{folder}/go") do require "jeton.task".sleep(0.02) end
  end
  local file = io.open("{folder}/handled", "a")
  file:write(event.id, " ", event.attempt, "\\n"):close()
end
"""
COUNTS = """\
local state, counts = require "jeton.state", {}
return function(event)
  for i = 0, event.data.count - 1 do counts[i + 1] = state.get("e" .. i) or 0 end
  local file = io.open(event.data.file .. ".new", "w")
  file:write(require "jeton.json".encode(counts)):close()
  os.rename(event.data.file .. ".new", event.data.file)
end
"""


class Events(PostgresCase):
    def setUp(self):
        super().setUp()
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", HANDLER.format(folder=self.folder))

    def hooks(self, number, retries="0s", more="", **state):
        hook = HOOK.format(folder=self.folder) + f'    order: "json:key"\n    retries: {{ delay: {retries} }}\n{more}'
        self.host(number, "webhooks:\n  orders:\n" + hook, **state)

    def listen(self, number, **state):
        self.hooks(number, **state)
        return Listener(self, popen=self.start_on(number, "listen", "--listen", "127.0.0.1:0"))

    def handled(self):
        try:
            with open(self.folder + "/handled", encoding="ascii") as file:
                return [line.split() for line in file]
        except FileNotFoundError:
            return []

    def states(self):
        return dict(self.sql("SELECT state, count(*) FROM @event GROUP BY state"))

    def wait_done(self, count, timeout=120):
        wait_until(lambda: int(self.states().get("4", 0)) >= count, timeout)

    def counts(self, count):
        """What the handlers have left of the events e0 … in the state, by one that reads it."""
        self.write("handler.lua", COUNTS)
        listener = self.listen(9)
        self.assertEqual(listener.post({"id": "counts", "type": "t", "count": count,
                                        "file": self.folder + "/counts"})[0], 200)
        wait_until(lambda: os.path.exists(self.folder + "/counts"), 60)
        listener.stop()
        with open(self.folder + "/counts", encoding="ascii") as file:
            return json.load(file)

    def post(self, listeners, event):
        """As a sender does: until somebody says 200. Some come twice, to two of them."""
        for turn in range(1000):
            try:
                if listeners[(event["n"] + turn) % len(listeners)].post(event)[0] == 200:
                    return
            except (OSError, listening.http.client.HTTPException):
                pass
            time.sleep(0.05)
        self.fail(f"nobody takes {event}")

    def test_a_reload_that_could_not_begin(self):
        """The processes in use go on: they have the key that was there, and another schema is another state."""
        listener = self.listen(0)
        event = {"id": "e", "type": "t", "key": "k"}
        self.assertEqual(listener.post(event)[0], 200)
        for text, says in (("rubbish\n", "line 1 is no key"), (KEY[::-1].lstrip("=") + "=\n", "no key of `state.key` is the one"),
                           (None, "key of state: .*No such file")):
            os.unlink(self.folder + "/state.key")
            if text is not None:
                self.write("state.key", text)
            listener.process.send_signal(signal.SIGHUP)
            listener.wait_log(says + ".*; the previous configuration stays in use")
        self.write("state.key", KEY + "\n")
        self.hooks(0, schema=self.schema + "other")
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("another state needs a restart; the previous configuration stays in use")
        self.assertEqual(listener.post({**event, "id": "f"})[0], 200)
        self.wait_done(2)

    def test_a_sender_that_leaves_while_it_is_stored(self):
        """What --print shows of it, and what is stored, is its body still, not what came to lie there."""
        self.hooks(0)
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0", "--print"))
        self.assertEqual(listener.post({"id": "first", "type": "t"})[0], 200)  # there are tables
        fronts = listener.children()
        body = json.dumps({"id": "left", "type": "t", "long": "x" * 400_000}).encode()
        with subprocess.Popen(["psql", "-qh", self.server, "-U", "jeton", "-d", "jeton"], stdin=subprocess.PIPE, text=True) as held:
            held.stdin.write(f"BEGIN; LOCK TABLE {self.schema}.event;\n")
            held.stdin.flush()
            wait_until(lambda: self.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
                                        " AND relation = '@event'::regclass"))
            with socket.create_connection(("127.0.0.1", listener.port)) as sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its end is a RST
                sender.sendall(f"POST /orders HTTP/1.1\r\nHost: h\r\nX-Sig: {listening.sign(body)}\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                time.sleep(0.5)
            time.sleep(0.2)
            for _ in range(3):  # its memory is somebody else's
                with contextlib.suppress(OSError):
                    listener.ask("POST", "/orders", b"y" * 400_000, {"X-Sig": "0" * 64})
            held.communicate("COMMIT;\n")
        printed = b""
        while not printed.endswith(body + b"\n\n") and select.select([listener.process.stdout], [], [], 10)[0]:
            part = os.read(listener.process.stdout.fileno(), 1 << 16)
            self.assertTrue(part, listener.log())
            printed += part
        self.assertEqual(printed[-len(body) - 2:-2], body, listener.log())
        self.wait_done(2)
        self.assertEqual(listener.children(), fronts, listener.log())
        listener.stop()

    def test_a_batch_is_stored_in_parts(self):
        """Each of which has ten seconds. All 5,000 in one took a busy server longer, and others heard 503 meanwhile."""
        hook = HOOK.format(folder=self.folder).replace("json:id", "item:id").replace("{json:type}", "t")
        self.host(0, f'webhooks:\n  orders:\n    each: "json:"\n    concurrency: 1\n{hook}')
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        self.assertEqual(listener.post([{"id": "first", "wait": True}])[0], 200)
        wait_until(lambda: os.path.exists(self.folder + "/waiting"))  # what is claimed is written anew
        batch = [{"id": str(n)} for n in range(501)]
        for _ in range(2):
            self.assertEqual(listener.post(batch)[0], 200, listener.log())
            rows = self.sql("SELECT duplicates, count(*), min(seq), max(seq) FROM @event WHERE state = 1 GROUP BY duplicates, xmin::text"
                            " ORDER BY 3")
            self.assertEqual([row[1] for row in rows], ["250", "250", "1"])
            self.assertEqual(int(rows[2][3]) - int(rows[0][2]), 500)
        self.assertEqual([row[0] for row in rows], ["1", "1", "1"])
        self.write("go", "")
        listener.stop()

    def test_batches_that_come_together_are_several_transactions(self):
        """Each has ten seconds, which a busy server took for 1,000 rows: all of them were refused, and came again together."""
        hook = HOOK.format(folder=self.folder).replace("json:id", "item:id").replace("{json:type}", "t")
        self.host(0, f'webhooks:\n  orders:\n    each: "json:"\n    concurrency: 1\n{hook}')
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        self.assertEqual(listener.post([{"id": "first", "wait": True}])[0], 200)
        wait_until(lambda: os.path.exists(self.folder + "/waiting"))  # what is claimed is written anew
        self.sql("CREATE FUNCTION @slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " IF NEW.id = 'slow' THEN PERFORM pg_sleep(2); END IF; RETURN NEW; END $$;"
                 "CREATE TRIGGER slow BEFORE INSERT ON @event FOR EACH ROW EXECUTE FUNCTION @slow()")
        batches = [[{"id": "slow"}], *([{"id": f"{letter}{n}"} for n in range(100)] for letter in "abcd")]
        with concurrent.futures.ThreadPoolExecutor(len(batches)) as pool:
            self.assertEqual([reply[0] for reply in pool.map(listener.post, batches)], [200] * 5, listener.log())
        rows = self.sql("SELECT count(*) FROM @event WHERE state = 1 GROUP BY xmin::text")
        self.assertEqual(sum(int(row[0]) for row in rows), 401)
        self.assertLessEqual(max(int(row[0]) for row in rows), 250, rows)
        self.write("go", "")
        listener.stop()

    def test_others_do_not_wait_for_all_parts(self):
        """5,000 events took ten seconds and more, which is too long for most senders."""
        hook = HOOK.format(folder=self.folder).replace("json:id", "item:id").replace("{json:type}", "t")
        self.host(0, f'webhooks:\n  orders:\n    each: "json:"\n{hook}')
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        self.assertEqual(listener.post([{"id": "first"}])[0], 200)
        self.sql("CREATE FUNCTION @slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " IF NEW.id LIKE 's%00' THEN PERFORM pg_sleep(0.3); END IF; RETURN NEW; END $$;"
                 "CREATE TRIGGER slow BEFORE INSERT ON @event FOR EACH ROW EXECUTE FUNCTION @slow()")
        replies, other = [], []

        def send(events, replies):
            """As senders do: what a busy server has not stored in time comes again."""
            while not replies or replies[-1] == 503 and len(replies) < 10:
                replies.append(listener.post(events)[0])

        large = threading.Thread(target=send, args=([{"id": f"s{n}"} for n in range(750)], replies))
        large.start()
        wait_until(lambda: self.sql("SELECT 1 FROM @event WHERE id = 's0'"))
        send([{"id": "other"}], other)
        self.assertEqual(other[-1], 200)
        impatient = listener.connection()
        body = json.dumps([{"id": "impatient"}]).encode()
        impatient.request("POST", "/orders", body, {"X-Sig": listening.sign(body)})
        time.sleep(0.1)
        impatient.close()
        large.join()
        self.assertEqual(replies[-1], 200, listener.log())
        self.assertLess(int(self.sql("SELECT seq FROM @event WHERE id = 'other'")[0][0]),
                        int(self.sql("SELECT seq FROM @event WHERE id = 's749'")[0][0]))
        rows = self.sql("SELECT count(*), count(DISTINCT id), max(duplicates) FROM @event WHERE id LIKE 's%'")
        self.assertEqual(rows[0][:2], ["750", "750"])
        self.assertLess(int(rows[0][2]), len(replies))
        listener.stop()

    def test_a_handler_answers_before_the_listener_knows_of_the_commit(self):
        """Workers see an event when it is committed; the process that took it may hear of that much later."""
        self.write("handler.lua", "return function(event) return { json = event.data } end")
        self.host(0, "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder) + "    answer: { handler: 20s }\n")
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        self.assertEqual(json.loads(listener.post({"id": "first", "type": "t"})[2]), {"id": "first", "type": "t"})
        front, replies = listener.children()[0], []

        def send(sender):
            for number in range(40):
                event = {"id": f"{sender}-{number}", "type": "t"}
                replies.append((event, json.loads(listener.post(event)[2] or "null")))

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
        for sender in senders:
            sender.start()
        while any(sender.is_alive() for sender in senders):
            time.sleep(random.random() / 10)
            os.kill(front, signal.SIGSTOP)
            time.sleep(0.05)
            os.kill(front, signal.SIGCONT)
        self.assertEqual(len(replies), 320)
        self.assertEqual([event["id"] for event, said in replies if event != said], [])
        listener.stop()

    def test_listeners_share_them(self):
        """Of each key in the order in which they came, though any host handles them, and workers are killed."""
        def kill(listeners, stop):
            for _ in range(KILLS):
                if stop.wait(0.3):
                    break
                pids = listeners[random.randrange(3)].children()
                if pids:
                    os.kill(random.choice(pids), signal.SIGKILL)

        self.share(kill)

    @unittest.skipUnless(SOAK, "the long form")
    def test_hosts_die_while_events_flow(self):
        """Each listens again a moment later, but for the last one to die: what it had is taken over when its time is over."""
        def kill(listeners, stop):
            for died in itertools.count(1):
                ended = stop.wait(2)
                number = random.randrange(3)
                for pid in [listeners[number].process.pid, *listeners[number].children()]:
                    os.kill(pid, signal.SIGKILL)
                listeners[number].process.wait()
                if ended:
                    break
                listeners[number] = self.listen(number)
            print(f"\n{died} hosts died")

        self.share(kill)

    def share(self, kill):
        listeners = [self.listen(number) for number in range(3)]
        stop = threading.Event()
        killer = threading.Thread(target=kill, args=(listeners, stop), daemon=True)
        killer.start()

        def send(key):
            for n in range(key, EVENTS, KEYS):
                for _ in range(2 if n % 20 == 0 else 1):
                    self.post(listeners, {"id": f"e{n}", "type": "t", "key": f"k{key}", "n": n})

        senders = [threading.Thread(target=send, args=(key,), daemon=True) for key in range(KEYS)]
        for thread in senders:
            thread.start()
        for thread in senders:
            thread.join(300)
        stop.set()
        killer.join()
        self.wait_done(EVENTS, 300)
        order = [int(event[1:]) for event, _ in self.handled()]
        for key in range(KEYS):  # one that was killed between its line and its end has two
            mine = [n for n in order if n % KEYS == key]
            self.assertEqual(mine, sorted(mine))
        self.assertEqual(set(order), set(range(EVENTS)))
        for listener in listeners:
            if listener.process.poll() is None:
                listener.stop()
        self.assertEqual(self.states(), {"4": str(EVENTS)})
        self.assertEqual(self.counts(EVENTS), [1] * EVENTS)
        self.assertEqual(self.sql("SELECT count(*) FROM @lease WHERE until > clock_timestamp() + interval '1 hour'"), [["0"]])

    def test_another_host_takes_what_a_dead_one_had(self):
        first = self.listen(0)
        self.assertEqual(first.post({"id": "e0", "type": "t", "wait": True})[0], 200)
        wait_until(lambda: os.path.exists(self.folder + "/waiting"), 60)
        for pid in first.children() + [first.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.write("go", "")
        self.hooks(1)
        rows = json.loads(self.on(1, "events", "--json").stdout)
        self.assertEqual([(row["event_id"], row["state"], row["attempt"]) for row in rows], [("e0", "running", 1)])
        with open(self.folder + "/host0/host-id", encoding="ascii") as file:
            self.sql(f"UPDATE @lease SET until = clock_timestamp() WHERE kind = 2 AND host = '{file.read(32)}'")
        second = self.listen(1)
        self.wait_done(1)
        self.assertEqual(self.handled(), [["e0", "2"]])
        second.stop()

    def test_a_worker_that_is_taken_for_dead_starts_anew(self):
        listener = self.listen(0)
        self.assertEqual(listener.post({"id": "e0", "type": "t", "wait": True})[0], 200)
        wait_until(lambda: os.path.exists(self.folder + "/waiting"), 60)
        self.sql("DELETE FROM @lease WHERE kind = 2")
        listener.wait_log("the sign of life was lost", 60)
        self.write("go", "")
        self.wait_done(1)
        self.assertEqual(self.handled(), [["e0", "1"]])
        self.assertEqual(listener.post({"id": "e1", "type": "t"})[0], 200)
        self.wait_done(2)
        listener.stop()

    def test_what_is_stored_is_sealed_and_told_by_any_host(self):
        listener = self.listen(0)
        self.assertEqual(listener.post({"id": "e0", "type": "t", "key": "k", "hidden": "of-the-sender"})[0], 200)
        self.wait_done(1)
        self.hooks(1)
        shown = self.on(1, "events", "--show", "1")
        self.assertIn("of-the-sender", shown.stdout + shown.stderr)
        dump = str(self.sql("SELECT * FROM @event")) + str(self.sql("SELECT convert_from(id, 'UTF8') FROM @event"))
        self.assertIn("e0", dump)
        self.assertNotIn("of-the-sender", dump)
        self.assertNotIn(b"of-the-sender".hex(), dump)
        again = Listener(self, popen=self.start_on(1, "listen", "--listen", "127.0.0.1:0"))
        self.assertEqual(again.ask("GET", "/healthz")[0], 200)
        taken = self.on(0, "listen", "--listen", "127.0.0.1:0")
        self.assertEqual((taken.returncode, "of this host" in taken.stderr), (7, True), taken.stderr)
        again.stop()
        listener.stop()

    def test_the_key_is_changed_while_listeners_run(self):
        """As the guide says it; what they take meanwhile is read with the new key alone."""
        keys = {}
        for name in ("old", "new"):
            self.jeton("state", "keygen", name + ".key")
            with open(f"{self.folder}/{name}.key", encoding="ascii") as file:
                keys[name] = file.read()
        self.write("handler.lua", 'return function(event) error("not today") end')
        self.write("state.key", keys["old"])
        listener = self.listen(0)
        for number, names in enumerate((["old"], ["old", "new"], ["new", "old"], ["new"])):
            self.write("state.key", "".join(keys[name] for name in names))
            if names == ["new"]:
                self.assertEqual(self.on(0, "state", "rekey").stdout.split()[0], "0")
            elif names[0] == "new":
                self.assertNotEqual(self.on(0, "state", "rekey").stdout.split()[0], "0")
            self.assertEqual(listener.post({"id": f"e{number}", "type": "t", "said": f"in step {number}"})[0], 200)
        for number in range(4):
            shown = self.on(0, "events", "--show", str(number + 1))
            self.assertIn(f"in step {number}", shown.stdout + shown.stderr)
        wait_until(lambda: self.sql("SELECT count(*) FROM @event WHERE error IS NOT NULL") == [["4"]], 60)
        listener.stop()

    def test_a_connection_that_is_cut_anywhere_loses_and_doubles_nothing(self):
        proxy = Proxy(self.folder + "/proxy", self.server + self.pooler)
        self.addCleanup(proxy.listener.close)
        listener = self.listen(0, url=f"postgresql://jeton@/jeton?host={self.folder}/proxy")
        sent = 0

        def send(*cut):
            nonlocal sent
            proxy.arm(*cut)
            self.post([listener], {"id": f"e{sent}", "type": "t", "key": "k", "n": sent})
            sent += 1
            self.wait_done(sent)

        for _ in range(2):  # the first one finds no worker yet
            send(None, 0, None)
        places = proxy.places()
        for place in places if SOAK else random.sample(places, 2 * PLACES):
            send(*place)
        send(None, 0, None)
        listener.stop()
        if SOAK:
            print(f"\n{sent} events, their connections cut at each message")
        self.assertEqual(self.sql("SELECT sum(duplicates), sum(attempt), count(*) FROM @event"),
                         [["0", str(sent), str(sent)]])
        self.assertNotIn("somebody else has it", listener.log())
        self.assertEqual(self.counts(sent), [1] * sent)

    def test_a_listener_answers_while_the_server_says_nothing(self):
        proxy = Proxy(self.folder + "/proxy", SOCKET)
        self.addCleanup(proxy.listener.close)
        self.addCleanup(proxy.open.set)
        listener = self.listen(0, more='listen: { metrics: "127.0.0.1:0" }\n',
                               url=f"postgresql://jeton@/jeton?host={self.folder}/proxy")
        replies = {}

        def send(name):
            replies[name] = listener.post({"id": name, "type": "t", "key": "k", "n": 0})

        def sent(*names):
            threads = [threading.Thread(target=send, args=(name,), daemon=True) for name in names]
            for thread in threads:
                thread.start()
            return threads

        send("e0")
        self.assertEqual(replies["e0"][0], 200)
        self.wait_done(1)
        proxy.open.clear()
        first, = sent("e1")
        for _ in range(5):  # whether or not the request has come by then
            self.assertEqual(listener.ask("GET", "/healthz")[0], 200)
            time.sleep(0.1)
        self.assertTrue(first.is_alive())
        first.join(60)
        self.assertEqual((replies["e1"][0], replies["e1"][1]["Retry-After"]), (503, "10"))
        self.assertEqual(listener.ask("GET", "/healthz")[0], 503)
        for turn in range(10):  # one tries whether it can be stored, the other is told at once
            both = sent(f"a{turn}")
            time.sleep(turn * 0.1)  # two that come together try together
            both += sent(f"b{turn}")
            wait_until(lambda both=both: not all(thread.is_alive() for thread in both), 60)
            if any(thread.is_alive() for thread in both):
                break
        else:
            self.fail("both have waited")
        self.assertEqual(listener.ask("GET", "/healthz")[0], 503)
        begun, port = time.monotonic(), listener.port
        listener.port = int(listener.wait_log(r"metrics on port (\d+)").group(1))
        told = listener.ask("GET", "/metrics")[2].decode()
        listener.port = port
        self.assertLess(time.monotonic() - begun, 8)
        self.assertIn("jeton_listen_storing 0", told)
        self.assertNotIn("jeton_webhook_events{", told)
        proxy.open.set()
        for thread in both:
            thread.join(60)
        self.post([listener], {"id": "e1", "type": "t", "key": "k", "n": 0})
        self.assertEqual(listener.ask("GET", "/healthz")[0], 200)
        self.wait_done(2)
        listener.stop()

    def test_another_name_takes_them_over(self):
        self.write("handler.lua", 'return function(event) if event.data.n > 0 then error "not today" end end')
        first = self.listen(0, retries="1h")
        for n in range(3):
            self.post([first], {"id": f"e{n}", "type": "t", "key": "k", "n": n, "said": f"this is {n}"})
            wait_until(lambda n=n: self.sql("SELECT count(*) FROM @event WHERE error IS NOT NULL OR state = 4")
                       == [[str(min(2, n + 1))]], 60)
        first.stop()
        self.name = "other"
        self.hooks(0)
        self.assertEqual(self.on(0, "events", "--json").stdout, "[]\n")
        self.says(0, 0, "state", "adopt", "name:shared")
        self.says(0, 0, "events", "--show", "3", words="this is 2")
        self.assertEqual(self.sql("SELECT count(DISTINCT order_lock), count(*) FILTER (WHERE next_ms IS NULL) FROM @event"
                                  " WHERE ended_ms IS NULL"), [["1", "1"]])
        self.sql("UPDATE @event SET next_ms = 1 WHERE next_ms IS NOT NULL")
        self.write("handler.lua", HANDLER.format(folder=self.folder))
        listener = self.listen(0)
        for n in (0, 3):
            self.post([listener], {"id": f"e{n}", "type": "t", "key": "k", "n": n, "said": f"this is {n}"})
        self.wait_done(4)
        self.assertEqual(self.handled(), [["e1", "2"], ["e2", "1"], ["e3", "1"]])
        listener.stop()
        self.assertEqual(self.sql("SELECT sum(duplicates), count(DISTINCT order_lock) FROM @event"), [["1", "1"]])
        # Where both have some, with one ID among them: nothing moves, or those of the former name win.
        self.name = "third"
        self.write("handler.lua", 'return function(event) error "not today" end')
        listener = self.listen(0, retries="1h")
        for n in (3, 4):
            self.post([listener], {"id": f"e{n}", "type": "t", "key": "k", "n": n, "said": f"another {n}"})
        listener.stop()
        self.says(3, 0, "state", "adopt", "name:other", words="both name:other and name 'third'")
        self.says(0, 0, "state", "adopt", "name:other", "--replace")
        rows = json.loads(self.on(0, "events", "--json").stdout)
        self.assertEqual([(row["event_id"], row["state"]) for row in rows],
                         [("e4", "ready"), ("e3", "done"), ("e2", "done"), ("e1", "done"), ("e0", "done")])
        self.assertEqual(self.sql("SELECT count(*) FROM @hook"), [["1"]])

    @unittest.skipUnless(has_namespaces(), "no namespaces of processes and networks here")
    def test_the_pods_of_the_guide(self):
        """Its Deployment as printed: the command, the user and groups, a Secret and an emptyDir as the kubelet makes them,
        a root that is read only, a network of its own; the probe; SIGTERM at the end."""
        with open(SOURCE + "/docs/guide-many-hosts.md", encoding="utf-8") as file:
            part = file.read().partition("## In Kubernetes")[2]
        written, manifest = (re.search(rf"^```{block}\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)[1]
                             for block in ("yaml", "kubernetes"))
        own = re.search(r"^  folder: (\S+)$", written, re.MULTILINE)[1]
        listens = re.search(r"^listen: .*$", written, re.MULTILINE)[0]
        args, user, group, fs_group, config, state, mode, port, path, replicas = (
            re.search(pattern, manifest)[1] for pattern in (
                r"args: (\[.*\])", r"runAsUser: (\d+)", r"runAsGroup: (\d+)", r"fsGroup: (\d+)", r"name: config, mountPath: (\S+),",
                r"name: state, mountPath: (\S+) ", r"defaultMode: (\d+)", r"readinessProbe: .*port: (\d+)",
                r"readinessProbe: .*path: (\S+),", r"replicas: (\d+)"))
        self.assertIn("readOnlyRootFilesystem: true", manifest)
        self.assertRegex(manifest, r"name: state\n *emptyDir: \{\}")
        self.host(0, f"{listens}\nwebhooks:\n  orders:\n" + HOOK.format(folder=config), folder=own,
                  key={"file": config + "/state.key"})
        secret = self.folder + "/etc0"
        for name in ("handler.lua", "sender.secret", "state.key"):
            os.rename(f"{self.folder}/{name}", f"{secret}/{name}")
        self.write("etc0/handler.lua", "return function(event) end")
        os.chmod(self.folder, 0o755)
        os.chmod(secret, 0o3777)
        for name in os.listdir(secret):
            os.chown(f"{secret}/{name}", 0, int(fs_group))
            os.chmod(f"{secret}/{name}", int(mode, 8) | 0o040)
        script = ("mount --make-rprivate / && mount -t tmpfs none /mnt && cd /etc &&"
                  " cp -a passwd group hosts nsswitch.conf ld.so.cache ssl /mnt && mkdir /mnt/jeton &&"
                  f" mount --bind /mnt /etc && mount --bind {secret} {config} && mount -o remount,bind,ro {config} &&"
                  f" mount -t tmpfs none /var/lib && mkdir {state} && mount -t tmpfs -o mode=2777,gid={fs_group} none {state} &&"
                  " mount -o remount,ro /var/lib && mount -o remount,bind,ro /etc && mount -o remount,bind,ro / &&"
                  " ip link set lo up && ip address add 192.0.2.1/32 dev lo && cd / && ! touch /x /etc/x /var/lib/x 2>/dev/null && exec \"$@\"")
        pods = []
        for _ in range(int(replicas)):
            process = subprocess.Popen([*ENTER, "sh", "-ec", script, "sh", "setpriv", "--reuid", user, "--regid", group, "--groups",
                                        fs_group, "--bounding-set=-all", "--no-new-privs", JETON, *json.loads(args)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
                                       env={"PATH": os.environ["PATH"], "XDG_STATE_HOME": "/var/lib", "TZ": "UTC"})
            self.addCleanup(end_host, process)
            pods.append(Listener(self, popen=process))

        def ask(pod, *words):
            inside, = pod.children()
            return subprocess.run(["nsenter", "-t", str(inside), "-n", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                   *words], capture_output=True, text=True, check=False, timeout=60).stdout

        for number, pod in enumerate(pods):
            self.assertEqual(ask(pod, f"http://192.0.2.1:{port}{path}"), "200", pod.log())  # the pod's address
            for n in range(4):  # the same to each
                body = json.dumps({"id": f"e{n}", "type": "t"})
                self.assertEqual(ask(pod, "-H", "X-Sig: " + listening.sign(body.encode()), "-d", body,
                                     f"http://192.0.2.1:{port}/orders"), "200", f"{number} {pod.log()}")
        self.wait_done(4)
        for pod in pods:
            os.kill(pod.children()[0], signal.SIGTERM)
            self.assertEqual(pod.process.wait(60), 0, pod.log())
        self.assertEqual(self.states(), {"4": "4"})
        self.assertEqual(self.sql("SELECT sum(duplicates), sum(attempt) FROM @event"), [["8", "4"]])

    def test_no_table_is_read_as_a_whole(self):
        """At 10,000 of each kind beside a few that matter."""
        listener = self.listen(0)
        self.assertEqual(listener.post({"id": "e0", "type": "t", "key": "k"})[0], 200)
        self.wait_done(1)
        listener.stop()  # what it has counted itself arrives late while it is idle
        self.sql("INSERT INTO @hook (key, scope) SELECT sha256(s), s FROM"
                 " (SELECT convert_to('hook:h' || n || ':name:other', 'UTF8') AS s FROM generate_series(1, 20) AS n) AS its;"
                 "INSERT INTO @event (hook, id, part, state, received_ms, next_ms, ended_ms, attempt, conflicts,"
                 " duplicates, alone, owner, made, order_key, order_lock, digest) SELECT 2 + n % 20,"
                 " convert_to('x' || n, 'UTF8'), 0, CASE n % 5 WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 4 WHEN 3 THEN 8"
                 " ELSE 16 END, n, CASE n % 5 WHEN 0 THEN n END, CASE WHEN n % 5 > 1 THEN n END, 1, 0, 0, false,"
                 " CASE n % 5 WHEN 1 THEN 'w' || n END, '', convert_to('k' || n % 1000, 'UTF8'), n % 1000,"
                 f" sha256(convert_to('d' || n, 'UTF8')) FROM generate_series(1, {5 * ROWS}) AS n;"
                 "INSERT INTO @step SELECT n, 's', '' FROM generate_series(1000000, 1010000) AS n;"
                 "INSERT INTO @lease SELECT 1, sha256(convert_to('l' || n, 'UTF8')), 1, '', '', '' FROM"
                 f" generate_series(1, {ROWS}) AS n")
        self.sql("ANALYZE")
        planner = self.planner()
        listener = self.listen(0, url=planner)
        self.assertEqual(listener.post({"id": "e1", "type": "t", "key": "k"})[0], 200)
        wait_until(lambda: len(self.handled()) == 2, 60)
        for words in (["--json"], ["--waiting"], ["--failed"], ["orders"], ["--show", "1"],
                      ["--retry", "1"]):
            done = self.on(0, "events", *words)
            self.assertEqual(done.returncode, 0, f"{words} {done.stderr}")
        wait_until(lambda: len(self.handled()) == 3, 60)
        self.assertEqual(self.on(0, "events", "--drop", "1").returncode, 0)
        listener.stop()
        again = self.listen(0, url=planner, more="    answer: { handler: 20s }\n")  # it prunes, and recovers
        self.assertEqual(again.post({"id": "e2", "type": "t", "key": "k"})[0], 200)
        self.assertEqual(len(self.handled()), 4)
        again.stop()
        first, = self.sql(  # of its order key, for which many wait
            "INSERT INTO @event (hook, id, part, state, received_ms, ended_ms, attempt, conflicts, duplicates, alone, made,"
            " order_key, order_lock) SELECT (SELECT hook FROM @event WHERE seq = 1), convert_to('q' || n, 'UTF8'), 0,"
            " CASE WHEN n = 1 THEN 8 ELSE 1 END, n, CASE WHEN n = 1 THEN n END, 1, 0, 0, false, '', 'q', 1"
            " FROM generate_series(1, 3000) AS n ORDER BY n RETURNING seq")[0]
        self.assertEqual(self.on(0, "events", "--drop", first).returncode, 0)
        self.assertEqual(self.sql("SELECT seq FROM @event WHERE order_key = 'q' AND next_ms IS NOT NULL"), [[str(int(first) + 1)]])
        seen = self.check_plans(("event", "step", "lease"), 1000)
        self.assertGreater(min(seen.values()), 0, seen)


class ThroughSessions(OwnServer, Events):
    """What dies or is cut, behind a pooler."""

    mode = "session"


class ThroughTransactions(ThroughSessions):
    mode = "transaction"


for test in (name for name in dir(Events) if name.startswith("test_")):
    if not SOAK or test not in ("test_listeners_share_them", "test_hosts_die_while_events_flow",
                                "test_another_host_takes_what_a_dead_one_had",
                                "test_a_connection_that_is_cut_anywhere_loses_and_doubles_nothing"):
        setattr(ThroughSessions, test, None)

load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
