-- jeton.http with plain URLs, against a jeton.server in the same process.
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"
local server = require "jeton.server"
local task = require "jeton.task"

local routes = {}

local echo = assert(server.listen {
  handler = function(request)
    local route = routes[request.path]
    if route then return route(request) end
    return {
      headers = { ["Content-Type"] = "application/json" },
      body = assert(json.encode {
        method = request.method,
        target = request.target,
        headers = request.headers,
        body = request.body,
      }),
    }
  end,
})
local base = ("http://127.0.0.1:%d"):format(echo.port)

-- The echo of a request.
local function sent(options)
  local response = assert(http.request(options))
  return assert(response:json())
end

local function seconds(fn)
  local clock = os.time()
  fn()
  return os.time() - clock
end

local TestRequest = {}

function TestRequest.test_get()
  local got = sent { url = base .. "/a/b?c=1" }
  lu.assertEquals(got.method, "GET")
  lu.assertEquals(got.target, "/a/b?c=1")
  lu.assertNil(got.headers["content-type"])
end

function TestRequest.test_methods_are_upper_case()
  lu.assertEquals(sent({ url = base .. "/x", method = "delete" }).method, "DELETE")
  local head = assert(http.request { url = base .. "/x", method = "HEAD" })
  lu.assertEquals(head.status, 200)
  lu.assertEquals(head.body, "")
end

function TestRequest.test_get_and_post_set_url_and_method()
  lu.assertEquals(assert(http.get(base .. "/x", { query = { a = 1 } })):json().target, "/x?a=1")
  local got = assert(http.post(base .. "/x", { body = "text" })):json()
  lu.assertEquals(got.method, "POST")
  lu.assertEquals(got.body, "text")
  lu.assertErrorMsgContains("set by this function", http.get, base, { method = "PUT" })
  -- As http.request, also where the options are another table's.
  local defaults = setmetatable({}, { __index = { query = { a = 1 }, headers = { ["X-D"] = "d" } } })
  lu.assertEquals(assert(http.get(base .. "/x", defaults)):json().target, "/x?a=1")
  lu.assertErrorMsgContains("set by this function", http.get, base,
    setmetatable({}, { __index = { method = "PUT" } }))
  lu.assertErrorMsgContains("unknown option 'timeuot'", http.get, base, { timeuot = 1 })
end

function TestRequest.test_query_is_encoded_in_order()
  local query = { z = true, ["a b"] = "1&2", m = 636674054802000001, e = "é/@" }
  lu.assertEquals(sent({ url = base .. "/q", query = query }).target,
    "/q?a%20b=1%262&e=%C3%A9%2F%40&m=636674054802000001&z=true")
  lu.assertEquals(sent({ url = base .. "/q?first=0#gone", query = { x = 1 } }).target, "/q?first=0&x=1")
  lu.assertEquals(sent({ url = base .. "/q", query = {} }).target, "/q")
  local half = ("x"):rep(5000)
  local _, err = http.request{ url = base .. "/q?a=" .. half, query = { b = half } }
  lu.assertStrContains(err.message, "URL longer than 8192 bytes")
end

function TestRequest.test_json_body()
  local value = { n = 636674054802000001, l = json.array {} }
  local got = sent { url = base .. "/j", method = "POST", json = value }
  lu.assertEquals(got.headers["content-type"], "application/json")
  lu.assertEquals(got.body, '{"l":[],"n":636674054802000001}')
  lu.assertEquals(sent({ url = base .. "/j", method = "POST", json = false }).body, "false")
  local headers = { ["content-type"] = "a/b" }
  got = sent { url = base .. "/j", method = "POST", json = {}, headers = headers }
  lu.assertEquals(got.headers["content-type"], "a/b")
end

function TestRequest.test_json_that_cannot_be_written()
  local response, err = http.request { url = base, method = "POST", json = { a = { print } } }
  lu.assertNil(response)
  lu.assertEquals(err.kind, "invalid")
  lu.assertStrContains(err.message, "json of http.request")
end

