--- Actions: send, list, one, respond, update, remind.
local json = require "jeton.json"
local action_fields = require "sandbox.actions.fields"
local action_examples = require "sandbox.operations.action_examples"
local actions = require "sandbox.data.actions"
local assumptions = require "sandbox.base.assumptions"
local audience = require "sandbox.rules.audience"
local bodies = require "sandbox.actions.bodies"
local demo = require "sandbox.seed.demo"
local describe = require "sandbox.actions.describe"
local events = require "sandbox.events"
local limits = require "sandbox.base.limits"
local properties = require "sandbox.actions.properties"
local refusal = require "sandbox.base.refusal"
local responses = require "sandbox.actions.responses"
local shapes = require "sandbox.http.shapes"

local COUNT = 30
local ANY_VERSION = -1
local DONE = "true"

local function send(call)
  local fields = call.body
  local kind = fields.id and assumptions.package_type or fields.actionType
  local values = fields.actionBody
  local to = audience.resolve(call)
  local expires_at, assignees = bodies.finish(call, kind, values)
  local action = actions.create(call.db, {
    group = call.group,
    type = kind,
    package_id = fields.id or "",
    sender_id = call.caller.user.id,
    connector_id = call.caller.connector.id,
    body = values,
    expires_at = expires_at,
    assignees = assignees,
    audience = to,
  }, call.now)
  actions.set_properties(call.db, action, values.properties or {})
  return {
    referenceId = action.reference_id,
    actionId = not bodies.IS_MEDIA[kind] and action.id or nil,
    failedResult = #to.failed > 0 and json.array(to.failed) or nil,
  }
end

local function list(call)
  local query = call.query
  local from = query.fromDate
  if from >= assumptions.milliseconds_from then
    from = from // 1000
  end
  local subscriber_id = call.role == "Subscriber" and call.caller.user.id or nil
  local found, has_more = actions.list(call.db, call.group, query.actionType, from, subscriber_id,
    query.count)
  local out = json.array {}
  for i, action in ipairs(found) do
    out[i] = describe.entry(call, action)
  end
  return { actions = out, hasMore = has_more }
end

-- The action of the path. Raises 404 if there is none that the caller may see.
local function need_action(call)
  local action = actions.by_id(call.db, call.group, call.params.action)
  if not action or (call.role == "Subscriber"
    and not actions.is_addressed(call.db, action, call.caller.user.id)) then
    refusal.not_found "the group has no action with this id"
  end
  ---@cast action sandbox.action
  return action
end

-- Raises 403 unless the caller sent it or is an admin of the group.
local function need_own_action(call)
  local action = need_action(call)
  local is_sender = action.sender_id:lower() == call.caller.user.id:lower()
  if not is_sender and not (assumptions.may_update == "admin" and call.role == "Admin") then
    refusal.forbidden "only the sender of the action or an admin of the group may do this"
  end
  return action
end

local function get(call)
  return describe.action(call, need_action(call))
end

-- Whether a response's `id` is of this action.
local function is_id_of(action, id)
  id = id:lower()
  return id == action.package_id:lower()
    or (assumptions.response_by_action_id and id == action.id:lower())
end

local function respond(call)
  local fields, action = call.body, need_action(call)
  if fields.id and not is_id_of(action, fields.id) then
    refusal.invalid "id: the action is of another package, or of none"
  elseif not fields.id and fields.actionType ~= action.type then
    refusal.invalid("actionType: the action is of type %s", action.type)
  end
  return { responseId = responses.add(call, action) }
end

local function update(call)
  local fields, action = call.body, need_own_action(call)
  if fields.version ~= ANY_VERSION and fields.version ~= action.version then
    refusal.invalid("version: expected -1, or %d, which is the present one", action.version)
  end
  if fields.sendToAllSubscribers and call.group.type ~= "ConnectGroup"
    and not assumptions.plain_group_ignores_subscribers then
    refusal.invalid "sendToAllSubscribers: only for public groups (ConnectGroup)"
  end
  actions.set_properties(call.db, action, properties.check(fields.updateProperties))
  if #actions.properties(call.db, action) > limits.properties then
    refusal.invalid("updateProperties: an action has at most %d properties", limits.properties)
  end
  return { actionId = action.id, version = actions.add_version(call.db, action), result = DONE }
end

