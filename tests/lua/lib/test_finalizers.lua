-- Finalizers and metamethods run inside of almost every call of a binding. Here they do their worst to what
-- that call is using. Most of these show their faults only under `./dev asan`.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local log = require "jeton.log"
local lu = require "luaunit"
local server = require "jeton.server"
local sqlite = require "jeton.sqlite"
local state = require "jeton.state"
local task = require "jeton.task"
local token = require "jeton.token"

-- Calls `body` while every allocation collects all garbage, and each collection calls `act`.
local function hostile(act, body)
  local armed, calls = true, 0
  local function arm()
    setmetatable({}, {
      __gc = function()
        if armed then
          calls = calls + 1
          act(calls)
          arm()
        end
      end,
    })
  end
  collectgarbage("incremental", 200, 1000, 40) -- a step is a whole cycle,
  collectgarbage("setpause", 0) -- and the next one begins at once
  collectgarbage "restart"
  arm()
  local results = table.pack(pcall(body))
  armed = false
  collectgarbage("setpause", 200)
  collectgarbage("incremental", 200, 100, 13)
  lu.assertTrue(calls > 0)
  return table.unpack(results, 1, results.n)
end

-- Calls body(act) again and again; in the n-th round the finalizer acts at its n-th call.
local function at_each_allocation(rounds, make, act, body)
  for round = 1, rounds do
    local subject = make()
    hostile(function(calls)
      if calls == round then
        act(subject)
      end
    end, function()
      return body(subject)
    end)
    act(subject)
  end
end

-- A table whose fields are made when they are read, each after a collection.
local function made(fields)
  return setmetatable({}, {
    __index = function(_, key)
      collectgarbage()
      local value = fields[key]
      if type(value) == "string" then
        return value .. #value -- held by nobody else
      end
      return value
    end,
  })
end

local TestFinalizers = {}

function TestFinalizers.test_keys_are_added_to_what_a_request_is_made_of()
  for _, what in ipairs { "headers", "query", "form" } do
    for _ = 1, 20 do
      local entries, options = {}, { url = "http://127.0.0.1:1/", method = "POST", timeout = 0.05 }
      for i = 1, 10 do
        entries["X-h" .. i] = "v"
      end
      options[what] = entries
      hostile(function(calls)
        for i = 1, 5 do
          rawset(entries, "Y" .. calls .. "q" .. i, "z")
        end
      end, function()
        http.request(options)
      end)
    end
  end
end

