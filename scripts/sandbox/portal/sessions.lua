--- Sessions. The id is random and known only to the browser; its hash is stored here. The data of a session
--- is kept in memory: the phone number to be verified, the draft of a connector, and values for the next page
--- (`flash`), such as secrets that are shown only once.
local crypto = require "jeton.crypto"
local limits = require "sandbox.base.limits"

local sessions = {}
sessions.__index = sessions

local ID_BYTES = 32
local FORM_PURPOSE = "form of the portal"

---@class sandbox.portal.session
---@field user_id string
---@field seen_at integer epoch seconds
---@field flash {key: string, value: any}[] data that one page leaves for the next
---@field draft table|nil from the first step of "Add Connector"
---@field phone string|nil to be verified by PIN

---@class sandbox.portal.sessions
---@field by_hash table<string, sandbox.portal.session>
---@field count integer

---@return sandbox.portal.sessions
function sessions.new()
  return setmetatable({ by_hash = {}, count = 0 }, sessions)
end

--- Makes an id for a browser without a session, and a new one at sign-in.
---@return string id
function sessions.new_id()
  return crypto.hex(crypto.random(ID_BYTES))
end

---@param text string|nil from a cookie
---@return boolean
function sessions.is_id(text)
  return text ~= nil and #text == 2 * ID_BYTES and text:find "^%x+$" ~= nil
end

--- The token in every form, derived from the session's id.
---@param key string of the sandbox
---@param id string of the session, also of one that has not signed in
---@return string
function sessions.form_token(key, id)
  return crypto.hex(crypto.hmac_sha256(key, ("s1s1"):pack(FORM_PURPOSE, id)))
end

local function hash_of(id)
  return crypto.hex(crypto.sha256(id))
end

local function is_over(session, now)
  return now - session.seen_at >= limits.portal_idle_s
end

-- Makes room: removes expired sessions, else the one idle for longest.
function sessions:make_room(now)
  local oldest
  for hash, session in pairs(self.by_hash) do
    if is_over(session, now) then
      self.by_hash[hash] = nil
      self.count = self.count - 1
    elseif not oldest or session.seen_at < self.by_hash[oldest].seen_at then
      oldest = hash
    end
  end
  if self.count >= limits.portal_sessions then
    self.by_hash[oldest] = nil
    self.count = self.count - 1
  end
end

---@param user_id string
---@param now integer
---@return string id for the browser's cookie
function sessions:open(user_id, now)
  if self.count >= limits.portal_sessions then
    self:make_room(now)
  end
  local id = sessions.new_id()
  self.by_hash[hash_of(id)] = { user_id = user_id, seen_at = now, flash = {} }
  self.count = self.count + 1
  return id
end

---@param id string
---@param now integer
---@return sandbox.portal.session|nil
function sessions:find(id, now)
  local session = self.by_hash[hash_of(id)]
  if session and is_over(session, now) then
    self:close(id)
    return nil
  end
  return session
end

---@param id string
function sessions:close(id)
  local hash = hash_of(id)
  if self.by_hash[hash] then
    self.by_hash[hash] = nil
    self.count = self.count - 1
  end
end

--- Keeps a value for the next page.
---@param session sandbox.portal.session
---@param key string
---@param value any
function sessions.put(session, key, value)
  sessions.take(session, key)
  table.insert(session.flash, { key = key, value = value })
  if #session.flash > limits.portal_flashes then
    table.remove(session.flash, 1)
  end
end

--- Takes the value.
---@param session sandbox.portal.session
---@param key string
---@return any value nil if there is none
function sessions.take(session, key)
  for i, entry in ipairs(session.flash) do
    if entry.key == key then
      table.remove(session.flash, i)
      return entry.value
    end
  end
end

return sessions
