--- POST /_sandbox/trigger: an example event, to try a receiver before anything has happened.
local assumptions = require "sandbox.base.assumptions"
local body = require "sandbox.http.body"
local events = require "sandbox.events"
local examples = require "sandbox.events.examples"
local groups = require "sandbox.data.groups"
local ids = require "sandbox.base.ids"
local outbox = require "sandbox.data.outbox"
local refusal = require "sandbox.base.refusal"
local users = require "sandbox.data.users"
local webhooks = require "sandbox.data.webhooks"

local trigger = {}

local FIELDS = {
  { "event", kind = "choice", required = true, choices = events.TYPES },
  { "group", kind = "id" },
  { "data", kind = "object", default = {} },
}

local function need_group(db, tenant_id, id)
  local group = id and groups.by_id(db, id)
  if not id then
    group = groups.first(db, tenant_id)
  end
  return group or refusal.not_found(id and "group: there is no group with this id" or "there is no group")
end

local function text(value)
  return type(value) == "string" and value or nil
end

-- What is sent or answered: what the data names, else what a webhook watches, else nothing that exists.
local function action_of(db, group, event, data, now)
  local kind = event:match "^(%a+)Created$" or event:match "^(%a+)Response$"
  kind = kind == "Action" and assumptions.package_type or kind
  local id, package_id = text(data.actionId), text(data.actionPackageId) or text(data.packageId)
  local watched = kind and not id and not package_id and outbox.watched_action(db, event, group, kind, now)
  if watched then
    return watched
  elseif kind == assumptions.package_type then
    package_id = package_id or outbox.watched_package(db, event, now) or examples.PACKAGE
  end
  return { id = id or ids.new(), package_id = package_id or "" }
end

--- Makes an example. Raises 400 and 404.
---@param world sandbox.world
---@param value table {event, group, data}
---@param now integer epoch seconds
---@return sandbox.event
---@return sandbox.user who did it
function trigger.example(world, value, now)
  local values, db = body.check_strict(FIELDS, value), world.db
  local own, tenant_id = values.data, world:tenant().id
  local of_action = text(own.actionId) and webhooks.group_of_action(db, own.actionId)
  local group = need_group(db, tenant_id, values.group or of_action)
  local user = users.first_admin(db, tenant_id) or refusal.not_found "the tenant has no admin"
  local action = action_of(db, group, values.event, own, now)
  return { type = values.event, group = group, action = action, data = function()
    local about = { db = db, group = group, action = action, user = user, root = world.url, now = now }
    local data = examples.DATA[values.event](about)
    for name, field in pairs(own) do
      data[name] = field
    end
    return data
  end }, user
end

---@param call table of a control route
---@return {deliveries: integer[]} their numbers
function trigger.run(call)
  local event, user = trigger.example(call.world, call.value, call.now)
  local told = { world = call.world, db = call.world.db, now = call.now, caller = { user = user } }
  return { deliveries = events.tell(told, event) }
end

return trigger
