"""Jobs that print without end, leave processes behind, ignore signals or fill their memory: bounded, ended, recorded."""

import os
import pty
import re
import shutil
import signal
import subprocess
import unittest

import support
from jobs import JobCase, is_alive, pids_of, state_of
from support import JETON, SANITIZED, end_process, wait_until

MIB = 1024 * 1024


class Hostile(JobCase):
    def assert_gone(self, text, count):
        pids = pids_of(text)
        self.assertEqual(len(pids), count, text)
        for pid in pids:
            self.assertFalse(is_alive(pid))

    def test_a_gigabyte_of_output(self):
        count = 32 if SANITIZED else 1024
        self.job(f"""
          local line = ("x"):rep(1023) .. "\\n"
          local block = line:rep(1024)
          for _ = 1, {count} do io.write(block) end
          print "the end"
        """)
        process = subprocess.Popen([JETON, "run", "--job", "job"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=self.env, cwd=self.folder)
        self.addCleanup(end_process, process)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual((process.returncode, process.stderr.read()), (0, b""))
        if not SANITIZED:
            self.assertLess(usage.ru_maxrss * 1024, 32 * MIB)  # of the supervisor and of the script
        row = self.row()
        self.assertEqual(row["output_bytes"], count * MIB + 8)
        self.assertEqual(len(row["output"]), 64 * 1024)
        self.assertTrue(row["output"].endswith(b"xxx\nthe end\n"))

    def test_output_that_nobody_takes(self):
        """The reader of standard output stands still: the deadline holds all the same, and the record is made."""
        self.job("while true do print(('x'):rep(1000)) end", timeout="500ms")
        process = self.start_job()
        self.assertEqual(process.wait(60), 8)
        self.assertEqual((self.row()["exit"], self.row()["cause"]), (8, "deadline"))
        self.assertIn(b"cannot pass on", process.stderr.read())

    def test_a_full_pipe_for_all(self):
        """As above, where the warnings go there too: nothing of them holds up the end, a scheduled run's from the start."""
        self.job('for _ = 1, 2000 do print(("y"):rep(100)) end', timeout="2s", schedule="* * * * *")
        for options in ((), ("--scheduled",)):
            with self.subTest(options):
                out, full = os.pipe()
                self.addCleanup(os.close, out)
                process = subprocess.Popen([JETON, "run", "--job", "job", *options], stdin=subprocess.DEVNULL, stdout=full,
                                           stderr=full, env=self.env, cwd=self.folder)
                self.addCleanup(end_process, process)
                os.close(full)
                self.assertEqual(process.wait(60), 8)
        self.assertEqual([row["cause"] for row in self.rows()], ["deadline"] * 2)

    def test_a_terminal_that_stands_still(self):
        """As above: poll says that a terminal has room where it has some for a byte."""
        self.need_terminal()
        self.job('for _ = 1, 2000 do print(("y"):rep(100)) end', timeout="2s", schedule="* * * * *")
        main, side = pty.openpty()
        self.addCleanup(os.close, main)
        self.addCleanup(os.close, side)
        process = subprocess.Popen([JETON, "run", "--job", "job"], stdin=subprocess.DEVNULL, stdout=side, stderr=side,
                                   env=self.env, cwd=self.folder)
        self.addCleanup(end_process, process)
        self.assertEqual(process.wait(60), 8)
        self.assertEqual(self.row()["cause"], "deadline")

    def test_a_child_that_outlives_its_script(self):
        self.job("""
          os.execute "sleep 1000 & echo pid $!"
          os.execute "sh -c 'sleep 1000 & echo pid $! >inner; wait' & echo pid $!; until [ -s inner ]; do sleep 0.01; done; cat inner"
        """)
        done = self.run_job()
        self.assert_gone(done.stdout, 3)
        self.assertIn("that the script left running", done.stderr)

    def test_one_in_a_session_of_its_own(self):
        """It keeps standard output open, has no parent that it had, and does not hear SIGTERM."""
        self.job("""
          os.execute [[setsid sh -c 'trap "" TERM HUP; echo pid $$; exec sleep 1000' & sleep 0.1]]
          return false
        """)
        done = self.run_job(status=1)
        self.assert_gone(done.stdout, 1)
        self.assertEqual(self.row()["exit"], 1)

    def test_the_proc_of_another_namespace(self):
        """There the numbers of its processes are those of others, which are no business of the job."""
        apart = ["unshare", "-pf", "--kill-child", "--mount-proc"]
        if not shutil.which("unshare") or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
            self.skipTest("no namespaces of processes here")
        self.job('os.execute "sleep 1 & true"')
        script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; exec unshare -pf --kill-child \"$0\" run --job job"
        done = self.jeton(*apart[1:], "sh", "-c", script, JETON, program=apart[0])
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_one_that_ends_well_may_say_so(self):
        self.job("""
          os.execute [[sh -c 'trap "echo goodbye; exit" TERM; echo ready > ready; while :; do sleep 0.02; done' &
                       until test -e ready; do sleep 0.02; done]]
        """)
        self.assertEqual(self.run_job().stdout, "goodbye\n")
        self.assertEqual(self.output().splitlines()[0], "goodbye")

    def test_programs_die_with_a_supervisor_that_is_killed(self):
        """Whatever signals they ignore, and where all of them stand still."""
        self.job("""
          os.execute [[trap '' TERM HUP INT
            sh -c 'echo pid $$; while :; do sleep 0.05; done' & echo pid $$ pid $PPID
            while test -e go; do sleep 0.02; done; kill -STOP 0; wait]]
        """)
        self.write("go", "")
        process = self.start_job()
        pids = re.findall(rb"pid (\d+)", process.stdout.readline() + process.stdout.readline())
        self.assertEqual(len(pids), 3)
        os.unlink(self.path("go"))
        # One that has just forked may wait (D) for its child, which has been stopped before its exec.
        wait_until(lambda: sorted(state_of(int(pid)) or "" for pid in pids) in (["T"] * 3, ["D", "T", "T"]), 60)
        process.kill()
        process.wait()
        wait_until(lambda: not any(is_alive(int(pid)) for pid in pids), 20)
        self.job("")
        wait_until(lambda: self.jeton("run", "--job", "job").returncode == 0, 20)

    def test_what_is_left_behind_does_not_hold_the_lock(self):
        """Even where the supervisor is killed and nobody ends it: it is in a session of its own."""
        self.job("os.execute [[setsid sh -c 'echo pid $$; exec sleep 1000']]")
        process = self.start_job()
        left = pids_of(process.stdout.readline().decode())[0]
        process.kill()
        process.wait()
        try:
            self.assertTrue(is_alive(left))
            self.job("")
            wait_until(lambda: self.jeton("run", "--job", "job").returncode == 0, 20)
        finally:
            os.kill(left, signal.SIGKILL)

    def test_a_program_that_ignores_signals(self):
        """At the deadline, and when the supervisor is told to end."""
        stubborn = """os.execute [[trap "" TERM INT HUP; echo pid $$; touch ready; while :; do sleep 0.02; done]]"""
        self.job(stubborn, timeout="1s")
        done = self.run_job(status=8)
        self.assert_gone(done.stdout, 1)
        os.unlink(self.path("ready"))
        self.job(stubborn)
        process = self.start_job()
        self.wait_for("ready")
        process.terminate()
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)
        self.assert_gone(out.decode(), 1)
        self.assertEqual([(row["exit"], row["cause"]) for row in self.rows()], [(8, "deadline"), (143, "signal")])

    def test_a_script_that_stops_itself(self):
        self.job("os.execute 'kill -STOP $PPID'", timeout="500ms")
        done = self.run_job(status=8)
        self.assertIn("killed 8 s after its deadline", done.stderr)
        self.assertEqual(self.row()["cause"], "deadline")

    def test_memory(self):
        for script in ("local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end",
                       "local s = 'x' while true do s = s .. s end"):
            self.job(script, memory="16MiB", retries={"attempts": 2, "delay": "1ms"})
            done = self.run_job(status=1)
            self.assertIn("memory limit of 16 MiB", done.stderr)
            row = self.rows()[-1]
            self.assertEqual((row["attempt"], row["cause"]), (2, "script"))
            if not SANITIZED:
                self.assertLess(row["peak_kib"], 64 * 1024)


load_tests = support.side_by_side  # most of their time is waiting

if __name__ == "__main__":
    unittest.main()
