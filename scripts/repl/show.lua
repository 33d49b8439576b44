--- A value as a person reads it: tables sorted, cycles named, at most LINES_MAX lines.
local json = require "jeton.json"

local show = {}

local WIDTH = 76 -- what fits stands on one line
local LINES_MAX = 200
local DEPTH_MAX = 8
local TEXT_MAX = 2000 -- bytes of a string

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return
  then true until while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\", ['"'] = '\\"' }

local function quote(text)
  local cut = #text > TEXT_MAX and utf8.offset(text, 0, TEXT_MAX + 1) or nil
  local part = cut and text:sub(1, cut - 1) or text
  part = part:gsub('[%c"\\]', function(c)
    return ESCAPES[c] or ("\\x%02x"):format(c:byte())
  end)
  -- Before "…" the redaction point also finds the beginning of a secret.
  return cut and ('"%s…" (%d bytes)'):format(part, #text) or '"' .. part .. '"'
end

local function number(value)
  if math.type(value) == "integer" or value ~= value or value == math.huge or value == -math.huge then
    return tostring(value)
  end
  for digits = 15, 17 do
    local text = ("%%.%dg"):format(digits):format(value)
    if tonumber(text) == value then return text:find "[.e]" and text or text .. ".0" end
  end
end

local function fn(value)
  local info = debug.getinfo(value, "S")
  if info.what == "C" then return tostring(value) end
  return ("function <%s:%d>"):format(info.short_src, info.linedefined)
end

--- What is no table, or says itself what it is.
local function scalar(value)
  local kind = type(value)
  if kind == "string" then return quote(value) end
  if kind == "number" then return number(value) end
  if kind == "function" then return fn(value) end
  if value == json.null then return "null" end
  local meta = debug.getmetatable(value)
  if kind ~= "table" or meta and rawget(meta, "__tostring") then
    local ok, text = pcall(tostring, value)
    return ok and text or "<" .. kind .. ">"
  end
end

local RANK = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local x, y = type(a), type(b)
  if x ~= y then return (RANK[x] or 4) < (RANK[y] or 4) or (RANK[x] or 4) == (RANK[y] or 4) and x < y end
  if x == "number" or x == "string" then return a < b end
  return tostring(a) < tostring(b)
end

--- The keys beside 1 … n, sorted.
local function other_keys(value, n)
  local keys = {}
  for key in next, value do
    if math.type(key) ~= "integer" or key < 1 or key > n then keys[#keys + 1] = key end
  end
  table.sort(keys, before)
  return keys
end

local function name(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then return key end
  return "[" .. (scalar(key) or tostring(key)) .. "]"
end

local function step(path, key)
  local text = name(key)
  return path .. (text:sub(1, 1) == "[" and text or "." .. text)
end

--- What the SDK keeps of a reply beside the fields that it made of it.
local function is_raw(key, field, value)
  return key == "raw" and type(field) == "table" and next(value, next(value)) ~= nil
end

local function class(value)
  local meta = debug.getmetatable(value)
  local text = meta and rawget(meta, "__name")
  return type(text) == "string" and not text:find "^jeton%.json" and text .. " " or ""
end

--- Appends the parts of a value to `out`, as one line. False when it has over `room` bytes.
local function flat(value, state, path, depth, out)
  local text = scalar(value) or state.open[value] and "<" .. state.open[value] .. ">"
  if text then
    out.len = out.len + #text
    out[#out + 1] = text
    return out.len <= out.room
  end
  if depth >= DEPTH_MAX then
    out[#out + 1] = "{…}"
    return true
  end
  state.open[value] = path
  local n, first, fits = rawlen(value), true, true
  local function put(head, key, field)
    local part = (first and " " or ", ") .. head
    first = false
    out.len = out.len + #part
    out[#out + 1] = part
    if is_raw(key, field, value) then
      out[#out + 1] = "{…}"
    elseif fits then
      fits = flat(field, state, step(path, key), depth + 1, out)
    end
    return fits and out.len <= out.room
  end
  local open = class(value) .. "{"
  out.len = out.len + #open + 2
  out[#out + 1] = open
  for i = 1, n do
    if not put("", i, rawget(value, i)) then fits = false break end
  end
  if fits then
    for _, key in ipairs(other_keys(value, n)) do
      if not put(name(key) .. " = ", key, rawget(value, key)) then fits = false break end
    end
  end
  state.open[value] = nil
  out[#out + 1] = first and "}" or " }"
  return fits
end

local function add_line(state, text)
  if #state.lines >= LINES_MAX then return false end
  state.lines[#state.lines + 1] = text
  return true
end

--- Appends a value's lines; `head` stands before it, `tail` behind. False when there are too many.
local function tall(value, state, path, depth, head, tail)
  local indent = ("  "):rep(depth)
  local out = { len = #indent + #head + #tail, room = WIDTH }
  if flat(value, state, path, depth, out) or scalar(value) then
    return add_line(state, indent .. head .. table.concat(out) .. tail)
  end
  state.open[value] = path
  local more = add_line(state, indent .. head .. class(value) .. "{")
  local n = rawlen(value)
  for i = 1, n do
    if not more then break end
    more = tall(rawget(value, i), state, step(path, i), depth + 1, "", ",")
  end
  for _, key in ipairs(more and other_keys(value, n) or {}) do
    if not more then break end
    local field = rawget(value, key)
    if is_raw(key, field, value) then
      more = add_line(state, indent .. "  raw = {…},")
    else
      more = tall(field, state, step(path, key), depth + 1, name(key) .. " = ", ",")
    end
  end
  state.open[value] = nil
  return more and add_line(state, indent .. "}" .. tail)
end

local function count(value)
  local n = 0
  for _ in next, value do n = n + 1 end
  return n
end

--- Gives the text; cycles are named by the way to them from `_`.
---@param value any no method of it is called but __tostring
---@return string text of at most LINES_MAX lines and one
function show.text(value)
  local state = { lines = {}, open = {} }
  if not tall(value, state, "_", 0, "", "") then
    state.lines[#state.lines + 1] = ("… cut here, after %d lines; it has %d entries"):format(LINES_MAX,
      count(value))
  end
  return table.concat(state.lines, "\n")
end

return show
