--- `jeton test --watch`: runs tests again when a file that they loaded has changed, or a key says so.
local host = require "jeton.test_host"
local kept = require "test.kept"
local task = require "jeton.task"

local watch = {}

local LOOK_S <const> = 0.25 -- between looks at the files
local SETTLE_S <const> = 0.1 -- an editor writes several files
local FIND_LOOKS <const> = 4 -- looks between searches for new files of tests
local FILTER_MAX <const> = 200

local function say(text)
  io.write(text)
  io.flush()
end

--- What each file of tests has loaded, ever: one that broke has loaded less than it would.
local function remember(state, result)
  for _, file in ipairs(result.loaded) do
    local paths = state.loaded[file.real] or {}
    for _, path in ipairs(file.loaded) do paths[path] = true end
    state.loaded[file.real] = paths
  end
  for _, paths in pairs(state.loaded) do
    for path in pairs(paths) do state.stamps[path] = state.stamps[path] or host.stamp(path) or "none" end
  end
end

local function changed_paths(state)
  local changed
  for path, stamp in pairs(state.stamps) do
    local now = host.stamp(path) or "none"
    if now ~= stamp then
      changed = changed or {}
      changed[path], state.stamps[path] = true, now
    end
  end
  return changed
end

--- The files of tests that loaded one of these.
local function affected(state, changed)
  local files = {}
  for _, file in ipairs(state.files) do
    for path in pairs(state.loaded[file.real] or {}) do
      if changed[path] then
        files[#files + 1] = file
        break
      end
    end
  end
  return files
end

--- Looks for files of tests again; gives those that are new.
local function find_again(state, find)
  local fine, files = pcall(find, state.request)
  if not fine then return {} end
  local new = {}
  for _, file in ipairs(files) do
    if not state.loaded[file.real] then new[#new + 1] = file end
  end
  state.files = files
  return new
end

local function run_these(state, files)
  state.looks = 0
  if #files == 0 then return say "nothing to run\n" end
  local fine, status, result = pcall(state.once, files, state.request)
  if fine then
    state.status = status
    remember(state, result)
  elseif type(status) == "table" and status.kind == "config" then
    say(status.message .. "\n") -- the filter fits no test
  else
    error(status, 0)
  end
  local filter = state.request.filter
  say(("\nwatching %d file%s · a all, f failed, t filter, q quit%s\n"):format(#state.files,
    #state.files == 1 and "" or "s", filter and " · only '" .. filter .. "'" or ""))
end

--- What is typed up to Enter.
local function read_line(state)
  local text = ""
  say "filter (Enter alone: none): "
  while true do
    local key = state.next_key()
    if not key or key == "\n" or key == "\r" then break end
    if key == "\127" or key == "\8" then
      if text ~= "" then say "\8 \8" end
      text = text:sub(1, (utf8.offset(text, -1) or 1) - 1)
    elseif not key:find "%c" and #text < FILTER_MAX then
      text = text .. key
      say(key)
    end
  end
  say "\n"
  return text ~= "" and text or nil
end

local KEYS = {}

function KEYS.a(state)
  run_these(state, state.files)
end

function KEYS.f(state)
  run_these(state, state.only_failed(state.files, kept.load(state.request.memory)))
end

function KEYS.t(state)
  state.request.filter = read_line(state)
  run_these(state, state.files)
end

function KEYS.q(state)
  state.over = true
end

KEYS["\n"], KEYS["\r"] = KEYS.a, KEYS.a

--- Keys arrive in a task of their own, so that files can be looked at meanwhile.
local function start_keys(state)
  local typed, ended = {}, false
  local reader = task.spawn(function()
    for key in host.key do typed[#typed + 1] = key end
    ended = true
  end)
  state.key = function() return table.remove(typed, 1) end
  state.next_key = function()
    while #typed == 0 and not ended do task.sleep(LOOK_S / 10) end
    return state.key()
  end
  return reader
end

local function look(state, find)
  state.looks = state.looks + 1
  local changed = changed_paths(state)
  local new = state.looks % FIND_LOOKS == 0 and find_again(state, find) or {}
  if not changed and #new == 0 then return end
  task.sleep(SETTLE_S)
  for path in pairs(changed_paths(state) or {}) do
    changed = changed or {}
    changed[path] = true
  end
  local files = affected(state, changed or {})
  run_these(state, table.move(new, 1, #new, #files + 1, files))
end

---@param how {once: function, find: function, only_failed: function}
---@return integer status of the last run
function watch.run(files, request, how)
  local _ <close> = host.raw() -- keys arrive at once; nil without a terminal
  local state = { files = files, request = request, loaded = {}, stamps = {}, status = 0, looks = 0,
                  once = how.once, only_failed = how.only_failed }
  local reader = start_keys(state)
  run_these(state, request.failed and how.only_failed(files, kept.load(request.memory)) or files)
  while not state.over do
    local act = KEYS[state.key() or false]
    if act then
      act(state)
    else
      task.sleep(LOOK_S)
      look(state, how.find)
    end
  end
  reader:cancel()
  return state.status
end

return watch
