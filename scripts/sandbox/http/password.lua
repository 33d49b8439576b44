--- The password of --password-file, by HTTP Basic with any user name. Only its argon2id hash is kept.
local crypto = require "jeton.crypto"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"

local password = {}
password.__index = password

local KEY_BYTES = 32

---@class sandbox.password
---@field hash string of argon2id
---@field key string
---@field accepted string|nil keyed hash of the last correct header
---@field wrong integer[] times of wrong attempts, by the sandbox's clock

---@param hash string from crypto.password_hash
---@return sandbox.password
function password.new(hash)
  return setmetatable({ hash = hash, key = crypto.random(KEY_BYTES), wrong = {} }, password)
end

local function given_by(header)
  local encoded = header:match "^%s*[Bb][Aa][Ss][Ii][Cc]%s+(%S+)%s*$"
  local user_and_password = encoded and crypto.unbase64(encoded)
  return user_and_password and user_and_password:match "^[^:]*:(.*)$"
end

local function ask()
  refusal.fail(401, "Unauthenticated", "expected the password of --password-file, by HTTP Basic", {
    ["WWW-Authenticate"] = 'Basic realm="jeton sandbox", charset="UTF-8"',
  })
end

-- Attempts that still count; setting the clock back forgets them.
local function recent(times, now)
  local kept = {}
  for _, at in ipairs(times) do
    if at <= now and at > now - limits.password_window_s then
      kept[#kept + 1] = at
    end
  end
  return kept
end

--- Raises 401 without the password, 429 after too many wrong ones. The last correct header is still
--- accepted then, and without the (deliberately slow) argon2id.
---@param header string|nil Authorization
---@param now integer epoch seconds
function password:check(header, now)
  local mark = header and crypto.hmac_sha256(self.key, header)
  if mark and self.accepted and crypto.equal(self.accepted, mark) then
    return
  end
  local given = header and given_by(header)
  if not given then
    ask()
  end
  self.wrong = recent(self.wrong, now)
  if #self.wrong >= limits.password_tries then
    local wait = self.wrong[1] + limits.password_window_s - now
    refusal.fail(429, "TooManyRequests", ("%d wrong passwords; try again in %d s"):format(#self.wrong, wait),
      { ["Retry-After"] = tostring(wait) })
  end
  if not crypto.password_verify(self.hash, given --[[@as string]]) then
    self.wrong[#self.wrong + 1] = now
    ask()
  end
  self.accepted = mark
end

return password
