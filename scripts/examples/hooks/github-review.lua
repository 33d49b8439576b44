-- Handlers of a GitHub webhook: tells a Slack channel who is asked to review a pull request, and what came of
-- it.
--
-- Use:   `reviews` in hooks.yaml. The connector is one of Slack with the scope chat:write.
--
-- Try:   jeton -c hooks.yaml events --run github-review.lua ID
--        prints what would be posted for a stored event
--
-- State: for each pull request the message that others are answers to: a review lands where its request is.
local http = require "jeton.http"
local state = require "jeton.state"

local CHANNEL = os.getenv "CHANNEL"
local VERDICTS = { approved = "approved", changes_requested = "wants changes in", commented = "commented on" }

-- Slack's own characters, as it wants them in text.
local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function post(text, thread)
  local response, err = http.request {
    connector = true,
    method = "POST",
    path = "chat.postMessage",
    json = { channel = CHANNEL, text = text, thread_ts = thread },
  }
  if not response then error(err, 0) end
  if response.dry_run then return "" end
  local reply = assert(response:json())
  if not reply.ok then -- Slack refuses with status 200
    error(http.error { kind = "http", code = reply.error, message = "Slack answered " .. reply.error }, 0)
  end
  return reply.ts
end

local function link(pull)
  return ("<%s|#%d %s>"):format(pull.html_url, pull.number, escape(pull.title))
end

local function key(event)
  return ("%s#%d"):format(event.data.repository.full_name, event.data.pull_request.number)
end

local actions = {
  ["pull_request review_requested"] = function(event)
    local reviewer = event.data.requested_reviewer or event.data.requested_team
    local text = ("%s is asked to review %s"):format(escape(reviewer.login or reviewer.name),
      link(event.data.pull_request))
    -- If the state cannot be written after it was posted, a later attempt does not post it again.
    local at = event:step("post", function() return post(text, state.get(key(event))) end)
    if not state.get(key(event)) then state.set(key(event), at) end
  end,

  ["pull_request_review submitted"] = function(event)
    local review = event.data.review
    local verdict = VERDICTS[review.state]
    if not verdict then return end
    event:step("post", function()
      return post(("%s %s %s"):format(escape(review.user.login), verdict, link(event.data.pull_request)),
        state.get(key(event)))
    end)
  end,

  ["pull_request closed"] = function(event) state.set(key(event), nil) end,
}

-- GitHub says the event in a header, and what has happened in the body.
return function(event)
  local handler = actions[("%s %s"):format(event.type, event.data.action)]
  if handler then handler(event) end
end
