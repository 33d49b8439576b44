-- No page of the portal is heavy: every page that links lead to, when everything has the greatest length that
-- the API accepts, in characters that markup makes longest; and all of it can be read.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local json = require "jeton.json"
local lu = require "luaunit"
local receivers = require "receivers"
local talking = require "talking"
local wire = require "wire"

local PAGE_BYTES = 60000 -- of any page, without pictures
local PER_KIND = wire.is_stressed() and 1 or 2 -- pages of the same shape that are looked at
local COMMENTS = 14

local function long(count) return ('"'):rep(count) end

local function name(i) return long(96) .. ("%04d"):format(i) end

local function titles(count, length)
  local list = {}
  for i = 1, count do list[i] = { title = long(length - 4) .. ("%04d"):format(i) } end
  return list
end

local function questions(count, kind, options, length)
  local list = {}
  for i = 1, count do
    list[i] = { title = ("%d"):format(i) .. long(length), type = kind, options = options }
  end
  return list
end

local function survey(of, more)
  local body = { title = long(4000), questions = of }
  for key, value in pairs(more or {}) do body[key] = value end
  return talking.act("Survey", body)
end

local function people(token)
  local phones = {}
  for i = 1, 300 do
    phones[i] = ("+3320000%04d"):format(i)
    wire.steer("users", { phone = phones[i], name = name(i),
      email = i % 3 == 0 and (long(200):gsub('"', "'") .. i .. "@x.example") or nil })
  end
  local json_of = { token = token, json = { members = phones } }
  wire.ok("PUT", "/v1/groups/" .. wire.sales .. "/members", json_of)
  wire.ok("POST", "/v1/groups/" .. wire.news:gsub("@", "%%40") .. "/subscribers",
    { token = token, json = { subscribers = phones } })
  return phones
end

local function fill_lists(token, url)
  for i = 1, 60 do
    wire.steer("groups", {
      name = name(i), admins = { wire.alice }, type = i % 2 == 0 and "ConnectGroup" or nil })
    wire.ok("POST", ("/v1/groups/%s/subgroups"):format(wire.sales), {
      token = token, json = { groupName = name(100 + i) } })
    wire.steer("connectors", { name = name(i), owner = wire.alice, description = long(2000),
      tokens = { { user = wire.alice } } })
    wire.steer("connectors", { id = wire.application_id, tokens = { { user = wire.alice } } })
    wire.steer("faults", { match = { method = "PUT", path = "/none/" .. long(3000) }, times = 0 })
  end
  local headers = {}
  for i = 1, 20 do headers["X-" .. ("h"):rep(3000) .. i] = ("v"):rep(900) end
  for i = 1, 40 do
    wire.ok("POST", "/v1/webhook", { token = token, json = {
      objectId = wire.sales, objectType = "Group", callBackUrl = url .. "?" .. ("'=1&"):rep(450),
      eventTypes = { "TextMessageCreated", "JobCreated", "SurveyCreated", "Announcement" },
      callBackHeaders = headers, callBackContext = long(2000), callBackToken = i > 1 and "t" or nil,
    } })
  end
  for _ = 1, 3 do wire.steer("trigger", { event = "JobCreated" }) end
  wire.call("POST", "/v1/groups/" .. wire.sales .. "/messages?note=" .. ("%22"):rep(2000), {
    token = token, headers = { ["X-Long"] = long(6000) }, json = { message = long(20000) } })
  wire.call("POST", "/v1/groups/" .. wire.sales .. "/messages", { token = token, body = ("\xff"):rep(9000) })
end