function TestRequest.test_form_body()
  local got = sent { url = base .. "/f", method = "POST", form = { b = "x y", a = "=" } }
  lu.assertEquals(got.headers["content-type"], "application/x-www-form-urlencoded")
  lu.assertEquals(got.body, "a=%3D&b=x%20y")
end

-- As json.encode writes them, whatever the locale.
function TestRequest.test_floats_are_sent_in_full()
  local values = { a = 1767355200123456.0, b = 5.0, c = 0.1 + 0.2, d = 1e300, e = -0.0, f = 7 }
  local text = "a=1767355200123456.0&b=5.0&c=0.30000000000000004&d=1e%2B300&e=-0.0&f=7"
  for _, locale in ipairs { "C", "de_DE.UTF-8", "fr_FR.UTF-8" } do
    if os.setlocale(locale, "numeric") then
      lu.assertEquals(sent({ url = base .. "/q", query = values }).target, "/q?" .. text)
      lu.assertEquals(sent({ url = base, method = "POST", form = values }).body, text)
      local parts = { { name = "n", value = 1.5 }, { name = "a", value = values.a },
        { name = "t", value = true } }
      local headers = { ["X-A"] = values.a, ["X-B"] = 1.5 }
      local got = sent { url = base, method = "POST", headers = headers, multipart = parts }
      lu.assertEquals({ got.headers["x-a"], got.headers["x-b"] }, { "1767355200123456.0", "1.5" })
      for _, part in ipairs { "1.5", "1767355200123456.0", "true" } do
        lu.assertStrContains(got.body, "\r\n\r\n" .. part .. "\r\n")
      end
      lu.assertEquals(http.encode(1.5), "1.5")
      routes["/reply"] = function() return { headers = { ["X-N"] = values.a } } end
      lu.assertEquals(assert(http.get(base .. "/reply")).headers["x-n"], "1767355200123456.0")
    end
  end
  os.setlocale("C", "numeric")
end

-- Half of a surrogate pair is no character, and Latin-1 no UTF-8. Bodies and values of parts are bytes.
function TestRequest.test_texts_are_utf8()
  for _, bad in ipairs { "x\u{D800}", "\u{DE00}\u{D83D}", "caf\xe9", "\xff" } do
    local part = function(key) return { multipart = { { name = "a", value = 1, [key] = bad } } } end
    for what, options in pairs {
      ["query.x"] = { query = { x = bad } }, query = { query = { [bad] = 1 } },
      ["form.x"] = { form = { x = bad } }, form = { form = { [bad] = 1 } },
      ["headers.x"] = { headers = { x = bad } }, url = { url = base .. "/" .. bad },
      ["multipart[1].name"] = part "name", ["multipart[1].filename"] = part "filename",
      ["multipart[1].content_type"] = part "content_type",
    } do
      options.url, options.method = options.url or base, "POST"
      local response, err = http.request(options)
      lu.assertNil(response)
      lu.assertEquals({ err.kind, err.message }, { "invalid", what .. ": it is not UTF-8" })
    end
    routes["/bytes"] = function(request) return { body = request.body } end
    lu.assertEquals(assert(http.post(base .. "/bytes", { body = bad })).body, bad)
    local parts = { { name = "a", value = bad } }
    lu.assertStrContains(assert(http.post(base .. "/bytes", { multipart = parts })).body, bad)
    lu.assertStrContains(sent({ url = base .. "/?x=" .. http.encode(bad) }).target, "%")
  end
  local good = { ["é"] = "\u{1F600}" }
  lu.assertEquals(sent({ url = base .. "/q", query = good }).target, "/q?%C3%A9=%F0%9F%98%80")
end

function TestRequest.test_what_is_no_number_is_refused()
  for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
    local x = { x = value }
    for what, option in pairs {
      ["query.x"] = { query = x }, ["form.x"] = { form = x }, ["headers.x"] = { headers = x },
      ["multipart[2].value"] = { multipart = { { name = "a", value = 1 }, { name = "x", value = value } } },
    } do
      option.url, option.method = base, "POST"
      local response, err = http.request(option)
      lu.assertNil(response)
      lu.assertEquals(err.kind, "invalid")
      lu.assertEquals(err.message, what .. ": NaN and infinity cannot be sent")
    end
    lu.assertErrorMsgContains("NaN and infinity cannot be text", http.encode, value)
  end
