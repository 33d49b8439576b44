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

function TestTraffic.test_one_that_is_not_kept()
  local alice = browser.of "alice"
  for _, number in ipairs { "999999", "0", "-1", "x", "1e999" } do
    local response = alice:get("/portal/traffic/" .. number)
    lu.assertEquals(response.status, 404, number)
    lu.assertStrContains(response.body, "no longer stored")
  end
end

return wire.run { TestTraffic = TestTraffic }
