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
  local is_cut, options, has_me = #list > limits.portal_people, {}, false
  list[limits.portal_people + 1] = nil
  for i, user in ipairs(list) do
    options[i] = h.option { value = user.id, selected = user.id == talk.me.id, talks.name_of(user) }
    has_me = has_me or user.id == talk.me.id
  end
  if not has_me then
    table.insert(options, 1, h.option { value = talk.me.id, selected = true, talks.name_of(talk.me) })
  end
  return h.form {
    class = "chooser", method = "get", action = talk:path(tail),
    h.label { for_ = "field-as", t "conversation.as" },
    h.select { id = "field-as", name = "as", options },
    is_cut and {
      h.label { for_ = "field-phone", t "conversation.as_phone" },
      h.input { id = "field-phone", name = "phone", type = "tel", value = visit.query.phone },
    },
    h.button { class = "second", t "conversation.as_go" },
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
local function fill_page(talk, before)
  local list, has_older = read_page(talk, before)
  local rows, shown = html.fit(list, limits.portal_items_bytes, 0, function(item)
    local text = html.render(items.show(talk, item))
    return { #text <= limits.portal_items_bytes and html.raw(text) or items.show(talk, item, true) }
  end), {}
  for i, row in ipairs(rows) do
    shown[#rows + 1 - i] = row
  end
  return shown, (has_older or #rows < #list) and list[#rows].position or nil
end

local function feed(talk, before)
  local t = talk.t
  local shown, older = fill_page(talk, before)
  return h.div {
    class = "pane", tabindex = "0", role = "region", aria_labelledby = "conversation-title",
    h.div {
      id = "feed", class = "feed", data_live = not before and LIVE_MS, data_parts = true,
      data_said = t "conversation.something_new",
      older and h.p {
        id = "older", class = "pager",
        h.a { href = talk:link(nil, "before=" .. older), t "conversation.older" },
      },
      #shown == 0 and h.p { id = "nothing", class = "empty", t "conversation.empty" },
      shown,
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
    widgets.code_begin(talk.visit, "raw", "JSON", text, limits.portal_raw_shown),
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
