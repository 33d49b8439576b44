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
-- How many digits stand behind the point, where they are not two (docs.stripe.com/currencies).
local DIGITS = {
  bhd = 3, jod = 3, kwd = 3, omr = 3, tnd = 3,
  bif = 0, clp = 0, djf = 0, gnf = 0, jpy = 0, kmf = 0, krw = 0, mga = 0, pyg = 0, rwf = 0, vnd = 0, vuv = 0,
  xaf = 0, xof = 0, xpf = 0,
}

local function money(amount, currency)
  local digits = DIGITS[currency] or 2
  return ("%%.%df %%s"):format(digits):format(amount / 10 ^ digits, currency:upper())
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

local function completed(event)
  local session = event.data.data.object
  if session.payment_status ~= "paid" then return end
  local sum = count(event, session.amount_total, session.currency)
  post(event, ("%s paid %s; today %s"):format(who(session), money(session.amount_total, session.currency),
    money(sum, session.currency)))
end

return {
  ["checkout.session.completed"] = completed,
  -- By debit or transfer the money comes days later; until then the session is completed, and not paid.
  ["checkout.session.async_payment_succeeded"] = completed,

  ["invoice.payment_failed"] = function(event)
    local invoice = event.data.data.object
    local link = given(invoice.hosted_invoice_url) or "no link"
    post(event, ("%s could not pay %s (attempt %d): %s"):format(who(invoice),
      money(invoice.amount_due, invoice.currency), invoice.attempt_count, link))
  end,

  ["*"] = function() end,
}
