--- The results for people.
local totals = require "test.totals"
local visible = require "jeton.test_host".visible

local people = {}

local SLOW_MS <const> = 1000
local SLOWEST_MAX <const> = 5 -- that are named

local SIGNS = {
  pass = { "✓", 32 },
  fail = { "✗", 31 },
  skip = { "–", 33 },
}

local function painted(color, code, text)
  return color and ("\27[%dm%s\27[0m"):format(code, text) or text
end

local function sign(status, color)
  return painted(color, SIGNS[status][2], SIGNS[status][1])
end

local function seconds(ms)
  return ms < 1000 and ("%d ms"):format(ms) or ("%.1f s"):format(ms / 1000)
end

local function counted(sums)
  local parts = {}
  for _, each in ipairs { { "pass", "passed" }, { "fail", "failed" }, { "skip", "skipped" } } do
    if sums[each[1]] > 0 then parts[#parts + 1] = ("%d %s"):format(sums[each[1]], each[2]) end
  end
  return #parts > 0 and table.concat(parts, ", ") or "no test"
end

--- The line of a file that has ended; with `tests`, each of them too.
---@return string
function people.file(file, color, tests)
  local sums = totals.of { file }
  local status = sums.fail > 0 and "fail" or sums.pass > 0 and "pass" or "skip"
  local path = visible(file.path)
  local lines = { ("%s %s  %s  %s"):format(sign(status, color), path, counted(sums), seconds(file.ms)) }
  for _, test in ipairs(tests and file.tests or {}) do
    local after = test.status == "skip" and visible(test.why or "skipped") or seconds(test.ms)
    lines[#lines + 1] = ("  %s %s  %s"):format(sign(test.status, color), visible(test.name), after)
  end
  for _, note in ipairs(file.notes) do lines[#lines + 1] = "  note: " .. visible(note) end
  return table.concat(lines, "\n") .. "\n"
end

local function failure_lines(file, test, color)
  local failure = test.failure
  local lines = { "", ("%s %s"):format(sign("fail", color), visible(test.name)) }
  local text = totals.lines(failure)
  local where = visible(failure.where or file.path) .. ": "
  if text[1]:sub(1, #where) ~= where then text[1] = where .. text[1] end
  for _, line in ipairs(text) do
    local code = line:match "^%s+%- " and 31 or line:match "^%s+%+ " and 32
    lines[#lines + 1] = "  " .. (code and painted(color, code, line) or line)
  end
  if failure.rerun then lines[#lines + 1] = "  again: " .. visible(failure.rerun) end
  return table.concat(lines, "\n") .. "\n"
end

local function slow_lines(files)
  local slow = {}
  totals.each(files, function(file, test)
    if test.line > 0 and test.ms > SLOW_MS then slow[#slow + 1] = { file = file, test = test } end
  end)
  table.sort(slow, function(a, b) return a.test.ms > b.test.ms end)
  local lines = {}
  for index = 1, math.min(#slow, SLOWEST_MAX) do
    local file, test = slow[index].file, slow[index].test
    lines[index] = ("slow: %s  %s:%d  %s\n"):format(seconds(test.ms), visible(file.path), test.line,
      visible(test.name))
  end
  return table.concat(lines)
end

--- What failed, what was slow, and the last line. quiet: of what is good, only that line.
---@return string
function people.ending(run, color, quiet)
  local parts = {}
  totals.each(run.files, function(file, test)
    if test.status == "fail" then parts[#parts + 1] = failure_lines(file, test, color) end
  end)
  local sums = totals.of(run.files)
  local last = ("%d passed, %d failed, %d skipped"):format(sums.pass, sums.fail, sums.skip)
  last = painted(color, sums.fail > 0 and 31 or 32, last) .. "\n"
  if quiet and sums.fail == 0 then return last end
  parts[#parts + 1] = #run.files > 0 and "\n" or ""
  parts[#parts + 1] = slow_lines(run.files)
  if run.left_out > 0 then
    local files = run.left_out == 1 and "file" or "files"
    parts[#parts + 1] = ("%d %s not run (--fail-fast)\n"):format(run.left_out, files)
  end
  parts[#parts + 1] = ("%d file%s, %s, seed %d\n"):format(#run.files, #run.files == 1 and "" or "s",
    seconds(run.ms), run.seed)
  parts[#parts + 1] = last
  return table.concat(parts)
end

return people
