--- An example of each event with its documented fields, to try a receiver before anything has happened.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local clock = require "sandbox.base.clock"
local ids = require "sandbox.base.ids"
local users = require "sandbox.data.users"

local examples = {}

local DAY_S = 86400

--- The package of ActionCreated and ActionResponse, where no other is known.
examples.PACKAGE = "com.example.inspection"

---@class sandbox.example what an example tells of
---@field db table
---@field group sandbox.group
---@field action {id: string, package_id: string} what was sent or answered
---@field user sandbox.user who did it
---@field root string the sandbox's URL
---@field now integer epoch seconds

local function picture_url(about)
  return about.root .. "/v1/media/" .. ids.new() .. ".png"
end

local function question(title, options)
  local choices = json.array {}
  for i, option in ipairs(options) do
    choices[i] = { title = option }
  end
  return { title = title, type = "SingleOption", isInvisible = false, options = choices }
end

-- What was sent: its title, and what it asks.
local SURVEY = { "An example survey", question("Did it work?", { "Yes", "No" }) }
local POLL = { "Tea or coffee?", question("Tea or coffee?", { "Tea", "Coffee" }) }
local MEETING = { "An example meeting", question("An example meeting", assumptions.meeting_answers) }
local INSPECTION = { "An example inspection", question("Is the door closed?", { "Yes", "No" }) }

local function created(sent)
  return function(about)
    return {
      actionId = about.action.id,
      actionPackageId = about.action.package_id,
      groupId = about.group.id,
      title = sent[1],
      questions = json.array { sent[2] },
    }
  end
end

local function answered(sent)
  local asked = sent[2]
  return function(about)
    local user = about.user
    return {
      actionId = about.action.id,
      actionPackageId = about.action.package_id,
      packageId = about.action.package_id,
      groupId = about.group.id,
      sourceGroupId = about.group.id,
      responseId = ids.new(),
      isUpdateResponse = false,
      responder = user.phone,
      responderId = user.id,
      responderName = user.name,
      responderProfilePic = user.picture,
      creatorId = user.id,
      isAnonymous = false,
      responseDetails = { responseWithQuestions = json.array { {
        title = asked.title,
        type = asked.type,
        options = asked.options,
        answer = json.array { asked.options[1].title },
        isInvisible = asked.isInvisible,
      } } },
      Properties = json.array {},
    }
  end
end

local function member(about)
  local user = about.user
  return {
    member = user.phone,
    memberId = user.id,
    memberName = user.name,
    memberProfilePic = user.picture,
    type = users.is_bot(about.db, user.id) and "Bot" or "User",
  }
end

local function group(about)
  return { groupId = about.group.id, groupName = about.group.name }
end

--- By type of the event: its data.
---@type table<string, fun(about: sandbox.example): table>
examples.DATA = {
  SurveyCreated = created(SURVEY), SurveyResponse = answered(SURVEY),
  PollCreated = created(POLL), PollResponse = answered(POLL),
  LetsMeetCreated = created(MEETING), LetsMeetResponse = answered(MEETING),
  ActionCreated = created(INSPECTION), ActionResponse = answered(INSPECTION),
  MemberAdded = member, MemberRemoved = member, GroupAdded = group, GroupRemoved = group,

  TextMessageCreated = function()
    return { text = "An example message" }
  end,
  AttachmentCreated = function(about)
    return {
      media = json.array { { mediaUrl = picture_url(about), mediaFileName = "example.png" } },
      actionType = "Image",
      caption = "An example picture",
    }
  end,
  Announcement = function(about)
    return {
      title = "An example announcement",
      text = "With a picture",
      media = json.array { { url = picture_url(about), fileName = "example.png" } },
    }
  end,
  JobCreated = function(about)
    return {
      title = "An example job",
      assignedTo = json.array { about.user.phone },
      dueDate = clock.rfc3339(about.now + DAY_S),
      actionId = about.action.id,
      groupId = about.group.id,
    }
  end,
  JobResponse = function(about)
    return {
      actionId = about.action.id,
      groupId = about.group.id,
      responseId = ids.new(),
      responseDetails = { response = {
        assignee = about.user.phone,
        assigneeName = about.user.name,
        assigneeProfilePic = about.user.picture,
        isCompleted = true,
      } },
    }
  end,
}

return examples
