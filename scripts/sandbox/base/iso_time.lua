--- Times in ISO 8601. The SDK has a parser of its own: one that both shared would be wrong on both
--- sides alike.

local DAY_S = 86400
-- Days of a year that are over when a month begins.
local BEFORE_MONTH = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 }
local MONTH_DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_leap(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

-- Days from the first of January of year 1.
local function days_before_year(year)
  local past = year - 1
  return 365 * past + past // 4 - past // 100 + past // 400
end
local EPOCH = days_before_year(1970)

-- Days since the epoch; nil where the calendar has no such day.
local function day_number(year, month, day)
  local leap_day = is_leap(year) and 1 or 0
  local length = MONTH_DAYS[month] and MONTH_DAYS[month] + (month == 2 and leap_day or 0)
  if not length or day < 1 or day > length then
    return nil
  end
  return days_before_year(year) - EPOCH + BEFORE_MONTH[month] + (month > 2 and leap_day or 0) + day - 1
end

-- Seconds that a zone is ahead of UTC: of "", "Z", "+05:30", "+0530", "+05".
local function zone_seconds(zone)
  if zone == "" or zone == "Z" then
    return 0
  end
  local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d*)$"
  if not sign or #minutes ~= 0 and #minutes ~= 2 then
    return nil
  end
  local ahead = tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60
  return sign == "+" and ahead or -ahead
end

-- Seconds of "10:30" and "10:30:15.123", and what follows them.
local function time_of_day(text)
  local hour, minute, rest = text:match "^(%d%d):(%d%d)(.*)$"
  if not hour then
    return nil
  end
  local second, after = rest:match "^:(%d%d)(.*)$"
  if second then
    rest = after:gsub("^%.%d+", "")
  end
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second or 0)
  if hour > 23 or minute > 59 or second > 59 then
    return nil
  end
  return hour * 3600 + minute * 60 + second, rest
end

--- Reads a time, without seconds or with fractions of them (which do not count). Without a zone it is UTC.
---@param text string "2018-07-02T10:30:00Z"
---@return integer|nil epoch_s nil: no such time
local function iso_time(text)
  local year, month, day, rest = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ](.*)$"
  if not year then
    return nil
  end
  local number = day_number(tonumber(year), tonumber(month), tonumber(day))
  local seconds, zone = time_of_day(rest)
  local ahead = seconds and zone_seconds(zone)
  return number and ahead and number * DAY_S + seconds - ahead or nil
end

return iso_time
