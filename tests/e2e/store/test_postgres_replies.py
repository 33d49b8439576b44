"""A sender gets the reply of the handler of its event where several hosts listen on one database: `answer: { handler: D }`."""

import http.client
import json
import os
import signal
import threading
import time
import unittest

from listening import HOOK, SECRET, Listener
from postgres import PostgresCase
from support import SOAK, side_by_side, wait_until

SENDERS = 12  # of each host
EVENTS = 200 if SOAK else 25  # of each
# It says who it was: the process of a host.
HANDLER = """\
local state, task = require "jeton.state", require "jeton.task"
return function(event)
  state.set(event.id, (state.get(event.id) or 0) + 1)
  while event.data.awaits and not io.open(event.data.awaits) do task.sleep(0.05) end
  task.sleep(event.data.seconds or math.random() / 50)
  return {{ json = {{ id = event.id, by = os.getenv "LISTENER" }} }}
end
"""


class Replies(PostgresCase):
    def setUp(self):
        super().setUp()
        self.write("sender.secret", SECRET + "\n")
        self.write("handler.lua", HANDLER.format())

    def listen(self, number, answer="20s", hook=""):
        self.host(number, "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder) + f"    answer: {{ handler: {answer} }}\n"
                  f"    environment: {{ LISTENER: host{number} }}\n{hook}")
        return Listener(self, popen=self.start_on(number, "listen", "--listen", "127.0.0.1:0"))

    def reply(self, listener, event, replies=None):
        """(status, what the handler said, seconds); None: nothing but that it is stored."""
        began = time.monotonic()
        status, _, body = listener.post({"type": "t", **event})
        reply = status, json.loads(body or "null"), time.monotonic() - began
        if replies is not None:
            replies[event["id"]] = reply
        return reply

    def send(self, listeners, event):
        """From many at once to each host: {id: reply}"""
        replies = {}

        def send(host, sender):
            for n in range(EVENTS):
                self.reply(listeners[host], event(host, sender, n), replies)

        senders = [threading.Thread(target=send, args=(host, sender), daemon=True)
                   for host in range(len(listeners)) for sender in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(300)
        return replies

    def check(self, replies, hosts=2):
        self.assertEqual(len(replies), hosts * SENDERS * EVENTS)
        lost = [event for event, (_, said, _) in replies.items() if said is None]
        self.assertEqual(len(lost), 0, f"of {len(replies)}")
        self.assertEqual([event for event, (status, said, _) in replies.items()
                          if (status, said) != (200, {"id": event, "by": event.split("-")[0]})], [])
        self.assertEqual(self.left(), [["0"]])

    def left(self):
        return self.sql("SELECT count(*) FROM @event WHERE reserved_for IS NOT NULL")

    def test_each_of_many_senders(self):
        listeners = [self.listen(number) for number in range(2)]
        self.check(self.send(listeners, lambda host, sender, n: {"id": f"host{host}-{sender}-{n}"}))
        for listener in listeners:
            listener.stop()

    def test_of_a_common_order(self):
        """Whoever is behind an event that another host handles waits for that, and is still its own host's."""
        listeners = [self.listen(number, hook='    order: "json:key"\n') for number in range(2)]
        self.check(self.send(listeners, lambda host, sender, n: {"id": f"host{host}-{sender}-{n}", "key": sender}))
        for listener in listeners:
            listener.stop()

    def post(self, listener, event, replies):
        sender = threading.Thread(target=self.reply, args=(listener, event, replies), daemon=True)
        sender.start()
        wait_until(lambda: self.sql(f"SELECT 1 FROM @event WHERE id = '{event['id']}'") != [], 30)
        return sender

    def took(self, event):
        """From its receipt to its end, in ms; None: it has not ended."""
        row, = self.sql(f"SELECT ended_ms - received_ms FROM @event WHERE id = '{event}'")
        return int(row[0]) if row[0] else None

    def test_what_a_host_had_that_has_died(self):
        """Its senders wait no more, but who could know? At the end of the time that they had, another host has it."""
        first, second = (self.listen(number, answer="10s", hook="    concurrency: 1\n") for number in range(2))
        senders = [threading.Thread(target=self.fails, args=(first, event), daemon=True)
                   for event in ({"id": "before", "seconds": 60}, {"id": "left"})]
        for sender, states in zip(senders, ([["2"]], [["1"], ["2"]])):
            sender.start()
            wait_until(lambda states=states: self.sql("SELECT state FROM @event ORDER BY 1") == states, 30)
        for pid in [first.process.pid, *first.children()]:
            os.kill(pid, signal.SIGKILL)
        # It has been told when it may; where that is in less than the five seconds between two looks, one of them is late.
        wait_until(lambda: self.took("left") is not None, 30)
        self.assertGreaterEqual(self.took("left"), 10000)
        self.assertLess(self.took("left"), 10000 + 5000 + 5000)
        for sender in senders:
            sender.join(30)
        self.assertEqual(self.left(), [["0"]])
        second.stop()

    def fails(self, listener, event):
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.reply(listener, event)

    def test_what_a_listener_gives_up_when_it_ends(self):
        """What it handles has its reply; what it does not begin any more is another host's at once."""
        first = self.listen(0, answer="60s", hook="    concurrency: 1\nlisten: { grace: 20s }\n")
        second, replies = self.listen(1, answer="60s"), {}
        senders = [self.post(first, {"id": "handled", "awaits": self.folder + "/go"}, replies)]
        wait_until(lambda: self.sql("SELECT 1 FROM @event WHERE owner IS NOT NULL") != [], 30)
        senders.append(self.post(first, {"id": "waits"}, replies))
        time.sleep(1)
        self.assertEqual(self.took("waits"), None)
        self.assertEqual(self.left(), [["1"]])
        first.process.terminate()
        wait_until(lambda: self.took("waits") is not None, 19)
        self.assertEqual(self.took("handled"), None)
        self.assertEqual(self.left(), [["0"]])
        self.write("go", "")
        for sender in senders:
            sender.join(60)
        self.assertEqual([replies["handled"][:2], replies["waits"][:2]],
                         [(200, {"id": "handled", "by": "host0"}), (200, None)])
        self.assertEqual(first.process.wait(40), 0, first.log())
        second.stop()

    def test_without_answers_nothing_is_reserved(self):
        self.host(0, "webhooks:\n  orders:\n" + HOOK.format(folder=self.folder) + "    concurrency: 1\n")
        listener = Listener(self, popen=self.start_on(0, "listen", "--listen", "127.0.0.1:0"))
        self.assertEqual(self.reply(listener, {"id": "before", "seconds": 3})[:2], (200, None))
        self.assertEqual(self.reply(listener, {"id": "waits"})[:2], (200, None))
        self.assertEqual(self.left(), [["0"]])
        listener.stop()


load_tests = side_by_side


if __name__ == "__main__":
    unittest.main()
