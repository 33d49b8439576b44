--- POST /_sandbox/trigger: an example event, to try a receiver before anything has happened.
local body = require "sandbox.http.body"
local events = require "sandbox.events"
local examples = require "sandbox.events.examples"
local groups = require "sandbox.data.groups"
local refusal = require "sandbox.base.refusal"
local users = require "sandbox.data.users"

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

---@param call table of a control route
---@return {deliveries: integer[]} their numbers
function trigger.run(call)
  local values, world = body.check_strict(FIELDS, call.value), call.world
  local db, tenant_id = world.db, world:tenant().id
  local group = need_group(db, tenant_id, values.group)
  local user = users.first_admin(db, tenant_id) or refusal.not_found "the tenant has no admin"
  local told = { world = world, db = db, now = call.now, caller = { user = user } }
  return { deliveries = events.tell(told, { type = values.event, group = group, data = function()
    local about = { db = db, group = group, user = user, root = world.url, now = call.now }
    local data = examples.DATA[values.event](about)
    for name, value in pairs(values.data) do
      data[name] = value
    end
    return data
  end }) }
end

return trigger
