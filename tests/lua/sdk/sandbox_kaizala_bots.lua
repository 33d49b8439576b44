-- The SDK's bots and webhooks, through real sockets.
package.path = require("jeton").folder .. "/../?.lua;" .. package.path
local http = require "jeton.http"
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local receivers = require "receivers"
local wire = require "wire"

local kz = kaizala.connect()

-- Calls, which must raise an err of this kind whose line says so.
local function raises(kind, says, fn, ...)
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  lu.assertEquals(type(err), "table", tostring(err))
  lu.assertEquals(err.kind, kind, tostring(err))
  lu.assertStrContains(tostring(err), says)
end

-- Calls, which must raise a string that says so, and is about this file.
local function misuse(says, fn, ...)
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  lu.assertEquals(type(err), "string", tostring(err))
  lu.assertStrContains(err, says)
end

local TestBots = {}

function TestBots.test_a_life()
  local bot = kz:create_bot { name = "Reporter", profile_pic = "aGVsbG8=" }
  lu.assertEquals(bot.name, "Reporter")
  local found = kz:bots():all()
  lu.assertEquals(#found, 1)
  lu.assertEquals(found[1].id, bot.id)
  lu.assertEquals(found[1].creator, wire.alice)
  lu.assertEquals(found[1].profile_pic, "aGVsbG8=")
  lu.assertEquals(found[1].raw.botUserId, bot.id)
  lu.assertTrue(bot:update { name = "Other" })
  lu.assertEquals(kz:bots()().name, "Other")
  lu.assertTrue(kz:bot(bot.id):delete())
  lu.assertEquals(#kz:bots():all(), 0)
  raises("http", "there is no bot", bot.delete, bot)
end

function TestBots.test_its_token_acts_as_the_bot()
  local bot = kz:create_bot { name = "Reporter" }
  local group = kz:group(wire.sales)
  lu.assertTrue(group:add_bot(bot))
  lu.assertTrue(group:add_bot(bot.id))
  local token = bot:token()
  lu.assertAlmostEquals(token.expires_at, os.time() + 86400, 60)
  lu.assertStrContains(table.concat(token.scopes, " "), "textmessage.write")
  local reply = assert(http.request {
    method = "POST",
    url = wire.root .. "/v1/groups/" .. wire.sales .. "/messages",
    headers = { accessToken = token.access_token },
    json = { message = "From a bot" },
  })
  lu.assertEquals(reply.status, 200, reply.body)
  local is_member = false
  for member in group:members() do is_member = is_member or member.id == bot.id end
  lu.assertTrue(is_member)
end

function TestBots.test_misuse()
  misuse("options must be a table", kz.create_bot, kz)
  misuse("name must be a non-empty string", kz.create_bot, kz, {})
  misuse("did you mean 'name'", kz.create_bot, kz, { nam = "x" })
  misuse("with a colon", kz.bots)
  misuse("with a colon", kz:bot "x".delete, {})
  misuse("must be a non-empty string", kz.bot, kz, "")
  misuse("add_bot: bot", kz:group(wire.sales).add_bot, kz:group(wire.sales), 5)
end

function TestBots.test_a_missing_permission_is_named()
  wire.steer("connectors", { id = wire.application_id, permissions = json.array { "groupinfo" } })
  raises("auth", "bot.read", function() return kz:bots():all() end)
  raises("auth", "webhook.write", function()
    kz:create_webhook { object_id = wire.sales, object_type = "Group", events = { "Announcement" },
      callback_url = "http://127.0.0.1:1/" }
  end)
end

local TestWebhooks = {}
local receiver

function TestWebhooks.setUp()
  wire.reset()
  receiver = receivers.start()
end

function TestWebhooks.tearDown()
  receiver.close()
end

local function create(change)
  local options = { object_id = wire.sales, object_type = "Group", events = { "TextMessageCreated" },
    callback_url = receiver.url }
  for name, value in pairs(change or {}) do options[name] = value end
  return kz:create_webhook(options)
end

function TestWebhooks.test_a_life()
  local validity = os.time() + 86400
  local webhook = create { callback_token = "a-secret", callback_context = { a = 1 }, validity = validity,
    callback_headers = { ["X-A"] = "b" } }
  local found = kz:webhooks():all()
  lu.assertEquals(#found, 1)
  lu.assertEquals(found[1].id, webhook.id)
  lu.assertEquals(found[1].object_id, wire.sales)
  lu.assertEquals(found[1].events, { "TextMessageCreated" })
  lu.assertEquals(found[1].callback_url, receiver.url)
  lu.assertEquals(found[1].callback_token, "a-secret")
  lu.assertEquals(found[1].callback_context, { a = 1 })
  lu.assertEquals(found[1].validity, validity)
  lu.assertAlmostEquals(found[1].ts, os.time(), 60)
  lu.assertEquals(found[1].active, true)
  lu.assertTrue(webhook:update { active = false, events = { "JobCreated", "JobResponse" } })
  found = kz:webhooks { object_id = wire.sales, object_type = "Group" }:all()
  lu.assertEquals(found[1].active, false)
  lu.assertEquals(found[1].events, { "JobCreated", "JobResponse" })
  lu.assertTrue(found[1]:update { active = true })
  lu.assertEquals(#kz:webhooks { object_id = wire.news }:all(), 0)
  lu.assertEquals(#kz:webhooks { object_type = "Action" }:all(), 0)
  lu.assertTrue(kz:webhook(webhook.id):delete())
  lu.assertEquals(#kz:webhooks():all(), 0)
  raises("http", "no webhook", webhook.update, webhook, { active = true })
end

function TestWebhooks.test_a_receiver_that_is_refused()
  local bad = receivers.start(function() return { body = "no" } end)
  raises("http", "callBackUrl", create, { callback_url = bad.url })
  bad.close()
end

function TestWebhooks.test_what_is_refused_before_a_request()
  wire.ok("DELETE", "/_sandbox/requests")
  raises("invalid", "https://", create, { callback_url = "http://receiver.example/" })
  raises("invalid", "callback_url", create, { callback_url = "nothing" })
  misuse("object_type must be", create, { object_type = "Chat" })
  misuse("events must be a list", create, { events = {} })
  misuse("entry 1 must be a string", create, { events = { 5 } })
  misuse("validity must be a time", create, { validity = 1.5 })
  misuse("unknown option", create, { active = true })
  misuse("callback_url is missing", kz.create_webhook, kz,
    { object_id = wire.sales, object_type = "Group", events = { "Announcement" } })
  misuse("with a colon", kz.webhooks)
  misuse("object_type must be", kz.webhooks, kz, { object_type = "Chat" })
  lu.assertEquals(#wire.ok("GET", "/_sandbox/requests").requests, 0)
end

return wire.run { TestBots = TestBots, TestWebhooks = TestWebhooks }
