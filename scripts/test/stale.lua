--- `jeton test --stale`: cassettes that were recorded long ago.
local cassettes = require "test.cassette_file"
local host = require "jeton.test_host"
local http = require "jeton.http"

local stale = {}

local DAY_MS <const> = 24 * 60 * 60 * 1000

---@return integer status
function stale.list(request)
  local now, status = os.time(), 0
  for _, path in ipairs(#request.paths > 0 and request.paths or { "." }) do
    local found, err = host.find(path, cassettes.SUFFIX)
    if not found then error(http.error { kind = "config", message = err.message }, 0) end
    for _, file in ipairs(found) do
      local at = cassettes.recorded(file.real)
      if not at then
        io.stderr:write(("%s: it does not say when it was recorded\n"):format(host.visible(file.path)))
        status = 3
      elseif (now - at) * 1000 >= request.stale_ms then
        local days = (now - at) * 1000 // DAY_MS
        io.write(("%s  recorded %s, %d day%s ago\n"):format(host.visible(file.path), os.date("%Y-%m-%d", at),
          days, days == 1 and "" or "s"))
      end
    end
  end
  return status
end

return stale
