-- Tests of survey.lua, against a sandbox. Run: jeton test
local test = require "jeton.test"

test("it sends, and collects what was answered", function(t)
  t:sandbox()
  local sent = t:run("../survey.lua", { args = { "send" } })
  t:like(sent, { status = 0, stdout = "^sent " })
  t:like(t:run("../survey.lua", { args = { "collect" } }), {
    status = 0, stdout = "wrote 0 responses to ./survey.csv and survey.db\n",
  })
end)

test("there is nothing to collect before it was sent", function(t)
  t:sandbox()
  t:equal(t:run("../survey.lua", { args = { "collect" } }).status ~= 0, true)
end)
