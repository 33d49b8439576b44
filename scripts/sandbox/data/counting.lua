--- Checks whether a table is full, without counting its rows at every insertion.
local counting = {}

--- The largest row number is never smaller than the number of rows, and cheap to get. The rows are counted
--- only if it reaches the limit.
---@param limit integer
---@param largest string SQL that gives `n`, the largest row number of the table
---@param count string SQL that gives `n`, the number of rows that count
---@param ... any parameters of count
---@return boolean
function counting.reaches(db, limit, largest, count, ...)
  return (db:row(largest).n or 0) >= limit and db:row(count, ...).n >= limit
end

return counting
