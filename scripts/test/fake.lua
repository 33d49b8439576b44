--- Services that are not there: t:fake(url) answers in their place. Nothing else is asked, for the network
--- is closed in a test but for what it opens.
local case = require "test.case"
local check_options = require "test.check_options"
local failure = require "test.failure"
local http = require "jeton.http"
local json = require "jeton.json"
local native = require "jeton.test_native"
local nearest = require "test.nearest"
local task = require "jeton.task"

failure.pass_over()

local fake = { methods = {} }

local TURNS = 20 -- of the loop, until a script has been told that its request had no route
local YES, NO = "✓", "✗"

local REPLY = {
  status = "number", headers = "table", json = "any", body = "string", wait = "number", broken = "boolean",
  times = "number",
}

local UNAUTHORIZED = {
  status = 401, headers = { ["WWW-Authenticate"] = "Bearer error=\"invalid_token\"" },
  json = { error = "invalid_token" },
}

---@class jeton.test.Reply
---@field status? integer default 200
---@field headers? table<string, string|string[]>
---@field json? any the body, as JSON
---@field body? string
---@field wait? number seconds of the test's clock until it comes
---@field broken? boolean the connection breaks instead
---@field times? integer how often it is given; the test fails if it is not

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function decode(text)
  return unescape((text:gsub("+", " ")))
end

--- A query as a table; of a name that repeats the values are joined by commas.
local function read_query(text)
  local query, count = {}, 0
  for pair in (text or ""):gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    name, value = decode(name), decode(value)
    if not query[name] then count = count + 1 end
    query[name] = query[name] and query[name] .. "," .. value or value
  end
  return query, count
end

local function origin_of(url)
  local parts, err = http.parse_url(url)
  if not parts then error(err.message, 0) end
  local host = parts.host:find(":", 1, true) and "[" .. parts.host .. "]" or parts.host
  return ("%s://%s:%d"):format(parts.scheme, host, parts.port), parts
end

--- Replies, as somebody may write them: a table, a list of them, a status, a text.
local function check_reply(reply, key)
  if type(reply) == "number" then return { status = reply } end
  if type(reply) == "string" then return { body = reply } end
  if type(reply) ~= "table" then
    error(("route '%s': a reply expected (a table, a status or a text), got %s"):format(key, type(reply)), 0)
  end
  check_options(("route '%s': a reply"):format(key), reply, REPLY, 0)
  return reply
end

local function check_replies(replies, key)
  if type(replies) == "function" then return replies end
  if type(replies) ~= "table" or replies[1] == nil then return { check_reply(replies, key) } end
  local list = {}
  for i, reply in ipairs(replies) do
    list[i] = check_reply(reply, key)
  end
  return list
end

--- "GET /invoices?page=2": the query's pairs must be among the request's; a * in the path is any text.
local function read_route(key, replies)
  local method, path, query = tostring(key):match "^(%u+) (/[^?]*)%??(.*)$"
  if not method then
    error(("route '%s': expected a method and a path, such as \"GET /invoices\""):format(tostring(key)), 0)
  end
  path = unescape(path) -- as those of requests are
  local pairs_of, count = read_query(query)
  local _, stars = path:gsub("%*", "")
  return {
    key = key,
    method = method,
    path = path,
    pattern = "^" .. path:gsub("[^%w%*/]", "%%%0"):gsub("%*", ".*") .. "$",
    query = pairs_of,
    pairs = count,
    stars = stars,
    replies = check_replies(replies, key),
    at = 1, -- the reply that is next
    given = 0, -- how often it was given
    used = 0,
    requests = {},
  }
end

local function query_matches(route, request)
  for name, value in pairs(route.query) do
    if request.query[name] ~= value then return false, name end
  end
  return true
end

--- Whether all its replies were given, so that it answers no more.
local function is_used_up(route)
  if type(route.replies) == "function" then return false end
  return route.at > #route.replies
end

local function matches(route, request)
  return route.method == request.method and request.path:find(route.pattern) ~= nil
    and query_matches(route, request) and not is_used_up(route)
end

--- The more a route says, the sooner it is meant.
local function says_more(a, b)
  if a.stars ~= b.stars then return a.stars < b.stars end
  if a.pairs ~= b.pairs then return a.pairs > b.pairs end
  return #a.path > #b.path
end

local function choose(routes, request)
  local best
  for _, route in ipairs(routes) do
    if matches(route, request) and (not best or says_more(route, best)) then best = route end
  end
  return best
end

--- The next reply of a route: in turn, and the last one stays unless it says how often.
local function next_reply(route)
  local reply = route.replies[route.at]
  route.given = route.given + 1
  local last = route.at == #route.replies
  if reply.times and route.given >= reply.times or not reply.times and not last then
    route.at, route.given = route.at + 1, 0
  end
  return reply
