--- Values as text: as Lua would write them, with sorted keys, on one line or on many.
local json = require "jeton.json"

local show = { DEPTH_MAX = 20 } -- levels of tables that are shown

local LINE_MAX <const> = 160  -- bytes of a value on one line; longer strings are cut
local WIDE_MAX <const> = 80   -- a table that fits stands on one line

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

--- Escapes U+0080 to U+009F, by which some terminals are controlled as by ESC.
function show.c1(text)
  return (text:gsub("\xC2([\x80-\x9F])", function(byte) return ("\\u{%02X}"):format(byte:byte()) end))
end

--- Escapes control characters, and bytes that are not UTF-8.
local function quoted(text)
  local escaped = text:gsub('[%c"\\\127]', function(byte)
    return ESCAPES[byte] or ("\\x%02X"):format(byte:byte())
  end)
  if not utf8.len(escaped) then
    escaped = escaped:gsub("[\128-\255]", function(byte) return ("\\x%02X"):format(byte:byte()) end)
  end
  escaped = show.c1(escaped)
  return '"' .. escaped .. '"'
end

--- The text, or its beginning up to a whole character.
function show.cut(text, most)
  if #text <= most then return text end
  local at = most
  while at > 1 and text:byte(at + 1) & 0xC0 == 0x80 do at = at - 1 end
  return text:sub(1, at) .. "…"
end

local function scalar(value)
  if value == json.null then return "json.null" end
  if math.type(value) == "float" then
    if value ~= value then return "NaN" end
    if value == math.huge or value == -math.huge then return value > 0 and "inf" or "-inf" end
    local short = ("%.14g"):format(value)
    if tonumber(short) ~= value then short = ("%.17g"):format(value) end
    return short:find "[.e]" and short or short .. ".0"
  end
  if type(value) == "string" then return quoted(value) end
  return tostring(value)
end
show.scalar = scalar

local RANK = { number = 1, string = 2, boolean = 3 }

--- The keys in an order that is always the same: numbers, then texts, then the others.
function show.keys(value)
  local keys = {}
  for key in next, value do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local ranks = { RANK[type(a)] or 4, RANK[type(b)] or 4 }
    if ranks[1] ~= ranks[2] then return ranks[1] < ranks[2] end
    if ranks[1] <= 2 then return a < b end
    return tostring(a) < tostring(b)
  end)
  return keys
end

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key .. " = " end
  return "[" .. scalar(key) .. "] = "
end

--- indent nil: on one line.
local function put(value, indent, above)
  if type(value) ~= "table" then return scalar(value) end
  if above[value] then return "{…}" end
  if above.depth == show.DEPTH_MAX then return "{…}" end
  above[value], above.depth = true, above.depth + 1
  local parts, count = {}, rawlen(value)
  for index = 1, count do parts[index] = put(rawget(value, index), indent and indent .. "  ", above) end
  for _, key in ipairs(show.keys(value)) do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then
      parts[#parts + 1] = key_text(key) .. put(rawget(value, key), indent and indent .. "  ", above)
    end
  end
  above[value], above.depth = nil, above.depth - 1
  if #parts == 0 then return "{}" end
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if not indent or (#indent + #line <= WIDE_MAX and not line:find("\n", 1, true)) then return line end
  return "{\n" .. indent .. "  " .. table.concat(parts, ",\n" .. indent .. "  ") .. ",\n" .. indent .. "}"
end

--- On one line, cut if it is long.
function show.line(value)
  return show.cut(put(value, nil, { depth = 0 }), LINE_MAX)
end

--- All of it.
function show.lines(value)
  return put(value, "", { depth = 0 })
end

return show
