-- Tests of hello.lua, against a sandbox that ends with them. Run: jeton test
local test = require "jeton.test"

test("each run posts, with the next number", function(t)
  local kz = t:sandbox { seed = "sandbox.yaml" }
  t:equal(t:run("hello.lua").stdout, "posted to Sales: Hello from jeton, no. 1\n")
  t:equal(t:run("hello.lua", { args = { "Hi" } }).stdout, "posted to Sales: Hi, no. 2\n")
  t:like(kz:messages(), { { text = "^Hello from jeton" }, { text = "^Hi" } })
end)

test("a limit of the service is waited for, on the test's clock", function(t)
  t:sandbox {
    seed = "sandbox.yaml",
    faults = { { match = { method = "POST", path = "*/messages" }, times = 1, status = 429,
      headers = { ["Retry-After"] = "900" } } },
  }
  t:equal(t:run("hello.lua").status, 0)
  t:equal(t:elapsed(), 900) -- seconds; none of ours
end)

test("as a job it takes its text from `args`", function(t)
  local kz = t:sandbox { seed = "sandbox.yaml" }
  local run = t:run("hello.lua", { job = { name = "hello", args = { text = "Good morning" } } })
  t:like(run, { status = 0, state = { number = 1 } })
  t:like(kz:messages(), { { text = "^Good morning, no. 1" } })
end)
