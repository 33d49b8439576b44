-- The LuaCATS annotations of the SDK's sources, as far as tests need them.
local annotations = { classes = {}, methods = {} }

local SOURCE = assert(os.getenv "JETON_SOURCE", "JETON_SOURCE is not set")
local FILES = {
  "action", "actions", "bots", "client", "group", "iterator", "media", "reactions", "subgroups",
  "subscribers", "webhooks", "audience",
}

---@class annotations.class
---@field fields table<string, {optional: boolean, type: string}>

-- One comment of `---` lines, and the line after it.
local function read_block(lines, after)
  local class
  local method = { params = {}, returns = {} }
  for _, line in ipairs(lines) do
    local name = line:match "^%-%-%-@class ([%w_.]+)"
    if name then
      class = annotations.classes[name] or { fields = {} }
      annotations.classes[name] = class
    end
    local field, mark, kind = line:match "^%-%-%-@field ([%w_]+)(%??) (%S+)"
    if class and field and field ~= "private" then
      class.fields[field] = { optional = mark == "?", type = kind }
    end
    local param, optional = line:match "^%-%-%-@param ([%w_]+)(%??) "
    if param then
      method.params[#method.params + 1] = { name = param, optional = optional == "?" }
    end
    local result, rest = line:match "^%-%-%-@return (%S+)(.*)"
    if result then
      method.returns[#method.returns + 1] = { type = result, gives = rest:match "gives `([%w_.]+)`" }
    end
  end
  local owner, name, parameters = after:match "^function (%u%w*):([%w_]+)%((.-)%)"
  if owner then
    method.parameters = parameters
    annotations.methods[owner .. ":" .. name] = method
  end
end

for _, file in ipairs(FILES) do
  local block = {}
  for line in io.lines(("%s/scripts/kaizala/%s.lua"):format(SOURCE, file)) do
    if line:find "^%-%-%-" then
      block[#block + 1] = line
    else
      read_block(block, line)
      block = {}
    end
  end
end

local LUA_TYPES = { string = "string", boolean = "boolean", integer = "number", number = "number",
  table = "table" }

local function is_of(value, kind)
  local expected = LUA_TYPES[kind] or ((kind:find "%[%]$" or kind:find "^table<") and "table")
  return not expected or (type(value) == expected and (kind ~= "integer" or math.type(value) == "integer"))
end

--- Notes the fields of a value that a method returned; gives what is not as its class says.
---@param value any
---@param kind string "kaizala.Action", "kaizala.Failed[]?"
---@param seen table<string, boolean> receives "kaizala.Action.id" for each field that is there
---@return string|nil problem
function annotations.note(value, kind, seen)
  local class_name = kind:match "^[%w_.]+"
  local class = annotations.classes[class_name or ""]
  if not class or type(value) ~= "table" then return nil end
  if kind:find "%[%]" then
    for _, item in ipairs(value) do
      local problem = annotations.note(item, class_name, seen)
      if problem then return problem end
    end
    return nil
  end
  for name in next, class_name ~= "kaizala.Iterator" and value or {} do -- its fields are private
    if not class.fields[name] then return ("%s has %s, which is not annotated"):format(class_name, name) end
  end
  for name, field in pairs(class.fields) do
    local item = rawget(value, name)
    if item == nil and not field.optional then
      return ("%s lacks %s"):format(class_name, name)
    elseif item ~= nil then
      if not is_of(item, field.type) then
        return ("%s.%s is no %s: %s"):format(class_name, name, field.type, tostring(item))
      end
      seen[class_name .. "." .. name] = true
      local problem = annotations.note(item, field.type, seen)
      if problem then return problem end
    end
  end
end

return annotations
