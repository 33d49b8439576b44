--- An example of an event: shown as JSON to be changed, and told to the webhooks like a real one.
local guard = require "sandbox.http.guard"
local html = require "html.elements"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local trigger = require "sandbox.control.trigger"
local webhook_parts = require "sandbox.portal.webhook_parts"
local webhooks = require "sandbox.data.webhooks"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local LIST = "/portal/webhooks"
local PATH = webhook_parts.EXAMPLE

-- The webhook of the query or the form. Raises 404.
local function need_webhook(visit)
  local id = visit.fields.webhook or visit.query.webhook or ""
  local found = webhooks.by_id(visit.db, id)
  visit.params = { connector = found and found.connector_id or "", webhook = id }
  local _, webhook = webhook_parts.visit(visit)
  return webhook
end

-- What is triggered so that this webhook can be told.
local function value_of(visit, webhook, event, data)
  local kind, group_id = webhook.object_type, nil
  if kind == "Group" then
    group_id = webhook.object_id
  elseif kind == "Action" then
    group_id = webhooks.group_of_action(visit.db, webhook.object_id)
  end
  return { event = event, group = group_id, data = data }
end

-- The example's data as text, of the action or package that the webhook watches.
local function example_of(visit, webhook, event)
  local made = trigger.example(visit.world, value_of(visit, webhook, event), visit.now)
  local data = made.data()
  if webhook.object_type == "Action" and data.actionId then
    data.actionId = webhook.object_id
  elseif webhook.object_type == "ActionPackage" and data.actionPackageId then
    data.actionPackageId, data.packageId = webhook.object_id, data.packageId and webhook.object_id
  end
  return json.encode(data, { indent = 2 })
end

local function show(visit, problem)
  local t, webhook = visit.t, need_webhook(visit)
  local event = visit.fields.event or visit.query.event or ""
  return respond.page(visit, {
    title = t("webhooks.example_of", { event = event }),
    intro = h.p { t("webhooks.example_what", { object = webhook_parts.object(visit, webhook) }) },
    back = { LIST, t "webhooks.title" },
    main = widgets.card {
      visit:form {
        action = PATH,
        h.input { type = "hidden", name = "webhook", value = webhook.id },
        h.input { type = "hidden", name = "event", value = event },
        widgets.field {
          name = "data", type = "textarea", label = t "webhooks.data", error = problem,
          value = visit.fields.data or example_of(visit, webhook, event),
          attributes = { rows = "16", spellcheck = "false", class = "mono", required = true },
        },
        h.div { class = "row", h.button { t "webhooks.tell" } },
      },
    },
  }, problem and 400)
end

local function tell(visit)
  guard.refuse_proxied(visit.headers)
  local webhook, event = need_webhook(visit), visit.fields.event
  local data, err = json.decode(visit.fields.data or "", { max_depth = limits.json_depth })
  if data == nil then
    return show(visit, err.message)
  end
  local ok, result = pcall(trigger.run, {
    world = visit.world, now = visit.now, value = value_of(visit, webhook, event, data),
  })
  if not ok and refusal.is_failure(result) and result.status == 400 then
    return show(visit, result.message)
  elseif not ok then
    error(result, 0)
  end
  local count = #result.deliveries
  local key = count == 0 and "webhooks.told_nobody" or "webhooks.told_example"
  visit:notice(key, { event = event, count = count })
  return respond.redirect(visit, LIST)
end

return {
  routes = {
    { method = "GET", path = PATH, phone = true, run = show },
    { method = "POST", path = PATH, phone = true, run = tell },
  },
}
