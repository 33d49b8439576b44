--- The sandbox itself: where it keeps what it has, its clock, faults and switches, and a reset.
local confirm = require "sandbox.portal.confirm"
local guard = require "sandbox.http.guard"
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local language = require "html.language"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local switches = require "sandbox.calls.switches"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local PATH = "/portal/sandbox"
local UNITS = { { "minutes", 60 }, { "hours", 3600 }, { "days", 86400 } }
local METHODS = { "*", "GET", "POST", "PUT", "DELETE" }
local KINDS = { "status", "delay", "drop", "drop_after" }
local REDIRECTS = { "off", "full", "base" }
local BLANKS = "[%s\u{a0}]"

-- A number as it was typed; what is none is given on, to be refused with the field's name.
local function number_of(text)
  local plain = (text or ""):gsub(BLANKS, "")
  return math.tointeger(tonumber(plain)) or text
end

local function overview(visit)
  local t, world = visit.t, visit.world
  return widgets.card {
    title = t "control.overview",
    h.p {
      class = world.is_kept and "hint-box" or "warning",
      widgets.with_code(t(world.is_kept and "control.kept" or "control.memory")),
    },
    widgets.facts {
      { t "control.address", h.code { world.url } },
      { t "control.requests", language.number(visit.language, world.counts.requests) },
      { t "control.exchanges", language.number(visit.language, world.counts.exchanges) },
    },
    h.div {
      class = "row",
      h.a { class = "button danger second", href = PATH .. "/reset", t "control.reset" },
    },
  }
end

local function clock_card(visit)
  local t, advance = visit.t, visit.world.clock.advance_s
  local units = {}
  for i, unit in ipairs(UNITS) do
    units[i] = { unit[1], t("control." .. unit[1]) }
  end
  return widgets.card {
    title = t "control.clock",
    h.p {
      visit:time(visit.now), " ", widgets.badge(t(advance == 0 and "control.real_time" or "control.moved")),
    },
    visit:form {
      action = PATH .. "/clock", class = "filters",
      widgets.field {
        name = "amount", label = t "control.forward", value = "1",
        attributes = { inputmode = "numeric", required = true },
      },
      widgets.choose { name = "unit", label = t "control.unit", value = "hours", options = units },
      h.button { class = "second", t "control.move" },
    },
    advance ~= 0 and visit:form {
      action = PATH .. "/clock", class = "inline",
      h.input { type = "hidden", name = "back", value = "yes" },
      h.button { class = "second", t "control.back_to_real" },
    },
  }
end

