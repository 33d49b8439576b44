--- The history of jobs as one self-contained page: a calendar, a timeline, tables.
local elements = require "html.elements"
local jobs = require "history.jobs"
local json = require "jeton.json"

local page = {}

local h = elements.h

local WEEK_DAYS <const> = 7
local CALENDAR_DAYS <const> = 27 * WEEK_DAYS -- half a year, and the week under way
local TIMELINE_MS <const> = 7 * 86400 * 1000
local TABLE_ROWS <const> = 500
local MESSAGE_SHOWN <const> = 200 -- bytes
local MANY_RUNS <const> = 10 -- of a day: more are darker

-- Of the pictures, in their own units.
local CELL <const> = 14
local CELL_STEP <const> = 17
local DISC_MIN <const> = 3 -- radius: something failed
local LABELS <const> = 40 -- left of the calendar
local MONTH_COLUMNS <const> = 2 -- that a month's name takes
local LANES_TOP <const> = 24
local LANE_STEP <const> = 26
local LANE_BAR <const> = 14
local LANES_MAX <const> = 100
local LANE_FAILED <const> = 4 -- above and below
local TIME_WIDE <const> = 840
local DATE_WIDE <const> = 40
local BAR_MIN <const> = 2

local SIGNS = { good = "✓", failed = "✗", skipped = "–", running = "●" }
local WEEKDAYS = { [0] = "Mon", [2] = "Wed", [4] = "Fri" }
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

local function plural(count, word)
  return ("%d %s%s"):format(count, word, count == 1 and "" or "s")
end

local function one_line(text)
  return (text:gsub("%c", " "))
end

-- At most MESSAGE_SHOWN bytes, whole characters.
local function shorten(text)
  if #text <= MESSAGE_SHOWN then
    return text
  end
  return text:sub(1, utf8.offset(text, 0, MESSAGE_SHOWN + 1) - 1) .. "…"
end

local function section(title, ...)
  return h.section { h.h2 { title }, ... }
end

-- What may be wider than the page.
local function scrolled(label, class, content)
  return h.div { class = class, tabindex = "0", role = "region", aria_label = label, content }
end

-- The hour of the day, so many days from the day of `time`.
local function hour_of(time, days, hour)
  local date = os.date("*t", time)
  return os.time { year = date.year, month = date.month, day = date.day + days, hour = hour }
end

-- Noon is far from any change of daylight saving.
local function date_of(time, days)
  return os.date("%Y-%m-%d", hour_of(time, days, 12))
end

-- Days, oldest first, in whole weeks from a Monday; the last is today. Also the index of the day of
-- the oldest run.
local function collect_days(runs, now)
  local weekday = (os.date("*t", now).wday + 5) % WEEK_DAYS -- Monday is 0
  local count = CALENDAR_DAYS - WEEK_DAYS + weekday + 1
  local days, index, first = {}, {}, count
  for i = 1, count do
    days[i] = { date = date_of(now, i - count), runs = 0, failed = 0 }
    index[days[i].date] = i
  end
  for _, run in ipairs(runs) do
    local i = run.state ~= "skipped" and index[run.started:sub(1, 10)]
    if i then
      days[i].runs = days[i].runs + 1
      days[i].failed = days[i].failed + (run.state == "failed" and 1 or 0)
      first = math.min(first, i)
    end
  end
  return days, first
end

local function day_cell(day, column, row)
  local x, y = LABELS + column * CELL_STEP, 20 + row * CELL_STEP
  local class = day.runs == 0 and "none" or day.runs > MANY_RUNS and "many" or "good"
  local half = CELL // 2
  return h.g {
    h.title { ("%s: %s, %d failed"):format(day.date, plural(day.runs, "run"), day.failed) },
    (day.failed == 0 or day.failed < day.runs)
      and h.rect { x = x, y = y, width = CELL, height = CELL, rx = 3, class = class },
    day.failed > 0 and h.circle {
      cx = x + half, cy = y + half, r = DISC_MIN + (half - DISC_MIN) * day.failed // day.runs,
      class = "failed disc",
    },
  }
end

