--- Properties of an action: names and values, set by scripts.
local actions = require "sandbox.data.actions"
local html = require "html.elements"
local place_of = require "sandbox.portal.items.place"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local function value_of(talk, property)
  local value = property.value
  if property.type == "Location" then
    return place_of(talk, value.n or "", value.lt, value.lg)
  elseif type(value) == "table" then
    return table.concat(value, ", ")
  end
  return h.span { class = "written", tostring(value) }
end

---@param talk sandbox.portal.talk
---@param action sandbox.action
---@return html.node
return function(talk, action)
  local facts = {}
  for i, property in ipairs(actions.properties(talk.db, action)) do
    facts[i] = { property.name, value_of(talk, property) }
  end
  return #facts > 0 and widgets.facts(facts)
end
