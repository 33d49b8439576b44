--- Bodies as HTML forms send them.
local request = require "sandbox.http.request"

local form = {}

local CONTENT_TYPE = "application/x-www-form-urlencoded"
local MULTIPART = "multipart/form-data"

local function decode(text)
  return request.to_utf8((text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)))
end

local function media_type(headers)
  return (headers["content-type"] or ""):lower():match "^%s*([^;%s]*)"
end

---@param headers table<string, string> names in lower case
---@return boolean
function form.is_form(headers)
  return media_type(headers) == CONTENT_TYPE
end

---@param headers table<string, string> names in lower case
---@return boolean
function form.is_multipart(headers)
  return media_type(headers) == MULTIPART
end

--- Decodes a form. Empty fields are left out.
---@param text string
---@return table<string, string>|nil fields nil if this is not a form
function form.decode(text)
  local out = {}
  for pair in text:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]+)=(.*)$"
    if not name then
      return nil
    elseif value ~= "" then
      out[decode(name)] = decode(value)
    end
  end
  return out
end

return form
