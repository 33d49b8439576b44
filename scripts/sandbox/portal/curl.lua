--- A recorded call as a command for curl. Secrets are variables of the shell, which the reader sets.
local http = require "jeton.http"
local json = require "jeton.json"
local recorder = require "sandbox.calls.recorder"

local curl = {}

-- What curl itself says, or what is true of one connection only.
local LEFT_OUT = {
  host = true, ["content-length"] = true, connection = true, ["accept-encoding"] = true, expect = true,
  ["user-agent"] = true, ["accept-language"] = true, ["transfer-encoding"] = true, ["sec-fetch-mode"] = true,
}
-- Names that run together in headers.
local VARIABLES = {
  accesstoken = "ACCESS_TOKEN", applicationsecret = "APPLICATION_SECRET", refreshtoken = "REFRESH_TOKEN",
  clientsecret = "CLIENT_SECRET",
}
-- Around a variable's name in a text that is not quoted yet: two characters for private use.
local OPEN, CLOSE = "\u{f8f0}", "\u{f8f1}"

local function variable(name)
  local plain = name:lower():gsub("[^%w]", "")
  return VARIABLES[plain] or (name:upper():gsub("[^%w]+", "_"):gsub("^(%d)", "_%1"))
end

local function mark(name)
  return OPEN .. variable(name) .. CLOSE
end

local function unmark(text)
  return (text:gsub(OPEN, ""):gsub(CLOSE, ""))
end

-- In single quotes, but for the variables.
local function quote(text)
  local quoted = "'" .. text:gsub("'", "'\\''") .. "'"
  quoted = quoted:gsub(OPEN .. "([%w_]+)" .. CLOSE, function(name)
    return "'\"$" .. name .. "\"'"
  end)
  return (quoted:gsub("^''\"", '"'):gsub("\"''$", '"'))
end

-- Marks the secrets of a masked value; a copy.
local function marked(value, name)
  if type(value) == "string" then
    return name and recorder.is_secret(name) and mark(name) or unmark(value)
  elseif type(value) ~= "table" or value == json.null then
    return value
  end
  local out = json.is_array(value) and json.array() or {}
  for key, inner in pairs(value) do
    local text = type(key) == "string" and key or nil
    out[text and unmark(text) or key] = marked(inner, text)
  end
  return out
end

local function sorted(values)
  local names = {}
  for name in pairs(values) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function header_options(record, out)
  for _, name in ipairs(sorted(record.headers)) do
    local value = record.headers[name]
    if not LEFT_OUT[name] then
      value = recorder.is_secret(name) and mark(name) or unmark(value)
      out[#out + 1] = "-H " .. quote(unmark(name) .. ": " .. value)
    end
  end
end

local function is_form(record)
  return (record.headers["content-type"] or ""):find("form-urlencoded", 1, true) ~= nil
end

-- A terminal that gets this pasted could take a part of it for commands.
local function steers(text)
  return text:find "[\0-\8\11-\31\127]" or text:find "\xc2[\x80-\x9f]"
end

-- JSON has escapes for what steers.
local function body_steers(record)
  local body = record.body
  if type(body) == "string" then return steers(body) end
  for name, value in pairs(type(body) == "table" and is_form(record) and body or {}) do
    if steers(name) or steers(value) then return true end
  end
  return false
end

local function body_options(record, is_whole, out)
  local body = record.body
  if not is_whole or body_steers(record) then
    out[#out + 1] = "--data-binary @body" -- it was not kept, or cannot be pasted
  elseif type(body) ~= "table" then
    out[#out + 1] = body and body ~= "" and "--data-raw " .. quote(unmark(body)) or nil
  elseif is_form(record) then
    for _, name in ipairs(sorted(body)) do
      out[#out + 1] = "--data-urlencode " .. quote(unmark(name) .. "=" .. marked(body[name], name))
    end
  else
    out[#out + 1] = "--data-raw " .. quote(json.encode(marked(body)))
  end
end

local function query_of(record)
  local parts = {}
  for _, name in ipairs(sorted(record.query)) do
    parts[#parts + 1] = http.encode(name) .. "="
      .. (recorder.is_secret(name) and mark(name) or http.encode(record.query[name]))
  end
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

--- The command.
---@param record sandbox.record
---@param root string URL of the sandbox
---@param is_whole boolean the body was kept
---@return string lines
function curl.command(record, root, is_whole)
  local out = { "curl " .. quote(root .. unmark(record.path) .. query_of(record)) }
  if record.method ~= "GET" then
    out[#out + 1] = "-X " .. quote(record.method)
  end
  header_options(record, out)
  body_options(record, is_whole, out)
  return table.concat(out, " \\\n  ")
end

return curl
