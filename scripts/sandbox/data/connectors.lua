--- Connectors and the refresh tokens that grant them access.
local assumptions = require "sandbox.assumptions"
local counting = require "sandbox.data.counting"
local ids = require "sandbox.ids"
local limits = require "sandbox.limits"
local permissions = require "sandbox.permissions"
local reply = require "sandbox.http.reply"

local connectors = {}

---@class sandbox.connector
---@field id string
---@field tenant_id string
---@field name string
---@field owner_id string
---@field secret_hash string
---@field permissions string a mask, see sandbox.permissions
---@field redirect_uri string where OAuth may send people besides this machine; "" for nowhere

---@class sandbox.grant
---@field id integer
---@field connector_id string
---@field kind "group"|"user"|"tenant"
---@field user_id string who made it
---@field group_number integer|nil
---@field created_at integer epoch seconds
---@field revoked integer 0 or 1

---@return sandbox.connector|nil
function connectors.by_id(db, id)
  return db:row("SELECT * FROM connectors WHERE id = ?", id)
end

---@class sandbox.new_connector
---@field id? string
---@field tenant_id string
---@field name string
---@field owner_id string
---@field secret? string
---@field permissions sandbox.permissions

---@param spec sandbox.new_connector
---@param now integer
---@return sandbox.connector connector
---@return string secret shown this once
function connectors.create(db, spec, now)
  if counting.reaches(db, limits.connectors, "SELECT max(rowid) AS n FROM connectors",
    "SELECT count(*) AS n FROM connectors") then
    reply.invalid("the sandbox holds at most %d connectors", limits.connectors)
  end
  local id, secret = spec.id or ids.new(), spec.secret or ids.new_secret()
  db:exec([[INSERT INTO connectors (id, tenant_id, name, owner_id, secret_hash, permissions, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)]],
    id, spec.tenant_id, spec.name, spec.owner_id, ids.hash_secret(secret),
    permissions.to_mask(spec.permissions), now)
  return connectors.by_id(db, id), secret
end

--- Changes name or permissions (a set); nil stays.
function connectors.update(db, connector, name, set)
  db:exec([[UPDATE connectors SET name = coalesce(?, name), permissions = coalesce(?, permissions)
            WHERE id = ?]],
    name, set and permissions.to_mask(set), connector.id)
end

---@param uri string
function connectors.set_redirect_uri(db, connector, uri)
  db:exec("UPDATE connectors SET redirect_uri = ? WHERE id = ?", uri, connector.id)
end

---@param secret string
function connectors.set_secret(db, connector, secret)
  db:exec("UPDATE connectors SET secret_hash = ? WHERE id = ?", ids.hash_secret(secret), connector.id)
  if assumptions.new_secret_revokes_tokens then
    db:exec("UPDATE refresh_tokens SET revoked = 1 WHERE connector_id = ?", connector.id)
  end
end

---@return boolean deleted with all its tokens
function connectors.delete(db, id)
  return db:exec("DELETE FROM connectors WHERE id = ?", id) > 0
end

---@param token string
---@return sandbox.grant|nil
function connectors.find_grant(db, token)
  return db:row("SELECT * FROM refresh_tokens WHERE hash = ?", ids.hash_token(token))
end

--- Stores one more refresh token for the grant.
---@param grant table connector_id, kind, user_id, group_number
function connectors.add_token(db, grant, token, now)
  db:exec([[INSERT INTO refresh_tokens (hash, connector_id, kind, user_id, group_number, created_at)
            VALUES (?, ?, ?, ?, ?, ?)]],
    ids.hash_token(token), grant.connector_id, grant.kind, grant.user_id, grant.group_number, now)
end

--- A new refresh token, as the portal makes it: those that this connector had for the same grantee
--- are invalid from now on.
---@param grant table connector_id, kind, user_id, group_number
---@param token string|nil nil: a random one
---@return string token
function connectors.grant(db, grant, token, now)
  token = token or ids.new_refresh_token()
  if connectors.find_grant(db, token) then
    reply.invalid("this refresh token exists already; each needs a value of its own")
  end
  if grant.group_number then
    db:exec([[UPDATE refresh_tokens SET revoked = 1 WHERE connector_id = ? AND group_number = ?
              AND (? OR user_id = ?)]],
      grant.connector_id, grant.group_number, assumptions.group_token_per_group, grant.user_id)
  else
    db:exec([[UPDATE refresh_tokens SET revoked = 1 WHERE connector_id = ? AND group_number IS NULL
              AND user_id = ?]],
      grant.connector_id, grant.user_id)
  end
  connectors.add_token(db, grant, token, now)
  return token
end

function connectors.revoke(db, grant)
  db:exec("UPDATE refresh_tokens SET revoked = 1 WHERE id = ?", grant.id)
end

return connectors
