--- Writes docs/api-reference.md from the table of operations.
local json = require "jeton.json"
local examples = require "sandbox.reference.examples"
local limits = require "sandbox.base.limits"

local reference = {}

local HEAD = [[
# The API of the sandbox

Written from `scripts/sandbox/operations/`: change it there, then run
`jeton run scripts/tools/api-reference.lua docs/api-reference.md`. The same as OpenAPI 3.1:
`GET /_sandbox/openapi.json`.

Paths are below `/v1`, which may be left out. All calls except the public ones need the header `accessToken`
or `Authorization: Bearer`. Bodies and replies are JSON objects; in requests, the case of names does not
matter, and unknown names and nulls are ignored. A phone number has `+` and country code. An id is a GUID,
optionally followed by `@1`, `@2` …

Refusals: `{"message", "errorCode", "errorCategoryKey"}`, with

| status | errorCode | when |
| --- | --- | --- |
| 400 | `InvalidParameters` | a malformed body, or a field that is missing, of the wrong type or too long |
| 401 | `InvalidToken` | the token is missing, invalid or expired |
| 403 | `PermissionDenied` | the connector lacks the permission, or the caller lacks the role |
| 404 | `NotFound` | there is no such object or path |
| 405 | `MethodNotAllowed` | the path has only other methods; `Allow` lists them |
| 413 | `RequestEntityTooLarge` | a JSON body over %d bytes |
| 415 | `UnsupportedMediaType` | an upload that is not a form, or has a part of an unsupported type |
| 429 | `TooManyRequests` | over the limits; `Retry-After` says how many seconds to wait |

A refused call changes nothing.
]]

local WHO = {
  reach = "members of the group",
  audience = "members of the group and its subscribers",
  admin = "admins of the group",
  tenant = "tenant-level tokens",
}

-- "string, 1 to 100 characters"
local DESCRIBE = {
  string = function(field)
    local least = field.not_empty and "1 to " or "at most "
    return field.max and ("string, %s%d characters"):format(least, field.max) or "string"
  end,
  boolean = function() return "`true` or `false`" end,
  integer = function(field)
    if field.min and field.max then
      return ("integer, %d to %d"):format(field.min, field.max)
    elseif field.max or field.min then
      return ("integer, at %s %d"):format(field.max and "most" or "least", field.max or field.min)
    end
    return "integer"
  end,
  number = function() return "number" end,
  phone = function() return "phone number" end,
  id = function() return "id" end,
  connector_id = function() return "id of a connector" end,
  digits = function() return "digits, as text or as a number" end,
  time = function() return "time, ISO 8601" end,
  media = function(field)
    return "`mediaResource`" .. (field.types and " of type " .. table.concat(field.types, " or ") or "")
  end,
  choice = function(field)
    return "`" .. table.concat(field.choices, "`, `") .. "`" .. (field.numbers and ", or its number" or "")
  end,
  any = function(field)
    return "any value" .. (field.max and (", at most %d bytes of JSON"):format(field.max) or "")
  end,
  object = function() return "object" end,
}

function DESCRIBE.map(field)
  local of = field.item and DESCRIBE[field.item.kind](field.item)
  local most = field.max and (" of at most %d"):format(field.max) or ""
  return ("object by key%s; of each%s"):format(most, of and ": " .. of or "")
end

function DESCRIBE.list(field)
  local of = field.item and DESCRIBE[field.item.kind](field.item)
  local most = field.max and (" of at most %d"):format(field.max) or ""
  return "list" .. most .. (of and ", each: " .. of or "")
end

function DESCRIBE.union(field)
  local out = {}
  for i, one in ipairs(field.any_of) do
    out[i] = DESCRIBE[one.kind](one)
  end
  return table.concat(out, ", or ") .. (field.nullable and ", or null" or "")
end

