--- Methods whose file is read when one of them is called for the first time: few scripts need many of them.
local later = {}

--- Gives a class methods that read a file, which replaces them by its own.
---@param class table
---@param module string the file, for require
---@param ... string names of methods that it adds to the class
function later.methods(class, module, ...)
  for _, name in ipairs { ... } do
    class[name] = function(...)
      require(module)
      return class[name](...)
    end
  end
end

return later
