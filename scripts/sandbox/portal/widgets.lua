--- The parts that pages are made of.
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local refusals = require "sandbox.portal.refusals"
local request = require "sandbox.http.request"

local h = html.h

local widgets = {}

---@class sandbox.portal.field
---@field name string
---@field label string
---@field value string|nil
---@field hint string|nil
---@field error string|nil an error message
---@field among boolean|nil several fields may have errors, which widgets.errors announces
---@field type string|nil "text"; also "textarea"
---@field attributes table|nil more of the input: maxlength, autocomplete, required …

--- A field with label, hint and error.
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
    input[1] = "\n" .. (field.value or "") -- browsers drop the first line break
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

--- A name where there may be a hundred of them.
---@param text string
---@return string
function widgets.brief(text)
  return html.shorten(text, html.fitting(text, limits.portal_option_brief))
end

--- A choice of one of several.
---@param choice {name: string, label: string, value: string|nil, options: {[1]: string, [2]: string}[]}
---@return html.element
function widgets.choose(choice)
  local options = {}
  for i, option in ipairs(choice.options) do
    options[i] = h.option {
      value = option[1], selected = option[1] == choice.value, widgets.brief(option[2]),
    }
  end
  return h.div {
    class = "field",
    h.label { for_ = "field-" .. choice.name, choice.label },
    h.select { id = "field-" .. choice.name, name = choice.name, options },
  }
end

--- A checkbox with an explanation.
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

-- Hidden until the script, which it needs, shows it.
local function copy_button(visit, id, what)
  return h.button {
    type = "button", class = "second", data_copy = id, hidden = true,
    aria_label = visit.t("common.copy_what", { what = what }),
    visit.t "common.copy",
  }
end

--- A value with a button to copy it: an ID, a secret.
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

--- Lines with a button to copy them: a command, a part of a file.
---@param visit sandbox.portal.visit
---@param id string
---@param label string what it is
---@param text string
---@param spoken string|nil its name for those who do not see where it stands
---@return html.element
function widgets.code(visit, id, label, text, spoken)
  return h.div {
    class = "code",
    h.div { class = "bar", h.span { label }, copy_button(visit, id, label) },
    h.pre {
      tabindex = "0", role = "region", aria_label = spoken or label, h.code { id = id, text },
    },
  }
end

--- The begin of what somebody sent, as widgets.code; what it weighs does not depend on what it is.
---@param most integer bytes
---@return html.node
---@param spoken string|nil as of widgets.code
function widgets.code_begin(visit, id, label, text, most, spoken)
  if visit.is_plain then
    return h.p { text }
  end
  local begin = request.to_utf8(text:sub(1, most))
  local kept = html.fitting(begin, most)
  return {
    widgets.code(visit, id, label, html.shorten(begin, kept), spoken),
    #text > kept and h.p { class = "soft", visit.t("traffic.cut", { count = kept }) },
  }
end

