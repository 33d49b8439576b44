--- What has been done is stored, also where the state cannot be written for a while.
local own = require "hook.own"

local _ENV = own -- luacheck: ignore 211
local log = own.module "jeton.log"
local task = own.module "jeton.task"

local storing = {}

local TRIES = 60 -- a second between two

--- Of what the state raises: it may be locked, or the disk full. After a conflict nothing is left to write.
---@param failure any
---@return boolean?
function storing.is_passing(failure)
  return type(failure) == "table" and rawget(failure, "retryable") and rawget(failure, "kind") ~= "conflict"
end

--- Calls fn until the state takes it: what a handler did is not done again for that.
---@param fn function
---@return any result
function storing.patiently(fn, ...)
  for try = 1, TRIES do
    local ok, result = pcall(fn, ...)
    if ok then return result end
    if not storing.is_passing(result) or try == TRIES then error(result, 0) end
    if try == 1 then log.warn("the state cannot be written; trying again: " .. rawget(result, "message")) end
    task.sleep(1)
  end
end

return storing
