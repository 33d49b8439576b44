-- The portal's traffic pages: what arrives, what is left of the limits, one request in full.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local lu = require "luaunit"
local wire = require "wire"

local TestTraffic = {}

function TestTraffic.setUp()
  wire.reset()
end

function TestTraffic.test_pages_need_somebody_signed_in()
  lu.assertEquals(browser.new():get("/portal/traffic").headers.location, "/portal/sign-in")
end

function TestTraffic.test_a_call_with_its_status_duration_and_connector()
  wire.ok("GET", "/v1/groups", { token = wire.access() })
  local body = browser.of("alice"):page "/portal/traffic"
  lu.assertStrContains(body, "/v1/groups")
  lu.assertStrContains(body, '<span class="badge good">200</span>')
  lu.assertStrMatches(body, ".*>%d+\u{a0}ms<.*")
  lu.assertStrContains(body, "Demo")
end

function TestTraffic.test_what_is_left_this_minute()
  wire.steer("switches", { per_minute = 50, tenant_per_minute = 0 })
  for _ = 1, 3 do
    wire.ok("GET", "/v1/groups", { token = wire.access() })
  end
  local body = browser.of("alice"):page "/portal/traffic"
  local words = body:gsub("<[^>]+>", " "):gsub("%s+", " ")
  lu.assertStrContains(words, "Demo 3 47")
  lu.assertStrContains(words, "all connectors 3 no limit")
end

function TestTraffic.test_a_refused_call_in_full()
  local token = wire.access()
  wire.refused(400, "InvalidParameters", "POST", "/v1/groups/" .. wire.sales .. "/messages?a=%3Cb%3E", {
    token = token, json = { message = "", note = "<script>alert(1)</script>" },
  })
  local alice = browser.of "alice"
  local path = alice:page("/portal/traffic"):match 'href="(/portal/traffic/%d+)"'
  local body = alice:page(path)
  lu.assertStrContains(body, "InvalidParameters")
  lu.assertStrContains(body, "message: must not be empty")
  lu.assertStrContains(body, "messages.send")
  lu.assertStrContains(body, "&lt;b&gt;")
  lu.assertStrContains(body, "&lt;script&gt;alert(1)&lt;/script&gt;")
  lu.assertNotStrContains(body, "<script>alert")
  lu.assertNotStrContains(body, token)
  lu.assertStrContains(browser.of("alice", { language = "fr" }):page(path), "Pourquoi elle a été refusée")
end

local function newest(visitor)
  return assert(visitor:page("/portal/traffic"):match 'href="(/portal/traffic/%d+)"')
end

-- What a block of code shows.
local function code(body, id)
  return browser.text(assert(body:match('<code id="' .. id .. '">(.-)</code>'), id))
end

function TestTraffic.test_the_reply_with_its_secrets_masked()
  local _, value = wire.call("GET", "/v1/accessToken", { headers = {
    applicationId = wire.application_id, applicationSecret = wire.secret, refreshToken = wire.tenant_token,
  } })
  local alice = browser.of "alice"
  local body = alice:page(newest(alice))
  lu.assertStrContains(code(body, "response"), '"accessToken": "***"')
  lu.assertStrContains(code(body, "response"), '"endpointUrl"')
  lu.assertStrContains(body, "<code>Content-Type</code>")
  for _, secret in ipairs { value.accessToken, wire.secret, wire.tenant_token } do
    lu.assertNotStrContains(body, secret)
  end
  -- What the request calls a secret is one in the reply too, whatever it stands under there.
  wire.steer("faults", { { match = { path = "/v1/groups" }, times = 1, status = 200,
    body = { seen = "hush-hush-hush", html = "<b>" } } })
  wire.call("GET", "/v1/groups", { headers = { ["X-My-Secret"] = "hush-hush-hush" } })
  body = alice:page(newest(alice))
  lu.assertStrContains(code(body, "response"), '"seen": "***"')
  lu.assertNotStrContains(body, "<b>")
  lu.assertNotStrContains(body, "hush-hush")
end

