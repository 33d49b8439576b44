--- Who handles a webhook's events: a script's handlers, a program, or a URL.
local own = require "hook.own"

local _ENV = own -- luacheck: ignore 211
local exec = own.module "jeton.exec"
local hook = own.module "jeton.hook"
local http = own.module "jeton.http"
local json = own.module "jeton.json"

local runners = {}

local function no_handler(kind)
  return http.error {
    kind = "invalid",
    message = kind and ("no handler for events of type '%s', and none for \"*\""):format(kind)
      or "no handler for \"*\", and the event has no type",
  }
end

--- What the file of the handlers returned: a function for all events, or a table of them by type.
local function by_script(handlers, path)
  if type(handlers) == "function" then return handlers end
  if type(handlers) ~= "table" then
    error(("%s: it returns a %s; a function expected, or a table of functions by type"):format(path,
      type(handlers)), 0)
  end
  for kind, fn in pairs(handlers) do
    if type(kind) ~= "string" or type(fn) ~= "function" then
      error(("%s: functions by type expected, and '%s' is a %s"):format(path, tostring(kind), type(fn)), 0)
    end
  end
  return function(event)
    local fn = event.type and handlers[event.type] or handlers["*"]
    if not fn then return nil, no_handler(event.type) end
    return fn(event)
  end
end

local function by_command(command, name)
  return function(event)
    local status, err = exec.run {
      argv = command,
      input = event.body,
      env = {
        JETON_EVENT_HOOK = name,
        JETON_EVENT_ID = event.id,
        JETON_EVENT_SEQ = tostring(event.seq),
        JETON_EVENT_TYPE = event.type or "",
        JETON_EVENT_KEY = event.key,
        JETON_EVENT_ATTEMPT = tostring(event.attempt),
        JETON_EVENT_ATTEMPTS = tostring(event.attempts),
        JETON_EVENT_RECEIVED_AT = tostring(event.received_at),
        JETON_EVENT_HEADERS = json.encode(event.headers),
      },
    }
    if not status then -- one that cannot be started may be about to be replaced: it is tried again
      return nil, err.kind == "config" and err.message or err
    end
    if status ~= 0 then return nil, ("the command ended with status %d"):format(status) end
    return true
  end
end

local REPLY_MAX = 4096 -- nobody reads it: only the status counts

-- Of the connection, of proxies on the way, or set anew. The body was decoded before it was stored.
local DROPPED = {
  host = true, connection = true, ["content-length"] = true, ["transfer-encoding"] = true, te = true,
  ["content-encoding"] = true, trailer = true, upgrade = true, ["keep-alive"] = true, expect = true,
  ["accept-encoding"] = true, authorization = true, cookie = true, ["idempotency-key"] = true,
  forwarded = true, via = true, ["x-real-ip"] = true,
}

-- Many receivers read an underscore in a name as a hyphen.
local function is_dropped(name, of_connection)
  local plain = name:gsub("_", "-")
  return DROPPED[plain] or of_connection[plain] or plain:find "^proxy%-" or plain:find "^jeton%-"
    or plain:find "^x%-forwarded"
end

local function forwarded(event)
  local headers = {
    ["Jeton-Event-Id"] = event.id,
    ["Jeton-Event-Attempt"] = tostring(event.attempt),
    ["Idempotency-Key"] = event.key,
  }
  local of_connection = {}
  for name in (event.headers.connection or ""):lower():gmatch "[^%s,]+" do
    of_connection[name:gsub("_", "-")] = true
  end
  for name, value in pairs(event.headers) do
    if type(value) == "string" and not value:find("***", 1, true) and not is_dropped(name, of_connection) then
      headers[name] = value
    end
  end
  return headers
end

local function throttled(response)
  return http.error {
    kind = "throttled",
    message = ("the receiver answered with status %d"):format(response.status),
    status = response.status,
    retryable = true,
    retry_after = response.headers["retry-after"],
  }
end

--- Never follows a redirect: jeton.http does not. It may take as long as a handler. A body that repeats the
--- secret of the webhook, as in the URL that it was sent to, would be sent to nobody.
local function by_url(url, timeout_ms)
  return function(event)
    local response, err = http.request {
      method = "POST",
      url = url,
      headers = forwarded(event),
      body = hook.hide(event.body, true),
      timeout = timeout_ms / 1000,
      max_body = REPLY_MAX,
      any_body = true,
    }
    if not response then return nil, err end
    if response.status >= 200 and response.status < 300 then return true end
    if response.status == 429 or response.status == 503 then return nil, throttled(response) end
    return nil, ("the receiver answered with status %d"):format(response.status)
  end
end

---@return fun(event: jeton.Event): any
function runners.choose(chunk, path, settings)
  if settings.command then return by_command(settings.command, settings.hook) end
  if settings.forward then return by_url(settings.forward, settings.timeout_ms) end
  return by_script(chunk(), path)
end

return runners
