--- Traffic: recorded requests, what is left of the limits, and the page of a request.
local connectors = require "sandbox.data.connectors"
local html = require "html.elements"
local iso_time = require "sandbox.base.iso_time"
local json = require "jeton.json"
local language = require "sandbox.portal.language"
local limits = require "sandbox.base.limits"
local respond = require "sandbox.portal.respond"
local throttle = require "sandbox.rules.throttle"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local LIVE_MS = 2000

-- A call to the token service names its connector; other calls have a token.
local function connector_name(visit, record)
  local id = record.connector_id or record.headers.applicationid
  local connector = id and connectors.by_id(visit.db, id)
  return connector and connector.name or nil
end

local function status(visit, record)
  if not record.status then
    return widgets.badge(visit.t "traffic.waiting")
  end
  local kind = record.status < 300 and "good" or record.status >= 400 and "bad" or nil
  return widgets.badge(tostring(record.status), kind)
end

local function took(visit, record)
  return record.duration_ms and visit.t("traffic.took_ms", { ms = record.duration_ms }) or ""
end

local function limit_row(visit, who, key, most)
  local t, made = visit.t, visit.world.throttle:count(visit.now, key)
  local function number(value)
    return h.span { class = "number", language.number(visit.language, value) }
  end
  return { who, number(made), most > 0 and number(math.max(0, most - made)) or t "traffic.no_limit" }
end

-- The tenant's limit, and the limits of the connectors in the list.
local function limits_card(visit, records)
  local t, world = visit.t, visit.world
  local tenant = world:tenant()
  local rows = {
    limit_row(visit, t("traffic.tenant", { name = tenant.name }), throttle.tenant_key(tenant.id),
      world.switches.tenant_per_minute),
  }
  local seen = {}
  for _, record in ipairs(records) do
    local connector = record.connector_id and not seen[record.connector_id]
      and connectors.by_id(visit.db, record.connector_id)
    seen[record.connector_id or ""] = true
    if connector then
      rows[#rows + 1] = limit_row(visit, connector.name, throttle.connector_key(connector.id),
        world.switches.per_minute)
    end
  end
  return widgets.card {
    title = t "traffic.limits",
    widgets.table(t "traffic.limits", {
      t "traffic.limits_who", t "traffic.limits_made", t "traffic.limits_left",
    }, rows),
  }
end

local function request_table(visit, records)
  local t, rows = visit.t, {}
  for i, record in ipairs(records) do
    rows[i] = {
      h.a {
        href = ("/portal/traffic/%d"):format(record.number),
        h.code { record.method }, " ", h.span { class = "path", record.path },
      },
      status(visit, record),
      took(visit, record),
      connector_name(visit, record) or "",
      visit:moment(iso_time(record.at)),
    }
  end
  return widgets.card {
    title = t "traffic.requests",
    #rows > 0 and widgets.table(t "traffic.requests", {
      t "traffic.request", t "traffic.status", t "traffic.took", t "traffic.connector", t "traffic.at",
    }, rows) or h.p { class = "empty", t "traffic.none" },
  }
end

local function show(visit)
  local t = visit.t
  local records = visit.world.recorder:newest(limits.portal_requests_shown)
  return respond.page(visit, {
    title = t "traffic.title",
    intro = h.p { t "traffic.intro" },
    main = h.div {
      id = "traffic", class = "stack", data_live = LIVE_MS,
      limits_card(visit, records), request_table(visit, records),
    },
  })
end

-- Names and values, in the order of the names.
local function pairs_card(title, values)
  local names = {}
  for name in pairs(values) do
    names[#names + 1] = name
  end
  if #names == 0 then
    return nil
  end
  table.sort(names)
  local facts = {}
  for i, name in ipairs(names) do
    facts[i] = { h.code { name }, values[name] ~= "" and values[name] or "—" }
  end
  return widgets.card { title = title, widgets.facts(facts) }
end

local function body_card(visit, record)
  local t, text = visit.t, record.body
  if type(text) == "table" then
    text = json.encode(text, { indent = 2 })
  end
  return widgets.card {
    title = t "traffic.body",
    text and text ~= ""
      and widgets.code(visit, "body", record.headers["content-type"] or t "traffic.body", text)
      or h.p { class = "soft", t "traffic.no_body" },
  }
end

local function refusal_card(visit, record)
  return record.error and widgets.card {
    title = visit.t "traffic.refused", class = "danger",
    widgets.facts {
      { h.code { "errorCode" }, record.error.errorCode },
      { h.code { "message" }, h.span { lang = "en", record.error.message } },
    },
  }
end

local function show_one(visit)
  local t = visit.t
  local record = visit.world.recorder:get(math.tointeger(tonumber(visit.params.number)))
  if not record then
    return respond.problem(visit, { status = 404 }, "traffic.gone")
  end
  return respond.page(visit, {
    title = t("traffic.number", { number = record.number }),
    back = { "/portal/traffic", t "traffic.title" },
    main = {
      widgets.card {
        h.p { class = "mono", h.strong { record.method }, " ", record.path },
        widgets.facts {
          { t "traffic.status", status(visit, record) },
          { t "traffic.took", took(visit, record) },
          { t "traffic.operation", record.operation },
          { t "traffic.connector", connector_name(visit, record) },
          { t "traffic.at", visit:moment(iso_time(record.at)) },
        },
      },
      refusal_card(visit, record),
      pairs_card(t "traffic.query", record.query),
      pairs_card(t "traffic.headers", record.headers),
      body_card(visit, record),
    },
  })
end

return {
  menu = { key = "traffic.title", path = "/portal/traffic", icon = "traffic" },
  routes = {
    { method = "GET", path = "/portal/traffic", run = show },
    { method = "GET", path = "/portal/traffic/{number}", run = show_one },
  },
}
