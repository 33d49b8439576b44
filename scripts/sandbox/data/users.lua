--- Users, by phone number. An unknown number becomes an unprovisioned user.
local counting = require "sandbox.data.counting"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"

local users = {}

---@class sandbox.user
---@field id string
---@field tenant_id string
---@field phone string
---@field name string
---@field email string
---@field picture string
---@field o365_id string
---@field provisioned integer 0 or 1
---@field tenant_admin integer 0 or 1
---@field language "en"|"fr"|"" of the portal, once it was chosen there
---@field phone_added_at integer epoch seconds when the user verified the number in the portal; 0: never

---@return sandbox.user|nil
function users.by_phone(db, phone)
  return db:row("SELECT * FROM users WHERE phone = ?", phone)
end

---@return sandbox.user|nil
function users.by_id(db, id)
  return db:row("SELECT * FROM users WHERE id = ?", id)
end

--- The account with this address, in any case.
---@param email string not empty
---@return sandbox.user|nil
function users.by_email(db, tenant_id, email)
  return db:row([[SELECT * FROM users WHERE email = ? COLLATE NOCASE AND tenant_id = ?
                  ORDER BY rowid LIMIT 1]], email, tenant_id)
end

--- Users who can sign in to the portal, oldest first.
---@param count integer at most
---@return sandbox.user[]
function users.accounts(db, tenant_id, count)
  return db:rows("SELECT * FROM users WHERE tenant_id = ? AND email <> '' ORDER BY rowid LIMIT ?",
    tenant_id, count)
end

--- Sets an account's verified phone number. Refuses a number of somebody else.
---@param user sandbox.user
---@param phone string
---@param now integer epoch seconds
function users.add_phone(db, user, phone, now)
  local holder = users.by_phone(db, phone)
  if holder and holder.id ~= user.id then
    refusal.invalid "phone: it is somebody else's number"
  end
  db:exec("UPDATE users SET phone = ?, provisioned = 1, phone_added_at = ? WHERE id = ?", phone, now, user.id)
end

---@class sandbox.user_filter
---@field text string|nil a part of the name, number or address
---@field kind "bots"|"invited"|"admins"|nil
---@field after integer|nil only those with a larger number
---@field count integer at most

-- Conditions, where this kind is asked for.
local KINDS = {
  bots = "bots.user_id IS NOT NULL", invited = "users.provisioned = 0", admins = "users.tenant_admin = 1",
}

--- Users that fit, oldest first; bots are users.
---@param filter sandbox.user_filter
---@return table[] rows sandbox.user, with `number`, and `maker` of a bot
---@return boolean has_more
function users.find(db, tenant_id, filter)
  local like = filter.text and "%" .. filter.text:gsub("[%%_\\]", "\\%0") .. "%"
  local found = db:rows(([[
    SELECT users.rowid AS number, users.*, makers.name AS maker
    FROM users LEFT JOIN bots ON bots.user_id = users.id LEFT JOIN users AS makers ON makers.id = creator_id
    WHERE users.tenant_id = ?1 AND users.rowid > ?2 AND %s
      AND (?3 IS NULL OR users.name LIKE ?3 ESCAPE '\' OR users.phone LIKE ?3 ESCAPE '\'
        OR users.email LIKE ?3 ESCAPE '\')
    ORDER BY users.rowid LIMIT ?4]]):format(KINDS[filter.kind] or "1"),
    tenant_id, filter.after or 0, like, filter.count + 1)
  local has_more = #found > filter.count
  found[filter.count + 1] = nil
  return found, has_more
end

---@class sandbox.new_user
---@field id? string
---@field tenant_id string
---@field phone string
---@field name? string
---@field email? string
---@field picture? string
---@field provisioned boolean
---@field tenant_admin? boolean

---@param spec sandbox.new_user
---@param now integer epoch seconds
---@return sandbox.user
function users.create(db, spec, now)
  if counting.reaches(db, limits.users, "SELECT max(rowid) AS n FROM users",
    "SELECT count(*) AS n FROM users") then
    refusal.invalid("the sandbox holds at most %d users", limits.users)
  end
  local id = spec.id or ids.new()
  db:exec([[INSERT INTO users (id, tenant_id, phone, name, email, picture, o365_id, provisioned,
            tenant_admin, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    id, spec.tenant_id, spec.phone, spec.name or "", spec.email or "", spec.picture or "", ids.new(),
    spec.provisioned, spec.tenant_admin or false, now)
  return users.by_id(db, id)
end

--- Changes the given fields.
---@param fields table name, email, picture, tenant_admin, provisioned; nil leaves a value as it is
function users.update(db, id, fields)
  db:exec([[UPDATE users SET name = coalesce(?, name), email = coalesce(?, email),
            picture = coalesce(?, picture), tenant_admin = coalesce(?, tenant_admin),
            provisioned = coalesce(?, provisioned) WHERE id = ?]],
    fields.name, fields.email, fields.picture, fields.tenant_admin, fields.provisioned, id)
end

--- The user with this number. An unknown number becomes an unprovisioned user of the tenant.
---@param phone string checked already
---@param tenant_id string
---@param now integer
---@return sandbox.user user
---@return boolean is_new
function users.find_or_invite(db, phone, tenant_id, now)
  local user = users.by_phone(db, phone)
  if user then
    return user, false
  end
  return users.create(db, { tenant_id = tenant_id, phone = phone, provisioned = false }, now), true
end

--- The tenant's first admin.
---@return sandbox.user|nil
function users.first_admin(db, tenant_id)
  return db:row([[SELECT * FROM users WHERE tenant_id = ? AND tenant_admin = 1
                  ORDER BY rowid LIMIT 1]], tenant_id)
end

--- Whether it is a bot's account.
---@return boolean
function users.is_bot(db, id)
  return db:row("SELECT 1 AS found FROM bots WHERE user_id = ?", id) ~= nil
end

--- The language that the account has chosen in the portal: for text messages.
---@param user sandbox.user
---@param code "en"|"fr"
function users.set_language(db, user, code)
  if user.language ~= code then
    db:exec("UPDATE users SET language = ? WHERE id = ?", code, user.id)
  end
end

return users
