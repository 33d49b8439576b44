-- Handlers of a Stripe webhook: tells a Google Chat space of payments and of those that failed.
--
-- Use:   `payments` in hooks.yaml. What a customer does is told in its order.
--
-- Try:   jeton -c hooks.yaml events --run stripe-to-chat.lua ID
--        prints what would be posted for a stored event
--
-- State: what each day brought, by currency. As it is written together with the end of the event, no payment
--        counts twice. Chat knows a message again by the event's key, so that none is posted twice either.
local http = require "jeton.http"
local json = require "jeton.json"
local state = require "jeton.state"

local SPACE = os.getenv "SPACE"
-- Currencies without a smaller unit (docs.stripe.com/currencies).
local WHOLE = {
  bif = true, clp = true, djf = true, gnf = true, jpy = true, kmf = true, krw = true, mga = true, pyg = true,
  rwf = true, vnd = true, vuv = true, xaf = true, xof = true, xpf = true,
}

local function money(amount, currency)
  if WHOLE[currency] then return ("%d %s"):format(amount, currency:upper()) end
  return ("%d.%02d %s"):format(amount // 100, amount % 100, currency:upper())
end

local function post(event, text)
  local response, err = http.request {
    connector = true,
    method = "POST",
    path = ("spaces/%s/messages"):format(http.encode(SPACE)),
    query = { requestId = event.key:sub(1, 32) },
    json = { text = text },
    repeatable = true, -- thanks to the requestId
  }
  if not response then error(err, 0) end
end

-- What Stripe leaves out is null.
local function given(value)
  return value ~= json.null and value or nil
end

local function who(object)
  local details = given(object.customer_details) or {}
  return given(details.email) or given(object.customer_email) or given(object.customer) or "somebody"
end

-- Events may come late: the day is Stripe's.
local function count(event, amount, currency)
  local key = os.date("!%Y-%m-%d", event.data.created) .. " " .. currency
  local sum = (state.get(key) or 0) + amount
  state.set(key, sum)
  return sum
end

return {
  ["checkout.session.completed"] = function(event)
    local session = event.data.data.object
    if session.payment_status ~= "paid" then return end
    local sum = count(event, session.amount_total, session.currency)
    post(event, ("%s paid %s; today %s"):format(who(session), money(session.amount_total, session.currency),
      money(sum, session.currency)))
  end,

  ["invoice.payment_failed"] = function(event)
    local invoice = event.data.data.object
    local link = given(invoice.hosted_invoice_url) or "no link"
    post(event, ("%s could not pay %s (attempt %d): %s"):format(who(invoice),
      money(invoice.amount_due, invoice.currency), invoice.attempt_count, link))
  end,

  ["*"] = function() end,
}
