-- What the API refuses, on pages: in their language where it is known there, else marked as English.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local lu = require "luaunit"
local refusals = require "sandbox.portal.refusals"
local talking = require "talking"
local wire = require "wire"

local MEMBERS = "/portal/groups/" .. wire.sales .. "/members"

local function row_of(body, name)
  return body:match("<tr[^>]*><th[^>]*>" .. name .. ".-</tr>") or error("no row of " .. name)
end

local TestRefusals = {}

function TestRefusals.setUp()
  wire.reset()
end

local function create_with_long_welcome(language)
  local alice = browser.of("alice", { language = language })
  local response = alice:send(alice:page "/portal/groups/new", "/portal/groups/new", {
    name = "Long", welcome = ("é"):rep(1001),
  })
  lu.assertEquals(response.status, 400)
  return browser.main(response.body)
end

function TestRefusals.test_in_the_language_of_the_page()
  local body = create_with_long_welcome "fr"
  lu.assertStrContains(body, "Le bac à sable l&#39;a refusé\u{a0}:")
  lu.assertStrContains(body,
    '<p class="detail">Message d&#39;accueil\u{a0}: 1000 caractères au plus, il y en a 1001.</p>')
  lu.assertNotStrContains(body, 'lang="en"')
  body = create_with_long_welcome "en"
  lu.assertStrContains(body, '<p class="detail">welcomeMessage: at most 1000 characters, got 1001</p>')
end

function TestRefusals.test_who_may()
  local bruno = browser.of("bruno", { language = "fr" })
  local response = bruno:get("/portal/groups/" .. wire.sales .. "/connectors")
  lu.assertEquals(response.status, 403)
  lu.assertStrContains(response.body, "Seul un administrateur du groupe peut le faire.")
  response = browser.of("bruno"):get("/portal/groups/" .. wire.sales .. "/connectors")
  lu.assertStrContains(response.body, ">only an admin of the group may do this<")
end

function TestRefusals.test_somebody_who_is_gone()
  local alice = browser.of("alice", { language = "fr" })
  local action = MEMBERS .. "/remove"
  local user = row_of(alice:page(MEMBERS), "Chitra Rao"):match "remove%?user=([^\"]*)"
  local form = browser.form(alice:page(action .. "?user=" .. user), action)
  lu.assertEquals(alice:request("POST", action, { form = form }).status, 303)
  lu.assertStrContains(alice:request("POST", action, { form = form }).body,
    "Cette personne n&#39;est plus membre du groupe.")
end

function TestRefusals.test_a_page_that_does_not_exist_says_so_once()
  local body = browser.of("alice", { language = "fr" }):get("/portal/nothing").body
  lu.assertStrContains(body, "Cette page n&#39;existe pas")
  lu.assertNotStrContains(body, "there is no such page")
end

-- What pages can meet, by what says it: each is French.
local MESSAGES = {
  "there is no group with this id", "there is no connector with this id",
  "the group has no message or action with this reference", "the person of this form is not in the group",
  "Not allowed: only an admin of the group may send to subscribers",
  "Not allowed: only a member of the group may do this",
  "Not allowed: only the owner of the connector may do this",
  "Not allowed: only an assignee may respond to a job", "this Job has expired: it takes no more responses",
  "this Survey has expired: it takes no more responses",
  "you have responded already: give responseId to replace the response", "a message takes no answers",
  "group: only public groups (ConnectGroup) have subscribers", "the sandbox holds at most 100000 groups",
  "a group has at most 5000 members",
  "group 853654b2-7e1b-4c0e-9f0a-3d0c5f6b2a11 cannot become a subgroup of "
    .. "853654b2-7e1b-4c0e-9f0a-3d0c5f6b2a12@1: at most 16 levels, this makes 17",
  "the subgroup needs a name", "the body is over 1048576 bytes", "Too many attempts; try again later",
  "Too many PINs for this number; try again later", "members: at most 100 entries, got 101",
  "members[0]: expected a phone number with + and country code, such as +33100000001",
  "actionBody.answers[3]: at most 1000 characters, got 1001",
  "actionBody.answers[0]: expected one of the options 100 %, [b], c", "comment: must not be empty",
  "actionBody.answers[7]: no upload of this tenant returned this mediaResource; upload the file first",
}

function TestRefusals.test_all_that_pages_can_meet_is_french()
  for _, message in ipairs(MESSAGES) do
    local text, code = refusals.translate("fr", message)
    lu.assertEquals(code, "fr", message)
    lu.assertNotStrContains(text, "%")
    lu.assertEquals(select(2, refusals.translate("en", message)), "en")
  end
  lu.assertEquals({ refusals.translate("fr", "a new one") }, { "a new one", "en" })
end

function TestRefusals.test_with_a_form()
  local survey = talking.act("Survey", {
    title = "Marks", questions = { { title = "Comments", type = "Text" } },
  })
  local alice = browser.of("alice", { language = "fr" })
  local path = "/portal/groups/" .. wire.sales .. "/conversation/" .. survey.referenceId
  local response = alice:send(alice:page(path), path .. "/answer", { answer_1 = ("x"):rep(100000) })
  lu.assertEquals(response.status, 400)
  lu.assertStrMatches(response.body, ".*Question 1\u{a0}: %d+ caractères au plus, il y en a 100000%..*")
end

return wire.run { TestRefusals = TestRefusals }
