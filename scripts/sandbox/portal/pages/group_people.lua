--- The people of a group: members with their roles, and subscribers of a public group.
local act = require "sandbox.portal.act"
local confirm = require "sandbox.portal.confirm"
local group_of = require "sandbox.portal.group"
local groups = require "sandbox.data.groups"
local html = require "html.elements"
local json = require "jeton.json"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local people = require "sandbox.data.people"
local refusal = require "sandbox.base.refusal"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local subscribers = require "sandbox.data.subscribers"
local talks = require "sandbox.portal.talk"
local users = require "sandbox.data.users"
local widgets = require "sandbox.portal.widgets"

local h = html.h

-- Splits a text into numbers: one per line, or separated by commas.
local function read_phones(text)
  local phones, bad = json.array {}, nil
  for word in (text or ""):gmatch "[^,;\r\n]+" do
    local phone = word:gsub("[%s().-]", "")
    if phone ~= "" then
      phones[#phones + 1] = phone
      bad = bad or (not ids.is_phone(phone) and request.trim(word))
    end
  end
  return phones, bad
end

local function add_form(visit, group, what, problem)
  local t = visit.t
  return widgets.card {
    title = t(what .. ".add"),
    visit:form {
      action = group_of.path(group, "/" .. what),
      widgets.errors(visit, problem and { { "phones", problem } } or {}),
      widgets.field {
        name = "phones", type = "textarea", label = t "people.phones", hint = t "people.phones_hint",
        value = visit.fields.phones, error = problem, attributes = { required = true },
      },
      h.div { h.button { t(what .. ".add") } },
    },
  }
end

local function name_cell(visit, user)
  return {
    talks.name_of(user),
    user.provisioned == 0 and { " ", widgets.badge(visit.t "people.invited") },
    user.name ~= "" and h.div { class = "soft phone", user.phone },
  }
end

-- A button in a row, whose accessible name includes the person's name.
local function row_button(visit, action, key, user, role)
  local label, whom = visit.t(key), talks.name_of(user)
  return visit:form {
    action = action, class = "inline",
    h.input { type = "hidden", name = "user", value = user.id },
    role and h.input { type = "hidden", name = "role", value = role },
    h.button {
      class = "second", aria_label = visit.t("common.about_what", { text = label, what = whom }), label,
    },
  }
end

-- Leads to a page that asks first.
local function remove_link(visit, group, what, user)
  local label = visit.t "people.remove"
  return h.a {
    class = "button second", href = group_of.path(group, ("/%s/remove?user=%s"):format(what, user.id)),
    aria_label = visit.t("common.about_what", { text = label, what = talks.name_of(user) }), label,
  }
end

-- Members ------------------------------------------------------------------------------------------------

local function show_members(visit, problem)
  local t = visit.t
  local group, role = group_of.visit(visit)
  local path = group_of.path(group, "/members")
  local part = widgets.part(visit, groups.count_members(visit.db, group), limits.portal_rows)
  local function row(user)
    return {
      name_cell(visit, user),
      t("groups.role_" .. user.role:lower()),
      role == "Admin" and h.div {
        class = "row",
        user.role == "Admin" and row_button(visit, path .. "/role", "people.make_member", user, "Member")
          or row_button(visit, path .. "/role", "people.make_admin", user, "Admin"),
        remove_link(visit, group, "members", user),
      },
    }
  end
  return group_of.page(visit, group, role, "/members", {
    widgets.listing(visit, {
      label = t "groups.members", part = part, show = row,
      columns = { t "people.name", t "people.role", role == "Admin" and t "people.change" or nil },
      rows = groups.some_members(visit.db, group, part.from, part.per),
    }),
    role == "Admin" and add_form(visit, group, "members", problem),
  }, problem and 400)
end

-- Asks whether the person of the query is to be removed.
local function ask_remove(visit, what)
  local group = group_of.visit(visit, "admin")
  local user = users.by_id(visit.db, visit.query.user or "")
  if not user or not people.is_in(visit.db, group, user.id) then
    refusal.not_found "the group has no member with this id"
  end
  ---@cast user sandbox.user
  return confirm(visit, {
    title = visit.t("people.remove_" .. what),
    what = visit.t("people.remove_what", { name = talks.name_of(user), group = group.name }),
    action = group_of.path(group, "/" .. what .. "/remove"),
    back = { group_of.path(group, "/" .. what), group.name },
    fields = { user = user.id },
  })
end

local function say_removed(visit, group)
  local user = users.by_id(visit.db, visit.fields.user or "")
  visit:notice("people.removed", { name = user and talks.name_of(user) or "", group = group.name })
end

-- Adds the numbers of the form with the operation; shows the page again if one is invalid.
local function add_people(visit, what, operation, field, show)
  local group = group_of.visit(visit, "admin")
  local phones, bad = read_phones(visit.fields.phones)
  if bad then
    return show(visit, visit.t("people.bad_phone", { text = bad }))
  elseif #phones == 0 then
    return show(visit, visit.t("common.required", { field = visit.t "people.phones" }))
  end
  act.as(visit, visit.user, operation, { group = group.id }, { [field] = phones })
  visit:notice("people.added", { count = #phones })
  return respond.redirect(visit, group_of.path(group, "/" .. what))
end

local function change_role(visit)
  local group = group_of.visit(visit, "admin")
  local id = visit.fields.user or ""
  act.as(visit, visit.user, "members.change_role", { group = group.id, member = id }, {
    role = visit.fields.role,
  })
  return respond.redirect(visit, group_of.path(group, "/members"))
end

local function remove_member(visit)
  local group = group_of.visit(visit, "admin")
  local id = visit.fields.user or ""
  act.as(visit, visit.user, "members.remove", { group = group.id, member = id })
  say_removed(visit, group)
  -- Who has left may not see the group any more.
  local has_left = id:lower() == visit.user.id:lower() and visit.user.tenant_admin == 0
  return respond.redirect(visit, has_left and "/portal/groups" or group_of.path(group, "/members"))
end

-- Subscribers --------------------------------------------------------------------------------------------

local function show_subscribers(visit, problem)
  local t = visit.t
  local group, role = group_of.visit(visit, "admin")
  local after = ids.is_id(visit.query.after) and visit.query.after or ""
  local list = group.type == "ConnectGroup"
    and subscribers.page(visit.db, group, after, limits.subscribers_per_page) or {}
  local rows = table.move(list, 1, math.min(#list, limits.subscribers_per_page), 1, {})
  local function pager(count)
    return (count < #list or after ~= "") and h.nav {
      class = "row", aria_label = t "groups.pages",
      after ~= "" and h.a {
        class = "button second", href = group_of.path(group, "/subscribers"), t "people.start",
      },
      count < #list and h.a {
        class = "button second", href = group_of.path(group, "/subscribers?after=") .. list[count].id,
        t "groups.next",
      },
    }
  end
  return group_of.page(visit, group, role, "/subscribers", {
    #list > 0 and widgets.listing(visit, {
      label = t "groups.subscribers", columns = { t "people.name", t "people.change" },
      rows = rows, pager = pager,
      show = function(user)
        return { name_cell(visit, user), remove_link(visit, group, "subscribers", user) }
      end,
    }) or h.p { class = "empty", t "people.no_subscribers" },
    add_form(visit, group, "subscribers", problem),
  }, problem and 400)
end

local function remove_subscriber(visit)
  local group = group_of.visit(visit, "admin")
  if subscribers.remove(visit.db, group, visit.fields.user or "") then
    say_removed(visit, group)
  end
  return respond.redirect(visit, group_of.path(group, "/subscribers"))
end

return {
  routes = {
    { method = "GET", path = "/portal/groups/{group}/members", run = show_members },
    {
      method = "POST", path = "/portal/groups/{group}/members",
      run = function(visit) return add_people(visit, "members", "members.add", "members", show_members) end,
    },
    { method = "POST", path = "/portal/groups/{group}/members/role", run = change_role },
    {
      method = "GET", path = "/portal/groups/{group}/members/remove",
      run = function(visit) return ask_remove(visit, "members") end,
    },
    { method = "POST", path = "/portal/groups/{group}/members/remove", run = remove_member },
    { method = "GET", path = "/portal/groups/{group}/subscribers", run = show_subscribers },
    {
      method = "POST", path = "/portal/groups/{group}/subscribers",
      run = function(visit)
        return add_people(visit, "subscribers", "subscribers.add", "subscribers", show_subscribers)
      end,
    },
    {
      method = "GET", path = "/portal/groups/{group}/subscribers/remove",
      run = function(visit) return ask_remove(visit, "subscribers") end,
    },
    { method = "POST", path = "/portal/groups/{group}/subscribers/remove", run = remove_subscriber },
  },
}
