-- docs/api-reference.md is what the table of operations says.
local lu = require "luaunit"
local operations = require "sandbox.operations"
local reference = require "sandbox.reference"

collectgarbage "generational" -- all of it is Lua: stress.lua has nothing to find here
local SOURCE = assert(os.getenv "JETON_SOURCE", "JETON_SOURCE must name the folder of the source")

local TestReference = {}

function TestReference.test_the_page_is_not_stale()
  local file <close> = assert(io.open(SOURCE .. "/docs/api-reference.md"))
  if file:read "a" ~= reference.page(operations) then
    lu.fail "stale: run `jeton run scripts/tools/api-reference.lua docs/api-reference.md`"
  end
end

function TestReference.test_every_operation_is_there()
  local page = reference.page(operations)
  for _, operation in ipairs(operations) do
    lu.assertStrContains(page, ("### %s %s\n"):format(operation.method, operation.path))
  end
end

function TestReference.test_what_it_says_of_a_field()
  local page = reference.page { {
    name = "a.b", summary = "Does it.", method = "PUT", path = "/x/{id}", permission = "bot.write",
    body = { { "n", kind = "integer", min = 1, max = 5, default = 2, aliases = { "m" } } },
    reply = { { "list", kind = "list", optional = true, of = { { "s", kind = "string" } } } },
    example = { params = { id = "7" }, body = { n = 3 } },
  } }
  for _, line in ipairs {
    "## A", "### PUT /x/{id}", "Does it. Permission: `bot.write`. Allowed for: any token.",
    "| body | `n` | integer, 1 to 5 | default `2`; also as `m` |",
    "| reply | `list` | list | not always |", "| reply | `list[].s` | string |  |", 'PUT /v1/x/7\n{"n":3}',
  } do
    lu.assertStrContains(page, line)
  end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestReference", TestReference } })
