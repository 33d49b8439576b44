--- The API's reference, from the table of its operations: a list, and a page for each.
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local operations = require "sandbox.operations"
local reference = require "sandbox.reference"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local widgets = require "sandbox.portal.widgets"

local h, with_code = html.h, widgets.with_code

local PATH = "/portal/reference"

local function list(visit)
  local t, chapters, chapter = visit.t, {}, nil
  for _, operation in ipairs(operations) do
    local name = operation.name:match "^[^.]+"
    if not chapter or chapter.name ~= name then
      chapter = { name = name, items = {} }
      chapters[#chapters + 1] = chapter
    end
    chapter.items[#chapter.items + 1] = h.li {
      h.a { href = PATH .. "/" .. operation.name, class = "mono", operation.method .. " " .. operation.path },
      h.div { class = "soft", lang = "en", operation.summary },
    }
  end
  local cards = {}
  for i, one in ipairs(chapters) do
    cards[i] = widgets.card {
      title = one.name:sub(1, 1):upper() .. one.name:sub(2):gsub("_", " "),
      h.ul { class = "plain-list beside", one.items },
    }
  end
  return respond.page(visit, {
    title = t "reference.title",
    intro = {
      h.p { t("reference.intro", { url = h.code { visit.world.url .. "/v1" } }) },
      h.p { h.a { href = "/_sandbox/openapi.json", "OpenAPI 3.1" } },
    },
    main = cards,
  })
end

local function need_operation(visit)
  for _, operation in ipairs(operations) do
    if operation.name == visit.params.operation then
      return operation
    end
  end
  refusal.not_found(respond.NO_PAGE)
end

local function show(visit)
  local t, operation = visit.t, need_operation(visit)
  local all = reference.rows(operation)
  local part = widgets.part(visit, #all, limits.portal_page)
  local function cells(row)
    return {
      row[2] ~= "" and h.code { row[2] } or t "traffic.any", with_code(row[1]), with_code(row[3]),
      with_code(row[4]),
    }
  end
  return respond.page(visit, {
    title = operation.method .. " " .. operation.path,
    back = { PATH, t "reference.title" },
    intro = h.p { lang = "en", with_code(reference.about(operation)) },
    main = {
      widgets.card {
        title = t "reference.fields",
        h.div { lang = "en", widgets.listing(visit, {
          label = t "reference.fields", show = cells, part = part,
          rows = table.move(all, part.from + 1, part.last, 1, {}),
          columns = { t "people.name", t "reference.place", t "groups.kind", t "reference.notes" },
        }) },
      },
      widgets.code(visit, "example", t "reference.example", reference.examples(operation)),
    },
  })
end

return {
  menu = { key = "reference.title", path = PATH, icon = "reference" },
  routes = {
    { method = "GET", path = PATH, run = list },
    { method = "GET", path = PATH .. "/{operation}", run = show },
  },
}
