-- Makes the database of a large tenant, or walks through one by the SDK:
--   jeton run large_walk.lua plant FILE '{"groups": 1000, …}'
--   jeton -c CONFIG run large_walk.lua walk
-- A walk prints, as JSON, how many there were of each, how long it took, and its own peak of memory.
local json = require "jeton.json"
local large = require "large_tenant"

local function plant(path, size)
  local db <close> = assert(require "sandbox.data.store".open(path))
  large.plant(db, assert(json.decode(size)), os.time())
end

-- How many an iterator gives; nothing is kept.
local function count(iterator)
  local n = 0
  for _ in iterator do n = n + 1 end
  return n
end

local function lists()
  local kz = require "kaizala".connect()
  local news = kz:group(large.news)
  return {
    groups = function() return count(kz:groups()) end,
    all_groups = function() return count(kz:groups { all = true }) end,
    subgroups = function() return count(kz:group(large.root):subgroups { all = true }) end,
    wide = function() return count(kz:group(large.wide):subgroups()) end,
    found = function() return count(kz:find_groups "support") end,
    members = function() return count(kz:group(large.crowd):members()) end,
    subscribers = function() return count(news:subscribers()) end,
    jobs = function() return count(news:actions { type = "Job" }) end,
    actions = function() return count(news:actions()) end,
    responses = function() return #news:action(large.survey):details().responses end,
    reactions = function() return count(news:reactions(large.survey)) end,
    summaries = function() return count(news:reaction_summaries()) end,
    bots = function() return count(kz:bots()) end,
    webhooks = function() return count(kz:webhooks()) end,
  }
end

local function peak_kib()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmHWM:%s*(%d+)"
    if kib then return math.tointeger(kib) end
  end
end

local function now()
  local file <close> = assert(io.open "/proc/uptime")
  return file:read "n"
end

local function walk()
  local counts, seconds = {}, {}
  for name, fn in pairs(lists()) do
    local start = now()
    counts[name] = fn()
    seconds[name] = now() - start
  end
  print(json.encode { counts = counts, seconds = seconds, peak_kib = peak_kib() })
end

local command = ...
if command == "plant" then
  plant(select(2, ...))
else
  walk()
end
