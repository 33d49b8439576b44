-- A tenant of any size, planted by the sandbox's own functions: what lists, counts and pages are tried on.
local json = require "jeton.json"
local actions = require "sandbox.data.actions"
local bots = require "sandbox.data.bots"
local groups = require "sandbox.data.groups"
local hierarchy_limit = require "sandbox.base.limits".group_levels
local media_resource = require "sandbox.base.media_resource"
local media = require "sandbox.data.media"
local reactions = require "sandbox.data.reactions"
local seed = require "sandbox.seed"
local subscribers = require "sandbox.data.subscribers"
local users = require "sandbox.data.users"
local webhooks = require "sandbox.data.webhooks"

local large = {}

-- As in tests/e2e/support.py.
large.connector_id = "2ab9b820-7a1c-4d65-9b3e-0f1d2c3b4a59"
large.secret = "SLS3T38IL0"
large.tenant_token = "demo-tenant-refresh-token" -- of Alice, an admin of the tenant
large.user_token = "demo-member-refresh-token" -- of Bruno, a member of a few groups
large.root = "00000000-0000-4000-8000-000000000001" -- above all other groups
large.chain = "00000000-0000-4000-8000-000000000002" -- the top of as many levels as there may be
large.wide = "00000000-0000-4000-8000-000000000003" -- a quarter of the groups are right below it
large.crowd = "00000000-0000-4000-8000-000000000004" -- the members
large.news = "00000000-0000-4000-8000-000000000005" -- a public group: the subscribers, the actions
large.survey = "00000000-0000-4000-8000-000000000006" -- answered, liked and commented by many
large.types = { "Image", "Job", "Survey", "LetsMeet", "Poll", "Document", "Announcement" }

local ALICE, BRUNO = "+33100000001", "+33100000002"
local FIRST_MOMENT, ACTIONS_A_SECOND = 1700000000, 7
local NAMES = { "Ventes", "Équipe", "Straße", "Отдел", "Support" }
local QUESTIONS = {
  { title = "How was it?", type = "SingleOption", options = { { title = "Good" }, { title = "Bad" } } },
  { title = "Why?", type = "Text" },
}

---@class large.size
---@field groups integer 50 or more
---@field subscribers integer of one public group
---@field actions integer
---@field members integer of one group
---@field responses integer to one survey; as many like it
---@field webhooks integer and as many bots

local function document()
  local function group(id, name, kind)
    return { id = id, name = name, type = kind, admins = json.array { ALICE } }
  end
  return {
    tenant = { id = "6f1c2a7d-90b4-4e55-8a3f-2c7d1e0b9a64", name = "Contoso" },
    users = json.array {
      { phone = ALICE, name = "Alice Martin", tenant_admin = true },
      { phone = BRUNO, name = "Bruno Keller" },
    },
    groups = json.array {
      group(large.root, "Root"), group(large.chain, "Chain"), group(large.wide, "Wide"),
      group(large.crowd, "Crowd"), group(large.news, "News", "ConnectGroup"),
    },
    connectors = json.array { {
      id = large.connector_id, secret = large.secret, name = "Large", owner = ALICE, permissions = "all",
      tokens = json.array {
        { user = ALICE, refresh_token = large.tenant_token },
        { user = BRUNO, refresh_token = large.user_token },
      },
    } },
  }
end

-- Ids in no order of arrival, as random ones.
local function plant_people(db, count, tenant_id, now)
  local ids = {}
  for i = 1, count do
    ids[i] = ("%08x-0000-4000-8000-%012x"):format(i * 2654435761 & 0xffffffff, i)
    db:exec([[INSERT INTO users (id, tenant_id, phone, name, email, picture, o365_id, provisioned,
              tenant_admin, created_at) VALUES (?, ?, ?, ?, '', '', '', ?, 0, ?)]],
      ids[i], tenant_id, ("+339%08d"):format(i), ("Person %d"):format(i), i % 3 ~= 0, now)
  end
  return ids
end

