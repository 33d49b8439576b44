--- A request from a browser: user, language, fields of the form.
local crypto = require "jeton.crypto"
local form = require "sandbox.http.form"
local guard = require "sandbox.http.guard"
local html = require "html.elements"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local request = require "sandbox.http.request"
local sessions = require "sandbox.portal.sessions"
local strings = require "sandbox.portal.strings"
local users = require "sandbox.data.users"

local visit = {}
visit.__index = visit

local COOKIE_ATTRIBUTES = "; Path=/; HttpOnly; SameSite=Strict"

---@class sandbox.portal.visit
---@field world sandbox.world
---@field db table
---@field now integer epoch seconds
---@field method string
---@field path string as it came, without the query
---@field headers table<string, string>
---@field params table<string, string> of the route
---@field query table<string, string> names in lower case
---@field raw_query string as it came
---@field is_plain boolean all of the page's text is wanted, without markup
---@field fields table<string, string> of the form; those left empty are absent
---@field language "en"|"fr"
---@field t fun(key: string, values: table|nil): any a text, see html.language
---@field id string of the session; a temporary one before sign-in
---@field session sandbox.portal.session|nil
---@field user sandbox.user|nil the signed-in user
---@field is_live boolean nobody looks at it now: an open page refreshes itself, or a foreign page asks
---@field cookies string[] to be set
---@field draft sandbox.portal.draft|nil what was entered so far in a form of several parts
---@field entered table<string, string>|nil its fields, for a question that was shown; else nil
---@field problem string|nil what is wrong with the form, in the page's language

-- The port is in the name because cookies ignore ports: two sandboxes would overwrite each other's.
local function session_cookie(world)
  return ("jeton_portal_%d"):format(world.port)
end

---@param world sandbox.world
---@param arrived table the server's request
---@return sandbox.portal.visit
function visit.new(world, arrived)
  local cookies = request.cookies(arrived.headers.cookie)
  local code = cookies[language.COOKIE]
  local self = setmetatable({
    world = world,
    db = world.db,
    now = world.clock:now(),
    method = arrived.method,
    path = request.to_utf8(arrived.path),
    headers = arrived.headers,
    params = {},
    query = request.query(arrived.query),
    fields = {},
    raw_query = arrived.raw_query or "",
    language = language.NAMES[code] and code or language.from_header(arrived.headers["accept-language"]),
    cookies = {},
  }, visit)
  self.t = language.translator(strings, self.language)
  -- The cookie comes with requests of foreign pages too, if they are on another port of this machine.
  self.is_live = arrived.headers["jeton-live"] ~= nil or guard.is_foreign(world, arrived.headers)
  self.is_plain = self.method == "GET" and self.query.plain ~= nil
  self:recognise(cookies[session_cookie(world)])
  return self
end

-- A page that refreshes itself does not keep the session alive.
function visit:recognise(id)
  if not sessions.is_id(id) then
    self:set_id(sessions.new_id())
    return
  end
  self.id = id
  self.session = self.world.portal.sessions:find(id, self.now)
  self.user = self.session and users.by_id(self.db, self.session.user_id)
  if self.user and not self.is_live then
    self.session.seen_at = self.now
  end
end

function visit:set_id(id)
  self.id = id
  self:set_cookie(session_cookie(self.world), id)
end

function visit:set_cookie(name, value, max_age_s)
  self.cookies[#self.cookies + 1] = name .. "=" .. value .. COOKIE_ATTRIBUTES
    .. (max_age_s and ("; Max-Age=%d"):format(max_age_s) or "")
end

--- Reads the form.
---@param arrived table the server's request
---@return boolean is_form
function visit:read_form(arrived)
  local is_form = form.is_form(arrived.headers) and #arrived.body <= limits.json_bytes
  local fields = is_form and form.decode(arrived.body) or nil
  self.fields = fields or {}
  return fields ~= nil
end

function visit:form_token()
  return sessions.form_token(self.world.signing_key, self.id)
end

--- Whether the form belongs to this session.
---@return boolean
function visit:is_own_form()
  return crypto.equal(self:form_token(), self.fields.csrf or "")
end

--- Starts a session with a new id.
---@param user sandbox.user
function visit:sign_in(user)
  users.set_language(self.db, user, self.language)
  self.world.portal.sessions:close(self.id)
  self:set_id(self.world.portal.sessions:open(user.id, self.now))
  self.session = self.world.portal.sessions:find(self.id, self.now)
  self.user = user
end

function visit:sign_out()
  self.world.portal.sessions:close(self.id)
  self.session, self.user = nil, nil
  self:set_id(sessions.new_id())
end

---@param code "en"|"fr"
function visit:set_language(code)
  if self.user then
    users.set_language(self.db, self.user, code)
  end
  self:set_cookie(language.COOKIE, code, language.COOKIE_S)
end

--- Leaves a value, such as a secret, for a later page of this session, which takes it once. It never appears
--- in a URL.
---@param key string
---@param value any
function visit:put(key, value)
  sessions.put(self.session, key, value)
end

---@param key string
---@return any
function visit:take(key)
  return sessions.take(self.session, key)
end

--- A sentence for the top of the next page: "The connector was deleted."
---@param key string of the text
---@param values table|nil
function visit:notice(key, values)
  self:put("notice", { key = key, values = values })
end

--- The address of all of the page's text.
---@return string
function visit:plain_link()
  local query = self.raw_query:gsub("[%c%s\\]", function(byte) -- which no link may have
    return ("%%%02X"):format(byte:byte())
  end)
  return "?" .. (query ~= "" and query .. "&" or "") .. "plain=yes"
end

--- A form that POSTs, with the session's token. content: action and children.
---@param content table
---@return html.element
function visit:form(content)
  local inner = { method = "post", accept_charset = "utf-8" }
  for key, value in pairs(content) do
    inner[key] = value
  end
  table.insert(inner, 1, html.h.input { type = "hidden", name = "csrf", value = self:form_token() })
  return html.h.form(inner)
end

--- A time with its seconds; the day only if it is another one than today.
---@param epoch_s integer
---@return html.element
function visit:moment(epoch_s)
  return html.h.time {
    datetime = os.date("!%Y-%m-%dT%H:%M:%SZ", epoch_s),
    language.moment(self.language, epoch_s, self.now),
  }
end

---@param epoch_s integer
---@return html.element
function visit:time(epoch_s)
  return html.h.time {
    datetime = os.date("!%Y-%m-%dT%H:%M:%SZ", epoch_s),
    language.date_time(self.language, epoch_s),
  }
end

return visit
