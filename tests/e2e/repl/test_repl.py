"""`jeton repl` in a terminal: what it prints, keeps, completes, and how it ends."""

import os
import re
import select
import shutil
import signal
import stat
import subprocess
import termios
import time
import unittest

import support
from support import JETON, Case

INTERRUPT, END, TAB, UP, CLEAR = "\x03", "\x04", "\t", "\x1b[A", "\x15"
SECRET = "a-secret-of-this-service"


class Prompt:
    """jeton repl at a terminal. What it shows is looked at without the sequences that move the cursor."""

    def __init__(self, case, *args, prompt="jeton> "):
        self.case, self.prompt = case, prompt
        self.terminal = case.start_at_terminal("--no-color", "repl", *args)
        self.mark = 0
        self.wait(prompt)

    def shown(self):
        text = self.terminal.shown[self.mark:].decode(errors="replace")
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\x07|\r", "", text)

    def wait(self, text):
        """Until what is shown since the last mark has the text."""
        deadline = time.monotonic() + support.PATIENCE
        while text not in self.shown():
            self.case.assertLess(time.monotonic(), deadline, self.terminal.shown)
            if select.select([self.terminal.end], [], [], 0.1)[0]:
                try:
                    self.terminal.shown += os.read(self.terminal.end, 65536)
                except OSError:
                    self.case.fail(self.terminal.shown)
        return self.shown()

    def keys(self, *keys):
        self.mark = len(self.terminal.shown)
        os.write(self.terminal.end, "".join(keys).encode())

    def enter(self, line):
        """What an entry prints: all between it and the next prompt."""
        self.keys(line, "\n")
        shown = self.wait("\n" + self.prompt)
        return shown.partition("\n")[2].rpartition("\n" + self.prompt)[0] if "\n" in shown else ""

    def leave(self, status=0):
        # A prompt is shown just before its keys are read one by one: what ends the input then would be lost.
        soon = time.monotonic() + 0.3
        while termios.tcgetattr(self.terminal.end)[3] & termios.ICANON and time.monotonic() < soon:
            time.sleep(0.01)
        self.keys(END)
        self.ends(status)

    def ends(self, status):
        self.terminal.read_until(None)
        self.case.assertEqual(self.terminal.status(), status, self.terminal.shown)


class ReplCase(Case):
    def setUp(self):
        super().setUp()
        self.env["TERM"] = "xterm"
        self.kept = os.path.join(self.folder, "xdg-state/jeton/repl_history")

    def history(self):
        with open(self.kept, encoding="utf-8") as file:
            return file.read().splitlines()