end

function TestRequest.test_bodies_are_bytes()
  routes["/bytes"] = function(request) return { body = request.body } end
  local bytes = "\0\1\255" .. ("x"):rep(100000) .. "\0"
  lu.assertEquals(assert(http.post(base .. "/bytes", { body = bytes })).body, bytes)
end

function TestRequest.test_a_part_whose_value_nothing_holds()
  local value = ("x"):rep(1 << 20)
  local part = setmetatable({}, {
    __index = function(_, key)
      if key == "value" then return value .. "" .. key end
      collectgarbage()
      return key == "name" and key or nil
    end,
  })
  local echoed = sent { url = base, method = "POST", multipart = { part } }
  lu.assertStrContains(echoed.body, value .. "value\r\n")
end

function TestRequest.test_headers_are_sent()
  local got = sent { url = base .. "/h", headers = { ["X-One"] = "a", ["X-Two"] = 2 } }
  lu.assertEquals(got.headers["x-one"], "a")
  lu.assertEquals(got.headers["x-two"], "2")
end

function TestRequest.test_headers_with_control_characters_are_refused()
  for _, value in ipairs { "a\r\nb: c", "a\nb", "a\0b" } do
    local response, err = http.get(base .. "/h", { headers = { x = value } })
    lu.assertNil(response)
    lu.assertEquals(err.kind, "invalid")
  end
end

function TestRequest.test_a_header_in_two_spellings_is_refused()
  local response, err = http.get(base .. "/h", { headers = { ["X-A"] = 1, ["x-a"] = 2, ["x-b"] = 3 } })
  lu.assertNil(response)
  lu.assertEquals({ err.kind, err.message }, { "invalid", "header 'x-a' is there in two spellings" })
end

function TestRequest.test_bad_urls_are_invalid()
  for _, url in ipairs { "", "nonsense", "ftp://127.0.0.1/", "http://user:pass@127.0.0.1/", "http://" } do
    local response, err = http.get(url)
    lu.assertNil(response, url)
    lu.assertEquals(err.kind, "invalid", url)
  end
end

function TestRequest.test_misuse_raises()
  local cases = {
    { { url = base, methd = "GET" }, "did you mean 'method'" },
    { {}, "give url, or connector with path" },
    { { url = base, path = "/x" }, "give url, or connector with path" },
    { { url = base, connector = true, path = "/x" }, "not with url" },
    { { connector = true }, "goes with path" },
    { { connector = false, path = "/x" }, "a name or true" },
    { { url = base, body = "a", json = {} }, "use one" },
    { { url = base, any_status = true }, "go with connector" },
    { { url = base, query = { {} } }, "names as keys" },
    { { url = base, query = { a = {} } }, "query.a" },
    { { url = base, multipart = { { name = "a", value = {} } } }, "multipart[1].value" },
    { { url = base, multipart = { [1] = { name = "a", value = 1 }, [3] = { name = "c", value = 3 } } },
      "multipart: entry 2 is nil, and others follow it" },
    { { url = base, headers = "x: y" }, "headers must be a table" },
    { { url = base, timeout = -1 }, "timeout" },
    { { url = base, max_body = -1 }, "max_body" },
    { { url = base .. "\0x" }, "NUL" },
    { { url = 5 }, "url" },
  }
  for _, case in ipairs(cases) do
    lu.assertErrorMsgContains(case[2], http.request, case[1])
  end
end

function TestRequest.test_a_plain_coroutine_cannot_wait()
  local ok, message = coroutine.resume(coroutine.create(function() return http.get(base) end))
  lu.assertFalse(ok)
  lu.assertStrContains(tostring(message), "task.spawn")
end

local TestResponse = {}

function TestResponse.test_headers_are_lower_case_and_joined()
  routes["/headers"] = function()
    return { headers = { ["X-Many"] = { "a", "b" }, ["X-One"] = "c" } }
  end
  local response = assert(http.get(base .. "/headers"))
  lu.assertEquals(response.headers["x-many"], "a, b")
  lu.assertEquals(response.headers["x-one"], "c")
