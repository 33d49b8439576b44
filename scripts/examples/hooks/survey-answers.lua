-- Handlers of a Kaizala webhook: writes the answers to surveys into an SQLite database, and keeps their
-- pictures.
--
-- Use:   `answers` in hooks.yaml. FOLDER is where answers.db is made, and where the folder pictures must be.
--
-- Out:   table answers(survey, response, responder, name, question, answer, at). Somebody who answers again
--        replaces what he said. Handling an event again writes the same rows: nothing is counted twice.
local http = require "jeton.http"
local sqlite = require "jeton.sqlite"

local FOLDER = os.getenv "FOLDER" or "."

local db = assert(sqlite.open(FOLDER .. "/answers.db"))
db:exec [[CREATE TABLE IF NOT EXISTS answers (
  survey TEXT, response TEXT, responder TEXT, name TEXT, question TEXT, answer TEXT, at INTEGER,
  PRIMARY KEY (response, question))]]

-- Of an ID, and of a name that a phone gave, only what no path can be made of.
local function picture_name(response, i, name)
  return ("%s-%d-%s"):format(response:gsub("[^%w-]", "_"), i, name:gsub("[^%w.-]", "_"):gsub("^%.+", "_"))
end

local function keep_pictures(response, list)
  local kept = {}
  for i, media in ipairs(list) do
    local name = picture_name(response, i, media.mediaFileName or "picture")
    local path = ("%s/pictures/%s"):format(FOLDER, name)
    local reply, err = http.request { connector = true, path = media.mediaUrl, save_to = path }
    if not reply then error(err, 0) end
    kept[i] = path
  end
  return table.concat(kept, "; ")
end

local function text(response, question)
  local answer = question.answer
  if question.type == "AttachmentList" and type(answer) == "table" then
    return keep_pictures(response, answer)
  end
  if type(answer) ~= "table" then return tostring(answer) end
  if answer.lt then return ("%s, %s"):format(answer.lt, answer.lg) end
  return table.concat(answer, "; ")
end

return {
  SurveyResponse = function(event)
    local data = event.data.data
    local rows = {}
    for _, question in ipairs(data.responseDetails.responseWithQuestions) do
      if not question.isInvisible then rows[question.title] = text(data.responseId, question) end
    end
    db:transaction(function()
      db:exec("DELETE FROM answers WHERE response = ?", data.responseId)
      for title, answer in pairs(rows) do
        db:exec("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", data.actionId, data.responseId,
          data.responder, data.responderName, title, answer, event.received_at)
      end
    end)
  end,
}
