local kz = require "kaizala".connect()
return kz ~= nil
