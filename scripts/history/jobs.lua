--- Attempts by job, and what they come to.
local jobs = {}

---@class history.run an attempt, as history_view of runtime/history/history.h writes it
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
---@field configuration string|nil its name or path; nil: that cannot be shown

---@class history.job
---@field name string
---@field configuration string
---@field runs history.run[] newest first

---@class history.summary
---@field good integer
---@field failed integer
---@field ended history.run[] those whose duration is known, newest first
---@field median history.run|nil
---@field longest history.run|nil

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
  local summary = { good = 0, failed = 0, ended = {} }
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
  return summary
end

return jobs
