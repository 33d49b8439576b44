--- Writes CSV row by row.
local check = require "jeton.csv_check"
local json = require "jeton.json"
local log = require "jeton.log"

check.pass_over()

local misuse = check.misuse

local HOLES_MAX = 16384 -- fields of a list of which some are nil: as wide as the sheets of spreadsheets
local OPTIONS = { separator = true, columns = true, header = true, guard = true, bom = true }

local writer = {}

---@class jeton.csv.Writer
local Writer = {}
Writer.__index = Writer
Writer.__name = "jeton.csv.Writer"

-- How cells begin that a spreadsheet takes for a formula, plain and full-width.
local FORMULAS = { "^[=+%-@\t\r]", "^\u{FF1D}", "^\u{FF0B}", "^\u{FF0D}", "^\u{FF20}" }

local function guarded(text)
  if text:find "^[+-]?%d+[.,]?%d*$" then return text end
  for _, pattern in ipairs(FORMULAS) do
    if text:find(pattern) then return "'" .. text end
  end
  return text
end

local function text_of(self, value, column)
  local kind = type(value)
  if value == nil or value == json.null then return "" end
  if kind == "number" then
    local text, err = json.encode(value)
    if not text then misuse("csv: column '%s': %s", column, err.message) end
    return text
  end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "string" then
    misuse("csv: column '%s': a text, a number or a boolean expected, got a %s", column, kind)
  end
  return self.guard and guarded(value) or value
end

local function quoted(self, text)
  return text:find(self.special) and '"' .. text:gsub('"', '""') .. '"' or text
end

-- columns, if the fields are by name; else count, as some fields of a list may be nil.
local function put(self, row, columns, count)
  local cells = {}
  if columns then
    for i, name in ipairs(columns) do cells[i] = quoted(self, text_of(self, row[name], name)) end
  else
    for i = 1, count do cells[i] = quoted(self, text_of(self, row[i], i)) end
  end
  local line = table.concat(cells, self.separator)
  if line == "" then line = '""' end -- an empty line is no row
  local ok, message = self.put(line .. "\r\n")
  if not ok then check.fail_file(message, self.name) end
end

-- The last index, which `#` does not give where a field before it is nil; and a key that no list has, or nil.
local function shape_of(row)
  local last, name = #row, nil
  for key in pairs(row) do
    if math.type(key) ~= "integer" or key < 1 then
      if key ~= "n" then name = key end
    elseif key > last then
      last = key
    end
  end
  if last > HOLES_MAX and last > #row then
    misuse("csv: the row has a field %d, and none before it; is it keyed by something else?", last)
  end
  return last, name
end

--- Writes a row: a list; or fields by name, if the writer has `columns`.
---@param row table
function Writer:write(row)
  if type(row) ~= "table" then misuse "csv: a row is a table" end
  if not self.put then misuse "csv: the writer is closed" end
  local columns, last, name = self.columns, shape_of(row)
  if columns and row[1] == nil and next(row) ~= nil and (last == 0 or name ~= nil) then
    if self.twice then misuse("csv: columns has '%s' twice, so rows must be lists", self.twice) end
    for field in pairs(row) do
      if not self.known[field] then
        misuse("csv: there is no column '%s'; there are: %s", tostring(field), check.shown(columns))
      end
    end
    put(self, row, columns)
  elseif columns and last > #columns then
    misuse("csv: %d fields, but there are %d columns", last, #columns)
  elseif name ~= nil and row[1] == nil then
    misuse("csv: the row has the field '%s', and the writer no `columns` that say where it stands",
      tostring(name))
  else
    put(self, row, nil, columns and #columns or row.n or last)
  end
end

--- Ends it, and closes the file that it has opened. A file that it was given is only flushed.
function Writer:close()
  local opened, given = self.opened, self.given
  self.put, self.opened, self.given = nil, nil, nil
  if given and io.type(given) == "file" then
    local ok, message = given:flush()
    if not ok then check.fail_file(message, self.name) end
  end
  if not opened then return end
  local file = opened.file
  opened.file = nil
  local ok, message = file:close()
  if not ok then check.fail_file(message, opened.name) end
end

Writer.__close = Writer.close

-- The file of a writer that nobody has closed. It is made after the file, so its finalizer is called first.
local Opened = {
  __gc = function(self)
    if not self.file then return end
    local ok, message = self.file:close()
    if not ok then log.error(("%s: cannot be written: %s"):format(self.name, message)) end
  end,
}

--- The writer closes this file.
function writer.owns(self, file, name)
  self.name, self.opened = name, setmetatable({ file = file, name = name }, Opened)
end

--- write: takes a text, and gives true, or nil and what is wrong.
function writer.on(write, name, options, what)
  local separator = check.options(options, OPTIONS, what)
  local self = setmetatable({
    put = write, name = name, separator = separator, guard = options.guard,
    special = '["\r\n%' .. separator .. "]",
    columns = options.columns and check.names(options.columns, what .. ": columns"),
  }, Writer)
  self.known = {}
  for _, column in ipairs(self.columns or {}) do
    if self.known[column] and column ~= "" then self.twice = column end
    self.known[column] = true
  end
  return self
end

--- Writes what stands before the first row.
function writer.start(self, options)
  if options.bom then self.put "\u{FEFF}" end
  if self.columns and options.header ~= false then put(self, self.columns, nil, #self.columns) end
  return self
end

return writer
