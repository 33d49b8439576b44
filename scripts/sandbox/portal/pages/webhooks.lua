--- All webhooks that somebody sees, and what they were told last.
local events = require "sandbox.events"
local html = require "html.elements"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local outbox = require "sandbox.data.outbox"
local respond = require "sandbox.portal.respond"
local webhook_parts = require "sandbox.portal.webhook_parts"
local webhooks = require "sandbox.data.webhooks"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local PATH = "/portal/webhooks"
local LIVE_MS = 2000

local function webhook_table(visit, part)
  local t = visit.t
  local function row(webhook)
    local connector = { id = webhook.connector_id }
    return {
      h.a { href = webhook_parts.path(connector, webhook), webhook_parts.object(visit, webhook) },
      webhook.connector_name,
      table.concat(webhook.events, ", "),
      h.span { class = "written", webhook_parts.url(webhook) },
      webhook_parts.state(visit, webhook),
    }
  end
  return part.count == 0 and h.p { class = "empty", t "webhooks.none_yet" } or widgets.card {
    title = t "webhooks.title", id = part.name,
    widgets.listing(visit, {
      label = t "webhooks.title", show = row, part = part, least = limits.portal_list_least_of_two,
      rows = webhooks.seen_by(visit.db, visit.user.id, part.per, part.from),
      columns = {
        t "webhooks.object", t "traffic.connector", t "webhooks.events", t "webhooks.url",
        t "webhooks.state",
      },
    }),
  }
end

local function delivery_table(visit)
  local t, by_id = visit.t, {}
  local count = outbox.count_seen_by(visit.db, visit.user.id)
  local part = widgets.part(visit, count, limits.portal_rows_of_two, "deliveries")
  local function row(delivery)
    by_id[delivery.webhook_id] = by_id[delivery.webhook_id] or webhooks.by_id(visit.db, delivery.webhook_id)
    local webhook = by_id[delivery.webhook_id]
    local connector = { id = delivery.connector_id }
    return {
      h.a { href = webhook_parts.path(connector, webhook, "/" .. delivery.number), delivery.event_type },
      webhook_parts.object(visit, webhook),
      visit:moment(delivery.created_at),
      webhook_parts.delivery_state(visit, delivery),
      language.number(visit.language, delivery.tries),
      webhook_parts.outcome(webhook, delivery),
    }
  end
  return widgets.card {
    title = t "webhooks.deliveries", id = part.name,
    count > 0 and widgets.listing(visit, {
      label = t "webhooks.deliveries", show = row, part = part, least = limits.portal_list_least_of_two,
      rows = outbox.seen_by(visit.db, visit.user.id, part.per, part.from),
      columns = {
        t "webhooks.event", t "webhooks.object", t "webhooks.told", t "webhooks.state",
        t "webhooks.attempts", t "webhooks.outcome",
      },
    }) or h.p { class = "empty", t "webhooks.none" },
  }
end

-- The choice of an example: an event, and what it happens to. It stands outside of what is loaded again.
local function example_form(visit, part)
  local t, types, objects, seen = visit.t, {}, {}, {}
  for i, name in ipairs(events.TYPES) do
    types[i] = { name, name }
  end
  for _, webhook in ipairs(webhooks.seen_by(visit.db, visit.user.id, part.per, part.from)) do
    if not seen[webhook.object_id] then
      seen[webhook.object_id] = true
      objects[#objects + 1] = { webhook.id, webhook_parts.object(visit, webhook) }
    end
  end
  return widgets.card {
    title = t "webhooks.try",
    h.p { class = "soft", t "webhooks.try_what" },
    h.form {
      action = webhook_parts.EXAMPLE, method = "get", class = "filters",
      widgets.choose { name = "webhook", label = t "webhooks.object", options = objects },
      widgets.choose { name = "event", label = t "webhooks.event", options = types },
      h.button { class = "second", t "webhooks.try_show" },
    },
  }
end

local function show(visit)
  local count = webhooks.count_seen_by(visit.db, visit.user.id)
  local part = widgets.part(visit, count, limits.portal_rows_of_two, "hooks")
  return respond.page(visit, {
    title = visit.t "webhooks.title",
    intro = h.p { visit.t "webhooks.intro" },
    main = {
      part.count > 0 and example_form(visit, part),
      h.div {
        id = "webhooks", class = "stack", data_live = LIVE_MS,
        webhook_table(visit, part), part.count > 0 and delivery_table(visit),
      },
    },
  })
end

return {
  menu = { key = "webhooks.title", path = PATH, icon = "webhooks" },
  routes = { { method = "GET", path = PATH, run = show } },
}
