--- The routes below /_sandbox/, for tests and for people with curl.
local json = require "jeton.json"
local body = require "sandbox.http.body"
local clock = require "sandbox.base.clock"
local connectors = require "sandbox.data.connectors"
local deliveries = require "sandbox.events.deliveries"
local digest = require "sandbox.data.digest"
local groups = require "sandbox.data.groups"
local guard = require "sandbox.http.guard"
local limits = require "sandbox.base.limits"
local openapi = require "sandbox.reference.openapi"
local operations = require "sandbox.operations"
local outbox = require "sandbox.data.outbox"
local permissions = require "sandbox.base.permissions"
local provision = require "sandbox.seed.provision"
local refusal = require "sandbox.base.refusal"
local reply = require "sandbox.http.reply"
local request = require "sandbox.http.request"
local router = require "sandbox.http.router"
local sharing = require "sandbox.control.sharing"
local sms = require "sandbox.data.sms"
local snapshot = require "sandbox.control.snapshot"
local switches = require "sandbox.calls.switches"
local trigger = require "sandbox.control.trigger"

local control = {}

local CLOCK_FIELDS = {
  { "advance_s", kind = "integer", required = true, min = -limits.clock_advance_s,
    max = limits.clock_advance_s },
}
local STAND_FIELDS = { { "stands_at", kind = "integer", required = true, min = 0, max = limits.clock_max } }
local REQUESTS_QUERY = {
  { "method", kind = "string" },
  { "path", kind = "string" },
  { "limit", kind = "integer", min = 1, max = limits.requests_kept },
}

local DELIVERIES_QUERY = {
  { "webhook", kind = "string" },
  { "limit", kind = "integer", min = 1, max = limits.deliveries_shown, default = limits.deliveries_shown },
}
local AGAIN_FIELDS = { { "again", kind = "integer", required = true, min = 1 } }

local function describe_clock(world)
  local now = world.clock:now()
  return { now = now, at = clock.rfc3339(now), advance_s = world.clock.advance_s }
end

local function move_clock(call)
  if type(call.value) == "table" and call.value.stands_at ~= nil then
    call.world:stand(body.check_strict(STAND_FIELDS, call.value).stands_at)
  else
    call.world:advance(body.check_strict(CLOCK_FIELDS, call.value).advance_s)
  end
  return describe_clock(call.world)
end

local function make_user(call)
  local values = body.check_strict(provision.USER_FIELDS, call.value)
  local user = provision.user(call.world.db, call.world:tenant().id, values, call.now)
  return snapshot.user(user)
end

local function make_group(call)
  local values = body.check_strict(provision.GROUP_FIELDS, call.value)
  local db = call.world.db
  local group = provision.group(db, call.world:tenant().id, values, call.now)
  provision.subgroups(db, group, values)
  return snapshot.group(db, group)
end

local function make_connector(call)
  local values = provision.read_connector(call.value, "")
  local made = provision.connector(call.world.db, call.world:tenant().id, values, call.now)
  local mask = connectors.by_id(call.world.db, made.id).permissions
  made.scope = permissions.to_scope(permissions.from_mask(mask))
  return made
end

local function delete_connector(call)
  if not connectors.delete(call.world.db, call.params.connector) then
    refusal.not_found "there is no connector with this id"
  end
  return { deleted = true }
end

local function delete_group(call)
  local group = groups.by_id(call.world.db, call.params.group)
  if not group then
    refusal.not_found "there is no group with this id"
  end
  call.world.db:exec("DELETE FROM groups WHERE number = ?", group.number)
  return { deleted = true }
end

