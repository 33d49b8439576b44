--- The sandbox: options in, a server that runs until a signal, or until the command of --exec has ended.
---
--- Its rooms, top to bottom; each may require only those below it (tests/lint/circles.py checks this):
---   this folder    start, the world, which room answers a request
---   oauth          the sign-in page for applications, in the portal's frame
---   portal         pages for people
---   control        /_sandbox/, for tests
---   reference      the operations as OpenAPI and as documentation
---   calls          a call of the API, from arrival to reply; faults, switches, recorder
---   operations     the table of operations
---   events         what webhooks are told of, and its delivery
---   actions        the types of actions
---   rules          who may do what: access, tokens, sign-in, audience, call limits, uploads
---   seed           --seed, and the demo tenant
---   data           SQL
---   http           paths, bodies, replies
---   base           ids, time, permissions, refusals, limits, assumptions
local http = require "jeton.http"
local json = require "jeton.json"
local server = require "jeton.server"
local task = require "jeton.task"
local app = require "sandbox.app"
local demo = require "sandbox.seed.demo"
local launch = require "sandbox.launch"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"
local seed = require "sandbox.seed"
local store = require "sandbox.data.store"
local sandbox_world = require "sandbox.world"

local main = {}

local HOUR_S = 3600

---@class sandbox.options as the verb hands them over
---@field host string
---@field port integer 0: a free one
---@field db string|nil
---@field seed string|nil
---@field per_minute integer
---@field tenant_per_minute integer
---@field password_hash string|nil of argon2id
---@field cors string[]|nil origins of web pages that may call the services
---@field argv string[]|nil
---@field verbose boolean each call is a line of the log

---@param options sandbox.options
---@return sandbox.seed|nil
---@return table|nil err
---@return sandbox.demo_secrets|nil secrets of the demo tenant, where this is it
local function load_seed(options, db)
  if options.seed then
    return seed.load(options.seed)
  end
  local secrets = store.get(db, sandbox_world.DEMO_SECRETS) or demo.draw()
  return assert(seed.check(demo.document(secrets))), nil, secrets
end

---@param world sandbox.world
---@param options sandbox.options
local function plant(world, options)
  local ok, failure = pcall(world.plant, world)
  if ok then
    return true
  elseif refusal.is_failure(failure) then
    return nil, { kind = "config", message = ("%s: %s"):format(options.seed or "seed", failure.message) }
  end
  error(failure, 0)
end

---@param options sandbox.options
---@return sandbox.world|nil
---@return table|nil err
local function make_world(options)
  local db, err = store.open(options.db)
  if not db then
    return nil, err
  end
  local content, secrets
  content, err, secrets = load_seed(options, db)
  if not content then
    db:close()
    return nil, err
  end
  local is_new = store.is_empty(db)
  local world = sandbox_world.new {
    db = db,
    seed = content,
    demo = secrets,
    origins = options.cors,
    is_kept = options.db ~= nil,
    per_minute = options.per_minute,
    tenant_per_minute = options.tenant_per_minute,
    password_hash = options.password_hash,
    verbose = options.verbose,
  }
  if is_new then
    local planted
    planted, err = plant(world, options)
    if not planted then
      db:close()
      return nil, err
    end
  end
  return world
end

local function serve_until_signal(world)
  io.stdout:write(launch.greeting(world))
  io.stdout:flush()
  while true do
    task.sleep(HOUR_S)
  end
end

---@param text string JSON of sandbox.options
function main.main(text)
  local options = assert(json.decode(text))
  local world, err = make_world(options)
  if not world then
    return nil, http.error(err)
  end
  local db <close> = world.db -- luacheck: ignore 211
  local listener
  listener, err = server.listen {
    host = options.host,
    port = options.port,
    ask_over = limits.unasked_bytes,
    max_body = limits.json_bytes,
    max_upload = limits.media_bytes,
    folder = options.db and options.db .. ".media",
    handler = function(request)
      return app.handle(world, request)
    end,
    head = function(request)
      return app.head(world, request)
    end,
    refuse = function(refused)
      return app.refuse(world, refused)
    end,
  }
  if not listener then
    return nil, err
  end
  local closed_at_the_end <close> = listener -- luacheck: ignore 211
  world:listening(options.host, listener.port, listener.folder)
  world.deliveries:wake() -- what a kept database still holds
  if not options.argv then
    serve_until_signal(world)
  end
  local status
  status, err = launch.exec(world, options.argv)
  world.deliveries:stop()
  if not status then
    return nil, err
  end
  listener:close()
  world.db:close()
  os.exit(status)
end

return main
