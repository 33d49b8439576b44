--- The clock of a test. It stands still, and jumps where every task only waits.
local failure = require "test.failure"
local native = require "jeton.test_native"
local task = require "jeton.task"

failure.pass_over()

local clock = { methods = {} }

local UNITS = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400 }
local SECONDS_MAX = 1e9 -- some 30 years

--- Seconds of "90s", "15m", "1h30m", or a number.
local function seconds_of(duration, what)
  local rest, sum = nil, 0
  if type(duration) == "number" then
    rest, sum = "", duration
  elseif type(duration) == "string" and duration ~= "" then
    rest = duration:gsub("(%d+%.?%d*)(%a+)", function(number, unit)
      if not UNITS[unit] then return nil end
      sum = sum + tonumber(number) * UNITS[unit]
      return ""
    end)
  end
  if rest ~= "" or sum < 0 or sum > SECONDS_MAX then
    error(("%s: a duration expected, such as \"15m\", \"1h30m\" or seconds"):format(what), 3)
  end
  return sum
end

--- Days since the epoch.
local function days(year, month, day)
  local shifted = month <= 2 and year - 1 or year
  local era = shifted // 400
  local of_era = shifted - era * 400
  local of_year = (153 * (month + (month > 2 and -3 or 9)) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

--- Days since the epoch of "2026-03-29", or nil where there is no such day.
local function read_date(text)
  local year, month, day = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)$"
  if not year then return nil end
  year, month, day = year // 1, month // 1, day // 1
  if month < 1 or month > 12 or day < 1 then return nil end
  local first = days(year, month, 1)
  local next_first = month < 12 and days(year, month + 1, 1) or days(year + 1, 1, 1)
  return first + day <= next_first and first + day - 1 or nil
end

--- Seconds of "01:30:00+01:00", or nil where no clock shows that.
local function read_time_of_day(text)
  local hour, minute, rest, zone = text:match "^(%d%d):(%d%d)([:%d.]*)(.*)$"
  if not hour then return nil end
  local second = rest == "" and "0" or rest:match "^:(%d%d)$" or rest:match "^:(%d%d%.%d+)$"
  local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d%d)$"
  if not second or not (zone == "Z" or zone == "" or sign) then return nil end
  local offset = sign and (hours * 60 + minutes) * (sign == "-" and -60 or 60) or 0
  if hour // 1 > 23 or minute // 1 > 59 or tonumber(second) >= 60 then return nil end
  if sign and (hours // 1 > 23 or minutes // 1 > 59) then return nil end
  return hour * 3600 + minute * 60 + second - offset
end

--- "2026-03-29T01:30:00+01:00", in ms since the epoch.
local function read_time(text)
  local date, time = text:match "^([^T ]*)[T ](.*)$"
  local day = read_date(date or text)
  local of_day = date and read_time_of_day(time) or not date and 0
  return day and of_day and math.floor((day * 86400 + of_day) * 1000)
end

--- Sets what time it is, and says it: seconds since the epoch. No time passes by it: timers and the lives
--- of tokens go on as they were, as when somebody sets a clock.
---@param time? string|number "2026-03-29T01:30:00+01:00", "2026-03-29", or seconds since the epoch
---@return integer
function clock.methods:clock(time)
  if time ~= nil then
    local ms = type(time) == "number" and math.floor(time * 1000)
      or type(time) == "string" and read_time(time)
    if not ms then
      error("t:clock: a time expected, such as \"2026-03-29T01:30:00+01:00\", or seconds since the epoch", 2)
    end
    native.set_clock(ms)
    for _, told in ipairs(self.clock_told) do
      told(ms)
    end
  end
  return native.now() // 1000
end

--- Lets time pass. What waits for it goes on, in order.
---@param duration string|number "15m", "1h30m", or seconds
function clock.methods.advance(_, duration)
  task.sleep(seconds_of(duration, "t:advance"))
end

--- How many seconds have passed since the test began, by its clock.
---@return integer
function clock.methods:elapsed()
  local _, passed = native.now()
  return (passed - self.began_ms) // 1000
end

--- Calls fn again and again until it returns something true, which it returns. Fails when `within` is over.
---@param fn fun(): any
---@param within? string|number of the test's clock; default "1m"
---@return any
function clock.methods.eventually(_, fn, within)
  local _, passed = native.now()
  local until_ms = passed + seconds_of(within or "1m", "t:eventually") * 1000
  local wait = 0.01
  while true do
    local found = table.pack(fn())
    if found[1] then return table.unpack(found, 1, found.n) end
    _, passed = native.now()
    if passed >= until_ms then
      failure.raise(("it did not come true within %s"):format(within or "1m"))
    end
    task.sleep(wait)
    wait = math.min(wait * 2, 1)
  end
end

function clock.begin(t)
  native.set_clock(nil)
  local _, passed = native.now()
  t.began_ms, t.clock_told = passed, {}
end

return clock
