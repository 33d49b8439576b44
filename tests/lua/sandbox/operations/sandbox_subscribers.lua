-- Subscribers of public groups: pages, add, remove; what each number is answered.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local limits = require "sandbox.base.limits"
local wire = require "wire"

local SUBSCRIBERS = "/v1/groups/" .. wire.news:gsub("@", "%%40") .. "/subscribers"

local tenant

local function set_up()
  wire.reset()
  tenant = wire.access()
end

local function add(...)
  local options = { token = tenant, json = { subscribers = json.array { ... } } }
  return wire.ok("PUT", SUBSCRIBERS .. "/add", options).result
end

local function remove(...)
  local options = { token = tenant, json = { subscribers = json.array { ... } } }
  return wire.ok("PUT", SUBSCRIBERS .. "/remove", options).result
end

local function page(fields)
  return wire.ok("POST", SUBSCRIBERS, { token = tenant, json = fields })
end

-- All subscribers by phone, with how many pages it took.
local function all(count)
  local out, pages, cursor = {}, 0, nil
  repeat
    local reply = page { count = count, cursor = cursor }
    for _, user in ipairs(reply.subscribers) do
      lu.assertNil(out[user.mobileNumber], "twice: " .. user.mobileNumber)
      out[user.mobileNumber] = user
    end
    pages, cursor = pages + 1, reply.cursor
  until not cursor
  return out, pages
end

local function phones(first, count)
  local out = {}
  for i = 1, count do out[i] = ("+3316%07d"):format(first + i) end
  return out
end

local TestPages = { setUp = set_up }

function TestPages.test_the_last_one_has_no_cursor()
  local reply = page {}
  lu.assertEquals(#reply.subscribers, 2)
  lu.assertNil(reply.cursor)
  lu.assertEquals(reply.subscribers[1].isProvisioned, true)
end

function TestPages.test_fifty_by_default_and_at_most()
  add(table.unpack(phones(0, 98)))
  local reply = page {}
  lu.assertEquals(#reply.subscribers, limits.subscribers_per_page)
  lu.assertEquals(type(reply.cursor), "string")
  local found, pages = all(nil)
  lu.assertEquals(pages, 2)
  lu.assertNotNil(found[wire.chitra])
  lu.assertEquals(found["+33160000001"].isProvisioned, false)
  local _, more = all(7)
  lu.assertEquals(more, 15)
  wire.refused(400, "InvalidParameters", "POST", SUBSCRIBERS, { token = tenant, json = { count = 51 } })
end

function TestPages.test_by_get()
  local reply = wire.ok("GET", SUBSCRIBERS .. "?count=1", { token = tenant })
  lu.assertEquals(#reply.subscribers, 1)
  local rest = wire.ok("GET", SUBSCRIBERS .. "?cursor=" .. reply.cursor:gsub("=", "%%3D"), { token = tenant })
  lu.assertEquals(#rest.subscribers, 1)
  lu.assertNotEquals(rest.subscribers[1].id, reply.subscribers[1].id)
end

function TestPages.test_a_cursor_outlives_the_one_it_names()
  add(table.unpack(phones(0, 4)))
  local first = page { count = 2 }
  remove(first.subscribers[1].mobileNumber, first.subscribers[2].mobileNumber)
  lu.assertEquals(#page({ cursor = first.cursor }).subscribers, 4)
end

function TestPages.test_a_made_up_cursor()
  for _, cursor in ipairs { "x", "!", "eA==" } do
    lu.assertStrContains(wire.refused(400, "InvalidParameters", "POST", SUBSCRIBERS,
      { token = tenant, json = { cursor = cursor } }), "cursor")
  end
end

local NOT_THERE = {
  isRemoved = false, errorCode = "SubscriberNotFound", errorReason = "Not a subscriber of this group",
}

local TestChanging = { setUp = set_up }

function TestChanging.test_add()
  local result = add(wire.daria, wire.bruno, "+33160000009")
  lu.assertEquals(result, {
    [wire.daria] = { isAdded = true }, [wire.bruno] = { isAdded = true },
    ["+33160000009"] = { isAdded = true },
  })
  local found = all()
  lu.assertNotNil(found[wire.daria])
  lu.assertEquals(#wire.ok("GET", "/_sandbox/sms?phone=%2B33160000009").sms, 1)
  local sent = wire.ok("POST", "/v1/groups/" .. wire.news .. "/messages",
    { token = tenant, json = { message = "x", subscribers = json.array { wire.daria } } })
  lu.assertNil(sent.failedResult)
end

function TestChanging.test_remove()
  local result = remove(wire.bruno, wire.alice, "+33160000008", wire.bruno)
  lu.assertEquals(result, {
    [wire.bruno] = { isRemoved = true }, [wire.alice] = NOT_THERE, ["+33160000008"] = NOT_THERE,
  })
  local found = all()
  lu.assertNil(found[wire.bruno])
  lu.assertNotNil(found[wire.chitra])
end

function TestChanging.test_a_bad_number_does_not_stop_the_others()
  for _, case in ipairs { { add, "isAdded", wire.daria }, { remove, "isRemoved", wire.bruno } } do
    local change, flag, good = table.unpack(case)
    local result = change("12", good, "")
    lu.assertEquals(result[good], { [flag] = true })
    for _, bad in ipairs { "12", "" } do
      lu.assertEquals(result[bad], { [flag] = false, errorCode = "InvalidParameters",
        errorReason = "Not a phone number with + and country code" })
    end
  end
  local found = all()
  lu.assertNotNil(found[wire.daria])
  lu.assertNil(found[wire.bruno])
end

function TestChanging.test_only_of_public_groups()
  local path = "/v1/groups/" .. wire.sales .. "/subscribers"
  local body = { subscribers = json.array { wire.bruno } }
  for _, call in ipairs { { "GET", path }, { "POST", path, {} }, { "PUT", path .. "/add", body },
    { "PUT", path .. "/remove", body } } do
    lu.assertStrContains(wire.refused(400, "InvalidParameters", call[1], call[2],
      { token = tenant, json = call[3] }), "ConnectGroup")
  end
end

function TestChanging.test_none_is_no_change()
  lu.assertEquals(next(add()), nil)
end

return wire.run { TestPages = TestPages, TestChanging = TestChanging }
