--- Lists of fields that several operations read or return.
local assumptions = require "sandbox.base.assumptions"
local limits = require "sandbox.base.limits"

local shapes = {}

--- A group, as operations/describe_group.lua shows it.
---@type sandbox.reply_field[]
shapes.GROUP = {
  { "groupId", kind = "id" },
  { "groupName", kind = "string" },
  { "groupImageUrl", kind = "string" },
  { "hasSubGroups", kind = "boolean" },
  { "hasParentGroups", kind = "boolean" },
  { "callerRole", kind = "choice", choices = { "Admin", "Member", "None" } },
  { "currentLevelSubGroupCount", kind = "integer" },
  { "currentLevelParentGroupCount", kind = "integer" },
  { "userCount", kind = "integer" },
  { "uniqueUserCount", kind = "integer" },
  { "currentLevelUserCount", kind = "integer" },
  { "currentLevelUnProvisionedUserCount", kind = "integer" },
  { "unProvisionedUserCount", kind = "integer" },
  { "isMappedToTenant", kind = "boolean" },
  { "groupType", kind = "choice", choices = assumptions.group_types },
  { "isDuplicate", kind = "boolean" },
  { "isEditable", kind = "boolean" },
  { "isDetailsReadable", kind = "boolean" },
  { "welcomeMessage", kind = "string" },
}

--- The place of a meeting or of an answer.
---@type sandbox.field[]
shapes.PLACE = {
  { "latitude", kind = "number", aliases = { "lt" }, required = true },
  { "longitude", kind = "number", aliases = { "lg" }, required = true },
  { "name", kind = "string", aliases = { "n" }, max = limits.title_characters, default = "" },
}

--- A place in answers and properties.
---@type sandbox.field[]
shapes.LOCATION = {
  { "lt", kind = "number", aliases = { "latitude" }, required = true },
  { "lg", kind = "number", aliases = { "longitude" }, required = true },
  { "n", kind = "string", aliases = { "name" }, max = limits.title_characters, default = "" },
  { "acc", kind = "number", optional = true },
}

--- The reply of the token service.
---@type sandbox.reply_field[]
shapes.TOKEN = {
  { "accessToken", kind = "string" },
  { "endpointUrl", kind = "string" },
  { "accessTokenExpiry", kind = "integer" },
  { "refreshToken", kind = "string" },
  { "scope", kind = "string" },
}

--- The documented sample has a string, not a boolean.
---@type sandbox.reply_field[]
shapes.DONE = { { "result", kind = "choice", choices = { "true" } } }

--- Concatenates lists of fields.
---@param ... sandbox.field[]
---@return sandbox.field[]
function shapes.join(...)
  local out = {}
  for _, list in ipairs { ... } do
    table.move(list, 1, #list, #out + 1, out)
  end
  return out
end

return shapes
