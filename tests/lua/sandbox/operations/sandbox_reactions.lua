-- Likes and comments: counted, listed by cursors that are 64-bit integers, and what is refused.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local lu = require "luaunit"
local wire = require "wire"

local TICKS = 636674054802000000
local tenant, bruno

local function set_up()
  wire.reset()
  tenant, bruno = wire.access(), wire.access(wire.user_token)
end

local function path(tail, group)
  return "/v1/groups/" .. (group or wire.sales) .. "/reaction" .. (tail or "")
end

local function post(text, group)
  local fields = { message = text, sendToAllSubscribers = group == wire.news or nil }
  return wire.ok("POST", "/v1/groups/" .. (group or wire.sales) .. "/messages",
    { token = tenant, json = fields }).referenceId
end

local function react(reference, kind, options)
  options = options or {}
  return wire.ok("POST", path("", options.group), { token = options.token or tenant, json = {
    referenceId = reference, reactionType = kind, comment = options.comment,
    sourceGroupId = options.source or options.group or wire.sales,
  } }).reactionId
end

local function get(tail, token, group)
  return wire.ok("GET", path(tail, group), { token = token or tenant })
end

local SOURCE = "sourceGroupId=" .. wire.sales

local TestReactions = { setUp = set_up }

function TestReactions.test_like_and_comment_are_counted()
  local reference = post "x"
  local first = react(reference, "like")
  lu.assertEquals(react(reference, "LIKE"), first)
  react(reference, "Like", { token = bruno })
  react(reference, "Comment", { comment = "Well done 😀" })
  react(reference, "Comment", { comment = "Again" })
  lu.assertEquals(get("/" .. reference .. "/summary?" .. SOURCE), {
    summary = { { referenceId = reference, reactionsCountMap = { like = 2, comment = 2 } } },
  })
  lu.assertEquals(get("/" .. post "y" .. "/summary").summary[1].reactionsCountMap, { like = 0, comment = 0 })
end

