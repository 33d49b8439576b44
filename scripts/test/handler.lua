--- What is put in place for a webhook's handlers that a test runs: the environment of the webhook, and a
--- crash at a point of the test's choice.
local guard = require "test.guard"
local hook = require "jeton.hook"
local json = require "jeton.json"
local task = require "jeton.task"

local handler = {}

local CRASHED <const> = 137 -- as a process that SIGKILL has ended

local function crash()
  os.exit(CRASHED)
end

--- "after step tell", "before step tell", "before the end"
local function crash_at(where)
  local when, name = where:match "^(%l+) step (.+)$"
  local step, finish = hook.step, hook.finish
  if when then
    function hook.step(claim, its, text)
      if text and its == name and when == "before" then crash() end
      local result = step(claim, its, text)
      if text and its == name and when == "after" then crash() end
      return result
    end
  else
    function hook.finish(claim)
      crash()
      return finish(claim)
    end
  end
end

--- Of what a dead worker left, the last attempt may have been spent: then no answer comes that says so.
local function tell_recovered()
  local recover = hook.recover
  function hook.recover()
    local left = recover()
    if left > 0 then hook.answer "\n" end
    return left
  end
end

--- When it came, for a sender does not wait for ever.
local function time_answers()
  local answer, left = hook.answer, {} -- what there was no room for has its time already
  function hook.answer(line)
    local text = (left[line] or line == "\n") and line or ("%.3f %s"):format(task.now(), line)
    left[line] = nil
    local rest = answer(text)
    left[rest] = rest ~= "" or nil
    return rest
  end
end

--- The prelude of such a run.
---@param text string JSON: environment, crash
function handler.install(text)
  local settings = assert(json.decode(text))
  guard.install()
  local getenv = os.getenv
  function os.getenv(name) -- luacheck: ignore 122
    local value = settings.environment and settings.environment[name]
    return value ~= nil and tostring(value) or getenv(name)
  end
  time_answers()
  tell_recovered()
  if type(settings.crash) == "string" then crash_at(settings.crash) end
end

return handler
