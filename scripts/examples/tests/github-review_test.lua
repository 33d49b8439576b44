-- Tests of hooks/github-review.lua: requests are signed as GitHub does it, Slack is a fake. Run: jeton test
local test = require "jeton.test"

local SLACK = "https://slack.com/api"

local function start(t)
  local login = t:oauth "https://slack.example.com"
  t:connector("slack", login:connector { endpoint = SLACK })
  return t:fake(SLACK) { ["POST /chat.postMessage"] = { json = { ok = true, ts = "1.5" } } }
end

local function deliver(t, kind, action, more)
  local data = {
    action = action,
    repository = { full_name = "o/r" },
    pull_request = { number = 7, html_url = "https://github.com/o/r/pull/7", title = "Faster <b>" },
  }
  for key, value in pairs(more or {}) do data[key] = value end
  return t:event("../hooks/github-review.lua", {
    preset = "github",
    type = kind,
    data = data,
    hook = { environment = { CHANNEL = "C1" } },
  })
end

test("who is asked is told, and the review lands where its request is", function(t)
  local slack = start(t)
  local asked = deliver(t, "pull_request", "review_requested", { requested_reviewer = { login = "ann" } })
  t:like(asked, { state = "done", attempts = 1, keys = { ["o/r#7"] = "1.5" } })
  local review = { state = "approved", user = { login = "ann" } }
  t:like(deliver(t, "pull_request_review", "submitted", { review = review }), { state = "done" })
  t:like(slack:requests(), {
    { json = { channel = "C1", text = "^ann is asked to review <https://github.com/o/r/pull/7|#7 Fast" } },
    { json = { text = "^ann approved", thread_ts = "1.5" } },
  })
  t:equal(deliver(t, "pull_request", "closed").keys, {})
end)

test("a delivery that comes twice is posted once", function(t)
  local slack = start(t)
  local asked = deliver(t, "pull_request", "review_requested", { requested_team = { name = "core" } })
  t:like(asked:again(), { verdict = "duplicate", status = 200 })
  t:equal(slack:count(), 1)
end)

test("so is one whose worker dies after it has posted", function(t)
  local slack = start(t)
  local review = { state = "commented", user = { login = "bob" } }
  local event = t:event("../hooks/github-review.lua", {
    preset = "github",
    type = "pull_request_review",
    data = {
      action = "submitted",
      repository = { full_name = "o/r" },
      pull_request = { number = 7, html_url = "https://github.com/o/r/pull/7", title = "x" },
      review = review,
    },
    crash = "after step post",
  })
  t:like(event, { state = "done", attempts = 2 })
  t:equal(slack:count(), 1)
end)

test("what Slack refuses is tried again", function(t)
  local slack = start(t)
  slack { ["POST /chat.postMessage"] = {
    { json = { ok = false, error = "ratelimited" } },
    { json = { ok = true } },
  } }
  local review = { state = "approved", user = { login = "ann" } }
  local event = deliver(t, "pull_request_review", "submitted", { review = review })
  t:like(event, { state = "done", attempts = 2 })
  t:equal(slack:count(), 2)
end)
