--- One file of tests: starts its process, and makes a result of what that reports.
local host = require "jeton.test_host"
local json = require "jeton.json"
local task = require "jeton.task"

local worker = {
  NOT_RUN = "not run", -- why a test was skipped whose turn did not come
}

local LATE_MS <const> = 2000 -- the process ends by itself at its timeout; else it is killed

--- The process's own: below its folder.
local BELOW = { "HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME" }
local ENV = { "TZ=UTC", "JETON_CONFIG=", "JETON_LOG_FORMAT=", "NO_COLOR=1" }
for _, scheme in ipairs { "http", "https", "all", "no" } do
  ENV[#ENV + 1] = scheme .. "_proxy="
  ENV[#ENV + 1] = scheme:upper() .. "_PROXY="
end

--- While calls are recorded, programs that give secrets find the user's own home, and so is the state found.
local BELOW_RECORDING = { "TMPDIR" }

---@class test.result of a test
---@field name string
---@field line integer
---@field status "pass"|"fail"|"skip"
---@field ms integer
---@field failure table|nil message, where, diff, requests, log, rerun
---@field why string|nil of a skip

---@class test.file
---@field path string as the user typed it
---@field real string
---@field tests test.result[]
---@field broken table|nil message, where, output: nothing of it could be run, or its process ended early
---@field unreadable boolean|nil
---@field renamed boolean|nil a test has a secret in its name, and cannot be chosen by it
---@field loaded string[] files that it took part of
---@field notes string[]
---@field ms integer

local EVENTS = {}

function EVENTS.plan(file, event)
  for _, planned in ipairs(event.tests) do
    local test = { name = planned.name, line = planned.line, status = "skip", ms = 0, why = worker.NOT_RUN }
    file.tests[#file.tests + 1] = test
  end
end

function EVENTS.start(file, event)
  file.under_way = file.tests[event.number]
end

--- A name has its secrets masked when they are known, which they are not in the plan.
function EVENTS.result(file, event)
  local test = file.tests[event.number]
  file.under_way = nil
  file.renamed = file.renamed or test.name ~= event.test
  test.name = event.test
  test.status, test.ms, test.failure, test.why = event.status, event.ms or 0, event.failure, event.why
end

function EVENTS.broken(file, event)
  file.broken = { message = event.message, where = event.where }
end

EVENTS["end"] = function(file, event)
  file.ended = true
  file.loaded = event.loaded or {}
  for _, name in ipairs(event.snapshots_unused or {}) do
    file.notes[#file.notes + 1] = ("snapshot %q is not used any more; --update removes it"):format(name)
  end
  for _, note in ipairs(event.notes or {}) do file.notes[#file.notes + 1] = note end
end

local function without_null(event)
  for key, value in pairs(event) do
    if value == json.null then event[key] = nil end
  end
  return event
end

--- Paths below the folder that the user is in, as the user would type them.
local function shortened(value, folder)
  if type(value) == "string" then return (value:gsub(folder, "")) end
  if type(value) ~= "table" then return value end
  for key, inner in pairs(value) do value[key] = shortened(inner, folder) end
  return value
end

local function read_report(file, report)
  local relative = file.path:sub(1, 1) ~= "/" and file.real:sub(-#file.path) == file.path
  local folder = relative and file.real:sub(1, -#file.path - 1):gsub("%p", "%%%0")
  for line in report:gmatch "[^\n]+" do
    local event = json.decode(line)
    local take = type(event) == "table" and EVENTS[event.event]
    if take then
      if folder then -- but not in a diff, which says what there was
        event.where = shortened(event.where, folder)
        for _, key in ipairs(event.failure and { "where", "log", "traceback" } or {}) do
          event.failure[key] = shortened(event.failure[key], folder)
        end
      end
      take(file, without_null(event))
    end
  end
end

local function how_it_ended(file, run, timeout_ms)
  if run.too_much then return "it reported more than 32 MiB" end
  if run.timed_out or run.status == 8 and file.ms >= timeout_ms then -- else an event's time was up
    return ("it did not end within %g s (--timeout)"):format(timeout_ms / 1000)
  end
  if run.signal then return ("its process was ended by a signal: %s"):format(run.signal) end
  return ("its process ended with status %d"):format(run.status)
end

--- It ended before it said so: the test under way failed, or else the file.
local function blame(file, run, timeout_ms)
  local message = how_it_ended(file, run, timeout_ms)
  local test = file.under_way
  if not test then
    file.broken = { message = message }
    return
  end
  test.status, test.why = "fail", nil
  test.failure = {
    message = message,
    where = ("%s:%d"):format(file.path, test.line),
    output = run.output ~= "" and run.output or nil,
    rerun = ("jeton test %s -k '%s'"):format(file.path, test.name:gsub("'", "'\\''")),
  }
end

--- Waits until the file's process has ended.
---@param found table path, real
---@param request table for the process; file is added
---@return test.file
function worker.run(found, request, self)
  local file = { path = found.path, real = found.real, tests = {}, notes = {} }
  file.loaded = { found.real }
  local began = task.now()
  request.file = found.path
  local run, err = host.run {
    argv = { self, "--no-color", "test", "--child", assert(json.encode(request)) },
    env = ENV,
    below = request.record and BELOW_RECORDING or BELOW,
    timeout_ms = request.timeout_ms + LATE_MS,
  }
  file.ms = math.floor((task.now() - began) * 1000)
  if not run then
    file.broken = { message = tostring(err) }
    return file
  end
  read_report(file, run.report)
  if not file.ended or file.under_way then
    blame(file, run, request.timeout_ms)
  elseif run.status ~= 0 and not file.broken then -- all its tests have ended
    file.broken = { message = how_it_ended(file, run, request.timeout_ms) .. ", after its tests" }
  end
  if file.broken then
    file.unreadable = run.status == 3
    file.broken.output = run.output ~= "" and run.output or nil
    file.broken.rerun = "jeton test " .. file.path
  end
  file.dropped = run.dropped
  return file
end

return worker
