--- Answers calls of the API: token service and platform service.
local log = require "jeton.log"
local task = require "jeton.task"
local access = require "sandbox.rules.access"
local assumptions = require "sandbox.base.assumptions"
local attempt = require "sandbox.http.attempt"
local body = require "sandbox.http.body"
local clock = require "sandbox.base.clock"
local events = require "sandbox.events"
local faults = require "sandbox.calls.faults"
local form = require "sandbox.http.form"
local limits = require "sandbox.base.limits"
local operations = require "sandbox.operations"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"
local replies = require "sandbox.calls.replies"
local reply = require "sandbox.http.reply"
local request = require "sandbox.http.request"
local router = require "sandbox.http.router"
local switches = require "sandbox.calls.switches"
local throttle = require "sandbox.rules.throttle"
local token_service = require "sandbox.rules.token_service"

local calls = {}

local TOKEN_PATH = "/accesstoken"

local routes = router.new(operations)

---@class sandbox.call one call of an operation
---@field world sandbox.world
---@field db table
---@field now integer epoch seconds
---@field headers table<string, string> names in lower case
---@field params table<string, string> of the path
---@field query table of the operation's fields
---@field body table of the operation's fields
---@field caller sandbox.caller not for public operations
---@field parts jeton.server.Part[] of an upload
---@field files {hash: string, content: string}[]|nil of pictures, written after success
---@field fetched table|nil what `wait` fetched
---@field group sandbox.group where the path has {group}
---@field role "Admin"|"Member"|"Subscriber" of the caller in it

local function count_call(world, caller, now, look)
  local bucket = world.throttle
  local retry_after = (look and bucket.look or bucket.take)(bucket, now, {
    [throttle.connector_key(caller.connector.id)] = world.switches.per_minute,
    [throttle.tenant_key(caller.connector.tenant_id)] = world.switches.tenant_per_minute,
  })
  if retry_after then
    local message = ("Too many calls; try again after %d seconds"):format(retry_after)
    refusal.fail(429, assumptions.throttled_code, message, { ["Retry-After"] = tostring(retry_after) })
  end
end

-- Identifies the caller and checks token, call limits, permission and group, in this order. Counts the call;
-- not yet if counted is "look", not twice if it is "again".
local function admit(call, operation, counted)
  call.caller = token_service.caller(call.world, call.now, request.access_token(call.headers))
  if counted ~= "again" then
    count_call(call.world, call.caller, call.now, counted == "look")
  end
  if operation.permission then
    access.need_permission(call.caller, operation.permission)
  end
  if operation.who == "tenant" then
    access.need_tenant_level(call.caller)
  elseif operation.who then
    call.group, call.role = access.need_group(call.db, call.caller, call.params.group, operation.who)
  end
end

local function find_operation(arrived, path)
  local operation, params = routes:match(arrived.method, path.segments)
  if operation then
    return operation, params
  elseif params then
    local methods = table.concat(params, ", ")
    refusal.fail(assumptions.method_status, assumptions.method_code, "expected " .. methods,
      { Allow = methods })
  end
  refusal.not_found "there is no such operation"
end

local function refuse_multipart()
  refusal.invalid "malformed body: expected JSON, got multipart/form-data"
end

local function need_multipart()
  refusal.fail(415, assumptions.media_type_code, "expected a body of Content-Type multipart/form-data")
end

local function read_body(operation, arrived)
  if not operation.form or not form.is_form(arrived.headers) then
    return body.read(operation.body, arrived.body)
  end
  local fields = form.decode(arrived.body)
  if not fields then
    refusal.invalid "malformed body: expected a form, name=value&…"
  end
  return body.check(operation.body, fields)
end

-- Checks query and body against the fields of the operation.
local function read_input(call, operation, arrived)
  if operation.query then
    call.query = body.check(operation.query, request.query(arrived.query))
  end
  if operation.upload then
    call.parts = arrived.parts or need_multipart()
    if arrived.malformed then
      refusal.invalid("malformed body: %s", arrived.malformed)
    end
  elseif operation.body then
    if arrived.parts then
      refuse_multipart()
    end
    call.body = read_body(operation, arrived)
  end
