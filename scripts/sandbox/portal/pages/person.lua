--- Changing a person: name, address, whether an admin of the tenant. Admins change everybody, others
--- themselves.
local body = require "sandbox.http.body"
local html = require "html.elements"
local person_form = require "sandbox.portal.person_form"
local provision = require "sandbox.seed.provision"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local users = require "sandbox.data.users"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local PEOPLE = "/portal/people"

-- The person of the path. Raises 404 if there is none, or the signed-in user may not change it.
local function person_of(visit)
  local person = users.by_id(visit.db, visit.params.person)
  if not person or person.tenant_id ~= visit.user.tenant_id or users.is_bot(visit.db, person.id)
    or not (visit.user.tenant_admin ~= 0 or person.id == visit.user.id) then
    refusal.not_found "there is no person with this id"
  end
  return person --[[@as sandbox.user]]
end

local function show(visit, person, values, email_error)
  local t = visit.t
  return respond.page(visit, {
    title = t "tenant.edit",
    narrow = true,
    back = { PEOPLE, t "tenant.title" },
    intro = h.p { class = "phone", person.phone },
    main = visit:form {
      action = ("%s/%s/edit"):format(PEOPLE, person.id), class = "card",
      person_form.fields(visit, values, email_error),
      -- Nobody can take it from themselves, so one admin stays.
      visit.user.tenant_admin ~= 0 and person.id ~= visit.user.id and widgets.checkbox {
        name = "tenant_admin", label = t "tenant.admin", hint = t "tenant.admin_what",
        checked = values.tenant_admin ~= 0,
      },
      h.p { class = "soft", t "tenant.number_stays" },
      h.div {
        class = "row", h.button { t "connectors.save" },
        h.a { class = "button second", href = PEOPLE, t "common.cancel" },
      },
    },
  }, email_error and 400)
end

local function open(visit)
  local person = person_of(visit)
  return show(visit, person, person)
end

local function save(visit)
  local person = person_of(visit)
  local values, email_error = person_form.read(visit, person.id)
  local changes_role = visit.user.tenant_admin ~= 0 and person.id ~= visit.user.id
  values.tenant_admin = changes_role and (visit.fields.tenant_admin and 1 or 0) or person.tenant_admin
  if email_error then
    return show(visit, person, values, email_error)
  end
  provision.user(visit.db, person.tenant_id, body.check_strict(provision.USER_FIELDS, {
    phone = person.phone, name = values.name, email = values.email, tenant_admin = values.tenant_admin ~= 0,
    provisioned = person.provisioned ~= 0,
  }), visit.now)
  visit:notice("tenant.saved", { name = values.name ~= "" and values.name or person.phone })
  return respond.redirect(visit, PEOPLE)
end

return {
  routes = {
    { method = "GET", path = PEOPLE .. "/{person}/edit", run = open },
    { method = "POST", path = PEOPLE .. "/{person}/edit", run = save },
  },
}
