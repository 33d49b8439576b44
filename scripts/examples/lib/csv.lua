--- CSV files as in RFC 4180: commas, quotes, a first line with column names; UTF-8. `require "lib.csv"` finds
--- it in the folder lib beside the script.
local csv = {}

---@class csv.Row: table<string, string> the fields by column name
---@field line integer line number in the file

-- The field at pos, and the position after it.
local function read_field(text, pos, fail)
  if text:sub(pos, pos) ~= '"' then
    local stop = text:find("[,\r\n]", pos) or #text + 1
    local value = text:sub(pos, stop - 1)
    if value:find('"', 1, true) then fail(pos, "a quote inside an unquoted field") end
    return value, stop
  end
  local stop = pos
  repeat
    stop = text:find('"', stop + 1, true) or fail(pos, "this quote is never closed")
    local doubled = text:sub(stop + 1, stop + 1) == '"'
    if doubled then stop = stop + 1 end
  until not doubled
  return (text:sub(pos + 1, stop - 1):gsub('""', '"')), stop + 1
end

-- The fields of the line at pos, and the position of the next line.
local function read_line(text, pos, fail)
  local fields = {}
  while true do
    fields[#fields + 1], pos = read_field(text, pos, fail)
    if text:sub(pos, pos) ~= "," then break end
    pos = pos + 1
  end
  local _, stop = text:find("^\r?\n", pos)
  if not stop and pos <= #text then fail(pos, "expected a comma or the end of the line here") end
  return fields, (stop or pos) + 1
end

local function check_columns(names, needed, fail)
  local known = {}
  for _, name in ipairs(names) do
    if known[name] then fail(1, "duplicate column '%s'", name) end
    known[name] = true
  end
  for _, name in ipairs(needed) do
    if not known[name] then
      fail(1, "there is no column '%s'; there are: %s", name, table.concat(names, ", "))
    end
  end
end

--- Reads a file. Raises a message with file and line if it is not valid.
---@param path string
---@param needed string[] required columns
---@return csv.Row[] rows empty lines are left out
function csv.read(path, needed)
  local file <close> = assert(io.open(path, "rb"))
  local text = file:read "a":gsub("^\u{FEFF}", "")
  local function fail(pos, format, ...)
    local _, above = text:sub(1, pos - 1):gsub("\n", "")
    error(("%s:%d: " .. format):format(path, above + 1, ...), 0)
  end
  local valid, bad = utf8.len(text)
  if not valid then fail(bad, "this is not UTF-8; save the file as UTF-8") end

  local names, rows, pos, line = nil, {}, 1, 1
  while pos <= #text do
    local fields, following = read_line(text, pos, fail)
    if not names then
      names = fields
      check_columns(names, needed, fail)
    elseif #fields > 1 or fields[1] ~= "" then
      if #fields ~= #names then
        fail(pos, "%d fields, but the first line has %d columns", #fields, #names)
      end
      local row = { line = line }
      for i, name in ipairs(names) do row[name] = fields[i] end
      rows[#rows + 1] = row
    end
    local _, lines = text:sub(pos, following - 1):gsub("\n", "")
    pos, line = following, line + lines
  end
  if not names then fail(1, "the file is empty; its first line must have the column names") end
  return rows
end

--- Writes a file, overwriting it.
---@param path string
---@param rows (string|number)[][] the first one has the column names
function csv.write(path, rows)
  local file <close> = assert(io.open(path, "wb"))
  for _, row in ipairs(rows) do
    local fields = {}
    for i, value in ipairs(row) do
      local text = tostring(value)
      fields[i] = text:find '[",\r\n]' and '"' .. text:gsub('"', '""') .. '"' or text
    end
    assert(file:write(table.concat(fields, ","), "\r\n"))
  end
end

return csv
