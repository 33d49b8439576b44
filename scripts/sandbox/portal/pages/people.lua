--- The people of the tenant, bots among them: a list in pages, with a search; adding somebody.
local body = require "sandbox.http.body"
local html = require "html.elements"
local http = require "jeton.http"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local provision = require "sandbox.seed.provision"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local users = require "sandbox.data.users"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local PATH = "/portal/people"
local KINDS = { "admins", "invited", "bots" }

local function badges(visit, user)
  local t = visit.t
  return {
    user.tenant_admin ~= 0 and widgets.badge(t "sign_in.admin"),
    user.provisioned == 0 and widgets.badge(t "people.invited"),
    user.maker and { widgets.badge(t "tenant.bot"),
      h.div { class = "soft", t("tenant.made_by", { name = user.maker }) } },
  }
end

local function people_table(visit, found)
  local t, rows = visit.t, {}
  for i, user in ipairs(found) do
    rows[i] = {
      { user.name ~= "" and user.name or user.phone,
        user.name ~= "" and h.div { class = "soft phone", user.phone } },
      user.email ~= "" and user.email or "—",
      badges(visit, user),
      visit:time(user.created_at),
    }
  end
  return #rows > 0 and widgets.table(t "tenant.title", {
    t "people.name", t "sign_in.email", t "connectors.token_state", t "tenant.since",
  }, rows) or h.p { class = "empty", t "tenant.none" }
end

local function filters(visit, text, kind)
  local t = visit.t
  local options = { { "", t "tenant.everybody" } }
  for i, one in ipairs(KINDS) do
    options[i + 1] = { one, t("tenant." .. one) }
  end
  return h.form {
    action = PATH, method = "get", class = "filters", role = "search",
    h.div {
      class = "field",
      h.label { for_ = "field-query", t "tenant.search" },
      h.input {
        id = "field-query", name = "query", type = "search", value = text, maxlength = limits.name_characters,
      },
    },
    widgets.choose { name = "kind", label = t "tenant.who", value = kind, options = options },
    h.button { class = "second", t "groups.find" },
  }
end

local function add_form(visit, problem)
  local t, fields = visit.t, visit.fields
  return widgets.card {
    title = t "tenant.add",
    visit:form {
      action = PATH, class = "fields",
      widgets.field {
        name = "phone", type = "tel", label = t "tenant.phone", value = fields.phone, error = problem,
        attributes = { required = true, maxlength = 40 },
      },
      widgets.field {
        name = "name", label = t "people.name", value = fields.name,
        attributes = { maxlength = limits.name_characters, autocomplete = "off" },
      },
      widgets.field {
        name = "email", type = "email", label = t "sign_in.email", value = fields.email,
        attributes = { maxlength = limits.email_characters, autocomplete = "off" },
      },
      h.button { t "tenant.add" },
    },
  }
end

local function show(visit, problem)
  local t, query = visit.t, visit.query
  local found, has_more = users.find(visit.db, visit.user.tenant_id, {
    text = query.query, kind = query.kind, after = math.tointeger(tonumber(query.after)),
    count = limits.portal_page,
  })
  local more = has_more and ("%s?after=%d&kind=%s&query=%s"):format(PATH, found[#found].number,
    http.encode(query.kind or ""), http.encode(query.query or ""))
  return respond.page(visit, {
    title = t "tenant.title",
    intro = h.p { t "tenant.intro" },
    main = {
      filters(visit, query.query, query.kind),
      people_table(visit, found),
      (more or query.after) and h.nav {
        class = "row", aria_label = t "groups.pages",
        query.after and h.a { class = "button second", href = PATH, t "people.start" },
        more and h.a { class = "button second", href = more, t "groups.next" },
      },
      visit.user.tenant_admin ~= 0 and add_form(visit, problem),
    },
  }, problem and 400)
end

local function add(visit)
  local t, fields = visit.t, visit.fields
  if visit.user.tenant_admin == 0 then
    return respond.problem(visit, { status = 403, message = "only a tenant-level token may do this" })
  end
  local phone = (fields.phone or ""):gsub("[%s().-]", "")
  local email = request.trim(fields.email or "")
  if not ids.is_phone(phone) then
    return show(visit, t "phone.bad")
  elseif users.by_phone(visit.db, phone) then
    return show(visit, t "tenant.taken")
  elseif email ~= "" and users.by_email(visit.db, visit.user.tenant_id, email) then
    return show(visit, t "tenant.email_taken")
  end
  local name = request.trim(fields.name or "")
  provision.user(visit.db, visit.user.tenant_id, body.check_strict(provision.USER_FIELDS, {
    phone = phone, name = name, email = email,
  }), visit.now)
  visit:notice("tenant.added", { name = name ~= "" and name or phone })
  return respond.redirect(visit, PATH)
end

return {
  menu = { key = "tenant.title", path = PATH, icon = "people" },
  routes = {
    { method = "GET", path = PATH, run = function(visit) return show(visit) end },
    { method = "POST", path = PATH, run = add },
  },
}
