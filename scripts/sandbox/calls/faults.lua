--- Simulated faults, requested by tests: they replace or delay the real answer.
local json = require "jeton.json"
local body = require "sandbox.http.body"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local reply = require "sandbox.http.reply"
local request = require "sandbox.http.request"

local faults = {}
faults.__index = faults

local FIELDS = {
  { "match", kind = "object", default = {} },
  { "times", kind = "integer", min = 0, max = limits.fault_times, default = 1 }, -- 0: until cleared
  { "status", kind = "integer", min = 200, max = 599 },
  { "delay_ms", kind = "integer", min = 0, max = limits.fault_delay_ms, default = 0 },
  { "drop", kind = "any" }, -- true: before processing; "after": processed, but the answer is lost
  { "body", kind = "any" }, -- text as it is, or a JSON value
  { "headers", kind = "object", default = {} },
}
local MATCH_FIELDS = {
  { "method", kind = "string" },
  { "path", kind = "string" },
}

---@class sandbox.fault
---@field number integer for as long as the process runs
---@field method string|nil upper case; nil: any
---@field path string|nil as given
---@field matches_path fun(text: string): boolean
---@field left integer|nil times; nil: until cleared
---@field status integer|nil
---@field delay_ms integer
---@field drop true|"after"|nil
---@field body any nil: none was given
---@field headers table<string, string>

---@class sandbox.faults
---@field list sandbox.fault[]
---@field last integer number of the newest one

---@return sandbox.faults
function faults.new()
  return setmetatable({ list = {}, last = 0 }, faults)
end

local function read_headers(prefix, headers)
  for name, value in pairs(headers) do
    if type(value) == "number" then
      headers[name] = tostring(value)
    elseif type(value) ~= "string" then
      refusal.invalid("%sheaders.%s: expected a string", prefix, name)
    end
  end
  return headers
end

local function read_fault(spec, prefix)
  local values = body.check_strict(FIELDS, spec, prefix)
  local match = body.check_strict(MATCH_FIELDS, values.match, prefix .. "match.")
  local drop = values.drop
  if drop ~= nil and type(drop) ~= "boolean" and drop ~= "after" then
    refusal.invalid('%sdrop: expected true, false or "after"', prefix)
  end
  local method = match.method and match.method ~= "*" and match.method:upper() or nil
  return {
    method = method,
    path = match.path,
    matches_path = request.glob(match.path or "*"),
    left = values.times > 0 and values.times or nil,
    status = values.status,
    delay_ms = values.delay_ms,
    drop = drop or nil,
    body = values.body,
    headers = read_headers(prefix, values.headers),
  }
end

local function check_count(count)
  if count > limits.faults then
    refusal.invalid("at most %d faults at once", limits.faults)
  end
end

function faults:numbered(fault)
  self.last = self.last + 1
  fault.number = self.last
  return fault
end

--- Adds one after the others. Raises 400 if it is invalid.
---@param spec table
function faults:add(spec)
  check_count(#self.list + 1)
  self.list[#self.list + 1] = self:numbered(read_fault(spec, ""))
end

---@param number integer|nil
---@return boolean removed
function faults:remove(number)
  for i, fault in ipairs(self.list) do
    if fault.number == number then
      table.remove(self.list, i)
      return true
    end
  end
  return false
end

--- Replaces all faults. Raises 400 if one is invalid; then nothing changes.
---@param specs table a list, or one fault
function faults:set(specs)
  if not json.is_array(specs) then
    specs = { specs }
  end
  check_count(#specs)
  local list = {}
  for i, spec in ipairs(specs) do
    list[i] = self:numbered(read_fault(spec, ("faults[%d]."):format(i - 1)))
  end
  self.list = list
end

function faults:clear()
  self.list = {}
end

--- Whether a fault matches. Does not use it up.
---@param method string
---@param path string normalised
---@return boolean
function faults:fits(method, path)
  for _, fault in ipairs(self.list) do
    if (not fault.method or fault.method == method) and fault.matches_path(path) then
      return true
    end
  end
  return false
end

--- Takes the first matching fault, using it up by one.
---@param method string
---@param path string normalised
---@return sandbox.fault|nil
function faults:take(method, path)
  for i, fault in ipairs(self.list) do
    if (not fault.method or fault.method == method) and fault.matches_path(path) then
      if fault.left then
        fault.left = fault.left - 1
        if fault.left == 0 then
          table.remove(self.list, i)
        end
      end
      return fault
    end
  end
end

--- Whether the fault replaces the answer of the operation.
---@param fault sandbox.fault
---@return boolean
function faults.answers(fault)
  return fault.status ~= nil or fault.body ~= nil
end

--- The answer of such a fault.
---@param fault sandbox.fault
function faults.response(fault)
  local status = fault.status or 200
  local response
  if fault.body == nil and status >= 300 then
    local message = "A fault that a test asked for"
    response = reply.error { status = status, code = "SandboxFault", message = message }
  elseif type(fault.body) == "string" then
    response = { status = status, headers = { ["Content-Type"] = reply.CONTENT_TYPE }, body = fault.body }
  else
    response = reply.json(status, fault.body or {})
  end
  faults.add_headers(fault, response)
  return response
end

--- Overrides headers of a response with the fault's.
---@param fault sandbox.fault
---@param response table
function faults.add_headers(fault, response)
  for name, value in pairs(fault.headers) do
    for present in pairs(response.headers) do
      if present:lower() == name:lower() then
        response.headers[present] = nil
      end
    end
    response.headers[name] = value
  end
end

--- The JSON of the control routes.
---@return table[]
function faults:describe()
  local out = {}
  for i, fault in ipairs(self.list) do
    out[i] = {
      match = { method = fault.method or "*", path = fault.path or "*" },
      times = fault.left or 0,
      status = fault.status,
      delay_ms = fault.delay_ms,
      drop = fault.drop or false,
      body = fault.body,
      headers = fault.headers,
    }
  end
  return json.array(out)
end

return faults
