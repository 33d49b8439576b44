--- Connectors and the refresh tokens that grant them access.
local assumptions = require "sandbox.base.assumptions"
local counting = require "sandbox.data.counting"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local permissions = require "sandbox.base.permissions"
local refusal = require "sandbox.base.refusal"

local connectors = {}

---@class sandbox.connector
---@field id string
---@field tenant_id string
---@field name string
---@field owner_id string
---@field secret_hash string
---@field permissions string a mask, see sandbox.permissions
---@field redirect_uri string where OAuth may redirect to besides this machine; "" for none
---@field description string
---@field created_at integer epoch seconds

---@class sandbox.grant
---@field id integer
---@field connector_id string
---@field kind "group"|"user"|"tenant"
---@field user_id string who created it
---@field group_number integer|nil
---@field created_at integer epoch seconds
---@field revoked integer 0 or 1
---@field last_used_at integer|nil epoch seconds of the newest exchange

---@return sandbox.connector|nil
function connectors.by_id(db, id)
  return db:row("SELECT * FROM connectors WHERE id = ?", id)
end

---@param user sandbox.user
---@return boolean
function connectors.is_owner(connector, user)
  return connector.owner_id:lower() == user.id:lower()
end

--- The connectors of a tenant, each with its owner and the number of valid refresh tokens.
---@param now integer
---@param life_s integer of a refresh token
---@param count integer at most
---@param from integer|nil how many to skip
---@return table[] by name
function connectors.of_tenant(db, tenant_id, now, life_s, count, from)
  return db:rows([[SELECT connectors.*, users.name AS owner_name, users.email AS owner_email,
      (SELECT count(*) FROM refresh_tokens WHERE connector_id = connectors.id AND revoked = 0
        AND refresh_tokens.created_at > ?) AS tokens
    FROM connectors JOIN users ON users.id = owner_id WHERE connectors.tenant_id = ?
    ORDER BY connectors.name COLLATE NOCASE, connectors.rowid LIMIT ? OFFSET ?]],
    now - life_s, tenant_id, count, from or 0)
end

---@return integer
function connectors.count(db, tenant_id)
  return db:row("SELECT count(*) AS n FROM connectors WHERE tenant_id = ?", tenant_id).n
end

---@param life_s integer of a refresh token
---@return integer the number of its valid refresh tokens
function connectors.count_working(db, connector, now, life_s)
  return db:row([[SELECT count(*) AS n FROM refresh_tokens WHERE connector_id = ? AND revoked = 0
                  AND created_at > ?]], connector.id, now - life_s).n
end

--- The newest user token that this user created for it.
---@param user_id string
---@return sandbox.grant|nil
function connectors.newest_grant(db, connector, user_id)
  return db:row([[SELECT * FROM refresh_tokens WHERE connector_id = ? AND group_number IS NULL AND user_id = ?
                  ORDER BY id DESC LIMIT 1]], connector.id, user_id)
end

--- A user's progress: connectors owned, tokens created, tokens exchanged.
---@param user_id string
---@return {connectors: integer, tokens: integer, used: integer}
function connectors.progress(db, user_id)
  return db:row([[SELECT (SELECT count(*) FROM connectors WHERE owner_id = ?1) AS connectors,
    (SELECT count(*) FROM refresh_tokens WHERE user_id = ?1 AND revoked = 0) AS tokens,
    (SELECT count(*) FROM refresh_tokens WHERE user_id = ?1 AND revoked = 0
      AND last_used_at IS NOT NULL) AS used]], user_id)
end

--- The refresh tokens of a connector, newest first, with their creators and groups.
---@param user_id string|nil nil: of everybody
---@param count integer at most
---@param from integer how many are left out before them
---@return table[]
function connectors.grants(db, connector, user_id, count, from)
  return db:rows([[SELECT refresh_tokens.*, users.name AS user_name, users.phone AS user_phone,
      groups.name AS group_name, groups.id AS group_id
    FROM refresh_tokens JOIN users ON users.id = user_id LEFT JOIN groups ON groups.number = group_number
    WHERE connector_id = ?1 AND (?2 IS NULL OR user_id = ?2) ORDER BY refresh_tokens.id DESC
    LIMIT ?3 OFFSET ?4]],
    connector.id, user_id, count, from)