end

function TestResponse.test_an_error_status_is_a_response()
  routes["/gone"] = function() return { status = 410, body = "gone" } end
  local response = assert(http.get(base .. "/gone"))
  lu.assertEquals(response.status, 410)
  lu.assertEquals(response.body, "gone")
end

function TestResponse.test_redirects_are_not_followed()
  local followed = false
  routes["/from"] = function() return { status = 302, headers = { Location = base .. "/to" } } end
  routes["/to"] = function() followed = true return {} end
  local response = assert(http.get(base .. "/from"))
  lu.assertEquals(response.status, 302)
  lu.assertEquals(response.headers.location, base .. "/to")
  lu.assertFalse(followed)
end

function TestResponse.test_json()
  routes["/json"] = function() return { body = '{"id": 636674054802000001, "list": [], "x": null}' } end
  local value = assert(assert(http.get(base .. "/json")):json())
  lu.assertEquals(math.type(value.id), "integer")
  lu.assertEquals(value.id, 636674054802000001)
  lu.assertTrue(json.is_array(value.list))
  lu.assertEquals(value.x, json.null)
end

function TestResponse.test_json_limits_and_leniency()
  routes["/lenient"] = function() return { body = "{a: 'b', /* c */ }" } end
  local value, err = assert(http.get(base .. "/lenient")):json()
  lu.assertNil(value)
  lu.assertEquals(err.kind, "invalid")
  lu.assertEquals(assert(http.get(base .. "/lenient")):json({ lenient = true }), { a = "b" })
  lu.assertEquals(assert(http.get(base .. "/lenient", { lenient = true })):json(), { a = "b" })

  routes["/deep"] = function() return { body = ("["):rep(9) .. ("]"):rep(9) } end
  local deep = assert(http.get(base .. "/deep"))
  lu.assertNotNil(deep:json())
  lu.assertNil((deep:json { max_depth = 5 }))
  lu.assertNil((deep:json { max_bytes = 10 }))
  lu.assertErrorMsgContains("did you mean 'max_depth'", deep.json, deep, { max_dept = 5 })
end

