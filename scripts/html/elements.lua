--- HTML, escaped by default. `h.p{ class = "note", "text", h.b{ name } }` is an element: string keys
--- are attributes, the list part has the children: text and numbers (escaped), elements, lists of these;
--- nil and false are left out. In attribute names `_` becomes `-`, and one at the end is dropped
--- (`data_copy`, `for_`). An attribute that is true has no value; nil and false leave it out.
--- Only elements and `html.raw` become markup; `html.raw` is for text that this program wrote.
local html = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local VOID = {
  br = true, hr = true, img = true, input = true, link = true, meta = true, source = true, wbr = true,
}
local URL_ATTRIBUTES = { href = true, src = true, action = true, formaction = true, poster = true }
-- Forbidden in pages; the policy of the portal (sandbox.portal.respond) would block it, too.
local FORBIDDEN = { style = true, srcdoc = true }

local Element = { __name = "html.element" }
local Raw = { __name = "html.raw" }

---@class html.element
---@alias html.node html.element|string|number|false|nil|html.node[]

---@param text any
---@return string
function html.escape(text)
  return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

--- Marks text as markup. Never use it for input or data.
---@param text string
function html.raw(text)
  return setmetatable({ text = text }, Raw)
end

--- Checks a link target: a path of this server, a fragment, or http(s).
---@param text string
---@return string|nil url nil for anything else, such as javascript:
function html.safe_url(text)
  if text:find "[%c%s\\]" then
    return nil
  elseif text:find "^[#?]" or text == "/" or text:find "^/[^/]" or text:find "^https?://[^/]" then
    return text
  end
  return nil
end

-- Lists may have holes: nil for absent children.
local function last_index(list)
  local last = 0
  for key in pairs(list) do
    if math.type(key) == "integer" and key > last then
      last = key
    end
  end
  return last
end

local function attribute(name, value)
  name = name:gsub("_$", ""):gsub("_", "-")
  if not name:find "^[%a][%a%d-]*$" or FORBIDDEN[name] or name:find "^on" then
    error("not an attribute of a page: " .. name)
  elseif value == true then
    return " " .. name
  elseif URL_ATTRIBUTES[name] and not html.safe_url(value) then
    error("not an address that a page may lead to, in " .. name)
  end
  return (' %s="%s"'):format(name, html.escape(value))
end

local function open_tag(element)
  local names = {}
  for name, value in pairs(element.content) do
    if type(name) == "string" and value then
      names[#names + 1] = name
    end
  end
  table.sort(names) -- for a stable output
  local parts = { "<", element.tag }
  for _, name in ipairs(names) do
    parts[#parts + 1] = attribute(name, element.content[name])
  end
  parts[#parts + 1] = ">"
  return table.concat(parts)
end

local function write(out, node)
  local meta = type(node) == "table" and getmetatable(node)
  if node == nil or node == false then
    return
  elseif meta == Raw then
    out[#out + 1] = node.text
  elseif meta == Element then
    out[#out + 1] = open_tag(node)
    if not VOID[node.tag] then
      for i = 1, last_index(node.content) do
        write(out, node.content[i])
      end
      out[#out + 1] = "</" .. node.tag .. ">"
    end
  elseif type(node) == "table" then
    for i = 1, last_index(node) do
      write(out, node[i])
    end
  elseif type(node) == "string" or type(node) == "number" then
    out[#out + 1] = html.escape(node)
  else
    error("a page cannot show a " .. type(node))
  end
end

--- Makes an element.
---@param tag string
---@param content table
---@return html.element
function html.element(tag, content)
  assert(tag:find "^%a[%a%d-]*$" and (tag ~= "script" or content.src), "not an element of a page")
  return setmetatable({ tag = tag, content = content }, Element)
end

---@param node html.node
---@return string
function html.render(node)
  local out = {}
  write(out, node)
  return table.concat(out)
end

--- At most so many bytes of a text, whole characters, and then "…".
---@param text string UTF-8
---@param most integer bytes
---@return string
function html.shorten(text, most)
  return #text <= most and text or text:sub(1, utf8.offset(text, 0, most + 1) - 1) .. "…"
end

--- So many bytes of a text, or a third of them, that it does not more than double as it is escaped.
---@param text string
---@param most integer
---@return integer bytes
function html.fitting(text, most)
  return #html.escape(text) > 2 * most and most // 3 or most
end

--- What of a list fits into a page: from its begin, and the first one always.
---@generic T
---@param list T[]
---@param most integer bytes of markup
---@param around integer bytes of markup around each
---@param make fun(one: T): html.node[] without holes
---@return html.node[][] rows what make gave of each that fits, rendered
function html.fit(list, most, around, make)
  local rows, bytes = {}, 0
  for i, one in ipairs(list) do
    local row = make(one)
    bytes = bytes + around
    for j, node in ipairs(row) do
      local text = html.render(node)
      row[j], bytes = html.raw(text), bytes + #text
    end
    if i > 1 and bytes > most then
      break
    end
    rows[i] = row
  end
  return rows
end

--- `h.section{ … }`.
---@type table<string, fun(content: table): html.element>
html.h = setmetatable({}, {
  __index = function(makers, tag)
    local function make(content)
      return html.element(tag, content)
    end
    rawset(makers, tag, make)
    return make
  end,
})

return html
