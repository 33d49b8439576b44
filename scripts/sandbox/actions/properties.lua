--- Properties of actions: names with typed values.
local json = require "jeton.json"

local properties = {}

-- Each text once.
local function unique(list)
  local out, seen = json.array {}, {}
  for _, item in ipairs(list) do
    if not seen[item] then
      seen[item] = true
      out[#out + 1] = item
    end
  end
  return out
end

--- Removes duplicates from sets.
---@param list {name: string, type: string, value: any}[] checked against their fields
---@return {name: string, type: string, value: any}[] list
function properties.check(list)
  for _, property in ipairs(list) do
    if property.type == "StringSet" then
      property.value = unique(property.value)
    end
  end
  return list
end

return properties
