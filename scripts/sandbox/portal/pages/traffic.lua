--- Traffic: recorded requests, what is left of the limits, and the page of a request with its reply.
local calls = require "sandbox.calls"
local connectors = require "sandbox.data.connectors"
local curl = require "sandbox.portal.curl"
local guard = require "sandbox.http.guard"
local html = require "html.elements"
local http = require "jeton.http"
local iso_time = require "sandbox.base.iso_time"
local json = require "jeton.json"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local throttle = require "sandbox.rules.throttle"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local LIVE_MS = 2000
local PATH = "/portal/traffic"
local METHODS = { "GET", "POST", "PUT", "DELETE" }

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
    widgets.listing(visit, {
      label = t "traffic.limits", rows = rows, show = function(row) return row end,
      columns = { t "traffic.limits_who", t "traffic.limits_made", t "traffic.limits_left" },
    }),
  }
end

local function request_row(visit, record)
  return {
    h.a {
      href = PATH .. "/" .. record.number,
      h.code { html.shorten(record.method, limits.portal_path_shown) }, " ",
      h.span { class = "path", html.shorten(record.path, limits.portal_path_shown) },
    },
    status(visit, record),
    took(visit, record),
    connector_name(visit, record) or "",
    visit:moment(iso_time(record.at)),
  }
end

local function request_table(visit, records, is_filtered, pager)
  local t = visit.t
  return widgets.card {
    title = t "traffic.requests",
    #records > 0 and widgets.listing(visit, {
      label = t "traffic.requests", rows = records, pager = pager,
      show = function(record) return request_row(visit, record) end,
      columns = {
        t "traffic.request", t "traffic.status", t "traffic.took", t "traffic.connector", t "traffic.at",
      },
    }) or { h.p { class = "empty", t(is_filtered and "traffic.none_found" or "traffic.none") }, pager(0) },
  }
end

-- What the query asks for; nil: everything.
local function wanted_of(visit)
  local query, wanted = visit.query, {}
  wanted.text = query.query
  wanted.method = query.method and query.method:upper():match "^%u+$"
  wanted.state = (query.state == "good" or query.state == "bad") and query.state or nil
  return next(wanted) and wanted or nil
end

local function filters(visit, wanted)
  local t = visit.t
  local methods = { { "", t "traffic.any" } }
  for i, method in ipairs(METHODS) do
    methods[i + 1] = { method, method }
  end
  return h.form {
    action = PATH, method = "get", class = "filters", role = "search",
    h.div {
      class = "field",
      h.label { for_ = "field-query", t "traffic.path" },
      h.input {
        id = "field-query", name = "query", type = "search", value = wanted.text,
        maxlength = limits.name_characters,
      },
    },
    widgets.choose { name = "method", label = t "traffic.method", value = wanted.method, options = methods },
    widgets.choose {
      name = "state", label = t "traffic.status", value = wanted.state,
      options = { { "", t "traffic.any" }, { "good", t "traffic.good" }, { "bad", t "traffic.bad" } },
    },
    h.button { class = "second", t "traffic.filter" },
  }
end

