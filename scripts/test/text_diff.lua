--- What differs between two texts, line by line.
local show = require "test.show"

local text_diff = {}

local LINES_MAX <const> = 400    -- of each text that are compared in full
local CONTEXT <const> = 2        -- equal lines around what differs
local OUT_MAX <const> = 60       -- lines of a diff
local LINE_BYTES_MAX <const> = 200

local function split(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

--- lengths[i][j]: of the longest common sequence of a from i on and b from j on.
local function common(a, b)
  local lengths = {}
  for i = #a + 1, 1, -1 do
    local row, below = {}, lengths[i + 1]
    for j = #b + 1, 1, -1 do
      if i > #a or j > #b then row[j] = 0
      elseif a[i] == b[j] then row[j] = below[j + 1] + 1
      else row[j] = math.max(below[j], row[j + 1]) end
    end
    lengths[i] = row
  end
  return lengths
end

local function edits(a, b)
  local lengths, list, i, j = common(a, b), {}, 1, 1
  while i <= #a or j <= #b do
    if i <= #a and j <= #b and a[i] == b[j] then
      list[#list + 1], i, j = { " ", a[i] }, i + 1, j + 1
    elseif j > #b or (i <= #a and lengths[i + 1][j] >= lengths[i][j + 1]) then
      list[#list + 1], i = { "-", a[i] }, i + 1
    else
      list[#list + 1], j = { "+", b[j] }, j + 1
    end
  end
  return list
end

--- Texts with too many lines: from the first that differs.
local function head(a, b)
  local first = 1
  while a[first] == b[first] do first = first + 1 end
  return { { "@", "line " .. first }, { "-", a[first] or "(the end)" }, { "+", b[first] or "(the end)" } }
end

local function near_a_change(list, at)
  for other = math.max(at - CONTEXT, 1), math.min(at + CONTEXT, #list) do
    if list[other][1] ~= " " then return true end
  end
  return false
end

--- "- " only in `from`, "+ " only in `to`, with a few equal lines around. The texts differ.
---@return string
function text_diff.lines(from, to)
  local a, b = split(from), split(to)
  local list = (#a > LINES_MAX or #b > LINES_MAX) and head(a, b) or edits(a, b)
  local out, gap = {}, false
  for at, edit in ipairs(list) do
    if not near_a_change(list, at) then
      gap = true
    elseif #out == OUT_MAX then
      out[#out + 1] = "…"
      break
    else
      if gap and #out > 0 then out[#out + 1] = "  …" end
      gap = false
      out[#out + 1] = edit[1] .. " " .. show.cut(edit[2], LINE_BYTES_MAX)
    end
  end
  return table.concat(out, "\n")
end

return text_diff
