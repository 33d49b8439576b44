-- Asks everybody in the morning where they are, and reports the answers later, with times in local time.
--
-- Run:   jeton run --sandbox attendance.lua [GROUP [FOLDER]]
--        TZ=Asia/Kolkata jeton -c attendance.yaml run attendance.lua [GROUP [FOLDER]]
--        GROUP is an ID (default: the connector's first group), also of a public group; FOLDER is for the
--        report (default: .). TZ is the time zone for times and days: the group's, not this machine's.
--        As a job it takes `args: { group: ID, folder: PATH }` and `environment: { TZ: … }`, and runs
--        several times a day; see attendance.yaml.
--
-- Out:   the first run of a day sends a survey. Each later one writes FOLDER/attendance-DATE.csv and prints
--        how many have answered; the first of these also reminds the others. Today's survey is kept in
--        `jeton.state`.
local csv = require "jeton.csv"
local jeton = require "jeton"
local kaizala = require "kaizala"
local state = require "jeton.state"

local QUESTION = "Where are you today?"
local CHOICES = { "Office", "Home", "Away" }
local OPEN_HOURS = 12

local function ask(group, today)
  local survey = group:create_survey {
    title = "Attendance, " .. today,
    questions = { { title = QUESTION, options = CHOICES } },
    due_in_hours = OPEN_HOURS,
    visible_to = "admins",
    all_subscribers = group.type == "ConnectGroup" or nil,
  }
  state.set("asked", { day = today, survey = survey.id })
  state.commit()
  print(("asked %s"):format(group.name))
end

-- A row for everybody in the group, and the numbers of those who have not answered.
local function read_answers(group, survey)
  local answers, rows, missing = {}, { { "name", "phone", "answer", "answered_at" } }, {}
  for _, response in ipairs(survey:details().responses) do answers[response.responder] = response end
  local people = group.type == "ConnectGroup" and group:subscribers() or group:members()
  for person in people do
    local response, row = answers[person.mobile_number], { person.name or "", person.mobile_number, "", "" }
    if response then
      row[3] = response.answers[QUESTION]
      row[4] = os.date("%Y-%m-%d %H:%M %Z", response.last_modified_time)
    else
      missing[#missing + 1] = person.mobile_number
    end
    rows[#rows + 1] = row
  end
  return rows, missing
end

local function remind(group, survey, missing)
  if group.type == "ConnectGroup" then
    survey:remind { subscribers = missing }
  else
    survey:remind() -- here the service can only remind the whole group
  end
end

local function report(group, asked, folder)
  local survey = group:action(asked.survey)
  local rows, missing = read_answers(group, survey)
  local path = ("%s/attendance-%s.csv"):format(folder, asked.day)
  csv.write(path, rows, { guard = true }) -- others wrote this
  print(("%d of %d answered; wrote %s"):format(#rows - 1 - #missing, #rows - 1, path))
  if #missing > 0 and not asked.reminded then
    remind(group, survey, missing)
    asked.reminded = true
    state.set("asked", asked)
    print(("reminded %d"):format(#missing))
  end
end

local args = jeton.args
local kz = kaizala.connect()
local id = args.group or args[1]
local group = id and kz:group(id) or kz:groups():next()
if not group then error("the connector has access to no group", 0) end
group:details()
local today, asked = os.date "%Y-%m-%d", state.get "asked"
if asked and asked.day == today then
  report(group, asked, args.folder or args[2] or ".")
else
  ask(group, today)
end
