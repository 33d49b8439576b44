-- One object of each class of the SDK, without a request; and the classes, whose methods they have.
require "kaizala"
for _, name in ipairs { "actions", "bots", "media", "reactions", "subgroups", "subscribers", "webhooks" } do
  require("kaizala." .. name) -- else they are read when their methods are called
end
local nobody = require("kaizala.client").new "nobody"
local group = nobody:group "853654b2-7e1b-4c0e-9f0a-3d0c5f6b2a11"

local objects = {
  Client = nobody, Group = group, Action = group:action "a", Bot = nobody:bot "b",
  Webhook = nobody:webhook "w", Iterator = nobody:groups(),
  ---@type table<string, table>
  classes = {},
}
for _, name in ipairs { "Client", "Group", "Action", "Bot", "Webhook", "Iterator" } do
  objects.classes[name] = getmetatable(objects[name])
end

return objects
