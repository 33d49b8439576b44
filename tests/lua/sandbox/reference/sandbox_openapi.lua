-- GET /_sandbox/openapi.json is a valid OpenAPI 3.1 document, and says what the table of operations says.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local operations = require "sandbox.operations"
local wire = require "wire"

local document

local function set_up()
  document = document or wire.ok("GET", "/_sandbox/openapi.json")
end

local function keys(object, known, required, where)
  lu.assertEquals(type(object), "table", where)
  lu.assertFalse(json.is_array(object), where)
  for key in pairs(object) do
    lu.assertTrue(key:find "^x%-" ~= nil or known[key] ~= nil, ("%s: unknown key %s"):format(where, key))
  end
  for _, key in ipairs(required) do
    lu.assertNotNil(object[key], ("%s: %s is missing"):format(where, key))
  end
end

local function set(...)
  local out = {}
  for _, name in ipairs { ... } do out[name] = true end
  return out
end

-- Follows a reference to what it names.
local function resolve(object, where)
  local ref = object["$ref"]
  if not ref then return object end
  keys(object, set "$ref", { "$ref" }, where)
  local found = document
  for part in assert(ref:match "^#/(.+)$", where .. ": a reference outside"):gmatch "[^/]+" do
    found = found[part]
    lu.assertNotNil(found, ("%s: %s leads nowhere"):format(where, ref))
  end
  return found
end

local SCHEMA_KEYS = set("type", "format", "pattern", "enum", "default", "description", "properties",
  "required", "items", "additionalProperties", "minLength", "maxLength", "minimum", "maximum", "minItems",
  "maxItems", "maxProperties", "contentEncoding", "anyOf", "allOf", "not", "if", "then")
local TYPES = set("string", "integer", "number", "boolean", "array", "object", "null")

local function check_type(kind, where)
  for _, name in ipairs(type(kind) == "table" and kind or { kind }) do
    lu.assertNotNil(TYPES[name], where .. ": type")
  end
end

-- A part of a schema that applies to the object of another: what it requires is described there.
local check_schema

