--- The form to answer a survey or a package: a field for each question, filled with the earlier answer; and
--- reading it.
local actions = require "sandbox.data.actions"
local fields = require "sandbox.portal.items.answer_fields"
local html = require "html.elements"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
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

---@class sandbox.portal.draft
---@field fields table<string, string> of the answers
---@field seen table<integer, true> the questions whose fields were shown

local function key_of(talk, action)
  return ("answers:%s:%s"):format(action.id, talk.me.id)
end

-- Of which question a field is.
local function number_of(name)
  return tonumber(name:match "^answer_(%d+)")
end

--- How many questions are before those of this page.
---@param talk sandbox.portal.talk
---@param count integer of all
---@return integer
function answer_form.from(talk, count)
  local from = math.tointeger(tonumber(talk.visit.fields.from or talk.visit.query.questions)) or 0
  return math.max(0, math.min(from, count - 1))
end

--- Finds what was entered so far.
---@param talk sandbox.portal.talk
---@param action sandbox.action
function answer_form.open(talk, action)
  local visit, key = talk.visit, key_of(talk, action)
  visit.draft = visit.draft or visit:take(key)
  if visit.draft and (visit.fields.from or visit.method == "GET") then
    visit:put(key, visit.draft)
  end
end

--- Adds what this part of the form says to what its other parts said.
---@param talk sandbox.portal.talk
---@param action sandbox.action
---@param asked table[] questions
function answer_form.enter(talk, action, asked)
  local visit, given = talk.visit, talk.visit.fields
  local draft = given.from and visit:take(key_of(talk, action)) or { fields = {}, seen = {} }
  local from = math.tointeger(tonumber(given.from)) or 0
  local last = math.tointeger(tonumber(given.last)) or #asked
  for i = math.max(from, 0) + 1, math.min(last, #asked) do
    draft.seen[i] = true
  end
  local entered, bytes = {}, 0
  for name, value in pairs(draft.fields) do
    entered[name] = (number_of(name) <= from or number_of(name) > last) and value or nil
  end
  for name, value in pairs(given) do
    entered[name] = number_of(name) and value or entered[name]
  end
  for name, value in pairs(entered) do
    given[name], bytes = value, bytes + #name + #value
  end
  if bytes > limits.json_bytes then
    refusal.invalid("answers: at most %d bytes, got %d", limits.json_bytes, bytes)
  end
  draft.fields, visit.draft = entered, draft
end

--- Goes to another part of the form, if the button says so.
---@param talk sandbox.portal.talk
---@param action sandbox.action
---@param reference_id string
---@return string|nil address
function answer_form.other_part(talk, action, reference_id)
  local from = math.tointeger(tonumber(talk.visit.fields.go))
  if not from then
    return nil
  end
  talk.visit:put(key_of(talk, action), talk.visit.draft)
  return talk:link("/" .. reference_id, "questions=" .. from, "answer")
end

--- The field of a question.
---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@param i integer
---@return html.node
function answer_form.field(talk, item, i)
  local question, own = item.row.body.questions[i], own_response(talk, item.row)
  local draft = talk.visit.draft
  talk.visit.entered = draft and draft.seen[i] and draft.fields or nil
  return fields.show(talk, question, "answer_" .. i, own and own.body.answers[i])
end

-- To the other parts, if the page has not all questions.
local function buttons(talk, part, title)
  local function go(from, key)
    return h.button { name = "go", value = from, class = "second", formnovalidate = true, talk.t(key) }
  end
  if part.from == 0 and part.last == part.count then
    return h.div { h.button { title } }
  end
  return {
    h.input { type = "hidden", name = "from", value = part.from },
    h.input { type = "hidden", name = "last", value = part.last },
    h.p {
      class = "soft",
      talk.t("answers.part", { from = part.from + 1, to = part.last, count = part.count }),
    },
    h.div {
      class = "row",
      part.last < part.count and go(part.last, "answers.next") or h.button { title },
      part.from > 0 and go(math.max(0, part.from - part.per), "answers.previous"),
    },
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@param part sandbox.portal.part
---@param list html.node[] its fields
---@return html.node
function answer_form.show(talk, item, part, list)
  local t = talk.t
  local title = t(own_response(talk, item.row) and "conversation.change" or "conversation.answer")
  return h.section {
    id = "answer", class = "answer-form", aria_labelledby = "answer-title",
    h.h4 { id = "answer-title", t("conversation.answer_as", { name = talk.name_of(talk.me) }) },
    problem(talk),
    talk:form {
      action = talk:path("/" .. item.reference_id .. "/answer"),
      list,
      buttons(talk, part, title),
    },
  }
end

--- Reads the body of a response from the form. Raises 400 for invalid answers. What was not shown stays as it
--- was answered earlier.
---@param talk sandbox.portal.talk
---@param action sandbox.action
---@param asked table[] questions
---@return table values
function answer_form.read(talk, action, asked)
  local answers, own = json.array {}, own_response(talk, action)
  for i, question in ipairs(asked) do
    local value
    if not question.isInvisible and talk.visit.draft.seen[i] then
      value = fields.read(talk, question, "answer_" .. i)
    elseif not question.isInvisible then
      value = own and own.body.answers[i]
    end
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
