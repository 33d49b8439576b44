--- The start page: the four steps, and the user's progress.
local connectors = require "sandbox.data.connectors"
local html = require "html.elements"
local respond = require "sandbox.portal.respond"
local widgets = require "sandbox.portal.widgets"

local h = html.h

-- The steps that are done. That a token was handed over is known only when it is used.
local function steps_done(visit)
  local made = connectors.progress(visit.db, visit.user.id)
  local is_registered = visit.user.phone_added_at ~= 0 and made.connectors > 0
  return { is_registered, made.tokens > 0, made.used > 0, made.used > 0 }
end

local function step(visit, number, done, is_next, link)
  local t = visit.t
  return h.li {
    class = done and "done" or is_next and "next" or nil,
    h.section {
      class = "card",
      h.div {
        class = "head", h.h2 { t("home.step" .. number) },
        done and widgets.badge(t "home.done", "good"),
      },
      h.p { class = "soft", t("home.step" .. number .. "_what") },
      link and h.p { h.a { class = is_next and "button" or "button second", href = link[1], link[2] } },
    },
  }
end

local function show(visit)
  local t = visit.t
  local done = steps_done(visit)
  local next_step
  for number = 1, 4 do
    next_step = next_step or (not done[number] and number)
  end
  local first = visit.user.phone_added_at == 0 and { "/portal/phone", t "phone.title" }
    or { "/portal/connectors/new", t "connectors.add" }
  local list = { "/portal/connectors", t "home.open_connectors" }
  return respond.page(visit, {
    title = t "home.heading",
    intro = h.p { t "home.intro" },
    main = h.ol {
      class = "steps",
      step(visit, 1, done[1], next_step == 1, first),
      step(visit, 2, done[2], next_step == 2, list),
      step(visit, 3, done[3], next_step == 3),
      step(visit, 4, done[4], next_step == 4, next_step == 4 and list),
    },
  })
end

return {
  menu = { key = "home.title", path = "/", icon = "home" },
  routes = {
    { method = "GET", path = "/", run = show },
    { method = "GET", path = "/portal", run = function(visit) return respond.redirect(visit, "/") end },
  },
}
