--- Webhooks: the service calls a URL when something happens.
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
---@field callback_token? string sent with deliveries in `kz-callback-token`
---@field callback_context? any sent with deliveries as `context`
---@field ts? integer when it was created, epoch seconds
---@field validity? integer when it expires, epoch seconds
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

-- The client of each webhook, kept apart from the fields, which are the service's.
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

--- Makes a webhook object without a request; a wrong id is reported by the first call.
---@param id string
---@return kaizala.Webhook webhook
function Client:webhook(id)
  check.method(self, Client, "kz:webhook(id)")
  check.id(id, "webhook: id")
  return new(self, id)
end

local list_options = { { "object_id", "string", "objectId" }, { "object_type", TYPES, "objectType" } }

--- Lists the webhooks (*waits*, when the first is taken).
---@param options? { object_id?: string, object_type?: "Group"|"Action"|"ActionPackage" } only those of
--- this object or type
---@return kaizala.Iterator<kaizala.Webhook> webhooks gives `kaizala.Webhook`; raises an err
function Client:webhooks(options)
  check.method(self, Client, "kz:webhooks()")
  local _, query = check.fields(options, "webhooks", list_options)
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
---@field callback_url? string https://, or http:// on this machine; it is validated first
---@field callback_token? string
---@field callback_context? any
---@field callback_headers? table<string, string>
---@field validity? integer epoch seconds; the service's default is two years

local function url(text, what)
  check.optional(text, "string", what)
  local parsed, err = http.parse_url(text)
  if not parsed then
    check.fail("invalid", ("%s: %s"):format(what, err and err.message or "not a URL"))
  elseif parsed.scheme ~= "https" and parsed.host ~= "localhost" and parsed.host ~= "::1"
    and not parsed.host:find "^127%.%d+%.%d+%.%d+$" then
    check.fail("invalid", what .. " must be an https:// URL; http:// is for this machine only")
  end
  return text
end

local function event_names(events, what)
  if type(events) ~= "table" or #events == 0 then
    check.misuse(what .. " must be a list of names of events, not empty")
  end
  check.whole(events, what)
  for i, name in ipairs(events) do
    check.word(name, EVENTS, ("%s: entry %d"):format(what, i))
  end
  return json.array { table.unpack(events) }
end

local function headers(list, what)
  check.optional(list, "table", what)
  for name, value in pairs(list) do
    check.name(name, what .. ": a name")
    check.optional(value, "string", ("%s: %s"):format(what, name))
  end
  return list
end

local webhook_options = {
  { "object_id", "string", "objectId" },
  { "object_type", TYPES, "objectType" },
  { "events", event_names, "eventTypes" },
  { "callback_url", url, "callBackUrl" },
  { "callback_token", "string", "callBackToken" },
  { "callback_context", nil, "callBackContext" },
  { "callback_headers", headers, "callBackHeaders" },
  { "validity", check.milliseconds, "validity" },
}
local update_options = { { "active", "boolean", "active" }, table.unpack(webhook_options) }

--- Subscribes to events (*waits*), for which the service calls callback_url. First it validates the URL by a
--- GET with `validationToken` in the query: the body of the answer must be that token.
---@param options kaizala.WebhookOptions object_id, object_type, events and callback_url are required
---@return kaizala.Webhook webhook with `id`; raises an err
function Client:create_webhook(options)
  check.method(self, Client, "kz:create_webhook({…})")
  local body
  options, body = check.needed(options, "create_webhook", webhook_options)
  for _, name in ipairs { "object_id", "object_type", "events", "callback_url" } do
    if options[name] == nil then check.misuse("create_webhook: " .. name .. " is missing") end
  end
  local reply, dry_run = self:request { method = "POST", path = "/webhook", json = body }
  local webhook = new(self, dry_run and "dry-run"
    or check.reply(reply.webhookId, "webhookId", "string", "POST /webhook"))
  webhook.raw = reply
  return webhook
end

local function change(self, method, body)
  local target = "/webhook/" .. check.id(self.id, "the webhook's id")
  local reply, dry_run = clients[self]:request { method = method, path = target, json = body }
  return dry_run or check.done(reply, method .. " " .. target)
end

---@class kaizala.WebhookChanges: kaizala.WebhookOptions
---@field active? boolean true enables a disabled one

--- Changes the webhook (*waits*).
---@param options kaizala.WebhookChanges absent fields stay as they are
---@return boolean true; raises an err
function Webhook:update(options)
  check.method(self, Webhook, "webhook:update({…})")
  local _, body = check.needed(options, "update", update_options)
  return change(self, "PUT", body)
end

--- Deletes the webhook (*waits*).
---@return boolean true; raises an err
function Webhook:delete()
  check.method(self, Webhook, "webhook:delete()")
  return change(self, "DELETE")
end

return { Webhook = Webhook, EVENTS = EVENTS }
