--- Likes and comments below an item, with their forms.
local html = require "html.elements"
local limits = require "sandbox.base.limits"
local reactions = require "sandbox.data.reactions"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local function like(talk, item, count)
  local t = talk.t
  local text = { t "conversation.like", count > 0 and h.span { class = "count", count } }
  if reactions.has_liked(talk.db, talk.group, item.reference_id, talk.me.id) then
    return h.span {
      class = "liked", h.span { class = "heart", aria_hidden = "true", "♥" },
      t "conversation.liked", h.span { class = "count", count },
    }
  end
  return talk:form {
    action = talk:path("/" .. item.reference_id .. "/like"), class = "inline",
    h.button { class = "plain", h.span { class = "heart", aria_hidden = "true", "♡" }, text },
  }
end

local function comment(talk, row)
  return h.li {
    h.p {
      class = "item-facts", h.strong { talk:name(row.user_id) },
      talk.visit:time(reactions.milliseconds(row.ticks) // 1000),
    },
    h.p { class = "written", row.comment },
  }
end

-- The newest that fit, the newest last.
local function fitting(talk, rows, bytes)
  local newest, list = html.fit(rows, bytes, function(row)
    return { comment(talk, row) }
  end), {}
  for i = #newest, 1, -1 do
    list[#list + 1] = newest[i]
  end
  return list
end

-- On a page of its own: those that the query asks for, from the newest on.
local function comments_of_page(talk, item, count)
  local part = widgets.part(talk.visit, count, limits.portal_rows, "comments")
  local rows = reactions.newest_comments(talk.db, talk.group, item.reference_id, part.per, part.from)
  return count > 0 and html.part {
    least = limits.portal_comments_least,
    make = function(bytes)
      local list = fitting(talk, rows, bytes - limits.portal_pager_bytes)
      part.last = part.from + #list
      return {
        h.ol { class = "comments", id = part.name, list }, widgets.pager(talk.visit, part, talk:query()),
      }
    end,
  }
end

local function comments(talk, item, count)
  if talk.is_whole then
    return comments_of_page(talk, item, count)
  end
  local rows = reactions.newest_comments(talk.db, talk.group, item.reference_id, limits.portal_comments, 0)
  local list = fitting(talk, rows, limits.portal_comments_bytes)
  return {
    count > #list and h.p { h.a {
      href = talk:link("/" .. item.reference_id), talk.t("conversation.all_comments", { count = count }),
    } },
    #list > 0 and h.ol { class = "comments", list },
  }
end

local function comment_form(talk, item, count)
  local t, name = talk.t, "comment-" .. item.reference_id
  local form = talk:form {
    action = talk:path("/" .. item.reference_id .. "/comments"), class = "comment-form",
    h.label { for_ = name, class = "unseen", t "conversation.your_comment" },
    h.textarea {
      id = name, name = "comment", rows = "2", required = true, maxlength = limits.comment_characters,
      placeholder = t("conversation.comment_as", { name = talk.name_of(talk.me) }),
    },
    h.div { h.button { class = "second", t "conversation.send_comment" } },
  }
  if talk.is_whole then
    return form
  end
  return h.details {
    class = "comment-box",
    h.summary {
      t "conversation.comment",
      count > 0 and { " ", h.span { class = "count", count } },
    },
    form,
  }
end

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.element
return function(talk, item)
  local count = reactions.count(talk.db, talk.group, item.reference_id)
  return h.div {
    class = "item-foot",
    comments(talk, item, count.comments),
    h.div {
      class = "reactions",
      like(talk, item, count.likes),
      comment_form(talk, item, count.comments),
      not talk.is_whole and h.a {
        class = "more", href = talk:link("/" .. item.reference_id),
        aria_label = talk.t("common.about_what", {
          text = talk.t "conversation.open", what = talk:name(item.sender_id),
        }),
        talk.t "conversation.open",
      },
    },
  }
end
