--- A webhook: what it is told, the page of a delivery; sending again, enabling again.
local html = require "html.elements"
local json = require "jeton.json"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local outbox = require "sandbox.data.outbox"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local users = require "sandbox.data.users"
local webhook_parts = require "sandbox.portal.webhook_parts"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local LIVE_MS = 2000

-- Names of headers; their values are secrets.
local function header_names(webhook)
  local names = {}
  for name in pairs(webhook.headers) do
    names[#names + 1] = name .. ": ***"
  end
  table.sort(names)
  return table.concat(names, "\n")
end

local function details(visit, connector, webhook)
  local t, names = visit.t, header_names(webhook)
  local can_enable = webhook.active == 0 and not webhook_parts.is_over(visit, webhook)
  return widgets.card {
    widgets.facts {
      { t "webhooks.url", h.span { class = "mono written", webhook_parts.url(webhook) } },
      { t "webhooks.state", webhook_parts.state(visit, webhook) },
      { t "webhooks.events", table.concat(webhook.events, ", ") },
      { t "webhooks.until", webhook_parts.valid_until(visit, webhook) },
      { t "webhooks.maker", users.by_id(visit.db, webhook.user_id).name },
      { t "webhooks.token", webhook.token ~= "" and "***" },
      { t "webhooks.headers", names ~= "" and h.span { class = "mono written", names } },
    },
    can_enable and visit:form {
      action = webhook_parts.path(connector, webhook, "/enable"),
      h.p { t(webhook.failed ~= 0 and "webhooks.enable_failed" or "webhooks.enable_off") },
      h.div { class = "row", h.button { t "webhooks.enable" } },
    },
  }
end

local function delivery_table(visit, connector, webhook)
  local t = visit.t
  local part = widgets.part(visit, outbox.count(visit.db, webhook.id), limits.portal_rows)
  local function row(delivery)
    return {
      h.a { href = webhook_parts.path(connector, webhook, "/" .. delivery.number), delivery.event_type },
      visit:time(delivery.created_at),
      webhook_parts.delivery_state(visit, delivery),
      language.number(visit.language, delivery.tries),
      webhook_parts.outcome(webhook, delivery),
    }
  end
  return widgets.card {
    title = t "webhooks.deliveries",
    part.count > 0 and widgets.listing(visit, {
      label = t "webhooks.deliveries", show = row, part = part,
      rows = outbox.list(visit.db, webhook.id, part.per, part.from),
      columns = {
        t "webhooks.event", t "webhooks.told", t "webhooks.state", t "webhooks.attempts",
        t "webhooks.outcome",
      },
    }) or h.p { class = "empty", t "webhooks.none" },
  }
end

local function show(visit)
  local connector, webhook = webhook_parts.visit(visit)
  return respond.page(visit, {
    title = webhook_parts.object(visit, webhook),
    back = { "/portal/connectors/" .. connector.id, connector.name },
    main = h.div {
      id = "deliveries", class = "stack", data_live = LIVE_MS,
      details(visit, connector, webhook), delivery_table(visit, connector, webhook),
    },
  })
end

local function need_delivery(visit, webhook)
  local number = math.tointeger(tonumber(visit.params.number))
  return number and outbox.by_number(visit.db, webhook.id, number)
    or refusal.not_found "there is no delivery with this number"
end

local function attempt_table(visit, webhook, delivery)
  local t, rows, left = visit.t, {}, limits.portal_replies_bytes
  for i = #delivery.tries, 1, -1 do
    local attempt = delivery.tries[i]
    left = left - #(attempt.reply or "")
    rows[i] = {
      language.number(visit.language, i), visit:time(attempt.at), webhook_parts.outcome(webhook, attempt),
      attempt.reply and left >= 0 and h.span { class = "mono written", attempt.reply } or "—",
    }
  end
  return widgets.card {
    title = t "webhooks.attempts",
    #rows > 0 and widgets.table(t "webhooks.attempts", {
      t "webhooks.attempt", t "webhooks.at", t "webhooks.outcome", t "webhooks.reply",
    }, rows) or h.p { class = "empty", t "webhooks.no_attempts" },
  }
end

local function body_text(webhook, delivery)
  return json.encode(webhook_parts.masked(webhook, json.decode(delivery.body)), { indent = 2 })
end

-- All of the body, masked as on its page.
local function show_text(visit)
  local _, webhook = webhook_parts.visit(visit)
  return respond.text(visit, body_text(webhook, need_delivery(visit, webhook)) .. "\n")
end

local function show_delivery(visit)
  local t = visit.t
  local connector, webhook = webhook_parts.visit(visit)
  local delivery = need_delivery(visit, webhook)
  local path = webhook_parts.path(connector, webhook, "/" .. delivery.number)
  return respond.page(visit, {
    title = t("webhooks.number", { number = delivery.number }),
    back = { webhook_parts.path(connector, webhook), webhook_parts.object(visit, webhook) },
    main = {
      widgets.card {
        widgets.facts {
          { t "webhooks.event", delivery.event_type },
          { t "webhooks.event_id", h.code { delivery.event_id } },
          { t "webhooks.told", visit:time(delivery.created_at) },
          { t "webhooks.state", webhook_parts.delivery_state(visit, delivery) },
          { t "webhooks.next", delivery.state == "waiting" and webhook.active ~= 0
            and visit:time(delivery.next_at) },
          { t "traffic.whole", h.a { href = path .. "/text", t "traffic.as_text" } },
        },
      },
      attempt_table(visit, webhook, delivery),
      widgets.card {
        title = t "webhooks.body",
        widgets.code_begin(visit, "body", "application/json", body_text(webhook, delivery),
          limits.portal_body_shown),
        not webhook_parts.is_over(visit, webhook) and visit:form {
          action = path .. "/again",
          h.div { class = "row", h.button { t "webhooks.again" } },
        },
      },
    },
  })
end

local function again(visit)
  local connector, webhook = webhook_parts.visit(visit)
  local number = outbox.again(visit.db, need_delivery(visit, webhook).number, visit.now)
  visit.world.deliveries:wake()
  visit:notice("webhooks.sent_again", { number = number })
  return respond.redirect(visit, webhook_parts.path(connector, webhook, "/" .. number))
end

local function enable(visit)
  local connector, webhook = webhook_parts.visit(visit)
  outbox.enable(visit.db, webhook.id, visit.now)
  visit.world.deliveries:wake()
  visit:notice "webhooks.enabled"
  return respond.redirect(visit, webhook_parts.path(connector, webhook))
end

local WEBHOOK = "/portal/connectors/{connector}/webhooks/{webhook}"

return {
  routes = {
    { method = "GET", path = WEBHOOK, phone = true, run = show },
    { method = "GET", path = WEBHOOK .. "/{number}", phone = true, run = show_delivery },
    { method = "GET", path = WEBHOOK .. "/{number}/text", phone = true, run = show_text },
    { method = "POST", path = WEBHOOK .. "/enable", phone = true, run = enable },
    { method = "POST", path = WEBHOOK .. "/{number}/again", phone = true, run = again },
  },
}
