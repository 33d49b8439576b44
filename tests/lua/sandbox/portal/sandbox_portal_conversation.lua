-- A group's conversation in the portal: every kind of item, who sees what, reactions, pages, hostile text.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local json = require "jeton.json"
local lu = require "luaunit"
local talking = require "talking"
local wire = require "wire"

local item, text = talking.item, talking.text
local path = talking.path

local function page(name, query, group)
  return browser.of(name):page(path(nil, group) .. (query or ""))
end

local TestItems = {}

function TestItems.test_nothing_yet()
  lu.assertStrContains(page "alice", "No messages yet.")
end

function TestItems.test_messages_in_their_order_and_what_they_answer()
  local first = talking.say "One\n  two"
  local poll = talking.act("Poll", talking.poll).referenceId
  local answer = talking.say("Three", nil, { replyToReferenceId = first })
  local about_poll = talking.say("Four", nil, { replyToReferenceId = poll })
  local picture = talking.act("Image", { mediaResource = wire.upload "Image" }).referenceId
  local about_picture = talking.say("Five", nil, { replyToReferenceId = picture })
  local body = page "alice"
  lu.assertStrContains(item(body, first), '<p class="written">One\n  two</p>')
  lu.assertStrContains(text(item(body, answer)), "Alice Martin One two Three")
  lu.assertStrContains(text(item(body, about_poll)), "Alice Martin Tea? Four")
  lu.assertStrContains(text(item(body, about_picture)), "Alice Martin Picture Five")
  local order = {}
  for id in body:gmatch '<article [^>]*id="item%-([%x-]+)"' do order[#order + 1] = id end
  lu.assertEquals(order, { first, poll, answer, about_poll, picture, about_picture }) -- all of one second
end

function TestItems.test_those_that_do_not_fit_have_their_titles()
  local options, questions = {}, {}
  for i = 1, 20 do options[i] = { title = "Good " .. i } end
  for i = 1, 60 do questions[i] = { title = "Part " .. i, type = "SingleOption", options = options } end
  local id = talking.act("Survey", { title = ("é"):rep(101), questions = questions }).referenceId
  local shown = item(page "bruno", id)
  lu.assertStrContains(shown, "<h4>" .. ("é"):rep(100) .. "…</h4>")
  lu.assertStrContains(shown, "Too long for this page")
end

function TestItems.test_an_announcement_with_media()
  local id = talking.act("Announcement", {
    title = "News", message = "Read this",
    MediaResources = json.array { wire.upload "Document", wire.upload "Image" },
  }).referenceId
  local shown = item(page "bruno", id)
  lu.assertStrContains(text(shown), "Announcement")
  lu.assertStrContains(shown, "<h4>News</h4>")
  lu.assertStrContains(text(shown), "f.pdf 1 bytes")
  lu.assertStrMatches(shown, '.*<img alt="f.png" loading="lazy" src="/v1/media/[%x-]+">.*')
end

function TestItems.test_pictures_of_choices_and_covers_that_are_here()
  local resource = wire.upload "Image"
  local shown = talking.act("Image", { mediaResource = resource }).referenceId
  local bruno = browser.of "bruno"
  local source = item(bruno:page(path()), shown):match 'src="([^"]+)"'
  local poll = talking.act("Poll", { question = "Tea?", choices = {
    { title = "Green", image = wire.root .. source }, { title = "Black", image = resource },
    { title = "White", image = "https://files.example.org/tea.png" },
    { title = "Red", image = wire.root .. "/v1/media/none" }, { title = "None" },
  } }).referenceId
  local survey = talking.act("Survey", {
    title = "Covered", coverImage = wire.root .. source, questions = { { title = "Why?", type = "Text" } },
  }).referenceId
  local body = bruno:page(path())
  local picture = ('<img alt="" class="illustration" loading="lazy" src="%s">'):format(source)
  lu.assertStrContains(item(body, poll), "Green" .. picture .. "</label>")
  lu.assertStrContains(item(body, poll), "Black" .. picture .. "</label>")
  lu.assertEquals(select(2, item(body, poll):gsub("<img ", "")), 2)
  lu.assertStrContains(item(body, survey), "</h4>" .. picture)
end

function TestItems.test_pictures_albums_and_files()
  local ids, bruno = {}, browser.of "bruno"
  for _, kind in ipairs { "Image", "Album", "Document", "Audio", "Video" } do
    ids[kind] = talking.act(kind, { mediaResource = wire.upload(kind), caption = "My " .. kind }).referenceId
  end
  local body = bruno:page(path())
  for kind, id in pairs(ids) do
    lu.assertStrContains(item(body, id), '<p class="written">My ' .. kind .. "</p>")
  end
  local source = item(body, ids.Image):match '<img alt="My Image" loading="lazy" src="([^"]+)"'
  local picture = bruno:get(source)
  lu.assertEquals(picture.status, 200)
  lu.assertEquals(picture.headers["content-type"], "image/png")
  local _, pictures = item(body, ids.Album):gsub("<img ", "")
  lu.assertEquals(pictures, 2)
  lu.assertStrMatches(item(body, ids.Audio), '.*<a class="file" download="f.mp3" href="/v1/media/[%x-]+">.*')
  lu.assertStrContains(text(item(body, ids.Video)), "f.mp4 1 bytes")
end

function TestItems.test_places_that_people_share()
  local spot = { group = wire.sales, phone = wire.bruno, latitude = 48.85, longitude = -2.35 }
  local place = wire.steer("locations", spot).referenceId
  spot.picture = wire.upload "Image"
  local picture = wire.steer("locations", spot).referenceId
  local body = page "alice"
  lu.assertStrContains(text(item(body, place)), "Bruno Keller : Place")
  lu.assertStrContains(text(item(body, place)), "48.85000; -2.35000")
  lu.assertStrMatches(item(body, picture), '.*<img alt="f.png" loading="lazy" src="/v1/media/[%x-]+">.*')
  lu.assertStrContains(text(item(body, picture)), "48.85000; -2.35000")
end

function TestItems.test_a_meeting()
  local id = talking.act("LetsMeet", {
    title = "Review", startingTime = "2026-12-01T09:30:00Z", duration = 90, agenda = "Figures",
    place = { latitude = 48.85, longitude = 2.35, name = "Room 1" },
  }).referenceId
  local shown = text(item(page "bruno", id))
  for _, expected in ipairs {
    "Review", "1 December 2026", "90 minutes", "Room 1 (48.85000; 2.35000)", "Figures",
  } do
    lu.assertStrContains(shown, expected)
  end
end

function TestItems.test_a_package_with_its_properties()
  local reply = wire.ok("POST", "/v1/groups/" .. wire.sales .. "/actions", { token = talking.token(), json = {
    id = "com.example.approval", actionBody = { title = "Order 4711", properties = json.array {
      { name = "state", type = "Text", value = "open" },
      { name = "tags", type = "StringList", value = json.array { "a", "b" } },
    } },
  } })
  local shown = text(item(page "bruno", reply.referenceId))
  lu.assertStrContains(shown, "Order 4711 com.example.approval state open tags a, b")
end

function TestItems.test_what_is_over_says_so_and_takes_no_answers()
  local poll = talking.act("Poll", talking.poll).referenceId
  local job = talking.act("Job", { title = "Do it", assignedTo = json.array { wire.bruno } }).referenceId
  local survey = talking.act("Survey", { title = "S", questions = json.array {
    { title = "Why?", type = "Text" },
  } }).referenceId
  wire.steer("clock", { advance_s = 31 * 86400 })
  local bruno = browser.of "bruno"
  local body = bruno:page(path())
  lu.assertStrContains(text(item(body, poll)), "Ended")
  lu.assertNotStrContains(item(body, poll), 'type="radio"')
  lu.assertStrContains(text(item(body, job)), "Overdue")
  lu.assertStrContains(item(body, job), "Mark as done") -- late is fine
  lu.assertNotStrContains(item(body, survey), ">Answer<")
  local response = bruno:request("POST", path(poll) .. "/answer", {
    form = { csrf = browser.form(body, path()).csrf, answer_1 = "1" },
  })
  lu.assertEquals(response.status, 400)
end

function TestItems.test_in_french()
  local id = talking.act("Job", { title = "Faire", assignedTo = json.array { wire.bruno } }).referenceId
  local bruno = browser.of("bruno", { language = "fr" })
  local shown = text(item(bruno:page(path()), id))
  for _, expected in ipairs { "Tâche", "Pas encore", "Marquer comme fait", "J'aime" } do
    lu.assertStrContains(shown, expected)
  end
end

function TestItems.test_hostile_text_is_text()
  local bad = "<script>alert(1)</script>\"><img src=x onerror=y>"
  talking.say(bad)
  local poll = talking.act("Poll", { question = bad, choices = json.array { { title = bad } } })
  talking.act("Image", { mediaResource = wire.upload "Image", caption = bad })
  talking.act("LetsMeet", { title = bad, agenda = bad, startingTime = "2026-12-01T09:30:00Z" })
  local survey = talking.act("Survey", { title = bad, description = bad, questions = json.array {
    { title = bad, type = "MultiOption", options = json.array { { title = bad } } },
    { title = bad .. "2", type = "Text" },
  } })
  wire.ok("POST", ("/v1/groups/%s/actions/%s/responses"):format(wire.sales, survey.actionId), {
    token = talking.token(),
    json = { actionType = "Survey", actionBody = { answers = json.array { json.array { bad }, bad } } },
  })
  wire.ok("POST", "/v1/groups/" .. wire.sales .. "/reaction", { token = talking.token(), json = {
    referenceId = poll.referenceId, sourceGroupId = wire.sales, reactionType = "Comment", comment = bad,
  } })
  local bruno = browser.of "bruno"
  for _, where in ipairs { path(), path(survey.referenceId), path(poll.referenceId) } do
    local body = bruno:page(where)
    lu.assertStrContains(body, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img src=x")
    lu.assertNotStrContains(body, "<script>alert")
    lu.assertNotStrContains(body, "<img src=x")
  end
end

local TestWho = {}

function TestWho.test_only_who_is_in_the_group()
  local id = talking.say("North only", wire.sales_north)
  wire.steer("users", { phone = "+33100000005", name = "Emil", email = "emil@contoso.example" })
  local emil = browser.new()
  emil:sign_in "emil@contoso.example"
  for _, where in ipairs { path(nil, wire.sales_north), path(id, wire.sales_north) } do
    lu.assertEquals(emil:get(where).status, 403)
  end
  lu.assertEquals(browser.of("bruno"):get(path(id)).status, 404) -- of another group
  lu.assertEquals(browser.new():get(path()).headers.location, "/portal/sign-in")
end

function TestWho.test_nobody_acts_for_people_of_elsewhere()
  local chitra = browser.of "chitra"
  local body = chitra:page(path(nil, wire.sales_north) .. "?as=" .. talking.alice) -- no member there
  lu.assertStrContains(body, "Send as Chitra Rao")
end

function TestWho.test_a_subscriber_sees_what_went_to_him()
  local all = talking.say("To all", wire.news, { sendToAllSubscribers = true })
  local bruno = talking.say("To Bruno", wire.news, { subscribers = json.array { wire.bruno } })
  local nobody = talking.say("To admins", wire.news)
  local other = talking.act("Poll", talking.poll, wire.news, { subscribers = json.array { wire.chitra } })
  local reader = browser.of "bruno"
  local body = reader:page(path(nil, wire.news))
  lu.assertStrContains(text(item(body, all)), "To all subscribers")
  lu.assertStrContains(item(body, bruno), "To some subscribers")
  lu.assertNil(item(body, nobody))
  lu.assertNil(item(body, other.referenceId))
  lu.assertEquals(reader:get(path(nobody, wire.news)).status, 404)
  lu.assertStrContains(body, "Subscribers can read, answer and comment")
  local _, tabs = body:match('<nav aria%-label="[^"]*" class="tabs">(.-)</nav>'):gsub("<li>", "")
  lu.assertEquals(tabs, 1)
  -- Alice sees all of it, and what Chitra sees when she looks as Chitra.
  local alice = browser.of "alice"
  lu.assertNotNil(item(alice:page(path(nil, wire.news)), nobody))
  body = alice:page(path(nil, wire.news) .. "?as=" .. talking.chitra)
  lu.assertNotNil(item(body, other.referenceId))
  lu.assertNil(item(body, bruno))
end

function TestWho.test_a_large_group_is_chosen_from_by_number()
  local members = json.array {}
  for i = 1, 205 do members[i] = ("+336000%05d"):format(i) end
  wire.ok("PUT", "/v1/groups/" .. wire.sales .. "/members", { token = talking.token(),
    json = { members = members } })
  local body = page "alice"
  lu.assertStrContains(body, "or phone number")
  lu.assertStrContains(page("alice", "?phone=%2B33+6000+00205"), "Send as +33600000205")
end

local TestReactions = {}

local function summary(reference_id)
  local reply = wire.ok("GET", ("/v1/groups/%s/reaction/%s/summary?sourceGroupId=%s"):format(wire.sales,
    reference_id, wire.sales), { token = talking.token() })
  return reply.summary[1].reactionsCountMap
end

function TestReactions.test_like_and_comment_as_somebody_else()
  local id, alice = talking.say "Hello", browser.of "alice"
  local where = path() .. "?as=" .. talking.bruno
  local body = alice:submit(alice:page(where), path(id) .. "/like")
  lu.assertStrContains(text(item(body, id)), "Liked 1")
  body = alice:submit(body, path(id) .. "/comments", { comment = "Fine\r\nindeed" })
  lu.assertStrContains(item(body, id), '<p class="written">Fine\nindeed</p>')
  lu.assertStrContains(text(item(body, id)), "Bruno Keller")
  lu.assertEquals(summary(id), { like = 1, comment = 1 })
  -- Alice herself has not liked it.
  lu.assertStrContains(item(alice:page(path()), id), path(id) .. "/like")
end

function TestReactions.test_many_comments()
  local id, alice = talking.say "Hello", browser.of "alice"
  local body = alice:page(path(id))
  for i = 1, 5 do
    body = alice:submit(body, path(id) .. "/comments", { comment = ("Comment <%d>"):format(i) })
  end
  lu.assertStrContains(text(item(body, id)), "Comment <1>") -- its own page has all
  body = alice:page(path())
  lu.assertNotStrContains(text(item(body, id)), "Comment <2>")
  lu.assertStrContains(text(item(body, id)), "All 5 comments")
end

function TestReactions.test_an_empty_comment_is_none()
  local id, alice = talking.say "Hello", browser.of "alice"
  local body = alice:submit(alice:page(path()), path(id) .. "/comments", { comment = " " })
  lu.assertStrContains(body, "Write a comment first.")
  lu.assertEquals(summary(id), { like = 0, comment = 0 })
end

local TestWriting = {}

function TestWriting.test_a_message_as_any_member()
  local alice = browser.of "alice"
  local body = alice:page(path() .. "?as=" .. talking.bruno)
  lu.assertStrContains(body, "Send as Bruno Keller")
  body = alice:submit(body, path(), { message = "From the portal\r\n& on" })
  lu.assertStrContains(body, '<p class="written">From the portal\n&amp; on</p>')
  local message = wire.state().messages[1]
  lu.assertEquals({ message.text, message.sender, message.connector },
    { "From the portal\n& on", wire.bruno, nil })
end

function TestWriting.test_nobody_else_writes_for_who_left()
  local alice = browser.of "alice"
  local body = alice:page(path() .. "?as=" .. talking.bruno)
  local remove = "/portal/groups/" .. wire.sales .. "/members/remove"
  alice:submit(alice:page(remove .. "?user=" .. talking.bruno), remove, {})
  local count = #wire.state().messages
  lu.assertEquals(alice:send(body, path(), { message = "Hello" }).status, 404)
  lu.assertEquals(#wire.state().messages, count)
end

function TestWriting.test_to_all_subscribers()
  local alice = browser.of "alice"
  alice:submit(alice:page(path(nil, wire.news)), path(nil, wire.news), { message = "Hi", to = "subscribers" })
  lu.assertTrue(wire.state().messages[1].to_all_subscribers)
end

function TestWriting.test_nothing_and_too_much()
  local alice = browser.of "alice"
  local body = alice:page(path())
  local response = alice:send(body, path(), { message = " \r\n" })
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "Message: please fill it in.")
  response = alice:send(body, path(), { message = ("é"):rep(4001) })
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "at most 4,000 characters")
  lu.assertEquals(wire.state().counts.messages, 0)
end

function TestWriting.test_a_subscriber_does_not_write()
  local bruno = browser.of "bruno"
  local csrf = bruno:page(path(nil, wire.news)):match 'name="csrf" type="hidden" value="([^"]+)"'
  local response = bruno:request("POST", path(nil, wire.news), { form = { csrf = csrf, message = "x" } })
  lu.assertEquals(response.status, 403)
  lu.assertEquals(wire.state().counts.messages, 0)
end

local TestPages = {}

function TestPages.test_older_ones()
  local ids = {}
  for i = 1, 65 do ids[i] = talking.say("Message " .. i) end
  local bruno = browser.of "bruno"
  local body, seen = bruno:page(path()), 0
  for i = 65, 1, -1 do
    if not item(body, ids[i]) then
      local older = browser.text(assert(body:match '<a href="([^"]+)">Older</a>', "message " .. i))
      body = bruno:page(older)
      lu.assertStrContains(body, "Back to the newest")
      lu.assertNil(item(body, ids[i + 1]))
    end
    lu.assertNotNil(item(body, ids[i]), "message " .. i)
    seen = seen + 1
  end
  lu.assertEquals(seen, 65)
  lu.assertNotStrContains(body, ">Older<")
end

function TestPages.test_large_ones_make_a_short_page()
  local question = { title = "Q", type = "SingleOption", options = json.array {} }
  for i = 1, 100 do question.options[i] = { title = ("%03d"):format(i) .. ("x"):rep(400) } end
  local ids = {}
  for i = 1, 8 do
    ids[i] = talking.act("Survey", { title = "S" .. i, questions = json.array { question } }).referenceId
  end
  local bruno = browser.of "bruno"
  local body = bruno:page(path())
  lu.assertNotNil(item(body, ids[8]))
  lu.assertNil(item(body, ids[1]))
  lu.assertNotNil(item(bruno:page(browser.text(body:match '<a href="([^"]+)">Older</a>')), ids[1]))
end

return wire.run {
  TestItems = TestItems, TestWho = TestWho, TestReactions = TestReactions, TestWriting = TestWriting,
  TestPages = TestPages,
}
