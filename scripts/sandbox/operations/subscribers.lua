--- Subscribers of public groups: list in pages, add, remove.
local crypto = require "jeton.crypto"
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local demo = require "sandbox.seed.demo"
local ids = require "sandbox.base.ids"
local invite = require "sandbox.rules.invite"
local limits = require "sandbox.base.limits"
local numbers = require "sandbox.rules.numbers"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"
local subscribers = require "sandbox.data.subscribers"
local users = require "sandbox.data.users"

local function need_public(call)
  if call.group.type ~= "ConnectGroup" then
    refusal.invalid "group: only public groups (ConnectGroup) have subscribers"
  end
end

-- Decodes a cursor to an id.
local function read_cursor(cursor)
  if cursor == "" then
    return ""
  end
  local id = crypto.unbase64(cursor)
  if not ids.is_id(id) then
    refusal.invalid "cursor: not one that a page of subscribers came with"
  end
  return id
end

local function page(call, fields)
  need_public(call)
  local found = subscribers.page(call.db, call.group, read_cursor(fields.cursor), fields.count)
  local out = {}
  for i = 1, math.min(#found, fields.count) do
    local user = found[i]
    out[i] = {
      id = user.id,
      mobileNumber = user.phone,
      name = user.name,
      profilePic = pictures.show(call, user.picture),
      isProvisioned = user.provisioned ~= 0,
    }
  end
  local has_more = #found > fields.count
  return {
    subscribers = json.array(out),
    cursor = has_more and crypto.base64(out[#out].id) or nil,
  }
end

-- What a number is answered: done, or why not.
local function outcome(flag, why)
  local refused = why == "no_number" and assumptions.bad_number
    or (why and assumptions.subscriber_refusals[why]) or {}
  return { [flag] = why == nil, errorCode = refused[1], errorReason = refused[2] }
end

-- The numbers that are some. The others are answered in the result: they do not stop the rest.
local function sort(list, flag)
  local phones, others = numbers.divide("subscribers", list)
  local result = {}
  for _, text in ipairs(others) do
    result[text] = outcome(flag, "no_number")
  end
  return phones, result
end

local function add(call)
  need_public(call)
  local phones, result = sort(call.body.subscribers, "isAdded")
  local room = subscribers.room(call.db, call.group)
  invite(call, call.group, phones, function(user)
    if room > 0 and subscribers.add(call.db, call.group, user.id) then
      room = room - 1
      result[user.phone] = outcome "isAdded"
    elseif not result[user.phone] then
      local again = not assumptions.subscriber_added_again and "there_already" or nil
      result[user.phone] = outcome("isAdded", room == 0 and "no_room" or again)
    end
  end)
  return { result = result }
end

local function remove(call)
  need_public(call)
  local phones, result = sort(call.body.subscribers, "isRemoved")
  for _, phone in ipairs(phones) do
    local user = users.by_phone(call.db, phone)
    if user and subscribers.remove(call.db, call.group, user.id) then
      result[phone] = outcome "isRemoved"
    elseif not result[phone] then
      result[phone] = outcome("isRemoved", "not_there")
    end
  end
  return { result = result }
end

local function results(flag)
  return { { "result", kind = "map", of = {
    { flag, kind = "boolean" },
    { "errorCode", kind = "string", optional = true },
    { "errorReason", kind = "string", optional = true },
  } } }
end

local PAGE_FIELDS = {
  { "cursor", kind = "string", max = limits.cursor_characters, default = "" },
  { "count", kind = "integer", unset = assumptions.unset_number, min = 1, max = limits.subscribers_per_page,
    default = limits.subscribers_per_page },
}
local PAGE = {
  { "subscribers", kind = "list", of = {
    { "id", kind = "id" },
    { "mobileNumber", kind = "phone" },
    { "name", kind = "string" },
    { "profilePic", kind = "string" },
    { "isProvisioned", kind = "boolean" },
  } },
  { "cursor", kind = "string", optional = true },
}
local PHONES = {
  { "subscribers", kind = "strings", required = true, max = limits.subscribers_per_request },
}

---@type sandbox.operation[]
return {
  {
    name = "subscribers.list",
    summary = "Lists a page of a public group's subscribers. The reply has a cursor only if there are more.",
    method = "POST",
    path = "/groups/{group}/subscribers",
    permission = "groupmember.read",
    who = assumptions.subscribers_shown_to,
    body = PAGE_FIELDS,
    reply = PAGE,
    example = { params = { group = demo.names.news }, body = { count = 1 } },
    run = function(call) return page(call, call.body) end,
  },
  {
    name = "subscribers.list_by_get",
    summary = "The same with a query.",
    method = "GET",
    path = "/groups/{group}/subscribers",
    permission = "groupmember.read",
    who = assumptions.subscribers_shown_to,
    query = PAGE_FIELDS,
    reply = PAGE,
    example = { params = { group = demo.names.news }, query = { count = "50" } },
    run = function(call) return page(call, call.query) end,
  },
  {
    name = "subscribers.add",
    summary = "Adds subscribers to a public group; the reply says for each number whether, or why not.",
    method = "PUT",
    path = "/groups/{group}/subscribers/add",
    permission = "groupmember.write",
    who = "admin",
    body = PHONES,
    reply = results "isAdded",
    example = {
      params = { group = demo.names.news },
      body = { subscribers = json.array { demo.names.chitra, demo.names.nobody } },
    },
    run = add,
  },
  {
    name = "subscribers.remove",
    summary = "Removes subscribers of a public group; the reply says for each number whether, or why not.",
    method = "PUT",
    path = "/groups/{group}/subscribers/remove",
    permission = "groupmember.remove",
    who = "admin",
    body = PHONES,
    reply = results "isRemoved",
    example = {
      params = { group = demo.names.news },
      body = { subscribers = json.array { demo.names.chitra, demo.names.nobody } },
    },
    run = remove,
  },
}
