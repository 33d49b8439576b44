--- Properties of actions: names with typed values.
local json = require "jeton.json"
local assumptions = require "sandbox.assumptions"
local limits = require "sandbox.limits"
local reply = require "sandbox.http.reply"

local properties = {}

local TYPES = {
  "Text", "Numeric", "Location", "DateTime", "StringList", "Attachment", "StringSet", "AttachmentList",
}

---@type sandbox.field[]
properties.FIELDS = {
  { "name", kind = "string", required = true, not_empty = true, max = limits.title_characters },
  { "type", kind = "any", required = true },
  { "value", kind = "any", required = true },
}

local function expect(name, what)
  reply.invalid("%s.value: expected %s", name, what)
end

-- A type by its name in any case, or by the number that some clients send.
local function read_type(name, value)
  local number = math.tointeger(type(value) == "string" and tonumber(value) or value)
  if number then
    return assumptions.property_numbers[number]
      or reply.invalid("%s.type: there is no type of this number", name)
  end
  for _, known in ipairs(TYPES) do
    if type(value) == "string" and known:lower() == value:lower() then
      return known
    end
  end
  reply.invalid("%s.type: expected one of %s", name, table.concat(TYPES, ", "))
end

local read = {}

function read.Text(name, value)
  local length = type(value) == "string" and utf8.len(value)
  if not length or length > limits.property_characters then
    expect(name, ("a string of at most %d characters"):format(limits.property_characters))
  end
  return value
end
read.Attachment = read.Text

-- Some clients write every value as a string.
function read.Numeric(name, value)
  local number = type(value) == "number" and value
    or type(value) == "string" and value:find "^%-?%d+%.?%d*$" and tonumber(value)
  return number and number - number == 0 and number or expect(name, "a number") -- no infinity
end

function read.DateTime(name, value)
  return math.tointeger(read.Numeric(name, value)) or expect(name, "an epoch time, an integer")
end

function read.Location(name, value)
  if type(value) ~= "table" or value == json.null or json.is_array(value) then
    expect(name, 'an object such as {"lt": 48.86, "lg": 2.35, "n": "Paris"}')
  end
  return value
end

function read.StringList(name, value)
  if type(value) == "string" then
    value = json.decode(value)
  end
  if type(value) ~= "table" or value == json.null or not json.is_array(value)
    or #value > limits.property_entries then
    expect(name, ("a list of at most %d strings"):format(limits.property_entries))
  end
  for _, item in ipairs(value) do
    read.Text(name, item)
  end
  return value
end
read.AttachmentList = read.StringList

function read.StringSet(name, value)
  local out, seen = json.array {}, {}
  for _, item in ipairs(read.StringList(name, value)) do
    if not seen[item] then
      seen[item] = true
      out[#out + 1] = item
    end
  end
  return out
end

--- Checks types and values.
---@param list table[] read by FIELDS
---@param name string for messages: "updateProperties"
---@return {name: string, type: string, value: any}[] list
function properties.check(list, name)
  for i, property in ipairs(list) do
    local where = ("%s[%d]"):format(name, i - 1)
    property.type = read_type(where, property.type)
    property.value = read[property.type](where, property.value)
  end
  return list
end

return properties
