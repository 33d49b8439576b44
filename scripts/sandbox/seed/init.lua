--- Reads and applies seeds: YAML files with predictable ids, secrets and tokens.
local json = require "jeton.json"
local log = require "jeton.log"
local progress = require "jeton.progress"
local yaml = require "jeton.yaml"
local assumptions = require "sandbox.base.assumptions"
local body = require "sandbox.http.body"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local provision = require "sandbox.seed.provision"
local refusal = require "sandbox.base.refusal"

local seed = {}

local FIELDS = {
  { "tenant", kind = "object", required = true },
  { "users", kind = "list", required = true, max = limits.users },
  { "groups", kind = "list", default = {}, max = limits.groups },
  { "connectors", kind = "list", default = {}, max = limits.connectors },
}
local TENANT_FIELDS = {
  { "id", kind = "id" },
  { "name", kind = "string", required = true, not_empty = true, max = limits.name_characters },
}

---@class sandbox.seed
---@field tenant table
---@field users table[]
---@field groups table[]
---@field connectors table[]

-- Runs fn and adds its failure to the problems. YAML reads unquoted digits as numbers; the message then
-- says so.
local function collect(problems, fn, ...)
  local result = table.pack(pcall(fn, ...))
  if result[1] then
    return result[2]
  elseif not refusal.is_failure(result[2]) then
    error(result[2], 0)
  end
  local message = result[2].message
  if message:find "got a number" then
    message = message .. "; put it in quotes"
  end
  problems[#problems + 1] = message
end

local function note_duplicate(problems, seen, value, what)
  if value and seen[value:lower()] then
    problems[#problems + 1] = what .. ": given twice"
  elseif value then
    seen[value:lower()] = true
  end
end

local function check_users(problems, list)
  local out, phones, seen, emails = {}, {}, {}, {}
  for i, item in ipairs(list) do
    local prefix = ("users[%d]."):format(i - 1)
    local user = collect(problems, body.check_strict, provision.USER_FIELDS, item, prefix)
    if not user and type(item) == "table" and type(item.phone) == "string" then
      phones[item.phone] = true -- no further problem of those who name them
    elseif user then
      note_duplicate(problems, phones, user.phone, prefix .. "phone")
      note_duplicate(problems, seen, user.id, prefix .. "id")
      note_duplicate(problems, emails, user.email ~= "" and user.email or nil, prefix .. "email")
      out[#out + 1] = user
    end
  end
  return out, phones
end

local function check_groups(problems, list)
  local out, seen = {}, {}
  for i, item in ipairs(list) do
    local prefix = ("groups[%d]."):format(i - 1)
    local group = collect(problems, body.check_strict, provision.GROUP_FIELDS, item, prefix)
    if group then
      note_duplicate(problems, seen, group.id, prefix .. "id")
      out[#out + 1] = group
    end
  end
  return out
end

-- Whom a token is for: the next one for the same would end it, so that it never worked.
local function grantee(token)
  local of_group = token.group and token.group:lower()
  if of_group and assumptions.group_token_per_group then
    return of_group
  end
  return ("%s %s"):format(token.user, of_group or "")
end

local function check_tokens(problems, list, seen, prefix)
  local grantees = {}
  for i, token in ipairs(list) do
    local name = ("%stokens[%d]"):format(prefix, i - 1)
    note_duplicate(problems, seen, token.refresh_token, name .. ".refresh_token")
    local before = grantees[grantee(token)]
    if before then
      problems[#problems + 1] = ("%s: tokens[%d] is for the same %s; a connector has one token for each, and "
        .. "the later one ends the other"):format(name, before - 1, token.group and "group" or "user")
    end
    grantees[grantee(token)] = i
  end
end

local function check_connectors(problems, list, phones)
  local out, seen, tokens = {}, {}, {}
  for i, item in ipairs(list) do
    local prefix = ("connectors[%d]."):format(i - 1)
    local connector = collect(problems, provision.read_connector, item, prefix)
    if connector then
      if not connector.owner then
        problems[#problems + 1] = prefix .. "owner: missing"
      elseif not phones[connector.owner] then
        problems[#problems + 1] = prefix .. "owner: no user of the seed has this phone number"
      end
      note_duplicate(problems, seen, connector.id, prefix .. "id")
      check_tokens(problems, connector.tokens, tokens, prefix)
      out[#out + 1] = connector
    end
  end
  return out
end

--- Checks a decoded seed.
---@param document any
---@return sandbox.seed|nil
---@return string[] problems all of them
function seed.check(document)
  local problems = {}
  local top = collect(problems, body.check_strict, FIELDS, document)
  if not top then
    problems[1] = problems[1]:gsub("^body: expected an object", "expected a mapping with tenant, users, …")
    return nil, problems
  end
  local tenant = collect(problems, body.check_strict, TENANT_FIELDS, top.tenant, "tenant.")
  local users, phones = check_users(problems, top.users)
  local checked = {
    tenant = tenant,
    users = users,
    groups = check_groups(problems, top.groups),
    connectors = check_connectors(problems, top.connectors, phones),
  }
  if #users == 0 and #problems == 0 then
    problems[1] = "users: expected at least one"
  end
  return #problems == 0 and checked or nil, problems
end

local function refuse(format, ...)
  return nil, { kind = "config", message = format:format(...) }
end

-- Logs all problems, one per line; an err could hold only the first.
local function report(path, problems)
  for i = 1, math.min(#problems, limits.seed_problems) do
    log.error(("%s: %s"):format(path, problems[i]))
  end
  if #problems > limits.seed_problems then
    log.error(("%s: … and %d more"):format(path, #problems - limits.seed_problems))
  end
  return refuse("seed %s: %d error%s", path, #problems, #problems == 1 and "" or "s")
end

---@param path string
---@return sandbox.seed|nil
---@return table|nil err of kind "config"
function seed.load(path)
  local file, why = io.open(path, "rb")
  local text = file and file:read(limits.seed_bytes + 1)
  if file then
    file:close()
  end
  if not file or (not text and why) then
    return refuse("--seed: %s", why)
  elseif text and #text > limits.seed_bytes then
    return refuse("%s: over %d bytes", path, limits.seed_bytes)
  end
  local document, err = yaml.decode(text or "", "args") -- phone numbers need no quotes
  if document == nil and err then
    return refuse("%s: %s", path, err.message)
  end
  local checked, problems = seed.check(document == nil and json.null or document)
  if not checked then
    return report(path, problems)
  end
  return checked
end

--- Writes a checked seed into an empty database. Raises a failure if its parts do not fit together.
---@param content sandbox.seed
---@param now integer epoch seconds
function seed.apply(db, content, now)
  local tenant_id = content.tenant.id or ids.new()
  db:exec("INSERT INTO tenants (id, name) VALUES (?, ?)", tenant_id, content.tenant.name)
  local shown <close> = progress.new {
    label = "seed", total = #content.users + 2 * #content.groups + #content.connectors,
  }
  local function place(what, index, fn, ...)
    local result = table.pack(pcall(fn, ...))
    if result[1] then
      shown:add()
      return result[2]
    elseif refusal.is_failure(result[2]) then
      refusal.invalid("%s[%d].%s", what, index - 1, result[2].message)
    end
    error(result[2], 0)
  end
  for i, user in ipairs(content.users) do
    place("users", i, provision.user, db, tenant_id, user, now)
  end
  local made = {}
  for i, group in ipairs(content.groups) do
    made[i] = place("groups", i, provision.group, db, tenant_id, group, now)
  end
  for i, group in ipairs(content.groups) do
    place("groups", i, provision.subgroups, db, made[i], group)
  end
  for i, connector in ipairs(content.connectors) do
    place("connectors", i, provision.connector, db, tenant_id, connector, now)
  end
end

return seed
