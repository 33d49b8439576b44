-- The sandbox with large tenants: no statement looks through a whole table where an index could tell, what a
-- page costs does not grow with the tenant, and what a walk costs grows with what it gives. Counted in
-- steps of SQLite's virtual machine, so a slow machine is no failure. Run by tests/e2e/sandbox/test_scale.py.
local json = require "jeton.json"
local large = require "large_tenant"
local lu = require "luaunit"
local app = require "sandbox.app"
local sandbox_world = require "sandbox.world"
local store = require "sandbox.data.store"

local SMALL = {
  groups = 60, subscribers = 600, actions = 700, members = 200, responses = 150, webhooks = 40,
}
-- An index is a tree: what is found in it may be a level deeper.
local PAGE_GROWTH, PAGE_SLACK = 1.3, 200
-- Twice as much of everything, and a level more of the tree of groups.
local WALK_GROWTH = 2.6

-- Statements that look through a table, each with the reason why it may.
local MAY_SCAN = {
  ["SCAN bots"] = "a tenant's bots are few (limits.bots), and are all listed",
  ["SCAN tenants"] = "one",
}

-- The database, with a note of every statement.
local function watch(db)
  local seen = {}
  local watched = { seen = seen }
  for _, name in ipairs { "exec", "rows", "row", "iterate" } do
    watched[name] = function(_, sql, ...)
      seen[sql] = select("#", ...)
      return db[name](db, sql, ...)
    end
  end
  function watched.transaction(_, fn) return db:transaction(fn) end
  function watched.last_id() return db:last_id() end
  return watched
end

local Tenant = {}
Tenant.__index = Tenant

local function twice(size)
  local out = {}
  for name, count in pairs(size) do
    out[name] = 2 * count
  end
  return out
end

local function open(size)
  local db = assert(store.open())
  local self = setmetatable({ db = db, watched = watch(db), tokens = {} }, Tenant)
  self.world = sandbox_world.new { db = self.watched, seed = {}, per_minute = 0, tenant_per_minute = 0 }
  self.world:listening("127.0.0.1", 1, "/nonexistent")
  large.plant(self.watched, size, self.world.clock:now())
  return self
end

-- Steps so far, by statement. SQLite counts them for what is prepared; that is much more than one call needs.
local function steps(db)
  local out = {}
  for row in db:iterate "SELECT sql, sum(nstep) AS n FROM sqlite_stmt GROUP BY sql" do
    out[row.sql] = row.n
  end
  return out
end

local function spent(before, after)
  local sum = 0
  for sql, count in pairs(after) do
    local first = before[sql] or 0
    sum = sum + (count >= first and count - first or count)
  end
  return sum
end

function Tenant:token(refresh_token)
  self.tokens[refresh_token] = self.tokens[refresh_token] or self:call("GET /accessToken", nil, {
    applicationid = large.connector_id, applicationsecret = large.secret, refreshtoken = refresh_token,
  }).accessToken
  return self.tokens[refresh_token]
end

-- One request, as the server hands it over: the decoded reply, and the steps that it took.
function Tenant:call(line, body, headers)
  local method, target = line:match "^(%u+) (.+)$"
  local path, raw_query = target:match "^([^?]+)%??(.*)$"
  local query = {}
  for name, value in raw_query:gmatch "([^&=]+)=([^&]*)" do
    query[name] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  headers = headers or { accesstoken = self:token(large.tenant_token) }
  headers.host = "127.0.0.1:1"
  local before = steps(self.db)
  local response = app.handle(self.world, {
    method = method, target = "/v1" .. target, path = "/v1" .. path, raw_query = raw_query, query = query,
    headers = headers, body = body and json.encode(body) or "", remote = "127.0.0.1",
  })
  local cost = spent(before, steps(self.db))
  lu.assertEquals(response.status, 200, line .. ": " .. tostring(response.body))
  return assert(json.decode(response.body)), cost
end

local function of_user(tenant)
  return { accesstoken = tenant:token(large.user_token) }
end

local IN_NEWS, REACTIONS = "GET /groups/" .. large.news, "reaction/" .. large.survey

-- Walks: each gives how many entries there were, the steps of all its requests, and of the dearest one.
local function pages(tenant, next_request)
  local count, sum, most = 0, 0, 0
  local reply
  repeat
    local line, list, options = next_request(reply)
    if line then
      local cost
      options = options or {}
      reply, cost = tenant:call(line, options.body, options.headers)
      count, sum, most = count + #reply[list], sum + cost, math.max(most, cost)
    end
  until not line
  return count, sum, most
