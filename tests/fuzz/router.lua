--- The world of fuzz_router.c: the sandbox of the demo tenant in memory, planted once, and what must hold
--- of every answer. One input is a few requests, parted by lines of `%%`:
---
---     POST /v1/groups/$sales/actions?x=y
---     accessToken: $tenant
---     keep: action=actionId
---
---     {"actionType": "Job", …}
---
--- `$name` stands for what is known (see `known` below) or for what a `keep: name=field` before it kept of a
--- reply; `part: name|filename|content type|size` makes the body a form. Everything that differs from run
--- to run (time, random bytes, the network, files) is replaced, so that an input always does the same.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local task = require "jeton.task"

local NOW = 1700000000
local REQUESTS_MAX = 12 -- of an input
local STATUS_MIN, STATUS_MAX = 200, 599

-- What differs -----------------------------------------------------------------------------------

local drawn = 0 -- so many times were bytes drawn

function crypto.random(count)
  local out = ""
  while #out < count do
    drawn = drawn + 1
    out = out .. crypto.sha256("drawn " .. drawn)
  end
  return out:sub(1, count)
end

function crypto.uuid()
  return (crypto.hex(crypto.random(16)):gsub("^(........)(....)(....)(....)", "%1-%2-%3-%4-"))
end

function crypto.sha256_file()
  return crypto.sha256 "a file", 3
end

local real_time = os.time
os.time = function(fields) -- luacheck: ignore 122
  return fields and real_time(fields) or NOW
end
os.rename = function() return true end -- luacheck: ignore 122
os.remove = function() return true end -- luacheck: ignore 122
local real_open = io.open
io.open = function(path, mode) -- luacheck: ignore 122
  if not path:find "^/nowhere/" then
    return real_open(path, mode)
  end
  return { write = function(file) return file end, close = function() return true end }
end
function task.sleep() end

-- A receiver of webhooks that echoes, and pictures: unless the URL says that nobody is there.
local function nobody(url)
  return url:find("nobody", 1, true) and { kind = "network", message = "nobody is there" }
end

function http.request(options)
  if nobody(options.url) then
    return nil, nobody(options.url)
  end
  return { status = 200, headers = {}, body = options.url:match "validationToken=(%x+)$" or "" }
end

function http.get(url, options)
  if nobody(url) then
    return nil, nobody(url)
  end
  local content_type = url:match "[?&]type=([^&]*)" or "image/png"
  return { status = 200, headers = { ["content-type"] = content_type }, path = options.save_to }
end

-- The world --------------------------------------------------------------------------------------

local app = require "sandbox.app"
local clock = require "sandbox.base.clock"
local contract = require "contract"
local demo = require "sandbox.seed.demo"
local digest = require "sandbox.data.digest"
local form = require "sandbox.http.form"
local operations = require "sandbox.operations"
local sandbox_world = require "sandbox.world"
local seed = require "sandbox.seed"
local store = require "sandbox.data.store"
local token_service = require "sandbox.rules.token_service"

-- Those of the kept corpus.
local SECRETS = {
  secret = "SLS3T38IL0", tenant = "demo-tenant-token", user = "demo-user-token", group = "demo-group-token",
}
local BARE_ID, BARE_TOKEN = "5d0c1b9a-3e2f-4a7b-8c6d-1f0e9d8c7b6a", "bare-token-0"

-- The demo tenant, and a connector with hardly any permission.
local function document()
  local out = demo.document(SECRETS)
  out.connectors[2] = {
    id = BARE_ID, secret = "BARE000000", name = "Bare", owner = demo.names.alice,
    permissions = json.array { "profile" },
    tokens = json.array { { user = demo.names.alice, refresh_token = BARE_TOKEN } },
  }
  return out
end

local world = sandbox_world.new {
  db = assert(store.open()), seed = assert(seed.check(document())), per_minute = 0, tenant_per_minute = 0,
}
world:listening("127.0.0.1", 8480, "/nowhere/media")
world:plant()

local function access(id, secret, token)
  return token_service.exchange(world, NOW, id, secret, token).accessToken
end

local known = {
  receiver = "http://127.0.0.1:9/hook", secret = SECRETS.secret, refreshToken = SECRETS.tenant,
  bare = access(BARE_ID, "BARE000000", BARE_TOKEN),
}
for name, value in pairs(demo.names) do
  known[(name:gsub("_", ""))] = value
end
for _, name in ipairs { "tenant", "user", "group" } do
  known[name] = access(demo.names.connector_id, SECRETS.secret, SECRETS[name])
end

local planted, drawn_before = digest.of(world.db), drawn

-- What must hold ---------------------------------------------------------------------------------

local reply_of = {}
for _, operation in ipairs(operations) do
  reply_of[operation.name] = operation.reply
end

local function is_text(value)
  return type(value) == "string" and value ~= ""
end

