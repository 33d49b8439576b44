--- A survey or an action package: questions with charts of the answers. Its own page also shows all answers
--- and the form to answer.
local actions = require "sandbox.data.actions"
local answer = require "sandbox.portal.items.answer"
local answer_form = require "sandbox.portal.items.answer_form"
local chart = require "sandbox.portal.items.chart"
local describe = require "sandbox.actions.describe"
local files = require "sandbox.portal.items.files"
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local properties = require "sandbox.portal.items.properties"
local tally = require "sandbox.data.tally"
local widgets = require "sandbox.portal.widgets"

local h = html.h

-- By type of question: a summary of the answers.
local summary = {}

function summary.SingleOption(talk, question, at, counted)
  return chart.options(talk, {
    options = question.options, counts = counted.options[at] or {}, answered = counted.responses,
    most = limits.portal_options_listed,
  })
end
summary.MultiOption = summary.SingleOption

function summary.Numeric(talk, question, at, counted)
  local found = counted.numbers[at]
  if not found then
    return h.p { class = "soft", talk.t "conversation.no_answer" }
  end
  local function shown(value)
    return answer(talk, question, value)
  end
  return h.p {
    talk.t("conversation.numbers", {
      mean = shown(math.floor(found.mean * 100 + 0.5) / 100), least = shown(found.least),
      most = shown(found.most),
    }),
  }
end

-- The counts; nil if hidden from this person, or too many for a page with other items.
local function count(talk, action, may_see)
  local counted, responses = talk:count(action)
  return responses, may_see and counted and {
    responses = responses,
    options = tally.options(talk.db, action),
    numbers = tally.numbers(talk.db, action),
  } or nil
end

local function question_item(talk, question, at, counted)
  local short = counted and summary[question.type]
  return h.li {
    h.p {
      class = "question", question.title,
      not question.options and h.span {
        class = "kind", talk.t("conversation.type_" .. question.type:lower()),
      },
    },
    short and short(talk, question, at, counted)
      or question.options and chart.options(talk, {
        options = question.options, answered = 0, most = limits.portal_options_listed,
      }),
  }
end

-- The questions of the page, and their fields if they can be answered there.
local function question_part(talk, item, counted, bytes)
  local questions, positions = item.row.body.questions, {}
  local from = talk.is_whole and answer_form.from(talk, #questions) or 0
  local part = { from = from, count = #questions, per = limits.portal_questions_back, name = "questions" }
  local may_answer = talk.is_whole and not item.is_over
  if may_answer then
    answer_form.open(talk, item.row)
  end
  for i = from + 1, #questions do
    positions[#positions + 1] = i
  end
  local rows = html.fit(positions, bytes, function(i)
    if questions[i].isInvisible then
      return {}
    end
    return {
      question_item(talk, questions[i], i, counted), may_answer and answer_form.field(talk, item, i) or nil,
    }
  end)
  part.last = from + #rows
  local list, form = {}, {}
  for _, row in ipairs(rows) do
    list[#list + 1], form[#form + 1] = row[1], row[2]
  end
  return part, list, form
end

-- A response. An anonymous survey does not reveal the responder.
local function response(talk, action, row)
  local facts, is_anonymous = {}, action.body.isAnonymous
  for i, question in ipairs(action.body.questions) do
    facts[i] = not question.isInvisible and { question.title, answer(talk, question, row.body.answers[i]) }
      or { "" }
  end
  return h.li {
    h.p {
      class = "item-facts",
      h.strong { is_anonymous and talk.t "conversation.anonymous" or talk:name(row.user_id) },
      not is_anonymous and talk.visit:time(row.updated_at),
    },
    widgets.facts(facts),
  }
end

local function response_list(talk, action, may_see)
  local only, visit = not may_see and talk.me.id or nil, talk.visit
  local all = actions.count_responses(talk.db, action, only)
  local part = widgets.part(visit, all, limits.portal_answers_shown, "answers")
  local rows = actions.newest_responses(talk.db, action, only, part.per, part.from)
  local function make(bytes)
    local list = html.fit(rows, bytes - limits.portal_pager_bytes, function(row)
      return { response(talk, action, row) }
    end)
    part.last = part.from + #list
    return { h.ol { class = "responses", list }, widgets.pager(visit, part, talk:query()) }
  end
  return all > 0 and h.section {
    id = part.name, class = "answer-form", aria_labelledby = "responses-title",
    h.h4 { id = "responses-title", talk.t(may_see and "conversation.in_full" or "conversation.own_answer") },
    html.part { least = limits.portal_list_least, make = make },
  }
end

local function facts(talk, item, responses, may_see, counted)
  local t, body = talk.t, item.row.body
  return h.p {
    class = "soft",
    t("conversation.answers", { count = responses }),
    body.isAnonymous and { " · ", t "conversation.is_anonymous" },
    not may_see and { " · ", t(body.visibility == "2" and "conversation.admins_see"
      or "conversation.sender_sees") },
    may_see and not counted and { " · ", t "conversation.not_counted" },
    item.row.expires_at and { " · ", t(item.is_over and "conversation.ended" or "conversation.ends",
      { time = talk.visit:time(item.row.expires_at) }) },
  }
end

-- The form where it is; else the way to it, or to the other questions.
local function answering(talk, item, part, form)
  local action = item.row
  if item.is_over then
    return talk.is_whole and widgets.pager(talk.visit, part, talk:query())
  elseif talk.is_whole then
    return answer_form.show(talk, item, part, form)
  end
  return h.p {
    h.a {
      class = "button second", href = talk:link("/" .. item.reference_id, nil, "answer"),
      aria_label = talk.t("common.about_what", {
        text = talk.t "conversation.answer", what = action.body.title or action.package_id,
      }),
      talk.t "conversation.answer",
    },
  }
end

local function asked(talk, item)
  local action = item.row
  local may_see = describe.may_see_responses(talk.call, action)
  local responses, counted = count(talk, action, may_see)
  local function make(bytes)
    local part, list, form = question_part(talk, item, counted, bytes - limits.portal_form_frame)
    return {
      #list > 0 and h.ol { class = "questions", id = talk.is_whole and part.name, list },
      facts(talk, item, responses, may_see, counted),
      answering(talk, item, part, form),
    }
  end
  if not talk.is_whole then
    return make(math.huge)
  end
  return {
    html.part { least = limits.portal_list_least, most = limits.portal_questions_bytes, make = make },
    response_list(talk, action, may_see),
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  local action = item.row
  return {
    h.h4 { action.body.title or action.package_id },
    files.illustration(talk, action.body.coverImage),
    action.package_id ~= "" and h.p { class = "soft", h.code { action.package_id } },
    action.body.description and action.body.description ~= ""
      and h.p { class = "written", action.body.description },
    properties(talk, action),
    #action.body.questions > 0 and asked(talk, item),
  }
end
