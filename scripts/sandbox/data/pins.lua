--- PINs sent by SMS, and the OAuth codes issued for them. Only hashes are stored.
local assumptions = require "sandbox.base.assumptions"
local crypto = require "jeton.crypto"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local sms = require "sandbox.data.sms"
local users = require "sandbox.data.users"

local pins = {}

-- The first digit is not 0, so that a PIN sent as a number is the same.
local LOWEST, COUNT = 100000, 900000
local RANDOM_BYTES, RANDOM_RANGE = 4, 1 << 32

local function new_pin()
  local fair = RANDOM_RANGE - RANDOM_RANGE % COUNT
  local value
  repeat
    value = ("I4"):unpack(crypto.random(RANDOM_BYTES))
  until value < fair
  return tostring(LOWEST + value % COUNT)
end

---@class sandbox.pin_purpose what a PIN is good for: one of the two
---@field connector_id string|nil to sign in for this connector
---@field user_id string|nil to add the number to this account, in the portal

---@param connector sandbox.connector
---@return sandbox.pin_purpose
function pins.for_connector(connector)
  return { connector_id = connector.id }
end

---@param user sandbox.user
---@return sandbox.pin_purpose
function pins.for_account(user)
  return { user_id = user.id }
end

--- Sends a new PIN by SMS and invalidates earlier ones. Raises 429 if too many were sent to this number.
---@param purpose sandbox.pin_purpose
---@param phone string
---@param now integer epoch seconds
function pins.send(db, purpose, phone, now)
  db:exec("DELETE FROM pins WHERE sent_at <= ?", now - limits.pin_life_s)
  -- First for this purpose: who asks for PINs for another connector must not shut out this one.
  local own = db:row([[SELECT count(*) AS n, min(sent_at) AS first FROM pins
    WHERE phone = ? AND connector_id IS ? AND user_id IS ?]], phone, purpose.connector_id, purpose.user_id)
  local all = db:row("SELECT count(*) AS n, min(sent_at) AS first FROM pins WHERE phone = ?", phone)
  local sent = own.n >= limits.pins_per_purpose and own or all.n >= limits.pins_per_phone and all
  if sent then
    refusal.fail(429, assumptions.throttled_code, "Too many PINs for this number; try again later",
      { ["Retry-After"] = tostring(math.max(1, sent.first + limits.pin_life_s - now)) })
  end
  local pin = new_pin()
  db:exec("UPDATE pins SET ended = 1 WHERE phone = ? AND connector_id IS ? AND user_id IS ?",
    phone, purpose.connector_id, purpose.user_id)
  db:exec("INSERT INTO pins (phone, connector_id, user_id, hash, sent_at) VALUES (?, ?, ?, ?, ?)",
    phone, purpose.connector_id, purpose.user_id, ids.hash_secret(pin), now)
  sms.send_pin(db, phone, pin, purpose.user_id and users.by_id(db, purpose.user_id), now)
end

--- The PIN that is still valid.
---@param purpose sandbox.pin_purpose
---@return table|nil row
function pins.live(db, purpose, phone, now)
  return db:row([[SELECT * FROM pins WHERE phone = ? AND connector_id IS ? AND user_id IS ? AND ended = 0
                  AND sent_at <= ? AND sent_at > ?]],
    phone, purpose.connector_id, purpose.user_id, now, now - limits.pin_life_s)
end

--- Whether a text can be a PIN at all.
---@param text string
---@return boolean
function pins.is_pin(text)
  return text:find "^%d%d%d%d%d%d$" ~= nil
end

--- Checks a PIN. A correct one works once; after too many wrong attempts a new PIN is needed. What cannot be
--- one, for example with a digit missing, costs no attempt. The count of attempts must survive the refusal:
--- the caller must return the failure, not raise it.
---@param purpose sandbox.pin_purpose
---@param phone string
---@param pin string
---@param now integer epoch seconds
---@return boolean right
function pins.take(db, purpose, phone, pin, now)
  local row = pins.live(db, purpose, phone, now)
  if not row or not pins.is_pin(pin) then
    return false
  elseif ids.check_secret(pin, row.hash) then
    db:exec("UPDATE pins SET ended = 1 WHERE number = ?", row.number)
    return true
  end
  db:exec("UPDATE pins SET wrong = wrong + 1, ended = wrong + 1 >= ? WHERE number = ?",
    limits.pin_tries, row.number)
  return false
end

--- The user who verified this number. An unknown number gets an account.
---@param tenant_id string
---@return sandbox.user
function pins.user(db, phone, tenant_id, now)
  local user = users.find_or_invite(db, phone, tenant_id, now)
  users.update(db, user.id, { provisioned = true })
  return users.by_id(db, user.id) --[[@as sandbox.user]]
end

--- Creates an OAuth code. It works once, for as long as a PIN.
---@return string code
function pins.new_code(db, connector, user, redirect_uri, now)
  db:exec("DELETE FROM oauth_codes WHERE made_at <= ?", now - limits.code_life_s)
  local code = ids.new_refresh_token()
  db:exec([[INSERT INTO oauth_codes (hash, connector_id, user_id, redirect_uri, made_at)
            VALUES (?, ?, ?, ?, ?)]], ids.hash_token(code), connector.id, user.id, redirect_uri, now)
  return code
end

---@param connector sandbox.connector that exchanges it: a code is valid for one connector only
---@param code string
---@param now integer
---@return {user_id: string, redirect_uri: string}|nil
function pins.take_code(db, connector, code, now)
  local row = db:row([[SELECT * FROM oauth_codes WHERE hash = ? AND connector_id = ?
                       AND made_at <= ? AND made_at > ?]],
    ids.hash_token(code), connector.id, now, now - limits.code_life_s)
  if row then
    db:exec("DELETE FROM oauth_codes WHERE hash = ?", row.hash)
  end
  return row
end

return pins
