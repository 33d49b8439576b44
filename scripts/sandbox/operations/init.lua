--- The table of all operations: router, permissions, validation and error texts come from it. A new
--- operation is one more entry in one of these files.
local operations = {}

for _, name in ipairs { "token", "users", "groups", "members", "messages" } do
  for _, operation in ipairs(require("sandbox.operations." .. name)) do
    operations[#operations + 1] = operation
  end
end

return operations
