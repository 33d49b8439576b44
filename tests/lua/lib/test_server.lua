-- jeton.server, asked by jeton.http from the same process.
local http = require "jeton.http"
local lu = require "luaunit"
local server = require "jeton.server"
local task = require "jeton.task"

local TestServer = {}

local function listen(handler, options)
  options = options or {}
  options.handler = handler
  return assert(server.listen(options))
end

local function url(s, path)
  return ("http://127.0.0.1:%d%s"):format(s.port, path or "/")
end

-- One answer to one request.
local function ask(handler, options, path)
  local s <close> = listen(handler)
  options = options or {}
  options.url = url(s, path)
  return http.request(options)
end

function TestServer.test_a_request_as_the_handler_sees_it()
  local seen
  local response = assert(ask(function(request)
    seen = request
    return { status = 201, headers = { ["X-Answer"] = "yes" }, body = "hello" }
  end, { method = "PUT", body = "a\0b", headers = { ["ACCESStoken"] = "t" } },
    "/v1//a%20b?x=1&x=2&name=J%C3%BCrgen+M&flag&=empty&bad=%zz&cut=%4"))
  lu.assertEquals(response.status, 201)
  lu.assertEquals(response.body, "hello")
  lu.assertEquals(response.headers["x-answer"], "yes")
  lu.assertEquals(response.headers["content-length"], "5")
  lu.assertNotNil(response.headers.date)
  lu.assertEquals(seen.method, "PUT")
  lu.assertEquals(seen.path, "/v1//a%20b")
  lu.assertEquals(seen.raw_query, "x=1&x=2&name=J%C3%BCrgen+M&flag&=empty&bad=%zz&cut=%4")
  lu.assertEquals(seen.target, seen.path .. "?" .. seen.raw_query)
  lu.assertEquals(seen.query,
    { x = "2", name = "Jürgen M", flag = "", [""] = "empty", bad = "%zz", cut = "%4" })
  lu.assertEquals(seen.headers.accesstoken, "t")
  lu.assertEquals(seen.body, "a\0b")
  lu.assertEquals(seen.remote, "127.0.0.1")
end

function TestServer.test_without_a_query()
  local seen
  assert(ask(function(request)
    seen = request
    return {}
  end, nil, "/plain"))
  lu.assertEquals(seen.raw_query, "")
  lu.assertEquals(seen.query, {})
end

