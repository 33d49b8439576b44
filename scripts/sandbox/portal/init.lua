--- The management portal, at the root and below /portal/.
---
--- How a page is made: a file in portal/pages/, named in FILES below, returns
---   { menu = { key = "groups.title", path = "/portal/groups", icon = "groups" },   -- optional
---     routes = { { method = "GET", path = "/portal/groups", run = show }, … } }
--- `run(visit)` gets a sandbox.portal.visit (user, language, fields of the form, params of the path) and
--- returns respond.page(visit, { title =, main = … }) — elements of html.elements, with the parts of
--- sandbox.portal.widgets — or respond.redirect(visit, path), after a form. Forms are made by
--- visit:form{ action =, … }: they carry the token that is checked here before `run`. Texts are in
--- portal/strings/, in both languages. A route may say
---   public = true   can be seen without signing in
---   phone = true    only for users who have added a phone number
---   alone = true    run waits (for a call, a fault's delay), or has a transaction of its own; in none here
--- All others run in one transaction: a refusal (sandbox.base.refusal) rolls it back and shows an error page.
--- Pages have no rules of their own; they use those of the API.
local attempt = require "sandbox.http.attempt"
local form = require "sandbox.http.form"
local guard = require "sandbox.http.guard"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local respond = require "sandbox.portal.respond"
local router = require "sandbox.http.router"
local visits = require "sandbox.portal.visit"

local portal = {}

-- In the order of the menu.
local FILES = {
  "home", "sign_in", "phone", "connectors", "add_connector", "edit_connector", "token", "exchange", "groups",
  "conversation", "group_people", "group_connectors", "people", "person", "webhooks", "webhook",
  "example_event", "traffic", "sms", "control", "reference",
}
local PREFIX = "portal"

---@class sandbox.portal.route
---@field method "GET"|"POST"
---@field path string "/portal/connectors/{connector}"
---@field public boolean|nil
---@field phone boolean|nil
---@field alone boolean|nil
---@field run fun(visit: sandbox.portal.visit): table

local all = {}
for _, name in ipairs(FILES) do
  local file = require("sandbox.portal.pages." .. name)
  table.move(file.routes, 1, #file.routes, #all + 1, all)
  respond.menu[#respond.menu + 1] = file.menu
end
portal.routes = all ---@type sandbox.portal.route[]
local routes = router.new(all)

--- Whether the portal answers: browsers at the root, everybody below /portal.
---@param arrived table the server's request
---@param segments string[] of the path
---@return boolean
function portal.is_page(arrived, segments)
  local first = segments[1]
  if not first then
    return (arrived.headers.accept or ""):lower():find("text/html", 1, true) ~= nil
  end
  return first == PREFIX
end

local function refuse_form(visit, key)
  return respond.problem(visit, { status = 403 }, key)
end

-- Checks a form as far as its head allows.
local function check_form_head(visit, arrived)
  if not guard.is_own_origin(arrived.headers) then
    return refuse_form(visit, "problem.origin")
  elseif not form.is_form(arrived.headers) then
    return respond.problem(visit, { status = 400 }, "problem.no_form")
  end
end

-- Checks that a form is ours and belongs to this session.
local function check_form(visit, arrived)
  local response = check_form_head(visit, arrived)
  if response then
    return response
  elseif not visit:read_form(arrived) then
    return respond.problem(visit, { status = 400 }, "problem.no_form")
  elseif not visit:is_own_form() then
    return refuse_form(visit, "problem.form")
  end
end

local function run(visit, route)
  if not visit.user and not route.public then
    return respond.redirect(visit, "/portal/sign-in")
  elseif route.phone and visit.user.phone_added_at == 0 then
    visit:notice "phone.needed"
    return respond.redirect(visit, "/portal/phone")
  elseif route.alone then
    return route.run(visit)
  end
  local response
  visit.db:transaction(function()
    response = route.run(visit)
  end)
  return response
end

local function find(visit, method, segments)
  if segments[2] == "assets" and method == "GET" and #segments == 3 then
    local asset = respond.asset(segments[3])
    if asset then
      return nil, asset
    end
  end
  local route, params = routes:match(method, segments)
  if not route and params then
    local methods = table.concat(params, ", ")
    refusal.fail(405, "MethodNotAllowed", "expected " .. methods, { Allow = methods })
  elseif not route then
    refusal.not_found(respond.NO_PAGE)
  end
  visit.params = params
  return route
end

local function find_page(visit, arrived, segments)
  if #arrived.target > limits.url_bytes then
    refusal.not_found(respond.NO_PAGE)
  end
  return find(visit, arrived.method, segments)
end

local function judge(visit, arrived, segments)
  find_page(visit, arrived, segments)
  return arrived.method == "POST" and check_form_head(visit, arrived) or nil
end

local function answer(visit, arrived, segments)
  local route, asset = find_page(visit, arrived, segments)
  if asset then
    return asset
  end
  ---@cast route sandbox.portal.route
  return arrived.method == "POST" and check_form(visit, arrived) or run(visit, route)
end

local function visited(fn, world, arrived, segments)
  local ok, failure = pcall(guard.check_password, world, arrived.headers)
  if not ok and refusal.is_failure(failure) then
    return respond.locked(failure)
  elseif not ok then
    error(failure, 0)
  end
  local visit = visits.new(world, arrived)
  return attempt(function(raised)
    return respond.problem(visit, raised)
  end, fn, visit, arrived, segments)
end

--- Judges a request before its body is read.
---@param world sandbox.world
---@param arrived table the server's request
---@param segments string[] of the path
---@return table|nil response that refuses
function portal.head(world, arrived, segments)
  return visited(judge, world, arrived, segments)
end

---@param world sandbox.world
---@param arrived table the server's request
---@param segments string[] of the path
---@return table response
function portal.handle(world, arrived, segments)
  return visited(answer, world, arrived, segments)
end

return portal
