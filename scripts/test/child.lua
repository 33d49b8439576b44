--- Runs the tests of one file, in a process of its own (runtime/verb/test_child.c), and reports what became
--- of each as a line of JSON.
local case = require "test.case"
local crypto = require "jeton.crypto"
local ending = require "test.ending"
local guard = require "test.guard"
local json = require "jeton.json"
local native = require "jeton.test_native"
local task = require "jeton.task"
local test = require "jeton.test"

local child = {}

local UNREADABLE = 3 -- exit status
local TURNS = 100 -- of the loop, for tasks that are about to end

local OUR_WORDS = { event = true, status = true } -- a secret may be the same word

--- Without secrets. JSON can say no bytes that are not UTF-8; a failure may.
local function sayable(value)
  if type(value) == "string" then
    local masked = native.mask(value)
    return utf8.len(masked) and masked or masked:gsub("[\x80-\xff]", function(byte)
      return ("\\x%02x"):format(byte:byte())
    end)
  elseif type(value) == "table" then
    for key, each in pairs(value) do
      if not OUR_WORDS[key] then value[key] = sayable(each) end
    end
  end
  return value
end

local function report(event)
  native.report(assert(json.encode(sayable(event))) .. "\n")
end

local function contains(list, name)
  for _, item in ipairs(list or {}) do
    if item == name then return true end
  end
end

