--- The fields of a person, as those who add or change one fill them in.
local limits = require "sandbox.base.limits"
local request = require "sandbox.http.request"
local users = require "sandbox.data.users"
local widgets = require "sandbox.portal.widgets"

local person_form = {}

--- Name and address.
---@param visit sandbox.portal.visit
---@param values {name: string|nil, email: string|nil}
---@param email_error string|nil
---@return html.element[]
function person_form.fields(visit, values, email_error)
  local t = visit.t
  return {
    widgets.field {
      name = "name", label = t "people.name", value = values.name,
      attributes = { maxlength = limits.name_characters, autocomplete = "off" },
    },
    widgets.field {
      name = "email", type = "email", label = t "sign_in.email", value = values.email, error = email_error,
      attributes = { maxlength = limits.email_characters, autocomplete = "off" },
    },
  }
end

--- The name and address of the form.
---@param visit sandbox.portal.visit
---@param id string|nil of the person who may have the address
---@return {name: string, email: string} values
---@return string|nil email_error somebody else has it, or it would be missed
function person_form.read(visit, id)
  local values = {
    name = request.trim(visit.fields.name or ""), email = request.trim(visit.fields.email or ""),
  }
  if values.email == "" then -- without one they could not sign in again
    local t = visit.t
    return values, id == visit.user.id and t("common.required", { field = t "sign_in.email" }) or nil
  end
  local holder = users.by_email(visit.db, visit.user.tenant_id, values.email)
  return values, holder and holder.id ~= id and visit.t "tenant.email_taken" or nil
end

return person_form
