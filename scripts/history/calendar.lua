--- The days of half a year: one square a day, which leads to its runs.
local elements = require "html.elements"
local parts = require "history.parts"

local calendar = {}

local h = elements.h

local WEEK_DAYS <const> = 7
local CALENDAR_DAYS <const> = 27 * WEEK_DAYS -- half a year, and the week under way
local MANY_RUNS <const> = 10 -- of a day: more are darker

-- In the picture's own units.
local CELL <const> = 14 -- in style.css too
local CELL_STEP <const> = 17
local DISC_MIN <const> = 3 -- radius: something failed
local LABELS <const> = 40 -- left of the calendar
local MONTH_COLUMNS <const> = 2 -- that a month's name takes

local WEEKDAYS = {
  en = { [0] = "Mon", [2] = "Wed", [4] = "Fri" },
  fr = { [0] = "lun.", [2] = "mer.", [4] = "ven." },
}
local MONTHS = {
  en = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" },
  fr = { "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc." },
}

-- Noon is far from any change of daylight saving.
local function date_of(time, days)
  return os.date("%Y-%m-%d", parts.hour_of(time, days, 12))
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

local function day_cell(day, column, row, view)
  local x, y = LABELS + column * CELL_STEP, 20 + row * CELL_STEP
  local class = day.runs == 0 and "none" or day.runs > MANY_RUNS and "many" or "good"
  local half = CELL // 2
  local says = view.t("calendar.day", {
    date = parts.moment(view, day.date), runs = view.t("count_runs", { count = day.runs }),
    failed = view.t("count_failed", { count = day.failed }),
  })
  local marks = {
    h.title { says },
    (day.failed == 0 or day.failed < day.runs)
      and h.rect { x = x, y = y, class = class },
    day.failed > 0 and h.circle {
      cx = x + half, cy = y + half, r = DISC_MIN + (half - DISC_MIN) * day.failed // day.runs,
      class = "failed disc",
    },
  }
  return day.runs > 0 and h.a { href = view.links.day(day.date), marks } or h.g(marks)
end

---@param runs history.run[]
---@param now integer seconds
---@param view history.view
---@return html.element
function calendar.section(runs, now, view)
  local t = view.t
  local days, first = collect_days(runs, now)
  local week = (first - 1) // WEEK_DAYS
  local weeks = (#days + WEEK_DAYS - 1) // WEEK_DAYS - week
  local picture = {
    width = LABELS + (weeks + 1) * CELL_STEP, height = 24 + WEEK_DAYS * CELL_STEP, role = "group",
    class = "calendar", aria_label = t "calendar.label",
  }
  for row = 0, WEEK_DAYS - 1 do
    picture[#picture + 1] = h.text { x = 0, y = 31 + row * CELL_STEP, WEEKDAYS[view.language][row] }
  end
  local month, labelled = nil, -MONTH_COLUMNS
  for i = week * WEEK_DAYS, #days - 1 do
    local day, column = days[i + 1], i // WEEK_DAYS - week
    local its_month = day.date:sub(1, 7)
    if i % WEEK_DAYS == 0 and month ~= its_month and column - labelled >= MONTH_COLUMNS then
      month, labelled = its_month, column
      picture[#picture + 1] = h.text {
        x = LABELS + column * CELL_STEP, y = 12, MONTHS[view.language][math.tointeger(its_month:sub(6))],
      }
    end
    picture[#picture + 1] = day_cell(day, column, i % WEEK_DAYS, view)
  end
  local title = t "calendar"
  return parts.section(title, parts.scrolled(title, "scroll newest", h.div { h.svg(picture) }),
    h.p { class = "soft", t "calendar.legend" })
end

return calendar
