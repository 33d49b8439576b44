--- A connection to the service by one connector of the configuration.
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
---@field raw table the decoded reply, with all that the service says

---@class kaizala.RequestOptions
---@field path string below the connector's endpoint: `/groups`
---@field method? string GET by default
---@field query? table<string, string|number|boolean>
---@field json? any the body
---@field repeatable? boolean a POST may be sent twice when its reply is lost
local request_options = { "method", "path", "query", "json", "repeatable" }

--- Sends one authenticated request (*waits*). The token, 401, 308, 429 and broken connections are
--- taken care of.
---@param options kaizala.RequestOptions
---@return table reply the decoded object; raises an err: what `jeton.http` returns, `invalid` for a
--- reply that is no JSON object, `http` for one that carries an errorCode
---@return boolean dry_run true when it was printed, not sent
function Client:request(options)
  check.method(self, Client, "kz:request({…})", 3)
  if type(options) ~= "table" or type(options.path) ~= "string" then
    error("request: options must be a table with path, a string", 2)
  end
  check.options(options, "request", request_options, 3)
  check.optional(options.method, "string", "request: method", 3)
  local method = (options.method or "GET"):upper()
  local response, err = http.request {
    connector = self.connector,
    method = method,
    path = options.path,
    query = options.query,
    json = options.json,
    repeatable = options.repeatable,
  }
  if not response then error(err, 0) end
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

--- Says who the connector acts as (*waits*).
---@return kaizala.User user raises an err
function Client:me()
  check.method(self, Client, "kz:me()", 3)
  local reply = self:request { path = "/users/me" }
  check.reply(reply.id or reply.userId, "id", "string", "GET /users/me")
  return names.convert(reply, "user", {})
end

--- Lists the groups that the token reaches (*waits*, when the first is taken).
---@param options? { details?: boolean, all?: boolean } details: with their counts and the caller's
--- role; all: parents and subgroups too, not the direct ones alone
---@return kaizala.Iterator groups gives `kaizala.Group`; raises an err
function Client:groups(options)
  check.method(self, Client, "kz:groups()", 3)
  options = check.options(options, "groups", { "details", "all" }, 3)
  check.optional(options.details, "boolean", "groups: details", 3)
  check.optional(options.all, "boolean", "groups: all", 3)
  local query = { showDetails = options.details or nil, fetchAllGroups = options.all or nil }
  return iterator.new(function()
    local reply = self:request { path = "/groups", query = query }
    local list = {}
    for i, raw in ipairs(check.reply(reply.groups, "groups", "list", "GET /groups")) do
      list[i] = group.from_raw(self, raw, "GET /groups")
    end
    return list
  end)
end

--- Names a group, without a request: what is wrong with the id shows at the first call.
---@param id string
---@return kaizala.Group group
function Client:group(id)
  check.method(self, Client, "kz:group(id)", 3)
  check.id(id, "group: id", 3)
  return group.new(self, id)
end

---@class kaizala.CreateOptions
---@field name string
---@field welcome_message? string
---@field members? string[] phone numbers with + and country code
---@field type? "Group"|"ConnectGroup" Group by default; ConnectGroup (managed, public) needs a tenant
--- admin's token
local create_options = { "name", "welcome_message", "members", "type" }

--- Makes a group; with a group token it becomes a subgroup of that group (*waits*).
---@param options kaizala.CreateOptions
---@return kaizala.Group group with `id`, `name` and `members_added`; raises an err
function Client:create_group(options)
  check.method(self, Client, "kz:create_group({…})", 3)
  if type(options) ~= "table" then
    error(("create_group: options must be a table, got %s"):format(type(options)), 2)
  end
  check.options(options, "create_group", create_options, 3)
  local name, kind = options.name, options.type
  if type(name) ~= "string" or name == "" then
    error("create_group: name must be a non-empty string", 2)
  elseif not utf8.len(name) then
    check.fail("invalid", "create_group: name is not valid UTF-8")
  elseif kind ~= nil and kind ~= "Group" and kind ~= "ConnectGroup" then
    error(("create_group: type must be 'Group' or 'ConnectGroup', got '%s'"):format(tostring(kind)), 2)
  end
  check.optional(options.welcome_message, "string", "create_group: welcome_message", 3)
  local members = options.members and check.phones(options.members, "create_group: members", 3)
  local reply, dry_run = self:request {
    method = "POST",
    path = "/groups",
    json = {
      name = name,
      welcomeMessage = options.welcome_message or "",
      members = members,
      groupType = kind,
    },
  }
  if dry_run then reply = { groupId = "dry-run", groupName = name } end
  return group.from_raw(self, reply, "POST /groups")
end

local client = {}

--- Makes a client; no request yet.
---@param connector string name of a configured connector
---@return kaizala.Client client
function client.new(connector)
  return setmetatable({ connector = connector }, Client)
end

return client
