--- Finds users by phone number. An unknown number becomes an unprovisioned user and gets an SMS.
local sms = require "sandbox.data.sms"
local users = require "sandbox.data.users"

--- Calls fn for the user of each number.
---@param call sandbox.call
---@param group sandbox.group what they are invited to
---@param phones string[]
---@param fn fun(user: sandbox.user)
local function invite(call, group, phones, fn)
  for _, phone in ipairs(phones) do
    local user, is_new = users.find_or_invite(call.db, phone, group.tenant_id, call.now)
    fn(user)
    if is_new then
      sms.send_invitation(call.db, phone, call.caller.user, group.name, call.now)
    end
  end
end

return invite
