"""What shells offer for an unfinished line: as `jeton __complete` says it, and in a real bash, zsh and fish."""

import os
import pty
import re
import resource
import select
import shutil
import subprocess
import time
import unittest

import support
from tables import arguments, commands, help_of

CPU_MAX_S = 0.05
SHELLS = {
    "bash": (["bash", "--norc", "-i"], 'PS1="ready> "; source <(jeton completion bash)'),
    "zsh": (["zsh", "-f", "-i"], 'PS1="ready> "; autoload -U compinit; compinit -u -D; source <(jeton completion zsh)'),
    "fish": (["fish", "--no-config", "-i"],
             'function fish_prompt; echo "ready> "; end; jeton completion fish | source'),
}


class Words(support.Case):
    def complete(self, *words):
        """The lines, and the last one."""
        done = self.ok("__complete", "--", *words)
        self.assertEqual(done.stderr, "")
        *lines, end = done.stdout.splitlines()
        return lines, end

    def names(self, *words):
        return [line.partition("\t")[0] for line in self.complete(*words)[0]]

    def test_options_of_every_verb(self):
        common = {f"--{name}" for name in arguments(help_of())} - {"--version"}
        for command in commands():
            with self.subTest(command=" ".join(command)):
                own = {f"--{name}" for name in arguments(help_of(*command))}
                self.assertEqual(set(self.names(*command, "--")), own | common)

    def test_arguments_of_every_option(self):
        ends = {"FILE": ":files", "DIR": ":dirs"}
        for command in [(), *commands()]:
            for name, argument in arguments(help_of(*command)).items():
                if not argument:
                    continue
                with self.subTest(command=" ".join(command), option=name):
                    lines, end = self.complete(*command, f"--{name}", "")
                    self.assertEqual(end, ends.get(argument, end))
                    offered = [line.partition("\t")[0] for line in lines]
                    if "|" in argument and argument.islower():
                        self.assertEqual(offered, argument.split("|"))
                    if argument != "METHOD":
                        self.assertEqual([value for value in offered if value.isupper()], [], "a placeholder is no value")

    def test_events_of_the_sandbox(self):
        with open(os.path.join(support.SOURCE, "scripts/kaizala/webhooks.lua"), encoding="utf-8") as file:
            known = re.search(r"EVENTS = .*?{(.*?)}", file.read(), re.DOTALL)[1]
        self.assertEqual(self.names("sandbox", "trigger", ""), re.findall(r'"(\w+)"', known))

    def test_values_that_are_usual(self):
        self.assertEqual(self.names("history", "--since", ""), ["1h", "1d", "7d", "30d", "00:00"])
        self.assertEqual(self.names("test", "--report", ""), ["tap", "junit", "json"])
        for value in self.names("history", "--since", ""):
            self.ok("history", "--since", value)
        self.assertEqual(self.names("run", "--timeout", ""), [])

    def configuration(self, jobs):
        lines = [f"version: 1\nstate: {self.state}\nconnectors:\n  contoso:\n    provider: kaizala\n"
                 "    token_service: https://kaizala.example.org/v1\n    application_id: SECRET-OF-ID\n"
                 "    application_secret: SECRET-OF-APPLICATION\n"
                 f"    refresh_token: {{ command: [touch, {self.folder}/ran] }}\njobs:\n"]
        lines += [f"  job-{i}:\n    script: gone.lua\n    connector: contoso\n    schedule: '{i % 60} 8 * * *'\n"
                  for i in range(jobs)]
        self.write("jeton.yaml", "".join(lines))

    def test_runs_and_events_of_the_state(self):
        self.write("good.lua", "print(1)\n")
        self.write("jeton.yaml", f"version: 1\nstate: {self.state}\njobs:\n  good:\n    script: good.lua\n")
        self.assertEqual(self.names("logs", ""), ["good"])
        self.assertFalse(os.path.exists(self.state), "completing made a state")
        self.ok("run", "--job", "good")
        run, job = self.names("logs", "")
        self.assertEqual(job, "good")
        self.assertIn("good", self.ok("logs", run).stderr)

    def test_silent_whatever_is_wrong(self):
        self.assertEqual(self.complete("run", "--job", ""), ([], ":done"))
        for text in ("version: 9\n", "jobs: [", "version: 1\njobs: {a: {script: x.lua, connectr: b}}\n"):
            self.write("jeton.yaml", text)
            self.assertEqual(self.complete("run", "--job", ""), ([], ":done"), text)
        self.configuration(1)
        os.makedirs(self.state, 0o700)
        with open(os.path.join(self.state, "jeton.db"), "wb") as damaged:
            damaged.write(b"no database" * 100)
        before = sorted(os.listdir(self.state))
        self.assertEqual(self.names("run", "--job", ""), ["job-0"])
        self.assertEqual(self.names("logs", ""), ["job-0"])
        self.assertEqual(before, sorted(os.listdir(self.state)))
        for words in ((), ("-x", ""), ("run", "--gone", ""), ("nothing", "here", ""), ("--", "run", "")):
            self.complete(*words) if words else None

    def test_no_secrets_no_commands_and_no_time(self):
        self.configuration(100 if support.SANITIZED else 1000)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = self.ok("__complete", "--", "run", "--job", "job-9")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(done.stdout.count("\n"), 1 + (11 if support.SANITIZED else 111))
        if not support.SANITIZED:
            self.assertLess(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, CPU_MAX_S)
        for words in (("-C", ""), ("--job", ""), ("",)):
            self.assertNotIn("SECRET", self.ok("__complete", "--", "run", *words).stdout)
        self.assertFalse(os.path.exists(self.folder + "/ran"))


