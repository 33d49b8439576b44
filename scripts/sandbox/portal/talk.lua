--- A conversation as one person sees it. The visitor has access to the group; the acting person can be
--- anybody in the group. The page shows what the acting person sees and may do.
local act = require "sandbox.portal.act"
local group_of = require "sandbox.portal.group"
local html = require "html.elements"
local http = require "jeton.http"
local limits = require "sandbox.base.limits"
local people = require "sandbox.data.people"
local refusal = require "sandbox.base.refusal"
local tally = require "sandbox.data.tally"
local users = require "sandbox.data.users"

local talk = {}
talk.__index = talk

---@class sandbox.portal.talk
---@field visit sandbox.portal.visit
---@field t fun(key: string, values: table|nil): any
---@field db table
---@field group sandbox.group
---@field visitor_role string of the signed-in user
---@field me sandbox.user the acting person
---@field call sandbox.call of the acting person, with their `role`
---@field subscriber_id string|nil the acting person, if only a subscriber
---@field is_whole boolean it is the page of one item

-- The person in the page's URL or form, by id or phone number; nil if not in the group.
local function find_person(visit, group)
  local id = visit.fields.as or visit.query.as
  local phone = visit.query.phone
  local user
  if phone and phone ~= "" then
    user = users.by_phone(visit.db, (phone:gsub("[%s().-]", "")))
  elseif id then
    user = users.by_id(visit.db, id)
  end
  return user and people.is_in(visit.db, group, user.id) and user or nil
end

--- Raises 404 and 403.
---@param visit sandbox.portal.visit
---@param is_whole boolean|nil
---@return sandbox.portal.talk
function talk.open(visit, is_whole)
  local group, role = group_of.visit(visit, "audience")
  local me = find_person(visit, group)
  if not me and visit.fields.as and visit.fields.as ~= visit.user.id then
    refusal.not_found "the person of this form is not in the group"
  end
  me = me or visit.user
  local call = act.call(visit, me, { group = group.id }, "audience")
  return setmetatable({
    visit = visit,
    t = visit.t,
    db = visit.db,
    group = group,
    visitor_role = role,
    me = me,
    call = call,
    subscriber_id = call.role == "Subscriber" and me.id or nil,
    is_whole = is_whole or visit.fields.whole ~= nil,
    names = {},
    left_to_count = limits.portal_answers,
  }, talk)
end

---@param tail string|nil "/{reference}/like"
---@return string path of the conversation's pages
function talk:path(tail)
  return group_of.path(self.group, "/conversation" .. (tail or ""))
end

--- The URL of a page of the conversation, for the same acting person.
---@param tail string|nil
---@param query string|nil "before=5"
---@param part string|nil id of an element
---@return string
function talk:link(tail, query, part)
  local values = {}
  values[1] = self.me.id ~= self.visit.user.id and "as=" .. http.encode(self.me.id) or nil
  values[#values + 1] = query
  return self:path(tail) .. (#values > 0 and "?" .. table.concat(values, "&") or "")
    .. (part and "#" .. part or "")
end

--- What a pager on the page of an item keeps of its query.
---@return string|nil
function talk:query()
  local who = self.visit.query.as
  return who and "as=" .. http.encode(who)
end

---@param reference_id string
---@return string id of an item's element
function talk.part(reference_id)
  return "item-" .. reference_id
end

--- The action of a form about an item.
---@param reference_id string
---@return string path
function talk:after(reference_id)
  return self.is_whole and self:link("/" .. reference_id) or self:link(nil, nil, talk.part(reference_id))
end

--- A form in the name of the acting person.
---@param content table action and children
---@return html.element
function talk:form(content)
  table.insert(content, 1, {
    html.h.input { type = "hidden", name = "as", value = self.me.id },
    self.is_whole and html.h.input { type = "hidden", name = "whole", value = "yes" },
  })
  return self.visit:form(content)
end

---@param user sandbox.user
---@return string
function talk.name_of(user)
  return user.name ~= "" and user.name or user.phone
end

--- The displayed name of a user.
---@param user_id string
---@return string
function talk:name(user_id)
  if not self.names[user_id] then
    local user = users.by_id(self.db, user_id)
    self.names[user_id] = user and talk.name_of(user) or self.t "conversation.somebody"
  end
  return self.names[user_id]
end

---@param user_id string
---@return boolean
function talk:is_me(user_id)
  return user_id:lower() == self.me.id:lower()
end

--- Whether answers may still be counted: there is a limit for a page.
---@param action sandbox.action
---@return boolean may
---@return integer responses
function talk:count(action)
  local responses = tally.responses(self.db, action)
  if not self.is_whole and responses > self.left_to_count then
    return false, responses
  end
  self.left_to_count = self.left_to_count - responses
  return true, responses
end

--- Whether the acting person may write messages.
---@return boolean
function talk:may_write()
  return self.call.role ~= "Subscriber"
end

--- Whether the acting person may send to subscribers.
---@return boolean
function talk:may_reach_subscribers()
  return self.group.type == "ConnectGroup" and self.call.role == "Admin"
end

return talk