function TestFinalizers.test_a_request_is_taken_from_fields_that_are_made_when_read()
  local seen = {}
  local service = assert(server.listen {
    handler = function(request)
      seen[#seen + 1] = request
      return { body = "ok" }
    end,
  })
  local base = "http://127.0.0.1:" .. service.port .. "/"
  local options = { url = base .. ("u"):rep(300), method = "POST", body = ("b"):rep(5000) }
  local response, err = http.request(made(options))
  service:close()
  lu.assertNil(err)
  lu.assertEquals(response.status, 200)
  lu.assertEquals(seen[1].body, ("b"):rep(5000) .. "5000")
  lu.assertEquals(seen[1].path, "/" .. ("u"):rep(300) .. #base + 300)
end

function TestFinalizers.test_strings_of_an_err_are_made_when_read()
  local message = ("m"):rep(200)
  local fields = setmetatable({ kind = "network" }, getmetatable(made { message = message, code = "c" }))
  local err = http.error(fields)
  lu.assertEquals(err.message, message .. "200")
end

function TestFinalizers.test_token_exchange_reads_what_is_made_when_read()
  local ok, result, err = pcall(token.exchange, made {
    token_service = "http://127.0.0.1:1/" .. ("x"):rep(300),
    application_id = ("a"):rep(300),
    application_secret = ("s"):rep(300),
    refresh_token = ("r"):rep(300),
    timeout = 0.05,
  })
  lu.assertTrue(ok, result)
  lu.assertNil(result)
  lu.assertEquals(err.kind, "network")
end

function TestFinalizers.test_a_response_is_read_from_fields_that_are_made_when_read()
  local service = assert(server.listen {
    handler = function()
      return made { body = ("B"):rep(5000), headers = { ["X-A"] = "a" }, status = 201 }
    end,
  })
  for _ = 1, 5 do
    local response = assert(http.get("http://127.0.0.1:" .. service.port .. "/", { timeout = 5 }))
    lu.assertEquals(response.status, 201)
    lu.assertEquals(response.body, ("B"):rep(5000) .. "5000")
    lu.assertEquals(response.headers["x-a"], "a")
  end
  service:close()
end

-- The names of headers go away while the values behind them are read.
function TestFinalizers.test_names_of_headers_go_away_while_they_are_read()
  local service = assert(server.listen {
    handler = function()
      local headers = {}
      for i = 1, 20 do
        headers["X-" .. ("n"):rep(60) .. i] = setmetatable({}, {
          __len = function()
            for key in pairs(headers) do
              headers[key] = nil
            end
            collectgarbage()
            return 1
          end,
          __index = function()
            return "v"
          end,
        })
      end
      return { headers = headers }
    end,
  })
  local response = assert(http.get("http://127.0.0.1:" .. service.port .. "/", { timeout = 5 }))
  service:close()
  for i = 1, 20 do
    lu.assertEquals(response.headers["x-" .. ("n"):rep(60) .. i], "v")
  end
end

function TestFinalizers.test_the_server_closes_while_a_response_is_read()
  local service
  local function close()
    service:close()
    collectgarbage()
  end
  local function one()
    return 1
  end
  for _, response in ipairs {
    setmetatable({}, { __index = close }),
    { headers = { a = setmetatable({}, { __len = function() close() return 0 end }) } },
    { headers = { a = setmetatable({}, { __len = one, __index = function() close() return "v" end }) } },
  } do
    service = assert(server.listen { handler = function() return response end })
    local result, err = http.get("http://127.0.0.1:" .. service.port .. "/", { timeout = 5 })
    lu.assertNil(result)
    lu.assertEquals(err.kind, "network")
  end
end

function TestFinalizers.test_the_server_closes_while_a_request_is_made_a_table()
  at_each_allocation(25, function()
    return assert(server.listen {
      handler = function()
        return { body = "ok" }
      end,
    })
  end, function(service)
    service:close()
  end, function(service)
    http.get("http://127.0.0.1:" .. service.port .. "/a?b=c", { headers = { ["X-A"] = "b" }, timeout = 0.5 })
  end)
end

-- Else it would wait for ever.
function TestFinalizers.test_the_server_closes_before_one_waits_for_that()
  for round = 1, 6 do
    local service = assert(server.listen { handler = print })
    local waiting = task.spawn(function()
      hostile(function(calls)
        if calls == round then
          service:close()
        end
      end, function()
        service:wait()
      end)
    end)
    local tries = 0
    while waiting:status() ~= "done" and tries < 20 do
      collectgarbage()
      task.sleep(0.01)
      tries = tries + 1
    end
    service:close()
    lu.assertTrue(tries < 20)
  end
end

function TestFinalizers.test_the_database_closes_while_it_is_used()
  local function make()
    local db = assert(sqlite.open ":memory:")
    db:exec "CREATE TABLE t (a, b)"
    for i = 1, 5 do
      db:exec("INSERT INTO t VALUES (?, ?)", i, ("x"):rep(3000))
    end
    return db
  end
  for _, use in ipairs {
    function(db)
      return db:rows "SELECT a, b, a || b AS c, 1.5 AS d FROM t"
    end,
    function(db)
      return db:row("SELECT a, b FROM t WHERE a = ?", 3)
    end,
    function(db)
      return db:exec "INSERT INTO t VALUES (1, 2); SELECT * FROM t; DELETE FROM t WHERE a = 1"
    end,
    function(db)
      for row in db:iterate "SELECT a, b FROM t" do
        lu.assertEquals(#row.b, 3000)
      end
    end,
    function(db)
      return db:transaction(function()
        return db:transaction(function()
          return db:rows "SELECT * FROM t"
        end)
      end)
    end,
    function(db)
      return db:rows("SELECT a FROM t WHERE a = ?", 1, 2) -- raises
    end,
    function(db)
      return db:rows("SELECT missing FROM t /* " .. ("m"):rep(400) .. " */") -- raises
    end,
    function(db)
      return db:exec "INSERT INTO t SELECT a, abs(-9223372036854775807 - 1) FROM t" -- raises
    end,
  } do
    at_each_allocation(30, make, function(db)
      pcall(db.close, db)
    end, use)
  end
end

function TestFinalizers.test_the_database_closes_inside_of_its_transaction()
  local db = assert(sqlite.open ":memory:")
  lu.assertErrorMsgContains("the database is closed", db.transaction, db, function()
    local closed <close> = db
    return closed
  end)
end

function TestFinalizers.test_the_state_is_set_while_it_is_written()
  state.commit()
  for round = 1, 5 do
    state.set("kept", round)
    hostile(function(calls)
      for i = 1, 20 do
        state.set("added" .. calls % 10 .. "_" .. i, round)
      end
      state.set("late", calls)
    end, function()
      for _ = 1, 5 do
        state.set("kept", round)
        state.commit()
        state.keys()
      end
    end)
    lu.assertEquals(state.get "kept", round)
  end
  local late = state.get "late" -- was not lost, whether written or not
  lu.assertEquals(math.type(late), "integer")
  for _, key in ipairs(state.keys()) do
    state.set(key, nil)
  end
  state.commit()
  lu.assertNil(state.get "late")
  lu.assertNil(state.get "kept")
end

function TestFinalizers.test_fields_of_a_log_line_change_while_they_are_read()
  local fields = {}
  for i = 1, 20 do
    fields["field" .. ("f"):rep(50) .. i] = setmetatable({}, {
      __tostring = function()
        for key in pairs(fields) do
          fields[key] = nil
        end
        collectgarbage()
        return "v"
      end,
    })
  end
  log.debug("message", fields)
end

function TestFinalizers.test_a_finalizer_cannot_wait()
  local messages = {}
  local ok, result = hostile(function()
    for _, wait in ipairs { task.yield, coroutine.yield } do
      local waited, message = pcall(wait)
      messages[#messages + 1] = not waited and message or nil
    end
  end, function()
    return crypto.hex(crypto.random(1000))
  end)
  lu.assertTrue(ok)
  lu.assertEquals(#result, 2000)
  lu.assertTrue(#messages >= 2)
end

function TestFinalizers.test_a_finalizer_cancels_the_task_that_is_about_to_wait()
  for round = 1, 10 do
    local started = task.now()
    local sleeper
    sleeper = task.spawn(function()
      return hostile(function(calls)
        if calls == round then
          sleeper:cancel()
        end
      end, function()
        task.sleep(20)
      end)
    end)
    task.sleep(0.01)
    sleeper:cancel()
    local ok, err = sleeper:join()
    lu.assertFalse(ok)
    lu.assertEquals(err.kind, "cancelled")
    lu.assertTrue(task.now() - started < 10)
  end
end

function TestFinalizers.test_more_arguments_than_a_task_can_take()
  for count = 999900, 999999, 3 do
    local ok, err = pcall(function()
      return task.spawn(function() end, table.unpack({}, 1, count))
    end)
    if not ok and not tostring(err):find "stack overflow" then
      lu.assertStrContains(tostring(err), "too many")
    end
  end
end

-- A handler of errors that fails is called for its own error, and so on: 200 calls of a function in each
-- other. What each has on the C stack must be small.
function TestFinalizers.test_handlers_that_fail()
  if os.getenv "JETON_FAULT" then
    return -- under stress.lua it takes a minute
  end
  local count = 0
  for name in ("crypto csv http json log progress server sqlite state task token yaml"):gmatch "%a+" do
    for _, f in pairs((require("jeton." .. name))) do
      if type(f) == "function" then
        local ok = xpcall(error, function()
          return f(print)
        end)
        lu.assertFalse(ok)
        count = count + 1
      end
    end
  end
  lu.assertTrue(count > 40)
end

-- What a finalizer makes then has none itself: LeakSanitizer tells of what only one would free.
function TestFinalizers.test_the_state_is_written_and_read_as_the_run_ends()
  lu.left = setmetatable({}, {
    __gc = function()
      state.set("as the run ends", ("x"):rep(5000))
      state.keys()
    end,
  })
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
os.exit(runner:runSuiteByInstances { { "TestFinalizers", TestFinalizers } })
