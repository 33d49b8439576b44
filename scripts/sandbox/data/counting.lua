--- Whether a table is full, without counting it at every insertion.
local counting = {}

--- A largest row number is never smaller than the number of rows, and costs nothing: the rows are counted
--- only where it could be too many.
---@param limit integer
---@param largest string SQL that gives `n`, the largest row number of the table
---@param count string SQL that gives `n`, the number of rows that count
---@param ... any parameters of count
---@return boolean
function counting.reaches(db, limit, largest, count, ...)
  return (db:row(largest).n or 0) >= limit and db:row(count, ...).n >= limit
end

return counting
