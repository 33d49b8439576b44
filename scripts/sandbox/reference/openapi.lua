--- Writes the table of operations as an OpenAPI 3.1 document.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local examples = require "sandbox.reference.examples"
local json_schema = require "sandbox.reference.json_schema"
local limits = require "sandbox.base.limits"

local openapi = {}

local function is_asked_for(field) return field.required == true end
local function is_always_there(field) return not field.optional end

local function parameters(operation, scope)
  local out = {}
  for name in operation.path:gmatch "{(.-)}" do
    out[#out + 1] = { name = name, ["in"] = "path", required = true,
      schema = { type = "string", maxLength = limits.url_bytes } }
  end
  for _, place in ipairs { "query", "header" } do
    for _, field in ipairs(operation[place == "header" and "headers" or place] or {}) do
      out[#out + 1] = { name = field[1], ["in"] = place, required = field.required == true,
        schema = json_schema.of(field, scope) }
    end
  end
  return #out > 0 and json.array(out) or nil
end

local FORM = "application/x-www-form-urlencoded"

---@param media_type string|nil JSON where it is left out
local function content(schema, media_type, named)
  return { [media_type or "application/json"] = { schema = schema, examples = named } }
end

-- Possible refusals: names below components/responses by status.
local function refusals(operation)
  local out = { ["429"] = "Throttled", ["401"] = "Unauthenticated" }
  if operation.upload then
    out["415"] = "UnsupportedMediaType"
  end
  if operation.body or operation.query or operation.upload then
    out["400"] = "Invalid"
  end
  if operation.permission or operation.who then
    out[tostring(assumptions.permission_status)] = "Forbidden"
  end
  if operation.path:find("{", 1, true) then
    out[tostring(assumptions.not_found_status)] = "NotFound"
  end
  return out
end

-- The bodies of a row's examples, by their names.
local function examples_of(operation)
  local out = {}
  for _, example in ipairs(examples.of(operation)) do
    out[example.name or "example"] = { value = examples.fill(example.body or {}, examples.SAMPLES) }
  end
  return out
end

local function request_body(operation, scope)
  if operation.upload then
    return { required = true, content = { ["multipart/form-data"] = { schema = {
      type = "object",
      additionalProperties = { type = "string", format = "binary" },
    } } } }
  end
  local schema = operation.body and json_schema.object(operation.body, scope)
  return schema and {
    required = schema.required ~= nil,
    content = content(schema, operation.form and FORM, examples_of(operation)),
  } or nil
end

local function describe(operation, schemas)
  local asked = { schemas = schemas, is_required = is_asked_for }
  local answered = { schemas = schemas, is_required = is_always_there }
  local responses = {
    ["200"] = { description = "Done", content = content(json_schema.object(operation.reply, answered)) },
  }
  for status, name in pairs(refusals(operation)) do
    responses[status] = { ["$ref"] = "#/components/responses/" .. name }
  end
  return {
    operationId = operation.name,
    summary = operation.summary,
    tags = json.array { (operation.name:match "^[^.]+") },
    parameters = parameters(operation, asked),
    requestBody = request_body(operation, asked),
    responses = responses,
    security = operation.public and json.array {} or nil,
    ["x-permission"] = operation.permission,
    ["x-who"] = operation.who,
  }
end

local function refusal(description, headers)
  return {
    description = description,
    headers = headers,
    content = content { ["$ref"] = "#/components/schemas/Error" },
  }
end

local function components(schemas)
  schemas.Error = json_schema.object({
    { "message", kind = "string" },
    { "errorCode", kind = "string" },
    { "errorCategoryKey", kind = "string" },
  }, { schemas = schemas, is_required = is_always_there })
  return {
    schemas = schemas,
    responses = {
      Invalid = refusal "A malformed body, or a value that is not what it should be",
      Unauthenticated = refusal "No token, a bad one, or one that has expired",
      Forbidden = refusal "The connector lacks the permission, or the caller the role",
      NotFound = refusal "There is no such thing",
      UnsupportedMediaType = refusal "No form, or a part of a type that the service does not take",
      Throttled = refusal("Too many calls", {
        ["Retry-After"] = { description = "Seconds to wait", schema = { type = "integer" } },
      }),
    },
    securitySchemes = {
      accessToken = { type = "apiKey", ["in"] = "header", name = "accessToken" },
      bearer = { type = "http", scheme = "bearer" },
    },
  }
end

---@param operations sandbox.operation[]
---@param root string where the sandbox listens, without a slash at the end
---@return table document
function openapi.document(operations, root)
  local paths, schemas = {}, {}
  for _, operation in ipairs(operations) do
    local item = paths[operation.path] or {}
    item[operation.method:lower()] = describe(operation, schemas)
    paths[operation.path] = item
  end
  return {
    openapi = "3.1.0",
    info = {
      title = "Kaizala connector API, as the jeton sandbox speaks it",
      version = "v1",
    },
    servers = json.array { { url = root .. "/v1" } },
    security = json.array { { accessToken = json.array {} }, { bearer = json.array {} } },
    paths = paths,
    components = components(schemas),
  }
end

return openapi
