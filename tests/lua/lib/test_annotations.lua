-- scripts/meta: what the annotations say of options and results is what the C modules take and give.
local http = require "jeton.http"
local jeton = require "jeton"
local json = require "jeton.json"
local lu = require "luaunit"
local server = require "jeton.server"
local task = require "jeton.task"
local token = require "jeton.token"

local SOURCE = assert(os.getenv "JETON_SOURCE", "JETON_SOURCE is not set")
local MODULES = {
  "crypto", "http", "json", "log", "progress", "server", "sqlite", "state", "task", "token", "yaml",
}
local NONSENSE = "qqqqqqqqqqqq" -- near to no option

local function read(path)
  local file <close> = assert(io.open(SOURCE .. path))
  return file:read "a"
end

local stubs = { ["scripts/meta/jeton.lua"] = read "/scripts/meta/jeton.lua" }
for _, name in ipairs(MODULES) do
  local path = "scripts/meta/jeton/" .. name .. ".lua"
  stubs[path] = read("/" .. path)
end

-- name → { fields = {name = type}, parent = name }
local classes = {}
for _, text in pairs(stubs) do
  local last
  for line in text:gmatch "[^\n]+" do
    local name, rest = line:match "^%-%-%-@class ([%w.]+)(.*)"
    local field, kind = line:match "^%-%-%-@field ([%w_]+)%?? (.+)"
    name = name or line:match "^%-%-%-@alias ([%w.]+)"
    if name then
      last = name
      classes[name] = { fields = {}, parent = (rest or ""):match "^ *: *([%w.]+)" }
    elseif field then
      classes[last].fields[field] = kind
    end
  end
end

local function add_fields(set, class)
  for field in pairs(assert(classes[class], class).fields) do set[field] = true end
  if classes[class].parent then add_fields(set, classes[class].parent) end
end

-- The names of a set, sorted.
local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function fields(...)
  local set = {}
  for _, class in ipairs { ... } do add_fields(set, class) end
  return sorted(set)
end

-- The options that a call takes, from what it says of one that it does not take.
local function options(call)
  local ok, message = pcall(call, { [NONSENSE] = 1 })
  lu.assertFalse(ok)
  -- The second is of the configuration: "expected a, b or c; …".
  local list = message:match "it takes: (.*)" or message:match(NONSENSE .. "'[^;]*; expected ([^;]+)")
  local set = {}
  for name in assert(list, message):gsub(" or ", ", "):gmatch "[%w_]+" do set[name] = true end
  return sorted(set)
end

local function decode(given) return json.decode("1", given) end
local function encode(given) return json.encode(1, given) end
local function map(given) return task.map({}, print, given) end

local function send_part(part)
  return http.request { url = "http://127.0.0.1:1/", multipart = { part } }
end

-- token.exchange at an OAuth 2.0 service reads a connector.
local function exchange(given)
  given.provider = "oauth2"
  return token.exchange(given)
end

local function assert_says(given)
  return exchange { assertion = given }
end

local function reply_has(given)
  return exchange { reply = given }
end

local TestOptions = {}

-- For each call of larg_options() in the sources.
local CALLS = {
  ["http.request"] = { http.request, "jeton.http.UrlOptions", "jeton.http.ConnectorOptions" },
  ["a part of multipart"] = { send_part, "jeton.http.Part" },
  ["http.error"] = { http.error, "jeton.ErrFields" },
  ["json.decode"] = { decode, "jeton.json.DecodeOptions" },
  ["json.encode"] = { encode, "jeton.json.EncodeOptions" },
  ["server.listen"] = { server.listen, "jeton.server.Options" },
  ["task.map"] = { map, "jeton.task.MapOptions" },
  ["token.exchange"] = { token.exchange, "jeton.token.Credentials" },
  ["token.exchange of oauth2"] = { exchange, "jeton.token.OAuth2" },
  ["its assertion"] = { assert_says, "jeton.token.Assertion" },
  ["its reply"] = { reply_has, "jeton.token.Reply" },
}
local BY_VARIABLE = { what = "json.decode", RESPONSE = "a response" } -- larg_options(L, index, what, keys)
-- Below; not for scripts.
local ELSEWHERE = {
  ["a response"] = true, ["exec.run"] = true, ["hook.fail"] = true, ["native.deliver"] = true,
  ["native.event"] = true, ["native.run"] = true, run = true,
}

