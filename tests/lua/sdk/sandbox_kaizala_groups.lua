-- The SDK's subgroups, subscribers, long lists of numbers and the search in the tenant, through real sockets.
package.path = require("jeton").folder .. "/../?.lua;" .. package.path
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local wire = require "wire"

local kz = kaizala.connect()
local sales, news = kz:group(wire.sales), kz:group(wire.news)

-- Calls, which must raise an err of this kind whose line says so.
local function raises(kind, says, fn, ...)
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  lu.assertEquals(type(err), "table", tostring(err))
  lu.assertEquals(err.kind, kind, tostring(err))
  lu.assertStrContains(tostring(err), says)
  return err
end

local function names(list)
  local out = {}
  for group in list do out[#out + 1] = group.name end
  return table.concat(out, ", ")
end

local function phones(count)
  local out = {}
  for i = 1, count do out[i] = ("+3316%07d"):format(i) end
  return out
end

-- What arrived at a path, oldest first.
local function requests(method, path)
  local found = wire.ok("GET", ("/_sandbox/requests?method=%s&path=%s"):format(method, path)).requests
  return found
end

local function forget_requests()
  wire.ok("DELETE", "/_sandbox/requests")
end

-- The next request to the path is answered so; `after` ones before it pass.
local function answer(path, after, fault)
  fault.match = { path = path }
  wire.steer("faults", after > 0 and
    json.array { { match = { path = path }, times = after, headers = { ["X-Passed"] = "1" } }, fault }
    or json.array { fault })
end

local TestSubgroups = {}

function TestSubgroups.test_create_list_and_remove()
  local south = sales:create_subgroup {
    name = "South", welcome_message = "Hi", image_url = "https://x.example/s.png", members = { wire.bruno },
  }
  lu.assertEquals(south.name, "South")
  lu.assertEquals(south:details().welcome_message, "Hi")
  lu.assertEquals(south.image_url, "https://x.example/s.png")
  lu.assertEquals(south.current_level_user_count, 2)
  local deep = south:create_subgroup { name = "Deep", join = false }
  lu.assertEquals(deep:details().user_count, 0)
  lu.assertEquals(names(sales:subgroups()), "Sales North, South")
  lu.assertEquals(names(sales:subgroups { all = true }), "Sales North, South, Deep")
  lu.assertTrue(sales:remove_subgroup(south))
  lu.assertEquals(names(sales:subgroups()), "Sales North")
  local err = raises("http", "404", sales.remove_subgroup, sales, south.id)
  lu.assertEquals(err.code, "NotFound")
  local public = sales:create_subgroup { name = "Public", type = "ConnectGroup" }
  lu.assertEquals(public:details().type, "ConnectGroup")
end

function TestSubgroups.test_add_ids_and_groups()
  local one = kz:create_group { name = "One" }
  lu.assertTrue(sales:add_subgroups { one, wire.news })
  lu.assertEquals(names(sales:subgroups()), "Sales North, Contoso News, One")
  raises("http", "ancestor", one.add_subgroups, one, { sales })
end

function TestSubgroups.test_the_older_shape_of_the_list()
  answer("*/subgroups", 0, { body = '{"groups": [{"groupId": "g", "subGroups": '
    .. '[{"groupId": "h", "groupName": "Old"}]}]}' })
  lu.assertEquals(names(sales:subgroups()), "Old")
  answer("*/subgroups", 0, { body = '{"groups": []}' })
  raises("invalid", "groups[]", function() sales:subgroups():all() end)
  answer("*/subgroups", 0, { body = '{"subGroups": [{"groupName": "x"}]}' })
  raises("invalid", "groupId", function() sales:subgroups():all() end)
end

function TestSubgroups.test_misuse()
  lu.assertErrorMsgContains("call it with a colon", sales.subgroups)
  lu.assertErrorMsgContains("there are: all", sales.subgroups, sales, { everything = true })
  lu.assertErrorMsgContains("options must be a table", sales.create_subgroup, sales)
  lu.assertErrorMsgContains("name must be", sales.create_subgroup, sales, { name = "" })
  lu.assertErrorMsgContains("did you mean 'join'", sales.create_subgroup, sales, { name = "x", joins = true })
  lu.assertErrorMsgContains("not empty", sales.add_subgroups, sales, {})
  lu.assertErrorMsgContains("list of ids", sales.add_subgroups, sales, wire.news)
  lu.assertErrorMsgContains("entry 2", sales.add_subgroups, sales, { wire.news, 5 })
  lu.assertErrorMsgContains("non-empty string", sales.remove_subgroup, sales)
  raises("invalid", "UTF-8", sales.create_subgroup, sales, { name = "\255" })
end

local TestGroups = {}

function TestGroups.test_create_with_everything()
  local group = kz:create_group {
    name = "Full", admins = { wire.bruno }, members = { wire.daria }, image_url = "https://x.example/i.png",
    member_ids = { "c3d2e5b4-6d70-4c81-ae9f-102d3c4e5f63" }, background_url = "https://x.example/b.png",
    short_description = "Short", long_description = "Long",
  }
  local roles = {}
  for member in group:members() do roles[member.mobile_number] = member.role end
  lu.assertEquals(roles, { [wire.alice] = "Admin", [wire.bruno] = "Admin", [wire.daria] = "Member",
    [wire.chitra] = "Member" })
  lu.assertEquals(group:details().image_url, "https://x.example/i.png")
  lu.assertErrorMsgContains("short_description", kz.create_group, kz, { name = "x", short_description = 5 })
  lu.assertErrorMsgContains("member_ids[1]", kz.create_group, kz, { name = "x", member_ids = { 5 } })
  raises("invalid", "admins", kz.create_group, kz, { name = "x", admins = { "0" } })
end

function TestGroups.test_a_group_by_its_name()
  lu.assertEquals(kz:group_named(kz:group(wire.sales):details().name).id, sales.id)
  lu.assertErrorMsgContains("access to no group of this name: 'none'", kz.group_named, kz, "none")
  lu.assertErrorMsgContains("'sales'; did you mean 'Sales' (" .. sales.id .. ")?", kz.group_named, kz,
    "sales")
  local listed = select(2, pcall(kz.group_named, kz, "nothing of the kind")).message
  lu.assertStrContains(listed, "; there are: '")
  lu.assertStrContains(listed, "'Sales' (" .. sales.id .. ")")
  local twins = {}
  for i = 1, 2 do twins[i] = kz:create_group { name = "Twin" }.id end
  local several = select(2, pcall(kz.group_named, kz, "Twin")).message
  lu.assertStrContains(several, "access to 2 groups of this name; use an id: ")
  for _, id in ipairs(twins) do lu.assertStrContains(several, "'Twin' (" .. id .. ")") end
  lu.assertErrorMsgContains("name must be a non-empty string", kz.group_named, kz)
  local _, err = pcall(kz:group("Sales & Co").details, kz:group "Sales & Co")
  lu.assertStrContains(err.message, "if 'Sales & Co' is the group's name, kz:group_named('Sales & Co')")
  _, err = pcall(sales.add_subgroups, sales, { "Ops" })
  lu.assertStrContains(err.message, "if 'Ops' is the group's name, kz:group_named('Ops') finds it")
  _, err = pcall(sales.remove_subgroup, sales, "Ops team")
  lu.assertStrContains(err.message, "kz:group_named('Ops team')")
  _, err = pcall(kz:group(wire.sales:reverse()).details, kz:group(wire.sales:reverse()))
  lu.assertNotStrContains(err.message, "group_named")
end

function TestGroups.test_find_over_pages()
  for i = 1, 60 do wire.steer("groups", { name = ("Zone %02d"):format(i) }) end
  forget_requests()
  local found = kz:find_groups("zone"):all()
  lu.assertEquals(#found, 60)
  lu.assertEquals(found[60].name, "Zone 60")
  lu.assertEquals(#requests("GET", "/tenant/findGroupsByQuery"), 3) -- the last is empty
  lu.assertEquals(names(kz:find_groups "c&=ö"), "")
  lu.assertErrorMsgContains("query must be", kz.find_groups, kz)
end

local TestSubscribers = {}

function TestSubscribers.test_over_cursors()
  local changes = news:add_subscribers(phones(118))
  lu.assertEquals(#changes.done, 118)
  lu.assertEquals(changes.failed, {})
  lu.assertNil(changes.err)
  lu.assertEquals(#requests("PUT", "*/subscribers/add"), 4)
  local seen, count = {}, 0
  for subscriber in news:subscribers() do
    lu.assertEquals(type(subscriber.is_provisioned), "boolean")
    seen[subscriber.mobile_number] = true
    count = count + 1
  end
  lu.assertEquals(count, 120)
  lu.assertTrue(seen[wire.bruno] and seen["+33160000118"])
  lu.assertEquals(#requests("GET", "*/subscribers"), 3)
end

function TestSubscribers.test_what_was_not_done_is_reported()
  local changes = news:remove_subscribers { wire.bruno, wire.alice }
  lu.assertEquals(changes.done, { wire.bruno })
  lu.assertEquals(#changes.failed, 1)
  lu.assertEquals(changes.failed[1].subscriber, wire.alice)
  lu.assertEquals(changes.failed[1].error_code, "SubscriberNotFound")
  lu.assertEquals(changes.failed[1].error_reason, "Not a subscriber of this group")
  answer("*/subscribers/remove", 0, { status = 200, body = { result = { [wire.alice] = {} } } })
  changes = news:remove_subscribers { wire.alice }
  lu.assertEquals(changes.failed[1].error_code, "NotDone")
  lu.assertStrContains(changes.failed[1].error_reason, "isRemoved")
end

function TestSubscribers.test_a_later_request_fails()
  answer("*/subscribers/add", 2, { status = 400, body = { message = "Enough", errorCode = "Full" } })
  local changes = news:add_subscribers(phones(100))
  lu.assertEquals(#changes.done, 60)
  lu.assertEquals(#changes.failed, 40)
  lu.assertEquals(changes.failed[1].subscriber, "+33160000061")
  lu.assertEquals(changes.failed[40].error_code, "Full")
  lu.assertStrContains(changes.failed[40].error_reason, "Enough")
  lu.assertEquals(changes.err.status, 400)
  lu.assertEquals(#news:subscribers():all(), 62)
end

function TestSubscribers.test_the_first_request_fails()
  answer("*/subscribers/add", 0, { status = 400 })
  raises("http", "400", news.add_subscribers, news, phones(100))
  lu.assertEquals(#news:subscribers():all(), 2)
  raises("http", "ConnectGroup", sales.add_subscribers, sales, { wire.bruno })
  raises("http", "ConnectGroup", function() sales:subscribers():all() end)
end

function TestSubscribers.test_a_cursor_that_stays_is_no_endless_list()
  local page = { subscribers = json.array { { id = "s" } }, cursor = "same" }
  answer("*/subscribers", 0, { body = page, times = 5 })
  local list = news:subscribers()
  lu.assertEquals(list:next().id, "s")
  raises("invalid", "cursor", list.next, list)
end

function TestSubscribers.test_misuse()
  lu.assertErrorMsgContains("is empty", news.add_subscribers, news, {})
  lu.assertErrorMsgContains("list of phone numbers", news.remove_subscribers, news, wire.bruno)
  raises("invalid", "entry 1", news.add_subscribers, news, { "0123" })
  answer("*/subscribers/add", 0, { body = { result = "true" } })
  raises("invalid", "'result' should be", news.add_subscribers, news, { wire.bruno })
end

--- All numbers are looked at before the first thirty are sent.
function TestSubscribers.test_a_bad_number_among_the_last()
  local list = phones(140)
  list[131] = "number 131"
  forget_requests()
  raises("invalid", "entry 131", news.add_subscribers, news, list)
  raises("invalid", "entry 131", news.remove_subscribers, news, list)
  raises("invalid", "entry 131", sales.add_members, sales, list)
  raises("invalid", "entry 131", news.send_message, news, "Hello", { subscribers = list })
  for _, method in ipairs { "PUT", "POST" } do lu.assertEquals(requests(method, "*"), {}) end
end

local TestMessages = {}

local function sent_bodies()
  local out = {}
  for i, request in ipairs(requests("POST", "*/messages")) do out[i] = request.body end
  return out
end

function TestMessages.test_thirty_a_request()
  news:add_subscribers(phones(70))
  local list = phones(71)
  forget_requests()
  local sent = news:send_message("Hello", { subscribers = list, all_subscribers = true })
  lu.assertEquals(#sent.reference_ids, 3)
  lu.assertEquals(sent.reference_id, sent.reference_ids[1])
  lu.assertNil(sent.err)
  lu.assertEquals(#sent.failed_result, 1)
  lu.assertEquals(sent.failed_result[1].subscriber, "+33160000071")
  local bodies = sent_bodies()
  lu.assertEquals({ #bodies[1].subscribers, #bodies[2].subscribers, #bodies[3].subscribers }, { 30, 30, 11 })
  lu.assertEquals(bodies[1].sendToAllSubscribers, true)
  lu.assertNil(bodies[2].sendToAllSubscribers)
end

function TestMessages.test_a_later_request_fails()
  news:add_subscribers(phones(65))
  answer("*/messages", 1, { status = 400, body = { message = "Enough", errorCode = "Full" } })
  local sent = news:send_message("Hello", { subscribers = phones(65) })
  lu.assertEquals(#sent.reference_ids, 1)
  lu.assertEquals(#sent.failed_result, 35)
  lu.assertEquals(sent.failed_result[35].error_code, "Full")
  lu.assertEquals(sent.err.code, "Full")
  answer("*/messages", 0, { status = 400 })
  raises("http", "400", news.send_message, news, "Hello", { subscribers = phones(65) })
end

function TestMessages.test_few_nobody_and_the_group()
  forget_requests()
  lu.assertEquals(#news:send_message("x", { subscribers = {} }).reference_ids, 1)
  news:send_message "x"
  lu.assertEquals(sent_bodies()[1].subscribers, {})
  lu.assertNil(sent_bodies()[2].subscribers)
end

return wire.run {
  TestSubgroups = TestSubgroups, TestGroups = TestGroups, TestSubscribers = TestSubscribers,
  TestMessages = TestMessages,
}
