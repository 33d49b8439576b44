-- Tests of attendance.lua, against a sandbox. Run: jeton test
local test = require "jeton.test"

local function run(t)
  return t:run("../attendance.lua")
end

test("it asks in the morning, reports later, and reminds once", function(t)
  t:sandbox()
  t:like(run(t), { status = 0, stdout = "^asked " })
  t:advance "2h"
  t:like(run(t), {
    status = 0, stdout = "^0 of %d+ answered; wrote ./attendance.2026.01.05.csv\nreminded %d+\n$",
  })
  t:advance "1h"
  t:like(run(t), { status = 0, stdout = "^0 of %d+ answered; wrote [^\n]+\n$" })
  t:advance "1d"
  t:like(run(t), { status = 0, stdout = "^asked " })
end)
