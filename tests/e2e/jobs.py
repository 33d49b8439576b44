"""What tests of jobs share: a configuration of jobs, scripts that wait to be told, and the rows of their runs."""

import json
import os
import re
import sqlite3
import subprocess
import urllib.parse

from support import Case, end_process, wait_until, JETON

WAITS = """
local function wait_for(path)
  local task = require "jeton.task"
  while true do
    local file = io.open(path)
    if file then file:close() return end
    task.sleep(0.01)
  end
end
"""


class JobCase(Case):
    def job(self, script, name="job", connectors="", history="", **keys):
        """A configuration with one job, whose script this is; `keys` are the job's."""
        self.write(name + ".lua", script)
        lines = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in keys.items())
        return self.write("jeton.yaml", f"version: 1\nstate: {self.state}\n{history}{connectors}jobs:\n"
                                        f"  {name}:\n    script: {name}.lua\n{lines}")

    def run_job(self, *options, name="job", status=0, **more):
        """Runs it to its end: a CompletedProcess."""
        done = self.jeton("run", "--job", name, *options, **more)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def start_job(self, *options, name="job", **more):
        return self.start("run", "--job", name, *options, **more)

    def start_silent(self, *options, env=None):
        """One of many: what it prints is of no interest."""
        process = subprocess.Popen([JETON, "run", "--job", "job", *options], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
                                   env={**self.env, **(env or {})})
        self.addCleanup(end_process, process)
        return process

    def kill_job(self, process):
        """As a power failure: the supervisor, and the attempt with it; until both are gone, and the lock is free."""
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as file:
            children = [int(child) for child in file.read().split()]
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(is_alive, children)), 60)

    def path(self, name):
        return os.path.join(self.folder, name)

    def wait_for(self, name, timeout=60):
        wait_until(lambda: os.path.exists(self.path(name)), timeout)

    def query(self, sql, *parameters):
        """Rows of the state as dictionaries. Never makes the file, which jeton may be about to do."""
        db = sqlite3.connect(f"file:{urllib.parse.quote(self.state)}/jeton.db?mode=rw", timeout=20, uri=True)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, parameters)]
        finally:
            db.close()

    def rows(self):
        """All attempts, the oldest first."""
        return self.query("SELECT * FROM run ORDER BY row")

    def row(self):
        rows = self.rows()
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def output(self):
        """What the only attempt left."""
        return self.row()["output"].decode()


def pids_of(text):
    """The process numbers that a script has printed as `pid N`."""
    return [int(number) for number in re.findall(r"^pid (\d+)$", text, re.MULTILINE)]


def state_of(pid):
    """As in /proc/PID/stat: R, S, T (stopped), Z …; None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid):
    return state_of(pid) not in (None, "Z")
