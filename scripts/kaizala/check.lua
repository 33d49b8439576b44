--- Checks arguments before a request, and replies after it.
local http = require "jeton.http"
local json = require "jeton.json"

local check = {}

--- Characters that a message may have (the service's limit).
check.MESSAGE_MAX = 4000
--- Up to so many words, an error lists them all.
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

-- Prefix of the SDK's chunk names: "@kaizala/", or the folder they were read from.
local OWN = debug.getinfo(1, "S").source:match "^(.*)check%.lua$"

--- Raises a string with the position of the script's line that called the SDK.
---@param message string
function check.misuse(message)
  local level, info = 2, debug.getinfo(2, "Sl")
  while info and (info.currentline < 0 or info.source:sub(1, #OWN) == OWN) do
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  error(message, level)
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

local NAME_MAX = 100 -- bytes of a name that is compared with others

--- Gives the name that is most like another one, whatever its case.
---@param key string
---@param known string[]
---@return string? nearest nil if none is like it
function check.nearest(key, known)
  local nearest, best = nil, 3
  for _, candidate in ipairs(known) do
    local d = type(candidate) == "string" and #key <= NAME_MAX and #candidate <= NAME_MAX
      and distance(key:lower(), candidate:lower())
    if d and d <= best then nearest, best = candidate, d end
  end
  return nearest
end

-- "; did you mean 'x'?", or the list of all.
local function hint(key, known)
  local nearest = check.nearest(key, known)
  return nearest and ("; did you mean '%s'?"):format(nearest)
    or "; there are: " .. table.concat(known, ", ")
end

-- Ids of the service have at least so many characters: 25 or 36, hexadecimal.
local ID_MIN = 25

--- Whether a text looks like an id of the service; else it may be a name.
---@param text string
---@return boolean
function check.is_id(text)
  return #text >= ID_MIN and text:find "^[%x@-]+$" ~= nil
end

-- A value as messages show it.
local function show(value)
  return type(value) == "string" and ("'%s'"):format(value) or type(value)
end

--- Raises (a string) unless the function was called as a method.
---@param self any
---@param class table the metatable that self must have
---@param call string how it is called, for the message: "group:send_message(…)"
function check.method(self, class, call)
  if getmetatable(self) ~= class then check.misuse("call it with a colon: " .. call) end
end

--- Raises (a string) unless options is nil or a table that has only known keys.
---@param options any
---@param what string the function, for the message
---@param known string[] the keys
---@return table options empty if nil
function check.options(options, what, known)
  if options == nil then return {} end
  if type(options) ~= "table" then
    check.misuse(("%s: options must be a table, got %s"):format(what, type(options)))
  end
  local is_known = {}
  for _, key in ipairs(known) do is_known[key] = true end
  for key in pairs(options) do
    if not is_known[key] then
      check.misuse(("%s: unknown option '%s'%s"):format(what, tostring(key), hint(tostring(key), known)))
    end
  end
  return options
end

--- Raises (a string) unless value is nil or of the type.
---@param value any
---@param expected string a type's name
---@param what string what it is, for the message
---@return any value
function check.optional(value, expected, what)
  if value ~= nil and type(value) ~= expected then
    check.misuse(("%s must be a %s, got %s"):format(what, expected, type(value)))
  end
  return value
end

--- An option of a function: its name, its check, and its name on the wire (nil: it does not go there). The
--- check is the name of a Lua type, a list of words, a function that gets the value and a label for messages
--- and returns the value for the wire, or nil if it is checked elsewhere.
---@class kaizala.Field
---@field [1] string
---@field [2] string|string[]|(fun(value: any, what: string): any)|nil
---@field [3] string|nil
---@field required? boolean the function is also called for nil, and refuses it

--- Checks the options of a function. Raises (a string) for an unknown one, and the errors of the checks.
---@param options table|nil
---@param what string the function, for messages
---@param fields kaizala.Field[]
---@return table options empty if nil
---@return table body values by their names on the wire
function check.fields(options, what, fields)
  local known, body = {}, {}
  for i, field in ipairs(fields) do known[i] = field[1] end
  options = check.options(options, what, known)
  for _, field in ipairs(fields) do
    local name, kind, wire = field[1], field[2], field[3]
    local value, label = options[name], what .. ": " .. name
    if type(kind) == "string" then
      check.optional(value, kind, label)
    elseif type(kind) == "table" and value ~= nil then
      check.word(value, kind, label)
    elseif type(kind) == "function" and (value ~= nil or field.required) then
      value = kind(value, label)
    end
    if wire then body[wire] = value end
  end
  return options, body
end

--- Like `fields`, for a function that needs options.
---@param options any
---@param what string
---@param fields kaizala.Field[]
---@return table options
---@return table body
function check.needed(options, what, fields)
  if options == nil then check.misuse(what .. ": options must be a table, got nil") end
  return check.fields(options, what, fields)
end

--- Raises (a string) unless value is one of some words.
---@param value any
---@param words string[]
---@param what string what it is, for the message
---@return string value
function check.word(value, words, what)
  for _, word in ipairs(words) do
    if value == word then return value end
  end
  if #words > check.WORDS_SHOWN then
    check.optional(value, "string", what)
    check.misuse(("%s cannot be %s%s"):format(what, show(value), hint(tostring(value), words)))
  end
  local first = table.concat(words, "', '", 1, #words - 1)
  check.misuse(("%s must be '%s' or '%s', got %s"):format(what, first, words[#words], show(value)))
end

--- Raises (a string) unless value is nil or a time: a whole number of epoch seconds. Raises `invalid` for
--- one in milliseconds.
---@param value any
---@param what string what it is, for the message
---@return integer? value
function check.time(value, what)
  if value == nil then return nil end
  if type(value) ~= "number" or not math.tointeger(value) then
    check.misuse(("%s must be a time in whole epoch seconds, as os.time gives it, got %s"):format(
      what, show(value)))
  elseif math.abs(value) > check.TIME_MAX then
    check.fail("invalid", ("%s: %d is after the year 9999; are these milliseconds? Times are seconds"):format(
      what, value))
  end
  return math.tointeger(value)
end

--- Like `time`; gives milliseconds.
---@param value any
---@param what string
---@return integer? milliseconds
function check.milliseconds(value, what)
  local seconds = check.time(value, what)
  return seconds and seconds * 1000
end

--- Copies a place, or gives nil. Raises (a string) unless it is a table with latitude and longitude,
--- `invalid` if these are out of range.
---@param place? { latitude: number, longitude: number, name?: string }
---@param what string what it is, for the message
---@return { latitude: number, longitude: number, name: string }? place the name is "" if absent
function check.place(place, what)
  if place == nil then return nil end
  if type(place) ~= "table" or type(place.latitude) ~= "number" or type(place.longitude) ~= "number" then
    check.misuse(("%s must be a table with latitude and longitude, numbers of degrees, and perhaps a name: "
      .. "{ latitude = 48.86, longitude = 2.35, name = \"Paris\" }; got %s"):format(what, show(place)))
  end
  check.options(place, what, { "latitude", "longitude", "name" })
  check.optional(place.name, "string", what .. ": name")
  if math.abs(place.latitude) > 90 or math.abs(place.longitude) > 180 then
    check.fail("invalid", ("%s: there is no latitude %s with longitude %s; the latitude is from -90 to 90")
      :format(what, place.latitude, place.longitude))
  end
  return { latitude = place.latitude, longitude = place.longitude, name = place.name or "" }
end

--- Checks a name: UTF-8, not empty.
---@param value any raises (a string) unless it is a non-empty string; `invalid` if it is not UTF-8
---@param what string for the message
---@return string value
function check.name(value, what)
  if type(value) ~= "string" or value == "" then
    check.misuse(("%s must be a non-empty string, got %s"):format(what, show(value)))
  elseif not utf8.len(value) then
    check.fail("invalid", what .. " is not valid UTF-8")
  end
  return value
end

--- Encodes an id for a path: percent-encoded except for `@`, which is part of some ids.
---@param id any raises (a string) unless it is a non-empty string
---@param what string for the message
---@return string
function check.id(id, what)
  if type(id) ~= "string" or id == "" or id == "." or id == ".." then
    check.misuse(("%s must be a non-empty string, got %s"):format(what, show(id)))
  end
  return (http.encode(id):gsub("%%40", "@"))
end

--- Like `id`, for a member's id; raises `invalid` for a phone number.
---@param id any
---@param what string for the message
---@return string
function check.member_id(id, what)
  if type(id) == "string" and id:find "^%+%d+$" then
    check.fail("invalid", ("%s: '%s' is a phone number; expected the `id` of an item of group:members()")
      :format(what, id))
  end
  return (check.id(id, what))
end

--- Raises (a string) where a list has holes or other keys, whose values `ipairs` would leave out; the `n` of
--- table.pack is none.
---@param list table
---@param what string for the message
function check.whole(list, what)
  local count = 0
  for key in pairs(list) do
    if math.type(key) == "integer" and key > 0 then
      count = count + 1
    elseif key ~= "n" then
      check.misuse(("%s must be a list, without the key '%s'"):format(what, tostring(key)))
    end
  end
  for i = 1, count do
    if list[i] == nil then check.misuse(("%s: entry %d is nil, and others follow it"):format(what, i)) end
  end
end

--- Gives a copy of a list of mediaResources, or nil. Raises (a string) unless it is a list, `invalid` for an
--- entry that is none.
---@param list? string[]
---@param what string for the message
---@return string[]? list marked as a JSON list
function check.resources(list, what)
  if list == nil then return nil end
  if type(list) ~= "table" then
    check.misuse(("%s must be a list of what kz:upload returned, got %s"):format(what, show(list)))
  end
  check.whole(list, what)
  local copy = json.array {}
  for i, resource in ipairs(list) do
    -- Opaque, but base64: the path of a file has a point.
    if type(resource) ~= "string" or not resource:find "^[%w+/=_-]+$" then
      check.fail("invalid", ("%s: entry %d, %s, is not a mediaResource; kz:upload(path) returns one"):format(
        what, i, show(resource)))
    end
    copy[i] = resource
  end
  return copy
end

--- Checks a list of phone numbers: `+`, country code, 8 to 15 digits in all. Raises `invalid`.
---@param list any raises (a string) unless it is a list
---@param what string for the message
---@return table list a copy, marked as a JSON list
function check.phones(list, what)
  if type(list) ~= "table" then
    check.misuse(("%s must be a list of phone numbers, got %s"):format(what, type(list)))
  end
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      check.misuse(("%s must be a list of phone numbers, without the key '%s'"):format(what,
        tostring(key)))
    end
  end
  local copy = json.array {}
  for i = 1, #list do
    local phone = list[i]
    if type(phone) ~= "string" then
      check.misuse(("%s: entry %d must be a string, got %s; write a phone number in quotes, as "
        .. "\"+33100000001\""):format(what, i, type(phone)))
    elseif not phone:find "^%+[1-9]%d+$" or #phone < 9 or #phone > 16 then
      check.fail("invalid", ("%s: entry %d, '%s', is not a phone number; write it with + and country "
        .. "code, as +33100000001"):format(what, i, phone))
    end
    copy[i] = phone
  end
  return copy
end

--- Checks a message's text: UTF-8, 1 to 4,000 characters. Raises `invalid`.
---@param text any raises (a string) unless it is a string
---@param what string for the message
---@return string text
function check.message(text, what)
  if type(text) ~= "string" then
    check.misuse(("%s must be a string, got %s"):format(what, type(text)))
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
  return text
end

-- The type of a decoded value, in words.
local function describe(value)
  if value == nil then return "missing" end
  if value == json.null then return "null" end
  if value == "" then return "empty" end
  if type(value) == "table" then return json.is_array(value) and "list" or "object" end
  return type(value)
end

--- Gives a field that a reply need not have: null is as if it were missing.
---@param value any
---@return any? value
function check.given(value)
  if value ~= json.null then return value end
end

--- Gives a text that a reply need not have: what is none is as if it were missing.
---@param value any
---@return string? value not empty
function check.given_text(value)
  if type(value) == "string" and value ~= "" then return value end
end

--- Gives a value of a reply, or raises `invalid` naming it.
---@param value any
---@param field string its name on the wire
---@param expected "string"|"list"|"object" an empty string is not accepted
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

--- Raises `http` when the reply to a change says `result: false`, as a boolean or as text, or when it
--- has a `message`, which successes never have.
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
