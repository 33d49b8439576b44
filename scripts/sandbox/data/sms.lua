--- Text messages to phones: in the language of who gets them, kept for the inbox.
local assumptions = require "sandbox.base.assumptions"
local limits = require "sandbox.base.limits"

local sms = {}

---@class sandbox.sms
---@field number integer
---@field phone string
---@field name string of the user with this number; "" for none
---@field text string
---@field language "en"|"fr"
---@field sent_at integer epoch seconds

local DEFAULT = "en"

-- The language of the account with this number, else the one of who caused the message.
local function language_of(db, phone, sender)
  local user = db:row("SELECT language FROM users WHERE phone = ?", phone)
  for _, one in ipairs { user or {}, sender or {} } do
    if one.language and one.language ~= "" then
      return one.language
    end
  end
  return DEFAULT
end

local function send(db, phone, texts, sender, now, ...)
  local language = language_of(db, phone, sender)
  db:exec("INSERT INTO sms (phone, text, language, sent_at) VALUES (?, ?, ?, ?)",
    phone, texts[language]:format(...), language, now)
  db:exec("DELETE FROM sms WHERE number <= (SELECT max(number) FROM sms) - ?", limits.sms_kept)
end

---@param phone string
---@param pin string
---@param account sandbox.user|nil who asked for it
---@param now integer epoch seconds
function sms.send_pin(db, phone, pin, account, now)
  send(db, phone, assumptions.pin_sms, account, now, pin)
end

--- Tells somebody who has no account yet that she was added to a group.
---@param phone string
---@param inviter sandbox.user
---@param group_name string
---@param now integer epoch seconds
function sms.send_invitation(db, phone, inviter, group_name, now)
  send(db, phone, assumptions.invitation_sms, inviter, now, inviter.name, group_name)
end

local function pattern(text)
  return "%" .. text:gsub("[%%_\\]", "\\%0") .. "%"
end

---@class sandbox.sms_filter
---@field phone string|nil exactly this number
---@field text string|nil a part of the text or of the number
---@field before integer|nil only those with a smaller number
---@field count integer at most

--- The newest that fit, newest first.
---@param filter sandbox.sms_filter
---@return sandbox.sms[]
---@return boolean has_older
function sms.newest(db, filter)
  local text = filter.text
  local found = db:rows([[
    SELECT sms.number, sms.phone, coalesce(users.name, '') AS name, text, sms.language, sent_at
    FROM sms LEFT JOIN users ON users.phone = sms.phone
    WHERE (?1 IS NULL OR sms.phone = ?1) AND sms.number < ?2
      AND (?3 IS NULL OR text LIKE ?3 ESCAPE '\' OR sms.phone LIKE ?4 ESCAPE '\')
    ORDER BY sms.number DESC LIMIT ?5]],
    filter.phone, filter.before or math.maxinteger, text and pattern(text),
    text and pattern((text:gsub("[%s().-]", ""))), filter.count + 1)
  local has_older = #found > filter.count
  found[filter.count + 1] = nil
  return found, has_older
end

return sms
