-- jeton.exec, what the sandbox's --exec stands on: a child, its private folder, its signals, its end.
local exec = require "jeton.exec"
local lu = require "luaunit"
local task = require "jeton.task"

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a":gsub("\n$", "")
  pipe:close()
  return text
end

local function read(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

local TestExec = {}

function TestExec:setUp()
  self.out = output "mktemp -d"
end

function TestExec:tearDown()
  os.execute("rm -rf '" .. self.out .. "'")
end

-- Runs a shell script that finds the test's own folder in $OUT.
function TestExec:shell(script, options)
  options = options or {}
  options.argv = { "sh", "-c", script }
  options.env = options.env or {}
  options.env.OUT = self.out
  return exec.run(options)
end

function TestExec:wait_for(name)
  for _ = 1, 1000 do
    local text = read(self.out .. "/" .. name)
    if text and text ~= "" then return text:gsub("\n$", "") end
    task.sleep(0.01)
  end
  error("no file " .. name)
end

function TestExec:test_status()
  lu.assertEquals(self:shell "exit 0", 0)
  lu.assertEquals(self:shell "exit 7", 7)
  lu.assertEquals(self:shell "kill -KILL $$", 128 + 9)
end

function TestExec:test_arguments_come_as_they_are()
  lu.assertEquals(exec.run {
    argv = { "sh", "-c", [[printf '%s|' "$@" > "$OUT/args"]], "name", "a b", "", "*", "$HOME", "{dir}" },
    env = { OUT = self.out },
  }, 0)
  lu.assertEquals(read(self.out .. "/args"), "a b||*|$HOME|{dir}|")
end

-- With input nothing is replaced, so no folder is needed.
function TestExec:test_input()
  local script = [[cat > "$OUT/input"; echo "$DIR" > "$OUT/dir"]]
  lu.assertEquals(self:shell(script, { input = "a\0b{dir}", env = { DIR = "{dir}" } }), 0)
  lu.assertEquals(read(self.out .. "/input"), "a\0b{dir}")
  lu.assertEquals(read(self.out .. "/dir"), "{dir}\n")
  lu.assertErrorMsgContains("not with files", exec.run, { argv = { "true" }, input = "", files = { x = "" } })
end

function TestExec:test_folder_files_and_environment()
  local status = self:shell([[
    cd "$(dirname "$CONFIG")" || exit 1
    pwd > "$OUT/pwd"
    stat -c '%a %F' . state x.yaml sub sub/y > "$OUT/modes"
    cat x.yaml sub/y > "$OUT/content"
    echo "$CONFIG|$STATE|$OTHER" > "$OUT/env"
  ]], {
    files = { ["x.yaml"] = "state: {dir}/state {dir}\n", ["sub/y"] = "a\0b" },
    env = { STATE = "{dir}/state", OTHER = "{di}" },
    env_dir = { CONFIG = "x.yaml" },
  })
  lu.assertEquals(status, 0)
  local dir = self:wait_for "pwd"
  lu.assertEquals(read(self.out .. "/modes"),
    "700 directory\n700 directory\n600 regular file\n700 directory\n600 regular file\n")
  lu.assertEquals(read(self.out .. "/content"), "state: " .. dir .. "/state " .. dir .. "\na\0b")
  lu.assertEquals(read(self.out .. "/env"), dir .. "/x.yaml|" .. dir .. "/state|{di}\n")
  lu.assertEquals(output("ls -d '" .. dir .. "' 2>/dev/null"), "") -- it is gone
end

function TestExec:test_the_folder_goes_whatever_the_child_made_of_it()
  lu.assertEquals(self:shell([[
    cd "$STATE" || exit 1
    pwd > "$OUT/pwd"
    mkdir -p a/b/c "with space" && touch a/b/c/f ".hidden" "with space/x"
    ln -s "$OUT" link
    echo kept > "$OUT/kept"
    chmod 0 a/b/c a/b a/b/c 2>/dev/null; chmod 0500 a
    exit 0
  ]], { env = { STATE = "{dir}/state" } }), 0)
  local dir = self:wait_for "pwd"
  lu.assertEquals(output("ls -d '" .. dir .. "' 2>/dev/null"), "")
  lu.assertEquals(read(self.out .. "/kept"), "kept\n") -- a link is removed, not followed
end

function TestExec:test_it_waits_without_holding_up_others()
  local child = task.spawn(function()
    return self:shell [[while [ ! -e "$OUT/go" ]; do sleep 0.02; done; exit 3]]
  end)
  for _ = 1, 5 do task.sleep(0.01) end
  lu.assertEquals(child:status(), "waiting")
  os.execute("touch '" .. self.out .. "/go'")
  lu.assertEquals(child:join(), 3)
end

function TestExec:test_signals_from_processes_are_passed_on()
  for name, number in pairs { TERM = 15, INT = 2, HUP = 1 } do
    lu.assertEquals(self:shell(([[
      trap 'exit %d' %s
      kill -%s $PPID
      i=0; while [ $i -lt 500 ]; do sleep 0.02; i=$((i+1)); done
    ]]):format(number + 40, name, name)), number + 40)
  end
end

-- The watchdog sees it while the script computes; two seconds later it looks whether the run is stuck.
function TestExec:test_a_signal_that_was_passed_on_ends_no_later_program()
  local child = task.spawn(function()
    return self:shell [[
      trap 'exit 5' TERM
      echo $$ > "$OUT/pid"
      sleep 0.2
      kill -TERM $PPID
      i=0; while [ $i -lt 500 ]; do sleep 0.02; i=$((i+1)); done
    ]]
  end)
  self:wait_for "pid"
  local begun = os.clock()
  while os.clock() - begun < 0.5 do end
  lu.assertEquals(child:join(), 5)
  lu.assertEquals(self:shell "sleep 2.5; exit 6", 6)
end

function TestExec:test_cancelled_the_child_may_clean_up()
  local child = task.spawn(function()
    return self:shell([[
      trap 'sleep 0.1; echo cleaned > "$OUT/cleaned"; exit 0' TERM
      echo "$DIR" > "$OUT/pwd"
      while :; do sleep 0.02; done
    ]], { env = { DIR = "{dir}" } })
  end)
  local dir = self:wait_for "pwd"
  child:cancel()
  pcall(child.join, child)
  lu.assertEquals(child:status(), "cancelled")
  lu.assertEquals(read(self.out .. "/cleaned"), "cleaned\n") -- before the task ended
  lu.assertEquals(output("ls -d '" .. dir .. "' 2>/dev/null"), "")
end

function TestExec:test_cancelled_twice_the_child_is_killed()
  local child = task.spawn(function()
    return self:shell [[
      trap '' TERM
      echo $$ > "$OUT/pid"
      while :; do sleep 0.02; done
    ]]
  end)
  local pid = self:wait_for "pid"
  child:cancel()
  task.sleep(0.1)
  lu.assertEquals(output("kill -0 " .. pid .. " && echo alive"), "alive")
  child:cancel()
  pcall(child.join, child)
  lu.assertEquals(child:status(), "cancelled")
  lu.assertEquals(output("kill -0 " .. pid .. " 2>/dev/null && echo alive"), "")
end

function TestExec.test_what_cannot_be_started()
  local status, err = exec.run { argv = { "/no/such/program" } }
  lu.assertNil(status)
  lu.assertEquals(err.kind, "config")
  lu.assertStrContains(err.message, "/no/such/program")
  for _, name in ipairs { "../x", "/etc/x", "a/../b", "a//b", "." } do
    status, err = exec.run { argv = { "true" }, files = { [name] = "" } }
    lu.assertNil(status)
    lu.assertStrContains(err.message, name)
  end
  status, err = exec.run { argv = { "true" }, env = { ["A=B"] = "" } }
  lu.assertNil(status)
  lu.assertStrContains(err.message, "A=B")
end

-- In a process with a TMPDIR of its own: other tests leave theirs in the usual one, for a time.
function TestExec:test_what_cannot_be_started_leaves_no_folder()
  local file <close> = assert(io.open(self.out .. "/script.lua", "w"))
  assert(file:write [[
    local exec = require "jeton.exec"
    local folders = 0
    local function refused(options)
      assert(exec.run(options) == nil)
      for _ in io.popen("ls -A " .. os.getenv "TMPDIR"):lines() do folders = folders + 1 end
    end
    refused { argv = { "/no/such/program" }, files = { x = "" } }
    refused { argv = { "true" }, files = { a = "", ["../x"] = "" } }
    refused { argv = { "true" }, env = { ["A=B"] = "" } }
    local inside = { "sh", "-c", 'test "${DIR#"$TMPDIR"/}" != "$DIR"' }
    assert(exec.run { argv = inside, env = { DIR = "{dir}" } } == 0)
    assert(folders == 0, folders .. " folders are left")
  ]])
  file:close()
  lu.assertEquals(self:shell([[chmod 600 "$OUT/script.lua" && mkdir "$OUT/tmp" &&
    TMPDIR=$OUT/tmp exec "$JETON" run "$OUT/script.lua"]]), 0)
end

function TestExec.test_misuse()
  lu.assertErrorMsgContains("argv", exec.run, {})
  lu.assertErrorMsgContains("argv", exec.run, { argv = {} })
  lu.assertErrorMsgContains("argv", exec.run, { argv = { "a", 5 } })
  lu.assertErrorMsgContains("NUL", exec.run, { argv = { "a\0b" } })
  lu.assertErrorMsgContains("env", exec.run, { argv = { "true" }, env = { A = 1 } })
  lu.assertErrorMsgContains("did you mean 'files'", exec.run, { argv = { "true" }, file = {} })
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestExec", TestExec } })
