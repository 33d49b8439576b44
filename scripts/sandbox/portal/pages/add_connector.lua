--- "Add Connector", in two steps: details, then permissions.
local connector_of = require "sandbox.portal.connector"
local html = require "html.elements"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local permissions = require "sandbox.base.permissions"
local provision = require "sandbox.seed.provision"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local url = require "sandbox.http.url"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local DETAILS, CHOICES = "/portal/connectors/new", "/portal/connectors/new/permissions"
local FIELD_PREFIX = "permission_"

local function progress(visit, at)
  local t = visit.t
  local function item(number, key)
    return h.li { aria_current = number == at and "step" or nil, t(key) }
  end
  return h.ol {
    class = "progress", aria_label = t "connectors.steps",
    item(1, "connectors.step_details"), item(2, "connectors.step_permissions"),
  }
end

local function page(visit, at, form, is_bad)
  return respond.page(visit, {
    title = visit.t "connectors.add",
    narrow = at == 1,
    back = { "/portal/connectors", visit.t "connectors.title" },
    main = { progress(visit, at), form },
  }, is_bad and 400)
end

local function show_details(visit, values, errors)
  local t, list = visit.t, {}
  for _, name in ipairs { "name", "description", "redirect_uri" } do
    list[#list + 1] = errors[name] and { name, errors[name] } or nil
  end
  local among = #list > 1
  return page(visit, 1, visit:form {
    action = DETAILS, class = "card", novalidate = true,
    widgets.errors(visit, list),
    widgets.field {
      name = "name", label = t "connectors.name", value = values.name, error = errors.name, among = among,
      attributes = { required = true, maxlength = limits.name_characters, autocomplete = "off" },
    },
    widgets.field {
      name = "description", label = t "connectors.description", hint = t "connectors.description_hint",
      type = "textarea", value = values.description, error = errors.description, among = among,
      attributes = { maxlength = limits.description_characters },
    },
    widgets.field {
      name = "redirect_uri", label = t "connectors.redirect", hint = t "connectors.redirect_hint",
      type = "url", value = values.redirect_uri, error = errors.redirect_uri, among = among,
      attributes = { autocomplete = "off", spellcheck = "false" },
    },
    h.div {
      class = "row", h.button { t "connectors.continue" },
      h.a { class = "button second", href = "/portal/connectors", t "common.cancel" },
    },
  }, #list > 0)
end

local function too_long(visit, label, text, most)
  return utf8.len(text) > most and visit.t("common.too_long", { field = visit.t(label), count = most }) or nil
end

local function check_details(visit, values)
  local t = visit.t
  local uri = values.redirect_uri
  return {
    name = values.name == "" and t("common.required", { field = t "connectors.name" })
      or too_long(visit, "connectors.name", values.name, limits.name_characters),
    description = too_long(visit, "connectors.description", values.description,
      limits.description_characters),
    redirect_uri = uri ~= "" and (#uri > limits.url_bytes or uri:find "[%c%s#]"
      or not (url.is_https(uri) or url.is_loopback(uri))) and t "connectors.redirect_bad" or nil,
  }
end

local function open(visit)
  return show_details(visit, visit.session.draft or {}, {})
end

local function take_details(visit)
  local values = {}
  for _, name in ipairs { "name", "description", "redirect_uri" } do
    values[name] = request.trim((visit.fields[name] or ""):gsub("\r\n", "\n"))
  end
  local errors = check_details(visit, values)
  if next(errors) then
    return show_details(visit, values, errors)
  end
  visit.session.draft = values
  return respond.redirect(visit, CHOICES)
end

local function show_choices(visit, problem)
  local t, boxes = visit.t, {}
  for i, choice in ipairs(permissions.CHOICES) do
    boxes[i] = widgets.checkbox {
      name = FIELD_PREFIX .. choice.name,
      label = t("permission." .. choice.name),
      hint = t("permission." .. choice.name .. "_what"),
    }
  end
  return page(visit, 2, visit:form {
    action = CHOICES, class = "card",
    problem and h.p { class = "alert", role = "alert", problem },
    h.fieldset {
      h.legend { t("connectors.choose", { name = visit.session.draft.name }) },
      h.div { class = "choices", boxes },
    },
    h.div {
      class = "row", h.button { t "connectors.create" },
      h.a { class = "button second", href = DETAILS, t "connectors.edit_details" },
    },
  }, problem)
end

local function open_choices(visit)
  if not visit.session.draft then
    return respond.redirect(visit, DETAILS)
  end
  return show_choices(visit)
end

local function create(visit)
  local draft = visit.session.draft
  if not draft then
    return respond.redirect(visit, DETAILS)
  end
  local list = {}
  for _, choice in ipairs(permissions.CHOICES) do
    if visit.fields[FIELD_PREFIX .. choice.name] then
      table.move(choice, 1, #choice, #list + 1, list)
    end
  end
  if #list == 0 then
    return show_choices(visit, visit.t "connectors.choose_one")
  end
  local values = provision.read_connector({
    name = draft.name,
    description = draft.description,
    redirect_uri = draft.redirect_uri,
    owner = visit.user.phone,
    permissions = json.array(list),
  }, "")
  local made = provision.connector(visit.db, visit.user.tenant_id, values, visit.now)
  visit.session.draft = nil
  visit:put("secret:" .. made.id, made.secret)
  return respond.redirect(visit, connector_of.path(made))
end

return {
  routes = {
    { method = "GET", path = DETAILS, phone = true, run = open },
    { method = "POST", path = DETAILS, phone = true, run = take_details },
    { method = "GET", path = CHOICES, phone = true, run = open_choices },
    { method = "POST", path = CHOICES, phone = true, run = create },
  },
}
