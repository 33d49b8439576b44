--- What a handler of a webhook is called with.
local own = require "hook.own"
local storing = require "hook.storing"

local _ENV = own -- luacheck: ignore 211
local crypto = own.module "jeton.crypto"
local hook = own.module "jeton.hook"
local json = own.module "jeton.json"

local Event = {}
Event.__index = Event

--- What event:reject raises.
local Rejection = {}
Rejection.__index = Rejection
Rejection.__tostring = function(self) return self.message end

-- What is kept of a step that gave nil, and of one that gave json.null.
local NOTHING <const>, NULL <const> = "null", " null"

local event = { Rejection = Rejection }

local function unescape(text)
  local spaced = string.gsub(text, "+", " ")
  return (string.gsub(spaced, "%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function form(body)
  local fields = {}
  for name, value in string.gmatch(body, "([^&=]+)=?([^&]*)") do fields[unescape(name)] = unescape(value) end
  return fields
end

-- As the check reads it (hook_view_is_form).
local function is_form(kind)
  return string.find(string.lower(kind), "^application/x%-www%-form%-urlencoded%f[\0; \t]") ~= nil
end

local function decode(text)
  return (json.decode(text, { mend = true })) -- as the check reads it (hook_json_is_good)
end

-- The JSON of GitHub, if its webhook sends forms (as it does by default), and of Slack's buttons, is in the
-- only field of a form: its members are there as if it were the body.
local function unwrap(fields)
  local payload = fields.payload
  if not payload or next(fields, next(fields)) ~= nil then return fields end
  local members = decode(payload)
  if type(members) ~= "table" or json.is_array(members) then return fields end
  if members.payload == nil then members.payload = payload end
  return members
end

local function data(body, headers)
  if is_form(headers["content-type"] or "") then return unwrap(form(body)) end
  return decode(body)
end

-- What the check has not taken for a secret may hold one: of a secret in the path, a proxy's X-Original-URI.
local function headers_of(raw)
  local headers = json.decode(raw.headers or "{}") or {}
  for name, value in pairs(headers) do
    if type(value) == "string" then headers[name] = hook.hide(value) end
  end
  return headers
end

---@param raw table what jeton.hook gives
---@param settings table
---@return jeton.Event
function event.new(raw, settings)
  local headers = headers_of(raw)
  return setmetatable({
    id = raw.id,
    seq = raw.seq,
    type = raw.type,
    headers = headers,
    body = raw.body,
    data = data(raw.body, headers),
    attempt = raw.attempt,
    attempts = settings.attempts,
    received_at = raw.received_ms // 1000,
    key = crypto.hex(crypto.sha256(settings.hook .. "\0" .. raw.id .. "\0" .. raw.part)),
    _claim = not settings.once and raw.claim or nil,
  }, Event)
end

-- What it sets in jeton.state would be lost with this attempt, so that is refused.
local function run(name, fn)
  local outer = hook.inside(name)
  local _ <close> = setmetatable({}, { __close = function() hook.inside(outer) end })
  return fn()
end

--- Runs fn once, and keeps what it returns: a later attempt gets that, and does not run it again.
function Event:step(name, fn)
  if type(name) ~= "string" or not string.find(name, "^[^\0]+$") then
    error("event:step: a name expected, without a NUL", 2)
  end
  local kept = self._claim and hook.step(self._claim, name)
  if kept == NOTHING then return nil end
  if kept then
    local value, err = json.decode(kept) -- of false, too
    if err then error(err, 0) end
    return value
  end
  local value, err = run(name, fn)
  if value == nil and err ~= nil then return nil, err end
  if self._claim then
    local text = value == nil and NOTHING or value == json.null and NULL or assert(json.encode(value))
    if storing.patiently(hook.step, self._claim, name, text) == "lost" then
      error("the event has been given to another worker", 0)
    end
  end
  return value
end

--- Gives the event up: it becomes a dead letter, and is not tried again, also where the script catches this.
function Event:reject(why)
  local rejection = setmetatable({ message = tostring(why or "rejected") }, Rejection)
  if getmetatable(self) == Event then rawset(self, "_rejection", rejection) end
  error(rejection, 0)
end

--- What event:reject has raised, if it was called.
function event.rejection(its)
  return rawget(its, "_rejection")
end

return event
