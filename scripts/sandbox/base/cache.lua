--- Remembers up to a number of values by key. A full one forgets all and begins anew: what it holds is only
--- ever faster to have, so nothing finer is needed.
local cache = {}
cache.__index = cache

---@class sandbox.cache
---@field max integer
---@field count integer
---@field values table<string, any>

---@param max integer values
---@return sandbox.cache
function cache.new(max)
  return setmetatable({ max = max, count = 0, values = {} }, cache)
end

---@param key string
---@return any|nil
function cache:get(key)
  return self.values[key]
end

---@param key string
---@param value any not nil
function cache:set(key, value)
  if self.count >= self.max then
    self.values, self.count = {}, 0
  end
  if self.values[key] == nil then
    self.count = self.count + 1
  end
  self.values[key] = value
end

return cache
