--- What is known to be wrong is refused before a request, and what comes back is checked.
local http = require "jeton.http"
local json = require "jeton.json"

local check = {}

--- Characters that a message may have (the service's limit).
check.MESSAGE_MAX = 4000

--- Raises an err.
---@param kind string `invalid`, `http`, …
---@param message string one line
---@param request? string "GET /groups"
---@param code? string the service's errorCode
function check.fail(kind, message, request, code)
  error(http.error { kind = kind, message = message, request = request, code = code }, 0)
end

-- Edit distance, for "did you mean".
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

-- "; did you mean 'x'?", or all that there are.
local function hint(key, known)
  local nearest, best = nil, 3
  for _, candidate in ipairs(known) do
    local d = distance(key, candidate)
    if d <= best then nearest, best = candidate, d end
  end
  return nearest and ("; did you mean '%s'?"):format(nearest)
    or "; there are: " .. table.concat(known, ", ")
end

--- Raises (a string) unless the function was called as a method.
---@param self any
---@param class table the metatable that self must have
---@param call string how it is called, for the message: "group:send_message(…)"
---@param level integer as for `options`
function check.method(self, class, call, level)
  if getmetatable(self) ~= class then
    error(("call it with a colon: %s"):format(call), level)
  end
end

--- Raises (a string) unless options is nil or a table with known keys alone.
---@param options any
---@param what string the function, for the message
---@param known string[] the keys that there are
---@param level integer the error's level: 3 is the caller of the function that checks
---@return table options empty where there are none
function check.options(options, what, known, level)
  if options == nil then return {} end
  if type(options) ~= "table" then
    error(("%s: options must be a table, got %s"):format(what, type(options)), level)
  end
  local is_known = {}
  for _, key in ipairs(known) do is_known[key] = true end
  for key in pairs(options) do
    if not is_known[key] then
      error(("%s: unknown option '%s'%s"):format(what, tostring(key), hint(tostring(key), known)),
        level)
    end
  end
  return options
end

--- Raises (a string) unless value is nil or of the type.
---@param value any
---@param expected string a type's name
---@param what string what it is, for the message
---@param level integer as for `options`
function check.optional(value, expected, what, level)
  if value ~= nil and type(value) ~= expected then
    error(("%s must be a %s, got %s"):format(what, expected, type(value)), level)
  end
end

--- Checks a name: UTF-8, not empty.
---@param value any raises (a string) unless it is a non-empty string; `invalid` where it is not UTF-8
---@param what string for the message
---@param level integer as for `options`
function check.name(value, what, level)
  if type(value) ~= "string" or value == "" then
    error(what .. " must be a non-empty string", level)
  elseif not utf8.len(value) then
    check.fail("invalid", what .. " is not valid UTF-8")
  end
end

--- Gives an id as it stands in a path: percent-encoded, but for `@`, which ends some ids.
---@param id any raises (a string) unless it is a non-empty string
---@param what string for the message
---@param level integer as for `options`
---@return string
function check.id(id, what, level)
  if type(id) ~= "string" or id == "" or id == "." or id == ".." then
    local got = type(id) == "string" and ("'%s'"):format(id) or type(id)
    error(("%s must be a non-empty string, got %s"):format(what, got), level)
  end
  return (http.encode(id):gsub("%%40", "@"))
end

--- Checks a list of phone numbers: `+`, country code, 8 to 15 digits in all. Raises `invalid`.
---@param list any raises (a string) unless it is a list
---@param what string for the message
---@param level integer as for `options`
---@return table list a copy, marked as a JSON list
function check.phones(list, what, level)
  if type(list) ~= "table" then
    error(("%s must be a list of phone numbers, got %s"):format(what, type(list)), level)
  end
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      error(("%s must be a list of phone numbers, without the key '%s'"):format(what,
        tostring(key)), level)
    end
  end
  local copy = json.array {}
  for i = 1, #list do
    local phone = list[i]
    if type(phone) ~= "string" or not phone:find "^%+[1-9]%d+$" or #phone < 9 or #phone > 16 then
      check.fail("invalid", ("%s: entry %d, '%s', is no phone number; write it with + and country "
        .. "code, as +33100000001"):format(what, i, tostring(phone)))
    end
    copy[i] = phone
  end
  return copy
end

--- Checks a message's text: UTF-8, 1 to 4,000 characters. Raises `invalid`.
---@param text any raises (a string) unless it is a string
---@param what string for the message
---@param level integer as for `options`
function check.message(text, what, level)
  if type(text) ~= "string" then
    error(("%s must be a string, got %s"):format(what, type(text)), level)
  end
  local length, bad = utf8.len(text)
  if not length then
    check.fail("invalid", ("%s is not valid UTF-8 at byte %d"):format(what, bad))
  elseif length == 0 then
    check.fail("invalid", what .. " is empty")
  elseif length > check.MESSAGE_MAX then
    check.fail("invalid", ("%s has %d characters; the service takes at most %d: split it"):format(
      what, length, check.MESSAGE_MAX))
  end
end

-- What a decoded value is, in words.
local function describe(value)
  if value == nil then return "missing" end
  if value == json.null then return "null" end
  if value == "" then return "empty" end
  if type(value) == "table" then return json.is_array(value) and "list" or "object" end
  return type(value)
end

--- Gives a value of a reply, or raises `invalid` naming it.
---@param value any
---@param field string its name on the wire
---@param expected "string"|"list"|"object" an empty string is none
---@param request string "GET /groups"
---@return any value
function check.reply(value, field, expected, request)
  local is = describe(value)
  if is ~= expected then
    check.fail("invalid", ("the reply's field '%s' should be a %s, but it is %s"):format(field,
      expected, is), request)
  end
  return value
end

--- Raises `http` when the reply to a change says `result: false`, as a boolean or in words; and when it
--- carries a `message`, which no success does.
---@param reply table decoded
---@param request string "DELETE /bot/…"
---@return boolean true
function check.done(reply, request)
  local result, message = reply.result, reply.message
  if type(message) == "string" then
    check.fail("http", "the service answered that it was not done: " .. message, request)
  elseif result == false or (type(result) == "string" and result:lower() == "false") then
    check.fail("http", "the service answered that it was not done (result: false)", request)
  end
  return true
end

return check
