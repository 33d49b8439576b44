--- What is secret in recorded requests and replies, and what stands for it. Pure: no network, no files.
---
--- Secrets are found by where they stand (an Authorization field, `client_secret` of a form, `access_token`
--- of a JSON reply), and then replaced wherever they occur, also percent-encoded and JSON-escaped. Each has
--- a placeholder, {{token:1}}. In a replay a placeholder becomes a fake that looks like a token, and is
--- recognised when it comes back in a request.
local host = require "jeton.test_host"
local json = require "jeton.json"
local jwt = require "test.jwt"
local show = require "test.show"

local cassette_mask = {}

local SECRET_BYTES_MIN <const> = 6   -- what is shorter would hide ordinary text
local KEY_BYTES_MIN <const> = 10     -- of a "…key", with a digit
local CODE_BYTES_MIN <const> = 16    -- of a "code" in a reply; others are codes of errors
local DEPTH_MAX <const> = 40
local UNKNOWN <const> = "{{secret}}" -- of a request in a replay: no fake, but it stands where secrets do

local STARS <const> = "%*%*%*" -- what the redaction point has masked
local PLACEHOLDER <const> = "{{[%w_.:-]+}}"
local JWT <const> = "^eyJ[%w_-]+%.eyJ[%w_-]+%.[%w_-]*$"

-- What is before the number of a placeholder. Other texts in {{ }} are those of somebody's templates.
local KINDS = { token = true, jwt = true, basic = true, cookie = true, code = true, assertion = true,
                masked = true }

local NOT_SECRET = { token_type = true, subject_token_type = true, actor_token_type = true,
                     requested_token_type = true, client_assertion_type = true, token_url = true,
                     token_endpoint = true, token_use = true, idempotency_key = true,
                     code_challenge_method = true }

--- Signatures, and keys that may be those of an API; `sort_key=created_at` and `issue_key=AB-12` are none.
local function is_key(name, value)
  if name:find "^sig%d*$" or name:find "signature[_%d]*$" then return true end
  return (name:find "key$" or name:find "key_") and #value >= KEY_BYTES_MIN and value:find "%d"
end

--- "token", "secret", …: what kind of secret is in a field of this name; nil: none. beside: not in a body,
--- but in the query or a header.
local function kind_of(name, value, in_reply, beside)
  name = tostring(name):lower():gsub("-", "_")
  if NOT_SECRET[name] then return nil end
  if name:find "api_?key" or beside and is_key(name, value) then return "secret:" .. name end
  if name:find "token" then return "token" end
  if name:find "secret" or name:find "passw" or name:find "passphrase" or name == "pwd" then
    return "secret:" .. name
  end
  if name:find "assertion" then return "assertion" end
  if name == "code" or name == "device_code" or name == "code_verifier" then
    local random = #value >= CODE_BYTES_MIN and value:find "%d"
    return (not in_reply or random) and "code" or nil
  end
end

---@class cassette.Vault the secrets of a cassette, and their placeholders
---@field by_value table<string, string> placeholders
---@field by_name table<string, string> values
---@field counts table<string, integer>
---@field owner fun(value: string): string|nil whose secret it is
local Vault = {}
Vault.__index = Vault

---@param extra? string[] names of fields that hold secrets, too
---@param owner? fun(value: string): string|nil
---@return cassette.Vault
function cassette_mask.vault(extra, owner)
  local names = {}
  for _, name in ipairs(extra or {}) do names[name:lower()] = true end
  return setmetatable({
    by_value = {}, by_name = {}, counts = {}, extra = names, owner = owner or function() end,
  }, Vault)
end

local function is_ours(placeholder)
  local kind, rest = placeholder:match "^{{(%l+):(.+)}}$"
  return kind == "secret" or KINDS[kind] and rest:find "^%d+$" ~= nil
end

local function holds_placeholder(value)
  for placeholder in value:gmatch(PLACEHOLDER) do
    if is_ours(placeholder) then return true end
  end
end

--- The placeholder of a value, a new one where it has none yet.
function Vault:add(value, kind)
  if type(value) ~= "string" or #value < SECRET_BYTES_MIN or self.by_value[value] then return end
  if holds_placeholder(value) then return end
  kind = value:find(JWT) and "jwt" or kind:gsub("[^%w_.:-]+", "_")
  local base, owner = kind, kind:find "^secret:" and self.owner(value)
  if owner then base = kind:gsub("^secret:", "secret:" .. owner .. ".") end
  local count = (self.counts[base] or 0) + 1
  self.counts[base] = count
  local named = base:find "^secret:" and count == 1
  local placeholder = named and ("{{%s}}"):format(base) or ("{{%s:%d}}"):format(base, count)
  self.by_value[value], self.by_name[placeholder] = placeholder, value
