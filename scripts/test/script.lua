--- t:run: a script in a Lua state of its own, under the rules of the test; and t:connector, which is all that
--- its configuration has.
local case = require "test.case"
local failure = require "test.failure"
local check_options = require "test.check_options"
local guard = require "test.guard"
local json = require "jeton.json"
local native = require "jeton.test_native"

failure.pass_over()

local script = { methods = {} }

local OPTIONS = {
  args = "table", job = "table", stdin = "string", connector = "string", dry_run = "boolean",
  env = "table", timeout = "number", memory = "number",
}
local JOB_OURS = { attempt = true } -- keys of job= that are not the configuration's
local NAME = "test" -- of the configuration: its state is the same for all runs of a test

---@class jeton.test.RunOptions
---@field args? table a list, or values by name
---@field job? table its name, args and other keys, as in the configuration; `attempt`, from 1
---@field connector? string the run's
---@field stdin? string
---@field dry_run? boolean
---@field env? table<string, string> variables of its environment, beside those of the process
---@field timeout? number seconds of the test's clock
---@field memory? integer bytes

--- While calls are recorded, what gives a secret may have to ask for it.
local function write_config(t, jobs, webhooks)
  local closed = t.options.record and function(keys) return keys end or guard.cut_off
  local text = assert(json.encode {
    version = 1, name = NAME, state = t.state_folder, connectors = closed(t.connectors), jobs = jobs,
    webhooks = closed(webhooks),
  })
  t.configs = t.configs + 1
  local path = ("%s/%d.yaml"):format(t.config_folder, t.configs)
  native.write(path, text)
  return path
end

--- One of a t:oauth has that one's refresh token, where it names none.
local function with_refresh_token(t, keys)
  local grant = keys.grant or "refresh_token"
  for _, login in ipairs(t.logins or {}) do
    if keys.token_url == login.token_url and grant == "refresh_token" and keys.refresh_token == nil then
      local copy = { refresh_token = login.refresh_token }
      for key, value in pairs(keys) do
        copy[key] = value
      end
      return copy
    end
  end
  return keys
end

--- Defines a connector for this test and the scripts that it runs.
---@param name string
---@param keys table as in the configuration
function script.methods:connector(name, keys)
  if type(name) ~= "string" then error("t:connector: a name expected", 2) end
  if type(keys) ~= "table" then error("t:connector: a table of its keys expected", 2) end
  local before = self.connectors[name]
  self.connectors[name] = with_refresh_token(self, keys)
  local written, path = pcall(write_config, self)
  local used, err
  if written then
    used, err = native.use(path)
  else
    err = { message = tostring(path) }
  end
  if not used then
    self.connectors[name] = before
    error(("t:connector: '%s': %s"):format(name, err.message), 2)
  end
  if self.connected then self.connected(name) end -- a cassette is recorded
end

--- Beside the test file, unless it is absolute.
local function path_of(t, name)
  if name:sub(1, 1) == "/" then return name end
  return t.path:match "^(.*/)" .. name
end

script.write_config, script.path_of = write_config, path_of -- for t:event

--- A list of texts, and values by name as JSON.
local function split_args(args)
  local list, named = {}, {}
  for i, value in ipairs(args or {}) do
    list[i] = tostring(value)
  end
  for name, value in pairs(args or {}) do
    if type(name) == "string" then
      named[#named + 1] = name
      named[#named + 1] = assert(json.encode(value))
    end
  end
  return list, named
end

--- What the script logged: "jeton: warn: message" and so on.
local function read_log(stderr)
  local lines = {}
  for line in stderr:gmatch "[^\n]+" do
    local level, message = line:match "^jeton: (%l+): (.*)$"
    if level == "error" or level == "warning" or level == "info" or level == "debug" then
      lines[#lines + 1] = { level = level == "warning" and "warn" or level, message = message }
    elseif line:sub(1, 7) == "jeton: " then
      lines[#lines + 1] = { level = "info", message = line:sub(8) }
    end
  end
  return lines
end

local function check_secrets(t, name, text, what)
  local masked = native.mask(text)
  if masked == text then return end
  local at = 1
  while masked:byte(at) == text:byte(at) do
    at = at + 1
  end
  local _, breaks = masked:sub(1, at - 1):gsub("\n", "")
  case.fail(t, {
    message = ("a secret stands in line %d of what %s wrote to %s"):format(breaks + 1, name, what),
  })
end

--- What is run before the script.
local function prelude_of(t, options)
  local values = {}
  local job = options.job or {}
  for _, from in ipairs { t.environment or {}, job.environment or {}, options.env or {} } do
    for name, value in pairs(from) do
      if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" or type(value) ~= "string" then
        error("t:run: env must have texts by the names of variables", 4)
      end
      values[name] = value
    end
  end
  return ("require('test.guard').install(%q)"):format(assert(json.encode(values)))
end

--- The options of native.run.
local function prepare(t, path, options)
  local prepared = {
    path = path, stdin = options.stdin, dry_run = options.dry_run,
    connector = options.connector or t.default_connector,
    memory = options.memory, timeout_ms = options.timeout and math.ceil(options.timeout * 1000),
  }
  prepared.prelude = prelude_of(t, options)
  prepared.args, prepared.named = split_args(options.args)
  local job = options.job
  if not job then
    prepared.config = write_config(t)
    return prepared
  end
  local keys = { script = path }
  for key, value in pairs(job) do
    if not JOB_OURS[key] and key ~= "name" then keys[key] = value end
  end
  prepared.job, prepared.attempt = job.name or "job", job.attempt
  prepared.config = write_config(t, { [prepared.job] = keys })
  return prepared
end

---@class jeton.test.Run
---@field status integer
---@field kind string|nil of the error that it ended with
---@field message string|nil
---@field stdout string
---@field stderr string
---@field log {level: string, message: string}[]
---@field state table<string, any> jeton.state, afterwards

--- What a script wrote: for the log of the test, and no secret in it.
function script.look_at(t, name, run)
  run.log = read_log(run.stderr)
  for line in run.stderr:gmatch "[^\n]+" do
    t:log(("%s: %s"):format(name, line))
  end
  check_secrets(t, name, run.stdout, "standard output")
  check_secrets(t, name, run.stderr, "standard error")
end

--- Runs a script to its end.
---@param name string beside the test file
---@param options? jeton.test.RunOptions
---@return jeton.test.Run
function script.methods:run(name, options)
  if type(name) ~= "string" then error("t:run: the path of a script expected", 2) end
  options = options or {}
  check_options("t:run", options, OPTIONS)
  local run, err = native.run(prepare(self, path_of(self, name), options))
  if not run then error("t:run: " .. err.message, 2) end
  script.look_at(self, name, run)
  return run
end

--- Each test has a state, and no connectors.
function script.begin(t)
  t.connectors, t.configs = {}, 0
  t.state_folder, t.config_folder = t.folder .. "/state", t.folder
  native.use(write_config(t))
end

return script