local function remind(call)
  local action = need_own_action(call)
  if bodies.IS_MEDIA[action.type] or action.type == "Announcement" then
    refusal.invalid("an action of type %s asks for nothing: there is nobody to remind", action.type)
  end
  local to = audience.resolve(call)
  actions.add_reminder(call.db, action, call.caller.user.id, to, call.now)
  return { result = DONE, failedResult = #to.failed > 0 and json.array(to.failed) or nil }
end

-- actionType or id, and a body.
local function typed(types, body)
  return {
    { "actionType", kind = "choice", choices = types },
    { "id", kind = "string", unset = assumptions.unset_text, not_empty = true,
      max = limits.identifier_characters },
    body,
  }
end
-- An action in a list.
local function entry(types, body)
  return {
    { "referenceId", kind = "id" },
    { "actionType", kind = "choice", choices = types },
    { "sender", kind = "string" },
    { "creationTime", kind = "integer" },
    { "sentAt", kind = "time" },
    body,
  }
end
local UPDATE_FIELDS = {
  { "version", kind = "integer", min = ANY_VERSION, default = ANY_VERSION },
  { "updateProperties", kind = "list", required = true, min = 1, max = limits.properties,
    of = action_fields.PROPERTY },
  { "sendNotificationToSubscribers", kind = "boolean", default = false },
  { "sendToAllSubscribers", kind = "boolean", default = false },
}
local UPDATE_REPLY = shapes.join({
  { "actionId", kind = "id" },
  { "version", kind = "integer" },
}, shapes.DONE)
local JOB = { "actions.send", action = "actionId" }
local UPDATE_EXAMPLE = {
  given = { JOB },
  params = { group = demo.names.sales, action = "{action}" },
  body = { version = ANY_VERSION, updateProperties = json.array {
    { name = "state", type = "Text", value = "open" },
  } },
}
local UPDATE_MORE = { {
  name = "every type",
  body = { version = ANY_VERSION, updateProperties = action_examples.PROPERTIES },
} }

---@type sandbox.operation[]
return {
  {
    name = "actions.send",
    summary = "Sends an announcement, a job, a poll, a meeting, a survey, media, or a package by its id.",
    method = "POST",
    path = "/groups/{group}/actions",
    permission = "action.write",
    who = "reach",
    body = shapes.join(typed(action_fields.TYPES, action_fields.SENT), audience.FIELDS),
    reply = {
      { "referenceId", kind = "id" },
      { "actionId", kind = "id", optional = true },
      audience.FAILED,
    },
    example = action_examples.JOB,
    more = action_examples.MORE,
    run = send,
    event = events.action,
  },
  {
    name = "actions.list",
    summary = "Lists the actions of one type since a time, oldest first.",
    method = "GET",
    path = "/groups/{group}/actions",
    permission = "action.read",
    who = "audience",
    query = {
      { "actionType", kind = "choice", choices = assumptions.listable_types, required = true },
      { "fromDate", kind = "integer", iso = true, min = 0, default = 0 },
      { "count", kind = "integer", unset = assumptions.unset_number, min = 1,
        max = limits.actions_per_page, default = COUNT },
    },
    reply = {
      { "actions", kind = "list", of = entry(assumptions.listable_types, action_fields.LISTED) },
      { "hasMore", kind = "boolean" },
    },
    example = {
      name = "Job",
      given = { JOB },
      params = { group = demo.names.sales },
      query = { actionType = "job", fromDate = "0", count = "30" },
    },
    more = action_examples.listed(),
    run = list,
  },
  {
    name = "actions.get",
    summary = "Returns an action; with getDetails also its questions and responses.",
    method = "GET",
    path = "/groups/{group}/actions/{action}",
    permission = "action.read",
    who = "audience",
    query = { { "getDetails", kind = "boolean", default = false } },
    reply = {
      { "actionId", kind = "id" },
      { "referenceId", kind = "id" },
      { "actionType", kind = "choice", choices = action_fields.ALL_TYPES },
      action_fields.DETAILS,
      { "version", kind = "integer" },
      { "sender", kind = "string" },
      { "sentAt", kind = "time" },
      { "actions", kind = "list", of = entry(action_fields.ALL_TYPES, action_fields.ENTRY),
        optional = true },
    },
    example = {
      name = "Job",
      given = { JOB },
      params = { group = demo.names.sales, action = "{action}" },
      query = { getDetails = "true" },
    },
    more = action_examples.details(),
    run = get,
  },
  {
    name = "actions.respond",
    summary = "Responds to a job, a survey or a package; with responseId it replaces a response.",
    method = "POST",
    path = "/groups/{group}/actions/{action}/responses",
    permission = "action.write",
    who = "audience",
    body = shapes.join(typed(action_fields.ANSWERABLE, action_fields.RESPONSE), {
      { "responseId", kind = "string", max = limits.identifier_characters },
    }),
    reply = { { "responseId", kind = "id" } },
    example = {
      name = "Job",
      given = { JOB },
      params = { group = demo.names.sales, action = "{action}" },
      body = { actionType = "Job", actionBody = { isCompleted = true } },
    },
    more = action_examples.RESPONSES,
    run = respond,
    event = events.response,
  },
  {
    name = "actions.update",
    summary = "Sets properties of an action.",
    method = "PUT",
    path = "/groups/{group}/actions/{action}",
    permission = "action.update",
    who = "reach",
    body = UPDATE_FIELDS,
    reply = UPDATE_REPLY,
    example = UPDATE_EXAMPLE,
    more = UPDATE_MORE,
    run = update,
  },
  {
    name = "actions.update_properties",
    summary = "The same with the other path.",
    method = "PUT",
    path = "/groups/{group}/actions/{action}/properties",
    permission = "action.update",
    who = "reach",
    body = UPDATE_FIELDS,
    reply = UPDATE_REPLY,
    example = UPDATE_EXAMPLE,
    run = update,
  },
  {
    name = "actions.remind",
    summary = "Reminds the group, or subscribers of a public group, of an action.",
    method = "POST",
    path = "/groups/{group}/actions/{action}/reminder",
    permission = "action.write",
    who = "reach",
    body = audience.FIELDS,
    reply = shapes.join(shapes.DONE, { audience.FAILED }),
    example = {
      given = { JOB },
      params = { group = demo.names.sales, action = "{action}" },
      body = {},
    },
    run = remind,
  },
}
