--- Secrets in what would be written to a file that is kept.
local native = require "jeton.test_native"

local secrets = {}

local JWT <const> = "eyJ[%w_-]+%.eyJ[%w_-]+%.[%w_-]*"
local KEY <const> = "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-"

local function line_at(text, position)
  local _, breaks = text:sub(1, position - 1):gsub("\n", "")
  return breaks + 1
end

--- The first line that has one, and what it is; nil: none has.
---@param text string
---@return integer|nil line, string|nil what
function secrets.find(text)
  local masked = native.mask(text)
  if masked ~= text then
    local at = 1
    while masked:byte(at) == text:byte(at) do at = at + 1 end
    return line_at(text, at), "a secret of this run"
  end
  local jwt, key = text:find(JWT), text:find(KEY)
  if jwt then return line_at(text, jwt), "a signed token (JWT)" end
  if key then return line_at(text, key), "a private key" end
end

return secrets
