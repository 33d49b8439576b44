-- Runs a test file with a collector that never rests:
--   jeton run tests/lua/stress.lua tests/lua/test_task.lua
-- Whatever C code keeps without an anchor is collected under its feet.
collectgarbage "incremental"
collectgarbage("setpause", 0) -- the next cycle begins when one ends
collectgarbage("setstepmul", 1000)
local file = assert((...), "usage: stress.lua TEST")
return assert(loadfile(file, "t"))(select(2, ...))
