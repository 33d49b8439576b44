--- What the pages of a group have in common: finding it, access, and the tabs.
local access = require "sandbox.rules.access"
local act = require "sandbox.portal.act"
local html = require "html.elements"
local respond = require "sandbox.portal.respond"
local widgets = require "sandbox.portal.widgets"

local group_of = {}

local h = html.h

-- In order. public: only of a ConnectGroup; audience: also for its subscribers.
local TABS = {
  { key = "conversation.title", tail = "/conversation", audience = true },
  { key = "groups.about", tail = "" },
  { key = "groups.members", tail = "/members" },
  { key = "groups.subscribers", tail = "/subscribers", public = true },
  { key = "connectors.title", tail = "/connectors", admin = true },
}

--- The group of the path, and the visitor's role. Raises 404 and 403.
---@param visit sandbox.portal.visit
---@param who "reach"|"audience"|"admin"|nil "reach"
---@return sandbox.group group
---@return string role "Admin", "Member" or "Subscriber"
function group_of.visit(visit, who)
  return access.need_group(visit.db, act.caller(visit.user), visit.params.group, who or "reach")
end

---@param group sandbox.group
---@param tail string|nil "/members"
---@return string path of its page
function group_of.path(group, tail)
  return "/portal/groups/" .. group.id .. (tail or "")
end

--- The page that a group's name opens: the first tab.
---@param group sandbox.group
---@return string path
function group_of.home(group)
  return group_of.path(group, TABS[1].tail)
end

local function tabs(visit, group, role, at)
  local items = {}
  for _, tab in ipairs(TABS) do
    if (not tab.public or group.type == "ConnectGroup") and (not tab.admin or role == "Admin")
      and (tab.audience or role ~= "Subscriber") then
      items[#items + 1] = h.li {
        h.a {
          href = group_of.path(group, tab.tail), aria_current = tab.tail == at and "page" or nil,
          visit.t(tab.key),
        },
      }
    end
  end
  return h.nav { class = "tabs", aria_label = visit.t "groups.parts", h.ul { items } }
end

---@param visit sandbox.portal.visit
---@param group sandbox.group
---@return html.element
function group_of.kind_badge(visit, group)
  return widgets.badge(visit.t(group.type == "ConnectGroup" and "groups.public" or "groups.private"))
end

--- Renders a page of a group.
---@param visit sandbox.portal.visit
---@param group sandbox.group
---@param role string of the visitor
---@param at string the tab: its tail
---@param main html.node
---@param status integer|nil
---@return table response
function group_of.page(visit, group, role, at, main, status)
  return respond.page(visit, {
    title = group.name,
    back = { "/portal/groups", visit.t "groups.title" },
    main = { tabs(visit, group, role, at), main },
  }, status)
end

return group_of
