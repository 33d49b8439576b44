--- The client: access to the service with a connector of the configuration.
local check = require "kaizala.check"
local group = require "kaizala.group"
local http = require "jeton.http"
local iterator = require "kaizala.iterator"
local json = require "jeton.json"
local names = require "kaizala.names"

---@class kaizala.Client
---@field connector string name of the connector
local Client = {}
Client.__index = Client
Client.__name = "kaizala.Client"

---@class kaizala.User
---@field id string
---@field name? string
---@field mobile_number? string
---@field profile_pic? string
---@field email? string
---@field tenant_id? string
---@field is_provisioned? boolean
---@field is_tenant_admin? boolean
---@field raw table the decoded reply, complete

---@class kaizala.RequestOptions
---@field path string below the connector's endpoint: `/groups`
---@field method? string GET by default
---@field query? table<string, string|number|boolean>
---@field json? any the body
---@field multipart? jeton.http.Part[] the body is a form, its files streamed from disk
---@field repeatable? boolean a POST may be repeated if its reply is lost
local request_options = {
  { "method", "string" }, { "path", check.name, required = true }, { "query" }, { "json" },
  { "multipart" }, { "repeatable" },
}

-- What a request takes for ids of groups: in its path, and in its body.
local function group_ids(options)
  local ids = {}
  for _, pattern in ipairs { "^/groups/([^/?]+)", "/subGroups/([^/?]+)" } do
    local id = options.path:match(pattern)
    ids[#ids + 1] = id and id:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
  end
  local body = type(options.json) == "table" and options.json or {}
  for _, id in ipairs(type(body.subGroups) == "table" and body.subGroups or {}) do ids[#ids + 1] = id end
  if body.objectType == "Group" then ids[#ids + 1] = body.objectId end
  return ids
end

local UNKNOWN = { [400] = true, [403] = true, [404] = true } -- as a service may answer to a wrong id

-- What the service said, with a hint if the id of a group looks like a name.
local function explain(err, options)
  if not UNKNOWN[err.status] then return err end
  for _, id in ipairs(group_ids(options)) do
    if type(id) == "string" and not check.is_id(id) then
      return http.error {
        kind = err.kind, status = err.status, code = err.code, request = err.request,
        retryable = err.retryable,
        message = ("%s; if '%s' is the group's name, kz:group_named('%s') finds it"):format(err.message,
          id, id),
      }
    end
  end
  return err
end

--- Sends one authenticated request (*waits*). It adds the token and handles 401, 308, 429 and
--- broken connections.
---@param options kaizala.RequestOptions
---@return table reply the decoded object; raises an err: what `jeton.http` returns, `invalid` for a
--- reply that is not a JSON object, `http` for one with an errorCode. Empty for a change that was answered by
--- nothing
---@return boolean dry_run true if it was printed, not sent
function Client:request(options)
  check.method(self, Client, "kz:request({…})")
  check.needed(options, "request", request_options)
  local method = (options.method or "GET"):upper()
  local response, err = http.request {
    connector = self.connector,
    method = method,
    path = options.path,
    query = options.query,
    json = options.json,
    multipart = options.multipart,
    repeatable = options.repeatable,
  }
  if not response then error(explain(err, options), 0) end
  if response.body == "" and method ~= "GET" then return {}, false end -- done, as 204 says it
  local request = method .. " " .. options.path:match "^[^?]*"
  local reply
  reply, err = response:json()
  if err then check.fail(err.kind, err.message, request) end
  if type(reply) ~= "table" or json.is_array(reply) then
    check.fail("invalid", "the reply should be a JSON object", request)
  end
  if reply.errorCode ~= nil and reply.errorCode ~= json.null then
    local message = type(reply.message) == "string" and reply.message or "the service gave no reason"
    check.fail("http", message, request, tostring(reply.errorCode))
  end
  return reply, response.dry_run == true
end

--- Gets the user that the connector acts as (*waits*).
---@return kaizala.User user raises an err
function Client:me()
  check.method(self, Client, "kz:me()")
  local reply = self:request { path = "/users/me" }
  check.reply(check.given(reply.id) or reply.userId, "id", "string", "GET /users/me")
  return names.convert(reply, "user")
end

-- The service's default is false, so only true is sent.
local function only_true(value, what)
  return check.optional(value, "boolean", what) or nil
end
local groups_options = { { "details", only_true, "showDetails" }, { "all", only_true, "fetchAllGroups" } }

local GROUPS_SHOWN <const> = 10 -- in an error

--- Lists the groups that the token gives access to (*waits*, when the first is taken).
---@param options? { details?: boolean, all?: boolean } details: with their counts and the caller's
--- role; all: also their parents and subgroups
---@return kaizala.Iterator<kaizala.Group> groups gives `kaizala.Group`; raises an err
function Client:groups(options)
  check.method(self, Client, "kz:groups()")
  local _, query = check.fields(options, "groups", groups_options)
  return iterator.new(function()
    local reply = self:request { path = "/groups", query = query }
    local list = {}
    for i, raw in ipairs(check.reply(reply.groups, "groups", "list", "GET /groups")) do
      list[i] = group.from_raw(self, raw, "GET /groups")
    end
    return list
  end)
end

--- Makes a group object without a request; a wrong id is reported by the first call.
---@param id string
---@return kaizala.Group group
function Client:group(id)
  check.method(self, Client, "kz:group(id)")
  check.id(id, "group: id")
  return group.new(self, id)
end

-- "'Sales' (ID), 'Ops' (ID), …"
local function list_groups(groups)
  local shown = {}
  for i = 1, math.min(#groups, GROUPS_SHOWN) do
    local name = tostring(groups[i].name or ""):gsub("%c", "?") -- an err takes no NUL
    shown[i] = ("'%s' (%s)"):format(name, groups[i].id)
  end
  return table.concat(shown, ", ") .. (#groups > GROUPS_SHOWN and ", …" or "")
end

local function refuse_name(self, name, found, others)
  if #found > 1 then
    check.fail("invalid", ("connector '%s' has access to %d groups of this name; use an id: %s"):format(
      self.connector, #found, list_groups(found)))
  end
  local names_of, by_name = {}, {}
  for i, its in ipairs(others) do
    names_of[i] = its.name or ""
    by_name[names_of[i]] = its
  end
  local nearest = check.nearest(name, names_of)
  check.fail("invalid", ("connector '%s' has access to no group of this name: '%s'%s"):format(self.connector,
    name, nearest and "; did you mean " .. list_groups { by_name[nearest] } .. "?"
      or #others > 0 and "; there are: " .. list_groups(others) or ", and to none at all"))
end

--- Finds the group of this name, exactly as written, among those that the token gives access to (*waits*).
---@param name string
---@return kaizala.Group group with its fields; raises `invalid` if there is none of this name, or several,
--- with the ids
function Client:group_named(name)
  check.method(self, Client, "kz:group_named(name)")
  check.name(name, "group_named: name")
  local found, others, seen = {}, {}, {}
  for its in self:groups { all = true } do
    if not seen[its.id] then
      local list = its.name == name and found or others
      list[#list + 1] = its
      seen[its.id] = true
    end
  end
  if #found == 1 then return found[1] end
  refuse_name(self, name, found, others)
end

-- Groups in a page of a search.
local SEARCH_PAGE = 50

--- Searches all groups of the tenant by a part of their name; needs a tenant admin's token (*waits*, when
--- the first is taken).
---@param query string
---@return kaizala.Iterator<kaizala.Group> groups gives `kaizala.Group`; raises an err
function Client:find_groups(query)
  check.method(self, Client, "kz:find_groups(query)")
  check.name(query, "find_groups: query")
  local target = "/tenant/findGroupsByQuery"
  local request = "GET " .. target
  local seen = {}
  return iterator.new(function(offset)
    offset = offset or 0
    local reply = self:request {
      path = target,
      query = { query = query, resultsOffset = offset, pageSize = SEARCH_PAGE },
    }
    local list, page = {}, check.reply(reply.groups, "groups", "list", request)
    for _, raw in ipairs(page) do
      local found = group.from_raw(self, raw, request)
      if not seen[found.id] then list[#list + 1] = found end
      seen[found.id] = true
    end
    return list, #list > 0 and offset + #page or nil -- a service may give fewer than a page has place for
  end, "groups")
end

---@class kaizala.CreateOptions
---@field name string
---@field welcome_message? string
---@field members? string[] phone numbers with + and country code
---@field member_ids? string[] user ids
---@field admins? string[] phone numbers; the caller always becomes one
---@field type? "Group"|"ConnectGroup" Group by default; ConnectGroup (managed, public) needs a tenant
--- admin's token
---@field image_url? string
---@field background_url? string
---@field short_description? string
---@field long_description? string

local function user_ids(list, what)
  check.optional(list, "table", what)
  check.whole(list, what)
  local ids = json.array(table.move(list, 1, #list, 1, {}))
  for i, id in ipairs(ids) do check.id(id, ("%s[%d]"):format(what, i)) end
  return ids
end

local create_options = {
  { "name", check.name, "name", required = true },
  { "welcome_message", "string", "welcomeMessage" },
  { "members", check.phones, "members" },
  { "member_ids", user_ids, "memberUserIds" },
  { "admins", check.phones, "admins" },
  { "type", { "Group", "ConnectGroup" }, "groupType" },
  { "image_url", "string", "groupPhoto" },
  { "background_url", "string", "backgroundPhoto" },
  { "short_description", "string", "ShortDescriptionString" },
  { "long_description", "string", "LongDescriptionString" },
}

--- Creates a group; with a group token, a subgroup of that group (*waits*).
---@param options kaizala.CreateOptions
---@return kaizala.Group group with `id`, `name` and `members_added`; raises an err
function Client:create_group(options)
  check.method(self, Client, "kz:create_group({…})")
  local body
  options, body = check.needed(options, "create_group", create_options)
  body.welcomeMessage = body.welcomeMessage or ""
  local reply, dry_run = self:request { method = "POST", path = "/groups", json = body }
  if dry_run then reply = { groupId = "dry-run", groupName = options.name } end
  return group.from_raw(self, reply, "POST /groups")
end

-- Other files add their methods to the class.
local client = { Client = Client }

--- Makes a client; no request yet.
---@param connector string name of a configured connector
---@return kaizala.Client client
function client.new(connector)
  return setmetatable({ connector = connector }, Client)
end

return client
