--- Checks bodies and queries against a table of fields. Lenient like the service: keys in any case, unknown
--- keys and nulls ignored. Strict about types.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local values = require "sandbox.http.values"

local body = {}

---@alias sandbox.field_kind "string"|"boolean"|"integer"|"number"|"digits"|"phone"|"phones"|"id"|"ids"
---| "connector_id"|"strings"|"choice"|"time"|"media"|"list"|"object"|"map"|"union"|"variant"|"any"

---@class sandbox.field
---@field [1] string|nil name: of the key, and in the result
---@field kind sandbox.field_kind
---@field aliases string[]|nil other keys for the same
---@field required boolean|nil
---@field max integer|nil characters of a string, entries of a list or map, an integer's largest value, bytes
---of any value as JSON
---@field min integer|nil an integer's smallest value, the fewest entries of a list
---@field not_empty boolean|nil
---@field choices string[]|nil compared without case; the result is as written here
---@field numbers table<integer, string>|nil of a choice: numbers that clients may send instead
---@field text boolean|nil of a number, a list of strings or an object: clients may send it as text, too
---@field unset integer|string|nil of an integer or a string: what means that it is absent, as typed clients
---send it
---@field floor boolean|nil of an integer: a fraction is dropped
---@field iso boolean|nil of an integer that is a time: may come as ISO 8601, and is read as milliseconds
---@field types string[]|nil of media: of these uploads
---@field fields sandbox.field[]|nil of an object; none: anything is taken as it comes
---@field of sandbox.field[]|nil of each object of a list
---@field item sandbox.field|nil of each entry of a list or map that is no object; neither: anything
---@field any_of sandbox.field[]|nil of a union: what it may be; they differ by JSON type
---@field nullable boolean|nil of a union: null is a value
---@field variants sandbox.variant[]|nil of a variant: fields before it decide what it is; if none
---fits, a required one is missing and an optional one is ignored
---@field schema string|nil of a variant: OpenAPI's name for the schemas, "ActionBody"
---@field default any

---@class sandbox.variant: sandbox.field kind and limits, where it fits
---@field by string the field on which it depends
---@field is string|nil that field's value; nil: it is there

-- By byte order mark: the format of a UTF-16 unit for string.unpack.
local UTF16 = { ["\xFF\xFE"] = "<I2", ["\xFE\xFF"] = ">I2" }

local expect = values.expect
local read = setmetatable({}, { __index = values.read })
local check_fields

-- The decoded text if is_one accepts it, else the text itself.
local function from_text(value, is_one)
  local decoded = json.decode(value)
  return is_one(decoded) and decoded or value
end

function read.object(name, value, field)
  if field and field.text and type(value) == "string" then
    value = from_text(value, values.is_object)
  end
  if not values.is_object(value) then
    expect(name, "an object", value)
  end
  return field and field.fields and check_fields(field.fields, value, name .. ".") or value
end

