--- From the wire's names to those of Lua: the object's own name as a prefix is dropped, the rest is
--- snake_case, and every time is an integer of epoch seconds.
local json = require "jeton.json"

local names = {}

-- Fields that hold a time, and how the service writes it.
local times = {
  creationTime = "seconds",
  dueDate = "milliseconds",
  expiryDate = "milliseconds",
  lastModifiedTime = "milliseconds",
  refreshTokenExpiry = "milliseconds",
  sentAt = "iso",
  startingTime = "iso",
}

--- Turns a wire name into a Lua one: `("groupImageUrl", "group")` gives `image_url`.
---@param name string as on the wire, in camelCase
---@param object? string the object's own name, in lower case, dropped where it is a prefix
---@return string
function names.snake(name, object)
  if object and name:sub(1, #object) == object and name:find("^%u", #object + 1) then
    name = name:sub(#object + 1)
  end
  name = name:gsub("(%u+)(%u%l)", "%1_%2"):gsub("([%l%d])(%u)", "%1_%2")
  return name:lower()
end

-- Days since the epoch of a date in the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

--- Reads a time as the service writes it in ISO 8601; without an offset it is UTC.
---@param text string such as `2018-07-02T10:30:00.123Z`
---@return integer? time epoch seconds, or nil where the text is no such time
function names.iso_time(text)
  local year, month, day, hour, minute, second, rest =
    text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ](%d%d):(%d%d):(%d%d)(.*)$"
  if not year then return nil end
  local offset = 0
  local zone = rest:gsub("^%.%d+", "")
  if zone ~= "" and zone ~= "Z" then
    local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d%d)$"
    if not sign then return nil end
    offset = (tonumber(hours) * 3600 + tonumber(minutes) * 60) * (sign == "-" and -1 or 1)
  end
  return days(tonumber(year), tonumber(month), tonumber(day)) * 86400
    + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second) - offset
end

-- A time field's value in epoch seconds; what is no such time stays as it is.
local function seconds(value, unit)
  if unit == "iso" then
    return type(value) == "string" and names.iso_time(value) or value
  end
  local number = math.tointeger(value)
  if not number then return value end
  return unit == "milliseconds" and number // 1000 or number
end

--- Copies an object of the wire into a table, with Lua's names. Nulls are left out; nested values
--- stay as they are.
---@param raw table decoded JSON object
---@param object? string the object's own name: `group`
---@param into table receives the fields, and `raw`
---@param reserved? table<string, any> Lua names that no field may take
---@return table into
function names.convert(raw, object, into, reserved)
  for name, value in pairs(raw) do
    local key = names.snake(name, object)
    -- Where two wire names give one (`groupId` and `id`), the one that is spelled so wins.
    local wins = key == name or raw[key] == nil
    if wins and key ~= "raw" and value ~= json.null and not (reserved and reserved[key]) then
      into[key] = times[name] and seconds(value, times[name]) or value
    end
  end
  into.raw = raw
  return into
end

return names
