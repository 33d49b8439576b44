-- What the contract test knows about fields: whether a reply is as its table says, and every way in
-- which a request can break its own.
local json = require "jeton.json"
local names = require "kaizala.names"
local ids = require "sandbox.base.ids"

local contract = {}

---@param value any
local function copy(value)
  if type(value) ~= "table" or value == json.null then
    return value
  end
  local out = json.is_array(value) and json.array {} or {}
  for key, item in pairs(value) do
    out[key] = copy(item)
  end
  return out
end
contract.copy = copy

-- Replies --------------------------------------------------------------------------------------

local function is_list(value) return type(value) == "table" and json.is_array(value) end
local function is_object(value) return type(value) == "table" and not json.is_array(value) end
local function is_string(value) return type(value) == "string" end
local function is_number(value) return type(value) == "number" end

local check_object, check_value

local function each_is(test)
  return function(value)
    for _, item in ipairs(is_list(value) and value or {}) do
      if not test(item) then return false end
    end
    return is_list(value)
  end
end

-- By kind: whether a value of a reply is one.
local IS = {
  string = is_string,
  boolean = function(value) return type(value) == "boolean" end,
  integer = function(value) return math.type(value) == "integer" end,
  number = is_number,
  phone = ids.is_phone,
  id = ids.is_id,
  connector_id = ids.is_connector_id,
  phones = each_is(ids.is_phone),
  ids = each_is(ids.is_id),
  strings = each_is(is_string),
  any = function() return true end,
  time = function(value) return is_string(value) and names.iso_time(value) ~= nil end,
  list = is_list,
  object = is_object,
  map = is_object,
  choice = function(value, field)
    for _, choice in ipairs(field.choices) do
      if value == choice then return true end
    end
    return false
  end,
}

function IS.union(value, field)
  for _, one in ipairs(field.any_of) do
    if IS[one.kind](value, one) then return true end
  end
  return field.nullable and value == json.null
end

function check_value(value, field, name)
  if not IS[field.kind](value, field) then
    error(("the reply's %s is no %s: %s"):format(name, field.kind, json.encode(value)), 0)
  end
  if field.kind == "list" then
    for i, item in ipairs(field.of and value or {}) do
      check_object(item, field.of, ("%s[%d]"):format(name, i - 1))
    end
    for i, item in ipairs(field.item and value or {}) do
      check_value(item, field.item, ("%s[%d]"):format(name, i - 1))
    end
  elseif field.kind == "map" then
    for key, item in pairs(value) do
      check_object(item, field.of, name .. "." .. key)
    end
  elseif field.kind == "object" and field.fields then
    check_object(value, field.fields, name)
  end
end

--- What a field is in this object: itself, or the variant that fits; nil where none does.
---@param field sandbox.field
---@param object table
---@param fields sandbox.field[] of the object
---@return sandbox.field|nil
local function pick(field, object, fields)
  if not field.variants then return field end
  for _, variant in ipairs(field.variants) do
    local value = object[variant.by]
    for _, other in ipairs(fields) do
      if other[1] == variant.by and other.numbers then value = other.numbers[value] or value end
    end
    if value ~= nil and value ~= json.null then
      if not variant.is or (is_string(value) and variant.is:lower() == value:lower()) then return variant end
    end
  end
end

contract.pick = pick

function check_object(value, fields, name)
  if not is_object(value) then
    error(("the reply's %s is no object"):format(name), 0)
  end
  local known = {}
  for _, field in ipairs(fields) do
    known[field[1]] = true
    local item = value[field[1]]
    if item ~= nil and field.variants then
      local variant = pick(field, value, fields)
      if not variant then error(("the reply's %s.%s fits no variant"):format(name, field[1]), 0) end
      check_value(item, variant, name .. "." .. field[1])
    elseif item ~= nil then
      check_value(item, field, name .. "." .. field[1])
    elseif not field.optional then
      error(("the reply's %s lacks %s"):format(name, field[1]), 0)
    end
  end
  for key in pairs(value) do
    if not known[key] then
      error(("the reply's %s holds %s, which its table does not name"):format(name, key), 0)
    end
  end
end

--- Raises unless a reply holds what its fields say, and nothing else.
---@param value table
---@param fields sandbox.reply_field[]
function contract.check_reply(value, fields)
  check_object(value, fields, "body")
end

-- Requests -------------------------------------------------------------------------------------

local PHONE = "+3319%07d"

-- By kind: values that are none.
local WRONG = {
  string = { 5, true, {}, json.array {} },
  boolean = { "yes", 1, {} },
  integer = { "x", 1.5, {}, json.array {} },
  number = { "x", {}, json.array {} },
  phone = { 33100000001, "33100000001", "+0", "" },
  phones = { "+33100000001", {}, json.array { "0100000001" }, json.array { 5 } },
  id = { 5, "x", "" },
  connector_id = { 5, "no id", "", "../x" },
  ids = { "853654b2-7e1b-4c0e-9f0a-3d0c5f6b2a11", {}, json.array { "x" } },
  strings = { "x", {}, json.array { 5 } },
  choice = { "no such choice", 5, json.array {} },
  list = { "x", {}, 5 },
  object = { "x", json.array {}, 5 },
  map = { "x", json.array {}, 5, { a = 5 } },
  digits = { "x", "", 1.5, true, {}, json.array {} },
  time = { 5, "tomorrow", "", {} },
  media = { 5, "", "https://x", {}, json.array {} },
  union = { true },
  any = {},
}

