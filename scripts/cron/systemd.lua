--- systemd: a service and a timer for each scheduled job.
local json = require "jeton.json"

local systemd = {}

-- In the command: Environment= of the manager or of a drop-in changes neither when a job is due, nor what
-- time it is in its script.
local SYSTEM_ZONE <const> = "/usr/bin/env TZ=:/etc/localtime "
local STATE_ROOT <const> = "/var/lib/"
local RUN_MIN <const> = 3 -- values in a row that are written as a range
local EVERY_DAY <const> = 0xFFFFFFFE
local EVERY_WEEKDAY <const> = 0x7F
local WEEKDAYS = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" }

-- A job may write where it is configured to: the rest of the system is read-only to it.
local SANDBOXING = [[
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
]]

-- A word, with what is special to systemd escaped.
local function word(text)
  return '"' .. text:gsub('["\\]', "\\%0"):gsub("%%", "%%%%"):gsub("\n", "\\n") .. '"'
end

-- The same where variables would be expanded.
local function argument(text)
  return (word(text):gsub("%$", "$$"))
end

-- Values as a list with ranges: "01,08..17".
local function list(bits, low, high, name)
  local parts, value = {}, low
  while value <= high do
    local last = value
    if bits >> value & 1 == 1 then
      while last < high and bits >> (last + 1) & 1 == 1 do
        last = last + 1
      end
      if last - value + 1 >= RUN_MIN then
        parts[#parts + 1] = name(value) .. ".." .. name(last)
      else
        parts[#parts + 1] = name(value)
        last = value
      end
    end
    value = last + 1
  end
  return table.concat(parts, ",")
end

local function two_digits(value)
  return ("%02d"):format(value)
end

-- `*` for all of them.
local function values(bits, low, high)
  local all = ((2 << (high - low)) - 1) << low
  return bits & all == all and "*" or list(bits, low, high, two_digits)
end

-- From Monday; Sunday is bit 0.
local function weekdays(bits)
  return list(bits | (bits & 1) << 7, 1, 7, function(day)
    return WEEKDAYS[day]
  end)
end

-- One calendar expression: weekday and date both have to match.
local function calendar(line, days, week, zone)
  return ("OnCalendar=%s*-%s-%s %s:%s:00%s\n"):format(week ~= EVERY_WEEKDAY and weekdays(week) .. " " or "",
    values(line.months, 1, 12), values(days, 1, 31), values(line.hours, 0, 23), values(line.minutes, 0, 59),
    zone and " " .. zone or "")
end

local function times(job)
  if job.reboot then
    return "OnBootSec=0\n"
  end
  local parts = {}
  for _, line in ipairs(job.lines) do
    if line.either then
      parts[#parts + 1] = calendar(line, line.days, EVERY_WEEKDAY, job.zone)
        .. calendar(line, EVERY_DAY, line.weekdays, job.zone)
    else
      parts[#parts + 1] = calendar(line, line.days, line.weekdays, job.zone)
    end
  end
  return table.concat(parts)
end

-- systemd creates folders below /var/lib; others have to exist.
local function state(folder)
  if folder:sub(1, #STATE_ROOT) == STATE_ROOT then
    return ("StateDirectory=%s\nStateDirectoryMode=0700\n"):format(word(folder:sub(#STATE_ROOT + 1)))
  end
  return ("ReadWritePaths=%s\n"):format(word(folder))
end

local function credentials(names)
  local lines, seen = {}, {}
  for _, name in ipairs(names) do
    lines[#lines + 1] = not seen[name] and ("LoadCredential=%s\n"):format(name) or nil
    seen[name] = true
  end
  return table.concat(lines)
end

-- No name has a dot, so no two units of named configurations share one.
local function unit(plan, job)
  return plan.configuration and ("jeton-%s.%s"):format(plan.configuration, job.name) or "jeton-" .. job.name
end

local function title(plan, job)
  return job.name .. (plan.configuration and " of " .. plan.configuration or "")
end

local function service(plan, job)
  local folder = job.metrics and job.metrics:match "^(.*)/"
  return table.concat {
    ("# /etc/systemd/system/%s.service\n"):format(unit(plan, job)),
    "[Unit]\n",
    ("Description=jeton: job %s\n"):format(title(plan, job)),
    "Documentation=man:jeton(1)\n",
    "Wants=network-online.target\n",
    "After=network-online.target\n",
    "\n",
    "[Service]\n",
    "Type=oneshot\n",
    plan.user and ("User=%s\n"):format(plan.user) or "",
    ("ExecStart=%s%s --config %s run --job %s --scheduled\n"):format(SYSTEM_ZONE, argument(plan.self),
      argument(plan.path), job.name),
    plan.state_home and ("Environment=%s\n"):format(word("XDG_STATE_HOME=" .. plan.state_home)) or "",
    "# The first signal lets the script clean up.\n",
    "KillMode=mixed\n",
    credentials(plan.credentials),
    "# What the job may write; the rest is read-only to it.\n",
    state(plan.state),
    job.directory and ("ReadWritePaths=%s\n"):format(word(job.directory)) or "",
    folder and ("ReadWritePaths=%s\n"):format(word(folder ~= "" and folder or "/")) or "",
    SANDBOXING,
  }
end

local function timer(plan, job)
  return table.concat {
    ("# /etc/systemd/system/%s.timer\n"):format(unit(plan, job)),
    "[Unit]\n",
    ("Description=jeton: times of job %s (%s%s)\n"):format(title(plan, job), job.schedule,
      job.timezone and ", " .. job.timezone or ""),
    "Documentation=man:jeton(1)\n",
    "\n",
    "[Timer]\n",
    times(job),
    "AccuracySec=1s\n",
    job.catch_up and not job.reboot and "Persistent=yes\n" or "",
    "\n",
    "[Install]\n",
    "WantedBy=timers.target\n",
  }
end

---@param view string JSON, as runtime/cron/cron_view.c writes it
---@return string
function systemd.render(view)
  local plan, units = assert(json.decode(view)), {}
  for _, job in ipairs(plan.jobs) do
    units[#units + 1] = service(plan, job)
    units[#units + 1] = timer(plan, job)
  end
  return table.concat(units, "\n")
end

return systemd
