--- Handles the events of one webhook, in a process of its own (runtime/hook/hook_worker.c): claims what is
--- due, runs the handler in a task, and ends each event in one transaction with what it changed.
local own = require "hook.own"
local event = require "hook.event"
local runners = require "hook.runners"
local sources = require "hook.sources"
local storing = require "hook.storing"

local _ENV = own -- luacheck: ignore 211
local crypto = own.module "jeton.crypto"
local hook = own.module "jeton.hook"
local json = own.module "jeton.json"
local log = own.module "jeton.log"
local state = own.module "jeton.state"
local task = own.module "jeton.task"

local worker = {}

local CONFLICTS_MAX = 20 -- repeats of an attempt that count as none
local CONFLICT_MS = 50 -- until the next, at most
local CLAIM_AGAIN_MS = 5000 -- when the state could not be asked
local RECOVER_SECONDS = 30 -- between two looks
local BESIDE_SECONDS = 1 -- between two looks at tasks that belong to no event
local ANSWER_TRIES, ANSWER_PAUSE = 3000, 0.02 -- seconds: no sender waits for longer
local RETRY_AFTER_MAX = 7 * 86400 -- seconds: as long as `retries` may wait
local ANSWER_MAX, ANSWER_HEADERS_MAX = 64 * 1024, 32 -- as the listener takes them
local REPLY_KEYS = { status = true, headers = true, body = true, json = true }
local STATUS_MIN, STATUS_MAX = 200, 599
local KEY_SHOWN = 64 -- bytes of a reply's key
local SHOW_MS = 1000 -- for the code of a script that says what an error or a reply is
local LINE_MAX, TRACE_MAX = 4096, 64 * 1024

local FINAL = { config = true, invalid = true }
local ASKS = { throttled = true, http = true } -- a service may say when, with a 429 or a 503

--- From 0 to n: full jitter.
local function jitter(n)
  return n > 0 and string.unpack("<I6", crypto.random(6)) % (n + 1) or 0
end

local function is_memory(failure)
  return type(failure) == "string" and (string.find(failure, "not enough memory$") ~= nil
    or string.find(failure, "(SQLITE_NOMEM) in: ", 1, true) ~= nil)
end

