--- The jobs of a configuration for a terminal: `jeton jobs`.
local history = require "history.jobs"
local json = require "jeton.json"

local list = {}

local MARKS = {
  good = { sign = "✓", color = 32 },
  failed = { sign = "✗", color = 31 },
  running = { sign = "●", color = 36 },
}
local MINUTE <const> = #"2026-01-31 08:00"
local REBOOT <const> = "@reboot"

---@class job.listed as verb_jobs.c writes it
---@field job string
---@field schedule string|nil
---@field timezone string|nil
---@field next_at string|nil
---@field last history.run|nil

-- To minutes, in the time that it names.
local function short(time)
  return (time:sub(1, MINUTE):gsub("T", " "))
end

local function why(run)
  local cause = run.state == "running" and "running" or run.cause or ""
  return run.state == "failed" and run.message and cause .. ": " .. history.shorten(run.message) or cause
end

---@param job job.listed
local function columns(job)
  for key, value in pairs(job) do
    job[key] = value ~= json.null and value or nil
  end
  local next_at = job.next_at and short(job.next_at) or job.schedule == REBOOT and "at boot" or "-"
  local schedule = job.schedule and job.schedule:gsub("%s+", " ") or "-"
  if job.timezone then
    schedule = schedule .. " " .. job.timezone
  end
  local run = job.last
  if not run then
    return { job.job, schedule, next_at, "never", "", "", "" }
  end
  return { job.job, schedule, next_at, short(run.started), run.run, tostring(run.exit or "-"), why(run) }
end

local function mark(run, color)
  local its = run and MARKS[run.state]
  if not its then
    return " "
  end
  return color and ("\27[%dm%s\27[0m"):format(its.color, its.sign) or its.sign
end

---@param view string JSON: `{"color": boolean, "jobs": job.listed[]}`
---@return string
function list.render(view)
  local listed = assert(json.decode(view))
  local rows, widths = { { "JOB", "SCHEDULE", "NEXT", "LAST", "RUN", "EXIT", "WHY" } }, {}
  for _, job in ipairs(listed.jobs) do
    rows[#rows + 1] = columns(job)
  end
  for _, row in ipairs(rows) do
    for at = 1, #row - 1 do
      widths[at] = math.max(widths[at] or 0, #row[at])
    end
  end
  local lines = {}
  for number, row in ipairs(rows) do
    local cells = { mark(number > 1 and listed.jobs[number - 1].last, listed.color) }
    for at, text in ipairs(row) do
      cells[#cells + 1] = text .. (" "):rep((widths[at] or 0) - #text)
    end
    lines[number] = table.concat(cells, "  "):gsub("%s+$", "") .. "\n"
  end
  return table.concat(lines)
end

return list
