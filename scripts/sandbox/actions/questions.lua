--- Questions of surveys and packages, and answers to them.
local json = require "jeton.json"
local assumptions = require "sandbox.assumptions"
local body = require "sandbox.http.body"
local limits = require "sandbox.limits"
local media_resource = require "sandbox.media_resource"
local reply = require "sandbox.http.reply"

local questions = {}

local TYPES = {
  "SingleOption", "MultiOption", "Text", "Image", "Numeric", "Date", "DateTime", "Location",
  "AttachmentList",
}
local HAS_OPTIONS = { SingleOption = true, MultiOption = true }

---@type sandbox.field[]
questions.FIELDS = {
  { "title", kind = "string", required = true, not_empty = true, max = limits.title_characters },
  { "type", kind = "choice", choices = TYPES, required = true },
  { "isInvisible", kind = "boolean", default = false },
  { "options", kind = "list", max = limits.options, of = {
    { "title", kind = "string", required = true, not_empty = true, max = limits.title_characters },
  } },
}
local PLACE_FIELDS = {
  { "lt", kind = "number", aliases = { "latitude" }, required = true },
  { "lg", kind = "number", aliases = { "longitude" }, required = true },
  { "n", kind = "string", aliases = { "name" }, max = limits.title_characters, default = "" },
}

--- Refuses a choice question without options, and drops the options of others.
---@param list table[] read by FIELDS
---@param name string for messages: "actionBody.questions"
---@return table[] list
function questions.check(list, name)
  for i, question in ipairs(list) do
    if not HAS_OPTIONS[question.type] then
      question.options = nil
    elseif #(question.options or {}) == 0 then
      reply.invalid("%s[%d].options: a %s question needs options", name, i - 1, question.type)
    end
  end
  return list
end

local function expect(name, what)
  reply.invalid("%s: expected %s", name, what)
end

local function is_list(value)
  return type(value) == "table" and value ~= json.null and json.is_array(value)
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
  expect(name, "one of the options " .. table.concat(titles, ", "))
end

local read = {}

function read.SingleOption(name, question, value)
  if is_list(value) and #value == 1 then
    value = value[1]
  end
  return json.array { check_option(name, question, value) }
end

function read.MultiOption(name, question, value)
  local list, seen = is_list(value) and value or { value }, {}
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

function read.Text(name, _, value)
  return body.check({ { name, kind = "string", max = limits.answer_characters } }, { [name] = value })[name]
end

function read.Numeric(name, _, value)
  return type(value) == "number" and value or expect(name, "a number")
end

function read.DateTime(name, _, value)
  local is_date = math.type(value) == "integer" and value >= -limits.date_s and value <= limits.date_s
  return is_date and value or expect(name, "a date as epoch seconds, an integer")
end
read.Date = read.DateTime

function read.Location(name, _, value)
  if type(value) ~= "table" or value == json.null or json.is_array(value) then
    expect(name, 'an object such as {"lt": 48.86, "lg": 2.35, "n": "Paris"}')
  end
  return body.check(PLACE_FIELDS, value, name .. ".")
end

function read.Image(name, _, value, call)
  media_resource.need(call, name, value)
  return value
end

function read.AttachmentList(name, _, value, call)
  local list = is_list(value) and value or { value }
  if #list > limits.attachments_per_answer then
    reply.invalid("%s: at most %d entries, got %d", name, limits.attachments_per_answer, #list)
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
---@return table checked `json.null` for what was not answered
function questions.check_answers(call, list, answers)
  if #answers ~= #list then
    reply.invalid("actionBody.answers: expected %d, one for each question, got %d", #list, #answers)
  end
  local out = json.array {}
  for i, question in ipairs(list) do
    local name, value = ("actionBody.answers[%d]"):format(i - 1), answers[i]
    if value == json.null then
      if not assumptions.unanswered_allowed then
        expect(name, "an answer")
      end
      out[i] = json.null
    else
      out[i] = read[question.type](name, question, value, call)
    end
  end
  return out
end

-- How the service shows an answer, as in its webhooks: dates are milliseconds, media URLs.
local show = {}

function show.DateTime(_, value)
  return value * 1000
end
show.Date = show.DateTime

local function show_media(root, text)
  local resource = assert(media_resource.decode(text))
  return { mediaUrl = media_resource.url(root, resource), mediaFileName = resource.name }
end

function show.Image(root, value)
  return show_media(root, value)
end

function show.AttachmentList(root, value)
  local out = json.array {}
  for i, text in ipairs(value) do
    out[i] = show_media(root, text)
  end
  return out
end

--- Answers as the wire shows them.
---@param root string of the sandbox
---@param list table[] questions
---@param answers table as check_answers made them
---@return table
function questions.show_answers(root, list, answers)
  local out = json.array {}
  for i, question in ipairs(list) do
    local value, fn = answers[i], show[question.type]
    out[i] = (value == json.null or not fn) and value or fn(root, value)
  end
  return out
end

return questions
