--- The subscribers of a public group.
local audience = require "kaizala.audience"
local check = require "kaizala.check"
local chunks = require "kaizala.chunks"
local group = require "kaizala.group"
local iterator = require "kaizala.iterator"
local json = require "jeton.json"
local names = require "kaizala.names"

---@class kaizala.Group
local Group = group.Group

---@class kaizala.Subscriber
---@field id string
---@field name? string
---@field mobile_number? string
---@field profile_pic? string
---@field is_provisioned? boolean
---@field raw table

---@class kaizala.SubscriberChanges
---@field done string[] phone numbers that were added, or removed
---@field failed kaizala.Failed[] the others, with the reason
---@field err? jeton.Err why not all requests were made
---@field dry_run? boolean true if it was printed, not sent

-- Subscribers in a page (the service's limit).
local PAGE = 50

--- Lists the subscribers of a public group (*waits*, when the first is taken).
---@return kaizala.Iterator<kaizala.Subscriber> subscribers gives `kaizala.Subscriber`; raises an err
function Group:subscribers()
  check.method(self, Group, "group:subscribers()")
  audience.check_public(self, "subscribers")
  local target = group.path(self, "/subscribers")
  local request = "GET " .. target
  return iterator.new(function(cursor)
    local reply = group.client(self):request { path = target, query = { count = PAGE, cursor = cursor } }
    local list = {}
    for i, raw in ipairs(check.reply(reply.subscribers, "subscribers", "list", request)) do
      check.reply(raw, "subscribers[]", "object", request)
      check.reply(raw.id, "id", "string", request)
      list[i] = names.convert(raw, "subscriber")
    end
    local following = reply.cursor
    if following == nil or following == json.null or following == "" then return list, nil end
    if following == cursor then
      check.fail("invalid", "the reply's cursor is the one that was sent: there would be no end", request)
    end
    return list, following
  end, "subscribers")
end

local function text_or(value, default)
  return type(value) == "string" and value or default
end

-- Sorts the numbers of a part by their results in the reply.
local function sort(changes, part, reply, flag, request)
  local result = check.reply(reply.result, "result", "object", request)
  for _, phone in ipairs(part) do
    local entry = result[phone]
    local known = type(entry) == "table" and entry or {}
    if known[flag] == true then
      changes.done[#changes.done + 1] = phone
    else
      changes.failed[#changes.failed + 1] = {
        subscriber = phone,
        error_code = text_or(known.errorCode, "NotDone"),
        error_reason = text_or(known.errorReason, ("the service did not answer %s: true"):format(flag)),
        raw = type(entry) == "table" and entry or nil,
      }
    end
  end
end

local function change(self, what, flag, phones)
  audience.check_public(self, what .. "_subscribers")
  local parts = chunks.split(phones)
  local target = group.path(self, "/subscribers/" .. what)
  local changes = { done = {}, failed = {} }
  local failed, err = chunks.each(parts, function(part)
    local reply, dry_run = group.client(self):request {
      method = "PUT", path = target, json = { subscribers = part },
    }
    if dry_run then
      changes.dry_run = true
    else
      sort(changes, part, reply, flag, "PUT " .. target)
    end
  end)
  table.move(failed, 1, #failed, #changes.failed + 1, changes.failed)
  changes.err = err
  return changes
end

-- Checks a non-empty list of numbers.
local function need_phones(phones, what)
  local list = check.phones(phones, what .. ": phones")
  if #list == 0 then check.misuse(what .. ": the list of phones is empty") end
  return list
end

--- Adds subscribers to a public group, 30 per request (*waits*).
---@param phones string[] with + and country code
---@return kaizala.SubscriberChanges changes who was added and who was not; raises an err if the first
--- request fails
function Group:add_subscribers(phones)
  check.method(self, Group, "group:add_subscribers({…})")
  return change(self, "add", "isAdded", need_phones(phones, "add_subscribers"))
end

--- Removes subscribers of a public group, 30 per request (*waits*).
---@param phones string[] with + and country code
---@return kaizala.SubscriberChanges changes who was removed and who was not; raises an err if the first
--- request fails
function Group:remove_subscribers(phones)
  check.method(self, Group, "group:remove_subscribers({…})")
  return change(self, "remove", "isRemoved", need_phones(phones, "remove_subscribers"))
end
