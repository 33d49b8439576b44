---@meta jeton

--- What a script knows about its run.
---@class jeton
---@field args string[]|table<string, any> arguments (also `...`), or the job's `args`; by name, `run --arg`
---@field folder? string the script's own folder, where `require` looks too; nil for standard input
---@field job? jeton.Job nil outside a job
---@field deadline? integer epoch seconds; nil if the run has none
---@field connector? string the connector given by `-C` or by the job
---@field version string of jeton
---@field dry_run boolean GET requests are sent, others are printed instead
local jeton = {}

---@class jeton.Job
---@field name string
---@field args table<string, any>|any[] the job's `args`, the same table as `jeton.args`
---@field slot? integer the scheduled time, epoch seconds; nil if it was started by hand
---@field attempt integer from 1
---@field attempts integer how many there may be
---@field deadline integer epoch seconds, of all attempts together
---@field run? string the run's id in `jeton history`; nil in a dry run

return jeton
