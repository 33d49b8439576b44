--- What the parts of the history's page share.
local elements = require "html.elements"
local language = require "html.language"
local strings = require "history.strings"

local parts = {}

local h = elements.h

local MESSAGE_SHOWN <const> = 200 -- bytes
local BRIEFLY_SHOWN <const> = 100
local CONFIGURATION_SHOWN <const> = 60

parts.SIGNS = { good = "✓", failed = "✗", skipped = "–", running = "●" }

--- Of which kind a page is: its language, whose runs it shows, where its marks lead.
---@class history.view
---@field language "en"|"fr"
---@field t fun(key: string, values: table|nil): any a text, see html.language
---@field all boolean of all configurations
---@field links history.links

--- A page in a file leads to itself, and has not the pages of the last two.
---@class history.links
---@field run fun(id: string): string
---@field day fun(date: string): string
---@field job? fun(name: string): string
---@field output? fun(id: string, attempt: integer): string

---@param code "en"|"fr"
---@param all boolean
---@param links history.links
---@return history.view
function parts.view(code, all, links)
  return { language = code, t = language.translator(strings, code), all = all, links = links }
end

--- "2026-01-31 08:00:00", or its day alone, as people write it.
---@param view history.view
---@param text string
---@return string
function parts.moment(view, text)
  return view.language == "fr" and (text:gsub("^(%d+)-(%d%d)-(%d%d)", "%3/%2/%1")) or text
end

--- "3.2 s": French has a comma.
---@param view history.view
---@param text string
---@return string
function parts.duration(view, text)
  return view.language == "fr" and (text:gsub("%.", ",")) or text
end

function parts.one_line(text)
  return (text:gsub("%c", " "))
end

--- At most MESSAGE_SHOWN bytes, briefly BRIEFLY_SHOWN, whole characters.
---@param text string
---@param is_brief boolean|nil
---@return string
function parts.shorten(text, is_brief)
  local most = is_brief and BRIEFLY_SHOWN or MESSAGE_SHOWN
  local shown = elements.shorten(text, most)
  return elements.shorten(shown, elements.fitting(shown, most))
end

--- At most so many bytes, the last ones, whole characters.
---@param text string
---@param most integer
---@return string
function parts.ending(text, most)
  local shown = text:sub(-most)
  most = elements.fitting(shown, most)
  return #text <= most and text or text:sub(utf8.offset(text, 0, #text - most + 1))
end

--- Of a name or a path the end.
---@param run {configuration: string|nil}
---@return string
function parts.configuration(run)
  local text = parts.one_line(run.configuration or "?")
  local shown = parts.ending(text, CONFIGURATION_SHOWN)
  return shown == text and text or "…" .. shown
end

function parts.section(title, ...)
  return h.section { h.h2 { title }, ... }
end

--- What may be wider than the page.
function parts.scrolled(label, class, content)
  return h.div { class = class, tabindex = "0", role = "region", aria_label = label, content }
end

--- The hour of the day, so many days from the day of `time`.
function parts.hour_of(time, days, hour)
  local date = os.date("*t", time)
  return os.time { year = date.year, month = date.month, day = date.day + days, hour = hour }
end

return parts