class Values(ReplCase):
    def test_values(self):
        prompt = Prompt(self)
        for line, shown in (
                ("1 + 1", "2"), ("_ * 2", "4"), ("'é\\27\\n'", '"é\\x1b\\n"'), ("2.0, 2^53, 0.1", "2.0\n9007199254740992.0\n0.1"),
                ("x = { 1, 2, b = { c = 1 }, a = true, [-1] = 2, ['a b'] = 0 }", ""),
                ("x", '{ 1, 2, [-1] = 2, a = true, ["a b"] = 0, b = { c = 1 } }'),
                ("x.b.up = x; x.b.self = x.b", ""),
                ("x.b", '{\n  c = 1,\n  self = <_>,\n  up = { 1, 2, [-1] = 2, a = true, ["a b"] = 0, b = <_> },\n}'),
                ("y = { 1 }; y[2] = { y }", ""), ("{ up = { y } }", "{ up = { { 1, { <_.up[1]> } } } }"),
                ("nil", "nil"), ("json.null", "null"), ("", None), ("nil, 'no luck'", 'nil\n"no luck"'),
                ("io.write('no end')", "no end"), ("setmetatable({}, { __tostring = function() return 'T' end })", "T"),
                ("a = 1; a + 1", "2"), ("a = ';'; #a", "1"), ("a = 2; f = tostring; f(a)", '"2"'),
                ("a = 3 -- ; b", ""), ("if a then a = 4; f(a) end", ""), ("a", "4"),
                ("a = 5 f(a)", '"5"'), ("f(a);", '"5"'), ("if a then a = 6 end return a", "6"),
                ("function f() return 1 end", ""), ("f", "function <stdin:1>")):
            if shown is not None:
                self.assertEqual(prompt.enter(line), shown, line)
        prompt.leave()

    def test_large_ones_are_cut(self):
        prompt = Prompt(self)
        prompt.enter("x = {} for i = 1, 10000 do x[i] = 'row ' .. i end")
        lines = prompt.enter("x").split("\n")
        self.assertEqual((len(lines), lines[1], lines[-1]), (201, '  "row 1",', "… cut here, after 200 lines; it has 10000 entries"))
        self.assertEqual(prompt.enter("#_[1], #x"), "5\n10000")
        self.assertTrue(prompt.enter("('x'):rep(5000)").endswith('x…" (5000 bytes)'))
        prompt.leave()

    def test_iterators(self):
        prompt = Prompt(self)
        shown = prompt.enter("each((function() local t = {} for i = 1, 50 do t[i] = i end return t end)())").split("\n")
        self.assertEqual((len(shown), shown[19]), (21, "20"))
        self.assertEqual(prompt.enter("_").split("\n")[0], "21")
        self.assertEqual(prompt.enter("_()"), "41")
        self.assertEqual(prompt.enter("('a b'):gmatch '%a'"), '"a"\n"b"')
        self.assertEqual(prompt.enter("_"), '{ "a", "b" }')
        for comment in ("-- the letters", "--[[ the letters ]]", "; --[=[ the ]=] -- 'letters"):
            self.assertEqual(prompt.enter("('a--b'):gmatch('%a') " + comment), '"a"\n"b"', comment)
        prompt.enter("ipairs((function() local t = {} for i = 1, 30 do t[i] = i * 2 end return t end)())")
        self.assertEqual(prompt.enter("_()"), "21\n42")
        # A function that is only named, or that takes nothing from a call to the next, is not called.
        prompt.enter("do local n = 0 function count() n = n + 1 called = n return n end end")
        prompt.enter("function all() called = 'all' end; t = { count }")
        for code in ("count", "all", "t[1]", "(count)", "load 'called = 1'", "(function() return all end)()"):
            self.assertTrue(prompt.enter(code).startswith("function "), code)
        self.assertEqual(prompt.enter("called"), "nil")
        prompt.leave()

    def test_commands(self):
        prompt = Prompt(self)
        self.assertRegex(prompt.enter(":time task.sleep(0.01)"), r"^0\.0\d\d s$")
        self.assertEqual(prompt.enter(":json { a = { 1 } }"), '{\n  "a": [\n    1\n  ]\n}')
        prompt.enter(":dry on")
        self.assertIn("POST http://127.0.0.1:1/", prompt.enter("http.post 'http://127.0.0.1:1/'"))
        prompt.enter(":dry off")
        self.assertIn("network", prompt.enter("select(2, http.post 'http://127.0.0.1:1/').kind"))
        self.assertIn("there is no :frob", prompt.enter(":frob"))
        self.assertIn("Ctrl-D", prompt.enter(":help"))
        prompt.keys(":quit\n")
        prompt.ends(0)

    def test_errors(self):
        prompt = Prompt(self)
        for line, shown in (
                ("error 'x'", "error: stdin:1: x"), ("x(", None), ("= 5", "error: stdin:1: unexpected symbol near '='"),
                ("assrt(1)", "error: stdin:1: attempt to call a nil value (global 'assrt'); did you mean 'assert'?"),
                ("require 'jeton.jsn'", "did you mean 'jeton.json'?"),
                ("error { a = 1 }", "error: { a = 1 }"),
                ("local y = 1", "(a local ends with its entry; for later ones write it without `local`)"),
                ("(function() error 'deep' end)()", "error: stdin:1: deep\nstack traceback:\n\tstdin:1: in function <stdin:1>")):
            if shown is not None:
                self.assertIn(shown, prompt.enter(line), line)
        shown = prompt.enter("task.spawn(error, 'late', 0)") + prompt.enter("task.sleep(0.01)")
        self.assertIn("in a task:\nerror: late", shown)
        prompt.leave()


