-- The portal's page of the sandbox itself (clock, faults, switches, reset), and changing a connector.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local lu = require "luaunit"
local wire = require "wire"

local PAGE = "/portal/sandbox"

local TestControl = {}

function TestControl.setUp()
  wire.reset()
end

TestControl.tearDown = TestControl.setUp -- the clock goes back for other files

local function send(visitor, tail, fields)
  return visitor:submit(visitor:page(PAGE), PAGE .. tail, fields)
end

function TestControl.test_it_says_that_it_is_in_memory()
  lu.assertStrContains(browser.of("alice"):page(PAGE), "It is in memory: when it stops, everything is gone.")
  lu.assertStrContains(browser.of("alice"):page(PAGE), "<code>--db FILE</code>")
  lu.assertStrContains(browser.of("alice", { language = "fr" }):page(PAGE), "Il est en mémoire")
  lu.assertStrContains(browser.new():page "/portal/sign-in", "In memory: when it stops, everything is gone.")
end

function TestControl.test_the_clock()
  local alice, before = browser.of "alice", wire.ok("GET", "/_sandbox/clock").now
  -- Who moves it stays signed in, even past the end of a session.
  lu.assertStrContains(send(alice, "/clock", { amount = "2", unit = "days" }), "The clock was moved.")
  lu.assertAlmostEquals(wire.ok("GET", "/_sandbox/clock").now, before + 2 * 86400, 60)
  local body = alice:page(PAGE)
  -- The second form with this action is the one that goes back.
  local form = browser.form(body, PAGE .. "/clock")
  form.back = "yes"
  lu.assertEquals(alice:request("POST", PAGE .. "/clock", { form = form }).status, 303)
  lu.assertEquals(wire.ok("GET", "/_sandbox/clock").advance_s, 0)
  for _, amount in ipairs { "", "x", "1.5", "999999999999", "72057594037927936" } do
    local response = alice:send(alice:page(PAGE), PAGE .. "/clock", { amount = amount, unit = "days" })
    lu.assertEquals(response.status, 400)
  end
  lu.assertEquals(wire.ok("GET", "/_sandbox/clock").advance_s, 0)
end

