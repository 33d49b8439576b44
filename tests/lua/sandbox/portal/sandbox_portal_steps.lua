-- The four steps in the portal: a phone number, a connector, a user token, the exchange.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local lu = require "luaunit"
local signing_in = require "signing_in"
local wire = require "wire"

local ALL = { "groupinfo", "groupmember", "textmessage", "action", "profile", "media", "webhook", "tenant",
  "reactions" }

local TestPhone = {}

local function other(pin)
  return pin == "111111" and "222222" or "111111"
end

-- Alice, for whose number a PIN was generated: her browser, the page, the PIN.
local function waiting(phone)
  local alice = browser.new()
  phone = phone or wire.alice
  local page = alice:submit(alice:sign_in "alice@contoso.example", "/portal/phone", { phone = phone })
  return alice, page, signing_in.pin(phone)
end

local function verify(visitor, page, pin)
  return visitor:send(page, "/portal/phone/verify", { pin = pin })
end

function TestPhone.test_the_pin_is_in_the_inbox()
  local alice, page, pin = waiting()
  lu.assertStrContains(page, wire.alice)
  lu.assertStrContains(page, "/portal/sms")
  lu.assertStrContains(alice:page "/portal/sms", pin)
  lu.assertStrContains(alice:page "/portal/sms?phone=%2B33100000001", pin)
  lu.assertNil(alice:page("/portal/sms?phone=%2B33100000002"):find(pin, 1, true))
  local next_page = alice:submit(page, "/portal/phone/verify", { pin = " " .. pin .. " " })
  lu.assertStrContains(next_page, "+33100000001 is now the phone number of your account.")
  lu.assertStrContains(next_page, "Add Connector")
end


function TestPhone.test_blanks_and_brackets_are_dropped()
  local alice = browser.new()
  alice:sign_in "alice@contoso.example"
  lu.assertStrContains(alice:add_phone "+33100000001", "Connectors")
  local page = alice:submit(alice:page "/portal/phone?other=yes", "/portal/phone",
    { phone = " +33 (1) 00-00.0 009" })
  lu.assertStrContains(page, "<strong>+33100000009</strong>")
end

function TestPhone.test_a_wrong_pin_five_times()
  local alice, page, pin = waiting()
  for left = 4, 1, -1 do
    local response = verify(alice, page, other(pin))
    lu.assertEquals(response.status, 400)
    lu.assertStrContains(response.body, ("%d attempt"):format(left))
  end
  lu.assertStrContains(verify(alice, page, other(pin)).body, "no longer valid")
  local response = verify(alice, page, pin)
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "no longer valid")
  lu.assertEquals(alice:get("/portal/connectors").headers.location, "/portal/phone")
  -- A new one helps.
  page = alice:submit(alice:page "/portal/phone", "/portal/phone", {})
  lu.assertEquals(verify(alice, page, signing_in.pin(wire.alice)).status, 303)
end

function TestPhone.test_what_is_no_pin_costs_no_attempt()
  local alice, page, pin = waiting()
  for _, text in ipairs { pin:sub(1, 4), pin .. "0", "12345a", "", "-12345", ("9"):rep(20) } do
    for _ = 1, 5 do
      local response = verify(alice, page, text)
      lu.assertEquals(response.status, 400)
      lu.assertStrContains(response.body, "A PIN has six digits. This attempt does not count.")
    end
  end
  lu.assertStrContains(verify(alice, page, other(pin)).body, "4 attempts")
  lu.assertEquals(verify(alice, page, pin).status, 303)
end

function TestPhone.test_a_late_pin()
  local alice, page, pin = waiting()
  wire.steer("clock", { advance_s = 600 })
  local response = verify(alice, page, pin)
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "no longer valid")
  alice, page, pin = waiting()
  wire.steer("clock", { advance_s = 590 })
  lu.assertEquals(verify(alice, page, pin).status, 303)
end

function TestPhone.test_a_pin_works_once()
  local alice, page, pin = waiting()
  lu.assertEquals(verify(alice, page, pin).headers.location, "/portal/connectors")
  lu.assertEquals(verify(alice, page, pin).headers.location, "/portal/phone")
  page = alice:submit(alice:page "/portal/phone", "/portal/phone", { phone = wire.alice })
  if signing_in.pin(wire.alice) ~= pin then
    lu.assertEquals(verify(alice, page, pin).status, 400)
  end
end

