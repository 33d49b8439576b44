-- Tests of github-stale.lua: GitHub is a fake, and weeks pass at once. Run: jeton test
local json = require "jeton.json"
local test = require "jeton.test"

local API = "https://api.github.com"
local DAY = 24 * 60 * 60

local function days_ago(t, days)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", t:clock() - days * DAY)
end

local function issue(number, updated_at, ...)
  local labels = json.array {}
  for i, name in ipairs { ... } do labels[i] = { name = name } end
  return { number = number, title = "Issue " .. number, updated_at = updated_at, labels = labels }
end

-- A repository with these issues: those with the label, and all.
local function start(t, stale, all)
  local login = t:oauth "https://login.example.com"
  t:connector("github", login:connector { endpoint = API })
  return t:fake(API .. "/repos/o/r") {
    ["GET /issues?labels=stale"] = { json = json.array(stale) },
    ["GET /issues?sort=updated"] = { json = json.array(all) },
    ["GET /issues/7"] = { json = issue(7, days_ago(t, 0)) },
    ["POST /issues/7/labels"] = { json = json.array {} },
    ["POST /issues/7/comments"] = { status = 201, json = {} },
    ["PATCH /issues/7"] = { json = {} },
    ["DELETE /issues/7/labels/stale"] = { json = json.array {} },
  }
end

local function run(t)
  return t:run("../github-stale.lua", { args = { "o/r" } })
end

test("an old issue gets the label and a comment; pinned and new ones do not", function(t)
  local github = start(t, {}, { issue(7, days_ago(t, 90)), issue(8, days_ago(t, 80), "pinned"),
    issue(9, days_ago(t, 3)) })
  t:equal(run(t).stdout, "stale #7 Issue 7\n")
  t:like(github:requests "POST /issues/7/labels", { { json = { labels = { "stale" } } } })
  t:like(github:requests "POST /issues/7/comments", {
    { json = { body = "^Nothing has happened here for 60 days" } },
  })
end)

test("a week later it is closed", function(t)
  local github = start(t, {}, { issue(7, days_ago(t, 90)) })
  local labelled = issue(7, days_ago(t, 0), "stale")
  run(t)
  github {
    ["GET /issues?labels=stale"] = { json = { labelled } },
    ["GET /issues?sort=updated"] = { json = json.array {} },
  }
  t:equal(run(t).stdout, "")
  t:advance "8d"
  t:equal(run(t).stdout, "closed #7 Issue 7\n")
  t:like(github:requests "PATCH /issues/7", { { json = { state = "closed" } } })
end)

test("unless somebody changes it", function(t)
  local github = start(t, {}, { issue(7, days_ago(t, 90)) })
  run(t)
  t:advance "2d"
  github {
    ["GET /issues?labels=stale"] = { json = { issue(7, days_ago(t, 1), "stale") } },
    ["GET /issues?sort=updated"] = { json = json.array {} },
  }
  t:equal(run(t).stdout, "changed #7 Issue 7\n")
  t:equal(github:count "DELETE /issues/7/labels/stale", 1)
end)

test("a limit of GitHub is waited for, on the test's clock", function(t)
  local github = start(t, {}, {})
  github { ["GET /issues?labels=stale"] = {
    { status = 429, headers = { ["Retry-After"] = "120" } },
    { json = json.array {} },
  } }
  t:equal(run(t).status, 0)
  t:equal(t:elapsed(), 120)
end)
