--- The switches of the sandbox change how the API behaves. They last until they are set again, until a reset,
--- or until the process ends.
local body = require "sandbox.http.body"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"

local switches = {}

local ACCESS_TOKEN_LIFETIME_S = 86400
local LIFETIME_MAX_S = 10 * 365 * 86400
local PER_MINUTE_MAX = 1000000000

---@class sandbox.redirect
---@field kind "full"|"base" Location: the URL of the same call, or the new base
---@field to string|nil the new base; nil: /moved on this sandbox
---@field times integer how many more calls get a 308

---@class sandbox.switches
---@field single_use_refresh_tokens boolean each exchange replaces the refresh token
---@field access_token_lifetime_s integer
---@field per_minute integer calls of a connector; 0: no limit
---@field tenant_per_minute integer calls of all connectors of a tenant; 0: no limit
---@field endpoint_url string "" for the sandbox's own root
---@field token_redirect sandbox.redirect|nil
---@field api_redirect sandbox.redirect|nil

local FIELDS = {
  { "single_use_refresh_tokens", kind = "boolean" },
  { "access_token_lifetime_s", kind = "integer", min = 1, max = LIFETIME_MAX_S },
  { "per_minute", kind = "integer", min = 0, max = PER_MINUTE_MAX },
  { "tenant_per_minute", kind = "integer", min = 0, max = PER_MINUTE_MAX },
  { "endpoint_url", kind = "string", max = limits.url_bytes },
  { "token_redirect", kind = "any" },
  { "api_redirect", kind = "any" },
}
local KINDS = { "full", "base" }
local REDIRECT_FIELDS = {
  { "kind", kind = "choice", choices = KINDS, default = KINDS[1] }, -- clients follow "full" by themselves
  { "to", kind = "string", not_empty = true, max = limits.url_bytes },
  { "times", kind = "integer", min = 1, max = limits.fault_times, default = 1 },
}

---@param per_minute integer
---@param tenant_per_minute integer
---@return sandbox.switches
function switches.defaults(per_minute, tenant_per_minute)
  return {
    single_use_refresh_tokens = false,
    access_token_lifetime_s = ACCESS_TOKEN_LIFETIME_S,
    per_minute = per_minute,
    tenant_per_minute = tenant_per_minute,
    endpoint_url = "",
  }
end

-- false or "off", true, "full", "base", or {kind, to, times}.
local function read_redirect(name, value)
  if value == "off" or value == false then
    return nil
  elseif value == true then
    value = {}
  elseif type(value) == "string" then
    value = { kind = value }
  end
  local redirect = body.check_strict(REDIRECT_FIELDS, value, name .. ".")
  redirect.to = redirect.to and redirect.to:gsub("/+$", "")
  if redirect.to and redirect.to:find "[%c%s]" then
    refusal.invalid("%s.to: expected a URL", name)
  end
  return redirect
end

--- Sets the given switches. If one is invalid, raises 400 and changes nothing.
---@param current sandbox.switches
---@param object table
function switches.set(current, object)
  local values = body.check_strict(FIELDS, object)
  for _, name in ipairs { "token_redirect", "api_redirect" } do
    if values[name] ~= nil then
      values[name] = read_redirect(name, values[name]) or false
    end
  end
  for name, value in pairs(values) do
    current[name] = value or nil
  end
  current.single_use_refresh_tokens = current.single_use_refresh_tokens or false
end

--- Uses up one of the remaining redirects.
---@param current sandbox.switches
---@param name "token_redirect"|"api_redirect"
---@return sandbox.redirect|nil
function switches.take_redirect(current, name)
  local redirect = current[name]
  if redirect then
    redirect.times = redirect.times - 1
    if redirect.times == 0 then
      current[name] = nil
    end
  end
  return redirect
end

--- The JSON of the control routes.
---@param current sandbox.switches
---@return table
function switches.describe(current)
  local out = { token_redirect = "off", api_redirect = "off" }
  for name, value in pairs(current) do
    out[name] = value
  end
  return out
end

return switches
