--- Bar charts of choices. The number of each bar is also shown as text.
local files = require "sandbox.portal.items.files"
local html = require "html.elements"
local language = require "html.language"

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

--- A list of options with bars.
---@param talk sandbox.portal.talk
---@param spec sandbox.portal.chart
---@return html.element
function chart.options(talk, spec)
  local rows, radio = {}, spec.radio
  for i, option in ipairs(spec.options) do
    local count = spec.counts and spec.counts[option.title] or 0
    local label = spec.texts and talk.t(spec.texts .. option.title:lower()) or option.title
    local choice = spec.choices and spec.choices[i]
    local picture = choice and choice.image
    local id = radio and ("%s-%d"):format(radio.id, i)
    rows[i] = h.li {
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
  return h.ul { class = "chart", rows }
end

return chart