--- Which tests are asked for, in the order in which they are run.
local function chosen(options)
  local cases = {}
  for _, each in ipairs(test.cases) do
    if (not options.filter or each.name:find(options.filter, 1, true))
      and (not options.names or contains(options.names, each.name)) then
      cases[#cases + 1] = each
    end
  end
  if options.shuffle then
    for i = #cases, 2, -1 do
      local j = math.random(i)
      cases[i], cases[j] = cases[j], cases[i]
    end
  end
  return cases
end

local fail = case.fail

local under_way -- the `t` of the test that is run

--- What a test prints is shown if it fails, as what it logs.
local function keep_prints()
  local own = print
  function print(...) -- luacheck: ignore 121
    own(...)
    local texts = table.pack(...)
    for i = 1, texts.n do texts[i] = tostring(texts[i]) end
    if under_way then under_way:log(table.concat(texts, "\t")) end
  end
end

local function attempt(t, fn, ...)
  local fine, failure = case.attempt(fn, ...)
  if not fine then fail(t, failure) end
end

--- A task of the test that does not end by itself within some turns. What others failed with, and nobody has
--- seen, fails the test.
local function last_left(t, scope)
  local left
  for _ = 1, TURNS do
    left = native.left(scope)
    if not left then return nil end
    if left:status() == "failed" then
      attempt(t, left.join, left)
    else
      task.yield()
    end
  end
  return left
end

--- What the test asked to be done at its end, and what must not be left of it.
local function finish(t, scope)
  for i = #t.deferred, 1, -1 do
    attempt(t, t.deferred[i])
  end
  local left = last_left(t, scope)
  if left and native.servers() > 0 then
    fail(t, { message = "a server is still open at the end of the test; close it, perhaps by t:defer" })
  elseif left then
    fail(t, { message = "a task is still under way at the end of the test; join or cancel it" })
  end
  native.cancel(scope)
  last_left(t, scope)
  for _, module in ipairs(test.modules()) do
    if module.finish then attempt(t, module.finish, t) end
  end
  guard.finish(function(failure)
    fail(t, failure)
  end)
  for _, fn in ipairs(t.at_end) do
    attempt(t, fn, not t.failure)
  end
end

local function run_case(t, fn)
  under_way = t
  local scope = native.scope()
  local seed = ("%d %s"):format(t.options.seed or 0, t.name) -- the same when it is run alone
  native.seed(seed)
  math.randomseed(string.unpack("<i8", crypto.random(8)))
  for _, module in ipairs(test.modules()) do
    if module.begin then module.begin(t) end
  end
  guard.begin()
  native.on_stuck(function()
    fail(t, { message = "every task waits, and nothing that they wait for can come" })
    native.cancel(scope)
  end)
  local body = native.start(scope, function()
    attempt(t, fn, t)
  end)
  local ended, raised = pcall(body.join, body)
  if not ended then fail(t, { message = tostring(raised) }) end
  local last = native.start(native.scope(), finish, t, scope)
  last:join()
  native.on_stuck(nil)
  local recent = native.recent()
  t.requests = #recent > 0 and recent or nil
end

--- What is said of a failure: not more than somebody reads.
local function described(t)
  local failure = t.failure
  return {
    message = failure.message,
    where = failure.where,
    diff = failure.diff,
    traceback = failure.traceback,
    requests = t.requests,
    log = #t.lines > 0 and t.lines or nil,
    rerun = native.mask(t.name) ~= t.name and "jeton test " .. t.file -- no name has stars
      or ("jeton test %s -k '%s'"):format(t.file, t.name:gsub("'", "'\\''")),
  }
end

local function run_all(options, cases, path)
  test.begun = true
  local folder = assert(os.getenv "JETON_TEST_FOLDER", "JETON_TEST_FOLDER is not set")
  local methods, only, ci = test.methods(), false, (os.getenv "CI" or "") ~= ""
  for _, each in ipairs(cases) do
    only = only or each.only
  end
  local results, failures = {}, 0
  for number, each in ipairs(cases) do
    if options.fail_fast and failures >= options.fail_fast then break end
    local t, _, began = case.new(each, options, path, methods), native.real_now()
    local skip = each.skip or only and not each.only and not ci
    report { event = "start", test = each.name, number = number }
    if not skip then
      t.folder = ("%s/%d"):format(folder, number) -- what belongs to the test, and in it what it may see
      native.enter(t.folder)
      native.enter(t.folder .. "/work")
      if each.only and ci then
        fail(t, { message = "test.only, and CI is set: the others would not be run",
                  where = ("%s:%d"):format(options.file, each.line) })
      else
        run_case(t, each.fn)
      end
    end
    local status = skip and "skip" or t.failure and "fail" or "pass"
    results[each.name], failures = status, failures + (t.failure and 1 or 0)
    report {
      event = "result",
      test = each.name,
      number = number,
      line = each.line,
      status = status,
      ms = select(2, native.real_now()) - began,
      failure = t.failure and described(t) or nil,
    }
  end
  ending.notes[#ending.notes + 1] = guard.notice()
  local fine, why = pcall(ending.run, results)
  if not fine then report { event = "broken", message = tostring(why) } end
end

--- The files of the user's that are tested: a change of one makes the tests worth another run.
local function loaded(path)
  local files, seen = { path }, { [path] = true }
  for file in native.loaded():gmatch "[^\n]+" do
    if not seen[file] then files[#files + 1] = file end
    seen[file] = true
  end
  table.sort(files)
  return files
end

---@param text string JSON: file, seed, shuffle, filter, names, list, and what the modules of `t` read
---@return boolean|nil
function child.run(text)
  local options = assert(json.decode(text))
  for key, value in pairs(options) do
    if value == json.null then options[key] = nil end
  end
  math.randomseed(options.seed or 0)
  guard.install()
  guard.open_servers()
  keep_prints()
  local main, path = native.load(options.file)
  local fine, failure
  if main then
    fine, failure = case.attempt(main)
  else
    failure = case.split(path.message)
  end
  if not fine then
    report { event = "broken", message = failure.message, where = failure.where }
    report { event = "end", loaded = { main and path or options.file } }
    os.exit(UNREADABLE)
  end
  local cases = chosen(options)
  local plan = {}
  for i, each in ipairs(cases) do
    plan[i] = { name = each.name, line = each.line, skip = each.skip }
  end
  report { event = "plan", file = options.file, seed = options.seed, tests = json.array(plan) }
  if not options.list then run_all(options, cases, path) end
  report {
    event = "end",
    loaded = loaded(path),
    notes = json.array(ending.notes),
    snapshots_unused = json.array(ending.snapshots_unused),
  }
end

return child
