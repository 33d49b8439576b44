--- Writes groups for replies.
local access = require "sandbox.rules.access"
local groups = require "sandbox.data.groups"
local pictures = require "sandbox.rules.pictures"

local describe = {}

--- One group as this caller sees it, with the fields of shapes.GROUP.
---@param call sandbox.call
---@param group sandbox.group
---@return table
function describe.group(call, group)
  local counts = groups.counts(call.db, group)
  local role = access.role(call.db, call.caller, group)
  return {
    groupId = group.id,
    groupName = group.name,
    groupImageUrl = pictures.show(call, group.image),
    hasSubGroups = counts.children > 0,
    hasParentGroups = counts.parents > 0,
    callerRole = role or "None",
    currentLevelSubGroupCount = counts.children,
    currentLevelParentGroupCount = counts.parents,
    userCount = counts.users,
    uniqueUserCount = counts.unique_users,
    currentLevelUserCount = counts.own_users,
    currentLevelUnProvisionedUserCount = counts.own_unprovisioned,
    unProvisionedUserCount = counts.unprovisioned,
    isMappedToTenant = true,
    groupType = group.type,
    isDuplicate = false,
    isEditable = role == "Admin",
    isDetailsReadable = role ~= nil,
    welcomeMessage = group.welcome,
  }
end

--- Copies these fields, without counting again.
---@param fields table
---@return table
function describe.copy(fields)
  local out = {}
  for name, value in pairs(fields) do
    out[name] = value
  end
  return out
end

---@param call sandbox.call
---@param list sandbox.group[]
---@return table[]
function describe.groups(call, list)
  local out = {}
  for i, group in ipairs(list) do
    out[i] = describe.group(call, group)
  end
  return out
end

return describe
