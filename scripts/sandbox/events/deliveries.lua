--- Delivers what the outbox holds: to each webhook in order, one at a time, so that a slow receiver delays
--- nobody else. What fails is tried again by the sandbox's clock; after the last attempt the webhook is
--- disabled.
local http = require "jeton.http"
local json = require "jeton.json"
local log = require "jeton.log"
local task = require "jeton.task"
local assumptions = require "sandbox.base.assumptions"
local callback = require "sandbox.rules.callback"
local limits = require "sandbox.base.limits"
local outbox = require "sandbox.data.outbox"
local webhooks = require "sandbox.data.webhooks"

local deliveries = {}
deliveries.__index = deliveries

local RETRIES = assumptions.webhook_retries_s

---@class sandbox.deliveries
---@field world sandbox.world
---@field busy table<string, true> webhooks that are being served, or that pause, by id
---@field unwritten table<string, integer> webhook → attempts in a row whose outcome could not be written
---@field count integer of them
---@field is_woken boolean a task looks for what is due on the next turn
---@field is_stopped boolean|nil the database is about to be closed
---@field alarm table|nil the task that waits for the next attempt

---@param world sandbox.world
---@return sandbox.deliveries
function deliveries.new(world)
  return setmetatable({ world = world, busy = {}, unwritten = {}, count = 0, is_woken = false }, deliveries)
end

local function request_headers(webhook)
  local headers = {}
  for name, value in pairs(webhook.headers) do
    headers[name] = value
  end
  headers["Content-Type"] = "application/json"
  headers["kz-callback-token"] = webhook.token
  return headers
end

--- What the receiver of a webhook or an error could repeat.
---@param webhook sandbox.webhook
---@return string[]
function deliveries.secrets(webhook)
  local secrets = { webhook.token }
  for _, text in pairs(webhook.headers) do
    secrets[#secrets + 1] = text
  end
  return secrets
end

-- The beginning of a reply. It is masked first: the cut could leave half of a secret.
local function reply_of(world, webhook, text)
  local shown = world.recorder.mask_text(text, deliveries.secrets(webhook)):gsub("[^\n\t%C]", " ")
  local last = math.min(#shown, limits.webhook_reply_kept)
  while last < #shown and shown:byte(last + 1) & 0xC0 == 0x80 do
    last = last - 1 -- not within a character
  end
  return last > 0 and shown:sub(1, last) or nil
end

-- Sends it. Waits.
local function send(world, webhook, delivery)
  local problem = callback.problem(world, webhook.url)
  if problem then
    return { error = problem }
  end
  local response, err = http.request {
    method = "POST",
    url = webhook.url,
    headers = request_headers(webhook),
    body = delivery.body,
    no_link_local = true, -- its name may resolve to another address by now
    timeout = limits.webhook_answer_s,
    max_body = limits.webhook_answer_bytes,
    cut = true,
  }
  return response and { status = response.status, reply = reply_of(world, webhook, response.body) }
    or { error = err.message }
end

local function is_taken(attempt)
  return attempt.status ~= nil and attempt.status >= 200 and attempt.status <= 299
end

-- Writes down what came of an attempt.
local function finish(world, delivery, attempt)
  local db, tried = world.db, delivery.attempts + 1
  attempt.at = world.clock:now()
  db:transaction(function()
    if is_taken(attempt) then
      outbox.note(db, delivery, attempt, { state = "delivered", attempts = tried })
    elseif tried <= #RETRIES then
      outbox.note(db, delivery, attempt, { attempts = tried, next_at = attempt.at + RETRIES[tried] })
    else
      outbox.note(db, delivery, attempt, { attempts = tried })
      outbox.fail(db, delivery.webhook_id)
    end
  end)
end

-- Delivers to one webhook until nothing more is due.
local function serve(world, webhook_id)
  while true do
    local webhook, delivery = webhooks.by_id(world.db, webhook_id), outbox.head(world.db, webhook_id)
    if not webhook or webhook.active == 0 or not delivery or delivery.next_at > world.clock:now() then
      return
    end
    finish(world, delivery, send(world, webhook, delivery))
  end
end

-- Serves a webhook, in a task of its own. What came of an attempt may be impossible to write down (a full
-- disk): it would be made again at once, so the webhook pauses, longer each time.
local function attend(self, id)
  local ok, err = pcall(serve, self.world, id)
  self.count = self.count - 1
  if not ok then
    if type(err) == "table" and err.kind == "cancelled" then
      return
    end
    log.error("sandbox: a delivery failed: " .. tostring(err))
    self:wake() -- others may have waited for one to end
    local before = self.unwritten[id] or 0
    self.unwritten[id] = before + 1
    task.sleep(math.min(limits.unwritten_pause_s * 2.0 ^ before, limits.unwritten_pause_max_s))
  else
    self.unwritten[id] = nil
  end
  self.busy[id] = nil
  self:wake()
end

-- Begins a task for each webhook with something due, and waits for the next that is not.
local function look(self)
  local world = self.world
  local now = world.clock:now()
  outbox.drop_expired(world.db, now)
  for _, delivery in ipairs(outbox.heads(world.db)) do
    local id = delivery.webhook_id
    if self.count >= limits.deliveries_at_once then
      return -- whoever ends looks again
    elseif delivery.next_at > now then
      self:wake_at(delivery.next_at - now)
      return -- the others are due later still
    elseif not self.busy[id] then
      self.busy[id], self.count = true, self.count + 1
      task.spawn(attend, self, id)
    end
  end
end

-- Looks again after so many seconds, in place of any other time.
---@param seconds number
function deliveries:wake_at(seconds)
  self.alarm = task.spawn(function()
    if pcall(task.sleep, seconds) then
      self.alarm = nil
      self:wake()
    end
  end)
end

--- Looks for what is due, on the next turn: after events, after a move of the clock, at start.
function deliveries:wake()
  if self.is_woken then
    return
  end
  self.is_woken = true
  task.spawn(function()
    self.is_woken = false
    if self.is_stopped then
      return
    end
    if self.alarm then
      self.alarm:cancel()
      self.alarm = nil
    end
    local ok, err = pcall(look, self)
    if not ok then
      log.error("sandbox: " .. tostring(err))
      self:wake_at(limits.unwritten_pause_max_s)
    end
  end)
end

--- Looks no more: the database is about to be closed.
function deliveries:stop()
  self.is_stopped = true
end

--- A delivery as /_sandbox/ shows it.
---@param row table of outbox.newest
---@param at fun(seconds: integer): string
---@return table
function deliveries.describe(row, at)
  local tries = json.array {}
  for i, attempt in ipairs(row.tries) do
    tries[i] = {
      at = at(attempt.at), status = attempt.status, error = attempt.error, reply = attempt.reply,
    }
  end
  return {
    number = row.number,
    webhook = row.webhook_id,
    event = row.event_id,
    type = row.event_type,
    state = row.state,
    body = json.decode(row.body),
    created_at = at(row.created_at),
    next_at = row.state == "waiting" and at(row.next_at) or nil,
    attempts = tries,
  }
end

return deliveries
