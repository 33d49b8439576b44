-- decode.lua FILE: decodes it with lua-cjson, and prints how many rows it has and the sum of one field.
local file = assert(io.open((...), "rb"))
local rows, sum = require "cjson".decode(file:read "a").rows, 0
for _, row in ipairs(rows) do sum = sum + row.id end
print(#rows .. " " .. math.tointeger(sum))
