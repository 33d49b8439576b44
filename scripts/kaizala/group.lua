--- One group: its details, members and messages.
local audience = require "kaizala.audience"
local check = require "kaizala.check"
local iterator = require "kaizala.iterator"
local names = require "kaizala.names"

---@class kaizala.Group
---@field id string
---@field name? string
---@field type? string "Group" or "ConnectGroup"
---@field image_url? string
---@field welcome_message? string
---@field caller_role? string
---@field has_sub_groups? boolean
---@field has_parent_groups? boolean
---@field current_level_sub_group_count? integer
---@field current_level_parent_group_count? integer
---@field user_count? integer memberships in the group and all below it
---@field unique_user_count? integer the same, but each person once
---@field un_provisioned_user_count? integer of those, people who have no account
---@field current_level_user_count? integer only in the group itself
---@field current_level_un_provisioned_user_count? integer
---@field is_mapped_to_tenant? boolean
---@field is_duplicate? boolean
---@field is_editable? boolean
---@field is_details_readable? boolean
---@field members_added? boolean of a new group: whether its members were added
---@field is_added_as_sub_group? boolean of a new group, made with a group token
---@field raw? table the decoded reply that the fields come from
local Group = {}
Group.__index = Group
Group.__name = "kaizala.Group"

---@class kaizala.Member
---@field id string
---@field name? string
---@field role? "Admin"|"Member"
---@field mobile_number? string
---@field is_provisioned? boolean
---@field profile_pic? string
---@field raw table

---@class kaizala.Sent
---@field reference_id string of the message; `dry-run` in a dry run
---@field reference_ids string[] of all messages, one per 30 subscribers
---@field failed_result? kaizala.Failed[] subscribers it was not sent to
---@field err? jeton.Err why not all requests were made; the others are in failed_result
---@field dry_run? boolean true if it was printed, not sent
---@field raw table

-- The client of each group, kept apart from the fields, which are the service's.
local clients = setmetatable({}, { __mode = "k" })

-- Other files add their methods to the class.
local group = { Group = Group }

--- Makes a group of which only the id is known.
---@param client kaizala.Client
---@param id? string
---@return kaizala.Group group
function group.new(client, id)
  local self = setmetatable({ id = id }, Group)
  clients[self] = client
  return self
end

-- Fills the fields from an object of the wire.
local function fill(self, raw, request)
  check.reply(raw, "groups[]", "object", request)
  local id = check.reply(raw.groupId, "groupId", "string", request)
  names.convert(raw, "group", self, Group)
  self.id, self.groups = id, nil -- the list that details may come in, too
  return self
end

--- Makes a group from an object of the wire; raises `invalid` where it has no groupId.
---@param client kaizala.Client
---@param raw any
---@param request string for the error
---@return kaizala.Group group
function group.from_raw(client, raw, request)
  -- With room for the fields of a reply: a table that grows is made anew again and again.
  local self = setmetatable({
    id = nil, name = nil, type = nil, image_url = nil, welcome_message = nil, caller_role = nil,
    has_sub_groups = nil, has_parent_groups = nil, raw = nil,
  }, Group)
  clients[self] = client
  return fill(self, raw, request)
end

-- "/groups/ID" and what follows.
local function path(self, tail)
  return "/groups/" .. check.id(self.id, "the group's id") .. (tail or "")
end

--- Gives the client that a group belongs to.
---@param self kaizala.Group
---@return kaizala.Client client
function group.client(self)
  return clients[self]
end

--- Gives a path below the group: `/groups/ID/actions`.
---@param self kaizala.Group
---@param tail string `/actions`
---@return string path
function group.path(self, tail)
  return path(self, tail)
end

--- Sends a change (*waits*); raises `http` when the reply says `result: false`, as a boolean or as text.
---@param self kaizala.Group
---@param method string
---@param target string path
---@param body? table
---@return boolean true
function group.change(self, method, target, body)
  local reply, dry_run = clients[self]:request { method = method, path = target, json = body }
  return dry_run or check.done(reply, method .. " " .. target)
end

--- Fetches the group's fields (*waits*).
---@return kaizala.Group self with its fields filled; raises an err
function Group:details()
  check.method(self, Group, "group:details()")
  local target = path(self)
  local request = "GET " .. target
  local reply = clients[self]:request { path = target }
  -- The fields are at the top, in a list with one entry, or both.
  if check.given(reply.groupId) ~= nil then return fill(self, reply, request) end
  return fill(self, check.reply(reply.groups, "groups", "list", request)[1], request)
end

--- Lists the members (*waits*, when the first is taken).
---@return kaizala.Iterator<kaizala.Member> members gives `kaizala.Member`; raises an err
function Group:members()
  check.method(self, Group, "group:members()")
  local target = path(self, "/members")
  local request = "GET " .. target
  return iterator.new(function()
    local reply = clients[self]:request { path = target }
    local list = {}
    for i, raw in ipairs(check.reply(reply.members, "members", "list", request)) do
      check.reply(raw, "members[]", "object", request)
      check.reply(raw.id, "id", "string", request)
      list[i] = names.convert(raw, "member")
    end
    return list
  end)
end

--- Adds people to the group (*waits*).
---@param phones string[] with + and country code
---@return boolean true; raises an err
function Group:add_members(phones)
  check.method(self, Group, "group:add_members({…})")
  local list = check.phones(phones, "add_members: phones")
  if #list == 0 then check.misuse("add_members: the list of phones is empty") end
  return group.change(self, "PUT", path(self, "/members"), { members = list })
end

--- Removes somebody from the group (*waits*).
---@param member_id string the member's `id`, not the phone number
---@return boolean true; raises an err
function Group:remove_member(member_id)
  check.method(self, Group, "group:remove_member(id)")
  local id = check.member_id(member_id, "remove_member: member_id")
  return group.change(self, "DELETE", path(self, "/members/" .. id))
end

--- Makes a member an admin of the group, or an admin a member (*waits*).
---@param member_id string the member's `id`, not the phone number
---@param role "Admin"|"Member"
---@return boolean true; raises an err
function Group:set_role(member_id, role)
  check.method(self, Group, "group:set_role(id, role)")
  local id = check.member_id(member_id, "set_role: member_id")
  check.word(role, { "Admin", "Member" }, "set_role: role")
  return group.change(self, "PUT", path(self, "/members/" .. id), { role = role })
end

---@class kaizala.SendOptions: kaizala.AudienceOptions
---@field reply_to? string reference_id of the message or action that this one answers
---@field repeatable? boolean may be repeated if the reply is lost
local send_options = {
  { "subscribers" }, { "all_subscribers" }, { "reply_to", "string", "replyToReferenceId" },
  { "repeatable", "boolean" },
}

--- Posts a text message (*waits*). More than 30 `subscribers` take several requests; if a later one
--- fails, the result says who was left out, and why.
---@param text string UTF-8, 1 to 4,000 characters
---@param options? kaizala.SendOptions
---@return kaizala.Sent sent raises an err
function Group:send_message(text, options)
  check.method(self, Group, "group:send_message(text)")
  check.message(text, "send_message: text")
  local body
  options, body = check.fields(options, "send_message", send_options)
  body.message = text
  audience.write(self, options, "send_message", body)
  local replies, failed, err, dry_run = audience.post(clients[self], {
    path = path(self, "/messages"),
    json = body,
    repeatable = options.repeatable,
  }, audience.check_sent)
  return audience.sent(replies, failed, err, dry_run)
end

return group
