--- Queries about the whole tenant.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local describe = require "sandbox.operations.describe_group"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local shapes = require "sandbox.http.shapes"

local PAGE = 50

---@type sandbox.operation[]
return {
  {
    name = "tenant.find_groups",
    summary = "Lists the tenant's groups whose name contains the query, in any case, oldest first.",
    method = "GET",
    path = "/tenant/findGroupsByQuery",
    permission = "o365.read",
    who = "tenant",
    query = {
      { "query", kind = "string", max = limits.name_characters, default = "" },
      { "resultsOffset", kind = "integer", min = 0, max = limits.groups, default = 0 },
      { "pageSize", kind = "integer", unset = assumptions.unset_number, min = 1,
        max = limits.groups_per_page, default = PAGE },
    },
    reply = { { "groups", kind = "list", of = shapes.GROUP } },
    example = { query = { query = "sales", pageSize = "10" } },
    run = function(call)
      local query = call.query
      local found = groups.find(call.db, call.caller.user.tenant_id, query.query, query.resultsOffset,
        query.pageSize)
      return { groups = json.array(describe.groups(call, found)) }
    end,
  },
}
