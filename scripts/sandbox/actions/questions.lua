--- Answers to the questions of surveys and packages.
local json = require "jeton.json"
local action_fields = require "sandbox.actions.fields"
local assumptions = require "sandbox.base.assumptions"
local body = require "sandbox.http.body"
local limits = require "sandbox.base.limits"
local uploads = require "sandbox.rules.uploads"
local refusal = require "sandbox.base.refusal"
local values = require "sandbox.http.values"

local questions = {}

--- The questions of an action. A poll and a meeting are one question with options.
---@param action sandbox.action
---@return table[]|nil questions nil: the action has none
function questions.of(action)
  local options = json.array {}
  if action.type == "Poll" then
    for i, choice in ipairs(action.body.choices) do
      options[i] = { title = choice.title }
    end
  elseif action.type == "LetsMeet" then
    for i, title in ipairs(assumptions.meeting_answers) do
      options[i] = { title = title }
    end
  else
    return action.body.questions
  end
  return json.array { {
    title = action.body.question or action.body.title,
    type = "SingleOption",
    isInvisible = false,
    options = options,
  } }
end

-- One of the options, by its title.
local function check_option(name, question, value)
  for _, option in ipairs(question.options) do
    if option.title == value then
      return value
    end
  end
  local titles = {}
  for i, option in ipairs(question.options) do
    titles[i] = option.title
  end
  refusal.invalid("%s: expected one of the options %s", name, table.concat(titles, ", "))
end

local read = {}

function read.SingleOption(name, question, value)
  if values.is_list(value) and #value == 1 then
    value = value[1]
  end
  return json.array { check_option(name, question, value) }
end

function read.MultiOption(name, question, value)
  local list, seen = values.is_list(value) and value or { value }, {}
  if #list > limits.options then
    refusal.invalid("%s: at most %d options, got %d", name, limits.options, #list)
  end
  local out = json.array {}
  for _, title in ipairs(list) do
    check_option(name, question, title)
    if not seen[title] then
      seen[title] = true
      out[#out + 1] = title
    end
  end
  return out
end

for kind, field in pairs(action_fields.ANSWERS) do
  read[kind] = function(name, _, value)
    return body.value(field, value, name)
  end
end

function read.Image(name, _, value, call)
  uploads.need(call, name, value)
  return value
end

function read.AttachmentList(name, _, value, call)
  local list = values.is_list(value) and value or { value }
  if #list > limits.attachments_per_answer then
    refusal.invalid("%s: at most %d entries, got %d", name, limits.attachments_per_answer, #list)
  end
  local out = json.array {}
  for i, item in ipairs(list) do
    out[i] = read.Image(("%s[%d]"):format(name, i - 1), nil, item, call)
  end
  return out
end

--- Checks answers against the questions, one for each and in their order.
---@param call sandbox.call
---@param list table[] questions
---@param answers table as the client sent them
---@return table checked `json.null` for unanswered questions
function questions.check_answers(call, list, answers)
  if #answers ~= #list then
    refusal.invalid("actionBody.answers: expected %d, one for each question, got %d", #list, #answers)
  end
  local out = json.array {}
  for i, question in ipairs(list) do
    local name, value = ("actionBody.answers[%d]"):format(i - 1), answers[i]
    if value == json.null then
      if not assumptions.unanswered_allowed then
        refusal.invalid("%s: expected an answer", name)
      end
      out[i] = json.null
    else
      out[i] = read[question.type](name, question, value, call)
    end
  end
  return out
end

-- An answer for replies, as in the service's webhooks: dates as milliseconds, media as URLs.
local show = {}

function show.DateTime(_, value)
  return value * 1000
end
show.Date = show.DateTime

function show.Image(root, value, db)
  return uploads.show(db, root, value)[1]
end

function show.AttachmentList(root, value, db)
  local out = json.array {}
  for _, text in ipairs(value) do
    for _, shown in ipairs(uploads.show(db, root, text)) do
      out[#out + 1] = shown
    end
  end
  return out
end

--- Answers for replies.
---@param db table
---@param root string of the sandbox
---@param list table[] questions
---@param answers table from check_answers
---@return table
function questions.show_answers(db, root, list, answers)
  if #list == 0 then
    return json.array(answers)
  end
  local out = json.array {}
  for i, question in ipairs(list) do
    local value, fn = answers[i], show[question.type]
    out[i] = (value == json.null or not fn) and value or fn(root, value, db)
  end
  return out
end

return questions
