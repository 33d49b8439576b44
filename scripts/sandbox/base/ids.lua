--- Identifiers, secrets and refresh tokens.
local crypto = require "jeton.crypto"
local assumptions = require "sandbox.base.assumptions"
local limits = require "sandbox.base.limits"

local ids = {}

local SECRET_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
local SECRET_LENGTH = 10
local REFRESH_TOKEN_BYTES = 48
local REFRESH_TOKEN_LENGTH = REFRESH_TOKEN_BYTES // 3 * 4

---@return string guid
function ids.new()
  return crypto.uuid()
end

---@return string guid with the shard suffix of new groups
function ids.new_group()
  return crypto.uuid() .. assumptions.new_group_shard
end

--- A connector's secret: 10 characters A–Z0–9, without bias.
---@return string
function ids.new_secret()
  local out = {}
  local fair = 256 - 256 % #SECRET_ALPHABET
  while #out < SECRET_LENGTH do
    for byte in crypto.random(SECRET_LENGTH):gmatch "." do
      local value = byte:byte()
      if value < fair and #out < SECRET_LENGTH then
        local at = value % #SECRET_ALPHABET + 1
        out[#out + 1] = SECRET_ALPHABET:sub(at, at)
      end
    end
  end
  return table.concat(out)
end

---@return string
function ids.new_refresh_token()
  return crypto.base64url(crypto.random(REFRESH_TOKEN_BYTES))
end

--- Masks what looks like a refresh token in a text: one that a seed gave may look like anything.
---@param text string
---@param mask string
---@return string
function ids.hide_refresh_tokens(text, mask)
  return (text:gsub("[%w_-]+", function(word)
    return #word == REFRESH_TOKEN_LENGTH and word:find "%X" and mask or nil -- else a hash in hex, maybe
  end))
end

--- How a refresh token is stored. It is random, so a plain hash is enough.
---@param token string
---@return string hex
function ids.hash_token(token)
  return crypto.hex(crypto.sha256(token))
end

--- How a connector's secret is stored: "salt:hash".
---@param secret string
---@return string
function ids.hash_secret(secret)
  local salt = crypto.random(16)
  return crypto.hex(salt) .. ":" .. crypto.hex(crypto.hmac_sha256(salt, secret))
end

---@param secret string
---@param stored string from hash_secret
---@return boolean
function ids.check_secret(secret, stored)
  local salt, hash = stored:match "^(%x+):(%x+)$"
  if not salt then
    return false
  end
  return crypto.equal(crypto.hex(crypto.hmac_sha256(crypto.unhex(salt), secret)), hash)
end

--- A phone number with + and country code.
---@param text any
---@return boolean
function ids.is_phone(text)
  if type(text) ~= "string" then
    return false
  end
  local digits = text:match "^%+([1-9]%d*)$"
  return digits ~= nil and #digits >= limits.phone_digits_min and #digits <= limits.phone_digits_max
end

--- A GUID, with a shard suffix ("@1") or not; or the older form of 64 hexadecimal digits.
---@param text any
---@return boolean
function ids.is_id(text)
  if type(text) ~= "string" then
    return false
  end
  local plain = text:match "^(.-)@%d+$" or text
  return plain:match "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$" ~= nil
    or (#plain == 64 and plain:match "^%x+$" ~= nil)
end

--- The id of a connector. Most are GUIDs; others were 64 or 25 hexadecimal digits.
---@param text any
---@return boolean
function ids.is_connector_id(text)
  return type(text) == "string" and #text <= limits.identifier_characters
    and text:find "^%w[%w@._-]*$" ~= nil
end

return ids
