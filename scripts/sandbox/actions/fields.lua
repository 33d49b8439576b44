--- The fields of action bodies by type: sent, listed, in detail, in a response.
local assumptions = require "sandbox.base.assumptions"
local limits = require "sandbox.base.limits"
local shapes = require "sandbox.http.shapes"

local action_fields = {}

local PACKAGE = assumptions.package_type
local JOB_HOURS, SURVEY_HOURS, POLL_HOURS, MEETING_MINUTES = 24, 24, 720, 30

--- The types that a client may send by name.
action_fields.TYPES = {
  "Announcement", "Job", "Poll", "LetsMeet", "Survey", "Image", "Album", "Audio", "Document", "Video",
}
-- Types that only phones send and connectors can list (sandbox.control.sharing).
local SHARED = { "PhotoWithLocation", "ShareLocation" }
action_fields.ALL_TYPES = shapes.join(action_fields.TYPES, { PACKAGE }, SHARED)
action_fields.ANSWERABLE = { "Job", "Survey", PACKAGE }
action_fields.VISIBILITY = { ALL = "0", SENDER = "1", ADMINS = "2", MEMBERS = "3" }
local VISIBILITIES = { "0", "1", "2", "3" }

-- Fields that several types share ---------------------------------------------------------------

local function title(required)
  return {
    "title", kind = "string", required = required, not_empty = required, max = limits.title_characters,
  }
end

local UNSET = assumptions.unset_number

local function hours(name, default)
  return { name, kind = "integer", unset = UNSET, min = 1, max = limits.action_hours, default = default }
end

local function flag(name)
  return { name, kind = "boolean", default = false }
end

-- Properties: the type decides what the value is.
local PROPERTY_TYPES = {
  "Text", "Numeric", "Location", "DateTime", "StringList", "Attachment", "StringSet", "AttachmentList",
}
local TEXT = { kind = "string", max = limits.property_characters }
local TEXTS = { kind = "list", item = TEXT, max = limits.property_entries, text = true }
local PROPERTY_VALUES = {
  Text = TEXT, Attachment = TEXT, StringList = TEXTS, StringSet = TEXTS, AttachmentList = TEXTS,
  Numeric = { kind = "number", text = true },
  DateTime = { kind = "integer", iso = true },
  Location = { kind = "object", fields = shapes.LOCATION, text = true },
}

-- Makes a variant for each of some values of another field.
local function variants(by, names, of)
  local out = {}
  for i, name in ipairs(names) do
    out[i] = { by = by, is = name }
    for key, value in pairs(of(name)) do
      out[i][key] = value
    end
  end
  return out
end

---@type sandbox.field[]
action_fields.PROPERTY = {
  { "name", kind = "string", required = true, not_empty = true, max = limits.title_characters },
  { "type", kind = "choice", choices = PROPERTY_TYPES, numbers = assumptions.property_numbers,
    required = true },
  { "value", kind = "variant", required = true, variants = variants("type", PROPERTY_TYPES, function(name)
    return PROPERTY_VALUES[name]
  end) },
}

local QUESTION_TYPES = {
  "SingleOption", "MultiOption", "Text", "Image", "Numeric", "Date", "DateTime", "Location",
  "AttachmentList",
}
local OPTION = { title(true) }
local QUESTION = {
  title(true),
  { "type", kind = "choice", choices = QUESTION_TYPES, required = true },
  flag "isInvisible",
  { "options", kind = "variant", variants = variants("type", { "SingleOption", "MultiOption" }, function()
    return { kind = "list", required = true, min = 1, max = limits.options, of = OPTION }
  end) },
}

-- Sent -----------------------------------------------------------------------------------------

local function media(...)
  return {
    { "mediaResource", kind = "media", required = true, types = { ... } },
    { "caption", kind = "string", max = limits.caption_characters, default = "" },
  }
end