class Keys(ReplCase):
    def test_interrupts(self):
        prompt = Prompt(self)
        for line in ("task.sleep(60)", "while true do end"):
            prompt.keys(line, "\n")
            prompt.wait(line + "\n")
            time.sleep(0.1)
            prompt.keys(INTERRUPT)
            self.assertIn("error: interrupted", prompt.wait("\njeton> "))
            time.sleep(1.1)  # or the next one would be the second
        prompt.keys("half", INTERRUPT)
        prompt.wait("^C\njeton> ")
        self.assertEqual(prompt.enter("1"), "1")
        time.sleep(1.1)
        prompt.keys(INTERRUPT)
        prompt.wait("^C\njeton> ")
        prompt.keys(INTERRUPT)
        prompt.ends(130)

    def test_what_is_typed_makes_room_for_what_a_task_prints(self):
        prompt = Prompt(self)
        prompt.enter("task.spawn(function() task.sleep(0.3) print('be' .. 'side') end)")
        prompt.keys("'ty")
        prompt.wait("beside\njeton> 'ty")
        prompt.keys("ped'\n")
        self.assertIn('"typed"', prompt.wait('\njeton> '))
        prompt.leave()

    def test_after_a_stop_the_line_is_there_again(self):
        prompt = Prompt(self)
        prompt.keys("'a")
        prompt.wait("'a")
        attributes = termios.tcgetattr(prompt.terminal.end)
        os.kill(prompt.terminal.pid, signal.SIGSTOP)
        cooked = list(attributes)
        cooked[3] |= termios.ECHO | termios.ICANON  # as a shell sets it
        termios.tcsetattr(prompt.terminal.end, termios.TCSANOW, cooked)
        prompt.keys("")
        os.kill(prompt.terminal.pid, signal.SIGCONT)
        prompt.wait("jeton> 'a")
        self.assertEqual(termios.tcgetattr(prompt.terminal.end), attributes)
        prompt.keys("b'\n")
        self.assertIn('"ab"', prompt.wait("\njeton> "))
        prompt.leave()

    def test_an_end_takes_tasks_with_it(self):
        prompt = Prompt(self)
        prompt.enter("task.spawn(task.sleep, 100)")
        prompt.leave()

    def test_exit_and_term(self):
        prompt = Prompt(self)
        prompt.keys("os.exit(7)\n")
        prompt.ends(7)
        prompt = Prompt(self)
        os.kill(prompt.terminal.pid, 15)
        prompt.ends(143)

    def test_a_signal_while_an_entry_runs(self):
        """It ended the entry, and the prompt came back."""
        for entry in ("task.sleep(100)", "while true do end"):
            prompt = Prompt(self)
            prompt.keys("print 'it runs' " + entry + "\n")
            prompt.wait("\nit runs")
            os.kill(prompt.terminal.pid, 15)
            prompt.ends(143)
            self.assertNotIn(b"jeton> ", prompt.terminal.shown.split(b"ended by signal")[1])

    def test_a_terminal_that_goes_away(self):
        for args, prompt in (((), "jeton> "), (("--sandbox",), "sandbox> ")):
            for keys in ("", "task.sleep(100)\n"):
                with self.subTest(args=args, keys=keys):
                    prompt_now = Prompt(self, *args, prompt=prompt)
                    prompt_now.keys(keys)
                    time.sleep(0.1)
                    gone = os.open("/dev/null", os.O_RDONLY)
                    os.dup2(gone, prompt_now.terminal.end)
                    os.close(gone)
                    support.wait_until(lambda: os.waitpid(prompt_now.terminal.pid, os.WNOHANG)[0] != 0)

    def test_several_lines_are_one_entry_later_too(self):
        prompt = Prompt(self)
        prompt.keys("for i = 1, 2 do\n")
        prompt.wait("-> ")
        prompt.keys("  print('n\\\\' .. i)\nend\n")
        prompt.wait("n\\1\nn\\2\njeton> ")
        prompt.enter("1")
        prompt.keys(UP, UP, "\n")
        prompt.wait("n\\1\nn\\2\njeton> ")
        prompt.leave()
        prompt = Prompt(self)
        prompt.keys(UP, "\n")
        prompt.wait("n\\1\nn\\2\njeton> ")
        prompt.leave()

    def test_completion(self):
        self.configure("https://kaizala.example.org/v1")
        prompt = Prompt(self)
        prompt.keys("jso", TAB, ".enc", TAB, "{}\n")
        self.assertIn('"{}"', prompt.wait("\njeton> "))
        prompt.keys("kz:", TAB)
        shown = prompt.wait("groups")
        self.assertIn("group_named", shown)
        self.assertNotIn("connector ", shown)  # a field
        prompt.keys(CLEAR, ":js", TAB, " 5\n")
        prompt.wait(":json 5\n5\njeton> ")
        prompt.keys(CLEAR, "kz.", TAB)
        prompt.wait("connector")
        for line in ("setmetatable({}, { __index = function() os.exit(9) end })", "{ inner = setmetatable({}, { __index = string }) }"):
            prompt.keys(CLEAR)
            prompt.enter("t = " + line)
            prompt.keys("t.", TAB, TAB)
            time.sleep(0.1)
        prompt.keys(CLEAR, "t.inn", TAB, ":upp", TAB, "()\n")
        self.assertIn("calling 'upper' on bad self", prompt.wait("\njeton> "))
        prompt.enter("list = { 1, { 1, inner = 'of the second' } }")
        prompt.keys("1 ..#'xy'..list[2].in", TAB, "\n")
        self.assertIn("12of the second", prompt.wait("\njeton> "))
        for typed in ("list[1].in", "list[3].in", "list[2][1].in", "none[1].in"):
            prompt.keys(CLEAR, typed, TAB)
        prompt.keys(CLEAR, "'con", TAB, "'\n")
        self.assertIn('"contoso"', prompt.wait("\njeton> "))
        prompt.keys("g = require('kaizala.group').new(kz, '1'); g\n")
        prompt.wait("\njeton> ")
        prompt.keys("g.welc", TAB, "\n")  # a field that only the annotations know as yet
        prompt.wait("g.welcome_message")
        prompt.keys(CLEAR)
        prompt.enter("1")
        prompt.leave()

    def test_plain_lines(self):
        self.env["TERM"] = "dumb"
        prompt = Prompt(self)
        self.assertEqual(prompt.enter("1 + 1"), "2")
        prompt.keys("for i = 1, 2 do\nprint(i)\nend\n2 + 2\n")
        self.assertIn("1\n2\njeton> 4", prompt.wait("4\njeton> "))
        prompt.keys("half", INTERRUPT)
        prompt.wait("\njeton> ")
        self.assertEqual(prompt.enter("3"), "3")
        self.assertNotIn(b"\x1b", prompt.terminal.shown)
        prompt.keys("do print 'a part'\n", "x = [[", "x" * 5000, "]]\n")
        self.assertIn("this terminal cuts a line after 4,095 bytes; nothing of the entry is run", prompt.wait("is run\njeton> "))
        self.assertEqual(prompt.enter("x"), "nil")
        self.assertEqual(prompt.enter(f"#'{'x' * 4000}'"), "4000")
        self.assertNotIn(b"a part\r\n", prompt.terminal.shown.replace(b"'a part'", b""))
        prompt.leave()


