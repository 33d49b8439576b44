--- Input fields for questions by type, and reading what was entered.
local chart = require "sandbox.portal.items.chart"
local html = require "html.elements"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local media = require "sandbox.data.media"
local media_resource = require "sandbox.base.media_resource"
local refusal = require "sandbox.base.refusal"
local widgets = require "sandbox.portal.widgets"

local answer_fields = {}

local h = html.h

-- The value entered in a refused form, or in an earlier part of it, else the earlier answer.
local function value_of(talk, name, before)
  if talk.visit.entered then
    return talk.visit.entered[name]
  end
  return before
end

-- With less markup for each.
local function many_choices(question, kind, id, list)
  local out = {}
  for i, choice in ipairs(list) do
    out[i] = kind == "radio" and h.option { value = choice.value, selected = choice.checked, choice.label }
      or h.label {
        h.input { type = kind, name = choice.name, value = choice.value, checked = choice.checked },
        " ", choice.label,
      }
  end
  return kind == "radio" and h.div {
    class = "field", h.label { for_ = id, question.title },
    h.select { id = id, name = list[1].name, h.option { value = "", "—" }, out },
  } or h.fieldset { h.legend { question.title }, h.div { class = "choices", out } }
end

-- A group of checkboxes or radio buttons below the question. choices: {name, value, label, checked}.
local function choices(question, kind, id, list)
  if #list > limits.portal_options_listed then
    return many_choices(question, kind, id, list)
  end
  local out = {}
  for i, choice in ipairs(list) do
    local own = ("%s-%d"):format(id, i)
    out[i] = h.div {
      class = "choice",
      h.input { type = kind, id = own, name = choice.name, value = choice.value, checked = choice.checked },
      h.label { for_ = own, choice.label },
    }
  end
  return h.fieldset { h.legend { question.title }, h.div { class = "choices", out } }
end

local function field(talk, question, name, before, more)
  return widgets.field {
    name = name, label = question.title, value = value_of(talk, name, before), type = more.type,
    hint = more.hint, attributes = more.attributes,
  }
end

local function answered(before)
  return before ~= nil and before ~= json.null
end

local show, read = {}, {}

