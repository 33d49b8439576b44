--- Events for webhooks. Each function here is the `event` of an operation's row: it gets the call after the
--- operation has run, inside its transaction, and its reply; what it returns is told.
local json = require "jeton.json"
local actions = require "sandbox.data.actions"
local assumptions = require "sandbox.base.assumptions"
local clock = require "sandbox.base.clock"
local groups = require "sandbox.data.groups"
local ids = require "sandbox.base.ids"
local media_resource = require "sandbox.base.media_resource"
local outbox = require "sandbox.data.outbox"
local questions = require "sandbox.actions.questions"
local uploads = require "sandbox.rules.uploads"
local users = require "sandbox.data.users"

local events = {}

---@class sandbox.event
---@field type string
---@field data fun(): table called only if somebody is told
---@field group sandbox.group
---@field action sandbox.action|nil
---@field is_anonymous boolean|nil nobody may learn who did it

local CREATED = {
  Announcement = "Announcement", Job = "JobCreated", Survey = "SurveyCreated", Poll = "PollCreated",
  LetsMeet = "LetsMeetCreated", [assumptions.package_type] = "ActionCreated",
}
local ANSWERED = {
  Job = "JobResponse", Survey = "SurveyResponse", Poll = "PollResponse", LetsMeet = "LetsMeetResponse",
  [assumptions.package_type] = "ActionResponse",
}
--- The names of all events.
events.TYPES = {
  "ActionCreated", "ActionResponse", "SurveyCreated", "SurveyResponse", "JobCreated", "JobResponse",
  "PollCreated", "PollResponse", "LetsMeetCreated", "LetsMeetResponse", "TextMessageCreated",
  "AttachmentCreated", "Announcement", "MemberAdded", "MemberRemoved", "GroupAdded", "GroupRemoved",
}

local function root_of(call)
  return call.world:root(call.headers.host)
end

-- What is sent to a receiver.
local function envelope(call, event, data, webhook, event_id)
  local from = event.is_anonymous and assumptions.nobody or call.caller.user
  return {
    subscriptionId = webhook.id,
    objectId = webhook.object_id,
    objectType = webhook.object_type,
    eventType = event.type,
    eventId = event_id,
    data = data,
    context = json.decode(webhook.context),
    fromUser = from.phone,
    fromUserId = from.id,
    fromUserName = from.name,
    fromUserProfilePic = from.picture,
    isBotfromUser = users.is_bot(call.db, from.id),
    groupId = event.group.id,
    sourceGroupId = event.group.id,
  }
end

--- Writes an event to the outbox, once for each webhook that subscribes to it. Call in a transaction.
---@param call sandbox.call
---@param event sandbox.event
---@return integer[] numbers of the deliveries
function events.tell(call, event)
  local action, event_id, numbers = event.action, ids.new(), json.array {}
  local audience = outbox.audience(call.db, {
    type = event.type,
    group_id = event.group.id,
    action_id = action and action.id,
    package_id = action and action.package_id,
  }, call.now)
  local data = #audience > 0 and event.data()
  for i, webhook in ipairs(audience) do
    numbers[i] = outbox.add(call.db, webhook.id, {
      id = event_id,
      type = event.type,
      envelope = envelope(call, event, data, webhook, event_id),
    }, call.now)
  end
  if #audience > 0 then
    call.world.deliveries:wake()
  end
  return numbers
end

--- Tells what an operation has done.
---@param call sandbox.call
---@param operation sandbox.operation
---@param reply table of the operation
function events.of_operation(call, operation, reply)
  for _, event in ipairs(operation.event and operation.event(call, reply) or {}) do
    events.tell(call, event)
  end
end

---@return sandbox.event[]
function events.message(call)
  return { { type = "TextMessageCreated", group = call.group, data = function()
    return { text = call.body.message }
  end } }
end

local function shared_media(call, text)
  local resource = assert(media_resource.decode(text))
  return { mediaUrl = media_resource.url(root_of(call), resource), mediaFileName = resource.name }
end

-- By type: the data of a new action.
local created = {}

