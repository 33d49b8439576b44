-- The calls of the operations' examples, as the table has them: what must be there before is done first.
local http = require "jeton.http"
local json = require "jeton.json"
local server = require "jeton.server"
local examples = require "sandbox.reference.examples"
local operations = require "sandbox.operations"
local receivers = require "receivers"
local signing_in = require "signing_in"
local wire = require "wire"

local calls = { by_name = {} }
for _, operation in ipairs(operations) do
  calls.by_name[operation.name] = operation
end

-- What the examples mean by a picture somewhere.
local pictures = assert(server.listen {
  handler = function() return { headers = { ["Content-Type"] = "image/png" }, body = "PNG" } end,
})
local PICTURE_URL = ("http://127.0.0.1:%d/picture.png"):format(pictures.port)
local receiver = receivers.start()

function calls.close()
  pictures:close()
  receiver:close()
end

-- The example of this name; the first one without.
local function find_example(operation, name)
  for _, example in ipairs(examples.of(operation)) do
    if not name or example.name == name then return example end
  end
  error(("%s has no example %s"):format(operation.name, name))
end

local function query_text(query)
  local out = {}
  for name, value in pairs(query) do
    out[#out + 1] = name .. "=" .. http.encode(tostring(value))
  end
  return #out > 0 and "?" .. table.concat(out, "&") or ""
end

---@class calls.call
---@field operation sandbox.operation
---@field params table<string, string> headers, query, body, parts: as the example's, filled in
---@field token string|nil
local Call = {}
Call.__index = Call

--- Sends it with changes: token, params, headers, query, body, parts, text in place of a body, prefix in
--- place of /v1, path: a function on the path before the query.
---@return integer status
---@return table|nil reply
---@return table response
function Call:send(change)
  change = change or {}
  local path = (change.prefix or "/v1") .. self.operation.path:gsub("{(%w+)}", change.params or self.params)
  if change.path then path = change.path(path) end
  local token = self.token
  if change.token ~= nil then token = change.token or nil end
  return wire.call(self.operation.method, path .. query_text(change.query or self.query), {
    token = token,
    headers = change.headers or self.headers,
    json = not change.text and (change.body or self.body) or nil,
    parts = not change.text and (change.parts or self.parts) or nil,
    body = change.text,
  })
end

--- The call of an example, its `given` done before.
---@param operation sandbox.operation
---@param example sandbox.example
---@param tokens table<string, string> access tokens by the names that examples use
---@return calls.call
function calls.prepare(operation, example, tokens)
  local kept = {
    receiver = receiver.url, picture_url = PICTURE_URL,
    secret = wire.secret, refreshToken = wire.tenant_token,
  }
  for _, step in ipairs(example.given or {}) do
    local before = assert(calls.by_name[step[1]], "there is no operation " .. step[1])
    local call = calls.prepare(before, find_example(before, step[2]), tokens)
    local status, reply = call:send()
    assert(status == 200, ("given %s: %s"):format(before.name, json.encode(reply)))
    for name, value in pairs(call.kept) do kept[name] = kept[name] or value end
    for name, field in pairs(step) do
      if type(name) == "string" then
        kept[name] = assert(reply[field], ("the reply of %s has no %s"):format(before.name, field))
      end
    end
  end
  if example.sms then kept.pin = signing_in.pin(example.sms) end
  if example.sign_in then kept.code = signing_in.code(example.sign_in) end
  return setmetatable({
    operation = operation,
    kept = kept,
    params = examples.fill(example.params or {}, kept),
    token = not operation.public and tokens[example.token or "tenant"] or nil,
    headers = examples.fill(example.headers or {}, kept),
    query = examples.fill(example.query or {}, kept),
    body = operation.body and examples.fill(example.body or {}, kept),
    parts = operation.upload and assert(example.parts),
  }, Call)
end

return calls
