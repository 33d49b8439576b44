---@meta _

--- What a handler of a webhook is called with. Its script returns a table of functions by type, with `"*"`
--- for all others, or one function: `---@type table<string, jeton.Handler>`.
---@class jeton.Event
---@field id string the sender's ID
---@field seq integer the number that `jeton events` shows
---@field type? string
---@field data any the body as JSON, or the fields of a form (and what its only one, `payload`, holds)
---@field body string
---@field headers table<string, string> names in lower case; what proves who the sender is is `***`
---@field attempt integer from 1
---@field attempts integer the most that will be made
---@field received_at integer epoch seconds
---@field key string the same at each attempt, and for no other event: an `Idempotency-Key`
local event = {}

--- Runs fn once, and keeps what it returns: a later attempt gets that, and does not run it again. If it
--- raises, or returns `nil, err`, nothing is kept. `state.set` raises in fn: set behind the step what it
--- returns.
---@generic T
---@param name string 1 to 256 bytes
---@param fn fun(): T?, jeton.Err? a value that JSON can hold, at most 1 MiB
---@return T?
---@return jeton.Err? err
function event:step(name, fn) end

--- Gives the event up: it is not tried again. Does not return.
---@param why? string
function event:reject(why) end

--- What it returns is the answer to the sender, if the webhook waits for that: `{status=, headers=, body=}`
--- or `{json=}`. `false`, and `nil` with an err, are failures.
---@alias jeton.Handler fun(event: jeton.Event): any, jeton.Err?
