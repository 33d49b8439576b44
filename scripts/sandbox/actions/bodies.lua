--- Completes action bodies: the expiry, the assignees, and checks that need the database.
local json = require "jeton.json"
local iso_time = require "sandbox.base.iso_time"
local action_fields = require "sandbox.actions.fields"
local assumptions = require "sandbox.base.assumptions"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local media_resource = require "sandbox.base.media_resource"
local uploads = require "sandbox.rules.uploads"
local properties = require "sandbox.actions.properties"
local refusal = require "sandbox.base.refusal"
local users = require "sandbox.data.users"

local bodies = {}

local HOUR_S = 3600

bodies.IS_MEDIA = { Image = true, Album = true, Audio = true, Document = true, Video = true }

local function is_here(call, phone)
  local user = users.by_phone(call.db, phone)
  return user and (groups.role(call.db, call.group, user.id)
    or groups.is_subscriber(call.db, call.group, user.id))
end

-- The users with these numbers.
local function find_assignees(call, phones)
  local out = {}
  for i, phone in ipairs(phones) do
    if assumptions.assignee_must_be_in_group and not is_here(call, phone) then
      refusal.invalid("actionBody.assignedTo[%d]: nobody in the group has this phone number", i - 1)
    end
    out[i] = users.find_or_invite(call.db, phone, call.group.tenant_id, call.now).id
  end
  return out
end

-- By type: returns the expiry, and ids of assignees.
local finish = {}

function finish.Announcement(call, values)
  for i, text in ipairs(values.MediaResources or {}) do
    uploads.need(call, ("actionBody.MediaResources[%d]"):format(i - 1), text)
  end
end

function finish.Job(call, values)
  return call.now + values.dueDate * HOUR_S, find_assignees(call, values.assignedTo)
end

function finish.Poll(call, values)
  for _, choice in ipairs(values.choices) do
    choice.image = media_resource.hosted_url(choice.image) or choice.image
  end
  return call.now + values.expiryInHours * HOUR_S
end

function finish.LetsMeet(_, values)
  return iso_time(values.startingTime) + values.duration * 60
end

function finish.Survey(call, values)
  if values.isSenderOnly then
    values.visibility = action_fields.VISIBILITY.SENDER
  end
  return call.now + values.dueDate * HOUR_S
end

-- The expiry of a package. The unit of its validity is not documented.
local function package_end(call, validity)
  if not validity or validity == 0 then
    return nil
  elseif validity <= limits.action_hours and assumptions.package_validity_in_hours then
    return call.now + validity * HOUR_S
  end
  return validity < assumptions.milliseconds_from and validity or validity // 1000
end

finish[assumptions.package_type] = function(call, values)
  values.visibility = values.isSenderOnly and action_fields.VISIBILITY.SENDER or action_fields.VISIBILITY.ALL
  values.questions = values.questions or json.array {}
  values.properties = properties.check(values.properties or json.array {})
  return values.dueDate and call.now + values.dueDate * HOUR_S or package_end(call, values.validity)
end

--- Completes the body of a new action.
---@param call sandbox.call
---@param kind string
---@param values table checked against its fields
---@return integer|nil expires_at epoch seconds
---@return string[] assignees ids of users
function bodies.finish(call, kind, values)
  local expires_at, assignees
  if bodies.IS_MEDIA[kind] then
    uploads.need(call, "actionBody.mediaResource", values.mediaResource)
  end
  if finish[kind] then
    expires_at, assignees = finish[kind](call, values)
  end
  return expires_at, assignees or {}
end

return bodies