function TestTraffic.test_a_call_as_a_command_that_works()
  local token, alice = wire.access(), browser.of "alice"
  local text = "it's \"here\" $HOME `id` \\ é"
  wire.ok("POST", "/v1/groups/" .. wire.sales .. "/messages", { token = token, json = { message = text } })
  local command = code(alice:page(newest(alice)), "curl")
  lu.assertStrContains(command, '"$ACCESS_TOKEN"')
  local exec = require "jeton.exec"
  local count = #wire.state().messages
  local argv = { "sh", "-c", command .. " --silent --output /dev/null" }
  lu.assertEquals(exec.run { argv = argv, env = { ACCESS_TOKEN = token } }, 0)
  local messages = wire.state().messages
  lu.assertEquals(#messages, count + 1)
  lu.assertEquals(messages[#messages].text, text)
  -- Secrets of a body are variables too.
  wire.call("POST", "/v1/loginWithPinAndApplicationId", { json = {
    mobileNumber = wire.alice, applicationId = wire.application_id, pin = "123456" } })
  command = code(alice:page(newest(alice)), "curl")
  lu.assertStrContains(command, [["pin":"'"$PIN"'"]])
  lu.assertNotStrContains(command, "123456")
end

function TestTraffic.test_no_command_steers_a_terminal()
  local alice = browser.of "alice"
  for _, control in ipairs { "\27[201~\ntouch x\n", "\rtouch x\r", "\u{9b}201~" } do
    local form = "b=1&a=" .. require("jeton.http").encode(control)
    for kind, body in pairs { json = "no JSON " .. control, ["x-www-form-urlencoded"] = form } do
      wire.call("POST", "/v1/groups", { token = wire.access(), body = body,
        headers = { ["Content-Type"] = "application/" .. kind } })
      local command = code(alice:page(newest(alice)), "curl")
      lu.assertStrContains(command, "--data-binary @body")
      lu.assertNotStrContains(command, "touch")
    end
  end
end

function TestTraffic.test_no_command_has_a_variable_of_somebody_else()
  local alice = browser.of "alice"
  local marked = { ["\u{f8f0}HOME\u{f8f1}"] = "\u{f8f0}PATH\u{f8f1}" }
  wire.call("POST", "/v1/groups", { token = wire.access(), json = marked })
  local command = code(alice:page(newest(alice)), "curl")
  lu.assertStrContains(command, [[--data-raw '{"HOME":"PATH"}']])
end

function TestTraffic.test_a_call_is_made_again()
  local alice, token = browser.of "alice", wire.access()
  wire.ok("POST", "/v1/groups/" .. wire.sales .. "/messages", { token = token, json = { message = "Twice" } })
  local path = newest(alice)
  local count = #wire.state().messages
  -- As for the control routes: a proxy may pass on requests from anywhere.
  for _, action in ipairs { path .. "/again", "/portal/traffic/clear" } do
    local page = alice:page(action:match "^(.*)/%a+$")
    lu.assertEquals(alice:send(page, action, {}, { Forwarded = "for=192.0.2.1" }).status, 403, action)
  end
  lu.assertEquals(#wire.state().messages, count)
  local body = alice:submit(alice:page(path), path .. "/again", {})
  lu.assertEquals(#wire.state().messages, count + 1)
  lu.assertStrContains(body, '<a href="' .. path .. '">Request no.')
  lu.assertEquals(newest(alice), path:gsub("%d+$", function(number) return tostring(number + 1) end))
  -- One whose body was not kept cannot be.
  wire.call("POST", "/v1/groups/" .. wire.sales .. "/messages",
    { token = token, json = { message = ("x"):rep(20000) } })
  body = alice:page(newest(alice))
  lu.assertStrContains(body, "its body was too large to be kept")
  lu.assertStrContains(code(body, "curl"), "--data-binary @body")
end

function TestTraffic.test_filters_and_the_empty_list()
  local alice, token = browser.of "alice", wire.access()
  wire.ok("GET", "/v1/groups", { token = token })
  wire.call("POST", "/v1/groups/none/messages", { token = token, json = { message = "x" } })
  local function found(query)
    local paths = {}
    for path in alice:page("/portal/traffic?" .. query):gmatch '<span class="path">(.-)</span>' do
      paths[#paths + 1] = path
    end
    return table.concat(paths, " ")
  end
  lu.assertEquals(found "state=bad", "/v1/groups/none/messages")
  lu.assertEquals(found "method=GET&query=GROUPS", "/v1/groups")
  lu.assertEquals(found "method=PUT", "")
  lu.assertEquals(found "query=%25&method=%3Cb%3E", "")
  lu.assertStrContains(alice:page "/portal/traffic?method=PUT", "No request matches.")
  local body = alice:submit(alice:page "/portal/traffic", "/portal/traffic/clear", {})
  lu.assertStrContains(body, "The list is empty.")
  lu.assertStrContains(body, "No requests yet.")
  lu.assertEquals(#wire.ok("GET", "/_sandbox/requests").requests, 0)
end

function TestTraffic.test_one_that_is_not_kept()
  local alice = browser.of "alice"
  for _, number in ipairs { "999999", "0", "-1", "x", "1e999" } do
    local response = alice:get("/portal/traffic/" .. number)
    lu.assertEquals(response.status, 404, number)
    lu.assertStrContains(response.body, "no longer stored")
  end
end

return wire.run { TestTraffic = TestTraffic }
