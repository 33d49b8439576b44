--- Reads CSV row by row, as jeton.csv gives it to scripts.
local check = require "jeton.csv_check"
local http = require "jeton.http"

check.pass_over()

local misuse = check.misuse

local CHUNK = 64 * 1024              -- bytes that are read at once, at first
local FIELD_MAX = 1024 * 1024        -- bytes of a field,
local ROW_MAX = 8 * 1024 * 1024      -- and of a row
local COLUMNS_MAX = 10000
local PLAIN_MAX = 8192               -- bytes of a row that is split at once, less than COLUMNS_MAX

local OPTIONS = { separator = true, header = true, columns = true, encoding = true, max_field = true,
  max_row = true, name = true, on_error = true }

local function err_of(name, line, format, ...)
  local err = http.error { kind = "invalid", message = ("%s:%d: " .. format):format(name, line, ...) }
  err.line = line
  return err
end

local function fail(...) error(err_of(...), 0) end

local function check_size(value, default, what)
  if value == nil then return default end
  if math.type(value) ~= "integer" or value < 1 then misuse("%s must be a number of bytes", what) end
  return value
end

local reader = {}

---@class jeton.csv.Reader
local Reader = {}
Reader.__index = Reader

local function count_lines(text) return select(2, text:gsub("\n", "")) end

