-- Tests of teams-report.lua: Microsoft Graph is a fake. Run: jeton test
local test = require "jeton.test"

local GRAPH = "https://graph.microsoft.com/v1.0"

local function start(t, tasks, more)
  local login = t:oauth("https://login.example.com", { rotate = true })
  t:connector("teams", login:connector { endpoint = GRAPH })
  local next_page = more and GRAPH .. "/planner/plans/P1/tasks?$skiptoken=2"
  return t:fake(GRAPH, { login = login }) {
    ["GET /planner/plans/P1/tasks"] = { json = { value = tasks, ["@odata.nextLink"] = next_page } },
    ["GET /planner/plans/P1/tasks?$skiptoken=2"] = { json = { value = more or {} } },
    ["POST /teams/T1/channels/C1/messages"] = { status = 201, json = { id = "1" } },
  }
end

local function run(t)
  return t:run("../teams-report.lua", { args = { "P1", "T1", "C1" } })
end

test("open and overdue tasks of all pages are posted, once a day", function(t)
  t:clock "2026-03-10T08:00:00Z"
  local graph = start(t, { { title = "Old <1>", percentComplete = 50, dueDateTime = "2026-03-01T10:00:00Z" },
    { title = "Done", percentComplete = 100, dueDateTime = "2026-03-01T10:00:00Z" } },
    { { title = "Later", percentComplete = 0, dueDateTime = "2026-04-01T10:00:00Z" } })
  t:equal(run(t).stdout, "2 open, 1 overdue\n")
  t:equal(run(t).stdout, "")
  local posted = graph:requests "POST /teams/T1/channels/C1/messages"
  t:equal(#posted, 1)
  t:equal(posted[1].json.body.content,
    "<p>2 open, 1 overdue</p><ul><li>Old &lt;1&gt;, due 2026-03-01</li></ul>")
  t:advance "1d"
  t:equal(run(t).stdout, "2 open, 1 overdue\n")
end)

test("nothing is posted where nothing is open", function(t)
  local graph = start(t, { { title = "Done", percentComplete = 100 } })
  t:equal(run(t).status, 0)
  t:equal(graph:count "POST /teams/T1/channels/C1/messages", 0)
end)

test("a refresh token that died ends the run with status 4", function(t)
  start(t, {})
  local login = t:oauth("https://dead.example.com", { dead = true })
  t:connector("teams", login:connector { endpoint = GRAPH })
  t:like(run(t), { status = 4, kind = "auth" })
end)
