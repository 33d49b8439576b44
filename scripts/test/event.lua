--- t:event: a webhook, signed as its sender signs, checked and stored as `jeton listen` does it, and handled
--- by its script in a worker like that of a listener.
local failure = require "test.failure"
local json = require "jeton.json"
local native = require "jeton.test_native"
local check_options = require "test.check_options"
local script = require "test.script"
local task = require "jeton.task"
local yaml = require "jeton.yaml"

failure.pass_over()

local event = { methods = {} }

local NAME <const> = "hook" -- of the webhook, where the test says no other one
local SECRET <const> = "c2VjcmV0LW9mLXRoZS10ZXN0cw==" -- good as it stands, and as base64

-- Of a sender that no preset knows.
local OWN = {
  verify = {
    kind = "hmac",
    ["in"] = "header:X-Signature",
    prefix = "sha256=",
    signed = "{header:X-Event-Id}.{body}",
  },
  id = { "header:X-Event-Id" },
  type = "{header:X-Event-Type}",
}

local PUBLIC = { ed25519 = true, ecdsa = true } -- kinds of verify whose secret is the sender's own

local OPTIONS = {
  id = "string", type = "string", data = "any", body = "string", headers = "table",
  preset = "string", hook = "table", name = "string", crash = "string", forged = "boolean",
}

---@class jeton.test.EventOptions
---@field preset? string of the sender, as `from` in the configuration; without one, the test's own
---@field id? string
---@field type? string
---@field data? any the body, as JSON
---@field body? string in its place
---@field headers? table<string, string>
---@field hook? table more keys of the webhook, as in the configuration: events, order, retries, connector …
---@field name? string of the webhook
---@field crash? string "after step NAME", "before step NAME", "before the end": its worker dies there
---@field forged? boolean another body than what was signed, or another token

local function check_event(options)
  check_options("t:event", options, OPTIONS, 5)
  local where = options.crash
  local steps = where and (where:find "^after step ." or where:find "^before step .")
  if where and where ~= "before the end" and not steps then
    failure.misuse(
      ("t:event: crash: '%s' is none of 'after step NAME', 'before step NAME', 'before the end'"):format(
        where))
  end
end

--- The rules of the webhook, as the configuration has them.
local function rules_of(options)
  if not options.preset then return OWN end
  local found, text = pcall(require, "presets.senders." .. options.preset)
  if not found then
    failure.misuse(("t:event: there is no preset '%s' of a sender; `jeton presets` lists them"):format(
      options.preset))
  end
  local rules = assert(yaml.decode(text)).webhook
  if PUBLIC[rules.verify.kind] then
    failure.misuse(("t:event: preset '%s': only its sender can sign; leave the preset out"):format(
      options.preset))
  end
  return rules
end

--- Puts a value where the rule says that it is: "header:X-Type", "json:a.b", or a template of one of them.
local function put(place, value, headers, data)
  local kind, name = tostring(place):match "^{?(%l+):([^{}]+)}?$"
  if kind == "header" then
    headers[name] = headers[name] or value
  elseif kind == "json" and type(data) == "table" then
    local at = data
    for key in name:gmatch "([^.]+)%." do
      at[key] = type(at[key]) == "table" and at[key] or {}
      at = at[key]
    end
    local last = name:match "[^.]+$"
    if at[last] == nil then at[last] = value end
  end
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local copied = {}
  for key, inner in pairs(value) do copied[key] = copy(inner) end
  return setmetatable(copied, getmetatable(value))
end

