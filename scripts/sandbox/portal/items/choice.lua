--- A question with options that is answered in the conversation itself: a poll, or a meeting.
local actions = require "sandbox.data.actions"
local chart = require "sandbox.portal.items.chart"
local describe = require "sandbox.actions.describe"
local html = require "html.elements"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local questions = require "sandbox.actions.questions"
local tally = require "sandbox.data.tally"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local function own_choice(talk, action)
  local own = actions.response_of(talk.db, action, talk.me.id)
  local answers = own and own.body.answers
  return answers and answers[1] ~= json.null and answers[1][1] or nil, own
end

-- The number of answers, if this person may see it.
local function answered(talk, may_see, counted, responses, more)
  local t = talk.t
  return h.p {
    class = "soft",
    t("conversation.answers", { count = responses }),
    not may_see and { " · ", t "conversation.sender_sees" },
    may_see and not counted and { " · ", t "conversation.not_counted" },
    more and { " · ", more },
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@param texts {question: string, answer: string, option: string|nil} keys of the question, of the button,
---and the prefix of the keys of options, if those are the service's own words
---@param more html.node after the number of answers
---@return html.node
return function(talk, item, texts, more)
  local t, action = talk.t, item.row
  local options = questions.of(action)[1].options
  local may_see = describe.may_see_responses(talk.call, action)
  local counted, responses = talk:count(action)
  local counts = may_see and counted and (tally.options(talk.db, action)[1] or {}) or nil
  local chosen, own = own_choice(talk, action)
  local id = "choice-" .. item.reference_id
  local part = talk.is_whole and widgets.part(talk.visit, #options, limits.portal_options_back, "choices")
  local function bars(radio, bytes)
    local list, last = chart.options(talk, {
      options = options, choices = action.body.choices, counts = counts, answered = responses,
      radio = radio, texts = texts.option, from = part and part.from, bytes = bytes,
    })
    if part then
      part.last = last
    end
    return list
  end
  local title = questions.of(action)[1].title
  local function make(bytes)
    return {
      item.is_over and bars(nil, bytes) or talk:form {
        action = talk:path("/" .. item.reference_id .. "/answer"),
        h.fieldset {
          class = "choice-list",
          h.legend { class = "unseen", t(texts.question, { title = title }) },
          bars({ name = "answer_1", id = id, chosen = chosen }, bytes),
        },
        h.div {
          h.button {
            class = own and "second" or nil,
            aria_label = t("common.about_what", {
              text = t(own and "conversation.change" or texts.answer), what = title,
            }),
            t(own and "conversation.change" or texts.answer),
          },
        },
      },
      part and widgets.pager(talk.visit, part, talk:query()),
    }
  end
  return {
    part and h.span { id = part.name },
    not part and make(math.huge) or html.part {
      least = limits.portal_list_least, most = limits.portal_options_bytes,
      make = function(bytes) return make(bytes - limits.portal_form_frame) end,
    },
    answered(talk, may_see, counted, responses, more),
  }
end
