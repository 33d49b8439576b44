-- Posts the day's leaderboard from a CSV file: the best, with medals and the changes since the last one.
--
-- Run:   jeton run --sandbox leaderboard.lua [FILE [TOP [GROUP]]]
--        jeton -c leaderboard.yaml run leaderboard.lua FILE [TOP [GROUP]]
--        FILE has the columns name and score (data/scores.csv beside this script); TOP is how many
--        (default: 5); GROUP an ID (default: the connector's first group).
--        As a job it takes `args: { file: PATH, top: 5, group: ID }`; see leaderboard.yaml.
--
-- Out:   the posted leaderboard. Equal scores have the same rank, so the list can be longer than TOP. Only
--        once a day: a second run posts and prints nothing.
local csv = require "jeton.csv"
local jeton = require "jeton"
local kaizala = require "kaizala"
local state = require "jeton.state"

local TOP = 5
local MEDALS = { "🥇", "🥈", "🥉" }

-- The rows of the file, with scores as numbers.
local function read_scores(path)
  local rows, lines = {}, {}
  for row, line in csv.rows(path, { columns = { "name", "score" } }) do
    local function fail(format, ...)
      error(("%s:%d: " .. format):format(path, line, ...), 0)
    end
    local first = lines[row.name]
    if row.name == "" then fail "the name is missing" end
    if first then fail("duplicate name '%s'; first in line %d", row.name, first) end
    lines[row.name] = line
    rows[#rows + 1] = row
    -- Only digits: tonumber would also accept "0x1F" and "1e999".
    row.points = row.score:find "^%s*[-+]?%d+%.?%d*%s*$" and tonumber(row.score)
    if not row.points then fail("the score must be a number such as 12 or 7.5, got '%s'", row.score) end
  end
  if #rows == 0 then error(path .. ": no scores below the first line", 0) end
  return rows
end

-- The best, each with its rank.
local function rank(rows, top)
  table.sort(rows, function(a, b)
    if a.points ~= b.points then return a.points > b.points end
    return a.name < b.name
  end)
  local best = {}
  for i, row in ipairs(rows) do
    local above = rows[i - 1]
    row.rank = above and above.points == row.points and above.rank or i
    if row.rank > top then break end
    best[i] = row
  end
  return best
end

-- " ▲2" after rising by two places.
local function movement(row, ranks)
  local before = ranks[row.name]
  if not before then return next(ranks) and " new" or "" end
  local up = before - row.rank
  return up > 0 and " ▲" .. up or up < 0 and " ▼" .. -up or ""
end

local args = jeton.args
local path = args.file or args[1] or jeton.folder .. "/data/scores.csv"
local top = math.tointeger(args.top or args[2] or TOP)
if not top or top < 1 then
  error("TOP must be a whole number of at least 1, got " .. tostring(args.top or args[2]), 0)
end

local best = rank(read_scores(path), top)
local today, last = os.date "%Y-%m-%d", state.get "last" or { ranks = {} }
if last.day == today then return end

local lines, ranks = {}, {}
for i, row in ipairs(best) do
  local place = MEDALS[row.rank] or row.rank .. "."
  lines[i] = ("%s %s: %s%s"):format(place, row.name, row.score, movement(row, last.ranks))
  ranks[row.name] = row.rank
end
local text = table.concat(lines, "\n")

local kz = kaizala.connect()
local id = args.group or args[3]
local group = id and kz:group(id) or kz:groups():next()
if not group then error("the connector has access to no group", 0) end
group:announce { title = "Leaderboard, " .. today, message = text }
state.set("last", { day = today, ranks = ranks })
print(text)
