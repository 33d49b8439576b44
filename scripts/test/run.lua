--- `jeton test`: finds the files, has each run in a process of its own, reports.
local crypto = require "jeton.crypto"
local host = require "jeton.test_host"
local http = require "jeton.http"
local json = require "jeton.json"
local kept = require "test.kept"
local log = require "jeton.log"
local people = require "test.people"
local reports = require "test.reports"
local task = require "jeton.task"
local totals = require "test.totals"
local worker = require "test.worker"

local run = {}

local USAGE <const> = 2 -- exit status
local SEED <const> = 1 -- without --shuffle
local SUFFIX <const> = "_test.lua"
local SEED_BYTES <const> = 4

---@class test.request as runtime/verb/verb_test.c writes it
---@field paths string[]
---@field reports string[]
---@field filter string|nil
---@field fail_fast string|nil
---@field shuffle string|nil
---@field record string|nil
---@field config string|nil
---@field self string the executable
---@field state string|nil a folder
---@field jobs integer -1: not given
---@field timeout_ms integer
---@field stale_ms integer -1: not given
---@field failed boolean
---@field watch boolean
---@field update boolean
---@field list boolean
---@field ci boolean
---@field color boolean
---@field verbose boolean
---@field quiet boolean
---@field limit integer|nil of failures
---@field seed integer
---@field outputs {kind: string, path: string|nil}[]

-- Raised for what the user has asked for: `usage` has exit status 2, `config` 3.
local function refuse(kind, message)
  error({ kind = kind, message = message }, 0)
end

local function number(text, option)
  local value = math.tointeger(text)
  if not value or value < 0 or value > 0xFFFFFFFF then
    refuse("usage", ("%s: expected a whole number, not '%s'"):format(option, text))
  end
  return value
end

local function read_outputs(request)
  local outputs, printed = {}, 0
  for index, text in ipairs(request.reports) do
    local kind, path = text:match "^([^=]+)=(.+)$"
    kind = kind or text
    if not reports[kind] or kind == "KINDS" then
      refuse("usage", ("--report: '%s' is not a report; expected tap, junit or json, and =FILE"):format(kind))
    end
    outputs[index] = { kind = kind, path = path ~= "-" and path or nil }
    if not outputs[index].path then printed = printed + 1 end
  end
  if printed > 1 then
    refuse("usage", "--report: only one can go to standard output; name a file: KIND=FILE")
  end
  return outputs, printed > 0
end

local function check_record(request)
  if not request.record then return end
  if request.record ~= "" and request.record ~= "all" then
    refuse("usage", ("--record: expected nothing or 'all', not '%s'"):format(request.record))
  elseif request.ci then
    refuse("usage", "--record: CI is set, and nothing is recorded there: cassettes come with the tests")
  elseif #request.paths == 0 and not request.filter then
    refuse("usage", "--record sends real requests: name the file, or the tests with -k")
  end
end

---@return test.request
local function read_request(text)
  local request = assert(json.decode(text))
  for key, value in pairs(request) do
    if value == json.null then request[key] = nil end
  end
  for _, path in ipairs(request.paths) do
    if path == json.null then refuse("usage", "a path is not UTF-8") end
  end
  request.outputs, request.silent = read_outputs(request)
  check_record(request)
  if request.fail_fast then
    request.limit = request.fail_fast == "" and 1 or number(request.fail_fast, "--fail-fast")
    if request.limit == 0 then refuse("usage", "--fail-fast: expected 1 or more") end
  end
  request.seed = SEED
  if request.shuffle == "" then
    request.seed = ("I4"):unpack(crypto.random(SEED_BYTES)) >> 1
  elseif request.shuffle then
    request.seed = number(request.shuffle, "--shuffle")
  end
  request.jobs = request.record and 1 or request.jobs > 0 and request.jobs or host.cpus()
  request.memory = request.state and request.state .. "/test.json"
  return request
end

