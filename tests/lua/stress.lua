-- Runs a test file with a collector that never rests:
--   jeton run tests/lua/stress.lua tests/lua/task/test_task.lua
-- Whatever C code keeps without an anchor is collected under its feet.
collectgarbage "incremental"
collectgarbage("setpause", 0) -- the next cycle begins when one ends
collectgarbage("setstepmul", 1000)
local file = assert((...), "usage: stress.lua TEST")
package.path = (file:match "^.*/" or "") .. "?.lua;" .. package.path -- as if it were the script
return assert(loadfile(file, "t"))(select(2, ...))
