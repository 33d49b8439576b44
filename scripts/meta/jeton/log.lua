---@meta jeton.log

--- Lines in jeton's own log, on standard error. Secrets are masked.
local log = {}

--- Shown always.
---@param message string
---@param fields? table<string, any> at most 32; values are written by `tostring`
function log.error(message, fields) end

--- Shown unless `-q`.
---@param message string
---@param fields? table<string, any>
function log.warn(message, fields) end

--- Shown unless `-q`.
---@param message string
---@param fields? table<string, any>
function log.info(message, fields) end

--- Shown with `-v`.
---@param message string
---@param fields? table<string, any>
function log.debug(message, fields) end

return log
