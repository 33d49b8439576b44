---@meta jeton.sqlite

--- SQLite databases. SQL errors raise a string, as do a full disk, I/O errors, and a lock that another
--- process holds for over 10 s. Parameters replace `?` in order: nil and `json.null` as NULL, booleans
--- as 0 and 1, integers, floats, strings as text if they are UTF-8, else as blobs. Calls do not wait:
--- they block the other tasks while they run.
local sqlite = {}

---@alias jeton.sqlite.Value nil|boolean|integer|number|string|lightuserdata

--- By column name; a column that is NULL is absent; blobs and text are strings.
---@alias jeton.sqlite.Row table<string, integer|number|string>

---@class jeton.sqlite.Db
local db = {}

--- Opens a database, made with mode 0600 if it is absent. Foreign keys are enforced, a file is
--- in WAL mode, `"x"` is always a name, never a string. Links are followed where they and their
--- folders are yours or root's. nil, err: kind `config`.
---@param path string ":memory:" for a database in memory
---@return jeton.sqlite.Db? db
---@return jeton.Err? err
function sqlite.open(path) end

--- Runs a statement; without parameters also several, separated by `;`.
---@param sql string
---@param ... jeton.sqlite.Value
---@return integer changed rows that were inserted, updated or deleted
function db:exec(sql, ...) end

--- All rows.
---@param sql string
---@param ... jeton.sqlite.Value
---@return jeton.sqlite.Row[] rows
function db:rows(sql, ...) end

--- The first row, or nil.
---@param sql string
---@param ... jeton.sqlite.Value
---@return jeton.sqlite.Row? row
function db:row(sql, ...) end

--- One row at a time: `for row in db:iterate(sql) do … end`. Leaving the loop ends the statement.
---@param sql string
---@param ... jeton.sqlite.Value
---@return fun(): jeton.sqlite.Row?
---@return nil
---@return nil
---@return any cursor the loop's closing value
function db:iterate(sql, ...) end

--- Calls fn in a transaction, which commits when fn returns and rolls back when it raises (the
--- error goes on). A nested one is a savepoint. fn must not wait: that raises.
---@generic T
---@param fn fun(): T
---@return T results of fn
function db:transaction(fn) end

--- The rowid of the last inserted row; 0 if there is none.
---@return integer
function db:last_id() end

--- Closes it and its iterations. Idempotent. Also done by `local db <close>`.
function db:close() end

return sqlite
