--- Reads single values by the kind of their field, or refuses them, naming the field.
local json = require "jeton.json"
local iso_time = require "sandbox.base.iso_time"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local media_resource = require "sandbox.base.media_resource"
local refusal = require "sandbox.base.refusal"

local values = {}

--- The type of a value, for messages. Never the value itself: it may be a secret.
---@param value any
---@return string
function values.describe(value)
  if value == json.null then
    return "null"
  elseif type(value) == "table" then
    return json.is_array(value) and "a list" or "an object"
  elseif type(value) == "string" then
    return "a string"
  end
  return "a " .. type(value)
end

--- Refuses a value of the wrong type.
---@param name string
---@param what string "an integer"
---@param value any
function values.expect(name, what, value)
  refusal.invalid("%s: expected %s, got %s", name, what, values.describe(value))
end
local expect = values.expect

---@return boolean
function values.is_object(value)
  return type(value) == "table" and value ~= json.null and not json.is_array(value)
end

---@return boolean
function values.is_list(value)
  return type(value) == "table" and value ~= json.null and json.is_array(value)
end

--- Readers by kind: fn(name, value, field) returns the value for the operation.
---@type table<string, fun(name: string, value: any, field: sandbox.field): any>
local read = {}
values.read = read

function read.string(name, value, field)
  if type(value) ~= "string" then
    expect(name, "a string", value)
  elseif value == field.unset then
    return field.default
  end
  if field.not_empty and not value:find "%S" then
    refusal.invalid("%s: must not be empty", name)
  end
  if field.max then
    local length = utf8.len(value)
    if not length then
      refusal.invalid("%s: not valid UTF-8", name)
    elseif length > field.max then
      refusal.invalid("%s: at most %d characters, got %d", name, field.max, length)
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
  elseif field.iso and type(value) == "string" then
    local at = iso_time(value)
    value = at and at * 1000 or value
  elseif type(value) == "number" then
    value = math.tointeger(value) or (field.floor and math.floor(value)) or value -- 5.0 is one
  end
  if math.type(value) ~= "integer" then
    expect(name, "an integer", value)
  elseif value == field.unset then
    return field.default
  end
  if (field.min and value < field.min) or (field.max and value > field.max) then
    refusal.invalid("%s: expected an integer from %s to %s", name, field.min or "…", field.max or "…")
  end
  return value
end

function read.number(name, value, field)
  if type(value) == "string" and value:find "^%-?%d+%.?%d*$" then
    value = tonumber(value)
  end
  if type(value) ~= "number" or value - value ~= 0 then -- no infinity
    expect(name, "a number", value)
  end
  if (field.min and value < field.min) or (field.max and value > field.max) then
    refusal.invalid("%s: expected a number from %s to %s", name, field.min or "…", field.max or "…")
  end
  return value
end

--- Digits, as text or as a number.
function read.digits(name, value)
  local text = math.tointeger(value) and tostring(math.tointeger(value)) or value
  if type(text) ~= "string" or not text:find "^%s*%d+%s*$" then
    refusal.invalid("%s: expected digits, as text or as a number", name)
  end
  return text:match "%d+"
end

function read.phone(name, value)
  if type(value) ~= "string" then
    expect(name, "a phone number such as \"+33100000001\"", value)
  elseif not ids.is_phone(value) then
    refusal.invalid("%s: expected a phone number with + and country code, such as +33100000001", name)
  end
  return value
end

function read.id(name, value)
  if type(value) ~= "string" then
    expect(name, "a GUID", value)
  elseif not ids.is_id(value) then
    refusal.invalid("%s: expected a GUID", name)
  end
  return value
end

function read.connector_id(name, value)
  if type(value) ~= "string" then
    expect(name, "the id of a connector", value)
  elseif not ids.is_connector_id(value) then
    refusal.invalid("%s: expected the id of a connector: letters, digits and -_.@, at most %d", name,
      limits.identifier_characters)
  end
  return value
end

function read.time(name, value, field)
  if not iso_time(read.string(name, value, field)) then
    refusal.invalid("%s: expected a time such as 2018-07-02T10:30:00Z", name)
  end
  return value
end

-- A choice given by number, as some clients do.
local function by_number(value, field)
  local number = field.numbers and math.tointeger(type(value) == "string" and tonumber(value) or value)
  return number and field.numbers[number]
end

function read.choice(name, value, field)
  if type(value) == "string" then
    for _, choice in ipairs(field.choices) do
      if choice:lower() == value:lower() then
        return choice
      end
    end
  end
  return by_number(value, field)
    or refusal.invalid("%s: expected one of %s", name, table.concat(field.choices, ", "))
end

--- A mediaResource of one of the field's types.
function read.media(name, value, field)
  local resource = media_resource.decode(value)
    or refusal.invalid("%s: expected a mediaResource as an upload returns it", name)
  for _, known in ipairs(field.types or { resource.type }) do
    if resource.type == known then
      return value
    end
  end
  refusal.invalid("%s: expected one of an upload of type %s, got one of type %s", name,
    table.concat(field.types, " or "), resource.type)
end

function read.any(name, value, field)
  if field.max and #assert(json.encode(value)) > field.max then
    refusal.invalid("%s: at most %d bytes of JSON", name, field.max)
  end
  return value
end

return values