-- Below the root: a chain of all levels, a wide group, and a tree of eight children each.
local function plant_groups(db, size, tenant_id, people, now)
  local at, tree = {}, {}
  for _, name in ipairs { "root", "chain", "wide" } do
    at[name] = groups.by_id(db, large[name])
  end
  groups.add_subgroup(db, at.root, at.chain)
  groups.add_subgroup(db, at.root, at.wide)
  local lowest, depth = at.chain, 2
  for i = 1, size.groups - 5 do
    local group = groups.create(db, {
      tenant_id = tenant_id, name = ("%s %d"):format(NAMES[i % #NAMES + 1], i),
      type = i % 10 == 0 and "ConnectGroup" or "Group",
    }, now)
    for j = 0, 9 do
      local person = people[(i * 7 + j) % math.min(#people, 1000) + 1]
      groups.add_member(db, group, person, j == 0 and "Admin" or "Member")
    end
    if depth < hierarchy_limit then
      groups.add_subgroup(db, lowest, group)
      lowest, depth = group, depth + 1
    elseif i % 4 == 0 then
      groups.add_subgroup(db, at.wide, group)
    else
      tree[#tree + 1] = group
      groups.add_subgroup(db, #tree == 1 and at.root or tree[(#tree - 2) // 8 + 1], group)
    end
  end
end

-- What an action of a type holds, as it is stored.
local function body_of(kind, i, resource)
  if kind == "Image" or kind == "Document" then
    return { mediaResource = resource[kind], caption = "" }
  elseif kind == "Announcement" then
    return { message = ("Message %d"):format(i) }
  elseif kind == "Poll" then
    local choices = json.array { { title = "Yes" }, { title = "No" } }
    return { question = ("Question %d?"):format(i), choices = choices, isSenderOnly = false }
  elseif kind == "LetsMeet" then
    local title = ("Meeting %d"):format(i)
    return { title = title, startingTime = "2024-01-01T10:00:00Z", duration = 30, agenda = "" }
  end
  return {
    title = ("%s %d"):format(kind, i), visibility = "0", isAnonymous = false, acceptMultipleResponses = true,
    questions = kind == "Survey" and json.array(QUESTIONS) or nil,
  }
end

local function plant_media(db, tenant_id, now)
  local out = {}
  for kind, name in pairs { Image = "a.png", Document = "a.pdf" } do
    local file = { type = kind, name = name, size = 1, hash = kind, tenant_id = tenant_id }
    local id = media.create(db, file, now)
    out[kind] = media_resource.encode { id = id, type = kind, name = name }
  end
  return out
end

local function plant_actions(db, size, alice, people, resource)
  local news = groups.by_id(db, large.news)
  for i = 1, size.actions do
    local kind = large.types[i % #large.types + 1]
    local now, person = FIRST_MOMENT + i // ACTIONS_A_SECOND, people[i % #people + 1]
    local action = actions.create(db, {
      group = news, type = kind, package_id = "", sender_id = alice.id, connector_id = large.connector_id,
      body = body_of(kind, i, resource), expires_at = now + 86400,
      assignees = kind == "Job" and { person } or {},
      audience = { to_group = false, to_all_subscribers = i % 2 == 0, recipients = { person } },
    }, now)
    if kind == "Job" then
      actions.add_response(db, action, person, { isCompleted = true }, true, now)
    end
    reactions.add(db, news, action.reference_id, person, "Like", "", now)
  end
end

-- One survey that many answer and like; every tenth comments it.
local function plant_survey(db, size, alice, people, now)
  local news = groups.by_id(db, large.news)
  local survey = actions.create(db, {
    group = news, type = "Survey", package_id = "", sender_id = alice.id, connector_id = large.connector_id,
    body = body_of("Survey", 0), expires_at = now + 86400, assignees = {},
    audience = { to_group = false, to_all_subscribers = true, recipients = {} },
  }, now)
  db:exec("UPDATE actions SET id = ?1, reference_id = ?1 WHERE number = ?2", large.survey, survey.number)
  for i = 1, size.responses do
    actions.add_response(db, survey, people[i], {
      responseName = "", answers = json.array { json.array { "Good" }, ("Answer %d"):format(i) },
    }, false, now)
    reactions.add(db, news, large.survey, people[i], "Like", "", now)
    if i % 10 == 0 then
      reactions.add(db, news, large.survey, people[i], "Comment", "Well done", now)
    end
  end
end

local function plant_programs(db, size, alice, now)
  for i = 1, size.webhooks do
    bots.create(db, alice, ("Bot %d"):format(i), "", now)
    webhooks.create(db, {
      connector_id = large.connector_id, user_id = alice.id, object_id = large.news, object_type = "Group",
      events = json.array { "JobCreated" }, url = ("https://receiver.example/%d"):format(i), token = "",
      context = "", headers = {}, valid_until_ms = (now + 86400) * 1000, created_at = now,
    })
  end
end

--- Fills an empty database.
---@param db jeton.sqlite.Db
---@param size large.size
---@param now integer epoch seconds
function large.plant(db, size, now)
  db:transaction(function()
    seed.apply(db, assert(seed.check(document())), now)
    local alice, bruno = users.by_phone(db, ALICE), users.by_phone(db, BRUNO)
    local count = math.max(size.subscribers, size.members, size.responses)
    local people = plant_people(db, count, alice.tenant_id, now)
    local news, crowd = groups.by_id(db, large.news), groups.by_id(db, large.crowd)
    for i = 1, size.subscribers do
      subscribers.add(db, news, people[i])
    end
    for i = 1, size.members do
      groups.add_member(db, crowd, people[i], "Member")
    end
    plant_groups(db, size, alice.tenant_id, people, now)
    for _, id in ipairs { large.wide, large.chain } do
      groups.add_member(db, groups.by_id(db, id), bruno.id, "Member")
    end
    subscribers.add(db, news, bruno.id)
    plant_actions(db, size, alice, people, plant_media(db, alice.tenant_id, now))
    plant_survey(db, size, alice, people, now)
    plant_programs(db, size, alice, now)
  end)
end

return large
