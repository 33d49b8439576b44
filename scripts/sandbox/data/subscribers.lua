--- Subscribers of public groups. Lists are in the order of ids, so that cursors stay valid while people join
--- and leave.
local limits = require "sandbox.base.limits"

local subscribers = {}

--- One page.
---@param group sandbox.group
---@param after string id the last id of the previous page; "" at the start
---@param count integer
---@return sandbox.user[] users count of them, and one more if there is a next page
function subscribers.page(db, group, after, count)
  return db:rows([[SELECT users.* FROM subscribers JOIN users ON users.id = user_id
                   WHERE group_number = ? AND user_id > ? ORDER BY user_id LIMIT ?]],
    group.number, after, count + 1)
end

--- How many more subscribers a group can certainly take.
---@param group sandbox.group
---@return integer
function subscribers.room(db, group)
  -- A group has at most as many subscribers as there are users. Its own are counted only if one request
  -- could exceed the limit.
  local room = limits.subscribers_per_group - (db:row("SELECT max(rowid) AS n FROM users").n or 0)
  if room >= limits.subscribers_per_request then
    return room
  end
  return limits.subscribers_per_group
    - db:row("SELECT count(*) AS n FROM subscribers WHERE group_number = ?", group.number).n
end

---@return boolean added false: was already a subscriber
function subscribers.add(db, group, user_id)
  return db:exec("INSERT OR IGNORE INTO subscribers (group_number, user_id) VALUES (?, ?)",
    group.number, user_id) > 0
end

---@return boolean removed false: was not a subscriber
function subscribers.remove(db, group, user_id)
  return db:exec("DELETE FROM subscribers WHERE group_number = ? AND user_id = ?", group.number, user_id) > 0
end

return subscribers