local function list_sms(call)
  local out = {}
  -- An unencoded plus sign arrives as a blank.
  local phone = call.query.phone and call.query.phone:gsub("^ ", "+")
  local found = sms.newest(call.world.db, { phone = phone, count = limits.sms_shown })
  for i, row in ipairs(found) do
    out[#found + 1 - i] = { phone = row.phone, text = row.text, at = clock.rfc3339(row.sent_at) }
  end
  return { sms = json.array(out) }
end

local function list_faults(call)
  return { faults = call.world.faults:describe() }
end

local function list_switches(call)
  return switches.describe(call.world.switches)
end

local function list_deliveries(call)
  local query, out = body.check(DELIVERIES_QUERY, call.query), json.array()
  for i, row in ipairs(outbox.newest(call.world.db, query.webhook, query.limit)) do
    out[i] = deliveries.describe(row, clock.rfc3339)
  end
  return { deliveries = out }
end

local function send_again(call)
  local number = outbox.again(call.world.db, body.check_strict(AGAIN_FIELDS, call.value).again, call.now)
  if not number then
    refusal.not_found "again: there is no delivery with this number"
  end
  call.world.deliveries:wake()
  return { number = number }
end

-- `value`: the route reads a body. `alone`: it does not run in a transaction, but has its own.
local ROUTES = {
  { method = "GET", path = "/state", run = function(call) return snapshot.state(call.world) end },
  {
    method = "POST",
    path = "/reset",
    alone = true,
    run = function(call)
      call.world:reset()
      return snapshot.state(call.world)
    end,
  },
  {
    method = "GET",
    path = "/digest",
    run = function(call) return { digest = digest.of(call.world.db) } end,
  },
  {
    method = "GET",
    path = "/openapi.json",
    run = function(call) return openapi.document(operations, call.world.url) end,
  },
  { method = "GET", path = "/clock", run = function(call) return describe_clock(call.world) end },
  { method = "POST", path = "/clock", value = true, alone = true, run = move_clock },
  { method = "GET", path = "/faults", run = list_faults },
  {
    method = "POST",
    path = "/faults",
    value = true,
    run = function(call)
      call.world.faults:set(call.value)
      return list_faults(call)
    end,
  },
  {
    method = "DELETE",
    path = "/faults",
    run = function(call)
      call.world.faults:clear()
      return list_faults(call)
    end,
  },
  { method = "GET", path = "/switches", run = list_switches },
  {
    method = "POST",
    path = "/switches",
    value = true,
    run = function(call)
      switches.set(call.world.switches, call.value)
      call.world.throttle:reset()
      return list_switches(call)
    end,
  },
  {
    method = "GET",
    path = "/requests",
    run = function(call)
      return { requests = call.world.recorder:list(body.check(REQUESTS_QUERY, call.query)) }
    end,
  },
  {
    method = "DELETE",
    path = "/requests",
    run = function(call)
      call.world.recorder:clear()
      return { requests = json.array() }
    end,
  },
  { method = "GET", path = "/deliveries", run = list_deliveries },
  { method = "POST", path = "/deliveries", value = true, run = send_again },
  { method = "POST", path = "/trigger", value = true, run = trigger.run },
  { method = "GET", path = "/sms", run = list_sms },
  { method = "POST", path = "/connectors", value = true, run = make_connector },
  { method = "DELETE", path = "/connectors/{connector}", run = delete_connector },
  { method = "POST", path = "/groups", value = true, run = make_group },
  { method = "DELETE", path = "/groups/{group}", run = delete_group },
  { method = "POST", path = "/users", value = true, run = make_user },
  { method = "POST", path = "/locations", value = true, run = sharing.share },
}

local routes = router.new(ROUTES)

-- Strict JSON: these requests are written for the sandbox, so that mistakes should be reported.
local function decode(text)
  local value, err = json.decode(text, { max_bytes = limits.json_bytes, max_depth = limits.json_depth })
  if value == nil then
    refusal.invalid("malformed body: %s", err.message)
  elseif type(value) ~= "table" or value == json.null then
    refusal.invalid "malformed body: expected a JSON object or list"
  end
  return value
end

-- Checks that the request may control the sandbox, and finds the route.
local function find(world, arrived, segments)
  guard.check_control(world, arrived.method, arrived.headers)
  local route, params = routes:match(arrived.method, segments)
  if not route then
    if params then
      refusal.fail(405, "MethodNotAllowed", "expected " .. table.concat(params, " or "),
        { Allow = table.concat(params, ", ") })
    end
    refusal.not_found("there is no /_sandbox/%s", request.to_utf8(table.concat(segments, "/")))
  end
  ---@cast route table
  return route, params
end

--- Judges a request below /_sandbox before its body is read. Raises failures.
---@param world sandbox.world
---@param arrived table the server's request
---@param segments string[] of the path, below /_sandbox
function control.head(world, arrived, segments)
  find(world, arrived, segments)
end

--- Answers a request below /_sandbox. Raises failures.
---@param world sandbox.world
---@param arrived table the server's request
---@param segments string[] of the path, below /_sandbox
---@param now integer epoch seconds
---@return table response
function control.handle(world, arrived, segments, now)
  local route, params = find(world, arrived, segments)
  local call = { world = world, now = now, params = params, query = request.query(arrived.query) }
  if route.value then
    call.value = decode(arrived.body)
  end
  if route.alone then
    return reply.success(route.run(call))
  end
  local result
  world.db:transaction(function()
    result = route.run(call)
  end)
  return reply.success(result)
end

return control
