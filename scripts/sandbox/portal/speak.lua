--- Writing, answering, liking and commenting in a conversation, in the name of the person of the form, by
--- operations of the API.
local act = require "sandbox.portal.act"
local actions = require "sandbox.data.actions"
local answer_form = require "sandbox.portal.items.answer_form"
local conversation = require "sandbox.data.conversation"
local events = require "sandbox.events"
local html = require "html.elements"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local questions = require "sandbox.actions.questions"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local responses = require "sandbox.actions.responses"
local talks = require "sandbox.portal.talk"
local widgets = require "sandbox.portal.widgets"

local speak = {}

local h = html.h

-- Types that only people can answer, not programs.
local BY_PEOPLE_ONLY = { Poll = true, LetsMeet = true }
local RESPOND = { event = events.response }

-- Browsers send CR LF at line ends.
local function text_of(visit, name)
  local text = (visit.fields[name] or ""):gsub("\r\n", "\n")
  return text:find "%S" and text or nil
end

local function audience_field(talk)
  local t = talk.t
  local function option(value, key)
    return h.option { value = value, selected = talk.visit.fields.to == value, t(key) }
  end
  return talk:may_reach_subscribers() and h.div {
    class = "to-field",
    h.label { for_ = "field-to", t "conversation.to" },
    h.select {
      id = "field-to", name = "to",
      option("group", "conversation.to_group"), option("subscribers", "conversation.to_subscribers"),
    },
  }
end

--- The form to write a message.
---@param talk sandbox.portal.talk
---@param problem string|nil
---@return html.node
function speak.composer(talk, problem)
  local t = talk.t
  if not talk:may_write() then
    return h.p { class = "soft", t "conversation.subscribers_read" }
  end
  return talk:form {
    action = talk:path(), class = "composer",
    widgets.field {
      name = "message", type = "textarea", label = t "conversation.message",
      value = talk.visit.fields.message, error = problem,
      attributes = {
        required = true, maxlength = limits.message_characters, rows = "2",
        placeholder = t "conversation.message",
      },
    },
    h.div {
      class = "row",
      audience_field(talk),
      h.button { t("conversation.send_as", { name = talk.name_of(talk.me) }) },
    },
  }
end

--- Posts the message of the form.
---@param visit sandbox.portal.visit
---@param show fun(visit: sandbox.portal.visit, problem: string): table
---@return table response
function speak.write(visit, show)
  local talk, text = talks.open(visit), text_of(visit, "message")
  local label = visit.t "conversation.message"
  if not text then
    return show(visit, visit.t("common.required", { field = label }))
  elseif utf8.len(text) > limits.message_characters then
    return show(visit, visit.t("common.too_long", { field = label, count = limits.message_characters }))
  end
  local sent = act.as(visit, talk.me, "messages.send", { group = talk.group.id }, {
    message = text, sendToAllSubscribers = visit.fields.to == "subscribers" or nil,
  })
  return respond.redirect(visit, talk:after(sent.referenceId))
end

-- The item of the path, as the acting person sees it.
local function open(visit)
  local talk, reference_id = talks.open(visit), visit.params.reference:lower()
  local place = conversation.find(talk.db, talk.group, reference_id, talk.subscriber_id)
  if not place then
    refusal.not_found "the group has no message or action with this reference"
  end
  ---@cast place sandbox.place
  return talk, reference_id, place.kind == "action" and actions.by_number(talk.db, place.number) or nil
end

local function open_action(visit)
  local talk, reference_id, action = open(visit)
  if not action then
    refusal.invalid "a message takes no answers"
  end
  ---@cast action sandbox.action
  return talk, reference_id, action
end

-- Stores a response and tells of it, like the operation.
local function store(talk, action, values, response_id)
  local params = { group = talk.group.id, action = action.id }
  if BY_PEOPLE_ONLY[action.type] then
    local call = act.call(talk.visit, talk.me, params, "audience")
    call.body = { actionBody = values, responseId = response_id }
    events.of_operation(call, RESPOND, { responseId = responses.add(call, action) })
    return
  end
  local is_package = action.package_id ~= ""
  act.as(talk.visit, talk.me, "actions.respond", params, {
    actionType = not is_package and action.type or nil,
    id = is_package and action.package_id or nil,
    responseId = response_id,
    actionBody = values,
  })
end

--- Answers a poll, a meeting, a survey or a package. A refusal is shown with the form.
---@param visit sandbox.portal.visit
---@param show fun(visit: sandbox.portal.visit, problem: string): table
---@return table response
function speak.answer(visit, show)
  local talk, reference_id, action = open_action(visit)
  local asked = questions.of(action)
  if not asked then
    refusal.invalid("an action of type %s takes no answers of this kind", action.type)
  elseif #asked == 0 then
    refusal.invalid "a package without questions takes no responses" -- the page has no fields for them
  end
  local is_choice, nothing = BY_PEOPLE_ONLY[action.type], false
  answer_form.enter(talk, action, asked)
  local other = answer_form.other_part(talk, action, reference_id)
  if other then
    return respond.redirect(visit, other)
  end
  local ok, failure = pcall(function()
    local values = answer_form.read(talk, action, asked)
    nothing = is_choice and values.answers[1] == json.null
    return nothing or store(talk, action, values, answer_form.replaced(talk, action))
  end)
  if not ok and refusal.is_failure(failure) and failure.status == 400 and not is_choice then
    return show(visit, failure.message)
  elseif not ok then
    error(failure, 0)
  end
  if nothing then
    visit:notice "conversation.choose"
    return respond.redirect(visit, talk:after(reference_id))
  end
  visit:notice("conversation.answered", { name = talk.name_of(talk.me) })
  return respond.redirect(visit, talk:after(reference_id))
end

--- Marks a job as done or not done.
---@param visit sandbox.portal.visit
---@return table response
function speak.complete(visit)
  local talk, reference_id, action = open_action(visit)
  store(talk, action, { isCompleted = visit.fields.completed == "yes" })
  return respond.redirect(visit, talk:after(reference_id))
end

local function react(talk, reference_id, kind, comment)
  act.as(talk.visit, talk.me, "reactions.add", { group = talk.group.id }, {
    referenceId = reference_id, sourceGroupId = talk.group.id, reactionType = kind, comment = comment,
  })
  return respond.redirect(talk.visit, talk:after(reference_id))
end

---@param visit sandbox.portal.visit
---@return table response
function speak.like(visit)
  local talk, reference_id = open(visit)
  return react(talk, reference_id, "Like")
end

---@param visit sandbox.portal.visit
---@return table response
function speak.comment(visit)
  local talk, reference_id = open(visit)
  local text = text_of(visit, "comment")
  if not text then
    visit:notice "conversation.comment_needed"
    return respond.redirect(visit, talk:after(reference_id))
  end
  return react(talk, reference_id, "Comment", text)
end

return speak
