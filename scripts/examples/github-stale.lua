-- Labels issues of a GitHub repository as stale after a time without change, and later closes them.
--
-- Run:   jeton -c github-stale.yaml run github-stale.lua OWNER/REPOSITORY [DAYS [MORE]]
--        DAYS without a change until an issue gets the label (default: 60), MORE until it is closed (default:
--        7).
--        Try it with `run --dry-run` first: that prints what would be changed.
--        As a job it takes `args: { repository: OWNER/REPOSITORY, days: 60, more: 7 }`. See github-stale.yaml
--        for the GitHub App.
--
-- Out:   a line for each issue that was changed. An issue loses the label when somebody changes it: for that,
--        `jeton.state` keeps the time of the label. A run labels at most 30 issues, the oldest first; pull
--        requests and issues with the label "pinned" are left alone.
--
-- The tests run this script against a server of their own that answers as GitHub's documentation says, not
-- against GitHub: docs.github.com/rest/issues/issues and …/labels
local http = require "jeton.http"
local jeton = require "jeton"
local log = require "jeton.log"
local state = require "jeton.state"

local DAYS, MORE, LIMIT = 60, 7, 30
local LABEL, PINNED = "stale", "pinned"
local TEXT = "Nothing has happened here for %d days. Without a change, this issue will be closed in %d days."

local function call(request)
  request.connector = true -- the run's
  request.headers = { Accept = "application/vnd.github+json", ["X-GitHub-Api-Version"] = "2022-11-28" }
  local response, err = http.request(request)
  if not response then error(err, 0) end
  return assert(response:json()), response
end

-- Iterates over a list, and fetches its pages as it goes: the header Link names the next one.
local function each(path, query)
  local page, i, response
  return function()
    while not page or not page[i] do
      if not path then return nil end
      page, response = call { path = path, query = query }
      i, query = 1, nil
      path = (response.headers.link or ""):match '<([^<>]+)>; rel="next"'
    end
    i = i + 1
    return page[i - 1]
  end
end

-- "2026-09-28T10:00:00Z". GitHub writes all times so, hence they are compared as text.
local function days_ago(days)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - days * 86400)
end

local function labels(issue)
  local names = {}
  for _, label in ipairs(issue.labels) do names[label.name] = true end
  return names
end

local function say(what, issue)
  print(("%s #%d %s"):format(what, issue.number, issue.title))
end

-- Those with the label: closes the old ones, and takes the label from those that were changed.
local function look_again(base, more)
  local stale = {}
  -- All first: an issue that loses the label would move those after it to another page.
  for issue in each(base, { labels = LABEL, state = "open", per_page = 100 }) do stale[#stale + 1] = issue end
  for _, issue in ipairs(stale) do
    local path, key = ("%s/%d"):format(base, issue.number), "stale:" .. issue.number
    local since = state.get(key) or issue.updated_at -- the label may be somebody else's
    if issue.updated_at > since then
      call { method = "DELETE", path = path .. "/labels/" .. LABEL }
      state.set(key, nil)
      say("changed", issue)
    elseif since < days_ago(more) then
      call { method = "PATCH", path = path, json = { state = "closed", state_reason = "not_planned" } }
      state.set(key, nil)
      say("closed", issue)
    end
  end
end

-- Labels one, and says so in a comment, which is its last change.
local function mark(base, issue, days, more)
  local path = ("%s/%d"):format(base, issue.number)
  call { method = "POST", path = path .. "/labels", json = { labels = { LABEL } } }
  call { method = "POST", path = path .. "/comments", json = { body = TEXT:format(days, more) } }
  if jeton.dry_run then return end
  state.set("stale:" .. issue.number, (call { path = path }).updated_at)
  state.commit()
end

local args = jeton.args
local repository = args.repository or args[1]
local days, more = math.tointeger(args.days or args[2] or DAYS), math.tointeger(args.more or args[3] or MORE)
local base = repository and repository:find "^[%w._-]+/[%w._-]+$" and ("repos/%s/issues"):format(repository)
if not base or not days or not more or days < 1 or more < 1 then
  return nil, "usage: github-stale.lua OWNER/REPOSITORY [DAYS [MORE]]"
end

look_again(base, more)
local found, old = {}, days_ago(days)
for issue in each(base, { state = "open", sort = "updated", direction = "asc", per_page = 100 }) do
  if issue.updated_at >= old or #found == LIMIT then break end
  local has = labels(issue)
  if not issue.pull_request and not has[LABEL] and not has[PINNED] then found[#found + 1] = issue end
end
for _, issue in ipairs(found) do
  mark(base, issue, days, more)
  say("stale", issue)
end
if #found == LIMIT then log.info("the next run looks for more", { labelled = LIMIT }) end