end

function Vault:add_authorization(value)
  self:add(value:match "^%S+%s+(.+)$" or value, value:find "^[Bb]asic" and "basic" or "token")
end

function Vault:consider(name, value, in_reply, beside)
  if type(value) ~= "string" then return end
  if name == "authorization" or name == "Authorization" then return self:add_authorization(value) end
  local kind = self.extra[tostring(name):lower()] and "masked"
    or kind_of(name, value, in_reply, beside)
  if kind then self:add(value, kind) end
end

local function each_pair(text, fn)
  for pair in text:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=(.*)$"
    if name then fn(cassette_mask.decode(name), cassette_mask.decode(value)) end
  end
end

--- Percent signs and "+" of a form.
function cassette_mask.decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- of: the name of the field where the value stands. In a list that is the list's.
function Vault:look_at_json(value, in_reply, depth, of)
  if depth > DEPTH_MAX then return end
  if type(value) == "string" then return self:look_at_text(value, in_reply, depth) end
  if type(value) ~= "table" then return end
  for _, key in ipairs(show.keys(value)) do -- in an order that is always the same, for the numbers
    local name = type(key) == "string" and key or of
    if name then self:consider(name, value[key], in_reply) end
    self:look_at_json(value[key], in_reply, depth + 1, name)
  end
end

local LENIENT <const> = { lenient = true } -- one bad value must not hide the secrets beside it
local NAME <const> = "[%w_.~%%%[%]$@*:-]+" -- of a form or a query; user[password] too
local VALUE <const> = "^[^&#%s\"'<>\\]*"
local PART <const> = "^[^&#;?%s\"'<>\\]*" -- of a value
local WITHIN_MAX <const> = 16            -- values that begin within another, and are looked at to its end
local MARK <const> = "^[\xEF\xBB\xBF]*"     -- a byte order mark

--- The text that the JSON string beginning at first stands for; nil: it has no end.
local function read_string(text, first)
  local at = first + 1
  while true do
    local found = text:find('["\\]', at)
    if not found then return nil end
    if text:byte(found) == 34 then return (json.decode(text:sub(first, found), LENIENT)) end
    at = found + 2
  end
end

--- JSON, also a document a line; URLs and what follows them, a form, and what looks like JSON, in any other
--- text. That is looked for in JSON too: of two fields of one name, a table has one.
function Vault:look_at_text(text, in_reply, depth)
  if text:find(MARK .. "%s*[{%[]") then
    local whole = json.decode(text, LENIENT)
    if type(whole) == "table" then self:look_at_json(whole, in_reply, depth + 1) end
    for line in (type(whole) == "table" and "" or text):gmatch "[^\r\n]+" do
      self:look_at_json(json.decode(line, LENIENT), in_reply, depth + 1)
    end
  end
  for name, first in text:gmatch '"([%w_.-]+)"%s*:%s*()"' do
    self:consider(name, read_string(text, first), in_reply)
  end
  local function pair(name, value)
    self:consider(cassette_mask.decode(name), cassette_mask.decode(value), in_reply, true)
  end
  local ends, within = 0, 0 -- of the last value that is no part of another
  for name, first in text:gmatch("[?&#;](" .. NAME .. ")=()") do
    within = first < ends and within + 1 or 0
    local value = text:match(within <= WITHIN_MAX and VALUE or PART, first)
    if within == 0 then ends = first + #value end
    pair(name, value)
  end
  local name, value = text:match(MARK .. "%s*(" .. NAME .. ")=([^&#%s\"'<>\\]+)")
  if name then pair(name, value) end
end

function Vault:look_at_body(body, in_reply)
  jwt.each(body, function(token) self:add(token, "jwt") end)
  if body:find("^" .. NAME .. "=") then
    each_pair(body, function(name, value)
      self:consider(name, value, in_reply)
      self:look_at_text(value, in_reply, 0)
    end)
  else
    self:look_at_text(body, in_reply, 0)
  end
end

local ATTRIBUTES = { path = true, domain = true, expires = true, ["max-age"] = true, samesite = true }

