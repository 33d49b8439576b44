--- Bar charts of choices. The number of each bar is also shown as text.
local files = require "sandbox.portal.items.files"
local html = require "html.elements"
local language = require "html.language"
local limits = require "sandbox.base.limits"

local chart = {}

local h = html.h

local WIDTH, HEIGHT = 100, 8

local function bar(share)
  return h.svg {
    class = "bar", viewBox = ("0 0 %d %d"):format(WIDTH, HEIGHT), preserveAspectRatio = "none",
    aria_hidden = "true", focusable = "false",
    h.rect { class = "bar-all", width = WIDTH, height = HEIGHT },
    share > 0 and h.rect { class = "bar-part", width = ("%.2f"):format(share * WIDTH), height = HEIGHT },
  }
end

local function numbers(talk, count, all)
  local percent = all > 0 and math.floor(100 * count / all + 0.5) or 0
  return h.span {
    class = "bar-numbers", language.number(talk.visit.language, count), " · ",
    talk.t("conversation.percent", { count = percent }),
  }
end

---@class sandbox.portal.chart
---@field options table[] of a question: { title }
---@field choices table[]|nil of a poll, in the order of the options: { image }
---@field counts table<string, integer>|nil by title; nil: hidden from this person
---@field answered integer how many answered: 100 %
---@field texts string|nil prefix of the keys of their texts; nil: they are shown as they are
---@field radio {name: string, id: string, chosen: string|nil}|nil if each can be chosen, by its position
---@field from integer|nil how many of the options are left out before
---@field bytes integer|nil of markup: it shows what fits
---@field most integer|nil so many are shown, of more the most chosen

local function row(talk, spec, i)
  local option, radio = spec.options[i], spec.radio
  local count = spec.counts and spec.counts[option.title] or 0
  local label = spec.texts and talk.t(spec.texts .. option.title:lower())
    or chart.title(option.title, #spec.options)
  local choice = spec.choices and spec.choices[i]
  local picture = choice and choice.image
  local id = radio and ("%s-%d"):format(radio.id, i)
  return h.li {
    class = radio and "option can-choose" or "option",
    radio and h.input {
      type = "radio", id = id, name = radio.name, value = i, required = true,
      checked = radio.chosen == option.title,
    },
    radio and h.label { for_ = id, label, files.illustration(talk, picture) }
      or h.span { class = "option-title", label, files.illustration(talk, picture) },
    spec.counts and numbers(talk, count, spec.answered),
    spec.counts and bar(spec.answered > 0 and count / spec.answered or 0),
  }
end

--- An option's title, as a page can show a hundred of them.
---@param text string
---@param count integer of the options
---@return string
function chart.title(text, count)
  local most = count > limits.portal_options_listed and limits.portal_option_brief
    or limits.portal_option_shown
  return html.shorten(text, html.fitting(text, most))
end

-- Drops the others; those chosen as often stay in their order.
local function keep_most_chosen(positions, spec)
  local counts = spec.counts or {}
  table.sort(positions, function(a, b)
    local left, right = counts[spec.options[a].title] or 0, counts[spec.options[b].title] or 0
    return left > right or left == right and a < b
  end)
  for i = #positions, spec.most + 1, -1 do
    positions[i] = nil
  end
end

--- A list of options with bars.
---@param talk sandbox.portal.talk
---@param spec sandbox.portal.chart
---@return html.element
---@return integer last the position of the last one
function chart.options(talk, spec)
  local positions = {}
  for i = (spec.from or 0) + 1, #spec.options do
    positions[#positions + 1] = i
  end
  local left = talk.visit.is_plain and 0 or #positions - (spec.most or #positions)
  if left > 0 then
    keep_most_chosen(positions, spec)
  end
  local rows = html.fit(positions, spec.bytes or math.huge, function(i)
    return { row(talk, spec, i) }
  end)
  return h.ul {
    class = "chart", rows,
    left > 0 and h.li { class = "soft", talk.t("answers.more_options", { count = left }) },
  }, (spec.from or 0) + #rows
end

return chart
