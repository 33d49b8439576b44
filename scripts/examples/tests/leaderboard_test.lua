-- Tests of leaderboard.lua, against a sandbox. Run: jeton test
local test = require "jeton.test"

local function scores(rows)
  local file <close> = assert(io.open("scores.csv", "w")) -- each test has a folder of its own
  file:write("name,score\n", rows)
end

local function run(t)
  return t:run("../leaderboard.lua", { args = { "scores.csv" } })
end

test("medals, and the next day who has moved", function(t)
  t:sandbox()
  scores "Ann,12\nBob,9.5\nCem,12\n"
  t:equal(run(t).stdout, "🥇 Ann: 12\n🥇 Cem: 12\n🥉 Bob: 9.5\n")
  t:equal(run(t).stdout, "") -- once a day
  scores "Ann,12\nBob,20\nDan,1\n"
  t:advance "1d"
  t:equal(run(t).stdout, "🥇 Bob: 20 ▲2\n🥈 Ann: 12 ▼1\n🥉 Dan: 1 new\n")
end)

test("a score that is none is named with its line, and nothing is posted", function(t)
  local kz = t:sandbox()
  scores "Ann,12\nBob,0x1F\n"
  t:like(run(t), {
    status = 1, message = "scores.csv:3: the score must be a number such as 12 or 7.5, got '0x1F'",
  })
  t:equal(kz:requests("*/actions"), {})
end)
