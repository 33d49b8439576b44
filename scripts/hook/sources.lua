--- The files that a webhook's handlers were loaded from: its script, and modules in Lua files.
local own = require "hook.own"

local _ENV = own -- luacheck: ignore 211
local log = own.module "jeton.log"
local searchpath = package.searchpath

local sources = {}

local read_file = getmetatable(io.stdin).__index.read

local function read(path)
  local file = io.open(path, "rb")
  local text = file and read_file(file, "a")
  if file then io.close(file) end
  return text
end

--- A module may be loaded only when a handler runs, and change before that ends. What counts is its text
--- as it was loaded.
local function note_modules(set)
  local searchers = package.searchers
  for i, search in ipairs(searchers) do
    searchers[i] = function(name)
      local path = type(package.path) == "string" and searchpath(name, package.path) or nil
      local text = path and read(path)
      local found, where = search(name)
      if path and where == path then set.texts[path] = text end
      return found, where
    end
  end
end

---@param path string? the script; nil: there is nothing to look at
function sources.new(path)
  local set = { path = path, texts = {} }
  if path then
    set.texts[path] = read(path)
    note_modules(set)
  end
  return set
end

--- The one that has changed since it was loaded, or nil. What is no Lua (an editor may be writing it) is told
--- once, and what was loaded stays in use.
function sources.changed(set)
  if not set.path then return nil end
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
