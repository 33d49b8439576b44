--- Code that a person typed: an expression, or statements.
local chunk = {}

local SPLITS_MAX = 100

--- Statements and, behind the last of them, an expression: `x = f(); x.name`.
local function load_both(code, name, before, ends)
  local from = #code:match "^(.-)[%s;]*$"
  for _ = 1, SPLITS_MAX do
    local at = code:sub(1, from):match("^.*()" .. ends)
    if not at then return nil end
    local head, rest = before .. code:sub(1, at), "return " .. code:sub(at + 1) .. "\n"
    -- The head alone: else a string may go on behind it. In a comment the operator would not matter.
    local fn = load(rest, name, "t") and load(head, name, "t") and not load(head .. " =", name, "t")
      and load(head .. rest, name, "t")
    if fn then return fn end
    from = at - 1
  end
end

--- Compiles it; what can be an expression is one, and what ends with one gives it.
---@param code string
---@param name string of the chunk, as `load` takes it
---@param before? string statements before it, whose locals it sees; with the end of their last line
---@return function? fn nil when it does not compile
---@return boolean|string expression whether it is one; else what is wrong
function chunk.load(code, name, before)
  before = before or ""
  local fn = load(before .. "return " .. code .. "\n", name, "t")
  if fn then return fn, true end
  fn = load_both(code, name, before, ";")
  if fn then return fn, true end
  local all, why = load(before .. code, name, "t")
  -- Behind a statement a name begins the next one, here a call. What begins with `(` might go on.
  fn = all and load_both(code, name, before, "[%s;)}%]'\"]%f[%a_]")
  if fn then return fn, true end
  if all then return all, false end
  fn = load_both(code, name, before, "\n") -- which would not end what goes on as a statement
  if fn then return fn, true end
  return nil, why
end

return chunk
