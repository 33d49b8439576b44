local lu = require "luaunit"
local limits = require "sandbox.base.limits"
local replies = require "sandbox.calls.replies"
local store = require "sandbox.data.store"

local TestReplies = {}

function TestReplies.test_those_of_another_state_are_forgotten()
  local kept, reply = replies.new(), { body = "{}" }
  kept:keep("1", "/a", "token", reply)
  kept:keep("1", "/b", "token", reply)
  lu.assertIs(kept:find("1", "/a", "token"), reply)
  lu.assertIs(kept:find("1", "/b", "token"), reply)
  lu.assertNil(kept:find("1", "/c", "token"))
  lu.assertNil(kept:find("1", "/a", "other"))
  lu.assertNil(kept:find("2", "/a", "token"))
  kept:keep("2", "/b", "token", reply)
  lu.assertNil(kept:find("2", "/a", "token"))
  lu.assertNil(kept:find("1", "/a", "token"))
end

function TestReplies.test_their_memory_is_bounded()
  local kept, reply = replies.new(), { body = ("x"):rep(limits.replies_kept_bytes // 2) }
  kept:keep("1", "/a", "token", reply)
  kept:keep("1", "/b", "token", reply) -- with its address it is too much
  lu.assertIs(kept:find("1", "/a", "token"), reply)
  lu.assertNil(kept:find("1", "/b", "token"))
  kept:keep("2", "/b", "token", reply)
  lu.assertIs(kept:find("2", "/b", "token"), reply)
end

function TestReplies.test_their_number_is_bounded()
  local kept, reply = replies.new(), { body = "{}" }
  for i = 1, limits.replies_kept + 1 do
    kept:keep("1", "/a", "token" .. i, reply)
  end
  lu.assertIs(kept:find("1", "/a", "token" .. limits.replies_kept), reply)
  lu.assertNil(kept:find("1", "/a", "token" .. limits.replies_kept + 1))
end

function TestReplies.test_the_state_changes_with_each_write_and_second()
  local db <close> = store.open()
  local world = { db = db }
  local before = replies.state(world, 5)
  lu.assertEquals(replies.state(world, 5), before)
  lu.assertNotEquals(replies.state(world, 6), before)
  store.set(db, "name", 1)
  local after = replies.state(world, 5)
  lu.assertNotEquals(after, before)
  store.set(db, "name", 1)
  lu.assertNotEquals(replies.state(world, 5), after)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestReplies", TestReplies } })
