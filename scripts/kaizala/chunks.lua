--- Sends long lists of phone numbers in several requests.
local json = require "jeton.json"

local chunks = {}

--- Numbers per request.
chunks.SIZE = 30

local ENDS = { cancelled = true, deadline = true, lost = true } -- kinds of an err with which the run ends

--- Splits a list.
---@param list table
---@return table[] parts lists of `chunks.SIZE` at most; none for an empty list
function chunks.split(list)
  local parts = {}
  for first = 1, #list, chunks.SIZE do
    local last = math.min(first + chunks.SIZE - 1, #list)
    parts[#parts + 1] = json.array(table.move(list, first, last, 1, {}))
  end
  return parts
end

-- Adds an entry for each number that was not done because of an err.
local function add_failed(failed, phones, err)
  for _, phone in ipairs(phones) do
    failed[#failed + 1] = {
      subscriber = phone,
      error_code = err.code or err.kind,
      error_reason = err.message,
    }
  end
end

--- Calls fn for each part (*waits*). An error of the first part is raised. After an error of a later part the
--- rest is not tried, and its numbers are reported. Shows its progress.
---@param parts table[] from `chunks.split`
---@param fn fun(part: table, index: integer) sends a request; may raise an err
---@return kaizala.Failed[] failed numbers that no request was made for, or whose request failed
---@return jeton.Err? err why it stopped
function chunks.each(parts, fn)
  local failed, why = {}, nil
  local shown <close> = #parts > 1 and require "jeton.progress".new {
    label = "subscribers", total = chunks.SIZE * (#parts - 1) + #parts[#parts],
  } or nil
  for i, part in ipairs(parts) do
    if not why then
      local ok, err = pcall(fn, part, i)
      if not ok then
        local must_end = type(err) ~= "table" or ENDS[err.kind]
        if i == 1 or must_end then error(err, 0) end
        why = err
      end
    end
    if why then add_failed(failed, part, why) end
    if shown and not why then shown:add(#part) end
  end
  return failed, why
end

return chunks