function TestOptions.test_of_each_call()
  for name, call in pairs(CALLS) do
    lu.assertEquals(options(call[1]), fields(table.unpack(call, 2)), name)
  end
end

function TestOptions.test_no_call_is_forgotten()
  local count = 0
  for _, path in ipairs { "lib/levent", "lib/lexec_module", "lib/lhttp", "lib/lhttp_request", "lib/ljson",
    "lib/lserver", "lib/lserver_message", "lib/ltest_deliver", "lib/ltest_run", "lib/ltest_script",
    "lib/ltoken_exchange", "task/task_map" } do
    for what in read("/bindings/" .. path .. ".c"):gmatch "larg_options%(L, [%w_]+, (.-), [%w_]+%)" do
      local name = what:match '^"(.*)"$' or BY_VARIABLE[what]
      lu.assertTrue((CALLS[name] or ELSEWHERE[name]) ~= nil, path .. ": " .. what)
      count = count + 1
    end
  end
  local pipe <close> = assert(io.popen(("grep -rho 'larg_options(L, ' '%s/bindings' | wc -l"):format(SOURCE)))
  lu.assertEquals(count, pipe:read "n", "a file of bindings/ is not looked at")
end

local TestResults = {}

-- The body of a C function.
local function body(path, name)
  local text = read("/bindings/" .. path)
  return assert(text:match("\n[%w_ %*]+" .. name .. "%([^;]-%)\n(%b{})"), name)
end

-- The fields that a C function gives a table.
local function given(path, name)
  local set = {}
  for field in body(path, name):gmatch 'field%(L, %-2, "([%w_]+)"%)' do set[field] = true end
  for field in body(path, name):gmatch 'set_string%(L, "([%w_]+)"' do set[field] = true end
  return set
end

function TestResults.test_tables_that_c_makes()
  for class, where in pairs {
    ["jeton.Token"] = { "lib/ltoken_call.c", "call_finish" },
    ["jeton.http.Response"] = { "lib/lhttp_call.c", "push_response" },
    ["jeton.Err"] = { "base/lerr.c", "lerr_push" },
    ["jeton.Job"] = { "lib/jeton.c", "push_job" },
    ["jeton"] = { "lib/jeton.c", "luaopen_jeton" },
    ["jeton.server.Request"] = { "lib/lserver_message.c", "lserver_message_push" },
  } do
    local set = given(table.unpack(where))
    if class == "jeton.http.Response" then set.lenient = nil end -- for its own json()
    if class == "jeton.Err" then set.traceback = true end -- of a task
    lu.assertEquals(sorted(set), fields(class), class)
  end
end

function TestResults.test_kinds_of_errors()
  local kinds, count = classes["jeton.Err"].fields.kind, 0
  for kind in kinds:match "^%S+":gmatch '"(%w+)"' do
    count = count + 1
    lu.assertEquals(http.error({ kind = kind, message = "x" }).kind, kind)
  end
  local _, known = body("lib/lhttp.c", "http_error"):match "kinds%[%] = (%b{})":gsub("ERR_", "")
  lu.assertEquals(count, known)
end

function TestResults.test_what_a_script_knows_about_its_run()
  local known = {}
  for _, field in ipairs(fields "jeton") do known[field] = true end
  for field in pairs(jeton) do lu.assertTrue(known[field], field) end
end

local TestTypes = {}

function TestTypes.test_every_type_that_is_named_exists()
  for path, text in pairs(stubs) do
    for line in text:gmatch "[^\n]+" do
      local kinds = line:match "^%-%-%-@param [%w_.]+%?? (.*)" or line:match "^%-%-%-@return (.*)"
        or line:match "^%-%-%-@field [%w_]+%?? (.*)"
      for kind in (kinds or ""):gmatch "%f[%w.]jeton%.%u[%w.]*" do
        lu.assertTrue(classes[kind] ~= nil, path .. ": " .. kind)
      end
      for kind in (kinds or ""):gmatch "%f[%w.]jeton%.%l+%.%u[%w.]*" do
        lu.assertTrue(classes[kind] ~= nil, path .. ": " .. kind)
      end
    end
  end
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances {
  { "TestOptions", TestOptions }, { "TestResults", TestResults }, { "TestTypes", TestTypes },
} == 0
