"""What the bench says of its numbers: goals, what has got worse, charts, what its counters wrote; and the relay."""

import copy
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
for name in ("JETON", "BUILD"):
    os.environ.setdefault(name, "/nonexistent")  # nothing is run here

import bounds  # pylint: disable=wrong-import-position
import chart  # pylint: disable=wrong-import-position
import jobs  # pylint: disable=wrong-import-position
import measure  # pylint: disable=wrong-import-position
import rates  # pylint: disable=wrong-import-position
import receivers  # pylint: disable=wrong-import-position
import report  # pylint: disable=wrong-import-position


def samples(*walls):
    return [{"wall": wall, "cpu": wall, "memory": 10.0} for wall in walls]


def numbers(instructions=20.0, memory=10.0, rate=1000.0):
    """What a run of the bench knows: one job with a peer, one rate without, one series."""
    costs = {"jeton": samples(20, 22, 24), "<peer> & co": samples(10, 11, 12)}
    results = {name: measure.medians(cost) for name, cost in costs.items()}
    results["jeton"].update(instructions=instructions, memory=memory)
    goals = [measure.Goal("wall", "<peer> & co", 1.5), measure.Goal("memory", None, 12)]
    rows = [measure.row("job", "A job", results, goals, costs, 3),
            measure.row("rate", "A rate", {"jeton": {"rate": rate}}, [measure.Goal("rate", None, 4000, least=True)])]
    series = [{"name": "grow", "title": "Growth", "x": "requests", "unit": "µs", "points": [[1, 5.0], [1000, 5.1]],
               "grown": 0.02, "limit": 0.15, "met": True}]
    return json.loads(json.dumps(report.made(rows, series, False, 61)))


class Report(unittest.TestCase):
    def test_ratios_are_of_rounds(self):
        ratio = numbers()["rows"][0]["ratios"]["<peer> & co"]["wall"]
        self.assertEqual(ratio, {"value": 2.0, "low": 2.0, "high": 2.0})

    def test_the_goals_most_missed_come_first(self):
        missed = report.by_miss(numbers())
        self.assertEqual([(row["name"], miss) for miss, row, _ in missed], [("rate", 4.0), ("job", 1.333)])
        self.assertIn("1 of 3 goals", report.summary(numbers()))

    def test_the_share_of_a_limit(self):
        """Ten a minute, the first ten at once."""
        for pause, share in ((60, 1.0), (61, 0.9836), (100, 0.6)):
            self.assertEqual(rates.share_of([0] * 10 + [pause] * 6, 10), share)
        self.assertEqual(rates.share_of([0] * 10, 10), 0)

    def test_a_goal_of_zero(self):
        goal = measure.Goal("refused", None, 0)
        for refused, met in ((0, True), (3, False)):
            made = measure.row("job", "A job", {"jeton": {"refused": refused}}, [goal])
            self.assertEqual(made["goals"][0]["met"], met)

    def test_nothing_is_worse_than_itself(self):
        self.assertEqual(report.compare(numbers(), numbers()), [])

    def test_what_is_over_a_tenth_worse(self):
        self.assertEqual(report.compare(numbers(), numbers(instructions=21.9, rate=950.0)), [])
        worse = report.compare(numbers(), numbers(instructions=22.1, memory=11.5, rate=850.0))
        self.assertEqual([line.split(" ")[:2] for line in worse],
                         [["job:", "memory"], ["job:", "instructions"], ["rate:", "rate"]])

    def test_time_does_not_count_where_instructions_are_known(self):
        slow = copy.deepcopy(numbers())
        slow["rows"][0]["ratios"]["<peer> & co"]["wall"] = {"value": 4.0, "low": 3.9, "high": 4.1}
        self.assertEqual(report.compare(numbers(), slow), [])
        for made in (slow, before := numbers()):
            del made["rows"][0]["results"]["jeton"]["instructions"]
        self.assertEqual(len(report.compare(before, slow)), 1)

    def test_a_series_that_is_no_longer_flat(self):
        steep = copy.deepcopy(numbers())
        steep["series"][0].update(grown=0.4, met=False)
        self.assertEqual(report.compare(numbers(), steep), ["grow: no longer flat, changes by 40%"])

    def test_bounds_are_said_of_what_is_missed(self):
        self.assertLessEqual(set(bounds.BOUNDS), {*jobs.JOBS, *rates.RATES, *receivers.RECEIVERS})
        self.assertEqual(report.bounds_text(numbers()), "")
        missed = numbers()
        missed["rows"][0]["name"] = "gets"
        self.assertIn(bounds.BOUNDS["gets"], report.bounds_text(missed))

    def test_charts_are_xml(self):
        for picture in (chart.ratios(numbers()), chart.growth(numbers())):
            xml.etree.ElementTree.fromstring(picture)
        self.assertIn("&lt;peer&gt; &amp; co", chart.ratios(numbers()))

    def test_the_charts_of_the_documents_are_of_their_numbers(self):
        docs = pathlib.Path(report.DOCS)
        with tempfile.TemporaryDirectory() as folder:
            chart.write(json.loads((docs / "speed.json").read_text("utf-8")), folder)
            for picture in pathlib.Path(folder).iterdir():
                self.assertEqual((docs / picture.name).read_text("utf-8"), picture.read_text("utf-8"),
                                 "./dev pictures speed")

    def test_counters(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "counted")
            for said in ("==1== Events    : Ir\n==1== Collected : 474693\n", "474693,,instructions:u,1000,100.00,,\n"):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(said)
                self.assertEqual(measure.counted(path), 474693)


class Relay(unittest.TestCase):
    def test_each_round_trip_is_charged(self):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            threading.Thread(target=self.echo, args=(server,), daemon=True).start()
            relay = subprocess.Popen([sys.executable, os.path.join(HERE, "relay.py"), str(port),
                                      str(server.getsockname()[1]), "100"])
            self.addCleanup(relay.wait)
            self.addCleanup(relay.terminate)
            with self.connect(port) as client:
                took = [self.ask(client) for _ in range(6)]
        # The first pays for the connection, too. On a busy machine all may take longer.
        self.assertGreaterEqual(took[0], 0.19)
        self.assertGreaterEqual(min(took), 0.095)
        self.assertLess(min(took[1:]), 0.19)

    @staticmethod
    def echo(server):
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)

    @staticmethod
    def connect(port):
        for _ in range(500):
            try:
                return socket.create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise AssertionError("the relay does not listen")

    @staticmethod
    def ask(client):
        start = time.monotonic()
        client.sendall(b"Hello")
        client.recv(100)
        return time.monotonic() - start


if __name__ == "__main__":
    unittest.main()