function DESCRIBE.variant(field)
  return ("by `%s`"):format(field.variants[#field.variants].by)
end

for kind, what in pairs { phones = "phone numbers", ids = "ids", strings = "strings" } do
  DESCRIBE[kind] = function(field)
    return "list of " .. what .. (field.max and (", at most %d"):format(field.max) or "")
  end
end

local function notes(field)
  local out = {}
  if field.required then
    out[#out + 1] = "required"
  end
  if field.optional then
    out[#out + 1] = "not always"
  end
  if field.text then
    out[#out + 1] = "also as text"
  end
  if field.iso then
    out[#out + 1] = "also as ISO 8601"
  end
  if field.default ~= nil and field.default ~= "" then
    out[#out + 1] = ("default `%s`"):format(tostring(field.default))
  end
  if field.aliases then
    out[#out + 1] = "also as `" .. table.concat(field.aliases, "`, `") .. "`"
  end
  return table.concat(out, "; ")
end

local add_rows

local function add_nested(out, place, field, name)
  local nested = field.fields or field.of
  if nested then
    local step = field.kind == "list" and "[]." or field.kind == "map" and ".*." or "."
    add_rows(out, place, nested, name .. step)
  end
end

-- One row for each kind of value, or the rows of each object, with the field they depend on.
local function add_variants(out, place, field, name)
  for _, variant in ipairs(field.variants) do
    local where = ("%s, %s"):format(place, variant.is or "with `" .. variant.by .. "`")
    if variant.kind ~= "object" then
      out[#out + 1] = { where, name, DESCRIBE[variant.kind](variant), notes(variant) }
    end
    add_nested(out, where, variant, name)
  end
end

function add_rows(out, place, fields, prefix)
  for _, field in ipairs(fields) do
    local name = prefix .. field[1]
    out[#out + 1] = { place, name, DESCRIBE[field.kind](field), notes(field) }
    if field.variants then
      add_variants(out, place, field, name)
    else
      add_nested(out, place, field, name)
    end
  end
end

-- "PUT /groups/…/members {"members": […]}"
local function example_of(operation, call)
  local params = call.params or {}
  local path = operation.path:gsub("{(.-)}", params)
  local query = {}
  for name, value in pairs(call.query or {}) do
    query[#query + 1] = name .. "=" .. value
  end
  table.sort(query)
  local line = ("%s /v1%s%s"):format(operation.method, path,
    #query > 0 and "?" .. table.concat(query, "&") or "")
  for _, part in ipairs(call.parts or {}) do
    line = ("%s\n%s=@%s (%s)"):format(line, part.name, part.filename, part.content_type)
  end
  return call.body and line .. "\n" .. json.encode(call.body) or line
end

--- Calls that succeed on the demo tenant, as text.
---@param operation sandbox.operation
---@return string
function reference.examples(operation)
  local out, seen = {}, {}
  for _, call in ipairs(examples.of(operation)) do
    local text = example_of(operation, call)
    if not seen[text] then
      seen[text] = true
      out[#out + 1] = text
    end
  end
  return table.concat(out, "\n\n")
end

--- What it does and who may, with `code` in backquotes.
---@param operation sandbox.operation
---@return string
function reference.about(operation)
  local rules = {}
  if operation.permission then
    rules[1] = ("Permission: `%s`."):format(operation.permission)
  end
  rules[#rules + 1] = operation.public and "Public."
    or ("Allowed for: %s."):format(WHO[operation.who] or "any token")
  return operation.summary .. " " .. table.concat(rules, " ")
end

---@class sandbox.reference.row
---@field [1] string where: "header", "query", "body", "form", "reply", also of which kind
---@field [2] string name; "" for a part of a form, which may have any
---@field [3] string type, with `code` in backquotes
---@field [4] string notes, likewise

--- The fields of its request and reply.
---@param operation sandbox.operation
---@return sandbox.reference.row[]
function reference.rows(operation)
  local out = {}
  add_rows(out, "header", operation.headers or {}, "")
  add_rows(out, "query", operation.query or {}, "")
  add_rows(out, "body", operation.body or {}, "")
  if operation.upload then
    out[#out + 1] = { "form", "", "file", ("1 to %d parts"):format(limits.media_per_upload) }
  end
  add_rows(out, "reply", operation.reply, "")
  return out
end

local function section(operation)
  local out = {
    ("### %s %s"):format(operation.method, operation.path), "",
    reference.about(operation), "",
    "| in | name | type | |", "| --- | --- | --- | --- |",
  }
  for _, row in ipairs(reference.rows(operation)) do
    local name = row[2] ~= "" and "`" .. row[2] .. "`" or "any"
    out[#out + 1] = ("| %s | %s | %s | %s |"):format(row[1], name, row[3], row[4])
  end
  table.move({ "", "```", reference.examples(operation), "```", "" }, 1, 5, #out + 1, out)
  return table.concat(out, "\n")
end

---@param operations sandbox.operation[]
---@return string markdown
function reference.page(operations)
  local out, chapter = { HEAD:format(limits.json_bytes) }, nil
  for _, operation in ipairs(operations) do
    local name = operation.name:match "^[^.]+"
    if name ~= chapter then
      chapter = name
      out[#out + 1] = ("## %s%s\n"):format(name:sub(1, 1):upper(), name:sub(2))
    end
    out[#out + 1] = section(operation)
  end
  return table.concat(out, "\n")
end

return reference
