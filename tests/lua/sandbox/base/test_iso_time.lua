-- The sandbox's parser of times, against os.time and against the SDK's, which shares no code with it.
local lu = require "luaunit"
local names = require "kaizala.names"
local iso_time = require "sandbox.base.iso_time"

collectgarbage "generational" -- all of it is Lua: stress.lua has nothing to find here

local TestIsoTime = {}

function TestIsoTime.test_days()
  -- os.time takes local time; tests run in UTC.
  for year = 1970, 2400, 5 do
    for month = 1, 12 do
      local at = os.time { year = year, month = month, day = 28, hour = 12 }
      lu.assertEquals(iso_time(("%04d-%02d-28T12:00:00Z"):format(year, month)), at)
    end
  end
end

function TestIsoTime.test_ends_of_months()
  for text, there in pairs {
    ["2023-02-28"] = true, ["2023-02-29"] = false, ["2024-02-29"] = true, ["2000-02-29"] = true,
    ["1900-02-29"] = false, ["2023-04-31"] = false, ["2023-12-31"] = true, ["2023-00-01"] = false,
    ["2023-13-01"] = false, ["2023-01-00"] = false, ["2023-01-32"] = false,
  } do
    lu.assertEquals(iso_time(text .. "T00:00Z") ~= nil, there, text)
  end
end

function TestIsoTime.test_forms()
  local at = 1530527400
  for text, expected in pairs {
    ["2018-07-02T10:30:00Z"] = at, ["2018-07-02 10:30"] = at, ["2018-07-02T10:30:00.999Z"] = at,
    ["2018-07-02T10:30:59"] = at + 59, ["2018-07-02T16:00:00+05:30"] = at, ["2018-07-02T16:00+0530"] = at,
    ["2018-07-02T08:30-02"] = at, ["1969-12-31T23:59:59Z"] = -1,
  } do
    lu.assertEquals(iso_time(text), expected, text)
  end
  for _, text in ipairs {
    "", "2018-07-02", "2018-07-02T10", "2018-07-02t10:30", "2018-07-02T24:00", "2018-07-02T10:60",
    "2018-07-02T10:30:60", "2018-07-02T10:30z", "2018-07-02T10:30+5", "2018-07-02T10:30+05:3",
    "2018-07-02T10:30.5", "18-07-02T10:30",
  } do
    lu.assertNil(iso_time(text), text)
  end
end

function TestIsoTime.test_the_sdk_agrees()
  for year = 0, 9999, 7 do
    for _, day in ipairs { "01-01", "02-28", "02-29", "02-30", "03-01", "06-31", "12-31" } do
      local text = ("%04d-%sT23:59:59+01:00"):format(year, day)
      lu.assertEquals(iso_time(text), names.iso_time(text), text)
    end
  end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestIsoTime", TestIsoTime } })
