-- jeton.sqlite: values, statements, transactions, files.
local json = require "jeton.json"
local lu = require "luaunit"
local sqlite = require "jeton.sqlite"
local task = require "jeton.task"

local NUMBERS = [[
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n]]

local function run(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read "a"
  pipe:close()
  return out
end

local TestSqlite = {}

function TestSqlite:setUp()
  self.folder = run "mktemp -d":gsub("\n$", "")
  self.db = assert(sqlite.open ":memory:")
  self.db:exec "CREATE TABLE t (id INTEGER PRIMARY KEY, v)"
end

function TestSqlite:tearDown()
  self.db:close()
  os.execute("rm -rf '" .. self.folder .. "'")
end

local function round_trip(db, value)
  return db:row("SELECT ? AS v, typeof(?) AS t", value, value)
end

function TestSqlite:test_values_come_back_as_they_went()
  for _, case in ipairs {
    { 0, "integer" }, { -1, "integer" }, { 636674054802000001, "integer" },
    { math.maxinteger, "integer" }, { math.mininteger, "integer" },
    { 1.5, "real" }, { 5.0, "real" }, { 1e300, "real" }, { math.huge, "real" },
    { "", "text" }, { "été \u{1F600}", "text" }, { "a\0b", "text" }, { "\xff\0\xfe", "blob" },
  } do
    local row = round_trip(self.db, case[1])
    lu.assertIs(row.v, case[1])
    lu.assertEquals(math.type(row.v), math.type(case[1]))
    lu.assertEquals(row.t, case[2])
  end
end

function TestSqlite.test_texts_of_a_database_in_utf_16()
  local db = assert(sqlite.open ":memory:")
  db:exec "PRAGMA encoding = 'UTF-16'"
  db:exec "CREATE TABLE t (a, b)"
  db:exec("INSERT INTO t VALUES (?, ?), ('', x'')", "h\u{e9}llo \u{1F600}\0x", "\xff\0")
  lu.assertEquals(db:rows "SELECT a, b, length(b) AS n FROM t",
    { { a = "h\u{e9}llo \u{1F600}\0x", b = "\xff\0", n = 2 }, { a = "", b = "", n = 0 } })
  db:close()
end

function TestSqlite:test_booleans_and_nothing()
  lu.assertEquals(round_trip(self.db, true), { v = 1, t = "integer" })
  lu.assertEquals(round_trip(self.db, false), { v = 0, t = "integer" })
  lu.assertEquals(round_trip(self.db, nil), { t = "null" })
  lu.assertEquals(round_trip(self.db, json.null), { t = "null" })
end

function TestSqlite:test_other_types_are_refused()
  for _, value in ipairs { {}, print, io.stdout, coroutine.create(print) } do
    lu.assertErrorMsgContains("string or json.null expected", self.db.exec, self.db,
      "INSERT INTO t (v) VALUES (?)", value)
  end
  for _, value in ipairs { 0 / 0, -(0 / 0) } do -- SQLite makes NULL of it
    lu.assertErrorMsgContains("NaN", self.db.exec, self.db, "INSERT INTO t (v) VALUES (?)", value)
  end
  lu.assertEquals(self.db:rows "SELECT * FROM t", {})
end

function TestSqlite:test_the_number_of_parameters_must_fit()
  lu.assertErrorMsgContains("1 parameters given, 2 in: SELECT ?, ?", self.db.row, self.db, "SELECT ?, ?", 1)
  lu.assertErrorMsgContains("1 parameters given, 0 in", self.db.exec, self.db, "DELETE FROM t", nil)
end

function TestSqlite:test_changed_rows_and_ids()
  lu.assertEquals(self.db:last_id(), 0)
  lu.assertEquals(self.db:exec("INSERT INTO t (v) VALUES (?), (?), (?)", 1, 2, 3), 3)
  lu.assertEquals(self.db:last_id(), 3)
  lu.assertEquals(self.db:exec("UPDATE t SET v = 0 WHERE id > ?", 1), 2)
  lu.assertEquals(self.db:exec("UPDATE t SET v = 0 WHERE id > ?", 100), 0)
  lu.assertEquals(self.db:exec "CREATE TABLE other (x)", 0)
  lu.assertEquals(self.db:exec "DELETE FROM t", 3)
end

function TestSqlite:test_rows_and_row()
  self.db:exec("INSERT INTO t (v) VALUES (?), (?)", "a", nil)
  lu.assertEquals(self.db:rows "SELECT * FROM t ORDER BY id", { { id = 1, v = "a" }, { id = 2 } })
  lu.assertEquals(self.db:row "SELECT * FROM t ORDER BY id DESC", { id = 2 })
  lu.assertNil(self.db:row("SELECT * FROM t WHERE id = ?", 9))
end

function TestSqlite:test_several_statements()
  lu.assertEquals(self.db:exec [[
    CREATE TABLE a (x); -- the first
    INSERT INTO a VALUES (1), (2); /* the second */
    UPDATE a SET x = x + 1; -- and a comment at the end]], 4)
  lu.assertEquals(#self.db:rows "SELECT x FROM a; -- nothing more", 2)
  lu.assertErrorMsgContains("one statement expected", self.db.rows, self.db, "SELECT 1; SELECT 2")
  lu.assertErrorMsgContains("one statement expected", self.db.exec, self.db, "SELECT ?; SELECT 2", 1)
  lu.assertErrorMsgContains("no SQL statement", self.db.row, self.db, " -- nothing")
  lu.assertEquals(self.db:exec "", 0)
end

function TestSqlite:test_errors_are_raised_with_position_code_and_sql()
  local ok, message = pcall(function() self.db:exec "SELEC 1" end)
  lu.assertFalse(ok)
  lu.assertStrMatches(message, ".*test_sqlite%.lua:%d+: .*syntax error.*SELEC 1")
  self.db:exec "INSERT INTO t (id) VALUES (1)"
  lu.assertErrorMsgContains("SQLITE_CONSTRAINT", self.db.exec, self.db, "INSERT INTO t (id) VALUES (?)", 1)
  lu.assertErrorMsgContains("no such column", self.db.exec, self.db, [[SELECT "not a string"]])
  lu.assertErrorMsgContains("NUL", self.db.exec, self.db, "SELECT 1\0")
  -- the statement that failed can be used again
  lu.assertEquals(self.db:exec("INSERT INTO t (id) VALUES (?)", 2), 1)
end

function TestSqlite:test_foreign_keys_are_enforced()
  self.db:exec "CREATE TABLE child (t REFERENCES t (id))"
  lu.assertErrorMsgContains("FOREIGN KEY", self.db.exec, self.db, "INSERT INTO child VALUES (7)")
end

function TestSqlite:test_no_extension_is_loaded()
  lu.assertError(self.db.exec, self.db, "SELECT load_extension('x')")
end

function TestSqlite:test_more_statements_than_are_kept()
  for round = 1, 3 do
    for i = 1, 200 do
      local row = self.db:row("SELECT ? + " .. i .. " AS v", round)
      lu.assertEquals(row.v, round + i)
    end
  end
end

function TestSqlite:test_iterate()
  local seen = {}
  for row in self.db:iterate(NUMBERS, 4) do seen[#seen + 1] = row.i end
  lu.assertEquals(seen, { 1, 2, 3, 4 })
end

function TestSqlite:test_the_same_statement_inside_itself()
  local sum = 0
  for outer in self.db:iterate(NUMBERS, 3) do
    for inner in self.db:iterate(NUMBERS, 3) do sum = sum + outer.i * inner.i end
  end
  lu.assertEquals(sum, 36)
end

function TestSqlite:test_leaving_a_loop_ends_the_statement()
  local path = self.folder .. "/x.db"
  local db = assert(sqlite.open(path))
  local other = assert(sqlite.open(path))
  db:exec "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)"
  for row in db:iterate "SELECT x FROM t" do
    if row.x == 1 then break end
  end
  pcall(function()
    for _ in db:iterate "SELECT x FROM t" do error "out" end
  end)
  other:exec "DELETE FROM t"
  -- a reader that is still open would hold the log back
  lu.assertEquals(other:row "PRAGMA wal_checkpoint(TRUNCATE)".busy, 0)
  lu.assertNil(db:row "SELECT x FROM t")
  db:close()
  other:close()
end

function TestSqlite.test_closing_during_a_loop()
  local db = assert(sqlite.open ":memory:")
  lu.assertErrorMsgContains("closed during db:iterate", function()
    for _ in db:iterate(NUMBERS, 3) do db:close() end
  end)
  lu.assertErrorMsgContains("the database is closed", db.exec, db, "SELECT 1")
  db:close()
end

function TestSqlite:test_forgotten_loops_are_collected()
  for _ = 1, 100 do
    local next_row = self.db:iterate(NUMBERS, 3)
    next_row()
  end
  collectgarbage()
  self.db:exec "DROP TABLE t" -- is refused while a statement runs
end

function TestSqlite:test_transaction_commits_and_returns()
  local a, b = self.db:transaction(function()
    self.db:exec "INSERT INTO t (v) VALUES (1)"
    return "a", "b"
  end)
  lu.assertEquals({ a, b }, { "a", "b" })
  lu.assertEquals(#self.db:rows "SELECT * FROM t", 1)
end

function TestSqlite:test_transaction_rolls_back_and_raises_the_same()
  local reason = {}
  local ok, err = pcall(self.db.transaction, self.db, function()
    self.db:exec "INSERT INTO t (v) VALUES (1)"
    error(reason)
  end)
  lu.assertFalse(ok)
  lu.assertIs(err, reason)
  lu.assertEquals(self.db:rows "SELECT * FROM t", {})
end

function TestSqlite:test_nested_transactions()
  self.db:transaction(function()
    self.db:exec "INSERT INTO t (v) VALUES ('outer')"
    pcall(self.db.transaction, self.db, function()
      self.db:exec "INSERT INTO t (v) VALUES ('lost')"
      self.db:transaction(function() self.db:exec "INSERT INTO t (v) VALUES ('lost too')" end)
      error "no"
    end)
    self.db:transaction(function() self.db:exec "INSERT INTO t (v) VALUES ('inner')" end)
  end)
  lu.assertEquals(self.db:rows "SELECT v FROM t", { { v = "outer" }, { v = "inner" } })
end

function TestSqlite:test_a_commit_that_fails_rolls_back()
  self.db:exec "CREATE TABLE child (t REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)"
  lu.assertErrorMsgContains("FOREIGN KEY", self.db.transaction, self.db, function()
    self.db:exec "INSERT INTO child VALUES (7)"
  end)
  lu.assertEquals(self.db:rows "SELECT * FROM child", {})
  self.db:transaction(function() self.db:exec "INSERT INTO t (v) VALUES (1)" end)
end

-- What returns rows of its changes is written behind the last of them: that may fail, though a row came.
function TestSqlite:test_a_row_of_a_change_that_cannot_be_kept()
  local db = self.db
  db:exec "CREATE TABLE p (id INTEGER PRIMARY KEY)"
  db:exec "CREATE TABLE c (p REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)"
  local insert, says = "INSERT INTO c VALUES (5), (6) RETURNING p", "FOREIGN KEY constraint failed"
  local function first()
    for row in db:iterate(insert) do
      if row then return row end
    end
  end
  for _ = 1, 3 do
    lu.assertErrorMsgMatches("[^:]+:%d+: " .. says .. ".*", function() db:row(insert) end)
    lu.assertErrorMsgContains(says, db.rows, db, insert)
    lu.assertErrorMsgContains(says, db.exec, db, insert)
    lu.assertErrorMsgContains(says, first)
    lu.assertEquals(db:row "SELECT count(*) AS n FROM c".n, 0)
  end
  lu.assertErrorMsgContains("of the body", function()
    for _ in db:iterate(insert) do error "of the body" end
  end)
  local next_row <const>, _, _, cursor = db:iterate(insert)
  getmetatable(cursor).__close(cursor, nil) -- it has not begun
  lu.assertErrorMsgContains("closed", next_row)
  db:exec "INSERT INTO p VALUES (5), (6)"
  lu.assertEquals(db:row(insert), { p = 5 })
  lu.assertEquals(first(), { p = 5 })
  lu.assertEquals(db:row "SELECT count(*) AS n FROM c".n, 4)
end

function TestSqlite:test_a_transaction_ended_by_hand()
  lu.assertErrorMsgContains("was ended inside", self.db.transaction, self.db, function()
    self.db:exec "COMMIT"
  end)
end

function TestSqlite:test_no_closing_inside()
  lu.assertErrorMsgContains("db:close inside", self.db.transaction, self.db, function() self.db:close() end)
  lu.assertEquals(self.db:exec "INSERT INTO t (v) VALUES (1)", 1)
end

function TestSqlite:test_waiting_inside_is_refused()
  local ok, message = pcall(self.db.transaction, self.db, function()
    self.db:exec "INSERT INTO t (v) VALUES (1)"
    task.sleep(0)
  end)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "task.sleep")
  lu.assertStrContains(message, "transaction")
  lu.assertEquals(self.db:rows "SELECT * FROM t", {})
end

function TestSqlite:test_a_file_is_private_and_lasts()
  local path = self.folder .. "/private.db"
  local db = assert(sqlite.open(path))
  db:exec "CREATE TABLE t (x); INSERT INTO t VALUES (1)"
  lu.assertEquals(db:row "PRAGMA journal_mode".journal_mode, "wal")
  for name in run("stat -c '%a' '" .. path .. "'*"):gmatch "%S+" do lu.assertEquals(name, "600") end
  db:close()
  local again <close> = assert(sqlite.open(path))
  lu.assertEquals(again:rows "SELECT x FROM t", { { x = 1 } })
end

function TestSqlite:test_a_database_of_others_stays_as_it_is()
  local path = self.folder .. "/theirs.db"
  do
    local db <close> = assert(sqlite.open(path))
    db:exec "PRAGMA journal_mode = DELETE; CREATE TABLE t (x); INSERT INTO t VALUES (1)"
  end
  local before = assert(io.open(path, "rb")):read "a"
  do
    local db <close> = assert(sqlite.open(path))
    lu.assertEquals(db:rows "SELECT x FROM t", { { x = 1 } })
    lu.assertEquals(db:row "PRAGMA journal_mode".journal_mode, "delete")
  end
  lu.assertEquals(assert(io.open(path, "rb")):read "a", before)
end

function TestSqlite:test_opening_twice_keeps_the_locks()
  local path = self.folder .. "/locks.db"
  local one = assert(sqlite.open(path))
  one:exec "CREATE TABLE t (x)"
  one:exec "BEGIN IMMEDIATE"
  local two = assert(sqlite.open(path))
  two:exec "PRAGMA busy_timeout = 0"
  lu.assertErrorMsgContains("SQLITE_BUSY", two.exec, two, "INSERT INTO t VALUES (1)")
  one:exec "COMMIT"
  two:exec "INSERT INTO t VALUES (1)"
  one:close()
  two:close()
end

function TestSqlite:test_what_cannot_be_opened()
  local db, err = sqlite.open(self.folder .. "/none/x.db")
  lu.assertNil(db)
  lu.assertEquals(err.kind, "config")
  lu.assertStrContains(err.message, "/none/x.db")
  local path = self.folder .. "/no.db"
  local file = assert(io.open(path, "w"))
  file:write(("this is no database\n"):rep(100))
  file:close()
  db, err = sqlite.open(path)
  lu.assertNil(db)
  lu.assertEquals(err.kind, "config")
  lu.assertStrContains(err.message, "not a database")
end

function TestSqlite:test_a_name_is_no_uri()
  os.execute("cd '" .. self.folder .. "' && mkdir file:")
  local db <close> = assert(sqlite.open(self.folder .. "/file:x.db?mode=memory"))
  db:exec "CREATE TABLE t (x)"
  lu.assertStrContains(run("ls '" .. self.folder .. "'"), "file:x.db?mode=memory")
end

function TestSqlite:test_files_beside_a_database_in_memory()
  local path = self.folder .. "/out.db"
  self.db:exec "INSERT INTO t (v) VALUES ('kept')"
  self.db:exec(("VACUUM INTO '%s'"):format(path))
  do
    local file <close> = assert(sqlite.open(path))
    lu.assertEquals(file:rows "SELECT v FROM t", { { v = "kept" } })
  end
  self.db:exec(("ATTACH '%s' AS o"):format(path))
  lu.assertEquals(self.db:rows "SELECT v FROM o.t", { { v = "kept" } })
  self.db:exec "INSERT INTO o.t (v) VALUES ('new')"
  self.db:exec "DETACH o"
  local file <close> = assert(sqlite.open(path))
  lu.assertEquals(file:row "SELECT count(*) AS n FROM t", { n = 2 })
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
os.exit(runner:runSuiteByInstances { { "TestSqlite", TestSqlite } })
