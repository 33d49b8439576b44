-- Tests of notice.lua, against a sandbox: a bulk send of which a part fails. Run: jeton test
local test = require "jeton.test"

local function write(name, text)
  local file <close> = assert(io.open(name, "w")) -- each test has a folder of its own
  file:write(text)
end

local function read(name)
  local file <close> = assert(io.open(name))
  return file:read "a"
end

local function run(t)
  return t:run("../notice.lua", { args = { "notice.txt", "numbers.csv" } })
end

test("who could not be reached is listed, and nobody gets it twice", function(t)
  t:sandbox()
  write("notice.txt", "The office is closed.")
  write("numbers.csv", "phone\n+33100000002\n+33100000003\n+33100000099\n")
  t:like(run(t), { status = 1, stdout = "2 of 3 have it; for the others see failed.csv\n" })
  t:like(read "failed.csv", "^phone,reason\r?\n[+]33100000099,")
  write("numbers.csv", "phone\n+33100000002\n+33100000003\n")
  t:like(run(t), { status = 0, stdout = "2 of 2 have it\n" }) -- from the journal: nothing is sent
end)

test("a request without a reply is not sent again", function(t)
  local kz = t:sandbox {
    faults = { { match = { method = "POST", path = "*/messages*" }, times = 1, drop = true } },
  }
  write("notice.txt", "x")
  write("numbers.csv", "phone\n+33100000002\n")
  local first = run(t)
  t:equal(first.status ~= 0, true)
  t:like(read "failed.csv", "^phone,reason\r?\n[+]33100000002,unknown: network")
  local sent = #kz:requests "*/messages*"
  t:equal(run(t).status, 1)
  t:equal(#kz:requests "*/messages*", sent)
end)
