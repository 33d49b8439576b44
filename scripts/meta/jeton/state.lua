---@meta jeton.state

--- Durable keys and values of the job, or of the script where there is no job: cursors, what was
--- done last. Changes are seen at once, written together when the run succeeds, and dropped when it
--- fails. A dry run writes nothing. A state that cannot be read or written raises a `jeton.Err`.
local state = {}

--- Gives a value.
---@param key string 1 to 512 bytes
---@return any value nil where there is none; a JSON null is `json.null`
function state.get(key) end

--- Sets a value; nil deletes it. It is written out at once: later changes of a table do not count.
---@param key string 1 to 512 bytes
---@param value any what JSON can hold, 1 MiB at most
function state.set(key, value) end

--- Lists the keys, in byte order.
---@return string[]
function state.keys() end

--- Writes the changes now, whether the run succeeds or not.
function state.commit() end

return state
