--- What the parts of the history's page share.
local elements = require "html.elements"

local parts = {}

local h = elements.h

local MESSAGE_SHOWN <const> = 200 -- bytes
local BRIEFLY_SHOWN <const> = 100

parts.SIGNS = { good = "✓", failed = "✗", skipped = "–", running = "●" }
parts.WORDS = { good = "succeeded", failed = "failed", skipped = "skipped", running = "running" }

-- Where the marks of a page lead. A page in a file leads to itself.
---@class history.links
---@field run fun(id: string): string
---@field day fun(date: string): string

function parts.plural(count, word)
  return ("%d %s%s"):format(count, word, count == 1 and "" or "s")
end

function parts.one_line(text)
  return (text:gsub("%c", " "))
end

--- At most MESSAGE_SHOWN bytes, briefly BRIEFLY_SHOWN, whole characters.
---@param text string
---@param is_brief boolean|nil
---@return string
function parts.shorten(text, is_brief)
  return elements.shorten(text, is_brief and BRIEFLY_SHOWN or MESSAGE_SHOWN)
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
