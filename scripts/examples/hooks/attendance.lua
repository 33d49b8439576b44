-- Handlers of a Kaizala webhook: tells a group of managers who is where, as the answers to the survey of
-- attendance.lua come in.
--
-- Use:   `attendance` in hooks.yaml. MANAGERS is the ID of the group that is told; TZ the zone of the days.
--        The answers of a group are handled in turn (`order`), so that none is left out of the count.
--
-- State: today's answers, by person. Who answers again is moved, and not counted twice.
local kaizala = require "kaizala"
local state = require "jeton.state"

local MANAGERS = os.getenv "MANAGERS"
local QUESTION = "Where are you today?"

-- As in "2 Office, 1 Home": what most have said first.
local function summary(answers)
  local counts, places, parts = {}, {}, {}
  for _, place in pairs(answers) do
    if not counts[place] then places[#places + 1] = place end
    counts[place] = (counts[place] or 0) + 1
  end
  table.sort(places, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  for i, place in ipairs(places) do parts[i] = ("%d %s"):format(counts[place], place) end
  return table.concat(parts, ", ")
end

return {
  SurveyResponse = function(event)
    local data = event.data.data
    local place = kaizala.answers(event)[QUESTION]
    if type(place) ~= "string" or not data.responderId then return end -- of another survey, or anonymous
    local today, kept = os.date("%Y-%m-%d", event.received_at), state.get "today"
    if not kept or kept.day ~= today then kept = { day = today, answers = {} } end
    kept.answers[data.responderId] = place
    -- If the state cannot be written afterwards, a later attempt does not tell it again.
    event:step("tell", function()
      kaizala.connect():group(MANAGERS):send_message(("%s: %s. Today: %s"):format(
        data.responderName or data.responder, place, summary(kept.answers)))
      return true
    end)
    state.set("today", kept)
  end,

  ["*"] = function() end,
}
