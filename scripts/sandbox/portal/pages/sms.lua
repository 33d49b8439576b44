--- The SMS inbox: messages that would have been sent to phones, in pages, with a search.
local html = require "html.elements"
local http = require "jeton.http"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local respond = require "sandbox.portal.respond"
local sms = require "sandbox.data.sms"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local LIVE_MS = 2000
local PATH = "/portal/sms"

local function link(query)
  local parts = {}
  for _, name in ipairs { "phone", "query", "before" } do
    parts[#parts + 1] = query[name] and name .. "=" .. http.encode(tostring(query[name])) or nil
  end
  return PATH .. (#parts > 0 and "?" .. table.concat(parts, "&") or "")
end

local function item(visit, message)
  local to = visit.t("sms.to", {
    phone = message.name ~= "" and message.name .. " (" .. message.phone .. ")" or message.phone,
  })
  return {
    h.p {
      class = "meta",
      ids.is_phone(message.phone) and h.a { href = link { phone = message.phone }, to } or h.span { to },
      visit:moment(message.sent_at),
    },
    h.p { lang = message.language ~= visit.language and message.language or nil, message.text },
  }
end

local function text_of(value)
  return value and value:find "%S" and value or nil
end

local function show(visit)
  local t = visit.t
  -- An unencoded plus sign arrives as a blank.
  local phone, text = text_of(visit.query.phone), text_of(visit.query.query)
  phone = phone and phone:gsub("^ ", "+")
  local before = math.tointeger(tonumber(visit.query.before))
  local found, has_older = sms.newest(visit.db, {
    phone = phone, text = text, before = before, count = limits.portal_sms_shown,
  })
  local function pager(count)
    local is_older = has_older or count < #found
    return (before or is_older) and h.nav {
      class = "row", aria_label = t "groups.pages",
      before and h.a {
        class = "button second", href = link { phone = phone, query = text }, t "sms.newest",
      },
      is_older and h.a {
        class = "button second",
        href = link { phone = phone, query = text, before = found[count].number }, t "sms.older",
      },
    }
  end
  return respond.page(visit, {
    title = t "sms.title",
    intro = h.p { t "sms.intro" },
    main = {
      widgets.search { action = PATH, label = t "sms.search", value = text, button = t "groups.find" },
      (phone or text) and h.p { h.a { href = PATH, t "sms.all" } },
      h.div {
        id = "sms", data_live = not before and LIVE_MS,
        #found > 0 and widgets.listing(visit, {
          class = "sms", rows = found, pager = pager,
          show = function(message) return item(visit, message) end,
        }) or {
          h.p { class = "empty", t((phone or text or before) and "sms.none_found" or "sms.none") }, pager(0),
        },
      },
    },
  })
end

return {
  menu = { key = "sms.title", path = PATH, icon = "inbox" },
  routes = { { method = "GET", path = PATH, run = show } },
}
