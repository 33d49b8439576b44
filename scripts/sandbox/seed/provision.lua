--- Creates users, groups and connectors from the entries of a seed; the control routes and the portal use
--- it, too. --- Existing ones (same phone, same id) are changed.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local body = require "sandbox.http.body"
local connectors = require "sandbox.data.connectors"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local permissions = require "sandbox.base.permissions"
local refusal = require "sandbox.base.refusal"
local subscribers = require "sandbox.data.subscribers"
local users = require "sandbox.data.users"

local provision = {}

provision.USER_FIELDS = {
  { "phone", kind = "phone", required = true },
  { "id", kind = "id" },
  { "name", kind = "string", max = limits.name_characters },
  { "email", kind = "string", max = limits.email_characters },
  { "picture", kind = "string", max = limits.picture_url_bytes },
  { "tenant_admin", kind = "boolean" },
  { "provisioned", kind = "boolean", default = true },
}
provision.GROUP_FIELDS = {
  { "id", kind = "id" },
  { "name", kind = "string", required = true, not_empty = true, max = limits.name_characters },
  { "type", kind = "choice", choices = assumptions.group_types },
  { "welcome_message", kind = "string", max = limits.welcome_characters },
  { "image", kind = "string", max = limits.picture_url_bytes },
  { "admins", kind = "phones", max = limits.members_per_request, default = {} },
  { "members", kind = "phones", max = limits.members_per_request, default = {} },
  { "subscribers", kind = "phones", max = limits.subscribers_per_request, default = {} },
  { "subgroups", kind = "ids", max = limits.members_per_request, default = {} },
}
provision.CONNECTOR_FIELDS = {
  { "id", kind = "connector_id" },
  { "secret", kind = "string", not_empty = true, max = limits.secret_characters_max },
  { "name", kind = "string", not_empty = true, max = limits.name_characters },
  { "description", kind = "string", max = limits.description_characters },
  { "owner", kind = "phone" },
  { "permissions", kind = "any" },
  { "redirect_uri", kind = "string", max = limits.url_bytes },
  { "tokens", kind = "list", max = limits.members_per_request, default = {} },
}
provision.TOKEN_FIELDS = {
  { "user", kind = "phone", required = true },
  { "group", kind = "id" },
  { "refresh_token", kind = "string", max = limits.refresh_token_bytes_max },
}