function TestControl.test_faults()
  local alice, token = browser.of "alice", wire.access()
  send(alice, "/faults", { method = "GET", path = "/groups", kind = "status", value = "503", times = "1" })
  local body = send(alice, "/faults", {
    method = "*", path = "/users/<b>", kind = "delay", value = "1 000", times = "0",
  })
  lu.assertStrContains(body, "status 503")
  lu.assertStrContains(body, "waits 1,000\u{a0}ms")
  lu.assertStrContains(body, "until removed")
  lu.assertNotStrContains(body, "/users/<b>")
  wire.refused(503, "SandboxFault", "GET", "/v1/groups", { token = token })
  wire.ok("GET", "/v1/groups", { token = token }) -- it was good for one
  local faults = wire.ok("GET", "/_sandbox/faults").faults
  lu.assertEquals(#faults, 1)
  lu.assertEquals(faults[1].delay_ms, 1000)
  send(alice, "/faults/remove", {})
  lu.assertEquals(#wire.ok("GET", "/_sandbox/faults").faults, 0)
  for _, fields in ipairs {
    { kind = "status", value = "99" }, { kind = "status", value = "x" }, { kind = "delay", value = "-1" },
    { kind = "status", value = "503", times = "-1" }, { kind = "status", value = "503", times = "many" },
  } do
    lu.assertEquals(alice:send(alice:page(PAGE), PAGE .. "/faults", fields).status, 400)
  end
  for kind, drop in pairs { drop = true, drop_after = "after" } do
    send(alice, "/faults", { path = "/" .. kind, kind = kind })
    faults = wire.ok("GET", "/_sandbox/faults").faults
    lu.assertEquals(faults[#faults].drop, drop)
  end
end

function TestControl.test_switches()
  local alice = browser.of "alice"
  send(alice, "/switches", {
    access_token_lifetime_s = "60", per_minute = "7", single_use_refresh_tokens = "yes",
    endpoint_url = "https://elsewhere.example", token_redirect = "base",
  })
  local now = wire.ok("GET", "/_sandbox/switches")
  lu.assertEquals({ now.access_token_lifetime_s, now.per_minute, now.single_use_refresh_tokens,
    now.endpoint_url, now.token_redirect.kind, now.api_redirect },
    { 60, 7, true, "https://elsewhere.example", "base", "off" })
  -- What the page does not show stays.
  wire.steer("switches", { token_redirect = { kind = "full", to = "https://other.example", times = 5 } })
  send(alice, "/switches", { per_minute = "8" })
  now = wire.ok("GET", "/_sandbox/switches")
  local redirect = now.token_redirect
  lu.assertEquals({ now.per_minute, now.single_use_refresh_tokens, redirect.to, redirect.times },
    { 8, false, "https://other.example", 5 })
  local response = alice:send(alice:page(PAGE), PAGE .. "/switches", { per_minute = "<b>" })
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "per_minute: expected")
  lu.assertEquals(wire.ok("GET", "/_sandbox/switches").per_minute, 8)
end

function TestControl.test_a_reset_asks()
  local alice = browser.of "alice"
  alice:submit(alice:page "/portal/groups/new", "/portal/groups/new", { name = "Gone soon" })
  local asked = alice:page(PAGE .. "/reset")
  lu.assertStrContains(asked, "everybody will be signed out")
  lu.assertEquals(#wire.state().groups, 4)
  lu.assertEquals(alice:send(asked, PAGE .. "/reset", {}).headers.location, "/portal/sign-in")
  lu.assertEquals(#wire.state().groups, 3)
  lu.assertEquals(alice:get(PAGE).headers.location, "/portal/sign-in")
end

function TestControl.test_nobody_steers_through_a_proxy()
  local alice = browser.of "alice"
  local forms = {
    [PAGE .. "/clock"] = PAGE, [PAGE .. "/faults"] = PAGE, [PAGE .. "/switches"] = PAGE,
    [PAGE .. "/reset"] = PAGE .. "/reset",
  }
  local before = wire.ok("GET", "/_sandbox/digest").digest
  for action, page in pairs(forms) do
    local response = alice:send(alice:page(page), action, { amount = "1" },
      { ["X-Forwarded-For"] = "192.0.2.1" })
    lu.assertEquals(response.status, 403, action)
  end
  lu.assertEquals(wire.ok("GET", "/_sandbox/digest").digest, before)
  lu.assertEquals(#wire.ok("GET", "/_sandbox/faults").faults, 0)
end

local TestConnector = { setUp = TestControl.setUp }

local EDIT = "/portal/connectors/" .. wire.application_id .. "/edit"

function TestConnector.test_name_redirect_url_and_permissions()
  local alice, token = browser.of "alice", wire.access()
  local body = alice:submit(alice:page(EDIT), EDIT, {
    name = "Renamed <b>", description = "New", redirect_uri = "https://app.example/done",
    permission_textmessage = "yes",
  })
  lu.assertStrContains(body, "Renamed &lt;b&gt; was changed.")
  lu.assertStrContains(body, "https://app.example/done")
  -- Only what was checked is left, at once.
  wire.refused(403, "PermissionDenied", "GET", "/v1/groups", { token = token })
  wire.ok("POST", "/v1/groups/" .. wire.sales .. "/messages", { token = token, json = { message = "x" } })
  lu.assertEquals(browser.value(alice:page(EDIT), "field-name"), "Renamed <b>")
end

function TestConnector.test_what_it_has_in_part_stays_so()
  local made = wire.steer("connectors", {
    name = "Part", owner = wire.alice, permissions = { "groupinfo.read", "media" } })
  local alice, path = browser.of "alice", "/portal/connectors/" .. made.id .. "/edit"
  local body = alice:page(path)
  lu.assertStrContains(body, "in part")
  alice:submit(body, path, { permission_groupinfo = "yes", permission_profile = "yes" })
  for _, connector in ipairs(wire.state().connectors) do
    if connector.id == made.id then
      lu.assertEquals(connector.scope or connector.permissions, "groupinfo.read,profile.read")
    end
  end
end

function TestConnector.test_who_may_and_what_is_refused()
  local alice, bruno = browser.of "alice", browser.of "bruno"
  lu.assertEquals(bruno:get(EDIT).status, 403)
  local form = browser.form(alice:page(EDIT), EDIT)
  form.csrf = browser.form(bruno:page "/portal/connectors", "/portal/sign-out").csrf
  lu.assertEquals(bruno:request("POST", EDIT, { form = form }).status, 403)
  for fields, says in pairs {
    [{ name = " ", permission_media = "yes" }] = "Name: please fill it in.",
    [{ redirect_uri = "ftp://x/", permission_media = "yes" }] = "Enter a URL that starts with https://",
    [{}] = "Choose at least one permission.",
  } do
    local response = alice:send(alice:page(EDIT), EDIT, fields)
    lu.assertEquals(response.status, 400)
    lu.assertStrContains(response.body, says)
  end
  wire.ok("GET", "/v1/groups", { token = wire.access() }) -- nothing was changed
end

return wire.run { TestControl = TestControl, TestConnector = TestConnector }
