--- Writes actions for replies: list entries and details.
local json = require "jeton.json"
local action_fields = require "sandbox.actions.fields"
local actions = require "sandbox.data.actions"
local assumptions = require "sandbox.base.assumptions"
local clock = require "sandbox.base.clock"
local media_resource = require "sandbox.base.media_resource"
local uploads = require "sandbox.rules.uploads"
local questions = require "sandbox.actions.questions"

local describe = {}

local VISIBILITY = action_fields.VISIBILITY

---@param call sandbox.call
---@param text string a mediaResource
local function url_and_name(call, text)
  local resource = assert(media_resource.decode(text))
  return media_resource.url(call.world:root(call.headers.host), resource), resource.name
end

-- By type: the body of a list entry.
local short = {}

function short.Image(call, action)
  local url = url_and_name(call, action.body.mediaResource)
  return { imageUrl = url, caption = action.body.caption }
end

function short.Document(call, action)
  local url, name = url_and_name(call, action.body.mediaResource)
  return { mediaUrl = url, mediaFileName = name, caption = action.body.caption }
end
short.Album, short.Audio, short.Video = short.Document, short.Document, short.Document

function short.PhotoWithLocation(call, action)
  local url = url_and_name(call, action.body.mediaResource)
  return { imageUrl = url, latitude = action.body.latitude, longitude = action.body.longitude }
end

function short.ShareLocation(_, action)
  return { latitude = action.body.latitude, longitude = action.body.longitude }
end

function short.Announcement(call, action)
  local root, media = call.world:root(call.headers.host), json.array {}
  for _, text in ipairs(action.body.MediaResources or {}) do
    for _, shown in ipairs(uploads.show(call.db, root, text)) do
      media[#media + 1] = shown
    end
  end
  return { actionId = action.id, title = action.body.title, message = action.body.message, media = media }
end

function short.Job(call, action)
  local counts = actions.counts(call.db, action)
  return {
    actionId = action.id,
    title = action.body.title,
    assigneeCount = counts.assignees,
    responseCount = counts.responses,
    isCompleted = counts.completed >= counts.assignees,
  }
end

-- Clients send a choice's picture as a mediaResource, and get its URL.
local function choices(call, action)
  local root, out = call.world:root(call.headers.host), json.array {}
  for i, choice in ipairs(action.body.choices) do
    local resource = media_resource.decode(choice.image)
    out[i] = {
      title = choice.title,
      image = resource and media_resource.url(root, resource) or choice.image,
    }
  end
  return out
end

function short.Poll(call, action)
  return {
    actionId = action.id,
    question = action.body.question,
    isSenderOnly = action.body.isSenderOnly,
    expiryDate = clock.rfc3339(action.expires_at),
    choices = choices(call, action),
  }
end

function short.LetsMeet(_, action)
  local values = action.body
  return {
    actionId = action.id,
    title = values.title,
    startingTime = values.startingTime,
    agenda = values.agenda,
    duration = values.duration,
    isSenderOnly = values.isSenderOnly,
    place = values.place,
  }
end

function short.Survey(call, action)
  return {
    actionId = action.id,
    title = action.body.title,
    responseCount = actions.counts(call.db, action).responses,
    expiryDate = action.expires_at and clock.rfc3339(action.expires_at),
  }
end

short[assumptions.package_type] = function(call, action)
  local out = short.Survey(call, action)
  out.packageId = action.package_id
  return out
end

--- A list entry.
---@param call sandbox.call
---@param action sandbox.action
function describe.entry(call, action)
  return {
    referenceId = action.reference_id,
    actionType = action.type,
    sender = action.sender,
    creationTime = action.created_at,
    sentAt = clock.rfc3339(action.created_at),
    actionBody = short[action.type](call, action),
  }
end

--- Whether the caller may see the answers of others.
---@param call sandbox.call
---@param action sandbox.action
---@return boolean
function describe.may_see_responses(call, action)
  local visibility = action.body.visibility
    or (action.body.isSenderOnly and VISIBILITY.SENDER or VISIBILITY.ALL)
  if action.sender_id:lower() == call.caller.user.id:lower() then
    return true
  elseif visibility == VISIBILITY.ADMINS then
    return call.role == "Admin"
  end
  return visibility ~= VISIBILITY.SENDER
end

-- The responder, left out with name and place if the survey is anonymous.
local function responder(action, response)
  local hidden = action.body.isAnonymous or false
  return {
    responseId = response.id,
    isAnonymous = hidden,
    responder = not hidden and (response.phone or "") or nil,
    responderId = not hidden and response.user_id or nil,
    responderName = not hidden and (response.name or "") or nil,
    lastModifiedTime = response.updated_at * 1000,
  }
end

-- All responses, or only the caller's if the others are hidden.
local function responses(call, action)
  local asked = questions.of(action)
  local only = not describe.may_see_responses(call, action) and call.caller.user.id or nil
  local root, out = call.world:root(call.headers.host), json.array {}
  for i, response in ipairs(actions.responses(call.db, action, only)) do
    local shown = responder(action, response)
    if action.type == "Job" then
      shown.isCompleted = response.completed ~= 0
    else
      if not shown.isAnonymous then
        shown.responseName = response.body.responseName
        shown.responseLocation = response.body.responseLocation
      end
      shown.answers = questions.show_answers(call.db, root, asked, response.body.answers)
    end
    out[i] = shown
  end
  return out
end

-- By type: fields that only details have.
local function add_details(call, action, out)
  if action.type == "Job" then
    out.dueDate = clock.rfc3339(action.expires_at)
    out.status = out.isCompleted
    out.responses = responses(call, action)
  elseif action.body.questions then
    out.description = action.body.description
    out.visibility = action.body.visibility
    out.isAnonymous = action.body.isAnonymous
    out.acceptMultipleResponses = action.body.acceptMultipleResponses
  end
  local asked = call.query.getDetails and questions.of(action)
  if asked then
    out.questions = asked
    out.responses = responses(call, action)
    out.responseCount = out.responseCount or actions.counts(call.db, action).responses
  end
  local list = json.array(actions.properties(call.db, action))
  if #list > 0 then
    out.properties = list
  end
end

--- An action in detail.
---@param call sandbox.call
---@param action sandbox.action
function describe.action(call, action)
  local out = short[action.type](call, action)
  add_details(call, action, out)
  return {
    actions = assumptions.details_have_list_entry and json.array { describe.entry(call, action) } or nil,
    actionId = action.id,
    referenceId = action.reference_id,
    actionType = action.type,
    actionDetails = out,
    version = action.version,
    sender = action.sender,
    sentAt = clock.rfc3339(action.created_at),
  }
end

return describe
