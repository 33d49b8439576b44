--- Bodies and queries against a table of fields. Lenient as the service was: keys in any case, unknown
--- keys and nulls ignored; strict about types.
local json = require "jeton.json"
local assumptions = require "sandbox.assumptions"
local ids = require "sandbox.ids"
local limits = require "sandbox.limits"
local reply = require "sandbox.http.reply"

local body = {}

---@alias sandbox.field_kind "string"|"boolean"|"integer"|"number"|"phone"|"phones"|"id"|"ids"|"strings"
---| "choice"|"list"|"object"|"any"

---@class sandbox.field
---@field [1] string name: of the key, and in the result
---@field kind sandbox.field_kind
---@field aliases string[]|nil other keys for the same
---@field required boolean|nil
---@field max integer|nil characters of a string, entries of a list, an integer's largest value
---@field min integer|nil an integer's smallest value, the fewest entries of a list
---@field not_empty boolean|nil
---@field choices string[]|nil compared without case; the result is as written here
---@field fields sandbox.field[]|nil of an object; none: anything is taken as it comes
---@field of sandbox.field[]|nil of each object of a list; none: anything
---@field default any

local function describe(value)
  if value == json.null then
    return "null"
  elseif type(value) == "table" then
    return json.is_array(value) and "a list" or "an object"
  elseif type(value) == "string" then
    return "a string"
  end
  return "a " .. type(value)
end

-- Never the value itself in a message: it may be a secret.
local function expect(name, what, value)
  reply.invalid("%s: expected %s, got %s", name, what, describe(value))
end

local read = {}
local check_fields

function read.string(name, value, field)
  if type(value) ~= "string" then
    expect(name, "a string", value)
  end
  if field.not_empty and not value:find "%S" then
    reply.invalid("%s: must not be empty", name)
  end
  if field.max then
    local length = utf8.len(value)
    if not length then
      reply.invalid("%s: not valid UTF-8", name)
    elseif length > field.max then
      reply.invalid("%s: at most %d characters, got %d", name, field.max, length)
    end
  end
  return value
end

function read.boolean(name, value)
  if type(value) == "string" then
    local text = value:lower()
    if text == "true" or text == "false" then
      return text == "true"
    end
  end
  if type(value) ~= "boolean" then
    expect(name, "true or false", value)
  end
  return value
end

function read.integer(name, value, field)
  if type(value) == "string" and value:find "^%-?%d+$" then
    value = math.tointeger(tonumber(value)) or value
  end
  if math.type(value) ~= "integer" then
    expect(name, "an integer", value)
  end
  if (field.min and value < field.min) or (field.max and value > field.max) then
    reply.invalid("%s: expected an integer from %s to %s", name, field.min or "…", field.max or "…")
  end
  return value
end

function read.number(name, value)
  if type(value) ~= "number" then
    expect(name, "a number", value)
  end
  return value
end

function read.phone(name, value)
  if type(value) ~= "string" then
    expect(name, "a phone number such as \"+33100000001\"", value)
  elseif not ids.is_phone(value) then
    reply.invalid("%s: expected a phone number with + and country code, such as +33100000001", name)
  end
  return value
end

function read.id(name, value)
  if not ids.is_id(value) then
    reply.invalid("%s: expected a GUID", name)
  end
  return value
end

function read.choice(name, value, field)
  if type(value) == "string" then
    for _, choice in ipairs(field.choices) do
      if choice:lower() == value:lower() then
        return choice
      end
    end
  end
  reply.invalid("%s: expected one of %s", name, table.concat(field.choices, ", "))
end

function read.object(name, value, field)
  if type(value) ~= "table" or value == json.null or json.is_array(value) then
    expect(name, "an object", value)
  end
  return field and field.fields and check_fields(field.fields, value, name .. ".") or value
end

function read.any(_, value)
  return value
end

-- A list whose entries are read by `entry`.
local function list_of(entry, entry_field)
  return function(name, value, field)
    if type(value) ~= "table" or value == json.null or not json.is_array(value) then
      expect(name, "a list", value)
    end
    if field.max and #value > field.max then
      reply.invalid("%s: at most %d entries, got %d", name, field.max, #value)
    elseif field.min and #value < field.min then
      reply.invalid("%s: at least %d entries, got %d", name, field.min, #value)
    end
    local out = {}
    for i, item in ipairs(value) do
      out[i] = entry(("%s[%d]"):format(name, i - 1), item, entry_field and entry_field(field) or {})
    end
    return out
  end
end

read.phones = list_of(read.phone)
read.strings = list_of(read.string)
read.ids = list_of(read.id)
read.list = list_of(function(name, item, field)
  return field.fields and read.object(name, item, field) or item
end, function(field)
  return { fields = field.of }
end)

-- Keys without case; where two differ only by case, the one as documented wins.
local function by_lower_name(object)
  local out = {}
  for key, value in pairs(object) do
    out[tostring(key):lower()] = value
  end
  return out
end

local function lookup(object, lower, field)
  local value = object[field[1]]
  if value == nil then
    value = lower[field[1]:lower()]
  end
  for _, alias in ipairs(field.aliases or {}) do
    if value == nil or value == json.null then
      value = lower[alias:lower()]
    end
  end
  if value == json.null then
    return nil
  end
  return value
end

function check_fields(fields, object, prefix)
  local lower, out = by_lower_name(object), {}
  for _, field in ipairs(fields) do
    local name = (prefix or "") .. field[1]
    local value = lookup(object, lower, field)
    if value ~= nil then
      out[field[1]] = read[field.kind](name, value, field)
    elseif field.required then
      reply.invalid("%s: missing", name)
    else
      out[field[1]] = field.default
    end
  end
  return out
end

---@param fields sandbox.field[]
---@param object table
---@param prefix string|nil for messages: "members[0]."
---@return table values by field name
function body.check(fields, object, prefix)
  return check_fields(fields, object, prefix)
end

--- As check, for the sandbox's own formats: a key that is in no field is a mistake.
---@param fields sandbox.field[]
---@param object any
---@param prefix string|nil
---@return table values by field name
function body.check_strict(fields, object, prefix)
  local name = prefix and prefix:gsub("%.$", "") or "body"
  read.object(name, object)
  for key in pairs(object) do
    local known, names = false, {}
    for i, field in ipairs(fields) do
      known, names[i] = known or field[1] == key, field[1]
    end
    if not known then
      reply.invalid("%s: unknown key '%s'; expected one of %s", name, tostring(key),
        table.concat(names, ", "))
    end
  end
  return body.check(fields, object, prefix)
end

--- Decodes what a client sent: lenient JSON; nothing at all is an empty object.
---@param text string
---@return table
function body.decode(text)
  if #text > limits.json_bytes then
    reply.fail(413, assumptions.too_large_code, ("the body is over %d bytes"):format(limits.json_bytes))
  end
  if not text:find "%S" then
    return {}
  end
  local value, err = json.decode(text, { lenient = true, max_depth = limits.json_depth })
  if value == nil then
    reply.invalid("malformed body: %s", err.message)
  end
  if type(value) ~= "table" or value == json.null or json.is_array(value) then
    reply.invalid("malformed body: expected a JSON object, got %s", describe(value))
  end
  return value
end

---@param fields sandbox.field[]
---@param text string
---@return table values by field name
function body.read(fields, text)
  return body.check(fields, body.decode(text))
end

return body