end

--- A request as a test sees it, afterwards.
local function record(request)
  local type_of = request.headers["content-type"] or ""
  local seen = {
    method = request.method, url = request.url, path = request.path, query = request.query,
    headers = request.headers, body = request.body, parts = request.parts,
  }
  if type_of:find("json", 1, true) then
    seen.json = json.decode(request.body)
  elseif type_of:find("x-www-form-urlencoded", 1, true) then
    seen.form = read_query(request.body)
  end
  return seen
end

--- What a function of a route gets.
local Request = {}
Request.__index = Request

function Request:json()
  local value, err = json.decode(self.body)
  if err then error("the body of the request is not JSON: " .. err.message, 2) end
  return value
end

function Request:form()
  return (read_query(self.body))
end

local function headers_of(reply)
  local list, seen = {}, {}
  for name, value in pairs(reply.headers or {}) do
    seen[name:lower()] = true
    for _, each in ipairs(type(value) == "table" and value or { value }) do
      list[#list + 1] = name
      list[#list + 1] = tostring(each)
    end
  end
  if reply.json ~= nil and not seen["content-type"] then
    table.move({ "Content-Type", "application/json" }, 1, 2, #list + 1, list)
  end
  return list
end

--- Gives a request its reply.
---@param request table
---@param reply jeton.test.Reply
function fake.answer(request, reply)
  if reply.wait then task.sleep(reply.wait) end
  if reply.broken then
    local why = reply.broken -- what a cassette has heard
    native.refuse(request.id, why == true and "the connection broke (as the test says)" or why, true)
    return
  end
  local body = reply.body or ""
  if reply.json ~= nil then body = assert(json.encode(reply.json)) end
  native.answer(request.id, reply.status or 200, headers_of(reply), body)
end

--- An answer of the fakes of a test; nil: they have none.
local function respond(t, request)
  for _, service in ipairs(t.fakes) do
    local path = request.full_path
    if service.origin == request.origin and path:sub(1, #service.prefix) == service.prefix then
      request.path = path:sub(#service.prefix + 1)
      local route = choose(service.routes, request)
      if route then
        local seen = record(request)
        route.used = route.used + 1
        table.insert(route.requests, seen)
        table.insert(service.seen, seen)
        if service.login and not service.login:accepts(request) then return UNAUTHORIZED end
        if type(route.replies) == "table" then return next_reply(route) end
        return check_reply(route.replies(setmetatable(request, Request)), route.key)
      end
    end
  end
end

-- Misses

local function mark(yes, got, want)
  return yes and YES or ("%s %s, want %s"):format(NO, got, want)
end

local function closeness(service, route, request)
  local score = service.origin == request.origin and 100 or 0
  if request.full_path:find(route.pattern) or request.path:find(route.pattern) then
    score = score + 50
  else
    score = score - nearest.distance(request.path, route.path)
  end
  return score + (route.method == request.method and 10 or 0) + (query_matches(route, request) and 5 or 0)
end

--- The nearest route, and what of it differs.
local function explain(t, request)
  local best, best_service, best_score
  for _, service in ipairs(t.fakes) do
    local path = request.full_path
    request.path = path:sub(1, #service.prefix) == service.prefix and path:sub(#service.prefix + 1) or path
    for _, route in ipairs(service.routes) do
      local score = closeness(service, route, request)
      if not best or score > best_score then best, best_service, best_score = route, service, score end
    end
  end
  if not best then
    return "  nothing answers in this test: t:fake(url) does, in the place of a service; t:sandbox opens one"
  end
  local path = request.full_path:sub(#best_service.prefix + 1)
  local path_fits = path:find(best.pattern) ~= nil
  local parts = {}
  if best_service.origin ~= request.origin then
    parts[#parts + 1] = "service " .. mark(false, request.origin, best_service.origin)
  end
  parts[#parts + 1] = "method " .. mark(best.method == request.method, request.method, best.method)
  parts[#parts + 1] = "path " .. mark(path_fits, path, best.path)
    .. (path_fits and "" or nearest.distance(path, best.path) <= 2 and " (did you mean it?)" or "")
  local query_fits, name = query_matches(best, request)
  if not query_fits then
    parts[#parts + 1] = ("query %s %s=%s, want %s=%s"):format(NO, name, request.query[name] or "(none)", name,
      best.query[name])
  end
  if is_used_up(best) then
    parts[#parts + 1] = ("used up: it was asked %d time%s"):format(best.used, best.used == 1 and "" or "s")
  end
  parts[#parts + 1] = "body not compared"
  return ("  nearest: %s      %s"):format(best.key, table.concat(parts, "   "))
end

--- Nothing answers a request: the test fails, and its script is told.
---@param what string "no route"
---@param missed table message, diff
function fake.refuse(t, request, what, missed)
  table.insert(t.missed, missed)
  native.refuse(request.id, ("%s for %s %s in this test"):format(what, request.method,
    request.url:match "^[^?]*"))
  for _ = 1, TURNS do
    missed.where = missed.where or native.asked()
    if missed.where then return end
    task.yield()
  end
end

local function serve(t, request)
  local parts
  request.origin, parts = origin_of(request.url)
  local path = unescape(parts.path)
  request.full_path, request.path, request.query = path, path, read_query(parts.query)
  for _, responder in ipairs(t.responders) do
    local reply = responder(t, request)
    if reply == false then return end -- it has refused the request itself
    if reply then
      fake.answer(request, reply)
      return
    end
  end
  local message = ("no route for %s %s"):format(request.method, request.url)
  fake.refuse(t, request, "no route", { message = message, diff = explain(t, request) })
end

-- The service

---@class jeton.test.Fake
---@field url string
local Fake = {}
Fake.__index = Fake
Fake.__name = "jeton.test.Fake"

--- Adds routes, by "METHOD /path".
function Fake:__call(routes)
  if type(routes) ~= "table" then error("t:fake: a table of routes expected", 2) end
  for key, replies in pairs(routes) do
    local made, route = pcall(read_route, key, replies)
    if not made then error("t:fake: " .. route, 2) end
    for i = #self.routes, 1, -1 do
      if self.routes[i].key == key then table.remove(self.routes, i) end
    end
    table.insert(self.routes, route)
  end
  table.sort(self.routes, function(a, b) return a.key < b.key end)
  return self
end

--- The requests that came, in order: of a route, or all.
---@param key? string a route, as it was written
---@return table[]
function Fake:requests(key)
  if not key then return self.seen end
  for _, route in ipairs(self.routes) do
    if route.key == key then return route.requests end
  end
  local keys = {}
  for i, route in ipairs(self.routes) do
    keys[i] = route.key
  end
  failure.misuse(("requests: there is no route '%s'%s"):format(tostring(key),
    nearest.hint(tostring(key), keys)))
end

--- How many came.
---@param key? string
---@return integer
function Fake:count(key)
  return #self:requests(key)
end

--- Answers in the place of a service.
---@param url string such as "https://api.example.com", or with a path that all routes begin with
---@param options? { login: jeton.test.OAuth } whose access tokens it wants: others get a 401
---@return jeton.test.Fake
function fake.methods:fake(url, options)
  if type(url) ~= "string" then error("t:fake: a URL expected", 2) end
  for name in pairs(options or {}) do
    if name ~= "login" then error(("t:fake: unknown option '%s'; it takes login"):format(name), 2) end
  end
  local found, origin, parts = pcall(origin_of, url)
  if not found then error("t:fake: " .. origin, 2) end
  local prefix = unescape(parts.path):gsub("/+$", "")
  local service = setmetatable({
    url = (url:gsub("/+$", "")), origin = origin, prefix = prefix, routes = {}, seen = {},
    login = options and options.login,
  }, Fake)
  table.insert(self.fakes, service)
  return service
end

function fake.begin(t)
  t.fakes, t.missed, t.responders = {}, {}, { respond }
  native.on_request(function(request)
    local ok, why = case.attempt(serve, t, request)
    if ok then return end
    case.fail(t, why)
    native.refuse(request.id, "the test could not answer: " .. why.message, true)
  end)
end

--- Replies that had to be given so often, and were not.
local function check_times(t)
  for _, service in ipairs(t.fakes) do
    for _, route in ipairs(service.routes) do
      local last = type(route.replies) == "table" and route.replies[#route.replies]
      if last and last.times and not is_used_up(route) then
        case.fail(t, {
          message = ("route '%s' of %s was asked %d time%s, and had to be asked more often"):format(route.key,
            service.url, route.used, route.used == 1 and "" or "s"),
        })
      end
    end
  end
end

function fake.finish(t)
  for i = #t.missed, 1, -1 do -- why the test failed, if it has: before what came of it
    local missed, before = t.missed[i], t.failure
    local folder = t.path:match "^.*/"
    if missed.where and missed.where:sub(1, #folder) == folder then
      missed.where = missed.where:sub(#folder + 1)
    end
    t.failure = nil
    case.fail(t, missed)
    if before then case.fail(t, before) end
  end
  if not t.failure then check_times(t) end
end

return fake
