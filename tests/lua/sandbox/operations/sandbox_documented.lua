-- The replies that the reference of the hosted service documents, or that clients of it rely on, field by
-- field: that each is there, of its type and in its place. More fields than these are allowed.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local names = require "kaizala.names"
local receivers = require "receivers"
local signing_in = require "signing_in"
local wire = require "wire"

-- A shape is the name of a type, a table of them for an object, or a list of one shape for a list whose
-- entries are like it; there must be at least one. "?" at the end of a key: it may be left out.
local IS = {
  text = function(value) return type(value) == "string" end,
  boolean = function(value) return type(value) == "boolean" end,
  integer = function(value) return math.type(value) == "integer" end,
  number = function(value) return type(value) == "number" end,
  guid = function(value)
    return type(value) == "string" and value:find "^%x+%-%x+%-%x+%-%x+%-%x+@?%d*$" and #value >= 36
  end,
  phone = function(value) return type(value) == "string" and value:find "^%+%d+$" end,
  url = function(value) return type(value) == "string" and value:find "^https?://[^/]+/" end,
  time = function(value)
    return type(value) == "string" and value:find "^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$"
      and names.iso_time(value) ~= nil
  end,
  seconds = function(value) return math.type(value) == "integer" and value > 1e9 and value < 1e11 end,
  milliseconds = function(value) return math.type(value) == "integer" and value > 1e12 and value < 1e14 end,
  ticks = function(value) return math.type(value) == "integer" and value > 6e17 end,
  list = function(value) return type(value) == "table" and json.is_array(value) end,
}

local function check(name, value, shape)
  if type(shape) == "string" then
    local is = shape:find '^"' and function(given) return given == shape:sub(2, -2) end or IS[shape]
    if not is(value) then
      error(("%s: expected %s, got %s"):format(name, shape, json.encode(value)), 0)
    end
  elseif type(value) ~= "table" or value == json.null or json.is_array(value) ~= (shape[1] ~= nil) then
    local what = shape[1] and "a list" or "an object"
    error(("%s: expected %s, got %s"):format(name, what, json.encode(value)), 0)
  elseif shape[1] then
    if #value == 0 then error(name .. ": no entries", 0) end
    for i, item in ipairs(value) do check(("%s[%d]"):format(name, i), item, shape[1]) end
  else
    for key, inner in pairs(shape) do
      local plain = key:gsub("%?$", "")
      if value[plain] ~= nil or plain == key then check(name .. "." .. plain, value[plain], inner) end
    end
  end
end

local function join(...)
  local out = {}
  for _, shape in ipairs { ... } do
    for key, inner in pairs(shape) do out[key] = inner end
  end
  return out
end

local receiver = receivers.start()
local SALES, NEWS = "/v1/groups/" .. wire.sales, "/v1/groups/" .. wire.news

local function call(method, path, body, token)
  return (wire.ok(method, path, { token = token or wire.access(), body = body }))
end
local function get(path, token) return call("GET", path, nil, token) end

-- Sends an action to Sales and gives its id. The bodies are as loose as the documented ones.
local function sent(body) return call("POST", SALES .. "/actions", body).actionId end
local function job()
  return sent '{actionType:"Job", actionBody:{title:"Call", assignedTo:["+33100000002"]}}'
end
local function poll()
  return sent('{actionType:"Poll", actionBody:{question:"Tea?", choices:[{title:"Yes", image:"'
    .. wire.upload "Image" .. '"}, {title:"No"}], expiryInHours:10}}')
end
local function meeting()
  return sent [[{actionType:"LetsMeet", actionBody:{title:"Plan",
    startingTime:"2030-01-01T00:00:00Z", duration:45,
    place:{"latitude":15.0, "longitude":96.0, "name":"Here"},
    agenda:"All", isSenderOnly:false}}]]
