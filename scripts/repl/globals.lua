--- The names that are there without `require` where a person types code.
local globals = {}

--- What each is, made at its first use.
globals.late = {
  http = function() return require "jeton.http" end,
  jeton = function() return require "jeton" end,
  json = function() return require "jeton.json" end,
  kz = function() return require "kaizala".connect() end,
  task = function() return require "jeton.task" end,
  token = function() return require "jeton.token" end,
}

--- An iterator over the values of a list, or of another iterator, each through `pick`; what that gives as
--- nil is left out.
local function each(list, pick)
  local meta = debug.getmetatable(list)
  local is_iterator = type(list) == "function" or meta and meta.__call
  if type(list) ~= "table" and not is_iterator then
    error("each: a list or an iterator expected, got " .. type(list), 0)
  end
  if pick ~= nil and type(pick) ~= "function" and type(pick) ~= "string" then
    error("each: a function or the name of a field expected, got " .. type(pick), 0)
  end
  local i = 0
  return function()
    local value
    repeat
      i = i + 1
      if is_iterator then value = list() else value = list[i] end
      if value == nil then return nil end
      if type(pick) == "function" then
        value = pick(value)
      elseif pick then
        value = value[pick]
      end
    until value ~= nil
    return value
  end
end

--- Makes them known as globals.
function globals.install()
  _G.each = each
  setmetatable(_G, { __index = function(all, name)
    local make = globals.late[name]
    if not make then return nil end
    local value = make()
    rawset(all, name, value)
    return value
  end })
end

return globals
