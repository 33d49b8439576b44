-- luacheck: ignore 122 (fields of standard libraries are set on purpose)

--- What a test, and a script that it runs, find in the place of Lua's own functions: the test's clock.
local native = require "jeton.test_native"

local guard = {}

local time, date = os.time, os.date

function guard.install()
  function os.time(fields)
    if fields ~= nil then return time(fields) end
    return native.now() // 1000
  end

  function os.date(format, at)
    return date(format or "%c", at or os.time())
  end
end

return guard