local SENT = {
  Announcement = {
    title(false),
    { "message", kind = "string", required = true, not_empty = true, max = limits.message_characters },
    { "MediaResources", kind = "list", item = { kind = "media" }, max = limits.media_per_action },
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
      { "image", kind = "string", unset = assumptions.unset_text, max = limits.picture_bytes },
    } },
    hours("expiryInHours", POLL_HOURS),
    flag "isSenderOnly",
  },
  LetsMeet = {
    title(true),
    { "startingTime", kind = "time", required = true, max = limits.identifier_characters },
    { "duration", kind = "integer", aliases = { "durationInMins" }, unset = UNSET, min = 1,
      max = limits.meeting_minutes, default = MEETING_MINUTES },
    { "place", kind = "object", fields = shapes.PLACE },
    { "agenda", kind = "string", max = limits.description_characters, default = "" },
    flag "isSenderOnly",
  },
  Survey = {
    title(true),
    { "questions", kind = "list", required = true, min = 1, max = limits.questions, of = QUESTION },
    hours("dueDate", SURVEY_HOURS),
    flag "isAnonymous",
    flag "isSenderOnly",
    flag "acceptMultipleResponses",
    { "visibility", kind = "choice", choices = VISIBILITIES,
      numbers = { [0] = "0", "1", "2", "3" }, default = action_fields.VISIBILITY.ALL },
    { "description", kind = "string", max = limits.description_characters, default = "" },
    { "coverImage", kind = "string", max = limits.picture_bytes },
  },
  Image = media "Image",
  Album = media("Album", "Image"),
  Audio = media "Audio",
  Document = media "Document",
  Video = media "Video",
}
local PACKAGE_SENT = {
  title(false),
  { "validity", kind = "integer", min = 0, max = limits.validity_ms },
  hours("dueDate", assumptions.package_hours),
  { "properties", kind = "list", max = limits.properties, of = action_fields.PROPERTY },
  { "questions", kind = "list", max = limits.questions, of = QUESTION },
  flag "isAnonymous",
  flag "isSenderOnly",
  flag "acceptMultipleResponses",
}

-- The package's id comes first: it wins over actionType.
local function of_package(fields)
  return { { by = "id", kind = "object", fields = fields } }
end

local function objects(by, names, fields)
  return variants(by, names, function(name)
    return { kind = "object", fields = assert(fields[name], name) }
  end)
end

---@type sandbox.field
action_fields.SENT = { "actionBody", kind = "variant", schema = "ActionBody", required = true,
  variants = shapes.join(of_package(PACKAGE_SENT), objects("actionType", action_fields.TYPES, SENT)) }

-- Responses ------------------------------------------------------------------------------------

-- Epoch seconds. Documented as a double.
local DATE = { kind = "integer", floor = true, min = -limits.date_s, max = limits.date_s }

--- Answers by type of question. (For options and media, actions/questions.lua checks more.)
---@type table<string, sandbox.field>
action_fields.ANSWERS = {
  Text = { kind = "string", max = limits.answer_characters },
  Numeric = { kind = "number" },
  Date = DATE,
  DateTime = DATE,
  Location = { kind = "object", fields = shapes.LOCATION },
}

local ANSWERS = {
  { "responseName", kind = "string", max = limits.title_characters },
  { "responseLocation", kind = "object", fields = shapes.PLACE },
  { "answers", kind = "list", required = true, max = limits.questions, item = {
    kind = "union", nullable = assumptions.unanswered_allowed, any_of = {
      { kind = "string" }, { kind = "number" },
      { kind = "list", item = { kind = "string" } },
      { kind = "object", fields = shapes.LOCATION },
    },
  } },
}
local RESPONSES = {
  Job = { { "isCompleted", kind = "boolean", required = true } },
  Survey = ANSWERS,
  [PACKAGE] = ANSWERS,
}

---@type sandbox.field
action_fields.RESPONSE = { "actionBody", kind = "variant", schema = "ResponseBody", required = true,
  variants = shapes.join(of_package(ANSWERS), objects("actionType", action_fields.ANSWERABLE, RESPONSES)) }

-- As the service shows them --------------------------------------------------------------------

local MEDIA_SHOWN = {
  { "mediaUrl", kind = "string" },
  { "mediaFileName", kind = "string" },
}
local FILE_SHOWN = shapes.join(MEDIA_SHOWN, { { "caption", kind = "string" } })
local COORDINATES = { { "latitude", kind = "number" }, { "longitude", kind = "number" } }
local ID = { "actionId", kind = "id" }

