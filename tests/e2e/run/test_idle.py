"""Who waits costs nothing: under 20 ms of the processor a minute, measured over two seconds."""

import glob
import time
import unittest

import support

SECONDS = 2


def used(process):
    """Nanoseconds on a processor, of all threads, and how often they were woken."""
    time_ns = woken = 0
    for path in glob.glob(f"/proc/{process.pid}/task/*/"):
        with open(path + "schedstat", encoding="utf-8") as file:
            time_ns += int(file.read().split()[0])
        with open(path + "status", encoding="utf-8") as file:
            woken += int(file.read().split("\nvoluntary_ctxt_switches:")[1].split()[0])
    return time_ns, woken


class Idle(support.Case):
    def test_nobody_is_busy(self):
        script = self.write("sleep.lua", "print 'ready' io.flush() require 'jeton.task'.sleep(100)")
        processes = {"run": self.start("run", script), "sandbox": self.start("sandbox", "--listen", "127.0.0.1:0"),
                     "run with a deadline": self.start("run", "--timeout", "1h", script)}
        for process in processes.values():
            process.stdout.readline()
        time.sleep(1)  # the sandbox says more
        before = {name: used(process) for name, process in processes.items()}
        time.sleep(SECONDS)
        for name, process in processes.items():
            with self.subTest(name):
                time_ns, woken = used(process)
                self.assertLess((time_ns - before[name][0]) * 60 / SECONDS, 20_000_000)
                self.assertLess(woken - before[name][1], 3)


if __name__ == "__main__":
    unittest.main()
