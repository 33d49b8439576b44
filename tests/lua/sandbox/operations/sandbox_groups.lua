-- Groups and their members: create, list, one; add, change, remove; who may.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local lu = require "luaunit"
local wire = require "wire"

local REPLY_BYTES = 64 * 1024 * 1024 -- of JSON

local tenant, bruno, group_token

local function set_up()
  wire.reset()
  tenant, bruno, group_token = wire.access(), wire.access(wire.user_token), wire.access(wire.group_token)
end

-- What each field of a group must be.
local FIELDS = {
  groupId = "string", groupName = "string", groupImageUrl = "string", hasSubGroups = "boolean",
  hasParentGroups = "boolean", callerRole = "string", currentLevelSubGroupCount = "integer",
  currentLevelParentGroupCount = "integer", userCount = "integer", uniqueUserCount = "integer",
  currentLevelUserCount = "integer", currentLevelUnProvisionedUserCount = "integer",
  unProvisionedUserCount = "integer", isMappedToTenant = "boolean", groupType = "string",
  isDuplicate = "boolean", isEditable = "boolean", isDetailsReadable = "boolean", welcomeMessage = "string",
}

local function by_id(groups)
  local out = {}
  for _, group in ipairs(groups) do
    out[group.groupId] = group
  end
  return out
end

local function list(token, query)
  return by_id(wire.ok("GET", "/v1/groups" .. (query or ""), { token = token }).groups)
end

local function members(id)
  local out = {}
  for _, member in ipairs(wire.ok("GET", "/v1/groups/" .. id .. "/members", { token = tenant }).members) do
    out[member.mobileNumber] = member
  end
  return out
end

local function create(token, fields)
  return wire.ok("POST", "/v1/groups", { token = token, json = fields })
end

-- Calls that were answered before: the clock stands still, so that the replies are kept.
local TestAgain = {}

function TestAgain.setUp()
  wire.reset()
  wire.steer("clock", { stands_at = 1767603600 })
  tenant, bruno = wire.access(), wire.access(wire.user_token)
end

local function count(token, query)
  return #wire.ok("GET", "/v1/groups" .. (query or ""), { token = token }).groups
end

function TestAgain.test_what_was_written_is_seen()
  lu.assertEquals({ count(tenant), count(tenant) }, { 3, 3 })
  create(tenant, { name = "By a call" })
  lu.assertEquals({ count(tenant), count(tenant) }, { 4, 4 })
  local made = wire.steer("groups", { name = "By a test" })
  lu.assertEquals(count(tenant), 5)
  wire.ok("DELETE", "/_sandbox/groups/" .. made.id)
  lu.assertEquals(count(tenant), 4)
  wire.refused(400, "InvalidParameters", "POST", "/v1/groups", { token = tenant, json = { name = "" } })
  lu.assertEquals(count(tenant), 4)
end

function TestAgain.test_each_token_query_and_host_has_its_own()
  local path = "/v1/groups/" .. wire.sales
  lu.assertEquals({ count(tenant), count(bruno), count(bruno, "?fetchAllGroups=true") }, { 3, 2, 2 })
  lu.assertEquals(wire.ok("GET", path, { token = tenant }).callerRole, "Admin")
  lu.assertEquals(wire.ok("GET", path, { token = bruno }).callerRole, "Member")
  local headers = { Authorization = "Bearer " .. tenant }
  lu.assertEquals(wire.ok("GET", path, { headers = headers }).callerRole, "Admin")
  wire.refused(401, "InvalidToken", "GET", path)
end

