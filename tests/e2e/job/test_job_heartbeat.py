"""A job's heartbeat: what is requested when, that it changes nothing, and that the URL stays a secret."""

import http.server
import os
import threading
import unittest
import urllib.parse
import uuid

import support
from certificates import Authority
from jobs import WAITS, JobCase

SECRET = "4d1c7f0e-52a5-4f0b-9a58-capability"


class Monitor(http.server.ThreadingHTTPServer):
    """Keeps the requests; answers with the statuses given, then with 200; or never."""

    daemon_threads = True

    def __init__(self, statuses=(), hang=False, context=None):
        super().__init__(("127.0.0.1", 0), MonitorHandler)
        self.statuses, self.hang, self.reply = list(statuses), hang, b"OK"
        self.seen, self.bodies, self.released = [], [], threading.Event()
        scheme = "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server_address[1]}/ping/{SECRET}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        """Who gave up is of no interest."""

    def end(self):
        self.released.set()
        self.shutdown()
        self.server_close()


class MonitorHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode() if self.command == "POST" else None)
        server.seen.append(self.path)
        if server.hang:
            server.released.wait(60)
            return
        self.send_response(server.statuses.pop(0) if server.statuses else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(server.reply)))
        self.end_headers()
        self.wfile.write(server.reply)

    do_POST = do_GET

    def log_message(self, format, *args):
        pass


class HeartbeatCase(JobCase):
    def monitor(self, **options):
        monitor = Monitor(**options)
        self.addCleanup(monitor.end)
        return monitor

    def calls(self, monitor):
        """[(what, rid)] of the requests so far."""
        found = []
        for target in monitor.seen:
            path, _, query = target.partition("?")
            self.assertTrue(path.startswith("/ping/" + SECRET), path)
            found.append((path.removeprefix("/ping/" + SECRET), urllib.parse.parse_qs(query)["rid"][0]))
        return found

    def whats(self, monitor):
        return [what for what, _ in self.calls(monitor)]


class Calls(HeartbeatCase):
    def test_start_and_success(self):
        monitor = self.monitor()
        self.job("return true", heartbeat=monitor.url)
        for _ in range(2):
            done = self.run_job()
            self.assertEqual((done.stdout, done.stderr), ("", ""))
        calls = self.calls(monitor)
        self.assertEqual([what for what, _ in calls], ["/start", "", "/start", ""])
        rids = [rid for _, rid in calls]
        self.assertEqual((rids[0], rids[2]), (rids[1], rids[3]))
        self.assertNotEqual(rids[0], rids[2])
        for rid in rids:
            self.assertEqual(str(uuid.UUID(rid)), rid)
            self.assertEqual(uuid.UUID(rid).variant, uuid.RFC_4122)

    def test_a_long_reply(self):
        monitor = self.monitor()
        monitor.reply = b"x" * 100_000
        self.job("return true", heartbeat=monitor.url)
        self.assertEqual(self.run_job().stderr, "")
        self.assertEqual(self.whats(monitor), ["/start", ""])

    def test_failure_after_the_last_attempt(self):
        monitor = self.monitor()
        self.job("return false", heartbeat=monitor.url, retries={"attempts": 3, "delay": "1ms"})
        self.assertNotIn("heartbeat", self.run_job(status=1).stderr)
        self.assertEqual(self.whats(monitor), ["/start", "/fail"])

    def test_a_failure_brings_the_status_and_the_last_lines(self):
        monitor = self.monitor()
        self.job("print 'so far' io.stderr:write('no \\xff such thing\\n') os.exit(4)", heartbeat=monitor.url)
        self.run_job(status=4)
        start, text = monitor.bodies
        self.assertIsNone(start)
        self.assertTrue(text.startswith(f"exit status 4 ({self.row()['cause']})\n"), text)
        self.assertIn("\n\n", text)
        self.assertIn("so far\n", text)
        self.assertIn("no \ufffd such thing\n", text)
        self.job("error 'boom'", heartbeat=monitor.url)
        self.run_job(status=1)
        self.assertIn("exit status 1 (script)\n" + self.path("job.lua") + ":1: boom\n\n", monitor.bodies[-1])
        self.job("return true", heartbeat=monitor.url)
        self.run_job()
        self.assertEqual(monitor.bodies[-2:], [None, None])

    def test_the_text_of_a_failure_is_bounded_and_masked(self):
        monitor = self.monitor()
        self.job(f"for i = 1, 3000 do print('line ' .. i) end print '{monitor.url}' os.exit(1)", heartbeat=monitor.url)
        self.run_job(status=1)
        text = monitor.bodies[-1]
        self.assertLess(len(text), 9 * 1024)
        self.assertNotIn(SECRET, text)
        self.assertIn("\nline 3000\n********\n", text)
        self.assertRegex(text.split("\n\n", 1)[1], r"\Aline \d{4}\n")  # whole lines

    def test_start_comes_before_the_script(self):
        monitor = self.monitor()
        self.job(WAITS + "io.open('begun', 'w'):close() wait_for 'go'", heartbeat=monitor.url)
        process = self.start_job()
        self.wait_for("begun")
        self.assertEqual(self.whats(monitor), ["/start"])
        self.run_job(status=7)  # skipped: it is not the one that is watched
        self.write("go", "")
        self.finish_all([process])
        self.assertEqual(self.whats(monitor), ["/start", ""])

    def test_an_interrupted_run_failed(self):
        monitor = self.monitor()
        self.job(WAITS + "io.open('begun', 'w'):close() wait_for 'go'", heartbeat=monitor.url)
        process = self.start_job()
        self.wait_for("begun")
        self.kill_job(process)
        self.write("go", "")
        self.run_job()
        calls = self.calls(monitor)
        self.assertEqual([what for what, _ in calls], ["/start", "/fail", "/start", ""])
        self.assertEqual((calls[0][1], calls[2][1]), (calls[1][1], calls[3][1]))
        self.assertNotEqual(calls[0][1], calls[2][1])

    def test_a_run_that_never_began(self):
        monitor = self.monitor()
        self.job(WAITS + "io.open('begun', 'w'):close() wait_for 'go'", heartbeat=monitor.url)
        process = self.start_job()
        self.wait_for("begun")
        self.job("", heartbeat=monitor.url, overlap="wait", timeout="200ms")
        self.run_job(status=8)
        self.write("go", "")
        self.finish_all([process])
        self.assertEqual(self.whats(monitor), ["/start", "/fail", ""])

    def test_a_query_and_a_slash_at_the_end(self):
        monitor = self.monitor()
        self.job("return true", heartbeat=monitor.url + "/?create=1&b=%2F")
        self.run_job()
        start, success = monitor.seen
        self.assertTrue(start.startswith(f"/ping/{SECRET}/start?create=1&b=%2F&rid="), start)
        self.assertTrue(success.startswith(f"/ping/{SECRET}/?create=1&b=%2F&rid="), success)

    def test_a_dry_run_calls_nobody(self):
        monitor = self.monitor()
        self.job("return true", heartbeat=monitor.url)
        self.run_job("--dry-run")
        self.assertEqual(monitor.seen, [])

    def test_with_everything_configured_a_success_is_quiet(self):
        monitor = self.monitor()
        self.job("return true", heartbeat=monitor.url, metrics="job.prom",
                 on_failure={"command": ["echo", "failed"]}, on_recovery={"command": ["echo", "well"]})
        for _ in range(2):
            done = self.run_job()
            self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertTrue(os.path.exists(self.path("job.prom")))


class Failures(HeartbeatCase):
    def assert_warned(self, done, says, times=2):
        self.assertEqual(done.stderr.count("jeton: warning: job 'job': heartbeat: " + says), times, done.stderr)
        self.assertNotIn(SECRET, done.stdout + done.stderr)

    def test_nobody_listens(self):
        monitor = Monitor()
        monitor.end()
        self.job("return true", heartbeat=monitor.url)
        self.assert_warned(self.run_job(), "cannot connect")
        self.job("os.exit(4)", heartbeat=monitor.url)
        self.assert_warned(self.run_job(status=4), "cannot connect")

    def test_what_may_pass_is_tried_again(self):
        monitor = self.monitor(statuses=[503, 200, 500, 500])
        self.job("return true", heartbeat=monitor.url)
        self.assert_warned(self.run_job(), "the reply has status 500", 1)
        self.assertEqual(self.whats(monitor), ["/start", "/start", "", ""])

    def test_what_will_not_pass_is_not(self):
        monitor = self.monitor(statuses=[404, 302])
        self.job("return true", heartbeat=monitor.url)
        done = self.run_job()
        self.assert_warned(done, "the reply has status 404", 1)
        self.assert_warned(done, "the reply has status 302, and redirects are not followed", 1)
        self.assertEqual(self.whats(monitor), ["/start", ""])

    def test_a_monitor_that_hangs(self):
        """A clock that runs ten times as fast stands for its seconds."""
        monitor = self.monitor(hang=True)
        self.job("return true", heartbeat=monitor.url)
        env = self.faketime("+0 x10")
        del env["FAKETIME_DONT_FAKE_MONOTONIC"]
        done = self.run_job(env=env)
        self.assertGreaterEqual(done.stderr.count("jeton: warning: job 'job': heartbeat: "), 2, done.stderr)
        self.assertLessEqual(len(monitor.seen), 4)

    def test_certificates_are_verified(self):
        authority = Authority(self.folder)
        monitor = self.monitor(context=authority.server("monitor"))
        self.job("return true", heartbeat=monitor.url)
        self.assert_warned(self.run_job(), "", 2)
        self.assertEqual(monitor.seen, [])
        self.job("return true", heartbeat=monitor.url, environment={"SSL_CERT_FILE": authority.file})
        self.assertEqual(self.run_job().stderr, "")
        self.assertEqual(self.whats(monitor), ["/start", ""])


class Secret(HeartbeatCase):
    def test_no_log_and_no_record_shows_it(self):
        monitor = self.monitor()
        self.job(f"print '{SECRET} {monitor.url}/start' error '{monitor.url}'", heartbeat=monitor.url + "?key=hidden-key-of-it")
        done = self.jeton("-vv", "run", "--job", "job")
        self.assertIn("GET ********", done.stderr)
        self.assertNotIn(f"/{SECRET}", done.stderr)
        self.assertNotIn("hidden-key", done.stderr)
        row = self.row()
        self.assertNotIn(f"/{SECRET}", row["message"] + row["output"].decode())
        self.assertIn("********", row["message"])

    def test_a_script_may_call_it_itself_but_nobody_else_with_it(self):
        monitor, other = self.monitor(), self.monitor()
        self.job(f"""
          local http = require "jeton.http"
          assert(http.get "{monitor.url}/log?rid=mine")
          local reply, err = http.get "{other.url}/log?rid=mine"
          assert(not reply and err.kind == "auth", "it went elsewhere")
        """, heartbeat=monitor.url)
        self.run_job()
        self.assertEqual(self.calls(monitor)[1], ("/log", "mine"))
        self.assertEqual(other.seen, [])


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
