-- Tests of sheet-to-chat.lua: Google's APIs are fakes. Run: jeton test
local test = require "jeton.test"

local SHEETS, CHAT = "https://sheets.googleapis.com/v4", "https://chat.googleapis.com/v1"

local function start(t, rows)
  local login = t:oauth "https://oauth2.example.com"
  t:connector("sheet", login:connector { endpoint = SHEETS })
  t:connector("chat", login:connector { endpoint = CHAT })
  t:fake(SHEETS) { ["GET /spreadsheets/S1/values/*"] = function() return { json = { values = rows } } end }
  return t:fake(CHAT) { ["POST /spaces/X1/messages"] = { json = {} } }
end

local function run(t)
  return t:run("../sheet-to-chat.lua", { args = { "S1", "X1" }, connector = "sheet" })
end

test("the first run counts the rows, the next ones post what is new", function(t)
  local rows = { { "Name", "Answer" }, { "Ann", "yes" } }
  local chat = start(t, rows)
  t:equal(run(t).stdout, "1 rows; those that follow will be posted\n")
  rows[3] = { "Bob", "", "more" }
  local done = run(t)
  t:equal(done.stdout, "posted row 3\n")
  t:equal(done.state, { ["S1!A:Z"] = 3 })
  t:like(chat:requests(), { { json = { text = "*Name*: Bob\n*3*: more" } } })
end)

test("a reply that is lost posts no row twice", function(t)
  local rows = { { "Name" } }
  local chat = start(t, rows)
  run(t)
  rows[2] = { "Ann" }
  chat { ["POST /spaces/X1/messages"] = { { broken = true }, { json = {} } } }
  t:equal(run(t).status, 0)
  local posts = chat:requests()
  t:equal(#posts, 2)
  t:equal(posts[1].query.requestId, posts[2].query.requestId)
end)
