-- Sends a survey, and writes the answers to a CSV file and to an SQLite database.
--
-- Run:   jeton -c survey.yaml run survey.lua send [GROUP]     sends it; keeps its id in `jeton.state`
--        jeton -c survey.yaml run survey.lua collect [FOLDER] writes FOLDER/survey.csv and survey.db (.)
--        jeton run --sandbox survey.lua [demo [FOLDER]]       sends, answers it itself, collects
--        GROUP is an ID (default: the connector's first group).
--        As a job it takes `args: { group: ID, folder: PATH }`: the first run sends, later ones collect. See
--        survey.yaml.
--
-- Out:   a line on what was sent, or on how many answers were written. Collecting again overwrites the CSV
--        file and replaces the rows of the database.
local csv = require "jeton.csv"
local jeton = require "jeton"
local kaizala = require "kaizala"
local sqlite = require "jeton.sqlite"
local state = require "jeton.state"

local SURVEY = {
  title = "Lunch",
  due_in_hours = 48,
  questions = {
    { title = "Did you like it?", options = { "Yes", "No" } },
    { title = "What was best?", type = "MultiOption", options = { "Starter", "Main dish", "Dessert" } },
    { title = "How many stars?", type = "Numeric" },
    { title = "Anything else?" },
  },
}

local function send(kz, id)
  local group = id and kz:group(id) or kz:groups():next()
  if not group then error("the connector has access to no group", 0) end
  local survey = group:create_survey(SURVEY)
  if not survey.dry_run then
    state.set("group", group.id)
    state.set("survey", survey.id)
    state.commit()
  end
  print(("sent %s to %s"):format(survey.id, group.name or group.id))
  return survey
end

-- A value for one cell; several choices are joined.
local function cell(value)
  if type(value) == "table" then return table.concat(value, "; ") end
  return value ~= nil and tostring(value) or ""
end

local function write_csv(path, survey)
  local rows = { { "response", "responder", "name" } }
  for _, question in ipairs(survey.questions) do table.insert(rows[1], question.title) end
  for _, response in ipairs(survey.responses) do
    local row = { response.id, response.responder or "", response.responder_name or "" }
    for _, question in ipairs(survey.questions) do
      row[#row + 1] = cell(response.answers[question.title])
    end
    rows[#rows + 1] = row
  end
  csv.write(path, rows, { guard = true }) -- others wrote this
end

local function write_database(path, survey)
  local db <close> = assert(sqlite.open(path))
  db:exec [[CREATE TABLE IF NOT EXISTS answers (
    survey TEXT, response TEXT, responder TEXT, question TEXT, answer TEXT, at INTEGER,
    PRIMARY KEY (response, question))]]
  db:transaction(function()
    for _, response in ipairs(survey.responses) do
      for title, answer in pairs(response.answers) do
        db:exec("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", survey.id, response.id,
          response.responder, title, cell(answer), response.last_modified_time)
      end
    end
  end)
end

local function collect(kz, folder)
  local group, id = state.get "group", state.get "survey"
  if not id then error("nothing has been sent yet: run it with 'send' first", 0) end
  local survey = kz:group(group):action(id):details()
  write_csv(folder .. "/survey.csv", survey)
  write_database(folder .. "/survey.db", survey)
  print(("wrote %d responses to %s/survey.csv and survey.db"):format(#survey.responses, folder))
end

local args = jeton.args
local what = args[1]
if not what and os.getenv "JETON_SANDBOX_URL" and not jeton.job then what = "demo" end
if not what then what = state.get "survey" and "collect" or "send" end
local folder = args.folder or args[2] or "."
local kz = kaizala.connect()
if what == "send" then
  send(kz, args.group or args[2])
elseif what == "collect" then
  collect(kz, folder)
elseif what == "demo" then
  send(kz):respond { answers = {
    ["Did you like it?"] = "Yes", ["What was best?"] = { "Starter", "Dessert" }, ["How many stars?"] = 5,
    ["Anything else?"] = 'More "bread", please',
  } }
  collect(kz, folder)
else
  error("expected send, collect or demo, got " .. what, 0)
end