function TestPhone.test_an_older_pin_is_ended_by_a_newer_one()
  local alice, page, first = waiting()
  alice:submit(page, "/portal/phone", {})
  if signing_in.pin(wire.alice) ~= first then
    lu.assertEquals(verify(alice, page, first).status, 400)
  end
end

function TestPhone.test_a_pin_is_for_one_account_and_one_purpose()
  local alice, _, pin = waiting "+33100000055"
  local bruno = browser.new()
  local page = bruno:sign_in "bruno@contoso.example"
  page = bruno:submit(page, "/portal/phone", { phone = "+33100000055" })
  local newer = signing_in.pin "+33100000055"
  if newer ~= pin then
    lu.assertEquals(verify(bruno, page, pin).status, 400)
    lu.assertEquals(verify(alice, alice:page "/portal/phone", newer).status, 400)
  end
  wire.refused(401, "InvalidPin", "POST", "/v1/loginWithPinAndApplicationId", { json = {
    mobileNumber = "+33100000055", applicationId = wire.application_id, pin = newer } })
end

function TestPhone.test_numbers_of_others_and_bad_ones()
  local alice = browser.new()
  local page = alice:sign_in "alice@contoso.example"
  for phone, words in pairs { [wire.bruno] = "belongs to another account", ["123"] = "country code",
    [""] = "country code", ["+0123456789"] = "country code" } do
    local response = alice:send(page, "/portal/phone", { phone = phone })
    lu.assertEquals(response.status, 400, phone)
    lu.assertStrContains(response.body, words)
  end
  lu.assertEquals(#wire.ok("GET", "/_sandbox/sms").sms, 0)
end

function TestPhone.test_a_new_number_becomes_the_accounts()
  local alice, page, pin = waiting "+33100000055"
  lu.assertEquals(verify(alice, page, pin).status, 303)
  lu.assertEquals(wire.ok("GET", "/v1/users/me", { token = wire.access() }).mobileNumber, "+33100000055")
end

function TestPhone.test_pins_are_limited()
  local alice, page = waiting()
  for _ = 2, 5 do
    lu.assertEquals(alice:send(page, "/portal/phone", {}).status, 303)
  end
  local response = alice:send(page, "/portal/phone", {})
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "Five PINs were sent to this number")
end

function TestPhone.test_checks_of_pins_are_limited()
  local alice, page = waiting()
  for _ = 1, 60 do
    lu.assertEquals(verify(alice, page, "x").status, 400)
  end
  lu.assertEquals(verify(alice, page, "x").status, 429)
end

local TestInbox = {}

function TestInbox.setUp()
  wire.reset()
end

local function count_sms(body)
  local _, count = body:gsub('<p class="meta">', "")
  return count
end

