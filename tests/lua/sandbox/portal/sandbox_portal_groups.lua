-- The portal's pages of groups: tree, search, making one, members, subscribers, tokens of a group.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local lu = require "luaunit"
local wire = require "wire"

local HOSTILE = '"><img src=x onerror=alert(1)>'

local TestGroups = {}

function TestGroups.setUp()
  wire.reset()
end

local function path(id, tail)
  return "/portal/groups/" .. id .. (tail or "")
end

-- The members as the API lists them: by phone number.
local function members_of(group)
  local out = {}
  local reply = wire.ok("GET", "/v1/groups/" .. group .. "/members", { token = wire.access() })
  for _, member in ipairs(reply.members) do
    out[member.mobileNumber] = member
  end
  return out
end

local function group_id(name)
  for _, group in ipairs(wire.ok("GET", "/v1/groups", { token = wire.access() }).groups) do
    if group.groupName == name then return group.groupId end
  end
end

function TestGroups.test_the_tree_and_its_levels()
  local body = browser.of("alice"):page "/portal/groups"
  lu.assertStrContains(body,
    ('<span class="level-0"><a href="%s">Sales</a>'):format(path(wire.sales, "/conversation")))
  lu.assertStrMatches(body, '.*<span class="level%-1"><a [^>]*>Sales North</a>.*')
  lu.assertStrContains(body, "Public group")
end

function TestGroups.test_who_sees_which()
  local body = browser.of("chitra"):page "/portal/groups"
  lu.assertStrContains(body, "Sales North")
  lu.assertNotStrContains(body, 'level-0"><a href="' .. path(wire.news)) -- she only subscribes to it
  lu.assertStrContains(body, '<a href="' .. path(wire.news, "/conversation") .. '">Contoso News</a>')
  lu.assertEquals(browser.of("chitra"):get(path(wire.news)).status, 403)
  lu.assertEquals(browser.of("chitra"):get(path "no-such-group").status, 404)
end

function TestGroups.test_search()
  local alice = browser.of "alice"
  local body = alice:page "/portal/groups?query=NORTH"
  lu.assertStrContains(body, "Sales North")
  lu.assertNotStrContains(body, "Contoso News")
  lu.assertStrContains(alice:page "/portal/groups?query=zzz", "No group has this name")
  lu.assertNotStrContains(browser.of("chitra"):page "/portal/groups?query=news", "Contoso News")
end

function TestGroups.test_more_than_a_page()
  for i = 1, 205 do
    wire.steer("groups", { name = ("Team %03d"):format(i), admins = { wire.alice } })
  end
  local alice = browser.of "alice"
  local first, second = alice:page "/portal/groups", alice:page "/portal/groups?from=200"
  lu.assertStrContains(first, "1 to 50 of 208")
  lu.assertNotStrContains(first, "Team 205")
  lu.assertStrContains(second, "Team 205")
  lu.assertStrContains(alice:page "/portal/groups?from=-5", "1 to 50 of 208")
  -- What a search finds is in pages too.
  local found = alice:page "/portal/groups?query=TEAM+1"
  lu.assertStrContains(found, "1 to 50 of 100")
  lu.assertStrContains(alice:page(browser.text(found:match 'href="([^"]*)">Next')), "51 to 100 of 100")
end

function TestGroups.test_making_one()
  local bruno = browser.of "bruno"
  local new = "/portal/groups/new"
  local body = bruno:submit(bruno:page(new), new, { name = HOSTILE, welcome = "<b>" })
  lu.assertStrContains(body, "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;")
  lu.assertNotStrContains(body, "<img src=x")
  lu.assertStrContains(body, "&lt;b&gt;")
  lu.assertNotNil(group_id(HOSTILE))
  lu.assertNotStrContains(bruno:page(new), "Besides members it has subscribers")
  local response = bruno:send(bruno:page(new), new, { name = " " })
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "Name: please fill it in.")
end

