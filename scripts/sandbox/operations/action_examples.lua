--- Examples of actions, one for each type.
local json = require "jeton.json"
local action_fields = require "sandbox.actions.fields"
local assumptions = require "sandbox.base.assumptions"
local demo = require "sandbox.seed.demo"

local action_examples = {}

local PACKAGE = assumptions.package_type
local names = demo.names

--- Properties of every type; the last two as some clients send them.
action_examples.PROPERTIES = json.array {
  { name = "state", type = "Text", value = "open" },
  { name = "amount", type = "Numeric", value = 12.5 },
  { name = "place", type = "Location", value = { lt = 48.86, lg = 2.35, n = "Paris" } },
  { name = "day", type = "DateTime", value = 1530527400000 },
  { name = "items", type = "StringList", value = json.array { "a", "a" } },
  { name = "tags", type = "StringSet", value = json.array { "a", "b" } },
  { name = "picture", type = "Attachment", value = "https://files.example.org/a.png" },
  { name = "files", type = "AttachmentList", value = json.array { "https://files.example.org/a.png" } },
  { name = "as a number", type = 1, value = "5" },
  { name = "as text", type = 6, value = '["a"]' },
}

local QUESTIONS = json.array {
  { title = "Coming?", type = "SingleOption",
    options = json.array { { title = "Yes" }, { title = "No" } } },
  { title = "Days", type = "MultiOption",
    options = json.array { { title = "Monday" }, { title = "Friday" } } },
  { title = "Why", type = "Text", isInvisible = false },
  { title = "Picture", type = "Image" },
  { title = "Guests", type = "Numeric" },
  { title = "Since", type = "Date" },
  { title = "Arrival", type = "DateTime" },
  { title = "From", type = "Location" },
  { title = "Papers", type = "AttachmentList" },
}
local ANSWERS = {
  responseName = "Second thoughts",
  responseLocation = { latitude = 48.86, longitude = 2.35, name = "Paris" },
  answers = json.array {
    "Yes", json.array { "Monday", "Friday" }, "For the cake", "{Image}", 2, 1530489600, 1530527400,
    { lt = 48.86, lg = 2.35, n = "Paris" }, json.array { "{Image}" },
  },
}

local MEDIA = { Image = true, Album = true, Audio = true, Document = true, Video = true }
local function media(kind)
  return { "media.upload", kind, [kind] = "mediaResource" }
end

local BODIES = {
  Announcement = { title = "News", message = "We move", MediaResources = json.array { "{Image}" } },
  Job = { title = "Call the customer", dueDate = 24,
    assignedTo = json.array { names.alice, names.chitra } },
  Poll = { question = "Tea?", expiryInHours = 24, isSenderOnly = false,
    choices = json.array {
      { title = "Yes", image = "https://files.example.org/tea.png" }, { title = "No" },
    } },
  LetsMeet = { title = "Review", startingTime = "2030-07-02T10:30:00Z", duration = 45, agenda = "All of it",
    isSenderOnly = false, place = { latitude = 48.86, longitude = 2.35, name = "Paris" } },
  Survey = { title = "Summer party", dueDate = 48, visibility = "2", isAnonymous = false,
    isSenderOnly = false, acceptMultipleResponses = false, description = "Who comes",
    coverImage = "iVBORw0KGgo=", questions = QUESTIONS },
}
for kind in pairs(MEDIA) do
  BODIES[kind] = { mediaResource = ("{%s}"):format(kind), caption = "As of today" }
end

--- Sent actions. The first is a job, which the examples of other operations use.
---@type sandbox.example
action_examples.JOB = {
  name = "Job",
  params = { group = names.sales },
  body = { actionType = "Job", actionBody = BODIES.Job },
}

---@type sandbox.example[]
action_examples.MORE = {}
for _, kind in ipairs(action_fields.TYPES) do
  if kind ~= "Job" then
    table.insert(action_examples.MORE, {
      name = kind,
      given = (MEDIA[kind] and { media(kind) }) or (kind == "Announcement" and { media "Image" }) or nil,
      body = { actionType = kind, actionBody = BODIES[kind] },
    })
  end
end
table.insert(action_examples.MORE, {
  name = PACKAGE,
  body = { id = "com.example.visit", actionBody = {
    title = "Visit", validity = 1893456000000, isAnonymous = false, acceptMultipleResponses = true,
    questions = QUESTIONS, properties = action_examples.PROPERTIES,
  } },
})
table.insert(action_examples.MORE, {
  name = "to subscribers",
  params = { group = names.news },
  body = { actionType = "Announcement", actionBody = { message = "We move" }, sendToAllSubscribers = false,
    subscribers = json.array { names.bruno, names.nobody } },
})

--- Listed actions: one of each type that can be sent.
---@return sandbox.example[]
function action_examples.listed()
  local out = {}
  for _, kind in ipairs(assumptions.listable_types) do
    if BODIES[kind] and kind ~= "Job" then
      out[#out + 1] = {
        name = kind,
        given = { { "actions.send", kind } },
        query = { actionType = kind, fromDate = "0", count = "30" },
      }
    end
  end
  return out
end

-- The response to a survey or a package.
local function response(kind, fields)
  return {
    name = kind,
    given = { media "Image", { "actions.send", kind, action = "actionId" } },
    body = fields,
  }
end

---@type sandbox.example[]
action_examples.RESPONSES = {
  response("Survey", { actionType = "Survey", actionBody = ANSWERS }),
  response(PACKAGE, { id = "com.example.visit", actionBody = ANSWERS }),
  response("ActionPackage by its type", { actionType = PACKAGE, actionBody = ANSWERS }),
}
action_examples.RESPONSES[3].given = action_examples.RESPONSES[2].given

--- Details: each type that has an id of its own; those that take answers, with a response.
---@return sandbox.example[]
function action_examples.details()
  local out = {}
  for _, kind in ipairs(action_fields.ALL_TYPES) do
    if not MEDIA[kind] and kind ~= "Job" and (BODIES[kind] or kind == PACKAGE) then
      out[#out + 1] = { name = kind, given = { { "actions.send", kind, action = "actionId" } } }
    end
  end
  for _, kind in ipairs { "Job", "Survey", PACKAGE } do
    out[#out + 1] = {
      name = kind .. " with a response",
      given = { { "actions.respond", kind } },
    }
  end
  return out
end

return action_examples
