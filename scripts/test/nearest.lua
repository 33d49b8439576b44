--- Which of some names somebody may have meant.
local nearest = {}

local FAR = 3 -- edits

--- How many letters have to be changed, left out or put in.
---@param a string
---@param b string
---@return integer
function nearest.distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(above + 1, row[j - 1] + 1, diagonal + cost)
      diagonal = above
    end
  end
  return row[#b]
end

--- "; did you mean 'x'?", or "".
---@param name string
---@param names string[]
---@return string
function nearest.hint(name, names)
  table.sort(names)
  local best, best_distance
  for _, each in ipairs(names) do
    local distance = nearest.distance(name, each)
    if distance <= FAR and (not best or distance < best_distance) then
      best, best_distance = each, distance
    end
  end
  return best and ("; did you mean '%s'?"):format(best) or ""
end

return nearest
