-- Writes the fields that annotations give the SDK's objects, for completion at the prompt of `jeton repl`: an
-- object may not have them yet.
--
--     jeton run scripts/tools/repl-names.lua scripts/repl/names.lua
--
-- Run in the source tree; without a name of a file it prints them.
local classes, objects = {}, {}

local list <close> = assert(io.popen "LC_ALL=C ls scripts/kaizala/*.lua")
for path in list:lines() do
  local last
  for text in io.lines(path) do
    local class = text:match "^%-%-%-@class ([%w.]+)"
    local field = text:match "^%-%-%-@field ([%w_]+)"
    local object = text:match '__name = "([%w.]+)"'
    last = class or text:find "^%-%-%-" and last or nil
    if last then classes[last] = classes[last] or {} end
    if field and last then classes[last][field] = true end
    if object then objects[#objects + 1] = object end
  end
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

table.sort(objects)
local out = {
  "--- The fields of the SDK's objects, for completion. Made by scripts/tools/repl-names.lua.",
  "return {",
}
for _, class in ipairs(objects) do
  out[#out + 1] = ('  ["%s"] = {'):format(class)
  for _, field in ipairs(sorted(classes[class] or {})) do out[#out + 1] = ('    "%s",'):format(field) end
  out[#out + 1] = "  },"
end
out[#out + 1] = "}\n"

local text = table.concat(out, "\n")
local path = ...
if not path then
  io.write(text)
  return
end
local file <close> = assert(io.open(path, "w"))
assert(file:write(text))
