--- The fields of a connector, as those who add or change one fill them in: details and permissions.
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local permissions = require "sandbox.base.permissions"
local request = require "sandbox.http.request"
local url = require "sandbox.http.url"
local widgets = require "sandbox.portal.widgets"

local connector_form = {}

local h = html.h

local FIELD_PREFIX = "permission_"
local DETAILS = { "name", "description", "redirect_uri" }

---@class sandbox.portal.connector_details
---@field name string
---@field description string
---@field redirect_uri string

--- The fields of the details.
---@param visit sandbox.portal.visit
---@param values table<string, string>
---@param errors table<string, string> by field
---@return html.node
function connector_form.details(visit, values, errors)
  local t, list = visit.t, {}
  for _, name in ipairs(DETAILS) do
    list[#list + 1] = errors[name] and { name, errors[name] } or nil
  end
  local among = #list > 1
  return {
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
  }
end

local function too_long(visit, label, text, most)
  return utf8.len(text) > most and visit.t("common.too_long", { field = visit.t(label), count = most }) or nil
end

local function check(visit, values)
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

--- The details of the form.
---@param visit sandbox.portal.visit
---@return sandbox.portal.connector_details values
---@return table<string, string> errors by field; empty: none
function connector_form.read_details(visit)
  local values = {}
  for _, name in ipairs(DETAILS) do
    values[name] = request.trim((visit.fields[name] or ""):gsub("\r\n", "\n"))
  end
  return values, check(visit, values)
end

--- The choice of permissions.
---@param visit sandbox.portal.visit
---@param name string of the connector
---@param set sandbox.permissions those that it has
---@return html.element
function connector_form.permissions(visit, name, set)
  local t, boxes = visit.t, {}
  for i, choice in ipairs(permissions.CHOICES) do
    local extent = permissions.extent(set, choice[1])
    boxes[i] = widgets.checkbox {
      name = FIELD_PREFIX .. choice.name,
      label = t("permission." .. choice.name),
      hint = { t("permission." .. choice.name .. "_what"),
        extent == "some" and { " ", widgets.badge(t "connectors.some") } },
      checked = extent ~= "none",
    }
  end
  return h.fieldset {
    h.legend { t("connectors.choose", { name = name }) },
    h.div { class = "choices", boxes },
  }
end

--- The chosen permissions. What the connector has in part stays so.
---@param visit sandbox.portal.visit
---@param set sandbox.permissions those that it has
---@return sandbox.permissions
function connector_form.read_permissions(visit, set)
  local chosen = {}
  for _, choice in ipairs(permissions.CHOICES) do
    for _, resource in ipairs(visit.fields[FIELD_PREFIX .. choice.name] and choice or {}) do
      local has_some = permissions.extent(set, choice[1]) ~= "none"
      chosen[resource] = has_some and set[resource] or permissions.parse({ resource })[resource]
    end
  end
  return chosen
end

return connector_form
