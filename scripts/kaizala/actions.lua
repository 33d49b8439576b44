--- Actions of a group: announcements, jobs, polls, meetings, surveys, packages; and listing them.
local action = require "kaizala.action"
local audience = require "kaizala.audience"
local check = require "kaizala.check"
local group = require "kaizala.group"
local iterator = require "kaizala.iterator"
local json = require "jeton.json"
local names = require "kaizala.names"
local properties = require "kaizala.properties"
local survey = require "kaizala.survey"

---@class kaizala.Group
local Group = group.Group

-- Types that can be listed, each with its own call.
local LISTED = {
  "Image", "Job", "Survey", "PhotoWithLocation", "LetsMeet", "Poll", "ShareLocation", "Document",
  "Announcement",
}
local PAGE, PAGE_MAX = 100, 1000

local function invalid(format, ...)
  check.fail("invalid", format:format(...))
end

local function positive_integer(value, what)
  local number = type(value) == "number" and math.tointeger(value)
  if not number or number < 1 then
    invalid("%s must be a whole number, at least 1, got %s", what, tostring(value))
  end
  return number
end

-- The options of a function: its own, and those of every action, which audience.write reads.
local function with_audience(own)
  for _, field in ipairs { { "subscribers" }, { "all_subscribers" }, { "repeatable", "boolean" } } do
    own[#own + 1] = field
  end
  return own
end

--- Sends an action of any type (*waits*).
---@param self kaizala.Group
---@param name string the function that sends, for messages
---@param fields { actionType?: string, id?: string, actionBody: table }
---@param options kaizala.AudienceOptions
---@return kaizala.Action action raises an err
local function send(self, name, fields, options)
  audience.write(self, options, name, fields)
  local target = group.path(self, "/actions")
  local reply, failed, dry_run = audience.post_whole(group.client(self),
    { path = target, json = fields, repeatable = options.repeatable }, name, audience.check_sent)
  local sent = action.new(self, nil, fields.actionType)
  sent.package_id, sent.raw, sent.dry_run = fields.id, reply, dry_run or nil
  if fields.actionBody.questions then sent.questions = names.list(fields.actionBody.questions, "question") end
  if dry_run then
    sent.id, sent.reference_id = "dry-run", "dry-run"
    return sent
  end
  sent.id, sent.reference_id, sent.failed_result = check.given_text(reply.actionId), reply.referenceId, failed
  return sent
end

---@class kaizala.AnnounceOptions: kaizala.AudienceOptions
---@field message string 1 to 4,000 characters
---@field title? string
---@field media? string[] what `kz:upload` returned
---@field repeatable? boolean may be repeated if the reply is lost
local announce_options = with_audience {
  { "title", "string", "title" }, { "message", check.message, "message", required = true },
  { "media", check.resources, "MediaResources" },
}

--- Sends an announcement (*waits*).
---@param options kaizala.AnnounceOptions
---@return kaizala.Action action raises an err
function Group:announce(options)
  check.method(self, Group, "group:announce({…})")
  local body
  options, body = check.needed(options, "announce", announce_options)
  return send(self, "announce", { actionType = "Announcement", actionBody = body }, options)
end

---@class kaizala.JobOptions: kaizala.AudienceOptions
---@field title string
---@field assigned_to string[] phone numbers
---@field due_in_hours? integer 24 by default
---@field repeatable? boolean

local function assignees(phones, what)
  local list = check.phones(phones, what)
  if #list == 0 then invalid("%s is empty: a job needs an assignee", what) end
  return list
end
local job_options = with_audience {
  { "title", check.name, "title", required = true },
  { "assigned_to", assignees, "assignedTo", required = true },
  { "due_in_hours", positive_integer, "dueDate" },
}

--- Assigns a job (*waits*).
---@param options kaizala.JobOptions
---@return kaizala.Action action raises an err
function Group:create_job(options)
  check.method(self, Group, "group:create_job({…})")
  local body
  options, body = check.needed(options, "create_job", job_options)
  return send(self, "create_job", { actionType = "Job", actionBody = body }, options)
end

---@class kaizala.PollChoice
---@field title string
---@field image? string mediaResource of its picture (`kz:upload`), or a URL

---@class kaizala.PollOptions: kaizala.AudienceOptions
---@field question string
---@field choices (string|kaizala.PollChoice)[] titles, or titles with pictures
---@field expires_in_hours? integer 720 by default
---@field repeatable? boolean

local function write_choice(choice, what)
  if type(choice) ~= "table" then choice = { title = choice } end
  check.options(choice, what, { "title", "image" })
  check.name(choice.title, what)
  check.optional(choice.image, "string", what .. ": image")
  return { title = choice.title, image = choice.image }
end

local function write_choices(choices, what)
  if type(choices) ~= "table" or #choices == 0 then
    invalid("%s must be a list of at least one, as { \"Tea\", \"Coffee\" }", what)
  end
  check.whole(choices, what)
  local list, seen = json.array {}, {}
  for i, choice in ipairs(choices) do
    local where = ("%s[%d]"):format(what, i)
    list[i] = write_choice(choice, where)
    if seen[list[i].title] then invalid("%s: there is another '%s'", where, list[i].title) end
    seen[list[i].title] = true
  end
  return list
end

local poll_options = with_audience {
  { "question", check.name, "question", required = true },
  { "choices", write_choices, "choices", required = true },
  { "expires_in_hours", positive_integer, "expiryInHours" },
}

--- Asks one question with choices (*waits*).
---@param options kaizala.PollOptions
---@return kaizala.Action action raises an err
function Group:create_poll(options)
  check.method(self, Group, "group:create_poll({…})")
  local body
  options, body = check.needed(options, "create_poll", poll_options)
  return send(self, "create_poll", { actionType = "Poll", actionBody = body }, options)
end

---@class kaizala.MeetingOptions: kaizala.AudienceOptions
---@field title string
---@field starts_at integer epoch seconds
---@field minutes? integer 30 by default
---@field place? { latitude: number, longitude: number, name?: string }
---@field agenda? string
---@field sender_only? boolean only the sender sees who will attend
---@field repeatable? boolean

local function start(value, what)
  if value == nil then check.misuse(what .. " is missing") end
  return os.date("!%Y-%m-%dT%H:%M:%SZ", check.time(value, what))
end
local meeting_options = with_audience {
  { "title", check.name, "title", required = true },
  { "starts_at", start, "startingTime", required = true },
  { "minutes", positive_integer, "duration" },
  { "place", check.place, "place" },
  { "agenda", "string", "agenda" },
  { "sender_only", "boolean", "isSenderOnly" },
}

--- Invites to a meeting (*waits*).
---@param options kaizala.MeetingOptions
---@return kaizala.Action action raises an err
function Group:schedule_meeting(options)
  check.method(self, Group, "group:schedule_meeting({…})")
  local body
  options, body = check.needed(options, "schedule_meeting", meeting_options)
  return send(self, "schedule_meeting", { actionType = "LetsMeet", actionBody = body }, options)
end

---@class kaizala.SurveyOptions: kaizala.AudienceOptions
---@field title string
---@field questions kaizala.Question[]
---@field due_in_hours? integer 24 by default
---@field description? string
---@field anonymous? boolean
---@field multiple_responses? boolean one person may answer more than once
---@field visible_to? "all"|"sender"|"admins"|"members" who sees the answers
---@field sender_only? boolean same as visible_to = "sender", for older services
---@field cover_image? string URL of a picture
---@field repeatable? boolean

local VISIBLE_TO = { "all", "sender", "admins", "members" }
local VISIBILITY = { all = "0", sender = "1", admins = "2", members = "3" }
local function visibility(value, what)
  return VISIBILITY[check.word(value, VISIBLE_TO, what)]
end

local survey_options = with_audience {
  { "title", check.name, "title", required = true },
  { "questions" },
  { "due_in_hours", positive_integer, "dueDate" },
  { "description", "string", "description" },
  { "anonymous", "boolean", "isAnonymous" },
  { "multiple_responses", "boolean", "acceptMultipleResponses" },
  { "visible_to", visibility, "visibility" },
  { "sender_only", "boolean", "isSenderOnly" },
  { "cover_image", "string", "coverImage" },
}

--- Sends a survey (*waits*).
---@param options kaizala.SurveyOptions
---@return kaizala.Action action raises an err
function Group:create_survey(options)
  check.method(self, Group, "group:create_survey({…})")
  local body
  options, body = check.needed(options, "create_survey", survey_options)
  body.questions = survey.write(options.questions, "create_survey")
  return send(self, "create_survey", { actionType = "Survey", actionBody = body }, options)
end

---@class kaizala.SendActionOptions: kaizala.AudienceOptions
---@field id? string of an action package
---@field type? string of a built-in action, instead of id
---@field body? table as on the wire; the fields below are added
---@field title? string
---@field questions? kaizala.Question[] of a package
---@field properties? table<string, any> of a package, by name, as `action:update_properties` takes them
---@field validity? integer when a package stops taking answers, epoch seconds
---@field repeatable? boolean

local action_options = with_audience {
  { "id", "string" }, { "type", "string" }, { "body", "table" }, { "title", "string", "title" },
  { "questions" }, { "properties" }, { "validity", check.milliseconds, "validity" },
}

--- Sends an action package by its id, or any action by type and body (*waits*).
---@param options kaizala.SendActionOptions
---@return kaizala.Action action raises an err
function Group:send_action(options)
  check.method(self, Group, "group:send_action({…})")
  local body
  options, body = check.needed(options, "send_action", action_options)
  if (options.id == nil) == (options.type == nil) then
    check.misuse "send_action: give either id (of a package) or type"
  end
  for key, value in pairs(options.body or {}) do
    if body[key] == nil then body[key] = value end
  end
  if options.questions then body.questions = survey.write(options.questions, "send_action") end
  if options.properties then
    body.properties = properties.write(options.properties, "send_action: properties", {})
  end
  return send(self, "send_action", { id = options.id, actionType = options.type, actionBody = body }, options)
end

--- Makes an action object without a request.
---@param id string
---@return kaizala.Action action
function Group:action(id)
  check.method(self, Group, "group:action(id)")
  check.id(id, "action: id")
  return action.new(self, id)
end

-- The next page of one type, without entries already seen. A page can end in the middle of a second, so the
-- next one starts with the same second.
local function fetch_page(self, kind, cursor)
  local target = group.path(self, "/actions")
  local request = "GET " .. target
  local count = PAGE
  while true do
    local reply = group.client(self):request { path = target, query = {
      actionType = kind, fromDate = cursor.from, count = count,
    } }
    local list, seen, last = {}, {}, cursor.from
    for _, raw in ipairs(check.reply(reply.actions, "actions", "list", request)) do
      local entry = action.from_entry(self, raw, request)
      last = math.tointeger(entry.creation_time) or last
      if not cursor.seen[entry.reference_id] then list[#list + 1] = entry end
      seen[entry.reference_id] = true
    end
    if reply.hasMore ~= true then return list, nil end
    if #list > 0 or count >= PAGE_MAX then
      if #list == 0 then
        invalid("%s: over %d actions of one second: the list cannot go on", request, PAGE_MAX)
      end
      return list, { from = last, seen = seen }
    end
    count = math.min(count * 2, PAGE_MAX)
  end
end

local function of_type(self, kind, from)
  return iterator.new(function(cursor)
    return fetch_page(self, kind, cursor or { from = from, seen = {} })
  end, "actions")
end

-- Its first item, or none and the err where this service cannot list the type.
local function first_of(list)
  local ok, item = pcall(list.next, list)
  if ok then return item end
  if type(item) == "table" and item.status == 400 then return nil, item end
  error(item, 0)
end

local function time_of(head)
  return math.tointeger(head.item.creation_time) or 0
end

-- Merges all types by time: the oldest of the heads is next.
local function merged(self, from)
  local heads
  return iterator.new(function()
    if not heads then
      local found, refused, err = {}, 0, nil
      for _, kind in ipairs(LISTED) do
        local list = of_type(self, kind, from)
        local first, why = first_of(list)
        if first then found[#found + 1] = { list = list, item = first } end
        if why then refused, err = refused + 1, err or why end
      end
      if refused == #LISTED then error(err, 0) end -- it is not about their types
      heads = found -- only all: after an error whoever goes on would miss the others
    end
    local best
    for i, head in ipairs(heads) do
      if not best or time_of(head) < time_of(heads[best]) then best = i end
    end
    if not best then return {}, nil end
    local item = heads[best].item
    heads[best].item = heads[best].list:next()
    if not heads[best].item then table.remove(heads, best) end
    return { item }, true
  end, "actions")
end

--- Lists actions, oldest first (*waits*, when the first is taken).
---@param options? { type?: string, from?: integer } type: "Job", "Survey" …, in any case; default: all that
--- can be listed, merged by time. from: epoch seconds
---@return kaizala.Iterator<kaizala.Action> actions gives `kaizala.Action`; raises an err
function Group:actions(options)
  check.method(self, Group, "group:actions()")
  options = check.fields(options, "actions", { { "type", "string" }, { "from", check.time } })
  local from = math.tointeger(options.from or 0)
  if options.type then return of_type(self, options.type, from) end
  return merged(self, from)
end
