--- Records the latest calls with their replies. Secrets are masked when a record is looked at, as most never
--- are: masking took a third of the work of a call. Memory is bounded: the oldest are dropped. The secrets
--- stay in memory with the call, so that it can be made again.
local json = require "jeton.json"
local task = require "jeton.task"
local form = require "sandbox.http.form"
local ids = require "sandbox.base.ids"
local jwt = require "sandbox.base.jwt"
local limits = require "sandbox.base.limits"
local request = require "sandbox.http.request"

local recorder = {}
recorder.__index = recorder

local MASK = "***"
-- Memory of a value besides its text: a slot in a table, and perhaps a table of its own.
local VALUE_BYTES = 100
-- Names of headers, query parameters and body keys, without case and separators: as a whole, or as a part.
local SECRET_NAMES = { callbackheaders = true, code = true, csrf = true, pin = true }
local SECRET_PARTS = {
  "apikey", "authorization", "cookie", "credential", "passphrase", "passwd", "password", "secret", "token",
}
-- What is said about a secret: `accessTokenExpiry`, `token_type`.
local ABOUT = { "expiry$", "expires$", "expiresin$", "expiresat$", "type$", "^tokenservice" }
-- Shorter values are masked where they stand, but not sought elsewhere.
local SOUGHT_BYTES = 6
-- Of a request with more secrets than this, the body is not kept.
local SOUGHT_MAX = 32

---@class sandbox.record
---@field number integer
---@field at string RFC 3339, by the sandbox's clock
---@field method string
---@field path string as it came
---@field query table<string, string>
---@field headers table<string, string>
---@field body any decoded JSON, else text
---@field status integer|nil nil while in progress and after a dropped connection
---@field operation string|nil
---@field connector_id string|nil
---@field duration_ms integer|nil nil while in progress
---@field error {errorCode: string, message: string}|nil of a refusal
---@field again_of integer|nil the number of the call that was made again by it

---@class sandbox.record.response
---@field headers table<string, string>
---@field body any decoded JSON, else text

--- What the caller of `add` completes.
---@class sandbox.record.draft
---@field number integer
---@field operation string|nil
---@field connector_id string|nil

---@class sandbox.recorder.entry
---@field record sandbox.record|sandbox.record.draft
---@field is_whole boolean|nil the record was looked at, and is whole
---@field raw table the call with its secrets
---@field response {headers: table, body: string|nil, instead: string|nil}|nil with its secrets
---@field path string
---@field cost integer
---@field started number of task.now

---@class sandbox.recorder
---@field first integer
---@field last integer
---@field kept table<integer, sandbox.recorder.entry> by number
---@field cost integer of all entries

---@return sandbox.recorder
function recorder.new()
  return setmetatable({ first = 1, last = 0, kept = {}, cost = 0 }, recorder)
end

local function cost_of_fields(fields)
  local cost = 0
  for name, value in pairs(fields) do
    cost = cost + #name + #value + VALUE_BYTES
  end
  return cost
end

-- Approximate memory of a record in bytes: a short text can decode to very many values.
local function cost_of(arrived)
  local cost = 2 * #arrived.target + cost_of_fields(arrived.headers) + cost_of_fields(arrived.query)
  if arrived.body ~= "" and #arrived.body <= limits.request_body_kept then
    local _, values = arrived.body:gsub("[%[{:,]", "")
    cost = cost + #arrived.body + values * VALUE_BYTES
  end
  return cost
end

-- Whether a name, or a text without separators, contains a part of secrets' names.
local function has_part(plain)
  for _, part in ipairs(SECRET_PARTS) do
    if plain:find(part, 1, true) then
      return true
    end
  end
  return false
end

--- Whether what stands under this name is a secret.
---@param name string
---@return boolean
function recorder.is_secret(name)
  local plain = name:lower():gsub("[^%w]", "")
  if SECRET_NAMES[plain] then
    return true
  end
  for _, pattern in ipairs(ABOUT) do
    if plain:find(pattern) then
      return false
    end
  end
  return has_part(plain)
end

local is_secret = recorder.is_secret

