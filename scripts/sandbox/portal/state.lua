--- The portal's data in memory; a reset of the sandbox clears it.
local refusal = require "sandbox.base.refusal"
local sessions = require "sandbox.portal.sessions"
local throttle = require "sandbox.rules.throttle"
local assumptions = require "sandbox.base.assumptions"
local limits = require "sandbox.base.limits"

local state = {}
state.__index = state

---@class sandbox.portal.state
---@field sessions sandbox.portal.sessions
---@field attempts sandbox.throttle

---@return sandbox.portal.state
function state.new()
  return setmetatable({ sessions = sessions.new(), attempts = throttle.new() }, state)
end

local PER_MINUTE = { sign_in = limits.sign_ins_per_minute, pin = limits.pin_checks_per_minute }

--- Counts an attempt. Raises 429 after too many in a minute for this account, so that nobody shuts out
--- another one; and after far more for all.
---@param what "sign_in"|"pin"
---@param user_id string|nil nil: an account that is not there
---@param now integer epoch seconds
function state:count_attempt(what, user_id, now)
  local retry_after = self.attempts:take(now, {
    [what] = limits.attempts_per_minute, [what .. ":" .. (user_id or "")] = PER_MINUTE[what],
  })
  if retry_after then
    refusal.fail(429, assumptions.throttled_code, "Too many attempts; try again later",
      { ["Retry-After"] = tostring(retry_after) })
  end
end

return state
