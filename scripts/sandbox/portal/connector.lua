--- What the pages of a connector have in common: finding it, access, and the groups of its user tokens.
local access = require "sandbox.rules.access"
local connectors = require "sandbox.data.connectors"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local permissions = require "sandbox.base.permissions"
local refusal = require "sandbox.base.refusal"

local connector_of = {}

--- The connector of the path. Raises 404.
---@param visit sandbox.portal.visit
---@return sandbox.connector
function connector_of.visit(visit)
  local connector = connectors.by_id(visit.db, visit.params.connector)
  if not connector or connector.tenant_id:lower() ~= visit.user.tenant_id:lower() then
    refusal.not_found "there is no connector with this id"
  end
  return connector --[[@as sandbox.connector]]
end

---@param visit sandbox.portal.visit
---@param connector sandbox.connector
---@return boolean
function connector_of.is_owner(visit, connector)
  return connectors.is_owner(connector, visit.user)
end

--- Like visit, but it must be the user's own. Raises 403.
---@param visit sandbox.portal.visit
---@return sandbox.connector
function connector_of.owner(visit)
  local connector = connector_of.visit(visit)
  if not connector_of.is_owner(visit, connector) then
    refusal.forbidden "only the owner of the connector may do this"
  end
  return connector
end

---@param connector sandbox.connector
---@param tail string|nil "/delete"
---@return string path of its page
function connector_of.path(connector, tail)
  return "/portal/connectors/" .. connector.id .. (tail or "")
end

--- Its permissions, in the portal's terms: { name, extent }.
---@param connector sandbox.connector
---@return {name: string, extent: "all"|"some"}[]
function connector_of.permissions(connector)
  local set, out = permissions.from_mask(connector.permissions), {}
  for _, choice in ipairs(permissions.CHOICES) do
    local extent = permissions.extent(set, choice[1])
    if extent ~= "none" then
      out[#out + 1] = { name = choice.name, extent = extent }
    end
  end
  return out
end

---@class sandbox.portal.reach
---@field is_tenant boolean all groups of the tenant
---@field count integer groups
---@field names string[] the first of them, unless is_tenant

--- The groups that a user token of this user gives access to.
---@param visit sandbox.portal.visit
---@return sandbox.portal.reach
function connector_of.reach(visit)
  local caller = { kind = visit.user.tenant_admin ~= 0 and "tenant" or "user", user = visit.user }
  if access.is_tenant_level(caller) then
    return { is_tenant = true, count = groups.count(visit.db, visit.user.tenant_id), names = {} }
  end
  local reached, names = access.groups(visit.db, caller), {}
  for i = 1, math.min(#reached, limits.portal_names) do
    names[i] = reached[i].name
  end
  return { is_tenant = false, count = #reached, names = names }
end

return connector_of