local function check_parts(schema, properties, where)
  for _, name in ipairs { "anyOf", "allOf" } do
    lu.assertTrue(schema[name] == nil or (json.is_array(schema[name]) and #schema[name] > 0), where)
    for i, part in ipairs(schema[name] or {}) do
      check_schema(part, ("%s %s %d"):format(where, name, i), properties)
    end
  end
  for _, name in ipairs { "if", "then", "not" } do
    if schema[name] then check_schema(schema[name], where .. " " .. name, properties) end
  end
  lu.assertEquals(schema["if"] ~= nil, schema["then"] ~= nil, where)
end

function check_schema(schema, where, around)
  if schema["$ref"] then
    resolve(schema, where) -- what it leads to is looked at where it is
    return
  end
  keys(schema, SCHEMA_KEYS, {}, where)
  check_type(schema.type, where)
  local properties = setmetatable({}, { __index = around })
  for name in pairs(schema.properties or {}) do properties[name] = true end
  check_parts(schema, properties, where)
  if schema.type == "array" then lu.assertNotNil(schema.items, where .. ": items") end
  for _, name in ipairs { "enum", "required" } do
    if schema[name] then
      lu.assertTrue(json.is_array(schema[name]) and #schema[name] > 0, where .. ": " .. name)
    end
  end
  for _, name in ipairs(schema.required or {}) do
    lu.assertNotNil(properties[name], ("%s: required %s is no property"):format(where, name))
  end
  for name, property in pairs(schema.properties or {}) do
    check_schema(property, where .. "." .. name)
  end
  if schema.items then check_schema(schema.items, where .. "[]") end
  if schema.additionalProperties then check_schema(schema.additionalProperties, where .. ".*") end
end

local function check_content(content, where)
  lu.assertEquals(type(content), "table", where)
  for kind, media in pairs(content) do
    lu.assertStrContains(kind, "/")
    keys(media, set("schema", "examples"), { "schema" }, where)
    for name, example in pairs(media.examples or {}) do
      lu.assertNotNil(name:match "^[%w ._-]+$", where)
      keys(example, set "value", { "value" }, where)
    end
    check_schema(media.schema, where)
  end
end

local function check_parameters(operation, path, where)
  local in_path, seen = {}, {}
  for _, parameter in ipairs(operation.parameters or {}) do
    keys(parameter, set("name", "in", "required", "schema"), { "name", "in", "schema" }, where)
    local id = parameter["in"] .. " " .. parameter.name
    lu.assertNil(seen[id], where .. ": twice " .. id)
    seen[id] = true
    check_schema(parameter.schema, where .. " " .. id)
    lu.assertNotNil(set("path", "query", "header")[parameter["in"]], where)
    if parameter["in"] == "path" then
      lu.assertTrue(parameter.required, where .. ": a parameter of a path is required")
      in_path[parameter.name] = true
    end
  end
  for name in path:gmatch "{(.-)}" do
    lu.assertTrue(in_path[name], ("%s: %s is not described"):format(where, name))
    in_path[name] = nil
  end
  lu.assertNil(next(in_path), where .. ": a parameter that the path lacks")
end

local function check_responses(responses, where)
  lu.assertNotNil(responses["200"], where)
  for status, response in pairs(responses) do
    lu.assertNotNil(status:match "^[1-5]%d%d$", where .. ": status " .. status)
    response = resolve(response, where .. " " .. status)
    keys(response, set("description", "content", "headers"), { "description" }, where .. " " .. status)
    check_content(response.content, where .. " " .. status)
    for _, header in pairs(response.headers or {}) do
      check_schema(header.schema, where .. " " .. status)
    end
  end
end

local OPERATION_KEYS = set("operationId", "summary", "tags", "parameters", "requestBody", "responses",
  "security")

local TestOpenapi = { setUp = function() wire.calmly(set_up) end }

function TestOpenapi.test_the_document()
  keys(document, set("openapi", "info", "servers", "security", "paths", "components"),
    { "openapi", "info", "paths" }, "document")
  lu.assertEquals(document.openapi, "3.1.0")
  keys(document.info, set("title", "version"), { "title", "version" }, "info")
  lu.assertEquals(document.servers[1].url, wire.root .. "/v1")
  keys(document.components, set("schemas", "responses", "securitySchemes"), {}, "components")
  for _, need in ipairs(document.security) do
    for name in pairs(need) do
      lu.assertNotNil(document.components.securitySchemes[name], name)
    end
  end
  for name, scheme in pairs(document.components.securitySchemes) do
    lu.assertNotNil(set("apiKey", "http")[scheme.type], name)
  end
  wire.calmly(function()
    for name, schema in pairs(document.components.schemas) do check_schema(schema, name) end
  end)
end

local function check_each_operation()
  local ids = {}
  for path, item in pairs(document.paths) do
    lu.assertEquals(path:sub(1, 1), "/")
    for method, operation in pairs(item) do
      local where = method .. " " .. path
      lu.assertNotNil(set("get", "put", "post", "delete")[method], where)
      keys(operation, OPERATION_KEYS, { "operationId", "responses" }, where)
      lu.assertNil(ids[operation.operationId], where .. ": its operationId is used twice")
      ids[operation.operationId] = operation
      check_parameters(operation, path, where)
      check_responses(operation.responses, where)
      if operation.requestBody then check_content(operation.requestBody.content, where) end
    end
  end
  for _, operation in ipairs(operations) do
    lu.assertNotNil(ids[operation.name], operation.name)
    ids[operation.name] = nil
  end
  lu.assertNil(next(ids))
end

function TestOpenapi.test_each_operation()
  wire.calmly(check_each_operation)
end

function TestOpenapi.test_what_it_says_of_one()
  local add = document.paths["/groups/{group}/members"].put
  lu.assertEquals(add["x-permission"], "groupmember.write")
  lu.assertEquals(add["x-who"], "admin")
  local schema = add.requestBody.content["application/json"].schema
  lu.assertEquals(schema.required, { "members" })
  lu.assertEquals(schema.properties.members.type, "array")
  lu.assertEquals(schema.properties.members.maxItems, 1000)
  lu.assertNotNil(add.responses["404"])
  lu.assertEquals(#document.paths["/accessToken"].get.security, 0)
end

return wire.run { TestOpenapi = TestOpenapi }
