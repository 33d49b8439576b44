--- A job: assignees, who is done, the due date.
local actions = require "sandbox.data.actions"
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local function assignee(talk, row)
  local t, is_done = talk.t, row.completed ~= 0
  return h.li {
    class = is_done and "done" or nil,
    h.span { row.name ~= "" and row.name or row.phone },
    widgets.badge(t(is_done and "conversation.done" or "conversation.not_done"), is_done and "good" or nil),
  }
end

-- The form of an assignee.
local function form(talk, item, is_done)
  local text = talk.t(is_done and "conversation.job_undo" or "conversation.job_do")
  return talk:form {
    action = talk:path("/" .. item.reference_id .. "/job"), class = "inline",
    h.input { type = "hidden", name = "completed", value = is_done and "no" or "yes" },
    h.button {
      class = is_done and "second" or nil,
      aria_label = talk.t("common.about_what", { text = text, what = item.row.body.title }),
      text,
    },
  }
end

-- On the job's own page all of them are reached.
local function assignee_list(talk, item, count)
  local part = talk.is_whole and widgets.part(talk.visit, count, limits.portal_rows, "assignees")
  local rows = actions.assignees(talk.db, item.row, part and part.per or limits.portal_assignees,
    part and part.from or 0)
  local function row(one) return assignee(talk, one) end
  if part then
    return widgets.listing(talk.visit, {
      class = "assignees", rows = rows, show = row, part = part, query = talk:query(),
    })
  end
  local list = {}
  for i, one in ipairs(rows) do
    list[i] = row(one)
  end
  return {
    h.ul { class = "assignees", list },
    count > #list and h.p { class = "soft", h.a {
      href = talk:link("/" .. item.reference_id), talk.t("conversation.and_more", { count = count - #list }),
    } },
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  local t, action = talk.t, item.row
  local counts = actions.counts(talk.db, action)
  local is_done = counts.completed >= counts.assignees
  local own = actions.response_of(talk.db, action, talk.me.id)
  return {
    h.h4 { action.body.title },
    h.p {
      class = "item-facts",
      widgets.badge(t("conversation.job_done_of", { count = counts.completed, all = counts.assignees }),
        is_done and "good" or nil),
      item.is_over and not is_done and widgets.badge(t "conversation.overdue", "bad"),
      h.span { class = "soft", t("conversation.due", { time = talk.visit:time(action.expires_at) }) },
    },
    assignee_list(talk, item, counts.assignees),
    actions.is_assignee(talk.db, action, talk.me.id)
      and form(talk, item, own ~= nil and own.completed ~= 0),
  }
end
