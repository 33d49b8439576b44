--- /api/Oauth/Authorize: where a browser signs in by phone and PIN, and is sent back with a code.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local connectors = require "sandbox.data.connectors"
local form = require "sandbox.http.form"
local ids = require "sandbox.ids"
local limits = require "sandbox.limits"
local login = require "sandbox.login"
local oauth_page = require "sandbox.oauth_page"
local pins = require "sandbox.data.pins"
local reply = require "sandbox.http.reply"
local request = require "sandbox.http.request"
local url = require "sandbox.http.url"

local oauth = {}

local COOKIE = "jeton_sign_in"
local NONCE_BYTES = 16
local PURPOSE = "sign-in form"
local WRONG_PIN = "The PIN is wrong or too old. After several wrong ones only a new one helps: start again."

--- Whether a path is this page's, in any case.
---@param segments string[]
---@return boolean
function oauth.is_page(segments)
  return #segments == 3 and table.concat(segments, "/"):lower() == "api/oauth/authorize"
end

-- What the client asked for, or a page that says what is wrong with it: never a redirect to a place
-- that is not the connector's.
local function read_request(world, fields)
  local connector = fields.client_id and connectors.by_id(world.db, fields.client_id)
  local uri, state = fields.redirect_uri or "", fields.state or ""
  if not connector then
    return nil, "client_id: there is no application with this id."
  elseif fields.response_type and fields.response_type ~= "code" then
    return nil, "response_type: only code is known."
  elseif uri == "" or #uri > limits.url_bytes or uri:find "[%c%s#]"
    or not (uri == connector.redirect_uri or url.is_loopback(uri)) then -- any port: it takes a free one
    return nil, "redirect_uri: expected the application's registered one, or one on this machine."
  elseif #state > limits.state_characters then
    return nil, ("state: at most %d bytes."):format(limits.state_characters)
  end
  return { connector = connector, redirect_uri = uri, state = state }
end

-- Ties a form to the browser that it was shown to, and to what that one asked for.
local function form_key(world, asked, nonce)
  return crypto.hex(crypto.hmac_sha256(world.signing_key,
    ("s1s1s4s4s4"):pack(PURPOSE, nonce, asked.connector.id:lower(), asked.redirect_uri, asked.state)))
end

local function cookie_of(headers)
  local value = request.cookies(headers.cookie)[COOKIE]
  return value and #value == 2 * NONCE_BYTES and value:find "^%x+$" and value or nil
end

local function show_form(world, asked, nonce, fields, headers)
  fields.connector = asked.connector.name
  return oauth_page.form(fields, {
    { "client_id", asked.connector.id },
    { "redirect_uri", asked.redirect_uri },
    { "state", asked.state },
    { "key", form_key(world, asked, nonce) },
  }, headers)
end

local function show_first(world, asked, headers)
  local nonce = cookie_of(headers) or crypto.hex(crypto.random(NONCE_BYTES))
  return show_form(world, asked, nonce, {}, {
    ["Set-Cookie"] = ("%s=%s; Path=/; HttpOnly; SameSite=Strict"):format(COOKIE, nonce),
  })
end

local function location(asked, code)
  local query = "code=" .. http.encode(code)
  if asked.state ~= "" then
    query = query .. "&state=" .. http.encode(asked.state)
  end
  return asked.redirect_uri .. (asked.redirect_uri:find("?", 1, true) and "&" or "?") .. query
end

-- Sends the PIN, or takes it.
local function step(world, asked, nonce, fields, now)
  local phone = fields.phone and (fields.phone:gsub("[%s().-]", ""))
  if not phone or not ids.is_phone(phone) then
    return show_form(world, asked, nonce, { phone = fields.phone,
      problem = "Expected a phone number with + and country code, such as +33100000001." })
  end
  login.need_person(world.db, phone)
  if not fields.pin then
    pins.send(world.db, pins.for_connector(asked.connector), phone, now)
    return show_form(world, asked, nonce, { phone = phone, has_pin = true })
  end
  local pin = fields.pin:gsub("%s", "")
  if not pins.take(world.db, pins.for_connector(asked.connector), phone, pin, now) then
    return show_form(world, asked, nonce, { phone = phone, has_pin = true, problem = WRONG_PIN })
  end
  local user = pins.user(world.db, phone, asked.connector.tenant_id, now)
  return oauth_page.redirect(location(asked,
    pins.new_code(world.db, asked.connector, user, asked.redirect_uri, now)))
end

local function submit(world, arrived, now)
  local headers = arrived.headers
  local fields = form.is_form(headers) and #arrived.body <= limits.json_bytes and form.decode(arrived.body)
  if not fields then
    return oauth_page.problem(400, "Expected the form of this page.")
  end
  local asked, problem = read_request(world, fields)
  if not asked then
    return oauth_page.problem(400, problem)
  end
  local nonce = cookie_of(headers)
  local own = not headers.origin or headers.origin:lower() == "http://" .. headers.host:lower()
  if not own or not nonce or not crypto.equal(form_key(world, asked, nonce), fields.key or "") then
    return oauth_page.problem(403, "This form is not the one that was shown to you. Start again from the "
      .. "application, with cookies allowed.")
  end
  return step(world, asked, nonce, fields, now)
end

---@param world sandbox.world
---@param arrived table the server's request
---@param now integer epoch seconds
---@return table response
function oauth.handle(world, arrived, now)
  if arrived.method == "POST" then
    local ok, result = pcall(function()
      local response
      world.db:transaction(function()
        response = submit(world, arrived, now)
      end)
      return response
    end)
    if ok then
      return result
    elseif reply.is_failure(result) then -- people read a page, not JSON
      return oauth_page.problem(result.status, result.message)
    end
    error(result, 0)
  elseif arrived.method ~= "GET" then
    reply.fail(405, "MethodNotAllowed", "expected GET or POST", { Allow = "GET, POST" })
  end
  local query = {}
  for name, value in pairs(arrived.query) do
    query[name:lower()] = value
  end
  local asked, problem = read_request(world, query)
  if not asked then
    return oauth_page.problem(400, problem)
  end
  return show_first(world, asked, arrived.headers)
end

return oauth
