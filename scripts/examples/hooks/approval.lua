-- Handlers of a Kaizala webhook: whoever writes "please …" in a group asks for an approval. Another group, of
-- those who decide, gets a survey; the first answer is told to the one who asked.
--
-- Use:   `approvals` in hooks.yaml. DECIDERS is the ID of the group of those who decide.
--
-- State: for each survey who asked for what, and where: forgotten once it is decided.
local kaizala = require "kaizala"
local state = require "jeton.state"

local DECIDERS = os.getenv "DECIDERS"
local HOURS = 72

return {
  TextMessageCreated = function(event)
    local it = event.data
    local wish = it.data.text:match "^[Pp]lease%s+(.+)"
    if not wish or it.groupId == DECIDERS or it.isBotfromUser then return end
    local kz = kaizala.connect()
    -- Kept at once: if what follows fails, a later attempt does not ask again.
    local survey = event:step("ask", function()
      return kz:group(DECIDERS):create_survey({
        title = ("%s asks: %s"):format(it.fromUserName or it.fromUser, wish),
        due_in_hours = HOURS,
        questions = { { title = "Approve?", options = { "Yes", "No" } } },
      }).id
    end)
    state.set(survey, { group = it.groupId, wish = wish, name = it.fromUserName or it.fromUser })
  end,

  SurveyResponse = function(event)
    local data = event.data.data
    local asked = state.get(data.actionId)
    if not asked then return end -- of another survey, or decided already
    local word = kaizala.answers(event)["Approve?"] == "Yes" and "approved" or "declined"
    event:step("tell", function()
      kaizala.connect():group(asked.group):send_message(("%s: \"%s\" was %s by %s"):format(asked.name,
        asked.wish, word, data.responderName or data.responder))
      return true
    end)
    state.set(data.actionId, nil)
  end,

  ["*"] = function() end,
}
