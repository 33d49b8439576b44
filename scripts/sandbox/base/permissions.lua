--- The permissions of a connector: names, the mask in an access token, the list of scopes.
local cache = require "sandbox.base.cache"
local limits = require "sandbox.base.limits"

local permissions = {}

-- In the published order. `allowed` is the sum of the verbs of a resource.
local RESOURCES = {
  { name = "groupinfo", number = 2, allowed = 30 },
  { name = "groupmember", number = 3, allowed = 30 },
  { name = "textmessage", number = 4, allowed = 10 },
  { name = "action", number = 6, allowed = 22 },
  { name = "profile", number = 5, allowed = 4 },
  { name = "media", number = 9, allowed = 2 },
  { name = "webhook", number = 15, allowed = 30 },
  { name = "o365", number = 14, allowed = 30 },
  { name = "bot", number = 19, allowed = 30 },
  { name = "reactions", number = 24, allowed = 30 },
}
local VERBS = {
  { name = "write", bit = 2 },
  { name = "read", bit = 4 },
  { name = "remove", bit = 8 },
  { name = "update", bit = 16 },
}

-- The nine that people choose from, in the portal's order, with their resources. That bots belong to the
-- tenant's data is an assumption: the published scope list of all nine contains them.
permissions.CHOICES = {
  { name = "groupinfo", "groupinfo" },
  { name = "groupmember", "groupmember" },
  { name = "textmessage", "textmessage" },
  { name = "action", "action" },
  { name = "profile", "profile" },
  { name = "media", "media" },
  { name = "webhook", "webhook" },
  { name = "tenant", "o365", "bot" },
  { name = "reactions", "reactions" },
}

local resource_by_name, resource_by_number, verb_bit = {}, {}, {}
for _, resource in ipairs(RESOURCES) do
  resource_by_name[resource.name] = resource
  resource_by_number[resource.number] = resource
end
for _, verb in ipairs(VERBS) do
  verb_bit[verb.name] = verb.bit
end

---@alias sandbox.permissions table<string, integer> resource → bit mask

---@return string list of the names, for messages
function permissions.names()
  local names = {}
  for i, resource in ipairs(RESOURCES) do
    names[i] = resource.name
  end
  return table.concat(names, ", ")
end

--- From "all", or a list of resources ("groupinfo") and single permissions ("groupinfo.read").
---@param list "all"|string[]
---@return sandbox.permissions|nil set
---@return string|nil unknown the entry that is not a permission
function permissions.parse(list)
  local set = {}
  if list == "all" then
    for _, resource in ipairs(RESOURCES) do
      set[resource.name] = resource.allowed
    end
    return set
  end
  for _, entry in ipairs(list) do
    local name, verb = tostring(entry):lower():match "^(%w+)%.?(%a*)$"
    local resource = name and resource_by_name[name]
    local bits = resource and (verb == "" and resource.allowed or verb_bit[verb])
    if not bits or bits & resource.allowed == 0 then
      return nil, tostring(entry)
    end
    set[name] = (set[name] or 0) | bits
  end
  return set
end

--- How many of a resource's verbs a set contains.
---@param set sandbox.permissions
---@param name string of the resource
---@return "all"|"some"|"none"
function permissions.extent(set, name)
  local bits = set[name] or 0
  return bits == 0 and "none" or bits == resource_by_name[name].allowed and "all" or "some"
end

--- As in an access token: "2.30:3.30:4.10".
---@param set sandbox.permissions
---@return string
function permissions.to_mask(set)
  local parts = {}
  for _, resource in ipairs(RESOURCES) do
    if (set[resource.name] or 0) ~= 0 then
      parts[#parts + 1] = ("%d.%d"):format(resource.number, set[resource.name])
    end
  end
  return table.concat(parts, ":")
end

local function read_mask(mask)
  local set = {}
  for number, bits in mask:gmatch "(%d+)%.(%d+)" do
    local resource = resource_by_number[math.tointeger(number)]
    if resource then
      set[resource.name] = math.tointeger(bits) & resource.allowed
    end
  end
  return set
end

local read = cache.new(limits.masks_remembered)

---@param mask string
---@return sandbox.permissions not to be changed: each call with a token asks for the same
function permissions.from_mask(mask)
  local set = read:get(mask)
  if not set then
    set = read_mask(mask)
    read:set(mask, set)
  end
  return set
end

--- As in a reply of the token service: "groupinfo.write,groupinfo.read,…".
---@param set sandbox.permissions
---@return string
function permissions.to_scope(set)
  local parts = {}
  for _, resource in ipairs(RESOURCES) do
    for _, verb in ipairs(VERBS) do
      if (set[resource.name] or 0) & verb.bit ~= 0 then
        parts[#parts + 1] = resource.name .. "." .. verb.name
      end
    end
  end
  return table.concat(parts, ",")
end

---@param set sandbox.permissions
---@param permission string "textmessage.write"
---@return boolean
function permissions.has(set, permission)
  local name, verb = permission:match "^(%w+)%.(%a+)$"
  return (set[name] or 0) & verb_bit[verb] ~= 0
end

return permissions
