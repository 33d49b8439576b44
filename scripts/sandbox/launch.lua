--- What happens at the start besides serving: credentials, the greeting, --exec.
local exec = require "jeton.exec"
local json = require "jeton.json"
local connectors = require "sandbox.data.connectors"
local groups = require "sandbox.data.groups"
local ids = require "sandbox.base.ids"
local permissions = require "sandbox.base.permissions"
local token_service = require "sandbox.rules.token_service"
local users = require "sandbox.data.users"

local launch = {}

local CONNECTOR_NAME = "sandbox" -- in the configuration that --exec writes

---@class sandbox.credentials
---@field application_id string
---@field application_secret string
---@field refresh_token string
---@field group_id string|nil
---@field user_token string|nil a refresh token of a user who is not the tenant's admin
---@field group_token string|nil a refresh token for a group

local TENANT, USER, GROUP = 1, 2, 3

-- The preference of a seeded token for --exec: the tenant admin's first.
local function rank(db, token)
  local user = users.by_phone(db, token.user)
  if not user or not token.refresh_token then
    return nil
  elseif token.group then
    return GROUP
  end
  return user.tenant_admin ~= 0 and TENANT or USER
end

-- Whether a seeded token is still valid. The database may be older than the seed, and used since.
local function works(world, connector, token)
  local row = connector.id and connector.secret and connectors.by_id(world.db, connector.id)
  local grant = row and ids.check_secret(connector.secret, row.secret_hash)
    and connectors.find_grant(world.db, token.refresh_token)
  return grant and token_service.is_valid(grant, row, world.clock:now())
end

local function first_group(world)
  for _, group in ipairs(world.seed.groups) do
    if group.id and groups.by_id(world.db, group.id) then
      return group.id
    end
  end
  local row = world.db:row "SELECT id FROM groups ORDER BY number LIMIT 1"
  return row and row.id
end

--- Credentials from the seed that are valid now.
---@param world sandbox.world
---@return sandbox.credentials|nil
function launch.seeded_credentials(world)
  local best, best_rank
  for _, connector in ipairs(world.seed.connectors) do
    local found = {} -- by rank
    for _, token in ipairs(connector.tokens) do
      local this = rank(world.db, token)
      if this and not found[this] and works(world, connector, token) then
        found[this] = token.refresh_token
      end
    end
    local this = found[TENANT] and TENANT or found[USER] and USER or found[GROUP] and GROUP
    if this and (not best_rank or this < best_rank) then
      best_rank = this
      best = {
        application_id = connector.id,
        application_secret = connector.secret,
        refresh_token = found[this],
        group_id = first_group(world),
        user_token = found[USER],
        group_token = found[GROUP],
      }
    end
  end
  return best
end

--- Creates a connector for --exec, with a token of the tenant admin (or of the first user): the database has
--- only hashes of existing tokens, and a new token for an existing connector would invalidate one in use.
---@param world sandbox.world
---@return sandbox.credentials
function launch.new_credentials(world)
  local db, now = world.db, world.clock:now()
  local user = db:row "SELECT * FROM users ORDER BY tenant_admin DESC, rowid LIMIT 1"
  local connector, secret = connectors.create(db, {
    tenant_id = user.tenant_id,
    name = "jeton sandbox --exec",
    owner_id = user.id,
    permissions = permissions.parse "all" --[[@as sandbox.permissions]],
  }, now)
  local token = connectors.grant(db, {
    connector_id = connector.id,
    kind = user.tenant_admin ~= 0 and "tenant" or "user",
    user_id = user.id,
  }, nil, now)
  return {
    application_id = connector.id,
    application_secret = secret,
    refresh_token = token,
    group_id = first_group(world),
  }
end

--- A configuration with one connector. JSON strings are valid YAML, so no value can break out.
---@param world sandbox.world
---@param credentials sandbox.credentials
---@param state string|nil folder
---@return string yaml
function launch.configuration(world, credentials, state)
  local function quote(value)
    return assert(json.encode(value))
  end
  local lines = { "version: 1" }
  if state then
    lines[#lines + 1] = "state: " .. quote(state)
  end
  for _, line in ipairs {
    "connectors:",
    "  " .. CONNECTOR_NAME .. ":",
    "    provider: kaizala",
    "    token_service: " .. quote(world.url .. "/v1"),
    "    application_id: " .. quote(credentials.application_id),
    "    application_secret: " .. quote(credentials.application_secret),
    "    refresh_token: " .. quote(credentials.refresh_token),
    ("    rate_limit: { per_minute: %d, tenant: %s, tenant_per_minute: %d }"):format(
      world.limits.per_minute, CONNECTOR_NAME, world.limits.tenant_per_minute),
  } do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Runs a command against the sandbox. Waits.
---@param world sandbox.world
---@param argv string[]
---@return integer|nil status
---@return table|nil err
function launch.exec(world, argv)
  local credentials = launch.seeded_credentials(world) or launch.new_credentials(world)
  return exec.run {
    argv = argv,
    env = {
      JETON_SANDBOX_URL = world.url,
      JETON_SANDBOX_APPLICATION_ID = credentials.application_id,
      JETON_SANDBOX_APPLICATION_SECRET = credentials.application_secret,
      JETON_SANDBOX_REFRESH_TOKEN = credentials.refresh_token,
      JETON_SANDBOX_GROUP_ID = credentials.group_id,
      JETON_SANDBOX_USER_REFRESH_TOKEN = credentials.user_token,
      JETON_SANDBOX_GROUP_REFRESH_TOKEN = credentials.group_token,
    },
    files = { ["jeton.yaml"] = launch.configuration(world, credentials, "{dir}/state") },
    env_dir = { JETON_CONFIG = "jeton.yaml" },
  }
end

--- What a start without --exec prints: first the address, then how to use it.
---@param world sandbox.world
---@return string
function launch.greeting(world)
  local lines = { "listening on " .. world.url }
  local function add(format, ...)
    lines[#lines + 1] = format:format(...)
  end
  local credentials = launch.seeded_credentials(world)
  add(world.is_kept and "It keeps everything in the file of --db."
    or "It forgets everything when it stops; --db FILE keeps it.")
  add("")
  add("tenant          %s", world:tenant().name)
  if credentials then
    add("application ID  %s", credentials.application_id)
    add("secret          %s", credentials.application_secret)
    add("refresh token   %s", credentials.refresh_token)
    if credentials.user_token and credentials.user_token ~= credentials.refresh_token then
      add("… of a user     %s", credentials.user_token)
    end
    if credentials.group_token and credentials.group_token ~= credentials.refresh_token then
      add("… of a group    %s", credentials.group_token)
    end
    if credentials.group_id then
      add("group           %s", credentials.group_id)
    end
    add("")
    add("An access token:")
    add("  curl -H 'applicationId: %s' -H 'applicationSecret: %s' \\", credentials.application_id,
      credentials.application_secret)
    add("    -H 'refreshToken: %s' %s/v1/accessToken", credentials.refresh_token, world.url)
    add("")
    add("As a jeton.yaml:")
    for line in launch.configuration(world, credentials):gmatch "[^\n]+" do
      add("  %s", line)
    end
  else
    add("Use the credentials of its seed; the database holds only hashes of them.")
  end
  add("")
  add("In a browser:")
  add("  %s/", world.url)
  add("")
  add("Its contents:")
  add("  curl%s %s/_sandbox/state", world.password and " -u :PASSWORD" or "", world.url)
  return table.concat(lines, "\n") .. "\n"
end

return launch
