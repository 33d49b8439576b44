--- What the body of each type of action holds, when it expires, and whom it assigns.
local json = require "jeton.json"
local names = require "kaizala.names"
local assumptions = require "sandbox.assumptions"
local body = require "sandbox.http.body"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.limits"
local media_resource = require "sandbox.media_resource"
local properties = require "sandbox.actions.properties"
local questions = require "sandbox.actions.questions"
local reply = require "sandbox.http.reply"
local users = require "sandbox.data.users"

local bodies = {}

local HOUR_S = 3600
local JOB_HOURS, SURVEY_HOURS, POLL_HOURS, MEETING_MINUTES = 24, 24, 720, 30
local VISIBILITY = { ALL = "0", SENDER = "1", ADMINS = "2", MEMBERS = "3" }
bodies.VISIBILITY = VISIBILITY

local function title(required)
  return {
    "title", kind = "string", required = required, not_empty = required, max = limits.title_characters,
  }
end

local function hours(name, default)
  return { name, kind = "integer", min = 1, max = limits.action_hours, default = default }
end

local PLACE_FIELDS = {
  { "latitude", kind = "number", aliases = { "lt" }, required = true },
  { "longitude", kind = "number", aliases = { "lg" }, required = true },
  { "name", kind = "string", aliases = { "n" }, max = limits.title_characters, default = "" },
}
local MEDIA_FIELDS = {
  { "mediaResource", kind = "string", required = true },
  { "caption", kind = "string", max = limits.caption_characters, default = "" },
}

---@type table<string, sandbox.field[]>
bodies.FIELDS = {
  Announcement = {
    title(false),
    { "message", kind = "string", required = true, not_empty = true, max = limits.message_characters },
    { "MediaResources", kind = "strings", max = limits.media_per_action },
  },
  Job = {
    title(true),
    { "assignedTo", kind = "phones", required = true, min = 1, max = limits.assignees },
    hours("dueDate", JOB_HOURS),
  },
  Poll = {
    { "question", kind = "string", required = true, not_empty = true, max = limits.title_characters },
    { "choices", kind = "list", required = true, min = 1, max = limits.options, of = {
      title(true),
      { "image", kind = "string", max = limits.picture_bytes },
    } },
    hours("expiryInHours", POLL_HOURS),
    { "isSenderOnly", kind = "boolean", default = false },
  },
  LetsMeet = {
    title(true),
    { "startingTime", kind = "string", required = true, max = limits.identifier_characters },
    { "duration", kind = "integer", aliases = { "durationInMins" }, min = 1, max = limits.meeting_minutes,
      default = MEETING_MINUTES },
    { "place", kind = "object", fields = PLACE_FIELDS },
    { "agenda", kind = "string", max = limits.description_characters, default = "" },
    { "isSenderOnly", kind = "boolean", default = false },
  },
  Survey = {
    title(true),
    { "questions", kind = "list", required = true, min = 1, max = limits.questions,
      of = questions.FIELDS },
    hours("dueDate", SURVEY_HOURS),
    { "isAnonymous", kind = "boolean", default = false },
    { "isSenderOnly", kind = "boolean", default = false },
    { "acceptMultipleResponses", kind = "boolean", default = false },
    { "visibility", kind = "any" },
    { "description", kind = "string", max = limits.description_characters, default = "" },
    { "coverImage", kind = "string", max = limits.picture_bytes },
  },
  Image = MEDIA_FIELDS,
  Album = MEDIA_FIELDS,
  Audio = MEDIA_FIELDS,
  Document = MEDIA_FIELDS,
  Video = MEDIA_FIELDS,
  [assumptions.package_type] = {
    title(false),
    { "validity", kind = "integer", min = 0, max = limits.validity_ms },
    { "properties", kind = "list", max = limits.properties, of = properties.FIELDS },
    { "questions", kind = "list", max = limits.questions, of = questions.FIELDS },
    { "isAnonymous", kind = "boolean", default = false },
    { "acceptMultipleResponses", kind = "boolean", default = false },
  },
}

