--- CSV as in RFC 4180, read and written row by row.
local check = require "jeton.csv_check"
local place = require "jeton.place"
local reader = require "jeton.csv_reader"
local writer = require "jeton.csv_writer"

check.pass_over()

local csv = {}

local misuse = check.misuse

--- Reads row by row. Errors are raised, or given to `on_error`.
---@param source string|file*|fun(): string?
---@param options? jeton.csv.ReadOptions
---@return fun(): table<string|integer, string>?, integer? next the row, and the line where it begins
function csv.rows(source, options)
  local self, given = reader.of(source, options, "csv.rows")
  local function over() reader.close(self) end
  local closer = setmetatable({}, { __close = over, __gc = over })
  local ok, err = pcall(reader.begin, self, given, source)
  if not ok then
    over()
    error(err, 0)
  end
  return function() return reader.next(self) end, nil, nil, closer
end

--- Reads a whole file.
---@param source string|file*|fun(): string?
---@param options? jeton.csv.ReadOptions
---@return table<string|integer, string>[]? rows
---@return integer[]|jeton.Err lines where each begins; or the err
function csv.read(source, options)
  return reader.all(reader.of(source, options, "csv.read"))
end

--- Reads a text.
---@param text string
---@param options? jeton.csv.ReadOptions
---@return table<string|integer, string>[]? rows
---@return integer[]|jeton.Err lines where each begins; or the err
function csv.decode(text, options)
  if type(text) ~= "string" then misuse "csv.decode: a text expected" end
  local rest = text
  return reader.all(reader.of(function()
    local given = rest
    rest = nil
    return given
  end, options, "csv.decode"))
end

--- Begins to write, row by row.
---@param target string|file* a path, which is overwritten, or an open file
---@param options? jeton.csv.WriteOptions
---@return jeton.csv.Writer
function csv.writer(target, options)
  options = options or {}
  local file = target
  if type(target) ~= "string" and io.type(target) ~= "file" then
    misuse "csv.writer: a path or an open file expected"
  end
  check.path(target, "csv.writer")
  local self = writer.on(function(text) return file:write(text) end, "csv", options, "csv.writer")
  if type(target) == "string" then
    local message
    file, message = place.stream(target)
    if not file and not message then
      local where, err = place.find(target)
      if not where then check.fail_file(err.message, target) end
      file, message = io.open(where, "wb")
    end
    if not file then check.fail_file(message) end
    writer.owns(self, file, target)
  else
    self.given = file
  end
  return writer.start(self, options)
end

--- Writes a whole file. Raises an err if it cannot.
---@param target string|file*
---@param rows table[]
---@param options? jeton.csv.WriteOptions
function csv.write(target, rows, options)
  check.rows(rows, "csv.write")
  local it <close> = csv.writer(target, options)
  for _, row in ipairs(rows) do it:write(row) end
end

--- Makes a text.
---@param rows table[]
---@param options? jeton.csv.WriteOptions
---@return string
function csv.encode(rows, options)
  check.rows(rows, "csv.encode")
  local parts = {}
  options = options or {}
  local it = writer.start(writer.on(function(text)
    parts[#parts + 1] = text
    return true
  end, "csv", options, "csv.encode"), options)
  for _, row in ipairs(rows) do it:write(row) end
  return table.concat(parts)
end

return csv
