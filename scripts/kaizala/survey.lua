--- Questions and answers by the question's title. On the wire, answers are a list in the order of the
--- questions.
local check = require "kaizala.check"
local json = require "jeton.json"
local names = require "kaizala.names"

local survey = {}

---@alias kaizala.QuestionType "SingleOption"|"MultiOption"|"Text"|"Image"|"Numeric"|"Date"|"DateTime"
---|"Location"|"AttachmentList"

---@class kaizala.Question
---@field title string unique in a survey
---@field type? kaizala.QuestionType SingleOption if there are options, else Text
---@field options? string[] of SingleOption and MultiOption
---@field invisible? boolean

local question_keys = { "title", "type", "options", "invisible" }
local needs_options = { SingleOption = true, MultiOption = true }
local TYPES = {
  "SingleOption", "MultiOption", "Text", "Image", "Numeric", "Date", "DateTime", "Location", "AttachmentList",
}

local function invalid(format, ...)
  check.fail("invalid", format:format(...))
end

local function is_list(value)
  return type(value) == "table" and value ~= json.null and (#value > 0 or next(value) == nil)
end

local function write_options(options, kind, where)
  if not is_list(options) or #options == 0 then
    invalid("%s: a %s question needs options, a list of titles", where, kind)
  end
  check.whole(options, where .. ": options")
  local list, seen = json.array {}, {}
  for i, title in ipairs(options) do
    check.name(title, ("%s: options[%d], a title,"):format(where, i))
    if seen[title] then invalid("%s: there is another option '%s'; answers go by the title", where, title) end
    list[i], seen[title] = { title = title }, true
  end
  return list
end

local function write_question(question, where)
  check.options(question, where, question_keys)
  check.name(question.title, where .. ": title")
  local kind = question.type or (question.options and "SingleOption" or "Text")
  check.word(kind, TYPES, where .. ": type")
  check.optional(question.invisible, "boolean", where .. ": invisible")
  local options
  if needs_options[kind] then
    options = write_options(question.options, kind, where)
  elseif question.options then
    invalid("%s: a %s question has no options", where, kind)
  end
  return { title = question.title, type = kind, options = options, isInvisible = question.invisible }
end

--- Writes questions. Raises `invalid` for a choice without options and for a duplicate title.
---@param list kaizala.Question[]
---@param what string for messages: "create_survey"
---@return table[] questions as on the wire
function survey.write(list, what)
  if not is_list(list) or #list == 0 then
    invalid("%s: questions must be a list of at least one question, as { { title = \"…\" } }", what)
  end
  check.whole(list, what .. ": questions")
  local out, seen = json.array {}, {}
  for i, question in ipairs(list) do
    local where = ("%s: questions[%d]"):format(what, i)
    if type(question) ~= "table" then
      invalid("%s must be a table, as { title = \"…\", options = { \"…\", \"…\" } }", where)
    end
    out[i] = write_question(question, where)
    if seen[question.title] then
      invalid("%s: there is another question '%s'; answers go by the title", where, question.title)
    end
    seen[question.title] = true
  end
  return out
end

--- Checks the options of a question of a reply, if it has some; raises `invalid`.
---@param question table as on the wire
---@param request string for the error
function survey.check_options(question, request)
  if question.options == nil or question.options == json.null then return end
  for _, option in ipairs(check.reply(question.options, "options", "list", request)) do
    check.reply(option, "options[]", "object", request)
    check.reply(option.title, "title", "string", request)
  end
end

--- Makes titles differ, since answers go by them: people can make a survey with two questions of one title.
--- The second is `TITLE (2)`.
---@param questions table[] whose titles it changes
---@return table[] questions
function survey.number(questions)
  local titles, seen = {}, {}
  for _, question in ipairs(questions) do titles[question.title or ""] = true end
  for _, question in ipairs(questions) do
    local title, count = question.title or "", 1
    if seen[title] then
      repeat
        count = count + 1
        question.title = ("%s (%d)"):format(title, count)
      until not titles[question.title]
      titles[question.title] = true
    end
    seen[title] = true
  end
  return questions
end

local write = {}

-- The values of an answer that may have several.
local function several(value, where)
  if not is_list(value) then return { value } end
  check.whole(value, where)
  return value
end

local function check_option(question, value, where)
  local titles = {}
  for i, option in ipairs(question.options or {}) do
    if option.title == value then return value end
    titles[i] = option.title
  end
  if type(value) ~= "string" then invalid("%s must be an option's title, got %s", where, type(value)) end
  invalid("%s: '%s' is none of the options %s", where, value, table.concat(titles, ", "))
end

write.SingleOption = function(question, value, where)
  return json.array { check_option(question, value, where) }
end

write.MultiOption = function(question, value, where)
  local out = json.array {}
  for i, title in ipairs(several(value, where)) do
    out[i] = check_option(question, title, where)
  end
  return out
end

write.Numeric = function(_, value, where)
  return type(value) == "number" and value or invalid("%s must be a number", where)
end

write.DateTime = function(_, value, where)
  if type(value) ~= "number" or not math.tointeger(value) then
    invalid("%s must be a time in whole epoch seconds", where)
  end
  check.time(value, where)
  return math.tointeger(value)
end
write.Date = write.DateTime

write.Location = function(_, value, where)
  if type(value) ~= "table" or type(value.latitude) ~= "number" or type(value.longitude) ~= "number" then
    invalid("%s must be a table with latitude and longitude, numbers of degrees", where)
  end
  local place = assert(check.place(value, where))
  return { lt = place.latitude, lg = place.longitude, n = place.name }
end

write.Text = function(_, value, where)
  return type(value) == "string" and value or invalid("%s must be a string", where)
end
write.Image = write.Text

write.AttachmentList = function(_, value, where)
  local out = json.array {}
  for i, resource in ipairs(several(value, where)) do
    out[i] = write.Text(nil, resource, where)
  end
  return out
end

--- Writes answers. Raises for an unknown title, and for a value of the wrong kind.
---@param questions table[] as on the wire
---@param answers table<string, any> by title; missing ones are not answered
---@return table list as on the wire
function survey.answers(questions, answers)
  local out, known = json.array {}, {}
  for i, question in ipairs(questions) do
    local value = answers[question.title]
    known[question.title] = true
    if value == nil then
      out[i] = json.null
    else
      local fn = write[question.type] or write.Text
      out[i] = fn(question, value, ("respond: the answer to '%s'"):format(question.title))
    end
  end
  for title in pairs(answers) do
    if not known[title] then invalid("respond: there is no question '%s'", tostring(title)) end
  end
  return out
end

local read = {}

read.SingleOption = function(value)
  return type(value) == "table" and value[1] or value
end

read.DateTime = function(value)
  local number = math.tointeger(value)
  return number and number // 1000 or value
end
read.Date = read.DateTime

read.AttachmentList = function(value)
  return type(value) == "table" and names.list(value, "media") or value
end

read.Location = function(value)
  if type(value) ~= "table" then return value end
  return { latitude = value.lt, longitude = value.lg, name = check.given(value.n) }
end

--- Reads answers.
---@param questions table[] as on the wire
---@param list table as on the wire
---@return table<string, any> answers by title: a choice is its option's title, several are a list, a date
--- is epoch seconds, a place `{latitude=, longitude=, name=}`, files a list of `{url=, file_name=}`
function survey.read(questions, list)
  local answers = {}
  for i, question in ipairs(questions) do
    local value, fn = list[i], read[question.type]
    if value ~= nil and value ~= json.null then
      answers[question.title] = fn and fn(value) or value
    end
  end
  return answers
end

return survey
