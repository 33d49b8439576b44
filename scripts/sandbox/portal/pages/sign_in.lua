--- Signing in and out, and the switch of the language.
local html = require "html.elements"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local users = require "sandbox.data.users"
local widgets = require "sandbox.portal.widgets"

local h = html.h

-- Suggested accounts: nobody knows the addresses of a demo by heart.
local function accounts(visit)
  local items = {}
  for i, user in ipairs(users.accounts(visit.db, visit.world:tenant().id, limits.portal_accounts_shown)) do
    items[i] = h.li {
      h.button { name = "email", value = user.email, class = "account-button",
        h.span { class = "who", user.name },
        user.tenant_admin ~= 0 and widgets.badge(visit.t "sign_in.admin"),
        h.span { class = "soft", user.email } },
    }
  end
  return #items > 0 and visit:form {
    action = "/portal/sign-in", id = "accounts", class = "card",
    h.h2 { visit.t "sign_in.accounts" },
    h.ul { class = "accounts", items },
  }
end

local function show(visit, email, problem)
  local t = visit.t
  local error_text = problem and t(problem)
  return respond.page(visit, {
    title = t "sign_in.title",
    narrow = true,
    intro = h.p {
      t(visit.world.password and "sign_in.intro_password" or "sign_in.intro",
        { tenant = visit.world:tenant().name }),
    },
    main = {
      visit:form {
        action = "/portal/sign-in", class = "card", novalidate = true,
        widgets.field {
          name = "email", label = t "sign_in.email", type = "email", value = email, error = error_text,
          attributes = {
            autocomplete = "email", required = true, maxlength = limits.email_characters, autofocus = true,
            spellcheck = "false",
          },
        },
        h.div { h.button { t "sign_in.title" } },
      },
      accounts(visit),
    },
  }, problem and 400)
end

local function open(visit)
  if visit.user then
    return respond.redirect(visit, "/")
  end
  return show(visit)
end

local function sign_in(visit)
  local email = request.trim(visit.fields.email or "")
  local user = email ~= "" and users.by_email(visit.db, visit.world:tenant().id, email)
  visit.world.portal:count_attempt("sign_in", user and user.id, visit.now)
  if not user then
    return show(visit, email, "sign_in.unknown")
  end
  visit:sign_in(user)
  return respond.redirect(visit, user.phone_added_at == 0 and "/portal/phone" or "/")
end

local function sign_out(visit)
  visit:sign_out()
  return respond.redirect(visit, "/portal/sign-in")
end

local function change_language(visit)
  local code, back = visit.fields.language, visit.fields.back or "/"
  if not language.NAMES[code] then
    refusal.invalid "language: expected en or fr"
  end
  visit:set_language(code)
  -- Only to a page of the portal: no open redirect.
  return respond.redirect(visit, back:find "^/portal/[%w/_@%%.-]*$" and back or "/")
end

return {
  routes = {
    { method = "GET", path = "/portal/sign-in", public = true, run = open },
    { method = "POST", path = "/portal/sign-in", public = true, run = sign_in },
    { method = "POST", path = "/portal/sign-out", public = true, run = sign_out },
    { method = "POST", path = "/portal/language", public = true, run = change_language },
  },
}
