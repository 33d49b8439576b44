-- Posts a report on a plan of Microsoft Planner to a channel of Microsoft Teams: open and overdue tasks.
--
-- Run:   jeton -c teams-report.yaml run teams-report.lua PLAN TEAM CHANNEL
--        All three are IDs: the links of the plan and of the channel contain them.
--        As a job it takes `args: { plan: ID, team: ID, channel: ID }`; see teams-report.yaml.
--
-- Out:   the numbers that were posted. Only once a day, and only if a task is open.
--
-- Graph lets an app post to a channel only for a user who has signed in. The tests run this script against a
-- server of their own that answers as Graph's documentation says, not against Microsoft:
-- learn.microsoft.com/graph/api/plannerplan-list-tasks and …/chatmessage-post
local http = require "jeton.http"
local jeton = require "jeton"
local state = require "jeton.state"

local LISTED = 20 -- overdue tasks that are listed with their titles
local DONE = 100 -- percent

local function call(request)
  request.connector = true -- the run's
  local response, err = http.request(request)
  if not response then error(err, 0) end
  return assert(response:json())
end

-- Iterates over a list, and fetches its pages as it goes.
local function each(path)
  local page, i
  return function()
    while not page or not page.value[i] do
      if not path then return nil end
      page, i = call { path = path }, 1
      path = page["@odata.nextLink"]
    end
    i = i + 1
    return page.value[i - 1]
  end
end

local function html(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

-- "2026-11-27T10:00:00Z", or nil: the due date of a task is null if it has none.
local function due(item)
  return type(item.dueDateTime) == "string" and item.dueDateTime or nil
end

-- The open tasks, and those of them that are overdue, the oldest first.
local function read(plan)
  local open, overdue, now = 0, {}, os.date "!%Y-%m-%dT%H:%M:%SZ"
  for item in each("planner/plans/" .. http.encode(plan) .. "/tasks") do
    if item.percentComplete < DONE then
      open = open + 1
      if due(item) and due(item) < now then overdue[#overdue + 1] = item end
    end
  end
  table.sort(overdue, function(a, b) return due(a) < due(b) end)
  return open, overdue
end

local function write(summary, overdue)
  local lines = { "<p>" .. summary .. "</p>", "<ul>" }
  for i = 1, math.min(#overdue, LISTED) do
    lines[#lines + 1] = ("<li>%s, due %s</li>"):format(html(overdue[i].title), due(overdue[i]):sub(1, 10))
  end
  if #overdue > LISTED then lines[#lines + 1] = ("<li>and %d more</li>"):format(#overdue - LISTED) end
  lines[#lines + 1] = "</ul>"
  return table.concat(lines)
end

local args = jeton.args
local plan, team, channel = args.plan or args[1], args.team or args[2], args.channel or args[3]
if not channel then return nil, "usage: teams-report.lua PLAN TEAM CHANNEL" end

local today = os.date "%Y-%m-%d"
if state.get "last" == today then return end
local open, overdue = read(plan)
if open == 0 then return end

local summary = ("%d open, %d overdue"):format(open, #overdue)
call {
  method = "POST",
  path = ("teams/%s/channels/%s/messages"):format(http.encode(team), http.encode(channel)),
  json = { subject = "Tasks, " .. today, body = { contentType = "html", content = write(summary, overdue) } },
}
state.set("last", today)
print(summary)
