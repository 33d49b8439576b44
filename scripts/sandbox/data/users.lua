--- People: by phone number. A number that was never seen becomes an unprovisioned user.
local assumptions = require "sandbox.assumptions"
local counting = require "sandbox.data.counting"
local ids = require "sandbox.ids"
local limits = require "sandbox.limits"
local reply = require "sandbox.http.reply"

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

---@return sandbox.user|nil
function users.by_phone(db, phone)
  return db:row("SELECT * FROM users WHERE phone = ?", phone)
end

---@return sandbox.user|nil
function users.by_id(db, id)
  return db:row("SELECT * FROM users WHERE id = ?", id)
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
    reply.invalid("the sandbox holds at most %d users", limits.users)
  end
  local id = spec.id or ids.new()
  db:exec([[INSERT INTO users (id, tenant_id, phone, name, email, picture, o365_id, provisioned,
            tenant_admin, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    id, spec.tenant_id, spec.phone, spec.name or "", spec.email or "", spec.picture or "", ids.new(),
    spec.provisioned, spec.tenant_admin or false, now)
  return users.by_id(db, id)
end

--- Changes the given fields.
---@param fields table name, email, picture, tenant_admin, provisioned; nil stays
function users.update(db, id, fields)
  db:exec([[UPDATE users SET name = coalesce(?, name), email = coalesce(?, email),
            picture = coalesce(?, picture), tenant_admin = coalesce(?, tenant_admin),
            provisioned = coalesce(?, provisioned) WHERE id = ?]],
    fields.name, fields.email, fields.picture, fields.tenant_admin, fields.provisioned, id)
end

--- The user with this number; an unknown one becomes an unprovisioned user of the tenant.
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

--- Tells somebody who has no account yet, by SMS, that he was added to a group.
---@param inviter string name of who did it
---@param group_name string
function users.send_invitation(db, user, inviter, group_name, now)
  users.send_sms(db, user.phone, assumptions.invitation_sms:format(inviter, group_name), now)
end

--- Whether it is a bot's account.
---@return boolean
function users.is_bot(db, id)
  return db:row("SELECT 1 AS found FROM bots WHERE user_id = ?", id) ~= nil
end

function users.send_sms(db, phone, text, now)
  db:exec("INSERT INTO sms (phone, text, sent_at) VALUES (?, ?, ?)", phone, text, now)
  db:exec("DELETE FROM sms WHERE number <= (SELECT max(number) FROM sms) - ?", limits.sms_kept)
end

---@param phone string|nil nil: of all numbers
---@return table[] oldest first
function users.sms(db, phone)
  if phone then
    return db:rows("SELECT phone, text, sent_at FROM sms WHERE phone = ? ORDER BY number", phone)
  end
  return db:rows "SELECT phone, text, sent_at FROM sms ORDER BY number"
end

return users
