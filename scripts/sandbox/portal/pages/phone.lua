--- "Add a phone number": the number, then the PIN from the SMS.
local html = require "html.elements"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local pins = require "sandbox.data.pins"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local users = require "sandbox.data.users"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local PHONE_CHARACTERS = 40 -- as people write it, with blanks and brackets

local function page(visit, main, status)
  local has = visit.user.phone_added_at ~= 0
  return respond.page(visit, {
    title = visit.t "phone.title",
    narrow = true,
    intro = {
      h.p { visit.t "phone.intro" },
      has and h.p { visit.t("phone.have", { phone = visit.user.phone }) },
    },
    main = main,
  }, status)
end

local function show_number(visit, value, problem)
  local t = visit.t
  local error_text = problem and t(problem)
  return page(visit, visit:form {
    action = "/portal/phone", class = "card", novalidate = true,
    widgets.field {
      name = "phone", label = t "phone.number", hint = t "phone.number_hint", type = "tel", value = value,
      error = error_text,
      attributes = { autocomplete = "tel", required = true, maxlength = PHONE_CHARACTERS, autofocus = true },
    },
    h.div { h.button { t "phone.generate" } },
  }, problem and 400)
end

local function show_pin(visit, problem)
  local t, phone = visit.t, visit.session.phone
  local inbox = h.a { href = "/portal/sms", t "sms.title" }
  return page(visit, {
    visit:form {
      action = "/portal/phone/verify", class = "card", novalidate = true,
      h.p { class = "hint-box", t("phone.sent", { phone = h.strong { phone }, inbox = inbox }) },
      widgets.field {
        name = "pin", label = t "phone.pin", hint = t "phone.pin_hint", error = problem,
        attributes = {
          class = "pin", inputmode = "numeric", autocomplete = "one-time-code", required = true,
          maxlength = limits.pin_characters, autofocus = true,
        },
      },
      h.div { h.button { t "phone.verify" } },
    },
    h.div {
      class = "row",
      visit:form {
        action = "/portal/phone", class = "inline",
        h.input { type = "hidden", name = "phone", value = phone },
        h.button { class = "second", t "phone.again" },
      },
      h.a { class = "button second", href = "/portal/phone?other=yes", t "phone.other" },
    },
  }, problem and 400)
end

local function open(visit)
  if visit.session.phone and not visit.query.other then
    return show_pin(visit)
  end
  return show_number(visit, nil)
end

local function generate(visit)
  local written = visit.fields.phone or ""
  local phone = written:gsub("[%s().-]", "")
  if not ids.is_phone(phone) then
    return show_number(visit, written, "phone.bad")
  end
  local holder = users.by_phone(visit.db, phone)
  if holder and holder.id ~= visit.user.id then
    return show_number(visit, written, "phone.taken")
  end
  local ok, failure = pcall(pins.send, visit.db, pins.for_account(visit.user), phone, visit.now)
  if not ok and refusal.is_failure(failure) and failure.status == 429 then
    return show_number(visit, written, "phone.busy")
  elseif not ok then
    error(failure, 0)
  end
  visit.session.phone = phone
  return respond.redirect(visit, "/portal/phone")
end

local function verify(visit)
  visit.world.portal:count_attempt("pin", visit.user.id, visit.now)
  local phone = visit.session.phone
  if not phone then
    return respond.redirect(visit, "/portal/phone")
  end
  local purpose = pins.for_account(visit.user)
  local pin = (visit.fields.pin or ""):gsub("%s", "")
  if not pins.is_pin(pin) then
    return show_pin(visit, visit.t "phone.six")
  end
  if not pins.take(visit.db, purpose, phone, pin, visit.now) then
    local left = pins.live(visit.db, purpose, phone, visit.now)
    return show_pin(visit, left and visit.t("phone.wrong", { count = limits.pin_tries - left.wrong })
      or visit.t "phone.ended")
  end
  users.add_phone(visit.db, visit.user, phone, visit.now)
  visit.session.phone = nil
  visit:notice("phone.added", { phone = phone })
  return respond.redirect(visit, "/portal/connectors")
end

return {
  menu = { key = "phone.title", short = "phone.menu", path = "/portal/phone", icon = "phone" },
  routes = {
    { method = "GET", path = "/portal/phone", run = open },
    { method = "POST", path = "/portal/phone", run = generate },
    { method = "POST", path = "/portal/phone/verify", run = verify },
  },
}
