--- Finds an operation by method and path, from a table of operations.
local router = {}
router.__index = router

---@class sandbox.router
---@field root table

---@param operations sandbox.operation[]
---@return sandbox.router
function router.new(operations)
  local root = { literal = {}, methods = {} }
  for _, operation in ipairs(operations) do
    local node, names = root, {}
    for segment in operation.path:gmatch "[^/]+" do
      local name = segment:match "^{(.+)}$"
      local next_node
      if name then
        names[#names + 1] = name
        node.any = node.any or { literal = {}, methods = {} }
        next_node = node.any
      else
        local key = segment:lower()
        node.literal[key] = node.literal[key] or { literal = {}, methods = {} }
        next_node = node.literal[key]
      end
      node = next_node
    end
    assert(not node.methods[operation.method], "two operations at " .. operation.path)
    node.methods[operation.method] = { operation = operation, names = names }
  end
  return setmetatable({ root = root }, router)
end

-- Literal segments win over {parameters}; at a dead end it backtracks.
local function walk(node, segments, at, values)
  if at > #segments then
    return next(node.methods) and node or nil
  end
  local literal = node.literal[segments[at]:lower()]
  local found = literal and walk(literal, segments, at + 1, values)
  if found then
    return found
  end
  if node.any then
    values[#values + 1] = segments[at]
    found = walk(node.any, segments, at + 1, values)
    if not found then
      values[#values] = nil
    end
    return found
  end
end

---@param method string
---@param segments string[]
---@return sandbox.operation|nil operation
---@return table<string, string>|string[]|nil parameters by name; without an operation: the methods of
---the path, nil if there is no such path
function router:match(method, segments)
  local values = {}
  local node = walk(self.root, segments, 1, values)
  if not node then
    return nil, nil
  end
  local entry = node.methods[method]
  if not entry then
    local methods = {}
    for name in pairs(node.methods) do
      methods[#methods + 1] = name
    end
    table.sort(methods)
    return nil, methods
  end
  local parameters = {}
  for i, name in ipairs(entry.names) do
    parameters[name] = values[i]
  end
  return entry.operation, parameters
end

return router
