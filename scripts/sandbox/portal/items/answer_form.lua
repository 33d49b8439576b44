--- The form to answer a survey or a package: a field for each question, filled with the earlier answer; and
--- reading it.
local actions = require "sandbox.data.actions"
local fields = require "sandbox.portal.items.answer_fields"
local html = require "html.elements"
local json = require "jeton.json"
local widgets = require "sandbox.portal.widgets"

local answer_form = {}

local h = html.h

-- The earlier answers, if they will be replaced.
local function own_response(talk, action)
  if action.body.acceptMultipleResponses then
    return nil
  end
  return actions.response_of(talk.db, action, talk.me.id)
end

-- Why the answer was refused, in the page's language or as the API says it.
local function problem(talk)
  return talk.problem and h.div {
    class = "alert", role = "alert",
    talk.visit.problem and h.p { talk.visit.problem } or {
      h.p { talk.t "problem.bad_what" }, widgets.refusal(talk.visit, talk.problem),
    },
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
function answer_form.show(talk, item)
  local t, action = talk.t, item.row
  local own, list = own_response(talk, action), {}
  for i, question in ipairs(action.body.questions) do
    list[i] = not question.isInvisible
      and fields.show(talk, question, "answer_" .. i, own and own.body.answers[i])
  end
  local title = t(own and "conversation.change" or "conversation.answer")
  return h.section {
    id = "answer", class = "answer-form", aria_labelledby = "answer-title",
    h.h4 { id = "answer-title", t("conversation.answer_as", { name = talk.name_of(talk.me) }) },
    problem(talk),
    talk:form {
      action = talk:path("/" .. item.reference_id .. "/answer"),
      list,
      h.div { h.button { title } },
    },
  }
end

--- Reads the body of a response from the form. Raises 400 for invalid answers.
---@param talk sandbox.portal.talk
---@param asked table[] questions
---@return table values
function answer_form.read(talk, asked)
  local answers = json.array {}
  for i, question in ipairs(asked) do
    local value = not question.isInvisible and fields.read(talk, question, "answer_" .. i) or nil
    answers[i] = value == nil and json.null or value
  end
  return { answers = answers }
end

--- The person's response that a new one will replace.
---@param talk sandbox.portal.talk
---@param action sandbox.action
---@return string|nil id
function answer_form.replaced(talk, action)
  local own = own_response(talk, action)
  return own and own.id
end

return answer_form