end
local QUESTIONS = [[questions: [ { title: "1", type: "Text" },
  { title: "2", type: "SingleOption", options: [{title:"A"},{title:"B"}] },
  { title: "3", type: "MultiOption", options: [{title:"A"},{title:"B"}] }, { title: "4", type: "Numeric" },
  { title: "5", type: "Location" }, { title: "6", type: "DateTime" }, { title: "7", type: "Image" } ]
]]
local function survey(head)
  return sent('{' .. (head or 'actionType: "Survey"') .. [[, actionBody: { isAnonymous:false,
    isSenderOnly:false, acceptMultipleResponses:true, dueDate:10, title: "Lunch", ]] .. QUESTIONS .. "}}")
end
local function answers(head)
  return "{" .. head .. [[, "actionBody": { "responseName": "x", "responseLocation":
    {"latitude": 1, "longitude": 1, "name": "Here"}, "Answers": ["text", "A", ["A", "B"], 123,
    {"lt": 1, "lg": 1, "n": "Here"}, 1500377471, "]] .. wire.upload "Image" .. '"] } }'
end
local function message(path)
  return call("POST", (path or SALES) .. "/messages", '{"message": "Hello"}').referenceId
end
local function liked()
  local reference = message()
  local body = ('{"comment":"Good", "referenceId":"%s", "sourceGroupId":"%s", "reactionType":"Comment"}')
    :format(reference, wire.sales)
  return reference, call("POST", SALES .. "/reaction", body)
end
local function listed(kind) return get(SALES .. "/actions?actionType=" .. kind) end

local TOKEN = {
  accessToken = "text", endpointUrl = "url", accessTokenExpiry = "milliseconds", refreshToken = "text",
  scope = "text",
}
local SHORT_GROUP = { groupId = "guid", groupName = "text", groupImageUrl = "text" }
local GROUP = join(SHORT_GROUP, {
  hasSubGroups = "boolean", hasParentGroups = "boolean", callerRole = '"Admin"',
  currentLevelSubGroupCount = "integer", currentLevelParentGroupCount = "integer", userCount = "integer",
  uniqueUserCount = "integer", currentLevelUserCount = "integer",
  currentLevelUnProvisionedUserCount = "integer", unProvisionedUserCount = "integer",
  isMappedToTenant = "boolean", groupType = "text", isDuplicate = "boolean", isEditable = "boolean",
  isDetailsReadable = "boolean", welcomeMessage = "text",
})
local DONE = { result = '"true"' }
local SUBSCRIBER = {
  id = "guid", mobileNumber = "phone", name = "text", profilePic = "text", isProvisioned = "boolean",
}
local WEBHOOK = {
  id = "guid", objectId = "text", objectType = '"Group"', events = { "text" }, filters = "list",
  callbackUrl = "url", callbackToken = "text", callbackContext = "text", ts = "milliseconds",
  validity = "milliseconds", active = "boolean",
}
local REACTIONS = { referenceId = "guid", reactionsCountMap = { like = "integer", comment = "integer" } }
local RESPONSE = { responseId = "guid" }

-- A list of actions of one type.
local function actions_of(kind, body)
  return {
    hasMore = "boolean",
    actions = { {
      referenceId = "guid", actionType = ('"%s"'):format(kind), sender = "phone", creationTime = "seconds",
      sentAt = "time", actionBody = body,
    } },
  }
end
local JOB = {
  actionId = "guid", title = "text", assigneeCount = "integer", responseCount = "integer",
  isCompleted = "boolean",
}
local POLL = {
  actionId = "guid", question = "text", isSenderOnly = "boolean", expiryDate = "time",
  choices = { { title = "text", ["image?"] = "url" } },
}
local MEETING = {
  actionId = "guid", title = "text", startingTime = "time", agenda = "text", duration = "integer",
  isSenderOnly = "boolean", place = { latitude = "number", longitude = "number", name = "text" },
}
local SURVEY = { actionId = "guid", title = "text", responseCount = "integer", expiryDate = "time" }
local function details_of(kind, body)
  return { actionType = ('"%s"'):format(kind), actionDetails = body, sender = "phone", sentAt = "time" }
end

-- Each: what asks for it, and its shape.
local DOCUMENTED = {
  access_token = { function() return wire.exchange() end, TOKEN },
  generate_pin = { function()
    return call("POST", "/v1/generatePin",
      ('{"mobileNumber": "%s", "applicationId": "%s"}'):format(wire.bruno, wire.application_id))
  end, {} },
  refresh_token_by_pin = { function()
    call("POST", "/v1/generatePin",
      ('{"mobileNumber": "%s", "applicationId": "%s"}'):format(wire.bruno, wire.application_id))
    return call("POST", "/v1/loginWithPinAndApplicationId",
      ('{"mobileNumber": "%s", "applicationId": "%s", "pin": %s}')
        :format(wire.bruno, wire.application_id, signing_in.pin(wire.bruno)))
  end, { refreshToken = "text", grantedScope = "text", refreshTokenExpiry = "milliseconds" } },
  token_by_oauth = { function()
    return (wire.ok("POST", "/api/oauth/token", {
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
      body = ("client_id=%s&client_secret=%s&code=%s"):format(wire.application_id, wire.secret,
        signing_in.code(wire.bruno)),
    }))
  end, TOKEN },
  group_created = { function()
    return call("POST", "/v1/groups", [[{ name:"Field", welcomeMessage:"Welcome",
      members:["+911099999999"], groupType: "Group" }]])
  end, { groupName = "text", groupId = "guid", membersAdded = "boolean" } },
  group_created_by_a_group_token = { function()
    return call("POST", "/v1/groups", '{name:"Field", welcomeMessage:"x"}', wire.access(wire.group_token))
  end, { groupId = "guid", membersAdded = "boolean", isAddedAsSubGroup = "boolean" } },
  groups = { function() return get "/v1/groups?showDetail=true&fetchAllGroups=true" end,
    { groups = { GROUP } } },
  group = { function() return get("/groups/" .. wire.sales) end, join(GROUP, { groups = { GROUP } }) },
  subgroups = { function() return get(SALES .. "/subGroups") end, join(GROUP, {
    subGroups = { GROUP }, groups = { join(GROUP, { subGroups = { GROUP } }) },
  }) },
  subgroup_created = { function()
    return call("POST", SALES .. "/subGroups", [[{ "groupName": "South", "groupImageUrl": "",
      "members": [ "+919652000000", "+919910000005"], "welcomeMessage": "Hello", "addUserToGroup": false }]])
  end, { groupId = "guid", groupName = "text" } },
  public_subgroup_created = { function()
    local made = call("POST", SALES .. "/subgroups", [[{ name: "South", welcomeMessage: "Hello",
      members: [], groupType: "ConnectGroup" }]])
    return get("/v1/groups/" .. made.groupId)
  end, { groupId = "guid", groupName = '"South"', groupType = '"ConnectGroup"' } },
  members = { function() return get(SALES .. "/members") end, { members = { {
    id = "guid", role = "text", mobileNumber = "phone", isProvisioned = "boolean", name = "text",
    profilePic = "text",
  } } } },
  members_added = { function()
    return call("PUT", SALES .. "/members", '{"members": ["+91700000000", "+91900000000"]}')
  end, DONE },
  member_removed = { function()
    return call("DELETE", SALES .. "/members/c3d2e5b4-6d70-4c81-ae9f-102d3c4e5f63")
  end, DONE },
  message = { function() return call("POST", SALES .. "/messages", '{"message": "Hello"}') end,
    { referenceId = "guid" } },
  message_to_subscribers = { function()
    return call("POST", NEWS .. "/messages",
      '{"Message": "Hello", "subscribers": ["+33100000003", "+911999999998"], "sendToAllSubscribers": false}')
  end, { referenceId = "guid", failedResult = { {
    subscriber = "phone", subscriberId = "text", errorReason = "text", errorCode = "text",
  } } } },
  media = { function() return { mediaResource = wire.upload "Document" } end, { mediaResource = "text" } },
  subscribers_added = { function()
    return call("PUT", NEWS .. "/subscribers/add", '{ subscribers : ["+911111111111", "+33100000003"] }')
  end, { result = {
    ["+911111111111"] = { isAdded = "boolean" }, ["+33100000003"] = { isAdded = "boolean" },
  } } },
  subscribers_removed = { function()
    return call("PUT", NEWS .. "/subscribers/remove", '{ subscribers : ["+33100000003", "+33100000099"] }')
  end, { result = {
    ["+33100000003"] = { isRemoved = "boolean" },
    ["+33100000099"] = { isRemoved = "boolean", errorReason = "text" },
  } } },
  subscribers = { function() return call("POST", NEWS .. "/subscribers", "{ count: 1 }") end,
    { subscribers = { SUBSCRIBER }, cursor = "text" } },
  last_subscribers = { function()
    return call("POST", NEWS .. "/subscribers", '{ cursor: "", count: 50 }')
  end, { subscribers = { SUBSCRIBER } } },
  action_sent = { function()
    return call("POST", "/groups/" .. wire.sales .. "/actions", [[{ "actionType" : "Announcement",
      "actionBody" : { "Message":"Text", "Title" : "Title", "MediaResources" : [] } }]])
  end, { referenceId = "guid", actionId = "guid" } },
  picture_sent = { function()
    return call("POST", SALES .. "/actions", ('{actionType:"Image", actionBody: {mediaResource: "%s", '
      .. 'caption: "x"}}'):format(wire.upload "Image"))
  end, { referenceId = "guid" } },
  package_sent = { function()
    return { actionId = survey 'id: "com.example.visit"' }
  end, { actionId = "guid" } },
  pictures = { function()
    call("POST", SALES .. "/actions",
      ('{actionType:"Image", actionBody: {mediaResource: "%s"}}'):format(wire.upload "Image"))
    return listed "image"
  end, actions_of("Image", { imageUrl = "url" }) },
  locations = { function()
    wire.steer("locations", { group = wire.sales, phone = wire.bruno, latitude = 17.43, longitude = 78.34 })
    return listed "shareLocation"
  end, actions_of("ShareLocation", { latitude = "number", longitude = "number" }) },
  pictures_with_location = { function()
    wire.steer("locations", { group = wire.sales, phone = wire.bruno, latitude = 17.43, longitude = 78.34,
      picture = wire.upload "Image" })
    return listed "photoWithLocation"
  end, actions_of("PhotoWithLocation", { imageUrl = "url", latitude = "number", longitude = "number" }) },
  jobs = { function() job() return listed "job" end, actions_of("Job", JOB) },
  polls = { function() poll() return listed "poll" end, actions_of("Poll", POLL) },
  meetings = { function() meeting() return listed "letsmeet" end, actions_of("LetsMeet", MEETING) },
  surveys = { function() survey() return listed "survey" end, actions_of("Survey", SURVEY) },
  job = { function()
    local id = job()
    call("POST", SALES .. "/actions/" .. id .. "/responses",
      '{ actionType:"Job", actionBody: { isCompleted : true } }', wire.access(wire.user_token))
    return get(SALES .. "/actions/" .. id .. "/")
  end, details_of("Job", {
    dueDate = "time", title = "text", status = "boolean", responseCount = "integer",
    assigneeCount = "integer", responses = { { responder = "phone", isCompleted = "boolean" } },
  }) },
  survey = { function()
    local id = survey()
    call("POST", SALES .. "/actions/" .. id .. "/responses", answers '"actionType" : "Survey"')
    return get(SALES .. "/actions/" .. id .. "?getDetails=true")
  end, join(details_of("Survey", join(SURVEY, {
    questions = { { title = "text", type = "text", ["options?"] = { { title = "text" } } } },
    responses = { { responseId = "guid", answers = "list", responseName = "text" } },
  })), { actions = actions_of("Survey", SURVEY).actions }) },
  job_response = { function()
    return call("POST", SALES .. "/actions/" .. job() .. "/responses",
      '{ actionType:"Job", actionBody: { isCompleted : true } }', wire.access(wire.user_token))
  end, RESPONSE },
  survey_response = { function()
    return call("POST", "/groups/" .. wire.sales .. "/actions/" .. survey() .. "/responses",
      answers '"actionType" : "Survey"')
  end, RESPONSE },
  package_response = { function()
    local id = survey 'id: "com.example.visit"'
    return call("POST", SALES .. "/actions/" .. id .. "/responses", answers 'id: "com.example.visit"')
  end, RESPONSE },
  response_by_the_actions_id = { function()
    local id = survey()
    return call("POST", SALES .. "/actions/" .. id .. "/responses", answers(('id: "%s"'):format(id)))
  end, RESPONSE },
  reaction = { function() return select(2, liked()) end, { reactionId = "guid" } },
  reactions_of_one = { function()
    return get(("%s/reaction/%s/summary?sourceGroupId=%s"):format(SALES, liked(), wire.sales))
  end, { summary = { REACTIONS } } },
  reactions_of_a_group = { function()
    liked()
    return get(SALES .. "/reaction/summary?cursor=0&sourceGroupId=" .. wire.sales)
  end, { cursor = "ticks", summary = { REACTIONS } } },
  reactions = { function()
    return get(("%s/reaction/%s?sourceGroupId=%s&reactionType=Comment&cursor=0"):format(SALES, liked(),
      wire.sales))
  end, { cursor = "ticks", reactionDetails = { {
    lastModifiedTime = "milliseconds", reactionId = "guid", userId = "guid",
  } } } },
  webhook = { function()
    return call("POST", "/v1/webhook", ([[{ "objectId":"%s", "objectType":"Group", "eventTypes":[
      "ActionCreated", "ActionResponse", "SurveyCreated", "JobCreated", "SurveyResponse", "JobResponse",
      "TextMessageCreated", "AttachmentCreated", "Announcement", "MemberAdded", "MemberRemoved", "GroupAdded",
      "GroupRemoved" ], "callBackUrl":"%s", "callBackToken":"x", "callBackContext":"Any data",
      "validity": "%d" }]]):format(wire.sales, receiver.url, (os.time() + 3600) * 1000))
  end, { webhookId = "guid" } },
  webhooks = { function()
    call("POST", "/v1/webhook", ([[{ objectId:"%s", objectType:"Group", eventTypes:["JobCreated"],
      callBackUrl:"%s", callBackContext: "x" }]]):format(wire.sales, receiver.url))
    return get(("/v1/webhook?objectId=%s&objectType=Group"):format(wire.sales))
  end, { webhooks = { WEBHOOK } } },
}

local function bot() return call("POST", "/v1/bot", '{name: "Reporter", profilePic: "iVBORw0KGgo="}') end
local CHITRA = "/members/c3d2e5b4-6d70-4c81-ae9f-102d3c4e5f63"
local function webhook()
  return call("POST", "/v1/webhook", ([[{ objectId:"%s", objectType:"Group", eventTypes:["JobCreated"],
    callBackUrl:"%s" }]]):format(wire.sales, receiver.url)).webhookId
end

-- The same for what is not documented but known from clients.
local KNOWN = {
  me = { function() return get "/v1/users/me" end, {
    id = "guid", name = "text", mobileNumber = "phone", profilePic = "text", isProvisioned = "boolean",
  } },
  groups_found = { function()
    return get "/v1/tenant/findGroupsByQuery?query=s&resultsOffset=0&pageSize=5"
  end, { groups = { GROUP } } },
  subscribers_by_get = { function() return get(NEWS .. "/subscribers") end,
    { subscribers = { SUBSCRIBER } } },
  role_changed = { function() return call("PUT", SALES .. CHITRA, '{role: "Admin"}') end, DONE },
  subgroup_removed = { function()
    return call("DELETE", SALES .. "/subGroups/" .. wire.sales_north .. "/")
  end, DONE },
  subgroup_added = { function()
    return call("PUT", SALES .. "/subGroups", ('{subGroups: ["%s"]}'):format(wire.news))
  end, DONE },
  properties = { function()
    return call("PUT", SALES .. "/actions/" .. job() .. "/properties",
      '{version: -1, updateProperties: [{name: "state", type: 0, value: "open"}]}')
  end, DONE },
  reminder = { function() return call("POST", SALES .. "/actions/" .. job() .. "/reminder", "{}") end, DONE },
  bot = { bot, { botUserId = "guid" } },
  bots = { function() bot() return get "/v1/bot" end, { bots = { {
    botUserId = "guid", name = "text", profilePic = "text", tenantId = "guid", creatorId = "guid",
    creator = "phone", creatorName = "text", creatorProfilePic = "text", status = "text",
  } } } },
  token_of_a_bot = { function() return get("/v1/bot/accessToken/" .. bot().botUserId) end,
    { accessToken = "text", accessTokenExpiry = "milliseconds", scope = "text" } },
  bot_in_a_group = { function()
    return call("POST", SALES .. "/bot", ('{botUserId: "%s"}'):format(bot().botUserId))
  end, {} },
  webhook_woken = { function()
    return call("PUT", "/v1/webhook/" .. webhook(), '{ "Active": "true" }')
  end, {} },
  webhook_deleted = { function() return call("DELETE", "/v1/webhook/" .. webhook()) end, {} },
}

local TestDocumented, TestKnown = {}, {}
for name, case in pairs(DOCUMENTED) do
  TestDocumented["test_" .. name] = function() check(name, case[1](), case[2]) end
end
for name, case in pairs(KNOWN) do
  TestKnown["test_" .. name] = function() check(name, case[1](), case[2]) end
end

-- Refusals: the status, the code where it is known, and a header.
local INVALID_TOKEN = { 401, "InvalidToken" }
local REFUSALS = {
  no_token = { INVALID_TOKEN, function() return "GET", "/v1/groups" end },
  bad_token = { INVALID_TOKEN, function() return "GET", "/v1/groups", { token = "x" } end },
  expired_token = { INVALID_TOKEN, function()
    local token = wire.access()
    wire.steer("clock", { advance_s = 24 * 3600 + 60 })
    return "GET", "/v1/groups", { token = token }
  end },
  bad_secret = { { 401 }, function()
    local headers = wire.credentials()
    headers.applicationSecret = "x"
    return "GET", "/v1/accessToken", { headers = headers }
  end },
  malformed = { { 400, "InvalidParameters" }, function()
    return "POST", SALES .. "/messages", { token = wire.access(), body = "{" }
  end },
  no_type = { { 415 }, function()
    return "POST", "/v1/media", { token = wire.access(), parts = { { name = "1", filename = "a", value = "x",
      content_type = "application/octet-stream" } } }
  end },
  unknown = { { 404 }, function()
    return "GET", "/v1/groups/853654b2-0000-462d-b709-0c4e43a7083f", { token = wire.access() }
  end },
  throttled = { { 429, nil, "retry-after", "%d+" }, function()
    local token = wire.access()
    wire.steer("switches", { per_minute = 1 })
    wire.ok("GET", "/v1/groups", { token = token })
    return "GET", "/v1/groups", { token = token }
  end },
  moved = { { 308, nil, "location", "http://[^/]+/moved" }, function()
    wire.steer("switches", { api_redirect = { kind = "base" } })
    return "GET", "/v1/groups", { token = wire.access() }
  end },
}

local TestRefusals = {}
for name, case in pairs(REFUSALS) do
  TestRefusals["test_" .. name] = function()
    local expected, method, path, options = case[1], case[2]()
    local status, reply, response = wire.call(method, path, options)
    lu.assertEquals(status, expected[1], response.body)
    check(name, reply, { message = "text", errorCode = "text", errorCategoryKey = "text" })
    lu.assertEquals(reply.errorCode, expected[2] or reply.errorCode)
    if status == 401 and expected[2] then lu.assertEquals(reply.errorCategoryKey, "AuthException") end
    lu.assertEquals(response.headers["content-type"], "application/json; charset=utf-8")
    if expected[3] then lu.assertStrMatches(response.headers[expected[3]], expected[4]) end
  end
end

local TestChecks = {}

-- That a field of another type, in another place or left out is seen.
function TestChecks.test_what_differs_is_seen()
  local shape = { a = "integer", b = { { c = "time", ["d?"] = "url" } }, e = { f = '"x"' } }
  local function good()
    return { a = 1, b = json.array { { c = "2018-01-01T00:00:00Z" } }, e = { f = "x" } }
  end
  check("it", good(), shape)
  for _, change in ipairs {
    { "a", 1.5 }, { "a", "1" }, { "a", nil }, { "a", json.null }, { "b", {} }, { "b", json.array {} },
    { "b", json.array { { c = 1514764800 } } }, { "e", json.array {} }, { "e", { f = "y" } }, { "e", {} },
    { "b", json.array { { c = "2018-01-01T00:00:00Z", d = "eyJpZCI6IjEifQ==" } } },
  } do
    local value = good()
    value[change[1]] = change[2]
    lu.assertFalse((pcall(check, "it", value, shape)), json.encode(value))
  end
end

local passed = wire.run {
  TestDocumented = TestDocumented, TestKnown = TestKnown, TestRefusals = TestRefusals,
  TestChecks = TestChecks,
}
receiver.close()
return passed
