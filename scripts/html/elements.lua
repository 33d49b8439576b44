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
local Part = { __name = "html.part" }
local Note = { __name = "html.note" }

local TEXT_LEAST = 40 -- bytes of markup that html.page leaves of a text
local CUT = "…"

---@class html.element
---@class html.note
---@class html.part
---@field least integer bytes of markup that are kept for it
---@field most integer|nil more is of no use to it
---@field make fun(bytes: integer): html.node what fits into so many; without parts of its own
---@alias html.node html.element|html.part|html.note|string|number|false|nil|html.node[]

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

-- Names for those who do not see the page: as long as the texts they repeat.
local SPOKEN_ATTRIBUTES = { aria_label = true, alt = true, title = true, placeholder = true }
local COPIED = { pre = true, textarea = true } -- elements whose text is of no use without its end

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

-- A text that html.page may cut.
local function write_text(out, text)
  out[#out + 1] = html.escape(text)
  if out.texts and not out.is_copied then
    out.texts[#out.texts + 1] = { out = out, at = #out, bytes = #out[#out] }
  end
end

local function write_tag(out, element)
  local names = {}
  for name, value in pairs(element.content) do
    if type(name) == "string" and value then
      names[#names + 1] = name
    end
  end
  table.sort(names) -- for a stable output
  out[#out + 1] = "<" .. element.tag
  for _, name in ipairs(names) do
    if SPOKEN_ATTRIBUTES[name] then
      out[#out + 1] = (' %s="'):format(name:gsub("_", "-"))
      write_text(out, element.content[name])
      out[#out + 1] = '"'
    else
      out[#out + 1] = attribute(name, element.content[name])
    end
  end
  out[#out + 1] = ">"
end

local write

local function write_element(out, element)
  write_tag(out, element)
  if VOID[element.tag] then
    return
  end
  local was_copied = out.is_copied
  out.is_copied = was_copied or COPIED[element.tag]
  for i = 1, last_index(element.content) do
    write(out, element.content[i])
  end
  out.is_copied = was_copied
  out[#out + 1] = "</" .. element.tag .. ">"
end

-- A part waits until html.page knows how much room there is; without a page it is as long as it may be.
local function write_part(out, part)
  if not out.parts then
    return write(out, part.make(part.most or math.huge))
  end
  out[#out + 1] = ""
  out.parts[#out.parts + 1] = { part = part, at = #out }
end

function write(out, node)
  local meta = type(node) == "table" and getmetatable(node)
  if node == nil or node == false then
    return
  elseif meta == Raw then
    out[#out + 1] = node.text
  elseif meta == Element then
    write_element(out, node)
  elseif meta == Part then
    write_part(out, node)
  elseif meta == Note then
    out[#out + 1] = out.parts and html.render(node.node) or ""
    out.note = #out
  elseif type(node) == "table" then
    for i = 1, last_index(node) do
      write(out, node[i])
    end
  elseif type(node) == "string" or type(node) == "number" then
    write_text(out, node)
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

--- A part of a page that shows as much as there is room for, such as a list that goes on on a next page.
---@param part html.part
---@return html.part
function html.part(part)
  return setmetatable(part, Part)
end

--- What a page says only if some of its texts are cut.
---@param node html.node
---@return html.node
function html.note(node)
  return setmetatable({ node = node }, Note)
end

local function bytes_of(list)
  local bytes = 0
  for _, text in ipairs(list) do
    bytes = bytes + #text
  end
  return bytes
end

-- Makes the parts, in their order: each gets what is left, but for what is kept for those after it.
local function make_parts(out, left)
  local kept = 0
  for _, one in ipairs(out.parts) do
    kept = kept + one.part.least
  end
  for _, one in ipairs(out.parts) do
    local part = one.part
    kept = kept - part.least
    local inner = { texts = out.texts }
    write(inner, part.make(math.max(part.least, math.min(left - kept, part.most or left))))
    out[one.at], left = inner, left - bytes_of(inner)
  end
  return left
end

-- How many bytes the longest texts keep so that a page gets lighter by `over`; nil: all they have, as nothing
-- is gained if the rest alone is too heavy.
local function level(texts, over)
  table.sort(texts, function(a, b) return a.bytes > b.bytes end)
  local sum = 0
  for i, one in ipairs(over > 0 and texts or {}) do
    sum = sum + one.bytes
    local keep = (sum - over) // i - #CUT
    if keep >= (texts[i + 1] or { bytes = 0 }).bytes then
      return math.max(keep, TEXT_LEAST)
    end
  end
  return over > 0 and sum > over and TEXT_LEAST or nil
end

local function cut(text, most)
  local begin = text:sub(1, utf8.offset(text, 0, most + 1) - 1)
  return begin:gsub("&[#%w]*$", "") .. CUT -- no half of an entity
end

--- Renders a page that weighs at most so much, but for what is never cut: markup, fields, texts to copy.
--- Parts share what the rest leaves; if that is not enough, the longest texts are cut.
---@param node html.node
---@param most integer bytes
---@return string
function html.page(node, most)
  local out = { parts = {}, texts = {} }
  write(out, node)
  local keep = level(out.texts, -make_parts(out, most - bytes_of(out)))
  for _, one in ipairs(keep and out.texts or {}) do
    if one.bytes > keep then
      one.out[one.at] = cut(one.out[one.at], keep)
    end
  end
  if out.note and not keep then
    out[out.note] = ""
  end
  for i, text in ipairs(out) do
    out[i] = type(text) == "table" and table.concat(text) or text
  end
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

--- What of a list fits into a page: from its begin, and the first one always. It stays as it was made if it
--- alone is too long, so that html.page can cut its texts.
---@generic T
---@param list T[]
---@param most integer bytes of markup
---@param make fun(one: T): html.node[] without holes
---@return html.node[][] rows what make gave of each that fits, rendered but for that one
function html.fit(list, most, make)
  local rows, bytes = {}, 0
  for i, one in ipairs(list) do
    local row, rendered = make(one), {}
    for j, node in ipairs(row) do
      local text = html.render(node)
      rendered[j], bytes = setmetatable({ text = text, of = node }, Raw), bytes + #text
    end
    if i > 1 and bytes > most then
      break
    end
    rows[i] = bytes > most and row or rendered
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
