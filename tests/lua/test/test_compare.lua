-- t:equal, t:like, t:fails, and what they say.
local compare = require "test.compare"
local failure = require "test.failure"
local json = require "jeton.json"
local lu = require "luaunit"

local t = setmetatable({ any = compare.any }, { __index = compare.methods })

local function said(fn)
  local fine, raised = pcall(fn)
  lu.assertFalse(fine)
  lu.assertTrue(failure.is(raised), tostring(raised))
  return raised
end

local TestEqual = {}

function TestEqual.test_what_is_equal()
  local function alike(a, b) lu.assertNil(compare.differences(a, b)) end
  alike(1, 1)
  alike(0 / 0, 0 / 0)
  alike({ a = { 1, 2, { b = "x" } } }, { a = { 1, 2, { b = "x" } } })
  alike(json.array {}, {})
  alike(json.null, json.null)
  local a, b = {}, {}
  a.own, b.own = a, b
  alike(a, b)
end

function TestEqual.test_differences_name_their_path()
  lu.assertEquals(compare.differences(3, 3.0), "the value: got 3 (integer), want 3.0 (float)")
  lu.assertEquals(compare.differences("3", 3), 'the value: got "3" (string), want 3 (integer)')
  lu.assertEquals(compare.differences(nil, "x"), 'the value: got nil, want "x" (string)')
  lu.assertEquals(compare.differences({ items = { { price = 2.5 } } }, { items = { { price = 2 } } }),
    "items[1].price: got 2.5 (float), want 2 (integer)")
  lu.assertEquals(compare.differences({ ["a b"] = 1, c = 2 }, { ["a b"] = 2, d = { 1 } }),
    '["a b"]: got 1, want 2\nd: missing: want { 1 }\nc: got 2, which is not wanted')
  lu.assertEquals(compare.differences({ ok = false }, { ok = json.null }), "ok: got false, want json.null")
end

function TestEqual.test_one_element_more_or_less_is_one_line()
  lu.assertEquals(compare.differences({ "a", "b", "c", "d" }, { "a", "c", "d" }),
    '[2]: got "b", which is not wanted')
  lu.assertEquals(compare.differences({ { 1 }, { 3 } }, { { 1 }, { 2 }, { 3 } }), "[2]: missing: want { 2 }")
  lu.assertEquals(compare.differences({}, { 1 }), "[1]: missing: want 1")
  lu.assertEquals(compare.differences({ 1, 2, 9 }, { 1, 3, 9, 4 }),
    "[2]: got 2, want 3\n[4]: missing: want 4")
end

function TestEqual.test_lines_of_texts()
  lu.assertEquals(compare.differences({ text = "a\nb\nc\nd\ne\nf\ng" }, { text = "a\nb\nc\nD\ne\nf\ng" }),
    "text: other lines (- want, + got)\n  b\n  c\n- D\n+ d\n  e\n  f")
  lu.assertEquals(compare.differences("a\n", "a"), "the value: other lines (- want, + got)\n  a\n+ ")
end