function created.Announcement(call, action)
  local media = json.array {}
  for _, text in ipairs(action.body.MediaResources or {}) do
    for _, shown in ipairs(uploads.show(call.db, root_of(call), text)) do
      media[#media + 1] = { url = shown.url, fileName = shown.fileName }
    end
  end
  return { title = action.body.title, text = action.body.message, media = media }
end

function created.Job(call, action)
  local assignees = json.array {}
  for i, user in ipairs((actions.assignees(call.db, action, math.maxinteger))) do
    assignees[i] = user.phone
  end
  return {
    title = action.body.title,
    assignedTo = assignees,
    dueDate = clock.rfc3339(action.expires_at),
    actionId = action.id,
    groupId = call.group.id,
  }
end

local function with_questions(call, action)
  return {
    actionId = action.id,
    actionPackageId = action.package_id,
    groupId = call.group.id,
    title = action.body.title or action.body.question, -- of a poll its question
    questions = json.array(questions.of(action) or {}),
  }
end
created.Survey, created.Poll, created.LetsMeet = with_questions, with_questions, with_questions
created[assumptions.package_type] = with_questions

local function attachment(call, action)
  return {
    media = json.array { shared_media(call, action.body.mediaResource) },
    actionType = action.type,
    caption = action.body.caption,
  }
end

---@return sandbox.event[]
function events.action(call, reply)
  local action = actions.by_reference(call.db, call.group, reply.referenceId)
  local type = CREATED[action.type] or "AttachmentCreated"
  local describe = created[action.type] or attachment
  return { { type = type, group = call.group, action = action, data = function()
    return describe(call, action)
  end } }
end

-- The answers, each with its question.
local function answered(call, action, response)
  local asked, out = questions.of(action) or {}, json.array {}
  local answers = questions.show_answers(call.db, root_of(call), asked, response.body.answers or {})
  for i, question in ipairs(asked) do
    out[i] = {
      title = question.title,
      type = question.type,
      options = question.options,
      answer = answers[i],
      isInvisible = question.isInvisible,
    }
  end
  return out
end

local function job_response(call, action, response)
  local user = call.caller.user
  return {
    actionId = action.id,
    groupId = call.group.id,
    responseId = response.id,
    responseDetails = { response = {
      assignee = user.phone,
      assigneeName = user.name,
      assigneeProfilePic = user.picture,
      isCompleted = response.completed ~= 0,
    } },
  }
end

local function survey_response(call, action, response)
  local user, hidden = call.caller.user, action.body.isAnonymous or false
  return {
    actionId = action.id,
    actionPackageId = action.package_id,
    packageId = action.package_id,
    groupId = call.group.id,
    sourceGroupId = call.group.id,
    responseId = response.id,
    isUpdateResponse = (call.body.responseId or "") ~= "",
    responder = not hidden and user.phone or nil,
    responderId = not hidden and user.id or nil,
    responderName = not hidden and user.name or nil,
    responderProfilePic = not hidden and user.picture or nil,
    creatorId = action.sender_id,
    isAnonymous = hidden,
    responseDetails = { responseWithQuestions = answered(call, action, response) },
    Properties = json.array(actions.properties(call.db, action)),
  }
end

---@return sandbox.event[]
function events.response(call, reply)
  local action = actions.by_id(call.db, call.group, call.params.action)
  local describe = action.type == "Job" and job_response or survey_response
  local function data()
    return describe(call, action, actions.response(call.db, action, reply.responseId))
  end
  return { {
    type = ANSWERED[action.type], group = call.group, action = action, data = data,
    is_anonymous = action.body.isAnonymous,
  } }
end

---@param type "MemberAdded"|"MemberRemoved"
---@param user sandbox.user
---@return sandbox.event
local function member(call, type, user)
  return { type = type, group = call.group, data = function()
    return {
      member = user.phone,
      memberId = user.id,
      memberName = user.name,
      memberProfilePic = user.picture,
      type = users.is_bot(call.db, user.id) and "Bot" or "User",
    }
  end }
end

--- Of those who were not members before.
---@return sandbox.event[]
function events.members_added(call)
  local out = {}
  for i, user in ipairs(call.added or {}) do
    out[i] = member(call, "MemberAdded", user)
  end
  return out
end

---@return sandbox.event[]
function events.member_removed(call)
  return { member(call, "MemberRemoved", users.by_id(call.db, call.params.member)) }
end

local function group_event(call, type, id)
  return { type = type, group = call.group, data = function()
    local group = groups.by_id(call.db, id)
    return { groupId = group.id, groupName = group.name }
  end }
end

---@return sandbox.event[]
function events.group_created(call, reply)
  return { group_event(call, "GroupAdded", reply.groupId) }
end

---@return sandbox.event[]
function events.groups_added(call)
  local out = {}
  for i, id in ipairs(call.body.subGroups) do
    out[i] = group_event(call, "GroupAdded", id)
  end
  return out
end

---@return sandbox.event[]
function events.group_removed(call)
  return { group_event(call, "GroupRemoved", call.params.subgroup) }
end

return events
