--- /api/Oauth/Authorize: people sign in by phone number and PIN, and are redirected back with a code.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local connectors = require "sandbox.data.connectors"
local form = require "sandbox.http.form"
local guard = require "sandbox.http.guard"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local login = require "sandbox.rules.login"
local oauth_page = require "sandbox.oauth.page"
local pins = require "sandbox.data.pins"
local refusal = require "sandbox.base.refusal"
local request = require "sandbox.http.request"
local url = require "sandbox.http.url"

local oauth = {}

local COOKIE = "jeton_sign_in"
local NONCE_BYTES = 16
local PURPOSE = "sign-in form"

--- Whether a path is that of this page, in any case.
---@param segments string[]
---@return boolean
function oauth.is_page(segments)
  return #segments == 3 and table.concat(segments, "/"):lower() == "api/oauth/authorize"
end

-- The parameters of the request, or the key of an error text. There is never a redirect to a URL that is not
-- the connector's.
local function read_request(world, fields)
  local connector = fields.client_id and connectors.by_id(world.db, fields.client_id)
  local uri, state = fields.redirect_uri or "", fields.state or ""
  if not connector then
    return nil, "oauth.no_client"
  elseif fields.response_type and fields.response_type ~= "code" then
    return nil, "oauth.response_type"
  elseif uri == "" or #uri > limits.url_bytes or uri:find "[%c%s#]"
    or not (uri == connector.redirect_uri or url.is_loopback(uri)) then -- any port: programs take a free one
    return nil, "oauth.redirect"
  elseif #state > limits.state_characters then
    return nil, "oauth.state"
  end
  return { connector = connector, redirect_uri = uri, state = state }
end

-- Ties a form to the browser that it was sent to, and to the request's parameters.
local function form_key(world, asked, nonce)
  return crypto.hex(crypto.hmac_sha256(world.signing_key,
    ("s1s1s4s4s4"):pack(PURPOSE, nonce, asked.connector.id:lower(), asked.redirect_uri, asked.state)))
end

local function cookie_of(headers)
  local value = request.cookies(headers.cookie)[COOKIE]
  return value and #value == 2 * NONCE_BYTES and value:find "^%x+$" and value or nil
end

local function show_form(visit, asked, nonce, fields)
  fields.connector = asked.connector.name
  return oauth_page.form(visit, fields, {
    { "client_id", asked.connector.id },
    { "redirect_uri", asked.redirect_uri },
    { "state", asked.state },
    { "key", form_key(visit.world, asked, nonce) },
  })
end

local function show_first(visit, asked)
  local nonce = cookie_of(visit.headers) or crypto.hex(crypto.random(NONCE_BYTES))
  visit:set_cookie(COOKIE, nonce)
  return show_form(visit, asked, nonce, {})
end

local function location(asked, code)
  local query = "code=" .. http.encode(code)
  if asked.state ~= "" then
    query = query .. "&state=" .. http.encode(asked.state)
  end
  return asked.redirect_uri .. (asked.redirect_uri:find("?", 1, true) and "&" or "?") .. query
end

-- Sends the PIN, or checks the entered one.
local function step(visit, asked, nonce, fields)
  local db, now = visit.db, visit.now
  local phone = fields.phone and (fields.phone:gsub("[%s().-]", ""))
  if not phone or not ids.is_phone(phone) then
    return show_form(visit, asked, nonce, { phone = fields.phone, problem = visit.t "phone.bad" })
  end
  login.need_person(db, phone)
  if not fields.pin then
    pins.send(db, pins.for_connector(asked.connector), phone, now)
    return show_form(visit, asked, nonce, { phone = phone, has_pin = true })
  end
  local pin = fields.pin:gsub("%s", "")
  if not pins.take(db, pins.for_connector(asked.connector), phone, pin, now) then
    return show_form(visit, asked, nonce, { phone = phone, has_pin = true,
      problem = visit.t(pins.is_pin(pin) and "oauth.wrong" or "phone.six") })
  end
  local user = pins.user(db, phone, asked.connector.tenant_id, now)
  return oauth_page.redirect(visit, location(asked,
    pins.new_code(db, asked.connector, user, asked.redirect_uri, now)))
end

local function submit(visit, arrived)
  if not visit:read_form(arrived) then
    return oauth_page.problem(visit, 400, "oauth.no_form")
  end
  local asked, problem = read_request(visit.world, visit.fields)
  if not asked then
    return oauth_page.problem(visit, 400, problem)
  end
  local nonce = cookie_of(visit.headers)
  if not guard.is_own_origin(visit.headers) or not nonce
    or not crypto.equal(form_key(visit.world, asked, nonce), visit.fields.key or "") then
    return oauth_page.problem(visit, 403, "oauth.form")
  end
  return step(visit, asked, nonce, visit.fields)
end

-- Errors are shown as a page, not as JSON.
local function answer_form(visit, arrived)
  local response
  local ok, failure = pcall(visit.db.transaction, visit.db, function()
    response = submit(visit, arrived)
  end)
  if ok then
    return response
  elseif refusal.is_failure(failure) then
    return oauth_page.problem(visit, failure.status, failure.status == 429 and "phone.busy" or nil,
      failure.status ~= 429 and failure.message or nil)
  end
  error(failure, 0)
end

--- Judges a request before its body is read.
---@param world sandbox.world
---@param arrived table the server's request
---@return table|nil response that refuses
function oauth.head(world, arrived)
  if arrived.method == "POST" and not form.is_form(arrived.headers) then
    return oauth_page.problem(oauth_page.visit(world, arrived), 400, "oauth.no_form")
  end
end

---@param world sandbox.world
---@param arrived table the server's request
---@return table response
function oauth.handle(world, arrived)
  local visit = oauth_page.visit(world, arrived)
  if arrived.method == "POST" then
    return answer_form(visit, arrived)
  elseif arrived.method ~= "GET" then
    refusal.fail(405, "MethodNotAllowed", "expected GET or POST", { Allow = "GET, POST" })
  end
  local asked, problem = read_request(world, visit.query)
  if not asked then
    return oauth_page.problem(visit, 400, problem)
  end
  return show_first(visit, asked)
end

return oauth
