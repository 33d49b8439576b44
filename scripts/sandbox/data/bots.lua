--- Bots: users created by a program.
local assumptions = require "sandbox.base.assumptions"
local counting = require "sandbox.data.counting"
local crypto = require "jeton.crypto"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local users = require "sandbox.data.users"

local bots = {}

---@class sandbox.bot: sandbox.user
---@field creator_id string
---@field creator_phone string|nil nil: the creator no longer exists
---@field creator_name string|nil
---@field creator_picture string|nil

local SELECT = [[SELECT users.*, bots.creator_id, creators.phone AS creator_phone,
                 creators.name AS creator_name, creators.picture AS creator_picture
                 FROM bots JOIN users ON users.id = bots.user_id
                 LEFT JOIN users AS creators ON creators.id = bots.creator_id ]]

local PHONE_FORMAT, PHONE_RANGE = "%s%010d", 10000000000

-- An unused phone number.
local function new_phone(db)
  local phone
  repeat
    phone = PHONE_FORMAT:format(assumptions.bot_phone_prefix,
      ("I6"):unpack(crypto.random(6)) % PHONE_RANGE)
  until not users.by_phone(db, phone)
  return phone
end

---@param creator sandbox.user
---@param name string
---@param picture string
---@param now integer epoch seconds
---@return string id
function bots.create(db, creator, name, picture, now)
  if counting.reaches(db, limits.bots, "SELECT max(rowid) AS n FROM bots",
    "SELECT count(*) AS n FROM bots JOIN users ON users.id = user_id WHERE tenant_id = ?",
    creator.tenant_id) then
    refusal.invalid("a tenant has at most %d bots", limits.bots)
  end
  local user = users.create(db, {
    tenant_id = creator.tenant_id,
    phone = new_phone(db),
    name = name,
    picture = picture,
    provisioned = true,
  }, now)
  db:exec("INSERT INTO bots (user_id, creator_id, created_at) VALUES (?, ?, ?)", user.id, creator.id, now)
  return user.id
end

---@return sandbox.bot|nil
function bots.by_id(db, id)
  return db:row(SELECT .. "WHERE bots.user_id = ?", id)
end

---@param creator_id string|nil nil: of everybody
---@return sandbox.bot[] oldest first
function bots.list(db, tenant_id, creator_id)
  if creator_id then
    return db:rows(SELECT .. "WHERE bots.creator_id = ? AND users.tenant_id = ? ORDER BY bots.rowid",
      creator_id, tenant_id)
  end
  return db:rows(SELECT .. "WHERE users.tenant_id = ? ORDER BY bots.rowid", tenant_id)
end

--- Whether it is a member of any other group.
---@param group sandbox.group
---@return boolean
function bots.is_elsewhere(db, id, group)
  return db:row("SELECT 1 AS found FROM members WHERE user_id = ? AND group_number <> ? LIMIT 1", id,
    group.number) ~= nil
end

--- Bots of all creators, oldest first.
---@param count integer at most so many
---@return sandbox.bot[]
function bots.oldest(db, count)
  return db:rows(SELECT .. "ORDER BY bots.rowid LIMIT ?", count)
end

--- Deletes a bot and its memberships. Its messages stay.
function bots.delete(db, id)
  db:exec("DELETE FROM users WHERE id = ?", id)
end

return bots
