-- Posts to a Slack channel when a web page stops answering, and again when it is back.
--
-- Run:   jeton -c slack-alert.yaml run slack-alert.lua CHANNEL URL [URL…]
--        CHANNEL is an ID such as C0123456789 (at the end of a channel's "About").
--        As a job it takes `args: { channel: ID, urls: [URL, …] }`; see slack-alert.yaml.
--
-- Out:   a message and a printed line for each page that has gone or come back since the last run. What was
--        reported is kept in `jeton.state`, so a page that stays away is reported once.
--
-- The tests run this script against a server of their own that answers as Slack's documentation says, not
-- against Slack: docs.slack.dev/reference/methods/chat.postMessage
local http = require "jeton.http"
local jeton = require "jeton"
local state = require "jeton.state"
local task = require "jeton.task"

local TIMEOUT = 10 -- seconds for a page to answer

-- What is wrong with the page; nil if it answers.
local function problem(url)
  local response, err = http.get(url, { timeout = TIMEOUT })
  if not response then return err.message end
  if response.status >= 400 then return "status " .. response.status end
end

-- Slack's own characters, as it wants them in text.
local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function post(channel, text)
  local response, err = http.request {
    connector = true, -- the run's
    method = "POST",
    path = "chat.postMessage",
    json = { channel = channel, text = escape(text) },
  }
  if not response then error(err, 0) end
  if response.dry_run then return end
  local reply = assert(response:json())
  if not reply.ok then -- Slack refuses with status 200
    error(http.error { kind = "http", code = reply.error, message = "Slack answered " .. reply.error }, 0)
  end
end

local args = jeton.args
local channel, urls = args.channel or args[1], args.urls or table.move(args, 2, #args, 1, {})
if not channel or #urls == 0 then return nil, "usage: slack-alert.lua CHANNEL URL [URL…]" end

-- Missing values would make holes in the list.
local problems = task.map(urls, function(url) return problem(url) or false end, { progress = "pages" })
for i, url in ipairs(urls) do
  local was, is = state.get(url), problems[i]
  if (was ~= nil) ~= (is ~= false) then
    local text = is and ("%s does not answer: %s"):format(url, is) or url .. " is back"
    post(channel, text)
    -- Written now, so that this one is not reported again if the next message fails.
    state.set(url, is or nil)
    state.commit()
    print(text)
  end
end