function TestReactions.test_details_by_type_and_cursor()
  local reference = post "x"
  local like = react(reference, "Like")
  local comment = react(reference, "Comment", { comment = "Well done", token = bruno })
  local all = get("/" .. reference .. "?" .. SOURCE)
  lu.assertEquals(#all.reactionDetails, 2)
  local likes = get("/" .. reference .. "?reactionType=like&" .. SOURCE).reactionDetails
  lu.assertEquals({ #likes, likes[1].reactionId }, { 1, like })
  local comments = get("/" .. reference .. "?reactionType=Comment").reactionDetails
  lu.assertEquals({ #comments, comments[1].reactionId, comments[1].comment }, { 1, comment, "Well done" })
  lu.assertEquals(comments[1].userId, "b2e1d4c3-5c6f-4b70-9d8e-0f1c2b3d4e52")
  lu.assertAlmostEquals(comments[1].lastModifiedTime, wire.state().clock.now * 1000, 2000)
  -- After the cursor there is nothing, until there is something new.
  lu.assertEquals(math.type(all.cursor), "integer")
  local after = "/" .. reference .. "?cursor=" .. all.cursor
  lu.assertEquals(get(after), { cursor = all.cursor, reactionDetails = {} })
  local new = react(reference, "Comment", { comment = "New" })
  local page = get(after)
  lu.assertEquals(page.reactionDetails[1].reactionId, new)
  lu.assertTrue(page.cursor > all.cursor)
end

-- To a client whose numbers are doubles a cursor that it cannot hold gives the same page for ever.
function TestReactions.test_cursors_that_a_double_holds()
  local reference, last = post "x", 0
  for i = 1, 5 do
    react(reference, "Comment", { comment = tostring(i) })
    local cursor = get("/summary").cursor
    lu.assertTrue(cursor > last)
    lu.assertEquals(math.tointeger(cursor + 0.0), cursor)
    last = cursor
  end
end

function TestReactions.test_a_cursor_survives_exactly()
  for _, cursor in ipairs { TICKS, TICKS + 1, math.maxinteger, 0 } do
    local _, response = wire.ok("GET", path("/summary?cursor=" .. cursor), { token = tenant })
    lu.assertStrContains(response.body, ('"cursor":%d'):format(cursor))
  end
  for _, cursor in ipairs { "9223372036854775808", "1e3", "x", "-1" } do
    wire.refused(400, "InvalidParameters", "GET", path("/summary?cursor=" .. cursor), { token = tenant })
  end
end

function TestReactions.test_summaries_page()
  local references = {}
  for i = 1, 105 do
    references[i] = post("m" .. i)
    react(references[i], "Like")
  end
  local first = get("/summary?" .. SOURCE)
  lu.assertEquals(#first.summary, 100)
  local second = get("/summary?cursor=" .. first.cursor)
  lu.assertEquals(#second.summary, 5)
  lu.assertEquals(second.summary[5].referenceId, references[105])
  lu.assertEquals(get("/summary?cursor=" .. second.cursor).summary, {})
  -- What got a reaction since comes again, with all that it has.
  react(references[1], "Comment", { comment = "late" })
  local third = get("/summary?cursor=" .. second.cursor)
  lu.assertEquals(third.summary,
    { { referenceId = references[1], reactionsCountMap = { like = 1, comment = 1 } } })
end

function TestReactions.test_when_the_clock_was_set_back()
  local reference = post "x"
  react(reference, "Comment", { comment = "1" })
  local cursor = get("/summary").cursor
  wire.steer("clock", { advance_s = -3000 })
  tenant = wire.access()
  react(reference, "Comment", { comment = "2" })
  lu.assertEquals(#get("/" .. reference .. "?cursor=" .. cursor).reactionDetails, 1)
end

function TestReactions.test_an_action_has_reactions_too()
  local sent = wire.ok("POST", "/groups/" .. wire.sales .. "/actions", { token = tenant,
    json = { actionType = "Announcement", actionBody = { message = "x" } } })
  react(sent.referenceId, "Like", { token = bruno })
  lu.assertEquals(get("/" .. sent.referenceId .. "/summary").summary[1].reactionsCountMap.like, 1)
end

function TestReactions.test_in_a_subgroup_of_the_source()
  local reference = post "from above"
  react(reference, "Like", { group = wire.sales_north, source = wire.sales, token = bruno })
  lu.assertEquals(get("/" .. reference .. "/summary").summary[1].reactionsCountMap.like, 1)
end

function TestReactions.test_subscribers_react_to_what_they_got()
  local reference = post("news", wire.news)
  react(reference, "Like", { group = wire.news, token = bruno })
  lu.assertEquals(get("/" .. reference, nil, wire.news).reactionDetails[1].userId,
    "b2e1d4c3-5c6f-4b70-9d8e-0f1c2b3d4e52")
  local plain = wire.ok("POST", "/v1/groups/" .. wire.news .. "/messages",
    { token = tenant, json = { message = "for members" } }).referenceId
  wire.refused(404, "NotFound", "POST", path("", wire.news), { token = bruno,
    json = { referenceId = plain, sourceGroupId = wire.news, reactionType = "Like" } })
  -- And see no trace of the rest.
  react(plain, "Like", { group = wire.news })
  lu.assertEquals(#get("/summary", tenant, wire.news).summary, 2)
  local seen = get("/summary", bruno, wire.news).summary
  lu.assertEquals({ #seen, seen[1].referenceId }, { 1, reference })
end

function TestReactions.test_what_is_refused()
  local reference = post "x"
  local fine = {
    referenceId = reference, sourceGroupId = wire.sales, reactionType = "Comment", comment = "x",
  }
  local cases = {
    { 400, "referenceId: missing", { referenceId = false } },
    { 404, "referenceId", { referenceId = "5b2e1d4c-0000-4b70-9d8e-0f1c2b3d4e52" } },
    { 400, "sourceGroupId: missing", { sourceGroupId = false } },
    { 400, "sourceGroupId: expected a GUID", { sourceGroupId = "x" } },
    { 404, "sourceGroupId", { sourceGroupId = "5b2e1d4c-0000-4b70-9d8e-0f1c2b3d4e52" } },
    { 400, "reactionType: missing", { reactionType = false } },
    { 400, "reactionType: expected one of Like, Comment", { reactionType = "Love" } },
    { 400, "comment: missing", { comment = false } },
    { 400, "comment: must not be empty", { comment = " " } },
    { 400, "comment: at most 4000", { comment = ("é"):rep(4001) } },
  }
  for _, case in ipairs(cases) do
    local fields = {}
    for name, value in pairs(fine) do fields[name] = value end
    for name, value in pairs(case[3]) do fields[name] = value or nil end
    local status, reply = wire.call("POST", path(), { token = tenant, json = fields })
    lu.assertEquals(status, case[1], reply.message)
    lu.assertStrContains(reply.message, case[2])
  end
  lu.assertEquals(wire.state().counts.reactions, 0)
  wire.refused(404, "NotFound", "GET", path "/nothing/summary", { token = tenant })
  wire.refused(400, "InvalidParameters", "GET", path("/" .. reference .. "?reactionType=love"),
    { token = tenant })
end

return wire.run { TestReactions = TestReactions }
