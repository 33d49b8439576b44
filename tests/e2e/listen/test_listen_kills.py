"""jeton listen is killed while events flow, and inside handlers: each one is handled, and once. The long form
(JETON_SOAK) has 10,000 events at 500 a second, 20 kills while they flow, and 20 while one is inside a handler."""

import json
import os
import queue
import random
import signal
import threading
import time
import unittest

import listening
import support
from listening import sign

EVENTS, KILLS, RATE = (10_000, 40, 500) if support.SOAK else (400, 4, 200)
SENDERS = 16
SLOW = """\
local state = require "jeton.state"
local task = require "jeton.task"
return function(event)
  local inside = event.data.inside and "FOLDER/" .. event.id
  local file = inside and not io.open(inside) and assert(io.open(inside, "w"))
  if file then
    file:close()
    task.sleep(240) -- until it is killed
  elseif event.data.slow then
    task.sleep(0.2)
  end
  state.set(event.id, (state.get(event.id) or 0) + 1)
end
"""


class Kills(listening.Case):
    def send(self, body):
        """As a sender does: again and again, until it is answered 200."""
        while not self.over.is_set():
            try:
                if self.current.ask("POST", "/orders", body, {"X-Sig": sign(body)})[0] == 200:
                    self.answered.append(json.loads(body)["id"])
                    return
            except OSError:
                pass
            except Exception as error:  # a reply that was cut
                if "http.client" not in type(error).__module__:
                    raise
            time.sleep(0.02)

    def sender(self):
        while (body := self.queue.get()) is not None:
            self.send(body)

    def kill(self):
        """kill -9 of the whole listener, whose processes end with it; another one begins at its address."""
        old = self.current
        old.process.kill()
        old.process.wait()
        self.current = listening.Listener(self, popen=self.start("listen", "--listen", f"127.0.0.1:{old.port}"))

    def kill_inside(self, name):
        """While a handler has the event of this name, and is in the midst of it."""
        support.wait_until(lambda: os.path.exists(os.path.join(self.folder, name)), timeout=120)
        self.assertEqual(self.rows("SELECT state FROM event WHERE id = ?", name), [("running",)])
        self.kill()

    def kill_worker(self):
        children = self.current.children()
        if children:
            os.kill(random.choice(children), signal.SIGKILL)

    def test_the_clock_is_set_back(self):
        """What a former process had when it was killed is found all the same."""
        clock = {**self.faketime("+0"), "FAKETIME_TIMESTAMP_FILE": self.write("clock", "+0"), "FAKETIME_NO_CACHE": "1"}
        del clock["FAKETIME"]
        self.hooks(listen="  grace: 5m\n")
        self.write("handler.lua", SLOW.replace("FOLDER", self.folder))
        listener = listening.Listener(self, popen=self.start("listen", "--listen", "127.0.0.1:0", env=clock))
        self.assertEqual(listener.post({"id": "one", "type": "t", "inside": True})[0], 200)
        support.wait_until(lambda: os.path.exists(os.path.join(self.folder, "one")), 30)
        former = set(listener.children())
        listener.process.send_signal(signal.SIGHUP)
        listener.wait_log("configuration reloaded")
        self.assertEqual(listener.post({"id": "two", "type": "t"})[0], 200)
        self.wait_done(1)  # the new one lives, and has looked
        self.write("clock", "-2h")
        for pid in former & set(listener.children()):
            os.kill(pid, signal.SIGKILL)
        self.wait_done(2)
        self.assertEqual(self.handled(), {"one": 1, "two": 1})
        listener.stop()

    def test_kills(self):
        self.write("handler.lua", SLOW.replace("FOLDER", self.folder))
        self.hooks()
        self.current = self.listener()
        self.over, self.answered, self.queue = threading.Event(), [], queue.Queue()
        senders = [threading.Thread(target=self.sender, daemon=True) for _ in range(SENDERS)]
        for thread in senders:
            thread.start()
        seed = random.SystemRandom().randrange(1 << 32)
        random.seed(seed)
        ways = ["flow", "inside"] * (KILLS // 2) + ["worker"] * (KILLS // 4)
        turns = dict(zip(random.sample(range(10, EVENTS), len(ways)), ways, strict=True))
        started = time.monotonic()
        for i in range(EVENTS):
            turn = turns.get(i)
            body = json.dumps({"id": f"e{i}", "type": "t", "slow": i % 10 == 0, "inside": turn == "inside"}).encode()
            self.queue.put(body)
            if i % 20 == 0:
                self.queue.put(body)  # 5 % come twice
            if turn == "flow":
                self.kill()
            elif turn == "inside":
                self.kill_inside(f"e{i}")
            elif turn == "worker":
                self.kill_worker()
            time.sleep(max(0, started + i / RATE - time.monotonic()))
        for _ in senders:
            self.queue.put(None)
        for thread in senders:
            thread.join(120)
            self.assertFalse(thread.is_alive(), f"seed {seed}\n{self.current.log()}")
        self.over.set()
        self.assertEqual(len(set(self.answered)), EVENTS)
        self.wait_done(EVENTS, timeout=120)
        handled = self.handled()
        self.assertEqual(len(handled), EVENTS, f"seed {seed}")
        self.assertEqual(set(handled.values()), {1}, f"seed {seed}")
        self.assertEqual(self.states(), {"done": EVENTS})


if __name__ == "__main__":
    unittest.main()
