--- The sandbox's own clock: real time plus an offset that tests can change, or one that stands still. All
--- lifetimes and the Date header of every reply use it.
local clock = {}
clock.__index = clock

local DAYS = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

---@class sandbox.clock
---@field advance_s integer
---@field stands_at integer|nil epoch seconds: in place of real time

---@param advance_s integer seconds ahead of real time; negative is behind
---@return sandbox.clock
function clock.new(advance_s)
  return setmetatable({ advance_s = advance_s }, clock)
end

---@return integer epoch seconds
function clock:now()
  return (self.stands_at or os.time()) + self.advance_s
end

---@param seconds integer added to the offset
function clock:advance(seconds)
  self.advance_s = self.advance_s + seconds
end

-- Keeps the newest text: the same second is written many times.
local function kept(write)
  local at, text
  return function(epoch_s)
    if epoch_s ~= at then
      at, text = epoch_s, write(epoch_s)
    end
    return text
  end
end

--- As HTTP writes it, whatever the locale: "Sun, 06 Nov 1994 08:49:37 GMT".
---@type fun(epoch_s: integer): string
clock.http_date = kept(function(epoch_s)
  local t = os.date("!*t", epoch_s)
  return ("%s, %02d %s %04d %02d:%02d:%02d GMT"):format(
    DAYS[t.wday], t.day, MONTHS[t.month], t.year, t.hour, t.min, t.sec)
end)

--- RFC 3339 in UTC.
---@type fun(epoch_s: integer): string
clock.rfc3339 = kept(function(epoch_s)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", epoch_s)
end)

return clock
