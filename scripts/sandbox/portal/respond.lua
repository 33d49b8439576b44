--- Makes responses from pages: headers, and the frame (header, menu, footer).
local crypto = require "jeton.crypto"
local html = require "html.elements"
local icons = require "sandbox.portal.icons"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local plain = require "html.plain"
local widgets = require "sandbox.portal.widgets"

local respond = {}

local h = html.h

local POLICY = {
  { "default-src", "'none'" }, { "style-src", "'self'" }, { "script-src", "'self'" },
  { "img-src", "'self' data:" }, { "connect-src", "'self'" }, { "form-action", "'self'" },
  { "base-uri", "'none'" }, { "frame-ancestors", "'none'" },
}

--- The Content-Security-Policy.
---@param options {without: string|nil} a directive that is left out
---@return string
function respond.policy(options)
  local out = {}
  for _, directive in ipairs(POLICY) do
    out[#out + 1] = directive[1] ~= options.without and table.concat(directive, " ") or nil
  end
  return table.concat(out, "; ")
end

-- Headers of every response, including assets.
local HEADERS = {
  ["Content-Security-Policy"] = respond.policy {},
  ["Cross-Origin-Opener-Policy"] = "same-origin",
  ["Cross-Origin-Resource-Policy"] = "same-origin",
  ["Referrer-Policy"] = "same-origin", -- forms need an Origin
  ["X-Content-Type-Options"] = "nosniff",
  ["X-Frame-Options"] = "DENY",
}
local ASSET_AGE_S = 86400
local VERSION_DIGITS = 12

local ASSETS = {
  ["style.css"] = { type = "text/css; charset=utf-8", text = require "sandbox.portal.assets.style" },
  ["portal.js"] = { type = "text/javascript; charset=utf-8", text = require "sandbox.portal.assets.portal" },
  ["icon.svg"] = { type = "image/svg+xml", text = require "sandbox.portal.assets.icon" },
}
for name, asset in pairs(ASSETS) do
  local version = crypto.hex(crypto.sha256(asset.text)):sub(1, VERSION_DIGITS)
  asset.url = ("/portal/assets/%s?v=%s"):format(name, version) -- changes with the content
end

-- Items of the menu: { key, path, icon, short }, filled by sandbox.portal from the files of pages. `short`:
-- the key of a shorter text than the page's title.
respond.menu = {}

local function response(status, content_type, body, more)
  local headers = { ["Content-Type"] = content_type }
  for _, list in ipairs { HEADERS, more or {} } do
    for name, value in pairs(list) do
      headers[name] = value
    end
  end
  return { status = status, headers = headers, body = body }
end

---@param name string
---@return table|nil response
function respond.asset(name)
  local asset = ASSETS[name]
  return asset and response(200, asset.type, asset.text,
    { ["Cache-Control"] = ("private, max-age=%d"):format(ASSET_AGE_S) })
end

local function is_below(path, item)
  return path == item.path or item.path ~= "/" and path:sub(1, #item.path + 1) == item.path .. "/"
end

-- On a narrow screen the menu is all the way back that a page needs.
local function is_in_menu(path)
  for _, item in ipairs(respond.menu) do
    if item.path == path then
      return true
    end
  end
  return false
end

local function menu(visit)
  local items = {}
  for i, item in ipairs(respond.menu) do
    items[i] = h.li {
      h.a {
        href = item.path,
        aria_current = is_below(visit.path, item) and (visit.path == item.path and "page" or "true"),
        icons[item.icon],
        h.span { visit.t(item.short or item.key) },
      },
    }
  end
  return h.nav { class = "menu", aria_label = visit.t "common.menu", h.ul { items } }
end

local function language_switch(visit)
  local buttons = {}
  for i, code in ipairs(language.ORDER) do
    buttons[i] = h.button {
      name = "language", value = code, lang = code, class = "plain",
      aria_pressed = code == visit.language and "true" or "false",
      h.span { class = "in-full", language.NAMES[code] },
      h.span { class = "in-short", aria_hidden = "true", code:upper() },
    }
  end
  return visit:form {
    action = "/portal/language",
    h.input { type = "hidden", name = "back", value = visit.method == "GET" and visit.path or "/" },
    h.div { class = "languages", role = "group", aria_label = visit.t "common.language", buttons },
  }
end

local function account(visit)
  if not visit.user then
    return nil
  end
  return visit:form {
    action = "/portal/sign-out", class = "account",
    h.span { class = "who", visit.user.name ~= "" and visit.user.name or visit.user.email },
    h.button { class = "plain", visit.t "common.sign_out" },
  }
end

local function top(visit, view)
  return h.header {
    class = visit.user and "top signed-in" or "top",
    h.a { class = "brand", href = "/", icons.coin, h.span { visit.t "common.brand" } },
    h.span { class = "tenant", visit.world:tenant().name },
    h.div {
      class = "tools",
      -- Switching reloads the page, and a secret shown only once would be lost.
      not view.shows_secret and not view.alone and language_switch(visit),
      account(visit),
    },
  }
end

local function notice(visit)
  local left = visit.session and not visit.is_live and visit:take "notice"
  return left and h.p { class = "notice", role = "status", visit.t(left.key, left.values) }
end

---@class sandbox.portal.view
---@field title string of the page: its heading too, unless `heading` is false
---@field heading boolean|nil
---@field intro html.node below the heading
---@field back {[1]: string, [2]: string}|nil path and text of the page above this one
---@field main html.node
---@field narrow boolean|nil a narrow page: a form
---@field shows_secret boolean|nil contains a secret that is shown only once
---@field alone boolean|nil a page of OAuth: its URL has the parameters of the application

local function document(visit, view)
  local t = visit.t
  return h.html {
    lang = visit.language,
    h.head {
      h.meta { charset = "utf-8" },
      h.meta { name = "viewport", content = "width=device-width, initial-scale=1" },
      h.meta { name = "color-scheme", content = "light dark" },
      h.title { view.title, " · ", t "common.brand" },
      h.link { rel = "icon", href = ASSETS["icon.svg"].url, type = "image/svg+xml" },
      h.link { rel = "stylesheet", href = ASSETS["style.css"].url },
      h.script { src = ASSETS["portal.js"].url, defer = true },
    },
    h.body {
      data_copied = t "common.copied", data_expired = t "common.expired",
      h.a { class = "skip", href = "#main", t "common.skip" },
      top(visit, view),
      h.div {
        class = visit.user and "frame" or "frame alone",
        visit.user and menu(visit),
        h.main {
          id = "main", tabindex = "-1", class = view.narrow and "narrow",
          view.back and h.p {
            class = is_in_menu(view.back[1]) and "back in-menu" or "back",
            h.a { href = view.back[1], view.back[2] },
          },
          view.heading ~= false and h.h1 { view.title },
          view.intro and h.div { class = "intro", view.intro },
          notice(visit),
          html.note(h.p {
            class = "soft", t "common.cut", " ",
            visit.method == "GET" and h.a { href = visit:plain_link(), t "traffic.as_text" },
          }),
          view.main,
        },
      },
      h.footer {
        h.p { t "common.about", not visit.world.is_kept and { " ", t "common.memory" } },
        h.p { t("common.clock", { time = visit:time(visit.now) }) },
      },
      h.div { id = "said", class = "unseen", role = "status", aria_live = "polite" },
    },
  }
end

local function page_headers(visit, more)
  local headers = { ["Cache-Control"] = "no-store", ["Content-Language"] = visit.language }
  if #visit.cookies > 0 then
    headers["Set-Cookie"] = visit.cookies
  end
  for name, value in pairs(more or {}) do
    headers[name] = value
  end
  return headers
end

--- Renders a page, or all of its text, if the visit asks for that.
---@param visit sandbox.portal.visit
---@param view sandbox.portal.view
---@param status integer|nil default 200; 400 for a form with errors
---@param more table|nil headers
---@return table response
function respond.page(visit, view, status, more)
  if visit.is_plain then
    return respond.text(visit, plain { h.p { view.title }, view.intro, view.main })
  end
  local body = "<!DOCTYPE html>\n" .. html.page(document(visit, view), limits.portal_page_bytes) .. "\n"
  return response(status or 200, "text/html; charset=utf-8", body, page_headers(visit, more))
end

--- A page of text alone.
---@param visit sandbox.portal.visit
---@param text string
---@return table response
function respond.text(visit, text)
  return response(200, "text/plain; charset=utf-8", text, page_headers(visit))
end

--- Redirects after a form, to the page that shows the result.
---@param visit sandbox.portal.visit
---@param path string of this server, without secrets
---@return table response
function respond.redirect(visit, path)
  return response(303, "text/plain; charset=utf-8", "", page_headers(visit, { Location = path }))
end

-- A message that error pages do not repeat.
respond.NO_PAGE = "there is no such page"

-- Keys of error texts by status.
local PROBLEMS = {
  [400] = "bad", [403] = "forbidden", [404] = "missing", [405] = "method", [413] = "large",
  [429] = "busy", [500] = "broken",
}

--- Without the password of --password-file: a line of text that reveals nothing about the sandbox.
---@param failure sandbox.failure
---@return table response
function respond.locked(failure)
  local headers = { ["Cache-Control"] = "no-store" }
  for name, value in pairs(failure.headers or {}) do
    headers[name] = value
  end
  return response(failure.status, "text/plain; charset=utf-8", failure.message .. "\n", headers)
end

--- An error page.
---@param visit sandbox.portal.visit
---@param failure {status: integer, message: string|nil, headers: table|nil}
---@param key string|nil of a text to show instead of the message
---@return table response
function respond.problem(visit, failure, key)
  local kind = PROBLEMS[failure.status] or (failure.status < 500 and "bad" or "broken")
  local detail = not key and failure.status < 500 and failure.message ~= respond.NO_PAGE and failure.message
  return respond.page(visit, {
    title = visit.t("problem." .. kind),
    narrow = true,
    main = {
      h.p { role = "alert", visit.t(key or "problem." .. kind .. "_what") },
      detail and widgets.refusal(visit, detail),
      h.p { h.a { class = "button", href = "/", visit.t "problem.home" } },
    },
  }, failure.status, failure.headers)
end

return respond