-- The address of the page that goes on before a request; nil: of the newest.
local function link(wanted, before)
  local fields = { before and "before=" .. before or nil }
  for name, value in pairs { query = wanted.text, method = wanted.method, state = wanted.state } do
    fields[#fields + 1] = name .. "=" .. http.encode(value)
  end
  table.sort(fields)
  return PATH .. (#fields > 0 and "?" .. table.concat(fields, "&") or "")
end

-- The requests of a page, what is left of their limits, and links to other pages.
local function lists(visit, wanted)
  local t, before = visit.t, math.tointeger(tonumber(visit.query.before))
  local found = visit.world.recorder:newest(limits.portal_requests_shown + 1, wanted, before)
  local shown = table.move(found, 1, math.min(#found, limits.portal_requests_shown), 1, {})
  local function pager(count)
    local has_older = count < #found
    return (before or has_older) and h.nav {
      class = "row", aria_label = t "groups.pages",
      before and h.a { class = "button second", href = link(wanted or {}), t "traffic.newest" },
      has_older and h.a {
        class = "button second", href = link(wanted or {}, found[count].number), t "traffic.older",
      },
    }
  end
  return h.div {
    id = "traffic", class = "stack", data_live = not before and LIVE_MS,
    request_table(visit, shown, wanted ~= nil or before ~= nil, pager),
    limits_card(visit, shown),
  }
end

local function show(visit)
  local t, wanted = visit.t, wanted_of(visit)
  return respond.page(visit, {
    title = t "traffic.title",
    intro = h.p { t "traffic.intro" },
    main = {
      filters(visit, wanted or {}),
      lists(visit, wanted),
      visit:form {
        action = PATH .. "/clear", class = "inline",
        h.button { class = "second", t "traffic.clear" },
      },
    },
  })
end

local function clear(visit)
  guard.refuse_proxied(visit.headers)
  visit.world.recorder:clear()
  visit:notice "traffic.cleared"
  return respond.redirect(visit, PATH)
end

-- Of a name or a value that may be long.
local function begin(text)
  return html.shorten(text, html.fitting(text, limits.portal_fields_bytes // 2))
end

-- Names and values, in the order of the names.
local function pairs_part(title, values)
  local names = {}
  for name in pairs(values) do
    names[#names + 1] = name
  end
  if #names == 0 then
    return nil
  end
  table.sort(names)
  return { h.h3 { title }, widgets.facts(html.fit(names, limits.portal_fields_bytes, function(name)
    return { h.code { begin(name) }, values[name] ~= "" and begin(values[name]) or "—" }
  end)) }
end

-- The command; without its body, if that is too long for a page.
local function command_part(visit, record, is_whole)
  local text = curl.command(record, visit.world.url, is_whole)
  if is_whole and html.fitting(text, limits.portal_command_shown) < #text then
    text = curl.command(record, visit.world.url, false)
  end
  return widgets.code_begin(visit, "curl", "curl", text, limits.portal_command_shown)
end

local function body_part(visit, of, content_type, body)
  local t, text = visit.t, body
  if type(text) == "table" then
    text = json.encode(text, { indent = 2 })
  end
  if not text or text == "" then
    return h.p { class = "soft", t "traffic.no_body" }
  end
  local label = content_type or t "traffic.body"
  return widgets.code_begin(visit, of, label, text, limits.portal_body_shown,
    t("common.about_what", { text = t("traffic." .. of), what = label }))
end

local function response_card(visit, record)
  local t, response = visit.t, visit.world.recorder:response(record.number)
  return widgets.card {
    title = t "traffic.response",
    record.error and {
      h.p {
        class = "alert",
        h.strong { t "traffic.refused" }, " ", h.code { record.error.errorCode }, " ",
        h.span { lang = "en", record.error.message },
      },
    },
    response and {
      body_part(visit, "response", response.headers["Content-Type"], response.body),
      pairs_part(t "traffic.headers", response.headers),
    } or h.p { class = "soft", t "traffic.no_response" },
  }
end

local function summary(visit, record)
  local t = visit.t
  return widgets.card {
    h.p { class = "mono", h.strong { record.method }, " ", begin(record.path) },
    widgets.facts {
      { t "traffic.status", status(visit, record) },
      { t "traffic.took", took(visit, record) },
      { t "traffic.operation", record.operation },
      { t "traffic.connector", connector_name(visit, record) },
      { t "traffic.at", visit:moment(iso_time(record.at)) },
      { t "traffic.whole", h.a { href = ("%s/%d/text"):format(PATH, record.number), t "traffic.as_text" } },
      { t "traffic.again_of", record.again_of and h.a {
        href = PATH .. "/" .. record.again_of, t("traffic.number", { number = record.again_of }) } },
    },
  }
end

local function need_record(visit)
  return visit.world.recorder:get(math.tointeger(tonumber(visit.params.number)))
end

local function gone(visit)
  return respond.problem(visit, { status = 404 }, "traffic.gone")
end

local function lines_of(values)
  local lines = {}
  for name, value in pairs(values) do
    lines[#lines + 1] = ("%s: %s\n"):format(name, value)
  end
  table.sort(lines)
  return table.concat(lines)
end

local function text_of(body)
  return type(body) == "table" and json.encode(body, { indent = 2 }) or body or ""
end

-- All that was kept of a call, masked as on its page.
local function show_text(visit)
  local record = need_record(visit)
  if not record then
    return gone(visit)
  end
  local reply = visit.world.recorder:response(record.number)
  return respond.text(visit, table.concat({
    record.method .. " " .. record.path, lines_of(record.query), lines_of(record.headers),
    text_of(record.body),
    reply and ("%s\n%s"):format(record.status or "", lines_of(reply.headers)), reply and text_of(reply.body),
  }, "\n") .. "\n")
end

local function show_one(visit)
  local t, record = visit.t, need_record(visit)
  if not record then
    return gone(visit)
  end
  local whole = visit.world.recorder:whole_call(record.number)
  return respond.page(visit, {
    title = t("traffic.number", { number = record.number }),
    back = { PATH, t "traffic.title" },
    main = {
      summary(visit, record),
      h.div {
        class = "split",
        widgets.card {
          title = t "traffic.request",
          body_part(visit, "request", record.headers["content-type"], record.body),
          pairs_part(t "traffic.query", record.query),
          pairs_part(t "traffic.headers", record.headers),
        },
        response_card(visit, record),
      },
      widgets.card {
        title = t "traffic.repeat",
        h.p { t "traffic.repeat_what" },
        command_part(visit, record, whole ~= nil),
        whole and visit:form {
          action = ("%s/%d/again"):format(PATH, record.number),
          h.div { h.button { class = "second", t "traffic.again" } },
        } or h.p { class = "soft", t "traffic.not_again" },
      },
    },
  })
end

-- Makes the call again, as it came: by the same rules and limits, and recorded.
local function again(visit)
  guard.refuse_proxied(visit.headers)
  local call = visit.world.recorder:whole_call(math.tointeger(tonumber(visit.params.number)))
  if not call then
    return gone(visit)
  end
  calls.handle(visit.world, call, request.path(call.path))
  return respond.redirect(visit, PATH .. "/" .. call.number)
end

return {
  menu = { key = "traffic.title", path = PATH, icon = "traffic" },
  routes = {
    { method = "GET", path = PATH, run = show },
    { method = "POST", path = PATH .. "/clear", run = clear },
    { method = "GET", path = PATH .. "/{number}", run = show_one },
    { method = "GET", path = PATH .. "/{number}/text", run = show_text },
    { method = "POST", path = PATH .. "/{number}/again", alone = true, run = again },
  },
}
