--- The items of a conversation. Each kind has a file that returns fn(talk, item), which renders the contents.
--- The frame around it is here: sender, time, audience, likes and comments.
local actions = require "sandbox.data.actions"
local assumptions = require "sandbox.base.assumptions"
local html = require "html.elements"
local messages = require "sandbox.data.messages"
local reacted = require "sandbox.portal.items.reacted"
local media = require "sandbox.portal.items.media"
local shared = require "sandbox.portal.items.shared"
local talks = require "sandbox.portal.talk"
local widgets = require "sandbox.portal.widgets"

local items = {}

local h = html.h

local TITLE_CHARACTERS = 100 -- of one that does not fit on the page

local SHOW = {
  message = require "sandbox.portal.items.message",
  Announcement = require "sandbox.portal.items.announcement",
  Job = require "sandbox.portal.items.job",
  Poll = require "sandbox.portal.items.poll",
  LetsMeet = require "sandbox.portal.items.meeting",
  Survey = require "sandbox.portal.items.survey",
  [assumptions.package_type] = require "sandbox.portal.items.survey",
  ShareLocation = shared, PhotoWithLocation = shared,
  Image = media, Album = media, Audio = media, Document = media, Video = media,
}

---@class sandbox.portal.item
---@field kind string "message", or the action's type
---@field reference_id string
---@field sender_id string
---@field at integer epoch seconds
---@field position integer
---@field row table the message or the action
---@field is_over boolean no more answers are accepted

--- Reads the item at a position of the conversation.
---@param db table
---@param place sandbox.place
---@param now integer epoch seconds
---@return sandbox.portal.item
function items.read(db, place, now)
  local is_message = place.kind == "message"
  local row = is_message and messages.by_number(db, place.number) or actions.by_number(db, place.number)
  ---@cast row table
  return {
    kind = is_message and "message" or row.type,
    reference_id = row.reference_id,
    sender_id = row.sender_id,
    at = is_message and row.sent_at or row.created_at,
    position = place.position,
    row = row,
    is_over = row.expires_at ~= nil and now >= row.expires_at,
  }
end

-- The audience, unless it is simply the group.
local function audience(talk, item)
  local row = item.row
  if row.to_all_subscribers ~= 0 then
    return widgets.badge(talk.t "conversation.to_subscribers")
  end
  return row.to_group == 0 and widgets.badge(talk.t "conversation.to_some")
end

local function over(talk, item)
  local is_late = item.kind == "Job"
  return item.is_over and not is_late and widgets.badge(talk.t "conversation.over")
end

-- Where all of it is, and the beginning of its title: several of them can be told apart.
local function long(talk, item)
  local body = item.kind ~= "message" and item.row.body or {}
  local title = body.title or body.question or ""
  local cut = utf8.offset(title, TITLE_CHARACTERS + 1)
  return {
    title ~= "" and h.h4 { cut and cut <= #title and title:sub(1, cut - 1) .. "…" or title },
    h.p { h.a { href = talk:link("/" .. item.reference_id), talk.t "conversation.long" } },
  }
end

--- Renders an item.
---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@param is_short boolean|nil only the beginning of its title, and where it is seen
---@return html.element
function items.show(talk, item, is_short)
  local t, part = talk.t, talks.part(item.reference_id)
  local is_mine = talk:is_me(item.sender_id)
  local name = talk:name(item.sender_id)
  return h.article {
    id = part, class = is_mine and "item mine" or "item", aria_labelledby = part .. "-head",
    h.header {
      class = "item-head",
      h.span { class = "initial", aria_hidden = "true", utf8.char(utf8.codepoint(name, 1)):upper() },
      h.h3 {
        id = part .. "-head", name,
        item.kind ~= "message" and h.span {
          class = "kind", h.span { class = "unseen", ": " }, t("conversation.kind_" .. item.kind:lower()),
        },
      },
      h.span { class = "item-facts", audience(talk, item), over(talk, item), talk.visit:time(item.at) },
    },
    h.div { class = "item-body", is_short and long(talk, item) or SHOW[item.kind](talk, item) },
    not is_short and reacted(talk, item),
  }
end

return items