local function calendar(runs, now)
  local days, first = collect_days(runs, now)
  local week = (first - 1) // WEEK_DAYS
  local weeks = (#days + WEEK_DAYS - 1) // WEEK_DAYS - week
  local picture = {
    width = LABELS + (weeks + 1) * CELL_STEP, height = 24 + WEEK_DAYS * CELL_STEP, role = "img",
    aria_label = "Runs of each day",
  }
  for row = 0, WEEK_DAYS - 1 do
    picture[#picture + 1] = h.text { x = 0, y = 31 + row * CELL_STEP, WEEKDAYS[row] }
  end
  local month, labelled = nil, -MONTH_COLUMNS
  for i = week * WEEK_DAYS, #days - 1 do
    local day, column = days[i + 1], i // WEEK_DAYS - week
    local its_month = day.date:sub(1, 7)
    if i % WEEK_DAYS == 0 and month ~= its_month and column - labelled >= MONTH_COLUMNS then
      month, labelled = its_month, column
      picture[#picture + 1] = h.text {
        x = LABELS + column * CELL_STEP, y = 12, MONTHS[math.tointeger(its_month:sub(6))],
      }
    end
    picture[#picture + 1] = day_cell(day, column, i % WEEK_DAYS)
  end
  return section("Calendar", scrolled("Calendar", "scroll newest", h.div { h.svg(picture) }), h.p {
    class = "soft",
    "Green squares: all runs succeeded. Red discs: some failed; the larger the disc, the more.",
  })
end

-- The part of a run that the timeline shows; nil: none.
local function bar(run, from_ms, to_ms, y)
  local ended_ms = run.started_ms + math.max(run.took_ms, 0)
  local begin_ms = math.max(run.started_ms, from_ms)
  if ended_ms < from_ms or begin_ms > to_ms then
    return nil
  end
  local x = (begin_ms - from_ms) * TIME_WIDE // (to_ms - from_ms)
  local wide = math.min((ended_ms - begin_ms) * TIME_WIDE // (to_ms - from_ms), TIME_WIDE - x)
  local taller = run.state == "failed" and LANE_FAILED or 0 -- seen without its colour too
  local title = { run.run, run.started }
  title[#title + 1] = run.took ~= "" and run.took or nil
  title[#title + 1] = run.attempt > 1 and run.attempt .. " attempts" or nil
  title[#title + 1] = run.cause
  return h.rect {
    x = x, y = y - taller, width = math.max(wide, BAR_MIN), height = LANE_BAR + 2 * taller, rx = 1,
    class = run.state, h.title { table.concat(title, ", ") },
  }
end

-- A line and a date where each day begins.
local function day_lines(from_ms, to_ms, high)
  local lines = {}
  for i = 0, WEEK_DAYS do
    local midnight = hour_of(from_ms // 1000, i, 0)
    local x = (midnight * 1000 - from_ms) * TIME_WIDE // (to_ms - from_ms)
    if x >= 0 and x <= TIME_WIDE then
      lines[#lines + 1] = h.line { x1 = x, y1 = 18, x2 = x, y2 = high, class = "lane" }
      lines[#lines + 1] = x + DATE_WIDE <= TIME_WIDE
        and h.text { x = x + 2, y = 12, os.date("%m-%d", midnight) }
    end
  end
  return lines
end

local function timeline(by_job, now_ms, all)
  local from_ms = now_ms - TIMELINE_MS
  local shown = math.min(#by_job, LANES_MAX)
  local high = LANES_TOP + shown * LANE_STEP
  local names = { class = "names" } -- beside the picture, so that they stay when it is scrolled
  local picture = {
    width = TIME_WIDE + 10, height = high, role = "img",
    aria_label = "Runs of each job over the last seven days",
    day_lines(from_ms, now_ms, high),
  }
  for j = 1, shown do
    local runs, y = by_job[j].runs, LANES_TOP + (j - 1) * LANE_STEP
    local middle = y + LANE_BAR // 2
    names[j] = h.li { one_line(by_job[j].name .. (all and " · " .. by_job[j].configuration or "")) }
    picture[#picture + 1] = h.line { x1 = 0, y1 = middle, x2 = TIME_WIDE, y2 = middle, class = "lane" }
    for i = #runs, 1, -1 do -- the newest last, over the others
      picture[#picture + 1] = bar(runs[i], from_ms, now_ms, y)
    end
  end
  return section("The last seven days",
    scrolled("Timeline", "scroll newest", h.div { h.ul(names), h.svg(picture) }),
    #by_job > shown and h.p { class = "soft", ("The %d jobs that ran last, of %d."):format(shown, #by_job) })
end

local function head_cells(names, numbers)
  local cells = {}
  for i, name in ipairs(names) do
    cells[i] = h.th { scope = "col", class = numbers[name] and "number", name }
  end
  return h.thead { h.tr { cells } }
end

local function number(text)
  return h.td { class = "number", text }
end

-- The cell of a column that is there only in a page of all configurations.
local function whose(all, configuration)
  return all and h.td { class = "job", one_line(configuration or "?") }
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
    h.td { class = "job", one_line(job.name) }, whose(all, job.configuration), number(summary.good),
    number(summary.failed),
    number(summary.median and summary.median.took), number(summary.longest and summary.longest.took),
  }
end

local function table_of_jobs(by_job, all)
  local rows = {}
  for i, job in ipairs(by_job) do
    rows[i] = job_row(job, all)
  end
  return section("Jobs", scrolled("Jobs", "scroll", h.table {
    head_cells(columns(all, { "Job", "Good", "Failed", "Median", "Longest" }),
      { Good = true, Failed = true, Median = true, Longest = true }),
    h.tbody { rows },
  }))
end

local function attempt_row(run, all)
  return h.tr {
    h.td { h.b { class = run.state, SIGNS[run.state] } },
    h.td { h.code { run.run } },
    h.td { class = "job", one_line(run.job) }, whose(all, run.configuration),
    h.td { class = "when", run.started },
    number(run.took), number(run.exit or "–"), number(run.attempt),
    h.td { class = "why", run.cause, run.message and ": " .. shorten(one_line(run.message)) },
  }
end

local function table_of_attempts(runs, all)
  local rows = {}
  for i = 1, math.min(#runs, TABLE_ROWS) do
    rows[i] = attempt_row(runs[i], all)
  end
  return section("Attempts",
    #runs > TABLE_ROWS and h.p { class = "soft", ("The newest %d of %d."):format(TABLE_ROWS, #runs) },
    scrolled("Attempts", "scroll", h.table {
      head_cells(columns(all, { "", "Run", "Job", "Started", "Took", "Exit", "Attempt", "Why" }),
        { Took = true, Exit = true, Attempt = true }),
      h.tbody { rows },
    }))
end

--- The text of the page.
---@param view string JSON: `{"now_ms":…, "now":…, "all": boolean, "configuration":…, "runs": history.run[]}`:
--- attempts, the newest first
---@return string
function page.render(view)
  local history = assert(json.decode(view))
  local attempts = history.runs
  local runs = jobs.runs(attempts)
  local by_job = jobs.group(runs)
  return "<!DOCTYPE html>\n" .. elements.render(h.html {
    lang = "en",
    h.head {
      h.meta { charset = "utf-8" },
      h.meta { name = "viewport", content = "width=device-width,initial-scale=1" },
      h.meta {
        http_equiv = "Content-Security-Policy",
        content = "default-src 'none'; style-src 'unsafe-inline'",
      },
      h.title { "jeton: history" },
      h.style { elements.raw(require "history.style") },
    },
    h.body {
      h.main {
        h.h1 { "History of jobs" },
        h.p {
          class = "soft",
          ("%s of %s of %s, as of %s."):format(plural(#runs, "run"), plural(#by_job, "job"),
            history.all and "all configurations" or one_line(history.configuration or "?"), history.now),
        },
        #runs > 0 and {
          calendar(runs, history.now_ms // 1000), timeline(by_job, history.now_ms, history.all),
          table_of_jobs(by_job, history.all), table_of_attempts(attempts, history.all),
        },
      },
    },
  }) .. "\n"
end

return page