local function request_of(options, id)
  local rules, headers, data = rules_of(options), copy(options.headers or {}), copy(options.data)
  if data == nil then data = {} end
  local place = type(rules.id) == "table" and rules.id[1] or rules.id -- a header is put when it is signed
  if tostring(place):find "^json:" then put(place, id, headers, data) end
  if options.type and rules.type then put(rules.type, options.type, headers, data) end
  local list = {}
  for name, value in pairs(headers) do
    list[#list + 1] = name
    list[#list + 1] = tostring(value)
  end
  return options.body or assert(json.encode(data)), list
end

local function config_of(t, path, options)
  local keys = { script = path, secret = SECRET }
  if options.preset then keys.from = options.preset else
    for key, value in pairs(OWN) do keys[key] = value end
  end
  for key, value in pairs(options.hook or {}) do keys[key] = value end
  keys.environment = nil -- of this process; handler.lua gives it
  return script.write_config(t, nil, { [options.name or NAME] = keys })
end

--- Runs one worker, which goes when nothing waits any more, or after a handler that computed for too long.
local function work(t, path, config, options, crash)
  local settings = { environment = options.hook and options.hook.environment, crash = crash }
  local run, err = native.run {
    path = path,
    config = config,
    hook = options.name or NAME,
    prelude = ("require('test.handler').install(%q)"):format(assert(json.encode(settings))),
  }
  if not run then failure.misuse("t:event: " .. err.message) end
  script.look_at(t, path:match "[^/]*$", run)
  return run
end

---@class jeton.test.Event
---@field verdict "stored"|"duplicate"|"held"|"full"|"answered"|"skipped"|"refused"
---@field status integer what the sender gets
---@field body string the same: of a challenge, and of a handler where the webhook has `answer: handler`
---@field headers table<string, string> that such a handler gave
---@field why string|nil of a refusal, as the log has it
---@field state string|nil "done", "dead", "held" …
---@field attempts integer|nil
---@field duplicates integer|nil how often it came again
---@field type string|nil
---@field id string|nil
---@field error string|nil of the last attempt
---@field stdout string
---@field stderr string
---@field keys table<string, any> jeton.state of the webhook, afterwards
local Event = {}
Event.__index = Event
Event.__name = "jeton.test.Event"

--- Runs workers, as a listener does, until the event has ended, or a worker has failed.
local function handle(t, path, config, options, seq)
  local runs = {}
  if options.crash then
    runs[1] = work(t, path, config, options, options.crash)
    if runs[1].status ~= 137 then
      failure.raise(("the handler did not come to '%s'"):format(options.crash))
    end
  end
  local row = {}
  repeat
    local before = row.attempts
    local run = work(t, path, config, options)
    runs[#runs + 1] = run
    row = native.event { config = config, hook = options.name or NAME, seq = seq } or {}
    if row.state == "ready" and run.status ~= 0 then
      local message, folder = run.message or "their process ended", t.path:match "^.*/"
      if message:sub(1, #folder) == folder then message = message:sub(#folder + 1) end
      failure.raise("the handlers cannot be run: " .. message)
    end
    local died = row.state == "running" and row.attempts ~= before -- a handler has ended its process
  until row.state ~= "ready" and not died
  return runs, row
end

--- What the sender gets from the handler, if that came in time; else it has heard that its event is stored.
local function take_answer(result, text, began)
  for at, line in text:gmatch "(%S+) ([^\n]+)\n" do
    local answer = json.decode(line)
    if answer and answer.seq == result.seq then
      local waited_ms = (tonumber(at) - began) * 1000
      if answer.status and result.answer_ms > 0 and waited_ms <= result.answer_ms then
        result.status, result.headers, result.body = answer.status, answer.headers or {}, answer.body or ""
      end
      return
    end
  end
end

local function deliver(t, path, options, id)
  local body, headers = request_of(options, id)
  local config, began = config_of(t, path, options), task.now()
  local sent, err = native.deliver {
    config = config, hook = options.name or NAME, body = body, id = id, headers = headers,
    forged = options.forged,
  }
  if not sent then failure.misuse("t:event: " .. err.message) end
  local result = setmetatable(sent, Event)
  result._again = function() return deliver(t, path, options, id) end
  result._with = function(crash)
    local changed = copy(options)
    changed.crash, changed.id = crash, nil
    return event.methods.event(t, path, changed)
  end
  result.stdout, result.stderr, result.keys, result.headers = "", "", {}, {}
  if sent.verdict == "held" and options.crash then
    failure.raise("the event is held: this sender does not sign its id, so that the same content under "
      .. "another id is not believed; give it other data")
  end
  if sent.verdict ~= "stored" then return result end
  local runs, row = handle(t, path, config, options, sent.seq)
  local answers = ""
  for _, run in ipairs(runs) do
    answers = answers .. (run.answers or "")
    result.stdout, result.stderr = result.stdout .. run.stdout, result.stderr .. run.stderr
    result.keys = run.state
  end
  take_answer(result, answers, began)
  result.state, result.attempts, result.error = row.state, row.attempts, row.error
  result.duplicates, result.type, result.id = row.duplicates, row.type, row.id
  return result
end

--- The same request once more, as senders do that have not heard the answer.
---@return jeton.test.Event
function Event:again()
  return self._again()
end

--- Another event like this one, whose worker dies there: "after step NAME", "before step NAME", "before the
--- end".
---@param where string
---@return jeton.test.Event
function Event:crash(where)
  return self._with(where)
end

--- Delivers an event to the handlers in a script beside the test file, and waits until it is done or dead.
---@param handlers string
---@param options? jeton.test.EventOptions
---@return jeton.test.Event
function event.methods:event(handlers, options)
  if type(handlers) ~= "string" then error("t:event: the path of a script expected", 2) end
  options = options or {}
  check_event(options)
  self.events = (self.events or 0) + 1
  local id = options.id or ("event-%d"):format(self.events)
  return deliver(self, script.path_of(self, handlers), options, id)
end

return event
