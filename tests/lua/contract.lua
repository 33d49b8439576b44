-- What the contract test knows about fields: whether a reply is as its table says, and every way in
-- which a request can break its own.
local json = require "jeton.json"
local ids = require "sandbox.ids"

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

local check_object

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
  number = function(value) return type(value) == "number" end,
  phone = ids.is_phone,
  id = ids.is_id,
  phones = each_is(ids.is_phone),
  ids = each_is(ids.is_id),
  strings = each_is(is_string),
  any = function() return true end,
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

local function check_value(value, field, name)
  if not IS[field.kind](value, field) then
    error(("the reply's %s is no %s: %s"):format(name, field.kind, json.encode(value)), 0)
  end
  if field.kind == "list" and field.of then
    for i, item in ipairs(value) do
      check_object(item, field.of, ("%s[%d]"):format(name, i - 1))
    end
  elseif field.kind == "map" then
    for key, item in pairs(value) do
      check_object(item, field.of, name .. "." .. key)
    end
  elseif field.kind == "object" and field.fields then
    check_object(value, field.fields, name)
  end
end

function check_object(value, fields, name)
  if not is_object(value) then
    error(("the reply's %s is no object"):format(name), 0)
  end
  local known = {}
  for _, field in ipairs(fields) do
    known[field[1]] = true
    local item = value[field[1]]
    if item ~= nil then
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
  ids = { "853654b2-7e1b-4c0e-9f0a-3d0c5f6b2a11", {}, json.array { "x" } },
  strings = { "x", {}, json.array { 5 } },
  choice = { "no such choice", 5, json.array {} },
  list = { "x", {}, 5 },
  object = { "x", json.array {}, 5 },
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
}

---@class contract.break_
---@field what string "message: too long"
---@field name string of the field, which the refusal must name
---@field value table the object as it would be sent

-- Adds each way to break one field of `at(object)`, an object inside of a copy of `whole`.
local function break_field(out, field, whole, at, name)
  local function add(what, value)
    local broken = copy(whole)
    at(broken)[field[1]] = value
    out[#out + 1] = { what = ("%s: %s"):format(name, what), name = field[1], value = broken }
  end
  for i, value in ipairs(WRONG[field.kind]) do
    add("wrong type " .. i, value)
  end
  local too_much = TOO_MUCH[field.kind] and TOO_MUCH[field.kind](field)
  if too_much then
    add("too much", too_much)
  end
  if field.min then
    add("too little", field.min - 1)
  end
  if field.not_empty then
    add("empty", "")
    add("blank", " \n")
  end
  if field.required then
    add("left out", nil)
    add("null", json.null)
  end
end

local function break_fields(out, fields, whole, at, prefix)
  for _, field in ipairs(fields) do
    local name = prefix .. field[1]
    break_field(out, field, whole, at, name)
    local value = at(whole)[field[1]]
    if field.kind == "object" and field.fields and is_object(value) then
      break_fields(out, field.fields, whole, function(object) return at(object)[field[1]] end, name .. ".")
    elseif field.kind == "list" and field.of and is_list(value) and is_object(value[1]) then
      break_fields(out, field.of, whole, function(object) return at(object)[field[1]][1] end, name .. "[0].")
    end
  end
end

--- Every way to break an object: fields of the wrong type, too long, left out; nested ones too, where
--- the object has them.
---@param fields sandbox.field[]
---@param object table that is good
---@return contract.break_[]
function contract.breaks(fields, object)
  local out = {}
  break_fields(out, fields, object, function(value) return value end, "")
  return out
end

--- As breaks, for a query: text is all that it can hold.
function contract.query_breaks(fields, query)
  local out = {}
  for _, broken in ipairs(contract.breaks(fields, query)) do
    local is_text = true
    for _, value in pairs(broken.value) do
      is_text = is_text and (type(value) == "string" or math.type(value) == "integer")
    end
    local is_plain = broken.what:find "wrong type" and broken.value[broken.name] == 5
    if is_text and not is_plain then
      out[#out + 1] = broken
    end
  end
  return out
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
