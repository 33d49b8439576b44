--- Webhooks: what the service calls when something happens.
local check = require "kaizala.check"
local http = require "jeton.http"
local iterator = require "kaizala.iterator"
local json = require "jeton.json"
local names = require "kaizala.names"

---@class kaizala.Client
local Client = require "kaizala.client".Client

---@class kaizala.Webhook
---@field id string
---@field object_id? string
---@field object_type? "Group"|"Action"|"ActionPackage"
---@field events? string[]
---@field filters? table
---@field callback_url? string
---@field callback_token? string what a delivery carries in `kz-callback-token`
---@field callback_context? any what a delivery carries as `context`
---@field ts? integer when it was made, epoch seconds
---@field validity? integer until when it is good, epoch seconds
---@field active? boolean
---@field raw? table the decoded reply that the fields come from
local Webhook = {}
Webhook.__index = Webhook
Webhook.__name = "kaizala.Webhook"

local TYPES = { "Group", "Action", "ActionPackage" }
local EVENTS = {
  "ActionCreated", "ActionResponse", "SurveyCreated", "SurveyResponse", "JobCreated", "JobResponse",
  "PollCreated", "PollResponse", "LetsMeetCreated", "LetsMeetResponse", "TextMessageCreated",
  "AttachmentCreated", "Announcement", "MemberAdded", "MemberRemoved", "GroupAdded", "GroupRemoved",
}

-- Which client a webhook belongs to: kept apart from the fields, which are the service's.
local clients = setmetatable({}, { __mode = "k" })

local function new(client, id)
  local webhook = setmetatable({ id = id }, Webhook)
  clients[webhook] = client
  return webhook
end

local function seconds(value)
  return math.tointeger(value) and math.tointeger(value) // 1000 or value
end

local function from_raw(client, raw, request)
  check.reply(raw, "webhooks[]", "object", request)
  local webhook = new(client, check.reply(raw.id, "id", "string", request))
  names.convert(raw, nil, webhook, Webhook)
  webhook.ts, webhook.validity = seconds(webhook.ts), seconds(webhook.validity)
  return webhook
end

--- Names a webhook, without a request: what is wrong with the id shows at the first call.
---@param id string
---@return kaizala.Webhook webhook
function Client:webhook(id)
  check.method(self, Client, "kz:webhook(id)", 3)
  check.id(id, "webhook: id", 3)
  return new(self, id)
end

--- Lists the webhooks (*waits*, when the first is taken).
---@param options? { object_id?: string, object_type?: "Group"|"Action"|"ActionPackage" } those of one
--- object, or of one type
---@return kaizala.Iterator<kaizala.Webhook> webhooks gives `kaizala.Webhook`; raises an err
function Client:webhooks(options)
  check.method(self, Client, "kz:webhooks()", 3)
  options = check.options(options, "webhooks", { "object_id", "object_type" }, 3)
  check.optional(options.object_id, "string", "webhooks: object_id", 3)
  if options.object_type ~= nil then check.word(options.object_type, TYPES, "webhooks: object_type", 3) end
  local query = { objectId = options.object_id, objectType = options.object_type }
  return iterator.new(function()
    local reply = self:request { path = "/webhook", query = query }
    local list = {}
    for i, raw in ipairs(check.reply(reply.webhooks, "webhooks", "list", "GET /webhook")) do
      list[i] = from_raw(self, raw, "GET /webhook")
    end
    return list
  end)
end

---@class kaizala.WebhookOptions
---@field object_id? string of the group, action or package
---@field object_type? "Group"|"Action"|"ActionPackage"
---@field events? string[] `TextMessageCreated`, `JobResponse`, …
---@field callback_url? string https://, or http:// on this machine; it is asked before it is accepted
---@field callback_token? string
---@field callback_context? any
---@field callback_headers? table<string, string>
---@field validity? integer epoch seconds; the service's default is two years
local webhook_options = {
  "object_id", "object_type", "events", "callback_url", "callback_token", "callback_context",
  "callback_headers", "validity",
}
local update_options = { "active", table.unpack(webhook_options) }

