-- Runs a file of the SDK's tests with each method watched; the last line that it writes is, as JSON, what
-- returned, which fields were there, and what is not as the annotations say:
--   jeton run --sandbox tests/lua/sdk/watched.lua tests/lua/sdk/sandbox_kaizala.lua
local json = require "jeton.json"
require "kaizala"
local annotations = require "annotations"
local objects = require "sdk_objects"

local returned, fields_seen, problems = {}, {}, {}
local items_of = setmetatable({}, { __mode = "k" }) -- by iterator: the class of what it gives

local function note(name, self, results)
  returned[name] = true
  local documented = annotations.methods[name] or { returns = {} }
  for i, result in ipairs(documented.returns) do
    local problem = annotations.note(results[i], result.type, fields_seen)
    if problem then problems[name .. ": " .. problem] = true end
    if result.gives and type(results[i]) == "table" then items_of[results[i]] = result.gives end
  end
  if items_of[self] and results[1] ~= nil then
    for _, item in ipairs(name == "Iterator:all" and results[1] or { results[1] }) do
      local problem = annotations.note(item, items_of[self], fields_seen)
      if problem then problems[name .. ": " .. problem] = true end
    end
  end
end

-- A method that says when it has returned.
local function watched(name, fn)
  return function(self, ...)
    local results = table.pack(pcall(fn, self, ...))
    if not results[1] then
      -- Misuse has the position of the caller, which is not this function.
      local err = results[2]
      if type(err) == "string" then error((err:gsub("^[^:]+:%d+: ", "")), 2) end
      error(err, 0)
    end
    table.remove(results, 1)
    note(name, self, results)
    return table.unpack(results, 1, results.n - 1)
  end
end

local function watch()
  for class_name, class in pairs(objects.classes) do
    for name, fn in pairs(class) do
      if type(fn) == "function" and not name:find "^__" then
        class[name] = watched(class_name .. ":" .. name, fn)
      end
    end
  end
  if objects.classes.Iterator.__call then
    objects.classes.Iterator.__call = watched("Iterator:next", objects.classes.Iterator.__call)
  end
end

watch()
local exit = os.exit
local ended = {}
rawset(os, "exit", function(code)
  ended.passed = code == nil or code == true or code == 0
  error(ended, 0)
end)
local ok, result = pcall(assert(loadfile((...))))
rawset(os, "exit", exit)
if not ok and result ~= ended then error(result, 0) end
print(json.encode {
  passed = ended.passed or result == true, returned = returned, fields = fields_seen, problems = problems,
})
