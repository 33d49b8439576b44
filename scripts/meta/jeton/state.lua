---@meta jeton.state

--- Durable keys and values of the job, or of the script outside of jobs: a cursor, what was done last.
--- The script sees its changes at once; they are written together when the run succeeds, and dropped
--- when it fails. A dry run writes nothing. A state that cannot be read or written raises a `jeton.Err`.
local state = {}

--- Gives a value.
---@param key string 1 to 512 bytes
---@return any value nil if there is none; a JSON null is `json.null`
function state.get(key) end

--- Sets a value; nil deletes it. A table is copied: later changes of it have no effect.
---@param key string 1 to 512 bytes
---@param value any a value that JSON can hold, at most 1 MiB
function state.set(key, value) end

--- Lists the keys, in byte order.
---@return string[]
function state.keys() end

--- Writes the changes now, whether the run succeeds or not. If a key that was read has been changed by
--- another run since, nothing is written, all changes are forgotten, and it raises a `jeton.Err` of
--- kind `conflict`.
function state.commit() end

--- Gives the functions for keys that several jobs and webhooks of one configuration have in common.
--- Raises a `jeton.Err` of kind `config` where the job or webhook has not this name in its `shared`.
---@param name string
---@return jeton.SharedState
function state.shared(name) end

--- The functions of `jeton.state`, for shared keys. They are written together with the run's own.
---@class jeton.SharedState
---@field get fun(key: string): any
---@field set fun(key: string, value: any)
---@field keys fun(): string[]
---@field commit fun()

return state
