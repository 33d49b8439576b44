---@meta jeton

--- What a script knows about its run.
---@class jeton
---@field args string[]|table<string, any> the script's arguments (also `...`), or the job's `args`
---@field folder? string the script's own folder, where `require` looks too; nil for standard input
---@field job? jeton.Job nil outside a job
---@field deadline? integer epoch seconds; nil where the run has none
---@field connector? string the connector that the run was given; nil where it was given none
---@field version string of jeton
---@field dry_run boolean GET requests go out, others are printed instead of sent
local jeton = {}

---@class jeton.Job
---@field name string
---@field args table<string, any>|any[] the job's `args`, the same table as `jeton.args`
---@field slot? integer the scheduled time, epoch seconds; nil for a run by hand
---@field attempt integer from 1
---@field attempts integer how many there may be
---@field deadline integer epoch seconds, of all attempts together
---@field run? string the run's id in `jeton history`; nil in a dry run

return jeton
