-- The same calls as real clients make them: each example of each operation once as documented, then with
-- every habit that clients of the real service had. The reply must be the same.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local calls = require "calls"
local contract = require "contract"
local demo = require "sandbox.seed.demo"
local examples = require "sandbox.reference.examples"
local operations = require "sandbox.operations"
local wire = require "wire"

-- What the same call answers twice: no ids, tokens, times, but where they are.
local function normal(value)
  if type(value) == "table" then
    local out = {}
    for key, item in pairs(value) do out[key] = normal(item) end
    return out
  elseif math.type(value) == "integer" and value > 1000000000 then
    return "a time"
  elseif type(value) == "string" then
    if value:find "^%d%d%d%d%-%d%d%-%d%dT" then return "a time" end
    if #value >= 40 and value:find "^[%w+/=_.-]+$" then return "opaque" end
    return (value:gsub("%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+", "an id"))
  end
  return value
end

-- Bodies ---------------------------------------------------------------------------------------

-- Writes a value as text. style: key(name), text(string), yes, no, none, before_close.
local function write(value, style)
  if value == json.null then return style.none or "null" end
  if type(value) == "boolean" then return value and (style.yes or "true") or (style.no or "false") end
  if type(value) == "string" then return (style.text or json.encode)(value) end
  if type(value) ~= "table" then return json.encode(value) end
  local out = {}
  if json.is_array(value) then
    for i, item in ipairs(value) do out[i] = write(item, style) end
    return "[" .. table.concat(out, ", ") .. (#out > 0 and style.before_close or "") .. "]"
  end
  for key, item in pairs(value) do
    out[#out + 1] = (style.key or style.text or json.encode)(key) .. ": " .. write(item, style)
  end
  table.sort(out)
  return "{" .. table.concat(out, ", ") .. (#out > 0 and style.before_close or "") .. "}"
end

local function single_quoted(text)
  return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

local function bare_key(name)
  return name:find "^[%a_][%w_]*$" and name or json.encode(name)
end

-- Changes an object field by field: change(out, field, value) puts what it makes of it. Keys that are data
-- stay as they are.
local function rewrite(fields, object, change)
  local out = {}
  for key, value in pairs(object) do
    local field
    for _, declared in ipairs(fields) do
      if declared[1] == key then field = declared end
    end
    local kind = assert(contract.pick(field, object, fields), key)
    if kind.fields and type(value) == "table" then
      value = rewrite(kind.fields, value, change)
    elseif kind.of then
      local list = json.array {}
      for i, item in ipairs(value) do list[i] = rewrite(kind.of, item, change) end
      value = list
    end
    change(out, field, kind, value)
  end
  return out
end

local function recased(case)
  return function(fields, body)
    return rewrite(fields, body, function(out, field, _, value)
      out[case(field[1])] = value
      out.UnknownToTheService = json.null
      out["odata.type"] = { nested = json.array { 1 } }
    end)
  end
end

-- As text where the service reads text too, and a PIN as a number.
local function retyped(fields, body)
  return rewrite(fields, body, function(out, field, kind, value)
    if kind.kind == "boolean" or kind.kind == "integer" then
      value = tostring(value)
    elseif kind.kind == "digits" then
      value = assert(math.tointeger(tonumber(value)))
    elseif kind.kind == "choice" then
      value = tostring(value):upper()
    end
    out[field[1]] = value
  end)
end

local function by_alias(fields, body)
  return rewrite(fields, body, function(out, field, _, value)
    out[field.aliases and field.aliases[1] or field[1]] = value
  end)
end

local function nulls(fields, body)
  local out = contract.copy(body)
  for _, field in ipairs(fields) do
    if out[field[1]] == nil then out[field[1]] = json.null end
  end
  return out
end

-- By name: fn(fields, body) returns the text to send, and its Content-Type. `all`: of every example, not of
-- the first alone.
local HABITS = {
  { "unquoted keys", function(_, body) return write(body, { key = bare_key }) end },
  { "single quotes", function(_, body) return write(body, { text = single_quoted }) end },
  { "mixed quotes", function(_, body) return write(body, { key = single_quoted }) end },
  { "comments and trailing commas", function(_, body)
    return "// sent by hand\n" .. write(body, { before_close = ", /* that is all */" }) .. " // end"
  end },
  { "Python's str(dict)", all = true, function(fields, body)
    return write(nulls(fields, body), { text = single_quoted, yes = "True", no = "False", none = "None" })
  end },
  { "PascalCase with nulls and unknown keys", all = true, function(fields, body)
    return json.encode(recased(function(name) return name:sub(1, 1):upper() .. name:sub(2) end)(fields, body))
  end },
  { "upper case", function(fields, body) return json.encode(recased(string.upper)(fields, body)) end },
  { "lower case", function(fields, body) return json.encode(recased(string.lower)(fields, body)) end },
  { "values as text", all = true, function(fields, body) return json.encode(retyped(fields, body)) end },
  { "other names", all = true, function(fields, body) return json.encode(by_alias(fields, body)) end },
  { "Latin-1", function(_, body)
    return (json.encode(body):gsub("}$", (next(body) and "," or "") .. '"x":"Gr\xfc\xdfe"}'))
  end },
  { "as a form by its type", function(_, body)
    return json.encode(body), "application/x-www-form-urlencoded"
  end },
  { "a charset", function(_, body) return json.encode(body), "application/json; charset=utf-8" end },
}

-- The way there --------------------------------------------------------------------------------

local function with_headers(more)
  return function(call)
    local headers = contract.copy(call.headers)
    for name, value in pairs(more) do headers[name] = value end
    return { headers = headers }
  end
end

-- By name: fn(call) returns the change. `no_body`: of calls without one alone.
local WAYS = {
  { "//v1", function() return { prefix = "//v1" } end },
  { "without /v1", function() return { prefix = "" } end },
  { "a slash at the end", function() return { path = function(path) return path .. "/" end } end },
  { "double slashes", function() return { path = function(path) return (path:gsub("/", "//")) end } end },
  { "upper case", function() return { path = string.upper } end },
  { "encoded", function()
    return { path = function(path) return (path:gsub("@", "%%40"):gsub("%-", "%%2D")) end }
  end },
  { "Bearer", function(call)
    if not call.token then return {} end
    local headers = contract.copy(call.headers)
    headers.Authorization = "Bearer " .. call.token
    return { token = false, headers = headers }
  end },
  { "ids that mean nothing here", function(call)
    return call.token and with_headers { applicationId = demo.names.connector_id, ["X-Client"] = "x" } (call)
      or {}
  end },
  { "a type of JSON, and no body", no_body = true, with_headers { ["Content-Type"] = "application/json" } },
  { "a type of a form, and no body", no_body = true,
    with_headers { ["Content-Type"] = "application/x-www-form-urlencoded" } },
  { "a query in other cases", function(call)
    local query = {}
    for name, value in pairs(call.query) do query[name:upper()] = value end
    return { query = query }
  end },
  { "a query by other names", function(call)
    local query = contract.copy(call.query)
    for _, field in ipairs(call.operation.query or {}) do
      if field.aliases and query[field[1]] then
        query[field.aliases[1]], query[field[1]] = query[field[1]], nil
      end
    end
    return { query = query }
  end },
}

local PART_NAMES = { "files", "FileName", "1", "2", "media[]", "" }

-- The tests ------------------------------------------------------------------------------------

local access
local function start()
  wire.reset()
  access = {
    tenant = wire.access(), user = wire.access(wire.user_token), group = wire.access(wire.group_token),
  }
end

-- Sends an example with each change; each reply must be that of the call as documented.
local function compare(operation, example, changes)
  start()
  local call = calls.prepare(operation, example, access)
  local status, reply, response = call:send()
  lu.assertEquals(status, 200, response.body)
  local documented = normal(reply)
  for _, change in ipairs(changes) do
    if operation.method ~= "GET" then
      start()
      call = calls.prepare(operation, example, access)
    end
    status, reply, response = call:send(change.make(call))
    local case = ("%s, %s"):format(change.what, response.body)
    lu.assertEquals(status, 200, case)
    lu.assertEquals(response.headers["content-type"], "application/json; charset=utf-8")
    lu.assertEquals(normal(reply), documented, case)
  end
end

local function body_changes(operation, is_first)
  local out = {}
  for _, habit in ipairs(operation.body and not operation.form and HABITS or {}) do
    if is_first or habit.all then
      out[#out + 1] = { what = habit[1], make = function(call)
        local text, content_type = habit[2](operation.body, call.body)
        return { text = text, headers = { ["Content-Type"] = content_type or "application/json" } }
      end }
    end
  end
  return out
end

local TestClients = {}

for _, operation in ipairs(operations) do
  TestClients["test_" .. operation.name] = function()
    for i, example in ipairs(examples.of(operation)) do
      local changes = body_changes(operation, i == 1)
      for _, way in ipairs(i == 1 and WAYS or {}) do
        if not way.no_body or not (operation.body or operation.upload) then
          changes[#changes + 1] = { what = way[1], make = way[2] }
        end
      end
      for _, name in ipairs(operation.upload and PART_NAMES or {}) do
        changes[#changes + 1] = { what = "part " .. name, make = function(call)
          local parts = contract.copy(call.parts)
          for _, part in ipairs(parts) do part.name = name end
          return { parts = parts }
        end }
      end
      wire.calmly(compare, operation, example, changes)
    end
  end
end

local TestSequences = { setUp = start }

-- The form of OAuth as it is documented, and as JSON.
function TestSequences.test_oauth_as_a_form()
  for _, content_type in ipairs {
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8",
  } do
    local call = calls.prepare(calls.by_name["login.oauth_token"],
      examples.of(calls.by_name["login.oauth_token"])[1], access)
    local pairs_ = {}
    for name, value in pairs(call.body) do pairs_[#pairs_ + 1] = name .. "=" .. value end
    local status, reply, response = call:send {
      text = table.concat(pairs_, "&"), headers = { ["Content-Type"] = content_type },
    }
    lu.assertEquals(status, 200, response.body)
    lu.assertEquals(type(reply.accessToken), "string")
  end
end

-- A script from 2018: Python 2, str(dict), endpointUrl joined by hand.
function TestSequences.test_a_ticket_from_first_to_last()
  local headers = { accessToken = access.tenant, applicationId = "whatever" }
  local function post(method, path, body)
    return wire.ok(method, path, { headers = headers, body = body })
  end
  local group = post("POST", "//v1/groups", "{'groupName': 'Tickets', 'welcomeMessage': 'Welcome', "
    .. "'members': ['" .. wire.alice .. "'], 'groupPhoto': None}").groupId
  local job = post("POST", "//groups/" .. group .. "/actions", "{'actionType': 'job', 'actionBody': {"
    .. "'title': 'It\\'s broken', 'dueDate': '24', 'assignedTo': ['" .. wire.alice .. "'],}}").actionId
  post("POST", "//groups/" .. group .. "/actions/" .. job .. "/reminder/", "")
  post("POST", "/groups/" .. group .. "/actions/" .. job .. "/responses",
    "{ActionType: 'JOB', ActionBody: {IsCompleted: True}}")
  post("PUT", "/v1/groups/" .. group .. "/actions/" .. job .. "/Properties",
    "{'version': '-1', 'updateProperties': [{'name': 'state', 'type': 0, 'value': 'closed'}]}")
  local details = wire.ok("GET", "//V1/Groups/" .. group:upper() .. "/Actions/" .. job .. "?GETDETAILS=True",
    { headers = headers }).actionDetails
  lu.assertEquals(details.title, "It's broken")
  lu.assertEquals(details.isCompleted, true)
  lu.assertEquals(details.properties, { { name = "state", type = "Text", value = "closed" } })
end

local passed = wire.run { TestClients = TestClients, TestSequences = TestSequences }
calls.close()
return passed
