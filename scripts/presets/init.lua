--- `jeton presets`: the services that are known by name.
local json = require "jeton.json"
local yaml = require "jeton.yaml"

local presets = {}

local function read(name)
  local text = require("presets.services." .. name)
  local preset = assert(yaml.decode(text))
  preset.name, preset.kind, preset.title = name, "service", preset.about.title
  return preset, text
end

--- What the verb prints, for `{names, name, json}`: a table of all, or one preset as YAML.
---@param order string JSON
---@return string
function presets.show(order)
  order = assert(json.decode(order))
  if order.name ~= json.null then
    local preset, text = read(order.name)
    return order.json and json.encode(preset) .. "\n" or text
  end
  local list, lines, width = json.array {}, {}, 0
  for i, name in ipairs(order.names) do
    list[i] = read(name)
    width = math.max(width, #name)
  end
  if order.json then return json.encode(list) .. "\n" end
  for i, preset in ipairs(list) do
    lines[i] = ("%-" .. width .. "s  %s  %s\n"):format(preset.name, preset.kind, preset.title)
  end
  return table.concat(lines)
end

return presets