-- The position behind the next line feed, or the end. What is passed before it is not kept.
function Reader:next_line()
  local at = self.text:find("\n", self.pos, true)
  while not at and not self.ended do
    self.pos = #self.text + 1
    self:more()
    at = self.text:find("\n", self.pos, true)
  end
  return (at or #self.text) + 1
end

-- Goes on behind a row that is wrong, so that nobody gets the same error again. Where its end is not known,
-- the next line may be inside of a field: then only `on_error` goes on.
function Reader:leave_row()
  if not self.row_end and not self.on_error then
    self.over = true
    return
  end
  local stop = self.row_end or self:next_line()
  self.line = self.line + count_lines(self.text:sub(self.pos, stop - 1))
  self.pos = stop
end

-- Raises what is wrong with the row at the position.
function Reader:wrong(line, format, ...)
  self.failure = err_of(self.name, line, format, ...)
  self:leave_row()
  error(self.failure, 0)
end

-- The line of the position `at` of the text.
function Reader:line_at(at) return self.line + count_lines(self.text:sub(self.pos, at - 1)) end

-- Raises it for the position `at` of the text.
function Reader:fail(at, format, ...) self:wrong(self:line_at(at), format, ...) end

-- Brings at least as much more text as there is already, so that a long row is not looked through too
-- often.
function Reader:more()
  local parts = { self.text:sub(self.pos) }
  local rest, got = #parts[1], 0
  repeat
    local chunk, message = self.read(math.max(CHUNK, rest - got))
    if chunk == nil and message ~= nil then fail(self.name, self.line, "cannot be read: %s", message) end
    if chunk ~= nil and type(chunk) ~= "string" then
      fail(self.name, self.line, "its source gave a %s, not a text", type(chunk))
    end
    self.ended = chunk == nil or chunk == ""
    parts[#parts + 1] = chunk
    got = got + #(chunk or "")
  until self.ended or got >= rest
  self.text, self.pos, self.quote = table.concat(parts), 1, 0
end

-- 0x80 to 0x9F; the others are those of Unicode.
local WINDOWS_1252 = { 0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
  0x2039, 0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC,
  0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178 }

local function from_windows(text)
  return (text:gsub("[\x80-\xFF]", function(char)
    local byte = char:byte()
    return utf8.char(WINDOWS_1252[byte - 0x7F] or byte)
  end))
end

function Reader:check_text(text, at)
  if text:find("\0", 1, true) then
    self:fail(at, "a NUL byte; is this UTF-16? Save it as CSV in UTF-8")
  elseif self.encoding == "windows-1252" then
    return from_windows(text)
  end
  local valid, bad = utf8.len(text)
  if not valid then
    self:fail(at + bad - 1, "this is not UTF-8; save it as UTF-8, or read it with encoding = 'windows-1252'")
  end
  return text
end

-- The field at `at`, and the position after it; nil where more text is needed.
function Reader:field(at)
  local text = self.text
  if text:byte(at) ~= 34 then
    local stop = text:find(self.stops, at)
    if not stop then
      if not self.ended then return nil end
      stop = #text + 1
    end
    local value = text:sub(at, stop - 1)
    if value:find('"', 1, true) then self:fail(at, "a quote inside an unquoted field") end
    return value, stop
  end
  local stop = at
  repeat
    stop = text:find('"', stop + 1, true)
    if not stop then
      if self.ended then self:fail(at, "this quote is never closed") end
      return nil
    end
    if stop == #text and not self.ended then return nil end
    local doubled = text:byte(stop + 1) == 34
    if doubled then stop = stop + 1 end
  until not doubled
  return (text:sub(at + 1, stop - 1):gsub('""', '"')), stop + 1
end

-- The same as `fields` for a row without quotes and of no great length, which most are; else nil.
function Reader:plain()
  local text, pos = self.text, self.pos
  local stop = text:find("\n", pos, true)
  if not stop or stop - pos > PLAIN_MAX or stop - pos > self.max_field then return nil end
  if self.quote < pos then self.quote = text:find('"', pos, true) or math.huge end
  if self.quote < stop then return nil end
  local line = text:sub(pos, text:byte(stop - 1) == 13 and stop > pos and stop - 2 or stop - 1)
  if line:find("\r", 1, true) then return nil end
  self.row_end = stop + 1
  local fields, count = {}, 0
  for value in self:check_text(line, pos):gmatch(self.between) do
    count = count + 1
    fields[count] = value
  end
  return fields, stop + 1
end

-- The position behind the end of the line at `at`, where the field that begins at `from` ends; nil where more
-- text is needed.
function Reader:end_of_line(at, from)
  local char = self.text:byte(at)
  if char == 10 or not char and self.ended then return at + 1 end
  if (not char or char == 13 and at == #self.text) and not self.ended then return nil end
  if char == 13 and self.text:byte(at + 1) == 10 then return at + 2 end
  if char == 13 then self:fail(at, "a carriage return without a line feed") end
  local line = self:line_at(at)
  if line > self:line_at(from) then
    self:fail(from, "the quoted field that begins here ends on line %d, where '%c' or the end of the line "
      .. "must follow; is a quote too many?", line, self.separator)
  end
  self:fail(at, "expected '%c' or the end of the line after the closing quote", self.separator)
end

-- The fields of the row at the position, and the position of the next one; nil where more text is needed.
function Reader:fields()
  local fields, begins, count, at = {}, {}, 0, self.pos
  local stop
  while true do
    local value
    value, stop = self:field(at)
    if not value then return nil end
    count = count + 1
    if count > COLUMNS_MAX then self:fail(at, "over %d fields", COLUMNS_MAX) end
    fields[count], begins[count] = value, at
    if self.text:byte(stop) ~= self.separator then break end
    at = stop + 1
  end
  local following = self:end_of_line(stop, at)
  if not following then return nil end
  self.row_end = following
  for i, value in ipairs(fields) do
    if #value > self.max_field then self:fail(begins[i], "field %d has over %d bytes", i, self.max_field) end
    fields[i] = self:check_text(value, begins[i])
  end
  return fields, following
end

-- The next row that is not empty, and its line; nil at the end.
function Reader:row()
  while true do
    local fields, following, lines
    self.row_end = nil
    while true do
      if self.pos > #self.text and not self.ended then self:more() end
      if self.pos > #self.text and self.ended then return nil end
      fields, following = self:plain()
      lines = fields and 1
      if not fields then fields, following = self:fields() end
      if fields then break end
      if #self.text - self.pos >= self.max_row then
        self:wrong(self.line, "the row that begins here has over %d bytes; is a quote not closed?",
          self.max_row)
      end
      self:more()
    end
    local line, quoted = self.line, self.text:byte(self.pos) == 34
    if not lines then lines = count_lines(self.text:sub(self.pos, following - 1)) end
    if following - self.pos - 1 > self.max_row then
      self:wrong(line, "this row has over %d bytes", self.max_row)
    end
    self.pos, self.line = following, line + lines
    if #fields > 1 or fields[1] ~= "" or quoted then return fields, line end
  end
end

local function skip_mark(self)
  while #self.text < 3 and not self.ended do self:more() end
  if self.text:find "^\xFF\xFE" or self.text:find "^\xFE\xFF" then
    fail(self.name, 1, "this is UTF-16; save it as CSV in UTF-8")
  end
  if self.text:sub(1, 3) == "\u{FEFF}" then
    self.pos, self.encoding = 4, nil
  end
end

-- What a file has that is separated by another character.
local function hint(self, names)
  if #names > 1 then return "" end
  for _, char in ipairs { ";", "\t", ",", "|" } do
    if char:byte() ~= self.separator and names[1]:find(char, 1, true) then
      return ("; is it separated by '%s'? Then separator = '%s'"):format(char == "\t" and "\\t" or char,
        char == "\t" and "\\t" or char)
    end
  end
  return ""
end

local function take_header(self, options)
  local names, line = options.header, 0
  if type(names) ~= "table" then
    names, line = self:row()
    if not names then fail(self.name, 1, "the file is empty; its first line must have the column names") end
  end
  local known = {}
  for _, name in ipairs(names) do
    if known[name] and name ~= "" then fail(self.name, line, "duplicate column '%s'", name) end
    known[name] = true
  end
  for _, name in ipairs(options.columns or {}) do
    if not known[name] then
      fail(self.name, line, "there is no column '%s'; there are: %s%s", name, check.shown(names),
        hint(self, names))
    end
  end
  self.names = names
end

local function named(self, fields, line)
  local names, row = self.names, {}
  if #fields ~= #names then
    self:wrong(line, "%d field%s, but there are %d columns%s", #fields, #fields == 1 and "" or "s",
      #names, #fields == 1 and hint(self, fields) or "")
  end
  for i = 1, #names do
    if names[i] ~= "" then row[names[i]] = fields[i] end
  end
  return row
end

-- What reads from the source: a path, a file, or a function that gives texts.
local function open(self, source)
  if type(source) == "function" then
    self.read = source
    return
  end
  local file = source
  if type(source) == "string" then
    local message
    file, message = io.open(source, "rb")
    if not file then check.fail_file(message) end
    self.file = file
  end
  function self.read(size) return file:read(size) end
end

--- A reader that has not begun, its options, and its source. what: of whose misuse is told.
function reader.of(source, options, what)
  options = options or {}
  local separator = check.options(options, OPTIONS, what)
  if options.columns ~= nil then check.names(options.columns, what .. ": columns") end
  if type(options.header) == "table" then
    check.names(options.header, what .. ": header")
  elseif options.header ~= nil and type(options.header) ~= "boolean" then
    misuse("%s: header must be true, false or a list of names", what)
  end
  if options.header == false and options.columns then misuse("%s: columns need a header", what) end
  if options.encoding ~= nil and options.encoding ~= "utf-8" and options.encoding ~= "windows-1252" then
    misuse("%s: encoding must be 'utf-8' or 'windows-1252'", what)
  end
  if options.on_error ~= nil and type(options.on_error) ~= "function" then
    misuse("%s: on_error must be a function", what)
  end
  local self = setmetatable({
    on_error = options.on_error,
    text = "", pos = 1, line = 1, ended = false, separator = separator:byte(), encoding = options.encoding,
    stops = "[%" .. separator .. "\r\n]", between = "[^%" .. separator .. "]*", quote = 0,
    max_field = check_size(options.max_field, FIELD_MAX, what .. ": max_field"),
    max_row = check_size(options.max_row, ROW_MAX, what .. ": max_row"),
  }, Reader)
  local kind = io.type(source) or type(source)
  if kind ~= "string" and kind ~= "file" and kind ~= "function" then
    misuse("%s: a path, an open file or a function expected", what)
  end
  check.path(source, what)
  self.name = options.name or kind == "string" and source or "csv"
  return self, options, source
end

function reader.close(self)
  if self.file then
    self.file:close()
    self.file = nil
  end
end

--- Reads the header. Raises what is wrong.
function reader.begin(self, options, source)
  open(self, source)
  skip_mark(self)
  if options.header ~= false then take_header(self, options) end
end

local function read_row(self)
  local fields, line = self:row()
  if not fields then return nil end
  return self.names and named(self, fields, line) or fields, line
end

--- The next row as scripts get it, and its line; nil at the end.
function reader.next(self)
  if self.over then
    reader.close(self)
    return nil
  end
  if not self.on_error then return read_row(self) end
  while true do
    local ok, row, line = pcall(read_row, self)
    if ok then return row, line end
    if row ~= self.failure or self.over then error(row, 0) end
    self.on_error(row)
  end
end

local function collect(self, options, source)
  local rows, lines = {}, {}
  reader.begin(self, options, source)
  for row, line in reader.next, self do
    rows[#rows + 1], lines[#lines + 1] = row, line
  end
  return rows, lines
end

--- All rows and their lines; or nil, err.
function reader.all(self, options, source)
  local ok, rows, lines = pcall(collect, self, options, source)
  reader.close(self)
  if ok then return rows, lines end
  if type(rows) == "string" then error(rows, 0) end
  return nil, rows
end

return reader
