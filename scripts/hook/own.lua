--- What the worker's code uses, as it was before a handler could change it: what a handler puts in the place
--- of `pcall` or of `json.encode` is then for handlers only. Of the metatable of strings nothing can be kept:
--- where no deadline runs, that code calls no method of a string and formats none (`%s` asks for __tostring).
local own = {}

for name, value in pairs(_G) do own[name] = value end

---@param from table
---@return table
function own.copy(from)
  local copy = {}
  for name, value in next, from do copy[name] = value end
  return copy
end

for _, name in ipairs { "string", "table", "math", "os", "io" } do own[name] = own.copy(_G[name]) end

---@param name string of a module
---@return table
function own.module(name) return own.copy(require(name)) end

--- Waits for a task, as task:join.
require "jeton.task"
own.join = debug.getregistry()["jeton.task"].__index.join

return own
