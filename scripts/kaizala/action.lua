--- One action: its details, responses, properties and reminders.
local audience = require "kaizala.audience"
local check = require "kaizala.check"
local group = require "kaizala.group"
local later = require "kaizala.later"
local names = require "kaizala.names"
local properties = require "kaizala.properties"
local survey = require "kaizala.survey"

---@class kaizala.Action
---@field id? string nil for media
---@field reference_id? string for reactions
---@field type? string "Job", "Survey", …
---@field package_id? string of a package
---@field title? string
---@field sender? string phone number
---@field creation_time? integer epoch seconds, like all times here; in a list
---@field sent_at? integer after `details`
---@field message? string of an announcement
---@field media? kaizala.File[] of an announcement
---@field image_url? string of a picture
---@field latitude? number of a shared place, with or without a picture
---@field longitude? number
---@field assignee_count? integer of a job
---@field is_completed? boolean of a job: by all assignees
---@field due_date? integer of a job, after `details`
---@field status? boolean of a job, after `details`: as `is_completed`
---@field question? string of a poll
---@field choices? table[] of a poll: `{title=, image=}`, the URL of the picture
---@field expiry_date? integer of a poll or a survey: when it stops taking answers
---@field description? string of a survey, after `details`
---@field visibility? "0"|"1"|"2"|"3" of a survey, after `details`: all, sender, admins, members see answers
---@field is_anonymous? boolean of a survey, after `details`
---@field accept_multiple_responses? boolean of a survey, after `details`
---@field starting_time? integer of a meeting
---@field duration? integer of a meeting, minutes
---@field agenda? string of a meeting
---@field place? { latitude: number, longitude: number, name: string } of a meeting
---@field is_sender_only? boolean of a poll or a meeting: only the sender sees the answers
---@field response_count? integer
---@field responses? kaizala.Response[] after `details`
---@field questions? kaizala.AskedQuestion[] after `details`
---@field properties? table<string, any> after `details`, by name
---@field version? integer of the properties, after `details`
---@field failed_result? kaizala.Failed[] subscribers it was not sent to
---@field dry_run? boolean true if it was printed, not sent
---@field raw? table
local Action = {}
Action.__index = Action
Action.__name = "kaizala.Action"
later.methods(Action, "kaizala.reactions", "like", "comment")

---@class kaizala.File
---@field url string
---@field file_name? string
---@field raw table

---@class kaizala.AskedQuestion
---@field title string the second of the same title is `TITLE (2)`
---@field type kaizala.QuestionType
---@field options? table[] `{title=}`
---@field is_invisible? boolean
---@field raw table

---@class kaizala.Response
---@field id string
---@field name? string the name given by the responder
---@field location? { latitude: number, longitude: number, name?: string }
---@field responder? string phone number; nil if the survey is anonymous
---@field responder_id? string
---@field responder_name? string
---@field is_anonymous? boolean
---@field answers? table<string, any> by the question's title
---@field is_completed? boolean of a job
---@field last_modified_time? integer
---@field raw table

-- The group of each action, kept apart from the fields, which are the service's.
local groups = setmetatable({}, { __mode = "k" })

-- Other files add their methods to the class.
local action = { Action = Action }

--- Makes an action of which only the id is known.
---@param owner kaizala.Group
---@param id? string
---@param kind? string
---@return kaizala.Action action
function action.new(owner, id, kind)
  local self = setmetatable({ id = id, type = kind }, Action)
  groups[self] = owner
  return self
end

--- Gives the group that an action belongs to.
---@param self kaizala.Action
---@return kaizala.Group group
function action.group(self)
  return groups[self]
end

-- Sets the fields. What the SDK itself goes on with keeps its type, whatever a reply says.
local function convert(self, raw)
  local before = { id = self.id, reference_id = self.reference_id, type = self.type }
  names.convert(raw, "action", self, Action)
  for _, name in ipairs { "id", "reference_id", "type" } do
    if type(self[name]) ~= "string" or self[name] == "" then self[name] = before[name] end
  end
end

-- Sets the fields from a body of a list or of the details.
local function fill(self, body, request)
  convert(self, body)
  if type(body.media) == "table" then self.media = names.list(body.media, "media") end
  local questions = check.given(body.questions)
  if questions == nil then return end
  for _, question in ipairs(check.reply(questions, "questions", "list", request)) do
    check.reply(question, "questions[]", "object", request)
    check.reply(question.title, "title", "string", request)
    survey.check_options(question, request)
  end
  self.questions = survey.number(names.list(questions, "question"))
end

--- Makes an action from an entry of a list.
---@param owner kaizala.Group
---@param raw any
---@param request string for the error
---@return kaizala.Action action
function action.from_entry(owner, raw, request)
  check.reply(raw, "actions[]", "object", request)
  check.reply(raw.referenceId, "referenceId", "string", request)
  local self = action.new(owner)
  local body = check.given(raw.actionBody)
  if body ~= nil then fill(self, check.reply(body, "actionBody", "object", request), request) end
  convert(self, raw)
  self.creation_time = self.creation_time or self.sent_at -- lists have one or the other
  self.body = nil
  return self
end

local function path(self, tail)
  local id = check.id(self.id, "the action's id")
  return group.path(groups[self], ("/actions/%s%s"):format(id, tail or ""))
end

