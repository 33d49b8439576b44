--- Completion: what may follow the text before the cursor. Nothing here calls a function of a value, for that
--- could wait, or change something.
local annotated = require "repl.names"
local globals = require "repl.globals"
local terminal = require "jeton.terminal"

local complete = {}

local CHOICES_MAX = 200
local WIDTH = 78
local CHAIN_MAX = 10 -- of tables that are each other's __index

local KEYWORDS = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local",
  "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

local COMMANDS = { dry = true, help = true, json = true, quit = true, time = true } -- of repl.prompt

--- Stands for `kz` before its first use: the class of clients.
local function class_of_kz()
  require "kaizala" -- which adds methods to the class
  return setmetatable({}, require "kaizala.client".Client)
end

local function global(name)
  local value = rawget(_G, name)
  if value ~= nil then return value end
  if name == "kz" then return class_of_kz() end
  local make = globals.late[name]
  return make and make()
end

--- Adds the names of a table's members to `set`: name → value.
local function add_members(set, from)
  for key, value in next, from do
    if type(key) == "string" and key:find "^[%a_][%w_]*$" and not key:find "^__" and set[key] == nil then
      set[key] = value
    end
  end
end

--- What can stand behind a value and a point: name → value, or true where the value is not known.
local function members(value)
  local set = {}
  if type(value) == "table" then add_members(set, value) end
  local meta = debug.getmetatable(value)
  local class = meta and rawget(meta, "__name")
  local index = meta and rawget(meta, "__index")
  if type(index) == "function" then add_members(set, meta) end -- its methods, as the SDK's classes have them
  for _ = 1, CHAIN_MAX do
    if type(index) ~= "table" then break end
    add_members(set, index)
    meta = debug.getmetatable(index)
    index = meta and rawget(meta, "__index")
  end
  for _, name in ipairs(class and annotated[class] or {}) do
    if set[name] == nil then set[name] = true end
  end
  return set
end

--- Names that begin so, sorted.
local function choose(set, partial, methods)
  local list = {}
  for name, value in next, set do
    if name:sub(1, #partial) == partial and (not methods or type(value) == "function") then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

--- The text of a string that is open before the cursor.
local function open_string(before)
  local quote, from
  local i = 1
  while i <= #before do
    local c = before:sub(i, i)
    if quote and c == "\\" then
      i = i + 1
    elseif c == quote then
      quote = nil
    elseif not quote and (c == '"' or c == "'") then
      quote, from = c, i + 1
    elseif not quote and before:sub(i, i + 1) == "--" then
      return
    end
    i = i + 1
  end
  return quote and before:sub(from)
end

--- Names that may stand at the cursor, and how much of them is there.
local function candidates(before)
  local command = before:match "^%s*:(%a*)$"
  if command then return choose(COMMANDS, command), command end
  local text = open_string(before)
  if text then
    local set = {}
    for _, name in ipairs(terminal.names()) do set[name] = true end
    return choose(set, text), text
  end
  local plain = before:gsub("%[(%d+)%]", ".\1%1") -- list[1].name: as that of a name that none has
  local at, chain = plain:match "()([%a_][%w_.:\1]*)$"
  if not chain then return {}, "" end
  local rest = plain:sub(1, at - 1)
  if rest:find "[.:]%s*$" and not rest:find "%.%.%s*$" then return {}, "" end
  chain = chain:match "^.*%.%.(.*)$" or chain -- a..b
  local way, separator, partial = chain:match "^(.*)([.:])([%w_]*)$"
  if not way then
    local set = members(_G)
    for name in next, globals.late do set[name] = true end
    for _, word in ipairs(KEYWORDS) do set[word] = true end
    return choose(set, chain), chain
  end
  local value
  for name in way:gmatch "[^.:]+" do
    local index = name:match "^\1(%d+)$"
    if value == nil then
      value = global(name)
    elseif index then
      value = type(value) == "table" and rawget(value, math.tointeger(index)) or nil
    else
      value = members(value)[name]
    end
    if value == nil then return {}, "" end
  end
  return choose(members(value), partial, separator == ":"), partial
end

local function common_prefix(list)
  local prefix = list[1]
  for _, name in ipairs(list) do
    while name:sub(1, #prefix) ~= prefix do prefix = prefix:sub(1, -2) end
  end
  return prefix
end

--- In columns, read downwards.
local function columns(list)
  local widest = 0
  for _, name in ipairs(list) do widest = math.max(widest, #name) end
  local across = math.max(1, WIDTH // (widest + 2))
  local down = (#list + across - 1) // across
  local lines = {}
  for row = 1, down do
    local line = {}
    for column = 0, across - 1 do
      local name = list[row + column * down]
      if name then line[#line + 1] = name .. (" "):rep(widest + 2 - #name) end
    end
    lines[row] = (table.concat(line):gsub(" +$", ""))
  end
  return table.concat(lines, "\n")
end

--- What can be added at the cursor; where that is nothing, what the choices are.
---@param before string the line before the cursor
---@return string insert
---@return string choices lines to print below it; "" where there are none
function complete.complete(before)
  local list, partial = candidates(before)
  if #list == 0 then return "", "" end
  local insert = common_prefix(list):sub(#partial + 1)
  if insert ~= "" or #list == 1 then return insert, "" end
  local more = #list - CHOICES_MAX
  if more > 0 then
    list = table.move(list, 1, CHOICES_MAX, 1, {})
    list[#list + 1] = ("… and %d more"):format(more)
  end
  return "", "\n" .. columns(list) .. "\n"
end

return complete
