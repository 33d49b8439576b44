---@meta jeton.progress

--- Shows how far long work has come: a bar on a terminal, else a line in the log now and then.
local progress = {}

---@class jeton.progress.Options
---@field label? string what is counted; default `progress`
---@field total? number how much there is to do; nil: not known
---@field unit? "items"|"bytes" how numbers are written; default `items`

---@class jeton.Progress
local Progress = {}

--- So much more has been done.
---@param count? number 1 by default
function Progress:add(count) end

--- So much has been done, in all.
---@param count number
---@param total? number how much there is to do, where that is known only now
function Progress:set(count, total) end

--- The work is over: the bar goes, and a line says what was done, if anything was shown before. The end of
--- a `<close>` variable does the same.
function Progress:done() end

--- Begins; nothing is shown of what is over within half a second.
---@param options? jeton.progress.Options
---@return jeton.Progress
function progress.new(options) end

return progress
