-- Text messages: to a group, to subscribers of a public one, and what is refused.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local talking = require "talking"
local wire = require "wire"

local tenant, bruno, group_token

local function set_up()
  wire.reset()
  tenant, bruno, group_token = wire.access(), wire.access(wire.user_token), wire.access(wire.group_token)
end

local function path(group)
  return "/v1/groups/" .. group .. "/messages"
end

local function send(token, group, fields)
  return wire.ok("POST", path(group), { token = token, json = fields })
end

local function refused(status, code, token, group, fields)
  return wire.refused(status, code, "POST", path(group), { token = token, json = fields })
end

local function newest()
  local messages = wire.state().messages
  return messages[#messages]
end

local TestGroup = { setUp = set_up }

function TestGroup.test_a_message_arrives()
  local reply = send(bruno, wire.sales, { message = "Bonjour à tous 😀" })
  lu.assertStrMatches(reply.referenceId, "%x+%-%x+%-%x+%-%x+%-%x+")
  local message = newest()
  lu.assertEquals(message.reference_id, reply.referenceId)
  lu.assertEquals(message.text, "Bonjour à tous 😀")
  lu.assertEquals(message.sender, wire.bruno)
  lu.assertEquals(message.group, wire.sales)
  lu.assertEquals(message.to_group, true)
end

function TestGroup.test_with_each_kind_of_token()
  send(group_token, wire.sales, { message = "group" })
  send(tenant, wire.sales_north, { message = "tenant, no member there" })
  refused(403, "PermissionDenied", bruno, wire.news, { message = "no member there" })
  refused(403, "PermissionDenied", group_token, wire.sales_north, { message = "another group" })
end

function TestGroup.test_4000_characters()
  send(tenant, wire.sales, { message = ("é"):rep(4000) })
  lu.assertEquals(utf8.len(newest().text), 4000)
  local before = wire.state().counts.messages
  local too_long = { message = ("é"):rep(4001) }
  lu.assertStrContains(refused(400, "InvalidParameters", tenant, wire.sales, too_long), "4000")
  refused(400, "InvalidParameters", tenant, wire.sales, { message = "" })
  lu.assertEquals(wire.state().counts.messages, before)
end

function TestGroup.test_replies()
  local first = send(tenant, wire.sales, { message = "question" }).referenceId
  send(tenant, wire.sales, { message = "answer", replyToReferenceId = first })
  lu.assertEquals(newest().reply_to, first)
  local poll = talking.act("Poll", talking.poll).referenceId
  send(tenant, wire.sales, { message = "to the poll", replyToReferenceId = poll:upper() })
  lu.assertEquals(newest().reply_to, poll)
  local elsewhere = { message = "elsewhere", replyToReferenceId = first }
  refused(400, "InvalidParameters", tenant, wire.sales_north, elsewhere)
end

-- A group that is not public has no subscribers: the fields mean nothing.
function TestGroup.test_subscribers_are_ignored()
  for _, fields in ipairs {
    { message = "x", sendToAllSubscribers = true },
    { message = "x", subscribers = json.array { wire.bruno } },
    { message = "x", subscribers = json.array {} },
  } do
    for _, token in ipairs { tenant, bruno } do
      lu.assertNil(send(token, wire.sales, fields).failedResult)
      lu.assertEquals(newest().to_group, true)
    end
  end
end

local TestPublicGroup = { setUp = set_up }

function TestPublicGroup.test_what_is_no_phone_number_is_reported()
  local people = json.array { "0100000001", wire.chitra }
  local sent = send(tenant, wire.news, { message = "x", subscribers = people })
  lu.assertEquals(#sent.failedResult, 1)
  lu.assertEquals({ sent.failedResult[1].subscriber, sent.failedResult[1].errorCode },
    { "0100000001", "InvalidParameters" })
  lu.assertEquals(newest().recipients, { wire.chitra })
end

function TestPublicGroup.test_to_all_subscribers()
  lu.assertNil(send(tenant, wire.news, { message = "all", sendToAllSubscribers = true }).failedResult)
  local message = newest()
  lu.assertEquals(message.to_all_subscribers, true)
  lu.assertEquals(message.to_group, false)
end

function TestPublicGroup.test_to_some()
  local subscribers = json.array { wire.chitra, wire.daria }
  local reply = send(tenant, wire.news, { message = "some", subscribers = subscribers })
  lu.assertEquals(newest().recipients, { wire.chitra })
  lu.assertEquals(#reply.failedResult, 1)
  local failed = reply.failedResult[1]
  lu.assertEquals(failed.subscriber, wire.daria)
  for _, name in ipairs { "subscriberId", "errorReason", "errorCode" } do
    lu.assertEquals(type(failed[name]), "string", name)
  end
end

function TestPublicGroup.test_both_together()
  send(tenant, wire.news,
    { message = "x", sendToAllSubscribers = true, subscribers = json.array { wire.bruno } })
  lu.assertEquals(newest().to_all_subscribers, true)
end

function TestPublicGroup.test_an_empty_list_is_nobody()
  send(tenant, wire.news, { message = "x", subscribers = json.array {} })
  local message = newest()
  lu.assertEquals(message.to_group, false)
  lu.assertEquals(message.to_all_subscribers, false)
  lu.assertEquals(message.recipients, {})
end

function TestPublicGroup.test_only_admins_send_to_subscribers()
  wire.ok("PUT", "/v1/groups/" .. wire.news .. "/members", { token = tenant,
    json = { members = json.array { wire.bruno } } })
  refused(403, "PermissionDenied", bruno, wire.news, { message = "x", sendToAllSubscribers = true })
  refused(403, "PermissionDenied", bruno, wire.news, { message = "x", subscribers = json.array {} })
end

return wire.run { TestGroup = TestGroup, TestPublicGroup = TestPublicGroup }