class Secrets(ReplCase):
    def test_all_output_is_masked(self):
        self.configure("https://kaizala.example.org/v1", refresh_token=SECRET)
        prompt = Prompt(self)
        prompt.enter("s = ('a-secret-of-' .. 'this-service')")
        for line in ("s", "{ s }", "{ [s] = 1 }", "print(s)", "io.write(s, '\\n')", "io.stdout:write(s, '\\n')",
                     "io.stderr:write(s, '\\n')",
                     "io.stderr:write(s:sub(1, 5), s:sub(6), 2.0, '\\n')", "for c in s:gmatch '.' do io.write(c) end", "error(s)", ":json s",
                     "require 'jeton.log'.info(s)", "task.spawn(error, s)", "each { s }"):
            shown = prompt.enter(line)
            self.assertNotIn(SECRET, shown, line)
            if line != "task.spawn(error, s)":
                self.assertIn("********", shown, line)
        self.assertIn("*", prompt.enter("('x'):rep(1990) .. s .. ('y'):rep(100)"))
        prompt.leave()
        shown = prompt.terminal.shown.decode()
        self.assertNotIn(SECRET, shown)
        self.assertNotIn(SECRET[:8], re.sub(r"\('a-secret-of-' \.\. ", "", shown))

    def test_none_is_completed(self):
        self.configure("https://kaizala.example.org/v1", refresh_token="a_name_like_secret")
        prompt = Prompt(self)
        prompt.enter("t = { a = 1, ['a_name_' .. 'like_secret'] = 2 }")
        prompt.keys("t.a", TAB)
        prompt.wait("********")
        prompt.keys("_n", TAB, CLEAR)
        prompt.enter("1")
        prompt.enter("u = { ['a_name_' .. 'like_secret'] = 2 }")
        prompt.keys("u.", TAB, CLEAR)
        prompt.enter("1")
        prompt.leave()
        self.assertNotIn("a_name_like_secret", prompt.terminal.shown.decode())

    def test_the_history_has_none(self):
        self.configure("https://kaizala.example.org/v1", refresh_token=SECRET)
        prompt = Prompt(self)
        prompt.enter(f"x = '{SECRET}'")
        prompt.enter(" y = 1")
        prompt.enter("z = 1")
        prompt.leave()
        self.assertEqual(self.history(), ["z = 1"])
        self.assertEqual(stat.S_IMODE(os.stat(self.kept).st_mode), 0o600)

    def test_a_history_of_somebody_else_s_making(self):
        """A link is not followed; a file that others can read is closed to them; a long one is cut."""
        self.write("mine", "mine\n")
        os.makedirs(os.path.dirname(self.kept), mode=0o700)
        os.symlink(os.path.join(self.folder, "mine"), self.kept)
        prompt = Prompt(self)
        prompt.enter("1")
        self.assertIn("the history of the prompt is not kept", prompt.terminal.shown.decode())
        prompt.leave()
        with open(os.path.join(self.folder, "mine"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine\n")
        os.unlink(self.kept)
        with open(self.kept, "w", encoding="utf-8") as file:
            file.write("".join(f"x = {n}\n" for n in range(150000)) + "'last'\n")
        os.chmod(self.kept, 0o644)
        prompt = Prompt(self)
        prompt.keys(UP, "\n")
        prompt.wait('"last"\njeton> ')
        prompt.leave()
        self.assertEqual(stat.S_IMODE(os.stat(self.kept).st_mode), 0o600)
        self.assertLess(os.stat(self.kept).st_size, 600 * 1024)


class Start(ReplCase):
    def test_the_names_of_fields_are_those_of_the_annotations(self):
        made = subprocess.run([JETON, "run", "scripts/tools/repl-names.lua"], cwd=support.SOURCE, env=self.env, text=True,
                              capture_output=True, check=True).stdout
        with open(os.path.join(support.SOURCE, "scripts/repl/names.lua"), encoding="utf-8") as file:
            self.assertEqual(file.read(), made, "stale: run `jeton run scripts/tools/repl-names.lua scripts/repl/names.lua`")

    def test_no_terminal(self):
        done = self.ok("repl", input="print(1)\nlocal t = task.now()\nprint(json.encode { t > 0 })")
        self.assertEqual(done.stdout, "1\n[true]\n")
        self.fails(1, "repl", input="error 'x'", says="stdin:1: x")
        self.fails(2, "repl", "x.lua", says="jeton repl -i SCRIPT")
        self.fails(3, "repl", "-C", "nobody", input="")

    def test_a_file_first(self):
        self.write("first.lua", "found = 'by ' .. 'file'\n")
        prompt = Prompt(self, "-i", "first.lua")
        self.assertEqual(prompt.enter("found"), '"by file"')
        prompt.leave()

    def test_with_a_sandbox(self):
        prompt = Prompt(self, "--sandbox", prompt="sandbox> ")
        self.assertIn('name = "Sales"', prompt.enter("kz:groups():next()"))
        prompt.keys("task.sleep(60)\n")
        prompt.wait("60)\n")
        time.sleep(0.1)
        prompt.keys(INTERRUPT)
        prompt.wait("interrupted\nsandbox> ")
        self.assertEqual(prompt.enter("#kz:groups():all()"), "3")
        prompt.leave()

    @unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
    def test_in_tmux(self):
        """A terminal that somebody else wrote shows what a person would see."""
        socket = os.path.join(self.folder, "tmux")
        def tmux(*words):
            return subprocess.run(["tmux", "-S", socket, "-f", "/dev/null", *words], env={**self.env, "SHELL": "/bin/sh"},
                                  cwd=self.folder, capture_output=True, text=True, check=False)
        started = tmux("new-session", "-d", "-x", "80", "-y", "24", f"exec {JETON} repl")
        self.assertEqual(started.returncode, 0, started.stderr)
        self.addCleanup(tmux, "kill-server")
        def screen():
            return tmux("capture-pane", "-p").stdout.rstrip("\n").split("\n")
        def see(last):
            support.wait_until(lambda: screen()[-1] == last)
        see("jeton>")
        for line in ("if true then", "print('in')", "end"):
            tmux("send-keys", "-l", line)  # a word may be the name of a key
            tmux("send-keys", "Enter")
        support.wait_until(lambda: screen()[-2:] == ["in", "jeton>"])
        tmux("send-keys", "Up")
        support.wait_until(lambda: screen()[-3:] == ["jeton> if true then", "print('in')", "end"])
        tmux("send-keys", "Enter")
        support.wait_until(lambda: screen()[-2:] == ["in", "jeton>"])
        tmux("send-keys", "task.", "Tab")
        see("jeton> task.")
        self.assertIn("sleep", "".join(screen()))
        tmux("send-keys", "C-u", "'abc'", "Left", "Left", "X", "Enter")
        support.wait_until(lambda: screen()[-2:] == ['"abXc"', "jeton>"])


load_tests = support.side_by_side

if __name__ == "__main__":
    unittest.main()
