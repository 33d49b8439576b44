--- Counts calls per minute in a sliding window, by the sandbox's clock.
local cache = require "sandbox.base.cache"

local throttle = {}
throttle.__index = throttle

local WINDOW_S = 60
local KEYS_REMEMBERED = 1000

---@class sandbox.throttle
---@field windows table<string, table>

---@return sandbox.throttle
function throttle.new()
  return setmetatable({ windows = {} }, throttle)
end

-- A window is a queue of { second, calls } and their sum. Entries older than the window are dropped, and so
-- are those in the future (after the clock was set back).
local function prune(window, now)
  local slots = window.slots
  while slots[window.first] and slots[window.first].at <= now - WINDOW_S do
    window.total = window.total - slots[window.first].calls
    slots[window.first] = nil
    window.first = window.first + 1
  end
  while slots[window.last] and slots[window.last].at > now do
    window.total = window.total - slots[window.last].calls
    slots[window.last] = nil
    window.last = window.last - 1
  end
end

-- Makes keys of ids in any case.
local function keys(prefix)
  local known = cache.new(KEYS_REMEMBERED)
  return function(id)
    local key = known:get(id)
    if not key then
      key = prefix .. id:lower()
      known:set(id, key)
    end
    return key
  end
end

--- The key under which calls of a connector are counted.
---@type fun(id: string): string
throttle.connector_key = keys "connector:"

--- The key under which calls of all connectors of a tenant are counted.
---@type fun(id: string): string
throttle.tenant_key = keys "tenant:"

--- Whether one more call would be refused. Does not count it.
---@param now integer epoch seconds
---@param limits table<string, integer> key → calls a minute; 0: no limit
---@return integer|nil retry_after seconds, if it would be
function throttle:look(now, limits)
  local wait
  for key, limit in pairs(limits) do
    local window = self.windows[key]
    if not window then
      window = { slots = {}, first = 1, last = 0, total = 0 }
      self.windows[key] = window
    end
    prune(window, now)
    if limit > 0 and window.total >= limit then
      -- The first time at which enough calls have left the window.
      local excess, at = window.total - limit + 1, window.first
      while excess > window.slots[at].calls do
        excess = excess - window.slots[at].calls
        at = at + 1
      end
      wait = math.max(wait or 1, window.slots[at].at + WINDOW_S - now)
    end
  end
  return wait
end

--- Counts one call for every key, or for none if one has reached its limit.
---@param now integer epoch seconds
---@param limits table<string, integer> key → calls a minute; 0: no limit
---@return integer|nil retry_after seconds, if the call is refused
function throttle:take(now, limits)
  local wait = self:look(now, limits)
  if wait then
    return wait
  end
  for key in pairs(limits) do
    local window = self.windows[key]
    local newest = window.slots[window.last]
    if newest and newest.at == now then
      newest.calls = newest.calls + 1
    else
      window.last = window.last + 1
      window.slots[window.last] = { at = now, calls = 1 }
    end
    window.total = window.total + 1
  end
  return nil
end

--- Calls counted within the last minute.
---@param now integer epoch seconds
---@param key string
---@return integer
function throttle:count(now, key)
  local window = self.windows[key]
  if not window then
    return 0
  end
  prune(window, now)
  return window.total
end

function throttle:reset()
  self.windows = {}
end

return throttle
