--- A group's connectors: those with a token for it, and "Add Connector", which creates one.
local connector_of = require "sandbox.portal.connector"
local connectors = require "sandbox.data.connectors"
local group_of = require "sandbox.portal.group"
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local provision = require "sandbox.seed.provision"
local refusal = require "sandbox.base.refusal"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local token_service = require "sandbox.rules.token_service"
local token_parts = require "sandbox.portal.token_parts"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local function state_of(visit, row)
  if row.revoked ~= 0 then
    return widgets.badge(visit.t "connectors.state_revoked", "bad")
  elseif token_service.expires_at(row) <= visit.now then
    return widgets.badge(visit.t "connectors.state_expired", "bad")
  end
  return widgets.badge(visit.t "connectors.state_works", "good")
end

local function token_table(visit, group)
  local t = visit.t
  local part = widgets.part(visit, connectors.count_grants_of_group(visit.db, group), limits.portal_rows)
  local function cells(row)
    return {
      h.a { href = connector_of.path { id = row.connector_id }, row.connector_name },
      row.user_name ~= "" and row.user_name or row.user_phone,
      state_of(visit, row),
      visit:time(row.created_at),
      visit:time(token_service.expires_at(row)),
      row.last_used_at and visit:time(row.last_used_at) or t "connectors.never",
    }
  end
  return part.count > 0 and widgets.listing(visit, {
    label = t "connectors.title", show = cells, part = part,
    rows = connectors.grants_of_group(visit.db, group, part.per, part.from),
    columns = {
      t "traffic.connector", t "connectors.token_to", t "connectors.token_state", t "connectors.token_when",
      t "connectors.token_until", t "connectors.token_used",
    },
  }) or h.p { class = "soft", t "group_connectors.none" }
end

local function add_form(visit, group)
  local t, options = visit.t, {}
  local found = connectors.of_tenant(visit.db, visit.user.tenant_id, visit.now,
    token_service.REFRESH_TOKEN_LIFE_S, limits.portal_people + 1)
  for i = 1, math.min(#found, limits.portal_people) do
    options[i] = { found[i].id, found[i].name }
  end
  if #options == 0 then
    return h.p { t "connectors.none", " ", h.a { href = "/portal/connectors/new", t "connectors.add" } }
  end
  return visit:form {
    action = group_of.path(group, "/connectors"),
    widgets.choose { name = "connector", label = t "group_connectors.choose", options = options },
    #found > #options and widgets.field { name = "id", label = t "group_connectors.or_id" },
    h.p { class = "soft", t "group_connectors.replaces" },
    h.div { h.button { t "connectors.add" } },
  }
end

-- Right after it was created: the token, which is shown only once, and how to hand it over.
local function made_parts(visit, group, made)
  local t, connector = visit.t, connectors.by_id(visit.db, made.connector)
  local until_s = token_service.expires_at { created_at = made.at }
  return connector and {
    widgets.card {
      title = t("token.title", { name = connector.name }), class = "warn",
      h.p { class = "warning", t("token.once", { time = visit:time(until_s) }) },
      widgets.value(visit, { id = "refresh-token", label = t "token.refresh", value = made.token }),
      h.p { t("group_connectors.reaches", { name = group.name }) },
    },
    token_parts.hand_over(visit, connector),
  }
end

local function show(visit)
  local t = visit.t
  local group, role = group_of.visit(visit, "admin")
  local made = not visit.is_live and visit:take("group-token:" .. group.id)
  return group_of.page(visit, group, role, "/connectors", {
    h.p { class = "soft", t "group_connectors.intro" },
    made and made_parts(visit, group, made),
    token_table(visit, group),
    widgets.card { title = t "connectors.add", add_form(visit, group) },
  })
end

local function add(visit)
  local group = group_of.visit(visit, "admin")
  local id = request.trim(visit.fields.id or "") -- of one that is not among the options
  local connector = connectors.by_id(visit.db, id ~= "" and id or visit.fields.connector or "")
  if not connector or connector.tenant_id:lower() ~= visit.user.tenant_id:lower() then
    refusal.not_found "there is no connector with this id"
  end
  ---@cast connector sandbox.connector
  local grant = { user = visit.user.phone, group = group.id }
  local made = provision.tokens(visit.db, connector, { grant }, visit.now)[1]
  visit:put("group-token:" .. group.id, {
    connector = connector.id, token = made.refresh_token, at = visit.now,
  })
  return respond.redirect(visit, group_of.path(group, "/connectors"))
end

return {
  routes = {
    { method = "GET", path = "/portal/groups/{group}/connectors", phone = true, run = show },
    { method = "POST", path = "/portal/groups/{group}/connectors", phone = true, run = add },
  },
}
