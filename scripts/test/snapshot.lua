--- t:snapshot: a value as it was when somebody looked at it last, in a file beside the test.
local ending = require "test.ending"
local failure = require "test.failure"
local files = require "test.snapshot_file"
local secrets = require "test.secrets"
local show = require "test.show"
local text_diff = require "test.text_diff"

failure.pass_over()

local snapshot = { methods = {} }

local TEXT_MAX <const> = 1024 * 1024 -- bytes

local kept -- snapshot.kept of the file of tests that is run

---@class snapshot.kept
---@field path string
---@field entries table<string, {kind: string, text: string}>
---@field used table<string, boolean>
---@field changed boolean
---@field update boolean

local function load(t)
  if kept then return end
  local path = files.path(t.path)
  kept = { path = path, entries = files.read(path), used = {}, changed = false, update = t.options.update }
end

--- Those of tests that ran and passed and did not ask for them, and of tests that are not there any more.
local function unused(results)
  local tests, names = require("jeton.test").cases, {}
  for key in pairs(kept.entries) do
    local owner
    for _, test in ipairs(tests) do
      if key:sub(1, #test.name + 3) == test.name .. " / " then owner = test.name end
    end
    if not kept.used[key] and (not owner or results[owner] == "pass") then names[#names + 1] = key end
  end
  table.sort(names)
  return names
end

table.insert(ending.hooks, function(results)
  if not kept then return end
  local names = unused(results)
  if kept.update then
    for _, name in ipairs(names) do kept.entries[name], kept.changed = nil, true end
  else
    ending.snapshots_unused = names
  end
  if kept.changed then files.write(kept.path, kept.entries) end
end)

local function name_of(t, name)
  if name == nil then
    t.snapshots = (t.snapshots or 0) + 1
    name = tostring(t.snapshots)
  end
  if type(name) ~= "string" or name == "" or name:find "%c" or name:find "\xC2[\x80-\x9F]" then
    error("t:snapshot: the name is one line of text", 3)
  end
  local key = t.name .. " / " .. name
  if kept.used[key] then error(("t:snapshot: this test has a snapshot '%s' already"):format(name), 3) end
  return key
end

-- What would be written with its address, which differs from run to run: its kind, and in which field it is.
local function addressed(value, field, above)
  if type(value) ~= "table" then
    return type(value) ~= "string" and tostring(value):find "0x%x" and type(value), field
  end
  if above[value] or above.depth == show.DEPTH_MAX then return nil end
  above[value], above.depth = true, above.depth + 1
  for _, key in ipairs(show.keys(value)) do
    local kind, where = addressed(rawget(value, key), "field " .. show.scalar(key), above)
    if type(key) == "table" or addressed(key, nil, above) then kind, where = type(key), "a key" end
    if kind then return kind, where end
  end
  above[value], above.depth = nil, above.depth - 1
end

local function check(t, key, entry)
  local line, what = secrets.find(entry.text, t.masked_by_cassette)
  local _, named = secrets.find(key, t.masked_by_cassette)
  if named then
    failure.raise(("the name of a snapshot, '%s', holds %s; nothing was written"):format(key, named))
  elseif line then
    failure.raise(("the snapshot '%s' would hold %s, in line %d; nothing was written"):format(key, what,
      line))
  elseif #entry.text > TEXT_MAX then
    failure.raise(("the snapshot '%s' would have more than 1 MiB"):format(key))
  end
  local before = kept.entries[key]
  local same = before and before.kind == entry.kind and before.text == entry.text
  if not same and kept.update then
    kept.entries[key], kept.changed = entry, true
  elseif not before then
    failure.raise(("there is no snapshot '%s' yet; write it with: jeton test %s --update"):format(key,
      t.file))
  elseif not same then
    local message = ("it is not as in the snapshot '%s' (if it is right now: jeton test %s --update)"):format(
      key, t.file)
    local diff = before.text == entry.text and ("it was a %s, and is a %s"):format(before.kind, entry.kind)
    failure.raise(message, diff or text_diff.lines(before.text, entry.text))
  end
end

--- name may be left out.
function snapshot.methods:snapshot(...)
  local name, value = ...
  if select("#", ...) == 1 then name, value = nil, name end
  local kind, where = addressed(value, "the value", { depth = 0 })
  if kind then
    error(("t:snapshot: %s is a %s, whose address differs from run to run"):format(where, kind), 2)
  end
  load(self)
  local key = name_of(self, name)
  kept.used[key] = true
  local is_text = type(value) == "string"
  check(self, key, { kind = is_text and "text" or "value", text = is_text and value or show.lines(value) })
end

return snapshot