local function read_responses(self, responses, request)
  local list = {}
  for i, raw in ipairs(check.reply(responses, "responses", "list", request)) do
    check.reply(raw, "responses[]", "object", request)
    local response, answers = names.convert(raw, "response"), check.given(raw.answers)
    if self.questions and answers then
      response.answers = survey.read(self.questions, check.reply(answers, "answers", "list", request))
    end
    list[i] = response
  end
  return list
end

--- Fetches the action with its questions, responses and properties (*waits*).
---@return kaizala.Action self with its fields filled; raises an err. One from a dry run has no responses
function Action:details()
  check.method(self, Action, "action:details()")
  if self.dry_run then
    self.responses = {}
    return self
  end
  local target = path(self)
  local request = "GET " .. target
  local reply = group.client(groups[self]):request { path = target, query = { getDetails = true } }
  local details = check.reply(reply.actionDetails, "actionDetails", "object", request)
  fill(self, details, request)
  convert(self, reply)
  self.actions = nil -- of this one, as in a list
  local its, responses = check.given(details.properties), check.given(details.responses)
  if its then self.properties = properties.read(check.reply(its, "properties", "list", request), request) end
  if responses then self.responses = read_responses(self, responses, request) end
  return self
end

---@class kaizala.RespondOptions
---@field completed? boolean of a job
---@field answers? table<string, any> of a survey or a package, by the question's title
---@field name? string
---@field location? { latitude: number, longitude: number, name?: string }
---@field response_id? string the response that this one replaces
local respond_options = {
  { "completed", "boolean" }, { "answers", "table" }, { "name", "string", "responseName" },
  { "location", check.place, "responseLocation" }, { "response_id", "string" },
}

-- Types that the service takes no answers for, though people can answer polls and meetings in the app.
local takes_no_answers = {
  job = true, poll = true, letsmeet = true, announcement = true, image = true, album = true, document = true,
  audio = true, video = true, sharelocation = true, photowithlocation = true,
}

-- Whether an action takes answers; nil: unknown before its details are fetched.
local function takes_answers(self)
  if not self.type then return nil end
  return not takes_no_answers[self.type:lower()] and (self.questions ~= nil or nil)
end

-- Fetches what is needed for a response and not known yet (*waits*). Refuses responses of the wrong kind.
local function prepare_response(self, options)
  if not self.type or (options.answers and takes_answers(self) == nil) then self:details() end
  if options.completed ~= nil and (self.type or ""):lower() ~= "job" then
    check.fail("invalid", ("respond: completed is for a job; this is of type %s"):format(self.type))
  elseif options.answers and not takes_answers(self) then
    check.fail("invalid", ("respond: answers are for a survey or a package with questions; this is of "
      .. "type %s"):format(self.type))
  end
end

--- Responds: to a job by `completed`, to a survey or a package by `answers` (*waits*).
---@param options kaizala.RespondOptions
---@return string response_id `dry-run` in a dry run; raises an err
function Action:respond(options)
  check.method(self, Action, "action:respond({…})")
  local body
  options, body = check.fields(options, "respond", respond_options)
  if (options.completed == nil) == (options.answers == nil) then
    check.misuse("respond: give either completed (of a job) or answers (of a survey)")
  end
  prepare_response(self, options)
  if options.answers then
    body.answers = survey.answers(self.questions, options.answers)
  else
    body = { isCompleted = options.completed }
  end
  local target = path(self, "/responses")
  local reply, dry_run = group.client(groups[self]):request {
    method = "POST",
    path = target,
    json = {
      actionType = not self.package_id and self.type or nil,
      id = self.package_id,
      responseId = options.response_id,
      actionBody = body,
    },
  }
  if dry_run then return "dry-run" end
  return check.reply(reply.responseId, "responseId", "string", "POST " .. target)
end

local remind_options = { { "subscribers" }, { "all_subscribers" } }

--- Reminds the group, or subscribers of a public group, of the action (*waits*).
---@param options? kaizala.AudienceOptions
---@return kaizala.Failed[]? failed subscribers it was not sent to; raises an err
function Action:remind(options)
  check.method(self, Action, "action:remind()")
  options = check.fields(options, "remind", remind_options)
  local body = audience.write(groups[self], options, "remind", {})
  local _, failed, err = audience.post(group.client(groups[self]),
    { path = path(self, "/reminder"), json = body }, function() end)
  if err and not failed then error(err, 0) end
  return failed
end

---@class kaizala.UpdateOptions
---@field types? table<string, string> by name, if not clear from the value: "DateTime", "StringSet", …
---@field version? integer the version to change; any by default
---@field notify_subscribers? boolean
---@field all_subscribers? boolean
local update_options = {
  { "types", "table" },
  { "version", "number", "version" },
  { "notify_subscribers", "boolean", "sendNotificationToSubscribers" },
  { "all_subscribers", "boolean", "sendToAllSubscribers" },
}

--- Sets properties (*waits*).
---@param values table<string, any> by name: strings, numbers, lists of strings, places
--- `{latitude=, longitude=, name=?}`
---@param options? kaizala.UpdateOptions
---@return integer? version the new one, if the service returns it; raises an err
function Action:update_properties(values, options)
  check.method(self, Action, "action:update_properties({…})")
  local body
  options, body = check.fields(options, "update_properties", update_options)
  body.version = body.version or -1
  body.updateProperties = properties.write(values, "update_properties", options.types or {})
  local reply = group.client(groups[self]):request {
    method = "PUT", path = path(self, "/properties"), json = body,
  }
  self.version = math.tointeger(reply.version)
  return self.version
end

return action