function TestServer.test_a_query_of_very_many_parameters()
  local count = 0
  local response = assert(ask(function(request)
    for _ in pairs(request.query) do
      count = count + 1
    end
    return { body = request.raw_query }
  end, { timeout = 10 }, "/?a1&" .. ("b=1&?&"):rep(1300)))
  lu.assertEquals(count, 3)
  lu.assertEquals(#response.body, 3 + 7800)
end

function TestServer.test_an_empty_response_is_200()
  local response = assert(ask(function() return {} end))
  lu.assertEquals(response.status, 200)
  lu.assertEquals(response.body, "")
end

function TestServer.test_headers_may_repeat_and_be_numbers()
  local response = assert(ask(function()
    return {
      headers = { ["X-Many"] = { "a", 2, "c" }, ["X-Number"] = 42, Date = "Sun, 06 Nov 1994 08:49:37 GMT" },
    }
  end))
  lu.assertEquals(response.headers["x-many"], "a, 2, c")
  lu.assertEquals(response.headers["x-number"], "42")
  lu.assertEquals(response.headers.date, "Sun, 06 Nov 1994 08:49:37 GMT")
end

function TestServer.test_handlers_wait_side_by_side()
  local together, most = 0, 0
  local s <close> = listen(function(request)
    together = together + 1
    most = math.max(most, together)
    task.sleep(0.05)
    together = together - 1
    return { body = request.query.n }
  end)
  local numbers = {}
  for i = 1, 30 do numbers[i] = i end
  local bodies = task.map(numbers, function(n)
    return assert(http.get(url(s, "/?n=" .. n))).body
  end, { limit = 30 })
  for i = 1, 30 do lu.assertEquals(bodies[i], tostring(i)) end
  lu.assertTrue(most > 5)
end

function TestServer.test_a_handler_may_ask_another_server()
  local inner <close> = listen(function() return { body = "inner" } end)
  local response = assert(ask(function()
    return { body = "outer, " .. assert(http.get(url(inner))).body }
  end))
  lu.assertEquals(response.body, "outer, inner")
end

local function check_500(handler)
  local response = assert(ask(handler))
  lu.assertEquals(response.status, 500)
  lu.assertEquals(assert(response:json()).errorCode, "InternalError")
  lu.assertNil(response.body:find "secret detail")
end

function TestServer.test_an_error_in_the_handler_is_500()
  check_500(function() error "secret detail" end)
  check_500(function() error { message = "secret detail" } end)
  check_500(function()
    task.sleep(0)
    error "secret detail, after a wait"
  end)
end

function TestServer.test_what_is_no_response_is_500()
  for _, response in ipairs {
    "text", 5, { statsu = 200 }, { status = "200" }, { status = 99 }, { status = 600 }, { status = 1 << 40 },
    { body = 5 }, { headers = "x" }, { headers = { "x" } }, { headers = { a = {} , b = true } },
    { headers = { ["X-A"] = "1\r\nX-Evil: 1" } }, { headers = { ["X-A"] = "1\nX-Evil: 1" } },
    { headers = { ["X-A: 1\r\nX-Evil"] = "1" } }, { headers = { ["X-A"] = "1\0" } },
    { headers = { ["X\0"] = "1" } },
    { headers = { ["X-A"] = { "good", "bad\n" } } }, { headers = { ["X-A"] = ("x"):rep(20000) } },
  } do
    check_500(function() return response end)
  end
  check_500(function() end)
end

function TestServer.test_drop_closes_without_an_answer()
  local response, err = ask(function() return { drop = true } end)
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
end

function TestServer.test_a_body_over_the_limit_is_413()
  local called = false
  local s <close> = listen(function()
    called = true
    return {}
  end, { max_body = 1000 })
  local response = assert(http.post(url(s), { body = ("x"):rep(1001) }))
  lu.assertEquals(response.status, 413)
  lu.assertEquals(assert(response:json()).errorCode, "RequestEntityTooLarge")
  lu.assertFalse(called)
  lu.assertEquals(assert(http.post(url(s), { body = ("x"):rep(1000) })).status, 200)
end

function TestServer.test_more_than_task_limit_is_503()
  local s <close> = listen(function()
    task.sleep(0.2)
    return {}
  end, { task_limit = 2 })
  local statuses = task.map({ 1, 2, 3, 4, 5 }, function()
    return assert(http.get(url(s))).status
  end)
  table.sort(statuses)
  lu.assertEquals(statuses, { 200, 200, 503, 503, 503 })
  lu.assertEquals(assert(http.get(url(s))).status, 200) -- there is room again
end

function TestServer.test_a_peer_that_left()
  local finished = false
  local s <close> = listen(function()
    task.sleep(0.3)
    finished = true
    return { body = "nobody reads this" }
  end)
  local response, err = http.get(url(s), { timeout = 0.05 })
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
  task.sleep(0.5)
  lu.assertTrue(finished) -- it ran on
  lu.assertEquals(assert(http.get(url(s))).status, 200)
end

function TestServer.test_closing_while_handlers_run()
  local finished = 0
  local s = listen(function()
    task.sleep(0.1)
    finished = finished + 1
    return {}
  end)
  local asking = task.spawn(http.get, url(s))
  task.sleep(0.05)
  s:close()
  s:close()
  local response, err = asking:join()
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
  task.sleep(0.2)
  lu.assertEquals(finished, 1)
  response, err = http.get(url(s))
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
end

function TestServer.test_a_handler_may_close_its_server()
  local s
  s = listen(function()
    s:close()
    return {}
  end)
  local response = http.get(url(s))
  lu.assertNil(response)
end

function TestServer.test_wait_until_it_is_closed()
  local s = listen(function() return {} end)
  local order = {}
  local first = task.spawn(function()
    s:wait()
    order[#order + 1] = "waited"
  end)
  local second = task.spawn(s.wait, s)
  local cancelled = task.spawn(s.wait, s)
  task.sleep(0.01)
  cancelled:cancel()
  task.sleep(0)
  lu.assertEquals(cancelled:status(), "cancelled")
  lu.assertEquals(assert(http.get(url(s))).status, 200) -- only a wait was cancelled
  order[#order + 1] = "closed"
  s:close()
  first:join()
  second:join()
  lu.assertEquals(order, { "closed", "waited" })
  s:wait() -- returns at once
end

function TestServer.test_an_unreferenced_server_serves_on()
  local close
  local port = (function()
    local s = listen(function(request)
      if request.path == "/close" then close = true end
      return { body = "here" }
    end)
    local weak = setmetatable({ s }, { __mode = "v" })
    task.spawn(function()
      while not close do task.sleep(0.01) end
      weak[1]:close()
    end)
    return s.port
  end)()
  collectgarbage()
  collectgarbage()
  for _, path in ipairs { "/", "/close" } do
    lu.assertEquals(assert(http.get(("http://127.0.0.1:%d%s"):format(port, path))).body, "here")
  end
end

function TestServer.test_under_garbage_collection()
  local mode = collectgarbage("incremental", 1, 1000)
  local s <close> = listen(function(request) return { body = request.body .. "!" } end)
  for i = 1, 20 do
    lu.assertEquals(assert(http.post(url(s), { body = tostring(i) })).body, i .. "!")
  end
  collectgarbage(mode)
end

function TestServer.test_head_is_asked_before_the_body()
  local asked, handled = {}, 0
  local s <close> = listen(function()
    handled = handled + 1
    return {}
  end, {
    head = function(request)
      asked[#asked + 1] = request
      if request.path == "/refuse" then
        return { status = 401, headers = { ["X-Why"] = "no token" }, body = "no" }
      elseif request.path == "/drop" then
        return { drop = true }
      elseif request.path == "/fail" then
        error "a mistake"
      elseif request.path == "/wait" then
        task.sleep(0)
      elseif request.path == "/wrong" then
        return "text"
      end
      return request.path == "/three" and 3 or nil
    end,
  })
  local function post(path, body)
    return http.post(url(s, path), { body = body, headers = { ["X-Any"] = "x" } })
  end
  local response = assert(post("/refuse?a=b", ("x"):rep(100000)))
  lu.assertEquals({ response.status, response.headers["x-why"], response.body }, { 401, "no token", "no" })
  lu.assertEquals({ asked[1].path, asked[1].body, asked[1].query.a, asked[1].headers["x-any"] },
    { "/refuse", "", "b", "x" })
  lu.assertEquals(asked[1].headers["content-length"], "100000")
  lu.assertEquals(assert(post("/three", "abc")).status, 200)
  lu.assertEquals(assert(post("/three", "abcd")).status, 413)
  lu.assertNil((post("/drop", "x")))
  for _, path in ipairs { "/fail", "/wait", "/wrong" } do
    lu.assertEquals(assert(post(path, "x")).status, 500, path)
  end
  lu.assertEquals(assert(post("/any", "x")).status, 200)
  lu.assertEquals(#asked, 8)
  lu.assertEquals(assert(http.get(url(s, "/refuse"))).status, 200) -- has no body
  lu.assertEquals({ #asked, handled }, { 8, 3 })
end

function TestServer.test_small_bodies_are_not_asked_for()
  local asked = 0
  local s <close> = listen(function() return {} end, {
    ask_over = 3,
    head = function()
      asked = asked + 1
      return { status = 401 }
    end,
  })
  lu.assertEquals(assert(http.post(url(s), { body = "abc" })).status, 200)
  lu.assertEquals(assert(http.post(url(s), { body = "abcd" })).status, 401)
  lu.assertEquals(asked, 1)
end

function TestServer.test_refusals_in_a_form_of_ones_own()
  local seen
  local s <close> = listen(function() return {} end, {
    max_body = 3,
    refuse = function(refusal)
      seen = refusal
      if refusal.path == "/fail" then
        error "a mistake"
      end
      return { status = refusal.status, headers = { ["X-Code"] = refusal.code }, body = "sorry" }
    end,
  })
  local response = assert(http.post(url(s, "/a?b"), { body = "abcd" }))
  lu.assertEquals({ response.status, response.headers["x-code"], response.body },
    { 413, "RequestEntityTooLarge", "sorry" })
  lu.assertEquals(seen, { status = 413, code = "RequestEntityTooLarge", path = "/a",
    message = "The body of the request is too large" })
  response = assert(http.post(url(s, "/fail"), { body = "abcd" }))
  lu.assertEquals(response:json().errorCode, "RequestEntityTooLarge")
end

function TestServer.test_addresses()
  local s <close> = listen(function() return {} end, { host = "localhost" })
  lu.assertEquals(s.host, "localhost")
  lu.assertTrue(s.port > 0)
  lu.assertNil(s.nothing)
  local again, err = server.listen { port = s.port, handler = print }
  lu.assertNil(again)
  lu.assertEquals(err.kind, "network")
  lu.assertStrContains(err.message, "127.0.0.1:" .. s.port)
  again, err = server.listen { host = "example.org", handler = print }
  lu.assertNil(again)
  lu.assertEquals(err.kind, "config")
end

function TestServer.test_misuse()
  lu.assertErrorMsgContains("handler", server.listen, {})
  lu.assertErrorMsgContains("handler", server.listen, { handler = "x" })
  lu.assertErrorMsgContains("did you mean 'port'", server.listen, { handler = print, prot = 1 })
  lu.assertErrorMsgContains("head", server.listen, { handler = print, head = 1 })
  lu.assertErrorMsgContains("refuse", server.listen, { handler = print, refuse = {} })
  lu.assertErrorMsgContains("ask_over", server.listen, { handler = print, ask_over = -1 })
  lu.assertErrorMsgContains("port", server.listen, { handler = print, port = 65536 })
  lu.assertErrorMsgContains("max_body", server.listen, { handler = print, max_body = 0 })
  lu.assertErrorMsgContains("task_limit", server.listen, { handler = print, task_limit = 0 })
  lu.assertErrorMsgContains("NUL", server.listen, { handler = print, host = "127.0.0.1\0" })
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestServer", TestServer } })