end

local function once(line, list, headers)
  return function(tenant)
    return pages(tenant, function(reply)
      if not reply then
        return line, list, { headers = headers and headers(tenant) }
      end
    end)
  end
end

local function actions_of(kind)
  return function(tenant)
    local from = 0
    return pages(tenant, function(reply)
      if reply and not reply.hasMore then return nil end
      from = reply and reply.actions[#reply.actions].creationTime or from
      return (IN_NEWS .. "/actions?actionType=%s&fromDate=%d&count=30"):format(kind, from), "actions"
    end)
  end
end

local function by_cursor(path, list, kind)
  return function(tenant)
    local cursor, more = 0, kind and "&reactionType=" .. kind or ""
    return pages(tenant, function(reply)
      if reply and #reply[list] == 0 then return nil end
      cursor = reply and reply.cursor or cursor
      return ("%s/%s?sourceGroupId=%s&cursor=%d%s"):format(IN_NEWS, path, large.news, cursor, more), list
    end)
  end
end

local function found_by(query)
  return function(tenant)
    local offset = 0
    return pages(tenant, function(reply)
      if reply and #reply.groups == 0 then return nil end
      offset = reply and offset + #reply.groups or 0
      local target = "GET /tenant/findGroupsByQuery?query=%s&resultsOffset=%d&pageSize=5"
      return target:format(query, offset), "groups"
    end)
  end
end

-- Whole lists, and pages that count: as dear as what there is to give or to count.
local LISTS = {
  ["all groups of the tenant"] = once("GET /groups", "groups"),
  ["all groups, fetchAllGroups"] = once("GET /groups?fetchAllGroups=true&showDetails=true", "groups"),
  ["groups of a user, fetchAllGroups"] = once("GET /groups?fetchAllGroups=true", "groups", of_user),
  ["subgroups, wide"] = once(("GET /groups/%s/subGroups"):format(large.wide), "subGroups"),
  ["subgroups, all"] = once(("GET /groups/%s/subGroups?fetchAllGroups=true"):format(large.root), "subGroups"),
  ["members"] = once(("GET /groups/%s/members"):format(large.crowd), "members"),
  ["bots"] = once("GET /bot", "bots"),
  ["webhooks"] = once("GET /webhook", "webhooks"),
  ["search"] = found_by "%C3%89QUIPE",
  ["webhooks of an object"] = once("GET /webhook?objectId=" .. large.news, "webhooks"),
  ["reaction summaries"] = by_cursor("reaction/summary", "summary"),
  ["actions: Survey"] = actions_of "Survey",
  ["a survey's responses"] = function(tenant)
    local reply, cost = tenant:call(("%s/actions/%s?getDetails=true"):format(IN_NEWS, large.survey))
    return #reply.actionDetails.responses, cost, cost
  end,
}

-- Lists in pages: what a page costs is the same in a tenant of any size.
local PAGED = {
  ["subscribers"] = function(tenant)
    return pages(tenant, function(reply)
      if reply and not reply.cursor then return nil end
      return ("POST /groups/%s/subscribers"):format(large.news), "subscribers", {
        body = { cursor = reply and reply.cursor },
      }
    end)
  end,
  ["likes"] = by_cursor(REACTIONS, "reactionDetails", "Like"),
  ["comments"] = by_cursor(REACTIONS, "reactionDetails", "Comment"),
  ["likes and comments"] = by_cursor(REACTIONS, "reactionDetails"),
}
for _, kind in ipairs(large.types) do
  if kind ~= "Survey" then
    PAGED["actions: " .. kind] = actions_of(kind)
  end
end

-- Calls that change one thing: each costs the same in a tenant of any size.
local function call_with(line, body)
  return function(tenant)
    local _, cost = tenant:call(line, body)
    return cost
  end
end

local function phones(first, count)
  local out = json.array {}
  for i = 1, count do out[i] = ("+3398%07d"):format(first + i) end
  return out
end

local in_news = "/groups/" .. large.news
local survey = in_news .. "/actions/" .. large.survey
local changes = {
  ["like"] = call_with("POST " .. in_news .. "/reaction", {
    referenceId = large.survey, sourceGroupId = large.news, reactionType = "Like",
  }),
  ["like again"] = call_with("POST " .. in_news .. "/reaction", {
    referenceId = large.survey, sourceGroupId = large.news, reactionType = "Like",
  }),
  ["comment"] = call_with("POST " .. in_news .. "/reaction", {
    referenceId = large.survey, sourceGroupId = large.news, reactionType = "Comment", comment = "Fine",
  }),
  ["add subscribers"] = call_with("PUT " .. in_news .. "/subscribers/add", {
    subscribers = phones(0, 30),
  }),
  ["remove subscribers"] = call_with("PUT " .. in_news .. "/subscribers/remove", {
    subscribers = phones(0, 30),
  }),
  ["add members"] = call_with("PUT /groups/" .. large.crowd .. "/members", { members = phones(100, 30) }),
  ["new group"] = call_with("POST /groups", { name = "New", members = phones(200, 5) }),
  ["new subgroup"] = call_with("POST /groups/" .. large.wide .. "/subGroups", { groupName = "New" }),
  ["message"] = call_with("POST " .. in_news .. "/messages", {
    message = "Hello", sendToAllSubscribers = true,
  }),
  ["action"] = call_with("POST " .. in_news .. "/actions", {
    actionType = "Announcement", actionBody = { message = "Hello" }, sendToAllSubscribers = true,
  }),
  ["response"] = call_with("POST " .. survey .. "/responses", {
    actionType = "Survey", actionBody = { answers = json.array { "Good", "Because" } },
  }),
  ["properties"] = call_with("PUT " .. survey, {
    updateProperties = json.array { { name = "state", type = "Text", value = "open" } },
  }),
  ["reminder"] = call_with("POST " .. survey .. "/reminder", { sendToAllSubscribers = true }),
  ["PIN"] = call_with("POST /generatePin", {
    mobileNumber = "+33100000001", applicationId = large.connector_id,
  }),
  ["bot, made and deleted"] = function(tenant)
    local bot, made = tenant:call("POST /bot", { name = "Reporter" })
    local _, deleted = tenant:call("DELETE /bot/" .. bot.botUserId)
    return made + deleted
  end,
  ["webhook, changed and deleted"] = function(tenant)
    local id = tenant.watched:row("SELECT max(id) AS id FROM webhooks").id
    local _, changed = tenant:call("PUT /webhook/" .. id, { active = false })
    local _, deleted = tenant:call("DELETE /webhook/" .. id)
    return changed + deleted
  end,
}

-- Pages of the portal: {path, how much more it may cost in the larger tenant, a name on it}.
local in_portal = "/portal/groups/"
local PORTAL = {
  { "/", PAGE_GROWTH, "Start" },
  { "/portal/groups", WALK_GROWTH, "Root" }, -- a tree of all groups
  { "/portal/groups?query=support", WALK_GROWTH, "Support" },
  { in_portal .. large.root, WALK_GROWTH, "Root" }, -- counts the members below
  { in_portal .. large.wide, WALK_GROWTH, "Wide" }, -- all its subgroups
  { in_portal .. large.crowd .. "/members", WALK_GROWTH, "Person 1" },
  { in_portal .. large.news .. "/subscribers", PAGE_GROWTH, "Person" },
  { in_portal .. large.news .. "/conversation", WALK_GROWTH, "How was it?" }, -- answers to that
  { in_portal .. large.news .. "/conversation?before=100", PAGE_GROWTH, "Meeting" },
  { in_portal .. large.news .. "/conversation/" .. large.survey, WALK_GROWTH, "How was it?" }, -- its answers
  { in_portal .. large.news .. "/connectors", PAGE_GROWTH, "Large" },
  { "/portal/connectors", PAGE_GROWTH, "Large" },
  { "/portal/connectors/" .. large.connector_id, WALK_GROWTH, "Large" }, -- its webhooks, up to 200
  { "/portal/traffic", PAGE_GROWTH, "/v1/" },
}

-- A page as Alice sees it, who administers the tenant: the steps that it took.
function Tenant:page(target, word)
  local path, raw_query = target:match "^([^?]+)%??(.*)$"
  local name, value = raw_query:match "^(%l+)=(.*)$"
  if not self.session then
    self:token(large.tenant_token) -- a call for Traffic to show
    local alice = self.db:row "SELECT * FROM users WHERE phone = '+33100000001'"
    require "sandbox.data.users".add_phone(self.db, alice, alice.phone, self.world.clock:now())
    self.session = self.world.portal.sessions:open(alice.id, self.world.clock:now())
  end
  local before = steps(self.db)
  local response = app.handle(self.world, {
    method = "GET", target = target, path = path, raw_query = raw_query,
    query = name and { [name] = value } or {},
    headers = { host = "127.0.0.1:1", accept = "text/html", cookie = "jeton_portal_1=" .. self.session },
    body = "", remote = "127.0.0.1",
  })
  local cost = spent(before, steps(self.db))
  lu.assertEquals(response.status, 200, target)
  lu.assertTrue(response.body:find(word, 1, true) ~= nil, target)
  return cost
end

local TestScale = {}
local small, double

function TestScale.setUp()
  small = small or open(SMALL)
  double = double or open(twice(SMALL))
end

-- Walks both tenants; a page may cost so many times as much in the larger one.
local function check(name, walk, page_growth)
  local count_1, sum_1, most_1 = walk(small)
  local count_2, sum_2, most_2 = walk(double)
  local counts = ("%s: %d entries, and %d in a tenant twice as large"):format(name, count_1, count_2)
  lu.assertTrue(count_1 > 0 and count_2 >= count_1, counts)
  lu.assertTrue(sum_2 <= WALK_GROWTH * sum_1 + PAGE_SLACK, ("%s; steps: %d, %d"):format(counts, sum_1, sum_2))
  lu.assertTrue(most_2 <= page_growth * most_1 + PAGE_SLACK,
    ("%s: the dearest page takes %d steps, and %d in a tenant twice as large"):format(name, most_1, most_2))
end

function TestScale.test_a_walk_costs_as_much_as_it_gives()
  for name, walk in pairs(LISTS) do
    check(name, walk, WALK_GROWTH)
  end
end

function TestScale.test_a_page_costs_the_same_in_any_tenant()
  for name, walk in pairs(PAGED) do
    check(name, walk, PAGE_GROWTH)
  end
end

function TestScale.test_a_change_costs_the_same_in_any_tenant()
  for name, change in pairs(changes) do
    local first, second = change(small), change(double)
    lu.assertTrue(second <= PAGE_GROWTH * first + PAGE_SLACK,
      ("%s: %d steps, and %d in a tenant twice as large"):format(name, first, second))
  end
end

-- Lists of people and connectors are sorted for those who look: what a table shows is bounded instead.
function TestScale.test_pages_of_the_portal()
  for _, page in ipairs(PORTAL) do
    local path, growth, word = table.unpack(page)
    local first, second = small:page(path, word), double:page(path, word)
    lu.assertTrue(second <= growth * first + PAGE_SLACK,
      ("%s: %d steps, and %d in a tenant twice as large"):format(path, first, second))
  end
end

-- What SQLite means to do, against the allow list. A sort behind a LIMIT reads all that it leaves out.
local function problems_of(db, sql, parameters)
  local out = {}
  for row in db:iterate("EXPLAIN QUERY PLAN " .. sql, table.unpack({}, 1, parameters)) do
    local table_name = row.detail:match "^SCAN ([%w_]+)"
    local is_table = table_name
      and db:row("SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = ?", table_name)
    local may = MAY_SCAN[row.detail:match "^SCAN [%w_]+"]
    local sorts = row.detail:find "TEMP B%-TREE FOR [GO]" and sql:find "LIMIT"
    if (is_table and not may) or sorts then
      out[#out + 1] = row.detail .. " in: " .. sql
    end
  end
  return out
end

function TestScale.test_no_statement_looks_through_a_table()
  for _, walks in ipairs { LISTS, PAGED, changes } do
    for _, walk in pairs(walks) do walk(small) end
  end
  local count, problems = 0, {}
  for sql, parameters in pairs(small.watched.seen) do
    if sql:find "^%s*%u" and not sql:find "PRAGMA" then
      count = count + 1
      local found = problems_of(small.db, sql, parameters)
      table.move(found, 1, #found, #problems + 1, problems)
    end
  end
  lu.assertTrue(count > 60, ("the sandbox ran %d statements"):format(count))
  lu.assertEquals(table.concat(problems, "\n"), "")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestScale", TestScale } })