--- Text with `code` in backquotes.
---@param text string
---@return html.node
function widgets.with_code(text)
  local out, at = {}, 1
  for before, code, after in text:gmatch "()`([^`]*)`()" do
    out[#out + 1] = text:sub(at, before - 1)
    out[#out + 1] = h.code { code }
    at = after
  end
  out[#out + 1] = text:sub(at)
  return out
end

--- A section with a heading. content: title and children; also class, id.
---@return html.element
function widgets.card(content)
  local title = content.title
  local card = { class = "card", id = content.id, data_live = content.data_live }
  card.class = content.class and "card " .. content.class or "card"
  card[1] = title and h.h2 { title }
  card[2] = { table.unpack(content, 1, #content) }
  return h.section(card)
end

--- A list of names and values. Those without a value are left out.
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

local function table_row(columns, row)
  local cells = { h.th { scope = "row", role = "rowheader", row[1] } }
  for j = 2, #columns do
    cells[j] = h.td { role = "cell", data_label = columns[j], h.div { row[j] } }
  end
  return h.tr { role = "row", cells }
end

-- On narrow screens it becomes a list of blocks; on medium ones it scrolls.
local function table_of(label, columns, body)
  local head = {}
  for i, column in ipairs(columns) do
    head[i] = h.th { scope = "col", role = "columnheader", column }
  end
  return h.div {
    class = "scroll", tabindex = "0", role = "region", aria_label = label,
    -- Explicit roles: on narrow screens the style sheet turns rows into blocks.
    h.table {
      role = "table", h.thead { role = "rowgroup", h.tr { role = "row", head } },
      h.tbody { role = "rowgroup", body },
    },
  }
end

---@class sandbox.portal.listing
---@field rows any[] from the first that the page shows
---@field show fun(one: any): html.node|html.node[] an item; of a table its cells, the first is its heading
---@field columns string[]|nil of a table
---@field label string|nil of a table
---@field class string|nil of a list
---@field part sandbox.portal.part|nil of which these rows are
---@field query string|nil what else its pager asks by
---@field pager (fun(count: integer): html.node)|nil instead of the part's, after so many rows
---@field least integer|nil

--- A table or a list with as many of its rows as the page has room for, and with its pager.
---@param visit sandbox.portal.visit
---@param list sandbox.portal.listing
---@return html.part
function widgets.listing(visit, list)
  local columns, part = list.columns, list.part
  local function with(shown, count)
    if part then
      part.last = part.from + count
    end
    return {
      columns and table_of(list.label, columns, shown) or h.ul { class = list.class, shown },
      part and widgets.pager(visit, part, list.query) or list.pager and list.pager(count),
    }
  end
  return html.part {
    least = list.least or limits.portal_list_least,
    make = function(bytes)
      local frame = #html.render(with({}, 1))
      local shown = html.fit(list.rows, bytes - frame, function(one)
        local made = list.show(one)
        return { columns and table_row(columns, made) or made.tag == "li" and made or h.li { made } }
      end)
      return with(shown, #shown)
    end,
  }
end

--- A table of rows that are few.
---@param label string
---@param columns string[]
---@param rows html.node[][] the first cell of each is its heading
---@return html.element
function widgets.table(label, columns, rows)
  local body = {}
  for i, row in ipairs(rows) do
    body[i] = table_row(columns, row)
  end
  return table_of(label, columns, body)
end

---@param text string
---@param kind "good"|"bad"|nil
---@return html.element
function widgets.badge(text, kind)
  return h.span { class = kind and "badge " .. kind or "badge", text }
end

---@class sandbox.portal.part which rows of a list a page shows
---@field from integer how many are before it
---@field last integer
---@field count integer of all
---@field per integer on a page
---@field name string|nil of the list, where a page has several

--- The rows that the query asks for: by `from`, or by the name of the list.
---@param visit sandbox.portal.visit
---@param count integer of all rows
---@param per integer on a page
---@param name string|nil of the list, where a page has several; the id of its card
---@return sandbox.portal.part
function widgets.part(visit, count, per, name)
  local from = math.max(0, math.min(math.tointeger(tonumber(visit.query[name or "from"])) or 0, count))
  return { from = from, last = math.min(from + per, count), count = count, per = per, name = name }
end

--- Links to the pages of a list; nil if it has one only.
---@param visit sandbox.portal.visit
---@param part sandbox.portal.part
---@param query string|nil what else the list is asked by: "query=x"
---@return html.element|nil
function widgets.pager(visit, part, query)
  local t = visit.t
  if part.from == 0 and part.last == part.count then
    return nil
  end
  local function to(row, key)
    local href = ("%s?%s%s=%d%s"):format(visit.path, query and query .. "&" or "", part.name or "from", row,
      part.name and "#" .. part.name or "")
    return h.a { class = "button second", href = href, t(key) }
  end
  return h.nav {
    class = "row",
    aria_label = not part.name and t "groups.pages"
      or t("common.about_what", { text = t "groups.pages", what = t("list." .. part.name) }),
    h.span {
      class = "soft", t("groups.range", { from = part.from + 1, to = part.last, count = part.count }),
    },
    part.from > 0 and to(math.max(0, part.from - part.per), "groups.previous"),
    part.last < part.count and to(part.last, "groups.next"),
  }
end

--- A form that searches.
---@param search {action: string, label: string, value: string|nil, button: string}
---@return html.element
function widgets.search(search)
  return h.form {
    action = search.action, method = "get", class = "search", role = "search",
    h.label { for_ = "field-query", search.label },
    h.div {
      class = "with-copy",
      h.input {
        type = "search", id = "field-query", name = "query", value = search.value,
        maxlength = limits.name_characters,
      },
      h.button { class = "second", search.button },
    },
  }
end

--- A refusal of the API, in the language of the page if there is a translation.
---@param visit sandbox.portal.visit
---@param message string
---@return html.element
function widgets.refusal(visit, message)
  local text, code = refusals.translate(visit.language, message)
  return h.p { class = "detail", lang = code ~= visit.language and code or nil, text }
end

--- The errors of a form as a list of links to the fields. A single error is shown only at its field.
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
