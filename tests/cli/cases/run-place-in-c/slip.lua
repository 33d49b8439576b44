local jeton = require "jeton"
local reply = require("jeton.json").decode [[{"items": [1, "a"], "next": null}]]
local slips = {
  loop = function()
    for _, item in ipairs(reply.itms) do print(item) end
  end,
  sort = function() table.sort(reply.items) end,
  unpack = function() print(table.unpack(reply.itms)) end,
  null = function() print(reply.next:sub(1, 4)) end,
  option = function() require("jeton.http").request { connector = true, path = reply.next } end,
  people = function() error("said to people", 0) end,
}
slips[jeton.args[1]]()
