-- Replies with impossible shapes: every value of a real reply becomes every other kind of value, in every
-- call that reads one. What comes is a result, or an err that says what was wrong; never Lua's own error.
local http = require "jeton.http"
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local sdk = require "sdk"

local REQUESTS_MAX, DEPTH_MAX = 20, 6

local kz = kaizala.connect()
local request = http.request

-- What takes the place of a value, as JSON; the last removes it.
local WRONG = {
  "null", "true", "0", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "1e300",
  "1e400", "0.5", '""', '"x"', '"\\u0000"', "{}", "[]", "[null]", "[[]]", '["x"]', "[1]", "[{}]",
  '{"x":1}', '{"1":[]}',
  ("["):rep(100) .. ("]"):rep(100), false,
}

-- The paths to all values within, as lists of keys; the empty one first. Of a list, the first item.
local function paths_of(value, path, all)
  all[#all + 1] = path
  if type(value) == "table" and #path < DEPTH_MAX then
    for key, inner in pairs(value) do
      if key == 1 or type(key) == "string" then
        local longer = table.move(path, 1, #path, 1, {})
        longer[#longer + 1] = key
        paths_of(inner, longer, all)
      end
    end
  end
  return all
end

-- The text with the value at the path replaced.
local function replaced(text, path, wrong)
  if #path == 0 then return wrong or "" end
  local root = assert(json.decode(text))
  local inner = root
  for i = 1, #path - 1 do inner = inner[path[i]] end
  if not wrong then
    inner[path[#path]] = path[#path] == 1 and json.null or nil
    return json.encode(root)
  end
  inner[path[#path]] = "@wrong@"
  return (json.encode(root):gsub('"@wrong@"', (wrong:gsub("%%", "%%%%"))))
end

local function response_of(text)
  return setmetatable({ status = 200, headers = {}, body = text },
    { __index = { json = function(self) return json.decode(self.body, { mend = true }) end } })
end

-- Takes what a call gave as a script would.
local function use(value)
  if type(value) ~= "table" or getmetatable(value) == nil then return end
  if getmetatable(value).__name == "kaizala.Iterator" then
    for _ = 1, 50 do
      if value:next() == nil then break end
    end
  end
end

local group, group_name, public, action, survey, bot

local CALLS = {
  me = function() kz:me() end,
  groups = function() use(kz:groups { details = true, all = true }) end,
  group_named = function() kz:group_named(group_name) end,
  find_groups = function() use(kz:find_groups "a") end,
  create_group = function() kz:create_group { name = "x", members = { sdk.bruno } } end,
  details = function() kz:group(sdk.group):details() end,
  members = function() use(group:members()) end,
  add_members = function() group:add_members { "+33100000077" } end,
  send_message = function() group:send_message "x" end,
  subgroups = function() use(group:subgroups { all = true }) end,
  subscribers = function() use(public:subscribers()) end,
  add_subscribers = function() public:add_subscribers { "+33100000078" } end,
  remove_subscribers = function() public:remove_subscribers { "+33100000078" } end,
  announce = function() group:announce { message = "x" } end,
  create_job = function() group:create_job { title = "x", assigned_to = { sdk.bruno }, due_in_hours = 1 } end,
  create_poll = function() group:create_poll { question = "x", choices = { "a" }, expires_in_hours = 1 } end,
  actions = function() use(group:actions()) end,
  jobs = function() use(group:actions { type = "Job" }) end,
  action = function()
    local one = group:action(action.id)
    one.reference_id = action.reference_id
    one:details()
    one:like() -- with what the details have left
  end,
  survey = function() group:action(survey):details() end,
  answer = function() group:action(survey):respond { answers = { Why = "x" } } end,
  like = function() action:like() end,
  comment = function() action:comment "x" end,
  summary = function() group:reaction_summary(action.reference_id or action.id) end,
  summaries = function() use(group:reaction_summaries()) end,
  reactions = function() use(group:reactions(action.reference_id or action.id, { type = "Comment" })) end,
  bots = function() use(kz:bots()) end,
  bot_token = function() bot:token() end,
  webhooks = function() use(kz:webhooks {}) end,
}

local TestShapes = {}

function TestShapes.setUp()
  sdk.reset()
  group = kz:group(sdk.group)
  group_name = kz:group(sdk.group):details().name
  public = kz:create_group { name = "P", type = "ConnectGroup", members = { sdk.bruno } }
  action = group:create_job { title = "x", assigned_to = { sdk.alice }, due_in_hours = 1 }
  survey = group:create_survey { title = "S", questions = { { title = "Why" } }, repeatable = true }.id
  bot = kz:create_bot { name = "b" }
  action:comment "x"
end

-- The replies that a call reads, as texts in order; nil if it fails.
local function record(call)
  local texts = {}
  http.request = function(options)
    local response, err = request(options)
    if response then texts[#texts + 1] = response.body end
    return response, err
  end
  local ok, err = pcall(call)
  http.request = request
  return texts, not ok and err or nil
end

-- The call with the reply `at` replaced, and the others as they were.
local function play(call, texts, at, text)
  local asked = 0
  http.request = function()
    asked = asked + 1
    if asked > REQUESTS_MAX then error("it asks for ever", 0) end
    return response_of(asked == at and text or texts[asked] or texts[#texts])
  end
  local ok, err = pcall(call)
  http.request = request
  return ok, err
end

function TestShapes.test_every_value_of_every_reply()
  local tried, bad, order = 0, {}, {}
  for name in pairs(CALLS) do order[#order + 1] = name end
  table.sort(order)
  for _, name in ipairs(order) do
    local call = CALLS[name]
    local texts, failed = record(call)
    lu.assertNil(failed, name .. ": " .. tostring(failed))
    lu.assertTrue(#texts > 0, name)
    for at, text in ipairs(texts) do
      for _, path in ipairs(paths_of(assert(json.decode(text)), {}, {})) do
        for _, wrong in ipairs(WRONG) do
          tried = tried + 1
          local ok, err = play(call, texts, at, replaced(text, path, wrong))
          if not ok and type(err) ~= "table" then
            local where = table.concat(path, ".")
            bad[#bad + 1] = ("%s, %s = %s: %s"):format(name, where, tostring(wrong):sub(1, 30), tostring(err))
          end
        end
      end
    end
  end
  lu.assertTrue(tried > 1000, tried)
  if #bad > 0 then lu.fail(#bad .. " of them, such as " .. table.concat(bad, "\n", 1, math.min(#bad, 20))) end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestShapes", TestShapes } })