local function many(count, make)
  local out = json.array {}
  for i = 1, count do out[i] = make(i) end
  return out
end

-- By kind: a value that is over the field's limits; nil where there is none.
local TOO_MUCH = {
  string = function(field) return field.max and ("x"):rep(field.max + 1) end,
  integer = function(field) return field.max and field.max + 1 end,
  phones = function(field)
    return field.max and many(field.max + 1, function(i) return PHONE:format(i) end)
  end,
  ids = function(field)
    return field.max and many(field.max + 1, function() return ids.new() end)
  end,
  strings = function(field)
    return field.max and many(field.max + 1, function() return "x" end)
  end,
  any = function(field) return field.max and ("x"):rep(field.max) end,
  map = function(field)
    local out = {}
    for i = 1, field.max and field.max + 1 or 0 do out["k" .. i] = "x" end
    return field.max and out
  end,
  -- A good entry as often as it takes.
  list = function(field, value)
    return field.max and is_list(value) and many(field.max + 1, function() return copy(value[1]) end)
  end,
}

---@class contract.break_
---@field what string "message: too long"
---@field name string of the field, which the refusal must name
---@field value table the object as it would be sent
---@field variant boolean it is in what a variant makes of a field

-- What one field of `at(object)` may not be, an object inside of a copy of `whole`. `variant`: it is that
-- by what another field says.
local function break_field(give, name, key, field, whole, at, variant)
  local value = at(whole)[key]
  local function add(what, broken_value)
    local broken = copy(whole)
    at(broken)[key] = broken_value
    give { what = ("%s: %s"):format(name, what), name = key, value = broken, variant = variant }
  end
  for i, wrong in ipairs(WRONG[field.kind]) do
    if not (field.kind == "number" and is_string(wrong) and tonumber(wrong)) then
      add("wrong type " .. i, wrong)
    end
  end
  local too_much = TOO_MUCH[field.kind] and TOO_MUCH[field.kind](field, value)
  if too_much then
    add("too much", too_much)
  end
  if field.min then
    local is_of_entries = is_list(value)
    local least = field.unset == field.min - 1 and field.unset or field.min
    add("too little", is_of_entries and json.array {} or least - 1)
  end
  if field.not_empty then
    if field.unset ~= "" then add("empty", "") end
    add("blank", " \n")
  end
  if field.required then
    add("left out", nil)
    add("null", json.null)
  end
  if field.item and is_list(value) then
    for i, wrong in ipairs(WRONG[field.item.kind]) do
      add("wrong entry " .. i, json.array { copy(value[1]), wrong })
    end
    local too_long = TOO_MUCH[field.item.kind] and TOO_MUCH[field.item.kind](field.item)
    if too_long then add("too long an entry", json.array { too_long }) end
  end
end

local break_fields

-- What is inside of it.
local function break_nested(give, field, key, whole, at, name, variant)
  local value = at(whole)[key]
  if field.kind == "object" and field.fields and is_object(value) then
    break_fields(give, field.fields, whole, function(object) return at(object)[key] end, name .. ".", variant)
  elseif field.kind == "list" and field.of and is_list(value) and is_object(value[1]) then
    -- Entries differ where what they hold depends on one of their fields.
    for i = 1, #value do
      break_fields(give, field.of, whole, function(object) return at(object)[key][i] end,
        ("%s[%d]."):format(name, i - 1), variant or i > 1, i > 1)
    end
  end
end

local function break_declared(give, declared, fields, whole, at, prefix, variant)
  local key, field, name = declared[1], declared, prefix .. declared[1]
  local in_variant = variant or declared.variants ~= nil
  if declared.variants then
    field = pick(declared, at(whole), fields) or { kind = "any" }
    if declared.required and not field.required then
      field = setmetatable({ required = true }, { __index = field })
    end
  end
  break_field(give, name, key, field, whole, at, in_variant)
  break_nested(give, field, key, whole, at, name, in_variant)
end

function break_fields(give, fields, whole, at, prefix, variant, only_variants)
  for _, declared in ipairs(fields) do
    if declared.variants or not only_variants then
      break_declared(give, declared, fields, whole, at, prefix, variant)
    end
  end
end

--- Every way to break an object: fields of the wrong type, too long, left out; nested ones too, where
--- the object has them.
---@param fields sandbox.field[]
---@param object table that is good
---@param give fun(broken: contract.break_) one at a time: they are large, and many
function contract.each_break(fields, object, give)
  break_fields(give, fields, object, function(value) return value end, "", false)
end

--- As each_break, for a query: text is all that it can hold.
function contract.each_query_break(fields, query, give)
  contract.each_break(fields, query, function(broken)
    local is_text = true
    for _, value in pairs(broken.value) do
      is_text = is_text and (type(value) == "string" or math.type(value) == "integer")
    end
    local is_plain = broken.what:find "wrong type" and broken.value[broken.name] == 5
    if is_text and not is_plain then give(broken) end
  end)
end

--- Raises where an example has a field that its table does not know.
function contract.check_example(fields, object, name)
  local known = {}
  for _, field in ipairs(fields or {}) do known[field[1]] = true end
  for key in pairs(object or {}) do
    if not known[key] then
      error(("the example's %s has %s, which its table does not name"):format(name, key), 0)
    end
  end
end

return contract
