--- What readers and writers of CSV refuse, and in which words.
local http = require "jeton.http"

local check = {}

local NAMES_SHOWN = 20

local ours = {} -- sources whose frames are not the script's

--- To be called by each module of jeton.csv.
function check.pass_over() ours[debug.getinfo(2, "S").source] = true end
check.pass_over()

--- Raises a text with the position of the script's line that has called jeton.csv.
function check.misuse(format, ...)
  local level, info = 2, debug.getinfo(2, "Sl")
  while info and (ours[info.source] or info.currentline < 0) do
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  error(format:format(...), level)
end

--- The system would open the part of the path before it.
function check.path(path, what)
  if type(path) == "string" and path:find("\0", 1, true) then
    check.misuse("%s: the path holds a NUL byte", what)
  end
end

--- A file cannot be opened or, where it has a name here, written.
function check.fail_file(message, name)
  if name then message = ("%s: cannot be written: %s"):format(name, message) end
  error(http.error { kind = "invalid", message = message }, 0)
end

--- Rows that `ipairs` would leave out: those behind a hole, and those under other keys.
function check.rows(rows, what)
  if type(rows) ~= "table" then check.misuse("%s: a list of rows expected", what) end
  local count = 0
  for key in pairs(rows) do
    if key ~= "n" then count = count + 1 end
    if key ~= "n" and (math.type(key) ~= "integer" or key < 1) then
      check.misuse("%s: a list of rows expected, without the key '%s'", what, tostring(key))
    end
  end
  for i = 1, count do
    if rows[i] == nil then check.misuse("%s: row %d is nil, and others follow it", what, i) end
  end
end

--- Gives the separator.
function check.options(options, known, what)
  if type(options) ~= "table" then check.misuse("%s: a table of options expected", what) end
  for name in pairs(options) do
    if not known[name] then check.misuse("%s: unknown option '%s'", what, tostring(name)) end
  end
  local separator = options.separator or ","
  if type(separator) ~= "string" or #separator ~= 1 or separator:find '[%w"\r\n\0\x80-\xFF]' then
    check.misuse("%s: separator must be one character such as ',', ';' or '\\t'", what)
  end
  return separator
end

function check.names(names, what)
  if type(names) ~= "table" or #names == 0 then check.misuse("%s must be a list of names", what) end
  for i = 1, #names do
    if type(names[i]) ~= "string" then check.misuse("%s must be a list of names", what) end
  end
  return names
end

--- For messages.
function check.shown(names)
  local shown = {}
  for i = 1, math.min(#names, NAMES_SHOWN) do shown[i] = "'" .. names[i] .. "'" end
  return table.concat(shown, ", ") .. (#names > NAMES_SHOWN and ", …" or "")
end

return check
