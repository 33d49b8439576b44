--- Webhooks: subscribe to events, list, change, delete.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local access = require "sandbox.rules.access"
local assumptions = require "sandbox.base.assumptions"
local callback = require "sandbox.rules.callback"
local demo = require "sandbox.seed.demo"
local events = require "sandbox.events"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local request = require "sandbox.http.request"
local shapes = require "sandbox.http.shapes"
local outbox = require "sandbox.data.outbox"
local webhooks = require "sandbox.data.webhooks"

local TYPES = { "Group", "Action", "ActionPackage" }
local EVENTS = events.TYPES
local EVENT = { kind = "choice", choices = EVENTS }
local TOKEN_BYTES = 16

-- Removes duplicates.
local function read_events(list)
  local out, seen = {}, {}
  for _, name in ipairs(list) do
    if not seen[name] then
      seen[name] = true
      out[#out + 1] = name
    end
  end
  return json.array(out)
end

-- Headers that control framing and routing: they could turn a delivery into a different request.
local FRAMING = {}
for _, name in ipairs {
  "connection", "content-length", "content-type", "expect", "host", "keep-alive", "kz-callback-token",
  "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
} do
  FRAMING[name] = true
end

local function read_headers(object)
  for name, value in pairs(object) do
    if not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then
      refusal.invalid "callBackHeaders: a name cannot be that of a header"
    elseif FRAMING[name:lower()] then
      refusal.invalid("callBackHeaders: %s is the sender's own", name)
    elseif value:find "[%c]" or #name + #value > limits.webhook_header_bytes then
      refusal.invalid("callBackHeaders: expected text on one line, at most %d bytes with its name",
        limits.webhook_header_bytes)
    end
  end
  return object
end

local function read_url(call, text)
  local problem = callback.problem(call.world, text)
  if problem then
    refusal.invalid("callBackUrl: %s", problem)
  end
  return text
end

-- It is sent as a header.
local function read_token(text)
  if text:find "%c" then
    refusal.invalid "callBackToken: expected text on one line"
  end
  return text
end

local function read_validity(value, now)
  if value < assumptions.milliseconds_from then
    value = value * 1000
  end
  if value <= now * 1000 then
    refusal.invalid "validity: expected a time in the future, in milliseconds since the epoch"
  end
  return value
end

-- Asks the receiver to echo a random token. Waits.
local function validate(target)
  local token = crypto.hex(crypto.random(TOKEN_BYTES))
  local response, err = http.request {
    url = target .. (target:find("?", 1, true) and "&" or "?") .. "validationToken=" .. token,
    no_link_local = true,
    timeout = limits.webhook_answer_s,
    max_body = limits.webhook_challenge_bytes,
  }
  if not response then
    refusal.invalid("callBackUrl: the receiver did not answer within %d seconds as it must (%s)",
      limits.webhook_answer_s, err.message)
  elseif response.status < 200 or response.status > 299 then
    refusal.invalid("callBackUrl: the receiver answered the validation with %d", response.status)
  elseif request.trim(response.body) ~= token then
    refusal.invalid "callBackUrl: the receiver did not answer with validationToken as its body"
  end
end

-- The caller must have access to the object. An action package has only an id.
local function need_object(call, kind, id)
  local group_id = id
  if kind == "ActionPackage" then
    return
  elseif kind == "Action" then
    group_id = webhooks.group_of_action(call.db, id)
    if not group_id then
      refusal.not_found "there is no action with this id"
    end
  end
  access.need_group(call.db, call.caller, group_id, "reach")
end

-- A group token sees only its own group, even if the user has others.
local function is_in_reach(call, webhook)
  if call.caller.kind ~= "group" or webhook.object_type == "ActionPackage" then
    return true
  end
  local id = webhook.object_id
  if webhook.object_type == "Action" then
    id = webhooks.group_of_action(call.db, id)
  end
  return id ~= nil and id:lower() == call.caller.group.id:lower()
end

local function need_webhook(call)
  local webhook, caller = webhooks.by_id(call.db, call.params.webhook), call.caller
  if not webhook or webhook.connector_id:lower() ~= caller.connector.id:lower()
    or not (access.is_tenant_level(caller) or webhook.user_id:lower() == caller.user.id:lower())
    or not is_in_reach(call, webhook) then
    refusal.not_found "this connector and user have no webhook with this id"
  end
  return webhook --[[@as sandbox.webhook]]
end

-- Merges the given fields into the existing ones.
local function merge(call, webhook)
  local fields = call.body
  if fields.objectId or fields.objectType then
    webhook.object_id = fields.objectId or webhook.object_id
    webhook.object_type = fields.objectType or webhook.object_type
    need_object(call, webhook.object_type, webhook.object_id)
  end
  webhook.events = fields.eventTypes and read_events(fields.eventTypes) or webhook.events
  webhook.url = fields.callBackUrl and read_url(call, fields.callBackUrl) or webhook.url
  webhook.token = fields.callBackToken and read_token(fields.callBackToken) or webhook.token
  webhook.headers = fields.callBackHeaders and read_headers(fields.callBackHeaders) or webhook.headers
  if fields.callBackContext ~= nil then
    webhook.context = fields.callBackContext
  end
  webhook.valid_until_ms = fields.validity and read_validity(fields.validity, call.now)
    or webhook.valid_until_ms
  if fields.active ~= nil then
    webhook.active = fields.active and 1 or 0
  end
  return webhook
end

local function new_webhook(call)
  return merge(call, {
    connector_id = call.caller.connector.id,
    user_id = call.caller.user.id,
    token = "",
    context = "",
    headers = {},
    valid_until_ms = call.now * 1000 + assumptions.webhook_validity_ms,
    created_at = call.now,
  })
end

local function list(call)
  local caller, out = call.caller, {}
  for _, webhook in ipairs(webhooks.list(call.db, {
    connector_id = caller.connector.id,
    user_id = not access.is_tenant_level(caller) and caller.user.id or nil,
    object_id = call.query.objectId,
    object_type = call.query.objectType,
  })) do
    out[#out + 1] = is_in_reach(call, webhook) and {
      id = webhook.id,
      objectId = webhook.object_id,
      objectType = webhook.object_type,
      events = webhook.events,
      filters = json.array {},
      callbackUrl = webhook.url,
      callbackToken = webhook.token,
      callbackContext = webhook.context,
      ts = webhook.created_at * 1000,
      validity = webhook.valid_until_ms,
      active = webhook.active ~= 0 and call.now * 1000 < webhook.valid_until_ms,
    } or nil
  end
  return { webhooks = json.array(out) }
end

-- The fields of a body; `required` applies when one is created.
local function fields_of(is_new)
  return {
    { "objectId", kind = "string", required = is_new, not_empty = true, max = limits.identifier_characters },
    { "objectType", kind = "choice", required = is_new, choices = TYPES },
    { "eventTypes", kind = "list", aliases = { "events" }, required = is_new, min = 1, max = 4 * #EVENTS,
      item = EVENT },
    { "callBackUrl", kind = "string", required = is_new, not_empty = true, max = limits.url_bytes },
    { "callBackToken", kind = "string", max = limits.webhook_token_characters },
    { "callBackContext", kind = "any", max = limits.webhook_context_bytes },
    { "callBackHeaders", kind = "map", max = limits.webhook_headers,
      item = { kind = "string", max = limits.webhook_header_bytes } },
    { "validity", kind = "integer", unset = assumptions.unset_number, min = 1 },
    not is_new and { "active", kind = "boolean" } or nil,
  }
end

local EXAMPLE = {
  objectId = demo.names.sales,
  objectType = "Group",
  eventTypes = json.array { "TextMessageCreated", "JobResponse" },
  callBackUrl = "{receiver}",
  callBackToken = "a secret of the receiver",
  callBackHeaders = { ["X-Source"] = "kaizala" },
}
local GIVEN = { { "webhooks.create", webhook = "webhookId" } }

---@type sandbox.operation[]
return {
  {
    name = "webhooks.create",
    summary = "Subscribes to events of a group, an action or a package. The URL is asked first, by GET with "
      .. "validationToken in its query, and must answer with that. PollResponse and LetsMeetResponse come "
      .. "of no operation, as only people answer polls and meetings: here in the portal.",
    method = "POST",
    path = "/webhook",
    permission = "webhook.write",
    body = fields_of(true),
    reply = { { "webhookId", kind = "id" } },
    example = { body = EXAMPLE },
    wait = function(call)
      validate(new_webhook(call).url)
    end,
    run = function(call)
      return { webhookId = webhooks.create(call.db, new_webhook(call)) }
    end,
  },
  {
    name = "webhooks.list",
    summary = "Lists the caller's webhooks; with a tenant-level token all of the connector.",
    method = "GET",
    path = "/webhook",
    permission = "webhook.read",
    query = {
      { "objectId", kind = "string", max = limits.identifier_characters },
      { "objectType", kind = "choice", choices = TYPES },
    },
    reply = {
      { "webhooks", kind = "list", of = {
        { "id", kind = "id" },
        { "objectId", kind = "string" },
        { "objectType", kind = "choice", choices = TYPES },
        { "events", kind = "list", item = EVENT },
        { "filters", kind = "list" },
        { "callbackUrl", kind = "string" },
        { "callbackToken", kind = "string" },
        { "callbackContext", kind = "any" },
        { "ts", kind = "integer" },
        { "validity", kind = "integer" },
        { "active", kind = "boolean" },
      } },
    },
    example = {
      given = { { "webhooks.create" } },
      query = { objectId = demo.names.sales, objectType = "Group" },
    },
    run = list,
  },
  {
    name = "webhooks.update",
    summary = "Changes the given fields. A new URL is validated first. `active` enables a disabled webhook.",
    method = "PUT",
    path = "/webhook/{webhook}",
    permission = "webhook.update",
    body = fields_of(false),
    reply = shapes.DONE,
    example = {
      given = GIVEN,
      params = { webhook = "{webhook}" },
      body = { active = true, eventTypes = json.array { "Announcement" } },
    },
    wait = function(call)
      local before = need_webhook(call).url
      local after = merge(call, need_webhook(call)).url
      if after ~= before then
        validate(after)
      end
    end,
    run = function(call)
      local webhook = merge(call, need_webhook(call))
      webhooks.save(call.db, webhook)
      if call.body.active then
        outbox.enable(call.db, webhook.id, call.now)
        call.world.deliveries:wake()
      end
      return { result = "true" }
    end,
  },
  {
    name = "webhooks.delete",
    summary = "Deletes a webhook.",
    method = "DELETE",
    path = "/webhook/{webhook}",
    permission = "webhook.remove",
    reply = shapes.DONE,
    example = { given = GIVEN, params = { webhook = "{webhook}" } },
    run = function(call)
      webhooks.delete(call.db, need_webhook(call).id)
      return { result = "true" }
    end,
  },
}
