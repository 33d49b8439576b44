local kz = require "kaizala".connect()
local group = kz:group "x"
local calls = {
  function() kz.me() end,
  function() kz.group "x" end,
  function() group.send_message "x" end,
  function() group.members() end,
  function() group.set_role("id", "Admin") end,
}
for _, call in ipairs(calls) do print(select(2, pcall(call))) end
