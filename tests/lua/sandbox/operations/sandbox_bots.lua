-- Bots: whose they are, and that their tokens work as the bot.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"
local wire = require "wire"

local GROUP_PATH = "/v1/groups/" .. wire.sales
local DAY_S = 86400

local tenant, bruno

local function set_up()
  wire.reset()
  tenant, bruno = wire.access(), wire.access(wire.user_token)
end

local function create(token, name)
  return wire.ok("POST", "/v1/bot", { token = token, json = { name = name or "Reporter" } }).botUserId
end

local function list(token)
  return wire.ok("GET", "/v1/bot", { token = token }).bots
end

local function bot_token(id, token)
  return wire.ok("GET", "/v1/bot/accessToken/" .. id, { token = token or tenant })
end

local TestBots = { setUp = set_up }

function TestBots.test_what_is_listed()
  local id = create(bruno)
  local found = list(bruno)
  lu.assertEquals(#found, 1)
  lu.assertEquals(found[1].botUserId, id)
  lu.assertEquals(found[1].name, "Reporter")
  lu.assertEquals(found[1].creator, wire.bruno)
  lu.assertEquals(found[1].creatorName, "Bruno Keller")
  lu.assertEquals(found[1].tenantId, wire.state().tenant.id)
end

-- Lists are not paged: long pictures would make them longer than a reply can be.
function TestBots.test_a_large_picture_is_listed_by_its_url()
  local content = "\x89PNG\r\n\x1a\n" .. crypto.random(300000)
  local encoded = crypto.base64(content)
  local function paint(picture)
    local json_body = { name = "Painter", profilePic = picture }
    return wire.ok("POST", "/v1/bot", { token = bruno, json = json_body }).botUserId
  end
  local id, small = paint(encoded), paint "iVBORw0KGgo="
  local listed = {}
  for _, bot in ipairs(list(bruno)) do
    listed[bot.botUserId] = bot.profilePic
  end
  lu.assertEquals(listed[small], "iVBORw0KGgo=")
  lu.assertTrue(#listed[id] < 200, listed[id])
  local response = assert(http.get(listed[id]))
  lu.assertTrue(response.body == content)
  lu.assertEquals(response.headers["content-type"], "image/png")
  for _, form in ipairs { "data:image/png;base64," .. encoded, (encoded:gsub(("."):rep(76), "%0\r\n")) } do
    wire.ok("PUT", "/v1/bot/" .. id, { token = bruno, json = { profilePic = form } })
    local url
    for _, bot in ipairs(list(bruno)) do
      url = bot.botUserId == id and bot.profilePic or url
    end
    lu.assertNotEquals(url, listed[id])
    lu.assertTrue(assert(http.get(url)).body == content)
  end
  local hosted = paint(crypto.base64('{"Files":[{"Url":"https://x.example/' .. ("x"):rep(3000) .. '"}]}'))
  for _, bot in ipairs(list(bruno)) do
    lu.assertTrue(bot.botUserId ~= hosted or #bot.profilePic < 200, bot.profilePic)
  end
  local page = "<script>" .. ("x"):rep(3000)
  wire.ok("PUT", "/v1/bot/" .. small, { token = bruno, json = { profilePic = crypto.base64(page) } })
  for _, bot in ipairs(list(bruno)) do
    if bot.botUserId == small then
      lu.assertEquals(assert(http.get(bot.profilePic)).headers["content-type"], "application/octet-stream")
    end
  end
end

function TestBots.test_a_large_picture_that_is_none()
  local before = wire.ok("GET", "/_sandbox/digest").digest
  local message = wire.refused(400, "InvalidParameters", "POST", "/v1/bot",
    { token = bruno, json = { name = "Painter", profilePic = ("?"):rep(5000) } })
  lu.assertStrContains(message, "profilePic: expected a URL")
  lu.assertEquals(wire.ok("GET", "/_sandbox/digest").digest, before)
end

function TestBots.test_what_the_state_says()
  local id = create(bruno)
  local state = wire.state()
  lu.assertEquals(state.counts.bots, 1)
  lu.assertEquals(#state.bots, 1)
  local bot = state.bots[1]
  lu.assertEquals({ bot.id, bot.name, bot.creator, bot.picture }, { id, "Reporter", wire.bruno, "" })
  lu.assertStrMatches(bot.phone, "%+999%d+")
end

function TestBots.test_their_tokens_are_masked_in_what_is_recorded()
  local id = create(tenant)
  local token = bot_token(id).accessToken
  wire.ok("GET", "/v1/users/me", { token = token })
  wire.ok("GET", "/v1/users/me", { headers = { Authorization = "Bearer " .. token } })
  wire.call("POST", GROUP_PATH .. "/messages", { token = token, json = { message = token } })
  wire.call("POST", GROUP_PATH .. "/messages", { token = tenant, json = { message = "It is " .. token } })
  wire.call("GET", "/v1/groups/" .. token .. "/x")
  local recorded = json.encode((wire.ok("GET", "/_sandbox/requests")))
  lu.assertStrContains(recorded, '"message":"It is ***"')
  lu.assertStrContains(recorded, '"path":"/v1/groups/***/x"')
  lu.assertNil(recorded:find(token, 1, true))
end

function TestBots.test_whose_they_are()
  local of_alice, of_bruno = create(tenant), create(bruno)
  lu.assertEquals(#list(bruno), 1)
  lu.assertEquals(#list(tenant), 2)
  for _, call in ipairs {
    { "PUT", "/v1/bot/" .. of_alice, { name = "Mine" } }, { "DELETE", "/v1/bot/" .. of_alice },
    { "GET", "/v1/bot/accessToken/" .. of_alice },
  } do
    wire.refused(403, "PermissionDenied", call[1], call[2], { token = bruno, json = call[3] })
  end
  wire.ok("DELETE", "/v1/bot/" .. of_bruno, { token = tenant })
  lu.assertEquals(#list(bruno), 0)
end

function TestBots.test_a_token_acts_as_the_bot()
  local id = create(tenant)
  wire.ok("POST", GROUP_PATH .. "/bot", { token = tenant, json = { botUserId = id } })
  local reply = bot_token(id)
  lu.assertEquals(reply.scope, wire.exchange().scope)
  local me = wire.ok("GET", "/v1/users/me", { token = reply.accessToken })
  lu.assertEquals(me.id, id)
  lu.assertEquals(me.name, "Reporter")
  lu.assertEquals(me.isTenantAdmin, false)
  local groups = wire.ok("GET", "/v1/groups", { token = reply.accessToken }).groups
  lu.assertEquals(#groups, 1)
  lu.assertEquals(groups[1].groupId, wire.sales)
  wire.ok("POST", GROUP_PATH .. "/messages", { token = reply.accessToken, json = { message = "Hi" } })
  local messages = wire.state().messages
  lu.assertEquals(messages[#messages].sender, me.mobileNumber)
  local north = "/v1/groups/" .. wire.sales_north
  wire.refused(403, "PermissionDenied", "GET", north, { token = reply.accessToken })
end

function TestBots.test_a_group_token_does_not_lead_into_other_groups()
  local group_token = wire.access(wire.group_token) -- of Alice, as the tenant-level one
  local id = create(tenant)
  wire.ok("POST", GROUP_PATH .. "/bot", { token = group_token, json = { botUserId = id } })
  bot_token(id, group_token)
  wire.ok("POST", "/v1/groups/" .. wire.news .. "/bot", { token = tenant, json = { botUserId = id } })
  for _, call in ipairs {
    { "GET", "/v1/bot/accessToken/" .. id }, { "DELETE", "/v1/bot/" .. id },
    { "PUT", "/v1/bot/" .. id, { name = "Mine" } },
  } do
    wire.refused(403, "PermissionDenied", call[1], call[2], { token = group_token, json = call[3] })
  end
  bot_token(id, tenant)
end

function TestBots.test_a_token_lives_for_a_day()
  local token = bot_token(create(tenant)).accessToken
  wire.steer("clock", { advance_s = DAY_S - 60 })
  wire.ok("GET", "/v1/users/me", { token = token })
  wire.steer("clock", { advance_s = 60 })
  wire.refused(401, "InvalidToken", "GET", "/v1/users/me", { token = token })
end

function TestBots.test_a_deleted_bot()
  local id = create(tenant)
  wire.ok("POST", GROUP_PATH .. "/bot", { token = tenant, json = { botUserId = id } })
  local token = bot_token(id).accessToken
  wire.ok("POST", GROUP_PATH .. "/messages", { token = token, json = { message = "x" } })
  wire.ok("DELETE", "/v1/bot/" .. id, { token = tenant })
  wire.refused(401, "InvalidToken", "GET", "/v1/users/me", { token = token })
  wire.refused(404, "NotFound", "DELETE", "/v1/bot/" .. id, { token = tenant })
  for _, member in ipairs(wire.ok("GET", GROUP_PATH .. "/members", { token = tenant }).members) do
    lu.assertNotEquals(member.id, id)
  end
  lu.assertEquals(wire.state().counts.messages, 1)
end

function TestBots.test_change()
  local id = create(tenant)
  wire.ok("PUT", "/v1/bot/" .. id, { token = tenant, json = { profilePic = "aGVsbG8=" } })
  wire.ok("PUT", "/v1/bot/" .. id, { token = tenant, json = { Name = "Other" } })
  lu.assertEquals(list(tenant)[1].name, "Other")
  lu.assertEquals(list(tenant)[1].profilePic, "aGVsbG8=")
end

function TestBots.test_a_put_without_id_is_refused_in_json()
  wire.refused(405, "MethodNotAllowed", "PUT", "/v1/bot", { token = tenant, json = { name = "x" } })
  wire.refused(405, "MethodNotAllowed", "PUT", "/v1/bot/", { token = tenant, json = { name = "x" } })
end

function TestBots.test_a_user_is_no_bot()
  local me = wire.ok("GET", "/v1/users/me", { token = bruno })
  wire.refused(404, "NotFound", "DELETE", "/v1/bot/" .. me.id, { token = tenant })
  wire.refused(404, "NotFound", "GET", "/v1/bot/accessToken/" .. me.id, { token = tenant })
  local options = { token = tenant, json = { botUserId = me.id } }
  wire.refused(404, "NotFound", "POST", GROUP_PATH .. "/bot", options)
end

function TestBots.test_a_bot_cannot_sign_in()
  local token = bot_token(create(tenant)).accessToken
  local phone = wire.ok("GET", "/v1/users/me", { token = token }).mobileNumber
  wire.refused(400, "InvalidParameters", "POST", "/v1/generatePin",
    { json = { mobileNumber = phone, applicationId = wire.application_id } })
end

return wire.run { TestBots = TestBots }
