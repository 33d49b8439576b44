---@meta jeton.csv

--- CSV as in RFC 4180, read and written row by row, in UTF-8. What is wrong is said with file and line.
local csv = {}

---@class jeton.csv.Err: jeton.Err
---@field line integer of the file

---@class jeton.csv.ReadOptions
---@field separator? string one character; default `,`
---@field header? boolean|string[] true (the default): the first row has the names of the columns; false: rows
--- are lists; or the names, where the file has none
---@field columns? string[] columns that must be there
---@field encoding? "utf-8"|"windows-1252" default `utf-8`; a byte order mark of UTF-8 counts more
---@field max_field? integer bytes of a field; default 1 MiB
---@field max_row? integer bytes of a row; default 8 MiB
---@field name? string what errors call the source; default: its path, or `csv`
---@field on_error? fun(err: jeton.csv.Err) gets what is wrong with a row; those below it are read, too

---@class jeton.csv.WriteOptions
---@field separator? string one character; default `,`
---@field columns? string[] the names of the columns: written first; rows may then be tables by name
---@field header? boolean false: the names are not written
---@field guard? boolean true: `'` before texts that a spreadsheet would take for a formula; numbers stay
---@field bom? boolean true: a byte order mark, by which Excel knows UTF-8

--- Reads row by row; no more of the file is in memory than that. Errors are raised. The next call then gives
--- the row below; or nil, where a quote hides the end of the row.
---@param source string|file*|fun(): string? a path, an open file, or a function that gives the next part
---@param options? jeton.csv.ReadOptions
---@return fun(): table<string|integer, string>?, integer? next the row, and the line where it begins
function csv.rows(source, options) end

--- Reads all rows. Empty lines are left out, and columns without a name.
---@param source string|file*|fun(): string?
---@param options? jeton.csv.ReadOptions
---@return table<string|integer, string>[]? rows
---@return integer[]|jeton.Err lines where each begins; or the err
function csv.read(source, options) end

--- Reads a text.
---@param text string
---@param options? jeton.csv.ReadOptions
---@return table<string|integer, string>[]? rows
---@return integer[]|jeton.Err lines where each begins; or the err
function csv.decode(text, options) end

---@class jeton.csv.Writer
local Writer = {}

--- Writes a row: a list; or fields by name, if the writer has `columns`. Fields are texts, numbers, booleans
--- or nil.
---@param row table
function Writer:write(row) end

--- Ends it, and closes the file that it has opened; raises an err if its last rows cannot be written. The end
--- of a `<close>` variable does the same. Where nobody closes it, this is only said in the log.
function Writer:close() end

--- Begins to write, row by row.
---@param target string|file* a path, which is overwritten, or an open file
---@param options? jeton.csv.WriteOptions
---@return jeton.csv.Writer
function csv.writer(target, options) end

--- Writes a whole file. Raises an err if it cannot.
---@param target string|file*
---@param rows table[]
---@param options? jeton.csv.WriteOptions
function csv.write(target, rows, options) end

--- Makes a text.
---@param rows table[]
---@param options? jeton.csv.WriteOptions
---@return string
function csv.encode(rows, options) end

return csv
