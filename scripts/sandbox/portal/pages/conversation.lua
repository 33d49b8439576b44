--- The conversation of a group, as its people see it: the page, which refreshes itself, and the page of an
--- item.
local act = require "sandbox.portal.act"
local clock = require "sandbox.base.clock"
local conversation = require "sandbox.data.conversation"
local group_of = require "sandbox.portal.group"
local html = require "html.elements"
local json = require "jeton.json"
local items = require "sandbox.portal.items"
local limits = require "sandbox.base.limits"
local people = require "sandbox.data.people"
local refusal = require "sandbox.base.refusal"
local speak = require "sandbox.portal.speak"
local talks = require "sandbox.portal.talk"
local users = require "sandbox.data.users"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local LIVE_MS = 2000

-- The chooser of the acting person: anybody in the group.
local function chooser(talk, tail)
  local t, visit = talk.t, talk.visit
  local list = people.of_group(talk.db, talk.group, limits.portal_people + 1)
  local function option(user)
    local is_me = user.id == talk.me.id
    return { h.option { value = user.id, selected = is_me, widgets.brief(talks.name_of(user)) } }
  end
  local function make(bytes)
    local shown = html.fit(list, bytes - limits.portal_chooser_frame, option)
    local has_me = false
    shown[limits.portal_people + 1] = nil
    for i = 1, #shown do
      has_me = has_me or list[i].id == talk.me.id
    end
    return h.form {
      class = "chooser", method = "get", action = talk:path(tail),
      h.label { for_ = "field-as", t "conversation.as" },
      h.select { id = "field-as", name = "as", not has_me and option(talk.me), shown },
      #shown < #list and {
        h.label { for_ = "field-phone", t "conversation.as_phone" },
        h.input { id = "field-phone", name = "phone", type = "tel", value = visit.query.phone },
      },
      h.button { class = "second", t "conversation.as_go" },
    }
  end
  return html.part {
    least = limits.portal_chooser_frame, most = limits.portal_chooser_bytes, make = make,
  }
end

-- The items before a position, newest first; and whether there are older ones.
local function read_page(talk, before)
  local places, has_older = conversation.page(talk.db, talk.group, before, talk.subscriber_id,
    limits.portal_items)
  local list, bytes = {}, 0
  for i, place in ipairs(places) do
    local item = items.read(talk.db, place, talk.visit.now)
    bytes = bytes + (place.kind == "message" and #item.row.text or item.row.bytes)
    if i > 1 and bytes > limits.portal_item_bytes then
      return list, true
    end
    list[i] = item
  end
  return list, has_older
end

-- The items of a page, oldest first, and the position from which older ones go on; nil: there are none.
local function fill_page(talk, list, has_older, bytes)
  local rows, out = html.fit(list, bytes, function(item)
    local shown = items.show(talk, item)
    return { #html.render(shown) <= bytes and shown or items.show(talk, item, true) }
  end), {}
  for i, row in ipairs(rows) do
    out[#rows + 1 - i] = row
  end
  return out, (has_older or #rows < #list) and list[#rows].position or nil
end

local function feed(talk, before)
  local t, list, has_older = talk.t, read_page(talk, before)
  local function make(bytes)
    local shown, older = fill_page(talk, list, has_older, bytes - limits.portal_feed_frame)
    return {
      older and h.p {
        id = "older", class = "pager",
        h.a { href = talk:link(nil, "before=" .. older), t "conversation.older" },
      },
      #shown == 0 and h.p { id = "nothing", class = "empty", t "conversation.empty" },
      shown,
    }
  end
  return h.div {
    class = "pane", tabindex = "0", role = "region", aria_label = t "conversation.messages",
    h.div {
      id = "feed", class = "feed", data_live = not before and LIVE_MS, data_parts = true,
      data_said = t "conversation.something_new",
      html.part { least = limits.portal_feed_least, most = limits.portal_items_bytes, make = make },
    },
  }
end

local function show(visit, problem)
  local talk = talks.open(visit)
  local t = visit.t
  local before = math.tointeger(tonumber(visit.query.before))
  return group_of.page(visit, talk.group, talk.visitor_role, "/conversation", h.section {
    class = "card conversation", aria_labelledby = "conversation-title",
    h.h2 { id = "conversation-title", class = "unseen", t "conversation.title" },
    feed(talk, before),
    before and h.p { class = "pager", h.a { href = talk:link(), t "conversation.newest" } },
    chooser(talk),
    not before and speak.composer(talk, problem),
  }, problem and 400)
end

-- An action as programs get it; nil if the acting person may not.
local function read_action(talk, item)
  local ok, reply = pcall(act.as, talk.visit, talk.me, "actions.get",
    { group = talk.group.id, action = item.row.id }, { getDetails = true })
  if not ok and not refusal.is_failure(reply) then
    error(reply, 0)
  end
  return ok and reply or nil
end

local function read_message(talk, item)
  local row, sender = item.row, users.by_id(talk.db, item.sender_id)
  return {
    referenceId = row.reference_id,
    message = row.text,
    sender = sender and sender.phone,
    sentAt = clock.rfc3339(row.sent_at),
    replyToReferenceId = row.reply_to ~= "" and row.reply_to or nil,
    applicationId = row.connector_id ~= "" and row.connector_id or nil,
    sendToAllSubscribers = row.to_all_subscribers ~= 0 or nil,
  }
end

local function raw_of(talk, item)
  local value = (item.kind == "message" and read_message or read_action)(talk, item)
  local text = value and json.encode(value, { indent = 2 })
  return text and h.details {
    class = "raw",
    h.summary { talk.t "conversation.raw" },
    html.part {
      least = limits.portal_raw_least,
      make = function(bytes)
        -- Escaped it is at most twice as long.
        local most = (bytes - limits.portal_raw_least // 2) // 2
        return widgets.code_begin(talk.visit, "raw", "JSON", text, math.min(most, limits.portal_raw_shown))
      end,
    },
  }
end

local function show_item(visit, problem)
  local talk = talks.open(visit, true)
  local place = conversation.find(talk.db, talk.group, visit.params.reference:lower(), talk.subscriber_id)
  if not place then
    refusal.not_found "the group has no message or action with this reference"
  end
  talk.problem = problem
  local item = items.read(talk.db, place, visit.now)
  return group_of.page(visit, talk.group, talk.visitor_role, "/conversation", h.section {
    class = "card conversation", aria_labelledby = "conversation-title",
    h.p { class = "back", h.a {
      href = talk:link(nil, nil, talks.part(item.reference_id)), visit.t "conversation.back",
    } },
    h.div {
      class = "head",
      h.h2 { id = "conversation-title", visit.t("conversation.kind_" .. item.kind:lower()) },
      chooser(talk, "/" .. item.reference_id),
    },
    items.show(talk, item),
    raw_of(talk, item),
  }, problem and 400)
end

local BASE = "/portal/groups/{group}/conversation"
local ITEM = BASE .. "/{reference}"

local function route(path, run)
  return { method = "POST", path = path, run = run }
end

return {
  routes = {
    { method = "GET", path = BASE, run = show },
    { method = "GET", path = ITEM, run = show_item },
    route(BASE, function(visit) return speak.write(visit, show) end),
    route(ITEM .. "/answer", function(visit) return speak.answer(visit, show_item) end),
    route(ITEM .. "/job", speak.complete),
    route(ITEM .. "/like", speak.like),
    route(ITEM .. "/comments", speak.comment),
  },
}
