--- The last seven days: a lane a job, a bar a run, which leads to it.
local elements = require "html.elements"
local parts = require "history.parts"

local timeline = {}

local h = elements.h

local WEEK_DAYS <const> = 7
local TIMELINE_MS <const> = WEEK_DAYS * 86400 * 1000

-- In the picture's own units.
local LANES_TOP <const> = 24
local LANE_STEP <const> = 26
local LANE_BAR <const> = 14
local LANE_FAILED <const> = 4 -- above and below
local TIME_WIDE <const> = 840
local DATE_WIDE <const> = 40
local BAR_MIN <const> = 3

-- Where the run is seen: from x, so wide. nil: not in these days.
local function place(run, from_ms, to_ms)
  local ended_ms = run.started_ms + math.max(run.took_ms, 0)
  local begin_ms = math.max(run.started_ms, from_ms)
  if ended_ms < from_ms or begin_ms > to_ms then
    return nil
  end
  local x = (begin_ms - from_ms) * TIME_WIDE // (to_ms - from_ms)
  local wide = math.min((ended_ms - begin_ms) * TIME_WIDE // (to_ms - from_ms), TIME_WIDE - x)
  return x, math.max(wide, BAR_MIN)
end

-- Those of these days, the newest last, over the others.
local function placed(runs, from_ms, to_ms)
  local list = {}
  for i = #runs, 1, -1 do
    local x, wide = place(runs[i], from_ms, to_ms)
    list[#list + 1] = x and { x = x, wide = wide, run = runs[i] } or nil
  end
  return list
end

-- What lies over each other in one colour is one bar: a job of every minute has ten thousand runs. If `near`
-- is wider than that, so are all that begin nearer than it to the bar's begin, however long they are.
local function collect(list, near)
  local bars, last = {}, {}
  for _, one in ipairs(list) do
    local x, wide, before = one.x, one.wide, last[one.run.state]
    local may_join = near > BAR_MIN or wide == BAR_MIN and before and before.wide == BAR_MIN
    if before and may_join and x >= before.x and x < before.x + near then
      before.run, before.count = one.run, before.count + 1
      before.wide = near > BAR_MIN and math.max(before.wide, x + wide - before.x) or BAR_MIN
    else
      last[one.run.state] = { x = x, wide = wide, run = one.run, count = 1 }
      bars[#bars + 1] = last[one.run.state]
    end
  end
  return bars
end

-- The bars of each job. With `most`, there are not many more than that: the nearest of a job become one.
local function collect_all(by_job, shown, from_ms, to_ms, most)
  local near, lists = BAR_MIN, {}
  for j = 1, shown do
    lists[j] = placed(by_job[j].runs, from_ms, to_ms)
  end
  repeat
    local lanes, count = {}, 0
    for j = 1, shown do
      lanes[j] = collect(lists[j], near)
      count = count + #lanes[j]
    end
    if not most or count <= most or near > TIME_WIDE then
      return lanes
    end
    near = near * 2
  until false
end

local function says(bar, view)
  local run = bar.run
  if bar.count > 1 then
    return view.t("timeline." .. run.state, { count = bar.count, at = parts.moment(view, run.started) })
  end
  local title = { run.run, parts.moment(view, run.started) }
  title[#title + 1] = run.took ~= "" and parts.duration(view, run.took) or nil
  title[#title + 1] = run.attempt > 1 and view.t("count_attempts", { count = run.attempt }) or nil
  title[#title + 1] = run.cause
  return table.concat(title, ", ")
end

local function draw(bar, y, view)
  local state = bar.run.state
  local taller = state == "failed" and LANE_FAILED or 0 -- seen without its colour too
  local title = says(bar, view)
  return h.a {
    href = view.links.run(bar.run.run), tabindex = "-1", -- the table has the same links
    h.rect {
      x = bar.x, y = y - taller, width = bar.wide, height = LANE_BAR + 2 * taller, rx = 1, class = state,
    },
    h.title { title },
  }
end

-- A line and a date where each day begins.
local function day_lines(from_ms, to_ms, high, view)
  local lines = {}
  for i = 0, WEEK_DAYS do
    local midnight = parts.hour_of(from_ms // 1000, i, 0)
    local x = (midnight * 1000 - from_ms) * TIME_WIDE // (to_ms - from_ms)
    if x >= 0 and x <= TIME_WIDE then
      lines[#lines + 1] = h.line { x1 = x, y1 = 18, x2 = x, y2 = high, class = "lane" }
      lines[#lines + 1] = x + DATE_WIDE <= TIME_WIDE
        and h.text { x = x + 2, y = 12, os.date(view.language == "fr" and "%d/%m" or "%m-%d", midnight) }
    end
  end
  return lines
end

---@param by_job history.job[]
---@param now_ms integer
---@param view history.view
---@param lanes_max integer
---@param most integer|nil bars, about
---@return html.element
function timeline.section(by_job, now_ms, view, lanes_max, most)
  local from_ms = now_ms - TIMELINE_MS
  local shown = math.min(#by_job, lanes_max)
  local high = LANES_TOP + shown * LANE_STEP
  local names = { class = "names" } -- beside the picture, so that they stay when it is scrolled
  local picture = {
    width = TIME_WIDE + 10, height = high, role = "group",
    aria_label = view.t "timeline.label",
    day_lines(from_ms, now_ms, high, view),
  }
  local lanes = collect_all(by_job, shown, from_ms, now_ms, most)
  for j = 1, shown do
    local y = LANES_TOP + (j - 1) * LANE_STEP
    local middle = y + LANE_BAR // 2
    local whose = view.all and " · " .. parts.configuration(by_job[j]) or ""
    names[j] = h.li { parts.one_line(by_job[j].name .. whose) }
    picture[#picture + 1] = h.line { x1 = 0, y1 = middle, x2 = TIME_WIDE, y2 = middle, class = "lane" }
    for _, bar in ipairs(lanes[j]) do
      picture[#picture + 1] = draw(bar, y, view)
    end
  end
  return parts.section(view.t "timeline",
    parts.scrolled(view.t "timeline.short", "scroll newest",
      h.div { h.ul(names), h.svg(picture) }),
    #by_job > shown
      and h.p { class = "soft", view.t("timeline.newest", { shown = shown, of = #by_job }) })
end

return timeline