end

---@param user_id string|nil nil: of everybody
---@return integer
function connectors.count_grants(db, connector, user_id)
  return db:row([[SELECT count(*) AS n FROM refresh_tokens
    WHERE connector_id = ?1 AND (?2 IS NULL OR user_id = ?2)]], connector.id, user_id).n
end

--- The refresh tokens of a group, newest first, with their creators and connectors.
---@param group sandbox.group
---@param count integer at most
---@param from integer how many are left out before them
---@return table[]
function connectors.grants_of_group(db, group, count, from)
  return db:rows([[SELECT refresh_tokens.*, users.name AS user_name, users.phone AS user_phone,
      connectors.name AS connector_name
    FROM refresh_tokens JOIN users ON users.id = user_id JOIN connectors ON connectors.id = connector_id
    WHERE group_number = ? ORDER BY refresh_tokens.id DESC LIMIT ? OFFSET ?]], group.number, count, from)
end

---@param group sandbox.group
---@return integer
function connectors.count_grants_of_group(db, group)
  return db:row("SELECT count(*) AS n FROM refresh_tokens WHERE group_number = ?", group.number).n
end

---@class sandbox.new_connector
---@field id? string
---@field tenant_id string
---@field name string
---@field owner_id string
---@field secret? string
---@field permissions sandbox.permissions
---@field description? string

---@param spec sandbox.new_connector
---@param now integer
---@return sandbox.connector connector
---@return string secret shown only once
function connectors.create(db, spec, now)
  if counting.reaches(db, limits.connectors, "SELECT max(rowid) AS n FROM connectors",
    "SELECT count(*) AS n FROM connectors") then
    refusal.invalid("the sandbox holds at most %d connectors", limits.connectors)
  end
  local id, secret = spec.id or ids.new(), spec.secret or ids.new_secret()
  db:exec([[INSERT INTO connectors (id, tenant_id, name, owner_id, secret_hash, permissions, description,
            created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)]],
    id, spec.tenant_id, spec.name, spec.owner_id, ids.hash_secret(secret),
    permissions.to_mask(spec.permissions), spec.description or "", now)
  return connectors.by_id(db, id), secret
end

--- Changes name, permissions (a set) or description; nil leaves a value as it is.
function connectors.update(db, connector, name, set, description)
  db:exec([[UPDATE connectors SET name = coalesce(?, name), permissions = coalesce(?, permissions),
            description = coalesce(?, description) WHERE id = ?]],
    name, set and permissions.to_mask(set), description, connector.id)
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

--- Stores one more refresh token for a grant.
---@param grant table connector_id, kind, user_id, group_number
function connectors.add_token(db, grant, token, now)
  db:exec([[INSERT INTO refresh_tokens (hash, connector_id, kind, user_id, group_number, created_at)
            VALUES (?, ?, ?, ?, ?, ?)]],
    ids.hash_token(token), grant.connector_id, grant.kind, grant.user_id, grant.group_number, now)
end

--- Creates a refresh token, as the portal does: it replaces the connector's tokens for the same grantee.
---@param grant table connector_id, kind, user_id, group_number
---@param token string|nil nil: a random one
---@return string token
function connectors.grant(db, grant, token, now)
  token = token or ids.new_refresh_token()
  if connectors.find_grant(db, token) then
    refusal.invalid("this refresh token exists already; each needs a value of its own")
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

--- Records an exchange.
function connectors.note_use(db, grant, now)
  db:exec("UPDATE refresh_tokens SET last_used_at = ? WHERE id = ?", now, grant.id)
end

function connectors.revoke(db, grant)
  db:exec("UPDATE refresh_tokens SET revoked = 1 WHERE id = ?", grant.id)
end

return connectors
