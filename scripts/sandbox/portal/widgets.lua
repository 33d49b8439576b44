--- The parts that pages are made of.
local html = require "html.elements"
local refusals = require "sandbox.portal.refusals"

local h = html.h

local widgets = {}

---@class sandbox.portal.field
---@field name string
---@field label string
---@field value string|nil
---@field hint string|nil
---@field error string|nil what is wrong with what was entered
---@field among boolean|nil several fields may be wrong: widgets.errors says it aloud
---@field type string|nil "text"; also "textarea"
---@field attributes table|nil more of the input: maxlength, autocomplete, required …

--- A labelled field, with its hint and what is wrong with it.
---@param field sandbox.portal.field
---@return html.element
function widgets.field(field)
  local id = "field-" .. field.name
  local described = {}
  described[#described + 1] = field.hint and id .. "-hint" or nil
  described[#described + 1] = field.error and id .. "-error" or nil
  local input = { id = id, name = field.name }
  for name, value in pairs(field.attributes or {}) do
    input[name] = value
  end
  input.aria_describedby = #described > 0 and table.concat(described, " ")
  input.aria_invalid = field.error and "true"
  if field.type == "textarea" then
    input[1] = "\n" .. (field.value or "") -- a browser drops the first line break
  else
    input.type, input.value = field.type or "text", field.value
  end
  return h.div {
    class = "field",
    h.label { for_ = id, field.label },
    field.hint and h.span { class = "hint", id = id .. "-hint", field.hint },
    h[field.type == "textarea" and "textarea" or "input"](input),
    field.error and h.span {
      class = "error", id = id .. "-error", role = not field.among and "alert", field.error,
    },
  }
end

--- A box to tick, with a sentence on what it means.
---@param choice {name: string, label: string, hint: string|nil, checked: boolean}
---@return html.element
function widgets.checkbox(choice)
  local id = "field-" .. choice.name
  return h.div {
    class = "choice",
    h.input {
      type = "checkbox", id = id, name = choice.name, value = "yes", checked = choice.checked,
      aria_describedby = choice.hint and id .. "-hint",
    },
    h.label { for_ = id, choice.label },
    choice.hint and h.span { class = "hint", id = id .. "-hint", choice.hint },
  }
end

-- Shown by the script, which makes it work.
local function copy_button(visit, id, what)
  return h.button {
    type = "button", class = "second", data_copy = id, hidden = true,
    aria_label = visit.t("common.copy_what", { what = what }),
    visit.t "common.copy",
  }
end

--- A value to be copied: an ID, a secret.
---@param visit sandbox.portal.visit
---@param value {id: string, label: string, value: string, hint: string|nil}
---@return html.element
function widgets.value(visit, value)
  return h.div {
    class = "field",
    h.label { for_ = value.id, value.label },
    value.hint and h.span { class = "hint", id = value.id .. "-hint", value.hint },
    h.div {
      class = "with-copy",
      h.input {
        id = value.id, type = "text", readonly = true, value = value.value, autocomplete = "off",
        spellcheck = "false", aria_describedby = value.hint and value.id .. "-hint",
      },
      copy_button(visit, value.id, value.label),
    },
  }
end

--- Lines to be copied: a command, a piece of a file.
---@param visit sandbox.portal.visit
---@param id string
---@param label string what it is
---@param text string
---@return html.element
function widgets.code(visit, id, label, text)
  return h.div {
    class = "code",
    h.div { class = "bar", h.span { id = id .. "-label", label }, copy_button(visit, id, label) },
    h.pre { tabindex = "0", role = "region", aria_labelledby = id .. "-label", h.code { id = id, text } },
  }
end

--- A part of a page with a heading of its own. content: title, and children; also class, id.
---@return html.element
function widgets.card(content)
  local title = content.title
  local card = { class = "card", id = content.id, data_live = content.data_live }
  card.class = content.class and "card " .. content.class or "card"
  card[1] = title and h.h2 { title }
  card[2] = { table.unpack(content, 1, #content) }
  return h.section(card)
end

--- Names and values. Those without a value are left out.
---@param facts {[1]: string, [2]: html.node}[]
---@return html.element
function widgets.facts(facts)
  local out = { class = "facts" }
  for _, fact in ipairs(facts) do
    if fact[2] and fact[2] ~= "" then
      out[#out + 1] = { h.dt { fact[1] }, h.dd { fact[2] } }
    end
  end
  return h.dl(out)
end

--- A table; on a narrow screen a list of blocks, in between it scrolls by itself.
---@param label string
---@param columns string[]
---@param rows html.node[][] the first cell of each is its heading
---@return html.element
function widgets.table(label, columns, rows)
  local head, body = {}, {}
  for i, column in ipairs(columns) do
    head[i] = h.th { scope = "col", role = "columnheader", column }
  end
  for i, row in ipairs(rows) do
    local cells = { h.th { scope = "row", role = "rowheader", row[1] } }
    for j = 2, #columns do
      cells[j] = h.td { role = "cell", data_label = columns[j], h.div { row[j] } }
    end
    body[i] = h.tr { role = "row", cells }
  end
  return h.div {
    class = "scroll", tabindex = "0", role = "region", aria_label = label,
    -- The roles are said, for on a narrow screen the style sheet makes blocks of the rows.
    h.table {
      role = "table", h.thead { role = "rowgroup", h.tr { role = "row", head } },
      h.tbody { role = "rowgroup", body },
    },
  }
end

---@param text string
---@param kind "good"|"bad"|nil
---@return html.element
function widgets.badge(text, kind)
  return h.span { class = kind and "badge " .. kind or "badge", text }
end

--- What the API refused, in the language of the page as far as it is known there.
---@param visit sandbox.portal.visit
---@param message string
---@return html.element
function widgets.refusal(visit, message)
  local text, code = refusals.translate(visit.language, message)
  return h.p { class = "detail", lang = code ~= visit.language and code or nil, text }
end

--- What is wrong with a form, at its top: a list of links to the fields. One alone stands at its field.
---@param visit sandbox.portal.visit
---@param errors {[1]: string, [2]: string}[] name of the field, and the text
---@return html.element|nil
function widgets.errors(visit, errors)
  if #errors < 2 then
    return nil
  end
  local items = {}
  for i, entry in ipairs(errors) do
    items[i] = h.li { h.a { href = "#field-" .. entry[1], entry[2] } }
  end
  return h.div {
    class = "alert", role = "alert",
    h.p { h.strong { visit.t "common.errors" } }, h.ul { items },
  }
end

return widgets
