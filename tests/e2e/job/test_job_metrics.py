"""A job's metrics: well-formed, as the runs were, from the first one on, and no counter ever falls."""

import math
import os
import re
import resource
import signal
import stat
import threading
import time
import unittest

import support
from jobs import WAITS, JobCase

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = rf'{NAME}="(?:[^"\\\n]|\\[\\"n])*"'
VALUE = r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN"
COUNTERS = ("runs_total", "failures_total", "skipped_total", "requests_total", "exchanges_total")
GAUGES = ("last_run_timestamp_seconds", "last_run_duration_seconds", "last_run_exit_status", "last_run_attempts",
          "last_run_peak_memory_bytes")


def parse(text):
    """The text format, strictly: {name: (type, {labels: value})}. Of each metric HELP, TYPE and then its samples, once;
    no time stamps, which the text file collector refuses."""
    found, name = {}, None
    if not text.endswith("\n"):
        raise AssertionError("the last line does not end")
    lines = text[:-1].split("\n")
    while lines:
        help_line, type_line, *lines = lines
        name = re.fullmatch(rf"# HELP ({NAME}) (?:[^\\\n]|\\\\|\\n)+", help_line).group(1)
        declared, kind = re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", type_line).groups()
        if declared != name or name in found:
            raise AssertionError(f"{name}: not declared once: {type_line}")
        if (kind == "counter") != name.endswith("_total"):
            raise AssertionError(f"{name}: not the name of a {kind}")
        samples = {}
        while lines and not lines[0].startswith("#"):
            sample = re.fullmatch(rf'{name}\{{({LABEL}(?:,{LABEL})*)\}} ({VALUE})', lines.pop(0))
            if sample.group(1) in samples:
                raise AssertionError(f"{name}: twice: {sample.group(0)}")
            samples[sample.group(1)] = float(sample.group(2))
        if not samples:
            raise AssertionError(f"{name}: no sample")
        found[name] = (kind, samples)
    return found


