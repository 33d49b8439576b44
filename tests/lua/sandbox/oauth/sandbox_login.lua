-- Logins: by PIN, and by the page of OAuth.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local http = require "jeton.http"
local lu = require "luaunit"
local signing_in = require "signing_in"
local wire = require "wire"

local BRUNO, STRANGER = wire.bruno, "+33100000061"
local LIFE_S = 600

local function generate(phone)
  local json = { mobileNumber = phone or BRUNO, applicationId = wire.application_id }
  return wire.ok("POST", "/v1/generatePin", { json = json })
end

local function fields(pin, more)
  local json = { mobileNumber = BRUNO, applicationId = wire.application_id, pin = pin }
  for name, value in pairs(more or {}) do json[name] = value end
  return { json = json }
end

local function login(pin, more)
  return wire.ok("POST", "/v1/loginWithPinAndApplicationId", fields(pin, more))
end

local function refused(pin, more)
  return wire.refused(401, "InvalidPin", "POST", "/v1/loginWithPinAndApplicationId", fields(pin, more))
end

-- A PIN that is not this one.
local function other(pin)
  return tostring((tonumber(pin) - 100000 + 1) % 900000 + 100000)
end

local function me(refresh_token)
  return wire.ok("GET", "/v1/users/me", { token = wire.access(refresh_token) })
end

local TestPin = {}

function TestPin.test_what_is_no_pin_costs_no_attempt()
  generate()
  local pin = signing_in.pin(BRUNO)
  for _ = 1, 6 do refused(pin:sub(1, 4)) end
  login(pin)
end

function TestPin.test_a_pin_gives_a_token_that_works()
  lu.assertEquals(generate(), {})
  local reply = login(signing_in.pin(BRUNO))
  lu.assertEquals(me(reply.refreshToken).mobileNumber, BRUNO)
  lu.assertEquals(reply.grantedScope, wire.exchange(reply.refreshToken).scope)
  lu.assertEquals(reply.endpointUrl:gsub("/$", ""), wire.root)
  lu.assertAlmostEquals(reply.refreshTokenExpiry, (os.time() + 365 * 86400) * 1000, 60000)
end

function TestPin.test_as_text_and_as_a_number()
  generate()
  login(math.tointeger(signing_in.pin(BRUNO)))
  generate()
  login(" " .. signing_in.pin(BRUNO) .. " ")
  for _, pin in ipairs { "", "x", "12 34", true, 1.5 } do
    wire.refused(400, "InvalidParameters", "POST", "/v1/loginWithPinAndApplicationId", fields(pin))
  end
end

function TestPin.test_it_works_once_and_for_one_number()
  generate()
  local pin = signing_in.pin(BRUNO)
  refused(pin, { mobileNumber = wire.chitra })
  login(pin)
  refused(pin)
end

function TestPin.test_only_the_newest_works()
  generate()
  local old = signing_in.pin(BRUNO)
  generate()
  local new = signing_in.pin(BRUNO)
  if old ~= new then refused(old) end
  login(new)
end

function TestPin.test_after_five_wrong_ones_the_right_one_does_not_work()
  generate()
  local pin = signing_in.pin(BRUNO)
  for _ = 1, 4 do refused(other(pin)) end
  login(pin)
  generate()
  pin = signing_in.pin(BRUNO)
  for _ = 1, 5 do refused(other(pin)) end
  refused(pin)
  generate()
  login(signing_in.pin(BRUNO))
end

function TestPin.test_it_is_good_for_ten_minutes()
  generate()
  local pin = signing_in.pin(BRUNO)
  wire.steer("clock", { advance_s = LIFE_S })
  refused(pin)
  generate()
  wire.steer("clock", { advance_s = LIFE_S - 30 })
  login(signing_in.pin(BRUNO))
end

function TestPin.test_so_many_are_sent_to_one_number()
  for _ = 1, 5 do generate() end
  local _, response = wire.refused(429, "TooManyRequests", "POST", "/v1/generatePin",
    { json = { mobileNumber = BRUNO, applicationId = wire.application_id } })
  generate(wire.chitra)
  wire.steer("clock", { advance_s = math.tointeger(response.headers["retry-after"]) })
  generate()
