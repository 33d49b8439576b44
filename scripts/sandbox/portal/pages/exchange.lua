--- The exchange: commands to run, and "Try it", which makes the same call.
local connector_of = require "sandbox.portal.connector"
local html = require "html.elements"
local json = require "jeton.json"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local calls = require "sandbox.calls"
local token_parts = require "sandbox.portal.token_parts"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local CALL_PATH = "/v1/accessToken"
local SHOWN_CHARACTERS = 6 -- of an access token
local INDENT = 2

-- Through sandbox.calls, so that limits, redirects and faults apply, and Traffic shows the call.
local function make_call(visit, connector)
  local arrived = {
    method = "GET", target = CALL_PATH, path = CALL_PATH, raw_query = "", query = {}, body = "",
    headers = {
      host = visit.headers.host,
      applicationid = connector.id,
      applicationsecret = visit.fields.secret,
      refreshtoken = visit.fields.refresh_token,
    },
  }
  return calls.handle(visit.world, arrived, request.path(CALL_PATH))
end

-- What the page shows: the access token is masked; a new refresh token is kept apart, to be shown once.
local function describe(response)
  if response.drop then
    return { dropped = true }
  end
  local body = json.decode(response.body)
  local out = { status = response.status, location = response.headers.Location }
  if type(body) ~= "table" or body == json.null then
    return out
  end
  if response.status == 200 and type(body.accessToken) == "string" then
    out.expires_at = math.type(body.accessTokenExpiry) == "integer" and body.accessTokenExpiry // 1000
    body.accessToken = body.accessToken:sub(1, SHOWN_CHARACTERS) .. "…"
  end
  if type(body.refreshToken) == "string" and body.refreshToken ~= "" then
    out.successor, body.refreshToken = body.refreshToken, "…"
  end
  out.body = json.encode(body, { indent = INDENT })
  return out
end

local function try(visit)
  local connector = connector_of.visit(visit)
  local result = describe(make_call(visit, connector))
  -- A token that the last page showed, once, is shown on: a wrong secret must not lose it.
  result.shown = result.status ~= 200 and visit.fields.shown and visit.fields.refresh_token or nil
  visit:put("exchange:" .. connector.id, result)
  return respond.redirect(visit, connector_of.path(connector, "/exchange"))
end

local function clock_face(seconds)
  return ("%02d:%02d:%02d"):format(seconds // 3600, seconds // 60 % 60, seconds % 60)
end

local function outcome(visit, result)
  local t = visit.t
  if result.dropped then
    return widgets.card { class = "danger", h.p { class = "alert", role = "alert", t "exchange.dropped" } }
  end
  local worked = result.expires_at
  local left = worked and math.max(0, worked - visit.now)
  local summary = worked
    and h.p { class = "notice", role = "status", t("exchange.worked", { time = visit:time(worked) }) }
    or h.p { class = "alert", role = "alert", t "exchange.refused" }
  return widgets.card {
    title = t("exchange.reply", { status = tostring(result.status) }),
    class = not worked and "danger" or nil,
    summary,
    worked and h.p {
      t "exchange.left", " ",
      h.span { class = "countdown", role = "timer", data_left = left, clock_face(left) },
    },
    result.successor and {
      h.p { class = "warning", t "exchange.successor" },
      widgets.value(visit, { id = "new-refresh-token", label = t "token.refresh", value = result.successor }),
    },
    result.location and widgets.facts { { "Location", result.location } },
    result.body and widgets.code(visit, "exchange-reply", t "exchange.body", result.body),
  }
end

local function shown_on(visit, refresh_token)
  return widgets.card {
    title = visit.t "token.refresh", class = "warn",
    h.p { class = "warning", visit.t "exchange.shown_on" },
    widgets.value(visit, { id = "refresh-token", label = visit.t "token.refresh", value = refresh_token }),
  }
end

local function show(visit)
  local connector = connector_of.visit(visit)
  local result = not visit.is_live and visit:take("exchange:" .. connector.id)
  return respond.page(visit, {
    title = visit.t("exchange.title_of", { name = connector.name }),
    back = { connector_of.path(connector), connector.name },
    shows_secret = result and (result.successor or result.shown) and true,
    main = {
      result and outcome(visit, result),
      result and result.shown and shown_on(visit, result.shown),
      token_parts.exchange(visit, connector, result and result.shown or nil),
    },
  })
end

return {
  routes = {
    { method = "GET", path = "/portal/connectors/{connector}/exchange", phone = true, run = show },
    {
      method = "POST", path = "/portal/connectors/{connector}/exchange", phone = true, alone = true,
      run = try,
    },
  },
}
