--- A digest of the whole database: if it is equal before and after, nothing has changed.
local crypto = require "jeton.crypto"

local digest = {}

local CHUNK_BYTES = 64 * 1024

local function pack_row(row)
  local names = {}
  for name in pairs(row) do
    names[#names + 1] = name
  end
  table.sort(names)
  local parts = {}
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("s4s4"):pack(name, tostring(row[name]))
  end
  return ("s4"):pack(table.concat(parts))
end

--- Reads every row of every table.
---@param db table
---@return string hex
function digest.of(db)
  local hash, pending, bytes = "", {}, 0
  local function flush()
    hash = crypto.sha256(hash .. table.concat(pending))
    pending, bytes = {}, 0
  end
  local function add(text)
    pending[#pending + 1] = text
    bytes = bytes + #text
    if bytes > CHUNK_BYTES then
      flush()
    end
  end
  for _, entry in ipairs(db:rows "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") do
    add(("s4"):pack(entry.name))
    for row in db:iterate(('SELECT * FROM "%s"'):format(entry.name)) do
      add(pack_row(row))
    end
  end
  flush()
  return crypto.hex(hash)
end

return digest
