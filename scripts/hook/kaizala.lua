--- Subscriptions of the hooks of Kaizala: made, renewed before they end, and taken back. One is ours if its
--- context is the hook's; others are not touched.
local check = require "kaizala.check"
local json = require "jeton.json"
local kaizala = require "kaizala"
local log = require "jeton.log"
local webhooks = require "kaizala.webhooks"

local subscriptions = {}

local DAY_S <const> = 86400
local VALIDITY_S <const> = 30 * DAY_S
local RENEW_S <const> = 10 * DAY_S -- when so much is left

---@class hook.kaizala.Hook
---@field name string
---@field connector? string
---@field url string
---@field token string what the service shows at each delivery
---@field context string by which a subscription is known as this hook's
---@field events? string[] nil: all
---@field objects { group?: string, action?: string }[]

--- The listener ends or begins anew: the next process will see to what is left.
local function is_cancelled(failure)
  return type(failure) == "table" and failure.kind == "cancelled"
end

local function shown(object)
  return object.action and "action " .. object.action or "group " .. object.group
end

-- The object as the service knows it.
local function resolve(kz, object)
  if object.action then
    return { type = "Action", id = object.action, shown = shown(object) }
  end
  local id = check.is_id(object.group) and object.group or kz:group_named(object.group).id
  return { type = "Group", id = id, shown = shown(object) }
end

local function ours(kz, hook)
  local list = {}
  for webhook in kz:webhooks() do
    if webhook.callback_context == hook.context then
      list[#list + 1] = webhook
    end
  end
  return list
end

local function take(list, object)
  for i, webhook in ipairs(list) do
    if webhook.object_type == object.type and (webhook.object_id or ""):lower() == object.id:lower() then
      return table.remove(list, i)
    end
  end
end

local function same_events(have, want)
  local set, count = {}, 0
  for _, name in ipairs(have or {}) do
    set[name] = true
  end
  for _, name in ipairs(want) do
    if not set[name] then
      return false
    end
    count = count + 1
  end
  return count == #(have or {})
end

-- What is to be changed about a subscription; nil: nothing.
local function changes(webhook, hook, events, time)
  local wanted = {}
  if webhook.callback_url ~= hook.url then
    wanted.callback_url = hook.url
  end
  if webhook.callback_token and webhook.callback_token ~= hook.token then
    wanted.callback_token = hook.token
  end
  if not same_events(webhook.events, events) then
    wanted.events = events
  end
  if webhook.active == false then
    wanted.active = true
  end
  if not webhook.validity or webhook.validity - time < RENEW_S then
    wanted.validity = time + VALIDITY_S
  end
  return next(wanted) and wanted or nil
end

local function names(wanted)
  local list = {}
  for name in pairs(wanted) do
    list[#list + 1] = name
  end
  table.sort(list)
  return table.concat(list, ", ")
end

-- One object's subscription, which is taken from the list where it is there. What was done.
local function keep_one(kz, hook, list, given)
  local object, time = resolve(kz, given), os.time()
  local events = hook.events or webhooks.EVENTS
  local webhook = take(list, object)
  local wanted = webhook and changes(webhook, hook, events, time)
  local what = "unchanged"
  if not webhook then
    kz:create_webhook { object_id = object.id, object_type = object.type, events = events,
      callback_url = hook.url, callback_token = hook.token, callback_context = hook.context,
      validity = time + VALIDITY_S }
    what = "subscribed"
  elseif wanted then
    webhook:update(wanted)
    what = "updated (" .. names(wanted) .. ")"
  end
  return ("webhook '%s': %s: %s"):format(hook.name, object.shown, what)
end

--- One that is not there any more costs the others nothing; what is not known then is not taken back. The
--- first failure is raised, others are told.
---@param hook hook.kaizala.Hook
---@param say fun(line: string)
local function sync(hook, say)
  local kz, failure = kaizala.connect(hook.connector), nil
  local list = ours(kz, hook)
  for _, object in ipairs(hook.objects) do
    local ok, result = pcall(keep_one, kz, hook, list, object)
    if ok then
      say(result)
    elseif is_cancelled(result) then
      error(result, 0)
    elseif failure then
      log.error(("webhook '%s': %s: %s"):format(hook.name, shown(object), tostring(result)))
    else
      failure = result
    end
  end
  if failure then
    error(failure, 0)
  end
  for _, webhook in ipairs(list) do -- of objects that the configuration does not name any more
    webhook:delete()
    say(("webhook '%s': %s %s: unsubscribed"):format(hook.name, webhook.object_type, webhook.object_id))
  end
end

local function unsubscribe(hook, say)
  local list = ours(kaizala.connect(hook.connector), hook)
  for _, webhook in ipairs(list) do
    webhook:delete()
  end
  say(("webhook '%s': %d unsubscribed"):format(hook.name, #list))
end

--- Once, for --sync and --unsubscribe.
---@param text string JSON of {unsubscribe, hooks}
---@return string lines for the terminal
function subscriptions.once(text)
  local options, lines = assert(json.decode(text)), {}
  local work = options.unsubscribe and unsubscribe or sync
  for _, hook in ipairs(options.hooks) do
    work(hook, function(line)
      lines[#lines + 1] = line .. "\n"
    end)
  end
  return table.concat(lines)
end

--- Beside a listener, from time to time. All hooks are tried; the first one that failed raises at the end.
---@param text string JSON of {hooks}
function subscriptions.keep(text)
  local failure
  for _, hook in ipairs(assert(json.decode(text)).hooks) do
    local ok, err = pcall(sync, hook, log.debug)
    if not ok then
      local why = failure and ": " .. tostring(err) or "" -- of the first it is said at the end
      failure = failure or err
      if is_cancelled(err) then break end
      log.error(("webhook '%s': its subscriptions cannot be renewed%s"):format(hook.name, why))
    end
  end
  if failure then
    error(failure, 0)
  end
end

return subscriptions