end

-- Who asks for PINs for another connector shuts out nobody, up to what one number gets in all.
function TestPin.test_connectors_are_counted_apart()
  local function ask(connector)
    local json = { mobileNumber = BRUNO, applicationId = connector }
    return (wire.call("POST", "/v1/generatePin", { json = json }))
  end
  for i = 1, 3 do
    local id = wire.steer("connectors", { name = "Other " .. i, owner = wire.alice }).id
    for _ = 1, 5 do lu.assertEquals(ask(id), 200) end
    lu.assertEquals(ask(id), 429)
  end
  for _ = 1, 5 do lu.assertEquals(ask(wire.application_id), 200) end
  login(signing_in.pin(BRUNO))
  lu.assertEquals(ask(wire.steer("connectors", { name = "One more", owner = wire.alice }).id), 429)
end

function TestPin.test_application_and_secret()
  generate()
  local pin = signing_in.pin(BRUNO)
  local id = "00000000-0000-4000-8000-000000000000"
  wire.refused(401, "Unauthenticated", "POST", "/v1/generatePin",
    { json = { mobileNumber = BRUNO, applicationId = id } })
  for _, more in ipairs { { applicationId = id }, { applicationSecret = "WRONGWRONG" } } do
    wire.refused(401, "Unauthenticated", "POST", "/v1/loginWithPinAndApplicationId", fields(pin, more))
  end
  login(pin, { applicationSecret = wire.secret })
  generate()
  login(signing_in.pin(BRUNO), { applicationSecret = "" }) -- none
end

