--- Keeps replies to GET: within one second, and while nothing is written, the same call has the same reply.
local limits = require "sandbox.base.limits"

local replies = {}
replies.__index = replies

---@class sandbox.kept_reply
---@field body string
---@field operation string its name
---@field caller sandbox.caller

---@class sandbox.replies
---@field state string of the kept ones; those of another state are forgotten
---@field kept table<string, table<string, sandbox.kept_reply>> by address and token
---@field count integer
---@field bytes integer of all these

---@return sandbox.replies
function replies.new()
  return setmetatable({ state = "", kept = {}, count = 0, bytes = 0 }, replies)
end

--- What a reply can depend on beside the token.
---@param arrived table the server's request
---@return string
function replies.address(arrived)
  return arrived.target .. "\n" .. (arrived.headers.host or "")
end

local at, own_then, others_then, text

--- All else that a reply can depend on: the time, and what was written, here and by other processes. Calls
--- are handled outside of transactions, so that nothing of this is rolled back later.
---@param world sandbox.world
---@param now integer epoch seconds
---@return string
function replies.state(world, now)
  local own = world.db:row("SELECT total_changes() AS n").n
  local others = world.is_kept and world.db:row("PRAGMA data_version").data_version or 0
  if now ~= at or own ~= own_then or others ~= others_then then -- most often as the last time
    at, own_then, others_then = now, own, others
    text = now .. " " .. own .. " " .. others
  end
  return text
end

---@param state string
---@param address string
---@param token string
---@return sandbox.kept_reply|nil
function replies:find(state, address, token)
  local those = state == self.state and self.kept[address]
  return those and those[token] or nil
end

---@param state string before the reply was made, and still
---@param address string
---@param token string
---@param reply sandbox.kept_reply
function replies:keep(state, address, token, reply)
  if state ~= self.state then
    self.state, self.kept, self.count, self.bytes = state, {}, 0, 0
  end
  local bytes = self.bytes + #address + #token + #reply.body
  if self.count < limits.replies_kept and bytes <= limits.replies_kept_bytes then
    self.kept[address] = self.kept[address] or {}
    self.kept[address][token], self.count, self.bytes = reply, self.count + 1, bytes
  end
end

return replies
