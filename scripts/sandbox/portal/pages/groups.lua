--- The list of groups as a tree; creating a group; a group's own page: details, parents, subgroups.
local access = require "sandbox.rules.access"
local act = require "sandbox.portal.act"
local fold = require "sandbox.base.fold"
local group_of = require "sandbox.portal.group"
local groups = require "sandbox.data.groups"
local hierarchy = require "sandbox.data.hierarchy"
local html = require "html.elements"
local http = require "jeton.http"
local language = require "html.language"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local request = require "sandbox.http.request"
local respond = require "sandbox.portal.respond"
local widgets = require "sandbox.portal.widgets"

local h = html.h

local PUBLIC = "ConnectGroup"
local LEVELS_SHOWN = 6 -- deeper ones have the same indent

-- The groups in tree order, each with its level. A group with two parents appears below both; one without an
-- accessible parent is at the top.
local function tree(visit, list)
  local by_number, children, is_child = {}, hierarchy.edges(visit.db, visit.user.tenant_id), {}
  for _, group in ipairs(list) do
    by_number[group.number] = group
  end
  for parent, numbers in pairs(children) do
    for _, number in ipairs(numbers) do
      is_child[number] = is_child[number] or by_number[parent] ~= nil
    end
  end
  local out = {}
  local function add(group, level)
    out[#out + 1] = { group = group, level = level }
    for _, number in ipairs(#out <= limits.portal_tree and children[group.number] or {}) do
      if by_number[number] then
        add(by_number[number], level + 1)
      end
    end
  end
  for _, group in ipairs(list) do
    if not is_child[group.number] then
      add(group, 0)
    end
  end
  return out
end

local function flat(list)
  local out = {}
  for i, group in ipairs(list) do
    out[i] = { group = group, level = 0 }
  end
  return out
end

-- Those with the text in their name.
local function find(list, text)
  local wanted, out = fold(text), {}
  for _, group in ipairs(list) do
    if fold(group.name):find(wanted, 1, true) then
      out[#out + 1] = group
    end
  end
  return out
end

local function group_table(visit, entries, part, query)
  local t, counts = visit.t, groups.member_counts(visit.db, entries)
  local function row(entry)
    local group = entry.group
    local role = access.role(visit.db, act.caller(visit.user), group)
    return {
      h.span {
        class = "level-" .. math.min(entry.level, LEVELS_SHOWN),
        h.a { href = group_of.home(group), group.name },
      },
      group_of.kind_badge(visit, group),
      h.span { class = "number", language.number(visit.language, counts[group.number] or 0) },
      role and t("groups.role_" .. role:lower()) or "",
    }
  end
  return widgets.listing(visit, {
    label = t "groups.title", rows = entries, show = row, part = part, query = query,
    columns = { t "groups.name", t "groups.kind", t "groups.members", t "groups.your_role" },
  })
end

local function link_to(group)
  return h.a { href = group_of.home(group), group.name }
end

-- Public groups that the person only follows. They see only what was sent to them.
local function followed(visit)
  local count = groups.count_followed(visit.db, visit.user.id)
  local part = widgets.part(visit, count, limits.portal_rows, "followed")
  return part.count > 0 and widgets.card {
    title = visit.t "groups.followed", id = part.name,
    widgets.listing(visit, {
      class = "plain-list", part = part, show = link_to,
      rows = groups.followed(visit.db, visit.user.id, part.per, part.from),
    }),
  }
end

local function list(visit)
  local t = visit.t
  local reached = access.groups(visit.db, act.caller(visit.user))
  local text = visit.query.query ~= "" and visit.query.query or nil
  local all = text and flat(find(reached, text)) or tree(visit, reached)
  local part = widgets.part(visit, #all, limits.portal_rows)
  local shown = table.move(all, part.from + 1, part.last, 1, {})
  return respond.page(visit, {
    title = t "groups.title",
    intro = h.p { t "groups.intro" },
    main = {
      h.div { class = "row", h.a { class = "button", href = "/portal/groups/new", t "groups.add" } },
      widgets.search {
        action = "/portal/groups", label = t "groups.search", value = text, button = t "groups.find",
      },
      #shown > 0 and group_table(visit, shown, part, text and "query=" .. http.encode(text))
        or h.p { class = "empty", t(text and "groups.none_found" or "groups.none") },
      not text and visit.user.tenant_admin == 0 and followed(visit),
    },
  })
end

-- Making one ----------------------------------------------------------------------------------------------

local function show_new(visit, values, problem)
  local t = visit.t
  return respond.page(visit, {
    title = t "groups.add",
    narrow = true,
    back = { "/portal/groups", t "groups.title" },
    main = visit:form {
      action = "/portal/groups/new", class = "card",
      widgets.errors(visit, problem and { { "name", problem } } or {}),
      widgets.field {
        name = "name", label = t "groups.name", value = values.name, error = problem,
        attributes = { required = true, maxlength = limits.name_characters, autocomplete = "off" },
      },
      widgets.field {
        name = "welcome", label = t "groups.welcome", type = "textarea", value = values.welcome,
        attributes = { maxlength = limits.welcome_characters },
      },
      visit.user.tenant_admin ~= 0 and widgets.checkbox {
        name = "public", label = t "groups.public", hint = t "groups.public_what",
      },
      h.div {
        class = "row", h.button { t "groups.create" },
        h.a { class = "button second", href = "/portal/groups", t "common.cancel" },
      },
    },
  }, problem and 400)
end

local function create(visit)
  local values = { name = request.trim(visit.fields.name or ""), welcome = visit.fields.welcome }
  if values.name == "" then
    return show_new(visit, values, visit.t("common.required", { field = visit.t "groups.name" }))
  end
  local made = act.as(visit, visit.user, "groups.create", {}, {
    name = values.name,
    welcomeMessage = values.welcome,
    groupType = visit.fields.public and PUBLIC or nil,
  })
  visit:notice("groups.created", { name = made.groupName })
  return respond.redirect(visit, group_of.path { id = made.groupId })
end

-- One of them ---------------------------------------------------------------------------------------------

local function relatives(visit, name, found)
  local part = widgets.part(visit, #found, limits.portal_rows, name)
  return {
    h.h3 { id = name, visit.t("groups." .. name) },
    #found > 0 and widgets.listing(visit, {
      class = "plain-list", part = part, show = link_to, least = limits.portal_list_least // 2,
      rows = table.move(found, part.from + 1, part.last, 1, {}),
    }) or h.p { class = "soft", visit.t "groups.nobody" },
  }
end

local function subgroup_form(visit, group)
  local t = visit.t
  return visit:form {
    action = group_of.path(group, "/subgroups"),
    widgets.field {
      name = "name", label = t "groups.subgroup_name",
      attributes = { required = true, maxlength = limits.name_characters, autocomplete = "off" },
    },
    h.div { h.button { class = "second", t "groups.subgroup_add" } },
  }
end

local function show(visit)
  local t = visit.t
  local group, role = group_of.visit(visit)
  local counts = groups.counts(visit.db, group)
  return group_of.page(visit, group, role, "", h.div {
    class = "split",
    widgets.card {
      title = t "groups.details",
      group.welcome ~= "" and h.p { class = "written", group.welcome },
      widgets.value(visit, { id = "group-id", label = t "groups.id", value = group.id }),
      widgets.facts {
        { t "groups.kind", group_of.kind_badge(visit, group) },
        { t "groups.your_role", t("groups.role_" .. role:lower()) },
        { t "groups.members", language.number(visit.language, counts.own_users) },
        { t "groups.members_below", language.number(visit.language, counts.unique_users) },
        { t "connectors.created", visit:time(group.created_at) },
      },
    },
    widgets.card {
      title = t "groups.tree",
      relatives(visit, "above", hierarchy.parents(visit.db, group)),
      relatives(visit, "below", hierarchy.children(visit.db, group)),
      role == "Admin" and subgroup_form(visit, group),
    },
  })
end

local function add_subgroup(visit)
  local group = group_of.visit(visit, "admin")
  local name = request.trim(visit.fields.name or "")
  if name == "" then
    refusal.invalid "the subgroup needs a name"
  end
  local made = act.as(visit, visit.user, "subgroups.create", { group = group.id }, { groupName = name })
  visit:notice("groups.created", { name = made.groupName })
  return respond.redirect(visit, group_of.path(group))
end

return {
  menu = { key = "groups.title", path = "/portal/groups", icon = "groups" },
  routes = {
    { method = "GET", path = "/portal/groups", run = list },
    { method = "GET", path = "/portal/groups/new", run = function(visit) return show_new(visit, {}) end },
    { method = "POST", path = "/portal/groups/new", run = create },
    { method = "GET", path = "/portal/groups/{group}", run = show },
    { method = "POST", path = "/portal/groups/{group}/subgroups", run = add_subgroup },
  },
}
