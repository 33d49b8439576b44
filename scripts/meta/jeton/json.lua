---@meta jeton.json

--- Lossless JSON: 64-bit integers stay integers, an empty list stays a list. A value that cannot be
--- represented exactly is refused, never changed (but see `mend`).
local json = {}

--- JSON's null. Also what `cjson.null` is.
---@type lightuserdata
json.null = nil

---@class jeton.json.DecodeOptions
---@field lenient? boolean unquoted keys, single quotes, comments, trailing commas, `str(dict)`, Latin-1
---@field mend? boolean what cannot be exact (half a surrogate, 2^64, 1e400, NaN) is read as near as can be,
---rather than refused; default: as lenient
---@field max_bytes? integer the longest text that is read, in bytes (at most and by default 64 MiB)
---@field max_depth? integer the deepest nesting that is read (at most and by default 128)

---@class jeton.json.EncodeOptions
---@field indent? integer spaces a level, 0 to 8; 0 (default) writes everything on one line

--- Reads one JSON text. Lists are marked as `json.array` does; null is `json.null`; of two members with
--- the same name the last one counts.
---@param text string a byte order mark before it is skipped
---@param options? jeton.json.DecodeOptions
---@return any value nil when text is not JSON
---@return jeton.Err? err kind `invalid`, with line and column in its message
function json.decode(text, options) end

--- Writes a value. A table with string keys is an object, its keys in byte order; a table with 1 … n is
--- a list; an empty table is `{}` unless it is marked.
---@param value any nil and `json.null` are written `null`
---@param options? jeton.json.EncodeOptions
---@return string? text nil when the value cannot be written
---@return jeton.Err? err kind `invalid`, with the path to what cannot be written (`$.a[3]: …`)
function json.encode(value, options) end

--- Marks a table as a list, so that it is written `[]` when it is empty.
---@generic T: table
---@param list? T a table without a metatable; a new one by default
---@return T list the same table
function json.array(list) end

--- True for a table that `json.array` or `json.decode` marked as a list.
---@param value any
---@return boolean
function json.is_array(value) end

return json
