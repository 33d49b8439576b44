--- Converts tables of fields to JSON Schema (2020-12), as in OpenAPI 3.1.
local json = require "jeton.json"
local limits = require "sandbox.base.limits"

local json_schema = {}

local PHONE = ("^\\+[1-9][0-9]{%d,%d}$"):format(limits.phone_digits_min - 1, limits.phone_digits_max - 1)
local GUID = "^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{64})(@[0-9]+)?$"

local CONNECTOR_ID = ("^[0-9A-Za-z][0-9A-Za-z@._-]{0,%d}$"):format(limits.identifier_characters - 1)

local schema_of

--- The named schemas of a document, and whether it describes requests or replies.
---@class sandbox.json_schema.scope
---@field schemas table<string, table>
---@field is_required fun(field: table): boolean

-- The condition of a variant: the other field's value, or the numbers for it.
local function condition(fields, variant)
  local rule = { required = json.array { variant.by } }
  if variant.is then
    local values = json.array { variant.is }
    for _, field in ipairs(fields) do
      for number, name in pairs(field[1] == variant.by and field.numbers or {}) do
        if name == variant.is then
          values[#values + 1] = number
        end
      end
    end
    rule.properties = { [variant.by] = { enum = values } }
  end
  return rule
end

-- A variant's schema: a reference if the field has a name for it.
local function variant_schema(field, variant, scope)
  local schema = schema_of(variant, scope)
  if not field.schema then
    return schema
  end
  local name = ("%s.%s"):format(field.schema, variant.is or variant.by)
  scope.schemas[name] = schema
  return { ["$ref"] = "#/components/schemas/" .. name }
end

-- Adds the rules of a variant to its object: if the other field has this value, the variant has this schema.
local function add_variant(rules, fields, field, scope)
  local choices, before = json.array {}, json.array {}
  for _, variant in ipairs(field.variants) do
    local schema, when = variant_schema(field, variant, scope), condition(fields, variant)
    choices[#choices + 1] = schema
    if #before > 0 then
      when["not"] = { anyOf = table.move(before, 1, #before, 1, json.array {}) }
    end
    if not variant.is then
      before[#before + 1] = { required = json.array { variant.by } }
    end
    rules[#rules + 1] = { ["if"] = when, ["then"] = {
      properties = { [field[1]] = schema },
      required = scope.is_required(variant) and json.array { field[1] } or nil,
    } }
  end
  local by = field.variants[#field.variants].by
  return field.schema and { anyOf = choices, description = "By " .. by }
    or { description = "By " .. by }
end

-- One of the fields that a variant depends on must be present.
local function add_need(rules, field)
  local needs, seen = json.array {}, {}
  for _, variant in ipairs(field.variants) do
    if not seen[variant.by] then
      seen[variant.by] = true
      needs[#needs + 1] = { required = json.array { variant.by } }
    end
  end
  rules[#rules + 1] = { anyOf = needs }
end

---@param fields sandbox.field[]|sandbox.reply_field[]
---@param scope sandbox.json_schema.scope
---@return table
function json_schema.object(fields, scope)
  local properties, required, rules = {}, {}, {}
  for _, field in ipairs(fields) do
    if field.variants then
      properties[field[1]] = add_variant(rules, fields, field, scope)
      if field.required then
        add_need(rules, field)
      end
    else
      properties[field[1]] = schema_of(field, scope)
    end
    if scope.is_required(field) then
      required[#required + 1] = field[1]
    end
  end
  return {
    type = "object",
    properties = properties,
    required = #required > 0 and json.array(required) or nil,
    allOf = #rules > 0 and json.array(rules) or nil,
  }
end

local function list_of(items)
  return function(field)
    return { type = "array", items = items, maxItems = field.max, minItems = field.min }
  end
end

local function or_text(schema, field)
  return field.text and { anyOf = json.array { schema, { type = "string" } } } or schema
end

-- Schemas by kind.
local KINDS = {
  string = function(field)
    return { type = "string", maxLength = field.max, pattern = field.not_empty and "\\S" or nil }
  end,
  boolean = function() return { type = "boolean" } end,
  integer = function(field) return { type = "integer", minimum = field.min, maximum = field.max } end,
  number = function(field) return or_text({ type = "number" }, field) end,
  digits = function() return { type = json.array { "string", "integer" }, pattern = "^[0-9]+$" } end,
  phone = function() return { type = "string", pattern = PHONE } end,
  id = function() return { type = "string", pattern = GUID } end,
  connector_id = function() return { type = "string", pattern = CONNECTOR_ID } end,
  time = function(field) return { type = "string", format = "date-time", maxLength = field.max } end,
  media = function() return { type = "string", contentEncoding = "base64", minLength = 1 } end,
  choice = function(field)
    local values = json.array { table.unpack(field.choices) }
    for number in pairs(field.numbers or {}) do
      values[#values + 1] = number
    end
    return { enum = values }
  end,
  phones = list_of { type = "string", pattern = PHONE },
  ids = list_of { type = "string", pattern = GUID },
  strings = list_of { type = "string" },
  any = function() return {} end,
  list = function(field, scope)
    local items = field.of and json_schema.object(field.of, scope)
      or field.item and schema_of(field.item, scope) or {}
    return or_text(list_of(items)(field), field)
  end,
  object = function(field, scope)
    return field.fields and json_schema.object(field.fields, scope) or { type = "object" }
  end,
  map = function(field, scope)
    return {
      type = "object", maxProperties = field.max,
      additionalProperties = field.of and json_schema.object(field.of, scope) or schema_of(field.item, scope),
    }
  end,
  union = function(field, scope)
    local choices = json.array {}
    for i, one in ipairs(field.any_of) do
      choices[i] = schema_of(one, scope)
    end
    if field.nullable then
      choices[#choices + 1] = { type = "null" }
    end
    return { anyOf = choices }
  end,
}

---@param field sandbox.field|sandbox.reply_field
---@param scope sandbox.json_schema.scope
---@return table
function schema_of(field, scope)
  local schema = KINDS[field.kind](field, scope)
  schema.default = field.default
  if field.aliases then
    schema.description = "Also as " .. table.concat(field.aliases, ", ")
  end
  return schema
end
json_schema.of = schema_of

return json_schema