function TestResponse.test_a_body_over_its_limit_is_an_error()
  routes["/big"] = function() return { body = ("x"):rep(5000) } end
  lu.assertEquals(#assert(http.get(base .. "/big", { max_body = 5000 })).body, 5000)
  lu.assertEquals(assert(http.get(base .. "/big", { max_body = 4999, cut = true })).body, ("x"):rep(4999))
  lu.assertEquals(#assert(http.get(base .. "/big", { max_body = 6000, cut = true })).body, 5000)
  lu.assertErrorMsgContains("cut and any_body do not go with", http.get, base .. "/big",
    { save_to = "x", cut = true })
  lu.assertErrorMsgContains("save_to does not go with HEAD", http.request, {
    url = base .. "/big", save_to = "x", method = "head",
  })
  local response, err = http.get(base .. "/big", { max_body = 4999 })
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
end

local TestFailure = {}

function TestFailure.test_refused_connection()
  local closed = assert(server.listen { handler = function() return {} end })
  local url = ("http://127.0.0.1:%d/x?secret=1"):format(closed.port)
  closed:close()
  local response, err = http.get(url)
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
  lu.assertTrue(err.retryable)
  lu.assertStrContains(err.request, "GET http://127.0.0.1")
  lu.assertNotStrContains(tostring(err), "secret=1")
end

function TestFailure.test_a_dropped_connection()
  routes["/drop"] = function() return { drop = true } end
  local response, err = http.get(base .. "/drop")
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
end

function TestFailure.test_a_timeout()
  routes["/slow"] = function() task.sleep(20) return {} end
  local took = seconds(function()
    local response, err = http.get(base .. "/slow", { timeout = 0.2 })
    lu.assertNil(response)
    lu.assertEquals(err.kind, "network")
  end)
  lu.assertTrue(took < 10)
end

function TestFailure.test_link_local_addresses()
  local hosts = { "169.254.169.254", "[fe80::1]", "[::ffff:169.254.1.2]", "[64:ff9b::169.254.1.2]",
    "[2002:a9fe:102::1]" }
  for _, host in ipairs(hosts) do
    local response, err = http.get("https://" .. host .. "/", { no_link_local = true, timeout = 5 })
    lu.assertNil(response)
    lu.assertStrContains(err.message, "its address is link-local")
  end
  lu.assertEquals(http.get(base .. "/echo", { no_link_local = true }).status, 200)
end

function TestFailure.test_a_cancelled_task_gives_up_its_request()
  local arrived, cleaned = false, false
  routes["/wait"] = function() arrived = true task.sleep(20) return {} end
  local t = task.spawn(function()
    local ok, err = pcall(http.get, base .. "/wait")
    cleaned = not ok and err.kind == "cancelled"
    error(err, 0)
  end)
  while not arrived do task.sleep(0.01) end
  collectgarbage()
  t:cancel()
  local ok, err = pcall(t.join, t)
  lu.assertFalse(ok)
  lu.assertEquals(err.kind, "cancelled")
  lu.assertTrue(cleaned)
  lu.assertEquals(assert(http.get(base .. "/still-there")).status, 200)
end

function TestFailure.test_many_at_once_keep_their_order()
  routes["/n"] = function(request)
    collectgarbage()
    task.sleep(request.query.n % 3 / 100)
    return { body = request.query.n }
  end
  local list = {}
  for i = 1, 40 do list[i] = i end
  local results = task.map(list, function(i)
    return assert(http.get(base .. "/n", { query = { n = i } })).body
  end, { limit = 20 })
  for i = 1, 40 do lu.assertEquals(results[i], tostring(i)) end
end

local TestTools = {}

function TestTools.test_encode()
  lu.assertEquals(http.encode "aZ0-._~", "aZ0-._~")
  lu.assertEquals(http.encode "a b/@%\0é", "a%20b%2F%40%25%00%C3%A9")
end

function TestTools.test_parse_url()
  lu.assertEquals(http.parse_url "HTTPS://Example.ORG./a%20b?c=d#e",
    { scheme = "https", host = "example.org", port = 443, path = "/a%20b", query = "c=d" })
  local url, err = http.parse_url "https://user@example.org/"
  lu.assertNil(url)
  lu.assertEquals(err.kind, "invalid")
end

function TestTools.test_error()
  local err = http.error {
    kind = "http", message = "no", status = 404, code = "NotFound", request = "GET /x",
  }
  lu.assertEquals(err.kind, "http")
  lu.assertEquals(err.status, 404)
  lu.assertEquals(err.code, "NotFound")
  lu.assertStrContains(tostring(err), "GET /x")
  lu.assertEquals(getmetatable(err), getmetatable((select(2, http.parse_url ""))))
  err = http.error { kind = "http", message = "a\0b\0", code = "\0" }
  lu.assertEquals({ err.message, err.code }, { "a\\0b\\0", "\\0" })
  lu.assertErrorMsgContains("kind", http.error, { kind = "wrong" })
  local function wait(said) return http.error({ kind = "throttled", retry_after = said }).retry_after end
  lu.assertEquals({ wait(90), wait(1.5), wait "120", wait " 2.5 " }, { 90, 2, 120, 3 })
  lu.assertNil(wait(0))
  lu.assertNil(wait "soon")
  lu.assertEquals({ wait(math.huge), wait(math.maxinteger), wait(("9"):rep(99)) },
    { 315360000, 315360000, 315360000 })
  lu.assertAlmostEquals(wait(os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 3600)), 3600, 60)
  for _, wrong in ipairs { -1, 0 / 0, true, {} } do
    lu.assertErrorMsgContains("retry_after must be", http.error, { kind = "http", retry_after = wrong })
  end
  lu.assertErrorMsgContains("did you mean 'message'", http.error, { kind = "http", mesage = "" })
end

local result = lu.LuaUnit.new():runSuiteByInstances {
  { "TestRequest", TestRequest },
  { "TestResponse", TestResponse },
  { "TestFailure", TestFailure },
  { "TestTools", TestTools },
}
echo:close()
os.exit(result)
