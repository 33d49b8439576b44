--- The runs of jobs that attempts belong to, and what they come to.
local jobs = {}

local MESSAGE_WIDTH <const> = 100 -- characters

local SECOND_MS <const>, MINUTE_MS <const>, HOUR_MS <const> = 1000, 60000, 3600000

-- As history_view of runtime/history/history.h writes it.
---@class history.run an attempt, or a run as its last attempt left it
---@field run string
---@field job string
---@field state "good"|"failed"|"skipped"|"running"
---@field started_ms integer
---@field started string
---@field took_ms integer -1: not known
---@field took string ""
---@field exit integer|nil
---@field attempt integer
---@field cause string|nil
---@field message string|nil
---@field host string|nil
---@field configuration string|nil its name or path; nil: that cannot be shown
---@field attempts history.run[]|nil of a run: all, the oldest first

---@class history.job
---@field name string
---@field configuration string
---@field runs history.run[] newest first, one for all attempts of a run
---@field summary history.summary|nil as it was made last

---@class history.summary
---@field most integer as it was asked for
---@field good integer
---@field failed integer
---@field ended history.run[] those whose duration is known, newest first
---@field median history.run|nil
---@field longest history.run|nil

-- As history_duration of runtime/history/history.h.
local function duration(ms)
  if ms < SECOND_MS then
    return ms .. " ms"
  elseif ms < MINUTE_MS then
    return ("%d.%d s"):format(ms // SECOND_MS, ms % SECOND_MS // 100)
  elseif ms < HOUR_MS then
    return ("%d min %02d s"):format(ms // MINUTE_MS, ms % MINUTE_MS // SECOND_MS)
  end
  return ("%d h %02d min"):format(ms // HOUR_MS, ms % HOUR_MS // MINUTE_MS)
end

--- For a table: whole characters, a line's worth of them.
---@param message string
---@return string
function jobs.shorten(message)
  local cut = utf8.offset(message, MESSAGE_WIDTH)
  return cut and cut <= #message and message:sub(1, cut - 1) .. "…" or message
end

--- Whether they ran on more than one host: only then tables say which.
---@param runs history.run[]
---@return boolean
function jobs.are_of_hosts(runs)
  local first
  for _, run in ipairs(runs) do
    first = first or run.host
    if run.host and run.host ~= first then
      return true
    end
  end
  return false
end

--- The runs: each is its last attempt, but began with its first.
---@param attempts history.run[] newest first
---@return history.run[] runs newest first
function jobs.runs(attempts)
  local found, list = {}, {}
  for _, attempt in ipairs(attempts) do
    local run = found[attempt.run]
    if not run then
      run = {}
      for key, value in pairs(attempt) do
        run[key] = value
      end
      run.attempts = { attempt }
      found[run.run], list[#list + 1] = run, run
    else
      table.insert(run.attempts, 1, attempt)
      if run.took_ms >= 0 then
        -- The clock may have been set between them.
        run.took_ms = math.max(run.started_ms + run.took_ms - attempt.started_ms, 0)
        run.took = duration(run.took_ms)
      end
      run.started_ms, run.started = attempt.started_ms, attempt.started
    end
  end
  return list
end

--- The jobs, the one that ran last first.
---@param runs history.run[] newest first
---@return history.job[]
function jobs.group(runs)
  local found, list = {}, {}
  for _, run in ipairs(runs) do
    local configuration = run.configuration or "?"
    local key = run.job .. ":" .. configuration -- no ":" in names
    local job = found[key]
    if not job then
      job = { name = run.job, configuration = configuration, runs = {} }
      found[key], list[#list + 1] = job, job
    end
    job.runs[#job.runs + 1] = run
  end
  return list
end

--- Those that were skipped or are running do not count.
---@param job history.job
---@param most integer of the newest durations, so many count
---@return history.summary
function jobs.summary(job, most)
  if job.summary and job.summary.most == most then
    return job.summary
  end
  local summary = { good = 0, failed = 0, ended = {}, most = most }
  for _, run in ipairs(job.runs) do
    if run.state == "good" or run.state == "failed" then
      summary[run.state] = summary[run.state] + 1
      if run.took_ms >= 0 and #summary.ended < most then
        summary.ended[#summary.ended + 1] = run
      end
    end
  end
  local sorted = table.move(summary.ended, 1, #summary.ended, 1, {})
  table.sort(sorted, function(a, b)
    return a.took_ms < b.took_ms
  end)
  summary.median, summary.longest = sorted[#sorted // 2 + 1], sorted[#sorted]
  job.summary = summary
  return summary
end

return jobs
