--- Keeps replies to GET: within one second, and while nothing is written, the same call has the same reply.
local limits = require "sandbox.base.limits"
local request = require "sandbox.http.request"

local replies = {}
replies.__index = replies

---@class sandbox.kept_reply
---@field body string
---@field operation string its name
---@field caller sandbox.caller

---@class sandbox.replies
---@field state string of the kept ones; those of another state are forgotten
---@field kept table<string, sandbox.kept_reply> by key
---@field bytes integer of keys and bodies

---@return sandbox.replies
function replies.new()
  return setmetatable({ state = "", kept = {}, bytes = 0 }, replies)
end

--- All of a call that its reply can depend on.
---@param arrived table the server's request
---@return string
function replies.key(arrived)
  local headers = arrived.headers
  local token = request.access_token(headers) or ""
  return arrived.target .. "\n" .. (headers.host or "") .. "\n" .. token
end

--- All else that a reply can depend on: the time, and what was written, here and by other processes. Calls
--- are handled outside of transactions, so that nothing of this is rolled back later.
---@param world sandbox.world
---@param now integer epoch seconds
---@return string
function replies.state(world, now)
  local own = world.db:row("SELECT total_changes() AS n").n
  local others = world.is_kept and world.db:row("PRAGMA data_version").data_version or 0
  return now .. " " .. own .. " " .. others
end

---@param state string
---@param key string
---@return sandbox.kept_reply|nil
function replies:find(state, key)
  return state == self.state and self.kept[key] or nil
end

---@param state string before the reply was made, and still
---@param key string
---@param reply sandbox.kept_reply
function replies:keep(state, key, reply)
  if state ~= self.state then
    self.state, self.kept, self.bytes = state, {}, 0
  end
  local bytes = self.bytes + #key + #reply.body
  if bytes <= limits.replies_kept_bytes then
    self.kept[key], self.bytes = reply, bytes
  end
end

return replies
