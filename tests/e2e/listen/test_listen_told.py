"""What becomes of a request or an event that is not handled as its sender wants: the log tells of each kind."""

import json
import os
import re
import subprocess
import threading
import unittest

import listening
import support
from listening import JETON, sign


class Told(listening.Case):
    def handler(self, text):
        self.write("handler.lua", 'local task = require "jeton.task"\n' + text)

    def test_what_outsiders_send_hides_nothing_of_the_senders(self):
        self.handler("return function() task.sleep(60) end\n")
        self.hooks(listen="  grace: 100ms\n", hook="    max_waiting: 1\n    max_body: 1000B\n")
        listener = self.listener()
        for _ in range(14):
            listener.post({"id": "e1"}, secret="not-the-senders-0123456789")
        self.assertEqual([listener.post({"id": name})[0] for name in ("e1", "e2", "a" * 2000)], [200, 503, 413])
        listener.stop()
        self.assertEqual(len(re.findall("refused with 401 \\(from", listener.log())), 10)
        self.assertIn("refused with 503: max_waiting events wait (1)", listener.log())
        self.assertIn("refused with 413", listener.log())
        self.assertIn("webhook 'orders': 4 more requests were refused with 401\n", listener.log())  # though none came after them

    def test_items_of_a_batch_without_a_type(self):
        self.hooks(listen="  metrics: 127.0.0.1:0\n", hook="    each: \"json:\"\n    events: [\"a*\"]\n")
        with open(os.path.join(self.folder, "jeton.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.write("jeton.yaml", text.replace("json:id", "item:id").replace("json:type", "item:type"))
        listener = self.listener("-v")
        self.assertEqual(listener.post([{"id": "1", "type": "a"}, {"id": "2", "type": "b"}])[0], 200)
        listener.wait_log("debug: webhook 'orders': skipped: type 'b', wanted a\\*")
        self.assertNotIn("warning", listener.log())
        batch = json.dumps([{"id": "3", "type": "a"}, {"id": "4", "type": "b"}, {"id": "5"}]).encode()
        asked = {"X-Sig": sign(batch), "Jeton-Trigger": "1"}
        self.assertEqual(listener.ask("POST", "/orders", batch, asked)[0], 200)
        listener.wait_log("warning: webhook 'orders': skipped: no type, wanted a\\*")
        self.wait_done(2)
        port = int(listener.wait_log(r"metrics on port (\d+)").group(1))
        own, listener.port = listener.port, port
        self.assertIn('{webhook="orders",result="skipped"} 3\n', listener.ask("GET", "/metrics")[2].decode())
        listener.port = own

    def test_another_content_under_a_known_id(self):
        """`id` may name what several events have in common: all but the first are taken for copies."""
        self.hooks()
        listener = self.listener()
        for data in ({"id": "17", "type": "created"}, {"id": "17", "type": "created"}, {"id": "17", "type": "paid"}):
            self.assertEqual(listener.post(data)[0], 200)
        listener.wait_log("warning: webhook 'orders': another content came with the ID of event 1, and is not handled")
        self.assertEqual(listener.log().count("another content"), 1)
        listener.stop()

    def test_connections_that_wait_for_a_place(self):
        self.handler("return function() task.sleep(2) end\n")
        self.hooks(listen="  max_connections: 2\n", hook="    answer: { handler: 60s }\n")
        listener = self.listener()
        replies = []  # those that came at once, too: none is ended for another before its request was read
        senders = [threading.Thread(target=lambda i=i: replies.append(listener.post({"id": f"e{i}"})[0])) for i in range(4)]
        for sender in senders:
            sender.start()
        listener.wait_log("warning: new connections wait, since all 2 are in use \\(max_connections")
        for sender in senders:
            sender.join()
        self.assertEqual(replies, [200] * 4)
        self.assertEqual(listener.log().count("new connections wait"), 1)

    def test_a_reply_that_comes_too_late(self):
        self.handler("return function() task.sleep(0.5) return { body = 'late' } end\n")
        self.hooks(hook="    answer: { handler: 100ms }\n")
        listener = self.listener()
        self.assertEqual(listener.post({"id": "e1"})[2], b"")
        listener.wait_log(r"warning: webhook 'orders', event 1: no reply of its handler within 0\.1 s")
        self.wait_done(1)
        listener.stop()

    def test_an_event_whose_last_attempt_ends_its_process(self):
        self.handler("return function() os.execute 'kill -9 $PPID' end\n")
        self.hooks(hook="    retries: { attempts: 1 }\n")
        listener = self.listener()
        self.assertEqual(listener.post({"id": "e1"})[0], 200)
        listener.wait_log(r"webhook 'orders', event 1, attempt 1 of 1: the process ended while the event was handled "
                          r"\(given up\)")
        self.assertEqual(self.states(), {"dead": 1})

    def test_an_event_that_is_cut_at_the_end(self):
        self.handler("return function() task.sleep(60) end\n")
        self.hooks(listen="  grace: 100ms\n")
        listener = self.listener()
        self.assertEqual(listener.post({"id": "e1"})[0], 200)
        support.wait_until(lambda: self.states() == {"running": 1})
        listener.stop()
        self.assertIn("event 1, attempt 1 of 8: cancelled: jeton is stopping (begun anew by the next process)", listener.log())
        self.assertEqual(self.states(), {"ready": 1})

    def test_events_that_cannot_be_printed(self):
        self.hooks()
        with open("/dev/full", "wb") as full:
            process = subprocess.Popen([support.JETON, "listen", "--listen", "127.0.0.1:0", "--print"], stdout=full,
                                       stderr=subprocess.PIPE, env=self.env, cwd=self.folder)
        self.addCleanup(support.end_process, process)
        listener = self.listener(popen=process)
        for i in range(3):
            self.assertEqual(listener.post({"id": f"e{i}"})[0], 200)
        listener.wait_log("warning: --print: cannot write to standard output: No space left on device")
        self.wait_done(3)
        listener.stop()
        self.assertEqual(listener.log().count("--print"), 1)

    def test_nobody_reads_what_is_printed(self):
        """As a pager that stands still: no sender waits for it, nor the end. What it reads later has whole events."""
        self.hooks()
        out, full = os.pipe()
        self.addCleanup(os.close, out)
        process = subprocess.Popen([JETON, "listen", "--listen", "127.0.0.1:0", "--print"], stdin=subprocess.DEVNULL, stdout=full,
                                   stderr=subprocess.PIPE, env=self.env, cwd=self.folder)
        self.addCleanup(support.end_process, process)
        os.close(full)
        listener = self.listener(popen=process)
        text = "x" * 100_000
        for number in range(16):
            self.assertEqual(listener.post({"id": f"e{number}", "text": text})[0], 200)
        listener.wait_log("--print: nobody reads standard output: events are left out there")
        printed = b""
        while printed.count(b"\n\n") < 12:
            printed += os.read(out, 65536)
        listener.wait_log(r"--print: 4 events were left out, as nobody read standard output")
        self.assertEqual(re.findall(rb"#(\d+) ", printed), [b"%d" % number for number in range(1, 13)])
        for number in range(16, 20):
            self.assertEqual(listener.post({"id": f"e{number}", "text": text})[0], 200)
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def unread(self):
        """A listener whose output and log are one pipe, of which only the first line is read: its process, and where to post."""
        out, full = os.pipe()
        self.addCleanup(os.close, out)
        process = subprocess.Popen([JETON, "listen", "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=full,
                                   stderr=full, env=self.env, cwd=self.folder)
        self.addCleanup(support.end_process, process)
        os.close(full)
        listener = listening.Listener.__new__(listening.Listener)
        listener.scheme = "http"
        listener.port = int(re.search(rb":(\d+) ", os.read(out, 4096))[1])
        return process, listener

    def test_nobody_reads_what_a_handler_prints(self):
        """It stands in write(2), in a pipe that the log has, too: its timeout holds, and others are handled."""
        self.hooks("    timeout: 1s\n    retries: { attempts: 1 }\n")
        self.handler("""
            return function(event)
              if event.type == "loud" then for _ = 1, 100 do print(("x"):rep(1023)) end end
            end
        """)
        _, listener = self.unread()
        self.assertEqual(listener.post({"id": "one", "type": "loud"})[0], 200)
        support.wait_until(lambda: self.states() == {"dead": 1})
        self.assertEqual(listener.post({"id": "two", "type": "quiet"})[0], 200)
        self.wait_done(1)

    def test_nobody_reads_the_log(self):
        """A pipe that is full keeps nobody from an answer for long, and no signal from its effect."""
        self.hooks()
        self.handler('return function() for _ = 1, 30 do require "jeton.log".warn(("x"):rep(4000)) end end')
        process, listener = self.unread()
        self.assertEqual(listener.post({"id": "one", "type": "t"})[0], 200)
        self.wait_done(1)  # its last lines were dropped
        for _ in range(3):
            self.assertEqual(listener.post({"id": "two", "type": "t"}, secret="wrong")[0], 401)
        process.terminate()
        self.assertEqual(process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
