--- jeton sandbox trigger: asks a sandbox that runs for an example event. A client of its own control route.
local http = require "jeton.http"
local json = require "jeton.json"

local trigger = {}

local function invalid(message)
  return http.error { kind = "invalid", message = message }
end

-- "key=value" → data.key
local function add(data, field, option, read)
  local key, text = field:match "^([^=]+)=(.*)$"
  if not key then
    return nil, invalid(("%s %s: expected key=%s"):format(option, field, read and "json" or "value"))
  end
  if not read then
    data[key] = text
    return true
  end
  local value, err = json.decode(text)
  if value == nil then
    return nil, invalid(("%s %s: %s"):format(option, key, err.message))
  end
  data[key] = value
  return true
end

local function read_data(options)
  local data = {}
  for _, field in ipairs(options.texts or {}) do
    local ok, err = add(data, field, "-f")
    if not ok then
      return nil, err
    end
  end
  for _, field in ipairs(options.values or {}) do
    local ok, err = add(data, field, "-F", true)
    if not ok then
      return nil, err
    end
  end
  return data
end

-- The sandbox says what was wrong with the event: usage, where it knew no better.
local function refused(response)
  local reply = response:json()
  local message = type(reply) == "table" and reply.message or "it answered " .. response.status
  if response.status == 400 then
    return invalid(message)
  end
  return http.error { kind = "http", message = message, status = response.status }
end

---@param text string JSON of {url, event, group, texts, values}
---@return string|nil for the terminal
---@return table|nil err
function trigger.main(text)
  local options = assert(json.decode(text))
  local data, err = read_data(options)
  if not data then
    return nil, err
  end
  local response
  response, err = http.post(options.url:gsub("/+$", "") .. "/_sandbox/trigger", {
    json = { event = options.event, group = options.group, data = next(data) and data or nil },
  })
  if not response then
    local hint = "; is a sandbox running there? (jeton sandbox; --url, or $JETON_SANDBOX_URL)"
    local message = err.kind == "network" and err.message .. hint or err.message
    return nil, http.error { kind = err.kind, message = message }
  elseif response.status ~= 200 then
    return nil, refused(response)
  end
  local deliveries = assert(response:json()).deliveries
  if #deliveries == 0 then
    return ("%s: no webhook of this group subscribes to it\n"):format(options.event)
  end
  local noun = #deliveries == 1 and "delivery" or "deliveries"
  return ("%s: %d %s (%s)\n"):format(options.event, #deliveries, noun, table.concat(deliveries, ", "))
end

return trigger