function show.SingleOption(talk, question, name, before)
  local list = {}
  for i, option in ipairs(question.options) do
    local is_own = answered(before) and before[1] == option.title
    list[i] = {
      name = name, value = i, label = chart.title(option.title, #question.options),
      checked = value_of(talk, name, is_own and tostring(i) or nil) == tostring(i),
    }
  end
  return choices(question, "radio", "field-" .. name, list)
end

function read.SingleOption(talk, question, name)
  local option = question.options[math.tointeger(tonumber(talk.visit.fields[name]))]
  return option and json.array { option.title } or nil
end

local function contains(list, value)
  for _, one in ipairs(answered(list) and list or {}) do
    if one == value then
      return true
    end
  end
  return false
end

function show.MultiOption(talk, question, name, before)
  local list = {}
  for i, option in ipairs(question.options) do
    local own = ("%s_%d"):format(name, i)
    list[i] = {
      name = own, value = "yes", label = chart.title(option.title, #question.options),
      checked = value_of(talk, own, contains(before, option.title) and "yes" or nil) ~= nil,
    }
  end
  return choices(question, "checkbox", "field-" .. name, list)
end

function read.MultiOption(talk, question, name)
  local out = json.array {}
  for i, option in ipairs(question.options) do
    out[#out + 1] = talk.visit.fields[("%s_%d"):format(name, i)] and option.title or nil
  end
  return #out > 0 and out or nil
end

function show.Text(talk, question, name, before)
  return field(talk, question, name, answered(before) and before or nil, {
    type = "textarea", attributes = { maxlength = limits.answer_characters, rows = "3" },
  })
end

function read.Text(talk, _, name)
  local text = talk.visit.fields[name]
  return text and (text:gsub("\r\n", "\n"))
end

function show.Numeric(talk, question, name, before)
  return field(talk, question, name, answered(before) and ("%.14g"):format(before) or nil, {
    attributes = { inputmode = "decimal", autocomplete = "off" },
  })
end

-- Refuses the input, in the language of the page.
local function refuse(talk, label, key)
  talk.visit.problem = talk.t("common.about_what", { text = label, what = talk.t(key) })
  refusal.invalid("%s: not readable", label)
end

-- French uses a decimal comma.
local function to_number(talk, text, label)
  local plain = text:gsub("%s", ""):gsub(",", ".")
  local value = plain:find "^[+-]?%d*%.?%d+$" and tonumber((plain:gsub("^%+", "")))
  return value or refuse(talk, label, "conversation.need_number")
end

function read.Numeric(talk, question, name)
  local text = talk.visit.fields[name]
  return text and to_number(talk, text, question.title)
end

-- In the time zone of this machine, like displayed times.
local function date_field(kind, format)
  return function(talk, question, name, before)
    local ok, text = pcall(os.date, format, answered(before) and before or 0)
    return field(talk, question, name, answered(before) and ok and text or nil, { type = kind })
  end
end

show.Date = date_field("date", "%Y-%m-%d")
show.DateTime = date_field("datetime-local", "%Y-%m-%dT%H:%M")

function read.Date(talk, question, name)
  local text = talk.visit.fields[name]
  if not text then
    return nil
  end
  local year, month, day, rest = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$"
  local hour, minute = (rest or ""):match "^T(%d%d):(%d%d)"
  return year and os.time {
    year = tonumber(year), month = tonumber(month), day = tonumber(day), hour = tonumber(hour or 0),
    min = tonumber(minute or 0),
  } or refuse(talk, question.title, "conversation.need_date")
end
read.DateTime = read.Date

local COORDINATES = {
  { tail = "_n", key = "n", text = "conversation.place_name" },
  { tail = "_lt", key = "lt", text = "conversation.latitude" },
  { tail = "_lg", key = "lg", text = "conversation.longitude" },
}

function show.Location(talk, question, name, before)
  local parts = {}
  for i, one in ipairs(COORDINATES) do
    local value = answered(before) and before[one.key]
    parts[i] = widgets.field {
      name = name .. one.tail, label = talk.t(one.text),
      value = value_of(talk, name .. one.tail, value and tostring(value) or nil),
      attributes = one.key ~= "n" and { inputmode = "decimal" } or { maxlength = limits.title_characters },
    }
  end
  return h.fieldset { h.legend { question.title }, h.div { class = "place-fields", parts } }
end

function read.Location(talk, question, name)
  local fields = talk.visit.fields
  local latitude, longitude = fields[name .. "_lt"], fields[name .. "_lg"]
  if not latitude and not longitude then
    return nil
  end
  return {
    lt = to_number(talk, latitude or "", question.title),
    lg = to_number(talk, longitude or "", question.title),
    n = fields[name .. "_n"] or "",
  }
end

-- Uploaded files to choose from.
local function uploads(talk, kind)
  local out = {}
  for _, found in ipairs(media.newest(talk.db, talk.group.tenant_id, limits.portal_files)) do
    out[#out + 1] = (not kind or found.type == kind) and found or nil
  end
  return out
end

local function resource_of(found)
  return media_resource.encode { id = found.id, type = found.type, name = found.name }
end

local function upload_field(kind, only)
  return function(talk, question, name, before)
    local list = {}
    for i, found in ipairs(uploads(talk, only)) do
      local own = kind == "radio" and name or ("%s_%s"):format(name, found.id)
      local is_own = before == resource_of(found) or type(before) == "table"
        and contains(before, resource_of(found))
      list[i] = {
        name = own, value = found.id, label = found.name ~= "" and found.name or found.id,
        checked = value_of(talk, own, is_own and found.id or nil) == found.id,
      }
    end
    if #list == 0 then
      return h.div {
        class = "field", h.p { class = "question", question.title },
        h.p { class = "soft", talk.t "conversation.no_files" },
      }
    end
    return choices(question, kind, "field-" .. name, list)
  end
end

show.Image = upload_field("radio", "Image")
show.AttachmentList = upload_field "checkbox"

function read.Image(talk, _, name)
  local id = talk.visit.fields[name]
  local found = id and media.by_id(talk.db, id)
  return found and resource_of(found)
end

function read.AttachmentList(talk, _, name)
  local out = json.array {}
  for _, found in ipairs(uploads(talk)) do
    out[#out + 1] = talk.visit.fields[("%s_%s"):format(name, found.id)] and resource_of(found) or nil
  end
  return #out > 0 and out or nil
end

---@param talk sandbox.portal.talk
---@param question table
---@param name string of the field
---@param before any the earlier answer
---@return html.element
function answer_fields.show(talk, question, name, before)
  return show[question.type](talk, question, name, before)
end

---@param talk sandbox.portal.talk
---@param question table
---@param name string
---@return any value nil: not answered
function answer_fields.read(talk, question, name)
  return read[question.type](talk, question, name)
end

return answer_fields
