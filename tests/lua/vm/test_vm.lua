-- What a script finds around it.
local jeton = require "jeton"
local lu = require "luaunit"

local TestModules = {}

function TestModules.test_all_are_there()
  for _, name in ipairs {
    "cjson", "cjson.safe", "jeton", "jeton.crypto", "jeton.exec", "jeton.http", "jeton.json", "jeton.log",
    "jeton.progress", "jeton.server", "jeton.sqlite", "jeton.state", "jeton.task", "jeton.token",
    "jeton.yaml", "kaizala",
  } do
    lu.assertIsTable(require(name), name)
  end
end

function TestModules.test_no_module_leaves_a_global()
  local known = {}
  for name in ("_G _VERSION assert collectgarbage coroutine debug dofile error getmetatable io ipairs load "
    .. "loadfile math next os package pairs pcall print rawequal rawget rawlen rawset require select "
    .. "setmetatable string table tonumber tostring type utf8 warn xpcall"):gmatch "%S+" do
    known[name] = true
  end
  for name in pairs(_G) do
    -- luaunit sets one of its own
    if name ~= "LuaUnit" and name ~= "M" then lu.assertTrue(known[name], name) end
  end
end

function TestModules.test_files_that_are_no_lua_give_their_text()
  lu.assertStrContains(require "sandbox.portal.assets.style", "prefers-color-scheme")
  lu.assertStrContains(require "sandbox.portal.assets.icon", "<svg")
  lu.assertEquals(package.loaded["sandbox.portal.assets.icon"], require "sandbox.portal.assets.icon")
end

function TestModules.test_compiled_ones_keep_their_lines_and_names()
  local info = debug.getinfo(require("kaizala").connect, "S")
  lu.assertEquals(info.source, "@kaizala/init.lua")
  lu.assertTrue(info.linedefined > 1)
  lu.assertEquals(debug.getlocal(require("kaizala").connect, 1), "name")
end

function TestModules.test_require_of_a_name_with_a_nul_byte()
  local ok, err = pcall(require, "kaizala\0x")
  lu.assertEquals({ ok, err },
    { false, "bad argument #1 to 'require' (the name of a module must not hold a NUL byte)" })
end

function TestModules.test_require_as_lua_has_it()
  local calls, loaded = 0, {}
  package.preload["a.b"] = function(...) calls = calls + 1 loaded = { ... } return false end
  package.preload["a.c"] = function(name) package.loaded[name] = "itself" end
  package.preload["a.d"] = function() end
  package.preload["a.e"] = function() error("it fails", 0) end
  lu.assertEquals({ require "a.b" }, { false, ":preload:" })
  lu.assertEquals(loaded, { "a.b", ":preload:" })
  lu.assertEquals({ require "a.b", calls }, { false, 2 })
  lu.assertEquals({ require "a.c" }, { "itself", ":preload:" })
  lu.assertEquals({ require "a.c" }, { "itself" })
  lu.assertEquals({ require "a.d" }, { true, ":preload:" })
  lu.assertEquals(package.loaded["a.d"], true)
  lu.assertErrorMsgEquals("it fails", require, "a.e")
  lu.assertErrorMsgContains("string expected, got nil", require, nil)
  local pattern = "^[^\n]*test_vm.lua:%d+: module 'a%.f' not found:\n\tno field package.preload%['a%.f'%].*"
    .. "\n\tno file [^\n]*a/f%.lua'.*"
  lu.assertErrorMsgMatches(pattern, function() local _ = require "a.f" end)
  for _, name in ipairs { "a.b", "a.c", "a.d", "a.e" } do
    package.preload[name], package.loaded[name] = nil, nil
  end
end

function TestModules.test_a_missing_one_says_where_it_was_looked_for()
  local _, err = pcall(require, "kaizala.nothing")
  lu.assertStrContains(err, "no file 'kaizala/nothing.lua' in the executable")
  lu.assertStrContains(err, "no field package.preload")
end

