--- The results for other programs: TAP 14, JUnit, JSON.
local json = require "jeton.json"
local totals = require "test.totals"
local visible = require "jeton.test_host".visible

local reports = {}

local function tap_name(file, test)
  return (visible(file.path .. ": " .. test.name):gsub("[\\#]", "\\%0"))
end

function reports.tap(run)
  local lines, count = {}, 0
  totals.each(run.files, function(file, test)
    count = count + 1
    local ok = test.status == "fail" and "not ok" or "ok"
    local skip = test.status == "skip" and " # SKIP" .. (test.why and " " .. visible(test.why) or "") or ""
    lines[#lines + 1] = ("%s %d - %s%s"):format(ok, count, tap_name(file, test), skip)
    if test.status == "fail" then
      lines[#lines + 1] = "  ---"
      lines[#lines + 1] = "  at: " .. assert(json.encode(visible(test.failure.where or file.path)))
      lines[#lines + 1] = "  message: |"
      for _, line in ipairs(totals.lines(test.failure)) do lines[#lines + 1] = "    " .. line end
      lines[#lines + 1] = "  ..."
    end
  end)
  return ("TAP version 14\n1..%d\n%s"):format(count, table.concat(lines, "\n")) .. (count > 0 and "\n" or "")
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\n"] = "&#10;" }

--- XML 1.0 has no control characters, and shows some that it has.
local function xml(text)
  return (text:gsub('[&<>"\n]', ENTITIES):gsub("[%z\1-\8\11\12\14-\31\127]", "?")
    :gsub("\xC2[\x80-\x9F]", "?"):gsub("\u{FFFE}", "?"):gsub("\u{FFFF}", "?"))
end

local function junit_case(file, test)
  local head = ('    <testcase classname="%s" name="%s" file="%s" line="%d" time="%.3f"'):format(
    xml(file.path), xml(test.name), xml(file.path), test.line, test.ms / 1000)
  if test.status == "pass" then return head .. "/>" end
  if test.status == "skip" then
    local why = test.why and (' message="%s"'):format(xml(test.why)) or ""
    return ("%s>\n      <skipped%s/>\n    </testcase>"):format(head, why)
  end
  return ('%s>\n      <failure message="%s">%s</failure>\n    </testcase>'):format(head,
    xml(test.failure.message), xml((test.failure.where or file.path) .. "\n"
      .. table.concat(totals.lines(test.failure), "\n")))
end

function reports.junit(run)
  local function counts(files, ms)
    local sums = totals.of(files)
    return ('tests="%d" failures="%d" errors="0" skipped="%d" time="%.3f"'):format(
      sums.pass + sums.fail + sums.skip, sums.fail, sums.skip, ms / 1000)
  end
  local lines = {
    '<?xml version="1.0" encoding="UTF-8"?>',
    ("<testsuites %s>"):format(counts(run.files, run.ms)),
  }
  for _, file in ipairs(run.files) do
    lines[#lines + 1] = ('  <testsuite name="%s" %s>'):format(xml(file.path), counts({ file }, file.ms))
    totals.each({ file }, function(_, test) lines[#lines + 1] = junit_case(file, test) end)
    lines[#lines + 1] = "  </testsuite>"
  end
  lines[#lines + 1] = "</testsuites>\n"
  return table.concat(lines, "\n")
end

function reports.json(run)
  local sums, files = totals.of(run.files), {}
  for index, file in ipairs(run.files) do
    files[index] = {
      file = file.path,
      ms = file.ms,
      broken = file.broken,
      notes = #file.notes > 0 and file.notes or nil,
      tests = json.array(file.tests),
    }
  end
  return assert(json.encode({
    passed = sums.pass,
    failed = sums.fail,
    skipped = sums.skip,
    seed = run.seed,
    ms = run.ms,
    files = json.array(files),
  }, { indent = 2 })) .. "\n"
end

reports.KINDS = { "tap", "junit", "json" }

return reports
