-- A receiver of webhooks, in this process.
local server = require "jeton.server"

local receivers = {}

--- Starts one that echoes validationToken, as receivers do: the raw query, as text/html.
--- answer: what it says instead. Fields: url, seen (a list of requests), close().
---@param answer? fun(request: table, token: string|nil): table
function receivers.start(answer)
  local receiver = { seen = {} }
  local listener = assert(server.listen {
    handler = function(request)
      receiver.seen[#receiver.seen + 1] = request
      local token = (request.raw_query or ""):match "validationToken=([^&]*)"
      return answer and answer(request, token)
        or { headers = { ["Content-Type"] = "text/html" }, body = token or "" }
    end,
  })
  receiver.url = ("http://127.0.0.1:%d/hook"):format(listener.port)
  function receiver.close() listener:close() end
  return receiver
end

return receivers
