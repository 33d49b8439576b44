--- What is known to be wrong is refused before a request, and what comes back is checked.
local http = require "jeton.http"
local json = require "jeton.json"

local check = {}

--- Characters that a message may have (the service's limit).
check.MESSAGE_MAX = 4000
--- Words that an error names where none is near the wrong one.
check.WORDS_SHOWN = 4
--- The last second of the year 9999: a later time is one in milliseconds.
check.TIME_MAX = 253402300799

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
    local d = distance(key:lower(), candidate:lower())
    if d <= best then nearest, best = candidate, d end
  end
  return nearest and ("; did you mean '%s'?"):format(nearest)
    or "; there are: " .. table.concat(known, ", ")
end

-- A value as messages show it.
local function show(value)
  return type(value) == "string" and ("'%s'"):format(value) or type(value)
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

--- Raises (a string) unless options is a table with known keys alone: for a function that needs some.
---@param options any
---@param what string the function, for the message
---@param known string[] the keys that there are
---@param level integer as for `options`
---@return table options
function check.needed(options, what, known, level)
  if options == nil then error(what .. ": options must be a table, got nil", level) end
  return (check.options(options, what, known, level + 1)) -- no tail call: level counts this function
end

--- Raises (a string) unless value is one of some words.
---@param value any
---@param words string[]
---@param what string what it is, for the message
---@param level integer as for `options`
function check.word(value, words, what, level)
  for _, word in ipairs(words) do
    if value == word then return end
  end
  if #words > check.WORDS_SHOWN then
    check.optional(value, "string", what, level + 1)
    error(("%s cannot be %s%s"):format(what, show(value), hint(tostring(value), words)), level)
  end
  local first = table.concat(words, "', '", 1, #words - 1)
  error(("%s must be '%s' or '%s', got %s"):format(what, first, words[#words], show(value)), level)
end

--- Raises (a string) unless value is nil or a time: a whole number of epoch seconds. Raises `invalid` for
--- one in milliseconds.
---@param value any
---@param what string what it is, for the message
---@param level integer as for `options`
function check.time(value, what, level)
  if value == nil then return end
  if type(value) ~= "number" or not math.tointeger(value) then
    error(("%s must be a time in whole epoch seconds, as os.time gives it, got %s"):format(
      what, show(value)), level)
  elseif math.abs(value) > check.TIME_MAX then
    check.fail("invalid", ("%s: %d is after the year 9999; are these milliseconds? Times are seconds"):format(
      what, value))
  end
end

--- Gives a place with the fields that it may have, or nil. Raises (a string) unless it is a table with
--- latitude and longitude, `invalid` where they are on no map.
---@param place? { latitude: number, longitude: number, name?: string }
---@param what string what it is, for the message
---@param level integer as for `options`
---@return { latitude: number, longitude: number, name: string }? place the name is "" where there is none
function check.place(place, what, level)
  if place == nil then return nil end
  if type(place) ~= "table" or type(place.latitude) ~= "number" or type(place.longitude) ~= "number" then
    error(("%s must be a table with latitude and longitude, numbers of degrees"):format(what), level)
  end
  check.options(place, what, { "latitude", "longitude", "name" }, level + 1)
  check.optional(place.name, "string", what .. ": name", level + 1)
  if math.abs(place.latitude) > 90 or math.abs(place.longitude) > 180 then
    check.fail("invalid", ("%s: there is no latitude %s with longitude %s; the latitude is from -90 to 90")
      :format(what, place.latitude, place.longitude))
  end
  return { latitude = place.latitude, longitude = place.longitude, name = place.name or "" }
end

--- Checks a name: UTF-8, not empty.
---@param value any raises (a string) unless it is a non-empty string; `invalid` where it is not UTF-8
---@param what string for the message
---@param level integer as for `options`
function check.name(value, what, level)
  if type(value) ~= "string" or value == "" then
    error(("%s must be a non-empty string, got %s"):format(what, show(value)), level)
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
    error(("%s must be a non-empty string, got %s"):format(what, show(id)), level)
  end
  return (http.encode(id):gsub("%%40", "@"))
end

--- As `id`, for a member's: raises `invalid` for a phone number.
---@param id any
---@param what string for the message
---@param level integer as for `options`
---@return string
function check.member_id(id, what, level)
  if type(id) == "string" and id:find "^%+%d+$" then
    check.fail("invalid", ("%s: '%s' is a phone number; expected the `id` of an item of group:members()")
      :format(what, id))
  end
  return (check.id(id, what, level + 1))
end

--- Gives a copy of a list of mediaResources, or nil. Raises (a string) unless it is a list, `invalid` for an
--- entry that is none.
---@param list? string[]
---@param what string for the message
---@param level integer as for `options`
---@return string[]? list marked as a JSON list
function check.resources(list, what, level)
  if list == nil then return nil end
  if type(list) ~= "table" then
    error(("%s must be a list of what kz:upload returned, got %s"):format(what, show(list)), level)
  end
  local copy = json.array {}
  for i, resource in ipairs(list) do
    -- Opaque, but base64: the path of a file has a point.
    if type(resource) ~= "string" or not resource:find "^[%w+/=_-]+$" then
      check.fail("invalid", ("%s: entry %d, %s, is no mediaResource; kz:upload(path) returns one"):format(
        what, i, show(resource)))
    end
    copy[i] = resource
  end
  return copy
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
    if type(phone) ~= "string" then
      error(("%s: entry %d must be a string, got %s; write a phone number in quotes, as \"+33100000001\"")
        :format(what, i, type(phone)), level)
    elseif not phone:find "^%+[1-9]%d+$" or #phone < 9 or #phone > 16 then
      check.fail("invalid", ("%s: entry %d, '%s', is no phone number; write it with + and country "
        .. "code, as +33100000001"):format(what, i, phone))
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