-- Gives the references of all that is said.
local function fill_conversation(token, phones)
  local said = {}
  local function add(sent) said[#said + 1] = sent.referenceId return sent end
  local twenty = titles(20, 4000)
  local text = add(survey(questions(100, "Text", nil, 100), { acceptMultipleResponses = true }))
  add(survey(questions(4, "SingleOption", twenty, 3990)))
  add(survey(questions(30, "SingleOption", titles(5, 40), 40)))
  add(survey(questions(50, "MultiOption", titles(20, 20), 40)))
  add(survey(questions(2, "MultiOption", titles(100, 1000), 3990)))
  add(survey(questions(40, "Location", nil, 3990)))
  add(talking.act("Poll", { question = long(4000), choices = titles(100, 1500) }))
  add(talking.act("Job", { title = long(4000), dueDate = 600, assignedTo = phones }))
  add(talking.act("LetsMeet", { title = long(4000), agenda = long(2000), duration = 60,
    startingTime = "2030-01-01T10:00:00Z", place = { n = long(90), lt = 1, lg = 2 } }))
  local media = {}
  for i = 1, 20 do
    media[i] = wire.ok("POST", "/v1/media", { token = token, parts = { {
      name = "files", filename = long(200):gsub('"', "'") .. i .. ".pdf", content_type = "application/pdf",
      value = "x",
    } } }).mediaResource
  end
  add(talking.act("Announcement", { title = long(4000), message = long(4000), mediaResources = media }))
  said[#said + 1] = talking.say(long(4000))
  local answers = json.array {}
  for i = 1, 100 do answers[i] = long(3000) end
  for _ = 1, 3 do
    wire.ok("POST", ("/v1/groups/%s/actions/%s/responses"):format(wire.sales, text.actionId), {
      token = token, json = { actionType = "Survey", actionBody = { answers = answers } } })
  end
  for _, reference in ipairs(said) do
    for i = 1, COMMENTS do
      wire.ok("POST", "/v1/groups/" .. wire.sales .. "/reaction", { token = token, json = {
        referenceId = reference, sourceGroupId = wire.sales, reactionType = "Comment",
        comment = ("no. %02d "):format(i) .. long(3990) } })
    end
  end
  return said
end

-- The shape of an address: which page it is, and what its query asks by.
local function shape(at)
  local names = {}
  for key in at:gmatch "[?&]([%w_]+)=" do names[#names + 1] = key end
  table.sort(names)
  return at:match "^[^?]*":gsub("[%x@-]*%d[%x@-]+", "*") .. " " .. table.concat(names, " ")
end

local function is_page(at)
  return at:find "^/" and not (at:find "^/v1/" or at:find "/assets/" or at:find "openapi" or at:find "/text$")
end

-- The parts of a page that readers jump to have names of their own: what of it has another's.
local function names_of_two(body)
  local seen, twice = {}, {}
  for tag in body:gmatch "<%a+ [^>]*>" do
    local label = (tag:find "^<nav" or tag:find 'role="region"') and tag:match 'aria%-label="([^"]*)"'
    twice[#twice + 1] = label and seen[label] and label or nil
    seen[label or ""] = label ~= nil
  end
  return twice
end

-- Looks at the pages that links lead to from these; gives how many.
local function crawl(who, todo)
  local seen, kinds, heavy, twice = {}, {}, {}, {}
  for _, at in ipairs(todo) do seen[at] = true end
  for _, at in ipairs(todo) do
    local body = who:get(at).body
    heavy[#heavy + 1] = #body >= PAGE_BYTES and ("%s %d"):format(at, #body) or nil
    for _, label in ipairs(names_of_two(body)) do twice[#twice + 1] = at .. " " .. label end
    for link in body:gmatch 'href="([^"#]+)' do
      link = browser.text(link)
      link = link:find "^%?" and at:match "^[^?]*" .. link or link
      local kind = shape(link)
      if not seen[link] and is_page(link) and not link:find "plain=" and (kinds[kind] or 0) < PER_KIND then
        seen[link], kinds[kind], todo[#todo + 1] = true, (kinds[kind] or 0) + 1, link
      end
    end
  end
  lu.assertEquals(heavy, {})
  lu.assertEquals(twice, {})
  return #todo
end

local TestWeight, receiver = {}, nil

function TestWeight.tearDown()
  if receiver then receiver.close() end
  receiver = nil
end

local function no_page_is_heavy()
  receiver = receivers.start(function(_, token)
    return { status = token and 200 or 500, body = token or long(1024) }
  end)
  local token = wire.access()
  local said = fill_conversation(token, people(token))
  fill_lists(token, receiver.url)
  local path, count = "/portal/groups/" .. wire.sales .. "/conversation/", 0
  for _, language in ipairs { "en", "fr" } do
    local alice, start = browser.of("alice", { language = language }), { "/", "/portal/people", "/none" }
    for _, reference in ipairs(said) do
      start[#start + 1] = path .. reference
      start[#start + 1] = path .. reference .. "?as=" .. talking.bruno
    end
    count = count + crawl(alice, start)
  end
  lu.assertTrue(count > 120, tostring(count))
end

function TestWeight.test_no_page_is_heavy()
  wire.calmly(no_page_is_heavy)
end

-- What a page cuts is in its text.
function TestWeight.test_all_of_a_long_text_is_read()
  local sent = survey(questions(1, "SingleOption", titles(20, 4000), 3990),
    { description = long(1980) .. " the end" })
  local alice, at = browser.of "alice", talking.path(sent.referenceId)
  local body = alice:page(at)
  lu.assertNotStrContains(body, "the end")
  local link = assert(body:match 'Long texts are cut on this page%. <a href="(%?[^"]*)"')
  local whole = alice:get(at .. browser.text(link))
  lu.assertEquals(whole.headers["content-type"], "text/plain; charset=utf-8")
  lu.assertTrue(whole.body:find(long(1980) .. " the end", 1, true) ~= nil)
  for i = 1, 20 do
    lu.assertTrue(whole.body:find(("%04d\""):format(i), 1, true) ~= nil, tostring(i))
  end
  lu.assertEquals(browser.new():get(at .. "?plain=yes").headers.location, "/portal/sign-in")
  lu.assertNotStrContains(alice:page "/portal/groups", "Long texts")
end

-- A browser sends it as it is, and a link may not have it.
function TestWeight.test_a_backslash_in_a_query_breaks_no_page()
  lu.assertEquals(browser.new():get("/portal/sign-in?x=a\\b").status, 200)
end

function TestWeight.test_every_comment_and_assignee_is_reached()
  local phones = {}
  for i = 1, 120 do phones[i] = ("+3320000%04d"):format(i) end
  wire.ok("PUT", "/v1/groups/" .. wire.sales .. "/members",
    { token = wire.access(), json = { members = phones } })
  local sent = talking.act("Job", { title = "Do it", dueDate = 600, assignedTo = phones })
  for i = 1, 60 do
    wire.ok("POST", "/v1/groups/" .. wire.sales .. "/reaction", { token = wire.access(), json = {
      referenceId = sent.referenceId, sourceGroupId = wire.sales, reactionType = "Comment",
      comment = ("no. %02d."):format(i) .. ("x"):rep(500) } })
  end
  local alice = browser.of "alice"
  for query, pattern in pairs { comments = "no%. (%d%d)%.", assignees = ">%+3320000(%d%d%d%d)</span>" } do
    local at, seen, count = talking.path(sent.referenceId), {}, 0
    while at do
      local body = alice:page(at)
      for found in body:gmatch(pattern) do
        count, seen[found] = count + (seen[found] and 0 or 1), true
      end
      local more = body:match('href="([^"]*' .. query .. '=%d+[^"]*)">Next')
      at = more and browser.text(more)
    end
    lu.assertEquals(count, query == "comments" and 60 or 120)
  end
end

return wire.run { TestWeight = TestWeight }