-- Notes the values of secrets, whatever else they stand under: they are masked there, too.
local function note(secrets, value)
  if type(value) == "string" and #value >= SOUGHT_BYTES and #secrets <= SOUGHT_MAX and not secrets[value] then
    secrets[value] = true
    secrets[#secrets + 1] = value
  end
end

local function note_table(secrets, values)
  for name, value in pairs(values) do
    if is_secret(name) then
      note(secrets, value)
      note(secrets, value:match "^%a+ +(.+)$") -- after "Bearer"
    end
  end
end

-- A JSON object or list in a string, as properties of actions hold them; nil: it is none.
local function nested(text)
  local value = text:find "^%s*[%[{]" and json.decode(text, { lenient = true, max_depth = limits.json_depth })
  return type(value) == "table" and value or nil
end

local function holds_secret(value)
  for name, inner in pairs(value) do
    if type(name) == "string" and is_secret(name) then return true end
    inner = type(inner) == "string" and nested(inner) or inner
    if type(inner) == "table" and inner ~= json.null and holds_secret(inner) then return true end
  end
  return false
end

local function note_json(secrets, value)
  for name, inner in pairs(value) do
    local hidden = type(name) == "string" and is_secret(name)
    if type(inner) == "string" and not hidden then inner = nested(inner) or inner end
    if type(inner) == "table" and inner ~= json.null then
      note_json(secrets, inner)
    elseif hidden then
      note(secrets, inner)
    end
  end
end

-- Masks access tokens, refresh tokens, and the secrets of this request, anywhere in a text.
local function clean(text, secrets)
  text = ids.hide_refresh_tokens(jwt.hide(request.to_utf8(text), MASK), MASK)
  for _, secret in ipairs(secrets) do
    text = text:gsub(secret:gsub("%W", "%%%0"), MASK)
  end
  return text
end

local function mask_table(values, secrets)
  local out = {}
  for name, value in pairs(values) do
    out[clean(name, secrets)] = is_secret(name) and MASK or clean(value, secrets)
  end
  return out
end

-- In place.
local function mask_json(value, secrets)
  if type(value) == "string" then
    local inner = nested(value)
    if not inner or not holds_secret(inner) then return clean(value, secrets) end -- as it was written
    return json.encode(mask_json(inner, secrets)) or MASK
  elseif type(value) ~= "table" or value == json.null then
    return value
  end
  for key, inner in pairs(value) do
    value[key] = type(key) == "string" and is_secret(key) and MASK or mask_json(inner, secrets)
  end
  return value
end

local function noted_of(secrets)
  local noted = {}
  for _, secret in ipairs(secrets) do
    note(noted, secret)
  end
  return noted
end

--- Masks a decoded JSON value as if it had been recorded; may change it in place.
---@param value any
---@param secrets string[] values to be masked wherever they stand
---@return any
function recorder.mask(value, secrets)
  return mask_json(value, noted_of(secrets))
end

-- A body that is not JSON can contain anything: it is kept only if none of the names occurs in it.
local function names_secret(text)
  local plain = text:lower():gsub("[-_]", "")
  for name in pairs(SECRET_NAMES) do
    if plain:find(name, 1, true) then
      return true
    end
  end
  return has_part(plain)
end

-- What is kept of a call: its texts, but no large body and no files.
local function raw_of(arrived)
  local body, instead = arrived.body
  if arrived.unread then
    instead = "not read"
  elseif arrived.parts then
    instead = ("a form of %d parts"):format(#arrived.parts)
  elseif #body > limits.request_body_kept then
    instead = ("%d bytes"):format(#body)
  else
    return arrived
  end
  return {
    method = arrived.method,
    path = arrived.path,
    query = arrived.query,
    headers = arrived.headers,
    instead = instead,
  }
end

-- A function that masks the body, once all secrets of the call are noted in `secrets`, its own included.
local function body_of(raw, secrets)
  local text = raw.body
  if raw.instead then
    return function() return raw.instead end
  end
  local fields = form.is_form(raw.headers) and form.decode(text)
  if fields and next(fields) then
    note_table(secrets, fields)
    return function() return mask_table(fields, secrets) end
  end
  local value = json.decode(text, { lenient = true, max_depth = limits.json_depth })
  if type(value) ~= "table" then
    return function() return names_secret(text) and MASK or clean(text, secrets) end
  end
  note_json(secrets, value)
  return function() return mask_json(value, secrets) end
end

--- Masks a text, which may be JSON, as if it were the body of a recorded call.
---@param text string
---@param secrets string[] values to be masked wherever they stand
---@return string
function recorder.mask_text(text, secrets)
  local noted = noted_of(secrets)
  local body = body_of({ body = text, headers = {} }, noted)
  local shown = #noted > SOUGHT_MAX and MASK or body()
  return type(shown) == "string" and shown or assert(json.encode(shown))
end

-- The secrets of a call's head.
local function secrets_of(raw)
  local secrets = {}
  note_table(secrets, raw.headers)
  note_table(secrets, raw.query)
  return secrets
end

-- The record of an entry, masked at the first look.
local function reveal(entry)
  local record, raw = entry.record, entry.raw
  if not entry.is_whole then
    local secrets = secrets_of(raw)
    local body = body_of(raw, secrets)
    record.method = request.to_utf8(raw.method)
    record.path = clean(raw.path, secrets)
    record.query = mask_table(raw.query, secrets)
    record.headers = mask_table(raw.headers, secrets)
    record.body = #secrets > SOUGHT_MAX and MASK or body()
    entry.is_whole = true
  end
  return record
end

-- Messages describe input without quoting it.
local function error_of(response)
  local value = response.status >= 400 and json.decode(response.body or "")
  return type(value) == "table" and value.errorCode
    and { errorCode = value.errorCode, message = clean(tostring(value.message), {}) } or nil
end

---@param arrived table the server's request
---@param path sandbox.path
---@param at string
---@return sandbox.record.draft pass it to `finish` with the answer
function recorder:add(arrived, path, at)
  self.last = self.last + 1
  local record = { -- with room for what comes later
    number = self.last, at = at, again_of = arrived.again_of,
    operation = nil, connector_id = nil, status = nil, error = nil, duration_ms = nil,
  }
  if arrived.again_of then
    arrived.number = self.last
  end
  local cost = cost_of(arrived)
  self.kept[self.last] = {
    record = record,
    raw = raw_of(arrived),
    path = path.text,
    cost = cost,
    started = task.now(),
  }
  self.cost = self.cost + cost
  self:make_room()
  return record
end

-- Drops the oldest.
function recorder:make_room()
  while self.last - self.first >= limits.requests_kept or self.cost > limits.requests_kept_bytes do
    self.cost = self.cost - self.kept[self.first].cost
    self.kept[self.first] = nil
    self.first = self.first + 1
  end
end

local function response_of(response)
  local body = response.body or ""
  if #body <= limits.response_body_kept then
    return response
  end
  return { headers = response.headers, instead = ("%d bytes"):format(#body) }
end

--- Completes a record.
---@param record sandbox.record.draft
---@param response table
function recorder:finish(record, response)
  record.status = response.status
  record.error = error_of(response)
  local entry = self.kept[record.number]
  if entry and entry.record == record then -- else it was cleared meanwhile
    record.duration_ms = math.floor((task.now() - entry.started) * 1000 + 0.5)
    entry.response = response_of(response)
    local cost = VALUE_BYTES + #(entry.response.body or "")
    entry.cost, self.cost = entry.cost + cost, self.cost + cost
    self:make_room()
  end
end

--- The reply to a call, masked.
---@param number integer
---@return sandbox.record.response|nil nil: none yet, or not kept
function recorder:response(number)
  local entry = self.kept[number]
  local response = entry and entry.response
  if not response then
    return nil
  end
  local headers = {}
  for name, value in pairs(response.headers) do
    headers[name] = tostring(value)
  end
  local secrets = secrets_of(entry.raw)
  body_of(entry.raw, secrets) -- notes those of the request, which the reply may repeat
  local body = body_of({ body = response.body or "", instead = response.instead, headers = {} }, secrets)
  note_table(secrets, headers)
  return {
    headers = mask_table(headers, secrets),
    body = #secrets > SOUGHT_MAX and MASK or body(),
  }
end

--- A call as it came, with its secrets, to be made again.
---@param number integer|nil
---@return table|nil arrived nil: not kept, or not with its whole body
function recorder:whole_call(number)
  local entry = self.kept[number or 0]
  local raw = entry and entry.raw
  if not raw or raw.instead then
    return nil
  end
  return {
    method = raw.method, target = raw.target, path = raw.path, raw_query = raw.raw_query, query = raw.query,
    headers = raw.headers, body = raw.body, again_of = number,
  }
end

--- A record by number, if it is still kept.
---@param number integer|nil
---@return sandbox.record|nil
function recorder:get(number)
  local entry = self.kept[number or 0]
  return entry and reveal(entry)
end

---@class sandbox.recorder.wanted
---@field text string|nil a part of the path, in any case
---@field method string|nil
---@field state "good"|"bad"|nil answered well, or refused

local function is_wanted(entry, wanted)
  local status = entry.record.status
  return (not wanted.method or entry.raw.method == wanted.method)
    and (not wanted.text or entry.raw.path:lower():find(wanted.text:lower(), 1, true) ~= nil)
    and (not wanted.state or status ~= nil and (status < 400) == (wanted.state == "good"))
end

--- The newest records, newest first.
---@param count integer at most
---@param wanted sandbox.recorder.wanted|nil
---@param before integer|nil only those with a lower number
---@return sandbox.record[]
function recorder:newest(count, wanted, before)
  local out = {}
  for number = math.min(self.last, (before or math.maxinteger) - 1), self.first, -1 do
    local entry = self.kept[number]
    if #out == count then
      break
    elseif not wanted or is_wanted(entry, wanted) then
      out[#out + 1] = reveal(entry)
    end
  end
  return out
end

---@param filter {method: string|nil, path: string|nil, limit: integer|nil} path as in a fault
---@return sandbox.record[] oldest first
function recorder:list(filter)
  local matches = request.glob(filter.path or "*")
  local method = filter.method and filter.method:upper()
  local found = {}
  for number = self.last, self.first, -1 do
    local kept = self.kept[number]
    if (not method or kept.raw.method == method) and matches(kept.path) then
      found[#found + 1] = reveal(kept)
    end
    if filter.limit and #found >= filter.limit then
      break
    end
  end
  local out = {}
  for i = #found, 1, -1 do
    out[#out + 1] = found[i]
  end
  return json.array(out)
end

function recorder:clear()
  self.first, self.last, self.kept, self.cost = 1, 0, {}, 0
end

return recorder