-- A refusal says why, a success neither holds errorCode nor a message of its own, and is as its
-- operation's table says.
local function check_body(response, operation)
  local value, err = json.decode(response.body)
  assert(type(value) == "table" and not json.is_array(value),
    "the body is no JSON object: " .. (err and err.message or response.body))
  if response.status >= 300 then
    assert(is_text(value.errorCode) and is_text(value.message), "a refusal without a reason")
    return value
  end
  assert(value.errorCode == nil and value.message == nil, "a success that looks like a refusal")
  if reply_of[operation] then
    contract.check_reply(value, reply_of[operation])
  end
  return value
end

-- A wrong PIN is counted; nothing else of a refused call may stay.
local function may_write(operation, path)
  return operation == "login.with_pin" or path:lower():find("authorize", 1, true)
end

local function changes()
  return world.db:row("SELECT total_changes() AS n").n
end

local function last_operation(before)
  local last = world.recorder.last
  return last ~= before and world.recorder.kept[last] and world.recorder.kept[last].record.operation
end

local function is_json(response)
  for name, value in pairs(response.headers or {}) do
    if name:lower() == "content-type" then
      return value:find "^application/json" ~= nil
    end
  end
  return false
end

-- What later requests may name.
local function keep(kept, response, value, spec)
  for name, field in spec:gmatch "(%w+)=(%w+)" do
    if value and is_text(value[field]) then
      kept[name] = value[field]
    end
  end
  local body, location = response.body or "", response.headers and response.headers.Location or ""
  kept.key = body:match 'name="key" type="hidden" value="(%x+)"' or kept.key
  local cookies = response.headers and response.headers["Set-Cookie"]
  cookies = type(cookies) == "table" and cookies[1] or cookies or ""
  kept.cookie = cookies:match "^[^;]+" or kept.cookie
  kept.code = location:match "[?&]code=([%w_-]+)" or kept.code
  local sms = world.db:row "SELECT text FROM sms ORDER BY number DESC LIMIT 1"
  kept.pin = sms and sms.text:match "%d%d%d%d%d%d" or kept.pin
end

-- What is said of a request whose body was not read: nothing changes by it, and what is refused then would
-- be refused in the same way after it. Of faults and redirects the first call takes one.
local function judge(check, request)
  local head = {}
  for name, value in pairs(request) do
    head[name] = value
  end
  head.body, head.parts, head.malformed = "", nil, nil
  local before = changes()
  local answer = app.head(world, head)
  assert(changes() == before, "judging a head changed the database")
  if math.type(answer) == "integer" then
    assert(answer >= 0, "a strange limit")
    return nil
  end
  check(answer)
  assert(answer.status ~= 500, "the sandbox failed: " .. (answer.body or ""))
  is_json(answer)
  local as_it_came = form.is_multipart(request.headers) == (request.parts ~= nil)
  return as_it_came and answer.status ~= 308 and answer.status ~= 413 and answer.status or nil
end

local function ask(parse, check, state, text)
  text = text:gsub("%$(%a+)", function(name) return state.kept[name] or known[name] end)
  local request, spec = parse(text)
  local injected = #world.faults.list > 0
  local refused = not injected and judge(check, request)
  local before, record = changes(), world.recorder.last
  local response = app.handle(world, request)
  check(response)
  if injected or response.drop then
    state.digest = digest.of(world.db)
    return
  end
  assert(response.status >= STATUS_MIN and response.status <= STATUS_MAX, "a strange status")
  assert(not refused or response.status == refused or response.status == 308,
    ("%s %s: %s by its head, else %d"):format(request.method, request.path, refused, response.status))
  assert(response.status ~= 500, "the sandbox failed: " .. (response.body or ""))
  local operation = last_operation(record)
  local value = is_json(response) and check_body(response, operation) or nil
  if changes() ~= before then
    local after = digest.of(world.db)
    assert(response.status < 300 or after == state.digest or may_write(operation, request.path),
      "a refused call changed the database")
    state.digest = after
  end
  keep(state.kept, response, value, spec)
end

local router = {}
local UNDO = {}

--- Plays one input, and takes everything back.
---@param parse fun(text: string): table, string a request as the server hands it over, and its `keep`
---@param check fun(response: table) raises where the server would refuse to send it
---@param text string
function router.run(parse, check, text)
  world:settle()
  world.clock, drawn = clock.new(0), drawn_before
  local ok, err = xpcall(world.db.transaction, function(err)
    return err == UNDO and err or debug.traceback(tostring(err), 2)
  end, world.db, function()
    local state, count = { kept = {}, digest = planted }, 0
    for request in (text .. "\n%%\n"):gmatch "(.-)\n%%%%\n" do
      count = count + 1
      if count > REQUESTS_MAX then
        break
      end
      ask(parse, check, state, request)
    end
    error(UNDO, 0)
  end)
  assert(not ok)
  if err ~= UNDO then
    error(err, 0)
  end
end

