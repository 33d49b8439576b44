--- t:sandbox: a Kaizala in a process of its own. It is started at its first use in a file, and reset for
--- each further test.
local ending = require "test.ending"
local failure = require "test.failure"
local check_options = require "test.check_options"
local http = require "jeton.http"
local native = require "jeton.test_native"

failure.pass_over()

local sandbox = { methods = {} }

local OPTIONS = { seed = "string", rate_limit = "number", faults = "table" }
local CONNECTOR = "sandbox" -- its name

local running = {} -- by what they were started with

---@class test.sandbox
---@field pid integer
---@field url string
---@field application_id string
---@field application_secret string
---@field refresh_token string

local function read_greeting(pid, text)
  local function field(name)
    return text:match("\n" .. name .. " +(%S+)\n")
  end
  return {
    pid = pid,
    url = text:match "^listening on (%S+)",
    application_id = field "application ID",
    application_secret = field "secret",
    refresh_token = field "refresh token",
    group_id = field "group",
  }
end

local function steer(box, method, path, value)
  local response, err = http.request {
    method = method, url = box.url .. "/_sandbox/" .. path, json = value,
  }
  if not response then error(err, 0) end
  if response.status ~= 200 then
    error(("the sandbox refused '%s': %s"):format(path, response.body), 0)
  end
  return response:json()
end

--- Its clock stands where the test's will, and never behind.
local function tell_time(box, ms)
  steer(box, "POST", "clock", { stands_at = -(-ms // 1000) })
end

local function start(seed, rate_limit)
  local args = { "--no-color", "sandbox", "--listen", "127.0.0.1:0" }
  if seed then table.move({ "--seed", seed }, 1, 2, #args + 1, args) end
  if rate_limit then table.move({ "--rate-limit", ("%d"):format(rate_limit) }, 1, 2, #args + 1, args) end
  local pid, text = native.start_sandbox(args)
  if not pid then error(text.message, 0) end
  local box = read_greeting(pid, text)
  if not box.refresh_token then
    native.end_sandbox(pid)
    error "its seed has no connector with a refresh token"
  end
  return box
end

table.insert(ending.hooks, function()
  for key, box in pairs(running) do
    native.end_sandbox(box.pid)
    running[key] = nil
  end
end)

local function open(t, options)
  local seed = options.seed
  if seed and seed:sub(1, 1) ~= "/" then seed = t.path:match "^(.*/)" .. seed end
  local key = ("%s %s"):format(seed or "", options.rate_limit or "")
  local box = running[key]
  if not box then
    box = start(seed, options.rate_limit)
    running[key] = box
    native.open(box.url)
  else
    native.open(box.url)
    steer(box, "POST", "reset", {})
  end
  tell_time(box, native.now())
  if options.faults then steer(box, "POST", "faults", options.faults) end
  return box
end

--- What t:sandbox returns: a client of the SDK that can also be asked what the sandbox was asked.
local function client_of(box)
  local kz = require "kaizala".connect(CONNECTOR)

  --- The requests that came, the newest last.
  ---@param path? string those of this path; * is any text
  rawset(kz, "requests", function(_, path)
    local query = path and "?path=" .. http.encode(path) or ""
    return steer(box, "GET", "requests" .. query).requests
  end)

  --- The messages that it has got, which connectors cannot read.
  rawset(kz, "messages", function()
    return steer(box, "GET", "state").messages
  end)

  --- What a control route of the sandbox says: docs/sandbox.md lists them.
  rawset(kz, "steer", function(_, method, route, value)
    return steer(box, method, route, value)
  end)
  rawset(kz, "url", box.url)
  return kz
end

---@class jeton.test.SandboxOptions
---@field seed? string a file beside the test file
---@field rate_limit? integer calls a minute of a connector
---@field faults? table[] as docs/sandbox.md says

--- Starts a Kaizala, which is the run's connector from then on.
---@param options? jeton.test.SandboxOptions
---@return kaizala.Client kz of its admin; `kz:requests()` is what the sandbox was asked
function sandbox.methods:sandbox(options)
  options = options or {}
  check_options("t:sandbox", options, OPTIONS)
  if self.box then error("t:sandbox: this test has one already", 2) end
  local opened, box = pcall(open, self, options)
  if not opened then error("t:sandbox: " .. tostring(box), 2) end
  self.box = box
  self.default_connector = CONNECTOR
  self.environment = { -- as `jeton run --sandbox` sets them
    JETON_SANDBOX_URL = box.url, JETON_SANDBOX_APPLICATION_ID = box.application_id,
    JETON_SANDBOX_APPLICATION_SECRET = box.application_secret,
    JETON_SANDBOX_REFRESH_TOKEN = box.refresh_token, JETON_SANDBOX_GROUP_ID = box.group_id,
  }
  self:connector(CONNECTOR, {
    provider = "kaizala", token_service = box.url .. "/v1", application_id = box.application_id,
    application_secret = box.application_secret, refresh_token = box.refresh_token,
  })
  table.insert(self.clock_told, function(ms)
    tell_time(box, ms)
  end)
  native.tell(function(ms)
    local told, err = pcall(tell_time, box, ms)
    native.passed()
    if not told then error(err, 0) end
  end)
  return client_of(box)
end

function sandbox.begin()
  native.shut()
end

function sandbox.finish(t)
  if not t.box then return end
  native.tell(nil)
  t.box = nil
end

return sandbox
