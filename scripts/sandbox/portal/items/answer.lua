--- Shows an answer to a question.
local chart = require "sandbox.portal.items.chart"
local files = require "sandbox.portal.items.files"
local html = require "html.elements"
local json = require "jeton.json"
local language = require "html.language"
local media_resource = require "sandbox.base.media_resource"
local place_of = require "sandbox.portal.items.place"

local h = html.h

--- 4.5 → "4.5", in French "4,5".
local function number(talk, value)
  local text = math.tointeger(value) and language.number(talk.visit.language, math.tointeger(value))
    or ("%.14g"):format(value)
  return talk.visit.language == "fr" and (text:gsub("%.", ",")) or text
end

local show = {}

function show.Text(_, value)
  return h.span { class = "written", value }
end

show.Numeric = number

function show.SingleOption(_, value)
  local titles = {}
  for i, title in ipairs(value) do
    titles[i] = chart.title(title, #value)
  end
  return table.concat(titles, ", ")
end
show.MultiOption = show.SingleOption

function show.Date(talk, value)
  return language.date(talk.visit.language, value)
end

function show.DateTime(talk, value)
  return talk.visit:time(value)
end

function show.Location(talk, value)
  return place_of(talk, value.n or "", value.lt, value.lg)
end

function show.Image(talk, value)
  return files.of(talk, media_resource.decode(value), "")
end

function show.AttachmentList(talk, value)
  local out = {}
  for i, text in ipairs(value) do
    out[i] = show.Image(talk, text)
  end
  return h.div { class = "files", out }
end

-- A date outside of this machine's calendar is shown as a number.
local function is_shown(kind, value)
  return (kind ~= "Date" and kind ~= "DateTime") or pcall(os.date, "*t", value)
end

---@param talk sandbox.portal.talk
---@param question table
---@param value any as it is stored
---@return html.node
return function(talk, question, value)
  if value == nil or value == json.null then
    return "—"
  end
  return (is_shown(question.type, value) and show[question.type] or number)(talk, value)
end