class Shells(support.Case):
    """Keys are typed into the shell; the jeton that it finds writes down what it was called with."""

    def setUp(self):
        super().setUp()
        self.need_terminal()
        self.write("bin/jeton", f"""#!/bin/sh
case $1 in __complete | completion) exec {support.JETON} "$@" ;; esac
printf '%s\\n' "$@" done >>{self.folder}/called
""", 0o700)
        self.write("jeton.yaml", "version: 1\njobs:\n  hello:\n    script: h.lua\n  later:\n    script: h.lua\n")
        self.write("some config.yaml", "version: 1\njobs:\n  other:\n    script: h.lua\n")
        self.write("h.lua", "")
        self.env.update(PATH=f"{self.folder}/bin:/usr/local/bin:/usr/bin:/bin", TERM="vt100", HOME=self.folder,
                        XDG_DATA_HOME=self.folder, XDG_CACHE_HOME=self.folder)

    def read_until(self, end, condition):
        shown, deadline = b"", time.monotonic() + 20
        while not condition(shown):
            self.assertLess(time.monotonic(), deadline, shown)
            if select.select([end], [], [], 0.05)[0]:
                shown += os.read(end, 4096)

    def calls(self, shell, lines):
        """What jeton was called with, by each of the lines that are typed."""
        command, begin = SHELLS[shell]
        if shutil.which(command[0], path=self.env["PATH"]) is None:
            self.skipTest(f"{shell} is not installed")
        pid, end = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe(command[0], command, self.env)
        try:
            os.write(end, begin.encode() + b"\r")
            self.read_until(end, lambda shown: shown.count(b"ready>") >= 2)
            for count, line in enumerate(lines, 1):
                os.write(end, line.encode() + b"\r")
                self.read_until(end, lambda _: len(self.called()) >= count)
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(end)
        return self.called()

    def called(self):
        try:
            with open(os.path.join(self.folder, "called"), encoding="utf-8") as file:
                return [call.split("\n")[:-1] for call in file.read().split("done\n")[:-1]]
        except FileNotFoundError:
            return []

    def check(self, shell):
        self.assertEqual(self.calls(shell, [
            "jeton ru\t --jo\t he\t --sche\t",  # a verb, an option, a name, a flag
            "jeton histo\t --html=\th.\t",  # a file after "="
            "jeton --log-f\t js\t che\t h\t",  # a list; a file
            "jeton cron nex\t la\t",  # a verb of a verb
            "jeton -c some\t run --job ot\t",  # a file with a space, and what is in it
        ]), [["run", "--job", "hello", "--scheduled"], ["history", "--html=h.lua"],
             ["--log-format", "json", "check", "h.lua"], ["cron", "next", "later"],
            ["-c", "some config.yaml", "run", "--job", "other"]])

    def test_bash(self):
        self.check("bash")

    def test_zsh(self):
        self.check("zsh")

    def test_fish(self):
        self.check("fish")

    def test_scripts_are_thin(self):
        for shell in SHELLS:
            script = self.ok("completion", shell).stdout
            self.assertLessEqual(len(script.splitlines()), 20, shell)
        self.assertEqual(subprocess.run(["bash", "-n"], input=self.ok("completion", "bash").stdout, text=True,
                                        check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
