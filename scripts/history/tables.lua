--- The tables of the page: the jobs, and the runs.
local elements = require "html.elements"
local language = require "html.language"
local jobs = require "history.jobs"
local parts = require "history.parts"

local tables = {}

local h = elements.h

local NUMBERS = {
  ["jobs.good"] = true, ["jobs.failed"] = true, ["jobs.median"] = true, ["jobs.longest"] = true,
  ["runs.took"] = true, ["runs.exit"] = true,
}

-- `names` are keys of texts, "" for a column without a name, false for one that is not there.
local function head_cells(t, names)
  local cells = {}
  for _, name in ipairs(names) do
    cells[#cells + 1] = name == "" and h.td {}
      or name and h.th { scope = "col", class = NUMBERS[name] and "number", t(name) } or nil
  end
  return h.thead { h.tr { cells } }
end

local function number(text)
  return h.td { class = "number", text }
end

-- The cell of a column that is there only in a page of all configurations.
local function whose(view, run)
  return view.all and h.td { class = "of", parts.configuration(run) }
end

local function job_row(job, view)
  local summary = jobs.summary(job, math.maxinteger)
  local function took(run)
    return number(run and parts.duration(view, run.took))
  end
  local name = parts.one_line(job.name)
  return h.tr {
    h.td { class = "job", view.links.job and h.a { href = view.links.job(job.name), name } or name },
    whose(view, job),
    number(language.number(view.language, summary.good)),
    number(language.number(view.language, summary.failed)), took(summary.median), took(summary.longest),
  }
end

---@param by_job history.job[]
---@param view history.view
---@param more html.node|nil below
---@return html.element
function tables.jobs(by_job, view, more)
  local t, rows = view.t, {}
  for i, job in ipairs(by_job) do
    rows[i] = job_row(job, view)
  end
  return h.section { id = "jobs", h.h2 { t "jobs" }, parts.scrolled(t "jobs", "scroll", h.table {
    class = "jobs",
    head_cells(t, {
      "runs.job", view.all and "runs.configuration", "jobs.good", "jobs.failed", "jobs.median",
      "jobs.longest",
    }),
    h.tbody { rows },
  }), more }
end

--- "http: HTTP 503", a word where there is neither.
---@param run history.run
---@param view history.view
---@param is_brief boolean|nil
---@return string
function tables.why(run, view, is_brief)
  local message = run.message and parts.shorten(parts.one_line(run.message), is_brief)
  local cause = run.cause or message and view.t "failed"
  return message and view.t("runs.cause", { cause = cause, message = message }) or cause or ""
end

-- How each ended, where there was more than one; briefly, that the run's page says it.
local function attempts(run, view, is_brief)
  local items, count = {}, view.t("count_attempts", { count = #run.attempts })
  if is_brief then
    return #run.attempts > 1 and h.p { h.a { href = view.links.run(run.run), count } }
  end
  for i, attempt in ipairs(#run.attempts > 1 and run.attempts or {}) do
    items[i] = h.li {
      h.b { class = attempt.state, parts.SIGNS[attempt.state] }, " ", tables.why(attempt, view),
    }
  end
  return #items > 0 and h.details { h.summary { count }, h.ol(items) }
end

-- The classes are what a page in a file is filtered by.
local function run_row(run, view, options, of_hosts)
  local t, state, class = view.t, run.state, { "run", run.state, options.class and options.class(run) or nil }
  return h.tr {
    id = "run-" .. run.run, class = table.concat(class, " "),
    h.td { class = "sign", h.b { class = state, title = t(state), parts.SIGNS[state] } },
    h.td { class = "id", h.a { href = view.links.run(run.run), h.code { run.run } } },
    h.td { class = "job", parts.one_line(run.job) }, whose(view, run),
    of_hosts and h.td { class = "host", parts.one_line(run.host or "?") },
    h.td { class = "when", parts.moment(view, run.started) },
    h.td { class = "number took", parts.duration(view, run.took) },
    h.td { class = "number exit", run.exit and t("runs.exit_code", { code = run.exit }) or "–" },
    h.td { class = "why", tables.why(run, view, options.brief), attempts(run, view, options.brief),
      options.detail and options.detail(run) },
  }
end

---@class history.table_options
---@field class? fun(run: history.run): string
---@field detail? fun(run: history.run): html.node below why
---@field brief? boolean without what is on the run's own page

--- The runs, a part of the table a day.
---@param runs history.run[] newest first
---@param view history.view
---@param options history.table_options
---@return html.element
function tables.runs(runs, view, options)
  local of_hosts = jobs.are_of_hosts(runs)
  local head = head_cells(view.t, {
    "", "runs.run", "runs.job", view.all and "runs.configuration", of_hosts and "runs.host", "runs.started",
    "runs.took", "runs.exit", "runs.why",
  })
  local bodies, day = { head, class = "runs" }, nil
  for _, run in ipairs(runs) do
    local date = run.started:sub(1, 10)
    if not day or day.id ~= "day-" .. date then
      day = { id = "day-" .. date }
      bodies[#bodies + 1] = h.tbody(day)
    end
    day[#day + 1] = run_row(run, view, options, of_hosts)
  end
  return parts.scrolled(view.t "runs", "scroll", h.table(bodies))
end

return tables
