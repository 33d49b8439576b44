--- Subscribers of public groups. The order of a list is that of their ids: it stays while people come
--- and go, so a cursor may wait.
local limits = require "sandbox.base.limits"

local subscribers = {}

--- One page.
---@param group sandbox.group
---@param after string id of the last one of the page before; "" at the start
---@param count integer
---@return sandbox.user[] users count of them, and one more where there is a next page
function subscribers.page(db, group, after, count)
  return db:rows([[SELECT users.* FROM subscribers JOIN users ON users.id = user_id
                   WHERE group_number = ? AND user_id > ? ORDER BY user_id LIMIT ?]],
    group.number, after, count + 1)
end

--- How many more a group may have, at least.
---@param group sandbox.group
---@return integer
function subscribers.room(db, group)
  -- A group has no more subscribers than there are users. Those are not counted, and its own only where
  -- one request could fill it.
  local room = limits.subscribers_per_group - (db:row("SELECT max(rowid) AS n FROM users").n or 0)
  if room >= limits.subscribers_per_request then
    return room
  end
  return limits.subscribers_per_group
    - db:row("SELECT count(*) AS n FROM subscribers WHERE group_number = ?", group.number).n
end

---@return boolean added false: was one already
function subscribers.add(db, group, user_id)
  return db:exec("INSERT OR IGNORE INTO subscribers (group_number, user_id) VALUES (?, ?)",
    group.number, user_id) > 0
end

---@return boolean removed false: was none
function subscribers.remove(db, group, user_id)
  return db:exec("DELETE FROM subscribers WHERE group_number = ? AND user_id = ?", group.number, user_id) > 0
end

return subscribers
