--- The list of connectors, and the page of a connector: details, permissions, tokens; new secret; deletion.
local confirm = require "sandbox.portal.confirm"
local connector_of = require "sandbox.portal.connector"
local connectors = require "sandbox.data.connectors"
local html = require "html.elements"
local ids = require "sandbox.base.ids"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local respond = require "sandbox.portal.respond"
local token_parts = require "sandbox.portal.token_parts"
local token_service = require "sandbox.rules.token_service"
local users = require "sandbox.data.users"
local webhook_parts = require "sandbox.portal.webhook_parts"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local function add_button(visit)
  return h.a { class = "button", href = "/portal/connectors/new", visit.t "connectors.add" }
end

local function owner_of(visit, row)
  return connectors.is_owner(row, visit.user) and visit.t "connectors.you"
    or row.owner_name ~= "" and row.owner_name or row.owner_email
end

local function list(visit)
  local t = visit.t
  local part = widgets.part(visit, connectors.count(visit.db, visit.user.tenant_id), limits.portal_rows)
  local found = connectors.of_tenant(visit.db, visit.user.tenant_id, visit.now,
    token_service.REFRESH_TOKEN_LIFE_S, part.per, part.from)
  local function cells(row)
    return {
      { h.a { href = connector_of.path(row), row.name },
        row.description ~= "" and h.div { class = "soft clip", row.description } },
      owner_of(visit, row),
      language.number(visit.language, row.tokens),
      visit:time(row.created_at),
    }
  end
  return respond.page(visit, {
    title = t "connectors.title",
    intro = h.p { t "connectors.intro" },
    main = {
      h.div { class = "row", add_button(visit) },
      #found > 0 and widgets.listing(visit, {
        label = t "connectors.title", rows = found, show = cells, part = part,
        columns = {
          t "connectors.name", t "connectors.owner", t "connectors.tokens_working", t "connectors.created",
        },
      }) or h.p { class = "empty", t "connectors.none" },
    },
  })
end

-- Right after it was created or got a new secret: ID and secret, which is shown only once.
local function credentials(visit, connector, secret)
  local t = visit.t
  return widgets.card {
    title = t "connectors.note", class = "warn",
    h.p { class = "warning", t "connectors.note_warning" },
    widgets.value(visit, { id = "connector-id", label = t "connectors.id", value = connector.id }),
    widgets.value(visit, { id = "connector-secret", label = t "connectors.secret", value = secret }),
  }
end

local function details(visit, connector, with_id)
  local t, owner = visit.t, users.by_id(visit.db, connector.owner_id)
  return widgets.card {
    title = t "connectors.details",
    with_id and widgets.value(visit, {
      id = "connector-id", label = t "connectors.id", value = connector.id,
    }),
    widgets.facts {
      { t "connectors.owner", owner_of(visit, {
        owner_id = connector.owner_id, owner_name = owner.name, owner_email = owner.email }) },
      { t "connectors.created", visit:time(connector.created_at) },
      { t "connectors.redirect", connector.redirect_uri },
    },
  }
end

local function permission_list(visit, connector)
  local t, items = visit.t, {}
  for i, entry in ipairs(connector_of.permissions(connector)) do
    items[i] = h.li {
      h.strong { t("permission." .. entry.name) },
      entry.extent == "some" and { " ", widgets.badge(t "connectors.some") },
      h.div { class = "soft", t("permission." .. entry.name .. "_what") },
    }
  end
  return widgets.card {
    title = t "connectors.permissions",
    #items > 0 and h.ul { class = "plain-list beside", items }
      or h.p { class = "soft", t "connectors.no_permissions" },
  }
end

local function state_of(visit, connector, row)
  if row.revoked ~= 0 then
    return widgets.badge(visit.t "connectors.state_revoked", "bad")
  elseif not token_service.is_valid(row, connector, visit.now) then
    return widgets.badge(visit.t "connectors.state_expired", "bad")
  end
  return widgets.badge(visit.t "connectors.state_works", "good")
end

