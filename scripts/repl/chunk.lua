--- Code that a person typed: an expression, or statements.
local chunk = {}

--- Compiles it; what can be an expression is one.
---@param code string
---@param name string of the chunk, as `load` takes it
---@param before? string statements before it, whose locals it sees; with the end of their last line
---@return function? fn nil when it does not compile
---@return boolean|string expression whether it is one; else what is wrong
function chunk.load(code, name, before)
  before = before or ""
  local fn = load(before .. "return " .. code .. "\n", name, "t")
  if fn then return fn, true end
  local why
  fn, why = load(before .. code, name, "t")
  if fn then return fn, false end
  return nil, why
end

return chunk
