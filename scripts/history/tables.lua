--- The tables of the page: the jobs, and the runs.
local elements = require "html.elements"
local jobs = require "history.jobs"
local parts = require "history.parts"

local tables = {}

local h = elements.h

local function head_cells(names, numbers)
  local cells = {}
  for i, name in ipairs(names) do
    cells[i] = name == "" and h.td {} or h.th { scope = "col", class = numbers[name] and "number", name }
  end
  return h.thead { h.tr { cells } }
end

local function number(text)
  return h.td { class = "number", text }
end

-- The cell of a column that is there only in a page of all configurations.
local function whose(all, configuration)
  return all and h.td { class = "job", parts.one_line(configuration or "?") }
end

-- The names of columns, "Configuration" after "Job" in a page of all.
local function columns(all, names)
  local list = {}
  for _, name in ipairs(names) do
    list[#list + 1] = name
    list[#list + 1] = name == "Job" and all and "Configuration" or nil
  end
  return list
end

local function job_row(job, all)
  local summary = jobs.summary(job, math.maxinteger)
  return h.tr {
    h.td { class = "job", parts.one_line(job.name) }, whose(all, job.configuration), number(summary.good),
    number(summary.failed),
    number(summary.median and summary.median.took), number(summary.longest and summary.longest.took),
  }
end

---@param by_job history.job[]
---@param all boolean of all configurations
---@return html.element
function tables.jobs(by_job, all)
  local rows = {}
  for i, job in ipairs(by_job) do
    rows[i] = job_row(job, all)
  end
  return parts.section("Jobs", parts.scrolled("Jobs", "scroll", h.table {
    head_cells(columns(all, { "Job", "Good", "Failed", "Median", "Longest" }),
      { Good = true, Failed = true, Median = true, Longest = true }),
    h.tbody { rows },
  }))
end

--- "http: HTTP 503", a word where there is neither.
---@param run history.run
---@param is_brief boolean|nil
---@return string
function tables.why(run, is_brief)
  local message = run.message and parts.shorten(parts.one_line(run.message), is_brief)
  return table.concat({ run.cause or (message and "failed") or nil, message }, ": ")
end

-- How each ended, where there was more than one; briefly, that the run's page says it.
local function attempts(run, options)
  local items = {}
  if options.brief then
    return #run.attempts > 1
      and h.p { h.a { href = options.links.run(run.run), parts.plural(#run.attempts, "attempt") } }
  end
  for i, attempt in ipairs(#run.attempts > 1 and run.attempts or {}) do
    items[i] = h.li { h.b { class = attempt.state, parts.SIGNS[attempt.state] }, " ", tables.why(attempt) }
  end
  return #items > 0 and h.details { h.summary { parts.plural(#items, "attempt") }, h.ol(items) }
end

-- The classes are what a page in a file is filtered by.
local function run_row(run, options, of_hosts)
  local state, class = run.state, { "run", run.state, options.class and options.class(run) or nil }
  return h.tr {
    id = "run-" .. run.run, class = table.concat(class, " "),
    h.td { class = "sign", h.b { class = state, title = parts.WORDS[state], parts.SIGNS[state] } },
    h.td { class = "id", h.a { href = options.links.run(run.run), h.code { run.run } } },
    h.td { class = "job", parts.one_line(run.job) }, whose(options.all, run.configuration),
    of_hosts and h.td { class = "host", parts.one_line(run.host or "?") },
    h.td { class = "when", run.started },
    h.td { class = "number took", run.took },
    h.td { class = "number exit", run.exit and "exit " .. run.exit or "–" },
    h.td { class = "why", tables.why(run, options.brief), attempts(run, options),
      options.detail and options.detail(run) },
  }
end

---@class history.table_options
---@field all boolean of all configurations
---@field links history.links
---@field class? fun(run: history.run): string
---@field detail? fun(run: history.run): html.node below why
---@field brief? boolean without what is on the run's own page

--- The runs, a part of the table a day.
---@param runs history.run[] newest first
---@param options history.table_options
---@return html.element
function tables.runs(runs, options)
  local names = columns(options.all, { "", "Run", "Job", "Started", "Took", "Exit", "Why" })
  local of_hosts = jobs.are_of_hosts(runs)
  if of_hosts then
    table.insert(names, options.all and 5 or 4, "Host")
  end
  local bodies, day = { head_cells(names, { Took = true, Exit = true }), class = "runs" }, nil
  for _, run in ipairs(runs) do
    local date = run.started:sub(1, 10)
    if not day or day.id ~= "day-" .. date then
      day = { id = "day-" .. date }
      bodies[#bodies + 1] = h.tbody(day)
    end
    day[#day + 1] = run_row(run, options, of_hosts)
  end
  return parts.scrolled("Runs", "scroll", h.table(bodies))
end

return tables
