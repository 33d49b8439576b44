--- "Add Connector", in two steps: details, then permissions.
local connector_form = require "sandbox.portal.connector_form"
local connector_of = require "sandbox.portal.connector"
local html = require "html.elements"
local provision = require "sandbox.seed.provision"
local respond = require "sandbox.portal.respond"

local h = html.h

local DETAILS, CHOICES = "/portal/connectors/new", "/portal/connectors/new/permissions"

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
  local t = visit.t
  return page(visit, 1, visit:form {
    action = DETAILS, class = "card", novalidate = true,
    connector_form.details(visit, values, errors),
    h.div {
      class = "row", h.button { t "connectors.continue" },
      h.a { class = "button second", href = "/portal/connectors", t "common.cancel" },
    },
  }, next(errors))
end

local function open(visit)
  return show_details(visit, visit.session.draft or {}, {})
end

local function take_details(visit)
  local values, errors = connector_form.read_details(visit)
  if next(errors) then
    return show_details(visit, values, errors)
  end
  visit.session.draft = values
  return respond.redirect(visit, CHOICES)
end

local function show_choices(visit, problem)
  local t = visit.t
  return page(visit, 2, visit:form {
    action = CHOICES, class = "card",
    problem and h.p { class = "alert", role = "alert", problem },
    connector_form.permissions(visit, visit.session.draft.name, {}),
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
  local chosen = connector_form.read_permissions(visit, {})
  if not next(chosen) then
    return show_choices(visit, visit.t "connectors.choose_one")
  end
  local made = provision.connector(visit.db, visit.user.tenant_id, {
    name = draft.name,
    description = draft.description,
    redirect_uri = draft.redirect_uri,
    owner = visit.user.phone,
    permissions = chosen,
    tokens = {},
  }, visit.now)
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
