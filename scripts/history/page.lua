--- The history of jobs as a page: a calendar, a timeline, tables. In a file it is self-contained, and
--- filtered by its own style; `history.serve` shows it live.
local crypto = require "jeton.crypto"
local elements = require "html.elements"
local json = require "jeton.json"
local language = require "html.language"
local calendar = require "history.calendar"
local jobs = require "history.jobs"
local parts = require "history.parts"
local run_page = require "history.run"
local source = require "history.source"
local tables = require "history.tables"
local timeline = require "history.timeline"

local page = {}

local h = elements.h

local TABLE_ROWS <const> = 500 -- of a page in a file
local OUTPUTS_MAX <const> = 50 -- of failed runs, in a page in a file
local OUTPUT_SHOWN <const> = 4096 -- bytes of each, the last ones
local JOBS_MAX <const> = 100 -- that a page in a file can be filtered by, and lanes of its timeline
local DAY_MS <const> = 86400 * 1000
local TIMES = {
  { "filter.any_time" }, { "filter.24_hours", DAY_MS }, { "filter.7_days", 7 * DAY_MS },
  { "filter.30_days", 30 * DAY_MS },
}

--- "CET, UTC+01:00"; only the offset where the zone has no other name.
---@return string
function page.zone()
  local hours, minutes = os.date("%z"):match "^([+-]%d%d)(%d%d)$"
  local name, offset = os.date "%Z", ("UTC%s:%s"):format(hours, minutes)
  return name == "UTC" and name or name:find "^[+-]" and offset or name .. ", " .. offset
end

--- A whole page, and the hash by which its style may stand in it.
---@param view history.view
---@param title string
---@param style string
---@param body html.node
---@param most integer|nil bytes: html.page
---@return string html
---@return string policy of content
function page.document(view, title, style, body, most)
  local hash = crypto.base64(crypto.sha256(style))
  local policy = "default-src 'none'; base-uri 'none'; form-action 'self'; style-src 'sha256-" .. hash .. "'"
  local whole = h.html {
    lang = view.language,
    h.head {
      h.meta { charset = "utf-8" },
      h.meta { name = "viewport", content = "width=device-width,initial-scale=1" },
      h.meta { http_equiv = "Content-Security-Policy", content = policy },
      h.title { "jeton: " .. title },
      h.style { elements.raw(style) },
    },
    h.body { h.main(body) },
  }
  local text = most and elements.page(whole, most) or elements.render(whole)
  return "<!DOCTYPE html>\n" .. text .. "\n", policy
end

--- The heading, and whose runs these are.
---@param history table as history_view of runtime/history/history.h writes it
---@param runs history.run[]
---@param by_job history.job[]
---@param view history.view
---@return html.node
function page.head(history, runs, by_job, view)
  local t = view.t
  return {
    h.h1 { t "title" },
    h.p {
      class = "soft",
      t("head", {
        runs = t("count_runs", { count = #runs }), jobs = t("count_jobs", { count = #by_job }),
        whose = view.all and t "all_configurations" or parts.one_line(history.configuration or "?"),
        now = parts.moment(view, history.now), zone = page.zone(),
      }),
    },
  }
end

-- A page in a file -----------------------------------------------------------------------------

---@type history.links
local here = {
  run = function(id) return "#run-" .. id end,
  day = function(date) return "#day-" .. date end,
}

local function option(value, text)
  return h.option { value = value, text }
end

-- Which rows there are is chosen by the style: a page in a file runs no code.
local function filters(by_job, t)
  local of_jobs, times = { option("", t "filter.all_jobs") }, {}
  for i = 1, math.min(#by_job, JOBS_MAX) do
    of_jobs[#of_jobs + 1] = option("job-" .. i, parts.one_line(by_job[i].name))
  end
  for i, time in ipairs(TIMES) do
    times[i] = option("time-" .. i, t(time[1]))
  end
  return h.form {
    class = "filters", autocomplete = "off",
    h.label { t "filter.job", " ", h.select { of_jobs } },
    h.label { t "filter.time", " ", h.select { times } },
    h.label { h.input { type = "checkbox", id = "only-failed" }, " ", t "filter.only_failed" },
  }
end

local RULE <const> = "main:has(option[value=%s]:checked) tr.run:not(.%s){display:none}\n"

local function filter_style(by_job)
  local rules = { "main:has(#only-failed:checked) tr.run:not(.failed){display:none}\n" }
  for i = 1, math.min(#by_job, JOBS_MAX) do
    rules[#rules + 1] = RULE:format("job-" .. i, "job-" .. i)
  end
  for i = 2, #TIMES do
    rules[#rules + 1] = RULE:format("time-" .. i, "time-" .. i)
  end
  return table.concat(rules)
end

local function classes(by_job, now_ms)
  local index = {}
  for i, job in ipairs(by_job) do
    index[job.name .. ":" .. job.configuration] = "job-" .. i -- no ":" in names
  end
  return function(run)
    local list = { index[run.job .. ":" .. (run.configuration or "?")] }
    for i = 2, #TIMES do
      list[#list + 1] = run.started_ms > now_ms - TIMES[i][2] and "time-" .. i or nil
    end
    return table.concat(list, " ")
  end
end

-- The end of what the last attempt of a failed run printed, for the newest of them.
local function outputs(view)
  local left = OUTPUTS_MAX
  return function(run)
    if run.state ~= "failed" or left == 0 then
      return nil
    end
    left = left - 1
    local attempt = assert(json.decode(assert(source(view.all, run.run)))).runs[1]
    return attempt and attempt.output
      and h.details { h.summary { view.t "run.output" }, run_page.output(attempt, view, OUTPUT_SHOWN) }
  end
end

local function run_section(runs, by_job, view, now_ms)
  local t, shown = view.t, table.move(runs, 1, math.min(#runs, TABLE_ROWS), 1, {})
  return parts.section(t "runs", filters(by_job, t),
    #runs > TABLE_ROWS and h.p { class = "soft", t("runs.newest", { shown = TABLE_ROWS, of = #runs }) },
    tables.runs(shown, view, { class = classes(by_job, now_ms), detail = outputs(view) }),
    h.p { class = "soft", t("runs.elsewhere", {
      logs = h.code { "jeton logs RUN" }, serve = h.code { "jeton history --serve" },
    }) })
end

--- The text of the page, in the language of the environment.
---@param text string JSON: `{"now_ms":…, "now":…, "all": boolean, "configuration":…, "runs": history.run[]}`:
--- attempts, the newest first
---@return string
function page.render(text)
  local history = assert(json.decode(text))
  local view = parts.view(language.from_environment(), history.all, here)
  local runs = jobs.runs(history.runs)
  local by_job = jobs.group(runs)
  local style = require "history.style" .. filter_style(by_job)
  return (page.document(view, view.t "short_title", style, {
    page.head(history, runs, by_job, view),
    #runs > 0 and {
      calendar.section(runs, history.now_ms // 1000, view),
      timeline.section(by_job, history.now_ms, view, JOBS_MAX),
      tables.jobs(by_job, view), run_section(runs, by_job, view, history.now_ms),
    },
  }))
end

return page
