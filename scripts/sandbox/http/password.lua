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
---@field accepted table<string, true> keyed hashes of correct headers
---@field accepted_count integer
---@field wrong {name: string, at: integer}[] wrong attempts, by the sandbox's clock

---@param hash string from crypto.password_hash
---@return sandbox.password
function password.new(hash)
  return setmetatable({
    hash = hash, key = crypto.random(KEY_BYTES), accepted = {}, accepted_count = 0, wrong = {},
  }, password)
end

local function given_by(header)
  local encoded = header:match "^%s*[Bb][Aa][Ss][Ii][Cc]%s+(%S+)%s*$"
  local user_and_password = encoded and crypto.unbase64(encoded)
  if user_and_password then
    return user_and_password:match "^([^:]*):(.*)$"
  end
end

local function ask()
  refusal.fail(401, "Unauthenticated", "expected the password of --password-file, by HTTP Basic", {
    ["WWW-Authenticate"] = 'Basic realm="jeton sandbox", charset="UTF-8"',
  })
end

-- Attempts that still count; setting the clock back forgets them.
local function recent(wrong, now)
  local kept = {}
  for _, try in ipairs(wrong) do
    if try.at <= now and try.at > now - limits.password_window_s then
      kept[#kept + 1] = try
    end
  end
  return kept
end

-- Raises 429 if there were too many. name: of whom; nil: of all.
local function check_count(wrong, name, limit, now)
  local first, count = nil, 0
  for _, try in ipairs(wrong) do
    if not name or try.name == name then
      first, count = first or try.at, count + 1
    end
  end
  if count >= limit then
    local wait = first + limits.password_window_s - now
    refusal.fail(429, "TooManyRequests", ("%d wrong passwords; try again in %d s"):format(count, wait),
      { ["Retry-After"] = tostring(wait) })
  end
end

function password:accept(mark)
  if self.accepted_count >= limits.password_headers then
    self.accepted, self.accepted_count = {}, 0
  end
  self.accepted[mark] = true
  self.accepted_count = self.accepted_count + 1
end

--- Raises 401 without the password, 429 after too many wrong ones under this user name, so that nobody shuts
--- out another. Correct headers that were seen before are accepted even then, and without the (deliberately
--- slow) argon2id.
---@param header string|nil Authorization
---@param now integer epoch seconds
function password:check(header, now)
  local mark = header and crypto.hmac_sha256(self.key, header)
  if mark and self.accepted[mark] then
    return
  end
  local name, given
  if header then
    name, given = given_by(header)
  end
  if not given then
    ask()
  end
  name = crypto.hmac_sha256(self.key, name --[[@as string]]) -- it may be long
  self.wrong = recent(self.wrong, now)
  check_count(self.wrong, name, limits.password_tries, now)
  check_count(self.wrong, nil, limits.password_tries_of_all, now)
  if not crypto.password_verify(self.hash, given --[[@as string]]) then
    self.wrong[#self.wrong + 1] = { name = name, at = now }
    ask()
  end
  self:accept(mark)
end

return password