function TestGroups.test_blanks_within_a_name_take_no_time()
  local bruno = browser.of "bruno"
  local new = "/portal/groups/new"
  lu.assertEquals(bruno:send(bruno:page(new), new, { name = "a" .. (" "):rep(300000) .. "b" }).status, 400)
end

function TestGroups.test_a_public_group_is_a_tenant_admins()
  local alice, bruno = browser.of "alice", browser.of "bruno"
  alice:submit(alice:page "/portal/groups/new", "/portal/groups/new", { name = "Town", public = "yes" })
  lu.assertStrContains(alice:page(path(group_id "Town")), "Public group")
  local form = bruno:page "/portal/groups/new"
  lu.assertEquals(bruno:send(form, "/portal/groups/new", { name = "No", public = "yes" }).status, 403)
  lu.assertNil(group_id "No")
end

function TestGroups.test_a_subgroup()
  local alice = browser.of "alice"
  local about = path(wire.sales)
  alice:submit(alice:page(about), about .. "/subgroups", { name = "Sales South" })
  lu.assertStrContains(alice:page(about), "Sales South")
  lu.assertStrContains(alice:page(path(group_id "Sales South")), ">Sales</a>")
end

local TestPeople = { setUp = TestGroups.setUp }

function TestPeople.test_members_are_added_promoted_and_removed()
  local alice = browser.of "alice"
  local members = path(wire.sales, "/members")
  local body = alice:submit(alice:page(members), members, { phones = "+33 1 00 00 00 77\r\n+33100000078" })
  lu.assertStrContains(body, "2 people were added.")
  lu.assertStrContains(body, "+33100000077")
  lu.assertStrContains(body, "invited")
  local bruno = members_of(wire.sales)[wire.bruno].id
  -- The second time from a page that is no longer true: what the button says, and not its opposite.
  for _ = 1, 2 do
    alice:submit(body, members .. "/role", { user = bruno, role = "Admin" })
    lu.assertEquals(members_of(wire.sales)[wire.bruno].role, "Admin")
  end
  lu.assertEquals(alice:send(body, members .. "/role", { user = bruno, role = "Owner" }).status, 400)
  -- Nobody is removed by a link: a page asks.
  local asked = alice:page(members .. "/remove?user=" .. bruno)
  lu.assertStrContains(asked, "Bruno Keller will no longer get what is sent to Sales.")
  lu.assertNotNil(members_of(wire.sales)[wire.bruno])
  lu.assertStrContains(alice:submit(asked, members .. "/remove", {}), "Bruno Keller was removed from Sales.")
  lu.assertNil(members_of(wire.sales)[wire.bruno])
  lu.assertEquals(alice:get(members .. "/remove?user=" .. bruno).status, 404)
  lu.assertEquals(alice:get(members .. "/remove").status, 404)
end

function TestPeople.test_who_leaves_is_led_away()
  local alice, bruno = browser.of "alice", browser.of "bruno"
  local members = path(wire.sales, "/members")
  local id = members_of(wire.sales)[wire.bruno].id
  alice:submit(alice:page(members), members .. "/role", { user = id, role = "Admin" })
  lu.assertStrContains(bruno:submit(bruno:page(members .. "/remove?user=" .. id), members .. "/remove", {}),
    "Bruno Keller was removed from Sales.")
end

function TestPeople.test_a_number_that_is_none()
  local alice = browser.of "alice"
  local members = path(wire.sales, "/members")
  local response = alice:send(alice:page(members), members, { phones = "+33100000077, <b>12" })
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "“&lt;b&gt;12” is not a phone number")
  lu.assertNil(members_of(wire.sales)["+33100000077"])
end

