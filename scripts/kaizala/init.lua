--- The Kaizala SDK: groups, members and messages, with the connectors of the configuration.
---
---     local kz = require "kaizala".connect()
---     for group in kz:groups() do print(group.id, group.name) end
---
--- Functions raise an err (a table with `kind`, `message`, `status`, `code`, `retryable`,
--- `request`) when the service or the network fails, and a string with the position on misuse.
local check = require "kaizala.check"
local client = require "kaizala.client"
local later = require "kaizala.later"
local token = require "jeton.token"

local Client = client.Client
local Group = require "kaizala.group".Group
later.methods(Group, "kaizala.actions",
  "announce", "create_job", "create_poll", "schedule_meeting", "create_survey", "send_action", "action",
  "actions")
later.methods(Client, "kaizala.bots", "bot", "bots", "create_bot")
later.methods(Group, "kaizala.bots", "add_bot")
later.methods(Client, "kaizala.media", "upload")
later.methods(Group, "kaizala.media", "send_image", "send_album", "send_document", "send_audio", "send_video")
later.methods(Group, "kaizala.reactions",
  "react", "like", "comment", "reaction_summary", "reaction_summaries", "reactions")
later.methods(Group, "kaizala.subgroups", "subgroups", "create_subgroup", "add_subgroups", "remove_subgroup")
later.methods(Group, "kaizala.subscribers", "subscribers", "add_subscribers", "remove_subscribers")
later.methods(Client, "kaizala.webhooks", "webhook", "webhooks", "create_webhook")

local kaizala = {}

--- Chooses a connector; no request yet.
---@param name? string of a configured connector; else the run's (`-C`, or the job's), else the only
--- one of provider kaizala
---@return kaizala.Client client raises an err of kind `config` when there is no such connector, or
--- several and none was named, or it is of another provider
function kaizala.connect(name)
  if name ~= nil and type(name) ~= "string" then
    local hint = name == kaizala and ": call it with a point, kaizala.connect()" or ""
    check.misuse(("connect: name must be a string, got %s%s"):format(type(name), hint))
  end
  local connector, err = token.connector(name, "kaizala")
  if not connector then error(err, 0) end
  return client.new(connector)
end

--- What somebody answered, of the event of a webhook. Questions that the asker has hidden are left out.
---@param event jeton.Event with a response to a survey, a poll, a meeting or a package
---@return table<string, any> answers by the question's title, in the form of a response's: a choice is its
--- option's title, several are a list, a date is epoch seconds, a place `{latitude=, longitude=, name=}`,
--- files are a list of `{url=, file_name=}`
function kaizala.answers(event)
  local body = type(event) == "table" and event.data
  local details = type(body) == "table" and type(body.data) == "table" and body.data.responseDetails
  local questions = type(details) == "table" and details.responseWithQuestions
  if type(questions) ~= "table" then
    check.misuse "answers: expected the event of a response with questions, as SurveyResponse"
  end
  local survey, asked, values = require "kaizala.survey", {}, {}
  for i, question in ipairs(questions) do
    asked[i] = { title = question.title, type = question.type }
    values[i] = not check.given(question.isInvisible) and question.answer or nil
  end
  return survey.read(survey.number(asked), values)
end

return kaizala
