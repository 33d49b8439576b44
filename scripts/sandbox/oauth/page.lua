--- The pages of OAuth, in the frame of the portal.
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local respond = require "sandbox.portal.respond"
local visits = require "sandbox.portal.visit"
local widgets = require "sandbox.portal.widgets"

local oauth_page = {}

local h = html.h

-- Without form-action: browsers also apply it to the redirect after a form, here to the application.
local HEADERS = { ["Content-Security-Policy"] = respond.policy { without = "form-action" } }

--- A visit to these pages. A session of the portal does not count here: the phone number identifies the user.
---@param world sandbox.world
---@param arrived table the server's request
---@return sandbox.portal.visit
function oauth_page.visit(world, arrived)
  local visit = visits.new(world, arrived)
  visit.user, visit.session, visit.cookies = nil, nil, {}
  return visit
end

local function page(visit, status, view, more)
  local headers = { Location = more and more.location }
  for name, value in pairs(HEADERS) do
    headers[name] = value
  end
  view.narrow, view.alone = true, true
  return respond.page(visit, view, status, headers)
end

--- An error page.
---@param visit sandbox.portal.visit
---@param status integer
---@param key string|nil of a text
---@param detail string|nil in English, if there is no text
---@return table response
function oauth_page.problem(visit, status, key, detail)
  return page(visit, status, {
    title = visit.t "oauth.problem",
    main = {
      key and h.p { class = "alert", role = "alert", visit.t(key, { most = limits.state_characters }) },
      detail and h.p { class = "alert", role = "alert", lang = "en", detail },
    },
  })
end

local function phone_parts(visit, fields)
  local t = visit.t
  return {
    widgets.field {
      name = "phone", label = t "phone.number", hint = t "phone.number_hint", type = "tel",
      value = fields.phone, error = fields.problem,
      attributes = { autocomplete = "tel", required = true, autofocus = true },
    },
    h.div { h.button { t "phone.generate" } },
  }
end

local function pin_parts(visit, fields)
  local t = visit.t
  return {
    h.input { type = "hidden", name = "phone", value = fields.phone },
    h.p { class = "hint-box", t("oauth.sent", { phone = h.strong { fields.phone } }) },
    widgets.field {
      name = "pin", label = t "phone.pin", hint = t "phone.pin_hint", error = fields.problem,
      attributes = {
        class = "pin", inputmode = "numeric", autocomplete = "one-time-code", required = true,
        maxlength = limits.pin_characters, autofocus = true,
      },
    },
    h.div { h.button { t "phone.verify" } },
  }
end

--- The form for the phone number and, after a PIN was sent, for the PIN.
---@param visit sandbox.portal.visit
---@param fields {connector: string, phone: string|nil, has_pin: boolean, problem: string|nil}
---@param hidden {[1]: string, [2]: string}[] names and values
---@return table response
function oauth_page.form(visit, fields, hidden)
  local inputs = {}
  for i, pair in ipairs(hidden) do
    inputs[i] = h.input { type = "hidden", name = pair[1], value = pair[2] }
  end
  return page(visit, fields.problem and 400 or 200, {
    title = visit.t "oauth.title",
    intro = h.p { visit.t("oauth.asks", { name = fields.connector }) },
    main = h.form {
      method = "post", accept_charset = "utf-8", class = "card", novalidate = true, inputs,
      (fields.has_pin and pin_parts or phone_parts)(visit, fields),
    },
  })
end

--- Redirects back to the application.
---@param visit sandbox.portal.visit
---@param location string
---@return table response
function oauth_page.redirect(visit, location)
  return page(visit, 302, { title = visit.t "oauth.done", main = h.p { visit.t "oauth.done_what" } },
    { location = location })
end

return oauth_page
