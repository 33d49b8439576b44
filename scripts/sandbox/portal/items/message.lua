--- A text message, and the item it replies to.
local actions = require "sandbox.data.actions"
local conversation = require "sandbox.data.conversation"
local html = require "html.elements"
local messages = require "sandbox.data.messages"

local h = html.h

-- An action in one line.
local function summary(talk, action)
  for _, field in ipairs { "title", "question", "message", "caption" } do
    local text = action.body[field] or ""
    if text ~= "" then return text end
  end
  return talk.t("conversation.kind_" .. action.type:lower())
end

-- The person may not be allowed to see that item.
local function quoted(talk, item)
  local reply_to = item.row.reply_to
  local place = reply_to ~= "" and not talk.subscriber_id
    and conversation.find(talk.db, talk.group, reply_to)
  if not place then return nil end
  local is_message = place.kind == "message"
  local row = is_message and messages.by_number(talk.db, place.number)
    or actions.by_number(talk.db, place.number)
  ---@cast row table
  return h.blockquote {
    class = "quoted",
    h.strong { talk:name(row.sender_id) },
    h.span { class = "clip", is_message and row.text or summary(talk, row) },
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  return { quoted(talk, item), h.p { class = "written", item.row.text } }
end