local function token_table(visit, connector, is_owner)
  local t = visit.t
  local title = t(is_owner and "connectors.tokens" or "connectors.your_tokens")
  local whose = not is_owner and visit.user.id or nil
  local part = widgets.part(visit, connectors.count_grants(visit.db, connector, whose), limits.portal_rows,
    "tokens")
  local function cells(row)
    return {
      { row.user_name, h.div { class = "soft phone", row.user_phone } },
      t("connectors.kind_" .. row.kind, { name = row.group_name }),
      state_of(visit, connector, row),
      visit:time(row.created_at),
      visit:time(token_service.expires_at(row)),
      row.last_used_at and visit:time(row.last_used_at) or t "connectors.never",
    }
  end
  return widgets.card {
    title = title, id = part.name,
    part.count > 0 and widgets.listing(visit, {
      label = title, show = cells, part = part,
      rows = connectors.grants(visit.db, connector, whose, part.per, part.from),
      columns = {
        t "connectors.token_to", t "connectors.token_reach", t "connectors.token_state",
        t "connectors.token_when", t "connectors.token_until", t "connectors.token_used",
      },
    }) or h.p { class = "soft", t "connectors.no_tokens" },
  }
end

local function show(visit)
  local t, connector = visit.t, connector_of.visit(visit)
  local is_owner = connector_of.is_owner(visit, connector)
  local secret = is_owner and not visit.is_live and visit:take("secret:" .. connector.id)
  return respond.page(visit, {
    title = connector.name,
    back = { "/portal/connectors", t "connectors.title" },
    intro = connector.description ~= "" and h.p { class = "written", connector.description },
    shows_secret = secret and true,
    main = {
      secret and credentials(visit, connector, secret),
      h.div {
        class = "split",
        token_parts.generate(visit, connector),
        details(visit, connector, not secret),
      },
      permission_list(visit, connector),
      token_table(visit, connector, is_owner),
      webhook_parts.card(visit, connector),
      is_owner and widgets.card {
        title = t "connectors.manage",
        h.div {
          class = "row",
          h.a {
            class = "button second", href = connector_of.path(connector, "/edit"), t "connectors.edit",
          },
          h.a {
            class = "button second", href = connector_of.path(connector, "/secret"),
            t "connectors.regenerate",
          },
          h.a {
            class = "button danger second", href = connector_of.path(connector, "/delete"),
            t "connectors.delete",
          },
        },
      },
    },
  })
end

local function ask(visit, connector, action, key, values)
  return confirm(visit, {
    title = visit.t("connectors." .. key),
    what = visit.t("connectors." .. key .. "_what", values),
    action = connector_of.path(connector, action),
    back = { connector_of.path(connector), connector.name },
  })
end

local function ask_delete(visit)
  local connector = connector_of.owner(visit)
  local working = connectors.count_working(visit.db, connector, visit.now, token_service.REFRESH_TOKEN_LIFE_S)
  return ask(visit, connector, "/delete", "delete", { name = connector.name, count = working })
end

local function delete(visit)
  local connector = connector_of.owner(visit)
  connectors.delete(visit.db, connector.id)
  visit:notice("connectors.deleted", { name = connector.name })
  return respond.redirect(visit, "/portal/connectors")
end

local function ask_secret(visit)
  local connector = connector_of.owner(visit)
  return ask(visit, connector, "/secret", "regenerate", { name = connector.name })
end

local function new_secret(visit)
  local connector = connector_of.owner(visit)
  local secret = ids.new_secret()
  connectors.set_secret(visit.db, connector, secret)
  visit:put("secret:" .. connector.id, secret)
  return respond.redirect(visit, connector_of.path(connector))
end

return {
  menu = { key = "connectors.title", path = "/portal/connectors", icon = "connectors" },
  routes = {
    { method = "GET", path = "/portal/connectors", phone = true, run = list },
    { method = "GET", path = "/portal/connectors/{connector}", phone = true, run = show },
    { method = "GET", path = "/portal/connectors/{connector}/delete", phone = true, run = ask_delete },
    { method = "POST", path = "/portal/connectors/{connector}/delete", phone = true, run = delete },
    { method = "GET", path = "/portal/connectors/{connector}/secret", phone = true, run = ask_secret },
    { method = "POST", path = "/portal/connectors/{connector}/secret", phone = true, run = new_secret },
  },
}