function Vault:look_at_header(name, value, in_reply)
  if name == "authorization" or name == "proxy-authorization" then
    self:add_authorization(value)
  elseif name == "cookie" or name == "set-cookie" then
    for each in (value .. ";"):gmatch "(.-);" do
      local key, of = each:match "^%s*([^=]+)=(.*)$"
      if key and not ATTRIBUTES[key:lower()] then self:add(of, "cookie") end
    end
  else
    self:consider(name, value, in_reply, true)
    self:look_at_text(value, in_reply, 0)
  end
end

--- A header's value is a text, or a list of them.
function Vault:look_at_headers(headers, in_reply)
  for _, name in ipairs(show.keys(headers)) do
    local values = headers[name]
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      self:look_at_header(name, value, in_reply)
    end
  end
end

--- Learns what is secret in a request and its reply.
function Vault:learn(request, reply)
  local query = request.url:match "%?(.*)$"
  if query then each_pair(query, function(name, value) self:consider(name, value, false, true) end) end
  self:look_at_text(request.url, false, 0)
  self:look_at_headers(request.headers, false)
  self:look_at_body(request.body, false)
  if reply then
    self:look_at_headers(reply.headers, true)
    self:look_at_body(reply.body, true)
  end
end

--- The text with a placeholder for each secret that is known; the longest first, as one may begin with
--- another.
function Vault:mask(text)
  if not self.secrets or #self.secrets ~= 2 * self:size() then
    local values, secrets = {}, {}
    for value in pairs(self.by_value) do values[#values + 1] = value end
    table.sort(values, function(a, b)
      if #a ~= #b then return #a > #b end
      return a < b
    end)
    for index, value in ipairs(values) do
      secrets[2 * index - 1], secrets[2 * index] = value, self.by_value[value]
    end
    self.secrets = secrets
  end
  return host.replace(text, self.secrets)
end

function Vault:size()
  local size = 0
  for _ in pairs(self.by_value) do size = size + 1 end
  return size
end

--- A body as a table, if it is JSON or a form; else the text.
function cassette_mask.value(body)
  local decoded = body:find "^%s*[{%[]" and json.decode(body)
  if type(decoded) == "table" then return decoded end
  if not body:find "^[%w_.~%%+-]+=[^\n]*$" then return body end
  local form = {}
  each_pair(body, function(name, value) form[name] = value end)
  return form
end

-- Replay

local FAKE_JWT <const> = "eyJhbGciOiJub25lIn0.%s.fake"

local function fake_of(placeholder)
  local name = placeholder:match "^{{(.+)}}$":gsub("[^%w]+", "-")
  if placeholder:find "^{{jwt:" then
    local payload = json.encode { sub = name, iss = "https://jeton.invalid" }
    return FAKE_JWT:format(require("jeton.crypto").base64url(payload))
  end
  return ("fake-%s-of-this-cassette"):format(name)
end

--- Placeholders become fakes, which the vault knows from then on.
function Vault:unmask(text)
  return (text:gsub(PLACEHOLDER, function(placeholder)
    if not is_ours(placeholder) then return nil end
    if not self.by_name[placeholder] then
      local fake = fake_of(placeholder)
      self.by_name[placeholder], self.by_value[fake] = fake, placeholder
    end
    return self.by_name[placeholder]
  end))
end

--- A request of a replay: fakes become their placeholders; another value where a secret stands, UNKNOWN.
function Vault:mask_request(request)
  local stranger = cassette_mask.vault(nil)
  stranger.extra = self.extra
  stranger:learn(request)
  for value in pairs(stranger.by_value) do
    stranger.by_value[value] = UNKNOWN
  end
  for value, placeholder in pairs(self.by_value) do stranger.by_value[value] = placeholder end
  return function(text) return stranger:mask(text) end
end

--- Whether two masked texts are the same. What is not known fits any placeholder, and any text fits where the
--- redaction point has masked something.
function cassette_mask.same(recorded, got)
  if recorded:find(STARS) then
    local pattern = recorded:gsub(PLACEHOLDER, "\0"):gsub("%*%*%*+", "\1"):gsub("%p", "%%%0"):gsub("\1", ".-")
    return got:gsub(PLACEHOLDER, "\0"):find("^" .. pattern .. "$") ~= nil
  end
  if recorded:gsub(PLACEHOLDER, "\0") ~= got:gsub(PLACEHOLDER, "\0") then return false end
  local of_got = got:gmatch(PLACEHOLDER)
  for placeholder in recorded:gmatch(PLACEHOLDER) do
    local its = of_got()
    if placeholder ~= its and placeholder ~= UNKNOWN and its ~= UNKNOWN then return false end
  end
  return true
end

return cassette_mask
