-- jeton.progress, with a terminal and a clock of the test. tests/e2e/run/test_progress.py has real ones.
local lu = require "luaunit"
local progress = require "jeton.progress"
local task = require "jeton.task"

-- A device that notes what is shown, and whose time stands still.
local function device(mode)
  local made = { at = 100, frames = {} }
  made.now = function() return made.at end
  made.terminal = {
    mode = function() return mode end,
    show = function(text) made.frames[#made.frames + 1] = text or "gone" end,
  }
  return made
end

local TestBar = {}

function TestBar.test_what_is_short_shows_nothing()
  local d = device "bar"
  local bar = progress.new({ total = 10 }, d)
  for _ = 1, 10 do bar:add() end
  d.at = 100.49
  bar:add(0)
  bar:done()
  lu.assertEquals(d.frames, {})
end

function TestBar.test_it_says_count_rate_and_time_left()
  local d = device "bar"
  local bar = progress.new({ label = "messages", total = 400 }, d)
  d.at = 110
  bar:add(100)
  bar:add(1) -- not ten times a second
  d.at = 3710
  bar:set(200)
  d.at = 3711
  bar:set(400)
  bar:done()
  bar:done()
  lu.assertEquals(d.frames, {
    "messages [####............]  25 % 100 of 400, 10/s, 30 s left",
    "messages [########........]  50 % 200 of 400, 0.1/s, 1 h 00 min left",
    "messages [################] 100 % 400 of 400, 0.1/s",
    "gone",
  })
end

function TestBar.test_bytes_and_an_unknown_total()
  local d = device "bar"
  local bar = progress.new({ label = "file", unit = "bytes" }, d)
  d.at = 101
  bar:add(512)
  d.at = 102
  bar:set(3 * 1024 * 1024)
  d.at = 103
  bar:set(3 * 1024 * 1024, 4 * 1024 * 1024)
  bar:done()
  lu.assertEquals(d.frames, {
    "file 512 bytes, 512 bytes/s",
    "file 3.0 MiB, 1.5 MiB/s",
    "file [############....]  75 % 3.0 MiB of 4.0 MiB, 1.0 MiB/s, 1 s left",
    "gone",
  })
end

function TestBar.test_one_at_a_time()
  local d = device "bar"
  local first, second = progress.new({ label = "a" }, d), progress.new({ label = "b" }, d)
  d.at = 101
  first:add()
  d.at = 102
  second:add()
  lu.assertEquals(#d.frames, 1)
  first:done()
  second:add()
  lu.assertStrContains(d.frames[3], "b 2")
  second:done()
end

function TestBar.test_misuse()
  lu.assertErrorMsgContains("unknown option 'totl'", progress.new, { totl = 1 })
  lu.assertErrorMsgContains("total must be a number from 0", progress.new, { total = "x" })
  lu.assertErrorMsgContains("unit must be", progress.new, { unit = "miles" })
  local bar = progress.new()
  lu.assertErrorMsgContains("count must be a number from 0", bar.add, bar, -1)
  lu.assertErrorMsgContains("count must be a number from 0", bar.set, bar, 0 / 0)
  bar:done()
end

local TestMap = {}

function TestMap.test_counts_items()
  local bar = progress.new { total = 7 }
  lu.assertEquals(task.map({ 1, 2, 3, 4 }, function(n) task.yield() return n end, { progress = bar }),
    { 1, 2, 3, 4 })
  lu.assertEquals(bar.count, 4)
  task.map({ 1, 2, 3 }, function(n) return n end, { progress = bar, limit = 1 })
  lu.assertEquals(bar.count, 7)
  lu.assertNil(bar.over) -- it is the caller's
end

function TestMap.test_takes_a_label()
  for _, shown in ipairs { true, "items", false } do
    lu.assertEquals(task.map({ 1, 2 }, function(n) return -n end, { progress = shown }), { -1, -2 })
  end
  lu.assertErrorMsgContains("progress: true, a label", task.map, { 1 }, print, { progress = 5 })
  local ok, err = pcall(task.map, { 1, 2 }, function() error { kind = "x" } end, { progress = true })
  lu.assertFalse(ok)
  lu.assertEquals(err.kind, "x")
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances { { "TestBar", TestBar }, { "TestMap", TestMap } } == 0
