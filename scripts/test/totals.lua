--- What a run of tests comes to, for all reports.
local visible = require "jeton.test_host".visible

local totals = {}

--- A file that could not be run counts as one failed test.
---@param files test.file[]
function totals.of(files)
  local sums = { pass = 0, fail = 0, skip = 0, ms = 0 }
  for _, file in ipairs(files) do
    sums.ms = sums.ms + file.ms
    if file.broken then sums.fail = sums.fail + 1 end
    for _, test in ipairs(file.tests) do sums[test.status] = sums[test.status] + 1 end
  end
  return sums
end

--- Of each file the tests, after what broke the file as a whole.
function totals.each(files, fn)
  for _, file in ipairs(files) do
    if file.broken then
      fn(file, { name = "(the file)", line = 0, status = "fail", ms = file.ms, failure = file.broken })
    end
    for _, test in ipairs(file.tests) do fn(file, test) end
  end
end

--- A failure as lines: message, diff, requests, log, output. What would steer a terminal is visible.
---@return string[]
function totals.lines(failure)
  local lines = {}
  local function add(text, indent)
    for line in (tostring(text) .. "\n"):gmatch "(.-)\n" do
      lines[#lines + 1] = indent .. line:gsub("[^\t]+", visible)
    end
  end
  local function section(title, list)
    if not list or #list == 0 then return end
    lines[#lines + 1] = title
    for _, item in ipairs(list) do add(item, "  ") end
  end
  add(failure.message, "")
  if failure.diff then add(failure.diff, "  ") end
  if failure.traceback then add(failure.traceback, "  ") end
  section("last requests:", failure.requests)
  section("log:", failure.log)
  if failure.output then section("output:", { (failure.output:gsub("\n$", "")) }) end
  return lines
end

return totals
