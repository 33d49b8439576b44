--- Lists of phone numbers in which some are none. They do not stop the rest: the reply says so.
local assumptions = require "sandbox.base.assumptions"
local ids = require "sandbox.base.ids"
local refusal = require "sandbox.base.refusal"

local numbers = {}

--- Divides a list.
---@param name string of the field, for messages
---@param list string[]|nil
---@return string[] phones
---@return string[] others
function numbers.divide(name, list)
  local phones, others = {}, {}
  for i, text in ipairs(list or {}) do
    if ids.is_phone(text) then
      phones[#phones + 1] = text
    elseif assumptions.bad_numbers_reported then
      others[#others + 1] = text
    else
      refusal.invalid("%s[%d]: expected a phone number with + and country code", name, i - 1)
    end
  end
  return phones, others
end

return numbers
