--- The text of a page: all of it, without markup, a line for each paragraph, heading, item, cell or picture.
local INLINE = {
  a = true, b = true, code = true, em = true, label = true, span = true, strong = true, time = true,
}
local LEFT_OUT = { button = true, nav = true, script = true, select = true, svg = true }
local PART_BYTES = 1024 * 1024 -- of markup of a list that a page would show in parts

local function add_line(out)
  if out[#out] ~= "\n" then
    out[#out + 1] = "\n"
  end
end

local function write(out, node)
  if type(node) == "string" or type(node) == "number" then
    out[#out + 1] = tostring(node)
  elseif type(node) ~= "table" then
    return
  elseif node.make then
    write(out, node.make(PART_BYTES))
  elseif node.text then -- markup; of html.fit
    write(out, node.of)
  elseif not LEFT_OUT[node.tag] then
    local content = node.content or node
    local last = 0
    for key in pairs(content) do
      last = math.type(key) == "integer" and math.max(last, key) or last
    end
    local is_block = node.tag and not INLINE[node.tag]
    if is_block then add_line(out) end
    if node.tag == "img" then out[#out + 1] = content.alt end
    for i = 1, last do
      write(out, content[i])
    end
    if is_block then add_line(out) end
  end
end

---@param node html.node
---@return string
return function(node)
  local out = {}
  write(out, node)
  return table.concat(out) .. "\n"
end
