--- A poll.
local choice = require "sandbox.portal.items.choice"
local html = require "html.elements"

local h = html.h

local TEXTS = { question = "conversation.poll_question", answer = "conversation.vote" }

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  local until_when = talk.visit:time(item.row.expires_at)
  return {
    h.h4 { item.row.body.question },
    choice(talk, item, TEXTS,
      talk.t(item.is_over and "conversation.ended" or "conversation.ends", { time = until_when })),
  }
end