function TestInbox.test_none_is_lost_and_each_is_found()
  local alice, page, pin = waiting()
  verify(alice, page, pin)
  local phones = {}
  for i = 1, 300 do phones[i] = ("+3320000%04d"):format(i) end
  local members = "/portal/groups/" .. wire.sales .. "/members"
  alice:submit(alice:page(members), members, { phones = table.concat(phones, "\n") })
  -- Every page, from the newest to the PIN.
  local path, seen, last = "/portal/sms", 0, nil
  while path do
    last = alice:page(path)
    seen = seen + count_sms(last)
    local older = last:match 'href="([^"]*before=[^"]*)"'
    path = older and browser.text(older)
  end
  lu.assertEquals(seen, 301)
  lu.assertStrContains(last, pin)
  for query, wanted in pairs {
    [pin] = 1, ["%2B33 2 0000"] = 50, ["0000 0030"] = 1, ["sALES"] = 50, ["100%25"] = 0, ["_"] = 0,
  } do
    lu.assertEquals(count_sms(alice:page("/portal/sms?query=" .. query:gsub(" ", "%%20"))), wanted, query)
  end
  lu.assertStrContains(alice:page "/portal/sms?query=%22%3E%3Cb%3E", 'value="&quot;&gt;&lt;b&gt;"')
  lu.assertEquals(#wire.ok("GET", "/_sandbox/sms").sms, 301)
end

function TestInbox.test_they_are_in_the_language_of_the_account()
  local alice = browser.new { language = "fr" }
  alice:sign_in "alice@contoso.example"
  alice:submit(alice:page "/portal/phone", "/portal/phone", { phone = "+33100000055" })
  local french = "est votre code confidentiel pour Kaizala"
  lu.assertStrContains(alice:page "/portal/sms", french)
  -- The API sends to a number: what counts is the language of who has it, else of who invites.
  local generate = { mobileNumber = wire.alice, applicationId = wire.application_id }
  wire.ok("POST", "/v1/generatePin", { json = generate })
  lu.assertStrContains(wire.ok("GET", "/_sandbox/sms?phone=%2B33100000001").sms[1].text, french)
  generate.mobileNumber = wire.bruno
  wire.ok("POST", "/v1/generatePin", { json = generate })
  lu.assertStrContains(wire.ok("GET", "/_sandbox/sms?phone=%2B33100000002").sms[1].text, "is your PIN")
  wire.ok("PUT", "/v1/groups/" .. wire.sales .. "/members",
    { token = wire.access(), json = { members = { "+33100000066" } } })
  local invitation = wire.ok("GET", "/_sandbox/sms?phone=%2B33100000066").sms[1].text
  lu.assertStrContains(invitation, "vous invite dans le groupe")
  alice:submit(alice:page "/portal/sms", "/portal/language", { language = "en" })
  lu.assertStrContains(alice:page "/portal/sms", ' lang="fr">')
  generate.mobileNumber = wire.alice
  wire.ok("POST", "/v1/generatePin", { json = generate })
  lu.assertStrContains(wire.ok("GET", "/_sandbox/sms?phone=%2B33100000001").sms[2].text, "is your PIN")
end

local TestConnectors = {}

function TestConnectors.test_a_connector_in_two_steps()
  local alice = browser.of "alice"
  local page, id, secret = alice:add_connector({
    name = "Weather", description = "Posts the weather.\nDaily.", redirect_uri = "https://app.example/done",
  }, ALL)
  lu.assertStrMatches(id, "%x+%-%x+%-%x+%-%x+%-%x+")
  lu.assertStrMatches(secret, "[A-Z0-9]+")
  lu.assertEquals(#secret, 10)
  lu.assertStrContains(page, "The secret is shown only once")
  local address = "/portal/connectors/" .. id
  local again = alice:page(address)
  lu.assertNil(again:find(secret, 1, true))
  for _, text in ipairs { "Weather", "Posts the weather.\nDaily.", "https://app.example/done", id,
    "Group information", "Reactions" } do
    lu.assertStrContains(again, text)
  end
  lu.assertStrContains(alice:page "/portal/connectors", address)
  -- Nothing is left for the next one.
  lu.assertEquals(browser.form(alice:page "/portal/connectors/new", "/portal/connectors/new").name, "")
  lu.assertEquals(alice:get("/portal/connectors/new/permissions").headers.location, "/portal/connectors/new")
end

function TestConnectors.test_all_nine_permissions_are_all_there_are()
  local alice = browser.of "alice"
  local _, id = alice:add_connector({ name = "All" }, ALL)
  local _, one = alice:add_connector({ name = "One" }, { "tenant" })
  local scopes = {}
  for _, connector in ipairs(wire.state().connectors) do
    scopes[connector.id] = connector.scope
  end
  lu.assertEquals(scopes[id], scopes[wire.application_id])
  lu.assertEquals(scopes[one]:gsub("%.%a+", ""), "o365,o365,o365,o365,bot,bot,bot,bot")
end

function TestConnectors.test_what_is_wrong_with_the_details()
  local alice = browser.of "alice"
  local path = "/portal/connectors/new"
  for words, fields in pairs {
    ["Name: please fill it in."] = { name = "  " },
    ["Name: at most 100 characters."] = { name = ("é"):rep(101) },
    ["Description: at most 2,000 characters."] = { name = "x", description = ("x"):rep(2001) },
    ["starts with https://"] = { name = "x", redirect_uri = "http://evil.example/" },
  } do
    local response = alice:send(alice:page(path), path, fields)
    lu.assertEquals(response.status, 400, words)
    lu.assertStrContains(response.body, words)
    lu.assertEquals(browser.form(response.body, path).redirect_uri, fields.redirect_uri or "")
  end
  for _, uri in ipairs { "javascript:alert(1)", "https://", "ftp://x", "x" } do
    lu.assertEquals(alice:send(alice:page(path), path, { name = "x", redirect_uri = uri }).status, 400, uri)
  end
  lu.assertEquals(alice:send(alice:page(path), path, { name = ("é"):rep(100),
    redirect_uri = "http://127.0.0.1:9/x" }).status, 303)
  local choices = path .. "/permissions"
  local response = alice:send(alice:page(choices), choices, { permission_unknown = "yes" })
  lu.assertEquals(response.status, 400)
  lu.assertStrContains(response.body, "Choose at least one permission.")
end

function TestConnectors.test_only_the_owner_manages_it()
  local bruno = browser.of "bruno"
  local address = "/portal/connectors/" .. wire.application_id
  local page = bruno:page(address)
  lu.assertStrContains(page, "Generate user token")
  lu.assertNil(page:find("Regenerate secret", 1, true))
  lu.assertNil(page:find(wire.alice, 1, true)) -- whose tokens are no business of his
  lu.assertStrContains(page, "Tokens you issued")
  local csrf = browser.form(page, "/portal/sign-out").csrf
  for _, action in ipairs { address .. "/delete", address .. "/secret" } do
    lu.assertEquals(bruno:get(action).status, 403)
    local response = bruno:request("POST", action, { form = { csrf = csrf } })
    lu.assertEquals(response.status, 403)
    lu.assertStrContains(response.body, "only the owner of the connector may do this")
  end
  wire.exchange()
end

function TestConnectors.test_tokens_that_were_issued()
  local alice = browser.of "alice"
  wire.exchange()
  local page = alice:page("/portal/connectors/" .. wire.application_id)
  for _, text in ipairs { "the whole tenant", "the group Sales", "the user&#39;s groups", "Bruno Keller",
    "never" } do
    lu.assertStrContains(page, text)
  end
  lu.assertNil(page:find(wire.tenant_token, 1, true))
  wire.steer("clock", { advance_s = 366 * 86400 })
  alice = browser.of "alice"
  lu.assertStrContains(alice:page("/portal/connectors/" .. wire.application_id), "expired")
end

function TestConnectors.test_deletion_ends_its_tokens()
  local alice = browser.of "alice"
  local access = wire.access()
  local address = "/portal/connectors/" .. wire.application_id
  local page = alice:page(address .. "/delete")
  lu.assertStrContains(page, "3 valid refresh tokens")
  lu.assertStrContains(alice:submit(page, address .. "/delete"), "Demo was deleted.")
  wire.refused(401, "InvalidToken", "GET", "/v1/groups", { token = access })
  wire.refused(401, "Unauthenticated", "GET", "/v1/accessToken", { headers = wire.credentials() })
  lu.assertEquals(alice:get(address).status, 404)
end

function TestConnectors.test_a_new_secret()
  local alice = browser.of "alice"
  local address = "/portal/connectors/" .. wire.application_id
  local page = alice:submit(alice:page(address .. "/secret"), address .. "/secret")
  local secret = browser.value(page, "connector-secret")
  lu.assertEquals(#secret, 10)
  lu.assertNil(browser.value(alice:page(address), "connector-secret"))
  wire.refused(401, "Unauthenticated", "GET", "/v1/accessToken", { headers = wire.credentials() })
  local headers = wire.credentials()
  headers.applicationSecret = secret
  wire.refused(401, "InvalidToken", "GET", "/v1/accessToken", { headers = headers }) -- its tokens ended, too
  page = alice:submit(page, address .. "/token")
  headers.refreshToken = browser.value(page, "refresh-token")
  wire.ok("GET", "/v1/accessToken", { headers = headers })
end

local TestTokens = {}

local DEMO = "/portal/connectors/" .. wire.application_id

-- The refresh token that somebody generates for the demo connector, and its page.
local function generate(visitor)
  local page = visitor:submit(visitor:page(DEMO), DEMO .. "/token")
  return browser.value(page, "refresh-token"), page
end

function TestTokens.test_of_a_tenant_admin()
  local alice = browser.of "alice"
  lu.assertStrContains(alice:page(DEMO), "A new one replaces it")
  local token, page = generate(alice)
  lu.assertStrContains(page, "It gives access to the whole tenant: 3 groups today.")
  lu.assertEquals(#wire.ok("GET", "/v1/groups", { token = wire.access(token) }).groups, 3)
  wire.refused(401, "InvalidToken", "GET", "/v1/accessToken", { headers = wire.credentials() })
  wire.exchange(wire.user_token) -- of somebody else: it stays
  wire.exchange(wire.group_token)
end

function TestTokens.test_of_others()
  local token, page = generate(browser.of "bruno")
  lu.assertStrContains(page,
    "It gives access to the 2 groups you are in, with your own rights: Sales, Sales North.")
  lu.assertEquals(#wire.ok("GET", "/v1/groups", { token = wire.access(token) }).groups, 2)
  wire.steer("users", { phone = "+33100000077", name = "Eva", email = "eva@contoso.example" })
  local eva = browser.new()
  eva:sign_in "eva@contoso.example"
  eva:add_phone "+33100000077"
  lu.assertStrContains(eva:page(DEMO), "You are not in any group")
end

function TestTokens.test_shown_once()
  local alice = browser.of "alice"
  local token, page = generate(alice)
  lu.assertStrContains(page, "It is shown only once")
  local again = alice:page(DEMO .. "/token")
  lu.assertNil(again:find(token, 1, true))
  lu.assertStrContains(again, "generate a new one")
  -- Nor to a page that brings itself up to date, which would take it away from the person.
  local response = alice:send(alice:page(DEMO), DEMO .. "/token")
  lu.assertNil(alice:get(response.headers.location, { ["Jeton-Live"] = "1" }).body:find "refresh%-token\"")
  lu.assertNotNil(browser.value(alice:page(response.headers.location), "refresh-token"))
end

function TestTokens.test_hand_over()
  local alice = browser.of "alice"
  local _, shown = generate(alice)
  shown = browser.text(shown)
  lu.assertStrContains(shown, "jeton connector add demo --token-service " .. wire.root .. "/v1")
  lu.assertStrContains(shown, table.concat({
    "connectors:", "  demo:", "    provider: kaizala", ('    token_service: "%s/v1"'):format(wire.root),
    ('    application_id: "%s"'):format(wire.application_id),
    "    application_secret: { file: secrets/demo.secret }",
    "    refresh_token: { file: secrets/demo.refresh_token }" }, "\n"))
  for name, slug in pairs { ["  Météo & co. "] = "m-t-o-co", ["天気"] = "connector", ["$(rm -rf)"] = "rm-rf",
    [("x"):rep(99)] = ("x"):rep(64) } do
    wire.steer("connectors", { id = wire.application_id, name = name })
    local page = browser.text(alice:page(DEMO .. "/token"))
    lu.assertStrContains(page, ("jeton connector add %s --token"):format(slug))
  end
end

local TestExchange = {}

function TestExchange.test_the_whole_way()
  local alice = browser.of "alice"
  local _, id, secret = alice:add_connector({ name = "Way" }, ALL)
  local address = "/portal/connectors/" .. id
  local page = alice:submit(alice:page(address), address .. "/token")
  local token = browser.value(page, "refresh-token")
  local reply = wire.ok("GET", "/v1/accessToken", { headers = {
    applicationId = id, applicationSecret = secret, refreshToken = token } })
  wire.ok("GET", "/v1/groups", { token = reply.accessToken })
  lu.assertStrContains(browser.text(page), ("curl -H 'applicationId: %s'"):format(id))
  lu.assertStrContains(browser.text(page), ("-H 'refreshToken: %s'"):format(token))
  lu.assertStrContains(browser.text(page), "token.exchange {")
  local result = alice:submit(page, address .. "/exchange", { secret = secret })
  for _, text in ipairs { "Reply: 200", "The token service returned an access token", "eyJhbG…",
    'data-left="86400"', "24:00:00" } do
    lu.assertStrContains(result, text)
  end
  for _, value in ipairs { secret, token, reply.accessToken } do
    lu.assertNil(result:find(value, 1, true))
  end
  lu.assertNil(alice:page(address .. "/exchange"):find("Reply: 200", 1, true))
end

-- What is shown only once is not lost by a mistake, however often it is made.
function TestExchange.test_a_wrong_secret_does_not_lose_the_token()
  local alice = browser.of "alice"
  local _, id, secret = alice:add_connector({ name = "Way" }, ALL)
  local address = "/portal/connectors/" .. id
  local page = alice:submit(alice:page(address), address .. "/token")
  local token = browser.value(page, "refresh-token")
  for _, wrong in ipairs { "WRONG00000", "" } do
    page = alice:submit(page, address .. "/exchange", { secret = wrong })
    lu.assertStrContains(page, "Reply: 401")
    lu.assertEquals(browser.value(page, "refresh-token"), token)
  end
  wire.steer("faults", { { match = { path = "/accessToken" }, drop = true } })
  page = alice:submit(page, address .. "/exchange", { secret = secret })
  lu.assertEquals(browser.value(page, "refresh-token"), token)
  page = alice:submit(page, address .. "/exchange", { secret = secret })
  lu.assertStrContains(page, "Reply: 200")
  lu.assertNil(page:find(token, 1, true))
  lu.assertNil(alice:page(address .. "/exchange"):find(token, 1, true))
end

-- Its requests bring the cookie along, so it could take what is shown only once.
function TestExchange.test_a_page_of_another_port_takes_nothing()
  local alice = browser.of "alice"
  local _, id = alice:add_connector({ name = "Way" }, ALL)
  local address = "/portal/connectors/" .. id
  local made = alice:send(alice:page(address), address .. "/token")
  lu.assertEquals(made.status, 303)
  for _, site in ipairs { "same-site", "cross-site" } do
    local taken = alice:get(address .. "/token", { ["Sec-Fetch-Site"] = site })
    lu.assertNil(taken.body:find('id="refresh-token"', 1, true))
  end
  lu.assertStrContains(alice:page(address .. "/token"), 'id="refresh-token"')
end

function TestExchange.test_refusals_are_shown()
  local alice = browser.of "alice"
  local page = alice:page(DEMO .. "/exchange")
  local result = alice:submit(page, DEMO .. "/exchange", { secret = "x", refresh_token = "y" })
  lu.assertStrContains(result, "Reply: 401")
  lu.assertStrContains(result, "Dont have correct applicationId and secret in header!")
  result = alice:submit(page, DEMO .. "/exchange", {})
  lu.assertStrContains(result, "Reply: 401")
end

function TestExchange.test_it_is_the_services_own_answer()
  local alice = browser.of "alice"
  local page = alice:page(DEMO .. "/exchange")
  local fields = { secret = wire.secret, refresh_token = wire.tenant_token }
  wire.steer("faults", { { match = { path = "/accessToken" }, status = 503 } })
  lu.assertStrContains(alice:submit(page, DEMO .. "/exchange", fields), "Reply: 503")
  wire.steer("faults", { { match = { path = "/accessToken" }, drop = true } })
  lu.assertStrContains(alice:submit(page, DEMO .. "/exchange", fields), "closed without an answer")
  wire.steer("switches", { token_redirect = "full" })
  local moved = alice:submit(page, DEMO .. "/exchange", fields)
  lu.assertStrContains(moved, "Reply: 308")
  lu.assertStrContains(moved, wire.root .. "/moved/v1/accessToken")
  wire.steer("switches", { single_use_refresh_tokens = true })
  local result = alice:submit(page, DEMO .. "/exchange", fields)
  wire.exchange(browser.value(result, "new-refresh-token"))
end

local TestBothLanguages = {}

-- Every page of the steps, in both languages: a text that is missing would raise.
function TestBothLanguages.test_pages()
  for code, words in pairs {
    en = { "Start", "Add a phone number", "Connectors", "Add Connector", "SMS inbox", "Regenerate secret",
      "Delete connector", "Exchange for an access token", "Generate user token" },
    fr = { "Accueil", "Ajouter un numéro de téléphone", "Connecteurs", "Ajouter un connecteur", "SMS reçus",
      "Régénérer le secret", "Supprimer le connecteur", "Échanger contre un jeton d'accès",
      "Générer un jeton utilisateur" },
  } do
    wire.reset()
    local alice = browser.of("alice", { language = code })
    local paths = { "/", "/portal/phone", "/portal/connectors", "/portal/connectors/new", "/portal/sms",
      DEMO .. "/secret", DEMO .. "/delete", DEMO .. "/exchange", DEMO .. "/token" }
    for i, path in ipairs(paths) do
      local body = browser.text(alice:page(path))
      lu.assertStrContains(body, ('<html lang="%s"'):format(code))
      lu.assertStrContains(body, words[i], false, path)
    end
    lu.assertStrContains(alice:page(DEMO), code == "fr" and "Jetons émis" or "Tokens issued")
    local _, token_page = generate(alice)
    lu.assertStrContains(token_page, code == "fr" and "3 groupes aujourd" or "3 groups today")
    alice:add_connector({ name = "x" }, ALL)
    lu.assertEquals(alice:get("/portal/none").status, 404)
  end
end

return wire.run {
  TestPhone = TestPhone, TestInbox = TestInbox, TestConnectors = TestConnectors, TestTokens = TestTokens,
  TestExchange = TestExchange, TestBothLanguages = TestBothLanguages,
}
