-- Tests of slack-alert.lua: Slack, and the pages that are looked at, are fakes. Run: jeton test
local test = require "jeton.test"

local PAGE = "https://www.example.com/"

-- Slack as its documentation says, with tokens that rotate, and a page that answers as `page` says.
local function start(t, page)
  local login = t:oauth("https://slack.example.com", { rotate = true })
  local slack = t:fake("https://slack.com/api", { login = login }) {
    ["POST /chat.postMessage"] = { json = { ok = true, ts = "1.2" } },
  }
  t:fake(PAGE) { ["GET /"] = page }
  t:connector("slack", login:connector { endpoint = "https://slack.com/api" })
  return slack, login
end

local function look(t)
  return t:run("../slack-alert.lua", { args = { "C0123456789", PAGE } })
end

test("a page that goes away is told once, and once when it is back", function(t)
  local slack, login = start(t, { { status = 502 }, { status = 502 }, { body = "here" } })
  t:equal(look(t).stdout, PAGE .. " does not answer: status 502\n")
  t:equal(look(t).stdout, "")
  t:equal(look(t).stdout, PAGE .. " is back\n")
  t:like(slack:requests(), {
    { json = { channel = "C0123456789", text = "^https://www.example.com/ does not answer" } },
    { json = { text = "^https://www.example.com/ is back" } },
  })
  t:equal(#slack:requests(), 2)
  t:equal(login:count "refresh", 1) -- one token for all three runs
end)

test("a broken connection is a page that does not answer", function(t)
  start(t, { broken = true })
  t:like(look(t), { status = 0, stdout = "^https://www.example.com/ does not answer: the connection broke" })
end)

test("what Slack refuses is an error, and told by the next run", function(t)
  local slack = start(t, 404)
  slack { ["POST /chat.postMessage"] = {
    { json = { ok = false, error = "channel_not_found" } },
    { json = { ok = true } },
  } }
  t:like(look(t), { status = 6, kind = "http", message = "Slack answered channel_not_found" })
  t:like(look(t), { status = 0, stdout = "^https://www.example.com/ does not answer: status 404" })
end)

test("Slack's own characters are escaped", function(t)
  local slack = start(t, 200)
  t:fake("https://a.example") { ["GET /"] = 500 }
  local run = t:run("../slack-alert.lua", { args = { "C0123456789", "https://a.example/?x&y<z>" } })
  t:equal(run.status, 0)
  t:like(slack:requests(), { { json = { text = "^https://a.example/%?x&amp;y&lt;z&gt; does" } } })
end)