-- A list whose entries are read as `item`, or each as the field says.
local function list_of(item)
  return function(name, value, field)
    if field.text and type(value) == "string" then
      value = from_text(value, values.is_list)
    end
    if not values.is_list(value) then
      expect(name, "a list", value)
    end
    if field.max and #value > field.max then
      refusal.invalid("%s: at most %d entries, got %d", name, field.max, #value)
    elseif field.min and #value < field.min then
      refusal.invalid("%s: at least %d entries, got %d", name, field.min, #value)
    end
    local entry = item or field.item or (field.of and { kind = "object", fields = field.of })
    local out = json.array {}
    for i, one in ipairs(value) do
      out[i] = entry and read[entry.kind](("%s[%d]"):format(name, i - 1), one, entry) or one
    end
    return out
  end
end

read.phones = list_of { kind = "phone" }
read.strings = list_of { kind = "string" }
read.ids = list_of { kind = "id" }
read.list = list_of()

function read.map(name, value, field)
  if not values.is_object(value) then
    expect(name, "an object", value)
  end
  local count, out = 0, {}
  for key, one in pairs(value) do
    count = count + 1
    out[key] = read[field.item.kind](("%s.%s"):format(name, key), one, field.item)
  end
  if field.max and count > field.max then
    refusal.invalid("%s: at most %d entries, got %d", name, field.max, count)
  end
  return out
end

-- What each kind of a union is in JSON.
local JSON_TYPE = {
  string = { "a string", function(value) return type(value) == "string" end },
  number = { "a number", function(value) return type(value) == "number" end },
  list = { "a list", values.is_list },
  object = { "an object", values.is_object },
}

function read.union(name, value, field)
  if value == json.null and field.nullable then
    return value
  end
  local known = {}
  for i, one in ipairs(field.any_of) do
    local json_type = JSON_TYPE[one.kind]
    if json_type[2](value) then
      return read[one.kind](name, value, one)
    end
    known[i] = json_type[1]
  end
  expect(name, table.concat(known, ", ", 1, #known - 1) .. " or " .. known[#known], value)
end

-- Chooses the variant by the fields before it; nil if none fits.
local function pick(field, before)
  for _, variant in ipairs(field.variants) do
    local value = before[variant.by]
    if value ~= nil and (variant.is == nil or variant.is == value) then
      return variant
    end
  end
end

-- "actionType: missing; expected id or actionType"
local function refuse_unknown(field, prefix)
  local known, seen = {}, {}
  for _, variant in ipairs(field.variants) do
    if not seen[variant.by] then
      seen[variant.by] = true
      known[#known + 1] = variant.by
    end
  end
  refusal.invalid("%s%s: missing; expected %s", prefix, known[#known], table.concat(known, " or "))
end

-- The values by lower-case key. (lookup tries the documented spelling first.)
local function by_lower_name(object)
  local out = {}
  for key, value in pairs(object) do
    out[tostring(key):lower()] = value
  end
  return out
end

-- For these kinds "" means that the value is absent: form tools send it for empty fields.
local BLANK = { boolean = true, choice = true, integer = true, number = true }

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
  for _, declared in ipairs(fields) do
    local name, value = prefix .. declared[1], lookup(object, lower, declared)
    local field = declared.variants and pick(declared, out) or declared
    local is_required = field.required or declared.required
    if value == "" and BLANK[field.kind] and not is_required then
      value = nil
    end
    if field.kind == "variant" then
      if declared.required then
        refuse_unknown(declared, prefix)
      end
    elseif value ~= nil then
      out[declared[1]] = read[field.kind](name, value, field)
    elseif is_required then
      refusal.invalid("%s: missing", name)
    else
      out[declared[1]] = field.default
    end
  end
  return out
end

---@param fields sandbox.field[]
---@param object table
---@param prefix string|nil for messages: "members[0]."
---@return table values by field name
function body.check(fields, object, prefix)
  return check_fields(fields, object, prefix or "")
end

--- Like check, for the sandbox's own formats: unknown keys are refused, and so is "" for a number.
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
      if field[1] == key and object[key] == "" and BLANK[field.kind] then
        read[field.kind]((prefix or "") .. key, "", field)
      end
    end
    if not known then
      refusal.invalid("%s: unknown key '%s'; expected one of %s", name, tostring(key),
        table.concat(names, ", "))
    end
  end
  return body.check(fields, object, prefix)
end

--- Checks one value by itself, such as an answer to a question.
---@param field sandbox.field
---@param value any
---@param name string for messages
---@return any
function body.value(field, value, name)
  return read[field.kind](name, value, field)
end

--- Raises 413.
---@param limit integer bytes
function body.refuse_length(limit)
  refusal.fail(413, assumptions.too_large_code, ("the body is over %d bytes"):format(limit))
end

-- Converts UTF-16 with a byte order mark, as Windows writes files, to UTF-8; returns other text unchanged.
local function from_utf16(text)
  local unit = UTF16[text:sub(1, 2)]
  if not unit or #text % 2 ~= 0 then
    return text
  end
  local out, high = {}, nil
  for at = 3, #text, 2 do
    local code = unit:unpack(text, at)
    if high and code >= 0xDC00 and code <= 0xDFFF then
      out[#out] = utf8.char(0x10000 + (high - 0xD800) * 0x400 + code - 0xDC00)
    else
      out[#out + 1] = utf8.char(code >= 0xD800 and code <= 0xDFFF and 0xFFFD or code)
    end
    high = code >= 0xD800 and code <= 0xDBFF and code or nil
  end
  return table.concat(out)
end

--- Decodes a client's body: lenient JSON; an empty body is an empty object.
---@param text string
---@return table
function body.decode(text)
  if #text > limits.json_bytes then
    body.refuse_length(limits.json_bytes)
  end
  text = from_utf16(text)
  if not text:find "%S" then
    return {}
  end
  local value, err = json.decode(text, { lenient = true, mend = false, max_depth = limits.json_depth })
  if value == nil then
    refusal.invalid("malformed body: %s", err.message)
  end
  if not values.is_object(value) then
    refusal.invalid("malformed body: expected a JSON object, got %s", values.describe(value))
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