--- How a failed attempt ends, for hook.fail; and what is said of it. The failure is what `settled` gives.
local function verdict(failure, raw, settings, stopping)
  local kind, error = failure.kind, failure.message
  if kind == "cancelled" and stopping then
    return { uncounted = true }, "begun anew by the next process"
  end
  if kind == "conflict" and raw.conflicts < CONFLICTS_MAX * raw.attempt then
    return { uncounted = true, conflicted = true, delay_ms = jitter(CONFLICT_MS) }, nil
  end
  if (FINAL[kind] and not failure.retryable) or failure.rejected then
    return { dead = true, error = error }, "given up"
  end
  if failure.memory and not raw.first then -- others may have filled it; it is the next one
    return { uncounted = true, alone = true, error = error, next_ms = raw.received_ms }, "again, alone"
  end
  if raw.attempt >= settings.attempts then
    return { dead = true, error = error }, "given up"
  end
  local delay = jitter(math.min(settings.max_delay_ms, settings.delay_ms * 2.0 ^ (raw.attempt - 1)) // 1 | 0)
  local after = ASKS[kind] and failure.retry_after or 0
  if after > 0 then -- neither NaN nor one of those that no time can hold
    delay = math.max(delay, (math.min(after, RETRY_AFTER_MAX) * 1000) // 1 | 0)
  end
  local seconds = (delay + 999) // 1000
  return { delay_ms = delay, error = error, alone = raw.alone }, "next in " .. seconds .. " s"
end

--- Runs the function, and waits for all tasks that it has started; those are cancelled as it fails. ok, first
--- result or failure.
local function attempt(claim, limit_ms, fn, ...)
  local started, main = pcall(hook.start, claim, limit_ms, fn, ...)
  if not started then return false, main end
  local ok, first, second = pcall(own.join, main)
  local left = hook.left(claim)
  while left do
    local fine, why = pcall(own.join, left)
    if ok and not fine then ok, first = false, why end
    left = hook.left(claim)
  end
  if ok and not first and second ~= nil then return false, second end
  if ok and first == false then return false, "the handler returned false" end
  return ok, first
end

local function of_type(value, expected)
  return type(value) == expected and value or nil
end

--- Of a text, or of another value: its fields and its text may be computed by code of the script.
local function plain(failure)
  local text = string.gsub(string.sub(hook.text(failure), 1, TRACE_MAX), "%z", "\\0")
  local shown = {
    message = string.match(string.sub(text, 1, LINE_MAX), "^[^\r\n]*"),
    traceback = string.match(text, "\n(.*)"),
    memory = is_memory(failure),
  }
  if type(failure) == "table" then
    shown.kind = of_type(failure.kind, "string")
    shown.retryable = failure.retryable == true -- as where the command of a secret has failed
    shown.retry_after = of_type(failure.retry_after, "number")
    shown.traceback = of_type(failure.traceback, "string") or shown.traceback
    shown.rejected = getmetatable(failure) == event.Rejection
  end
  return shown
end

--- Of what `attempt` gives for a function of ours, without a call of the script's code.
local function reason(failure)
  if type(failure) == "table" then failure = rawget(failure, "message") end
  return plain(of_type(failure, "string") or "its own code fails").message
end

--- A failure as plain data: {message=, traceback=, memory=, kind=, retryable=, retry_after=, rejected=}.
local function settled(claim, failure)
  if type(failure) == "string" then return plain(failure) end
  local ok, shown = attempt(claim, SHOW_MS, plain, failure)
  if ok then return shown end
  return {
    message = "the error value cannot be shown: " .. reason(shown),
    kind = type(shown) == "table" and rawget(shown, "kind") == "cancelled" and "cancelled" or nil,
  }
end

local function names_type(headers)
  for key in next, headers do
    if string.lower(key) == "content-type" then return true end
  end
  return false
end

--- The headers of a reply: texts, and numbers as texts.
local function reply_headers(given)
  local headers, count = {}, 0
  if type(given) ~= "table" then error("headers is a table", 0) end
  for key, value in pairs(given) do
    if type(key) ~= "string" or type(value) ~= "string" and type(value) ~= "number" then
      error("headers are texts by name", 0)
    end
    headers[key], count = tostring(value), count + 1
  end
  if count > ANSWER_HEADERS_MAX then error(("it has more than %d headers"):format(ANSWER_HEADERS_MAX), 0) end
  return headers
end

--- The key of a reply, as the log shows it: it may be long, or run code of the script as it becomes a text.
local function shown_key(key)
  local kind = type(key)
  if kind ~= "string" and kind ~= "number" then return "(a " .. kind .. ")" end
  local text = tostring(key)
  return #text > KEY_SHOWN and string.sub(text, 1, KEY_SHOWN) .. "..." or text
end

--- Of a reply that a script has written, not one of jeton.http that it hands on.
local function unknown_key(given)
  if getmetatable(given) ~= nil then return nil end
  for key in next, given do
    if not REPLY_KEYS[key] then return shown_key(key) end
  end
end

--- A reply, as far as a script has written one: a table with keys of replies alone.
local function is_reply(given)
  return type(given) == "table" and next(given) ~= nil and getmetatable(given) == nil
    and not unknown_key(given)
end

--- What the sender gets, as a line for the listener. Raises why that cannot be.
local function reply_line(seq, given, settings)
  local reply = { seq = seq, status = 200 }
  if type(given) == "table" then
    local unknown = unknown_key(given)
    if unknown then
      log.warn(("webhook '%s', event %d: the handler's reply has the key '%s', which says nothing; status, "
        .. "headers, body and json are known"):format(settings.hook, seq, unknown))
    end
    local body, headers = given.body, reply_headers(given.headers or {})
    if body == nil and given.json ~= nil then
      body = assert(json.encode(given.json))
      if not names_type(headers) then headers["Content-Type"] = "application/json" end
    end
    reply.status = math.tointeger(given.status == nil and 200 or given.status)
    reply.headers, reply.body = headers, body
    if not reply.status or reply.status < STATUS_MIN or reply.status > STATUS_MAX then
      error(("status is a whole number from %d to %d"):format(STATUS_MIN, STATUS_MAX), 0)
    end
    if body ~= nil and type(body) ~= "string" then error("body is a text", 0) end
  elseif given ~= nil and given ~= true then
    error("it is a " .. type(given) .. ", not a table with status, headers, body or json", 0)
  end
  local text = assert(json.encode(reply)) .. "\n"
  if #text > ANSWER_MAX then error(("it has over %d KiB"):format(ANSWER_MAX // 1024), 0) end
  return text
end

local function say_unasked(settings, result, pump)
  if pump.unasked or not is_reply(result) then return end
  pump.unasked = true
  log.info("webhook '" .. settings.hook .. "': its handler returns a reply, which a sender hears only with "
    .. "`answer: { handler: DURATION }`")
end

--- For whoever waits for the handler's answer: a line for the listener. Before the event's end, as it runs
--- code of the script.
local function answer_of(raw, settings, result, pump)
  if not settings.answers then return say_unasked(settings, result, pump) end
  local fine, text = attempt(raw.claim, SHOW_MS, reply_line, raw.seq, result, settings)
  if fine then return text end
  log.warn("webhook '" .. settings.hook .. "', event " .. raw.seq .. ": the handler's reply cannot be sent "
    .. "(its sender hears that the event is stored): " .. reason(text))
end

--- The listener takes them one after the other, and may be writing to its disk meanwhile.
local function send(line)
  for _ = 1, ANSWER_TRIES do
    line = hook.answer(line)
    if line == "" then return end
    task.sleep(ANSWER_PAUSE)
  end
end

local function name(raw, settings)
  return "webhook '" .. settings.hook .. "', event " .. raw.seq .. ", attempt " .. raw.attempt .. " of "
    .. settings.attempts
end

local function say(raw, settings, failure, what)
  log.warn(name(raw, settings) .. ": " .. failure.message .. " (" .. what .. ")")
  if failure.traceback and failure.traceback ~= "" then log.debug(failure.traceback) end
end

--- ok, result or failure. One that was rejected failed, whatever the handler has made of that.
local function run_event(raw, run, settings)
  local its = event.new(raw, settings)
  local ok, result = attempt(raw.claim, nil, run, its)
  local rejection = event.rejection(its)
  if rejection ~= nil then return false, rejection end
  return ok, result
end

--- At each event it would be much of the log where many count in one key.
local function say_conflict(raw, settings, pump)
  log.debug(name(raw, settings) .. ": run anew: a key of jeton.state that it read was changed meanwhile")
  if pump.conflicted then return end
  pump.conflicted = true
  log.info("webhook '" .. settings.hook .. "': a handler runs anew, as a key of jeton.state that it read was "
    .. "changed meanwhile (-v tells of each)")
end

--- The pump's state is `pump`: {running=, begun=, stopping=, claims=, conflicted=, unasked=}.
local function handle(raw, run, settings, pump)
  local fine, ok, result = pcall(run_event, raw, run, settings)
  if not fine then ok, result = false, ok end
  local answer = ok and answer_of(raw, settings, result, pump)
  local ended, failure, again = nil, not ok and settled(raw.claim, result), false
  if ok then
    ended = storing.patiently(hook.finish, raw.claim)
    if ended == "conflict" then failure = { kind = "conflict" } end
  end
  if failure then
    if failure.kind == "conflict" then
      failure.message = "conflict: the keys of jeton.state that it read were changed each time"
    end
    local how, what = verdict(failure, raw, settings, pump.stopping)
    ended = storing.patiently(hook.fail, raw.claim, how)
    again = how.uncounted and not pump.stopping -- at once: its sender waits for that
    if what then say(raw, settings, failure, what) end
    if how.conflicted then say_conflict(raw, settings, pump) end
  end
  if ended == "lost" then log.warn(name(raw, settings) .. ": somebody else has it") end
  if settings.answers and not again then
    send(not failure and answer or json.encode { seq = raw.seq } .. "\n")
  end
end

local function start(raw, run, settings, pump)
  pump.running = pump.running + 1
  raw.first, pump.begun = not pump.begun, true
  pump.claims[raw.claim] = raw
  if pump.running > 1 then -- from now on none of them knows who has filled the memory
    for _, beside in pairs(pump.claims) do beside.first = false end
  end
  hook.busy(true)
  task.spawn(function()
    local ok, err = pcall(handle, raw, run, settings, pump)
    pump.running = pump.running - 1
    pump.claims[raw.claim] = nil
    pump.slow = hook.busy(pump.running > 0) or pump.slow
    hook.poke()
    if not ok then pump.failure = pump.failure or err end
  end)
end

--- A script that was mended handles the next event: a fresh process loads it. A busy one looks once a second.
local function is_outdated(settings, pump)
  local now = os.time()
  if pump.running > 0 and now == pump.looked then return false end
  pump.looked = now
  local path = sources.changed(pump.sources)
  if path then log.info("webhook '" .. settings.hook .. "': " .. path .. " has changed; starting anew") end
  return path ~= nil
end

--- Claims what there is room for. When the next is due, or nil; how long to wait at most.
local function claim(run, settings, pump)
  local room = settings.concurrency - pump.running
  if pump.stopping or pump.slow or pump.alone or pump.failure or room < 1 then return nil end
  pump.slow = is_outdated(settings, pump)
  if pump.slow then return nil end
  local ok, list, next_ms = pcall(hook.claim, room)
  if not ok then
    if not storing.is_passing(list) then error(list, 0) end
    log.warn("events cannot be claimed; trying again: " .. rawget(list, "message"))
    return nil, CLAIM_AGAIN_MS
  end
  if not list then -- a fresh process is one that lives
    log.warn("webhook '" .. settings.hook .. "': the sign of life was lost; starting anew")
    pump.slow = true
    return nil
  end
  for _, raw in ipairs(list) do
    if raw.alone then pump.alone = raw else start(raw, run, settings, pump) end
  end
  return next_ms
end

--- The one that is to be run alone: when the others have ended.
local function look_alone(run, settings, pump)
  local raw = pump.alone
  if not raw or pump.running > 0 then return end
  if raw.started then
    pump.alone = nil
  elseif pump.stopping or pump.slow then
    pump.alone = nil
    storing.patiently(hook.fail, raw.claim, { uncounted = true, alone = true })
  else
    raw.started = true
    start(raw, run, settings, pump)
  end
end

--- Handlers have some time; then they are cancelled.
local function stop(settings, pump)
  if pump.stopping then return end
  pump.stopping = true
  task.spawn(function()
    local left = settings.grace_ms
    while left > 0 and pump.running > 0 do
      task.sleep(math.min(left, 100) / 1000)
      left = left - 100
    end
    for its in pairs(pump.claims) do hook.cancel(its, "jeton is stopping") end
  end)
end

--- What another process had that has died: the one before this, or one that took its time to stop. At once
--- where the clock was set back.
local function recover(settings, pump)
  local now = os.time()
  local since = now - pump.recovered
  if pump.stopping or since >= 0 and since < RECOVER_SECONDS then return end
  pump.recovered = now
  local left = storing.patiently(hook.recover)
  if left > 0 then
    log.warn("webhook '" .. settings.hook .. "': " .. left .. (left == 1 and " event was" or " events were")
      .. " being handled when the process ended")
  end
end

local function try(raw, run, settings)
  settings.once = true
  local ok, result = run_event(raw, run, settings)
  if not ok then error(result, 0) end
end

--- Tells of tasks that the script has started as it was loaded once they have failed, not when the process
--- ends.
local function look_beside(settings)
  local _, any = hook.left()
  if not any then return end
  task.spawn(function()
    while true do
      local failed = hook.left()
      if failed then
        local _, why = pcall(own.join, failed)
        log.warn("webhook '" .. settings.hook .. "': a task that its script has started has failed: "
          .. reason(why))
      else
        task.sleep(BESIDE_SECONDS)
      end
    end
  end)
end

--- From scripts: they would claim events that nobody handles, or change what handles the next ones.
local function hide()
  for module in next, own.copy(package.loaded) do
    if string.find(module, "^hook%.") or module == "jeton.hook" then package.loaded[module] = nil end
  end
  package.preload["jeton.hook"] = nil
end

---@param chunk function? the script of the handlers
---@param path string? of the script
---@return any
function worker.run(chunk, path)
  hide()
  local settings = hook.settings()
  local files = sources.new(path)
  local run = runners.choose(chunk, path, settings)
  local once = hook.once()
  if once then return try(once, run, settings) end
  look_beside(settings)
  storing.patiently(state.commit) -- what the script has set as it was loaded: handlers find it
  local pump = { running = 0, claims = {}, recovered = 0, sources = files }
  while true do
    hook.sync() -- once for all that have ended while the last time took
    recover(settings, pump)
    look_alone(run, settings, pump)
    local next_ms, limit_ms = claim(run, settings, pump)
    look_alone(run, settings, pump)
    if pump.running == 0 and not pump.alone and (pump.stopping or pump.slow or pump.failure) then break end
    if hook.wait(next_ms, limit_ms) then stop(settings, pump) end
  end
  if pump.failure then error(pump.failure, 0) end
  return true
end

return worker