-- What a fault does, in words.
local function effect(visit, fault)
  local t, parts = visit.t, {}
  if fault.delay_ms > 0 then
    parts[#parts + 1] = t("control.does_delay", { ms = fault.delay_ms })
  end
  if fault.drop then
    parts[#parts + 1] = t(fault.drop == "after" and "control.drop_after" or "control.drop")
  elseif fault.status or fault.body ~= nil then
    parts[#parts + 1] = t("control.does_status", { status = tostring(fault.status or 200) })
  end
  return table.concat(parts, ", ")
end

local function fault_table(visit)
  local t, list = visit.t, visit.world.faults.list
  local part = widgets.part(visit, #list, limits.portal_rows, "faults")
  local function row(fault)
    local path = html.shorten(fault.path or "*", limits.portal_path_shown)
    return {
      h.span { class = "mono", fault.method or "*", " ", path },
      effect(visit, fault),
      fault.left and language.number(visit.language, fault.left) or t "control.until_removed",
      visit:form {
        action = PATH .. "/faults/remove", class = "inline",
        h.input { type = "hidden", name = "fault", value = tostring(fault.number) },
        h.button {
          class = "second", t "control.remove",
          aria_label = t("common.about_what", { text = t "control.remove", what = path }),
        },
      },
    }
  end
  return #list > 0 and widgets.listing(visit, {
    label = t "control.faults", show = row, part = part,
    rows = table.move(list, part.from + 1, part.last, 1, {}),
    columns = { t "control.matches", t "control.does", t "control.times", t "people.change" },
  }) or h.p { class = "soft", t "control.no_faults" }
end

local function faults_card(visit)
  local t, fields = visit.t, visit.fields
  local methods, kinds = {}, {}
  for i, method in ipairs(METHODS) do
    methods[i] = { method, method == "*" and t "traffic.any" or method }
  end
  for i, kind in ipairs(KINDS) do
    kinds[i] = { kind, t("control." .. kind) }
  end
  return widgets.card {
    title = t "control.faults", id = "faults",
    h.p { class = "soft", t "control.faults_what" },
    fault_table(visit),
    visit:form {
      action = PATH .. "/faults", class = "fields",
      widgets.choose {
        name = "method", label = t "traffic.method", value = fields.method, options = methods,
      },
      widgets.field {
        name = "path", label = t "traffic.path", value = fields.path or "/groups/*/messages",
        attributes = { spellcheck = "false" },
      },
      widgets.choose { name = "kind", label = t "control.does", value = fields.kind, options = kinds },
      widgets.field {
        name = "value", label = t "control.value", value = fields.value or "503",
        attributes = { inputmode = "numeric" },
      },
      widgets.field {
        name = "times", label = t "control.times_hint", value = fields.times or "1",
        attributes = { inputmode = "numeric" },
      },
      h.button { class = "second", t "control.add_fault" },
    },
  }
end

local function redirect_field(visit, name)
  local t, current, options = visit.t, visit.world.switches[name], {}
  for i, kind in ipairs(REDIRECTS) do
    options[i] = { kind, t("control.redirect_" .. kind) }
  end
  return widgets.choose {
    name = name, label = t("control." .. name), value = current and current.kind, options = options,
  }
end

local function switches_card(visit)
  local t, now = visit.t, visit.world.switches
  local function number(name)
    return widgets.field {
      name = name, label = t("control." .. name), value = tostring(now[name]),
      attributes = { inputmode = "numeric", required = true },
    }
  end
  return widgets.card {
    title = t "control.switches",
    visit:form {
      action = PATH .. "/switches", class = "fields",
      number "access_token_lifetime_s", number "per_minute", number "tenant_per_minute",
      widgets.field {
        name = "endpoint_url", label = t "control.endpoint_url", value = now.endpoint_url,
        attributes = { spellcheck = "false", placeholder = visit.world.url },
      },
      redirect_field(visit, "token_redirect"), redirect_field(visit, "api_redirect"),
      widgets.checkbox {
        name = "single_use_refresh_tokens", label = t "control.single_use_refresh_tokens",
        checked = now.single_use_refresh_tokens,
      },
      h.button { class = "second", t "control.set" },
    },
  }
end

local function show(visit, problem)
  local t = visit.t
  return respond.page(visit, {
    title = t "control.title",
    intro = h.p { t "control.intro" },
    main = {
      problem and h.p { class = "alert", role = "alert", lang = "en", problem },
      h.div { class = "split", overview(visit), clock_card(visit) },
      faults_card(visit), switches_card(visit),
    },
  }, problem and 400)
end

-- Changes something by fn, and shows the page again with what was wrong.
local function change(visit, fn, notice)
  guard.refuse_proxied(visit.headers)
  local ok, failure = pcall(fn)
  if not ok and refusal.is_failure(failure) and failure.status == 400 then
    return show(visit, failure.message)
  elseif not ok then
    error(failure, 0)
  end
  visit:notice(notice)
  return respond.redirect(visit, PATH)
end

local function move_clock(visit)
  return change(visit, function()
    local world, fields = visit.world, visit.fields
    local seconds = -world.clock.advance_s
    if not fields.back then
      local amount = number_of(fields.amount)
      local unit = 1
      for _, one in ipairs(UNITS) do
        unit = one[1] == fields.unit and one[2] or unit
      end
      if math.type(amount) ~= "integer" then
        refusal.invalid "amount: expected an integer"
      end
      seconds = amount * unit
    end
    world:check_advance(seconds)
    world:advance(seconds)
    visit.session.seen_at = world.clock:now() -- who moves the clock stays signed in
  end, "control.clock_moved")
end

local function add_fault(visit)
  local fields = visit.fields
  return change(visit, function()
    local spec = {
      match = { method = fields.method, path = fields.path }, times = number_of(fields.times or "1"),
    }
    if fields.kind == "status" then
      spec.status = number_of(fields.value)
    elseif fields.kind == "delay" then
      spec.delay_ms = number_of(fields.value)
    else
      spec.drop = fields.kind == "drop_after" and "after" or true
    end
    visit.world.faults:add(spec)
  end, "control.fault_added")
end

local function remove_fault(visit)
  return change(visit, function()
    visit.world.faults:remove(number_of(visit.fields.fault))
  end, "control.fault_removed")
end

local function set_switches(visit)
  local fields, world = visit.fields, visit.world
  return change(visit, function()
    local values = {
      single_use_refresh_tokens = fields.single_use_refresh_tokens ~= nil,
      endpoint_url = fields.endpoint_url or "",
    }
    for _, name in ipairs { "access_token_lifetime_s", "per_minute", "tenant_per_minute" } do
      values[name] = number_of(fields[name])
    end
    for _, name in ipairs { "token_redirect", "api_redirect" } do
      local current = world.switches[name]
      if fields[name] ~= (current and current.kind or "off") then -- else it keeps its URL and how often
        values[name] = fields[name]
      end
    end
    switches.set(world.switches, values)
    world.throttle:reset()
  end, "control.switched")
end

local function ask_reset(visit)
  local t = visit.t
  return confirm(visit, {
    title = t "control.reset", what = t "control.reset_what", action = PATH .. "/reset",
    back = { PATH, t "control.title" },
  })
end

local function reset(visit)
  guard.refuse_proxied(visit.headers)
  visit.world:reset()
  return respond.redirect(visit, "/portal/sign-in")
end

return {
  menu = { key = "control.title", path = PATH, icon = "control" },
  routes = {
    { method = "GET", path = PATH, run = function(visit) return show(visit) end },
    { method = "GET", path = PATH .. "/reset", run = ask_reset },
    { method = "POST", path = PATH .. "/reset", alone = true, run = reset },
    { method = "POST", path = PATH .. "/clock", alone = true, run = move_clock },
    { method = "POST", path = PATH .. "/faults", run = add_fault },
    { method = "POST", path = PATH .. "/faults/remove", run = remove_fault },
    { method = "POST", path = PATH .. "/switches", run = set_switches },
  },
}
