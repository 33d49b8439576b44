-- Tests of tickets.lua, against a sandbox: days pass at once. Run: jeton test
local test = require "jeton.test"

local function run(t, ...)
  return t:run("../tickets.lua", { args = { ... } })
end

test("a ticket is opened once; a late one gets one reminder", function(t)
  t:sandbox()
  t:like(run(t), {
    status = 0,
    stdout = "^opened #101 for [+%d]+: Replace the printer in room 4\nopened #102 [^\n]+\n$",
    state = { ["ticket:101"] = t.any, ["ticket:102"] = t.any },
  })
  t:equal(run(t).stdout, "")
  t:advance "5h" -- #102 was due in four
  t:like(run(t), { status = 0, stdout = "^reminded of #102 [^\n]+\n$" })
  t:equal(run(t).stdout, "")
end)

test("a queue that is wrong is named with its line, before anything is sent", function(t)
  local kz = t:sandbox()
  local file <close> = assert(io.open("queue.csv", "w"))
  file:write "id,title,assignee,hours\n1,Printer,+33100000002,soon\n"
  file:close()
  t:like(run(t, "queue.csv"), {
    status = 1, message = "queue.csv:2: hours must be a whole number of at least 1, got 'soon'",
  })
  t:equal(kz:requests(), {})
end)
