--- Changing a connector: its name, description, redirect URL and permissions. Only its owner may.
local connector_form = require "sandbox.portal.connector_form"
local connector_of = require "sandbox.portal.connector"
local connectors = require "sandbox.data.connectors"
local html = require "html.elements"
local permissions = require "sandbox.base.permissions"
local respond = require "sandbox.portal.respond"

local h = html.h

local function show(visit, connector, values, set, errors, problem)
  local t = visit.t
  return respond.page(visit, {
    title = t "connectors.edit",
    back = { connector_of.path(connector), connector.name },
    main = visit:form {
      action = connector_of.path(connector, "/edit"), class = "card", novalidate = true,
      problem and h.p { class = "alert", role = "alert", problem },
      connector_form.details(visit, values, errors),
      connector_form.permissions(visit, connector.name, set),
      h.p { class = "soft", t "connectors.edit_what" },
      h.div {
        class = "row", h.button { t "connectors.save" },
        h.a { class = "button second", href = connector_of.path(connector), t "common.cancel" },
      },
    },
  }, (next(errors) or problem) and 400)
end

local function open(visit)
  local connector = connector_of.owner(visit)
  return show(visit, connector, connector, permissions.from_mask(connector.permissions), {})
end

local function save(visit)
  local connector = connector_of.owner(visit)
  local values, errors = connector_form.read_details(visit)
  local chosen = connector_form.read_permissions(visit, permissions.from_mask(connector.permissions))
  local problem = not next(chosen) and visit.t "connectors.choose_one" or nil
  if next(errors) or problem then
    return show(visit, connector, values, chosen, errors, problem)
  end
  connectors.update(visit.db, connector, values.name, chosen, values.description)
  connectors.set_redirect_uri(visit.db, connector, values.redirect_uri)
  visit:notice("connectors.saved", { name = values.name })
  return respond.redirect(visit, connector_of.path(connector))
end

return {
  routes = {
    { method = "GET", path = "/portal/connectors/{connector}/edit", phone = true, run = open },
    { method = "POST", path = "/portal/connectors/{connector}/edit", phone = true, run = save },
  },
}