function TestEqual.test_much_is_cut()
  local got, want = {}, {}
  for i = 1, 500 do got[i], want[i] = i, -i end
  local diff = compare.differences(got, want)
  lu.assertEquals(select(2, diff:gsub("\n", "")), 20)
  lu.assertStrContains(diff, "and 480 more")
  lu.assertTrue(#compare.differences(("ä"):rep(5000), "x") < 300)
  lu.assertNotNil(utf8.len(compare.differences(("ä"):rep(5000), "x")))
  local deep, other = {}, {}
  local a, b = deep, other
  for _ = 1, 5000 do
    a.x, b.x = {}, {}
    a, b = a.x, b.x
  end
  lu.assertStrContains(compare.differences(deep, other), "not compared")
end

function TestEqual.test_long_texts_of_many_lines_are_compared_in_bounded_time()
  local lines = {}
  for i = 1, 20000 do lines[i] = "line " .. i end
  local want = table.concat(lines, "\n")
  lines[15000] = "another"
  lu.assertEquals(compare.differences(table.concat(lines, "\n"), want),
    "the value: other lines (- want, + got)\n@ line 15000\n- line 15000\n+ another")
end

function TestEqual.test_it_says_where()
  local raised = said(function() t:equal(1, 2) end)
  lu.assertEquals(raised.message, "not equal")
  lu.assertStrMatches(raised.where, ".*test_compare.lua:%d+")
  lu.assertStrContains(tostring(raised), "got 1, want 2")
end

function TestEqual.test_control_characters_and_bytes_are_escaped()
  lu.assertEquals(compare.differences("a\27[2Jb\r", "\xff"), 'the value: got "a\\x1B[2Jb\\r", want "\\xFF"')
  lu.assertEquals(compare.differences("\u{9B}2J\u{A0}", "\u{FF}"),
    'the value: got "\\u{9B}2J\u{A0}", want "\u{FF}"')
end

local TestLike = {}

function TestLike.test_what_fits()
  local function fits(got, shape) lu.assertNil(compare.misfits(got, shape)) end
  fits({ a = 1, b = 2, list = { 1, 2, 3 } }, { a = 1, list = { 1 } })
  fits({ text = "Good morning, all" }, { text = "^Good morning" })
  fits({ id = 7 }, { id = t.any })
  fits({ id = false }, { id = t.any })
  fits({ id = 7 }, { id = function(value) return value > 6 end })
  fits({ price = 3.0 }, { price = 3 })
  fits(setmetatable({}, { __index = function() return "made" end }), { name = "made" })
end

function TestLike.test_what_does_not()
  local function misfit(got, shape, text) lu.assertEquals(compare.misfits(got, shape), text) end
  misfit({ a = { 1 } }, { a = { 1, 2 } }, "a[2]: got nil, want 2 (integer)")
  misfit({ text = "Bad" }, { text = "^Good" }, 'text: got "Bad", want what fits "^Good"')
  misfit({ text = "Good morning" }, { text = "Good" }, 'text: got "Good morning", want "Good"')
  misfit({}, { id = t.any }, "id: missing: want anything but nil")
  misfit(5, { id = 1 }, "the value: got 5, want a table like { id = 1 }")
  lu.assertStrMatches(compare.misfits({ id = 7 }, { id = function() return false, "too small" end }),
    "id: got 7, which the function at line %d+ refuses: too small")
end

function TestLike.test_an_error_in_a_shape_is_not_hidden()
  lu.assertErrorMsgContains("own mistake", function()
    t:like({ id = 1 }, { id = function() error "own mistake" end })
  end)
end

local TestFails = {}

function TestFails.test_it_gives_the_err()
  local function refused() return nil, { kind = "http", status = 404 } end
  lu.assertEquals(t:fails(refused, { status = 404 }).kind, "http")
  lu.assertStrContains(t:fails(function() error "went wrong" end, "went wrong"), "went wrong")
  lu.assertEquals(t:fails(function() error({ kind = "auth" }) end).kind, "auth")
  lu.assertEquals(t:fails(function() return false, "no" end, { message = "^n" }), "no")
end

function TestFails.test_what_did_not_fail()
  local function message(fn) return said(function() t:fails(fn) end).message end
  lu.assertEquals(message(function() return 1, "x" end), 'it did not fail: it returned 1, "x"')
  lu.assertEquals(message(function() end), "it did not fail: it returned nothing")
  lu.assertEquals(message(function() return nil end), "it did not fail: it returned nil")
end

function TestFails.test_it_failed_in_another_way()
  lu.assertStrContains(said(function()
    t:fails(function() return nil, { kind = "network" } end, { kind = "http" })
  end).diff, 'kind: got "network", want "http"')
  lu.assertStrContains(said(function() t:fails(function() error("that", 0) end, "this") end).diff,
    'the error: got "that", want "this"')
end

function TestFails.test_a_failed_check_in_it_stays_one()
  lu.assertStrContains(said(function() t:fails(function() t:equal(1, 2) end) end).diff, "want 2")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances {
  { "TestEqual", TestEqual },
  { "TestLike", TestLike },
  { "TestFails", TestFails },
})
