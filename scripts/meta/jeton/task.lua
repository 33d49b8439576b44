---@meta jeton.task

--- Tasks: functions that run side by side and wait for each other, for time and for the network.
--- Only one runs at a time, until it waits. The run ends when all tasks have ended.
local task = {}

---@class jeton.task.Task
local Task = {}

---@alias jeton.task.Status "waiting"|"running"|"done"|"failed"|"cancelled"

--- Starts a task on the next turn. If it fails and nobody joins it, the run fails.
---@param fn function
---@param ... any its arguments
---@return jeton.task.Task
function task.spawn(fn, ...) end

--- Waits until the task has ended. Raises its error: a string with the task's traceback appended, a
--- `jeton.Err` with the traceback in its field, any other value as it is.
---@return any ... what its function returned
function Task:join() end

--- Makes the call in which the task waits raise a `jeton.Err` of kind `cancelled`, once. A task that has
--- not started never runs. Does not wait for the task's end.
function Task:cancel() end

--- Says how the task is doing.
---@return jeton.task.Status
function Task:status() end

---@class jeton.task.MapOptions
---@field limit? integer items processed at once, 1 to 1000; default 20
---@field progress? boolean|string|jeton.Progress shows how many are done: true, under a label, or there

--- Calls fn for every item of a list, several at once, and waits for all. The first error cancels
--- the others, waits for their end, and is raised as `Task:join` does.
---@generic T, R
---@param list T[]
---@param fn fun(item: T): R
---@param options? jeton.task.MapOptions
---@return R[] results in the order of the list
function task.map(list, fn, options) end

--- Waits.
---@param seconds number 0 to 1e9
function task.sleep(seconds) end

--- Lets the other tasks and the network have a turn.
function task.yield() end

--- A clock for durations: setting the time of day does not affect it.
---@return number seconds since an arbitrary start, to the millisecond
function task.now() end

---@class jeton.task.Lock
local Lock = {}

--- Makes a lock among tasks.
---@return jeton.task.Lock
function task.lock() end

--- Waits for the lock, in order of arrival, calls fn and releases the lock, however fn ends. Raises
--- if this task holds it already.
---@param fn function
---@param ... any its arguments
---@return any ... what fn returned
function Lock:with(fn, ...) end

return task
