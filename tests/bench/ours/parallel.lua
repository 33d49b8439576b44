-- parallel.lua URL N LIMIT: N requests, LIMIT at once, decoded. Prints the sum of their ids.
local http = require "jeton.http"
local task = require "jeton.task"

local url, n, limit = ...
local numbers, total = {}, 0
for i = 1, tonumber(n) do numbers[i] = i end
task.map(numbers, function(i)
  local response = assert(http.get(url .. "/item/" .. i))
  total = total + response:json().id
end, { limit = tonumber(limit) })
print(total)
