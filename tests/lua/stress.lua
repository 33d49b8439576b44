-- Runs a test file where every call into C may have the worst happen inside of it:
--   JETON_FAULT=collect=1 build/tests/jeton-fault run tests/lua/stress.lua tests/lua/task/test_task.lua
-- Each allocation by C code collects all garbage. Each collection runs a finalizer that closes, sets, starts,
-- cancels and tries to wait. So whatever C code keeps without an anchor is collected under its feet.
-- test_finalizers.lua does the same to the very objects that are in use.
local server = require "jeton.server"
local sqlite = require "jeton.sqlite"
local state = require "jeton.state"
local task = require "jeton.task"

local file = assert((...), "usage: stress.lua TEST")
package.path = (file:match "^.*/" or "") .. "?.lua;" .. package.path -- as if it were the script

-- Each is called with what it returned the time before.
local hostile = {
  function(db)
    if db then
      db:close()
    end
    db = sqlite.open ":memory:"
    db:exec "CREATE TABLE t (a); INSERT INTO t VALUES (1)"
    local rows = db:iterate "SELECT a FROM t"
    rows() -- and its cursor stays open
    return db
  end,
  function(listening)
    if listening then
      listening:close()
    end
    return not listening and server.listen { handler = print } or nil
  end,
  function(before)
    before = (before or 0) + 1
    if pcall(state.set, "stress" .. before, before) then
      state.set("stress" .. before, nil) -- a test may list the keys; the change itself stays
    end
    return before
  end,
  function(before)
    if before then
      before:cancel()
      return nil
    end
    return task.spawn(task.sleep, 0.001)
  end,
  function()
    assert(not pcall(task.yield))
    assert(not pcall(coroutine.yield))
    assert(not pcall(task.sleep, 0.01))
  end,
}

local kept, calls, over = {}, 0, false

local function arm()
  setmetatable({}, {
    __gc = function()
      if over then
        return
      end
      calls = calls + 1
      local n = calls % (#hostile * 20) -- most only come again, since all of this takes time
      if hostile[n] then
        local ok, result = pcall(hostile[n], kept[n])
        kept[n] = ok and result or nil
      end
      arm()
    end,
  })
end

-- A server would keep the run going, and a database that is opened while the state closes is never closed.
local function finish()
  over = true
  if kept[2] then
    kept[2]:close()
  end
end

local exit = os.exit
os.exit = function(...) -- luacheck: ignore 122
  finish()
  return exit(...)
end

collectgarbage("incremental", 200, 1000, 40) -- a step is a whole cycle
arm()
local ran = table.pack(pcall(assert(loadfile(file, "t")), select(2, ...)))
finish()
if not ran[1] then
  error(ran[2], 0)
end
return table.unpack(ran, 2, ran.n)
