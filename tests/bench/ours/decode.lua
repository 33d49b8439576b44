-- decode.lua FILE: decodes it, and prints how many rows it has and the sum of one field.
local json = require "jeton.json"

local file = assert(io.open((...), "rb"))
local decoded = assert(json.decode(file:read "a", { max_bytes = 64 * 1024 * 1024 }))
local rows, sum = decoded.rows, 0
for _, row in ipairs(rows) do sum = sum + row.id end
print(#rows .. " " .. sum)
