-- jeton.task within one run. How a run ends is tested from outside (e2e/run/test_run.py).
local lu = require "luaunit"
local task = require "jeton.task"

-- A value whose __close calls fn.
local function closing(fn) return setmetatable({}, { __close = fn }) end

-- The error of fn(...), which must raise one.
local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  return err
end

local TestSpawn = {}

function TestSpawn.test_arguments_and_results_with_nil()
  local t = task.spawn(function(...) return select("#", ...), ... end, 1, nil, 3, nil)
  local results = table.pack(t:join())
  lu.assertEquals(results, { 4, 1, nil, 3, nil, n = 5 })
  lu.assertEquals(table.pack(t:join()).n, 5) -- again
end

function TestSpawn.test_starts_later_and_in_order()
  local seen = {}
  local tasks = {}
  for i = 1, 3 do tasks[i] = task.spawn(function() seen[#seen + 1] = i end) end
  lu.assertEquals(seen, {})
  for _, t in ipairs(tasks) do t:join() end
  lu.assertEquals(seen, { 1, 2, 3 })
end

function TestSpawn.test_status()
  local inner
  local t
  t = task.spawn(function()
    inner = t:status()
    task.yield()
  end)
  lu.assertEquals(t:status(), "waiting")
  task.yield()
  lu.assertEquals(inner, "running")
  t:join()
  lu.assertEquals(t:status(), "done")
  local failing = task.spawn(error, "x")
  raised(failing.join, failing)
  lu.assertEquals(failing:status(), "failed")
end

function TestSpawn.test_misuse()
  lu.assertErrorMsgContains("function expected", task.spawn, 1)
  lu.assertErrorMsgContains("jeton.task expected", task.spawn(function() end).join, {})
end

function TestSpawn.test_failure_carries_its_traceback()
  local function deep() error "boom" end
  local err = raised(function() task.spawn(function() deep() end):join() end)
  lu.assertStrContains(err, "boom\nstack traceback:")
  lu.assertStrContains(err, "in upvalue 'deep'")
end

function TestSpawn.test_failure_that_is_an_err_keeps_it()
  local http = require "jeton.http"
  local value = http.error { kind = "auth", message = "no" }
  local err = raised(function() task.spawn(function() error(value) end):join() end)
  lu.assertIs(err, value)
  lu.assertStrContains(err.traceback, "test_task.lua")
end

function TestSpawn.test_failure_that_is_a_table_is_untouched()
  local value = { code = 7 }
  local err = raised(function() task.spawn(error, value):join() end)
  lu.assertIs(err, value)
  lu.assertEquals(err, { code = 7 })
end

function TestSpawn.test_all_joiners_get_the_outcome()
  local t = task.spawn(function()
    task.sleep(0.01)
    return "x"
  end)
  local joiners = {}
  for i = 1, 5 do joiners[i] = task.spawn(function() return t:join() end) end
  for _, joiner in ipairs(joiners) do lu.assertEquals(joiner:join(), "x") end
end

function TestSpawn.test_joining_in_a_circle_raises()
  local a, b
  a = task.spawn(function() b:join() end)
  b = task.spawn(function() return pcall(a.join, a) end)
  local ok, err = b:join()
  lu.assertFalse(ok)
  lu.assertStrContains(err, "would wait for itself")
  a:join()
end

function TestSpawn.test_many()
  local tasks, sum = {}, 0
  local many = os.getenv "JETON_SOAK" and 20000 or os.getenv "JETON_FAULT" and 2000 or 5000
  for i = 1, many do
    tasks[i] = task.spawn(function()
      task.yield()
      return i
    end)
  end
  for _, t in ipairs(tasks) do sum = sum + t:join() end
  lu.assertEquals(sum, many * (many + 1) // 2)
end

local TestWait = {}

function TestWait.test_sleeps_in_order_of_time()
  local seen = {}
  local tasks = {}
  for i, ms in ipairs { 30, 10, 20 } do
    tasks[i] = task.spawn(function()
      task.sleep(ms / 1000)
      seen[#seen + 1] = ms
    end)
  end
  for _, t in ipairs(tasks) do t:join() end
  lu.assertEquals(seen, { 10, 20, 30 })
end

function TestWait.test_in_pcall_iterators_and_metamethods()
  lu.assertEquals({ pcall(function()
    task.yield()
    return 1
  end) }, { true, 1 })
  lu.assertEquals({ pcall(function()
    task.yield()
    error({ 2 })
  end) }, { false, { 2 } })
  lu.assertEquals({ xpcall(function()
    task.yield()
    error "x"
  end, function() return "handled" end) }, { false, "handled" })
  local sum = 0
  for i in function(_, i)
    task.yield()
    return i < 3 and i + 1 or nil
  end, nil, 0 do
    sum = sum + i
  end
  lu.assertEquals(sum, 6)
  local slow = setmetatable({}, {
    __index = function(_, key)
      task.yield()
      return key .. "!"
    end,
    __add = function()
      task.sleep(0.001)
      return "sum"
    end,
  })
  lu.assertEquals(slow.name, "name!")
  lu.assertEquals(slow + 1, "sum")
end

function TestWait.test_in_a_plain_coroutine_says_what_to_do()
  local err = raised(coroutine.wrap(function() task.sleep(0) end))
  lu.assertStrContains(err, "task.sleep waits: that is not possible inside a plain coroutine; "
    .. "use task.spawn instead")
end

function TestWait.test_below_c_says_so()
  local err = raised(table.sort, { 2, 1 }, function() task.yield() end)
  lu.assertStrContains(err, "task.yield waits: that is not possible inside a function that C code calls")
  err = raised(string.gsub, "x", "x", function() task.yield() end)
  lu.assertStrContains(err, "string.gsub")
end

function TestWait.test_now_counts_what_was_waited()
  local before = task.now()
  task.sleep(0.02)
  lu.assertTrue(task.now() - before >= 0.019)
end

function TestWait.test_sleep_wants_seconds()
  lu.assertErrorMsgContains("seconds from 0", task.sleep, -1)
  lu.assertErrorMsgContains("seconds from 0", task.sleep, 0 / 0)
  lu.assertErrorMsgContains("seconds from 0", task.sleep, math.huge)
  lu.assertErrorMsgContains("number expected", task.sleep)
end

function TestWait.test_generators_work_in_tasks()
  local generate = coroutine.wrap(function()
    for i = 1, 3 do coroutine.yield(i) end
  end)
  lu.assertEquals({ generate(), generate(), generate() }, { 1, 2, 3 })
end

function TestWait.test_tasks_are_out_of_reach_of_coroutine()
  local co
  local t = task.spawn(function()
    co = coroutine.running()
    task.sleep(0.01)
    return "whole"
  end)
  task.yield()
  lu.assertErrorMsgContains("is a task", coroutine.resume, co)
  lu.assertErrorMsgContains("is a task", coroutine.close, co)
  lu.assertErrorMsgContains("task.yield", coroutine.yield)
  lu.assertEquals(t:join(), "whole")
end

function TestWait.test_nor_are_those_that_have_ended()
  local co, called
  local t = task.spawn(function()
    co = coroutine.running()
    return 1, 2, function() called = true end
  end)
  for _ = 1, 2 do
    lu.assertEquals({ select("#", t:join()), t:join() }, { 3, 1, 2, (select(3, t:join())) })
    lu.assertEquals({ coroutine.resume(co, 7, 8) }, { false, "cannot resume dead coroutine" })
    lu.assertEquals(coroutine.status(co), "dead")
    lu.assertTrue(coroutine.close(co))
  end
  lu.assertNil(called)
  t = task.spawn(function()
    co = coroutine.running()
    error(setmetatable({}, { __call = function() called = true end }))
  end)
  local _, err = pcall(t.join, t)
  lu.assertEquals({ coroutine.resume(co) }, { false, "cannot resume dead coroutine" })
  lu.assertEquals(coroutine.status(co), "dead")
  lu.assertErrorMsgContains("(thread expected", coroutine.status, 1)
  lu.assertTrue(coroutine.close(co))
  lu.assertIs(select(2, pcall(t.join, t)), err)
  lu.assertNil(called)
end

local TestCancel = {}

function TestCancel.test_raises_at_the_waiting_call()
  local seen
  local t = task.spawn(function()
    local _, err = pcall(task.sleep, 100)
    seen = err
    error(err)
  end)
  task.yield()
  t:cancel()
  local err = raised(t.join, t)
  lu.assertEquals(seen.kind, "cancelled")
  lu.assertEquals(err.kind, "cancelled")
  lu.assertEquals(t:status(), "cancelled")
end

function TestCancel.test_clean_up_may_wait()
  local steps = {}
  local t = task.spawn(function()
    local _ <close> = closing(function()
      task.sleep(0.01)
      steps[#steps + 1] = "closed"
    end)
    local ok = pcall(task.sleep, 100)
    steps[#steps + 1] = tostring(ok)
    task.sleep(0.01)
    steps[#steps + 1] = "waited"
    error "then it fails"
  end)
  task.yield()
  t:cancel()
  lu.assertStrContains(raised(t.join, t), "then it fails")
  lu.assertEquals(steps, { "false", "waited", "closed" })
end

function TestCancel.test_an_uncaught_one_closes_and_waits()
  local closed = false
  local t = task.spawn(function()
    local _ <close> = closing(function(_, err)
      task.sleep(0.01)
      closed = err.kind
    end)
    task.sleep(100)
  end)
  task.yield()
  t:cancel()
  lu.assertEquals(raised(t.join, t).kind, "cancelled")
  lu.assertEquals(closed, "cancelled")
end

function TestCancel.test_before_the_first_run_it_never_runs()
  local ran = false
  local t = task.spawn(function() ran = true end)
  t:cancel()
  lu.assertEquals(raised(t.join, t).kind, "cancelled")
  lu.assertFalse(ran)
end

function TestCancel.test_a_result_that_is_there_is_not_lost()
  local inner = task.spawn(function() return "result" end)
  local got, err
  local t = task.spawn(function()
    got = inner:join()
    err = raised(task.sleep, 0)
    return "end"
  end)
  task.yield() -- inner has ended, t is woken but has not run
  t:cancel()
  lu.assertEquals(t:join(), "end")
  lu.assertEquals(got, "result")
  lu.assertEquals(err.kind, "cancelled")
end

function TestCancel.test_oneself_at_the_next_wait()
  local t
  t = task.spawn(function()
    t:cancel()
    task.sleep(0)
    error "not reached"
  end)
  lu.assertEquals(raised(t.join, t).kind, "cancelled")
end

function TestCancel.test_an_ended_one_is_left_alone()
  local t = task.spawn(function() return 1 end)
  t:join()
  t:cancel()
  lu.assertEquals(t:status(), "done")
  lu.assertEquals(t:join(), 1)
end

function TestCancel.test_a_joiner_stops_waiting_alone()
  local slow = task.spawn(function()
    task.sleep(0.02)
    return "slow"
  end)
  local joiner = task.spawn(function() return slow:join() end)
  task.yield()
  joiner:cancel()
  lu.assertEquals(raised(joiner.join, joiner).kind, "cancelled")
  lu.assertEquals(slow:join(), "slow")
end

local TestMap = {}

function TestMap.test_keeps_the_order()
  local out = task.map({ 4, 3, 2, 1 }, function(n)
    task.sleep(n / 200)
    return n * 10, "dropped"
  end)
  lu.assertEquals(out, { 40, 30, 20, 10 })
  lu.assertEquals(task.map({}, error), {})
end

function TestMap.test_limit()
  for _, case in ipairs { { {}, 20 }, { { limit = 3 }, 3 }, { { limit = 1 }, 1 } } do
    local running, most = 0, 0
    local items = {}
    for i = 1, 50 do items[i] = i end
    task.map(items, function()
      running = running + 1
      most = math.max(most, running)
      task.yield()
      running = running - 1
    end, case[1])
    lu.assertEquals(most, case[2])
  end
end

function TestMap.test_misuse()
  lu.assertErrorMsgContains("did you mean 'limit'", task.map, {}, print, { limt = 1 })
  lu.assertErrorMsgContains("from 1 to 1000", task.map, {}, print, { limit = 0 })
  lu.assertErrorMsgContains("table expected", task.map, "x", print)
  lu.assertErrorMsgContains("function expected", task.map, {}, "x")
  lu.assertErrorMsgContains("a list expected, without the key 'k'", task.map, { k = 1 }, print)
  lu.assertErrorMsgContains("without the key '1001'", task.map, { [1001] = 1 }, print, { limit = 2 })
  local none = setmetatable({ k = 1 }, { __len = function() return 0 end })
  lu.assertEquals(task.map(none, error), {})
  lu.assertEquals(task.map(table.pack(), error), {})
  lu.assertErrorMsgContains("without the key 'k'", task.map, { n = 0, k = 1 }, print)
  local list = {}
  list[1], list[3] = "a", "c" -- its length is 1
  lu.assertErrorMsgContains("task.map: entry 2 is nil, and others follow it", task.map, list, print)
  lu.assertEquals(task.map(table.pack(nil, 2), function(value) return value or 0 end), { 0, 2 })
end

function TestMap.test_the_first_error_cancels_the_others_and_waits_for_them()
  local ended = {}
  local function culprit() error "boom" end
  local err = raised(task.map, { 1, 2, 3, 4, 5, 6 }, function(n)
    if n == 2 then
      task.yield()
      culprit()
    end
    local _ <close> = closing(function(_, e)
      task.sleep(0.01) -- the map waits for this
      ended[#ended + 1] = e.kind
    end)
    task.sleep(100)
  end, { limit = 3 })
  lu.assertStrContains(err, "boom\nstack traceback:")
  lu.assertStrContains(err, "in upvalue 'culprit'")
  lu.assertEquals(ended, { "cancelled", "cancelled" }) -- those of 1 and 3; 4 was never begun
end

function TestMap.test_its_cancellation_ends_the_workers_first()
  local ended = 0
  local t = task.spawn(function()
    return task.map({ 1, 2, 3 }, function()
      local _ <close> = closing(function()
        task.sleep(0.01)
        ended = ended + 1
      end)
      task.sleep(100)
    end)
  end)
  task.yield()
  task.yield()
  t:cancel()
  lu.assertEquals(raised(t.join, t).kind, "cancelled")
  lu.assertEquals(ended, 3)
end

function TestMap.test_nested()
  local out = task.map({ 1, 2 }, function(a)
    return task.map({ 10, 20 }, function(b)
      task.yield()
      return a * b
    end)
  end)
  lu.assertEquals(out, { { 10, 20 }, { 20, 40 } })
end

local TestLock = {}

function TestLock.test_one_at_a_time_in_order()
  local lock = task.lock()
  local seen = {}
  task.map({ 1, 2, 3 }, function(n)
    return lock:with(function(x)
      seen[#seen + 1] = "in " .. x
      task.sleep(0.005)
      seen[#seen + 1] = "out " .. x
    end, n)
  end)
  lu.assertEquals(seen, { "in 1", "out 1", "in 2", "out 2", "in 3", "out 3" })
end

function TestLock.test_results_and_errors_release_it()
  local lock = task.lock()
  lu.assertEquals({ lock:with(function(...) return ..., 2 end, 1) }, { 1, 2 })
  lu.assertStrContains(raised(lock.with, lock, error, "boom"), "boom")
  lu.assertEquals(lock:with(function() return "free" end), "free")
end

function TestLock.test_the_holder_gets_it_no_second_time()
  local lock = task.lock()
  local err = raised(lock.with, lock, function() lock:with(print) end)
  lu.assertStrContains(err, "holds the lock already")
end

function TestLock.test_cancelled_while_waiting_and_while_holding()
  local lock = task.lock()
  local holder = task.spawn(function() lock:with(task.sleep, 100) end)
  local waiter = task.spawn(function() lock:with(task.sleep, 100) end)
  task.yield()
  waiter:cancel()
  lu.assertEquals(raised(waiter.join, waiter).kind, "cancelled")
  holder:cancel()
  lu.assertEquals(raised(holder.join, holder).kind, "cancelled")
  lu.assertEquals(lock:with(function() return "free" end), "free")
end

function TestLock.test_handed_to_a_task_that_is_cancelled_then()
  local lock = task.lock()
  local got = false
  local holder = task.spawn(function() lock:with(task.yield) end)
  local waiter = task.spawn(function() lock:with(function() got = true end) end)
  task.yield()
  task.yield() -- the holder has released; the waiter is woken, but has not run
  waiter:cancel()
  holder:join()
  waiter:join()
  lu.assertTrue(got)
  lu.assertEquals(lock:with(function() return "free" end), "free")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances {
  { "TestSpawn", TestSpawn },
  { "TestWait", TestWait },
  { "TestCancel", TestCancel },
  { "TestMap", TestMap },
  { "TestLock", TestLock },
})