function TestAgain.test_they_are_counted_and_recorded_as_any_call()
  wire.steer("switches", { per_minute = 2 })
  lu.assertEquals({ count(tenant), count(tenant) }, { 3, 3 })
  wire.refused(429, "TooManyRequests", "GET", "/v1/groups", { token = tenant })
  local records = wire.ok("GET", "/_sandbox/requests?path=/groups").requests
  local newest = { records[#records - 2], records[#records - 1] }
  for _, record in ipairs(newest) do
    lu.assertEquals({ record.status, record.operation }, { 200, "groups.list" })
    lu.assertEquals(record.connector_id, wire.application_id)
  end
end

function TestAgain.test_a_token_ends()
  lu.assertEquals(count(tenant), 3)
  wire.steer("clock", { advance_s = 86400 })
  wire.refused(401, "InvalidToken", "GET", "/v1/groups", { token = tenant })
  wire.steer("clock", { advance_s = -86400 })
  lu.assertEquals(count(tenant), 3)
  wire.ok("DELETE", "/_sandbox/connectors/" .. wire.application_id)
  wire.refused(401, "InvalidToken", "GET", "/v1/groups", { token = tenant })
end

local TestMe = { setUp = set_up }

function TestMe.test_who_the_token_acts_as()
  local me = wire.ok("GET", "/v1/users/me", { token = bruno })
  lu.assertEquals(me.mobileNumber, wire.bruno)
  lu.assertEquals(me.name, "Bruno Keller")
  lu.assertEquals(me.isProvisioned, true)
  lu.assertEquals(wire.ok("GET", "/v1/users/me", { token = group_token }).mobileNumber, wire.alice)
end

local TestReading = { setUp = set_up }

function TestReading.test_every_documented_field()
  for _, group in ipairs(wire.ok("GET", "/v1/groups?showDetails=true", { token = tenant }).groups) do
    for name, kind in pairs(FIELDS) do
      lu.assertEquals(math.type(group[name]) or type(group[name]), kind, name)
    end
  end
end

function TestReading.test_a_tenant_level_token_lists_all_groups()
  local found = list(tenant)
  lu.assertEquals(found[wire.sales].groupName, "Sales")
  lu.assertEquals(found[wire.news].groupType, "ConnectGroup")
  lu.assertEquals(found[wire.sales_north].callerRole, "Admin")
end

function TestReading.test_a_user_token_lists_the_users_own_groups()
  local found = list(bruno)
  lu.assertEquals(found[wire.sales].callerRole, "Member")
  lu.assertEquals(found[wire.sales].isEditable, false)
  lu.assertEquals(found[wire.sales_north].callerRole, "Admin")
  lu.assertNil(found[wire.news])
end

function TestReading.test_a_group_token_lists_its_group()
  local found = wire.ok("GET", "/v1/groups", { token = group_token }).groups
  lu.assertEquals(#found, 1)
  lu.assertEquals(found[1].groupId, wire.sales)
  lu.assertEquals(found[1].callerRole, "Admin")
end

function TestReading.test_fetch_all_groups_brings_relatives()
  lu.assertNil(list(group_token)[wire.sales_north])
  local all = list(group_token, "?fetchAllGroups=true")
  lu.assertEquals(all[wire.sales_north].callerRole, "None")
  lu.assertEquals(all[wire.sales_north].isDetailsReadable, false)
end

function TestReading.test_counts()
  local sales = list(tenant)[wire.sales]
  lu.assertEquals(sales.hasSubGroups, true)
  lu.assertEquals(sales.hasParentGroups, false)
  lu.assertEquals(sales.currentLevelSubGroupCount, 1)
  lu.assertEquals(sales.currentLevelUserCount, 4)
  lu.assertEquals(sales.userCount, 6)
  lu.assertEquals(sales.uniqueUserCount, 4)
  lu.assertEquals(sales.currentLevelUnProvisionedUserCount, 1)
  lu.assertEquals(list(tenant)[wire.sales_north].currentLevelParentGroupCount, 1)
end

function TestReading.test_one_group_at_the_top_and_in_the_list()
  local group = wire.ok("GET", "/v1/groups/" .. wire.sales, { token = bruno })
  lu.assertEquals(group.groupName, "Sales")
  lu.assertEquals(group.welcomeMessage, "Welcome to Sales")
  lu.assertEquals(#group.groups, 1)
  lu.assertEquals(group.groups[1].groupId, wire.sales)
end

function TestReading.test_out_of_reach_and_unknown()
  wire.refused(403, "PermissionDenied", "GET", "/v1/groups/" .. wire.news, { token = bruno })
  wire.refused(403, "PermissionDenied", "GET", "/v1/groups/" .. wire.sales_north, { token = group_token })
  wire.refused(404, "NotFound", "GET", "/v1/groups/00000000-0000-0000-0000-000000000000", { token = tenant })
end

local TestCreating = { setUp = set_up }

function TestCreating.test_the_caller_becomes_admin()
  local group = create(bruno, { name = "Été", welcomeMessage = "Hi" })
  lu.assertEquals(group.groupName, "Été")
  lu.assertEquals(group.membersAdded, true)
  lu.assertNil(group.isAddedAsSubGroup)
  lu.assertEquals(members(group.groupId)[wire.bruno].role, "Admin")
  lu.assertEquals(list(bruno)[group.groupId].welcomeMessage, "Hi")
end

function TestCreating.test_people()
  local chitra = members(wire.sales)[wire.chitra].id
  local group = create(tenant, {
    name = "People", members = json.array { wire.bruno, "+33100000088" }, admins = json.array { wire.daria },
    memberUserIds = json.array { chitra },
  })
  local found = members(group.groupId)
  lu.assertEquals(found[wire.alice].role, "Admin")
  lu.assertEquals(found[wire.daria].role, "Admin")
  lu.assertEquals(found[wire.bruno].role, "Member")
  lu.assertEquals(found[wire.chitra].role, "Member")
  lu.assertEquals(found["+33100000088"].isProvisioned, false)
end

function TestCreating.test_a_group_token_makes_a_subgroup()
  local group = create(group_token, { name = "South" })
  lu.assertEquals(group.isAddedAsSubGroup, true)
  lu.assertEquals(list(tenant)[wire.sales].currentLevelSubGroupCount, 2)
  lu.assertEquals(list(tenant)[group.groupId].hasParentGroups, true)
end

function TestCreating.test_connect_groups_need_a_tenant_level_token()
  local fields = { name = "Public", groupType = "connectgroup" }
  local id = create(tenant, fields).groupId
  lu.assertEquals(list(tenant)[id].groupType, "ConnectGroup")
  for _, token in ipairs { bruno, group_token } do
    wire.refused(403, "PermissionDenied", "POST", "/v1/groups", { token = token, json = fields })
  end
end

function TestCreating.test_refusals_leave_no_trace()
  local before = wire.state()
  for _, fields in ipairs {
    {}, { name = "" }, { name = " " }, { name = ("x"):rep(101) }, { name = "x", groupType = "Chat" },
    { name = "x", members = json.array { "+33100000099", "0123" } },
    { name = "x", members = json.array { "+33100000099" },
      memberUserIds = json.array { "00000000-0000-0000-0000-000000000000" } },
  } do
    wire.refused(400, "InvalidParameters", "POST", "/v1/groups", { token = tenant, json = fields })
  end
  local after = wire.state()
  lu.assertEquals(after.groups, before.groups)
  lu.assertEquals(after.users, before.users)
end

function TestCreating.test_a_large_picture_is_listed_by_its_url()
  local content = "\xff\xd8\xff" .. crypto.random(200000)
  local encoded = crypto.base64(content)
  local group = create(tenant, { name = "Painters", groupPhoto = encoded, backgroundPhoto = encoded }).groupId
  local below = wire.ok("POST", "/v1/groups/" .. group .. "/subGroups",
    { token = tenant, json = { groupName = "Below", groupImageUrl = encoded } }).groupId
  local listed = list(tenant, "?fetchAllGroups=true")
  for _, id in ipairs { group, below } do
    local url = listed[id].groupImageUrl
    lu.assertTrue(#url < 200, url)
    local response = assert(http.get(url))
    lu.assertTrue(response.body == content)
    lu.assertEquals(response.headers["content-type"], "image/jpeg")
  end
end

function TestCreating.test_an_uploaded_picture_is_listed_by_its_url()
  local group = create(tenant, { name = "Painters", groupPhoto = wire.upload "Image" }).groupId
  lu.assertEquals(assert(http.get(list(tenant)[group].groupImageUrl)).body, "x")
end

-- Neither list is paged: as long as they can be they must fit a reply, and groups come twice in one.
function TestCreating.test_the_longest_lists_fit_a_reply()
  local worst = ("\1"):rep(limits.name_characters)
  local group = create(tenant, {
    name = worst, welcomeMessage = ("\1"):rep(limits.welcome_characters),
    groupPhoto = ('"'):rep(limits.picture_url_bytes),
  }).groupId
  local entry = #json.encode(list(tenant)[group])
  lu.assertTrue(entry > 10000)
  lu.assertTrue(2 * limits.groups * (entry + 100) < REPLY_BYTES, entry)
  local phone = "+33100000077"
  wire.steer("users", { phone = phone, name = worst, picture = ('"'):rep(limits.picture_url_bytes) })
  wire.ok("PUT", "/v1/groups/" .. group .. "/members", { token = tenant, json = { members = { phone } } })
  entry = #json.encode(members(group)[phone])
  lu.assertTrue(entry > 4000)
  lu.assertTrue(limits.members_per_group * (entry + 100) < REPLY_BYTES)
  lu.assertTrue(limits.bots * 3 * (entry + 100) < REPLY_BYTES) -- two pictures, two names
end

local TestMembers = { setUp = set_up }

local MEMBERS = "/v1/groups/" .. wire.sales .. "/members"

function TestMembers.test_list()
  local found = members(wire.sales)
  lu.assertEquals(found[wire.alice].role, "Admin")
  lu.assertEquals(found[wire.bruno].name, "Bruno Keller")
  lu.assertEquals(found[wire.bruno].isProvisioned, true)
  lu.assertEquals(found[wire.daria].isProvisioned, false)
  lu.assertEquals(type(found[wire.daria].profilePic), "string")
end

function TestMembers.test_add()
  lu.assertEquals(wire.ok("PUT", MEMBERS, { token = tenant,
    json = { members = json.array { "+33100000077", wire.bruno } } }), { result = "true" })
  local found = members(wire.sales)
  lu.assertEquals(found["+33100000077"].isProvisioned, false)
  lu.assertEquals(found[wire.bruno].role, "Member")
  for _, phone in ipairs { "%2B33100000077", "+33100000077" } do
    local sms = wire.ok("GET", "/_sandbox/sms?phone=" .. phone).sms
    lu.assertEquals(#sms, 1)
    lu.assertStrContains(sms[1].text, "Sales")
  end
end

function TestMembers.test_change_the_role()
  local id = members(wire.sales)[wire.bruno].id
  lu.assertEquals(wire.ok("PUT", MEMBERS .. "/" .. id, { token = group_token, json = { role = "admin" } }),
    { result = "true" })
  lu.assertEquals(members(wire.sales)[wire.bruno].role, "Admin")
  wire.ok("PUT", MEMBERS, { token = bruno, json = { members = json.array { "+33100000076" } } })
  wire.refused(400, "InvalidParameters", "PUT", MEMBERS .. "/" .. id,
    { token = tenant, json = { role = "Boss" } })
end

function TestMembers.test_remove()
  local id = members(wire.sales)[wire.bruno].id
  lu.assertEquals(wire.ok("DELETE", MEMBERS .. "/" .. id, { token = tenant }), { result = "true" })
  lu.assertNil(members(wire.sales)[wire.bruno])
  wire.refused(404, "NotFound", "DELETE", MEMBERS .. "/" .. id, { token = tenant })
  wire.refused(403, "PermissionDenied", "GET", MEMBERS, { token = bruno })
end

function TestMembers.test_a_member_may_only_read()
  local id = members(wire.sales)[wire.chitra].id
  wire.ok("GET", MEMBERS, { token = bruno })
  for _, call in ipairs {
    { "PUT", MEMBERS, { members = json.array { "+33100000075" } } },
    { "PUT", MEMBERS .. "/" .. id, { role = "Admin" } },
    { "DELETE", MEMBERS .. "/" .. id },
  } do
    local message = wire.refused(403, "PermissionDenied", call[1], call[2], { token = bruno, json = call[3] })
    lu.assertStrContains(message, "admin")
  end
  lu.assertEquals(members(wire.sales)[wire.chitra].role, "Member")
end

function TestMembers.test_all_or_nothing()
  local before = wire.state()
  wire.refused(400, "InvalidParameters", "PUT", MEMBERS,
    { token = tenant, json = { members = json.array { "+33100000074", "33100000073" } } })
  wire.refused(400, "InvalidParameters", "PUT", MEMBERS, { token = tenant, json = {} })
  lu.assertEquals(wire.state().users, before.users)
end

return wire.run {
  TestAgain = TestAgain,
  TestMe = TestMe, TestReading = TestReading, TestCreating = TestCreating, TestMembers = TestMembers,
}