function TestModules.test_paths_are_absolute_and_begin_at_the_script()
  local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$"
  local first = package.path:match "^[^;]*"
  lu.assertEquals(first:sub(-#"/vm/?.lua"), "/vm/?.lua")
  lu.assertStrContains(first, here:match "[^/]*$")
  for _, path in ipairs { package.path, package.cpath } do
    for entry in path:gmatch "[^;]+" do lu.assertEquals(entry:sub(1, 1), "/") end
  end
end

function TestModules.test_cjson_is_lua_cjson()
  lu.assertEquals(require("cjson").decode "[1]", { 1.0 })
  lu.assertNil((require("cjson.safe").decode "["))
end

local TestContext = {}

function TestContext.test_jeton()
  lu.assertStrMatches(jeton.version, "%d+%.%d+%.%d+")
  lu.assertEquals(jeton.dry_run, false)
  lu.assertNil(jeton.job)
  lu.assertNil(jeton.deadline)
  -- Of the script that runs: this one, or stress.lua.
  lu.assertStrMatches(jeton.folder, "/.+")
  lu.assertNotNil(io.open(jeton.folder .. "/test_vm.lua") or io.open(jeton.folder .. "/stress.lua"))
end

local TestGuards = {}

function TestGuards.test_the_hook_comes_when_it_is_needed_and_is_no_script_s()
  lu.assertNil((debug.gethook()))
  coroutine.wrap(function() lu.assertNil((debug.gethook())) end)()
  lu.assertErrorMsgContains("keeps the count hook", debug.sethook)
  lu.assertErrorMsgContains("keeps the count hook", debug.sethook, coroutine.create(print), print, "l")
  for _, guard in ipairs { debug.sethook, pcall, xpcall } do
    lu.assertNil((debug.getupvalue(guard, 1))) -- what it stands for is out of reach
  end
end

function TestGuards.test_pcall_is_lua_s()
  lu.assertEquals(table.pack(pcall(function(...) return ... end, 1, nil, 3)), { true, 1, nil, 3, n = 4 })
  lu.assertEquals(table.pack(pcall(error)), { false, nil, n = 2 })
  lu.assertEquals({ pcall(error, { 1 }) }, { false, { 1 } })
  lu.assertErrorMsgContains("value expected", pcall)
  lu.assertEquals({ pcall(nil) }, { false, "attempt to call a nil value" })
end

function TestGuards.test_xpcall_is_lua_s()
  local function double(e) return e .. e end
  lu.assertEquals(table.pack(xpcall(function(...) return ... end, print, 1, nil, 3)),
    { true, 1, nil, 3, n = 4 })
  lu.assertEquals({ xpcall(error, double, "x") }, { false, "xx" })
  local _, traceback = xpcall(function() error "boom" end, debug.traceback)
  lu.assertStrContains(traceback, "test_vm.lua")
  lu.assertErrorMsgContains("function expected", xpcall, print)
end

function TestGuards.test_coroutines_are_lua_s()
  local co = coroutine.create(function(a)
    local b = coroutine.yield(a + 1)
    error("x" .. b, 0)
  end)
  lu.assertEquals({ coroutine.resume(co, 1) }, { true, 2 })
  lu.assertEquals({ coroutine.resume(co, 5) }, { false, "x5" })
  lu.assertEquals({ coroutine.resume(co) }, { false, "cannot resume dead coroutine" })
  local closed = false
  co = coroutine.create(function()
    local _ <close> = setmetatable({}, { __close = function() closed = true end })
    coroutine.yield()
  end)
  coroutine.resume(co)
  lu.assertTrue(coroutine.close(co))
  lu.assertTrue(closed)
end

local function failing_at_close(message)
  return setmetatable({}, { __close = function() error(message, 0) end })
end

function TestGuards.test_wrap_is_lua_s()
  local count = coroutine.wrap(function(...)
    local first = table.pack(coroutine.yield(...))
    return first.n, first[1]
  end)
  lu.assertEquals(table.pack(count(1, nil)), { 1, nil, n = 2 })
  lu.assertEquals({ count("a", nil) }, { 2, "a" })
  local _, err = pcall(function() count() end)
  lu.assertStrMatches(err, ".*test_vm.lua:%d+: cannot resume dead coroutine")
  lu.assertEquals({ pcall(coroutine.wrap(function() error({ 1 }) end)) }, { false, { 1 } })
  _, err = pcall(coroutine.wrap(function()
    local _ <close> = failing_at_close "at close"
    error "first"
  end))
  lu.assertEquals(err, "at close")
  lu.assertErrorMsgContains("function expected", coroutine.wrap, 1)
end

function TestGuards.test_resume_and_close_are_lua_s()
  lu.assertErrorMsgContains("coroutine expected, got number", coroutine.resume, 1)
  lu.assertErrorMsgContains("coroutine expected", coroutine.close)
  local outer
  outer = coroutine.create(function()
    lu.assertErrorMsgContains("cannot close a running coroutine", coroutine.close, outer)
    lu.assertEquals({ coroutine.resume(outer) }, { false, "cannot resume non-suspended coroutine" })
    coroutine.wrap(function()
      lu.assertErrorMsgContains("cannot close a normal coroutine", coroutine.close, outer)
    end)()
  end)
  lu.assertEquals({ coroutine.resume(outer) }, { true })
  lu.assertTrue(coroutine.close(outer))
  local co = coroutine.create(function()
    local _ <close> = failing_at_close "at close"
    coroutine.yield()
  end)
  coroutine.resume(co)
  lu.assertEquals({ coroutine.close(co) }, { false, "at close" })
  lu.assertTrue(coroutine.close(co))
  lu.assertEquals({ coroutine.resume(coroutine.create(table.unpack), {}, 1, 1e6) },
    { false, "too many results to unpack" })
end

function TestGuards.test_coroutines_nest_as_deep_as_lua_lets_them()
  local function nest(depth)
    local ok, deeper = coroutine.resume(coroutine.create(nest), depth + 1)
    return ok and deeper or depth
  end
  lu.assertTrue(nest(1) >= 150)
end

function TestGuards.test_children_can_be_ended()
  -- The signals that a run watches or ignores act in what it starts.
  for _, number in ipairs { 13, 15 } do
    local ok, how, signo = os.execute("kill -" .. number .. " $$")
    lu.assertEquals({ ok, how, signo }, { nil, "signal", number })
    local pipe <close> = io.popen("kill -" .. number .. " $$; echo alive")
    lu.assertEquals(pipe:read "a", "")
  end
end

function TestGuards.test_children_inherit_no_connection()
  local http = require "jeton.http"
  local server = assert(require("jeton.server").listen { handler = function() return { body = "" } end })
  lu.assertEquals(assert(http.get("http://127.0.0.1:" .. server.port)).status, 200) -- and is kept alive
  local pipe <close> = io.popen "ls -l /proc/self/fd"
  lu.assertNotStrContains(pipe:read "a", "socket")
  server:close()
end

local TestLog = {}

function TestLog.test_a_value_that_takes_fields_away()
  local log = require "jeton.log"
  local fields, before = {}, nil
  for i = 1, 4 do
    fields[i .. ("x"):rep(1 << 20)] = setmetatable({}, {
      __tostring = function()
        if before then fields[before] = nil end
        for name in pairs(fields) do
          if name:sub(1, 1) == tostring(i) then before = name end
        end
        collectgarbage()
        return ""
      end,
    })
  end
  log.debug("four", fields) -- sorted by their names
end

-- A negative count is one near 2^64 to Lua, and nothing that could be added to.
function TestGuards.test_a_read_of_all_there_is()
  local file <close> = assert(io.open "/dev/null")
  lu.assertErrorMsgContains("not enough memory", file.read, file, -5)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances {
  { "TestModules", TestModules },
  { "TestContext", TestContext },
  { "TestGuards", TestGuards },
  { "TestLog", TestLog },
})
