--- The SMS inbox: messages that would have been sent to phones.
local html = require "html.elements"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local respond = require "sandbox.portal.respond"
local users = require "sandbox.data.users"

local h = html.h

local LIVE_MS = 2000

local function show(visit)
  local t = visit.t
  -- An unencoded plus sign arrives as a blank.
  local phone = visit.query.phone and visit.query.phone:gsub("^ ", "+")
  local messages = users.newest_sms(visit.db, phone, limits.portal_sms_shown)
  local items = {}
  for i, sms in ipairs(messages) do
    local to = ids.is_phone(sms.phone) and h.a {
      href = "/portal/sms?phone=%2B" .. sms.phone:sub(2), t("sms.to", { phone = sms.phone }),
    } or t("sms.to", { phone = sms.phone })
    items[i] = h.li {
      h.p { class = "meta", h.span { to }, visit:time(sms.sent_at) },
      h.p { sms.text },
    }
  end
  return respond.page(visit, {
    title = t "sms.title",
    intro = h.p { t "sms.intro" },
    main = {
      phone and h.p { h.a { href = "/portal/sms", t "sms.all" } },
      h.div {
        id = "sms", data_live = LIVE_MS,
        #items > 0 and h.ul { class = "sms", items } or h.p { class = "empty", t "sms.none" },
      },
    },
  })
end

return {
  menu = { key = "sms.title", path = "/portal/sms", icon = "inbox" },
  routes = { { method = "GET", path = "/portal/sms", run = show } },
}
