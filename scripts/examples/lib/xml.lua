--- Reads XML into tables, as far as needed for feeds: elements, attributes, text, CDATA, comments, the five
--- predefined entities and numeric ones. Only UTF-8. No DTD entities; prefixes of names are kept as written.
local xml = {}

---@class xml.Element its list part has the children: texts (strings) and elements
---@field name string with its prefix: "media:content"
---@field attributes table<string, string>
---@field line integer

local NAME = "[%a_\x80-\xff][%w_:.\x80-\xff-]*"
local DEPTH_MAX = 100
local ENTITIES = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }

--- Gives the character of an entity: "lt", "#233", "#xE9".
---@param name string without & and ;
---@return string? character nil if XML has no such entity
function xml.entity(name)
  local hex, digits = name:match "^#(x?)(%x+)$"
  if not hex then return ENTITIES[name] end
  local code = tonumber(digits, hex == "x" and 16 or 10)
  local good = code and code > 0 and code <= 0x10FFFF and (code < 0xD800 or code > 0xDFFF)
  return good and utf8.char(code) or nil
end

--- Reads a document.
---@param text string
---@param source string file or URL, for messages
---@return xml.Element root raises a message with source and line if it is not valid
function xml.parse(text, source)
  local pos, open, root = 1, {}, nil
  local line, counted = 1, 1 -- line number at position `counted`

  local function fail(at, format, ...)
    local _, above = text:sub(1, at - 1):gsub("\n", "")
    error(("%s:%d: " .. format):format(source, above + 1, ...), 0)
  end

  local function decode(from, to)
    return (text:sub(from, to):gsub("()&([^;%s<&]*;?)", function(at, name)
      return xml.entity(name:match "^(.*);$" or "")
        or fail(from + at - 1, "'&%s' is not an XML entity; write a plain & as &amp;", name)
    end))
  end

  local function add(node, at)
    local parent = open[#open]
    if type(node) == "string" and not parent then at = at + (node:find "%S" or 1) - 1 end
    if parent then
      parent[#parent + 1] = node
    elseif type(node) == "table" and not root then
      root = node
    elseif type(node) == "table" or node:find "%S" then
      fail(at, "this is outside of the root element; is it XML at all?")
    end
  end

  -- Skips to the end of something with this ending, and gives the position before the ending.
  local function skip(from, ending, what)
    local first, last = text:find(ending, from, true)
    if not first then fail(pos, "this %s is never closed", what) end
    pos = last + 1
    return first - 1
  end

  local function read_attributes(name, from)
    local attributes, at = {}, from
    while true do
      local _, stop, key, quote = text:find("^%s+(" .. NAME .. ")%s*=%s*([\"'])", at)
      if not stop then return attributes, at end
      local close = text:find(quote, stop + 1, true) or fail(at, "the attribute '%s' is never closed", key)
      if attributes[key] or text:sub(stop + 1, close):find("<", 1, true) then
        fail(at, "the attribute '%s' of <%s> is duplicate, or has no closing quote", key, name)
      end
      attributes[key], at = decode(stop + 1, close - 1), close + 1
    end
  end

  local function read_start(name, from)
    local _, above = text:sub(counted, pos):gsub("\n", "")
    line, counted = line + above, pos + 1
    local attributes, at = read_attributes(name, from)
    local element = { name = name, attributes = attributes, line = line }
    local _, stop, slash = text:find("^%s*(/?)>", at)
    if not stop then fail(at, "the tag <%s> is malformed", name) end
    add(element, pos)
    pos = stop + 1
    if slash == "" then open[#open + 1] = element end
    if #open > DEPTH_MAX then fail(pos, "over %d nested elements", DEPTH_MAX) end
  end

  local function read_end()
    local _, stop, name = text:find("^</(" .. NAME .. ")%s*>", pos)
    local top = open[#open]
    if not stop then fail(pos, "this tag is malformed") end
    if not top or top.name ~= name then
      fail(pos, "</%s> closes nothing%s", name,
        top and (": <%s> of line %d is open"):format(top.name, top.line) or "")
    end
    open[#open], pos = nil, stop + 1
  end

  local valid, bad = utf8.len(text)
  if not valid then fail(bad, "this is not UTF-8") end
  if text:find("^\u{FEFF}") then pos = 4 end
  while pos <= #text do
    local start = text:find("<", pos, true) or #text + 1
    if start > pos then add(decode(pos, start - 1), pos) end
    pos = start
    local _, named, name = text:find("^<(" .. NAME .. ")", pos)
    if named then read_start(name, named + 1)
    elseif text:find("^</", pos) then read_end()
    elseif text:find("^<!%-%-", pos) then skip(pos + 4, "-->", "comment")
    elseif text:find("^<!%[CDATA%[", pos) then add(text:sub(start + 9, skip(pos + 9, "]]>", "CDATA")), start)
    elseif text:find("^<%?", pos) then skip(pos + 2, "?>", "instruction")
    elseif text:find("^<!DOCTYPE[^%[>]*>", pos) then skip(pos, ">", "DOCTYPE")
    elseif pos <= #text then fail(pos, "this is not a tag; write a plain < as &lt;")
    end
  end
  local top = open[#open]
  if top then fail(#text, "the text ends while <%s> of line %d is open", top.name, top.line) end
  return root or fail(1, "there is no element")
end

--- Without white space around it. (With `(.-)%s*$` a run of blanks within would take quadratic time.)
---@param text string
---@return string
function xml.trim(text)
  return text:find "%S" and text:match "^%s*(.*%S)" or ""
end

--- Gives the text in an element and its descendants, without surrounding white space.
---@param element xml.Element
---@return string
function xml.text(element)
  local parts = {}
  for i, child in ipairs(element) do
    parts[i] = type(child) == "string" and child or xml.text(child)
  end
  return xml.trim(table.concat(parts))
end

return xml