class Metrics(JobCase):
    def measure(self, script, **keys):
        self.job(script, metrics="job.prom", **keys)

    def read(self, name="job"):
        """{name without prefix: value} of the only job in the file."""
        with open(self.path("job.prom"), encoding="utf-8") as file:
            found = parse(file.read())
        values = {}
        for metric, (kind, samples) in found.items():
            (labels, value), = samples.items()
            self.assertEqual(labels, f'jeton_job="{name}",jeton_config="{os.path.realpath(self.path("jeton.yaml"))}"')
            short = metric.removeprefix("jeton_job_")
            self.assertEqual(kind, "counter" if short in COUNTERS else "gauge")
            values[short] = value
        return values

    def counts(self):
        values = self.read()
        return [int(values[name]) for name in COUNTERS[:3]]

    def test_from_the_first_run_on(self):
        self.measure("return true")
        before = time.time()
        done = self.run_job()
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        values = self.read()
        self.assertEqual(set(values), {*COUNTERS, *GAUGES, "last_success_timestamp_seconds"})
        row = self.row()
        self.assertEqual(values["last_run_timestamp_seconds"], row["started_ms"] / 1000)
        self.assertEqual(values["last_success_timestamp_seconds"], row["ended_ms"] / 1000)
        self.assertAlmostEqual(values["last_run_duration_seconds"], (row["ended_ms"] - row["started_ms"]) / 1000, places=3)
        self.assertEqual(values["last_run_peak_memory_bytes"], row["peak_kib"] * 1024)
        self.assertEqual((values["last_run_exit_status"], values["last_run_attempts"]), (0, 1))
        self.assertEqual([values[name] for name in COUNTERS], [1, 0, 0, 0, 0])
        self.assertGreaterEqual(values["last_run_timestamp_seconds"], int(before * 1000) / 1000)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("job.prom")).st_mode), 0o644)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(("job.prom", ".job.prom"))], ["job.prom"])

    def test_a_failure_and_a_recovery(self):
        self.measure("os.exit(io.open 'good' and 0 or 6)", retries={"attempts": 3, "delay": "1ms"})
        self.run_job(status=6)
        values = self.read()
        self.assertNotIn("last_success_timestamp_seconds", values)
        self.assertEqual((values["last_run_exit_status"], values["last_run_attempts"]), (6, 3))
        self.assertEqual(values["last_run_timestamp_seconds"], self.rows()[0]["started_ms"] / 1000)
        self.assertEqual(self.counts(), [1, 1, 0])
        self.write("good", "")
        self.run_job()
        self.assertEqual(self.read()["last_run_exit_status"], 0)
        success = self.read()["last_success_timestamp_seconds"]
        os.unlink(self.path("good"))
        self.run_job(status=6)
        self.assertEqual(self.read()["last_success_timestamp_seconds"], success)
        self.assertEqual(self.counts(), [3, 2, 0])

    def test_requests_of_all_attempts(self):
        sandbox = self.sandbox("--rate-limit", "0")
        with open(self.configure(sandbox.base), encoding="utf-8") as file:
            text = file.read()
        self.measure("require 'kaizala'.connect():me() return require 'jeton'.job.attempt == 2",
                     retries={"attempts": 2, "delay": "1ms"}, connectors=text[text.index("connectors:"):],
                     on_failure={"message": {"group": support.GROUP}})
        for runs in (1, 2):
            self.run_job()
            values = self.read()
            self.assertEqual((values["requests_total"], values["exchanges_total"]), (2 * runs, 1))

    def test_an_interrupted_run(self):
        self.measure(WAITS + "io.open('begun', 'w'):close() wait_for 'go'")
        first = self.start_job()
        self.wait_for("begun")
        self.kill_job(first)
        os.unlink(self.path("begun"))
        second = self.start_job()
        self.wait_for("begun")
        values = self.read()
        self.assertTrue(math.isnan(values["last_run_exit_status"]) and math.isnan(values["last_run_duration_seconds"]))
        self.assertEqual(values["last_run_timestamp_seconds"], self.rows()[0]["started_ms"] / 1000)
        self.assertEqual(self.counts(), [1, 1, 0])
        self.run_job(status=7)
        self.assertEqual(self.counts(), [1, 1, 0])  # the file is of those that ran
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=60)
        self.assertEqual(self.read()["last_run_exit_status"], 143)
        self.assertEqual(self.counts(), [2, 2, 1])

    def test_no_counter_falls_when_runs_are_forgotten(self):
        self.measure("return io.open 'good' ~= nil", history="history: { keep: 1 }\n")
        for status in (1, 0, 1, 0):
            if status == 0:
                self.write("good", "")
            elif os.path.exists(self.path("good")):
                os.unlink(self.path("good"))
            self.run_job(status=status)
        self.assertEqual(len(self.rows()), 1)
        self.assertEqual(self.counts(), [4, 2, 0])

    def test_jobs_and_configurations_are_counted_apart(self):
        self.measure("return true")
        self.run_job()
        self.assertNotIn("metrics", self.run_job().stderr)
        self.job("return true", name="other", metrics="job.prom")
        self.assertIn("metrics: " + self.path("job.prom") + ' was the file of another job: jeton_job="job",jeton_config="',
                      self.run_job(name="other").stderr)
        self.assertEqual(self.read("other")["runs_total"], 1)

    def test_a_file_of_two_configurations_is_told(self):
        self.measure("return true")
        self.run_job()
        for name, told in ("jeton.yaml", False), ("b.yaml", True), ("jeton.yaml", False):
            os.replace(self.path("jeton.yaml"), self.path(name))
            if told:
                self.write("jeton.yaml", "")
            done = self.jeton("-c", name, "run", "--job", "job")
            self.assertEqual((done.returncode, "was the file of another job" in done.stderr), (0, told), done.stderr)
            os.replace(self.path(name), self.path("jeton.yaml"))

    def test_a_first_name_makes_no_other_job(self):
        self.measure("return true")
        self.run_job()
        with open(self.path("jeton.yaml"), encoding="utf-8") as file:
            text = file.read()
        for name, told in ("shop", False), ("other", True):
            self.write("jeton.yaml", text.replace("version: 1", f"version: 1\nname: {name}", 1))
            self.assertEqual("was the file of another job" in self.run_job().stderr, told)

    def test_the_labels_tell_two_configurations_apart(self):
        self.measure("return true")
        with open(self.path("jeton.yaml"), encoding="utf-8") as file:
            text = file.read()
        os.mkdir(self.path('b"\\\n'))
        self.write('b"\\\n/job.lua', "")
        self.write('b"\\\n/jeton.yaml', text)
        self.assertEqual(self.jeton("-c", 'b"\\\n/jeton.yaml', "run", "--job", "job").returncode, 0)
        with open(self.path('b"\\\n/job.prom'), encoding="utf-8") as file:
            found = parse(file.read())
        folder = os.path.realpath(self.folder)
        self.assertEqual(set(found["jeton_job_runs_total"][1]),
                         {f'jeton_job="job",jeton_config="{folder}/b\\"\\\\\\n/jeton.yaml"'})
        self.write("jeton.yaml", "name: shop\n" + text)
        self.run_job()
        with open(self.path("job.prom"), encoding="utf-8") as file:
            self.assertIn('jeton_job_runs_total{jeton_job="job",jeton_config="shop"} 1\n', file.read())

    def test_a_file_of_two_jobs_is_refused_by_check(self):
        os.mkdir(self.path("real"))
        os.symlink("real", self.path("link"))
        os.symlink("real/job.prom", self.path("last.prom"))
        self.measure("")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs:\n"
                                 "  a: { script: job.lua, metrics: real/job.prom }\n"
                                 "  b: { script: job.lua, metrics: real/other.prom }\n")
        self.assertEqual(self.jeton("check").returncode, 0)
        for file in ("real/../real/job.prom", "link/job.prom", "last.prom"):
            with self.subTest(file):
                self.write("conf.d/c.yaml", f"jobs: {{ c: {{ script: ../job.lua, metrics: ../{file} }} }}\n")
                done = self.jeton("check")
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertRegex(done.stderr + done.stdout, r"c\.yaml:1:\d+: metrics of job 'c': .* of job 'a'")

        self.write("real/job.prom", "")
        os.link(self.path("real/job.prom"), self.path("real/c.prom"))
        self.write("conf.d/c.yaml", "jobs: { c: { script: ../job.lua, metrics: ../real/c.prom } }\n")
        self.assertRegex(self.ok("check").stdout, r"c\.yaml:1:\d+: warning: metrics of job 'c': .* of job 'a' by a hard link")

    def test_each_of_many_files_is_looked_at_once(self):
        """Looking at each for each other one took a minute for 10,000 jobs."""
        os.mkdir(self.path("m"))
        self.measure("")

        def cost(count):
            text = f"version: 1\nstate: {self.state}\njobs:\n"
            for number in range(count):
                text += f"  j{number}: {{ script: job.lua, metrics: m/{number}.prom }}\n"
                self.write(f"m/{number}.prom", "")
            self.write("jeton.yaml", text)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.ok("check")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        few, many = (min(cost(count) for _ in range(3)) for count in (500, 2000))
        self.assertLess(many, 8 * few)

    def test_a_reader_sees_whole_files_only(self):
        self.measure("return true")
        self.run_job()
        done, seen = threading.Event(), set()

        def look():
            while not done.is_set():
                seen.add(int(self.read()["runs_total"]))

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for _ in range(8):
                self.run_job()
        finally:
            done.set()
            reader.join()
        self.assertLessEqual(seen, set(range(1, 10)))
        self.assertEqual(self.counts()[0], 9)

    def test_a_file_that_cannot_be_written_is_said_and_changes_nothing(self):
        self.job("os.exit(4)", metrics="nowhere/job.prom")
        done = self.run_job(status=4)
        self.assertIn("jeton: warning: job 'job': metrics: ", done.stderr)
        self.assertIn("nowhere/", done.stderr)
        self.job("return true", metrics="nowhere/job.prom")
        self.run_job()


if __name__ == "__main__":
    unittest.main()
