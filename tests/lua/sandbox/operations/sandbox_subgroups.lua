-- Subgroups: the tree, its counts, who may; and the search in the tenant.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local limits = require "sandbox.base.limits"
local wire = require "wire"

local SUBGROUPS = "/v1/groups/" .. wire.sales .. "/subGroups"

local tenant, bruno, group_token

local function set_up()
  wire.reset()
  tenant, bruno, group_token = wire.access(), wire.access(wire.user_token), wire.access(wire.group_token)
end

local function get(id)
  return wire.ok("GET", "/v1/groups/" .. id, { token = tenant })
end

local function create(parent, fields, token)
  local options = { token = token or tenant, json = fields }
  return wire.ok("POST", "/v1/groups/" .. parent .. "/subGroups", options).groupId
end

local function add(parent, child, token)
  return { "PUT", "/v1/groups/" .. parent .. "/subGroups",
    { token = token or tenant, json = { subGroups = json.array { child } } } }
end

-- Names of the subgroups in a reply.
local function names(reply)
  local out = {}
  for i, group in ipairs(reply.subGroups) do out[i] = group.groupName end
  return table.concat(out, ", ")
end

local function list(id, query)
  return wire.ok("GET", "/v1/groups/" .. id .. "/subGroups" .. (query or ""), { token = tenant })
end

local TestListing = { setUp = set_up }

