--- The files that a webhook's handlers were loaded from: its script, and modules in Lua files.
local log = require "jeton.log"

local sources = {}

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then file:close() end
  return text
end

--- A module may be loaded only when a handler runs.
local function find_modules(set)
  for name in pairs(package.loaded) do
    if not set.names[name] then
      set.names[name] = true
      local path = package.searchpath(name, package.path)
      if path then set.texts[path] = read(path) end
    end
  end
end

---@param path string? the script; nil: there is nothing to look at
function sources.new(path)
  local set = { path = path, names = {}, texts = {} }
  if path then set.texts[path] = read(path) end
  return set
end

--- The one that has changed since it was loaded, or nil. What is no Lua (an editor may be writing it) is told
--- once, and what was loaded stays in use.
function sources.changed(set)
  if not set.path then return nil end
  find_modules(set)
  for path, text in pairs(set.texts) do
    local now = read(path)
    if now and now ~= text then
      local fine, why = load((now:gsub("^#[^\n]*", "")), "@" .. path, "t")
      if fine then return path end
      log.warn(("%s; what was loaded before stays in use"):format(why))
      set.texts[path] = now
    end
  end
  return nil
end

return sources
