--- The token service.
local tokens = require "sandbox.tokens"

---@type sandbox.operation[]
return {
  {
    name = "token.exchange",
    method = "GET",
    path = "/accessToken",
    public = true,
    run = function(call)
      local headers = call.headers
      return tokens.exchange(call.world, call.now, headers.applicationid, headers.applicationsecret,
        headers.refreshtoken, headers.host)
    end,
  },
}
