-- tasks.lua URL N FIRST: as parallel.lua, N requests by as many tasks, after FIRST at once: these open the
-- connections that may be open, and make all that is used again. Prints the sum of all ids.
local http = require "jeton.http"
local task = require "jeton.task"

local url, n, first = ...
local total = 0

local function at_once(count)
  local numbers = {}
  for i = 1, count do numbers[i] = i end
  task.map(numbers, function(i)
    total = total + assert(http.get(url .. "/item/" .. i)):json().id
  end, { limit = count })
end

at_once(tonumber(first))
at_once(tonumber(n))
print(total)
