--- The table of operations as an OpenAPI 3.1 document.
local json = require "jeton.json"
local assumptions = require "sandbox.assumptions"
local limits = require "sandbox.limits"

local openapi = {}

local PHONE = ("^\\+[1-9][0-9]{%d,%d}$"):format(limits.phone_digits_min - 1, limits.phone_digits_max - 1)

local schema_of

---@param fields sandbox.field[]|sandbox.reply_field[]
---@param is_required fun(field: table): boolean
local function object(fields, is_required)
  local properties, required = {}, {}
  for _, field in ipairs(fields) do
    properties[field[1]] = schema_of(field, is_required)
    if is_required(field) then
      required[#required + 1] = field[1]
    end
  end
  return {
    type = "object",
    properties = properties,
    required = #required > 0 and json.array(required) or nil,
  }
end

local function list_of(items)
  return function(field)
    return { type = "array", items = items, maxItems = field.max }
  end
end

-- One schema a kind.
local KINDS = {
  string = function(field)
    return { type = "string", minLength = field.not_empty and 1 or nil, maxLength = field.max }
  end,
  boolean = function() return { type = "boolean" } end,
  integer = function(field)
    return { type = "integer", format = "int64", minimum = field.min, maximum = field.max }
  end,
  number = function() return { type = "number" } end,
  phone = function() return { type = "string", pattern = PHONE } end,
  id = function() return { type = "string", maxLength = limits.identifier_characters } end,
  choice = function(field) return { type = "string", enum = json.array { table.unpack(field.choices) } } end,
  phones = list_of { type = "string", pattern = PHONE },
  ids = list_of { type = "string", maxLength = limits.identifier_characters },
  strings = list_of { type = "string" },
  any = function() return {} end,
  list = function(field, is_required)
    return {
      type = "array",
      items = field.of and object(field.of, is_required) or {},
      maxItems = field.max,
    }
  end,
  object = function(field, is_required)
    return field.fields and object(field.fields, is_required) or { type = "object" }
  end,
  map = function(field, is_required)
    return { type = "object", additionalProperties = object(field.of, is_required) }
  end,
}

function schema_of(field, is_required)
  local schema = KINDS[field.kind](field, is_required)
  schema.default = field.default
  if field.aliases then
    schema.description = "Also as " .. table.concat(field.aliases, ", ")
  end
  return schema
end

local function is_asked_for(field) return field.required == true end
local function is_always_there(field) return not field.optional end

local function parameters(operation)
  local out = {}
  for name in operation.path:gmatch "{(.-)}" do
    out[#out + 1] = { name = name, ["in"] = "path", required = true,
      schema = { type = "string", maxLength = limits.url_bytes } }
  end
  for _, place in ipairs { "query", "header" } do
    for _, field in ipairs(operation[place == "header" and "headers" or place] or {}) do
      out[#out + 1] = { name = field[1], ["in"] = place, required = field.required == true,
        schema = schema_of(field, is_asked_for) }
    end
  end
  return #out > 0 and json.array(out) or nil
end

local FORM = "application/x-www-form-urlencoded"

---@param media_type string|nil JSON where it is left out
local function content(schema, media_type)
  return { [media_type or "application/json"] = { schema = schema } }
end

-- What it may be refused with: names below components/responses by status.
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

local function request_body(operation)
  if operation.upload then
    return { required = true, content = { ["multipart/form-data"] = { schema = {
      type = "object",
      additionalProperties = { type = "string", format = "binary" },
    } } } }
  end
  local schema = operation.body and object(operation.body, is_asked_for)
  return schema and {
    required = schema.required ~= nil,
    content = content(schema, operation.form and FORM),
  } or nil
end

local function describe(operation)
  local responses = {
    ["200"] = { description = "Done", content = content(object(operation.reply, is_always_there)) },
  }
  for status, name in pairs(refusals(operation)) do
    responses[status] = { ["$ref"] = "#/components/responses/" .. name }
  end
  return {
    operationId = operation.name,
    summary = operation.summary,
    tags = json.array { (operation.name:match "^[^.]+") },
    parameters = parameters(operation),
    requestBody = request_body(operation),
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

local function components()
  return {
    schemas = {
      Error = object({
        { "message", kind = "string" },
        { "errorCode", kind = "string" },
        { "errorCategoryKey", kind = "string" },
      }, is_always_there),
    },
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
  local paths = {}
  for _, operation in ipairs(operations) do
    local item = paths[operation.path] or {}
    item[operation.method:lower()] = describe(operation)
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
    components = components(),
  }
end

return openapi