--- Checks a connector's entry with its permissions and tokens.
---@param prefix string for messages: "connectors[0]."
---@return table values; permissions a set, tokens checked
function provision.read_connector(object, prefix)
  local values = body.check_strict(provision.CONNECTOR_FIELDS, object, prefix)
  if values.permissions ~= nil then
    local list = values.permissions
    if list ~= "all" and not json.is_array(list) then
      refusal.invalid("%spermissions: expected all, or a list of %s", prefix, permissions.names())
    end
    local set, unknown = permissions.parse(list)
    if not set then
      refusal.invalid(
        "%spermissions: unknown permission '%s'; expected all, or some of %s, groupinfo.read, …",
        prefix, unknown, permissions.names())
    end
    values.permissions = set
  end
  local secret = values.secret
  if secret and (secret:find "%c" or secret:find "^%s" or secret:find "%s$") then
    refusal.invalid("%ssecret: a header cannot hold it; expected one line, without spaces around it", prefix)
  end
  for i, token in ipairs(values.tokens) do
    local name = ("%stokens[%d]."):format(prefix, i - 1)
    values.tokens[i] = body.check_strict(provision.TOKEN_FIELDS, token, name)
    local text = values.tokens[i].refresh_token
    if text and (#text < limits.refresh_token_bytes_min or not text:find "^[%g]+$") then
      refusal.invalid("%srefresh_token: expected at least %d visible ASCII characters", name,
        limits.refresh_token_bytes_min)
    end
  end
  return values
end

---@param tenant_id string
---@param values table checked against USER_FIELDS
---@return sandbox.user
function provision.user(db, tenant_id, values, now)
  local user = users.by_phone(db, values.phone)
  if user then
    users.update(db, user.id, values)
    return users.by_id(db, user.id) --[[@as sandbox.user]]
  end
  if values.id and users.by_id(db, values.id) then
    refusal.invalid "id: another user has it"
  end
  return users.create(db, {
    id = values.id,
    tenant_id = tenant_id,
    phone = values.phone,
    name = values.name,
    email = values.email,
    picture = values.picture,
    provisioned = values.provisioned,
    tenant_admin = values.tenant_admin,
  }, now)
end

local function add_people(db, group, values, now)
  local function each(phones, add)
    for _, phone in ipairs(phones) do
      add(users.find_or_invite(db, phone, group.tenant_id, now).id)
    end
  end
  each(values.admins, function(id)
    groups.add_member(db, group, id, "Admin")
    groups.set_role(db, group, id, "Admin")
  end)
  each(values.members, function(id)
    groups.add_member(db, group, id, "Member")
  end)
  each(values.subscribers, function(id)
    subscribers.add(db, group, id)
  end)
end

---@param tenant_id string
---@param values table checked against GROUP_FIELDS; provision.subgroups adds the subgroups
---@return sandbox.group
function provision.group(db, tenant_id, values, now)
  local group = values.id and groups.by_id(db, values.id)
  if group then
    db:exec([[UPDATE groups SET name = ?, type = coalesce(?, type), welcome = coalesce(?, welcome),
              image = coalesce(?, image) WHERE number = ?]],
      values.name, values.type, values.welcome_message, values.image, group.number)
    group = groups.by_number(db, group.number)
  else
    group = groups.create(db, {
      id = values.id,
      tenant_id = tenant_id,
      name = values.name,
      type = values.type,
      welcome = values.welcome_message,
      image = values.image,
    }, now)
  end
  ---@cast group sandbox.group
  if #values.subscribers > 0 and group.type ~= "ConnectGroup" then
    refusal.invalid "subscribers: only a ConnectGroup has them"
  end
  add_people(db, group, values, now)
  return group
end

---@param values table checked against GROUP_FIELDS
function provision.subgroups(db, group, values)
  for i, id in ipairs(values.subgroups) do
    local child = groups.by_id(db, id)
    if not child then
      refusal.invalid("subgroups[%d]: there is no group with this id", i - 1)
    end
    groups.add_subgroup(db, group, child)
  end
end

-- The kind of refresh token that the portal would create for this user.
local function token_kind(db, token, position)
  local user = users.by_phone(db, token.user)
  if not user then
    refusal.invalid("tokens[%d].user: there is no user with this phone number", position)
  end
  ---@cast user sandbox.user
  if not token.group then
    return user.tenant_admin ~= 0 and "tenant" or "user", user, nil
  end
  local group = groups.by_id(db, token.group)
  if not group then
    refusal.invalid("tokens[%d].group: there is no group with this id", position)
  end
  ---@cast group sandbox.group
  if user.tenant_admin == 0 and groups.role(db, group, user.id) ~= "Admin" then
    refusal.invalid("tokens[%d].user: only an admin of the group or of the tenant can make a group token",
      position)
  end
  return "group", user, group
end

--- Creates refresh tokens, as the portal does: they replace the connector's tokens for the same grantee.
---@param connector sandbox.connector
---@param list {user: string, group: string|nil, refresh_token: string|nil}[] phone numbers, ids of groups
---@return table made a list of {kind, user, group, refresh_token}, shown only once
function provision.tokens(db, connector, list, now)
  local made = {}
  for i, token in ipairs(list) do
    local kind, user, group = token_kind(db, token, i - 1)
    made[i] = {
      kind = kind,
      user = user.phone,
      group = group and group.id,
      refresh_token = connectors.grant(db, {
        connector_id = connector.id,
        kind = kind,
        user_id = user.id,
        group_number = group and group.number,
      }, token.refresh_token, now),
    }
  end
  return json.array(made)
end

--- Creates a connector or changes the one with this id, then creates the tokens.
---@param tenant_id string
---@param values table from provision.read_connector
---@return table id, name, secret (only if new), tokens: what the portal shows only once
function provision.connector(db, tenant_id, values, now)
  local connector, secret = values.id and connectors.by_id(db, values.id), values.secret
  if connector then
    connectors.update(db, connector, values.name, values.permissions, values.description)
    if secret then
      connectors.set_secret(db, connector, secret)
    end
  else
    local owner = values.owner and users.by_phone(db, values.owner)
    if not owner then
      refusal.invalid("owner: %s", values.owner and "there is no user with this phone number" or "missing")
    end
    ---@cast owner sandbox.user
    connector, secret = connectors.create(db, {
      id = values.id,
      tenant_id = tenant_id,
      name = values.name or "Connector",
      owner_id = owner.id,
      secret = secret,
      permissions = values.permissions or permissions.parse "all",
      description = values.description,
    }, now)
  end
  ---@cast connector sandbox.connector
  if values.redirect_uri then
    connectors.set_redirect_uri(db, connector, values.redirect_uri)
  end
  return {
    id = connector.id,
    name = values.name or connector.name,
    secret = secret,
    tokens = provision.tokens(db, connector, values.tokens, now),
  }
end

return provision