--- Each file once, in the order of their paths.
local function find_files(request)
  local files, seen = {}, {}
  local paths = #request.paths > 0 and request.paths or { "." }
  for _, path in ipairs(paths) do
    local found, err = host.find(path, SUFFIX)
    if not found then refuse("config", err.message) end
    for _, file in ipairs(found) do
      if not seen[file.real] then
        seen[file.real] = true
        files[#files + 1] = file
      end
    end
  end
  table.sort(files, function(a, b) return a.path < b.path end)
  if #files == 0 then
    refuse("config", ("no test: there is no file *%s below %s"):format(SUFFIX, table.concat(paths, ", ")))
  end
  return files
end

--- Those with tests that failed, which `names` of each says; all of a file that broke.
local function only_failed(files, memory)
  local chosen = {}
  for _, file in ipairs(files) do
    local state = memory[file.real]
    if state and (state.broken or #state.failed > 0) then
      local names = not state.broken and state.failed or nil
      chosen[#chosen + 1] = { path = file.path, real = file.real, names = names }
    end
  end
  return chosen
end

--- Shuffled by the seed, else what took longest comes first.
local function in_order(files, request, memory)
  local order = table.move(files, 1, #files, 1, {})
  if request.shuffle then
    math.randomseed(request.seed)
    for index = #order, 2, -1 do
      local other = math.random(index)
      order[index], order[other] = order[other], order[index]
    end
  else
    local function took(file) return memory[file.real] and memory[file.real].ms or math.huge end
    table.sort(order, function(a, b)
      if took(a) ~= took(b) then return took(a) > took(b) end
      return a.path < b.path
    end)
  end
  return order
end

local function child_request(request, found)
  return {
    seed = request.seed,
    shuffle = request.shuffle and true or false,
    filter = request.filter,
    names = found.names and json.array(found.names) or nil,
    fail_fast = request.limit,
    update = request.update,
    record = request.record and (request.record == "all" and "all" or "missing") or nil,
    config = request.record and request.config or nil,
    list = request.list,
    timeout_ms = request.timeout_ms,
  }
end

local function is_cancelled(err)
  return type(err) == "table" and err.kind == "cancelled"
end

--- Runs the files, `jobs` at once; each(file) is called as they end.
---@return test.file[] done, integer left_out
local function run_files(order, request, each)
  local done, failures, next_one, stopped, tasks = {}, 0, 1, false, {}
  local function stop()
    stopped = true
    for _, other in ipairs(tasks) do
      if other:status() == "waiting" then other:cancel() end
    end
  end
  local function work()
    while order[next_one] and not stopped do
      local found = order[next_one]
      next_one = next_one + 1
      local fine, file = pcall(worker.run, found, child_request(request, found), request.self)
      if not fine and stopped and is_cancelled(file) then return end
      if not fine then error(file, 0) end
      file.partly = request.filter ~= nil or found.names ~= nil
      done[#done + 1] = file
      failures = failures + totals.of { file }.fail
      each(file)
      if request.limit and failures >= request.limit and not stopped then stop() end
    end
  end
  for index = 1, math.min(request.jobs, #order) do tasks[index] = task.spawn(work) end
  for _, each_task in ipairs(tasks) do each_task:join() end
  table.sort(done, function(a, b) return a.path < b.path end)
  return done, #order - #done
end

local function write_reports(result, request)
  for _, output in ipairs(request.outputs) do
    local text = reports[output.kind](result)
    if output.path then
      local fine, err = host.write(output.path, text)
      if not fine then refuse("config", ("--report: %s"):format(err.message)) end
    else
      io.write(text)
    end
  end
end

--- Files in which the filter chose nothing are not told of.
local function with_tests(files)
  local some = {}
  for _, file in ipairs(files) do
    if file.broken or #file.tests > 0 then some[#some + 1] = file end
  end
  return some
end

--- One run, and what it came to.
---@param files table[] path, real, names
---@return integer status, table result
function run.once(files, request)
  local began, single = task.now(), #files == 1
  local function each(file)
    if request.silent or request.quiet or not (file.broken or #file.tests > 0) then return end
    io.write(people.file(file, request.color, single or request.verbose))
    io.flush()
  end
  local done, left_out = run_files(in_order(files, request, kept.load(request.memory)), request, each)
  local result = {
    files = with_tests(done),
    left_out = left_out,
    seed = request.seed,
    ms = math.floor((task.now() - began) * 1000),
    loaded = done,
  }
  if #result.files == 0 and left_out == 0 then
    refuse("config", request.filter and ("no test has '%s' in its name"):format(request.filter) or "no test")
  end
  local stored, why = kept.store(request.memory, done)
  if not stored then log.warn(("what failed is not remembered: %s"):format(why.message)) end
  local sums, status = totals.of(done), 0
  if not request.silent then io.write(people.ending(result, request.color, request.quiet)) end
  write_reports(result, request)
  if sums.fail > 0 then status = 1 end
  for _, file in ipairs(done) do
    if file.unreadable then status = 3 end
  end
  return status, result
end

local function list(files, request)
  local done = run_files(in_order(files, request, {}), request, function() end)
  local status = 0
  totals.each(done, function(file, test)
    if test.status == "fail" then
      status = 3
      io.stderr:write(("%s: %s\n"):format(host.visible(test.failure.where or file.path),
        host.visible(test.failure.message)))
    else
      io.write(("%s:%d  %s\n"):format(host.visible(file.path), test.line, host.visible(test.name)))
    end
  end)
  return status
end

local function act(text)
  local request = read_request(text)
  if request.stale_ms >= 0 then return require("test.stale").list(request) end
  local files = find_files(request)
  if request.watch then
    local how = { once = run.once, find = find_files, only_failed = only_failed }
    return (require("test.watch").run(files, request, how))
  end
  if request.list then return list(files, request) end
  if request.failed then
    files = only_failed(files, kept.load(request.memory))
    if #files == 0 then
      io.write "no test failed the last time\n"
      return 0
    end
  end
  return (run.once(files, request))
end

---@param text string JSON of a test.request
function run.run(text)
  local fine, status = pcall(act, text)
  if fine then os.exit(status) end
  local kind = type(status) == "table" and status.kind
  if kind == "usage" then
    log.error(status.message)
    os.exit(USAGE)
  elseif kind == "config" then
    return nil, http.error { kind = kind, message = status.message }
  end
  error(status, 0)
end

return run
