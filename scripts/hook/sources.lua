--- The files that a webhook's handlers were loaded from: its script, and modules in Lua files.
local own = require "hook.own"

local _ENV = own -- luacheck: ignore 211
local log = own.module "jeton.log"
local loaded, searchpath = package.loaded, package.searchpath

local sources = {}

local read_file = getmetatable(io.stdin).__index.read

local function read(path)
  local file = io.open(path, "rb")
  local text = file and read_file(file, "a")
  if file then io.close(file) end
  return text
end

--- A module may be loaded only when a handler runs.
local function find_modules(set)
  for name in next, loaded do
    if type(name) == "string" and not set.names[name] and type(package.path) == "string" then
      set.names[name] = true
      local path = searchpath(name, package.path)
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
      local fine, why = load(string.gsub(now, "^#[^\n]*", ""), "@" .. path, "t")
      if fine then return path end
      log.warn(why .. "; what was loaded before stays in use")
      set.texts[path] = now
    end
  end
  return nil
end

return sources