end

local function new_call(world, arrived, params, now)
  return {
    world = world,
    db = world.db,
    now = now,
    headers = arrived.headers,
    params = params,
    query = {},
    body = {},
  }
end

-- Runs it in a transaction, with what webhooks are told of it.
local function run_and_tell(call, operation)
  local result = operation.run(call)
  if not refusal.is_failure(result) then
    events.of_operation(call, operation, result)
  end
  return result
end

-- The reply; its caller, unless the operation is public.
local function run_operation(world, arrived, path, now, record)
  local operation, params = find_operation(arrived, path)
  record.operation = operation.name
  local call = new_call(world, arrived, params, now)
  local result
  -- One transaction: a refusal rolls everything back.
  world.db:transaction(function()
    if not operation.public then
      admit(call, operation)
      record.connector_id = call.caller.connector.id
    end
    read_input(call, operation, arrived)
    result = not operation.wait and run_and_tell(call, operation)
    pictures.store(call)
  end)
  if operation.wait then
    local waited <close> = operation.wait(call) -- luacheck: ignore 211
    world.db:transaction(function()
      admit(call, operation, "again")
      result = run_and_tell(call, operation)
    end)
  end
  if refusal.is_failure(result) then
    error(result, 0)
  end
  return reply.success(result), call.caller
end

-- The reply to a GET, without running its operation once more where that cannot make a difference.
local function run_get(world, arrived, path, now, record)
  local address, state = replies.address(arrived), replies.state(world, now)
  local token = request.access_token(arrived.headers) or ""
  local kept = world.replies:find(state, address, token)
  if kept then
    count_call(world, kept.caller, now)
    record.operation, record.connector_id = kept.operation, kept.caller.connector.id
    return reply.success_of(kept.body)
  end
  local response, caller = run_operation(world, arrived, path, now, record)
  if caller and replies.state(world, now) == state then
    world.replies:keep(state, address, token,
      { body = response.body, operation = record.operation, caller = caller })
  end
  return response
end

-- The 308 that the switches ask for, if any: to the URL of the same call, or to the new base.
local function redirect(world, arrived, path)
  local is_token_call = path.text == TOKEN_PATH
  local found = switches.take_redirect(world.switches, is_token_call and "token_redirect" or "api_redirect")
  if not found then
    return nil
  end
  local base, rest = found.to, arrived.path:gsub("^/+", "/")
  local moved = world:root(arrived.headers.host) .. "/" .. request.MOVED_PREFIX
  if is_token_call then
    base, rest = base or moved .. "/v1", "/accessToken"
  else
    base = base or moved
    rest = path.moved and rest:gsub("^/[^/]+/*", "/") or rest -- a second 308 in a row
  end
  if found.kind == "full" then
    base = base .. rest .. (arrived.raw_query and arrived.raw_query ~= "" and "?" .. arrived.raw_query or "")
  end
  return reply.error {
    status = 308,
    code = assumptions.moved_code,
    message = assumptions.moved_message,
    headers = { Location = base },
  }
end

--- Runs fn. A refusal becomes an error body; any other error is logged and becomes a 500.
---@param fn function returns a response
---@return table response
function calls.attempt(fn, ...)
  return attempt(reply.error, fn, ...)
end

-- The headers of the service, plus any other that the browser announces.
local function allowed_headers(arrived)
  local asked = arrived.headers["access-control-request-headers"]
  if assumptions.cors_any_header and asked and asked:find "^[%w!#$%%&'*+.^_`|~, -]+$" then
    return assumptions.cors_headers .. ", " .. asked
  end
  return assumptions.cors_headers
end

local function preflight(arrived)
  return reply.json(200, {}, {
    ["Access-Control-Allow-Methods"] = assumptions.cors_methods,
    ["Access-Control-Allow-Headers"] = allowed_headers(arrived),
    ["Access-Control-Max-Age"] = assumptions.cors_max_age_s,
    -- Browsers ask this too before a page of the network reaches this machine.
    ["Access-Control-Allow-Private-Network"] = arrived.headers["access-control-request-private-network"],
  })
end