local function check_url(text, what, level)
  check.optional(text, "string", what, level + 1)
  if text == nil then return end
  local url, err = http.parse_url(text)
  if not url then
    check.fail("invalid", ("%s: %s"):format(what, err and err.message or "not a URL"))
  elseif url.scheme ~= "https" and url.host ~= "localhost" and url.host ~= "::1"
    and not url.host:find "^127%.%d+%.%d+%.%d+$" then
    check.fail("invalid", what .. " must be an https:// URL; http:// is for this machine only")
  end
end

local function events_list(events, what, level)
  if events == nil then return nil end
  if type(events) ~= "table" or #events == 0 then
    error(what .. " must be a list of names of events, not empty", level)
  end
  for i, name in ipairs(events) do
    check.word(name, EVENTS, ("%s: entry %d"):format(what, i), level + 1)
  end
  return json.array { table.unpack(events) }
end

-- Checks the options and gives the body; level is that of this function's caller's caller.
local function write_body(options, what, known)
  check.needed(options, what, known, 4)
  if options.object_type ~= nil then check.word(options.object_type, TYPES, what .. ": object_type", 4) end
  for _, name in ipairs { "object_id", "callback_token" } do
    check.optional(options[name], "string", ("%s: %s"):format(what, name), 4)
  end
  check.optional(options.callback_headers, "table", what .. ": callback_headers", 4)
  for name, value in pairs(options.callback_headers or {}) do
    check.name(name, what .. ": callback_headers: a name", 4)
    check.optional(value, "string", ("%s: callback_headers: %s"):format(what, name), 4)
  end
  check.optional(options.active, "boolean", what .. ": active", 4)
  check.time(options.validity, what .. ": validity", 4)
  check_url(options.callback_url, what .. ": callback_url", 3)
  return {
    objectId = options.object_id,
    objectType = options.object_type,
    eventTypes = events_list(options.events, what .. ": events", 4),
    callBackUrl = options.callback_url,
    callBackToken = options.callback_token,
    callBackContext = options.callback_context,
    callBackHeaders = options.callback_headers,
    validity = options.validity and math.tointeger(options.validity) * 1000,
    active = options.active,
  }
end

--- Subscribes to events (*waits*): the service calls callback_url. Before that it asks it, by GET with
--- `validationToken` in the query, and the answer's body must be that token.
---@param options kaizala.WebhookOptions object_id, object_type, events and callback_url are required
---@return kaizala.Webhook webhook with `id`; raises an err
function Client:create_webhook(options)
  check.method(self, Client, "kz:create_webhook({…})", 3)
  local body = write_body(options, "create_webhook", webhook_options)
  for _, name in ipairs { "object_id", "object_type", "events", "callback_url" } do
    if options[name] == nil then error("create_webhook: " .. name .. " is missing", 2) end
  end
  local reply, dry_run = self:request { method = "POST", path = "/webhook", json = body }
  local webhook = new(self, dry_run and "dry-run"
    or check.reply(reply.webhookId, "webhookId", "string", "POST /webhook"))
  webhook.raw = reply
  return webhook
end

local function change(self, method, body)
  local target = "/webhook/" .. check.id(self.id, "the webhook's id", 4)
  local reply, dry_run = clients[self]:request { method = method, path = target, json = body }
  return dry_run or check.done(reply, method .. " " .. target)
end

---@class kaizala.WebhookChanges: kaizala.WebhookOptions
---@field active? boolean true wakes one that was disabled

--- Changes the webhook (*waits*).
---@param options kaizala.WebhookChanges what is left out stays
---@return boolean true; raises an err
function Webhook:update(options)
  check.method(self, Webhook, "webhook:update({…})", 3)
  return change(self, "PUT", write_body(options, "update", update_options))
end

--- Ends the webhook (*waits*).
---@return boolean true; raises an err
function Webhook:delete()
  check.method(self, Webhook, "webhook:delete()", 3)
  return change(self, "DELETE")
end

return { Webhook = Webhook }
