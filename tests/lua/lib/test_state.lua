-- jeton.state within one run. What survives a run is tested from outside (e2e).
local json = require "jeton.json"
local lu = require "luaunit"
local state = require "jeton.state"

local TestState = {}

function TestState.setUp()
  for _, key in ipairs(state.keys()) do state.set(key, nil) end
end

function TestState.test_what_is_set_is_seen()
  lu.assertNil(state.get "a")
  state.set("a", 1)
  lu.assertEquals(state.get "a", 1)
  state.set("a", nil)
  lu.assertNil(state.get "a")
end

function TestState.test_commit_changes_nothing_that_is_seen()
  state.set("a", 1)
  state.set("b", 2)
  state.commit()
  lu.assertEquals(state.get "a", 1)
  state.set("b", nil)
  lu.assertNil(state.get "b")
  state.commit()
  lu.assertNil(state.get "b")
  lu.assertEquals(state.keys(), { "a" })
end

function TestState.test_values_keep_their_type()
  local values = {
    636674054802000001, -0.5, "é\0\n", true, false, json.null, json.array {}, { a = { b = { 1, 2 } } },
  }
  for i, value in ipairs(values) do state.set("v" .. i, value) end
  state.commit()
  for i, value in ipairs(values) do
    local got = state.get("v" .. i)
    lu.assertEquals(got, value)
    lu.assertEquals(math.type(got), math.type(value))
  end
  lu.assertTrue(json.is_array(state.get "v7"))
end

function TestState.test_a_table_is_written_as_it_was()
  local list = { 1 }
  state.set("a", list)
  list[1] = 2
  lu.assertEquals(state.get "a", { 1 })
end

function TestState.test_keys_are_sorted_and_merged()
  state.set("b", 1)
  state.set("gone", 1)
  state.commit()
  state.set("c", 1)
  state.set("a", 1)
  state.set("B", 1)
  state.set("gone", nil)
  lu.assertEquals(state.keys(), { "B", "a", "b", "c" })
end

function TestState.test_keys_are_checked()
  lu.assertErrorMsgContains("1 to 512 bytes", state.get, "")
  lu.assertErrorMsgContains("1 to 512 bytes", state.set, ("k"):rep(513), 1)
  lu.assertErrorMsgContains("NUL", state.set, "a\0b", 1)
  lu.assertErrorMsgContains("value expected", state.set, "a")
  state.set(("k"):rep(512), 1)
  state.commit()
  lu.assertEquals(state.get(("k"):rep(512)), 1)
end

function TestState.test_what_json_cannot_hold_is_refused()
  for _, value in ipairs { print, { a = { print } }, 0 / 0, "\255", ("x"):rep(1024 * 1024) } do
    local ok, err = pcall(state.set, "a", value)
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "invalid")
    lu.assertStrContains(err.message, "state 'a'")
  end
  lu.assertNil(state.get "a")
end

function TestState.test_fields_of_what_is_no_state()
  local set = getmetatable(state).__newindex
  lu.assertErrorMsgContains("table expected", set, 1, "name", print)
  lu.assertErrorMsgContains("state.set", set, state, "name", 1, print)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestState", TestState } })
