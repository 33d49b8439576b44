-- luacheck: ignore 122 (fields of standard libraries are set on purpose)

--- What a test, and a script that it runs, find in the place of Lua's own functions: the test's clock, and
--- files that are written only below the test's own folder.
local http = require "jeton.http"
local json = require "jeton.json"
local native = require "jeton.test_native"
local server = require "jeton.server"
local sqlite = require "jeton.sqlite"

local guard = {}

local CUT_OFF = { "unshare", "--map-current-user", "--net", "--" }
local UNSHARE = table.concat(CUT_OFF, " ")
local LEVELS = 20

--- The first frame that is a file's, as "file:line".
local function caller()
  for level = 3, LEVELS do
    local info = debug.getinfo(level, "Sl")
    if not info then break end
    if info.currentline > 0 and not native.owns(info.short_src) then
      return (" (%s:%d)"):format(info.short_src, info.currentline)
    end
  end
  return ""
end

--- As io.open says it. The test fails, whatever becomes of this.
local function refuse(what, path)
  native.spill(("%s '%s', which is outside of the test's folder%s"):format(what, path, caller()))
  return nil, path .. ": outside of the test's folder", 13
end

local function set_clock()
  local time, date = os.time, os.date
  function os.time(fields)
    if fields ~= nil then return time(fields) end
    return native.now() // 1000
  end

  function os.date(format, at)
    return date(format or "%c", at or os.time())
  end
end

local function set_files()
  local open, output, remove, rename = io.open, io.output, os.remove, os.rename

  function io.open(path, mode)
    local writes = type(path) == "string" and type(mode) == "string" and mode:find "[wa+]"
    if writes and not native.inside(path) then return refuse("it writes to", path) end
    local file, message, code = open(path, mode)
    if file and guard.opened then guard.opened[file] = ("'%s'%s"):format(path, caller()) end
    return file, message, code
  end

  function io.output(file)
    if type(file) == "string" and not native.inside(file) then
      error(select(2, refuse("it writes to", file)), 2)
    end
    return output(file)
  end

  function os.remove(path)
    if type(path) == "string" and not native.inside(path) then return refuse("it removes", path) end
    return remove(path)
  end

  function os.rename(from, to)
    for _, path in ipairs { from, to } do
      if type(path) == "string" and not native.inside(path) then return refuse("it renames", path) end
    end
    return rename(from, to)
  end

  local names = 0
  function os.tmpname()
    local name
    repeat
      names = names + 1
      name = ("%s/lua_%d"):format(os.getenv "TMPDIR" or os.getenv "JETON_TEST_FOLDER", names)
    until not open(name)
    assert(open(name, "w")):close()
    return name
  end
end

local function refused(path)
  return nil, http.error { kind = "config", message = select(2, refuse("it writes to", path)) }
end

--- The modules of ours that write a file where they are told to. `jeton.csv` asks io.open.
local function set_writers()
  for name, place in pairs { request = 1, get = 2, post = 2 } do -- place: of the options
    local call = http[name]
    http[name] = function(...)
      local options = select(place, ...)
      local path = type(options) == "table" and options.save_to
      if type(path) == "string" and not native.inside(path) then return refused(path) end
      return call(...)
    end
  end
  local listen = server.listen
  function server.listen(options)
    local folder = type(options) == "table" and options.folder
    if type(folder) == "string" and not native.inside(folder) then return refused(folder) end
    return listen(options)
  end

  local open = sqlite.open
  function sqlite.open(...)
    local path = ...
    if type(path) == "string" and path ~= ":memory:" and not native.inside(path) then return refused(path) end
    return open(...)
  end
end

--- Modules of the user's are told: `--watch` looks at them.
local function set_modules()
  local searchpath = package.searchpath
  function package.searchpath(name, path, ...)
    local file, message = searchpath(name, path, ...)
    if file and path == package.path then native.loads(file) end
    return file, message
  end
end

local execute = os.execute

--- Whether programs can be cut off from the network.
local function unshares()
  local known = native.unshares()
  if known == nil then
    known = native.unshares(execute(UNSHARE .. " true 2>/dev/null") == true)
  end
  return known
end

--- A configuration whose programs, which give secrets, have no network either.
---@param keys any
function guard.cut_off(keys)
  if type(keys) ~= "table" then return keys end
  local copy = setmetatable({}, getmetatable(keys))
  for key, value in pairs(keys) do
    if key == "command" and type(value) == "table" and value[1] ~= nil and unshares() then
      copy[key] = table.move(value, 1, #value, #CUT_OFF + 1, { table.unpack(CUT_OFF) })
    else
      copy[key] = guard.cut_off(value)
    end
  end
  return copy
end

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- What a script finds in its environment, beside what the process has.
local function set_environment(values)
  local getenv = os.getenv
  function os.getenv(name)
    local value = values[name]
    return value ~= nil and value or getenv(name)
  end
end

--- Programs have no network, where that can be; a script's have its environment, and write where it does.
local function set_programs(values)
  local popen = io.popen
  local exports = {}
  for name, value in pairs(values) do
    exports[#exports + 1] = ("export %s=%s; "):format(name, quoted(value))
  end
  table.sort(exports)

  local function wrapped(command)
    if type(command) ~= "string" then return command end
    command = table.concat(exports) .. command
    return unshares() and ("exec %s sh -c %s"):format(UNSHARE, quoted(command)) or command
  end

  local function diverted(start, ...)
    native.divert(true)
    local results = table.pack(pcall(start, ...))
    native.divert(false)
    if not results[1] then error(results[2], 3) end
    return table.unpack(results, 2, results.n)
  end

  function os.execute(command)
    return diverted(execute, wrapped(command))
  end

  function io.popen(command, mode)
    return diverted(popen, wrapped(command), mode)
  end
end

---@param environment? string JSON, of a script
function guard.install(environment)
  local values = environment and assert(json.decode(environment)) or {}
  set_clock()
  set_files()
  set_writers()
  set_environment(values)
  set_programs(values)
  set_modules()
end

-- Of the tests themselves

--- A server that a test opens can be reached from it.
function guard.open_servers()
  local listen = server.listen
  function server.listen(options)
    local opened, err = listen(options)
    if not opened then return nil, err end
    native.open(("http://127.0.0.1:%d"):format(opened.port))
    return opened
  end
end

--- From now on files are looked after.
function guard.begin()
  guard.opened = {}
end

--- What is left of a test that must not be.
---@param fail fun(failure: table)
function guard.finish(fail)
  for line in native.spilled():gmatch "[^\n]+" do
    fail { message = line }
  end
  local left = {}
  for file, what in pairs(guard.opened or {}) do
    if io.type(file) == "file" then left[#left + 1] = what end
  end
  guard.opened = nil
  table.sort(left)
  for _, what in ipairs(left) do
    fail { message = ("file %s is still open at the end of the test"):format(what) }
  end
end

--- Where programs can reach the network, for people.
---@return string|nil
function guard.notice()
  if native.unshares() == false then
    return "programs that tests start can reach the network: it cannot be cut off here (unshare --net)"
  end
end

return guard
