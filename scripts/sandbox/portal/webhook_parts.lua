--- What the pages of connectors and webhooks share: who sees a webhook, its state, its URL.
local connector_of = require "sandbox.portal.connector"
local deliveries = require "sandbox.events.deliveries"
local groups = require "sandbox.data.groups"
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local recorder = require "sandbox.calls.recorder"
local refusal = require "sandbox.base.refusal"
local webhooks = require "sandbox.data.webhooks"
local widgets = require "sandbox.portal.widgets"

local webhook_parts = {}

local h = html.h

webhook_parts.EXAMPLE = "/portal/webhooks/example" -- the page of an example event

local DELIVERY_KINDS = { delivered = "good", dropped = "bad" }

--- The connector and the webhook of the path: as with tokens, the connector's owner sees all of them, others
--- those that they made. Raises 404.
---@param visit sandbox.portal.visit
---@return sandbox.connector connector
---@return sandbox.webhook webhook
function webhook_parts.visit(visit)
  local connector = connector_of.visit(visit)
  local webhook = webhooks.by_id(visit.db, visit.params.webhook)
  if not webhook or webhook.connector_id:lower() ~= connector.id:lower()
    or not (connector_of.is_owner(visit, connector) or webhook.user_id:lower() == visit.user.id:lower()) then
    refusal.not_found "there is no webhook with this id"
  end
  return connector, webhook --[[@as sandbox.webhook]]
end

---@param webhook sandbox.webhook
---@param tail string|nil "/enable"
---@return string path of its page
function webhook_parts.path(connector, webhook, tail)
  return connector_of.path(connector, "/webhooks/" .. webhook.id .. (tail or ""))
end

--- Its URL without the values of the query, which are often keys.
---@param webhook sandbox.webhook
---@return string
function webhook_parts.url(webhook)
  local base, query = webhook.url:match "^([^?]*)%??(.*)$"
  local parts = {}
  for part in query:gmatch "[^&]+" do
    parts[#parts + 1] = (part:match "^[^=]+=" or "") .. "***"
  end
  return #parts > 0 and base .. "?" .. table.concat(parts, "&") or base
end

--- Whether its validity has ended: it is told nothing more.
---@param webhook sandbox.webhook
---@return boolean
function webhook_parts.is_over(visit, webhook)
  return webhook.valid_until_ms <= visit.now * 1000
end

---@param webhook sandbox.webhook
---@return html.element
function webhook_parts.state(visit, webhook)
  local t = visit.t
  if webhook_parts.is_over(visit, webhook) then
    return widgets.badge(t "webhooks.state_over", "bad")
  elseif webhook.failed ~= 0 then
    return widgets.badge(t "webhooks.state_failed", "bad")
  elseif webhook.active == 0 then
    return widgets.badge(t "webhooks.state_off")
  end
  return widgets.badge(t "webhooks.state_active", "good")
end

--- A value without the webhook's secrets, which its receiver or an error could repeat.
---@param webhook sandbox.webhook
---@param value any
---@return any
function webhook_parts.masked(webhook, value)
  return recorder.mask(value, deliveries.secrets(webhook))
end

---@param delivery {state: string}
---@return html.element
function webhook_parts.delivery_state(visit, delivery)
  return widgets.badge(visit.t("webhooks.delivery_" .. delivery.state), DELIVERY_KINDS[delivery.state])
end

--- What came of an attempt: a status, or an error.
---@param webhook sandbox.webhook
---@param attempt {status: integer|nil, error: string|nil}
---@return html.node
function webhook_parts.outcome(webhook, attempt)
  if attempt.status then
    return widgets.badge(tostring(attempt.status), attempt.status // 100 == 2 and "good" or "bad")
  end
  return attempt.error and h.span { lang = "en", webhook_parts.masked(webhook, attempt.error) } or "—"
end

--- What it watches: a group by its name, else the id.
---@param webhook sandbox.webhook
---@return html.node
function webhook_parts.object(visit, webhook)
  local group = webhook.object_type == "Group" and groups.by_id(visit.db, webhook.object_id)
  return visit.t("webhooks.of_" .. webhook.object_type:lower(),
    { name = group and group.name or webhook.object_id })
end

---@param webhook sandbox.webhook
---@return html.element
function webhook_parts.valid_until(visit, webhook)
  return visit:time(webhook.valid_until_ms // 1000)
end

--- The webhooks on the page of a connector.
---@param visit sandbox.portal.visit
---@param connector sandbox.connector
---@return html.element|nil nil: there is none
function webhook_parts.card(visit, connector)
  local t = visit.t
  local whose = not connector_of.is_owner(visit, connector) and visit.user.id or nil
  local count = webhooks.count(visit.db, connector.id, whose)
  local part = widgets.part(visit, count, limits.portal_rows, "webhooks")
  local filter = { connector_id = connector.id, user_id = whose }
  local function row(webhook)
    return {
      h.a { href = webhook_parts.path(connector, webhook), webhook_parts.object(visit, webhook) },
      table.concat(webhook.events, ", "),
      h.span { class = "written", webhook_parts.url(webhook) },
      webhook_parts.state(visit, webhook),
      webhook_parts.valid_until(visit, webhook),
    }
  end
  return part.count > 0 and widgets.card {
    title = t "webhooks.title", id = part.name,
    widgets.listing(visit, {
      label = t "webhooks.title", show = row, part = part,
      rows = webhooks.list(visit.db, filter, part.per, part.from),
      columns = {
        t "webhooks.object", t "webhooks.events", t "webhooks.url", t "webhooks.state", t "webhooks.until",
      },
    }),
  } or nil
end

return webhook_parts