-- Words for the mutator --------------------------------------------------------------------------

local by_name = {}
for _, operation in ipairs(operations) do
  by_name[operation.name] = operation
end

local LOGIN_PAGE = "/api/Oauth/Authorize?client_id=%s&redirect_uri=http://127.0.0.1:9/&state=s"
local LOGIN_FORM = "client_id=%s&redirect_uri=http://127.0.0.1:9/&state=s&key=$key&phone=%%2B%s"

-- Signs in at the page of OAuth.
local function sign_in(out, phone)
  local page, fields = LOGIN_PAGE:format(demo.names.connector_id),
    LOGIN_FORM:format(demo.names.connector_id, phone:sub(2))
  local head = ("POST %s\nhost: 127.0.0.1:8480\ncookie: $cookie\n"):format(page)
    .. "content-type: application/x-www-form-urlencoded\n\n"
  out[#out + 1] = ("GET %s\nhost: 127.0.0.1:8480\n\n"):format(page)
  out[#out + 1] = head .. fields
  out[#out + 1] = head .. fields .. "&pin=$pin"
end

-- The example of an operation, the ones before it first.
local function add_example(out, operation, spec)
  local example = operation.example
  for _, step in ipairs(example.given or {}) do
    local kept = {}
    for name, field in pairs(step) do
      if name ~= 1 then
        kept[#kept + 1] = name .. "=" .. field
      end
    end
    add_example(out, by_name[step[1]], table.concat(kept, " "))
  end
  if example.sign_in then
    sign_in(out, example.sign_in)
  end
  local function fill(text) return (text:gsub("{(%w+)}", "$%1")) end
  local path, query = operation.path:gsub("{(%w+)}", example.params or {}), {}
  for name, value in pairs(example.query or {}) do
    query[#query + 1] = name .. "=" .. value
  end
  table.sort(query)
  local lines = { ("%s /v1%s%s"):format(operation.method, path, #query > 0 and "?" or "")
    .. table.concat(query, "&"), "host: 127.0.0.1:8480" }
  if not operation.public then
    lines[#lines + 1] = "accessToken: $" .. (example.token or "tenant")
  end
  for name, value in pairs(example.headers or {}) do
    lines[#lines + 1] = name .. ": " .. value
  end
  for _, part in ipairs(example.parts or {}) do
    lines[#lines + 1] = ("part: %s|%s|%s|3"):format(part.name, part.filename, part.content_type)
  end
  if spec and spec ~= "" then
    lines[#lines + 1] = "keep: " .. spec
  end
  local body = operation.body and json.encode(example.body or {}) or ""
  out[#out + 1] = fill(table.concat(lines, "\n") .. "\n\n" .. body)
end

--- One input for each operation: its example.
---@return table<string, string> inputs by name
function router.examples()
  local out = {}
  for _, operation in ipairs(operations) do
    local requests = {}
    add_example(requests, operation)
    out[operation.name] = table.concat(requests, "\n%%\n")
  end
  return out
end

-- Values at which code breaks.
local VALUES = {
  "null", "true", "0", "-1", "1.5", "1e308", "9223372036854775807", "9223372036854775808", "[]", "{}", '""',
  '"x"', '"\\ud800"', '"\\u0000"', "'\\xff'", '"' .. ("9"):rep(400) .. '"', "[null]", "[[[[[[[[]]]]]]]]",
  '{"lt":1,"lg":2,"n":"x"}', '"1970-01-01T00:00:00Z"', '["x","x"]', "$alice", "$chitra", "$sales", "$news",
}
local LINES = {
  "accessToken: $tenant", "accessToken: $user", "accessToken: $group", "accessToken: $bare",
  "authorization: Bearer $user", "content-type: application/json", "part: 1|a.png|image/png|3",
  "content-type: application/x-www-form-urlencoded", "malformed: no boundary",
  "origin: http://127.0.0.1:8480", "part: 2|b.pdf|application/pdf|0",
}

local function add_fields(fields, keys)
  for _, field in ipairs(fields or {}) do
    keys['"' .. field[1] .. '":'] = true
    add_fields(field.fields, keys)
    add_fields(field.of, keys)
  end
end

--- What the mutator puts in: values, keys with their colon, lines of a header, whole requests.
---@return string[] values
---@return string[] keys
---@return string[] lines
---@return string[] requests
function router.words()
  local keys, key_list, requests = {}, {}, {}
  for _, operation in ipairs(operations) do
    add_fields(operation.body, keys)
    add_fields(operation.query, keys)
  end
  for _, fields in pairs(require("sandbox.actions.bodies").FIELDS or {}) do
    add_fields(fields, keys)
  end
  for key in pairs(keys) do
    key_list[#key_list + 1] = key
  end
  for _, text in pairs(router.examples()) do
    requests[#requests + 1] = text
  end
  table.sort(key_list)
  table.sort(requests)
  return VALUES, key_list, LINES, requests
end

return router
