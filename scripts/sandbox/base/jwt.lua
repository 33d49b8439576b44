--- JSON Web Tokens, HS256 only.
local crypto = require "jeton.crypto"
local json = require "jeton.json"

local jwt = {}

local HEADER = crypto.base64url '{"alg":"HS256","typ":"JWT"}'
local TOKEN_BYTES_MAX = 16 * 1024
local LOOKS_SIGNED = HEADER:gsub("%W", "%%%0") .. "%.[%w_-]+%.[%w_-]+"

---@param key string bytes
---@param claims table
---@return string
function jwt.sign(key, claims)
  local signed = HEADER .. "." .. crypto.base64url(assert(json.encode(claims)))
  return signed .. "." .. crypto.base64url(crypto.hmac_sha256(key, signed))
end

--- The claims of a token with a valid signature. The caller must check the lifetime.
---@param key string bytes
---@param token string
---@return table|nil claims nil for anything not signed with this key
function jwt.verify(key, token)
  if #token > TOKEN_BYTES_MAX then
    return nil
  end
  local header, payload, signature = token:match "^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$"
  -- Only this header is accepted, so that a token cannot choose its algorithm.
  if header ~= HEADER then
    return nil
  end
  local given = crypto.unbase64url(signature)
  if not given or not crypto.equal(given, crypto.hmac_sha256(key, header .. "." .. payload)) then
    return nil
  end
  local text = crypto.unbase64url(payload)
  local claims = text and json.decode(text)
  return type(claims) == "table" and claims or nil
end

--- Masks all tokens in a text.
---@param text string
---@param mask string
---@return string
function jwt.hide(text, mask)
  return (text:gsub(LOOKS_SIGNED, mask))
end

return jwt
