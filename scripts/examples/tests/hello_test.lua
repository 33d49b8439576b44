-- Tests of hello.lua, against a sandbox. Run: jeton test
local test = require "jeton.test"

test("it posts to the first group, and shows what it did", function(t)
  local kz = t:sandbox()
  local run = t:run("../hello.lua", { args = { "Hi" } })
  t:like(run, { status = 0, stdout = "^token      from the exchange, valid until " })
  t:equal(#kz:messages(), 1)
  t:like(kz:messages(), { { text = "Hi" } })
end)
