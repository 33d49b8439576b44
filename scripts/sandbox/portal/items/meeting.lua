--- A meeting: time, place, agenda, and who will attend.
local choice = require "sandbox.portal.items.choice"
local html = require "html.elements"
local iso_time = require "sandbox.base.iso_time"
local place_of = require "sandbox.portal.items.place"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local TEXTS = {
  question = "conversation.meeting_question", answer = "conversation.reply",
  option = "conversation.meeting_",
}

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  local t, body = talk.t, item.row.body
  return {
    h.h4 { body.title },
    widgets.facts {
      { t "conversation.starts", talk.visit:time(iso_time(body.startingTime)) },
      { t "conversation.duration", t("conversation.minutes", { count = body.duration }) },
      { t "conversation.place", body.place
        and place_of(talk, body.place.name, body.place.latitude, body.place.longitude) },
      { t "conversation.agenda", body.agenda ~= "" and h.span { class = "written", body.agenda } },
    },
    choice(talk, item, TEXTS),
  }
end