-- In a list.
local LISTED = {
  Image = { { "imageUrl", kind = "string" }, { "caption", kind = "string" } },
  Album = FILE_SHOWN,
  Audio = FILE_SHOWN,
  Document = FILE_SHOWN,
  Video = FILE_SHOWN,
  Announcement = {
    ID,
    { "title", kind = "string", optional = true },
    { "message", kind = "string" },
    { "media", kind = "list", of = MEDIA_SHOWN },
  },
  Job = {
    ID,
    { "title", kind = "string" },
    { "assigneeCount", kind = "integer" },
    { "responseCount", kind = "integer" },
    { "isCompleted", kind = "boolean" },
  },
  Poll = {
    ID,
    { "question", kind = "string" },
    { "isSenderOnly", kind = "boolean" },
    { "expiryDate", kind = "time" },
    { "choices", kind = "list", of = {
      { "title", kind = "string" },
      { "image", kind = "string", optional = true },
    } },
  },
  LetsMeet = {
    ID,
    { "title", kind = "string" },
    { "startingTime", kind = "time" },
    { "agenda", kind = "string" },
    { "duration", kind = "integer" },
    { "isSenderOnly", kind = "boolean" },
    { "place", kind = "object", optional = true, fields = shapes.PLACE },
  },
  Survey = {
    ID,
    { "title", kind = "string" },
    { "responseCount", kind = "integer" },
    { "expiryDate", kind = "time" },
  },
  [PACKAGE] = {
    ID,
    { "packageId", kind = "string" },
    { "title", kind = "string", optional = true },
    { "responseCount", kind = "integer" },
    { "expiryDate", kind = "time", optional = true },
  },
  PhotoWithLocation = shapes.join({ { "imageUrl", kind = "string" } }, COORDINATES),
  ShareLocation = COORDINATES,
}

---@type sandbox.reply_field
action_fields.LISTED = { "actionBody", kind = "variant", schema = "ListedAction",
  variants = objects("actionType", assumptions.listable_types, LISTED) }

--- The same of every type, as it stands beside an action's details.
---@type sandbox.reply_field
action_fields.ENTRY = { "actionBody", kind = "variant", schema = "ListedAction",
  variants = objects("actionType", action_fields.ALL_TYPES, LISTED) }

-- In detail.
local function responses(...)
  return shapes.join({
    { "responseId", kind = "id" },
    { "isAnonymous", kind = "boolean" },
    { "responder", kind = "string", optional = true },
    { "responderId", kind = "id", optional = true },
    { "responderName", kind = "string", optional = true },
    { "lastModifiedTime", kind = "integer" },
  }, ...)
end

local PROPERTIES = { { "properties", kind = "list", optional = true, of = action_fields.PROPERTY } }
local JOB_DETAILS = {
  { "dueDate", kind = "time" },
  { "status", kind = "boolean" },
  { "responses", kind = "list", of = responses { { "isCompleted", kind = "boolean" } } },
}
local ASKED = {
  { "questions", kind = "list", optional = true, of = {
    { "title", kind = "string" },
    { "type", kind = "choice", choices = QUESTION_TYPES },
    { "isInvisible", kind = "boolean" },
    { "options", kind = "list", optional = true, of = { { "title", kind = "string" } } },
  } },
  { "responses", kind = "list", optional = true, of = responses {
    { "responseName", kind = "string", optional = true },
    { "responseLocation", kind = "object", optional = true, fields = shapes.PLACE },
    { "answers", kind = "list", item = { kind = "union", nullable = true, any_of = {
      { kind = "string" }, { kind = "number" }, { kind = "list" }, { kind = "object" },
    } } },
  } },
}
local QUESTIONS_DETAILS = shapes.join({
  { "visibility", kind = "choice", choices = VISIBILITIES },
  { "isAnonymous", kind = "boolean" },
  { "acceptMultipleResponses", kind = "boolean" },
}, ASKED)
-- For a poll and a meeting: only with getDetails.
local ANSWERED = shapes.join({ { "responseCount", kind = "integer", optional = true } }, ASKED)
local DETAILS = {
  Job = shapes.join(LISTED.Job, JOB_DETAILS, PROPERTIES),
  Poll = shapes.join(LISTED.Poll, ANSWERED, PROPERTIES),
  LetsMeet = shapes.join(LISTED.LetsMeet, ANSWERED, PROPERTIES),
  Survey = shapes.join(LISTED.Survey, { { "description", kind = "string" } }, QUESTIONS_DETAILS, PROPERTIES),
  [PACKAGE] = shapes.join(LISTED[PACKAGE], QUESTIONS_DETAILS, PROPERTIES),
}
for _, name in ipairs(shapes.join(action_fields.TYPES, SHARED)) do
  DETAILS[name] = DETAILS[name] or shapes.join(LISTED[name], PROPERTIES)
end

---@type sandbox.reply_field
action_fields.DETAILS = { "actionDetails", kind = "variant", schema = "ActionDetails",
  variants = objects("actionType", action_fields.ALL_TYPES, DETAILS) }

return action_fields
