-- Posts to a group when a file system is nearly full.
--
-- Run:   jeton -c disk-alert.yaml run disk-alert.lua [THRESHOLD [GROUP]]
--        jeton run --sandbox disk-alert.lua 1              (to see it post)
--        THRESHOLD is in percent used (default: 90); GROUP an ID (default: the connector's first group).
--        As a job it takes `args: { threshold: 90, group: ID }`. See disk-alert.yaml for cron.
--
-- Out:   a message to the group and a printed line for each file system that has become nearly full. It is
--        reported again only after it was below the threshold in between: `jeton.state` keeps what has
--        been reported.
local jeton = require "jeton"
local kaizala = require "kaizala"
local log = require "jeton.log"
local state = require "jeton.state"

local THRESHOLD = 90

-- Not disks: in memory, or images that are always full.
local pseudo = { tmpfs = true, devtmpfs = true, udev = true, shm = true, none = true, squashfs = true }

---@return { mount: string, percent: integer, free_gib: number }[]
local function file_systems()
  local pipe = assert(io.popen "LC_ALL=C df -P -k")
  local list = {}
  for line in pipe:lines() do
    local device, free, percent, mount =
      line:match "^(%S.-)%s+%d+%s+%d+%s+(%-?%d+)%s+(%d+)%%%s+(/.*)$"
    if device and not pseudo[device] and not device:find "^/dev/loop" then
      list[#list + 1] = {
        mount = mount,
        percent = math.tointeger(percent),
        free_gib = math.tointeger(free) / 1024 ^ 2,
      }
    end
  end
  -- df's exit status is ignored: it fails if a single mount is not accessible.
  pipe:close()
  if #list == 0 then error("df listed no file system", 0) end
  return list
end

local args = jeton.args
local threshold = math.tointeger(args.threshold or args[1] or THRESHOLD)
if not threshold or threshold < 1 or threshold > 100 then
  error("the threshold must be a whole percentage from 1 to 100, got "
    .. tostring(args.threshold or args[1]), 0)
end

local full = {}
for _, fs in ipairs(file_systems()) do
  fs.key = "reported:" .. fs.mount
  if fs.percent < threshold then
    state.set(fs.key, nil)
  elseif not state.get(fs.key) then
    full[#full + 1] = fs
  end
end
if #full == 0 then return end

local kz = kaizala.connect()
local id = args.group or args[2]
local group = id and kz:group(id) or kz:groups():next()
if not group then error("the connector has access to no group", 0) end

local file = io.open "/proc/sys/kernel/hostname"
local host = file and file:read "l" or "this machine"
if file then file:close() end

for _, fs in ipairs(full) do
  local text = ("%s: %s is %d %% full, %.1f GiB left"):format(host, fs.mount, fs.percent, fs.free_gib)
  local sent = group:send_message(text)
  log.debug("posted", { reference_id = sent.reference_id })
  -- Written now, so that this one is not posted again if the next message fails.
  state.set(fs.key, fs.percent)
  state.commit()
  print(text)
end
