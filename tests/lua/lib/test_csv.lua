-- jeton.csv
local lu = require "luaunit"
local csv = require "jeton.csv"

local path = os.tmpname()

local function put(text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

-- Chunks of n bytes.
local function chunked(text, n)
  local at = 1 - n
  return function()
    at = at + n
    if at <= #text then return text:sub(at, at + n - 1) end
  end
end

local TestRead = {}

function TestRead.test_rows_and_where_they_begin()
  for text, expected in pairs {
    ["a,b\n1,2\n"] = { { { a = "1", b = "2" } }, { 2 } },
    ["a,b\r\n1,2"] = { { { a = "1", b = "2" } }, { 2 } },
    ["\u{FEFF}a,b\n,\n"] = { { { a = "", b = "" } }, { 2 } },
    ['a,b\n"x, ""y""","two\nlines"\n3,4\n'] =
      { { { a = 'x, "y"', b = "two\nlines" }, { a = "3", b = "4" } }, { 2, 4 } },
    ['a\n""\n\n\n x \n'] = { { { a = "" }, { a = " x " } }, { 2, 5 } }, -- "" is a row, as the writer means it
    ["a,b\n"] = { {}, {} },
    ["a,b,\n1,2,3\n"] = { { { a = "1", b = "2" } }, { 2 } },
    ['"a\nb",c\n1,2\n'] = { { { ["a\nb"] = "1", c = "2" } }, { 3 } },
    ['a,b\n"",""""\n'] = { { { a = "", b = '"' } }, { 2 } },
  } do
    lu.assertEquals({ csv.decode(text) }, expected, text)
    for n = 1, 4 do -- wherever a chunk ends
      lu.assertEquals({ csv.read(chunked(text, n)) }, expected, text)
    end
    put(text)
    lu.assertEquals({ csv.read(path) }, expected, text)
  end
end

function TestRead.test_options()
  lu.assertEquals(csv.decode("a;b\n1,5;2\n", { separator = ";" }), { { a = "1,5", b = "2" } })
  lu.assertEquals(csv.decode("a\tb\n", { separator = "\t", header = false }), { { "a", "b" } })
  lu.assertEquals(csv.decode("1,2\n3\n", { header = false }), { { "1", "2" }, { "3" } })
  lu.assertEquals(csv.decode("1,2\n", { header = { "x", "y" } }), { { x = "1", y = "2" } })
  local windows = { encoding = "windows-1252" }
  lu.assertEquals(csv.decode("n\n\xE9t\xE9 \x80\x93\n", windows), { { n = "été €“" } })
  lu.assertEquals(csv.decode("\u{FEFF}n\né\n", windows), { { n = "é" } }) -- its mark says that it is UTF-8
end

function TestRead.test_what_is_wrong()
  for text, says in pairs {
    [""] = ":1: the file is empty",
    ["a,a\n"] = ":1: duplicate column 'a'",
    ["a,b\n1,2\n1\n"] = ":3: 1 field, but there are 2 columns",
    ["a,b\n1,2,3\n"] = ":2: 3 fields, but there are 2 columns",
    ["a,b\n1;2\n"] = ":2: 1 field, but there are 2 columns; is it separated by ';'? Then separator = ';'",
    ['a,b\n"1\n1",2\n1,"2\n3\n'] = ":4: this quote is never closed",
    ['a,b\n1,2"\n'] = ":2: a quote inside an unquoted field",
    ['a,b\n"1,2\n3,"4"\n'] = ":2: the quoted field that begins here ends on line 3, where ',' or the end",
    ['a,b\n"1" ,2\n'] = ":2: expected ',' or the end of the line after the closing quote",
    ["a,b\n1\r2\n"] = ":2: a carriage return without a line feed",
    ["a,b\n1,\xE9\n"] = ":2: this is not UTF-8",
    ["a,b\n1,\0\n"] = ":2: a NUL byte",
    ["\xFF\xFEa\0"] = ":1: this is UTF-16",
    ["a;b\n"] = ":1: there is no column 'b'; there are: 'a;b'; is it separated by ';'?",
  } do
    local options = { columns = { says:match "no column '(b)'" } }
    options = options.columns[1] and options or nil
    put(text)
    local rows, err = csv.read(path, options)
    lu.assertNil(rows, text)
    lu.assertEquals({ err.kind, err.message:sub(1, #path + #says) }, { "invalid", path .. says })
    for n = 1, 3 do
      local none, same = csv.read(chunked(text, n), options)
      lu.assertNil(none)
      lu.assertStrContains(same.message, "csv" .. says)
    end
  end
  local rows, err = csv.read(path .. ".none")
  lu.assertNil(rows)
  lu.assertStrContains(err.message, "No such file")
  rows, err = csv.read "/"
  lu.assertNil(rows)
  lu.assertEquals(err.message, "/:1: cannot be read: Is a directory")
end

function TestRead.test_bounds()
  local function refused(text, options, says)
    local rows, err = csv.decode(text, options)
    lu.assertNil(rows)
    lu.assertStrContains(err.message, says)
    rows, err = csv.read(chunked(text, 7), options)
    lu.assertNil(rows)
    lu.assertStrContains(err.message, says)
  end
  refused("a,b\n1,123456789\n", { max_field = 8 }, "csv:2: field 2 has over 8 bytes")
  refused("a,b\n1,123456789\n", { max_row = 8 }, "csv:2: ")
  lu.assertEquals(csv.decode("a,b\n12,12345\n", { max_row = 8 }), { { a = "12", b = "12345" } })
  refused(("x,"):rep(10001), {}, "csv:1: over 10000 fields")
  local read = 0 -- a quote that is not closed does not bring the whole file into memory
  local rows, err = csv.read(function()
    read = read + 65536
    return read == 65536 and 'a\n"' .. ("x"):rep(65533) or ("x"):rep(65536)
  end, { max_row = 300000 })
  lu.assertNil(rows)
  lu.assertStrContains(err.message, "csv:2: the row that begins here has over 300000 bytes; is a quote not")
  lu.assertTrue(read < 600000)
end

function TestRead.test_rows_are_read_as_they_are_needed()
  local given = 0
  local function source()
    given = given + 1
    return given == 1 and "n\n" or given <= 1000 and given .. "\n" or nil
  end
  for row, line in csv.rows(source) do
    lu.assertEquals({ row.n, line }, { "2", 2 })
    if line then break end
  end
  lu.assertTrue(given < 10)
  put "n\n1\n2,3\n"
  local seen = {}
  local ok, err = pcall(function()
    for row in csv.rows(path) do seen[#seen + 1] = row.n end
  end)
  lu.assertEquals({ ok, err.kind, err.message, seen },
    { false, "invalid", path .. ":3: 2 fields, but there are 1 columns", { "1" } })
  local file <close> = assert(io.open(path))
  lu.assertEquals((csv.rows(file)()), { n = "1" })
  lu.assertEquals(io.type(file), "file") -- whose own it is
end

function TestRead.test_after_an_error()
  local function taken(text, options)
    local got = {}
    local next_row = csv.rows(chunked(text, 3), options)
    for _ = 1, 20 do
      local ok, row = pcall(next_row)
      if ok and not row then return got end
      got[#got + 1] = ok and row.a or not ok and row.line
    end
  end
  for text, expected in pairs {
    ["a,b\n1\n2,3\n"] = { 2, "2" }, -- the end of the row is known
    ["a,b\n1,\xE9\n2,3\n"] = { 2, "2" },
    ['a,b\n"1\n7,8",\xE9\n2,3\n'] = { 3, "2" },
    ['a,b\n0,0\n1,2"\n2,3\n'] = { "0", 3 }, -- it is not
    ['a,b\n"1,2\n3,"4"\n5,6'] = { 2 },
    ['a,b\n"1,2\n3,4'] = { 2 },
  } do
    lu.assertEquals(taken(text), expected, text)
  end
end

function TestRead.test_errors_can_be_collected()
  for text, expected in pairs {
    ["a,b\n1\n2,3\n4,\xE9\n5,6"] = { { "2", "5" }, { 2, 4 } },
    ['a,b\n0,0\n1,"2\n3,4\n5,"6"\n7,8'] = { { "0", "3", "5", "7" }, { 3 } },
    ['a,b\n1,2"\n3,4\n"5" ,6\n7,8\n'] = { { "3", "7" }, { 2, 4 } },
    ['a,b\n1,2\n"3,4\n5,6\n'] = { { "1", "5" }, { 3 } },
    ['a,b\n1,2\n3,4"'] = { { "1" }, { 3 } },
    ['a,b\n"1\n7,8",\xE9\n2,3\n'] = { { "2" }, { 3 } },
  } do
    local a, lines = {}, {}
    local function on_error(err) lines[#lines + 1] = err.line end
    for row in csv.rows(chunked(text, 5), { on_error = on_error }) do a[#a + 1] = row.a end
    lu.assertEquals({ a, lines }, expected, text)
    lines = {}
    lu.assertEquals(#csv.decode(text, { on_error = on_error }), #expected[1], text)
    lu.assertEquals(lines, expected[2], text)
  end
  local line
  local rows = csv.read(chunked('a\n"1\n22\n33\n44\n55\n', 5),
    { max_row = 8, on_error = function(found) line = found.line end })
  lu.assertEquals({ rows, line }, { { { a = "22" }, { a = "33" }, { a = "44" }, { a = "55" } }, 2 })
  local _, err = csv.decode("a,a\n", { on_error = print }) -- not of a row
  lu.assertEquals(err.line, 1)
  lu.assertErrorMsgContains("from on_error", csv.decode, "a\n1,2\n",
    { on_error = function() error "from on_error" end })
end

-- The wrong row's line has an end that was not read yet when the error is known.
function TestRead.test_errors_are_collected_wherever_a_source_is_cut()
  local text = 'a,b\n1,2\n3"x,4' .. ("y"):rep(40) .. "\n5,6\n7,8\n"
  for size = 1, #text do
    local lines = {}
    local function on_error(err) lines[#lines + 1] = err.line end
    local rows, at = csv.read(chunked(text, size), { on_error = on_error })
    lu.assertEquals({ rows, at, lines },
      { { { a = "1", b = "2" }, { a = "5", b = "6" }, { a = "7", b = "8" } }, { 2, 4, 5 }, { 3 } }, size)
  end
  local lines = {}
  local rows = csv.read(chunked("a\n" .. ("z"):rep(5000) .. "\n2\n", 100),
    { max_row = 1000, on_error = function(err) lines[#lines + 1] = err.line end })
  lu.assertEquals({ rows, lines }, { { { a = "2" } }, { 2 } })
end

function TestRead.test_a_long_row_takes_time_by_its_length()
  local text = 'a\n"' .. ("x\n"):rep(1000000) .. '"\n'
  local begun = os.clock()
  local rows = assert(csv.read(chunked(text, 1000), { max_field = #text }))
  lu.assertEquals(#rows[1].a, 2000000)
  lu.assertTrue(os.clock() - begun < 2, os.clock() - begun)
end

function TestRead.test_misuse_names_the_line()
  for says, call in pairs {
    ["csv.rows: unknown option 'seperator'"] = function() csv.rows(path, { seperator = ";" }) end,
    ["csv.read: separator must be one character"] = function() csv.read(path, { separator = ";;" }) end,
    ["csv.rows: on_error must be a function"] = function() csv.rows(path, { on_error = true }) end,
    ["csv.read: a path, an open file or a function expected"] = function() csv.read {} end,
    ["csv.read: the path holds a NUL byte"] = function() csv.read(path .. "\0.csv") end,
    ["csv.writer: the path holds a NUL byte"] = function() csv.write(path .. "\0.csv", { { 1 } }) end,
    ["csv: columns has 'a' twice, so rows must be lists"] =
      function() csv.encode({ { b = 1 } }, { columns = { "a", "b", "a" } }) end,
    ["csv.decode: columns must be a list of names"] = function() csv.decode("", { columns = "a" }) end,
    ["csv: there is no column 'c'; there are: 'a'"] =
      function() csv.encode({ { c = 1 } }, { columns = { "a" } }) end,
    ["csv: column 'a': a text, a number or a boolean expected, got a table"] =
      function() csv.encode({ { a = {} } }, { columns = { "a" } }) end,
  } do
    local ok, message = pcall(call)
    lu.assertFalse(ok)
    lu.assertStrMatches(message, ".*test_csv%.lua:%d+: .*")
    lu.assertStrContains(message, says)
  end
end

local TestWrite = {}

function TestWrite.test_what_is_written_is_read_again()
  local rows = { { a = 'x, "y"', b = "two\r\nlines" }, { a = "", b = "" }, { a = " é", b = "1" } }
  for _, separator in ipairs { ",", ";", "\t" } do
    local options = { columns = { "a", "b" }, separator = separator }
    csv.write(path, rows, options)
    lu.assertEquals(csv.read(path, { separator = separator }), rows)
    lu.assertEquals(csv.decode(csv.encode(rows, options), { separator = separator }), rows)
  end
end

function TestWrite.test_values()
  local json = require "jeton.json"
  local rows = { { 1, 1.5, 5.0, 1e300, true, "é" }, { n = 3, nil, json.null, "x" }, {}, { "" } }
  lu.assertEquals(csv.encode(rows),
    '1,1.5,5.0,1e+300,true,é\r\n,,x\r\n""\r\n""\r\n')
  lu.assertEquals(csv.encode({ { "1" }, { b = 2 } }, { columns = { "a", "b" }, bom = true }),
    "\u{FEFF}a,b\r\n1,\r\n,2\r\n")
  lu.assertEquals(csv.encode({ { "1" } }, { columns = { "a" }, header = false }), "1\r\n")
  lu.assertEquals(csv.encode({ { "1", "2", "3" } }, { columns = { "a", "b", "a" } }), "a,b,a\r\n1,2,3\r\n")
  lu.assertErrorMsgContains("column '1'", csv.encode, { { 0 / 0 } })
end

function TestWrite.test_formulas_are_guarded_on_demand()
  local rows = { { "=1+1", "@a", "-x", "+33123456789", "-1,5", "\u{FF1D}1", "a=b", -1 } }
  lu.assertEquals(csv.encode(rows), '=1+1,@a,-x,+33123456789,"-1,5",\u{FF1D}1,a=b,-1\r\n')
  lu.assertEquals(csv.encode(rows, { guard = true }),
    "'=1+1,'@a,'-x,+33123456789,\"-1,5\",'\u{FF1D}1,a=b,-1\r\n")
end

function TestWrite.test_a_writer()
  do
    local writer <close> = csv.writer(path, { columns = { "a" } })
    writer:write { a = 1 }
    writer:write { 2 }
    lu.assertErrorMsgContains("2 fields, but there are 1 columns", writer.write, writer, { 1, 2 })
  end
  lu.assertEquals(csv.read(path), { { a = "1" }, { a = "2" } })
  local writer = csv.writer(path)
  writer:close()
  writer:close()
  lu.assertErrorMsgContains("closed", writer.write, writer, { 1 })
  local ok, err = pcall(csv.writer, path .. ".none/file")
  lu.assertEquals({ ok, err.kind }, { false, "invalid" })
  ok, err = pcall(csv.write, "/dev/full", { { ("x"):rep(100000) } })
  lu.assertEquals({ ok, err.message }, { false, "/dev/full: cannot be written: No space left on device" })
end

-- A file that is given buffers what is written: who closes the writer is told what did not get there.
function TestWrite.test_a_file_that_is_given_is_flushed()
  local full <close> = assert(io.open("/dev/full", "w"))
  local ok, err = pcall(csv.write, full, { { 1 } })
  lu.assertEquals({ ok, err.kind }, { false, "invalid" })
  lu.assertEquals(err.message, "csv: cannot be written: No space left on device")
  do
    local file <close> = assert(io.open(path, "wb"))
    local writer = csv.writer(file)
    writer:write { 1 }
    writer:close()
    lu.assertEquals(csv.read(path, { header = false }), { { "1" } })
    local other <close> = csv.writer(file) -- its file is closed first
    other:write { 2 }
    file:close()
  end
  lu.assertEquals(csv.read(path, { header = false }), { { "1" }, { "2" } })
end

function TestWrite.test_fields_by_name_need_columns()
  for _, row in ipairs { { a = 1 }, { a = 1, n = 1 }, { [2] = "x", b = 1 } } do
    lu.assertErrorMsgContains("no `columns`", csv.encode, { row })
  end
  lu.assertEquals(csv.encode { {}, table.pack(nil, 2), table.pack() }, '""\r\n,2\r\n""\r\n')
end

-- `#` may be any field behind which one is nil: those after it were left out.
function TestWrite.test_a_row_may_have_holes()
  local function row(fields)
    local made = {}
    for i = 1, 9 do made[i] = fields[i] end -- as a script does that leaves out what it has not
    return made
  end
  lu.assertEquals(csv.encode { row { "a", nil, "c" }, row { nil, "b" }, row { [9] = "i" }, { n = 2, "a" } },
    "a,,c\r\n,b\r\n,,,,,,,,i\r\na,\r\n")
  local columns = { columns = { "x", "y", "z" } }
  lu.assertEquals(csv.encode({ row { "a", nil, "c" }, row { nil, "b" }, table.pack(nil, 2) }, columns),
    "x,y,z\r\na,,c\r\n,b,\r\n,2,\r\n")
  lu.assertErrorMsgContains("4 fields, but there are 3", csv.encode, { row { "a", nil, nil, "d" } }, columns)
  lu.assertErrorMsgContains("no column '2'", csv.encode, { { [2] = "b", x = 1 } }, columns)
  lu.assertErrorMsgContains("a field 4711000", csv.encode, { { [4711000] = "b" } })
  for _, key in ipairs { 0, 1.5, true } do
    lu.assertErrorMsgContains("the field '" .. tostring(key) .. "'", csv.encode, { { [key] = "b" } })
  end
end

function TestWrite.test_rows_are_a_list_without_holes()
  for rows, message in pairs {
    [{ a = { 1 } }] = "without the key 'a'", [{ { 1 }, [1001] = { 2 } }] = "row 2 is nil",
    [{ { 1 }, nil, { 3 } }] = "row 2 is nil", [{ [0] = { 1 } }] = "without the key '0'",
  } do
    lu.assertErrorMsgContains(message, csv.encode, rows)
    lu.assertErrorMsgContains(message, csv.write, path, rows)
  end
  lu.assertErrorMsgContains("a list of names", csv.encode, {}, { columns = { "a", nil, "c" } })
  lu.assertEquals(csv.encode(table.pack({ 1 }, { 2 })), "1\r\n2\r\n")
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
local failed = runner:runSuiteByInstances { { "TestRead", TestRead }, { "TestWrite", TestWrite } }
os.remove(path)
return failed == 0
