--- "Generate user token": the refresh token, shown once, and what to do with it.
local connector_of = require "sandbox.portal.connector"
local html = require "html.elements"
local provision = require "sandbox.seed.provision"
local respond = require "sandbox.portal.respond"
local token_parts = require "sandbox.portal.token_parts"
local token_service = require "sandbox.rules.token_service"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local function generate(visit)
  local connector = connector_of.visit(visit)
  local made = provision.tokens(visit.db, connector, { { user = visit.user.phone } }, visit.now)[1]
  visit:put("token:" .. connector.id, { token = made.refresh_token, at = visit.now })
  return respond.redirect(visit, connector_of.path(connector, "/token"))
end

local function shown_once(visit, made)
  local t = visit.t
  local until_s = token_service.expires_at { created_at = made.at }
  return widgets.card {
    title = t "token.refresh", class = "warn",
    h.p { class = "warning", t("token.once", { time = visit:time(until_s) }) },
    widgets.value(visit, { id = "refresh-token", label = t "token.refresh", value = made.token }),
    h.p { token_parts.reach(visit) },
  }
end

local function show(visit)
  local t, connector = visit.t, connector_of.visit(visit)
  local made = not visit.is_live and visit:take("token:" .. connector.id)
  return respond.page(visit, {
    title = t("token.title", { name = connector.name }),
    back = { connector_of.path(connector), connector.name },
    shows_secret = made and true,
    main = made and {
      shown_once(visit, made),
      token_parts.hand_over(visit, connector),
      token_parts.exchange(visit, connector, made.token),
    } or {
      h.p { class = "hint-box", t "token.gone" },
      token_parts.generate(visit, connector),
      token_parts.hand_over(visit, connector),
    },
  })
end

return {
  routes = {
    { method = "POST", path = "/portal/connectors/{connector}/token", phone = true, run = generate },
    { method = "GET", path = "/portal/connectors/{connector}/token", phone = true, run = show },
  },
}