function TestPeople.test_members_who_are_no_admins_only_look()
  local chitra = browser.of "chitra"
  local members = path(wire.sales, "/members")
  local body = chitra:page(members)
  lu.assertNotStrContains(body, "Add members")
  local csrf = browser.form(body, "/portal/sign-out").csrf
  for action, fields in pairs {
    ["/remove"] = { user = members_of(wire.sales)[wire.bruno].id },
    ["/role"] = { user = members_of(wire.sales)[wire.chitra].id },
    [""] = { phones = "+33100000077" },
  } do
    fields.csrf = csrf
    lu.assertEquals(chitra:request("POST", members .. action, { form = fields }).status, 403, action)
  end
  lu.assertEquals(members_of(wire.sales)[wire.bruno].role, "Member")
  lu.assertEquals(members_of(wire.sales)[wire.chitra].role, "Member")
  lu.assertNil(members_of(wire.sales)["+33100000077"])
end

function TestPeople.test_subscribers_in_pages()
  local alice = browser.of "alice"
  local page = path(wire.news, "/subscribers")
  local phones = {}
  for i = 1, 60 do phones[i] = ("+3320000%04d"):format(i) end
  alice:submit(alice:page(page), page, { phones = table.concat(phones, "\n") })
  local first = alice:page(page)
  local next_page = browser.text(assert(first:match 'href="([^"]*%?after=[^"]*)"'))
  local second = alice:page(next_page)
  local count = 0
  for _ in (first .. second):gmatch 'remove%?user=' do count = count + 1 end
  lu.assertEquals(count, 62)
  local user = first:match 'remove%?user=([^"]*)"'
  alice:submit(alice:page(page .. "/remove?user=" .. user), page .. "/remove", {})
  lu.assertNotStrContains(alice:page(page), user)
  lu.assertStrContains(alice:page(path(wire.sales, "/subscribers")), "Nobody subscribes yet")
end

local TestTokens = { setUp = TestGroups.setUp }

function TestTokens.test_a_group_token_is_shown_once_and_reaches_its_group()
  local alice = browser.of "alice"
  local page = path(wire.sales, "/connectors")
  local body = alice:submit(alice:page(page), page, { connector = wire.application_id })
  local token = browser.value(body, "refresh-token")
  lu.assertStrContains(body, "It gives access to Sales only.")
  lu.assertNotStrContains(alice:page(page), token)
  local groups = wire.ok("GET", "/v1/groups", { token = wire.access(token) }).groups
  lu.assertEquals(#groups, 1)
  lu.assertEquals(groups[1].groupId, wire.sales)
  alice:submit(alice:page(page), page, { connector = wire.application_id })
  lu.assertEquals(wire.call("GET", "/v1/accessToken", { headers = wire.credentials(token) }), 401)
end

function TestTokens.test_of_more_connectors_than_are_shown()
  local alice, page, last = browser.of "alice", path(wire.sales, "/connectors"), nil
  lu.assertNotStrContains(alice:page(page), "or its connector ID")
  for i = 1, 100 do
    last = wire.steer("connectors", { name = ("Zz %03d"):format(i), owner = wire.alice }).id
  end
  local body = alice:page(page)
  lu.assertNotStrContains(body, "Zz 100")
  lu.assertStrContains(body, "or its connector ID")
  browser.value(alice:submit(body, page, { id = " " .. last .. " " }), "refresh-token")
  lu.assertStrContains(alice:page(page), "Zz 100")
  browser.value(alice:submit(body, page, { connector = wire.application_id, id = " " }), "refresh-token")
end

function TestTokens.test_only_admins_make_them()
  local chitra = browser.of "chitra"
  local page = path(wire.sales, "/connectors")
  lu.assertEquals(chitra:get(page).status, 403)
  local csrf = browser.form(chitra:page "/", "/portal/sign-out").csrf
  local form = { connector = wire.application_id, csrf = csrf }
  lu.assertEquals(chitra:request("POST", page, { form = form }).status, 403)
  local alice = browser.of "alice" -- whose form this is not
  lu.assertEquals(alice:request("POST", page, { form = form }).status, 403)
  local _, working = alice:page(page):gsub("badge good", "")
  lu.assertEquals(working, 1) -- the demo tenant's own
end

return wire.run { TestGroups = TestGroups, TestPeople = TestPeople, TestTokens = TestTokens }
