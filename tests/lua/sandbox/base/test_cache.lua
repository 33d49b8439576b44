local lu = require "luaunit"
local cache = require "sandbox.base.cache"

collectgarbage "generational" -- all of it is Lua: stress.lua has nothing to find here

local TestCache = {}

function TestCache.test_a_full_one_begins_anew()
  local kept = cache.new(2)
  lu.assertNil(kept:get "a")
  kept:set("a", 1)
  kept:set("b", 2)
  lu.assertEquals({ kept:get "a", kept:get "b" }, { 1, 2 })
  kept:set("c", 3)
  lu.assertNil(kept:get "a")
  lu.assertNil(kept:get "b")
  lu.assertEquals(kept:get "c", 3)
end

function TestCache.test_the_same_key_counts_once()
  local kept = cache.new(2)
  kept:set("a", 1)
  kept:set("a", 2)
  kept:set("b", 3)
  lu.assertEquals({ kept:get "a", kept:get "b" }, { 2, 3 })
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestCache", TestCache } })
