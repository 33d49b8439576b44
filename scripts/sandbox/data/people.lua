--- The people of a group: members, and subscribers of a public group, together.
local groups = require "sandbox.data.groups"

local people = {}

--- Members in the order of joining, then subscribers.
---@param group sandbox.group
---@param count integer at most
---@return sandbox.user[]
function people.of_group(db, group, count)
  local found = db:rows([[SELECT users.* FROM members JOIN users ON users.id = user_id
                          WHERE group_number = ? ORDER BY position LIMIT ?]], group.number, count)
  local seen = {}
  for _, user in ipairs(found) do
    seen[user.id] = true
  end
  local subscribers = db:rows([[SELECT users.* FROM subscribers JOIN users ON users.id = user_id
                                WHERE group_number = ? ORDER BY user_id LIMIT ?]],
    group.number, count - #found)
  for _, user in ipairs(subscribers) do
    found[#found + 1] = not seen[user.id] and user or nil
  end
  return found
end

---@param group sandbox.group
---@return boolean a member or a subscriber
function people.is_in(db, group, user_id)
  return groups.role(db, group, user_id) ~= nil or groups.is_subscriber(db, group, user_id)
end

return people
