-- luacheck: globals wrk request
-- For wrk: GETs that differ, so that no reply to one is that to another.
local n = 0

function request()
  n = n + 1
  return wrk.format("GET", wrk.path .. "?n=" .. n)
end
