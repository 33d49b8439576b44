--- Events of webhooks for people: a table, and one with all that it brought.
local json = require "jeton.json"
local visible = require "jeton.test_host".visible

local list = {}

local COLUMNS = { "ID", "HOOK", "STATE", "TYPE", "RECEIVED", "ATTEMPT", "" }
local WIDTH_MAX = 40

local function value(text)
  return text ~= json.null and text or nil
end

local function time(text)
  return value(text) and (text:gsub("T", " "):gsub("%.%d+", ""):gsub("[+-]%d%d:%d%d$", "")) or "-"
end

local function cut(text)
  if (utf8.len(text) or #text) <= WIDTH_MAX then return text end
  return text:sub(1, (utf8.offset(text, WIDTH_MAX) or WIDTH_MAX) - 1) .. "…"
end

local function attempt(event)
  local most = value(event.attempts)
  return most and ("%d of %d"):format(event.attempt, most) or tostring(event.attempt)
end

local function note(event)
  if event.state == "ready" and value(event.next_at) and event.attempt > 0 then
    return ("next %s: %s"):format(time(event.next_at), value(event.error) or "")
  end
  return value(event.error) or (event.duplicates > 0 and ("came again: %d"):format(event.duplicates)) or ""
end

local function row(event)
  return {
    ("%d"):format(event.seq), event.hook, event.state, cut(value(event.type) or "-"), time(event.received_at),
    attempt(event), note(event),
  }
end

local function line(cells, widths)
  local parts = {}
  for i, cell in ipairs(cells) do
    local width = utf8.len(cell) or #cell
    parts[i] = i == #cells and cell or cell .. (" "):rep(widths[i] - width)
  end
  return (table.concat(parts, "  "):gsub(" +$", ""))
end

---@param text string JSON: a list of events
---@return string
function list.render(text)
  local events = assert(json.decode(text))
  if #events == 0 then return "" end
  local rows, widths = { COLUMNS }, {}
  for i, event in ipairs(events) do
    rows[i + 1] = row(event)
    for j, cell in ipairs(rows[i + 1]) do rows[i + 1][j] = visible(cell) end
  end
  for _, cells in ipairs(rows) do
    for i, cell in ipairs(cells) do widths[i] = math.max(widths[i] or 0, utf8.len(cell) or #cell) end
  end
  local lines = {}
  for i, cells in ipairs(rows) do lines[i] = line(cells, widths) end
  return table.concat(lines, "\n") .. "\n"
end

---@param text string JSON: an event with its content
---@return string
function list.show(text)
  local event = assert(json.decode(text))
  local lines = {}
  local function add(name, what)
    if value(what) then lines[#lines + 1] = ("%-12s%s"):format(name .. ":", visible(tostring(what))) end
  end
  add("event", ("%d of webhook %s"):format(event.seq, event.hook))
  add("ID", event.event_id .. (event.part > 0 and (", part %d"):format(event.part) or ""))
  add("type", event.type)
  add("state", event.state)
  add("attempt", attempt(event))
  add("received", time(event.received_at))
  add("next", value(event.next_at) and time(event.next_at))
  add("ended", value(event.ended_at) and time(event.ended_at))
  add("came again", event.duplicates > 0 and event.duplicates or nil)
  add("error", event.error)
  local names = {}
  for name in pairs(value(event.headers) or {}) do names[#names + 1] = name end
  table.sort(names)
  lines[#lines + 1] = ""
  for _, name in ipairs(names) do
    lines[#lines + 1] = visible(("%s: %s"):format(name, tostring(event.headers[name])))
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = value(event.body) or value(event.body_base64) or "(its body is not kept any more)"
  return table.concat(lines, "\n") .. "\n"
end

return list
