--- The history of jobs for a terminal: a table, newest first, and a line for each job with its
--- durations as a sparkline.
local jobs = require "history.jobs"
local json = require "jeton.json"

local text = {}

local SPARKS_MAX <const> = 40 -- runs in a job's sparkline
local JOB_WIDTH_MAX <const> = 64 -- of the column of names
local HEAD_WIDTH <const> = 13 -- of a mark and a run

local SPARKS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local MARKS = {
  good = { sign = "✓", color = 32 },
  failed = { sign = "✗", color = 31 },
  skipped = { sign = "–", color = 33 },
  running = { sign = "●", color = 36 },
}

local function pad(name, width)
  return name .. (" "):rep(width - #name)
end

local function mark(state, color)
  local its = MARKS[state]
  return color and ("\27[%dm%s\27[0m"):format(its.color, its.sign) or its.sign
end

-- "  http, 2 attempts: HTTP 503": the last column.
local function why(run)
  local parts = { run.state == "running" and "running" or run.cause }
  if run.attempts and #run.attempts > 1 then
    parts[#parts + 1] = #run.attempts .. " attempts"
  end
  local shown = table.concat(parts, ", ")
  if run.message and run.state == "failed" then
    shown = shown .. ": " .. jobs.shorten(run.message)
  end
  return shown ~= "" and "  " .. shown or ""
end

local function row(run, head, name)
  return ("%s  %s  %s  %12s  %4s%s\n"):format(head, name, run.started, run.took, run.exit or "-", why(run))
end

-- The run; below it its attempts, where there is more than one.
local function add_rows(lines, run, name, host_cell, color)
  lines[#lines + 1] = row(run, mark(run.state, color) .. "  " .. run.run, name .. host_cell(run.host))
  for _, attempt in ipairs(#run.attempts > 1 and run.attempts or {}) do
    local label = "attempt " .. attempt.attempt
    local head = (" "):rep(HEAD_WIDTH - 2 - #label) .. mark(attempt.state, color) .. " " .. label
    lines[#lines + 1] = row(attempt, head, (" "):rep(#name) .. host_cell(attempt.host))
  end
end

-- How the columns that say whose a run is are written: the job, and with `all` its configuration.
local function namer(runs, all)
  local job_width, wide = #"JOB", #"CONFIGURATION"
  for _, run in ipairs(runs) do
    job_width = math.max(job_width, math.min(#run.job, JOB_WIDTH_MAX))
    wide = math.max(wide, math.min(#(run.configuration or "?"), JOB_WIDTH_MAX))
  end
  return function(job, configuration)
    return pad(job, job_width) .. (all and "  " .. pad(configuration or "?", wide) or "")
  end
end

-- How the column of hosts is written, where there is more than one.
local function host_column(runs)
  local width, shown = #"HOST", jobs.are_of_hosts(runs)
  for _, run in ipairs(runs) do
    width = math.max(width, math.min(#(run.host or "?"), JOB_WIDTH_MAX))
  end
  return function(host)
    return shown and "  " .. pad(host or "?", width) or ""
  end
end

-- The job's durations, oldest first, and what they come to.
local function summary_line(job, name)
  local summary = jobs.summary(job, SPARKS_MAX)
  if not summary.longest then
    return ""
  end
  local highest, sparks = math.max(summary.longest.took_ms, 1), {}
  for i = #summary.ended, 1, -1 do
    sparks[#sparks + 1] = SPARKS[summary.ended[i].took_ms * (#SPARKS - 1) // highest + 1]
  end
  return ("%s  %s  %d good, %d failed; median %s, longest %s\n"):format(name, table.concat(sparks),
    summary.good, summary.failed, summary.median.took, summary.longest.took)
end

---@param view string JSON: `{"color", "all", "failed": boolean, "runs": history.run[]}`, newest first
---@return string
function text.render(view)
  local history = assert(json.decode(view))
  local name, host_cell = namer(history.runs, history.all), host_column(history.runs)
  local lines = {
    ("   %-10s  %s  %-19s  %12s  %4s  %s\n"):format("RUN", name("JOB", "CONFIGURATION") .. host_cell "HOST",
      "STARTED", "TOOK", "EXIT", "WHY"),
  }
  local runs = jobs.runs(history.runs)
  for _, run in ipairs(runs) do
    add_rows(lines, run, name(run.job, run.configuration), host_cell, history.color)
  end
  if history.failed then -- how many were good is not known
    return table.concat(lines)
  end
  lines[#lines + 1] = "\n"
  for _, job in ipairs(jobs.group(runs)) do
    lines[#lines + 1] = summary_line(job, name(job.name, job.configuration))
  end
  return table.concat(lines)
end

return text
