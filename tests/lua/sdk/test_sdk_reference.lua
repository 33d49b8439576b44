-- docs/lua-api.md has every method of the SDK, and which operation of the service is behind it.
local lu = require "luaunit"
local objects = require "sdk_objects"
local operations = require "sandbox.operations"

local SOURCE = assert(os.getenv "JETON_SOURCE", "JETON_SOURCE must name the folder of the source")

local function read_page()
  local file <close> = assert(io.open(SOURCE .. "/docs/lua-api.md"))
  return (file:read "a":match "\n## kaizala\n(.*)")
end

local PREFIXES = { Client = "kz", Group = "g", Action = "a", Bot = "b", Webhook = "w", Iterator = "" }
-- Makes no call: names an object, or is the call of which the rest is made.
local NO_CALL = { ["kz:group"] = true, ["g:action"] = true, ["kz:bot"] = true, ["kz:webhook"] = true,
  ["kz:request"] = true }

local TestReference = {}

function TestReference.test_every_method_is_there()
  local page = read_page()
  for class_name, class in pairs(objects.classes) do
    for name, fn in pairs(class) do
      if type(fn) == "function" and not name:find "^__" then
        lu.assertStrContains(page, ("%s:%s"):format(PREFIXES[class_name], name))
      end
    end
  end
end

function TestReference.test_every_operation_has_a_function()
  local rows, named = {}, {}
  for functions, operation, permission in read_page():gmatch "\n| ([^|]+) | `([A-Z]+ /[^`]*)` | ([%w.]+) |" do
    rows[operation] = permission
    for name in functions:gmatch "`(%a+:[%w_]+)`" do named[name] = true end
  end
  local count = 0
  for _, operation in ipairs(operations) do
    if not operation.public then
      count = count + 1
      local row = ("%s %s"):format(operation.method, operation.path)
      lu.assertEquals(rows[row], operation.permission, operation.name)
    end
  end
  lu.assertTrue(count > 40)
  for class_name, class in pairs(objects.classes) do
    for name, fn in pairs(class) do
      local method = ("%s:%s"):format(PREFIXES[class_name], name)
      local is_method = type(fn) == "function" and not name:find "^__" and class_name ~= "Iterator"
      if is_method and not NO_CALL[method] then
        lu.assertTrue(named[method], method .. " is in no row of the calls")
      end
    end
  end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestReference", TestReference } })
