--- Properties of actions by name. On the wire they are a list of names, types and values.
local check = require "kaizala.check"
local json = require "jeton.json"

local properties = {}

local TYPES = {
  "Text", "Numeric", "Location", "DateTime", "StringList", "Attachment", "StringSet", "AttachmentList",
}

local function is_place(value)
  return value.latitude ~= nil or value.lt ~= nil
end

local function type_of(value, what)
  if type(value) == "string" then return "Text" end
  if type(value) == "number" then return "Numeric" end
  if type(value) == "table" then return is_place(value) and "Location" or "StringList" end
  check.fail("invalid", ("%s must be a string, a number, a list or a place, got %s"):format(
    what, type(value)))
end

local function write_value(value, where)
  if type(value) ~= "table" then return value end
  if is_place(value) then
    return {
      lt = value.latitude or value.lt, lg = value.longitude or value.lg, n = value.name or value.n or "",
    }
  end
  check.whole(value, where)
  return json.array(table.move(value, 1, #value, 1, {}))
end

--- Writes properties, ordered by name. Raises `invalid` for unsupported values.
---@param values table<string, any> strings, numbers, lists of strings, places
---@param what string for messages
---@param types table<string, string> by name, if not clear from the value
---@return table[] list as on the wire
function properties.write(values, what, types)
  if type(values) ~= "table" or next(values) == nil then
    check.misuse(what .. " must be a table with at least one name")
  end
  for name, kind in pairs(types) do
    if values[name] == nil then
      check.misuse(("%s: types names '%s', which has no value"):format(what, name))
    end
    check.word(kind, TYPES, ("%s: the type of '%s'"):format(what, name))
  end
  local list = json.array {}
  for name, value in pairs(values) do
    check.name(name, what .. ": a name")
    local where = ("%s: '%s'"):format(what, name)
    list[#list + 1] = {
      name = name,
      type = types[name] or type_of(value, where),
      value = write_value(value, where),
    }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- Reads properties.
---@param list table as on the wire
---@param request string for the error
---@return table<string, any> values by name; a place is `{latitude=, longitude=, name=}`
function properties.read(list, request)
  local values = {}
  for _, property in ipairs(list) do
    check.reply(property, "properties[]", "object", request)
    check.reply(property.name, "name", "string", request)
    local value = check.given(property.value)
    if property.type == "Location" and type(value) == "table" then
      value = { latitude = value.lt, longitude = value.lg, name = check.given(value.n) }
    end
    values[property.name] = value
  end
  return values
end

return properties
