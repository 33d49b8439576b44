--- Who is signed in. A session's id is random and known to the browser alone: here is its hash. What
--- a session holds lives in memory, and ends with it: the phone number that waits for its PIN, the
--- connector that is being filled in, and secrets that are to be shown once (`flash`).
local crypto = require "jeton.crypto"
local limits = require "sandbox.base.limits"

local sessions = {}
sessions.__index = sessions

local ID_BYTES = 32
local FORM_PURPOSE = "form of the portal"

---@class sandbox.portal.session
---@field user_id string
---@field seen_at integer epoch seconds
---@field flash {key: string, value: any}[] what one page leaves to the next one
---@field draft table|nil the connector of "Add Connector"'s first step
---@field phone string|nil that a PIN went to

---@class sandbox.portal.sessions
---@field by_hash table<string, sandbox.portal.session>
---@field count integer

---@return sandbox.portal.sessions
function sessions.new()
  return setmetatable({ by_hash = {}, count = 0 }, sessions)
end

--- For a browser that has no session yet, or a new one at sign-in.
---@return string id
function sessions.new_id()
  return crypto.hex(crypto.random(ID_BYTES))
end

---@param text string|nil from a cookie
---@return boolean
function sessions.is_id(text)
  return text ~= nil and #text == 2 * ID_BYTES and text:find "^%x+$" ~= nil
end

--- What every form carries: who does not know the session's id cannot make it.
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

-- Room for one more: those that are over go, else the one that was not seen for longest.
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

--- Keeps a value for one page to come.
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

--- Gives it, this once.
---@param session sandbox.portal.session
---@param key string
---@return any value nil where there is none
function sessions.take(session, key)
  for i, entry in ipairs(session.flash) do
    if entry.key == key then
      table.remove(session.flash, i)
      return entry.value
    end
  end
end

return sessions
