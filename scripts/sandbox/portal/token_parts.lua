--- Parts of pages about refresh tokens: creating, handing over, exchanging.
local connector_of = require "sandbox.portal.connector"
local connectors = require "sandbox.data.connectors"
local html = require "html.elements"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local token_service = require "sandbox.rules.token_service"
local widgets = require "sandbox.portal.widgets"

local token_parts = {}

local h = html.h

local NAME_CHARACTERS = 64 -- of a connector in jeton's configuration
local FALLBACK_NAME = "connector"

--- A sentence on the groups that a user token of this user gives access to.
---@param visit sandbox.portal.visit
---@return string
function token_parts.reach(visit)
  local t, reach = visit.t, connector_of.reach(visit)
  if reach.is_tenant then
    return t("token.reaches_tenant", { count = reach.count })
  elseif reach.count == 0 then
    return t "token.reaches_nothing"
  end
  local names = table.concat(reach.names, ", ")
  if reach.count > #reach.names then
    names = t("token.and_more", { names = names })
  end
  return t("token.reaches_user", { count = reach.count, names = names })
end

-- The user's earlier user token, if it is valid.
local function present_grant(visit, connector)
  local grant = connectors.newest_grant(visit.db, connector, visit.user.id)
  return grant and token_service.is_valid(grant, connector, visit.now) and grant or nil
end

--- The button to create a user token, with its groups and what it replaces.
---@param visit sandbox.portal.visit
---@param connector sandbox.connector
---@return html.element
function token_parts.generate(visit, connector)
  local t, before = visit.t, present_grant(visit, connector)
  return widgets.card {
    title = t "token.refresh",
    h.p { t("token.grant_what", { name = connector.name }), " ", token_parts.reach(visit) },
    before and h.p { class = "warning", t("token.replaces", { time = visit:time(before.created_at) }) },
    visit:form {
      action = connector_of.path(connector, "/token"),
      h.div {
        class = "row", h.button { t "token.generate" },
        h.a { class = "button second", href = connector_of.path(connector, "/exchange"), t "exchange.title" },
      },
    },
  }
end

-- A connector's name in jeton: [A-Za-z0-9][A-Za-z0-9_-]{0,63}
local function configuration_name(connector)
  local name = connector.name:lower():gsub("[^a-z0-9]+", "-"):gsub("^%-+", ""):sub(1, NAME_CHARACTERS)
  name = name:gsub("%-+$", "")
  return name ~= "" and name or FALLBACK_NAME
end

local function service_url(visit)
  return visit.world:root(visit.headers.host) .. "/v1"
end

-- JSON strings are YAML too, so no value can break out.
local function configuration(visit, connector, name)
  local function quote(value)
    return assert(json.encode(value))
  end
  return table.concat({
    "connectors:",
    "  " .. name .. ":",
    "    provider: kaizala",
    "    token_service: " .. quote(service_url(visit)),
    "    application_id: " .. quote(connector.id),
    ("    application_secret: { file: secrets/%s.secret }"):format(name),
    ("    refresh_token: { file: secrets/%s.refresh_token }"):format(name),
  }, "\n") .. "\n"
end

--- How to hand the token over: a command, or a part of the configuration.
---@param visit sandbox.portal.visit
---@param connector sandbox.connector
---@return html.element
function token_parts.hand_over(visit, connector)
  local t, name = visit.t, configuration_name(connector)
  local command = ("jeton connector add %s --token-service %s"):format(name, service_url(visit))
  return widgets.card {
    title = t "hand_over.title",
    h.p { t "hand_over.intro" },
    widgets.value(visit, { id = "connector-id", label = t "connectors.id", value = connector.id }),
    widgets.code(visit, "hand-over-command", t "hand_over.command", command),
    h.p { t "hand_over.yaml_intro" },
    widgets.code(visit, "hand-over-yaml", "jeton.yaml", configuration(visit, connector, name)),
  }
end

-- The lines ask for the secret, to keep it out of the shell's history, and for the token unless
-- this page shows it anyway.
local function curl_lines(visit, connector, refresh_token)
  local lines = { "read -rsp 'Secret: ' SECRET" }
  lines[2] = not refresh_token and "read -rsp 'Refresh token: ' REFRESH_TOKEN" or nil
  lines[#lines + 1] = ("curl -H 'applicationId: %s' \\"):format(connector.id)
  lines[#lines + 1] = '  -H "applicationSecret: $SECRET" \\'
  lines[#lines + 1] = ("  -H %s \\"):format(refresh_token and ("'refreshToken: %s'"):format(refresh_token)
    or '"refreshToken: $REFRESH_TOKEN"')
  lines[#lines + 1] = ("  %s/accessToken"):format(service_url(visit))
  return table.concat(lines, "\n") .. "\n"
end

local LUA = [[
local token = require "jeton.token"

local t = assert(token.exchange {
  token_service = "%s",
  application_id = "%s",
  application_secret = os.getenv "SECRET",
  refresh_token = os.getenv "REFRESH_TOKEN",
})
print(t.endpoint_url, os.date("!%%c", t.expires_at))
]]

local function lua_lines(visit, connector)
  return LUA:format(service_url(visit), connector.id)
end

--- The exchange: commands to run, and a form to try it.
---@param visit sandbox.portal.visit
---@param connector sandbox.connector
---@param refresh_token string|nil that this page shows
---@return html.element[]
function token_parts.exchange(visit, connector, refresh_token)
  local t = visit.t
  return {
    widgets.card {
      title = t "exchange.title",
      h.p { t "exchange.intro" },
      widgets.code(visit, "exchange-curl", "curl", curl_lines(visit, connector, refresh_token)),
      widgets.code(visit, "exchange-lua", t "exchange.lua", lua_lines(visit, connector)),
    },
    widgets.card {
      title = t "exchange.try_title",
      h.p { t "exchange.try_intro" },
      visit:form {
        action = connector_of.path(connector, "/exchange"), autocomplete = "off",
        refresh_token and h.input { type = "hidden", name = "shown", value = "yes" },
        widgets.field {
          name = "secret", label = t "connectors.secret", type = "password",
          attributes = { autocomplete = "off", required = true, maxlength = limits.secret_characters_max },
        },
        widgets.field {
          name = "refresh_token", type = "password", value = refresh_token,
          label = t(refresh_token and "exchange.this_token" or "token.refresh"),
          attributes = {
            autocomplete = "off", required = true, maxlength = limits.refresh_token_bytes_max,
          },
        },
        h.div { h.button { t "exchange.try" } },
      },
    },
  }
end

return token_parts
