-- Tests of disk-alert.lua, against a sandbox. Run: jeton test
local test = require "jeton.test"

test("what is full is reported once", function(t)
  local kz = t:sandbox()
  local first = t:run("../disk-alert.lua", { args = { "1" } })
  t:equal(first.status, 0)
  local _, lines = first.stdout:gsub("\n", "")
  t:equal(#kz:messages(), lines)
  t:equal(t:run("../disk-alert.lua", { args = { "1" } }).stdout, "")
end)

test("a threshold that is none is refused", function(t)
  t:sandbox()
  t:like(t:run("../disk-alert.lua", { args = { "200" } }), {
    status = 1, message = "the threshold must be a whole percentage from 1 to 100, got 200",
  })
end)