function TestPin.test_a_new_number_gets_an_account()
  generate(STRANGER)
  local reply = login(signing_in.pin(STRANGER), { mobileNumber = STRANGER })
  local user = me(reply.refreshToken)
  lu.assertEquals(user.mobileNumber, STRANGER)
  lu.assertEquals(user.isProvisioned, true)
  lu.assertEquals(#wire.ok("GET", "/v1/groups", { token = wire.access(reply.refreshToken) }).groups, 0)
end

function TestPin.test_an_admin_of_the_tenant_gets_his_own_groups_only()
  generate(wire.alice)
  local token = wire.access(login(signing_in.pin(wire.alice), { mobileNumber = wire.alice }).refreshToken)
  local seen = {}
  for _, group in ipairs(wire.ok("GET", "/v1/groups", { token = token }).groups) do
    seen[group.groupId] = true
  end
  lu.assertTrue(seen[wire.sales])
  lu.assertNil(seen[wire.sales_north])
  wire.refused(403, "PermissionDenied", "POST", "/v1/groups",
    { token = token, json = { name = "x", groupType = "ConnectGroup" } })
end

function TestPin.test_it_ends_the_token_before_it()
  generate()
  login(signing_in.pin(BRUNO))
  local headers = wire.credentials(wire.user_token)
  wire.refused(401, "InvalidToken", "GET", "/v1/accessToken", { headers = headers })
end

function TestPin.test_what_arrived_is_shown_without_the_pin()
  generate()
  local pin = signing_in.pin(BRUNO)
  login(pin)
  local response = assert(http.request { url = wire.root .. "/_sandbox/requests" })
  lu.assertNil(response.body:find(pin, 1, true))
end

local TestOauth = {}

local function token_fields(code, more)
  local form = { client_id = wire.application_id, client_secret = wire.secret, code = code }
  for name, value in pairs(more or {}) do form[name] = value end
  return form
end

local function exchange(code, more)
  local response = assert(http.request { method = "POST", url = wire.root .. "/api/oauth/token",
    form = token_fields(code, more) })
  return response.status, (response:json())
end

function TestOauth.test_the_page_leads_to_both_tokens()
  local location = signing_in.location(BRUNO, { state = "a b&c" })
  lu.assertStrMatches(location, "http://127%.0%.0%.1:8999/done%?code=[%w_-]+&state=a%%20b%%26c")
  local status, reply = exchange(location:match "code=([^&]+)")
  lu.assertEquals(status, 200)
  lu.assertEquals(wire.ok("GET", "/v1/users/me", { token = reply.accessToken }).mobileNumber, BRUNO)
  lu.assertEquals(me(reply.refreshToken).mobileNumber, BRUNO)
  lu.assertEquals(reply.scope, wire.exchange(reply.refreshToken).scope)
  lu.assertEquals(math.type(reply.accessTokenExpiry), "integer")
  lu.assertEquals(type(reply.endpointUrl), "string")
end

function TestOauth.test_a_code_works_once()
  local code = signing_in.code(BRUNO)
  lu.assertEquals(exchange(code), 200)
  local status, reply = exchange(code)
  lu.assertEquals(status, 401)
  lu.assertEquals(reply.errorCode, "InvalidCode")
end

function TestOauth.test_a_code_is_good_for_ten_minutes()
  local code = signing_in.code(BRUNO)
  wire.steer("clock", { advance_s = LIFE_S })
  lu.assertEquals(exchange(code), 401)
end

function TestOauth.test_a_code_is_good_for_its_connector_and_place()
  local code = signing_in.code(BRUNO)
  local made = wire.steer("connectors", { name = "Other", owner = wire.alice })
  lu.assertEquals(exchange(code, { client_id = made.id, client_secret = made.secret }), 401)
  lu.assertEquals(exchange(code, { client_secret = "WRONGWRONG" }), 401)
  lu.assertEquals(exchange(code, { redirect_uri = "http://127.0.0.1:1/" }), 401)
  lu.assertEquals(exchange(code, { redirect_uri = signing_in.redirect_uri }), 200)
end

function TestOauth.test_where_it_may_lead()
  local function status(uri)
    return signing_in.open({ redirect_uri = uri }).status
  end
  for _, uri in ipairs {
    "", "https://evil.example/", "http://evil.example/", "http://127.0.0.1.evil.example/",
    "http://user@127.0.0.1/", "https://app.example/done/more", "javascript:alert(1)", "http://127.0.0.1/#x",
  } do
    lu.assertEquals(status(uri), 400, uri)
  end
  for _, uri in ipairs { "http://localhost:1/x?y=z", "http://[::1]:9/", "http://127.0.0.1:5/" } do
    lu.assertEquals(status(uri), 200, uri)
  end
  lu.assertEquals(status "https://app.example/done", 400)
  wire.steer("connectors", { id = wire.application_id, redirect_uri = "https://app.example/done" })
  lu.assertEquals(status "https://app.example/done", 200)
  lu.assertStrMatches(signing_in.location(BRUNO, { redirect_uri = "https://app.example/done" }),
    "https://app%.example/done%?code=.+")
end

function TestOauth.test_queries_of_the_redirect_are_kept()
  lu.assertStrMatches(signing_in.location(BRUNO, { redirect_uri = "http://localhost:1/x?y=z" }),
    "http://localhost:1/x%?y=z&code=[^&]+")
end

function TestOauth.test_what_is_shown_is_escaped()
  wire.steer("connectors", { id = wire.application_id, name = "<b>&'\"" })
  local response, hidden, cookie = signing_in.open { state = "\"><script>alert('1')</script>" }
  lu.assertEquals(response.headers["content-type"], "text/html; charset=utf-8")
  lu.assertNil(response.body:find("<script>", 1, true))
  lu.assertNil(response.body:find("<b>", 1, true))
  lu.assertEquals(hidden.state, "\"><script>alert('1')</script>")
  hidden.phone = "<i>"
  response = signing_in.submit(hidden, cookie)
  lu.assertEquals(response.status, 400)
  lu.assertNil(response.body:find("<i>", 1, true))
end

function TestOauth.test_the_policy_knows_no_exception()
  local response, hidden, cookie = signing_in.open()
  local bad = signing_in.open { client_id = "x" }
  hidden.phone = BRUNO
  for _, page in ipairs { response, bad, signing_in.submit(hidden, cookie) } do
    lu.assertEquals(page.headers["content-security-policy"],
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
      .. "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
    lu.assertEquals(page.headers["cache-control"], "no-store")
    lu.assertEquals(page.headers["x-frame-options"], "DENY")
    lu.assertNil(page.body:find "<style")
    lu.assertNil(page.body:find " style=")
    lu.assertNil(page.body:find "<script[^>]*>[^<]")
  end
  lu.assertEquals(response.headers["set-cookie"],
    cookie .. "; Path=/; HttpOnly; SameSite=Strict") -- and none of the portal
end

function TestOauth.test_in_the_browsers_language()
  for code, words in pairs {
    en = { "Sign in to Kaizala", "Enter phone number", "Generate PIN", "A PIN was sent to", "Verify PIN",
      "The PIN is wrong", "Cannot sign in", "there is no application" },
    fr = { "Se connecter à Kaizala", "Entrer le numéro de téléphone", "Générer le code confidentiel",
      "Un code confidentiel a été envoyé", "Vérifier le code confidentiel", "Le code est faux",
      "Connexion impossible", "aucune application" },
  } do
    wire.reset()
    local headers = { ["Accept-Language"] = code }
    local function open(client_id)
      return assert(http.request { url = wire.root .. signing_in.page, headers = headers,
        query = { client_id = client_id, redirect_uri = signing_in.redirect_uri } })
    end
    local first = open(wire.application_id)
    local cookie, hidden = first.headers["set-cookie"]:match "^[^;]+", signing_in.hidden(first.body)
    hidden.phone = BRUNO
    local second = signing_in.submit(hidden, cookie, headers)
    hidden.pin = other(signing_in.pin(BRUNO))
    local third = signing_in.submit(hidden, cookie, headers)
    local text = first.body .. second.body .. third.body .. open("x").body
    for _, word in ipairs(words) do
      lu.assertStrContains(text, word)
    end
    lu.assertEquals(select(2, text:gsub('<html lang="' .. code .. '"', "")), 4)
  end
end

function TestOauth.test_a_form_of_somebody_else_is_refused()
  local _, hidden, cookie = signing_in.open { state = "mine" }
  local _, _, other_cookie = signing_in.open()
  hidden.phone = BRUNO
  local function status(change, use_cookie, headers)
    local form = {}
    for name, value in pairs(hidden) do form[name] = value end
    for name, value in pairs(change) do form[name] = value end
    return signing_in.submit(form, use_cookie, headers).status
  end
  lu.assertEquals(status({}, nil), 403)
  lu.assertEquals(status({}, other_cookie), 403)
  lu.assertEquals(status({ key = "0" }, cookie), 403)
  lu.assertEquals(status({ state = "other" }, cookie), 403)
  lu.assertEquals(status({ redirect_uri = "http://127.0.0.1:1/" }, cookie), 403)
  lu.assertEquals(status({}, cookie, { Origin = "http://evil.example" }), 403)
  lu.assertEquals(#wire.ok("GET", "/_sandbox/sms").sms, 0)
  lu.assertEquals(status({}, cookie, { Origin = wire.root }), 200)
end

function TestOauth.test_a_wrong_pin_counts()
  local _, hidden, cookie = signing_in.open()
  hidden.phone = BRUNO
  hidden = signing_in.hidden(signing_in.submit(hidden, cookie).body)
  local pin = signing_in.pin(BRUNO)
  hidden.pin = other(pin)
  for _ = 1, 5 do
    local response = signing_in.submit(hidden, cookie)
    lu.assertEquals(response.status, 400)
    lu.assertStrContains(response.body, "wrong")
  end
  hidden.pin = pin
  lu.assertEquals(signing_in.submit(hidden, cookie).status, 400)
end

function TestOauth.test_methods_and_unknown_clients()
  lu.assertEquals(signing_in.open({ client_id = "x" }).status, 400)
  lu.assertEquals(signing_in.open({ response_type = "token" }).status, 400)
  wire.refused(405, "MethodNotAllowed", "PUT", signing_in.page)
  lu.assertEquals(assert(http.request { method = "POST", url = wire.root .. signing_in.page,
    body = "{}" }).status, 400)
end

return wire.run { TestPin = TestPin, TestOauth = TestOauth }