--- The types that a client may name.
bodies.TYPES = {
  "Announcement", "Job", "Poll", "LetsMeet", "Survey", "Image", "Album", "Audio", "Document", "Video",
}
local IS_LIST = { list = true, strings = true, phones = true }
bodies.IS_MEDIA = { Image = true, Album = true, Audio = true, Document = true, Video = true }

-- Users of the phone numbers, who must be in the group.
local function find_assignees(call, phones)
  local out = {}
  for i, phone in ipairs(phones) do
    local user = users.by_phone(call.db, phone)
    local is_here = user and (groups.role(call.db, call.group, user.id)
      or groups.is_subscriber(call.db, call.group, user.id))
    if is_here then
      out[#out + 1] = user.id
    elseif assumptions.assignee_must_be_in_group then
      reply.invalid("actionBody.assignedTo[%d]: nobody in the group has this phone number", i - 1)
    end
  end
  return out
end

local function check_visibility(values)
  local given = values.visibility == nil and VISIBILITY.ALL or tostring(values.visibility)
  for _, known in pairs(VISIBILITY) do
    if given == known then
      values.visibility = values.isSenderOnly and VISIBILITY.SENDER or known
      return
    end
  end
  reply.invalid 'actionBody.visibility: expected "0" (all), "1" (sender), "2" (admins) or "3" (members)'
end

local function check_media(call, kind, values)
  local resource = media_resource.need(call, "actionBody.mediaResource", values.mediaResource)
  local fits = resource.type == kind or (kind == "Album" and resource.type == "Image")
  if not fits then
    reply.invalid("actionBody.mediaResource: expected one of an upload of type %s, got one of type %s", kind,
      resource.type)
  end
end

-- By type: what the fields alone do not say. Returns when it expires, and ids of assignees.
local finish = {}

function finish.Announcement(call, values)
  for i, text in ipairs(values.MediaResources or {}) do
    media_resource.need(call, ("actionBody.MediaResources[%d]"):format(i - 1), text)
  end
end

function finish.Job(call, values)
  return call.now + values.dueDate * HOUR_S, find_assignees(call, values.assignedTo)
end

function finish.Poll(call, values)
  return call.now + values.expiryInHours * HOUR_S
end

function finish.LetsMeet(_, values)
  local starts_at = names.iso_time(values.startingTime)
  if not starts_at then
    reply.invalid "actionBody.startingTime: expected a time such as 2018-07-02T10:30:00Z"
  end
  return starts_at + values.duration * 60
end

function finish.Survey(call, values)
  questions.check(values.questions, "actionBody.questions")
  check_visibility(values)
  return call.now + values.dueDate * HOUR_S
end

finish[assumptions.package_type] = function(_, values)
  values.visibility = VISIBILITY.ALL
  values.questions = questions.check(values.questions or json.array {}, "actionBody.questions")
  values.properties = properties.check(values.properties or json.array {}, "actionBody.properties")
  return values.validity and values.validity // (assumptions.package_validity == "milliseconds" and 1000 or 1)
end

--- Checks the body of a new action.
---@param call sandbox.call
---@param kind string
---@param object table as it came
---@return table values with their defaults
---@return integer|nil expires_at epoch seconds
---@return string[] assignees ids of users
function bodies.check(call, kind, object)
  local values = body.check(bodies.FIELDS[kind], object, "actionBody.")
  for _, field in ipairs(bodies.FIELDS[kind]) do
    if IS_LIST[field.kind] and values[field[1]] then
      json.array(values[field[1]])
    end
  end
  if bodies.IS_MEDIA[kind] then
    check_media(call, kind, values)
  end
  local expires_at, assignees
  if finish[kind] then
    expires_at, assignees = finish[kind](call, values)
  end
  return values, expires_at, assignees or {}
end

return bodies
