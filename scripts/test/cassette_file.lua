--- The file of a cassette: YAML, to be read by people and in diffs.
local crypto = require "jeton.crypto"
local json = require "jeton.json"
local yaml = require "jeton.yaml"

local cassette_file = { SUFFIX = ".cassette.yaml" }

local HEAD <const> = "# Recorded by: jeton test --record. {{…}} stands for a secret; replays have fakes.\n"

-- Of one message only, or of the connection.
local LEFT_OUT = {
  host = true, ["user-agent"] = true, ["accept-encoding"] = true, ["content-length"] = true,
  connection = true, date = true, ["transfer-encoding"] = true, ["content-encoding"] = true, server = true,
  via = true, age = true, ["keep-alive"] = true, ["alt-svc"] = true, expect = true,
}

--- Beside the file of tests: NAME_test.CASSETTE.cassette.yaml.
function cassette_file.path(test, name)
  return (test:gsub("%.lua$", "")) .. "." .. name .. cassette_file.SUFFIX
end

-- Line breaks in YAML, at which it drops the blanks beside them.
local BREAKS = { ["\u{2028}"] = "\\u2028", ["\u{2029}"] = "\\u2029" }

local function quoted(text)
  return (assert(json.encode(text)):gsub("\xE2\x80[\xA8\xA9]", BREAKS))
end

--- A header's value is bytes, which need not be text.
local function put_value(value)
  if utf8.len(value) then return quoted(value) end
  return ("{ base64: %s }"):format(crypto.base64(value))
end

local function read_value(value)
  return type(value) == "table" and value.base64 and assert(crypto.unbase64(value.base64)) or value
end

local function read_headers(headers)
  for name, value in pairs(headers or {}) do
    value = read_value(value)
    for index, each in ipairs(type(value) == "table" and value or {}) do value[index] = read_value(each) end
    headers[name] = value
  end
  return headers or {}
end

local function put_body(lines, indent, body)
  if body == "" then return end
  if utf8.len(body) then
    lines[#lines + 1] = ("%sbody: %s"):format(indent, quoted(body))
  else
    lines[#lines + 1] = ("%sbase64: %s"):format(indent, crypto.base64(body))
  end
end

-- kept: one of those that are left out elsewhere.
local function put_headers(lines, indent, headers, kept)
  local names = {}
  for name in pairs(headers) do
    if not LEFT_OUT[name] or name == kept then names[#names + 1] = name end
  end
  table.sort(names)
  if #names == 0 then return end
  lines[#lines + 1] = indent .. "headers:"
  for _, name in ipairs(names) do
    local value, several = headers[name], {}
    for index, each in ipairs(type(value) == "table" and value or {}) do several[index] = put_value(each) end
    lines[#lines + 1] = ("%s  %s: %s"):format(indent, quoted(name),
      type(value) == "table" and "[" .. table.concat(several, ", ") .. "]" or put_value(value))
  end
end

--- renewed: names of connectors that were exchanged as they were defined; calls: { request = {method, url,
--- headers, body}, reply = {status, headers, body} | {broken = text} }
---@return string
function cassette_file.text(recorded_at, renewed, calls)
  local lines = { HEAD .. "recorded: " .. os.date("!%Y-%m-%dT%H:%M:%SZ", recorded_at) }
  local names = {}
  for index, name in ipairs(renewed) do names[index] = quoted(name) end
  if #names > 0 then lines[2] = ("exchanged: [%s]"):format(table.concat(names, ", ")) end
  lines[#lines + 1] = #calls > 0 and "calls:" or "calls: []"
  for _, call in ipairs(calls) do
    lines[#lines + 1] = ("  - request: %s"):format(quoted(call.request.method .. " " .. call.request.url))
    put_headers(lines, "    ", call.request.headers)
    put_body(lines, "    ", call.request.body)
    lines[#lines + 1] = "    reply:"
    if call.reply.broken then
      lines[#lines + 1] = "      broken: " .. quoted(call.reply.broken)
    else
      lines[#lines + 1] = "      status: " .. call.reply.status
      put_headers(lines, "      ", call.reply.headers, call.request.method == "HEAD" and "content-length")
      put_body(lines, "      ", call.reply.body)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

--- The text with the bytes that bodies are in place of their base64, which looks drawn by chance, as secrets
--- do.
function cassette_file.without_bytes(text)
  return (text:gsub("(\n *base64: )([%w+/=]+)", function(head, encoded)
    return head .. crypto.unbase64(encoded):gsub("\n", " ")
  end))
end

local function body_of(entry)
  if entry.base64 then return assert(crypto.unbase64(entry.base64)) end
  return entry.body or ""
end

--- "2026-11-27T14:00:00Z" as epoch seconds.
local function read_time(text)
  local year, month, day, hour, minute, second = tostring(text):match
    "^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)Z$"
  if not year then return nil end
  local noon = { year = year, month = month, day = day, hour = 12, isdst = false }
  local local_noon = os.time(noon)
  local offset = os.difftime(local_noon, os.time(os.date("!*t", local_noon)))
  local utc_noon = local_noon + math.tointeger(offset)
  return utc_noon + (hour - 12) * 3600 + minute * 60 + second
end

--- Raises what is wrong with the file.
---@return integer recorded_at, table[] calls as they were written, string[] renewed
function cassette_file.read(path)
  local document, err = yaml.load(path)
  if not document then error(("%s: %s"):format(path, err.message), 0) end
  local at = type(document) == "table" and read_time(document.recorded)
  if not at or type(document.calls) ~= "table" then
    error(("%s: no cassette: 'recorded' and 'calls' expected"):format(path), 0)
  end
  local calls = {}
  for index, entry in ipairs(document.calls) do
    local method, url = tostring(entry.request):match "^(%u+) (%S+)$"
    if not method or type(entry.reply) ~= "table" then
      error(("%s: call %d: 'request: METHOD URL' and 'reply' expected"):format(path, index), 0)
    end
    calls[index] = {
      request = { method = method, url = url, headers = read_headers(entry.headers), body = body_of(entry) },
      reply = {
        status = entry.reply.status, headers = read_headers(entry.reply.headers), body = body_of(entry.reply),
        broken = entry.reply.broken,
      },
    }
  end
  return at, calls, type(document.exchanged) == "table" and document.exchanged or {}
end

--- When it was recorded, epoch seconds; nil: it does not say.
---@return integer|nil
function cassette_file.recorded(path)
  local document = yaml.load(path)
  return type(document) == "table" and read_time(document.recorded) or nil
end

return cassette_file
