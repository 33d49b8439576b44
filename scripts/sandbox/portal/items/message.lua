--- A text message, and the one that it answers.
local html = require "sandbox.portal.html"
local messages = require "sandbox.data.messages"

local h = html.h

-- What is answered may not be for this person's eyes.
local function quoted(talk, item)
  local reply_to = item.row.reply_to
  local found = reply_to ~= "" and not talk.subscriber_id
    and messages.by_reference(talk.db, talk.group, reply_to)
  return found and h.blockquote {
    class = "quoted",
    h.strong { talk:name(found.sender_id) },
    h.span { class = "clip", found.text },
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return sandbox.portal.node
return function(talk, item)
  return { quoted(talk, item), h.p { class = "written", item.row.text } }
end
