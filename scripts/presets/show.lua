--- `jeton presets`: the services, and the senders of webhooks, that are known by name.
local json = require "jeton.json"
local yaml = require "jeton.yaml"

local presets = {}

local function read(kind, name)
  local text = require("presets." .. kind .. "s." .. name)
  local preset = assert(yaml.decode(text))
  preset.name, preset.kind, preset.title = name, kind, preset.about.title
  return { name = name, text = text, preset = preset }
end

--- All that are asked for, by name; a service comes before the sender of its name.
local function read_all(order)
  local list = json.array {}
  local function add(kind, names)
    for _, name in ipairs(names) do
      if order.name == json.null or order.name == name then list[#list + 1] = read(kind, name) end
    end
  end
  add("service", order.names)
  add("sender", order.senders)
  table.sort(list, function(a, b)
    if a.name ~= b.name then return a.name < b.name end
    return a.preset.kind > b.preset.kind
  end)
  return list
end

local function show_one(list, as_json)
  local first, second = list[1], list[2]
  if not as_json then
    return second and first.text .. "---\n" .. second.text or first.text
  end
  first.preset.sender = second and second.preset
  return json.encode(first.preset) .. "\n"
end

--- What the verb prints, for `{names, senders, name, json}`: a table of all, or one preset as YAML.
--- Where a service and a sender have one name, both; in JSON the second is the first's `sender`.
---@param order string JSON
---@return string
function presets.show(order)
  order = assert(json.decode(order))
  local list = read_all(order)
  if order.name ~= json.null then return show_one(list, order.json) end
  local lines, width = json.array {}, 0
  for _, entry in ipairs(list) do width = math.max(width, #entry.name) end
  for i, entry in ipairs(list) do
    local preset = entry.preset
    lines[i] = order.json and preset
      or ("%-" .. width .. "s  %-7s  %s\n"):format(preset.name, preset.kind, preset.title)
  end
  return order.json and json.encode(lines) .. "\n" or table.concat(lines)
end

return presets
