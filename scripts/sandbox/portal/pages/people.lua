--- The people of the tenant, bots among them: a list in pages, with a search; adding somebody.
local body = require "sandbox.http.body"
local html = require "html.elements"
local http = require "jeton.http"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local person_form = require "sandbox.portal.person_form"
local provision = require "sandbox.seed.provision"
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

-- A link where the person can be changed.
local function name_of(visit, user)
  local text = user.name ~= "" and user.name or h.span { class = "phone", user.phone }
  local may = not user.maker and (visit.user.tenant_admin ~= 0 or user.id == visit.user.id)
  return may and h.a { href = ("%s/%s/edit"):format(PATH, user.id), text } or text
end

local function people_table(visit, found, pager)
  local t = visit.t
  local function row(user)
    return {
      { name_of(visit, user), user.name ~= "" and h.div { class = "soft phone", user.phone } },
      user.email ~= "" and user.email or "—",
      badges(visit, user),
      visit:time(user.created_at),
    }
  end
  return #found > 0 and widgets.listing(visit, {
    label = t "tenant.title", rows = found, show = row, pager = pager,
    columns = { t "people.name", t "sign_in.email", t "connectors.token_state", t "tenant.since" },
  }) or h.p { class = "empty", t "tenant.none" }
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

local function add_form(visit, problem, email_error)
  local t, fields = visit.t, visit.fields
  return widgets.card {
    title = t "tenant.add",
    visit:form {
      action = PATH, class = "fields",
      widgets.field {
        name = "phone", type = "tel", label = t "tenant.phone", value = fields.phone, error = problem,
        attributes = { required = true, maxlength = 40 },
      },
      person_form.fields(visit, fields, email_error),
      h.button { t "tenant.add" },
    },
  }
end

local function show(visit, problem, email_error)
  local t, query = visit.t, visit.query
  local found, has_more = users.find(visit.db, visit.user.tenant_id, {
    text = query.query, kind = query.kind, after = math.tointeger(tonumber(query.after)),
    count = limits.portal_page,
  })
  local function pager(shown)
    local more = (has_more or shown < #found) and ("%s?after=%d&kind=%s&query=%s"):format(PATH,
      found[shown].number, http.encode(query.kind or ""), http.encode(query.query or ""))
    return (more or query.after) and h.nav {
      class = "row", aria_label = t "groups.pages",
      query.after and h.a { class = "button second", href = PATH, t "people.start" },
      more and h.a { class = "button second", href = more, t "groups.next" },
    }
  end
  return respond.page(visit, {
    title = t "tenant.title",
    intro = h.p { t "tenant.intro" },
    main = {
      filters(visit, query.query, query.kind),
      people_table(visit, found, pager),
      visit.user.tenant_admin ~= 0 and add_form(visit, problem, email_error),
    },
  }, (problem or email_error) and 400)
end

local function add(visit)
  local t = visit.t
  if visit.user.tenant_admin == 0 then
    return respond.problem(visit, { status = 403, message = "only a tenant-level token may do this" })
  end
  local phone = (visit.fields.phone or ""):gsub("[%s().-]", "")
  local values, email_error = person_form.read(visit)
  if not ids.is_phone(phone) then
    return show(visit, t "phone.bad")
  elseif users.by_phone(visit.db, phone) then
    return show(visit, t "tenant.taken")
  elseif email_error then
    return show(visit, nil, email_error)
  end
  provision.user(visit.db, visit.user.tenant_id, body.check_strict(provision.USER_FIELDS, {
    phone = phone, name = values.name, email = values.email,
  }), visit.now)
  visit:notice("tenant.added", { name = values.name ~= "" and values.name or phone })
  return respond.redirect(visit, PATH)
end

return {
  menu = { key = "tenant.title", path = PATH, icon = "people" },
  routes = {
    { method = "GET", path = PATH, run = function(visit) return show(visit) end },
    { method = "POST", path = PATH, run = add },
  },
}
