local jeton = require "jeton"
local reply = { items = { 1, "a" } }
local slips = {
  loop = function()
    for _, item in ipairs(reply.itms) do print(item) end
  end,
  sort = function() table.sort(reply.items) end,
  unpack = function() print(table.unpack(reply.itms)) end,
  people = function() error("said to people", 0) end,
}
slips[jeton.args[1]]()
