--- t:oauth: a token service that is not there, with refresh tokens as services have them.
local crypto = require "jeton.crypto"
local failure = require "test.failure"
local fake = require "test.fake"
local check_options = require "test.check_options"
local native = require "jeton.test_native"

failure.pass_over()

local oauth = { methods = {} }

local OPTIONS = {
  client_id = "string", client_secret = "string", lifetime = "number", rotate = "boolean",
  grace = "number",
  revokes = "boolean", dead = "boolean", refresh_token = "string", scope = "string", fields = "table",
}
local LIFETIME = 3600 -- seconds
-- Others are counted as they are called.
local KINDS = { refresh_token = "refresh", authorization_code = "code" }
local LONG_KINDS = "^urn:ietf:params:oauth:grant%-type:"

---@class jeton.test.OAuthOptions
---@field client_id? string what a client must say; default: anything
---@field client_secret? string likewise
---@field lifetime? number seconds of an access token; default 3600
---@field rotate? boolean each refresh gives another refresh token, and the one before ends
---@field grace? number seconds that it still works
---@field revokes? boolean whoever uses one that has ended ends them all
---@field dead? boolean the refresh token works no more
---@field refresh_token? string the first one
---@field scope? string what is granted
---@field fields? table of each reply, beside the usual ones

---@class jeton.test.OAuth
---@field url string
---@field token_url string
---@field refresh_token string the one that works now
local OAuth = {}
OAuth.__index = OAuth
OAuth.__name = "jeton.test.OAuth"

local function now_ms()
  local _, passed = native.now()
  return passed
end

local function new_token(kind)
  return kind .. "-" .. crypto.hex(crypto.random(16))
end

local function refusal(error_code, description, status)
  return { status = status or 400, json = { error = error_code, error_description = description } }
end

--- The client's ID and secret, of the header or the form.
local function client_of(request, form)
  local basic = (request.headers.authorization or ""):match "^Basic (.+)$"
  if not basic then return form.client_id, form.client_secret end
  local id, secret = (crypto.unbase64(basic) or ""):match "^([^:]*):(.*)$"
  local function decode(text)
    return text and (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
    end))
  end
  return decode(id), decode(secret)
end

local function check_client(login, request, form)
  local id, secret = client_of(request, form)
  local asserted = form.client_assertion ~= nil
  if login.options.client_id and not (asserted and not id) and id ~= login.options.client_id then
    return refusal("invalid_client", ("client '%s' is not known"):format(tostring(id)), 401)
  elseif login.options.client_secret and not asserted and secret ~= login.options.client_secret then
    return refusal("invalid_client", "the client's secret is wrong", 401)
  end
end

--- Whether a refresh token works, and what is said if it does not.
local function check_refresh(login, given)
  local options = login.options
  if options.dead then return refusal("invalid_grant", "the refresh token has been revoked") end
  if given == login.refresh_token then return end
  local ended_ms = login.ended[given or ""]
  if ended_ms and now_ms() < ended_ms + (options.grace or 0) * 1000 then return end
  if ended_ms and options.revokes then options.dead = true end
  return refusal("invalid_grant", ended_ms and "the refresh token has been used already"
    or "the refresh token is not known")
end

local function grant(login, kind)
  local options = login.options
  local refreshes = kind == "refresh" or kind == "code"
  local token = new_token "access"
  login.access[token] = now_ms() + (options.lifetime or LIFETIME) * 1000
  local reply = { access_token = token, token_type = "Bearer", expires_in = options.lifetime or LIFETIME }
  reply.scope = options.scope
  if options.rotate and refreshes then
    login.ended[login.refresh_token] = now_ms()
    login.refresh_token = new_token "refresh"
  end
  if refreshes and (options.rotate or kind == "code") then reply.refresh_token = login.refresh_token end
  for name, value in pairs(options.fields or {}) do
    reply[name] = value
  end
  return { json = reply, headers = { ["Cache-Control"] = "no-store" } }
end

local function answer(login, request)
  local form = request:form()
  local kind = KINDS[form.grant_type] or (form.grant_type or "?"):gsub(LONG_KINDS, "")
  login.counts[kind] = (login.counts[kind] or 0) + 1
  login.counts.all = login.counts.all + 1
  local waiting = table.remove(login.queue, 1)
  if waiting and not waiting.after then return waiting.reply end
  local refused = check_client(login, request, form)
    or kind == "refresh" and check_refresh(login, form.refresh_token)
  local reply = refused or grant(login, kind)
  return waiting and waiting.reply or reply
end

--- How many requests of a kind came: "refresh", "client_credentials", "code", and so on; all without one.
---@param kind? string
---@return integer
function OAuth:count(kind)
  return self.counts[kind or "all"] or 0
end

--- The requests that came.
---@return jeton.test.Request[]
function OAuth:requests()
  return self.service:requests()
end

--- The next request gets this reply, and no token.
---@param reply jeton.test.Reply|integer|string
function OAuth:once(reply)
  table.insert(self.queue, { reply = reply })
end

--- The next request is granted, but nobody hears of it: the connection breaks.
function OAuth:lose()
  table.insert(self.queue, { reply = { broken = true }, after = true })
end

--- All access tokens that were given end now.
function OAuth:expire()
  self.access = {}
end

--- The refresh token works no more.
function OAuth:kill()
  self.options.dead = true
end

--- Whether a request brings an access token that works.
---@param request jeton.test.Request
---@return boolean
function OAuth:accepts(request)
  local token = (request.headers.authorization or ""):match "^%a+ (.+)$"
  local until_ms = token and self.access[token]
  return until_ms ~= nil and now_ms() < until_ms
end

--- What a connector of this service says; keys of its own go before.
---@param keys? table
---@return table
function OAuth:connector(keys)
  local made = {
    provider = "oauth2", token_url = self.token_url, client_id = self.options.client_id or "test-client-id",
    client_secret = self.options.client_secret or "test-client-secret", refresh_token = self.refresh_token,
  }
  for key, value in pairs(keys or {}) do
    made[key] = value
  end
  if made.grant and made.grant ~= "refresh_token" and not (keys and keys.refresh_token) then
    made.refresh_token = nil
  end
  return made
end

--- Answers in the place of a token service, at url .. "/token".
---@param url string
---@param options? jeton.test.OAuthOptions
---@return jeton.test.OAuth
function oauth.methods:oauth(url, options)
  if type(url) ~= "string" then error("t:oauth: a URL expected", 2) end
  options = options or {}
  check_options("t:oauth", options, OPTIONS)
  local copy = {}
  for name, value in pairs(options) do
    copy[name] = value
  end
  local login = setmetatable({
    options = copy, refresh_token = options.refresh_token or new_token "refresh", access = {}, ended = {},
    counts = { all = 0 }, queue = {},
  }, OAuth)
  self.logins = self.logins or {}
  table.insert(self.logins, login)
  login.service = fake.methods.fake(self, url) {
    ["POST /token"] = function(request)
      return answer(login, request)
    end,
    ["POST /revoke"] = 200,
  }
  login.url = login.service.url
  login.token_url = login.url .. "/token"
  local metadata = { json = { issuer = login.url, token_endpoint = login.token_url,
                              revocation_endpoint = login.url .. "/revoke" } }
  login.service {
    ["GET /.well-known/openid-configuration"] = metadata,
    ["GET /.well-known/oauth-authorization-server"] = metadata,
  }
  return login
end

return oauth