local function serve(world, arrived, path, record, fault)
  if fault and faults.answers(fault) then
    return faults.response(fault)
  end
  local now = world.clock:now()
  local response = redirect(world, arrived, path)
    or calls.attempt(arrived.method == "GET" and run_get or run_operation, world, arrived, path, now, record)
  response.headers.Date = clock.http_date(now)
  if fault then
    faults.add_headers(fault, response)
  end
  return response
end

-- Completes the record of a call, and tells of it in the log.
local function finish(world, record, response)
  world.recorder:finish(record, response)
  local whole = world.verbose and world.recorder:get(record.number)
  if whole then
    log.debug(("%s %s %d"):format(whole.method, whole.path, response.status), {
      operation = whole.operation, took_ms = whole.duration_ms,
      refused = whole.error and ("%s: %s"):format(whole.error.errorCode, whole.error.message),
    })
  end
end

-- Refuses what can be refused before the body is read.
local function judge(world, arrived, path, now, found)
  local operation, params = find_operation(arrived, path)
  found.operation = operation
  if not operation.public then
    local call = new_call(world, arrived, params, now)
    found.call = call
    admit(call, operation, "look")
  end
  local is_multipart = form.is_multipart(arrived.headers)
  if operation.upload and not is_multipart then
    need_multipart()
  elseif not operation.upload and is_multipart then
    refuse_multipart()
  end
  local limit = operation.upload and limits.media_bytes or limits.json_bytes
  if (tonumber(arrived.headers["content-length"]) or 0) > limit then
    body.refuse_length(limit)
  end
  return nil
end

local function is_too_long(arrived, path)
  return path.too_deep or #arrived.target > limits.url_bytes
end

--- Judges a call by its head, so that it can be refused before its body is read. Calls that match a fault are
--- left to calls.handle.
---@param world sandbox.world
---@param arrived table the server's request, without its body
---@param path sandbox.path
---@return table|nil response that refuses
---@return integer limit bytes of the body
function calls.head(world, arrived, path)
  if (arrived.method == "OPTIONS" and path.under_v1) or world.faults:fits(arrived.method, path.text) then
    return nil, form.is_multipart(arrived.headers) and limits.media_bytes or limits.json_bytes
  end
  local now, found = world.clock:now(), {}
  local response
  if is_too_long(arrived, path) then
    response = calls.attempt(refusal.not_found, "there is no such operation")
  else
    response = redirect(world, arrived, path)
      or calls.attempt(judge, world, arrived, path, now, found)
  end
  local operation, caller = found.operation, found.call and found.call.caller
  if not response then
    return nil, operation.upload and limits.media_bytes or limits.json_bytes
  end
  arrived.unread = true
  world.counts.requests = world.counts.requests + 1
  local record = world.recorder:add(arrived, path, clock.rfc3339(now))
  record.operation = operation and operation.name
  record.connector_id = caller and caller.connector.id
  if caller and response.status ~= 429 then
    calls.attempt(count_call, world, caller, now)
  end
  finish(world, record, response)
  return response, 0
end

--- Answers a call.
---@param world sandbox.world
---@param arrived table the server's request
---@param path sandbox.path
---@return table response
function calls.handle(world, arrived, path)
  if arrived.method == "OPTIONS" and path.under_v1 then
    return preflight(arrived)
  end
  world.counts.requests = world.counts.requests + 1
  local record = world.recorder:add(arrived, path, clock.rfc3339(world.clock:now()))
  if is_too_long(arrived, path) then
    local response = calls.attempt(refusal.not_found, "there is no such operation")
    finish(world, record, response)
    return response
  end
  local fault = world.faults:take(arrived.method, path.text)
  if fault and fault.delay_ms > 0 then
    task.sleep(fault.delay_ms / 1000)
  end
  if fault and fault.drop == true then
    return { drop = true }
  end
  local response = serve(world, arrived, path, record, fault)
  if fault and fault.drop == "after" then
    return { drop = true }
  end
  finish(world, record, response)
  if path.text == TOKEN_PATH and response.status == 200 then
    world.counts.exchanges = world.counts.exchanges + 1
  end
  return response
end

return calls