function TestListing.test_in_both_shapes()
  local reply = wire.ok("GET", "/v1/groups/" .. wire.sales .. "/subgroups", { token = bruno })
  lu.assertEquals(reply.groupName, "Sales")
  lu.assertEquals(names(reply), "Sales North")
  lu.assertEquals(reply.subGroups[1].callerRole, "Admin")
  lu.assertEquals(#reply.groups, 1)
  lu.assertEquals(reply.groups[1].groupId, wire.sales)
  lu.assertEquals(names(reply.groups[1]), "Sales North")
end

function TestListing.test_none()
  lu.assertTrue(json.is_array(list(wire.sales_north).subGroups))
  lu.assertEquals(names(list(wire.sales_north)), "")
end

function TestListing.test_all_that_are_below_once()
  local east = create(wire.sales, { groupName = "East" })
  local deep = create(east, { groupName = "Deep" })
  wire.ok(table.unpack(add(wire.sales_north, deep)))
  lu.assertEquals(names(list(wire.sales)), "Sales North, East")
  lu.assertEquals(names(list(wire.sales, "?fetchAllGroups=true")), "Sales North, East, Deep")
  lu.assertEquals(get(deep).currentLevelParentGroupCount, 2)
end

local TestCreating = { setUp = set_up }

function TestCreating.test_fields()
  local id = create(wire.sales, {
    name = "South", welcomeMessage = "Hi", groupImageUrl = "https://x.example/a.png",
    members = json.array { wire.chitra, "+33100000066" },
  })
  local group = get(id)
  lu.assertEquals(group.groupName, "South")
  lu.assertEquals(group.welcomeMessage, "Hi")
  lu.assertEquals(group.groupImageUrl, "https://x.example/a.png")
  lu.assertEquals(group.hasParentGroups, true)
  lu.assertEquals(group.currentLevelUserCount, 3)
  lu.assertEquals(group.currentLevelUnProvisionedUserCount, 1)
  lu.assertEquals(#wire.ok("GET", "/_sandbox/sms?phone=%2B33100000066").sms, 1)
end

function TestCreating.test_without_the_caller()
  local id = create(wire.sales, { groupName = "Alone", addUserToGroup = false })
  lu.assertEquals(get(id).currentLevelUserCount, 0)
  lu.assertEquals(get(create(wire.sales, { groupName = "With" })).currentLevelUserCount, 1)
end

function TestCreating.test_a_group_token_below_its_group()
  create(wire.sales, { groupName = "Token's" }, group_token)
  lu.assertEquals(get(wire.sales).currentLevelSubGroupCount, 2)
end

function TestCreating.test_counts_go_up_the_tree()
  local before = get(wire.sales)
  local id = create(wire.sales_north, { groupName = "Deep", addUserToGroup = false,
    members = json.array { wire.bruno, "+33100000065" } })
  local after = get(wire.sales)
  lu.assertEquals(after.userCount, before.userCount + 2)
  lu.assertEquals(after.uniqueUserCount, before.uniqueUserCount + 1)
  lu.assertEquals(after.unProvisionedUserCount, before.unProvisionedUserCount + 1)
  lu.assertEquals(after.currentLevelUserCount, before.currentLevelUserCount)
  wire.ok("DELETE", "/v1/groups/" .. wire.sales_north .. "/subGroups/" .. id .. "/", { token = tenant })
  lu.assertEquals(get(wire.sales).userCount, before.userCount)
end

local TestAdding = { setUp = set_up }

function TestAdding.test_and_removing()
  lu.assertEquals(wire.ok(table.unpack(add(wire.sales, wire.news))), { result = "true" })
  lu.assertEquals(names(list(wire.sales)), "Sales North, Contoso News")
  wire.ok(table.unpack(add(wire.sales, wire.news)))
  lu.assertEquals(get(wire.sales).currentLevelSubGroupCount, 2)
  local path = SUBGROUPS .. "/" .. wire.news:gsub("@", "%%40")
  lu.assertEquals(wire.ok("DELETE", path, { token = tenant }), { result = "true" })
  wire.refused(404, "NotFound", "DELETE", path, { token = tenant })
  lu.assertEquals(get(wire.news).hasParentGroups, false)
end

function TestAdding.test_no_cycles()
  local deep = create(wire.sales_north, { groupName = "Deep" })
  for _, below in ipairs { wire.sales, wire.sales_north, deep } do
    local method, path, options = table.unpack(add(below, wire.sales))
    lu.assertStrContains(wire.refused(400, "InvalidParameters", method, path, options), "ancestor")
  end
  lu.assertEquals(get(wire.sales).hasParentGroups, false)
end

function TestAdding.test_levels_have_a_limit()
  local id = wire.sales_north
  for level = 3, limits.group_levels do
    id = create(id, { groupName = "Level " .. level })
  end
  lu.assertStrContains(wire.refused(400, "InvalidParameters", "POST", "/v1/groups/" .. id .. "/subGroups",
    { token = tenant, json = { groupName = "Too deep" } }), "levels")
  local method, path, options = table.unpack(add(wire.news, wire.sales))
  lu.assertStrContains(wire.refused(400, "InvalidParameters", method, path, options), "levels")
end

function TestAdding.test_all_or_nothing()
  local options = { token = tenant, json = { subGroups = json.array { wire.news,
    "00000000-0000-0000-0000-000000000000" } } }
  lu.assertStrContains(wire.refused(400, "InvalidParameters", "PUT", SUBGROUPS, options), "subGroups[1]")
  lu.assertEquals(get(wire.sales).currentLevelSubGroupCount, 1)
end

function TestAdding.test_the_childs_admin_must_agree()
  local mine = wire.ok("POST", "/v1/groups", { token = bruno, json = { name = "Bruno's" } }).groupId
  local method, path, options = table.unpack(add(mine, wire.sales, bruno))
  wire.refused(403, "PermissionDenied", method, path, options)
  wire.ok(table.unpack(add(mine, wire.sales_north, bruno)))
end

local TestSearch = { setUp = set_up }

local function find(query)
  local out = {}
  local groups = wire.ok("GET", "/v1/tenant/findGroupsByQuery?" .. query, { token = tenant }).groups
  for i, group in ipairs(groups) do out[i] = group.groupName end
  return table.concat(out, ", ")
end

function TestSearch.test_by_name()
  lu.assertEquals(find "query=sALES", "Sales, Sales North")
  lu.assertEquals(find "query=News", "Contoso News")
  lu.assertEquals(find "query=%25", "")
  for _, query in ipairs { "", "query=&resultsOffset=&pageSize=", "query=&pageSize=1000" } do
    lu.assertEquals(find(query), "Sales, Sales North, Contoso News")
  end
end

function TestSearch.test_case_does_not_matter_in_other_alphabets()
  for name, query in pairs {
    ["Équipe Łódź"] = "ÉQUIPE łÓDŹ", ["ŠKODA ǅ Ÿ"] = "škoda ǅ ÿ", ["GROẞ"] = "groß",
    ["Отдел Ёлка"] = "оТДЕЛ ёлка", ["Ομάδα ΟΔΟΣ"] = "ΟΜΆΔΑ οδος", ["ՀԱՅ"] = "հայ", ["Việt ẾCH"] = "VIỆT ếch",
    ["Ə ƠƯ"] = "ə ơư", ["plain ASCII"] = "PLAIN ascii",
  } do
    wire.ok("POST", "/v1/groups", { token = tenant, json = { name = name } })
    local encoded = query:gsub("[^%w]", function(byte) return ("%%%02X"):format(byte:byte()) end)
    lu.assertEquals(find("query=" .. encoded), name)
  end
  lu.assertEquals(find "query=%C3%97", "") -- × is no letter: ÷ is not its small one
end

function TestSearch.test_pages()
  lu.assertEquals(find "query=s&pageSize=2", "Sales, Sales North")
  lu.assertEquals(find "query=s&pageSize=2&resultsOffset=2", "Contoso News")
  lu.assertEquals(find "query=s&resultsOffset=3", "")
end

return wire.run {
  TestListing = TestListing, TestCreating = TestCreating, TestAdding = TestAdding, TestSearch = TestSearch,
}
