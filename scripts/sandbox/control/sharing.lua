--- Shares a place, or a picture with the place where it was taken, in the name of a user. Phones can do this,
--- connectors cannot; so the control routes offer it.
local actions = require "sandbox.data.actions"
local body = require "sandbox.http.body"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local uploads = require "sandbox.rules.uploads"
local refusal = require "sandbox.base.refusal"
local users = require "sandbox.data.users"

local sharing = {}

local NO_CONNECTOR = ""
local FIELDS = {
  { "group", kind = "id", required = true },
  { "phone", kind = "phone", required = true },
  { "latitude", kind = "number", required = true, min = -limits.latitude, max = limits.latitude },
  { "longitude", kind = "number", required = true, min = -limits.longitude, max = limits.longitude },
  { "picture", kind = "media", types = { "Image" } },
}

-- The group and the user, who must be a member.
local function find(db, values)
  local group = groups.by_id(db, values.group)
  if not group then
    refusal.not_found "group: there is no group with this id"
  end
  ---@cast group sandbox.group
  local user = users.by_phone(db, values.phone)
  if not user or not groups.role(db, group, user.id) then
    refusal.invalid "phone: no member of the group has this number"
  end
  ---@cast user sandbox.user
  return group, user
end

--- Creates the action. Raises 400 and 404.
---@param call {world: sandbox.world, value: any, now: integer}
---@return {actionType: string, referenceId: string}
function sharing.share(call)
  local db, values = call.world.db, body.check_strict(FIELDS, call.value)
  local group, user = find(db, values)
  if values.picture then
    uploads.need({ db = db, caller = { user = user } }, "picture", values.picture)
  end
  local action = actions.create(db, {
    group = group,
    type = values.picture and "PhotoWithLocation" or "ShareLocation",
    package_id = "",
    sender_id = user.id,
    connector_id = NO_CONNECTOR,
    body = { latitude = values.latitude, longitude = values.longitude, mediaResource = values.picture },
    assignees = {},
    audience = { to_group = true, to_all_subscribers = false, recipients = {}, failed = {} },
  }, call.now)
  return { actionType = action.type, referenceId = action.reference_id }
end

return sharing
