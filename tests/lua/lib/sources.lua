--- The project's own files, for tests that compare what they say.
local sources = {}

local SOURCE = assert(os.getenv "JETON_SOURCE", "JETON_SOURCE is not set")

---@param path string from the project's folder
---@return string
function sources.read(path)
  local file <close> = assert(io.open(SOURCE .. "/" .. path))
  return file:read "a"
end

---@param pattern string of the shell, from the project's folder
---@return string[] paths
function sources.list(pattern)
  local found = {}
  local pipe <close> = assert(io.popen(("cd '%s' && ls %s"):format(SOURCE, pattern)))
  for path in pipe:lines() do found[#found + 1] = path end
  return found
end

---@param set table<string, any>
---@return string[] names its keys
function sources.sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return sources
