-- The portal's base: who may, cookies, forms, headers, languages, what is never shown or kept.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local lu = require "luaunit"
local wire = require "wire"

local HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('x')</script>"

local PARAMS = { connector = wire.application_id, group = wire.sales, reference = wire.sales, number = "1",
  webhook = wire.sales }

-- Under stress.lua one form of so many, where they are alike.
local STRESSED_STEP = 5

-- Every page, or every form, of the portal.
local function addresses(method)
  local out = {}
  for _, route in ipairs(require "sandbox.portal".routes) do
    if route.method == method then
      out[#out + 1] = (route.path:gsub("{(%l+)}", PARAMS))
    end
  end
  lu.assertTrue(#out > 20)
  return out
end

local function alike(list)
  if not wire.is_stressed() then return list end
  local out = {}
  for i = 1, #list, STRESSED_STEP do out[#out + 1] = list[i] end
  return out
end

local TestFront = {}

function TestFront.test_browsers_get_the_portal_and_programs_json()
  lu.assertEquals(browser.new():get("/").headers.location, "/portal/sign-in")
  local front = wire.ok("GET", "/")
  lu.assertEquals(front.portal, wire.root .. "/")
  wire.refused(405, "MethodNotAllowed", "POST", "/", { json = {} })
end

function TestFront.test_pages_need_somebody_signed_in()
  local nobody = browser.new()
  for _, path in ipairs(addresses "GET") do
    local response = nobody:get(path)
    if path ~= "/portal/sign-in" then
      lu.assertEquals(response.status, 303, path)
      lu.assertEquals(response.headers.location, "/portal/sign-in", path)
    end
  end
end

function TestFront.test_connectors_need_a_phone_number()
  local alice = browser.new()
  lu.assertStrContains(alice:sign_in "alice@contoso.example", "Add a phone number")
  for _, path in ipairs { "/portal/connectors", "/portal/connectors/new" } do
    lu.assertEquals(alice:get(path).headers.location, "/portal/phone", path)
  end
  lu.assertStrContains(alice:page "/portal/phone", "Add a phone number first")
end

function TestFront.test_the_name_of_the_portal_leads_to_its_start()
  for _, path in ipairs { "/portal", "/portal/" } do
    lu.assertEquals(browser.of("alice"):get(path).headers.location, "/", path)
  end
end

function TestFront.test_unknown_pages_and_methods()
  local alice = browser.of "alice"
  local response = alice:get "/portal/<script>"
  lu.assertEquals(response.status, 404)
  lu.assertStrContains(response.body, "There is nothing here")
  lu.assertEquals(alice:get("/portal/connectors/" .. wire.sales).status, 404)
  response = alice:request("DELETE", "/portal/sms")
  lu.assertEquals(response.status, 405)
  lu.assertEquals(response.headers.allow, "GET")
end

local TestHeaders = {}

local POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
  .. "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

function TestHeaders.test_of_every_page()
  local alice = browser.of "alice"
  local paths = addresses "GET"
  paths[#paths + 1] = "/portal/none"
  for _, path in ipairs(paths) do
    local response = alice:get(path)
    lu.assertEquals(response.headers["content-security-policy"], POLICY, path)
    lu.assertEquals(response.headers["cache-control"], "no-store", path)
    lu.assertEquals(response.headers["x-content-type-options"], "nosniff", path)
    lu.assertEquals(response.headers["x-frame-options"], "DENY", path)
    lu.assertEquals(response.headers["referrer-policy"], "same-origin", path)
  end
end

function TestHeaders.test_no_code_or_style_in_a_page()
  local alice = browser.of "alice"
  for _, path in ipairs(addresses "GET") do
    local body = alice:get(path).body
    lu.assertNil(body:find "<script[^>]*>[^<]", path)
    lu.assertNil(body:find "<style", path)
    lu.assertNil(body:find " style=", path)
    lu.assertNil(body:find " on%a+=", path)
  end
end

function TestHeaders.test_assets()
  local page = browser.new():page "/portal/sign-in"
  for path, kind in pairs { ["style.css"] = "text/css; charset=utf-8", ["icon.svg"] = "image/svg+xml",
    ["portal.js"] = "text/javascript; charset=utf-8" } do
    local address = assert(page:match('"(/portal/assets/' .. path:gsub("%.", "%%.") .. '%?v=%x+)"'), path)
    local response = browser.new():get(address)
    lu.assertEquals(response.status, 200)
    lu.assertEquals(response.headers["content-type"], kind)
    lu.assertEquals(response.headers["content-security-policy"], POLICY)
    lu.assertNil(response.headers["set-cookie"])
  end
  lu.assertEquals(browser.new():get("/portal/assets/init.lua").status, 404)
end

function TestHeaders.test_the_cookie()
  local response = browser.new():get "/portal/sign-in"
  local id, rest = response.headers["set-cookie"]:match "^jeton_portal_%d+=(%x+)(; .*)$"
  lu.assertEquals(#id, 64)
  lu.assertEquals(rest, "; Path=/; HttpOnly; SameSite=Strict")
end

local TestSessions = {}

local function session_name(visitor)
  for name in pairs(visitor.cookies) do
    if name:find "^jeton_portal_" then return name end
  end
end

function TestSessions.test_signing_in_makes_a_new_id()
  local visitor = browser.new()
  local page = visitor:page "/portal/sign-in"
  local name = session_name(visitor)
  local before = visitor.cookies[name]
  visitor:submit(page, "/portal/sign-in", { email = "alice@contoso.example" })
  lu.assertNotEquals(visitor.cookies[name], before)
  -- Who planted the id before is not signed in by it.
  local other = browser.new()
  other.cookies[name] = before
  lu.assertEquals(other:get("/").status, 303)
end

function TestSessions.test_signing_out_ends_it()
  local alice = browser.of "alice"
  local name = session_name(alice)
  local id = alice.cookies[name]
  lu.assertStrContains(alice:submit(alice:page "/", "/portal/sign-out"), "E-mail address")
  alice.cookies[name] = id
  lu.assertEquals(alice:get("/").headers.location, "/portal/sign-in")
end

function TestSessions.test_idle_ones_end_by_the_sandboxs_clock()
  local alice = browser.of "alice"
  wire.steer("clock", { advance_s = 8 * 3600 - 60 })
  alice:page "/"
  wire.steer("clock", { advance_s = 8 * 3600 - 60 })
  -- A page that brings itself up to date keeps nobody signed in.
  lu.assertEquals(alice:get("/", { ["Jeton-Live"] = "1" }).status, 200)
  wire.steer("clock", { advance_s = 60 })
  lu.assertEquals(alice:get("/").headers.location, "/portal/sign-in")
end

function TestSessions.test_a_reset_ends_all()
  local alice = browser.of "alice"
  wire.reset()
  lu.assertEquals(alice:get("/").status, 303)
end

function TestSessions.test_ids_that_nobody_gave_are_replaced()
  local visitor = browser.new()
  visitor:page "/portal/sign-in"
  local name = session_name(visitor)
  visitor.cookies[name] = "1; x"
  visitor:page "/portal/sign-in"
  lu.assertEquals(#visitor.cookies[name], 64)
end

function TestSessions.test_signing_in_by_email_in_any_case()
  lu.assertStrContains(browser.new():sign_in " Alice@CONTOSO.example ", "Alice Martin")
  local visitor = browser.new()
  -- The last one took longer than anybody waits: each space was tried as the first of the end.
  for _, email in ipairs { "nobody@contoso.example", "", "x" .. (" "):rep(300000) .. "y" } do
    local response = visitor:send(visitor:page "/portal/sign-in", "/portal/sign-in", { email = email })
    lu.assertEquals(response.status, 400)
    lu.assertStrContains(response.body, "There is no account with this e-mail address.")
  end
end

function TestSessions.test_attempts_are_limited()
  local visitor = browser.new()
  local page = visitor:page "/portal/sign-in"
  for i = 1, 60 do
    lu.assertEquals(visitor:send(page, "/portal/sign-in", { email = "x@x" .. i }).status, 400)
  end
  local response = visitor:send(page, "/portal/sign-in", { email = "x@x" })
  lu.assertEquals(response.status, 429)
  lu.assertStrContains(response.body, "Too many attempts")
  lu.assertTrue(tonumber(response.headers["retry-after"]) >= 1)
  -- Nobody who has an account is shut out by them.
  lu.assertEquals(visitor:send(page, "/portal/sign-in", { email = "alice@contoso.example" }).status, 303)
  wire.steer("clock", { advance_s = 61 })
  visitor = browser.new()
  local form = visitor:page "/portal/sign-in"
  lu.assertEquals(visitor:send(form, "/portal/sign-in", { email = "x@x" }).status, 400)
end

local TestForms = {}

function TestForms.test_without_the_token_nothing_happens()
  local alice, bruno = browser.of "alice", browser.of "bruno"
  local own = browser.form(alice:page "/", "/portal/sign-out").csrf
  local foreign = browser.form(bruno:page "/", "/portal/sign-out").csrf
  lu.assertNotEquals(own, foreign)
  local before = wire.ok("GET", "/_sandbox/digest").digest
  for _, action in ipairs(alike(addresses "POST")) do
    for _, csrf in ipairs { "", foreign, own:sub(1, -2), own .. "0" } do
      local response = alice:request("POST", action, { form = { csrf = csrf, language = "fr" } })
      lu.assertEquals(response.status, 403, action)
      lu.assertStrContains(response.body, "Not allowed", action)
    end
  end
  lu.assertEquals(wire.ok("GET", "/_sandbox/digest").digest, before)
  lu.assertEquals(alice:get("/").status, 200)
end

function TestForms.test_from_another_site_nothing_happens()
  local alice = browser.of "alice"
  local csrf = browser.form(alice:page "/", "/portal/sign-out").csrf
  local before = wire.ok("GET", "/_sandbox/digest").digest
  for _, action in ipairs(alike(addresses "POST")) do
    for _, headers in ipairs {
      { Origin = "http://evil.example" }, { Origin = "null" }, { Origin = "http://127.0.0.1:1" },
      { ["Sec-Fetch-Site"] = "cross-site" }, { ["Sec-Fetch-Site"] = "same-site" },
      { Origin = wire.root, ["Sec-Fetch-Site"] = "none" }, { Origin = "https://evil.example" },
      { Origin = "http://evil.example", ["Sec-Fetch-Site"] = "same-origin" },
      { Origin = "https://evil.example", ["Sec-Fetch-Site"] = "cross-site" },
    } do
      local response = alice:request("POST", action, { form = { csrf = csrf }, headers = headers })
      lu.assertEquals(response.status, 403, action)
      lu.assertStrContains(response.body, "another site", action)
    end
  end
  lu.assertEquals(wire.ok("GET", "/_sandbox/digest").digest, before)
  -- The second one through TLS, by a proxy that passes it on to this host.
  for _, origin in ipairs { wire.root, "https://sandbox.example" } do
    local own = { Origin = origin, ["Sec-Fetch-Site"] = "same-origin" }
    local response = alice:send(alice:page "/portal/sms", "/portal/language", { language = "en" }, own)
    lu.assertEquals(response.status, 303)
  end
end

function TestForms.test_what_is_no_form()
  local alice = browser.of "alice"
  for _, options in ipairs {
    { body = "{}", headers = { ["Content-Type"] = "application/json" } },
    { body = "nothing", headers = { ["Content-Type"] = "application/x-www-form-urlencoded" } },
    {},
  } do
    local response = alice:request("POST", "/portal/sign-out", options)
    lu.assertTrue(response.status == 400 or response.status == 403)
  end
  lu.assertEquals(alice:get("/").status, 200)
end

function TestForms.test_a_foreign_host_is_refused()
  lu.assertEquals(browser.new():get("/portal/sign-in", { Host = "evil.example" }).status, 403)
end

local TestLanguages = {}

function TestLanguages.test_by_the_browser()
  for header, code in pairs {
    ["fr-FR,fr;q=0.9,en;q=0.8"] = "fr", ["fr-CA"] = "fr", ["de,fr;q=0.5,en;q=0.4"] = "fr", ["de"] = "en",
    ["en-GB,fr"] = "en", ["fr;q=0,en;q=0.1"] = "en", ["*"] = "en", [";;q=x,"] = "en",
  } do
    local body = browser.new { language = header }:page "/portal/sign-in"
    lu.assertEquals(body:match '<html lang="(%a+)"', code, header)
    lu.assertStrContains(body, code == "fr" and "Adresse électronique" or "E-mail address")
  end
end

function TestLanguages.test_switched_and_remembered()
  local visitor = browser.new { language = "en" }
  local body = visitor:submit(visitor:page "/portal/sign-in", "/portal/language", { language = "fr" })
  lu.assertStrContains(body, '<html lang="fr"')
  lu.assertStrContains(body, "Se connecter")
  lu.assertEquals(visitor.cookies.jeton_language, "fr")
  local response = visitor:send(visitor:page "/portal/sign-in", "/portal/language", { language = "en" })
  lu.assertStrContains(response.headers["set-cookie"],
    "jeton_language=en; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000")
  lu.assertEquals(visitor:send(body, "/portal/language", { language = "de" }).status, 400)
end

function TestLanguages.test_the_switch_leads_to_the_portal_only()
  local visitor = browser.new()
  local page = visitor:page "/portal/sign-in"
  for _, back in ipairs { "//evil.example", "http://evil.example", "/portal/../\\evil", "javascript:alert(1)",
    "/portal/x\r\nX: y", "/v1/groups" } do
    local response = visitor:send(page, "/portal/language", { language = "fr", back = back })
    lu.assertEquals(response.headers.location, "/", back)
  end
end

-- Every text has both languages, with the same placeholders, and both numbers or neither.
function TestLanguages.test_texts_are_complete()
  local function placeholders(text)
    local found = {}
    for name in text:gmatch "{([^}]*)}" do
      lu.assertStrMatches(name, "[a-z_]+")
      found[name] = true
    end
    found.count = nil -- "the group", "the {count} groups"
    return found
  end
  local count = 0
  local function check(key, entry)
    count = count + 1
    local en, fr = entry.en, entry.fr
    lu.assertNotNil(en, key)
    lu.assertNotNil(fr, key)
    lu.assertEquals(type(en), type(fr), key)
    if type(en) == "string" then
      en, fr = { en }, { fr }
    else
      lu.assertEquals({ #en, #fr }, { 2, 2 }, key)
    end
    for i = 1, #en do
      lu.assertTrue(en[i]:find "%S" ~= nil and fr[i]:find "%S" ~= nil, key)
      lu.assertEquals(placeholders(fr[i]), placeholders(en[1]), key)
      lu.assertEquals(placeholders(en[i]), placeholders(en[1]), key)
    end
  end
  wire.calmly(function()
    for _, name in ipairs { "sandbox.portal.strings", "history.strings" } do
      for key, entry in pairs(require(name)) do check(key, entry) end
    end
  end)
  lu.assertTrue(count > 100)
end

function TestLanguages.test_the_documents_own_words()
  local strings = require "sandbox.portal.strings"
  for key, words in pairs {
    ["phone.title"] = { "Add a phone number", "Ajouter un numéro de téléphone" },
    ["phone.number"] = { "Enter phone number", "Entrer le numéro de téléphone" },
    ["phone.generate"] = { "Generate PIN", "Générer le code confidentiel" },
    ["phone.verify"] = { "Verify PIN", "Vérifier le code confidentiel" },
    ["connectors.title"] = { "Connectors", "Connecteurs" },
    ["connectors.add"] = { "Add Connector", "Ajouter un connecteur" },
    ["connectors.continue"] = { "Continue", "Continuer" },
    ["connectors.create"] = { "Create Connector", "Créer un connecteur" },
    ["token.generate"] = { "Generate user token", "Générer un jeton utilisateur" },
    ["token.refresh"] = { "Refresh token", "Jeton d'actualisation" },
    ["groups.title"] = { "Groups", "Groupes" },
  } do
    lu.assertEquals({ strings[key].en, strings[key].fr }, words)
  end
end

local TestHtml = {}

function TestHtml.test_escaped_by_default()
  local html = require "html.elements"
  local h = html.h
  lu.assertEquals(html.render(h.p { title = HOSTILE, HOSTILE, nil, false, { 1, h.b { "&" } } }),
    '<p title="&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;">'
    .. "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    .. "1<b>&amp;</b></p>")
  lu.assertEquals(html.render { html.raw "<i>", "<i>" }, "<i>&lt;i&gt;")
  lu.assertEquals(html.render(h.input { data_x = 1, for_ = "y", hidden = true, value = false }),
    '<input data-x="1" for="y" hidden>')
  for _, content in ipairs {
    { href = "javascript:alert(1)" }, { href = " javascript:x" }, { href = "//evil.example" },
    { href = "data:x" }, { href = "/\\evil.example" }, { onclick = "x" }, { style = "x" },
    { ["x y"] = "z" }, { {}, print },
  } do
    lu.assertFalse(pcall(function() return html.render(h.a(content)) end))
  end
  lu.assertFalse(pcall(h.script, { "alert(1)" }))
  -- A table that only looks like markup is a list of texts.
  lu.assertEquals(html.render { { text = "<b>", tag = "script", content = {} } }, "")
end

function TestHtml.test_what_people_wrote_is_text()
  local alice = browser.of "alice"
  local page, id = alice:add_connector({ name = HOSTILE, description = HOSTILE }, { "groupinfo" })
  wire.steer("users", { phone = wire.alice, name = HOSTILE })
  wire.steer("groups", { id = wire.sales, name = HOSTILE })
  local address = "/portal/connectors/" .. id
  for _, body in ipairs {
    page, alice:page(address), alice:page "/portal/connectors", alice:page(address .. "/delete"),
    alice:page(address .. "/exchange"), alice:submit(alice:page(address), address .. "/token"),
    alice:submit(alice:page(address .. "/delete"), address .. "/delete"),
  } do
    lu.assertNil(body:find("<img", 1, true))
    lu.assertNil(body:find("<script>", 1, true))
    lu.assertStrContains(body, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;")
  end
  local response = alice:send(alice:page "/portal/phone?other=yes", "/portal/phone", { phone = HOSTILE })
  lu.assertEquals(response.status, 400)
  lu.assertNil(response.body:find("<img", 1, true))
end

local TestSecrets = {}

function TestSecrets.test_the_recorder_keeps_none()
  local alice = browser.of "alice"
  local _, id, secret = alice:add_connector({ name = "Quiet" }, { "groupinfo" })
  local address = "/portal/connectors/" .. id
  local page = alice:submit(alice:page(address), address .. "/token")
  local token = browser.value(page, "refresh-token")
  alice:submit(page, address .. "/exchange", { secret = secret })
  -- A form that went to the wrong place.
  wire.call("POST", "/v1/nothing", { body = "pin=123456&csrf=" .. ("0"):rep(64) .. "&email=a%40b.example",
    headers = { ["Content-Type"] = "application/x-www-form-urlencoded" } })
  local response = alice:get "/_sandbox/requests"
  for _, value in ipairs { secret, token, "123456", ("0"):rep(64) } do
    lu.assertNil(response.body:find(value, 1, true))
  end
  local requests = assert(response:json()).requests
  lu.assertEquals(requests[#requests].body, { pin = "***", csrf = "***", email = "a@b.example" })
  lu.assertEquals(requests[#requests - 1].path, "/v1/accessToken") -- what "Try it" did
  for _, request in ipairs(requests) do
    lu.assertNil(request.path:find("portal", 1, true))
  end
end

return wire.run {
  TestFront = TestFront, TestHeaders = TestHeaders, TestSessions = TestSessions, TestForms = TestForms,
  TestLanguages = TestLanguages, TestHtml = TestHtml, TestSecrets = TestSecrets,
}
