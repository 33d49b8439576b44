--- Converts names and times from the wire to Lua: the object's own name as a prefix is dropped, the rest is
--- snake_case, and times are integers, epoch seconds.
local json = require "jeton.json"

local names = {}

-- Fields with times, and their format on the wire. What is in milliseconds may come as ISO 8601, too.
local times = {
  creationTime = "seconds",
  dueDate = "milliseconds",
  expiryDate = "milliseconds",
  lastModifiedTime = "milliseconds",
  refreshTokenExpiry = "milliseconds",
  sentAt = "iso",
  startingTime = "iso",
}

local KNOWN_MAX = 1000 -- names that are kept: a service might send new ones for ever
local known = {}       -- object: { wire name: Lua's }
local count = 0

local function make(name, object)
  if object and name:sub(1, #object) == object and name:find("^%u", #object + 1) then
    name = name:sub(#object + 1)
  end
  name = name:gsub("(%u+)(%u%l)", "%1_%2"):gsub("([%l%d])(%u)", "%1_%2")
  return name:lower()
end

--- Turns a wire name into a Lua one: `("groupImageUrl", "group")` gives `image_url`.
---@param name string as on the wire, in camelCase
---@param object? string the object's own name, in lower case, dropped if it is a prefix
---@return string
function names.snake(name, object)
  local of_object = known[object or ""]
  if not of_object then
    of_object = {}
    known[object or ""] = of_object
  end
  local made = of_object[name]
  if not made then
    made = make(name, object)
    if count < KNOWN_MAX then
      of_object[name] = made
      count = count + 1
    end
  end
  return made
end

-- Days since the epoch of a date in the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

-- Seconds since the epoch of a date and a time of day; nil if there is no such date or time.
local function instant(year, month, day, hour, minute, second)
  local first = month >= 1 and month <= 12 and days(year, month, 1)
  local next_first = first and days(month == 12 and year + 1 or year, month % 12 + 1, 1)
  if not first or day < 1 or first + day > next_first or hour > 23 or minute > 59 or second > 59 then
    return nil
  end
  return (first + day - 1) * 86400 + hour * 3600 + minute * 60 + second
end

-- Seconds of "", "Z", "+05:30", "+0530" or "+05".
local function zone_offset(zone)
  if zone == "" or zone == "Z" then return 0 end
  local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d?%d?)$"
  if not sign or #minutes == 1 then return nil end
  return (tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60) * (sign == "-" and -1 or 1)
end

--- Reads a time in ISO 8601, as the service writes it or shorter: without seconds, without an offset
--- (then it is UTC).
---@param text string such as `2018-07-02T10:30:00.123Z`
---@return integer? time epoch seconds, or nil if the text is not a time
function names.iso_time(text)
  local year, month, day, hour, minute, rest =
    text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ](%d%d):(%d%d)(.*)$"
  if not year then return nil end
  local second, zone = rest:match "^:(%d%d)(.*)$"
  local offset = zone_offset(second and zone:gsub("^%.%d+", "") or rest)
  local at = instant(tonumber(year), tonumber(month), tonumber(day), tonumber(hour), tonumber(minute),
    tonumber(second or 0))
  return offset and at and at - offset
end

-- A time field's value in epoch seconds; anything else stays as it is.
local function seconds(value, unit)
  if type(value) == "string" and unit ~= "seconds" then
    return names.iso_time(value) or value
  elseif unit == "iso" then
    return value
  end
  local number = math.tointeger(value)
  if not number then return value end
  return unit == "milliseconds" and number // 1000 or number
end

--- Copies an object of the wire into a table, with Lua's names. Nulls are left out; nested values
--- stay as they are.
---@param raw table decoded JSON object
---@param object? string the object's own name: `group`
---@param into? table receives the fields, and `raw`; else a new one does
---@param reserved? table<string, any> Lua names that no field may take
---@return table into
function names.convert(raw, object, into, reserved)
  local null, made = json.null, known[object or ""] or {}
  -- With room for a few fields: a table that grows is made anew again and again.
  into = into or { id = nil, name = nil, type = nil, time = nil, raw = nil }
  local fields = type(next(raw)) == "string" and raw or {} -- a list has none
  for name, value in next, fields do
    local key = made[name] or names.snake(name, object)
    -- If two wire names give the same one (`groupId` and `id`), the identical name wins.
    local own = raw[key]
    local wins = key == name or own == nil or own == null
    if wins and key ~= "raw" and value ~= null and not (reserved and reserved[key]) then
      local unit = times[name]
      into[key] = unit and seconds(value, unit) or value
    end
  end
  into.raw = raw
  return into
end

--- Converts a list of objects of one kind.
---@param list any[] decoded; entries that are not objects stay as they are
---@param object? string the objects' own name
---@return any[] converted
function names.list(list, object)
  local converted = {}
  for i, raw in ipairs(list) do
    converted[i] = type(raw) == "table" and names.convert(raw, object) or raw
  end
  return converted
end

return names
