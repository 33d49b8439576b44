--- The state of one running sandbox.
local cache = require "sandbox.base.cache"
local clock = require "sandbox.base.clock"
local deliveries = require "sandbox.events.deliveries"
local faults = require "sandbox.calls.faults"
local guard = require "sandbox.http.guard"
local limits = require "sandbox.base.limits"
local media = require "sandbox.data.media"
local password = require "sandbox.http.password"
local portal_state = require "sandbox.portal.state"
local recorder = require "sandbox.calls.recorder"
local refusal = require "sandbox.base.refusal"
local replies = require "sandbox.calls.replies"
local seed = require "sandbox.seed"
local store = require "sandbox.data.store"
local switches = require "sandbox.calls.switches"
local throttle = require "sandbox.rules.throttle"
local assumptions = require "sandbox.base.assumptions"

local world = {}
world.__index = world

world.DEMO_SECRETS = "demo_secrets" -- a setting in the database

---@class sandbox.world
---@field db table
---@field seed sandbox.seed
---@field demo sandbox.demo_secrets|nil of the seed, where that is the demo tenant
---@field origins table<string, true> of web pages that may call the services
---@field is_kept boolean in a file
---@field verbose boolean each call is a line of the log
---@field clock sandbox.clock
---@field signing_key string
---@field verified sandbox.cache what access tokens say whose signature was checked
---@field switches sandbox.switches
---@field throttle sandbox.throttle
---@field faults sandbox.faults
---@field recorder sandbox.recorder
---@field replies sandbox.replies
---@field deliveries sandbox.deliveries
---@field portal sandbox.portal.state
---@field limits {per_minute: integer, tenant_per_minute: integer} as started
---@field counts {requests: integer, exchanges: integer}
---@field password sandbox.password|nil
---@field url string root, without a slash at the end; set by world:listening
---@field port integer
---@field media_folder string
---@field is_wildcard boolean listens on all addresses
---@field is_own_name fun(name: string): boolean

---@class sandbox.world_options
---@field db table from store.open
---@field seed sandbox.seed
---@field demo sandbox.demo_secrets|nil
---@field origins string[]|nil
---@field is_kept boolean|nil
---@field per_minute integer
---@field tenant_per_minute integer
---@field password_hash string|nil of argon2id
---@field verbose boolean|nil

---@param options sandbox.world_options
---@return sandbox.world
function world.new(options)
  local self = setmetatable({
    db = options.db,
    seed = options.seed,
    demo = options.demo,
    origins = {},
    is_kept = options.is_kept,
    verbose = options.verbose,
    clock = clock.new(store.get(options.db, "advance_s") or 0),
    signing_key = store.signing_key(options.db),
    verified = cache.new(limits.tokens_remembered),
    limits = { per_minute = options.per_minute, tenant_per_minute = options.tenant_per_minute },
    throttle = throttle.new(),
    faults = faults.new(),
    recorder = recorder.new(),
    replies = replies.new(),
    password = options.password_hash and password.new(options.password_hash),
  }, world)
  for _, origin in ipairs(options.origins or {}) do
    self.origins[origin] = true
  end
  self.deliveries = deliveries.new(self)
  self:settle()
  return self
end

--- Sets what is known only after the server listens.
---@param host string
---@param port integer
---@param media_folder string where uploads are kept
function world:listening(host, port, media_folder)
  self.port = port
  self.media_folder = media_folder
  self.is_wildcard = host == "0.0.0.0" or host == "::"
  self.is_own_name = guard.names(host)
  self.url = ("http://%s:%d"):format(host:find(":", 1, true) and "[" .. host .. "]" or host, port)
end

--- Resets everything outside the database.
function world:settle()
  self.switches = switches.defaults(self.limits.per_minute, self.limits.tenant_per_minute)
  self.counts = { requests = 0, exchanges = 0 }
  self.throttle:reset()
  self.faults:clear()
  self.recorder:clear()
  self.portal = portal_state.new()
end

-- The demo's secrets are kept in clear, so that a later start can print them.
local function sow(self, now)
  seed.apply(self.db, self.seed, now)
  if self.demo then
    store.set(self.db, world.DEMO_SECRETS, self.demo)
  end
end

--- Writes the seed. If its parts do not fit together, raises a failure and writes nothing.
function world:plant()
  self.db:transaction(function()
    sow(self, self.clock:now())
  end)
end

-- What follows changes first what is kept, which may fail (a full disk), and then what no transaction takes
-- back; so it is not called in one.

--- Resets everything to the seed: data, clock, switches, faults, records.
function world:reset()
  local paths, fresh = media.paths(self.db, self.media_folder), clock.new(0)
  self.db:transaction(function()
    store.clear(self.db)
    sow(self, fresh:now())
  end)
  self.clock = fresh
  for _, path in ipairs(paths) do
    os.remove(path)
  end
  self:settle()
end

--- Raises 400 if the clock cannot be moved so far.
---@param seconds integer
function world.check_advance(_, seconds)
  if seconds > limits.clock_advance_s or seconds < -limits.clock_advance_s then
    refusal.invalid("the clock moves at most %d seconds at once", limits.clock_advance_s)
  end
end

---@param seconds integer
function world:advance(seconds)
  store.set(self.db, "advance_s", self.clock.advance_s + seconds)
  self.clock:advance(seconds)
  self.deliveries:wake()
end

--- The clock stands still from now on, and only `advance` moves it, until the next reset or start.
---@param at integer epoch seconds
function world:stand(at)
  store.set(self.db, "advance_s", 0)
  self.clock = clock.new(0)
  self.clock.stands_at = at
  self.deliveries:wake()
end

--- The root URL as seen by the caller.
---@param host string|nil the Host header of the call, used when listening on all addresses
---@return string without a slash at the end
function world:root(host)
  return self.is_wildcard and host and "http://" .. host or self.url
end

--- The platform service's URL, as the token service returns it.
---@param host string|nil the Host header of the call
---@return string
function world:endpoint_url(host)
  if self.switches.endpoint_url ~= "" then
    return self.switches.endpoint_url
  end
  return self:root(host) .. (assumptions.endpoint_trailing_slash and "/" or "")
end

---@return {id: string, name: string}
function world:tenant()
  return self.db:row "SELECT id, name FROM tenants ORDER BY rowid LIMIT 1"
end

return world
